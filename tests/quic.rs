//! QUIC connections of real captures, session by session, against what other programs read in them; and the datagrams that
//! specifications print, with what they say is in them.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tlsight::capture::{Batch, Fill, Input, Source};
use tlsight::decode::{self, Trail};
use tlsight::fingerprint::ja4::{Forms, Transport};
use tlsight::fingerprint::{Ja3, Ja3s};
use tlsight::quic::{Facts, Session};
use tlsight::tls::{Caps, Message, Progress};
use tlsight::wire::Direction;

const CAPS: Caps = Caps { client_hello: 16 << 10, other: 64 << 10 };

#[test]
fn captures_say_what_other_programs_read_in_them() {
    let mut handshakes = 0;
    for path in captures() {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
        let expected = fs::read_to_string(testdata(&format!("captures/expected/{name}.jsonl"))).expect(name);
        let read = connections(&path);
        for handshake in expected.lines().map(json_of).filter(|handshake| handshake["proto"] == "quic") {
            let ends = (text(&handshake["src"]), text(&handshake["dst"]));
            let found = read.iter().find(|told| (&*told.client, &*told.server) == ends);
            let told = &found.unwrap_or_else(|| panic!("{name}: no connection from {} to {}", ends.0, ends.1)).told;
            for field in ["sni", "ja3_full", "ja3", "ja4", "version", "cipher", "ja3s_full", "ja3s", "hrr"] {
                let disputed = handshake["disputed"][field]["values"].as_array();
                let agrees =
                    told[field] == handshake[field] || disputed.is_some_and(|values| values.contains(&told[field]));
                assert!(
                    handshake[field].is_null() && disputed.is_none() || agrees,
                    "{name}: {field}: expected {}, told {}",
                    handshake[field],
                    told[field]
                );
            }
            handshakes += 1;
        }
    }
    assert!(handshakes >= 4);
}

#[test]
fn no_loss_and_no_disorder_gives_another_hello() {
    for path in captures() {
        let all = datagrams(&path);
        let all: Vec<&Datagram> = all.iter().collect();
        let whole = connections_of(&all);
        let same = |order: &[&Datagram], complete: bool, what: &str| {
            let told = connections_of(order);
            for connection in &told {
                let known = whole.iter().find(|known| known.client == connection.client).expect(what);
                for field in ["sni", "ja3", "ja4", "ja3s", "version", "cipher"] {
                    let (got, wanted) = (&connection.told[field], &known.told[field]);
                    let partial = !complete && (got.is_null() || field == "sni");
                    assert!(got == wanted || partial, "{}: {what}: {field}: {got}", path.display());
                }
            }
            assert!(!complete || told.len() == whole.len(), "{}: {what}", path.display());
        };
        for at in 0..all.len().min(16) {
            let without: Vec<&Datagram> = [&all[..at], &all[at + 1..]].concat();
            same(&without, false, &format!("without {at}"));
            same(&[&all[..=at], &all[at..]].concat(), true, &format!("{at} twice"));
            same(&[&all[..], &[all[at]]].concat(), true, &format!("{at} once more, at the end"));
            let cut = Datagram {
                ends: all[at].ends,
                from: all[at].from,
                payload: all[at].payload.iter().copied().take(60).collect(),
                cut: 1_200,
            };
            same(&[&all[..at], &[&cut], &all[at + 1..]].concat(), false, &format!("{at} cut"));
            if at + 1 < all.len() {
                let mut swapped = all.clone();
                swapped.swap(at, at + 1);
                same(&swapped, true, &format!("{at} and the next swapped"));
            }
        }
    }
}

#[test]
fn datagrams_of_the_specifications_are_read() {
    let vectors: Value = json_of(&fs::read_to_string(testdata("vectors/quic.json")).expect("vectors"));
    let vectors = vectors["vectors"].as_array().expect("a list of vectors");
    for vector in vectors {
        let name = text(&vector["name"]);
        let mut session = Session::new(CAPS);
        let mut told = Vec::new();
        for datagram in vector["datagrams"].as_array().expect(name) {
            let from = if datagram["from"] == "client" { Direction::Backward } else { Direction::Forward };
            let payload = bytes(text(&datagram["hex"]));
            assert!(Session::may_begin(&payload, 0), "{name}");
            session.push(from, &payload, 0, &mut |from, message| {
                let side = if from == Direction::Backward { "client" } else { "server" };
                told.push(format!("{side}: {}", line(&message)));
            });
        }
        let expected: Vec<&str> = vector["told"].as_array().expect(name).iter().map(text).collect();
        assert_eq!(told, expected, "{name}");
        for (fact, value) in vector["facts"].as_object().expect(name) {
            assert_eq!(&facts(&session.facts())[fact], value, "{name}: {fact}");
        }
    }
    assert!(vectors.len() >= 5);
}

fn line(message: &Message<'_>) -> String {
    match message {
        Message::ClientHello(hello) => {
            format!("ClientHello {}", String::from_utf8_lossy(hello.server_name.unwrap_or_default()))
        }
        Message::ServerHello(hello) => format!("ServerHello {:#06x} {:#06x}", hello.version(), hello.cipher_suite),
        other => format!("{other:?}"),
    }
}

/// What one connection told.
struct Connection {
    client: String,
    server: String,
    told: Value,
}

/// A datagram of a capture, and between whom.
struct Datagram {
    ends: (SocketAddr, SocketAddr),
    from: Direction,
    payload: Vec<u8>,
    cut: u32,
}

