//! Limits, rules, filter and threads of a run, from the options and the configuration file.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use serde::Deserialize;

use super::Status;
use super::args::AnalysisArgs;
use super::console::Console;
use super::labels::knowledge;
use crate::Error;
use crate::config::Limits;
use crate::detect::{Detector, Level, Rules};
use crate::judge::labels::KnowledgeBase;
use crate::runtime::Outcome;
use crate::x509::verify::{Anchors, PemFault};

/// What a run goes by, whatever its source.
#[derive(Debug)]
pub struct Settings {
    pub threads: usize,
    pub limits: Limits,
    pub detector: Option<Detector>,
    /// Whom chains of certificates may end at.
    pub anchors: Arc<Anchors>,
    /// What software is known by its fingerprints.
    pub knowledge: Option<Arc<KnowledgeBase>>,
    fail_on: Option<Level>,
}

impl Settings {
    pub fn of(args: &AnalysisArgs, console: &Console) -> Result<Self, Error> {
        let mut limits = args.config.as_deref().map(limits).transpose()?.unwrap_or_default();
        limits.max_flows = args.max_flows.unwrap_or(limits.max_flows);
        let rules = args.rules.as_deref().map(Rules::load).transpose()?;
        if let (Some(rules), Some(path)) = (&rules, &args.rules) {
            if rules.is_empty() {
                return Err(Error::Rules(vec![format!("{}: there are no rules (.yml files) in it", path.display())]));
            }
            console.note(&format!("{} rules from {}", rules.len(), path.display()));
        }
        let threads = args.threads.unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get));
        let anchors = Arc::new(anchors(&args.ca_file)?);
        let knowledge = match args.no_labels {
            true => None,
            false => Some(Arc::new(knowledge(&args.labels)?)),
        };
        let mut detector = rules.map(|rules| Detector::with_limits(rules, &limits));
        if let (Some(detector), Some(path)) = (&mut detector, &args.state)
            && let Some(refused) = detector.keep_in(path)?
        {
            console.warn(&refused);
        }
        Ok(Self { threads, limits, detector, anchors, knowledge, fail_on: args.fail_on })
    }

    /// What the exit status says of an outcome. Complaints are said here.
    pub fn verdict(fail_on: Option<Level>, outcome: &Outcome, console: &Console) -> Status {
        outcome.complaints.iter().for_each(|line| console.warn(line));
        let alerts = fail_on.is_some_and(|level| outcome.highest_alert.is_some_and(|highest| highest >= level));
        match outcome.complaints.is_empty() {
            false => Status::Failed,
            true if alerts => Status::Alerts,
            true => Status::Done,
        }
    }

    pub fn fail_on(&self) -> Option<Level> {
        self.fail_on
    }
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    limits: Limits,
}

fn limits(path: &Path) -> Result<Limits, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    parse(&text).map_err(|Fault { line, what }| Error::Config(format!("{}:{line}: {what}", path.display())))
}

/// Mozilla's roots and those of the files.
fn anchors(files: &[PathBuf]) -> Result<Anchors, Error> {
    let mut anchors = Anchors::mozilla();
    for path in files {
        let text = fs::read(path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let added = anchors.add_pem(&text);
        added.map_err(|PemFault { line, what }| Error::Config(format!("{}:{line}: {what}", path.display())))?;
    }
    Ok(anchors)
}

/// What is wrong in the file, and where.
#[derive(Debug)]
struct Fault {
    line: usize,
    what: String,
}

fn parse(text: &str) -> Result<Limits, Fault> {
    let File { limits } = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        Fault { line: before.matches('\n').count() + 1, what: one_line(error.message()) }
    })?;
    match zero(&limits) {
        None => Ok(limits),
        Some(key) => {
            let line = text.lines().position(|line| line.trim_start().starts_with(key)).unwrap_or(0) + 1;
            Err(Fault { line, what: format!("`{key}` must be at least 1") })
        }
    }
}

/// A limit of zero, with which nothing could be seen.
fn zero(limits: &Limits) -> Option<&'static str> {
    let Limits {
        max_flows,
        max_unanswered,
        out_of_order_bytes,
        total_out_of_order_bytes,
        client_hello_bytes,
        handshake_message_bytes,
        fragment_bytes,
        idle_seconds,
        half_open_seconds,
        fragment_seconds,
        // None at all is a way to do without.
        chain_checks: _,
        rule_groups,
        rule_bytes,
        suppressed_keys,
    } = limits;
    let sizes = [
        ("max_flows", *max_flows as u64),
        ("max_unanswered", *max_unanswered as u64),
        ("out_of_order_bytes", *out_of_order_bytes as u64),
        ("total_out_of_order_bytes", *total_out_of_order_bytes as u64),
        ("client_hello_bytes", *client_hello_bytes as u64),
        ("handshake_message_bytes", *handshake_message_bytes as u64),
        ("fragment_bytes", *fragment_bytes as u64),
        ("idle_seconds", *idle_seconds),
        ("half_open_seconds", *half_open_seconds),
        ("fragment_seconds", *fragment_seconds),
        ("rule_groups", *rule_groups as u64),
        ("rule_bytes", *rule_bytes as u64),
        ("suppressed_keys", *suppressed_keys as u64),
    ];
    sizes.into_iter().find(|&(_, size)| size == 0).map(|(key, _)| key)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        let Fault { line, what } = parse(text).unwrap_err();
        format!("{line}: {what}")
    }

    #[test]
    fn what_is_not_set_keeps_its_default() {
        let limits = parse("[limits]\nidle_seconds = 5\n").unwrap();
        assert_eq!(limits, Limits { idle_seconds: 5, ..Limits::default() });
        assert_eq!(parse("").unwrap(), Limits::default());
    }

    #[test]
    fn faults_are_told_with_their_line() {
        assert!(fault("[limits]\n\nmax_flow = 1").starts_with("3: unknown field `max_flow`, expected"));
        assert!(fault("# x\n[limit]").starts_with("2: unknown field `limit`"));
        assert!(fault("[limits]\nidle_seconds = \"a\"").starts_with("2: invalid type"));
        assert!(fault("[limits]\nidle_seconds = -1").starts_with("2: "));
        assert!(fault("[limits]\nidle_seconds = ").starts_with("2: "));
        assert_eq!(fault("[limits]\nidle_seconds = 1\nmax_flows = 0"), "3: `max_flows` must be at least 1");
    }
}
