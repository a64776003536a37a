//! Repeat: the random of one ClientHello shows up in a second connection.
//!
//! Thirty-two octets of chance do not come twice. A hello that is seen on two connections was passed on as it was (a relay,
//! a residential proxy, a tunnel that ends nearby) or is played again. The same packets seen twice at two places of a network
//! are no finding: the same connection, or one end of it the same and all but no time between them (address translation, a
//! load balancer).

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Told};
use super::key::Key;
use super::memory::{Bounds, Known, Memory};

/// What a rule says; times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The retention is how far apart both may be.
    pub bounds: Bounds,
    /// Connections with one end in common within this time are one that was mirrored.
    pub mirror: i64,
    pub again: i64,
}

#[derive(Debug)]
pub struct Repeat {
    settings: Settings,
    pub hellos: Memory<Hello>,
}

/// Where a hello was seen: keys of the ends and of their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Path {
    pub client: u64,
    pub client_port: u16,
    pub server: u64,
    pub server_port: u16,
}

/// Who spoke to whom, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parties {
    pub client: IpAddr,
    pub server: IpAddr,
    pub port: u16,
}

impl fmt::Display for Parties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}, port {}", self.client, self.server, self.port)
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Sighting {
    pub random: Key,
    pub path: Path,
    pub at: i64,
    pub session: [u8; 16],
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Hello {
    first: Path,
    at: i64,
    session: [u8; 16],
    parties: Option<Parties>,
    copies: u64,
    told: Told,
}

impl Repeat {
    pub fn new(settings: Settings) -> Self {
        Self { settings, hellos: Memory::new(settings.bounds) }
    }

    pub fn see(&mut self, sighting: Sighting, parties: Parties) -> Option<Finding> {
        let Sighting { random, path, at, session } = sighting;
        let (hello, known) = self.hellos.touch(random, at);
        if known == Known::New {
            *hello = Hello { first: path, at, session, parties: Some(parties), copies: 0, told: Told::default() };
            return None;
        }
        let apart = at.abs_diff(hello.at);
        if path == hello.first || hello.first.shares_an_end_with(path) && apart <= self.settings.mirror.unsigned_abs() {
            return None;
        }
        hello.copies += 1;
        if !hello.told.is_due(at, self.settings.again) {
            return None;
        }
        hello.told.now(at);
        let (earlier, later) = if hello.at <= at { (hello.first, path) } else { (path, hello.first) };
        // Whom the first spoke to spoke to the second.
        let is_relayed = earlier.server == later.client;
        let score = if is_relayed { RELAYED } else { REPEATED };
        let measures = vec![
            ("score", score),
            ("delay_seconds", apart as f64 / 1e9),
            ("relayed", f64::from(u8::from(is_relayed))),
            ("copies", hello.copies as f64),
        ];
        let note = hello.parties.map(|parties| parties.to_string());
        Some(Finding { score, measures, note, sessions: vec![hello.session, session], count: hello.copies + 1 })
    }
}

impl Path {
    fn shares_an_end_with(self, other: Self) -> bool {
        (self.client, self.client_port) == (other.client, other.client_port)
            || (self.server, self.server_port) == (other.server, other.server_port)
    }
}

const RELAYED: f64 = 1.0;
/// The middle of it may have other addresses, or none that are seen here; or the hello is a recording.
const REPEATED: f64 = 0.8;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn repeat() -> Repeat {
        let bounds = Bounds { keys: 100, retention: 60 * SECOND };
        Repeat::new(Settings { bounds, mirror: SECOND / 10, again: 60 * SECOND })
    }

    fn see(repeat: &mut Repeat, path: (u64, u16, u64, u16), at: i64) -> Option<Finding> {
        let (client, client_port, server, server_port) = path;
        let path = Path { client, client_port, server, server_port };
        let parties = Parties { client: [10, 0, 0, 1].into(), server: [10, 0, 0, 2].into(), port: 443 };
        repeat.see(Sighting { random: Key(1), path, at, session: [at as u8; 16] }, parties)
    }

    #[test]
    fn a_relayed_hello_is_told() {
        let mut repeat = repeat();
        assert_eq!(see(&mut repeat, (1, 5000, 2, 8080), 0), None);
        let finding = see(&mut repeat, (2, 6000, 3, 443), SECOND / 50).unwrap();
        assert_eq!(finding.measures, [("score", 1.0), ("delay_seconds", 0.02), ("relayed", 1.0), ("copies", 1.0)]);
        assert_eq!((finding.count, finding.note.as_deref()), (2, Some("10.0.0.1 to 10.0.0.2, port 443")));
        assert_eq!(see(&mut repeat, (2, 6001, 3, 443), SECOND), None, "it was told");
    }

    #[test]
    fn the_outer_leg_may_be_told_first() {
        let mut repeat = repeat();
        assert_eq!(see(&mut repeat, (2, 6000, 3, 443), 20), None);
        assert_eq!(see(&mut repeat, (1, 5000, 2, 8080), 0).unwrap().score, 1.0);
    }

    #[test]
    fn mirrored_packets_are_no_repetition() {
        let mut repeat = repeat();
        assert_eq!(see(&mut repeat, (1, 5000, 3, 443), 0), None);
        assert_eq!(see(&mut repeat, (1, 5000, 3, 443), 30 * SECOND), None, "the same connection");
        assert_eq!(see(&mut repeat, (9, 41000, 3, 443), SECOND / 1000), None, "behind address translation");
        assert_eq!(see(&mut repeat, (1, 5000, 7, 8443), SECOND / 1000), None, "behind a load balancer");
        assert!(see(&mut repeat, (9, 41000, 3, 443), 2 * SECOND).is_some(), "played again later");
    }

    #[test]
    fn what_is_further_apart_than_the_rule_says_is_not_looked_for() {
        let mut repeat = repeat();
        assert_eq!(see(&mut repeat, (1, 5000, 2, 8080), 0), None);
        assert_eq!(see(&mut repeat, (2, 6000, 3, 443), 61 * SECOND), None);
    }
}
