//! Correlation rules and suppression, from rule files to alerts: each type, condition and option of the specification
//! (Sigma correlation rules, version 2), what can never fire, and what is remembered and forgotten.

use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use tlsight::Error;
use tlsight::capture::Timestamp;
use tlsight::config::Limits;
use tlsight::detect::{Alert, Detector, Level, Rules};
use tlsight::event::{Chain, Event};
use tlsight::x509::verify::{ChainVerdict, Problem};

mod samples;

const SECOND: i64 = 1_000_000_000;
/// 2024-03-01T00:00:00Z.
const START: i64 = 1_709_251_200 * SECOND;

// Types

#[test]
fn event_count_counts_the_sessions_of_a_group() {
    let mut run = Run::new(&[base("fail", "tls.established: false"), correlation("event_count", "gte: 3", "")]);
    run.see(&[at(0).from(1).failed(), at(10).from(2).failed(), at(20).from(1).failed(), at(30).from(1)]);
    assert_eq!(run.told(), Vec::<String>::new(), "two of one source, one of another, and one that did not fail");
    run.see(&[at(60).from(1).failed()]);
    assert_eq!(run.alerts.len(), 1);
    let alert = &run.alerts[0];
    assert_eq!((alert.count, alert.suppressed, alert.rule.level), (3, 0, Level::High));
    assert_eq!(&*alert.sessions, &[id(0), id(2), id(4)]);
    assert_eq!(alert.group.as_ref(), &[("source.ip".into(), "10.0.0.1".into())]);
    assert_eq!((alert.timestamp, alert.source.ip), (Timestamp(START + 60 * SECOND), address(1)));
    assert_eq!(alert.message, "C: 3 with source.ip 10.0.0.1, last 10.0.0.1 -> mozilla.example (66.35.250.204:443)");
}

#[test]
fn event_count_counts_a_session_once_whichever_of_the_rules_it_matches() {
    let mut run = Run::new(&[
        base("fail", "tls.established: false"),
        base("odd", "destination.port: 8443"),
        with_rules("event_count", "[fail, odd]", "condition: {gte: 3}"),
    ]);
    run.see(&[at(0).failed().port(8443), at(1).port(8443)]);
    assert_eq!(run.alerts.len(), 0);
    run.see(&[at(2).failed()]);
    assert_eq!(run.alerts.len(), 1);
}

#[test]
fn value_count_counts_different_values() {
    let condition = "{field: tls.client.server_name, gt: 2}";
    let mut run = Run::new(&[base("any", "destination.port: 443"), correlation_of("any", "value_count", condition)]);
    run.see(&[at(0).name("a"), at(1).name("b"), at(2).name("A"), at(3).name("b"), at(4).without_name()]);
    assert_eq!(run.alerts.len(), 0, "case does not make another value, nor does none");
    run.see(&[at(5).name("c")]);
    assert_eq!((run.alerts.len(), run.alerts[0].count), (1, 3));
    assert_eq!(&*run.alerts[0].sessions, &[id(2), id(3), id(5)], "the latest of each value");
}

#[test]
fn value_count_of_several_fields_counts_their_combinations() {
    let condition = "{field: [tls.client.server_name, destination.port], gte: 3}";
    let mut run = Run::new(&[base("any", "network.transport: tcp"), correlation_of("any", "value_count", condition)]);
    run.see(&[at(0).name("a"), at(1).name("b"), at(2).name("a")]);
    assert_eq!(run.alerts.len(), 0);
    run.see(&[at(3).name("a").port(8443)]);
    assert_eq!(run.alerts.len(), 1);
}

#[test]
fn value_count_of_an_array_counts_its_elements() {
    let condition = "{field: tlsight.client.hello.ciphers, gte: 2}";
    let mut run = Run::new(&[base("any", "network.transport: tcp"), correlation_of("any", "value_count", condition)]);
    run.see(&[at(0)]);
    assert_eq!(run.alerts.len(), 1, "one hello offers several");
}

#[test]
fn temporal_takes_all_rules_in_any_order() {
    let mut run = Run::new(&three("temporal", ""));
    run.see(&[at(0).name("c"), at(100).name("b"), at(200).from(2).name("a")]);
    assert_eq!(run.alerts.len(), 0, "the last is another source's");
    run.see(&[at(300).name("a")]);
    assert_eq!((run.alerts.len(), run.alerts[0].count), (1, 3));
    assert_eq!(&*run.alerts[0].sessions, &[id(0), id(1), id(3)]);
}

#[test]
fn temporal_ordered_takes_them_in_their_order() {
    let mut run = Run::new(&three("temporal_ordered", ""));
    run.see(&[at(0).name("c"), at(1).name("b"), at(2).name("a"), at(3).name("b")]);
    assert_eq!(run.alerts.len(), 0);
    run.see(&[at(4).name("c")]);
    assert_eq!(&*run.alerts[0].sessions, &[id(2), id(3), id(4)]);
}

#[test]
fn value_sum_adds_up() {
    let condition = "{field: destination.port, gt: 1000}";
    let mut run = Run::new(&[base("any", "network.transport: tcp"), correlation_of("any", "value_sum", condition)]);
    run.see(&[at(0).port(443), at(1).port(557)]);
    assert_eq!(run.alerts.len(), 0);
    run.see(&[at(2).port(1)]);
    assert_eq!((run.alerts.len(), run.alerts[0].count), (1, 3));
    assert_eq!(run.alerts[0].measures.as_ref(), &[("value_sum", 1_001.0)]);
}

#[test]
fn value_avg_percentile_and_median_are_told_when_the_span_is_over() {
    for (kind, condition, measured) in [
        ("value_avg", "{field: destination.port, gte: 31}", 32.0),
        ("value_median", "{field: destination.port, eq: 35}", 35.0),
        ("value_percentile", "{field: destination.port, lt: 30, percentile: 40}", 29.0),
    ] {
        let mut run = Run::new(&[base("any", "network.transport: tcp"), correlation_of("any", kind, condition)]);
        for (second, port) in [15, 20, 35, 40, 50].into_iter().enumerate() {
            run.see(&[at(second as i64).port(port)]);
        }
        // The span is 300 seconds; a session may be told a minute late.
        run.see(&[at(360).from(9)]);
        assert_eq!(run.alerts.len(), 0, "{kind}");
        run.see(&[at(361).from(9)]);
        assert_eq!(run.alerts.len(), 1, "{kind}");
        assert_eq!(run.alerts[0].measures.as_ref(), &[(kind, measured)]);
        assert_eq!((run.alerts[0].count, run.alerts[0].session()), (5, &id(4)), "{kind}");
    }
    let averages =
        [base("any", "network.transport: tcp"), correlation_of("any", "value_avg", "{field: source.port, gt: 9}")];
    let mut run = Run::new(&averages);
    run.see(&[at(0), at(301)]);
    assert_eq!(run.alerts.len(), 1, "a session after the span shows that it is over");
}

