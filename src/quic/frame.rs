//! The frames that may stand in an Initial packet (RFC 9000, section 12.4), and gQUIC's.
//!
//! In: a packet's payload. Out: what concerns the handshake. Anything that has no place there ends the packet.

use super::varint::{length, varint};
use crate::wire::{Cursor, Incomplete};

/// What a frame says of the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// CRYPTO, or what stood for it in gQUIC: a piece of the handshake's stream.
    Crypto { offset: u64, bytes: &'a [u8] },
    /// CONNECTION_CLOSE with an error of the transport or of TLS.
    Close { code: u64 },
}

/// Whose frames they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Ietf,
    /// Q039 to Q050, T050 and T051.
    Google,
}

/// The frames of one packet.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    cursor: Cursor<'a>,
    dialect: Dialect,
}

impl<'a> Frames<'a> {
    pub(super) fn new(payload: &'a [u8], dialect: Dialect) -> Self {
        Self { cursor: Cursor::new(payload), dialect }
    }

    /// The next frame that matters; `Incomplete` stands for the end as well.
    fn read(&mut self) -> Result<Frame<'a>, Incomplete> {
        loop {
            skip_padding(&mut self.cursor);
            let cursor = &mut self.cursor;
            let frame = match self.dialect {
                Dialect::Ietf => ietf(cursor)?,
                Dialect::Google => google(cursor)?,
            };
            if let Some(frame) = frame {
                return Ok(frame);
            }
        }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let frame = self.read().ok();
        if frame.is_none() {
            self.cursor = Cursor::new(&[]);
        }
        frame
    }
}

fn skip_padding(cursor: &mut Cursor<'_>) {
    let padding = cursor.rest().iter().take_while(|&&byte| byte == PADDING).count();
    let _ = cursor.take(padding);
}

/// RFC 9000, section 19.
fn ietf<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Frame<'a>>, Incomplete> {
    match varint(cursor)? {
        PING => Ok(None),
        kind @ (ACK | ACK_ECN) => {
            // Largest, delay; then the ranges, the first of which has no gap before it.
            varint(cursor)?;
            varint(cursor)?;
            let more = varint(cursor)?;
            varint(cursor)?;
            for _ in 0..more {
                varint(cursor)?;
                varint(cursor)?;
            }
            if kind == ACK_ECN {
                varint(cursor)?;
                varint(cursor)?;
                varint(cursor)?;
            }
            Ok(None)
        }
        CRYPTO => {
            let offset = varint(cursor)?;
            let length = length(cursor)?;
            Ok(Some(Frame::Crypto { offset, bytes: cursor.take(length)? }))
        }
        CONNECTION_CLOSE => {
            let code = varint(cursor)?;
            // The type of the frame that was wrong, and a reason for people to read.
            if varint(cursor).is_ok()
                && let Ok(length) = length(cursor)
            {
                let _ = cursor.take_readable(length);
            }
            Ok(Some(Frame::Close { code }))
        }
        // An application's error cannot stand in an Initial packet as such (RFC 9000, section 10.2.3).
        _ => Err(Incomplete),
    }
}

/// The frames of gQUIC since version 39, whose integers are in network byte order, and CRYPTO since version 48.
fn google<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Frame<'a>>, Incomplete> {
    let kind = cursor.u8()?;
    if kind & GOOGLE_STREAM != 0 {
        let stream = number(cursor, usize::from(kind & 3).saturating_add(1))?;
        let offset_length = match kind >> 2 & 7 {
            0 => 0,
            more => usize::from(more).saturating_add(1),
        };
        let offset = number(cursor, offset_length)?;
        let bytes = if kind & GOOGLE_STREAM_HAS_LENGTH != 0 {
            cursor.vec16()?
        } else {
            std::mem::replace(cursor, Cursor::new(&[])).rest()
        };
        return Ok((stream == GOOGLE_CRYPTO_STREAM).then_some(Frame::Crypto { offset, bytes }));
    }
    if kind & GOOGLE_ACK != 0 {
        let block_length = google_ack_length(kind);
        number(cursor, google_ack_length(kind >> 2))?;
        cursor.u16()?;
        let blocks = if kind & 0x20 != 0 { cursor.u8()? } else { 0 };
        number(cursor, block_length)?;
        for _ in 0..blocks {
            cursor.u8()?;
            number(cursor, block_length)?;
        }
        let timestamps = usize::from(cursor.u8()?);
        // The first is five bytes, the others three.
        let length = timestamps.saturating_mul(3).saturating_add(if timestamps > 0 { 2 } else { 0 });
        cursor.take(length)?;
        return Ok(None);
    }
    match kind {
        GOOGLE_PING => Ok(None),
        GOOGLE_CRYPTO => {
            let offset = varint(cursor)?;
            let length = length(cursor)?;
            Ok(Some(Frame::Crypto { offset, bytes: cursor.take(length)? }))
        }
        _ => Err(Incomplete),
    }
}

