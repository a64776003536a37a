//! Rotation: one client shows many fingerprints in turn.
//!
//! In: the sections of a JA4 that does not change with resumption, by client. Out: a finding where, within a window, fingerprints that share a section take turns
//! as one program's do that changes its hello on purpose, and those of many programs behind one address do not: evenly,
//! and with nearly each session. Looks at the latest sessions of a client, at most [`KEPT`].

use std::collections::VecDeque;

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

use super::finding::{Finding, Latest, Told};
use super::key::Key;
use super::memory::{Bounds, Memory};

/// What a rule says; times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub bounds: Bounds,
    pub window: i64,
    /// Fingerprints that are needed.
    pub distinct: usize,
    /// What they have in common.
    pub constant: Constant,
    pub score: f64,
    pub again: i64,
}

/// What stays the same while a fingerprint changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constant {
    /// Any one of the sections b and c; that of a says too little.
    Any,
    A,
    B,
    C,
    /// Nothing has to.
    None,
}

#[derive(Debug)]
pub struct Rotation {
    settings: Settings,
    pub clients: Memory<Client>,
}

/// A session of a client.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    pub client: Key,
    pub at: i64,
    /// The sections of its stable key, as numbers that differ where they do.
    pub sections: [u64; 3],
    pub session: [u8; 16],
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Client {
    shown: VecDeque<(i64, [u64; 3])>,
    latest: Latest,
    told: Told,
}

impl Rotation {
    pub fn new(settings: Settings) -> Self {
        Self { settings, clients: Memory::new(settings.bounds) }
    }

    pub fn see(&mut self, shown: Shown) -> Option<Finding> {
        let settings = self.settings;
        let (client, _) = self.clients.touch(shown.client, shown.at);
        let bound = shown.at.saturating_sub(settings.window);
        while client.shown.front().is_some_and(|&(at, _)| at < bound) || client.shown.len() >= KEPT {
            client.shown.pop_front();
        }
        client.shown.push_back((shown.at, shown.sections));
        client.latest.push(shown.session);
        if !client.has_shown(settings.distinct) || !client.told.is_due(shown.at, settings.again) {
            return None;
        }
        let constants = settings.constant.sections();
        let turns = constants.iter().filter_map(|&section| Turns::of(&client.shown, section, shown.sections));
        let turns = turns.filter(|turns| turns.distinct >= settings.distinct && turns.score() >= settings.score);
        let best = turns.max_by(|a, b| a.score().total_cmp(&b.score()))?;
        client.told.now(shown.at);
        let measures = vec![
            ("score", best.score()),
            ("distinct", best.distinct as f64),
            ("sessions", best.sessions as f64),
            ("switches", best.switches),
            ("evenness", best.evenness),
        ];
        let note = best.constant.map(|section| format!("section {}", ["a", "b", "c"][section]));
        let count = best.sessions as u64;
        Some(Finding { score: best.score(), measures, note, sessions: client.latest.list(), count })
    }
}

impl Client {
    /// Whether it has shown so many different fingerprints. Most clients show one.
    fn has_shown(&self, distinct: usize) -> bool {
        let mut seen: ArrayVec<[u64; 3], MOST_DISTINCT> = ArrayVec::new();
        self.shown.iter().any(|(_, sections)| {
            // With as many as there is room for there are enough.
            if !seen.contains(sections) {
                let _ = seen.try_push(*sections);
            }
            seen.len() >= distinct.min(MOST_DISTINCT)
        })
    }
}

impl Constant {
    /// The sections that are tried; `None`: all fingerprints are looked at together.
    fn sections(self) -> &'static [Option<usize>] {
        match self {
            Self::Any => &[Some(1), Some(2)],
            Self::A => &[Some(0)],
            Self::B => &[Some(1)],
            Self::C => &[Some(2)],
            Self::None => &[None],
        }
    }
}