// Conditions

#[test]
fn conditions_compare_as_they_are_called() {
    // Of 5 sessions in a span.
    for (condition, holds) in [
        ("gt: 4", true),
        ("gt: 5", false),
        ("gte: 5", true),
        ("gte: 6", false),
        ("lt: 6", true),
        ("lt: 5", false),
        ("lte: 5", true),
        ("lte: 4", false),
        ("eq: 5", true),
        ("eq: 4", false),
        ("neq: 4", true),
        ("neq: 5", false),
        ("gt: 4, lte: 5", true),
        ("gt: 5, lte: 10", false),
        ("gt: 1, lte: 4", false),
    ] {
        let mut run = Run::new(&[
            base("any", "network.transport: tcp"),
            correlation_of("any", "event_count", &format!("{{{condition}}}")),
        ]);
        run.see(&[at(0), at(1), at(2), at(3), at(300), at(1000).from(9)]);
        assert_eq!(!run.alerts.is_empty(), holds, "{condition}");
        let mut values = Run::new(&[
            base("any", "network.transport: tcp"),
            correlation_of("any", "value_count", &format!("{{field: source.port, {condition}}}")),
        ]);
        values.see(&[1, 2, 3, 4, 5, 5, 1].map(|port| at(i64::from(port)).source_port(port)));
        values.see(&[at(1000).from(9)]);
        assert_eq!(!values.alerts.is_empty(), holds, "values: {condition}");
    }
}

#[test]
fn what_more_sessions_could_undo_waits_for_the_end_of_the_span() {
    let mut run = Run::new(&[base("any", "network.transport: tcp"), correlation_of("any", "event_count", "{lt: 3}")]);
    run.see(&[at(0), at(1)]);
    run.detector.finish(&mut |_| panic!("what would have come is not known"));
    let mut run = Run::new(&[base("any", "network.transport: tcp"), correlation_of("any", "event_count", "{lt: 3}")]);
    run.see(&[at(0), at(1), at(2), at(301).from(2), at(302)]);
    assert_eq!(run.alerts.len(), 0, "there were three in the first span");
    run.see(&[at(603)]);
    assert_eq!((run.alerts.len(), run.alerts[0].count), (1, 1), "and one in the next");
    run.finish();
    assert_eq!(run.told().len(), 2, "that of the second source was over as well");
}

#[test]
fn temporal_takes_a_count_of_rules() {
    let mut run = Run::new(&three("temporal", "condition: {gte: 2}"));
    run.see(&[at(0).name("c"), at(1).name("c"), at(2).name("a")]);
    assert_eq!((run.alerts.len(), run.alerts[0].count), (1, 2));
    // As many as there are: no more can come.
    let mut run = Run::new(&three("temporal", "condition: {eq: 3}"));
    run.see(&[at(0).name("c"), at(1).name("b"), at(2).name("a")]);
    assert_eq!(run.alerts.len(), 1);
    let mut run = Run::new(&three("temporal", "condition: {eq: 2}"));
    run.see(&[at(0).name("c"), at(1).name("b"), at(2).name("a"), at(400).name("a"), at(401).name("b")]);
    run.see(&[at(900).from(9)]);
    assert_eq!(run.sessions(), [vec![id(3), id(4)]]);
}

#[test]
fn temporal_takes_a_condition_over_its_rules() {
    let mut run = Run::new(&three("temporal", "condition: a and (b or c)"));
    run.see(&[at(0).name("b"), at(1).name("c"), at(2).name("a")]);
    assert_eq!(run.alerts.len(), 1);
    let mut run = Run::new(&three("temporal", "condition: a and not b"));
    run.see(&[at(0).name("a"), at(100).name("b"), at(301).name("a")]);
    run.see(&[at(1000).from(9)]);
    assert_eq!(run.sessions(), [vec![id(2)]], "b came within the first span");
    // The form in the specification's own tests.
    let mut run = Run::new(&three("temporal_ordered", "condition: a and b and c"));
    run.see(&[at(0).name("b"), at(1).name("a"), at(2).name("b"), at(3).name("c")]);
    assert_eq!(run.sessions(), [vec![id(1), id(2), id(3)]]);
}

// Options

#[test]
fn rules_are_named_by_name_or_by_id() {
    for rules in ["fail", "[fail]", "[22222222-2222-4222-8222-222222222222]", "22222222-2222-4222-8222-222222222222"] {
        let fail = "title: F\nname: fail\nid: 22222222-2222-4222-8222-222222222222\nlogsource: {product: tlsight, category: tls}\ndetection:\n  s: {tls.established: false}\n  condition: s\n";
        let mut run = Run::new(&[fail.to_owned(), with_rules("event_count", rules, "condition: {gte: 1}")]);
        run.see(&[at(0).failed()]);
        assert_eq!(run.alerts.len(), 1, "{rules}");
    }
}

#[test]
fn a_rule_may_stand_in_another_file_and_after_the_correlation() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yml"), correlation("event_count", "gte: 1", "")).unwrap();
    fs::create_dir(folder.path().join("below")).unwrap();
    fs::write(folder.path().join("below/b.yml"), base("fail", "tls.established: false")).unwrap();
    let mut run = Run::of(Rules::load(folder.path()).unwrap(), &Limits::default());
    run.see(&[at(0).failed()]);
    assert_eq!(run.told(), ["C"]);
}

#[test]
fn groups_are_those_of_all_values_together() {
    let rules = [
        base("any", "network.transport: tcp"),
        text("event_count", "[any]", "group-by: [source.ip, destination.port]\n    condition: {gte: 2}"),
    ];
    let mut run = Run::new(&rules);
    run.see(&[at(0), at(1).port(8443), at(2).from(2)]);
    assert_eq!(run.alerts.len(), 0);
    run.see(&[at(3).port(8443)]);
    let group = [("source.ip".into(), "10.0.0.1".into()), ("destination.port".into(), "8443".into())];
    assert_eq!(run.alerts[0].group.as_ref(), &group);
}

#[test]
fn without_group_by_all_sessions_are_one_group() {
    let mut run =
        Run::new(&[base("any", "network.transport: tcp"), text("event_count", "[any]", "condition: {gte: 2}")]);
    run.see(&[at(0).from(1), at(1).from(2)]);
    assert_eq!((run.alerts.len(), run.alerts[0].group.len()), (1, 0));
}

#[test]
fn a_session_without_a_value_belongs_to_no_group() {
    let rules = [
        base("any", "network.transport: tcp"),
        text("event_count", "[any]", "group-by: [tls.client.server_name]\n    condition: {gte: 2}"),
    ];
    let mut run = Run::new(&rules);
    run.see(&[at(0).without_name(), at(1).without_name(), at(2).name("a"), at(3).name("A")]);
    assert_eq!(run.alerts.len(), 1);
    assert_eq!(&*run.alerts[0].group[0].1, "a");
}

