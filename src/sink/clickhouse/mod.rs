//! ClickHouse: sessions and alerts as rows of two typed tables.
//!
//! In: shared batches of events, alerts. Out: INSERTs from a thread of its own, which turns events into rows, gathers
//! them, and sends identical rows again until the server has them. Never blocks a tap: what finds no room in the queue is
//! counted and told at the end. Counters ([`Stats`]) are not stored.

mod alert_row;
mod chain;
mod gate;
mod prints;
mod rows;
mod schema;
mod security;
mod target;
mod writer;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::{Sink, Stats};
use crate::Error;
use crate::detect::Alert;
use crate::event::Event;
use gate::{Gate, Load};
use writer::{Shared, Work, Writer};

pub use gate::WhenFull;
pub use target::{Login, PASSWORD_VARIABLE, Target, USER_VARIABLE};

/// How rows are gathered, and how much may wait.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub when_full: WhenFull,
    /// Rows of one INSERT.
    pub batch_rows: usize,
    /// Bytes of certificates and events that one INSERT's rows hold.
    pub batch_bytes: usize,
    /// The longest that a row waits for others.
    pub period: Duration,
    /// Rows that may wait for the server, those under way included.
    pub queue_rows: usize,
    /// Bytes that those may hold.
    pub queue_bytes: usize,
    /// How long the server may take to accept a piece of an INSERT.
    pub send_timeout: Duration,
    /// How long the server may take to answer.
    pub answer_timeout: Duration,
    /// How long the end of the run waits for rows to be stored.
    pub finish_wait: Duration,
}

impl Options {
    pub fn new(when_full: WhenFull) -> Self {
        Self {
            when_full,
            batch_rows: 20_000,
            batch_bytes: 64 << 20,
            period: Duration::from_secs(1),
            queue_rows: 200_000,
            queue_bytes: 512 << 20,
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
    queue: Sender<Work>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
    thread: thread::Thread,
}

impl ClickHouse {
    /// Starts the thread, and tries to prepare the tables: a server that is down is tried again later, one that says no is
    /// an error.
    ///
    /// # Errors
    /// User or password refused, an unknown database, tables with other columns, no thread to be had.
    pub fn open(target: &Target, options: Options) -> Result<Self, Error> {
        let failed = |why: String| Error::ClickHouse { url: target.url.clone(), why };
        let limit = Load { rows: options.queue_rows, bytes: options.queue_bytes };
        let shared = Arc::new(Shared::new(Gate::new(limit)));
        // The gate bounds what is in the channel.
        let (queue, work) = crossbeam_channel::unbounded();
        let (end, ended) = crossbeam_channel::bounded(0);
        let mut writer =
            Writer::new(target, options, Arc::clone(&shared)).map_err(|error| failed(error.to_string()))?;
        writer.first_contact().map_err(failed)?;
        let handle = thread::Builder::new()
            .name("clickhouse".to_owned())
            .spawn(move || {
                let _end: Sender<()> = end;
                writer.run(&work);
            })
            .map_err(|error| failed(format!("no thread for it: {error}")))?;
        Ok(Self { url: target.url.clone(), options, shared, queue, ended, thread: handle.thread().clone() })
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
        self.offer(writer::ALERT, || Work::Alert(Box::new(alert.clone())));
        Ok(ControlFlow::Continue(()))
    }

    fn stats(&mut self, _: &Stats) -> Result<ControlFlow<()>, Error> {
        Ok(ControlFlow::Continue(()))
    }

    fn flush(&mut self) -> Result<ControlFlow<()>, Error> {
        // Rows are sent after `period` at the latest.
        Ok(ControlFlow::Continue(()))
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, Error> {
        let Self { url, options, shared, queue, ended, thread } = *self;
        shared.finish_by(Instant::now() + options.finish_wait);
        drop(queue);
        thread.unpark();
        // A request that is still under way then is left to itself; its rows count as not stored.
        let waited = ended.recv_timeout(options.finish_wait);
        debug_assert!(!matches!(waited, Ok(())));
        let wait = matches!(waited, Err(RecvTimeoutError::Timeout)).then_some(options.finish_wait);
        Ok(shared.tally.summary(&url, wait).into_iter().collect())
    }
}
