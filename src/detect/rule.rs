//! The rules of a run, and what each says of itself.
//!
//! In: events. Out: an alert for each rule that holds. Keeps nothing from one event to the next.

use std::sync::Arc;

use crate::event::Event;

use super::alert::{Alert, Facts};
use super::condition::Node;
use super::message::Message;

/// All rules of a run; made by [`Rules::load`], shared by reference between threads.
#[derive(Debug, Default)]
pub struct Rules {
    pub(super) rules: Box<[Rule]>,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub facts: Arc<Facts>,
    pub condition: Node,
    pub message: Message,
}

impl Rules {
    /// Hands on an alert for each rule that holds of the event, in the order of the rules' files.
    pub fn check(&self, event: &Event, alert: &mut impl FnMut(Alert)) {
        for rule in &self.rules {
            if rule.condition.holds(event) {
                alert(rule.alert(event));
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
        let prints = event.client_hello.as_ref().and_then(|client| client.shape.prints.as_ref());
        Alert {
            rule: self.facts.clone(),
            event: event.id,
            timestamp: event.timestamp,
            message: self.message.fill(event),
            source: event.client,
            destination: event.server,
            fingerprint: prints.map(|prints| prints.ja4),
        }
    }
}
