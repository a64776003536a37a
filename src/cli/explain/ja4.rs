//! JA4 in its hashed and its raw forms.

use super::sheet::{Sheet, all_named};
use crate::fingerprint::ja4::hash12;
use crate::wire::registry;

/// `None` where the text is no JA4.
pub fn explain(text: &str) -> Option<Result<Sheet, String>> {
    let mut parts = text.split('_');
    let head = Head::read(parts.next()?)?;
    let parts: Vec<&str> = parts.collect();
    match parts.as_slice() {
        [b, c] if is_hash(b) && is_hash(c) => Some(Ok(hashed(text, head, b, c))),
        [b, c] => Some(raw(text, head, Lists { ciphers: codes(b)?, extensions: codes(c)?, signatures: Vec::new() })),
        [b, c, d] => Some(raw(text, head, Lists { ciphers: codes(b)?, extensions: codes(c)?, signatures: codes(d)? })),
        _ => None,
    }
}

/// The readable first part.
#[derive(Debug, Clone, Copy)]
struct Head<'a> {
    protocol: &'a str,
    version: &'a str,
    name: &'a str,
    ciphers: &'a str,
    extensions: &'a str,
    alpn: &'a str,
}

impl<'a> Head<'a> {
    fn read(text: &'a str) -> Option<Self> {
        if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let head = Self {
            protocol: text.get(..1)?,
            version: text.get(1..3)?,
            name: text.get(3..4)?,
            ciphers: text.get(4..6)?,
            extensions: text.get(6..8)?,
            alpn: text.get(8..)?,
        };
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = matches!(head.protocol, "t" | "q" | "d")
            && matches!(head.name, "d" | "i")
            && is_number(head.ciphers)
            && is_number(head.extensions)
            && version(head.version).is_some();
        fits.then_some(head)
    }

    fn describe(self, sheet: &mut Sheet) {
        let protocol = match self.protocol {
            "t" => "TLS over TCP",
            "q" => "QUIC",
            _ => "DTLS",
        };
        sheet.pair(self.protocol, protocol);
        sheet.pair(self.version, version(self.version).unwrap_or_default());
        let name = match self.name {
            "d" => "a server name (SNI) is sent: the client asks for a host by name",
            _ => "no server name (SNI) is sent: the client has only an address, or hides the name",
        };
        sheet.pair(self.name, name);
        sheet.pair(self.ciphers, number(self.ciphers, "cipher suite"));
        sheet.pair(self.extensions, number(self.extensions, "extension"));
        sheet.pair(self.alpn, alpn(self.alpn));
    }
}

fn version(code: &str) -> Option<&'static str> {
    Some(match code {
        "13" => "newest version offered: TLS 1.3",
        "12" => "newest version offered: TLS 1.2",
        "11" => "newest version offered: TLS 1.1",
        "10" => "newest version offered: TLS 1.0",
        "s3" => "newest version offered: SSL 3.0",
        "s2" => "newest version offered: SSL 2.0",
        "d1" => "newest version offered: DTLS 1.0",
        "d2" => "newest version offered: DTLS 1.2",
        "d3" => "newest version offered: DTLS 1.3",
        "00" => "newest version offered: an unknown one",
        _ => return None,
    })
}

fn number(digits: &str, noun: &str) -> String {
    match digits {
        "99" => format!("99 or more {noun}s, GREASE not counted"),
        "01" => format!("1 {noun}, GREASE not counted"),
        _ => format!("{} {noun}s, GREASE not counted", digits.trim_start_matches('0').parse().unwrap_or(0u32)),
    }
}

/// The first and the last character of the first ALPN value.
fn alpn(code: &str) -> String {
    let (first, last) = code.split_at(1);
    match code {
        "00" => "no ALPN: the client does not say which application protocol it speaks".to_owned(),
        "h1" => "first ALPN value begins with `h` and ends with `1`, as http/1.1 does".to_owned(),
        "h2" => "first ALPN value begins with `h` and ends with `2`: h2, which is HTTP/2".to_owned(),
        "h3" => "first ALPN value begins with `h` and ends with `3`: h3, which is HTTP/3".to_owned(),
        "dt" => "first ALPN value begins with `d` and ends with `t`: dot, which is DNS over TLS".to_owned(),
        "dq" => "first ALPN value begins with `d` and ends with `q`, as doq (DNS over QUIC) does".to_owned(),
        _ => {
            format!("first ALPN value begins with `{first}` and ends with `{last}` (or with bytes of these hex digits)")
        }
    }
}