#[test]
fn aliases_join_different_fields() {
    // The specification's example, in the fields of sessions.
    let rules = [
        base("internal_error", "destination.port: 8443"),
        base("new_network_connection", "destination.port: 443"),
        text(
            "temporal",
            "[internal_error, new_network_connection]",
            "group-by: [internal_ip, remote_ip]\n    aliases:\n      internal_ip: {internal_error: destination.ip, new_network_connection: source.ip}\n      remote_ip: {internal_error: source.ip, new_network_connection: destination.ip}",
        ),
    ];
    let mut run = Run::new(&rules);
    run.see(&[at(0).from(1).to(2).port(8443), at(1).from(1).to(2), at(2).from(3).to(1)]);
    assert_eq!(run.alerts.len(), 0);
    run.see(&[at(3).from(2).to(1)]);
    let group = [("internal_ip".into(), "10.0.0.2".into()), ("remote_ip".into(), "10.0.0.1".into())];
    assert_eq!((run.alerts.len(), run.alerts[0].group.as_ref()), (1, group.as_slice()));
}

#[test]
fn aliases_serve_the_counted_field_too() {
    let rules = [
        base("one", "destination.port: 8443"),
        base("two", "destination.port: 443"),
        text(
            "value_count",
            "[one, two]",
            "group-by: [peer]\n    aliases:\n      peer: {one: source.ip, two: source.ip}\n      other: {one: destination.ip, two: source.port}\n    condition: {field: other, gte: 2}",
        ),
    ];
    let mut run = Run::new(&rules);
    run.see(&[at(0).port(8443).to(7), at(1).port(443).source_port(99)]);
    assert_eq!(run.alerts.len(), 1);
}

#[test]
fn the_timespan_slides_and_includes_its_end() {
    for (span, second, fires) in
        [("15s", 15, true), ("15s", 16, false), ("2m", 120, true), ("1h", 3_601, false), ("1d", 86_400, true)]
    {
        let rule = with_rules("event_count", "[any]", "condition: {gte: 2}").replace("5m", span);
        let mut run = Run::new(&[base("any", "network.transport: tcp"), rule]);
        run.see(&[at(59), at(59 + second)]);
        assert_eq!(!run.alerts.is_empty(), fires, "{second} s in {span}");
    }
}

#[test]
fn rules_that_serve_a_correlation_do_not_alert_unless_it_generates() {
    let rule = "title: F\nname: fail\nid: 22222222-2222-4222-8222-222222222222\nlevel: low\nlogsource: {product: tlsight, category: tls}\ndetection:\n  s: {tls.established: false}\n  condition: s\n";
    for (generate, told) in
        [("", vec!["C"]), ("generate: false\n", vec!["C"]), ("generate: true\n", vec!["F", "F", "C"])]
    {
        let correlation = format!("{generate}{}", with_rules("event_count", "[fail]", "condition: {gte: 2}"));
        let mut run = Run::new(&[rule.to_owned(), correlation]);
        run.see(&[at(0).failed(), at(1).failed()]);
        assert_eq!(run.told(), told, "{generate}");
    }
}

#[test]
fn a_correlation_without_a_level_has_the_highest_of_its_rules() {
    let named = |name: &str, level: &str| {
        base(name, "network.transport: tcp").replace("name:", &format!("level: {level}\nname:"))
    };
    let correlation = with_rules("temporal", "[a, b]", "").replace("level: high\n", "");
    let rules = load(&[named("a", "low"), named("b", "medium"), correlation]).unwrap();
    assert_eq!(rules.facts().last().map(|facts| facts.level), Some(Level::Medium));
}

#[test]
fn correlations_build_on_correlations() {
    // The specification's example: many failures, then a success, of the same user.
    let rules = [
        base("fail", "tls.established: false"),
        base("success", "tls.established: true"),
        text("event_count", "[fail]", "group-by: [source.ip, destination.port]\n    condition: {gte: 3}")
            .replace("title: C\nid: 11111111-1111-4111-8111-111111111111", "title: Many\nname: many_failures"),
        text("temporal_ordered", "[many_failures, success]", "group-by: [source.ip]"),
    ];
    let mut run = Run::new(&rules);
    run.see(&[at(0), at(1).failed(), at(2).failed(), at(3), at(4).from(2), at(5).failed()]);
    assert_eq!(run.alerts.len(), 0);
    run.see(&[at(6).from(2)]);
    assert_eq!(run.alerts.len(), 0, "another source");
    run.see(&[at(7).port(8443)]);
    assert_eq!(run.told(), ["C"]);
    assert_eq!(&*run.alerts[0].sessions, &[id(5), id(7)], "the one that completed it stands for the failures");
}

#[test]
fn a_span_that_is_over_feeds_what_builds_on_it() {
    let few = text("event_count", "[any]", "group-by: [source.ip]\n    condition: {lte: 2}")
        .replace("title: C\nid: 11111111-1111-4111-8111-111111111111", "title: Few\nname: few");
    let rules = [
        base("any", "network.transport: tcp"),
        few,
        text("value_count", "[few]", "condition: {field: source.ip, gte: 2}"),
    ];
    let mut run = Run::new(&rules);
    run.see(&[at(0).from(1), at(1).from(2), at(2).from(2), at(3).from(2), at(4).from(3), at(1000).from(9)]);
    assert_eq!(run.told(), ["C"]);
    assert_eq!(&*run.alerts[0].sessions, &[id(0), id(4)], "2 had three sessions");
}

#[test]
fn a_message_may_say_how_many_and_of_what() {
    let custom = "custom:\n  message: '{group.source.ip} did {count}, {measure.value_sum} in all ({group.source.ip}), last of {tls.client.server_name}'\n";
    let rule = format!("{}{custom}", correlation_of("any", "value_sum", "{field: destination.port, gte: 443}"));
    let mut run = Run::new(&[base("any", "network.transport: tcp"), rule]);
    run.see(&[at(0)]);
    assert_eq!(run.alerts[0].message, "10.0.0.1 did 1, 443 in all (10.0.0.1), last of mozilla.example");
}

// What fires again, and what does not

#[test]
fn a_burst_is_as_many_findings_as_it_has_full_windows() {
    let rule = format!("{}custom: {{suppress: false}}\n", correlation("event_count", "gte: 10", ""));
    let mut run = Run::new(&[base("fail", "tls.established: false"), rule]);
    run.see(&(0..95).map(|second| at(second).failed()).collect::<Vec<_>>());
    assert_eq!(run.alerts.iter().map(|alert| alert.count).collect::<Vec<_>>(), [10; 9]);
    let firsts: Vec<_> = run.alerts.iter().map(|alert| alert.sessions[0]).collect();
    assert_eq!(firsts, (0..9).map(|n| id(n * 10)).collect::<Vec<_>>(), "no session stands for two");
}

