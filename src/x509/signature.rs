//! Whether a signature over some bytes was made with a key.
//!
//! In: an AlgorithmIdentifier, a SubjectPublicKeyInfo, what was signed, the signature. Out: [`Judged`]. `ring` judges what it
//! knows, the RustCrypto crates what it refuses for being old or rare. Whether an algorithm is a good one is said elsewhere.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use md5::{Digest, Md5};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use ring::signature::{self as known, UnparsedPublicKey, VerificationAlgorithm};
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, PublicKey};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::der::{self, Element};
use super::facts::{self, RSASSA_PSS};
use super::fields;
use crate::wire::Cursor;

/// What came of a look at a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    Holds,
    Fails,
    /// An algorithm, a curve or a size that is not known here.
    Unknown,
}

/// A signature and what it is over. Identifier and key are the contents of their SEQUENCEs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) algorithm: &'a [u8],
    pub(super) message: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl Signed<'_> {
    /// Whether it was made with this key.
    pub(super) fn by(&self, key_info: &[u8]) -> Judged {
        let (Some(algorithm), Some(key)) = (Algorithm::read(self.algorithm), Key::read(key_info)) else {
            return Judged::Unknown;
        };
        match (algorithm, key) {
            (Algorithm::Pkcs1(hash), Key::Rsa { bits, .. }) => self.pkcs1(hash, bits),
            (Algorithm::Pss(hash, salt), Key::Rsa { bits, .. } | Key::RsaPss { bits }) => self.pss(hash, salt, bits),
            (Algorithm::Ecdsa(hash), Key::Curve { curve, point }) => self.ecdsa(hash, curve, point),
            (Algorithm::Ed25519, Key::Ed25519 { point }) => self.ring(&known::ED25519, point),
            _ => Judged::Fails,
        }
    }

    fn ring(&self, algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> Judged {
        judged(UnparsedPublicKey::new(algorithm, key).verify(self.message, self.signature).is_ok())
    }

    fn pkcs1(&self, hash: Hash, key: &[u8]) -> Judged {
        let Some((n, e)) = rsa_numbers(key) else { return Judged::Fails };
        match (hash, is_usual_size(n)) {
            (Hash::Sha256, true) => return self.ring(&known::RSA_PKCS1_2048_8192_SHA256, key),
            (Hash::Sha384, true) => return self.ring(&known::RSA_PKCS1_2048_8192_SHA384, key),
            (Hash::Sha512, true) => return self.ring(&known::RSA_PKCS1_2048_8192_SHA512, key),
            (Hash::Sha1, true) => {
                return self.ring(&known::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, key);
            }
            _ => {}
        }
        let Some(key) = rsa_key(n, e) else { return Judged::Unknown };
        let digest = hash.of(self.message);
        let scheme = Pkcs1v15Sign { hash_len: Some(digest.len()), prefix: hash.digest_info().into() };
        judged(key.verify(scheme, &digest, self.signature).is_ok())
    }

    fn pss(&self, hash: Hash, salt: usize, key: &[u8]) -> Judged {
        let Some((n, e)) = rsa_numbers(key) else { return Judged::Fails };
        if salt > MAX_SALT {
            return Judged::Fails;
        }
        let digest = hash.of(self.message);
        match (hash, is_usual_size(n) && salt == digest.len()) {
            (Hash::Sha256, true) => return self.ring(&known::RSA_PSS_2048_8192_SHA256, key),
            (Hash::Sha384, true) => return self.ring(&known::RSA_PSS_2048_8192_SHA384, key),
            (Hash::Sha512, true) => return self.ring(&known::RSA_PSS_2048_8192_SHA512, key),
            _ => {}
        }
        let Some(key) = rsa_key(n, e) else { return Judged::Unknown };
        judged(match hash {
            Hash::Md5 => return Judged::Unknown,
            Hash::Sha1 => key.verify(Pss::<Sha1>::new_with_salt(salt), &digest, self.signature).is_ok(),
            Hash::Sha224 => key.verify(Pss::<Sha224>::new_with_salt(salt), &digest, self.signature).is_ok(),
            Hash::Sha256 => key.verify(Pss::<Sha256>::new_with_salt(salt), &digest, self.signature).is_ok(),
            Hash::Sha384 => key.verify(Pss::<Sha384>::new_with_salt(salt), &digest, self.signature).is_ok(),
            Hash::Sha512 => key.verify(Pss::<Sha512>::new_with_salt(salt), &digest, self.signature).is_ok(),
        })
    }

    fn ecdsa(&self, hash: Hash, curve: Curve, point: &[u8]) -> Judged {
        match (hash, curve, point.first()) {
            (Hash::Sha256, Curve::P256, Some(4)) => return self.ring(&known::ECDSA_P256_SHA256_ASN1, point),
            (Hash::Sha384, Curve::P256, Some(4)) => return self.ring(&known::ECDSA_P256_SHA384_ASN1, point),
            (Hash::Sha256, Curve::P384, Some(4)) => return self.ring(&known::ECDSA_P384_SHA256_ASN1, point),
            (Hash::Sha384, Curve::P384, Some(4)) => return self.ring(&known::ECDSA_P384_SHA384_ASN1, point),
            _ => {}
        }
        let digest = hash.of(self.message);
        macro_rules! on {
            ($curve:ident) => {{
                use $curve::ecdsa::{DerSignature, VerifyingKey};
                let key = VerifyingKey::from_sec1_bytes(point);
                let signature = DerSignature::try_from(self.signature);
                key.ok().zip(signature.ok()).is_some_and(|(key, one)| key.verify_prehash(&digest, &one).is_ok())
            }};
        }
        judged(match curve {
            Curve::P256 => on!(p256),
            Curve::P384 => on!(p384),
            Curve::P521 => on!(p521),
        })
    }
}

