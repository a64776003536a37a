//! Several engines on one source: the reader looks at each frame's addresses and ports, and hands its place to the shard
//! that its flow belongs to. Both directions of a flow come to one shard, in order. Every shard hears of every batch.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::analysis::{Analysis, keep_all};
use super::order::{self, Meeting};
use super::outlet::Outlet;
use super::{EVENTS, Events, Outcome, Pace, Plan, Ticker, of_packets, sum};
use crate::Error;
use crate::capture::{Batch, Fill, Source, Timestamp};
use crate::config::Limits;
use crate::decode::{self, Skip, Trail};
use crate::engine::Shard;
use crate::flow::{Hasher, Key};
use crate::keep::{Keeper, What};
use crate::stats::{Counters, Lane, Ledger};

pub(super) fn run<S: Source>(
    source: &mut S,
    plan: Plan,
    outlet: Outlet,
    observe: &mut dyn FnMut(&mut S, &mut Counters),
) -> Result<Outcome, Error> {
    let Plan { threads, limits, hasher, filter, keep, pace, ledger, .. } = plan;
    // What comes is all with the reader; what is read of it shows in the shards.
    let keeper = |what| keep.as_ref().filter(|feed| feed.what() == what).map(|feed| feed.keeper());
    thread::scope(|scope| {
        let (to_outlet, for_outlet) = bounded::<Telling>(OUTLET_QUEUE);
        let outlet = scope.spawn(move || pour(outlet, for_outlet, Meeting::new(threads), pace));
        let mut shards = Vec::new();
        let mut batches = Vec::new();
        for index in 0..threads {
            let (to_shard, for_shard) = bounded::<Work>(SHARD_QUEUE);
            let shard = Shard { hasher: hasher.clone(), index, count: threads };
            let worker = Worker {
                shard,
                limits: limits.clone(),
                keeper: keeper(What::Handshakes),
                to_outlet: to_outlet.clone(),
                pace,
                ledger: Arc::clone(&ledger),
            };
            shards.push(scope.spawn(move || worker.work(for_shard)));
            batches.push(Hand { to_shard, batch: Batch::new() });
        }
        let counters = Counters::default();
        let mut reader = Reader { hands: batches, hasher, filter, keeper: keeper(What::All), counters, dealt: 0 };
        let mut clock = Ticker::new(pace);
        let mut batch = Batch::new();
        let mut outside = Counters::default();
        let read = loop {
            let quiet = match source.fill(&mut batch) {
                Ok(Fill::More) => None,
                Ok(Fill::Quiet(since)) => Some(since),
                Ok(Fill::End) => break Ok(()),
                Err(error) => break Err(error),
            };
            if reader.deal(&mut batch, quiet).is_break() {
                break Ok(());
            }
            observe(source, &mut outside);
            ledger.tell(Lane::Reader, sum(&reader.counters, &outside));
            if let Some(latest) = order::latest(&batch.slots) {
                ledger.see(latest.0);
            }
            ledger.set_queued(to_outlet.len());
            if clock.tick() {
                let _ = to_outlet.try_send(Telling::Stats);
            }
        };
        let mut counters = sum(&reader.counters, &outside);
        drop(reader);
        ledger.ended(Lane::Reader);
        for (index, shard) in shards.into_iter().enumerate() {
            counters.add(&own_share(join(shard), index));
        }
        let _ = to_outlet.send(Telling::End(counters));
        drop(to_outlet);
        let outcome = join(outlet);
        read.and(outcome)
    })
}

/// What comes to the outlet.
pub(super) enum Telling {
    /// All that a shard has to tell of a batch.
    Batch {
        shard: usize,
        number: u64,
        events: Events,
    },
    /// Events that wait for no other shard's.
    Loose(Events),
    Stats,
    End(Counters),
}

/// Gives each frame to its shard.
struct Reader {
    hands: Vec<Hand>,
    hasher: Hasher,
    filter: Option<crate::capture::Filter>,
    keeper: Option<Keeper>,
    counters: Counters,
    /// Batches so far.
    dealt: u64,
}

/// A shard's queue, and what goes into it next.
struct Hand {
    to_shard: Sender<Work>,
    batch: Batch,
}

/// A shard's share of a batch, and the latest time in the whole of it.
struct Work {
    number: u64,
    batch: Batch,
    now: Option<Timestamp>,
}

