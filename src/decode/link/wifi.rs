//! IEEE 802.11 data frames, plain or after a radiotap header.
//!
//! In: a frame. Out: the LLC packet in it. Encrypted frames and fragments of frames hold nothing to read; of aggregated
//! packets (A-MSDU) the first one is read.

use super::super::Skip;
use super::super::inside::{Inside, llc, split};

/// Whether zeros bring the frame's header to a multiple of four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    None,
    ToFour,
}

/// Radiotap (<https://www.radiotap.org>), little-endian: its length, a bit for each field that follows, the fields
/// at multiples of their own size. Of use here: the flag that the driver padded the frame's header.
pub(super) fn radiotap(data: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    let (&[version, _, l0, l1, p0, p1, p2, p3], _) = split::<8>(data)?;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if version != 0 || length < 8 {
        return Err(Skip::Malformed);
    }
    let (Some(header), Some(rest)) = (data.get(..length), data.get(length..)) else { return Err(Skip::Malformed) };
    let present = u32::from_le_bytes([p0, p1, p2, p3]);
    let words = header.get(4..).unwrap_or_default().chunks_exact(4);
    // Every word of bits says by its highest one whether another follows.
    let more = words.take_while(|word| matches!(word, [.., last] if last & 0x80 != 0)).count();
    let mut at = more.saturating_mul(4).saturating_add(8);
    if present & TSFT != 0 {
        at = at.next_multiple_of(8).saturating_add(8);
    }
    let flags = if present & FLAGS != 0 { header.get(at).copied().unwrap_or(0) } else { 0 };
    frame(rest, if flags & DATA_PAD != 0 { Padding::ToFour } else { Padding::None })
}

/// The header (IEEE 802.11-2020, section 9.2.3): frame control, addresses, and what its bits say follows them.
pub(super) fn frame(data: &[u8], padding: Padding) -> Result<Inside<'_>, Skip<'_>> {
    let (&[kind, flags], _) = split::<2>(data)?;
    let data_frame = kind & 0x0f == DATA && kind & NO_DATA == 0;
    if !data_frame || flags & (PROTECTED | MORE_FRAGMENTS) != 0 {
        return Err(Skip::NotIp);
    }
    let qos = kind & QOS != 0;
    let mut length = ADDRESSES;
    if flags & BOTH_DS == BOTH_DS {
        length = length.saturating_add(6);
    }
    let control = length;
    if qos {
        length = length.saturating_add(if flags & ORDER != 0 { 6 } else { 2 });
    }
    if padding == Padding::ToFour {
        length = length.next_multiple_of(4);
    }
    let (Some(header), Some(rest)) = (data.get(..length), data.get(length..)) else { return Err(Skip::Malformed) };
    if header.get(FRAGMENT_NUMBER).is_some_and(|byte| byte & 0x0f != 0) {
        return Err(Skip::NotIp);
    }
    if qos && header.get(control).is_some_and(|byte| byte & AGGREGATED != 0) {
        // Each packet has its two addresses and its length before it, as in Ethernet.
        return split::<14>(rest).and_then(|(_, packet)| llc(packet));
    }
    llc(rest)
}

const TSFT: u32 = 1 << 0;
const FLAGS: u32 = 1 << 1;
/// Radiotap's flag for padding between the header and the payload.
const DATA_PAD: u8 = 0x20;

/// Version zero and type two.
const DATA: u8 = 0x08;
/// Of the subtype's bits: without data; with quality of service.
const NO_DATA: u8 = 0x40;
const QOS: u8 = 0x80;
const BOTH_DS: u8 = 0x03;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
/// In frames with quality of service: the HT control field is there.
const ORDER: u8 = 0x80;
const ADDRESSES: usize = 24;
const FRAGMENT_NUMBER: usize = 22;
const AGGREGATED: u8 = 0x80;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::super::testing::{Build, carries, four, frame, payload, segment};
    use crate::capture::LinkType;

    #[test]
    fn data_frames_carry_llc_whatever_their_direction_and_service() {
        for flags in [0, 1, 2, 3, 0x13] {
            carries(LinkType::IEEE802_11, &four().wifi(0x08, flags));
            carries(LinkType::IEEE802_11, &Build::tcp6(&segment(b"data")).wifi(0x88, flags));
            carries(LinkType::IEEE802_11, &four().wifi(0x88, flags | 0x80));
        }
    }

    #[test]
    fn frames_without_data_encrypted_and_partial_ones_are_not_ip() {
        let mut fragment = four().wifi(0x08, 1);
        fragment.bytes[22] |= 1;
        for build in [
            four().wifi(0x80, 0),
            four().wifi(0x48, 1),
            four().wifi(0xc8, 1),
            four().wifi(0x88, 0x41),
            four().wifi(0x08, 0x05),
            fragment,
        ] {
            assert_eq!(payload(&frame(LinkType::IEEE802_11, &build.bytes)), Err("NotIp".into()));
        }
    }

    #[test]
    fn an_aggregate_gives_its_first_packet() {
        let mut build = four().llc();
        let length = build.bytes.len() as u8;
        build = build.front(&[1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0, length]);
        let mut header = four().wifi(0x88, 1).bytes[..26].to_vec();
        header[24] = 0x80;
        carries(LinkType::IEEE802_11, &build.front(&header));
    }

    #[test]
    fn radiotap_tells_its_length_and_the_padding() {
        carries(LinkType::IEEE802_11_RADIOTAP, &four().wifi(0x88, 1).front(&[0, 0, 8, 0, 0, 0, 0, 0]));
        // A check sequence at the end is not part of the packet.
        let mut build = four().wifi(0x88, 1).radiotap(0x10);
        build.bytes.extend([1, 2, 3, 4]);
        carries(LinkType::IEEE802_11_RADIOTAP, &build);
        let mut header = four().wifi(0x88, 1).bytes[..26].to_vec();
        header.extend([0, 0]);
        carries(LinkType::IEEE802_11_RADIOTAP, &four().llc().front(&header).radiotap(0x20));
        let flags_alone = [0, 0, 9, 0, 2, 0, 0, 0, 0x20];
        carries(LinkType::IEEE802_11_RADIOTAP, &four().llc().front(&header).front(&flags_alone));
    }
}
