//! The knowledge base: that it holds what was measured, that lists of others are read, and that it says no more than it knows.

mod packets;
mod replay;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::sync::Arc;

use replay::{Replay, testdata};
use serde_json::Value;
use tlsight::event::Event;
use tlsight::event::labels::{Evidence, Label, Role, Specificity};
use tlsight::judge::labels::entry::{Entry, Print};
use tlsight::judge::labels::{BUILT_IN, KnowledgeBase, Labeller, MEASURED, file, import};

/// JA4 of Go as it is, without ALPN; FoxIO's list has it as both GoLang and an agent written in Go.
const GO: &str = "t13d190900_9dc949149365_97f8aa674fd9";

#[test]
fn every_file_of_the_folder_is_compiled_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/labels");
    let names = fs::read_dir(folder).expect("rules/labels").map(|entry| entry.expect("an entry").file_name());
    let names: BTreeSet<String> = names.map(|name| format!("rules/labels/{}", name.display())).collect();
    let names: Vec<&String> = names.iter().filter(|name| name.ends_with(".toml")).collect();
    assert_eq!(names, BUILT_IN.map(|(name, _)| name));
}

#[test]
fn what_is_compiled_in_was_measured_and_says_how() {
    let base = built_in();
    assert!(base.entries().len() >= 60, "{}", base.entries().len());
    for entry in base.entries() {
        assert_eq!(entry.source, MEASURED, "{}", entry.place);
        assert!(entry.date.is_some() && entry.how.is_some() && entry.role.is_some(), "{}", entry.place);
        assert!(!entry.versions.is_empty() && !entry.hellos.is_empty(), "{}", entry.place);
    }
    let hellos: HashSet<_> =
        base.entries().iter().flat_map(|entry| &entry.hellos).map(|hello| (hello.ja4, hello.ja3n)).collect();
    assert!(hellos.len() >= 100, "{}", hellos.len());
}

#[test]
fn every_hello_of_an_entry_is_in_the_capture_it_was_measured_in() {
    let seen: HashSet<Print> = sessions().iter().flat_map(prints).collect();
    let base = built_in();
    let absent: Vec<String> = base
        .entries()
        .iter()
        .flat_map(|entry| entry.prints().map(move |print| (entry, print)))
        .filter(|(_, print)| !seen.contains(print))
        .map(|(entry, print)| format!("{}: {} {print}", entry.place, print.kind()))
        .collect();
    assert_eq!(absent, Vec::<String>::new());
}

