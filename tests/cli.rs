//! The program as it is run: arguments, outputs, standard error, exit status.

mod packets;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use packets::{C, FileFormat, S, client_named, pcap, tcp};
use serde_json::Value;
use tempfile::TempDir;

const CAPTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/captures");
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");

fn capture(name: &str) -> String {
    format!("{CAPTURES}/{name}")
}

/// The program in a plain environment.
fn tlsight() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
    for name in ["COLUMNS", "NO_COLOR", "TERM", "LC_ALL", "LC_CTYPE"] {
        command.env_remove(name);
    }
    command.env("LANG", "C.UTF-8").stdin(Stdio::null());
    command
}

/// What came of a run.
#[derive(Debug)]
struct Run {
    status: i32,
    out: String,
    err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().expect("an exit status"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

fn run(args: &[&str]) -> Run {
    tlsight().args(args).output().expect("the program runs").into()
}

fn run_with_input(args: &[&str], input: &[u8]) -> Run {
    let mut command = tlsight();
    let mut child =
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    // A program that does not want its input closes it early.
    let _ = child.stdin.take().expect("piped").write_all(input);
    child.wait_with_output().expect("ends").into()
}

/// On a terminal of so many columns; `None` where util-linux's `script` is not installed.
fn run_on_terminal(columns: u16, args: &str) -> Option<Run> {
    let line = format!("stty cols {columns} rows 40; exec {} {args}", env!("CARGO_BIN_EXE_tlsight"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env("LANG", "C.UTF-8").env("TERM", "xterm").stdin(Stdio::null());
    for name in ["COLUMNS", "NO_COLOR", "LC_ALL", "LC_CTYPE"] {
        command.env_remove(name);
    }
    let output = command.output().ok()?;
    let run = Run::from(output);
    Some(Run { out: run.out.replace('\r', ""), ..run })
}

fn records(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn dataset(record: &Value) -> &str {
    record["event"]["dataset"].as_str().expect("a dataset")
}

/// The lines of sessions.
fn sessions(text: &str) -> BTreeSet<String> {
    text.lines().filter(|line| line.contains("\"tlsight.tls\"")).map(str::to_owned).collect()
}

/// A capture of one connection in which a client asks for `name`.
fn asking_for(name: &str) -> Vec<u8> {
    let hello = client_named("firefox-138").hello(packets::clients::Ask::new(1, name));
    pcap(FileFormat::default(), &tcp(C, S).syn().syn_ack().ack().client(hello.record()).fin().frames())
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file can be written");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_capture_becomes_json_where_nobody_watches() {
    let run = run(&["read", &capture("openssl_tls12.pcap")]);
    let records = records(&run.out);
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    assert_eq!(
        records.iter().map(dataset).collect::<Vec<_>>(),
        ["tlsight.certificate", "tlsight.tls", "tlsight.stats"]
    );
    assert_eq!(records[0]["tlsight"]["certificate"]["session"], records[1]["event"]["id"]);
    assert_eq!(records[1]["tls"]["client"]["server_name"], "site.test");
}

#[test]
fn standard_input_is_read_like_a_file() {
    let path = capture("openssl_tls12.pcap");
    let piped = run_with_input(&["read", "-"], &fs::read(&path).expect("the capture"));
    assert_eq!(piped.status, 0, "{}", piped.err);
    assert_eq!(piped.out, run(&["read", &path]).out);
}

#[test]
fn the_threads_do_not_change_what_is_found() {
    let one = run(&["read", "--threads", "1", CAPTURES]);
    let four = run(&["read", "--threads", "4", CAPTURES]);
    assert!(sessions(&one.out).len() > 100);
    assert_eq!(one.out, four.out);
    assert_eq!(one.err.lines().collect::<BTreeSet<_>>(), four.err.lines().collect());
}

#[test]
fn a_reader_who_leaves_ends_the_run_in_peace() {
    for form in ["--json", "--sessions", "--table"] {
        let mut command = tlsight();
        command.args(["read", form, CAPTURES]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        let mut line = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::with_capacity(16, out).read_line(&mut line).expect("a line");
        assert!(!line.is_empty());
        let run = Run::from(child.wait_with_output().expect("ends"));
        let warnings = run.err.lines().filter(|line| !line.contains("snap") && !line.contains("cut off"));
        assert_eq!((run.status, warnings.count()), (0, 0), "{form}: {}", run.err);
    }
}

#[test]
fn wrong_arguments_are_told_with_status_2() {
    for (args, words) in [
        (&["read"][..], "PATH"),
        (&["read", "--no-such-option", "x"], "--no-such-option"),
        (&["read", "x", "--threads", "0"], "1 or more"),
        (&["read", "x", "--fail-on", "high"], "--rules"),
        (&["read", "x", "--fail-on", "bad", "--rules", "x"], "is no level"),
        (&["read", "x", "--json", "--table"], "cannot be used with"),
        (&["live", "-i", "lo", "-i", "lo"], "named twice"),
        (&["live", "--stats-interval", "soon"], "such as 30s"),
        (&["no-such-command"], "no-such-command"),
    ] {
        let run = run(args);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{args:?}");
        assert!(run.err.contains(words), "{args:?}: {}", run.err);
    }
}

#[test]
fn a_missing_file_is_one_line() {
    let run = run(&["read", "/no/such/file.pcap"]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert_eq!(run.err.lines().count(), 1);
    assert!(run.err.starts_with("tlsight: /no/such/file.pcap: "), "{}", run.err);
}

#[test]
fn a_bad_file_costs_no_event_of_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = file(&folder, "notes.txt", b"these are notes\n");
    let run = run(&["read", text(&bad), &capture("openssl_tls12.pcap"), "/no/such/file"]);
    assert_eq!(run.status, 2);
    assert_eq!(sessions(&run.out).len(), 1);
    assert_eq!(run.err.lines().count(), 2, "{}", run.err);
    assert!(run.err.contains("notes.txt: not a capture"), "{}", run.err);
}

#[test]
fn a_cut_file_is_told_with_its_place_and_is_no_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = fs::read(capture("openssl_tls12.pcap")).expect("the capture");
    let cut = file(&folder, "cut.pcap", &whole[..whole.len() - 10]);
    for threads in ["1", "4"] {
        let run = run(&["read", "--threads", threads, text(&cut)]);
        assert_eq!((run.status, sessions(&run.out).len(), run.err.lines().count()), (0, 1, 1), "{}", run.err);
        assert!(run.err.contains("cut.pcap: cut off at byte "), "{}", run.err);
        assert_eq!(run_quietly(text(&cut)).err, "");
    }
}

fn run_quietly(path: &str) -> Run {
    run(&["-q", "read", path])
}

#[test]
fn an_empty_folder_holds_no_capture() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(&["read", text(folder.path())]);
    assert_eq!((run.status, run.out.as_str(), run.err.lines().count()), (2, "", 1));
    assert!(run.err.contains("holds no capture"), "{}", run.err);
}

#[test]
fn a_path_cannot_play_tricks_on_the_terminal() {
    let run = run(&["read", "/no/\u{1b}[2J\u{202e}file"]);
    assert!(run.err.contains("\\u{1b}[2J\\u{202e}file"), "{}", run.err);
}

#[test]
fn a_filter_takes_what_it_accepts() {
    let of = |filter: &str| run(&["read", CAPTURES, "--filter", filter]);
    let (all, some, none) = (of(""), of("tcp port 8443"), of("udp and port 1"));
    let (all, some) = (sessions(&all.out), sessions(&some.out));
    assert!(!some.is_empty() && some.is_subset(&all) && some.len() < all.len());
    assert!(sessions(&none.out).is_empty());
    let wrong = of("port eighty-tree");
    assert_eq!((wrong.status, wrong.err.lines().count()), (2, 1));
    assert!(wrong.err.starts_with("tlsight: filter `port eighty-tree`: "), "{}", wrong.err);
}

#[test]
fn alerts_decide_the_status_where_they_are_asked_to() {
    let path = capture("cert_expired.pcap");
    let of = |level: &str| run(&["read", &path, "--rules", RULES, "--fail-on", level]);
    assert_eq!((of("medium").status, of("informational").status, of("high").status), (1, 1, 0));
    assert_eq!(run(&["read", &path, "--rules", RULES]).status, 0);
    let records = records(&of("medium").out);
    let alert = records.iter().find(|record| dataset(record) == "tlsight.alert").expect("an alert");
    assert_eq!(alert["rule"]["name"], "Expired certificate");
}

#[test]
fn threat_lists_alert_without_rules_and_decide_the_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = capture("cert_expired.pcap");
    let session = records(&run(&["read", &path]).out).into_iter().find(|record| dataset(record) == "tlsight.tls");
    let session = session.expect("a session");
    let list = file(
        &folder,
        "c2.txt",
        format!("{} # a test\n", session["destination"]["ip"].as_str().expect("an address")).as_bytes(),
    );
    let of = |list: &str, level: &str| run(&["read", &path, "--threat-list", list, "--fail-on", level]);
    assert_eq!((of(text(&list), "high").status, of(text(&list), "critical").status), (1, 0));
    assert_eq!(of(&format!("low={}", text(&list)), "medium").status, 0);
    let records = records(&of(text(&list), "high").out);
    let alert = records.iter().find(|record| dataset(record) == "tlsight.alert").expect("an alert");
    assert_eq!(alert["rule"]["name"], "Threat list c2: address");
    assert_eq!(alert["threat"]["indicator"]["description"], "a test");
    assert_eq!(alert["tlsight"]["alert"]["sessions"][0], session["event"]["id"]);

    let neither = run(&["read", &path, "--fail-on", "low"]);
    assert_eq!(neither.status, 2);
    assert!(neither.err.contains("--rules") && neither.err.contains("--threat-list"), "{}", neither.err);
    let verbose = run(&["-v", "read", &path, "--threat-list", text(&list), "--table"]);
    assert!(verbose.err.contains("tlsight: threat list c2: 1 indicator from "), "{}", verbose.err);
    let bad = file(&folder, "bad.txt", b"no list\n");
    let bad = run(&["read", &path, "--threat-list", text(&bad)]);
    assert_eq!((bad.status, bad.err.lines().count()), (2, 1), "{}", bad.err);
}

#[test]
fn alerts_go_to_a_file_in_cef_and_what_did_not_arrive_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("alerts.cef");
    // Nobody listens there any more.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let path = capture("cert_expired.pcap");
    let run =
        run(&["read", &path, "--rules", RULES, "--cef", text(&to), "--syslog", &format!("tcp://127.0.0.1:{port}")]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(run.err.contains(&format!("syslog at tcp://127.0.0.1:{port}: ")), "{}", run.err);
    assert!(run.err.contains("alerts were not delivered"), "{}", run.err);
    let lines = std::fs::read_to_string(&to).expect("a file");
    assert!(
        lines.lines().count() >= 1 && lines.lines().all(|line| line.starts_with("CEF:0|tlsight|tlsight|")),
        "{lines}"
    );
}

#[test]
fn an_input_that_fails_goes_before_alerts() {
    let run = run(&["read", &capture("cert_expired.pcap"), "/no/such", "--rules", RULES, "--fail-on", "low"]);
    assert_eq!(run.status, 2);
}

#[test]
fn faulty_rules_are_told_a_line_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = file(&folder, "a.yml", b"title: a\ndetection:\n  x:\n    no.such.field: 1\n  condition: x\n");
    let run_rules = run(&["read", &capture("cert_expired.pcap"), "--rules", text(&rules)]);
    assert_eq!((run_rules.status, run_rules.out.as_str()), (2, ""));
    assert!(run_rules.err.lines().count() > 1);
    assert!(run_rules.err.lines().all(|line| line.starts_with("tlsight: ") && line.contains("a.yml:")));

    let empty = tempfile::tempdir().expect("a folder");
    let none = run(&["read", &capture("cert_expired.pcap"), "--rules", text(empty.path())]);
    assert_eq!(none.status, 2);
    assert!(none.err.contains("there are no rules"), "{}", none.err);
}

#[test]
fn the_configuration_file_is_checked_and_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = capture("many_connections.pcap");
    let wrong = file(&folder, "wrong.toml", b"[limits]\nidle_seconds = 9\nmax_flow = 1\n");
    let run_wrong = run(&["read", &path, "--config", text(&wrong)]);
    assert_eq!((run_wrong.status, run_wrong.err.lines().count()), (2, 1));
    assert!(
        run_wrong.err.contains("wrong.toml:3: unknown key `max_flow` in [limits]; did you mean `max_flows`?"),
        "{}",
        run_wrong.err
    );

    let small = file(&folder, "small.toml", b"[limits]\nmax_flows = 1\n");
    let evicted = |args: &[&str]| {
        let run = run(&[&["read", &path, "--threads", "1"], args].concat());
        records(&run.out).last().expect("statistics")["tlsight"]["stats"]["flows_evicted"].as_u64()
    };
    assert!(evicted(&["--config", text(&small)]) > Some(0));
    assert_eq!(evicted(&["--config", text(&small), "--max-flows", "1000"]), Some(0));
}

#[test]
fn authorities_are_taken_from_files_and_a_broken_one_is_told_in_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = capture("chain_ok.pcap");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/chains/chain_ok.pem");
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/chains/chain_expired.pem");
    assert_eq!(run(&["read", &path, "--ca-file", root, "--ca-file", other]).status, 0);
    let cut = file(&folder, "cut.pem", b"# mine\n-----BEGIN CERTIFICATE-----\nMIIB\n");
    let wrong = run(&["read", &path, "--ca-file", root, "--ca-file", text(&cut)]);
    assert_eq!((wrong.status, wrong.err.lines().count()), (2, 1));
    assert!(wrong.err.contains("cut.pem:2: this certificate has no `-----END CERTIFICATE-----`"), "{}", wrong.err);
    let none = run(&["read", &path, "--ca-file", "nowhere.pem"]);
    assert_eq!((none.status, none.err.lines().count()), (2, 1));
}

