//! However a network carries a handshake, it gives the same events: cut into any segments and records, in any order
//! within bounds, twice, overlapping, in fragments, over the end of the sequence numbers, with any number of threads.

mod packets;
mod replay;
mod talks;

use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use packets::{C, Endpoint, Rng, S, TimedFrame};
use proptest::prelude::*;
use replay::{Replay, as_frame, captures, engine, lines};
use talks::{Closing, Opening, Talk, Way};
use tlsight::Error;
use tlsight::capture::batch::Store;
use tlsight::capture::{Batch, Fill, Input, LinkType, Slot, Source, Timestamp};
use tlsight::config::Limits;
use tlsight::event::Event;
use tlsight::flow::Hasher;
use tlsight::judge::Measures;
use tlsight::runtime::{Pace, Plan, run};
use tlsight::sink::Sink;
use tlsight::stats::Ledger;
use tlsight::x509::verify::Anchors;

#[test]
fn each_talk_gives_its_events() {
    for talk in talks::all() {
        let events = Replay::of(&talk.frames(&Way::default())).events;
        assert_eq!(events.len(), talk.events, "{}: {}", talk.name, lines(&events));
        for event in &events {
            assert!(event.anomalies.is_empty(), "{}: {:?}", talk.name, event.anomalies);
            let client = event.client_hello.as_ref().unwrap_or_else(|| panic!("{}: no hello", talk.name));
            assert!(client.shape.prints.is_some(), "{}", talk.name);
            let refused = event.handshake.alert.is_some();
            assert_eq!(event.handshake.established, !refused, "{}: {}", talk.name, lines(&events));
        }
    }
    let chains = |name| {
        let event = Replay::of(&Talk::named(name).frames(&Way::default())).only();
        (event.server_chain.len(), event.client_chain.len())
    };
    assert_eq!(chains("TLS 1.2 with certificates of both sides"), (3, 1));
    assert_eq!(chains("a hello in version 2 format"), (3, 0));
}