fn judged(holds: bool) -> Judged {
    if holds { Judged::Holds } else { Judged::Fails }
}

#[derive(Debug, Clone, Copy)]
enum Algorithm {
    Pkcs1(Hash),
    /// With the length of its salt.
    Pss(Hash, usize),
    Ecdsa(Hash),
    Ed25519,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Debug, Clone, Copy)]
enum Curve {
    P256,
    P384,
    P521,
}

#[derive(Debug, Clone, Copy)]
enum Key<'a> {
    /// An RSAPublicKey.
    Rsa {
        bits: &'a [u8],
    },
    RsaPss {
        bits: &'a [u8],
    },
    Curve {
        curve: Curve,
        point: &'a [u8],
    },
    Ed25519 {
        point: &'a [u8],
    },
}

impl Algorithm {
    fn read(identifier: &[u8]) -> Option<Self> {
        let (oid, parameters) = fields::algorithm(identifier)?;
        if oid == RSASSA_PSS {
            return pss(parameters);
        }
        Some(match *oid {
            // 1.2.840.113549.1.1.…
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last] => Self::Pkcs1(match last {
                4 => Hash::Md5,
                5 => Hash::Sha1,
                11 => Hash::Sha256,
                12 => Hash::Sha384,
                13 => Hash::Sha512,
                14 => Hash::Sha224,
                _ => return None,
            }),
            // 1.2.840.10045.4.1 and 1.2.840.10045.4.3.…
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => Self::Ecdsa(Hash::Sha1),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, last] => Self::Ecdsa(match last {
                1 => Hash::Sha224,
                2 => Hash::Sha256,
                3 => Hash::Sha384,
                4 => Hash::Sha512,
                _ => return None,
            }),
            // 1.3.101.112
            [0x2b, 0x65, 0x70] => Self::Ed25519,
            _ => return None,
        })
    }
}

/// RSASSA-PSS-params (RFC 4055, section 3.1). MGF1 must be over the same hash.
fn pss(parameters: Option<Element<'_>>) -> Option<Algorithm> {
    let mut rest = Cursor::new(parameters.filter(|p| p.tag == der::SEQUENCE).map_or(&[][..], |p| p.body));
    let hash = match Element::tagged(&mut rest, 0xa0) {
        Some(field) => fields::algorithm(Element::tagged(&mut Cursor::new(field.body), der::SEQUENCE)?.body)?.0,
        None => facts::SHA1,
    };
    let mask = match Element::tagged(&mut rest, 0xa1) {
        Some(field) => {
            let (_, hash) = fields::algorithm(Element::tagged(&mut Cursor::new(field.body), der::SEQUENCE)?.body)?;
            fields::algorithm(hash?.body)?.0
        }
        None => facts::SHA1,
    };
    let salt = match Element::tagged(&mut rest, 0xa2) {
        Some(field) => der::small(Element::tagged(&mut Cursor::new(field.body), der::INTEGER)?.body)?,
        None => 20,
    };
    (hash == mask).then_some(())?;
    Some(Algorithm::Pss(Hash::named(hash)?, usize::try_from(salt).ok()?))
}

