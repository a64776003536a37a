//! What is said of a chain: a status, every problem, what it was built of, and how long that stays true.
//!
//! In: nothing but values. Out: plain data that events can hold. The words are OpenSSL's where it has one.
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;

use crate::x509::Certificate;

/// One thing that is wrong with a chain, in the order in which one of several becomes its status.
///
/// The order is that of OpenSSL's checks (chain, extensions, name, signatures and dates, name constraints), with what
/// cannot be read and what was revoked before them. Weaknesses come after: `openssl verify` minds them from
/// `-auth_level 2` on alone. OpenSSL does not mind the last two at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Problem {
    /// The leaf, or a certificate that the path needs, could not be read.
    Malformed,
    /// A stapled answer, signed by the issuer or on its behalf, says so.
    Revoked,
    /// The leaf is self-signed and no trust anchor.
    SelfSigned,
    /// The path ends in a self-signed certificate that is no trust anchor.
    SelfSignedInChain,
    /// No issuer of the path's last certificate was sent, seen or trusted.
    NoIssuer,
    /// An issuer is no authority: its basic constraints or its key usage say so, or it is of version 1.
    InvalidCa,
    PathLength,
    /// The (extended) key usage is for something else.
    InvalidPurpose,
    CriticalExtension,
    /// An authority's curve has its parameters spelt out.
    ExplicitCurve,
    NameMismatch,
    BadSignature,
    /// A signature whose algorithm is not known here: whether it holds is not known.
    NotJudged,
    NotYetValid,
    Expired,
    /// A name that an authority may not vouch for (RFC 5280, section 4.2.1.10).
    NameConstraint,
    /// Less than 112 bits of strength, of any key in the path (`-auth_level 2`).
    WeakKey,
    /// Signed over MD5, SHA-1 or older, anywhere below the anchor (`-auth_level 2`).
    WeakSignature,
    /// Not in the order of issuing (RFC 5246, section 7.4.2), though there is a path.
    BadOrder,
    /// The path holds with an intermediate that was seen elsewhere and not sent here.
    Incomplete,
}

/// A set of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Problems(u32);

/// Whether the name that was asked for is one of the leaf's (RFC 9525).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameMatch {
    AlternativeName,
    /// There is no DNS name among the alternative names, and the common name is it: RFC 9525 forbids what OpenSSL still does.
    CommonName,
    None,
}

/// What is true of a chain whatever name was asked for, between two points in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathVerdict {
    pub problems: Problems,
    /// SHA-256 of the path's certificates, leaf first; the last is an anchor where [`anchored`](Self::anchored) says so.
    pub path: Vec<[u8; 32]>,
    /// The leaf's issuer, where the path has one: who may speak for it.
    pub issuer: Option<Arc<Certificate>>,
    pub anchored: bool,
    /// Subject of the anchor.
    pub anchor: Option<String>,
    /// Seconds since 1970-01-01T00:00:00Z: as long as the clock is between them (both included), nothing changes but by
    /// new intermediates.
    pub from: i64,
    pub until: i64,
    /// [`Intermediates::generation`](super::Intermediates::generation) that it was made with, where more of them might
    /// mend it.
    pub generation: Option<u64>,
}

/// What a session is told of the chain that it showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainVerdict {
    pub problems: Problems,
    /// `None` where no name was asked for, or none that could be read.
    pub name: Option<NameMatch>,
}

impl PathVerdict {
    /// Of a chain whose leaf could not be read.
    pub(super) fn malformed() -> Self {
        Self {
            problems: Problems::from_iter([Problem::Malformed]),
            path: Vec::new(),
            issuer: None,
            anchored: false,
            anchor: None,
            from: i64::MIN,
            until: i64::MAX,
            generation: None,
        }
    }

    /// Whether a verdict made earlier is still true at this second, with so many intermediates seen.
    pub fn holds(&self, second: i64, generation: u64) -> bool {
        (self.from..=self.until).contains(&second) && self.generation.is_none_or(|then| then == generation)
    }

    /// The verdict for one session.
    pub fn with(&self, name: Option<NameMatch>, revocation: Revocation) -> ChainVerdict {
        let mut problems = self.problems;
        problems.set_if(Problem::NameMismatch, name == Some(NameMatch::None));
        problems.set_if(Problem::Revoked, revocation == Revocation::Revoked);
        ChainVerdict { problems, name }
    }
}

/// What a stapled answer changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Revocation {
    /// No answer, or none that counts.
    #[default]
    Unknown,
    Good,
    Revoked,
}

impl ChainVerdict {
    /// The first problem; `None` is OpenSSL's `ok`.
    pub fn status(self) -> Option<Problem> {
        self.problems.first()
    }

    /// `ok`, or the first problem.
    pub fn as_str(self) -> &'static str {
        self.status().map_or("ok", Problem::as_str)
    }
}

