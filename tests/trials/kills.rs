//! A sensor that is killed without a warning, and started again: what it had learnt and what it had put into its spool is
//! there, once; what is lost is what it was told in the last moments.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tlsight::sink::clickhouse::spool_status;

use crate::network::frames::{Record, capture, corpus};
use crate::network::in_namespace;
use crate::network::sensor::{ROOM, Sensor, kill};
use crate::network::told::{ids, once, read};
use crate::store::Store;

#[test]
fn a_kill_loses_what_was_told_in_the_last_moments_and_doubles_nothing() {
    in_namespace(|net| {
        net.pair("a", "b");
        let path = |name: &str| net.folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let (spool, file, all) = (path("spool"), path("sessions.ndjson"), path("all.pcap"));
        let port = {
            // Nobody else takes it in this network.
            let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
            nobody.local_addr().expect("an address").port()
        };
        let url = format!("http://127.0.0.1:{port}/killed");
        let start = || {
            let outputs = ["--clickhouse", &url, "--spool", &spool, "-o", &file, "--buffer-bytes", ROOM];
            Sensor::start(&["-i", "b", "--threads", "2"], &outputs)
        };

        // There is no store yet. What has come is in the spool after a moment.
        let before = corpus(|name| name.starts_with("curl_"));
        let record = Record::start("b");
        let mut sensor = start();
        net.send("a", &before);
        // Without a packet there is no time, in which those are over that are waited for.
        thread::sleep(Duration::from_millis(4_500));
        net.send("a", &before[..1]);
        let before = ids(&read(&record.end(before.len() + 1), &[]));
        let until = Instant::now() + Duration::from_secs(30);
        while written(&file).len() < before.len() || rows(&spool) < before.len() {
            assert!(Instant::now() < until, "{} of {} rows are in the spool", rows(&spool), before.len());
            thread::sleep(Duration::from_millis(50));
        }
        thread::sleep(Duration::from_millis(2_500));

        // Killed while packets come.
        let during = corpus(|name| !name.starts_with("curl_"));
        capture(&during, Path::new(&all));
        let record = Record::start("b");
        let rate = (during.len() / 6).to_string();
        let replay = net.replay("a", Path::new(&all), &["--pps", &rate]);
        thread::sleep(Duration::from_secs(4));
        let killed = time::OffsetDateTime::now_utc();
        kill(&sensor.child.0, libc::SIGKILL);
        sensor.child.wait(Duration::from_secs(10));
        replay.end();
        let during = read(&record.end(during.len()), &[]);

        // Started again, with a store that is there.
        let server = Store::in_folder(&net.folder.path().join("store"), port);
        Store::tlsight(&["clickhouse", "init", &url]);
        let after = corpus(|name| name == "chain_ok.pcap");
        let record = Record::start("b");
        let mut sensor = start();
        net.send("a", &after);
        let after = ids(&read(&record.end(after.len()), &[]));
        sensor.signal(libc::SIGTERM);
        let (_, said) = sensor.finish();
        assert_eq!(self::rows(&spool), 0, "all that was in the spool is sent: {said:?}");

        let rows = server.ask("SELECT lower(hex(event_id)) AS id FROM killed.sessions ORDER BY id");
        let stored: Vec<String> = rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
        once(&stored);
        let is_stored = |id: &String| stored.binary_search(id).is_ok();
        let missing: Vec<&String> = before.iter().filter(|id| !is_stored(id)).collect();
        assert!(missing.is_empty(), "{} of {} that were in the spool: {said:?}", missing.len(), before.len());
        assert!(after.iter().all(is_stored), "what came after");
        let possible = [before.clone(), ids(&during), after].concat();
        assert!(stored.iter().all(|id| possible.contains(id)), "what nobody sent");
        assert!(stored.len() > before.len() + 20, "{} of {}", stored.len(), possible.len());
        // Batches of rows are put into the spool once a second; a session is told when it has been silent or is over.
        let early = (killed - Duration::from_secs(3)).unix_timestamp_nanos();
        for line in during.iter().filter(|line| line.contains("\"dataset\":\"tlsight.tls\"")) {
            let session: Value = serde_json::from_str(line).expect("JSON");
            let end = session["event"]["end"].as_str().expect("a time");
            let end = time::OffsetDateTime::parse(end, &time::format_description::well_known::Rfc3339).expect("a time");
            let id = session["event"]["id"].as_str().expect("an id").to_owned();
            assert!(end.unix_timestamp_nanos() > early || is_stored(&id), "lost, though it was over at {end}: {line}");
        }
        // The file is one of lines: at most the one that the kill cut is none.
        let lines = fs::read_to_string(&file).expect("UTF-8");
        let broken = lines.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).count();
        assert!(broken <= 1, "{broken}");
        once(&{
            let mut told = written(&file);
            told.sort();
            told
        });
    });
}

#[test]
fn what_was_learnt_outlives_a_kill() {
    in_namespace(|net| {
        net.pair("a", "b");
        let path = |name: &str| net.folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let (rule, state) = (path("rule.yml"), path("state"));
        fs::write(&rule, RULE).expect("a rule");
        let start = || Sensor::start(&["-i", "b", "--threads", "2", "--rules", &rule, "--state", &state], &[]);
        let known = corpus(|name| name.starts_with("chain_"));
        let alerts = |told: &[String]| told.iter().filter(|line| line.contains("\"tlsight.alert\"")).count();
        let sends = |sensor: &mut Sensor, frames: &[Vec<u8>], sessions: usize| {
            net.send("a", frames);
            (0..sessions).for_each(|_| drop(sensor.session()));
        };

        // It learns.
        let mut sensor = start();
        sends(&mut sensor, &known, 10);
        thread::sleep(Duration::from_millis(1_500));
        sensor.signal(libc::SIGTERM);
        let (told, _) = sensor.finish();
        assert_eq!(alerts(&told), 0, "it still learns");
        let learnt = fs::read(&state).expect("a state");

        // It is killed at work. The file is as it was.
        let mut sensor = start();
        sends(&mut sensor, &known, 3);
        kill(&sensor.child.0, libc::SIGKILL);
        sensor.child.wait(Duration::from_secs(10));
        assert_eq!(fs::read(&state).expect("a state"), learnt);

        // What was known is known: nothing is told of it, and of what is new something is.
        let mut sensor = start();
        sends(&mut sensor, &known, 10);
        net.send("a", &corpus(|name| name == "curl_go_tls13.pcap"));
        thread::sleep(Duration::from_millis(500));
        let (told, said) = sensor.end();
        assert_eq!(alerts(&told), 1, "{told:?}");
        assert!(!said.iter().any(|line| line.contains("refused")), "{said:?}");
        assert!(!Path::new(&format!("{state}.refused")).exists());
    });
}

/// The ids of the sessions in a file that may end in the middle of a line, in their order.
fn written(file: &str) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let sessions = lines.filter(|line| line["event"]["dataset"] == "tlsight.tls");
    sessions.filter_map(|line| Some(line["event"]["id"].as_str()?.to_owned())).collect()
}

fn rows(spool: &str) -> usize {
    spool_status(Path::new(spool)).map(|census| census.rows).unwrap_or_default()
}

const RULE: &str = "title: New
id: 00000000-0000-4000-8000-000000000009
logsource: {product: tlsight, category: tls}
detection:
  session:
    tls.client.ja4|exists: true
  condition: session
level: low
custom:
  behaviour: {type: first_seen, value: tlsight.client.stable, learn: 1s, sessions: 10}
";
