//! The story of a handshake (`tlsight.handshake`): what was offered, taken, changed and refused.
//!
//! Captures against what was known before they were made (`testdata/captures/notes.jsonl`) and against what tshark reads
//! in them (`testdata/vectors/story.jsonl`); and made-up handshakes that no program of today will have.

mod packets;
mod replay;

use std::collections::BTreeMap;
use std::fs;

use packets::tls::{alert, ccs, encrypted, finished13, record};
use packets::{C, ClientHello, Rng, S, ServerHello, tcp};
use replay::{Replay, testdata};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tlsight::event::{Alert, Anomaly, ClientCertificate, EarlyData, Ech, Event, Failure, MAX_ALERTS, Resumption, Side};
use tlsight::wire::registry;

#[test]
fn captures_tell_what_was_known_beforehand() {
    let mut checked: BTreeMap<&str, usize> = BTreeMap::new();
    for note in lines("captures/notes.jsonl") {
        let (file, known) = (note["file"].as_str().expect("a name"), &note["known"]);
        if KNOWN.iter().all(|name| known[*name].is_null()) {
            continue;
        }
        let events = Replay::of_file(&testdata("captures").join(file)).events;
        let last = events.last().unwrap_or_else(|| panic!("{file}: no event"));
        for name in KNOWN.iter().filter(|name| !known[**name].is_null()) {
            assert_eq!(told(name, &known[*name], last, &events), known[*name], "{file}: {name}");
            *checked.entry(name).or_default() += 1;
        }
    }
    println!("{checked:?}");
    assert_eq!(checked.len(), KNOWN.len());
}

/// What notes may say that is told of here.
const KNOWN: &[&str] = &[
    "alert",
    "alerts",
    "client_auth",
    "dh_bits",
    "dh_group",
    "dh_reused",
    "early_data",
    "ech",
    "ech_seen",
    "extended_master_secret",
    "group",
    "hrr",
    "ocsp_stapled",
    "renegotiation_info",
    "resumed",
    "sct_count",
];

/// What the events of a capture say, in the notes' words. What cannot be seen is no contradiction.
fn told(name: &str, known: &Value, last: &Event, all: &[Event]) -> Value {
    let handshake = &last.handshake;
    let dh = handshake.key_exchange.as_ref().and_then(|exchange| exchange.dh);
    let is_tls13 = last.version().and_then(|version| version.number()) == Some("1.3");
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    match name {
        "alert" => words(&handshake.alerts).into_iter().next().map_or(Value::Null, Value::from),
        "alerts" => words(&handshake.alerts).into(),
        "client_auth" if is_tls13 => {
            assert_eq!((last.client_auth_requested(), handshake.client_certificate), (None, None));
            true.into()
        }
        "client_auth" => {
            assert!(handshake.client_certificate.is_some());
            handshake.client_auth_requested.into()
        }
        "dh_bits" => dh.map_or(Value::Null, |dh| dh.prime_bits.into()),
        "dh_group" => text(dh.and_then(|dh| dh.group)),
        "dh_reused" => {
            let publics: Vec<_> = all
                .iter()
                .filter_map(|event| event.handshake.key_exchange.as_ref()?.dh)
                .map(|dh| dh.public_sha256)
                .collect();
            assert_eq!(publics.len(), 2);
            (publics[0] == publics[1]).into()
        }
        "early_data" => match (handshake.early_data, known) {
            // That they were offered is all that some notes know.
            (Some(fate), Value::Bool(true)) => (fate != EarlyData::None).into(),
            (fate, _) => text(fate.map(EarlyData::as_str)),
        },
        "ech" => {
            let possible: &[&str] = match known.as_str() {
                Some("accepted") => &["accepted", "offered"],
                Some("rejected") => &["rejected", "offered"],
                // Nobody takes GREASE.
                Some("grease") => &["grease", "offered", "rejected"],
                other => panic!("{other:?}"),
            };
            let seen = handshake.ech.map(Ech::as_str).unwrap_or_default();
            if possible.contains(&seen) { known.clone() } else { seen.into() }
        }
        "ech_seen" => text(handshake.ech.map(Ech::as_str)),
        "extended_master_secret" => text(last.extended_master_secret().map(|agreement| agreement.as_str())),
        "group" => {
            let group = handshake.group.and_then(registry::group);
            let is_lattice = group.is_some_and(|name| name.contains("MLKEM"));
            assert_eq!(handshake.is_post_quantum(), Some(is_lattice));
            let hello = last.client_hello.as_ref().expect("a hello");
            assert!(hello.shape.post_quantum_groups().any(|group| group == 0x11ec));
            text(group)
        }
        "hrr" => {
            let first = all.iter().find(|event| event.handshake.hello_retry).unwrap_or(last);
            let retry = first.handshake.retry.as_ref().expect("what the server asked for");
            assert!(retry.group.is_some() || retry.cookie);
            assert!(first.server_hello.is_none() || first.handshake.round_trips == Some(2), "{first:?}");
            true.into()
        }
        "ocsp_stapled" if is_tls13 => {
            assert!(last.ocsp_stapled().is_none() && handshake.ocsp_response.is_none());
            true.into()
        }
        "ocsp_stapled" => {
            let response = handshake.ocsp_response.as_deref().expect("the response");
            // An OCSPResponse is a SEQUENCE whose first element is `successful` (RFC 6960, section 4.2.1).
            assert_eq!((response[0], &response[4..7]), (0x30, &[0x0a, 1, 0][..]));
            assert_eq!(response.len(), 4 + usize::from(u16::from_be_bytes([response[2], response[3]])));
            assert_eq!(last.ocsp_requested(), Some(true));
            true.into()
        }
        "renegotiation_info" => text(last.renegotiation_info().map(|agreement| agreement.as_str())),
        "resumed" => {
            let how = handshake.resumption.expect("an answer");
            assert!(handshake.resumption_offered.has(how));
            assert_eq!(handshake.round_trips, Some(1 + u8::from(handshake.hello_verify)));
            how.as_str().into()
        }
        "sct_count" => last.timestamp_count().map_or(Value::Null, Value::from),
        other => panic!("{other}"),
    }
}

