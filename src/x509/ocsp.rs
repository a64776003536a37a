//! A stapled answer about a certificate (RFC 6960; RFC 6066, section 8).
//!
//! In: an OCSPResponse as sent, the certificate it came with, its issuer, a time. Out: what it says, and whether that counts:
//! for this certificate, signed by who may, at this time. Asks nobody.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use md5::Digest;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::Certificate;
use super::der::{self, Element};
use super::facts::{self, EXTENDED_KEY_USAGE};
use super::fields;
use super::name::Name;
use super::sct::Scts;
use super::signature::{Judged, Signed};
use super::validity::Instant;
use super::verify::{Link, OCSP_SIGNING, Revocation, holds_one_of};
use crate::wire::Cursor;

/// What an answer says. Times are seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// responseStatus: 0 is successful; [`status_name`] names them.
    pub status: u8,
    /// `None` where the responder did not answer, or in a way that cannot be read.
    pub certificate: Option<CertificateStatus>,
    pub produced_at: Option<i64>,
    pub this_update: Option<i64>,
    pub next_update: Option<i64>,
    pub responder: Option<Responder>,
    /// The certificate it is about; big-endian content octets as sent.
    pub serial: Option<Box<[u8]>>,
    /// Timestamps of logs that came with it (RFC 6962, section 3.3).
    pub scts: Option<Scts>,
    /// It could not be read to its end.
    pub malformed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateStatus {
    Good,
    Revoked {
        /// When.
        at: Option<i64>,
        /// CRLReason; [`reason_name`] names it.
        reason: Option<u8>,
    },
    Unknown,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Responder {
    /// RFC 4514 text.
    Name(String),
    /// SHA-1 of the responder's key.
    Key(Box<[u8]>),
}

/// Whether an answer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Judgement {
    /// It is about the certificate that it came with; `None` without an issuer to know that by.
    pub fits: Option<bool>,
    pub signer: Signer,
    pub freshness: Freshness,
    pub revocation: Revocation,
}

/// By whom an answer is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signer {
    Issuer,
    /// A responder that the issuer has appointed (RFC 6960, section 4.2.2.2).
    Delegate,
    /// Somebody who may not, or the signature does not hold.
    Nobody,
    /// The issuer or the algorithm is not known.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Freshness {
    Fresh,
    /// Past its nextUpdate.
    Stale,
    /// Before its thisUpdate.
    NotYetValid,
    /// It says no time.
    Unknown,
}

impl Answer {
    /// Reads an answer as far as it goes. Of several in it, the one about this leaf.
    pub fn read(response: &[u8], leaf: Option<&Certificate>) -> Self {
        let mut answer = Self::nothing();
        answer.malformed = Response::read(response, &mut answer.status)
            .and_then(|response| response.map_or(Some(()), |response| answer.take(&response, leaf)))
            .is_none();
        answer
    }

    /// Whether it counts for `leaf` at `second`. `response` is what was [read](Self::read).
    pub fn judge(&self, response: &[u8], parties: &Parties<'_>, second: i64) -> Judgement {
        let issuer = parties.issuer.and_then(Link::read);
        let response = Response::read(response, &mut 0).flatten();
        let single = response.as_ref().and_then(|response| response.about(Some(parties.leaf)));
        let fits = issuer.as_ref().zip(single).and_then(|(issuer, single)| single.id.fits(parties.leaf, issuer));
        let signer = match (&response, &issuer) {
            (Some(response), Some(issuer)) => response.signer(issuer, second),
            _ => Signer::Unknown,
        };
        let counts = fits == Some(true) && matches!(signer, Signer::Issuer | Signer::Delegate);
        let freshness = self.freshness(second);
        let revocation = match self.certificate {
            // Nothing makes a certificate good again (but for a hold, which is one while it lasts).
            Some(CertificateStatus::Revoked { at, .. }) if counts && at.is_none_or(|at| at <= second) => {
                Revocation::Revoked
            }
            Some(CertificateStatus::Good) if counts && freshness == Freshness::Fresh => Revocation::Good,
            _ => Revocation::Unknown,
        };
        Judgement { fits, signer, freshness, revocation }
    }

