//! The table of weaknesses: what each is told by, and the grade that it leaves.
//!
//! In: the text of `rules/posture.toml`, once; then what is true of a session. Out: its posture.

use std::sync::Arc;

use serde::Deserialize;

use crate::event::{Posture, Weakness};
use crate::x509::verify::{Problem, Problems};

/// Weaknesses, the worst first.
#[derive(Debug)]
pub(super) struct Table {
    grades: Vec<Arc<str>>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    weakness: Weakness,
    /// Place among the grades.
    grade: usize,
    sign: Sign,
}

/// What tells of a weakness.
#[derive(Debug)]
enum Sign {
    Version(Vec<String>),
    /// Patterns for the suite's name, in which `*` stands for anything.
    Cipher(Vec<String>),
    Problem(Problem),
    Fact(Fact),
}

/// What is computed of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub(super) enum Fact {
    Compression,
    #[serde(rename = "dh_below_1024")]
    DhBelow1024,
    #[serde(rename = "dh_below_2048")]
    DhBelow2048,
    DhKeyReused,
    RsaExportKey,
    #[serde(rename = "key_below_2048")]
    KeyBelow2048,
    Md5Signature,
    Sha1Signature,
    #[serde(rename = "lifetime_over_398_days")]
    LifetimeOver398Days,
    NoSecureRenegotiation,
    NoExtendedMasterSecret,
    NoForwardSecrecy,
}

/// A set of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Facts(u16);

/// A session, as far as the table asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) version: Option<&'a str>,
    pub(super) cipher: Option<&'a str>,
    pub(super) facts: Facts,
    pub(super) problems: Problems,
    pub(super) forward_secrecy: Option<bool>,
}

impl Facts {
    pub(super) fn set_if(&mut self, fact: Fact, holds: bool) {
        self.0 |= u16::from(holds) << fact as u8;
    }

    fn has(self, fact: Fact) -> bool {
        self.0 & 1 << fact as u8 != 0
    }
}

impl Table {
    /// The one that is part of the program.
    pub(super) fn built_in() -> Self {
        // A test reads it, so this cannot fail in a build that passed it.
        Self::read(include_str!("../../../rules/posture.toml"))
            .unwrap_or(Self { grades: Vec::new(), entries: Vec::new() })
    }

    fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let grades: Vec<Arc<str>> = file.grades.iter().map(|grade| Arc::from(grade.as_str())).collect();
        let mut entries = Vec::new();
        for line in file.weakness {
            let grade = file.grades.iter().position(|grade| *grade == line.grade);
            let grade = grade.ok_or_else(|| format!("{}: there is no grade `{}`", line.name, line.grade))?;
            let weakness = Weakness { name: line.name.as_str().into(), reason: line.reason.as_str().into() };
            let sign = match (line.version, line.cipher, line.problem, line.fact) {
                (Some(versions), None, None, None) => Sign::Version(versions),
                (None, Some(patterns), None, None) => Sign::Cipher(patterns),
                (None, None, Some(words), None) => {
                    let problem = Problem::ALL.into_iter().find(|problem| problem.as_str() == words);
                    Sign::Problem(problem.ok_or_else(|| format!("{}: there is no problem `{words}`", line.name))?)
                }
                (None, None, None, Some(fact)) => Sign::Fact(fact),
                _ => return Err(format!("{}: one of version, cipher, problem and fact", line.name)),
            };
            entries.push(Entry { weakness, grade, sign });
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.grade));
        Ok(Self { grades, entries })
    }

    pub(super) fn posture(&self, case: &Case<'_>) -> Posture {
        let found: Vec<&Entry> = self.entries.iter().filter(|entry| entry.sign.is_in(case)).collect();
        let grade = found.first().map_or(0, |worst| worst.grade);
        Posture {
            grade: self.grades.get(grade).cloned().unwrap_or_else(|| Arc::from("")),
            forward_secrecy: case.forward_secrecy,
            weaknesses: found.into_iter().map(|entry| entry.weakness.clone()).collect(),
        }
    }
}

impl Sign {
    fn is_in(&self, case: &Case<'_>) -> bool {
        match self {
            Self::Version(versions) => versions.iter().any(|version| case.version == Some(version)),
            Self::Cipher(patterns) => {
                case.cipher.is_some_and(|cipher| patterns.iter().any(|pattern| is_like(cipher, pattern)))
            }
            Self::Problem(problem) => case.problems.has(*problem),
            Self::Fact(fact) => case.facts.has(*fact),
        }
    }
}

/// Whether the text is like the pattern, in which `*` stands for anything.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The best first.
    grades: Vec<String>,
    weakness: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    grade: String,
    reason: String,
    version: Option<Vec<String>>,
    cipher: Option<Vec<String>>,
    problem: Option<String>,
    fact: Option<Fact>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::registry;

    fn table() -> Table {
        Table::read(include_str!("../../../rules/posture.toml")).expect("the table can be read")
    }

    fn case<'a>(version: &'a str, cipher: &'a str) -> Case<'a> {
        let (facts, problems) = (Facts::default(), Problems::default());
        Case { version: Some(version), cipher: Some(cipher), facts, problems, forward_secrecy: None }
    }

    fn names(case: &Case<'_>) -> (String, Vec<String>) {
        let posture = table().posture(case);
        (posture.grade.to_string(), posture.weaknesses.iter().map(|weakness| weakness.name.to_string()).collect())
    }

    #[test]
    fn the_worst_weakness_decides_and_stands_first() {
        assert_eq!(names(&case("1.3", "TLS_AES_128_GCM_SHA256")), ("A".to_owned(), vec![]));
        let (grade, found) = names(&case("1.0", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"));
        assert_eq!(grade, "D");
        assert_eq!(found, ["tls_1_0", "3des", "cbc_sha1", "static_rsa"]);
        let (grade, found) = names(&case("3.0", "TLS_RSA_EXPORT_WITH_RC4_40_MD5"));
        assert_eq!((grade.as_str(), &found[0][..]), ("F", "ssl_3"));
        assert!(["export_cipher", "rc4", "static_rsa"].iter().all(|name| found.iter().any(|one| one == name)));
    }

    #[test]
    fn facts_and_problems_count() {
        let mut facts = Facts::default();
        facts.set_if(Fact::DhBelow1024, true);
        facts.set_if(Fact::Compression, false);
        let problems = [Problem::Expired].into_iter().collect();
        let (grade, found) = names(&Case { facts, problems, ..case("1.2", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256") });
        assert_eq!((grade.as_str(), found), ("F", vec!["dh_below_1024".to_owned(), "certificate_expired".to_owned()]));
    }

    #[test]
    fn every_pattern_is_like_some_registered_suite() {
        let suites: Vec<&str> = (0..=u16::MAX).filter_map(registry::cipher_suite).collect();
        for entry in &table().entries {
            if let Sign::Cipher(patterns) = &entry.sign {
                for pattern in patterns {
                    assert!(suites.iter().any(|suite| is_like(suite, pattern)), "{pattern}");
                }
            }
        }
    }

    #[test]
    fn a_pattern_fits_as_a_whole() {
        assert!(is_like("TLS_A_RC4_B", "*_RC4_*") && is_like("TLS_RSA_WITH_X", "TLS_RSA_WITH_*"));
        assert!(!is_like("TLS_ECDHE_RSA_WITH_X", "TLS_RSA_WITH_*") && !is_like("AB", "A") && !is_like("A", "A*A"));
        assert!(is_like("TLS_X_CBC_SHA", "*_CBC_SHA") && !is_like("TLS_X_CBC_SHA256", "*_CBC_SHA"));
    }
}
