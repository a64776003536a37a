//! The thread that talks to the server: gathers, sends, sends again.
//!
//! A batch keeps its events and an identifier of its own; each attempt makes the same rows of them and carries the same
//! deduplication token, so that a batch whose answer was lost is not stored twice.

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clickhouse::error::Error;
use clickhouse::insert::Insert;
use clickhouse::{Client, Row};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::runtime::Runtime;

use super::alert_row::AlertRow;
use super::gate::{Gate, Load};
use super::rows::SessionRow;
use super::schema::Table;
use super::target::{PASSWORD_VARIABLE, USER_VARIABLE};
use super::{Options, Target, schema};
use crate::detect::Alert;
use crate::event::Event;

/// What the sink hands to the thread.
pub enum Work {
    Events(Arc<Vec<Event>>),
    Alert(Box<Alert>),
}

/// What the sink and the thread both see.
#[derive(Debug)]
pub struct Shared {
    pub gate: Gate,
    pub tally: Tally,
    /// Set when the run is over: after it, nothing is tried again.
    deadline: OnceLock<Instant>,
}

/// Rows, counted.
#[derive(Debug, Default)]
pub struct Tally {
    pub offered: Count,
    /// Found no room in the queue.
    pub shed: Count,
    pub stored: Count,
    /// Refused by the server for good.
    pub refused: Count,
    /// Attempts that failed.
    failures: Count,
    last_error: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
pub struct Count(AtomicUsize);

/// What an alert takes in the queue.
pub const ALERT: Load = Load { rows: 1, bytes: 1 << 10 };

/// What a batch of events takes in the queue: the events, and certificates as if they were not shared.
pub fn load(events: &[Event]) -> Load {
    let chains = events.iter().flat_map(|event| event.client_chain.iter().chain(&event.server_chain));
    let certificates: usize = chains.map(|certificate| certificate.der.len()).sum();
    Load { rows: events.len(), bytes: events.len() * EVENT_BYTES + certificates }
}

pub struct Writer {
    client: Client,
    runtime: Runtime,
    options: Options,
    shared: Arc<Shared>,
    target: Target,
    tables: Tables,
    /// Makes the tokens of this run unlike those of another.
    run: u64,
    batches: u64,
}

/// Whether the tables are known to be there.
enum Tables {
    Unknown,
    Ready,
}

impl Writer {
    pub fn new(target: &Target, options: Options, shared: Arc<Shared>) -> std::io::Result<Self> {
        Ok(Self {
            client: target.client(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            options,
            shared,
            target: target.clone(),
            tables: Tables::Unknown,
            // The standard library's hash keys are random per process.
            run: RandomState::new().hash_one(std::process::id()),
            batches: 0,
        })
    }

    /// Prepares the tables if the server answers; an error is one that no waiting mends.
    pub fn first_contact(&mut self) -> Result<(), String> {
        match self.runtime.block_on(prepare(&self.client, &self.target.database, FIRST_CONTACT)) {
            Ok(()) => self.tables = Tables::Ready,
            Err(error) => {
                let told = self.told(&error);
                if is_final(&error) {
                    return Err(told);
                }
                tracing::warn!("ClickHouse at {}: {told}; trying again", self.target.url);
                self.shared.tally.failed(told);
            }
        }
        Ok(())
    }

    /// Works until the sink has gone and all is stored, or the deadline has passed.
    pub fn run(mut self, work: &Receiver<Work>) {
        // However this ends, nobody may wait at the gate for it.
        let _closing = Closing(Arc::clone(&self.shared));
        let mut batch = Batch::default();
        loop {
            let next = match batch.due(self.options.period) {
                Some(due) => work.recv_deadline(due),
                None => work.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let (complete, ended) = match next {
                Ok(next) => {
                    batch.push(next);
                    let Load { rows, bytes } = batch.load;
                    (rows >= self.options.batch_rows || bytes >= self.options.batch_bytes, false)
                }
                Err(RecvTimeoutError::Timeout) => (true, false),
                Err(RecvTimeoutError::Disconnected) => (true, true),
            };
            if complete && !batch.is_empty() {
                self.deliver(&batch);
                self.shared.gate.release(batch.load);
                batch = Batch::default();
            }
            if ended {
                return;
            }
        }
    }

    /// Sends a batch until the server has it, refuses it for good, or time is up.
    fn deliver(&mut self, batch: &Batch) {
        self.batches += 1;
        let mut sessions = Part { rows: batch.sessions(), state: State::Waiting };
        let mut alerts = Part { rows: batch.alerts.len(), state: State::Waiting };
        let mut backoff = Backoff::default();
        let mut failures = 0;
        while !self.shared.is_over() {
            let done = self.attempt(batch, &mut sessions, &mut alerts);
            for part in [&mut sessions, &mut alerts] {
                part.count(&self.shared.tally);
            }
            let Err(error) = done else {
                if failures > 0 {
                    tracing::info!("ClickHouse at {}: rows are stored again", self.target.url);
                }
                return;
            };
            let told = self.told(&error);
            if failures == 0 {
                tracing::warn!("ClickHouse at {}: {told}", self.target.url);
            }
            failures += 1;
            self.shared.tally.failed(told);
            if is_final(&error) {
                for part in [sessions, alerts] {
                    if part.state == State::Waiting {
                        self.shared.tally.refused.add(part.rows);
                    }
                }
                return;
            }
            // The end of the run wakes it.
            thread::park_timeout(backoff.next());
        }
    }

    /// One attempt at what is not stored yet.
    fn attempt(&mut self, batch: &Batch, sessions: &mut Part, alerts: &mut Part) -> Result<(), Error> {
        let Self { client, runtime, options, target, tables, run, batches, .. } = self;
        // Tokens are of one table each.
        let token = &*format!("tlsight-{run:016x}-{batches}");
        runtime.block_on(async {
            if matches!(tables, Tables::Unknown) {
                prepare(client, &target.database, options.answer_timeout).await?;
                *tables = Tables::Ready;
            }
            if sessions.is_due() {
                let mut insert = options.insert::<SessionRow<'_>>(client, Table::Sessions, token).await?;
                for event in batch.events.iter().flat_map(|events| events.iter()) {
                    insert.write(&SessionRow::of(event)).await?;
                }
                insert.end().await?;
                sessions.state = State::Stored;
            }
            if alerts.is_due() {
                let mut insert = options.insert::<AlertRow<'_>>(client, Table::Alerts, token).await?;
                for alert in &batch.alerts {
                    insert.write(&AlertRow::of(alert)).await?;
                }
                insert.end().await?;
                alerts.state = State::Stored;
            }
            Ok(())
        })
    }

    /// An error in the user's terms, with what mends it.
    fn told(&self, error: &Error) -> String {
        match code(error) {
            Some(192..=194 | 516) => {
                let user = self.target.user.as_deref().unwrap_or("default");
                format!(
                    "user `{user}` or its password was refused: set {USER_VARIABLE} and {PASSWORD_VARIABLE}, or write \
                     them into the URL"
                )
            }
            Some(81) => {
                let name = &self.target.database;
                format!("there is no database `{name}`: make it with CREATE DATABASE, or name another one in the URL")
            }
            Some(497) => format!("the user lacks a right: {}", one_line(error)),
            _ => one_line(error),
        }
    }
}

async fn prepare(client: &Client, database: &str, timeout: Duration) -> Result<(), Error> {
    let prepared = tokio::time::timeout(timeout, schema::prepare(client, database)).await;
    prepared.unwrap_or(Err(Error::TimedOut)).map(drop)
}

impl Options {
    async fn insert<R: Row>(&self, client: &Client, table: Table, token: &str) -> Result<Insert<R>, Error> {
        let insert = client
            .insert::<R>(table.name())
            .await?
            .with_setting("insert_deduplication_token", token)
            .with_timeouts(Some(self.send_timeout), Some(self.answer_timeout));
        Ok(SETTINGS.into_iter().fold(insert, |insert, (name, value)| insert.with_setting(name, value)))
    }
}

impl Shared {
    pub fn new(gate: Gate) -> Self {
        Self { gate, tally: Tally::default(), deadline: OnceLock::new() }
    }

    /// The run is over: what is not stored by then stays so.
    pub fn finish_by(&self, deadline: Instant) {
        self.deadline.get_or_init(|| deadline);
    }

    fn is_over(&self) -> bool {
        self.deadline.get().is_some_and(|deadline| Instant::now() >= *deadline)
    }
}

impl Tally {
    fn failed(&self, why: String) {
        self.failures.add(1);
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// One line on what was not stored, or on what went wrong although all was; `waited` is how long the end waited in
    /// vain.
    pub fn summary(&self, url: &str, waited: Option<Duration>) -> Option<String> {
        let (offered, stored) = (self.offered.value(), self.stored.value());
        let failures = self.failures.value();
        let lost = offered.saturating_sub(stored);
        let last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let last = last.map(|error| format!("; last error: {error}")).unwrap_or_default();
        if lost == 0 {
            return (failures > 0).then(|| {
                format!("ClickHouse at {url}: all {stored} rows are stored, after {failures} failed attempts{last}")
            });
        }
        let (shed, refused) = (self.shed.value(), self.refused.value());
        let open = lost.saturating_sub(shed + refused);
        let mut reasons = Vec::new();
        if shed > 0 {
            reasons.push(format!("{shed} found the queue full"));
        }
        if refused > 0 {
            reasons.push(format!("{refused} were refused"));
        }
        if open > 0 {
            let waited = waited.map(|wait| format!(" after {} s of waiting", wait.as_secs())).unwrap_or_default();
            reasons.push(format!("{open} were not confirmed{waited}"));
        }
        Some(format!(
            "ClickHouse at {url}: {lost} of {offered} rows were not stored: {}; {failures} failed attempts{last}",
            reasons.join(", ")
        ))
    }
}

impl Count {
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn value(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Rows on their way to one or two INSERTs.
#[derive(Default)]
struct Batch {
    events: Vec<Arc<Vec<Event>>>,
    alerts: Vec<Alert>,
    load: Load,
    since: Option<Instant>,
}

impl Batch {
    fn push(&mut self, work: Work) {
        let load = match work {
            Work::Events(events) => {
                let load = load(&events);
                self.events.push(events);
                load
            }
            Work::Alert(alert) => {
                self.alerts.push(*alert);
                ALERT
            }
        };
        self.load.rows += load.rows;
        self.load.bytes += load.bytes;
        self.since.get_or_insert_with(Instant::now);
    }

    fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// When it has waited long enough; `None` for an empty one.
    fn due(&self, period: Duration) -> Option<Instant> {
        self.since.map(|since| since + period)
    }

    fn sessions(&self) -> usize {
        self.events.iter().map(|events| events.len()).sum()
    }
}

/// The rows of a batch that go into one table.
struct Part {
    rows: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Stored,
    Counted,
}

impl Part {
    fn is_due(&self) -> bool {
        self.rows > 0 && self.state == State::Waiting
    }

    fn count(&mut self, tally: &Tally) {
        if self.state == State::Stored {
            tally.stored.add(self.rows);
            self.state = State::Counted;
        }
    }
}

/// Waits that double up to a bound, each shortened at random so that many sensors do not come back at once.
struct Backoff {
    wait: Duration,
    jitter: RandomState,
    count: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { wait: FIRST_WAIT, jitter: RandomState::new(), count: 0 }
    }
}

impl Backoff {
    /// Between half of the wait and all of it.
    fn next(&mut self) -> Duration {
        self.count += 1;
        let wait = self.wait;
        self.wait = (wait * 2).min(LAST_WAIT);
        let share = self.jitter.hash_one(self.count) % 1_000;
        wait / 2 + wait.mul_f64(share as f64 / 2_000.0)
    }
}

/// Closes the gate when the thread ends.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.gate.close();
    }
}

/// Whether the same rows would be refused again: a wrong login, a missing right or database, another schema.
fn is_final(error: &Error) -> bool {
    match error {
        Error::SchemaMismatch(_) | Error::InvalidParams(_) | Error::Unsupported(_) | Error::Custom(_) => true,
        _ => code(error).is_some_and(|code| FINAL.contains(&code)),
    }
}

/// The server's own number of an error.
fn code(error: &Error) -> Option<u32> {
    let Error::BadResponse(text) = error else { return None };
    let (_, rest) = text.split_once("Code: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// An error on one line of bounded length, without control characters.
fn one_line(error: &impl Display) -> String {
    let text = error.to_string();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no answer");
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Unknown identifier, type, table or setting (16, 47, 50, 53, 60, 115), data that does not fit the columns (6, 27, 33, 117),
/// syntax (62), unknown database (81), login (192 to 194, 516), rights (497).
const FINAL: &[u32] = &[6, 16, 27, 33, 47, 50, 53, 60, 62, 81, 115, 117, 192, 193, 194, 497, 516];

/// Sent with every INSERT. Batches are large already; packet times may be of any month.
const SETTINGS: [(&str, &str); 3] =
    [("async_insert", "0"), ("insert_deduplicate", "1"), ("max_partitions_per_insert_block", "0")];

/// What an event holds beside its certificates, on a generous guess.
const EVENT_BYTES: usize = 2 << 10;

const FIRST_CONTACT: Duration = Duration::from_secs(5);
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LAST_WAIT: Duration = Duration::from_secs(10);
