//! `tlsight.certificate`: one certificate with all that it says, once for each sensor.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use super::certificate::{Key, filled, signature};
use crate::capture::Timestamp;
use crate::event::{self, NewCertificate, Side};
use crate::sink::forms::{Address, Date, Each, Hex, Serial, Shown, Time};
use crate::sink::json::Text;
use crate::wire::registry;
use crate::x509::facts::{self, KeyUsage};
use crate::x509::flaws::{Flaw, Flaws, Place};
use crate::x509::sct::{self, Sct, Scts};
use crate::x509::{Certificate, Parsed};

/// A certificate, and where it was shown first.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    pub certificate: &'a Certificate,
    /// When its session began.
    pub at: Timestamp,
    /// [`Event::id`](crate::event::Event::id) of the session.
    pub session: &'a [u8; 16],
    /// Who showed it.
    pub side: Side,
    pub place: Place,
}

/// A certificate as the public schema has it.
#[derive(Serialize)]
pub struct CertificateRecord<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Time,
    event: Event,
    tlsight: Tlsight<'a>,
}

#[derive(Serialize)]
struct Event {
    #[serde(rename = "")]
    kind: Text<'static>,
}

#[derive(Serialize)]
struct Tlsight<'a> {
    certificate: Full<'a>,
}

#[derive(Serialize)]
struct Full<'a> {
    sha256: Hex<'a>,
    sha1: Hex<'a>,
    md5: Hex<'a>,
    /// `event.id` of the session that showed it first.
    session: Hex<'a>,
    shown_by: &'static str,
    /// The first of its chain.
    leaf: bool,
    version: Option<u32>,
    serial: Option<Serial<'a>>,
    subject: Option<&'a str>,
    subject_common_name: Option<&'a str>,
    issuer: Option<&'a str>,
    issuer_common_name: Option<&'a str>,
    self_issued: Option<bool>,
    not_before: Option<Date>,
    not_after: Option<Date>,
    lifetime_days: Option<i64>,
    /// From the session's time; below zero where it had ended.
    days_left: Option<i64>,
    public_key: PublicKey<'a>,
    signature_algorithm: Option<&'a str>,
    /// Where the algorithm's own name does not tell it.
    signature_hash: Option<&'a str>,
    names: Names<'a>,
    is_ca: Option<bool>,
    path_length: Option<u32>,
    key_usage: Option<Usages>,
    extended_key_usage: Option<Purposes<'a>>,
    policies: &'a [String],
    /// `DV`, `IV`, `OV`, `EV`.
    validation: Option<&'static str>,
    ocsp: &'a [String],
    ca_issuers: &'a [String],
    crl: &'a [String],
    sct_count: Option<u32>,
    scts: Option<Each<'a, Sct, LogEntry<'a>>>,
    must_staple: Option<bool>,
    name_constraints: Option<bool>,
    subject_key_id: Option<Hex<'a>>,
    authority_key_id: Option<Hex<'a>>,
    flaws: FlawNames,
    /// Names and other entries that are not in these lists.
    left_out: Option<u32>,
    malformed: Option<bool>,
    #[cfg(feature = "ja4plus")]
    ja4x: Option<Shown<crate::fingerprint::ja4plus::Ja4x>>,
    /// Base64.
    der: Shown<Base64<'a>>,
}

#[derive(Serialize, Default)]
struct PublicKey<'a> {
    algorithm: Option<&'a str>,
    size: Option<u32>,
    curve: Option<&'a str>,
    exponent: Option<u32>,
    /// SHA-256 of the SubjectPublicKeyInfo.
    sha256: Option<Hex<'a>>,
    /// The same in Base64, as RFC 7469 has it.
    pin: Option<Shown<Base64<'a>>>,
}

#[derive(Serialize, Default)]
struct Names<'a> {
    dns: Option<&'a [String]>,
    ip: Option<Addresses<'a>>,
    email: Option<&'a [String]>,
    uri: Option<&'a [String]>,
    /// All of them, those of other kinds and those that are not listed too.
    count: Option<usize>,
}

#[derive(Serialize)]
struct LogEntry<'a> {
    log: Hex<'a>,
    name: Option<&'static str>,
    timestamp: Option<Date>,
}

impl<'a> Sighting<'a> {
    pub fn of(new: &'a NewCertificate, event: &'a event::Event) -> Self {
        let NewCertificate { certificate, side, place } = new;
        let place = if *place == 0 { Place::Leaf } else { Place::Above };
        Self { certificate, at: event.timestamp, session: &event.id, side: *side, place }
    }

    /// Since 1970-01-01T00:00:00Z.
    pub fn second(&self) -> i64 {
        self.at.0.div_euclid(NANOSECONDS)
    }
}

impl<'a> CertificateRecord<'a> {
    pub fn of(sighting: &Sighting<'a>) -> Self {
        Self {
            timestamp: Time(sighting.at),
            event: Event { kind: KIND },
            tlsight: Tlsight { certificate: Full::of(sighting) },
        }
    }
}

