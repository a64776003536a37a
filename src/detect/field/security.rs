//! Fields of what a session's certificates and its choices are worth.

use super::{Kind, Spec, Value, many, one};
use crate::detect::value::Moment;
use crate::event::{Chain, Event, Staple};

pub(super) const SECURITY: &[Spec] = &[
    one("tlsight.security.grade", Kind::Text, |e| Some(Value::text(&e.security.posture.as_deref()?.grade))),
    one("tlsight.security.forward_secrecy", Kind::Bool, |e| {
        e.security.posture.as_deref()?.forward_secrecy.map(Value::Bool)
    }),
    one("tlsight.security.post_quantum", Kind::Bool, |e| {
        e.security.posture.as_ref().and_then(|_| e.handshake.is_post_quantum()).map(Value::Bool)
    }),
    many("tlsight.security.weaknesses", Kind::Text, |e, out| {
        let weaknesses = e.security.posture.iter().flat_map(|posture| &posture.weaknesses);
        weaknesses.map(|weakness| Value::text(&weakness.name)).try_for_each(out)
    }),
    many("tlsight.security.reasons", Kind::Text, |e, out| {
        let weaknesses = e.security.posture.iter().flat_map(|posture| &posture.weaknesses);
        weaknesses.map(|weakness| Value::text(&weakness.reason)).try_for_each(out)
    }),
    one("tlsight.security.chain.status", Kind::Text, |e| {
        e.security.server_chain.map(|chain| Value::text(chain.as_str()))
    }),
    many("tlsight.security.chain.problems", Kind::Text, |e, out| problems(e.security.server_chain).try_for_each(out)),
    one("tlsight.security.chain.name_match", Kind::Text, |e| {
        e.security.server_chain?.verdict()?.name.map(|name| Value::text(name.as_str()))
    }),
    one("tlsight.security.client_chain.status", Kind::Text, |e| {
        e.security.client_chain.map(|chain| Value::text(chain.as_str()))
    }),
    many("tlsight.security.client_chain.problems", Kind::Text, |e, out| {
        problems(e.security.client_chain).try_for_each(out)
    }),
    one("tlsight.security.ocsp.status", Kind::Text, |e| {
        staple(e)?.answer.certificate.map(|status| Value::text(status.as_str()))
    }),
    one("tlsight.security.ocsp.reason", Kind::Text, |e| staple(e)?.reason().map(Value::text)),
    one("tlsight.security.ocsp.revoked_at", Kind::Time, |e| staple(e)?.revoked_at().map(time)),
    one("tlsight.security.ocsp.produced_at", Kind::Time, |e| staple(e)?.answer.produced_at.map(time)),
    one("tlsight.security.ocsp.this_update", Kind::Time, |e| staple(e)?.answer.this_update.map(time)),
    one("tlsight.security.ocsp.next_update", Kind::Time, |e| staple(e)?.answer.next_update.map(time)),
    one("tlsight.security.ocsp.freshness", Kind::Text, |e| Some(Value::text(staple(e)?.judgement.freshness.as_str()))),
    one("tlsight.security.ocsp.signer", Kind::Text, |e| Some(Value::text(staple(e)?.judgement.signer.as_str()))),
    one("tlsight.security.ocsp.malformed", Kind::Bool, |e| staple(e)?.answer.malformed.then_some(Value::Bool(true))),
    one("tlsight.security.sct.certificate", Kind::Integer, |e| {
        e.security.timestamps.certificate.map(|count| Value::Integer(count.into()))
    }),
    one("tlsight.security.sct.staple", Kind::Integer, |e| {
        e.security.timestamps.staple.map(|count| Value::Integer(count.into()))
    }),
];

fn problems<'e>(chain: Option<Chain>) -> impl Iterator<Item = Value<'e>> {
    let verdict = chain.and_then(Chain::verdict);
    verdict.into_iter().flat_map(|verdict| verdict.problems.iter()).map(|problem| Value::text(problem.as_str()))
}

fn staple(event: &Event) -> Option<&Staple> {
    event.security.staple.as_deref()
}

fn time<'e>(seconds: i64) -> Value<'e> {
    Value::Time(Moment::of_seconds(seconds))
}
