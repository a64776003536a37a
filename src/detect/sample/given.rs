//! The values of one field as a test gives them, read as what the field wants.

use std::net::IpAddr;
use std::str::FromStr;

use super::super::field::Field;
use super::super::value::Moment;

/// At least one value; more than one for arrays alone.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    pub field: Field,
    pub values: &'a [String],
}

impl<'a> Given<'a> {
    pub fn text(self) -> &'a str {
        self.values.first().map(String::as_str).unwrap_or_default()
    }

    pub fn texts(self) -> impl Iterator<Item = &'a str> {
        self.values.iter().map(String::as_str)
    }

    pub fn number<T: FromStr>(self) -> Result<T, String> {
        number(self.text()).ok_or_else(|| self.misfit(self.text(), "a number that fits"))
    }

    pub fn code(self) -> Result<u16, String> {
        self.codes()?.first().copied().ok_or_else(|| self.misfit("", "a number such as 0x1301"))
    }

    pub fn codes(self) -> Result<Box<[u16]>, String> {
        self.each(|text| code(text).ok_or_else(|| self.misfit(text, "a number such as 0x1301")))
    }

    pub fn small_codes(self) -> Result<Box<[u8]>, String> {
        let small = |text| code(text).and_then(|code| u8::try_from(code).ok());
        self.each(|text| small(text).ok_or_else(|| self.misfit(text, "a number below 256")))
    }

    pub fn truth(self) -> Result<bool, String> {
        self.text().parse().map_err(|_| self.misfit(self.text(), "true or false"))
    }

    pub fn ip(self) -> Result<IpAddr, String> {
        self.text().parse().map_err(|_| self.misfit(self.text(), "an address"))
    }

    pub fn time(self) -> Result<Moment, String> {
        self.time_of(self.text())
    }

    pub fn time_of(self, text: &str) -> Result<Moment, String> {
        Moment::parse(text).ok_or_else(|| self.misfit(text, "a time such as '2026-01-01T00:00:00Z'"))
    }

    pub fn hex<const N: usize>(self) -> Result<[u8; N], String> {
        self.hex_of(self.text())
    }

    pub fn hex_of<const N: usize>(self, text: &str) -> Result<[u8; N], String> {
        let digits = N.saturating_mul(2);
        bytes_of_hex(text)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| self.misfit(text, &format!("{digits} hexadecimal digits")))
    }

    /// The number of which this is the name, or the number itself.
    pub fn named(self, text: &str, name: fn(u16) -> Option<&'static str>, what: &str) -> Result<u16, String> {
        let by_name = (0..=u16::MAX).find(|&code| name(code).is_some_and(|known| known.eq_ignore_ascii_case(text)));
        by_name.or_else(|| text.starts_with("0x").then(|| code(text)).flatten()).ok_or_else(|| self.misfit(text, what))
    }

    /// The one of these that is called so.
    pub fn one_of<T: Copy>(self, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
        self.which(self.text(), all, name)
    }

    pub fn which<T: Copy>(self, text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
        all.iter().copied().find(|&one| name(one).eq_ignore_ascii_case(text)).ok_or_else(|| {
            let names: Vec<_> = all.iter().map(|&one| name(one)).collect();
            self.misfit(text, &format!("one of {}", names.join(", ")))
        })
    }

    pub fn each<T>(self, read: impl Fn(&'a str) -> Result<T, String>) -> Result<Box<[T]>, String> {
        self.texts().map(read).collect()
    }

    pub fn misfit(self, text: &str, what: &str) -> String {
        format!("`{text}` cannot be a value of `{}`: write {what}", self.field.name())
    }
}

/// Bytes of a peer: `\xNN` is one that is not printable.
pub fn bytes(text: &str) -> Box<[u8]> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        out.extend_from_slice(before.as_bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.extend_from_slice(b"\\x");
                rest = after;
            }
        }
    }
    out.extend_from_slice(rest.as_bytes());
    out.into()
}

/// Pairs of digits; an odd first one stands alone.
pub fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let even = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("0{text}") };
    let pairs = even.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn code(text: &str) -> Option<u16> {
    match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}