#[test]
fn a_correlation_tells_one_alert_of_a_group_an_hour_and_counts_the_others() {
    let mut run = Run::new(&[base("fail", "tls.established: false"), correlation("event_count", "gte: 10", "")]);
    run.see(&(0..95).map(|second| at(second).failed()).collect::<Vec<_>>());
    run.see(&(0..10).map(|second| at(100 + second).from(2).failed()).collect::<Vec<_>>());
    assert_eq!(run.alerts.len(), 2, "another group is told");
    assert_eq!(run.detector.counters().alerts_suppressed, 8);
    run.see(&(0..10).map(|second| at(3_700 + second).failed()).collect::<Vec<_>>());
    assert_eq!(run.alerts.iter().map(|alert| alert.suppressed).collect::<Vec<_>>(), [0, 0, 8]);
    run.finish();
    assert_eq!(run.alerts.len(), 3);
}

#[test]
fn suppression_holds_back_by_key_within_its_time() {
    let mut run = Run::new(&[single("{for: 1h, by: [source.ip], limit: 2}")]);
    run.see(&[at(0), at(1), at(2), at(3).from(2), at(4)]);
    assert_eq!(run.alerts.len(), 3);
    assert_eq!(run.alerts[0].group.as_ref(), &[("source.ip".into(), "10.0.0.1".into())]);
    run.see(&[at(3_599)]);
    assert_eq!(run.alerts.len(), 3);
    run.see(&[at(3_600)]);
    assert_eq!((run.alerts.len(), run.alerts[3].suppressed), (4, 3));
    run.finish();
    assert_eq!(run.alerts.len(), 4, "nothing is held back now");
}

#[test]
fn what_is_held_back_is_told_at_the_end() {
    let mut run = Run::new(&[single("{for: 1h, by: [source.ip]}")]);
    run.see(&[at(0), at(1), at(2), at(3).from(2)]);
    run.finish();
    let told: Vec<_> = run.alerts.iter().map(|alert| (alert.sessions[0], alert.suppressed)).collect();
    assert_eq!(told, [(id(0), 0), (id(3), 0), (id(2), 1)], "the last one stands for itself and the other");
}

#[test]
fn what_is_held_back_is_told_when_nothing_comes_for_as_long_again() {
    let mut run = Run::new(&[single("{for: 1h, by: [source.ip]}")]);
    run.see(&[at(0), at(1), at(7_200).from(2)]);
    assert_eq!(run.alerts.len(), 2);
    run.see(&[at(7_201).from(3)]);
    let told: Vec<_> = run.alerts.iter().map(|alert| (alert.sessions[0], alert.suppressed)).collect();
    assert_eq!(told, [(id(0), 0), (id(2), 0), (id(1), 0), (id(3), 0)]);
}

#[test]
fn alerts_told_and_counted_are_all_there_were() {
    let mut run = Run::of(
        load(&[single("{for: 10m, by: [source.ip], limit: 2}")]).unwrap(),
        &Limits { suppressed_keys: 5, ..Limits::default() },
    );
    let mut seed = 1u64;
    for second in 0..5_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        run.see(&[at(second).from((seed >> 33) as u32 % 8)]);
    }
    run.finish();
    assert!(run.detector.counters().suppressions_evicted > 0);
    let (told, suppressed) = (run.alerts.len() as u64, run.alerts.iter().map(|alert| alert.suppressed).sum::<u64>());
    assert_eq!(told + suppressed, 5_000);
    assert!(suppressed > 500, "{suppressed}");
}

#[test]
fn suppression_without_by_goes_by_both_addresses() {
    let mut run = Run::new(&[single("{for: 1h}")]);
    run.see(&[at(0).to(1), at(1).to(1), at(2).to(2), at(3).from(2).to(1)]);
    assert_eq!((run.alerts.len(), run.detector.counters().alerts_suppressed), (3, 1));
}

#[test]
fn a_correlation_may_be_told_by_less_than_its_group() {
    let rules = [
        base("any", "network.transport: tcp"),
        text("event_count", "[any]", "group-by: [source.ip, destination.ip]\n    condition: {gte: 1}")
            + "custom: {suppress: {for: 1h, by: [source.ip]}}\n",
    ];
    let mut run = Run::new(&rules);
    run.see(&[at(0).to(1), at(1).to(2), at(2).to(3)]);
    assert_eq!((run.alerts.len(), run.alerts[0].group.len()), (1, 2));
}

// Time

#[test]
fn sessions_that_are_told_late_count_in_their_place() {
    let mut run = Run::new(&three("temporal_ordered", ""));
    run.see(&[at(10).name("b"), at(20).name("c"), at(5).name("a")]);
    assert_eq!(run.sessions(), [vec![id(2), id(0), id(1)]]);
    let mut run = Run::new(&[base("any", "network.transport: tcp"), correlation_of("any", "event_count", "{gte: 3}")]);
    run.see(&[at(400), at(90)]);
    assert_eq!(run.detector.counters().late_matches, 1);
    run.see(&[at(110), at(300)]);
    assert_eq!(run.sessions(), [vec![id(2), id(3), id(0)]]);
}

// What is forgotten

#[test]
fn the_oldest_groups_are_forgotten_where_there_are_too_many() {
    let limits = Limits { rule_groups: 1_000, ..Limits::default() };
    let rules =
        load(&[base("any", "network.transport: tcp"), correlation_of("any", "event_count", "{gte: 2}")]).unwrap();
    let mut run = Run::of(rules, &limits);
    for n in 0..5_000u32 {
        run.see(&[at(i64::from(n) / 100).from(n)]);
    }
    assert_eq!((run.detector.remembered().0, run.detector.counters().groups_evicted), (1_000, 4_000));
    run.see(&[at(50).from(3_999), at(50).from(4_999)]);
    assert_eq!(run.alerts.len(), 1, "that of 3999 was forgotten");
}

#[test]
fn groups_that_are_over_make_room_without_being_counted() {
    let limits = Limits { rule_groups: 1_000, ..Limits::default() };
    let rules =
        load(&[base("any", "network.transport: tcp"), correlation_of("any", "event_count", "{gte: 2}")]).unwrap();
    let mut run = Run::of(rules, &limits);
    for n in 0..5_000u32 {
        run.see(&[at(i64::from(n)).from(n)]);
    }
    assert_eq!(run.detector.counters().groups_evicted, 0);
    assert!(run.detector.remembered().0 < 400, "{:?}", run.detector.remembered());
}

#[test]
fn large_groups_are_bounded_by_their_bytes() {
    let limits = Limits { rule_bytes: 1 << 20, ..Limits::default() };
    let condition = "{gte: 10000}";
    let rules =
        load(&[base("any", "network.transport: tcp"), correlation_of("any", "event_count", condition)]).unwrap();
    let mut run = Run::of(rules, &limits);
    for n in 0..200_000u32 {
        run.see(&[at(0).from(n % 100)]);
        assert!(run.detector.remembered().1 <= 1 << 20);
    }
    assert!(run.detector.counters().groups_evicted > 0);
}

