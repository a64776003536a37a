//! The rolling capture of `tlsight live`, in network namespaces of its own: what is kept tells the same sessions again, and
//! another program reads it.
//!
//! Where namespaces are not permitted the tests say so on standard error and check nothing.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

mod child;
#[allow(dead_code)]
mod network;

use network::frames::{corpus, packets};
use network::sensor::{Sensor, ask, metric};
use network::told::{read, same, sessions, stats, thousands};
use network::{PATIENCE, PROGRAM, in_namespace};
use serde_json::Value;

#[test]
fn what_is_kept_tells_the_same_sessions_again() {
    in_namespace(|net| {
        net.pair("a", "b");
        for (index, (way, which)) in [
            (&["--capture", "ring", "--threads", "1"][..], "handshakes"),
            (&["--capture", "ring", "--threads", "2"], "handshakes"),
            (&["--capture", "pcap", "--threads", "1"], "handshakes"),
            (&["--capture", "pcap", "--threads", "2"], "handshakes"),
            (&["--capture", "ring", "--threads", "2"], "all"),
            (&["--capture", "pcap", "--threads", "2"], "all"),
        ]
        .into_iter()
        .enumerate()
        {
            // Where one thread reads for several, parts of datagrams are not kept in the order of their flow's other packets.
            let parts_are_in_order = which == "all" || !(way.contains(&"pcap") && way.contains(&"2"));
            let in_parts = |name: &str| ["frag", "enclosed", "vxlan_gpe"].iter().any(|part| name.contains(part));
            let frames = corpus(|name| parts_are_in_order || !in_parts(name));
            let folder = net.folder.path().join(index.to_string());
            let keep = folder.to_str().expect("UTF-8");
            let mut sensor = Sensor::start(&["-i", "b", "--keep", keep, "--keep-packets", which], way);
            net.send("a", &frames);
            let (told, said) = sensor.end();
            let kept = records(&folder);
            let count: usize = kept.iter().map(|file| packets(file)).sum();
            let line = format!("tlsight: kept: {} packets", thousands(count as u64));
            assert!(said.contains(&line), "{line}: {said:?}");
            match which {
                "all" => assert_eq!(count, frames.len(), "{way:?}"),
                _ => assert!(count > frames.len() / 4 && count < frames.len(), "{way:?}: {count}"),
            }
            // What is judged by the sessions before depends on their order, which threads do not keep between each other.
            let told = if way.contains(&"1") { sessions(&told) } else { handshakes(&told) };
            let read = read(&folder, &[]);
            let read = if way.contains(&"1") { sessions(&read) } else { handshakes(&read) };
            same(&told, &read, way);
            assert!(told.len() > 300);
            // Another program reads the same in it.
            for file in kept {
                let done = Command::new("tshark")
                    .args(["-n", "-T", "fields", "-e", "frame.interface_name", "-r"])
                    .arg(&file)
                    .output()
                    .expect("tshark runs (`make setup` installs it)");
                assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
                let names = String::from_utf8_lossy(&done.stdout).into_owned();
                assert_eq!(names.lines().count(), packets(&file));
                assert!(names.lines().all(|name| name == "b"), "{names}");
            }
        }
    });
}

#[test]
fn packets_of_two_interfaces_are_kept_under_their_names() {
    in_namespace(|net| {
        net.pair("a", "b");
        net.pair("c", "d");
        let folder = net.folder.path().join("keep");
        let keep = ["--keep", folder.to_str().expect("UTF-8"), "--keep-packets", "all"];
        let mut sensor = Sensor::start(&["-i", "b", "-i", "d", "--threads", "2"], &keep);
        let (one, other) = (corpus(|name| name == "chain_ok.pcap"), corpus(|name| name == "chain_expired.pcap"));
        net.send("a", &one);
        net.send("c", &other);
        sensor.end();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for file in records(&folder) {
            let done = Command::new("tshark")
                .args(["-n", "-T", "fields", "-e", "frame.interface_name", "-r"])
                .arg(&file)
                .output()
                .expect("tshark runs (`make setup` installs it)");
            for name in String::from_utf8_lossy(&done.stdout).lines() {
                *counts.entry(name.to_owned()).or_default() += 1;
            }
        }
        assert_eq!(counts, BTreeMap::from([("b".to_owned(), one.len()), ("d".to_owned(), other.len())]));
    });
}

