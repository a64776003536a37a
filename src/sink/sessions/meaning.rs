//! What a session means, in sentences for whoever wants to know more than its line.
//!
//! In: a judged event. Out: sentences, the most important first. Says nothing that is not known.

use super::super::screen::Tone;
use super::chain_flaws;
use crate::event::labels::{Label, LabelSet};
use crate::event::{Chain, EarlyData, Event, Failure, Resumption, Verdict};
use crate::sink::forms::{Date, MissingText};
use crate::x509::Certificate;

/// Sentences about a session.
pub(super) fn of(event: &Event) -> Vec<(Tone, String)> {
    let mut said = Vec::new();
    let mut say = |tone, text: Option<String>| said.extend(text.map(|text| (tone, text)));
    let cause = event.handshake.failure.and_then(Failure::cause);
    say(Tone::Bad, cause.map(|cause| format!("failed: {cause}")));
    say(Tone::Plain, event.labels.client.as_deref().map(|known| format!("client: {}", software(known))));
    say(Tone::Plain, event.labels.server.as_deref().map(|known| format!("server: {}", software(known))));
    if let Some(browser) = event.browser.as_deref() {
        let evidence: Vec<&str> = browser.evidence.iter().map(|evidence| evidence.words()).collect();
        let (tone, verdict) = match browser.verdict {
            Verdict::Consistent => (Tone::Plain, "and behaves like it"),
            Verdict::Impersonation => (Tone::Bad, "and is not it"),
            Verdict::Undecided => (Tone::Plain, "which may or may not be so"),
        };
        let because = if evidence.is_empty() { String::new() } else { format!(": {}", evidence.join("; ")) };
        say(tone, Some(format!("looks like {}, {verdict}{because}", browser.claims)));
    }
    if let Some(posture) = event.security.posture.as_deref() {
        let reasons: Vec<&str> = posture.weaknesses.iter().map(|weakness| &*weakness.reason).collect();
        let tone = match &*posture.grade {
            "A" | "B" => Tone::Plain,
            "C" | "D" => Tone::Warning,
            _ => Tone::Bad,
        };
        let reasons = if reasons.is_empty() { "nothing weak was seen".to_owned() } else { reasons.join("; ") };
        say(tone, Some(format!("grade {}: {reasons}", posture.grade)));
    }
    say(Tone::Plain, event.server_chain.first().map(|leaf| certificate(leaf, event)));
    say(Tone::Plain, handshake(event));
    let missing: Vec<String> =
        event.missing.iter().map(|&missing| MissingText(missing).text().as_str().to_owned()).collect();
    say(Tone::Faint, (!missing.is_empty()).then(|| format!("missing: {}", missing.join(", "))));
    let odd: Vec<&str> = event.anomalies.iter().map(|anomaly| anomaly.as_str()).collect();
    say(Tone::Warning, (!odd.is_empty()).then(|| format!("odd: {}", odd.join(", "))));
    said
}

/// `curl 7.88 (OpenSSL 3.0; tool; measured), or …`
fn software(known: &LabelSet) -> String {
    let named = |label: &Label| {
        let mut name = label.software.to_string();
        for part in [&label.setup, &label.version].into_iter().flatten() {
            name = format!("{name} {part}");
        }
        let beside = [label.library.as_deref(), label.role.map(|role| role.as_str()), Some(&*label.source)];
        let beside: Vec<&str> = beside.into_iter().flatten().collect();
        format!("{name} ({})", beside.join("; "))
    };
    let mut names: Vec<String> = known.labels.iter().take(LABELS).map(named).collect();
    if known.labels.len() > LABELS {
        names.push(format!("{} more", known.labels.len() - LABELS));
    }
    names.join(", or ")
}

fn certificate(leaf: &Certificate, event: &Event) -> String {
    let parsed = leaf.parsed.as_ref().ok();
    let subject = parsed.and_then(|parsed| parsed.subject.as_deref()).filter(|text| !text.is_empty());
    let issuer = parsed.and_then(|parsed| parsed.issuer.as_deref()).filter(|text| !text.is_empty());
    let until = parsed.and_then(|parsed| parsed.not_after).and_then(|at| Date(at).text());
    let mut text = format!("certificate of {}", subject.unwrap_or("nobody"));
    if let Some(issuer) = issuer {
        text = format!("{text}, by {issuer}");
    }
    if let Some(until) = until {
        text = format!("{text}, until {}", until.as_str().get(..10).unwrap_or_default());
    }
    match event.security.server_chain {
        Some(Chain::Judged(verdict)) if !verdict.problems.is_empty() => {
            let problems: Vec<&str> = verdict.problems.iter().map(|problem| problem.as_str()).collect();
            format!("{text}: {}", problems.join(", "))
        }
        Some(chain) => format!("{text}: chain {}", chain.as_str()),
        None => {
            let flaws: Vec<&str> = chain_flaws(event).iter().map(|flaw| flaw.as_str()).collect();
            if flaws.is_empty() { text } else { format!("{text}: {}", flaws.join(", ")) }
        }
    }
}

fn handshake(event: &Event) -> Option<String> {
    let handshake = &event.handshake;
    let mut parts = Vec::new();
    parts.extend(match handshake.resumption {
        None => None,
        Some(Resumption::None) => Some("full handshake".to_owned()),
        Some(way) => Some(format!("resumed by {}", way.as_str())),
    });
    parts.extend(event.hello_retry().filter(|&asked| asked).map(|_| "after a HelloRetryRequest".to_owned()));
    parts.extend(match handshake.early_data {
        Some(EarlyData::None) | None => None,
        Some(fate) => Some(format!("early data {}", fate.as_str())),
    });
    parts.extend(handshake.round_trips.map(|trips| match trips {
        1 => "1 round trip".to_owned(),
        trips => format!("{trips} round trips"),
    }));
    parts.extend(handshake.duration.map(|nanos| format!("{}.{} ms", nanos / 1_000_000, nanos / 100_000 % 10)));
    parts.extend(handshake.is_post_quantum().filter(|&is| is).map(|_| "post-quantum".to_owned()));
    parts.extend(handshake.ech.filter(|ech| ech.as_str() != "none").map(|ech| format!("ECH {}", ech.as_str())));
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Labels that are shown; more say less.
const LABELS: usize = 3;