#[test]
#[ignore = "takes a minute: run with --release --ignored --nocapture"]
fn ten_million_groups_do_not_take_more_than_the_cap() {
    let rules =
        load(&[base("any", "network.transport: tcp"), correlation_of("any", "event_count", "{gte: 2}")]).unwrap();
    let mut run = Run::of(rules, &Limits::default());
    let before = resident();
    let mut event = samples::tls12();
    let start = std::time::Instant::now();
    for n in 0..10_000_000u32 {
        event.client.ip = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n));
        event.timestamp = Timestamp(START + i64::from(n) * 10_000);
        event.end = event.timestamp;
        run.detector.see(&event, &mut |_| panic!("each group has one session"));
    }
    let (grown, remembered) = (resident() - before, run.detector.remembered());
    println!("{grown} KiB more after 10 million groups, {remembered:?} remembered, {:?}", start.elapsed());
    assert_eq!((remembered.0, run.detector.counters().groups_evicted), (1_000_000, 9_000_000));
    assert!(grown < 600 << 10, "{grown} KiB");
}

/// KiB that the process has in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

// Other rules

#[test]
fn rules_are_reloaded_without_losing_what_they_remember() {
    let rules = || {
        let one = [base("fail", "tls.established: false"), correlation("event_count", "gte: 2", "")];
        let other =
            with_rules("event_count", "[any]", "condition: {gte: 2}").replace("1111-1111-4111", "3333-3333-4333");
        [one.to_vec(), vec![base("any", "destination.port: 8443"), other]].concat()
    };
    let mut run = Run::new(&rules());
    run.see(&[at(0).failed(), at(1).port(8443)]);
    // The second pair changes, and stands first now.
    let mut changed = rules();
    changed[3] = changed[3].replace("5m", "6m");
    changed.rotate_left(2);
    run.reload(load(&changed).unwrap());
    run.see(&[at(2).failed(), at(3).port(8443)]);
    assert_eq!(run.sessions(), [vec![id(0), id(2)]]);
    // The base of the first changes: its correlation begins anew.
    let mut changed = rules();
    changed[0] = changed[0].replace("tls.established: false", "tls.established: 'false'");
    run.see(&[at(10_000).failed()]);
    run.reload(load(&changed).unwrap());
    run.see(&[at(10_001).failed()]);
    assert_eq!(run.alerts.len(), 1);
}

#[test]
fn reloading_keeps_what_is_held_back_and_tells_that_of_rules_that_go() {
    let other = single("{for: 1h, by: [source.ip]}").replace("44444444-", "55555555-").replace("title: S", "title: T");
    let one = single("{for: 1h, by: [source.ip]}");
    let mut run = Run::new(&[one.clone(), other.clone()]);
    run.see(&[at(0), at(1)]);
    assert_eq!(run.told(), ["S", "T"]);
    run.reload(load(&[other]).unwrap());
    assert_eq!(run.told(), ["S", "T", "S"]);
    run.see(&[at(2)]);
    assert_eq!(run.told(), ["S", "T", "S"]);
    run.finish();
    assert_eq!(run.alerts.last().map(|alert| (alert.rule.title.as_str(), alert.suppressed)), Some(("T", 1)));
}

// What can never fire, and other faults

