//! Failures: many handshakes in a short time come to nothing.
//!
//! In: sessions by key (a client, or a server) with the other side of each and whether it failed. Out: a finding where many
//! others had part in failures, and most of what the key did failed. Keyed by client this is scanning, keyed by server a
//! service that is set up wrongly, as after a change of certificate; when the certificate changed is told where it was seen.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Latest, Told};
use super::key::Key;
use super::memory::{Bounds, Memory};
use super::window::{Distinct, Limits, Rate};

/// What a rule says; times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub bounds: Bounds,
    pub window: i64,
    /// Others that failures were had with.
    pub distinct: usize,
    /// Failures that are needed.
    pub failures: u64,
    /// Of all sessions in the window.
    pub share: f64,
    pub again: i64,
}

#[derive(Debug)]
pub struct Failures {
    settings: Settings,
    pub keys: Memory<State>,
}

#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    pub key: Key,
    pub other: Key,
    pub at: i64,
    pub outcome: Outcome,
    /// The certificate that the server showed, where it did.
    pub certificate: Option<Key>,
    pub session: [u8; 16],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Established,
    Failed,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    others: Distinct,
    failures: Rate,
    all: Rate,
    certificate: Option<Key>,
    changed: Option<i64>,
    latest: Latest,
    told: Told,
}

impl Failures {
    pub fn new(settings: Settings) -> Self {
        Self { settings, keys: Memory::new(settings.bounds) }
    }

    pub fn see(&mut self, attempt: Attempt) -> Option<Finding> {
        let settings = self.settings;
        let (state, _) = self.keys.touch(attempt.key, attempt.at);
        if attempt.certificate.is_some() {
            let before = std::mem::replace(&mut state.certificate, attempt.certificate);
            if before.is_some() && before != attempt.certificate {
                state.changed = Some(attempt.at);
            }
        }
        state.all.add(attempt.at, settings.window);
        if attempt.outcome == Outcome::Established {
            return None;
        }
        state.failures.add(attempt.at, settings.window);
        state.latest.push(attempt.session);
        let limits = Limits { window: settings.window, cap: settings.distinct.saturating_mul(ROOM) };
        let others = state.others.add(attempt.other.0 as u64, attempt.at, limits);
        let failures = state.failures.total();
        let share = failures as f64 / state.all.total().max(failures) as f64;
        let is_burst = others >= settings.distinct && failures >= settings.failures && share >= settings.share;
        if !is_burst || !state.told.is_due(attempt.at, settings.again) {
            return None;
        }
        state.told.now(attempt.at);
        let mut measures = vec![
            ("score", share),
            ("failures", failures as f64),
            ("share", share),
            ("others", others as f64),
            ("window_seconds", settings.window as f64 / 1e9),
        ];
        let mut note = None;
        if let Some(changed) = state.changed {
            measures.push(("since_change_seconds", attempt.at.saturating_sub(changed).max(0) as f64 / 1e9));
            note = Some("after its certificate changed".to_owned());
        }
        Some(Finding { score: share, measures, note, sessions: state.latest.list(), count: failures })
    }
}

/// Others are counted up to this many times what is asked for.
const ROOM: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn failures() -> Failures {
        Failures::new(Settings {
            bounds: Bounds { keys: 100, retention: i64::MAX },
            window: 300 * SECOND,
            distinct: 10,
            failures: 15,
            share: 0.5,
            again: 3_600 * SECOND,
        })
    }

    fn attempt(n: i64, outcome: Outcome) -> Attempt {
        Attempt { key: Key(1), other: Key(n as u128), at: n * SECOND, outcome, certificate: None, session: [0; 16] }
    }

    #[test]
    fn a_burst_is_told_once() {
        let mut detector = failures();
        let told: Vec<i64> = (0..200).filter(|&n| detector.see(attempt(n, Outcome::Failed)).is_some()).collect();
        assert_eq!(told, [14], "at the fifteenth");
    }

    #[test]
    fn failures_among_many_successes_or_with_few_others_are_quiet() {
        let mut detector = failures();
        let mixed = |n| if n % 3 == 0 { Outcome::Failed } else { Outcome::Established };
        assert!((0..200).all(|n| detector.see(attempt(n, mixed(n))).is_none()));
        let mut detector = failures();
        let few = |n: i64| Attempt { other: Key(n as u128 % 9), ..attempt(n, Outcome::Failed) };
        assert!((0..200).all(|n| detector.see(few(n)).is_none()));
    }

    #[test]
    fn slow_failures_are_no_burst() {
        let mut detector = failures();
        let slow = |n: i64| Attempt { at: n * 60 * SECOND, ..attempt(n, Outcome::Failed) };
        assert!((0..200).all(|n| detector.see(slow(n)).is_none()));
    }

    #[test]
    fn a_change_of_certificate_before_it_is_told() {
        let mut detector = failures();
        let mut told = Vec::new();
        for n in 0..60 {
            let (certificate, outcome) = if n < 30 { (1, Outcome::Established) } else { (2, Outcome::Failed) };
            let attempt = Attempt { certificate: Some(Key(certificate)), ..attempt(n, outcome) };
            told.extend(detector.see(attempt));
        }
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].measures.last(), Some(&("since_change_seconds", 29.0)));
        assert_eq!(told[0].note.as_deref(), Some("after its certificate changed"));
    }
}
