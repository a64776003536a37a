//! Counters: what was seen, what was dropped, which cap was hit; and where they are told while a run lasts ([`Ledger`]).

mod kept;
mod ledger;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use kept::{Kept, KeptCounters};
pub use ledger::{Lane, Ledger, Phase, STUCK};

/// What an engine, or a whole run (their sum), has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    pub flows: u64,
    pub sessions: u64,
    /// Frames that no decoder reads (other protocols).
    pub packets_ignored: u64,
    /// Frames whose headers contradict themselves or end too early.
    pub packets_malformed: u64,
    pub fragments: u64,
    pub fragments_dropped: u64,
    pub flows_evicted: u64,
    /// Flows evicted while half-open.
    pub half_open_evicted: u64,
    /// Directions whose out-of-order bytes went over the cap.
    pub reassembly_limit: u64,
    /// Handshake messages over the cap.
    pub message_limit: u64,
    /// Directions with a hole.
    pub gaps: u64,
    /// Directions of which a snap length cut bytes, or that ended inside a message.
    pub truncated: u64,
    /// Chains of certificates that were not judged for want of time (live only).
    pub chains_unchecked: u64,
    /// Groups of sessions that correlation rules forgot before their time, to stay within `rule_groups` and `rule_bytes`.
    pub rule_groups_evicted: u64,
    /// Sessions that correlation rules were told of too late to count them.
    pub late_matches: u64,
    /// Numbers for which a percentile had no room.
    pub numbers_left_out: u64,
    /// Alerts that were held back, to be told as a number with another.
    pub alerts_suppressed: u64,
    /// Keys of held-back alerts that were forgotten before their time, to stay within `suppressed_keys`.
    pub suppressions_evicted: u64,
    /// Events that the sinks could not take in time (live only).
    pub events_shed: u64,
    /// Packets that the kernel or the interface lost, or that were shed (live only).
    pub packets_dropped: u64,
}

/// What an interface has given, and what of it was lost, by reason (live only).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceCounters {
    pub name: Arc<str>,
    /// Packets that were taken.
    pub packets: u64,
    pub losses: Losses,
}

/// Packets that were lost, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Losses {
    /// The kernel's buffer was full.
    pub kernel: u64,
    /// The interface or its driver had no room.
    pub interface: u64,
    /// Application data that was left out so that handshakes find room.
    pub shed: u64,
}

impl Losses {
    pub fn add(&mut self, other: Losses) {
        self.kernel += other.kernel;
        self.interface += other.interface;
        self.shed += other.shed;
    }

    pub fn total(self) -> u64 {
        self.kernel + self.interface + self.shed
    }
}

impl Counters {
    /// Adds what another shard has counted.
    pub fn add(&mut self, other: &Counters) {
        let Counters {
            packets,
            bytes,
            flows,
            sessions,
            packets_ignored,
            packets_malformed,
            fragments,
            fragments_dropped,
            flows_evicted,
            half_open_evicted,
            reassembly_limit,
            message_limit,
            gaps,
            truncated,
            chains_unchecked,
            rule_groups_evicted,
            late_matches,
            numbers_left_out,
            alerts_suppressed,
            suppressions_evicted,
            events_shed,
            packets_dropped,
        } = other;
        self.packets += packets;
        self.bytes += bytes;
        self.flows += flows;
        self.sessions += sessions;
        self.packets_ignored += packets_ignored;
        self.packets_malformed += packets_malformed;
        self.fragments += fragments;
        self.fragments_dropped += fragments_dropped;
        self.flows_evicted += flows_evicted;
        self.half_open_evicted += half_open_evicted;
        self.reassembly_limit += reassembly_limit;
        self.message_limit += message_limit;
        self.gaps += gaps;
        self.truncated += truncated;
        self.chains_unchecked += chains_unchecked;
        self.rule_groups_evicted += rule_groups_evicted;
        self.late_matches += late_matches;
        self.numbers_left_out += numbers_left_out;
        self.alerts_suppressed += alerts_suppressed;
        self.suppressions_evicted += suppressions_evicted;
        self.events_shed += events_shed;
        self.packets_dropped += packets_dropped;
    }
}
