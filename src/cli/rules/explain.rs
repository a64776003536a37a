//! `tlsight rules explain`: one rule on a sheet.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::cli::console::Console;
use crate::cli::explain::sheet::Sheet;
use crate::cli::{Status, print};
use crate::detect::library::{self, Entry};
use crate::detect::selftest::suite;
use crate::detect::{Rules, words};

pub fn run(wanted: &str, paths: &[PathBuf], console: &Console) -> Result<Status, Error> {
    let mut text = String::new();
    for path in paths {
        Rules::load(path)?;
        let entries = library::read(path);
        let root = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(path) };
        for entry in entries.iter().filter(|entry| is_meant(entry, wanted)) {
            let gap = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}{}", sheet(entry, &entries, root).text(console.screen)));
        }
    }
    if text.is_empty() {
        return Err(Error::Input(format!(
            "there is no rule `{wanted}`: give its id, the beginning of it, or its title"
        )));
    }
    print(&text)?;
    Ok(Status::Done)
}

fn is_meant(entry: &Entry, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    let is_id = wanted.len() >= SHORTEST_ID && entry.id().starts_with(&wanted);
    is_id || entry.title().to_lowercase() == wanted || entry.name().is_some_and(|name| name.to_lowercase() == wanted)
}

fn sheet(entry: &Entry, all: &[Entry], root: &Path) -> Sheet {
    let mut sheet = Sheet::new(entry.title());
    sheet.pair("id", entry.id());
    for (key, value) in [("level", entry.level()), ("status", entry.status())] {
        sheet.list(key, value.map(str::to_owned).into_iter().collect());
    }
    sheet.list("ATT&CK", entry.techniques().map(|technique| format!("{technique}  {}", address(&technique))).collect());
    sheet.pair("file", entry.path.display().to_string());
    if let Some(description) = entry.description() {
        sheet.note(description.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let words = words::of(entry, root);
    sheet.heading("Fires when");
    words.condition.iter().for_each(|line| sheet.note(line.as_str()));
    for (name, lines) in words.selections {
        sheet.list(name, lines);
    }
    let lists = words.lists.into_iter().map(|(name, count)| match count {
        Some(count) => format!("{name}: {count} values"),
        None => name,
    });
    sheet.list("lists", lists.collect());
    sheet.heading("What else looks like it");
    sheet.list("", entry.false_positives().to_vec());
    sheet.heading("References");
    sheet.list("", entry.references().to_vec());
    sheet.heading("Tests");
    sheet.list("", suite(entry, all).lines().collect());
    sheet
}

fn address(technique: &str) -> String {
    format!("https://attack.mitre.org/techniques/{}/", technique.replace('.', "/"))
}

/// Of a UUID's digits.
const SHORTEST_ID: usize = 4;
