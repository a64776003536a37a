//! Threat lists: every form that feeds have, what of a session they know, and what an alert says of it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tlsight::capture::Timestamp;
use tlsight::detect::field::Field;
use tlsight::detect::threat::{ListSource, Reading, Report};
use tlsight::detect::{Alert, Detector, Level, Rules, ThreatLists};
use tlsight::event::Event;
use tlsight::event::Side;
use tlsight::event::labels::{Evidence, Label, LabelSet, Role, Specificity};
use tlsight::sink::record::Printer;

mod samples;

/// Of the sample: `[0x11, …]` and so on, taken from what is printed of it.
struct Shown {
    ja3: String,
    ja4: String,
    ja3s: String,
    sha1: String,
    sha256: String,
    md5: String,
    issuer_sha1: String,
}

#[test]
fn the_lists_of_sslbl_are_read_as_they_are_published() {
    let shown = shown();
    let Shown { ja3, sha1, .. } = &shown;
    for (name, text) in [
        ("certificates.csv", format!("# Listingdate,SHA1,Listingreason\n2024-02-17 23:59:59,{sha1},Dridex C&C\r\n")),
        // As it comes out of tools that take comments away.
        ("bare.csv", format!("2024-02-17 23:59:59,{sha1},Dridex C&C\n")),
        (
            "ja3.csv",
            format!(
                "# ja3_md5,Firstseen,Lastseen,Listingreason\n{ja3},2024-02-17 23:59:59,2024-02-20 00:00:00,Dridex C&C\n"
            ),
        ),
        ("ip.csv", "# Firstseen,DstIP,DstPort\r\n2024-02-17 23:59:59,66.35.250.204,443\r\n".to_owned()),
        (
            "quoted.csv",
            format!(
                "\"first_seen_utc\",\"ioc_value\",\"ioc_type\",\"malware_printable\"\n\"2024-02-17 23:59:59\", \"{sha1}\", \"sha1_hash\", \"x\"\n\"2024-02-17 23:59:59\",\"66.35.250.204:443\",\"ip:port\",\"Dridex C&C\"\n"
            ),
        ),
    ] {
        let (alerts, report) = run(name, &text);
        let [alert] = &*alerts else { panic!("{name}: {alerts:?} {report:?}") };
        let listed = alert.listed.as_deref().expect("a list's alert");
        assert_eq!(listed.first_seen, Some(1_708_214_399), "{name}");
        assert!(alert.message.contains("first seen 2024-02-17, 12 days before"), "{name}: {}", alert.message);
        let days = alert.measures.iter().find(|(name, _)| *name == "age_days").expect("an age").1;
        assert_eq!(days, 12.0, "{name}");
        assert_eq!(report.bad, 0, "{name}: {:?}", report.faults);
        if name != "ip.csv" {
            assert!(alert.message.contains("(Dridex C&C)"), "{name}: {}", alert.message);
        }
    }
}

#[test]
fn an_empty_list_is_no_fault() {
    let (alerts, report) = run("ip.csv", "# Firstseen,DstIP,DstPort\n");
    assert_eq!((alerts.len(), report.entries, report.bad), (0, 0, 0));
}

