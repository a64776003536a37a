//! The ClickHouse sink against a real server: what is stored, and what happens when storing goes wrong.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tlsight::event::Event;
use tlsight::sink::Sink;
use tlsight::sink::clickhouse::{ClickHouse, Login, Options, Target, WhenFull};
use tlsight::sink::record::Printer;

mod samples;
#[allow(dead_code)]
mod store;

use store::columns::{CLIENT_CHAIN, SERVER_CHAIN, SESSION, known};
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
        // Of hellos that nobody sent, these are made up; `stored.rs` has them of real ones.
        if COMPUTED.contains(&column.path) {
            continue;
        }
        let select = format!("SELECT lower(hex(event_id)) AS id, {} AS value FROM equal.sessions", column.expression);
        let rows = store.ask(&select);
        let mut seen = false;
        for line in &lines {
            let row = rows.iter().find(|row| row["id"] == line["event"]["id"]).expect("a row of that id");
            let expected = (column.read)(line, column.path).as_ref().and_then(known);
            assert_eq!(known(&row["value"]), expected, "{} of {}", column.path, row["id"]);
            seen |= expected.is_some();
        }
        let is_rare = RARE.iter().any(|rare| column.path.starts_with(rare));
        assert!(seen || is_rare || column.path.contains("ja4"), "no event of the set has {}", column.path);
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
         toString(source_ip) AS source, source_port, toString(destination_ip) AS destination, destination_port, ja4, \
         arrayMap(id -> lower(hex(id)), event_ids) AS events, session_count, `group`, suppressed, measures, list, \
         indicator_type, indicator, indicator_description, toString(indicator_first_seen) AS first_seen \
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
            "tags": ["attack.command-and-control", "attack.t1573.002"],
            "message": "tab\there",
            "source": "::ffff:128.232.110.120",
            "source_port": 34855,
            "destination": "2001:db8::2",
            "destination_port": 443,
            "ja4": "t13d1715h2_5b57614c22b0_3d5424432f57",
            "events": ["07070707070707070707070707070707", "00112233445566778899aabbccddeeff"],
            "session_count": 70,
            "group": {"source.ip": "128.232.110.120", "n\"ame": "va]lue"},
            "suppressed": 3,
            "measures": {"score": 0.75, "age_days": 12},
            "list": "c2",
            "indicator_type": "ipv6-addr",
            "indicator": "2001:db8::2",
            "indicator_description": "Dridex C&C",
            "first_seen": "2024-02-15 12:26:40",
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
fn a_server_by_https_shows_who_it_is() {
    let store = Store::shared();
    store.database("secure");
    let proxy = Proxy::secure(store);
    let target = |login| Target::parse(&format!("https://{}/secure", proxy.address), login).expect("a URL");
    let login = Login { user: Some(USER.to_owned()), password: Some(PASSWORD.to_owned()), token: None };
    let trusting = target(login).trusting(&store::tls("authority.pem"));
    let mut sink = ClickHouse::open(&trusting, quick()).expect("nothing is refused");
    send(&mut sink, &samples::all());
    assert_eq!(Box::new(sink).finish().expect("the end is no error"), Vec::<String>::new());
    assert_eq!(store.rows("secure.sessions"), 4);

    // Of those whom Mozilla trusts, none has signed it: nothing is sent.
    let options = Options { finish_wait: Duration::from_millis(500), ..quick() };
    let mut sink = ClickHouse::open(&target(Login::default()), options).expect("it may be mended");
    send(&mut sink, &samples::all());
    let lost = Box::new(sink).finish().expect("the end is no error");
    assert!(lost[0].contains("4 of 4 rows were not stored") && lost[0].contains("UnknownIssuer"), "{lost:?}");
    assert_eq!(store.rows("secure.sessions"), 4);
    let wrong = target(Login::default()).trusting(&store::tls("README.md"));
    let error = ClickHouse::open(&wrong, quick()).expect_err("there is no certificate in it").to_string();
    assert!(error.contains("README.md"), "{error}");
}

#[test]
fn a_token_is_sent_as_such() {
    let store = Store::shared();
    let login = Login { user: None, password: None, token: Some("not-a-token".to_owned()) };
    let target = Target::parse(&url(store.address, "default"), login).expect("a URL");
    // This server knows none; that it says so shows that it got one.
    let error = ClickHouse::open(&target, quick()).expect_err("it is refused").to_string();
    assert!(error.contains("the token was refused") && !error.contains("not-a-token"), "{error}");
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
        memory_bytes: 20_000,
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

/// What the store makes of a hello's lists.
const COMPUTED: [&str; 4] =
    ["tls.client.ja3", "tlsight.client.ja3_full", "tlsight.client.ja4_o", "tlsight.client.ja4_ro"];

/// What none of these events has; `tests/stored.rs` has captures.
const RARE: &[&str] = &[
    "tlsight.client.second_hello.hello.",
    "tlsight.labels.",
    "tlsight.handshake.hello_verify",
    "tlsight.quic.",
    "tlsight.proxy.",
    "tlsight.tunnel.",
    "tlsight.upgrade",
];

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
