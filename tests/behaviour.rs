//! Detectors of behaviour, as rules use them: on sessions made for each, among others that are none; on captures of real
//! programs that behave so; what they remember over a restart; what a faulty rule is told.

mod packets;
mod replay;
mod samples;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlsight::capture::Timestamp;
use tlsight::detect::{Alert, Detector, Rules};
use tlsight::event::labels::{Label, LabelSet};
use tlsight::event::{Chain, Endpoint, Event, Failure, Side};
use tlsight::fingerprint::{Ja3s, Ja4, Stable};
use tlsight::judge::{Judge, Measures};
use tlsight::x509::verify::{Anchors, ChainVerdict, Problem};

const BROWSER: &str = "t13d1516h2_8daaf6152771_d8a2da3f94cd";
const TOOL: &str = "t13d1812h1_85036bcba153_b26ce05bbdd6";
const DAY: f64 = 86_400.0;

#[test]
fn every_rule_says_what_it_is() {
    let rules = Rules::load(&shipped()).unwrap();
    let mut titles = 0;
    for facts in rules.facts().filter(|facts| facts.file.starts_with(shipped().join("behaviour"))) {
        titles += 1;
        assert!(!facts.references.is_empty() && !facts.false_positives.is_empty(), "{}", facts.title);
        assert!(facts.tags.iter().any(|tag| tag.starts_with("attack.")), "{}", facts.title);
        assert!(facts.description.is_some(), "{}", facts.title);
    }
    assert_eq!(titles, fs::read_dir(shipped().join("behaviour")).unwrap().count());
}

#[test]
fn people_who_browse_for_a_day_alert_nobody() {
    let mut chance = chance(1);
    let mut events = Vec::new();
    for host in 0..20u8 {
        let mut at = chance() * 600.0;
        for page in 0..60 {
            at += 30.0 / (1.0 - chance()).powf(1.0 / 1.2);
            let name = ["www.wikipedia.org", "static.example.net", "news.example.com"][page % 3];
            for part in 0..4 {
                events.push(session(at + f64::from(part) * (0.1 + chance()), &[10, 0, 1, host], name, BROWSER));
            }
        }
    }
    assert_eq!(titles(&alerts_of_shipped(events)), Vec::<&str>::new());
}

#[test]
fn a_beacon_is_told_among_people() {
    for (seed, jitter) in [(1, 0.0), (2, 0.1), (3, 0.3)] {
        let mut chance = chance(seed);
        let mut at = 0.0;
        let mut events: Vec<Event> = (0..200)
            .map(|_| {
                at += 60.0 * (1.0 + jitter * (2.0 * chance() - 1.0));
                session(at, &[10, 0, 0, 9], "cdn.example.net", TOOL)
            })
            .collect();
        for host in 0..5 {
            let mut at = 0.0;
            events.extend((0..300).map(|_| {
                at -= 40.0 * (1.0 - chance()).ln();
                session(at, &[10, 0, 1, host], "cdn.example.net", BROWSER)
            }));
        }
        let alerts = alerts_of_shipped(events);
        assert_eq!(titles(&alerts), ["Beaconing to one server"], "jitter {jitter}");
        let alert = &alerts[0];
        assert_eq!(alert.source.ip.to_string(), "10.0.0.9");
        assert_eq!(*alert.group[0].1, *"10.0.0.9");
        let interval = measure(alert, "interval_seconds");
        assert!((interval - 60.0).abs() < 6.0, "{interval}");
        assert!(alert.message.starts_with("10.0.0.9 comes back to cdn.example.net (66.35.250.204:443) every "));
        assert!(alert.count >= 24 && (2..=32).contains(&alert.sessions.len()));
    }
}

