//! Holds back alerts that say the same again: so many of a rule and a key within a time are told, the others counted.
//!
//! In: alerts, as rules make them. Out: those that are told, with the number of those before them that were not. None is
//! lost silently: what is held back is told with the next alert of its key, or once nothing came for as long again, or at
//! the end, or where its key has to be forgotten.

use std::net::IpAddr;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::capture::Timestamp;
use crate::event::Event;

use super::alert::Alert;
use super::field::Field;
use super::store::{Entry, Life, Place, Store};

/// `custom: suppress:` of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppress {
    /// Nanoseconds of packet time, from the first alert that is told.
    pub span: i64,
    /// What alerts must have in common; without it what they are grouped by, or else both addresses.
    pub by: Option<Box<[By]>>,
    /// Alerts that are told within the time.
    pub limit: u32,
}

/// One part of the key.
#[derive(Debug, Clone)]
pub struct By {
    pub name: Box<str>,
    /// Where the alert is not grouped by it.
    pub field: Option<Field>,
}

impl PartialEq for By {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Suppress {
    /// What rules that remember do without being told: one alert of a group an hour, or a time span of theirs.
    pub fn of_group(span: i64) -> Self {
        Self { span: span.max(DEFAULT_SPAN), by: None, limit: 1 }
    }

    /// All of it in words: keys that others made mean nothing to it.
    fn settings(&self) -> String {
        let by = self.by.as_ref().map(|by| by.iter().map(|by| &*by.name).collect::<Vec<_>>().join(","));
        format!("{} in {} by {}", self.limit, self.span, by.as_deref().unwrap_or("its group"))
    }
}

impl Eq for By {}

/// Alerts on their way out.
#[derive(Debug)]
pub struct Suppressor {
    store: Store<Held>,
    keys: usize,
    counters: Counters,
    /// The list whose old end is looked at next.
    turn: usize,
    lists: usize,
    key: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    pub held_back: u64,
    /// Keys that were forgotten before their time: alerts of theirs are told again.
    pub keys_evicted: u64,
}

/// What is known of a key.
#[derive(Debug)]
struct Held {
    /// When the time began.
    begun: Timestamp,
    told: u32,
    /// Alerts that were held back since one was told, and one of them.
    count: u64,
    last: Option<Box<Alert>>,
}

impl Suppressor {
    /// For so many rules; remembers at most so many keys.
    pub fn new(rules: usize, keys: usize) -> Self {
        let store = Store::new(rules);
        Self { store, keys: keys.max(1), counters: Counters::default(), turn: 0, lists: rules, key: Vec::new() }
    }

