//! Files of Zeek's intelligence framework: a `#fields` line, then values between tabs, `-` where there is none.

use super::tidy;

/// What a line says of an indicator. Columns beyond these are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Counted from 1.
    pub line: usize,
    pub indicator: String,
    /// `Intel::ADDR` and others.
    pub kind: String,
    pub source: Option<String>,
    pub description: Option<String>,
    pub url: Option<String>,
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub line: usize,
    pub what: String,
}

/// The rows of a text; comments are passed over.
pub fn rows(text: &str) -> impl Iterator<Item = Result<Row, Fault>> {
    let mut fields: Vec<&str> = Vec::new();
    text.lines().enumerate().filter_map(move |(number, line)| {
        if let Some(names) = line.strip_prefix(HEADER) {
            fields = names.split('\t').map(str::trim).collect();
            return None;
        }
        if line.starts_with('#') || line.trim().is_empty() {
            return None;
        }
        let number = number.saturating_add(1);
        Some(row(line, number, &fields).map_err(|what| Fault { line: number, what }))
    })
}

fn row(line: &str, number: usize, fields: &[&str]) -> Result<Row, String> {
    let values: Vec<&str> = line.split('\t').collect();
    if values.len() != fields.len() {
        return Err(format!("{} columns, where #fields names {}", values.len(), fields.len()));
    }
    let of = |column: &str| {
        let at = fields.iter().position(|field| *field == column)?;
        values.get(at).copied().filter(|value| *value != "-").and_then(tidy)
    };
    let (Some(indicator), Some(kind)) = (of("indicator"), of("indicator_type")) else {
        return Err("indicator and indicator_type are needed".to_owned());
    };
    Ok(Row {
        line: number,
        indicator,
        kind,
        source: of("meta.source"),
        description: of("meta.desc"),
        url: of("meta.url"),
    })
}

/// How the line begins that names the columns.
pub const HEADER: &str = "#fields\t";
