//! Half-open flows: those of which nothing but their first packet was seen.
//!
//! A scan or a flood opens a million of them and answers none, so each is kept in one cache line, in the order in which
//! they came: what goes in is written behind the last, and what is evicted or expires is read from the front. Only the
//! places are not in order, and they are never taken back: one is known as left when its number is no longer among those
//! that wait. Five million SYNs of as many sources took 0.9 s of CPU time and 204 bytes a flow in the flow table; here
//! they take 0.6 s and 81 bytes.
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

use super::index::Index;
use super::table::half;
use super::{FlowId, Key};
use crate::capture::Timestamp;

/// Flows by key, the oldest first, each with what its owner keeps of its first packet.
#[derive(Debug)]
pub struct HalfOpen<T> {
    /// Where flows stand, by their hashes; a power of two of them.
    places: Vec<Places>,
    /// Where those stand that found no room there.
    overflow: Index,
    /// Entries in the order in which they came; places that were left stay empty until they are the first.
    blocks: VecDeque<Block<T>>,
    spare: Option<Block<T>>,
    /// Numbers of the first entry of all and of the next one to come; they wrap at [`NUMBERS`].
    first: u32,
    next: u32,
    len: usize,
    /// Nanoseconds without a second packet after which a flow is over.
    timeout: u64,
}

type Block<T> = Box<[Option<Entry<T>>]>;

#[derive(Debug)]
struct Entry<T> {
    key: Key,
    at: Timestamp,
    hash: u32,
    is_overflow: bool,
    first: T,
}

/// A cache line of places: halves of hashes, and the numbers of the entries that may have them.
#[derive(Debug, Clone)]
#[repr(align(64))]
struct Places {
    hashes: [u32; WAYS],
    numbers: [u32; WAYS],
}

/// Numbers that are taken: `len` from `first` on.
#[derive(Debug, Clone, Copy)]
struct Taken {
    first: u32,
    len: usize,
}

