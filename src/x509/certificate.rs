//! One X.509 certificate (RFC 5280) as facts, in the terms of the public schema.
#![forbid(unsafe_code)]

use std::net::IpAddr;

use super::facts::Facts;

/// A certificate that a peer sent in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub der: Box<[u8]>,
    pub md5: [u8; 16],
    pub sha1: [u8; 20],
    pub sha256: [u8; 32],
    /// Absent where the DER could not be read at all; the hashes stand all the same.
    pub parsed: Result<Parsed, Malformed>,
}

/// What the DER said. A field is `None` where its bytes are missing or could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// 1, 2 or 3; other numbers as sent.
    pub version: u32,
    /// Big-endian content octets as sent, leading zero octet included.
    pub serial: Box<[u8]>,
    /// RFC 4514 text; empty for a name without RDNs.
    pub subject: Option<String>,
    /// RFC 4514 text; empty for a name without RDNs.
    pub issuer: Option<String>,
    /// The most specific one, unescaped.
    pub subject_common_name: Option<String>,
    /// The most specific one, unescaped.
    pub issuer_common_name: Option<String>,
    /// Seconds since 1970-01-01T00:00:00Z; negative before.
    pub not_before: Option<i64>,
    pub not_after: Option<i64>,
    pub key: Option<Key>,
    /// Dotted OID of the signature algorithm; `wire::registry` names it.
    pub signature_algorithm: Option<String>,
    /// subjectAltName's dNSName; what is not printable ASCII is written `\xNN`, here and in the next two.
    pub dns_names: Vec<String>,
    pub ip_addresses: Vec<IpAddr>,
    pub email_addresses: Vec<String>,
    pub uris: Vec<String>,
    /// Alternative names beyond the [`MAX_ALTERNATIVE_NAMES`] that are kept.
    pub names_left_out: u32,
    /// basicConstraints' cA; `None` without the extension.
    pub is_ca: Option<bool>,
    /// What its extensions and its key say beyond that; for the record of a certificate.
    pub facts: Facts,
    /// Issuer and subject are the same name, to the byte.
    pub self_issued: bool,
    /// The DER breaks a rule of X.690 or RFC 5280, or something in it could not be read.
    pub irregular: bool,
    #[cfg(feature = "ja4plus")]
    pub ja4x: Option<crate::fingerprint::ja4plus::Ja4x>,
}

/// The subject's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Dotted OID of the algorithm; `wire::registry` names it.
    pub algorithm: String,
    /// Bits of an RSA modulus, a DSA or DH prime or a curve's field; absent for other kinds.
    pub bits: Option<u32>,
    /// Dotted OID of a named curve; absent for one whose parameters are spelt out.
    pub curve: Option<String>,
    /// RSA's public exponent, where it has at most 32 bits.
    pub exponent: Option<u32>,
}

/// Why a certificate could not be read: its bytes are no X.509 certificate up to the serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl Certificate {
    /// It could not be read, or not as it should.
    pub fn is_irregular(&self) -> bool {
        self.parsed.as_ref().map_or(true, |parsed| parsed.irregular)
    }
}

/// Alternative names that are kept of one certificate.
pub const MAX_ALTERNATIVE_NAMES: usize = 1000;
