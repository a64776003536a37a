//! The names that Zeek has in its `ssl` and `x509` logs for what an event says, so that rules for those run as they are.
//!
//! Where Zeek spells a value in another way, the values here are in its spelling: `TLSv12`, `sha256WithRSAEncryption`. The
//! fields of `ssl.log` speak of a session; those of `x509.log` of one certificate, whoever showed it. Source: the log
//! documentation of Zeek 8 (`SSL::Info`, `X509::Info`, policy scripts `validate-certs`, `ssl-log-ext`).

use super::bytes;
use super::certificate::{self, alternative_names, date, issuer, parsed, subject};
use super::{
    Flow, Kind, Origin, Out, Read, Shown, Spec, Value, codes, hello, many, named, one, prints, shape_of_server,
    small_codes,
};
use crate::event::{Event, Side};
use crate::wire::registry;
use crate::x509::certificate::Parsed;

pub(super) const ALIASES: &[Spec] = &[
    one("ts", Kind::Time, |e| Some(Value::Time(e.timestamp.into()))),
    one("uid", Kind::Text, |e| Some(Value::hex(&e.id))),
    one("id.orig_h", Kind::Ip, |e| Some(Value::Ip(e.client.ip))),
    one("id.orig_p", Kind::Integer, |e| Some(Value::Integer(e.client.port.into()))),
    one("id.resp_h", Kind::Ip, |e| Some(Value::Ip(e.server.ip))),
    one("id.resp_p", Kind::Integer, |e| Some(Value::Integer(e.server.port.into()))),
    one("version", Kind::Text, version),
    one("cipher", Kind::Text, |e| shape_of_server(e).map(|s| named(s.cipher_suite, registry::cipher_suite))),
    one("curve", Kind::Text, |e| e.handshake.group.map(|group| named(group, registry::group))),
    one("server_name", Kind::Text, |e| bytes(e.server_name()?)),
    one("resumed", Kind::Bool, |e| {
        e.handshake.resumption.map(|how| Value::Bool(how != crate::event::Resumption::None))
    }),
    one("established", Kind::Bool, |e| Some(Value::Bool(e.handshake.established))),
    one("last_alert", Kind::Text, |e| {
        let last = e.handshake.alerts.last().copied().or(e.handshake.alert)?;
        registry::alert_description(last.description).map(Value::text)
    }),
    one("next_protocol", Kind::Text, |e| bytes(shape_of_server(e)?.alpn.as_deref()?)),
    one("subject", Kind::Text, |e| parsed(e.server_chain.first()).and_then(subject)),
    one("issuer", Kind::Text, |e| parsed(e.server_chain.first()).and_then(issuer)),
    one("client_subject", Kind::Text, |e| parsed(e.client_chain.first()).and_then(subject)),
    one("client_issuer", Kind::Text, |e| parsed(e.client_chain.first()).and_then(issuer)),
    many("cert_chain_fps", Kind::Text, |e, out| e.server_chain.iter().map(|c| Value::hex(&c.sha256)).try_for_each(out)),
    many("client_cert_chain_fps", Kind::Text, |e, out| {
        e.client_chain.iter().map(|c| Value::hex(&c.sha256)).try_for_each(out)
    }),
    one("sni_matches_cert", Kind::Bool, |e| {
        let name = e.security.server_chain?.verdict()?.name?;
        Some(Value::Bool(name != crate::x509::verify::NameMatch::None))
    }),
    many("validation_status", Kind::Text, |e, out| {
        validation(e).iter().map(|text| Value::text(text)).try_for_each(out)
    }),
    one("ocsp_status", Kind::Text, |e| {
        e.security.staple.as_deref()?.answer.certificate.map(|status| Value::text(status.as_str()))
    }),
    one("ja3", Kind::Text, |e| prints(e)?.ja3.map(|ja3| Value::hex(&ja3.0))),
    one("ja3s", Kind::Text, |e| shape_of_server(e)?.prints.as_ref().map(|prints| Value::hex(&prints.ja3s.0))),
    one("ja4", Kind::Text, |e| prints(e).map(|prints| Value::text(prints.ja4.as_str()))),
    #[cfg(feature = "ja4plus")]
    one("ja4s", Kind::Text, |e| shape_of_server(e)?.prints.as_ref().map(|prints| Value::text(prints.ja4s.as_str()))),
    // policy/protocols/ssl/ssl-log-ext: numbers of the wire, decimal as everywhere in Zeek or 0xNNNN.
    one("server_version", Kind::Code, |e| shape_of_server(e).map(|shape| Value::Code(shape.legacy_version))),
    one("client_version", Kind::Code, |e| hello(e).map(|hello| Value::Code(hello.legacy_version))),
    many("client_ciphers", Kind::Code, |e, out| codes(hello(e).map(|h| &*h.cipher_suites), out)),
    many("ssl_client_exts", Kind::Code, |e, out| codes(hello(e).and_then(|h| h.extensions.as_deref()), out)),
    many("ssl_server_exts", Kind::Code, |e, out| {
        codes(shape_of_server(e).and_then(|shape| shape.extensions.as_deref()), out)
    }),
    one("dh_param_size", Kind::Integer, |e| {
        Some(Value::Integer(e.handshake.key_exchange.as_deref()?.dh.as_ref()?.prime_bits.into()))
    }),
    many("point_formats", Kind::Code, |e, out| small_codes(hello(e).map(|h| &*h.point_formats), out)),
    many("client_curves", Kind::Code, |e, out| codes(hello(e).map(|h| &*h.supported_groups), out)),
    many("orig_alpn", Kind::Text, |e, out| {
        let names = hello(e).map_or(&[][..], |hello| &hello.alpn);
        names.iter().filter_map(|name| bytes(name)).try_for_each(out)
    }),
    many("client_supported_versions", Kind::Code, |e, out| codes(hello(e).map(|h| &*h.supported_versions), out)),
    one("server_supported_version", Kind::Code, |e| shape_of_server(e).map(|shape| Value::Code(shape.version))),
    many("psk_key_exchange_modes", Kind::Code, |e, out| small_codes(hello(e).map(|h| &*h.psk_modes), out)),
    many("client_key_share_groups", Kind::Code, |e, out| codes(hello(e).map(|h| &*h.key_shares), out)),
    one("server_key_share_group", Kind::Code, |e| shape_of_server(e)?.key_share.map(Value::Code)),
    many("client_comp_methods", Kind::Code, |e, out| small_codes(hello(e).map(|h| &*h.compression_methods), out)),
    one("comp_method", Kind::Code, |e| shape_of_server(e).map(|shape| Value::Code(shape.compression_method.into()))),
    // x509.log
    of_certificate("fingerprint", Kind::Text, |shown, out| out(Value::hex(&shown.certificate.sha256))),
    of_certificate("host_cert", Kind::Bool, |shown, out| out(Value::Bool(shown.side == Side::Server))),
    of_certificate("client_cert", Kind::Bool, |shown, out| out(Value::Bool(shown.side == Side::Client))),
    of_certificate("certificate.version", Kind::Integer, |shown, out| {
        tell(shown, out, |c| Some(Value::Integer(c.version.into())))
    }),
    of_certificate("certificate.serial", Kind::Text, serial),
    of_certificate("certificate.subject", Kind::Text, |shown, out| tell(shown, out, subject)),
    of_certificate("certificate.issuer", Kind::Text, |shown, out| tell(shown, out, issuer)),
    of_certificate("certificate.cn", Kind::Text, |shown, out| {
        tell(shown, out, |c| c.subject_common_name.as_deref().map(Value::text))
    }),
    of_certificate("certificate.not_valid_before", Kind::Time, |shown, out| {
        tell(shown, out, |c| c.not_before.and_then(date))
    }),
    of_certificate("certificate.not_valid_after", Kind::Time, |shown, out| {
        tell(shown, out, |c| c.not_after.and_then(date))
    }),
    of_certificate("certificate.key_alg", Kind::Text, |shown, out| {
        tell(shown, out, |c| c.key.as_ref().map(|key| long_name(KEYS, &key.algorithm)))
    }),
    of_certificate("certificate.key_type", Kind::Text, |shown, out| {
        tell(shown, out, |c| c.key.as_ref().map(|key| key_type(&key.algorithm)))
    }),
    of_certificate("certificate.key_length", Kind::Integer, |shown, out| {
        tell(shown, out, |c| c.key.as_ref()?.bits.map(|bits| Value::Integer(bits.into())))
    }),
    of_certificate("certificate.exponent", Kind::Text, |shown, out| {
        tell(shown, out, |c| c.key.as_ref()?.exponent.map(Value::shown))
    }),
    of_certificate("certificate.curve", Kind::Text, |shown, out| {
        tell(shown, out, |c| c.key.as_ref()?.curve.as_deref().map(|oid| long_name(CURVES, oid)))
    }),
    of_certificate("certificate.sig_alg", Kind::Text, |shown, out| {
        tell(shown, out, |c| c.signature_algorithm.as_deref().map(|oid| long_name(SIGNATURES, oid)))
    }),
    of_certificate("basic_constraints.ca", Kind::Bool, |shown, out| tell(shown, out, |c| c.is_ca.map(Value::Bool))),
    of_certificate("basic_constraints.path_len", Kind::Integer, |shown, out| {
        tell(shown, out, |c| c.facts.path_length.map(|length| Value::Integer(length.into())))
    }),
    of_certificate("san.dns", Kind::Text, |shown, out| names(shown, out, |c| &c.dns_names)),
    of_certificate("san.email", Kind::Text, |shown, out| names(shown, out, |c| &c.email_addresses)),
    of_certificate("san.uri", Kind::Text, |shown, out| names(shown, out, |c| &c.uris)),
    of_certificate("san.ip", Kind::Ip, |shown, out| match &shown.certificate.parsed {
        Ok(parsed) => parsed.ip_addresses.iter().map(|ip| Value::Ip(*ip)).try_for_each(out),
        Err(_) => Flow::Continue(()),
    }),
    of_certificate("san", Kind::Text, |shown, out| match &shown.certificate.parsed {
        Ok(parsed) => alternative_names(parsed, out),
        Err(_) => Flow::Continue(()),
    }),
];

