//! Reads one correlation rule: its metadata, and what it asks for. Which rules it names is looked up when all are known.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rsigma_parser::{ConditionExpr, parse_condition};
use yaml_serde::{Mapping, Value};

use super::Loader;
use super::custom::{Custom, Suppressing};
use super::reference::Known;
use crate::detect::alert::{Facts, Level};
use crate::detect::correlation::{Bounds, Relation};
use crate::detect::message::Message;
use crate::detect::rule::{Logic, Rule};
use crate::detect::source::Document;
use crate::detect::suppress::Suppress;
use crate::detect::timespan;

/// A correlation whose rules are not looked up yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub path: PathBuf,
    pub before: usize,
    pub text: String,
    /// Its number among the rules of the run.
    pub rule: usize,
    /// Its number among all that may be referred to.
    pub known: usize,
    pub asked: Asked,
    pub level: Option<Level>,
    pub has_message: bool,
}

/// What stands under `correlation:`.
#[derive(Debug)]
pub(super) struct Asked {
    pub kind: Kind,
    pub rules: Vec<String>,
    pub group: Vec<Box<str>>,
    pub span: i64,
    pub condition: Condition,
    pub aliases: Vec<Alias>,
    /// Whether the rules it builds on alert by themselves.
    pub generate: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    EventCount,
    ValueCount,
    ValueSum,
    ValueAvg,
    ValuePercentile,
    ValueMedian,
    Temporal,
    TemporalOrdered,
}

#[derive(Debug)]
pub(super) enum Condition {
    /// None: all rules of a temporal one.
    All,
    Bounds {
        bounds: Bounds,
        fields: Vec<String>,
        percentile: f64,
    },
    Rules(ConditionExpr),
}

/// A name for what stands in different fields of different rules' sessions.
#[derive(Debug)]
pub(super) struct Alias {
    pub name: Box<str>,
    /// Rule and field.
    pub fields: Vec<(String, String)>,
}

impl Draft {
    pub fn document(&self) -> Document<'_> {
        Document { path: &self.path, before: self.before, text: &self.text }
    }
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::EventCount,
        Self::ValueCount,
        Self::ValueSum,
        Self::ValueAvg,
        Self::ValuePercentile,
        Self::ValueMedian,
        Self::Temporal,
        Self::TemporalOrdered,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::EventCount => "event_count",
            Self::ValueCount => "value_count",
            Self::ValueSum => "value_sum",
            Self::ValueAvg => "value_avg",
            Self::ValuePercentile => "value_percentile",
            Self::ValueMedian => "value_median",
            Self::Temporal => "temporal",
            Self::TemporalOrdered => "temporal_ordered",
        }
    }

    pub fn is_temporal(self) -> bool {
        matches!(self, Self::Temporal | Self::TemporalOrdered)
    }

    pub fn reckons(self) -> bool {
        matches!(self, Self::ValueSum | Self::ValueAvg | Self::ValuePercentile | Self::ValueMedian)
    }

    fn has_field(self) -> bool {
        self.reckons() || self == Self::ValueCount
    }
}

