//! First seen: a value that was never there before, once enough is known of what is usual.
//!
//! In: a scope (the network, a host, a server's name) and a value (a fingerprint, an issuer). Out: a finding where the value
//! is new to a scope that has been learnt. With the server's name as scope and its fingerprint or issuer as value, this
//! tells drift. Learning never ends: what was told is known from then on.

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::key::Key;
use super::memory::{Bounds, Known, Memory};

/// What a rule says; times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Of pairs of scope and value; there are as many scopes at most.
    pub bounds: Bounds,
    /// A scope is learnt when it has been known this long …
    pub learn: i64,
    /// … and has shown so many sessions.
    pub sessions: u64,
    /// A scope with more values than this changes all the time: nothing is told of it.
    pub varied: u32,
}

#[derive(Debug)]
pub struct FirstSeen {
    settings: Settings,
    pub scopes: Memory<Scope>,
    pub pairs: Memory<()>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Scope {
    begun: Option<i64>,
    sessions: u64,
    values: u32,
    /// The value of the last session, cut, for people.
    last: String,
}

#[derive(Debug, Clone, Copy)]
pub struct Sighting {
    pub scope: Key,
    pub value: Key,
    pub at: i64,
}

impl FirstSeen {
    pub fn new(settings: Settings) -> Self {
        Self { settings, scopes: Memory::new(settings.bounds), pairs: Memory::new(settings.bounds) }
    }

    /// `write` writes the value in words in the place of those before; it is asked to where it changes.
    pub fn see(&mut self, sighting: Sighting, write: impl FnOnce(&mut String)) -> Option<Finding> {
        let Sighting { scope: scope_key, value, at } = sighting;
        let settings = self.settings;
        let (scope, _) = self.scopes.touch(scope_key, at);
        let (_, known) = self.pairs.touch(scope_key.and(value), at);
        let age = at.saturating_sub(*scope.begun.get_or_insert(at));
        let is_learnt = age >= settings.learn && scope.sessions >= settings.sessions;
        scope.sessions += 1;
        if known == Known::Before {
            return None;
        }
        scope.values = scope.values.saturating_add(1);
        if !is_learnt || scope.values > settings.varied {
            write(&mut scope.last);
            return None;
        }
        let before = std::mem::take(&mut scope.last);
        write(&mut scope.last);
        let (sessions, values) = (scope.sessions - 1, f64::from(scope.values - 1));
        // The more sessions have shown how few values, the stranger is another.
        let score = 1.0 - (values + 1.0) / (sessions as f64 + 2.0);
        let measures = vec![
            ("score", score.clamp(0.0, 1.0)),
            ("known_values", values),
            ("learnt_sessions", sessions as f64),
            ("learnt_days", age as f64 / NANOS_OF_A_DAY),
        ];
        Some(Finding {
            score,
            measures,
            note: Some(before).filter(|text| !text.is_empty()),
            sessions: Vec::new(),
            count: 1,
        })
    }
}

const NANOS_OF_A_DAY: f64 = 86_400e9;

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    fn first_seen(learn: i64) -> FirstSeen {
        let bounds = Bounds { keys: 1000, retention: 720 * HOUR };
        FirstSeen::new(Settings { bounds, learn, sessions: 5, varied: 4 })
    }

    fn sighting(scope: u128, value: u128, at: i64) -> Sighting {
        Sighting { scope: Key(scope), value: Key(value), at }
    }

    #[test]
    fn nothing_is_told_while_it_is_learnt_and_each_new_value_once_after() {
        let mut first = first_seen(24 * HOUR);
        let see = |first: &mut FirstSeen, value: u128, hour| {
            first.see(sighting(1, value, hour * HOUR), |text| *text = value.to_string())
        };
        for hour in 0..24 {
            assert_eq!(see(&mut first, 1 + (hour % 2) as u128, hour), None);
        }
        let finding = see(&mut first, 3, 25).unwrap();
        assert_eq!(finding.note.as_deref(), Some("2"));
        assert_eq!(finding.measures[1..3], [("known_values", 2.0), ("learnt_sessions", 24.0)]);
        assert_eq!(see(&mut first, 3, 26), None, "it is known now");
        assert!(see(&mut first, 4, 27).is_some());
        assert_eq!(see(&mut first, 5, 28), None, "more than `varied` values are no news");
    }

    #[test]
    fn a_scope_needs_its_sessions_and_scopes_do_not_know_of_each_other() {
        let mut first = first_seen(0);
        let told: Vec<u128> =
            (0..8).filter(|&n| first.see(sighting(1, n.min(1), n as i64), |_| ()).is_some()).collect();
        assert_eq!(told, Vec::<u128>::new());
        assert_eq!(first.see(sighting(2, 9, 50), |_| ()), None);
        assert!(first.see(sighting(1, 9, 50), |_| ()).is_some());
    }

    #[test]
    fn what_was_forgotten_is_learnt_anew() {
        let mut first = first_seen(0);
        (0..9).for_each(|at| assert_eq!(first.see(sighting(1, 1, at), |_| ()), None));
        assert_eq!(first.see(sighting(1, 2, 2000 * HOUR), |_| ()), None);
    }
}
