//! One direction of a connection: its CRYPTO stream, and how much work was done for it.

use super::assembler::Assembler;
use super::identity::Seen;
use crate::tls::message::{Joined, Joiner, Loss};
use crate::tls::story::{CLIENT_HELLO, SERVER_HELLO, Story};
use crate::tls::{Caps, Message};
use crate::wire::Direction;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) seen: Seen,
    pub(super) datagrams: u32,
    /// Handshake and 1-RTT packets.
    pub(super) protected: u32,
    /// Of the last packet that could be read.
    pub(super) version: Option<u32>,
    assembler: Assembler,
    joiner: Joiner,
    hello: Hello,
    secured: bool,
    /// Packets that were tried, and that failed since the last one that did not.
    tries: u32,
    failures: u32,
    fate: Fate,
}

/// Whose messages may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    Client,
    Server,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Hello {
    #[default]
    Awaited,
    Told,
    /// It comes a second time, since the client had to begin anew.
    Repeated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Fate {
    #[default]
    Readable,
    /// By a snap length.
    Cut,
    /// Too many packets, or too many that could not be opened.
    GivenUp,
}

impl Speaker {
    /// The type of the only message that this side may send in Initial packets (RFC 9001, section 4).
    pub(super) fn hello(self) -> u8 {
        match self {
            Speaker::Client => CLIENT_HELLO,
            Speaker::Server => SERVER_HELLO,
        }
    }
}

impl End {
    /// Makes it ready for another connection.
    pub(super) fn reset(&mut self) {
        let (mut assembler, mut joiner) = (std::mem::take(&mut self.assembler), std::mem::take(&mut self.joiner));
        assembler.reset();
        joiner.reset();
        *self = Self { assembler, joiner, ..Self::default() };
    }

    /// The stream begins again, with a hello that may have been told already.
    pub(super) fn begin_anew(&mut self) {
        self.assembler.reset();
        self.joiner.reset();
        if self.hello != Hello::Awaited {
            self.hello = Hello::Repeated;
        }
    }

    /// A packet under keys that are not known.
    pub(super) fn protected(&mut self) {
        self.protected = self.protected.saturating_add(1);
    }

    /// A 1-RTT packet.
    pub(super) fn goes_on(&mut self) {
        self.seen.one_rtt = true;
        self.protected();
    }

    /// Whether a packet may be decrypted; says no once, and is given up then.
    pub(super) fn may_try(&mut self) -> bool {
        let may = self.failures < MAX_FAILURES && self.spend_try();
        if !may {
            self.fate = Fate::GivenUp;
        }
        may
    }

    /// Counts a packet that is to be decrypted; false where there were too many.
    pub(super) fn spend_try(&mut self) -> bool {
        let may = self.tries < MAX_TRIES;
        self.tries = self.tries.saturating_add(u32::from(may));
        may
    }

    pub(super) fn opened(&mut self) {
        self.failures = 0;
    }

    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// Notes that a packet was cut; true for the first one.
    pub(super) fn cut(&mut self) -> bool {
        let first = self.fate == Fate::Readable;
        if first {
            self.fate = Fate::Cut;
        }
        first
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.fate == Fate::GivenUp
    }

    /// Whether something of it could not be read.
    pub(super) fn is_lost(&self) -> bool {
        self.fate != Fate::Readable
    }

    /// Whether nothing more is to be learnt of it.
    pub(super) fn is_over(&self) -> bool {
        // A packet that came too late for its place may still fill a hole, for a while.
        let waits = self.awaits_bytes() && self.is_patient();
        self.is_lost() || (self.secured && !waits)
    }

    /// Whether a hello has not come, or not come whole.
    pub(super) fn awaits_bytes(&self) -> bool {
        self.hello == Hello::Awaited || self.assembler.has_hole() || self.joiner.is_within()
    }

    /// Whether what did not come so far may still come.
    pub(super) fn is_patient(&self) -> bool {
        !self.is_lost() && self.protected < PATIENCE
    }

    /// Whether it has gone over to keys that are not known, after its hello; true once.
    pub(super) fn becomes_secured(&mut self) -> bool {
        let becomes = self.protected > 0 && self.hello != Hello::Awaited && !self.secured;
        self.secured |= becomes;
        becomes
    }

    /// Takes a piece of the stream, and hands on what is in order.
    pub(super) fn stream(&mut self, piece: Piece<'_>, caps: Caps, out: impl FnMut(&[u8])) {
        self.assembler.push(piece.offset, piece.bytes, caps.client_hello.saturating_add(SLACK), out);
    }

    /// Takes a piece of TLS's stream, and tells the hellos that are whole by now.
    pub(super) fn crypto(&mut self, piece: Piece<'_>, caps: Caps, mut tell: Teller<'_, impl FnMut(Message<'_>)>) {
        let Self { assembler, joiner, hello, .. } = self;
        let room = caps.client_hello.saturating_add(SLACK);
        let cap = |kind| if kind == CLIENT_HELLO { caps.client_hello } else { caps.other };
        assembler.push(piece.offset, piece.bytes, room, |bytes| {
            joiner.push(bytes, cap, |joined| tell.joined(joined, hello));
        });
    }

    /// Nothing more will come: tells what was begun, as far as it came.
    pub(super) fn finish(&mut self, mut tell: Teller<'_, impl FnMut(Message<'_>)>) {
        let loss = if self.assembler.overflowed() { Loss::Limit } else { Loss::Gap };
        let incomplete = self.assembler.has_hole() || self.assembler.overflowed() || self.joiner.is_within();
        let mut told = false;
        self.joiner.cut(loss, &mut |joined| {
            told = true;
            tell.joined(joined, &mut self.hello);
        });
        if incomplete && !told {
            let within = (self.hello == Hello::Awaited).then(|| tell.speaker.hello());
            (tell.said)(Message::Lost { within, loss });
        }
        self.assembler.reset();
        self.joiner.reset();
    }
}

/// Bytes of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

/// Where a direction's messages go.
pub(super) struct Teller<'a, F> {
    pub(super) from: Direction,
    pub(super) speaker: Speaker,
    pub(super) story: &'a mut Story,
    pub(super) said: F,
}

impl<F: FnMut(Message<'_>)> Teller<'_, F> {
    fn joined(&mut self, joined: Joined<'_>, hello: &mut Hello) {
        let (Joined::Whole { kind, .. } | Joined::Cut { kind, .. }) = joined;
        if kind != self.speaker.hello() {
            (self.said)(Message::Malformed(kind));
            return;
        }
        if *hello == Hello::Repeated {
            *hello = Hello::Told;
            return;
        }
        let said = &mut self.said;
        self.story.joined(self.from, joined, &mut |message| {
            // The server may ask for another hello first; then its own is still to come.
            if matches!(message, Message::ClientHello(_) | Message::ServerHello(_) | Message::Lost { .. }) {
                *hello = Hello::Told;
            }
            said(message);
        });
    }
}

/// Protected packets of a direction, after which nothing that is missing of its hello is waited for.
const PATIENCE: u32 = 16;
/// Packets of one direction that are decrypted: a hello of 16 KiB takes fourteen, and is sent again for want of an answer.
const MAX_TRIES: u32 = 32;
/// Packets in a row that could not be opened.
const MAX_FAILURES: u32 = 8;
/// What is held beside the longest hello: the header of its message, and the start of the next.
const SLACK: usize = 1 << 10;
