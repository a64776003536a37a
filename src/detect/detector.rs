//! Rules at work on the events of a run, in packet-time order.
//!
//! In: one event after the other. Out: alerts. The rules themselves do not change; whatever is remembered from one event to
//! the next is kept here. Starts no thread, reads no clock: time is that of the events.

use std::sync::Arc;

use crate::event::Event;

use super::alert::Alert;
use super::index::RuleSet;
use super::rule::Rules;

/// The rules of a run, and what they remember.
#[derive(Debug)]
pub struct Detector {
    rules: Arc<Rules>,
    /// Room for the rules that may hold of an event.
    candidates: RuleSet,
    counters: DetectCounters,
}

/// What a detector has forgotten or held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DetectCounters {
    /// Groups of sessions that were forgotten before their time, to stay within the cap.
    pub groups_evicted: u64,
    /// Alerts that were held back.
    pub alerts_suppressed: u64,
}

impl Detector {
    pub fn new(rules: impl Into<Arc<Rules>>) -> Self {
        Self { rules: rules.into(), candidates: RuleSet::default(), counters: DetectCounters::default() }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Looks at the next event in packet-time order.
    pub fn see(&mut self, event: &Event, alert: &mut dyn FnMut(Alert)) {
        let Self { rules, candidates, .. } = self;
        rules.holding(event, candidates, &mut |_, rule| alert(rule.alert(event)));
    }

    /// The end of the input: what is still held back is told.
    pub fn finish(&mut self, _alert: &mut dyn FnMut(Alert)) {}

    pub fn counters(&self) -> DetectCounters {
        self.counters
    }

    /// Goes on with other rules. What is remembered for those that stay as they are is kept.
    pub fn reload(&mut self, rules: Rules) {
        self.rules = Arc::new(rules);
    }
}