#[test]
fn a_new_fingerprint_is_told_when_the_network_is_learnt() {
    let usual = |from: i32, to: i32| {
        (from..to).map(|n| session(sometime(n, 1_200.0), &[10, 0, 1, (n % 7) as u8], "www.example.org", BROWSER))
    };
    let newcomer = session(8.0 * DAY, &[10, 0, 1, 3], "cdn.example.net", TOOL);
    let alerts = alerts_of_shipped(usual(0, 700).chain([newcomer.clone(), newcomer.clone()]));
    assert_eq!(titles(&alerts), ["Fingerprint new to this host", "Fingerprint never seen on this network"]);
    assert!(alerts[1].message.contains("as no host has here in 7.987 days"), "{}", alerts[1].message);
    // A week has not passed yet.
    let early = Event { timestamp: at(6.0 * DAY), ..newcomer };
    assert_eq!(titles(&alerts_of_shipped(usual(0, 510).chain([early]))), Vec::<&str>::new());
}

#[test]
fn another_issuer_and_another_server_are_told_with_what_was_before() {
    let shown = |n: i32, issuer: &str, ja3s: u8| {
        let mut event = session(f64::from(n) * 7_200.0, &[10, 0, 1, (n % 7) as u8], "www.example.org", BROWSER);
        let leaf = Arc::make_mut(&mut event.server_chain[0]);
        leaf.parsed.as_mut().unwrap().issuer = Some(issuer.into());
        // Long enough not to be about to expire.
        leaf.parsed.as_mut().unwrap().not_after = Some(4_000_000_000);
        let server = Arc::make_mut(&mut event.server_hello.as_mut().unwrap().shape);
        server.prints.as_mut().unwrap().ja3s = Ja3s([ja3s; 16]);
        event
    };
    let usual = (0..100).map(|n| shown(n, "CN=Known CA", 7));
    let alerts = alerts_of_shipped(usual.chain([shown(100, "CN=Other CA", 9)]));
    assert_eq!(titles(&alerts), ["Another issuer for a server name", "Server of a name answers in another way"]);
    assert!(
        alerts[0].message.ends_with("a certificate of CN=Other CA; before, it was CN=Known CA"),
        "{}",
        alerts[0].message
    );
    assert!(alerts[1].message.ends_with(&format!("before, it was {}", "07".repeat(16))), "{}", alerts[1].message);
}

#[test]
fn a_rare_fingerprint_is_told_where_there_are_enough_to_compare() {
    let usual = |count: i32| {
        (0..count).map(|n| session(sometime(n, 1.0), &[10, 0, (n % 9) as u8, 1], "a.example.org", BROWSER))
    };
    let rare = session(30_000.0, &[10, 0, 0, 77], "b.example.org", TOOL);
    let alerts = alerts_of_shipped(usual(29_000).chain([rare.clone()]));
    assert_eq!(titles(&alerts), ["Rare fingerprint"]);
    assert!(measure(&alerts[0], "share") < 0.0001);
    assert_eq!(titles(&alerts_of_shipped(usual(5_000).chain([rare]))), Vec::<&str>::new());
}

#[test]
fn a_host_that_rotates_is_told_and_an_office_behind_one_address_is_not() {
    let prints = ["02713d6af862", "e5627efa2ab1", "806a8c22fdea", "cb7bf5808d99", "d8a2da3f94cd"];
    let turn = |n: usize| format!("t13d1516h2_8daaf6152771_{}", prints[n % 5]);
    let rotating = (0..12).map(|n| session(n as f64 * 7.0, &[10, 0, 0, 9], "shop.example.org", &turn(n)));
    let alerts = alerts_of_shipped(rotating);
    assert_eq!(titles(&alerts), ["One host shows many fingerprints in turn"]);
    assert!(
        alerts[0].message.contains("3 fingerprints in turn that share section b of their JA4"),
        "{}",
        alerts[0].message
    );
    // Five browsers at one site, each in its own bursts.
    let office = (0..60).map(|n| session(n as f64 * 7.0, &[10, 0, 0, 8], "shop.example.org", &turn(n / 6)));
    assert_eq!(titles(&alerts_of_shipped(office)), Vec::<&str>::new());
}

