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
use super::first_records::Watch;
use super::message::{Joiner, Loss, Message};
use super::preamble::tds::Packets;
use super::preamble::{Carrier, HOLD, Outcome, Preamble};
use super::probe::{self, Peer, Verdict};
use super::record::{self, Header, Position, Step};
use super::sslv2;
use super::story::{CLIENT_HELLO, SSL_2_0, Story};
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

/// One direction's place in its records and messages.
#[derive(Debug)]
struct End {
    layer: Layer,
    /// Apart from the rest, which it would only keep out of the cache: most directions begin with TLS.
    preamble: Box<Preamble>,
    /// Whether the preamble has taken bytes.
    before_tls: bool,
    /// TLS has begun.
    begun: bool,
    /// What the records travel in, if they do not stand in the stream as they are.
    packets: Option<Packets>,
    joiner: Joiner,
}

#[derive(Debug)]
enum Layer {
    /// Before TLS.
    Preamble,
    Records(Position),
    /// Within a version 2 record, of which so much is here.
    Sslv2(Vec<u8>),
    /// Nothing more can be read from this direction.
    Dead,
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

impl End {
    fn new() -> Self {
        Self {
            layer: Layer::Preamble,
            preamble: Box::new(Preamble::START),
            before_tls: false,
            begun: false,
            packets: None,
            joiner: Joiner::default(),
        }
    }

    /// Whether anything stands before TLS.
    fn has_preamble(&self) -> bool {
        self.before_tls && self.preamble.has_read()
    }

    /// Why bytes before TLS are missing.
    fn hole(&self) -> Option<Loss> {
        if self.before_tls { self.preamble.hole() } else { None }
    }

    /// The direction went on, or began, with something else than TLS.
    fn is_other(&mut self, from: Direction, story: &mut Story, said: &mut impl FnMut(Message<'_>)) {
        self.layer = Layer::Dead;
        match self.hole() {
            // TLS may have begun where bytes are missing.
            Some(loss) => {
                story.lost[from] = true;
                said(Message::Lost { within: None, loss });
            }
            None => story.not_tls(from, said),
        }
    }

    fn read(
        &mut self,
        from: Direction,
        mut bytes: &[u8],
        story: &mut Story,
        caps: Caps,
        said: &mut impl FnMut(Message<'_>),
    ) {
        let Some(mut packets) = self.packets else { return self.records(from, bytes, story, caps, said) };
        while let Some(carried) = packets.step(&mut bytes) {
            self.records(from, carried, story, caps, said);
        }
        self.packets = Some(packets);
    }

    fn records(
        &mut self,
        from: Direction,
        mut bytes: &[u8],
        story: &mut Story,
        caps: Caps,
        said: &mut impl FnMut(Message<'_>),
    ) {
        loop {
            match &mut self.layer {
                Layer::Preamble | Layer::Dead => return,
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
            if let Some(length) = story.first_records.take(from, header.length) {
                said(Message::ClientRecord(length));
            }
            if story.secured[from.reverse()] > 0 && story.early.record(from, header.length) {
                said(Message::EarlyDataTaken);
            }
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
                            // The hello that it answers may come late.
                            story.failed |= level == record::FATAL && story.hello.is_some();
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
        let carried = self.packets.as_mut().is_none_or(|packets| packets.skip(count).is_ok());
        match &mut self.layer {
            Layer::Dead => return,
            Layer::Records(_) if !carried => {}
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
            Layer::Preamble => {
                self.before_tls = true;
                if self.preamble.skip(count, loss).is_ok() {
                    return;
                }
            }
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