#[test]
fn json_goes_to_a_file_and_nothing_to_standard_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.ndjson");
    let path = capture("openssl_tls12.pcap");
    let to_file = run(&["read", &path, "-o", text(&out)]);
    assert_eq!((to_file.status, to_file.out.as_str(), to_file.err.as_str()), (0, "", ""));
    assert_eq!(fs::read_to_string(&out).expect("written"), run(&["read", &path]).out);

    let with_lines = run(&["read", &path, "-o", text(&out), "--sessions"]);
    assert_eq!(with_lines.out.lines().count(), 1);
    assert_eq!(run(&["read", &path, "-o", "-"]).out, run(&["read", &path]).out);
}

#[test]
fn a_capture_is_not_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = fs::read(capture("openssl_tls12.pcap")).expect("the capture");
    let path = file(&folder, "only.pcap", &whole);
    let run = run(&["read", text(&path), "-o", text(&path)]);
    assert_eq!(run.status, 2);
    assert!(run.err.contains("one of the captures"), "{}", run.err);
    assert_eq!(fs::read(&path).expect("still there"), whole);
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let run = run(&["read", &capture("openssl_tls12.pcap"), "-o", "/no/such/folder/out"]);
    assert_eq!(run.status, 2);
    assert!(run.err.starts_with("tlsight: /no/such/folder/out: "), "{}", run.err);
    if Path::new("/dev/full").exists() {
        let mut command = tlsight();
        command.args(["read", CAPTURES]).stdout(File::create("/dev/full").expect("opens"));
        let full = Run::from(command.output().expect("runs"));
        assert_eq!(full.status, 2);
        assert!(full.err.contains("standard output: "), "{}", full.err);
    }
}

