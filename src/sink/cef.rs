//! Alerts in ArcSight's Common Event Format, version 0: a header between bars, then keys and values.
//!
//! In: alerts. Out: a line each, to a file or inside of syslog. In the header a bar and a backslash, in the extension an equals
//! sign and a backslash are escaped; the ends of lines are written `\n` and stand in the extension alone. Other control
//! characters become blanks.

use std::io::Write;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::forms::Hex;
use super::record::severity;
use super::{Sink, written};
use crate::Error;
use crate::detect::Alert;

/// Writes alerts to `W`, a line each.
#[derive(Debug)]
pub struct Cef<W> {
    to: W,
    /// What errors call `to`.
    name: PathBuf,
    line: Vec<u8>,
}

impl<W: Write + Send> Cef<W> {
    pub fn new(to: W, name: impl AsRef<Path>) -> Self {
        Self { to, name: name.as_ref().to_owned(), line: Vec::new() }
    }
}

impl<W: Write + Send> Sink for Cef<W> {
    fn alert(&mut self, alert: &Alert) -> Result<ControlFlow<()>, Error> {
        self.line.clear();
        append(&mut self.line, alert);
        self.line.push(b'\n');
        let done = self.to.write_all(&self.line);
        written(done, &self.name)
    }

    fn flush(&mut self) -> Result<ControlFlow<()>, Error> {
        let done = self.to.flush();
        written(done, &self.name)
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<String>, Error> {
        self.flush().map(|_| Vec::new())
    }
}

/// Appends an alert, without the end of a line.
pub fn append(out: &mut Vec<u8>, alert: &Alert) {
    let rule = &*alert.rule;
    out.extend_from_slice(b"CEF:0|tlsight|tlsight|");
    for field in [env!("CARGO_PKG_VERSION"), &rule.id, &rule.title] {
        header(out, field);
        out.push(b'|');
    }
    out.extend_from_slice(severity(rule.level).to_string().as_bytes());
    out.push(b'|');
    let mut extension = Extension { out, written: false };
    // Milliseconds since 1970.
    extension.key("rt", &alert.timestamp.0.div_euclid(1_000_000).to_string());
    extension.key("cat", rule.level.as_str());
    let (source, destination) = (alert.source, alert.destination);
    extension.address(source.ip, "src", ("c6a2", "Source IPv6 Address"));
    extension.key("spt", &source.port.to_string());
    extension.address(destination.ip, "dst", ("c6a3", "Destination IPv6 Address"));
    extension.key("dpt", &destination.port.to_string());
    extension.key("cnt", &alert.count.to_string());
    extension.key("externalId", Hex(alert.session()).text().as_str());
    extension.key("msg", &alert.message);
    extension.custom("cs1", "ja4", alert.fingerprint.as_ref().map(|ja4| ja4.as_str()).unwrap_or_default());
    extension.custom("cs2", "tags", &rule.tags.join(","));
    let group: Vec<String> = alert.group.iter().map(|(field, value)| format!("{field}={value}")).collect();
    extension.custom("cs3", "group", &group.join(", "));
    if let Some(listed) = alert.listed.as_deref() {
        extension.custom("cs4", "threat list", &listed.list);
        extension.custom("cs5", "indicator", &listed.value);
        extension.custom("cs6", "listed for", listed.description.as_deref().unwrap_or_default());
    }
    if alert.suppressed > 0 {
        extension.custom("cn1", "suppressed", &alert.suppressed.to_string());
    }
}

struct Extension<'o> {
    out: &'o mut Vec<u8>,
    written: bool,
}

impl Extension<'_> {
    /// A key of the format's dictionary; without a value it is left out.
    fn key(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        if std::mem::replace(&mut self.written, true) {
            self.out.push(b' ');
        }
        self.out.extend_from_slice(key.as_bytes());
        self.out.push(b'=');
        for letter in value.chars().take(MAX_CHARS) {
            match letter {
                '=' => self.out.extend_from_slice(b"\\="),
                '\\' => self.out.extend_from_slice(b"\\\\"),
                '\n' => self.out.extend_from_slice(b"\\n"),
                '\r' => self.out.extend_from_slice(b"\\r"),
                letter => push(self.out, letter),
            }
        }
    }

    /// One of those that bring their own label.
    fn custom(&mut self, key: &str, label: &str, value: &str) {
        if !value.is_empty() {
            self.key(&format!("{key}Label"), label);
            self.key(key, value);
        }
    }

    /// The dictionary's addresses are of IPv4.
    fn address(&mut self, ip: IpAddr, v4: &str, (v6, label): (&str, &str)) {
        match ip {
            IpAddr::V4(ip) => self.key(v4, &ip.to_string()),
            IpAddr::V6(ip) => self.custom(v6, label, &ip.to_string()),
        }
    }
}

fn header(out: &mut Vec<u8>, text: &str) {
    for letter in text.chars().take(MAX_HEADER_CHARS) {
        if matches!(letter, '|' | '\\') {
            out.push(b'\\');
        }
        push(out, letter);
    }
}

/// Anything but what ends a line or moves a cursor.
fn push(out: &mut Vec<u8>, letter: char) {
    let letter = if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') { ' ' } else { letter };
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The dictionary's longest: 1,023 of `msg`.
const MAX_CHARS: usize = 1_023;
/// Of a name.
const MAX_HEADER_CHARS: usize = 512;
