//! The classic capture file (draft-ietf-opsawg-pcap): one header, then records.
//!
//! In: bytes. Out: steps for [`Format::walk`](super::format::Format::walk). Reads micro- and nanosecond files of
//! either byte order, and the longer records of Kuznetzov's variant.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::record::{Order, RECORD_MAX, Record, Step};
use super::{LinkType, Timestamp};

/// What a file header says.
#[derive(Debug)]
pub struct Pcap {
    order: Order,
    link: LinkType,
    /// Nanoseconds in the timestamp's smaller unit: 1 or 1,000.
    nanos: u32,
    /// Bytes of a record's header: 16 or 24.
    header: u32,
}

impl Pcap {
    /// `None` where the magic number is another's.
    pub(super) fn detect(head: &[u8]) -> Option<Result<Self, String>> {
        let (magic, rest) = head.split_first_chunk::<4>()?;
        let (order, nanos, header) = match u32::from_le_bytes(*magic) {
            0xa1b2_c3d4 => (Order::Little, 1000, 16),
            0xa1b2_3c4d => (Order::Little, 1, 16),
            0xa1b2_cd34 => (Order::Little, 1000, 24),
            0xd4c3_b2a1 => (Order::Big, 1000, 16),
            0x4d3c_b2a1 => (Order::Big, 1, 16),
            0x34cd_b2a1 => (Order::Big, 1000, 24),
            _ => return None,
        };
        let Some((&[v0, v1, _, _, _, _, _, _, _, _, _, _, _, _, _, _, l0, l1, l2, l3], _)) = rest.split_first_chunk()
        else {
            return Some(Err(format!(
                "a pcap file that ends inside its header: {} of {FILE_HEADER} bytes",
                head.len()
            )));
        };
        let major = order.u16([v0, v1]);
        if major != 2 {
            return Some(Err(format!("a pcap file of version {major}; only version 2 is known")));
        }
        // The upper half tells of a frame check sequence at the frames' end: the IP length leaves it out anyway.
        let link = LinkType((order.u32([l0, l1, l2, l3]) & 0xffff) as u16);
        Some(Ok(Self { order, link, nanos, header }))
    }

    #[inline(always)]
    pub(super) fn step(&self, bytes: &[u8]) -> Step {
        let Some((&[s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3], _)) = bytes.split_first_chunk()
        else {
            return Step::Need(u64::from(self.header));
        };
        let seconds = self.order.u32([s0, s1, s2, s3]);
        let fraction = self.order.u32([f0, f1, f2, f3]);
        let len = self.order.u32([c0, c1, c2, c3]);
        let wire_len = self.order.u32([w0, w1, w2, w3]);
        if len > RECORD_MAX {
            return too_long(len);
        }
        let advance = u64::from(self.header).wrapping_add(u64::from(len));
        if (bytes.len() as u64) < advance {
            return Step::Need(advance);
        }
        // At most 2^32 seconds: far from 2^63 nanoseconds.
        let nanos = u64::from(seconds)
            .wrapping_mul(1_000_000_000)
            .wrapping_add(u64::from(fraction).wrapping_mul(u64::from(self.nanos)));
        let ts = Timestamp(nanos.cast_signed());
        Step::Packet(Record {
            ts,
            link: self.link,
            interface: 0,
            data: self.header,
            len,
            wire_len: wire_len.max(len),
            advance,
        })
    }
}

#[cold]
fn too_long(len: u32) -> Step {
    Step::Damaged(format!("a packet record claims {len} bytes"))
}

