//! What extensions and key of a certificate say beside its names: use, policies, places, logs, identifiers.
//!
//! In: the fields and extensions of a certificate. Out: [`Facts`], bounded whatever was sent. Judges nothing.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use sha2::{Digest, Sha256};

use super::der::{self, Element};
use super::fields::{self, Extension, Fields};
use super::name::printable;
use super::parse::URI;
use super::sct::Scts;
use crate::wire::Cursor;

/// What a certificate says for its record. Lists keep [`MAX_ENTRIES`] each, text [`MAX_TEXT`] octets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// SHA-256 of the SubjectPublicKeyInfo: the pin (RFC 7469, section 2.4).
    pub key_sha256: Option<[u8; 32]>,
    /// Digest of a signature whose OID does not tell it (RSASSA-PSS): `SHA256` and so on, or its OID.
    pub signature_hash: Option<String>,
    /// basicConstraints' pathLenConstraint.
    pub path_length: Option<u32>,
    pub key_usage: Option<KeyUsage>,
    /// Dotted OIDs; [`purpose`] names them.
    pub extended_key_usage: Vec<String>,
    /// Dotted OIDs.
    pub policies: Vec<String>,
    /// Where a policy tells it.
    pub validation: Option<Validation>,
    /// Where an OCSP responder is to be found (authorityInfoAccess).
    pub ocsp: Vec<String>,
    /// Where the issuer's certificate is to be found.
    pub ca_issuers: Vec<String>,
    pub crl: Vec<String>,
    /// Timestamps in the certificate itself.
    pub scts: Option<Scts>,
    /// A TLS feature extension that demands a stapled answer (RFC 7633).
    pub must_staple: bool,
    /// There are name constraints.
    pub name_constraints: bool,
    pub subject_key_id: Option<Box<[u8]>>,
    pub authority_key_id: Option<Box<[u8]>>,
    /// Alternative names of other kinds than DNS, IP, mail and URI.
    pub other_names: u32,
    /// Entries of these lists that were not kept.
    pub left_out: u32,
}

/// The bits of a KeyUsage (RFC 5280, section 4.2.1.3): bit 0 is the highest of 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyUsage(pub u16);

/// How well a certificate's subject was looked at (CA/Browser Forum, Baseline Requirements, section 7.1.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Validation {
    Domain,
    Individual,
    Organization,
    Extended,
}

impl Facts {
    /// Those that stand outside the extensions.
    pub(super) fn of(fields: &Fields<'_>) -> Self {
        Self {
            key_sha256: fields.key_info.map(|info| Sha256::digest(info).into()),
            signature_hash: fields.signature_algorithm.and_then(pss_hash),
            ..Self::default()
        }
    }

    /// Takes one extension in; `None` where it is one that is known and could not be read.
    pub(super) fn take(&mut self, extension: &Extension<'_>) -> Option<()> {
        match extension.oid {
            KEY_USAGE => self.key_usage = Some(KeyUsage::read(extension.value)?),
            EXTENDED_KEY_USAGE => {
                let oids = dotted_each(extension.value, |purpose| purpose)?;
                keep(&mut self.extended_key_usage, &mut self.left_out, oids.into_iter());
            }
            POLICIES => self.take_policies(extension.value)?,
            AUTHORITY_INFO => self.take_authority_info(extension.value)?,
            CRL_POINTS => self.take_crl_points(extension.value)?,
            SCTS => self.scts = Some(Scts::in_extension(extension.value)),
            TLS_FEATURE => self.must_staple = demands_staple(extension.value)?,
            NAME_CONSTRAINTS => {
                Element::tagged(&mut Cursor::new(extension.value), der::SEQUENCE)?;
                self.name_constraints = true;
            }
            SUBJECT_KEY_ID => {
                let id = Element::tagged(&mut Cursor::new(extension.value), der::OCTET_STRING)?.body;
                self.subject_key_id = Some(id.get(..MAX_KEY_ID).unwrap_or(id).into());
            }
            AUTHORITY_KEY_ID => {
                let id = AuthorityKeyId::read(extension.value)?.key;
                self.authority_key_id = id.map(|id| id.get(..MAX_KEY_ID).unwrap_or(id).into());
            }
            _ => {}
        }
        Some(())
    }

