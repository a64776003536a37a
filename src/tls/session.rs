//! One TLS session: both directions of a stream, read until nothing more can be learnt in the clear.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod story;

use super::message::{Joiner, Loss, Message};
use super::probe::{self, Peer, Verdict};
use super::record::{self, Header, Position, Step};
use super::sslv2;
use crate::wire::{Both, Direction};

pub use story::{CERTIFICATE, is_tls13};
use story::{CLIENT_HELLO, SSL_2_0, Story};

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
    caps: Caps,
}

/// One direction's place in its records and messages.
#[derive(Debug)]
struct End {
    layer: Layer,
    joiner: Joiner,
}

#[derive(Debug)]
enum Layer {
    Probing {
        prefix: [u8; probe::ENOUGH],
        have: usize,
    },
    Records(Position),
    /// Within a version 2 record, of which so much is here.
    Sslv2(Vec<u8>),
    /// Nothing more can be read from this direction.
    Dead,
}

impl Session {
    pub fn new(caps: Caps) -> Self {
        Self { ends: Both { forward: End::new(), backward: End::new() }, story: Story::default(), caps }
    }

    /// Makes it ready for another stream.
    pub fn reset(&mut self) {
        for end in [&mut self.ends.forward, &mut self.ends.backward] {
            end.layer = Layer::START;
            end.joiner.reset();
        }
        self.story = Story::default();
    }

    /// Reads a little of itself, for the sake of the cache.
    #[inline]
    pub fn glance(&self) -> u64 {
        u64::from(self.story.secured.forward)
            ^ u64::from(self.ends.forward.joiner.is_within())
            ^ u64::from(self.ends.backward.joiner.is_within())
    }

    /// Whether a stream that begins like this is not TLS, whatever comes.
    pub fn is_other_than_tls(bytes: &[u8]) -> bool {
        probe::judge(bytes, Peer::Unknown) == Verdict::Neither
    }

    /// Whether a direction may begin like this, given what the other has said; `None` where the bytes are too few to tell.
    pub fn may_start_with(&self, bytes: &[u8]) -> Option<bool> {
        match probe::judge(bytes, self.story.peer()) {
            Verdict::Tls | Verdict::Sslv2 => Some(true),
            Verdict::Neither => Some(false),
            Verdict::More => None,
        }
    }