#[test]
fn stuffing_is_told_and_people_who_log_in_are_not() {
    let stuffing =
        |n: u32, ja4: &str| session(f64::from(n) * 9.0, &[100, 64, (n % 40) as u8, 1], "login.example.org", ja4);
    let alerts = alerts_of_shipped((0..200).map(|n| stuffing(n, TOOL)));
    assert_eq!(titles(&alerts), ["One program from many hosts at a login, at a steady rate"]);
    assert!(measure(&alerts[0], "hosts") >= 20.0 && measure(&alerts[0], "score") > 0.5);
    let browsers = (0..200).map(|n| {
        let mut event = stuffing(n, BROWSER);
        event.labels.client = Some(Arc::new(LabelSet { labels: [browser_label()].into() }));
        event
    });
    assert_eq!(titles(&alerts_of_shipped(browsers)), Vec::<&str>::new());
    // The same program, at another name.
    let elsewhere =
        (0..200).map(|n| session(f64::from(n) * 9.0, &[100, 64, (n % 40) as u8, 1], "updates.example.org", TOOL));
    assert_eq!(titles(&alerts_of_shipped(elsewhere)), Vec::<&str>::new());
}

#[test]
fn a_hello_that_comes_twice_is_told_and_one_that_is_mirrored_is_not() {
    let leg = |seconds: f64, from: ([u8; 4], u16), to: ([u8; 4], u16), random: u8| {
        let mut event = session(seconds, &from.0, "www.example.org", TOOL);
        event.client.port = from.1;
        event.server = Endpoint { ip: to.0.into(), port: to.1 };
        event.client_hello.as_mut().unwrap().random = [random; 32];
        event
    };
    let (host, relay, server) = ([10, 0, 0, 5], [10, 0, 0, 66], [192, 0, 2, 1]);
    let relayed = [leg(0.0, (host, 4000), (relay, 1080), 1), leg(0.02, (relay, 5000), (server, 443), 1)];
    let alerts = alerts_of_shipped(relayed);
    assert_eq!(titles(&alerts), ["ClientHello on two connections"]);
    assert!(
        alerts[0].message.contains("is that of another connection, 10.0.0.5 to 10.0.0.66, port 1080, 0.02 s apart")
    );
    assert_eq!(alerts[0].sessions.len(), 2);
    let mirrored = [leg(0.0, (host, 4000), (server, 443), 1), leg(0.0, (host, 4000), (server, 443), 1)];
    let translated = [leg(0.0, (host, 4000), (server, 443), 1), leg(0.001, ([192, 0, 2, 99], 61000), (server, 443), 1)];
    let others = (0..50).map(|n| leg(f64::from(n), (host, 4000), (server, 443), n as u8 + 2)).collect::<Vec<_>>();
    for quiet in [mirrored.to_vec(), translated.to_vec(), others] {
        assert_eq!(titles(&alerts_of_shipped(quiet)), Vec::<&str>::new());
    }
}

#[test]
fn a_scan_and_a_broken_server_are_told_apart_by_who_fails() {
    let failed = |seconds: f64, client: &[u8; 4], server: [u8; 4], ja4: &str| {
        let mut event = session(seconds, client, "www.example.org", ja4);
        event.server.ip = server.into();
        event.handshake.established = false;
        event.handshake.failure = Some(Failure::Alert(48));
        event
    };
    let scan = (0..30).map(|n| failed(f64::from(n), &[10, 0, 0, 9], [192, 0, 2, n as u8], TOOL));
    assert_eq!(titles(&alerts_of_shipped(scan)), ["One host fails at many servers"]);
    let fine = (0..30).map(|n| session(f64::from(n), &[10, 0, 1, n as u8], "www.example.org", BROWSER));
    let broken = (30..60).map(|n| {
        let mut event = failed(f64::from(n * 3), &[10, 0, 1, n as u8], [66, 35, 250, 204], BROWSER);
        Arc::make_mut(&mut event.server_chain[0]).sha256 = [9; 32];
        event
    });
    let alerts = alerts_of_shipped(fine.chain(broken));
    assert_eq!(titles(&alerts), ["Many hosts fail at one server"]);
    assert!(alerts[0].message.ends_with("(after its certificate changed)"), "{}", alerts[0].message);
    // A capture of hellos alone says nothing.
    let cut = (0..30).map(|n| {
        let mut event = failed(f64::from(n), &[10, 0, 0, 9], [192, 0, 2, n as u8], TOOL);
        event.handshake.failure = None;
        event
    });
    assert_eq!(titles(&alerts_of_shipped(cut)), Vec::<&str>::new());
}

