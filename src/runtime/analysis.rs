//! What a thread does with the batches that it analyses, whichever way they come to it.
//!
//! In: batches, and up to when all is known. Out: events; what is to be kept of the packets goes where that is.

use super::clock::Clock;
use super::{Events, Pace};
use crate::capture::{Batch, Frame, Timestamp};
use crate::config::Limits;
use crate::engine::{Engine, Shard, Sighting, Standing};
use crate::event::Event;
use crate::keep::{Keeper, What};
use crate::stats::Counters;

/// An engine, the clock of its packets, and who keeps them.
pub(super) struct Analysis {
    engine: Engine,
    clock: Clock,
    keeper: Option<Keeper>,
}

impl Analysis {
    pub(super) fn new(limits: Limits, shard: Shard, pace: Pace, keeper: Option<Keeper>) -> Self {
        Self { clock: Clock::new(pace, &limits), engine: Engine::new(limits, shard), keeper }
    }

    /// Takes a batch, and what was lost before it. `now` is its time, by which a clock that was set back shows.
    pub(super) fn take(&mut self, batch: &mut Batch, now: Option<Timestamp>, events: &mut Events) {
        let Self { engine, clock, keeper } = self;
        clock.tell(now, engine);
        batch.lost.take().into_iter().for_each(|lost| engine.lost(lost));
        look(engine, batch, keeper.as_mut(), &mut |event| events.push(event));
    }

    /// Ends what is over at `now`.
    pub(super) fn expire(&mut self, now: Timestamp, events: &mut Events) {
        self.engine.expire(now, &mut |event| events.push(event));
    }

    /// Ends everything.
    pub(super) fn finish(&mut self, events: &mut Events) {
        self.engine.finish(&mut |event| events.push(event));
    }

    pub(super) fn counters(&self) -> Counters {
        self.engine.counters()
    }
}

/// Has an engine look at a batch. What is to be kept is kept.
fn look(engine: &mut Engine, batch: &Batch, keeper: Option<&mut Keeper>, emit: &mut impl FnMut(Event)) {
    let Some(keeper) = keeper else { return engine.on_frames(batch.frames(), emit) };
    match keeper.what() {
        What::All => {
            keep_all(batch, keeper);
            engine.on_frames(batch.frames(), emit);
        }
        What::Handshakes => {
            let see = &mut |frame: &Frame<'_>, sighting: Sighting| {
                if sighting.is_fragment || matches!(sighting.standing, Standing::Begins | Standing::Read) {
                    keeper.take(frame);
                }
            };
            engine.on_frames_seen(batch.frames(), see, emit);
            keeper.pause();
        }
    }
}

pub(super) fn keep_all(batch: &Batch, keeper: &mut Keeper) {
    batch.frames().for_each(|frame| keeper.take(&frame));
    keeper.pause();
}
