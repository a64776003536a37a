//! The most frequent keys of a stream, in bounded memory.
//!
//! In: one key after the other. Out: those that came most often, with what is known of them, and how many came beside.
#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::hash::Hash;

use hashbrown::HashMap;

/// Counts keys. When twice as many are there as are kept, the rarer half goes into one sum: the sums stay true, and a key
/// that comes back after that is counted from then on.
#[derive(Debug)]
pub(in crate::sink) struct Top<K, V> {
    entries: HashMap<K, Entry<V>, ahash::RandomState>,
    keep: usize,
    /// Occurrences of keys that were dropped.
    dropped: u64,
}

#[derive(Debug)]
pub(in crate::sink) struct Entry<V> {
    pub(in crate::sink) count: u64,
    pub(in crate::sink) facts: V,
}

/// The first of a ranking.
pub(in crate::sink) struct Ranking<'a, K, V> {
    pub(in crate::sink) first: Vec<(&'a K, &'a Entry<V>)>,
    /// Keys beyond them, as far as they are known one by one.
    pub(in crate::sink) other_keys: u64,
    /// Occurrences of all keys beyond them.
    pub(in crate::sink) other_count: u64,
}

impl<K: Hash + Ord + Clone, V> Top<K, V> {
    pub(in crate::sink) fn new(keep: usize) -> Self {
        Self { entries: HashMap::default(), keep, dropped: 0 }
    }

    /// Counts a key once.
    pub(in crate::sink) fn hit(&mut self, key: K, make: impl FnOnce() -> V) -> &mut Entry<V> {
        if self.entries.len() >= 2 * self.keep && !self.entries.contains_key(&key) {
            self.drop_rare();
        }
        let entry = self.entries.entry(key).or_insert_with(|| Entry { count: 0, facts: make() });
        entry.count += 1;
        entry
    }

    pub(in crate::sink) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keys that are known one by one.
    pub(in crate::sink) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All that are known one by one, in no order.
    pub(in crate::sink) fn entries(&self) -> impl Iterator<Item = (&K, &Entry<V>)> {
        self.entries.iter()
    }

    /// The `most` keys of `rank`'s order, then of falling counts, then of rising keys.
    pub(in crate::sink) fn ranking<R: Ord>(&self, most: usize, rank: impl Fn(&Entry<V>) -> R) -> Ranking<'_, K, V> {
        let mut all: Vec<_> = self.entries.iter().collect();
        all.sort_by(|(a_key, a), (b_key, b)| {
            let by_rank = rank(a).cmp(&rank(b));
            by_rank.then(b.count.cmp(&a.count)).then_with(|| a_key.cmp(b_key))
        });
        let others = all.split_off(most.min(all.len()));
        let other_count = others.iter().map(|(_, entry)| entry.count).sum::<u64>() + self.dropped;
        Ranking { first: all, other_keys: others.len() as u64, other_count }
    }

    /// Of keys that came equally often the lower ones stay, so that a run repeats.
    #[cold]
    fn drop_rare(&mut self) {
        let mut order: Vec<_> = self.entries.iter().map(|(key, entry)| (Reverse(entry.count), key)).collect();
        let last = self.keep.saturating_sub(1);
        let (_, &mut (least, key), _) = order.select_nth_unstable(last);
        let last_kept = (least, key.clone());
        let dropped = &mut self.dropped;
        self.entries.retain(|key, entry| {
            let kept = (Reverse(entry.count), key) <= (last_kept.0, &last_kept.1);
            *dropped += if kept { 0 } else { entry.count };
            kept
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_frequent_survives_a_flood_of_single_keys() {
        let mut top = Top::new(100);
        for number in 0..10_000u32 {
            top.hit(1_000_000 + number, || ());
            if number.is_multiple_of(5) {
                top.hit(number % 3, || ());
            }
        }
        assert!(top.len() <= 200);
        let ranking = top.ranking(3, |_| ());
        // Each came some 667 times; the first of them may be among the dropped.
        assert!(ranking.first.iter().all(|(key, entry)| **key < 3 && entry.count > 650));
        let shown: u64 = ranking.first.iter().map(|(_, entry)| entry.count).sum();
        assert_eq!(shown + ranking.other_count, 12_000);
    }

    #[test]
    fn likes_are_ranked_by_their_keys() {
        let mut top = Top::new(8);
        for key in ["b", "a", "c", "c"] {
            top.hit(key, || ());
        }
        let ranking = top.ranking(2, |_| ());
        assert_eq!(ranking.first.iter().map(|(key, _)| **key).collect::<Vec<_>>(), ["c", "a"]);
        assert_eq!((ranking.other_keys, ranking.other_count), (1, 1));
    }
}