#[test]
fn a_line_has_all_of_a_session_where_nothing_is_cut() {
    let run = run(&["read", "--sessions", &capture("cert_expired.pcap")]);
    assert_eq!((run.status, run.out.lines().count()), (0, 1));
    for word in [
        "2026-11-23T16:44:33.282919000Z",
        "127.0.0.1:443",
        "site.test",
        "1.2",
        "ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "t12d840700_bd790527ddab_3c5a66c06c35",
        "expired",
    ] {
        assert!(run.out.split_whitespace().any(|part| part == word), "{word}: {}", run.out);
    }
}

#[test]
fn the_table_says_what_a_responder_asks_first() {
    let run = run(&["read", "--table", "--rules", RULES, "--top", "3", &capture("cert_expired.pcap")]);
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    for words in [
        "1 capture",
        "1 TLS session",
        "1 alert, highest: medium",
        "TLS 1.2",
        "t12d840700_bd790527ddab_3c5a66c06c35",
        "site.test",
        "expired 3,979 days before",
        "2015-01-01 to 2016-01-01",
        "Expired certificate",
    ] {
        assert!(run.out.contains(words), "{words}:\n{}", run.out);
    }
    assert!(!run.out.contains('\u{1b}'));
}

#[test]
fn tables_fit_the_terminal() {
    for columns in [80, 100, 140] {
        for form in ["", "--sessions"] {
            let args = format!("read --rules {RULES} {form} {CAPTURES}");
            let Some(run) = run_on_terminal(columns, &args) else { return };
            assert_eq!(run.status, 0);
            let longest = run.out.lines().map(|line| visible(line).chars().count()).max();
            assert!(longest <= Some(columns.into()), "{columns} {form}: {longest:?}\n{}", run.out);
            assert!(run.out.contains("\u{1b}["), "colours are expected");
        }
    }
}

