//! The rules of a run, and what each says of itself.
//!
//! In: events. Out: an alert for each rule over single events that holds. Keeps nothing from one event to the next: what
//! has to remember is [`Detector`](super::Detector)'s business.

use std::sync::Arc;

use crate::event::Event;

use super::alert::{Alert, Facts};
use super::behaviour::{Finding, Plan};
use super::condition::{Node, Split};
use super::correlation::Plans;
use super::index::{Index, RuleSet};
use super::message::{Message, Several};
use super::recall::Recall;

/// All rules of a run; made by [`Rules::load`], never changed, shared by reference between threads.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Box<[Rule]>,
    /// Their conditions, by the parts of events that they are about.
    splits: Box<[Split]>,
    index: Index,
    plans: Arc<Plans>,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub facts: Arc<Facts>,
    pub message: Message,
    pub logic: Logic,
    /// Whether it alerts by itself, and is not there for correlations alone.
    pub generates: bool,
}

/// What a rule looks at.
#[derive(Debug)]
pub(super) enum Logic {
    /// One event by itself.
    Event(Node),
    /// What the events that are selected have in common.
    Behaviour { when: Node, plan: Box<Plan> },
    /// Several sessions, by what [`Plans`] say.
    Correlation,
}

/// What is used again from one event to the next.
#[derive(Debug)]
pub(super) struct Room<'d> {
    pub recall: &'d mut Recall,
    pub candidates: &'d mut RuleSet,
}

impl Rules {
    pub(super) fn new(rules: Vec<Rule>, plans: Plans) -> Self {
        let conditions = rules.iter().enumerate().filter_map(|(number, rule)| Some((number, rule.logic.condition()?)));
        let index = Index::of(rules.len(), conditions);
        let splits = rules.iter().map(|rule| rule.logic.condition().map(Split::of).unwrap_or_default()).collect();
        Self { rules: rules.into(), splits, index, plans: Arc::new(plans) }
    }

    /// Hands on the rules over single events that hold of this one, in the order of their files; looks at those alone that
    /// may hold, and once alone at what sessions share. `candidates` is room to work in, of any content.
    pub(super) fn holding<'r>(&'r self, event: &Event, room: Room<'_>, hold: &mut dyn FnMut(usize, &'r Rule)) {
        let Room { recall, candidates } = room;
        recall.turn_to(&self.index, event, candidates);
        for number in candidates.iter() {
            let (Some(rule), Some(split)) = (self.rules.get(number), self.splits.get(number)) else { continue };
            let holds = split.shared.iter().all(|(origin, node)| recall.holds(*origin, number, || node.holds(event)))
                && split.rest.as_ref().is_none_or(|node| node.holds(event));
            if holds {
                hold(number, rule);
            }
        }
    }

    /// Hands on an alert for each rule over single events that holds of this one, in the order of the rules' files. Looks at
    /// one rule after the other: [`Detector::see`](super::Detector::see) is the fast way to the same alerts.
    pub fn check(&self, event: &Event, alert: &mut dyn FnMut(Alert)) {
        self.rules
            .iter()
            .filter(|rule| rule.generates && matches!(&rule.logic, Logic::Event(condition) if condition.holds(event)))
            .for_each(|rule| alert(rule.alert(event)));
    }

    pub(super) fn plans(&self) -> &Arc<Plans> {
        &self.plans
    }

    pub(super) fn rule(&self, number: usize) -> Option<&Rule> {
        self.rules.get(number)
    }

    /// The rules that remember what they saw, with their numbers.
    pub(super) fn behaviours(&self) -> impl Iterator<Item = (usize, &Rule, &Plan)> {
        let all = self.rules.iter().enumerate();
        all.filter_map(|(number, rule)| rule.logic.plan().map(|plan| (number, rule, plan)))
    }

    pub(super) fn behaviour(&self, number: usize) -> Option<(&Rule, &Plan)> {
        let rule = self.rules.get(number)?;
        rule.logic.plan().map(|plan| (rule, plan))
    }

    pub(super) fn number_of(&self, id: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.facts.id == id && !id.is_empty())
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

    /// What the rules that alert say of themselves, in the order of their files.
    pub fn facts(&self) -> impl Iterator<Item = &Facts> {
        self.rules.iter().filter(|rule| rule.generates).map(|rule| &*rule.facts)
    }
}

impl Logic {
    /// What has to hold of an event by itself.
    fn condition(&self) -> Option<&Node> {
        match self {
            Self::Event(condition) | Self::Behaviour { when: condition, .. } => Some(condition),
            Self::Correlation => None,
        }
    }

    fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Behaviour { plan, .. } => Some(plan),
            Self::Event(_) | Self::Correlation => None,
        }
    }
}

impl Rule {
    /// The alert of what a behaviour has found; the event is the one that completed it.
    pub fn alert_of(&self, event: &Event, plan: &Plan, finding: Finding) -> Alert {
        let (group, count) = (plan.group(event), finding.count.max(1));
        let several = Several { count, group: &group, measures: &finding.measures, note: finding.note.as_deref() };
        let message = self.message.fill_for(event, several);
        let mut sessions = finding.sessions;
        if sessions.last() != Some(&event.id) {
            sessions.push(event.id);
        }
        Alert {
            sessions: sessions.into(),
            count,
            group,
            measures: finding.measures.into(),
            ..Alert::of(self.facts.clone(), event, message)
        }
    }

    pub fn alert(&self, event: &Event) -> Alert {
        Alert::of(self.facts.clone(), event, self.message.fill(event))
    }
}
