//! Reads one list, whatever its form: plain lines, CSV, a file of Zeek's intelligence framework, a STIX bundle; also in gzip.
//!
//! In: a file's bytes. Out: entries, one after another, and a [`Reading`] that tells what could not be read and why. A bad line
//! costs no other line.

use std::fmt::Display;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::indicator::{Indicator, Reason};
use super::store::Words;
use super::{stix, table, zeek};
use crate::detect::Level;
use crate::detect::value::Moment;
use crate::feed::shortened;

/// What a line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub line: usize,
    pub indicators: Vec<Indicator>,
    pub words: Words,
    pub times: Times,
}

/// Seconds since 1970; `None` where the list does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    pub first_seen: Option<i64>,
    pub last_seen: Option<i64>,
    pub valid_until: Option<i64>,
}

/// What came of reading a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The form, in words.
    pub form: &'static str,
    /// What the file calls itself (`# name: …`).
    pub name: Option<String>,
    /// What the file says of its weight (`# level: …`).
    pub level: Option<Level>,
    /// Indicators that were taken.
    pub entries: u64,
    /// Lines that say again what another said.
    pub repeated: u64,
    /// Lines that could not be read.
    pub bad: u64,
    /// Of them the first thousand, one `file:line: what` each.
    pub faults: Vec<String>,
    /// Entries that were read and mean nothing here.
    pub left_out: u64,
    /// Of them the first thousand, likewise.
    pub reasons: Vec<String>,
    file: String,
}

impl Reading {
    /// Reads a file's bytes and hands its entries on.
    ///
    /// # Errors
    /// In words, where nothing in it is a list.
    pub fn of(file: &str, bytes: &[u8], take: &mut dyn FnMut(Found)) -> Result<Self, String> {
        let unpacked = unpacked(bytes)?;
        let bytes = unpacked.as_deref().unwrap_or(bytes);
        if bytes.get(..PEEK.min(bytes.len())).unwrap_or_default().contains(&0) {
            return Err("it is no text".to_owned());
        }
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut reading = Self { file: file.to_owned(), ..Self::default() };
        let mut reader = Reader { reading: &mut reading, take };
        if text.trim_start().starts_with('{') {
            stix::read(text, &mut reader)?;
        } else if text.lines().take(HEAD_LINES).any(|line| line.starts_with(crate::feed::zeek::HEADER)) {
            zeek::read(text, &mut reader);
        } else {
            table::read(text, &mut reader);
        }
        match reading.faults.first() {
            Some(first) if reading.entries == 0 => Err(format!("no line of it could be read; the first: {first}")),
            _ => Ok(reading),
        }
    }
}

/// Where the readers of the forms put what they read.
pub struct Reader<'r, 't> {
    pub reading: &'r mut Reading,
    take: &'t mut dyn FnMut(Found),
}

impl Reader<'_, '_> {
    pub fn found(&mut self, found: Found) {
        self.reading.entries = self.reading.entries.saturating_add(found.indicators.len() as u64);
        (self.take)(found);
    }

    /// A line that could not be read.
    pub fn fault(&mut self, line: usize, what: impl Display) {
        let Reading { bad, faults, file, .. } = &mut *self.reading;
        *bad = bad.saturating_add(1);
        if faults.len() < MAX_TOLD {
            faults.push(format!("{file}:{line}: {what}"));
        }
    }

    /// An entry that means nothing here.
    pub fn leave_out(&mut self, line: usize, what: impl Display) {
        let Reading { left_out, reasons, file, .. } = &mut *self.reading;
        *left_out = left_out.saturating_add(1);
        if reasons.len() < MAX_TOLD {
            reasons.push(format!("{file}:{line}: {what}"));
        }
    }

    /// A text that is no indicator: a fault, or nothing that TLS shows.
    pub fn refuse(&mut self, line: usize, text: &str, why: Reason) {
        let what = format!("{} {why}", shortened(text));
        match why {
            Reason::Url => self.leave_out(line, what),
            _ => self.fault(line, what),
        }
    }
}

/// What is in a gzip; `None` for other bytes.
fn unpacked(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(None);
    }
    let mut out = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(MAX_BYTES.saturating_add(1)).read_to_end(&mut out);
    match read {
        Err(why) => Err(format!("the gzip cannot be read: {why}")),
        Ok(read) if read as u64 > MAX_BYTES => Err(format!("it holds more than {} MiB", MAX_BYTES >> 20)),
        Ok(_) => Ok(Some(out)),
    }
}

/// Reads `2019-07-27 20:42:54`, `2019-07-27`, RFC 3339, and seconds since 1970 with ten digits; times are UTC.
pub fn time(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches("UTC").trim_end();
    if text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    if let Some(moment) = Moment::parse(text) {
        return Some(moment.seconds);
    }
    let (day, clock) = text.split_once([' ', 'T'])?;
    Moment::parse(&format!("{day}T{clock}Z")).map(|moment| moment.seconds)
}

