//! The records of certificates against what the Python package `cryptography` reads in the same bytes
//! (`testdata/chains/facts.jsonl`, made by `testdata/make/certificate_facts.py`), and what a record is made of.

mod packets;
mod replay;

use std::collections::BTreeMap;
use std::fs;

use replay::{Replay, captures, testdata};
use serde_json::Value;
use tlsight::capture::Timestamp;
use tlsight::event::Side;
use tlsight::sink::record::{Printer, Sighting};
use tlsight::x509::Certificate;
use tlsight::x509::flaws::Place;

#[test]
fn records_say_what_another_parser_reads() {
    let mut records: BTreeMap<String, Value> = BTreeMap::new();
    for path in captures() {
        for event in Replay::of_file(&path).events {
            for certificate in event.server_chain.iter().chain(&event.client_chain) {
                let record = record(certificate, event.timestamp, Place::Leaf);
                records.insert(record["sha256"].as_str().expect("a hash").to_owned(), record);
            }
        }
    }
    let facts = fs::read_to_string(testdata("chains/facts.jsonl")).expect("facts");
    let (mut certificates, mut values, mut wrong) = (0, 0, Vec::new());
    for line in facts.lines() {
        let Value::Object(known) = serde_json::from_str(line).expect("a line of JSON") else { panic!("{line}") };
        let record = &records[known["sha256"].as_str().expect("a hash")];
        certificates += 1;
        for (field, expected) in
            known.iter().filter(|(field, _)| !["file", "sha256", "source"].contains(&field.as_str()))
        {
            values += 1;
            let actual = field.split('.').fold(record, |value, part| &value[part]);
            if actual != expected {
                wrong.push(format!("{} {field}: {expected}, here {actual}", known["file"]));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(certificates > 300 && values > 9_000);
}

#[test]
fn days_left_are_those_of_the_session() {
    let certificate = &Replay::of_file(&testdata("captures/chain_expired.pcap")).only().server_chain[0];
    // Valid in 2015 alone, by the scenario.
    for (second, left) in [(1_451_606_399, 0), (1_451_606_400, 0), (1_451_606_401, -1), (1_451_520_000, 1)] {
        let record = record(certificate, Timestamp(second * 1_000_000_000), Place::Leaf);
        assert_eq!(record["days_left"], left, "{second}");
        assert_eq!(record["lifetime_days"], 365);
    }
}

#[test]
fn a_record_tells_a_thousand_names_and_counts_the_rest() {
    let certificate = &Replay::of_file(&testdata("captures/chain_thousand_names.pcap")).only().server_chain[0];
    let record = record(certificate, Timestamp(0), Place::Leaf);
    assert_eq!(record["names"]["dns"].as_array().map(Vec::len), Some(1_000));
    assert_eq!((&record["names"]["count"], &record["left_out"]), (&1_200.into(), &200.into()));
}

#[test]
fn what_is_no_certificate_has_a_record_of_its_hashes() {
    let record = record(&Certificate::from_der(b"no certificate"), Timestamp(0), Place::Above);
    let members: Vec<&str> = record.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["der", "flaws", "leaf", "malformed", "md5", "session", "sha1", "sha256", "shown_by"]);
    assert_eq!(record["flaws"], serde_json::json!(["malformed"]));
}

fn record(certificate: &Certificate, at: Timestamp, place: Place) -> Value {
    let mut line = Vec::new();
    let sighting = Sighting { certificate, at, session: &[7; 16], side: Side::Server, place };
    Printer::default().certificate(&sighting, &mut line);
    let mut value: Value = serde_json::from_slice(&line).expect("a line of JSON");
    assert_eq!(value["event"]["dataset"], "tlsight.certificate");
    value["tlsight"]["certificate"].take()
}
