//! gQUIC without TLS: its packet headers before Q050, the hash that stood for a tag before there were keys, and the client
//! hello of tags and values.
//!
//! In: datagrams, and the handshake stream's bytes. Out: frames whose hash holds; the hello's server name and user agent.
//! Sources: quiche's framer and null decrypter; the "QUIC Wire Layout Specification" and "QUIC Crypto" documents.

use std::ops::Range;

use super::identity::GquicHello;
use super::protect::Side;
use super::varint::length;
use super::version::{Family, family};
use crate::wire::{Cursor, Incomplete};

/// A packet of gQUIC that can be read without keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) version: u32,
    pub(super) dcid: &'a [u8],
    pub(super) scid: &'a [u8],
    /// What the hash is over, before the frames.
    header: &'a [u8],
    hash: [u8; HASH],
    frames: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads the header of a packet that names its version: Q039 to Q049, of which Q040 and Q045 never were.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let cursor = Cursor::new(bytes);
        let packet = match *bytes.first()? {
            flags if flags & LONG == 0 => public(bytes, cursor),
            _ => long(bytes, cursor),
        };
        packet.ok()
    }

    /// The frames, if the hash is that of a packet of this side.
    pub(super) fn frames(&self, side: Side) -> Option<&'a [u8]> {
        let perspective: &[u8] = match side {
            Side::Client => b"Client",
            Side::Server => b"Server",
        };
        let expected = fnv1a(&[self.header, self.frames, perspective]).to_le_bytes();
        expected.starts_with(&self.hash).then_some(self.frames)
    }
}

/// The connection id of a packet of a client, as cheaply as can be.
pub(super) fn connection_id(bytes: &[u8]) -> Option<&[u8]> {
    Packet::read(bytes).map(|packet| packet.dcid)
}

/// Whether a packet of the server is a Version Negotiation packet: in a public header the version flag says so.
pub(super) fn is_negotiation(bytes: &[u8]) -> bool {
    match bytes {
        [flags, version @ ..] if flags & LONG != 0 => version.starts_with(&[0; 4]),
        [flags, ..] => flags & (PUBLIC_RESET | PUBLIC_VERSION) == PUBLIC_VERSION,
        [] => false,
    }
}

/// Q039 to Q043: flags, connection id, version, packet number.
fn public<'a>(bytes: &'a [u8], mut cursor: Cursor<'a>) -> Result<Packet<'a>, Incomplete> {
    let flags = cursor.u8()?;
    let wanted = PUBLIC_VERSION | PUBLIC_ID;
    if flags & !PUBLIC_NUMBER != wanted {
        return Err(Incomplete);
    }
    let dcid = cursor.take(8)?;
    let version = cursor.u32()?;
    if !matches!(family(version), Some(Family::GooglePublic)) {
        return Err(Incomplete);
    }
    cursor.take(match flags & PUBLIC_NUMBER {
        0x00 => 1,
        0x10 => 2,
        0x20 => 4,
        _ => 6,
    })?;
    hashed(bytes, cursor, Packet { version, dcid, ..EMPTY })
}

/// Q044 to Q049: the long header of drafts.
fn long<'a>(bytes: &'a [u8], mut cursor: Cursor<'a>) -> Result<Packet<'a>, Incomplete> {
    let first = cursor.u8()?;
    let version = cursor.u32()?;
    let (dcid, scid);
    match family(version) {
        Some(Family::GoogleLong) => {
            let lengths = cursor.u8()?;
            dcid = cursor.take(nibble_length(lengths >> 4))?;
            scid = cursor.take(nibble_length(lengths & 0x0f))?;
        }
        Some(Family::GoogleUnprotected) => {
            dcid = cursor.vec8()?;
            scid = cursor.vec8()?;
            if first & 0x30 == 0 {
                let token = length(&mut cursor)?;
                cursor.take(token)?;
            }
            let body = length(&mut cursor)?;
            if body > cursor.len() {
                return Err(Incomplete);
            }
        }
        _ => return Err(Incomplete),
    }
    // Q044 has the type where the others have the number's length.
    let number = if version == Q044 { 4 } else { usize::from(first & 3).saturating_add(1) };
    cursor.take(number)?;
    hashed(bytes, cursor, Packet { version, dcid, scid, ..EMPTY })
}

