//! What a flow remembers of its session, to tell the next one from it.

use super::message::{CLIENT_HELLO, Fragment, Fragments, Read};
use super::record::{Datagram, HANDSHAKE, Step};

/// Which session it was: by the randoms of its ClientHellos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trace {
    first: u32,
    /// Of a hello that was sent again with another random, against RFC 6347, section 4.2.1, and RFC 8446, section 4.1.2.
    second: u32,
    /// How many of the two are known.
    known: u8,
    over: bool,
}

impl Trace {
    /// Whether a datagram on the same addresses begins another session: a ClientHello of epoch 0 with another random. Of a
    /// session whose hello has not been seen, none does before it is over.
    pub fn is_another(&self, payload: &[u8], cut: u32) -> bool {
        if !super::record::may_be_handshake(payload) {
            return false;
        }
        Datagram::new(payload, cut).any(|step| match step {
            Step::Plain(record) if record.kind == HANDSHAKE => Fragments::new(record.body, record.length)
                .any(|read| matches!(read, Read::Fragment(fragment) if self.is_of_another(&fragment))),
            _ => false,
        })
    }

    fn is_of_another(&self, fragment: &Fragment<'_>) -> bool {
        let Some(random) = random(fragment) else { return false };
        let known = match self.known {
            0 => !self.over,
            1 => self.first == random,
            _ => self.first == random || self.second == random,
        };
        // Whoever answers a HelloVerifyRequest with another random is still of the session that is being read.
        !known && (self.over || fragment.sequence == 0)
    }

    pub(super) fn note(&mut self, fragment: &Fragment<'_>) {
        let Some(random) = random(fragment) else { return };
        match self.known {
            0 => (self.first, self.known) = (random, 1),
            1 if self.first != random => (self.second, self.known) = (random, 2),
            _ => {}
        }
    }

    pub(super) fn end(&mut self) {
        self.over = true;
    }
}

/// The ClientHello's random in short, if the fragment has all of it.
fn random(fragment: &Fragment<'_>) -> Option<u32> {
    if fragment.kind != CLIENT_HELLO || fragment.offset != 0 {
        return None;
    }
    let (_, random) = fragment.bytes.split_first_chunk::<VERSION>()?;
    let words = random.first_chunk::<RANDOM>()?.as_chunks().0;
    Some(words.iter().fold(0, |hash: u32, word| (hash.rotate_left(7) ^ u32::from_be_bytes(*word)).wrapping_mul(SPREAD)))
}

const VERSION: usize = 2;
const RANDOM: usize = 32;
/// 2^32 divided by the golden ratio.
const SPREAD: u32 = 0x9e37_79b1;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn another_random_is_another_session() {
        let talk = Talk::new().push(C, &client_hello(0, 5, &[]).at(0));
        let trace = talk.session.trace();
        assert!(trace.is_another(&client_hello(0, 6, &[]).at(0), 0));
        assert!(trace.is_another(&client_hello(0, 6, &[]).at(0)[..70], 10));
        assert!(trace.is_another(&client_hello(0, 6, &[]).part_at(9, 0..40), 0));
        assert!(!trace.is_another(&client_hello(0, 5, &[]).at(7), 0));
        assert!(!trace.is_another(&client_hello(1, 5, &[1, 2, 3]).at(1), 0));
        // Nothing but a ClientHello of epoch 0 begins one.
        assert!(!trace.is_another(&server_hello(0).at(0), 0));
        let encrypted = record_of(0xfefd, 1, 22, 0, &client_hello(0, 6, &[]).whole());
        assert!(!trace.is_another(&encrypted, 0));
        assert!(!trace.is_another(&[1, 1, 0, 0], 0));
    }

    #[test]
    fn an_answer_with_a_new_random_is_of_the_same_session() {
        let second = client_hello(1, 6, &[1]).at(1);
        let mut talk = Talk::new().push(C, &client_hello(0, 5, &[]).at(0)).push(S, &hello_verify_request(0).at(0));
        assert!(!talk.session.trace().is_another(&second, 0));
        talk.take(C, &second, 0);
        let trace = talk.finish().session.trace();
        assert!(!trace.is_another(&second, 0) && !trace.is_another(&client_hello(0, 5, &[]).at(0), 0));
        assert!(trace.is_another(&client_hello(1, 7, &[]).at(0), 0));
    }

    #[test]
    fn a_session_without_a_hello_waits_for_it_until_it_is_over() {
        let talk = Talk::new().push(S, &server_hello(0).at(0));
        assert!(!talk.session.trace().is_another(&client_hello(0, 5, &[]).at(0), 0));
        assert!(talk.finish().session.trace().is_another(&client_hello(0, 5, &[]).at(0), 0));
    }

    #[test]
    fn a_trace_is_small() {
        assert!(size_of::<Trace>() <= 12);
    }
}
