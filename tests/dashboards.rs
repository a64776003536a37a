//! The dashboards of Grafana: what stands in them fits together, and each of their questions has an answer of the right
//! form on a real ClickHouse that the program has filled.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

mod grafana;
#[allow(dead_code)]
mod store;

use grafana::Expansion;
use store::Store;

#[test]
fn every_panel_has_an_answer_of_its_form() {
    let store = filled();
    let range = range(store);
    let mut asked = 0;
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let what = format!("{name}: {}", text(panel, "title"));
            let expansion = Expansion { range, interval: 3600, variables: everything(&dashboard) };
            let answer = answer(store, &expansion, panel, &what);
            check(panel, &answer, &what);
            asked += 1;
        }
    }
    assert!(asked >= 50, "{asked}");
}

/// A section of a JA4, then one of its fingerprints, then one of the hosts that sent it: fewer sessions each time, never none.
#[test]
fn a_hunt_leads_from_a_section_to_hosts_to_sessions() {
    let store = filled();
    let range = range(store);
    let dashboard = dashboards().remove("fingerprints").expect("it is there");
    let mut variables = everything(&dashboard);
    let mut ask = |name: &str, value: &str, title: &str| {
        variables.insert(name.to_owned(), vec![value.to_owned()]);
        let panel = panels(&dashboard).find(|panel| text(panel, "title") == title).expect(title);
        let expansion = Expansion { range, interval: 3600, variables: variables.clone() };
        answer(store, &expansion, panel, title)["data"].as_array().expect("rows").clone()
    };
    let sections = ask("part", "", "First section: transport, version, name, counts, ALPN");
    let section = sections.iter().find(|row| row["section"] == "t13d1517h2").expect("Chromium is there");
    let fingerprints = ask("part", "t13d1517h2", "Fingerprints, the rarest first");
    assert_eq!(fingerprints.len() as u64, section["fingerprints"].as_u64().expect("a number"));
    let hosts = ask("part", text(&fingerprints[0], "ja4"), "Hosts");
    let sessions = ask("source", text(&hosts[0], "source"), "Sessions");
    assert!(!sessions.is_empty() && sessions.len() as u64 <= section["sessions"].as_u64().expect("a number"));
    for session in &sessions {
        assert_eq!((&session["ja4"], &session["source"]), (&fingerprints[0]["ja4"], &hosts[0]["source"]));
    }
    let named = ask("name", text(&sessions[0], "server_name"), "Sessions");
    assert!(!named.is_empty() && named.iter().all(|session| session["server_name"] == sessions[0]["server_name"]));
    assert!(ask("name", "nobody's.example", "Sessions").is_empty());
}

#[test]
fn every_variable_has_values() {
    let store = filled();
    let range = range(store);
    for (name, dashboard) in dashboards() {
        for variable in list(&dashboard["templating"]["list"]).filter(|variable| variable["type"] == "query") {
            let expansion = Expansion { range, interval: 3600, variables: BTreeMap::new() };
            let statement = expansion.of(text(variable, "query")).expect("it expands");
            let answer = json(store, &statement, &format!("{name}: {}", text(variable, "name")));
            assert!(
                (1..=2).contains(&list(&answer["meta"]).count()) && list(&answer["data"]).count() > 0,
                "{statement}"
            );
        }
    }
}

#[test]
fn the_files_are_what_the_script_writes() {
    let done = Command::new(store::python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/dashboards/build.py"))
        .arg("--check")
        .output()
        .expect("python runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn panels_stand_beside_each_other_and_links_lead_somewhere() {
    let dashboards = dashboards();
    assert_eq!(
        dashboards.keys().map(String::as_str).collect::<Vec<_>>(),
        ["alerts", "certificates", "fingerprints", "overview", "sensors"]
    );
    let names = |dashboard: &Value| -> BTreeSet<String> {
        list(&dashboard["templating"]["list"]).map(|variable| text(variable, "name").to_owned()).collect()
    };
    for (name, dashboard) in &dashboards {
        assert_eq!(text(dashboard, "uid"), format!("tlsight-{name}"));
        let mut cells = BTreeSet::new();
        let mut ids = BTreeSet::new();
        let mut titles = BTreeSet::new();
        for panel in panels(dashboard) {
            let what = format!("{name}: {}", text(panel, "title"));
            assert!(ids.insert(panel["id"].as_u64()) && titles.insert(text(panel, "title")), "{what}: twice");
            let place = |key| panel["gridPos"][key].as_u64().expect("a number");
            assert!(place("x") + place("w") <= 24, "{what}: too wide");
            for cell in (place("x")..place("x") + place("w"))
                .flat_map(|x| (place("y")..place("y") + place("h")).map(move |y| (x, y)))
            {
                assert!(cells.insert(cell), "{what}: covers another");
            }
            assert_eq!(text(&panel["datasource"], "type"), PLUGIN, "{what}");
            for target in list(&panel["targets"]) {
                assert_eq!(target["datasource"], panel["datasource"], "{what}");
                for used in grafana::variables(text(target, "rawSql")) {
                    assert!(names(dashboard).contains(&used), "{what}: ${used} is no variable of the dashboard");
                }
            }
            for url in links(panel).map(|(_, link)| text(link, "url")) {
                let (uid, given) = url.trim_start_matches("/d/tlsight-").split_once('?').expect("a query");
                let target = dashboards.get(uid).unwrap_or_else(|| panic!("{what}: {url}"));
                for pair in given.split('&').filter_map(|pair| pair.strip_prefix("var-")) {
                    let (variable, _) = pair.split_once('=').expect("a value");
                    assert!(names(target).contains(variable), "{what}: {uid} has no variable {variable}");
                }
            }
        }
    }
}

#[test]
fn provisioning_names_the_plugin_and_no_secret() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/provisioning");
    let source = fs::read_to_string(root.join("datasources/tlsight.yaml")).expect("text");
    assert!(source.contains(&format!("type: {PLUGIN}\n")));
    assert!(source.contains("password: ${TLSIGHT_CLICKHOUSE_PASSWORD}\n"));
    let folder = fs::read_to_string(root.join("dashboards/tlsight.yaml")).expect("text");
    assert!(folder.contains("type: file\n"));
}

/// The store, with the sessions and alerts of all captures in database `captures`.
fn filled() -> &'static Store {
    static FILLED: OnceLock<()> = OnceLock::new();
    let store = Store::shared();
    FILLED.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let url = format!("http://{}/{DATABASE}", store.address);
        Store::tlsight(&["clickhouse", "init", &url]);
        let (captures, rules) = (root.join("testdata/captures"), root.join("rules"));
        let [captures, rules] = [captures.to_str(), rules.to_str()].map(|path| path.expect("UTF-8"));
        Store::tlsight(&["read", captures, "--json", "-o", "/dev/null", "--rules", rules, "--clickhouse", &url]);
    });
    store
}

