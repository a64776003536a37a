//! JA3, JA3S and JA4 against `testdata/vectors`: each row's hello is written out as bytes, read by `tls`, and
//! fingerprinted. The expected values come from outside. The resumption-stable key and `ja3n` are tlsight's own, so
//! their definitions are held against JA4 and JA3 of other hellos instead.

mod packets;

use std::path::Path;

use packets::tls::{list16, sslv2_hello};
use packets::{ClientHello, Rng, ServerHello};
use serde_json::Value;
use tlsight::fingerprint::ja4::Forms;
use tlsight::fingerprint::{Ja3, Ja3s, Transport};
use tlsight::tls::{self, Caps, Message, Session};
use tlsight::wire::Direction;

#[test]
fn ja3_has_the_values_of_its_sources() {
    let rows = each("ja3.json", |input, expect| {
        let body = body_of(&hello(input));
        let full = Ja3::full(&read(&body));
        agree(&expect["ja3_full"], &full);
        agree(&expect["ja3"], &Ja3::of_text(&full).to_string());
    });
    assert!(rows > 50);
}

#[test]
fn ja3s_has_the_values_of_its_sources() {
    let rows = each("ja3s.json", |input, expect| {
        let mut hello = ServerHello::new(1, number(&input["cipher"]));
        hello.legacy_version = number(&input["legacy_version"]);
        for kind in numbers(&input["extensions"]) {
            hello = hello.extension(kind, []);
        }
        let mut body = hello.message().split_off(4);
        if (0x7f00..=0x7f15).contains(&hello.legacy_version) {
            // Before draft 22 of TLS 1.3 a ServerHello had neither session id nor compression method.
            body.remove(2 + 32 + 1 + 2);
            body.remove(2 + 32);
        }
        let full = Ja3s::full(&tls::ServerHello::read(&body));
        agree(&expect["ja3s_full"], &full);
        agree(&expect["ja3s"], &Ja3s::of_text(&full).to_string());
    });
    assert!(rows > 50);
}

#[test]
fn ja4_has_the_values_of_its_sources() {
    let rows = each("ja4.json", |input, expect| {
        let check = |hello: &tls::ClientHello<'_>| {
            assert!(hello.is_complete());
            let forms = Forms::of(hello, transport(input));
            agree(&expect["ja4"], forms.ja4.as_str());
            agree(&expect["ja4_r"], &forms.ja4_r);
            agree(&expect["ja4_o"], forms.ja4_o.as_str());
            agree(&expect["ja4_ro"], &forms.ja4_ro);
        };
        match input["format"].as_str() {
            Some("sslv2") => with_sslv2(input, check),
            _ => check(&read(&body_of(&hello(input)))),
        }
    });
    assert!(rows > 100);
}

#[test]
fn the_two_alpn_characters_have_the_values_of_their_sources() {
    let rows = each("alpn.json", |input, expect| {
        let mut hello = ClientHello::new(1);
        if let Some(name) = input["alpn_hex"].as_str() {
            hello = hello.extension(0x0010, alpn_list(&[bytes(name)]));
        }
        let body = body_of(&hello);
        let ja4 = Forms::of(&read(&body), Transport::Tcp).ja4;
        agree(&expect["code"], &ja4.as_str()[8..10]);
    });
    assert!(rows > 20);
}

/// The hashed texts that are lists of a hello are its extensions and algorithms in wire order: `ja4_o` hashes those.
#[test]
fn the_truncated_hash_has_the_values_of_its_sources() {
    let mut of_hellos = 0;
    each("hash12.json", |input, expect| {
        let (extensions, algorithms) = text(&input["text"]).split_once('_').unwrap_or((text(&input["text"]), ""));
        if extensions.split(',').any(|entry| !matches!(entry.len(), 0 | 4)) {
            return check_oids(extensions, &expect["hash"]);
        }
        of_hellos += 1;
        let mut hello = ClientHello::new(1);
        for kind in extensions.split(',').filter(|entry| !entry.is_empty()).map(hex16) {
            let list: Vec<u16> = algorithms.split(',').filter(|entry| !entry.is_empty()).map(hex16).collect();
            hello = hello.extension(kind, if kind == 0x000d { list16(&list) } else { Vec::new() });
        }
        let body = body_of(&hello);
        let ja4_o = Forms::of(&read(&body), Transport::Tcp).ja4_o;
        agree(&expect["hash"], &ja4_o.as_str()[24..]);
    });
    assert!(of_hellos >= 6);
}