const fn of_certificate(name: &'static str, kind: Kind, read: for<'e> fn(Shown<'e>, Out<'_, 'e>) -> Flow) -> Spec {
    Spec { name, kind, origin: Origin::Chains, read: Read::OfCertificate(read) }
}

fn tell<'e>(shown: Shown<'e>, out: Out<'_, 'e>, read: impl FnOnce(&'e Parsed) -> Option<Value<'e>>) -> Flow {
    shown.certificate.parsed.as_ref().ok().and_then(read).map_or(Flow::Continue(()), out)
}

fn names<'e>(shown: Shown<'e>, out: Out<'_, 'e>, read: impl FnOnce(&'e Parsed) -> &'e [String]) -> Flow {
    let names = shown.certificate.parsed.as_ref().map(read).unwrap_or_default();
    names.iter().filter(|name| !name.is_empty()).map(|name| Value::text(name)).try_for_each(out)
}

/// Zeek's `version_strings`.
fn version(event: &Event) -> Option<Value<'_>> {
    let version = event.version()?;
    Some(match version.0 {
        0x0002 => Value::text("SSLv2"),
        0x0300 => Value::text("SSLv3"),
        0x0301 => Value::text("TLSv10"),
        0x0302 => Value::text("TLSv11"),
        0x0303 => Value::text("TLSv12"),
        0x0304 => Value::text("TLSv13"),
        0xfeff => Value::text("DTLSv10"),
        0xfefd => Value::text("DTLSv12"),
        0xfefc => Value::text("DTLSv13"),
        draft if draft >> 8 == 0x7f => Value::shown(format_args!("TLSv13-draft{}", draft & 0xff)),
        other => Value::shown(format_args!("unknown-{other}")),
    })
}

