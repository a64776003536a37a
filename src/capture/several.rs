//! Several interfaces as one source: their packets in the order of time.
//!
//! The two directions of a link often come in by two interfaces, each with a buffer of its own. A packet is held until what
//! came before it at another interface has left that buffer. One interface passes through untouched.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::{Batch, Fill, Lost, Slot, Source, Store};
use super::listen::{Listen, PATIENCE, wait};
use super::{Tally, Timestamp};
use crate::Error;

/// Interfaces that are listened to together.
pub struct Several<S> {
    sources: Vec<S>,
    /// Those that have ended.
    ended: Vec<bool>,
    /// In the order of time, where more than one is listened to.
    held: Vec<(Slot, Arc<Vec<u8>>)>,
    /// When packets of any of them were lost, until it is told.
    lost: Option<Lost>,
    /// When the last of them came.
    came: Instant,
    batch: Batch,
    /// The latest packet's time.
    latest: Timestamp,
}

impl<S: Listen> Several<S> {
    pub fn new(mut sources: Vec<S>) -> Self {
        if sources.len() > 1 {
            sources.iter_mut().for_each(|source| source.set_patience(Duration::ZERO));
        }
        let ended = vec![false; sources.len()];
        Self {
            sources,
            ended,
            held: Vec::new(),
            lost: None,
            came: Instant::now(),
            batch: Batch::new(),
            latest: Timestamp::default(),
        }
    }

    /// What each gave and lost since the last call, by its place. An interface that is gone is told by the next reading.
    pub fn tallies(&mut self) -> impl Iterator<Item = (usize, Tally)> {
        self.sources.iter_mut().enumerate().filter_map(|(place, source)| Some((place, source.tally().ok()?)))
    }

    /// Takes in what has come. It is copied: a ring's block that is held is one that the kernel cannot fill.
    fn gather(&mut self) -> Result<(), Error> {
        let before = self.held.len();
        let open = self.sources.iter_mut().zip(&mut self.ended).zip(0_u16..).filter(|((_, ended), _)| !**ended);
        for ((source, ended), interface) in open {
            if source.fill(&mut self.batch)? == Fill::End {
                *ended = true;
                continue;
            }
            let Batch { store, slots, lost } = &mut self.batch;
            self.lost = lost.take().map(|lost| self.lost.map_or(lost, |other| lost.and(other))).or(self.lost);
            let (mut block, mut moved) = (Vec::new(), Vec::with_capacity(slots.len()));
            for slot in slots.iter() {
                let Some(frame) = slot.frame(store.bytes()) else { continue };
                moved.push(Slot { offset: block.len() as u64, interface, ..*slot });
                block.extend_from_slice(frame.data);
            }
            let block = Arc::new(block);
            self.held.extend(moved.into_iter().map(|slot| (slot, Arc::clone(&block))));
        }
        self.batch.store = Store::Block(Arc::default());
        let new = self.held.get(before..).unwrap_or_default();
        if !new.is_empty() {
            self.came = Instant::now();
        }
        self.latest = new.iter().map(|(slot, _)| slot.ts).fold(self.latest, Timestamp::max);
        // Stable: what came by one interface stays in its order.
        self.held.sort_by_key(|(slot, _)| slot.ts);
        Ok(())
    }

    /// Moves the first packets into a batch.
    fn give(&mut self, count: usize, batch: &mut Batch) {
        let mut block = Vec::new();
        for (slot, store) in self.held.drain(..count) {
            let Some(frame) = slot.frame(&store) else { continue };
            batch.slots.push(Slot { offset: block.len() as u64, ..slot });
            block.extend_from_slice(frame.data);
        }
        batch.store = Store::Block(Arc::new(block));
    }
}

