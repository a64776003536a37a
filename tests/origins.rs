//! The values of a field stay while the part of the event that is its origin does, whatever else is put around it: what
//! detection remembers of shared parts holds for every session that has them.

mod packets;
mod replay;
mod samples;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use packets::Rng;
use replay::Replay;
use tlsight::detect::field::{Field, Origin};
use tlsight::detect::{Alert, Detector, Rules};
use tlsight::event::Event;
use tlsight::judge::{Judge, Measures};
use tlsight::x509::verify::Anchors;

#[test]
fn fields_of_a_shared_part_have_its_values_in_any_session() {
    let events = events();
    let mut told = [0usize; Origin::SHARED.len()];
    for origin in Origin::SHARED {
        let fields: Vec<Field> =
            Field::all().chain(Field::aliases()).filter(|field| field.origin() == origin).collect();
        for (number, event) in events.iter().enumerate() {
            // Each beside a third of the others: the neighbours are of all kinds.
            for other in events.iter().skip(number % 3).step_by(3) {
                let mixed = with(origin, event, other.clone());
                for &field in &fields {
                    let values = values(field, event);
                    told[origin as usize] += values.len();
                    assert_eq!(values, self::values(field, &mixed), "{field:?} of {origin:?}");
                }
            }
        }
    }
    assert!(told.iter().all(|&values| values > 200), "{told:?}: too little was compared");
}

#[test]
fn what_is_remembered_says_what_a_look_at_each_rule_says() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let load = || Rules::load(&rules).unwrap_or_else(|why| panic!("{why}"));
    let (plain, mut detector) = (load(), Detector::new(load()));
    let is_of_one_session =
        |alert: &Alert| ["behaviour", "correlation"].iter().all(|name| !alert.rule.file.starts_with(rules.join(name)));
    let (events, mut rng, mut alerts, mut at) = (events(), Rng::new(5), 0, 0);
    for _ in 0..6_000 {
        let mut event = rng.pick(&events).clone();
        for _ in 0..rng.below(4) {
            event = with(*rng.pick(&Origin::SHARED), rng.pick(&events), event);
        }
        // So far apart that nothing is held back.
        at += 5 * 3_600_000_000_000;
        (event.timestamp.0, event.end.0, event.decided.0) = (at, at, at);
        let (mut by_memory, mut by_looking) = (Vec::new(), Vec::new());
        detector.see(&event, &mut |alert| by_memory.push(alert));
        by_memory.retain(is_of_one_session);
        plain.check(&event, &mut |alert| by_looking.push(alert));
        let told = |alerts: &[Alert]| -> Vec<_> {
            alerts.iter().map(|alert| (alert.rule.title.clone(), alert.message.clone())).collect()
        };
        assert_eq!(told(&by_memory), told(&by_looking), "{event:?}");
        alerts += by_looking.len();
    }
    assert!(alerts > 2_000, "{alerts} alerts");
}

#[test]
fn most_fields_that_rules_go_by_are_of_shared_parts() {
    let of_session = |name: &str| Field::named(name).is_ok_and(|field| field.origin() == Origin::Session);
    for name in ["tls.client.ja3", "tls.client.ja4.c", "tls.server.ja3s", "tls.server.hash.sha1", "tlsight.labels.role"]
    {
        assert!(!of_session(name), "{name}");
    }
    for name in ["source.ip", "tls.client.server_name", "@timestamp", "event.id", "tlsight.handshake.latency"] {
        assert!(of_session(name), "{name}");
    }
}

/// `around`, with one part of `event`.
fn with(origin: Origin, event: &Event, around: Event) -> Event {
    let mut mixed = around;
    match origin {
        Origin::Client => match (&mut mixed.client_hello, &event.client_hello) {
            (Some(mixed), Some(side)) => mixed.shape = side.shape.clone(),
            (mixed, side) => mixed.clone_from(side),
        },
        Origin::Server => match (&mut mixed.server_hello, &event.server_hello) {
            (Some(mixed), Some(side)) => mixed.shape = side.shape.clone(),
            (mixed, side) => mixed.clone_from(side),
        },
        Origin::Chains => {
            mixed.server_chain.clone_from(&event.server_chain);
            mixed.client_chain.clone_from(&event.client_chain);
        }
        Origin::Labels => mixed.labels = event.labels.clone(),
        Origin::Verdicts => {
            mixed.security.posture.clone_from(&event.security.posture);
            mixed.security.server_chain = event.security.server_chain;
            mixed.security.client_chain = event.security.client_chain;
        }
        Origin::Browser => {
            mixed.browser.clone_from(&event.browser);
            mixed.client_system = event.client_system;
        }
        // What the key of a course is made of, and no more.
        Origin::Course => {
            let (to, from) = (&mut mixed.handshake, &event.handshake);
            to.established = from.established;
            to.resumption = from.resumption;
            to.resumption_offered = from.resumption_offered;
            to.early_data = from.early_data;
            to.round_trips = from.round_trips;
            to.hello_retry = from.hello_retry;
            to.group = from.group;
            to.signature_scheme = from.signature_scheme;
            to.client_signature_scheme = from.client_signature_scheme;
            to.client_certificate = from.client_certificate;
            to.ech = from.ech;
            to.sslv2 = from.sslv2;
            to.alert = from.alert;
            to.alerts.clone_from(&from.alerts);
            to.failure = from.failure;
            mixed.protocol = event.protocol;
            // The version is the ServerHello's.
            mixed.server_hello.clone_from(&event.server_hello);
        }
        Origin::Session => {}
    }
    mixed
}

fn values(field: Field, event: &Event) -> Vec<String> {
    let mut values = Vec::new();
    let _ = field.visit(event, &mut |value| {
        values.push(value.with_text(str::to_owned));
        ControlFlow::Continue(())
    });
    values
}

/// Samples in which everything is there, and sessions of captures.
fn events() -> Vec<Event> {
    let mut events = samples::all();
    events.push(samples::storied());
    let measures = Measures { anchors: Arc::new(Anchors::mozilla()), chain_checks: None, knowledge: None };
    let mut judge = Judge::new(measures);
    for capture in replay::captures().iter().step_by(3) {
        events.extend(Replay::of_file(capture).events.into_iter().take(2));
    }
    events.iter_mut().skip(5).for_each(|event| judge.judge(event));
    events.iter_mut().step_by(2).for_each(|event| event.labels = samples::labels());
    assert!(events.len() > 30, "{} events", events.len());
    events
}
