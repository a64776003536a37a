//! A lax walk over DER (X.690): bounds-checked, without judging form.
//!
//! In: bytes. Out: elements one after the other. Long lengths and padded lengths are read; indefinite lengths are not.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt::Write;

use crate::wire::Cursor;

/// One tag, length and value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    /// The first identifier octet: class, constructed bit and low tag number.
    pub(super) tag: u8,
    pub(super) body: &'a [u8],
    /// Header and body.
    pub(super) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The next element, or `None` where it is not whole. Nothing is consumed then.
    pub(super) fn next(cursor: &mut Cursor<'a>) -> Option<Self> {
        let mut ahead = *cursor;
        let (tag, len) = header(&mut ahead)?;
        let body = ahead.take(len).ok()?;
        let whole = cursor.take(cursor.len().checked_sub(ahead.len())?).ok()?;
        Some(Self { tag, body, whole })
    }

    /// The next element, where it has this tag. Nothing is consumed otherwise.
    pub(super) fn tagged(cursor: &mut Cursor<'a>, tag: u8) -> Option<Self> {
        let mut ahead = *cursor;
        let element = Self::next(&mut ahead).filter(|element| element.tag == tag)?;
        *cursor = ahead;
        Some(element)
    }
}

/// What an element of this tag holds, as far as the bytes go, and whether all of it was there.
pub(super) fn open<'a>(cursor: &mut Cursor<'a>, tag: u8) -> Option<(Cursor<'a>, bool)> {
    let mut ahead = *cursor;
    let (found, len) = header(&mut ahead)?;
    if found != tag {
        return None;
    }
    let (body, whole) = ahead.take_readable(len);
    *cursor = ahead;
    Some((Cursor::new(body), whole))
}

/// An OID's content octets in dotted form (X.690, section 8.19). `None` where they end early, or where an arc passes
/// 128 bits.
pub(super) fn dotted(oid: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(oid.len().saturating_mul(3));
    let mut arc: u128 = 0;
    let mut open = true;
    for byte in oid {
        arc = arc.checked_mul(128)?.checked_add(u128::from(byte & 0x7f))?;
        open = byte & 0x80 != 0;
        if open {
            continue;
        }
        if text.is_empty() {
            let root = arc.min(80).checked_div(40)?;
            arc = arc.checked_sub(root.checked_mul(40)?)?;
            text.push(char::from_digit(u32::try_from(root).ok()?, 10)?);
        }
        // Writing to a String cannot fail.
        let _ = match u64::try_from(arc) {
            Ok(small) => write!(text, ".{small}"),
            Err(_) => write!(text, ".{arc}"),
        };
        arc = 0;
    }
    (!open).then_some(text)
}

/// An INTEGER's content as a number. `None` where it is negative, or passes 32 bits.
pub(super) fn small(integer: &[u8]) -> Option<u32> {
    if integer.first().is_none_or(|first| first & 0x80 != 0) {
        return None;
    }
    integer.iter().try_fold(0u32, |number, &octet| number.checked_mul(256)?.checked_add(octet.into()))
}

fn header(cursor: &mut Cursor<'_>) -> Option<(u8, usize)> {
    let tag = cursor.u8().ok()?;
    if tag & HIGH_TAG == HIGH_TAG {
        while cursor.u8().ok()? & 0x80 != 0 {}
    }
    let first = cursor.u8().ok()?;
    if first < 0x80 {
        return Some((tag, usize::from(first)));
    }
    let octets = cursor.take(usize::from(first & 0x7f)).ok()?;
    if octets.is_empty() {
        return None;
    }
    let len = octets.iter().try_fold(0usize, |len, &octet| len.checked_mul(256)?.checked_add(usize::from(octet)))?;
    Some((tag, len))
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
const HIGH_TAG: u8 = 0x1f;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn oids_are_dotted() {
        let text = |bytes: &[u8]| dotted(bytes);
        assert_eq!(text(&[0x55, 0x04, 0x03]).as_deref(), Some("2.5.4.3"));
        assert_eq!(text(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]).as_deref(), Some("1.2.840.113549.1.9.1"));
        assert_eq!(text(&[0x88, 0x37]).as_deref(), Some("2.999"));
        assert_eq!(text(&[0x09]).as_deref(), Some("0.9"));
        assert_eq!(text(&[]), None);
        assert_eq!(text(&[0x55, 0x84]), None);
        assert_eq!(text(&[0xff; 40]), None);
    }

    #[test]
    fn an_element_that_is_not_whole_is_left_where_it_is() {
        let mut cursor = Cursor::new(&[0x30, 3, 1, 2]);
        assert!(Element::next(&mut cursor).is_none());
        assert_eq!(cursor.len(), 4);
        let (body, whole) = open(&mut cursor, SEQUENCE).unwrap();
        assert_eq!((body.rest(), whole), (&[1u8, 2][..], false));
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        for bytes in [&[0x30, 0x80, 0, 0][..], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0x8f], &[0x1f, 0xff]] {
            assert!(Element::next(&mut Cursor::new(bytes)).is_none(), "{bytes:02x?}");
        }
    }
}