    /// Remembers at most so many keys from now on.
    pub fn set_keys(&mut self, keys: usize) {
        self.keys = keys.max(1);
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Tells an alert, or holds it back. `rule` is its rule's number.
    pub fn offer(
        &mut self,
        rule: usize,
        suppress: &Suppress,
        event: &Event,
        alert: Alert,
        tell: &mut dyn FnMut(Alert),
    ) {
        self.write_key(suppress, event, &alert.group);
        self.decide(rule, suppress, alert.timestamp, || dressed(alert, suppress, event), tell);
    }

    /// The same of an alert without a group, which is made only if it is needed.
    pub fn offer_one(
        &mut self,
        rule: usize,
        suppress: &Suppress,
        event: &Event,
        make: impl FnOnce() -> Alert,
        tell: &mut dyn FnMut(Alert),
    ) {
        self.write_key(suppress, event, &[]);
        self.decide(rule, suppress, event.timestamp, || dressed(make(), suppress, event), tell);
    }

    /// Decides about the alert whose key was written last.
    fn decide(
        &mut self,
        rule: usize,
        suppress: &Suppress,
        at: Timestamp,
        make: impl FnOnce() -> Alert,
        tell: &mut dyn FnMut(Alert),
    ) {
        let due = Timestamp(at.0.saturating_add(suppress.span).saturating_add(suppress.span));
        let Some(place) = self.store.find(rule, &self.key) else {
            self.make_room(tell);
            let held = Held { begun: at, told: 1, count: 0, last: None };
            self.store.insert(rule, &self.key, Life { touched: at, due }, held);
            return tell(make());
        };
        let Some(entry) = self.store.get_mut(place) else { return tell(make()) };
        entry.touched = entry.touched.max(at);
        let held = &mut entry.value;
        if at.since(held.begun) >= suppress.span.unsigned_abs() {
            let suppressed = held.count;
            *held = Held { begun: at, told: 1, count: 0, last: None };
            entry.due = due;
            self.store.renew(place);
            self.store.weigh(place, 0);
            tell(Alert { suppressed, ..make() });
        } else if held.told < suppress.limit {
            held.told += 1;
            tell(make());
        } else {
            held.count += 1;
            self.counters.held_back += 1;
            // One that stands for all is needed at the end; making each would cost what holding back saves.
            if held.count.is_power_of_two() {
                held.last = Some(Box::new(make()));
                self.store.weigh(place, ALERT_BYTES);
            }
        }
    }

    /// Packet time goes on: tells what was held back of keys that were quiet since.
    pub fn tick(&mut self, now: Timestamp, tell: &mut dyn FnMut(Alert)) {
        if self.store.len() == 0 {
            return;
        }
        // One rule after the other: looking at all of them for each event would cost more than the rules do.
        self.turn = (self.turn + 1) % self.lists.max(1);
        while let Some(place) = self.store.oldest(self.turn)
            && self.store.get(place).is_some_and(|entry| entry.due < now)
        {
            self.forget(place, tell);
        }
    }

    /// The end of the input: all that is held back is told, rule by rule. Which alerts were told is still known.
    pub fn finish(&mut self, tell: &mut dyn FnMut(Alert)) {
        for list in 0..self.lists {
            self.store.each_mut(list, &mut |held| held.settle(tell));
        }
    }

    /// What was told of which keys, for a run that goes on from this one. `of_rule` says a rule's id and its suppression by
    /// its number.
    pub fn kept<'a>(&'a self, of_rule: impl Fn(usize) -> Option<(&'a str, &'a Suppress)>) -> Vec<Kept> {
        let kept = (0..self.lists).filter_map(|list| {
            let mut keys: Vec<_> = self.store.newest_first(list).map(KeptKey::of).collect();
            keys.reverse();
            let (rule, suppress) = of_rule(list).filter(|_| !keys.is_empty())?;
            Some(Kept { rule: rule.to_owned(), settings: suppress.settings(), keys })
        });
        kept.collect()
    }

    /// Goes on from what was kept, as far as there is room; gives back the ids of rules that have changed or are gone.
    pub fn resume<'a>(
        &mut self,
        kept: Vec<Kept>,
        number_of: impl Fn(&str) -> Option<(usize, &'a Suppress)>,
    ) -> Vec<String> {
        let mut refused = Vec::new();
        for Kept { rule, settings, keys } in kept {
            let Some((number, _)) = number_of(&rule).filter(|(_, suppress)| suppress.settings() == settings) else {
                refused.push(rule);
                continue;
            };
            for KeptKey { key, touched, due, begun, told, count } in keys {
                if self.store.len() < self.keys && self.store.find(number, &key).is_none() {
                    let held = Held { begun, told, count, last: None };
                    self.store.insert(number, &key, Life { touched, due }, held);
                }
            }
        }
        refused
    }

    /// Goes on with other rules; `number_of` says which number a rule has now.
    pub fn reload(&mut self, rules: usize, number_of: impl Fn(usize) -> Option<usize>, tell: &mut dyn FnMut(Alert)) {
        for list in (0..self.lists).filter(|list| number_of(*list).is_none()) {
            while let Some(place) = self.store.oldest(list) {
                self.forget(place, tell);
            }
        }
        self.store.renumber(rules, number_of);
        (self.lists, self.turn) = (rules, 0);
    }