/// Bytes of the file's header.
pub(super) const FILE_HEADER: usize = 24;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::format::{Format, Stop, Window};
    use super::super::testing::{PcapFile, pcap};
    use super::*;
    use crate::capture::Slot;

    fn walk(bytes: &[u8]) -> (Vec<Slot>, Stop, u64) {
        let (mut format, position) = Format::detect(bytes).unwrap();
        let mut window = Window { store: bytes, position };
        let mut slots = Vec::new();
        let stop = format.walk(&mut window, &mut slots, 100);
        (slots, stop, window.position)
    }

    #[test]
    fn both_byte_orders_and_both_resolutions_are_read() {
        for order in [Order::Little, Order::Big] {
            for (magic, nanos) in [(0xa1b2_c3d4, 7_000_000_005_000), (0xa1b2_3c4d, 7_000_000_000_005)] {
                let bytes = PcapFile::new(order, magic, 1).packet(7000, 5, b"data").bytes;
                let (slots, stop, _) = walk(&bytes);
                assert_eq!(stop, Stop::Need(16));
                assert_eq!((slots[0].ts, slots[0].link), (Timestamp(nanos), LinkType::ETHERNET));
                assert_eq!(slots[0].frame(&bytes).unwrap().data, b"data");
            }
        }
    }

    #[test]
    fn longer_record_headers_are_stepped_over() {
        let mut file = PcapFile::new(Order::Little, 0xa1b2_cd34, 1);
        for data in [b"one", b"two"] {
            file = file.packet(1, 1, data);
            let at = file.bytes.len() - 3;
            file.bytes.splice(at..at, [0xee; 8]);
        }
        let (slots, _, _) = walk(&file.bytes);
        let data: Vec<_> = slots.iter().map(|slot| slot.frame(&file.bytes).unwrap().data).collect();
        assert_eq!(data, [b"one", b"two"]);
    }

    #[test]
    fn the_link_type_is_the_lower_half() {
        let bytes = PcapFile::new(Order::Big, 0xa1b2_c3d4, 0x5400_0001).packet(1, 1, b"x").bytes;
        assert_eq!(walk(&bytes).0[0].link, LinkType::ETHERNET);
    }

    #[test]
    fn the_last_second_of_the_field_is_no_overflow() {
        let bytes = pcap(Order::Little).packet(u32::MAX, u32::MAX, b"x").bytes;
        let nanos = i64::from(u32::MAX) * 1_000_000_000 + i64::from(u32::MAX) * 1000;
        assert_eq!(walk(&bytes).0[0].ts, Timestamp(nanos));
    }

    #[test]
    fn a_snap_length_is_told_by_the_wire_length() {
        let mut file = pcap(Order::Little).packet(1, 1, b"data");
        let at = file.bytes.len() - 8;
        file.bytes[at..at + 4].copy_from_slice(&1500u32.to_le_bytes());
        let (slots, _, _) = walk(&file.bytes);
        assert_eq!((slots[0].len, slots[0].wire_len), (4, 1500));
    }

    #[test]
    fn a_record_cut_off_tells_what_it_needs() {
        let bytes = pcap(Order::Little).packet(1, 1, b"one").packet(1, 1, b"two").bytes;
        let (slots, stop, position) = walk(&bytes[..bytes.len() - 1]);
        assert_eq!((slots.len(), stop, position), (1, Stop::Need(19), 24 + 19));
    }

    #[test]
    fn a_length_beyond_sense_ends_the_walk() {
        let mut bytes = pcap(Order::Little).packet(1, 1, b"one").bytes;
        bytes.extend([0xff; 200]);
        let (slots, stop, position) = walk(&bytes);
        assert_eq!((slots.len(), position), (1, 24 + 19));
        assert_eq!(stop, Stop::Damaged("a packet record claims 4294967295 bytes".to_owned()));
    }

    #[test]
    fn a_jumbo_record_is_read() {
        let bytes = pcap(Order::Little).packet(1, 1, &vec![1; 1 << 20]).bytes;
        assert_eq!(walk(&bytes).0[0].len, 1 << 20);
    }

    #[test]
    fn an_unknown_version_or_a_short_header_is_said() {
        let mut bytes = pcap(Order::Little).bytes;
        assert!(Format::detect(&bytes[..20]).unwrap_err().contains("20 of 24"));
        bytes[4] = 9;
        assert!(Format::detect(&bytes).unwrap_err().contains("version 9"));
    }
}
