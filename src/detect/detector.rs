//! Rules at work on the events of a run, in packet-time order.
//!
//! In: one event after the other. Out: alerts. The rules themselves do not change; whatever is remembered from one event to
//! the next is kept here. Starts no thread, reads no clock: time is that of the events.

use std::sync::Arc;

use crate::event::Event;

use super::alert::Alert;
use super::index::RuleSet;
use super::rule::Rules;
use super::threat::ThreatLists;

/// The rules of a run, and what they remember.
#[derive(Debug)]
pub struct Detector {
    rules: Arc<Rules>,
    /// Room for the rules that may hold of an event.
    candidates: RuleSet,
    lists: Arc<ThreatLists>,
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
    pub fn new(rules: Rules) -> Self {
        Self {
            rules: Arc::new(rules),
            candidates: RuleSet::default(),
            lists: Arc::default(),
            counters: DetectCounters::default(),
        }
    }

    /// Looks for what threat lists name, too; also in place of the lists that it had.
    pub fn with_lists(mut self, lists: Arc<ThreatLists>) -> Self {
        self.renew_lists(lists);
        self
    }

    /// Goes on with other lists.
    pub fn renew_lists(&mut self, lists: Arc<ThreatLists>) {
        self.lists = lists;
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn lists(&self) -> &ThreatLists {
        &self.lists
    }

    /// Looks at the next event in packet-time order.
    pub fn see(&mut self, event: &Event, alert: &mut dyn FnMut(Alert)) {
        let Self { rules, candidates, lists, .. } = self;
        rules.holding(event, candidates, &mut |_, rule| alert(rule.alert(event)));
        lists.check(event, alert);
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
