// SPDX-License-Identifier: LicenseRef-FoxIO-1.1
//! JA4T and JA4TS: the TCP stacks of the two sides, from window and options of SYN and SYN-ACK.
//!
//! In: the window field and the raw option area. Out: values of fixed size. Does not decide which packet is a SYN.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt;

use crate::wire::Cursor;

/// A JA4T value, of a client's SYN (flags exactly SYN, or SYN with ECE and CWR).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ja4t {
    window: u16,
    /// Absent or zero: both print `00`.
    mss: u16,
    /// Absent or zero: both print `00`.
    scale: u8,
    count: u8,
    kinds: [u8; MAX_OPTIONS],
}

/// A JA4TS value, of a server's SYN-ACK. Retransmissions, the method's optional last part, are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ja4ts(pub Ja4t);

impl Ja4t {
    /// `window` as it stands in the header, not scaled; `options` the bytes between the fixed header and the payload.
    ///
    /// Every NOP and every end-of-list byte is a kind of its own, through the whole area (RFC 9293, section 3.1). Where
    /// an option's length cannot be, the list ends before it. The last of several MSS or window scale options counts.
    pub fn of(window: u16, options: &[u8]) -> Self {
        let mut print = Self { window, mss: 0, scale: 0, count: 0, kinds: [0; MAX_OPTIONS] };
        let mut rest = Cursor::new(options.get(..MAX_OPTIONS).unwrap_or(options));
        while let Some((kind, value)) = next_option(&mut rest) {
            print.push(kind);
            match (kind, value) {
                (MSS, &[high, low]) => print.mss = u16::from_be_bytes([high, low]),
                (WINDOW_SCALE, &[shift]) => print.scale = shift,
                _ => {}
            }
        }
        print
    }

    fn push(&mut self, kind: u8) {
        if let Some(place) = self.kinds.get_mut(usize::from(self.count)) {
            *place = kind;
            self.count = self.count.saturating_add(1);
        }
    }
}

impl fmt::Display for Ja4t {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_", self.window)?;
        match self.kinds.get(..usize::from(self.count)) {
            Some([first, rest @ ..]) => {
                write!(f, "{first}")?;
                rest.iter().try_for_each(|kind| write!(f, "-{kind}"))?;
            }
            _ => f.write_str("00")?,
        }
        write!(f, "_{:02}_", self.mss)?;
        match self.scale {
            0 => f.write_str("00"),
            shift => write!(f, "{shift}"),
        }
    }
}

impl fmt::Display for Ja4ts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn next_option<'a>(rest: &mut Cursor<'a>) -> Option<(u8, &'a [u8])> {
    let kind = rest.u8().ok()?;
    if matches!(kind, END_OF_LIST | NO_OPERATION) {
        return Some((kind, &[]));
    }
    let value_len = rest.u8().ok()?.checked_sub(2)?;
    let value = rest.take(usize::from(value_len)).ok()?;
    Some((kind, value))
}

/// A data offset of 15 words leaves 40 bytes for options.
const MAX_OPTIONS: usize = 40;
const END_OF_LIST: u8 = 0;
const NO_OPERATION: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn print(window: u16, options: &[u8]) -> String {
        Ja4t::of(window, options).to_string()
    }

    #[test]
    fn a_windows_syn_has_the_specifications_value() {
        let options = [2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];
        assert_eq!(print(64240, &options), "64240_2-1-3-1-1-4_1460_8");
    }

    #[test]
    fn every_end_of_list_byte_is_listed() {
        let options = [2, 4, 0x05, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 4, 2, 0, 0];
        assert_eq!(print(65535, &options), "65535_2-1-3-1-1-8-4-0-0_1460_6");
    }

    #[test]
    fn what_is_absent_is_00() {
        assert_eq!(print(1024, &[]), "1024_00_00_00");
        assert_eq!(print(1024, &[2, 4, 0x05, 0xb4]), "1024_2_1460_00");
    }

    #[test]
    fn small_numbers_keep_two_digits_where_the_method_says_so() {
        assert_eq!(print(1, &[2, 4, 0, 5, 3, 3, 0]), "1_2-3_05_00");
        assert_eq!(print(1, &[2, 4, 0, 5, 3, 3, 2]), "1_2-3_05_2");
    }

    #[test]
    fn an_impossible_length_ends_the_list() {
        assert_eq!(print(9, &[1, 2, 4, 5]), "9_1_00_00");
        assert_eq!(print(9, &[1, 8, 1, 1]), "9_1_00_00");
        assert_eq!(print(9, &[1, 8]), "9_1_00_00");
    }

    #[test]
    fn an_overlong_area_is_cut_at_40_bytes() {
        assert_eq!(Ja4t::of(9, &[1; 400]).count, 40);
    }
}
