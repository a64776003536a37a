//! The flow table's index: from a hash to the places of the flows that may have it.
//!
//! Open addressing with linear probing over words of half a hash and a place, eight to a cache line: a look-up that
//! misses the cache misses it once, and can be begun early ([`Index::touch`]). Written instead of `hashbrown`'s table for
//! that: with it, five million SYNs of as many sources took 2.2 s of user time; with this one, and the look-ups begun for
//! 32 packets together, 1.3 s.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::FlowId;

/// Places by half a hash. What it holds of a flow is enough to grow without a look at the flow.
#[derive(Debug)]
pub(super) struct Index {
    /// Half a hash in the upper half, the place plus one in the lower; zero is empty.
    words: Vec<u64>,
    len: usize,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { words: vec![0; SMALLEST], len: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first place under `half` that `is_it` takes.
    #[inline]
    pub(super) fn find(&self, half: u32, is_it: impl Fn(FlowId) -> bool) -> Option<FlowId> {
        let mut at = self.home(half);
        loop {
            let word = self.word(at);
            if word == 0 {
                return None;
            }
            if half_of(word) == half && is_it(id_of(word)) {
                return Some(id_of(word));
            }
            at = self.after(at);
        }
    }

    /// Reads the line on which a look-up will begin; the caller does many of these before the look-ups, so that the
    /// memory works on all of them at once.
    #[inline]
    pub(super) fn touch(&self, half: u32) -> u64 {
        self.word(self.home(half))
    }

    pub(super) fn insert(&mut self, half: u32, id: FlowId) {
        // At most five eighths full: probes stay short.
        if self.len.saturating_mul(8) >= self.words.len().saturating_mul(5) {
            self.grow();
        }
        self.len = self.len.saturating_add(1);
        self.put(u64::from(half) << 32 | u64::from(id.0).saturating_add(1));
    }

    pub(super) fn remove(&mut self, half: u32, id: FlowId) {
        let mut at = self.home(half);
        loop {
            let word = self.word(at);
            if word == 0 {
                return;
            }
            if half_of(word) == half && id_of(word) == id {
                break;
            }
            at = self.after(at);
        }
        self.len = self.len.saturating_sub(1);
        // What follows moves up, unless it stands at its home or behind it already: no grave is left.
        let mut hole = at;
        loop {
            at = self.after(at);
            let word = self.word(at);
            if word == 0 {
                break;
            }
            let from_home = at.wrapping_sub(self.home(half_of(word))) & self.mask();
            if from_home >= at.wrapping_sub(hole) & self.mask() {
                self.set(hole, word);
                hole = at;
            }
        }
        self.set(hole, 0);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    fn grow(&mut self) {
        let larger = vec![0; self.words.len().saturating_mul(2)];
        for word in std::mem::replace(&mut self.words, larger) {
            if word != 0 {
                self.put(word);
            }
        }
    }

    fn put(&mut self, word: u64) {
        let mut at = self.home(half_of(word));
        while self.word(at) != 0 {
            at = self.after(at);
        }
        self.set(at, word);
    }

    #[inline]
    fn home(&self, half: u32) -> usize {
        half as usize & self.mask()
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.mask()
    }

    /// The length is a power of two.
    #[inline]
    fn mask(&self) -> usize {
        self.words.len().wrapping_sub(1)
    }

    #[inline]
    fn word(&self, at: usize) -> u64 {
        self.words.get(at).copied().unwrap_or(0)
    }

    #[inline]
    fn set(&mut self, at: usize, word: u64) {
        if let Some(slot) = self.words.get_mut(at) {
            *slot = word;
        }
    }
}

#[inline]
fn half_of(word: u64) -> u32 {
    (word >> 32) as u32
}

#[inline]
fn id_of(word: u64) -> FlowId {
    FlowId((word as u32).wrapping_sub(1))
}

const SMALLEST: usize = 1024;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds(steps in prop::collection::vec((0u32..40, any::<bool>()), 0..400)) {
            // Few homes, next to each other and at the end of the words, so that probes run into each other and around.
            let half = |n: u32| (n % 5).wrapping_sub(3);
            let (mut index, mut set) = (Index::new(), HashSet::new());
            for (n, put) in steps {
                if put && set.insert(n) {
                    index.insert(half(n), FlowId(n));
                } else if !put && set.remove(&n) {
                    index.remove(half(n), FlowId(n));
                }
                for n in 0..40 {
                    prop_assert_eq!(index.find(half(n), |id| id == FlowId(n)).is_some(), set.contains(&n));
                }
            }
        }
    }

    #[test]
    fn growing_loses_nothing() {
        let mut index = Index::new();
        let half = |n: u32| n.wrapping_mul(0x9e37_79b9);
        for n in 0..100_000 {
            index.insert(half(n), FlowId(n));
        }
        assert!((0..100_000).all(|n| index.find(half(n), |id| id == FlowId(n)).is_some()));
        assert_eq!(index.find(half(100_000), |id| id == FlowId(100_000)), None);
    }
}
