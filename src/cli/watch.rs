//! A source that is looked over the shoulder: when its packets were, and how a tap is brought to an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;
use crate::capture::tap::TapStats;
use crate::capture::{Batch, Fill, Source, Tap, Timestamp};

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

/// A tap that gives an empty batch between being stopped and its end, so that its last losses can be counted.
pub struct Sensor {
    tap: Tap,
    stop: Arc<AtomicBool>,
    tap_stop: Arc<AtomicBool>,
    counted: TapStats,
}

impl Sensor {
    /// `open` opens the tap with the flag that ends it; `stop` is what ends the sensor.
    pub fn new(stop: Arc<AtomicBool>, open: impl FnOnce(Arc<AtomicBool>) -> Result<Tap, Error>) -> Result<Self, Error> {
        let tap_stop = Arc::new(AtomicBool::new(false));
        Ok(Self { tap: open(Arc::clone(&tap_stop))?, stop, tap_stop, counted: TapStats::default() })
    }

    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Packets that were lost since the last call.
    pub fn lost(&mut self) -> Result<u64, Error> {
        let now = self.tap.stats()?;
        let before = std::mem::replace(&mut self.counted, now);
        Ok(since(now.dropped, before.dropped) + since(now.interface_dropped, before.interface_dropped))
    }
}

impl Source for Sensor {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        if self.is_stopping() && !self.tap_stop.swap(true, Ordering::Relaxed) {
            batch.slots.clear();
            return Ok(Fill::More);
        }
        self.tap.fill(batch)
    }
}

/// The difference of two states of a 32-bit counter, which may have wrapped between them.
fn since(now: u64, before: u64) -> u64 {
    u64::from((now as u32).wrapping_sub(before as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_survive_a_wrap() {
        assert_eq!(since(7, 3), 4);
        assert_eq!(since(2, u64::from(u32::MAX)), 3);
    }
}