#[test]
fn everything_that_a_session_shows_is_looked_for() {
    let Shown { ja3, ja4, ja3s, sha1, sha256, md5, issuer_sha1 } = shown();
    let [a, b, c]: [&str; 3] = ja4.split('_').collect::<Vec<_>>().try_into().expect("three sections");
    for (entry, matched, kind, level) in [
        (sha1.clone(), "tlsight.server.chain.sha1", "x509-certificate", Level::High),
        (sha1.to_uppercase(), "tlsight.server.chain.sha1", "x509-certificate", Level::High),
        (colons(&sha1), "tlsight.server.chain.sha1", "x509-certificate", Level::High),
        (sha256, "tlsight.server.chain.sha256", "x509-certificate", Level::High),
        (md5, "tlsight.server.chain.md5", "x509-certificate", Level::High),
        (issuer_sha1, "tlsight.server.chain.sha1", "x509-certificate", Level::High),
        (ja3, "tls.client.ja3", "ja3", Level::Medium),
        (ja4.clone(), "tls.client.ja4", "ja4", Level::Medium),
        (format!("{a}_*_{c}"), "tls.client.ja4", "ja4", Level::Medium),
        (format!("{a}_{c}"), "tls.client.ja4", "ja4", Level::Medium),
        (format!("*_{b}_{c}"), "tls.client.ja4", "ja4", Level::Medium),
        ("66.35.250.204".to_owned(), "destination.ip", "ipv4-addr", Level::High),
        ("66.35.0.0/16".to_owned(), "destination.ip", "ipv4-addr", Level::High),
        ("66.35.250.204:443".to_owned(), "destination.ip", "ipv4-addr", Level::High),
        ("128.232.110.120".to_owned(), "source.ip", "ipv4-addr", Level::High),
        ("mozilla.example".to_owned(), "tls.client.server_name", "domain-name", Level::High),
        ("MOZILLA[.]Example.".to_owned(), "tls.client.server_name", "domain-name", Level::High),
        ("*.example".to_owned(), "tls.client.server_name", "domain-name", Level::High),
        (".mozilla.example".to_owned(), "tls.client.server_name", "domain-name", Level::High),
        ("0.0.0.0 mozilla.example".to_owned(), "tls.client.server_name", "domain-name", Level::High),
    ] {
        let (alerts, _) = run("list.txt", &format!("# one\n{entry}   # why it is listed\n"));
        let [alert] = &*alerts else { panic!("{entry}: {alerts:?}") };
        let listed = alert.listed.as_deref().expect("a list's alert");
        assert_eq!((listed.matched, listed.kind, alert.rule.level), (matched, kind, level), "{entry}");
        assert_eq!((&*listed.list, listed.line), ("list", 2), "{entry}");
        assert!(Field::named(matched).is_ok(), "{matched} is a field that rules may name");
        assert!(alert.message.contains("is on the threat list list (why it is listed)"), "{entry}: {}", alert.message);
    }
    let (alerts, _) = run("list.csv", &format!("ja3s,note\n{ja3s},x\n"));
    assert_eq!(alerts[0].listed.as_deref().expect("listed").matched, "tls.server.ja3s");
}

#[test]
fn what_a_session_does_not_show_is_not_found() {
    let Shown { ja4, .. } = shown();
    let [a, _, c]: [&str; 3] = ja4.split('_').collect::<Vec<_>>().try_into().expect("three sections");
    for entry in [
        "66.35.250.204:8443",
        "128.232.110.120:443",
        "66.36.0.0/16",
        "www.mozilla.example",
        "*.mozilla.example",
        "zilla.example",
        &format!("{a}_*_{}", c.chars().rev().collect::<String>()),
        "00000000000000000000000000000000",
    ] {
        let (alerts, report) = run("list.txt", &format!("{entry}\n"));
        assert!(alerts.is_empty() && report.entries > 0, "{entry}: {alerts:?}");
    }
}

#[test]
fn the_certificate_says_the_name_where_the_client_does_not() {
    let mut event = event();
    event.client_hello.as_mut().expect("a hello").server_name = None;
    let leaf = event.server_chain[0].parsed.as_ref().expect("a certificate");
    let name = leaf.dns_names.first().expect("a name").clone();
    let (lists, _) = load(&[("names.txt", &name)]);
    let alerts = check(&lists, &event);
    assert_eq!(alerts[0].listed.as_deref().expect("listed").matched, "tls.server.x509.alternative_names");
    event.client_hello.as_mut().expect("a hello").server_name = Some(b"other.test".as_slice().into());
    assert_eq!(check(&lists, &event).len(), 0, "it asked for another");
}

