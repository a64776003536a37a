//! Sessions' packets out of captures, held against tlsight's own reading of the whole and against tshark.

mod packets;
mod replay;

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use packets::clients::Ask;
use packets::{C, Endpoint, FileFormat, S, TimedFrame, client_named, pcap, tcp, udp};
use replay::{Replay, captures, lines, testdata};
use tlsight::capture::Inputs;
use tlsight::event::Event;
use tlsight::extract::{Extraction, Id};

#[test]
fn every_session_of_the_captures_is_read_again_out_of_its_own_packets() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.pcapng");
    let mut sessions = 0;
    for path in captures() {
        let whole = Replay::of_file(&path);
        // All of those with many would take long, and say no more.
        for event in whole.events.iter().take(3) {
            extract(&path, &[event.id], &out);
            let again = Replay::of_file(&out);
            let same: Vec<&Event> = again.events.iter().filter(|other| other.id == event.id).collect();
            assert_eq!(same.len(), 1, "{}: {}", path.display(), lines(std::slice::from_ref(event)));
            assert_eq!(lines(&[same[0].clone()]), lines(std::slice::from_ref(event)), "{}", path.display());
            sessions += 1;
        }
    }
    assert!(sessions > 300, "{sessions}");
}

#[test]
fn tshark_reads_in_the_extract_what_it_reads_of_the_stream_in_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, out) = (folder.path().join("whole.pcap"), folder.path().join("out.pcapng"));
    // Connections side by side, packet by packet.
    let names = ["chain_ok.pcap", "aiohttp_nginx_tls12.pcap", "cert_p256.pcap", "dtls12_openssl.pcap", "quic_go.pcap"];
    let paths: Vec<PathBuf> = names.iter().map(|name| testdata("captures").join(name)).collect();
    let mut mixed = Vec::new();
    for path in &paths {
        let done = Command::new("editcap").args(["-F", "pcap", "-L"]).arg(path).arg(&whole).output();
        assert!(done.expect("editcap runs (`make setup` installs it)").status.success());
        let bytes = fs::read(&whole).expect("a capture");
        let mut rest = &bytes[24..];
        let mut number = 0_u32;
        while let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *rest {
            let length = 16 + u32::from_le_bytes([a, b, c, d]) as usize;
            mixed.push((number, rest[8..length].to_vec()));
            rest = &rest[length..];
            number += 1;
        }
    }
    mixed.sort_by_key(|(number, _)| *number);
    let mut bytes = FileFormat::default().pcap_header().to_vec();
    for (number, (_, record)) in mixed.iter().enumerate() {
        bytes.extend(1_700_000_000_u32.to_le_bytes());
        bytes.extend((number as u32).to_le_bytes());
        bytes.extend(record);
    }
    fs::write(&whole, bytes).expect("a capture");

    let events = Replay::of_file(&whole).events;
    assert!(events.len() >= 5, "{}", lines(&events));
    for event in events {
        extract(&whole, &[event.id], &out);
        let port = event.client.port;
        let ours = tshark(&out, &format!("udp.port == {port} or tcp.port == {port}"));
        let theirs = tshark(&whole, &format!("udp.port == {port} or tcp.port == {port}"));
        assert!(ours.lines().count() > 3, "{ours}");
        assert_eq!(ours, theirs);
        assert_eq!(tshark(&out, "frame").lines().count(), ours.lines().count(), "others are in it");
    }
}

#[test]
fn connections_between_the_same_ends_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, out) = (folder.path().join("in.pcap"), folder.path().join("out.pcapng"));
    let second = 1_000_000_000;
    let connection = |at: u64, isn: u32, name: &str| {
        let hello = client_named("firefox-138").hello(Ask::new(u64::from(isn), name)).record();
        tcp(C, S).at(at * second).client_isn(isn).open().client(hello).server([0x15, 3, 3, 0, 2, 2, 40]).fin().frames()
    };
    let first = connection(1, 1_000, "one.test");
    // Nobody answers, and it says nothing.
    let failed = tcp(C, S).at(3 * second).client_isn(5_000).syn().frames();
    let last = connection(4, 9_000, "two.test");
    // After a minute of silence and more, of the same connection.
    let late = tcp(C, S).at(200 * second).client_isn(9_000).client_at(5_000, [0x17, 3, 3, 0, 1, 0]).frames();
    let all = [&first[..], &failed, &last, &late].concat();
    fs::write(&path, pcap(FileFormat::default(), &all)).expect("a capture");
    let events = Replay::of_file(&path).events;
    let id = |name: &str| {
        let line = |event: &Event| lines(std::slice::from_ref(event)).contains(name);
        events.iter().find(|event| line(event)).unwrap_or_else(|| panic!("{}", lines(&events))).id
    };
    assert_eq!(extract(&path, &[id("one.test")], &out), first.len() as u64);
    assert_eq!(extract(&path, &[id("two.test")], &out), (last.len() + late.len()) as u64);
    assert_eq!(extract(&path, &[id("one.test"), id("two.test")], &out), (all.len() - failed.len()) as u64);
}

