//! Packet headers (RFC 9000, section 17; RFC 8999) as views over a datagram.
//!
//! In: what is left of a datagram. Out: its next packet, and where the one after it begins. Nothing is decrypted here.

use super::varint::length;
use super::version::{Family, Kind, Wire, family};
use crate::wire::{Cursor, Incomplete};

/// One packet of a datagram.
#[derive(Debug)]
pub(super) enum Packet<'a> {
    Long(Long<'a>),
    Negotiation(Negotiation<'a>),
    /// A short header: 1-RTT, to the datagram's end.
    Short,
}

/// A packet with a long header of a version that is known.
#[derive(Debug)]
pub(super) struct Long<'a> {
    pub(super) version: u32,
    pub(super) wire: &'static Wire,
    pub(super) kind: Kind,
    pub(super) dcid: &'a [u8],
    pub(super) scid: &'a [u8],
    /// Of an Initial or a Retry packet.
    pub(super) token: &'a [u8],
    /// From the first byte to the packet's end, as far as it was captured.
    pub(super) bytes: &'a [u8],
    /// Where the packet number stands in `bytes`.
    pub(super) number_at: usize,
    /// Whether all of it is here; else so many bytes are missing.
    pub(super) missing: usize,
    /// What follows in the datagram.
    pub(super) rest: &'a [u8],
}

/// A Version Negotiation packet (RFC 9000, section 17.2.1).
#[derive(Debug)]
pub(super) struct Negotiation<'a> {
    pub(super) dcid: &'a [u8],
    pub(super) scid: &'a [u8],
    /// Four bytes each.
    pub(super) versions: &'a [u8],
}

/// The packet at the front of `bytes`; `None` where it is none of a known version.
pub(super) fn read(bytes: &[u8]) -> Option<Packet<'_>> {
    let mut cursor = Cursor::new(bytes);
    let first = cursor.u8().ok()?;
    if first & LONG == 0 {
        return (first & FIXED != 0).then_some(Packet::Short);
    }
    let version = cursor.u32().ok()?;
    let dcid = cursor.vec8().ok()?;
    let scid = cursor.vec8().ok()?;
    if version == 0 {
        let versions = cursor.rest();
        let whole = !versions.is_empty() && versions.len().is_multiple_of(4);
        return whole.then_some(Packet::Negotiation(Negotiation { dcid, scid, versions }));
    }
    if dcid.len() > MAX_ID || scid.len() > MAX_ID {
        return None;
    }
    let Family::Long(wire) = family(version)? else { return None };
    let [a, b, c, d] = wire.kinds;
    let kind = match first >> 4 & 3 {
        0 => a,
        1 => b,
        2 => c,
        _ => d,
    };
    let long = Long { version, wire, kind, dcid, scid, token: &[], bytes, number_at: 0, missing: 0, rest: &[] };
    let long = if kind == Kind::Retry { retry(long, cursor) } else { protected(long, cursor) }.ok()?;
    Some(Packet::Long(long))
}

/// Initial, 0-RTT and Handshake packets say how long they are.
fn protected<'a>(long: Long<'a>, mut cursor: Cursor<'a>) -> Result<Long<'a>, Incomplete> {
    let token = if long.kind == Kind::Initial {
        let length = length(&mut cursor)?;
        cursor.take(length)?
    } else {
        &[]
    };
    let length = length(&mut cursor)?;
    if length < SHORTEST {
        return Err(Incomplete);
    }
    let number_at = long.bytes.len().saturating_sub(cursor.len());
    let (body, _) = cursor.take_readable(length);
    let (bytes, rest) = long.bytes.split_at_checked(number_at.saturating_add(body.len())).unwrap_or((long.bytes, &[]));
    Ok(Long { token, bytes, number_at, missing: length.saturating_sub(body.len()), rest, ..long })
}

/// A Retry takes all that is left of its datagram: a token, and a tag of sixteen bytes where the version has one.
fn retry<'a>(long: Long<'a>, cursor: Cursor<'a>) -> Result<Long<'a>, Incomplete> {
    let rest = cursor.rest();
    let token = match long.wire.retry {
        Some(_) => rest.get(..rest.len().checked_sub(TAG).ok_or(Incomplete)?).ok_or(Incomplete)?,
        None => rest,
    };
    if token.is_empty() { Err(Incomplete) } else { Ok(Long { token, ..long }) }
}

/// A connection id has at most so many bytes (RFC 9000, section 17.2).
pub(super) const MAX_ID: usize = 20;
/// Octets of an AEAD's tag.
pub(super) const TAG: usize = 16;
/// The bit that tells a long header.
pub(super) const LONG: u8 = 0x80;
const FIXED: u8 = 0x40;
/// Packet number and tag, as long as header protection needs them (RFC 9001, section 5.4.2).
const SHORTEST: usize = 20;
