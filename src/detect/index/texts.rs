//! All texts that rules want of one field: one look at a value finds those it has.

use std::sync::Arc;

use ahash::AHashMap;
use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::detect::field::Origin;
use crate::detect::pattern::{Need, Place, with_folded};

/// Whole texts, beginnings, ends and parts, in lower case, each with a number.
#[derive(Debug, Default)]
pub(super) struct Texts {
    whole: AHashMap<Arc<str>, u32>,
    starts: Affixes,
    ends: Affixes,
    within: Option<Parts>,
}

#[derive(Debug, Default)]
struct Affixes {
    /// The lengths that occur, in ascending order.
    lengths: Vec<usize>,
    numbers: AHashMap<Arc<str>, u32>,
}

#[derive(Debug)]
struct Parts {
    automaton: AhoCorasick,
    numbers: Box<[u32]>,
}

/// How often texts are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Often {
    /// For every session.
    Always,
    /// Once for what sessions share.
    Once,
}

impl Often {
    pub fn of(origin: Origin) -> Self {
        if origin == Origin::Session { Self::Always } else { Self::Once }
    }
}

impl Texts {
    pub fn of(needs: Vec<(Need, u32)>, often: Often) -> Self {
        let mut texts = Self::default();
        let mut within = Vec::new();
        for (Need { place, text }, number) in needs {
            match place {
                Place::Whole => {
                    texts.whole.insert(text, number);
                }
                Place::Start => texts.starts.insert(text, number),
                Place::End => texts.ends.insert(text, number),
                Place::Anywhere => within.push((text, number)),
            }
        }
        texts.within = Parts::of(&within, often);
        texts
    }

    pub fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.starts.lengths.is_empty() && self.ends.lengths.is_empty() && self.within.is_none()
    }

    /// Hands on the numbers of all that the text has.
    #[inline]
    pub fn find(&self, text: &str, hit: &mut impl FnMut(u32)) {
        with_folded(text, |folded| {
            if !self.whole.is_empty() {
                self.whole.get(folded).into_iter().for_each(|&number| hit(number));
            }
            self.starts.find(folded.len(), |length| folded.get(..length), hit);
            self.ends.find(folded.len(), |length| folded.get(folded.len().checked_sub(length)?..), hit);
            if let Some(within) = &self.within {
                for found in within.automaton.find_overlapping_iter(folded) {
                    within.numbers.get(found.pattern().as_usize()).into_iter().for_each(|&number| hit(number));
                }
            }
        });
    }
}

impl Affixes {
    fn insert(&mut self, text: Arc<str>, number: u32) {
        if let Err(at) = self.lengths.binary_search(&text.len()) {
            self.lengths.insert(at, text.len());
        }
        self.numbers.insert(text, number);
    }

    #[inline]
    fn find<'t>(&self, longest: usize, cut: impl Fn(usize) -> Option<&'t str>, hit: &mut impl FnMut(u32)) {
        for &length in self.lengths.iter().take_while(|&&length| length <= longest) {
            let number = cut(length).and_then(|affix| self.numbers.get(affix));
            number.into_iter().for_each(|&number| hit(number));
        }
    }
}

impl Parts {
    /// `None` where there is nothing to find. An automaton of that many texts as lists hold is always made: it would take
    /// patterns of 2 GiB to fail, and such were refused with their rule.
    fn of(texts: &[(Arc<str>, u32)], often: Often) -> Option<Self> {
        if texts.is_empty() {
            return None;
        }
        let octets: usize = texts.iter().map(|(text, _)| text.len()).sum();
        // The fastest kind takes some hundred octets for each of the texts'.
        let is_fast = often == Often::Always && octets <= FAST_OCTETS;
        let kind = if is_fast { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        let automaton = AhoCorasick::builder().kind(Some(kind)).build(texts.iter().map(|(text, _)| &**text)).ok()?;
        Some(Self { automaton, numbers: texts.iter().map(|(_, number)| *number).collect() })
    }
}

/// Octets of texts up to which an automaton may be of the fastest and largest kind.
const FAST_OCTETS: usize = 32 << 10;