#[test]
fn computed_names_are_told_and_names_of_services_are_not() {
    let asks = |names: &[&str]| {
        let events = names.iter().enumerate().map(|(n, name)| session(n as f64 * 60.0, &[10, 0, 0, 9], name, BROWSER));
        titles(&alerts_of_shipped(events.collect::<Vec<_>>())).len()
    };
    assert_eq!(asks(&["qxkzvhwpjfgt.com", "www.vjqwxkzpgbtf.net", "pzqkvjxwghrl.org"]), 1);
    let services = [
        "d111111abcdef8.cloudfront.net",
        "r3---sn-4g5ednsd.googlevideo.com",
        "e4a7b2c9d1f03.akamaiedge.net",
        "x7k2q9.s3.eu-west-1.amazonaws.com",
        "ocsp.digicert.com",
        "fonts.gstatic.com",
        "wx1.sinaimg.cn",
    ];
    assert_eq!(asks(&services), 0);
}

#[test]
fn short_lived_and_ending_certificates_are_told() {
    let start = at(0.0).0 / 1_000_000_000;
    let shown = |days: (i64, i64), chain: Option<Problem>, seconds: f64| {
        let mut event = session(seconds, &[10, 0, 0, 9], "www.example.org", BROWSER);
        let parsed = Arc::make_mut(&mut event.server_chain[0]).parsed.as_mut().unwrap();
        parsed.not_before = Some(start + days.0 * 86_400);
        parsed.not_after = Some(start + days.1 * 86_400);
        let problems = chain.into_iter().collect();
        event.security.server_chain = Some(Chain::Judged(ChainVerdict { problems, name: None }));
        event
    };
    let of = |event: Event| titles(&alerts_of_shipped([event.clone(), event])).join(", ");
    assert_eq!(of(shown((-60, 5), None, 0.0)), "Certificate about to expire");
    assert_eq!(of(shown((-60, 8), None, 0.0)), "");
    assert_eq!(of(shown((-1, 5), None, 0.0)), "", "made for six days");
    assert_eq!(of(shown((-1, 28), Some(Problem::SelfSigned), 0.0)), "Short-lived self-signed certificate");
    assert_eq!(of(shown((-1, 3650), Some(Problem::SelfSigned), 0.0)), "");
    assert_eq!(of(shown((-1, 28), Some(Problem::NoIssuer), 0.0)), "");
    let inside = Event {
        server: Endpoint { ip: [10, 9, 8, 7].into(), port: 443 },
        ..shown((-1, 28), Some(Problem::SelfSigned), 0.0)
    };
    assert_eq!(of(inside), "");
}

#[test]
fn a_name_that_the_server_does_not_have_is_told() {
    let with = |problems: &[Problem]| {
        let mut event = session(0.0, &[10, 0, 0, 9], "front.example.org", BROWSER);
        let problems = problems.iter().copied().collect();
        event.security.server_chain = Some(Chain::Judged(ChainVerdict { problems, name: None }));
        texts(&alerts_of_shipped([event])).join("; ")
    };
    assert_eq!(with(&[]), "");
    let fronted = with(&[Problem::NameMismatch]);
    assert!(fronted.starts_with("Certificate of a trusted authority for other names"), "{fronted}");
    assert_eq!(with(&[Problem::SelfSigned, Problem::NameMismatch]), "", "nobody vouches for it");
}

