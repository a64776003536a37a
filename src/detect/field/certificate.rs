//! Fields of the certificates that a session's sides showed.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Flow, Kind, Out, Spec, Value, many, one};
use crate::detect::value::Moment;
use crate::wire::registry;
use crate::x509::{Certificate, certificate::Parsed};

/// The fields of one side's certificates: the leaf under its ECS names, and every certificate of the chain.
macro_rules! certificates {
    ($side:literal, $chain:ident) => {
        &[
            one(concat!("tls.", $side, ".subject"), Kind::Text, |e| parsed(e.$chain.first()).and_then(subject)),
            one(concat!("tls.", $side, ".issuer"), Kind::Text, |e| parsed(e.$chain.first()).and_then(issuer)),
            one(concat!("tls.", $side, ".not_before"), Kind::Time, |e| parsed(e.$chain.first()).and_then(not_before)),
            one(concat!("tls.", $side, ".not_after"), Kind::Time, |e| parsed(e.$chain.first()).and_then(not_after)),
            one(concat!("tls.", $side, ".hash.md5"), Kind::Text, |e| e.$chain.first().map(|c| Value::hex(&c.md5))),
            one(concat!("tls.", $side, ".hash.sha1"), Kind::Text, |e| e.$chain.first().map(|c| Value::hex(&c.sha1))),
            one(concat!("tls.", $side, ".hash.sha256"), Kind::Text, |e| {
                e.$chain.first().map(|c| Value::hex(&c.sha256))
            }),
            one(concat!("tls.", $side, ".x509.version_number"), Kind::Integer, |e| {
                parsed(e.$chain.first()).map(|c| Value::Integer(c.version.into()))
            }),
            one(concat!("tls.", $side, ".x509.serial_number"), Kind::Text, |e| {
                parsed(e.$chain.first()).and_then(serial)
            }),
            one(concat!("tls.", $side, ".x509.subject.common_name"), Kind::Text, |e| {
                parsed(e.$chain.first())?.subject_common_name.as_deref().map(Value::text)
            }),
            one(concat!("tls.", $side, ".x509.subject.distinguished_name"), Kind::Text, |e| {
                parsed(e.$chain.first()).and_then(subject)
            }),
            one(concat!("tls.", $side, ".x509.issuer.common_name"), Kind::Text, |e| {
                parsed(e.$chain.first())?.issuer_common_name.as_deref().map(Value::text)
            }),
            one(concat!("tls.", $side, ".x509.issuer.distinguished_name"), Kind::Text, |e| {
                parsed(e.$chain.first()).and_then(issuer)
            }),
            one(concat!("tls.", $side, ".x509.not_before"), Kind::Time, |e| {
                parsed(e.$chain.first()).and_then(not_before)
            }),
            one(concat!("tls.", $side, ".x509.not_after"), Kind::Time, |e| {
                parsed(e.$chain.first()).and_then(not_after)
            }),
            many(concat!("tls.", $side, ".x509.alternative_names"), Kind::Text, |e, out| {
                parsed(e.$chain.first()).map_or(Flow::Continue(()), |c| alternative_names(c, out))
            }),
            one(concat!("tls.", $side, ".x509.public_key_algorithm"), Kind::Text, |e| {
                parsed(e.$chain.first()).and_then(public_key_algorithm)
            }),
            one(concat!("tls.", $side, ".x509.public_key_size"), Kind::Integer, |e| {
                parsed(e.$chain.first()).and_then(public_key_size)
            }),
            one(concat!("tls.", $side, ".x509.public_key_curve"), Kind::Text, |e| {
                parsed(e.$chain.first()).and_then(public_key_curve)
            }),
            one(concat!("tls.", $side, ".x509.signature_algorithm"), Kind::Text, |e| {
                parsed(e.$chain.first()).and_then(signature_algorithm)
            }),
            many(concat!("tlsight.", $side, ".chain.subject"), Kind::Text, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c)).and_then(subject)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.issuer"), Kind::Text, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c)).and_then(issuer)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.serial"), Kind::Text, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c)).and_then(serial)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.md5"), Kind::Text, |e, out| {
                e.$chain.iter().map(|c| Value::hex(&c.md5)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.sha1"), Kind::Text, |e, out| {
                e.$chain.iter().map(|c| Value::hex(&c.sha1)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.sha256"), Kind::Text, |e, out| {
                e.$chain.iter().map(|c| Value::hex(&c.sha256)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.not_before"), Kind::Time, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c)).and_then(not_before)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.not_after"), Kind::Time, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c)).and_then(not_after)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.public_key_algorithm"), Kind::Text, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c)).and_then(public_key_algorithm)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.public_key_size"), Kind::Integer, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c)).and_then(public_key_size)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.public_key_curve"), Kind::Text, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c)).and_then(public_key_curve)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.signature_algorithm"), Kind::Text, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c)).and_then(signature_algorithm)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.alternative_names"), Kind::Text, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c))).try_for_each(|c| alternative_names(c, out))
            }),
            many(concat!("tlsight.", $side, ".chain.is_ca"), Kind::Bool, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c))?.is_ca.map(Value::Bool)).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.self_issued"), Kind::Bool, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c)).map(|c| Value::Bool(c.self_issued))).try_for_each(out)
            }),
            many(concat!("tlsight.", $side, ".chain.malformed"), Kind::Bool, |e, out| {
                e.$chain.iter().filter(|c| c.is_irregular()).map(|_| Value::Bool(true)).try_for_each(out)
            }),
            #[cfg(feature = "ja4plus")]
            many(concat!("tlsight.", $side, ".chain.ja4x"), Kind::Text, |e, out| {
                e.$chain.iter().filter_map(|c| parsed(Some(c))?.ja4x.map(Value::shown)).try_for_each(out)
            }),
        ]
    };
}

