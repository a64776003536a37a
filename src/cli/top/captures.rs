//! Captures that are read while their figures are shown.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::TopArgs;
use crate::Error;
use crate::capture::{Batch, Chain, Fill, Filter, Follow, Inputs, Source};
use crate::cli::console::Console;
use crate::cli::figures::Figures;
use crate::cli::settings::Settings;
use crate::runtime::{self, Pace, Plan};
use crate::sink::overview::{Overview, Span};
use crate::sink::screen::counted;
use crate::stats::Phase;

/// A run over captures that has not begun.
pub struct Captures {
    source: Until,
    plan: Plan,
    figures: Figures,
    name: String,
    /// About captures that cannot be read.
    complaints: Vec<String>,
}

/// Captures that end when they are told to.
struct Until {
    captures: Reading,
    stop: Arc<AtomicBool>,
}

/// What is read.
#[allow(clippy::large_enum_variant)]
enum Reading {
    /// To the end of each.
    Whole(Chain),
    /// While it grows.
    Growing(Follow),
}

impl Source for Until {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        if self.stop.load(Ordering::Relaxed) {
            batch.slots.clear();
            return Ok(Fill::End);
        }
        match &mut self.captures {
            Reading::Whole(chain) => chain.fill(batch),
            Reading::Growing(follow) => follow.fill(batch),
        }
    }
}

impl Until {
    /// What is to be said of the captures.
    fn take_complaints(&mut self) -> Vec<String> {
        match &mut self.captures {
            Reading::Whole(chain) => {
                let mut complaints = chain.take_warnings();
                complaints.extend(chain.take_errors().iter().map(ToString::to_string));
                complaints
            }
            Reading::Growing(follow) => follow.take_remarks(),
        }
    }
}

impl Captures {
    pub fn open(args: &TopArgs, console: &Console) -> Result<Self, Error> {
        let settings = Settings::of(&args.analysis(), console)?;
        if args.read.iter().any(|path| path == Path::new("-")) && std::io::stdin().is_terminal() {
            return Err(Error::Input("standard input is a terminal: name a capture, or pipe one in".to_owned()));
        }
        let filter = args.filter.as_deref().map(Filter::new).transpose()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (captures, name, complaints) = match (&*args.read, args.follow) {
            ([path], true) => {
                (Reading::Growing(Follow::new(path, Arc::clone(&stop))?), path.display().to_string(), vec![])
            }
            (_, true) => {
                return Err(Error::Input("--follow: name one capture, the one that is being written".to_owned()));
            }
            (paths, false) => {
                let (inputs, errors) = Inputs::find(paths);
                if inputs.is_empty() {
                    let nothing = || Error::Input("there is no capture to read".to_owned());
                    return Err(errors.into_iter().next().unwrap_or_else(nothing));
                }
                let name = match paths {
                    [path] => path.display().to_string(),
                    _ => counted(inputs.len() as u64, "capture"),
                };
                let complaints = errors.iter().map(ToString::to_string).collect();
                (Reading::Whole(Chain::new(inputs)), name, complaints)
            }
        };
        let overview = Overview::new(Span::Whole);
        let board = overview.board();
        let pace = if args.follow { Pace::Following } else { Pace::Offline };
        let plan = settings.plan(pace, filter, vec![Box::new(overview)]);
        let figures = Figures::of(&[], &plan.ledger, board, "");
        let source = Until { captures, stop };
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

    /// Reads them to their ends, where they are not followed, or until it is stopped; gives what is to be said of them.
    pub fn run(self) -> Result<Vec<String>, Error> {
        let Self { mut source, plan, figures, mut complaints, .. } = self;
        figures.ledger.set_phase(Phase::Running);
        let done = runtime::run(&mut source, plan, &mut |_, _| ());
        figures.ledger.set_phase(Phase::Stopping);
        complaints.extend(source.take_complaints());
        complaints.extend(done?.complaints);
        Ok(complaints)
    }
}
