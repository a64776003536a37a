//! Runs the tests of rules, and says what came of each.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::read::{Suite, Traffic, Trial, Wanted, suite};
use super::steps;
use crate::detect::library::{Entry, is_silent};
use crate::detect::{Detector, Rules};
use crate::event::Event;

/// Reads the sessions of a capture, judged and in the order of a run; says in words why it cannot.
pub type ReadCapture<'a> = &'a mut dyn FnMut(&Path) -> Result<Vec<Event>, String>;

/// Runs tests.
pub struct Selftest<'a> {
    /// All of them, since rules may rest on others.
    rules: Arc<Rules>,
    read: ReadCapture<'a>,
    captures: HashMap<PathBuf, Result<Arc<[Event]>, String>>,
}

/// What came of a rule's tests.
#[derive(Debug)]
pub struct Report {
    pub title: String,
    /// Trials that had to fire.
    pub fires: usize,
    /// Trials that had to stay quiet.
    pub quiet: usize,
    /// `file:line: what`; none where all is well.
    pub failures: Vec<String>,
}

impl<'a> Selftest<'a> {
    pub fn new(rules: Rules, read: ReadCapture<'a>) -> Self {
        Self { rules: Arc::new(rules), read, captures: HashMap::new() }
    }

    /// The tests of one rule among all; `None` where it gives no alerts of its own.
    pub fn rule(&mut self, entry: &Entry, all: &[Entry]) -> Option<Report> {
        if is_silent(entry, all) {
            return None;
        }
        let Suite { trials, faults: mut failures } = suite(entry, all);
        let fires = trials.iter().filter(|trial| trial.wanted == Wanted::Fires).count();
        let quiet = trials.len().saturating_sub(fires);
        let id = entry.id();
        for trial in &trials {
            if let Err(what) = self.trial(trial, &id) {
                failures.push(
                    entry.fault(&["custom", &trial.name], format!("{}: {}: {what}", trial.name, trial.traffic.said())),
                );
            }
        }
        for (count, what) in [(fires, "has to fire"), (quiet, "has to stay quiet")] {
            if count == 0 {
                failures.push(entry.fault(&[], format!("the rule has no test that {what}")));
            }
        }
        Some(Report { title: entry.title().to_owned(), fires, quiet, failures })
    }

    fn trial(&mut self, trial: &Trial, id: &str) -> Result<(), String> {
        let events = match &trial.traffic {
            Traffic::Capture(path) => self.capture(path)?,
            Traffic::Steps(steps) => steps::events(steps, &trial.name)?.into(),
        };
        let seen = Seen::of(&self.rules, &events, id);
        match trial.wanted {
            Wanted::Quiet if seen.count > 0 => {
                Err(format!("had to stay quiet, and told {} times: {}", seen.count, seen.first))
            }
            Wanted::Quiet => Ok(()),
            Wanted::Fires if seen.count == 0 => {
                Err(format!("had to fire, and stayed quiet; {}", seen.instead(events.len())))
            }
            Wanted::Fires => match (trial.alerts, &trial.message) {
                (Some(alerts), _) if alerts != seen.count => {
                    Err(format!("had to fire {alerts} times, and did {}: {}", seen.count, seen.first))
                }
                (_, Some(message)) if !seen.first.contains(message) => {
                    Err(format!("had to say `{message}`, and said `{}`", seen.first))
                }
                _ => Ok(()),
            },
        }
    }

    fn capture(&mut self, path: &Path) -> Result<Arc<[Event]>, String> {
        if let Some(known) = self.captures.get(path) {
            return known.clone();
        }
        let events = (self.read)(path).map(Arc::from);
        self.captures.insert(path.to_owned(), events.clone());
        events
    }
}

/// What the rules made of some events.
#[derive(Default)]
struct Seen {
    /// Alerts of the rule.
    count: u64,
    /// The sentence of its first.
    first: String,
    /// Titles of others that fired.
    others: Vec<String>,
}

impl Seen {
    fn of(rules: &Arc<Rules>, events: &[Event], id: &str) -> Self {
        let mut seen = Self::default();
        let mut detector = Detector::new(rules.clone());
        let mut alert = |alert: crate::detect::Alert| {
            if alert.rule.id != id {
                if !seen.others.contains(&alert.rule.title) {
                    seen.others.push(alert.rule.title.clone());
                }
                return;
            }
            if seen.count == 0 {
                seen.first = alert.message;
            }
            seen.count = seen.count.saturating_add(1);
        };
        events.iter().for_each(|event| detector.see(event, &mut alert));
        detector.finish(&mut alert);
        seen
    }

    fn instead(&self, sessions: usize) -> String {
        let others = match self.others.as_slice() {
            [] => "no other rule fired".to_owned(),
            titles => format!("what fired: {}", titles.join(", ")),
        };
        format!("sessions: {sessions}; {others}")
    }
}
