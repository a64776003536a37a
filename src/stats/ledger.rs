//! Where the threads of a run tell what they have counted and that they are alive, and whoever asks reads it.
//!
//! Told once for each batch of packets, never for a packet: each thread has a place of its own, so that none waits.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Counters, InterfaceCounters, Kept, KeptCounters};

/// The figures of a run while it lasts.
#[derive(Debug)]
pub struct Ledger {
    begun: Instant,
    phase: AtomicU8,
    reader: Page,
    outlet: Page,
    shards: Box<[Page]>,
    interfaces: Mutex<Vec<InterfaceCounters>>,
    /// By level, from the lowest.
    alerts: [AtomicU64; 5],
    /// Batches of events that wait for the outlet.
    queued: AtomicU64,
    /// The time of the newest packet, in nanoseconds since 1970.
    latest: AtomicI64,
    /// Of the rolling capture, where there is one.
    kept: OnceLock<Arc<Kept>>,
}

/// A thread of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Takes packets in.
    Reader,
    /// Analyses them.
    Shard(usize),
    /// Hands events to rules and outputs.
    Outlet,
}

impl Lane {
    pub fn name(self) -> String {
        match self {
            Self::Reader => "reader".to_owned(),
            Self::Outlet => "outlet".to_owned(),
            Self::Shard(index) => format!("shard-{index}"),
        }
    }
}

/// How far the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    #[default]
    Starting,
    Running,
    Stopping,
}

#[derive(Debug, Default)]
struct Page {
    counters: Mutex<Counters>,
    /// Milliseconds from the beginning to the last sign of life.
    beat: AtomicU64,
    /// Whether the thread has begun and not ended.
    works: AtomicU8,
}

impl Ledger {
    pub fn new(shards: usize) -> Self {
        Self {
            begun: Instant::now(),
            phase: AtomicU8::new(Phase::Starting as u8),
            reader: Page::default(),
            outlet: Page::default(),
            shards: (0..shards).map(|_| Page::default()).collect(),
            interfaces: Mutex::default(),
            alerts: Default::default(),
            queued: AtomicU64::new(0),
            latest: AtomicI64::new(0),
            kept: OnceLock::new(),
        }
    }

    /// Threads that analyse.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// All that a thread has counted so far. It is a sign of life too.
    pub fn tell(&self, lane: Lane, counters: Counters) {
        let Some(page) = self.page(lane) else { return };
        *locked(&page.counters) = counters;
        self.beat(lane);
    }

    /// A sign of life.
    pub fn beat(&self, lane: Lane) {
        let Some(page) = self.page(lane) else { return };
        page.beat.store(self.milliseconds(), Ordering::Relaxed);
        page.works.store(1, Ordering::Relaxed);
    }

    /// The thread has ended: no more signs of life are to be waited for.
    pub fn ended(&self, lane: Lane) {
        if let Some(page) = self.page(lane) {
            page.works.store(0, Ordering::Relaxed);
        }
    }

    /// The sum of what all have told.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for (_, page) in self.pages() {
            sum.add(&locked(&page.counters));
        }
        sum
    }

    /// The threads at work, and for how long they have given no sign of life.
    pub fn silences(&self) -> impl Iterator<Item = (Lane, Duration)> {
        let now = self.milliseconds();
        self.pages().filter(|(_, page)| page.works.load(Ordering::Relaxed) == 1).map(move |(lane, page)| {
            (lane, Duration::from_millis(now.saturating_sub(page.beat.load(Ordering::Relaxed))))
        })
    }

    /// Takes note of an interface; the number is its place.
    pub fn add_interface(&self, name: Arc<str>) -> usize {
        let mut interfaces = locked(&self.interfaces);
        interfaces.push(InterfaceCounters { name, packets: 0, losses: Default::default() });
        interfaces.len() - 1
    }

    /// Changes the figures of an interface.
    pub fn interface(&self, place: usize, change: impl FnOnce(&mut InterfaceCounters)) {
        if let Some(interface) = locked(&self.interfaces).get_mut(place) {
            change(interface);
        }
    }

    pub fn interfaces(&self) -> Vec<InterfaceCounters> {
        locked(&self.interfaces).clone()
    }

    /// Counts an alert of a level, from 0 (the lowest).
    pub fn alert(&self, level: usize) {
        if let Some(count) = self.alerts.get(level) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Alerts by level, from the lowest.
    pub fn alerts(&self) -> [u64; 5] {
        self.alerts.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    pub fn set_queued(&self, batches: usize) {
        self.queued.store(batches as u64, Ordering::Relaxed);
    }

    pub fn queued(&self) -> u64 {
        self.queued.load(Ordering::Relaxed)
    }

    /// The time of a batch's latest packet, in nanoseconds since 1970. Of the last batch that was seen: where the clock was
    /// set back, this goes back too.
    pub fn see(&self, nanoseconds: i64) {
        self.latest.store(nanoseconds, Ordering::Relaxed);
    }

    /// 0 before the first packet.
    pub fn latest(&self) -> i64 {
        self.latest.load(Ordering::Relaxed)
    }

    /// Packets are kept, and counted there. Said once.
    pub fn set_kept(&self, kept: Arc<Kept>) {
        let _ = self.kept.set(kept);
    }

    /// What a rolling capture has kept so far, where there is one.
    pub fn kept(&self) -> Option<KeptCounters> {
        self.kept.get().map(|kept| kept.counters())
    }

    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Running,
            _ => Phase::Stopping,
        }
    }

    pub fn running_for(&self) -> Duration {
        self.begun.elapsed()
    }

    fn page(&self, lane: Lane) -> Option<&Page> {
        match lane {
            Lane::Reader => Some(&self.reader),
            Lane::Outlet => Some(&self.outlet),
            Lane::Shard(index) => self.shards.get(index),
        }
    }

    fn pages(&self) -> impl Iterator<Item = (Lane, &Page)> {
        let shards = self.shards.iter().enumerate().map(|(index, page)| (Lane::Shard(index), page));
        [(Lane::Reader, &self.reader), (Lane::Outlet, &self.outlet)].into_iter().chain(shards)
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Figures are whole at any time: who panicked while writing them has written them or not.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A silence after which a thread is stuck: every one gives a sign of life ten times a second.
pub const STUCK: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_of_what_each_told_last() {
        let ledger = Ledger::new(2);
        let flows = |flows| Counters { flows, ..Counters::default() };
        ledger.tell(Lane::Shard(0), flows(3));
        ledger.tell(Lane::Shard(0), flows(4));
        ledger.tell(Lane::Shard(1), flows(10));
        ledger.tell(Lane::Reader, Counters { packets: 7, ..Counters::default() });
        ledger.tell(Lane::Shard(2), flows(100));
        assert_eq!(ledger.counters(), Counters { packets: 7, ..flows(14) });
    }

    #[test]
    fn who_has_not_begun_or_has_ended_is_not_silent() {
        let ledger = Ledger::new(2);
        assert_eq!(ledger.silences().count(), 0);
        ledger.beat(Lane::Shard(1));
        ledger.beat(Lane::Outlet);
        let lanes: Vec<Lane> = ledger.silences().map(|(lane, _)| lane).collect();
        assert_eq!(lanes, [Lane::Outlet, Lane::Shard(1)]);
        ledger.ended(Lane::Outlet);
        assert_eq!(ledger.silences().count(), 1);
    }
}
