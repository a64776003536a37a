//! An alert as a message of RFC 5424.
//!
//! `<PRI>1 TIMESTAMP HOSTNAME tlsight PROCID tlsight.alert [alert@32473 …] text`. The facility is local0; 32473 is the number
//! that RFC 5612 gives to examples, since nobody has registered one for tlsight. Structured data are bounded, and the text
//! takes what room is left.

use std::str::FromStr;

use crate::detect::{Alert, Level};
use crate::sink::cef;
use crate::sink::forms::{Hex, Time};

/// What all messages of a run have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    host: String,
    process: u32,
}

/// What stands behind the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// Structured data and a sentence.
    #[default]
    Rfc5424,
    /// ArcSight's Common Event Format.
    Cef,
}

impl FromStr for Style {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "rfc5424" => Ok(Self::Rfc5424),
            "cef" => Ok(Self::Cef),
            other => Err(format!("`{other}` is no form of syslog: write rfc5424 or cef")),
        }
    }
}

impl Header {
    /// Of a sensor's host name, which may be anything, and of the process.
    pub fn new(host: &str, process: u32) -> Self {
        let host: String = host.chars().filter(char::is_ascii_graphic).take(MAX_HOST).collect();
        Self { host: if host.is_empty() { NIL.to_owned() } else { host }, process }
    }

    /// One message of at most so many bytes.
    pub fn message(&self, alert: &Alert, style: Style, max_bytes: usize) -> Vec<u8> {
        let priority = FACILITY * 8 + severity(alert.rule.level);
        let time = Time(alert.timestamp).text();
        // Six digits of a second's fraction at most (section 6.2.3).
        let time = time.as_str().get(..MICROSECONDS).unwrap_or_default();
        let mut out =
            format!("<{priority}>1 {time}Z {} tlsight {} tlsight.alert ", self.host, self.process).into_bytes();
        match style {
            Style::Cef => {
                out.extend_from_slice(b"- ");
                cef::append(&mut out, alert);
            }
            Style::Rfc5424 => {
                structured_data(&mut out, alert);
                out.push(b' ');
                // Text in UTF-8 begins with its mark (section 6.4).
                if !alert.message.is_ascii() {
                    out.extend_from_slice("\u{feff}".as_bytes());
                }
                let clean = alert.message.chars().map(|c| if c.is_control() { ' ' } else { c });
                out.extend(clean.collect::<String>().into_bytes());
            }
        }
        cut(&mut out, max_bytes);
        out
    }
}

fn structured_data(out: &mut Vec<u8>, alert: &Alert) {
    let rule = &*alert.rule;
    out.extend_from_slice(b"[alert@32473");
    let mut parameter = |name: &str, value: &str| {
        if !value.is_empty() {
            out.extend_from_slice(format!(" {name}=\"").as_bytes());
            escaped(out, value);
            out.push(b'"');
        }
    };
    parameter("rule", &rule.id);
    parameter("title", &rule.title);
    parameter("level", rule.level.as_str());
    parameter("session", Hex(alert.session()).text().as_str());
    parameter("count", &alert.count.to_string());
    parameter("src", &alert.source.ip.to_string());
    parameter("spt", &alert.source.port.to_string());
    parameter("dst", &alert.destination.ip.to_string());
    parameter("dpt", &alert.destination.port.to_string());
    parameter("ja4", alert.fingerprint.as_ref().map(|ja4| ja4.as_str()).unwrap_or_default());
    parameter("tags", &rule.tags.join(","));
    let group: Vec<String> = alert.group.iter().map(|(field, value)| format!("{field}={value}")).collect();
    parameter("group", &group.join(", "));
    if alert.suppressed > 0 {
        parameter("suppressed", &alert.suppressed.to_string());
    }
    if let Some(listed) = alert.listed.as_deref() {
        parameter("list", &listed.list);
        parameter("indicator", &listed.value);
        parameter("reason", listed.description.as_deref().unwrap_or_default());
    }
    out.push(b']');
}

/// A PARAM-VALUE: `"`, `\` and `]` stand behind a backslash (section 6.3.3). Control characters become blanks.
fn escaped(out: &mut Vec<u8>, text: &str) {
    let end = out.len() + MAX_VALUE;
    for letter in text.chars() {
        let mut bytes = [0; 4];
        let bytes = if letter.is_control() { b" " } else { letter.encode_utf8(&mut bytes).as_bytes() };
        let is_special = matches!(letter, '"' | '\\' | ']');
        if out.len() + bytes.len() + usize::from(is_special) > end {
            return;
        }
        if is_special {
            out.push(b'\\');
        }
        out.extend_from_slice(bytes);
    }
}

/// At the end of a character.
fn cut(out: &mut Vec<u8>, max_bytes: usize) {
    if out.len() <= max_bytes {
        return;
    }
    let mut end = max_bytes;
    while end > 0 && out.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end -= 1;
    }
    out.truncate(end);
}

/// Section 6.2.1, table 2.
fn severity(level: Level) -> u32 {
    match level {
        Level::Critical => 2,
        Level::High => 3,
        Level::Medium => 4,
        Level::Low => 5,
        Level::Informational => 6,
    }
}

/// local0
const FACILITY: u32 = 16;
const NIL: &str = "-";
const MAX_HOST: usize = 255;
/// Of `2024-02-29T23:59:59.123456789Z`.
const MICROSECONDS: usize = 26;
/// Bytes of a parameter's value: with all parameters there are, room is left for the text in [`Target::max_bytes`].
///
/// [`Target::max_bytes`]: super::Target::max_bytes
const MAX_VALUE: usize = 120;