/// `server warning unrecognized_name(112)`
fn words(alerts: &[Alert]) -> Vec<String> {
    let word = |alert: &Alert| {
        let level = if alert.level == 2 { "fatal" } else { "warning" };
        let name = registry::alert_description(alert.description).unwrap_or_default();
        format!("{} {level} {name}({})", alert.from, alert.description)
    };
    alerts.iter().map(word).collect()
}

#[test]
fn captures_tell_what_tshark_reads_in_them() {
    let (mut connections, mut values) = (0, 0);
    for told in lines("vectors/story.jsonl") {
        let file = told["file"].as_str().expect("a name");
        let events = Replay::of_file(&testdata("captures").join(file)).events;
        let event = events.iter().find(|event| u64::from(event.client.port) == told["port"]);
        let event = event.unwrap_or_else(|| panic!("{file}: no event of port {}", told["port"]));
        let handshake = &event.handshake;
        let dh = handshake.key_exchange.as_ref().and_then(|exchange| exchange.dh);
        let client = event.client_hello.as_ref().map(|hello| &hello.shape);
        let server = event.server_hello.as_ref().map(|hello| &hello.shape);
        let code = |number: u16| Value::from(format!("0x{number:04x}"));
        let hex = |bytes: [u8; 32]| Value::from(bytes.map(|byte| format!("{byte:02x}")).concat());
        let number = |number: Option<u16>| number.map_or(Value::Null, Value::from);
        for (name, expected) in told.as_object().expect("an object") {
            let actual = match name.as_str() {
                "file" | "port" => continue,
                "prime_bits" => number(dh.map(|dh| dh.prime_bits)),
                "prime_sha256" => dh.map_or(Value::Null, |dh| hex(dh.prime_sha256)),
                "public_sha256" => dh.map_or(Value::Null, |dh| hex(dh.public_sha256)),
                "curve" => handshake.group.map_or(Value::Null, code),
                "scheme" => handshake.signature_scheme.map_or(Value::Null, code),
                "scts" => number(handshake.timestamp_count()),
                "selected_psk" => number(server.and_then(|shape| shape.selected_psk)),
                "client_max_fragment_length" => {
                    number(client.and_then(|shape| shape.max_fragment_length).map(u16::from))
                }
                "server_max_fragment_length" => {
                    number(server.and_then(|shape| shape.max_fragment_length).map(u16::from))
                }
                "client_record_size_limit" => number(client.and_then(|shape| shape.record_size_limit)),
                "server_record_size_limit" => number(server.and_then(|shape| shape.record_size_limit)),
                "alerts" => {
                    let list = |alert: &Alert| serde_json::json!([alert.from.as_str(), alert.level, alert.description]);
                    handshake.alerts.iter().map(list).collect()
                }
                other => panic!("{other}"),
            };
            assert_eq!(actual, *expected, "{file}: {name}");
            values += 1;
        }
        connections += 1;
    }
    println!("{values} values of {connections} connections agree");
    assert!(connections > 150 && values > 300);
}