impl<S: Listen> Source for Several<S> {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        if let [source] = &mut *self.sources {
            return source.fill(batch);
        }
        batch.slots.clear();
        self.gather()?;
        let over = self.ended.iter().all(|ended| *ended);
        let horizon = Timestamp(self.latest.0.saturating_sub(HOLD));
        let quiet = self.came.elapsed() >= Duration::from_nanos(HOLD.unsigned_abs());
        let count = match over || quiet || self.held.len() >= HELD_MAX {
            true => self.held.len(),
            false => self.held.partition_point(|(slot, _)| slot.ts <= horizon),
        };
        self.give(count, batch);
        // Before its packets may be: it is they that it is held against, by their times.
        batch.lost = self.lost.take();
        if over && batch.slots.is_empty() && batch.lost.is_none() {
            return Ok(Fill::End);
        }
        if !over {
            let open = self.sources.iter().zip(&self.ended).filter(|(_, ended)| !**ended);
            wait(open.map(|(source, _)| source.descriptor()), PATIENCE);
        }
        Ok(Fill::More)
    }
}

/// Nanoseconds that a packet is held: longer than one lies in a buffer that is not full.
const HOLD: i64 = 150_000_000;
/// Packets that are held at most.
const HELD_MAX: usize = 1 << 16;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::VecDeque;
    use std::fs::File;
    use std::os::fd::{AsFd, BorrowedFd};

    use super::*;
    use crate::capture::LinkType;

    /// Gives a list of packets at each call: a time and a byte each.
    struct Script {
        calls: VecDeque<Vec<(i64, u8)>>,
        file: File,
    }

    impl Source for Script {
        fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
            batch.slots.clear();
            let Some(packets) = self.calls.pop_front() else { return Ok(Fill::End) };
            batch.store = Store::Block(Arc::new(packets.iter().map(|(_, byte)| *byte).collect()));
            batch.slots.extend(packets.iter().enumerate().map(|(index, (ts, _))| Slot {
                ts: Timestamp(*ts),
                offset: index as u64,
                len: 1,
                wire_len: 1,
                link: LinkType::ETHERNET,
                interface: 0,
            }));
            Ok(Fill::More)
        }
    }

    impl Listen for Script {
        fn tally(&mut self) -> Result<Tally, Error> {
            Ok(Tally { kernel: self.calls.len() as u64, ..Tally::default() })
        }

        fn descriptor(&self) -> BorrowedFd<'_> {
            self.file.as_fd()
        }

        fn set_patience(&mut self, _: Duration) {}
    }

    fn script(calls: &[&[(i64, u8)]]) -> Script {
        // Always readable.
        let file = File::open("/dev/null").unwrap();
        Script { calls: calls.iter().map(|packets| packets.to_vec()).collect(), file }
    }

    fn bytes_of(mut several: Several<Script>) -> Vec<Vec<u8>> {
        let (mut batch, mut out) = (Batch::new(), Vec::new());
        while several.fill(&mut batch).unwrap() == Fill::More {
            out.push(batch.frames().map(|frame| frame.data[0]).collect());
        }
        out
    }

    #[test]
    fn packets_of_two_interfaces_come_in_the_order_of_time() {
        const S: i64 = 1_000_000_000;
        let one = script(&[&[(S, 1), (3 * S, 3)], &[], &[(5 * S, 5)]]);
        let other = script(&[&[], &[(2 * S, 2), (4 * S, 4)], &[(5 * S, 6)]]);
        let told = bytes_of(Several::new(vec![one, other]));
        // The third waits for what the other interface may have before it.
        assert_eq!(told, [vec![1], vec![2, 3], vec![4], vec![5, 6]]);
    }

    #[test]
    fn what_nothing_follows_is_told_in_the_end() {
        let told = bytes_of(Several::new(vec![script(&[&[(9, 1)], &[]]), script(&[&[], &[]])]));
        assert_eq!(told, [vec![], vec![], vec![1]]);
    }

    #[test]
    fn one_interface_passes_through() {
        let told = bytes_of(Several::new(vec![script(&[&[(9, 1), (3, 2)], &[(1, 3)]])]));
        assert_eq!(told, [vec![1, 2], vec![3]]);
    }

    #[test]
    fn each_interface_has_its_own_losses() {
        let mut several = Several::new(vec![script(&[&[]]), script(&[&[], &[]])]);
        let lost: Vec<(usize, u64)> = several.tallies().map(|(place, tally)| (place, tally.kernel)).collect();
        assert_eq!(lost, [(0, 1), (1, 2)]);
    }
}
