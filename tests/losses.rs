//! What a capture lacks is said and never guessed; what is odd about a connection is told and costs nothing else.

mod packets;
mod replay;
mod talks;

use packets::frame::flag;
use packets::tls::{self, certificate, handshake, message, server_hello_done};
use packets::{C, ClientHello, Envelope, Rng, S, Segment, ServerHello, Tcp, TimedFrame, tcp};
use replay::{Replay, as_frame, engine};
use talks::{Closing, Opening, Talk, Way, Who, chain};
use tlsight::capture::{Lost, Timestamp};
use tlsight::config::Limits;
use tlsight::event::{Anomaly, Event};
use tlsight::fingerprint::Ja4;

#[test]
fn of_two_differing_copies_the_first_counts_and_the_event_says_so() {
    let (hello, other) = (hello(1).record(), hello(2).record());
    assert_eq!(hello.len(), other.len());
    let expected = Replay::of(&tcp(C, S).open().client(&hello).frames()).only();
    let scripts: [(&str, Tcp); 3] = [
        ("later copy", tcp(C, S).open().client(&hello[..100]).client_at(0, &other[..100]).client(&hello[100..])),
        ("partly", tcp(C, S).open().client(&hello[..100]).client_at(20, &other[20..150]).client_at(100, &hello[100..])),
        ("both early", tcp(C, S).open().client_at(20, &hello[20..]).client_at(25, &other[25..40]).client(&hello[..20])),
    ];
    for (name, script) in scripts {
        let event = Replay::of(&script.frames()).only();
        assert_eq!(event.anomalies, [Anomaly::TcpOverlapDiffers], "{name}");
        if name == "partly" {
            // The differing copy was the first of bytes 100 to 150.
            continue;
        }
        assert_eq!(ja4(&event), ja4(&expected), "{name}");
        assert_eq!(random(&event), random(&expected), "{name}");
    }
}

#[test]
fn equal_copies_are_nothing_to_tell() {
    let hello = hello(1).record();
    let event =
        Replay::of(&tcp(C, S).open().client(&hello).client_at(0, &hello).client_at(30, &hello[30..60]).frames()).only();
    assert!(event.anomalies.is_empty() && event.client_hello.is_some());
}

#[test]
fn one_direction_alone_tells_what_it_can() {
    for talk in ["TLS 1.2 with certificates of both sides", "TLS 1.3"].map(Talk::named) {
        let both = Replay::of(&talk.frames(&Way::default())).only();
        for keep in [Who::Client, Who::Server] {
            let mut alone = talk.clone();
            alone.turns.retain(|turn| turn.from == keep);
            let event = Replay::of(&alone.frames(&Way::default())).only();
            assert_eq!((event.client.port, event.server.port), (both.client.port, both.server.port), "{}", talk.name);
            let missing = missing(&event);
            if keep == Who::Client {
                assert_eq!(ja4(&event), ja4(&both));
                assert_eq!(event.client_chain.len(), both.client_chain.len());
                assert!(
                    event.server_hello.is_none() && missing.contains(&"server_hello:not_seen".to_owned()),
                    "{missing:?}"
                );
            } else {
                let shapes = [&event, &both].map(|event| event.server_hello.as_ref().unwrap().shape.clone());
                assert_eq!(shapes[0], shapes[1]);
                assert_eq!(event.server_chain.len(), both.server_chain.len());
                assert!(
                    event.client_hello.is_none() && missing.contains(&"client_hello:not_seen".to_owned()),
                    "{missing:?}"
                );
            }
            assert!(!event.handshake.established);
        }
    }
}

#[test]
fn a_hole_in_the_client_hello_costs_its_fingerprint_and_nothing_of_the_server() {
    let hello = hello(1).record();
    for (from, to) in [(10, 11), (60, 120), (hello.len() - 1, hello.len())] {
        let script = tcp(C, S).open().client(&hello[..from]).client_skips((to - from) as u32).client(&hello[to..]);
        let event = Replay::of(&script.server(flight()).client(tls::alert(48)).fin().frames()).only();
        assert!(event.client_hello.as_ref().is_none_or(|hello| hello.shape.prints.is_none()), "{from}..{to}");
        assert_eq!(missing(&event), ["client_hello:gap"], "{from}..{to}");
        assert!(event.server_hello.as_ref().is_some_and(|hello| hello.shape.prints.is_some()), "{from}..{to}");
        assert_eq!(event.server_chain.len(), 3, "{from}..{to}");
    }
}

