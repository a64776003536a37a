//! JA4+ against `testdata/vectors`: values that come from outside.
#![cfg(feature = "ja4plus")]

use std::path::Path;

use serde_json::Value;
use tlsight::capture::Timestamp;
use tlsight::fingerprint::ja4plus::{Ja4l, Ja4ls, Ja4s, Ja4t, Ja4ts, Ja4x, Leg, OidLists, ServerFacts, ja4s_r};

#[test]
fn ja4s_has_the_values_of_its_sources() {
    each("ja4s.json", |input, expect| {
        let extensions: Vec<u16> = items(&input["extensions"]).map(number).collect();
        let alpn = input["alpn_hex"].as_str().map(bytes);
        let server = ServerFacts {
            protocol: match text(&input["transport"]) {
                "quic" => b'q',
                "dtls" => b'd',
                _ => b't',
            },
            version: number(&input["version"]),
            extensions: &extensions,
            alpn: alpn.as_deref(),
            cipher: number(&input["cipher"]),
        };
        agree(&expect["ja4s"], Ja4s::of(&server).as_str());
        agree(&expect["ja4s_r"], &ja4s_r(&server));
    });
}

#[test]
fn ja4x_has_the_values_of_its_sources() {
    each("ja4x.json", |input, expect| {
        let [issuer, subject, extensions] = ["issuer", "subject", "extensions"]
            .map(|list| items(&input[list]).map(|oid| bytes(text(oid))).collect::<Vec<_>>());
        let [issuer, subject, extensions] =
            [&issuer, &subject, &extensions].map(|list| list.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let lists = OidLists { issuer: &issuer, subject: &subject, extensions: &extensions };
        agree(&expect["ja4x"], &Ja4x::of(&lists).to_string());
        agree(&expect["ja4x_r"], &lists.raw());
    });
}

#[test]
fn ja4t_has_the_values_of_its_sources() {
    each("ja4t.json", |input, expect| {
        let window = input["window"].as_u64().and_then(|window| u16::try_from(window).ok()).unwrap();
        let print = Ja4t::of(window, &bytes(text(&input["options_hex"])));
        agree(&expect["ja4t"], &print.to_string());
        agree(&expect["ja4t"], &Ja4ts(print).to_string());
    });
}

#[test]
fn ja4l_has_the_values_of_its_sources() {
    each("ja4l.json", |input, expect| {
        let time = |key: &str| Timestamp(input[key].as_i64().unwrap());
        let ttl = input["ttl"].as_u64().and_then(|ttl| u8::try_from(ttl).ok()).unwrap();
        let leg = Leg { sent: time("sent_ns"), answered: time("answered_ns"), ttl };
        agree(&expect["ja4l"], &Ja4l::of(leg).unwrap().to_string());
        agree(&expect["ja4l"], &Ja4ls::of(leg).unwrap().to_string());
    });
}

fn each(file: &str, check: impl Fn(&Value, &Value)) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/vectors").join(file);
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for vector in items(&file["vectors"]) {
        println!("{}", vector["name"]);
        check(&vector["input"], &vector["expect"]);
    }
}

/// An absent expectation is none.
fn agree(expected: &Value, actual: &str) {
    if let Some(expected) = expected.as_str() {
        assert_eq!(actual, expected);
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().unwrap().iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u16 {
    u16::from_str_radix(text(value).trim_start_matches("0x"), 16).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
