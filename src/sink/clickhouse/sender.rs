//! The thread that talks to the server: takes batches out of the spool and sends each until the server has it.
//!
//! A batch is the same bytes and the same deduplication token each time, so that one whose answer was lost is not stored
//! twice. One that is refused for what it is, is set aside and holds nobody up.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clickhouse::error::Error;
use clickhouse::{Client, Compression};
use tokio::runtime::Runtime;

use super::batch::Batch;
use super::gate::Gate;
use super::refusal::{Meaning, told};
use super::schema;
use super::spool::{Entry, Run, Spool};
use super::tally::{Count, Tally};
use super::target::Target;
use crate::sink::backoff::Backoff;
use crate::sink::standing::{self, Standing};

/// What the sink and its threads see.
#[derive(Debug)]
pub struct Shared {
    pub gate: Gate,
    pub spool: Spool,
    pub tally: Tally,
    /// Set when the run is over.
    over: OnceLock<Over>,
    /// When the server has last taken a batch.
    progress: Mutex<Option<Instant>>,
}

/// The end of a run: what is not stored by then stays so.
#[derive(Debug, Clone, Copy)]
struct Over {
    since: Instant,
    wait: Duration,
}

/// How long the server may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To accept a piece of an INSERT.
    pub send: Duration,
    /// To answer.
    pub answer: Duration,
}

impl Shared {
    pub fn new(gate: Gate, spool: Spool) -> Self {
        Self { gate, spool, tally: Tally::default(), over: OnceLock::new(), progress: Mutex::default() }
    }

    /// How the sink stands.
    pub fn standing(&self) -> Standing {
        let count = |count: &Count| count.value() as u64;
        let (inside, capacity) = self.gate.rows();
        let (failures, last_error) = self.tally.failures();
        Standing {
            output: "clickhouse".to_owned(),
            unit: "rows".to_owned(),
            waiting: inside as u64,
            capacity: capacity as u64,
            offered: count(&self.tally.offered),
            delivered: count(&self.tally.stored),
            shed: count(&self.tally.shed) + count(&self.tally.spool_full),
            refused: count(&self.tally.refused) + count(&self.tally.quarantined),
            failures,
            lag_seconds: standing::seconds(self.spool.waits_for()),
            last_error,
            spool: Some(self.spool.spooled()),
        }
    }

    /// The run is over: rows have so long to be stored.
    pub fn finish_within(&self, wait: Duration) {
        self.over.get_or_init(|| Over { since: Instant::now(), wait });
        self.spool.wake();
    }

    /// When it is time to give up. What is on disk can wait for the next run; what is in memory is waited for as long as
    /// the server takes some of it now and then.
    pub fn deadline(&self) -> Option<Instant> {
        let Over { since, wait } = *self.over.get()?;
        let progress = match self.spool.path() {
            Some(_) => None,
            None => *self.progress.lock().unwrap_or_else(PoisonError::into_inner),
        };
        Some(progress.map_or(since, |progress| progress.max(since)) + wait)
    }

    pub fn is_over(&self) -> bool {
        self.deadline().is_some_and(|deadline| Instant::now() >= deadline)
    }
}

pub struct Sender {
    link: Link,
    shared: Arc<Shared>,
}

/// The way to one database.
pub struct Link {
    client: Client,
    runtime: Runtime,
    timeouts: Timeouts,
    target: Target,
    tables: Tables,
}

/// Whether the tables are known to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tables {
    Unknown,
    Ready,
}

/// A failed attempt.
#[derive(Debug)]
pub struct Failure {
    pub meaning: Meaning,
    pub why: String,
}

impl Link {
    pub fn new(target: &Target, timeouts: Timeouts) -> Result<Self, crate::Error> {
        let failed = |error| crate::Error::ClickHouse { url: target.url.clone(), why: format!("no runtime: {error}") };
        Ok(Self {
            // The body is compressed already.
            client: target.client()?.with_compression(Compression::None),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?,
            timeouts,
            target: target.clone(),
            tables: Tables::Unknown,
        })
    }

    /// Makes the tables ready, if they are not known to be.
    pub fn prepare(&mut self, timeout: Duration) -> Result<(), Failure> {
        if self.tables == Tables::Unknown {
            let Self { client, runtime, target, .. } = self;
            let prepared = async { tokio::time::timeout(timeout, schema::prepare(client, &target.database)).await };
            let prepared = runtime.block_on(prepared).unwrap_or(Err(Error::TimedOut));
            prepared.map_err(|error| self.failure(&error))?;
            self.tables = Tables::Ready;
        }
        Ok(())
    }

