//! The knowledge base: entries, found by fingerprint.
//!
//! In: entries; the fingerprints of a session. Out: labels. Which of several entries a hello tells apart is decided here:
//! what is built on a runtime and sends the runtime's own hello is never named instead of the runtime.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::entry::{Entry, Hello, Print, range};
use crate::event::labels::{Evidence, Label, LabelSet, Specificity};
use crate::event::{ClientPrints, Side};
use crate::x509::Certificate;

/// Entries, and where each fingerprint stands in them.
#[derive(Debug, Default)]
pub struct KnowledgeBase {
    entries: Vec<Entry>,
    places: HashMap<Print, Vec<Place>, ahash::RandomState>,
    /// Whether any entry has a fingerprint of servers.
    knows_servers: bool,
}

/// An entry, and which of its hellos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    entry: usize,
    hello: usize,
}

impl KnowledgeBase {
    pub fn new(entries: Vec<Entry>) -> Self {
        let mut base = Self::default();
        base.extend(entries);
        base
    }

    /// Adds entries; those that are there stay, whatever these say.
    pub fn extend(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            let at = self.entries.len();
            for (hello, print) in
                entry.hellos.iter().enumerate().flat_map(|(n, hello)| hello.prints().map(move |p| (n, p)))
            {
                self.places.entry(print).or_default().push(Place { entry: at, hello });
            }
            for print in &entry.servers {
                self.places.entry(*print).or_default().push(Place { entry: at, hello: 0 });
                self.knows_servers = true;
            }
            self.entries.push(entry);
        }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries that have this fingerprint, whether or not it tells them apart.
    pub fn with(&self, print: Print) -> Vec<&Entry> {
        let places = self.places.get(&print).map(Vec::as_slice).unwrap_or_default();
        let entries: BTreeSet<usize> = places.iter().map(|place| place.entry).collect();
        entries.into_iter().filter_map(|at| self.entries.get(at)).collect()
    }

    /// Fingerprints for which entries name different software.
    pub fn conflicts(&self) -> Vec<Print> {
        let names = |places: &[Place]| {
            let entries = places.iter().filter_map(|place| self.entries.get(place.entry));
            entries.map(|entry| &*entry.software).collect::<BTreeSet<_>>().len()
        };
        self.places.iter().filter(|(_, places)| names(places) > 1).map(|(print, _)| *print).collect()
    }

    pub(super) fn has(&self, print: Print) -> bool {
        self.places.contains_key(&print)
    }

    /// Who is known to send such a hello.
    pub fn of_client(&self, prints: &ClientPrints) -> Option<LabelSet> {
        let seen = Hello {
            form: None,
            ja4: Some(prints.ja4.0),
            ja3: prints.ja3.map(|ja3| ja3.0),
            ja3n: prints.ja3n.map(|ja3n| ja3n.0),
            stable: Some(prints.stable.0.0),
        };
        self.of_hello(&seen)
    }

    /// Who is known to send a hello with all of these fingerprints.
    pub fn of_hello(&self, seen: &Hello) -> Option<LabelSet> {
        let places = seen.prints().filter_map(|print| self.places.get(&print)).flatten();
        let places: BTreeSet<Place> = places.copied().collect();
        let candidates = places.into_iter().filter_map(|place| {
            let entry = self.entries.get(place.entry)?;
            Candidate::of(entry, entry.hellos.get(place.hello)?, seen)
        });
        labels(Side::Client, &candidates.collect::<Vec<_>>())
    }

    /// Whose server shows such a certificate, or answers so.
    pub fn of_server(&self, ja3s: Option<[u8; 16]>, leaf: Option<&Certificate>) -> Option<LabelSet> {
        if !self.knows_servers {
            return None;
        }
        let hashes = leaf.map(|leaf| {
            [Print::CertificateSha256(leaf.sha256), Print::CertificateSha1(leaf.sha1), Print::CertificateMd5(leaf.md5)]
        });
        #[cfg(feature = "ja4plus")]
        let form = leaf
            .and_then(|leaf| leaf.parsed.as_ref().ok()?.ja4x)
            .and_then(|ja4x| Print::parse("ja4x", &ja4x.to_string()));
        #[cfg(not(feature = "ja4plus"))]
        let form = None;
        let weak = [form, ja3s.map(Print::Ja3s)].into_iter().flatten().map(|print| (print, Evidence::Server));
        let prints = hashes.into_iter().flatten().map(|print| (print, Evidence::Certificate)).chain(weak);
        let mut candidates: Vec<Candidate<'_>> = Vec::new();
        for (print, evidence) in prints {
            for entry in self.with(print) {
                if !candidates.iter().any(|candidate| std::ptr::eq(candidate.entry, entry)) {
                    candidates.push(Candidate { entry, evidence, is_whole: true, relied: 1, given: 1, agrees: 1 });
                }
            }
        }
        labels(Side::Server, &candidates)
    }
}

