//! What a packet, a handshake and a flood cost in memory, told by an allocator that counts.
//!
//! Once warm, a packet allocates nothing, a handshake a small and constant number of times, and a flood holds no more
//! than its cap.

mod packets;
mod replay;
mod samples;
mod talks;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use packets::frame::flag;
use packets::{C, ClientHello, Endpoint, Envelope, Rng, S, Segment, TimedFrame, client_named, tcp, udp};
use replay::{as_frame, engine};
use talks::{Closing, Talk, Way};
use tlsight::config::Limits;
use tlsight::detect::{Detector, Rules};
use tlsight::engine::Engine;
use tlsight::quic;
use tlsight::tls::{Caps, Message};
use tlsight::wire::Direction;

#[test]
fn application_data_of_finished_handshakes_allocates_nothing() {
    let mut engine = engine(Limits::default());
    let data = in_rounds(&mut engine, |n| {
        let client = Endpoint::v4([192, 0, 2, 1], 2_000 + n);
        let talk = Talk::named("TLS 1.3").frames(&Way { ends: (client, S), closing: Closing::Open, ..Way::default() });
        let mut rng = Rng::new(u64::from(n));
        let record = packets::tls::application_data(&mut rng, 5_000);
        let more = tcp(client, S).open().client(&record).server(&record).ack().client(&record).frames();
        (talk, more[3..].to_vec())
    });
    assert_eq!(data.allocations, 0, "{} packets", data.packets);
}

#[test]
fn acknowledgements_and_segments_that_come_twice_allocate_nothing() {
    let mut engine = engine(Limits::default());
    let acks = in_rounds(&mut engine, |n| {
        let client = Endpoint::v4([192, 0, 2, 1], 2_000 + n);
        let hello = client_named("go-1.24").hello(packets::clients::Ask::new(1, "www.example.org")).record();
        let open = tcp(client, S).open().client(&hello[..200]).frames();
        let before = open.len();
        let more =
            tcp(client, S).open().client(&hello[..200]).server_ack().client_at(0, &hello[..150]).server_ack().ack();
        (open, more.frames()[before..].to_vec())
    });
    assert_eq!(acks.allocations, 0, "{} packets", acks.packets);
}

