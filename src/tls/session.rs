//! One TLS session: both directions of a stream, read until nothing more can be learnt in the clear.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use arrayvec::ArrayVec;

use super::Proxied;
use super::end::{End, Hole, Layer};
use super::first_records::Watch;
use super::message::{Loss, Message};
use super::preamble::tds::Packets;
use super::preamble::{Carrier, HOLD, Outcome, Preamble};
use super::probe::{self, Peer, Verdict};
use super::record::Position;
use super::story::Story;
use super::upgrade::Upgrade;
use crate::wire::{Both, Direction};

/// The most bytes a handshake message may have.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    pub client_hello: usize,
    pub other: usize,
}

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More may come.
    Reading,
    /// Nothing more can be learnt but the lengths of the client's first records ([`Session::watch`]).
    Told,
    /// Nothing more can be learnt: the handshake is done or failed, or both directions are lost.
    Over,
    /// The stream is not TLS.
    NotTls,
}

/// Reads both directions of a stream. Made once, it serves one stream after another ([`Session::reset`]).
#[derive(Debug)]
pub struct Session {
    ends: Both<End>,
    story: Story,
    before: Before,
    caps: Caps,
}

/// What stood before TLS, as far as both directions have told.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    upgrade: Option<Upgrade>,
    proxied: Option<Proxied>,
}

impl Session {
    pub fn new(caps: Caps) -> Self {
        Self {
            ends: Both { forward: End::new(), backward: End::new() },
            story: Story::default(),
            before: Before::default(),
            caps,
        }
    }

    /// Makes it ready for another stream.
    pub fn reset(&mut self) {
        for end in [&mut self.ends.forward, &mut self.ends.backward] {
            end.layer = Layer::Preamble;
            if std::mem::take(&mut end.before_tls) {
                end.preamble.reset();
            }
            (end.begun, end.packets) = (false, None);
            end.joiner.reset();
        }
        self.story = Story::default();
        self.before = Before::default();
    }

    /// Reads a little of itself, for the sake of the cache.
    #[inline]
    pub fn glance(&self) -> u64 {
        u64::from(self.story.secured.forward)
            ^ u64::from(self.ends.forward.joiner.is_within())
            ^ u64::from(self.ends.backward.joiner.is_within())
    }

    /// Whether a stream that begins like this is not TLS and does not go over to it, whatever comes.
    pub fn is_other_than_tls(bytes: &[u8]) -> bool {
        if probe::judge(bytes, Peer::Unknown) != Verdict::Neither {
            return false;
        }
        let mut preamble = Preamble::START;
        preamble.push(bytes, Peer::Unknown) == Outcome::Other
    }

    /// Whether a direction may begin like this, given what the other has said; `None` where the bytes are too few to
    /// tell. What may stand before TLS will do where it tells of a protocol that goes over to it.
    pub fn may_start_with(&self, bytes: &[u8]) -> Option<bool> {
        match probe::judge(bytes, self.story.peer()) {
            Verdict::Tls | Verdict::Sslv2 => Some(true),
            Verdict::More => None,
            Verdict::Neither => {
                let mut preamble = Preamble::START;
                let refused = preamble.push(bytes, self.story.peer()) == Outcome::Other;
                Some(!refused && preamble.notes().evidence.is_telling())
            }
        }
    }

    /// Whether nothing of TLS has come in a direction so far: if it begins with what is pushed next, it is its first
    /// byte that is pushed.
    pub fn awaits_tls(&self, from: Direction) -> bool {
        let end = &self.ends[from];
        matches!(end.layer, Layer::Preamble) && !(end.before_tls && end.preamble.may_have_begun())
    }

