//! A source that is looked over the shoulder: when its packets were, and how a tap is brought to an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Error;
use crate::capture::{Batch, Fill, Listen, Quiet, Several, Source, Tally, Timestamp};
use crate::stats::{Counters, Ledger, Losses};

/// A source, and the times of its first and last packet.
pub struct Timed<S> {
    pub source: S,
    pub span: Option<(Timestamp, Timestamp)>,
}

impl<S> Timed<S> {
    pub fn new(source: S) -> Self {
        Self { source, span: None }
    }
}

impl<S: Source> Source for Timed<S> {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        let fill = self.source.fill(batch)?;
        // The ends of a batch are enough, and cost nothing.
        for slot in batch.slots.first().into_iter().chain(batch.slots.last()) {
            let (first, last) = self.span.unwrap_or((slot.ts, slot.ts));
            self.span = Some((first.min(slot.ts), last.max(slot.ts)));
        }
        Ok(fill)
    }
}

/// Interfaces that are listened to until they are told to stop, and their losses.
pub struct Sensor<S> {
    source: Several<S>,
    watched: Watched,
    quiet: Quiet,
    /// When the losses are counted next.
    next: Instant,
}

/// What ends a sensor, and where it tells its figures.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Set by a signal.
    pub stop: Arc<AtomicBool>,
    /// Ends the interfaces' sources. It is set a batch later, so that their last losses can be counted.
    pub end: Arc<AtomicBool>,
    pub ledger: Arc<Ledger>,
}

impl<S: Listen> Sensor<S> {
    /// The sources' places are those of their interfaces in the ledger.
    pub fn new(sources: Vec<S>, watched: Watched) -> Self {
        Self { source: Several::new(sources), watched, quiet: Quiet::default(), next: Instant::now() }
    }

    /// Counts what was taken and lost: a few times a second, and when the sensor stops.
    pub fn count(&mut self, counters: &mut Counters) {
        let now = Instant::now();
        if now < self.next && !self.watched.stop.load(Ordering::Relaxed) {
            return;
        }
        self.next = now + PERIOD;
        for (place, Tally { packets, kernel, interface, shed }) in self.source.tallies() {
            let losses = Losses { kernel, interface, shed };
            counters.packets_dropped += losses.total();
            self.watched.ledger.interface(place, |interface| {
                interface.packets += packets;
                interface.losses.add(losses);
            });
        }
    }
}

impl<S: Listen> Source for Sensor<S> {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        if self.watched.stop.load(Ordering::Relaxed) && !self.watched.end.swap(true, Ordering::Relaxed) {
            batch.slots.clear();
            return Ok(Fill::More);
        }
        let asked = Instant::now();
        let fill = self.source.fill(batch)?;
        Ok(self.quiet.told(asked, fill, batch))
    }
}

const PERIOD: Duration = Duration::from_millis(250);
