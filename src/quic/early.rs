//! Initial packets that came before the one that tells their keys: a capture may have the server's answer first.
//!
//! In: packets. Out: the same, in order. Holds a few, and no more.

use arrayvec::ArrayVec;

use crate::wire::Direction;

/// Packets in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Early {
    bytes: Vec<u8>,
    /// Who sent each, and where it ends.
    ends: ArrayVec<(Direction, usize), MAX_PACKETS>,
}

impl Early {
    /// Forgets everything, and gives the buffer back: few connections need one.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Keeps a packet, if there is room.
    pub(super) fn keep(&mut self, from: Direction, packet: &[u8]) {
        let end = self.bytes.len().saturating_add(packet.len());
        if end <= MAX_BYTES && self.ends.try_push((from, end)).is_ok() {
            self.bytes.extend_from_slice(packet);
        }
    }

    pub(super) fn packets(&self) -> impl Iterator<Item = (Direction, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(from, end)| {
            let packet = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            (from, packet)
        })
    }
}

const MAX_PACKETS: usize = 4;
const MAX_BYTES: usize = 8 << 10;
