//! The pcapng capture file (draft-ietf-opsawg-pcapng): sections of blocks, each section with its own interfaces.
//!
//! In: bytes. Out: steps for [`Format::walk`](super::format::Format::walk). Packet blocks of all three kinds are read;
//! names, statistics, secrets and unknown blocks are stepped over.
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

/// The section the parser stands in.
#[derive(Debug)]
pub struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// Interfaces of the sections before.
    before: usize,
    /// What the file calls its interfaces, those of all sections.
    names: Vec<Option<Box<str>>>,
}

#[derive(Debug, Clone, Copy)]
struct Interface {
    link: LinkType,
    /// Bytes; 0 for no limit.
    snap_len: u32,
    resolution: Resolution,
    /// Added to every timestamp, in nanoseconds.
    offset: i128,
}

/// What a timestamp counts (section 4.2, option if_tsresol).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolution {
    /// So many nanoseconds.
    Times(u64),
    /// A part of a nanosecond: so many make one. 0 where they are more than a 64-bit count can reach.
    Part(u64),
    /// Seconds divided by two to this power.
    Binary(u32),
}

/// What all blocks start with.
#[derive(Debug, Clone, Copy)]
struct Block<'a> {
    kind: u32,
    body: &'a [u8],
    advance: u64,
}

