//! Rules at work on the events of a run, in packet-time order.
//!
//! In: one event after the other. Out: alerts. The rules themselves do not change; whatever is remembered from one event to
//! the next is kept here. Starts no thread, reads no clock: time is that of the events.

use std::sync::Arc;

use crate::config::Limits;
use crate::event::Event;

use super::alert::Alert;
use super::correlation::{Caps, Correlations, Firing};
use super::index::RuleSet;
use super::key;
use super::message::Several;
use super::rule::Rules;
use super::suppress::Suppressor;
use super::threat::ThreatLists;

/// The rules of a run, and what they remember.
#[derive(Debug)]
pub struct Detector {
    rules: Arc<Rules>,
    correlations: Correlations,
    suppressor: Suppressor,
    /// The rules that the event at hand matches and that others build on.
    matched: Vec<usize>,
    /// Room for the rules that may hold of an event.
    candidates: RuleSet,
    lists: Arc<ThreatLists>,
    /// Of what lists find: theirs are no rules with numbers.
    listed: Suppressor,
}

/// What a detector has forgotten or held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DetectCounters {
    /// Groups of sessions that were forgotten before their time, to stay within the cap.
    pub groups_evicted: u64,
    /// Matches that came too late to count in their group.
    pub late_matches: u64,
    /// Numbers that a percentile had no room for.
    pub numbers_left_out: u64,
    /// Alerts that were held back.
    pub alerts_suppressed: u64,
    /// Keys of suppression that were forgotten before their time: their alerts are told again.
    pub suppressions_evicted: u64,
}

impl Detector {
    pub fn new(rules: impl Into<Arc<Rules>>) -> Self {
        Self::with_limits(rules, &Limits::default())
    }

    /// With the caps of a configuration on what is remembered.
    pub fn with_limits(rules: impl Into<Arc<Rules>>, limits: &Limits) -> Self {
        let rules = rules.into();
        let caps = Caps { groups: limits.rule_groups, bytes: limits.rule_bytes };
        Self {
            correlations: Correlations::new(rules.plans().clone(), caps),
            suppressor: Suppressor::new(rules.len(), limits.suppressed_keys),
            rules,
            matched: Vec::new(),
            candidates: RuleSet::default(),
            lists: Arc::default(),
            listed: Suppressor::new(1, limits.suppressed_keys),
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

    /// Looks at the next event in packet-time order: rules over single events come first, in the order of their files,
    /// then the correlations that build on them.
    pub fn see(&mut self, event: &Event, alert: &mut dyn FnMut(Alert)) {
        let Self { rules, correlations, suppressor, matched, candidates, lists, listed } = self;
        let now = event.end.max(event.timestamp);
        suppressor.tick(now, alert);
        listed.tick(now, alert);
        matched.clear();
        rules.holding(event, candidates, &mut |number, rule| {
            if rules.plans().build_on(number) {
                matched.push(number);
            }
            if rule.generates {
                tell(suppressor, number, event, rule.alert(event), alert);
            }
        });
        correlations.see(event, matched, &mut |firing| fire(rules, suppressor, firing, alert));
        lists.check(event, &mut |made| tell(listed, 0, event, made, alert));
    }

    /// The end of the input: what is still held back is told.
    pub fn finish(&mut self, alert: &mut dyn FnMut(Alert)) {
        let Self { rules, correlations, suppressor, listed, .. } = self;
        correlations.finish(&mut |firing| fire(rules, suppressor, firing, alert));
        suppressor.finish(alert);
        listed.finish(alert);
    }

    pub fn counters(&self) -> DetectCounters {
        let (correlations, suppressor) = (self.correlations.counters(), self.suppressor.counters());
        let listed = self.listed.counters();
        DetectCounters {
            groups_evicted: correlations.groups_evicted,
            late_matches: correlations.late_matches,
            numbers_left_out: correlations.numbers_left_out,
            alerts_suppressed: suppressor.held_back + listed.held_back,
            suppressions_evicted: suppressor.keys_evicted + listed.keys_evicted,
        }
    }

    /// Groups of sessions that are remembered, and about how many bytes they take.
    pub fn remembered(&self) -> (usize, usize) {
        (self.correlations.groups(), self.correlations.bytes())
    }

    /// Goes on with other rules. What is remembered for those that stay as they are is kept; what was held back of rules
    /// that go is told.
    pub fn reload(&mut self, rules: Rules, alert: &mut dyn FnMut(Alert)) {
        self.correlations.reload(rules.plans().clone());
        let new_number = |number| rules.number_of(&self.rules.rule(number)?.facts.id);
        self.suppressor.reload(rules.len(), new_number, alert);
        self.rules = Arc::new(rules);
    }
}

/// Makes the alert of a correlation that holds, if it alerts.
fn fire(rules: &Rules, suppressor: &mut Suppressor, firing: &Firing<'_>, alert: &mut dyn FnMut(Alert)) {
    let Some(rule) = rules.rule(firing.rule).filter(|rule| rule.generates) else { return };
    let group: Box<[_]> = firing.plan.group.iter().cloned().zip(key::values(firing.key)).collect();
    let measures: Box<[_]> = firing.finding.figure.map(|figure| (firing.plan.kind, figure)).into_iter().collect();
    let several = Several { count: firing.finding.count, group: &group, measures: &measures };
    let sentence = rule.message.fill_for(firing.event, several);
    let made = Alert {
        sessions: firing.finding.sessions.as_slice().into(),
        count: firing.finding.count,
        group,
        measures,
        ..Alert::of(rule.facts.clone(), firing.event, sentence)
    };
    tell(suppressor, firing.rule, firing.event, made, alert);
}

fn tell(suppressor: &mut Suppressor, rule: usize, event: &Event, made: Alert, alert: &mut dyn FnMut(Alert)) {
    match made.rule.clone().suppress.as_ref() {
        Some(suppress) => suppressor.offer(rule, suppress, event, made, alert),
        None => alert(made),
    }
}
