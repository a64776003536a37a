//! Disks that are full: the sensor goes on, lines are left out whole and counted, rows wait in memory.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::network::frames::{Record, capture, corpus, several};
use crate::network::in_namespace;
use crate::network::sensor::{ROOM, Sensor, ask, came};
use crate::network::told::{ids, once, read};
use crate::store::Store;

#[test]
fn a_full_disk_ends_no_run_and_what_is_not_written_is_counted() {
    in_namespace(|net| {
        net.pair("a", "b");
        let disk = net.disk("disk", 64 << 10);
        let (file, ballast) = (disk.join("sessions.ndjson"), disk.join("ballast"));
        fs::write(&ballast, vec![7; 63 << 20]).expect("there is room");
        // As who was killed in the middle of a line leaves it.
        fs::write(&file, "{\"half\":").expect("there is room");
        let frames = several(&corpus(|_| true), 12);
        let all = net.folder.path().join("all.pcap");
        capture(&frames, &all);
        let record = Record::start("b");
        let path = file.to_str().expect("UTF-8");
        let mut sensor = Sensor::start(
            &["-i", "b", "--threads", "2", "--metrics", "0", "--stats-interval", "1h", "-o", path],
            &["--buffer-bytes", ROOM],
        );
        let metrics = sensor.metrics();
        let taken = |count: usize| {
            let until = Instant::now() + Duration::from_secs(60);
            while came(&ask(&metrics, "/metrics").1) < count {
                assert!(Instant::now() < until, "{}", ask(&metrics, "/metrics").1);
                thread::sleep(Duration::from_millis(50));
            }
        };
        net.replay("a", &all, &["--pps", "8000"]).end();
        let sent = frames.len();
        taken(sent);
        sensor.said(|line| line.contains("No space left on device") && line.contains("sessions.ndjson"));
        let during = fs::metadata(&file).expect("it is there").len();
        assert!(during <= 1 << 20, "{during}");
        assert_eq!(ask(&metrics, "/healthz").0, 200);

        // Room again: what waited comes, and what is told from now on.
        fs::remove_file(&ballast).expect("it is there");
        let last = corpus(|name| name == "chain_ok.pcap");
        net.send("a", &last);
        let record = record.end(sent + last.len());
        taken(sent + last.len());
        sensor.said(|line| line.contains("sessions.ndjson: lines are written again"));
        sensor.signal(libc::SIGTERM);
        let (_, said) = sensor.finish_with(2);

        let text = fs::read_to_string(&file).expect("UTF-8");
        let mut lines = text.lines().map(str::to_owned);
        assert_eq!(lines.next().as_deref(), Some("{\"half\":"));
        let written: Vec<String> = lines.collect();
        let (told, read) = (ids(&written), read(&record, &[]));
        once(&told);
        let expected = ids(&read);
        assert!(told.iter().all(|id| expected.binary_search(id).is_ok()));
        let number = |line: &String| {
            line.split_once("sessions.ndjson: ")?.1.split_once(" lines were not written")?.0.parse().ok()
        };
        let left_out: usize = said.iter().find_map(number).unwrap_or_else(|| panic!("{said:?}"));
        assert!(left_out > 0);
        assert_eq!(written.len() + left_out, read.len(), "lines that were written, and that were counted");
        // The last session is among what was told since.
        assert!(written.last().expect("a line").contains("tlsight.stats"));
        let newest = read.iter().rev().find(|line| line.contains("\"dataset\":\"tlsight.tls\"")).expect("a session");
        assert!(told.contains(&ids(std::slice::from_ref(newest))[0]));
    });
}

#[test]
fn rows_that_a_full_spool_has_no_room_for_come_to_the_store_all_the_same() {
    in_namespace(|net| {
        net.pair("a", "b");
        let disk = net.disk("disk", 64);
        let server = Store::start(&[]);
        let url = format!("http://{}/full", server.address);
        Store::tlsight(&["clickhouse", "init", &url]);
        let frames = corpus(|_| true);
        let record = Record::start("b");
        let spool = disk.join("spool");
        let mut sensor = Sensor::start(
            &["-i", "b", "--threads", "2", "--clickhouse", &url, "--spool", spool.to_str().expect("UTF-8")],
            &[],
        );
        net.send("a", &frames);
        let record = record.end(frames.len());
        sensor.signal(libc::SIGTERM);
        let (told, _) = sensor.finish();
        let expected = ids(&read(&record, &[]));
        assert_eq!(ids(&told), expected);
        let rows = server.ask("SELECT lower(hex(event_id)) AS id FROM full.sessions ORDER BY id");
        let stored: Vec<String> = rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(stored, expected);
    });
}
