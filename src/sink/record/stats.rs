//! `tlsight.stats`: a sensor's counters.

use serde::Serialize;

use crate::sink::Stats;
use crate::sink::forms::Time;
use crate::sink::json::Text;
use crate::stats::{Counters, InterfaceCounters, Losses};

/// Counters as the public schema has them.
#[derive(Serialize)]
pub struct StatsRecord<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Time,
    event: Event,
    observer: Observer<'a>,
    tlsight: Tlsight<'a>,
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
struct Tlsight<'a> {
    stats: Fields<'a>,
}

#[derive(Serialize)]
struct Fields<'a> {
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
    truncated: u64,
    chains_unchecked: u64,
    rule_groups_evicted: u64,
    late_matches: u64,
    numbers_left_out: u64,
    alerts_suppressed: u64,
    suppressions_evicted: u64,
    events_shed: u64,
    packets_dropped: u64,
    interfaces: Vec<Interface<'a>>,
}

/// What an interface gave, and what of it was lost and why.
#[derive(Serialize)]
struct Interface<'a> {
    name: &'a str,
    packets: u64,
    dropped: Dropped,
}

#[derive(Serialize)]
struct Dropped {
    kernel: u64,
    interface: u64,
    shed: u64,
}

impl<'a> StatsRecord<'a> {
    pub fn of(stats: &'a Stats) -> Self {
        Self {
            timestamp: Time(stats.end),
            event: Event { kind: KIND },
            observer: Observer { name: (!stats.sensor.is_empty()).then_some(&stats.sensor) },
            tlsight: Tlsight { stats: Fields::of(stats) },
        }
    }
}

impl<'a> Fields<'a> {
    fn of(stats: &'a Stats) -> Self {
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
            truncated,
            chains_unchecked,
            rule_groups_evicted,
            late_matches,
            numbers_left_out,
            alerts_suppressed,
            suppressions_evicted,
            events_shed,
            packets_dropped,
        } = stats.counters;
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
            truncated,
            chains_unchecked,
            rule_groups_evicted,
            late_matches,
            numbers_left_out,
            alerts_suppressed,
            suppressions_evicted,
            events_shed,
            packets_dropped,
            interfaces: stats.interfaces.iter().map(Interface::of).collect(),
        }
    }
}

impl<'a> Interface<'a> {
    fn of(counters: &'a InterfaceCounters) -> Self {
        let InterfaceCounters { name, packets, losses: Losses { kernel, interface, shed } } = counters;
        let dropped = Dropped { kernel: *kernel, interface: *interface, shed: *shed };
        Self { name, packets: *packets, dropped }
    }
}

const KIND: Text<'static> = Text(br#""dataset":"tlsight.stats","kind":"metric""#);