#[test]
fn flows_that_are_not_tls_allocate_nothing() {
    let mut engine = engine(Limits::default());
    let frames: Vec<TimedFrame> = (0..500)
        .flat_map(|n| {
            let client = Endpoint::v4([192, 0, 2, 1], 2_000 + n);
            let plain: &[u8] =
                if n % 2 == 0 { b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n" } else { b"SSH-2.0-x\r\n" };
            tcp(client, S).open().client(plain).server([7; 3_000]).client(plain).fin().frames()
        })
        .collect();
    warm(&mut engine, &frames);
    assert_eq!(cost(&mut engine, &frames).allocations, 0);
}

#[test]
fn noise_allocates_nothing() {
    let mut rng = Rng::new(1);
    let arp = TimedFrame::whole(1, [&[0xff; 12][..], &[8, 6], &rng.bytes(28)].concat());
    let icmp = TimedFrame::whole(1, Envelope::between(C, S).ip(packets::frame::protocol::ICMP, &rng.bytes(64)));
    let dns = udp(C, S).client(rng.bytes(80)).server(rng.bytes(300)).frames();
    let cut = TimedFrame { wire_len: 60, ..TimedFrame::whole(1, tcp(C, S).syn().frames()[0].bytes[..30].to_vec()) };
    let lone = tcp(C, S).ack().server_ack().rst().frames();
    let frames = [vec![arp, icmp, cut], dns, lone].concat();
    let mut engine = engine(Limits::default());
    assert_eq!(cost(&mut engine, &frames).allocations, 0, "even for a cold engine");
}

#[test]
fn a_flood_of_syns_at_the_cap_allocates_nothing() {
    let mut engine = engine(Limits { max_flows: 1_000, ..Limits::default() });
    // Its index settles on a size once it has been filled and emptied some times.
    warm(&mut engine, &(0..20_000).map(syn).collect::<Vec<_>>());
    let flood = cost(&mut engine, &(20_000..50_000).map(syn).collect::<Vec<_>>());
    // JA4T keeps the SYN's options, in a place of their own that goes with the flow.
    let allowed = if cfg!(feature = "ja4plus") { flood.packets } else { 0 };
    assert!(flood.allocations <= allowed, "{} allocations", flood.allocations);
    assert!(flood.kept <= 0, "{} bytes", flood.kept);
}

#[test]
fn a_handshake_allocates_a_small_and_constant_number_of_times() {
    for talk in talks::all() {
        let mut engine = engine(Limits::default());
        let mut costs = Vec::new();
        for n in 0..60u16 {
            // Far enough from each other that the flow before is over.
            let way = Way {
                ends: (Endpoint::v4([192, 0, 2, 1], 2_000 + n), S),
                time: packets::tcp::START + u64::from(n) * 100 * SECOND,
                ..Way::default()
            };
            costs.push(cost(&mut engine, &talk.frames(&way)));
        }
        let (first, later) = (&costs[0], &costs[10..]);
        println!(
            "{}: {} allocations, {} for the first of its kind",
            talk.name, later[0].allocations, first.allocations
        );
        assert!(later.iter().all(|cost| cost.allocations == later[0].allocations), "{}", talk.name);
        assert!(later.iter().all(|cost| cost.kept == 0), "{}", talk.name);
        assert!(later[0].allocations <= 20 * talk.events as u64, "{}: {}", talk.name, later[0].allocations);
        // Most are texts and lists of the certificates, which are read once.
        assert!(first.allocations <= 500, "{}: {}", talk.name, first.allocations);
    }
}

#[test]
fn the_way_of_the_bytes_costs_a_handshake_no_more_once_warm() {
    let talk = Talk::named("TLS 1.2 with certificates of both sides");
    let mut engine = engine(Limits::default());
    let mut costs = Vec::new();
    for n in 0..60u16 {
        let way = Way {
            ends: (Endpoint::v4([192, 0, 2, 1], 2_000 + n), S),
            time: packets::tcp::START + u64::from(n) * 100 * SECOND,
            segment: 300,
            window: 4,
            duplicated: 20.0,
            ..Way::default()
        };
        costs.push(cost(&mut engine, &talk.frames(&way)).allocations);
    }
    println!("{costs:?}");
    assert!(costs[10..].iter().all(|cost| *cost == costs[10]), "{costs:?}");
}

#[test]
fn a_port_that_is_opened_again_and_again_holds_no_more() {
    let mut engine = engine(Limits { max_flows: 1_000, ..Limits::default() });
    let reopened = |seq: u32| {
        let segment = Segment { seq: seq.wrapping_mul(77_777), flags: flag::SYN, window: 1_024, ..Segment::default() };
        TimedFrame::whole(packets::tcp::START, Envelope::between(C, S).tcp(&segment))
    };
    warm(&mut engine, &(0..10_000).map(reopened).collect::<Vec<_>>());
    let frames: Vec<TimedFrame> = (10_000..150_000).map(reopened).collect();
    let flood = cost(&mut engine, &frames);
    assert!(flood.kept < 64 << 10, "{} bytes more after {} packets", flood.kept, flood.packets);
}

#[test]
fn connections_that_end_at_once_hold_no_more() {
    let mut engine = engine(Limits { max_flows: 1_000, ..Limits::default() });
    let reset = |n: u32| {
        let client = Endpoint::v4([10, 0, (n >> 8) as u8, n as u8], 40_000);
        tcp(client, S).client_isn(n.wrapping_mul(99_999)).syn().syn_ack().rst().frames()
    };
    warm(&mut engine, &(0..5_000).flat_map(reset).collect::<Vec<_>>());
    let frames: Vec<TimedFrame> = (5_000..40_000).flat_map(reset).collect();
    let flood = cost(&mut engine, &frames);
    assert!(flood.kept < 64 << 10, "{} bytes more after {} packets", flood.kept, flood.packets);
}

#[test]
fn hellos_begun_and_never_ended_hold_no_more_than_the_flows_may() {
    let mut engine = engine(Limits { max_flows: 100, ..Limits::default() });
    let begun = |n: u32| {
        let client = Endpoint::v4([10, 0, (n >> 8) as u8, n as u8], 40_000);
        let hello = ClientHello::new(1).padding_to(9_000).record();
        let script = tcp(client, S).open().client(&hello[..4_000]);
        script.client_at(5_000, &hello[5_000..6_000]).frames()
    };
    for n in 0..1_500 {
        feed(&mut engine, &begun(n));
    }
    let before = live();
    for n in 1_500..3_000 {
        feed(&mut engine, &begun(n));
    }
    assert!(live() - before < 64 << 10, "{} bytes more", live() - before);
}

#[test]
fn shapes_without_end_hold_no_more_than_their_stores_may() {
    let mut engine = engine(Limits { max_flows: 10, ..Limits::default() });
    let before = live();
    let (mut rng, mut most) = (Rng::new(9), 0);
    for n in 0..8_000u32 {
        let client = Endpoint::v4([10, 0, (n >> 8) as u8, n as u8], 40_000);
        let ciphers: Vec<u16> = (0..60).map(|_| rng.next() as u16).collect();
        let hello = ClientHello::new(1).ciphers(&ciphers).groups(&ciphers).signature_algorithms(&ciphers);
        // What comes once is not kept.
        for client in [client, Endpoint { port: 40_001, ..client }] {
            feed(&mut engine, &tcp(client, S).open().client(hello.record()).frames());
        }
        most = most.max(live() - before);
    }
    println!("{} KiB at most", most >> 10);
    assert!(most < 2 * STORE + (1 << 20), "{most} bytes");
    assert!(most > STORE / 2, "the stores were never near their caps: {most} bytes");
}

#[test]
fn fragments_that_never_end_hold_no_more_than_their_cap() {
    let limits = Limits { fragment_bytes: 256 << 10, ..Limits::default() };
    let mut engine = engine(limits.clone());
    let before = live();
    let mut most = 0;
    for n in 0..5_000u32 {
        let client = Endpoint::v4([10, 0, (n >> 8) as u8, n as u8], 40_000);
        let frames = udp(client, S).ip_fragments(1_400).client([0; 3_000]).frames();
        feed(&mut engine, &frames[..1 + (n % 2) as usize]);
        most = most.max(live() - before);
    }
    println!("{} KiB at most", most >> 10);
    assert!(most < 2 * limits.fragment_bytes as i64, "{most} bytes");
}

#[test]
fn rules_that_do_not_fire_allocate_nothing_for_an_event() {
    let rules = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut detector = Detector::new(Rules::load(&rules).unwrap_or_else(|why| panic!("{why}")));
    let (mut rng, mut alerts) = (Rng::new(7), Vec::new());
    let mut at = samples::tls13().timestamp.0;
    let mut look = |count: u64| {
        let mut allocations = 0;
        let plain = [samples::tls13(), samples::tls12()].map(quiet);
        for n in 0..count {
            let mut event = plain[n as usize % 2].clone();
            // As people come: in bursts.
            at += (rng.unit().powi(6) * 14e9) as i64;
            (event.timestamp.0, event.end.0, event.decided.0) = (at, at, at);
            event.id = u128::from(rng.next()).to_be_bytes();
            event.client.port = rng.between(32_768, 65_535) as u16;
            let random = rng.bytes(32).try_into().expect("32 octets");
            event.client_hello.iter_mut().for_each(|hello| hello.random = random);
            let before = ALLOCATIONS.get();
            detector.see(&event, &mut |alert| alerts.push(alert.message));
            allocations += ALLOCATIONS.get() - before;
        }
        allocations
    };
    look(4_000);
    let allocations = look(4_000);
    assert_eq!(alerts, Vec::<String>::new());
    // Tables of hellos that were seen grow now and then; nothing is made for one event.
    assert!(allocations < 40, "{allocations} allocations of 4,000 events");
}

/// Without what rules tell of.
fn quiet(mut event: tlsight::event::Event) -> tlsight::event::Event {
    event.security = tlsight::event::Security::default();
    event.labels = tlsight::event::labels::Labels::default();
    event.anomalies.clear();
    event
}

#[test]
fn a_quic_session_that_has_served_before_allocates_nothing() {
    let vectors = std::fs::read_to_string(replay::testdata("vectors/quic.json")).expect("vectors");
    let vectors: serde_json::Value = serde_json::from_str(&vectors).expect("JSON");
    let payloads: Vec<Vec<u8>> = [0, 1]
        .map(|at| vectors["vectors"][0]["datagrams"][at]["hex"].as_str().expect("hex"))
        .map(|hex| {
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex")).collect()
        })
        .into();
    let mut session = quic::Session::new(Caps { client_hello: 16 << 10, other: 64 << 10 });
    let mut counts = [0; 3];
    for count in &mut counts {
        let (before, mut hellos) = (ALLOCATIONS.get(), 0);
        session.reset();
        for (payload, from) in payloads.iter().zip([Direction::Forward, Direction::Backward]) {
            session.push(from, payload, 0, &mut |_, message| {
                hellos += u32::from(matches!(message, Message::ClientHello(_) | Message::ServerHello(_)));
            });
        }
        assert_eq!(hellos, 2);
        *count = ALLOCATIONS.get() - before;
    }
    assert_eq!(counts[1..], [0, 0]);
}

/// What some packets cost.
struct Cost {
    packets: u64,
    allocations: u64,
    /// Bytes held more than before.
    kept: i64,
}

/// Feeds what opens a hundred flows, twice what follows, and gives the cost of the second time.
fn in_rounds(engine: &mut Engine, flow: impl Fn(u16) -> (Vec<TimedFrame>, Vec<TimedFrame>)) -> Cost {
    let flows: Vec<_> = (0..100).map(flow).collect();
    for (opening, _) in &flows {
        feed(engine, opening);
    }
    let data: Vec<TimedFrame> = flows.into_iter().flat_map(|(_, data)| data).collect();
    feed(engine, &data);
    cost(engine, &data)
}

fn warm(engine: &mut Engine, frames: &[TimedFrame]) {
    feed(engine, frames);
    feed(engine, frames);
}

fn cost(engine: &mut Engine, frames: &[TimedFrame]) -> Cost {
    let (allocations, held) = (ALLOCATIONS.get(), live());
    feed(engine, frames);
    Cost { packets: frames.len() as u64, allocations: ALLOCATIONS.get() - allocations, kept: live() - held }
}

fn feed(engine: &mut Engine, frames: &[TimedFrame]) {
    for frame in frames {
        engine.on_frame(&as_frame(frame), &mut drop);
    }
}

/// A SYN of its own flow.
fn syn(n: u32) -> TimedFrame {
    let [a, b, c, d] = n.to_be_bytes();
    let client = Endpoint::v4([10, b, c, d], 1_024 + u16::from(a));
    let segment = Segment { seq: n, flags: flag::SYN, window: 1_024, ..Segment::default() };
    TimedFrame::whole(packets::tcp::START, Envelope::between(client, S).tcp(&segment))
}

/// Counts what the current thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

fn live() -> i64 {
    LIVE.get()
}

fn note(allocations: u64, bytes: i64) {
    // The thread's storage may be gone already at its end.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + allocations));
    let _ = LIVE.try_with(|live| live.set(live.get() + bytes));
}

// SAFETY: each call goes on to the system's allocator unchanged; the counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as i64 - layout.size() as i64);
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        note(0, -(layout.size() as i64));
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SECOND: u64 = 1_000_000_000;
/// What a store may hold; one is of whole hellos, one of what their sorted forms come to.
const STORE: i64 = 32 << 20;
