//! The order in which events are told: that of the moments at which they were known, whatever the number of threads.
//!
//! In: the events of each batch of packets, from every shard. Out: the events of one batch after the other, each batch's
//! in order. A batch's last act is to end what is over by its packets' time, so what is known later is a later batch's:
//! while the capture's clock does not run backwards, the order is that of time throughout. Where it does, batches follow
//! each other as the packets did.

use std::collections::VecDeque;

use super::Events;
use crate::capture::{Slot, Timestamp};
use crate::event::Event;

/// The latest time in a batch: what is silent since long before is over.
pub(super) fn latest(slots: &[Slot]) -> Option<Timestamp> {
    slots.iter().map(|slot| slot.ts).max()
}

/// Puts a batch's events in order.
pub(super) fn sort(events: &mut [Event]) {
    let key = |event: &Event| (event.decided, event.timestamp, event.id);
    // Most come in order, and are large to move.
    if !events.is_sorted_by_key(key) {
        events.sort_by_key(key);
    }
}

/// Waits for the events that each shard has for a batch.
pub(super) struct Meeting {
    lanes: Vec<Lane>,
}

/// What one shard has told.
struct Lane {
    /// Batches with events, by their numbers.
    batches: VecDeque<(u64, Events)>,
    /// The last batch of which the shard has told everything.
    told: Option<u64>,
}

impl Meeting {
    pub(super) fn new(shards: usize) -> Self {
        Self { lanes: (0..shards).map(|_| Lane { batches: VecDeque::new(), told: None }).collect() }
    }

    /// Takes what a shard has to tell of a batch; what it had to tell of those before has come, or never will.
    pub(super) fn put(&mut self, shard: usize, batch: u64, events: Events) {
        let Some(lane) = self.lanes.get_mut(shard) else { return };
        lane.told = Some(batch);
        if !events.is_empty() {
            lane.batches.push_back((batch, events));
        }
    }

    /// The events of the next batch that has some and of which all shards have told.
    pub(super) fn take(&mut self) -> Option<Events> {
        let told = self.lanes.iter().map(|lane| lane.told).min().flatten()?;
        let next = self.lanes.iter().filter_map(Lane::next).min().filter(|&batch| batch <= told)?;
        self.take_batch(next)
    }

    /// The events of the next batch that has some, whether all have told of it or not.
    pub(super) fn take_early(&mut self) -> Option<Events> {
        let next = self.lanes.iter().filter_map(Lane::next).min()?;
        self.take_batch(next)
    }

    fn take_batch(&mut self, batch: u64) -> Option<Events> {
        let mut all: Option<Events> = None;
        for lane in self.lanes.iter_mut().filter(|lane| lane.next() == Some(batch)) {
            let events = lane.batches.pop_front().map(|(_, events)| events).unwrap_or_default();
            match &mut all {
                None => all = Some(events),
                Some(all) => all.extend(events),
            }
        }
        if let Some(all) = &mut all {
            sort(all);
        }
        all
    }
}

impl Lane {
    fn next(&self) -> Option<u64> {
        self.batches.front().map(|&(batch, _)| batch)
    }
}