#[test]
fn one_byte_a_segment_and_one_byte_a_record_change_nothing() {
    for (talk, expected) in expected() {
        for (segment, record) in [(1, None), (1460, Some(1)), (1, Some(1)), (7, Some(3))] {
            let way = Way { segment, record, ..Way::default() };
            assert_eq!(&facts(&Replay::of(&talk.frames(&way)).events), expected, "{} {way:?}", talk.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_way_of_the_bytes_changes_no_event(way in ways()) {
        for (talk, expected) in expected() {
            let actual = facts(&Replay::of(&talk.frames(&way)).events);
            prop_assert_eq!(&actual, expected, "{}", talk.name);
        }
    }

    #[test]
    fn a_missed_opening_changes_no_event(way in ways()) {
        // Without the SYN, the first segment that begins like TLS is the start: so it must come first.
        let way = Way { opening: Opening::Missed, window: 1, ..way };
        for (talk, expected) in expected() {
            let actual = facts(&Replay::of(&talk.frames(&way)).events);
            prop_assert_eq!(&actual, expected, "{}", talk.name);
        }
    }

    #[test]
    fn random_bytes_behind_a_records_head_have_no_fingerprint(
        minor in 0u8..=4,
        length in any::<u16>(),
        kind in prop::sample::select(&[1u8, 2, 11, 0][..]),
        noise in prop::collection::vec(any::<u8>(), 0..3_000),
        client in any::<bool>(),
    ) {
        let mut bytes = vec![22, 3, minor];
        bytes.extend(length.to_be_bytes());
        bytes.push(kind);
        bytes.extend(noise);
        let script = packets::tcp(C, S).open();
        let frames = if client { script.client(&bytes) } else { script.server(&bytes) }.frames();
        for event in Replay::of(&frames).events {
            prop_assert!(event.client_hello.is_none_or(|hello| hello.shape.prints.is_none()));
            prop_assert!(event.server_hello.is_none_or(|hello| hello.shape.prints.is_none()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_number_of_threads_changes_no_event_and_no_order(seed in any::<u64>(), way in ways()) {
        let frames = crowd(seed, &way);
        let expected = sorted(&Replay::of(&frames).events);
        prop_assert_eq!(expected.len(), 6 * talks::all().iter().map(|talk| talk.events).sum::<usize>());
        let with = |threads| threaded(&frames, threads, Hasher::seeded(seed.wrapping_add(threads as u64)));
        let alone = with(1);
        prop_assert_eq!(&sorted(&unjudged(&alone)), &expected);
        for threads in 2..=4 {
            prop_assert_eq!(lines(&with(threads)), lines(&alone), "{} threads", threads);
        }
    }
}

#[test]
fn captures_give_the_same_events_with_any_number_of_threads() {
    for path in captures() {
        let expected = sorted(&Replay::of_file(&path).events);
        let with = |threads| {
            let mut input = Input::open(&path).unwrap_or_else(|error| panic!("{error}"));
            through(&mut input, threads, Hasher::seeded(3))
        };
        let alone = with(1);
        assert_eq!(sorted(&unjudged(&alone)), expected, "{}", path.display());
        for threads in [2, 3] {
            assert_eq!(lines(&with(threads)), lines(&alone), "{} with {threads} threads", path.display());
        }
    }
}

#[test]
fn mutated_captures_make_nothing_panic() {
    let files: Vec<Vec<u8>> =
        captures().iter().filter_map(|path| std::fs::read(path).ok()).filter(|file| file.len() < 60_000).collect();
    let (mut rng, start, mut rounds) = (Rng::new(0xf00d), Instant::now(), 0);
    while start.elapsed() < FUZZING {
        let mut bytes = rng.pick(&files).clone();
        for _ in 0..rng.between(1, 40) {
            let at = rng.below(bytes.len() as u64) as usize;
            match rng.below(4) {
                0 => bytes[at] = rng.next() as u8,
                1 => bytes[at] ^= 1 << rng.below(8),
                2 => bytes[at] = *rng.pick(&[0, 1, 2, 0x16, 0x7f, 0x80, 0xff]),
                _ if rng.percent(10.0) => bytes.truncate(at.max(64)),
                _ => {
                    let from = rng.below(bytes.len() as u64) as usize;
                    bytes[at] = bytes[from];
                }
            }
        }
        // A head that is damaged is the caller's error; what is behind it must be read.
        let Ok(mut input) = Input::stream(PathBuf::from("mutated"), Box::new(Cursor::new(bytes))) else { continue };
        let (mut engine, mut batch, mut events) = (engine(small_limits()), Batch::new(), Vec::new());
        while matches!(input.fill(&mut batch), Ok(Fill::More)) {
            for frame in batch.frames() {
                engine.on_frame(&frame, &mut |event| events.push(event));
            }
        }
        engine.finish(&mut |event| events.push(event));
        lines(&events);
        rounds += 1;
    }
    println!("{rounds} captures");
    assert!(rounds > 50);
}

#[test]
fn mutated_handshakes_make_nothing_panic() {
    let talks: Vec<Vec<TimedFrame>> = talks::all().iter().map(|talk| talk.frames(&Way::default())).collect();
    let (mut rng, start) = (Rng::new(0xbeef), Instant::now());
    while start.elapsed() < FUZZING {
        let mut frames = rng.pick(&talks).clone();
        for _ in 0..rng.between(1, 12) {
            let index = rng.below(frames.len() as u64) as usize;
            let bytes = &mut frames[index].bytes;
            // Behind the Ethernet header.
            let at = 14 + rng.below(bytes.len() as u64 - 14) as usize;
            bytes[at] = if rng.percent(50.0) { rng.next() as u8 } else { bytes[at].wrapping_add(1) };
        }
        lines(&Replay::within(small_limits(), &frames).events);
    }
}

/// Any way in which a network may carry a connection whose opening is seen.
fn ways() -> impl Strategy<Value = Way> {
    let sizes = (prop_oneof![1usize..=8, 1usize..=1460], prop::option::of(prop_oneof![1usize..=4, 1usize..=4_000]));
    let disturbance =
        (prop_oneof![Just(1usize), 2usize..=6], prop_oneof![Just(0.0), Just(30.0)], prop_oneof![Just(0.0), Just(30.0)]);
    let numbers = prop_oneof![
        Just((1_000, 500_000)),
        (u32::MAX - 3_000..=u32::MAX, u32::MAX - 9_000..=u32::MAX),
        any::<(u32, u32)>()
    ];
    let envelope = (prop::collection::vec(1u16..4095, 0..=2), prop::option::of(8usize..=600));
    let closing = prop_oneof![Just(Closing::Fin), Just(Closing::Open)];
    (any::<u64>(), sizes, disturbance, numbers, envelope, closing).prop_map(
        |(seed, (segment, record), (window, duplicated, overlapped), isn, (vlans, fragment), closing)| Way {
            seed,
            // Tiny segments of everything would only take long.
            segment: if record.is_some_and(|longest| longest < 8) { segment.max(40) } else { segment.max(8) },
            record,
            window,
            duplicated,
            overlapped,
            isn,
            vlans,
            fragment,
            closing,
            ..Way::default()
        },
    )
}

/// Each talk, and what it gives when nothing disturbs it.
fn expected() -> &'static [(Talk, Vec<String>)] {
    static EXPECTED: LazyLock<Vec<(Talk, Vec<String>)>> = LazyLock::new(|| {
        let undisturbed = |talk: &Talk| facts(&Replay::of(&talk.frames(&Way::default())).events);
        talks::all().into_iter().map(|talk| (talk.clone(), undisturbed(&talk))).collect()
    });
    &EXPECTED
}

/// Six of each talk at the same time, between many ends, their frames mixed.
fn crowd(seed: u64, way: &Way) -> Vec<TimedFrame> {
    let mut rng = Rng::new(seed);
    let mut connections = Vec::new();
    for round in 0..6u16 {
        for (number, talk) in talks::all().iter().enumerate() {
            // Each from its own address: fragments of two connections between the same hosts may not be told apart.
            let client = Endpoint::v4([10, 0, round as u8, number as u8], 20_000 + 100 * round + number as u16);
            let way = Way { ends: (client, S), seed: rng.next(), segment: way.segment.max(200), ..way.clone() };
            connections.push(talk.frames(&way).into_iter());
        }
    }
    let mut frames = Vec::new();
    while !connections.is_empty() {
        let index = rng.below(connections.len() as u64) as usize;
        match connections[index].next() {
            Some(frame) => frames.push(frame),
            None => _ = connections.swap_remove(index),
        }
    }
    frames
}

/// What the events say, whatever the network around them was: as printed, without VLANs and facts of the SYNs.
fn facts(events: &[Event]) -> Vec<String> {
    let bare: Vec<Event> = events
        .iter()
        .cloned()
        .map(|mut event| {
            event.vlans = Default::default();
            #[cfg(feature = "ja4plus")]
            {
                event.tcp = Default::default();
            }
            event
        })
        .collect();
    lines(&bare).lines().map(str::to_owned).collect()
}

fn sorted(events: &[Event]) -> Vec<String> {
    let mut lines: Vec<String> = lines(events).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// What the engine knew of them.
fn unjudged(events: &[Event]) -> Vec<Event> {
    let unjudged = |event: &Event| Event {
        browser: None,
        security: Default::default(),
        labels: Default::default(),
        ..event.clone()
    };
    events.iter().map(unjudged).collect()
}

fn threaded(frames: &[TimedFrame], threads: usize, hasher: Hasher) -> Vec<Event> {
    through(&mut Frames { frames, next: 0 }, threads, hasher)
}

fn through<S: Source>(source: &mut S, threads: usize, hasher: Hasher) -> Vec<Event> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let plan = Plan {
        threads,
        limits: Limits::default(),
        measures: Measures { anchors: Arc::new(Anchors::mozilla()), chain_checks: None, knowledge: None },
        hasher,
        filter: None,
        detector: None,
        renewals: None,
        sinks: vec![Box::new(Collector(Arc::clone(&seen)))],
        keep: None,
        sensor: String::new(),
        pace: Pace::Offline,
        ledger: Arc::new(Ledger::new(threads)),
    };
    let outcome = run(source, plan, &mut |_, _| {}).unwrap_or_else(|error| panic!("{error}"));
    let events = std::mem::take(&mut *seen.lock().expect("no sink panicked"));
    assert_eq!(outcome.counters.sessions, events.len() as u64);
    events
}

/// Frames as a source, a few at a time.
struct Frames<'a> {
    frames: &'a [TimedFrame],
    next: usize,
}

impl Source for Frames<'_> {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        let frames = &self.frames[self.next..(self.next + 50).min(self.frames.len())];
        self.next += frames.len();
        let (mut block, mut slots) = (Vec::new(), Vec::new());
        for frame in frames {
            let as_frame = as_frame(frame);
            slots.push(Slot {
                ts: Timestamp(frame.ts as i64),
                offset: block.len() as u64,
                len: frame.bytes.len() as u32,
                wire_len: as_frame.wire_len,
                link: LinkType::ETHERNET,
                interface: 0,
            });
            block.extend_from_slice(&frame.bytes);
        }
        *batch = Batch { store: Store::Block(Arc::new(block)), slots, lost: None };
        Ok(if frames.is_empty() { Fill::End } else { Fill::More })
    }
}

struct Collector(Arc<Mutex<Vec<Event>>>);

impl Sink for Collector {
    fn events(&mut self, events: &Arc<Vec<Event>>) -> Result<ControlFlow<()>, Error> {
        self.0.lock().expect("no test panicked").extend(events.iter().cloned());
        Ok(ControlFlow::Continue(()))
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}

/// Caps that are hit soon.
fn small_limits() -> Limits {
    Limits {
        max_flows: 4,
        out_of_order_bytes: 3_000,
        total_out_of_order_bytes: 5_000,
        client_hello_bytes: 1_500,
        handshake_message_bytes: 3_000,
        fragment_bytes: 4_000,
        ..Limits::default()
    }
}

const FUZZING: Duration = Duration::from_secs(2);
