//! Fields of how the handshake went.

use super::{Kind, Spec, Value, codes, many, named, one};
use crate::event::{Agreement, DiffieHellman, Event, Failure, KeyExchange};
use crate::tls::OuterHello;
use crate::wire::registry;

pub(super) const HANDSHAKE: &[Spec] = &[
    one("tlsight.handshake.hello_retry", Kind::Bool, |e| e.hello_retry().map(Value::Bool)),
    one("tlsight.handshake.retry.group", Kind::Code, |e| e.handshake.retry.as_ref()?.group.map(Value::Code)),
    one("tlsight.handshake.retry.cookie", Kind::Bool, |e| {
        e.handshake.retry.as_ref().map(|retry| Value::Bool(retry.cookie))
    }),
    many("tlsight.handshake.retry.added", Kind::Code, |e, out| {
        codes(e.handshake.retry.as_ref().map(|retry| &*retry.added), out)
    }),
    many("tlsight.handshake.retry.removed", Kind::Code, |e, out| {
        codes(e.handshake.retry.as_ref().map(|retry| &*retry.removed), out)
    }),
    many("tlsight.handshake.retry.changed", Kind::Code, |e, out| {
        codes(e.handshake.retry.as_ref().map(|retry| &*retry.changed), out)
    }),
    one("tlsight.handshake.resumption", Kind::Text, |e| e.handshake.resumption.map(|how| Value::text(how.as_str()))),
    many("tlsight.handshake.resumption_offered", Kind::Text, |e, out| {
        e.handshake.resumption_offered.iter().map(|way| Value::text(way.as_str())).try_for_each(out)
    }),
    one("tlsight.handshake.early_data", Kind::Text, |e| e.handshake.early_data.map(|fate| Value::text(fate.as_str()))),
    one("tlsight.handshake.round_trips", Kind::Integer, |e| e.handshake.round_trips.map(number)),
    one("tlsight.handshake.client_auth", Kind::Bool, |e| e.client_auth_requested().map(Value::Bool)),
    one("tlsight.handshake.client_certificate", Kind::Text, |e| {
        e.handshake.client_certificate.map(|answer| Value::text(answer.as_str()))
    }),
    one("tlsight.handshake.ocsp_requested", Kind::Bool, |e| e.ocsp_requested().map(Value::Bool)),
    one("tlsight.handshake.ocsp_stapled", Kind::Bool, |e| e.ocsp_stapled().map(Value::Bool)),
    one("tlsight.handshake.sct_count", Kind::Integer, |e| e.timestamp_count().map(number)),
    one("tlsight.handshake.ech.status", Kind::Text, |e| e.handshake.ech.map(|ech| Value::text(ech.as_str()))),
    one("tlsight.handshake.ech.reason", Kind::Text, |e| e.handshake.ech?.reason().map(Value::text)),
    one("tlsight.handshake.ech.config_id", Kind::Integer, |e| outer(e).map(|outer| number(outer.config_id))),
    one("tlsight.handshake.ech.kdf", Kind::Code, |e| outer(e).map(|outer| Value::Code(outer.kdf))),
    one("tlsight.handshake.ech.aead", Kind::Code, |e| outer(e).map(|outer| Value::Code(outer.aead))),
    one("tlsight.handshake.ech.enc_length", Kind::Integer, |e| outer(e).map(|outer| number(outer.enc_length))),
    one("tlsight.handshake.ech.payload_length", Kind::Integer, |e| outer(e).map(|outer| number(outer.payload_length))),
    one("tlsight.handshake.post_quantum", Kind::Bool, |e| e.handshake.is_post_quantum().map(Value::Bool)),
    one("tlsight.handshake.renegotiation_info", Kind::Text, |e| e.renegotiation_info().map(agreement)),
    one("tlsight.handshake.extended_master_secret", Kind::Text, |e| e.extended_master_secret().map(agreement)),
    one("tlsight.handshake.compression", Kind::Text, |e| {
        registry::compression_method(e.compression()?).map(Value::text)
    }),
    one("tlsight.handshake.signature_scheme", Kind::Text, |e| {
        e.handshake.signature_scheme.map(|scheme| named(scheme, registry::signature_scheme))
    }),
    one("tlsight.handshake.client_signature_scheme", Kind::Text, |e| {
        e.handshake.client_signature_scheme.map(|scheme| named(scheme, registry::signature_scheme))
    }),
    one("tlsight.handshake.dh.prime_bits", Kind::Integer, |e| dh(e).map(|dh| number(dh.prime_bits))),
    one("tlsight.handshake.dh.group", Kind::Text, |e| dh(e)?.group.map(Value::text)),
    one("tlsight.handshake.dh.prime_sha256", Kind::Text, |e| dh(e).map(|dh| Value::hex(&dh.prime_sha256))),
    one("tlsight.handshake.dh.public_sha256", Kind::Text, |e| dh(e).map(|dh| Value::hex(&dh.public_sha256))),
    one("tlsight.handshake.rsa_bits", Kind::Integer, |e| exchange(e)?.rsa_bits.map(number)),
    one("tlsight.handshake.new_session_ticket", Kind::Bool, |e| e.new_session_ticket().map(Value::Bool)),
    one("tlsight.handshake.hello_verify", Kind::Bool, |e| e.hello_verify().map(Value::Bool)),
    one("tlsight.handshake.alert.from", Kind::Text, |e| {
        e.handshake.alert.map(|alert| Value::text(alert.from.as_str()))
    }),
    one("tlsight.handshake.alert.level", Kind::Integer, |e| e.handshake.alert.map(|alert| number(alert.level))),
    one("tlsight.handshake.alert.description", Kind::Integer, |e| {
        e.handshake.alert.map(|alert| number(alert.description))
    }),
    one("tlsight.handshake.alert.name", Kind::Text, |e| {
        registry::alert_description(e.handshake.alert?.description).map(Value::text)
    }),
    many("tlsight.handshake.alerts.from", Kind::Text, |e, out| {
        e.handshake.alerts.iter().map(|alert| Value::text(alert.from.as_str())).try_for_each(out)
    }),
    many("tlsight.handshake.alerts.level", Kind::Integer, |e, out| {
        e.handshake.alerts.iter().map(|alert| number(alert.level)).try_for_each(out)
    }),
    many("tlsight.handshake.alerts.description", Kind::Integer, |e, out| {
        e.handshake.alerts.iter().map(|alert| number(alert.description)).try_for_each(out)
    }),
    many("tlsight.handshake.alerts.name", Kind::Text, |e, out| {
        let names = e.handshake.alerts.iter().filter_map(|alert| registry::alert_description(alert.description));
        names.map(Value::text).try_for_each(out)
    }),
    one("tlsight.handshake.failure", Kind::Text, |e| e.handshake.failure.and_then(Failure::cause).map(Value::text)),
    one("tlsight.handshake.latency", Kind::Integer, |e| e.handshake.hello_latency.map(nanoseconds)),
    one("tlsight.handshake.duration", Kind::Integer, |e| e.handshake.duration.map(nanoseconds)),
    one("tlsight.handshake.tcp.server_latency", Kind::Integer, |e| e.handshake.tcp.server.map(nanoseconds)),
    one("tlsight.handshake.tcp.client_latency", Kind::Integer, |e| e.handshake.tcp.client.map(nanoseconds)),
    one("tlsight.handshake.tcp.round_trip", Kind::Integer, |e| e.handshake.tcp.round_trip().map(nanoseconds)),
];

fn outer(event: &Event) -> Option<OuterHello> {
    event.outer_hello()
}

fn exchange(event: &Event) -> Option<&KeyExchange> {
    event.handshake.key_exchange.as_deref()
}

fn dh(event: &Event) -> Option<&DiffieHellman> {
    exchange(event)?.dh.as_ref()
}

fn agreement(agreement: Agreement) -> Value<'static> {
    Value::text(agreement.as_str())
}

fn number(number: impl Into<i64>) -> Value<'static> {
    Value::Integer(number.into())
}

fn nanoseconds(nanos: u64) -> Value<'static> {
    Value::Integer(i64::try_from(nanos).unwrap_or(i64::MAX))
}
