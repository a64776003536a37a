//! Reads rule files: Sigma YAML in, [`Rules`] out, or every fault of every file.
//!
//! A folder is walked in the order of its names; files and folders whose names begin with a point are passed over.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rsigma_parser::{Detection, Detections, SigmaCollection, SigmaRule, parse_sigma_yaml};

use crate::error::Error;

use super::alert::{Facts, Level};
use super::compile::Surroundings;
use super::condition::{self, Node, Selections};
use super::list::Lists;
use super::message::Message;
use super::rule::{Rule, Rules};
use super::source::Document;

impl Rules {
    /// Loads one rule file, or all `.yml` and `.yaml` files below a folder.
    ///
    /// # Errors
    /// [`Error::Read`] where `path` itself cannot be read; else [`Error::Rules`] with all that is wrong, in order.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Read { path: path.to_owned(), source };
        let is_folder = fs::metadata(path).map_err(unreadable)?.is_dir();
        let root = if is_folder { path } else { path.parent().unwrap_or(Path::new("")) };
        let mut loader =
            Loader { root, lists: Lists::default(), rules: Vec::new(), faults: Vec::new(), ids: HashMap::new() };
        let mut files = Vec::new();
        if is_folder {
            loader.walk(path, 0, &mut files);
        } else {
            files.push(path.to_owned());
        }
        files.iter().for_each(|file| loader.file(file));
        match loader.faults.is_empty() {
            true => Ok(Self { rules: loader.rules.into() }),
            false => Err(Error::Rules(loader.faults)),
        }
    }
}

struct Loader<'a> {
    root: &'a Path,
    lists: Lists,
    rules: Vec<Rule>,
    faults: Vec<String>,
    /// Where each id was seen first.
    ids: HashMap<String, String>,
}

impl Loader<'_> {
    fn walk(&mut self, folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
        if depth > DEPTH {
            self.faults.push(format!("{}: folders are nested deeper than {DEPTH}", folder.display()));
            return;
        }
        let entries: Result<Vec<_>, _> = fs::read_dir(folder).and_then(Iterator::collect);
        let mut paths: Vec<_> = match entries {
            Ok(entries) => entries.iter().map(fs::DirEntry::path).collect(),
            Err(why) => return self.faults.push(format!("{}: {why}", folder.display())),
        };
        paths.sort_unstable();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                self.walk(&path, depth + 1, files);
            } else if name.ends_with(".yml") || name.ends_with(".yaml") {
                files.push(path);
            }
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
        // Line numbers in the parser's messages are the file's, with as many empty lines before.
        let padded = "\n".repeat(document.before) + document.text;
        let parsed = match parse_sigma_yaml(&padded) {
            Ok(parsed) => parsed,
            Err(why) => return self.faults.push(parser_fault(document, &why.to_string())),
        };
        let SigmaCollection { rules, correlations, filters, errors } = parsed;
        self.faults.extend(errors.iter().map(|error| parser_fault(document, error)));
        if !correlations.is_empty() {
            self.faults.push(
                document.fault(&["correlation"], "correlation rules are not supported: write a rule over one event"),
            );
        }
        if !filters.is_empty() {
            self.faults
                .push(document.fault(&["filter"], "Sigma filters are not supported: put the exception into the rule"));
        }
        for rule in &rules {
            self.rule(document, rule, errors.iter().any(|error| error.starts_with("invalid level")));
        }
    }

    fn rule(&mut self, document: &Document<'_>, rule: &SigmaRule, level_was_refused: bool) {
        let mut faults = Vec::new();
        let source = &rule.logsource;
        if source.product.as_deref() != Some("tlsight") || source.category.as_deref() != Some("tls") {
            let what = "the rule is for another log source: write `logsource: {product: tlsight, category: tls}`";
            faults.push(document.fault(&["logsource"], what));
        }
        let level = rule.level.and_then(|level| level.as_str().parse::<Level>().ok());
        if level.is_none() && !level_was_refused {
            let what = "the rule has no level: write informational, low, medium, high or critical";
            faults.push(document.fault(&[], what));
        }
        let id = self.id(document, rule).map_err(|fault| faults.push(fault)).ok();
        let message = message(document, rule).map_err(|fault| faults.push(fault)).ok();
        let condition = self.detection(document, &rule.detection, &mut faults);
        self.faults.append(&mut faults);
        let (Some(id), Some(level), Some(message), Some(condition)) = (id, level, message, condition) else { return };
        let facts = Facts {
            id,
            title: rule.title.clone(),
            level,
            tags: rule.tags.clone(),
            description: rule.description.as_deref().map(|text| text.trim().to_owned()),
            references: rule.references.clone(),
            false_positives: rule.falsepositives.clone(),
            file: document.path.to_owned(),
        };
        self.rules.push(Rule { facts: Arc::new(facts), condition, message });
    }

    fn id(&mut self, document: &Document<'_>, rule: &SigmaRule) -> Result<String, String> {
        let Some(id) = &rule.id else {
            return Err(document.fault(&[], "the rule has no id: give it a UUID of its own"));
        };
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

    fn detection(
        &mut self,
        document: &Document<'_>,
        detections: &Detections,
        faults: &mut Vec<String>,
    ) -> Option<Node> {
        if detections.timeframe.is_some() {
            faults.push(
                document.fault(&["detection", "timeframe"], "`timeframe` is not supported: a rule sees one event"),
            );
        }
        let folder = document.path.parent().unwrap_or(Path::new(""));
        let mut names: Vec<_> = detections.named.keys().collect();
        names.sort_unstable();
        let mut selections = Selections::new();
        let before = faults.len();
        for name in names {
            let mut surroundings = Surroundings { lists: &mut self.lists, folder, root: self.root };
            let mut selection = Selection { document, name, surroundings: &mut surroundings, faults };
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
                faults.push(document.fault(&["detection", "condition"], what));
                None
            }
        }
    }
}

