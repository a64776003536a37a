//! The table.

use std::fmt;
use std::time::Duration;

use crate::child::Cost;
use crate::trace::Facts;
use crate::workload::Workload;

pub const LIBPCAP_ROW: &str = "libpcap loop, no-op";
pub const CACHE_LINE_ROW: &str = "one cache line each";

/// What the run stands on.
pub struct Machine {
    cores: usize,
    model: String,
    kernel: String,
}

impl Machine {
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ")).map(|(_, m)| m);
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            model: model.unwrap_or("unknown processor").trim().to_string(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_string(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "machine: {} cores, {}, kernel {}", self.cores, self.model, self.kernel)
    }
}

pub struct Row {
    pub label: String,
    pub cost: Cost,
}

/// One workload's part of the table.
pub struct Section<'a> {
    pub workload: Workload,
    pub facts: &'a Facts,
    /// The two yardsticks first.
    pub rows: Vec<Row>,
    /// Session events the tool reported, where it was asked.
    pub events: Option<u64>,
}

impl fmt::Display for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.facts;
        writeln!(
            f,
            "\n{}: {} packets, {:.3} GB on the wire, {} flows, {} handshakes",
            self.workload.name(),
            facts.packets,
            facts.wire_bytes as f64 / 1e9,
            facts.flows,
            facts.handshakes
        )?;
        writeln!(
            f,
            "{:<22}{:>9}{:>9}{:>10}{:>9}{:>11}{:>10}{:>10}{:>9}{:>12}{:>12}",
            "",
            "wall s",
            "CPU s",
            "Mpkt/s",
            "Gbit/s",
            "hello/s",
            "peak MiB",
            "anon MiB",
            "B/flow",
            "no-op/CPU",
            "line/CPU"
        )?;
        let cpu_of = |label: &str| self.rows.iter().find(|r| r.label == label).map(|r| r.cost.cpu);
        let (noop, line) = (cpu_of(LIBPCAP_ROW), cpu_of(CACHE_LINE_ROW));
        for row in &self.rows {
            let cost = &row.cost;
            let wall = cost.wall.as_secs_f64();
            writeln!(
                f,
                "{:<22}{:>9.3}{:>9.3}{:>10.2}{:>9.2}{:>11}{:>10.1}{:>10}{:>9}{:>12}{:>12}",
                row.label,
                wall,
                cost.cpu.as_secs_f64(),
                facts.packets as f64 / wall / 1e6,
                facts.wire_bytes as f64 * 8.0 / wall / 1e9,
                if facts.handshakes > 0 { format!("{:.0}", facts.handshakes as f64 / wall) } else { "-".into() },
                mebibytes(cost.peak),
                cost.anon.map_or("-".into(), |bytes| format!("{:.1}", mebibytes(bytes))),
                self.bytes_a_flow(cost).map_or("-".into(), |bytes| bytes.to_string()),
                ratio(noop, cost.cpu),
                ratio(line, cost.cpu),
            )?;
        }
        match self.events {
            Some(events) if events == facts.handshakes => writeln!(f, "events: {events}, one a handshake"),
            Some(events) => writeln!(f, "events: {events} for {} handshakes  <-- they differ", facts.handshakes),
            None => Ok(()),
        }
    }
}

impl Section<'_> {
    /// For the flood, where nearly all memory is the flow table.
    fn bytes_a_flow(&self, cost: &Cost) -> Option<u64> {
        let flows = self.facts.flows.clamp(1, FLOW_LIMIT);
        (self.workload == Workload::Flood).then_some(cost.anon? / flows).filter(|&bytes| bytes > 0)
    }
}

fn ratio(yardstick: Option<Duration>, cpu: Duration) -> String {
    yardstick.map_or("-".into(), |y| format!("{:.3}", y.as_secs_f64() / cpu.as_secs_f64().max(1e-6)))
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

pub const LEGEND: &str = "
Rates are per second of wall-clock. CPU is user and system time of all threads. peak is the kernel's ru_maxrss, in which
mapped pages of the capture count; anon is RssAnon, sampled each 20 ms. B/flow is anon by flows, at most the flow table's
default limit of a million. no-op/CPU and line/CPU are a yardstick's CPU time by the row's: 0.35 means that the row takes
1/0.35 times the CPU time of that yardstick.";

/// Default limit of the flow table.
const FLOW_LIMIT: u64 = 1_000_000;