impl Pcapng {
    /// `None` where the first block is no section header.
    pub(super) fn detect(head: &[u8]) -> Option<Result<Self, String>> {
        let (kind, rest) = head.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*kind) != SECTION {
            return None;
        }
        let order = rest.get(4..8).map(section_order);
        Some(match order {
            Some(Some(order)) => Ok(Self { order, interfaces: Vec::new(), before: 0, names: Vec::new() }),
            Some(None) => Err("starts like a pcapng file, but has no byte-order mark".to_owned()),
            None => Err("a pcapng file that ends inside its header".to_owned()),
        })
    }

    /// What the file calls the interface with this place, if it was read so far.
    pub(super) fn name(&self, interface: u16) -> Option<&str> {
        self.names.get(usize::from(interface))?.as_deref()
    }

    #[inline(always)]
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        let Some((&[k0, k1, k2, k3, l0, l1, l2, l3], rest)) = bytes.split_first_chunk::<8>() else {
            return Step::Need(8);
        };
        let kind = self.order.u32([k0, k1, k2, k3]);
        // The number of a section header reads the same in both orders.
        if kind == SECTION {
            let Some(mark) = rest.get(..4) else { return Step::Need(12) };
            match section_order(mark) {
                Some(order) => self.order = order,
                None => return damaged(Fault::NoByteOrder),
            }
        }
        let length = self.order.u32([l0, l1, l2, l3]);
        if length < BLOCK_MIN || length & 3 != 0 {
            return damaged(Fault::Length { kind, length });
        }
        let advance = u64::from(length);
        if !matches!(kind, ENHANCED | PACKET | SIMPLE | INTERFACE | SECTION) {
            return Step::Skip(advance);
        }
        if length > RECORD_MAX {
            return damaged(Fault::Length { kind, length });
        }
        let Some((body, trailer)) = bytes
            .get(..length as usize)
            .and_then(|block| block.split_last_chunk::<4>())
            .and_then(|(block, trailer)| Some((block.get(8..)?, trailer)))
        else {
            return Step::Need(advance);
        };
        if self.order.u32(*trailer) != length {
            return damaged(Fault::Trailer { length, trailer: self.order.u32(*trailer) });
        }
        let block = Block { kind, body, advance };
        if kind == ENHANCED { self.enhanced(block) } else { self.rare(block) }
    }

    fn rare(&mut self, block: Block<'_>) -> Step {
        match block.kind {
            SIMPLE => self.simple(block),
            PACKET => self.obsolete(block),
            INTERFACE => self.interface(block),
            _ => self.section(block),
        }
    }

    /// Section 4.3.
    #[inline(always)]
    fn enhanced(&self, block: Block<'_>) -> Step {
        let Some((&[i0, i1, i2, i3, h0, h1, h2, h3, l0, l1, l2, l3, c0, c1, c2, c3, w0, w1, w2, w3], data)) =
            block.body.split_first_chunk()
        else {
            return damaged(Fault::Short(block.kind));
        };
        let id = self.order.u32([i0, i1, i2, i3]);
        let Some(interface) = usize::try_from(id).ok().and_then(|id| self.interfaces.get(id)) else {
            return damaged(Fault::NoInterface(id));
        };
        let high = u64::from(self.order.u32([h0, h1, h2, h3]));
        let low = u64::from(self.order.u32([l0, l1, l2, l3]));
        let len = self.order.u32([c0, c1, c2, c3]);
        if len as usize > data.len() {
            return damaged(Fault::Captured(len));
        }
        Step::Packet(Record {
            ts: interface.timestamp(high << 32 | low),
            link: interface.link,
            interface: self.place(id),
            data: 28,
            len,
            wire_len: self.order.u32([w0, w1, w2, w3]).max(len),
            advance: block.advance,
        })
    }

    /// Section 4.4: the first interface's, without a time, padded to four bytes.
    fn simple(&self, block: Block<'_>) -> Step {
        let Some((wire_len, data)) = block.body.split_first_chunk() else {
            return damaged(Fault::Short(block.kind));
        };
        let Some(interface) = self.interfaces.first() else { return damaged(Fault::NoInterface(0)) };
        let wire_len = self.order.u32(*wire_len);
        let snap_len = if interface.snap_len == 0 { u32::MAX } else { interface.snap_len };
        let len = wire_len.min(snap_len).min(u32::try_from(data.len()).unwrap_or(u32::MAX));
        let (ts, link) = (Timestamp::default(), interface.link);
        let place = self.place(0);
        Step::Packet(Record { ts, link, interface: place, data: 12, len, wire_len, advance: block.advance })
    }

    /// Appendix A: the packet block of the first writers.
    fn obsolete(&self, block: Block<'_>) -> Step {
        let Some((&[i0, i1, _, _, h0, h1, h2, h3, l0, l1, l2, l3, c0, c1, c2, c3, w0, w1, w2, w3], data)) =
            block.body.split_first_chunk()
        else {
            return damaged(Fault::Short(block.kind));
        };
        let id = self.order.u16([i0, i1]);
        let Some(interface) = self.interfaces.get(usize::from(id)) else {
            return damaged(Fault::NoInterface(u32::from(id)));
        };
        let high = u64::from(self.order.u32([h0, h1, h2, h3]));
        let low = u64::from(self.order.u32([l0, l1, l2, l3]));
        let len = self.order.u32([c0, c1, c2, c3]);
        if len as usize > data.len() {
            return damaged(Fault::Captured(len));
        }
        Step::Packet(Record {
            ts: interface.timestamp(high << 32 | low),
            link: interface.link,
            interface: self.place(u32::from(id)),
            data: 28,
            len,
            wire_len: self.order.u32([w0, w1, w2, w3]).max(len),
            advance: block.advance,
        })
    }

    /// Section 4.2.
    fn interface(&mut self, block: Block<'_>) -> Step {
        let Some((&[l0, l1, _, _, s0, s1, s2, s3], options)) = block.body.split_first_chunk() else {
            return damaged(Fault::Short(block.kind));
        };
        if self.interfaces.len() >= INTERFACES_MAX {
            return damaged(Fault::Interfaces);
        }
        let mut interface = Interface {
            link: LinkType(self.order.u16([l0, l1])),
            snap_len: self.order.u32([s0, s1, s2, s3]),
            resolution: Resolution::of(6),
            offset: 0,
        };
        let (mut rest, mut name) = (options, None);
        while let Some((&[c0, c1, n0, n1], body)) = rest.split_first_chunk() {
            let (code, length) = (self.order.u16([c0, c1]), usize::from(self.order.u16([n0, n1])));
            match (code, body.get(..length)) {
                (0, _) | (_, None) => break,
                // One that is too long is no name.
                (NAME, Some(value)) if value.len() <= NAME_MAX => {
                    name = Some(String::from_utf8_lossy(value).into_owned().into_boxed_str());
                }
                (TS_RESOLUTION, Some(&[resolution])) => interface.resolution = Resolution::of(resolution),
                (TS_OFFSET, Some(value)) => {
                    if let Ok(value) = value.try_into() {
                        let seconds = self.order.u64(value).cast_signed();
                        interface.offset = i128::from(seconds).saturating_mul(1_000_000_000);
                    }
                }
                _ => {}
            }
            rest = body.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        self.interfaces.push(interface);
        if self.names.len() < NAMES_MAX {
            self.names.push(name);
        }
        Step::Skip(block.advance)
    }

    /// Section 4.1; the byte order is known by now.
    fn section(&mut self, block: Block<'_>) -> Step {
        let Some((&[_, _, _, _, v0, v1, _, _], _)) = block.body.split_first_chunk() else {
            return damaged(Fault::Short(block.kind));
        };
        match self.order.u16([v0, v1]) {
            1 => {
                self.before = self.before.saturating_add(self.interfaces.len());
                self.interfaces.clear();
                Step::Skip(block.advance)
            }
            major => damaged(Fault::Version(major)),
        }
    }
}

