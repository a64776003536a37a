//! Threads: where frames come in, engines that share them, and the one place where their events go out.
//!
//! In: a [`Source`] and a [`Plan`]. Out: what the plan's sinks get, and an [`Outcome`]. With one thread everything runs on
//! the caller's; with more, the caller's thread reads and hands offsets to shards, whose events meet in one outlet thread.

mod analysis;
mod clock;
mod fanout;
mod gather;
mod order;
mod outlet;
mod shards;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::Error;
use crate::capture::{Batch, Fill, Filter, Source};
use crate::config::Limits;
use crate::detect::{Detector, Level, Rules, ThreatLists};
use crate::engine::Shard;
use crate::event::Event;
use crate::flow::Hasher;
use crate::judge::{Judge, Measures};
use crate::keep::Feed;
use crate::sink::Sink;
use crate::stats::{Counters, Lane, Ledger};

pub use fanout::{Aside, run as run_fanout};
pub use gather::sessions;

pub use shards::OUTLET_QUEUE;

use analysis::Analysis;
use outlet::{Detection, Outlet, Told};

/// What a run is to do.
pub struct Plan {
    /// Engines at work side by side; at least 1.
    pub threads: usize,
    pub limits: Limits,
    pub hasher: Hasher,
    pub filter: Option<Filter>,
    pub measures: Measures,
    pub detector: Option<Detector>,
    /// Rules, lists and labels that come while the run lasts; each takes the place of those before.
    pub renewals: Option<Receiver<Renewal>>,
    pub sinks: Vec<Box<dyn Sink>>,
    /// Where packets go that are kept.
    pub keep: Option<Feed>,
    /// `observer.name` of its statistics.
    pub sensor: String,
    pub pace: Pace,
    /// Where the run's figures stand while it lasts. It has a place for each of the threads.
    pub ledger: Arc<Ledger>,
}

impl Plan {
    /// Whole captures, without rules.
    pub fn of_captures(threads: usize, measures: Measures, sinks: Vec<Box<dyn Sink>>) -> Self {
        Self {
            threads,
            limits: Limits::default(),
            hasher: Hasher::random(),
            filter: None,
            measures,
            detector: None,
            renewals: None,
            sinks,
            keep: None,
            sensor: String::new(),
            pace: Pace::Offline,
            ledger: Arc::new(Ledger::new(threads)),
        }
    }
}

/// What a run goes by from some time on, in the place of what was.
#[derive(Debug)]
pub struct Renewal {
    pub rules: Rules,
    pub lists: Arc<ThreatLists>,
    pub measures: Measures,
    /// Of which those of rules, alerts and chains are taken on: what holds packets stays as it is.
    pub limits: Limits,
}

/// Who waits for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The source waits for the sinks: nothing is lost.
    Offline,
    /// So it does; what is known is told at once, for more may be long in coming.
    Following,
    /// The sinks wait for the source. Events that they cannot take in time are shed and counted.
    Live { stats_interval: Duration },
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    pub counters: Counters,
    pub alerts: u64,
    pub highest_alert: Option<Level>,
    /// Lines about what could not be delivered.
    pub complaints: Vec<String>,
}

/// Reads a source to its end. `observe` is called after each batch, with the source and the frames read so far; what
/// it counts is added to the statistics.
pub fn run<S: Source>(
    source: &mut S,
    mut plan: Plan,
    observe: &mut dyn FnMut(&mut S, &mut Counters),
) -> Result<Outcome, Error> {
    let outlet = plan.outlet();
    if plan.threads > 1 { shards::run(source, plan, outlet, observe) } else { run_alone(source, plan, outlet, observe) }
}

impl Plan {
    /// The place where events meet. What it takes from the plan is no longer in it.
    fn outlet(&mut self) -> Outlet {
        let judge = Judge::new(self.measures.clone());
        let detection = Detection { detector: self.detector.take(), renewals: self.renewals.take() };
        let told = Told { sensor: std::mem::take(&mut self.sensor), ledger: Arc::clone(&self.ledger) };
        Outlet::new(judge, detection, std::mem::take(&mut self.sinks), told)
    }
}

fn run_alone<S: Source>(
    source: &mut S,
    plan: Plan,
    mut outlet: Outlet,
    observe: &mut dyn FnMut(&mut S, &mut Counters),
) -> Result<Outcome, Error> {
    let Plan { limits, hasher, mut filter, keep, pace, ledger, .. } = plan;
    let mut analysis = Analysis::new(limits, Shard::whole(hasher), pace, keep.map(|feed| feed.keeper()));
    let (mut batch, mut events) = (Batch::new(), Events::new());
    let mut seen_outside = Counters::default();
    let mut clock = Ticker::new(pace);
    let read = loop {
        let quiet = match source.fill(&mut batch) {
            Ok(Fill::More) => None,
            Ok(Fill::Quiet(since)) => Some(since),
            Ok(Fill::End) => break Ok(()),
            // What was read before is still told.
            Err(error) => break Err(error),
        };
        if let Some(filter) = &mut filter {
            filter.apply(&mut batch);
        }
        let before = events.len();
        let latest = order::latest(&batch.slots);
        analysis.take(&mut batch, latest, &mut events);
        if let Some(latest) = latest {
            ledger.see(latest.0);
        }
        if let Some(now) = latest.or(quiet) {
            analysis.expire(now, &mut events);
        }
        order::sort(events.get_mut(before..).unwrap_or_default());
        observe(source, &mut seen_outside);
        ledger.tell(Lane::Reader, of_packets(sum(&analysis.counters(), &seen_outside)));
        let due = match pace {
            Pace::Offline => events.len() >= EVENTS,
            Pace::Following | Pace::Live { .. } => true,
        };
        if due && outlet.take(std::mem::replace(&mut events, Vec::with_capacity(2 * EVENTS)))?.is_break() {
            return outlet.finish(sum(&analysis.counters(), &seen_outside));
        }
        if pace != Pace::Offline {
            let now = sum(&analysis.counters(), &seen_outside);
            if clock.tick() && outlet.stats(now)?.is_break() || outlet.flush()?.is_break() {
                return outlet.finish(now);
            }
        }
    };
    let before = events.len();
    analysis.finish(&mut events);
    order::sort(events.get_mut(before..).unwrap_or_default());
    let _: ControlFlow<()> = outlet.take(events)?;
    let outcome = outlet.finish(sum(&analysis.counters(), &seen_outside));
    ledger.ended(Lane::Reader);
    read.and(outcome)
}

/// Sessions are counted where they are told.
fn of_packets(counters: Counters) -> Counters {
    Counters { sessions: 0, ..counters }
}

/// Says when an interval is over.
struct Ticker {
    interval: Option<Duration>,
    next: Instant,
}

impl Ticker {
    fn new(pace: Pace) -> Self {
        let interval = match pace {
            Pace::Offline | Pace::Following => None,
            Pace::Live { stats_interval } => Some(stats_interval),
        };
        Self { interval, next: Instant::now() + interval.unwrap_or_default() }
    }

    fn tick(&mut self) -> bool {
        let Some(interval) = self.interval.filter(|_| Instant::now() >= self.next) else { return false };
        self.next += interval;
        true
    }
}

fn sum(a: &Counters, b: &Counters) -> Counters {
    let mut sum = *a;
    sum.add(b);
    sum
}

/// Events that go out together: few enough to stay in the cache until they are printed.
const EVENTS: usize = 64;

type Events = Vec<Event>;
