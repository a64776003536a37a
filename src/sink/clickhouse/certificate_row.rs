//! A certificate as a row, with all that it says.

use std::net::Ipv6Addr;

use clickhouse::Row;
use serde::{Serialize, Serializer};

use super::chain::is_date;
use super::rows::mapped;
use crate::sink::forms::{Hex, Serial};
use crate::sink::record::{Key, Sighting, days, left_out, name_count, signature};
use crate::x509::Parsed;
use crate::x509::facts::{self, Facts, Validation};
use crate::x509::flaws::{Flaw, Flaws, Place};
use crate::x509::sct::{self, Sct};

/// A row of `certificates`.
#[derive(Debug, Row, Serialize)]
pub struct CertificateRow<'a> {
    first_seen: i64,
    sensor: &'a str,
    sha256: &'a [u8; 32],
    sha1: &'a [u8; 20],
    md5: &'a [u8; 16],
    event_id: &'a [u8; 16],
    shown_by: &'a str,
    leaf: bool,
    version: Option<u32>,
    serial: String,
    subject: &'a str,
    subject_common_name: &'a str,
    issuer: &'a str,
    issuer_common_name: &'a str,
    self_issued: Option<bool>,
    not_before: Option<i64>,
    not_after: Option<i64>,
    lifetime_days: Option<i64>,
    days_left: Option<i64>,
    public_key_algorithm: &'a str,
    public_key_size: Option<u32>,
    public_key_curve: &'a str,
    public_key_exponent: Option<u32>,
    public_key_sha256: Option<&'a [u8; 32]>,
    signature_algorithm: &'a str,
    signature_hash: &'a str,
    dns_names: &'a [String],
    ip_addresses: Vec<Ipv6Addr>,
    email_addresses: &'a [String],
    uris: &'a [String],
    name_count: u32,
    is_ca: Option<bool>,
    path_length: Option<u32>,
    key_usage: Vec<&'a str>,
    extended_key_usage: Vec<&'a str>,
    policies: &'a [String],
    validation: &'a str,
    ocsp: &'a [String],
    ca_issuers: &'a [String],
    crl: &'a [String],
    sct_count: Option<u32>,
    sct_log: Vec<&'a [u8; 32]>,
    sct_timestamp: Vec<Option<i64>>,
    must_staple: bool,
    name_constraints: bool,
    subject_key_id: String,
    authority_key_id: String,
    flaws: Vec<&'a str>,
    left_out: u32,
    malformed: bool,
    ja4x: String,
    der: Octets<'a>,
}

