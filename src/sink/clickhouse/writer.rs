//! The thread that turns events into rows, and rows into batches.
//!
//! In: shared batches of events, alerts, counters. Out: batches of rows into the spool, cut by rows, bytes and time. Talks to
//! no server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use serde::Serialize;

use super::alert_row::AlertRow;
use super::batch::{Gathering, Tokens};
use super::certificate_row::CertificateRow;
use super::gate::Load;
use super::rows::SessionRow;
use super::schema::Table;
use super::sender::Shared;
use super::spool::Put;
use super::stats_row::StatsRow;
use super::{Options, Target};
use crate::detect::Alert;
use crate::event::Event;
use crate::sink::Stats;
use crate::sink::record::Sighting;

/// What the sink hands to the thread.
pub enum Work {
    Events(Arc<Vec<Event>>),
    Alert(Box<Alert>),
    Stats(Box<Stats>),
}

/// What an alert, or a set of counters, takes in the queue.
pub const SMALL: Load = Load { rows: 1, bytes: 1 << 10 };

/// What a batch of events takes in the queue.
pub fn load(events: &[Event]) -> Load {
    let mut all = Load::default();
    for Load { rows, bytes } in events.iter().map(load_of) {
        all.rows += rows;
        all.bytes += bytes;
    }
    all
}

/// The event, and certificates as if they were not shared.
fn load_of(event: &Event) -> Load {
    let chains = event.client_chain.iter().chain(&event.server_chain);
    let certificates: usize = chains.map(|certificate| certificate.der.len()).sum();
    let new = event.security.new_certificates.as_ref().map_or(0, |new| new.len());
    Load { rows: 1 + new, bytes: EVENT_BYTES + certificates }
}

pub struct Writer {
    shared: Arc<Shared>,
    options: Options,
    target: Target,
    tokens: Tokens,
    tables: [Pile; 4],
}

/// The rows of one table that wait for others.
struct Pile {
    rows: Gathering,
    /// When the first of them came.
    since: Option<Instant>,
    /// Batches that were made.
    batches: u64,
}

impl Writer {
    pub fn new(target: &Target, options: Options, tokens: Tokens, shared: Arc<Shared>) -> Self {
        let tables = [
            Pile::of(Gathering::new(Table::Sessions)),
            Pile::of(Gathering::new(Table::Certificates)),
            Pile::of(Gathering::new(Table::Alerts)),
            Pile::of(Gathering::new(Table::SensorStats)),
        ];
        Self { shared, options, target: target.clone(), tokens, tables }
    }

    /// Works until the sink has gone.
    pub fn run(mut self, work: &Receiver<Work>) {
        // However this ends, the sender must not wait for more.
        let _ending = Ending(Arc::clone(&self.shared));
        loop {
            let next = match self.due() {
                Some(due) => work.recv_deadline(due),
                None => work.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(work) => self.take(work),
                Err(RecvTimeoutError::Timeout) => {
                    let now = Instant::now();
                    self.cut(|pile, period| pile.due(period).is_some_and(|due| due <= now));
                }
                Err(RecvTimeoutError::Disconnected) => return self.cut(|_, _| true),
            }
        }
    }

    /// Makes rows of it; what it took in the queue is free then.
    fn take(&mut self, work: Work) {
        let sensor = self.options.sensor.clone();
        let taken = match &work {
            Work::Events(events) => load(events),
            Work::Alert(_) | Work::Stats(_) => SMALL,
        };
        match work {
            Work::Events(events) => {
                for event in events.iter() {
                    self.push(0, &SessionRow::of(event, &sensor));
                    for new in event.security.new_certificates.iter().flatten() {
                        self.push(1, &CertificateRow::of(&Sighting::of(new, event), &sensor));
                    }
                }
            }
            Work::Alert(alert) => self.push(2, &AlertRow::of(&alert, &sensor)),
            Work::Stats(stats) => self.push(3, &StatsRow::of(&stats)),
        }
        self.shared.gate.release(taken);
    }

    fn push<R: Serialize>(&mut self, table: usize, row: &R) {
        let Self { shared, options, target, tokens, tables } = self;
        let Some(pile) = tables.get_mut(table) else { return };
        if let Err(error) = pile.rows.push(row) {
            tracing::error!("{} rows of `{}` cannot be written: {error}", error.rows, pile.rows.table());
            shared.tally.refused.add(error.rows);
        }
        pile.since.get_or_insert_with(Instant::now);
        if pile.rows.rows() >= options.batch_rows || pile.rows.bytes() >= options.batch_bytes {
            pile.hand_over(shared, options, *tokens, target);
        }
    }

    /// Hands over the piles that are ripe.
    fn cut(&mut self, ripe: impl Fn(&Pile, Duration) -> bool) {
        let Self { shared, options, target, tokens, tables } = self;
        for pile in tables.iter_mut().filter(|pile| pile.since.is_some()) {
            if ripe(pile, options.period) {
                pile.hand_over(shared, options, *tokens, target);
            }
        }
    }

    /// When the next pile has waited long enough. By content, batches are cut where their rows say alone: the same input gives
    /// the same batches.
    fn due(&self) -> Option<Instant> {
        match self.tokens {
            Tokens::OfContent => None,
            Tokens::OfRun(_) => self.tables.iter().filter_map(|pile| pile.due(self.options.period)).min(),
        }
    }
}

impl Pile {
    fn of(rows: Gathering) -> Self {
        Self { rows, since: None, batches: 0 }
    }

    fn due(&self, period: Duration) -> Option<Instant> {
        self.since.map(|since| since + period)
    }

    fn hand_over(&mut self, shared: &Shared, options: &Options, tokens: Tokens, target: &Target) {
        self.since = None;
        self.batches += 1;
        let batch = self.rows.cut(tokens, self.batches, &target.url, &target.database);
        let rows = batch.head.rows;
        if rows == 0 {
            return;
        }
        match shared.spool.put(batch, options.when_full, &shared.tally) {
            Put::Kept => {}
            Put::MemoryFull => shared.tally.shed.add(rows),
            Put::DiskFull => shared.tally.spool_full.add(rows),
        }
    }
}

/// Tells the spool that no batch comes any more.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.spool.end();
    }
}

/// What an event holds beside its certificates, on a generous guess.
const EVENT_BYTES: usize = 2 << 10;
