//! What ja4db.com's API answers: a list of objects with application, library, device, os, user_agent_string,
//! ja4_fingerprint and others, `null` or empty where it does not know.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Found, Import, Print, Specificity, shortened, tidy};
use crate::feed::json::Lines;

#[derive(Deserialize)]
struct Row {
    application: Option<String>,
    library: Option<String>,
    device: Option<String>,
    os: Option<String>,
    verified: Option<bool>,
    notes: Option<String>,
    ja4_fingerprint: Option<String>,
    ja4x_fingerprint: Option<String>,
}

pub(super) fn read(name: &str, text: &str, import: &mut Import) {
    let rows: Vec<&RawValue> = match serde_json::from_str(text) {
        Ok(rows) => rows,
        Err(error) => return import.fault(&format!("{name}:{}", error.line()), error),
    };
    let mut lines = Lines::new(text);
    for row in rows {
        let place = format!("{name}:{}", lines.of(row.get()));
        match serde_json::from_str(row.get()) {
            Ok(row) => keep(row, place, import),
            Err(error) => import.fault(&place, error),
        }
    }
}

fn keep(row: Row, place: String, import: &mut Import) {
    let text = |field: Option<String>| field.as_deref().and_then(tidy);
    let (application, library) = (text(row.application), text(row.library));
    let specificity = if application.is_some() { Specificity::Application } else { Specificity::Library };
    // A user agent is what a client says of itself: no name is taken from it.
    let Some(software) = application.clone().or_else(|| library.clone()) else {
        return import.leave_out("says nothing of software");
    };
    let (kind, value) = match (text(row.ja4_fingerprint), text(row.ja4x_fingerprint)) {
        (Some(ja4), _) => ("ja4", ja4),
        (None, Some(ja4x)) => ("ja4x", ja4x),
        (None, None) => return import.leave_out("has neither JA4 nor JA4X"),
    };
    match Print::parse(kind, &value) {
        None => import.fault(&place, format_args!("{} is no {kind}", shortened(&value))),
        Some(print) => import.keep(Found {
            software,
            library: library.filter(|_| application.is_some()),
            os: text(row.os).or_else(|| text(row.device)),
            role: None,
            specificity,
            source: if row.verified == Some(true) { "ja4db.com, verified" } else { "ja4db.com" }.to_owned(),
            date: None,
            notes: text(row.notes),
            print,
            place,
        }),
    }
}
