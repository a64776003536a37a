//! Is it really that browser? Holds a client's hello, and how it goes on, against the browser that the hello looks like.
//!
//! In: events of TLS over TCP, in the order of their packet times. Out: a [`Browser`] for each hello that is the shape of
//! one in `rules/browsers.toml`. Whoever copies a browser's lists gets its fingerprints; its habits (how keys relate, what
//! is drawn anew for each connection, how HTTP/2 is begun) come from other code. What is not certain in itself is held
//! against a client only when the same host does it again. Knows nothing of User-Agents, and claims nothing of hellos that
//! look like no browser's.
#![forbid(unsafe_code)]

mod hello;
mod history;
mod records;
mod table;

use std::net::IpAddr;
use std::sync::Arc;

use arrayvec::ArrayVec;

use crate::event::{Browser, Event, Evidence, MAX_EVIDENCE, Protocol, Verdict};

use history::{Histories, Seen};
use table::Table;

/// Judges one event after another; keeps a little of what each host did before.
#[derive(Debug)]
pub struct BrowserJudge {
    table: Table,
    histories: Histories,
}

/// What is known of one hello so far.
#[derive(Debug, Default)]
struct Findings {
    evidence: ArrayVec<Evidence, MAX_EVIDENCE>,
}

impl BrowserJudge {
    /// Remembers at most so many pairs of a host and a shape.
    pub fn new(hosts: usize) -> Self {
        Self { table: Table::built_in(), histories: Histories::new(hosts) }
    }

    /// Pairs of a host and a shape that were forgotten for want of room.
    pub fn forgotten(&self) -> u64 {
        self.histories.forgotten()
    }

    /// The verdict on the event's client; `None` where its hello is no browser's.
    pub fn judge(&mut self, event: &Event) -> Option<Browser> {
        let hello = event.client_hello.as_ref().filter(|_| event.protocol == Protocol::Tls)?;
        // An incomplete hello is no evidence of anything.
        hello.shape.prints.as_ref()?;
        let (index, profile) = self.table.claimed_by(&hello.shape)?;
        let mut findings = Findings::default();
        hello::check(profile, hello, &mut findings);
        records::check(profile, &event.client_records, &mut findings);
        if profile.system.is_some_and(|system| event.client_system.is_some_and(|opened| opened != system)) {
            findings.add(Evidence::ForeignSystem);
        }
        let seen = Seen { ip: event.client.ip, profile: index, now: event.timestamp };
        let before = self.histories.note(seen, profile, hello, &mut findings);
        let verdict = findings.verdict(event.client.ip, before);
        Some(Browser { claims: Arc::clone(&profile.claims), verdict, evidence: findings.evidence })
    }
}

impl Default for BrowserJudge {
    fn default() -> Self {
        Self::new(HOSTS)
    }
}

impl Findings {
    fn add(&mut self, evidence: Evidence) {
        if !self.evidence.contains(&evidence) {
            // More would add nothing to the verdict.
            let _ = self.evidence.try_push(evidence);
        }
    }

    fn add_if(&mut self, found: bool, evidence: Evidence) {
        if found {
            self.add(evidence);
        }
    }

    /// `before` are the kinds of evidence that the host's earlier hellos of this shape gave.
    fn verdict(&self, ip: IpAddr, before: Kinds) -> Verdict {
        let mut against = Weight::Nothing;
        for &evidence in &self.evidence {
            let mut weight = Weight::of(evidence);
            // Far away, a relay that ends TCP may stand between (iCloud Private Relay's run Linux): no ground for a verdict.
            let certain_enough = evidence != Evidence::ForeignSystem || is_local(ip);
            if weight == Weight::Hint && before.has_any(Kinds::alike(evidence)) && certain_enough {
                weight = Weight::Proof;
            }
            against = against.max(weight);
        }
        let in_favour = self.evidence.iter().any(|&evidence| Weight::of(evidence) == Weight::Nothing);
        match against {
            Weight::Proof => Verdict::Impersonation,
            Weight::Nothing if in_favour => Verdict::Consistent,
            _ => Verdict::Undecided,
        }
    }
}

/// What a finding is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// It speaks for the browser.
    Nothing,
    /// It has another explanation that is unlikely to come twice from one host.
    Hint,
    Proof,
}

impl Weight {
    fn of(evidence: Evidence) -> Self {
        match evidence {
            Evidence::PrefaceFits | Evidence::HybridKeyFits | Evidence::ExtensionOrderVaries => Self::Nothing,
            Evidence::PrefaceLength
            | Evidence::PrefaceWithRequest
            | Evidence::RequestTooShort
            | Evidence::ForeignSystem
            | Evidence::KeyShares => Self::Hint,
            Evidence::GreaseMissing
            | Evidence::GreaseMisplaced
            | Evidence::GreaseGroupNotShared
            | Evidence::GreaseExtensionsAlike
            | Evidence::GreaseRepeated
            | Evidence::ExtensionOrderRepeated
            | Evidence::HybridKeyNotReused
            | Evidence::HybridKeyReused
            | Evidence::AlpnOfQuic
            | Evidence::EchLength
            | Evidence::EchGreaseLength
            | Evidence::PrefaceAlone => Self::Proof,
        }
    }
}

/// A set of kinds of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Kinds(u32);

impl Kinds {
    fn of(evidence: &[Evidence]) -> Self {
        Self(evidence.iter().fold(0, |kinds, &evidence| kinds | 1 << evidence as u32))
    }

    /// Those that would confirm this one: a library that cuts its first records at random shows it in more than one way.
    fn alike(evidence: Evidence) -> Self {
        let of_records = [Evidence::PrefaceLength, Evidence::PrefaceWithRequest, Evidence::RequestTooShort];
        if of_records.contains(&evidence) { Self::of(&of_records) } else { Self::of(&[evidence]) }
    }

    fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Whether an address is of a network of one's own (RFC 1918, RFC 4193) or of this machine: its connections come from where
/// they seem to.
fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Hosts that are remembered by default: about 3 MiB.
const HOSTS: usize = 16_384;
