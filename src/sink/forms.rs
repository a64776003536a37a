//! How the schema writes single values: code points, hex, times, addresses, bytes that a peer chose.
//!
//! In: numbers and bytes. Out: values whose `Serialize` puts ready JSON text into [`json`](super::json), built on the
//! stack. Every form here is plain ASCII, so nothing is scanned for characters to escape.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arrayvec::ArrayVec;
use serde::{Serialize, Serializer};

use crate::capture::Timestamp;
use crate::event::Missing;
use crate::wire::registry;
use crate::wire::text::printable;

/// Up to 64 characters between quotes.
#[derive(Debug, Clone, Copy)]
pub struct Short {
    bytes: [u8; 66],
    len: u8,
}

impl Short {
    fn new() -> Self {
        Self { bytes: [b'"'; 66], len: 1 }
    }

    /// Of plain ASCII without quotes and backslashes.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut short = Self::new();
        short.push(text);
        short
    }

    fn push(&mut self, text: &[u8]) {
        // Every caller's text fits; were one to grow, it would be cut and not panic.
        let free = self.free();
        let len = free.len().min(text.len());
        free[..len].copy_from_slice(&text[..len]);
        self.len += len as u8;
    }

    fn push_hex(&mut self, bytes: &[u8]) {
        for (place, &byte) in self.free().chunks_exact_mut(2).zip(bytes) {
            place.copy_from_slice(&HEX[usize::from(byte)]);
        }
        self.len += (2 * bytes.len()).min(self.free().len()) as u8;
    }

    /// Where the next characters go; the last place is the closing quote's.
    fn free(&mut self) -> &mut [u8] {
        let last = self.bytes.len() - 1;
        &mut self.bytes[usize::from(self.len)..last]
    }

    /// The text without its quotes.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[1..usize::from(self.len)]).unwrap_or_default()
    }
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl Serialize for Short {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The array was filled with quotes, so the closing one is there.
        serializer.serialize_bytes(&self.bytes[..=usize::from(self.len)])
    }
}

/// Bytes as lower-case hex; at most 32 of them.
#[derive(Debug, Clone, Copy)]
pub struct Hex<'a>(pub &'a [u8]);

impl Hex<'_> {
    pub fn text(self) -> Short {
        let mut text = Short::new();
        text.push_hex(self.0);
        text
    }
}

/// A certificate's serial number as ECS writes it: upper-case hex of the number, without the octet that keeps it
/// positive; absent where it has no octets. RFC 5280 allows 20 of them; longer ones are cut after 32.
#[derive(Debug, Clone, Copy)]
pub struct Serial<'a>(pub &'a [u8]);

impl Serial<'_> {
    pub fn text(self) -> Option<Short> {
        let octets = match self.0 {
            [0, rest @ ..] if !rest.is_empty() => rest,
            [] => return None,
            all => all,
        };
        let mut text = Hex(octets.get(..32).unwrap_or(octets)).text();
        text.bytes.make_ascii_uppercase();
        Some(text)
    }
}

/// RFC 3339 in UTC with nine digits: `2024-02-29T23:59:59.000000001Z`.
#[derive(Debug, Clone, Copy)]
pub struct Time(pub Timestamp);

impl Time {
    pub fn text(self) -> Short {
        let Timestamp(at) = self.0;
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        // An i64 of nanoseconds spans the years 1677 to 2262.
        text[..19].copy_from_slice(&clock(at.div_euclid(1_000_000_000)));
        let nanos = at.rem_euclid(1_000_000_000) as u32;
        for (place, value) in [(20, nanos / 10_000_000), (22, nanos / 100_000), (24, nanos / 1_000), (26, nanos / 10)] {
            text[place..place + 2].copy_from_slice(pair(value));
        }
        text[28] = b'0' + (nanos % 10) as u8;
        Short::of(&text)
    }
}

/// Seconds since 1970 as RFC 3339 in UTC, whole seconds; absent outside the years 0 to 9999, which is all that RFC 3339
/// and X.509 can write.
#[derive(Debug, Clone, Copy)]
pub struct Date(pub i64);