#[test]
fn zeek_intelligence_is_read() {
    let Shown { sha1, sha256, ja3, .. } = shown();
    let line = |value: &str, kind: &str| format!("{value}\t{kind}\tfeed\tA listed thing\thttps://feed.test/1\n");
    let text = [
        "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\tmeta.url\n".to_owned(),
        line("66.35.250.204", "Intel::ADDR"),
        line("mozilla.example", "Intel::DOMAIN"),
        line(&sha1, "Intel::CERT_HASH"),
        line(&sha256, "Intel::CERT_HASH"),
        line(&ja3, "Intel::JA3"),
        line("http://x/", "Intel::URL"),
        line("short", "Intel::JA3"),
        "no columns\n".to_owned(),
    ];
    let (alerts, report) = run("intel.dat", &text.concat());
    let matched: Vec<_> = alerts.iter().map(|alert| alert.listed.as_deref().expect("listed").matched).collect();
    assert_eq!(
        matched,
        [
            "tlsight.server.chain.sha1",
            "tlsight.server.chain.sha256",
            "tls.client.server_name",
            "destination.ip",
            "tls.client.ja3"
        ]
    );
    let listed = alerts[0].listed.as_deref().expect("listed");
    assert_eq!(listed.description.as_deref(), Some("A listed thing"));
    assert_eq!((listed.source.as_deref(), listed.reference.as_deref()), (Some("feed"), Some("https://feed.test/1")));
    assert_eq!((report.entries, report.bad, report.left_out), (5, 2, 1));
    assert!(report.faults[0].contains("intel.dat:8: `short` is no JA3"), "{:?}", report.faults);
    assert!(report.faults[1].contains("intel.dat:9: 1 columns"), "{:?}", report.faults);
}

#[test]
fn indicators_of_a_stix_bundle_hit_while_they_are_valid() {
    let Shown { sha1, .. } = shown();
    let indicator = |number: u32, pattern: &str, more: &[(&str, Value)]| {
        let mut object = json!({
            "type": "indicator", "spec_version": "2.1", "name": format!("Thing {number}"),
            "id": format!("indicator--00000000-0000-4000-8000-00000000000{number}"),
            "created": "2024-01-01T00:00:00.000Z", "modified": "2024-01-01T00:00:00.000Z",
            "pattern": pattern, "pattern_type": "stix", "valid_from": "2024-02-19T23:59:59Z",
        });
        more.iter().for_each(|(key, value)| object[key] = value.clone());
        object
    };
    let bundle = json!({"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "identity", "id": "identity--1", "name": "somebody"},
        indicator(1, &format!("[x509-certificate:hashes.'SHA-1' = '{sha1}']"), &[]),
        indicator(2, "[ipv4-addr:value = '66.35.250.204']", &[("valid_until", json!("2024-02-29T23:59:59Z"))]),
        indicator(3, "[ipv4-addr:value = '128.232.110.120']", &[("valid_until", json!("2024-03-01T00:00:00Z"))]),
        indicator(4, "[domain-name:value = 'mozilla.example']", &[("revoked", json!(true))]),
        indicator(5, "alert tcp any any", &[("pattern_type", json!("snort"))]),
        indicator(6, "[file:name = 'x.exe']", &[]),
        indicator(7, "[domain-name:value = ", &[]),
        indicator(8, "[domain-name:value = 'MOZILLA.example'] OR [domain-name:value = 'other.example']", &[]),
        {"type": "indicator", "pattern": 5},
    ]});
    let (alerts, report) = run("feed.json", &serde_json::to_string_pretty(&bundle).expect("JSON"));
    let found: Vec<_> = alerts
        .iter()
        .map(|alert| alert.listed.as_deref().expect("listed").description.as_deref().unwrap_or(""))
        .collect();
    // The session is of 23:59:59.123: the second's time is over, the third's is not.
    assert_eq!(found, ["Thing 1", "Thing 8", "Thing 3"]);
    assert!(alerts[0].message.contains("first seen 2024-02-19, 10 days before"), "{}", alerts[0].message);
    let reference = alerts[0].listed.as_deref().expect("listed").reference.as_deref();
    assert_eq!(reference, Some("indicator--00000000-0000-4000-8000-000000000001"));
    assert_eq!((report.form, report.bad, report.left_out), ("a STIX bundle", 2, 3), "{report:?}");
    assert!(report.reasons.iter().any(|reason| reason.contains("`file:name` is nothing that TLS shows")), "{report:?}");
    let line = report.faults[0].split(':').nth(1).and_then(|line| line.parse::<usize>().ok()).expect("a line");
    assert!(line > 60, "the fault is far down in the file: {}", report.faults[0]);
}

#[test]
fn lists_may_be_in_gzip() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(b"mozilla.example\n").expect("it packs");
    let (alerts, _) = run_bytes("names.txt.gz", &packed.finish().expect("it packs"));
    assert_eq!(&*alerts[0].listed.as_deref().expect("listed").list, "names");
}

