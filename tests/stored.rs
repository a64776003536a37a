//! The program with a store: every field of every record is in the store as it is in the NDJSON, and the tables of every
//! earlier version become today's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

#[allow(dead_code)]
mod store;

use store::Store;
use store::columns::{ALERT, CERTIFICATE, CLIENT_CHAIN, Column, DERIVED, SERVER_CHAIN, SESSION, STATS, at, known};

#[test]
fn every_field_of_every_record_is_stored_as_it_is_told() {
    let store = Store::shared();
    store.database("whole");
    let lines = read(store, "whole", &["testdata/captures"]);
    let sessions: Vec<&Column> = [SESSION, CLIENT_CHAIN, SERVER_CHAIN].into_iter().flatten().collect();
    let of =
        |dataset: &str| -> Vec<&Value> { lines.iter().filter(|line| line["event"]["dataset"] == dataset).collect() };
    let mut seen = BTreeSet::new();
    for (table, dataset, columns, key) in [
        ("sessions", "tlsight.tls", sessions, Key { expression: "lower(hex(event_id))", path: "event.id" }),
        (
            "certificates",
            "tlsight.certificate",
            CERTIFICATE.iter().collect(),
            Key { expression: "lower(hex(sha256))", path: "tlsight.certificate.sha256" },
        ),
        (
            "alerts",
            "tlsight.alert",
            ALERT.iter().collect(),
            Key { expression: "lower(hex(event_id)) || rule_id", path: "tlsight.alert.session" },
        ),
        ("sensor_stats", "tlsight.stats", STATS.iter().collect(), Key { expression: "'one'", path: "none" }),
    ] {
        let lines = of(dataset);
        assert!(!lines.is_empty(), "{dataset}");
        assert_eq!(store.rows(&format!("whole.{table}")), lines.len() as u64, "{table}");
        let known: BTreeSet<&str> = columns.iter().map(|column| column.path).collect();
        let mut paths = BTreeSet::new();
        lines.iter().for_each(|line| leaves(line, "", &mut paths));
        let is_missing =
            |path: &&String| !known.contains(&***path) && !DERIVED.iter().any(|(derived, _)| path.starts_with(derived));
        let missing: Vec<&String> = paths.iter().filter(is_missing).collect();
        assert_eq!(missing, Vec::<&String>::new(), "{table} has no column for it");
        seen.extend(compare(store, table, &lines, &columns, key));
    }
    // Of these captures none shows it; `tests/clickhouse.rs` has made events that do.
    eprintln!("{} columns have a value somewhere", seen.len());
    assert!(seen.len() > 150, "{}", seen.len());
}

/// The paths of what a line says; of objects in a list, those within them.
fn leaves(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(value, &path, paths);
            }
        }
        Value::Array(items) if items.first().is_some_and(Value::is_object) => {
            items.iter().for_each(|item| leaves(item, path, paths));
        }
        _ => {
            // A leaf's names stand in a list of one.
            paths.insert(path.to_owned());
        }
    }
}

/// What makes a row the row of a line.
struct Key {
    expression: &'static str,
    path: &'static str,
}

/// Holds rows and lines against each other, column by column; returns the paths of those that had a value.
fn compare(store: &Store, table: &str, lines: &[&Value], columns: &[&Column], key: Key) -> BTreeSet<&'static str> {
    let list: Vec<String> =
        columns.iter().enumerate().map(|(i, column)| format!("({}) AS c{i}", column.expression)).collect();
    let ssl2 = if table == "sessions" { "client_legacy_version = 2" } else { "0" };
    let list = list.join(", ");
    let rows = store.ask(&format!("SELECT {} AS key, {ssl2} AS c_ssl2, {list} FROM whole.{table}", key.expression));
    let name = |line: &Value| match table {
        "sensor_stats" => "one".to_owned(),
        "alerts" => text(line, key.path) + &text(line, "rule.id"),
        _ => text(line, key.path),
    };
    // A hello of SSL 2.0 alone is none of TLS: the NDJSON leaves it out, the store has what there is.
    let is_ssl2 = |row: &&Value| row["c_ssl2"] == 1;
    let ssl2: BTreeSet<&str> = rows.iter().filter(is_ssl2).filter_map(|row| row["key"].as_str()).collect();
    let mut seen = BTreeSet::new();
    for (i, column) in columns.iter().enumerate() {
        // The same packets in two files are two sessions of one identifier.
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut stored: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in lines {
            let value = (column.read)(line, column.path).as_ref().and_then(known);
            if value.is_some() {
                seen.insert(column.path);
            }
            told.entry(name(line)).or_default().push(format!("{value:?}"));
        }
        for row in &rows {
            let key = row["key"].as_str().expect("a text").to_owned();
            stored.entry(key).or_default().push(format!("{:?}", known(&row[&format!("c{i}")])));
        }
        for (key, mut told) in told {
            let mut stored = stored.remove(&key).unwrap_or_default();
            if column.path.starts_with("tlsight.client.hello.") && ssl2.contains(&*key) {
                continue;
            }
            told.sort();
            stored.sort();
            assert_eq!(stored, told, "{table}: {} ({}) of {key}", column.path, column.expression);
        }
    }
    seen
}