    fn take_policies(&mut self, value: &[u8]) -> Option<()> {
        let policies =
            dotted_each(value, |policy| Element::tagged(&mut Cursor::new(policy.body), der::OID).unwrap_or(policy))?;
        self.validation = policies.iter().filter_map(|policy| Validation::of(policy)).max();
        keep(&mut self.policies, &mut self.left_out, policies.into_iter());
        Some(())
    }

    /// AuthorityInfoAccessSyntax (RFC 5280, section 4.2.2.1).
    fn take_authority_info(&mut self, value: &[u8]) -> Option<()> {
        for description in elements(value)? {
            let mut parts = Cursor::new(description.body);
            let method = Element::tagged(&mut parts, der::OID)?.body;
            let place = Element::next(&mut parts)?;
            let list = match method {
                AT_OCSP => &mut self.ocsp,
                AT_CA_ISSUERS => &mut self.ca_issuers,
                _ => continue,
            };
            keep(list, &mut self.left_out, uri(&place).into_iter());
        }
        Some(())
    }

    /// CRLDistributionPoints (RFC 5280, section 4.2.1.13): the URIs of full names.
    fn take_crl_points(&mut self, value: &[u8]) -> Option<()> {
        for point in elements(value)? {
            let Some(name) = Element::tagged(&mut Cursor::new(point.body), CONTEXT_0) else { continue };
            let Some(full) = Element::tagged(&mut Cursor::new(name.body), CONTEXT_0) else { continue };
            let mut names = Cursor::new(full.body);
            while !names.is_empty() {
                keep(&mut self.crl, &mut self.left_out, uri(&Element::next(&mut names)?).into_iter());
            }
        }
        Some(())
    }
}

impl KeyUsage {
    fn read(value: &[u8]) -> Option<Self> {
        let bits = Element::tagged(&mut Cursor::new(value), der::BIT_STRING)?.body;
        let (_, octets) = bits.split_first()?;
        let octet = |at: usize| octets.get(at).copied().unwrap_or(0);
        Some(Self(u16::from_be_bytes([octet(0), octet(1)])))
    }

    /// Whether one of these bits is set.
    pub fn has(self, bits: u16) -> bool {
        self.0 & bits != 0
    }

    /// The names of its bits, as RFC 5280 has them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        KEY_USAGES.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, name)| *name)
    }
}

impl Validation {
    /// What a policy's OID says of it.
    pub fn of(policy: &str) -> Option<Self> {
        VALIDATIONS.iter().find(|(oid, _)| *oid == policy).map(|(_, validation)| *validation)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Domain => "DV",
            Self::Individual => "IV",
            Self::Organization => "OV",
            Self::Extended => "EV",
        }
    }
}

/// The name of an extended key usage, as its specification has it.
pub fn purpose(oid: &str) -> Option<&'static str> {
    PURPOSES.iter().find(|(number, _)| *number == oid).map(|(_, name)| *name)
}

/// AuthorityKeyIdentifier (RFC 5280, section 4.2.1.1).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AuthorityKeyId<'a> {
    pub(super) key: Option<&'a [u8]>,
    /// Content of the issuer's issuer's name, where it is one directoryName.
    pub(super) issuer: Option<&'a [u8]>,
    pub(super) serial: Option<&'a [u8]>,
}

