//! `tlsight labels`: what is known by which fingerprint, and lists of others for it.
//!
//! In: the knowledge base, files. Out: entries in words, or a file of labels. Changes nothing that is there.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::args::{LabelsArgs, LabelsCommand};
use super::console::Console;
use super::explain::sheet::Sheet;
use super::{Status, print};
use crate::Error;
use crate::event::labels::Role;
use crate::fingerprint::Ja3;
use crate::judge::labels::entry::{Entry, Print};
use crate::judge::labels::{KnowledgeBase, file, import};
use crate::sink::screen::counted;

pub fn run(args: &LabelsArgs, console: &Console) -> Result<Status, Error> {
    match &args.command {
        LabelsCommand::List { role, labels } => list(role.as_deref(), labels),
        LabelsCommand::Show { fingerprint, labels } => show(fingerprint, labels, console),
        LabelsCommand::Import { files, output } => import_lists(files, output, console),
    }
}

/// What is compiled in, and what the paths add to it.
pub fn knowledge(paths: &[PathBuf]) -> Result<KnowledgeBase, Error> {
    let mut base = KnowledgeBase::built_in()?;
    paths.iter().try_for_each(|path| base.add(path))?;
    Ok(base)
}

/// Adds to a sheet what is known to send the fingerprint that it explains.
pub fn describe(value: &str, sheet: &mut Sheet) -> Result<(), Error> {
    let prints = prints_of(value);
    if !prints.is_empty() {
        describe_with(&knowledge(&[])?, &prints, sheet);
    }
    Ok(())
}

fn list(role: Option<&str>, labels: &[PathBuf]) -> Result<Status, Error> {
    if let Some(role) = role.filter(|role| !Role::ALL.iter().any(|known| known.as_str() == *role)) {
        let known = Role::ALL.map(Role::as_str).join(", ");
        return Err(Error::Input(format!("there is no role `{role}`: there are {known}")));
    }
    let base = knowledge(labels)?;
    let entries =
        base.entries().iter().filter(|entry| role.is_none_or(|role| entry.role.map(Role::as_str) == Some(role)));
    let mut lines: BTreeMap<(String, String), usize> = BTreeMap::new();
    for entry in entries {
        *lines.entry((entry.software.to_lowercase(), headline(entry))).or_default() += 1;
    }
    print(&lines.into_keys().map(|(_, line)| line + "\n").collect::<String>())?;
    Ok(Status::Done)
}

fn show(value: &str, labels: &[PathBuf], console: &Console) -> Result<Status, Error> {
    let prints = prints_of(value);
    if prints.is_empty() {
        let what = "is neither a JA4 nor a JA3, JA3S, JA4X nor the hash of a certificate";
        return Err(Error::Input(format!("`{value}` {what}")));
    }
    let mut sheet = Sheet::new(value);
    describe_with(&knowledge(labels)?, &prints, &mut sheet);
    print(&sheet.text(console.screen))?;
    Ok(Status::Done)
}

fn prints_of(value: &str) -> Vec<Print> {
    let value = value.trim();
    // The string of a JA3 stands for its hash.
    match value.split(',').count() == 5
        && value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'-'))
    {
        true => vec![Print::Ja3(Ja3::of_text(value).0)],
        false => Print::all_of(value),
    }
}

/// Entries that have one of these, least specific first: what the others are built on.
fn describe_with(base: &KnowledgeBase, prints: &[Print], sheet: &mut Sheet) {
    let mut entries: Vec<(&Entry, &'static str)> = Vec::new();
    for print in prints {
        for entry in base.with(*print) {
            if !entries.iter().any(|(known, _)| std::ptr::eq(*known, entry)) {
                entries.push((entry, print.kind()));
            }
        }
    }
    entries.sort_by_key(|(entry, _)| (entry.specificity, entry.software.to_lowercase(), entry.setup.clone()));
    sheet.heading("Known by it");
    if entries.is_empty() {
        return sheet.note("nothing");
    }
    let least = entries.first().map(|(entry, _)| entry.specificity);
    let mixed = entries.iter().any(|(entry, _)| Some(entry.specificity) != least);
    for (entry, kind) in &entries {
        let mut lines = vec![headline(entry), format!("source: {}, by its {kind}; {}", entry.source, entry.place)];
        lines.extend(entry.notes.as_ref().map(|notes| format!("notes: {notes}")));
        sheet.list(entry.specificity.as_str(), lines);
    }
    if mixed {
        sheet.note(
            "What is built on a runtime or a library and sends that one's hello cannot be told from it: sessions are labelled \
             with the least specific.",
        );
    }
}

/// `curl 7.88.1 (--http1.1), OpenSSL 3.0.22, tool`
fn headline(entry: &Entry) -> String {
    let version = entry.version().map(|version| format!(" {version}")).unwrap_or_default();
    let setup = entry.setup.as_ref().map(|setup| format!(" ({setup})")).unwrap_or_default();
    let rest = [entry.library(), entry.os.clone(), entry.role.map(|role| role.as_str().to_owned())];
    let rest: String = rest.into_iter().flatten().map(|part| format!(", {part}")).collect();
    format!("{}{version}{setup}{rest}", entry.software)
}

fn import_lists(files: &[PathBuf], output: &Path, console: &Console) -> Result<Status, Error> {
    let mut base = KnowledgeBase::built_in()?;
    let (mut entries, mut status, mut told) = (Vec::new(), Status::Done, String::new());
    let mut head = String::from("# Labels from lists of others: tlsight labels import\n");
    for path in files {
        let bytes = fs::read(path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let name = path.display().to_string();
        let found = import::read(&name, &String::from_utf8_lossy(&bytes)).map_err(Error::Input)?;
        found.faults.iter().for_each(|fault| console.warn(fault));
        if found.bad() > 0 {
            status = Status::Failed;
        }
        let mut said = vec![counted(found.entries.len() as u64, "label")];
        said.extend((found.repeated > 0).then(|| format!("{} said twice", found.repeated)));
        said.extend((found.bad() > 0).then(|| format!("{} could not be read", counted(found.bad(), "line"))));
        said.extend(found.left_out.iter().map(|(reason, count)| format!("{count} left out: {reason}")));
        told.push_str(&format!("{name}: {}: {}\n", found.format, said.join(", ")));
        head.push_str(&format!("# {name}: {}\n", found.format));
        entries.extend(found.entries);
    }
    let (text, count) = (format!("{head}\n{}", file::write(&entries)), entries.len());
    let before = base.conflicts().len();
    base.extend(entries);
    let conflicts = base.conflicts().len().saturating_sub(before);
    let failed = |source| Error::Write { path: output.to_owned(), source };
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(output).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => {
                failed(std::io::Error::other("it is there already: name another file, or remove it"))
            }
            _ => failed(source),
        })?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let noun = if conflicts == 1 { "fingerprint has" } else { "fingerprints have" };
    told.push_str(&format!(
        "{}: {}; {conflicts} {noun} more than one name now: all are kept, with their sources\n",
        output.display(),
        counted(count as u64, "label"),
    ));
    print(&told.lines().map(|line| console.screen.safe(line).into_owned() + "\n").collect::<String>())?;
    Ok(status)
}
