//! The lengths of the first records that a client encrypts: how it packs what it has to say first.
//!
//! Programs whose hellos are alike still differ in that. A client of HTTP/2 (RFC 9113, section 3.4) sends its preface and
//! its first request at once, and some write them together, some apart, and some the preface's 24 octets alone. Only
//! clients that offer HTTP/2 first over TLS 1.3 are watched, for a few records: of the others, nothing is read once their
//! handshake is over. What the lengths say is decided elsewhere.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::record::{self, Header, Position, Step};
use super::session::Progress;
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
        /// The client's encrypted records so far.
        told: u8,
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
            true => Self::Open { client, told: 0 },
            false => Self::Settled,
        };
    }

    /// Takes an encrypted record; gives its length if it is one of the client's first.
    pub(super) fn take(&mut self, from: Direction, length: usize) -> Option<u16> {
        let Self::Open { client, told } = self else { return None };
        if from != *client {
            return None;
        }
        *told = told.saturating_add(1);
        if usize::from(*told) >= FIRST_RECORDS {
            *self = Self::Settled;
        }
        Some(u16::try_from(length).unwrap_or(u16::MAX))
    }

    /// Whether another may come.
    pub(super) fn is_open(&self) -> bool {
        self.client().is_some()
    }

    /// The client's direction, if another may come.
    pub(super) fn client(&self) -> Option<Direction> {
        match self {
            Self::Open { client, .. } => Some(*client),
            Self::Settled | Self::Offered(_) => None,
        }
    }
}

/// Goes on with a session of which nothing but the client's first records is left to be read: the client's bytes are
/// stepped over, and of the server's it is enough to know that some came.
#[derive(Debug)]
pub struct Watch {
    client: Direction,
    records: FirstRecords,
    position: Position,
}

impl Watch {
    pub(super) fn new(client: Direction, records: FirstRecords, position: Position) -> Self {
        Self { client, records, position }
    }

    /// The direction in which the client sends.
    pub fn client(&self) -> Direction {
        self.client
    }

    /// Takes the client's next bytes; gives the lengths of the records that begin in them.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut impl FnMut(u16)) -> Progress {
        loop {
            match self.position.step(&mut bytes) {
                Step::More => return self.progress(),
                Step::Fragment { .. } => {}
                Step::Begins(Header { kind: record::APPLICATION_DATA, length, .. }) => {
                    if let Some(length) = self.records.take(self.client, length) {
                        out(length);
                    }
                }
                // What is not encrypted is nothing that follows a handshake.
                Step::Begins(_) => return Progress::Over,
            }
        }
    }

    /// So many of the client's bytes did not come.
    pub fn skip(&mut self, count: usize) -> Progress {
        match self.position.skip(count) {
            Ok(_) => self.progress(),
            Err(()) => Progress::Over,
        }
    }

    fn progress(&self) -> Progress {
        if self.records.is_open() { Progress::Told } else { Progress::Over }
    }
}

/// Records of a client that are told: Finished, and three of the first that follow it.
pub const FIRST_RECORDS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_records_of_the_client_are_told() {
        let mut records = FirstRecords::Open { client: Direction::Forward, told: 0 };
        assert_eq!(records.take(Direction::Backward, 16_000), None);
        let told = [53, 87, 26, 471, 99].map(|length| records.take(Direction::Forward, length));
        assert_eq!(told, [Some(53), Some(87), Some(26), Some(471), None]);
        assert!(!records.is_open());
    }

    #[test]
    fn a_watch_goes_on_within_a_record_and_over_what_is_missing_of_it() {
        let open = FirstRecords::Open { client: Direction::Forward, told: 1 };
        let mut watch = Watch::new(Direction::Forward, open, Position::START);
        let mut told = Vec::new();
        let mut push = |watch: &mut Watch, bytes: &[u8]| watch.push(bytes, &mut |length| told.push(length));
        assert_eq!(push(&mut watch, &[23, 3, 3, 0]), Progress::Told);
        assert_eq!(push(&mut watch, &[4, 1, 2]), Progress::Told);
        assert_eq!(watch.skip(2), Progress::Told);
        assert_eq!(push(&mut watch, &[23, 3, 3, 0, 2, 1, 2, 23, 3, 3, 0, 1]), Progress::Over);
        assert_eq!(told, [4, 2, 1]);
    }

    #[test]
    fn a_watch_ends_where_a_record_may_have_begun_unseen_and_at_what_is_not_encrypted() {
        let open = FirstRecords::Open { client: Direction::Forward, told: 1 };
        let watch = || Watch::new(Direction::Forward, open, Position::START);
        assert_eq!(watch().skip(1), Progress::Over);
        assert_eq!(watch().push(&[21, 3, 3, 0, 2], &mut |_| ()), Progress::Over);
    }
}
