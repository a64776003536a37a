//! Bytes and numbers of the wire as the public schema writes them.
//!
//! In: bytes that a peer chose. Out: text of printable ASCII only. Names for numbers are the registry's business.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Bytes as text: printable ASCII (0x20 to 0x7e) as it is, every other byte as `\xNN` (lower-case hex).
///
/// A backslash is printable and stays single, so the four characters `\x00` may stand for one byte or, in a name that a
/// peer wrote to mislead, for themselves; who must know reads the raw bytes.
pub fn printable(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        // No byte decides alone: this runs over whole registers.
        Ok(text) if bytes.iter().fold(true, |all, byte| all & is_printable(*byte)) => Cow::Borrowed(text),
        _ => Cow::Owned(escaped(bytes)),
    }
}

/// A number of the wire, 16 bits wide, as `0xNNNN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04x}", self.0)
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(4));
    for &byte in bytes {
        if is_printable(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_ascii_is_borrowed_as_it_is() {
        assert!(matches!(printable(b"h2 ~\\x00"), Cow::Borrowed("h2 ~\\x00")));
        assert!(matches!(printable(b""), Cow::Borrowed("")));
    }

    #[test]
    fn other_bytes_become_two_hex_digits() {
        assert_eq!(printable(b"a\x00\x7f\n"), "a\\x00\\x7f\\x0a");
        assert_eq!(printable("é".as_bytes()), "\\xc3\\xa9");
        assert_eq!(printable(&[0xff]), "\\xff");
    }

    #[test]
    fn codes_have_four_hex_digits() {
        assert_eq!(Code(0xa).to_string(), "0x000a");
    }
}
