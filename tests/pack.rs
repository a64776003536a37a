//! The rules of `rules/`: each passes its own tests, has nothing odd about it, and rests on no fingerprint that others share.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlsight::detect::library::{self, Entry};
use tlsight::detect::selftest::{Report, Selftest};
use tlsight::detect::{Rules, check};
use tlsight::judge::Measures;
use tlsight::judge::labels::KnowledgeBase;
use tlsight::judge::labels::entry::Print;
use tlsight::runtime;
use tlsight::x509::verify::Anchors;

#[test]
fn every_rule_passes_its_own_tests() {
    let reports = reports(&folder());
    assert!(reports.len() >= 60, "{}", reports.len());
    for report in &reports {
        assert!(report.failures.is_empty(), "{}:\n{}", report.title, report.failures.join("\n"));
        assert!(report.fires > 0 && report.quiet > 0, "{}", report.title);
    }
}

/// A rule that never holds fails whatever has to fire, and one that is turned round whatever has to be quiet.
#[test]
fn the_tests_of_each_rule_notice_when_it_is_wrong() {
    let never = changed(&|condition| format!("({condition}) and not ({condition})"));
    for report in &never {
        assert_eq!(report.failures.len(), report.fires, "{}: {:#?}", report.title, report.failures);
    }
    let turned = changed(&|condition| format!("not ({condition})"));
    for report in &turned {
        // A capture of several sessions may fire either way.
        assert!(report.failures.len() >= report.quiet, "{}: {:#?}", report.title, report.failures);
    }
    assert!(never.len() >= 60 && never.len() == turned.len(), "{}, {}", never.len(), turned.len());
}

/// What comes of the tests of rules over single sessions when their conditions are others.
fn changed(change: &dyn Fn(&str) -> String) -> Vec<Report> {
    let wrong = tempfile::tempdir().expect("a folder");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::os::unix::fs::symlink(here.join("testdata"), wrong.path().join("testdata")).expect("a link");
    copy(&here.join("rules/lists"), &wrong.path().join("rules/lists"));
    for entry in library::read(&folder()) {
        let text = fs::read_to_string(&entry.path).expect("a rule");
        if text.contains("\ncorrelation:") || text.contains("  behaviour:") {
            continue;
        }
        let below = entry.path.strip_prefix(here).expect("a rule of this folder");
        let place = wrong.path().join(below);
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        let lines = text.lines().map(|line| match line.strip_prefix("  condition: ") {
            Some(condition) => format!("  condition: {}\n", change(condition)),
            None => format!("{line}\n"),
        });
        fs::write(place, lines.collect::<String>()).expect("a rule");
    }
    reports(&wrong.path().join("rules"))
}

#[test]
fn nothing_about_the_rules_is_odd() {
    assert_eq!(check::warnings(&library::read(&folder()), &folder()), Vec::<String>::new());
}

#[test]
fn each_rule_stands_in_a_family_and_says_what_it_saw() {
    let families = [
        "anomalies",
        "behaviour",
        "bots",
        "certificates",
        "correlation",
        "impersonation",
        "malware",
        "policy",
        "posture",
    ];
    let all = library::read(&folder());
    for entry in all.iter().filter(|entry| !library::is_silent(entry, &all)) {
        let text = fs::read_to_string(&entry.path).expect("a rule");
        assert!(families.contains(&entry.family().as_str()), "{}: {}", entry.path.display(), entry.family());
        assert!(entry.techniques().count() > 0, "{}", entry.title());
        assert!(entry.references().iter().all(|reference| reference.starts_with("https://")), "{}", entry.title());
        let message = text.lines().find(|line| line.trim_start().starts_with("message: "));
        assert!(message.is_some_and(|line| line.contains('{')), "{}", entry.title());
    }
}

/// What tells of a session by its fingerprint alone must not tell of what is known to be harmless.
#[test]
fn listed_fingerprints_are_those_of_no_software_that_is_known() {
    let base = KnowledgeBase::built_in().expect("labels");
    let list = fs::read_to_string(folder().join("lists/known_bad_ja3.txt")).expect("a list");
    let values = list.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_whitespace().next());
    let mut count = 0;
    for value in values {
        count += 1;
        let known: Vec<_> = Print::all_of(value).into_iter().flat_map(|print| base.with(print)).collect();
        assert!(known.is_empty(), "{value} is {}", known[0].software);
    }
    assert!(count >= 10, "{count}");
}

#[test]
fn a_family_can_be_used_by_itself() {
    for family in fs::read_dir(folder()).expect("rules").map(|entry| entry.expect("an entry").path()) {
        let is_family = family.is_dir() && !library::read(&family).is_empty();
        if is_family {
            Rules::load(&family).unwrap_or_else(|why| panic!("{}: {why}", family.display()));
        }
    }
}

fn reports(path: &Path) -> Vec<Report> {
    let knowledge = Arc::new(KnowledgeBase::built_in().expect("labels"));
    let measures = Measures { anchors: Arc::new(Anchors::mozilla()), chain_checks: None, knowledge: Some(knowledge) };
    let mut read = |path: &Path| runtime::sessions(path, measures.clone()).map_err(|error| error.to_string());
    let rules = Rules::load(path).unwrap_or_else(|why| panic!("{why}"));
    let mut selftest = Selftest::new(rules, &mut read);
    let entries: Vec<Entry> = library::read(path);
    entries.iter().filter_map(|entry| selftest.rule(entry, &entries)).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}
