//! All that a run tells of itself while it lasts: counters, how its outputs stand, who comes most often.
//!
//! In: what its threads keep up to date. Out: a [`Snapshot`]; nobody is waited for.

use std::sync::Arc;

use crate::runtime::OUTLET_QUEUE;
use crate::sink::overview::{Board, Snapshot};
use crate::sink::{Gauge, Sink, Standing};
use crate::stats::Ledger;

/// Where a run's figures stand.
#[derive(Debug, Clone)]
pub struct Figures {
    pub ledger: Arc<Ledger>,
    /// Of the outputs that others are waited for.
    pub gauges: Arc<[Gauge]>,
    pub board: Arc<Board>,
    pub sensor: Arc<str>,
}

impl Figures {
    /// Those of a run that has these outputs.
    pub fn of(sinks: &[Box<dyn Sink>], ledger: &Arc<Ledger>, board: Arc<Board>, sensor: &str) -> Self {
        let gauges = sinks.iter().filter_map(|sink| sink.gauge()).collect();
        Self { ledger: Arc::clone(ledger), gauges, board, sensor: sensor.into() }
    }

    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot {
            sensor: self.sensor.to_string(),
            outputs: self.standings(),
            ..Snapshot::of(&self.ledger, OUTLET_QUEUE)
        };
        self.board.fill(&mut snapshot);
        snapshot
    }

    pub fn standings(&self) -> Vec<Standing> {
        self.gauges.iter().map(Gauge::read).collect()
    }
}
