//! The sentence of an alert: a rule's template, filled in with an event's values.
//!
//! In: `custom: message:` with `{field}` in it. Out: one line of text. What peers sent is cut and cleared of control
//! characters, since it ends up on terminals.

use std::fmt::Write;
use std::ops::ControlFlow;

use crate::event::Event;
use crate::wire::text::printable;

use super::behaviour::Finding;
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
    /// A figure of a behaviour's finding.
    Measure(Box<str>),
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
                if let Some(measure) = name.strip_prefix(MEASURE) {
                    pieces.push(Piece::Text(std::mem::take(&mut text).into()));
                    pieces.push(Piece::Measure(measure.into()));
                    rest = after;
                    continue;
                }
                let field = Field::named(name).map_err(|unknown| {
                    format!("the message names an unknown field `{name}`; did you mean `{}`?", unknown.nearest)
                })?;
                pieces.push(Piece::Text(std::mem::take(&mut text).into()));
                pieces.push(Piece::Field(field));
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

    /// The figures that the template names, without `measure.`
    pub fn measures(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Measure(name) => Some(&**name),
            Piece::Text(_) | Piece::Field(_) => None,
        })
    }

    pub fn fill(&self, event: &Event) -> String {
        self.fill_with(event, &Finding::default())
    }

    /// The sentence with the figures of a finding in it.
    pub fn fill_with(&self, event: &Event, finding: &Finding) -> String {
        let mut sentence = String::with_capacity(160);
        let mut pieces = self.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Text(text) => sentence.push_str(text),
                Piece::Field(_) | Piece::Measure(_) => match self.value(piece, event, finding, &mut sentence) {
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

    fn value(&self, piece: &Piece, event: &Event, finding: &Finding, sentence: &mut String) -> Known {
        match piece {
            Piece::Text(_) => Known::Yes,
            Piece::Field(field) => values(*field, event, sentence),
            Piece::Measure(name) => measure(name, finding, sentence),
        }
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

fn measure(name: &str, finding: &Finding, sentence: &mut String) -> Known {
    if name == NOTE {
        let Some(note) = &finding.note else { return Known::No };
        push_clean(note, sentence);
        return Known::Yes;
    }
    let Some(&(_, figure)) = finding.measures.iter().find(|(measure, _)| *measure == name) else { return Known::No };
    // As many digits as say something.
    let _ = match figure {
        figure if figure.fract() == 0.0 || figure.abs() >= 100.0 => write!(sentence, "{figure:.0}"),
        figure if figure.abs() >= 0.01 => write!(sentence, "{figure:.2}"),
        figure => write!(sentence, "{figure:.6}"),
    };
    Known::Yes
}

/// At most [`CHARS_SHOWN`] characters, none of which moves a cursor or turns the direction of writing.
fn push_clean(text: &str, sentence: &mut String) {
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

/// Characters that are not seen, and change how others are.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

const MEASURE: &str = "measure.";
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
    fn control_characters_do_not_reach_the_sentence() {
        let mut sentence = String::new();
        push_clean("a\x1b[2Jb\u{202e}c", &mut sentence);
        assert_eq!(sentence, "a\\x1b[2Jb\\xe2\\x80\\xaec");
    }
}
