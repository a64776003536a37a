//! A rule in plain words: what each selection looks at, and how they come together.
//!
//! In: a rule that loads. Out: lines for people.

use std::path::Path;

use rsigma_parser::{
    ConditionExpr, ConditionOperator, CorrelationCondition, CorrelationRule, Detection, DetectionItem, Detections,
    Modifier, Quantifier,
};

use super::library::{Entry, Source};
use super::list::Lists;

/// What a rule asks for.
#[derive(Debug, Default)]
pub struct Words {
    /// When it fires, in a sentence for each alternative.
    pub condition: Vec<String>,
    /// The selections that the condition names, with a line for each of their demands.
    pub selections: Vec<(String, Vec<String>)>,
    /// The lists it looks into, and how many values they hold.
    pub lists: Vec<(String, Option<usize>)>,
}

/// The words for a rule; `root` is the folder above which no list is looked for.
pub fn of(entry: &Entry, root: &Path) -> Words {
    match &entry.source {
        Source::Correlation(rule) => Words { condition: correlation(rule), ..Words::default() },
        Source::Event(rule) => {
            let mut words = Words::default();
            let detections = &rule.detection;
            words.condition = detections.conditions.iter().map(|part| expression(part, detections)).collect();
            let mut names: Vec<_> = detections.named.iter().collect();
            names.sort_unstable_by_key(|(name, _)| *name);
            for (name, detection) in names {
                let mut lines = Vec::new();
                demands(detection, "", &mut lines);
                words.selections.push((name.clone(), lines));
                lists(detection, &mut words.lists);
            }
            let folder = entry.path.parent().unwrap_or(Path::new(""));
            for (name, count) in &mut words.lists {
                *count = Lists::default().named(name, folder, root).ok().map(|list| list.len());
            }
            words
        }
    }
}

fn expression(condition: &ConditionExpr, detections: &Detections) -> String {
    let joined = |parts: &[ConditionExpr], with: &str| {
        let parts: Vec<_> = parts.iter().map(|part| bracketed(part, detections)).collect();
        parts.join(with)
    };
    match condition {
        ConditionExpr::And(parts) => joined(parts, ", and "),
        ConditionExpr::Or(parts) => joined(parts, ", or "),
        ConditionExpr::Not(part) => format!("not {}", bracketed(part, detections)),
        ConditionExpr::Identifier(name) => format!("`{name}`"),
        ConditionExpr::Selector { quantifier, pattern } => {
            let mut names: Vec<_> = detections
                .named
                .keys()
                .filter(|name| pattern.matches_detection_name(name))
                .map(|name| format!("`{name}`"))
                .collect();
            names.sort_unstable();
            let count = match quantifier {
                Quantifier::Any => "one of".to_owned(),
                Quantifier::All => "all of".to_owned(),
                Quantifier::Count(count) => format!("{count} of"),
            };
            match names.as_slice() {
                [name] => name.clone(),
                names => format!("{count} {}", names.join(", ")),
            }
        }
    }
}

fn bracketed(condition: &ConditionExpr, detections: &Detections) -> String {
    let text = expression(condition, detections);
    match condition {
        ConditionExpr::And(_) | ConditionExpr::Or(_) => format!("({text})"),
        _ => text,
    }
}

fn demands(detection: &Detection, before: &str, lines: &mut Vec<String>) {
    match detection {
        Detection::AllOf(items) => lines.extend(items.iter().map(|item| format!("{before}{}", demand(item)))),
        Detection::AnyOf(parts) => {
            for (number, part) in parts.iter().enumerate() {
                demands(part, if number == 0 { "either " } else { "or " }, lines);
            }
        }
        Detection::And(parts) => parts.iter().for_each(|part| demands(part, before, lines)),
        Detection::Keywords(values) => {
            lines.push(format!("{before}{} anywhere", values_of(values.iter().map(ToString::to_string))))
        }
        Detection::ArrayMatch { field, body, .. } => {
            lines.push(format!("{before}{field}, of one element:"));
            demands(body, before, lines);
        }
        Detection::Conditional { named, .. } => named.values().for_each(|part| demands(part, before, lines)),
    }
}

