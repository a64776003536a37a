//! Members that come in few different ways, as JSON text that is made once for each.
//!
//! In: a small value that is all that the members depend on. Out: their text. Where shapes and certificates are found by
//! their addresses ([`shared`](super::shared)), these are found by what they say.

use std::fmt;
use std::hash::Hash;
use std::ops::Range;

use hashbrown::HashMap;
use serde::Serialize;

use crate::sink::json::{self, Text};

/// The texts of one kind of value.
pub(super) struct Memo<K> {
    places: HashMap<K, Range<usize>, ahash::RandomState>,
    text: Vec<u8>,
}

impl<K: Clone + Eq + Hash + Serialize> Memo<K> {
    /// Where the members of `value` lie.
    pub(super) fn place(&mut self, value: K) -> Range<usize> {
        if let Some(place) = self.places.get(&value) {
            return place.clone();
        }
        if self.places.len() >= MAX_PLACES {
            self.places.clear();
            self.text.clear();
        }
        let place = json::append_object(&mut self.text, &value);
        self.places.insert(value, place.clone());
        place
    }

    pub(super) fn text(&self, place: &Range<usize>) -> Text<'_> {
        Text(self.text.get(place.clone()).unwrap_or_default())
    }
}

impl<K> Default for Memo<K> {
    fn default() -> Self {
        Self { places: HashMap::default(), text: Vec::new() }
    }
}

impl<K> fmt::Debug for Memo<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").field("places", &self.places.len()).field("bytes", &self.text.len()).finish()
    }
}

/// A few hundred are usual.
const MAX_PLACES: usize = 4_096;
