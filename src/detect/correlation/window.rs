//! What a group keeps of its latest matches, and when that is enough.
//!
//! In: matches of one group, about in the order of their packet times. Out: a [`Finding`] as soon as a condition that can
//! only grow holds, after which the window is empty again: the same matches are never told twice. Conditions that only the
//! whole time span can answer are [`closing`](self)'s. Knows no events and no groups.

mod closing;
mod count;
mod distinct;
mod ordered;
mod sum;
mod temporal;
#[cfg(test)]
mod testing;

use std::collections::VecDeque;

use crate::capture::Timestamp;
use crate::detect::alert::Alert;

pub use closing::{Closing, Outcome, Statistic, Tally};
pub use count::Count;
pub use distinct::Distinct;
pub use ordered::Ordered;
pub use sum::Sum;
pub use temporal::Temporal;

/// [`Event::id`](crate::event::Event::id) of a session.
pub type SessionId = [u8; 16];

/// A session that one of a correlation's rules matched.
#[derive(Debug, Clone, Copy)]
pub struct Match<'a> {
    pub at: Timestamp,
    pub session: SessionId,
    /// Which of the correlation's rules.
    pub input: usize,
    /// Hashes of the values that are counted.
    pub values: &'a [u64],
    /// The numbers that are added up or ranked.
    pub numbers: &'a [i64],
}

/// A condition that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The latest [`SESSIONS`] behind it, in packet-time order.
    pub sessions: Vec<SessionId>,
    /// What was counted: sessions, distinct values, rules.
    pub count: u64,
    /// The sum, average or percentile that was asked for.
    pub figure: Option<f64>,
}

/// What became of a match.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Kept,
    /// It is older than all that the window still knows.
    Late,
    Found(Finding),
}

/// Sessions that an alert names at most.
pub const SESSIONS: usize = Alert::MAX_SESSIONS;

/// Matches, or distinct values, that a group keeps at most.
pub const MATCHES: usize = 100_000;

/// The time before which a window that ends at `end` knows nothing.
fn begin(end: Timestamp, span: i64) -> Timestamp {
    Timestamp(end.0.saturating_sub(span))
}

/// Ids beside a longer row of matches: those of its latest.
fn insert_id(ids: &mut VecDeque<SessionId>, from_end: usize, session: SessionId) {
    if let Some(at) = ids.len().checked_sub(from_end) {
        ids.insert(at, session);
    }
    if ids.len() > SESSIONS {
        ids.pop_front();
    }
}

/// Bytes on the heap.
fn heap_of<T>(row: &VecDeque<T>) -> usize {
    row.capacity() * size_of::<T>()
}
