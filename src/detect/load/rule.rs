//! Reads one rule over single events: its metadata, its selections, its condition.

use std::path::Path;
use std::sync::Arc;

use rsigma_parser::{Detection, Detections, SigmaRule};

use super::Loader;
use super::custom::Custom;
use super::filter::Target;
use super::logsource::Scope;
use super::reference::Known;
use crate::detect::alert::{Facts, Level};
use crate::detect::compile::Surroundings;
use crate::detect::condition::{self, Node, Selections};
use crate::detect::message::Message;
use crate::detect::rule::{Logic, Rule};
use crate::detect::source::Document;

impl Loader<'_> {
    pub(super) fn rule(&mut self, document: &Document<'_>, rule: &SigmaRule, level_was_refused: bool) {
        let mut faults = Vec::new();
        let scope = Scope::of(&rule.logsource).map_err(|what| faults.push(document.fault(&["logsource"], what))).ok();
        let level = rule.level.and_then(|level| level.as_str().parse::<Level>().ok());
        let mut lacking = Vec::new();
        if level.is_none() && !level_was_refused {
            let what = "the rule has no level: write informational, low, medium, high or critical";
            lacking.push(document.fault(&[], what));
        }
        let id = match &rule.id {
            Some(id) => self.id(document, id).map_err(|fault| faults.push(fault)).ok(),
            None => {
                lacking.push(document.fault(&[], "the rule has no id: give it a UUID of its own"));
                Some(String::new())
            }
        };
        let custom = Custom::read(document, &rule.custom_attributes, &mut faults);
        let condition = self.detection(document, Section::Detection, &rule.detection, &mut faults);
        let (custom, behaviour) = match custom {
            Some(mut custom) => {
                let behaviour = custom.behaviour.take();
                (Some(custom), behaviour)
            }
            None => (None, None),
        };
        // A behaviour has its own `again`.
        let suppress = custom.map(|custom| (custom.message, custom.suppress.or(None)));
        let unknown =
            suppress.iter().flat_map(|(_, suppress)| suppress).flat_map(|suppress| suppress.by.iter().flatten());
        for by in unknown.filter(|by| by.field.is_none()) {
            let what = format!("alerts cannot be told apart by `{}`: there is no such field", by.name);
            faults.push(document.fault(&["custom", "suppress", "by"], what));
        }
        let is_whole = faults.is_empty() && !level_was_refused;
        self.known.push(Known {
            name: rule.name.clone(),
            id: id.clone().filter(|id| !id.is_empty()),
            rule: is_whole.then_some(self.rules.len()),
            lacking,
            told_after: self.faults.len(),
            identity: Known::identity_of(document.text),
            ..Known::default()
        });
        self.faults.append(&mut faults);
        let (Some(scope), Some(id), true) = (scope, id, is_whole) else { return };
        let (Some((message, suppress)), Some(condition)) = (suppress, condition) else { return };
        let facts = Facts {
            id,
            title: rule.title.clone(),
            // A rule without one has to serve others, and does not alert.
            level: level.unwrap_or(Level::Informational),
            tags: rule.tags.clone(),
            description: rule.description.as_deref().map(|text| text.trim().to_owned()),
            references: rule.references.clone(),
            false_positives: rule.falsepositives.clone(),
            suppress,
            file: document.path.to_owned(),
        };
        let message = message.unwrap_or_else(|| Message::of_title(&rule.title));
        self.targets.push(Target { at: self.rules.len(), name: rule.name.clone(), source: rule.logsource.clone() });
        let condition = scope.around(condition);
        let logic = match behaviour {
            Some(plan) => Logic::Behaviour { when: condition, plan: Box::new(plan) },
            None => Logic::Event(condition),
        };
        self.rules.push(Rule { facts: Arc::new(facts), message, logic, generates: true });
    }

    /// An id that no other rule has.
    pub(super) fn id(&mut self, document: &Document<'_>, id: &str) -> Result<String, String> {
        let lengths = id.split('-').map(|part| part.bytes().all(|b| b.is_ascii_hexdigit()).then_some(part.len()));
        if !lengths.eq([8, 4, 4, 4, 12].map(Some)) {
            return Err(document.fault(&["id"], format!("`{id}` is no UUID")));
        }
        let id = id.to_ascii_lowercase();
        let here = document.fault(&["id"], "");
        let here = here.trim_end_matches([':', ' ']).to_owned();
        match self.ids.get(&id) {
            Some(first) => Err(document.fault(&["id"], format!("the id is that of the rule at {first}"))),
            None => {
                self.ids.insert(id.clone(), here);
                Ok(id)
            }
        }
    }

    pub(super) fn detection(
        &mut self,
        document: &Document<'_>,
        section: Section,
        detections: &Detections,
        faults: &mut Vec<String>,
    ) -> Option<Node> {
        if detections.timeframe.is_some() {
            faults.push(document.fault(
                &[section.key(), "timeframe"],
                "`timeframe` is of older versions of Sigma: write a correlation rule with `timespan`",
            ));
        }
        let folder = document.path.parent().unwrap_or(Path::new(""));
        let mut names: Vec<_> = detections.named.keys().collect();
        names.sort_unstable();
        let mut selections = Selections::new();
        let before = faults.len();
        for name in names {
            let mut surroundings = Surroundings { lists: &mut self.lists, folder, root: self.root };
            let mut selection = Selection { document, section, name, surroundings: &mut surroundings, faults };
            if let Some(node) = detections.named.get(name).and_then(|detection| selection.compile(detection)) {
                selections.insert(name.clone(), node);
            }
        }
        if faults.len() > before {
            return None;
        }
        let conditions = detections.conditions.iter().map(|expression| condition::compile(expression, &selections));
        match conditions.collect::<Result<Vec<_>, _>>() {
            // A list of conditions is a list of alternatives.
            Ok(nodes) => Some(Node::any(nodes)),
            Err(what) => {
                faults.push(document.fault(&[section.key(), "condition"], what));
                None
            }
        }
    }
}

