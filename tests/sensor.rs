//! `tlsight live` in network namespaces of its own: veth pairs that captures are sent through.
//!
//! The packets that a sensor listens to are recorded beside it by tcpdump; what it tells has to be what `tlsight read` tells
//! of that record, to the nanosecond. Where namespaces are not permitted the tests say so on standard error and check
//! nothing.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

mod child;
#[allow(dead_code)]
mod network;

use network::frames::{Record, corpus, merge};
use network::sensor::{Sensor, ask, metric};
use network::told::{read, same, sessions, stats, thousands};
use network::{PATIENCE, PROGRAM, PacketSocket, in_namespace, ip};
use serde_json::Value;

#[test]
fn what_is_told_live_is_what_is_read_of_the_same_packets() {
    in_namespace(|net| {
        net.pair("a", "b");
        let frames = corpus(|_| true);
        for way in [
            &["--capture", "ring", "--threads", "1"][..],
            &["--capture", "ring", "--threads", "2"],
            &["--capture", "pcap"],
        ] {
            let record = Record::start("b");
            let mut sensor = Sensor::start(&["-i", "b"], way);
            net.send("a", &frames);
            let record = record.end(frames.len());
            let (told, said) = sensor.end();
            assert!(said.iter().any(|line| line.contains("; 0 packets dropped by the kernel")), "{said:?}");
            let read = read(&record, &[]);
            assert_eq!(stats(&told)["packets"], frames.len(), "{way:?}");
            assert_eq!(stats(&told)["interfaces"][0]["packets"], frames.len(), "{way:?}");
            same(&sessions(&told), &sessions(&read), way);
            assert!(sessions(&told).len() > 300, "{}", sessions(&told).len());
        }
    });
}

#[test]
fn tags_that_the_interface_takes_off_are_told_and_can_be_filtered_for() {
    in_namespace(|net| {
        net.pair("a", "b");
        let tag = |frame: &Vec<u8>| [&frame[..12], &[0x81, 0, 0x20, 7], &frame[12..]].concat();
        let plain = corpus(|name| name.starts_with("cert_"));
        let tagged: Vec<Vec<u8>> = corpus(|name| name.starts_with("alert_")).iter().map(tag).collect();
        let both = [plain.clone(), tagged.clone()].concat();
        for (filter, expected) in [(None, both.len()), (Some("vlan 7"), tagged.len()), (Some("not vlan"), plain.len())]
        {
            let record = Record::start("b");
            let filter: Vec<&str> = filter.into_iter().flat_map(|filter| ["--filter", filter]).collect();
            let mut sensor = Sensor::start(&["-i", "b", "--capture", "ring", "--threads", "2"], &filter);
            net.send("a", &both);
            let record = record.end(both.len());
            let (told, _) = sensor.end();
            same(&sessions(&told), &sessions(&read(&record, &filter)), &filter);
            assert_eq!(stats(&told)["packets"], expected, "{filter:?}");
            assert!(!sessions(&told).is_empty());
        }
    });
}

#[test]
fn two_directions_come_together_from_two_interfaces() {
    in_namespace(|net| {
        net.pair("a", "b");
        net.pair("c", "d");
        // TCP over IPv4 without options, whichever port the server has.
        let frames: Vec<Vec<u8>> = corpus(|name| name.starts_with("chain_") || name.starts_with("cert_"))
            .into_iter()
            .filter(|frame| frame.len() > 54 && frame[12..15] == [8, 0, 0x45] && frame[23] == 6)
            .collect();
        let from_server = |frame: &Vec<u8>| frame[34..36] < frame[36..38];
        let whole = net.folder.path().join("whole.pcap");
        for way in ["ring", "pcap"] {
            let record = [Record::start("b"), Record::start("d")];
            let mut sensor = Sensor::start(&["-i", "b", "-i", "d", "--capture", way, "--threads", "2"], &[]);
            let (sockets, mut counts) = ([PacketSocket::open("a"), PacketSocket::open("c")], [0, 0]);
            for frame in &frames {
                let side = usize::from(from_server(frame));
                sockets[side].send(frame);
                counts[side] += 1;
            }
            let records: Vec<PathBuf> =
                record.into_iter().zip(counts).map(|(record, count)| record.end(count)).collect();
            let (told, said) = sensor.end();
            for interface in ["tlsight: b: ", "tlsight: d: "] {
                assert!(said.iter().any(|line| line.starts_with(interface)), "{said:?}");
            }
            merge(&records, &whole);
            same(&sessions(&told), &sessions(&read(&whole, &[])), &[way]);
            assert!(sessions(&told).iter().filter(|line| line.contains("\"established\":true")).count() > 20);
        }
    });
}