/// A line without its escape sequences.
fn visible(line: &str) -> String {
    // What a progress bar has written is gone when its line is erased.
    let line = line.rsplit("\u{1b}[2K").next().unwrap_or(line);
    let mut out = String::new();
    let mut pieces = line.split('\u{1b}');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let end = piece.find(|c: char| c.is_ascii_alphabetic()).map_or(piece.len(), |at| at + 1);
        out.push_str(&piece[end..]);
    }
    out
}

#[test]
fn colours_and_glyphs_follow_the_environment() {
    let path = capture("openssl_tls12.pcap");
    let Some(coloured) = run_on_terminal(80, &format!("read {path}")) else { return };
    assert!(coloured.out.contains("\u{1b}[1m") && coloured.out.contains('█'), "{}", coloured.out);
    let line = format!("NO_COLOR=1 LANG=C {} read {path}", env!("CARGO_BIN_EXE_tlsight"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env_remove("LC_ALL").env_remove("LC_CTYPE").stdin(Stdio::null());
    let plain = Run::from(command.output().expect("script runs"));
    assert!(!plain.out.contains('\u{1b}') && plain.out.is_ascii(), "{}", plain.out);
}

#[test]
fn names_from_the_wire_cannot_play_tricks_on_the_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(&folder, "evil.pcap", &asking_for("a\u{1b}[31m\u{202e}\r\nb.test"));
    for form in ["--table", "--sessions"] {
        let run = run(&["read", form, text(&path)]);
        assert!(run.out.contains("a\\x1b[31m\\xe2\\x80\\xae\\x0d\\x0ab.test"), "{}", run.out);
        assert!(!run.out.contains(['\u{1b}', '\u{202e}', '\r']));
    }
}

#[test]
fn live_lists_the_interfaces_where_none_is_named() {
    let run = run(&["live"]);
    assert_eq!(run.status, 2);
    assert!(run.err.contains("-i IFACE") || run.err.contains("interface"), "{}", run.err);
    assert!(run.out.lines().any(|line| line.starts_with("lo ")) || run.out.is_empty(), "{}", run.out);
    let none = run_interface("no-such-if0");
    assert_eq!((none.status, none.err.lines().count()), (2, 1), "{}", none.err);
    assert!(none.err.starts_with("tlsight: interface no-such-if0: "), "{}", none.err);
}

fn run_interface(name: &str) -> Run {
    run(&["live", "-i", name])
}

#[test]
fn live_ends_on_a_signal_with_everything_told() {
    for signal in ["TERM", "INT"] {
        let mut command = tlsight();
        command.args(["-v", "live", "-i", "lo"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        let mut errors = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.starts_with("tlsight: listening to lo ") {
            line.clear();
            assert_ne!(errors.read_line(&mut line).expect("a line"), 0, "it has ended");
            if line.contains("no permission") {
                child.wait().expect("ends");
                return;
            }
        }
        let killed = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(killed.expect("kill runs").success());
        let run = Run::from(child.wait_with_output().expect("ends"));
        assert_eq!(run.status, 0, "{signal}");
        assert_eq!(records(&run.out).last().map(dataset), Some("tlsight.stats"));
        let mut farewell = String::new();
        errors.read_line(&mut farewell).expect("a line");
        assert!(farewell.contains("dropped by the kernel"), "{farewell}");
    }
}

#[test]
fn explain_knows_every_kind_of_value() {
    let hello = client_named("firefox-138").hello(packets::clients::Ask::new(1, "site.test"));
    let hex =
        |bytes: &[u8], between: &str| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between);
    let (record, message) = (hex(&hello.record(), ":"), hex(&hello.message(), " "));
    let cases = [
        ("t13d1516h2_8daaf6152771_e5627efa2ab1", "cannot be undone"),
        ("t12d0303h1_002f,0035,c02b_0005,000a,000d_0403,0804", "TLS_RSA_WITH_AES_128_CBC_SHA"),
        ("771,4865-4866,0-10-11,29-23,0", "TLS_AES_128_GCM_SHA256"),
        ("771,4865,43-51", "supported_versions"),
        ("ada70206e40642a3e4461f35503241d5", "cannot be undone"),
        (record.as_str(), "site.test\n"),
        (message.as_str(), "site.test\n"),
    ];
    for (value, words) in cases {
        let run = run(&["explain", value]);
        assert_eq!((run.status, run.err.as_str()), (0, ""), "{value}");
        assert!(run.out.contains(words), "{words}:\n{}", run.out);
    }
    let explained = run(&["explain", &record]).out;
    assert_eq!(run_with_input(&["explain", "-"], record.as_bytes()).out, explained);
    assert_eq!(run_with_input(&["explain", "-"], &hello.record()).out, explained);
    assert!(explained.contains("JA4  "), "{explained}");
    for value in ["what is this", "47455420", "123"] {
        let run = run(&["explain", value]);
        assert_eq!((run.status, run.out.as_str(), run.err.lines().count()), (2, "", 1), "{value}");
    }
}

#[test]
fn explained_fingerprints_are_those_of_the_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(&folder, "one.pcap", &asking_for("site.test"));
    let session = records(&run(&["read", text(&path)]).out).remove(0);
    let hello = client_named("firefox-138").hello(packets::clients::Ask::new(1, "site.test"));
    let hex: String = hello.record().iter().map(|byte| format!("{byte:02x}")).collect();
    let explained = run(&["explain", &hex]).out;
    let client = &session["tlsight"]["client"];
    for value in
        [&session["tls"]["client"]["ja3"], &session["tls"]["client"]["ja4"], &client["ja4_ro"], &client["ja3n"]]
    {
        assert!(explained.contains(value.as_str().expect("a fingerprint")), "{value}:\n{explained}");
    }
    let raw = run(&["explain", client["ja4_ro"].as_str().expect("a fingerprint")]).out;
    assert!(raw.contains(session["tls"]["client"]["ja4"].as_str().expect("a fingerprint")), "{raw}");
}

#[test]
fn sessions_have_labels_unless_they_are_not_wanted() {
    let path = capture("go_http1_nginx_tls13.pcap");
    let run_with = |args: &[&str]| {
        let found = run(&[&["read", "--json", &path], args].concat());
        assert_eq!(found.status, 0, "{}", found.err);
        records(&found.out).into_iter().find(|record| dataset(record) == "tlsight.tls").expect("a session")
    };
    let labels = &run_with(&[])["tlsight"]["labels"];
    assert_eq!((&labels[0]["software"], &labels[0]["specificity"]), (&"Go".into(), &"runtime".into()), "{labels}");
    assert_eq!(run_with(&["--no-labels"])["tlsight"]["labels"], Value::Null);
}

#[test]
fn lists_of_others_are_imported_and_used() {
    let folder = TempDir::new().expect("a folder");
    let output = folder.path().join("lists.toml");
    let list = |name: &str| format!("{}/testdata/labels/lists/{name}", env!("CARGO_MANIFEST_DIR"));
    let (certificates, clients) = (list("sslblacklist.csv"), list("ja4plus-mapping.csv"));
    let import = ["labels", "import", &certificates, &clients, "-o", text(&output)];
    let first = run(&import);
    assert_eq!(first.status, 2, "two lines of each cannot be read");
    for words in ["sslblacklist.csv:6: ", "ja4plus-mapping.csv:9: "] {
        assert!(first.err.contains(words), "{words}: {}", first.err);
    }
    for words in [": 2 labels", ": 4 labels", "have more than one name now"] {
        assert!(first.out.contains(words), "{words}: {}", first.out);
    }
    let again = run(&import);
    assert!(again.status == 2 && again.err.contains("it is there already"), "{}", again.err);

    let session = run(&["read", "--json", "--labels", text(&output), &capture("cert_expired.pcap")]);
    let record = records(&session.out).into_iter().find(|record| dataset(record) == "tlsight.tls").expect("a session");
    let labels = record["tlsight"]["labels"].as_array().expect("labels");
    let server = labels.iter().find(|label| label["side"] == "server").expect("a label of the server");
    assert_eq!((&server["software"], &server["role"]), (&"SomeBot C&C".into(), &"malware".into()));
}

#[test]
fn a_fault_in_a_label_file_is_told_before_anything_is_read() {
    let folder = TempDir::new().expect("a folder");
    let path =
        file(&folder, "x.toml", b"[[label]]\nsoftware = \"a\"\nsource = \"b\"\nspecificity = \"c\"\n\n[other]\n");
    let found = run(&["read", "--labels", text(&path), &capture("cert_expired.pcap")]);
    assert_eq!((found.status, &*found.out), (2, ""));
    for words in ["x.toml:4: `specificity`", "x.toml:6: there is no `other` here"] {
        assert!(found.err.contains(words), "{words}: {}", found.err);
    }
}

#[test]
fn what_a_fingerprint_is_known_by_is_shown() {
    let ja4 = "t13d190900_9dc949149365_97f8aa674fd9";
    for command in [&["labels", "show", ja4][..], &["explain", ja4]] {
        let found = run(command);
        assert_eq!(found.status, 0, "{}", found.err);
        for words in ["Known by it", "Go 1.", "gobuster 3.", "cannot be told from it"] {
            assert!(found.out.contains(words), "{words}: {}", found.out);
        }
    }
    let nothing = run(&["labels", "show", "0123456789abcdef0123456789abcdef"]);
    assert!(nothing.out.contains("nothing") && nothing.status == 0, "{}", nothing.out);
    assert_eq!(run(&["labels", "show", "x"]).status, 2);
    let listed = run(&["labels", "list", "--role", "browser"]);
    assert!(listed.out.contains("Firefox") && !listed.out.contains("gobuster"), "{}", listed.out);
    assert_eq!(run(&["labels", "list", "--role", "wizard"]).status, 2);
}

#[test]
fn help_has_an_example_for_each_command() {
    assert_eq!(run(&["--help"]).status, 0);
    for command in ["read", "live", "explain", "labels"] {
        let run = run(&[command, "--help"]);
        assert_eq!((run.status, run.err.as_str()), (0, ""));
        assert!(run.out.contains(&format!("\n  tlsight {command} ")), "{}", run.out);
        assert!(run.out.lines().all(|line| line.chars().count() <= 100), "{}", run.out);
    }
}

#[test]
fn the_version_tells_what_it_was_built_with() {
    let run = run(&["--version"]);
    assert_eq!(run.status, 0);
    assert!(run.out.starts_with(concat!("tlsight ", env!("CARGO_PKG_VERSION"), "\n")), "{}", run.out);
    assert!(run.out.contains("features: "), "{}", run.out);
}

const RULE: &str = "title: Port\nid: 11111111-1111-4111-8111-111111111111\nstatus: test\ndescription: A port\nreferences: ['https://example.org/']\ntags: [attack.t1571]\nlogsource: {product: tlsight, category: tls}\ndetection:\n  s:\n    destination.port: 4444\n  condition: s\nfalsepositives: [Others]\nlevel: low\n";

fn with_tests(port: u16) -> String {
    format!(
        "{RULE}custom:\n  tests:\n    - name: a port\n      fires:\n        - event: {{destination.port: {port}}}\n      quiet:\n        - event: {{destination.port: 443}}\n"
    )
}

#[test]
fn rules_are_checked_with_file_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = file(&folder, "good.yml", with_tests(4444).as_bytes());
    let fine = run(&["rules", "check", text(&good), "--strict"]);
    assert_eq!((fine.status, fine.out.as_str()), (0, "1 rule, 0 warnings\n"));

    let odd = RULE
        .replace("  condition: s\n", "  other:\n    tls.version: 'TLS1.2'\n  spare:\n    tls.client.ja3|cased: B386946A5A44D1DDCC843BC75336DFCE\n  third:\n    tls.cipher: TLS_NO_SUCH\n  fourth:\n    destination.port: 443\n  condition: s and other and third and fourth\n")
        .replace("falsepositives: [Others]\n", "");
    let odd = file(&folder, "odd.yml", odd.as_bytes());
    let lenient = run(&["rules", "check", text(&odd)]);
    assert_eq!((lenient.status, run(&["rules", "check", text(&odd), "--strict"]).status), (0, 1), "{}", lenient.out);
    for (line, what) in [
        (1, "no `falsepositives`"),
        (1, "no test that has to fire"),
        (12, "`TLS1.2` cannot be a value of `tls.version`"),
        (13, "does not ask for the selection `spare`"),
        (14, "where it is written `b386946a5a44d1ddcc843bc75336dfce`"),
        (16, "`TLS_NO_SUCH` cannot be a value of `tls.cipher`"),
        (19, "no value of `destination.port` is all that it asks for"),
    ] {
        let found = lenient.out.lines().any(|told| told.contains(&format!("odd.yml:{line}: ")) && told.contains(what));
        assert!(found, "{line}: {what}\n{}", lenient.out);
    }

    let bad = file(&folder, "bad.yml", RULE.replace("destination.port", "destination.prt").as_bytes());
    let refused = run(&["rules", "check", text(&bad)]);
    assert_eq!(refused.status, 2);
    assert!(
        refused.out.contains("error: ") && refused.out.contains("bad.yml:10: there is no field `destination.prt`"),
        "{}",
        refused.out
    );
}