#[test]
fn what_can_never_fire_is_refused_with_its_line() {
    let fail = || base("fail", "tls.established: false");
    let in_correlation = |kind: &str, rest: &str| text(kind, "[fail]", rest);
    // Lines of the correlation: 1 title, 2 id, 3 level, 4 correlation, 5 type, 6 rules, 7 timespan, then the rest.
    let cases: Vec<(String, usize, &str)> = vec![
        (text("event_count", "[fail, fail]", "condition: {gte: 1}"), 6, "named twice"),
        (
            in_correlation("event_count", "group-by: [source.ipp]\n    condition: {gte: 1}"),
            8,
            "there is no field `source.ipp`; did you mean `source.ip`?",
        ),
        (in_correlation("event_count", "condition: {lt: 1}"), 8, "can never hold: a count is from 1"),
        (in_correlation("event_count", "condition: {gt: 5, lt: 6}"), 8, "can never hold"),
        (in_correlation("event_count", "condition: {gte: 100001}"), 8, "can never hold: a count is from 1 to 100000"),
        (in_correlation("event_count", "condition: {gte: 1.5}"), 8, "`gte` takes a number"),
        (in_correlation("event_count", "condition: {gte: many}"), 8, "`gte` takes a number"),
        (in_correlation("event_count", "condition: {field: source.ip, gte: 1}"), 8, "counts no field's values"),
        (in_correlation("event_count", "condition: {over: 1}"), 8, "does not know `over`"),
        (in_correlation("event_count", "condition: {}"), 8, "compares nothing"),
        (in_correlation("event_count", "condition: fail"), 8, "compares a number"),
        (in_correlation("event_count", "group-by: [source.ip]"), 4, "`event_count` needs a condition"),
        (in_correlation("value_count", "condition: {gte: 2}"), 8, "`value_count` needs a field"),
        (in_correlation("value_count", "condition: {field: source.ipp, gte: 2}"), 8, "there is no field `source.ipp`"),
        (
            in_correlation("value_count", "condition: {field: tls.resumed, gte: 3}"),
            8,
            "can never hold: a count is from 1 to 2 here",
        ),
        (
            in_correlation("value_count", "group-by: [source.ip]\n    condition: {field: source.ip, gte: 2}"),
            9,
            "can never hold: a count is from 1 to 1 here",
        ),
        (
            in_correlation("value_sum", "condition: {field: tls.client.server_name, gte: 2}"),
            8,
            "is text, and `value_sum` needs numbers",
        ),
        (
            in_correlation("value_avg", "condition: {field: [source.port, destination.port], gte: 2}"),
            8,
            "reckons with one field",
        ),
        (
            in_correlation("value_sum", "condition: {field: source.port, gt: 5, lt: 3}"),
            8,
            "its bounds exclude each other",
        ),
        (in_correlation("value_sum", "condition: {field: source.port, gt: .nan}"), 8, "`gt` takes a number"),
        (
            in_correlation("value_percentile", "condition: {field: source.port, percentile: 101, gte: 2}"),
            8,
            "from 0 to 100",
        ),
        (
            in_correlation("value_median", "condition: {field: source.port, percentile: 10, gte: 2}"),
            8,
            "does not know `percentile`",
        ),
        (in_correlation("temporal", "condition: {gte: 2}"), 8, "can never hold: a count is from 1 to 1"),
        (in_correlation("temporal", "condition: fail and not fail"), 8, "can never hold, whichever"),
        (
            in_correlation("temporal", "condition: fail and other"),
            8,
            "names `other`, which is none of the correlation's rules",
        ),
        (in_correlation("temporal", "condition: fail and"), 8, "the condition cannot be read"),
        (in_correlation("temporal", "aliases: {a: {other: source.ip}}"), 8, "is for `other`, which is none"),
        (in_correlation("temporal", "aliases: {a: source.ip}"), 8, "an alias names a field for each rule"),
        (
            in_correlation("temporal", "group-by: [a]\n    aliases: {a: {fail: source.ipp}}"),
            9,
            "there is no field `source.ipp`",
        ),
        (in_correlation("temporal", "window: tumbling"), 8, "windows always slide"),
        (in_correlation("temporal", "timeframe: 5m"), 8, "is its `timespan`"),
        (in_correlation("temporal", "colour: red"), 8, "knows the keys type, rules"),
        (in_correlation("temporal", "").replace("timespan: 5m", "timespan: 5 minutes"), 7, "is no time span"),
        (in_correlation("temporal", "").replace("timespan: 5m", ""), 4, "has no time span"),
        (in_correlation("sometimes", ""), 5, "`sometimes` is no type of correlation"),
        (in_correlation("temporal", "") + "generate: perhaps\n", 8, "true or false"),
        (in_correlation("temporal", "") + "logsource: {product: tlsight}\n", 8, "looks at other rules"),
        (
            in_correlation("temporal", "") + "custom: {message: '{group.source.ip}'}\n",
            8,
            "does not group by `source.ip`",
        ),
        (in_correlation("temporal", "") + "custom: {suppress: {by: [source.ip]}}\n", 8, "for how long"),
        (in_correlation("temporal", "") + "custom: {suppress: {for: 1h, limit: 0}}\n", 8, "at least 1"),
        (in_correlation("temporal", "") + "custom: {suppress: {for: 1h, per: a}}\n", 8, "not `per`"),
        (
            in_correlation("temporal", "").replace("id: 11111111-1111-4111-8111-111111111111\n", ""),
            1,
            "the rule has no id",
        ),
        (in_correlation("temporal", "").replace("level: high", "level: gravest"), 3, "`gravest` is no level"),
    ];
    let mut wrong = Vec::new();
    for (rule, line, what) in cases {
        let told = faults(load(&[fail(), rule.clone()]));
        // The base stands before it.
        let place = format!("rules.yml:{}: ", line + fail().lines().count() + 1);
        if told.len() != 1 || !told[0].contains(&place) || !told[0].contains(what) {
            wrong.push(format!("{rule}{what}\n{told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_rule_that_is_not_there_is_told() {
    let whole = "level: low\nid: 22222222-2222-4222-8222-222222222222\nname:";
    let other = base("fail", "tls.established: false").replace("name:", whole);
    let told = faults(load(&[other, text("event_count", "[fail, nobody]", "condition: {gte: 1}")]));
    assert_eq!(told.len(), 1, "{told:?}");
    let what = "rules.yml:16: there is no rule with the name or id `nobody`: the correlation can never fire";
    assert!(told[0].contains(what), "{}", told[0]);
    let told = faults(load(&[text("event_count", "[]", "condition: {gte: 1}")]));
    assert!(told.len() == 1 && told[0].contains("rules.yml:6: the correlation has no rules"), "{told:?}");
}

#[test]
fn an_alias_has_to_serve_every_rule() {
    let rule = text("temporal", "[a, b]", "group-by: [x]\n    aliases: {x: {a: source.ip}}");
    let told = faults(load(&[base("a", "destination.port: 1"), base("b", "destination.port: 2"), rule]));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("the alias `x` has no field for the rule `b`"), "{}", told[0]);
}

#[test]
fn temporal_ordered_takes_all_of_its_rules() {
    for condition in ["{gte: 2}", "a or b or c"] {
        let told = faults(load(&three("temporal_ordered", &format!("condition: {condition}"))));
        assert!(told.len() == 1 && told[0].contains("needs all of its rules"), "{told:?}");
    }
}

#[test]
fn circles_are_refused() {
    let named = |name: &str, on: &str, n: u8| {
        text("event_count", on, "condition: {gte: 1}")
            .replace("title: C", &format!("title: C\nname: {name}"))
            .replace("11111111-1111-4111-8111-111111111111", &format!("11111111-1111-4111-8111-1111111111{n:02}"))
    };
    let told = faults(load(&[named("a", "[b]", 1), named("b", "[a]", 2), named("c", "[a]", 3)]));
    assert_eq!(told.iter().filter(|fault| fault.contains("builds on itself")).count(), 2, "{told:?}");
    let told = faults(load(&[named("a", "[a]", 1)]));
    assert!(told.len() == 1 && told[0].contains("builds on itself"), "{told:?}");
}

#[test]
fn a_base_that_matches_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("lists")).unwrap();
    fs::write(folder.path().join("lists/empty.txt"), "# none\n").unwrap();
    let rules =
        [base("none", "tls.client.ja3|expand: '%empty%'"), text("event_count", "[none]", "condition: {gte: 1}")];
    fs::write(folder.path().join("rules.yml"), rules.join("---\n")).unwrap();
    let told = faults(Rules::load(folder.path()));
    assert!(told.len() == 1 && told[0].contains("the rule `none` matches nothing"), "{told:?}");
}

#[test]
fn a_name_that_two_rules_have_is_refused() {
    let rule = text("event_count", "[a]", "condition: {gte: 1}");
    let told = faults(load(&[base("a", "destination.port: 1"), base("a", "destination.port: 2"), rule]));
    assert!(told.len() == 1 && told[0].contains("is that of 2 rules: use the id"), "{told:?}");
}

#[test]
fn a_fault_of_a_base_is_told_once() {
    let told = faults(load(&[base("a", "destination.prt: 1"), text("event_count", "[a]", "condition: {gte: 1}")]));
    assert!(told.len() == 1 && told[0].contains("there is no field `destination.prt`"), "{told:?}");
}

#[test]
fn a_rule_that_serves_nobody_needs_an_id_and_a_level() {
    let told = faults(load(&[base("a", "destination.port: 1")]));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("no level") && told[1].contains("no id"), "{told:?}");
}

#[test]
fn suppression_goes_by_fields_that_are_there() {
    let told = faults(load(&[single("{for: 1h, by: [source.ipp]}")]));
    assert!(
        told.len() == 1 && told[0].contains("rules.yml:8: alerts cannot be told apart by `source.ipp`"),
        "{told:?}"
    );
}