impl Pcapng {
    /// The place of an interface of the section among those of the file.
    #[inline]
    fn place(&self, id: u32) -> u16 {
        let place = usize::try_from(id).ok().and_then(|id| self.before.checked_add(id));
        place.and_then(|place| u16::try_from(place).ok()).unwrap_or(u16::MAX)
    }
}

impl Interface {
    #[inline]
    fn timestamp(&self, units: u64) -> Timestamp {
        let nanos = self.resolution.nanos(units).saturating_add(self.offset);
        Timestamp(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }
}

impl Resolution {
    /// The option's byte: a power of two with the highest bit, else of ten.
    fn of(byte: u8) -> Self {
        let power = u32::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            return Self::Binary(power);
        }
        match 9u32.checked_sub(power) {
            Some(power) => Self::Times(10u64.saturating_pow(power)),
            None => Self::Part(10u64.checked_pow(power.saturating_sub(9)).unwrap_or(0)),
        }
    }

    #[inline]
    fn nanos(self, units: u64) -> i128 {
        match self {
            Self::Times(times) => i128::from(units).saturating_mul(i128::from(times)),
            Self::Part(part) => i128::from(units.checked_div(part).unwrap_or(0)),
            // At most 2^64 * 10^9: no more than 94 bits; the shift is below 128.
            Self::Binary(power) => i128::from(units).saturating_mul(1_000_000_000).checked_shr(power).unwrap_or(0),
        }
    }
}

/// The byte-order mark of a section.
fn section_order(mark: &[u8]) -> Option<Order> {
    match mark {
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(Order::Little),
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(Order::Big),
        _ => None,
    }
}

enum Fault {
    NoByteOrder,
    Length { kind: u32, length: u32 },
    Trailer { length: u32, trailer: u32 },
    Short(u32),
    Captured(u32),
    NoInterface(u32),
    Interfaces,
    Version(u16),
}

#[cold]
fn damaged(fault: Fault) -> Step {
    Step::Damaged(match fault {
        Fault::NoByteOrder => "a section without a byte-order mark".to_owned(),
        Fault::Length { kind, length } => format!("a block of type {kind:#x} claims {length} bytes"),
        Fault::Trailer { length, trailer } => format!("a block of {length} bytes says {trailer} at its end"),
        Fault::Short(kind) => format!("a block of type {kind:#x} too short for its fields"),
        Fault::Captured(len) => format!("a packet claims {len} bytes, more than its block has"),
        Fault::NoInterface(id) => format!("a packet of interface {id}, which its section does not describe"),
        Fault::Interfaces => format!("a section with more than {INTERFACES_MAX} interfaces"),
        Fault::Version(major) => format!("a section of version {major}; only version 1 is known"),
    })
}

