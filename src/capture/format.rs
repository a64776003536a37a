//! The capture file formats as one incremental parser.
//!
//! In: bytes, from a map or in blocks as they were read. Out: [`Slot`]s and why it stopped. Reads nothing itself and
//! keeps no bytes: the caller hands over what follows the position it was told.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::Slot;
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::record::{Record, Step};

/// A format and where its parser stands.
#[derive(Debug)]
pub enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// A stretch of a capture that lies in memory.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// The store that slots refer to.
    pub store: &'a [u8],
    /// Where the next record starts in it; may lie behind its end where a block is to be stepped over.
    pub position: u64,
}

/// Why [`Format::walk`] came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The slots are full.
    Full,
    /// The next record needs this many bytes from the position on.
    Need(u64),
    /// Nothing after the position can be read.
    Damaged(String),
}

impl Format {
    /// The format of a file that starts with `head`, and how many bytes its parser is to be given first thereafter.
    /// An error says what the file is instead. `head` need not be longer than [`HEAD`].
    pub fn detect(head: &[u8]) -> Result<(Self, u64), String> {
        if let Some(detected) = Pcap::detect(head) {
            return detected.map(|pcap| (Self::Pcap(pcap), super::pcap::FILE_HEADER as u64));
        }
        if let Some(detected) = Pcapng::detect(head) {
            return detected.map(|pcapng| (Self::Pcapng(pcapng), 0));
        }
        Err(super::other::name(head))
    }

    /// What the file calls the interface with this place ([`Slot::interface`]), where it says so.
    pub fn interface_name(&self, interface: u16) -> Option<&str> {
        match self {
            Self::Pcap(_) => None,
            Self::Pcapng(pcapng) => pcapng.name(interface),
        }
    }

    /// Puts the packets from the window's position on into `slots`, up to `slots_max` of them, and moves the position.
    pub fn walk(&mut self, window: &mut Window<'_>, slots: &mut Vec<Slot>, slots_max: usize) -> Stop {
        match self {
            Self::Pcap(pcap) => walk(|bytes| pcap.step(bytes), window, slots, slots_max),
            Self::Pcapng(pcapng) => walk(|bytes| pcapng.step(bytes), window, slots, slots_max),
        }
    }
}

/// The loop that every packet goes through: one copy of it per format, nothing dispatched inside.
#[inline(always)]
fn walk(mut step: impl FnMut(&[u8]) -> Step, window: &mut Window<'_>, slots: &mut Vec<Slot>, slots_max: usize) -> Stop {
    let store = window.store;
    let mut position = window.position;
    let stop = loop {
        if slots.len() >= slots_max {
            break Stop::Full;
        }
        let rest = usize::try_from(position).ok().and_then(|start| store.get(start..)).unwrap_or_default();
        match step(rest) {
            Step::Packet(record) => {
                let Record { ts, link, interface, data, len, wire_len, advance } = record;
                slots.push(Slot { ts, offset: position.wrapping_add(u64::from(data)), len, wire_len, link, interface });
                position = position.wrapping_add(advance);
            }
            Step::Skip(advance) => position = position.saturating_add(advance),
            Step::Need(bytes) => break Stop::Need(bytes),
            Step::Damaged(why) => break Stop::Damaged(why),
        }
    };
    window.position = position;
    stop
}

/// Bytes that [`Format::detect`] looks at.
pub const HEAD: usize = 24;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::super::record::Order;
    use super::super::testing::{Section, pcap};
    use super::*;

    fn walk_all(bytes: &[u8]) -> Option<(usize, Stop)> {
        let (mut format, position) = Format::detect(bytes).ok()?;
        let mut window = Window { store: bytes, position };
        let mut slots = Vec::new();
        let stop = format.walk(&mut window, &mut slots, usize::MAX);
        for slot in &slots {
            assert!(slot.frame(bytes).is_some());
        }
        Some((slots.len(), stop))
    }

    #[test]
    fn the_slots_are_the_limit() {
        let bytes = pcap(Order::Little).packet(1, 2, b"one").packet(1, 3, b"two").bytes;
        let (mut format, position) = Format::detect(&bytes).unwrap();
        let mut window = Window { store: &bytes, position };
        let mut slots = Vec::new();
        assert_eq!(format.walk(&mut window, &mut slots, 1), Stop::Full);
        assert_eq!(slots[0].frame(&bytes).unwrap().data, b"one");
        slots.clear();
        assert_eq!(format.walk(&mut window, &mut slots, 1), Stop::Full);
        assert_eq!(slots[0].frame(&bytes).unwrap().data, b"two");
        slots.clear();
        assert_eq!(format.walk(&mut window, &mut slots, 1), Stop::Need(16));
        assert_eq!(window.position, bytes.len() as u64);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            magic in prop::sample::select(vec![0xa1b2_c3d4u32, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1, 0xa1b2_cd34, 0x0a0d_0d0a]),
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut bytes = magic.to_be_bytes().to_vec();
            bytes.extend(rest);
            walk_all(&bytes);
        }

        #[test]
        fn no_mutation_makes_it_panic(
            changes in prop::collection::vec((0usize..260, any::<u8>()), 1..8),
            big in any::<bool>(),
            ng in any::<bool>(),
        ) {
            let order = if big { Order::Big } else { Order::Little };
            let mut bytes = if ng {
                Section::new(order).interface(1, &[(9, &[9])]).packet(0, 5, b"abc").simple(b"xyz").other(5, &[0; 12]).packet(0, 6, b"defgh").bytes
            } else {
                pcap(order).packet(1, 2, b"one").packet(1, 3, b"three").packet(3, 4, &[7; 100]).bytes
            };
            for (at, value) in changes {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            walk_all(&bytes);
        }
    }
}
