//! A sensor's counters as a row.

use clickhouse::Row;
use serde::Serialize;

use crate::sink::Stats;
use crate::stats::Counters;

/// A row of `sensor_stats`.
#[derive(Debug, Row, Serialize)]
pub struct StatsRow<'a> {
    timestamp: i64,
    sensor: &'a str,
    packets: u64,
    bytes: u64,
    flows: u64,
    sessions: u64,
    packets_ignored: u64,
    packets_malformed: u64,
    fragments: u64,
    fragments_dropped: u64,
    flows_evicted: u64,
    half_open_evicted: u64,
    reassembly_limit: u64,
    message_limit: u64,
    gaps: u64,
    chains_unchecked: u64,
    events_shed: u64,
    packets_dropped: u64,
    rule_groups_evicted: u64,
    late_matches: u64,
    numbers_left_out: u64,
    alerts_suppressed: u64,
    suppressions_evicted: u64,
    truncated: u64,
}

impl<'a> StatsRow<'a> {
    pub fn of(stats: &'a Stats) -> Self {
        let Counters {
            packets,
            bytes,
            flows,
            sessions,
            packets_ignored,
            packets_malformed,
            fragments,
            fragments_dropped,
            flows_evicted,
            half_open_evicted,
            reassembly_limit,
            message_limit,
            gaps,
            chains_unchecked,
            events_shed,
            packets_dropped,
            rule_groups_evicted,
            late_matches,
            numbers_left_out,
            alerts_suppressed,
            suppressions_evicted,
            truncated,
        } = stats.counters;
        Self {
            timestamp: stats.end.0,
            sensor: &stats.sensor,
            packets,
            bytes,
            flows,
            sessions,
            packets_ignored,
            packets_malformed,
            fragments,
            fragments_dropped,
            flows_evicted,
            half_open_evicted,
            reassembly_limit,
            message_limit,
            gaps,
            chains_unchecked,
            events_shed,
            packets_dropped,
            rule_groups_evicted,
            late_matches,
            numbers_left_out,
            alerts_suppressed,
            suppressions_evicted,
            truncated,
        }
    }
}
