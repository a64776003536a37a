//! The rules of a run, and what each says of itself.
//!
//! In: events. Out: an alert for each rule over single events that holds. Keeps nothing from one event to the next: what
//! has to remember is [`Detector`](super::Detector)'s business.

use std::sync::Arc;

use crate::event::Event;

use super::alert::{Alert, Facts};
use super::condition::Node;
use super::message::Message;

/// All rules of a run; made by [`Rules::load`], never changed, shared by reference between threads.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Box<[Rule]>,
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
}

impl Rules {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        Self { rules: rules.into() }
    }

    /// Hands on an alert for each rule over single events that holds of this one, in the order of the rules' files.
    pub fn check(&self, event: &Event, alert: &mut dyn FnMut(Alert)) {
        for rule in &self.rules {
            match &rule.logic {
                Logic::Event(condition) if condition.holds(event) => alert(rule.alert(event)),
                Logic::Event(_) => {}
            }
        }
    }

    pub fn len(&self) -> usize {
        self.rules.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What the rules say of themselves, in the order of their files.
    pub fn facts(&self) -> impl Iterator<Item = &Facts> {
        self.rules.iter().map(|rule| &*rule.facts)
    }
}

impl Rule {
    fn alert(&self, event: &Event) -> Alert {
        Alert::of(self.facts.clone(), event, self.message.fill(event))
    }
}