#[test]
fn damaged_rules_are_told_or_loaded_and_never_more() {
    let text = [
        three("temporal", "condition: a and not b"),
        vec![
            correlation_of("a", "value_avg", "{field: source.port, gt: 1}").replace("1111-1111-4111", "3333-3333-4333"),
        ],
    ]
    .concat()
    .join("---\n");
    let lines: Vec<&str> = text.lines().collect();
    let mut random = 1u64;
    let mut below = |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % bound
    };
    let (folder, mut loaded) = (tempfile::tempdir().unwrap(), 0);
    for _ in 0..1_000 {
        let mut damaged: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        for _ in 0..=below(3) {
            let at = below(damaged.len());
            match below(4) {
                0 => drop(damaged.remove(at)),
                1 => damaged.swap(at, below(lines.len() - 4)),
                2 => damaged[at] = damaged[at].replace(|letter| "[]{}:,".contains(letter), ""),
                _ => damaged[at] = damaged[at].chars().rev().collect(),
            }
        }
        let path = folder.path().join("rules.yml");
        fs::write(&path, damaged.join("\n")).unwrap();
        match Rules::load(&path) {
            Ok(rules) => {
                loaded += 1;
                let mut run = Run::of(rules, &Limits::default());
                run.see(&[at(0).name("a"), at(1).name("b"), at(2).name("c"), at(1000).name("a")]);
                run.finish();
            }
            Err(Error::Rules(faults)) => assert!(faults.iter().all(|fault| fault.contains("rules.yml:")), "{faults:?}"),
            Err(other) => panic!("{other}"),
        }
    }
    assert!((20..950).contains(&loaded), "{loaded}");
}

// State

#[test]
fn what_is_under_way_survives_a_kill_between_its_two_halves() {
    let by_name = |name: &str| base(name, &format!("tls.client.server_name: {name}"));
    let two = |kind: &str| vec![by_name("a"), by_name("b"), with_rules(kind, "[a, b]", "")];
    let any = |kind: &str, condition: &str| {
        vec![base("any", "network.transport: tcp"), correlation_of("any", kind, condition)]
    };
    let cases = [
        any("event_count", "{gte: 2}"),
        any("value_count", "{field: tls.client.server_name, gte: 2}"),
        any("value_count", "{field: [tls.client.server_name, destination.port], gte: 2}"),
        any("value_sum", "{field: destination.port, gte: 800}"),
        two("temporal"),
        two("temporal_ordered"),
    ];
    for rules in cases {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let half = |second: i64, name: &str| {
            let mut run = Run::new(&rules);
            run.seen = second.unsigned_abs();
            assert_eq!(run.detector.keep_in(&state).unwrap(), [""; 0]);
            run.see(&[at(second).name(name)]);
            // From time to time it is written. What comes after is a kill: nothing is ended in order.
            run.detector.save().unwrap();
            run.sessions()
        };
        assert_eq!(half(0, "a"), Vec::<Vec<[u8; 16]>>::new(), "{rules:?}");
        assert_eq!(half(10, "b"), [vec![id(0), id(10)]], "{rules:?}");
        assert_eq!(half(20, "a").len(), 0, "what was told begins anew: {rules:?}");
        fs::remove_file(&state).unwrap();
        assert_eq!(half(30, "b").len(), 0, "and without a state nothing is known: {rules:?}");
    }
}

#[test]
fn a_state_of_changed_rules_is_dropped_by_rule_with_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let rules = [base("fail", "tls.established: false"), correlation("event_count", "gte: 2", "")];
    let mut run = Run::new(&rules);
    run.detector.keep_in(&state).unwrap();
    run.see(&[at(0).failed()]);
    run.detector.save().unwrap();
    let other = rules.clone().map(|text| text.replace("gte: 2", "gte: 3"));
    let base_changed = rules.clone().map(|text| text.replace("tls.established: false", "tls.established: 'false'"));
    for changed in [other, base_changed] {
        let before = fs::read(&state).unwrap();
        let mut run = Run::new(&changed);
        let told = run.detector.keep_in(&state).unwrap();
        let line = "rule 11111111-1111-4111-8111-111111111111 has changed or is gone: it begins anew";
        assert!(told.len() == 1 && told[0].ends_with(line), "{told:?}");
        run.see(&[at(1).failed()]);
        assert_eq!(run.alerts.len(), 0);
        fs::write(&state, before).unwrap();
    }
    let mut same = Run::new(&rules);
    assert_eq!(same.detector.keep_in(&state).unwrap(), [""; 0]);
    same.see(&[at(1).failed()]);
    assert_eq!(same.alerts.len(), 1);
}

#[test]
fn what_was_told_is_held_back_after_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let rules = |suppress: &str| [single(suppress)];
    let see = |suppress: &str, second: i64, ends: bool| {
        let mut run = Run::new(&rules(suppress));
        let told = run.detector.keep_in(&state).unwrap();
        run.see(&[at(second)]);
        if ends {
            run.finish();
        }
        run.detector.save().unwrap();
        (run.alerts.iter().map(|alert| alert.suppressed).collect::<Vec<_>>(), told.len())
    };
    let hour = "{for: 1h}";
    assert_eq!(see(hour, 0, false), (vec![0], 0));
    assert_eq!(see(hour, 10, false), (vec![], 0), "within the hour");
    assert_eq!(see(hour, 3_700, true), (vec![1], 0), "the one before is counted");
    assert_eq!(see(hour, 3_710, true), (vec![0], 0), "one that is held back is told at an end that is in order");
    assert_eq!(see(hour, 3_720, false), (vec![], 0), "but its key is known still");
    assert_eq!(see("{for: 2h}", 3_730, false), (vec![0], 1), "of another suppression nothing is taken up");
}

#[test]
fn a_state_holds_no_more_groups_than_there_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let rules = [base("fail", "tls.established: false"), correlation("event_count", "gte: 2", "")];
    let mut run = Run::new(&rules);
    run.detector.keep_in(&state).unwrap();
    run.see(&(0..200).map(|n| at(n).from(n as u32).failed()).collect::<Vec<_>>());
    run.detector.save().unwrap();
    let mut run = Run::of(load(&rules).unwrap(), &Limits { rule_groups: 50, ..Limits::default() });
    run.detector.keep_in(&state).unwrap();
    assert_eq!((run.detector.remembered().0, run.detector.counters().groups_evicted), (50, 150));
    run.see(&[at(201).from(199).failed(), at(202).from(10).failed()]);
    assert_eq!(run.alerts.len(), 1, "the latest are known");
}

// Rules that come with tlsight

