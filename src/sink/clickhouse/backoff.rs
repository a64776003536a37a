//! Waits between attempts.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Waits that double up to a bound, each shortened at random so that many sensors do not come back at once.
pub struct Backoff {
    wait: Duration,
    jitter: RandomState,
    count: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { wait: FIRST_WAIT, jitter: RandomState::new(), count: 0 }
    }
}

impl Backoff {
    /// Between half of the wait and all of it.
    pub fn next(&mut self) -> Duration {
        self.count += 1;
        let wait = self.wait;
        self.wait = (wait * 2).min(LAST_WAIT);
        let share = self.jitter.hash_one(self.count) % 1_000;
        wait / 2 + wait.mul_f64(share as f64 / 2_000.0)
    }
}

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LAST_WAIT: Duration = Duration::from_secs(10);
