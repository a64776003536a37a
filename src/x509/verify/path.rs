//! From a leaf to an anchor.
//!
//! In: a chain as sent, what was seen elsewhere, anchors, a purpose, a time. Out: the [`Path`] that is judged, be it whole
//! or not. `webpki` is asked first. What it cannot prove is searched for in the way of OpenSSL (`build_chain`): at each step
//! the first issuer that names and key identifiers allow, anchors before what was sent, valid ones before others; without
//! going back, so that a chain costs as much as it has certificates, squared.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::link::Link;
use super::{Anchors, Purpose, Question};
use crate::x509::Certificate;

/// A leaf and its issuers, as far as they could be found.
#[derive(Debug)]
pub(super) struct Path<'a> {
    /// Never empty.
    pub(super) steps: Vec<Step<'a>>,
    /// The last step is an anchor.
    pub(super) anchored: bool,
    /// The signatures were verified.
    pub(super) proven: bool,
    /// As long as the time is between them, the same path is found and the same certificates are valid.
    pub(super) window: Window,
}

#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) link: Link<'a>,
    pub(super) origin: Origin,
}

/// Where a certificate was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// In the chain, at this place.
    Sent(usize),
    Seen,
    Anchor,
}

/// Seconds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    at: i64,
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Window {
    fn at(second: i64) -> Self {
        Self { at: second, from: i64::MIN, until: i64::MAX }
    }

    /// Narrows it to where a certificate's dates say the same as now.
    fn note(&mut self, link: &Link<'_>) {
        let (start, end) = (link.not_before(), link.not_after());
        if start <= self.at {
            self.from = self.from.max(start);
        } else {
            self.until = self.until.min(start.saturating_sub(1));
        }
        if self.at <= end {
            self.until = self.until.min(end);
        } else {
            self.from = self.from.max(end.saturating_add(1));
        }
    }
}