    /// Takes the next bytes of a direction, and gives what they say to `out`.
    pub fn push(&mut self, from: Direction, bytes: &[u8], out: &mut impl FnMut(Direction, Message<'_>)) -> Progress {
        let mut bytes = bytes;
        if let Layer::Preamble = self.ends[from].layer {
            match self.begin(from, bytes, out) {
                Some(rest) => bytes = rest,
                None => return self.story.progress(from),
            }
        }
        self.read(from, bytes, out);
        self.story.progress(from)
    }

    /// So many bytes of a direction did not come; what follows is pushed next.
    pub fn skip(
        &mut self,
        from: Direction,
        count: usize,
        loss: Loss,
        out: &mut impl FnMut(Direction, Message<'_>),
    ) -> Progress {
        let Self { ends, story, .. } = self;
        ends[from].skip(from, Hole { count, loss }, story, &mut |message| out(from, message));
        self.story.progress(from)
    }

    /// What goes on in its place once it is [`Progress::Told`].
    pub fn watch(&self) -> Option<Watch> {
        let client = self.story.first_records.client()?;
        match &self.ends[client] {
            End { layer: Layer::Records(position), packets: None, .. } => {
                Some(Watch::new(client, self.story.first_records, *position))
            }
            _ => None,
        }
    }

    /// Nothing more will come of either direction: what was begun is given out as far as it came, and last what stood
    /// before TLS.
    pub fn finish(&mut self, out: &mut impl FnMut(Direction, Message<'_>)) {
        self.look_back();
        let straight = |end: &End| end.begun && !end.has_preamble();
        let straight = Both { forward: straight(&self.ends.forward), backward: straight(&self.ends.backward) };
        for from in Direction::BOTH {
            let end = &mut self.ends[from];
            let mut said = |message: Message<'_>| out(from, message);
            match &end.layer {
                Layer::Sslv2(bytes) => self.story.sslv2(bytes, &mut said),
                // A hello without a preamble was answered with something else.
                Layer::Preamble if end.hole().is_some() || (straight[from.reverse()] && end.has_preamble()) => {
                    end.is_other(from, &mut self.story, &mut said)
                }
                _ => {}
            }
            end.joiner.cut(Loss::Truncated, &mut |joined| self.story.joined(from, joined, &mut said));
            end.layer = Layer::Dead;
        }
        self.before.tell(Direction::Forward, out);
    }

    /// Looks for the start of TLS; where it is found, what of it came with earlier calls is read, and the rest given back.
    fn begin<'a>(
        &mut self,
        from: Direction,
        bytes: &'a [u8],
        out: &mut impl FnMut(Direction, Message<'_>),
    ) -> Option<&'a [u8]> {
        let peer = self.story.peer();
        let end = &mut self.ends[from];
        if !end.before_tls && probe::judge(bytes, peer) == Verdict::Tls {
            end.begun = true;
            end.layer = Layer::Records(Position::START);
            self.look_back();
            return Some(bytes);
        }
        end.before_tls = true;
        match end.preamble.push(bytes, peer) {
            Outcome::More => None,
            Outcome::Other => {
                end.is_other(from, &mut self.story, &mut |message| out(from, message));
                None
            }
            Outcome::Begins(carrier, rest) => {
                let mut held = ArrayVec::<u8, HOLD>::new();
                held.extend(end.preamble.held().iter().copied());
                end.begun = true;
                end.packets = (carrier == Carrier::Tds).then_some(Packets::START);
                end.layer = match carrier {
                    Carrier::Records | Carrier::Tds => Layer::Records(Position::START),
                    Carrier::Sslv2 => Layer::Sslv2(Vec::new()),
                };
                self.look_back();
                self.read(from, &held, out);
                Some(rest)
            }
        }
    }

    /// Takes bytes of TLS.
    fn read(&mut self, from: Direction, bytes: &[u8], out: &mut impl FnMut(Direction, Message<'_>)) {
        let Self { ends, story, caps, before } = self;
        let mut said = |message: Message<'_>| {
            // The session that ends here is told of before the next begins.
            if matches!(message, Message::Renegotiation) {
                before.tell(from, out);
            }
            out(from, message);
        };
        ends[from].read(from, bytes, story, *caps, &mut said);
    }

    /// Puts together what both directions have told of the time before TLS.
    fn look_back(&mut self) {
        let Both { forward, backward } = &self.ends;
        let changed = |end: &End| end.begun && end.has_preamble();
        if changed(forward) || changed(backward) {
            let (one, other) = (forward.preamble.notes(), backward.preamble.notes());
            self.before = Before {
                upgrade: Some(one.evidence.union(other.evidence).upgrade()),
                proxied: one.proxied.or(other.proxied),
            };
        }
    }
}

impl Before {
    fn tell(&self, from: Direction, out: &mut impl FnMut(Direction, Message<'_>)) {
        if let Some(upgrade) = self.upgrade {
            out(from, Message::Upgraded(upgrade));
        }
        if let Some(proxied) = self.proxied {
            out(from, Message::Proxied(proxied));
        }
    }
}
