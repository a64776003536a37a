//! The ClickHouse sink against a real server: what is stored, and what happens when storing goes wrong.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tlsight::event::Event;
use tlsight::sink::Sink;
use tlsight::sink::clickhouse::{ClickHouse, Login, Options, Target, WhenFull};
use tlsight::sink::record::Printer;

mod samples;
mod store;

use store::{Fault, PASSWORD, Proxy, Store, USER};

#[test]
fn rows_say_what_the_ndjson_says() {
    let store = Store::shared();
    store.database("equal");
    let mut events = samples::all();
    events.push(samples::storied());
    let lost = stored(store.address, "equal", quick(), |sink| send(sink, &events));
    assert_eq!(lost, Vec::<String>::new());
    assert_eq!(store.rows("equal.sessions"), events.len() as u64);
    let lines: Vec<Value> = events.iter().map(ndjson).collect();
    for column in [SESSION, CLIENT_CHAIN, SERVER_CHAIN].into_iter().flatten() {
        let select = format!("SELECT lower(hex(event_id)) AS id, {} AS value FROM equal.sessions", column.expression);
        let rows = store.ask(&select);
        let mut seen = false;
        for line in &lines {
            let row = rows.iter().find(|row| row["id"] == line["event"]["id"]).expect("a row of that id");
            let expected = (column.read)(line, column.path).as_ref().and_then(known);
            assert_eq!(known(&row["value"]), expected, "{} of {}", column.path, row["id"]);
            seen |= expected.is_some();
        }
        assert!(seen || column.path.contains("ja4"), "no event of the set has {}", column.path);
    }
}

#[test]
fn alerts_are_stored() {
    let store = Store::shared();
    store.database("alerts");
    let alert = samples::alert();
    let lost = stored(store.address, "alerts", quick(), |sink| {
        let _ = sink.alert(&alert).expect("it takes alerts");
    });
    assert_eq!(lost, Vec::<String>::new());
    let rows = store.ask(
        "SELECT toString(timestamp) AS timestamp, lower(hex(event_id)) AS event, rule_id, title, level, tags, message, \
         toString(source_ip) AS source, source_port, toString(destination_ip) AS destination, destination_port, ja4 \
         FROM alerts.alerts",
    );
    assert_eq!(
        rows,
        [json!({
            "timestamp": "2024-02-29 23:59:59.123456789",
            "event": "00112233445566778899aabbccddeeff",
            "rule_id": "8d0b3b44-6d8a-4b6f-9a5e-0c1d2e3f4a5b",
            "title": "A title",
            "level": "high",
            "tags": ["attack.t1573"],
            "message": "tab\there",
            "source": "::ffff:128.232.110.120",
            "source_port": 34855,
            "destination": "2001:db8::2",
            "destination_port": 443,
            "ja4": "t13d1715h2_5b57614c22b0_3d5424432f57",
        })]
    );
}

#[test]
fn a_server_that_is_down_at_the_start_gets_the_rows_when_it_is_up() {
    let store = Store::shared();
    store.database("late");
    let address = free_address();
    let lost = stored(address, "late", quick(), |sink| {
        send(sink, &samples::all());
        std::thread::sleep(Duration::from_millis(300));
        let listener = TcpListener::bind(address).expect("the port is still free");
        Proxy::listening_on(listener, store, Fault::Unavailable, 0);
    });
    assert_eq!(store.rows("late.sessions"), 4);
    assert!(lost[0].contains("all 4 rows are stored, after"), "{lost:?}");
}

#[test]
fn an_insert_that_is_refused_once_is_sent_again() {
    let store = Store::shared();
    store.database("busy");
    let proxy = Proxy::before(store, Fault::Unavailable, 1);
    let lost = stored(proxy.address, "busy", quick(), |sink| send(sink, &samples::all()));
    assert_eq!((proxy.left(), store.rows("busy.sessions")), (0, 4));
    assert!(lost[0].contains("all 4 rows are stored, after 1 failed attempts"), "{lost:?}");
}