#[test]
fn a_hole_in_the_chain_costs_the_certificates_behind_it() {
    let (hello, flight) = (hello(1).record(), flight());
    let expected = Replay::of(&tcp(C, S).open().client(&hello).server(&flight).frames()).only();
    let script = tcp(C, S).open().client(&hello).server(&flight[..1_800]).server_skips(40).server(&flight[1_840..]);
    let replay = Replay::of(&script.frames());
    assert_eq!(replay.counters.gaps, 1);
    let event = replay.only();
    assert_eq!(missing(&event), ["certificate:gap", "server:gap"]);
    assert_eq!(ja4(&event), ja4(&expected));
    assert_eq!(event.server_chain, expected.server_chain[..1]);
}

#[test]
fn a_snap_length_is_told_from_a_hole() {
    for snap in [60, 100, 200, 400, 1_000] {
        let script =
            tcp(C, S).snap(snap).open().client(hello(1).record()).server(flight()).client(tls::alert(48)).fin();
        for event in Replay::of(&script.frames()).events {
            let whole = snap > 54 + hello(1).record().len();
            assert_eq!(event.client_hello.as_ref().is_some_and(|hello| hello.shape.prints.is_some()), whole, "{snap}");
            let missing = missing(&event);
            assert!(missing.iter().all(|entry| entry.ends_with(":truncated")), "{snap}: {missing:?}");
            assert_eq!(missing.contains(&"client_hello:truncated".to_owned()), !whole, "{snap}: {missing:?}");
        }
    }
}

#[test]
fn a_connection_that_ends_within_its_hello_says_so() {
    let hello = hello(1).record();
    let event = Replay::of(&tcp(C, S).open().client(&hello[..150]).fin().frames()).only();
    assert!(event.client_hello.is_some_and(|hello| hello.shape.prints.is_none()));
    assert!(event.missing.iter().any(|entry| entry.to_string() == "client_hello:truncated"), "{:?}", event.missing);
}

#[test]
fn ports_used_again_are_another_session() {
    let talk = |seed| tcp(C, S).open().client(hello(seed).record()).server(flight()).client(tls::alert(48));
    let later = |script: Tcp| script.at(packets::tcp::START + 5_000_000_000);
    let again =
        later(tcp(C, S)).client_isn(70_000).server_isn(90_000).open().client(hello(2).record()).server(flight());
    let closings = [("closed", talk(1).fin()), ("reset", talk(1).rst()), ("left open", talk(1))];
    for (name, first) in closings {
        let events = Replay::of(&[first.frames(), again.clone().frames()].concat()).events;
        let randoms: Vec<_> = events.iter().map(random).collect();
        assert_eq!(randoms, [Some(hello(1).random), Some(hello(2).random)], "{name}");
        assert_ne!(events[0].id, events[1].id);
    }
    // Reopened in the middle of the first handshake.
    let cut = tcp(C, S).open().client(&hello(1).record()[..100]);
    let events = Replay::of(&[cut.frames(), again.frames()].concat()).events;
    assert_eq!(events.len(), 2);
    assert_eq!(random(&events[1]), Some(hello(2).random));
}

#[test]
fn a_syn_may_carry_the_hello() {
    let record = hello(1).record();
    let frames = |payload: &[u8]| -> Vec<TimedFrame> {
        let segment = |seq, ack, flags, payload| Segment { seq, ack, flags, window: 64_240, options: &[], payload };
        let client = Envelope::between(C, S);
        let server = Envelope::between(S, C);
        let rest = &record[payload.len()..];
        let said = payload.len() as u32;
        [
            client.tcp(&segment(99, 0, flag::SYN, payload)),
            server.tcp(&segment(700, 100 + said, flag::SYN | flag::ACK, &[])),
            client.tcp(&segment(100 + said, 701, flag::ACK, rest)),
            server.tcp(&segment(701, 100 + record.len() as u32, flag::ACK, &flight())),
        ]
        .map(|bytes| TimedFrame::whole(packets::tcp::START, bytes))
        .to_vec()
    };
    let expected = Replay::of(&frames(&[])).only();
    for len in [1, 100, record.len()] {
        let event = Replay::of(&frames(&record[..len])).only();
        assert_eq!(ja4(&event), ja4(&expected), "{len}");
        assert_eq!(event.server_chain, expected.server_chain, "{len}");
        assert_eq!(event.id, expected.id);
    }
}

