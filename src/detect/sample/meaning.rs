//! What a judge would have added: labels, the verdict on a browser, grades, chains.

use std::sync::Arc;

use super::given::Given;
use super::session::put;
use super::{Draft, Set};
use crate::decode::System;
use crate::event::labels::{Evidence as LabelEvidence, Label, Role, Specificity};
use crate::event::{Browser, Chain, Evidence, Posture, Side, Verdict, Weakness};
use crate::x509::verify::{ChainVerdict, NameMatch, Problem, Problems};

pub(super) const MEANING: &[(&str, Set)] = &[
    ("tlsight.client.system", |draft, given| {
        let all = [System::Linux, System::Apple, System::Windows];
        put(&mut draft.event.client_system, given.one_of(&all, System::as_str).map(Some))
    }),
    ("tlsight.client.browser.claims", |draft, given| put(&mut browser(draft).claims, Ok(given.text().into()))),
    ("tlsight.client.browser.verdict", |draft, given| {
        let all = [Verdict::Consistent, Verdict::Impersonation, Verdict::Undecided];
        put(&mut browser(draft).verdict, given.one_of(&all, Verdict::as_str))
    }),
    ("tlsight.client.browser.evidence", |draft, given| {
        let all = given.each(|text| given.which(text, &Evidence::ALL, Evidence::as_str))?;
        let evidence = all.into_iter().collect::<Vec<_>>();
        let place = &mut browser(draft).evidence;
        if evidence.len() > place.capacity() {
            return Err(given.misfit("…", "less of it"));
        }
        put(place, Ok(evidence.into_iter().collect()))
    }),
    ("tlsight.security.grade", |draft, given| put(&mut posture(draft).grade, Ok(given.text().into()))),
    ("tlsight.security.forward_secrecy", |draft, given| {
        put(&mut posture(draft).forward_secrecy, given.truth().map(Some))
    }),
    ("tlsight.security.weaknesses", |draft, given| {
        let weakness = |name: &str| Weakness { name: name.into(), reason: name.replace('_', " ").into() };
        put(&mut posture(draft).weaknesses, Ok(given.texts().map(weakness).collect()))
    }),
    ("tlsight.security.reasons", |draft, given| {
        let weaknesses = &mut posture(draft).weaknesses;
        for (place, reason) in given.texts().enumerate() {
            match weaknesses.get_mut(place) {
                Some(weakness) => weakness.reason = reason.into(),
                None => weaknesses.push(Weakness { name: "weakness".into(), reason: reason.into() }),
            }
        }
        Ok(())
    }),
    ("tlsight.security.chain.problems", |draft, given| problems(&mut draft.event.security.server_chain, given)),
    ("tlsight.security.chain.status", |draft, given| status(&mut draft.event.security.server_chain, given)),
    ("tlsight.security.chain.name_match", |draft, given| {
        let all = [NameMatch::AlternativeName, NameMatch::CommonName, NameMatch::None];
        let name = given.one_of(&all, NameMatch::as_str)?;
        let verdict = draft.event.security.server_chain.and_then(Chain::verdict).unwrap_or_else(SOUND);
        draft.event.security.server_chain = Some(Chain::Judged(ChainVerdict { name: Some(name), ..verdict }));
        Ok(())
    }),
    ("tlsight.security.client_chain.problems", |draft, given| problems(&mut draft.event.security.client_chain, given)),
    ("tlsight.security.client_chain.status", |draft, given| status(&mut draft.event.security.client_chain, given)),
    ("tlsight.security.sct.certificate", |draft, given| {
        put(&mut draft.event.security.timestamps.certificate, given.number().map(Some))
    }),
    ("tlsight.security.sct.staple", |draft, given| {
        put(&mut draft.event.security.timestamps.staple, given.number().map(Some))
    }),
    ("tlsight.labels.side", |draft, given| {
        labels(draft, given, |label, text| {
            put(&mut label.side, given.which(text, &[Side::Client, Side::Server], Side::as_str))
        })
    }),
    ("tlsight.labels.software", |draft, given| {
        labels(draft, given, |label, text| put(&mut label.software, Ok(text.into())))
    }),
    ("tlsight.labels.setup", |draft, given| {
        labels(draft, given, |label, text| put(&mut label.setup, Ok(Some(text.into()))))
    }),
    ("tlsight.labels.version", |draft, given| {
        labels(draft, given, |label, text| put(&mut label.version, Ok(Some(text.into()))))
    }),
    ("tlsight.labels.library", |draft, given| {
        labels(draft, given, |label, text| put(&mut label.library, Ok(Some(text.into()))))
    }),
    ("tlsight.labels.role", |draft, given| {
        labels(draft, given, |label, text| put(&mut label.role, given.which(text, &Role::ALL, Role::as_str).map(Some)))
    }),
    ("tlsight.labels.specificity", |draft, given| {
        let read = |text: &str| given.which(text, &Specificity::ALL, Specificity::as_str);
        labels(draft, given, |label, text| put(&mut label.specificity, read(text)))
    }),
    ("tlsight.labels.evidence", |draft, given| {
        let read = |text: &str| given.which(text, EVIDENCE, LabelEvidence::as_str);
        labels(draft, given, |label, text| put(&mut label.evidence, read(text)))
    }),
    ("tlsight.labels.source", |draft, given| {
        labels(draft, given, |label, text| put(&mut label.source, Ok(text.into())))
    }),
    ("tlsight.labels.also", |draft, given| {
        let names = given.texts().map(Box::from).collect();
        if draft.labels.is_empty() {
            draft.labels.push(unnamed());
        }
        draft.labels.first_mut().map_or(Ok(()), |label| put(&mut label.also, Ok(names)))
    }),
];