#[test]
fn rows_whose_answer_is_lost_are_stored_once() {
    let store = Store::shared();
    store.database("once");
    let proxy = Proxy::before(store, Fault::AnswerLost, 2);
    stored(proxy.address, "once", quick(), |sink| {
        send(sink, &samples::all());
        let _ = sink.alert(&samples::alert()).expect("it takes alerts");
    });
    assert_eq!(proxy.left(), 0);
    assert_eq!((store.rows("once.sessions"), store.rows("once.alerts")), (4, 1));
}

#[test]
fn batches_of_one_run_are_no_duplicates_of_each_other() {
    let store = Store::shared();
    store.database("twice");
    let options = Options { batch_rows: 1, ..quick() };
    let lost = stored(store.address, "twice", options, |sink| {
        send(sink, &[samples::tls12()]);
        send(sink, &[samples::tls12()]);
    });
    assert_eq!((lost, store.rows("twice.sessions")), (Vec::new(), 2));
}

#[test]
fn a_wrong_password_is_told_at_the_start() {
    let store = Store::shared();
    let login =
        |password: &str| Login { user: Some(USER.to_owned()), password: Some(password.to_owned()), token: None };
    let open = |login| {
        let target = Target::parse(&url(store.address, "default"), login).expect("a URL");
        ClickHouse::open(&target, quick())
    };
    let error = open(login("wrong")).expect_err("it is refused").to_string();
    assert!(
        error.starts_with(&format!("ClickHouse at http://{}: user `{USER}` or its password", store.address)),
        "{error}"
    );
    assert!(error.contains("TLSIGHT_CLICKHOUSE_PASSWORD") && !error.contains("wrong"), "{error}");
    assert!(open(login(PASSWORD)).is_ok());
}

#[test]
fn a_database_that_is_not_there_is_told_at_the_start() {
    let error = refused("nowhere");
    assert!(error.contains("there is no database `nowhere`"), "{error}");
}

#[test]
fn a_table_of_another_shape_is_told_at_the_start() {
    let store = Store::shared();
    store.database("foreign");
    store.ask("CREATE TABLE foreign.sessions (event_id FixedString(16), timestamp DateTime) ENGINE = Memory");
    let error = refused("foreign");
    assert!(error.contains("column `timestamp` of table `sessions` is DateTime and should be DateTime64"), "{error}");
}

#[test]
fn the_end_waits_so_long_and_then_says_what_is_not_stored() {
    let options = Options { finish_wait: Duration::from_secs(1), ..quick() };
    let begin = Instant::now();
    let lost = stored(free_address(), "default", options, |sink| send(sink, &samples::all()));
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert!(lost[0].contains("4 of 4 rows were not stored: 4 were not confirmed"), "{lost:?}");
}

