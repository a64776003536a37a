//! Where results go: NDJSON, ClickHouse, a terminal; alerts also by syslog, in CEF, to a webhook.
//!
//! In: [`Event`]s in shared batches, [`Alert`]s, [`Stats`]. Out: lines and rows in the public schema ([`record`]). Decides
//! nothing about them. A sink may have threads of its own; its methods are called from one.

mod attack;
mod backoff;
pub mod cef;
pub mod clickhouse;
pub mod community_id;
pub mod courier;
pub mod forms;
pub mod json;
pub mod ndjson;
pub mod outflow;
pub mod overview;
pub mod record;
pub mod screen;
pub mod sessions;
pub mod standing;
pub mod summary;
pub mod syslog;
mod trust;
pub mod webhook;

use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::Error;
use crate::capture::Timestamp;
use crate::detect::Alert;
use crate::event::Event;
use crate::stats::{Counters, InterfaceCounters};

pub use cef::Cef;
pub use clickhouse::ClickHouse;
pub use ndjson::Ndjson;
pub use outflow::Outflow;
pub use overview::Overview;
pub use sessions::Sessions;
pub use standing::{Gauge, Standing};
pub use summary::Summary;
pub use syslog::Syslog;
pub use webhook::Webhook;

/// A place for results; of what it does not take, nothing becomes.
///
/// [`ControlFlow::Break`] says that nobody reads any more (a closed pipe): the run ends in peace. An error ends it too,
/// and is shown.
pub trait Sink: Send {
    /// Takes a batch of events. A sink that keeps them keeps the `Arc`; nothing is copied.
    fn events(&mut self, _events: &Arc<Vec<Event>>) -> Result<ControlFlow<()>, Error> {
        Ok(ControlFlow::Continue(()))
    }

    fn alert(&mut self, _alert: &Alert) -> Result<ControlFlow<()>, Error> {
        Ok(ControlFlow::Continue(()))
    }

    /// The counters of an interval (live), or of the whole run at its end.
    fn stats(&mut self, _stats: &Stats) -> Result<ControlFlow<()>, Error> {
        Ok(ControlFlow::Continue(()))
    }

    /// Hands on what is buffered; called when nothing has come for a while.
    fn flush(&mut self) -> Result<ControlFlow<()>, Error> {
        Ok(ControlFlow::Continue(()))
    }

    /// A way to ask how it stands, where somebody is waited for.
    fn gauge(&self) -> Option<Gauge> {
        None
    }

    /// The end of the run: hands on what is left, waiting for it within the sink's own bound.
    ///
    /// Returns lines for the user about what could not be delivered; none if all is well.
    fn finish(self: Box<Self>) -> Result<Vec<String>, Error>;
}

/// What a sensor has counted, for `tlsight.stats`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    pub counters: Counters,
    /// What each interface gave and lost; none where captures are read.
    pub interfaces: Vec<InterfaceCounters>,
    /// The sensor's name; empty where it has none.
    pub sensor: String,
    /// End of the interval, in packet time.
    pub end: Timestamp,
}

/// What became of a write to `name`: a reader who has left ends the run in peace.
fn written(done: io::Result<()>, name: &Path) -> Result<ControlFlow<()>, Error> {
    match done {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(source) => Err(Error::Write { path: name.to_owned(), source }),
    }
}
