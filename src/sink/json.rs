//! A serde serializer for one line of compact JSON in which what is not there is not written.
//!
//! In: a value whose derived `Serialize` is the schema. Out: bytes at the end of a vector. `None`, an empty list and an
//! object without members leave no trace, key included. Bytes ([`serde::Serializer::serialize_bytes`]) are JSON text
//! made earlier and are put in as they are; bytes in a field named `""` are an object's members and come without a key.
//! Keys are the schema's own identifiers and are not escaped; those of maps are anybody's, and are.
//!
//! A session of which the large parts are at hand as text takes 1.0 µs, and 1.5 µs with `serde_json`, which scans every key
//! and value for characters to escape and writes what is absent (`benches/record.rs`, `lean` beside `serde_json`).

use std::fmt;
use std::ops::Range;

use serde::ser::{Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

/// Appends `value` as JSON. A value that holds nothing appends nothing.
///
/// # Errors
/// Only for what the schema does not use: single-precision floats, tuples, enums with data, keys that are not text.
pub fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), Unsupported> {
    value.serialize(Json { out }).map(drop)
}

/// Appends an object, and tells where its members lie, braces left out.
pub fn append_object<T: Serialize>(out: &mut Vec<u8>, value: &T) -> Range<usize> {
    let start = out.len();
    let written = append(out, value);
    debug_assert!(written.is_ok() && out.get(start) != Some(&b'['), "not an object of supported values");
    if out.len() == start { start..start } else { start + 1..out.len() - 1 }
}

/// A kind of value that the schema has no use for.
pub type Unsupported = fmt::Error;

/// JSON text made earlier; in a field named `""`, an object's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a>(pub &'a [u8]);

impl Serialize for Text<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

struct Json<'a> {
    out: &'a mut Vec<u8>,
}

/// Whether a value left anything behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trace {
    Absent,
    Written,
}

impl<'a> Serializer for Json<'a> {
    type Ok = Trace;
    type Error = Unsupported;
    type SerializeSeq = List<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeMap = Object<'a>;
    type SerializeTuple = Impossible<Trace, Unsupported>;
    type SerializeTupleStruct = Impossible<Trace, Unsupported>;
    type SerializeTupleVariant = Impossible<Trace, Unsupported>;
    type SerializeStructVariant = Impossible<Trace, Unsupported>;

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<Trace, Unsupported> {
        self.out.extend_from_slice(value);
        Ok(if value.is_empty() { Trace::Absent } else { Trace::Written })
    }

    fn serialize_str(self, value: &str) -> Result<Trace, Unsupported> {
        self.out.push(b'"');
        escape(self.out, value);
        self.out.push(b'"');
        Ok(Trace::Written)
    }

    fn serialize_char(self, value: char) -> Result<Trace, Unsupported> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<Trace, Unsupported> {
        self.out.push(b'"');
        fmt::Write::write_fmt(&mut Escaping(self.out), format_args!("{value}"))?;
        self.out.push(b'"');
        Ok(Trace::Written)
    }

    fn serialize_bool(self, value: bool) -> Result<Trace, Unsupported> {
        self.serialize_bytes(if value { b"true" } else { b"false" })
    }

    fn serialize_u8(self, value: u8) -> Result<Trace, Unsupported> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<Trace, Unsupported> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<Trace, Unsupported> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<Trace, Unsupported> {
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = value;
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.serialize_bytes(&digits[start..])
    }

    fn serialize_i8(self, value: i8) -> Result<Trace, Unsupported> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<Trace, Unsupported> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<Trace, Unsupported> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<Trace, Unsupported> {
        if value < 0 {
            self.out.push(b'-');
        }
        self.serialize_u64(value.unsigned_abs())
    }

