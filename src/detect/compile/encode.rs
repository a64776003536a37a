//! What modifiers make of a value before it is compared: placeholders, dashes, wide characters, Base64.
//!
//! In: the values as written, and the modifiers in their order (specification, "Value Modifiers": they are applied in the
//! given order). Out: the values to compare with.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rsigma_parser::{Modifier, SigmaString, SigmaValue, StringPart};

use crate::detect::value::TimePart;

/// A change of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Windash,
    Utf16Le,
    Utf16Be,
    /// With the mark of the byte order before it, which is little-endian.
    Utf16,
    Base64,
    Base64Offset,
}

impl Step {
    pub fn of(modifier: Modifier) -> Option<Self> {
        Some(match modifier {
            Modifier::WindAsh => Self::Windash,
            Modifier::Wide => Self::Utf16Le,
            Modifier::Utf16be => Self::Utf16Be,
            Modifier::Utf16 => Self::Utf16,
            Modifier::Base64 => Self::Base64,
            Modifier::Base64Offset => Self::Base64Offset,
            _ => return None,
        })
    }
}

/// The values after all steps.
///
/// # Errors
/// In words: a value that is no text, wildcards where an encoding has no place for them, octets that are no text.
pub(super) fn encoded(values: &[SigmaValue], steps: &[Step]) -> Result<Vec<SigmaValue>, String> {
    if steps.is_empty() {
        return Ok(values.to_vec());
    }
    let mut out = Vec::new();
    for value in values {
        let mut forms = match value {
            SigmaValue::String(text) => vec![Form::Text(text.parts.clone())],
            SigmaValue::Integer(_) | SigmaValue::Float(_) | SigmaValue::Bool(_) => {
                vec![Form::Text(vec![StringPart::Plain(value.to_string())])]
            }
            SigmaValue::Null => return Err("null cannot be encoded: it says that the field has no value".into()),
        };
        for step in steps {
            let next: Result<Vec<_>, String> = forms.iter().map(|form| form.after(*step)).collect();
            forms = next?.concat();
        }
        for form in forms {
            out.push(form.value().ok_or_else(|| {
                format!("`{value}` becomes octets that are no text, and no field holds such: put base64 or base64offset behind")
            })?);
        }
    }
    Ok(out)
}

/// A value between two steps.
#[derive(Clone)]
enum Form {
    /// Text, wildcards among it.
    Text(Vec<StringPart>),
    Octets(Vec<u8>),
}

impl Form {
    fn after(&self, step: Step) -> Result<Vec<Self>, String> {
        match step {
            Step::Windash => self.dashes(),
            Step::Utf16Le => self.wide(&[], u16::to_le_bytes),
            Step::Utf16Be => self.wide(&[], u16::to_be_bytes),
            Step::Utf16 => self.wide(&[0xff, 0xfe], u16::to_le_bytes),
            Step::Base64 => {
                let octets =
                    self.octets().ok_or("a value with wildcards has no Base64: escape them with a backslash")?;
                Ok(vec![Self::text(STANDARD.encode(octets))])
            }
            Step::Base64Offset => {
                let octets =
                    self.octets().ok_or("a value with wildcards has no Base64: escape them with a backslash")?;
                let shifted: Vec<_> = (0..3).filter_map(|shift| inner_base64(&octets, shift)).map(Self::text).collect();
                match shifted.len() {
                    3 => Ok(shifted),
                    _ => Err(
                        "the value is too short for `base64offset`: nothing in its Base64 is the same at every place"
                            .into(),
                    ),
                }
            }
        }
    }

    fn text(text: String) -> Self {
        Self::Text(vec![StringPart::Plain(text)])
    }

    /// Each dash in all its forms (specification, modifiers appendix).
    fn dashes(&self) -> Result<Vec<Self>, String> {
        let Self::Text(parts) = self else { return Err("`windash` comes before the encodings".into()) };
        let mut all: Vec<Vec<StringPart>> = vec![Vec::new()];
        for part in parts {
            let StringPart::Plain(text) = part else {
                all.iter_mut().for_each(|parts| parts.push(part.clone()));
                continue;
            };
            let mut texts = vec![String::new()];
            for c in text.chars() {
                let forms = if DASHES.contains(&c) { &DASHES[..] } else { std::slice::from_ref(&c) };
                texts = product(&texts, forms, |text, form| format!("{text}{form}"))?;
            }
            all = product(&all, &texts, |parts, text| {
                parts.iter().cloned().chain([StringPart::Plain(text.clone())]).collect()
            })?;
        }
        Ok(all.into_iter().map(Self::Text).collect())
    }

