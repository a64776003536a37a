//! How an output that others are waited for stands: what waits in it, and what became of what it was given.
//!
//! Read by whoever asks, at any time and from any thread; the sink and its threads are never waited for.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{clickhouse, courier};

/// A way to ask an output, however the run goes on.
#[derive(Debug, Clone)]
pub enum Gauge {
    Courier(Arc<courier::Shared>),
    ClickHouse(Arc<clickhouse::Shared>),
}

impl Gauge {
    pub fn read(&self) -> Standing {
        match self {
            Self::Courier(shared) => shared.standing(),
            Self::ClickHouse(shared) => shared.standing(),
        }
    }
}

/// What waits in an output, and what became of the rest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// `clickhouse`, `syslog`, `webhook`
    pub output: String,
    /// What is counted: `rows`, `alerts`
    pub unit: String,
    pub waiting: u64,
    /// How many may wait.
    pub capacity: u64,
    pub offered: u64,
    pub delivered: u64,
    /// Found no room.
    pub shed: u64,
    /// Were refused for good.
    pub refused: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Since when something waits and nothing was taken.
    pub lag_seconds: f64,
    pub last_error: Option<String>,
    pub spool: Option<Spooled>,
}

/// Batches that wait for a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Spooled {
    pub batches: u64,
    /// On disk, those that were set aside included.
    pub bytes: u64,
    /// That may be on disk; 0 where nothing is.
    pub max_bytes: u64,
    /// In memory.
    pub memory_bytes: u64,
}

/// Time that something waits in vain.
pub(super) fn seconds(lag: Option<Duration>) -> f64 {
    lag.unwrap_or_default().as_secs_f64()
}
