//! Distinguished names as RFC 4514 text.
//!
//! In: the content of a Name. Out: its text, its common name, the types of its attributes.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt::Write;

use super::der::{self, Element};
use crate::wire::Cursor;

/// A name whose structure could be read.
#[derive(Debug, Default)]
pub(super) struct Name<'a> {
    /// RFC 4514: last RDN first; types without a short name of RFC 4514 (section 3) as dotted OIDs.
    pub(super) text: String,
    /// Of the last RDN that has one, unescaped.
    pub(super) common_name: Option<String>,
    /// Content octets of the attributes' OIDs, in the order of the DER: what JA4X is made of.
    #[cfg_attr(not(feature = "ja4plus"), allow(dead_code))]
    pub(super) types: Vec<&'a [u8]>,
    /// A value is not of the string type it says it is.
    pub(super) irregular: bool,
}

impl<'a> Name<'a> {
    /// `None` where the structure is broken: half a name is none.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let attributes = attributes(body)?;
        let mut name = Self { types: attributes.iter().map(|a| a.kind).collect(), ..Self::default() };
        for rdn in attributes.chunk_by(|a, b| a.rdn == b.rdn).rev() {
            let mut separator = if name.text.is_empty() { "" } else { "," };
            for attribute in rdn {
                name.text.push_str(separator);
                name.push(attribute)?;
                separator = "+";
            }
        }
        Some(name)
    }

    fn push(&mut self, attribute: &Attribute<'_>) -> Option<()> {
        match short_name(attribute.kind) {
            Some(short) => self.text.push_str(short),
            None => self.text.push_str(&der::dotted(attribute.kind)?),
        }
        self.text.push('=');
        match string(&attribute.value) {
            Some(value) => {
                escape(&value, &mut self.text);
                if attribute.kind == COMMON_NAME && self.common_name.is_none() {
                    self.common_name = Some(value);
                }
            }
            // RFC 4514, section 2.4: what has no string form is its BER in hex.
            None => {
                self.irregular |= is_string(attribute.value.tag);
                self.text.push('#');
                for byte in attribute.value.whole {
                    let _ = write!(self.text, "{byte:02x}");
                }
            }
        }
        Some(())
    }
}

/// A name in the form in which names are compared (RFC 5280, section 7.1): strings in UTF-8, without regard to ASCII's case
/// and with blanks drawn together. A name of which another is the beginning, RDN for RDN, begins with its bytes. `None`
/// where the structure is broken.
pub(super) fn canonical(body: &[u8]) -> Option<Vec<u8>> {
    let attributes = attributes(body)?;
    let mut form = Vec::with_capacity(body.len());
    let mut push = |bytes: &[u8]| {
        // Names are below the 16 MB that a handshake message may have.
        form.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        form.extend_from_slice(bytes);
    };
    for rdn in attributes.chunk_by(|a, b| a.rdn == b.rdn) {
        push(&u32::try_from(rdn.len()).unwrap_or(u32::MAX).to_be_bytes());
        for attribute in rdn {
            push(attribute.kind);
            match string(&attribute.value) {
                Some(text) => {
                    push(text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase().as_bytes())
                }
                None => push(attribute.value.whole),
            }
        }
    }
    Some(form)
}

/// The values of a name's attributes of one type, as text.
pub(super) fn values(body: &[u8], kind: &[u8]) -> Vec<String> {
    let attributes = attributes(body).unwrap_or_default();
    attributes.iter().filter(|one| one.kind == kind).filter_map(|one| string(&one.value)).collect()
}

/// ASCII as it is; a backslash, and what is not printable ASCII, as `\xNN`.
pub(super) fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\x5c"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// AttributeTypeAndValue (RFC 5280, section 4.1.2.4), and which RDN it stands in.
struct Attribute<'a> {
    rdn: usize,
    kind: &'a [u8],
    value: Element<'a>,
}