#[test]
fn levels_and_names_come_from_the_file_and_the_command_line_goes_before() {
    let text = "# name: My list\n# level: critical\nmozilla.example\n";
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(&folder, "l.txt", text.as_bytes());
    let (lists, _) =
        ThreatLists::load(&["low=".to_owned() + text_of(&path), text_of(&path).to_owned()].map(source)).expect("lists");
    let alerts = check(&lists, &event());
    let told: Vec<_> = alerts.iter().map(|alert| (alert.rule.title.as_str(), alert.rule.level)).collect();
    let second = format!("Threat list {}: name", path.display());
    assert_eq!(told, [("Threat list My list: name", Level::Low), (&*second, Level::Critical)]);
    assert_ne!(alerts[0].rule.id, alerts[1].rule.id);
}

#[test]
fn a_fingerprint_that_known_software_has_too_is_low_and_says_so() {
    let Shown { ja3, .. } = shown();
    let (lists, _) = load(&[("ja3.txt", &ja3)]);
    let with = |role, evidence| {
        let mut event = event();
        event.labels.client = Some(Arc::new(LabelSet {
            labels: [Label {
                side: Side::Client,
                software: "curl".into(),
                setup: None,
                version: None,
                library: None,
                role,
                specificity: Specificity::Application,
                evidence,
                source: "measured".into(),
                also: Box::default(),
            }]
            .into(),
        }));
        check(&lists, &event).remove(0)
    };
    let shared = with(Some(Role::Tool), Evidence::Hello);
    assert_eq!(shared.rule.level, Level::Low);
    assert!(shared.message.ends_with("; curl has the same fingerprint"), "{}", shared.message);
    for (role, evidence) in
        [(Some(Role::Malware), Evidence::Ja3), (None, Evidence::Ja3), (Some(Role::Tool), Evidence::Stable)]
    {
        assert_eq!(with(role, evidence).rule.level, Level::Medium);
    }
}

#[test]
fn a_session_before_its_listing_is_found_and_the_age_says_so() {
    let (lists, _) = load(&[("n.csv", "date,domain\n2024-03-05,mozilla.example\n")]);
    let alert = check(&lists, &event()).remove(0);
    assert!(alert.message.ends_with("first seen 2024-03-05, 4 days after this session"), "{}", alert.message);
}

#[test]
fn bad_lines_are_told_with_their_place_and_cost_no_other() {
    let (alerts, report) =
        run("n.txt", "not one\nmozilla.example\nhttp://a.example/\nbücher.example\n0.0.0.0/0\n\u{1b}[2J\n");
    assert_eq!(alerts.len(), 1);
    let told: Vec<&str> = report.faults.iter().map(|fault| fault.rsplit_once("n.txt:").expect("a place").1).collect();
    assert_eq!(told.len(), 4);
    assert_eq!(told[0], "1: `not` is no fingerprint, hash, name or address");
    assert!(told[1].starts_with("4: `bücher.example` is not ASCII"), "{told:?}");
    assert_eq!(told[2], "5: `0.0.0.0/0` is every address there is");
    assert_eq!((report.bad, report.left_out), (4, 1));
}

#[test]
fn what_is_no_list_is_an_error_that_names_the_file() {
    for (name, bytes) in [
        ("binary.txt", b"\x7fELF\x00\x00\x01".as_slice()),
        ("prose.txt", b"This is no list\nat all\n"),
        ("page.html", b"<!doctype html>\n<html>\n"),
        ("object.json", b"{\"a\": 1}"),
        ("broken.json", b"{\"type\": \"bundle\", \"objects\": ["),
        ("broken.gz", b"\x1f\x8b\x08\x00broken"),
        ("directive.txt", b"# level: worst\n"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = write(&folder, name, bytes);
        let told = ThreatLists::load(&[source(text_of(&path).to_owned())]).expect_err(name).to_string();
        assert!(told.starts_with(text_of(&path)) && told.lines().count() == 1, "{told}");
    }
    let absent = ThreatLists::load(&[source("/nowhere/list.csv".to_owned())]).expect_err("it is not there");
    assert!(absent.to_string().starts_with("/nowhere/list.csv: "));
    let empty = tempfile::tempdir().expect("a folder");
    assert!(ThreatLists::load(&[source(text_of(empty.path()).to_owned())]).is_err());
}

#[test]
fn a_folder_is_all_lists_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("below")).expect("a folder");
    write(&folder, "b.txt", b"mozilla.example\n");
    write(&folder, "below/a.csv", b"ip\n66.35.250.204\n");
    write(&folder, "README.md", b"Not a list\n");
    write(&folder, ".hidden.txt", b"mozilla.example\n");
    let (lists, reports) = ThreatLists::load(&[source(text_of(folder.path()).to_owned())]).expect("lists");
    let names: Vec<&str> = reports.iter().map(|report| report.name.as_str()).collect();
    assert_eq!((names, lists.count(), lists.len()), (vec!["b", "a"], 2, 2));
    let told: Vec<String> = check(&lists, &event()).iter().map(|alert| alert.rule.title.clone()).collect();
    assert_eq!(told, ["Threat list b: name", "Threat list a: address"]);
}

