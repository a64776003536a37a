//! Every cap of the configuration is hit, counted and held; the rest of the traffic goes on.

mod exchanges;
mod packets;
mod replay;
mod talks;

use std::sync::Arc;

use exchanges::Exchange;
use packets::frame::flag;
use packets::tls::{self, certificate, server_hello_done};
use packets::{C, ClientHello, Endpoint, Envelope, Rng, S, Segment, ServerHello, TimedFrame, tcp, udp};
use replay::{Replay, as_frame, engine, testdata};
use talks::{Closing, Talk, Way, chain};
use tlsight::capture::Timestamp;
use tlsight::config::Limits;
use tlsight::event::{Chain, Event};
use tlsight::judge::{Judge, Measures};
use tlsight::x509::Certificate;
use tlsight::x509::verify::Anchors;

const SECOND: u64 = 1_000_000_000;

#[test]
fn half_open_flows_are_evicted_before_all_others() {
    let limits = Limits { max_flows: 8, ..Limits::default() };
    let talk = Talk::named("TLS 1.2 with certificates of both sides");
    // Four handshakes stop in the middle, a flood of SYNs passes, and they go on.
    let ends: Vec<Endpoint> = (0..4).map(|port| Endpoint::v4([192, 0, 2, 1], 5_000 + port)).collect();
    let connections: Vec<Vec<TimedFrame>> = ends
        .iter()
        .map(|&client| talk.frames(&Way { ends: (client, S), closing: Closing::Open, ..Way::default() }))
        .collect();
    let begun = connections.iter().flat_map(|frames| frames[..4].to_vec());
    let rest = connections.iter().flat_map(|frames| frames[4..].to_vec());
    let frames: Vec<TimedFrame> = begun.chain((0..1_000).map(syn)).chain(rest).collect();
    let replay = Replay::within(limits, &frames);
    assert_eq!(replay.events.len(), 4);
    for event in &replay.events {
        assert!(event.handshake.established && event.missing.is_empty(), "{:?}", event.missing);
    }
    // All but the four places that the handshakes leave.
    assert_eq!(replay.counters.half_open_evicted, 996);
    assert_eq!(replay.counters.flows_evicted, 996);
    assert_eq!(replay.counters.flows, 1_004);
}

#[test]
fn of_first_packets_without_answers_the_oldest_go_and_tell_what_they_said() {
    let limits = Limits { max_unanswered: 10, ..Limits::default() };
    let answer =
        |frames: &[TimedFrame]| frames.iter().position(|frame| frame.bytes[26..30] == [198, 51, 100, 20]).unwrap();
    let ends = |n: u16| (Endpoint::v4([192, 0, 2, 1], 1_000 + n), S);
    // Three conversations that have begun on both sides, then hellos that nobody answers, over QUIC and TCP by turns.
    let begun: Vec<Vec<TimedFrame>> = (0..3)
        .map(|n| {
            Exchange::QuicV1.frames(&exchanges::Way { ends: ends(n), time: packets::tcp::START, ..Default::default() })
        })
        .collect();
    let lonely = (3..103).flat_map(|n| match n % 2 {
        0 => {
            let frames = Exchange::QuicV1.frames(&exchanges::Way {
                ends: ends(n),
                time: packets::tcp::START,
                ..Default::default()
            });
            frames[..answer(&frames)].to_vec()
        }
        _ => tcp(ends(n).0, S).open().client(hello(n.into()).record()).frames(),
    });
    let first = begun.iter().flat_map(|frames| frames[..=answer(frames)].to_vec());
    let rest = begun.iter().flat_map(|frames| frames[answer(frames) + 1..].to_vec());
    let (mut engine, mut events) = (engine(limits), Vec::new());
    for frame in first.chain(lonely).chain(rest).collect::<Vec<_>>() {
        engine.on_frame(&as_frame(&frame), &mut |event: Event| events.push(event));
    }
    let counters = engine.counters();
    // Ten of the hundred wait on; the three that were answered are not touched.
    assert_eq!((counters.half_open_evicted, events.len()), (90, 93));
    assert!(events.iter().all(|event| event.client_hello.as_ref().is_some_and(|hello| hello.shape.prints.is_some())));
    assert_eq!(events.iter().filter(|event| event.handshake.established).count(), 3);
}

