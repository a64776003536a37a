//! What is wrong with a certificate by itself, at a point in time.
//!
//! In: a certificate, its place in the chain, a time. Out: a set of [`Flaw`]s. Verifies no signature and knows no trust
//! store: "self-signed" is what a certificate says of itself.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::certificate::Parsed;
use super::{Certificate, Key};
use crate::wire::registry;

/// One thing that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    Expired,
    NotYetValid,
    /// Issuer and subject of a server's own certificate are the same.
    SelfSigned,
    /// RSA, DSA and DH below 2048 bits, curves below 224 (NIST SP 800-57, table 2: under 112 bits of strength).
    WeakKey,
    /// Signed over a digest of MD5 or older, or of SHA-1.
    WeakSignature,
    /// Its DER breaks the rules, or could not be read.
    Malformed,
}

/// A set of flaws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flaws(u8);

/// Where in its chain a certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first: the peer's own.
    Leaf,
    /// An issuer's. A root here is self-signed by nature, and its signature is nobody's proof.
    Above,
}

impl Flaw {
    pub const ALL: [Self; 6] =
        [Self::Expired, Self::NotYetValid, Self::SelfSigned, Self::WeakKey, Self::WeakSignature, Self::Malformed];

    /// In a word or two.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not yet valid",
            Self::SelfSigned => "self-signed",
            Self::WeakKey => "weak key",
            Self::WeakSignature => "weak signature",
            Self::Malformed => "malformed",
        }
    }
}

impl Flaws {
    /// Of a certificate that was shown at `second` (since 1970-01-01T00:00:00Z).
    pub fn of(certificate: &Certificate, place: Place, second: i64) -> Self {
        let mut flaws = Self::default();
        flaws.set_if(Flaw::Malformed, certificate.is_irregular());
        let Ok(parsed) = &certificate.parsed else { return flaws };
        flaws.set_if(Flaw::Expired, parsed.not_after.is_some_and(|end| end < second));
        flaws.set_if(Flaw::NotYetValid, parsed.not_before.is_some_and(|start| second < start));
        flaws.set_if(Flaw::SelfSigned, parsed.self_issued && place == Place::Leaf);
        flaws.set_if(Flaw::WeakKey, parsed.key.as_ref().is_some_and(is_weak));
        flaws.set_if(Flaw::WeakSignature, !parsed.self_issued && has_weak_signature(parsed));
        flaws
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn has(self, flaw: Flaw) -> bool {
        self.0 & bit(flaw) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Flaw> {
        Flaw::ALL.into_iter().filter(move |&flaw| self.has(flaw))
    }

    /// Those of either set.
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn set_if(&mut self, flaw: Flaw, holds: bool) {
        self.0 |= if holds { bit(flaw) } else { 0 };
    }
}

fn bit(flaw: Flaw) -> u8 {
    1 << flaw as u8
}

/// Whether a key has less than 112 bits of strength.
pub(super) fn is_weak(key: &Key) -> bool {
    let least = match registry::public_key_algorithm(&key.algorithm) {
        Some("RSA" | "RSA-PSS" | "RSA-OAEP" | "DSA" | "DH") => 2048,
        Some("ECDSA" | "ECDH") => 224,
        _ => return false,
    };
    key.bits.is_some_and(|bits| bits < least)
}

/// Whether it is signed over a digest that does not resist collisions with 112 bits.
pub(super) fn has_weak_signature(parsed: &Parsed) -> bool {
    if let Some(digest) = &parsed.facts.signature_hash {
        return WEAK_DIGESTS.contains(&digest.as_str());
    }
    let name = parsed.signature_algorithm.as_deref().and_then(registry::signature_algorithm);
    name.is_some_and(|name| WEAK_DIGESTS.into_iter().any(|digest| has_part(name, digest)))
}

/// Whether a name like `SHA1-RSA` has the part.
fn has_part(name: &str, part: &str) -> bool {
    name.split('-').any(|one| one == part)
}

const WEAK_DIGESTS: [&str; 4] = ["MD2", "MD4", "MD5", "SHA1"];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn certificate(change: impl FnOnce(&mut Parsed)) -> Certificate {
        let mut parsed = Parsed {
            version: 3,
            serial: [1].into(),
            subject: Some("CN=a".to_owned()),
            issuer: Some("CN=b".to_owned()),
            subject_common_name: None,
            issuer_common_name: None,
            not_before: Some(1_000),
            not_after: Some(2_000),
            key: Some(key("1.2.840.113549.1.1.1", 2048)),
            signature_algorithm: Some("1.2.840.113549.1.1.11".to_owned()),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            email_addresses: Vec::new(),
            uris: Vec::new(),
            names_left_out: 0,
            is_ca: None,
            facts: crate::x509::Facts::default(),
            self_issued: false,
            irregular: false,
            #[cfg(feature = "ja4plus")]
            ja4x: None,
        };
        change(&mut parsed);
        Certificate { der: [].into(), md5: [0; 16], sha1: [0; 20], sha256: [0; 32], parsed: Ok(parsed) }
    }

    fn key(algorithm: &str, bits: u32) -> Key {
        Key { algorithm: algorithm.to_owned(), bits: Some(bits), curve: None, exponent: None }
    }

    fn flaws(place: Place, second: i64, change: impl FnOnce(&mut Parsed)) -> Vec<Flaw> {
        Flaws::of(&certificate(change), place, second).iter().collect()
    }

    #[test]
    fn a_certificate_is_valid_to_its_last_second() {
        for (second, expected) in
            [(999, &[Flaw::NotYetValid][..]), (1_000, &[]), (2_000, &[]), (2_001, &[Flaw::Expired])]
        {
            assert_eq!(flaws(Place::Leaf, second, |_| ()), expected, "{second}");
        }
    }

    #[test]
    fn only_a_leaf_is_to_blame_for_being_self_signed() {
        assert_eq!(flaws(Place::Leaf, 1_500, |parsed| parsed.self_issued = true), [Flaw::SelfSigned]);
        assert_eq!(flaws(Place::Above, 1_500, |parsed| parsed.self_issued = true), []);
    }

    #[test]
    fn keys_under_112_bits_of_strength_are_weak() {
        let (rsa, ec) = ("1.2.840.113549.1.1.1", "1.2.840.10045.2.1");
        for (algorithm, bits, weak) in [(rsa, 2047, true), (rsa, 2048, false), (ec, 192, true), (ec, 224, false)] {
            let found = flaws(Place::Leaf, 1_500, |parsed| parsed.key = Some(key(algorithm, bits)));
            assert_eq!(found.contains(&Flaw::WeakKey), weak, "{algorithm} {bits}");
        }
    }

    #[test]
    fn signatures_over_broken_digests_are_weak() {
        for (oid, weak) in
            [("1.2.840.113549.1.1.4", true), ("1.2.840.113549.1.1.5", true), ("1.2.840.113549.1.1.11", false)]
        {
            let found = flaws(Place::Leaf, 1_500, |parsed| parsed.signature_algorithm = Some(oid.to_owned()));
            assert_eq!(found.contains(&Flaw::WeakSignature), weak, "{oid}");
        }
    }
}