fn hashed(text: &str, head: Head<'_>, b: &str, c: &str) -> Sheet {
    let mut sheet = Sheet::new(format!("JA4 {text}"));
    head.describe(&mut sheet);
    let of = |hash: &str, what: &str, nothing: &str| match hash {
        NOTHING => nothing.to_owned(),
        _ => format!("a hash (SHA-256, 12 digits of it) of {what}"),
    };
    sheet.pair(b, of(b, "the cipher suites, sorted", "no cipher suites"));
    let what = "the extensions, sorted, without server_name and ALPN, and of the signature algorithms";
    sheet.pair(c, of(c, what, "no extensions but server_name and ALPN"));
    sheet.note(
        "Hashes cannot be undone: the lists themselves are in `tlsight.client.ja4_r` of a session, and `tlsight explain` \
         names what is in that.",
    );
    sheet
}

struct Lists {
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    signatures: Vec<u16>,
}

fn raw(text: &str, head: Head<'_>, lists: Lists) -> Result<Sheet, String> {
    let Lists { mut ciphers, mut extensions, signatures } = lists;
    // Only the form in wire order has these two.
    let is_wire_order =
        extensions.iter().any(|kind| UNSORTED_ONLY.contains(kind)) || !ciphers.is_sorted() || !extensions.is_sorted();
    let (kind, order) = if is_wire_order { ("JA4_ro", "in wire order") } else { ("JA4_r", "sorted") };
    let mut sheet = Sheet::new(format!("{kind} {text}"));
    head.describe(&mut sheet);
    sheet.heading(format!("Cipher suites, {order}"));
    section(&mut sheet, all_named(ciphers.iter().copied(), registry::cipher_suite));
    sheet.heading(format!("Extensions, {order}"));
    section(&mut sheet, all_named(extensions.iter().copied(), registry::extension));
    sheet.heading("Signature algorithms, in wire order");
    section(&mut sheet, all_named(signatures.iter().copied(), registry::signature_scheme));

    sheet.heading("Fingerprints that belong to it");
    let (start, rest) = text.split_once('_').unwrap_or((text, ""));
    let (b, c) = rest.split_once('_').unwrap_or((rest, ""));
    if is_wire_order {
        sheet.pair("JA4_o", join(start, b, c));
        ciphers.sort_unstable();
        extensions.retain(|kind| !UNSORTED_ONLY.contains(kind));
        extensions.sort_unstable();
        let mut c = hex(&extensions);
        if !signatures.is_empty() {
            c = format!("{c}_{}", hex(&signatures));
        }
        sheet.pair("JA4", join(start, &hex(&ciphers), &c));
        sheet.pair("JA4_r", format!("{start}_{}_{c}", hex(&ciphers)));
    } else {
        sheet.pair("JA4", join(start, b, c));
    }
    Ok(sheet)
}

fn section(sheet: &mut Sheet, names: Vec<String>) {
    if names.is_empty() {
        sheet.note("none");
    }
    sheet.list("", names);
}

fn join(head: &str, b: &str, c: &str) -> String {
    let hash = |text: &str| String::from_utf8_lossy(&hash12(text.as_bytes())).into_owned();
    format!("{head}_{}_{}", hash(b), hash(c))
}

/// A list of four hex digits each; an empty one is a list, too.
fn codes(text: &str) -> Option<Vec<u16>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let is_code = |code: &str| code.len() == 4 && code.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    text.split(',').map(|code| is_code(code).then(|| u16::from_str_radix(code, 16).ok()).flatten()).collect()
}

fn hex(codes: &[u16]) -> String {
    codes.iter().map(|code| format!("{code:04x}")).collect::<Vec<_>>().join(",")
}

fn is_hash(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The hash of an empty list.
const NOTHING: &str = "000000000000";
/// server_name and ALPN.
const UNSORTED_ONLY: [u16; 2] = [0x0000, 0x0010];