pub(super) const SECTION: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE: u32 = 3;
pub(super) const ENHANCED: u32 = 6;

pub(super) const NAME: u16 = 2;
pub(super) const TS_RESOLUTION: u16 = 9;
const TS_OFFSET: u16 = 14;

/// Bytes of a block without a body.
const BLOCK_MIN: u32 = 12;
/// Bounds the memory that a stream of interface blocks can take.
const INTERFACES_MAX: usize = 65_536;
/// Interfaces whose names are kept, and bytes of a name.
const NAMES_MAX: usize = u16::MAX as usize;
const NAME_MAX: usize = 256;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::format::{Format, Stop, Window};
    use super::super::testing::Section;
    use super::*;
    use crate::capture::Slot;

    fn walk(bytes: &[u8]) -> (Vec<Slot>, Stop, u64) {
        let (mut format, position) = Format::detect(bytes).unwrap();
        let mut window = Window { store: bytes, position };
        let mut slots = Vec::new();
        let stop = format.walk(&mut window, &mut slots, 100);
        (slots, stop, window.position)
    }

    /// The time of a packet whose interface has these options.
    fn time(units: u64, options: &[(u16, &[u8])]) -> i64 {
        walk(&Section::new(Order::Big).interface(1, options).packet(0, units, b"x").bytes).0[0].ts.0
    }

    #[test]
    fn all_three_packet_blocks_are_read_in_both_orders() {
        for order in [Order::Little, Order::Big] {
            let bytes = Section::new(order)
                .interface(1, &[])
                .packet(0, 5_000_001, b"first")
                .simple(b"second")
                .obsolete(0, 7, b"third")
                .bytes;
            let (slots, stop, position) = walk(&bytes);
            assert_eq!((stop, position), (Stop::Need(8), bytes.len() as u64));
            let data: Vec<_> = slots.iter().map(|slot| slot.frame(&bytes).unwrap().data).collect();
            assert_eq!(data, [&b"first"[..], b"second", b"third"]);
            let times: Vec<_> = slots.iter().map(|slot| slot.ts.0).collect();
            assert_eq!(times, [5_000_001_000, 0, 7000]);
        }
    }

    #[test]
    fn interfaces_have_their_own_link_type_and_resolution() {
        let bytes = Section::new(Order::Little)
            .interface(1, &[])
            .interface(101, &[(9, &[9])])
            .packet(1, 42, b"raw")
            .packet(0, 42, b"ether")
            .bytes;
        let (slots, _, _) = walk(&bytes);
        assert_eq!([slots[0].interface, slots[1].interface], [1, 0]);
        assert_eq!((slots[0].link, slots[0].ts.0), (LinkType::RAW, 42));
        assert_eq!((slots[1].link, slots[1].ts.0), (LinkType::ETHERNET, 42_000));
    }

    #[test]
    fn a_new_section_has_its_own_order_and_interfaces() {
        let mut bytes = Section::new(Order::Little).interface(1, &[]).packet(0, 1, b"one").bytes;
        bytes.extend(Section::new(Order::Big).interface(113, &[(2, b"eth1")]).packet(0, 2, b"two").bytes);
        let (slots, stop, _) = walk(&bytes);
        assert_eq!(slots.iter().map(|slot| slot.interface).collect::<Vec<_>>(), [0, 1]);
        let (mut format, position) = Format::detect(&bytes).unwrap();
        format.walk(&mut Window { store: &bytes, position }, &mut Vec::new(), 100);
        assert_eq!([format.interface_name(0), format.interface_name(1)], [None, Some("eth1")]);
        assert_eq!(stop, Stop::Need(8));
        assert_eq!(slots.iter().map(|slot| slot.link.0).collect::<Vec<_>>(), [1, 113]);
        let mut bytes = Section::new(Order::Little).interface(1, &[]).bytes;
        bytes.extend(Section::new(Order::Little).packet(0, 2, b"two").bytes);
        let (_, stop, _) = walk(&bytes);
        assert!(matches!(stop, Stop::Damaged(why) if why.contains("interface 0")));
    }

    #[test]
    fn resolutions_are_powers_of_ten_or_two() {
        assert_eq!(time(3, &[(9, &[0])]), 3_000_000_000);
        assert_eq!(time(3, &[(9, &[3])]), 3_000_000);
        assert_eq!(time(3, &[(9, &[9])]), 3);
        assert_eq!(time(3_999, &[(9, &[12])]), 3);
        assert_eq!(time(u64::MAX, &[(9, &[127])]), 0);
        assert_eq!(time(3 << 19, &[(9, &[0x80 | 20])]), 1_500_000_000);
        assert_eq!(time(u64::MAX, &[(9, &[0x80 | 127])]), 0);
        assert_eq!(time(1 << 33, &[(9, &[0x80 | 32])]), 2_000_000_000);
    }

    #[test]
    fn time_offsets_are_added_and_saturate() {
        assert_eq!(time(1, &[(14, &100i64.to_be_bytes())]), 100_000_001_000);
        assert_eq!(time(1, &[(14, &(-1i64).to_be_bytes())]), -999_999_000);
        assert_eq!(time(1, &[(14, &i64::MIN.to_be_bytes())]), i64::MIN);
        assert_eq!(time(u64::MAX, &[(9, &[0])]), i64::MAX);
    }

    #[test]
    fn options_of_other_kinds_are_stepped_over() {
        assert_eq!(time(3, &[(2, b"eth0\0"), (9, &[9]), (11, b"x")]), 3);
    }

    #[test]
    fn a_simple_packet_ends_at_the_snap_length() {
        let mut section = Section::new(Order::Little).interface(1, &[]);
        let at = section.bytes.len() - 8;
        section.bytes[at..at + 4].copy_from_slice(&4u32.to_le_bytes());
        let bytes = section.simple(b"12345678").bytes;
        let (slots, _, _) = walk(&bytes);
        assert_eq!((slots[0].len, slots[0].wire_len), (4, 8));
    }

    #[test]
    fn other_blocks_are_stepped_over_however_long() {
        let bytes = Section::new(Order::Little).interface(1, &[]).other(10, &[1; 32]).other(0xbad, &[]).bytes;
        let (slots, stop, _) = walk(&bytes);
        assert_eq!((slots.len(), stop), (0, Stop::Need(8)));
        let mut bytes = bytes;
        let end = bytes.len() as u64;
        bytes.extend([0xad, 0x0b, 0, 0, 0, 0, 0, 0x80]);
        let (_, stop, position) = walk(&bytes);
        assert_eq!((stop, position), (Stop::Need(8), end + 0x8000_0000));
    }

    #[test]
    fn bad_lengths_end_the_walk_where_they_stand() {
        for (length, trailer) in [(8u32, 8u32), (34, 34), (36, 40), (0, 0)] {
            let mut bytes = Section::new(Order::Little).interface(1, &[]).bytes;
            let start = bytes.len();
            bytes.extend(Section::block(Order::Little, 6, &[0; 24]));
            bytes[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
            let end = bytes.len();
            bytes[end - 4..].copy_from_slice(&trailer.to_le_bytes());
            let (slots, stop, position) = walk(&bytes);
            assert!(matches!(stop, Stop::Damaged(_)), "{length} {stop:?}");
            assert_eq!((slots.len(), position), (0, start as u64));
        }
    }

    #[test]
    fn a_packet_longer_than_its_block_ends_the_walk() {
        let mut bytes = Section::new(Order::Little).interface(1, &[]).packet(0, 1, b"abcd").bytes;
        let at = bytes.len() - 16;
        bytes[at..at + 4].copy_from_slice(&5u32.to_le_bytes());
        assert!(matches!(walk(&bytes).1, Stop::Damaged(why) if why.contains("5 bytes")));
    }
}
