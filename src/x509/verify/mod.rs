//! Whether a chain holds.
//!
//! In: certificates as a peer sent them, others seen earlier, trust anchors, a purpose, a point in time. Out: a
//! [`PathVerdict`], which is the same for every session that shows the chain, and with a name and a stapled answer a
//! [`ChainVerdict`]. Reads no clock and no file; fetches nothing.
//!
//! What sessions share is for a cache: [`ChainKey`] names a chain, [`PathVerdict::holds`] tells how long a verdict lasts,
//! [`name_match`] is the same for each leaf and name.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod anchors;
mod checks;
mod constraints;
mod intermediates;
mod key;
mod link;
mod name;
mod path;
mod verdict;

use std::sync::Arc;

use super::Certificate;

pub use anchors::{Anchors, PemFault};
pub(super) use checks::{OCSP_SIGNING, holds_one_of};
pub use intermediates::Intermediates;
pub use key::ChainKey;
pub(super) use link::Link;
pub use name::{Host, name_match};

pub use verdict::{ChainVerdict, NameMatch, PathVerdict, Problem, Problems, Revocation};

/// What a chain is to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    Server,
    Client,
}

/// A chain to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Leaf first, as sent.
    pub chain: &'a [Arc<Certificate>],
    /// Authorities that other chains held.
    pub seen: &'a Intermediates,
    pub purpose: Purpose,
    /// Seconds since 1970-01-01T00:00:00Z, by the packets.
    pub second: i64,
}

/// Judges chains by anchors.
#[derive(Debug, Clone)]
pub struct Verifier {
    anchors: Arc<Anchors>,
}

impl Verifier {
    pub fn new(anchors: Arc<Anchors>) -> Self {
        Self { anchors }
    }

    /// What is true of a chain whatever name was asked for. Tens to hundreds of microseconds: the same for all that show
    /// the chain as long as it [holds](PathVerdict::holds).
    ///
    /// An empty chain is malformed.
    pub fn path(&self, question: &Question<'_>) -> PathVerdict {
        let Some(path) = path::find(question, &self.anchors) else { return PathVerdict::malformed() };
        let mut problems = checks::problems(&path, question.purpose, question.second);
        // What is missing may be what could not be read.
        let unreadable = || question.chain.iter().any(|certificate| Link::read(certificate).is_none());
        problems.set_if(Problem::Malformed, !path.anchored && unreadable());
        let top = path.steps.last().filter(|_| path.anchored);
        PathVerdict {
            problems,
            path: path.steps.iter().map(|step| step.link.certificate.sha256).collect(),
            issuer: path.steps.get(1).map(|step| Arc::new(step.link.certificate.clone())),
            anchored: path.anchored,
            anchor: top.and_then(|top| top.link.parsed.subject.clone()),
            from: path.window.from,
            until: path.window.until,
            generation: (!path.anchored || path.steps.iter().any(|step| step.origin == path::Origin::Seen))
                .then(|| question.seen.generation()),
        }
    }
}
