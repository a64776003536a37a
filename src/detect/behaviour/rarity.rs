//! Rarity: a value that next to nobody sends, by counts that fade with time.
//!
//! In: a scope and a value. Out: a finding where the value's share of the scope's sessions is below a bound. A count loses
//! half of itself in each half-life, so that what was usual last year is not so for ever.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Told};
use super::key::Key;
use super::memory::{Bounds, Memory};

/// What a rule says; times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub bounds: Bounds,
    pub half_life: i64,
    /// The scope's faded count must be this high before a share says something.
    pub least: f64,
    /// What is rarer is told.
    pub share: f64,
    pub again: i64,
}

#[derive(Debug)]
pub struct Rarity {
    settings: Settings,
    pub scopes: Memory<Faded>,
    pub values: Memory<Value>,
}

/// A count that fades.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Faded {
    count: f64,
    at: i64,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Value {
    count: Faded,
    told: Told,
}

#[derive(Debug, Clone, Copy)]
pub struct Sighting {
    pub scope: Key,
    pub value: Key,
    pub at: i64,
}

impl Rarity {
    pub fn new(settings: Settings) -> Self {
        Self { settings, scopes: Memory::new(settings.bounds), values: Memory::new(settings.bounds) }
    }

    pub fn see(&mut self, sighting: Sighting) -> Option<Finding> {
        let Sighting { scope, value, at } = sighting;
        let settings = self.settings;
        let total = self.scopes.touch(scope, at).0.add(at, settings.half_life);
        let value = self.values.touch(scope.and(value), at).0;
        let count = value.count.add(at, settings.half_life);
        let share = count / total;
        if total < settings.least || share >= settings.share || !value.told.is_due(at, settings.again) {
            return None;
        }
        value.told.now(at);
        let score = (1.0 - share / settings.share).clamp(0.0, 1.0);
        let measures = vec![("score", score), ("share", share), ("faded_count", count), ("faded_total", total)];
        Some(Finding { score, measures, note: None, sessions: Vec::new(), count: 1 })
    }
}

impl Faded {
    /// One more; what comes late counts as of now.
    fn add(&mut self, at: i64, half_life: i64) -> f64 {
        let passed = at.saturating_sub(self.at).max(0) as f64 / half_life.max(1) as f64;
        self.count = self.count * (-passed).exp2() + 1.0;
        self.at = self.at.max(at);
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rarity() -> Rarity {
        Rarity::new(Settings {
            bounds: Bounds { keys: 1000, retention: i64::MAX },
            half_life: 1000,
            least: 100.0,
            share: 0.02,
            again: 500,
        })
    }

    fn sighting(value: u128, at: i64) -> Sighting {
        Sighting { scope: Key(0), value: Key(value), at }
    }

    #[test]
    fn a_count_loses_half_of_itself_in_a_half_life() {
        let mut faded = Faded::default();
        assert_eq!((0..8).map(|_| faded.add(0, 1000)).last(), Some(8.0));
        assert_eq!(faded.add(1000, 1000), 8.0 / 2.0 + 1.0);
        assert_eq!(faded.add(400, 1000), 6.0, "what is late does not turn time back");
    }

    #[test]
    fn a_value_is_rare_among_many_and_not_among_few() {
        let mut rarity = rarity();
        assert_eq!(rarity.see(sighting(7, 0)), None, "nothing is known yet");
        assert!((0..200).all(|_| rarity.see(sighting(1, 0)).is_none()));
        let finding = rarity.see(sighting(2, 0)).unwrap();
        assert_eq!(finding.measures[1..], [("share", 1.0 / 202.0), ("faded_count", 1.0), ("faded_total", 202.0)]);
        assert_eq!(rarity.see(sighting(2, 10)), None, "it was told");
        assert!(rarity.see(sighting(2, 600)).is_some(), "and is again, after a while");
        assert!((0..9).all(|_| rarity.see(sighting(2, 601)).is_none()), "nine of a hundred are not rare");
    }
}
