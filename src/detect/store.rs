//! What rules remember by key, within a cap: entries in lists, the oldest of which go when there is no more room.
//!
//! In: a list's number, a key in bytes, a value. Out: the place of the entry. Each list keeps its entries in the order in
//! which they were put at its new end, so that what is over, and what is oldest, is found at the other end. Does not know
//! what the values mean.

use dashmap::DashMap;

use crate::capture::Timestamp;

/// Entries by list and key.
#[derive(Debug)]
pub struct Store<T> {
    /// Where the entry of a hash stands. Its parts grow one by one: there is no moment at which all of it is copied.
    index: DashMap<u64, Place, ahash::RandomState>,
    hasher: ahash::RandomState,
    rows: Vec<Vec<Option<Entry<T>>>>,
    free: Vec<Place>,
    lists: Vec<List>,
    len: usize,
    heap: usize,
}

/// Where an entry stands until it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u32);

#[derive(Debug)]
pub struct Entry<T> {
    pub key: Box<[u8]>,
    /// The packet time of what touched it last.
    pub touched: Timestamp,
    /// When it is over.
    pub due: Timestamp,
    pub value: T,
    list: u32,
    hash: u64,
    /// Bytes that it was said to have on the heap.
    heap: u32,
    newer: Option<Place>,
    older: Option<Place>,
}

/// From when to when an entry lives, in packet time.
#[derive(Debug, Clone, Copy)]
pub struct Life {
    pub touched: Timestamp,
    pub due: Timestamp,
}

#[derive(Debug, Clone, Copy, Default)]
struct List {
    newest: Option<Place>,
    oldest: Option<Place>,
}