    #[inline]
    fn serialize_none(self) -> Result<Trace, Unsupported> {
        Ok(Trace::Absent)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Trace, Unsupported> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Trace, Unsupported> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Trace, Unsupported> {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Trace, Unsupported> {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T>(self, _name: &'static str, value: &T) -> Result<Trace, Unsupported>
    where
        T: Serialize + ?Sized,
    {
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, _len: Option<usize>) -> Result<List<'a>, Unsupported> {
        self.out.push(b'[');
        Ok(List { start: self.out.len(), out: self.out })
    }

    #[inline]
    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Object<'a>, Unsupported> {
        self.out.push(b'{');
        Ok(Object { start: self.out.len(), out: self.out })
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Object<'a>, Unsupported> {
        self.serialize_struct("", 0)
    }

    fn serialize_newtype_variant<T>(self, _: &str, _: u32, _: &str, _: &T) -> Result<Trace, Unsupported>
    where
        T: Serialize + ?Sized,
    {
        Err(fmt::Error)
    }

    fn serialize_f32(self, _: f32) -> Result<Trace, Unsupported> {
        Err(fmt::Error)
    }

    /// The shortest digits that read back as the same number, with a point in them, so that no reader takes some for whole
    /// numbers and others not. What is no number is not there.
    fn serialize_f64(self, value: f64) -> Result<Trace, Unsupported> {
        if !value.is_finite() {
            return Ok(Trace::Absent);
        }
        use std::io::Write;
        // Writing to a vector does not fail.
        write!(self.out, "{value:?}").map_err(|_| fmt::Error)?;
        Ok(Trace::Written)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unsupported> {
        Err(fmt::Error)
    }

    fn serialize_tuple_struct(self, _: &str, _: usize) -> Result<Self::SerializeTupleStruct, Unsupported> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &str,
        _: u32,
        _: &str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unsupported> {
        Err(fmt::Error)
    }

    fn serialize_struct_variant(
        self,
        _: &str,
        _: u32,
        _: &str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unsupported> {
        Err(fmt::Error)
    }
}

/// An open `[`; `start` is the place after it.
struct List<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl SerializeSeq for List<'_> {
    type Ok = Trace;
    type Error = Unsupported;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsupported> {
        let mark = self.out.len();
        if mark > self.start {
            self.out.push(b',');
        }
        if value.serialize(Json { out: self.out })? == Trace::Absent {
            self.out.truncate(mark);
        }
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<Trace, Unsupported> {
        close(self.out, self.start, b']')
    }
}

/// An open `{`; `start` is the place after it.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl Object<'_> {
    /// Into each place where a struct is written: there the key and its length are known, and putting it in is a store.
    #[inline(always)]
    fn member<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Unsupported> {
        let mark = self.out.len();
        if mark > self.start {
            self.out.push(b',');
        }
        if !key.is_empty() {
            self.out.push(b'"');
            self.out.extend_from_slice(key.as_bytes());
            self.out.extend_from_slice(b"\":");
        }
        if value.serialize(Json { out: self.out })? == Trace::Absent {
            self.out.truncate(mark);
        }
        Ok(())
    }
}

impl SerializeStruct for Object<'_> {
    type Ok = Trace;
    type Error = Unsupported;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Unsupported> {
        self.member(key, value)
    }

    #[inline]
    fn end(self) -> Result<Trace, Unsupported> {
        close(self.out, self.start, b'}')
    }
}

/// Keys of maps may be anything that is text, and are escaped.
impl SerializeMap for Object<'_> {
    type Ok = Trace;
    type Error = Unsupported;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Unsupported> {
        Err(fmt::Error)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Unsupported> {
        Err(fmt::Error)
    }

    fn serialize_entry<K, V>(&mut self, key: &K, value: &V) -> Result<(), Unsupported>
    where
        K: Serialize + ?Sized,
        V: Serialize + ?Sized,
    {
        let mark = self.out.len();
        if mark > self.start {
            self.out.push(b',');
        }
        let before = self.out.len();
        key.serialize(Json { out: self.out })?;
        if self.out.get(before) != Some(&b'"') {
            return Err(fmt::Error);
        }
        self.out.push(b':');
        if value.serialize(Json { out: self.out })? == Trace::Absent {
            self.out.truncate(mark);
        }
        Ok(())
    }

    fn end(self) -> Result<Trace, Unsupported> {
        close(self.out, self.start, b'}')
    }
}

/// Closes a list or an object, or takes its opening back where nothing was put in.
#[inline]
fn close(out: &mut Vec<u8>, start: usize, bracket: u8) -> Result<Trace, Unsupported> {
    if out.len() == start {
        out.truncate(start - 1);
        return Ok(Trace::Absent);
    }
    out.push(bracket);
    Ok(Trace::Written)
}

/// Appends a string's inside (RFC 8259, section 7). Beside what JSON demands, whatever a terminal obeys or some reader
/// takes for the end of a line is escaped: DEL, the C1 controls, U+2028 and U+2029.
fn escape(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    if is_plain(rest) {
        return out.extend_from_slice(rest);
    }
    while let Some(at) = rest.iter().position(|&byte| STOPS[usize::from(byte)]) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let (code, len) = match *tail {
            [0xc2, low @ 0x80..=0x9f, ..] => (u16::from(low), 2),
            [0xe2, 0x80, low @ (0xa8 | 0xa9), ..] => (0x2000 | u16::from(low & 0x3f), 3),
            [byte, ..] => (u16::from(byte), 1),
            [] => return,
        };
        match code {
            0x22 => out.extend_from_slice(b"\\\""),
            0x5c => out.extend_from_slice(b"\\\\"),
            0x0a => out.extend_from_slice(b"\\n"),
            0x0d => out.extend_from_slice(b"\\r"),
            0x09 => out.extend_from_slice(b"\\t"),
            // The first byte of a character that is no control.
            0xc2 | 0xe2 => out.push(tail[0]),
            code => {
                let digit = |shift: u16| HEX[usize::from(code >> shift & 15)];
                out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
            }
        }
        rest = &tail[len..];
    }
    out.extend_from_slice(rest);
}

/// Whether every byte is printable ASCII that JSON lets stand. Looked at 32 bytes at a time and without a branch a byte:
/// a list of names and a raw JA4 took a fifth of a line's time with a loop over single bytes.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let stops = |block: &[u8; BLOCK]| {
        block.iter().fold(0u8, |stops, &byte| {
            stops | u8::from(byte.wrapping_sub(b' ') > b'~' - b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\')
        })
    };
    blocks.iter().fold(stops(&last), |all, block| all | stops(block)) == 0
}

