//! ClickHouse: sessions, certificates, alerts and counters as rows of typed tables.
//!
//! In: shared batches of events, alerts, counters. Out: INSERTs. One thread turns events into batches of rows and puts them
//! into a spool ([`SpoolOptions`]); another sends identical bytes until the server has them, or has refused them for good.
//! Never blocks a tap: what finds no room is counted and told at the end.

mod alert_row;
mod batch;
mod certificate_row;
mod chain;
mod gate;
mod keep;
mod lines;
mod migration;
mod native;
mod prints;
mod refusal;
mod replay;
mod rows;
mod schema;
mod security;
mod sender;
mod setup;
mod spool;
mod stats_row;
mod status;
mod tally;
mod target;
mod writer;

use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender as Queue};

use super::{Gauge, Sink, Stats};
use crate::Error;
use crate::detect::Alert;
use crate::event::Event;
use batch::Tokens;
use gate::{Gate, Load};
use sender::{Link, Sender, Timeouts};
use spool::Spool;
use tally::End;
use writer::{Work, Writer};

pub use gate::WhenFull;
pub use keep::Keep;
pub use replay::{Replayed, replay};
pub use sender::Shared;
pub use setup::{Ready, init, statements};
pub use spool::{Census, SpoolOptions};
pub use status::{Status, TableStatus, spool_status, status};
pub use target::{Login, PASSWORD_VARIABLE, TOKEN_VARIABLE, Target, USER_VARIABLE};

/// How rows are gathered, and how much may wait.
#[derive(Debug, Clone)]
pub struct Options {
    pub when_full: WhenFull,
    /// Where batches wait; in memory if nowhere, and then they are lost with the program.
    pub spool: Option<SpoolOptions>,
    /// The name that rows carry; empty where there is none.
    pub sensor: String,
    /// The same input twice is stored once, as long as the server remembers its batches. Rows are then sent when a batch is
    /// full, and not after `period`.
    pub repeatable: bool,
    /// Rows of one INSERT.
    pub batch_rows: usize,
    /// Bytes of one INSERT's rows, before compression.
    pub batch_bytes: usize,
    /// The longest that a row waits for others.
    pub period: Duration,
    /// Rows that may wait to become batches.
    pub queue_rows: usize,
    /// Bytes that their events may hold.
    pub queue_bytes: usize,
    /// Bytes of batches that may wait in memory.
    pub memory_bytes: u64,
    /// How long the server may take to accept a piece of an INSERT.
    pub send_timeout: Duration,
    /// How long the server may take to answer.
    pub answer_timeout: Duration,
    /// How long the end of the run waits for rows to be stored; without a spool, for the server to take some of them.
    pub finish_wait: Duration,
}

impl Options {
    pub fn new(when_full: WhenFull) -> Self {
        Self {
            when_full,
            spool: None,
            sensor: String::new(),
            repeatable: false,
            batch_rows: 20_000,
            batch_bytes: 64 << 20,
            period: Duration::from_secs(1),
            queue_rows: 200_000,
            queue_bytes: 512 << 20,
            memory_bytes: 128 << 20,
            send_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(60),
            finish_wait: Duration::from_secs(30),
        }
    }
}

/// The sink's end of the queue.
#[derive(Debug)]
pub struct ClickHouse {
    url: String,
    options: Options,
    shared: Arc<Shared>,
    queue: Queue<Work>,
    /// Disconnected when both threads have ended.
    ended: Receiver<()>,
    sender: thread::Thread,
}

