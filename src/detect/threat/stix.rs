//! STIX 2.1 bundles (OASIS): the patterns of their indicators.
//!
//! Of the pattern language (STIX 2.1, section 9) that part is understood which names things: comparisons for equality, in
//! sets, of networks and of names by their end, joined by OR; AND between an address and its port. What else a pattern may ask
//! (several observations, order, windows of time, negation) is no list's entry, and is told.

mod pattern;

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::reading::{Found, Reader, Times, time};
use super::store::Words;
use crate::feed::json::Lines;
use crate::feed::{shortened, tidy};

#[derive(Deserialize)]
struct Bundle<'a> {
    #[serde(borrow, default)]
    objects: Vec<&'a RawValue>,
}

/// What is read of an object; others than indicators have the type alone.
#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    id: String,
    name: Option<String>,
    description: Option<String>,
    pattern: Option<String>,
    pattern_type: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    #[serde(default)]
    revoked: bool,
    #[serde(default)]
    external_references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    source_name: Option<String>,
    url: Option<String>,
}

/// # Errors
/// In words, where the text is no bundle.
pub fn read(text: &str, reader: &mut Reader<'_, '_>) -> Result<(), String> {
    reader.reading.form = "a STIX bundle";
    let bundle: Bundle<'_> = serde_json::from_str(text)
        .map_err(|why| format!("it begins as JSON and is no STIX bundle: line {}: {why}", why.line()))?;
    if bundle.objects.is_empty() && !text.contains("\"bundle\"") {
        return Err("it is JSON and no STIX bundle: there are no `objects` in it".to_owned());
    }
    let mut lines = Lines::new(text);
    for object in bundle.objects {
        let line = lines.of(object.get());
        match serde_json::from_str::<Object>(object.get()) {
            Ok(object) if object.r#type == "indicator" => indicator(line, object, reader),
            // Malware, identities, relationships: what indicators are about.
            Ok(_) => {}
            Err(why) => reader.fault(line, why),
        }
    }
    Ok(())
}

fn indicator(line: usize, object: Object, reader: &mut Reader<'_, '_>) {
    if object.revoked {
        return reader.leave_out(line, "was revoked");
    }
    let Some(pattern) = object.pattern else {
        return reader.fault(line, "an indicator without a pattern");
    };
    // `stix` is what STIX 2.0, which has no such property, means.
    if let Some(other) = object.pattern_type.filter(|kind| kind != "stix") {
        return reader.leave_out(line, format_args!("its pattern is of the type {}", shortened(&other)));
    }
    let boxed = |text: String| tidy(&text).map(String::into_boxed_str);
    let reference = object.external_references.iter().find_map(|reference| reference.url.clone());
    let source = object.external_references.into_iter().find_map(|reference| reference.source_name);
    let words = Words {
        description: object.name.or(object.description).and_then(boxed),
        reference: reference.or(Some(object.id)).and_then(boxed),
        source: source.and_then(boxed),
    };
    let times = Times {
        first_seen: object.valid_from.as_deref().and_then(time),
        last_seen: None,
        valid_until: object.valid_until.as_deref().and_then(time),
    };
    if object.valid_until.is_some() && times.valid_until.is_none() {
        return reader.fault(line, "valid_until is no time");
    }
    match pattern::indicators(&pattern) {
        Ok(indicators) => reader.found(Found { line, indicators, words, times }),
        Err(Unread::Fault(what)) => reader.fault(line, format_args!("pattern {}: {what}", shortened(&pattern))),
        Err(Unread::NotHere(what)) => reader.leave_out(line, format_args!("pattern {}: {what}", shortened(&pattern))),
    }
}

/// Why a pattern gives no entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It breaks the language's rules.
    Fault(String),
    /// It says what no list of things can, or names what TLS does not show.
    NotHere(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(what) | Self::NotHere(what) => f.write_str(what),
        }
    }
}