#[test]
fn a_tap_sheds_what_finds_the_queue_full() {
    let options = Options {
        when_full: WhenFull::Shed,
        batch_rows: 4,
        queue_bytes: 20_000,
        finish_wait: Duration::from_millis(500),
        ..quick()
    };
    let lost = stored(free_address(), "default", options, |sink| {
        for _ in 0..50 {
            send(sink, &samples::all());
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    let told = lost[0].split("200 of 200 rows were not stored: ").nth(1).expect("all are lost");
    let number = |text: &str| text.split(' ').next().and_then(|number| number.parse::<u32>().ok());
    let (full, open) = told.split_once(" found the queue full, ").expect("two reasons");
    let (full, open) = (number(full).expect("a number"), number(open).expect("a number"));
    assert!(full >= 4 && open >= 4 && full + open == 200, "{lost:?}");
}

/// A column, and where the same fact stands in the NDJSON.
struct Column {
    expression: &'static str,
    path: &'static str,
    read: fn(&Value, &str) -> Option<Value>,
}

const fn same(expression: &'static str, path: &'static str) -> Column {
    Column { expression, path, read: at }
}

const fn each(expression: &'static str, path: &'static str) -> Column {
    Column { expression, path, read: in_chain }
}

const fn dates(expression: &'static str, path: &'static str) -> Column {
    Column { expression, path, read: dates_in_chain }
}

macro_rules! code {
    ($column:literal) => {
        concat!("'0x' || leftPad(lower(hex(", $column, ")), 4, '0')")
    };
}

macro_rules! codes {
    ($column:literal) => {
        concat!("arrayMap(x -> '0x' || leftPad(lower(hex(x)), 4, '0'), ", $column, ")")
    };
}

macro_rules! date {
    ($column:literal) => {
        concat!("formatDateTime(", $column, ", '%Y-%m-%dT%H:%i:%SZ')")
    };
}

const SESSION: &[Column] = &[
    same("replaceOne(toString(timestamp), ' ', 'T') || 'Z'", "@timestamp"),
    same("replaceOne(toString(ended), ' ', 'T') || 'Z'", "event.end"),
    same("network_transport", "network.transport"),
    same("network_protocol", "network.protocol"),
    same("network_type", "network.type"),
    same("community_id", "network.community_id"),
    same("toString(vlan_id)", "network.vlan.id"),
    same("toString(inner_vlan_id)", "network.inner.vlan.id"),
    same("replaceRegexpOne(toString(source_ip), '^::ffff:', '')", "source.ip"),
    same("source_port", "source.port"),
    same("replaceRegexpOne(toString(destination_ip), '^::ffff:', '')", "destination.ip"),
    same("destination_port", "destination.port"),
    same("version", "tls.version"),
    same("version_protocol", "tls.version_protocol"),
    same("cipher", "tls.cipher"),
    same("curve", "tls.curve"),
    same("next_protocol", "tls.next_protocol"),
    same("resumed", "tls.resumed"),
    same("established", "tls.established"),
    same("server_name", "tls.client.server_name"),
    same("lower(hex(ja3))", "tls.client.ja3"),
    same("ja3_full", "tlsight.client.ja3_full"),
    same("lower(hex(ja3n))", "tlsight.client.ja3n"),
    same("ja4", "tls.client.ja4"),
    same("ja4_r", "tlsight.client.ja4_r"),
    same("ja4_o", "tlsight.client.ja4_o"),
    same("ja4_ro", "tlsight.client.ja4_ro"),
    same("stable", "tlsight.client.stable"),
    same("ja4t", "tlsight.client.ja4t"),
    same("ja4l", "tlsight.client.ja4l"),
    same("client_system", "tlsight.client.system"),
    same("client_first_records", "tlsight.client.first_records"),
    same("browser_claims", "tlsight.client.browser.claims"),
    same("browser_verdict", "tlsight.client.browser.verdict"),
    same("browser_evidence", "tlsight.client.browser.evidence"),
    same("if(client_format = 'tls', '', client_format)", "tlsight.client.hello.format"),
    same("lower(hex(client_random))", "tlsight.client.random"),
    same("client_session_id_length", "tlsight.client.hello.session_id_length"),
    same(code!("client_legacy_version"), "tlsight.client.hello.legacy_version"),
    same(codes!("client_versions"), "tlsight.client.hello.versions"),
    same(codes!("client_ciphers"), "tlsight.client.hello.ciphers"),
    same(
        "arrayMap(x -> '0x' || leftPad(lower(hex(x)), 6, '0'), client_sslv2_ciphers)",
        "tlsight.client.hello.sslv2_ciphers",
    ),
    same(codes!("client_compression_methods"), "tlsight.client.hello.compression_methods"),
    same(codes!("client_extensions"), "tlsight.client.hello.extensions"),
    same(codes!("client_groups"), "tlsight.client.hello.groups"),
    same(codes!("client_key_shares"), "tlsight.client.hello.key_shares"),
    same(codes!("client_point_formats"), "tlsight.client.hello.point_formats"),
    same(codes!("client_signature_algorithms"), "tlsight.client.hello.signature_algorithms"),
    same(codes!("client_signature_algorithms_cert"), "tlsight.client.hello.signature_algorithms_cert"),
    same("client_alpn", "tlsight.client.hello.alpn"),
    same(codes!("client_psk_modes"), "tlsight.client.hello.psk_modes"),
    same(codes!("client_certificate_compression"), "tlsight.client.hello.certificate_compression"),
    same(
        "['', 'peer_allowed_to_send', 'peer_not_allowed_to_send'][client_heartbeat + 1]",
        "tlsight.client.hello.heartbeat",
    ),
    same("client_max_fragment_length", "tlsight.client.hello.max_fragment_length"),
    same("client_record_size_limit", "tlsight.client.hello.record_size_limit"),
    same("lower(hex(second_ja3))", "tlsight.client.second_hello.ja3"),
    same("second_ja4", "tlsight.client.second_hello.ja4"),
    same("second_ja4_r", "tlsight.client.second_hello.ja4_r"),
    same(codes!("second_ciphers"), "tlsight.client.second_hello.hello.ciphers"),
    same(codes!("second_extensions"), "tlsight.client.second_hello.hello.extensions"),
    same(codes!("second_groups"), "tlsight.client.second_hello.hello.groups"),
    same(codes!("second_key_shares"), "tlsight.client.second_hello.hello.key_shares"),
    same("lower(hex(ja3s))", "tls.server.ja3s"),
    same("ja3s_full", "tlsight.server.ja3s_full"),
    same("ja4s", "tls.server.ja4s"),
    same("ja4s_r", "tlsight.server.ja4s_r"),
    same("ja4ts", "tlsight.server.ja4ts"),
    same("ja4ls", "tlsight.server.ja4ls"),
    same("lower(hex(server_random))", "tlsight.server.random"),
    same("server_session_id_length", "tlsight.server.hello.session_id_length"),
    same(code!("server_legacy_version"), "tlsight.server.hello.legacy_version"),
    same(code!("server_version"), "tlsight.server.hello.version"),
    same(code!("server_cipher"), "tlsight.server.hello.cipher"),
    same(code!("server_compression_method"), "tlsight.server.hello.compression_method"),
    same(codes!("server_extensions"), "tlsight.server.hello.extensions"),
    same(code!("server_key_share"), "tlsight.server.hello.key_share"),
    same("server_selected_psk", "tlsight.server.hello.selected_psk"),
    same(
        "['', 'peer_allowed_to_send', 'peer_not_allowed_to_send'][server_heartbeat + 1]",
        "tlsight.server.hello.heartbeat",
    ),
    same("server_max_fragment_length", "tlsight.server.hello.max_fragment_length"),
    same("server_record_size_limit", "tlsight.server.hello.record_size_limit"),
    same("hello_retry", "tlsight.handshake.hello_retry"),
    same(code!("retry_group"), "tlsight.handshake.retry.group"),
    same("retry_cookie", "tlsight.handshake.retry.cookie"),
    same(codes!("retry_added"), "tlsight.handshake.retry.added"),
    same(codes!("retry_removed"), "tlsight.handshake.retry.removed"),
    same(codes!("retry_changed"), "tlsight.handshake.retry.changed"),
    same("resumption", "tlsight.handshake.resumption"),
    same("resumption_offered", "tlsight.handshake.resumption_offered"),
    same("early_data", "tlsight.handshake.early_data"),
    same("round_trips", "tlsight.handshake.round_trips"),
    same("post_quantum", "tlsight.handshake.post_quantum"),
    same("dh_prime_bits", "tlsight.handshake.dh.prime_bits"),
    same("dh_group", "tlsight.handshake.dh.group"),
    same("lower(hex(dh_prime_sha256))", "tlsight.handshake.dh.prime_sha256"),
    same("lower(hex(dh_public_sha256))", "tlsight.handshake.dh.public_sha256"),
    same("rsa_bits", "tlsight.handshake.rsa_bits"),
    same("renegotiation_info", "tlsight.handshake.renegotiation_info"),
    same("extended_master_secret", "tlsight.handshake.extended_master_secret"),
    same("ech", "tlsight.handshake.ech.status"),
    same("ech_reason", "tlsight.handshake.ech.reason"),
    same("ech_config_id", "tlsight.handshake.ech.config_id"),
    same(code!("ech_kdf"), "tlsight.handshake.ech.kdf"),
    same(code!("ech_aead"), "tlsight.handshake.ech.aead"),
    same("ech_enc_length", "tlsight.handshake.ech.enc_length"),
    same("ech_payload_length", "tlsight.handshake.ech.payload_length"),
    same("client_auth", "tlsight.handshake.client_auth"),
    same("client_certificate", "tlsight.handshake.client_certificate"),
    same("ocsp_requested", "tlsight.handshake.ocsp_requested"),
    same("ocsp_stapled", "tlsight.handshake.ocsp_stapled"),
    same("security_grade", "tlsight.security.grade"),
    same("security_weaknesses", "tlsight.security.weaknesses"),
    same("security_forward_secrecy", "tlsight.security.forward_secrecy"),
    same("security_post_quantum", "tlsight.security.post_quantum"),
    same("security_chain_status", "tlsight.security.chain.status"),
    same("security_chain_problems", "tlsight.security.chain.problems"),
    same("security_chain_name_match", "tlsight.security.chain.name_match"),
    same("security_client_chain_status", "tlsight.security.client_chain.status"),
    same("security_client_chain_problems", "tlsight.security.client_chain.problems"),
    same("ocsp_status", "tlsight.security.ocsp.status"),
    same("ocsp_reason", "tlsight.security.ocsp.reason"),
    same(date!("ocsp_revoked_at"), "tlsight.security.ocsp.revoked_at"),
    same(date!("ocsp_produced_at"), "tlsight.security.ocsp.produced_at"),
    same(date!("ocsp_this_update"), "tlsight.security.ocsp.this_update"),
    same(date!("ocsp_next_update"), "tlsight.security.ocsp.next_update"),
    same("ocsp_freshness", "tlsight.security.ocsp.freshness"),
    same("ocsp_signer", "tlsight.security.ocsp.signer"),
    same("ocsp_malformed", "tlsight.security.ocsp.malformed"),
    same("certificate_scts", "tlsight.security.sct.certificate"),
    same("staple_scts", "tlsight.security.sct.staple"),
    same("sct_count", "tlsight.handshake.sct_count"),
    same("new_session_ticket", "tlsight.handshake.new_session_ticket"),
    same("alert_from", "tlsight.handshake.alert.from"),
    same("alert_level", "tlsight.handshake.alert.level"),
    same("alert_description", "tlsight.handshake.alert.description"),
    same("failure", "tlsight.handshake.failure"),
    same("hello_latency", "tlsight.handshake.latency"),
    same("handshake_duration", "tlsight.handshake.duration"),
    same("tcp_server_latency", "tlsight.handshake.tcp.server_latency"),
    same("tcp_client_latency", "tlsight.handshake.tcp.client_latency"),
    same("missing", "tlsight.missing"),
    same("anomaly", "tlsight.anomaly"),
    // A leaf's names and version stand in its ECS fields only.
    same("server_chain_subject_common_name[1]", "tls.server.x509.subject.common_name.0"),
    same("server_chain_issuer_common_name[1]", "tls.server.x509.issuer.common_name.0"),
    same("server_chain_version[1]", "tls.server.x509.version_number"),
];

macro_rules! hex {
    ($side:literal, $name:literal) => {
        concat!("arrayMap(x -> lower(hex(x)), ", $side, "_chain_", $name, ")")
    };
}

macro_rules! seconds {
    ($side:literal, $name:literal) => {
        concat!("arrayMap(x -> toInt64(x), ", $side, "_chain_", $name, ")")
    };
}

macro_rules! only_true {
    ($side:literal, $name:literal) => {
        concat!("arrayMap(x -> if(x, true, NULL), ", $side, "_chain_", $name, ")")
    };
}

macro_rules! chain {
    ($side:literal) => {
        &[
            each(concat!($side, "_chain_subject"), concat!("tlsight.", $side, ".chain.subject")),
            each(concat!($side, "_chain_issuer"), concat!("tlsight.", $side, ".chain.issuer")),
            each(concat!($side, "_chain_serial"), concat!("tlsight.", $side, ".chain.serial")),
            each(hex!($side, "md5"), concat!("tlsight.", $side, ".chain.md5")),
            each(hex!($side, "sha1"), concat!("tlsight.", $side, ".chain.sha1")),
            each(hex!($side, "sha256"), concat!("tlsight.", $side, ".chain.sha256")),
            dates(seconds!($side, "not_before"), concat!("tlsight.", $side, ".chain.not_before")),
            dates(seconds!($side, "not_after"), concat!("tlsight.", $side, ".chain.not_after")),
            each(
                concat!($side, "_chain_public_key_algorithm"),
                concat!("tlsight.", $side, ".chain.public_key_algorithm"),
            ),
            each(concat!($side, "_chain_public_key_size"), concat!("tlsight.", $side, ".chain.public_key_size")),
            each(concat!($side, "_chain_public_key_curve"), concat!("tlsight.", $side, ".chain.public_key_curve")),
            each(
                concat!($side, "_chain_signature_algorithm"),
                concat!("tlsight.", $side, ".chain.signature_algorithm"),
            ),
            each(concat!($side, "_chain_alternative_names"), concat!("tlsight.", $side, ".chain.alternative_names")),
            each(concat!($side, "_chain_is_ca"), concat!("tlsight.", $side, ".chain.is_ca")),
            each(concat!($side, "_chain_self_issued"), concat!("tlsight.", $side, ".chain.self_issued")),
            each(only_true!($side, "malformed"), concat!("tlsight.", $side, ".chain.malformed")),
            each(concat!($side, "_chain_ja4x"), concat!("tlsight.", $side, ".chain.ja4x")),
        ]
    };
}

const CLIENT_CHAIN: &[Column] = chain!("client");
const SERVER_CHAIN: &[Column] = chain!("server");

fn at(line: &Value, path: &str) -> Option<Value> {
    path.split('.')
        .try_fold(line, |value, key| match key.parse::<usize>() {
            Ok(index) => value.get(index),
            Err(_) => value.get(key),
        })
        .cloned()
}

/// The values of a key in each certificate of a chain, null where it is absent.
fn in_chain(line: &Value, path: &str) -> Option<Value> {
    let (chain, key) = path.rsplit_once('.')?;
    let chain = at(line, chain)?;
    Some(chain.as_array()?.iter().map(|certificate| certificate.get(key).cloned().unwrap_or_default()).collect())
}

fn dates_in_chain(line: &Value, path: &str) -> Option<Value> {
    let texts = in_chain(line, path)?;
    let seconds = |text: &str| OffsetDateTime::parse(text, &Rfc3339).expect("RFC 3339").unix_timestamp();
    Some(texts.as_array()?.iter().map(|text| text.as_str().map(seconds)).map(Value::from).collect())
}

/// A value with what stands for "not known" taken out: a column has empty text where the line has nothing.
fn known(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(items.iter().map(|item| known(item).unwrap_or_default()).collect()),
        other => Some(other.clone()),
    }
}

fn ndjson(event: &Event) -> Value {
    let mut out = Vec::new();
    Printer::default().event(event, &mut out);
    serde_json::from_slice(&out).expect("JSON")
}

fn quick() -> Options {
    Options { period: Duration::from_millis(50), ..Options::new(WhenFull::Wait) }
}

fn url(address: SocketAddr, database: &str) -> String {
    format!("http://{address}/{database}")
}

/// What a sink for that database says after `work`.
fn stored(address: SocketAddr, database: &str, options: Options, work: impl FnOnce(&mut ClickHouse)) -> Vec<String> {
    let target = Target::parse(&url(address, database), Login::default()).expect("a URL");
    let mut sink = ClickHouse::open(&target, options).expect("nothing is refused");
    work(&mut sink);
    Box::new(sink).finish().expect("the end is no error")
}

fn send(sink: &mut ClickHouse, events: &[Event]) {
    assert!(sink.events(&Arc::new(events.to_vec())).expect("it takes events").is_continue());
}

fn refused(database: &str) -> String {
    let target = Target::parse(&url(Store::shared().address, database), Login::default()).expect("a URL");
    ClickHouse::open(&target, quick()).expect_err("it is refused").to_string()
}

/// An address that nobody listens on.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}
