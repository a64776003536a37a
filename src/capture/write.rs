//! Packets as a pcapng file (draft-ietf-opsawg-pcapng): the blocks of one section, to be written one after the other.
//!
//! In: interfaces, frames. Out: bytes, appended to the caller's buffer; writes nothing itself. What is appended is always whole
//! blocks, so that a file that ends between two calls can be read to its end. Three kinds of blocks are all there is to it; the
//! newest version of pcap-file, the crate for them, is a release candidate (3.0.0-rc.3).
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::sync::Arc;

use super::pcapng::{ENHANCED, INTERFACE, NAME, SECTION, TS_RESOLUTION};
use super::{Frame, LinkType};

/// An interface as a file tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Described {
    pub name: Option<Arc<str>>,
    pub link: LinkType,
}

/// Appends what a file begins with: its section's header (section 4.1). Descriptions of interfaces follow, then packets.
pub fn begin(out: &mut Vec<u8>) {
    block(SECTION, out, |out| {
        out.extend(BYTE_ORDER.to_le_bytes());
        out.extend(VERSION.iter().flat_map(|number| number.to_le_bytes()));
        // How long the section is, is not known.
        out.extend([0xff; 8]);
        option(USER_APPLICATION, concat!("tlsight ", env!("CARGO_PKG_VERSION")).as_bytes(), out);
        option(END_OF_OPTIONS, &[], out);
    });
}

/// Appends the description of an interface (section 4.2); the first is number 0 for [`packet`], and so on. Times are counted in
/// nanoseconds.
pub fn interface(described: &Described, out: &mut Vec<u8>) {
    block(INTERFACE, out, |out| {
        out.extend(described.link.0.to_le_bytes());
        out.extend([0; 2]);
        // A packet may have any length.
        out.extend([0; 4]);
        if let Some(name) = &described.name {
            option(NAME, name.as_bytes(), out);
        }
        option(TS_RESOLUTION, &[NANOSECONDS], out);
        option(END_OF_OPTIONS, &[], out);
    });
}

/// Appends a packet (section 4.3). Allocates nothing where `out` has room for [`packet_len`] bytes.
pub fn packet(frame: &Frame<'_>, interface: u32, out: &mut Vec<u8>) {
    block(ENHANCED, out, |out| {
        // There is no time before 1970 in such a file.
        let time = u64::try_from(frame.ts.0).unwrap_or(0);
        let len = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
        for field in [interface, (time >> 32) as u32, time as u32, len, frame.wire_len.max(len)] {
            out.extend(field.to_le_bytes());
        }
        out.extend_from_slice(frame.data);
        pad(frame.data.len(), out);
    });
}

/// Bytes of a packet's block.
pub fn packet_len(frame: &Frame<'_>) -> usize {
    PACKET_FRAME.saturating_add(frame.data.len()).saturating_add(padding(frame.data.len()))
}

/// A block's type, its length before and behind its body, and the body, which is a multiple of four bytes.
fn block(kind: u32, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_le_bytes());
    out.extend([0; 4]);
    body(out);
    let length = u32::try_from(out.len().saturating_sub(start).saturating_add(4)).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(place) = out.get_mut(start.saturating_add(4)..start.saturating_add(8)) {
        place.copy_from_slice(&length);
    }
    out.extend(length);
}

/// Section 3.5.
fn option(code: u16, value: &[u8], out: &mut Vec<u8>) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    out.extend(code.to_le_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(value);
    pad(value.len(), out);
}

fn pad(len: usize, out: &mut Vec<u8>) {
    out.extend([0; 3].iter().take(padding(len)));
}

/// Bytes up to the next multiple of four.
fn padding(len: usize) -> usize {
    len.wrapping_neg() & 3
}

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Major and minor.
const VERSION: [u16; 2] = [1, 0];
const END_OF_OPTIONS: u16 = 0;
const USER_APPLICATION: u16 = 4;
/// The power of ten, negated.
const NANOSECONDS: u8 = 9;
/// Bytes of a packet's block beside its data.
const PACKET_FRAME: usize = 32;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::{Format, Stop, Window};
    use super::*;
    use crate::capture::{Slot, Timestamp};

    fn described(name: Option<&str>, link: LinkType) -> Described {
        Described { name: name.map(Arc::from), link }
    }

    fn read(bytes: &[u8]) -> (Format, Vec<Slot>) {
        let (mut format, position) = Format::detect(bytes).unwrap();
        let mut window = Window { store: bytes, position };
        let mut slots = Vec::new();
        assert_eq!(format.walk(&mut window, &mut slots, usize::MAX), Stop::Need(8));
        assert_eq!(window.position, bytes.len() as u64);
        (format, slots)
    }

    #[test]
    fn the_blocks_are_those_of_the_draft() {
        let mut out = Vec::new();
        let frame =
            Frame { ts: Timestamp(0x1_0000_0002), link: LinkType::RAW, interface: 0, data: b"abcde", wire_len: 9 };
        packet(&frame, 3, &mut out);
        let fields = [6_u32, 40, 3, 1, 2, 5, 9].map(u32::to_le_bytes).concat();
        assert_eq!(out, [&fields[..], b"abcde\0\0\0", &40_u32.to_le_bytes()].concat());
        out.clear();
        interface(&described(Some("eth0"), LinkType::ETHERNET), &mut out);
        let head = [1_u32, 40, 1, 0].map(u32::to_le_bytes).concat();
        let options = [&[2, 0, 4, 0][..], b"eth0", &[9, 0, 1, 0, 9, 0, 0, 0], &[0; 4]].concat();
        assert_eq!(out, [&head[..], &options, &40_u32.to_le_bytes()].concat());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            packets in prop::collection::vec(
                (0..i64::MAX, 0_u32..2, prop::collection::vec(any::<u8>(), 0..40), 0_u32..100), 0..20),
        ) {
            let interfaces = [described(Some("left"), LinkType::ETHERNET), described(None, LinkType::RAW)];
            let mut out = Vec::new();
            begin(&mut out);
            interfaces.iter().for_each(|one| interface(one, &mut out));
            for (ts, of, data, more) in &packets {
                let wire_len = data.len() as u32 + more;
                let frame = Frame { ts: Timestamp(*ts), link: LinkType::NULL, interface: 7, data, wire_len };
                let before = out.len();
                packet(&frame, *of, &mut out);
                prop_assert_eq!(out.len() - before, packet_len(&frame));
            }
            let (format, slots) = read(&out);
            prop_assert_eq!(slots.len(), packets.len());
            for (slot, (ts, of, data, more)) in slots.iter().zip(&packets) {
                let frame = slot.frame(&out).unwrap();
                prop_assert_eq!((frame.ts.0, u32::from(frame.interface), frame.data), (*ts, *of, &data[..]));
                prop_assert_eq!((frame.link, frame.wire_len), (interfaces[*of as usize].link, data.len() as u32 + more));
            }
            if !packets.is_empty() {
                prop_assert_eq!([format.interface_name(0), format.interface_name(1)], [Some("left"), None]);
            }
        }
    }
}