impl<T> HalfOpen<T> {
    pub fn new(timeout: u64) -> Self {
        Self {
            places: vec![Places::EMPTY; SMALLEST],
            overflow: Index::new(),
            blocks: VecDeque::new(),
            spare: None,
            first: 0,
            next: 0,
            len: 0,
            timeout,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes a flow out by its key and the key's hash: when it was opened, and what was kept of that.
    #[inline]
    pub fn take(&mut self, hash: u64, key: &Key) -> Option<(Timestamp, T)> {
        if self.is_empty() {
            return None;
        }
        let (hash, taken) = (half(hash), self.taken());
        let is_it = |number: u32| self.entry(number).is_some_and(|entry| entry.key == *key);
        let number = match self.places(hash).find(hash, |number| taken.has(number) && is_it(number)) {
            Some(number) => number,
            None if self.overflow.is_empty() => return None,
            None => self.overflow.find(hash, |id| is_it(id.0))?.0,
        };
        self.remove(number).map(|entry| (entry.at, entry.first))
    }

    /// Puts a flow in that [`HalfOpen::take`] did not find.
    #[inline]
    pub fn push(&mut self, hash: u64, key: Key, at: Timestamp, first: T) {
        self.push_entry(Entry { key, at, hash: half(hash), is_overflow: false, first });
        // Where many were answered, their empty places would outnumber those that wait.
        for _ in 0..2 {
            if self.taken().len <= self.len.saturating_mul(2).saturating_add(BLOCK) {
                break;
            }
            if let Some(entry) = self.pop() {
                self.push_entry(entry);
            }
        }
    }

    /// When the oldest will be over.
    #[inline]
    pub fn next_due(&mut self) -> Option<Timestamp> {
        while !self.is_empty() {
            if let Some(entry) = self.entry(self.first) {
                return Some(self.due(entry.at));
            }
            self.pop();
        }
        None
    }

    /// Takes the oldest out to make room; false where there is none.
    pub fn evict(&mut self) -> bool {
        self.next_due().is_some() && self.pop().is_some()
    }

    /// Takes out all that are over at `now`.
    #[inline]
    pub fn expire(&mut self, now: Timestamp) {
        while self.next_due().is_some_and(|due| due <= now) {
            self.pop();
        }
    }

    /// The clock was set back by so many nanoseconds, to `now`: see [`Table::set_back`](super::Table::set_back).
    pub fn set_back(&mut self, by: u64, now: Timestamp) {
        let entries = self.blocks.iter_mut().flat_map(|block| block.iter_mut()).flatten();
        let later = entries.map(|entry| &mut entry.at).filter(|at| **at > now);
        later.for_each(|at| at.0 = at.0.saturating_sub_unsigned(by));
    }

    pub fn clear(&mut self) {
        *self = Self::new(self.timeout);
    }

    /// Reads ahead what look-ups of these hashes will read.
    #[inline]
    pub fn touch(&self, hashes: impl Iterator<Item = u64>) {
        if self.len >= SMALL {
            black_box(hashes.fold(0, |sum, hash| sum ^ self.places(half(hash)).glance()));
        }
    }

    /// Whether one that was opened at `at` has been silent for too long at `now`.
    #[inline]
    pub fn is_over(&self, at: Timestamp, now: Timestamp) -> bool {
        now.since(at) > self.timeout
    }

    #[inline]
    fn due(&self, at: Timestamp) -> Timestamp {
        Timestamp(at.0.saturating_add_unsigned(self.timeout).saturating_add(1))
    }

    #[inline]
    fn taken(&self) -> Taken {
        Taken { first: self.first, len: distance(self.first, self.next) }
    }

    fn push_entry(&mut self, entry: Entry<T>) {
        let (hash, number) = (entry.hash, self.next);
        if (number as usize).is_multiple_of(BLOCK) || self.blocks.is_empty() {
            let block = self.spare.take().unwrap_or_else(|| (0..BLOCK).map(|_| None).collect());
            self.blocks.push_back(block);
        }
        if self.taken().len.saturating_mul(2) >= self.places.len().saturating_mul(WAYS) {
            self.grow();
        }
        let is_overflow = !self.note(hash, number);
        if let Some(place) = self.blocks.back_mut().and_then(|block| block.get_mut(number as usize % BLOCK)) {
            *place = Some(Entry { is_overflow, ..entry });
        }
        self.next = after(number);
        self.len = self.len.saturating_add(1);
    }

    /// Notes where a flow stands; false where the places of its hash are all taken, and the overflow has it.
    #[inline]
    fn note(&mut self, hash: u32, number: u32) -> bool {
        let (taken, mask) = (self.taken(), self.mask());
        let has_room = self.places.get_mut(hash as usize & mask).is_some_and(|places| places.put(hash, number, taken));
        if !has_room {
            self.overflow.insert(hash, FlowId(number));
        }
        has_room
    }

    #[cold]
    fn grow(&mut self) {
        self.places = vec![Places::EMPTY; self.places.len().saturating_mul(4)];
        self.overflow.clear();
        let mut number = self.first;
        while number != self.next {
            if let Some(hash) = self.entry(number).map(|entry| entry.hash) {
                let is_overflow = !self.note(hash, number);
                if let Some(Some(entry)) = self.place_mut(number) {
                    entry.is_overflow = is_overflow;
                }
            }
            number = after(number);
        }
    }

    #[inline]
    fn places(&self, hash: u32) -> &Places {
        self.places.get(hash as usize & self.mask()).unwrap_or(&Places::EMPTY)
    }

    #[inline]
    fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }

    /// Takes the first place away, and what stands in it.
    #[inline]
    fn pop(&mut self) -> Option<Entry<T>> {
        let number = self.first;
        let entry = self.remove(number);
        self.first = after(number);
        if (self.first as usize).is_multiple_of(BLOCK) {
            self.spare = self.blocks.pop_front();
        }
        entry
    }

    #[inline]
    fn remove(&mut self, number: u32) -> Option<Entry<T>> {
        let entry = self.place_mut(number)?.take()?;
        if entry.is_overflow {
            self.overflow.remove(entry.hash, FlowId(number));
        }
        self.len = self.len.saturating_sub(1);
        Some(entry)
    }

    #[inline]
    fn entry(&self, number: u32) -> Option<&Entry<T>> {
        let (block, place) = self.at(number);
        self.blocks.get(block)?.get(place)?.as_ref()
    }

    #[inline]
    fn place_mut(&mut self, number: u32) -> Option<&mut Option<Entry<T>>> {
        let (block, place) = self.at(number);
        self.blocks.get_mut(block)?.get_mut(place)
    }

    /// A number's block, and its place there.
    #[inline]
    fn at(&self, number: u32) -> (usize, usize) {
        let from_start = distance(self.first, number).wrapping_add(self.first as usize % BLOCK);
        (from_start / BLOCK, number as usize % BLOCK)
    }
}

impl Places {
    const EMPTY: Self = Self { hashes: [0; WAYS], numbers: [NUMBERS - 1; WAYS] };

    /// The first number under `hash` that `is_it` takes.
    #[inline]
    fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        // All are compared without a branch: hardly ever is one the same.
        let mut same = bits(self.hashes.map(|other| other == hash));
        while same != 0 {
            let number = self.numbers.get(same.trailing_zeros() as usize).copied();
            if number.is_some_and(&is_it) {
                return number;
            }
            same &= same.wrapping_sub(1);
        }
        None
    }

