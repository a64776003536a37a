//! Sticky buffers: which field each is, and how its text is written there and here.

use super::super::sigma::{Rule, Sign, literal};
use crate::wire::text::printable;

/// What a sticky buffer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffer {
    pub field: &'static str,
    pub kind: Kind,
    pub side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As sent.
    Text,
    /// Hexadecimal digits, so many; case does not matter.
    Hex(usize),
    /// Octets in hex with colons between them, so many where that is known.
    Octets(Option<usize>),
    /// `C=US, O=Example, CN=name`: in the certificate's order, while RFC 4514 turns it round.
    Name,
}

/// Who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

impl Buffer {
    pub fn named(name: &str) -> Option<Self> {
        let (field, kind, side) = match name {
            "ja3.hash" | "ja3_hash" => ("tls.client.ja3", Kind::Hex(32), Side::Client),
            "ja3.string" | "ja3_string" => ("tlsight.client.ja3_full", Kind::Text, Side::Client),
            "ja3s.hash" => ("tls.server.ja3s", Kind::Hex(32), Side::Server),
            "ja3s.string" => ("tlsight.server.ja3s_full", Kind::Text, Side::Server),
            "ja4.hash" => ("tls.client.ja4", Kind::Text, Side::Client),
            "tls.sni" | "tls_sni" => ("tls.client.server_name", Kind::Text, Side::Client),
            "tls.cert_subject" | "tls_cert_subject" => ("tls.server.subject", Kind::Name, Side::Server),
            "tls.cert_issuer" | "tls_cert_issuer" => ("tls.server.issuer", Kind::Name, Side::Server),
            "tls.cert_serial" | "tls_cert_serial" => {
                ("tls.server.x509.serial_number", Kind::Octets(None), Side::Server)
            }
            "tls.cert_fingerprint" | "tls_cert_fingerprint" => {
                ("tls.server.hash.sha1", Kind::Octets(Some(20)), Side::Server)
            }
            "tls.subjectaltname" => ("tls.server.x509.alternative_names", Kind::Text, Side::Server),
            _ => return None,
        };
        Some(Self { field, kind, side })
    }
}

/// One `content` and what modifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub bytes: Vec<u8>,
    pub negated: bool,
    pub nocase: bool,
    pub starts: bool,
    pub ends: bool,
    /// `dotprefix` put a point before the buffer.
    pub dotted: bool,
}

/// Adds what a content asks for. `size` is the buffer's, where `bsize` names one.
pub fn demand(rule: &mut Rule, buffer: Buffer, content: &Content, size: Option<usize>) -> Result<(), String> {
    let sign = if content.negated { Sign::Refused } else { Sign::Wanted };
    let is_whole = content.starts && content.ends || size == Some(content.bytes.len()) && !content.negated;
    let (key, values) = match buffer.kind {
        Kind::Text if content.dotted => dotted(buffer.field, content)?,
        Kind::Text => text(buffer.field, content, is_whole),
        Kind::Hex(digits) => hex(buffer.field, content, is_whole || content.bytes.len() == digits)?,
        Kind::Octets(count) => octets(buffer.field, content, is_whole, count)?,
        Kind::Name => name(buffer.field, content, is_whole)?,
    };
    rule.demand(sign, key, values);
    Ok(())
}

fn cased(nocase: bool) -> &'static str {
    if nocase { "" } else { "|cased" }
}

fn place(content: &Content, is_whole: bool) -> &'static str {
    match content {
        _ if is_whole => "",
        Content { starts: true, .. } => "|startswith",
        Content { ends: true, .. } => "|endswith",
        _ => "|contains",
    }
}

type Demand = (String, Vec<String>);

fn text(field: &str, content: &Content, is_whole: bool) -> Demand {
    let key = format!("{field}{}{}", place(content, is_whole), cased(content.nocase));
    (key, vec![literal(&printable(&content.bytes))])
}

/// `.example.com` at the end of a name with a point before it: that name, and all below it.
fn dotted(field: &str, content: &Content) -> Result<Demand, String> {
    let value = literal(&printable(&content.bytes));
    let case = cased(content.nocase);
    match (value.strip_prefix('.'), content.starts, content.ends) {
        (Some(name), true, true) => Ok((format!("{field}{case}"), vec![name.to_owned()])),
        (Some(name), false, true) => Ok((format!("{field}{case}"), vec![name.to_owned(), format!("*.{name}")])),
        (Some(name), true, false) => Ok((format!("{field}{case}"), vec![format!("{name}*")])),
        (Some(name), false, false) => Ok((format!("{field}{case}"), vec![format!("{name}*"), format!("*.{name}*")])),
        (None, false, _) => Ok(text(field, content, false)),
        (None, true, _) => Err("what begins a buffer behind `dotprefix` begins with a point".to_owned()),
    }
}

