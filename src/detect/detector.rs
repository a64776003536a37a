//! Rules at work on the events of a run, in packet-time order.
//!
//! In: one event after the other. Out: alerts. The rules themselves do not change; whatever is remembered from one event to
//! the next is kept here. Starts no thread, reads no clock: time is that of the events.

use std::path::Path;
use std::sync::Arc;

use crate::Error;
use crate::config::Limits;
use crate::event::Event;

use super::alert::Alert;
use super::behaviour::{Behaviour, Keys, Plan, Salt};
use super::correlation::{Caps, Correlations, Firing};
use super::index::RuleSet;
use super::key;
use super::message::Several;
use super::recall::Recall;
use super::rule::{Logic, Room, Rule, Rules};
use super::snapshot::{Found, Learnt, Snapshot, StateFile, View};
use super::suppress::Suppressor;
use super::threat::ThreatLists;

/// The rules of a run, and what they remember.
#[derive(Debug)]
pub struct Detector {
    rules: Arc<Rules>,
    correlations: Correlations,
    /// By the numbers of their rules, in their order.
    behaviours: Vec<(usize, Behaviour)>,
    /// Room for the places of the behaviours that an event concerns.
    concerned: Vec<usize>,
    salt: Salt,
    state: Option<StateFile>,
    /// Of behaviours that are no more.
    evicted_before: u64,
    suppressor: Suppressor,
    /// The rules that the event at hand matches and that others build on.
    matched: Vec<usize>,
    /// Room for the rules that may hold of an event.
    candidates: RuleSet,
    recall: Recall,
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
        let salt = Salt::random();
        Self {
            correlations: Correlations::new(rules.plans().clone(), caps, salt),
            behaviours: rules.behaviours().map(|(number, _, plan)| (number, Behaviour::new(plan))).collect(),
            concerned: Vec::new(),
            salt,
            state: None,
            evicted_before: 0,
            suppressor: Suppressor::new(rules.len(), limits.suppressed_keys),
            recall: Recall::new(rules.len()),
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

    /// Goes on with other caps. What is remembered beyond them goes when the next comes.
    pub fn set_limits(&mut self, limits: &Limits) {
        self.correlations.set_caps(Caps { groups: limits.rule_groups, bytes: limits.rule_bytes });
        self.suppressor.set_keys(limits.suppressed_keys);
        self.listed.set_keys(limits.suppressed_keys);
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn lists(&self) -> &ThreatLists {
        &self.lists
    }

    /// Looks at the next event in packet-time order: rules over single events come first, in the order of their files,
    /// then behaviours, then the correlations that build on either.
    pub fn see(&mut self, event: &Event, alert: &mut dyn FnMut(Alert)) {
        let Self {
            rules,
            correlations,
            behaviours,
            concerned,
            salt,
            suppressor,
            matched,
            candidates,
            recall,
            lists,
            listed,
            ..
        } = self;
        let now = event.end.max(event.timestamp);
        suppressor.tick(now, alert);
        listed.tick(now, alert);
        matched.clear();
        concerned.clear();
        rules.holding(event, Room { recall, candidates }, &mut |number, rule| {
            if let Logic::Behaviour { .. } = rule.logic {
                concerned.extend(behaviours.binary_search_by_key(&number, |(number, _)| *number).ok());
                return;
            }
            if rules.plans().build_on(number) {
                matched.push(number);
            }
            if rule.generates {
                match &rule.facts.suppress {
                    Some(suppress) => suppressor.offer_one(number, suppress, event, || rule.alert(event), alert),
                    None => alert(rule.alert(event)),
                }
            }
        });
        let mut keys = Keys::new(*salt, recall);
        for &place in &*concerned {
            let Some((number, behaviour)) = behaviours.get_mut(place) else { continue };
            let Some((rule, plan)) = rules.behaviour(*number) else { continue };
            let Some(finding) = behaviour.see(plan, &mut keys, event) else { continue };
            if rules.plans().build_on(*number) {
                matched.push(*number);
            }
            if rule.generates {
                tell(suppressor, *number, event, rule.alert_of(event, plan, finding), alert);
            }
        }
        matched.sort_unstable();
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
            groups_evicted: correlations.groups_evicted
                + self.evicted_before
                + self.behaviours.iter().map(|(_, behaviour)| behaviour.evicted()).sum::<u64>(),
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
        self.keep_behaviours(&rules);
        self.recall = Recall::new(rules.len());
        self.rules = Arc::new(rules);
    }

    /// Takes the behaviours of rules that stay as they are over to their new numbers.
    fn keep_behaviours(&mut self, rules: &Rules) {
        let mut before: Vec<_> = std::mem::take(&mut self.behaviours).into_iter().map(Some).collect();
        let is_same = |number: usize, rule: &Rule, plan: &Plan| {
            let old = self.rules.behaviour(number);
            old.is_some_and(|(old, old_plan)| old.facts.id == rule.facts.id && old_plan == plan)
        };
        for (number, rule, plan) in rules.behaviours() {
            let mut slots =
                before.iter_mut().filter(|slot| slot.as_ref().is_some_and(|(old, _)| is_same(*old, rule, plan)));
            let kept = slots.next().and_then(Option::take);
            let behaviour = kept.map_or_else(|| Behaviour::new(plan), |(_, behaviour)| behaviour);
            self.behaviours.push((number, behaviour));
        }
        self.evicted_before += before.iter().flatten().map(|(_, behaviour)| behaviour.evicted()).sum::<u64>();
    }

    /// Keeps what is learnt and what is under way in a file, and goes on from what is in it. Says what could not be taken
    /// up, a line each.
    ///
    /// # Errors
    /// Where the file is there and cannot be read, or its folder cannot be written to.
    pub fn keep_in(&mut self, path: &Path) -> Result<Vec<String>, Error> {
        let file = StateFile::new(path);
        let complaints = match file.read()? {
            Found::Nothing => Vec::new(),
            Found::State(snapshot) => {
                let line = |id| format!("{}: rule {id} has changed or is gone: it begins anew", path.display());
                self.resume(*snapshot).into_iter().map(line).collect()
            }
            Found::Refused(why) => vec![why],
        };
        self.state = Some(file);
        // Who learns for a month shall not hear at its end that there was no room.
        self.save()?;
        Ok(complaints)
    }

    /// Writes what is learnt into the file that was named, if one was.
    pub fn save(&self) -> Result<(), Error> {
        let Some(file) = &self.state else { return Ok(()) };
        let learnt = self.behaviours.iter().filter_map(|(number, kept)| {
            let (rule, plan) = self.rules.behaviour(*number)?;
            Some(Learnt { rule: rule.facts.id.clone(), keys: plan.keys(), kept })
        });
        let facts = |number| self.rules.rule(number).map(|rule: &Rule| &*rule.facts);
        file.write(&View {
            salt: self.salt,
            behaviours: learnt.collect(),
            correlations: self.correlations.kept(|number| facts(number).map(|facts| &*facts.id)),
            suppressions: self.suppressor.kept(|number| {
                let facts = facts(number)?;
                Some((&*facts.id, facts.suppress.as_ref()?))
            }),
        })
    }

    /// Gives back the ids of rules of which something could not be taken up.
    fn resume(&mut self, snapshot: Snapshot) -> Vec<String> {
        self.salt = snapshot.salt;
        self.correlations.set_salt(snapshot.salt);
        // Keys that it holds are of another salt.
        self.recall = Recall::new(self.rules.len());
        let mut learnt: Vec<Option<_>> = snapshot.behaviours.into_iter().map(Some).collect();
        for (number, behaviour) in &mut self.behaviours {
            let Some((rule, plan)) = self.rules.behaviour(*number) else { continue };
            let is_its = |slot: &&mut Option<Learnt<_>>| {
                slot.as_ref().is_some_and(|learnt| learnt.rule == rule.facts.id && learnt.keys == plan.keys())
            };
            if let Some(learnt) = learnt.iter_mut().find(is_its).and_then(Option::take) {
                behaviour.resume(learnt.kept);
            }
        }
        let mut dropped: Vec<String> = learnt.into_iter().flatten().map(|learnt| learnt.rule).collect();
        dropped.extend(self.correlations.resume(snapshot.correlations));
        let rules = self.rules.clone();
        dropped.extend(self.suppressor.resume(snapshot.suppressions, |id| {
            let number = rules.number_of(id)?;
            Some((number, rules.rule(number)?.facts.suppress.as_ref()?))
        }));
        dropped.sort_unstable();
        dropped.dedup();
        dropped
    }
}

/// Makes the alert of a correlation that holds, if it alerts.
fn fire(rules: &Rules, suppressor: &mut Suppressor, firing: &Firing<'_>, alert: &mut dyn FnMut(Alert)) {
    let Some(rule) = rules.rule(firing.rule).filter(|rule| rule.generates) else { return };
    let group: Box<[_]> = firing.plan.group.iter().cloned().zip(key::values(firing.key)).collect();
    let measures: Box<[_]> = firing.finding.figure.map(|figure| (firing.plan.kind, figure)).into_iter().collect();
    let several = Several { count: firing.finding.count, group: &group, measures: &measures, note: None };
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