#[test]
fn rules_name_lists_by_expand() {
    let Shown { sha1, .. } = shown();
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("rules/lists")).expect("a folder");
    write(
        &folder,
        "rules/lists/beside.csv",
        format!("# Listingdate,SHA1,Listingreason\n2024-01-01,{sha1},x\n").as_bytes(),
    );
    let list = write(&folder, "given.txt", b".mozilla.example\n66.35.250.0/24\n");
    let rule = |number: u32, item: &str| {
        format!(
            "title: Rule {number}\nid: 00000000-0000-4000-8000-00000000000{number}\nlevel: low\n\
             logsource: {{product: tlsight, category: tls}}\ndetection:\n  s:\n    {item}\n  condition: s\n"
        )
    };
    write(&folder, "rules/1.yml", rule(1, "tls.server.hash.sha1|expand: '%beside%'").as_bytes());
    write(&folder, "rules/2.yml", rule(2, "tls.client.server_name|expand: '%given%'").as_bytes());
    let (lists, _) = ThreatLists::load(&[source(text_of(&list).to_owned())]).expect("lists");
    let rules = Rules::load_with(&folder.path().join("rules"), &Arc::new(lists)).expect("rules");
    let mut told = Vec::new();
    rules.check(&event(), &mut |alert| told.push(alert.rule.title.clone()));
    assert_eq!(told, ["Rule 1", "Rule 2"]);
    let fault = Rules::load(&folder.path().join("rules")).expect_err("no such list").to_string();
    assert!(fault.contains("there is no list `given`"), "{fault}");
}

#[test]
fn a_detector_goes_on_with_other_lists() {
    let (before, _) = load(&[("a.txt", "mozilla.example\n")]);
    let (after, _) = load(&[("b.txt", "66.35.250.204\n")]);
    let mut detector = Detector::new(Rules::default()).with_lists(Arc::new(before));
    let see = |detector: &mut Detector| {
        let mut told = Vec::new();
        detector.see(&event(), &mut |alert| told.push(alert.rule.title.clone()));
        told
    };
    assert_eq!(see(&mut detector), ["Threat list a: name"]);
    detector.renew_lists(Arc::new(after));
    assert_eq!(see(&mut detector), ["Threat list b: address"]);
}

#[test]
fn hits_of_a_client_on_an_entry_are_told_once_an_hour_and_counted() {
    let (lists, _) = load(&[("a.txt", "mozilla.example\n"), ("b.txt", "66.35.250.204\n")]);
    let mut detector = Detector::new(Rules::default()).with_lists(Arc::new(lists));
    let mut told = Vec::new();
    for minute in 0..=90 {
        let mut event = event();
        event.timestamp = Timestamp(event.timestamp.0 + minute * 60_000_000_000);
        event.end = event.timestamp;
        detector.see(&event, &mut |alert| told.push((minute, alert.rule.title.clone(), alert.suppressed)));
    }
    let first = |minute, suppressed| {
        ["Threat list a: name", "Threat list b: address"].map(|title| (minute, title.to_owned(), suppressed))
    };
    assert_eq!(told, [first(0, 0), first(60, 59)].concat());
    let mut last = 0;
    detector.finish(&mut |alert| last += alert.suppressed.max(1));
    assert!(last > 0, "what is held back at the end is told");
    assert_eq!(detector.counters().alerts_suppressed, 2 * 89);
}