/// The path of a chain; `None` where its leaf cannot be read.
pub(super) fn find<'a>(question: &Question<'a>, anchors: &'a Anchors) -> Option<Path<'a>> {
    let leaf = Link::read(question.chain.first()?)?;
    let mut window = Window::at(question.second);
    let sent: Vec<(usize, Link<'a>)> = question
        .chain
        .iter()
        .take(MAX_SENT)
        .enumerate()
        .skip(1)
        .filter_map(|(at, certificate)| Some((at, Link::read(certificate)?)))
        .collect();
    window.note(&leaf);
    sent.iter().for_each(|(_, link)| window.note(link));
    let search = Search { question, anchors, sent };
    Some(match search.by_webpki(&leaf) {
        Some(above) => search.proven(leaf, above, window),
        None => search.by_names(leaf, window),
    })
}

struct Search<'q, 'a> {
    question: &'q Question<'a>,
    anchors: &'a Anchors,
    sent: Vec<(usize, Link<'a>)>,
}

impl<'a> Search<'_, 'a> {
    /// What stands above the leaf, if `webpki` vouches for it.
    fn by_webpki(&self, leaf: &Link<'a>) -> Option<Vec<(Origin, &'a Certificate)>> {
        // A leaf that is an anchor itself has nothing above it.
        if self.anchors.contains(&leaf.certificate.sha256) {
            return None;
        }
        let time = Duration::from_secs(u64::try_from(self.question.second).ok()?);
        let usage = match self.question.purpose {
            Purpose::Server => KeyUsage::server_auth(),
            Purpose::Client => KeyUsage::client_auth(),
        };
        let der = CertificateDer::from(&*leaf.certificate.der);
        let entity = EndEntityCert::try_from(&der).ok()?;
        let seen = self.seen_above(leaf);
        let others = self.sent.iter().map(|(at, link)| (Origin::Sent(*at), link.certificate));
        let others: Vec<(Origin, &'a Certificate)> =
            others.chain(seen.iter().map(|certificate| (Origin::Seen, *certificate))).collect();
        let ders: Vec<CertificateDer<'_>> =
            others.iter().map(|(_, certificate)| CertificateDer::from(&*certificate.der)).collect();
        let proven = entity
            .verify_for_usage(
                ALGORITHMS,
                self.anchors.for_webpki(),
                &ders,
                UnixTime::since_unix_epoch(time),
                usage,
                None,
                None,
            )
            .ok()?;
        let mut above = Vec::new();
        for one in proven.intermediate_certificates() {
            above.push(*others.iter().find(|(_, certificate)| *certificate.der == *one.der())?);
        }
        above.push((Origin::Anchor, &**self.anchors.behind(proven.anchor())?));
        Some(above)
    }

    /// Authorities of other chains that may be of use: the issuers by name of what was sent, and theirs.
    fn seen_above(&self, leaf: &Link<'a>) -> Vec<&'a Certificate> {
        let mut found: Vec<&'a Certificate> = Vec::new();
        let mut names = vec![leaf.issuer_name().to_vec()];
        names.extend(self.sent.iter().map(|(_, link)| link.issuer_name().to_vec()));
        for _ in 0..MAX_LEVELS {
            let mut next = Vec::new();
            for name in names {
                // What was sent, and anchors, go before.
                let known = self.sent.iter().any(|(_, link)| link.subject_name() == name);
                if known || !self.anchors.with_subject(&name).is_empty() {
                    continue;
                }
                for certificate in self.question.seen.with_subject(&name) {
                    let new = found.iter().all(|one| one.sha256 != certificate.sha256) && found.len() < MAX_SEEN;
                    if let Some(link) = Link::read(certificate).filter(|_| new) {
                        found.push(&**certificate);
                        next.push(link.issuer_name().to_vec());
                    }
                }
            }
            names = next;
        }
        found
    }

    fn proven(&self, leaf: Link<'a>, above: Vec<(Origin, &'a Certificate)>, mut window: Window) -> Path<'a> {
        let mut steps = vec![Step { link: leaf, origin: Origin::Sent(0) }];
        steps.extend(above.into_iter().filter_map(|(origin, one)| Some(Step { link: Link::read(one)?, origin })));
        steps.iter().for_each(|step| window.note(&step.link));
        Path { steps, anchored: true, proven: true, window }
    }

    /// The search of OpenSSL.
    fn by_names(&self, leaf: Link<'a>, mut window: Window) -> Path<'a> {
        let mut steps = vec![Step { link: leaf, origin: Origin::Sent(0) }];
        let mut anchored = false;
        loop {
            let depth = steps.len();
            let Some(top) = steps.last_mut() else { break };
            if top.origin == Origin::Anchor || self.anchors.contains(&top.link.certificate.sha256) {
                // Sent or not, it counts as the anchor that it is.
                top.origin = Origin::Anchor;
                anchored = true;
                break;
            }
            if top.link.is_self_signed() || depth > MAX_SENT {
                break;
            }
            let Some(next) = self.issuer_of(&steps, &mut window) else { break };
            steps.push(next);
        }
        Path { steps, anchored, proven: false, window }
    }

    fn issuer_of(&self, steps: &[Step<'a>], window: &mut Window) -> Option<Step<'a>> {
        let child = &steps.last()?.link;
        let trusted = links(self.anchors.with_subject(child.issuer_name()));
        if let Some(step) = self.best(child, trusted.map(|link| Step { link, origin: Origin::Anchor }), steps, window) {
            return Some(step);
        }
        let sent = self.sent.iter().filter(|(_, link)| link.subject_name() == child.issuer_name());
        let sent = sent.map(|(at, link)| Step { link: link.clone(), origin: Origin::Sent(*at) });
        if let Some(step) = self.best(child, sent, steps, window) {
            return Some(step);
        }
        let seen = links(self.question.seen.with_subject(child.issuer_name()));
        self.best(child, seen.map(|link| Step { link, origin: Origin::Seen }), steps, window)
    }

    /// The first that is valid now, else the one that is valid longest.
    fn best(
        &self,
        child: &Link<'a>,
        candidates: impl Iterator<Item = Step<'a>>,
        steps: &[Step<'a>],
        window: &mut Window,
    ) -> Option<Step<'a>> {
        let mut best: Option<Step<'a>> = None;
        for candidate in candidates.take(MAX_CANDIDATES) {
            let sha256 = candidate.link.certificate.sha256;
            let again = steps.iter().any(|step| step.link.certificate.sha256 == sha256);
            if again || !child.may_be_of(&candidate.link) {
                continue;
            }
            window.note(&candidate.link);
            if candidate.link.is_valid_at(self.question.second) {
                return Some(candidate);
            }
            if best.as_ref().is_none_or(|best| best.link.not_after() < candidate.link.not_after()) {
                best = Some(candidate);
            }
        }
        best
    }
}

fn links(certificates: &[Arc<Certificate>]) -> impl Iterator<Item = Link<'_>> {
    certificates.iter().filter_map(|certificate| Link::read(certificate))
}

/// What `ring` verifies.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = webpki::ALL_VERIFICATION_ALGS;

/// Certificates of a chain that are looked at, and of a path.
const MAX_SENT: usize = 32;
/// Issuers of one name that are looked at.
const MAX_CANDIDATES: usize = 32;
/// Authorities seen elsewhere that `webpki` is given.
const MAX_SEEN: usize = 16;
const MAX_LEVELS: usize = 4;