fn browser(draft: &mut Draft) -> &mut Browser {
    draft.event.browser.get_or_insert_with(|| {
        Box::new(Browser { claims: "a browser".into(), verdict: Verdict::Undecided, evidence: Default::default() })
    })
}

fn posture(draft: &mut Draft) -> &mut Posture {
    let none = || Arc::new(Posture { grade: "A".into(), forward_secrecy: None, weaknesses: Vec::new() });
    Arc::make_mut(draft.event.security.posture.get_or_insert_with(none))
}

fn problems(chain: &mut Option<Chain>, given: Given<'_>) -> Result<(), String> {
    let problems = given.each(|text| given.which(text, &Problem::ALL, Problem::as_str))?;
    let name = chain.and_then(Chain::verdict).and_then(|verdict| verdict.name);
    *chain = Some(Chain::Judged(ChainVerdict { problems: problems.into_iter().collect(), name }));
    Ok(())
}

/// `ok` and `unchecked` beside the problems, of which it is the first.
fn status(chain: &mut Option<Chain>, given: Given<'_>) -> Result<(), String> {
    match (given.text(), chain.and_then(Chain::verdict)) {
        ("unchecked", _) => *chain = Some(Chain::Unchecked),
        ("ok", None) => *chain = Some(Chain::Judged(SOUND())),
        (text, Some(verdict)) if verdict.as_str() == text => {}
        (text, Some(verdict)) => {
            return Err(given.misfit(text, &format!("the first of the problems that are given: {}", verdict.as_str())));
        }
        (_, None) => problems(chain, given)?,
    }
    Ok(())
}

/// The first value is the first label's, and so on.
fn labels(
    draft: &mut Draft,
    given: Given<'_>,
    set: impl Fn(&mut Label, &str) -> Result<(), String>,
) -> Result<(), String> {
    while draft.labels.len() < given.values.len() {
        draft.labels.push(unnamed());
    }
    draft.labels.iter_mut().zip(given.texts()).try_for_each(|(label, text)| set(label, text))
}

fn unnamed() -> Label {
    Label {
        side: Side::Client,
        software: "software".into(),
        setup: None,
        version: None,
        library: None,
        role: None,
        specificity: Specificity::Application,
        evidence: LabelEvidence::Hello,
        source: "measured".into(),
        also: Box::default(),
    }
}

const SOUND: fn() -> ChainVerdict = || ChainVerdict { problems: Problems::default(), name: None };

const EVIDENCE: &[LabelEvidence] = &[
    LabelEvidence::Stable,
    LabelEvidence::Ja4,
    LabelEvidence::Ja3,
    LabelEvidence::Hello,
    LabelEvidence::Server,
    LabelEvidence::Certificate,
];
