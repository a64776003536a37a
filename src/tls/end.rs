//! One direction of a session: where it stands in its records and in the messages that they carry.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::message::{Joiner, Loss, Message};
use super::preamble::Preamble;
use super::preamble::tds::Packets;
use super::record::{self, Header, Position, Step};
use super::session::Caps;
use super::sslv2;
use super::story::{CLIENT_HELLO, SSL_2_0, Story};
use crate::wire::Direction;

/// One direction's place in its records and messages.
#[derive(Debug)]
pub(super) struct End {
    pub(super) layer: Layer,
    /// Apart from the rest, which it would only keep out of the cache: most directions begin with TLS.
    pub(super) preamble: Box<Preamble>,
    /// Whether the preamble has taken bytes.
    pub(super) before_tls: bool,
    /// TLS has begun.
    pub(super) begun: bool,
    /// What the records travel in, if they do not stand in the stream as they are.
    pub(super) packets: Option<Packets>,
    pub(super) joiner: Joiner,
}

#[derive(Debug)]
pub(super) enum Layer {
    /// Before TLS.
    Preamble,
    Records(Position),
    /// Within a version 2 record, of which so much is here.
    Sslv2(Vec<u8>),
    /// Nothing more can be read from this direction.
    Dead,
}

impl End {
    pub(super) fn new() -> Self {
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
    pub(super) fn has_preamble(&self) -> bool {
        self.before_tls && self.preamble.has_read()
    }

    /// Why bytes before TLS are missing.
    pub(super) fn hole(&self) -> Option<Loss> {
        if self.before_tls { self.preamble.hole() } else { None }
    }

    /// The direction went on, or began, with something else than TLS.
    pub(super) fn is_other(&mut self, from: Direction, story: &mut Story, said: &mut impl FnMut(Message<'_>)) {
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

    pub(super) fn read(
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

    pub(super) fn skip(&mut self, from: Direction, hole: Hole, story: &mut Story, said: &mut impl FnMut(Message<'_>)) {
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

pub(super) struct Hole {
    pub(super) count: usize,
    pub(super) loss: Loss,
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