    /// RFC 6960, section 4.2.2.1. Without a nextUpdate there is always a newer one, and none is too old.
    pub fn freshness(&self, second: i64) -> Freshness {
        let Some(this_update) = self.this_update else { return Freshness::Unknown };
        if second.saturating_add(SKEW) < this_update {
            return Freshness::NotYetValid;
        }
        match self.next_update {
            Some(next) if next < second => Freshness::Stale,
            _ => Freshness::Fresh,
        }
    }

    fn nothing() -> Self {
        Self {
            status: u8::MAX,
            certificate: None,
            produced_at: None,
            this_update: None,
            next_update: None,
            responder: None,
            serial: None,
            scts: None,
            malformed: false,
        }
    }

    fn take(&mut self, response: &Response<'_>, leaf: Option<&Certificate>) -> Option<()> {
        self.responder = response.responder();
        self.produced_at = Some(response.produced_at?);
        let single = response.about(leaf)?;
        self.serial = Some(single.id.serial.into());
        self.certificate = Some(single.status?);
        self.this_update = Some(single.this_update?);
        self.next_update = single.next_update;
        self.scts = single.scts;
        Some(())
    }
}

/// Whose certificate an answer came with.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    pub leaf: &'a Certificate,
    /// The next certificate of the path, where there is one.
    pub issuer: Option<&'a Certificate>,
}

/// The parts of a BasicOCSPResponse (RFC 6960, section 4.2.1).
struct Response<'a> {
    signed: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
    responder: Element<'a>,
    produced_at: Option<i64>,
    singles: &'a [u8],
    certificates: Vec<&'a [u8]>,
}

impl<'a> Response<'a> {
    /// `None` where it is none; `Some(None)` where the responder has nothing to say.
    fn read(bytes: &'a [u8], status: &mut u8) -> Option<Option<Self>> {
        let mut outer = Cursor::new(bytes);
        let mut parts = Cursor::new(Element::tagged(&mut outer, der::SEQUENCE)?.body);
        let [said] = *Element::tagged(&mut parts, ENUMERATED)?.body else { return None };
        *status = said;
        let Some(explicit) = Element::tagged(&mut parts, CONTEXT_0) else { return Some(None) };
        let mut typed = Cursor::new(Element::tagged(&mut Cursor::new(explicit.body), der::SEQUENCE)?.body);
        if Element::tagged(&mut typed, der::OID)?.body != BASIC {
            return None;
        }
        let basic = Element::tagged(&mut typed, der::OCTET_STRING)?.body;
        let mut basic = Cursor::new(Element::tagged(&mut Cursor::new(basic), der::SEQUENCE)?.body);
        let data = Element::tagged(&mut basic, der::SEQUENCE)?;
        let algorithm = Element::tagged(&mut basic, der::SEQUENCE)?.body;
        let (_, signature) = Element::tagged(&mut basic, der::BIT_STRING)?.body.split_first()?;
        let mut certificates = Vec::new();
        if let Some(explicit) = Element::tagged(&mut basic, CONTEXT_0) {
            let mut list = Cursor::new(Element::tagged(&mut Cursor::new(explicit.body), der::SEQUENCE)?.body);
            while let (Some(one), true) = (Element::next(&mut list), certificates.len() < MAX_CERTIFICATES) {
                certificates.push(one.whole);
            }
        }
        let mut fields = Cursor::new(data.body);
        let _version = Element::tagged(&mut fields, CONTEXT_0);
        let responder = Element::next(&mut fields)?;
        let produced_at = time(&Element::next(&mut fields)?);
        let singles = Element::tagged(&mut fields, der::SEQUENCE)?.body;
        Some(Some(Self { signed: data.whole, algorithm, signature, responder, produced_at, singles, certificates }))
    }