#[test]
fn without_half_open_flows_the_one_silent_for_longest_goes_and_tells_what_it_knows() {
    let limits = Limits { max_flows: 3, ..Limits::default() };
    let open = |port, seed| {
        tcp(Endpoint::v4([192, 0, 2, 1], port), S)
            .at(packets::tcp::START + u64::from(port) * 1_000)
            .open()
            .client(hello(seed).record())
            .frames()
    };
    let frames: Vec<TimedFrame> = (1..=4).flat_map(|n| open(n, u64::from(n))).collect();
    let (mut engine, mut events) = (engine(limits), Vec::new());
    for frame in &frames {
        engine.on_frame(&as_frame(frame), &mut |event: Event| events.push(event));
    }
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].client.port, 1);
    assert!(events[0].client_hello.as_ref().is_some_and(|hello| hello.shape.prints.is_some()));
    assert_eq!((engine.counters().flows_evicted, engine.counters().half_open_evicted), (1, 0));
}

#[test]
fn closed_flows_make_room_before_open_ones() {
    let limits = Limits { max_flows: 3, ..Limits::default() };
    let talk = |port, closing| {
        Talk::named("TLS 1.3").frames(&Way { ends: (Endpoint::v4([192, 0, 2, 1], port), S), closing, ..Way::default() })
    };
    // The first handshake stops after its hello; two others are over.
    let first = talk(1, Closing::Open);
    let begun = first[..4].to_vec();
    let frames = [
        begun,
        talk(2, Closing::Fin),
        talk(3, Closing::Fin),
        talk(4, Closing::Fin),
        talk(5, Closing::Fin),
        first[4..].to_vec(),
    ];
    let replay = Replay::within(limits, &frames.concat());
    assert_eq!(replay.events.len(), 5);
    assert!(replay.events.iter().all(|event| event.handshake.established));
    assert_eq!(replay.counters.flows, 5);
}

#[test]
fn out_of_order_bytes_of_a_direction_are_capped() {
    let limits = Limits { out_of_order_bytes: 2_000, ..Limits::default() };
    let hello = hello(1).record();
    let frames =
        tcp(C, S).open().client(&hello).server_at(100, vec![0; 1_400]).server_at(1_500, vec![0; 1_400]).frames();
    let replay = Replay::within(limits.clone(), &frames);
    assert_eq!(replay.counters.reassembly_limit, 1);
    let event = replay.only();
    assert_eq!(missing(&event), ["server_hello:limit"]);
    assert!(event.client_hello.is_some_and(|hello| hello.shape.prints.is_some()));
    // What stays below the cap waits.
    let flight = flight(1);
    let late = tcp(C, S)
        .open()
        .client(&hello)
        .server_at(100, &flight[100..1_500])
        .server_at(0, &flight[..100])
        .server_at(1_500, &flight[1_500..]);
    let replay = Replay::within(limits, &late.frames());
    assert_eq!(replay.counters.reassembly_limit, 0);
    assert_eq!(replay.only().server_chain.len(), 3);
}

#[test]
fn out_of_order_bytes_of_all_flows_are_capped_together() {
    let limits = Limits { total_out_of_order_bytes: 10_000, ..Limits::default() };
    let open = |port: u16| tcp(Endpoint::v4([192, 0, 2, 1], port), S).open().client(hello(u64::from(port)).record());
    let gap = |port| open(port).server_at(100, vec![0; 1_400]).frames();
    let frames: Vec<TimedFrame> = (1..=20).flat_map(gap).collect();
    let replay = Replay::within(limits.clone(), &frames);
    // Seven times 1,500 bytes go over; the flow that would have it so gives up its own.
    assert_eq!(replay.counters.reassembly_limit, 20 - 6);
    assert_eq!(replay.events.len(), 20);
    assert!(
        replay.events.iter().all(|event| event.client_hello.as_ref().is_some_and(|hello| hello.shape.prints.is_some()))
    );
    // What was handed on, closed, reset or given up counts no more.
    let flight = flight(1);
    let cycle = |port: u16| {
        let script = open(port).server_at(100, &flight[100..1_500]);
        match port % 3 {
            0 => script.server_at(0, &flight[..100]).server_at(1_500, &flight[1_500..]).frames(),
            1 => script.rst().frames(),
            _ => script.client(tls::alert(40)).fin().frames(),
        }
    };
    let frames: Vec<TimedFrame> = (1..=100).flat_map(cycle).collect();
    assert_eq!(Replay::within(limits, &frames).counters.reassembly_limit, 0);
}

#[test]
fn a_client_hello_over_its_cap_is_not_fingerprinted() {
    let limits = Limits::default();
    for (len, fits) in [(limits.client_hello_bytes, true), (limits.client_hello_bytes + 1, false), (60_000, false)] {
        let hello = hello(1).padding_to(len + 4);
        assert_eq!(hello.message().len(), len + 4);
        let script = tcp(C, S).open().client(hello.records(16_000)).server(flight(1)).client(tls::alert(48));
        let replay = Replay::of(&script.frames());
        assert_eq!(replay.counters.message_limit, u64::from(!fits), "{len}");
        let event = replay.only();
        assert_eq!(event.client_hello.as_ref().is_some_and(|hello| hello.shape.prints.is_some()), fits, "{len}");
        assert_eq!(missing(&event), if fits { vec![] } else { vec!["client_hello:limit"] }, "{len}");
        assert_eq!(event.server_chain.len(), 3, "{len}");
    }
}

