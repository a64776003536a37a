//! What a sensor goes by, read again while it runs: rules, threat lists, labels, authorities, and what of the configuration
//! can change without losing a connection.
//!
//! All of it is read before any of it is taken on: where something cannot be used, everything stays as it was, and a line
//! says why. Keys that cannot be taken on are named.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::args::{AnalysisArgs, Args, Command, LiveArgs};
use super::config::InForce;
use super::console::Console;
use super::detection::Sources;
use super::settings::{Settings, anchors, knowledge};
use crate::Error;
use crate::detect::Level;
use crate::judge::Measures;
use crate::runtime::Renewal;
use crate::sink::screen::counted;

/// What was read last.
pub struct Reload {
    configured: bool,
    analysis: AnalysisArgs,
    /// As the sensor was started with.
    in_force: Option<InForce>,
    measures: Measures,
    /// Of the authorities' files, so that what was judged by them is not judged again where they are the same.
    pem: Vec<Vec<u8>>,
    fail_on: FailOn,
    console: Console,
}

/// The level of `--fail-on`, which may change.
pub type FailOn = Arc<Mutex<Option<Level>>>;

impl Reload {
    /// `None` where nothing could be read anew.
    pub fn of(args: &LiveArgs, in_force: Option<&InForce>, settings: &Settings, console: &Console) -> Option<Self> {
        let configured = args.analysis.config.is_some();
        let reload = Self {
            configured,
            analysis: args.analysis.clone(),
            in_force: in_force.cloned(),
            measures: settings.measures(),
            pem: pem(&args.analysis.ca_file).unwrap_or_default(),
            fail_on: Arc::new(Mutex::new(settings.fail_on())),
            console: console.clone(),
        };
        (!reload.paths().is_empty()).then_some(reload)
    }

    pub fn fail_on(&self) -> FailOn {
        Arc::clone(&self.fail_on)
    }

    /// What is read: files and folders.
    pub fn paths(&self) -> Vec<PathBuf> {
        let AnalysisArgs { rules, threat_list, labels, ca_file, config, .. } = &self.analysis;
        let lists = threat_list.iter().map(|list| &list.path);
        rules.iter().chain(lists).chain(labels).chain(ca_file).chain(config).cloned().collect()
    }

    /// Reads everything again. What is in force stays where it cannot be used; either is said on a line.
    pub fn again(&mut self) -> Option<Renewal> {
        match self.read() {
            Ok(renewal) => Some(renewal),
            Err(error) => {
                let told = error.to_string();
                let mut lines = told.lines();
                let first = lines.next().unwrap_or_default();
                let more = match lines.count() {
                    0 => String::new(),
                    more => format!(" (and {more} more)"),
                };
                self.console.warn(&format!("{first}{more}; what was in force stays"));
                None
            }
        }
    }

    fn read(&mut self) -> Result<Renewal, Error> {
        let (analysis, in_force) = match self.configured {
            false => (self.analysis.clone(), self.in_force.clone()),
            true => match Args::again()? {
                Args { command: Command::Live(args), in_force, .. } => (args.analysis, in_force),
                _ => (self.analysis.clone(), self.in_force.clone()),
            },
        };
        let limits = in_force.as_ref().map(|in_force| in_force.limits.clone()).unwrap_or_default();
        let (rules, lists) = match Sources::of(&analysis) {
            Some(sources) => sources.read(&self.console)?,
            None => Default::default(),
        };
        let pem = pem(&analysis.ca_file)?;
        let anchors = match pem == self.pem {
            true => Arc::clone(&self.measures.anchors),
            false => Arc::new(anchors(&analysis.ca_file)?),
        };
        let knowledge = match analysis.no_labels {
            true => None,
            // What is compiled in alone is the same.
            false if analysis.labels.is_empty() && self.analysis.labels.is_empty() => {
                match self.measures.knowledge.clone() {
                    Some(known) => Some(known),
                    None => Some(Arc::new(knowledge(&[])?)),
                }
            }
            false => Some(Arc::new(knowledge(&analysis.labels)?)),
        };
        // Nothing fails any more.
        let measures = Measures { anchors, chain_checks: Some(limits.chain_checks), knowledge };
        let listed = lists.len() as u64;
        let entries = if listed == 1 { "entry" } else { "entries" };
        let mut said =
            format!("read again: {}, {listed} {entries} of threat lists", counted(rules.len() as u64, "rule"));
        if let Some(known) = measures.knowledge.as_ref().filter(|_| !analysis.labels.is_empty()) {
            said.push_str(&format!(", {}", counted(known.entries().len() as u64, "label")));
        }
        self.console.warn(&said);
        let waiting = self.in_force.as_ref().zip(in_force.as_ref()).map(|(before, now)| before.waiting(now));
        if let Some(waiting) = waiting.filter(|waiting| !waiting.is_empty()) {
            self.console.warn(&format!("needs a restart: {}", waiting.join(", ")));
        }
        *self.fail_on.lock().unwrap_or_else(PoisonError::into_inner) = analysis.fail_on;
        (self.analysis, self.measures, self.pem) = (analysis, measures.clone(), pem);
        Ok(Renewal { rules, lists, measures, limits })
    }
}

/// The bytes of the files.
fn pem(files: &[PathBuf]) -> Result<Vec<Vec<u8>>, Error> {
    let read = |path: &PathBuf| fs::read(path).map_err(|source| Error::Read { path: Path::to_owned(path), source });
    files.iter().map(read).collect()
}