#[test]
fn whatever_comes_in_whatever_order_no_detector_fails_or_outgrows_its_cap() {
    let mut chance = chance(5);
    let rules = [
        "{type: beaconing, by: destination.port, keys: 50, sessions: 8, lasting: 1s, score: 0, again: 0s}",
        "{type: first_seen, value: [tls.client.ja4, tls.server.issuer], by: server, keys: 50, learn: 0s, sessions: 1}",
        "{type: rarity, value: tls.client.ja4, keys: 50, least: 1, share: 1}",
        "{type: rotation, by: destination.port, window: 3650d, keys: 50, distinct: 2, constant: none, score: 0, again: 0s}",
        "{type: spread, by: destination.port, window: 30d, keys: 50, hosts: 2, sessions: 2, score: 0, again: 0s}",
        "{type: repeat, keys: 50, again: 0s, mirror: 0s}",
        "{type: failures, keys: 50, distinct: 1, failures: 1, share: 0, again: 0s}",
        "{type: names, keys: 50, names: 1, score: 0, again: 0s}",
        "{type: validity, expires_within: 3650d, keys: 50, again: 0s}",
    ];
    let mut detectors: Vec<Detector> =
        rules.iter().map(|parameters| Detector::new(rule_with(1, parameters, "").unwrap())).collect();
    let folder = tempfile::tempdir().unwrap();
    for (number, detector) in detectors.iter_mut().enumerate() {
        detector.keep_in(&folder.path().join(number.to_string())).unwrap();
    }
    let extremes = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    let names: [&[u8]; 6] = [b"", b".", b"\xff\xfe..", &[b'a'; 300], b"qxkzvhwpjfgt.com.", b"-.-"];
    let mut told = [0; 9];
    for n in 0..3_000 {
        let byte = |share: f64| (share * 256.0) as u8;
        let mut event =
            session(chance() * 1e6, &[byte(chance()), 0, 0, byte(chance()) % 4], "x", [BROWSER, TOOL][n % 2]);
        if n % 7 == 0 {
            event.timestamp = Timestamp(extremes[n / 7 % extremes.len()]);
        }
        let hello = event.client_hello.as_mut().unwrap();
        hello.server_name = Some(names[n % names.len()].into());
        hello.random = [byte(chance()) % 100; 32];
        event.handshake.failure = (n % 3 == 0).then_some(Failure::Alert(40));
        event.handshake.established = n % 3 != 0;
        if n % 5 == 0 {
            event.client_hello = None;
        }
        if n % 11 == 0 {
            event.server_chain.clear();
        }
        for (detector, told) in detectors.iter_mut().zip(&mut told) {
            detector.see(&event, &mut |alert| {
                assert!((0.0..=1.0).contains(&measure(&alert, "score")), "{}: {:?}", alert.message, alert.measures);
                assert!(alert.measures.iter().all(|(_, figure)| figure.is_finite()), "{:?}", alert.measures);
                assert!((1..=Alert::MAX_SESSIONS).contains(&alert.sessions.len()));
                *told += 1;
            });
        }
    }
    assert!(told.iter().all(|&alerts| alerts > 0), "{told:?}");
    for (number, detector) in detectors.iter().enumerate() {
        detector.save().unwrap();
        let size = fs::metadata(folder.path().join(number.to_string())).unwrap().len();
        assert!(size < 150_000, "{}: {size}", rules[number]);
    }
}

#[test]
fn real_programs_are_found_by_what_they_do_and_people_beside_them_are_not() {
    // Seconds take the place of the minutes and hours that the rules of the pack look at.
    let beaconing = "{type: beaconing, sessions: 24, merge: 200ms, lasting: 30s, by: [source.ip, server]}";
    for jitter in [0, 10, 30] {
        let found = in_capture(&format!("beacon_jitter_{jitter}"), beaconing);
        assert_eq!(clients(&found).len(), 1, "jitter {jitter}: {found:?}");
        assert!(clients(&found)[0].ends_with(".1"), "{found:?}");
    }
    let rotation = "{type: rotation, by: [source.ip, server], window: 1m, distinct: 3}";
    assert_eq!(clients(&in_capture("rotation", rotation)), ["127.0.1.1"]);
    let stuffing = "{type: spread, window: 12s, hosts: 20, sessions: 30}";
    let found = in_capture("stuffing", stuffing);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].group[0].1.as_ref(), "api.site.test");
    let scan = "{type: failures, by: source.ip, value: destination.ip}";
    assert_eq!(clients(&in_capture("scan", scan)), ["127.0.1.1"]);
    let swap = "{type: failures, by: server, value: source.ip}";
    let found = in_capture("certificate_swap", swap);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(measure(&found[0], "since_change_seconds") < 10.0);
    let drift = "{type: first_seen, by: tls.client.server_name, value: tls.server.issuer, learn: 0s, sessions: 10}";
    assert_eq!(in_capture("certificate_swap", drift).len(), 1);
    let relay = "{type: repeat}";
    let found = in_capture("relay", relay);
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|alert| measure(alert, "relayed") == 1.0));
    assert_eq!(clients(&in_capture("names", "{type: names}")), ["127.0.1.1"]);
}