/// One named selection on its way to a node.
struct Selection<'s, 'l> {
    document: &'s Document<'s>,
    name: &'s str,
    surroundings: &'s mut Surroundings<'l>,
    faults: &'s mut Vec<String>,
}

impl Selection<'_, '_> {
    fn compile(&mut self, detection: &Detection) -> Option<Node> {
        let keys = ["detection", self.name];
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
                            let keys = ["detection", self.name, item.field.name.as_deref().unwrap_or_default()];
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
            Detection::Keywords(_) => {
                let what = "keywords without a field are not supported: name the field, as in `tls.client.server_name|contains`";
                self.faults.push(self.document.fault(&keys, what));
                None
            }
            Detection::ArrayMatch { .. } | Detection::And(_) | Detection::Conditional { .. } => {
                let what = "blocks over the elements of an array are not supported: a field of an array matches by any element";
                self.faults.push(self.document.fault(&keys, what));
                None
            }
        }
    }
}

fn message(document: &Document<'_>, rule: &SigmaRule) -> Result<Message, String> {
    let Some(custom) = rule.custom_attributes.get("custom") else {
        return Ok(Message::of_title(&rule.title));
    };
    let fault = |keys: &[&str], what: &str| Err(document.fault(keys, what));
    let Some(entries) = custom.as_mapping() else {
        return fault(&["custom"], "`custom` holds keys: write `custom: {message: \"…\"}`");
    };
    for key in entries.keys().filter_map(|key| key.as_str()) {
        if key != "message" {
            return fault(&["custom", key], &format!("`custom` knows the key `message`, not `{key}`"));
        }
    }
    match custom.get("message").and_then(|text| text.as_str()) {
        Some(template) => Message::parse(template).or_else(|what| fault(&["custom", "message"], &what)),
        None => fault(&["custom"], "`custom: message:` is a sentence: write text"),
    }
}

/// Finds the place of a fault that the parser told in its own words, and says it on one line.
fn parser_fault(document: &Document<'_>, text: &str) -> String {
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
