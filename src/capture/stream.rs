//! Captures that cannot be mapped: pipes, standard input, and what a decompressor gives.
//!
//! In: a reader. Out: blocks of its bytes, each starting with a record; a record that straddles two reads is carried
//! over. Blocks that nobody holds any more are used again.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

use super::batch::Store;
use super::format::Window;

/// How a block is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// To its end: the data lies there already.
    Full,
    /// As far as data came: who writes into the pipe may take his time.
    AsItComes,
}

/// The block at hand and the reader behind it.
pub(super) struct Stream {
    reader: Box<dyn Read + Send>,
    pace: Pace,
    block: Arc<Vec<u8>>,
    filled: usize,
    /// Where the next record starts in the block; behind `filled` while bytes are stepped over.
    position: u64,
    /// Bytes of the stream before the block.
    before: u64,
    pub(super) handed_out: VecDeque<Arc<Vec<u8>>>,
    empty: Arc<Vec<u8>>,
    end: Option<End>,
}

/// Why nothing more comes.
#[derive(Debug)]
pub(super) enum End {
    Clean,
    Failed(io::Error),
}

impl Stream {
    pub fn new(reader: Box<dyn Read + Send>, pace: Pace) -> Self {
        let (block, empty) = (Arc::default(), Arc::default());
        let handed_out = VecDeque::new();
        Self { reader, pace, block, filled: 0, position: 0, before: 0, handed_out, empty, end: None }
    }

    /// What is there from the position on.
    pub fn rest(&self) -> &[u8] {
        usize::try_from(self.position).ok().and_then(|start| self.block.get(start..self.filled)).unwrap_or_default()
    }

    pub fn window(&self) -> Window<'_> {
        Window { store: self.block.get(..self.filled).unwrap_or_default(), position: self.position }
    }

    pub fn move_to(&mut self, position: u64) {
        self.position = position;
    }

    /// Bytes of the stream up to the position.
    pub fn offset(&self) -> u64 {
        self.before.saturating_add(self.position)
    }

    /// Bytes of the stream that were read.
    pub fn read(&self) -> u64 {
        self.before.saturating_add(self.filled as u64)
    }

    /// Shares the block with a batch.
    pub fn store(&self) -> Store {
        Store::Block(Arc::clone(&self.block))
    }

    /// The empty store: what a batch gets that gives its own block back.
    pub fn no_store(&self) -> Store {
        Store::Block(Arc::clone(&self.empty))
    }

    pub fn take_end(&mut self) -> Option<End> {
        self.end.take()
    }

    /// Reads until `need` bytes lie behind the position, or more; `false` if the stream ends before that.
    pub fn refill(&mut self, need: u64) -> bool {
        loop {
            let have = self.rest().len() as u64;
            if have >= need {
                return true;
            }
            if self.end.is_some() {
                return false;
            }
            self.make_room(usize::try_from(need).unwrap_or(usize::MAX));
            self.read_block(need);
        }
    }

    /// Moves what is left to the front of a block that nobody else reads and that holds `need` bytes.
    fn make_room(&mut self, need: usize) {
        let start = usize::try_from(self.position).unwrap_or(usize::MAX).min(self.filled);
        let size = need.max(BLOCK);
        match Arc::get_mut(&mut self.block) {
            Some(block) => {
                block.copy_within(start..self.filled, 0);
                if block.len() < size {
                    block.resize(size, 0);
                }
            }
            None => {
                let mut fresh = self.fresh(size);
                if let Some(to) = Arc::get_mut(&mut fresh)
                    && let Some(left) = self.block.get(start..self.filled)
                    && let Some(to) = to.get_mut(..left.len())
                {
                    to.copy_from_slice(left);
                }
                let old = std::mem::replace(&mut self.block, fresh);
                if self.handed_out.len() < BLOCKS_KEPT {
                    self.handed_out.push_back(old);
                }
            }
        }
        self.before = self.before.saturating_add(start as u64);
        self.position = self.position.saturating_sub(start as u64);
        self.filled -= start;
    }

    /// A block that nobody holds, of at least this size.
    fn fresh(&mut self, size: usize) -> Arc<Vec<u8>> {
        let free = self.handed_out.iter_mut().position(|block| Arc::get_mut(block).is_some());
        let mut block = free.and_then(|index| self.handed_out.remove(index)).unwrap_or_default();
        if let Some(bytes) = Arc::get_mut(&mut block)
            && bytes.len() < size
        {
            bytes.resize(size, 0);
        }
        block
    }

    fn read_block(&mut self, need: u64) {
        let Some(block) = Arc::get_mut(&mut self.block) else { return };
        while let Some(room) = block.get_mut(self.filled..).filter(|room| !room.is_empty()) {
            match self.reader.read(room) {
                Ok(0) => {
                    self.end = Some(End::Clean);
                    return;
                }
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.end = Some(End::Failed(error));
                    return;
                }
            }
            let have = (self.filled as u64).saturating_sub(self.position);
            if self.pace == Pace::AsItComes && have >= need {
                return;
            }
        }
    }
}

/// Bytes of a block: enough for some thousand packets, and still within a core's cache.
const BLOCK: usize = 1 << 20;

/// Blocks that are looked at for being free again. Those beyond are freed by their last holder.
const BLOCKS_KEPT: usize = 32;
