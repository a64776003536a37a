//! What signals do to a sensor: SIGINT and SIGTERM end it, SIGHUP has rules, lists, labels and the
//! configuration read again, SIGUSR1 asks how it is. A change of files may do what SIGHUP does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use crossbeam_channel::Receiver;
#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGUSR1};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::console::Console;
use super::files::Files;
use super::reload::Reload;
use crate::Error;
use crate::runtime::Renewal;
use crate::stats::Ledger;

/// What comes of SIGHUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    Ends,
    Renews,
}

/// A flag that SIGINT and SIGTERM set; SIGHUP too where there is nothing that it could have read anew. A second signal
/// ends the program at once.
pub fn stop_on_signal(hangup: HangUp) -> Result<Arc<AtomicBool>, Error> {
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

/// Answers SIGUSR1, and SIGHUP where there is something to be read anew: by a thread of its own. It comes out.
#[cfg(unix)]
pub fn attend(
    reload: Option<Reload>,
    looks: Looks,
    ledger: &Arc<Ledger>,
    console: &Console,
) -> Result<Receiver<Renewal>, Error> {
    let signals = [SIGUSR1].into_iter().chain(reload.is_some().then_some(SIGHUP));
    let mut signals = signal_hook::iterator::Signals::new(signals).map_err(|why| uncaught(&why))?;
    let (send, receive) = crossbeam_channel::unbounded();
    let files = reload.as_ref().filter(|_| looks == Looks::NowAndThen).map(|reload| Files::new(reload.paths()));
    let (console, ledger, mut files, mut reload) = (console.clone(), Arc::clone(ledger), files, reload);
    let mut renew = move |files: &mut Option<Files>| {
        let Some(reload) = &mut reload else { return true };
        let renewal = reload.again();
        if let Some(files) = files {
            files.look_at(reload.paths());
        }
        // Whoever took them is gone: so is the run.
        renewal.is_none_or(|renewal| send.send(renewal).is_ok())
    };
    let work = move || {
        loop {
            let came: Vec<i32> = match &files {
                None => signals.wait().collect(),
                Some(_) => {
                    thread::sleep(STEP);
                    signals.pending().collect()
                }
            };
            for signal in came {
                match signal {
                    SIGHUP if !renew(&mut files) => return,
                    SIGHUP => {}
                    _ => console.say(&super::status::line(&ledger)),
                }
            }
            if files.as_mut().is_some_and(Files::have_changed) && !renew(&mut files) {
                return;
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(work).map_err(|why| uncaught(&why))?;
    Ok(receive)
}

/// Whether files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    Never,
    NowAndThen,
}

/// There are no such signals.
#[cfg(not(unix))]
pub fn attend(_: Option<Reload>, _: Looks, _: &Arc<Ledger>, _: &Console) -> Result<Receiver<Renewal>, Error> {
    Ok(crossbeam_channel::never())
}

fn uncaught(why: &io::Error) -> Error {
    Error::Input(format!("signals cannot be caught: {why}"))
}

/// What a shell makes of SIGINT.
const INTERRUPTED: i32 = 130;
/// How soon a signal is answered where files are looked at.
#[cfg(unix)]
const STEP: Duration = Duration::from_millis(100);