#[test]
fn what_is_lost_is_counted_to_the_packet() {
    in_namespace(|net| {
        net.pair("a", "b");
        let one = corpus(|name| name == "chain_ok.pcap");
        let largest = one.iter().max_by_key(|frame| frame.len()).expect("a frame").clone();
        for (way, count) in [("ring", 20_000), ("pcap", 20_000)] {
            let mut sensor = Sensor::start(
                &["-i", "b", "--capture", way, "--threads", "1", "--buffer-bytes", "1048576", "--metrics", "0"],
                &["--stats-interval", "1s"],
            );
            let metrics = sensor.metrics();
            sensor.signal(libc::SIGSTOP);
            let frames = vec![largest.clone(); count];
            net.send("a", &frames);
            sensor.signal(libc::SIGCONT);
            let dropped = "tlsight_packets_dropped_total{interface=\"b\",reason=\"kernel\"}";
            let until = Instant::now() + PATIENCE;
            loop {
                let text = ask(&metrics, "/metrics").1;
                let taken = metric(&text, "tlsight_interface_packets_total{interface=\"b\"}");
                if taken + metric(&text, dropped) == count as f64 && metric(&text, dropped) > 0.0 {
                    break;
                }
                assert!(Instant::now() < until, "{way}: {text}");
                thread::sleep(Duration::from_millis(50));
            }
            let (told, said) = sensor.end();
            let interface = &stats(&told)["interfaces"][0];
            let (taken, lost) = (interface["packets"].as_u64(), interface["dropped"]["kernel"].as_u64());
            assert_eq!(taken.zip(lost).map(|(a, b)| a + b), Some(count as u64), "{interface}");
            assert_eq!(stats(&told)["packets_dropped"], lost.expect("a number"));
            let line = format!("; {} packets dropped by the kernel", thousands(lost.expect("a number")));
            assert!(said.iter().any(|other| other.contains(&line)), "{line}: {said:?}");
        }
    });
}

#[test]
fn a_hello_finds_room_where_application_data_of_finished_sessions_fills_the_ring() {
    in_namespace(|net| {
        net.pair("a", "b");
        let frames = corpus(|name| name == "chain_ok.pcap");
        let mut sensor = Sensor::start(
            &["-i", "b", "--capture", "ring", "--threads", "1", "--buffer-bytes", "67108864", "--metrics", "0"],
            &["--stats-interval", "1s"],
        );
        let metrics = sensor.metrics();
        // Without what ends the connection: FIN and RST.
        let opened: Vec<Vec<u8>> = frames.into_iter().filter(|frame| frame[47] & 5 == 0).collect();
        net.send("a", &opened);
        let first = sensor.session();
        // A little more than half of the ring: a block that waits is handed over before it is full, so that slow sending
        // takes more of them. As the client goes on to send, in order.
        let mut data = opened.iter().rfind(|frame| frame.len() > 66).expect("data").clone();
        data.resize(1_200, 0x5a);
        data[16..18].copy_from_slice(&1_186_u16.to_be_bytes());
        sensor.signal(libc::SIGSTOP);
        net.send("a", &vec![data; 27_000]);
        net.send("a", &corpus(|name| name == "chain_expired.pcap"));
        sensor.signal(libc::SIGCONT);
        let second = sensor.session();
        assert_ne!(first["source"]["port"], second["source"]["port"]);
        let until = Instant::now() + PATIENCE;
        let shed = loop {
            let shed =
                metric(&ask(&metrics, "/metrics").1, "tlsight_packets_dropped_total{interface=\"b\",reason=\"shed\"}");
            if shed > 0.0 {
                break shed;
            }
            assert!(Instant::now() < until, "nothing was left out");
            thread::sleep(Duration::from_millis(50));
        };
        assert!((500.0..27_000.0).contains(&shed), "{shed}");
        let (told, said) = sensor.end();
        let interface = &stats(&told)["interfaces"][0];
        assert_eq!(interface["dropped"]["kernel"], 0, "{interface}");
        assert!(said.iter().any(|line| line.contains("left out under overload")), "{said:?}");
    });
}

