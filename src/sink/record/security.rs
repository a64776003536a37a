//! `tlsight.security`: what a session's certificates and its choices are worth.

use serde::Serialize;

use super::shared::Shared;
use crate::event::{self, Event, Posture, Staple};
use crate::sink::forms::{Date, Each};
use crate::sink::json::Text;
use crate::x509::ocsp::CertificateStatus;
use crate::x509::verify::{ChainVerdict, Problem};

#[derive(Serialize)]
pub struct SecurityRecord<'a> {
    /// [`Members`]
    #[serde(rename = "")]
    posture: Option<Text<'a>>,
    /// [`Findings`]
    #[serde(rename = "")]
    findings: Text<'a>,
    ocsp: Option<Ocsp>,
}

/// What was found, as far as few words suffice for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Findings {
    post_quantum: Option<bool>,
    server_chain: Option<event::Chain>,
    client_chain: Option<event::Chain>,
    timestamps: event::Timestamps,
}

/// The members that [`Findings`] give.
#[derive(Serialize)]
struct FindingsRecord {
    post_quantum: Option<bool>,
    chain: ChainRecord,
    client_chain: ChainRecord,
    sct: Scts,
}

impl<'a> SecurityRecord<'a> {
    pub fn of(event: &'a Event, shared: &'a Shared) -> Self {
        let security = &event.security;
        Self { posture: shared.posture(), findings: shared.findings(), ocsp: security.staple.as_deref().map(Ocsp::of) }
    }
}

impl Findings {
    pub fn of(event: &Event) -> Self {
        let security = &event.security;
        Self {
            post_quantum: security.posture.as_ref().and_then(|_| event.handshake.is_post_quantum()),
            server_chain: security.server_chain,
            client_chain: security.client_chain,
            timestamps: security.timestamps,
        }
    }
}

impl Serialize for Findings {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FindingsRecord {
            post_quantum: self.post_quantum,
            chain: ChainRecord::of(self.server_chain),
            client_chain: ChainRecord::of(self.client_chain),
            sct: Scts { certificate: self.timestamps.certificate, staple: self.timestamps.staple },
        }
        .serialize(serializer)
    }
}

/// What sessions of the same kind share.
#[derive(Serialize)]
pub struct Members<'a> {
    grade: &'a str,
    forward_secrecy: Option<bool>,
    weaknesses: Each<'a, event::Weakness, &'a str>,
    reasons: Each<'a, event::Weakness, &'a str>,
}

impl<'a> Members<'a> {
    pub fn of(posture: &'a Posture) -> Self {
        Self {
            grade: &posture.grade,
            forward_secrecy: posture.forward_secrecy,
            weaknesses: Each(&posture.weaknesses, |weakness| &weakness.name),
            reasons: Each(&posture.weaknesses, |weakness| &weakness.reason),
        }
    }
}

#[derive(Serialize)]
struct ChainRecord {
    status: Option<&'static str>,
    problems: Problems,
    /// Of the server's alone: whether the certificate is for the name that was asked for, and where the name stands.
    name_match: Option<&'static str>,
}

impl ChainRecord {
    fn of(chain: Option<event::Chain>) -> Self {
        let verdict = chain.and_then(event::Chain::verdict);
        Self {
            status: chain.map(event::Chain::as_str),
            problems: Problems(verdict),
            name_match: verdict.and_then(|verdict| verdict.name).map(|name| name.as_str()),
        }
    }
}

/// All problems, the status first.
struct Problems(Option<ChainVerdict>);

impl Serialize for Problems {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().flat_map(|verdict| verdict.problems.iter()).map(Problem::as_str))
    }
}

/// `tlsight.security.ocsp`: what the stapled answer says, and what it counts for.
#[derive(Serialize)]
struct Ocsp {
    status: Option<&'static str>,
    reason: Option<&'static str>,
    revoked_at: Option<Date>,
    produced_at: Option<Date>,
    this_update: Option<Date>,
    next_update: Option<Date>,
    freshness: &'static str,
    signer: &'static str,
    malformed: Option<bool>,
}

impl Ocsp {
    fn of(staple: &Staple) -> Self {
        let Staple { answer, judgement } = staple;
        Self {
            status: answer.certificate.map(CertificateStatus::as_str),
            reason: staple.reason(),
            revoked_at: staple.revoked_at().map(Date),
            produced_at: answer.produced_at.map(Date),
            this_update: answer.this_update.map(Date),
            next_update: answer.next_update.map(Date),
            freshness: judgement.freshness.as_str(),
            signer: judgement.signer.as_str(),
            malformed: answer.malformed.then_some(true),
        }
    }
}

/// `tlsight.security.sct`: signed certificate timestamps by where they came from; those of the ServerHello's extension are
/// counted in `tlsight.handshake.sct_count`.
#[derive(Serialize)]
struct Scts {
    certificate: Option<u32>,
    staple: Option<u32>,
}