#[test]
fn the_stable_key_is_ja4_without_what_comes_and_goes_with_resumption() {
    each("ja4.json", |input, _| {
        if input["format"].is_string() {
            return;
        }
        let whole = hello(input);
        let mut lasting = whole.clone();
        lasting.extensions.retain(|(kind, _)| ![0x0015, 0x0023, 0x0029, 0x002a].contains(kind));
        let mut resumed = lasting.clone();
        for kind in [0x0023, 0x0015, 0x002a, 0x0029] {
            resumed = resumed.empty(kind);
        }
        let [whole, lasting, resumed] = [whole, lasting, resumed].map(|hello| {
            let body = body_of(&hello);
            Forms::of(&read(&body), transport(input))
        });
        assert_eq!(whole.stable.0, lasting.ja4);
        assert_eq!(lasting.stable.0, lasting.ja4);
        assert_eq!(resumed.stable.0, lasting.ja4);
    });
}

#[test]
fn ja3n_is_ja3_of_the_hello_with_its_extensions_sorted() {
    each("ja3.json", |input, _| {
        let sent = hello(input);
        let mut sorted = sent.clone();
        sorted.extensions.sort_by_key(|(kind, _)| *kind);
        let [sent, sorted] = [&sent, &sorted].map(body_of);
        assert_eq!(Ja3::normalised(&read(&sent)), Ja3::of_text(&Ja3::full(&read(&sorted))));
        assert_eq!(Ja3::normalised(&read(&sent)), Ja3::normalised(&read(&sorted)));
    });
}

#[test]
fn grease_changes_no_fingerprint_and_has_sixteen_values() {
    let row = |values: &[u16]| {
        let mut hello =
            ClientHello::new(1).ciphers(&[values, &[0x1301]].concat()).groups(&[values, &[0x001d]].concat());
        hello = hello.signature_algorithms(&[values, &[0x0403]].concat()).versions(&[values, &[0x0304]].concat());
        for &kind in values {
            hello = hello.empty(kind);
        }
        let body = body_of(&hello);
        let read = read(&body);
        (Ja3::full(&read), Forms::of(&read, Transport::Tcp))
    };
    let without = row(&[]);
    let grease: Vec<u16> = (0..=u16::MAX).filter(|&value| row(&[value]) == without).collect();
    let expected: Vec<u16> = (0..16).map(|nibble| nibble << 12 | 0x0a00 | nibble << 4 | 0x0a).collect();
    assert_eq!(grease, expected);
}

/// An object of `ja3.json` or `ja4.json` as a hello. What stands twice has its content in the first place.
fn hello(input: &Value) -> ClientHello {
    let mut hello = ClientHello::new(1).legacy_version(number(&input["legacy_version"]));
    hello = hello.ciphers(&numbers(&input["ciphers"]));
    let mut written = Vec::new();
    for kind in numbers(&input["extensions"]) {
        let first = !written.contains(&kind);
        written.push(kind);
        let body = match kind {
            0x0000 if input["sni_empty"] != true => {
                hello = hello.sni("www.example.org");
                continue;
            }
            0x000a if first => list16(&numbers(&input["groups"])),
            0x000b if first => {
                vec8(items(&input["point_formats"]).map(|format| format.as_u64().unwrap() as u8).collect())
            }
            0x000d if first => list16(&numbers(&input["signature_algorithms"])),
            0x0010 if first => alpn_list(&items(&input["alpn_hex"]).map(|name| bytes(text(name))).collect::<Vec<_>>()),
            0x002b if first => vec8(numbers(&input["versions"]).into_iter().flat_map(u16::to_be_bytes).collect()),
            _ => Vec::new(),
        };
        hello = hello.extension(kind, body);
    }
    for (key, kind) in
        [("groups", 10), ("point_formats", 11), ("signature_algorithms", 13), ("alpn_hex", 16), ("versions", 43)]
    {
        assert!(written.contains(&kind) || items(&input[key]).next().is_none(), "{key} without its extension");
    }
    hello
}

