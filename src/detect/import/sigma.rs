//! Writes a Sigma rule as YAML.

use crate::wire::text::printable;

/// A rule in the making.
#[derive(Debug, Default)]
pub struct Rule {
    pub title: String,
    pub id: String,
    pub description: String,
    pub references: Vec<String>,
    pub date: Option<String>,
    pub tags: Vec<String>,
    pub false_positives: Vec<String>,
    pub level: &'static str,
    /// Each has to hold.
    wanted: Vec<Line>,
    /// None may hold.
    refused: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    key: String,
    values: Vec<String>,
}

/// Whether a demand has to hold, or must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Wanted,
    Refused,
}

impl Rule {
    /// One of which only the level is said: medium.
    pub fn new() -> Self {
        Self { level: "medium", ..Self::default() }
    }

    /// Adds a demand: `field|modifier`, and the values of which any will do.
    pub fn demand(&mut self, sign: Sign, key: impl Into<String>, values: Vec<String>) {
        let line = Line { key: key.into(), values };
        let lines = match sign {
            Sign::Wanted => &mut self.wanted,
            Sign::Refused => &mut self.refused,
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }

    /// Whether something has to hold.
    pub fn wants_something(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// The YAML document, without the line that parts it from others.
    pub fn write(&self) -> String {
        let mut text = format!("title: {}\nid: {}\nstatus: experimental\n", quoted(&self.title), self.id);
        text.push_str(&format!("description: {}\n", quoted(&self.description)));
        push_list(&mut text, "references", &self.references);
        if let Some(date) = &self.date {
            text.push_str(&format!("date: {date}\n"));
        }
        push_list(&mut text, "tags", &self.tags);
        text.push_str("logsource:\n  product: tlsight\n  category: tls\ndetection:\n");
        let mut condition = Vec::new();
        for (lines, prefix, not) in [(&self.wanted, "want", ""), (&self.refused, "refuse", "not ")] {
            for (number, line) in lines.iter().enumerate() {
                let name = format!("{prefix}_{}", number.saturating_add(1));
                text.push_str(&format!("  {name}:\n    {}:", quoted(&line.key)));
                match line.values.as_slice() {
                    [value] => text.push_str(&format!(" {}\n", scalar(value))),
                    values => {
                        text.push('\n');
                        values.iter().for_each(|value| text.push_str(&format!("      - {}\n", scalar(value))));
                    }
                }
                condition.push(format!("{not}{name}"));
            }
        }
        text.push_str(&format!("  condition: {}\n", condition.join(" and ")));
        push_list(&mut text, "falsepositives", &self.false_positives);
        text.push_str(&format!("level: {}\n", self.level));
        text
    }
}

/// Text as a Sigma value in which nothing is a wildcard.
pub fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn push_list(text: &mut String, key: &str, values: &[String]) {
    if values.is_empty() {
        return;
    }
    text.push_str(&format!("{key}:\n"));
    values.iter().for_each(|value| text.push_str(&format!("  - {}\n", quoted(value))));
}

/// `true` and `false` stay what they are; everything else is text, which the reader of rules turns into what the field wants.
fn scalar(value: &str) -> String {
    match value {
        "true" | "false" => value.to_owned(),
        _ => quoted(value),
    }
}

/// Between single quotes, in which nothing but a quote has a meaning. Control characters are made visible.
fn quoted(text: &str) -> String {
    let clean = match text.chars().any(char::is_control) {
        true => printable(text.as_bytes()).into_owned(),
        false => text.to_owned(),
    };
    format!("'{}'", clean.replace('\'', "''"))
}