/// The verdict in the words of OpenSSL (`X509_verify_cert_error_string`), which Zeek hands on: of versions before 3.0 and
/// since.
fn validation(event: &Event) -> &'static [&'static str] {
    let Some(chain) = event.security.server_chain else { return &[] };
    match chain.as_str() {
        // Zeek does not hold names against certificates in its verdict.
        "ok" | "name mismatch" => &["ok"],
        "self-signed leaf" => &["self signed certificate", "self-signed certificate"],
        "self-signed in chain" => {
            &["self signed certificate in certificate chain", "self-signed certificate in certificate chain"]
        }
        "unable to get local issuer" | "incomplete" => &["unable to get local issuer certificate"],
        "expired" => &["certificate has expired"],
        "not yet valid" => &["certificate is not yet valid"],
        "bad signature" => &["certificate signature failure"],
        "invalid CA" => &["invalid CA certificate"],
        "path length exceeded" => &["path length constraint exceeded"],
        "unsuitable purpose" => &["unsupported certificate purpose", "unsuitable certificate purpose"],
        "unhandled critical extension" => &["unhandled critical extension"],
        "revoked" => &["certificate revoked"],
        "name constraint violated" => &["permitted subtree violation"],
        "weak key" => &["EE certificate key too weak"],
        "weak signature" => &["CA signature digest algorithm too weak"],
        _ => &[],
    }
}

