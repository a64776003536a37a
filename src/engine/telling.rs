//! What is told of one flow: the draft of its session's event, when each direction began, where it came from.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::draft::{Draft, Setting, Times};
#[cfg(feature = "ja4plus")]
use super::facts::Facts;
use super::intern::Interner;
use crate::capture::Timestamp;
use crate::config::Limits;
use crate::decode::{System, Tunnel, Vlans};
use crate::event::{Anomaly, Event, Protocol, Quic, TcpLatency};
use crate::flow::Key;
use crate::stats::Counters;
use crate::tls::Message;
use crate::tls::message::Loss;
use crate::wire::{Both, Direction};

/// Serves one flow after another ([`Telling::open`]).
#[derive(Debug)]
pub(super) struct Telling {
    draft: Draft,
    /// When the first byte of each direction came.
    first_byte: Both<Option<Timestamp>>,
    /// Whether a message of the direction was read.
    spoke: Both<bool>,
    vlans: Vlans,
    tunnels: Vec<Tunnel>,
    /// The start of the flow was not in the capture.
    midstream: bool,
    /// Sessions already told of this flow.
    told: u32,
    /// One side alone was heard.
    unanswered: bool,
}

/// What a flow works with and is not its own.
pub(super) struct Scene<'a, E> {
    pub(super) key: Key,
    #[cfg(feature = "ja4plus")]
    pub(super) tcp: Option<&'a super::facts::Handshake>,
    pub(super) tcp_latency: TcpLatency,
    /// Who sent the SYN, and with what system.
    pub(super) opened: Option<(Direction, System)>,
    pub(super) now: Timestamp,
    pub(super) interner: &'a mut Interner,
    pub(super) counters: &'a mut Counters,
    /// Out-of-order bytes that all connections hold.
    pub(super) waiting: &'a mut usize,
    pub(super) limits: &'a Limits,
    pub(super) emit: &'a mut E,
}

/// Where a flow's first packet came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) vlans: Vlans,
    pub(super) tunnels: &'a [Tunnel],
}

/// What only the flow's own kind knows of a session that ends.
#[derive(Default)]
pub(super) struct Closing {
    pub(super) quic: Option<Box<Quic>>,
    pub(super) tcp: TcpLatency,
    pub(super) opened: Option<(Direction, System)>,
    #[cfg(feature = "ja4plus")]
    pub(super) facts: Facts,
}

impl Telling {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self {
            draft: Draft::new(protocol),
            first_byte: Both::default(),
            spoke: Both::default(),
            vlans: Vlans::default(),
            tunnels: Vec::new(),
            midstream: false,
            told: 0,
            unanswered: true,
        }
    }

    /// Makes it ready for another flow.
    pub(super) fn open(&mut self, origin: Origin<'_>, midstream: bool) {
        self.draft.reset();
        self.first_byte = Both::default();
        self.spoke = Both::default();
        self.vlans = origin.vlans;
        self.tunnels.clear();
        self.tunnels.extend_from_slice(origin.tunnels);
        self.midstream = midstream;
        self.told = 0;
        self.unanswered = true;
    }

    /// A packet that came through more tunnels than those before it: of a flow that is seen inside a tunnel and outside of
    /// it, the tunnels are told, whichever packet was first.
    #[cold]
    pub(super) fn came_through(&mut self, tunnels: &[Tunnel]) {
        if tunnels.len() > self.tunnels.len() {
            self.tunnels.clear();
            self.tunnels.extend_from_slice(tunnels);
        }
    }

    /// The first byte of a direction has come, unless it had before.
    pub(super) fn begins(&mut self, from: Direction, now: Timestamp) {
        self.first_byte[from].get_or_insert(now);
    }

    /// What has come of a direction so far is no part of the session; what comes now may be its first byte.
    pub(super) fn awaits(&mut self, from: Direction, now: Timestamp) {
        self.first_byte[from] = Some(now);
    }

    /// Takes a message.
    pub(super) fn take<E: FnMut(Event)>(&mut self, from: Direction, message: Message<'_>, scene: &mut Scene<'_, E>) {
        scene.counters.note(&message);
        let first = if self.spoke[from] { scene.now } else { self.first_byte[from].unwrap_or(scene.now) };
        self.spoke[from] = true;
        self.draft.take(from, message, Times { now: scene.now.max(first), first }, scene.interner);
    }

    /// Whether one side alone was heard.
    pub(super) fn is_unanswered(&self) -> bool {
        self.unanswered
    }

    /// Whether the other side was heard, too; says so once.
    pub(super) fn becomes_answered(&mut self) -> bool {
        let becomes = self.unanswered && self.first_byte.forward.is_some() && self.first_byte.backward.is_some();
        self.unanswered &= !becomes;
        becomes
    }

    pub(super) fn note(&mut self, anomaly: Anomaly) {
        self.draft.note(anomaly);
    }

    pub(super) fn has_content(&self) -> bool {
        self.draft.has_content()
    }

    /// The direction in which the client sends, once a message has told.
    pub(super) fn client(&self) -> Option<Direction> {
        self.draft.client()
    }

    /// When the last message came.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.draft.last()
    }

    /// The session's event, if there is anything to tell; what comes next is another one's.
    pub(super) fn tell(&mut self, closing: Closing, key: Key) -> Option<Event> {
        if !self.draft.has_content() {
            return None;
        }
        let Closing { quic, tcp, opened, .. } = closing;
        let setting = Setting {
            ends: Both { forward: key.sender(Direction::Forward), backward: key.sender(Direction::Backward) },
            vlans: self.vlans,
            tunnels: self.tunnels.clone(),
            quic,
            tcp,
            opened,
            midstream: self.midstream,
            ordinal: self.told,
            #[cfg(feature = "ja4plus")]
            facts: closing.facts,
        };
        self.told = self.told.saturating_add(1);
        Some(self.draft.finish(setting))
    }

    /// Reads a little of itself, for the sake of the cache.
    #[inline]
    pub(super) fn glance(&self) -> u64 {
        self.last().map_or(0, |last| last.0.cast_unsigned()) ^ u64::from(self.told)
    }
}

impl Counters {
    fn note(&mut self, message: &Message<'_>) {
        match message {
            Message::Lost { within: Some(_), loss: Loss::Limit } => {
                self.message_limit = self.message_limit.saturating_add(1)
            }
            Message::Lost { within: None, loss: Loss::Limit } => {
                self.reassembly_limit = self.reassembly_limit.saturating_add(1)
            }
            Message::Lost { within: None, loss: Loss::Gap } => self.gaps = self.gaps.saturating_add(1),
            Message::Lost { within: None, loss: Loss::Truncated } => self.truncated = self.truncated.saturating_add(1),
            _ => {}
        }
    }
}