impl Date {
    pub fn text(self) -> Option<Short> {
        if !(YEAR_0..YEAR_10000).contains(&self.0) {
            return None;
        }
        let mut text = *b"0000-00-00T00:00:00Z";
        text[..19].copy_from_slice(&clock(self.0));
        Some(Short::of(&text))
    }
}

/// An address in its canonical form (RFC 5952 for IPv6).
#[derive(Debug, Clone, Copy)]
pub struct Address(pub IpAddr);

impl Address {
    pub fn text(self) -> Short {
        match self.0 {
            IpAddr::V4(ip) => address_v4(ip),
            IpAddr::V6(ip) => address_v6(ip),
        }
    }
}

/// An entry of `tlsight.missing`: `what:why`.
#[derive(Debug, Clone, Copy)]
pub struct MissingText(pub Missing);

impl MissingText {
    pub fn text(self) -> Short {
        let mut text = Short::new();
        text.push(self.0.what.as_str().as_bytes());
        text.push(b":");
        text.push(self.0.why.as_str().as_bytes());
        text
    }
}

macro_rules! serialize_text {
    ($($form:ty),+) => {
        $(impl Serialize for $form {
            #[inline]
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.text().serialize(serializer)
            }
        })+
    };
}

serialize_text!(Hex<'_>, Serial<'_>, Time, Date, Address, MissingText);

/// `2024-02-29T23:59:59` of seconds since 1970; years have four digits.
fn clock(seconds: i64) -> [u8; 19] {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) as u32);
    let (year, month, day) = civil(days);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    let mut text = *b"0000-00-00T00:00:00";
    let parts = [(0, year / 100), (2, year), (5, month), (8, day), (11, hour), (14, minute), (17, second % 60)];
    for (place, value) in parts {
        text[place..place + 2].copy_from_slice(pair(value));
    }
    text
}

/// The last two decimal digits.
fn pair(value: u32) -> &'static [u8; 2] {
    &DECIMAL[value as usize % 100]
}

/// Year, month and day of the proleptic Gregorian calendar, from days since 1970-01-01. Years count from the 1st of
/// March here, so that a leap day is a year's last one.
fn civil(days: i64) -> (u32, u32, u32) {
    let since_march_0 = days + 719_468;
    let era = since_march_0.div_euclid(146_097);
    let day_of_era = since_march_0.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, carry) = if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    ((year_of_era + era * 400 + carry) as u32, month as u32, day as u32)
}

fn address_v4(ip: Ipv4Addr) -> Short {
    let mut text = Short::new();
    for (i, octet) in ip.octets().into_iter().enumerate() {
        if i > 0 {
            text.push(b".");
        }
        let pair = DECIMAL[usize::from(octet % 100)];
        match octet {
            100.. => text.push(&[b'0' + octet / 100, pair[0], pair[1]]),
            10.. => text.push(&pair),
            _ => text.push(&pair[1..]),
        }
    }
    text
}

fn address_v6(ip: Ipv6Addr) -> Short {
    let mut text = Short::new();
    // Writing to a Short does not fail.
    let _ = write!(text, "{ip}");
    text
}

/// A number of the wire as `0xNNNN`.
#[derive(Debug, Clone, Copy)]
pub struct Code(pub u16);

impl Serialize for Code {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [high, low] = self.0.to_be_bytes().map(|byte| HEX[usize::from(byte)]);
        serializer.serialize_bytes(&[b'"', b'0', b'x', high[0], high[1], low[0], low[1], b'"'])
    }
}

/// A three-byte cipher specification of SSL 2.0 as `0xNNNNNN`.
#[derive(Debug, Clone, Copy)]
pub struct Code24(pub u32);

impl Serialize for Code24 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Short::new();
        text.push(b"0x");
        text.push_hex(&self.0.to_be_bytes()[1..]);
        text.serialize(serializer)
    }
}

/// A cipher suite's IANA name, or its number.
#[derive(Debug, Clone, Copy)]
pub struct CipherName(pub u16);

impl Serialize for CipherName {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        named(registry::cipher_suite(self.0), self.0, serializer)
    }
}

