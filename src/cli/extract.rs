//! `tlsight extract`: the packets of sessions, out of captures or of what a sensor has kept.

pub mod args;

use std::collections::HashSet;
use std::io::{self, BufRead, ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Status;
use super::console::Console;
use super::outputs::{self, STANDARD_OUTPUT, Use};
use super::settings;
use crate::Error;
use crate::capture::Inputs;
use crate::extract::{Extracted, Extraction, Id};
use crate::sink::screen::counted;

use args::ExtractArgs;

pub fn run(args: &ExtractArgs, console: &Console) -> Result<Status, Error> {
    let target = args.output.as_deref().filter(|path| *path != Path::new("-"));
    if target.is_none() && console.output_is_terminal {
        return Err(Error::Input("packets are not for a terminal: name a file with -o, or a pipe".to_owned()));
    }
    let ids = ids(&args.event)?;
    let (inputs, errors) = Inputs::find(&args.paths);
    if !errors.is_empty() {
        errors.iter().for_each(|error| console.error(error));
        return Ok(Status::Failed);
    }
    if inputs.total().is_none() {
        return Err(Error::Input(
            "captures are read more than once: a pipe cannot be, save it to a file first".to_owned(),
        ));
    }
    let extraction = Extraction::find(&inputs, &ids, settings::threads(args.threads))?;
    extraction.found().warnings.iter().for_each(|line| console.warn(line));
    let mut missing: Vec<&Id> = ids.iter().filter(|id| !extraction.found().has(id)).collect();
    missing.sort();
    let status = if missing.is_empty() { Status::Done } else { Status::Failed };
    for id in missing.iter().take(NAMED) {
        console.error(&Error::Input(format!("event {}: there is no such session in these captures", hex(id))));
    }
    if missing.len() > NAMED {
        let others = counted((missing.len() - NAMED) as u64, "other event");
        console.error(&Error::Input(format!("and {others}")));
    }
    if extraction.found().is_empty() {
        return Ok(status);
    }
    let paths: Vec<&Path> = inputs.paths().collect();
    let written = match target {
        Some(path) => extraction.write(outputs::create(path, &paths, Use::Read)?, path),
        None => extraction.write(io::stdout().lock(), Path::new(STANDARD_OUTPUT)),
    };
    match written {
        Ok(Extracted { packets, sessions }) => {
            let (packets, sessions) = (counted(packets, "packet"), counted(sessions as u64, "session"));
            console.note(&format!("{packets} of {sessions}"));
        }
        // A reader who has left is no error.
        Err(Error::Write { source, .. }) if source.kind() == ErrorKind::BrokenPipe => {}
        Err(error) => return Err(error),
    }
    Ok(status)
}

/// The sessions that the arguments name, those on standard input among them.
fn ids(events: &[String]) -> Result<HashSet<Id>, Error> {
    let mut ids = HashSet::new();
    for event in events {
        if event == "-" {
            if io::stdin().is_terminal() {
                return Err(Error::Input("--event -: standard input is a terminal: pipe lines of JSON in".to_owned()));
            }
            let before = ids.len();
            read_ids(&mut io::stdin().lock(), &mut ids)?;
            if ids.len() == before {
                return Err(Error::Input("--event -: standard input names no session".to_owned()));
            }
        } else {
            let Some(id) = parse(event) else {
                let why = "an event.id has 32 hex digits; - reads lines of JSON from standard input";
                return Err(Error::Input(format!("--event {event}: {why}")));
            };
            ids.insert(id);
        }
    }
    Ok(ids)
}

/// Takes the ids out of lines: each is one, or an object that tlsight has written.
fn read_ids(lines: &mut impl BufRead, ids: &mut HashSet<Id>) -> Result<(), Error> {
    let failed = |source| Error::Read { path: PathBuf::from("standard input"), source };
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let mut limited = io::Read::take(&mut *lines, LINE_MAX);
        if limited.read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        if let Some(id) = std::str::from_utf8(text).ok().and_then(parse) {
            ids.insert(id);
            continue;
        }
        let value: Option<Value> = serde_json::from_slice(text).ok().filter(Value::is_object);
        let Some(value) = value else {
            let why = "neither an event.id nor a line of tlsight's JSON";
            return Err(Error::Input(format!("standard input, line {number}: {why}")));
        };
        ids.extend(named(&value));
    }
    Ok(())
}

/// The sessions that a line names: its own, or those of an alert.
fn named(line: &Value) -> impl Iterator<Item = Id> {
    let one = ["/event/id", "/tlsight/alert/session"].into_iter().filter_map(|path| line.pointer(path));
    let several = line.pointer("/tlsight/alert/sessions").and_then(Value::as_array).into_iter().flatten();
    one.chain(several).filter_map(Value::as_str).filter_map(parse)
}

/// 32 hex digits.
fn parse(text: &str) -> Option<Id> {
    let is_hex = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hex { u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes) } else { None }
}

fn hex(id: &Id) -> String {
    format!("{:032x}", u128::from_be_bytes(*id))
}

/// Bytes of a line that are read.
const LINE_MAX: u64 = 16 << 20;
/// Sessions that are not there, and are told of by name.
const NAMED: usize = 10;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<Vec<String>, String> {
        let mut ids = HashSet::new();
        read_ids(&mut lines.as_bytes(), &mut ids).map_err(|error| error.to_string())?;
        let mut ids: Vec<String> = ids.iter().map(hex).collect();
        ids.sort();
        Ok(ids)
    }

    #[test]
    fn every_session_that_a_line_names_is_taken() {
        let id = |digit: &str| digit.repeat(32);
        let (a, b, c, d) = (id("a"), id("b"), id("c"), id("d"));
        let lines = format!(
            "{a}\n{{\"event\":{{\"id\":\"{b}\"}}}}\n\n\
             {{\"tlsight\":{{\"alert\":{{\"session\":\"{c}\",\"sessions\":[\"{c}\",\"{d}\"]}}}}}}\n\
             {{\"event\":{{\"dataset\":\"tlsight.stats\"}}}}"
        );
        assert_eq!(read(&lines), Ok(vec![a, b, c, d]));
    }

    #[test]
    fn a_line_that_is_neither_is_told_by_its_number() {
        for line in ["nonsense", "[1]", "{\"event\":", "0123"] {
            let said = read(&format!("{{}}\n{line}\n")).unwrap_err();
            assert_eq!(said, "standard input, line 2: neither an event.id nor a line of tlsight's JSON");
        }
    }

    #[test]
    fn an_id_is_thirty_two_hex_digits() {
        assert_eq!(parse(&"0F".repeat(16)), Some([15; 16]));
        for text in ["", "0f", &"0g".repeat(16), &"+f".repeat(16)] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