fn attributes(body: &[u8]) -> Option<Vec<Attribute<'_>>> {
    let mut list = Vec::new();
    let mut rdns = Cursor::new(body);
    let mut rdn = 0usize;
    while !rdns.is_empty() {
        let mut set = Cursor::new(Element::tagged(&mut rdns, der::SET)?.body);
        while !set.is_empty() {
            let mut pair = Cursor::new(Element::tagged(&mut set, der::SEQUENCE)?.body);
            let kind = Element::tagged(&mut pair, der::OID)?.body;
            let value = Element::next(&mut pair)?;
            list.push(Attribute { rdn, kind, value });
        }
        rdn = rdn.saturating_add(1);
    }
    Some(list)
}

/// The text of a value, or `None` where it is no string or not one of its type.
fn string(value: &Element<'_>) -> Option<String> {
    match value.tag {
        UTF8_STRING => std::str::from_utf8(value.body).ok().map(String::from),
        // Makers put UTF-8 or Latin-1 into the types that are ASCII.
        NUMERIC_STRING | PRINTABLE_STRING | IA5_STRING | VISIBLE_STRING => {
            Some(std::str::from_utf8(value.body).map_or_else(|_| latin1(value.body), String::from))
        }
        // T.61's own repertoire is not in use: what is sent is Latin-1.
        T61_STRING => Some(latin1(value.body)),
        BMP_STRING => {
            let (units, rest) = value.body.as_chunks::<2>();
            let text = char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit)));
            rest.is_empty().then_some(())?;
            text.collect::<Result<String, _>>().ok()
        }
        UNIVERSAL_STRING => {
            let (units, rest) = value.body.as_chunks::<4>();
            rest.is_empty().then_some(())?;
            units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit))).collect()
        }
        _ => None,
    }
}

fn is_string(tag: u8) -> bool {
    matches!(tag, UTF8_STRING | BMP_STRING | UNIVERSAL_STRING)
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// RFC 4514, section 2.4. Control characters become hex pairs, so that a name is one line and harmless on a terminal.
fn escape(value: &str, text: &mut String) {
    if value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*')) {
        text.push_str(value);
        return;
    }
    let last = value.len().saturating_sub(1);
    for (at, character) in value.char_indices() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => text.extend(['\\', character]),
            '#' if at == 0 => text.push_str("\\#"),
            ' ' if at == 0 || at == last => text.push_str("\\ "),
            control if control.is_control() => {
                for byte in control.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(text, "\\{byte:02x}");
                }
            }
            plain => text.push(plain),
        }
    }
}

/// The table of RFC 4514, section 3.
fn short_name(kind: &[u8]) -> Option<&'static str> {
    Some(match kind {
        COMMON_NAME => "CN",
        [0x55, 0x04, 6] => "C",
        [0x55, 0x04, 7] => "L",
        [0x55, 0x04, 8] => "ST",
        [0x55, 0x04, 9] => "STREET",
        [0x55, 0x04, 10] => "O",
        [0x55, 0x04, 11] => "OU",
        // 0.9.2342.19200300.100.1.25 and .1
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
        _ => return None,
    })
}

