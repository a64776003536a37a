//! Whether the chains of sessions hold, asked once for each chain.
//!
//! In: events. Out: the verdict on each side's chain, and what a stapled answer is worth. A verdict lasts as long as nothing
//! that it rests on changes; how many new ones are made in a second of packet time may be limited, so that a flood of
//! chains takes no more than its share. All stores are bounded, and begin anew when full.
#![forbid(unsafe_code)]

use std::sync::Arc;

use hashbrown::HashMap;
use sha2::{Digest, Sha256};

use crate::event::{Chain, Event, Staple};
use crate::x509::Certificate;
use crate::x509::ocsp::{Answer, CertificateStatus, Parties};
use crate::x509::verify::{
    Anchors, ChainKey, Host, Intermediates, NameMatch, PathVerdict, Purpose, Question, Revocation, Verifier, name_match,
};

/// Judges chains, and remembers.
#[derive(Debug)]
pub struct Chains {
    verifier: Verifier,
    seen: Intermediates,
    paths: HashMap<ChainKey, PathVerdict, ahash::RandomState>,
    names: HashMap<Asked, Option<NameMatch>, ahash::RandomState>,
    staples: HashMap<Stapled, Remembered, ahash::RandomState>,
    budget: Budget,
    unchecked: u64,
}

/// An answer, and whom it is held against.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Stapled {
    response: [u8; 32],
    leaf: [u8; 32],
    issuer: Option<[u8; 32]>,
}

/// What an answer was worth at a moment.
#[derive(Debug)]
struct Remembered {
    staple: Arc<Staple>,
    second: i64,
}

impl Remembered {
    /// Whether it is worth the same at another: neither its own dates nor that of a revocation lie between.
    fn holds(&self, second: i64) -> bool {
        let Staple { answer, judgement } = &*self.staple;
        let revoked = match answer.certificate {
            Some(CertificateStatus::Revoked { at: Some(at), .. }) => (at <= self.second) == (at <= second),
            _ => true,
        };
        // The signer's own certificate may end, too.
        answer.freshness(second) == judgement.freshness && revoked && self.second.abs_diff(second) < AN_HOUR
    }
}

/// A leaf, and the name that was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    leaf: [u8; 32],
    name: Box<[u8]>,
}

/// New verdicts that may be made in a second of packet time.
#[derive(Debug, Clone, Copy)]
struct Budget {
    per_second: Option<u32>,
    second: i64,
    left: u32,
}

/// What was found about a session's chains.
#[derive(Debug, Default)]
pub struct Findings {
    pub server: Option<Chain>,
    pub client: Option<Chain>,
    pub staple: Option<Arc<Staple>>,
}

impl Chains {
    /// `per_second`: new verdicts a second of packet time; `None`: as many as there are chains.
    pub fn new(anchors: Arc<Anchors>, per_second: Option<u32>) -> Self {
        Self {
            verifier: Verifier::new(anchors),
            seen: Intermediates::default(),
            paths: HashMap::default(),
            names: HashMap::default(),
            staples: HashMap::default(),
            budget: Budget { per_second, second: i64::MIN, left: 0 },
            unchecked: 0,
        }
    }

    /// Judges by other anchors: what was judged by those before is judged again.
    pub fn renew(&mut self, anchors: Arc<Anchors>) {
        self.verifier = Verifier::new(anchors);
        self.paths.clear();
        self.staples.clear();
    }

    /// New verdicts a second from now on.
    pub fn set_share(&mut self, per_second: Option<u32>) {
        self.budget.per_second = per_second;
    }

    /// Chains that were shown when the second's share was used up.
    pub fn unchecked(&self) -> u64 {
        self.unchecked
    }

