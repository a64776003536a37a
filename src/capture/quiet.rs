//! Packet time while no packets come: that of the last one, and what has passed since it came.
//!
//! It does not depend on what the machine's clock says, only on how fast it goes.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::{Batch, Fill, Timestamp};

/// The time of the last packet of a source, and when it came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet {
    last: Option<(Timestamp, Instant)>,
}

impl Quiet {
    /// What a source says that was asked for packets at that moment, and gave `fill` and `batch`: where there were none, up
    /// to when there are none.
    pub fn told(&mut self, asked: Instant, fill: Fill, batch: &Batch) -> Fill {
        if fill != Fill::More {
            return fill;
        }
        if let Some(slot) = batch.slots.last() {
            self.last = Some((slot.ts, Instant::now()));
            return Fill::More;
        }
        self.since(asked).map_or(Fill::More, Fill::Quiet)
    }

    /// The packet time up to which all had come by then.
    fn since(&self, asked: Instant) -> Option<Timestamp> {
        let (ts, came) = self.last?;
        let passed = asked.saturating_duration_since(came).checked_sub(LAG)?;
        let passed = i64::try_from(passed.as_nanos()).unwrap_or(i64::MAX);
        Some(Timestamp(ts.0.saturating_add(passed)))
    }
}

/// How long a packet may be on its way to a source: in a buffer that is not full, say.
const LAG: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{LinkType, Slot};

    #[test]
    fn time_goes_on_from_the_last_packet_as_it_passes() {
        let (mut quiet, mut batch, begun) = (Quiet::default(), Batch::new(), Instant::now());
        let minute = Duration::from_secs(60);
        assert_eq!(quiet.told(begun + minute, Fill::More, &batch), Fill::More, "nothing came: there is no time");
        let ts = Timestamp(5_000_000_000);
        batch.slots.push(Slot { ts, offset: 0, len: 0, wire_len: 0, link: LinkType::RAW, interface: 0 });
        assert_eq!(quiet.told(begun, Fill::More, &batch), Fill::More);
        batch.slots.clear();
        assert_eq!(quiet.told(begun, Fill::More, &batch), Fill::More, "what came may have been before others");
        let Fill::Quiet(Timestamp(now)) = quiet.told(begun + minute, Fill::More, &batch) else { panic!("not quiet") };
        // The packet came a moment after `begun`.
        assert!((63_000_000_000..=64_000_000_000).contains(&now), "{now}");
        assert_eq!(quiet.told(begun + minute, Fill::End, &batch), Fill::End);
    }
}
