//! The record layer (RFC 8446, section 5.1): where records start and end, in a stream that comes in any pieces.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

/// Where a direction stands between two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// Within a record's five-byte header.
    Header { bytes: [u8; HEADER], have: usize },
    /// Within a record's body, `left` bytes before its end.
    Body { header: Header, left: usize },
}

/// A record's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) version: u16,
    pub(super) length: usize,
}

/// One step through a stream of records.
pub(super) enum Step<'a> {
    /// A record begins.
    Begins(Header),
    /// Bytes of the body of the record that `header` began, of which `left` are still to come.
    Fragment { header: Header, bytes: &'a [u8], left: usize },
    /// The bytes given are used up.
    More,
}

impl Position {
    /// Before a record.
    pub(super) const START: Self = Self::Header { bytes: [0; HEADER], have: 0 };

    /// Takes bytes from the front of `input`.
    #[inline]
    pub(super) fn step<'a>(&mut self, input: &mut &'a [u8]) -> Step<'a> {
        if input.is_empty() {
            return Step::More;
        }
        match self {
            Position::Header { bytes, have } => {
                for slot in bytes.iter_mut().skip(*have) {
                    let Some((first, rest)) = input.split_first() else { return Step::More };
                    *slot = *first;
                    *input = rest;
                    *have = have.saturating_add(1);
                }
                let [kind, major, minor, high, low] = *bytes;
                let length = usize::from(u16::from_be_bytes([high, low]));
                let header = Header { kind, version: u16::from_be_bytes([major, minor]), length };
                *self = if length == 0 { Self::START } else { Self::Body { header, left: length } };
                Step::Begins(header)
            }
            Position::Body { header, left } => {
                let (bytes, rest) = input.split_at_checked(*left).unwrap_or((input, &[]));
                *input = rest;
                let (header, left) = (*header, left.saturating_sub(bytes.len()));
                *self = if left == 0 { Self::START } else { Self::Body { header, left } };
                Step::Fragment { header, bytes, left }
            }
        }
    }

    /// Steps over bytes that are missing; `Err` where they may have held a record's header.
    pub(super) fn skip(&mut self, count: usize) -> Result<Header, ()> {
        match *self {
            Position::Body { header, left } if count <= left => {
                let left = left.saturating_sub(count);
                *self = if left == 0 { Self::START } else { Self::Body { header, left } };
                Ok(header)
            }
            _ => Err(()),
        }
    }
}

pub(super) const HEADER: usize = 5;
/// The longest fragment a peer may send: 2^14 + 2048 (RFC 5246, section 6.2.3).
pub(crate) const MAX_LENGTH: usize = (1 << 14) + 2048;
pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;
pub(super) const HEARTBEAT: u8 = 24;
/// An alert's level (RFC 8446, section 6).
pub(crate) const FATAL: u8 = 2;