    fn wide(&self, mark: &[u8], octets: fn(u16) -> [u8; 2]) -> Result<Vec<Self>, String> {
        let Self::Text(parts) = self else { return Err("a value is made wide once, and before Base64".into()) };
        let widened = |text: &str| text.encode_utf16().flat_map(octets).collect::<Vec<u8>>();
        if let Some(text) = plain(parts) {
            return Ok(vec![Self::Octets([mark, &widened(&text)].concat())]);
        }
        // Wildcards stay what they are, between wide texts.
        let parts = parts.iter().enumerate().map(|(at, part)| match part {
            StringPart::Plain(text) => {
                let mark = if at == 0 { mark } else { &[] };
                String::from_utf8([mark, &widened(text)].concat()).map(StringPart::Plain).ok()
            }
            special => Some(special.clone()),
        });
        let parts =
            parts.collect::<Option<Vec<_>>>().ok_or("a wide value with wildcards has to be ASCII, without a mark")?;
        Ok(vec![Self::Text(parts)])
    }

    fn octets(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(parts) => plain(parts).map(String::into_bytes),
            Self::Octets(octets) => Some(octets.clone()),
        }
    }

    fn value(self) -> Option<SigmaValue> {
        let parts = match self {
            Self::Text(parts) => parts,
            Self::Octets(octets) => vec![StringPart::Plain(String::from_utf8(octets).ok()?)],
        };
        let original = parts.iter().map(|part| match part {
            StringPart::Plain(text) => text.as_str(),
            StringPart::Special(rsigma_parser::SpecialChar::WildcardMulti) => "*",
            StringPart::Special(rsigma_parser::SpecialChar::WildcardSingle) => "?",
        });
        Some(SigmaValue::String(SigmaString { original: original.collect(), parts }))
    }
}

/// The text of a value without wildcards.
fn plain(parts: &[StringPart]) -> Option<String> {
    parts.iter().map(|part| if let StringPart::Plain(text) = part { Some(text.as_str()) } else { None }).collect()
}

/// All pairs, as long as there are not too many.
fn product<A, B, C>(left: &[A], right: &[B], join: impl Fn(&A, &B) -> C) -> Result<Vec<C>, String> {
    if left.len().saturating_mul(right.len()) > MOST_FORMS {
        return Err(format!("the value has more than {MOST_FORMS} forms with other dashes: write it shorter"));
    }
    Ok(left.iter().flat_map(|a| right.iter().map(move |b| (a, b))).map(|(a, b)| join(a, b)).collect())
}

/// What of a text's Base64 does not depend on what stands before and behind it, `shift` octets into a group of three.
fn inner_base64(octets: &[u8], shift: usize) -> Option<String> {
    let encoded = STANDARD_NO_PAD.encode([&[0, 0][..shift.min(2)], octets].concat());
    // Six bits to a letter: those before hold bits of other octets too, and so do those behind the last whole octet.
    let first = (shift * 8).div_ceil(6);
    let last = (shift + octets.len()) * 8 / 6;
    encoded.get(first..last).filter(|inner| !inner.is_empty()).map(str::to_owned)
}

/// The values of a list.
pub(super) type List = Arc<[String]>;

/// The texts that a template with `%name%` stands for: all combinations of the lists' values. `\%` is a percent sign.
///
/// # Errors
/// In words: no placeholder at all, one that is not closed, a list that is not there, too many combinations.
pub(super) fn filled_in(
    template: &str,
    list: &mut dyn FnMut(&str) -> Result<List, String>,
) -> Result<Vec<String>, String> {
    let mut texts = vec![String::new()];
    let (mut rest, mut placeholders) = (template, 0);
    while let Some(at) = rest.find('%') {
        let (before, after) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
        if let Some(before) = before.strip_suffix('\\') {
            texts.iter_mut().for_each(|text| text.extend([before, "%"]));
            rest = after;
            continue;
        }
        let Some((name, after)) = after.split_once('%') else {
            return Err(format!(
                "`{template}` has a placeholder without an end: write %name%, or \\% for a percent sign"
            ));
        };
        let values = list(name)?;
        texts.iter_mut().for_each(|text| text.push_str(before));
        if texts.len().saturating_mul(values.len()) > super::MOST_VALUES {
            return Err(format!("`{template}` stands for more than {} values", super::MOST_VALUES));
        }
        texts = texts.iter().flat_map(|text| values.iter().map(move |value| format!("{text}{value}"))).collect();
        placeholders += 1;
        rest = after;
    }
    if placeholders == 0 {
        return Err(format!("`expand` takes the name of a list, as in '%known_bad%', not `{template}`"));
    }
    texts.iter_mut().for_each(|text| text.push_str(rest));
    Ok(texts)
}

