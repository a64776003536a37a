//! `tlsight.stats`: a sensor's counters.

use serde::Serialize;

use crate::sink::Stats;
use crate::sink::forms::Time;
use crate::sink::json::Text;
use crate::stats::Counters;

/// Counters as the public schema has them.
#[derive(Serialize)]
pub struct StatsRecord<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Time,
    event: Event,
    observer: Observer<'a>,
    tlsight: Tlsight,
}

#[derive(Serialize)]
struct Event {
    #[serde(rename = "")]
    kind: Text<'static>,
}

#[derive(Serialize)]
struct Observer<'a> {
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Tlsight {
    stats: Fields,
}

#[derive(Serialize)]
struct Fields {
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
    rule_groups_evicted: u64,
    late_matches: u64,
    numbers_left_out: u64,
    alerts_suppressed: u64,
    suppressions_evicted: u64,
    events_shed: u64,
    packets_dropped: u64,
}

impl<'a> StatsRecord<'a> {
    pub fn of(stats: &'a Stats) -> Self {
        Self {
            timestamp: Time(stats.end),
            event: Event { kind: KIND },
            observer: Observer { name: (!stats.sensor.is_empty()).then_some(&stats.sensor) },
            tlsight: Tlsight { stats: Fields::of(&stats.counters) },
        }
    }
}

impl Fields {
    fn of(counters: &Counters) -> Self {
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
            rule_groups_evicted,
            late_matches,
            numbers_left_out,
            alerts_suppressed,
            suppressions_evicted,
            events_shed,
            packets_dropped,
        } = *counters;
        Self {
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
            rule_groups_evicted,
            late_matches,
            numbers_left_out,
            alerts_suppressed,
            suppressions_evicted,
            events_shed,
            packets_dropped,
        }
    }
}

const KIND: Text<'static> = Text(br#""dataset":"tlsight.stats","kind":"metric""#);
