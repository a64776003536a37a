//! `value_sum`: numbers that add up within the time span.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::capture::Timestamp;

use super::super::bounds::Bounds;
use super::{Finding, MATCHES, Match, Seen, SessionId, begin, heap_of, insert_id};

/// Numbers with their times, and what they come to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Sum {
    numbers: VecDeque<(Timestamp, i64)>,
    total: i128,
    ids: VecDeque<SessionId>,
}

impl Sum {
    pub fn add(&mut self, found: &Match<'_>, span: i64, bounds: &Bounds) -> Seen {
        let end = self.numbers.back().map_or(found.at, |(at, _)| *at).max(found.at);
        let from = begin(end, span);
        if found.at < from {
            return Seen::Late;
        }
        let number = found.numbers.iter().fold(0i64, |sum, number| sum.saturating_add(*number));
        let at = self.numbers.partition_point(|(time, _)| *time <= found.at);
        insert_id(&mut self.ids, self.numbers.len() - at, found.session);
        self.numbers.insert(at, (found.at, number));
        self.total += i128::from(number);
        while let Some((_, number)) =
            self.numbers.front().copied().filter(|(time, _)| *time < from || self.numbers.len() > MATCHES)
        {
            self.numbers.pop_front();
            self.total -= i128::from(number);
        }
        while self.ids.len() > self.numbers.len() {
            self.ids.pop_front();
        }
        if !bounds.hold(self.total as f64) {
            return Seen::Kept;
        }
        let finding = Finding {
            sessions: self.ids.drain(..).collect(),
            count: self.numbers.len() as u64,
            figure: Some(self.total as f64),
        };
        self.numbers.clear();
        self.total = 0;
        Seen::Found(finding)
    }

    pub fn heap(&self) -> usize {
        heap_of(&self.numbers) + heap_of(&self.ids)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::bounds::Relation;
    use super::super::testing::{SECOND, Script};
    use super::*;

    fn script(more_than: f64, seconds: i64) -> Script<impl FnMut(&Match<'_>) -> Seen> {
        let mut window = Sum::default();
        let bounds = Bounds::new(vec![(Relation::Greater, more_than)]);
        Script::new(move |found| window.add(found, seconds * SECOND, &bounds))
    }

    #[test]
    fn numbers_add_up_within_the_span() {
        script(100.0, 60).at(0).numbers(&[60]).kept().at(10).numbers(&[40]).kept().at(20).numbers(&[1]).found_figure(
            3,
            &[0, 1, 2],
            101.0,
        );
        script(100.0, 60).at(0).numbers(&[60]).kept().at(61).numbers(&[60]).kept().at(62).numbers(&[41]).found_figure(
            2,
            &[1, 2],
            101.0,
        );
    }

    #[test]
    fn a_sum_begins_anew_after_a_finding() {
        script(10.0, 60).at(0).numbers(&[11]).found_figure(1, &[0], 11.0).at(1).numbers(&[10]).kept();
    }

    #[test]
    fn several_numbers_of_one_session_are_added() {
        script(10.0, 60).at(0).numbers(&[5, 6]).found_figure(1, &[0], 11.0);
    }

    #[test]
    fn the_greatest_numbers_do_not_overflow() {
        script(1.0e19, 60).at(0).numbers(&[i64::MAX, i64::MAX]).kept().at(1).numbers(&[i64::MAX]).found_figure(
            2,
            &[0, 1],
            18_446_744_073_709_551_614.0,
        );
    }
}