pub(super) const COMMON_NAME: &[u8] = &[0x55, 0x04, 3];
const UTF8_STRING: u8 = 0x0c;
const NUMERIC_STRING: u8 = 0x12;
const PRINTABLE_STRING: u8 = 0x13;
const T61_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const VISIBLE_STRING: u8 = 0x1a;
const UNIVERSAL_STRING: u8 = 0x1c;
const BMP_STRING: u8 = 0x1e;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];
    const O: &[u8] = &[0x55, 0x04, 10];
    const DC: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19];

    fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(body.len()).unwrap()], body].concat()
    }

    fn attribute(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        tlv(der::SEQUENCE, &[tlv(der::OID, kind), tlv(tag, value)].concat())
    }

    fn rdn(attributes: &[Vec<u8>]) -> Vec<u8> {
        tlv(der::SET, &attributes.concat())
    }

    fn common_name(tag: u8, value: &[u8]) -> String {
        Name::read(&rdn(&[attribute(COMMON_NAME, tag, value)])).unwrap().text
    }

    #[test]
    fn the_last_rdn_comes_first() {
        let body = [
            rdn(&[attribute(DC, IA5_STRING, b"net")]),
            rdn(&[attribute(DC, IA5_STRING, b"example")]),
            rdn(&[attribute(O, PRINTABLE_STRING, b"Sales"), attribute(COMMON_NAME, UTF8_STRING, b"J.  Smith")]),
        ]
        .concat();
        let name = Name::read(&body).unwrap();
        assert_eq!(name.text, "O=Sales+CN=J.  Smith,DC=example,DC=net");
        assert_eq!(name.common_name.as_deref(), Some("J.  Smith"));
        assert_eq!(name.types, [DC, DC, O, COMMON_NAME]);
    }

    #[test]
    fn the_most_specific_common_name_is_taken() {
        let body = [&b"Servers"[..], b"host.org"].map(|n| rdn(&[attribute(COMMON_NAME, UTF8_STRING, n)])).concat();
        let name = Name::read(&body).unwrap();
        assert_eq!(name.text, "CN=host.org,CN=Servers");
        assert_eq!(name.common_name.as_deref(), Some("host.org"));
    }

    #[test]
    fn other_types_are_dotted() {
        let body = rdn(&[attribute(EMAIL, IA5_STRING, b"a@b")]);
        let name = Name::read(&body).unwrap();
        assert_eq!(name.text, "1.2.840.113549.1.9.1=a@b");
    }

    #[test]
    fn special_characters_are_escaped() {
        assert_eq!(common_name(UTF8_STRING, b"James \"Jim\" Smith, III"), "CN=James \\\"Jim\\\" Smith\\, III");
        assert_eq!(common_name(UTF8_STRING, b" a "), "CN=\\ a\\ ");
        assert_eq!(common_name(UTF8_STRING, b" "), "CN=\\ ");
        assert_eq!(common_name(UTF8_STRING, b"#a#"), "CN=\\#a#");
        assert_eq!(common_name(UTF8_STRING, b"a+b;c<d>e\\f"), "CN=a\\+b\\;c\\<d\\>e\\\\f");
        assert_eq!(common_name(UTF8_STRING, b"Before\rAfter\0"), "CN=Before\\0dAfter\\00");
        assert_eq!(common_name(UTF8_STRING, "\u{9b}31m".as_bytes()), "CN=\\c2\\9b31m");
    }

    #[test]
    fn every_string_type_is_read() {
        assert_eq!(common_name(T61_STRING, b"M\xfcnchen"), "CN=München");
        assert_eq!(common_name(PRINTABLE_STRING, "Zürich".as_bytes()), "CN=Zürich");
        assert_eq!(common_name(IA5_STRING, b"M\xfcnchen"), "CN=München");
        assert_eq!(common_name(NUMERIC_STRING, b"12 3"), "CN=12 3");
        assert_eq!(common_name(VISIBLE_STRING, b"x"), "CN=x");
        assert_eq!(common_name(BMP_STRING, &[0x01, 0x0c, 0xd8, 0x3d, 0xde, 0x00]), "CN=Č😀");
        assert_eq!(common_name(UNIVERSAL_STRING, &[0, 1, 0xf6, 0]), "CN=😀");
    }

    #[test]
    fn what_is_no_string_is_hex() {
        assert_eq!(common_name(der::OCTET_STRING, b"Hi"), "CN=#04024869");
        assert_eq!(common_name(UTF8_STRING, b"\xff"), "CN=#0c01ff");
        assert_eq!(common_name(BMP_STRING, b"odd"), "CN=#1e036f6464");
        assert!(Name::read(&rdn(&[attribute(O, UTF8_STRING, b"\xff")])).unwrap().irregular);
        assert!(!Name::read(&rdn(&[attribute(O, der::OCTET_STRING, b"\xff")])).unwrap().irregular);
    }

    #[test]
    fn a_broken_name_is_none() {
        let whole = rdn(&[attribute(O, UTF8_STRING, b"abc")]);
        for len in 1..whole.len() {
            assert!(Name::read(&whole[..len]).is_none(), "{len}");
        }
        assert_eq!(Name::read(&[]).unwrap().text, "");
    }
}
