//! Keys and values under headings, aligned.

use crate::sink::screen::{Screen, Tone};
use crate::wire::registry::is_grease;
use crate::wire::text::Code;

/// A sheet in the making.
#[derive(Debug, Default)]
pub struct Sheet {
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Heading(String),
    /// A key with its values, a line each.
    Pair(String, Vec<String>),
    Note(String),
}

impl Sheet {
    pub fn new(title: impl Into<String>) -> Self {
        Self { rows: vec![Row::Heading(title.into())] }
    }

    pub fn heading(&mut self, text: impl Into<String>) {
        self.rows.push(Row::Heading(text.into()));
    }

    pub fn pair(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.rows.push(Row::Pair(key.into(), vec![value.into()]));
    }

    /// A key with a list; nothing where it is empty.
    pub fn list(&mut self, key: impl Into<String>, values: Vec<String>) {
        if !values.is_empty() {
            self.rows.push(Row::Pair(key.into(), values));
        }
    }

    /// A sentence.
    pub fn note(&mut self, text: impl Into<String>) {
        self.rows.push(Row::Note(text.into()));
    }

    /// Lines, each with its end. Sentences are fitted to the screen; a fingerprint, which has no blanks, stays whole.
    pub fn text(&self, screen: Screen) -> String {
        let keys = self.rows.iter().filter_map(|row| match row {
            Row::Pair(key, _) => Some(key.chars().count()),
            Row::Heading(_) | Row::Note(_) => None,
        });
        let width = keys.max().unwrap_or(0);
        let mut out = String::new();
        for row in &self.rows {
            match row {
                Row::Heading(text) => {
                    if !out.is_empty() {
                        out.push('\n');
                    }
                    out.push_str(&screen.paint(Tone::Strong, &screen.safe(text)));
                    out.push('\n');
                }
                Row::Note(text) => {
                    for line in fitted(&screen.safe(text), 2, screen) {
                        out.push_str(&format!("  {}\n", screen.paint(Tone::Faint, &line)));
                    }
                }
                Row::Pair(key, values) => {
                    let mut key = key.as_str();
                    for line in values.iter().flat_map(|value| fitted(&screen.safe(value), width + 4, screen)) {
                        let shown = screen.paint(Tone::Good, key);
                        let padding = width - key.chars().count() + 2;
                        out.push_str(format!("  {shown}{:padding$}{line}", "").trim_end());
                        out.push('\n');
                        key = "";
                    }
                }
            }
        }
        out
    }
}

/// Text in lines that end with the screen, where it has an end, and begin at `indent`.
fn fitted(text: &str, indent: usize, screen: Screen) -> Vec<String> {
    let Some(room) = screen.width.map(|width| width.saturating_sub(indent)) else { return vec![text.to_owned()] };
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.trim_end().is_empty() && line.chars().count() + word.chars().count() > room {
            lines.push(line.trim_end().to_owned());
            line.clear();
        }
        line.push_str(word);
        line.push(' ');
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// `0x1301  TLS_AES_128_GCM_SHA256`
pub fn named(code: u16, name: Option<&str>) -> String {
    let name = match name {
        Some(name) => name,
        None if is_grease(code) => "GREASE (RFC 8701)",
        None => "not registered",
    };
    format!("{}  {name}", Code(code))
}

/// The names of a list.
pub fn all_named(codes: impl IntoIterator<Item = u16>, name: fn(u16) -> Option<&'static str>) -> Vec<String> {
    codes.into_iter().map(|code| named(code, name(code))).collect()
}
