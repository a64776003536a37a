//! What a field of an event holds, without allocation: text borrowed or written to the stack, numbers, addresses, times.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::net::IpAddr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::capture::Timestamp;
use crate::wire::text::Code;

/// One value of a field.
#[derive(Debug, Clone)]
pub enum Value<'e> {
    Text(Cow<'e, str>),
    Short(Short),
    /// A number of the wire, 16 bits wide; its text is `0xNNNN`.
    Code(u16),
    Integer(i64),
    Bool(bool),
    Ip(IpAddr),
    Time(Moment),
}

/// What all values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Code,
    Integer,
    Bool,
    Ip,
    Time,
}

impl Kind {
    /// The kind in words, with its article.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Code => "a 0xNNNN number",
            Self::Integer => "an integer",
            Self::Bool => "true or false",
            Self::Ip => "an address",
            Self::Time => "a time",
        }
    }

    /// Whether values of the kind have an order that means something.
    pub fn is_ordered(self) -> bool {
        matches!(self, Self::Code | Self::Integer | Self::Time)
    }
}

impl<'e> Value<'e> {
    pub fn text(text: &'e str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Anything short that knows how to print itself: at most [`Short::MAX`] bytes stay on the stack.
    pub fn shown(shown: impl fmt::Display) -> Self {
        let mut short = Short::default();
        match write!(short, "{shown}") {
            Ok(()) => Self::Short(short),
            Err(fmt::Error) => Self::Text(Cow::Owned(shown.to_string())),
        }
    }

    pub fn hex(bytes: &[u8]) -> Self {
        Self::shown(Hex { bytes, digits: LOWER })
    }

    pub fn upper_hex(bytes: &[u8]) -> Self {
        Self::shown(Hex { bytes, digits: UPPER })
    }

    /// Hands the value's text on.
    pub fn with_text<R>(&self, then: impl FnOnce(&str) -> R) -> R {
        match self {
            Self::Text(text) => then(text),
            Self::Short(short) => then(short.as_str()),
            Self::Code(code) => then(Short::of(Code(*code)).as_str()),
            Self::Integer(number) => then(Short::of(number).as_str()),
            Self::Bool(true) => then("true"),
            Self::Bool(false) => then("false"),
            Self::Ip(ip) => then(Short::of(ip).as_str()),
            Self::Time(moment) => then(Short::of(moment).as_str()),
        }
    }
}

/// A point in time, wide enough for a certificate's dates. Its text is RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Seconds since 1970-01-01T00:00:00Z; negative before.
    pub seconds: i64,
    pub nanos: u32,
}

impl Moment {
    pub fn of_seconds(seconds: i64) -> Self {
        Self { seconds, nanos: 0 }
    }

    /// Reads RFC 3339, or a date alone, which is its first second in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let whole = if text.len() == "2000-01-01".len() { Cow::from(format!("{text}T00:00:00Z")) } else { text.into() };
        let parsed = OffsetDateTime::parse(&whole, &Rfc3339).ok()?;
        Some(Self { seconds: parsed.unix_timestamp(), nanos: parsed.nanosecond() })
    }
}

/// A part of a time, as Sigma's modifiers name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimePart {
    Minute,
    Hour,
    Day,
    /// Of ISO 8601.
    Week,
    Month,
    Year,
}

impl Moment {
    /// The part in UTC; `None` for a moment outside of the calendar.
    pub fn part(self, part: TimePart) -> Option<i64> {
        let date = OffsetDateTime::from_unix_timestamp(self.seconds).ok()?;
        Some(match part {
            TimePart::Minute => date.minute().into(),
            TimePart::Hour => date.hour().into(),
            TimePart::Day => date.day().into(),
            TimePart::Week => date.iso_week().into(),
            TimePart::Month => u8::from(date.month()).into(),
            TimePart::Year => date.year().into(),
        })
    }
}