    /// Takes the next bytes of a direction, and gives what they say to `out`.
    pub fn push(&mut self, from: Direction, bytes: &[u8], out: &mut impl FnMut(Direction, Message<'_>)) -> Progress {
        let Self { ends, story, caps } = self;
        let end = &mut ends[from];
        let mut said = |message: Message<'_>| out(from, message);
        if let Layer::Probing { prefix, have } = &mut end.layer {
            for (slot, byte) in prefix.iter_mut().skip(*have).zip(bytes) {
                *slot = *byte;
            }
            let before = *have;
            let all = before.saturating_add(bytes.len());
            *have = all.min(probe::ENOUGH);
            let (prefix, have) = (*prefix, *have);
            let known = prefix.get(..have).unwrap_or_default();
            match probe::judge(known, story.peer()) {
                Verdict::More => return Progress::Reading,
                Verdict::Neither => {
                    end.layer = Layer::Dead;
                    story.not_tls(from, &mut said);
                    return story.progress(from);
                }
                Verdict::Tls => end.layer = Layer::Records(Position::START),
                Verdict::Sslv2 => end.layer = Layer::Sslv2(Vec::new()),
            }
            // The prefix of earlier calls first, then this call's bytes.
            let earlier = prefix.get(..before.min(have)).unwrap_or_default();
            end.read(from, earlier, story, *caps, &mut said);
        }
        end.read(from, bytes, story, *caps, &mut said);
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

    /// Nothing more will come of either direction: what was begun is given out as far as it came.
    pub fn finish(&mut self, out: &mut impl FnMut(Direction, Message<'_>)) {
        for from in [Direction::Forward, Direction::Backward] {
            let end = &mut self.ends[from];
            let mut said = |message: Message<'_>| out(from, message);
            if let Layer::Sslv2(bytes) = &end.layer {
                self.story.sslv2(bytes, &mut said);
            }
            end.joiner.cut(Loss::Truncated, &mut |joined| self.story.joined(from, joined, &mut said));
            end.layer = Layer::Dead;
        }
    }
}

impl Layer {
    const START: Self = Layer::Probing { prefix: [0; probe::ENOUGH], have: 0 };
}

impl End {
    fn new() -> Self {
        Self { layer: Layer::START, joiner: Joiner::default() }
    }

    fn read(
        &mut self,
        from: Direction,
        mut bytes: &[u8],
        story: &mut Story,
        caps: Caps,
        said: &mut impl FnMut(Message<'_>),
    ) {
        loop {
            match &mut self.layer {
                Layer::Probing { .. } | Layer::Dead => return,
                Layer::Sslv2(collected) => {
                    let Some(rest) = sslv2::collect(collected, bytes) else { return };
                    bytes = rest;
                    let record = std::mem::take(collected);
                    story.sslv2(&record, said);
                    // TLS answers, and goes on, in TLS records; SSL 2.0 encrypts from here.
                    let tls = story.version != Some(SSL_2_0);
                    self.layer = if tls { Layer::Records(Position::START) } else { Layer::Dead };
                }
                Layer::Records(position) => match position.step(&mut bytes) {
                    Step::More => return,
                    Step::Begins(header) => {
                        if !(record::CHANGE_CIPHER_SPEC..=record::HEARTBEAT).contains(&header.kind) {
                            self.layer = Layer::Dead;
                            story.lost[from] = true;
                            // Garbage behind encrypted records says nothing about the handshake.
                            if story.secured[from] == 0 {
                                said(Message::NotARecord);
                            }
                            return;
                        }
                        self.begin(from, header, story, said);
                    }
                    Step::Fragment { header, bytes, left } => {
                        self.fragment(from, Fragment { header, bytes, left }, story, caps, said)
                    }
                },
            }
        }
    }

    fn begin(&mut self, from: Direction, header: Header, story: &mut Story, said: &mut impl FnMut(Message<'_>)) {
        if !matches!(header.version, 0x0300..=0x0304 | 0x7f00..=0x7fff) {
            said(Message::UnknownRecordVersion);
        }
        if header.length > record::MAX_LENGTH {
            said(Message::OversizedRecord);
        }
        story.alert[from] = None;
        let encrypted = match header.kind {
            record::APPLICATION_DATA => true,
            record::HANDSHAKE | record::ALERT => story.encrypts(from),
            _ => false,
        };
        if encrypted {
            if story.secured[from] == 0 {
                said(Message::Secured);
            }
            story.secured[from] = story.secured[from].saturating_add(1);
        }
    }

    fn fragment(
        &mut self,
        from: Direction,
        fragment: Fragment<'_>,
        story: &mut Story,
        caps: Caps,
        said: &mut impl FnMut(Message<'_>),
    ) {
        let Fragment { header, bytes, left } = fragment;
        match header.kind {
            record::HANDSHAKE if !story.encrypts(from) || story.null_cipher_mac.is_some() => {
                let bytes = match story.null_cipher_mac {
                    Some(mac) if story.changed_cipher[from] => without_mac(bytes, left, mac),
                    _ => bytes,
                };
                let readable = story.null_cipher_mac.is_some() || self.joiner.is_within() || may_be_hello(bytes);
                if story.changed_cipher[from] && story.version.is_none() && !readable {
                    // After a ChangeCipherSpec, with the other side unseen: a second ClientHello of TLS 1.3, or the
                    // encrypted Finished of an older version.
                    if story.secured[from] == 0 {
                        said(Message::Secured);
                    }
                    story.secured[from] = story.secured[from].saturating_add(1);
                    return;
                }
                let cap = |kind| if kind == CLIENT_HELLO { caps.client_hello } else { caps.other };
                self.joiner.push(bytes, cap, |joined| story.joined(from, joined, said));
            }
            record::ALERT if header.length == 2 && !story.encrypts(from) => {
                for &byte in bytes {
                    match story.alert[from].take() {
                        None => story.alert[from] = Some(byte),
                        Some(level) => {
                            story.failed |= level == FATAL;
                            said(Message::Alert { level, description: byte });
                        }
                    }
                }
            }
            record::CHANGE_CIPHER_SPEC if left == 0 => {
                // TLS 1.3 sends it for the middleboxes' sake alone (RFC 8446, appendix D.4).
                if !story.is_tls13() {
                    story.changed_cipher[from] = true;
                }
                said(Message::ChangeCipherSpec);
            }
            _ => {}
        }
    }

    fn skip(&mut self, from: Direction, hole: Hole, story: &mut Story, said: &mut impl FnMut(Message<'_>)) {
        let Hole { count, loss } = hole;
        let within_handshake =
            |header: Header, story: &Story| header.kind == record::HANDSHAKE && !story.encrypts(from);
        match &mut self.layer {
            Layer::Dead => return,
            Layer::Records(position) => match position.skip(count) {
                Ok(header) if within_handshake(header, story) => {
                    self.joiner.skip(count, loss, |joined| story.joined(from, joined, said));
                    // The message may have been told already; that bytes are missing is told in any case.
                    said(Message::Lost { within: None, loss });
                    return;
                }
                Ok(_) => return,
                Err(()) => {}
            },
            Layer::Sslv2(bytes) => {
                let record = std::mem::take(bytes);
                story.sslv2(&record, said);
            }
            Layer::Probing { .. } => {}
        }
        self.joiner.cut(loss, &mut |joined| story.joined(from, joined, said));
        self.layer = Layer::Dead;
        story.lost[from] = true;
        if story.secured[from] == 0 {
            said(Message::Lost { within: None, loss });
        }
    }
}

struct Hole {
    count: usize,
    loss: Loss,
}

struct Fragment<'a> {
    header: Header,
    bytes: &'a [u8],
    left: usize,
}

/// Cuts the MAC off a fragment, `left` bytes before its record's end.
fn without_mac(bytes: &[u8], left: usize, mac: usize) -> &[u8] {
    let of_mac = mac.saturating_sub(left).min(bytes.len());
    bytes.get(..bytes.len().saturating_sub(of_mac)).unwrap_or_default()
}

/// Whether a handshake fragment may begin a ClientHello.
fn may_be_hello(bytes: &[u8]) -> bool {
    matches!(*bytes, [CLIENT_HELLO] | [CLIENT_HELLO, 0] | [CLIENT_HELLO, 0, 0..=0x40, ..])
}

const FATAL: u8 = 2;