#[test]
fn a_session_whose_packets_the_kernel_dropped_says_so() {
    in_namespace(|net| {
        net.pair("a", "b");
        let frames = corpus(|name| name == "chain_ok.pcap");
        // The client's hello is what is longest in the first frames; what follows is dropped.
        let from_client = frames[0][34..36].to_vec();
        let hello = frames.iter().position(|frame| frame.len() > 200 && frame[34..36] == from_client).expect("a hello");
        let noise = vec![frames.iter().max_by_key(|frame| frame.len()).expect("a frame")[..60].to_vec(); 1];
        let mut large = noise[0].clone();
        // No protocol that is read.
        large[12..14].copy_from_slice(&[0x88, 0xb5]);
        large.resize(1_400, 0);
        for way in ["ring", "pcap"] {
            let mut sensor = Sensor::start(
                &["-i", "b", "--capture", way, "--threads", "1", "--buffer-bytes", "1048576", "--metrics", "0"],
                &["--stats-interval", "1s"],
            );
            let metrics = sensor.metrics();
            let whole = corpus(|name| name == "chain_expired.pcap");
            net.send("a", &whole);
            let session = sensor.session();
            assert!(!session["tlsight"]["missing"].to_string().contains("dropped"), "{way}: {session}");
            // While it stands still, the buffer runs over with the rest of the handshake behind it.
            net.send("a", &frames[..=hello]);
            let taken = |count: usize| {
                let until = Instant::now() + PATIENCE;
                let series = "tlsight_interface_packets_total{interface=\"b\"}";
                while metric(&ask(&metrics, "/metrics").1, series) < count as f64 {
                    assert!(Instant::now() < until, "{way}: {count} packets do not come");
                    thread::sleep(Duration::from_millis(50));
                }
            };
            taken(whole.len() + hello + 1);
            sensor.signal(libc::SIGSTOP);
            net.send("a", &vec![large.clone(); 20_000]);
            net.send("a", &frames[hello + 1..]);
            sensor.signal(libc::SIGCONT);
            let dropped = "tlsight_packets_dropped_total{interface=\"b\",reason=\"kernel\"}";
            let until = Instant::now() + PATIENCE;
            while metric(&ask(&metrics, "/metrics").1, dropped) == 0.0 {
                assert!(Instant::now() < until, "{way}: nothing is dropped");
                thread::sleep(Duration::from_millis(50));
            }
            let (told, _) = sensor.end();
            let lines = sessions(&told);
            let [line] = &*lines else { panic!("{way}: {lines:?}") };
            let session: Value = serde_json::from_str(line).expect("JSON");
            let missing = session["tlsight"]["missing"].to_string();
            assert!(missing.contains("server_hello:dropped"), "{way}: {missing}");
        }
    });
}

