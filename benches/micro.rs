//! What one step of the packet path costs: reading a hello, its fingerprints, decoding a packet, finding its flow,
//! putting segments in order, opening QUIC's first packet, and a whole handshake through the engine.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tlsight::capture::{Batch, Fill, Frame, Input, LinkType, Source, Timestamp};
use tlsight::config::Limits;
use tlsight::decode::{self, Packet, Trail};
use tlsight::engine::{Engine, Shard};
use tlsight::fingerprint::ja4::{Forms, Sorted, Transport};
use tlsight::fingerprint::{Ja3, Ja4};
use tlsight::flow::{Hasher, Key, NewFlow, Segment as StreamSegment, Stream, StreamLimits, Table, TableLimits};
use tlsight::quic::Session;
use tlsight::tls::{Caps, ClientHello, Message};
use tlsight::wire::Direction;

use tlsight::x509::Certificate;
use tlsight::x509::verify::{Anchors, ChainKey, Host, Intermediates, Purpose, Question, Verifier, name_match};

#[path = "../tests/packets/mod.rs"]
mod packets;

use packets::clients::Ask;
use packets::{C, Endpoint, S, TimedFrame, client_named, tcp};

/// A chain of three with its root, from a capture: what is judged once for all that show it, and what each of them costs.
fn chains(c: &mut Criterion) {
    let mut group = c.benchmark_group("chain");
    for (name, second) in
        [("chain_ok", 1_795_000_000), ("chain_intermediate_missing", 1_795_000_000), ("chain_p521", 1_795_000_000)]
    {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/");
        let (mut input, mut batch) =
            (Input::open(format!("{folder}captures/{name}.pcap").as_ref()).expect("a capture"), Batch::new());
        let mut engine = Engine::new(Limits::default(), Shard::whole(Hasher::seeded(1)));
        let mut events = Vec::new();
        while input.fill(&mut batch).expect("frames") == Fill::More {
            engine.on_frames(batch.frames(), &mut |event| events.push(event));
        }
        engine.finish(&mut |event| events.push(event));
        let chain = &events[0].server_chain;
        let mut anchors = Anchors::mozilla();
        let pem = std::fs::read(format!("{folder}chains/{name}.pem")).expect("a root");
        anchors.add_pem(&pem).expect("a root");
        let verifier = Verifier::new(Arc::new(anchors));
        let seen = Intermediates::default();
        let question = Question { chain, seen: &seen, purpose: Purpose::Server, second };
        group.bench_function(format!("{name}/path"), |b| b.iter(|| verifier.path(black_box(&question)).problems));
        let der = &chain[0].der;
        group.bench_function(format!("{name}/leaf read"), |b| b.iter(|| Certificate::from_der(black_box(der)).sha256));
        group.bench_function(format!("{name}/key"), |b| b.iter(|| ChainKey::of(black_box(chain), Purpose::Server)));
        let host = Host::read(b"site.test").expect("a name");
        group.bench_function(format!("{name}/name"), |b| b.iter(|| name_match(black_box(&chain[0]), &host)));
    }
}

fn hellos(c: &mut Criterion) {
    let mut group = c.benchmark_group("hello");
    for name in ["chrome-152", "curl-openssl-3"] {
        let record = client_named(name).hello(Ask::new(1, "www.example.org")).record();
        // Behind the record's and the message's header.
        let body = &record[9..];
        let hello = ClientHello::read(body);
        assert!(hello.is_complete());
        group.bench_function(format!("{name}/read"), |b| b.iter(|| ClientHello::read(black_box(body)).flaws));
        group.bench_function(format!("{name}/JA3"), |b| b.iter(|| Ja3::of_text(&Ja3::full(black_box(&hello)))));
        group.bench_function(format!("{name}/JA4, all forms"), |b| {
            b.iter(|| -> Ja4 { Forms::of(black_box(&hello), Transport::Tcp).ja4 });
        });
        let sorted = Sorted::of(&hello, Transport::Tcp);
        group.bench_function(format!("{name}/JA4, sorted forms known"), |b| {
            b.iter(|| sorted.in_order(black_box(&hello)).0)
        });
    }
    group.finish();
}