fn datagrams(path: &Path) -> Vec<Datagram> {
    let mut out = Vec::new();
    let mut input = Input::open(path).unwrap_or_else(|error| panic!("{error}"));
    let mut batch = Batch::new();
    while input.fill(&mut batch).unwrap_or_else(|error| panic!("{error}")) == Fill::More {
        for frame in batch.frames() {
            let mut trail = Trail::default();
            let Ok(packet) = decode::decode(&frame, &mut trail) else { continue };
            let decode::Transport::Udp(udp) = packet.transport else { continue };
            let address = |ip: IpAddr, port| SocketAddr::new(ip, port);
            let (source, destination) =
                (address(packet.source, udp.source_port), address(packet.destination, udp.destination_port));
            let from = if source <= destination { Direction::Forward } else { Direction::Backward };
            let ends = (source.min(destination), source.max(destination));
            out.push(Datagram { ends, from, payload: udp.payload.to_vec(), cut: udp.cut });
        }
    }
    out
}

fn connections(path: &Path) -> Vec<Connection> {
    connections_of(&datagrams(path).iter().collect::<Vec<_>>())
}

/// The connections in some datagrams, as an engine would tell them apart.
fn connections_of(datagrams: &[&Datagram]) -> Vec<Connection> {
    let mut flows: BTreeMap<(SocketAddr, SocketAddr), Flow> = BTreeMap::new();
    let mut done = Vec::new();
    for datagram in datagrams {
        let Datagram { ends, from, payload, cut } = datagram;
        if !flows.contains_key(ends) && !Session::may_begin(payload, *cut) {
            continue;
        }
        let flow = flows.entry(*ends).or_insert_with(Flow::new);
        if let Some(trace) = flow.over {
            if !trace.is_another(payload, *cut) {
                continue;
            }
            *flow = Flow::new();
        } else if flow.session.is_another(*from, payload, *cut) {
            done.extend(flow.connection(*ends));
            *flow = Flow::new();
        }
        if flow.push(*from, payload, *cut) != Progress::Reading {
            flow.over = Some(flow.session.trace());
            done.extend(flow.connection(*ends));
        }
    }
    for (ends, mut flow) in flows {
        if flow.over.is_none() {
            done.extend(flow.connection(ends));
        }
    }
    done
}

struct Flow {
    session: Session,
    over: Option<tlsight::quic::Trace>,
    client: Option<Direction>,
    told: Value,
}

impl Flow {
    fn new() -> Self {
        Self { session: Session::new(CAPS), over: None, client: None, told: json!({}) }
    }

    fn push(&mut self, from: Direction, payload: &[u8], cut: u32) -> Progress {
        let (client, told) = (&mut self.client, &mut self.told);
        self.session.push(from, payload, cut, &mut |from, message| note(client, told, from, &message))
    }

    fn connection(&mut self, (low, high): (SocketAddr, SocketAddr)) -> Option<Connection> {
        let (client, told) = (&mut self.client, &mut self.told);
        self.session.finish(&mut |from, message| note(client, told, from, &message));
        told["facts"] = facts(&self.session.facts());
        let (client, server) = if (*client)? == Direction::Forward { (low, high) } else { (high, low) };
        Some(Connection { client: client.to_string(), server: server.to_string(), told: self.told.take() })
    }
}

fn note(client: &mut Option<Direction>, told: &mut Value, from: Direction, message: &Message<'_>) {
    match message {
        Message::ClientHello(hello) if told["ja4"].is_null() => {
            *client = Some(from);
            told["sni"] = hello.server_name.map(String::from_utf8_lossy).into();
            if hello.is_complete() {
                let full = Ja3::full(hello);
                told["ja3"] = hex(&Ja3::of_text(&full).0).into();
                told["ja3_full"] = full.into();
                told["ja4"] = Forms::of(hello, Transport::Quic).ja4.as_str().into();
            }
        }
        Message::ServerHello(hello) => {
            client.get_or_insert(from.reverse());
            let full = Ja3s::full(hello);
            told["ja3s"] = hex(&Ja3s::of_text(&full).0).into();
            told["ja3s_full"] = full.into();
            told["version"] = format!("{:#06x}", hello.version()).into();
            told["cipher"] = format!("{:#06x}", hello.cipher_suite).into();
            if told["hrr"].is_null() {
                told["hrr"] = false.into();
            }
        }
        Message::HelloRetryRequest(_) => told["hrr"] = true.into(),
        other => {
            let (key, before) = ("also", told["also"].as_str().unwrap_or_default());
            told[key] = format!("{before}{from:?} {other:?}; ").into();
        }
    }
}

fn facts(facts: &Facts<'_>) -> Value {
    let id = |id: Option<&[u8]>| id.map(hex);
    json!({
        "version": format!("{:#010x}", facts.version),
        "original_version": facts.original_version.map(|version| format!("{version:#010x}")),
        "client_initial_dcid": id(facts.client_initial_dcid),
        "client_scid": id(facts.client_scid),
        "server_scid": id(facts.server_scid),
        "retry": facts.retry,
        "version_negotiation": facts.version_negotiation,
        "gquic": facts.gquic.map(|hello| json!({
            "server_name": hello.server_name.map(String::from_utf8_lossy),
            "user_agent": hello.user_agent.map(String::from_utf8_lossy),
        })),
    })
}

fn captures() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(testdata("captures"))
        .expect("testdata/captures")
        .map(|entry| entry.expect("an entry of testdata/captures").path())
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("quic_")))
        .collect();
    paths.sort();
    paths
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn json_of(line: &str) -> Value {
    serde_json::from_str(line).expect("a line of JSON")
}