#[test]
fn rules_are_tested_by_their_own_tests() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = file(&folder, "good.yml", with_tests(4444).as_bytes());
    let passed = run(&["rules", "test", text(&good)]);
    assert_eq!((passed.status, passed.out.as_str()), (0, "ok      Port (1 fire, 1 quiet)\n1 rule, 0 failed\n"));

    let bad = file(&folder, "bad.yml", with_tests(4445).as_bytes());
    let failed = run(&["rules", "test", text(&bad)]);
    assert_eq!(failed.status, 1);
    assert!(failed.out.contains("a port: a session: had to fire, and stayed quiet"), "{}", failed.out);

    let bare = file(&folder, "bare.yml", RULE.as_bytes());
    let failed = run(&["rules", "test", text(&bare)]);
    assert_eq!(failed.status, 1);
    assert!(
        failed.out.contains("has no test that has to fire")
            && failed.out.contains("has no test that has to stay quiet")
    );

    // The tests may stand beside the rule, and captures in a folder above.
    let beside = format!(
        "- name: beside\n  fires:\n    - events:\n        - event: {{destination.port: 4444, source.ip: '10.0.0.{{n}}'}}\n          repeat: {{count: 3, every: 1m, jitter: 0.2}}\n        - event: {{destination.port: 443}}\n      alerts: 3\n      message: 10.0.0.1\n  quiet: ['{}']\n",
        capture("openssl_tls13.pcap")
    );
    file(&folder, "bare.tests.yml", beside.as_bytes());
    let passed = run(&["rules", "test", text(&bare)]);
    assert_eq!((passed.status, passed.out.as_str()), (0, "ok      Port (1 fire, 1 quiet)\n1 rule, 0 failed\n"));
}