    /// One attempt.
    pub fn send(&mut self, batch: &Batch) -> Result<(), Failure> {
        self.prepare(self.timeouts.answer)?;
        let Self { client, runtime, timeouts, target, .. } = self;
        let insert = client
            .insert_formatted_with(batch.head.insert())
            .with_setting("insert_deduplication_token", &batch.head.token)
            .with_setting("async_insert", if target.gathers { "1" } else { "0" })
            .with_timeouts(Some(timeouts.send), Some(timeouts.answer));
        let mut insert = SETTINGS.into_iter().fold(insert, |insert, (name, value)| insert.with_setting(name, value));
        let done = runtime.block_on(async {
            let mut rest = batch.body.clone();
            while !rest.is_empty() {
                insert.send(rest.split_to(PIECE.min(rest.len()))).await?;
            }
            insert.end().await
        });
        done.map_err(|error| self.failure(&error))
    }

    fn failure(&mut self, error: &Error) -> Failure {
        let meaning = Meaning::of(error);
        if meaning == Meaning::Store {
            // Somebody may have dropped the tables.
            self.tables = Tables::Unknown;
        }
        Failure { meaning, why: told(error, &self.target) }
    }
}

impl Sender {
    pub fn new(link: Link, shared: Arc<Shared>) -> Self {
        Self { link, shared }
    }

    /// Prepares the tables if the server answers; an error is one that no waiting mends.
    pub fn first_contact(&mut self) -> Result<(), String> {
        if let Err(Failure { meaning, why }) = self.link.prepare(FIRST_CONTACT) {
            if meaning == Meaning::Store {
                return Err(why);
            }
            tracing::warn!("ClickHouse at {}: {why}; trying again", self.link.target.url);
            self.shared.tally.failed(why);
        }
        Ok(())
    }

    /// Works until no batch comes any more and all are stored, or the deadline has passed.
    pub fn run(mut self) {
        // However this ends, nobody may wait for it.
        let _closing = Closing(Arc::clone(&self.shared));
        let shared = Arc::clone(&self.shared);
        while let Some(entry) = shared.spool.next(|| shared.deadline()) {
            self.deliver(entry);
        }
    }

    /// Sends a batch until the server has it, refuses it for good, or time is up.
    fn deliver(&mut self, entry: Entry) {
        let Self { link, shared } = self;
        let Shared { spool, tally, .. } = &**shared;
        let batch = match spool.read(&entry) {
            Ok(Some(batch)) => batch,
            Ok(None) => return Self::set_aside(shared, entry, "the file is damaged"),
            Err(error) => return Self::set_aside(shared, entry, &error.to_string()),
        };
        let mut backoff = Backoff::default();
        let (mut failures, mut unknown) = (0, 0);
        while !shared.is_over() {
            let Err(Failure { meaning, why }) = link.send(&batch) else {
                if failures > 0 {
                    tracing::info!("ClickHouse at {}: rows are stored again", link.target.url);
                }
                *shared.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                match entry.run {
                    Run::This => tally.stored.add(entry.rows()),
                    Run::Earlier => tally.stored_of_others.add(entry.rows()),
                }
                spool.done(entry);
                return;
            };
            if failures == 0 {
                tracing::warn!("ClickHouse at {}: {why}", link.target.url);
            }
            failures += 1;
            unknown += usize::from(meaning == Meaning::Unknown);
            tally.failed(why.clone());
            let refused = match meaning {
                Meaning::Batch => true,
                Meaning::Unknown => unknown >= UNKNOWN_ATTEMPTS,
                // On disk it can wait for who mends it.
                Meaning::Store => !entry.is_on_disk(),
                Meaning::Passing => false,
            };
            if refused {
                return Self::set_aside(shared, entry, &why);
            }
            // The end of the run wakes it, and then there is no more time than until the deadline.
            let left = shared.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
            thread::park_timeout(left.unwrap_or(Duration::MAX).min(backoff.next()));
        }
        spool.put_back(entry);
    }

    fn set_aside(shared: &Shared, entry: Entry, why: &str) {
        let Shared { spool, tally, .. } = shared;
        let (rows, run) = (entry.rows(), entry.run);
        let kept = spool.quarantine(entry, why);
        match (run, kept) {
            (Run::This, true) => tally.quarantined.add(rows),
            (Run::This, false) => tally.refused.add(rows),
            (Run::Earlier, _) => {}
        }
    }
}

/// Closes the gate and the spool when the thread ends.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.gate.close();
        self.0.spool.close();
    }
}

/// Sent with every INSERT. Batches are large already; packet times may be of any month; an answer means that rows are on
/// their shards, and in what is derived from them.
const SETTINGS: [(&str, &str); 7] = [
    ("async_insert_deduplicate", "1"),
    ("decompress", "1"),
    ("deduplicate_blocks_in_dependent_materialized_views", "1"),
    ("distributed_foreground_insert", "1"),
    ("insert_deduplicate", "1"),
    ("max_partitions_per_insert_block", "0"),
    ("wait_for_async_insert", "1"),
];

/// Handed to the connection at once.
const PIECE: usize = 256 << 10;

/// After so many, an answer of which nothing is known is taken for a refusal.
const UNKNOWN_ATTEMPTS: usize = 8;

/// To make all tables takes a second, and several on a machine that has no time.
const FIRST_CONTACT: Duration = Duration::from_secs(15);
