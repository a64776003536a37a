//! What a rolling capture has kept and what not: counted by those who hand packets over and by the one who writes them.

use std::sync::atomic::{AtomicU64, Ordering};

/// The figures of a rolling capture while it lasts.
#[derive(Debug, Default)]
pub struct Kept {
    packets: AtomicU64,
    bytes: AtomicU64,
    no_room: AtomicU64,
    not_written: AtomicU64,
}

/// The same at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeptCounters {
    /// Packets that were written.
    pub packets: u64,
    /// Bytes of their blocks in files.
    pub bytes: u64,
    /// Packets that came while the writer was behind by the whole buffer.
    pub no_room: u64,
    /// Packets that could not be written.
    pub not_written: u64,
}

impl Kept {
    pub fn add_written(&self, packets: u64, bytes: u64) {
        self.packets.fetch_add(packets, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn add_no_room(&self, packets: u64) {
        self.no_room.fetch_add(packets, Ordering::Relaxed);
    }

    pub fn add_not_written(&self, packets: u64) {
        self.not_written.fetch_add(packets, Ordering::Relaxed);
    }

    pub fn counters(&self) -> KeptCounters {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        KeptCounters {
            packets: of(&self.packets),
            bytes: of(&self.bytes),
            no_room: of(&self.no_room),
            not_written: of(&self.not_written),
        }
    }
}
