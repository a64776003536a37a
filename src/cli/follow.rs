//! `tlsight read --follow`: a capture to the outputs while it grows, until it is stopped.

use std::path::Path;
use std::time::Instant;

use super::args::ReadArgs;
use super::console::Console;
use super::live::signals::{HangUp, stop_on_signal};
use super::outputs::{Outputs, Use};
use super::settings::Settings;
use super::watch::Timed;
use super::{Status, print};
use crate::Error;
use crate::capture::{Filter, Follow};
use crate::runtime::{self, Pace};
use crate::sink::summary::report::{Setting, View};

/// Follows what was named until SIGINT or SIGTERM; a second signal ends the program at once.
pub fn run(args: &ReadArgs, console: &Console) -> Result<Status, Error> {
    let [path] = &*args.paths else {
        return Err(Error::Input("--follow: name one capture, the one that is being written".to_owned()));
    };
    if path == Path::new("-") {
        let why = "--follow: standard input is read as it comes without it: leave it out";
        return Err(Error::Input(why.to_owned()));
    }
    let settings = Settings::of(&args.analysis, console)?;
    let (fail_on, rules) = (settings.fail_on(), settings.detector.as_ref().map(|detector| detector.rules().len()));
    let filter = args.analysis.filter.as_deref().map(Filter::new).transpose()?;
    let stop = stop_on_signal(HangUp::Ends)?;
    let source = Follow::new(path, stop)?;
    let outputs = Outputs::open(&args.output, Use::Follow, std::iter::once(&**path), "", console)?;
    console.note(&format!("following {}", path.display()));

    let begun = Instant::now();
    let mut source = Timed::new(source);
    let plan = settings.plan(Pace::Following, filter, outputs.sinks);
    let done = runtime::run(&mut source, plan, &mut |source, _| tell(&mut source.source, console));
    tell(&mut source.source, console);
    let outcome = done?;

    if let Some(digest) = outputs.digest.and_then(|digest| digest.try_recv().ok()) {
        let path = path.display().to_string();
        let setting = Setting {
            source: &path,
            span: source.span,
            verb: "followed for",
            took: begun.elapsed(),
            filter: args.analysis.filter.as_deref(),
            rules,
            counters: outcome.counters,
        };
        let report = digest.report(&setting, View { screen: console.screen, rows: args.output.top });
        print(&format!("\n{report}"))?;
    }
    Ok(Settings::verdict(fail_on, &outcome, console))
}

/// Says what has happened to the file, each thing once.
fn tell(follow: &mut Follow, console: &Console) {
    follow.take_remarks().iter().for_each(|line| console.warn(line));
}
