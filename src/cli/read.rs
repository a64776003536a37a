//! `tlsight read`: captures to the outputs.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Instant;

use super::args::ReadArgs;
use super::console::Console;
use super::outputs::{Outputs, Use};
use super::progress::{Extent, Progress};
use super::settings::Settings;
use super::watch::Timed;
use super::{Status, follow, print};
use crate::Error;
use crate::capture::{Chain, Filter, Inputs};
use crate::runtime::{self, Pace};
use crate::sink::screen::counted;
use crate::sink::summary::report::{Setting, View};

/// Reads what was named. What can be read is read, whatever else cannot.
pub fn run(args: &ReadArgs, console: &Console) -> Result<Status, Error> {
    if args.follow {
        return follow::run(args, console);
    }
    let settings = Settings::of(&args.analysis, console)?;
    let (fail_on, rules) = (settings.fail_on(), settings.detector.as_ref().map(|detector| detector.rules().len()));
    let filter = args.analysis.filter.as_deref().map(Filter::new).transpose()?;
    if args.paths.iter().any(|path| path == Path::new("-")) && io::stdin().is_terminal() {
        return Err(Error::Input("standard input is a terminal: name a capture, or pipe one in".to_owned()));
    }

    let (inputs, errors) = Inputs::find(&args.paths);
    errors.iter().for_each(|error| console.error(error));
    let mut status = if errors.is_empty() { Status::Done } else { Status::Failed };
    if inputs.is_empty() {
        return Ok(status);
    }
    match inputs.passed_over() as u64 {
        0 => {}
        others => console.note(&format!("{} passed over: no captures", counted(others, "file"))),
    }
    let outputs = Outputs::open(&args.output, Use::Read, inputs.paths(), "", console)?;
    let extent = Extent { files: inputs.len(), total: inputs.total() };
    let mut progress = match console.errors_are_terminal && !console.is_quiet() {
        // Lines would run into it.
        true if !(outputs.streams && console.output_is_terminal) => Progress::new(extent, console),
        _ => Progress::off(),
    };

    let begun = Instant::now();
    let mut source = Timed::new(Chain::new(inputs));
    let plan = settings.plan(Pace::Offline, filter, outputs.sinks);
    let done = runtime::run(&mut source, plan, &mut |source, _| {
        progress.at(source.source.position(), source.source.read());
        status = status.max(tell(&mut source.source, console, &progress));
    });
    progress.done();
    status = status.max(tell(&mut source.source, console, &progress));
    let outcome = done?;

    if let Some(digest) = outputs.digest.and_then(|digest| digest.try_recv().ok()) {
        let captures = counted(source.source.read() as u64, "capture");
        let setting = Setting {
            source: &captures,
            span: source.span,
            verb: "read in",
            took: begun.elapsed(),
            filter: args.analysis.filter.as_deref(),
            rules,
            counters: outcome.counters,
        };
        print(&digest.report(&setting, View { screen: console.screen, rows: args.output.top }))?;
    }
    Ok(status.max(Settings::verdict(fail_on, &outcome, console)))
}

/// Says what has come up about the captures, each thing once.
fn tell(chain: &mut Chain, console: &Console, progress: &Progress) -> Status {
    let (warnings, errors) = (chain.take_warnings(), chain.take_errors());
    if !warnings.is_empty() || !errors.is_empty() {
        progress.say(|| {
            warnings.iter().for_each(|line| console.warn(line));
            errors.iter().for_each(|error| console.error(error));
        });
    }
    if errors.is_empty() { Status::Done } else { Status::Failed }
}
