// SPDX-License-Identifier: LicenseRef-FoxIO-1.1
//! JA4L and JA4LS: how far, in light time, client and server are from the tap.
//!
//! In: two packet times and the TTL of the later packet's sender. Out: half the time between and the TTL. Does not
//! choose the packets.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt;

use crate::capture::Timestamp;

/// A JA4L value: SYN-ACK to ACK, and the client's TTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ja4l(Light);

/// A JA4LS value: SYN to SYN-ACK, and the server's TTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ja4ls(Light);

/// One packet and its answer. Of a QUIC handshake: the client's and the server's Initial (JA4LS); the server's last
/// and the client's first Handshake packet (JA4L).
#[derive(Debug, Clone, Copy)]
pub struct Leg {
    pub sent: Timestamp,
    pub answered: Timestamp,
    /// TTL or hop limit of the side that answered.
    pub ttl: u8,
}

impl Ja4l {
    /// `None` where the answer is older than what it answers.
    pub fn of(leg: Leg) -> Option<Self> {
        Light::of(leg).map(Self)
    }
}

impl Ja4ls {
    /// `None` where the answer is older than what it answers.
    pub fn of(leg: Leg) -> Option<Self> {
        Light::of(leg).map(Self)
    }
}

impl fmt::Display for Ja4l {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Ja4ls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Light {
    microseconds: u64,
    ttl: u8,
}

impl Light {
    /// Times are cut to microseconds first: a capture with nanoseconds gives the value of one without.
    fn of(leg: Leg) -> Option<Self> {
        let microseconds = |time: Timestamp| time.0.div_euclid(1000);
        let between = microseconds(leg.answered).checked_sub(microseconds(leg.sent))?;
        Some(Self { microseconds: u64::try_from(between).ok()? / 2, ttl: leg.ttl })
    }
}

impl fmt::Display for Light {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.microseconds, self.ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(sent: i64, answered: i64, ttl: u8) -> Leg {
        Leg { sent: Timestamp(sent), answered: Timestamp(answered), ttl }
    }

    #[test]
    fn half_the_time_between_is_printed_in_microseconds() {
        let client = leg(1_003_519_000, 1_003_541_000, 128);
        assert_eq!(Ja4l::of(client).map(|l| l.to_string()), Some("11_128".into()));
        let server = leg(1_000_000_000, 1_003_519_000, 42);
        assert_eq!(Ja4ls::of(server).map(|l| l.to_string()), Some("1759_42".into()));
    }

    #[test]
    fn nanoseconds_do_not_change_the_value() {
        let coarse = leg(1_000, 5_000, 64);
        let fine = leg(1_999, 5_001, 64);
        assert_eq!(Ja4l::of(coarse), Ja4l::of(fine));
    }

    #[test]
    fn an_answer_before_its_question_has_no_value() {
        assert_eq!(Ja4l::of(leg(2_000, 1_000, 64)), None);
    }
}