impl<'a> CertificateRow<'a> {
    pub fn of(sighting: &Sighting<'a>, sensor: &'a str) -> Self {
        let certificate = sighting.certificate;
        let second = sighting.second();
        let parsed = certificate.parsed.as_ref().ok();
        let facts = parsed.map(|parsed| &parsed.facts);
        let key = parsed.map(Key::of).unwrap_or_default();
        let text = |text: fn(&'a Parsed) -> Option<&'a str>| parsed.and_then(text).unwrap_or_default();
        let list = |list: fn(&'a Parsed) -> &'a [String]| parsed.map(list).unwrap_or_default();
        let (start, end) = (parsed.and_then(|parsed| parsed.not_before), parsed.and_then(|parsed| parsed.not_after));
        let scts: &[Sct] = facts.and_then(|facts| facts.scts.as_ref()).map(|scts| &*scts.list).unwrap_or_default();
        let hex = |bytes: Option<&[u8]>| bytes.map(|bytes| Hex(bytes).text().as_str().to_owned()).unwrap_or_default();
        let serial = parsed.and_then(|parsed| Serial(&parsed.serial).text());
        Self {
            first_seen: sighting.at.0,
            sensor,
            sha256: &certificate.sha256,
            sha1: &certificate.sha1,
            md5: &certificate.md5,
            event_id: sighting.session,
            shown_by: sighting.side.as_str(),
            leaf: sighting.place == Place::Leaf,
            version: parsed.map(|parsed| parsed.version),
            serial: serial.map(|serial| serial.as_str().to_owned()).unwrap_or_default(),
            subject: text(|parsed| parsed.subject.as_deref()),
            subject_common_name: text(|parsed| parsed.subject_common_name.as_deref()),
            issuer: text(|parsed| parsed.issuer.as_deref()),
            issuer_common_name: text(|parsed| parsed.issuer_common_name.as_deref()),
            self_issued: parsed.map(|parsed| parsed.self_issued),
            not_before: start.filter(|&at| is_date(at)),
            not_after: end.filter(|&at| is_date(at)),
            lifetime_days: start.zip(end).map(|(start, end)| days(start, end)),
            days_left: end.map(|end| days(second, end)),
            public_key_algorithm: key.algorithm.unwrap_or_default(),
            public_key_size: key.size,
            public_key_curve: key.curve.unwrap_or_default(),
            public_key_exponent: parsed.and_then(|parsed| parsed.key.as_ref()).and_then(|key| key.exponent),
            public_key_sha256: facts.and_then(|facts| facts.key_sha256.as_ref()),
            signature_algorithm: parsed.and_then(signature).unwrap_or_default(),
            signature_hash: facts.and_then(|facts| facts.signature_hash.as_deref()).unwrap_or_default(),
            dns_names: list(|parsed| &parsed.dns_names),
            ip_addresses: parsed.iter().flat_map(|parsed| &parsed.ip_addresses).map(|&ip| mapped(ip)).collect(),
            email_addresses: list(|parsed| &parsed.email_addresses),
            uris: list(|parsed| &parsed.uris),
            name_count: parsed.map_or(0, |parsed| u32::try_from(name_count(parsed)).unwrap_or(u32::MAX)),
            is_ca: parsed.and_then(|parsed| parsed.is_ca),
            path_length: facts.and_then(|facts| facts.path_length),
            key_usage: facts.and_then(|facts| facts.key_usage).iter().flat_map(|usage| usage.names()).collect(),
            extended_key_usage: facts.map(purposes).unwrap_or_default(),
            policies: list(|parsed| &parsed.facts.policies),
            validation: facts.and_then(|facts| facts.validation).map(Validation::as_str).unwrap_or_default(),
            ocsp: list(|parsed| &parsed.facts.ocsp),
            ca_issuers: list(|parsed| &parsed.facts.ca_issuers),
            crl: list(|parsed| &parsed.facts.crl),
            sct_count: facts.and_then(|facts| facts.scts.as_ref()).map(|scts| scts.count),
            sct_log: scts.iter().map(|sct| &sct.log).collect(),
            sct_timestamp: scts.iter().map(second_of).collect(),
            must_staple: facts.is_some_and(|facts| facts.must_staple),
            name_constraints: facts.is_some_and(|facts| facts.name_constraints),
            subject_key_id: hex(facts.and_then(|facts| facts.subject_key_id.as_deref())),
            authority_key_id: hex(facts.and_then(|facts| facts.authority_key_id.as_deref())),
            flaws: Flaws::of(certificate, sighting.place, second).iter().map(Flaw::as_str).collect(),
            left_out: parsed.map_or(0, left_out),
            malformed: certificate.is_irregular(),
            ja4x: parsed.map(super::chain::ja4x).unwrap_or_default(),
            der: Octets(&certificate.der),
        }
    }
}

/// By name where they have one.
fn purposes(facts: &Facts) -> Vec<&str> {
    facts.extended_key_usage.iter().map(|oid| facts::purpose(oid).unwrap_or(oid)).collect()
}

fn second_of(sct: &Sct) -> Option<i64> {
    i64::try_from(sct.timestamp / sct::MILLISECONDS).ok().filter(|&at| is_date(at))
}

/// Bytes of any length.
#[derive(Debug)]
struct Octets<'a>(&'a [u8]);

impl Serialize for Octets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