/// In whole octets, and once more without the zero before it: rules write both.
fn serial<'e>(shown: Shown<'e>, out: Out<'_, 'e>) -> Flow {
    let Ok(parsed) = &shown.certificate.parsed else { return Flow::Continue(()) };
    let Some(whole) = certificate::serial(parsed) else { return Flow::Continue(()) };
    if let Some(short) =
        whole.with_text(|text| text.strip_prefix('0').filter(|rest| !rest.is_empty()).map(str::to_owned))
    {
        out(Value::Text(short.into()))?;
    }
    out(whole)
}

fn key_type(oid: &str) -> Value<'static> {
    Value::text(match oid {
        "1.2.840.113549.1.1.1" => "rsa",
        "1.2.840.10040.4.1" => "dsa",
        "1.2.840.10045.2.1" => "ecdsa",
        _ => "unknown",
    })
}

fn long_name<'e>(table: &[(&str, &'static str)], oid: &'e str) -> Value<'e> {
    Value::text(table.iter().find(|(known, _)| *known == oid).map_or(oid, |(_, name)| name))
}

/// OpenSSL's long names.
const KEYS: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.1", "rsaEncryption"),
    ("1.2.840.113549.1.1.10", "rsassaPss"),
    ("1.2.840.10040.4.1", "dsaEncryption"),
    ("1.2.840.10045.2.1", "id-ecPublicKey"),
    ("1.3.101.112", "ED25519"),
    ("1.3.101.113", "ED448"),
];

const CURVES: &[(&str, &str)] = &[
    ("1.2.840.10045.3.1.1", "prime192v1"),
    ("1.2.840.10045.3.1.7", "prime256v1"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.33", "secp224r1"),
    ("1.3.132.0.34", "secp384r1"),
    ("1.3.132.0.35", "secp521r1"),
];

const SIGNATURES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "rsassaPss"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption"),
    ("1.2.840.10040.4.3", "dsaWithSHA1"),
    ("2.16.840.1.101.3.4.3.2", "dsa_with_SHA256"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.3.101.112", "ED25519"),
    ("1.3.101.113", "ED448"),
];
