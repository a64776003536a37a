//! The clock of an interface's packets, which somebody may set back while flows are open.
//!
//! In: up to when all is known, batch by batch. Out: by how much the clock was set back, where it was. Captures tell no such
//! thing: there a time before another is that of a packet that was written late, or of another capture.

use super::Pace;
use crate::capture::Timestamp;
use crate::config::Limits;
use crate::engine::Engine;

/// What time it was.
#[derive(Debug)]
pub(super) struct Clock {
    /// Nanoseconds that times may run backwards without anything having been set: packets lie in several rings, and
    /// interfaces may have clocks of their own. Less than that delays the end of a flow by as much. `None`: for captures.
    tolerance: Option<i64>,
    last: Option<Timestamp>,
}

impl Clock {
    pub(super) fn new(pace: Pace, limits: &Limits) -> Self {
        let tolerance = match pace {
            Pace::Offline | Pace::Following => None,
            Pace::Live { .. } => Some(i64::try_from(limits.idle_seconds).unwrap_or(i64::MAX).saturating_mul(SECOND)),
        };
        Self { tolerance: tolerance.map(|tolerance| tolerance.max(LEAST)), last: None }
    }

    /// Takes note of a batch's time before its frames are worked on, and tells the engine where the clock was set back.
    pub(super) fn tell(&mut self, now: Option<Timestamp>, engine: &mut Engine) {
        let Some(now) = now else { return };
        if let Some(by) = self.back(now) {
            engine.set_back(by, now);
        }
    }

    /// Nanoseconds by which it was set back since the last call.
    fn back(&mut self, now: Timestamp) -> Option<u64> {
        let tolerance = self.tolerance?;
        let before = self.last.replace(now)?;
        let by = before.since(now);
        (i64::try_from(by).unwrap_or(i64::MAX) > tolerance).then_some(by)
    }
}

const SECOND: i64 = 1_000_000_000;
const LEAST: i64 = 10 * SECOND;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_more_than_what_packets_are_late_by_is_a_clock_that_was_set() {
        let limits = Limits { idle_seconds: 60, ..Limits::default() };
        let live = Pace::Live { stats_interval: Duration::from_secs(1) };
        let mut clock = Clock::new(live, &limits);
        let told: Vec<Option<u64>> =
            [5_000, 4_999, 4_940, 4_000, 9_000].map(|second| clock.back(Timestamp(second * SECOND))).to_vec();
        assert_eq!(told, [None, None, None, Some(940 * SECOND as u64), None]);
        let mut captures = Clock::new(Pace::Offline, &limits);
        assert_eq!([5_000, 1].map(|second| captures.back(Timestamp(second * SECOND))), [None, None]);
    }
}
