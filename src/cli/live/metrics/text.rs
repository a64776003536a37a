//! The figures in Prometheus' text format, under names as its conventions have them: a unit, and `_total` where it counts.

use std::fmt::{self, Write};
use std::fs;

use crate::detect::Level;
use crate::runtime::OUTLET_QUEUE;
use crate::sink::Standing;
use crate::sink::standing::Spooled;
use crate::stats::{Counters, InterfaceCounters, KeptCounters, Ledger, Losses, Phase};

use super::super::status::STUCK;
use super::Figures;

/// Everything there is to say.
pub fn exposition(figures: &Figures) -> String {
    let mut out = String::with_capacity(12 << 10);
    // Nothing fails that writes to a string.
    let _: fmt::Result = write_all(&mut Exposition { out: &mut out }, figures);
    out
}

/// The names, for whoever must know them.
#[cfg(test)]
pub fn names(exposition: &str) -> std::collections::BTreeSet<&str> {
    exposition.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

fn write_all(out: &mut Exposition<'_>, figures: &Figures) -> fmt::Result {
    let ledger = &*figures.ledger;
    counters(out, &ledger.counters())?;
    interfaces(out, &ledger.interfaces())?;
    if let Some(counters) = ledger.kept() {
        kept(out, counters)?;
    }

    out.family("tlsight_alerts_total", COUNTER, "Alerts, by the level of their rule.")?;
    for (level, count) in Level::ALL.into_iter().zip(ledger.alerts()) {
        out.value("tlsight_alerts_total", &[("level", level.as_str())], count)?;
    }
    out.family("tlsight_outlet_queue_batches", GAUGE, "Batches of events that wait for rules and outputs.")?;
    out.value("tlsight_outlet_queue_batches", &[], ledger.queued())?;
    out.family("tlsight_outlet_queue_capacity_batches", GAUGE, "Batches of events that may wait.")?;
    out.value("tlsight_outlet_queue_capacity_batches", &[], OUTLET_QUEUE)?;
    outputs(out, &figures.standings())?;
    threads(out, ledger)?;
    if ledger.latest() > 0 {
        out.family("tlsight_last_packet_timestamp_seconds", GAUGE, "Time of the latest packet.")?;
        let seconds = ledger.latest() as f64 / 1e9;
        out.value("tlsight_last_packet_timestamp_seconds", &[], seconds)?;
    }
    out.family("tlsight_ready", GAUGE, "1 while packets are taken in.")?;
    out.value("tlsight_ready", &[], u8::from(ledger.phase() == Phase::Running))?;
    out.family("tlsight_uptime_seconds", GAUGE, "Time since the sensor began.")?;
    out.value("tlsight_uptime_seconds", &[], ledger.running_for().as_secs_f64())?;
    out.family("tlsight_build_info", GAUGE, "1, with the version in a label.")?;
    out.value("tlsight_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1)?;
    process(out)
}

fn kept(out: &mut Exposition<'_>, counters: KeptCounters) -> fmt::Result {
    let KeptCounters { packets, bytes, no_room, not_written } = counters;
    out.count("tlsight_kept_packets_total", "Packets that the rolling capture has written.", packets)?;
    out.count("tlsight_kept_bytes_total", "Bytes of these packets in its files.", bytes)?;
    let lost = [("no_room", no_room), ("not_written", not_written)];
    out.counts("tlsight_kept_dropped_total", "Packets that it could not keep.", "reason", &lost)
}

fn counters(out: &mut Exposition<'_>, counters: &Counters) -> fmt::Result {
    // Each is named, so that none is left out.
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
        // By reason and interface.
        packets_dropped: _,
    } = *counters;
    out.count("tlsight_packets_total", "Packets that were analysed.", packets)?;
    out.count("tlsight_bytes_total", "Bytes of these packets on the wire.", bytes)?;
    out.count("tlsight_flows_total", "Connections and exchanges of datagrams that were followed.", flows)?;
    out.count("tlsight_sessions_total", "TLS, DTLS and QUIC sessions that were told.", sessions)?;
    out.count("tlsight_fragments_total", "IP fragments.", fragments)?;
    out.count("tlsight_fragments_dropped_total", "IP fragments that did not become a packet.", fragments_dropped)?;
    out.count("tlsight_chains_unchecked_total", "Chains that were not judged, as too many came.", chains_unchecked)?;
    out.counts(
        "tlsight_packets_undecoded_total",
        "Packets that were not followed: neither TCP nor UDP (ignored), or headers that contradict themselves (malformed).",
        "reason",
        &[("ignored", packets_ignored), ("malformed", packets_malformed)],
    )?;
    out.counts(
        "tlsight_flows_evicted_total",
        "Flows that were given up for others, as the limit was reached.",
        "state",
        &[("half_open", half_open_evicted), ("open", flows_evicted.saturating_sub(half_open_evicted))],
    )?;
    out.counts(
        "tlsight_gaps_total",
        "Directions of which bytes are missing: not captured (gap), cut short (truncated), over out_of_order_bytes (limit).",
        "reason",
        &[("gap", gaps), ("truncated", truncated), ("limit", reassembly_limit)],
    )?;
    out.count("tlsight_messages_over_limit_total", "Handshake messages that are longer than allowed.", message_limit)?;
    out.count(
        "tlsight_alerts_suppressed_total",
        "Alerts that were held back, as they said the same again.",
        alerts_suppressed,
    )?;
    out.counts(
        "tlsight_rule_memory_evicted_total",
        "What rules remembered and had to forget for others: groups of sessions, keys of alerts that are held back.",
        "kind",
        &[("groups", rule_groups_evicted), ("suppressions", suppressions_evicted)],
    )?;
    out.counts(
        "tlsight_rule_matches_left_out_total",
        "What correlations could not count: sessions that came too late (late), numbers over the bound (numbers).",
        "reason",
        &[("late", late_matches), ("numbers", numbers_left_out)],
    )?;
    out.counts("tlsight_events_dropped_total", "Sessions that were not told.", "reason", &[("queue_full", events_shed)])
}

fn interfaces(out: &mut Exposition<'_>, interfaces: &[InterfaceCounters]) -> fmt::Result {
    if interfaces.is_empty() {
        return Ok(());
    }
    out.family("tlsight_interface_packets_total", COUNTER, "Packets that were taken from an interface.")?;
    for InterfaceCounters { name, packets, .. } in interfaces {
        out.value("tlsight_interface_packets_total", &[("interface", name)], packets)?;
    }
    let what = "Packets that were lost: the kernel's buffer was full (kernel), the interface had no room (interface), or \
                application data was left out under overload (shed).";
    out.family("tlsight_packets_dropped_total", COUNTER, what)?;
    for InterfaceCounters { name, losses: Losses { kernel, interface, shed }, .. } in interfaces {
        for (reason, count) in [("kernel", kernel), ("interface", interface), ("shed", shed)] {
            out.value("tlsight_packets_dropped_total", &[("interface", name), ("reason", reason)], count)?;
        }
    }
    Ok(())
}

/// The threads that give signs of life.
fn threads(out: &mut Exposition<'_>, ledger: &Ledger) -> fmt::Result {
    let threads: Vec<_> = ledger.silences().map(|(lane, silence)| (lane.name(), silence)).collect();
    out.family("tlsight_thread_silence_seconds", GAUGE, "Time since a thread's last sign of life.")?;
    for (name, silence) in &threads {
        out.value("tlsight_thread_silence_seconds", &[("thread", name)], silence.as_secs_f64())?;
    }
    out.family("tlsight_thread_stuck", GAUGE, "1 for a thread that the watchdog takes for stuck.")?;
    for (name, silence) in &threads {
        out.value("tlsight_thread_stuck", &[("thread", name)], u8::from(*silence > STUCK))?;
    }
    Ok(())
}

/// The outputs that others are waited for.
fn outputs(out: &mut Exposition<'_>, outputs: &[Standing]) -> fmt::Result {
    if outputs.is_empty() {
        return Ok(());
    }
    type Gauge = fn(&Standing) -> f64;
    let gauges: [(&str, &str, Gauge); 3] = [
        ("tlsight_output_queue_entries", "Rows or alerts that wait in an output's queue.", |standing| {
            standing.waiting as f64
        }),
        ("tlsight_output_queue_capacity_entries", "Rows or alerts that may wait there.", |standing| {
            standing.capacity as f64
        }),
        (
            "tlsight_output_lag_seconds",
            "Time since which something waits for an output and nothing was taken.",
            |standing| standing.lag_seconds,
        ),
    ];
    for (name, about, value) in gauges {
        out.family(name, GAUGE, about)?;
        for standing in outputs {
            out.value(name, &[("output", &standing.output)], value(standing))?;
        }
    }
    let name = "tlsight_output_entries_total";
    let about = "Rows or alerts that an output took over (offered), and what became of them: arrived (delivered), found no \
                 room (shed), or were refused for good (refused).";
    out.family(name, COUNTER, about)?;
    for Standing { output, offered, delivered, shed, refused, .. } in outputs {
        for (result, count) in [("offered", offered), ("delivered", delivered), ("shed", shed), ("refused", refused)] {
            out.value(name, &[("output", output), ("result", result)], count)?;
        }
    }
    out.family("tlsight_output_failures_total", COUNTER, "Attempts to deliver that failed; most are made again.")?;
    for Standing { output, failures, .. } in outputs {
        out.value("tlsight_output_failures_total", &[("output", output)], failures)?;
    }
    spools(out, outputs)
}

fn spools(out: &mut Exposition<'_>, outputs: &[Standing]) -> fmt::Result {
    let spools: Vec<(&str, &Spooled)> =
        outputs.iter().filter_map(|standing| Some((&*standing.output, standing.spool.as_ref()?))).collect();
    if spools.is_empty() {
        return Ok(());
    }
    type Gauge = fn(&Spooled) -> u64;
    let gauges: [(&str, &str, Gauge); 4] = [
        ("tlsight_spool_batches", "Batches of rows that wait for the store.", |spool| spool.batches),
        ("tlsight_spool_disk_bytes", "What they take on disk, those that were set aside included.", |spool| {
            spool.bytes
        }),
        ("tlsight_spool_capacity_bytes", "What they may take on disk.", |spool| spool.max_bytes),
        ("tlsight_spool_memory_bytes", "What those take that are not on disk.", |spool| spool.memory_bytes),
    ];
    for (name, about, value) in gauges {
        out.family(name, GAUGE, about)?;
        for (output, spool) in &spools {
            out.value(name, &[("output", output)], value(spool))?;
        }
    }
    Ok(())
}

/// What Prometheus' own libraries say of a process (proc(5)).
fn process(out: &mut Exposition<'_>) -> fmt::Result {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in brackets, which may have blanks in it: the fields from the third on.
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse::<u64>().ok());
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        out.family("process_cpu_seconds_total", COUNTER, "Processor time.")?;
        out.value("process_cpu_seconds_total", &[], (user + system) as f64 / TICKS)?;
    }
    if let Some(pages) = field(24) {
        out.family("process_resident_memory_bytes", GAUGE, "Resident memory.")?;
        out.value("process_resident_memory_bytes", &[], pages * rustix::param::page_size() as u64)?;
    }
    Ok(())
}

