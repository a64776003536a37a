//! Tests over text: equality, affixes, substrings, wildcards, regular expressions, all values of a list at once.
//!
//! In: Sigma values. Out: [`TextTest`], which tells whether a text passes any of them. Large lists cost a hash look-up.

mod literal;

use std::borrow::Cow;
use std::sync::Arc;

use ahash::AHashSet;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::{Regex, RegexBuilder};
use rsigma_parser::{SigmaString, SpecialChar, StringPart};

/// Whether `A` is `a`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Folded,
    Exact,
}

/// Where in a text a value has to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    Whole,
    Start,
    End,
    Anywhere,
}

/// The flags of the `re` modifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RegexFlags {
    pub ignore_case: bool,
    pub multi_line: bool,
    pub dot_all: bool,
}

/// Passes a text that fits any of its patterns.
#[derive(Debug)]
pub struct TextTest {
    case: Case,
    equal: AHashSet<Arc<str>>,
    starts: Affixes,
    ends: Affixes,
    within: Option<Substrings>,
    globs: Box<[Glob]>,
    regexes: Box<[Expression]>,
}

#[derive(Debug)]
struct Substrings {
    automaton: AhoCorasick,
    patterns: Box<[Arc<str>]>,
}

#[derive(Debug)]
struct Expression {
    regex: Regex,
    /// Any of these stands in a text that it finds, in lower case; empty where none is known.
    literals: Box<[Arc<str>]>,
}

/// Something without which a text does not pass, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Need {
    pub place: Place,
    pub text: Arc<str>,
}

impl TextTest {
    /// Patterns with Sigma's wildcards.
    ///
    /// # Errors
    /// A reason in words when the substrings make too large an automaton.
    pub fn new(values: &[SigmaString], place: Place, case: Case) -> Result<Self, String> {
        let mut test = Self::empty(case);
        let (mut starts, mut ends, mut within, mut globs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for value in values {
            match Shape::of(value, place) {
                Shape::Equal(text) => {
                    test.equal.insert(case.fold(&text).into());
                }
                Shape::Starts(text) => starts.push(case.fold(&text).into()),
                Shape::Ends(text) => ends.push(case.fold(&text).into()),
                Shape::Within(text) => within.push(Arc::from(case.fold(&text))),
                Shape::Glob(atoms) => globs.push(Glob::new(atoms, case)),
            }
        }
        test.starts = Affixes::new(starts);
        test.ends = Affixes::new(ends);
        test.globs = globs.into();
        if !within.is_empty() {
            // The index has looked for them: this is asked of few sessions, and rules are many.
            let kind = Some(AhoCorasickKind::ContiguousNFA);
            let automaton = AhoCorasick::builder().kind(kind).build(within.iter().map(|text| &**text));
            let automaton = automaton.map_err(|why| why.to_string())?;
            test.within = Some(Substrings { automaton, patterns: within.into() });
        }
        Ok(test)
    }

    /// Regular expressions, found anywhere in the text unless they anchor themselves.
    ///
    /// # Errors
    /// What is wrong with the first expression that does not compile, on one line.
    pub fn regex(patterns: &[&str], flags: RegexFlags) -> Result<Self, String> {
        let regexes = patterns.iter().map(|pattern| {
            let regex = RegexBuilder::new(pattern)
                .case_insensitive(flags.ignore_case)
                .multi_line(flags.multi_line)
                .dot_matches_new_line(flags.dot_all)
                .size_limit(REGEX_BYTES)
                .build()
                .map_err(|why| regex_fault(pattern, &why))?;
            Ok(Expression { regex, literals: literal::literals(pattern, flags).into() })
        });
        Ok(Self { regexes: regexes.collect::<Result<_, String>>()?, ..Self::empty(Case::Exact) })
    }

    #[inline]
    pub fn passes(&self, text: &str) -> bool {
        match self.case {
            Case::Exact => self.passes_folded(text),
            Case::Folded => with_folded(text, |folded| self.passes_folded(folded)),
        }
    }

    /// What a text that passes has: one of these at least. `None` where a text without any of them may pass.
    pub fn needs(&self) -> Option<Vec<Need>> {
        let need = |place| move |text: &Arc<str>| Need { place, text: self.lower_of(text) };
        let mut needs: Vec<_> = self.equal.iter().map(need(Place::Whole)).collect();
        needs.extend(self.starts.set.iter().map(need(Place::Start)));
        needs.extend(self.ends.set.iter().map(need(Place::End)));
        needs.extend(self.within.iter().flat_map(|within| &within.patterns).map(need(Place::Anywhere)));
        for glob in &self.globs {
            needs.push(Need { place: Place::Anywhere, text: lower(&glob.longest_literal()).into() });
        }
        for expression in &self.regexes {
            if expression.literals.is_empty() {
                return None;
            }
            needs.extend(expression.literals.iter().map(need(Place::Anywhere)));
        }
        let says_something = |need: &Need| need.place == Place::Whole || !need.text.is_empty();
        needs.iter().all(says_something).then_some(needs)
    }

    /// A folded pattern is lower case already.
    fn lower_of(&self, text: &Arc<str>) -> Arc<str> {
        match self.case {
            Case::Folded => text.clone(),
            Case::Exact => lower(text).into(),
        }
    }

    /// A guess at what one look costs, in arbitrary units.
    pub fn cost(&self) -> u32 {
        let part = |is_there: bool, cost: u32| if is_there { cost } else { 0 };
        2 + part(!self.starts.set.is_empty() || !self.ends.set.is_empty(), 2)
            + part(self.within.is_some(), 4)
            + part(!self.globs.is_empty(), 8)
            + part(!self.regexes.is_empty(), 20)
    }

    fn passes_folded(&self, text: &str) -> bool {
        (!self.equal.is_empty() && self.equal.contains(text))
            || self.starts.any(|len| text.get(..len))
            || self.ends.any(|len| text.get(text.len().checked_sub(len)?..))
            || self.within.as_ref().is_some_and(|within| within.automaton.is_match(text))
            || self.globs.iter().any(|glob| glob.matches(text))
            || self.regexes.iter().any(|regex| regex.regex.is_match(text))
    }

    fn empty(case: Case) -> Self {
        Self {
            case,
            equal: AHashSet::new(),
            starts: Affixes::default(),
            ends: Affixes::default(),
            within: None,
            globs: Box::default(),
            regexes: Box::default(),
        }
    }
}

impl Case {
    /// The text as this case compares it.
    pub fn fold(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Exact => Cow::Borrowed(text),
            Self::Folded => Cow::Owned(lower(text)),
        }
    }
}