/// An entry that has something in common with a session.
#[derive(Debug, Clone, Copy)]
struct Candidate<'a> {
    entry: &'a Entry,
    evidence: Evidence,
    /// Everything that the entry gives is so in the session.
    is_whole: bool,
    /// The kinds of fingerprints that say that it is this one; those that the entry gives; those of them that are so.
    relied: u8,
    given: u8,
    agrees: u8,
}

impl<'a> Candidate<'a> {
    fn of(entry: &'a Entry, hello: &Hello, seen: &Hello) -> Option<Self> {
        let same = |known: bool, seen: bool, kind: u8| (if known { kind } else { 0 }, if seen { kind } else { 0 });
        let kinds = [
            same(hello.ja4.is_some(), hello.ja4.is_some() && hello.ja4 == seen.ja4, JA4),
            same(hello.ja3.is_some(), hello.ja3.is_some() && hello.ja3 == seen.ja3, JA3),
            same(hello.ja3n.is_some(), hello.ja3n.is_some() && hello.ja3n == seen.ja3n, JA3N),
            same(hello.stable.is_some(), hello.stable.is_some() && hello.stable == seen.stable, STABLE),
        ];
        let (given, agrees) = kinds.iter().fold((0, 0), |(given, agrees), kind| (given | kind.0, agrees | kind.1));
        let is_whole = given == agrees;
        let (evidence, relied) = match agrees {
            // Without a JA3 beside the JA3 over sorted extensions the entry says that any order will do.
            _ if is_whole && given & JA4 != 0 && given & JA3N != 0 => (Evidence::Hello, given | JA3),
            _ if is_whole && given & JA4 != 0 && given & JA3 != 0 => (Evidence::Hello, given),
            _ if agrees & JA4 != 0 => (Evidence::Ja4, JA4),
            _ if is_whole && given & (JA3 | JA3N) != 0 => (Evidence::Ja3, given & (JA3 | JA3N)),
            _ if agrees & STABLE != 0 => (Evidence::Stable, STABLE),
            // A JA3 that is alike while the JA4 is another: it says other algorithms or another ALPN.
            _ => return None,
        };
        Some(Self { entry, evidence, is_whole, relied, given, agrees })
    }

    fn ground(&self) -> Ground {
        Ground { specificity: self.entry.specificity, given: self.given, agrees: self.agrees }
    }

    /// Whether what `self` relies on is just what something less specific sends as well.
    fn is_no_more_than(&self, other: Ground) -> bool {
        let common = other.given & self.relied;
        other.specificity < self.entry.specificity && common != 0 && common & other.agrees == common
    }
}

/// All that decides about what a candidate covers: there are few of them, however many candidates there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ground {
    specificity: Specificity,
    given: u8,
    agrees: u8,
}

/// Those that the session tells apart from what they are built on, one label a software and source.
fn labels(side: Side, candidates: &[Candidate<'_>]) -> Option<LabelSet> {
    let grounds: BTreeSet<Ground> = candidates.iter().map(Candidate::ground).collect();
    let (covered, mut told): (Vec<&Candidate<'_>>, Vec<&Candidate<'_>>) =
        candidates.iter().partition(|candidate| grounds.iter().any(|ground| candidate.is_no_more_than(*ground)));
    if told.iter().any(|candidate| candidate.is_whole) {
        told.retain(|candidate| candidate.is_whole);
    }
    let rank = |candidate: &Candidate<'_>| {
        (
            std::cmp::Reverse((candidate.entry.specificity, candidate.evidence)),
            candidate.entry.source != MEASURED,
            candidate.entry.software.to_lowercase(),
        )
    };
    told.sort_by_cached_key(|candidate| rank(candidate));
    let mut groups: Vec<Vec<&Candidate<'_>>> = Vec::new();
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for candidate in told {
        let next = groups.len();
        let place = *places.entry((&candidate.entry.software, &candidate.entry.source)).or_insert(next);
        match groups.get_mut(place) {
            Some(group) => group.push(candidate),
            None if next < MAX_LABELS => groups.push(vec![candidate]),
            None => {}
        }
    }
    let labels: Box<[Label]> = groups.iter().filter_map(|group| label(side, group, &covered)).collect();
    (!labels.is_empty()).then_some(LabelSet { labels })
}