#[test]
fn each_capture_alerts_only_the_detectors_that_it_was_made_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/behaviour");
    let mut told = Vec::new();
    for capture in ["beacon_jitter_0", "names", "relay", "rotation", "scan", "stuffing", "certificate_swap"] {
        let events = judged(&folder.join(format!("{capture}.pcap")));
        told.extend(titles(&alerts_of_shipped(events)).into_iter().map(|title| format!("{capture}: {title}")));
    }
    assert_eq!(
        told,
        [
            "names: Names of chance",
            "relay: ClientHello on two connections",
            "relay: ClientHello on two connections",
            "relay: ClientHello on two connections",
            "relay: ClientHello on two connections",
            "rotation: One host shows many fingerprints in turn",
            "scan: One host fails at many servers",
            "certificate_swap: Many hosts fail at one server",
        ]
    );
}

#[test]
fn what_is_learnt_survives_a_restart() {
    let events: Vec<Event> = (0..1_000)
        .map(|n| {
            let ja4 = if n == 900 { TOOL } else { BROWSER };
            session(sometime(n, 1_200.0), &[10, 0, 1, (n % 7) as u8], "www.example.org", ja4)
        })
        .collect();
    let (folder, all) = (tempfile::tempdir().unwrap(), texts(&alerts_of_shipped(events.clone())));
    assert!(!all.is_empty());
    let state = folder.path().join("state");
    let mut told = Vec::new();
    for part in events.chunks(250) {
        let mut detector = Detector::new(Rules::load(&shipped()).unwrap());
        assert_eq!(detector.keep_in(&state).unwrap(), [""; 0]);
        part.iter().for_each(|event| detector.see(event, &mut |alert| told.push(alert)));
        detector.save().unwrap();
    }
    assert_eq!(texts(&told), all);
    // Without it, the last part knows nothing.
    assert_eq!(titles(&alerts_of_shipped(events[750..].to_vec())), Vec::<&str>::new());
}

#[test]
fn a_state_is_taken_up_by_its_own_rule_alone() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let rule = |id: u32, value: &str| {
        rule_with(id, &format!("{{type: first_seen, value: {value}, learn: 0s, sessions: 1}}"), "").unwrap()
    };
    let seen = |rules: Rules| {
        let mut detector = Detector::new(rules);
        detector.keep_in(&state).unwrap();
        let mut told = 0;
        let event = session(0.0, &[10, 0, 0, 1], "www.example.org", BROWSER);
        detector.see(&event, &mut |_| told += 1);
        detector.see(&session(1.0, &[10, 0, 0, 1], "www.example.org", TOOL), &mut |_| told += 1);
        detector.save().unwrap();
        told
    };
    assert_eq!(seen(rule(1, "tls.client.ja4")), 1);
    assert_eq!(seen(rule(1, "tls.client.ja4")), 0, "both are known");
    assert_eq!(seen(rule(1, "tls.client.ja4.a")), 1, "it looks at something else");
    assert_eq!(seen(rule(2, "tls.client.ja4.a")), 1, "it is another rule");
}