/// How fingerprints with a section in common took turns.
struct Turns {
    constant: Option<usize>,
    sessions: usize,
    distinct: usize,
    /// The share of sessions whose fingerprint is another than that of the session before.
    switches: f64,
    /// Shannon's entropy of the fingerprints as a share of the highest there could be.
    evenness: f64,
}

impl Turns {
    fn of(shown: &VecDeque<(i64, [u64; 3])>, constant: Option<usize>, like: [u64; 3]) -> Option<Self> {
        let alike = |sections: &[u64; 3]| constant.is_none_or(|section| sections[section] == like[section]);
        let mut shown: Vec<[u64; 3]> = shown.iter().map(|&(_, sections)| sections).filter(alike).collect();
        let sessions = shown.len();
        let switched = shown.windows(2).filter(|pair| pair[0] != pair[1]).count();
        shown.sort_unstable();
        let groups: Vec<f64> = shown.chunk_by(PartialEq::eq).map(|group| group.len() as f64).collect();
        let distinct = groups.len();
        if distinct < 2 {
            return None;
        }
        let entropy: f64 = groups.iter().map(|count| count / sessions as f64).map(|share| -share * share.ln()).sum();
        let switches = switched as f64 / (sessions - 1) as f64;
        Some(Self { constant, sessions, distinct, switches, evenness: entropy / (distinct as f64).ln() })
    }

    fn score(&self) -> f64 {
        self.switches * self.evenness
    }
}

/// Fingerprints that a rule may ask for at most.
pub const MOST_DISTINCT: usize = 32;
/// Sessions of a client that are looked at.
const KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    fn rotation(constant: Constant) -> Rotation {
        Rotation::new(Settings {
            bounds: Bounds { keys: 100, retention: i64::MAX },
            window: 10 * MINUTE,
            distinct: 4,
            constant,
            score: 0.4,
            again: 60 * MINUTE,
        })
    }

    fn told(rotation: &mut Rotation, sections: impl IntoIterator<Item = [u64; 3]>) -> Option<Finding> {
        let mut at = 0;
        sections.into_iter().find_map(|sections| {
            at += MINUTE / 4;
            rotation.see(Shown { client: Key(1), at, sections, session: [0; 16] })
        })
    }

    #[test]
    fn fingerprints_that_take_turns_are_told() {
        let turns = (0..12).map(|n| [1, 2, n % 5]);
        let finding = told(&mut rotation(Constant::B), turns.clone()).unwrap();
        assert_eq!(finding.note.as_deref(), Some("section b"));
        assert_eq!(finding.measures[1], ("distinct", 4.0));
        assert!(told(&mut rotation(Constant::Any), turns.clone()).is_some());
        assert!(told(&mut rotation(Constant::C), turns).is_none());
    }

    #[test]
    fn without_a_constant_section_any_change_counts() {
        let turns = (0..12).map(|n| [n % 5, n % 5 + 10, n % 5 + 20]);
        assert!(told(&mut rotation(Constant::Any), turns.clone()).is_none());
        assert!(told(&mut rotation(Constant::None), turns).is_some());
    }

    #[test]
    fn an_update_and_a_few_programs_side_by_side_are_quiet() {
        // One after the other, each for a while.
        assert!(told(&mut rotation(Constant::B), (0..60).map(|n| [1, 2, n / 12])).is_none());
        // A browser, and three others now and then.
        let mixed = (0..60).map(|n| [1, 2, if n % 10 == 0 { 1 + (n / 10) % 3 } else { 0 }]);
        assert!(told(&mut rotation(Constant::B), mixed).is_none());
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut rotation = rotation(Constant::B);
        let told = (0..40).any(|n| {
            let shown = Shown { client: Key(1), at: n * 4 * MINUTE, sections: [1, 2, n as u64], session: [0; 16] };
            rotation.see(shown).is_some()
        });
        assert!(!told, "three in ten minutes");
    }
}