/// The hash and the frames stand behind the header.
fn hashed<'a>(bytes: &'a [u8], mut cursor: Cursor<'a>, packet: Packet<'a>) -> Result<Packet<'a>, Incomplete> {
    let header = bytes.get(..bytes.len().saturating_sub(cursor.len())).ok_or(Incomplete)?;
    let hash = cursor.array()?;
    Ok(Packet { header, hash, frames: cursor.rest(), ..packet })
}

/// The length of a connection id in four bits: none, or 4 to 18 bytes.
fn nibble_length(bits: u8) -> usize {
    if bits == 0 { 0 } else { usize::from(bits).saturating_add(3) }
}

fn fnv1a(parts: &[&[u8]]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = (1 << 88) | 0x13b;
    parts.iter().copied().flatten().fold(OFFSET, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// The client hello, put together from the handshake stream.
#[derive(Debug, Default)]
pub(super) struct Hello {
    bytes: Vec<u8>,
    state: State,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum State {
    #[default]
    Collecting,
    Read {
        server_name: Option<Range<usize>>,
        user_agent: Option<Range<usize>>,
    },
    /// It is none, or longer than it may be.
    Unreadable,
}

impl Hello {
    pub(super) fn reset(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_CAPACITY);
        self.state = State::Collecting;
    }

    /// Takes the stream's next bytes; a hello has at most `cap`.
    pub(super) fn push(&mut self, bytes: &[u8], cap: usize) {
        if self.state != State::Collecting {
            return;
        }
        let room = cap.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.state = match tags(&self.bytes) {
            Ok(Some(read)) => read,
            Ok(None) => State::Unreadable,
            Err(Incomplete) if self.bytes.len() >= cap => State::Unreadable,
            Err(Incomplete) => State::Collecting,
        };
    }

    pub(super) fn is_read(&self) -> bool {
        matches!(self.state, State::Read { .. })
    }

    /// Whether it has begun and is not whole.
    pub(super) fn is_within(&self) -> bool {
        self.state == State::Collecting && !self.bytes.is_empty()
    }

    pub(super) fn view(&self) -> Option<GquicHello<'_>> {
        let State::Read { server_name, user_agent } = &self.state else { return None };
        let value = |range: &Option<Range<usize>>| range.clone().and_then(|range| self.bytes.get(range));
        Some(GquicHello { server_name: value(server_name), user_agent: value(user_agent) })
    }
}

/// Tags and the offsets at which their values end, then the values; all integers little-endian. `None` where it is no CHLO.
fn tags(bytes: &[u8]) -> Result<Option<State>, Incomplete> {
    let mut cursor = Cursor::new(bytes);
    if cursor.array()? != *b"CHLO" {
        return Ok(None);
    }
    let count = u16::from_le_bytes(cursor.array()?);
    cursor.take(2)?;
    let values_at = usize::from(count).saturating_mul(8).saturating_add(8);
    let (mut server_name, mut user_agent, mut start) = (None, None, 0);
    for _ in 0..count {
        let tag: [u8; 4] = cursor.array()?;
        let end = usize::try_from(u32::from_le_bytes(cursor.array()?)).map_err(|_| Incomplete)?;
        if end < start {
            return Ok(None);
        }
        let value = values_at.saturating_add(start)..values_at.saturating_add(end);
        match &tag {
            b"SNI\0" => server_name = Some(value),
            b"UAID" => user_agent = Some(value),
            _ => {}
        }
        start = end;
    }
    cursor.take(start)?;
    Ok(Some(State::Read { server_name, user_agent }))
}

const EMPTY: Packet<'static> = Packet { version: 0, dcid: &[], scid: &[], header: &[], hash: [0; HASH], frames: &[] };
const HASH: usize = 12;
const LONG: u8 = 0x80;
const PUBLIC_VERSION: u8 = 0x01;
const PUBLIC_RESET: u8 = 0x02;
const PUBLIC_ID: u8 = 0x08;
const PUBLIC_NUMBER: u8 = 0x30;
const Q044: u32 = 0x5130_3434;
/// What is kept of the buffer between two connections.
const KEPT_CAPACITY: usize = 2 << 10;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
pub(super) mod testing {
    use super::*;

    /// A client hello with these values, in this order.
    pub(crate) fn chlo(values: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut out = b"CHLO".to_vec();
        out.extend((values.len() as u16).to_le_bytes());
        out.extend([0, 0]);
        let mut end = 0u32;
        for (tag, value) in values {
            end += value.len() as u32;
            out.extend(*tag);
            out.extend(end.to_le_bytes());
        }
        values.iter().for_each(|(_, value)| out.extend(*value));
        out
    }

    /// Header, hash and frames of a packet.
    pub(crate) fn sealed(header: &[u8], frames: &[u8], perspective: &[u8]) -> Vec<u8> {
        let hash = fnv1a(&[header, frames, perspective]).to_le_bytes();
        [header, &hash[..HASH], frames].concat()
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::testing::{chlo, sealed};
    use super::*;

    #[test]
    fn the_hash_is_that_of_quiche() {
        // null_encrypter_test.cc: EncryptClient and EncryptServer.
        let hash = |perspective: &[u8]| fnv1a(&[b"hello world!", b"goodbye!", perspective]).to_le_bytes();
        let client = [0x97, 0xdc, 0x27, 0x2f, 0x18, 0xa8, 0x56, 0x73, 0xdf, 0x8d, 0x1d, 0xd0];
        let server = [0x63, 0x5e, 0x08, 0x03, 0x32, 0x80, 0x8f, 0x73, 0xdf, 0x8d, 0x1d, 0x1a];
        assert_eq!(hash(b"Client")[..HASH], client);
        assert_eq!(hash(b"Server")[..HASH], server);
    }

    #[test]
    fn each_header_form_is_read_and_its_hash_is_checked() {
        let forms: [&[u8]; 5] = [
            b"\x09\x01\x02\x03\x04\x05\x06\x07\x08Q043\x01",
            b"\x39\x01\x02\x03\x04\x05\x06\x07\x08Q039\0\0\0\0\0\x01",
            b"\xc3Q046\x50\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\x01",
            b"\xffQ044\x50\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\x01",
            b"\xc0Q049\x08\x01\x02\x03\x04\x05\x06\x07\x08\0\0\x40\x10\x01",
        ];
        for header in forms {
            let bytes = sealed(header, b"\x07\x07\x07", b"Client");
            let packet = Packet::read(&bytes).unwrap();
            assert_eq!(packet.dcid, [1, 2, 3, 4, 5, 6, 7, 8]);
            assert_eq!(packet.frames(Side::Client), Some(&b"\x07\x07\x07"[..]));
            assert_eq!(packet.frames(Side::Server), None);
            let mut other = bytes.clone();
            *other.last_mut().unwrap() ^= 1;
            assert_eq!(Packet::read(&other).unwrap().frames(Side::Client), None);
        }
    }

    #[test]
    fn a_hello_in_pieces_gives_its_name_and_agent() {
        let bytes = chlo(&[(b"PAD\0", &[b'-'; 700]), (b"SNI\0", b"site.test"), (b"VER\0", b"Q043"), (b"UAID", b"x/1")]);
        for cut in 0..bytes.len() {
            let mut hello = Hello::default();
            hello.push(&bytes[..cut], 16 << 10);
            assert!(!hello.is_read());
            assert_eq!(hello.is_within(), cut > 0);
            hello.push(&bytes[cut..], 16 << 10);
            let expected = GquicHello { server_name: Some(b"site.test"), user_agent: Some(b"x/1") };
            assert_eq!(hello.view(), Some(expected));
        }
    }

    #[test]
    fn a_hello_whose_offsets_run_back_is_none() {
        let mut bytes = chlo(&[(b"SNI\0", b"site.test"), (b"UAID", b"x/1")]);
        bytes[20] = 1;
        let mut hello = Hello::default();
        hello.push(&bytes, 16 << 10);
        assert_eq!((hello.view(), hello.is_within()), (None, false));
    }

    #[test]
    fn a_hello_over_its_cap_is_not_read() {
        let bytes = chlo(&[(b"PAD\0", &[b'-'; 700]), (b"SNI\0", b"site.test")]);
        let mut hello = Hello::default();
        hello.push(&bytes, 100);
        assert_eq!((hello.view(), hello.is_within(), hello.bytes.len()), (None, false, 100));
    }
}