#[test]
fn well_known_groups_are_known_by_their_primes() {
    let vectors = fs::read_to_string(testdata("vectors/dh_groups.json")).expect("dh_groups.json");
    let vectors: Value = serde_json::from_str(&vectors).expect("JSON");
    let groups = vectors["groups"].as_array().expect("a list");
    assert_eq!(groups.len(), 16);
    for group in groups {
        let digits = group["prime"].as_str().expect("hex").as_bytes();
        let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex");
        let prime: Vec<u8> = digits.chunks(2).map(octet).collect();
        assert_eq!(registry::dh_group(&Sha256::digest(&prime).into()), group["name"].as_str());
    }
    assert_eq!(registry::dh_group(&Sha256::digest([5]).into()), None);
}

#[test]
fn the_tcp_handshake_is_timed_from_the_last_syn() {
    let open = tcp(C, S).at(1_000_000_000).step(0).client_answers_after(0).server_answers_after(0);
    let frames = open.syn().wait(3_000_000).syn().wait(20_000_000).syn_ack().wait(1_500_000).ack();
    let latency = only(frames.client(hello().record()).frames()).handshake.tcp;
    assert_eq!((latency.server, latency.client), (Some(20_000_000), Some(1_500_000)));
    assert_eq!(latency.round_trip(), Some(21_500_000));
    let no_syn = tcp(C, S).syn_ack().ack().client(hello().record()).frames();
    assert_eq!(only(no_syn).handshake.tcp, Default::default());
    let no_answer = only(tcp(C, S).syn().client(hello().record()).frames()).handshake.tcp;
    assert_eq!(no_answer, Default::default());
}

#[test]
fn a_second_hello_may_change_what_the_server_asked_for_and_nothing_else() {
    let first = || hello().key_shares(&[29]).extension(0x002a, []).psk(32);
    let second = || hello().key_shares(&[24]).psk(40);
    let change = |second: ClientHello| {
        let retry = ServerHello::retry(0x1301, 24).record();
        let frames = tcp(C, S).open().client(first().record()).server(retry).client(second.record()).frames();
        only(frames)
    };
    let obedient = change(second());
    let retry = obedient.handshake.retry.as_ref().expect("what was asked for");
    assert_eq!((retry.group, retry.cookie), (Some(24), false));
    assert_eq!((&*retry.added, &*retry.removed, &*retry.changed), (&[][..], &[0x2a][..], &[0x29, 0x33][..]));
    assert_eq!(obedient.handshake.early_data, Some(EarlyData::Rejected));
    let is_told = |event: &Event| event.anomalies.contains(&Anomaly::ChangedClientHello);
    assert!(!is_told(&obedient), "{:?}", obedient.anomalies);
    assert!(!is_told(&change(second().extension(0x0015, [0; 9]))), "padding");

    let others = [
        ("a suite more", ClientHello { ciphers: vec![0x1301, 0x1302], ..second() }),
        ("another random", ClientHello { random: [9; 32], ..second() }),
        ("another session id", second().session_id(&[1; 32])),
        ("another version", second().legacy_version(0x0302)),
        ("an extension more", second().extension(0x0017, [])),
        ("a cookie that nobody gave", second().extension(0x002c, [0, 1, 7])),
        ("early data again", second().extension(0x002a, [])),
        ("another group", hello().key_shares(&[23]).psk(40)),
        ("two key shares", hello().key_shares(&[24, 29]).psk(40)),
    ];
    for (what, hello) in others {
        assert!(is_told(&change(hello)), "{what}");
    }
}

#[test]
fn a_cookie_has_to_come_back_as_it_was() {
    let retry = {
        let mut hello = ServerHello::retry(0x1301, 24);
        hello.extensions.retain(|(kind, _)| *kind != 0x0033);
        hello.extension(0x002c, [0, 3, 7, 8, 9])
    };
    let base = || hello().key_shares(&[29]);
    let event = |cookie: &[u8]| {
        let second = base().extension(0x002c, cookie);
        let turns = tcp(C, S).open().client(base().record()).server(retry.record()).client(second.record());
        only(turns.frames())
    };
    let kept = event(&[0, 3, 7, 8, 9]);
    let told = kept.handshake.retry.as_ref().expect("what was asked for");
    assert!(told.cookie && told.added == [0x002c] && told.group.is_none());
    assert!(!kept.anomalies.contains(&Anomaly::ChangedClientHello));
    assert!(event(&[0, 3, 7, 8, 8]).anomalies.contains(&Anomaly::ChangedClientHello));
}