#[test]
fn what_a_sensor_shows_is_what_it_has_seen() {
    in_namespace(|net| {
        net.pair("a", "b");
        let rules = net.folder.path().join("any.yml");
        fs::write(&rules, ANY).expect("a rule");
        let mut sensor = Sensor::start(
            &["-i", "b", "--capture", "ring", "--threads", "2", "--sensor", "here", "--metrics", "0"],
            &["--webhook", "http://127.0.0.1:9/x", "--rules", rules.to_str().expect("UTF-8")],
        );
        let metrics = sensor.metrics();
        let frames = corpus(|name| name == "chain_ok.pcap");
        net.send("a", &frames);
        let session = sensor.session();
        let until = Instant::now() + PATIENCE;
        let top = loop {
            let (status, document) = ask(&metrics, "/top");
            assert_eq!(status, 200);
            let top: Value = serde_json::from_str(&document).expect("JSON");
            let packets = top["counters"]["packets"].as_u64().expect("a number");
            if packets == frames.len() as u64 && top["notices"][0].is_object() && top["outputs"][0]["failures"] != 0 {
                break top;
            }
            assert!(Instant::now() < until, "{document}");
            thread::sleep(Duration::from_millis(50));
        };
        assert_eq!((&top["sensor"], &top["phase"]), (&"here".into(), &"running".into()));
        assert_eq!(
            (&top["clients"][0]["name"], &top["clients"][0]["count"]),
            (&session["tls"]["client"]["ja4"], &1.into())
        );
        let name = session["tls"]["client"]["server_name"].as_str().expect("a name");
        assert!(top["servers"][0]["name"].as_str().expect("a name").starts_with(name), "{top}");
        assert_eq!((&top["notices"][0]["rule"], &top["notices"][0]["level"]), (&"Any session".into(), &"high".into()));
        assert_eq!(top["outputs"][0]["output"], "webhook");
        let text = ask(&metrics, "/metrics").1;
        assert_eq!(metric(&text, "tlsight_output_queue_entries{output=\"webhook\"}"), 1.0, "{text}");
        // As the user sees it.
        let port = metrics.rsplit(':').next().expect("a port");
        let shown = Command::new(PROGRAM).args(["top", "--once", port]).output().expect("tlsight runs");
        let text = String::from_utf8(shown.stdout).expect("UTF-8");
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        let ja4 = session["tls"]["client"]["ja4"].as_str().expect("a fingerprint");
        for part in [
            " here (127.0.0.1:",
            "running",
            "none lost",
            ja4,
            name,
            "high          Any session: ",
            "webhook ",
            "1 of 10,000 alerts",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        // The end does not wait for a hook that nobody answers.
        sensor.signal(libc::SIGKILL);
        sensor.child.wait(PATIENCE);
        let gone = Command::new(PROGRAM).args(["top", "--once", port]).output().expect("tlsight runs");
        assert_eq!(gone.status.code(), Some(2));
        let said = String::from_utf8_lossy(&gone.stderr).into_owned();
        assert!(said.contains("nobody listens there: start it with --metrics") && said.lines().count() == 1, "{said}");
    });
}

#[test]
fn what_of_the_configuration_can_change_does_and_the_rest_is_named() {
    in_namespace(|net| {
        net.pair("a", "b");
        let path = |name: &str| net.folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let (config, rules, labels) = (path("tlsight.toml"), path("any.yml"), path("labels.toml"));
        fs::write(&rules, ANY).expect("a rule");
        let send = |name: &str| net.send("a", &corpus(|other| other == name));
        fs::write(&config, "[sensor]\nstats_interval = \"1h\"\n").expect("a file");
        let mut sensor = Sensor::start(&["-i", "b", "--capture", "ring", "--config", &config], &[]);
        send("chain_ok.pcap");
        let session = sensor.session();
        let ja4 = session["tls"]["client"]["ja4"].as_str().expect("a fingerprint").to_owned();
        let label = |name: &str| {
            let entry = format!(
                "[[label]]\nsoftware = \"{name}\"\nspecificity = \"application\"\nsource = \"here\"\n\
                 hellos = [{{ form = \"name\", ja4 = \"{ja4}\" }}]\n"
            );
            fs::write(&labels, entry).expect("labels");
        };
        label("first client");

        // Rules and labels where there were none; a key that only a start takes on.
        let text =
            format!("[analysis]\nrules = \"{rules}\"\nlabels = [\"{labels}\"]\n[sensor]\nstats_interval = \"2h\"\n");
        fs::write(&config, &text).expect("a file");
        sensor.signal(libc::SIGHUP);
        let said = sensor.said(|line| line.contains("read again") || line.contains("in force"));
        assert!(said.starts_with("tlsight: read again: 1 rule, 0 entries of threat lists, "), "{said}");
        assert_eq!(sensor.said(|line| line.contains("restart")), "tlsight: needs a restart: sensor.stats_interval");
        send("chain_expired.pcap");
        let session = sensor.session();
        assert!(session["tlsight"]["labels"].to_string().contains("first client"), "{session}");
        assert_eq!(sensor.alert()["rule"]["name"], "Any session");

        // A file that is wrong changes nothing, and says where.
        sensor.said.clear();
        fs::write(&config, text.replace("labels =", "label =")).expect("a file");
        sensor.signal(libc::SIGHUP);
        let said = sensor.said(|line| line.contains("read again") || line.contains("in force"));
        assert!(
            said.contains("tlsight.toml:3: unknown key `label` in [analysis]") && said.ends_with("in force stays"),
            "{said}"
        );
        send("chain_self_signed.pcap");
        assert!(sensor.session()["tlsight"]["labels"].to_string().contains("first client"));
        assert_eq!(sensor.alert()["rule"]["name"], "Any session");
        sensor.end();
    });
}

#[test]
fn files_that_change_are_read_again_without_a_signal_where_it_is_asked_for() {
    in_namespace(|net| {
        net.pair("a", "b");
        let rules = net.folder.path().join("rules");
        fs::create_dir(&rules).expect("a folder");
        fs::write(rules.join("any.yml"), ANY).expect("a rule");
        let options = ["-i", "b", "--capture", "ring", "--watch", "--rules", rules.to_str().expect("UTF-8")];
        let mut sensor = Sensor::start(&options, &[]);
        let other = ANY.replace("Any session", "Another").replace("a7e9", "a7ea");
        fs::write(rules.join("other.yml"), other).expect("a rule");
        let said = sensor.said(|line| line.contains("read again"));
        assert_eq!(said, "tlsight: read again: 2 rules, 0 entries of threat lists");
        sensor.said.clear();
        fs::write(rules.join("other.yml"), "title: [").expect("a file");
        let said = sensor.said(|line| line.contains("in force"));
        assert!(said.contains("other.yml:"), "{said}");
        net.send("a", &corpus(|name| name == "chain_ok.pcap"));
        let mut names = [sensor.alert(), sensor.alert()].map(|alert| alert["rule"]["name"].to_string());
        names.sort();
        assert_eq!(names, ["\"Another\"", "\"Any session\""]);
        sensor.end();
    });
}

#[test]
fn an_interface_that_goes_down_and_comes_up_is_listened_to_again() {
    in_namespace(|net| {
        net.pair("a", "b");
        let (first, second) = (corpus(|name| name == "chain_ok.pcap"), corpus(|name| name == "chain_expired.pcap"));
        for way in ["ring", "pcap"] {
            let mut sensor = Sensor::start(&["-i", "b", "--capture", way, "--threads", "2"], &[]);
            net.send("a", &first);
            sensor.session();
            for _ in 0..3 {
                ip(&["link", "set", "dev", "b", "down"]);
                thread::sleep(Duration::from_millis(300));
                ip(&["link", "set", "dev", "b", "up"]);
                thread::sleep(Duration::from_millis(300));
            }
            net.send("a", &second);
            sensor.session();
            let (told, _) = sensor.end();
            assert_eq!(stats(&told)["sessions"], 2, "{way}");
            assert_eq!(stats(&told)["packets"], first.len() + second.len(), "{way}");
            assert_eq!(stats(&told)["packets_dropped"], 0, "{way}");
        }
    });
}

#[test]
fn a_running_sensor_has_given_up_what_it_does_not_need() {
    in_namespace(|net| {
        net.pair("a", "b");
        let out = net.folder.path().join("out");
        fs::create_dir(&out).expect("a folder");
        std::os::unix::fs::chown(&out, Some(NOBODY), Some(NOBODY)).expect("chown");
        fs::set_permissions(net.folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("chmod");
        let file = out.join("sessions.ndjson");
        let file = file.to_str().expect("UTF-8");
        for way in ["ring", "pcap"] {
            let mut sensor = Sensor::start(
                &["-i", "b", "--capture", way, "--threads", "2", "--user", "nobody", "-o", file, "--metrics", "0"],
                &["--rules", concat!(env!("CARGO_MANIFEST_DIR"), "/rules")],
            );
            let metrics = sensor.metrics();
            let folder = format!("/proc/{}/task", sensor.child.0.id());
            let tasks = || -> Vec<PathBuf> {
                let tasks = fs::read_dir(&folder).expect("its threads");
                tasks.map(|task| task.expect("a thread").path()).collect()
            };
            // Signals, metrics, watchdog, outlet and two that analyse, beside the first.
            let until = Instant::now() + PATIENCE;
            while tasks().len() < 7 {
                assert!(Instant::now() < until, "{:?}", tasks());
                thread::sleep(Duration::from_millis(10));
            }
            let tasks = tasks();
            for task in tasks {
                let status = fs::read_to_string(task.join("status")).expect("its status");
                let field = |name: &str| {
                    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                    line.split_whitespace().collect::<Vec<_>>().join(" ")
                };
                for (name, value) in [
                    ("Uid:", "65534 65534 65534 65534"),
                    ("Gid:", "65534 65534 65534 65534"),
                    ("Groups:", "65534"),
                    ("CapInh:", "0000000000000000"),
                    ("CapPrm:", "0000000000000000"),
                    ("CapEff:", "0000000000000000"),
                    ("CapBnd:", "0000000000000000"),
                    ("CapAmb:", "0000000000000000"),
                    ("NoNewPrivs:", "1"),
                    ("Seccomp:", "2"),
                ] {
                    assert_eq!(field(name), value, "{name} of {}", task.display());
                }
            }
            net.send("a", &corpus(|name| name == "chain_ok.pcap"));
            assert_eq!(ask(&metrics, "/readyz").0, 200);
            let (_, said) = sensor.end();
            for what in ["user nobody (65534:65534)", "no capabilities", "no new privileges", "seccomp allows"] {
                let line = format!("tlsight: confined: {what}");
                assert!(said.iter().any(|other| other.starts_with(&line)), "{what}: {said:?}");
            }
            // Which of the two depends on the kernel.
            assert!(
                said.iter().any(|line| line.contains("confined: Landlock") || line.contains("by Landlock")),
                "{said:?}"
            );
            let written = fs::read_to_string(file).expect("what the user has written");
            assert!(written.contains("\"tlsight.tls\"") && written.contains("\"tlsight.stats\""), "{written}");
        }
    });
}

#[test]
fn the_service_manager_is_told_and_signals_are_answered() {
    in_namespace(|net| {
        net.pair("a", "b");
        let socket = net.folder.path().join("notify");
        let manager = UnixDatagram::bind(&socket).expect("a socket");
        manager.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let hear = |what: &str| {
            let mut buffer = [0; 4096];
            loop {
                let length = manager.recv(&mut buffer).unwrap_or_else(|error| panic!("{what}: {error}"));
                let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if message.lines().any(|line| line == what) {
                    return message;
                }
            }
        };
        let environment = [("NOTIFY_SOCKET", socket.to_str().expect("UTF-8")), ("WATCHDOG_USEC", "400000")];
        let mut sensor =
            Sensor::with(&["-i", "b", "--threads", "2", "--log-format", "json", "--metrics", "0"], &[], &environment);
        assert!(hear("READY=1").contains("\nSTATUS=b: "));
        hear("WATCHDOG=1");
        let metrics = sensor.metrics();
        assert_eq!(ask(&metrics, "/healthz"), (200, "healthy\n".to_owned()));
        net.send("a", &corpus(|name| name == "chain_ok.pcap"));
        sensor.session();
        sensor.signal(libc::SIGUSR1);
        let line = sensor.said(|line| line.contains(" sessions in ") || line.contains(" session in "));
        let line: Value = serde_json::from_str(&line).expect("a line of JSON");
        assert_eq!((&line["service"]["name"], &line["log"]["level"]), (&"tlsight".into(), &"info".into()));
        assert!(line["message"].as_str().expect("text").contains("1 session in "), "{line}");
        sensor.signal(libc::SIGTERM);
        hear("STOPPING=1");
        sensor.finish();
    });
}

#[test]
fn metrics_are_for_this_machine_unless_it_is_said_otherwise() {
    in_namespace(|net| {
        net.pair("a", "b");
        let run = |options: &[&str]| {
            let done = Command::new(PROGRAM).args(["live", "-i", "b"]).args(options).output().expect("tlsight runs");
            (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
        };
        let (status, said) = run(&["--metrics", "0.0.0.0:0"]);
        assert_eq!(status, Some(2));
        assert!(said.contains("metrics at 0.0.0.0:0: others can reach it: add --metrics-public"), "{said}");
        let (status, said) = run(&["--user", "no-such-user"]);
        assert_eq!(status, Some(2));
        assert!(said.contains("user no-such-user: there is no such user"), "{said}");
        let mut sensor = Sensor::start(&["-i", "b", "--metrics", "0.0.0.0:0", "--metrics-public"], &[]);
        assert!(sensor.metrics().starts_with("0.0.0.0:"));
        sensor.end();
    });
}

const NOBODY: u32 = 65_534;
const ANY: &str = "title: Any session\nid: 6f3b1b58-2d6c-4d3c-9d52-0c1d5b42a7e9\nstatus: test\nlevel: high\nlogsource:\n  \
    category: tls\ndetection:\n  selection:\n    network.protocol: tls\n  condition: selection\n";