#[test]
fn reloading_keeps_what_unchanged_rules_have_learnt() {
    let parameters = "{type: first_seen, value: tls.client.ja4, learn: 0s, sessions: 1}";
    let mut detector = Detector::new(rule_with(1, parameters, "").unwrap());
    let (known, new) =
        (session(0.0, &[10, 0, 0, 1], "a.example", BROWSER), session(1.0, &[10, 0, 0, 1], "a.example", TOOL));
    let mut told = 0;
    detector.see(&known, &mut |_| told += 1);
    detector.reload(rule_with(1, parameters, "message: \"another sentence\"").unwrap(), &mut |_| {
        panic!("nothing was held back")
    });
    detector.see(&new, &mut |_| told += 1);
    assert_eq!(told, 1, "what came before is remembered");
    detector.reload(
        rule_with(1, "{type: first_seen, value: tls.client.ja4, learn: 1s, sessions: 1}", "").unwrap(),
        &mut |_| panic!("nothing was held back"),
    );
    detector.see(&new, &mut |_| told += 1);
    assert_eq!(told, 1, "other parameters begin anew");
}

#[test]
fn evictions_are_counted() {
    let mut detector = Detector::new(rule_with(1, "{type: beaconing, keys: 10}", "").unwrap());
    for host in 0..100 {
        detector.see(&session(1.0, &[10, 0, 0, host], "a.example", TOOL), &mut |_| panic!("nothing is regular here"));
    }
    assert_eq!(detector.counters().groups_evicted, 90);
}

#[test]
fn faults_are_told_with_their_line() {
    let fault = |parameters: &str, custom: &str| {
        let error = rule_with(1, parameters, custom).map(|_| ()).unwrap_err();
        error.split_once("rule.yml:").unwrap().1.to_owned()
    };
    assert!(fault("{}", "").starts_with("10: `behaviour` needs a `type`: one of beaconing, first_seen"));
    assert!(fault("{type: beacon}", "").contains("there is no behaviour `beacon`; there are beaconing,"));
    assert!(fault("{type: beaconing, jitter: 1}", "").contains("there is no `jitter` here; there are"));
    assert!(fault("{type: beaconing, score: 1.5}", "").contains("`score` is a number from 0 to 1"));
    assert!(fault("{type: beaconing, samples: 7}", "").contains("`samples` is a whole number from 8 to 512"));
    assert!(fault("{type: rotation, window: 0s}", "").contains("`window` must be longer than nothing"));
    assert!(fault("{type: rotation, constant: d}", "").contains("`constant` is one of any, a, b, c, none, not `d`"));
    assert!(fault("{type: first_seen}", "").contains("`value` names the field that is looked at"));
    assert!(fault("{type: validity}", "").contains("`validity` needs `expires_within` or `lifetime_below`"));
    assert!(fault("{type: beaconing, by: [source.ipp]}", "").contains("did you mean `source.ip`?"));
    assert!(fault("[]", "").contains("`behaviour` holds parameters"));
    let unknown = fault("{type: names}", "message: \"{measure.hosts}\"");
    assert!(unknown.starts_with("11: there is no `measure.hosts` here; there are score, names, note"), "{unknown}");
}

#[test]
fn the_program_goes_on_from_its_state_and_puts_a_foreign_one_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (state, rules) = (folder.path().join("state"), folder.path().join("rule.yml"));
    let parameters = "{type: first_seen, value: tls.client.ja4, by: source.ip, learn: 0s, sessions: 1}";
    fs::write(&rules, rule_text(1, parameters, "")).unwrap();
    let run = || {
        let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/behaviour/rotation.pcap");
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_tlsight"));
        program.arg("read").arg(capture).arg("--json").arg("--rules").arg(&rules).arg("--state").arg(&state);
        let done = program.output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let alerts = String::from_utf8(done.stdout).unwrap().matches("tlsight.alert\"").count();
        (alerts, String::from_utf8(done.stderr).unwrap())
    };
    let (first, _) = run();
    assert_eq!(first, 3);
    assert_eq!(run().0, 0, "all is known");
    fs::write(&state, "not a state").unwrap();
    let (again, said) = run();
    assert_eq!(again, first);
    assert!(said.contains("it is no state of tlsight; learning begins anew, and the file is kept as"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join("state.refused")).unwrap(), "not a state");
}

/// The alerts of the rules that come with tlsight and have a behaviour, in the order of time.
fn alerts_of_shipped(events: impl IntoIterator<Item = Event>) -> Vec<Alert> {
    let mut alerts = alerts(Rules::load(&shipped()).unwrap(), events);
    alerts.retain(|alert| alert.rule.file.starts_with(shipped().join("behaviour")));
    alerts
}

