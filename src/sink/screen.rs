//! What a terminal can show: its width, colours, characters; and text made safe for it.
//!
//! In: text, some of it chosen by peers. Out: the same text with escape sequences around it where colours are wanted, and
//! without anything that could move the cursor, turn the line around or look like something else. Finds nothing out about
//! the terminal itself: who runs the program does.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::fmt::Write;

/// What the reader's terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Characters in a line; `None` where lines may have any length.
    pub width: Option<usize>,
    pub colours: Colours,
    pub charset: Charset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    Ansi,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    Utf8,
    Ascii,
}

/// What a piece of text is to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    /// What is read first.
    Strong,
    /// What can be passed over.
    Faint,
    Good,
    Warning,
    Bad,
}

impl Screen {
    /// A file, or a pipe into one: plain text, lines of any length.
    pub const PLAIN: Self = Self { width: None, colours: Colours::Off, charset: Charset::Utf8 };

    /// Text in a tone.
    pub fn paint<'a>(&self, tone: Tone, text: &'a str) -> Cow<'a, str> {
        match (self.colours, tone.code()) {
            (Colours::Ansi, Some(code)) if !text.is_empty() => Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m")),
            _ => Cow::Borrowed(text),
        }
    }

    /// Text that somebody else wrote, with everything visible: what is no printable character (controls, bidirectional
    /// marks, invisible and combining characters) is written `\u{…}`.
    pub fn safe<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            // What the standard library would escape in a char literal, quotes and backslashes aside.
            let escaped = c.escape_debug();
            let shown = matches!(c, ' '..='~') || self.charset == Charset::Utf8 && escaped.len() == 1;
            match shown {
                true => out.push(c),
                // Writing to a String does not fail.
                false => drop(write!(out, "{}", c.escape_unicode())),
            }
        }
        Cow::Owned(out)
    }

    /// `utf8` where the terminal shows it, else `ascii`.
    pub fn glyph(&self, utf8: &'static str, ascii: &'static str) -> &'static str {
        match self.charset {
            Charset::Utf8 => utf8,
            Charset::Ascii => ascii,
        }
    }

    /// What stands where text was cut.
    pub fn ellipsis(&self) -> &'static str {
        self.glyph("…", "~")
    }

    /// At most `max` characters of ASCII text; of a name the end is kept, which says whose it is.
    pub fn name<'a>(&self, text: &'a str, max: usize) -> Cow<'a, str> {
        match text.len().checked_sub(max) {
            None | Some(0) => Cow::Borrowed(text),
            Some(over) => match text.get(over + 1..) {
                Some(end) => Cow::Owned(format!("{}{end}", self.ellipsis())),
                None => Cow::Borrowed(text),
            },
        }
    }
}

impl Tone {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Faint => Some("2"),
            Self::Good => Some("32"),
            Self::Warning => Some("33"),
            Self::Bad => Some("1;31"),
        }
    }
}

/// A number with its thousands apart: `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number and its noun: `1 file`, `2 files`.
pub fn counted(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{} {noun}s", count(number)),
    }
}

/// Bytes in decimal units: `10.2 MB`.
pub fn bytes(number: u64) -> String {
    let (unit, name) = match number {
        0..1_000 => return format!("{number} B"),
        1_000..1_000_000 => (1e3, "kB"),
        1_000_000..1_000_000_000 => (1e6, "MB"),
        1_000_000_000..1_000_000_000_000 => (1e9, "GB"),
        _ => (1e12, "TB"),
    };
    format!("{:.1} {name}", number as f64 / unit)
}

/// Nanoseconds in the two largest units that say something: `3 ms`, `1.2 s`, `7 min 9 s`, `2 d 5 h`.
pub fn duration(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    match seconds {
        0 if nanos < 1_000_000 => format!("{} us", nanos / 1_000),
        0 => format!("{} ms", nanos / 1_000_000),
        1..60 => format!("{:.1} s", nanos as f64 / 1e9),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTF8: Screen = Screen { width: Some(80), colours: Colours::Ansi, charset: Charset::Utf8 };
    const ASCII: Screen = Screen { charset: Charset::Ascii, colours: Colours::Off, ..UTF8 };

    #[test]
    fn what_moves_the_cursor_or_turns_the_line_is_shown_and_not_done() {
        for (text, shown) in [
            ("O=\u{1b}[2J\r\n", "O=\\u{1b}[2J\\u{d}\\u{a}"),
            ("moc.elgoog\u{202e}", "moc.elgoog\\u{202e}"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("e\u{301}", "e\\u{301}"),
            ("\u{e0041}\u{ad}\u{2066}", "\\u{e0041}\\u{ad}\\u{2066}"),
            ("it's \"O\\\"", "it's \"O\\\""),
        ] {
            assert_eq!(UTF8.safe(text), shown);
        }
    }

    #[test]
    fn letters_of_other_scripts_stay_where_the_terminal_shows_them() {
        assert_eq!(UTF8.safe("Zürich 東京"), "Zürich 東京");
        assert_eq!(ASCII.safe("Zürich"), "Z\\u{fc}rich");
    }

    #[test]
    fn colours_are_left_out_where_they_are_off() {
        assert_eq!(UTF8.paint(Tone::Bad, "x"), "\u{1b}[1;31mx\u{1b}[0m");
        assert_eq!(ASCII.paint(Tone::Bad, "x"), "x");
        assert_eq!(UTF8.paint(Tone::Bad, ""), "");
    }

    #[test]
    fn of_a_long_name_the_end_stays() {
        assert_eq!(UTF8.name("very.long.example.com", 12), "…example.com");
        assert_eq!(ASCII.name("example.com", 11), "example.com");
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([5, 1_500, 12_000_000].map(bytes), ["5 B", "1.5 kB", "12.0 MB"]);
        assert_eq!(
            [4_000, 5_000_000, 1_200_000_000, 429_000_000_000].map(duration),
            ["4 us", "5 ms", "1.2 s", "7 min 9 s"]
        );
        assert_eq!(duration(190_000 * 1_000_000_000), "2 d 4 h");
        assert_eq!(counted(1, "file") + &counted(2_000, "file"), "1 file2,000 files");
    }
}
