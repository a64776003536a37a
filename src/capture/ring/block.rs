//! The ring's memory: blocks that belong to the kernel while it fills them, and to a batch while it is read.
//!
//! A block changes hands by its status word: the kernel sets it when a block is full or has waited long enough, and takes
//! the block again when the word is cleared.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use super::socket::Socket;

/// The blocks of a ring, in their order.
pub(super) struct Ring {
    memory: Arc<Memory>,
    /// The block that is filled next.
    next: usize,
}

/// A block that the kernel has filled; it is given back when this is dropped.
pub struct Block {
    memory: Arc<Memory>,
    index: usize,
}

struct Memory {
    map: MmapRaw,
    /// Which blocks are lent to a [`Block`].
    lent: Box<[AtomicBool]>,
    /// The ring lives as long as its socket.
    _socket: Arc<Socket>,
}

impl Ring {
    /// Gives the socket a ring of about `bytes`.
    pub(super) fn map(socket: Arc<Socket>, bytes: usize) -> io::Result<Self> {
        let count = (bytes / BYTES).max(2);
        socket.set_ring(BYTES, count, RETIRE_MILLISECONDS)?;
        let map = MmapOptions::new().len(count * BYTES).map_raw(&*socket)?;
        let lent = (0..count).map(|_| AtomicBool::new(false)).collect();
        Ok(Self { memory: Arc::new(Memory { map, lent, _socket: socket }), next: 0 })
    }

    /// The next block, where the kernel is done with it and no batch holds it from the last time around.
    pub(super) fn take(&mut self) -> Option<Block> {
        let lent = self.memory.lent.get(self.next)?;
        if lent.load(Ordering::Acquire) || self.memory.status(self.next).load(Ordering::Acquire) & USER == 0 {
            return None;
        }
        lent.store(true, Ordering::Relaxed);
        let block = Block { memory: Arc::clone(&self.memory), index: self.next };
        self.next = (self.next + 1) % self.memory.lent.len();
        Some(block)
    }

    /// Whether the kernel is done with the next block, too.
    pub(super) fn has_next(&self) -> bool {
        self.memory.status(self.next).load(Ordering::Acquire) & USER != 0
    }

    /// Whether half of the ring or more waits to be read: the kernel has filled the block that lies half a ring ahead.
    pub(super) fn is_half_full(&self) -> bool {
        let ahead = (self.next + self.memory.lent.len() / 2 - 1) % self.memory.lent.len();
        self.memory.lent.get(ahead).is_some_and(|lent| !lent.load(Ordering::Acquire))
            && self.memory.status(ahead).load(Ordering::Acquire) & USER != 0
    }
}

impl Block {
    /// Whether the kernel had lost packets when it closed the block, and was not asked since.
    pub(super) fn follows_a_loss(&self) -> bool {
        self.memory.status(self.index).load(Ordering::Relaxed) & libc::TP_STATUS_LOSING != 0
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the block lies inside the map, which lives as long as `memory`. Its status says that the kernel does not
        // write to it, and only `drop` says otherwise. `Ring::take` lends a block once, and who changes it has `&mut`.
        unsafe { slice::from_raw_parts(self.memory.start(self.index), BYTES) }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `&mut self` is the only way to this block.
        unsafe { slice::from_raw_parts_mut(self.memory.start(self.index), BYTES) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // What was read of it has been read before the kernel may write. In this order: a block that is not lent any more
        // must not look as if the kernel had filled it again.
        self.memory.status(self.index).store(KERNEL, Ordering::Release);
        if let Some(lent) = self.memory.lent.get(self.index) {
            lent.store(false, Ordering::Release);
        }
    }
}

impl Debug for Block {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Memory {
    fn start(&self, index: usize) -> *mut u8 {
        self.map.as_mut_ptr().wrapping_add(index * BYTES)
    }

    /// The status word of a block: `tpacket_block_desc.hdr.bh1.block_status`.
    fn status(&self, index: usize) -> &AtomicU32 {
        let word = self.start(index).wrapping_add(STATUS);
        // SAFETY: inside the map for every index below the number of blocks, and aligned: blocks begin at multiples of the
        // page size. The kernel reads and writes the word as one.
        unsafe { AtomicU32::from_ptr(word.cast()) }
    }
}

/// Bytes of a block: a multiple of the page size on every machine, and room for a few thousand small packets.
pub(super) const BYTES: usize = 1 << 20;
/// How long the kernel lets packets wait in a block that is not full.
pub(super) const RETIRE_MILLISECONDS: u32 = 40;

const STATUS: usize = 8;
const KERNEL: u32 = libc::TP_STATUS_KERNEL;
const USER: u32 = libc::TP_STATUS_USER;