impl ClickHouse {
    /// Starts the threads, and tries to prepare the tables: a server that is down is tried again later, one that says no is
    /// an error.
    ///
    /// # Errors
    /// User or password refused, an unknown database, tables with other columns or of a newer version, a spool that cannot
    /// be opened, no thread to be had.
    pub fn open(target: &Target, options: Options) -> Result<Self, Error> {
        let failed = |why: String| Error::ClickHouse { url: target.url.clone(), why };
        let limit = Load { rows: options.queue_rows, bytes: options.queue_bytes };
        let memory = options.memory_bytes;
        let spool = match &options.spool {
            None => Spool::in_memory(memory),
            Some(folder) => Spool::open(folder, memory, &target.url, &target.database)
                .map_err(|error| failed(format!("its spool {}: {error}", folder.folder.display())))?,
        };
        match spool.batches_of_others() {
            0 => {}
            batches => tracing::info!("ClickHouse at {}: {batches} batches of earlier runs are sent first", target.url),
        }
        let shared = Arc::new(Shared::new(Gate::new(limit), spool));
        // The gate bounds what is in the channel.
        let (queue, work) = crossbeam_channel::unbounded();
        let (end, ended) = crossbeam_channel::bounded(0);
        let timeouts = Timeouts { send: options.send_timeout, answer: options.answer_timeout };
        let mut sender = Sender::new(Link::new(target, timeouts)?, Arc::clone(&shared));
        sender.first_contact().map_err(failed)?;
        // The standard library's hash keys are random per process.
        let run = RandomState::new().hash_one(std::process::id());
        let tokens = if options.repeatable { Tokens::OfContent } else { Tokens::OfRun(run) };
        let writer = Writer::new(target, options.clone(), tokens, Arc::clone(&shared));
        let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
            thread.map_err(|error| failed(format!("no thread for it: {error}")))
        };
        let end_of_rows = end.clone();
        start(
            "clickhouse-rows",
            Box::new(move || {
                let _end: Queue<()> = end_of_rows;
                writer.run(&work);
            }),
        )?;
        let sending = start(
            "clickhouse",
            Box::new(move || {
                let _end: Queue<()> = end;
                sender.run();
            }),
        )?;
        Ok(Self { url: target.url.clone(), options, shared, queue, ended, sender: sending.thread().clone() })
    }

    fn offer(&self, load: Load, work: impl FnOnce() -> Work) {
        let tally = &self.shared.tally;
        tally.offered.add(load.rows);
        if !self.shared.gate.admit(load, self.options.when_full) || self.queue.send(work()).is_err() {
            tally.shed.add(load.rows);
        }
    }
}

impl Sink for ClickHouse {
    fn events(&mut self, events: &Arc<Vec<Event>>) -> Result<ControlFlow<()>, Error> {
        if !events.is_empty() {
            self.offer(writer::load(events), || Work::Events(Arc::clone(events)));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn alert(&mut self, alert: &Alert) -> Result<ControlFlow<()>, Error> {
        self.offer(writer::SMALL, || Work::Alert(Box::new(alert.clone())));
        Ok(ControlFlow::Continue(()))
    }

    fn stats(&mut self, stats: &Stats) -> Result<ControlFlow<()>, Error> {
        self.offer(writer::SMALL, || Work::Stats(Box::new(stats.clone())));
        Ok(ControlFlow::Continue(()))
    }

    fn flush(&mut self) -> Result<ControlFlow<()>, Error> {
        // Rows are sent after `period` at the latest.
        Ok(ControlFlow::Continue(()))
    }

    fn gauge(&self) -> Option<Gauge> {
        Some(Gauge::ClickHouse(Arc::clone(&self.shared)))
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, Error> {
        let Self { url, options, shared, queue, ended, sender } = *self;
        // First the end of the rows: what is in the queue becomes batches, and those are in the spool.
        drop(queue);
        shared.finish_within(options.finish_wait);
        sender.unpark();
        // A request that is still under way then is left to itself; its rows count as not stored.
        let mut waited = false;
        while !waited && ended.recv_deadline(shared.deadline().unwrap_or_else(Instant::now) + GRACE) == TIMEOUT {
            waited = shared.deadline().is_none_or(|deadline| deadline + GRACE <= Instant::now());
        }
        let waited = waited || shared.is_over();
        let end = End {
            url: &url,
            waited: waited.then_some(options.finish_wait),
            spool: shared.spool.path().map(|path| (path, shared.spool.rows_left())),
        };
        Ok(shared.tally.summary(&end).into_iter().collect())
    }
}

/// Makes the folder of a spool; what it makes is nobody else's.
///
/// # Errors
/// Those of the file system.
pub fn prepare_spool(spool: &SpoolOptions) -> std::io::Result<()> {
    spool::make(&spool.folder)
}

/// The folder below the user's own for what programs keep, where a sensor's batches wait.
pub fn default_spool() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")));
    state.unwrap_or_else(|| PathBuf::from("/var/lib")).join("tlsight/spool")
}

const TIMEOUT: Result<(), RecvTimeoutError> = Err(RecvTimeoutError::Timeout);
/// For the sender to see that its time is up.
const GRACE: Duration = Duration::from_millis(500);
