//! Every capture of `testdata/captures` against what other programs read in it (`testdata/captures/expected`): the
//! values that tlsight has no part in. What is absent there says nothing; under `disputed` any of the values will do.

mod packets;
mod replay;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use replay::{Replay, captures, file_name, testdata};
use serde_json::Value;

#[test]
fn captures_say_what_other_programs_read_in_them() {
    let mut wrong = String::new();
    let mut exceptions: BTreeMap<(&str, &str), bool> =
        EXCEPTIONS.iter().map(|&(file, what, _)| ((file, what), false)).collect();
    let mut excepted = |file: &str, what: &str| {
        exceptions.iter_mut().any(|(&of, used)| {
            let matches = of == (file, what);
            *used |= matches;
            matches
        })
    };
    let (mut handshakes, mut values) = (0, 0);
    for path in captures() {
        let name = file_name(&path);
        let Ok(expected) = fs::read_to_string(testdata("captures/expected").join(format!("{name}.jsonl"))) else {
            continue;
        };
        let expected: Vec<Value> = expected.lines().map(json).collect();
        let printed = Replay::of_file(&path).lines();
        let mut sessions: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
        for session in printed.lines().map(json) {
            sessions.entry((end(&session["source"]), end(&session["destination"]))).or_default().push(session);
        }
        for handshake in &expected {
            handshakes += 1;
            let ends = (text(&handshake["src"]).to_owned(), text(&handshake["dst"]).to_owned());
            match sessions.get_mut(&ends).filter(|left| !left.is_empty()).map(|left| left.remove(0)) {
                Some(session) => {
                    for (field, expected, actual) in differences(handshake, &session, &mut values) {
                        if excepted(name, &field) {
                            continue;
                        }
                        let _ = writeln!(wrong, "{name} {} {}: {field}\n  - {expected}\n  + {actual}", ends.0, ends.1);
                    }
                }
                None if excepted(name, "no event") => {}
                None => _ = writeln!(wrong, "{name} {} {}: no event", ends.0, ends.1),
            }
        }
        // Beyond those, only what could not be read to its end.
        for session in sessions.values().flatten() {
            let whole = !session["tls"]["client"]["ja4"].is_null() || !session["tls"]["server"]["ja3s"].is_null();
            if whole {
                let _ = writeln!(wrong, "{name}: an event too many\n  + {session}");
            }
        }
    }
    println!("{values} values of {handshakes} handshakes agree");
    for ((file, what), _) in exceptions.iter().filter(|(_, used)| !**used) {
        let _ = writeln!(wrong, "{file}: {what}: is an exception no more");
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(handshakes > 200 && values > 2_000);
}

/// A field, what was expected, what was read instead.
fn differences(expected: &Value, session: &Value, values: &mut usize) -> Vec<(String, String, String)> {
    let mut out = Vec::new();
    let mut check = |field: &str, wanted: &Value, disputed: &Value, actual: Value| {
        if wanted.is_null() && disputed.is_null() {
            return;
        }
        *values += 1;
        let accepted = disputed["values"].as_array().is_some_and(|accepted| accepted.contains(&actual));
        if actual != *wanted && !accepted {
            out.push((field.to_owned(), wanted.to_string(), actual.to_string()));
        }
    };
    for (field, path) in FIELDS {
        check(field, &expected[field], &expected["disputed"][field], at(session, path).clone());
    }
    for (field, side) in [("certs", "server"), ("client_certs", "client")] {
        let Some(wanted) = expected[field].as_array() else { continue };
        let chain = session["tlsight"][side]["chain"].as_array().map(Vec::as_slice).unwrap_or_default();
        check(&format!("number of {field}"), &wanted.len().into(), &Value::Null, chain.len().into());
        for (index, (wanted, actual)) in wanted.iter().zip(chain).enumerate() {
            for key in CERTIFICATE_FIELDS {
                let disputed = &expected["disputed"][format!("{field}[{index}].{key}")];
                check(&format!("{field}[{index}].{key}"), &wanted[key], disputed, actual[key].clone());
            }
            let serial = |value: &Value| value.as_str().map_or(Value::Null, |serial| number_text(serial).into());
            check(
                &format!("{field}[{index}].serial"),
                &serial(&wanted["serial"]),
                &Value::Null,
                serial(&actual["serial"]),
            );
            #[cfg(feature = "ja4plus")]
            {
                let disputed = serde_json::json!({ "values": wanted["ja4x_disputed"] });
                check(&format!("{field}[{index}].ja4x"), &wanted["ja4x"], &disputed, actual["ja4x"].clone());
            }
        }
    }
    out
}

/// Field of the expected values, and where the public schema has it.
const FIELDS: &[(&str, &str)] = &[
    ("proto", "network.protocol"),
    ("sni", "tls.client.server_name"),
    ("alpn_offered", "tlsight.client.hello.alpn"),
    ("alpn", "tls.next_protocol"),
    ("ja3", "tls.client.ja3"),
    ("ja3_full", "tlsight.client.ja3_full"),
    ("ja4", "tls.client.ja4"),
    ("ja4_r", "tlsight.client.ja4_r"),
    ("ja3s", "tls.server.ja3s"),
    ("ja3s_full", "tlsight.server.ja3s_full"),
    ("version", "tlsight.server.hello.version"),
    ("cipher", "tlsight.server.hello.cipher"),
    ("hrr", "tlsight.handshake.hello_retry"),
    #[cfg(feature = "ja4plus")]
    ("ja4s", "tls.server.ja4s"),
    #[cfg(feature = "ja4plus")]
    ("ja4s_r", "tlsight.server.ja4s_r"),
];

const CERTIFICATE_FIELDS: [&str; 6] = ["sha1", "sha256", "subject", "issuer", "not_before", "not_after"];

/// Where tlsight says something else, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("hello_in_small_records.pcap", "ja4", ACROSS_RECORDS),
    ("hello_in_small_records.pcap", "ja4_r", ACROSS_RECORDS),
    ("hello_in_tiny_records.pcap", "ja4", ACROSS_RECORDS),
    ("hello_in_tiny_records.pcap", "ja4_r", ACROSS_RECORDS),
    ("openssl_small_client_records.pcap", "ja4", ACROSS_RECORDS),
    ("openssl_small_client_records.pcap", "ja4_r", ACROSS_RECORDS),
    ("openssl_alpn_not_alphanumeric.pcap", "ja4", ALPN_IN_HEX),
    ("openssl_alpn_not_alphanumeric.pcap", "ja4_r", ALPN_IN_HEX),
    ("openssl_hello_retry_cookie.pcap", "ja3s", RETRY_ALONE),
    ("openssl_hello_retry_cookie.pcap", "ja3s_full", RETRY_ALONE),
    ("openssl_hello_retry_cookie.pcap", "version", RETRY_ALONE),
    ("openssl_hello_retry_cookie.pcap", "cipher", RETRY_ALONE),
    #[cfg(feature = "ja4plus")]
    ("openssl_hello_retry_cookie.pcap", "ja4s", RETRY_ALONE),
    #[cfg(feature = "ja4plus")]
    ("openssl_hello_retry_cookie.pcap", "ja4s_r", RETRY_ALONE),
    ("old_ssl30_renegotiation_null.pcap", "no event", COMPRESSED),
    ("old_tls12_renegotiation_null.pcap", "no event", COMPRESSED),
    ("chain_forty_levels.pcap", "number of certs", KEPT),
    #[cfg(feature = "ja4plus")]
    ("chain_malformed_extension.pcap", "certs[0].ja4x", REFUSED),
];

const ACROSS_RECORDS: &str = "ja4plus 1.4.0 reads record headers as part of a hello that lies in several records";
const ALPN_IN_HEX: &str = "ja4plus 1.4.0 prints first and last byte where JA4.md asks for digits of their hex form";
const RETRY_ALONE: &str = "the server sent a HelloRetryRequest and no ServerHello: what it says is no outcome";
const COMPRESSED: &str = "a second hello inside a DEFLATE-compressed session (RFC 3749), which is not unpacked";
#[cfg(feature = "ja4plus")]
const REFUSED: &str =
    "the other parser refuses a certificate for what stands inside an extension; JA4X asks for its OID alone";
const KEPT: &str = "of a chain of 41 certificates 32 are kept, and the session says that the rest was left out";

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, key| &value[key])
}

/// A number in hex, however it is padded.
fn number_text(serial: &str) -> String {
    serial.trim_start_matches("0x").trim_start_matches('0').to_ascii_lowercase()
}

fn end(end: &Value) -> String {
    let ip = text(&end["ip"]);
    if ip.contains(':') { format!("[{ip}]:{}", end["port"]) } else { format!("{ip}:{}", end["port"]) }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).expect("a line of JSON")
}
