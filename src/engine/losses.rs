//! When packets were lost before they could be read, and which sessions that may have cost something.
//!
//! In: stretches of packet time; events. Out: the same events; those that lack something, and were open in such a stretch,
//! have `dropped` beside the reason for it. Without a loss nothing is looked at.
#![forbid(unsafe_code)]

use std::collections::VecDeque;

use crate::capture::{Lost, Timestamp};
use crate::event::{Event, Missing, Reason};

/// The latest losses, in the order in which they became known.
#[derive(Debug, Default)]
pub(super) struct Losses {
    stretches: VecDeque<Lost>,
}

impl Losses {
    pub(super) fn add(&mut self, lost: Lost) {
        // Under overload one follows the other.
        if let Some(last) = self.stretches.back_mut()
            && lost.from <= last.to
            && last.from <= lost.to
        {
            *last = last.and(lost);
            return;
        }
        if self.stretches.len() >= KEPT {
            self.stretches.pop_front();
        }
        self.stretches.push_back(lost);
    }

    /// Events on their way out.
    pub(super) fn told<'a>(&'a self, emit: &'a mut impl FnMut(Event)) -> impl FnMut(Event) + 'a {
        move |mut event| {
            if !self.stretches.is_empty() {
                self.mark(&mut event);
            }
            emit(event);
        }
    }

    fn mark(&self, event: &mut Event) {
        let is_open_end = |missing: &Missing| matches!(missing.why, Reason::Gap | Reason::Truncated | Reason::NotSeen);
        if !event.missing.iter().any(is_open_end) {
            return;
        }
        // Who has lost the rest of a session has not seen its end.
        let end = Timestamp(event.end.max(event.timestamp).0.saturating_add(SLACK));
        if !self.stretches.iter().any(|lost| lost.from <= end && lost.to >= event.timestamp) {
            return;
        }
        for at in 0..event.missing.len() {
            let Some(missing) = event.missing.get(at).filter(|missing| is_open_end(missing)) else { continue };
            let dropped = Missing { what: missing.what, why: Reason::Dropped };
            if !event.missing.contains(&dropped) {
                event.missing.push(dropped);
            }
        }
    }
}

/// Stretches that are remembered: they are told apart only where nothing was lost between them.
const KEPT: usize = 256;
/// Nanoseconds after a session's last message in which its next may have been lost: a retransmission takes one second, the
/// second one two more (RFC 6298, section 2).
const SLACK: i64 = 3_000_000_000;