#[test]
fn faults_of_tests_are_told_with_their_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    for (item, why) in [
        ("event: {destination.prt: 1}", "did you mean `destination.port`?"),
        ("event: {destination.port: 99999}", "cannot be a value of `destination.port`"),
        ("event: {destination.port: [1, 2]}", "has one value, not 2"),
        ("event: {}", "had to fire, and stayed quiet"),
        ("{event: {destination.port: 1}, at: soon}", "`at` is a time"),
        ("{event: {destination.port: 1}, repeat: {count: 0}}", "`count` is a number from 1"),
        ("{event: {destination.port: 1}, repeat: {count: 2, jitter: 2}}", "`jitter` is a number from 0 to 1"),
        ("{event: {destination.port: 1}, repeat: {count: 999999999}}", "`count` is a number from 1"),
        ("{event: {destination.port: 1}, often: 1}", "the key `often` is not known here"),
        ("no/such.pcap", "there is no capture `no/such.pcap`"),
        ("[]", "there is no event"),
        ("{event: {destination.port: 4444}, alerts: 2}", "had to fire 2 times, and did 1"),
        ("{event: {destination.port: 4444}, message: nothing}", "had to say `nothing`"),
    ] {
        let rule = format!(
            "{RULE}custom:\n  tests:\n    - name: a port\n      fires:\n        - {item}\n      quiet:\n        - event: {{destination.port: 443}}\n"
        );
        let rule = file(&folder, "rule.yml", rule.as_bytes());
        let failed = run(&["rules", "test", text(&rule)]);
        assert_eq!(failed.status, 1, "{item}: {}{}", failed.out, failed.err);
        assert!(failed.out.contains(why), "{item}: {}", failed.out);
    }
}

