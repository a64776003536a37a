//! The flow table: a hard cap, expiry by packet time, half-open flows evicted first.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::collections::VecDeque;
use std::hint::black_box;

use arrayvec::ArrayVec;

use super::index::Index;
use super::{Hasher, Key};
use crate::capture::Timestamp;

/// Flows by key, each with its owner's state.
///
/// An index of hashes leads to slots in blocks that never move. Each flow stands in one of two queues, with the time at
/// which it is due: only then is it looked at, and put back if it was busy since. So a packet costs one look-up, and
/// no list is re-linked.
#[derive(Debug)]
pub struct Table<S> {
    hasher: Hasher,
    index: Index,
    blocks: Vec<Box<[Slot<S>]>>,
    free: Vec<FlowId>,
    short_lived: VecDeque<Due>,
    lasting: VecDeque<Due>,
    limits: TableLimits,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
pub struct TableLimits {
    pub max_flows: usize,
    /// Nanoseconds without a packet after which a flow is over.
    pub idle: u64,
    /// The same for one that is half-open or closed.
    pub half_open: u64,
}

impl TableLimits {
    fn timeout<S>(&self, flow: &Flow<S>) -> u64 {
        if flow.short_lived { self.half_open } else { self.idle }
    }

    fn due<S>(&self, flow: &Flow<S>) -> Timestamp {
        let timeout = i64::try_from(self.timeout(flow)).unwrap_or(i64::MAX);
        Timestamp(flow.last_seen.0.saturating_add(timeout).saturating_add(1))
    }
}

/// A flow and its owner's state.
#[derive(Debug)]
pub struct Flow<S> {
    pub key: Key,
    pub last_seen: Timestamp,
    /// Whether it may be evicted first, and expires early: nothing but SYNs was seen of it, or it is closed.
    pub short_lived: bool,
    hash: u32,
    pub state: S,
}

/// A flow's place in its table; good until the flow is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowId(pub(super) u32);

/// A flow's place that is known to be another's once the flow was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    id: FlowId,
    generation: u32,
}

#[derive(Debug)]
struct Slot<S> {
    /// Counted up at each removal, so that a queue's memory of an earlier flow is known as such.
    generation: u32,
    flow: Option<Flow<S>>,
}

#[derive(Debug, Clone, Copy)]
struct Due {
    id: FlowId,
    generation: u32,
    /// Of the flow, for the index.
    hash: u32,
    at: Timestamp,
}

/// Why a flow was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    Expired,
    Evicted,
}