#[test]
fn tables_of_every_earlier_version_become_todays_and_lose_nothing() {
    let store = Store::shared();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sink/clickhouse/migrations");
    let mut files: Vec<_> = fs::read_dir(&root).expect("a folder").flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    let versions = files.len() - 1;
    store.database("made");
    read(store, "made", FEW);
    let shape = |database: &str| {
        store.ask(&format!(
            "SELECT table, name, type, default_kind FROM system.columns WHERE database = '{database}' ORDER BY table, name"
        ))
    };
    for version in 1..versions {
        let database = format!("from_{version}");
        store.database(&database);
        for file in files.iter().filter(|file| number(file) >= 1 && number(file) <= version) {
            for statement in statements(file, &database) {
                store.ask(&statement);
            }
        }
        if version > 1 {
            // The first versions came without a history.
            for statement in statements(&files[0], &database) {
                store.ask(&statement);
            }
            for version in 1..=version {
                store.ask(&format!(
                    "INSERT INTO {database}.schema_migrations (version, name, checksum) VALUES ({version}, 'x', 'y')"
                ));
            }
        }
        store.ask(&format!(
            "INSERT INTO {database}.sessions (event_id, timestamp, ja4, server_name, server_chain_sha256) \
             SELECT toFixedString(leftPad(toString(number), 16, '0'), 16), toDateTime64('2024-01-01 00:00:00', 9) + number, 'a', \
             'b', [toFixedString(leftPad(toString(number % 7), 32, '0'), 32)] FROM numbers(1000)"
        ));
        store.ask(&format!("INSERT INTO {database}.alerts (timestamp, rule_id, message) VALUES (now(), 'r', 'm')"));
        let lines = read(store, &database, FEW);
        let sessions = lines.iter().filter(|line| line["event"]["dataset"] == "tlsight.tls").count() as u64;
        assert_eq!(store.rows(&format!("{database}.sessions")), 1_000 + sessions, "{database}");
        let old = store.ask(&format!(
            "SELECT sum(toUInt32(event_id)) AS sum, uniqExact(timestamp) AS times, any(ja4) AS client, any(server_name) AS name \
             FROM {database}.sessions WHERE ja4 = 'a'"
        ));
        assert_eq!(old[0], serde_json::json!({"sum": 499_500, "times": 1_000, "client": "a", "name": "b"}));
        let alert = store.ask(&format!("SELECT message FROM {database}.alerts WHERE rule_id = 'r'"));
        assert_eq!(alert[0]["message"], "m");
        // Certificates of sessions that were there before are known to have been seen.
        let seen = store.ask(&format!(
            "SELECT uniqExact(sha256) AS n, toString(min(first_seen)) AS first FROM {database}.certificate_sightings \
             WHERE startsWith(sha256, '0000')"
        ));
        assert_eq!(seen[0], serde_json::json!({"n": 7, "first": "2024-01-01 00:00:00.000000000"}));
        assert_eq!(shape(&database), shape("made"), "{database}");
    }
}

#[test]
fn a_newer_schema_is_one_clear_error() {
    let store = Store::shared();
    store.database("newer");
    read(store, "newer", FEW);
    store.ask("INSERT INTO newer.schema_migrations (version, name, checksum) VALUES (9000, 'later', '')");
    let before = store.rows("newer.sessions");
    let done = tlsight(&["read", "testdata/captures/cert_expired.pcap", "--clickhouse", &url(store, "newer")]);
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("are of version 9000, and this program knows those up to"), "{said}");
    assert_eq!(store.rows("newer.sessions"), before);
}

