//! X.509 certificates in DER, of the sizes the web has (RFC 5280).
//!
//! The structure is right; keys and signatures are random bytes of the right form, so that the same seed gives the
//! same certificate. Chains link by name and key identifier and do not verify.

use super::rng::Rng;

/// A certificate's contents.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub subject: Name,
    pub issuer: Name,
    pub serial_len: usize,
    /// `YYMMDDHHMMSSZ`.
    pub not_before: &'static str,
    pub not_after: &'static str,
    pub key: Key,
    pub signed_with: Key,
    pub role: Role,
    /// DNS names of subjectAltName.
    pub names: Vec<String>,
    /// Signed certificate timestamps embedded, of some 119 bytes each.
    pub scts: usize,
}

impl Certificate {
    /// A server's certificate with one name, RSA, three months, two timestamps.
    pub fn server(name: &str, issuer: Name) -> Self {
        Self {
            subject: Name::common(name),
            issuer,
            serial_len: 16,
            not_before: "250501000000Z",
            not_after: "250730235959Z",
            key: Key::Rsa2048,
            signed_with: Key::Rsa2048,
            role: Role::Server,
            names: vec![name.to_string()],
            scts: 2,
        }
    }

    /// An intermediate of ten years.
    pub fn authority(subject: Name, issuer: Name) -> Self {
        Self {
            subject,
            issuer,
            serial_len: 16,
            not_before: "210101000000Z",
            not_after: "301231235959Z",
            key: Key::Rsa2048,
            signed_with: Key::Rsa2048,
            role: Role::Authority,
            names: Vec::new(),
            scts: 0,
        }
    }

    pub fn der(&self, rng: &mut Rng) -> Vec<u8> {
        let algorithm = self.signed_with.signature_algorithm();
        let tbs = tlv(
            SEQUENCE,
            [
                tlv(0xa0, integer(&[2])),
                positive(rng, self.serial_len),
                algorithm.clone(),
                self.issuer.der(),
                tlv(SEQUENCE, [tlv(UTC_TIME, self.not_before), tlv(UTC_TIME, self.not_after)].concat()),
                self.subject.der(),
                self.key.public_key(rng),
                tlv(0xa3, tlv(SEQUENCE, self.extensions(rng))),
            ]
            .concat(),
        );
        tlv(SEQUENCE, [tbs, algorithm, bit_string(&self.signed_with.signature(rng))].concat())
    }

    fn extensions(&self, rng: &mut Rng) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        out.extend(match self.role {
            // digitalSignature, keyEncipherment; keyCertSign, cRLSign
            Role::Server => critical(&[0x55, 0x1d, 0x0f], tlv(BIT_STRING, [5, 0xa0])),
            Role::Authority | Role::Root => critical(&[0x55, 0x1d, 0x0f], tlv(BIT_STRING, [1, 0x06])),
        });
        let usage = [oid(&[0x2b, 6, 1, 5, 5, 7, 3, 1]), oid(&[0x2b, 6, 1, 5, 5, 7, 3, 2])].concat();
        out.extend(extension(&[0x55, 0x1d, 0x25], tlv(SEQUENCE, usage)));
        out.extend(match self.role {
            Role::Server => critical(&[0x55, 0x1d, 0x13], tlv(SEQUENCE, [])),
            Role::Authority => {
                critical(&[0x55, 0x1d, 0x13], tlv(SEQUENCE, [tlv(BOOLEAN, [0xff]), integer(&[0])].concat()))
            }
            Role::Root => critical(&[0x55, 0x1d, 0x13], tlv(SEQUENCE, tlv(BOOLEAN, [0xff]))),
        });
        out.extend(extension(&[0x55, 0x1d, 0x0e], tlv(OCTET_STRING, self.subject.key_identifier())));
        out.extend(extension(&[0x55, 0x1d, 0x23], tlv(SEQUENCE, tlv(0x80, self.issuer.key_identifier()))));
        let site = self.issuer.site();
        let ocsp = [oid(&[0x2b, 6, 1, 5, 5, 7, 0x30, 1]), tlv(0x86, format!("http://ocsp.{site}"))].concat();
        let issuer = [oid(&[0x2b, 6, 1, 5, 5, 7, 0x30, 2]), tlv(0x86, format!("http://crt.{site}/ca.crt"))].concat();
        let access = [tlv(SEQUENCE, ocsp), tlv(SEQUENCE, issuer)].concat();
        out.extend(extension(&[0x2b, 6, 1, 5, 5, 7, 1, 1], tlv(SEQUENCE, access)));
        if !self.names.is_empty() {
            let names: Vec<u8> = self.names.iter().flat_map(|name| tlv(0x82, name)).collect();
            out.extend(extension(&[0x55, 0x1d, 0x11], tlv(SEQUENCE, names)));
        }
        let policy = tlv(SEQUENCE, tlv(SEQUENCE, oid(&[0x67, 0x81, 0x0c, 1, 2, 1])));
        out.extend(extension(&[0x55, 0x1d, 0x20], policy));
        let point = tlv(0xa0, tlv(0xa0, tlv(0x86, format!("http://crl.{site}/ca.crl"))));
        out.extend(extension(&[0x55, 0x1d, 0x1f], tlv(SEQUENCE, tlv(SEQUENCE, point))));
        if self.scts > 0 {
            out.extend(extension(SCT_LIST, tlv(OCTET_STRING, sct_list(self.scts, rng))));
        }
        out
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Server,
    /// One that issues to servers alone.
    Authority,
    /// One that issues to authorities.
    Root,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Rsa2048,
    Rsa4096,
    P256,
    P384,
}