struct Exposition<'a> {
    out: &'a mut String,
}

impl Exposition<'_> {
    fn family(&mut self, name: &str, kind: &str, about: &str) -> fmt::Result {
        writeln!(self.out, "# HELP {name} {about}\n# TYPE {name} {kind}")
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) -> fmt::Result {
        self.out.write_str(name)?;
        for (index, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(self.out, "{}{label}=\"{text}\"", if index == 0 { '{' } else { ',' })?;
        }
        writeln!(self.out, "{} {value}", if labels.is_empty() { "" } else { "}" })
    }

    fn count(&mut self, name: &str, about: &str, value: u64) -> fmt::Result {
        self.family(name, COUNTER, about)?;
        self.value(name, &[], value)
    }

    fn counts(&mut self, name: &str, about: &str, label: &str, values: &[(&str, u64)]) -> fmt::Result {
        self.family(name, COUNTER, about)?;
        values.iter().try_for_each(|(text, value)| self.value(name, &[(label, text)], value))
    }
}

const COUNTER: &str = "counter";
const GAUGE: &str = "gauge";
/// Linux counts a process' time in these, on every machine (USER_HZ).
const TICKS: f64 = 100.0;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sink::Overview;
    use crate::sink::courier::{Carry, Courier, Failure, Options, WhenFull};
    use crate::sink::overview::Span;
    use crate::stats::{Kept, Lane};

    /// Nobody is there.
    struct Away;

    impl Carry for Away {
        fn carry(&mut self, _: &[u8]) -> Result<(), Failure> {
            Err(Failure::Away("nobody is there".to_owned()))
        }
    }

    fn figures() -> Figures {
        Figures::of(&[], &Arc::new(ledger()), Overview::new(Span::Whole).board(), "")
    }

    #[test]
    fn an_output_that_nobody_takes_from_shows_what_waits() {
        let courier = Courier::start("webhook", "x", Away, Options::new(WhenFull::Shed)).unwrap();
        courier.offer([1].into());
        courier.offer([2].into());
        while courier.gauge().read().failures == 0 {
            std::thread::yield_now();
        }
        let text = exposition(&Figures { gauges: [courier.gauge()].into(), ..figures() });
        for line in [
            "tlsight_output_queue_entries{output=\"webhook\"} 2",
            "tlsight_output_queue_capacity_entries{output=\"webhook\"} 10000",
            "tlsight_output_entries_total{output=\"webhook\",result=\"offered\"} 2",
            "tlsight_output_entries_total{output=\"webhook\",result=\"delivered\"} 0",
        ] {
            assert_eq!(text.lines().filter(|other| *other == line).count(), 1, "{line}\n{text}");
        }
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}{{output=\"webhook\"}} ")));
            line.unwrap().parse().unwrap()
        };
        assert!(value("tlsight_output_failures_total") >= 1.0 && value("tlsight_output_lag_seconds") > 0.0, "{text}");
    }

    #[test]
    fn a_spool_is_told_with_its_bounds() {
        let spool = Spooled { batches: 1, bytes: 2, max_bytes: 3, memory_bytes: 4 };
        let standing = Standing { output: "clickhouse".to_owned(), spool: Some(spool), ..Standing::default() };
        let mut text = String::new();
        outputs(&mut Exposition { out: &mut text }, &[standing]).unwrap();
        for (name, value) in [("batches", 1), ("disk_bytes", 2), ("capacity_bytes", 3), ("memory_bytes", 4)] {
            assert!(text.contains(&format!("\ntlsight_spool_{name}{{output=\"clickhouse\"}} {value}\n")), "{text}");
        }
    }

    fn ledger() -> Ledger {
        let ledger = Ledger::new(1);
        let place = ledger.add_interface("e\"th\\0".into());
        ledger.interface(place, |interface| {
            interface.packets = 40;
            interface.losses = Losses { kernel: 41, interface: 42, shed: 43 };
        });
        let counters = Counters {
            packets: 1,
            bytes: 2,
            flows: 3,
            sessions: 4,
            packets_ignored: 5,
            packets_malformed: 6,
            fragments: 7,
            fragments_dropped: 8,
            flows_evicted: 21,
            half_open_evicted: 12,
            reassembly_limit: 13,
            message_limit: 14,
            gaps: 15,
            truncated: 16,
            chains_unchecked: 17,
            rule_groups_evicted: 22,
            late_matches: 23,
            numbers_left_out: 24,
            alerts_suppressed: 25,
            suppressions_evicted: 26,
            events_shed: 18,
            packets_dropped: 126,
        };
        ledger.tell(Lane::Shard(0), counters);
        let kept = Kept::default();
        kept.add_written(31, 32);
        kept.add_no_room(33);
        kept.add_not_written(34);
        ledger.set_kept(std::sync::Arc::new(kept));
        ledger.alert(3);
        ledger.see(1_500_000_000);
        ledger
    }

    #[test]
    fn every_counter_is_told_once() {
        let text = exposition(&figures());
        for line in [
            "tlsight_packets_total 1",
            "tlsight_bytes_total 2",
            "tlsight_flows_total 3",
            "tlsight_sessions_total 4",
            "tlsight_packets_undecoded_total{reason=\"ignored\"} 5",
            "tlsight_packets_undecoded_total{reason=\"malformed\"} 6",
            "tlsight_fragments_total 7",
            "tlsight_fragments_dropped_total 8",
            "tlsight_flows_evicted_total{state=\"half_open\"} 12",
            "tlsight_flows_evicted_total{state=\"open\"} 9",
            "tlsight_gaps_total{reason=\"limit\"} 13",
            "tlsight_messages_over_limit_total 14",
            "tlsight_gaps_total{reason=\"gap\"} 15",
            "tlsight_gaps_total{reason=\"truncated\"} 16",
            "tlsight_chains_unchecked_total 17",
            "tlsight_events_dropped_total{reason=\"queue_full\"} 18",
            "tlsight_rule_memory_evicted_total{kind=\"groups\"} 22",
            "tlsight_rule_matches_left_out_total{reason=\"late\"} 23",
            "tlsight_rule_matches_left_out_total{reason=\"numbers\"} 24",
            "tlsight_alerts_suppressed_total 25",
            "tlsight_rule_memory_evicted_total{kind=\"suppressions\"} 26",
            "tlsight_interface_packets_total{interface=\"e\\\"th\\\\0\"} 40",
            "tlsight_packets_dropped_total{interface=\"e\\\"th\\\\0\",reason=\"kernel\"} 41",
            "tlsight_packets_dropped_total{interface=\"e\\\"th\\\\0\",reason=\"interface\"} 42",
            "tlsight_packets_dropped_total{interface=\"e\\\"th\\\\0\",reason=\"shed\"} 43",
            "tlsight_kept_packets_total 31",
            "tlsight_kept_bytes_total 32",
            "tlsight_kept_dropped_total{reason=\"no_room\"} 33",
            "tlsight_kept_dropped_total{reason=\"not_written\"} 34",
            "tlsight_alerts_total{level=\"high\"} 1",
            "tlsight_last_packet_timestamp_seconds 1.5",
            "tlsight_ready 0",
            "tlsight_outlet_queue_capacity_batches 256",
            "tlsight_thread_stuck{thread=\"shard-0\"} 0",
        ] {
            assert_eq!(text.lines().filter(|other| *other == line).count(), 1, "{line}\n{text}");
        }
    }

    #[test]
    fn the_form_is_prometheus_own() {
        let text = exposition(&figures());
        let (mut family, mut seen) = (String::new(), std::collections::BTreeSet::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
                assert!(name.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'_'), "{name}");
                assert!(seen.insert(name.to_owned()), "{name} twice");
                family = name.to_owned();
            } else if !line.starts_with("# HELP ") {
                let (series, value) = line.rsplit_once(' ').unwrap();
                assert_eq!(series.split('{').next(), Some(&*family));
                assert!(value.parse::<f64>().unwrap().is_finite());
            }
        }
        assert!(text.ends_with('\n') && seen.len() > 20);
    }

    #[test]
    fn the_dashboard_asks_for_metrics_that_are_there() {
        let spool = Some(Spooled::default());
        let standing = Standing { output: "clickhouse".to_owned(), spool, ..Standing::default() };
        let mut text = exposition(&figures());
        outputs(&mut Exposition { out: &mut text }, &[standing]).unwrap();
        let there = names(&text);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/dashboards/sensor_metrics.json");
        let dashboard = fs::read_to_string(path).unwrap();
        let asked: std::collections::BTreeSet<&str> = dashboard
            .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
            .filter(|word| word.starts_with("tlsight_") || word.starts_with("process_"))
            .collect();
        assert!(asked.len() > 15, "{asked:?}");
        assert_eq!(asked.difference(&there).collect::<Vec<_>>(), Vec::<&&str>::new());
        serde_json::from_str::<serde_json::Value>(&dashboard).unwrap();
    }
}
