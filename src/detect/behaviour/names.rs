//! Names of chance: one client asks for many names that no person would choose, as malware does that computes them.
//!
//! In: a server name. Out: how unlikely its registered label is as a name made of words, by a model of three characters at a
//! time (`testdata/make/names.py` made it from a word list, and measures it); and a finding where one client asks for several
//! such names within a window. Only what stands to the left of a public suffix of the registries is looked at: what cloud
//! services put further left is chance by design. Names made of words are not found.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Latest, Told};
use super::key::Key;
use super::memory::{Bounds, Memory};
use super::window::{Distinct, Limits};

/// What a rule says; times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub bounds: Bounds,
    pub window: i64,
    /// A name with this score counts.
    pub score: f64,
    /// Distinct registered names that are needed within the window.
    pub names: usize,
    pub again: i64,
}

#[derive(Debug)]
pub struct Names {
    settings: Settings,
    pub clients: Memory<Client>,
}

#[derive(Debug, Clone, Copy)]
pub struct Asked<'n> {
    pub client: Key,
    pub name: &'n [u8],
    pub at: i64,
    pub session: [u8; 16],
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Client {
    names: Distinct,
    /// Registered names, the latest, for people.
    examples: Vec<String>,
    count: u64,
    latest: Latest,
    told: Told,
}

impl Names {
    pub fn new(settings: Settings) -> Self {
        Self { settings, clients: Memory::new(settings.bounds) }
    }

    /// `key` makes the key of a registered name.
    pub fn see(&mut self, asked: Asked<'_>, key: impl FnOnce(&[u8]) -> Key) -> Option<Finding> {
        let settings = self.settings;
        let mut room = [0; MAX_NAME];
        let registered = registered(asked.name, &mut room)?;
        let label = registered.split('.').next()?;
        let score = chance(label);
        if score < settings.score {
            return None;
        }
        let (client, _) = self.clients.touch(asked.client, asked.at);
        let limits = Limits { window: settings.window, cap: settings.names.saturating_mul(ROOM) };
        let names = client.names.add(key(registered.as_bytes()).0 as u64, asked.at, limits);
        client.latest.push(asked.session);
        client.count += 1;
        if !client.examples.iter().any(|known| known == registered) {
            client.examples.insert(0, registered.to_owned());
            client.examples.truncate(EXAMPLES);
        }
        if names < settings.names || !client.told.is_due(asked.at, settings.again) {
            return None;
        }
        client.told.now(asked.at);
        let measures = vec![("score", score), ("names", names as f64)];
        let note = Some(client.examples.join(", "));
        Some(Finding {
            score,
            measures,
            note,
            sessions: client.latest.list(),
            count: std::mem::take(&mut client.count),
        })
    }
}

/// A name's part that was registered: the label before the suffix of a registry, and that suffix. `None` of what is no name
/// in letters, digits and hyphens, and of names that are written in another script. In lower case, in the room that is given.
fn registered<'r>(name: &[u8], room: &'r mut [u8; MAX_NAME]) -> Option<&'r str> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let lower = room.get_mut(..name.len()).filter(|_| name.iter().all(is_plain))?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    let name = std::str::from_utf8(lower).ok()?;
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut below = name;
    // Services that let others have names below theirs are on the list of suffixes too.
    let suffix = loop {
        let suffix = psl::suffix(below.as_bytes())?;
        if suffix.typ() != Some(psl::Type::Private) {
            break std::str::from_utf8(suffix.as_bytes()).ok()?;
        }
        let private = std::str::from_utf8(suffix.as_bytes()).ok()?;
        below = private.split_once('.').map_or("", |(_, rest)| rest);
    };
    let left = name.strip_suffix(suffix)?.strip_suffix('.')?;
    let label = left.rsplit('.').next().filter(|label| !label.is_empty() && !label.starts_with("xn--"))?;
    // The label, a dot, and the suffix: they stand at the name's end.
    name.get(name.len().checked_sub(label.len() + 1 + suffix.len())?..)
}

/// How unlikely a label is as words, from 0 to 1: the bits that its characters cost on average, above those of usual names,
/// times the square root of their number. 0 of labels that are too short to tell.
fn chance(label: &str) -> f64 {
    let (mut bits, mut count) = (0.0, 0u32);
    let mut before = Before::Edge;
    for byte in label.bytes() {
        (before, bits) = match (byte, before) {
            (b'0'..=b'9', Before::Digit) => (Before::Digit, bits + DIGIT_AFTER_DIGIT),
            (b'0'..=b'9', _) => (Before::Digit, bits + DIGIT_AFTER_LETTER),
            (b'a'..=b'z', _) => {
                let letter = byte - b'a' + 1;
                match before {
                    Before::Digit => (Before::Letters(0, letter), bits + LETTER_AFTER_DIGIT),
                    Before::Edge => (Before::Letters(0, letter), bits + cost(0, 0, letter)),
                    Before::Letters(first, second) => {
                        (Before::Letters(second, letter), bits + cost(first, second, letter))
                    }
                }
            }
            _ => {
                before = Before::Edge;
                continue;
            }
        };
        count += 1;
    }
    if count < LEAST {
        return 0.0;
    }
    let count = f64::from(count);
    ((bits / count - USUAL) * count.sqrt() / FULL).clamp(0.0, 1.0)
}

