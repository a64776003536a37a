//! UTCTime and GeneralizedTime as certificates carry them.
//!
//! In: an element's tag and content. Out: unix seconds. Forms that RFC 5280 forbids but that have one meaning are read.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use time::{Date, Month};

use super::der::Element;
use crate::wire::Cursor;

/// A point in time of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instant {
    /// Seconds since 1970-01-01T00:00:00Z; negative before.
    pub(super) seconds: i64,
    /// It has the one form RFC 5280 (section 4.1.2.5) allows: to the second, in UTC, without a fraction.
    pub(super) regular: bool,
}

impl Instant {
    pub(super) fn read(element: &Element<'_>) -> Option<Self> {
        let mut text = Cursor::new(element.body);
        let (year, regular_len) = match element.tag {
            // RFC 5280, section 4.1.2.5.1: 50 and later is the 20th century.
            UTC_TIME => match two_digits(&mut text)? {
                year @ 50.. => (1900u16.checked_add(year.into())?, UTC_TIME_LEN),
                year => (2000u16.checked_add(year.into())?, UTC_TIME_LEN),
            },
            GENERALIZED_TIME => {
                let century = u16::from(two_digits(&mut text)?);
                (century.checked_mul(100)?.checked_add(two_digits(&mut text)?.into())?, GENERALIZED_TIME_LEN)
            }
            _ => return None,
        };
        let month = Month::try_from(two_digits(&mut text)?).ok()?;
        let date = Date::from_calendar_date(year.into(), month, two_digits(&mut text)?).ok()?;
        let hour = two_digits(&mut text)?;
        let minute = two_digits(&mut text).unwrap_or(0);
        let second = two_digits(&mut text).unwrap_or(0);
        skip_fraction(&mut text);
        let offset = zone(&mut text)?;
        if !text.is_empty() {
            return None;
        }
        let leap = i64::from(second == 60);
        let local = date.with_hms(hour, minute, second.min(59)).ok().filter(|_| second <= 60)?;
        let seconds = local.assume_utc().unix_timestamp().checked_add(leap)?.checked_sub(offset)?;
        let regular = element.body.len() == regular_len && element.body.ends_with(b"Z") && leap == 0;
        Some(Self { seconds, regular })
    }
}

fn two_digits(text: &mut Cursor<'_>) -> Option<u8> {
    let mut ahead = *text;
    let [tens, ones] = ahead.array::<2>().ok()?.map(|digit| char::from(digit).to_digit(10));
    let value = tens?.checked_mul(10)?.checked_add(ones?)?;
    *text = ahead;
    u8::try_from(value).ok()
}

fn skip_fraction(text: &mut Cursor<'_>) {
    let mut ahead = *text;
    if matches!(ahead.u8(), Ok(b'.' | b',')) {
        while ahead.rest().first().is_some_and(u8::is_ascii_digit) {
            let _ = ahead.u8();
        }
        *text = ahead;
    }
}

/// Seconds east of UTC; without a zone, UTC.
fn zone(text: &mut Cursor<'_>) -> Option<i64> {
    let sign = match text.u8() {
        Ok(b'Z') | Err(_) => return Some(0),
        Ok(b'+') => 1,
        Ok(b'-') => -1,
        Ok(_) => return None,
    };
    let hours = i64::from(two_digits(text)?);
    let minutes = i64::from(two_digits(text).unwrap_or(0));
    hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_mul(sign)
}

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const UTC_TIME_LEN: usize = "YYMMDDhhmmssZ".len();
const GENERALIZED_TIME_LEN: usize = "YYYYMMDDhhmmssZ".len();

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tag: u8, text: &str) -> Option<(i64, bool)> {
        let element = Element { tag, body: text.as_bytes(), whole: &[] };
        Instant::read(&element).map(|instant| (instant.seconds, instant.regular))
    }

    #[test]
    fn utc_time_runs_from_1950_to_2049() {
        assert_eq!(read(UTC_TIME, "700101000000Z"), Some((0, true)));
        assert_eq!(read(UTC_TIME, "691231000000Z"), Some((-86400, true)));
        assert_eq!(read(UTC_TIME, "500101000000Z"), Some((-631_152_000, true)));
        assert_eq!(read(UTC_TIME, "491231235959Z"), Some((2_524_607_999, true)));
    }

    #[test]
    fn generalized_time_goes_past_2050() {
        assert_eq!(read(GENERALIZED_TIME, "20500101000000Z"), Some((2_524_608_000, true)));
        assert_eq!(read(GENERALIZED_TIME, "99991231235959Z"), Some((253_402_300_799, true)));
        assert_eq!(read(GENERALIZED_TIME, "00000101000000Z"), Some((-62_167_219_200, true)));
    }

    #[test]
    fn forbidden_forms_are_read_and_marked() {
        assert_eq!(read(UTC_TIME, "7001010000Z"), Some((0, false)));
        assert_eq!(read(UTC_TIME, "700101010000+0100"), Some((0, false)));
        assert_eq!(read(UTC_TIME, "691231230000-0100"), Some((0, false)));
        assert_eq!(read(GENERALIZED_TIME, "19700101000000.123Z"), Some((0, false)));
        assert_eq!(read(GENERALIZED_TIME, "1970010100"), Some((0, false)));
        assert_eq!(read(UTC_TIME, "691231235960Z"), Some((0, false)));
    }

    #[test]
    fn dates_that_are_none_are_refused() {
        for text in [
            "",
            "7",
            "701301000000Z",
            "700230000000Z",
            "700101250000Z",
            "700101000061Z",
            "700101000000ZZ",
            "70010100000xZ",
        ] {
            assert_eq!(read(UTC_TIME, text), None, "{text}");
        }
        assert_eq!(read(0x13, "700101000000Z"), None);
    }
}