fn packet_path(c: &mut Criterion) {
    let frames = tcp(C, S).open().client([7; 1_400]).frames();
    let frame = as_frame(&frames[3]);
    c.bench_function("decode/ethernet, IPv4, TCP", |b| {
        b.iter(|| decode::decode(black_box(&frame), &mut Trail::default()).is_ok())
    });

    let mut group = c.benchmark_group("flow look-up");
    for flows in [100u32, 1_000_000] {
        let keys: Vec<Key> = (0..flows).map(|n| Key::of(&syn(n)).0).collect();
        let mut table =
            Table::new(Hasher::seeded(1), TableLimits { max_flows: 2_000_000, idle: 1 << 40, half_open: 1 << 40 });
        for (n, key) in keys.iter().enumerate() {
            table.insert(table.hash(key), NewFlow { key: *key, now: Timestamp(0), short_lived: false, state: n });
        }
        let mut next = 0usize;
        group.bench_function(format!("among {flows}"), |b| {
            b.iter(|| {
                next = (next + 7_919) % keys.len();
                table.find(table.hash(&keys[next]), &keys[next])
            });
        });
    }
    group.finish();
}

fn reassembly(c: &mut Criterion) {
    let bytes = [7u8; 32 << 10];
    let limits = StreamLimits { out_of_order: 64 << 10 };
    let mut group = c.benchmark_group("reassembly");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    for (name, backwards) in [("in order", false), ("backwards", true)] {
        let mut segments: Vec<StreamSegment<'_>> = bytes
            .chunks(1_448)
            .enumerate()
            .map(|(n, payload)| StreamSegment { seq: n as u32 * 1_448, payload, cut: 0 })
            .collect();
        if backwards {
            segments.reverse();
        }
        let mut stream = Stream::default();
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut handed_on = 0;
                stream.reset();
                stream.start_at(0);
                for segment in &segments {
                    stream.push(*segment, limits, &mut |piece| {
                        if let tlsight::flow::Piece::Bytes(bytes) = piece {
                            handed_on += bytes.len();
                        }
                    });
                }
                assert_eq!(handed_on, bytes.len());
            });
        });
    }
    group.finish();
}

/// Keys, header protection, decryption and the hello itself: what a client's first datagram costs.
fn quic(c: &mut Criterion) {
    let datagram = initial_of_rfc_9001();
    let mut session = Session::new(Caps { client_hello: 16 << 10, other: 64 << 10 });
    let mut group = c.benchmark_group("QUIC");
    group.throughput(Throughput::Bytes(datagram.len() as u64));
    group.bench_function("may begin", |b| b.iter(|| Session::may_begin(black_box(&datagram), 0)));
    group.bench_function("client Initial to ClientHello", |b| {
        b.iter(|| {
            let mut hellos = 0;
            session.reset();
            session.push(Direction::Forward, black_box(&datagram), 0, &mut |_, message| {
                hellos += u32::from(matches!(message, Message::ClientHello(hello) if hello.is_complete()));
            });
            assert_eq!(hellos, 1);
        });
    });
    group.finish();
}

fn engine(c: &mut Criterion) {
    let mut engine = Engine::new(Limits::default(), Shard::whole(Hasher::seeded(1)));
    let record = client_named("curl-openssl-3").hello(Ask::new(1, "www.example.org")).record();
    let frames = tcp(C, S).open().client(&record).client(packets::tls::alert(40)).fin().frames();
    let mut group = c.benchmark_group("engine");
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function("a connection refused", |b| {
        b.iter(|| {
            let mut events = 0;
            engine.on_frames(frames.iter().map(as_frame), &mut |_| events += 1);
            assert_eq!(events, 1);
        });
    });
    group.finish();
}

fn as_frame(frame: &TimedFrame) -> Frame<'_> {
    Frame {
        ts: Timestamp(frame.ts as i64),
        link: LinkType::ETHERNET,
        interface: 0,
        data: &frame.bytes,
        wire_len: frame.wire_len,
    }
}

/// The first datagram of `testdata/vectors/quic.json`.
fn initial_of_rfc_9001() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vectors/quic.json");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let vectors: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let hex = vectors["vectors"][0]["datagrams"][0]["hex"].as_str().unwrap_or_default();
    let digit = |at: usize| hex.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    (0..hex.len()).step_by(2).filter_map(digit).collect()
}

/// A SYN from one of many addresses.
fn syn(n: u32) -> Packet<'static> {
    let [a, b, c, d] = n.to_be_bytes();
    let frames = tcp(Endpoint::v4([10 | a, b, c, d], 40_000), S).syn().frames();
    let bytes: &'static [u8] = Vec::leak(frames[0].bytes.clone());
    match decode::decode(&Frame { data: bytes, ..as_frame(&frames[0]) }, &mut Trail::default()) {
        Ok(packet) => packet,
        Err(_) => unreachable!("the builder writes what the decoder reads"),
    }
}

criterion_group!(benches, hellos, packet_path, reassembly, quic, engine, chains);
criterion_main!(benches);