impl<T> Store<T> {
    pub fn new(lists: usize) -> Self {
        Self {
            index: DashMap::default(),
            hasher: ahash::RandomState::new(),
            rows: Vec::new(),
            free: Vec::new(),
            lists: vec![List::default(); lists],
            len: 0,
            heap: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// What all entries take, about.
    pub fn bytes(&self) -> usize {
        self.heap + self.len * (size_of::<Option<Entry<T>>>() + BESIDE)
    }

    pub fn find(&self, list: usize, key: &[u8]) -> Option<Place> {
        let list = u32::try_from(list).ok()?;
        let mut hash = self.hash(list, key);
        loop {
            let place = *self.index.get(&hash)?;
            let entry = self.get(place)?;
            if entry.list == list && *entry.key == *key {
                return Some(place);
            }
            hash = next(hash);
        }
    }

    /// Puts an entry at the new end of its list. The key must not be there yet.
    pub fn insert(&mut self, list: usize, key: &[u8], life: Life, value: T) -> Option<Place> {
        let number = u32::try_from(list).ok()?;
        let mut hash = self.hash(number, key);
        while self.index.contains_key(&hash) {
            hash = next(hash);
        }
        let place = self.room()?;
        let heap = key.len() as u32;
        let entry = Entry {
            key: key.into(),
            touched: life.touched,
            due: life.due,
            value,
            list: number,
            hash,
            heap,
            newer: None,
            older: None,
        };
        *self.slot(place)? = Some(entry);
        self.index.insert(hash, place);
        self.len += 1;
        self.heap += heap as usize;
        self.put_newest(place);
        Some(place)
    }

    pub fn get(&self, place: Place) -> Option<&Entry<T>> {
        let (row, at) = place.parts();
        self.rows.get(row)?.get(at)?.as_ref()
    }

    pub fn get_mut(&mut self, place: Place) -> Option<&mut Entry<T>> {
        self.slot(place)?.as_mut()
    }

    /// Puts it at the new end of its list.
    pub fn renew(&mut self, place: Place) {
        if self.get(place).is_some_and(|entry| entry.newer.is_some()) {
            self.unlink(place);
            self.put_newest(place);
        }
    }

    /// Says what the value of an entry has on the heap.
    pub fn weigh(&mut self, place: Place, bytes: usize) {
        let Some(entry) = self.get_mut(place) else { return };
        let heap = u32::try_from(bytes + entry.key.len()).unwrap_or(u32::MAX);
        let before = std::mem::replace(&mut entry.heap, heap);
        self.heap = (self.heap + heap as usize).saturating_sub(before as usize);
    }

    pub fn remove(&mut self, place: Place) -> Option<Entry<T>> {
        self.unlink(place);
        let entry = self.slot(place)?.take()?;
        self.index.remove(&entry.hash);
        self.free.push(place);
        self.len -= 1;
        self.heap = self.heap.saturating_sub(entry.heap as usize);
        Some(entry)
    }

    /// The entry at the old end of a list.
    pub fn oldest(&self, list: usize) -> Option<Place> {
        self.lists.get(list)?.oldest
    }

    /// The entries of a list, from its new end to its old one.
    pub fn newest_first(&self, list: usize) -> impl Iterator<Item = &Entry<T>> {
        let newest = self.lists.get(list).and_then(|list| list.newest).and_then(|place| self.get(place));
        std::iter::successors(newest, |entry| self.get(entry.older?))
    }

    /// The entries of a list, to be changed; from its old end to its new one.
    pub fn each_mut(&mut self, list: usize, change: &mut dyn FnMut(&mut T)) {
        let mut next = self.oldest(list);
        while let Some(entry) = next.and_then(|place| self.get_mut(place)) {
            change(&mut entry.value);
            next = entry.newer;
        }
    }

    /// Of the entries at the old ends, the one that was touched first.
    pub fn oldest_of_all(&self) -> Option<Place> {
        let ends = self.lists.iter().filter_map(|list| list.oldest);
        ends.min_by_key(|place| self.get(*place).map(|entry| entry.touched))
    }

    /// Gives the lists other numbers; one that gets none is emptied.
    pub fn renumber(&mut self, lists: usize, number_of: impl Fn(usize) -> Option<usize>) {
        let mut fresh = Self { hasher: self.hasher.clone(), ..Self::new(lists) };
        for list in 0..self.lists.len() {
            let Some(to) = number_of(list) else { continue };
            while let Some(place) = self.oldest(list) {
                let Some(entry) = self.remove(place) else { break };
                let heap = (entry.heap as usize).saturating_sub(entry.key.len());
                let life = Life { touched: entry.touched, due: entry.due };
                if let Some(place) = fresh.insert(to, &entry.key, life, entry.value) {
                    fresh.weigh(place, heap);
                }
            }
        }
        *self = fresh;
    }

    fn hash(&self, list: u32, key: &[u8]) -> u64 {
        self.hasher.hash_one((list, key))
    }

    fn room(&mut self) -> Option<Place> {
        if let Some(place) = self.free.pop() {
            return Some(place);
        }
        let at = self.len;
        let place = Place(u32::try_from(at).ok()?);
        if self.rows.last().is_none_or(|row| row.len() == ROW) {
            self.rows.push(Vec::with_capacity(if at == 0 { FIRST_ROW } else { ROW }));
        }
        self.rows.last_mut()?.push(None);
        Some(place)
    }

    fn slot(&mut self, place: Place) -> Option<&mut Option<Entry<T>>> {
        let (row, at) = place.parts();
        self.rows.get_mut(row)?.get_mut(at)
    }

    fn put_newest(&mut self, place: Place) {
        let Some(number) = self.get(place).map(|entry| entry.list as usize) else { return };
        let Some(list) = self.lists.get_mut(number) else { return };
        let before = list.newest.replace(place);
        if before.is_none() {
            list.oldest = Some(place);
        }
        if let Some(entry) = self.get_mut(place) {
            (entry.older, entry.newer) = (before, None);
        }
        if let Some(entry) = before.and_then(|before| self.get_mut(before)) {
            entry.newer = Some(place);
        }
    }

    fn unlink(&mut self, place: Place) {
        let Some((older, newer, number)) = self.get(place).map(|entry| (entry.older, entry.newer, entry.list as usize))
        else {
            return;
        };
        match older.and_then(|older| self.get_mut(older)) {
            Some(entry) => entry.newer = newer,
            None => self.lists.get_mut(number).into_iter().for_each(|list| list.oldest = newer),
        }
        match newer.and_then(|newer| self.get_mut(newer)) {
            Some(entry) => entry.older = older,
            None => self.lists.get_mut(number).into_iter().for_each(|list| list.newest = older),
        }
    }
}

impl Place {
    fn parts(self) -> (usize, usize) {
        (self.0 as usize / ROW, self.0 as usize % ROW)
    }
}

/// Where to look next where two keys have one hash. An entry behind one that was removed is not found again: it is then
/// begun anew, which happens about never.
fn next(hash: u64) -> u64 {
    hash.wrapping_add(0x9e37_79b9_7f4a_7c15)
}

/// Entries are held in rows of this many, so that growing copies none.
const ROW: usize = 4096;
const FIRST_ROW: usize = 16;
/// Bytes that an entry takes beside itself: in the index, and what allocations round up to.
const BESIDE: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> [u8; 4] {
        n.to_be_bytes()
    }

    fn life(at: i64) -> Life {
        Life { touched: Timestamp(at), due: Timestamp(at + 10) }
    }

    fn store(entries: &[(usize, u32)]) -> Store<u32> {
        let mut store = Store::new(2);
        for (list, n) in entries {
            assert!(store.insert(*list, &key(*n), life(i64::from(*n)), *n).is_some());
        }
        store
    }

    fn values(store: &Store<u32>, list: usize) -> Vec<u32> {
        let places = std::iter::successors(store.oldest(list), |place| store.get(*place)?.newer);
        places.filter_map(|place| store.get(place)).map(|entry| entry.value).collect()
    }

    #[test]
    fn entries_are_found_by_list_and_key() {
        let store = store(&[(0, 1), (1, 1), (0, 2)]);
        let found = |list, n| store.find(list, &key(n)).and_then(|place| store.get(place)).map(|entry| entry.value);
        assert_eq!((found(0, 1), found(1, 1), found(0, 2), found(1, 2)), (Some(1), Some(1), Some(2), None));
        assert_eq!(store.len(), 3);
    }

    #[test]
    fn a_list_is_in_the_order_of_its_renewals() {
        let mut store = store(&[(0, 1), (0, 2), (0, 3), (1, 4)]);
        for n in [1, 3, 3, 2] {
            let place = store.find(0, &key(n)).expect("it is there");
            store.renew(place);
        }
        assert_eq!(values(&store, 0), [1, 3, 2]);
        assert_eq!(values(&store, 1), [4]);
    }

    #[test]
    fn places_are_used_again_and_the_oldest_is_found() {
        let mut store = store(&[(0, 5), (1, 3), (0, 4)]);
        // By the times that touched them: 3 stands before 5, though it came later.
        let mut order = Vec::new();
        while let Some(place) = store.oldest_of_all() {
            order.extend(store.remove(place).map(|entry| entry.value));
        }
        assert_eq!((order, store.len(), store.heap), (vec![3, 5, 4], 0, 0));
        for n in 0..3 {
            assert!(store.insert(0, &key(n), life(0), n).is_some());
        }
        assert_eq!(store.rows.iter().map(Vec::len).sum::<usize>(), 3);
        assert_eq!(values(&store, 0), [0, 1, 2]);
    }

    #[test]
    fn ten_thousand_entries_come_and_go() {
        let mut store = Store::new(1);
        for n in 0..30_000u32 {
            if store.len() == 10_000 {
                let oldest = store.oldest(0).expect("an entry");
                assert_eq!(store.remove(oldest).map(|entry| entry.value), Some(n - 10_000));
            }
            assert!(store.insert(0, &key(n), life(0), n).is_some());
        }
        assert_eq!(values(&store, 0), (20_000..30_000).collect::<Vec<_>>());
        assert!((20_000..30_000).all(|n| store.find(0, &key(n)).is_some()));
        assert!((0..20_000).all(|n| store.find(0, &key(n)).is_none()));
        assert_eq!(store.index.len(), 10_000);
    }

    #[test]
    fn lists_get_other_numbers_and_keep_their_order() {
        let mut store = store(&[(0, 1), (1, 7), (0, 2), (1, 8)]);
        let place = store.find(1, &key(7)).expect("it is there");
        store.weigh(place, 100);
        store.renumber(3, |list| (list == 1).then_some(2));
        assert_eq!((values(&store, 0), values(&store, 2)), (vec![], vec![7, 8]));
        assert_eq!((store.len(), store.heap), (2, 108));
        assert!(store.find(2, &key(8)).is_some() && store.find(1, &key(8)).is_none());
    }
}