/// A group's IANA name, or its number.
#[derive(Debug, Clone, Copy)]
pub struct GroupName(pub u16);

impl Serialize for GroupName {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        named(registry::group(self.0), self.0, serializer)
    }
}

#[inline]
fn named<S: Serializer>(name: Option<&str>, number: u16, serializer: S) -> Result<S::Ok, S::Error> {
    match name {
        Some(name) => serializer.serialize_str(name),
        None => Code(number).serialize(serializer),
    }
}

/// Bytes that a peer chose, as [`printable`] text; absent where there are none.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a>(pub &'a [u8]);

impl Serialize for Printable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.serialize_none();
        }
        serializer.serialize_str(&printable(self.0))
    }
}

/// A value in the words of its own `Display`.
#[derive(Debug, Clone, Copy)]
pub struct Shown<T>(pub T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A list, each element in the form that `form` gives it; absent where it is empty.
#[derive(Debug, Clone, Copy)]
pub struct Each<'a, T, F>(pub &'a [T], pub fn(&'a T) -> F);

impl<'a, T, F: Serialize> Serialize for Each<'a, T, F> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

/// Code points in wire order; absent where there are none.
#[derive(Debug, Clone, Copy)]
pub struct Codes<'a>(pub &'a [u16]);

/// One-byte code points in wire order, as wide as the others.
#[derive(Debug, Clone, Copy)]
pub struct Codes8<'a>(pub &'a [u8]);

/// Cipher suites by their IANA names, in wire order; absent where there are none.
#[derive(Debug, Clone, Copy)]
pub struct CipherNames<'a>(pub &'a [u16]);

impl Serialize for Codes<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        code_list(self.0.iter().copied(), serializer)
    }
}

impl Serialize for Codes8<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        code_list(self.0.iter().map(|&code| code.into()), serializer)
    }
}

/// The list is made on the stack and put in as one text: element by element, the lists of a new hello took twice the time
/// of everything else in its line.
#[inline]
fn code_list<S: Serializer>(
    codes: impl ExactSizeIterator<Item = u16> + Clone,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if codes.len() == 0 {
        return serializer.serialize_none();
    }
    if codes.len() > LIST {
        return serializer.collect_seq(codes.map(Code));
    }
    let mut text = ArrayVec::<u8, { LIST * ELEMENT + 1 }>::new();
    text.push(b'[');
    for code in codes {
        let [high, low] = code.to_be_bytes().map(|byte| HEX[usize::from(byte)]);
        // There is room for as many as LIST.
        let _ = text.try_extend_from_slice(&[b'"', b'0', b'x', high[0], high[1], low[0], low[1], b'"', b',']);
    }
    text.pop();
    text.push(b']');
    serializer.serialize_bytes(&text)
}

impl Serialize for CipherNames<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.serialize_none();
        }
        let mut text = ArrayVec::<u8, NAMES>::new();
        text.push(b'[');
        for &suite in self.0 {
            let number = Hex(&suite.to_be_bytes()).text();
            let (prefix, name) = match registry::cipher_suite(suite) {
                Some(name) => (&b"\""[..], name),
                None => (&b"\"0x"[..], number.as_str()),
            };
            if text.remaining_capacity() < prefix.len() + name.len() + 2 {
                return serializer.collect_seq(self.0.iter().map(|&suite| CipherName(suite)));
            }
            for part in [prefix, name.as_bytes(), b"\","] {
                let _ = text.try_extend_from_slice(part);
            }
        }
        text.pop();
        text.push(b']');
        serializer.serialize_bytes(&text)
    }
}

/// Code points of a list that is made on the stack.
const LIST: usize = 128;
/// Bytes of `"0xNNNN",`.
const ELEMENT: usize = 9;
/// Bytes of a list of names that is made on the stack: a browser's takes a fifth of that.
const NAMES: usize = 4 << 10;

/// Seconds from 1970 to 0000-01-01T00:00:00Z and to 10000-01-01T00:00:00Z.
const YEAR_0: i64 = -62_167_219_200;
const YEAR_10000: i64 = 253_402_300_800;

