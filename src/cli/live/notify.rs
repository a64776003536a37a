//! The service manager's protocol (sd_notify(3)): that the sensor is ready, lives, and stops.
//!
//! Messages go to the socket that `NOTIFY_SOCKET` names; without one nobody is told. A sensor of which a thread is stuck
//! does not say that it lives, and is started anew by whoever waits for that (`WatchdogSec=`).

use std::env;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::status::{self, STUCK};
use super::watch::Watched;
use crate::Error;
use crate::stats::Ledger;

/// Who started the sensor, if it wants to be told.
pub struct Service {
    socket: Option<(UnixDatagram, Address)>,
    /// How often it wants to hear that the sensor lives.
    watchdog: Option<Duration>,
}

enum Address {
    Path(PathBuf),
    #[cfg(target_os = "linux")]
    Abstract(std::os::unix::net::SocketAddr),
}

/// A thread that tells the service, until it is ended.
pub struct Watchdog {
    thread: JoinHandle<()>,
    end: Arc<AtomicBool>,
}

impl Service {
    pub fn from_environment() -> Self {
        let address = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()).and_then(|name| address(&name));
        let socket = address.and_then(|address| Some((UnixDatagram::unbound().ok()?, address)));
        let microseconds = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        Self { socket, watchdog: microseconds.filter(|number| *number > 0).map(Duration::from_micros) }
    }

    /// Says that the sensor is ready, and from then on that it lives; as soon as it is told to stop, that.
    pub fn watch(self, watched: &Watched) -> Result<Watchdog, Error> {
        self.say(&format!("READY=1\nSTATUS={}", status::line(&watched.ledger)));
        let end = Arc::new(AtomicBool::new(false));
        let (watched, ended) = (watched.clone(), Arc::clone(&end));
        let thread = thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || self.keep(&watched, &ended))
            .map_err(|why| Error::Input(format!("a thread cannot be started: {why}")))?;
        Ok(Watchdog { thread, end })
    }

    fn keep(&self, watched: &Watched, end: &AtomicBool) {
        // Twice in the time for which it waits (sd_watchdog_enabled(3)).
        let period = self.watchdog.map_or(STATUS_PERIOD, |watchdog| (watchdog / 2).min(STATUS_PERIOD));
        let mut next = Instant::now() + period;
        let mut stopping = false;
        while !end.load(Ordering::Relaxed) {
            thread::sleep(STEP.min(period));
            if watched.stop.load(Ordering::Relaxed) && !stopping {
                stopping = true;
                self.say("STOPPING=1");
            }
            if Instant::now() >= next {
                next += period;
                self.tell(&watched.ledger);
            }
        }
        if !stopping {
            self.say("STOPPING=1");
        }
    }

    fn tell(&self, ledger: &Ledger) {
        let alive = status::stuck(ledger, STUCK).is_empty();
        let alive = if alive && self.watchdog.is_some() { "WATCHDOG=1\n" } else { "" };
        self.say(&format!("{alive}STATUS={}", status::line(ledger)));
    }

    fn say(&self, message: &str) {
        let Some((socket, address)) = &self.socket else { return };
        // Who does not listen any more is not told.
        let _: io::Result<usize> = match address {
            Address::Path(path) => socket.send_to(message.as_bytes(), path),
            #[cfg(target_os = "linux")]
            Address::Abstract(address) => socket.send_to_addr(message.as_bytes(), address),
        };
    }
}

impl Watchdog {
    pub fn end(self) {
        self.end.store(true, Ordering::Relaxed);
        // It ends within a step.
        let _ = self.thread.join();
    }
}

/// `@` stands for the first byte of an abstract name.
fn address(name: &std::ffi::OsStr) -> Option<Address> {
    use std::os::unix::ffi::OsStrExt;
    match name.as_bytes().split_first() {
        #[cfg(target_os = "linux")]
        Some((b'@', rest)) => {
            use std::os::linux::net::SocketAddrExt;
            std::os::unix::net::SocketAddr::from_abstract_name(rest).ok().map(Address::Abstract)
        }
        Some((b'/', _)) => Some(Address::Path(PathBuf::from(name))),
        _ => None,
    }
}

const STEP: Duration = Duration::from_millis(100);
const STATUS_PERIOD: Duration = Duration::from_secs(30);
