//! What a detector has found, before it is an alert.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// What was found, and the figures behind it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Finding {
    /// From 0 to 1.
    pub score: f64,
    /// The parts of the score and what they were made of.
    pub measures: Vec<(&'static str, f64)>,
    /// A word that the figures need, such as the value that stood there before.
    pub note: Option<String>,
    /// The latest sessions behind it, in the order in which they were seen; empty where the one that completed it is all.
    pub sessions: Vec<[u8; 16]>,
    /// How many sessions it stands for.
    pub count: u64,
}

/// The ids of the last few sessions of a key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Latest(VecDeque<[u8; 16]>);

impl Latest {
    pub fn push(&mut self, session: [u8; 16]) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(session);
    }

    pub fn list(&self) -> Vec<[u8; 16]> {
        self.0.iter().copied().collect()
    }
}

/// When a key was told last, so that it is not told with every session.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Told(Option<i64>);

impl Told {
    /// Whether it is time to tell (again); `again` in nanoseconds.
    pub fn is_due(self, at: i64, again: i64) -> bool {
        self.0.is_none_or(|told| at.saturating_sub(told) >= again)
    }

    pub fn now(&mut self, at: i64) {
        self.0 = Some(at);
    }
}

/// Enough to look into; a key must not cost more.
const KEPT: usize = 8;
