//! `tlsight clickhouse replay`: lines of NDJSON become the rows that the run itself would have stored, however often they are
//! sent; batches of an older schema go into today's tables.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[allow(dead_code)]
mod store;

use store::Store;

/// Rows of lines, beside those of the run that wrote them: what differs is known.
#[test]
fn lines_become_the_rows_that_the_run_itself_has_stored() {
    let store = Store::shared();
    store.database("direct");
    store.database("replayed");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lines.ndjson");
    let out = file.display().to_string();
    let rules = ["--rules", "rules", "-o", &out, "--clickhouse", &url(store, "direct")];
    let done = tlsight(&[&["read", "testdata/captures"], &rules[..]].concat());
    assert!(fs::metadata(&file).is_ok_and(|file| file.len() > 0), "{done:?}");
    let replay = |path: &str| text_of(&tlsight(&["clickhouse", "replay", &url(store, "replayed"), path]));
    let lines = fs::read_to_string(&file).expect("text").lines().count();
    assert!(replay(&out).starts_with(&format!("{lines} rows sent, in ")));

    for table in TABLES {
        let count = |database: &str| store.rows(&format!("{database}.{table}"));
        assert!(count("direct") > 0, "{table}");
        assert_eq!(count("replayed"), count("direct"), "{table}");
        let values: Vec<(String, String)> =
            columns(store, table).into_iter().map(|column| (column.clone(), compared(table, &column))).collect();
        let all: Vec<&str> = values.iter().map(|(_, value)| &**value).collect();
        if differing(store, table, &all.join(", ")).is_empty() {
            continue;
        }
        for (column, value) in values {
            assert_eq!(differing(store, table, &value), Vec::<String>::new(), "{table}: `{column}`");
        }
    }

    // The same again, as it is, packed, and from standard input, is stored once.
    let before: Vec<u64> = TABLES.iter().map(|table| store.rows(&format!("replayed.{table}"))).collect();
    replay(&out);
    let text = fs::read(&file).expect("it is there");
    let gzip = folder.path().join("lines.gz");
    let mut packed =
        flate2::write::GzEncoder::new(fs::File::create(&gzip).expect("a file"), flate2::Compression::fast());
    packed.write_all(&text).and_then(|()| packed.finish()).expect("it is written");
    let zstd = folder.path().join("lines.zst");
    fs::write(&zstd, zstd::encode_all(&text[..], 1).expect("it is packed")).expect("it is written");
    for path in [&gzip, &zstd] {
        assert!(replay(&path.display().to_string()).starts_with(&format!("{lines} rows sent")), "{}", path.display());
    }
    let url = url(store, "replayed");
    let mut child = Command::new(env!("CARGO_BIN_EXE_tlsight"))
        .args(["clickhouse", "replay", &url, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    child.stdin.take().expect("a pipe").write_all(&text).expect("it reads");
    assert!(text_of(&child.wait_with_output().expect("it ends")).starts_with(&format!("{lines} rows sent")));
    let after: Vec<u64> = TABLES.iter().map(|table| store.rows(&format!("replayed.{table}"))).collect();
    assert_eq!(after, before);
    assert_eq!(fs::read(&file).expect("it is there"), text, "the file stays as it is");
}

#[test]
fn lines_that_are_none_of_ours_are_told_with_file_and_line_and_the_rest_goes_on() {
    let store = Store::shared();
    store.database("bad_lines");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lines.ndjson");
    let done = tlsight(&["read", "testdata/captures/cert_expired.pcap", "--json", "-o", &file.display().to_string()]);
    let text = text_of(&done) + &fs::read_to_string(&file).expect("text");
    let good = text.lines().count();
    fs::write(&file, format!("{{\"ts\":1,\"uid\":\"C1\"}}\n\nnot JSON\n{text}{}", &text[..100]))
        .expect("it is written");
    let done =
        tlsight(&["clickhouse", "replay", &url(store, "bad_lines"), &file.display().to_string(), "--sensor", "north"]);
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let told: Vec<&str> = said.lines().collect();
    assert_eq!(told.len(), 3, "{said}");
    for (said, (line, what)) in told.iter().zip([
        (1, "`event.dataset` is not there: tlsight has not written this line"),
        (3, "it is no JSON"),
        (4 + good, "it is no JSON"),
    ]) {
        assert!(said.contains(&format!("lines.ndjson:{line}: {what}")), "{said}");
    }
    assert!(String::from_utf8_lossy(&done.stdout).starts_with(&format!("{good} rows sent")), "{done:?}");
    let sensors = store.ask("SELECT groupUniqArray(sensor) AS s FROM bad_lines.sessions");
    assert_eq!(sensors[0]["s"], serde_json::json!(["north"]));
}

/// Rows as the first version of the schema had them, with columns that are computed by now.
#[test]
fn batches_of_an_older_schema_go_into_todays_tables_once() {
    let store = Store::shared();
    store.database("older");
    let folder = tempfile::tempdir().expect("a folder");
    let mut rows = Vec::new();
    for number in 0..100_u64 {
        rows.extend_from_slice(format!("{number:016}").as_bytes());
        rows.extend_from_slice(&(1_700_000_000_000_000_000 + number).to_le_bytes());
        // `ja3_full` and `ja4_o` are computed since version 3, `ja4` is there still.
        for text in ["771,1,2,3,4", "t13d1517h2_8daaf6152771_b0da82dd1658", "x"] {
            rows.push(text.len() as u8);
            rows.extend_from_slice(text.as_bytes());
        }
    }
    let head = serde_json::json!({
        "table": "sessions", "columns": ["event_id", "timestamp", "ja3_full", "ja4", "ja4_o"], "schema": 1,
        "token": "older-1", "rows": 100, "server": "http://elsewhere", "database": "gone",
    });
    let batch = batch(&head.to_string(), &rows);
    for attempt in 0..2 {
        let file = folder.path().join(format!("{attempt}.batch"));
        fs::write(&file, &batch).expect("it is written");
        let path = file.display().to_string();
        let said = text_of(&tlsight(&["clickhouse", "replay", &url(store, "older"), &path]));
        assert_eq!(said, "100 rows sent, in 1 batches\n");
        assert!(!file.exists(), "what was sent is removed");
        assert_eq!(store.rows("older.sessions"), 100, "attempt {attempt}");
    }
    let ja4 = store.ask("SELECT ja4, count() AS n, uniqExact(event_id) AS ids FROM older.sessions GROUP BY ja4");
    let expected = serde_json::json!({"ja4": "t13d1517h2_8daaf6152771_b0da82dd1658", "n": 100, "ids": 100});
    assert_eq!(ja4, [expected]);
    let views = store.ask("SELECT sum(sessions) AS n FROM older.fingerprint_hours");
    assert_eq!(views[0]["n"], 100, "views count them once");
}

/// A batch's file: magic, lengths, head, a block that is not compressed, checksum.
fn batch(head: &str, rows: &[u8]) -> Vec<u8> {
    let not_compressed = 0x02_u8;
    let sizes = [(rows.len() as u32 + 9).to_le_bytes(), (rows.len() as u32).to_le_bytes()].concat();
    let block = [&[not_compressed], &sizes[..], rows].concat();
    let checksum = cityhash_rs::cityhash_102_128(&block).rotate_right(64).to_le_bytes();
    let lengths = [(head.len() as u64).to_le_bytes(), (block.len() as u64 + 16).to_le_bytes()].concat();
    let file = [&b"TLSIGHT\x01"[..], &lengths, head.as_bytes(), &checksum, &block].concat();
    let checksum = twox_hash::XxHash3_64::oneshot(&file).to_le_bytes();
    [&file[..], &checksum].concat()
}

/// What of a column has to be the same: what a line does not carry is told in `src/sink/clickhouse/lines.rs`.
fn compared(table: &str, column: &str) -> String {
    let value = match column {
        _ if table != "sessions" => format!("`{column}`"),
        "quic_parameter_lengths" => {
            "arrayMap((n, v) -> if(v IS NULL, n, 0), quic_parameter_lengths, quic_parameter_values)".to_owned()
        }
        name if OF_THE_LEAF.iter().any(|end| name.ends_with(end)) && name.contains("_chain_") => {
            format!("({name}[1], length({name}))")
        }
        // A hello of SSL 2.0 alone is none of TLS: lines leave it out.
        name if name.starts_with("client_") => {
            let ssl2 = "event_id IN (SELECT event_id FROM direct.sessions WHERE client_legacy_version = 2)";
            format!("if({ssl2}, '', toString(`{name}`))")
        }
        name => format!("`{name}`"),
    };
    format!("toString({value})")
}

/// Rows that one of both databases has and the other has not, by what these values say.
fn differing(store: &Store, table: &str, values: &str) -> Vec<String> {
    let key = if table == "sensor_stats" { "toString(timestamp)" } else { "toString(event_id)" };
    let rows = |database: &str| {
        format!("SELECT {key} AS k, [{values}] AS v, count() AS n FROM {database}.{table} GROUP BY k, v")
    };
    let shown = "lower(hex(k)) AS k, arrayMap(x -> toValidUTF8(x), v) AS v, n";
    let both = [("direct", "replayed"), ("replayed", "direct")].into_iter().flat_map(|(one, other)| {
        let rows = store.ask(&format!("SELECT {shown} FROM ({} EXCEPT {}) LIMIT 3", rows(one), rows(other)));
        rows.into_iter().map(move |row| format!("{one}: {row}"))
    });
    both.collect()
}

/// The stored columns of a table.
fn columns(store: &Store, table: &str) -> Vec<String> {
    let columns = store.ask(&format!(
        "SELECT name FROM system.columns WHERE database = 'direct' AND table = '{table}' AND default_kind = ''"
    ));
    columns.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

fn tlsight(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).args(arguments).output().expect("the program runs")
}

fn text_of(done: &Output) -> String {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout.clone()).expect("text")
}

fn url(store: &Store, database: &str) -> String {
    format!("http://{}/{database}", store.address)
}

const TABLES: [&str; 4] = ["sessions", "certificates", "alerts", "sensor_stats"];
const OF_THE_LEAF: [&str; 3] = ["_subject_common_name", "_issuer_common_name", "_chain_version"];
