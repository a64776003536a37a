//! The sentence of an alert: a rule's template, filled in with an event's values.
//!
//! In: `custom: message:` with `{field}` in it. Out: one line of text. What peers sent is cut and cleared of control
//! characters, since it ends up on terminals.

use std::fmt::Write;
use std::ops::ControlFlow;

use crate::event::Event;
use crate::wire::text::printable;

use super::field::Field;

/// A parsed template.
#[derive(Debug)]
pub struct Message {
    pieces: Box<[Piece]>,
}

#[derive(Debug)]
enum Piece {
    Text(Box<str>),
    Field(Field),
    /// How many sessions, values or rules there were.
    Count,
    /// A value that the sessions have in common, by its field or alias.
    Group(Box<str>),
    /// A figure behind the finding.
    Measure(Box<str>),
}

/// What a message may say of several sessions, beside what the last of them says.
#[derive(Debug, Clone, Copy)]
pub struct Several<'a> {
    pub count: u64,
    pub group: &'a [(Box<str>, Box<str>)],
    pub measures: &'a [(&'static str, f64)],
    /// A word beside the figures: `measure.note`.
    pub note: Option<&'a str>,
}

impl Message {
    /// Reads a template; `{{` and `}}` stand for the braces themselves.
    ///
    /// # Errors
    /// In words: an unknown field, or a brace without its partner.
    pub fn parse(template: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            text.push_str(before);
            if let Some(after) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
                text.push_str(&brace[..1]);
                rest = after;
            } else if let Some((name, after)) = brace.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                pieces.push(Piece::Text(std::mem::take(&mut text).into()));
                pieces.push(Piece::named(name)?);
                rest = after;
            } else {
                return Err("the message has a brace without its partner: write `{field}`, or `{{` for a brace".into());
            }
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text.into()));
        Ok(Self { pieces: pieces.into() })
    }

    /// The sentence without a template: the title, and who spoke to whom.
    pub fn of_title(title: &str) -> Self {
        Self { pieces: [Piece::Text(format!("{title}: ").into())].into() }.and_parties()
    }

    /// The sentence of a correlation without a template.
    pub fn of_correlation(title: &str, group: &[Box<str>]) -> Self {
        let mut pieces = vec![Piece::Text(format!("{title}: ").into()), Piece::Count];
        for (at, name) in group.iter().enumerate() {
            pieces.push(Piece::Text(format!("{} {name} ", if at == 0 { " with" } else { " and" }).into()));
            pieces.push(Piece::Group(name.clone()));
        }
        pieces.push(Piece::Text(", last ".into()));
        Self { pieces: pieces.into() }.and_parties()
    }

    /// The names behind `group.` in the template.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Group(name) => Some(&**name),
            _ => None,
        })
    }

    /// The names behind `measure.` in the template.
    pub fn measures(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Measure(name) => Some(&**name),
            _ => None,
        })
    }

    /// The sentence of one session.
    pub fn fill(&self, event: &Event) -> String {
        self.fill_for(event, Several { count: 1, group: &[], measures: &[], note: None })
    }

    /// The sentence of several sessions, of which `event` is the last.
    pub fn fill_for(&self, event: &Event, several: Several<'_>) -> String {
        let mut sentence = String::with_capacity(160);
        let mut pieces = self.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Text(text) => sentence.push_str(text),
                piece => match piece.say(event, several, &mut sentence) {
                    Known::Yes => {}
                    // Brackets around nothing say nothing.
                    Known::No => match (sentence.strip_suffix(" ("), pieces.peek()) {
                        (Some(before), Some(Piece::Text(after))) if after.starts_with(')') => {
                            sentence.truncate(before.len());
                            sentence.push_str(&after[1..]);
                            pieces.next();
                        }
                        _ => sentence.push_str("unknown"),
                    },
                },
            }
        }
        sentence
    }

    fn and_parties(self) -> Self {
        let mut pieces = Vec::from(self.pieces);
        for (name, after) in [
            ("source.ip", " -> "),
            ("tls.client.server_name", " ("),
            ("destination.ip", ":"),
            ("destination.port", ")"),
        ] {
            pieces.extend(Field::named(name).ok().map(Piece::Field));
            pieces.push(Piece::Text(after.into()));
        }
        Self { pieces: pieces.into() }
    }
}