#[test]
fn the_record_of_a_hit_has_the_indicator_in_ecs() {
    let (lists, _) =
        load(&[("c2.csv", "date,ip,reason,source,reference\n2024-02-19,66.35.250.204,Dridex,me,https://a/\n")]);
    let alert = check(&lists, &event()).remove(0);
    let mut out = Vec::new();
    Printer::default().alert(&alert, &mut out);
    let record: Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(
        record["threat"],
        json!({
            "feed": {"name": "c2"},
            "indicator": {
                "type": "ipv4-addr", "name": "66.35.250.204", "ip": "66.35.250.204", "description": "Dridex",
                "provider": "me", "reference": "https://a/", "first_seen": "2024-02-19T00:00:00Z",
            },
        })
    );
    let fields = &record["tlsight"]["alert"];
    assert_eq!(fields["listed"], json!({"field": "destination.ip", "line": 2}));
    assert_eq!(
        fields["group"],
        json!({"threat.feed.name": "c2", "source.ip": "128.232.110.120", "destination.ip": "66.35.250.204"})
    );
    assert_eq!(record["event"]["severity"], 8);
}

#[test]
fn what_a_list_says_cannot_play_tricks() {
    let (alerts, _) = run("n.txt", "mozilla.example \u{1b}[31m\u{202e}evil\u{7}\n");
    let message = &alerts[0].message;
    assert!(!message.chars().any(|c| c.is_control() || c == '\u{202e}'), "{message:?}");
    assert!(message.contains("evil"));
}

/// A hundred thousand entries cost an event about what ten do; nothing here takes time that grows with their square.
#[test]
fn large_lists_are_read_and_looked_up_in_no_time() {
    let mut text = String::from("# Listingdate,SHA1,Listingreason\n");
    for number in 0..100_000_u32 {
        text.push_str(&format!("2024-01-01 00:00:00,{number:040x},Family {}\n", number % 100));
    }
    let begun = std::time::Instant::now();
    let (lists, reports) = load(&[("sha1.csv", &text)]);
    assert_eq!((lists.len(), reports[0].reading.repeated), (100_000, 0));
    for _ in 0..10_000 {
        assert!(check(&lists, &event()).is_empty());
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}

fn event() -> Event {
    let mut event = samples::tls12();
    event.timestamp = Timestamp(1_709_251_199_123_456_789);
    event
}

fn shown() -> Shown {
    let mut out = Vec::new();
    Printer::default().event(&event(), &mut out);
    let record: Value = out
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice::<Value>(line).expect("JSON"))
        .find(|line| line["event"]["dataset"] == "tlsight.tls")
        .expect("a session");
    let text = |path: &str| record.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path}")).to_owned();
    Shown {
        ja3: text("/tls/client/ja3"),
        ja4: text("/tls/client/ja4"),
        ja3s: text("/tls/server/ja3s"),
        sha1: text("/tls/server/hash/sha1"),
        sha256: text("/tls/server/hash/sha256"),
        md5: text("/tls/server/hash/md5"),
        issuer_sha1: text("/tlsight/server/chain/1/sha1"),
    }
}

fn colons(hex: &str) -> String {
    hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hex")).collect::<Vec<_>>().join(":")
}

fn run(name: &str, text: &str) -> (Vec<Alert>, Reading) {
    run_bytes(name, text.as_bytes())
}

fn run_bytes(name: &str, bytes: &[u8]) -> (Vec<Alert>, Reading) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(&folder, name, bytes);
    let (lists, mut reports) =
        ThreatLists::load(&[source(text_of(&path).to_owned())]).unwrap_or_else(|error| panic!("{error}"));
    (check(&lists, &event()), reports.remove(0).reading)
}

fn load(files: &[(&str, &str)]) -> (ThreatLists, Vec<Report>) {
    let folder = tempfile::tempdir().expect("a folder");
    let sources = files.iter().map(|(name, text)| source(text_of(&write(&folder, name, text.as_bytes())).to_owned()));
    ThreatLists::load(&sources.collect::<Vec<_>>()).unwrap_or_else(|error| panic!("{error}"))
}

fn check(lists: &ThreatLists, event: &Event) -> Vec<Alert> {
    let mut alerts = Vec::new();
    lists.check(event, &mut |alert| alerts.push(alert));
    alerts
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file");
    path
}

fn source(text: String) -> ListSource {
    text.parse().expect("any text is one")
}

fn text_of(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
