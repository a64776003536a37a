//! The record layer in a datagram (RFC 6347, section 4.1; RFC 9147, section 4; RFC 9146, section 4).

pub(super) use crate::tls::record::{ALERT, CHANGE_CIPHER_SPEC, FATAL, HANDSHAKE, MAX_LENGTH};
use crate::wire::{Cursor, Incomplete};

/// Walks the records of a datagram.
#[derive(Debug, Clone)]
pub(super) struct Datagram<'a> {
    rest: Cursor<'a>,
    /// Bytes that a snap length has taken off the end.
    cut: usize,
    state: State,
}

/// What stands in a datagram.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    /// A record of epoch 0.
    Plain(Plain<'a>),
    /// An encrypted record with DTLS 1.2's header.
    Sealed,
    /// One with the unified header of DTLS 1.3, or what only looks like it.
    Unified,
    /// Records of epoch 0, or what may have followed them, were cut off.
    Cut,
    /// Behind a record: something that is none. Nothing of the datagram follows.
    Foreign,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Plain<'a> {
    pub(super) kind: u8,
    pub(super) version: u16,
    pub(super) sequence: u64,
    /// Its length by its header; what is more than `body` was cut off.
    pub(super) length: usize,
    pub(super) body: &'a [u8],
}

/// What was before the place that the walk has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Plain,
    Encrypted,
    Over,
}

impl<'a> Datagram<'a> {
    pub(super) fn new(payload: &'a [u8], cut: u32) -> Self {
        Self { rest: Cursor::new(payload), cut: usize::try_from(cut).unwrap_or(usize::MAX), state: State::Start }
    }

    /// The next record; `None` where there is none.
    fn record(&mut self) -> Result<Option<Step<'a>>, Incomplete> {
        self.skip_preamble();
        let mut ahead = self.rest;
        let kind = ahead.u8()?;
        if is_unified(kind) {
            return self.unified(kind);
        }
        if !is_content_type(kind) {
            return Ok(None);
        }
        let version = ahead.u16()?;
        if !is_like_a_version(version) {
            return Ok(None);
        }
        let epoch = ahead.u16()?;
        let [a, b, c, d, e, f] = ahead.array()?;
        let length = usize::from(ahead.u16()?);
        if kind == TLS12_CID {
            // What stands there is a connection id of a length not told: where the record ends is not known.
            self.state = State::Over;
            return Ok(Some(Step::Sealed));
        }
        let (body, whole) = ahead.take_readable(length);
        let missing = length.saturating_sub(body.len());
        if missing > self.cut {
            return Ok(None);
        }
        self.rest = ahead;
        if epoch > 0 {
            self.state = State::Encrypted;
            return Ok(Some(Step::Sealed));
        }
        self.cut = self.cut.saturating_sub(missing);
        self.state = if whole || self.cut > 0 { State::Plain } else { State::Over };
        let sequence = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        Ok(Some(Step::Plain(Plain { kind, version, sequence, length, body })))
    }

    /// RFC 9147, section 4: 001CSLEE, a connection id of a length not told, the sequence number, the length.
    fn unified(&mut self, first: u8) -> Result<Option<Step<'a>>, Incomplete> {
        let mut ahead = self.rest;
        ahead.u8()?;
        if first & CONNECTION_ID != 0 {
            self.state = State::Over;
            return Ok((ahead.len() > SHORTEST_CIPHERTEXT).then_some(Step::Unified));
        }
        ahead.take(if first & LONG_SEQUENCE != 0 { 2 } else { 1 })?;
        let length = match first & LENGTH {
            0 => ahead.len().saturating_add(self.cut),
            _ => usize::from(ahead.u16()?),
        };
        let (body, _) = ahead.take_readable(length);
        if length < SHORTEST_CIPHERTEXT || length.saturating_sub(body.len()) > self.cut {
            return Ok(None);
        }
        self.rest = ahead;
        self.state = State::Encrypted;
        Ok(Some(Step::Unified))
    }

    /// The preamble of CAPWAP (RFC 5415, section 4.2): version 0, type 1, 24 reserved bits.
    fn skip_preamble(&mut self) {
        let mut ahead = self.rest;
        if ahead.array() == Ok(CAPWAP_PREAMBLE)
            && ahead.rest().first().is_some_and(|&kind| is_content_type(kind) || is_unified(kind))
        {
            self.rest = ahead;
        }
    }
}

impl<'a> Iterator for Datagram<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        let before = self.state;
        if before == State::Over || (self.rest.is_empty() && self.cut == 0) {
            return None;
        }
        let read = self.record();
        if let Ok(Some(step)) = read {
            return Some(step);
        }
        self.state = State::Over;
        match (before, read) {
            (State::Plain, Err(Incomplete)) if self.cut > 0 => Some(Step::Cut),
            (State::Plain, _) => Some(Step::Foreign),
            // What begins otherwise is somebody else's (RFC 7983).
            _ => None,
        }
    }
}

/// Whether a datagram's first bytes are those of a handshake record of epoch 0, or of CAPWAP's preamble before one.
#[inline]
pub(super) fn may_be_handshake(payload: &[u8]) -> bool {
    let record = payload.strip_prefix(&CAPWAP_PREAMBLE).unwrap_or(payload);
    matches!(record, [HANDSHAKE, 0xfe | 0x01, _, 0, 0, ..])
}

/// RFC 9147, section 4.1: what begins with these bits is a DTLS 1.3 record.
fn is_unified(first: u8) -> bool {
    first & 0xe0 == 0x20
}

fn is_content_type(kind: u8) -> bool {
    (CHANGE_CIPHER_SPEC..=ACK).contains(&kind)
}

/// DTLS counts its versions down from 0xfeff; what is far below is somebody else's. 0x0100 is the one that OpenSSL had before DTLS 1.0 was published, and
/// Cisco's AnyConnect kept.
pub(super) fn is_like_a_version(version: u16) -> bool {
    matches!(version, 0xfef0..=0xfeff | 0x0100)
}

pub(super) fn is_version(version: u16) -> bool {
    matches!(version, 0xfeff | 0xfefd | 0xfefc | 0x0100)
}

const TLS12_CID: u8 = 25;
const ACK: u8 = 26;
const CAPWAP_PREAMBLE: [u8; 4] = [1, 0, 0, 0];
const CONNECTION_ID: u8 = 0x10;
const LONG_SEQUENCE: u8 = 0x08;
const LENGTH: u8 = 0x04;
/// What the mask of the sequence number is made of (RFC 9147, section 4.2.3).
const SHORTEST_CIPHERTEXT: usize = 16;