impl Piece {
    fn named(name: &str) -> Result<Self, String> {
        if name == "count" {
            return Ok(Self::Count);
        }
        if let Some(name) = name.strip_prefix("group.") {
            return Ok(Self::Group(name.into()));
        }
        if let Some(name) = name.strip_prefix("measure.") {
            return Ok(Self::Measure(name.into()));
        }
        Field::named(name).map(Self::Field).map_err(|unknown| {
            format!("the message names an unknown field `{name}`; did you mean `{}`?", unknown.nearest)
        })
    }

    /// Whether there was something to say.
    fn say(&self, event: &Event, several: Several<'_>, sentence: &mut String) -> Known {
        match self {
            Self::Text(text) => sentence.push_str(text),
            Self::Field(field) => return values(*field, event, sentence),
            Self::Count => {
                // Writing to a String does not fail.
                let _ = write!(sentence, "{}", several.count);
            }
            Self::Group(wanted) => match several.group.iter().find(|(name, _)| name == wanted) {
                Some((_, value)) => push_clean(value, sentence),
                None => return Known::No,
            },
            Self::Measure(wanted) if &**wanted == NOTE => match several.note {
                Some(note) => push_clean(note, sentence),
                None => return Known::No,
            },
            Self::Measure(wanted) => match several.measures.iter().find(|(name, _)| *name == &**wanted) {
                Some((_, figure)) => push_figure(*figure, sentence),
                None => return Known::No,
            },
        }
        Known::Yes
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Yes,
    No,
}

fn values(field: Field, event: &Event, sentence: &mut String) -> Known {
    let mut count = 0;
    let _ = field.visit(event, &mut |value| {
        if count == VALUES_SHOWN {
            sentence.push_str(", …");
            return ControlFlow::Break(());
        }
        if count > 0 {
            sentence.push_str(", ");
        }
        count += 1;
        value.with_text(|text| push_clean(text, sentence));
        ControlFlow::Continue(())
    });
    if count == 0 { Known::No } else { Known::Yes }
}

/// At most [`CHARS_SHOWN`] characters, none of which moves a cursor or turns the direction of writing.
pub fn push_clean(text: &str, sentence: &mut String) {
    // Most of what is told is short and plain.
    if text.len() <= CHARS_SHOWN && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return sentence.push_str(text);
    }
    for (at, c) in text.chars().enumerate() {
        if at == CHARS_SHOWN {
            sentence.push('…');
            return;
        }
        if c.is_control() || is_format(c) {
            sentence.push_str(&printable(c.encode_utf8(&mut [0; 4]).as_bytes()));
        } else {
            // Writing to a String does not fail.
            let _ = sentence.write_char(c);
        }
    }
}

/// Up to three places behind the point.
fn push_figure(figure: f64, sentence: &mut String) {
    let text = format!("{figure:.3}");
    sentence.push_str(text.trim_end_matches('0').trim_end_matches('.'));
}

/// Characters that are not seen, and change how others are.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

const NOTE: &str = "note";
const VALUES_SHOWN: usize = 8;
const CHARS_SHOWN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_a_template_are_named() {
        let fault = |template| Message::parse(template).err().unwrap_or_default();
        assert!(fault("to {tls.client.servername}").contains("did you mean `tls.client.server_name`?"));
        assert!(fault("open {").contains("brace"));
        assert!(fault("close }").contains("brace"));
        assert_eq!(fault("{{literal}} {source.ip}"), "");
    }

    #[test]
    fn figures_have_three_places_at_most() {
        let shown = |figure| {
            let mut sentence = String::new();
            push_figure(figure, &mut sentence);
            sentence
        };
        assert_eq!([100.0, 0.5, 1.0 / 3.0, -2.25].map(shown), ["100", "0.5", "0.333", "-2.25"]);
    }

    #[test]
    fn control_characters_do_not_reach_the_sentence() {
        let mut sentence = String::new();
        push_clean("a\x1b[2Jb\u{202e}c", &mut sentence);
        assert_eq!(sentence, "a\\x1b[2Jb\\xe2\\x80\\xaec");
    }
}