impl<'a> AuthorityKeyId<'a> {
    pub(super) fn read(value: &'a [u8]) -> Option<Self> {
        let mut fields = Cursor::new(Element::tagged(&mut Cursor::new(value), der::SEQUENCE)?.body);
        let mut id = Self::default();
        while !fields.is_empty() {
            let field = Element::next(&mut fields)?;
            match field.tag {
                0x80 => id.key = Some(field.body),
                0xa1 => {
                    let name = Element::tagged(&mut Cursor::new(field.body), DIRECTORY_NAME);
                    id.issuer = name
                        .and_then(|name| Element::tagged(&mut Cursor::new(name.body), der::SEQUENCE))
                        .map(|name| name.body);
                }
                0x82 => id.serial = Some(field.body),
                _ => {}
            }
        }
        Some(id)
    }
}

/// Hash of RSASSA-PSS-params (RFC 4055, section 3.1); SHA-1 where they do not say.
fn pss_hash(identifier: &[u8]) -> Option<String> {
    let (oid, parameters) = fields::algorithm(identifier)?;
    if oid != RSASSA_PSS {
        return None;
    }
    let mut parameters = Cursor::new(parameters.filter(|p| p.tag == der::SEQUENCE).map_or(&[][..], |p| p.body));
    let hash = Element::tagged(&mut parameters, CONTEXT_0)
        .and_then(|hash| Element::tagged(&mut Cursor::new(hash.body), der::SEQUENCE))
        .and_then(|hash| fields::algorithm(hash.body))
        .map_or(SHA1, |(hash, _)| hash);
    match HASHES.iter().find(|(oid, _)| *oid == hash) {
        Some((_, name)) => Some((*name).to_owned()),
        None => der::dotted(hash),
    }
}

/// Whether a TLS feature (RFC 7633) is status_request, or status_request_v2.
fn demands_staple(value: &[u8]) -> Option<bool> {
    Some(elements(value)?.any(|feature| matches!(feature.body, [5 | 17])))
}

fn uri(name: &Element<'_>) -> Option<String> {
    (name.tag == URI).then(|| printable(name.body.get(..MAX_TEXT).unwrap_or(name.body)))
}

/// The elements of a SEQUENCE up to the first that is not whole.
fn elements(value: &[u8]) -> Option<impl Iterator<Item = Element<'_>>> {
    let mut rest = Cursor::new(Element::tagged(&mut Cursor::new(value), der::SEQUENCE)?.body);
    Some(std::iter::from_fn(move || Element::next(&mut rest)))
}

/// The OIDs of a SEQUENCE's elements; an empty text for each that is too many or too long.
fn dotted_each<'a>(value: &'a [u8], oid: impl Fn(Element<'a>) -> Element<'a>) -> Option<Vec<String>> {
    let oids = elements(value)?.enumerate().map(|(at, element)| {
        let oid = oid(element).body;
        if at < MAX_ENTRIES && oid.len() <= MAX_OID { der::dotted(oid) } else { Some(String::new()) }
    });
    Some(oids.flatten().collect())
}

/// Adds to a list that is bounded, and counts what is left out.
fn keep(list: &mut Vec<String>, left_out: &mut u32, more: impl Iterator<Item = String>) {
    for one in more {
        match list.len() < MAX_ENTRIES && !one.is_empty() {
            true => list.push(one),
            false => *left_out = left_out.saturating_add(1),
        }
    }
}

/// Entries that are kept of a list.
pub const MAX_ENTRIES: usize = 32;
/// Octets that are kept of a URI.
pub const MAX_TEXT: usize = 1024;
const MAX_KEY_ID: usize = 64;
const MAX_OID: usize = 64;

pub(super) const DIGITAL_SIGNATURE: u16 = 1 << 15;
pub(super) const KEY_ENCIPHERMENT: u16 = 1 << 13;
pub(super) const KEY_AGREEMENT: u16 = 1 << 11;
pub(super) const KEY_CERT_SIGN: u16 = 1 << 10;

