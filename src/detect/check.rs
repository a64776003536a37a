//! What is not wrong with a rule and yet not right: conditions that never hold, values that a field never has, selections
//! that nobody asks for, and what a reader of its alerts would miss.
//!
//! In: rules that load. Out: warnings, `file:line: what`. Errors are [`Rules::load`](super::Rules::load)'s business.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use rsigma_parser::{ConditionExpr, Detection, DetectionItem, Detections, Modifier, SigmaValue};

use super::field::Field;
use super::library::{Entry, Source, is_silent};
use super::list::Lists;
use super::pattern::{Case, Place, TextTest};
use super::sample::{self, Sample};
use super::selftest::suite;
use crate::wire::registry;

/// Warnings about rules, in their order.
pub fn warnings(entries: &[Entry], root: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut titles: BTreeMap<String, &Entry> = BTreeMap::new();
    let mut lists = Lists::default();
    for entry in entries {
        let mut warn = |keys: &[&str], what: String| warnings.push(entry.fault(keys, what));
        if let Some(first) = titles.insert(entry.title().to_lowercase(), entry) {
            warn(&["title"], format!("the title is that of a rule in {} too", first.path.display()));
        }
        if !is_silent(entry, entries) {
            missing(entry, &mut warn);
            let suite = suite(entry, entries);
            let (fires, quiet) = suite.counts();
            if fires == 0 || quiet == 0 {
                let kind = if fires == 0 { "has to fire" } else { "has to stay quiet" };
                warn(&["custom"], format!("the rule has no test that {kind}"));
            }
            warnings.extend(suite.faults);
        }
        let Source::Event(rule) = &entry.source else { continue };
        let mut warn = |keys: &[&str], what: String| warnings.push(entry.fault(keys, what));
        unused(&rule.detection, &mut warn);
        let folder = entry.path.parent().unwrap_or(Path::new(""));
        for (name, detection) in sorted(&rule.detection) {
            each_item(detection, &mut |item| {
                let field = item.field.name.as_deref().unwrap_or_default();
                if let Some(what) = never(item).or_else(|| empty(item, &mut lists, folder, root)) {
                    warn(&["detection", name, field], what);
                }
            });
        }
        for condition in &rule.detection.conditions {
            if let Some(what) = contradiction(condition, &rule.detection) {
                warn(&["detection", "condition"], format!("the condition never holds: {what}"));
            }
        }
    }
    warnings
}

type Warn<'a> = &'a mut dyn FnMut(&[&str], String);

/// What whoever gets the alert would ask for.
fn missing(entry: &Entry, warn: Warn<'_>) {
    let parts = [
        (entry.description().is_none(), "description", "what it means"),
        (entry.references().is_empty(), "references", "where to read more"),
        (entry.false_positives().is_empty(), "falsepositives", "what else looks like this"),
        (entry.tags().is_empty(), "tags", "what kind of behaviour it is, as in attack.t1071.001"),
    ];
    for (is_missing, key, what) in parts {
        if is_missing {
            warn(&["title"], format!("the rule has no `{key}`: say {what}"));
        }
    }
}

fn sorted(detections: &Detections) -> Vec<(&str, &Detection)> {
    let mut named: Vec<_> = detections.named.iter().map(|(name, detection)| (name.as_str(), detection)).collect();
    named.sort_unstable_by_key(|(name, _)| *name);
    named
}

fn unused(detections: &Detections, warn: Warn<'_>) {
    let mut used = BTreeSet::new();
    detections.conditions.iter().for_each(|condition| names(condition, detections, &mut used));
    for (name, _) in sorted(detections) {
        if !used.contains(name) {
            warn(&["detection", name], format!("the condition does not ask for the selection `{name}`"));
        }
    }
}

fn names<'d>(condition: &'d ConditionExpr, detections: &'d Detections, used: &mut BTreeSet<&'d str>) {
    match condition {
        ConditionExpr::And(parts) | ConditionExpr::Or(parts) => {
            parts.iter().for_each(|part| names(part, detections, used));
        }
        ConditionExpr::Not(part) => names(part, detections, used),
        ConditionExpr::Identifier(name) => {
            used.insert(name);
        }
        ConditionExpr::Selector { pattern, .. } => {
            used.extend(
                detections.named.keys().map(String::as_str).filter(|name| pattern.matches_detection_name(name)),
            );
        }
    }
}

fn each_item<'d>(detection: &'d Detection, act: &mut dyn FnMut(&'d DetectionItem)) {
    match detection {
        Detection::AllOf(items) => items.iter().for_each(act),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| each_item(part, act)),
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
    }
}

/// A value, of those that are compared as they stand, that the field can never have.
fn never(item: &DetectionItem) -> Option<String> {
    let field = Field::named(item.field.name.as_deref()?).ok()?;
    let has = |modifier| item.field.has_modifier(modifier);
    let place = match () {
        () if has(Modifier::Contains) => Place::Anywhere,
        () if has(Modifier::StartsWith) => Place::Start,
        () if has(Modifier::EndsWith) => Place::End,
        () => Place::Whole,
    };
    let known = [Modifier::Contains, Modifier::StartsWith, Modifier::EndsWith, Modifier::Cased, Modifier::All];
    if item.field.modifiers.iter().any(|modifier| !known.contains(modifier)) {
        return None;
    }
    let case = if has(Modifier::Cased) { Case::Exact } else { Case::Folded };
    item.values.iter().find_map(|value| match value {
        SigmaValue::String(text) if place != Place::Whole || text.contains_wildcards() => {
            let test = TextTest::new(std::slice::from_ref(text), place, case).ok()?;
            nobody_passes(field, &test)
                .then(|| format!("`{}` is in no value that `{}` can have", text.original, field.name()))
        }
        SigmaValue::String(text) => never_equal(field, &text.original, case),
        SigmaValue::Integer(_) | SigmaValue::Float(_) | SigmaValue::Bool(_) | SigmaValue::Null => None,
    })
}