    /// The single response about a leaf, else the first.
    fn about(&self, leaf: Option<&Certificate>) -> Option<Single<'a>> {
        let serial = leaf.and_then(|leaf| leaf.parsed.as_ref().ok()).map(|parsed| &*parsed.serial);
        let mut rest = Cursor::new(self.singles);
        let mut first = None;
        for _ in 0..MAX_SINGLES {
            let Some(single) = Element::next(&mut rest) else { break };
            let single = Single::read(single.body)?;
            if serial.is_some_and(|serial| serial == single.id.serial) {
                return Some(single);
            }
            first = first.or(Some(single));
        }
        first
    }

    fn responder(&self) -> Option<Responder> {
        let mut inside = Cursor::new(self.responder.body);
        match self.responder.tag {
            0xa1 => {
                let name = Element::tagged(&mut inside, der::SEQUENCE)?;
                Some(Responder::Name(Name::read(name.body)?.text))
            }
            0xa2 => {
                let key = Element::tagged(&mut inside, der::OCTET_STRING)?.body;
                Some(Responder::Key(key.get(..MAX_KEY_HASH).unwrap_or(key).into()))
            }
            _ => None,
        }
    }

    /// RFC 6960, section 4.2.2.2: the issuer itself, or one whom it certified for this.
    fn signer(&self, issuer: &Link<'_>, second: i64) -> Signer {
        let signed = Signed { algorithm: self.algorithm, message: self.signed, signature: self.signature };
        let Some(issuer_key) = issuer.fields.key else { return Signer::Unknown };
        let direct = signed.by(issuer_key);
        if direct == Judged::Holds {
            return Signer::Issuer;
        }
        for der in &self.certificates {
            let certificate = Certificate::from_der(der);
            let Some(delegate) = Link::read(&certificate) else { continue };
            let appointed =
                delegate.extension(EXTENDED_KEY_USAGE).is_some_and(|usages| holds_one_of(usages, &[OCSP_SIGNING]));
            let of_issuer = delegate.may_be_of(issuer) && delegate.is_valid_at(second);
            if !appointed || !of_issuer || delegate.fields.key.is_none_or(|key| signed.by(key) != Judged::Holds) {
                continue;
            }
            let fields = &delegate.fields;
            let parts = (fields.signature_algorithm, fields.signed, fields.signature);
            let (Some(algorithm), Some(message), Some(signature)) = parts else { continue };
            if (Signed { algorithm, message, signature }.by(issuer_key)) == Judged::Holds {
                return Signer::Delegate;
            }
        }
        match direct {
            Judged::Unknown => Signer::Unknown,
            _ => Signer::Nobody,
        }
    }
}

/// A SingleResponse.
#[derive(Clone)]
struct Single<'a> {
    id: CertificateId<'a>,
    status: Option<CertificateStatus>,
    this_update: Option<i64>,
    next_update: Option<i64>,
    scts: Option<Scts>,
}

impl<'a> Single<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let mut fields = Cursor::new(body);
        let id = CertificateId::read(Element::tagged(&mut fields, der::SEQUENCE)?.body)?;
        let status = certificate_status(&Element::next(&mut fields)?);
        let this_update = time(&Element::next(&mut fields)?);
        let next_update = Element::tagged(&mut fields, CONTEXT_0)
            .and_then(|explicit| Element::next(&mut Cursor::new(explicit.body)))
            .and_then(|next| time(&next));
        let extensions = Element::tagged(&mut fields, 0xa1).map(|explicit| explicit.body).unwrap_or_default();
        let (extensions, _) = fields::Extension::list(extensions);
        let scts = extensions.iter().find(|extension| extension.oid == SCTS);
        let scts = scts.map(|extension| Scts::in_extension(extension.value));
        Some(Self { id, status, this_update, next_update, scts })
    }
}

/// CertID: which certificate is meant.
#[derive(Clone, Copy)]
struct CertificateId<'a> {
    hash: &'a [u8],
    issuer_name: &'a [u8],
    issuer_key: &'a [u8],
    serial: &'a [u8],
}