/// `expected.jsonl` holds the JA3 that tshark, and the JA4 that the Python package ja4plus read in the capture.
#[test]
fn others_read_the_same_fingerprints_in_that_capture() {
    let text = fs::read_to_string(testdata("labels/expected.jsonl")).expect("expected.jsonl");
    let mut expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).expect("JSON");
        for kind in ["ja3", "ja4"] {
            if let Some(print) = value[kind].as_str() {
                expected.entry(kind).or_default().insert(print.to_owned());
            }
        }
    }
    assert!(expected["ja3"].len() > 100 && expected["ja4"].len() > 60);
    let ours = |wanted: &str| -> BTreeSet<String> {
        let base = built_in();
        let prints: Vec<Print> = base.entries().iter().flat_map(Entry::prints).collect();
        prints.iter().filter(|print| print.kind() == wanted).map(Print::to_string).collect()
    };
    for kind in ["ja3", "ja4"] {
        let alone: Vec<String> = ours(kind).difference(&expected[kind]).cloned().collect();
        assert_eq!(alone, Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn each_measured_session_gets_its_software_or_what_that_is_built_on() {
    let (base, mut labeller) = (built_in(), Labeller::new(Arc::new(built_in())));
    let mut labelled = 0;
    for mut event in sessions() {
        labeller.label(&mut event);
        let told: Vec<&Label> = event.labels.iter().collect();
        let senders = sender(&base, &event);
        if senders.is_empty() {
            continue;
        }
        labelled += 1;
        let names: HashSet<&str> =
            told.iter().flat_map(|label| label.also.iter().chain([&label.software])).map(|n| &**n).collect();
        // A label names at most sixteen of those that it covers.
        let is_full = told.iter().any(|label| label.also.len() == 16) || told.len() == 16;
        assert!(is_full || senders.iter().all(|sender| names.contains(sender)), "{senders:?} in {names:?}");
        assert_eq!(told[0].evidence, Evidence::Hello);
    }
    assert!(labelled > 300, "{labelled}");
}

#[test]
fn a_bare_runtime_never_passes_for_the_tool_built_on_it() {
    let (mut base, mut seen) = (built_in(), 0);
    // The list says of Go's own hello that it is an agent's.
    base.extend(read("ja4plus-mapping.csv").entries);
    let runtimes: HashSet<Print> = with_specificity(&base, Specificity::Runtime);
    let mut labeller = Labeller::new(Arc::new(base));
    for mut event in sessions() {
        labeller.label(&mut event);
        if prints(&event).iter().all(|print| matches!(print, Print::Stable(_)) || runtimes.contains(print)) {
            seen += 1;
            for label in event.labels.iter() {
                assert_eq!(label.specificity, Specificity::Runtime, "{} for {:?}", label.software, prints(&event));
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn go_is_told_as_go_and_those_that_are_listed_with_it_beside_it() {
    let mut base = built_in();
    base.extend(read("ja4plus-mapping.csv").entries);
    let mut labeller = Labeller::new(Arc::new(base));
    let mut go =
        sessions().into_iter().filter(|event| prints(event).contains(&Print::parse("ja4", GO).expect("a JA4")));
    let mut event = go.next().expect("a session of Go");
    labeller.label(&mut event);
    let labels: Vec<&Label> = event.labels.iter().collect();
    assert_eq!(labels.iter().map(|label| &*label.software).collect::<Vec<_>>(), ["Go"]);
    let also: Vec<&str> = labels[0].also.iter().map(|name| &**name).collect();
    assert!(also.contains(&"An Agent (ja4plus-mapping.csv)") && also.contains(&"gobuster"), "{also:?}");
    assert_eq!(labels[0].role, Some(Role::Library));
}

#[test]
fn browsers_and_those_that_pretend_are_both_told_where_the_hello_is_one() {
    let base = built_in();
    let impersonators = base.entries().iter().filter(|entry| entry.role == Some(Role::Impersonator)).count();
    assert!(impersonators >= 30, "{impersonators}");
    let mut labeller = Labeller::new(Arc::new(built_in()));
    for mut event in Replay::of_file(&testdata("captures/chromium_nginx_tls13.pcap")).events {
        labeller.label(&mut event);
        assert!(event.labels.iter().any(|label| label.role == Some(Role::Browser)), "{:?}", event.labels);
    }
}

#[test]
fn foxios_mapping_is_read() {
    let list = read("ja4plus-mapping.csv");
    let told: Vec<_> =
        list.entries.iter().map(|entry| (&*entry.software, entry.specificity, entry.prints().count())).collect();
    let application = Specificity::Application;
    let expected = [
        ("GoLang", Specificity::Library, 1),
        ("An Agent", application, 1),
        ("A Client, with a comma", application, 1),
        ("A Server", application, 1),
    ];
    assert_eq!(told, expected);
    assert_eq!(
        (list.entries[2].os.as_deref(), list.entries[2].notes.as_deref()),
        (Some("Some OS"), Some("its \"own\" notes"))
    );
    // The answer to a client's hello is no sign of the server.
    assert!(list.entries.iter().all(|entry| entry.servers.iter().all(|print| print.kind() == "ja4x")));
    assert_eq!(list.faults.iter().map(|fault| place(fault)).collect::<Vec<_>>(), ["8", "9"]);
    assert_eq!((list.left_out.values().sum::<u64>(), list.repeated), (2, 1));
}

#[test]
fn ja4dbs_json_is_read() {
    let list = read("ja4db.json");
    let told: Vec<_> = list.entries.iter().map(|entry| (&*entry.software, &*entry.source)).collect();
    assert_eq!(told, [("A Browser", "ja4db.com, verified"), ("Another Tool", "ja4db.com")]);
    assert_eq!(list.entries[1].library.as_deref(), Some("A Library"));
    assert_eq!(list.faults.iter().map(|fault| place(fault)).collect::<Vec<_>>(), ["9", "10"]);
    // A user agent says nothing that could be relied on; a JA4T is no fingerprint of TLS.
    assert_eq!(list.left_out.values().sum::<u64>(), 2);
}

#[test]
fn sslbls_lists_are_read() {
    let list = read("ja3_fingerprints.csv");
    let told: Vec<_> = list.entries.iter().map(|entry| (&*entry.software, entry.role, entry.date.as_deref())).collect();
    let malware = Some(Role::Malware);
    // The thirtieth of February is no date.
    assert_eq!(told, [("Dridex", malware, Some("2019-07-27")), ("SomeBot", malware, None)]);
    assert_eq!(list.faults.iter().map(|fault| place(fault)).collect::<Vec<_>>(), ["8", "9"]);
    let list = read("sslblacklist.csv");
    assert_eq!(list.entries.iter().map(|entry| &*entry.software).collect::<Vec<_>>(), ["SomeBot C&C", "OtherBot C&C"]);
    assert_eq!(list.faults.iter().map(|fault| place(fault)).collect::<Vec<_>>(), ["6", "7"]);
    let list = read("sslipblacklist.csv");
    assert_eq!((list.entries.len(), list.faults.len(), list.left_out.values().sum::<u64>()), (0, 0, 2));
}

#[test]
fn zeeks_intelligence_is_read() {
    let list = read("intel.dat");
    let told: Vec<_> = list.entries.iter().map(|entry| (&*entry.software, &*entry.source)).collect();
    let expected =
        [("A listed certificate", "feed"), ("A listed client", "feed"), ("listed by intel.dat", "intel.dat")];
    assert_eq!(told, expected);
    assert_eq!(list.faults.iter().map(|fault| place(fault)).collect::<Vec<_>>(), ["7", "8", "9"]);
    assert_eq!(list.left_out.values().sum::<u64>(), 2);
}

#[test]
fn what_was_imported_can_be_loaded() {
    for name in ["ja4plus-mapping.csv", "ja4db.json", "ja3_fingerprints.csv", "sslblacklist.csv", "intel.dat"] {
        let entries = read(name).entries;
        let mut again = file::parse("x.toml", &file::write(&entries)).expect("entries as they were written");
        for (again, entry) in again.iter_mut().zip(&entries) {
            again.place.clone_from(&entry.place);
        }
        assert_eq!(again, entries, "{name}");
    }
}

#[test]
fn a_listed_certificate_labels_the_server_that_shows_it() {
    let mut base = built_in();
    base.extend(read("sslblacklist.csv").entries);
    base.extend(read("intel.dat").entries);
    let mut labeller = Labeller::new(Arc::new(base));
    let mut event = Replay::of_file(&testdata("captures/cert_expired.pcap")).only();
    labeller.label(&mut event);
    let server = event.labels.server.as_ref().expect("labels of the server");
    let told: Vec<_> = server.labels.iter().map(|label| (&*label.software, &*label.source)).collect();
    assert_eq!(told, [("A listed certificate", "feed"), ("SomeBot C&C", "SSLBL")]);
}

#[test]
fn what_is_no_list_is_refused() {
    for text in ["", "a,b,c\n1,2,3\n", "{\"a\": 1}", "#fields indicator indicator_type\n"] {
        assert!(import::read("x", text).is_err(), "{text}");
    }
}

#[test]
fn a_list_of_nonsense_costs_no_more_than_its_faults() {
    let text = format!("#fields\tindicator\tindicator_type\n{}", "x\tIntel::JA3\n".repeat(50_000));
    let list = import::read("x", &text).expect("a list");
    assert_eq!((list.entries.len(), list.bad(), list.faults.len()), (0, 50_000, 1_001));
    let text = format!("Application,ja4\n{}", "\"a".repeat(100_000));
    assert_eq!(import::read("x", &text).expect("a list").entries.len(), 0);
    assert!(import::read("x", &"[".repeat(200_000)).expect("a list").bad() > 0);
}

fn built_in() -> KnowledgeBase {
    KnowledgeBase::built_in().unwrap_or_else(|error| panic!("{error}"))
}

fn sessions() -> Vec<Event> {
    Replay::of_file(&testdata("labels/hellos.pcap")).events
}

fn prints(event: &Event) -> Vec<Print> {
    let prints = event.client_hello.as_ref().and_then(|hello| hello.shape.prints.as_ref());
    let prints = prints.map(|prints| {
        let ja3 = prints.ja3.map(|ja3| Print::Ja3(ja3.0));
        let ja3n = prints.ja3n.map(|ja3n| Print::Ja3n(ja3n.0));
        [Some(Print::Ja4(prints.ja4.0)), Some(Print::Stable(prints.stable.0.0)), ja3, ja3n]
    });
    prints.into_iter().flatten().flatten().collect()
}

/// The software whose entries have a hello with the JA4 and the JA3 of this one.
fn sender<'b>(base: &'b KnowledgeBase, event: &Event) -> HashSet<&'b str> {
    let seen = prints(event);
    let is_it = |entry: &&Entry| entry.hellos.iter().any(|hello| hello.prints().all(|print| seen.contains(&print)));
    base.entries().iter().filter(is_it).map(|entry| &*entry.software).collect()
}

fn with_specificity(base: &KnowledgeBase, specificity: Specificity) -> HashSet<Print> {
    base.entries().iter().filter(|entry| entry.specificity == specificity).flat_map(Entry::prints).collect()
}

fn read(name: &str) -> import::Import {
    let text = fs::read_to_string(testdata(&format!("labels/lists/{name}"))).expect("a list");
    import::read(name, &text).unwrap_or_else(|error| panic!("{error}"))
}

/// The line of `file:line: what`.
fn place(fault: &str) -> &str {
    fault.split(':').nth(1).unwrap_or_default()
}

#[test]
fn who_imitates_a_browser_is_named_only_where_the_client_is_known_not_to_be_it() {
    use tlsight::event::{Browser, Verdict};
    let mut labeller = Labeller::new(Arc::new(built_in()));
    let mut names = |verdict: Option<Verdict>| {
        let mut told = BTreeSet::new();
        for mut event in Replay::of_file(&testdata("labels/hellos.pcap")).events {
            event.browser = verdict
                .map(|verdict| Box::new(Browser { claims: "Chromium".into(), verdict, evidence: Default::default() }));
            labeller.label(&mut event);
            told.extend(
                event
                    .labels
                    .iter()
                    .filter(|label| label.role == Some(Role::Impersonator))
                    .map(|label| label.software.to_string()),
            );
        }
        told
    };
    assert!(names(None).len() > 3);
    assert_eq!(names(Some(Verdict::Impersonation)), names(None));
    assert_eq!(names(Some(Verdict::Undecided)), BTreeSet::new());
    assert_eq!(names(Some(Verdict::Consistent)), BTreeSet::new());
}