/// Whether none of all the values that a field can have passes; of fields without a list of them, that cannot be said.
fn nobody_passes(field: Field, test: &TextTest) -> bool {
    let names: fn(u16) -> Option<&'static str> = match field.name() {
        "tls.cipher" | "tls.client.supported_ciphers" => registry::cipher_suite,
        "tls.curve" => registry::group,
        "tls.version" => |code| registry::version(code).map(|version| version.number),
        _ => return false,
    };
    !(0..=u16::MAX).any(|code| match names(code) {
        Some(name) => test.passes(name),
        None => test.passes(&format!("0x{code:04x}")),
    })
}

/// The builder of samples knows what a field can be.
fn never_equal(field: Field, text: &str, case: Case) -> Option<String> {
    let mut sample = Sample::default();
    sample.set(field.name(), vec![text.to_owned()]).ok()?;
    let event = match sample.event(sample::Place { number: 1, nth: 1, after: 0 }) {
        Ok(event) => event,
        Err(what) => return Some(what),
    };
    let mut written = None;
    let _ = field.visit(&event, &mut |value| {
        written = Some(value.with_text(str::to_owned));
        ControlFlow::Break(())
    });
    let written = written?;
    (case == Case::Exact && written != text && written.eq_ignore_ascii_case(text)).then(|| {
        format!("`{text}` is never a value of `{}`, where it is written `{written}`: leave `cased` out", field.name())
    })
}

/// Lists in which nothing stands.
fn empty(item: &DetectionItem, lists: &mut Lists, folder: &Path, root: &Path) -> Option<String> {
    if !item.field.has_modifier(Modifier::Expand) {
        return None;
    }
    let names = item.values.iter().map(ToString::to_string);
    let all: Option<Vec<_>> = names
        .map(|name| {
            let list = lists.named(name.trim_matches('%'), folder, root).ok()?;
            list.is_empty().then_some(name)
        })
        .collect();
    all.filter(|names| !names.is_empty())
        .map(|names| format!("{} holds no values: it matches nothing", names.join(", ")))
}

/// Two demands of the whole condition that no session meets together.
fn contradiction(condition: &ConditionExpr, detections: &Detections) -> Option<String> {
    let mut demands = Demands::default();
    demands.gather(condition, detections);
    if let Some(name) = demands.wanted.iter().find(|name| demands.refused.contains(*name)) {
        return Some(format!("it wants `{name}` and refuses it"));
    }
    let mut allowed: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for item in &demands.items {
        let Some((field, values)) = only(item) else { continue };
        match allowed.get_mut(field.name()) {
            None => {
                allowed.insert(field.name(), values);
            }
            Some(before) => {
                before.retain(|value| values.contains(value));
                if before.is_empty() {
                    return Some(format!("no value of `{}` is all that it asks for", field.name()));
                }
            }
        }
    }
    None
}

/// What a condition asks for in any case.
#[derive(Default)]
struct Demands<'d> {
    wanted: BTreeSet<&'d str>,
    refused: BTreeSet<&'d str>,
    items: Vec<&'d DetectionItem>,
}

impl<'d> Demands<'d> {
    fn gather(&mut self, condition: &'d ConditionExpr, detections: &'d Detections) {
        match condition {
            ConditionExpr::And(parts) => parts.iter().for_each(|part| self.gather(part, detections)),
            ConditionExpr::Identifier(name) => {
                self.wanted.insert(name);
                if let Some(Detection::AllOf(items)) = detections.named.get(name) {
                    self.items.extend(items);
                }
            }
            ConditionExpr::Not(part) => {
                if let ConditionExpr::Identifier(name) = &**part {
                    self.refused.insert(name);
                }
            }
            ConditionExpr::Or(_) | ConditionExpr::Selector { .. } => {}
        }
    }
}

/// All values that would pass, of a field that has one at most; `None` where there are too many to list.
fn only(item: &DetectionItem) -> Option<(Field, BTreeSet<String>)> {
    let field = Field::named(item.field.name.as_deref()?).ok().filter(|field| !field.is_array())?;
    let is_plain = item.field.modifiers.iter().all(|modifier| *modifier == Modifier::Cased);
    let text = |value: &SigmaValue| match value {
        SigmaValue::String(text) if text.contains_wildcards() => None,
        SigmaValue::String(text) => Some(as_one(field, &text.original)),
        other => Some(as_one(field, &other.to_string())),
    };
    let values: Option<BTreeSet<_>> = item.values.iter().map(text).collect();
    values.filter(|_| is_plain).map(|values| (field, values))
}

/// Different spellings of a number are one value.
fn as_one(field: Field, text: &str) -> String {
    let digits = text.strip_prefix("0x").and_then(|digits| i64::from_str_radix(digits, 16).ok());
    match digits.filter(|_| field.kind().is_ordered()) {
        Some(number) => number.to_string(),
        None => text.to_lowercase(),
    }
}