    fn make_room(&mut self, tell: &mut dyn FnMut(Alert)) {
        while self.store.len() >= self.keys {
            let Some(place) = self.store.oldest_of_all() else { break };
            self.counters.keys_evicted += 1;
            self.forget(place, tell);
        }
    }

    fn forget(&mut self, place: Place, tell: &mut dyn FnMut(Alert)) {
        if let Some(mut entry) = self.store.remove(place) {
            entry.value.settle(tell);
        }
    }

    /// The values that the rule names, or those that the alert is grouped by, or else both addresses.
    fn write_key(&mut self, suppress: &Suppress, event: &Event, group: &[(Box<str>, Box<str>)]) {
        let key = &mut self.key;
        key.clear();
        // No byte of UTF-8.
        let end = |key: &mut Vec<u8>| {
            key.make_ascii_lowercase();
            key.push(0xff);
        };
        match &suppress.by {
            None if group.is_empty() => {
                for ip in [event.client.ip, event.server.ip] {
                    match ip {
                        IpAddr::V4(ip) => key.extend(ip.to_ipv6_mapped().octets()),
                        IpAddr::V6(ip) => key.extend(ip.octets()),
                    }
                }
            }
            None => group.iter().for_each(|(_, value)| {
                key.extend(value.bytes());
                end(key);
            }),
            Some(by) => by.iter().for_each(|by| {
                by.write(event, group, &mut |text| key.extend(text.bytes()));
                end(key);
            }),
        }
    }
}

impl Held {
    /// Tells what is held back.
    fn settle(&mut self, tell: &mut dyn FnMut(Alert)) {
        if let Some(mut alert) = self.last.take() {
            // It stands for the others, and for itself.
            alert.suppressed = std::mem::take(&mut self.count).saturating_sub(1);
            tell(*alert);
        }
    }
}

/// What is kept of a rule's suppression. An alert that was held back is not: its number comes with the next of its key.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Its id.
    rule: String,
    settings: String,
    keys: Vec<KeptKey>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptKey {
    key: Vec<u8>,
    touched: Timestamp,
    due: Timestamp,
    begun: Timestamp,
    told: u32,
    count: u64,
}

impl KeptKey {
    fn of(entry: &Entry<Held>) -> Self {
        let Held { begun, told, count, .. } = entry.value;
        Self { key: entry.key.to_vec(), touched: entry.touched, due: entry.due, begun, told, count }
    }
}

/// An alert with the group that its rule's suppression gives it, where it has none.
fn dressed(mut alert: Alert, suppress: &Suppress, event: &Event) -> Alert {
    if let Some(by) = suppress.by.as_deref().filter(|_| alert.group.is_empty()) {
        let values = by.iter().map(|by| {
            let mut value = String::new();
            by.write(event, &[], &mut |text| value.push_str(text));
            (by.name.clone(), Box::<str>::from(value))
        });
        alert.group = values.filter(|(_, value)| !value.is_empty()).collect();
    }
    alert
}

impl By {
    /// Writes the value of the group, or the field's values.
    fn write(&self, event: &Event, group: &[(Box<str>, Box<str>)], out: &mut dyn FnMut(&str)) {
        if let Some((_, value)) = group.iter().find(|(name, _)| *name == self.name) {
            return out(value);
        }
        let Some(field) = self.field else { return };
        let mut left = VALUE_MAX;
        let _ = field.visit(event, &mut |value| {
            if left < VALUE_MAX {
                out(", ");
            }
            value.with_text(|text| {
                let text = text.get(..text.floor_char_boundary(left)).unwrap_or(text);
                out(text);
                left = left.saturating_sub(text.len().max(1));
            });
            match left {
                0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
    }
}

/// An hour: long enough that a burst is one alert, short enough that what goes on all day is told again.
const DEFAULT_SPAN: i64 = 3_600_000_000_000;
const VALUE_MAX: usize = 256;
/// What an alert takes, about.
const ALERT_BYTES: usize = 3 * size_of::<Alert>();