/// Hands the text on in lower case, on the stack where it is short ASCII.
#[inline]
pub fn with_folded<R>(text: &str, then: impl FnOnce(&str) -> R) -> R {
    let mut buffer = [0u8; FOLDED_ON_STACK];
    match buffer.get_mut(..text.len()) {
        Some(folded) if text.is_ascii() => {
            folded.copy_from_slice(text.as_bytes());
            folded.make_ascii_lowercase();
            then(std::str::from_utf8(folded).unwrap_or_default())
        }
        _ => then(&lower(text)),
    }
}

/// Letter by letter: `str::to_lowercase` would look at a letter's neighbours, which a substring does not have.
fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Prefixes or suffixes: one look-up for each length that occurs.
#[derive(Debug, Default)]
struct Affixes {
    lengths: Box<[usize]>,
    set: AHashSet<Arc<str>>,
}

impl Affixes {
    fn new(affixes: Vec<Arc<str>>) -> Self {
        let mut lengths: Vec<_> = affixes.iter().map(|affix| affix.len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        Self { lengths: lengths.into(), set: affixes.into_iter().collect() }
    }

    #[inline]
    fn any<'t>(&self, cut: impl Fn(usize) -> Option<&'t str>) -> bool {
        self.lengths.iter().any(|len| cut(*len).is_some_and(|affix| self.set.contains(affix)))
    }
}

/// What a Sigma value is once its place is known.
enum Shape {
    Equal(String),
    Starts(String),
    Ends(String),
    Within(String),
    Glob(Vec<Atom>),
}