impl<'a> Full<'a> {
    fn of(sighting: &Sighting<'a>) -> Self {
        let certificate = sighting.certificate;
        let second = sighting.second();
        let parsed = certificate.parsed.as_ref().ok();
        let facts = parsed.map(|parsed| &parsed.facts);
        let text = |text: fn(&'a Parsed) -> Option<&'a str>| parsed.and_then(text).and_then(|text| filled(Some(text)));
        let (start, end) = (parsed.and_then(|parsed| parsed.not_before), parsed.and_then(|parsed| parsed.not_after));
        let list = |list: fn(&'a facts::Facts) -> &'a Vec<String>| facts.map_or(&[][..], |facts| list(facts));
        let scts = facts.and_then(|facts| facts.scts.as_ref());
        Self {
            sha256: Hex(&certificate.sha256),
            sha1: Hex(&certificate.sha1),
            md5: Hex(&certificate.md5),
            session: Hex(sighting.session),
            shown_by: sighting.side.as_str(),
            leaf: sighting.place == Place::Leaf,
            version: parsed.map(|parsed| parsed.version),
            serial: parsed.map(|parsed| Serial(&parsed.serial)),
            subject: text(|parsed| parsed.subject.as_deref()),
            subject_common_name: text(|parsed| parsed.subject_common_name.as_deref()),
            issuer: text(|parsed| parsed.issuer.as_deref()),
            issuer_common_name: text(|parsed| parsed.issuer_common_name.as_deref()),
            self_issued: parsed.map(|parsed| parsed.self_issued),
            not_before: start.map(Date),
            not_after: end.map(Date),
            lifetime_days: start.zip(end).map(|(start, end)| days(start, end)),
            days_left: end.map(|end| days(second, end)),
            public_key: parsed.map(PublicKey::of).unwrap_or_default(),
            signature_algorithm: parsed.and_then(signature),
            signature_hash: facts.and_then(|facts| facts.signature_hash.as_deref()),
            names: parsed.map(Names::of).unwrap_or_default(),
            is_ca: parsed.and_then(|parsed| parsed.is_ca),
            path_length: facts.and_then(|facts| facts.path_length),
            key_usage: facts.and_then(|facts| facts.key_usage).map(Usages),
            extended_key_usage: facts.map(|facts| Purposes(&facts.extended_key_usage)),
            policies: list(|facts| &facts.policies),
            validation: facts.and_then(|facts| facts.validation).map(facts::Validation::as_str),
            ocsp: list(|facts| &facts.ocsp),
            ca_issuers: list(|facts| &facts.ca_issuers),
            crl: list(|facts| &facts.crl),
            sct_count: scts.map(|scts| scts.count),
            scts: scts.map(entries),
            must_staple: facts.map(|facts| facts.must_staple).filter(|must| *must),
            name_constraints: facts.map(|facts| facts.name_constraints).filter(|there| *there),
            subject_key_id: facts.and_then(|facts| facts.subject_key_id.as_deref()).map(Hex),
            authority_key_id: facts.and_then(|facts| facts.authority_key_id.as_deref()).map(Hex),
            flaws: FlawNames(Flaws::of(certificate, sighting.place, second)),
            left_out: parsed.map(left_out).filter(|count| *count > 0),
            malformed: certificate.is_irregular().then_some(true),
            #[cfg(feature = "ja4plus")]
            ja4x: parsed.and_then(|parsed| parsed.ja4x).map(Shown),
            der: Shown(Base64(&certificate.der)),
        }
    }
}

impl<'a> PublicKey<'a> {
    fn of(parsed: &'a Parsed) -> Self {
        let key = Key::of(parsed);
        let hash = parsed.facts.key_sha256.as_ref();
        Self {
            algorithm: key.algorithm,
            size: key.size,
            curve: key.curve,
            exponent: parsed.key.as_ref().and_then(|key| key.exponent),
            sha256: hash.map(|hash| Hex(hash)),
            pin: hash.map(|hash| Shown(Base64(hash))),
        }
    }
}

impl<'a> Names<'a> {
    fn of(parsed: &'a Parsed) -> Self {
        let count = name_count(parsed);
        Self {
            dns: Some(&parsed.dns_names),
            ip: Some(Addresses(parsed)),
            email: Some(&parsed.email_addresses),
            uri: Some(&parsed.uris),
            count: (count > 0).then_some(count),
        }
    }
}

/// Whole days, those that have begun before 0 too.
pub fn days(from: i64, to: i64) -> i64 {
    to.saturating_sub(from).div_euclid(DAY)
}

/// All alternative names, those of other kinds and those that are not listed too.
pub fn name_count(parsed: &Parsed) -> usize {
    let lists = [&parsed.dns_names, &parsed.email_addresses, &parsed.uris];
    let listed = lists.iter().map(|list| list.len()).sum::<usize>() + parsed.ip_addresses.len();
    listed + parsed.names_left_out as usize + parsed.facts.other_names as usize
}

/// Names and other entries that are not in the lists.
pub fn left_out(parsed: &Parsed) -> u32 {
    parsed.names_left_out.saturating_add(parsed.facts.left_out)
}

fn entries(scts: &Scts) -> Each<'_, Sct, LogEntry<'_>> {
    Each(&scts.list, |sct| LogEntry {
        log: Hex(&sct.log),
        name: registry::ct_log(&sct.log),
        timestamp: i64::try_from(sct.timestamp / sct::MILLISECONDS).ok().map(Date),
    })
}

struct Addresses<'a>(&'a Parsed);

impl Serialize for Addresses<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.ip_addresses.iter().map(|&ip| Address(ip)))
    }
}

struct Usages(KeyUsage);

impl Serialize for Usages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.names())
    }
}

/// By name where they have one.
struct Purposes<'a>(&'a [String]);

impl Serialize for Purposes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|oid| facts::purpose(oid).unwrap_or(oid)))
    }
}

struct FlawNames(Flaws);

impl Serialize for FlawNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Flaw::as_str))
    }
}

/// Bytes as Base64 (RFC 4648, section 4).
#[derive(Debug, Clone, Copy)]
struct Base64<'a>(&'a [u8]);

impl std::fmt::Display for Base64<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

/// The members of `event` that are always the same.
const KIND: Text<'static> =
    Text(br#""dataset":"tlsight.certificate","kind":"event","category":["network"],"type":["info"]"#);
const NANOSECONDS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
