//! Outputs that take nothing: a pipe that nobody reads, a web hook and a store that never answer. Packets are taken all the
//! while, the sensor ends within its bound, and what was emitted is what was written and what was counted.
//!
//! `TLSIGHT_STALL_SECONDS=60` for a whole minute of each.

use std::env;
use std::fs;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::network::frames::{Record, capture, corpus, several};
use crate::network::sensor::{ROOM, Sensor, ask, came};
use crate::network::told::{all_taken, ids, once, read, stats};
use crate::network::{Net, in_namespace};
use crate::store::Store;

#[test]
fn outputs_that_take_nothing_cost_no_packet_and_what_they_miss_is_counted() {
    in_namespace(|net| {
        net.pair("a", "b");
        for way in ["ring", "pcap"] {
            stalled(net, way);
        }
    });
}

fn stalled(net: &Net, way: &str) {
    let frames = several(&corpus(|_| true), 12);
    let [file, list, cef, spool] =
        ["all.pcap", "list.txt", "alerts.cef", "spool"].map(|name| net.folder.path().join(format!("{way}-{name}")));
    capture(&frames, &file);
    fs::write(&list, "site.test\nwww.site.test\n").expect("a list");
    let [list, cef, spool] = [&list, &cef, &spool].map(|path| path.to_str().expect("UTF-8"));
    let (hook, store) = (format!("http://{}/", net.silent()), format!("http://{}/trial", net.silent()));
    let record = Record::start("b");
    let options = ["-i", "b", "--capture", way, "--threads", "2", "--metrics", "0", "--stats-interval", "1h"];
    let outputs = ["--webhook", &hook, "--clickhouse", &store, "--spool", spool, "--cef", cef, "--threat-list", list];
    let (mut sensor, mut output) = Sensor::unread(&options, &[&outputs[..], &["--buffer-bytes", ROOM]].concat(), &[]);
    let metrics = sensor.metrics();

    // More lines than the pipe and the sensor hold, over the whole time.
    let seconds = env::var("TLSIGHT_STALL_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let rate = (frames.len() / seconds).to_string();
    net.replay("a", &file, &["--pps", &rate]).end();
    let sent = frames.len();
    let record = record.end(sent);
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let text = ask(&metrics, "/metrics").1;
        if came(&text) == sent {
            break;
        }
        assert!(Instant::now() < until, "{text}");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(ask(&metrics, "/healthz").0, 200, "no thread waits for an output");

    // Somebody begins to read when it is told to end, which it does in less than `TimeoutStopSec` of its unit.
    sensor.signal(libc::SIGTERM);
    let begun = Instant::now();
    let reads = thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).expect("UTF-8");
        text
    });
    let (_, said) = sensor.finish_with(2);
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    let told: Vec<String> = reads.join().expect("no panic").lines().map(str::to_owned).collect();

    let read = read(&record, &["--threat-list", list]);
    let expected = ids(&read);
    let counters = stats(&told);
    all_taken(&counters, sent);
    assert_eq!(counters["sessions"], expected.len(), "{way}");
    once(&ids(&told));
    assert!(ids(&told).iter().all(|id| expected.binary_search(id).is_ok()), "{way}: nothing is made up");
    let left_out = number(&said, "standard output: ", " lines were not written: nobody reads it");
    assert!(left_out > 0, "{said:?}");
    assert_eq!(told.len() + left_out, read.len(), "{way}: lines that were read, and that were counted");

    // The output beside them had everything; the one that never answered says of how much it knows nothing.
    let alerts = |lines: &[String]| lines.iter().filter(|line| line.contains("\"dataset\":\"tlsight.alert\"")).count();
    assert!(alerts(&read) > 0);
    assert_eq!(fs::read_to_string(cef).expect("alerts").lines().count(), alerts(&read), "{way}");
    assert!(
        said.iter().any(|line| line.contains(&format!(": {0} of {0} alerts were not delivered", alerts(&read)))),
        "{said:?}"
    );

    // What the store was not given waits on disk.
    let server = Store::start(&[]);
    let url = format!("http://{}/trial", server.address);
    Store::tlsight(&["clickhouse", "init", &url]);
    Store::tlsight(&["clickhouse", "replay", &url, spool]);
    let rows = server.ask("SELECT lower(hex(event_id)) AS id FROM trial.sessions ORDER BY id");
    let stored: Vec<String> = rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
    once(&stored);
    assert_eq!(stored.len(), expected.len(), "{way}: {said:?}");
    assert_eq!(stored, expected, "{way}");
}

/// The number between these words.
fn number(said: &[String], before: &str, after: &str) -> usize {
    let number = |line: &String| line.split_once(before)?.1.split_once(after)?.0.parse().ok();
    said.iter().find_map(number).unwrap_or_else(|| panic!("{before}…{after}: {said:?}"))
}

#[test]
fn a_reader_that_comes_back_after_a_while_has_missed_nothing() {
    in_namespace(|net| {
        net.pair("a", "b");
        let frames = corpus(|name| name.starts_with("chain_"));
        let record = Record::start("b");
        let (mut sensor, mut output) = Sensor::unread(&["-i", "b", "--threads", "2", "--capture", "ring"], &[], &[]);
        net.send("a", &frames);
        let record = record.end(frames.len());
        // Longer than batches of events would wait in the queue before the outputs.
        thread::sleep(Duration::from_secs(15));
        let reads = thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).expect("UTF-8");
            text
        });
        sensor.end();
        let told: Vec<String> = reads.join().expect("no panic").lines().map(str::to_owned).collect();
        assert_eq!(ids(&told), ids(&read(&record, &[])));
        let last: Value = serde_json::from_str(told.last().expect("a line")).expect("JSON");
        assert_eq!(last["tlsight"]["stats"]["events_shed"], 0);
    });
}
