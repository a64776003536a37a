//! Every capture of `testdata/captures` gives the events that `testdata/golden` holds, one file a capture.
//!
//! `UPDATE=1 cargo test --test golden` writes them anew, to be reviewed in the diff. The files hold what the default
//! features print; with `ja4plus` its members are taken out before the comparison, and `testdata/golden/ja4plus` holds a
//! few captures with them.

mod packets;
mod replay;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use replay::{Replay, captures, file_name, testdata};
use serde_json::Value;
use tlsight::judge::{Judge, Measures};
use tlsight::x509::verify::Anchors;

#[test]
fn captures_give_their_golden_events() {
    let folder = testdata("golden");
    let mut wrong = String::new();
    for path in captures() {
        let golden = folder.join(format!("{}.ndjson", file_name(&path)));
        let printed = judged(&path);
        if let Err(difference) = compare(&golden, &printed) {
            wrong += &difference;
        }
    }
    let _ = stale(&folder).map_err(|stale| wrong += &stale);
    assert!(wrong.is_empty(), "{wrong}\nUPDATE=1 cargo test --test golden writes them anew");
}

#[cfg(feature = "ja4plus")]
#[test]
fn captures_give_their_golden_events_with_ja4plus() {
    let folder = testdata("golden/ja4plus");
    let mut wrong = String::new();
    for name in WITH_JA4PLUS {
        let golden = folder.join(format!("{name}.ndjson"));
        let printed = judged(&testdata("captures").join(name));
        if updating() {
            write(&golden, &printed);
        }
        if let Some(difference) = difference(&name_of(&golden), &read(&golden), &printed) {
            wrong += &difference;
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nUPDATE=1 cargo test --features ja4plus --test golden writes them anew");
}

#[cfg(feature = "ja4plus")]
const WITH_JA4PLUS: [&str; 4] =
    ["openssl_tls12.pcap", "openssl_tls13.pcap", "openssl_client_certificate_tls12.pcap", "syn_missing.pcap"];

#[cfg(not(feature = "ja4plus"))]
fn compare(golden: &Path, printed: &str) -> Result<(), String> {
    if updating() {
        write(golden, printed);
    }
    let expected = read(golden);
    if expected == printed {
        return Ok(());
    }
    Err(difference(&name_of(golden), &expected, printed)
        .unwrap_or_else(|| format!("{}: the same members in another form\n", name_of(golden))))
}

#[cfg(feature = "ja4plus")]
fn compare(golden: &Path, printed: &str) -> Result<(), String> {
    let bare: String = printed
        .lines()
        .map(|line| {
            let mut value = json(line);
            drop_ja4plus(&mut value);
            format!("{value}\n")
        })
        .collect();
    difference(&name_of(golden), &read(golden), &bare).map_or(Ok(()), Err)
}

#[cfg(feature = "ja4plus")]
fn drop_ja4plus(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|key, _| !JA4PLUS.contains(&key.as_str()));
            members.values_mut().for_each(drop_ja4plus);
            // An object that held nothing else is not there without the feature.
            members.retain(|_, value| value.as_object().is_none_or(|members| !members.is_empty()));
        }
        Value::Array(items) => items.iter_mut().for_each(drop_ja4plus),
        _ => {}
    }
}

#[cfg(feature = "ja4plus")]
const JA4PLUS: [&str; 8] = ["ja4s", "ja4s_r", "ja4x", "ja4x_r", "ja4t", "ja4ts", "ja4l", "ja4ls"];

/// What is told of a capture, labels apart. Trusted are Mozilla's authorities, and those in a file of the capture's name in
/// `testdata/chains`.
fn judged(path: &Path) -> String {
    let mut anchors = Anchors::mozilla();
    let own = testdata("chains").join(Path::new(file_name(path)).with_extension("pem"));
    if let Ok(text) = fs::read(own) {
        anchors.add_pem(&text).expect("certificates");
    }
    let mut judge = Judge::new(Measures { anchors: Arc::new(anchors), chain_checks: None, knowledge: None });
    let mut replay = Replay::of_file(path);
    replay.events.iter_mut().for_each(|event| judge.judge(event));
    replay.lines()
}

/// Golden files without a capture; those are removed when updating.
fn stale(folder: &Path) -> Result<(), String> {
    let captures: BTreeSet<String> = captures().iter().map(|path| format!("{}.ndjson", file_name(path))).collect();
    let mut stale = String::new();
    for entry in fs::read_dir(folder).expect("testdata/golden") {
        let path = entry.expect("an entry of testdata/golden").path();
        if path.extension().is_none_or(|kind| kind != "ndjson") || captures.contains(file_name(&path)) {
            continue;
        }
        if updating() {
            fs::remove_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        } else {
            let _ = writeln!(stale, "{}: there is no such capture", name_of(&path));
        }
    }
    if stale.is_empty() { Ok(()) } else { Err(stale) }
}

/// What differs, member by member; `None` where nothing does.
fn difference(name: &str, expected: &str, printed: &str) -> Option<String> {
    let (expected, printed): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), printed.lines().collect());
    let mut out = String::new();
    if expected.len() != printed.len() {
        let _ = writeln!(out, "  {} events, now {}", expected.len(), printed.len());
    }
    for number in 0..expected.len().max(printed.len()) {
        let of = |lines: &[&str]| lines.get(number).map_or_else(Vec::new, |line| members(&json(line)));
        let (expected, printed) = (of(&expected), of(&printed));
        for line in expected.iter().filter(|line| !printed.contains(line)) {
            let _ = writeln!(out, "  event {}: - {line}", number + 1);
        }
        for line in printed.iter().filter(|line| !expected.contains(line)) {
            let _ = writeln!(out, "  event {}: + {line}", number + 1);
        }
    }
    (!out.is_empty()).then(|| format!("{name}\n{out}"))
}

/// `path: value` of each value that is no object.
fn members(value: &Value) -> Vec<String> {
    fn walk(value: &Value, path: &str, out: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    walk(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, out);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &format!("{path}[{index}]"), out);
                }
            }
            value => out.push(format!("{path}: {value}")),
        }
    }
    let mut out = Vec::new();
    walk(value, "", &mut out);
    out
}

fn updating() -> bool {
    std::env::var_os("UPDATE").is_some()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}; UPDATE=1 writes it", name_of(path)))
}

fn write(path: &Path, text: &str) {
    let written = fs::create_dir_all(path.parent().expect("a folder")).and_then(|()| fs::write(path, text));
    written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).expect("a line of JSON")
}

fn name_of(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR"))
        .map_or_else(|_| PathBuf::from(path), PathBuf::from)
        .display()
        .to_string()
}