#[test]
fn a_store_is_made_and_says_how_it_stands() {
    let store = Store::shared();
    store.ask("DROP DATABASE IF EXISTS asked");
    let init = |more: &[&str]| text_of(&tlsight(&[&["clickhouse", "init", &url(store, "asked")], more].concat()));
    let sql = init(&["--dry-run"]);
    assert!(sql.starts_with("CREATE DATABASE IF NOT EXISTS `asked`;\n"), "{sql}");
    assert!(sql.contains("CREATE TABLE IF NOT EXISTS `asked`.`sessions`\n(") && !sql.contains("Replicated"), "{sql}");
    let sql = init(&["--dry-run", "--cluster", "all"]);
    assert!(sql.contains("`asked`.`sessions_local` ON CLUSTER 'all'\n("), "{sql}");
    assert!(
        sql.contains("ENGINE = ReplicatedMergeTree") && sql.contains("Distributed('all', 'asked', 'sessions_local'"),
        "{sql}"
    );
    assert_eq!(store.ask("SELECT count() AS n FROM system.databases WHERE name = 'asked'")[0]["n"], 0);
    let said = init(&[]);
    assert!(said.contains("after 0001_sessions_and_alerts, "), "{said}");
    assert!(init(&[]).ends_with("was there already\n"));
    // Those tables are no cluster's.
    let refused = tlsight(&["clickhouse", "init", &url(store, "asked"), "--cluster", "all"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("are on one server"), "{refused:?}");

    let lines = read(store, "asked", FEW);
    let folder = tempfile::tempdir().expect("a folder");
    let spool = folder.path().display().to_string();
    let said = text_of(&tlsight(&["clickhouse", "status", &url(store, "asked"), "--spool", &spool]));
    let line = |name: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name}: {said}")).trim().to_owned()
    };
    let sessions = lines.iter().filter(|line| line["event"]["dataset"] == "tlsight.tls").count();
    assert!(line("sessions  ").contains("a minute"), "{said}");
    assert!(said.contains(&format!("{sessions} rows, ")), "{said}");
    assert!(line("server").starts_with("ClickHouse 26."), "{said}");
    assert_eq!(line("waiting"), "0 batches, 0 rows, 0 B");
    assert_eq!(line("running"), "0 sensors");
    assert!(line("schema").parse::<u32>().is_ok(), "{said}");
    assert!(line("lag").contains(" d"), "{said}");
}

/// Captures with chains, alerts, a handful of sessions.
const FEW: &[&str] = &["testdata/captures/cert_expired.pcap", "testdata/captures/old_tls10_3des.pcap"];

/// What the program tells of captures while it fills a database.
fn read(store: &Store, database: &str, paths: &[&str]) -> Vec<Value> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let out = file.path().display().to_string();
    let url = url(store, database);
    let more = ["--rules", "rules", "-o", &out, "--clickhouse", &url];
    let done = tlsight(&[&["read"], paths, &more].concat());
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!said.contains("ClickHouse"), "{said}");
    let lines = fs::read_to_string(file.path()).expect("text");
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn tlsight(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().expect("the program runs")
}

fn text_of(done: &Output) -> String {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout.clone()).expect("text")
}

fn url(store: &Store, database: &str) -> String {
    format!("http://{}/{database}", store.address)
}

fn text(line: &Value, path: &str) -> String {
    at(line, path).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The version that a file of a migration leads to.
fn number(file: &Path) -> usize {
    file.file_name().and_then(|name| name.to_str()?.get(..4)?.parse().ok()).expect("four digits")
}

/// Its statements for one server, filled in by other means than the program's.
fn statements(file: &Path, database: &str) -> Vec<String> {
    let text = fs::read_to_string(file).expect("text");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n").replace("{on_cluster}", "").replace("{database}", database);
    let text = text.split("{table:").collect::<Vec<_>>().join(&format!("{database}.{{"));
    let text = text.split("{engine:").collect::<Vec<_>>().join("{").replace(['{', '}'], "");
    text.split(";\n")
        .chain([""])
        .map(|part| part.trim_end_matches(';').trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}
