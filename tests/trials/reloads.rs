//! Rules that are read again while packets come: no flow is lost, and a bad file is refused.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::network::frames::{Record, capture, corpus};
use crate::network::in_namespace;
use crate::network::sensor::{ROOM, Sensor};
use crate::network::told::{all_taken, ids, once, read, same, sessions, stats};

#[test]
fn rules_that_are_read_again_under_traffic_cost_no_session() {
    in_namespace(|net| {
        net.pair("a", "b");
        let frames = corpus(|name| name.starts_with("chain_") || name.starts_with("curl_"));
        let file = net.folder.path().join("some.pcap");
        capture(&frames, &file);
        let rules = net.folder.path().join("rules");
        fs::create_dir(&rules).expect("a folder");
        let rule = rules.join("any.yml");
        fs::write(&rule, rule_of("first")).expect("a rule");
        for way in ["ring", "pcap"] {
            let record = Record::start("b");
            let rules = rules.to_str().expect("UTF-8");
            let mut sensor = Sensor::start(
                &["-i", "b", "--capture", way, "--threads", "2", "--rules", rules],
                &["--buffer-bytes", ROOM],
            );
            let rate = (frames.len() * 3 / 4).to_string();
            let replay = net.replay("a", &file, &["--pps", &rate, "--loop", "4"]);
            for (text, expected) in [
                (rule_of("second"), "read again: 1 rule"),
                ("title: none\nlogsource: {product: tlsight}\ndetection: [".to_owned(), "what was in force stays"),
                (rule_of("third"), "read again: 1 rule"),
            ] {
                thread::sleep(Duration::from_millis(900));
                fs::write(&rule, text).expect("a rule");
                sensor.said.clear();
                sensor.signal(libc::SIGHUP);
                sensor.said(|line| line.contains(expected));
            }
            replay.end();
            let record = record.end(4 * frames.len());
            let (told, _) = sensor.end();
            same(&sessions(&told), &sessions(&read(&record, &[])), &[way]);
            once(&ids(&told));
            all_taken(&stats(&told), 4 * frames.len());
            // All of them were in force in their turn.
            for name in ["first", "second", "third"] {
                let title = format!("{name} rule");
                assert!(told.iter().any(|line| line.contains("tlsight.alert") && line.contains(&title)), "{name}");
            }
            fs::write(&rule, rule_of("first")).expect("a rule");
        }
    });
}

/// One that fires for every session, and holds nothing back from the one before.
fn rule_of(name: &str) -> String {
    let id = match name {
        "first" => 1,
        "second" => 2,
        _ => 3,
    };
    format!(
        "title: {name} rule\nid: 00000000-0000-4000-8000-00000000000{id}\nlogsource: {{product: tlsight, category: tls}}\n\
         detection:\n  session:\n    tls.client.ja4|exists: true\n  condition: session\nlevel: low\n"
    )
}
