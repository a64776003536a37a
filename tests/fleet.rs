//! Three sensors and two servers: the tables of a cluster, without the replication that one machine cannot show.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tlsight::event::Event;
use tlsight::sink::Sink;
use tlsight::sink::clickhouse::{ClickHouse, Login, Options, Target, WhenFull};

mod samples;
#[allow(dead_code)]
mod store;

use store::{Fault, Proxy, Store};

#[test]
fn sensors_of_one_cluster_are_told_apart_and_each_session_is_there_once() {
    let stores = cluster();
    // One sensor writes to the first server, one to the second, one by a way that loses answers.
    let proxy = Proxy::before(&stores[1], Fault::AnswerLost, 2);
    let addresses = [stores[0].address, stores[1].address, proxy.address];
    let sensors = [
        Sensor { name: "north", sessions: 40, clock: 0 },
        // The clock of one stood still in 1999, that of another is two days ahead.
        Sensor { name: "south", sessions: 30, clock: -24 * 365 * 24 },
        Sensor { name: "west", sessions: 20, clock: 48 },
    ];
    for (sensor, address) in sensors.iter().zip(addresses) {
        let told = sensor.send_to(&format!("http://{address}/{DATABASE}"));
        assert!(told.iter().all(|line| line.contains("rows are stored")), "{told:?}");
    }
    assert_eq!(proxy.left(), 0);

    let of_each = "SELECT sensor, count() AS sessions, uniqExact(event_id) AS ids FROM fleet.sessions GROUP BY sensor ORDER BY sensor";
    let counts =
        sensors.map(|sensor| json!({"sensor": sensor.name, "sessions": sensor.sessions, "ids": sensor.sessions}));
    // What each server holds is another part, and both show the whole.
    let held = stores.each_ref().map(|store| store.rows("fleet.sessions_local"));
    assert!(held.iter().all(|rows| *rows > 0), "{held:?}");
    assert_eq!(held.iter().sum::<u64>(), 90);
    for store in &stores {
        assert_eq!(store.ask(of_each), counts);
        let seen = store.ask(
            "SELECT dateDiff('hour', min(timestamp), max(timestamp)) > 24 * 365 * 24 AS apart, \
             countIf(timestamp > now64(9) + INTERVAL 1 YEAR) AS beyond FROM fleet.sessions",
        );
        assert_eq!(seen, [json!({"apart": 1, "beyond": 0})], "clocks that go wrong only move sessions");
    }
    // What views make of it is of all sensors, whichever server fed it, and a row that was sent twice counts once.
    let expected = stores[0].ask(
        "SELECT toUnixTimestamp(toStartOfHour(timestamp)) AS at, toString(ja4) AS print, count() AS n, uniqExact(source_ip) AS clients \
         FROM fleet.sessions WHERE ja4 != '' GROUP BY at, print ORDER BY at, print",
    );
    assert!(expected.len() >= 3);
    for store in &stores {
        let hours = store.ask(
            "SELECT toUnixTimestamp(hour) AS at, toString(ja4) AS print, sum(sessions) AS n, uniqCombined64Merge(14)(sources) AS clients \
             FROM fleet.fingerprint_hours GROUP BY at, print ORDER BY at, print",
        );
        assert_eq!(hours, expected);
        let one = |sql: &str| store.ask(sql)[0]["n"].clone();
        assert_eq!(one("SELECT sum(sessions) AS n FROM fleet.rarity WHERE kind = 'server'"), Value::from(90));
        assert_eq!(
            one("SELECT sum(sessions) AS n FROM fleet.name_fingerprints"),
            one("SELECT count() AS n FROM fleet.sessions WHERE server_name != '' AND ja4 != ''")
        );
        assert_eq!(
            one("SELECT uniqExact(community_id) AS n FROM fleet.sessions"),
            one(
                "SELECT uniqExact(source_ip, source_port, destination_ip, destination_port, network_transport) AS n FROM fleet.sessions"
            )
        );
    }
}

/// What a server gathers of small INSERTs is there once too, though answers are lost.
#[test]
fn small_sensors_let_the_server_gather() {
    let store = Store::shared();
    store.database("gathered");
    let proxy = Proxy::before(store, Fault::AnswerLost, 2);
    let sensor = Sensor { name: "small", sessions: 20, clock: 0 };
    let told = sensor.send_to(&format!("http://{}/gathered?async_insert=1", proxy.address));
    assert!(told.iter().all(|line| line.contains("rows are stored")), "{told:?}");
    assert_eq!((proxy.left(), store.rows("gathered.sessions")), (0, 20));
    let fed = store.ask("SELECT sum(sessions) AS n FROM gathered.rarity WHERE kind = 'server'");
    assert_eq!(fed[0]["n"], 20);
}

/// A sensor, how many sessions it sees, and by how many hours its clock is wrong.
struct Sensor {
    name: &'static str,
    sessions: u16,
    clock: i64,
}

impl Sensor {
    fn send_to(&self, url: &str) -> Vec<String> {
        let target = Target::parse(url, Login::default()).expect("a URL");
        let options = Options {
            sensor: self.name.to_owned(),
            // Each batch goes to both shards.
            batch_rows: 16,
            period: Duration::from_millis(50),
            finish_wait: Duration::from_secs(120),
            ..Options::new(WhenFull::Wait)
        };
        let mut sink = ClickHouse::open(&target, options).expect("nothing is refused");
        let events: Vec<Event> = (0..self.sessions).map(|number| self.event(number)).collect();
        assert!(sink.events(&Arc::new(events)).expect("it takes events").is_continue());
        Box::new(sink).finish().expect("the end is no error")
    }

    fn event(&self, number: u16) -> Event {
        let samples = samples::all();
        let mut event = samples[usize::from(number) % samples.len()].clone();
        event.id = [0; 16];
        event.id[..2].copy_from_slice(&number.to_be_bytes());
        event.id[2..2 + self.name.len()].copy_from_slice(self.name.as_bytes());
        event.timestamp.0 += self.clock * HOUR;
        event.end.0 += self.clock * HOUR;
        event.client.port = 10_000 + number;
        event
    }
}

/// Two servers, each of which knows both by their native ports, with the tables of a cluster.
fn cluster() -> [Store; 2] {
    let ports = [free_port(), free_port()];
    let shards = format!("fleet={},{}", ports[0], ports[1]);
    let stores = ports.map(|port| Store::start(&["--native", &port.to_string(), "--cluster", &shards]));
    let url = format!("http://{}/{DATABASE}", stores[0].address);
    let sql = Store::tlsight(&["clickhouse", "init", &url, "--cluster", "fleet", "--dry-run"]);
    // `ON CLUSTER` and replication need a Keeper, which these servers have not: each is told for itself.
    let sql = sql.replace(" ON CLUSTER 'fleet'", "").replace("ENGINE = Replicated", "ENGINE = ");
    for statement in sql.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        for store in &stores {
            store.ask(statement);
        }
    }
    // As if `init` had made them.
    Store::tlsight(&["clickhouse", "init", &format!("http://{}/alone", stores[0].address)]);
    stores[0].ask(
        "INSERT INTO fleet.schema_migrations SETTINGS distributed_foreground_insert = 1 SELECT * FROM alone.schema_migrations",
    );
    stores
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

const DATABASE: &str = "fleet";
const HOUR: i64 = 3_600_000_000_000;
