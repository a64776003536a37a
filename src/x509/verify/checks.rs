//! What must hold of a path beside that there is one: OpenSSL's `check_extensions`, `check_auth_level`, `internal_verify`
//! and name constraints.
//!
//! In: a path, a purpose, a time. Out: every problem.
#![forbid(unsafe_code)]

use super::constraints::Constraints;
use super::link::Link;
use super::path::{Origin, Path, Step};
use super::{Problem, Problems, Purpose};
use crate::wire::Cursor;
use crate::x509::der::{self, Element};
use crate::x509::facts::{self, DIGITAL_SIGNATURE, KEY_AGREEMENT, KEY_ENCIPHERMENT};
use crate::x509::fields::Extension;
use crate::x509::flaws::{has_weak_signature, is_weak};
use crate::x509::signature::{Judged, Signed};

/// All that is wrong with a path at this second.
pub(super) fn problems(path: &Path<'_>, purpose: Purpose, second: i64) -> Problems {
    let mut problems = Problems::default();
    if !path.anchored {
        problems.set(end(&path.steps));
    }
    let mut below = 0u32;
    for (depth, step) in path.steps.iter().enumerate() {
        let link = &step.link;
        extensions(link, depth, purpose, &mut problems);
        // Self-issued authorities do not count (RFC 5280, section 4.2.1.9).
        let too_long = link.parsed.facts.path_length.is_some_and(|limit| below > limit);
        problems.set_if(Problem::PathLength, depth > 1 && too_long);
        if depth > 0 && !link.is_self_issued() {
            below = below.saturating_add(1);
        }
        problems.set_if(Problem::NotYetValid, second < link.not_before());
        problems.set_if(Problem::Expired, link.not_after() < second);
        problems.set_if(Problem::WeakKey, link.parsed.key.as_ref().is_some_and(is_weak));
        // Nobody goes by the signature of an anchor or of what signed itself.
        let counts = step.origin != Origin::Anchor && !link.is_self_signed();
        problems.set_if(Problem::WeakSignature, counts && has_weak_signature(link.parsed));
    }
    problems
        .set_if(Problem::ExplicitCurve, path.steps.len() > 1 && path.steps.iter().any(|step| is_spelt_out(&step.link)));
    // Without an anchor nothing would be proven by them, and anybody could make them costly.
    if path.anchored && !path.proven {
        signatures(&path.steps, &mut problems);
    }
    constraints(&path.steps, &mut problems);
    order(&path.steps, &mut problems);
    problems
}

