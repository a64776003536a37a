//! `tlsight top`: how a sensor stands, or captures that are being read, on a terminal.
//!
//! In: snapshots, once a second, from a sensor's `/top` or from a run of our own. Out: a view of them on the terminal
//! until the user has seen enough; or text, once. Everything that peers wrote is made safe before it is shown.

pub mod args;
mod captures;
mod panes;
mod remote;
mod screen;
mod state;
mod view;

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use args::TopArgs;
use captures::Captures;
use remote::Remote;
use state::State;

use super::console::Console;
use super::{Status, print};
use crate::Error;
use crate::sink::overview::Snapshot;

/// Shows until it is ended; with `--once`, once.
pub fn run(args: &TopArgs, console: &Console) -> Result<Status, Error> {
    let is_document = args.read.is_empty() && args.address == "-";
    if !args.once && !is_document && !console.output_is_terminal {
        return Err(Error::Input("standard output is no terminal: tlsight top --once prints text".to_owned()));
    }
    if is_document {
        return once(&[document()?], "-", console);
    }
    if !args.read.is_empty() {
        return of_captures(Captures::open(args, console)?, args, console);
    }
    let remote = Remote::at(&args.address)?;
    // The first shows whether anybody is there, before the terminal is taken.
    let first = remote.ask()?;
    if args.once {
        thread::sleep(PERIOD);
        return once(&[first, remote.ask()?], remote.address(), console);
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (send, snapshots) = crossbeam_channel::bounded(1);
        let (remote, stop) = (&remote, &stop);
        scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) && send.send(remote.ask()).is_ok() {
                pause(PERIOD, stop);
            }
        });
        let state = State::new(remote.address(), console.screen);
        let shown = screen::show(state, &snapshots);
        stop.store(true, Ordering::Relaxed);
        drop(snapshots);
        shown
    })?;
    Ok(Status::Done)
}

/// Captures are read beside the view, and to the end where there is none.
fn of_captures(captures: Captures, args: &TopArgs, console: &Console) -> Result<Status, Error> {
    let (figures, stop) = (captures.figures(), captures.stop());
    let name = captures.name();
    if args.once {
        let outcome = captures.run()?;
        let status = once(&[figures.snapshot()], &name, console)?;
        outcome.iter().for_each(|line| console.warn(line));
        return Ok(if outcome.is_empty() { status } else { Status::Failed });
    }
    thread::scope(|scope| {
        let (send, snapshots) = crossbeam_channel::bounded(1);
        let run = scope.spawn(|| captures.run());
        let ended = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&ended);
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) && send.send(Ok(figures.snapshot())).is_ok() {
                pause(PERIOD / 2, &over);
            }
        });
        let shown = screen::show(State::new(&name, console.screen), &snapshots);
        stop.store(true, Ordering::Relaxed);
        ended.store(true, Ordering::Relaxed);
        drop(snapshots);
        let complaints = run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        shown?;
        complaints.iter().for_each(|line| console.warn(line));
        Ok(if complaints.is_empty() { Status::Done } else { Status::Failed })
    })
}

/// The document that somebody has asked for already.
fn document() -> Result<Snapshot, Error> {
    let wrong = |why: String| Error::Input(format!("standard input: {why}"));
    let mut text = String::new();
    io::stdin().lock().take(remote::DOCUMENT_BYTES).read_to_string(&mut text).map_err(|why| wrong(why.to_string()))?;
    serde_json::from_str(&text).map_err(|why| wrong(format!("no document of /top: {why}")))
}

/// As text; the rates are those between two snapshots.
fn once(snapshots: &[Snapshot], source: &str, console: &Console) -> Result<Status, Error> {
    let mut state = State::new(source, console.screen);
    snapshots.iter().for_each(|snapshot| state.take(snapshot.clone()));
    print(&view::text(&state))?;
    Ok(Status::Done)
}

/// Waits, unless it is to stop.
fn pause(time: Duration, stop: &AtomicBool) {
    let until = std::time::Instant::now() + time;
    while !stop.load(Ordering::Relaxed) && std::time::Instant::now() < until {
        thread::sleep(STEP);
    }
}

const PERIOD: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(50);
