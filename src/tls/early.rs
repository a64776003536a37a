//! Whether a server took a client's early data, as far as the lengths of encrypted records tell.
//!
//! The answer itself stands in EncryptedExtensions, which nobody else can read. But a client whose early data were taken
//! ends them with EndOfEarlyData under their own key, and then sends Finished under the next (RFC 8446, sections 2.3 and
//! 4.5): two records of lengths that are known, the first of which no other client sends. Padding hides them, and then
//! nothing is told.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::ServerHello;
use super::message::HEADER;
use crate::wire::Direction;

/// What is known of a session's early data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Early {
    /// None were offered, or nothing more is to be found out.
    #[default]
    Settled,
    Offered(Direction),
    /// The server took the PSK that they depend on.
    Open(Watch),
}

/// Looks out for the two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watch {
    client: Direction,
    end_of_early_data: usize,
    finished: usize,
    /// The record before may have been EndOfEarlyData.
    ended: bool,
    /// Records of the client that are still looked at.
    left: u8,
}

impl Early {
    pub(super) fn answered(&mut self, hello: &ServerHello<'_>) {
        let Self::Offered(client) = *self else { return };
        *self = match lengths(hello.cipher_suite) {
            Some((tag, hash)) if hello.selected_psk == Some(0) => {
                let record = |message: usize| message.saturating_add(CONTENT_TYPE).saturating_add(tag);
                Self::Open(Watch {
                    client,
                    end_of_early_data: record(HEADER),
                    finished: record(HEADER.saturating_add(hash)),
                    ended: false,
                    left: PATIENCE,
                })
            }
            _ => Self::Settled,
        };
    }

    /// Takes the length of an encrypted record that came after the server's first; whether it says that the early data
    /// were taken.
    pub(super) fn record(&mut self, from: Direction, length: usize) -> bool {
        let Self::Open(watch) = self else { return false };
        if from != watch.client {
            return false;
        }
        let taken = watch.ended && length == watch.finished;
        watch.ended = length == watch.end_of_early_data;
        watch.left = watch.left.saturating_sub(1);
        if taken || watch.left == 0 {
            *self = Self::Settled;
        }
        taken
    }

    /// Whether it may still be found out.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }
}

/// Octets of a suite's tag (RFC 5116, RFC 6655) and of its hash.
fn lengths(suite: u16) -> Option<(usize, usize)> {
    match suite {
        0x1301 | 0x1303 | 0x1304 => Some((16, 32)),
        0x1302 => Some((16, 48)),
        0x1305 => Some((8, 32)),
        _ => None,
    }
}

/// The octet of its type behind what a record encrypts (RFC 8446, section 5.2).
const CONTENT_TYPE: usize = 1;
/// Early data that were on their way when the server answered may fill so many records.
const PATIENCE: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn open(suite: u16, psk: Option<u16>) -> Early {
        let mut body = vec![3, 3];
        body.extend([7; 33]);
        body.extend(suite.to_be_bytes());
        body.push(0);
        if let Some(index) = psk {
            body.extend([0, 6, 0, 41, 0, 2]);
            body.extend(index.to_be_bytes());
        }
        // The random took the place of an empty session id's length as well.
        if let Some(length) = body.get_mut(34) {
            *length = 0;
        }
        let mut early = Early::Offered(Direction::Forward);
        early.answered(&ServerHello::read(&body));
        early
    }

    #[test]
    fn end_of_early_data_and_finished_together_say_that_they_were_taken() {
        for (suite, end, finished) in [(0x1301, 21, 53), (0x1302, 21, 69), (0x1303, 21, 53), (0x1305, 13, 45)] {
            let mut early = open(suite, Some(0));
            assert!(!early.record(Direction::Forward, 300) && !early.record(Direction::Backward, end));
            assert!(!early.record(Direction::Forward, end));
            assert!(early.record(Direction::Forward, finished), "{suite:#x}");
            assert!(!early.is_open());
        }
    }

    #[test]
    fn finished_alone_says_nothing() {
        let mut early = open(0x1301, Some(0));
        assert!(!early.record(Direction::Forward, 53));
        assert!(!early.record(Direction::Forward, 21) && !early.record(Direction::Forward, 54));
        assert!(!early.record(Direction::Forward, 53) && early.is_open());
    }

    #[test]
    fn it_is_not_waited_for_without_end() {
        let mut early = open(0x1301, Some(0));
        assert!((0..PATIENCE).all(|_| early.is_open() && !early.record(Direction::Forward, 100)));
        assert!(!early.is_open());
    }

    #[test]
    fn another_psk_and_another_suite_open_nothing() {
        assert!(!open(0x1301, Some(1)).is_open());
        assert!(!open(0x1301, None).is_open());
        assert!(!open(0xc02f, Some(0)).is_open());
    }
}
