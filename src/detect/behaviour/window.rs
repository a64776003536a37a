//! What happened in the last while: distinct values, and how many there were of something, by packet time.
//!
//! Both slide in parts of their window, so that a count may hold what is older by one part. Both hold a bounded number of
//! things. What comes late counts where it belongs, or not at all.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Distinct values, each with when it was there last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Distinct {
    seen: HashMap<u64, i64, ahash::RandomState>,
    swept: Option<i64>,
}

impl Distinct {
    /// Adds a value and counts those of the window. At `cap` values no other is taken in until some are old.
    pub fn add(&mut self, value: u64, at: i64, limits: Limits) -> usize {
        let due = self.swept.is_none_or(|swept| at.saturating_sub(swept) > limits.window / PARTS as i64);
        if due {
            let bound = at.saturating_sub(limits.window);
            self.seen.retain(|_, last| *last >= bound);
            self.swept = Some(at);
        }
        let has_room = self.seen.len() < limits.cap;
        match self.seen.get_mut(&value) {
            Some(last) => *last = (*last).max(at),
            None if has_room => {
                self.seen.insert(value, at);
            }
            None => {}
        }
        self.seen.len()
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Nanoseconds.
    pub window: i64,
    pub cap: usize,
}

/// Counts by part of a window.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Rate {
    counts: [u32; PARTS],
    /// The number, counted from 1970, of the part that is going on; its count is the last one.
    part: i64,
}

impl Rate {
    /// Counts one more.
    pub fn add(&mut self, at: i64, window: i64) {
        let part = at.div_euclid((window / PARTS as i64).max(1));
        let ahead = part.saturating_sub(self.part);
        if ahead > 0 {
            let ahead = usize::try_from(ahead).unwrap_or(PARTS).min(PARTS);
            self.counts.copy_within(ahead.., 0);
            self.counts[PARTS - ahead..].fill(0);
            self.part = part;
        }
        let behind = usize::try_from(self.part.saturating_sub(part)).unwrap_or(PARTS);
        if let Some(count) = (PARTS - 1).checked_sub(behind).and_then(|place| self.counts.get_mut(place)) {
            *count = count.saturating_add(1);
        }
    }

    pub fn total(&self) -> u64 {
        self.counts.iter().map(|&count| u64::from(count)).sum()
    }

    /// Variance over mean of the parts since the first that is not empty, without the one that is going on: near 1 where
    /// things happen independently of each other, below where they are paced, above where they come in bursts. `None` of
    /// less than three parts.
    pub fn dispersion(&self) -> Option<f64> {
        let whole = &self.counts[..PARTS - 1];
        let from = whole.iter().position(|&count| count > 0)?;
        // The first part began before whatever came first.
        let whole = whole.get(from + 1..).filter(|parts| parts.len() >= LEAST_PARTS)?;
        let n = whole.len() as f64;
        let mean = whole.iter().map(|&count| f64::from(count)).sum::<f64>() / n;
        let variance = whole.iter().map(|&count| (f64::from(count) - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean > 0.0).then(|| variance / mean)
    }
}

pub const PARTS: usize = 12;
const LEAST_PARTS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_values_leave_with_the_window() {
        let mut distinct = Distinct::default();
        let limits = Limits { window: 120, cap: 4 };
        assert_eq!([1, 2, 1, 3].map(|value| distinct.add(value, 10, limits)), [1, 2, 2, 3]);
        assert_eq!(distinct.add(2, 100, limits), 3);
        // 1 and 3 are older than 120.
        assert_eq!(distinct.add(9, 140, limits), 2);
    }

    #[test]
    fn distinct_values_are_capped() {
        let mut distinct = Distinct::default();
        let limits = Limits { window: 120, cap: 4 };
        let counts: Vec<usize> = (0..9).map(|value| distinct.add(value, value as i64, limits)).collect();
        assert_eq!(counts, [1, 2, 3, 4, 4, 4, 4, 4, 4]);
        assert_eq!(distinct.seen.len(), 4);
    }

    #[test]
    fn a_rate_counts_its_window_and_places_what_is_late() {
        let mut rate = Rate::default();
        for at in [0, 5, 10, 25, 119] {
            rate.add(at, 120);
        }
        assert_eq!(rate.total(), 5);
        rate.add(7, 120);
        assert_eq!((rate.total(), rate.counts[0]), (6, 3));
        rate.add(125, 120);
        assert_eq!(rate.total(), 4, "what was in the first ten is gone");
        rate.add(2, 120);
        assert_eq!(rate.total(), 4, "and what is late for it too");
        rate.add(i64::MAX, 120);
        rate.add(i64::MIN, 120);
        assert_eq!(rate.total(), 1);
    }

    #[test]
    fn what_is_paced_has_less_dispersion_than_what_comes_in_bursts() {
        let dispersion = |ats: &mut dyn Iterator<Item = i64>| {
            let mut rate = Rate::default();
            ats.for_each(|at| rate.add(at, 1200));
            rate.dispersion().unwrap()
        };
        assert!(dispersion(&mut (0..1200).step_by(10)) < 0.1);
        // Ten at once, every other part.
        assert!(dispersion(&mut (0..60).map(|n| n / 10 * 200)) > 3.0);
        assert_eq!(Rate::default().dispersion(), None);
    }
}