impl<'a> CertificateId<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let mut fields = Cursor::new(body);
        let (hash, _) = fields::algorithm(Element::tagged(&mut fields, der::SEQUENCE)?.body)?;
        Some(Self {
            hash,
            issuer_name: Element::tagged(&mut fields, der::OCTET_STRING)?.body,
            issuer_key: Element::tagged(&mut fields, der::OCTET_STRING)?.body,
            serial: Element::tagged(&mut fields, der::INTEGER)?.body,
        })
    }

    /// `None` where the hash is not known.
    fn fits(&self, leaf: &Certificate, issuer: &Link<'_>) -> Option<bool> {
        let leaf = leaf.parsed.as_ref().ok()?;
        let subject = issuer.fields.subject_whole?;
        let key = issuer.fields.key?;
        let (_, bits) = Element::tagged(&mut after_algorithm(key)?, der::BIT_STRING)?.body.split_first()?;
        let same = digest(self.hash, subject)? == self.issuer_name && digest(self.hash, bits)? == self.issuer_key;
        Some(same && *leaf.serial == *self.serial)
    }
}

/// What stands behind the AlgorithmIdentifier of a SubjectPublicKeyInfo.
fn after_algorithm(info: &[u8]) -> Option<Cursor<'_>> {
    let mut info = Cursor::new(info);
    Element::tagged(&mut info, der::SEQUENCE)?;
    Some(info)
}

fn digest(oid: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    Some(match oid {
        facts::SHA1 => Sha1::digest(bytes).to_vec(),
        facts::SHA256 => Sha256::digest(bytes).to_vec(),
        facts::SHA384 => Sha384::digest(bytes).to_vec(),
        facts::SHA512 => Sha512::digest(bytes).to_vec(),
        _ => return None,
    })
}

fn certificate_status(element: &Element<'_>) -> Option<CertificateStatus> {
    Some(match element.tag {
        0x80 => CertificateStatus::Good,
        0xa1 => {
            let mut fields = Cursor::new(element.body);
            let at = Element::next(&mut fields).and_then(|at| time(&at));
            let reason = Element::tagged(&mut fields, CONTEXT_0)
                .and_then(|explicit| Element::tagged(&mut Cursor::new(explicit.body), ENUMERATED))
                .and_then(|reason| reason.body.first().copied());
            CertificateStatus::Revoked { at, reason }
        }
        0x82 => CertificateStatus::Unknown,
        _ => return None,
    })
}

fn time(element: &Element<'_>) -> Option<i64> {
    Instant::read(element).map(|instant| instant.seconds)
}

/// OCSPResponseStatus (RFC 6960, section 4.2.1).
pub fn status_name(status: u8) -> Option<&'static str> {
    Some(match status {
        0 => "successful",
        1 => "malformedRequest",
        2 => "internalError",
        3 => "tryLater",
        5 => "sigRequired",
        6 => "unauthorized",
        _ => return None,
    })
}

/// CRLReason (RFC 5280, section 5.3.1).
pub fn reason_name(reason: u8) -> Option<&'static str> {
    Some(match reason {
        0 => "unspecified",
        1 => "keyCompromise",
        2 => "cACompromise",
        3 => "affiliationChanged",
        4 => "superseded",
        5 => "cessationOfOperation",
        6 => "certificateHold",
        8 => "removeFromCRL",
        9 => "privilegeWithdrawn",
        10 => "aACompromise",
        _ => return None,
    })
}

impl CertificateStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked { .. } => "revoked",
            Self::Unknown => "unknown",
        }
    }
}

impl Signer {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Delegate => "delegate",
            Self::Nobody => "nobody",
            Self::Unknown => "unknown",
        }
    }
}

impl Freshness {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::NotYetValid => "not yet valid",
            Self::Unknown => "unknown",
        }
    }
}

/// Seconds that a responder's clock may be ahead.
const SKEW: i64 = 300;
const MAX_CERTIFICATES: usize = 4;
const MAX_SINGLES: usize = 64;
const MAX_KEY_HASH: usize = 64;

const ENUMERATED: u8 = 0x0a;
const CONTEXT_0: u8 = 0xa0;
/// 1.3.6.1.5.5.7.48.1.1
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1, 1];
/// 1.3.6.1.4.1.11129.2.4.5
const SCTS: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 5];