#[test]
fn shipped_correlations_tell_what_they_are_for() {
    let rules = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/correlation").join(name);
        Run::of(Rules::load(&path).unwrap_or_else(|why| panic!("{why}")), &Limits::default())
    };
    let mut run = rules("many_servers_no_handshake.yml");
    run.see(&(0..20).map(|n| at(n).from(1).to(n as u32).failed()).collect::<Vec<_>>());
    run.see(&(0..60).map(|n| at(100 + n).from(2).to(n as u32)).collect::<Vec<_>>());
    run.see(&(0..60).map(|n| at(200 + 4 * n).from(3).to(n as u32).failed()).collect::<Vec<_>>());
    run.finish();
    let sentence = "10.0.0.1 said hello to 20 servers within a minute, and no handshake came of it; the last was 10.0.0.19:443 (mozilla.example)";
    assert_eq!(run.alerts.iter().map(|alert| alert.message.as_str()).collect::<Vec<_>>(), [sentence]);

    let refused = |session: Session| {
        session.failed().with(|event| {
            let alert = tlsight::event::Alert { from: tlsight::event::Side::Server, level: 2, description: 112 };
            event.handshake.alert = Some(alert);
            event.handshake.alerts.push(alert);
        })
    };
    let mut run = rules("names_tried_at_server.yml");
    run.see(&(0..10).map(|n| refused(at(n).to(7).name(&format!("host{n}")))).collect::<Vec<_>>());
    run.see(&(0..50).map(|n| refused(at(100 + n).from(2).to(7).name("gone"))).collect::<Vec<_>>());
    run.see(&(0..50).map(|n| at(200 + n).from(3).to(7).name(&format!("host{n}"))).collect::<Vec<_>>());
    let sentence = "10.0.0.1 asked 10.0.0.7 for 10 names that it does not have, the last host9";
    assert_eq!(run.alerts.iter().map(|alert| alert.message.as_str()).collect::<Vec<_>>(), [sentence]);

    let judged = |session: Session, problems: &[Problem]| {
        let verdict = ChainVerdict { problems: problems.iter().copied().collect(), name: None };
        session.with(|event| event.security.server_chain = Some(Chain::Judged(verdict)))
    };
    let mut run = rules("trusted_and_untrusted_name.yml");
    run.see(&[judged(at(0).name("a"), &[]), judged(at(1).name("b"), &[Problem::SelfSigned])]);
    run.see(&[judged(at(2).name("a"), &[Problem::Expired]), judged(at(3_601).name("a"), &[Problem::SelfSigned])]);
    assert_eq!(run.alerts.len(), 0);
    run.see(&[judged(at(3_700).from(2).name("b"), &[])]);
    assert_eq!(run.alerts.len(), 0);
    run.see(&[judged(at(3_800).from(2).name("a"), &[])]);
    assert_eq!(run.alerts.len(), 1);
    assert!(run.alerts[0].message.starts_with("a had a certificate that holds"), "{}", run.alerts[0].message);
}

// Rules as text

/// A rule that serves others: a name and one line of a selection.
fn base(name: &str, item: &str) -> String {
    format!(
        "title: {name}\nname: {name}\nlogsource: {{product: tlsight, category: tls}}\ndetection:\n  s:\n    {item}\n  condition: s\n"
    )
}

/// Over the rule `fail`, by source address, within five minutes.
fn correlation(kind: &str, condition: &str, more: &str) -> String {
    with_rules(kind, "[fail]", &format!("condition: {{{condition}}}{more}"))
}

fn correlation_of(rule: &str, kind: &str, condition: &str) -> String {
    with_rules(kind, &format!("[{rule}]"), &format!("condition: {condition}"))
}

fn with_rules(kind: &str, rules: &str, more: &str) -> String {
    text(kind, rules, &format!("group-by: [source.ip]\n    {more}"))
}

fn text(kind: &str, rules: &str, more: &str) -> String {
    let mut text = format!(
        "title: C\nid: 11111111-1111-4111-8111-111111111111\nlevel: high\ncorrelation:\n    type: {kind}\n    rules: {rules}\n    timespan: 5m\n"
    );
    if !more.trim().is_empty() {
        writeln!(text, "    {}", more.trim_end()).unwrap();
    }
    text
}

/// Three rules by server name, and a correlation over them.
fn three(kind: &str, condition: &str) -> Vec<String> {
    let name = |name: &str| base(name, &format!("tls.client.server_name: {name}"));
    vec![name("a"), name("b"), name("c"), with_rules(kind, "[a, b, c]", condition)]
}

fn single(suppress: &str) -> String {
    format!(
        "title: S\nid: 44444444-4444-4444-8444-444444444444\nlevel: low\nlogsource: {{product: tlsight, category: tls}}\ndetection:\n  s: {{network.transport: tcp}}\n  condition: s\ncustom: {{suppress: {suppress}}}\n"
    )
}

fn load(documents: &[String]) -> Result<Rules, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yml");
    fs::write(&path, documents.join("---\n")).unwrap();
    Rules::load(Path::new(&path))
}

fn faults(loaded: Result<Rules, Error>) -> Vec<String> {
    match loaded {
        Err(Error::Rules(faults)) => faults,
        other => panic!("{other:?}"),
    }
}

// Events as a script

/// A session that begins so many seconds after the start.
#[derive(Clone)]
struct Session(Event);

fn at(second: i64) -> Session {
    let mut event = samples::tls12();
    event.timestamp = Timestamp(START + second * SECOND);
    event.end = event.timestamp;
    event.client.ip = address(1);
    Session(event)
}

impl Session {
    fn with(mut self, change: impl FnOnce(&mut Event)) -> Self {
        change(&mut self.0);
        self
    }

    fn from(self, host: u32) -> Self {
        self.with(|event| event.client.ip = address(host))
    }

    fn to(self, host: u32) -> Self {
        self.with(|event| event.server.ip = address(host))
    }

    fn source_port(self, port: u16) -> Self {
        self.with(|event| event.client.port = port)
    }

    fn port(self, port: u16) -> Self {
        self.with(|event| event.server.port = port)
    }

    fn failed(self) -> Self {
        self.with(|event| event.handshake.established = false)
    }

    fn name(self, name: &str) -> Self {
        self.with(|event| event.client_hello.as_mut().unwrap().server_name = Some(name.as_bytes().into()))
    }

    fn without_name(self) -> Self {
        self.with(|event| event.client_hello.as_mut().unwrap().server_name = None)
    }
}

fn address(host: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + host))
}

fn id(number: u64) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

/// Rules at work; the n-th session has the id n.
struct Run {
    detector: Detector,
    seen: u64,
    alerts: Vec<Alert>,
}

impl Run {
    fn new(documents: &[String]) -> Self {
        let rules = load(documents).unwrap_or_else(|why| panic!("{}\n{why}", documents.join("---\n")));
        Self::of(rules, &Limits::default())
    }

    fn of(rules: Rules, limits: &Limits) -> Self {
        Self { detector: Detector::with_limits(rules, limits), seen: 0, alerts: Vec::new() }
    }

    fn see(&mut self, sessions: &[Session]) {
        for session in sessions {
            let mut event = session.0.clone();
            event.id = id(self.seen);
            self.seen += 1;
            self.detector.see(&event, &mut |alert| self.alerts.push(alert));
        }
    }

    fn finish(&mut self) {
        self.detector.finish(&mut |alert| self.alerts.push(alert));
    }

    fn reload(&mut self, rules: Rules) {
        self.detector.reload(rules, &mut |alert| self.alerts.push(alert));
    }

    /// The titles of the alerts.
    fn told(&self) -> Vec<String> {
        self.alerts.iter().map(|alert| alert.rule.title.clone()).collect()
    }

    fn sessions(&self) -> Vec<Vec<[u8; 16]>> {
        self.alerts.iter().map(|alert| alert.sessions.to_vec()).collect()
    }
}