impl From<Timestamp> for Moment {
    fn from(Timestamp(nanos): Timestamp) -> Self {
        // The remainder of a division by a billion fits.
        Self { seconds: nanos.div_euclid(BILLION), nanos: nanos.rem_euclid(BILLION) as u32 }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = OffsetDateTime::from_unix_timestamp(self.seconds).and_then(|at| at.replace_nanosecond(self.nanos));
        let mut buffer = [0u8; Short::MAX];
        let mut rest = &mut buffer[..];
        match date.ok().map(|date| date.format_into(&mut rest, &Rfc3339)) {
            Some(Ok(_)) => {
                let len = Short::MAX - rest.len();
                f.write_str(std::str::from_utf8(&buffer[..len]).map_err(|_| fmt::Error)?)
            }
            // Outside of the years 0 to 9999, which RFC 3339 cannot write.
            _ => write!(f, "{}", self.seconds),
        }
    }
}

/// Up to [`Short::MAX`] bytes of text on the stack.
#[derive(Clone, Copy)]
pub struct Short {
    len: u8,
    bytes: [u8; Short::MAX],
}

impl Short {
    /// A SHA-256 in hex, the longest thing that is regularly written.
    pub const MAX: usize = 64;

    pub fn as_str(&self) -> &str {
        // Only whole strings are ever appended.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    fn of(shown: impl fmt::Display) -> Self {
        let mut short = Self::default();
        // Codes, integers, addresses and times are shorter than MAX.
        let _ = write!(short, "{shown}");
        short
    }
}

impl Default for Short {
    fn default() -> Self {
        Self { len: 0, bytes: [0; Short::MAX] }
    }
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = usize::from(self.len);
        let end = start + text.len();
        self.bytes.get_mut(start..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end as u8;
        Ok(())
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

struct Hex<'a> {
    bytes: &'a [u8],
    digits: &'static [u8; 16],
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.bytes.chunks(Short::MAX / 2) {
            let mut text = [0u8; Short::MAX];
            for (pair, byte) in text.chunks_exact_mut(2).zip(chunk) {
                pair[0] = self.digits[usize::from(byte >> 4)];
                pair[1] = self.digits[usize::from(byte & 0xf)];
            }
            f.write_str(std::str::from_utf8(&text[..chunk.len() * 2]).map_err(|_| fmt::Error)?)?;
        }
        Ok(())
    }
}

const BILLION: i64 = 1_000_000_000;
const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Value<'_>) -> String {
        value.with_text(str::to_owned)
    }

    #[test]
    fn hex_of_any_length_is_whole() {
        assert_eq!(text(Value::hex(&[0xab; 32])), "ab".repeat(32));
        assert_eq!(text(Value::upper_hex(&[0xab; 100])), "AB".repeat(100));
        assert_eq!(text(Value::hex(&[])), "");
    }

    #[test]
    fn parts_of_a_time_are_those_of_utc() {
        let moment = Moment::parse("2023-01-01T23:45:00Z");
        let part = |part| moment.and_then(|moment| moment.part(part));
        assert_eq!((part(TimePart::Minute), part(TimePart::Hour), part(TimePart::Day)), (Some(45), Some(23), Some(1)));
        // 1 January 2023 is a Sunday: it belongs to the last week of 2022.
        assert_eq!(
            (part(TimePart::Week), part(TimePart::Month), part(TimePart::Year)),
            (Some(52), Some(1), Some(2023))
        );
        assert_eq!(Moment::of_seconds(i64::MAX).part(TimePart::Year), None);
    }

    #[test]
    fn moments_are_rfc_3339_and_read_back() {
        let moment = Moment::from(Timestamp(-1));
        assert_eq!(moment.to_string(), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(Moment::parse("1969-12-31T23:59:59.999999999Z"), Some(moment));
        assert_eq!(Moment::parse("2024-05-06").map(|m| m.to_string()).as_deref(), Some("2024-05-06T00:00:00Z"));
        assert_eq!(Moment::parse("yesterday"), None);
        assert_eq!(Moment::of_seconds(i64::MAX).to_string(), i64::MAX.to_string());
    }
}