#[test]
fn rules_are_listed_and_explained() {
    let listed = run(&["rules", "list", RULES, "--json"]);
    let rows = records(&listed.out);
    assert!(listed.status == 0 && rows.len() >= 60, "{}", rows.len());
    let row = rows.iter().find(|row| row["title"] == "Expired certificate").expect("the rule");
    assert_eq!(
        (&row["level"], &row["family"], &row["techniques"][0]),
        (&"medium".into(), &"certificates".into(), &"T1557".into())
    );
    let table = run(&["rules", "list", RULES]);
    assert_eq!(table.out.lines().count(), rows.len() + 1);

    let id = row["id"].as_str().expect("an id");
    let by_id = run(&["rules", "explain", &id[..8], "--rules", RULES]);
    let by_title = run(&["rules", "explain", "expired CERTIFICATE", "--rules", RULES]);
    assert_eq!((by_id.status, &by_id.out), (0, &by_title.out));
    for line in [
        "tls.server.not_after is below the value of @timestamp",
        "fires: ",
        "quiet: ",
        "https://attack.mitre.org/techniques/T1557/",
    ] {
        assert!(by_id.out.contains(line), "{line}\n{}", by_id.out);
    }
    let lists = run(&["rules", "explain", "Fingerprint known from malware", "--rules", RULES]);
    assert!(lists.out.contains("known_bad_ja3: 18 values"), "{}", lists.out);
    assert_eq!(run(&["rules", "explain", "no such rule", "--rules", RULES]).status, 2);
}

