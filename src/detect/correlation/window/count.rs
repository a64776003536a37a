//! `event_count`: so many sessions within the time span.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::capture::Timestamp;

use super::{Finding, Match, Seen, SessionId, begin, heap_of, insert_id};

/// The times of the latest matches, never more than are asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Count {
    times: VecDeque<Timestamp>,
    ids: VecDeque<SessionId>,
}

impl Count {
    /// Takes a match; `needed` of them within `span` nanoseconds are a finding.
    pub fn add(&mut self, found: &Match<'_>, span: i64, needed: usize) -> Seen {
        let end = self.times.back().copied().unwrap_or(found.at).max(found.at);
        let from = begin(end, span);
        if found.at < from {
            return Seen::Late;
        }
        // Most groups never have a second match.
        if self.times.capacity() == 0 {
            self.times.reserve_exact(1);
            self.ids.reserve_exact(1);
        }
        let at = self.times.partition_point(|time| *time <= found.at);
        insert_id(&mut self.ids, self.times.len() - at, found.session);
        self.times.insert(at, found.at);
        while self.times.front().is_some_and(|time| *time < from) {
            self.times.pop_front();
        }
        while self.ids.len() > self.times.len() {
            self.ids.pop_front();
        }
        if self.times.len() < needed {
            return Seen::Kept;
        }
        let count = self.times.len() as u64;
        self.times.clear();
        Seen::Found(Finding { sessions: self.ids.drain(..).collect(), count, figure: None })
    }

    pub fn heap(&self) -> usize {
        heap_of(&self.times) + heap_of(&self.ids)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{SECOND, Script};
    use super::*;

    fn script(needed: usize, seconds: i64) -> Script<impl FnMut(&Match<'_>) -> Seen> {
        let mut window = Count::default();
        Script::new(move |found| window.add(found, seconds * SECOND, needed))
    }

    #[test]
    fn so_many_within_the_span_are_a_finding() {
        script(3, 60).at(0).kept().at(30).kept().at(60).found(3, &[0, 1, 2]);
    }

    #[test]
    fn what_is_older_than_the_span_does_not_count() {
        script(3, 60).at(0).kept().at(30).kept().at(61).kept().at(62).found(3, &[1, 2, 3]);
    }

    #[test]
    fn the_span_slides_and_has_no_boundaries() {
        // Two at the end of one minute and one at the beginning of the next.
        script(3, 60).at(58).kept().at(59).kept().at(61).found(3, &[0, 1, 2]);
    }

    #[test]
    fn after_a_finding_it_takes_as_many_again() {
        script(2, 60).at(0).kept().at(1).found(2, &[0, 1]).at(2).kept().at(3).found(2, &[2, 3]).at(4).kept();
    }

    #[test]
    fn a_late_match_stands_where_its_time_puts_it() {
        script(3, 60).at(10).kept().at(50).kept().at(20).found(3, &[0, 2, 1]);
        script(3, 60).at(10).kept().at(71).kept().at(5).late().at(12).kept();
    }

    #[test]
    fn one_is_enough_where_one_is_asked_for() {
        script(1, 60).at(0).found(1, &[0]).at(0).found(1, &[1]);
    }

    #[test]
    fn an_alert_names_the_latest_thirty_two_sessions() {
        let mut script = script(40, 60);
        for _ in 0..39 {
            script = script.at(1).kept();
        }
        let latest: Vec<u64> = (8..40).collect();
        script.at(1).found(40, &latest);
    }

    #[test]
    fn memory_is_that_of_the_matches_asked_for() {
        let mut window = Count::default();
        let mut found = 0;
        for n in 0..100_000u64 {
            let one = Match { at: Timestamp(0), session: [0; 16], input: 0, values: &[], numbers: &[] };
            found += u64::from(window.add(&one, SECOND, 1_000) != Seen::Kept);
            assert!(window.heap() <= 2 * 8 * 1_000 + 2 * 16 * 33, "{} after {n}", window.heap());
        }
        assert_eq!(found, 100);
    }
}