impl Reader {
    /// Deals a batch out; [`ControlFlow::Break`] where the shards have ended.
    ///
    /// `quiet` is the time up to which an empty batch says that nothing comes.
    fn deal(&mut self, batch: &mut Batch, quiet: Option<Timestamp>) -> ControlFlow<()> {
        if let Some(filter) = &mut self.filter {
            filter.apply(batch);
        }
        if let Some(keeper) = &mut self.keeper {
            keep_all(batch, keeper);
        }
        let count = self.hands.len();
        let lost = batch.lost.take();
        for hand in &mut self.hands {
            hand.batch.lost = lost;
            hand.batch.store = batch.store.clone();
            hand.batch.slots = Vec::with_capacity(batch.slots.len().div_ceil(count) * 5 / 4);
        }
        let bytes = batch.store.bytes();
        let mut trail = Trail::default();
        for slot in &batch.slots {
            let Some(frame) = slot.frame(bytes) else { continue };
            trail.clear();
            self.counters.packets += 1;
            self.counters.bytes += u64::from(frame.wire_len);
            match decode::decode(&frame, &mut trail) {
                Ok(packet) => {
                    let (key, _) = Key::of(&packet);
                    let shard = Shard::of(self.hasher.hash(&key), count);
                    if let Some(hand) = self.hands.get_mut(shard) {
                        hand.batch.slots.push(*slot);
                    }
                }
                Err(Skip::Fragment(_)) => self.hands.iter_mut().for_each(|hand| hand.batch.slots.push(*slot)),
                Err(Skip::Malformed) => self.counters.packets_malformed += 1,
                Err(Skip::NotIp | Skip::OtherTransport | Skip::UnknownLink) => self.counters.packets_ignored += 1,
            }
        }
        self.dealt += 1;
        let (number, now) = (self.dealt, order::latest(&batch.slots).or(quiet));
        for hand in &mut self.hands {
            let work = Work { number, batch: std::mem::take(&mut hand.batch), now };
            if hand.to_shard.send(work).is_err() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

/// A shard's thread.
struct Worker {
    shard: Shard,
    limits: Limits,
    keeper: Option<Keeper>,
    to_outlet: Sender<Telling>,
    pace: Pace,
    ledger: Arc<Ledger>,
}

impl Worker {
    fn work(mut self, works: Receiver<Work>) -> Counters {
        let counters = self.work_off(works);
        self.ledger.ended(Lane::Shard(self.shard.index));
        counters
    }

    fn work_off(&mut self, works: Receiver<Work>) -> Counters {
        let mut analysis = Analysis::new(self.limits.clone(), self.shard.clone(), self.pace, self.keeper.take());
        let mut shed = 0;
        let mut last = 0;
        for Work { number, mut batch, now } in works {
            let mut events = Events::new();
            analysis.take(&mut batch, now, &mut events);
            if let Some(now) = now {
                analysis.expire(now, &mut events);
            }
            last = number;
            if self.tell(number, events, &mut shed).is_break() {
                return Counters { events_shed: shed, ..analysis.counters() };
            }
            let index = self.shard.index;
            let counters = Counters { events_shed: shed, ..analysis.counters() };
            self.ledger.tell(Lane::Shard(index), of_packets(own_share(counters, index)));
        }
        let mut events = Events::new();
        analysis.finish(&mut events);
        let _ = self.tell(last + 1, events, &mut shed);
        Counters { events_shed: shed, ..analysis.counters() }
    }

    fn tell(&self, number: u64, events: Events, shed: &mut u64) -> ControlFlow<()> {
        let telling = Telling::Batch { shard: self.shard.index, number, events };
        match self.pace {
            Pace::Offline | Pace::Following => match self.to_outlet.send(telling) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            },
            Pace::Live { .. } => tell_or_shed(&self.to_outlet, telling, shed),
        }
    }
}

/// Tells the outlet, unless its queue is full: nobody waits for an output while packets come.
pub(super) fn tell_or_shed(to_outlet: &Sender<Telling>, telling: Telling, shed: &mut u64) -> ControlFlow<()> {
    match to_outlet.try_send(telling) {
        Ok(()) => ControlFlow::Continue(()),
        Err(TrySendError::Full(Telling::Batch { events, .. } | Telling::Loose(events))) => {
            *shed += events.len() as u64;
            ControlFlow::Continue(())
        }
        Err(TrySendError::Full(_)) => ControlFlow::Continue(()),
        Err(TrySendError::Disconnected(_)) => ControlFlow::Break(()),
    }
}

/// The outlet's thread: ends when the run does, or when nobody reads any more, on which the shards' queue closes.
pub(super) fn pour(
    mut outlet: Outlet,
    tellings: Receiver<Telling>,
    mut meeting: Meeting,
    pace: Pace,
) -> Result<Outcome, Error> {
    let mut counters = Counters::default();
    let mut events = Events::new();
    loop {
        let telling = match pace {
            Pace::Offline => tellings.recv().ok(),
            Pace::Following | Pace::Live { .. } => match tellings.try_recv() {
                Ok(telling) => Some(telling),
                // Nothing more at once: what is buffered is shown before the next wait.
                Err(_) if outlet.flush()?.is_break() => None,
                Err(_) => tellings.recv().ok(),
            },
        };
        outlet.beat();
        let flow = match telling {
            None => break,
            Some(Telling::Batch { shard, number, events: told }) => {
                meeting.put(shard, number, told);
                while let Some(batch) = meeting.take() {
                    events.extend(batch);
                }
                let due = pace != Pace::Offline || events.len() >= EVENTS;
                if due { outlet.take(std::mem::take(&mut events))? } else { ControlFlow::Continue(()) }
            }
            Some(Telling::Loose(events)) => outlet.take(events)?,
            Some(Telling::Stats) => outlet.stats(outlet.counters())?,
            Some(Telling::End(all)) => {
                counters = all;
                while let Some(batch) = meeting.take_early() {
                    events.extend(batch);
                }
                let _: ControlFlow<()> = outlet.take(std::mem::take(&mut events))?;
                ControlFlow::Break(())
            }
        };
        if flow.is_break() {
            break;
        }
    }
    drop(tellings);
    outlet.finish(counters)
}

/// What a shard has counted and no other has, nor the reader. Fragments go to all shards.
fn own_share(counters: Counters, index: usize) -> Counters {
    let own = Counters { packets: 0, bytes: 0, ..counters };
    if index == 0 {
        return own;
    }
    Counters { packets_ignored: 0, packets_malformed: 0, fragments: 0, fragments_dropped: 0, ..own }
}

pub(super) fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Batches that wait for a shard.
const SHARD_QUEUE: usize = 8;
/// Batches of events that wait for the outlet.
pub const OUTLET_QUEUE: usize = 256;