const KEY_USAGES: &[(u16, &str)] = &[
    (DIGITAL_SIGNATURE, "digitalSignature"),
    (1 << 14, "nonRepudiation"),
    (KEY_ENCIPHERMENT, "keyEncipherment"),
    (1 << 12, "dataEncipherment"),
    (KEY_AGREEMENT, "keyAgreement"),
    (KEY_CERT_SIGN, "keyCertSign"),
    (1 << 9, "cRLSign"),
    (1 << 8, "encipherOnly"),
    (1 << 7, "decipherOnly"),
];

/// CA/Browser Forum: Baseline Requirements, section 7.1.6.1; EV Guidelines, section 9.3.
const VALIDATIONS: &[(&str, Validation)] = &[
    ("2.23.140.1.1", Validation::Extended),
    ("2.23.140.1.2.1", Validation::Domain),
    ("2.23.140.1.2.2", Validation::Organization),
    ("2.23.140.1.2.3", Validation::Individual),
];

const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

/// RFC 5280 (section 4.2.1.12) and what else is in use.
const PURPOSES: &[(&str, &str)] = &[
    (SERVER_AUTH, "serverAuth"),
    (CLIENT_AUTH, "clientAuth"),
    ("1.3.6.1.5.5.7.3.3", "codeSigning"),
    ("1.3.6.1.5.5.7.3.4", "emailProtection"),
    ("1.3.6.1.5.5.7.3.5", "ipsecEndSystem"),
    ("1.3.6.1.5.5.7.3.6", "ipsecTunnel"),
    ("1.3.6.1.5.5.7.3.7", "ipsecUser"),
    ("1.3.6.1.5.5.7.3.8", "timeStamping"),
    (OCSP_SIGNING, "OCSPSigning"),
    ("1.3.6.1.5.5.7.3.13", "eapOverPPP"),
    ("1.3.6.1.5.5.7.3.14", "eapOverLAN"),
    ("1.3.6.1.5.5.7.3.17", "ipsecIKE"),
    ("1.3.6.1.5.2.3.4", "pkinit_clientAuth"),
    ("1.3.6.1.5.2.3.5", "pkinit_KPKdc"),
    ("1.3.6.1.4.1.311.20.2.2", "microsoftSmartCardLogon"),
    ("1.3.6.1.4.1.311.54.1.2", "microsoftRemoteDesktop"),
    ("1.3.6.1.4.1.311.10.3.3", "microsoftServerGatedCrypto"),
    ("2.16.840.1.113730.4.1", "netscapeServerGatedCrypto"),
    ("2.5.29.37.0", "anyExtendedKeyUsage"),
];

/// 1.2.840.113549.1.1.10
pub(super) const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
/// 1.3.14.3.2.26
pub(super) const SHA1: &[u8] = &[0x2b, 14, 3, 2, 26];
/// 2.16.840.1.101.3.4.2.1 and its neighbours.
pub(super) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
pub(super) const SHA384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
pub(super) const SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];
pub(super) const SHA224: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4];

const HASHES: &[(&[u8], &str)] =
    &[(SHA1, "SHA1"), (SHA224, "SHA224"), (SHA256, "SHA256"), (SHA384, "SHA384"), (SHA512, "SHA512")];

/// Extensions by their number below 2.5.29.
pub(super) const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
pub(super) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
pub(super) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
pub(super) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
const CRL_POINTS: &[u8] = &[0x55, 0x1d, 31];
const POLICIES: &[u8] = &[0x55, 0x1d, 32];
pub(super) const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];
pub(super) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
/// 1.3.6.1.5.5.7.1.1
const AUTHORITY_INFO: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
/// 1.3.6.1.5.5.7.1.24
const TLS_FEATURE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 24];
/// 1.3.6.1.5.5.7.48.1 and .2
const AT_OCSP: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1];
const AT_CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 2];
/// 1.3.6.1.4.1.11129.2.4.2
const SCTS: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];

const CONTEXT_0: u8 = 0xa0;
pub(super) const DIRECTORY_NAME: u8 = 0xa4;
