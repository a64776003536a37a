//! What a session's certificates and its choices are worth.
//!
//! Made by `judge`. Plain data; decides nothing.

use std::sync::Arc;

use super::Side;
use crate::x509::Certificate;
use crate::x509::ocsp::{Answer, CertificateStatus, Judgement, reason_name};
use crate::x509::verify::ChainVerdict;

/// What `judge` has found. Empty until an event was judged.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// Of a session that was agreed on.
    pub posture: Option<Arc<Posture>>,
    pub server_chain: Option<Chain>,
    pub client_chain: Option<Chain>,
    /// The stapled answer about the server's certificate.
    pub staple: Option<Arc<Staple>>,
    /// Signed certificate timestamps, by where they came from.
    pub timestamps: Timestamps,
    /// Certificates that no session before had shown.
    pub new_certificates: Option<Box<[NewCertificate]>>,
}

/// A certificate that was shown for the first time.
#[derive(Debug, Clone)]
pub struct NewCertificate {
    pub certificate: Arc<Certificate>,
    pub side: Side,
    /// From 0, which is the leaf.
    pub place: usize,
}

/// The verdict on a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chain {
    Judged(ChainVerdict),
    /// There was no time for it: see `Limits::chain_checks`.
    Unchecked,
}

/// A stapled answer, and what it counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staple {
    pub answer: Answer,
    pub judgement: Judgement,
}

/// How many timestamps came in which way (RFC 6962, section 3.3); `None` where none could have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Timestamps {
    pub certificate: Option<u32>,
    pub staple: Option<u32>,
}

/// A grade and its reasons, by the table of `rules/posture.toml`. Sessions of the same kind share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posture {
    pub grade: Arc<str>,
    /// Whether the session stays closed to who gets the server's key later; `None` where it cannot be told.
    pub forward_secrecy: Option<bool>,
    /// The worst first.
    pub weaknesses: Vec<Weakness>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weakness {
    pub name: Arc<str>,
    pub reason: Arc<str>,
}

impl Staple {
    /// When the certificate was revoked, as far as the answer tells; seconds since 1970-01-01T00:00:00Z.
    pub fn revoked_at(&self) -> Option<i64> {
        match self.answer.certificate? {
            CertificateStatus::Revoked { at, .. } => at,
            CertificateStatus::Good | CertificateStatus::Unknown => None,
        }
    }

    /// Why it was, in the words of RFC 5280, section 5.3.1.
    pub fn reason(&self) -> Option<&'static str> {
        match self.answer.certificate? {
            CertificateStatus::Revoked { reason, .. } => reason.and_then(reason_name),
            CertificateStatus::Good | CertificateStatus::Unknown => None,
        }
    }
}

impl Chain {
    /// The verdict, where somebody looked.
    pub fn verdict(self) -> Option<ChainVerdict> {
        match self {
            Self::Judged(verdict) => Some(verdict),
            Self::Unchecked => None,
        }
    }

    /// `ok`, the first problem, or that nobody looked.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Judged(verdict) => verdict.as_str(),
            Self::Unchecked => "unchecked",
        }
    }
}
