//! However a network carries a handshake over UDP, it gives the same event: QUIC's CRYPTO frames and DTLS' fragments cut
//! anywhere, in any order, twice, overlapping, datagrams out of order, in IP fragments, with any number of threads.

mod exchanges;
mod packets;
mod replay;

use std::sync::LazyLock;

use exchanges::{Exchange, Way};
use packets::{Rng, TimedFrame};
use proptest::prelude::*;
use replay::{Replay, lines};
use tlsight::event::Protocol;

#[test]
fn each_exchange_gives_one_whole_event() {
    for (exchange, expected) in expected() {
        let event = Replay::of(&exchange.frames(&Way::default())).only();
        let client = event.client_hello.as_ref().unwrap_or_else(|| panic!("{exchange:?}: no hello"));
        assert!(client.shape.prints.is_some(), "{exchange:?}: {expected}");
        assert!(event.server_hello.is_some() && event.handshake.established, "{exchange:?}: {expected}");
        assert!(event.anomalies.is_empty(), "{exchange:?}: {:?}", event.anomalies);
        match event.protocol {
            Protocol::Quic => {
                assert_eq!(event.missing.len(), 1, "{exchange:?}: {expected}");
                let quic = event.quic.as_deref().unwrap_or_else(|| panic!("{exchange:?}: nothing of QUIC"));
                assert_eq!(&*quic.client_initial_dcid, [1, 2, 3, 4, 5, 6, 7, 8]);
                assert_eq!(quic.server_scid.as_deref(), Some(&[0x51; 8][..]));
                assert_eq!(quic.parameters.len(), 7);
            }
            Protocol::Dtls => {
                assert!(event.missing.is_empty(), "{exchange:?}: {:?}", event.missing);
                assert_eq!(event.server_chain.len(), 2);
            }
            Protocol::Tls => panic!("{exchange:?} is no TLS over TCP"),
        }
        let second = matches!(exchange, Exchange::QuicHelloRetry | Exchange::Dtls12Cookie);
        assert_eq!(event.second_hello.is_some(), second, "{exchange:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_way_of_the_datagrams_changes_no_event(way in ways()) {
        for (exchange, expected) in expected() {
            let actual = facts(&exchange.frames(&way));
            prop_assert_eq!(&actual, expected, "{:?}", exchange);
        }
    }

    #[test]
    fn a_lost_datagram_gives_no_wrong_fingerprint(way in ways(), lost in any::<prop::sample::Index>()) {
        for (exchange, expected) in expected() {
            let mut frames = exchange.frames(&Way { fragment: None, ..way.clone() });
            frames.remove(lost.index(frames.len()));
            let expected: serde_json::Value = serde_json::from_str(expected).expect("a line of JSON");
            for line in lines(&Replay::of(&frames).events).lines() {
                let actual: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
                for field in ["/tls/client/ja3", "/tls/client/ja4", "/tls/server/ja3s"] {
                    let actual = actual.pointer(field);
                    // What a HelloVerifyRequest answered may be lost: its answer differs by no more than a cookie.
                    prop_assert!(actual.is_none() || actual == expected.pointer(field), "{:?} {}: {}", exchange, field, line);
                }
            }
        }
    }
}

#[test]
fn mutated_datagrams_make_nothing_panic() {
    let exchanges: Vec<Vec<TimedFrame>> = Exchange::ALL.iter().map(|one| one.frames(&Way::default())).collect();
    let mut rng = Rng::new(0xd06);
    for _ in 0..2_000 {
        let mut frames = rng.pick(&exchanges).clone();
        for _ in 0..rng.between(1, 12) {
            let index = rng.below(frames.len() as u64) as usize;
            let bytes = &mut frames[index].bytes;
            let at = 14 + rng.below(bytes.len() as u64 - 14) as usize;
            bytes[at] = if rng.percent(50.0) { rng.next() as u8 } else { bytes[at].wrapping_add(1) };
        }
        lines(&Replay::of(&frames).events);
    }
}

/// What the events say, whatever the network around them was: as printed, without facts of the packets' order.
fn facts(frames: &[TimedFrame]) -> String {
    #[cfg_attr(not(feature = "ja4plus"), allow(unused_mut))]
    let mut events = Replay::of(frames).events;
    #[cfg(feature = "ja4plus")]
    events.iter_mut().for_each(|event| event.tcp = Default::default());
    lines(&events)
}

fn ways() -> impl Strategy<Value = Way> {
    let pieces = (prop_oneof![1usize..=60, 1usize..=1_000], 1usize..=12, any::<bool>());
    let disturbance = (prop_oneof![Just(0.0), Just(30.0)], prop_oneof![Just(0.0), Just(30.0)]);
    let datagrams = (prop_oneof![Just(1usize), 2usize..=4], prop_oneof![Just(0.0), Just(40.0)]);
    (any::<u64>(), pieces, disturbance, datagrams, prop::option::of(200usize..=900)).prop_map(
        |(seed, (piece, together, shuffled), (repeated, overlapped), (window, duplicated), fragment)| Way {
            seed,
            // Initial packets with next to nothing in them would be more than are decrypted for one connection.
            piece: piece.max(600 / together),
            together,
            shuffled,
            repeated,
            overlapped,
            window,
            duplicated,
            fragment,
            ..Way::default()
        },
    )
}

/// Each exchange, and the line it gives when nothing disturbs it.
fn expected() -> &'static [(Exchange, String)] {
    static EXPECTED: LazyLock<Vec<(Exchange, String)>> = LazyLock::new(|| {
        let undisturbed = |exchange: Exchange| facts(&exchange.frames(&Way::default()));
        Exchange::ALL.into_iter().map(|exchange| (exchange, undisturbed(exchange))).collect()
    });
    &EXPECTED
}