    pub fn judge(&mut self, event: &Event) -> Findings {
        if event.server_chain.is_empty() && event.client_chain.is_empty() {
            return Findings::default();
        }
        let second = event.timestamp.0.div_euclid(1_000_000_000);
        let server = Shown { chain: &event.server_chain, purpose: Purpose::Server, second };
        let mut findings = Findings::default();
        if let Some(leaf) = event.server_chain.first() {
            let name = event.server_name().and_then(|name| self.name(leaf, name));
            let key = self.look(server);
            let issuer = key.and_then(|key| self.paths.get(&key)?.issuer.clone());
            findings.staple = self.staple(event, server, issuer.as_deref());
            let path = key.and_then(|key| self.paths.get(&key));
            let staple = findings.staple.as_deref();
            let revocation = staple.map_or(Revocation::Unknown, |staple| staple.judgement.revocation);
            findings.server = Some(path.map_or(Chain::Unchecked, |path| Chain::Judged(path.with(name, revocation))));
        }
        if !event.client_chain.is_empty() {
            let client = Shown { chain: &event.client_chain, purpose: Purpose::Client, second };
            let judged = |path: &PathVerdict| Chain::Judged(path.with(None, Revocation::Unknown));
            let path = self.look(client).and_then(|key| self.paths.get(&key));
            findings.client = Some(path.map_or(Chain::Unchecked, judged));
        }
        findings
    }

    /// Sees to it that a chain's verdict stands among the paths; `None` where there was no time for it.
    fn look(&mut self, shown: Shown<'_>) -> Option<ChainKey> {
        let Self { verifier, seen, paths, budget, unchecked, .. } = self;
        let key = ChainKey::of(shown.chain, shown.purpose);
        let holds = paths.get(&key).is_some_and(|known| known.holds(shown.second, seen.generation()));
        if !holds {
            if shown.purpose == Purpose::Server {
                seen.note(shown.chain);
            }
            if !budget.take(shown.second) {
                *unchecked += 1;
                return None;
            }
            if paths.len() >= MAX_PATHS {
                paths.clear();
            }
            let question = Question { chain: shown.chain, seen, purpose: shown.purpose, second: shown.second };
            paths.insert(key, verifier.path(&question));
        }
        Some(key)
    }

    fn name(&mut self, leaf: &Certificate, name: &[u8]) -> Option<NameMatch> {
        let asked = Asked { leaf: leaf.sha256, name: name.into() };
        if let Some(known) = self.names.get(&asked) {
            return *known;
        }
        if self.names.len() >= MAX_NAMES {
            self.names.clear();
        }
        let found = Host::read(name).and_then(|host| name_match(leaf, &host));
        self.names.insert(asked, found);
        found
    }

    /// What the server's stapled answer is worth: it is signed by the issuer, or on its behalf.
    fn staple(&mut self, event: &Event, shown: Shown<'_>, issuer: Option<&Certificate>) -> Option<Arc<Staple>> {
        let response = event.handshake.ocsp_response.as_deref()?;
        let leaf = shown.chain.first()?;
        let key = Stapled {
            response: Sha256::digest(response).into(),
            leaf: leaf.sha256,
            issuer: issuer.map(|issuer| issuer.sha256),
        };
        if let Some(known) = self.staples.get(&key).filter(|known| known.holds(shown.second)) {
            return Some(Arc::clone(&known.staple));
        }
        let answer = Answer::read(response, Some(leaf));
        let judgement = answer.judge(response, &Parties { leaf, issuer }, shown.second);
        let staple = Arc::new(Staple { answer, judgement });
        if self.staples.len() >= MAX_STAPLES {
            self.staples.clear();
        }
        self.staples.insert(key, Remembered { staple: Arc::clone(&staple), second: shown.second });
        Some(staple)
    }
}

/// A chain as a session showed it.
#[derive(Debug, Clone, Copy)]
struct Shown<'a> {
    chain: &'a [Arc<Certificate>],
    purpose: Purpose,
    second: i64,
}

impl Budget {
    /// Whether another verdict may be made.
    fn take(&mut self, second: i64) -> bool {
        let Some(per_second) = self.per_second else { return true };
        if self.second != second {
            (self.second, self.left) = (second, per_second);
        }
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return false,
        };
        true
    }
}

const AN_HOUR: u64 = 3_600;
/// Stapled answers that are remembered: some kilobytes each.
const MAX_STAPLES: usize = 1 << 13;
/// Chains whose verdict is remembered.
const MAX_PATHS: usize = 1 << 16;
/// Pairs of a leaf and a name that are remembered.
const MAX_NAMES: usize = 1 << 16;