impl Key {
    fn public_key(self, rng: &mut Rng) -> Vec<u8> {
        let curve: &[u8] = match self {
            Self::Rsa2048 | Self::Rsa4096 => {
                let algorithm = tlv(SEQUENCE, [oid(RSA_ENCRYPTION), tlv(NULL, [])].concat());
                let modulus = if self == Self::Rsa2048 { 256 } else { 512 };
                let key = tlv(SEQUENCE, [high(rng, modulus), integer(&[1, 0, 1])].concat());
                return tlv(SEQUENCE, [algorithm, bit_string(&key)].concat());
            }
            Self::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
            Self::P384 => &[0x2b, 0x81, 4, 0, 0x22],
        };
        let algorithm = tlv(SEQUENCE, [oid(EC_PUBLIC_KEY), oid(curve)].concat());
        let mut point = vec![4];
        point.extend(rng.bytes(if self == Self::P256 { 64 } else { 96 }));
        tlv(SEQUENCE, [algorithm, bit_string(&point)].concat())
    }

    fn signature_algorithm(self) -> Vec<u8> {
        match self {
            Self::Rsa2048 | Self::Rsa4096 => tlv(SEQUENCE, [oid(SHA256_RSA), tlv(NULL, [])].concat()),
            Self::P256 => tlv(SEQUENCE, oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])),
            Self::P384 => tlv(SEQUENCE, oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3])),
        }
    }

    pub fn signature(self, rng: &mut Rng) -> Vec<u8> {
        match self {
            Self::Rsa2048 => rng.bytes(256),
            Self::Rsa4096 => rng.bytes(512),
            Self::P256 => tlv(SEQUENCE, [high(rng, 32), positive(rng, 32)].concat()),
            Self::P384 => tlv(SEQUENCE, [high(rng, 48), positive(rng, 48)].concat()),
        }
    }
}

/// A distinguished name of country, organisation and common name; empty parts are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub country: String,
    pub organisation: String,
    pub common: String,
}

impl Name {
    pub fn common(common: &str) -> Self {
        Self { country: String::new(), organisation: String::new(), common: common.to_string() }
    }

    /// An authority's name: `US`, the organisation, and the common name.
    pub fn authority(organisation: &str, common: &str) -> Self {
        Self { country: "US".to_string(), organisation: organisation.to_string(), common: common.to_string() }
    }

    pub fn der(&self) -> Vec<u8> {
        let parts = [(6, PRINTABLE, &self.country), (10, UTF8, &self.organisation), (3, UTF8, &self.common)];
        let sets = parts.iter().filter(|(_, _, value)| !value.is_empty()).map(|(attribute, tag, value)| {
            let pair = [oid(&[0x55, 0x04, *attribute]), tlv(*tag, value.as_str())].concat();
            tlv(SET, tlv(SEQUENCE, pair))
        });
        tlv(SEQUENCE, sets.collect::<Vec<_>>().concat())
    }

