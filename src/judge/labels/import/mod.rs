//! Reads the lists of others into entries: FoxIO's mapping, ja4db.com, SSLBL, files of Zeek's intelligence framework.
//!
//! In: a file's name and text. Out: entries, a line for each line that could not be read, and counts of what was left out.
//! The format is known by the content. Says nothing against a list: what two of them call differently is kept twice.

mod foxio;
mod ja4db;
mod sslbl;
mod zeek;

use std::collections::{BTreeMap, HashMap};

use super::entry::{Entry, Hello, Print};
use crate::event::labels::{Role, Specificity};
use crate::feed::{base_name, shortened, tidy};

/// What came of a list.
#[derive(Debug, Default)]
pub struct Import {
    /// The format, in words.
    pub format: &'static str,
    pub entries: Vec<Entry>,
    /// Lines that could not be read, one `file:line: what` each; no more than a thousand, and a line that says so.
    pub faults: Vec<String>,
    /// What was read and is not kept, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Lines that say again what another said.
    pub repeated: u64,
    seen: HashMap<(String, Print), ()>,
    bad: u64,
}

/// Reads a list.
///
/// # Errors
/// In words, where it is none of those that are known.
pub fn read(name: &str, text: &str) -> Result<Import, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut import = Import::default();
    let format = Format::of(text).ok_or_else(|| {
        format!("{name}: none of the lists that can be read: {}", FORMATS.map(|format| format.1).join(", "))
    })?;
    import.format = FORMATS.iter().find(|(known, _)| *known == format).map(|(_, words)| *words).unwrap_or_default();
    match format {
        Format::Foxio => foxio::read(name, text, &mut import),
        Format::Ja4db => ja4db::read(name, text, &mut import),
        Format::SslblJa3 | Format::SslblCertificates | Format::SslblAddresses => {
            sslbl::read(name, text, format, &mut import)
        }
        Format::Zeek => zeek::read(name, text, &mut import),
    }
    if import.bad > MAX_FAULTS {
        import.faults.push(format!("{name}: {} more lines could not be read", import.bad.saturating_sub(MAX_FAULTS)));
    }
    Ok(import)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Foxio,
    Ja4db,
    SslblJa3,
    SslblCertificates,
    SslblAddresses,
    Zeek,
}

impl Format {
    /// By the first lines.
    fn of(text: &str) -> Option<Self> {
        if text.trim_start().starts_with('[') {
            return Some(Self::Ja4db);
        }
        for line in text.lines().take(HEAD_LINES) {
            if line.starts_with("#fields\t") {
                return Some(Self::Zeek);
            }
            // SSLBL's own header is a comment.
            let header = line.trim_start_matches(['#', ' ']).trim_end().to_ascii_lowercase();
            let header: Vec<&str> = header.split(',').map(|name| name.trim_matches('"')).collect();
            match header.as_slice() {
                ["ja3_md5", ..] => return Some(Self::SslblJa3),
                ["listingdate", "sha1", ..] => return Some(Self::SslblCertificates),
                ["firstseen", "dstip", ..] => return Some(Self::SslblAddresses),
                names if names.contains(&"application") && names.contains(&"ja4") => return Some(Self::Foxio),
                _ => {}
            }
        }
        None
    }
}

/// What a line of a list says.
struct Found {
    software: String,
    library: Option<String>,
    os: Option<String>,
    role: Option<Role>,
    specificity: Specificity,
    source: String,
    date: Option<String>,
    notes: Option<String>,
    print: Print,
    place: String,
}

impl Import {
    /// Keeps what a line says, unless another said the same.
    fn keep(&mut self, found: Found) {
        let Found { software, library, os, role, specificity, source, date, notes, print, place } = found;
        if self.seen.insert((software.clone(), print), ()).is_some() {
            self.repeated = self.repeated.saturating_add(1);
            return;
        }
        let mut entry = Entry {
            software,
            setup: None,
            versions: Vec::new(),
            library,
            library_versions: Vec::new(),
            role,
            specificity,
            package: None,
            os,
            source,
            date,
            how: None,
            notes,
            hellos: Vec::new(),
            servers: Vec::new(),
            place,
        };
        match print {
            Print::Ja4(ja4) => entry.hellos.push(Hello { ja4: Some(ja4), ..Hello::default() }),
            Print::Ja3(ja3) => entry.hellos.push(Hello { ja3: Some(ja3), ..Hello::default() }),
            Print::Ja3n(ja3n) => entry.hellos.push(Hello { ja3n: Some(ja3n), ..Hello::default() }),
            Print::Stable(stable) => entry.hellos.push(Hello { stable: Some(stable), ..Hello::default() }),
            server => entry.servers.push(server),
        }
        self.entries.push(entry);
    }

    fn fault(&mut self, place: &str, what: impl std::fmt::Display) {
        self.bad = self.bad.saturating_add(1);
        if self.bad <= MAX_FAULTS {
            self.faults.push(format!("{place}: {what}"));
        }
    }

    fn leave_out(&mut self, reason: &'static str) {
        let count = self.left_out.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    /// How many lines could not be read.
    pub fn bad(&self) -> u64 {
        self.bad
    }
}

/// The day of `2019-07-27 20:42:54`.
fn day(text: &str) -> Option<String> {
    let day = text.trim().get(..10)?;
    let is_day =
        day.bytes().enumerate().all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    // A day that TOML would refuse is none.
    (is_day && day.parse::<toml::value::Datetime>().is_ok()).then(|| day.to_owned())
}

const FORMATS: [(Format, &str); 6] = [
    (Format::Foxio, "FoxIO's ja4plus-mapping.csv"),
    (Format::Ja4db, "JSON of ja4db.com"),
    (Format::SslblJa3, "JA3 fingerprints of SSLBL (CSV)"),
    (Format::SslblCertificates, "certificates of SSLBL (CSV)"),
    (Format::SslblAddresses, "addresses of SSLBL (CSV)"),
    (Format::Zeek, "a file of Zeek's intelligence framework"),
];
/// Lines in which a header is looked for.
const HEAD_LINES: usize = 40;
const MAX_FAULTS: u64 = 1_000;