impl Shape {
    fn of(value: &SigmaString, place: Place) -> Self {
        let mut atoms = Vec::new();
        if matches!(place, Place::End | Place::Anywhere) {
            atoms.push(Atom::Star);
        }
        for part in &value.parts {
            match part {
                StringPart::Plain(text) => atoms.extend(text.chars().map(Atom::Char)),
                StringPart::Special(SpecialChar::WildcardMulti) => atoms.push(Atom::Star),
                StringPart::Special(SpecialChar::WildcardSingle) => atoms.push(Atom::One),
            }
        }
        if matches!(place, Place::Start | Place::Anywhere) {
            atoms.push(Atom::Star);
        }
        atoms.dedup_by(|a, b| *a == Atom::Star && *b == Atom::Star);
        match atoms.as_slice() {
            [Atom::Star, inner @ .., Atom::Star] if is_literal(inner) => Self::Within(literal(inner)),
            [Atom::Star, inner @ ..] if is_literal(inner) => Self::Ends(literal(inner)),
            [inner @ .., Atom::Star] if is_literal(inner) => Self::Starts(literal(inner)),
            inner if is_literal(inner) => Self::Equal(literal(inner)),
            _ => Self::Glob(atoms),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Atom {
    Star,
    One,
    Char(char),
}

fn is_literal(atoms: &[Atom]) -> bool {
    atoms.iter().all(|atom| matches!(atom, Atom::Char(_)))
}

fn literal(atoms: &[Atom]) -> String {
    atoms.iter().filter_map(|atom| if let Atom::Char(c) = atom { Some(*c) } else { None }).collect()
}

/// A pattern with wildcards inside of it.
#[derive(Debug)]
struct Glob(Box<[Atom]>);

impl Glob {
    fn new(atoms: Vec<Atom>, case: Case) -> Self {
        let folded = atoms.into_iter().flat_map(|atom| match (atom, case) {
            (Atom::Char(c), Case::Folded) => c.to_lowercase().map(Atom::Char).collect::<Vec<_>>(),
            _ => vec![atom],
        });
        Self(folded.collect())
    }

    /// The longest run of characters that is the same in all texts that fit.
    fn longest_literal(&self) -> String {
        let runs = self.0.split(|atom| !matches!(atom, Atom::Char(_)));
        literal(runs.max_by_key(|run| run.len()).unwrap_or_default())
    }

    /// Walks both, going back to the last star only: the text's length times the pattern's at worst.
    fn matches(&self, text: &str) -> bool {
        let mut at = 0;
        let mut rest = text.chars();
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            match self.0.get(at) {
                Some(Atom::Star) => {
                    retry = Some((at + 1, rest.clone()));
                    at += 1;
                    continue;
                }
                Some(Atom::One) if rest.clone().next().is_some() => {
                    rest.next();
                    at += 1;
                    continue;
                }
                Some(Atom::Char(c)) if rest.clone().next() == Some(*c) => {
                    rest.next();
                    at += 1;
                    continue;
                }
                None if rest.as_str().is_empty() => return true,
                _ => {}
            }
            let Some((after_star, from)) = &mut retry else { return false };
            if from.next().is_none() {
                return false;
            }
            at = *after_star;
            rest = from.clone();
        }
    }
}

fn regex_fault(pattern: &str, why: &regex::Error) -> String {
    match why {
        regex::Error::CompiledTooBig(limit) => {
            format!("the expression `{pattern}` needs more than {limit} bytes: use smaller repetitions")
        }
        // Syntax errors are drawn over several lines; the last one says what is wrong.
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!("the expression `{pattern}` is no regular expression: {}", last.trim_start_matches("error: "))
        }
    }
}

/// Bytes one compiled expression may take.
const REGEX_BYTES: usize = 1 << 20;
/// Server names and fingerprints are shorter.
const FOLDED_ON_STACK: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(pattern: &str, place: Place, case: Case, text: &str) -> bool {
        TextTest::new(&[SigmaString::new(pattern)], place, case).is_ok_and(|test| test.passes(text))
    }

    #[test]
    fn wildcards_stand_for_any_run_and_for_one_character() {
        let cases = [
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "example.com", false),
            ("login.*", "LOGIN.example.org", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("?*", "", false),
            ("**", "x", true),
            (r"a\*c", "a*c", true),
            (r"a\*c", "abc", false),
            (r"a\\*", r"a\b", true),
            (r"a\x", r"a\x", true),
            ("ÀB*", "àbc", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(passes(pattern, Place::Whole, Case::Folded, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn places_and_case() {
        let cases = [
            ("ex", Place::Start, Case::Folded, "Example", true),
            ("ex", Place::Start, Case::Exact, "Example", false),
            ("LE", Place::End, Case::Folded, "Example", true),
            ("amp", Place::Anywhere, Case::Folded, "Example", true),
            ("a?p", Place::Anywhere, Case::Folded, "Example", true),
            ("example", Place::Whole, Case::Folded, "Example", true),
            ("xampl", Place::Whole, Case::Folded, "Example", false),
        ];
        for (pattern, place, case, text, expected) in cases {
            assert_eq!(passes(pattern, place, case, text), expected, "{pattern} {place:?} {case:?} on {text}");
        }
    }

    #[test]
    fn text_longer_than_the_stack_buffer_is_folded_too() {
        assert!(passes("*END", Place::Whole, Case::Folded, &format!("{}end", "X".repeat(1000))));
    }

    #[test]
    fn what_a_text_needs_is_known_before_it_is_looked_at() {
        let needs = |patterns: &[&str], place| {
            let strings: Vec<_> = patterns.iter().map(|pattern| SigmaString::new(pattern)).collect();
            TextTest::new(&strings, place, Case::Folded).ok().and_then(|test| test.needs())
        };
        let need = |place, text: &str| Need { place, text: text.into() };
        assert_eq!(needs(&["ABC"], Place::Whole), Some(vec![need(Place::Whole, "abc")]));
        assert_eq!(needs(&["a?BCD*e"], Place::Whole), Some(vec![need(Place::Anywhere, "bcd")]));
        assert_eq!(needs(&["abc", "*"], Place::Whole), None, "everything passes");
        assert_eq!(needs(&[""], Place::Whole), Some(vec![need(Place::Whole, "")]));
        assert_eq!(needs(&["?*"], Place::Whole), None);
        assert_eq!(needs(&["x"], Place::End), Some(vec![need(Place::End, "x")]));
        let test = TextTest::new(&[SigmaString::new("ABC")], Place::Start, Case::Exact).ok();
        assert_eq!(test.and_then(|test| test.needs()), Some(vec![need(Place::Start, "abc")]), "the index is folded");
    }

    #[test]
    fn an_expression_that_grows_too_large_is_refused() {
        let fault = TextTest::regex(&["(a{1000}){1000}"], RegexFlags::default()).err();
        assert!(fault.is_some_and(|why| why.contains("needs more than")));
    }
}