fn hex(field: &str, content: &Content, is_whole: bool) -> Result<Demand, String> {
    let value = printable(&content.bytes).to_ascii_lowercase();
    match value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok((format!("{field}{}", place(content, is_whole)), vec![value])),
        false => Err(format!("`{value}` is in no hash")),
    }
}

fn octets(field: &str, content: &Content, is_whole: bool, count: Option<usize>) -> Result<Demand, String> {
    let written = printable(&content.bytes).into_owned();
    let groups: Vec<&str> = written.split(':').filter(|group| !group.is_empty()).collect();
    if groups.is_empty() || !groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(format!("`{written}` are no octets in hexadecimal"));
    }
    let is_whole = is_whole || count == Some(groups.len()) && groups.iter().all(|group| group.len() == 2);
    // A serial number's sign octet is not written here.
    let begins = is_whole || content.starts;
    let groups = match groups.split_first() {
        Some((&"00", rest)) if begins && count.is_none() && !rest.is_empty() => rest,
        _ => &groups,
    };
    Ok((format!("{field}{}", place(content, is_whole)), vec![groups.concat()]))
}

/// A distinguished name in one notation, or a part of it, in the other.
fn name(field: &str, content: &Content, is_whole: bool) -> Result<Demand, String> {
    let written = std::str::from_utf8(&content.bytes).map_err(|_| "a content is no text (UTF-8)".to_owned())?;
    let parts = parts(written);
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
        return Err("an empty content says nothing".to_owned());
    };
    let case = cased(content.nocase);
    if is_whole {
        let turned: Vec<_> = parts.iter().rev().map(|part| literal(part)).collect();
        return Ok((format!("{field}{case}"), vec![turned.join(",")]));
    }
    let is_one = parts.len() == 1;
    match (content.starts, content.ends) {
        (false, false) if is_one => Ok((format!("{field}|contains{case}"), vec![literal(first)])),
        (false, false) => Ok(expression(field, content, &turned(&parts))),
        (true, _) if is_one => Ok(expression(field, content, &format!("(?:^|,){}{REST}$", regex::escape(first)))),
        (_, true) if is_one => Ok(expression(field, content, &format!("^{REST}{}(?:,|$)", regex::escape(last)))),
        _ => Err("a content over several parts of a name at its start or end has no counterpart".to_owned()),
    }
}

/// Several parts somewhere in a name: here they follow each other the other way round, the last one cut at its end, the
/// first at its beginning.
fn turned(parts: &[String]) -> String {
    let last = parts.len().saturating_sub(1);
    let piece = |(place, part): (usize, &String)| {
        let part = regex::escape(part);
        match place {
            0 => format!("{REST}{part}(?:,|$)"),
            _ if place == last => format!("(?:^|,){part}{REST}"),
            _ => part,
        }
    };
    parts.iter().enumerate().rev().map(piece).collect::<Vec<_>>().join(",")
}

fn expression(field: &str, content: &Content, pattern: &str) -> Demand {
    (format!("{field}|re{}", if content.nocase { "|i" } else { "" }), vec![pattern.to_owned()])
}

/// The parts of a name as RFC 4514 writes them; what is no `KEY=value` stays as it is.
fn parts(written: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for piece in written.split(", ") {
        let key = piece.split_once('=').map(|(key, _)| key);
        let is_part =
            key.is_some_and(|key| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'));
        match parts.last_mut() {
            // A comma within a value.
            Some(before) if !is_part => before.push_str(&format!("\\, {}", escaped(piece))),
            _ => parts.push(match piece.split_once('=').filter(|_| is_part) {
                Some((key, value)) => format!("{}={}", our_key(key), escaped(value)),
                None => escaped(piece),
            }),
        }
    }
    parts
}

fn our_key(key: &str) -> &str {
    match key {
        "emailAddress" => "1.2.840.113549.1.9.1",
        "serialNumber" => "2.5.4.5",
        other => other,
    }
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, ',' | '+' | '"' | '<' | '>' | ';' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The rest of a part of a name.
const REST: &str = r"(?:[^,\\]|\\.)*";
