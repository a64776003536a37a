//! DTLS 1.0, 1.2 and 1.3 (RFC 4347, RFC 6347, RFC 9147) as it stands in datagrams: records, handshake fragments, and how
//! far a session has come.
//!
//! In: the UDP payloads of one address pair, both directions, in any order, repeated or cut. Out: the handshake messages of
//! [`crate::tls::Message`], each direction's in the order of their numbers, and [`Progress`](crate::tls::Progress). What
//! shares the port (STUN, TURN, RTP; RFC 7983) is passed over. Does not find sessions among packets, decrypts nothing,
//! computes no fingerprint, and does not read on in an epoch above 0, not even where its suite encrypts nothing.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod end;
mod message;
mod record;
mod session;
#[cfg(test)]
mod testing;
mod trace;

pub use session::Session;
pub use trace::Trace;
