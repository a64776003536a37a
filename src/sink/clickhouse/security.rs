//! What a session's certificates and its choices are worth, as columns.
//!
//! In: an event. Out: values of columns; not known: empty, or nothing.

use super::chain::is_date;
use crate::event::{self, Event};
use crate::x509::ocsp::CertificateStatus;
use crate::x509::verify::Problem;

#[derive(Debug, Default)]
pub(super) struct Security<'a> {
    pub grade: &'a str,
    pub weaknesses: Vec<&'a str>,
    pub reasons: Vec<&'a str>,
    pub forward_secrecy: Option<bool>,
    pub post_quantum: Option<bool>,
    pub chain_status: &'a str,
    pub chain_problems: Vec<&'a str>,
    pub name_match: &'a str,
    pub client_chain_status: &'a str,
    pub client_chain_problems: Vec<&'a str>,
}

impl<'a> Security<'a> {
    pub fn of(event: &'a Event) -> Self {
        let security = &event.security;
        let posture = security.posture.as_deref();
        let weaknesses = posture.map(|posture| &*posture.weaknesses).unwrap_or_default();
        let status = |chain: Option<event::Chain>| chain.map(event::Chain::as_str).unwrap_or_default();
        let verdict = |chain: Option<event::Chain>| chain.and_then(event::Chain::verdict);
        let problems = |chain| {
            let problems = verdict(chain).into_iter().flat_map(|verdict| verdict.problems.iter());
            problems.map(Problem::as_str).collect()
        };
        let name = verdict(security.server_chain).and_then(|verdict| verdict.name);
        Self {
            grade: posture.map(|posture| &*posture.grade).unwrap_or_default(),
            weaknesses: weaknesses.iter().map(|weakness| &*weakness.name).collect(),
            reasons: weaknesses.iter().map(|weakness| &*weakness.reason).collect(),
            forward_secrecy: posture.and_then(|posture| posture.forward_secrecy),
            post_quantum: posture.and_then(|_| event.handshake.is_post_quantum()),
            chain_status: status(security.server_chain),
            chain_problems: problems(security.server_chain),
            name_match: name.map(|name| name.as_str()).unwrap_or_default(),
            client_chain_status: status(security.client_chain),
            client_chain_problems: problems(security.client_chain),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Staple<'a> {
    pub status: &'a str,
    pub reason: &'a str,
    pub revoked_at: Option<i64>,
    pub produced_at: Option<i64>,
    pub this_update: Option<i64>,
    pub next_update: Option<i64>,
    pub freshness: &'a str,
    pub signer: &'a str,
    pub malformed: Option<bool>,
}

impl Staple<'_> {
    pub fn of(staple: Option<&event::Staple>) -> Self {
        let Some(staple) = staple else { return Self::default() };
        let event::Staple { answer, judgement } = staple;
        let date = |at: Option<i64>| at.filter(|&at| is_date(at));
        Self {
            status: answer.certificate.map(CertificateStatus::as_str).unwrap_or_default(),
            reason: staple.reason().unwrap_or_default(),
            revoked_at: date(staple.revoked_at()),
            produced_at: date(answer.produced_at),
            this_update: date(answer.this_update),
            next_update: date(answer.next_update),
            freshness: judgement.freshness.as_str(),
            signer: judgement.signer.as_str(),
            malformed: answer.malformed.then_some(true),
        }
    }
}