impl Hash {
    fn named(oid: &[u8]) -> Option<Self> {
        Some(match oid {
            facts::SHA1 => Self::Sha1,
            facts::SHA224 => Self::Sha224,
            facts::SHA256 => Self::Sha256,
            facts::SHA384 => Self::Sha384,
            facts::SHA512 => Self::Sha512,
            _ => return None,
        })
    }

    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(message).to_vec(),
            Self::Sha1 => Sha1::digest(message).to_vec(),
            Self::Sha224 => Sha224::digest(message).to_vec(),
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// What stands before the digest in a DigestInfo (RFC 8017, section 9.2, note 1).
    fn digest_info(self) -> &'static [u8] {
        match self {
            Self::Md5 => &[0x30, 0x20, 0x30, 0x0c, 6, 8, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5, 5, 0, 4, 0x10],
            Self::Sha1 => &[0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 14, 3, 2, 0x1a, 5, 0, 4, 0x14],
            Self::Sha224 => &[0x30, 0x2d, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4, 5, 0, 4, 0x1c],
            Self::Sha256 => &[0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20],
            Self::Sha384 => &[0x30, 0x41, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0, 4, 0x30],
            Self::Sha512 => &[0x30, 0x51, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 0x40],
        }
    }
}

impl<'a> Key<'a> {
    fn read(info: &'a [u8]) -> Option<Self> {
        let mut info = Cursor::new(info);
        let (oid, parameters) = fields::algorithm(Element::tagged(&mut info, der::SEQUENCE)?.body)?;
        let (unused, bits) = Element::tagged(&mut info, der::BIT_STRING)?.body.split_first()?;
        (*unused == 0).then_some(())?;
        Some(match *oid {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => Self::Rsa { bits },
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10] => Self::RsaPss { bits },
            // 1.2.840.10045.2.1
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => {
                let curve = match *parameters.filter(|p| p.tag == der::OID)?.body {
                    [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] => Curve::P256,
                    [0x2b, 0x81, 4, 0, 0x22] => Curve::P384,
                    [0x2b, 0x81, 4, 0, 0x23] => Curve::P521,
                    _ => return None,
                };
                Self::Curve { curve, point: bits }
            }
            [0x2b, 0x65, 0x70] => Self::Ed25519 { point: bits },
            _ => return None,
        })
    }
}

/// Modulus and exponent, without leading zeros.
fn rsa_numbers(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut numbers = Cursor::new(Element::tagged(&mut Cursor::new(key), der::SEQUENCE)?.body);
    let mut next = || {
        let digits = Element::tagged(&mut numbers, der::INTEGER)?.body;
        digits.get(digits.iter().take_while(|&&octet| octet == 0).count()..)
    };
    next().zip(next())
}

/// Whether `ring` takes a modulus.
fn is_usual_size(modulus: &[u8]) -> bool {
    (2048 / 8..=8192 / 8).contains(&modulus.len()) && modulus.first().is_some_and(|first| first & 0x80 != 0)
}

fn rsa_key(n: &[u8], e: &[u8]) -> Option<PublicKey> {
    let number = |digits: &[u8]| {
        let bits = u32::try_from(digits.len().checked_mul(8)?).ok()?;
        BoxedUint::from_be_slice(digits, bits).ok()
    };
    // Above, one look would take longer than a hundred chains.
    (n.len() <= MAX_MODULUS && e.len() <= MAX_EXPONENT).then_some(())?;
    PublicKey::new_with_size_limits(number(n)?, number(e)?, MIN_BITS..=MAX_MODULUS.saturating_mul(8)).ok()
}

const MIN_BITS: usize = 384;
/// Octets: 8,192 bits, as `ring` has it. OpenSSL goes to twice as many, at eight times the cost.
const MAX_MODULUS: usize = 1024;
const MAX_EXPONENT: usize = 8;
const MAX_SALT: usize = 1024;