/// The part of a document that holds selections and a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Detection,
    Filter,
}

impl Section {
    fn key(self) -> &'static str {
        match self {
            Self::Detection => "detection",
            Self::Filter => "filter",
        }
    }
}

/// One named selection on its way to a node.
struct Selection<'s, 'l> {
    document: &'s Document<'s>,
    section: Section,
    name: &'s str,
    surroundings: &'s mut Surroundings<'l>,
    faults: &'s mut Vec<String>,
}

impl Selection<'_, '_> {
    fn compile(&mut self, detection: &Detection) -> Option<Node> {
        let keys = [self.section.key(), self.name];
        match detection {
            Detection::AllOf(items) if items.is_empty() => {
                self.faults.push(self.document.fault(&keys, format!("the selection `{}` is empty", self.name)));
                None
            }
            Detection::AllOf(items) => {
                let mut nodes = Vec::with_capacity(items.len());
                for item in items {
                    match self.surroundings.item(item) {
                        Ok(node) => nodes.push(node),
                        Err(what) => {
                            let keys = [self.section.key(), self.name, item.field.name.as_deref().unwrap_or("|")];
                            self.faults.push(self.document.fault(&keys, what));
                        }
                    }
                }
                (nodes.len() == items.len()).then(|| Node::all(nodes))
            }
            Detection::AnyOf(parts) => {
                let nodes: Vec<_> = parts.iter().map(|part| self.compile(part)).collect();
                nodes.into_iter().collect::<Option<Vec<_>>>().map(Node::any)
            }
            Detection::Keywords(values) => match self.surroundings.keywords(values) {
                Ok(node) => Some(node),
                Err(what) => {
                    self.faults.push(self.document.fault(&keys, what));
                    None
                }
            },
            Detection::ArrayMatch { .. } | Detection::And(_) | Detection::Conditional { .. } => {
                let what = "blocks over the elements of an array are not supported: a field of an array matches by any element";
                self.faults.push(self.document.fault(&keys, what));
                None
            }
        }
    }
}