/// Lines in which a header is looked for.
pub const HEAD_LINES: usize = 60;
/// Bytes of a list, unpacked.
pub const MAX_BYTES: u64 = 512 << 20;
const MAX_TOLD: usize = 1_000;
const PEEK: usize = 4_096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces that lists are made of, whole and broken.
    const PIECES: &[&str] = &[
        "\n",
        "\r\n",
        ",",
        "\"",
        "\t",
        "#",
        " ",
        "-",
        "\\",
        "'",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ":",
        "=",
        "*",
        ".",
        "#fields\tindicator\tindicator_type\n",
        "Intel::ADDR",
        "Intel::JA3",
        "# ja3_md5,Firstseen,Lastseen,Listingreason\n",
        "# Listingdate,SHA1,Listingreason\n",
        "ioc_value,ioc_type\n",
        "192.0.2.1",
        "192.0.2.0/24",
        "2001:db8::1",
        ":443",
        "evil.example",
        "*.evil.example",
        "0149f47eabf9a20d0893e2a44e5a6323",
        "2019-07-27 20:42:54",
        "é",
        "\u{0}",
        "{\"type\":\"bundle\",\"objects\":[",
        "{\"type\":\"indicator\",\"pattern\":\"",
        "\"}",
        "]}",
        "[ipv4-addr:value = '192.0.2.1']",
        "ipv4-addr:value",
        " IN ",
        " LIKE ",
        " AND ",
        " OR ",
        "NOT ",
        "0.0.0.0 ",
        "# name: x\n",
        "# level: high\n",
        "t13d1516h2_",
        "8daaf6152771",
        "_",
    ];

    proptest! {
        #[test]
        fn no_bytes_break_a_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Reading::of("x", &bytes, &mut |_| {});
        }

        #[test]
        fn what_is_read_is_counted_and_placed(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)) {
            let text = pieces.concat();
            let lines = text.lines().count();
            let mut seen = 0;
            let read = Reading::of("x", text.as_bytes(), &mut |found: Found| {
                assert!((1..=lines).contains(&found.line) && !found.indicators.is_empty());
                seen += found.indicators.len() as u64;
                // What was read is written so that it reads the same.
                for indicator in &found.indicators {
                    let again = Indicator::read(super::super::indicator::Claim::Anything, &indicator.to_string());
                    let again = again.unwrap_or_else(|why| panic!("{indicator} {why}"));
                    assert!(again.contains(indicator) || matches!(indicator, Indicator::Print(_)), "{indicator}");
                }
            });
            if let Ok(reading) = read {
                prop_assert_eq!(reading.entries, seen);
                prop_assert!(reading.faults.len() as u64 <= reading.bad && reading.reasons.len() as u64 <= reading.left_out);
            }
        }
    }

    /// Four times as much takes no more than some ten times as long, whatever it is.
    #[test]
    fn no_form_takes_time_that_grows_with_its_square() {
        let of = |piece: &str, count: usize| {
            let text = piece.repeat(count);
            let pattern = serde_json::to_string(&text).unwrap();
            let bundle =
                format!("{{\"type\":\"bundle\",\"objects\":[{{\"type\":\"indicator\",\"pattern\":{pattern}}}]}}");
            let begun = std::time::Instant::now();
            let _ = Reading::of("x", text.as_bytes(), &mut |_| {});
            let _ = Reading::of("x", bundle.as_bytes(), &mut |_| {});
            begun.elapsed()
        };
        for piece in PIECES.iter().chain(&["a:b[1]", "\"a", "a.", "[a:b = '", "x,", "\"\"", "(a"]) {
            let (small, large) = (of(piece, 25_000), of(piece, 100_000));
            let bound = small.max(std::time::Duration::from_millis(40)) * 10;
            assert!(large < bound, "{piece:?}: {small:?}, then {large:?}");
        }
    }

    #[test]
    fn times_are_read_as_lists_write_them() {
        for (text, seconds) in [
            ("2019-07-27 20:42:54", Some(1_564_260_174)),
            ("2019-07-27T20:42:54Z", Some(1_564_260_174)),
            ("2019-07-27T20:42:54.123Z", Some(1_564_260_174)),
            ("2019-07-27 20:42:54 UTC", Some(1_564_260_174)),
            ("2019-07-27", Some(1_564_185_600)),
            ("1564260174", Some(1_564_260_174)),
            ("27.07.2019", None),
            ("192.0.2.1", None),
            ("", None),
        ] {
            assert_eq!(time(text), seconds, "{text}");
        }
    }
}
