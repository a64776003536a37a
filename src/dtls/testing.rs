//! Builds datagrams for the tests of this layer, and notes what a session says.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]

use std::ops::Range;

use super::Session;
use crate::tls::{Caps, Message, Progress};
use crate::wire::Direction;

pub const C: Direction = Direction::Forward;
pub const S: Direction = Direction::Backward;

/// A record of epoch 0.
pub fn record(kind: u8, sequence: u64, body: &[u8]) -> Vec<u8> {
    record_of(0xfefd, 0, kind, sequence, body)
}

pub fn record_of(version: u16, epoch: u16, kind: u8, sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(version.to_be_bytes());
    bytes.extend(epoch.to_be_bytes());
    bytes.extend(&sequence.to_be_bytes()[2..]);
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.extend(body);
    bytes
}

pub fn change_cipher_spec(sequence: u64) -> Vec<u8> {
    record(20, sequence, &[1])
}

pub fn alert(sequence: u64, level: u8, description: u8) -> Vec<u8> {
    record(21, sequence, &[level, description])
}

/// A Finished of epoch 1.
pub fn sealed(sequence: u64) -> Vec<u8> {
    record_of(0xfefd, 1, 22, sequence, &[0xee; 40])
}

/// A record of epoch 2 of DTLS 1.3: no connection id, a long sequence number, a length.
pub fn unified() -> Vec<u8> {
    let mut bytes = vec![0x2e, 0x12, 0x34, 0, 24];
    bytes.extend([0xee; 24]);
    bytes
}

/// A handshake message.
#[derive(Debug, Clone)]
pub struct Hand {
    pub kind: u8,
    pub sequence: u16,
    pub body: Vec<u8>,
}

pub fn hand(kind: u8, sequence: u16, body: &[u8]) -> Hand {
    Hand { kind, sequence, body: body.to_vec() }
}

impl Hand {
    pub fn part(&self, range: Range<usize>) -> Vec<u8> {
        let u24 = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
        let mut bytes = vec![self.kind];
        bytes.extend(u24(self.body.len()));
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(u24(range.start));
        bytes.extend(u24(range.len()));
        bytes.extend(&self.body[range]);
        bytes
    }

    pub fn whole(&self) -> Vec<u8> {
        self.part(0..self.body.len())
    }

    /// In a record of its own.
    pub fn at(&self, sequence: u64) -> Vec<u8> {
        record(22, sequence, &self.whole())
    }

    pub fn part_at(&self, sequence: u64, range: Range<usize>) -> Vec<u8> {
        record(22, sequence, &self.part(range))
    }
}

pub fn client_hello(sequence: u16, random: u8, cookie: &[u8]) -> Hand {
    let mut body = vec![0xfe, 0xfd];
    body.extend([random; 32]);
    body.extend([0, cookie.len() as u8]);
    body.extend(cookie);
    body.extend([0, 2, 0xc0, 0x2f, 1, 0]);
    // supported_groups
    body.extend([0, 8, 0, 10, 0, 4, 0, 2, 0, 29]);
    hand(1, sequence, &body)
}

pub fn server_hello(sequence: u16) -> Hand {
    let mut body = vec![0xfe, 0xfd];
    body.extend([7; 32]);
    body.extend([0, 0xc0, 0x2f, 0]);
    hand(2, sequence, &body)
}

/// A ServerHello that chooses DTLS 1.3 by supported_versions, with this random.
pub fn server_hello_13(sequence: u16, random: [u8; 32]) -> Hand {
    let mut body = vec![0xfe, 0xfd];
    body.extend(random);
    body.extend([0, 0x13, 0x01, 0, 0, 6, 0, 43, 0, 2, 0xfe, 0xfc]);
    hand(2, sequence, &body)
}

pub fn hello_verify_request(sequence: u16) -> Hand {
    hand(3, sequence, &[0xfe, 0xff, 4, 1, 2, 3, 4])
}

pub fn certificate(sequence: u16, size: usize) -> Hand {
    let mut body = Vec::new();
    for length in [size + 3, size] {
        body.extend(&(length as u32).to_be_bytes()[1..]);
    }
    body.extend((0..size).map(|at| at as u8));
    hand(11, sequence, &body)
}

/// A session and what it has said.
pub struct Talk {
    pub session: Session,
    pub said: Vec<(Direction, String)>,
    pub progress: Progress,
}

impl Talk {
    pub fn new() -> Self {
        Self::with(Caps { client_hello: 1 << 14, other: 1 << 16 })
    }

    pub fn with(caps: Caps) -> Self {
        Self { session: Session::new(caps), said: Vec::new(), progress: Progress::Reading }
    }

    pub fn push(mut self, from: Direction, payload: &[u8]) -> Self {
        self.take(from, payload, 0);
        self
    }

    /// A datagram of which a snap length has left so much.
    pub fn push_cut(mut self, from: Direction, payload: &[u8], left: usize) -> Self {
        self.take(from, &payload[..left], (payload.len() - left) as u32);
        self
    }

    pub fn take(&mut self, from: Direction, payload: &[u8], cut: u32) {
        let said = &mut self.said;
        self.progress = self.session.push(from, payload, cut, &mut |from, message| said.push((from, text(&message))));
    }

    pub fn finish(mut self) -> Self {
        let said = &mut self.said;
        self.session.finish(&mut |from, message| said.push((from, text(&message))));
        self
    }

    /// What one side said, in short.
    pub fn of(&self, from: Direction) -> Vec<&str> {
        self.said.iter().filter(|(said, _)| *said == from).map(|(_, text)| short(text)).collect()
    }
}

fn text(message: &Message<'_>) -> String {
    format!("{message:?}")
}

/// Without what hellos and certificates contain.
fn short(text: &str) -> &str {
    match ["ClientHello(", "ServerHello(", "HelloRetryRequest(", "Certificates("]
        .iter()
        .find(|name| text.starts_with(**name))
    {
        Some(name) => name.trim_end_matches('('),
        None => text,
    }
}
