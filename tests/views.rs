//! The views that sessions feed: each session counts once.

use std::path::Path;

use serde_json::Value;

#[allow(dead_code)]
mod store;

use store::Store;

#[test]
fn sessions_count_once_however_often_and_when_the_views_are_made() {
    let store = Store::shared();
    let url = format!("http://{}/viewed", store.address);
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures");
    let captures = captures.to_str().expect("UTF-8");
    let init = || Store::tlsight(&["clickhouse", "init", &url]);
    let figures =
        || VIEWS.map(|(view, figure)| store.ask(&format!("SELECT {figure} AS n FROM viewed.{view}"))[0]["n"].clone());
    init();
    Store::tlsight(&["read", captures, "--json", "-o", "/dev/null", "--clickhouse", &url]);
    let rows = store.rows("viewed.sessions");
    let prints = store.ask("SELECT count() AS n FROM viewed.sessions WHERE ja4 != ''")[0]["n"].clone();
    let fed = figures();
    assert!(rows > 400 && fed.iter().all(|figure| figure.as_u64() > Some(0)), "{fed:?}");
    assert_eq!((&fed[0], &fed[1]), (&prints, &Value::from(rows)));

    // The tables are there, and nobody knows that they are.
    store.ask("TRUNCATE TABLE viewed.schema_migrations");
    init();
    assert_eq!(figures(), fed);

    // As one finds who comes from a version before the views.
    for (view, _) in VIEWS {
        store.ask(&format!("DROP TABLE IF EXISTS viewed.{view}_feed"));
        store.ask(&format!("DROP TABLE viewed.{view}"));
    }
    store.ask("TRUNCATE TABLE viewed.schema_migrations");
    init();
    assert_eq!(figures(), fed);
    store.ask("TRUNCATE TABLE viewed.schema_migrations");
    init();
    assert_eq!(figures(), fed);
}

/// Views, and a figure of each.
const VIEWS: [(&str, &str); 6] = [
    ("fingerprint_hours", "sum(sessions)"),
    ("posture_hours", "sum(sessions)"),
    ("weakness_hours", "sum(sessions)"),
    ("name_fingerprints", "sum(sessions)"),
    ("host_fingerprints", "sum(sessions) + uniqCombined64Merge(12)(names)"),
    ("sightings", "sum(sessions) + count()"),
];