/// First and last second of what is stored.
fn range(store: &Store) -> (i64, i64) {
    let rows = store.ask(&format!(
        "SELECT toUnixTimestamp(min(timestamp)) AS first, toUnixTimestamp(max(timestamp)) + 1 AS last \
         FROM {DATABASE}.sessions"
    ));
    let second = |name: &str| rows[0][name].as_i64().expect("a number");
    (second("first"), second("last"))
}

/// Nothing is chosen: all of a list, no text.
fn everything(dashboard: &Value) -> BTreeMap<String, Vec<String>> {
    list(&dashboard["templating"]["list"])
        .map(|variable| {
            let value = if variable["includeAll"] == true { vec!["$__all".to_owned()] } else { vec![String::new()] };
            (text(variable, "name").to_owned(), value)
        })
        .collect()
}

fn answer(store: &Store, expansion: &Expansion, panel: &Value, what: &str) -> Value {
    let targets: Vec<_> = list(&panel["targets"]).collect();
    let [target] = targets[..] else { panic!("{what}: one question a panel") };
    let statement = expansion.of(text(target, "rawSql")).unwrap_or_else(|why| panic!("{what}: {why}"));
    json(store, &statement, what)
}

fn json(store: &Store, statement: &str, what: &str) -> Value {
    let answer = store
        .answer(DATABASE, &format!("{statement}\nFORMAT JSON"))
        .unwrap_or_else(|why| panic!("{what}: {why}\n{statement}"));
    serde_json::from_str(&answer).expect("JSON")
}

/// Holds an answer against what the panel's form needs.
fn check(panel: &Value, answer: &Value, what: &str) {
    let columns: Vec<(&str, &str)> =
        list(&answer["meta"]).map(|meta| (text(meta, "name"), text(meta, "type"))).collect();
    let rows = list(&answer["data"]).count();
    assert!(rows > 0, "{what}: no rows");
    let numbers = columns.iter().filter(|(_, kind)| is_number(kind)).count();
    match text(panel, "type") {
        "timeseries" => {
            assert!(columns[0].0 == "time" && columns[0].1.starts_with("DateTime"), "{what}: {columns:?}");
            // With a label, the second column.
            assert!(numbers >= 1 && numbers + 2 >= columns.len(), "{what}: {columns:?}");
        }
        "stat" => {
            let is_time = columns[0].1.starts_with("DateTime");
            assert!(rows == 1 && columns.len() == 1 && (numbers == 1 || is_time), "{what}: {columns:?}");
            let value = answer["data"][0].as_object().and_then(|row| row.values().next()).expect("a value");
            assert!(!value.is_null(), "{what}: {value}");
        }
        "piechart" => assert!(columns.len() == 2 && numbers == 1 && is_number(columns[1].1), "{what}: {columns:?}"),
        "barchart" => {
            let field = text(&panel["options"], "xField");
            assert!(columns.iter().any(|(name, kind)| *name == field && !is_number(kind)), "{what}: {columns:?}");
            assert_eq!(numbers, columns.len() - 1, "{what}: {columns:?}");
        }
        "table" => assert!(columns.len() > 1, "{what}: {columns:?}"),
        other => panic!("{what}: a panel of type {other}"),
    }
    for field in list(&panel["fieldConfig"]["overrides"]).map(|field| text(&field["matcher"], "options")) {
        assert!(columns.iter().any(|(name, _)| *name == field), "{what}: no column {field} in {columns:?}");
    }
}

fn is_number(kind: &str) -> bool {
    let kind = kind.trim_start_matches("Nullable(");
    ["UInt", "Int", "Float", "Decimal"].iter().any(|number| kind.starts_with(number))
}

/// By their file's name. `sensor_metrics` asks Prometheus.
fn dashboards() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    let files = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter(|path| !path.ends_with("sensor_metrics.json"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("text");
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, serde_json::from_str(&text).expect("JSON"))
        })
        .collect()
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(&dashboard["panels"])
}

/// Of fields, with their field's name.
fn links(panel: &Value) -> impl Iterator<Item = (&str, &Value)> {
    list(&panel["fieldConfig"]["overrides"]).flat_map(|field| {
        let links = list(&field["properties"]).filter(|property| property["id"] == "links");
        links.flat_map(|links| list(&links["value"])).map(|link| (text(&field["matcher"], "options"), link))
    })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no text `{key}` in {value}"))
}

const DATABASE: &str = "captures";
const PLUGIN: &str = "grafana-clickhouse-datasource";
