//! What is remembered by key, within a cap: who was not touched for longest makes room.
//!
//! In: keys and times. Out: their state, old or new. A look-up is O(1), whatever the number of keys; memory is bounded by
//! the cap, and what had to make room is counted.

use std::fmt;
use std::marker::PhantomData;

use hashbrown::HashMap;
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key::Key;

/// States by key.
#[derive(Debug)]
pub struct Memory<S> {
    slots: Vec<Slot<S>>,
    places: HashMap<Key, u32, ahash::RandomState>,
    newest: u32,
    oldest: u32,
    bounds: Bounds,
    evicted: u64,
}

/// How much is remembered, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// At least 1.
    pub keys: usize,
    /// Nanoseconds of packet time after which an untouched key is as good as new.
    pub retention: i64,
}

#[derive(Debug)]
struct Slot<S> {
    key: Key,
    touched: i64,
    newer: u32,
    older: u32,
    state: S,
}

/// Whether a key was remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Before,
    New,
}

impl<S: Default> Memory<S> {
    pub fn new(bounds: Bounds) -> Self {
        let bounds = Bounds { keys: bounds.keys.clamp(1, MAX_KEYS), ..bounds };
        Self { slots: Vec::new(), places: HashMap::default(), newest: NONE, oldest: NONE, bounds, evicted: 0 }
    }

    /// The state of a key, which is from now on the last to make room.
    pub fn touch(&mut self, key: Key, at: i64) -> (&mut S, Known) {
        let (place, known) = match self.places.get(&key) {
            Some(&place) => {
                self.unlink(place);
                (place, self.wake(place, at))
            }
            None => (self.room(key, at), Known::New),
        };
        self.link(place);
        (&mut self.slots[place as usize].state, known)
    }

    /// Keys that were forgotten for want of room, before their time was over.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Takes over what another has kept, the latest where there is more than fits.
    pub fn refill(&mut self, kept: Kept<S>) {
        for (key, touched, state) in kept.0 {
            *self.touch(key, touched).0 = state;
        }
    }

    fn wake(&mut self, place: u32, at: i64) -> Known {
        let slot = &mut self.slots[place as usize];
        let is_stale = at.saturating_sub(slot.touched) > self.bounds.retention;
        slot.touched = slot.touched.max(at);
        if is_stale {
            slot.state = S::default();
            return Known::New;
        }
        Known::Before
    }

    /// A place that is linked to no other.
    fn room(&mut self, key: Key, at: i64) -> u32 {
        let slot = Slot { key, touched: at, newer: NONE, older: NONE, state: S::default() };
        let place = if self.slots.len() < self.bounds.keys {
            self.slots.push(slot);
            // MAX_KEYS is less than 2^32.
            (self.slots.len() - 1) as u32
        } else {
            let place = self.oldest;
            self.unlink(place);
            let old = std::mem::replace(&mut self.slots[place as usize], slot);
            self.places.remove(&old.key);
            self.evicted += u64::from(at.saturating_sub(old.touched) <= self.bounds.retention);
            place
        };
        self.places.insert(key, place);
        place
    }

    fn unlink(&mut self, place: u32) {
        let Slot { newer, older, .. } = self.slots[place as usize];
        match newer {
            NONE => self.newest = older,
            _ => self.slots[newer as usize].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            _ => self.slots[older as usize].newer = newer,
        }
    }

    fn link(&mut self, place: u32) {
        let before = std::mem::replace(&mut self.newest, place);
        let slot = &mut self.slots[place as usize];
        (slot.newer, slot.older) = (NONE, before);
        match before {
            NONE => self.oldest = place,
            _ => self.slots[before as usize].newer = place,
        }
    }
}

/// Oldest first: what is read back has the same turns.
impl<S: Serialize> Serialize for Memory<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        let mut all = serializer.serialize_seq(Some(self.slots.len()))?;
        let mut place = self.oldest;
        while let Some(slot) = self.slots.get(place as usize) {
            all.serialize_element(&(slot.key, slot.touched, &slot.state))?;
            place = slot.newer;
        }
        all.end()
    }
}

/// What a memory held when it was written down.
#[derive(Debug, Clone)]
pub struct Kept<S>(Vec<(Key, i64, S)>);

impl<S> Default for Kept<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, S: Deserialize<'de>> Deserialize<'de> for Kept<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<S>(PhantomData<S>);
        impl<'de, S: Deserialize<'de>> Visitor<'de> for Reader<S> {
            type Value = Kept<S>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("what was remembered, by key")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Kept<S>, A::Error> {
                let mut kept = Vec::new();
                while let Some(next) = all.next_element()? {
                    kept.push(next);
                }
                Ok(Kept(kept))
            }
        }
        deserializer.deserialize_seq(Reader(PhantomData))
    }
}

const NONE: u32 = u32::MAX;
/// More keys than any memory could hold.
const MAX_KEYS: usize = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    impl Memory<u32> {
        /// The state of a key as it is; leaves its turn alone.
        fn peek(&self, key: Key) -> Option<&u32> {
            self.places.get(&key).map(|&place| &self.slots[place as usize].state)
        }
    }

    fn memory(keys: usize) -> Memory<u32> {
        Memory::new(Bounds { keys, retention: 100 })
    }

    #[test]
    fn who_was_not_touched_for_longest_makes_room() {
        let mut memory = memory(3);
        for key in 0..3 {
            *memory.touch(Key(key), 0).0 = key as u32 + 10;
        }
        assert_eq!(memory.touch(Key(0), 1), (&mut 10, Known::Before));
        assert_eq!(memory.touch(Key(3), 2), (&mut 0, Known::New));
        assert_eq!((memory.peek(Key(1)), memory.peek(Key(0)), memory.evicted()), (None, Some(&10), 1));
        assert_eq!(memory.slots.len(), 3);
    }

    #[test]
    fn what_was_silent_for_too_long_is_new_and_makes_room_uncounted() {
        let mut memory = memory(2);
        *memory.touch(Key(1), 0).0 = 7;
        assert_eq!(memory.touch(Key(1), 100), (&mut 7, Known::Before));
        assert_eq!(memory.touch(Key(1), 201), (&mut 0, Known::New));
        memory.touch(Key(2), 201);
        memory.touch(Key(3), 400);
        assert_eq!((memory.slots.len(), memory.evicted()), (2, 0));
    }

    #[test]
    fn what_is_read_back_has_the_same_turns() {
        let mut before = memory(4);
        for (at, key) in [1, 2, 3, 1, 4].into_iter().enumerate() {
            *before.touch(Key(key), at as i64).0 += 1;
        }
        let bytes = postcard::to_stdvec(&before).unwrap();
        let mut after = memory(3);
        after.refill(postcard::from_bytes(&bytes).unwrap());
        // Of four, the oldest, which is 2, does not fit.
        assert_eq!((after.peek(Key(2)), after.peek(Key(1)), after.peek(Key(4))), (None, Some(&2), Some(&1)));
        after.touch(Key(5), 9);
        assert_eq!(after.peek(Key(3)), None);
    }

    #[test]
    fn a_million_keys_take_the_room_of_their_cap() {
        let mut memory = memory(1000);
        for key in 0..1_000_000u128 {
            memory.touch(Key(key), 0);
        }
        assert_eq!((memory.slots.len(), memory.places.len(), memory.evicted()), (1000, 1000, 999_000));
        assert!(memory.slots.capacity() <= 1024);
    }
}