impl<S> Table<S> {
    pub fn new(hasher: Hasher, limits: TableLimits) -> Self {
        Self {
            hasher,
            index: Index::new(),
            blocks: Vec::new(),
            free: Vec::new(),
            short_lived: VecDeque::new(),
            lasting: VecDeque::new(),
            limits,
            len: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub fn hash(&self, key: &Key) -> u64 {
        self.hasher.hash(key)
    }

    /// Looks a flow up by its key and the key's hash.
    #[inline]
    pub fn find(&self, hash: u64, key: &Key) -> Option<FlowId> {
        self.index.find(half(hash), |id| self.get(id).is_some_and(|flow| flow.key == *key))
    }

    /// Reads ahead what look-ups of these hashes will read, and the evictions they may bring: the index's lines first,
    /// all of them under way at once, then the flows', and what `glance` reads of their owners' state. At most
    /// [`TOUCHED`] hashes.
    #[inline]
    pub fn touch(&self, hashes: impl Iterator<Item = u64> + Clone, beside: usize, glance: impl Fn(&S) -> u64) {
        // A small table is in the cache as it is.
        if self.len < SMALL {
            return;
        }
        let lines = hashes.clone().fold(0, |sum, hash| sum ^ self.index.touch(half(hash)));
        black_box(lines);
        // Any flow under the hash will do: it is only looked at.
        let found = hashes
            .clone()
            .filter_map(|hash| self.index.find(half(hash), |_| true))
            .take(TOUCHED)
            .collect::<ArrayVec<_, TOUCHED>>();
        let flows = found.iter().filter_map(|&id| self.get(id)).fold(0, |sum, flow| sum ^ flow.last_seen.0);
        black_box(flows);
        let states = found.iter().filter_map(|&id| self.get(id)).fold(0, |sum, flow| sum ^ glance(&flow.state));
        black_box(states);
        if self.is_full(beside) {
            let evictions = self.short_lived.iter().zip(hashes).fold(0, |sum, (due, _)| {
                sum ^ self.index.touch(due.hash) ^ self.slot(due.id).map_or(0, |slot| u64::from(slot.generation))
            });
            black_box(evictions);
        }
    }

    #[inline]
    pub fn get(&self, id: FlowId) -> Option<&Flow<S>> {
        self.slot(id)?.flow.as_ref()
    }

    #[inline]
    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut Flow<S>> {
        self.slot_mut(id)?.flow.as_mut()
    }

    pub fn place(&self, id: FlowId) -> Option<Place> {
        self.slot(id).map(|slot| Place { id, generation: slot.generation })
    }

    /// The flow that had the place when it was asked for, and which it still has.
    pub fn at(&self, place: Place) -> Option<&Flow<S>> {
        self.slot(place.id).filter(|slot| slot.generation == place.generation)?.flow.as_ref()
    }

    pub fn at_mut(&mut self, place: Place) -> Option<&mut Flow<S>> {
        self.slot_mut(place.id).filter(|slot| slot.generation == place.generation)?.flow.as_mut()
    }

    /// Takes that flow out.
    pub fn remove_at(&mut self, place: Place) -> Option<Flow<S>> {
        self.at(place)?;
        self.remove(place.id)
    }

    /// Whether the flow has been silent for too long at `now`: what comes next is another flow's.
    #[inline]
    pub fn is_over(&self, flow: &Flow<S>, now: Timestamp) -> bool {
        now.since(flow.last_seen) > self.limits.timeout(flow)
    }

    /// Puts a flow in that [`Table::find`] did not find. Where the table is full, [`Table::evict`] comes first.
    pub fn insert(&mut self, hash: u64, flow: NewFlow<S>) -> FlowId {
        let NewFlow { key, now, short_lived, state } = flow;
        let flow = Flow { key, last_seen: now, short_lived, hash: half(hash), state };
        let due = self.due_at(&flow);
        let id = self.take_slot();
        let mut generation = 0;
        if let Some(slot) = self.slot_mut(id) {
            generation = slot.generation;
            slot.flow = Some(flow);
        }
        self.index.insert(half(hash), id);
        self.len = self.len.saturating_add(1);
        self.forget_removed();
        self.queue(short_lived).push_back(Due { id, generation, hash: half(hash), at: due });
        id
    }

    /// Whether there is no room for one more, with as many `beside` these under the same cap.
    pub fn is_full(&self, beside: usize) -> bool {
        self.len.saturating_add(beside) >= self.limits.max_flows
    }

    /// Takes a flow out.
    pub fn remove(&mut self, id: FlowId) -> Option<Flow<S>> {
        let slot = self.slot_mut(id)?;
        let flow = slot.flow.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.index.remove(flow.hash, id);
        self.free.push(id);
        self.len = self.len.saturating_sub(1);
        Some(flow)
    }

    /// When the next of those that are evicted before others will be over.
    pub fn next_short_lived(&mut self) -> Option<Timestamp> {
        while let Some(&due) = self.short_lived.front() {
            match self.current(due) {
                Some(flow) if flow.short_lived => return Some(due.at),
                Some(flow) => {
                    let at = self.due_at(flow);
                    self.lasting.push_back(Due { at, ..due });
                }
                None => {}
            }
            self.short_lived.pop_front();
        }
        None
    }

    /// Takes out one flow to make room: a half-open or closed one if there is any, else the one silent for longest, or
    /// nearly (a flow that was busy since it was queued has a second chance, some times).
    pub fn evict(&mut self) -> Option<Flow<S>> {
        if self.next_short_lived().is_some()
            && let Some(due) = self.short_lived.pop_front()
        {
            return self.remove(due.id);
        }
        let mut chances = SECOND_CHANCES;
        while let Some(due) = self.lasting.pop_front() {
            match self.current(due) {
                Some(flow) if chances > 0 && self.due_at(flow) > due.at => {
                    chances = chances.saturating_sub(1);
                    let at = self.due_at(flow);
                    self.lasting.push_back(Due { at, ..due });
                }
                Some(_) => return self.remove(due.id),
                None => {}
            }
        }
        None
    }

    /// Takes out a flow whose time is over.
    #[inline]
    pub fn expire(&mut self, now: Timestamp) -> Option<Flow<S>> {
        self.expire_from(true, now).or_else(|| self.expire_from(false, now))
    }

    fn expire_from(&mut self, short_lived: bool, now: Timestamp) -> Option<Flow<S>> {
        loop {
            let due = *self.queue(short_lived).front()?;
            if due.at > now {
                return None;
            }
            self.queue(short_lived).pop_front();
            let Some(flow) = self.current(due) else { continue };
            let at = self.due_at(flow);
            if at <= now {
                return self.remove(due.id);
            }
            let short_lived = flow.short_lived;
            self.queue(short_lived).push_back(Due { at, ..due });
        }
    }

    /// The clock was set back by so many nanoseconds, to `now`: what is silent has been so for as long as before. Without
    /// this a flow would not be over until the clock is again where it was, nor would those behind it in their queue.
    pub fn set_back(&mut self, by: u64, now: Timestamp) {
        let back = |time: &mut Timestamp| time.0 = time.0.saturating_sub_unsigned(by);
        let flows = self.blocks.iter_mut().flat_map(|block| block.iter_mut()).filter_map(|slot| slot.flow.as_mut());
        flows.map(|flow| &mut flow.last_seen).filter(|seen| **seen > now).for_each(back);
        // One that is looked at too early is put back.
        self.short_lived.iter_mut().chain(&mut self.lasting).for_each(|due| back(&mut due.at));
    }

    /// Takes out all flows that are left, each with the moment at which it would have been over.
    pub fn drain(&mut self) -> impl Iterator<Item = (Timestamp, Flow<S>)> + use<'_, S> {
        self.index.clear();
        self.short_lived.clear();
        self.lasting.clear();
        self.free.clear();
        self.len = 0;
        let limits = self.limits;
        std::mem::take(&mut self.blocks)
            .into_iter()
            .flat_map(|block| block.into_iter().filter_map(|slot| slot.flow))
            .map(move |flow| (limits.due(&flow), flow))
    }

    /// A flow that was removed before its time stays in its queue till then. Where ports are opened again and again, those
    /// would outnumber the flows by far.
    #[inline]
    fn forget_removed(&mut self) {
        let queued = self.short_lived.len().saturating_add(self.lasting.len());
        if queued > self.len.saturating_mul(2).saturating_add(BLOCK) {
            let Self { short_lived, lasting, blocks, .. } = self;
            for queue in [short_lived, lasting] {
                queue.retain(|due| slot_in(blocks, due.id).is_some_and(|slot| slot.generation == due.generation));
            }
        }
    }

    /// The first moment at which the flow, if silent till then, is over.
    #[inline]
    pub fn due_at(&self, flow: &Flow<S>) -> Timestamp {
        self.limits.due(flow)
    }

    fn current(&self, due: Due) -> Option<&Flow<S>> {
        self.slot(due.id).filter(|slot| slot.generation == due.generation)?.flow.as_ref()
    }

    fn queue(&mut self, short_lived: bool) -> &mut VecDeque<Due> {
        if short_lived { &mut self.short_lived } else { &mut self.lasting }
    }

    fn take_slot(&mut self) -> FlowId {
        if let Some(id) = self.free.pop() {
            return id;
        }
        let first = self.blocks.len().saturating_mul(BLOCK);
        self.blocks.push((0..BLOCK).map(|_| Slot { generation: 0, flow: None }).collect());
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        let last = first.saturating_add(BLOCK as u32);
        self.free.extend((first.saturating_add(1)..last).rev().map(FlowId));
        FlowId(first)
    }

    #[inline]
    fn slot(&self, id: FlowId) -> Option<&Slot<S>> {
        slot_in(&self.blocks, id)
    }

    #[inline]
    fn slot_mut(&mut self, FlowId(id): FlowId) -> Option<&mut Slot<S>> {
        self.blocks.get_mut(id as usize / BLOCK)?.get_mut(id as usize % BLOCK)
    }
}

#[inline]
fn slot_in<S>(blocks: &[Box<[Slot<S>]>], FlowId(id): FlowId) -> Option<&Slot<S>> {
    blocks.get(id as usize / BLOCK)?.get(id as usize % BLOCK)
}

/// What [`Table::insert`] takes.
#[derive(Debug)]
pub struct NewFlow<S> {
    pub key: Key,
    pub now: Timestamp,
    pub short_lived: bool,
    pub state: S,
}

/// The half of a hash that the index keeps; the other chooses shards.
#[inline]
pub(super) fn half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

const BLOCK: usize = 1024;
const SECOND_CHANCES: u32 = 16;
/// Flows of which all that a look-up reads fits the cache of a core.
const SMALL: usize = 1024;
/// Look-ups that [`Table::touch`] begins together.
pub const TOUCHED: usize = 32;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::testing::key;
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn table(max_flows: usize) -> Table<u32> {
        let limits = TableLimits { max_flows, idle: 60 * SECOND as u64, half_open: 10 * SECOND as u64 };
        Table::new(Hasher::seeded(7), limits)
    }