fn alerts(rules: Rules, events: impl IntoIterator<Item = Event>) -> Vec<Alert> {
    let mut events: Vec<Event> = events.into_iter().collect();
    events.sort_by_key(|event| event.timestamp);
    let (mut detector, mut alerts) = (Detector::new(rules), Vec::new());
    events.iter().for_each(|event| detector.see(event, &mut |alert| alerts.push(alert)));
    detector.finish(&mut |alert| alerts.push(alert));
    alerts
}

fn in_capture(name: &str, parameters: &str) -> Vec<Alert> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/behaviour/{name}.pcap"));
    alerts(rule_with(1, parameters, "").unwrap(), judged(&path))
}

fn judged(path: &Path) -> Vec<Event> {
    let mut events = replay::Replay::of_file(path).events;
    let measures = Measures { anchors: Arc::new(Anchors::mozilla()), chain_checks: None, knowledge: None };
    let mut judge = Judge::new(measures);
    events.iter_mut().for_each(|event| judge.judge(event));
    events
}

fn rule_with(id: u32, parameters: &str, custom: &str) -> Result<Rules, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rule.yml");
    fs::write(&path, rule_text(id, parameters, custom)).unwrap();
    Rules::load(&path).map_err(|error| error.to_string())
}

fn rule_text(id: u32, parameters: &str, custom: &str) -> String {
    format!(
        "title: Made for a test\nid: 00000000-0000-4000-8000-{id:012}\nlevel: low\n\
         logsource: {{product: tlsight, category: tls}}\ndetection:\n  session:\n    tls.client.ja4|exists: true\n\
         custom:\n  behaviour: {parameters}\n  {custom}\n"
    )
    .replace("custom:\n", "  condition: session\ncustom:\n")
}

/// Seconds after the start of the n-th of many things that happen independently of each other, `mean` apart.
fn sometime(n: i32, mean: f64) -> f64 {
    let mut chance = chance(n as u64);
    f64::from(n) * mean + mean * 12.0 * chance()
}

/// A session of a client to a name, `seconds` after the start.
fn session(seconds: f64, client: &[u8; 4], name: &str, ja4: &str) -> Event {
    let mut event = samples::tls12();
    event.timestamp = at(seconds);
    event.client = Endpoint { ip: (*client).into(), port: (seconds * 10.0) as u16 };
    event.id[..8].copy_from_slice(&event.timestamp.0.to_be_bytes());
    event.id[8..12].copy_from_slice(client);
    let hello = event.client_hello.as_mut().unwrap();
    hello.server_name = Some(name.as_bytes().into());
    hello.random[..16].copy_from_slice(&event.id);
    let prints = Arc::make_mut(&mut hello.shape).prints.as_mut().unwrap();
    prints.ja4 = Ja4(ja4.as_bytes().try_into().unwrap());
    prints.stable = Stable(prints.ja4);
    event.handshake.established = true;
    event
}

fn at(seconds: f64) -> Timestamp {
    Timestamp(1_709_251_200_000_000_000 + (seconds * 1e9) as i64)
}

fn browser_label() -> Label {
    let known = samples::labels().client.unwrap().labels[0].clone();
    Label { side: Side::Client, role: Some(tlsight::event::labels::Role::Browser), ..known }
}

fn titles(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| &*alert.rule.title).collect()
}

fn texts(alerts: &[Alert]) -> Vec<String> {
    alerts.iter().map(|alert| format!("{} {:?} {}", alert.rule.title, alert.sessions, alert.message)).collect()
}

fn clients(alerts: &[Alert]) -> Vec<String> {
    alerts.iter().map(|alert| alert.source.ip.to_string()).collect()
}

fn measure(alert: &Alert, name: &str) -> f64 {
    alert.measures.iter().find(|(measure, _)| *measure == name).map(|&(_, figure)| figure).unwrap_or(f64::NAN)
}

/// Numbers from 0 to 1 that are the same each time (Knuth's MMIX generator).
fn chance(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")
}
