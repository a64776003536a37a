//! Reads rule files: Sigma YAML in, [`Rules`] out, or every fault of every file.
//!
//! A folder is walked in the order of its names; files and folders whose names begin with a point are passed over.

mod correlation;
mod custom;
mod filter;
mod logsource;
mod reference;
mod rule;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rsigma_parser::{SigmaCollection, parse_sigma_yaml};

use crate::error::Error;
use crate::feed::folder;

use self::correlation::Draft;
use self::reference::Known;
use super::list::Lists;
use super::rule::{Rule, Rules};
use super::source::Document;
use super::threat::ThreatLists;
use filter::{Filter, Target};

impl Rules {
    /// Loads one rule file, or all `.yml` and `.yaml` files below a folder.
    ///
    /// # Errors
    /// [`Error::Read`] where `path` itself cannot be read; else [`Error::Rules`] with all that is wrong, in order.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::load_with(path, &Arc::default())
    }

    /// Likewise; in `expand` the names of these lists may stand, too.
    ///
    /// # Errors
    /// Those of [`load`](Self::load).
    pub fn load_with(path: &Path, threats: &Arc<ThreatLists>) -> Result<Self, Error> {
        let unreadable = |source| Error::Read { path: path.to_owned(), source };
        let is_folder = fs::metadata(path).map_err(unreadable)?.is_dir();
        let root = if is_folder { path } else { path.parent().unwrap_or(Path::new("")) };
        let mut loader = Loader::below(root);
        loader.lists = Lists::beside(Arc::clone(threats));
        let files = rule_files(path, &mut loader.faults);
        files.iter().for_each(|file| loader.file(file));
        loader.apply_filters();
        let plans = loader.tie();
        match loader.faults.is_empty() {
            true => Ok(Self::new(loader.rules, plans)),
            false => Err(Error::Rules(loader.faults)),
        }
    }
}

struct Loader<'a> {
    root: &'a Path,
    lists: Lists,
    rules: Vec<Rule>,
    /// What correlations may refer to.
    known: Vec<Known>,
    /// Correlations that are not tied to their rules yet.
    drafts: Vec<Draft>,
    /// Names and ids that correlations with faults refer to.
    mentioned: Vec<String>,
    faults: Vec<String>,
    /// Where each id was seen first.
    ids: HashMap<String, String>,
    filters: Vec<Filter>,
    /// The rules that filters may speak of.
    targets: Vec<Target>,
}

impl<'a> Loader<'a> {
    fn below(root: &'a Path) -> Self {
        Self {
            root,
            lists: Lists::default(),
            rules: Vec::new(),
            faults: Vec::new(),
            ids: HashMap::new(),
            filters: Vec::new(),
            targets: Vec::new(),
            known: Vec::new(),
            drafts: Vec::new(),
            mentioned: Vec::new(),
        }
    }

    fn file(&mut self, path: &Path) {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(why) => return self.faults.push(format!("{}: {why}", path.display())),
        };
        let documents = Document::split(path, &text);
        if documents.is_empty() {
            self.faults.push(format!("{}:1: there is no rule in this file", path.display()));
        }
        documents.iter().for_each(|document| self.document(document));
    }

    fn document(&mut self, document: &Document<'_>) {
        if self.correlation(document) {
            return;
        }
        // Line numbers in the parser's messages are the file's, with as many empty lines before.
        let padded = "\n".repeat(document.before) + document.text;
        let parsed = match parse_sigma_yaml(&padded) {
            Ok(parsed) => parsed,
            Err(why) => return self.faults.push(parser_fault(document, &why.to_string())),
        };
        let SigmaCollection { rules, filters, errors, .. } = parsed;
        self.faults.extend(errors.iter().map(|error| parser_fault(document, error)));
        filters.iter().for_each(|filter| self.filter(document, filter));
        for rule in &rules {
            self.rule(document, rule, errors.iter().any(|error| error.starts_with("invalid level")));
        }
    }
}

/// The rule files below a folder, in the order of their names; a path that is no folder is one itself. What cannot be looked
/// into is added to the faults.
pub(super) fn rule_files(path: &Path, faults: &mut Vec<String>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let found = folder::files(path, DEPTH, &|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        (name.ends_with(".yml") || name.ends_with(".yaml")) && !is_tests(&name)
    });
    faults.extend(found.faults.iter().map(ToString::to_string));
    found.files
}

/// Whether a file holds tests of the rules beside it.
fn is_tests(name: &str) -> bool {
    name.ends_with(".tests.yml") || name.ends_with(".tests.yaml")
}

/// Finds the place of a fault that the parser told in its own words, and says it on one line.
pub(super) fn parser_fault(document: &Document<'_>, text: &str) -> String {
    let number_after = |word: &str| {
        let (_, rest) = text.split_once(word)?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse::<usize>().ok()
    };
    if let Some(what) = text.strip_prefix("YAML parse error: ") {
        let line = number_after(" at line ").unwrap_or(document.before + 1);
        return document.fault_at(line, format!("not YAML: {}", what.lines().next().unwrap_or_default()));
    }
    if text.starts_with("Condition parse error") {
        let expected = text.lines().find_map(|line| line.trim_start().strip_prefix("= ")).unwrap_or("not a condition");
        let column = number_after("error at 1:").map(|column| format!(" at column {column}")).unwrap_or_default();
        return document
            .fault(&["detection", "condition"], format!("the condition cannot be read{column}: {expected}"));
    }
    let quoted = text.split('\'').nth(1).unwrap_or_default();
    let keys: &[&str] = if text.starts_with("invalid level") {
        &["level"]
    } else if text.starts_with("invalid status") {
        &["status"]
    } else if text.starts_with("Unknown modifier") || text.contains("value modifier") {
        &["detection", if quoted.is_empty() { "|not" } else { quoted }]
    } else if text.starts_with("related") {
        &["related"]
    } else {
        &[]
    };
    document.fault(keys, text.lines().next().unwrap_or_default())
}

/// Folders within folders; a link to a folder above would never end.
const DEPTH: usize = 16;
