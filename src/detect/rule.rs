//! The rules of a run, and what each says of itself.
//!
//! In: events. Out: an alert for each rule over single events that holds. Keeps nothing from one event to the next: what
//! has to remember is [`Detector`](super::Detector)'s business.

use std::sync::Arc;

use crate::event::Event;

use super::alert::{Alert, Facts};
use super::behaviour::{Finding, Plan};
use super::condition::Node;
use super::index::{Index, RuleSet};
use super::message::Message;

/// All rules of a run; made by [`Rules::load`], never changed, shared by reference between threads.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Box<[Rule]>,
    index: Index,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub facts: Arc<Facts>,
    pub message: Message,
    pub logic: Logic,
}

/// What a rule looks at.
#[derive(Debug)]
pub(super) enum Logic {
    /// One event by itself.
    Event(Node),
    /// What the events that are selected have in common.
    Behaviour { when: Node, plan: Plan },
}

impl Rules {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        let conditions = rules.iter().enumerate().map(|(number, rule)| (number, rule.logic.condition()));
        let index = Index::of(rules.len(), conditions);
        Self { rules: rules.into(), index }
    }

    /// Hands on the rules over single events that hold of this one, in the order of their files; looks at those alone that
    /// may hold. `candidates` is room to work in, of any content.
    pub(super) fn holding<'r>(
        &'r self,
        event: &Event,
        candidates: &mut RuleSet,
        hold: &mut dyn FnMut(usize, &'r Rule),
    ) {
        self.index.candidates(event, candidates);
        for number in candidates.iter() {
            match self.rules.get(number) {
                Some(rule) if rule.logic.condition().holds(event) => hold(number, rule),
                _ => {}
            }
        }
    }

    /// Hands on an alert for each rule over single events that holds of this one, in the order of the rules' files. Looks at
    /// one rule after the other: [`Detector::see`](super::Detector::see) is the fast way to the same alerts.
    pub fn check(&self, event: &Event, alert: &mut dyn FnMut(Alert)) {
        for rule in &self.rules {
            match &rule.logic {
                Logic::Event(condition) if condition.holds(event) => alert(rule.alert(event)),
                Logic::Event(_) | Logic::Behaviour { .. } => {}
            }
        }
    }

    /// The rules that remember what they saw, with their numbers.
    pub(super) fn behaviours(&self) -> impl Iterator<Item = (usize, &Rule, &Plan)> {
        self.rules.iter().enumerate().filter_map(|(number, rule)| match &rule.logic {
            Logic::Behaviour { plan, .. } => Some((number, rule, plan)),
            Logic::Event(_) => None,
        })
    }

    pub(super) fn behaviour(&self, number: usize) -> Option<(&Rule, &Plan)> {
        let rule = self.rules.get(number)?;
        match &rule.logic {
            Logic::Behaviour { plan, .. } => Some((rule, plan)),
            Logic::Event(_) => None,
        }
    }

    pub fn len(&self) -> usize {
        self.rules.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Rules that no look-up spares: they are tried on every event.
    pub fn unindexed(&self) -> usize {
        self.index.unindexed()
    }

    /// What the rules say of themselves, in the order of their files.
    pub fn facts(&self) -> impl Iterator<Item = &Facts> {
        self.rules.iter().map(|rule| &*rule.facts)
    }
}

impl Logic {
    /// What has to hold of an event by itself.
    fn condition(&self) -> &Node {
        match self {
            Self::Event(condition) | Self::Behaviour { when: condition, .. } => condition,
        }
    }
}

impl Rule {
    /// The alert of what a behaviour has found; the event is the one that completed it.
    pub fn alert_of(&self, event: &Event, plan: &Plan, finding: Finding) -> Alert {
        let message = self.message.fill_with(event, &finding);
        let mut sessions = finding.sessions;
        if sessions.last() != Some(&event.id) {
            sessions.push(event.id);
        }
        Alert {
            sessions: sessions.into(),
            count: finding.count.max(1),
            group: plan.group(event),
            measures: finding.measures.into(),
            ..Alert::of(self.facts.clone(), event, message)
        }
    }

    pub fn alert(&self, event: &Event) -> Alert {
        Alert::of(self.facts.clone(), event, self.message.fill(event))
    }
}
