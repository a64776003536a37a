//! The lengths of the first records that a client encrypts: how it packs what it has to say first.
//!
//! Programs whose hellos are alike still differ in that. A client of HTTP/2 (RFC 9113, section 3.4) sends its preface and
//! its first request at once, and some write them together, some apart, and some the preface's 24 octets alone. Only
//! clients that offer HTTP/2 first over TLS 1.3 are watched, for a few records: the others are read no longer than their
//! handshake takes. What the lengths say is decided elsewhere.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::{ClientHello, ServerHello};
use crate::wire::Direction;

/// How far a session's first records are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum FirstRecords {
    /// Nothing is looked for, or nothing more.
    #[default]
    Settled,
    Offered(Direction),
    Open {
        client: Direction,
        /// The client's, and the server's, encrypted records so far.
        told: u8,
        heard: u8,
    },
}

impl FirstRecords {
    /// A client that sends early data has its request in them: its first records say nothing.
    pub(super) fn offered(hello: &ClientHello<'_>, from: Direction) -> Self {
        let watched = hello.alpn.first() == Some(b"h2") && hello.offers_tls13() && !hello.offers_early_data;
        if watched { Self::Offered(from) } else { Self::Settled }
    }

    pub(super) fn answered(&mut self, hello: &ServerHello<'_>) {
        let Self::Offered(client) = *self else { return };
        *self = match super::is_tls13(hello.version()) {
            true => Self::Open { client, told: 0, heard: 0 },
            false => Self::Settled,
        };
    }

    /// Takes an encrypted record; gives its length if it is one of the client's first.
    pub(super) fn take(&mut self, from: Direction, length: usize) -> Option<u16> {
        let Self::Open { client, told, heard } = self else { return None };
        if from == *client {
            *told = told.saturating_add(1);
        } else {
            *heard = heard.saturating_add(1);
        }
        let is_told = from == *client;
        if usize::from(*told) >= FIRST_RECORDS || *heard >= PATIENCE {
            *self = Self::Settled;
        }
        is_told.then(|| u16::try_from(length).unwrap_or(u16::MAX))
    }

    /// Whether another may come.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// Records of a client that are told: Finished, and three of the first that follow it.
pub const FIRST_RECORDS: usize = 4;
/// Encrypted records of a server after which the client's are no longer waited for: its part of the handshake, tickets and
/// settings are about as many. With four the recorded browsers' imitators are no longer told apart; twelve took a tenth of
/// a whole run's time more.
const PATIENCE: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_ends_with_the_fourth_record_or_the_servers_patience() {
        let open = FirstRecords::Open { client: Direction::Forward, told: 0, heard: 0 };
        let mut watch = open;
        let told: Vec<_> = [53, 87, 26, 471, 99].map(|length| watch.take(Direction::Forward, length)).to_vec();
        assert_eq!(told, [Some(53), Some(87), Some(26), Some(471), None]);
        let mut watch = open;
        for _ in 0..PATIENCE {
            assert!(watch.is_open());
            assert_eq!(watch.take(Direction::Backward, 16_000), None);
        }
        assert!(!watch.is_open());
    }
}