/// The least and the greatest number that a part of a time may be (specification, modifiers appendix, "Time Modifiers"; a
/// year of ISO 8601 has up to 53 weeks).
pub(super) fn range_of(part: TimePart) -> (i64, i64) {
    match part {
        TimePart::Minute => (0, 59),
        TimePart::Hour => (0, 23),
        TimePart::Day => (1, 31),
        TimePart::Week => (1, 53),
        TimePart::Month => (1, 12),
        TimePart::Year => (0, 9999),
    }
}

/// Hyphen, slash, en dash, em dash, horizontal bar.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];
/// Five dashes in one value.
const MOST_FORMS: usize = 3125;

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &str, steps: &[Step]) -> Result<Vec<String>, String> {
        let values = encoded(&[SigmaValue::String(SigmaString::new(text))], steps)?;
        Ok(values.iter().map(ToString::to_string).collect())
    }

    fn one(text: &str, steps: &[Step]) -> String {
        forms(text, steps).unwrap_or_default().concat()
    }

    #[test]
    fn encodings_are_those_of_the_specification() {
        // cmd > 63 00 6d 00 64 00; 00 63 00 6d 00 64; FF FE 63 00 6d 00 64 00, here through Base64 (RFC 4648).
        assert_eq!(one("cmd", &[Step::Utf16Le]), "c\0m\0d\0");
        assert_eq!(one("cmd", &[Step::Utf16Be]), "\0c\0m\0d");
        assert_eq!(one("cmd", &[Step::Utf16, Step::Base64]), "//5jAG0AZAA=");
        assert_eq!(one("c*d", &[Step::Utf16Le]), "c\0*d\0");
        assert_eq!(one("foobar", &[Step::Base64]), "Zm9vYmFy");
        assert!(forms("cmd", &[Step::Utf16]).is_err(), "ff fe is no text");
        assert!(forms("a*", &[Step::Base64]).is_err());
        assert_eq!(one(r"a\*", &[Step::Base64]), "YSo=");
    }

    #[test]
    fn what_base64offset_looks_for_stands_at_every_place() {
        let forms = forms("http://", &[Step::Base64Offset]).unwrap_or_default();
        assert_eq!(forms, ["aHR0cDovL", "h0dHA6Ly", "odHRwOi8v"]);
        for before in 0..6 {
            for after in ["", "a", "\u{ff}", "zz", "zzz"] {
                let whole = STANDARD.encode(format!("{}http://{after}", "x".repeat(before)));
                assert!(forms.iter().any(|form| whole.contains(form.as_str())), "{whole}");
            }
        }
        assert!(super::encoded(&[SigmaValue::String(SigmaString::new("a"))], &[Step::Base64Offset]).is_err());
    }

    #[test]
    fn dashes_stand_for_one_another() {
        let mut all = forms("-a /b*", &[Step::Windash]).unwrap_or_default();
        assert_eq!(all.len(), 25);
        all.retain(|form| ["-a -b*", "/a /b*", "\u{2013}a \u{2015}b*", "\u{2014}a -b*"].contains(&form.as_str()));
        assert_eq!(all.len(), 4);
        assert!(forms("------", &[Step::Windash]).is_err());
    }

    #[test]
    fn placeholders_are_filled_in_within_a_text() {
        let mut list = |name: &str| match name {
            "ab" => Ok(Arc::from(["a".to_owned(), "b".to_owned()])),
            other => Err(format!("no {other}")),
        };
        assert_eq!(
            filled_in("x-%ab%.%ab%", &mut list),
            Ok(["x-a.a", "x-a.b", "x-b.a", "x-b.b"].map(String::from).to_vec())
        );
        assert_eq!(filled_in(r"\%ab%ab%", &mut list), Ok(vec!["%aba".into(), "%abb".into()]));
        for wrong in ["ab", "%ab", "%c%", r"\%ab\%"] {
            assert!(filled_in(wrong, &mut list).is_err(), "{wrong}");
        }
    }
}
