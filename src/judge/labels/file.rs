//! The file format of the knowledge base: TOML in, entries out, or every fault of the file; and back.
//!
//! `rules/labels/README.md` says what the keys mean.

use std::fmt::Write as _;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entry::{Entry, Form, HELLO_KINDS, Hello, Print, SERVER_KINDS};
use crate::event::labels::{Role, Specificity};

/// The entries of a file's text.
///
/// # Errors
/// All that is wrong with it, one `name:line: what` each, in order.
pub fn parse(name: &str, text: &str) -> Result<Vec<Entry>, Vec<String>> {
    let lines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
    let mut reader = Reader { name, lines, faults: Vec::new() };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        reader.fault(error.span().map_or(0, |span| span.start), one_line(error.message()));
    }
    if !errors.is_empty() {
        return Err(reader.told());
    }
    let mut entries = Vec::new();
    for (key, value) in root.get_ref() {
        match (&**key.get_ref(), value.get_ref()) {
            ("label", DeValue::Array(labels)) => {
                entries.extend(labels.iter().filter_map(|label| reader.entry(label)));
            }
            ("label", _) => reader.fault(key.span().start, "write `[[label]]`, with two brackets"),
            (other, _) => {
                reader.fault(key.span().start, format!("there is no `{other}` here: entries begin with `[[label]]`"))
            }
        }
    }
    if reader.faults.is_empty() { Ok(entries) } else { Err(reader.told()) }
}

/// Entries as the text of a file.
pub fn write(entries: &[Entry]) -> String {
    let mut out = String::new();
    for entry in entries {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str("[[label]]\n");
        let mut pair = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                let _ = writeln!(out, "{key} = {}", quoted(value));
            }
        };
        pair("software", Some(&entry.software));
        pair("setup", entry.setup.as_deref());
        let versions = list(&entry.versions);
        pair("library", entry.library.as_deref());
        pair("role", entry.role.map(Role::as_str));
        pair("specificity", Some(entry.specificity.as_str()));
        pair("package", entry.package.as_deref());
        pair("os", entry.os.as_deref());
        pair("source", Some(&entry.source));
        pair("how", entry.how.as_deref());
        pair("notes", entry.notes.as_deref());
        if let Some(date) = &entry.date {
            let _ = writeln!(out, "date = {date}");
        }
        for (key, values) in [("versions", versions), ("library_versions", list(&entry.library_versions))] {
            if let Some(values) = values {
                let _ = writeln!(out, "{key} = {values}");
            }
        }
        if !entry.hellos.is_empty() {
            out.push_str("hellos = [\n");
            for hello in &entry.hellos {
                let form = hello.form.map(|form| format!("form = {}", quoted(form.as_str())));
                let prints = hello.prints().map(shown);
                let _ = writeln!(out, "    {{ {} }},", form.into_iter().chain(prints).collect::<Vec<_>>().join(", "));
            }
            out.push_str("]\n");
        }
        if !entry.servers.is_empty() {
            out.push_str("servers = [\n");
            for print in &entry.servers {
                let _ = writeln!(out, "    {{ {} }},", shown(*print));
            }
            out.push_str("]\n");
        }
    }
    out
}