fn label(side: Side, group: &[&Candidate<'_>], covered: &[&Candidate<'_>]) -> Option<Label> {
    let first = group.first()?;
    let entries = || group.iter().map(|candidate| candidate.entry);
    let setups: BTreeSet<&str> = entries().filter_map(|entry| entry.setup.as_deref()).collect();
    let is_plain = entries().any(|entry| entry.setup.is_none());
    let library = first.entry.library.as_ref().map(|library| {
        let versions = entries().filter(|entry| entry.library.as_ref() == Some(library));
        match range(&in_order(versions.flat_map(|entry| &entry.library_versions))) {
            Some(versions) => format!("{library} {versions}"),
            None => library.clone(),
        }
    });
    let grounds: BTreeSet<Ground> = group.iter().map(|candidate| candidate.ground()).collect();
    let also = covered.iter().filter(|candidate| {
        candidate.is_whole >= first.is_whole && grounds.iter().any(|ground| candidate.is_no_more_than(*ground))
    });
    let also: BTreeSet<String> = also
        .map(|candidate| match &*candidate.entry.source {
            MEASURED => candidate.entry.software.clone(),
            source => format!("{} ({source})", candidate.entry.software),
        })
        .collect();
    Some(Label {
        side,
        software: first.entry.software.as_str().into(),
        setup: (!is_plain).then(|| setups.into_iter().take(MAX_NAMES).collect::<Vec<_>>().join("; ").into()),
        version: range(&in_order(entries().flat_map(|entry| &entry.versions))).map(Into::into),
        library: library.map(Into::into),
        role: first.entry.role,
        specificity: first.entry.specificity,
        evidence: first.evidence,
        source: first.entry.source.as_str().into(),
        also: also.into_iter().take(MAX_NAMES).map(Into::into).collect(),
    })
}

/// Versions without repetition, oldest first.
fn in_order<'e>(versions: impl Iterator<Item = &'e String>) -> Vec<String> {
    let versions: BTreeSet<(Vec<Part<'_>>, &String)> = versions.map(|version| (parts(version), version)).collect();
    versions.into_iter().map(|(_, version)| version.clone()).collect()
}

/// A piece of a version: numbers go by their value, and after words, so that `1.0b1` is before `1.0.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Word(&'a str),
    Number(u64),
}

fn parts(version: &str) -> Vec<Part<'_>> {
    let pieces = version.split(['.', '-', '_', '+', ' ']).filter(|piece| !piece.is_empty());
    pieces.map(|piece| piece.parse().map_or(Part::Word(piece), Part::Number)).collect()
}