    fn put(table: &mut Table<u32>, n: u32, at: i64, short_lived: bool) -> FlowId {
        let key = key(n);
        let hash = table.hash(&key);
        table.insert(hash, NewFlow { key, now: Timestamp(at * SECOND), short_lived, state: n })
    }

    fn find(table: &Table<u32>, n: u32) -> Option<u32> {
        let key = key(n);
        Some(table.get(table.find(table.hash(&key), &key)?)?.state)
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_alive() {
        let mut table = table(100);
        put(&mut table, 1, 10_000, false);
        put(&mut table, 2, 10_030, true);
        // An hour back. One has been opened since, and one was silent before.
        put(&mut table, 3, 6_429, false);
        table.set_back(3_600 * SECOND as u64, Timestamp(6_430 * SECOND));
        let over = |table: &mut Table<u32>, at: i64| {
            std::iter::from_fn(|| table.expire(Timestamp(at * SECOND))).map(|flow| flow.state).collect::<Vec<_>>()
        };
        assert_eq!(over(&mut table, 6_430), [0_u32; 0]);
        assert_eq!(over(&mut table, 6_441), [2]);
        assert_eq!(over(&mut table, 6_461), [1]);
        assert_eq!(over(&mut table, 6_488), [0_u32; 0]);
        assert_eq!(over(&mut table, 6_490), [3]);
    }

    #[test]
    fn flows_are_found_again_however_large_the_table_grows() {
        let mut table = table(100_000);
        for n in 0..50_000 {
            put(&mut table, n, 0, n % 2 == 0);
        }
        assert!((0..50_000).all(|n| find(&table, n) == Some(n)));
        assert_eq!(find(&table, 50_000), None);
        let id = table.find(table.hash(&key(7)), &key(7)).unwrap();
        assert_eq!(table.remove(id).map(|flow| flow.state), Some(7));
        assert_eq!((find(&table, 7), table.len()), (None, 49_999));
    }

    #[test]
    fn half_open_flows_are_evicted_before_all_others() {
        let mut table = table(4);
        put(&mut table, 1, 0, false);
        put(&mut table, 2, 1, true);
        put(&mut table, 3, 2, false);
        let opened = put(&mut table, 4, 3, true);
        table.get_mut(opened).unwrap().short_lived = false;
        assert!(table.is_full(0));
        let order: Vec<u32> = std::iter::from_fn(|| table.evict()).map(|flow| flow.state).collect();
        assert_eq!(order, [2, 1, 3, 4]);
    }

    #[test]
    fn a_flow_expires_by_packet_time_and_not_before() {
        let mut table = table(10);
        put(&mut table, 1, 0, true);
        let busy = put(&mut table, 2, 0, false);
        assert!(table.expire(Timestamp(10 * SECOND)).is_none());
        assert_eq!(table.expire(Timestamp(10 * SECOND + 1)).map(|flow| flow.state), Some(1));
        table.get_mut(busy).unwrap().last_seen = Timestamp(50 * SECOND);
        assert!(table.expire(Timestamp(100 * SECOND)).is_none());
        assert_eq!(table.expire(Timestamp(111 * SECOND)).map(|flow| flow.state), Some(2));
        assert!(table.is_empty());
    }
}