/// `00` to `99`.
const DECIMAL: [[u8; 2]; 100] = {
    let mut table = [[0; 2]; 100];
    let mut i = 0;
    while i < 100 {
        table[i] = [b'0' + (i / 10) as u8, b'0' + (i % 10) as u8];
        i += 1;
    }
    table
};

/// `00` to `ff`.
const HEX: [[u8; 2]; 256] = {
    let digits = *b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = [digits[i >> 4], digits[i & 15]];
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use ::time::OffsetDateTime;
    use ::time::format_description::well_known::Rfc3339;

    use super::*;
    use crate::sink::json;

    fn written<T: Serialize>(value: T) -> String {
        let mut out = Vec::new();
        json::append(&mut out, &value).expect("supported");
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn packet_times_have_nine_digits_before_and_after_1970() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400_123_456_789, "2000-02-29T00:00:00.123456789Z"),
            (1_709_251_199_000_000_001, "2024-02-29T23:59:59.000000001Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
            (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
        ] {
            assert_eq!(Time(Timestamp(nanos)).text().as_str(), text);
        }
    }

    #[test]
    fn dates_agree_with_the_time_crate_over_all_years() {
        // A step that is no multiple of a day, so that every part changes.
        let mut seconds = YEAR_0;
        while seconds < YEAR_10000 {
            let expected = OffsetDateTime::from_unix_timestamp(seconds).expect("in range");
            let expected = expected.format(&Rfc3339).expect("RFC 3339");
            assert_eq!(Date(seconds).text().expect("in range").as_str(), expected);
            seconds += 8_640_011;
        }
        assert_eq!(Date(YEAR_10000 - 1).text().expect("in range").as_str(), "9999-12-31T23:59:59Z");
        assert_eq!(written(Date(YEAR_10000)), "");
        assert_eq!(written(Date(YEAR_0 - 1)), "");
    }

    #[test]
    fn code_points_are_hex_in_wire_order() {
        assert_eq!(written(Codes(&[0x0a0a, 0x1301, 0xffff, 0])), r#"["0x0a0a","0x1301","0xffff","0x0000"]"#);
        assert_eq!(written(Codes8(&[0, 0xff])), r#"["0x0000","0x00ff"]"#);
        assert_eq!(written(Code24(0x0007_00c0)), r#""0x0700c0""#);
        assert_eq!(written(Codes(&[])), "");
    }

    #[test]
    fn unknown_numbers_keep_their_number() {
        assert_eq!(written(CipherName(0x1301)), r#""TLS_AES_128_GCM_SHA256""#);
        assert_eq!(written(CipherName(0x0a0a)), r#""0x0a0a""#);
        assert_eq!(written(GroupName(0x001d)), r#""x25519""#);
        assert_eq!(written(GroupName(0x0a0a)), r#""0x0a0a""#);
    }

    #[test]
    fn every_registered_name_is_plain_ascii() {
        for number in 0..=u16::MAX {
            for name in [registry::cipher_suite(number), registry::group(number)].into_iter().flatten() {
                assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'), "{name}");
            }
        }
    }

    #[test]
    fn addresses_are_canonical() {
        for text in ["0.0.0.0", "9.10.99.100", "255.255.255.255", "::", "2001:db8::1", "::ffff:192.0.2.1"] {
            assert_eq!(Address(text.parse().expect("address")).text().as_str(), text);
        }
    }

    #[test]
    fn serial_numbers_are_upper_case_without_the_sign_octet() {
        assert_eq!(written(Serial(&[0, 0xab, 0x01])), r#""AB01""#);
        assert_eq!(written(Serial(&[0])), r#""00""#);
        assert_eq!(written(Serial(&[])), "");
        assert_eq!(Serial(&[0xff; 70]).text().expect("some").as_str(), "FF".repeat(32));
    }

    #[test]
    fn bytes_of_a_peer_are_text_and_never_empty() {
        assert_eq!(written(Printable(b"h2")), r#""h2""#);
        assert_eq!(written(Printable(b"a\"\xff\n")), r#""a\"\\xff\\x0a""#);
        assert_eq!(written(Printable(b"")), "");
    }
}