/// The source of entries that were measured for this project.
pub const MEASURED: &str = "measured";
/// Labels of one side, and names in one label.
const MAX_LABELS: usize = 16;
const MAX_NAMES: usize = 16;
const JA4: u8 = 1;
const JA3: u8 = 2;
const JA3N: u8 = 4;
const STABLE: u8 = 8;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::labels::file::parse;

    const GO: &str = "t13d190900_9dc949149365_97f8aa674fd9";

    fn entry(software: &str, specificity: &str, source: &str, hello: &str) -> String {
        format!(
            "[[label]]\nsoftware = \"{software}\"\nspecificity = \"{specificity}\"\nsource = \"{source}\"\n\
             versions = [\"1.9\", \"1.10\"]\nhellos = [{{ {hello} }}]\n"
        )
    }

    fn base(entries: &[String]) -> KnowledgeBase {
        KnowledgeBase::new(parse("x.toml", &entries.concat()).unwrap())
    }

    fn hello(ja4: &str, ja3: u8, ja3n: u8) -> Hello {
        let Some(Print::Ja4(ja4)) = Print::parse("ja4", ja4) else { panic!("{ja4}") };
        Hello { form: None, ja4: Some(ja4), ja3: Some([ja3; 16]), ja3n: Some([ja3n; 16]), stable: None }
    }

    fn both(ja4: &str, ja3: u8) -> String {
        let hash = format!("{ja3:02x}").repeat(16);
        format!("ja4 = \"{ja4}\", ja3 = \"{hash}\", ja3n = \"{hash}\"")
    }

    fn names(set: Option<LabelSet>) -> Vec<String> {
        set.into_iter().flat_map(|set| set.labels.into_vec()).map(|label| label.software.into()).collect()
    }

    #[test]
    fn a_runtime_never_passes_for_a_tool_built_on_it() {
        let base = base(&[
            entry("Agent", "application", "list.csv", &format!("ja4 = \"{GO}\"")),
            entry("Buster", "application", "measured", &both(GO, 1)),
            entry("Go", "runtime", "measured", &both(GO, 1)),
        ]);
        let set = base.of_hello(&hello(GO, 1, 1)).unwrap();
        assert_eq!(set.labels.len(), 1);
        let label = &set.labels[0];
        assert_eq!((&*label.software, label.specificity), ("Go", Specificity::Runtime));
        assert_eq!(label.also.iter().map(|name| &**name).collect::<Vec<_>>(), ["Agent (list.csv)", "Buster"]);
        // Not even where the groups are others than the runtime's: the list knows of the JA4 alone.
        assert_eq!(names(base.of_hello(&hello(GO, 2, 2))), ["Go"]);
    }

    #[test]
    fn a_tool_that_sends_something_of_its_own_is_named() {
        let base = base(&[
            entry("Buster", "application", "measured", &both(GO, 2)),
            entry("Go", "runtime", "measured", &both(GO, 1)),
        ]);
        let set = base.of_hello(&hello(GO, 2, 2)).unwrap();
        assert_eq!((&*set.labels[0].software, set.labels[0].evidence), ("Buster", Evidence::Hello));
        assert_eq!(set.labels.len(), 1);
        assert_eq!(names(base.of_hello(&hello(GO, 1, 1))), ["Go"]);
    }

    #[test]
    fn what_sources_say_against_each_other_is_kept_with_them() {
        let base = base(&[
            entry("This", "application", "one.csv", &format!("ja4 = \"{GO}\"")),
            entry("That", "application", "two.csv", &format!("ja4 = \"{GO}\"")),
            entry("This", "application", "two.csv", &format!("ja4 = \"{GO}\"")),
        ]);
        let set = base.of_hello(&hello(GO, 1, 1)).unwrap();
        let told: Vec<_> = set.labels.iter().map(|label| (&*label.software, &*label.source)).collect();
        assert_eq!(told, [("That", "two.csv"), ("This", "one.csv"), ("This", "two.csv")]);
        assert_eq!(base.conflicts().len(), 1);
    }

    #[test]
    fn versions_of_one_software_are_one_label() {
        let base = base(&[
            entry("Tool", "application", "measured", &both(GO, 1)),
            entry("Tool", "application", "measured", &both(GO, 1)).replace("1.10", "1.11.2"),
        ]);
        let set = base.of_hello(&hello(GO, 1, 1)).unwrap();
        assert_eq!(set.labels.len(), 1);
        assert_eq!(set.labels[0].version.as_deref(), Some("1.9 – 1.11.2"));
    }

    #[test]
    fn the_order_of_extensions_counts_only_where_it_is_known() {
        let shuffled = format!("ja4 = \"{GO}\", ja3n = \"{}\"", "01".repeat(16));
        let fixed = format!("ja4 = \"{GO}\", ja3 = \"{}\", ja3n = \"{}\"", "07".repeat(16), "01".repeat(16));
        let base = base(&[
            entry("Browser", "application", "measured", &shuffled),
            entry("Pretender", "application", "measured", &fixed),
        ]);
        assert_eq!(names(base.of_hello(&hello(GO, 9, 1))), ["Browser"]);
        assert_eq!(names(base.of_hello(&hello(GO, 7, 1))), ["Browser", "Pretender"]);
    }

    #[test]
    fn a_resumed_form_that_was_not_measured_is_known_by_its_stable_key() {
        let stable = "t13d190700_9dc949149365_97f8aa674fd9";
        let base =
            base(&[entry("Tool", "application", "measured", &format!("{}, stable = \"{stable}\"", both(GO, 1)))]);
        let Some(Print::Stable(key)) = Print::parse("stable", stable) else { panic!("{stable}") };
        let resumed = Hello { stable: Some(key), ..hello("t13d191000_9dc949149365_000000000001", 5, 5) };
        let set = base.of_hello(&resumed).unwrap();
        assert_eq!((&*set.labels[0].software, set.labels[0].evidence), ("Tool", Evidence::Stable));
    }

    #[test]
    fn a_listed_certificate_is_a_label_of_the_server() {
        let text = "[[label]]\nsoftware = \"Bot C&C\"\nrole = \"malware\"\nspecificity = \"application\"\nsource = \"SSLBL\"\n\
                    servers = [{ certificate_sha1 = \"0101010101010101010101010101010101010101\" }]\n";
        let base = KnowledgeBase::new(parse("x.toml", text).unwrap());
        let mut certificate = Certificate::from_der(&[]);
        assert_eq!(base.of_server(None, Some(&certificate)), None);
        certificate.sha1 = [1; 20];
        let set = base.of_server(None, Some(&certificate)).unwrap();
        assert_eq!((&*set.labels[0].software, set.labels[0].side), ("Bot C&C", Side::Server));
        assert_eq!(set.labels[0].evidence, Evidence::Certificate);
    }

    #[test]
    fn nothing_is_known_of_an_unknown_hello() {
        assert_eq!(
            base(&[entry("Tool", "application", "measured", &both(GO, 1))]).of_hello(&hello(
                &GO.replace('9', "8"),
                2,
                2
            )),
            None
        );
    }

    #[test]
    fn versions_are_ordered_as_numbers() {
        let versions = ["1.10", "1.9", "1.9", "1.9.1", "2.0"].map(str::to_owned);
        assert_eq!(in_order(versions.iter()), ["1.9", "1.9.1", "1.10", "2.0"]);
    }
}