#[test]
fn thousands_of_extensions_are_compared_in_time() {
    let many = |step: u16| {
        let extensions = (0..4_000u16).map(|n| (n.wrapping_mul(step).wrapping_add(100), vec![])).collect();
        ClientHello { extensions, ..ClientHello::new(1) }.versions(&[0x0304])
    };
    let frames = tcp(C, S).open().client(many(7).record()).server(ServerHello::retry(0x1301, 24).record());
    let begin = std::time::Instant::now();
    let event = only(frames.client(many(11).record()).frames());
    assert!(begin.elapsed() < std::time::Duration::from_secs(2));
    let retry = event.handshake.retry.expect("what was asked for");
    assert!(!retry.added.is_empty() && retry.added.len() <= 64 && retry.removed.len() <= 64);
}

#[test]
fn early_data_are_told_from_end_of_early_data() {
    let mut rng = Rng::new(3);
    let offer = hello().key_shares(&[29]).extension(0x002a, []).psk(32).record();
    let answer = |psk: bool| {
        let hello = ServerHello::new(2, 0x1301).selected_version(0x0304).key_share(29);
        let hello = if psk { hello.psk() } else { hello };
        [hello.record(), ccs()].concat()
    };
    let flight = [encrypted(&mut rng, 10), finished13(&mut rng, 32)].concat();
    let [early, end, finished] = [encrypted(&mut rng, 70), encrypted(&mut rng, 4), finished13(&mut rng, 32)];
    let run = |psk: bool, last: &[u8]| {
        let turns = tcp(C, S).open().client([offer.clone(), ccs(), early.clone()].concat());
        only(turns.server([answer(psk), flight.clone()].concat()).client(last).fin().frames()).handshake
    };
    let taken = run(true, &[end.clone(), finished.clone()].concat());
    assert_eq!((taken.early_data, taken.round_trips), (Some(EarlyData::Accepted), Some(0)));
    assert!(taken.established && taken.resumption == Some(Resumption::Psk));
    // Padded, or not taken: who knows.
    let unknown = run(true, &finished);
    assert_eq!((unknown.early_data, unknown.round_trips), (Some(EarlyData::Offered), None));
    let refused = run(false, &[end, finished].concat());
    assert_eq!((refused.early_data, refused.round_trips), (Some(EarlyData::Rejected), Some(1)));
    assert_eq!(only(tcp(C, S).open().client(&offer).frames()).handshake.early_data, Some(EarlyData::Offered));
    assert_eq!(only(tcp(C, S).open().client(hello().record()).frames()).handshake.early_data, Some(EarlyData::None));
}

#[test]
fn what_is_encrypted_in_a_hello_is_judged_by_what_is_seen_of_it() {
    let outer = |enc: usize, filler: u8| {
        let mut body = vec![0, 0, 1, 0, 1, 33];
        body.extend((enc as u16).to_be_bytes());
        body.extend(vec![9; enc]);
        body.extend(176u16.to_be_bytes());
        body.extend([filler; 176]);
        body
    };
    let with = |body: Vec<u8>, name: &str| match name {
        "" => hello().key_shares(&[29]).extension(0xfe0d, body),
        _ => hello().sni(name).key_shares(&[29]).extension(0xfe0d, body),
    };
    let status = |event: &Event| event.handshake.ech.map(|ech| (ech.as_str(), ech.reason().unwrap_or_default()));
    let alone = |hello: ClientHello| status(&only(tcp(C, S).open().client(hello.record()).frames()));
    assert_eq!(alone(hello()), Some(("none", "")));
    assert_eq!(alone(with(outer(32, 1), "a.test")), Some(("offered", "may_be_grease")));
    assert_eq!(alone(with(outer(32, 1), "cloudflare-ech.com")), Some(("offered", "public_name")));
    assert_eq!(alone(with(outer(32, 1), "")), Some(("grease", "no_server_name")));
    assert_eq!(alone(with(vec![1], "a.test")), Some(("accepted", "inner_hello")));

    let old =
        tcp(C, S).open().client(with(outer(32, 1), "a.test").record()).server(ServerHello::new(1, 0xc02f).record());
    assert_eq!(status(&only(old.frames())), Some(("rejected", "version")));

    let retried = |confirms: bool, second: Vec<u8>| {
        let hello = ServerHello::retry(0x1301, 29);
        let retry = if confirms { hello.extension(0xfe0d, [5; 8]) } else { hello };
        let turns = tcp(C, S).open().client(with(outer(32, 1), "a.test").record()).server(retry.record());
        only(turns.client(with(second, "a.test").record()).frames())
    };
    let accepted = retried(true, outer(0, 2));
    assert_eq!(status(&accepted), Some(("accepted", "second_hello_encrypted_again")));
    assert!(!accepted.anomalies.contains(&Anomaly::ChangedClientHello));
    assert_eq!(status(&retried(true, outer(32, 1))), Some(("rejected", "second_hello_repeats_it")));
    assert_eq!(status(&retried(false, outer(32, 1))), Some(("rejected", "hello_retry_without_confirmation")));
    let numbers = accepted.outer_hello().expect("the outer hello");
    assert_eq!((numbers.config_id, numbers.kdf, numbers.aead), (33, 1, 1));
    assert_eq!((numbers.enc_length, numbers.payload_length), (32, 176));
}

