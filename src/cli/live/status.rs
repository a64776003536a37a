//! How a sensor is, in a line: while it runs, and when it ends.

use std::time::Duration;

use crate::sink::screen::{counted, duration};
pub use crate::stats::STUCK;
use crate::stats::{Counters, InterfaceCounters, KeptCounters, Ledger, Losses};

/// What it has done so far, what it has lost, and whether a thread is stuck.
pub fn line(ledger: &Ledger) -> String {
    let counters = ledger.counters();
    let mut line = account(ledger, ledger.running_for(), &counters).join("; ");
    match ledger.queued() {
        0 => {}
        queued => line.push_str(&format!("; {queued} batches of events wait for the outputs")),
    }
    for stuck in stuck(ledger, STUCK) {
        line.push_str(&format!("; {stuck}"));
    }
    line
}

/// What was listened to, kept and lost, a line each.
pub fn account(ledger: &Ledger, took: Duration, counters: &Counters) -> Vec<String> {
    let mut lines = seen(&ledger.interfaces(), took, counters);
    lines.extend(ledger.kept().map(kept));
    lines
}

/// What was listened to and lost: a line, and one for each interface where there are several.
fn seen(interfaces: &[InterfaceCounters], took: Duration, counters: &Counters) -> Vec<String> {
    let names: Vec<&str> = interfaces.iter().map(|interface| &*interface.name).collect();
    let took = duration(took.as_nanos().try_into().unwrap_or(u64::MAX));
    let (packets, sessions) = (counted(counters.packets, "packet"), counted(counters.sessions, "session"));
    let mut losses = Losses::default();
    interfaces.iter().for_each(|interface| losses.add(interface.losses));
    let mut lines = vec![format!("{}: {packets}, {sessions} in {took}; {}", names.join(", "), lost(losses))];
    if interfaces.len() > 1 {
        lines.extend(interfaces.iter().map(|InterfaceCounters { name, packets, losses }| {
            format!("{name}: {}; {}", counted(*packets, "packet"), lost(*losses))
        }));
    }
    let others = [
        (counters.events_shed, "session", "not told because an output was too slow"),
        (counters.flows_evicted, "connection", "given up for others, as too many were open"),
        (counters.gaps, "direction", "with a gap"),
        (counters.truncated, "direction", "cut short"),
        (counters.reassembly_limit + counters.message_limit, "handshake", "over a limit"),
        (counters.fragments_dropped, "IP fragment", "without a packet"),
    ];
    let told: Vec<String> = others
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, what, why)| format!("{} {why}", counted(count, what)))
        .collect();
    if !told.is_empty() {
        lines.push(format!("not seen whole: {}", told.join(", ")));
    }
    lines
}

/// What a rolling capture has kept and what not.
fn kept(KeptCounters { packets, bytes: _, no_room, not_written }: KeptCounters) -> String {
    let mut line = format!("kept: {}", counted(packets, "packet"));
    for (count, why) in
        [(no_room, "not kept because the disk was too slow"), (not_written, "that could not be written")]
    {
        if count > 0 {
            line.push_str(&format!(", {} {why}", counted(count, "packet")));
        }
    }
    line
}

/// Threads that have given no sign of life for so long.
pub fn stuck(ledger: &Ledger, after: Duration) -> Vec<String> {
    let silent = ledger.silences().filter(|(_, silence)| *silence > after);
    silent.map(|(lane, silence)| format!("{} has been stuck for {} s", lane.name(), silence.as_secs())).collect()
}

fn lost(losses: Losses) -> String {
    let Losses { kernel, interface, shed } = losses;
    let mut line = format!("{} dropped by the kernel", counted(kernel, "packet"));
    for (count, why) in [(interface, "by the interface"), (shed, "left out under overload")] {
        if count > 0 {
            line.push_str(&format!(", {count} {why}"));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Lane;

    #[test]
    fn each_interface_is_told_with_its_losses() {
        let interface = |name: &str, kernel, interface| InterfaceCounters {
            name: name.into(),
            packets: 7,
            losses: Losses { kernel, interface, shed: 0 },
        };
        let counters = Counters { packets: 14, sessions: 1, gaps: 2, flows_evicted: 1, ..Counters::default() };
        let told = seen(&[interface("a", 1, 0), interface("b", 0, 3)], Duration::from_secs(2), &counters);
        let expected = [
            "a, b: 14 packets, 1 session in 2.0 s; 1 packet dropped by the kernel, 3 by the interface",
            "a: 7 packets; 1 packet dropped by the kernel",
            "b: 7 packets; 0 packets dropped by the kernel, 3 by the interface",
            "not seen whole: 1 connection given up for others, as too many were open, 2 directions with a gap",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_kept_and_what_not_is_told() {
        let counters = KeptCounters { packets: 1_200, bytes: 9, no_room: 1, not_written: 0 };
        assert_eq!(kept(counters), "kept: 1,200 packets, 1 packet not kept because the disk was too slow");
        assert_eq!(kept(KeptCounters { packets: 1, ..KeptCounters::default() }), "kept: 1 packet");
    }

    #[test]
    fn a_thread_that_is_silent_is_named() {
        let ledger = Ledger::new(1);
        ledger.beat(Lane::Shard(0));
        assert_eq!(stuck(&ledger, Duration::from_secs(1)), Vec::<String>::new());
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(stuck(&ledger, Duration::from_millis(5)), ["shard-0 has been stuck for 0 s"]);
    }
}
