//! Captures that are read while their figures are shown.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::TopArgs;
use crate::Error;
use crate::capture::{Batch, Chain, Fill, Filter, Inputs, Source};
use crate::cli::console::Console;
use crate::cli::figures::Figures;
use crate::cli::settings::Settings;
use crate::flow::Hasher;
use crate::judge::Measures;
use crate::runtime::{self, Pace, Plan};
use crate::sink::overview::{Overview, Span};
use crate::sink::screen::counted;
use crate::stats::{Ledger, Phase};

/// A run over captures that has not begun.
pub struct Captures {
    /// A source that waits for more of a growing file would stand in the place of this one.
    source: Until<Chain>,
    plan: Plan,
    figures: Figures,
    name: String,
    /// About captures that cannot be read.
    complaints: Vec<String>,
}

/// A source that ends when it is told to.
struct Until<S> {
    source: S,
    stop: Arc<AtomicBool>,
}

impl<S: Source> Source for Until<S> {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        if self.stop.load(Ordering::Relaxed) {
            batch.slots.clear();
            return Ok(Fill::End);
        }
        self.source.fill(batch)
    }
}

impl Captures {
    pub fn open(args: &TopArgs, console: &Console) -> Result<Self, Error> {
        let settings = Settings::of(&args.analysis(), console)?;
        if args.read.iter().any(|path| path == Path::new("-")) && std::io::stdin().is_terminal() {
            return Err(Error::Input("standard input is a terminal: name a capture, or pipe one in".to_owned()));
        }
        let filter = args.filter.as_deref().map(Filter::new).transpose()?;
        let (inputs, errors) = Inputs::find(&args.read);
        if inputs.is_empty() {
            let nothing = || Error::Input("there is no capture to read".to_owned());
            return Err(errors.into_iter().next().unwrap_or_else(nothing));
        }
        let name = match &*args.read {
            [path] => path.display().to_string(),
            _ => counted(inputs.len() as u64, "capture"),
        };
        let ledger = Arc::new(Ledger::new(settings.threads));
        let overview = Overview::new(Span::Whole);
        let figures = Figures::of(&[], &ledger, overview.board(), "");
        let plan = Plan {
            threads: settings.threads,
            limits: settings.limits,
            measures: Measures { anchors: settings.anchors, chain_checks: None, knowledge: settings.knowledge },
            hasher: Hasher::random(),
            filter,
            detector: settings.detector,
            renewals: None,
            sinks: vec![Box::new(overview)],
            sensor: String::new(),
            pace: Pace::Offline,
            ledger,
        };
        let source = Until { source: Chain::new(inputs), stop: Arc::default() };
        let complaints = errors.iter().map(ToString::to_string).collect();
        Ok(Self { source, plan, figures, name, complaints })
    }

    pub fn figures(&self) -> Figures {
        self.figures.clone()
    }

    /// What ends the run.
    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.source.stop)
    }

    /// What is read.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Reads them to their ends, or until it is stopped; gives what is to be said of them.
    pub fn run(self) -> Result<Vec<String>, Error> {
        let Self { mut source, plan, figures, mut complaints, .. } = self;
        figures.ledger.set_phase(Phase::Running);
        let done = runtime::run(&mut source, plan, &mut |_, _| ());
        figures.ledger.set_phase(Phase::Stopping);
        complaints.extend(source.source.take_warnings());
        complaints.extend(source.source.take_errors().iter().map(ToString::to_string));
        complaints.extend(done?.complaints);
        Ok(complaints)
    }
}