impl Loader<'_> {
    /// Whether the document is a correlation; then it is read.
    pub(super) fn correlation(&mut self, document: &Document<'_>) -> bool {
        if !document.text.contains("correlation") {
            return false;
        }
        // What is no YAML is told by the other reader.
        let Ok(value) = yaml_serde::from_str::<Value>(document.text) else { return false };
        let Some(entries) = value.as_mapping().filter(|entries| entries.contains_key("correlation")) else {
            return false;
        };
        self.read_correlation(document, entries);
        true
    }

    fn read_correlation(&mut self, document: &Document<'_>, entries: &Mapping) {
        let mut faults = Vec::new();
        let mut lacking = Vec::new();
        let text = |key: &str| entries.get(key).and_then(Value::as_str).map(|text| text.trim().to_owned());
        let texts = |key: &str| match entries.get(key) {
            Some(Value::Sequence(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(one)) => vec![one.clone()],
            _ => Vec::new(),
        };
        if text("title").is_none() {
            faults.push(document.fault(&[], "the rule has no title"));
        }
        for key in ["detection", "logsource"].into_iter().filter(|key| entries.contains_key(*key)) {
            faults.push(document.fault(
                &[key],
                "a correlation looks at other rules: put the detection into a rule of its own, after a line `---`",
            ));
        }
        let level = text("level").and_then(|level| match level.parse::<Level>() {
            Ok(level) => Some(level),
            Err(what) => {
                faults.push(document.fault(&["level"], what));
                None
            }
        });
        let id = match text("id") {
            Some(id) => self.id(document, &id).map_err(|fault| faults.push(fault)).ok(),
            None => {
                lacking.push(document.fault(&[], "the rule has no id: give it a UUID of its own"));
                Some(String::new())
            }
        };
        let left_over: HashMap<String, Value> =
            entries.get("custom").map(|custom| ("custom".to_owned(), custom.clone())).into_iter().collect();
        let custom = Custom::read(document, &left_over, &mut faults);
        let section = Section { document, faults: &mut faults };
        let asked = entries.get("correlation").and_then(|value| section.read(value, entries));
        let name = text("name");
        let known = Known {
            name,
            id: id.clone().filter(|id| !id.is_empty()),
            lacking,
            told_after: self.faults.len() + faults.len(),
            identity: Known::identity_of(document.text),
            ..Known::default()
        };
        self.faults.append(&mut faults);
        self.known.push(known);
        let (Some(id), Some(custom), Some(asked), Some(title)) = (id, custom, asked, text("title")) else {
            // Its rules are not to be blamed for standing alone.
            self.mentioned.extend(mentioned(entries));
            return;
        };
        let has_message = custom.message.is_some();
        let message = custom.message.unwrap_or_else(|| Message::of_correlation(&title, &asked.group));
        let facts = Facts {
            id,
            title,
            level: level.unwrap_or(Level::Informational),
            tags: texts("tags"),
            description: text("description"),
            references: texts("references"),
            false_positives: texts("falsepositives"),
            suppress: suppressing(custom.suppress, asked.span),
            file: document.path.to_owned(),
        };
        let (rule, number) = (self.rules.len(), self.known.len() - 1);
        if let Some(known) = self.known.last_mut() {
            known.rule = Some(rule);
        }
        self.rules.push(Rule { facts: Arc::new(facts), message, logic: Logic::Correlation, generates: true });
        self.drafts.push(Draft {
            path: document.path.to_owned(),
            before: document.before,
            text: document.text.to_owned(),
            rule,
            known: number,
            asked,
            level,
            has_message,
        });
    }
}

