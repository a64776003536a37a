//! Files that others publish, as they are written: rows of comma-separated values, of Zeek's intelligence framework, parts
//! of JSON, each with the number of its line; and which files a folder has.
//!
//! In: text. Out: rows, and what they have in common to say. Knows no format's columns and no fingerprint; labels and threat
//! lists make of the rows what they need.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects))]

pub mod csv;
pub mod folder;
pub mod json;
pub mod zeek;

/// Text of a list on one line and no longer than 200 characters; `None` where it is empty.
pub fn tidy(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let text = words.collect::<Vec<_>>().join(" ");
    let text: String = text.chars().take(TEXT_CHARS).collect();
    (!text.is_empty()).then_some(text)
}

/// The file's name without its folders.
pub fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// At most a line's worth of somebody's text.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        None => format!("`{text}`"),
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
    }
}

const TEXT_CHARS: usize = 200;