#[test]
fn parts_of_datagrams_come_with_their_session_and_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, out) = (folder.path().join("in.pcap"), folder.path().join("out.pcapng"));
    let hello = client_named("chrome-136").hello(Ask::new(7, "parts.test")).record();
    let session = tcp(C, S).ip_fragments(256).open().client(hello).server([0x15, 3, 3, 0, 2, 2, 40]).frames();
    // Of another connection between the same hosts, among them.
    let other = Endpoint::v4([192, 0, 2, 10], 9_999);
    let noise = udp(other, S).ip_fragments(256).client([0; 900]).frames();
    let mut all: Vec<TimedFrame> = [&session[..], &noise].concat();
    all.sort_by_key(|frame| frame.ts);
    fs::write(&path, pcap(FileFormat::default(), &all)).expect("a capture");
    let event = Replay::of_file(&path).only();
    assert_eq!(extract(&path, &[event.id], &out), session.len() as u64);
    assert_eq!(Replay::of_file(&out).only().id, event.id);
}

#[test]
fn sessions_that_lines_of_json_name_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let captures = testdata("captures");
    let paths: Vec<PathBuf> = ["chain_ok.pcap", "chain_expired.pcap", "cert_p256.pcap"]
        .iter()
        .map(|name| {
            let path = folder.path().join(name);
            fs::copy(captures.join(name), &path).expect("a copy");
            path
        })
        .collect();
    let told: Vec<String> = paths.iter().map(|path| lines(&Replay::of_file(path).events)).collect();
    let folder_name = folder.path().to_str().expect("UTF-8");
    let done = run(&["extract", "--event", "-", folder_name], format!("{}{}", told[0], told[1]).as_bytes());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let out = folder.path().join("out.pcapng");
    fs::write(&out, &done.stdout).expect("a file");
    let ids = |path: &Path| -> HashSet<Id> { Replay::of_file(path).events.iter().map(|event| event.id).collect() };
    let expected: HashSet<Id> = ids(&paths[0]).union(&ids(&paths[1])).copied().collect();
    assert_eq!(ids(&out), expected);
}

#[test]
fn what_cannot_be_done_is_said_in_a_line() {
    let capture = testdata("captures").join("chain_ok.pcap");
    let capture = capture.to_str().expect("UTF-8");
    let unknown = "0".repeat(32);
    for (arguments, input, expected) in [
        (&["extract", "--event", "12", capture][..], "", "--event 12: an event.id has 32 hex digits"),
        (&["extract", "--event", &unknown, capture], "", "there is no such session in these captures"),
        (&["extract", "--event", "-", capture], "{}\n", "standard input names no session"),
        (&["extract", "--event", &unknown, "-"], "", "a pipe cannot be"),
        (&["extract", "--event", &unknown, "/no/such"], "", "/no/such: "),
    ] {
        let done = run(arguments, input.as_bytes());
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{said}");
        assert!(done.stdout.is_empty());
    }
    let id = format!("{:032x}", u128::from_be_bytes(Replay::of_file(Path::new(capture)).events[0].id));
    let done = run(&["extract", "--event", &id, "-o", capture, capture], b"");
    assert!(String::from_utf8_lossy(&done.stderr).contains("it is one of the captures to read"));
}

/// Writes the packets of sessions; gives how many.
fn extract(path: &Path, ids: &[Id], out: &Path) -> u64 {
    let (inputs, errors) = Inputs::find(&[path]);
    assert!(errors.is_empty(), "{errors:?}");
    let extraction = Extraction::find(&inputs, &ids.iter().copied().collect(), 1).expect("it is found");
    let extracted = extraction.write(fs::File::create(out).expect("a file"), out).expect("it is written");
    assert_eq!(extracted.sessions, ids.len(), "{}", path.display());
    extracted.packets
}

fn tshark(path: &Path, filter: &str) -> String {
    let fields = [
        "frame.time_epoch",
        "frame.len",
        "tcp.seq_raw",
        "tls.record.content_type",
        "tls.handshake.type",
        "tls.handshake.extensions_server_name",
        "tls.handshake.ja3",
        "tls.alert_message.desc",
        "dtls.handshake.type",
        "quic.long.packet_type",
    ];
    let fields = fields.iter().flat_map(|field| ["-e", field]);
    let done = Command::new("tshark")
        .args(["-n", "-T", "fields", "-Y", filter])
        .args(fields)
        .arg("-r")
        .arg(path)
        .output()
        .expect("tshark runs (`make setup` installs it)");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8")
}

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tlsight"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tlsight runs");
    // A program that does not want its input closes it early.
    let _ = child.stdin.take().expect("piped").write_all(input);
    child.wait_with_output().expect("it ends")
}
