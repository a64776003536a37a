//! Browsers are not accused, and what passes for one is: over `testdata/browsers`, whose notes say who was who.
//!
//! `cargo test --test browsers -- --nocapture` prints how many of each program's profiles are caught after so many
//! connections. BROWSERS names another folder to look at, with captures of `testdata/make/browsers.py`.

mod packets;
mod replay;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use replay::{Replay, testdata};
use serde_json::Value;
use tlsight::event::{Browser, Verdict};
use tlsight::judge::browser::BrowserJudge;

/// A client of the captures, and the verdicts on its connections.
struct Client {
    file: String,
    program: String,
    profile: String,
    is_browser: bool,
    connections: u64,
    verdicts: Vec<Option<Browser>>,
}

impl Client {
    /// The connection by which it is known.
    fn caught_after(&self) -> Option<usize> {
        let accused =
            |browser: &Option<Browser>| matches!(browser, Some(found) if found.verdict == Verdict::Impersonation);
        self.verdicts.iter().position(accused).map(|at| at + 1)
    }

    fn claims_a_browser(&self) -> bool {
        self.verdicts.iter().any(Option::is_some)
    }

    fn told(&self) -> String {
        let told = |browser: &Option<Browser>| {
            browser.as_ref().map_or_else(String::new, |found| {
                let codes: Vec<_> = found.evidence.iter().map(|evidence| evidence.as_str()).collect();
                format!("{} {} [{}]", found.claims, found.verdict.as_str(), codes.join(" "))
            })
        };
        let told: Vec<_> = self.verdicts.iter().map(told).collect();
        format!("{} {}: {}", self.file, self.profile, told.join("; "))
    }
}

#[test]
fn no_browser_is_accused() {
    let accused: Vec<String> = clients()
        .iter()
        .filter(|client| client.is_browser && client.caught_after().is_some())
        .map(Client::told)
        .collect();
    assert_eq!(accused, Vec::<String>::new());
}

#[test]
fn browsers_are_known_for_what_they_are() {
    for client in clients().iter().filter(|client| client.is_browser) {
        let family = if client.program.contains("irefox") { "Firefox" } else { "Chromium" };
        for found in client.verdicts.iter().flatten() {
            assert!(found.claims.starts_with(family), "{}", client.told());
        }
        assert!(client.claims_a_browser(), "{}", client.told());
        let consistent = |found: &&Browser| found.verdict == Verdict::Consistent;
        assert!(client.verdicts.iter().flatten().any(|found| consistent(&found)), "{}", client.told());
    }
}

#[test]
fn impersonators_are_caught_within_four_connections_but_for_those_that_are_listed() {
    let clients = clients();
    print_matrix(&clients);
    let missed: BTreeSet<String> = clients
        .iter()
        .filter(|client| !client.is_browser && client.claims_a_browser())
        .filter(|client| client.caught_after().is_none_or(|after| after > 4))
        .map(|client| format!("{} {}", client.file, client.profile))
        .collect();
    for client in clients.iter().filter(|client| missed.contains(&format!("{} {}", client.file, client.profile))) {
        println!("missed: {}", client.told());
    }
    if std::env::var_os("BROWSERS").is_none() {
        let listed: BTreeSet<String> = notes("missed.txt").lines().map(str::to_owned).collect();
        assert_eq!(missed, listed);
    }
}

#[test]
fn every_client_of_the_notes_is_in_its_capture() {
    for client in clients() {
        assert_eq!(client.verdicts.len() as u64, client.connections, "{} {}", client.file, client.profile);
    }
}

/// Per program: profiles that claim a browser, caught after one, two, three, four connections, and not.
fn print_matrix(clients: &[Client]) {
    let mut rows: BTreeMap<(bool, &str), [usize; 8]> = BTreeMap::new();
    for client in clients {
        let row = rows.entry((client.is_browser, &client.file)).or_default();
        row[0] += 1;
        if client.claims_a_browser() {
            row[1] += 1;
            match client.caught_after() {
                Some(after @ 1..=4) => row[1 + after] += 1,
                Some(_) => row[6] += 1,
                None => row[7] += 1,
            }
        }
    }
    println!("{:28} clients  claim  caught after 1     2     3     4  later  not", "");
    for ((is_browser, file), row) in rows {
        let what = if is_browser { "browser" } else { "" };
        let [all, claim, one, two, three, four, later, never] = row;
        println!("{file:20} {what:7} {all:7} {claim:6} {one:14} {two:5} {three:5} {four:5} {later:6} {never:4}");
    }
}

fn clients() -> Vec<Client> {
    let mut all = Vec::new();
    for line in notes("notes.jsonl").lines() {
        let note: Value = serde_json::from_str(line).expect("a note");
        let file = text(&note["file"]);
        let path = folder().join(&file);
        if !path.exists() || fs::metadata(&path).is_ok_and(|found| found.len() < 100) {
            continue;
        }
        let mut judge = BrowserJudge::default();
        let mut verdicts: BTreeMap<String, Vec<Option<Browser>>> = BTreeMap::new();
        let mut events = Replay::of_file(&path).events;
        events.sort_by_key(|event| event.timestamp);
        for event in events {
            verdicts.entry(event.client.ip.to_string()).or_default().push(judge.judge(&event));
        }
        for client in note["clients"].as_array().expect("clients") {
            all.push(Client {
                file: file.trim_end_matches(".pcap").to_owned(),
                program: text(&client["program"]),
                profile: text(&client["profile"]),
                is_browser: client["what"] == "browser",
                connections: client["connections"].as_u64().expect("a number"),
                verdicts: verdicts.remove(&text(&client["source"])).unwrap_or_default(),
            });
        }
        assert_eq!(verdicts.keys().collect::<Vec<_>>(), Vec::<&String>::new(), "{file}: nobody knows them");
    }
    assert!(!all.is_empty());
    all
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn notes(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folder() -> PathBuf {
    std::env::var_os("BROWSERS").map_or_else(|| testdata("browsers"), PathBuf::from)
}

#[test]
#[ignore = "a measurement: cargo test --release --test browsers -- --ignored --nocapture"]
fn judging_takes_so_long() {
    for name in ["curl_cffi.pcap", "chromium.pcap", "firefox.pcap", "wreq.pcap"] {
        let events = Replay::of_file(&folder().join(name)).events;
        let mut judge = BrowserJudge::default();
        let began = std::time::Instant::now();
        let rounds = 2_000;
        for _ in 0..rounds {
            for event in &events {
                std::hint::black_box(judge.judge(event));
            }
        }
        let each = began.elapsed().as_nanos() / (rounds * events.len() as u128);
        println!("{name}: {each} ns an event");
    }
}
