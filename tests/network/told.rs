//! What was told, live and of a record.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::PROGRAM;

pub fn read(record: &Path, options: &[&str]) -> Vec<String> {
    let done = Command::new(PROGRAM).args(["read", "--json"]).args(options).arg(record).output().expect("tlsight runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

/// The lines about sessions, sorted.
pub fn sessions(lines: &[String]) -> Vec<String> {
    let mut sessions: Vec<String> =
        lines.iter().filter(|line| line.contains("\"dataset\":\"tlsight.tls\"")).cloned().collect();
    sessions.sort();
    sessions
}

pub fn same(told: &[String], read: &[String], what: &[&str]) {
    // Whole lines are too long to find a difference in.
    let differ = told.iter().zip(read).find(|(one, other)| one != other).map(|(one, other)| {
        let at = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        let part = |line: &str| line.chars().skip(at.saturating_sub(80)).take(240).collect::<String>();
        format!("live: {}\nread: {}", part(one), part(other))
    });
    assert!(told == read, "{what:?}: {} told live, {} read\n{}", told.len(), read.len(), differ.unwrap_or_default());
}

pub fn stats(lines: &[String]) -> Value {
    let last = lines.iter().rev().find(|line| line.contains("tlsight.stats")).expect("statistics");
    serde_json::from_str::<Value>(last).expect("JSON")["tlsight"]["stats"].clone()
}

/// As the program writes a number.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The ids of the sessions among these lines, sorted.
pub fn ids(lines: &[String]) -> Vec<String> {
    let id = |line: &String| -> Option<String> {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        (value["event"]["dataset"] == "tlsight.tls").then(|| value["event"]["id"].as_str().expect("an id").to_owned())
    };
    let mut ids: Vec<String> = lines.iter().filter_map(id).collect();
    ids.sort();
    ids
}

/// Nothing was told twice.
pub fn once(ids: &[String]) {
    assert!(ids.is_sorted_by(|one, other| one < other), "some are told twice");
}

/// The kernel dropped nothing, every event found its way, and all packets were read, or left out as application data of
/// finished sessions where the machine was slow.
pub fn all_taken(stats: &Value, sent: usize) {
    let shed = &stats["interfaces"][0]["dropped"]["shed"];
    let count = |value: &Value| value.as_u64().expect("a number");
    assert_eq!(count(&stats["packets"]) + count(shed), sent as u64, "{stats}");
    assert_eq!((&stats["packets_dropped"], &stats["events_shed"]), (shed, &0.into()), "{stats}");
}
