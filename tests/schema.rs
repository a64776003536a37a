//! What is printed of a session and what rules may name are one schema: the same names, and the same values.
//!
//! Members of `testdata/golden` and of made-up events against [`Field`], both ways; what stands in one of them alone is
//! listed here.

mod packets;
mod replay;
mod samples;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;

use replay::{Replay, captures, testdata};
use serde_json::Value;
use tlsight::detect::field::Field;
use tlsight::detect::{Kind, Moment};
use tlsight::event::{Event, Resumption};
use tlsight::sink::record::Printer;

#[test]
fn every_printed_member_is_a_field_that_rules_may_name() {
    let made_up = all_that_can_be_said();
    let printed = golden_lines().into_iter().chain(made_up.iter().map(print));
    let names: BTreeSet<String> = printed.flat_map(|line| members(&line).into_keys()).collect();
    let unknown: Vec<&String> =
        names.iter().filter(|name| !is_printed_alone(name) && Field::named(name).is_err()).collect();
    assert_eq!(unknown, Vec::<&String>::new());
}

#[test]
fn every_field_that_rules_may_name_is_printed() {
    let printed: BTreeSet<String> =
        all_that_can_be_said().iter().flat_map(|event| members(&print(event)).into_keys()).collect();
    let missing: Vec<&str> =
        Field::all().map(Field::name).filter(|name| !printed.contains(*name) && !NAMED_ALONE.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn a_field_has_the_values_that_are_printed() {
    let mut wrong = BTreeSet::new();
    for event in all_that_can_be_said().iter().chain(&of_captures()) {
        let printed = members(&print(event));
        // A hello that asks for SSL 2.0 and nothing newer is not printed in its parts.
        let of_ssl2 = event.client_hello.as_ref().is_some_and(|hello| hello.shape.legacy_version == 0x0002);
        for field in Field::all().filter(|field| !NAMED_ALONE.contains(&field.name())) {
            if of_ssl2 && field.name().starts_with("tlsight.client.hello.") {
                continue;
            }
            let mut values = Vec::new();
            let _: ControlFlow<()> = field.visit(event, &mut |value| {
                values.push(value.with_text(str::to_owned));
                ControlFlow::Continue(())
            });
            let mut printed = printed.get(field.name()).cloned().unwrap_or_default();
            if field.kind() == Kind::Time {
                // Printed with all nine digits of a second's fraction.
                printed.iter_mut().for_each(|text| *text = Moment::parse(text).expect("a time").to_string());
            }
            if values != printed {
                wrong.insert(format!("{}: rules see {values:?}, printed is {printed:?}", field.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_lists_of_exceptions_hold_nothing_else() {
    let printed: BTreeSet<String> =
        all_that_can_be_said().iter().flat_map(|event| members(&print(event)).into_keys()).collect();
    for name in PRINTED_ALONE {
        assert!(Field::named(name).is_err(), "{name} is a field");
        assert!(
            printed.iter().any(|printed| printed == name || printed.starts_with(&format!("{name}."))),
            "{name} is not printed"
        );
    }
    for name in NAMED_ALONE {
        assert!(Field::named(name).is_ok() && !printed.contains(*name), "{name}");
    }
}

/// What a rule has no use for, or reaches under another name. A name stands for all below it.
const PRINTED_ALONE: &[&str] = &[
    // The same for every session, or of no other use than to tell when it ended.
    "event.dataset",
    "event.kind",
    "event.category",
    "event.type",
    "event.end",
    "event.duration",
    // Made of addresses, ports and protocol, which have fields.
    "network.community_id",
    // Different in every session.
    "tlsight.client.random",
    "tlsight.server.random",
    // The first hello is the one that is fingerprinted.
    "tlsight.client.second_hello",
];

/// Parts of a printed value.
const NAMED_ALONE: &[&str] = &["tls.client.ja4.a", "tls.client.ja4.b", "tls.client.ja4.c"];

fn is_printed_alone(name: &str) -> bool {
    PRINTED_ALONE
        .iter()
        .any(|known| name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Events that have a value for every member there is.
fn all_that_can_be_said() -> Vec<Event> {
    let mut full = samples::tls13();
    let with_chain = samples::tls12();
    full.vlans = with_chain.vlans;
    full.server_chain.clone_from(&with_chain.server_chain);
    full.client_chain = with_chain.server_chain;
    full.handshake.client_auth_requested = true;
    full.handshake.resumption = Some(Resumption::Psk);
    full.handshake.sslv2 = true;
    full.handshake.hello_verify = true;
    full.upgrade = Some(tlsight::tls::Upgrade::Smtp);
    full.proxied = Some(Box::new(samples::proxied()));
    full.tunnels = samples::tunnels();
    full.client_records.extend([53, 87]);
    full.client_system = Some(tlsight::decode::System::Linux);
    full.browser = Some(Box::new(samples::browser()));
    full.labels = samples::labels();
    full.quic = Some(Box::new(samples::quic()));
    full.security = samples::security();
    if let Some(server) = &mut full.server_hello {
        Arc::make_mut(&mut server.shape).alpn = Some(b"h2".as_slice().into());
    }
    if let Some(client) = &mut full.client_hello {
        let shape = Arc::make_mut(&mut client.shape);
        shape.sslv2_ciphers = [0x01_0080].into();
        shape.psk_modes = [1].into();
        shape.signature_algorithms_cert = [0x0403].into();
        shape.certificate_compression = [2].into();
    }
    let mut sslv2 = samples::sslv2();
    sslv2.handshake.sslv2 = true;
    let mut all = samples::all();
    all.extend([full, sslv2, samples::storied()]);
    all
}

fn of_captures() -> Vec<Event> {
    captures().iter().flat_map(|path| Replay::of_file(path).events).collect()
}

fn golden_lines() -> Vec<Value> {
    let mut lines = Vec::new();
    for folder in ["golden", "golden/ja4plus"] {
        for entry in fs::read_dir(testdata(folder)).expect("testdata/golden") {
            let path = entry.expect("an entry of testdata/golden").path();
            if path.extension().is_some_and(|kind| kind == "ndjson")
                && (folder == "golden" || cfg!(feature = "ja4plus"))
            {
                let text = fs::read_to_string(&path).expect("a golden file");
                let all = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
                // What a certificate says in full is no session's.
                lines.extend(all.filter(|line| line["event"]["dataset"] == "tlsight.tls"));
            }
        }
    }
    assert!(lines.len() > 100);
    lines
}

fn print(event: &Event) -> Value {
    thread_local!(static PRINTER: RefCell<Printer> = RefCell::default());
    let mut out = Vec::new();
    PRINTER.with_borrow_mut(|printer| printer.event(event, &mut out));
    serde_json::from_slice(&out).expect("a line of JSON")
}

/// The values of each dotted name as text; those of the objects in a list stand under one name.
fn members(value: &Value) -> BTreeMap<String, Vec<String>> {
    fn walk(value: &Value, name: &str, out: &mut BTreeMap<String, Vec<String>>) {
        let mut add = |text: String| out.entry(name.to_owned()).or_default().push(text);
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    walk(value, &if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, out);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, name, out)),
            Value::String(text) => add(text.clone()),
            other => add(other.to_string()),
        }
    }
    let mut out = BTreeMap::new();
    walk(value, "", &mut out);
    out
}
