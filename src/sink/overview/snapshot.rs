//! The document that a running sensor gives at `/top`, and that `tlsight top` shows.
//!
//! Both are of one program: fields may come and go. What peers wrote is in it as printable ASCII, or as text that still
//! has to be made safe for a terminal.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

use crate::detect::Alert;
use crate::sink::Standing;
use crate::stats::{Counters, InterfaceCounters, Lane, Ledger, Phase};

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Of the program.
    pub version: String,
    /// The sensor's name; empty where it has none.
    pub sensor: String,
    pub phase: Phase,
    pub uptime_seconds: f64,
    /// The time of the latest packet, in nanoseconds since 1970; 0 before the first.
    pub latest_packet: i64,
    pub counters: Counters,
    pub interfaces: Vec<InterfaceCounters>,
    pub threads: Vec<ThreadState>,
    /// Batches of events that wait for rules and outputs, and how many may.
    pub outlet_waiting: u64,
    pub outlet_capacity: u64,
    pub outputs: Vec<Standing>,
    /// From the mildest on.
    pub alerts: Vec<LevelCount>,
    /// The time that the lists below are of; absent where it is the whole run.
    pub span_seconds: Option<u64>,
    pub clients: Vec<Row>,
    pub servers: Vec<Row>,
    pub versions: Vec<Row>,
    /// The latest first.
    pub notices: Vec<Notice>,
}

/// A thread at work.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ThreadState {
    pub name: String,
    /// Since its last sign of life.
    pub silent_seconds: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LevelCount {
    pub level: String,
    pub count: u64,
}

/// A line of a list of the most frequent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    pub count: u64,
    /// What is known by this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it was seen with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notice {
    /// How many came up to this one.
    pub number: u64,
    /// Packet time, in nanoseconds since 1970.
    pub timestamp: i64,
    pub level: String,
    pub rule: String,
    pub message: String,
    pub source: String,
    pub destination: String,
}

impl Snapshot {
    /// What a ledger says.
    pub fn of(ledger: &Ledger, outlet_capacity: usize) -> Self {
        let thread = |(lane, silence): (Lane, std::time::Duration)| ThreadState {
            name: lane.name(),
            silent_seconds: silence.as_secs_f64(),
        };
        let levels = crate::detect::Level::ALL.into_iter().zip(ledger.alerts());
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            phase: ledger.phase(),
            uptime_seconds: ledger.running_for().as_secs_f64(),
            latest_packet: ledger.latest(),
            counters: ledger.counters(),
            interfaces: ledger.interfaces(),
            threads: ledger.silences().map(thread).collect(),
            outlet_waiting: ledger.queued(),
            outlet_capacity: outlet_capacity as u64,
            alerts: levels.map(|(level, count)| LevelCount { level: level.as_str().to_owned(), count }).collect(),
            ..Self::default()
        }
    }
}

impl Row {
    pub(super) fn named(name: String) -> Self {
        Self { name, ..Self::default() }
    }
}

impl Notice {
    pub(super) fn of(number: u64, alert: &Alert) -> Self {
        let shortened = |text: &str| text.chars().take(CHARS).collect();
        let endpoint = |end: crate::event::Endpoint| std::net::SocketAddr::new(end.ip, end.port).to_string();
        Self {
            number,
            timestamp: alert.timestamp.0,
            level: alert.rule.level.as_str().to_owned(),
            rule: shortened(&alert.rule.title),
            message: shortened(&alert.message),
            source: endpoint(alert.source),
            destination: endpoint(alert.destination),
        }
    }
}

/// Characters of a text that are told.
const CHARS: usize = 400;
