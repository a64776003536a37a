//! A certificate: the leaf's ECS members of `tls.client` or `tls.server`, and an object of `tlsight.….chain[]`.

use serde::{Serialize, Serializer};

use super::shared::{Chain, Split};
#[cfg(feature = "ja4plus")]
use crate::fingerprint::ja4plus::Ja4x;
#[cfg(feature = "ja4plus")]
use crate::sink::forms::Shown;
use crate::sink::forms::{Address, Date, Hex, Serial};
use crate::sink::json::{self, Text};
use crate::wire::registry;
use crate::x509::{Certificate, Parsed};

/// `tlsight.client.chain`, `tlsight.server.chain`: every certificate sent in the clear, as sent.
pub struct Links<'a>(pub Chain<'a>);

impl Serialize for Links<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|members| Link { members: members.own }))
    }
}

#[derive(Serialize)]
struct Link<'a> {
    /// [`Own`]
    #[serde(rename = "")]
    members: Text<'a>,
}

/// Appends the members that a certificate gives to `tls.client` or `tls.server`, and those of its object in the chain.
pub fn members(certificate: &Certificate, out: &mut Vec<u8>) -> Split {
    Split { ecs: json::append_object(out, &Ecs::of(certificate)), own: json::append_object(out, &Own::of(certificate)) }
}

#[derive(Serialize)]
struct Ecs<'a> {
    hash: Hash<'a>,
    subject: Option<&'a str>,
    issuer: Option<&'a str>,
    not_before: Option<Date>,
    not_after: Option<Date>,
    x509: Option<X509<'a>>,
}

#[derive(Serialize)]
struct Hash<'a> {
    md5: Hex<'a>,
    sha1: Hex<'a>,
    sha256: Hex<'a>,
}

#[derive(Serialize)]
struct X509<'a> {
    version_number: u32,
    serial_number: Serial<'a>,
    subject: Name<'a>,
    issuer: Name<'a>,
    not_before: Option<Date>,
    not_after: Option<Date>,
    public_key_algorithm: Option<&'a str>,
    public_key_size: Option<u32>,
    public_key_curve: Option<&'a str>,
    signature_algorithm: Option<&'a str>,
    alternative_names: AlternativeNames<'a>,
}

#[derive(Serialize)]
struct Name<'a> {
    /// A list in ECS.
    common_name: Names<'a>,
    distinguished_name: Option<&'a str>,
}

#[derive(Serialize)]
struct Own<'a> {
    subject: Option<&'a str>,
    issuer: Option<&'a str>,
    serial: Option<Serial<'a>>,
    md5: Hex<'a>,
    sha1: Hex<'a>,
    sha256: Hex<'a>,
    not_before: Option<Date>,
    not_after: Option<Date>,
    public_key_algorithm: Option<&'a str>,
    public_key_size: Option<u32>,
    public_key_curve: Option<&'a str>,
    signature_algorithm: Option<&'a str>,
    alternative_names: Option<AlternativeNames<'a>>,
    is_ca: Option<bool>,
    self_issued: Option<bool>,
    #[cfg(feature = "ja4plus")]
    ja4x: Option<Shown<Ja4x>>,
    /// `true` where the DER could not be read as a whole: what could be is here, and the hashes always are.
    malformed: Option<bool>,
}

impl<'a> Ecs<'a> {
    fn of(certificate: &'a Certificate) -> Self {
        let parsed = certificate.parsed.as_ref().ok();
        Self {
            hash: Hash { md5: Hex(&certificate.md5), sha1: Hex(&certificate.sha1), sha256: Hex(&certificate.sha256) },
            subject: parsed.and_then(|parsed| filled(parsed.subject.as_deref())),
            issuer: parsed.and_then(|parsed| filled(parsed.issuer.as_deref())),
            not_before: parsed.and_then(|parsed| parsed.not_before).map(Date),
            not_after: parsed.and_then(|parsed| parsed.not_after).map(Date),
            x509: parsed.map(X509::of),
        }
    }
}