pub(super) const OF_CLIENT: &[Spec] = certificates!("client", client_chain);
pub(super) const OF_SERVER: &[Spec] = certificates!("server", server_chain);

pub(super) fn parsed(certificate: Option<&Arc<Certificate>>) -> Option<&Parsed> {
    certificate?.parsed.as_ref().ok()
}

pub(super) fn subject(certificate: &Parsed) -> Option<Value<'_>> {
    certificate.subject.as_deref().filter(|name| !name.is_empty()).map(Value::text)
}

pub(super) fn issuer(certificate: &Parsed) -> Option<Value<'_>> {
    certificate.issuer.as_deref().filter(|name| !name.is_empty()).map(Value::text)
}

/// The number in hex without its sign octet, as other tools print serial numbers.
pub(super) fn serial(certificate: &Parsed) -> Option<Value<'_>> {
    match &*certificate.serial {
        [] => None,
        [0, magnitude @ ..] if !magnitude.is_empty() => Some(Value::upper_hex(magnitude)),
        whole => Some(Value::upper_hex(whole)),
    }
}

fn not_before(certificate: &Parsed) -> Option<Value<'_>> {
    certificate.not_before.and_then(date)
}

fn not_after(certificate: &Parsed) -> Option<Value<'_>> {
    certificate.not_after.and_then(date)
}

/// A year that RFC 3339 cannot write is no date.
pub(super) fn date(seconds: i64) -> Option<Value<'static>> {
    (YEAR_0..YEAR_10000).contains(&seconds).then_some(Value::Time(Moment::of_seconds(seconds)))
}

fn public_key_algorithm(certificate: &Parsed) -> Option<Value<'_>> {
    let oid = &certificate.key.as_ref()?.algorithm;
    Some(Value::text(registry::public_key_algorithm(oid).unwrap_or(oid)))
}

fn public_key_size(certificate: &Parsed) -> Option<Value<'_>> {
    certificate.key.as_ref()?.bits.map(|bits| Value::Integer(bits.into()))
}

fn public_key_curve(certificate: &Parsed) -> Option<Value<'_>> {
    certificate.key.as_ref()?.curve.as_deref().map(|oid| Value::text(registry::curve(oid).unwrap_or(oid)))
}

fn signature_algorithm(certificate: &Parsed) -> Option<Value<'_>> {
    let oid = certificate.signature_algorithm.as_deref()?;
    Some(Value::text(registry::signature_algorithm(oid).unwrap_or(oid)))
}

pub(super) fn alternative_names<'e>(certificate: &'e Parsed, out: Out<'_, 'e>) -> Flow {
    let texts = [&certificate.dns_names, &certificate.email_addresses, &certificate.uris];
    let texts = texts.into_iter().flatten().filter(|name| !name.is_empty());
    texts.map(|name| Value::Text(Cow::from(name))).try_for_each(&mut *out)?;
    certificate.ip_addresses.iter().map(Value::shown).try_for_each(out)
}

/// Seconds from 1970 to the first moment of the year 0, and to that of 10000.
const YEAR_0: i64 = -62_167_219_200;
const YEAR_10000: i64 = 253_402_300_800;
