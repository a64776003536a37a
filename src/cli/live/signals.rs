//! What signals do to a sensor: SIGINT and SIGTERM end it, SIGHUP has rules and lists read again, SIGUSR1 asks how it is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use crossbeam_channel::Receiver;
#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGUSR1};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::console::Console;
use super::detection::Sources;
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

/// Answers SIGUSR1, and SIGHUP where there are rules or lists: by a thread of its own. What is read anew comes out.
#[cfg(unix)]
pub fn attend(sources: Option<Sources>, ledger: &Arc<Ledger>, console: &Console) -> Result<Receiver<Renewal>, Error> {
    let signals = [SIGUSR1].into_iter().chain(sources.is_some().then_some(SIGHUP));
    let mut signals = signal_hook::iterator::Signals::new(signals).map_err(|why| uncaught(&why))?;
    let (send, receive) = crossbeam_channel::unbounded();
    let (console, ledger) = (console.clone(), Arc::clone(ledger));
    let work = move || {
        for signal in signals.forever() {
            match (signal, &sources) {
                (SIGHUP, Some(sources)) => {
                    if sources.renewal(&console).is_some_and(|renewal| send.send(renewal).is_err()) {
                        return;
                    }
                }
                _ => console.say(&super::status::line(&ledger)),
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(work).map_err(|why| uncaught(&why))?;
    Ok(receive)
}

/// There are no such signals.
#[cfg(not(unix))]
pub fn attend(_: Option<Sources>, _: &Arc<Ledger>, _: &Console) -> Result<Receiver<Renewal>, Error> {
    Ok(crossbeam_channel::never())
}

fn uncaught(why: &io::Error) -> Error {
    Error::Input(format!("signals cannot be caught: {why}"))
}

/// What a shell makes of SIGINT.
const INTERRUPTED: i32 = 130;