#[test]
fn a_reset_ends_the_session_at_once() {
    let script = tcp(C, S).open().client(hello(1).record());
    for script in [script.clone().rst(), script.server_rst()] {
        let (mut engine, mut events) = (engine(Limits::default()), Vec::new());
        for frame in &script.frames() {
            engine.on_frame(&as_frame(frame), &mut |event: Event| events.push(event));
        }
        assert_eq!(events.len(), 1, "before the end of the capture");
        assert_eq!(missing(&events[0]), ["server_hello:not_seen"]);
    }
}

#[test]
fn a_blind_reset_does_not_end_the_session() {
    let hello = hello(1).record();
    let forged = Segment { seq: 3_000_000_000, flags: flag::RST, ..Segment::default() };
    let mut frames = tcp(C, S).open().client(&hello[..100]).frames();
    frames.push(TimedFrame::whole(packets::tcp::START, Envelope::between(C, S).tcp(&forged)));
    let rest = tcp(C, S).open().client(&hello[..100]).client(&hello[100..]).server(flight()).frames();
    frames.extend_from_slice(&rest[4..]);
    let event = Replay::of(&frames).only();
    assert!(event.client_hello.is_some_and(|hello| hello.shape.prints.is_some()));
    assert_eq!(event.server_chain.len(), 3);
}

#[test]
fn a_capture_that_begins_within_a_connection_makes_nothing_up() {
    let talk = Talk::named("TLS 1.2 with certificates of both sides");
    // From the server's flight on.
    let mut later = talk.clone();
    later.turns.remove(0);
    let event = Replay::of(&later.frames(&Way { opening: Opening::Missed, ..Way::default() })).only();
    assert_eq!(missing(&event), ["client_hello:midstream"]);
    assert_eq!(event.server_chain.len(), 3);
    assert_eq!(event.client.port, C.port);
    // From the application data on.
    let mut later = talk;
    later.turns.drain(..4);
    for opening in [Opening::Missed, Opening::Seen] {
        let events = Replay::of(&later.frames(&Way { opening, closing: Closing::Fin, ..Way::default() })).events;
        assert!(events.is_empty(), "{opening:?}");
    }
}

#[test]
fn data_that_only_looks_like_tls_is_none() {
    let mut rng = Rng::new(5);
    let plain = [
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        vec![0x16; 400],
        [vec![0x16, 3, 1, 0xff, 0xff, 1], rng.bytes(400)].concat(),
        [vec![0x80, 0x2e, 1, 3, 1], rng.bytes(400)].concat(),
        rng.bytes(4_000),
    ];
    for bytes in plain {
        let replay = Replay::of(&tcp(C, S).open().client(&bytes).server(rng.bytes(2_000)).fin().frames());
        assert!(replay.events.is_empty(), "{:02x?}", &bytes[..16]);
    }
}

#[test]
fn a_server_that_answers_in_another_protocol_is_told() {
    let event = Replay::of(
        &tcp(C, S).open().client(hello(1).record()).server(b"HTTP/1.1 400 Bad Request\r\n\r\n").fin().frames(),
    )
    .only();
    assert_eq!(event.anomalies, [Anomaly::NotARecord]);
    assert!(!event.handshake.established);
    assert!(ja4(&event).is_some());
}

#[test]
fn odd_hellos_are_told_and_read() {
    let with = |change: &dyn Fn(&mut ClientHello)| {
        let mut hello = hello(1);
        change(&mut hello);
        Replay::of(&tcp(C, S).open().client(hello.record()).frames()).only()
    };
    let twice = with(&|hello| hello.extensions.push((0x000a, vec![0, 2, 0, 0x18])));
    assert_eq!(twice.anomalies, [Anomaly::DuplicateExtension]);
    assert_eq!(*twice.client_hello.unwrap().shape.supported_groups, [0x001d, 0x0017]);
    let torn = with(&|hello| hello.extensions.push((0x002d, vec![9, 1])));
    assert_eq!(torn.anomalies, [Anomaly::MalformedExtension]);
    assert!(torn.client_hello.unwrap().shape.prints.is_some());
    // A hello whose extensions block promises more than there is.
    let mut message = hello(1).message();
    let body = message.split_off(4);
    let cut = Replay::of(
        &tcp(C, S).open().client(tls::record(22, handshake(message::CLIENT_HELLO, &body[..body.len() - 3]))).frames(),
    );
    let event = cut.only();
    assert_eq!(missing(&event), ["client_hello:malformed", "server_hello:not_seen"]);
    assert!(event.client_hello.unwrap().shape.prints.is_none());
}

