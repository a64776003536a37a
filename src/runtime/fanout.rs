//! Several sources side by side, each with an engine of its own: the kernel has dealt the packets out, all of a pair of
//! addresses to one source. For interfaces alone: who is slow loses, and nobody waits.
//!
//! Events are told in the order in which their shards know them. Between shards it is the order of time but for the
//! fraction of a second for which packets lie in a ring.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use super::analysis::Analysis;
use super::order::{self, Meeting};
use super::shards::{OUTLET_QUEUE, Telling, join, pour, tell_or_shed};
use super::{Events, Outcome, Pace, Plan, Ticker, of_packets, sum};
use crate::Error;
use crate::capture::{Batch, Fill, Filter, Source, Timestamp};
use crate::config::Limits;
use crate::engine::Shard;
use crate::event::Event;
use crate::flow::Hasher;
use crate::keep::Keeper;
use crate::stats::{Counters, Lane, Ledger};

/// What is done beside the analysis, on a source's own thread.
pub struct Aside<'a, S> {
    /// After each batch: what was counted outside of the engine is added.
    pub count: &'a (dyn Fn(&mut S, &mut Counters) + Sync),
    /// Sessions that are told.
    pub told: &'a (dyn Fn(&mut S, &[Event]) + Sync),
}

impl<S> Clone for Aside<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Aside<'_, S> {}

/// Reads all sources to their ends, and gives them back; one that fails ends the others. `filter` is compiled for each of them.
pub fn run<S: Source + Send>(
    sources: Vec<S>,
    mut plan: Plan,
    filter: Option<&str>,
    aside: Aside<'_, S>,
) -> Result<(Outcome, Vec<S>), Error> {
    let outlet = plan.outlet();
    let Plan { limits, hasher, keep, pace, ledger, .. } = plan;
    let count = sources.len().max(1);
    let limits = Limits {
        max_flows: (limits.max_flows / count).max(1),
        max_unanswered: (limits.max_unanswered / count).max(1),
        ..limits
    };
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (to_outlet, tellings) = bounded::<Telling>(OUTLET_QUEUE);
        let outlet = scope.spawn(move || pour(outlet, tellings, Meeting::new(0), pace));
        let mut shards = Vec::new();
        for (index, source) in sources.into_iter().enumerate() {
            let worker = Worker {
                index,
                limits: limits.clone(),
                hasher: hasher.clone(),
                filter: filter.map(Filter::new).transpose()?,
                pace,
                keeper: keep.as_ref().map(|feed| feed.keeper()),
                to_outlet: to_outlet.clone(),
                ledger: Arc::clone(&ledger),
                stop: &stop,
            };
            shards.push(scope.spawn(move || worker.work(source, aside)));
        }
        let mut clock = Ticker::new(pace);
        while !shards.iter().all(|shard| shard.is_finished()) {
            thread::sleep(PERIOD);
            ledger.set_queued(to_outlet.len());
            if clock.tick() {
                let _ = to_outlet.try_send(Telling::Stats);
            }
        }
        let (mut counters, mut read, mut sources) = (Counters::default(), Ok(()), Vec::new());
        for Ended { source, counters: own, end } in shards.into_iter().map(join) {
            counters.add(&own);
            read = read.and(end);
            sources.push(source);
        }
        let _ = to_outlet.send(Telling::End(counters));
        drop(to_outlet);
        let outcome = join(outlet);
        read.and(outcome).map(|outcome| (outcome, sources))
    })
}

/// What is left of a source's thread.
struct Ended<S> {
    source: S,
    counters: Counters,
    end: Result<(), Error>,
}

/// A source's thread.
struct Worker<'a> {
    index: usize,
    limits: Limits,
    hasher: Hasher,
    filter: Option<Filter>,
    pace: Pace,
    keeper: Option<Keeper>,
    to_outlet: Sender<Telling>,
    ledger: Arc<Ledger>,
    /// Set where another has failed.
    stop: &'a AtomicBool,
}

impl Worker<'_> {
    fn work<S: Source>(mut self, mut source: S, aside: Aside<'_, S>) -> Ended<S> {
        let shard = Shard::whole(self.hasher.clone());
        let mut analysis = Analysis::new(self.limits.clone(), shard, self.pace, self.keeper.take());
        let (mut batch, mut outside) = (Batch::new(), Counters::default());
        let end = loop {
            let quiet = match source.fill(&mut batch) {
                Ok(_) if self.stop.load(Ordering::Relaxed) => break Ok(()),
                Ok(Fill::More) => None,
                Ok(Fill::Quiet(since)) => Some(since),
                Ok(Fill::End) => break Ok(()),
                Err(error) => {
                    self.stop.store(true, Ordering::Relaxed);
                    break Err(error);
                }
            };
            if let Some(filter) = &mut self.filter {
                filter.apply(&mut batch);
            }
            let now = self.now(&batch);
            let mut events = Events::new();
            analysis.take(&mut batch, now, &mut events);
            if let Some(now) = now.max(quiet) {
                analysis.expire(now, &mut events);
            }
            order::sort(&mut events);
            (aside.count)(&mut source, &mut outside);
            (aside.told)(&mut source, &events);
            let told = self.tell(events, &mut outside);
            self.ledger.tell(Lane::Shard(self.index), of_packets(sum(&analysis.counters(), &outside)));
            if told.is_break() {
                break Ok(());
            }
        };
        let mut events = Events::new();
        analysis.finish(&mut events);
        order::sort(&mut events);
        let _: ControlFlow<()> = self.tell(events, &mut outside);
        self.ledger.ended(Lane::Shard(self.index));
        Ended { source, counters: sum(&analysis.counters(), &outside), end }
    }

    /// Up to when all is known: the latest packet's time. Where none has come here, it is that of the others, less what
    /// may still lie in the ring.
    fn now(&self, batch: &Batch) -> Option<Timestamp> {
        match order::latest(&batch.slots) {
            Some(latest) => {
                self.ledger.see(latest.0);
                Some(latest)
            }
            None => Some(self.ledger.latest()).filter(|latest| *latest > LAG).map(|latest| Timestamp(latest - LAG)),
        }
    }

    fn tell(&self, events: Events, outside: &mut Counters) -> ControlFlow<()> {
        // An empty one is how the outlet is known to live, where nothing else waits for it. Behind others it would take the
        // place of one with events.
        if events.is_empty() && !self.to_outlet.is_empty() {
            return ControlFlow::Continue(());
        }
        tell_or_shed(&self.to_outlet, Telling::Loose(events), &mut outside.events_shed)
    }
}

const PERIOD: Duration = Duration::from_millis(50);
/// Nanoseconds after which a packet has left its ring.
const LAG: i64 = 1_000_000_000;
