//! `temporal`: several rules match within the time span, in any order.

use serde::{Deserialize, Serialize};

use crate::capture::Timestamp;

use super::super::expression::Expression;
use super::{Finding, Match, Seen, SessionId, begin};

/// When each rule matched last, and which session.
#[derive(Debug, Serialize, Deserialize)]
pub struct Temporal {
    latest: Box<[Option<(Timestamp, SessionId)>]>,
    end: Timestamp,
}

impl Temporal {
    pub fn new(rules: usize) -> Self {
        Self { latest: vec![None; rules].into(), end: Timestamp(i64::MIN) }
    }

    /// Takes a match; what `condition` says of the rules that matched within `span` nanoseconds makes a finding.
    pub fn add(&mut self, found: &Match<'_>, span: i64, condition: &Expression) -> Seen {
        self.end = self.end.max(found.at);
        let from = begin(self.end, span);
        if found.at < from {
            return Seen::Late;
        }
        if let Some(latest) = self.latest.get_mut(found.input)
            && latest.is_none_or(|(at, _)| at <= found.at)
        {
            *latest = Some((found.at, found.session));
        }
        let within = |input: usize| self.latest.get(input).copied().flatten().filter(|(at, _)| *at >= from);
        if !condition.holds(&|input| within(input).is_some()) {
            return Seen::Kept;
        }
        let mut sessions: Vec<_> = (0..self.latest.len()).filter_map(within).collect();
        sessions.sort_by_key(|(at, _)| *at);
        // One session may have matched several rules.
        let mut ids: Vec<SessionId> = Vec::with_capacity(sessions.len());
        for (_, id) in sessions {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        *self = Self::new(self.latest.len());
        let count = ids.len() as u64;
        ids.drain(..ids.len().saturating_sub(super::SESSIONS));
        Seen::Found(Finding { sessions: ids, count, figure: None })
    }

    pub fn heap(&self) -> usize {
        self.latest.len() * size_of::<Option<(Timestamp, SessionId)>>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{SECOND, Script};
    use super::*;

    fn script(needed: u64, seconds: i64) -> Script<impl FnMut(&Match<'_>) -> Seen> {
        let mut window = Temporal::new(3);
        let condition = Expression::AtLeast(needed, (0..3).map(Expression::Rule).collect());
        Script::new(move |found| window.add(found, seconds * SECOND, &condition))
    }

    #[test]
    fn all_rules_within_the_span_in_any_order() {
        script(3, 60).at(0).rule(2).kept().at(30).rule(0).kept().at(60).rule(1).found(3, &[0, 1, 2]);
    }

    #[test]
    fn a_match_that_is_too_old_has_to_come_again() {
        script(3, 60)
            .at(0)
            .rule(2)
            .kept()
            .at(30)
            .rule(0)
            .kept()
            .at(61)
            .rule(1)
            .kept()
            .at(62)
            .rule(2)
            .found(3, &[1, 2, 3]);
    }

    #[test]
    fn the_same_rule_again_is_no_other_rule() {
        script(2, 60).at(0).rule(1).kept().at(1).rule(1).kept().at(2).rule(0).found(2, &[1, 2]);
    }

    #[test]
    fn after_a_finding_all_have_to_match_again() {
        script(2, 60)
            .at(0)
            .rule(0)
            .kept()
            .at(1)
            .rule(1)
            .found(2, &[0, 1])
            .at(2)
            .rule(1)
            .kept()
            .at(3)
            .rule(0)
            .found(2, &[2, 3]);
    }

    #[test]
    fn one_session_may_match_all_rules() {
        script(2, 60).at(0).rule(0).kept().and_rule(1).found(1, &[0]);
    }

    #[test]
    fn late_matches_count_within_the_span() {
        script(2, 60).at(60).rule(0).kept().at(0).rule(1).found(2, &[1, 0]);
        script(2, 60).at(61).rule(0).kept().at(0).rule(1).late();
    }
}
