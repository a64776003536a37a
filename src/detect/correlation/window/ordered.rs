//! `temporal_ordered`: several rules match within the time span, in the order in which they are written.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::capture::Timestamp;

use super::{Finding, Match, Seen, SessionId, begin};

/// The chains that have come furthest.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ordered {
    /// For each rule the chain up to its match that began last: no other has more time left.
    chains: Box<[Option<Chain>]>,
    /// The latest matches of each rule, for sessions that are told later than their time.
    recent: Box<[VecDeque<(Timestamp, SessionId)>]>,
    end: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Chain {
    begin: Timestamp,
    end: Timestamp,
    sessions: Vec<SessionId>,
}

impl Ordered {
    pub fn new(rules: usize) -> Self {
        Self { chains: vec![None; rules].into(), recent: vec![VecDeque::new(); rules].into(), end: Timestamp(i64::MIN) }
    }

    /// Takes a match; all rules in their order within `span` nanoseconds are a finding. Of a session that matches several
    /// rules the last ones come first: no session comes after itself.
    pub fn add(&mut self, found: &Match<'_>, span: i64) -> Seen {
        let is_late = found.at < self.end;
        self.end = self.end.max(found.at);
        let from = begin(self.end, span);
        if found.at < from {
            return Seen::Late;
        }
        for chain in &mut self.chains {
            if chain.as_ref().is_some_and(|chain| chain.begin < from) {
                *chain = None;
            }
        }
        let mut input = found.input;
        let mut next = self.extended(input, found.at, found.session);
        while let Some(chain) = next.take() {
            let end = chain.end;
            self.keep(input, chain);
            if is_late {
                // What was told before it and happened after it goes on from it.
                input += 1;
                next = self.after(input, end).and_then(|(at, session)| self.extended(input, at, session));
            }
        }
        self.remember(found, from);
        match self.chains.last_mut().and_then(Option::take) {
            Some(chain) => {
                *self = Self::new(self.chains.len());
                Seen::Found(Finding { count: chain.sessions.len() as u64, sessions: chain.sessions, figure: None })
            }
            None => Seen::Kept,
        }
    }

    /// The chain that a match of a rule makes of the one before it.
    fn extended(&self, input: usize, at: Timestamp, session: SessionId) -> Option<Chain> {
        let Some(before) = input.checked_sub(1) else {
            return Some(Chain { begin: at, end: at, sessions: vec![session] });
        };
        let before = self.chains.get(before)?.as_ref().filter(|chain| chain.end <= at)?;
        let mut sessions = Vec::with_capacity(before.sessions.len() + 1);
        sessions.extend_from_slice(&before.sessions);
        sessions.push(session);
        Some(Chain { begin: before.begin, end: at, sessions })
    }

    fn keep(&mut self, input: usize, chain: Chain) {
        if let Some(known) = self.chains.get_mut(input)
            && known.as_ref().is_none_or(|known| known.begin < chain.begin)
        {
            *known = Some(chain);
        }
    }

    /// The first match of a rule after a time.
    fn after(&self, input: usize, time: Timestamp) -> Option<(Timestamp, SessionId)> {
        self.recent.get(input)?.iter().copied().filter(|(at, _)| *at > time).min_by_key(|(at, _)| *at)
    }

    fn remember(&mut self, found: &Match<'_>, from: Timestamp) {
        // Nothing is waited for before the first rule.
        let Some(recent) = self.recent.get_mut(found.input).filter(|_| found.input > 0) else { return };
        recent.retain(|(at, _)| *at >= from);
        recent.push_back((found.at, found.session));
        if recent.len() > RECENT {
            recent.pop_front();
        }
    }

    pub fn heap(&self) -> usize {
        let chains = self.chains.iter().flatten().map(|chain| chain.sessions.capacity() * size_of::<SessionId>());
        let recent = self.recent.iter().map(super::heap_of);
        self.chains.len() * size_of::<Option<Chain>>()
            + self.recent.len() * size_of::<VecDeque<(Timestamp, SessionId)>>()
            + chains.sum::<usize>()
            + recent.sum::<usize>()
    }
}

/// Matches of each rule that a late one may still come before.
const RECENT: usize = 8;

#[cfg(test)]
mod tests {
    use super::super::testing::{SECOND, Script};
    use super::*;

    fn script(rules: usize, seconds: i64) -> Script<impl FnMut(&Match<'_>) -> Seen> {
        let mut window = Ordered::new(rules);
        Script::new(move |found| window.add(found, seconds * SECOND))
    }

    #[test]
    fn rules_in_their_order_within_the_span() {
        script(3, 60).at(0).rule(0).kept().at(30).rule(1).kept().at(60).rule(2).found(3, &[0, 1, 2]);
    }

    #[test]
    fn another_order_is_none() {
        script(3, 60).at(0).rule(2).kept().at(1).rule(1).kept().at(2).rule(0).kept().at(3).rule(2).kept();
        script(2, 60).at(0).rule(1).kept().at(1).rule(0).kept().at(2).rule(1).found(2, &[1, 2]);
    }

    #[test]
    fn the_first_has_to_be_within_the_span_of_the_last() {
        script(3, 60).at(0).rule(0).kept().at(30).rule(1).kept().at(61).rule(2).kept();
        // A later first match starts anew, but what was between stands before it.
        script(3, 60).at(0).rule(0).kept().at(30).rule(1).kept().at(31).rule(0).kept().at(61).rule(2).kept();
        script(3, 60)
            .at(0)
            .rule(0)
            .kept()
            .at(20)
            .rule(0)
            .kept()
            .at(30)
            .rule(1)
            .kept()
            .at(61)
            .rule(2)
            .found(3, &[1, 2, 3]);
    }

    #[test]
    fn others_in_between_do_not_matter() {
        let mut script = script(3, 600).at(0).rule(0).kept().at(1).rule(1).kept();
        for second in 2..200 {
            script = script.at(second).rule(0).kept();
        }
        script.at(200).rule(2).found(3, &[0, 1, 200]);
    }

    #[test]
    fn no_session_comes_after_itself() {
        // As the store feeds them: the last rule first.
        script(2, 60).at(0).rule(1).kept().and_rule(0).kept().at(0).rule(1).found(2, &[0, 1]);
    }

    #[test]
    fn after_a_finding_all_have_to_come_again() {
        script(2, 60).at(0).rule(0).kept().at(1).rule(1).found(2, &[0, 1]).at(2).rule(1).kept();
    }

    #[test]
    fn a_late_match_takes_its_place() {
        script(2, 60).at(10).rule(1).kept().at(5).rule(0).found(2, &[1, 0]);
        script(3, 60).at(10).rule(1).kept().at(20).rule(2).kept().at(5).rule(0).found(3, &[2, 0, 1]);
        script(3, 60).at(5).rule(0).kept().at(20).rule(2).kept().at(10).rule(1).found(3, &[0, 2, 1]);
        script(2, 60).at(100).rule(1).kept().at(5).rule(0).late();
    }

    #[test]
    fn memory_does_not_grow_with_the_matches() {
        let mut window = Ordered::new(3);
        for n in 0..10_000 {
            let one = Match { at: Timestamp(n), session: [0; 16], input: n as usize % 2, values: &[], numbers: &[] };
            assert_eq!(window.add(&one, i64::MAX), Seen::Kept);
            assert!(window.heap() < 2_000, "{} after {n}", window.heap());
        }
    }
}
