//! A capture file in memory, without a copy.
//!
//! In: an open regular file. Out: its bytes, shared by whoever holds a batch of them. The disk is asked for what is ahead
//! of the reader, and pages far behind it are let go, so that a large file does not fill the process.

use std::fs::File;
use std::io;
use std::sync::Arc;

use memmap2::{Advice, Mmap, MmapOptions, UncheckedAdvice};

/// A mapped file and how far it was brought in and let go.
#[derive(Debug)]
pub(super) struct Map {
    bytes: Arc<Mmap>,
    wanted: usize,
    released: usize,
    touched: usize,
}

impl Map {
    /// Maps the whole file as it is now: what is appended later is not seen.
    pub fn of(file: &File) -> io::Result<Self> {
        // SAFETY: the map is private and read-only, and nothing here writes to it. What is left is another process:
        // one that changes bytes under us makes us read other bytes, which every parser withstands; one that cuts
        // the file shorter makes an access behind its new end fatal (SIGBUS). A capture that is still being cut or
        // replaced in place is therefore to be read through a pipe; one that grows is safe.
        #[allow(unsafe_code)]
        let map = unsafe { MmapOptions::new().map_copy_read_only(file) }?;
        // Advice only: the map works without it.
        let _ = map.advise(Advice::Sequential);
        Ok(Self { bytes: Arc::new(map), wanted: 0, released: 0, touched: 0 })
    }

    pub fn bytes(&self) -> &Arc<Mmap> {
        &self.bytes
    }

    /// Asks the disk for what the reader at `position` will need next, and lets go of what is far behind it.
    ///
    /// The pages come by faults, sixteen a fault: to have the kernel enter them in bulk (MADV_POPULATE_READ) cost a
    /// third more of its time.
    pub fn reach(&mut self, position: u64) {
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(self.bytes.len());
        if position.saturating_add(WINDOW) > self.wanted && self.wanted < self.bytes.len() {
            let start = self.wanted.max(position / WINDOW * WINDOW);
            let end = start.saturating_add(2 * WINDOW).min(self.bytes.len());
            // Advice only: the map works without it.
            let _ = self.bytes.advise_range(Advice::WillNeed, start, end - start);
            self.wanted = end;
        }
        let behind = position.saturating_sub(KEPT_BEHIND) / WINDOW * WINDOW;
        if behind > self.released {
            // SAFETY: of a private map that nobody has written to, the pages are dropped and read from the file again
            // when somebody who lags behind touches them: the bytes stay the same.
            #[allow(unsafe_code)]
            let _ = unsafe {
                self.bytes.unchecked_advise_range(UncheckedAdvice::DontNeed, self.released, behind - self.released)
            };
            self.released = behind;
        }
    }

    /// Brings the bytes up to `position`, and some more, into the processor's cache, and gives all bytes up to there.
    ///
    /// The next record is found only by reading the one before: walking cold memory waits for every one of them. Read
    /// in order first, the lines come by the stream: 41 ns a packet instead of 110 (packets of 450 bytes), the same
    /// as with prefetch instructions.
    pub fn touch(&mut self, position: u64) -> &[u8] {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        let start = self.touched.max(position.saturating_sub(TOUCH_MAX));
        let end = position.max(start.saturating_add(TOUCH)).min(self.bytes.len());
        if let Some(cold) = self.bytes.get(start..end) {
            let sum = cold.iter().step_by(CACHE_LINE).fold(0u64, |sum, byte| sum.wrapping_add(u64::from(*byte)));
            std::hint::black_box(sum);
        }
        self.touched = self.touched.max(end);
        self.touched()
    }

    /// The bytes that [`touch`](Self::touch) has brought in.
    pub fn touched(&self) -> &[u8] {
        self.bytes.get(..self.touched).unwrap_or(&self.bytes)
    }
}

/// Bytes let go of at once, and half of what the disk is asked for; a multiple of every page size.
const WINDOW: usize = 4 << 20;

/// Bytes read ahead into the cache: enough for a stream to get going, few enough to be there still when their turn comes.
const TOUCH: usize = 64 << 10;

/// Bytes read at most at once: a single record may be longer, but then nobody waits for its header.
const TOUCH_MAX: usize = 1 << 20;

const CACHE_LINE: usize = 64;

/// Bytes behind the reader that stay, for the threads that are still at work on them.
const KEPT_BEHIND: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_far_behind_can_still_be_read() {
        let mut file = tempfile::tempfile().unwrap();
        let megabyte: Vec<u8> = (0..1 << 20).map(|i: u32| (i >> 8) as u8).collect();
        for _ in 0..80 {
            file.write_all(&megabyte).unwrap();
        }
        let mut map = Map::of(&file).unwrap();
        for position in (0..80 << 20).step_by(1 << 20) {
            map.reach(position);
        }
        assert!(map.released >= 12 << 20);
        assert_eq!(map.wanted, 80 << 20);
        assert_eq!(map.bytes()[..1 << 20], megabyte);
        map.reach(u64::MAX);
        assert_eq!(map.bytes()[70 << 20..71 << 20], megabyte);
    }
}
