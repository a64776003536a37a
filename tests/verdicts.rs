//! Chains of `testdata/captures` against what `openssl verify` says of them at the packets' time, and stapled answers
//! against `openssl ocsp` (`testdata/chains`, made by `testdata/make/verdicts.py` and `staples.py`).

mod packets;
mod replay;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use replay::{Replay, captures, file_name, testdata};
use serde_json::Value;
use tlsight::x509::Certificate;
use tlsight::x509::ocsp::{Answer, CertificateStatus, Freshness, Parties, Signer};
use tlsight::x509::verify::{
    Anchors, ChainKey, Host, Intermediates, PathVerdict, Problem, Purpose, Question, Revocation, Verifier, name_match,
};

/// A chain of a capture, and what was asked of it.
struct Shown {
    chain: Vec<Arc<Certificate>>,
    purpose: Purpose,
    host: Option<Host>,
    second: i64,
}

#[test]
fn verdicts_are_those_of_openssl() {
    let expected = lines("chains/verdicts.jsonl");
    let mut chains: BTreeMap<String, Vec<Shown>> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for row in &expected {
        let file = text(&row["file"]);
        let shown = chains.entry(file.to_owned()).or_insert_with(|| of_capture(file));
        let found = shown.iter().find(|one| {
            hex(&one.chain[0].sha256) == text(&row["leaf"])
                && one.second == row["second"].as_i64().expect("a second")
                && purpose(row) == one.purpose
        });
        let Some(shown) = found else {
            wrong.push(format!("{file}: the chain of {} is not there", row["leaf"]));
            continue;
        };
        assert_eq!(shown.host.as_ref().map(host_text), row["name"].as_str().map(str::to_owned), "{file}");
        let verdict = verifier(row["anchor"].as_str());
        let path = verdict.path(&shown.question(&Intermediates::default()));
        let verdict = path.with(shown.name_match(), Revocation::Unknown);
        let problems: BTreeSet<Problem> = verdict.problems.iter().collect();
        for (level, minds_weakness) in [("level_0", false), ("level_2", true)] {
            compared += 1;
            let theirs: Vec<u8> = numbers(&row[level]);
            let ours = || problems.iter().filter(|problem| minds_weakness || !WEAKNESSES.contains(problem));
            let unknown = theirs.iter().filter(|number| !ours().any(|problem| problem.openssl().contains(number)));
            let unknown: Vec<_> = unknown.collect();
            // Of a broken extension openssl says whatever comes of it.
            let broken = problems.contains(&Problem::Malformed) && !theirs.is_empty();
            let stopped = theirs.iter().any(|number| STOPS.contains(number));
            let more = ours().filter(|problem| !stopped && !problem.openssl().is_empty());
            let more: Vec<_> = more.filter(|problem| !problem.openssl().iter().any(|n| theirs.contains(n))).collect();
            let explained = EXPLAINED.iter().any(|(name, _)| *name == file);
            if !broken && !explained && (!unknown.is_empty() || !more.is_empty()) {
                wrong.push(format!("{file} {level}: openssl {theirs:?}, here {problems:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(expected.len() > 250 && compared == 2 * expected.len());
}

#[test]
fn every_chain_of_the_captures_is_compared() {
    let expected: BTreeSet<String> =
        lines("chains/verdicts.jsonl").iter().map(|row| text(&row["file"]).to_owned()).collect();
    let kept = captures();
    let with_chains = kept.iter().map(|path| file_name(path)).filter(|name| !of_capture(name).is_empty());
    let missing: Vec<&str> = with_chains.filter(|name| !expected.contains(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "testdata/make/verdicts.py --write was not run for these");
}

#[test]
fn chains_have_the_verdict_that_they_were_made_for() {
    let mut made = 0;
    for note in lines("captures/notes.jsonl").iter().filter(|note| !note["known"]["verdict"].is_null()) {
        let file = text(&note["file"]);
        if file.starts_with("staple_") {
            continue;
        }
        made += 1;
        let known = text(&note["known"]["verdict"]);
        let (status, others) = known.split_once(" (").unwrap_or((known, ""));
        let status = status.split(": ").next().expect("a status");
        let shown = only(file);
        let stem = file.trim_end_matches(".pcap");
        let path = verifier(Some(&format!("{stem}.pem"))).path(&shown.question(&Intermediates::default()));
        let verdict = path.with(shown.name_match(), Revocation::Unknown);
        let mut problems = verdict.problems.iter().map(Problem::as_str);
        match status {
            // What openssl does not mind stands in brackets.
            "ok" => {
                let wanted: BTreeSet<&str> =
                    others.trim_end_matches(')').split(", ").filter(|one| is_problem(one)).collect();
                assert_eq!(problems.collect::<BTreeSet<_>>(), wanted, "{file}");
            }
            status => assert_eq!(problems.next(), Some(status), "{file}"),
        }
    }
    assert!(made >= 34);
}

#[test]
fn staples_are_read_and_taken_as_openssl_does() {
    let rows = lines("chains/staples.jsonl");
    assert_eq!(rows.len(), 6);
    for row in &rows {
        let file = text(&row["file"]);
        let stem = file.trim_end_matches(".pcap");
        let response = fs::read(testdata(&format!("chains/{stem}.ocsp"))).expect("an answer");
        let shown = only(file);
        let path = verifier(Some(&format!("{stem}.pem")));
        let issuer = issuer_of(stem);
        let answer = Answer::read(&response, Some(&shown.chain[0]));
        assert!(!answer.malformed, "{file}");
        assert_eq!(answer.status, 0);
        assert_eq!(answer.certificate.expect("a status").as_str(), text(&row["status"]), "{file}");
        assert_eq!(answer.this_update, row["this_update"].as_i64(), "{file}");
        assert_eq!(answer.next_update, row["next_update"].as_i64(), "{file}");
        assert_eq!(answer.produced_at, row["produced_at"].as_i64(), "{file}");
        assert_eq!(hex(answer.serial.as_deref().expect("a serial")), text(&row["serial"]));
        if let Some(CertificateStatus::Revoked { at, reason }) = answer.certificate {
            assert_eq!(at, row["revoked_at"].as_i64(), "{file}");
            assert_eq!(reason.map(|reason| format!("{reason:x}")).as_deref(), row["reason"].as_str(), "{file}");
        }
        let parties = Parties { leaf: &shown.chain[0], issuer: Some(&issuer) };
        let judgement = answer.judge(&response, &parties, shown.second);
        assert_eq!(judgement.fits, Some(true), "{file}");
        let by_right = matches!(judgement.signer, Signer::Issuer | Signer::Delegate);
        assert_eq!(by_right, row["verified"].as_bool().expect("verified"), "{file}: {judgement:?}");
        assert_eq!(judgement.freshness == Freshness::Fresh, row["fresh"].as_bool().expect("fresh"), "{file}");
        let verdict =
            path.path(&shown.question(&Intermediates::default())).with(shown.name_match(), judgement.revocation);
        let revoked = row["status"] == "revoked" && by_right;
        assert_eq!(verdict.as_str(), if revoked { "revoked" } else { "ok" }, "{file}");
        assert_eq!(judgement.revocation == Revocation::Good, file == "staple_good.pcap", "{file}");
    }
}

#[test]
fn a_staple_with_any_byte_changed_is_not_taken() {
    let (shown, issuer) = (only("staple_good.pcap"), issuer_of("staple_good"));
    let response = fs::read(testdata("chains/staple_good.ocsp")).expect("an answer");
    let revocation = |response: &[u8]| {
        let answer = Answer::read(response, Some(&shown.chain[0]));
        let parties = Parties { leaf: &shown.chain[0], issuer: Some(&issuer) };
        answer.judge(response, &parties, shown.second).revocation
    };
    assert_eq!(revocation(&response), Revocation::Good);
    // What is signed begins behind seven headers, and comes before its algorithm.
    for at in 34..250 {
        let mut changed = response.clone();
        changed[at] ^= 0x01;
        assert_ne!(revocation(&changed), Revocation::Good, "{at}");
    }
    for len in 0..response.len() {
        let _ = Answer::read(&response[..len], Some(&shown.chain[0]));
    }
}

#[test]
fn an_intermediate_that_was_seen_elsewhere_completes_a_chain() {
    let whole = only("chain_ok.pcap");
    let lacking = Shown { chain: vec![Arc::clone(&whole.chain[0])], ..only("chain_ok.pcap") };
    let verifier = verifier(Some("chain_ok.pem"));
    let mut seen = Intermediates::default();
    let before = verifier.path(&lacking.question(&seen));
    assert_eq!(before.problems.first(), Some(Problem::NoIssuer));
    seen.note(&whole.chain);
    assert!(!before.holds(lacking.second, seen.generation()), "a verdict that may be mended is asked for again");
    let after = verifier.path(&lacking.question(&seen));
    assert_eq!(after.problems.iter().collect::<Vec<_>>(), [Problem::Incomplete]);
    let generation = seen.generation();
    seen.note(&whole.chain);
    assert_eq!(seen.generation(), generation, "what is known is not noted twice");
}

#[test]
fn a_verdict_lasts_until_a_certificate_begins_or_ends() {
    let shown = only("chain_ok.pcap");
    let verifier = verifier(Some("chain_ok.pem"));
    let at = |second| verifier.path(&Question { second, ..shown.question(&Intermediates::default()) });
    let now = at(shown.second);
    // All three are valid from 2025 to 2035, by the scenario.
    assert_eq!((now.from, now.until), (1_735_689_600, 2_051_222_400));
    for (second, status) in [
        (now.from - 1, Some(Problem::NotYetValid)),
        (now.from, None),
        (now.until, None),
        (now.until + 1, Some(Problem::Expired)),
    ] {
        assert_eq!(at(second).problems.first(), status, "{second}");
        assert_eq!(now.holds(second, 0), status.is_none());
    }
}

#[test]
fn time_and_anchor_are_all_that_changes_a_verdict() {
    let shown = only("chain_expired.pcap");
    let verifier = verifier(Some("chain_expired.pem"));
    let then = verifier.path(&Question { second: 1_430_000_000, ..shown.question(&Intermediates::default()) });
    // In 2015 the leaf was valid, and what stands above it was not yet.
    assert_eq!(then.problems.iter().collect::<Vec<_>>(), [Problem::NotYetValid]);
    let nobody = Verifier::new(Arc::new(Anchors::none()));
    let path = nobody.path(&shown.question(&Intermediates::default()));
    assert_eq!(path.problems.iter().collect::<Vec<_>>(), [Problem::NoIssuer, Problem::Expired]);
}

#[test]
fn chains_with_any_byte_changed_are_survived_and_never_ok() {
    let shown = only("chain_p521.pcap");
    let verifier = verifier(Some("chain_p521.pem"));
    for (at, certificate) in shown.chain.iter().enumerate() {
        for place in (0..certificate.der.len()).step_by(7) {
            let mut der = certificate.der.to_vec();
            der[place] ^= 0x55;
            let mut chain = shown.chain.clone();
            chain[at] = Arc::new(Certificate::from_der(&der));
            let verdict: PathVerdict =
                verifier.path(&Question { chain: &chain, ..shown.question(&Intermediates::default()) });
            assert!(!verdict.problems.is_empty(), "certificate {at}, byte {place}");
            let host = shown.host.as_ref().expect("a name");
            let _ = name_match(&chain[0], host);
        }
    }
}

#[test]
fn a_chain_of_equals_that_name_each_other_ends() {
    // The same two certificates over and over, and each a candidate for all.
    let shown = only("chain_wrong_order.pcap");
    let mut chain = Vec::new();
    for _ in 0..500 {
        chain.extend(shown.chain.iter().cloned());
    }
    let verdict = verifier(Some("chain_wrong_order.pem"))
        .path(&Question { chain: &chain, ..shown.question(&Intermediates::default()) });
    assert_eq!(verdict.problems.first(), Some(Problem::BadOrder));
    assert_ne!(ChainKey::of(&chain, Purpose::Server), ChainKey::of(&shown.chain, Purpose::Server));
    let empty = verifier(None).path(&Question { chain: &[], ..shown.question(&Intermediates::default()) });
    assert_eq!(empty.problems.first(), Some(Problem::Malformed));
}

impl Shown {
    fn question<'a>(&'a self, seen: &'a Intermediates) -> Question<'a> {
        Question { chain: &self.chain, seen, purpose: self.purpose, second: self.second }
    }

    fn name_match(&self) -> Option<tlsight::x509::verify::NameMatch> {
        self.host.as_ref().and_then(|host| name_match(&self.chain[0], host))
    }
}

fn of_capture(file: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    for event in Replay::of_file(&testdata("captures").join(file)).events {
        let host = event.server_name().and_then(Host::read);
        let second = event.timestamp.0.div_euclid(1_000_000_000);
        for (chain, purpose) in [(event.server_chain, Purpose::Server), (event.client_chain, Purpose::Client)] {
            if !chain.is_empty() {
                let host = host.clone().filter(|_| purpose == Purpose::Server);
                shown.push(Shown { chain, purpose, host, second });
            }
        }
    }
    shown
}

fn only(file: &str) -> Shown {
    let mut shown = of_capture(file);
    assert_eq!(shown.len(), 1, "{file}");
    shown.remove(0)
}

fn verifier(anchor: Option<&str>) -> Verifier {
    let mut anchors = Anchors::mozilla();
    if let Some(name) = anchor {
        let pem = fs::read(testdata("chains").join(name)).expect("an anchor");
        assert_eq!(anchors.add_pem(&pem), Ok(1), "{name}");
    }
    Verifier::new(Arc::new(anchors))
}

fn issuer_of(stem: &str) -> Certificate {
    use base64::Engine;
    let pem = fs::read_to_string(testdata(&format!("chains/{stem}.pem"))).expect("an issuer");
    let body: String = pem.lines().filter(|line| !line.starts_with(['-', '#'])).collect();
    Certificate::from_der(&base64::engine::general_purpose::STANDARD.decode(body).expect("base64"))
}

fn lines(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(testdata(name)).expect(name);
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn is_problem(name: &str) -> bool {
    Problem::ALL.iter().any(|problem| problem.as_str() == name)
}

fn purpose(row: &Value) -> Purpose {
    if row["purpose"] == "sslserver" { Purpose::Server } else { Purpose::Client }
}

fn host_text(host: &Host) -> String {
    match host {
        Host::Dns(name) => name.clone(),
        Host::Ip(ip) => ip.to_string(),
    }
}

fn numbers(list: &Value) -> Vec<u8> {
    list.as_array()
        .expect("a list")
        .iter()
        .map(|n| u8::try_from(n.as_u64().expect("a number")).expect("a code"))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// What `openssl verify` minds from level 2 on.
const WEAKNESSES: [Problem; 2] = [Problem::WeakKey, Problem::WeakSignature];
/// Errors at which it stops: what else is wrong it has not looked for.
const STOPS: [u8; 19] = [2, 4, 6, 7, 19, 20, 47, 48, 49, 51, 52, 53, 62, 64, 66, 67, 68, 94, 23];

const EXPLAINED: [(&str, &str); 1] = [(
    "chain_cross_signed_way_back.pcap",
    "openssl takes the first issuer that names allow and does not go back; webpki does",
)];
