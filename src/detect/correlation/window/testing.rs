//! Tests of windows that read like a script: when a match came, and what the window said.

use crate::capture::Timestamp;

use super::{Finding, Match, Seen, SessionId};

pub const SECOND: i64 = 1_000_000_000;

/// Matches one after the other; the n-th has the session id n.
pub struct Script<F> {
    window: F,
    next: u64,
    at: Timestamp,
    input: usize,
    values: Vec<u64>,
    numbers: Vec<i64>,
    same_session: bool,
}

impl<F: FnMut(&Match<'_>) -> Seen> Script<F> {
    pub fn new(window: F) -> Self {
        Self {
            window,
            next: 0,
            at: Timestamp(0),
            input: 0,
            values: Vec::new(),
            numbers: Vec::new(),
            same_session: false,
        }
    }

    /// Seconds.
    pub fn at(mut self, seconds: i64) -> Self {
        self.at = Timestamp(seconds * SECOND);
        self
    }

    pub fn rule(mut self, input: usize) -> Self {
        self.input = input;
        self
    }

    /// The session before matches this rule as well.
    pub fn and_rule(mut self, input: usize) -> Self {
        self.same_session = true;
        self.rule(input)
    }

    pub fn value(mut self, value: u64) -> Self {
        self.values = vec![value];
        self
    }

    pub fn numbers(mut self, numbers: &[i64]) -> Self {
        self.numbers = numbers.to_vec();
        self
    }

    pub fn kept(self) -> Self {
        self.says(&Seen::Kept)
    }

    pub fn late(self) -> Self {
        self.says(&Seen::Late)
    }

    pub fn found(self, count: u64, sessions: &[u64]) -> Self {
        self.finds(count, sessions, None)
    }

    pub fn found_figure(self, count: u64, sessions: &[u64], figure: f64) -> Self {
        self.finds(count, sessions, Some(figure))
    }

    fn finds(self, count: u64, sessions: &[u64], figure: Option<f64>) -> Self {
        let sessions = sessions.iter().copied().map(id).collect();
        self.says(&Seen::Found(Finding { sessions, count, figure }))
    }

    #[track_caller]
    fn says(mut self, expected: &Seen) -> Self {
        if !std::mem::take(&mut self.same_session) {
            self.next += 1;
        }
        let number = self.next - 1;
        let found =
            Match { at: self.at, session: id(number), input: self.input, values: &self.values, numbers: &self.numbers };
        assert_eq!(&(self.window)(&found), expected, "match {number} at {} ns", self.at.0);
        self
    }
}

pub fn id(number: u64) -> SessionId {
    u128::from(number).to_be_bytes()
}