/// The names under `rules`, whatever else is wrong.
fn mentioned(entries: &Mapping) -> Vec<String> {
    match entries.get("correlation").and_then(|section| section.get("rules")) {
        Some(Value::Sequence(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(name)) => vec![name.clone()],
        _ => Vec::new(),
    }
}

fn suppressing(said: Suppressing, span: i64) -> Option<Suppress> {
    said.or(Some(Suppress::of_group(span)))
}

/// `correlation:` on its way into [`Asked`].
struct Section<'d, 'f> {
    document: &'d Document<'d>,
    faults: &'f mut Vec<String>,
}

impl Section<'_, '_> {
    fn read(mut self, value: &Value, entries: &Mapping) -> Option<Asked> {
        let before = self.faults.len();
        let Some(section) = value.as_mapping() else {
            self.fault(&[], "`correlation` holds keys: type, rules, group-by, timespan, condition");
            return None;
        };
        for key in section.keys().map(|key| key.as_str().unwrap_or_default()) {
            match key {
                "type" | "rules" | "group-by" | "timespan" | "condition" | "aliases" | "generate" => {}
                "timeframe" => self.fault(&[key], "a correlation's time is its `timespan`"),
                "window" | "gap" => self.fault(&[key], "windows always slide; write the length as `timespan`"),
                other => {
                    self.fault(&[other], format!("`correlation` knows the keys {}, not `{other}`", KEYS.join(", ")))
                }
            }
        }
        let kind = self.kind(section.get("type"));
        let rules = self.names(section, "rules");
        if rules.is_empty() {
            self.fault(&["rules"], "the correlation has no rules: name them by `name` or by `id`");
        }
        if let Some(twice) =
            rules.iter().enumerate().find(|(at, name)| rules.iter().take(*at).any(|other| other == *name))
        {
            self.fault(&["rules"], format!("the rule `{}` is named twice", twice.1));
        }
        let group = self.names(section, "group-by").into_iter().map(Into::into).collect();
        let span = match section.get("timespan").and_then(Value::as_str) {
            Some(text) => timespan::parse(text).map_err(|what| self.fault(&["timespan"], what)).ok(),
            None => {
                self.fault(&["timespan"], "the correlation has no time span: write `timespan: 5m`");
                None
            }
        };
        let aliases = self.aliases(section.get("aliases"));
        let condition = kind.and_then(|kind| self.condition(kind, section.get("condition")));
        let generate = entries.get("generate").or_else(|| section.get("generate"));
        if generate.is_some_and(|value| value.as_bool().is_none()) {
            let what = "`generate` is true or false";
            self.faults.push(self.document.fault(&["generate"], what));
        }
        let generate = generate.and_then(Value::as_bool).unwrap_or(false);
        let (Some(kind), Some(span), Some(condition)) = (kind, span, condition) else { return None };
        (self.faults.len() == before).then_some(Asked { kind, rules, group, span, condition, aliases, generate })
    }

    fn fault(&mut self, keys: &[&str], what: impl std::fmt::Display) {
        let keys: Vec<&str> = ["correlation"].into_iter().chain(keys.iter().copied()).collect();
        self.faults.push(self.document.fault(&keys, what));
    }

    fn kind(&mut self, value: Option<&Value>) -> Option<Kind> {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
        if kind.is_none() {
            let all = Kind::ALL.map(Kind::as_str).join(", ");
            self.fault(&["type"], format!("`{text}` is no type of correlation: write one of {all}"));
        }
        kind
    }

    /// A list of names, or one.
    fn names(&mut self, section: &Mapping, key: &str) -> Vec<String> {
        let values = match section.get(key) {
            Some(Value::Sequence(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        let names: Option<Vec<_>> = values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
        names.unwrap_or_else(|| {
            self.fault(&[key], format!("`{key}` is a list of names"));
            Vec::new()
        })
    }

    fn aliases(&mut self, value: Option<&Value>) -> Vec<Alias> {
        let Some(value) = value else { return Vec::new() };
        let mut aliases = Vec::new();
        for (name, fields) in value.as_mapping().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            let pairs: Option<Vec<_>> = fields.as_mapping().and_then(|fields| {
                fields
                    .iter()
                    .map(|(rule, field)| Some((rule.as_str()?.to_owned(), field.as_str()?.to_owned())))
                    .collect()
            });
            match pairs {
                Some(fields) if !fields.is_empty() => aliases.push(Alias { name: name.into(), fields }),
                _ => self.fault(&["aliases", name], "an alias names a field for each rule: `alias: {rule: field}`"),
            }
        }
        if value.as_mapping().is_none_or(Mapping::is_empty) {
            self.fault(&["aliases"], "`aliases` holds aliases: `alias: {rule: field}`");
        }
        aliases
    }

    fn condition(&mut self, kind: Kind, value: Option<&Value>) -> Option<Condition> {
        match value {
            None if kind.is_temporal() => Some(Condition::All),
            None => {
                self.fault(&[], format!("`{}` needs a condition, as in `condition: {{gte: 10}}`", kind.as_str()));
                None
            }
            Some(Value::String(text)) if kind.is_temporal() => match parse_condition(text) {
                Ok(expression) => Some(Condition::Rules(expression)),
                Err(_) => {
                    self.fault(&["condition"], "the condition cannot be read: write names of rules with and, or, not");
                    None
                }
            },
            Some(Value::Mapping(entries)) => self.bounds(kind, entries),
            Some(_) => {
                self.fault(&["condition"], "the condition compares a number, as in `condition: {gte: 10}`");
                None
            }
        }
    }

    fn bounds(&mut self, kind: Kind, entries: &Mapping) -> Option<Condition> {
        let (before, mut checks, mut fields, mut percentile) = (self.faults.len(), Vec::new(), Vec::new(), None);
        for (key, value) in entries {
            let key = key.as_str().unwrap_or_default();
            match (Relation::named(key), key) {
                (Some(relation), _) => match value.as_f64().filter(|bound| bound.is_finite()) {
                    // Sessions come by the piece.
                    Some(bound) if kind.reckons() || bound.fract() == 0.0 => checks.push((relation, bound)),
                    _ => self.fault(&["condition", key], format!("`{key}` takes a number")),
                },
                (None, "field") if kind.has_field() => fields = self.names(entries, "field"),
                (None, "field") => {
                    self.fault(&["condition", key], format!("`{}` counts no field's values", kind.as_str()));
                }
                (None, "percentile") if kind == Kind::ValuePercentile => {
                    percentile = value.as_f64().filter(|rank| (0.0..=100.0).contains(rank));
                    if percentile.is_none() {
                        self.fault(&["condition", key], "`percentile` is a number from 0 to 100");
                    }
                }
                (None, _) => self.fault(
                    &["condition", key],
                    format!(
                        "a condition of `{}` does not know `{key}`: write gt, gte, lt, lte, eq, neq",
                        kind.as_str()
                    ),
                ),
            }
        }
        if checks.is_empty() && self.faults.len() == before {
            self.fault(
                &["condition"],
                "the condition compares nothing: write gt, gte, lt, lte, eq or neq with a number",
            );
        }
        if kind.has_field() && fields.is_empty() && self.faults.len() == before {
            self.fault(&["condition"], format!("`{}` needs a field: `condition: {{field: …}}`", kind.as_str()));
        }
        if kind.reckons() && fields.len() > 1 {
            self.fault(&["condition", "field"], format!("`{}` reckons with one field", kind.as_str()));
        }
        let percentile = percentile.unwrap_or(50.0);
        (self.faults.len() == before).then(|| Condition::Bounds { bounds: Bounds::new(checks), fields, percentile })
    }
}

const KEYS: &[&str] = &["type", "rules", "group-by", "timespan", "condition", "aliases", "generate"];
