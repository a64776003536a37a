//! Packets in bulk: one backing store and the places of the frames in it.
//!
//! A batch from a file borrows the map (shared, nothing copied); one from a pipe, a compressed file or the tap owns a
//! block of bytes that is used again, and one from a ring a block of it. Shards of the runtime get batches over the same store with different slots.

use std::sync::Arc;

use memmap2::Mmap;

use super::{Frame, LinkType, Timestamp};
use crate::Error;

/// Where one frame lies in its batch's store.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    pub ts: Timestamp,
    /// Offset of the frame's first byte in the store.
    pub offset: u64,
    /// Bytes captured.
    pub len: u32,
    /// Bytes on the wire.
    pub wire_len: u32,
    pub link: LinkType,
    /// The place of the interface that it came by, among those that are listened to or that the file's section names; 0
    /// where there is but one.
    pub interface: u16,
}

/// The bytes that slots point into.
#[derive(Debug, Clone)]
pub enum Store {
    Map(Arc<Mmap>),
    Block(Arc<Vec<u8>>),
    #[cfg(target_os = "linux")]
    Ring(Arc<super::ring::Block>),
}

impl Store {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Store::Map(map) => map,
            Store::Block(block) => block,
            #[cfg(target_os = "linux")]
            Store::Ring(block) => block.bytes(),
        }
    }
}

/// Up to a few thousand frames over one store.
#[derive(Debug, Clone)]
pub struct Batch {
    pub store: Store,
    pub slots: Vec<Slot>,
    /// When packets were lost on the way to here, if any were: whoever reads the batch takes it out.
    pub lost: Option<Lost>,
}

/// A stretch of packet time in which packets were lost before they could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// The last packet that is known to have come before it.
    pub from: Timestamp,
    /// The first that came after it.
    pub to: Timestamp,
}

impl Lost {
    /// From the earlier beginning to the later end.
    pub fn and(self, other: Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

impl Batch {
    /// An empty batch, to be filled by a [`Source`].
    pub fn new() -> Self {
        Self { store: Store::Block(Arc::default()), slots: Vec::new(), lost: None }
    }

    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let bytes = self.store.bytes();
        self.slots.iter().filter_map(move |slot| slot.frame(bytes))
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Slot {
    /// The frame in `store`'s bytes; `None` only if the slot is of another store.
    #[inline]
    pub fn frame<'a>(&self, store: &'a [u8]) -> Option<Frame<'a>> {
        let start = usize::try_from(self.offset).ok()?;
        let data = store.get(start..)?.get(..self.len as usize)?;
        Some(Frame { ts: self.ts, link: self.link, interface: self.interface, data, wire_len: self.wire_len })
    }
}

/// Something that packets come out of: a file, a pipe, a tap.
pub trait Source {
    /// Replaces the batch's store and slots by the next frames, oldest first; an empty batch is the end (a tap gives
    /// one only when it was stopped). The slots' vector, and the block if nobody else holds it, are used again.
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error>;
}

/// What a [`Source`] has to say after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// The batch holds frames, or (tap) nothing came in time: ask again.
    More,
    /// The batch is empty, and what was on its way before this time has come: what is silent since long before is over. Ask
    /// again.
    Quiet(Timestamp),
    /// Nothing more will come; the batch is empty.
    End,
}