#[test]
fn rules_of_suricata_are_taken_over_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = file(
        &folder,
        "a.rules",
        b"alert tls any any -> any any (msg:\"a name\"; tls.sni; content:\"site.test\"; endswith; sid:1; rev:1;)\nalert http any any -> any any (msg:\"b\"; content:\"x\"; sid:2;)\n",
    );
    let out = folder.path().join("out");
    let import = || run(&["rules", "import", "suricata", text(&rules), "-o", text(&out)]);
    let done = import();
    assert_eq!(done.status, 0);
    assert!(done.out.ends_with("a.rules: 1 rule taken over, 1 left out, 0 switched off\n"), "{}", done.out);
    assert!(done.err.contains("a.rules:2: sid 2: "), "{}", done.err);
    assert_eq!(run(&["rules", "check", text(&out)]).status, 0);
    let alerts = run(&["read", &capture("openssl_tls12.pcap"), "--rules", text(&out)]).out;
    assert_eq!(records(&alerts).iter().filter(|record| dataset(record) == "tlsight.alert").count(), 1);
    let again = import();
    assert_eq!(again.status, 2);
    assert!(again.err.contains("it is there already"), "{}", again.err);
}

#[test]
fn options_come_from_the_configuration_file_and_those_of_the_command_line_go_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = capture("cert_expired.pcap");
    let shown = |args: &[&str]| run(&[&["read", &path], args].concat());
    let sessions = file(&folder, "sessions.toml", b"[outputs]\nform = \"sessions\"\n[analysis]\nthreads = 1\n");
    let written = shown(&["--config", text(&sessions)]);
    assert_eq!((written.status, &written.out), (0, &shown(&["--sessions"]).out));
    assert!(!written.out.starts_with('{'));
    // One of several forms: what is written here is not joined by another from there.
    let json = shown(&["--config", text(&sessions), "--json"]);
    assert_eq!((json.status, &json.out), (0, &shown(&["--json"]).out));
    // Options of `live` alone are no fault here; a level needs rules, and the file may have them.
    let whole = format!(
        "[capture]\ninterfaces = [\"eth0\"]\n[analysis]\nrules = {RULES:?}\n[sensor]\nstats_interval = \"5m\"\n"
    );
    let with_rules = file(&folder, "rules.toml", whole.as_bytes());
    assert_eq!(shown(&["--fail-on", "low", "--config", text(&with_rules)]).status, 1);
}

#[test]
fn the_configuration_is_printed_and_looked_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let printed = run(&["config", "print"]);
    assert_eq!(printed.status, 0);
    let defaults = file(&folder, "defaults.toml", printed.out.as_bytes());
    let checked = run(&["config", "check", text(&defaults)]);
    assert_eq!((checked.status, checked.err.as_str()), (0, ""));
    let path = capture("cert_expired.pcap");
    assert_eq!(run(&["read", &path, "--config", text(&defaults)]).out, run(&["read", &path]).out);

    let in_force = run(&["read", "--print-config", "--config", text(&defaults), "--top", "3", "--labels", "x.toml"]);
    assert_eq!((in_force.status, in_force.err.as_str()), (0, ""));
    assert!(
        in_force.out.contains("\ntop = 3\n") && in_force.out.contains("\nlabels = [\"x.toml\"]\n"),
        "{}",
        in_force.out
    );
    let again = file(&folder, "again.toml", in_force.out.as_bytes());
    assert_eq!(run(&["read", "--print-config", "--config", text(&again)]).out, in_force.out);

    let wrong = file(&folder, "wrong.toml", b"[output]\n\n[outputs]\ntop = \"many\"\n");
    let checked = run(&["config", "check", text(&defaults), text(&wrong)]);
    assert_eq!(checked.status, 2);
    let said: Vec<&str> = checked.err.lines().collect();
    assert!(said[0].ends_with("wrong.toml:1: unknown table `output`; did you mean [outputs]?"), "{said:?}");
    assert!(said[1].ends_with("wrong.toml:4: `top` is a whole number, not a text"), "{said:?}");
    assert_eq!(said.len(), 2);
}

#[test]
fn what_the_package_installs_is_a_configuration() {
    let packaged = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/tlsight.toml");
    let checked = run(&["config", "check", packaged]);
    assert_eq!((checked.status, checked.err.as_str()), (0, ""));
    // The unit's command, but for the place of the file.
    let unit =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/tlsight.service")).expect("a unit");
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/tlsight ")).expect("a command");
    let command = command.replace("/etc/tlsight/tlsight.toml", packaged);
    let words: Vec<&str> = command.split(' ').chain(["--print-config"]).collect();
    let shown = run(&words);
    assert_eq!((shown.status, shown.err.as_str()), (0, ""));
    assert!(shown.out.contains("\nmetrics = \"127.0.0.1:9464\"\n"), "{}", shown.out);
}