#[test]
fn a_handshake_message_over_its_cap_is_stepped_over() {
    let limits = Limits { handshake_message_bytes: 8_000, ..Limits::default() };
    let frames = |certificates| {
        tcp(C, S).open().client(hello(1).record()).server(flight(certificates)).client(tls::alert(48)).frames()
    };
    let replay = Replay::within(limits.clone(), &frames(5));
    assert_eq!(replay.counters.message_limit, 1);
    let event = replay.only();
    assert_eq!(missing(&event), ["certificate:limit"]);
    assert!(event.server_chain.is_empty() && event.server_hello.is_some());
    let replay = Replay::within(limits, &frames(1));
    assert_eq!((replay.counters.message_limit, replay.only().server_chain.len()), (0, 3));
}

#[test]
fn ip_fragments_are_capped() {
    let limits = Limits { fragment_bytes: 20_000, ..Limits::default() };
    // First fragments without an end, of a hundred datagrams.
    let frames: Vec<TimedFrame> = (0..100u16)
        .flat_map(|n| {
            let ends = (Endpoint::v4([192, 0, 2, n as u8], 1_000 + n), S);
            udp(ends.0, ends.1).ip_fragments(600).client([0; 1_000]).frames()[..1].to_vec()
        })
        .collect();
    let talk = Talk::named("TLS 1.3");
    let whole = talk.frames(&Way { fragment: Some(200), ..Way::default() });
    let seen = whole.iter().filter(|frame| frame.bytes[20] & 0x3f != 0 || frame.bytes[21] != 0).count() as u64;
    let replay = Replay::within(limits, &[frames, whole].concat());
    assert_eq!(replay.counters.fragments, 100 + seen);
    assert!(replay.counters.fragments_dropped > 50, "{}", replay.counters.fragments_dropped);
    // Later datagrams are put together all the same.
    assert!(replay.only().handshake.established);
}

#[test]
fn an_incomplete_datagram_goes_by_packet_time() {
    let limits = Limits { fragment_seconds: 5, ..Limits::default() };
    let frames = Talk::named("a hello that the server refuses").frames(&Way { fragment: Some(200), ..Way::default() });
    let hello = frames.iter().position(|frame| frame.bytes[20] & 0x20 != 0).expect("a first fragment");
    for (wait, whole) in [(4, true), (6, false)] {
        let mut late = frames.clone();
        late[hello + 1..].iter_mut().for_each(|frame| frame.ts += wait * SECOND);
        let event = Replay::within(limits.clone(), &late).events.into_iter().next();
        assert_eq!(event.is_some_and(|event| event.client_hello.is_some()), whole, "{wait} s");
    }
}

#[test]
fn a_silent_flow_is_over_after_the_idle_time_of_the_packets() {
    let limits = Limits { idle_seconds: 30, ..Limits::default() };
    let start = packets::tcp::START;
    let first = tcp(C, S)
        .at(start)
        .step(0)
        .client_answers_after(0)
        .server_answers_after(0)
        .open()
        .client(hello(1).record())
        .frames();
    for (later, over) in [(30 * SECOND, false), (30 * SECOND + 1, true)] {
        let other = TimedFrame { ts: start + later, ..syn(7) };
        let (mut engine, mut events) = (engine(limits.clone()), Vec::new());
        for frame in first.iter().chain([&other]) {
            engine.on_frame(&as_frame(frame), &mut |event: Event| events.push(event));
        }
        assert_eq!(events.len(), usize::from(over), "{later} ns");
        if let Some(event) = events.first() {
            assert_eq!(event.end.0 as u64, start, "its end is its last message, not the moment it was given up");
        }
    }
    // What comes for it later is a flow of its own.
    let again = tcp(C, S).at(start + 31 * SECOND).open().client(hello(2).record()).frames();
    assert_eq!(Replay::within(limits, &[first, again].concat()).events.len(), 2);
}

#[test]
fn a_half_open_flow_is_kept_for_less_long() {
    let limits = Limits { max_flows: 10, half_open_seconds: 3, ..Limits::default() };
    let at = |seconds, numbers: std::ops::Range<u32>| -> Vec<TimedFrame> {
        let ts = packets::tcp::START + seconds * SECOND;
        numbers.map(|n| TimedFrame { ts, ..syn(n) }).collect()
    };
    for (wait, evicted) in [(3, 10), (4, 0)] {
        let frames = [at(0, 0..10), at(wait, 10..20)].concat();
        let replay = Replay::within(limits.clone(), &frames);
        assert_eq!(replay.counters.half_open_evicted, evicted, "{wait} s");
    }
}

