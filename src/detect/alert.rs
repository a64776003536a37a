//! A rule that fired: owned, plain data for the sinks.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::capture::Timestamp;
use crate::event::{Endpoint, Event};
use crate::fingerprint::Ja4;

use super::suppress::Suppress;

/// One `tlsight.alert`: the rule, and a reference to the sessions behind it.
#[derive(Debug, Clone)]
pub struct Alert {
    /// What the rule says of itself; shared by all its alerts.
    pub rule: Arc<Facts>,
    /// [`Event::id`](crate::event::Event::id) of the sessions behind it, in packet-time order: the one that completed it
    /// comes last. At least one, at most [`Alert::MAX_SESSIONS`]: the latest.
    pub sessions: Box<[[u8; 16]]>,
    /// How many sessions it stands for.
    pub count: u64,
    /// What it was grouped by, as field and value; empty for a rule over one session.
    pub group: Box<[(Box<str>, Box<str>)]>,
    /// Alerts of the same rule and group that were held back since the last one that was told.
    pub suppressed: u64,
    /// Figures behind the finding, by name.
    pub measures: Box<[(&'static str, f64)]>,
    /// Of the session that completed it, as are all below: its first byte, in packet time.
    pub timestamp: Timestamp,
    /// One sentence with the session's values in it. Holds no control characters, whatever the peers sent.
    pub message: String,
    /// The client.
    pub source: Endpoint,
    /// The server.
    pub destination: Endpoint,
    /// The client's JA4, where there was a complete hello.
    pub fingerprint: Option<Ja4>,
}

impl Alert {
    /// Sessions whose ids an alert carries.
    pub const MAX_SESSIONS: usize = 32;

    /// The alert of one session that a rule holds of.
    pub fn of(rule: Arc<Facts>, event: &Event, message: String) -> Self {
        let prints = event.client_hello.as_ref().and_then(|client| client.shape.prints.as_ref());
        Self {
            rule,
            sessions: [event.id].into(),
            count: 1,
            group: Box::default(),
            suppressed: 0,
            measures: Box::default(),
            timestamp: event.timestamp,
            message,
            source: event.client,
            destination: event.server,
            fingerprint: prints.map(|prints| prints.ja4),
        }
    }

    /// The id of the session that completed it.
    pub fn session(&self) -> &[u8; 16] {
        self.sessions.last().unwrap_or(&[0; 16])
    }
}

/// What a rule says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// A UUID.
    pub id: String,
    pub title: String,
    pub level: Level,
    /// Sigma's tags; those of MITRE ATT&CK begin with `attack.`
    pub tags: Vec<String>,
    pub description: Option<String>,
    pub references: Vec<String>,
    pub false_positives: Vec<String>,
    /// Which of its alerts are held back.
    pub suppress: Option<Suppress>,
    /// Where it was read from.
    pub file: PathBuf,
}

/// How much a rule's author thinks of a hit (Sigma's levels), mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("`{text}` is no level: write informational, low, medium, high or critical"))
    }
}