/// `tls.client.server_name ends with .example.org or .example.net`
fn demand(item: &DetectionItem) -> String {
    let field = item.field.name.as_deref().unwrap_or("anything");
    let has = |modifier| item.field.has_modifier(modifier);
    let values: Vec<String> = item.values.iter().map(ToString::to_string).collect();
    if has(Modifier::Exists) {
        let is_there = values.first().is_some_and(|value| value == "true");
        return format!("{field} {}", if is_there { "is known" } else { "is not known" });
    }
    let verb = [
        (Modifier::Contains, "contains"),
        (Modifier::StartsWith, "begins with"),
        (Modifier::EndsWith, "ends with"),
        (Modifier::Re, "fits the expression"),
        (Modifier::Cidr, "is in"),
        (Modifier::Lt, "is below"),
        (Modifier::Lte, "is at most"),
        (Modifier::Gt, "is above"),
        (Modifier::Gte, "is at least"),
    ];
    let verb = verb.into_iter().find(|(modifier, _)| has(*modifier)).map_or("is", |(_, verb)| verb);
    let what = if has(Modifier::Expand) {
        let names: Vec<_> = values.iter().map(|value| value.trim_matches('%').to_owned()).collect();
        format!("what stands in the list {}", names.join(", "))
    } else if has(Modifier::FieldRef) {
        format!("the value of {}", values.join(", "))
    } else if has(Modifier::All) {
        format!("all of {}", values.join(", "))
    } else {
        values_of(values.into_iter())
    };
    let case = if has(Modifier::Cased) { " (case matters)" } else { "" };
    format!("{field} {verb} {what}{case}").replace(" is null", " is not known")
}

fn values_of(values: impl Iterator<Item = String>) -> String {
    let mut values: Vec<_> = values.collect();
    let more = values.len().saturating_sub(VALUES_SHOWN);
    values.truncate(VALUES_SHOWN);
    match (values.split_last(), more) {
        (Some((last, [])), _) => last.clone(),
        (Some((last, others)), 0) => format!("{} or {last}", others.join(", ")),
        _ => format!("{} or one of {more} more", values.join(", ")),
    }
}

fn lists(detection: &Detection, found: &mut Vec<(String, Option<usize>)>) {
    match detection {
        Detection::AllOf(items) => {
            let expanded = items.iter().filter(|item| item.field.has_modifier(Modifier::Expand));
            for name in
                expanded.flat_map(|item| &item.values).map(|value| value.to_string().trim_matches('%').to_owned())
            {
                if !found.iter().any(|(known, _)| *known == name) {
                    found.push((name, None));
                }
            }
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| lists(part, found)),
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
    }
}

fn bound(operator: ConditionOperator) -> &'static str {
    match operator {
        ConditionOperator::Lt => "below",
        ConditionOperator::Lte => "at most",
        ConditionOperator::Gt => "above",
        ConditionOperator::Gte => "at least",
        ConditionOperator::Eq => "equal to",
        ConditionOperator::Neq => "other than",
    }
}

fn correlation(rule: &CorrelationRule) -> Vec<String> {
    let rules: Vec<_> = rule.rules.iter().map(|name| format!("`{name}`")).collect();
    let within = format!("within {}", rule.timespan.original);
    let mut lines = vec![match &rule.condition {
        CorrelationCondition::Threshold { predicates, field, .. } => {
            let bounds: Vec<_> =
                predicates.iter().map(|(operator, value)| format!("{} {value}", bound(*operator))).collect();
            let of = field.as_ref().map(|fields| format!(" of {}", fields.join(", "))).unwrap_or_default();
            format!(
                "{}{of} over {} is {} {within}",
                rule.correlation_type.as_str(),
                rules.join(", "),
                bounds.join(" and ")
            )
        }
        CorrelationCondition::Extended(condition) => {
            format!("{} of {condition} {within}", rule.correlation_type.as_str())
        }
    }];
    if !rule.group_by.is_empty() {
        lines.push(format!("for each {}", rule.group_by.join(", ")));
    }
    lines
}

const VALUES_SHOWN: usize = 12;