/// Why a path has no anchor.
fn end(steps: &[Step<'_>]) -> Problem {
    match (steps.last().is_some_and(|top| top.link.is_self_signed()), steps.len()) {
        (true, 1) => Problem::SelfSigned,
        (true, _) => Problem::SelfSignedInChain,
        (false, _) => Problem::NoIssuer,
    }
}

fn extensions(link: &Link<'_>, depth: usize, purpose: Purpose, problems: &mut Problems) {
    let unknown = |extension: &Extension<'_>| extension.critical && !HANDLED.contains(&extension.oid);
    problems.set_if(Problem::CriticalExtension, link.extensions.iter().any(unknown));
    let idle = depth > 0 && !link.is_authority();
    problems.set_if(Problem::InvalidCa, idle);
    problems.set_if(Problem::Malformed, link.is_broken());
    let (wanted, bits): (&[&[u8]], u16) = match purpose {
        Purpose::Server => {
            (&[SERVER_AUTH, NETSCAPE_GATED, MICROSOFT_GATED], DIGITAL_SIGNATURE | KEY_ENCIPHERMENT | KEY_AGREEMENT)
        }
        Purpose::Client => (&[CLIENT_AUTH], DIGITAL_SIGNATURE | KEY_AGREEMENT),
    };
    let suits = link.extension(facts::EXTENDED_KEY_USAGE).is_none_or(|usages| holds_one_of(usages, wanted));
    let may = depth > 0 || link.parsed.facts.key_usage.is_none_or(|usage| usage.has(bits));
    problems.set_if(Problem::InvalidPurpose, idle || !suits || !may);
}

/// Whether an ExtKeyUsageSyntax (RFC 5280, section 4.2.1.12) has one of these.
pub(in crate::x509) fn holds_one_of(usages: &[u8], wanted: &[&[u8]]) -> bool {
    let Some(list) = Element::tagged(&mut Cursor::new(usages), der::SEQUENCE) else { return false };
    let mut rest = Cursor::new(list.body);
    std::iter::from_fn(|| Element::next(&mut rest)).any(|usage| wanted.contains(&usage.body))
}

fn is_spelt_out(link: &Link<'_>) -> bool {
    let key = link.parsed.key.as_ref();
    key.is_some_and(|key| key.algorithm == EC_PUBLIC_KEY && key.curve.is_none() && key.bits.is_some())
}

/// From the anchor down to the first that does not hold: who has no anchor's signature pays for one look, not for all.
fn signatures(steps: &[Step<'_>], problems: &mut Problems) {
    for pair in steps.windows(2).rev() {
        let [child, issuer] = pair else { continue };
        match signature(&child.link, &issuer.link) {
            Judged::Holds => continue,
            Judged::Fails => problems.set(Problem::BadSignature),
            Judged::Unknown => problems.set(Problem::NotJudged),
        }
        break;
    }
}

fn signature(child: &Link<'_>, issuer: &Link<'_>) -> Judged {
    let fields = &child.fields;
    let parts = (fields.signature_algorithm, fields.signed, fields.signature, issuer.fields.key);
    let (Some(algorithm), Some(message), Some(signature), Some(key)) = parts else { return Judged::Fails };
    match fields.one_algorithm {
        true => Signed { algorithm, message, signature }.by(key),
        false => Judged::Fails,
    }
}

/// Each authority's constraints on all that stands below it.
fn constraints(steps: &[Step<'_>], problems: &mut Problems) {
    for (depth, step) in steps.iter().enumerate().skip(1) {
        let Some(value) = step.link.extension(facts::NAME_CONSTRAINTS) else { continue };
        let Some(constraints) = Constraints::read(value) else {
            problems.set(Problem::NameConstraint);
            continue;
        };
        let below = steps.iter().take(depth).enumerate();
        let holds = below
            .filter(|(below, step)| *below == 0 || !step.link.is_self_issued())
            .all(|(_, step)| constraints.allow(&step.link));
        problems.set_if(Problem::NameConstraint, !holds);
    }
}

fn order(steps: &[Step<'_>], problems: &mut Problems) {
    let mut last = None;
    for step in steps {
        match step.origin {
            Origin::Sent(at) => {
                problems.set_if(Problem::BadOrder, last.is_some_and(|last| at < last));
                last = Some(at);
            }
            Origin::Seen => problems.set(Problem::Incomplete),
            Origin::Anchor => {}
        }
    }
}

const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
/// 1.3.6.1.5.5.7.3.1 and its neighbours.
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
pub(in crate::x509) const OCSP_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 9];
/// 2.16.840.1.113730.4.1 and 1.3.6.1.4.1.311.10.3.3: step-up for export software.
const NETSCAPE_GATED: &[u8] = &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 4, 1];
const MICROSOFT_GATED: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 10, 3, 3];

/// Extensions that OpenSSL handles where they are critical: 2.5.29.15, 17, 19, 30 to 33, 36, 37, 54, Netscape's type, two of
/// RFC 3779, id-pkix-ocsp-nocheck, proxyCertInfo.
const HANDLED: &[&[u8]] = &[
    &[0x55, 0x1d, 15],
    &[0x55, 0x1d, 17],
    &[0x55, 0x1d, 19],
    &[0x55, 0x1d, 30],
    &[0x55, 0x1d, 31],
    &[0x55, 0x1d, 32],
    &[0x55, 0x1d, 33],
    &[0x55, 0x1d, 36],
    &[0x55, 0x1d, 37],
    &[0x55, 0x1d, 54],
    &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 1],
    &[0x2b, 6, 1, 5, 5, 7, 1, 7],
    &[0x2b, 6, 1, 5, 5, 7, 1, 8],
    &[0x2b, 6, 1, 5, 5, 7, 48, 1, 5],
    &[0x2b, 6, 1, 5, 5, 7, 1, 14],
];
