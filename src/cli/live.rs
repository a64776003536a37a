//! `tlsight live`: an interface to the outputs, until it is stopped.

use std::fs;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::args::LiveArgs;
use super::console::Console;
use super::outputs::{Outputs, Use};
use super::settings::Settings;
use super::watch::{Sensor, Timed};
use super::{Status, print};
use crate::Error;
use crate::capture::tap::{self, InterfaceState};
use crate::capture::{Filter, Tap, TapOptions};
use crate::flow::Hasher;
use crate::judge::Measures;
use crate::runtime::{self, Pace, Plan};
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
    let (fail_on, rules) = (settings.fail_on(), settings.rules.as_ref().map(|rules| rules.len()));
    let filter = args.analysis.filter.clone();
    // The kernel is given the expression; here it is only checked, so that a wrong one is told as such.
    filter.as_deref().map(Filter::new).transpose()?;
    let stop = stop_on_signal()?;
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
        rules: settings.rules,
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

/// A flag that SIGINT, SIGTERM and SIGHUP set.
fn stop_on_signal() -> Result<Arc<AtomicBool>, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            process::exit(INTERRUPTED);
        }
    };
    ctrlc::set_handler(handler).map_err(|error| Error::Input(format!("signals cannot be caught: {error}")))?;
    Ok(stop)
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

/// The machine's name, or nothing.
fn host_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

const PERIOD: Duration = Duration::from_millis(250);
/// What a shell makes of SIGINT.
const INTERRUPTED: i32 = 130;
