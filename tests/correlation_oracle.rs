//! Generated correlations over generated sessions: ours against another engine (`rsigma-eval`), where both mean the same.
//!
//! Both look at each session as it comes, slide their windows and begin anew after a finding. What only the end of a span can
//! tell (`lt`, `lte`, `eq`, `neq`, averages, percentiles), the other engine tells at the first session of which it holds; that
//! is left out here, as are sessions without a value of the group, which are a group of their own there. A temporal rule without
//! a condition is true there as soon as one rule matches; the specification says that "all events defined by the rules … must
//! occur", so the condition is written out. Rules are named by id, since the other engine knows no names.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use rsigma_eval::{CorrelationAction, CorrelationConfig, CorrelationEngine, JsonEvent};
use rsigma_parser::parse_sigma_yaml;
use serde_json::json;
use tlsight::capture::Timestamp;
use tlsight::detect::{Detector, Rules};

mod samples;

#[test]
fn both_engines_find_the_same() {
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..ROUNDS {
        let mut random = Random(seed * 2 + 1);
        let (kinds, rules) = rules(&mut random);
        let sessions = sessions(&mut random);
        let (ours, theirs) = (ours(&rules, &sessions), theirs(&rules, &sessions));
        let first = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
        assert!(ours == theirs, "round {seed}: {first:?}\n{rules}");
        for (_, title, _) in &ours {
            let number: usize = title.trim_start_matches('C').parse().unwrap();
            *found.entry(kinds[number]).or_default() += 1;
        }
    }
    // A test that compares nothing proves nothing.
    assert!(KINDS.iter().all(|kind| found.get(kind).is_some_and(|count| *count > 200)), "{found:?}");
}

#[derive(Debug)]
struct Session {
    second: i64,
    source: u8,
    name: char,
    port: u16,
}

/// Which session completed which correlation, and in which group.
type Findings = Vec<(usize, String, String)>;

fn ours(rules: &str, sessions: &[Session]) -> Findings {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rules.yml"), rules).unwrap();
    let mut detector = Detector::new(Rules::load(folder.path()).unwrap_or_else(|why| panic!("{rules}\n{why}")));
    let mut event = samples::tls12();
    let mut findings = Findings::new();
    for (number, session) in sessions.iter().enumerate() {
        event.timestamp = Timestamp(session.second * 1_000_000_000);
        event.end = event.timestamp;
        event.client.ip = IpAddr::V4(Ipv4Addr::new(10, 0, 0, session.source));
        event.server.port = session.port;
        event.client_hello.as_mut().unwrap().server_name = Some(session.name.to_string().as_bytes().into());
        detector.see(&event, &mut |alert| {
            // A rule that no correlation names alerts by itself.
            if alert.rule.title.starts_with('C') {
                findings.push((number, alert.rule.title.clone(), alert.group[0].1.to_string()));
            }
        });
    }
    findings.sort();
    findings
}

fn theirs(rules: &str, sessions: &[Session]) -> Findings {
    let config = CorrelationConfig { action_on_match: CorrelationAction::Reset, ..CorrelationConfig::default() };
    let mut engine = CorrelationEngine::new(config);
    engine.add_collection(&parse_sigma_yaml(rules).unwrap()).unwrap_or_else(|why| panic!("{why}"));
    let mut findings = Findings::new();
    for (number, session) in sessions.iter().enumerate() {
        let source = format!("10.0.0.{}", session.source);
        let event = json!({
            "source.ip": source,
            "destination.port": session.port,
            "tls.client.server_name": session.name.to_string(),
        });
        let told = engine.process_event_at(&JsonEvent::borrow(&event), session.second);
        let correlations = told.into_iter().filter(|told| told.header.rule_title.starts_with('C'));
        findings.extend(correlations.map(|told| (number, told.header.rule_title, source.clone())));
    }
    findings.sort();
    findings
}

/// Four rules by server name and some correlations over them; the types of these, and all as text.
fn rules(random: &mut Random) -> (Vec<&'static str>, String) {
    let mut text = String::new();
    for name in NAMES {
        write!(
            text,
            "title: {name}\nid: {}\nlevel: low\nlogsource: {{product: tlsight, category: tls}}\ndetection:\n  s: {{tls.client.server_name: {name}}}\n  condition: s\n---\n",
            id_of(name)
        )
        .unwrap();
    }
    let mut kinds = Vec::new();
    for number in 0..6 {
        let kind = KINDS[random.below(KINDS.len())];
        let mut names = NAMES.to_vec();
        for last in (1..names.len()).rev() {
            names.swap(last, random.below(last + 1));
        }
        names.truncate(if kind.starts_with("temporal") { 2 + random.below(2) } else { 1 + random.below(4) });
        let most = names.len();
        let ids: Vec<String> = names.into_iter().map(id_of).collect();
        let (relation, least) = [("gte", 2), ("gt", 1)][random.below(2)];
        let condition = match kind {
            "event_count" => format!("    condition: {{{relation}: {}}}\n", least + random.below(5)),
            "value_count" => {
                format!("    condition: {{field: destination.port, {relation}: {}}}\n", least + random.below(3))
            }
            "value_sum" => {
                format!("    condition: {{field: destination.port, {relation}: {}}}\n", 1 + random.below(30))
            }
            "temporal" => format!("    condition: {{gte: {}}}\n", 2 + random.below(most - 1)),
            _ => format!("    condition: {{gte: {most}}}\n"),
        };
        writeln!(
            text,
            "title: C{number}\nid: 11111111-1111-4111-8111-{number:012}\nlevel: high\ncorrelation:\n    type: {kind}\n    rules: [{}]\n    group-by: [source.ip]\n    timespan: {}s\n{condition}custom: {{suppress: false}}\n---",
            ids.join(", "),
            5 + random.below(60)
        )
        .unwrap();
        kinds.push(kind);
    }
    (kinds, text.trim_end_matches("---\n").to_owned())
}

fn sessions(random: &mut Random) -> Vec<Session> {
    let mut second = 1_700_000_000;
    (0..200)
        .map(|_| {
            // Theirs has the order of times alone: of two in one second each comes after the other.
            second += 1 + random.below(8) as i64;
            Session {
                second,
                source: 1 + random.below(3) as u8,
                name: ['a', 'b', 'c', 'd', 'e'][random.below(5)],
                port: 1 + random.below(6) as u16,
            }
        })
        .collect()
}

fn id_of(name: char) -> String {
    format!("22222222-2222-4222-8222-{:012}", u32::from(name))
}

/// A linear congruential generator (Knuth, MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

const NAMES: [char; 4] = ['a', 'b', 'c', 'd'];
const KINDS: [&str; 5] = ["event_count", "value_count", "value_sum", "temporal", "temporal_ordered"];
const ROUNDS: u64 = 100;
