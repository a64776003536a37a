//! Rule files as they were written: what a rule says beside what it does, for whoever works on rules.
//!
//! In: a file or a folder. Out: an [`Entry`] for each rule that can be read. What is wrong with the others
//! [`Rules::load`](super::Rules::load) tells; here they are passed over.

use std::fs;
use std::path::{Path, PathBuf};

use rsigma_parser::{CorrelationRule, SigmaCollection, SigmaRule, Status, parse_sigma_yaml};
use yaml_serde::Value;

use super::load::rule_files;
use super::source::Document;

/// One rule, with its text.
#[derive(Debug)]
pub struct Entry {
    pub path: PathBuf,
    /// Lines of the file before the rule.
    pub(super) before: usize,
    pub(super) text: String,
    pub(super) source: Source,
}

/// The parser's view of a rule.
#[derive(Debug)]
pub(super) enum Source {
    Event(Box<SigmaRule>),
    Correlation(Box<CorrelationRule>),
}

/// The rules below a path, in the order in which they are loaded.
pub fn read(path: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    for path in rule_files(path, &mut Vec::new()) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for document in Document::split(&path, &text) {
            let Ok(SigmaCollection { rules, correlations, .. }) = parse_sigma_yaml(document.text) else { continue };
            let rules = rules.into_iter().map(|rule| Source::Event(Box::new(rule)));
            let correlations = correlations.into_iter().map(|rule| Source::Correlation(Box::new(rule)));
            entries.extend(rules.chain(correlations).map(|source| Entry {
                path: path.clone(),
                before: document.before,
                text: document.text.to_owned(),
                source,
            }));
        }
    }
    entries
}

impl Entry {
    pub fn title(&self) -> &str {
        match &self.source {
            Source::Event(rule) => &rule.title,
            Source::Correlation(rule) => &rule.title,
        }
    }

    /// In lower case, as alerts carry it; empty where the rule has none.
    pub fn id(&self) -> String {
        self.written_id().unwrap_or_default().to_ascii_lowercase()
    }

    /// What other rules may call it by.
    pub fn name(&self) -> Option<&str> {
        match &self.source {
            Source::Event(rule) => rule.name.as_deref(),
            Source::Correlation(rule) => rule.name.as_deref(),
        }
    }

    pub fn level(&self) -> Option<&'static str> {
        let level = match &self.source {
            Source::Event(rule) => rule.level,
            Source::Correlation(rule) => rule.level,
        };
        level.map(|level| level.as_str())
    }

    pub fn status(&self) -> Option<&'static str> {
        let status = match &self.source {
            Source::Event(rule) => rule.status,
            Source::Correlation(rule) => rule.status,
        };
        status.map(|status| match status {
            Status::Stable => "stable",
            Status::Test => "test",
            Status::Experimental => "experimental",
            Status::Deprecated => "deprecated",
            Status::Unsupported => "unsupported",
        })
    }

    pub fn description(&self) -> Option<&str> {
        match &self.source {
            Source::Event(rule) => rule.description.as_deref(),
            Source::Correlation(rule) => rule.description.as_deref(),
        }
    }

    pub fn tags(&self) -> &[String] {
        match &self.source {
            Source::Event(rule) => &rule.tags,
            Source::Correlation(rule) => &rule.tags,
        }
    }

    pub fn references(&self) -> &[String] {
        match &self.source {
            Source::Event(rule) => &rule.references,
            Source::Correlation(rule) => &rule.references,
        }
    }

    pub fn false_positives(&self) -> &[String] {
        match &self.source {
            Source::Event(rule) => &rule.falsepositives,
            Source::Correlation(rule) => &rule.falsepositives,
        }
    }

    /// The techniques of MITRE ATT&CK among its tags: `T1071.001`.
    pub fn techniques(&self) -> impl Iterator<Item = String> {
        let of_tag = |tag: &String| {
            let technique = tag.strip_prefix("attack.")?;
            let is_technique =
                technique.strip_prefix('t').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            is_technique.then(|| technique.to_ascii_uppercase())
        };
        self.tags().iter().filter_map(of_tag)
    }

    /// The folder that the rule is in.
    pub fn family(&self) -> String {
        let folder = self.path.parent().and_then(Path::file_name).unwrap_or_default();
        folder.to_string_lossy().into_owned()
    }

    /// `file:line: what`, for the line to which the keys lead.
    pub fn fault(&self, keys: &[&str], what: impl std::fmt::Display) -> String {
        self.document().fault(keys, what)
    }

    /// Rules that it needs and that say nothing of themselves.
    pub(super) fn silences(&self) -> &[String] {
        match &self.source {
            Source::Correlation(rule) if !rule.generate => &rule.rules,
            _ => &[],
        }
    }

    /// What stands under `custom:`.
    pub(super) fn custom(&self, key: &str) -> Option<&Value> {
        let left_over = match &self.source {
            Source::Event(rule) => &rule.custom_attributes,
            Source::Correlation(rule) => &rule.custom_attributes,
        };
        left_over.get("custom")?.get(key)
    }

    pub(super) fn document(&self) -> Document<'_> {
        Document { path: &self.path, before: self.before, text: &self.text }
    }

    fn written_id(&self) -> Option<&str> {
        match &self.source {
            Source::Event(rule) => rule.id.as_deref(),
            Source::Correlation(rule) => rule.id.as_deref(),
        }
    }
}

/// Whether a rule gives no alerts of its own, since it is there for a correlation.
pub fn is_silent(entry: &Entry, all: &[Entry]) -> bool {
    let id = entry.id();
    let is_meant = |name: &String| name.eq_ignore_ascii_case(&id) || entry.name() == Some(name);
    all.iter().flat_map(Entry::silences).any(is_meant)
}
