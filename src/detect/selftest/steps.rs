//! Sessions in a row: when each begins, and how often.

use crate::detect::sample::{Place, Sample};
use crate::event::Event;

/// A session, or many like it.
#[derive(Debug, Clone)]
pub struct Step {
    pub sample: Sample,
    /// Nanoseconds after the trial's beginning; without it, a second after the step before has ended.
    pub at: Option<i64>,
    pub repeat: Repeat,
    /// A ClientHello.random that sessions share.
    pub random: Option<[u8; 32]>,
}

#[derive(Debug, Clone, Copy)]
pub struct Repeat {
    pub count: u64,
    /// Nanoseconds from one to the next.
    pub every: i64,
    /// By how much of that each gap may be longer or shorter: 0.1 is a tenth.
    pub jitter: f64,
}

impl Repeat {
    pub const ONCE: Self = Self { count: 1, every: SECOND, jitter: 0.0 };
}

/// The sessions of these steps, in packet-time order; the same seed gives the same.
///
/// # Errors
/// In words: a value that its field cannot have.
pub fn events(steps: &[Step], seed: &str) -> Result<Vec<Event>, String> {
    let mut chance = Chance::of(seed);
    let mut events: Vec<Event> = Vec::new();
    let mut next = 0i64;
    for step in steps {
        let mut after = step.at.unwrap_or(next);
        for nth in 1..=step.repeat.count {
            let number = u64::try_from(events.len()).unwrap_or(u64::MAX).saturating_add(1);
            // Alone it is the so-manieth of all, so that `{n}` differs from step to step.
            let nth = if step.repeat.count == 1 { number } else { nth };
            let mut event = step.sample.event(Place { number, nth, after })?;
            if let (Some(random), Some(hello)) = (step.random, &mut event.client_hello) {
                hello.random = random;
            }
            events.push(event);
            next = after.saturating_add(SECOND);
            after = after.saturating_add(chance.around(step.repeat.every, step.repeat.jitter));
        }
    }
    // A stable sort: sessions of the same moment stay as they were written.
    events.sort_by_key(|event| event.timestamp);
    Ok(events)
}

/// Numbers that look random and are the same each time (SplitMix64).
struct Chance(u64);

impl Chance {
    /// FNV-1a.
    fn of(seed: &str) -> Self {
        Self(
            seed.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
        )
    }

    /// The length, by up to so much of it longer or shorter.
    fn around(&mut self, length: i64, jitter: f64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // 53 bits are what a float holds: -1.0 to 1.0.
        let share = (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0;
        (length as f64 * (1.0 + share * jitter)) as i64
    }
}

pub const SECOND: i64 = 1_000_000_000;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn step(count: u64, jitter: f64) -> Step {
        let mut sample = Sample::default();
        sample.set("source.ip", vec!["10.0.0.{n}".to_owned()]).unwrap();
        Step { sample, at: None, repeat: Repeat { count, every: 60 * SECOND, jitter }, random: None }
    }

    fn gaps(events: &[Event]) -> Vec<i64> {
        events.windows(2).map(|pair| pair[1].timestamp.0 - pair[0].timestamp.0).collect()
    }

    #[test]
    fn sessions_repeat_at_their_interval() {
        let events = events(&[step(5, 0.0)], "x").unwrap();
        assert_eq!(gaps(&events), [60 * SECOND; 4]);
        assert_eq!(events[4].client.ip.to_string(), "10.0.0.5");
    }

    #[test]
    fn jitter_stays_within_its_share_and_is_the_same_each_time() {
        let one = gaps(&events(&[step(200, 0.3)], "x").unwrap());
        assert_eq!(one, gaps(&events(&[step(200, 0.3)], "x").unwrap()));
        assert_ne!(one, gaps(&events(&[step(200, 0.3)], "y").unwrap()));
        assert!(one.iter().all(|gap| (42 * SECOND..=78 * SECOND).contains(gap)));
        assert!(one.iter().any(|gap| *gap < 48 * SECOND) && one.iter().any(|gap| *gap > 72 * SECOND));
    }

    #[test]
    fn steps_follow_each_other_unless_they_say_when() {
        let at = |seconds: i64| Step { at: Some(seconds * SECOND), ..step(1, 0.0) };
        let events = events(&[step(1, 0.0), step(1, 0.0), at(30), at(5), step(1, 0.0)], "x").unwrap();
        assert_eq!(gaps(&events), [SECOND, 4 * SECOND, SECOND, 24 * SECOND]);
        let mut ids: Vec<_> = events.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 5);
    }
}