#[test]
fn a_second_hello_that_nobody_asked_for_is_told() {
    let event = Replay::of(&tcp(C, S).open().client(hello(1).record()).client(hello(2).record()).frames()).only();
    assert_eq!(event.anomalies, [Anomaly::RepeatedClientHello]);
    assert_eq!(random(&event), Some(hello(1).random));
}

#[test]
fn a_session_that_lacks_something_says_so_where_packets_were_lost_meanwhile() {
    const SECOND: i64 = 1_000_000_000;
    let (hello, flight) = (hello(1).record(), flight());
    let holed = tcp(C, S).open().client(&hello).server(&flight[..1_800]).server_skips(40).server(&flight[1_840..]);
    let whole = tcp(C, S).open().client(&hello).server(&flight).frames();
    let unanswered = tcp(C, S).open().client(&hello).frames();
    let (holed, gaps) = (holed.frames(), ["certificate:gap", "server:gap"]);
    let begin = holed[0].ts as i64;
    let told = |frames: &[TimedFrame], losses: &[(i64, i64)]| {
        let (mut engine, mut events) = (engine(Limits::default()), Vec::new());
        for (from, to) in losses {
            engine.lost(Lost { from: Timestamp(*from), to: Timestamp(*to) });
        }
        frames.iter().for_each(|frame| engine.on_frame(&as_frame(frame), &mut |event: Event| events.push(event)));
        engine.finish(&mut |event| events.push(event));
        assert_eq!(events.len(), 1);
        missing(&events[0])
    };
    let meanwhile = (begin + SECOND / 100, begin + SECOND / 50);
    let all = [&gaps[..], &["certificate:dropped", "server:dropped"]].concat();
    assert_eq!(told(&holed, &[]), gaps);
    assert_eq!(told(&holed, &[meanwhile]), all);
    // Nothing that came before a loss, or long after it, is its doing.
    assert_eq!(
        told(&holed, &[(begin - 9 * SECOND, begin - 8 * SECOND), (begin + 20 * SECOND, begin + 21 * SECOND)]),
        gaps
    );
    assert_eq!(told(&holed, &[(begin - 9 * SECOND, begin - 8 * SECOND), meanwhile]), all);
    // Losses on end count as one.
    assert_eq!(
        told(&holed, &[(begin - 9 * SECOND, begin - 8 * SECOND), (begin - 8 * SECOND, begin + 9 * SECOND)]),
        all
    );
    // More of them than are remembered leave the latest.
    let many: Vec<(i64, i64)> =
        (0..2_000).map(|at| (begin - 9_000 * SECOND + at, begin - 9_000 * SECOND + at)).collect();
    assert_eq!(told(&holed, &[&many[..], &[meanwhile]].concat()), all);
    // What is whole is whole; whose answer is not there may have had one.
    assert_eq!(told(&whole, &[meanwhile]), missing(&Replay::of(&whole).only()));
    assert_eq!(told(&unanswered, &[meanwhile]), ["server_hello:not_seen", "server_hello:dropped"]);
}

fn hello(seed: u64) -> ClientHello {
    ClientHello::new(seed)
        .ciphers(&[0xc02f, 0xc030, 0x009c])
        .sni("www.example.org")
        .groups(&[0x001d, 0x0017])
        .point_formats(&[0])
        .signature_algorithms(&[0x0403, 0x0804])
        .alpn(&["h2"])
        .padding_to(300)
}

/// ServerHello, a chain of three, ServerHelloDone.
fn flight() -> Vec<u8> {
    let mut rng = Rng::new(77);
    let messages =
        [ServerHello::new(5, 0xc02f).message(), certificate(&chain("www.example.org", &mut rng)), server_hello_done()];
    messages.iter().flat_map(|message| tls::record(22, message)).collect()
}

fn ja4(event: &Event) -> Option<Ja4> {
    Some(event.client_hello.as_ref()?.shape.prints.as_ref()?.ja4)
}

fn random(event: &Event) -> Option<[u8; 32]> {
    Some(event.client_hello.as_ref()?.random)
}

fn missing(event: &Event) -> Vec<String> {
    event.missing.iter().map(ToString::to_string).collect()
}