#[test]
fn the_first_alert_that_ends_a_handshake_is_its_cause() {
    let warning = |description: u8| record(21, [1, description]);
    let run = |alerts: &[Vec<u8>]| only(tcp(C, S).open().client(hello12().record()).server(alerts.concat()).frames());
    let cause = |event: &Event| event.handshake.failure.and_then(Failure::cause);
    let refused = run(&[warning(112), alert(70)]);
    assert_eq!(cause(&refused), Some("no common protocol version"));
    assert_eq!(refused.handshake.alerts.len(), 2);
    assert_eq!(cause(&run(&[warning(0)])), None);
    assert_eq!(cause(&run(&[warning(90)])), None);
    assert_eq!(cause(&run(&[alert(40)])), Some("handshake failure"));
    let flood = run(&vec![warning(100); 500]);
    assert_eq!(flood.handshake.alerts.len(), MAX_ALERTS);
    assert_eq!(flood.handshake.alert, Some(Alert { from: Side::Server, level: 1, description: 100 }));
}

#[test]
fn a_vague_alert_is_explained_where_the_hellos_do() {
    let cause = |event: Event| event.handshake.failure.and_then(Failure::cause);
    let refused = |hello: ClientHello| cause(only(tcp(C, S).open().client(hello.record()).server(alert(40)).frames()));
    assert_eq!(refused(hello12().ciphers(&[0x00ff, 0x0a0a, 0xc02f])), Some("handshake failure"));
    // Suites of TLS 1.3 alone, and no hello of TLS 1.3; or nothing but signals.
    assert_eq!(refused(hello12().ciphers(&[0x1301, 0x1302, 0x00ff])), Some("no common cipher"));
    assert_eq!(refused(hello12().ciphers(&[0x00ff, 0x5600])), Some("no common cipher"));

    let answered = |server: ServerHello| {
        let turns = tcp(C, S).open().client(hello12().record()).server(server.record()).client(alert(47));
        cause(only(turns.frames()))
    };
    assert_eq!(answered(ServerHello::new(1, 0x002f)), Some("cipher not offered"));
    assert_eq!(answered(ServerHello::new(1, 0xc02f)), Some("illegal parameter"));
    assert_eq!(answered(ServerHello::new(1, 0xc02f).selected_version(0x0304)), Some("version not offered"));
    let retry = tcp(C, S).open().client(hello().record()).server(ServerHello::retry(0x1301, 25).record());
    assert_eq!(cause(only(retry.client(alert(47)).frames())), Some("no common group"));
}

#[test]
fn a_client_without_a_certificate_says_so_in_its_own_way() {
    let request = packets::tls::certificate_request(&[0x0403], &[]);
    let flight = [ServerHello::new(1, 0xc02f).message(), request, packets::tls::server_hello_done()].concat();
    let run = |answer: Vec<u8>| {
        let turns = tcp(C, S).open().client(hello12().record()).server(record(22, &flight)).client(answer);
        only(turns.server(alert(42)).frames()).handshake
    };
    for answer in [record(22, [11, 0, 0, 3, 0, 0, 0]), record(21, [1, 41])] {
        let handshake = run(answer);
        assert_eq!(handshake.client_certificate, Some(ClientCertificate::Empty));
        assert_eq!(handshake.failure.and_then(Failure::cause), Some("missing client certificate"));
    }
    let sent = run(record(22, [11, 0, 0, 7, 0, 0, 4, 0, 0, 1, 0]));
    assert_eq!(sent.client_certificate, Some(ClientCertificate::Sent));
    assert_eq!(sent.failure.and_then(Failure::cause), Some("bad certificate"));
}

/// A hello of TLS 1.3 that names nobody.
fn hello() -> ClientHello {
    ClientHello::new(1).ciphers(&[0x1301]).versions(&[0x0304]).groups(&[29, 24])
}

/// A hello of TLS 1.2.
fn hello12() -> ClientHello {
    ClientHello::new(1).ciphers(&[0xc02f]).groups(&[29])
}

fn only(frames: Vec<packets::TimedFrame>) -> Event {
    Replay::of(&frames).only()
}

fn lines(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(testdata(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}
