//! Limits, rules, filter and threads of a run, from the options and the configuration file.

use std::fs;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use clap::CommandFactory;

use super::Status;
use super::args::{AnalysisArgs, Args};
use super::config::File;
use super::console::Console;
use super::detection::Sources;
pub use super::labels::knowledge;
use crate::Error;
use crate::capture::Filter;
use crate::config::Limits;
use crate::detect::{Detector, Level};
use crate::judge::Measures;
use crate::judge::labels::KnowledgeBase;
use crate::runtime::{Outcome, Pace, Plan};
use crate::sink::Sink;
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
        let file = args.config.as_deref().map(|path| File::read(path, &Args::command())).transpose()?;
        let mut limits = file.map(|file| file.limits).unwrap_or_default();
        limits.max_flows = args.max_flows.unwrap_or(limits.max_flows);
        let detector = Sources::of(args).map(|sources| sources.detector(&limits, console)).transpose()?;
        let threads = threads(args.threads);
        let anchors = Arc::new(anchors(&args.ca_file)?);
        let knowledge = match args.no_labels {
            true => None,
            false => Some(Arc::new(knowledge(&args.labels)?)),
        };
        Ok(Self { threads, limits, detector, anchors, knowledge, fail_on: args.fail_on })
    }

    /// What a sensor judges sessions by.
    pub fn measures(&self) -> Measures {
        Measures {
            anchors: Arc::clone(&self.anchors),
            chain_checks: Some(self.limits.chain_checks),
            knowledge: self.knowledge.clone(),
        }
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

    /// A run over captures.
    pub fn plan(self, pace: Pace, filter: Option<Filter>, sinks: Vec<Box<dyn Sink>>) -> Plan {
        // All chains are verified: captures can wait.
        let measures = Measures { chain_checks: None, ..self.measures() };
        let plan = Plan::of_captures(self.threads, measures, sinks);
        Plan { limits: self.limits, detector: self.detector, filter, pace, ..plan }
    }

    pub fn fail_on(&self) -> Option<Level> {
        self.fail_on
    }
}

/// As many as were asked for, or as there are processors.
pub fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get))
}

/// Mozilla's roots and those of the files.
pub fn anchors(files: &[PathBuf]) -> Result<Anchors, Error> {
    let mut anchors = Anchors::mozilla();
    for path in files {
        let text = fs::read(path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let added = anchors.add_pem(&text);
        added.map_err(|PemFault { line, what }| Error::Config(format!("{}:{line}: {what}", path.display())))?;
    }
    Ok(anchors)
}
