//! The public schema as it is printed: golden lines, and what holds for every line.

use serde_json::Value;
use tlsight::sink::record::Printer;

mod samples;

#[cfg(not(feature = "ja4plus"))]
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/golden/record.jsonl");
#[cfg(feature = "ja4plus")]
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/golden/record_ja4plus.jsonl");

#[test]
fn lines_are_as_in_the_golden_file() {
    let lines = print(&mut Printer::default());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(GOLDEN, &lines).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(GOLDEN).expect("the golden file; UPDATE=1 writes it");
    for (line, golden) in lines.lines().zip(golden.lines()) {
        assert_eq!(pretty(line), pretty(golden));
        assert_eq!(line, golden);
    }
    assert_eq!(lines.lines().count(), golden.lines().count());
}

#[test]
fn a_warm_printer_prints_what_a_fresh_one_prints() {
    let mut printer = Printer::default();
    let first = print(&mut printer);
    assert_eq!(print(&mut printer), first);
}

#[test]
fn shapes_in_numbers_over_the_bound_are_printed_alike() {
    let mut printer = Printer::default();
    let mut expected = None;
    for _ in 0..10_000 {
        // Fresh `Arc`s each time, often at addresses that were used before.
        let mut out = Vec::new();
        printer.event(&samples::tls12(), &mut out);
        assert_eq!(*expected.get_or_insert_with(|| out.clone()), out);
    }
}

#[test]
fn no_value_is_null_or_empty() {
    for line in print(&mut Printer::default()).lines() {
        visit(&serde_json::from_str(line).expect("JSON"), &mut |value| match value {
            Value::Null => panic!("null in {line}"),
            Value::String(text) => assert!(!text.is_empty(), "empty text in {line}"),
            Value::Array(items) => assert!(!items.is_empty(), "empty list in {line}"),
            Value::Object(members) => assert!(!members.is_empty(), "empty object in {line}"),
            Value::Bool(_) | Value::Number(_) => {}
        });
    }
}

#[test]
fn no_object_has_a_key_twice() {
    for line in print(&mut Printer::default()).lines() {
        let value: Value = serde_json::from_str(line).expect("JSON");
        // serde_json keeps one of two members with the same key, and then the text gets shorter. It escapes less, too.
        let line = line.replace("\\u007f", "\u{7f}").replace("\\u2028", "\u{2028}");
        assert_eq!(serde_json::to_string(&value).expect("JSON").len(), line.len());
    }
}

#[test]
fn text_of_a_peer_survives() {
    let mut out = Vec::new();
    Printer::default().event(&samples::odd(), &mut out);
    let value: Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(value["tls"]["server"]["subject"], "CN=\"\u{1}\u{7f}é\u{2028}🦀\\");
    assert_eq!(value["tls"]["next_protocol"], r#"a"\\x00\xff"#);
    assert_eq!(value["tls"]["cipher"], "0xfaca");
    assert_eq!(value["tls"]["server"]["not_before"], Value::Null, "a date that cannot be written is absent");
    assert_eq!(value["tls"]["server"]["not_after"], "9999-12-31T23:59:59Z");
    assert_eq!(value["tlsight"]["server"]["chain"][1]["malformed"], true);
    assert_eq!(value["tls"]["client"]["subject"], Value::Null, "a malformed leaf has hashes only");
    assert_eq!(value["tlsight"]["server"]["chain"][1]["subject"], Value::Null);
}

fn print(printer: &mut Printer) -> String {
    let mut out = Vec::new();
    for event in samples::all() {
        printer.event(&event, &mut out);
    }
    printer.alert(&samples::alert(), &mut out);
    printer.stats(&samples::stats(), &mut out);
    String::from_utf8(out).expect("UTF-8")
}

fn pretty(line: &str) -> String {
    let value: Value = serde_json::from_str(line).expect("JSON");
    serde_json::to_string_pretty(&value).expect("JSON")
}

fn visit(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, look)),
        Value::Object(members) => members.values().for_each(|member| visit(member, look)),
        _ => {}
    }
}
