//! The plain text in a regular expression: what stands in every text that it finds.
//!
//! In: an expression with its flags. Out: texts in lower case, of which each match holds one at least; none where nothing is
//! known. It only ever spares a look: what it says is necessary, never sufficient.

use std::sync::Arc;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind};

use super::{RegexFlags, lower};

/// The best set of texts of which a match holds one: the one whose shortest is the longest.
pub(super) fn literals(pattern: &str, flags: RegexFlags) -> Vec<Arc<str>> {
    let parsed = ParserBuilder::new()
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.multi_line)
        .dot_matches_new_line(flags.dot_all)
        .build()
        .parse(pattern);
    let Ok(hir) = parsed else { return Vec::new() };
    let found = |kind, hir: &Hir| texts(&Extractor::new().kind(kind).limit_class(CASES).extract(hir));
    let mut candidates = vec![found(ExtractKind::Suffix, &hir)];
    candidates.extend(beginnings(&hir).map(|hir| found(ExtractKind::Prefix, &hir)));
    let shortest = |texts: &Vec<String>| texts.iter().map(String::len).min().unwrap_or_default();
    let best = candidates.into_iter().flatten().max_by_key(shortest).filter(|texts| shortest(texts) >= SHORTEST);
    best.unwrap_or_default().into_iter().map(Arc::from).collect()
}

/// The expression, and the rest of it from each of its first parts on: a match of the whole holds a match of each.
fn beginnings(hir: &Hir) -> impl Iterator<Item = Hir> {
    let parts: &[Hir] = match hir.kind() {
        HirKind::Concat(parts) => parts,
        _ => &[],
    };
    let rest = (1..parts.len().min(PARTS)).filter_map(|at| Some(Hir::concat(parts.get(at..)?.to_vec())));
    std::iter::once(hir.clone()).chain(rest)
}

/// The texts in lower case; `None` where there is none, too many of them, or one that is not text.
fn texts(found: &Seq) -> Option<Vec<String>> {
    let literals = found.literals()?.iter().map(|literal| std::str::from_utf8(literal.as_bytes()).ok().map(lower));
    let mut texts = literals.collect::<Option<Vec<_>>>()?;
    texts.sort_unstable();
    texts.dedup();
    (!texts.is_empty() && texts.len() <= MOST).then_some(texts)
}

/// Octets below which a text stands in almost everything.
const SHORTEST: usize = 2;
/// Forms of one letter, of which there are up to four; larger classes are not spelt out.
const CASES: usize = 4;
/// Texts of one expression.
const MOST: usize = 64;
/// Parts of an expression at which it is looked at anew.
const PARTS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_what_every_match_holds() {
        let of = |pattern, ignore_case| -> Vec<String> {
            let flags = RegexFlags { ignore_case, ..RegexFlags::default() };
            literals(pattern, flags).iter().map(|text| text.to_string()).collect()
        };
        assert_eq!(of(r"^x12[a-z]+\.example$", false), [".example"]);
        assert_eq!(of(r"[a-z]+evil[0-9]+", false), ["evil"]);
        assert_eq!(of(r"(foo|barbar)\d", false), ["barbar", "foo"]);
        assert_eq!(of("ABC", false), ["abc"]);
        assert_eq!(of("[^a]*x?long one[0-9]{9}", false), ["long one"]);
        assert!(of("[a-z]{20,}", false).is_empty());
        assert!(of("(evil)?", false).is_empty());
        assert!(of("evil|.*", false).is_empty());
        assert!(of("(", false).is_empty());
        // Whatever the case, a folded match holds one of these.
        let folded = of("CN=ab", true);
        assert!(!folded.is_empty() && folded.iter().all(|text| "cn=ab".contains(text.as_str())), "{folded:?}");
    }
}