#[test]
fn a_clock_that_runs_backwards_ends_nothing() {
    let mut frames = Talk::named("TLS 1.3").frames(&Way::default());
    let count = frames.len() as u64;
    for (index, frame) in frames.iter_mut().enumerate() {
        frame.ts -= (index as u64) * 100 * SECOND;
    }
    let replay = Replay::of(&frames);
    assert_eq!((replay.counters.flows, replay.counters.packets), (1, count));
    assert!(replay.only().handshake.established);
}

#[test]
fn many_renegotiations_give_one_event_each() {
    let mut rng = Rng::new(3);
    let mac = |body: Vec<u8>, rng: &mut Rng| tls::record(22, [body, rng.bytes(32)].concat());
    let mut script = tcp(C, S).open();
    for round in 0..50 {
        let hello = ClientHello::new(round).ciphers(&[0x003b]).message();
        let answer = ServerHello::new(round, 0x003b).message();
        let [hello, answer] = match round {
            0 => [tls::record(22, hello), tls::record(22, answer)],
            _ => [mac(hello, &mut rng), mac(answer, &mut rng)],
        };
        script = script.client(hello).server([answer, tls::ccs()].concat()).client(tls::ccs());
        let finished = |rng: &mut Rng| mac(tls::handshake(20, [0; 12]), rng);
        script = script.server(finished(&mut rng)).client(finished(&mut rng));
    }
    let replay = Replay::of(&script.frames());
    assert_eq!(replay.events.len(), 50, "{}", replay.lines());
    let ids: std::collections::HashSet<[u8; 16]> = replay.events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 50);
}

/// A SYN of its own flow.
fn syn(n: u32) -> TimedFrame {
    let [a, b, c, d] = n.to_be_bytes();
    let client = Endpoint::v4([10, b, c, d], 1_024 + u16::from(a));
    let segment = Segment { seq: n, flags: flag::SYN, window: 1_024, ..Segment::default() };
    TimedFrame::whole(packets::tcp::START, Envelope::between(client, S).tcp(&segment))
}

fn hello(seed: u64) -> ClientHello {
    ClientHello::new(seed)
        .ciphers(&[0xc02f, 0xc030])
        .sni("www.example.org")
        .groups(&[0x001d])
        .signature_algorithms(&[0x0403])
}

/// ServerHello, `times` three certificates, ServerHelloDone.
fn flight(times: usize) -> Vec<u8> {
    let mut rng = Rng::new(77);
    let certificates: Vec<Vec<u8>> = (0..times).flat_map(|_| chain("www.example.org", &mut rng)).collect();
    let messages = [ServerHello::new(5, 0xc02f).message(), certificate(&certificates), server_hello_done()].concat();
    tls::records(22, messages, 16_000)
}

fn missing(event: &Event) -> Vec<String> {
    event.missing.iter().map(ToString::to_string).collect()
}

#[test]
fn a_flood_of_chains_takes_its_share_of_a_second_and_is_counted() {
    let session = Replay::of_file(&testdata("captures/chain_ok.pcap")).events.remove(0);
    let der = session.server_chain[0].der.clone();
    // The serial number 0x1001, as an INTEGER of two octets.
    let serial = der.windows(4).position(|octets| octets == [2, 2, 0x10, 1]).expect("its serial number") + 2;
    let floods = |at: i64| {
        let session = &session;
        let der = &der;
        (0..10_000u16).map(move |number| {
            let mut der = der.clone();
            der[serial..serial + 2].copy_from_slice(&(0x1000 + number).to_be_bytes());
            let mut event = Event { timestamp: Timestamp(at * 1_000_000_000), ..session.clone() };
            event.server_chain[0] = Arc::new(Certificate::from_der(&der));
            event
        })
    };
    let chain_checks = Some(Limits::default().chain_checks);
    let mut judge = Judge::new(Measures { anchors: Arc::new(Anchors::mozilla()), chain_checks, knowledge: None });
    let mut unchecked = 0;
    // The second flood shows the same chains: what was judged is known, the rest has a share of another second.
    for mut event in floods(1_800_000_000).chain(floods(1_800_000_001)) {
        judge.judge(&mut event);
        unchecked += u64::from(matches!(event.security.server_chain, Some(Chain::Unchecked)));
    }
    assert_eq!(unchecked, 8_000 + 6_000);
    assert_eq!(judge.unchecked(), unchecked);
}