/// Bytes that [`is_plain`] looks at together.
const BLOCK: usize = 32;

/// Escapes what `Display` writes.
struct Escaping<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Bytes at which [`escape`] has to look twice.
const STOPS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte < 0x20 || matches!(byte, 0x22 | 0x5c | 0x7f | 0xc2 | 0xe2);
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;

    fn json<T: Serialize>(value: &T) -> String {
        let mut out = Vec::new();
        append(&mut out, value).expect("a kind of value that is supported");
        String::from_utf8(out).expect("UTF-8")
    }

    #[derive(Serialize, Default)]
    struct Outer<'a> {
        first: Option<&'a str>,
        #[serde(rename = "")]
        members: Option<Text<'a>>,
        inner: Inner<'a>,
        last: Option<i64>,
    }

    #[derive(Serialize, Default)]
    struct Inner<'a> {
        list: Vec<Option<&'a str>>,
        value: Option<Text<'a>>,
    }

    #[test]
    fn what_is_absent_leaves_no_trace() {
        assert_eq!(json(&Outer::default()), "");
        let only_last = Outer { last: Some(-7), ..Outer::default() };
        assert_eq!(json(&only_last), r#"{"last":-7}"#);
        let holes = Outer { inner: Inner { list: vec![None, Some("a"), None, Some("b")], value: None }, ..only_last };
        assert_eq!(json(&holes), r#"{"inner":{"list":["a","b"]},"last":-7}"#);
    }

    #[test]
    fn text_is_put_in_as_it_is() {
        let outer = Outer {
            first: Some("x"),
            members: Some(Text(br#""a":1,"b":[2]"#)),
            inner: Inner { list: Vec::new(), value: Some(Text(b"{\"c\":3}")) },
            last: Some(0),
        };
        assert_eq!(json(&outer), r#"{"first":"x","a":1,"b":[2],"inner":{"value":{"c":3}},"last":0}"#);
        let empty = Outer { first: Some("x"), members: Some(Text(b"")), last: Some(1), ..Outer::default() };
        assert_eq!(json(&empty), r#"{"first":"x","last":1}"#);
    }

    #[test]
    fn strings_are_escaped_as_serde_json_reads_them() {
        for text in [
            "",
            "plain",
            "\"\\\n\r\t\u{0}\u{1f}\u{7f}",
            "héllo ª ⁇ \u{2028}\u{2029}\u{80}\u{9f}\u{a0} 🦀",
            "ends with \\",
        ] {
            assert_eq!(serde_json::from_str::<String>(&json(&text)).expect(text), text);
            let displayed = json(&format_args!("{text}"));
            assert_eq!(serde_json::from_str::<String>(&displayed).expect(text), text);
            assert!(!displayed.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')));
        }
    }

    #[test]
    fn numbers_and_maps() {
        assert_eq!(json(&vec![u64::MAX, 0, 10]), "[18446744073709551615,0,10]");
        assert_eq!(json(&i64::MIN), "-9223372036854775808");
        assert_eq!(json(&BTreeMap::from([("a\"", Some(1)), ("b", None)])), r#"{"a\"":1}"#);
        assert!(append(&mut Vec::new(), &BTreeMap::from([(1, 2)])).is_err());
        assert_eq!(json(&vec![1.5, -0.25, 3.0, f64::NAN, 1e21]), "[1.5,-0.25,3.0,1e21]");
        assert!(append(&mut Vec::new(), &1.5_f32).is_err());
    }
}
