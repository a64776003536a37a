//! `tlsight live`: an interface to the outputs, until it is stopped.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::args::LiveArgs;
use super::console::Console;
use super::detection::Sources;
use super::outputs::{Outputs, Use, host_name};
use super::settings::Settings;
use super::watch::{Sensor, Timed};
use super::{Status, print};
use crate::Error;
use crate::capture::tap::{self, InterfaceState};
use crate::capture::{Filter, Tap, TapOptions};
use crate::flow::Hasher;
use crate::judge::Measures;
use crate::runtime::{self, Pace, Plan, Renewal};
use crate::sink::screen::{counted, duration};
use crate::sink::summary::report::{Setting, View};
use crate::stats::Counters;

/// Listens until SIGINT or SIGTERM; a second signal ends the program at once.
pub fn run(args: &LiveArgs, console: &Console) -> Result<Status, Error> {
    let Some(interface) = &args.interface else {
        print(&list()?)?;
        return Err(Error::Input("name one of these interfaces: tlsight live -i IFACE".to_owned()));
    };
    let settings = Settings::of(&args.analysis, console)?;
    let (fail_on, rules) = (settings.fail_on(), settings.detector.as_ref().map(|detector| detector.rules().len()));
    let filter = args.analysis.filter.clone();
    // The kernel is given the expression; here it is only checked, so that a wrong one is told as such.
    filter.as_deref().map(Filter::new).transpose()?;
    let sources = Sources::of(&args.analysis);
    let stop = stop_on_signal(if sources.is_some() { HangUp::Renews } else { HangUp::Ends })?;
    let renewals = sources.map(|sources| renewals(sources, console)).transpose()?;
    let sensor = args.sensor.clone().unwrap_or_else(host_name);
    let options = TapOptions { filter: filter.clone(), ..TapOptions::new(interface) };
    let mut source = Timed::new(Sensor::new(stop, |stop| Tap::open(&options, stop))?);
    let outputs = Outputs::open(&args.output, Use::Live, std::iter::empty(), &sensor, console)?;
    console.note(&format!("listening to {interface}"));

    let begun = Instant::now();
    let plan = Plan {
        // Never on the thread that reads: a slow output would cost packets.
        threads: args.analysis.threads.unwrap_or(settings.threads.max(2)),
        measures: Measures {
            anchors: settings.anchors,
            chain_checks: Some(settings.limits.chain_checks),
            knowledge: settings.knowledge,
        },
        limits: settings.limits,
        hasher: Hasher::random(),
        // The kernel has applied it.
        filter: None,
        detector: settings.detector,
        renewals,
        sinks: outputs.sinks,
        sensor,
        pace: Pace::Live { stats_interval: args.stats_interval },
    };
    let mut losses = Losses { next: begun };
    let outcome = runtime::run(&mut source, plan, &mut |source, counters| losses.count(&mut source.source, counters))?;

    let counters = outcome.counters;
    if let Some(digest) = outputs.digest.and_then(|digest| digest.try_recv().ok()) {
        let setting = Setting {
            source: interface,
            span: source.span,
            verb: "listened for",
            took: begun.elapsed(),
            filter: filter.as_deref(),
            rules,
            counters,
        };
        let report = digest.report(&setting, View { screen: console.screen, rows: args.output.top });
        print(&format!("\n{report}"))?;
    }
    console.warn(&farewell(interface, begun.elapsed(), &counters));
    Ok(Settings::verdict(fail_on, &outcome, console))
}

/// Counts what the kernel and the interface lose.
struct Losses {
    next: Instant,
}

impl Losses {
    /// Looks a few times a second, and when the sensor stops: asking costs the kernel more than a packet does.
    fn count(&mut self, sensor: &mut Sensor, counters: &mut Counters) {
        let now = Instant::now();
        if now < self.next && !sensor.is_stopping() {
            return;
        }
        self.next = now + PERIOD;
        // An interface that is gone is told by the next reading.
        counters.packets_dropped += sensor.lost().unwrap_or(0);
    }
}

fn farewell(interface: &str, took: Duration, counters: &Counters) -> String {
    let took = duration(took.as_nanos().try_into().unwrap_or(u64::MAX));
    let (packets, sessions) = (counted(counters.packets, "packet"), counted(counters.sessions, "session"));
    let dropped = counted(counters.packets_dropped, "packet");
    let shed = match counters.events_shed {
        0 => String::new(),
        shed => format!(", and {} not told because an output was too slow", counted(shed, "session")),
    };
    format!("{interface}: {packets}, {sessions} in {took}; {dropped} dropped by the kernel{shed}")
}

/// A flag that SIGINT and SIGTERM set; SIGHUP too where there is nothing that it could have read anew.
fn stop_on_signal(hangup: HangUp) -> Result<Arc<AtomicBool>, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    let signals = [SIGINT, SIGTERM].into_iter().chain((hangup == HangUp::Ends).then_some(SIGHUP));
    #[cfg(not(unix))]
    let signals = [SIGINT, SIGTERM];
    for signal in signals {
        let shutdown = flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&stop));
        // Registered second, run second: the first signal finds the flag down.
        shutdown.and_then(|_| flag::register(signal, Arc::clone(&stop))).map_err(|why| uncaught(&why))?;
    }
    Ok(stop)
}

/// What comes of SIGHUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HangUp {
    Ends,
    Renews,
}

/// Rules and lists, read anew whenever SIGHUP comes, by a thread of its own.
#[cfg(unix)]
fn renewals(sources: Sources, console: &Console) -> Result<Receiver<Renewal>, Error> {
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP]).map_err(|why| uncaught(&why))?;
    let (send, receive) = crossbeam_channel::unbounded();
    let console = console.clone();
    let work = move || {
        for _ in signals.forever() {
            if sources.renewal(&console).is_some_and(|renewal| send.send(renewal).is_err()) {
                return;
            }
        }
    };
    thread::Builder::new().name("renewals".to_owned()).spawn(work).map_err(|why| uncaught(&why))?;
    Ok(receive)
}

/// There is no SIGHUP.
#[cfg(not(unix))]
fn renewals(_: Sources, _: &Console) -> Result<Receiver<Renewal>, Error> {
    Ok(crossbeam_channel::never())
}

fn uncaught(why: &io::Error) -> Error {
    Error::Input(format!("signals cannot be caught: {why}"))
}

/// The interfaces, a line each.
fn list() -> Result<String, Error> {
    let interfaces = tap::interfaces()?;
    let width = interfaces.iter().map(|interface| interface.name.len()).max().unwrap_or(0);
    let lines = interfaces.iter().map(|interface| {
        let state = match interface.state {
            InterfaceState::Up => "up",
            InterfaceState::Down => "down",
        };
        let addresses = interface.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let about = [addresses, interface.description.clone().unwrap_or_default()];
        let about = about.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("  ");
        format!("{:<width$}  {state:<4}  {about}", interface.name).trim_end().to_owned() + "\n"
    });
    Ok(lines.collect())
}

const PERIOD: Duration = Duration::from_millis(250);
/// What a shell makes of SIGINT.
const INTERRUPTED: i32 = 130;
