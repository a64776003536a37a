//! Correlation rules: what single sessions do not tell, and several within a time do.
//!
//! In: which rules an event matched. Out: a [`Firing`] for each correlation that holds with it, and for each whose time span
//! is over. Time is that of the packets; sessions may come a little out of its order. What is remembered is bounded: the
//! group that was touched first is forgotten where there are too many, and counted.

mod bounds;
mod expression;
mod plan;
mod state;
mod window;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::capture::Timestamp;
use crate::event::Event;

use super::behaviour::Salt;
use super::key;
use super::store::{Life, Place, Store};
use super::value::Value;

pub use bounds::{Bounds, Relation};
pub use expression::Expression;
pub use plan::Window;
pub use plan::{Condition, Input, Judgement, Needs, Plan};
pub use state::Kept;
pub use window::{Finding, MATCHES, Statistic};
use window::{Match, Seen};

/// The correlations of a rule set, and how matches come to them.
#[derive(Debug, Default)]
pub struct Plans {
    /// What a correlation builds on comes before it.
    plans: Box<[Numbered]>,
    /// For each rule of the run, which inputs of which plans it feeds.
    feeds: Box<[Box<[Feed]>]>,
    /// Those that are told when a span is over.
    closing: Box<[usize]>,
}

/// A plan, and the rule of the run that it is.
#[derive(Debug)]
pub struct Numbered {
    pub rule: usize,
    pub plan: Plan,
}

/// One input of one plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Feed {
    plan: usize,
    /// Of a session that matches several rules the last ones are shown first.
    input: Reverse<usize>,
}

impl Plans {
    /// `plans` in an order in which none comes before what it builds on; `rules` is the number of all rules.
    pub fn new(plans: Vec<Numbered>, rules: usize) -> Self {
        let mut feeds = vec![Vec::new(); rules];
        for (number, numbered) in plans.iter().enumerate() {
            for (input, fed_by) in numbered.plan.inputs.iter().enumerate() {
                if let Some(feeds) = feeds.get_mut(fed_by.rule) {
                    feeds.push(Feed { plan: number, input: Reverse(input) });
                }
            }
        }
        let told_at_close = |(number, numbered): (usize, &Numbered)| numbered.plan.is_told_at_close().then_some(number);
        let closing = plans.iter().enumerate().filter_map(told_at_close).collect();
        Self { plans: plans.into(), feeds: feeds.into_iter().map(Vec::into_boxed_slice).collect(), closing }
    }

    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    /// Whether any correlation builds on the rule.
    pub fn build_on(&self, rule: usize) -> bool {
        self.feeds.get(rule).is_some_and(|feeds| !feeds.is_empty())
    }
}

/// A correlation that holds.
#[derive(Debug)]
pub struct Firing<'a> {
    /// Its number among the rules of the run.
    pub rule: usize,
    pub plan: &'a Plan,
    pub finding: Finding,
    /// The session that completed it, or the last one of a span that is over.
    pub event: &'a Event,
    /// The values of the group, to be read with [`key::values`].
    pub key: &'a [u8],
}

/// What correlations remember.
#[derive(Debug)]
pub struct Correlations {
    plans: Arc<Plans>,
    store: Store<Group>,
    caps: Caps,
    counters: Counters,
    /// The latest packet time that events tell of.
    now: Timestamp,
    salt: Salt,
    scratch: Scratch,
}

/// How much is remembered at most, over all correlations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    pub groups: usize,
    pub bytes: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { groups: 1_000_000, bytes: 512 << 20 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Groups that were forgotten before their time.
    pub groups_evicted: u64,
    /// Matches that came too late to count.
    pub late_matches: u64,
    /// Numbers that a percentile had no room for.
    pub numbers_left_out: u64,
}

#[derive(Debug)]
struct Group {
    window: Window,
    /// The last session of a window that is told when it is over.
    last: Option<Box<Event>>,
}

/// Room that is used again for each event.
#[derive(Debug, Default)]
struct Scratch {
    fed: BinaryHeap<Reverse<Feed>>,
    key: Vec<u8>,
    /// Keys under which the event counted in the plan at hand already.
    counted: Vec<Vec<u8>>,
    values: Vec<u64>,
    numbers: Vec<i64>,
}

impl Correlations {
    /// `salt` is what values are told apart with: the same in runs that go on from each other.
    pub fn new(plans: Arc<Plans>, caps: Caps, salt: Salt) -> Self {
        Self {
            store: Store::new(plans.plans.len()),
            plans,
            caps,
            counters: Counters::default(),
            now: Timestamp(i64::MIN),
            salt,
            scratch: Scratch::default(),
        }
    }