    fn key_identifier(&self) -> Vec<u8> {
        let seed = self.der().iter().fold(0u64, |h, b| h.wrapping_mul(0x100_0000_01b3) ^ u64::from(*b));
        Rng::new(seed).bytes(20)
    }

    fn site(&self) -> String {
        let letters = self.organisation.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        format!("{}.example", letters.to_ascii_lowercase())
    }
}

/// A successful OCSP answer about one certificate (RFC 6960), its hashes and its RSA signature random.
pub fn ocsp_response(rng: &mut Rng) -> Vec<u8> {
    let sha1 = tlv(SEQUENCE, [oid(&[0x2b, 0x0e, 3, 2, 0x1a]), tlv(NULL, [])].concat());
    let hashes = [tlv(OCTET_STRING, rng.bytes(20)), tlv(OCTET_STRING, rng.bytes(20))].concat();
    let id = tlv(SEQUENCE, [sha1, hashes, positive(rng, 16)].concat());
    let now = tlv(GENERALIZED_TIME, "20250601000000Z");
    let next = tlv(0xa0, tlv(GENERALIZED_TIME, "20250608000000Z"));
    let single = tlv(SEQUENCE, [id, tlv(0x80, []), now.clone(), next].concat());
    let responder = tlv(0xa2, tlv(OCTET_STRING, rng.bytes(20)));
    let data = tlv(SEQUENCE, [responder, now, tlv(SEQUENCE, single)].concat());
    let signature = bit_string(&Key::Rsa2048.signature(rng));
    let basic = tlv(SEQUENCE, [data, Key::Rsa2048.signature_algorithm(), signature].concat());
    let answer = tlv(SEQUENCE, [oid(&[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]), tlv(OCTET_STRING, basic)].concat());
    tlv(SEQUENCE, [tlv(0x0a, [0]), tlv(0xa0, answer)].concat())
}

/// Tag, length, value.
pub fn tlv(tag: u8, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    let mut out = Vec::with_capacity(value.len() + 5);
    out.push(tag);
    match value.len() {
        len @ 0..=0x7f => out.push(len as u8),
        len @ 0x80..=0xff => out.extend_from_slice(&[0x81, len as u8]),
        len => {
            out.push(0x82);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(value);
    out
}

fn oid(content: &[u8]) -> Vec<u8> {
    tlv(0x06, content)
}

fn integer(value: &[u8]) -> Vec<u8> {
    tlv(0x02, value)
}

/// A positive INTEGER of exactly `len` bytes.
fn positive(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut value = rng.bytes(len);
    value[0] = value[0] & 0x3f | 0x40;
    integer(&value)
}

/// A positive INTEGER of `len` bytes with its top bit set, and so one zero byte before them.
fn high(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut value = vec![0];
    value.extend(rng.bytes(len));
    value[1] |= 0x80;
    value[len] |= 1;
    integer(&value)
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, [&[0], bytes].concat())
}

fn extension(id: &[u8], value: Vec<u8>) -> Vec<u8> {
    tlv(SEQUENCE, [oid(id), tlv(OCTET_STRING, value)].concat())
}

fn critical(id: &[u8], value: Vec<u8>) -> Vec<u8> {
    tlv(SEQUENCE, [oid(id), tlv(BOOLEAN, [0xff]), tlv(OCTET_STRING, value)].concat())
}

/// SignedCertificateTimestampList (RFC 6962 section 3.3).
fn sct_list(count: usize, rng: &mut Rng) -> Vec<u8> {
    let mut list = Vec::new();
    for _ in 0..count {
        let signature = Key::P256.signature(rng);
        let mut sct = vec![0];
        sct.extend(rng.bytes(32));
        sct.extend_from_slice(&1_746_057_600_000u64.to_be_bytes());
        sct.extend_from_slice(&[0, 0, 4, 3]);
        sct.extend_from_slice(&(signature.len() as u16).to_be_bytes());
        sct.extend(signature);
        list.extend_from_slice(&(sct.len() as u16).to_be_bytes());
        list.extend(sct);
    }
    let mut out = (list.len() as u16).to_be_bytes().to_vec();
    out.extend(list);
    out
}

const BOOLEAN: u8 = 0x01;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const SHA256_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const SCT_LIST: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];
