//! Whether a stream starts like TLS: by content, never by port.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::story::{CERTIFICATE, CLIENT_HELLO, SERVER_HELLO, SSLV2_SERVER_HELLO};

/// What the first bytes of a direction say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Tls,
    Sslv2,
    Neither,
    /// Too few bytes to tell.
    More,
}

/// What is known of the other direction when this one starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Unknown,
    /// It has said hello: a record of any type may answer.
    Hello,
    /// It has said hello in SSLv2 format.
    Sslv2Hello,
}

/// Judges a direction by its first bytes; [`ENOUGH`] of them always give a verdict.
pub(super) fn judge(bytes: &[u8], peer: Peer) -> Verdict {
    match *bytes {
        [] => Verdict::More,
        [22, ref rest @ ..] => handshake_record(rest, peer),
        [20..=24, ref rest @ ..] if peer != Peer::Unknown => plain_record(rest),
        [0x80..=0xff, ref rest @ ..] => sslv2_record(bytes, rest, peer),
        _ => Verdict::Neither,
    }
}

/// After the type byte: version, length and, where nothing else speaks for TLS, a hello's or a certificate's message type.
fn handshake_record(rest: &[u8], peer: Peer) -> Verdict {
    match plain_record(rest) {
        Verdict::Tls if peer == Peer::Unknown => match rest.get(4) {
            None => Verdict::More,
            Some(&(CLIENT_HELLO | SERVER_HELLO | CERTIFICATE)) => Verdict::Tls,
            Some(_) => Verdict::Neither,
        },
        verdict => verdict,
    }
}

fn plain_record(rest: &[u8]) -> Verdict {
    match *rest {
        [] | [3] | [3, 0..=4] | [3, 0..=4, 0..=MAX_LENGTH_HIGH] => Verdict::More,
        [3, 0..=4, high, low, ..] if high <= MAX_LENGTH_HIGH && (high, low) != (0, 0) => Verdict::Tls,
        _ => Verdict::Neither,
    }
}

/// A version 2 record of two-byte header: CLIENT-HELLO, or SERVER-HELLO where the peer spoke version 2.
fn sslv2_record(bytes: &[u8], rest: &[u8], peer: Peer) -> Verdict {
    let [length_low, kind, fields @ ..] = rest else { return Verdict::More };
    match (*kind, peer) {
        (CLIENT_HELLO, Peer::Unknown) => {
            let &[version_high, version_low, specs_high, specs_low, id_high, id_low, challenge_high, challenge_low, ..] =
                fields
            else {
                return Verdict::More;
            };
            let length = u16::from_be_bytes([bytes.first().copied().unwrap_or(0) & 0x7f, *length_low]);
            let specs = u16::from_be_bytes([specs_high, specs_low]);
            let id = u16::from_be_bytes([id_high, id_low]);
            let challenge = u16::from_be_bytes([challenge_high, challenge_low]);
            let versions = matches!((version_high, version_low), (0, 2) | (3, 0..=4));
            let sum = [9, specs, id, challenge].into_iter().try_fold(0u16, u16::checked_add);
            let sizes = specs != 0 && specs % 3 == 0 && matches!(id, 0 | 16 | 32) && (16..=32).contains(&challenge);
            if versions && sizes && sum == Some(length) { Verdict::Sslv2 } else { Verdict::Neither }
        }
        (SSLV2_SERVER_HELLO, Peer::Sslv2Hello) => Verdict::Sslv2,
        _ => Verdict::Neither,
    }
}

/// The longest prefix that [`judge`] may want.
pub(super) const ENOUGH: usize = 11;
/// 2^14 + 2048 octets, the longest TLSCiphertext (RFC 5246, section 6.2.3), in its high byte.
const MAX_LENGTH_HIGH: u8 = 0x48;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_is_known_by_six_bytes_and_not_by_five() {
        let start = [22, 3, 1, 2, 0, 1];
        assert_eq!(judge(&start, Peer::Unknown), Verdict::Tls);
        for cut in 0..5 {
            assert_eq!(judge(&start[..cut], Peer::Unknown), Verdict::More, "{cut} bytes");
        }
    }

    #[test]
    fn what_only_looks_like_tls_is_neither() {
        for noise in [
            &b"GET / HTTP"[..],
            &[22, 3, 1, 0xff, 0xff, 1],
            &[22, 3, 9, 0, 40, 1],
            &[22, 3, 1, 0, 40, 99],
            b"SSH-2.0-x",
        ] {
            assert_eq!(judge(noise, Peer::Unknown), Verdict::Neither, "{noise:?}");
        }
        assert_eq!(judge(&[0x80, 3, 1, 3, 1, 0, 1, 0, 0, 0, 16], Peer::Unknown), Verdict::Neither);
    }

    #[test]
    fn an_alert_answers_a_hello_and_starts_nothing() {
        let alert = [21, 3, 3, 0, 2, 2, 40];
        assert_eq!(judge(&alert, Peer::Hello), Verdict::Tls);
        assert_eq!(judge(&alert, Peer::Unknown), Verdict::Neither);
    }

    #[test]
    fn enough_bytes_give_a_verdict() {
        for first in 0..=255 {
            let mut bytes = [0u8; ENOUGH];
            bytes[0] = first;
            assert_ne!(judge(&bytes, Peer::Unknown), Verdict::More, "{first:#x}");
        }
    }
}