impl Problem {
    pub const ALL: [Self; 20] = [
        Self::Malformed,
        Self::Revoked,
        Self::SelfSigned,
        Self::SelfSignedInChain,
        Self::NoIssuer,
        Self::InvalidCa,
        Self::PathLength,
        Self::InvalidPurpose,
        Self::CriticalExtension,
        Self::ExplicitCurve,
        Self::NameMismatch,
        Self::BadSignature,
        Self::NotJudged,
        Self::NotYetValid,
        Self::Expired,
        Self::NameConstraint,
        Self::WeakKey,
        Self::WeakSignature,
        Self::BadOrder,
        Self::Incomplete,
    ];

    /// In a few words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Revoked => "revoked",
            Self::SelfSigned => "self-signed leaf",
            Self::SelfSignedInChain => "self-signed in chain",
            Self::NoIssuer => "unable to get local issuer",
            Self::InvalidCa => "invalid CA",
            Self::PathLength => "path length exceeded",
            Self::InvalidPurpose => "unsuitable purpose",
            Self::CriticalExtension => "unhandled critical extension",
            Self::ExplicitCurve => "explicit curve parameters",
            Self::NameMismatch => "name mismatch",
            Self::BadSignature => "bad signature",
            Self::NotJudged => "not judged",
            Self::NotYetValid => "not yet valid",
            Self::Expired => "expired",
            Self::NameConstraint => "name constraint violated",
            Self::WeakKey => "weak key",
            Self::WeakSignature => "weak signature",
            Self::BadOrder => "bad order",
            Self::Incomplete => "incomplete",
        }
    }

    /// The numbers of OpenSSL's `X509_V_ERR_…` that mean this; none for what it does not tell.
    pub fn openssl(self) -> &'static [u8] {
        match self {
            Self::Malformed | Self::NotJudged | Self::BadOrder | Self::Incomplete => &[],
            Self::Revoked => &[23],
            Self::SelfSigned => &[18],
            Self::SelfSignedInChain => &[19],
            Self::NoIssuer => &[20],
            Self::InvalidCa => &[24, 32, 79],
            Self::PathLength => &[25],
            Self::InvalidPurpose => &[26],
            Self::CriticalExtension => &[34],
            Self::ExplicitCurve => &[94],
            Self::NameMismatch => &[62, 64],
            Self::BadSignature => &[4, 6, 7],
            Self::NotYetValid => &[9],
            Self::Expired => &[10],
            Self::NameConstraint => &[47, 48, 49, 51, 52, 53],
            Self::WeakKey => &[66, 67],
            Self::WeakSignature => &[68],
        }
    }
}

impl Problems {
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn has(self, problem: Problem) -> bool {
        self.0 & 1 << problem as u8 != 0
    }

    pub fn first(self) -> Option<Problem> {
        self.iter().next()
    }

    pub fn iter(self) -> impl Iterator<Item = Problem> {
        Problem::ALL.into_iter().filter(move |&problem| self.has(problem))
    }

    pub(super) fn set(&mut self, problem: Problem) {
        self.0 |= 1 << problem as u8;
    }

    pub(super) fn set_if(&mut self, problem: Problem, holds: bool) {
        if holds {
            self.set(problem);
        }
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<T: IntoIterator<Item = Problem>>(problems: T) -> Self {
        let mut set = Self::default();
        problems.into_iter().for_each(|problem| set.set(problem));
        set
    }
}

impl NameMatch {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlternativeName => "alternative_name",
            Self::CommonName => "common_name",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_problems_is_the_status() {
        let problems: Problems = [Problem::WeakKey, Problem::Expired, Problem::NoIssuer].into_iter().collect();
        assert_eq!(problems.first(), Some(Problem::NoIssuer));
        assert_eq!(problems.iter().count(), 3);
        assert!(Problem::ALL.is_sorted() && Problem::ALL.len() <= 32);
    }

    #[test]
    fn a_session_adds_its_name_and_its_staple() {
        let path = PathVerdict {
            problems: Problems::default(),
            path: Vec::new(),
            issuer: None,
            anchored: true,
            anchor: None,
            from: 10,
            until: 20,
            generation: None,
        };
        assert_eq!(path.with(Some(NameMatch::AlternativeName), Revocation::Good).as_str(), "ok");
        assert_eq!(path.with(Some(NameMatch::None), Revocation::Unknown).as_str(), "name mismatch");
        assert_eq!(path.with(Some(NameMatch::None), Revocation::Revoked).as_str(), "revoked");
        assert!(path.holds(10, 0) && path.holds(20, 7) && !path.holds(9, 0) && !path.holds(21, 0));
        assert!(!PathVerdict { generation: Some(6), ..path }.holds(15, 7));
    }
}
