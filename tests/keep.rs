//! How long the store keeps rows.

#[allow(dead_code)]
mod store;

use store::Store;

#[test]
fn rows_and_random_bytes_go_when_their_time_is_over() {
    let store = Store::shared();
    let init = |more: &[&str]| {
        let url = format!("http://{}/kept", store.address);
        Store::tlsight(&[&["clickhouse", "init", &url], more].concat())
    };
    init(&[]);
    // Of today, of ten days ago, of a hundred.
    store.ask(
        "INSERT INTO kept.sessions (event_id, timestamp, client_random, server_random) \
         SELECT leftPad(toString(number), 16, '0'), now64(9) - toIntervalDay([0, 10, 100][number + 1]), randomFixedString(32), \
         randomFixedString(32) FROM numbers(3)",
    );
    let left = || {
        store.ask("OPTIMIZE TABLE kept.sessions FINAL");
        store.ask(
            "SELECT count() AS rows, countIf(client_random IS NOT NULL) AS client, countIf(server_random IS NOT NULL) AS server \
             FROM kept.sessions",
        )[0]
        .to_string()
    };
    assert_eq!(left(), r#"{"client":3,"rows":3,"server":3}"#);
    init(&["--keep-randoms", "7"]);
    assert_eq!(left(), r#"{"client":1,"rows":3,"server":1}"#);
    init(&["--keep", "90"]);
    assert_eq!(left(), r#"{"client":1,"rows":2,"server":1}"#);
    // As it was told.
    init(&[]);
    for (table, days) in [("sessions", 90), ("alerts", 90), ("sensor_stats", 90), ("fingerprint_hours", 90)] {
        let made = store.ask(&format!(
            "SELECT position(create_table_query, 'toIntervalDay({days})') > 0 AS told FROM system.tables \
             WHERE database = 'kept' AND name = '{table}'"
        ));
        assert_eq!(made[0]["told"], 1, "{table}");
    }
}