/// A version 2 hello can be read by a session alone.
fn with_sslv2(input: &Value, check: impl Fn(&tls::ClientHello<'_>)) {
    let specs: Vec<u32> = items(&input["sslv2_ciphers"])
        .map(|spec| u32::from_str_radix(text(spec).trim_start_matches("0x"), 16).unwrap())
        .collect();
    let record = sslv2_hello(number(&input["legacy_version"]), &specs, &mut Rng::new(1));
    let mut session = Session::new(Caps { client_hello: 1 << 14, other: 1 << 16 });
    let mut seen = 0;
    session.push(Direction::Forward, &record, &mut |_, message| match message {
        Message::Sslv2ClientHello(hello) => {
            seen += 1;
            check(&hello);
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(seen, 1);
}

#[cfg(feature = "ja4plus")]
fn check_oids(list: &str, expected: &Value) {
    use tlsight::fingerprint::ja4plus::{Ja4x, OidLists};
    let oids: Vec<Vec<u8>> = list.split(',').map(bytes).collect();
    let oids: Vec<&[u8]> = oids.iter().map(Vec::as_slice).collect();
    let value = Ja4x::of(&OidLists { issuer: &oids, ..OidLists::default() }).to_string();
    agree(expected, &value[..12]);
}

/// A list of OIDs is hashed by JA4X alone.
#[cfg(not(feature = "ja4plus"))]
fn check_oids(_: &str, _: &Value) {}

fn body_of(hello: &ClientHello) -> Vec<u8> {
    hello.message().split_off(4)
}

fn read(body: &[u8]) -> tls::ClientHello<'_> {
    tls::ClientHello::read(body)
}

fn transport(input: &Value) -> Transport {
    match input["transport"].as_str() {
        Some("quic") => Transport::Quic,
        Some("dtls") => Transport::Dtls,
        Some("tcp") | None => Transport::Tcp,
        Some(other) => panic!("no transport is called {other}"),
    }
}

fn vec8(content: Vec<u8>) -> Vec<u8> {
    [vec![content.len() as u8], content].concat()
}

fn alpn_list(names: &[Vec<u8>]) -> Vec<u8> {
    let list: Vec<u8> = names.iter().flat_map(|name| vec8(name.clone())).collect();
    [(list.len() as u16).to_be_bytes().to_vec(), list].concat()
}

/// Calls `check` with each row's `input` and `expect`, and gives the number of rows.
fn each(file: &str, mut check: impl FnMut(&Value, &Value)) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/vectors").join(file);
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let rows = file["vectors"].as_array().unwrap();
    for row in rows {
        println!("{} ({})", row["name"], row["source"]);
        check(&row["input"], &row["expect"]);
    }
    rows.len()
}

/// An absent expectation is none.
fn agree(expected: &Value, actual: &str) {
    if let Some(expected) = expected.as_str() {
        assert_eq!(actual, expected);
    }
}

/// An absent list is empty.
fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn numbers(list: &Value) -> Vec<u16> {
    items(list).map(number).collect()
}

fn number(value: &Value) -> u16 {
    hex16(text(value).trim_start_matches("0x"))
}

fn hex16(digits: &str) -> u16 {
    u16::from_str_radix(digits, 16).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
