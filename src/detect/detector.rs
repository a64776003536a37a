//! Rules at work on the events of a run, in packet-time order.
//!
//! In: one event after the other. Out: alerts. The rules themselves do not change; whatever is remembered from one event to
//! the next is kept here. Starts no thread, reads no clock: time is that of the events.

use std::path::Path;
use std::sync::Arc;

use crate::Error;
use crate::event::Event;

use super::alert::Alert;
use super::behaviour::{Behaviour, Plan, Salt};
use super::index::RuleSet;
use super::rule::{Logic, Rule, Rules};
use super::snapshot::{Found, Learnt, Snapshot, StateFile, View};

/// The rules of a run, and what they remember.
#[derive(Debug)]
pub struct Detector {
    rules: Arc<Rules>,
    /// Room for the rules that may hold of an event.
    candidates: RuleSet,
    /// By the numbers of their rules, in their order.
    behaviours: Vec<(usize, Behaviour)>,
    /// Room for the places of the behaviours that an event concerns.
    concerned: Vec<usize>,
    salt: Salt,
    state: Option<StateFile>,
    /// Of behaviours that are no more.
    evicted_before: u64,
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
        let behaviours = rules.behaviours().map(|(number, _, plan)| (number, Behaviour::new(plan))).collect();
        Self {
            rules: Arc::new(rules),
            candidates: RuleSet::default(),
            behaviours,
            concerned: Vec::new(),
            salt: Salt::random(),
            state: None,
            evicted_before: 0,
            counters: DetectCounters::default(),
        }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Looks at the next event in packet-time order.
    pub fn see(&mut self, event: &Event, alert: &mut dyn FnMut(Alert)) {
        let Self { rules, candidates, behaviours, concerned, .. } = self;
        concerned.clear();
        rules.holding(event, candidates, &mut |number, rule| match rule.logic {
            Logic::Event(_) => alert(rule.alert(event)),
            Logic::Behaviour { .. } => {
                concerned.extend(behaviours.binary_search_by_key(&number, |(number, _)| *number).ok());
            }
        });
        for &place in &*concerned {
            let Some((number, behaviour)) = behaviours.get_mut(place) else { continue };
            let Some((rule, plan)) = rules.behaviour(*number) else { continue };
            if let Some(finding) = behaviour.see(plan, self.salt, event) {
                alert(rule.alert_of(event, plan, finding));
            }
        }
    }

    /// The end of the input: what is still held back is told.
    pub fn finish(&mut self, _alert: &mut dyn FnMut(Alert)) {}

    pub fn counters(&self) -> DetectCounters {
        let evicted: u64 = self.behaviours.iter().map(|(_, behaviour)| behaviour.evicted()).sum();
        let groups_evicted = self.counters.groups_evicted + self.evicted_before + evicted;
        DetectCounters { groups_evicted, ..self.counters }
    }

    /// Goes on with other rules. What is remembered for those that stay as they are is kept.
    pub fn reload(&mut self, rules: Rules) {
        let mut before: Vec<_> = std::mem::take(&mut self.behaviours).into_iter().map(Some).collect();
        let old = Arc::clone(&self.rules);
        let is_same = |number: usize, rule: &Rule, plan: &Plan| {
            old.behaviour(number).is_some_and(|(old, old_plan)| old.facts.id == rule.facts.id && old_plan == plan)
        };
        for (number, rule, plan) in rules.behaviours() {
            let mut kept =
                before.iter_mut().filter(|slot| slot.as_ref().is_some_and(|(old, _)| is_same(*old, rule, plan)));
            let kept = kept.next().and_then(Option::take);
            let behaviour = kept.map_or_else(|| Behaviour::new(plan), |(_, behaviour)| behaviour);
            self.behaviours.push((number, behaviour));
        }
        self.evicted_before += before.iter().flatten().map(|(_, behaviour)| behaviour.evicted()).sum::<u64>();
        self.rules = Arc::new(rules);
    }

    /// Keeps what is learnt in a file, and goes on from what is in it. Says what could not be taken up.
    ///
    /// # Errors
    /// Where the file is there and cannot be read, or its folder cannot be written to.
    pub fn keep_in(&mut self, path: &Path) -> Result<Option<String>, Error> {
        let file = StateFile::new(path);
        let complaint = match file.read()? {
            Found::Nothing => None,
            Found::State(snapshot) => {
                self.resume(*snapshot);
                None
            }
            Found::Refused(why) => Some(why),
        };
        self.state = Some(file);
        // Who learns for a month shall not hear at its end that there was no room.
        self.save()?;
        Ok(complaint)
    }

    /// Writes what is learnt into the file that was named, if one was.
    pub fn save(&self) -> Result<(), Error> {
        let Some(file) = &self.state else { return Ok(()) };
        let learnt = self.behaviours.iter().filter_map(|(number, kept)| {
            let (rule, plan) = self.rules.behaviour(*number)?;
            Some(Learnt { rule: rule.facts.id.clone(), keys: plan.keys(), kept })
        });
        file.write(&View { salt: self.salt, behaviours: learnt.collect() })
    }

    fn resume(&mut self, snapshot: Snapshot) {
        self.salt = snapshot.salt;
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
    }
}