struct Reader<'a> {
    name: &'a str,
    /// Where lines end.
    lines: Vec<usize>,
    /// With the byte where each is.
    faults: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn fault(&mut self, at: usize, what: impl Into<String>) {
        self.faults.push((at, what.into()));
    }

    /// Faults in the order of the file.
    fn told(mut self) -> Vec<String> {
        self.faults.sort_by_key(|(at, _)| *at);
        self.faults.iter().map(|(at, what)| format!("{}: {what}", self.place(*at))).collect()
    }

    fn place(&self, at: usize) -> String {
        let line = self.lines.partition_point(|end| *end < at).saturating_add(1);
        format!("{}:{line}", self.name)
    }

    fn entry(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Entry> {
        let before = self.faults.len();
        let at = value.span().start;
        let Some(table) = value.get_ref().as_table() else {
            self.fault(at, "an entry is a table: write `[[label]]`");
            return None;
        };
        for key in table.keys() {
            if !KEYS.contains(&&**key.get_ref()) {
                let what = format!("there is no key `{}`; there are {}", key.get_ref(), KEYS.join(", "));
                self.fault(key.span().start, what);
            }
        }
        let software = self.needed(table, "software", at);
        let source = self.needed(table, "source", at);
        let specificity = self.needed(table, "specificity", at).and_then(|text| {
            let known = Specificity::ALL.into_iter().find(|known| known.as_str() == text);
            known.or_else(|| self.refuse(table, "specificity", "write runtime, library or application"))
        });
        let role = self.text(table, "role").and_then(|text| {
            let known = Role::ALL.into_iter().find(|known| known.as_str() == text);
            known.or_else(|| {
                self.refuse(table, "role", &format!("write one of {}", Role::ALL.map(Role::as_str).join(", ")))
            })
        });
        let hellos = self.tables(table, "hellos").into_iter().filter_map(|hello| self.hello(hello)).collect::<Vec<_>>();
        let servers =
            self.tables(table, "servers").into_iter().flat_map(|server| self.server(server)).collect::<Vec<_>>();
        if hellos.is_empty() && servers.is_empty() && self.faults.len() == before {
            self.fault(at, "the entry has no fingerprint: give it `hellos` or `servers`");
        }
        let entry = Entry {
            setup: self.text(table, "setup"),
            versions: self.texts(table, "versions"),
            library: self.text(table, "library"),
            library_versions: self.texts(table, "library_versions"),
            package: self.text(table, "package"),
            os: self.text(table, "os"),
            date: self.date(table),
            how: self.text(table, "how"),
            notes: self.text(table, "notes"),
            place: self.place(at),
            software: software?,
            specificity: specificity?,
            source: source?,
            role,
            hellos,
            servers,
        };
        (self.faults.len() == before).then_some(entry)
    }

    fn hello(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Hello> {
        let (mut hello, before) = (Hello::default(), self.faults.len());
        for (key, value) in value.get_ref().as_table()? {
            let (kind, at) = (&**key.get_ref(), value.span().start);
            let Some(text) = value.get_ref().as_str() else {
                self.fault(at, format!("`{kind}` is a text in quotes"));
                continue;
            };
            if kind == "form" {
                hello.form = Form::ALL.into_iter().find(|form| form.as_str() == text);
                if hello.form.is_none() {
                    self.fault(at, "a form is one of name, resumed, address");
                }
                continue;
            }
            match HELLO_KINDS.contains(&kind).then(|| Print::parse(kind, text)) {
                Some(Some(Print::Ja4(ja4))) => hello.ja4 = Some(ja4),
                Some(Some(Print::Ja3(ja3))) => hello.ja3 = Some(ja3),
                Some(Some(Print::Ja3n(ja3n))) => hello.ja3n = Some(ja3n),
                Some(Some(Print::Stable(stable))) => hello.stable = Some(stable),
                Some(_) => self.fault(at, format!("`{text}` is no {kind}")),
                None => self.fault(
                    key.span().start,
                    format!("a hello has no `{kind}`: it has form, {}", HELLO_KINDS.join(", ")),
                ),
            }
        }
        if hello.prints().next().is_some() {
            return Some(hello);
        }
        if self.faults.len() == before {
            self.fault(value.span().start, "a hello has a fingerprint");
        }
        None
    }

    fn server(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<Print> {
        let mut prints = Vec::new();
        for (key, value) in value.get_ref().as_table().into_iter().flatten() {
            let (kind, at) = (&**key.get_ref(), value.span().start);
            match (SERVER_KINDS.contains(&kind), value.get_ref().as_str()) {
                (true, Some(text)) => match Print::parse(kind, text) {
                    Some(print) => prints.push(print),
                    None => self.fault(at, format!("`{text}` is no {kind}")),
                },
                (true, None) => self.fault(at, format!("`{kind}` is a text in quotes")),
                (false, _) => {
                    self.fault(
                        key.span().start,
                        format!("a server has no `{kind}`: it has {}", SERVER_KINDS.join(", ")),
                    );
                }
            }
        }
        prints
    }

    fn needed(&mut self, table: &DeTable<'_>, key: &str, at: usize) -> Option<String> {
        if table.get(key).is_none() {
            self.fault(at, format!("the entry has no `{key}`"));
        }
        self.text(table, key)
    }

    fn text(&mut self, table: &DeTable<'_>, key: &str) -> Option<String> {
        let value = table.get(key)?;
        match value.get_ref().as_str().map(str::trim) {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            Some(_) => self.refuse(table, key, "it is empty: leave it out"),
            None => self.refuse(table, key, "write a text in quotes"),
        }
    }

    fn texts(&mut self, table: &DeTable<'_>, key: &str) -> Vec<String> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let items = value.get_ref().as_array().into_iter().flatten();
        let texts: Option<Vec<String>> = items.map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
        match texts.filter(|texts| !texts.is_empty()) {
            Some(texts) => texts,
            None => {
                self.fault(value.span().start, format!("`{key}` is a list of texts, such as [\"1.2\", \"1.3\"]"));
                Vec::new()
            }
        }
    }

    fn tables<'t, 'i>(&mut self, table: &'t DeTable<'i>, key: &str) -> Vec<&'t Spanned<DeValue<'i>>> {
        let Some(value) = table.get(key) else { return Vec::new() };
        match value.get_ref().as_array() {
            Some(items) if items.iter().all(|item| item.get_ref().is_table()) => items.iter().collect(),
            _ => {
                self.fault(value.span().start, format!("`{key}` is a list of tables, such as [{{ ja4 = \"…\" }}]"));
                Vec::new()
            }
        }
    }

    fn date(&mut self, table: &DeTable<'_>) -> Option<String> {
        let value = table.get("date")?;
        match value.get_ref().as_datetime() {
            Some(date) if date.date.is_some() && date.time.is_none() => Some(date.to_string()),
            _ => self.refuse(table, "date", "write a date without quotes, such as 2026-01-31"),
        }
    }

    /// Tells what is wrong with a key's value.
    fn refuse<T>(&mut self, table: &DeTable<'_>, key: &str, what: &str) -> Option<T> {
        let at = table.get(key).map_or(0, |value| value.span().start);
        self.fault(at, format!("`{key}`: {what}"));
        None
    }
}

fn shown(print: Print) -> String {
    format!("{} = \"{print}\"", print.kind())
}

fn list(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ")))
}

/// A basic string of TOML on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            letter if letter.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const KEYS: [&str; 15] = [
    "software",
    "setup",
    "versions",
    "library",
    "library_versions",
    "role",
    "specificity",
    "package",
    "os",
    "source",
    "date",
    "how",
    "notes",
    "hellos",
    "servers",
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[label]]
software = "curl"
versions = ["7.88.1", "8.5.0"]
library = "OpenSSL"
role = "tool"
specificity = "application"
source = "measured"
date = 2026-11-25
hellos = [{ form = "name", ja4 = "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6", ja3 = "0149f47eabf9a20d0893e2a44e5a6323" }]
"#;

    #[test]
    fn an_entry_is_read_with_its_place() {
        let entries = parse("x.toml", GOOD).unwrap();
        assert_eq!(entries.len(), 1);
        let entry = &entries[0];
        assert_eq!((&*entry.software, &*entry.place), ("curl", "x.toml:2"));
        assert_eq!(entry.version().as_deref(), Some("7.88.1 – 8.5.0"));
        assert_eq!((entry.role, entry.specificity), (Some(Role::Tool), Specificity::Application));
        assert_eq!(entry.hellos[0].form, Some(Form::Name));
        assert_eq!(entry.date.as_deref(), Some("2026-11-25"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut entries = parse("x.toml", GOOD).unwrap();
        entries[0].notes = Some("quotes \" and \\ and\nlines\u{7}".to_owned());
        entries[0].servers =
            vec![Print::parse("certificate_sha1", "4da14224452c1fe61f46b1112c43ecfd9f322c82").unwrap()];
        let text = write(&entries);
        let mut again = parse("x.toml", &text).unwrap();
        again[0].place.clone_from(&entries[0].place);
        assert_eq!(again, entries);
    }

    #[test]
    fn all_faults_are_told_each_with_its_line() {
        let text = r#"
[[label]]
software = "a"
colour = "red"
role = "wizard"
specificity = "application"
source = "measured"
hellos = [
    { form = "name", ja4 = "t13d" },
    { ja5 = "x" },
    { form = "name" },
]

[[label]]
software = ""
specificity = "very"
date = "yesterday"
versions = "1"
hellos = "x"
"#;
        let faults = parse("x.toml", text).unwrap_err();
        let begins = [
            ("x.toml:4: ", "there is no key `colour`"),
            ("x.toml:5: ", "`role`: write one of browser"),
            ("x.toml:9: ", "`t13d` is no ja4"),
            ("x.toml:10: ", "a hello has no `ja5`"),
            ("x.toml:11: ", "a hello has a fingerprint"),
            ("x.toml:14: ", "the entry has no `source`"),
            ("x.toml:15: ", "`software`: it is empty"),
            ("x.toml:16: ", "`specificity`: write runtime"),
            ("x.toml:17: ", "`date`: write a date"),
            ("x.toml:18: ", "`versions` is a list"),
            ("x.toml:19: ", "`hellos` is a list"),
        ];
        assert_eq!(faults.len(), begins.len(), "{faults:#?}");
        for (fault, (place, what)) in faults.iter().zip(begins) {
            assert!(fault.starts_with(&format!("{place}{what}")), "{fault}");
        }
    }

    #[test]
    fn what_is_no_toml_is_told_with_every_line() {
        let faults = parse("x.toml", "[[label]]\nsoftware = \n\nx = [1\ny = 2\n").unwrap_err();
        assert!(faults.len() > 1 && faults[0].starts_with("x.toml:2: "), "{faults:?}");
    }

    #[test]
    fn an_entry_without_a_fingerprint_is_told() {
        let faults =
            parse("x.toml", "[[label]]\nsoftware = \"a\"\nspecificity = \"library\"\nsource = \"b\"\n").unwrap_err();
        assert_eq!(faults, ["x.toml:1: the entry has no fingerprint: give it `hellos` or `servers`"]);
    }
}