    /// Puts a number in, in the place of one that is not taken; false where all are.
    #[inline]
    fn put(&mut self, hash: u32, number: u32, taken: Taken) -> bool {
        let left = bits(self.numbers.map(|other| !taken.has(other)));
        let way = left.trailing_zeros() as usize;
        match (self.hashes.get_mut(way), self.numbers.get_mut(way)) {
            (Some(its_hash), Some(its_number)) => {
                (*its_hash, *its_number) = (hash, number);
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn glance(&self) -> u32 {
        let [first, ..] = self.hashes;
        first
    }
}

impl Taken {
    #[inline]
    fn has(self, number: u32) -> bool {
        distance(self.first, number) < self.len
    }
}

#[inline]
fn bits(ways: [bool; WAYS]) -> u32 {
    ways.into_iter().enumerate().fold(0, |bits, (way, is_set)| bits | u32::from(is_set) << way)
}

#[inline]
fn after(number: u32) -> u32 {
    number.wrapping_add(1) % NUMBERS
}

#[inline]
fn distance(first: u32, number: u32) -> usize {
    (number.wrapping_sub(first) % NUMBERS) as usize
}

/// Numbers that there are: the index has room for them, and they wrap at the end of a block.
const NUMBERS: u32 = 1 << 31;
const BLOCK: usize = 1024;
/// Places on a cache line.
const WAYS: usize = 8;
/// Lines of places to begin with.
const SMALLEST: usize = 256;
/// Flows of which all that a look-up reads fits the cache of a core.
const SMALL: usize = 1024;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::testing::key;
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn hash(n: u32) -> u64 {
        u64::from(n.wrapping_mul(0x9e37_79b9)) << 32
    }

    fn flows() -> HalfOpen<u32> {
        HalfOpen::new(10 * SECOND as u64)
    }

    fn push(flows: &mut HalfOpen<u32>, n: u32, at: i64) {
        flows.push(hash(n), key(n), Timestamp(at), n);
    }

    #[test]
    fn a_flow_is_one_cache_line() {
        assert_eq!(size_of::<Option<Entry<(u32, u8, u8)>>>(), 64);
        assert_eq!(size_of::<Places>(), 64);
    }

    #[test]
    fn what_was_put_in_is_taken_out_once() {
        let mut flows = flows();
        (0..5000).for_each(|n| push(&mut flows, n, i64::from(n)));
        assert_eq!(flows.take(hash(77), &key(77)), Some((Timestamp(77), 77)));
        assert_eq!(flows.take(hash(77), &key(77)), None);
        assert_eq!(flows.take(hash(5), &key(6)), None, "the hash is another's");
        assert_eq!(flows.len(), 4999);
    }

    #[test]
    fn the_oldest_goes_first_and_all_once() {
        let mut flows = flows();
        (0..3000).for_each(|n| push(&mut flows, n, i64::from(n)));
        flows.take(hash(0), &key(0)).unwrap();
        assert!(flows.evict());
        assert_eq!(flows.take(hash(1), &key(1)), None);
        assert_eq!(flows.next_due(), Some(Timestamp(2 + 10 * SECOND + 1)));
        assert_eq!((0..4000).filter(|_| flows.evict()).count(), 2998);
        assert!(flows.is_empty());
    }

    #[test]
    fn silence_ends_one_after_its_time_and_no_earlier() {
        let mut flows = flows();
        (0..20).for_each(|n| push(&mut flows, n, i64::from(n) * SECOND));
        flows.expire(Timestamp(12 * SECOND));
        assert_eq!(flows.len(), 18, "one of ten seconds is not over yet");
        flows.expire(Timestamp(12 * SECOND + 1));
        assert_eq!(flows.len(), 17);
        assert!(!flows.is_over(Timestamp(2 * SECOND), Timestamp(12 * SECOND)));
        assert!(flows.is_over(Timestamp(2 * SECOND), Timestamp(12 * SECOND + 1)));
    }

    #[test]
    fn places_of_answered_flows_do_not_pile_up_behind_one_that_waits() {
        let mut flows = flows();
        push(&mut flows, 0, 0);
        for n in 1..200_000 {
            push(&mut flows, n, 0);
            flows.take(hash(n), &key(n)).unwrap();
            assert!(flows.blocks.len() <= 3);
        }
        assert_eq!(flows.take(hash(0), &key(0)), Some((Timestamp(0), 0)));
    }

    #[test]
    fn flows_whose_places_are_all_taken_are_found_all_the_same() {
        let mut flows = flows();
        let hash = |n: u32| u64::from(n % 3) << 32;
        (0..2000).for_each(|n| flows.push(hash(n), key(n), Timestamp(i64::from(n)), n));
        assert!(!flows.overflow.is_empty());
        (0..2000).step_by(2).for_each(|n| assert_eq!(flows.take(hash(n), &key(n)).map(|(_, n)| n), Some(n)));
        flows.expire(Timestamp(i64::MAX));
        assert!(flows.is_empty() && flows.overflow.is_empty());
        (0..2000).for_each(|n| assert_eq!(flows.take(hash(n), &key(n)), None));
    }

    #[test]
    fn numbers_wrap_without_harm() {
        let mut flows = flows();
        flows.first = NUMBERS - 1500;
        flows.next = flows.first;
        (0..3000).for_each(|n| push(&mut flows, n, i64::from(n)));
        (0..3000).filter(|n| n % 3 == 0).for_each(|n| assert!(flows.take(hash(n), &key(n)).is_some()));
        assert_eq!(flows.len(), 2000);
        flows.expire(Timestamp(1000 + 10 * SECOND));
        (0..3000).for_each(|n| {
            assert_eq!(flows.take(hash(n), &key(n)).is_some(), n >= 1000 && n % 3 != 0, "{n}");
        });
    }
}