    pub fn set_caps(&mut self, caps: Caps) {
        self.caps = caps;
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Tells values apart with another salt; what is remembered with the old one is of no use to it.
    pub fn set_salt(&mut self, salt: Salt) {
        self.salt = salt;
    }

    pub fn groups(&self) -> usize {
        self.store.len()
    }

    /// What is remembered takes about so many bytes.
    pub fn bytes(&self) -> usize {
        self.store.bytes()
    }

    /// Takes what an event matched, by the numbers of the rules; tells of the correlations that hold with it.
    pub fn see(&mut self, event: &Event, matched: &[usize], tell: &mut dyn FnMut(&Firing<'_>)) {
        if self.plans.is_empty() {
            return;
        }
        // What was decided by a silence is no packet's time.
        self.now = self.now.max(event.end).max(event.timestamp);
        let plans = self.plans.clone();
        self.close(&plans, Timestamp(self.now.0.saturating_sub(DISORDER)), tell);
        self.feed(&plans, event, matched, tell);
    }

    /// The end of the input: spans that are over by now are judged. Of others it is not known what would have been.
    pub fn finish(&mut self, tell: &mut dyn FnMut(&Firing<'_>)) {
        let plans = self.plans.clone();
        self.close(&plans, self.now, tell);
    }

    /// Goes on with other plans; those that are the same keep what they remember.
    pub fn reload(&mut self, plans: Arc<Plans>) {
        let identities: Vec<u64> = plans.plans.iter().map(|numbered| numbered.plan.identity).collect();
        let before: Vec<u64> = self.plans.plans.iter().map(|numbered| numbered.plan.identity).collect();
        self.store.renumber(identities.len(), |number| {
            let identity = before.get(number)?;
            identities.iter().position(|other| other == identity)
        });
        self.plans = plans;
    }

    /// Judges the windows whose span ended before `now`, and what builds on them.
    fn close(&mut self, plans: &Plans, now: Timestamp, tell: &mut dyn FnMut(&Firing<'_>)) {
        for &number in &plans.closing {
            while let Some(place) = self.store.oldest(number)
                && self.store.get(place).is_some_and(|entry| entry.due < now)
            {
                self.judge(plans, number, place, tell);
            }
        }
    }

    /// Takes a window out that is over, and tells of it if its condition holds.
    fn judge(&mut self, plans: &Plans, number: usize, place: Place, tell: &mut dyn FnMut(&Firing<'_>)) {
        let (Some(entry), Some(numbered)) = (self.store.remove(place), plans.plans.get(number)) else { return };
        let Group { window: Window::Closing(mut closing), last: Some(event) } = entry.value else { return };
        self.counters.numbers_left_out += closing.left_out();
        if numbered.plan.judge(&mut closing) {
            let finding = closing.finding();
            let firing = Firing { rule: numbered.rule, plan: &numbered.plan, finding, event: &event, key: &entry.key };
            tell(&firing);
            self.feed(plans, &event, &[numbered.rule], tell);
        }
    }

    fn feed(&mut self, plans: &Plans, event: &Event, matched: &[usize], tell: &mut dyn FnMut(&Firing<'_>)) {
        // A window that closes on the way feeds as well; each has its own room then.
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.fed.clear();
        let feeds = |rule: &usize| plans.feeds.get(*rule).map_or(&[][..], |feeds| feeds);
        scratch.fed.extend(matched.iter().flat_map(feeds).copied().map(Reverse));
        let mut at_hand = None;
        while let Some(Reverse(Feed { plan: number, input: Reverse(input) })) = scratch.fed.pop() {
            let Some(numbered) = plans.plans.get(number) else { continue };
            if at_hand.replace(number) != Some(number) {
                scratch.counted.clear();
            }
            if let Some((finding, place_key)) = self.show(plans, number, input, event, &mut scratch, tell) {
                let firing = Firing { rule: numbered.rule, plan: &numbered.plan, finding, event, key: &place_key };
                tell(&firing);
                scratch.fed.extend(feeds(&numbered.rule).iter().copied().map(Reverse));
            }
        }
        self.scratch = scratch;
    }

    /// Shows one input of one plan the event.
    fn show(
        &mut self,
        plans: &Plans,
        number: usize,
        input: usize,
        event: &Event,
        scratch: &mut Scratch,
        tell: &mut dyn FnMut(&Firing<'_>),
    ) -> Option<(Finding, Box<[u8]>)> {
        let plan = &plans.plans.get(number)?.plan;
        let source = plan.inputs.get(input)?;
        scratch.key.clear();
        if !key::write(&source.group, event, &mut scratch.key) || !self.read(plan, source, event, scratch) {
            return None;
        }
        if plan.counts_sessions() && plan.inputs.len() > 1 {
            if scratch.counted.contains(&scratch.key) {
                return None;
            }
            scratch.counted.push(scratch.key.clone());
        }
        let found =
            Match { at: event.timestamp, session: event.id, input, values: &scratch.values, numbers: &scratch.numbers };
        let mut place = self.store.find(number, &scratch.key);
        // The span is over as soon as something comes after it.
        if let Some(over) = place.filter(|_| plan.is_told_at_close())
            && self.store.get(over).is_some_and(|entry| entry.due < event.timestamp)
        {
            self.judge(plans, number, over, tell);
            place = None;
        }
        let place = match place {
            Some(place) => place,
            None => {
                self.make_room(number);
                let due = Timestamp(event.timestamp.0.saturating_add(plan.span));
                let life = Life { touched: event.timestamp, due };
                let group = Group { window: plan.window(&found), last: None };
                self.store.insert(number, &scratch.key, life, group)?
            }
        };
        let seen = self.add(plan, place, &found, event);
        match seen {
            Seen::Late => self.counters.late_matches += 1,
            Seen::Kept => self.fit(place),
            Seen::Found(finding) => return self.store.remove(place).map(|entry| (finding, entry.key)),
        }
        None
    }

    fn add(&mut self, plan: &Plan, place: Place, found: &Match<'_>, event: &Event) -> Seen {
        let Some(entry) = self.store.get_mut(place) else { return Seen::Kept };
        let seen = plan.add(&mut entry.value.window, found);
        if seen != Seen::Kept {
            return seen;
        }
        entry.touched = entry.touched.max(found.at);
        let mut heap = entry.value.window.heap();
        if let Window::Closing(closing) = &entry.value.window {
            entry.due = closing.due(plan.span);
            if entry.value.last.as_ref().is_none_or(|last| last.timestamp <= event.timestamp) {
                entry.value.last = Some(Box::new(event.clone()));
            }
            heap += EVENT_BYTES;
        } else {
            entry.due = Timestamp(entry.touched.0.saturating_add(plan.span));
            self.store.renew(place);
        }
        self.store.weigh(place, heap);
        seen
    }

    /// The values that the plan looks at; false where it needs some and there are none.
    fn read(&self, plan: &Plan, source: &Input, event: &Event, scratch: &mut Scratch) -> bool {
        scratch.values.clear();
        scratch.numbers.clear();
        match plan.needs() {
            Needs::Nothing => true,
            Needs::Values => match &*source.counted {
                [field] => {
                    let _ = field.visit(event, &mut |value| {
                        scratch.values.push(self.salt.text(&value).short());
                        ControlFlow::Continue(())
                    });
                    !scratch.values.is_empty()
                }
                // What is counted are the combinations.
                several => {
                    let begin = scratch.key.len();
                    let whole = key::write(several, event, &mut scratch.key);
                    scratch.values.push(self.salt.bytes(scratch.key.get(begin..).unwrap_or_default()).short());
                    scratch.key.truncate(begin);
                    whole
                }
            },
            Needs::Numbers => {
                for field in &source.counted {
                    let _ = field.visit(event, &mut |value| {
                        match value {
                            Value::Integer(number) => scratch.numbers.push(number),
                            Value::Code(code) => scratch.numbers.push(code.into()),
                            _ => {}
                        }
                        ControlFlow::Continue(())
                    });
                }
                !scratch.numbers.is_empty()
            }
        }
    }

    /// Before a group is added: some that are over go, and the oldest where there are as many as there may be.
    fn make_room(&mut self, number: usize) {
        let over = Timestamp(self.now.0.saturating_sub(DISORDER));
        if !self.plans.plans.get(number).is_some_and(|numbered| numbered.plan.is_told_at_close()) {
            for _ in 0..2 {
                match self.store.oldest(number) {
                    Some(place) if self.store.get(place).is_some_and(|entry| entry.due < over) => {
                        self.store.remove(place);
                    }
                    _ => break,
                }
            }
        }
        while self.store.len() >= self.caps.groups.max(1) {
            match self.store.oldest_of_all() {
                Some(place) => self.evict(place),
                None => break,
            }
        }
    }

    /// After a group has grown: the oldest others go while all together are too large.
    fn fit(&mut self, grown: Place) {
        while self.store.bytes() > self.caps.bytes {
            match self.store.oldest_of_all() {
                Some(place) if place != grown => self.evict(place),
                _ => break,
            }
        }
    }

    fn evict(&mut self, place: Place) {
        let is_over = self.store.get(place).is_some_and(|entry| entry.due < self.now);
        let is_closing = |group: &Group| matches!(group.window, Window::Closing(_));
        if let Some(entry) = self.store.remove(place)
            && (!is_over || is_closing(&entry.value))
        {
            self.counters.groups_evicted += 1;
        }
    }
}

/// How long a session may be told after the moment at which it began, in nanoseconds: until then it counts in its place. A
/// flow that falls silent is told after a minute.
const DISORDER: i64 = 60_000_000_000;

/// What a session takes that is kept to be told later, about.
const EVENT_BYTES: usize = 2 * size_of::<Event>();