#[test]
fn what_a_killed_sensor_has_kept_can_be_read_and_the_next_goes_on() {
    in_namespace(|net| {
        net.pair("a", "b");
        let folder = net.folder.path().join("keep");
        let keep = ["--keep", folder.to_str().expect("UTF-8"), "--metrics", "0"];
        let mut sensor = Sensor::start(&["-i", "b", "--threads", "2"], &keep);
        let metrics = sensor.metrics();
        net.send("a", &corpus(|name| name == "chain_ok.pcap"));
        let id = sensor.session()["event"]["id"].as_str().expect("an id").to_owned();
        let until = Instant::now() + PATIENCE;
        while metric(&ask(&metrics, "/metrics").1, "tlsight_kept_packets_total") < 8.0 {
            assert!(Instant::now() < until, "nothing is written");
            thread::sleep(Duration::from_millis(50));
        }
        sensor.child.kill();
        let mut next = Sensor::start(&["-i", "b", "--threads", "2"], &keep);
        net.send("a", &corpus(|name| name == "chain_expired.pcap"));
        next.session();
        next.end();
        assert_eq!(records(&folder).len(), 2);
        let read = read(&folder, &[]);
        assert_eq!(sessions(&read).len(), 2);
        assert!(sessions(&read).iter().any(|line| line.contains(&id)), "{read:?}");
        // The session is found in what is kept by its id.
        let out = net.folder.path().join("out.pcapng");
        let done = Command::new(PROGRAM).args(["extract", "--event", &id, "-o"]).arg(&out).arg(&folder).output();
        let done = done.expect("tlsight runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let of_file = Command::new("capinfos").arg("-Mc").arg(&out).output().expect("capinfos runs");
        assert!(String::from_utf8_lossy(&of_file.stdout).contains(&packets(&out).to_string()), "{of_file:?}");
        assert!(packets(&out) >= 8);
    });
}

#[test]
fn a_full_disk_stops_no_capture_and_is_written_to_again_when_there_is_room() {
    in_namespace(|net| {
        net.pair("a", "b");
        let disk = net.disk("disk", 2048);
        let path = disk.to_str().expect("UTF-8");
        let keep = ["--keep", path, "--keep-size", "60M", "--keep-packets", "all", "--metrics", "0"];
        let mut sensor = Sensor::start(&["-i", "b", "--threads", "2"], &keep);
        let metrics = sensor.metrics();
        let value = |series: &str| metric(&ask(&metrics, "/metrics").1, series);
        let lost = "tlsight_kept_dropped_total{reason=\"not_written\"}";
        let frames = corpus(|_| true);
        let until = Instant::now() + PATIENCE;
        let mut sent = 0;
        while value(lost) == 0.0 {
            assert!(Instant::now() < until, "the disk does not get full");
            net.send("a", &frames);
            sent += frames.len();
            thread::sleep(Duration::from_millis(300));
        }
        let said = sensor.said(|line| line.contains("packets are not kept"));
        assert!(said.contains("No space left on device") && said.contains(path), "{said}");
        // What is written is whole, and packets are taken all the while.
        let kept = records(&disk);
        assert!(kept.iter().map(|file| packets(file)).sum::<usize>() > 0);
        let sound = Command::new("capinfos").arg("-c").args(&kept).output().expect("capinfos runs");
        assert!(sound.status.success() && !String::from_utf8_lossy(&sound.stderr).contains("cut short"), "{sound:?}");
        let more = Command::new("mount").args(["-o", "remount,size=64m", path]).status().expect("mount runs");
        assert!(more.success());
        let until = Instant::now() + PATIENCE;
        let before = value("tlsight_kept_packets_total");
        while value("tlsight_kept_packets_total") == before {
            assert!(Instant::now() < until, "it is not tried again");
            net.send("a", &frames);
            sent += frames.len();
            thread::sleep(Duration::from_millis(200));
        }
        sensor.said(|line| line.contains("packets are kept again"));
        let (told, said) = sensor.end();
        assert_eq!(said.iter().filter(|line| line.contains("packets are not kept")).count(), 1, "{said:?}");
        let count = |name: &str| stats(&told)[name].as_u64().expect("a number") as usize;
        let taken = count("packets");
        assert_eq!(taken + count("packets_dropped"), sent);
        let kept: usize = records(&disk).iter().map(|file| packets(file)).sum();
        let line = said.iter().find(|line| line.contains("tlsight: kept: ")).expect("a line about it");
        let lost = taken - kept;
        assert!(line.contains(&format!("{} packets that could not be written", thousands(lost as u64))), "{line}");
    });
}

/// The files of a rolling capture, the oldest first.
fn records(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "pcapng"))
        .collect();
    files.sort();
    files
}

/// What sessions' own packets say of them, sorted.
fn handshakes(lines: &[String]) -> Vec<String> {
    let own = |line: &String| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        format!("{} {} {}", line["event"], line["tls"], line["tlsight"]["handshake"])
    };
    let mut handshakes: Vec<String> = sessions(lines).iter().map(own).collect();
    handshakes.sort();
    handshakes
}
