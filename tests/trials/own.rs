//! What the sensor itself sends is left out of what it listens to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::json;

use crate::network::frames::{Record, corpus};
use crate::network::in_namespace;
use crate::network::sensor::Sensor;
use crate::network::told::stats;

#[test]
fn what_the_sensor_sends_is_not_what_it_listens_to() {
    in_namespace(|net| {
        // A receiver of alerts, and somebody else's connection.
        let hook = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = hook.local_addr().expect("an address");
        let url = format!("http://{address}/");
        thread::spawn(move || {
            for mut client in hook.incoming().flatten() {
                let _ = client.read(&mut [0; 65_536]);
                let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        let list = net.folder.path().join("list.txt");
        std::fs::write(&list, "site.test\nwww.site.test\n").expect("a list");
        let list = list.to_str().expect("UTF-8");
        let frames = corpus(|name| name == "chain_ok.pcap");
        for way in ["ring", "pcap"] {
            let run = |more: &[&str]| {
                let options =
                    ["-i", "lo", "--capture", way, "--threads", "2", "--webhook", &url, "--threat-list", list];
                let record = Record::start("lo");
                let mut sensor = Sensor::start(&options, more);
                net.send("lo", &frames);
                let alert = loop {
                    let line = sensor.lines.recv_timeout(crate::network::PATIENCE).expect("an alert");
                    if line.contains("\"tlsight.alert\"") {
                        break line;
                    }
                };
                assert!(alert.contains("site.test"), "{alert}");
                // Of another, to nobody: two packets.
                let _ = TcpStream::connect("127.0.0.1:9");
                let said = sensor.said.clone();
                let (told, _) = sensor.end();
                drop(record);
                (stats(&told), said)
            };
            let (without, said) = run(&[]);
            let note = format!(", without what is sent to {address}");
            assert!(said.iter().any(|line| line.contains("listening to lo") && line.ends_with(&note)), "{said:?}");
            assert_eq!(without["packets"], json!(frames.len() + 2), "{way}");
            let (with, said) = run(&["--include-own"]);
            assert!(!said.iter().any(|line| line.contains(&note)), "{said:?}");
            // At least: opened, asked, answered, closed.
            assert!(with["packets"].as_u64() > without["packets"].as_u64().map(|packets| packets + 6), "{way}: {with}");
        }
    });
}

#[test]
fn an_interface_without_a_clock_of_its_own_says_so() {
    in_namespace(|net| {
        net.pair("a", "b");
        for way in ["ring", "pcap", "auto"] {
            let done = std::process::Command::new(crate::network::PROGRAM)
                .args(["live", "-i", "b", "--capture", way, "--timestamp-source", "hardware"])
                .output()
                .expect("tlsight runs");
            let said = String::from_utf8_lossy(&done.stderr);
            assert_eq!(done.status.code(), Some(2), "{said}");
            let line =
                "it has no timestamps of its own (`ethtool -T b` says what it has): use --timestamp-source kernel";
            assert!(said.contains(line) && said.lines().count() == 1, "{said}");
        }
    });
}