fn google_ack_length(bits: u8) -> usize {
    match bits & 3 {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => 6,
    }
}

/// An integer of so many bytes, at most eight.
fn number(cursor: &mut Cursor<'_>, length: usize) -> Result<u64, Incomplete> {
    Ok(cursor.take(length)?.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

const PADDING: u8 = 0x00;
const PING: u64 = 0x01;
const ACK: u64 = 0x02;
const ACK_ECN: u64 = 0x03;
const CRYPTO: u64 = 0x06;
const CONNECTION_CLOSE: u64 = 0x1c;
const GOOGLE_STREAM: u8 = 0x80;
const GOOGLE_STREAM_HAS_LENGTH: u8 = 0x20;
const GOOGLE_CRYPTO_STREAM: u64 = 1;
const GOOGLE_ACK: u8 = 0x40;
const GOOGLE_PING: u8 = 0x07;
const GOOGLE_CRYPTO: u8 = 0x08;

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn frames(payload: &[u8], dialect: Dialect) -> Vec<Frame<'_>> {
        Frames::new(payload, dialect).collect()
    }

    #[test]
    fn padding_ping_and_acknowledgements_are_stepped_over() {
        let payload = [
            0, 0, 1, 0, 2, 5, 0, 1, 0, 0, 1, 3, 5, 0, 0, 0, 1, 2, 3, // PADDING, PING, ACK, ACK with ECN counts
            6, 0x40, 0x02, 2, 7, 8, 0, 0, 0x1c, 0x41, 0x28, 6, 2, 6, 6, 0,
        ];
        let expected = [Frame::Crypto { offset: 2, bytes: &[7, 8] }, Frame::Close { code: 0x128 }];
        assert_eq!(frames(&payload, Dialect::Ietf), expected);
    }

    #[test]
    fn a_frame_that_has_no_place_there_ends_the_packet() {
        assert_eq!(frames(&[1, 0x08, 6, 0, 1, 9], Dialect::Ietf), []);
        assert_eq!(frames(&[6, 0, 1, 9, 0x1d, 6, 0, 1, 9], Dialect::Ietf).len(), 1);
        assert_eq!(frames(&[6, 0, 200, 9], Dialect::Ietf), []);
    }

    #[test]
    fn a_google_hello_is_stream_one_or_crypto() {
        let stream = [0x00, 0xa0, 1, 0, 4, b'C', b'H', b'L', b'O'];
        let crypto = [0x00, 0x08, 0, 4, b'C', b'H', b'L', b'O'];
        for payload in [&stream[..], &crypto[..]] {
            assert_eq!(frames(payload, Dialect::Google), [Frame::Crypto { offset: 0, bytes: b"CHLO" }]);
        }
        let (other, with_offset) = ([0xa0, 5, 0, 1, 9], [0xa4, 1, 0x01, 0x00, 0, 1, 9]);
        assert_eq!(frames(&other, Dialect::Google), []);
        assert_eq!(frames(&with_offset, Dialect::Google), [Frame::Crypto { offset: 256, bytes: &[9] }]);
    }

    #[test]
    fn a_google_acknowledgement_is_stepped_over() {
        let plain = [0x40, 1, 0, 9, 1, 0, 7, 0xa0, 1, 0, 1, 9];
        let with_blocks_and_times = [0x60, 9, 0, 9, 1, 2, 1, 1, 2, 1, 0, 0, 0, 9, 1, 0, 9, 0xa0, 1, 0, 1, 9];
        for payload in [&plain[..], &with_blocks_and_times[..]] {
            assert_eq!(frames(payload, Dialect::Google), [Frame::Crypto { offset: 0, bytes: &[9] }]);
        }
    }
}
