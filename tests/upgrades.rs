//! TLS that does not stand at the start of its flow: it gives the event that it gives alone, at its own time, with what
//! stood before it; and a flow that only resembles one gives none.

mod packets;
mod replay;
mod talks;

use packets::clients::Ask;
use packets::{C, S, ServerHello, client_named, tcp, tls};
use proptest::prelude::*;
use replay::{Replay, lines, testdata};
use serde_json::Value;
use talks::{Closing, Record, Talk, Turn, Way, Who};
use tlsight::event::Event;
use tlsight::tls::Upgrade;

/// What both sides say before TLS.
type Preamble = &'static [(Who, &'static [u8])];

const CLIENT: Who = Who::Client;
const SERVER: Who = Who::Server;

const PREAMBLES: [(Upgrade, Preamble); 6] = [
    (
        Upgrade::Smtp,
        &[
            (SERVER, b"220 mail.example.org ESMTP\r\n"),
            (CLIENT, b"EHLO a.example.org\r\n"),
            (SERVER, b"250-mail.example.org\r\n250-PIPELINING\r\n250 STARTTLS\r\n"),
            (CLIENT, b"STARTTLS\r\n"),
            (SERVER, b"220 2.0.0 Ready to start TLS\r\n"),
        ],
    ),
    (
        Upgrade::Xmpp,
        &[
            (CLIENT, b"<?xml version='1.0'?><stream:stream to='example.org' version='1.0'>"),
            (SERVER, b"<stream:stream from='example.org'><stream:features><starttls/></stream:features>"),
            (CLIENT, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            (SERVER, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        ],
    ),
    (Upgrade::Postgresql, &[(CLIENT, &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]), (SERVER, b"S")]),
    (
        Upgrade::HttpConnect,
        &[
            (CLIENT, b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"),
            (SERVER, b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 10\r\n\r\n<p>no\n</p>"),
            (CLIENT, b"CONNECT example.org:443 HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\r\n"),
            (SERVER, b"HTTP/1.1 200 Connection established\r\n\r\n"),
        ],
    ),
    (
        Upgrade::Socks5,
        &[
            (CLIENT, &[5, 2, 0, 2]),
            (SERVER, &[5, 2]),
            (CLIENT, b"\x01\x02me\x03who"),
            (SERVER, &[1, 0]),
            (CLIENT, b"\x05\x01\x00\x03\x0bexample.org\x01\xbb"),
            (SERVER, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        ],
    ),
    (Upgrade::Haproxy, &[(CLIENT, b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n")]),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_stands_before_tls_changes_its_event_in_nothing_else(way in ways()) {
        for talk in talks::all() {
            let bare = Replay::of(&talk.frames(&Way::default())).events;
            for (upgrade, preamble) in PREAMBLES {
                let events = Replay::of(&behind(preamble, &talk).frames(&way)).events;
                let name = format!("{} behind {}", talk.name, upgrade.as_str());
                for event in &events {
                    prop_assert_eq!(event.upgrade, Some(upgrade), "{}", &name);
                    let proxied = event.proxied.as_ref().map(|proxied| (proxied.source.port(), proxied.destination.port()));
                    prop_assert_eq!(proxied, (upgrade == Upgrade::Haproxy).then_some((56_324, 443)), "{}", &name);
                }
                prop_assert_eq!(said(&events), said(&bare), "{}", &name);
            }
        }
    }
}

#[test]
fn captures_tell_what_was_upgraded_when_they_were_made() {
    let notes = std::fs::read_to_string(testdata("captures/notes.jsonl")).expect("notes");
    let mut seen = 0;
    for note in notes.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON")) {
        let name = note["file"].as_str().expect("a name");
        let Some(made) = note["known"]["upgrade"].as_str() else { continue };
        let expected = match made {
            "smtp" | "lmtp" => Upgrade::Smtp,
            "imap" => Upgrade::Imap,
            "pop3" => Upgrade::Pop3,
            "ftp" => Upgrade::Ftp,
            "xmpp" => Upgrade::Xmpp,
            "irc" => Upgrade::Irc,
            "nntp" => Upgrade::Nntp,
            "sieve" => Upgrade::Sieve,
            "ldap" => Upgrade::Ldap,
            "mysql" => Upgrade::Mysql,
            "postgres" | "postgres after GSSENCRequest" => Upgrade::Postgresql,
            "tds" => Upgrade::Tds,
            "rdp" => Upgrade::Rdp,
            "connect" => Upgrade::HttpConnect,
            "http" => Upgrade::HttpUpgrade,
            "socks4" => Upgrade::Socks4,
            "socks5" => Upgrade::Socks5,
            "PROXY 1" | "PROXY 2" => Upgrade::Haproxy,
            other => panic!("{name}: {other}"),
        };
        let event = Replay::of_file(&testdata("captures").join(name)).only();
        assert_eq!(event.upgrade, Some(expected), "{name}");
        // haproxy listened there, and its client was on the same host.
        let proxied = event.proxied.map(|proxied| (proxied.source.ip().is_loopback(), proxied.destination.port()));
        assert_eq!(proxied, (expected == Upgrade::Haproxy).then_some((true, 4_443)), "{name}");
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn the_time_is_that_of_the_hellos_first_byte() {
    let hello = client_named("curl-openssl-3").hello(Ask::new(3, "www.example.org")).record();
    let answer = [tls::record(22, ServerHello::new(8, 0xc02f).message()), tls::alert(40)].concat();
    // The hello's first bytes come in the packet that ends the dialogue, and the rest a second later.
    for (with_command, later) in [(0, 0), (1, 1_000_000_000), (5, 1_000_000_000), (40, 1_000_000_000)] {
        let (first, rest) = hello.split_at(with_command);
        let script = tcp(C, S)
            .open()
            .server(b"220 mail.example.org\r\n")
            .wait(7_000_000_000)
            .client([b"EHLO a.example.org\r\nSTARTTLS\r\n", first].concat());
        let sent = script.clone().frames().last().expect("a frame").ts;
        let frames = script
            .wait(later)
            .client(rest)
            .server([b"250 STARTTLS\r\n220 go\r\n", &answer[..]].concat())
            .fin()
            .frames();
        let event = Replay::of(&frames).only();
        assert_eq!(event.upgrade, Some(Upgrade::Smtp));
        let begun = if with_command == 0 {
            frames.iter().map(|frame| frame.ts).find(|ts| *ts > sent).expect("the hello's frame")
        } else {
            sent
        };
        assert_eq!(event.timestamp.0, begun as i64, "{with_command}");
    }
}

#[test]
fn a_flow_whose_opening_is_missed_is_read_from_a_telling_line() {
    let talk = Talk::named("TLS 1.3");
    let (_, preamble) = PREAMBLES[0];
    for from in 0..preamble.len() - 1 {
        let frames = behind(preamble, &talk).frames(&Way::default());
        let event = Replay::of(&frames[3 + from..]).only();
        assert_eq!(event.upgrade, Some(Upgrade::Smtp), "from {from}");
        assert!(event.handshake.established, "from {from}");
    }
}

#[test]
fn a_dialogue_that_never_goes_over_to_tls_gives_nothing() {
    let noise = [22, 3, 1, 0, 90, 99, 0, 0, 86, 3, 3, 1, 2, 3];
    let talks: [(&[u8], &[u8]); 5] = [
        (b"EHLO a\r\nMAIL FROM:<a@b>\r\n", b"220 b\r\n250 ok\r\n250 ok\r\n"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        (b"SSH-2.0-a\r\n", b"SSH-2.0-b\r\n"),
        (
            b"\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50GET / HTTP/1.1\r\n\r\n",
            b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0",
        ),
        // Where no line ends.
        (b"EHLO a", &noise),
    ];
    for (client, server) in talks {
        let frames = tcp(C, S).open().client([client, &noise].concat()).server(server).fin().frames();
        let replay = Replay::of(&frames);
        assert!(replay.events.is_empty(), "{:?}: {}", String::from_utf8_lossy(client), replay.lines());
    }
}

fn behind(preamble: Preamble, talk: &Talk) -> Talk {
    let turn = |(from, bytes): &(Who, &[u8])| Turn { from: *from, records: vec![Record::Fixed(bytes.to_vec())] };
    let turns = preamble.iter().map(turn).chain(talk.turns.iter().cloned()).collect();
    Talk { turns, ..talk.clone() }
}

/// The events as printed, without what a preamble adds.
fn said(events: &[Event]) -> Vec<String> {
    let bare: Vec<Event> = events
        .iter()
        .cloned()
        .map(|mut event| {
            (event.upgrade, event.proxied) = (None, None);
            #[cfg(feature = "ja4plus")]
            {
                event.tcp = Default::default();
            }
            event
        })
        .collect();
    lines(&bare).lines().map(str::to_owned).collect()
}

/// Any way in which a network may carry a connection.
fn ways() -> impl Strategy<Value = Way> {
    let sizes = (prop_oneof![1usize..=8, 1usize..=1460], prop::option::of(prop_oneof![3usize..=8, 1usize..=4_000]));
    let disturbance =
        (prop_oneof![Just(1usize), 2usize..=6], prop_oneof![Just(0.0), Just(30.0)], prop_oneof![Just(0.0), Just(30.0)]);
    let closing = prop_oneof![Just(Closing::Fin), Just(Closing::Open)];
    (any::<u64>(), sizes, disturbance, any::<(u32, u32)>(), closing).prop_map(
        |(seed, (segment, record), (window, duplicated, overlapped), isn, closing)| Way {
            seed,
            // Tiny segments of everything would only take long.
            segment: if record.is_some_and(|longest| longest < 8) { segment.max(40) } else { segment.max(4) },
            record,
            window,
            duplicated,
            overlapped,
            isn,
            closing,
            ..Way::default()
        },
    )
}
