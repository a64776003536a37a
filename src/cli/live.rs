//! `tlsight live`: interfaces to the outputs, until it is stopped.

mod confine;
mod files;
mod keeping;
mod listening;
mod metrics;
mod notify;
mod own;
mod reload;
pub mod signals;
mod status;

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::args::{self, LiveArgs};
use super::config::InForce;
use super::figures::Figures;
use super::outputs::{Outputs, Use, host_name};
use super::settings::Settings;
use super::{Status, config, console, detection, figures, print, settings, watch};
use crate::Error;
use crate::capture::Filter;
use crate::capture::tap::{self, InterfaceState};
use crate::flow::Hasher;
use crate::keep::Keep;
use crate::runtime::{Pace, Plan};
use crate::sink::Overview;
use crate::sink::overview::Span;
use crate::sink::summary::report::{Setting, View};
use crate::stats::{Ledger, Phase};

use confine::Confinement;
use console::Console;
use listening::Listening;
use notify::Service;
use own::Own;
use reload::Reload;
use signals::{HangUp, Looks};
use watch::Watched;

/// Listens until SIGINT or SIGTERM; a second signal ends the program at once.
pub fn run(args: &LiveArgs, in_force: Option<&InForce>, console: &Console) -> Result<Status, Error> {
    if args.interface.is_empty() {
        print(&list()?)?;
        return Err(Error::Input("name one of these interfaces: tlsight live -i IFACE".to_owned()));
    }
    if let Some(twice) = args
        .interface
        .iter()
        .enumerate()
        .find(|(at, name)| args.interface.iter().take(*at).any(|other| other == *name))
        .map(|(_, name)| name)
    {
        return Err(Error::Input(format!("interface {twice} is named twice: each of its packets would count as two")));
    }
    let settings = Settings::of(&args.analysis, console)?;
    let rules = settings.detector.as_ref().map(|detector| detector.rules().len());
    let filter = args.analysis.filter.clone();
    // The kernel is given the expression; here it is only checked, so that a wrong one is told as such.
    filter.as_deref().map(Filter::new).transpose()?;
    let reload = Reload::of(args, in_force, &settings, console);
    let (fail_on, now) = (reload.as_ref().map(Reload::fail_on), settings.fail_on());
    let stop = signals::stop_on_signal(if reload.is_some() { HangUp::Renews } else { HangUp::Ends })?;
    let looks = if args.watch { Looks::NowAndThen } else { Looks::Never };
    let sensor = args.sensor.clone().unwrap_or_else(host_name);
    // Never on the thread that reads: a slow output would cost packets.
    let threads = args.analysis.threads.unwrap_or(settings.threads.max(2));
    let watched = Watched { stop, end: Arc::new(AtomicBool::new(false)), ledger: Arc::new(Ledger::new(threads)) };
    let ledger = Arc::clone(&watched.ledger);

    // What needs rights comes first; then they are given up, before any thread is started.
    let own = if args.include_own { Own::default() } else { Own::of(&args.output, console) };
    let listening = Listening::open(args, own.beside(filter.as_deref()), &watched, console)?;
    let door = args.metrics.map(|address| door(address, args.metrics_public)).transpose()?;
    let service = Service::from_environment();
    let confined = Confinement::of(args).enter()?;
    confined.done.iter().for_each(|line| console.note(line));
    confined.missing.iter().for_each(|line| console.warn(line));

    let mut outputs = Outputs::open(&args.output, Use::Live, std::iter::empty(), &sensor, console)?;
    let keep = keeping::open(args, listening.links(), &ledger)?;
    let renewals = signals::attend(reload, looks, &ledger, console)?;
    if let Some(door) = door {
        let overview = Overview::new(Span::Recent(RECENT));
        let board = overview.board();
        outputs.sinks.push(Box::new(overview));
        let address = metrics::serve(door, Figures::of(&outputs.sinks, &ledger, board, &sensor))?;
        console.note(&format!("metrics at http://{address}/metrics"));
    }
    let interfaces = args.interface.join(", ");
    console.note(&format!("listening to {interfaces} {}{own}", listening.way()));

    let begun = Instant::now();
    ledger.set_phase(Phase::Running);
    let watchdog = service.watch(&watched)?;
    let plan = Plan {
        threads,
        measures: settings.measures(),
        limits: settings.limits,
        hasher: Hasher::random(),
        // The kernel has applied it.
        filter: None,
        detector: settings.detector,
        renewals: Some(renewals),
        sinks: outputs.sinks,
        keep: keep.as_ref().map(Keep::feed),
        sensor,
        pace: Pace::Live { stats_interval: args.stats_interval },
        ledger: Arc::clone(&ledger),
    };
    let done = listening.run(plan);
    ledger.set_phase(Phase::Stopping);
    let late = keep.and_then(Keep::finish);
    watchdog.end();
    let (mut outcome, span) = done?;
    outcome.complaints.extend(late);

    let counters = outcome.counters;
    if let Some(digest) = outputs.digest.and_then(|digest| digest.try_recv().ok()) {
        let setting = Setting {
            source: &interfaces,
            span,
            verb: "listened for",
            took: begun.elapsed(),
            filter: filter.as_deref(),
            rules,
            counters,
        };
        let report = digest.report(&setting, View { screen: console.screen, rows: args.output.top });
        print(&format!("\n{report}"))?;
    }
    for line in status::account(&ledger, begun.elapsed(), &counters) {
        console.warn(&line);
    }
    let fail_on = fail_on.map_or(now, |level| *level.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Settings::verdict(fail_on, &outcome, console))
}

/// Where metrics are asked for.
fn door(address: SocketAddr, public: bool) -> Result<TcpListener, Error> {
    if !address.ip().is_loopback() && !public {
        let why = "others can reach it: add --metrics-public if they may read the figures";
        return Err(Error::Input(format!("metrics at {address}: {why}")));
    }
    TcpListener::bind(address).map_err(|why| Error::Input(format!("metrics at {address}: {why}")))
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

/// How far `tlsight top` looks back.
const RECENT: Duration = Duration::from_secs(300);
