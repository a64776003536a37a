//! Validity: a certificate that is about to expire, or that was made for a short time.
//!
//! In: the dates of a server's certificate and the packet's time. Out: a finding, once for each certificate in a while.

use super::finding::{Finding, Told};
use super::key::Key;
use super::memory::{Bounds, Memory};

/// What a rule says; times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub bounds: Bounds,
    /// Seconds that it is still valid, at most.
    pub expires_within: Option<i64>,
    /// Seconds from its first day to its last, at most.
    pub lifetime_below: Option<i64>,
    /// Seconds from its first day to its last, at least.
    pub lifetime_above: Option<i64>,
    pub again: i64,
}

#[derive(Debug)]
pub struct Validity {
    settings: Settings,
    pub certificates: Memory<Told>,
}

/// A certificate that was shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Of the certificate and whoever showed it.
    pub key: Key,
    pub at: i64,
    /// Seconds since 1970.
    pub not_before: i64,
    pub not_after: i64,
}

impl Validity {
    pub fn new(settings: Settings) -> Self {
        Self { settings, certificates: Memory::new(settings.bounds) }
    }

    pub fn see(&mut self, shown: Shown) -> Option<Finding> {
        let settings = self.settings;
        let now = shown.at.div_euclid(1_000_000_000);
        let left = shown.not_after.saturating_sub(now);
        let lifetime = shown.not_after.saturating_sub(shown.not_before);
        // What has ended does not end soon.
        let is_ending = settings.expires_within.is_none_or(|within| (0..=within).contains(&left));
        let is_short = settings.lifetime_below.is_none_or(|below| (0..below).contains(&lifetime));
        let is_long = settings.lifetime_above.is_none_or(|above| lifetime >= above);
        if !is_ending || !is_short || !is_long {
            return None;
        }
        let (told, _) = self.certificates.touch(shown.key, shown.at);
        if !told.is_due(shown.at, settings.again) {
            return None;
        }
        told.now(shown.at);
        let share = |part: i64, whole: Option<i64>| whole.map(|whole| 1.0 - part as f64 / whole.max(1) as f64);
        let scores = [share(left, settings.expires_within), share(lifetime, settings.lifetime_below)];
        let score = scores.into_iter().flatten().fold(0.0, f64::max).clamp(0.0, 1.0);
        let measures =
            vec![("score", score), ("days_left", left as f64 / DAY), ("lifetime_days", lifetime as f64 / DAY)];
        Some(Finding { score, measures, note: None, sessions: Vec::new(), count: 1 })
    }
}

const DAY: f64 = 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn see(settings: (Option<i64>, Option<i64>), from: i64, to: i64, now: i64) -> Option<Finding> {
        let bounds = Bounds { keys: 10, retention: i64::MAX };
        let (expires_within, lifetime_below) = settings;
        let mut validity = Validity::new(Settings {
            bounds,
            expires_within,
            lifetime_below,
            lifetime_above: Some(DAY),
            again: i64::MAX,
        });
        let shown = Shown { key: Key(1), at: now * DAY * 1_000_000_000, not_before: from * DAY, not_after: to * DAY };
        let found = validity.see(shown);
        assert_eq!(validity.see(shown), None);
        found
    }

    #[test]
    fn what_ends_within_the_time_is_told_and_what_has_ended_is_not() {
        let soon = |now| see((Some(14 * DAY), None), 0, 90, now).map(|finding| finding.measures[1].1);
        assert_eq!([75, 76, 90, 91].map(soon), [None, Some(14.0), Some(0.0), None]);
    }

    #[test]
    fn a_short_life_is_told_whenever_it_is_seen() {
        let short = |to| see((None, Some(30 * DAY)), 0, to, 5).map(|finding| finding.measures[2].1);
        assert_eq!([1, 29, 30, 3650].map(short), [Some(1.0), Some(29.0), None, None]);
        assert_eq!(see((None, Some(30 * DAY)), 10, 0, 5), None, "dates that contradict each other");
        assert_eq!(see((Some(14 * DAY), None), 0, 0, 0), None, "made for less than a day");
    }
}