/// What stands before a character.
#[derive(Debug, Clone, Copy)]
enum Before {
    Edge,
    Digit,
    /// The number of the one before, and of the one directly before; 0 is an edge.
    Letters(u8, u8),
}

fn cost(first: u8, second: u8, third: u8) -> f64 {
    let place = [first, second, third].into_iter().fold(0, |place, number| place * SIZE + usize::from(number));
    MODEL.get(place).map_or(0.0, |&sixteenths| f64::from(sixteenths) / 16.0)
}

/// For each three characters the cost of the third, in sixteenths of a bit.
static MODEL: &[u8; SIZE * SIZE * SIZE] = include_bytes!("names/english.bin");
/// Letters, and the edge of a word.
const SIZE: usize = 27;
const DIGIT_AFTER_DIGIT: f64 = 4.8;
const DIGIT_AFTER_LETTER: f64 = 6.0;
const LETTER_AFTER_DIGIT: f64 = 8.0;
/// Bits of a character of a usual name, at most.
const USUAL: f64 = 4.2;
const FULL: f64 = 10.0;
/// Characters without which nothing can be told.
const LEAST: u32 = 8;
/// RFC 1035, section 2.3.4.
const MAX_NAME: usize = 255;
const EXAMPLES: usize = 4;
/// Names are counted up to this many times what is asked for.
const ROOM: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    #[test]
    fn the_registered_part_is_left_of_the_registrys_suffix() {
        let cases: [(&str, Option<&str>); 10] = [
            ("www.example.org", Some("example.org")),
            ("WWW.Example.CO.UK.", Some("example.co.uk")),
            ("d111111abcdef8.cloudfront.net", Some("cloudfront.net")),
            ("x.s3.eu-west-1.amazonaws.com", Some("amazonaws.com")),
            ("a.b.github.io", Some("github.io")),
            ("localhost", None),
            ("co.uk", None),
            ("xn--bcher-kva.example", None),
            ("", None),
            ("a\\x00b.org", None),
        ];
        for (name, expected) in cases {
            assert_eq!(registered(name.as_bytes(), &mut [0; MAX_NAME]), expected, "{name}");
        }
        assert_eq!(registered(&[b'a'; 5000], &mut [0; MAX_NAME]), None);
    }

    #[test]
    fn names_of_chance_have_a_higher_score_than_names_of_words() {
        // Made by the generators of testdata/make/names.py, and names of well-known sites.
        for label in ["qxkzvhwpjf", "kq3v9z7x1m2b8w", "9f86d081884c7d659a2feaa0c55ad015", "vjqwxkzpgbtf"] {
            assert!(chance(label) >= 0.63, "{label}: {}", chance(label));
        }
        for label in [
            "wikipedia",
            "stackoverflow",
            "theguardian",
            "deutsche-bahn",
            "microsoftonline",
            "googleusercontent",
            "cloudfront",
            "windowsupdate",
            "debian",
            "x",
            "qzx",
            "web2024",
            "wordpress",
            "office365",
        ] {
            assert!(chance(label) < 0.5, "{label}: {}", chance(label));
        }
    }

    #[test]
    fn several_names_of_one_client_are_needed() {
        let bounds = Bounds { keys: 10, retention: i64::MAX };
        let mut names = Names::new(Settings { bounds, window: 10 * MINUTE, score: 0.63, names: 3, again: 60 * MINUTE });
        let mut see = |client, name: &str, at| {
            let asked = Asked { client: Key(client), name: name.as_bytes(), at, session: [0; 16] };
            names
                .see(asked, |bytes| Key(bytes.iter().fold(7, |sum, &byte| sum * 31 + u128::from(byte))))
                .map(|f| f.note)
        };
        assert_eq!(see(1, "qxkzvhwpjf.com", 0), None);
        assert_eq!(see(1, "www.qxkzvhwpjf.com", 1), None, "the same name");
        assert_eq!(see(1, "vjqwxkzpgbtf.net", 2), None);
        assert_eq!(see(2, "pzqkvjxwgh.org", 3), None, "another client");
        assert_eq!(see(1, "wikipedia.org", 3), None);
        let note = see(1, "pzqkvjxwgh.org", 4).unwrap();
        assert_eq!(note.as_deref(), Some("pzqkvjxwgh.org, vjqwxkzpgbtf.net, qxkzvhwpjf.com"));
        assert_eq!(see(1, "wqkzjxvpgh.org", 30 * MINUTE), None, "the others are too long ago");
    }
}