impl<'a> X509<'a> {
    fn of(parsed: &'a Parsed) -> Self {
        let key = Key::of(parsed);
        Self {
            version_number: parsed.version,
            serial_number: Serial(&parsed.serial),
            subject: Name::of(parsed.subject_common_name.as_deref(), parsed.subject.as_deref()),
            issuer: Name::of(parsed.issuer_common_name.as_deref(), parsed.issuer.as_deref()),
            not_before: parsed.not_before.map(Date),
            not_after: parsed.not_after.map(Date),
            public_key_algorithm: key.algorithm,
            public_key_size: key.size,
            public_key_curve: key.curve,
            signature_algorithm: signature(parsed),
            alternative_names: AlternativeNames(parsed),
        }
    }
}

impl<'a> Name<'a> {
    fn of(common_name: Option<&'a str>, distinguished_name: Option<&'a str>) -> Self {
        Self { common_name: Names(filled(common_name)), distinguished_name: filled(distinguished_name) }
    }
}

/// A list of at most one name.
struct Names<'a>(Option<&'a str>);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0)
    }
}

impl<'a> Own<'a> {
    fn of(certificate: &'a Certificate) -> Self {
        let parsed = certificate.parsed.as_ref().ok();
        let key = parsed.map(Key::of).unwrap_or_default();
        Self {
            subject: parsed.and_then(|parsed| filled(parsed.subject.as_deref())),
            issuer: parsed.and_then(|parsed| filled(parsed.issuer.as_deref())),
            serial: parsed.map(|parsed| Serial(&parsed.serial)),
            md5: Hex(&certificate.md5),
            sha1: Hex(&certificate.sha1),
            sha256: Hex(&certificate.sha256),
            not_before: parsed.and_then(|parsed| parsed.not_before).map(Date),
            not_after: parsed.and_then(|parsed| parsed.not_after).map(Date),
            public_key_algorithm: key.algorithm,
            public_key_size: key.size,
            public_key_curve: key.curve,
            signature_algorithm: parsed.and_then(signature),
            alternative_names: parsed.map(AlternativeNames),
            is_ca: parsed.and_then(|parsed| parsed.is_ca),
            self_issued: parsed.map(|parsed| parsed.self_issued),
            #[cfg(feature = "ja4plus")]
            ja4x: parsed.and_then(|parsed| parsed.ja4x).map(Shown),
            malformed: certificate.is_irregular().then_some(true),
        }
    }
}

/// A public key in the registries' names; what has none keeps its OID.
#[derive(Default)]
pub struct Key<'a> {
    pub algorithm: Option<&'a str>,
    pub size: Option<u32>,
    pub curve: Option<&'a str>,
}

impl<'a> Key<'a> {
    pub fn of(parsed: &'a Parsed) -> Self {
        let Some(key) = &parsed.key else { return Self::default() };
        Self {
            algorithm: Some(registry::public_key_algorithm(&key.algorithm).unwrap_or(&key.algorithm)),
            size: key.bits,
            curve: key.curve.as_deref().map(|oid| registry::curve(oid).unwrap_or(oid)),
        }
    }
}

/// The name of the signature's algorithm, or its OID.
pub fn signature(parsed: &Parsed) -> Option<&str> {
    parsed.signature_algorithm.as_deref().map(|oid| registry::signature_algorithm(oid).unwrap_or(oid))
}

/// DNS names, e-mail addresses, URIs, IP addresses.
pub struct AlternativeNames<'a>(pub &'a Parsed);

impl Serialize for AlternativeNames<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(parsed) = self;
        let texts = [&parsed.dns_names, &parsed.email_addresses, &parsed.uris].into_iter().flatten();
        let texts = texts.filter_map(|name| filled(Some(name))).map(AlternativeName::Text);
        let addresses = parsed.ip_addresses.iter().map(|&ip| AlternativeName::Address(Address(ip)));
        serializer.collect_seq(texts.chain(addresses))
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum AlternativeName<'a> {
    Text(&'a str),
    Address(Address),
}

pub fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
