//! TLS in QUIC: from datagrams of one pair of addresses, both directions, to handshake messages.
//!
//! In: UDP payloads as they come, whatever their order. Out: the [`Message`](crate::tls::Message)s of `tls`, and
//! [`Facts`] of the connection. Initial packets are decrypted, since their keys follow from what they say in the clear
//! (RFC 9001, section 5.2); all that comes after them stays closed. Ports mean nothing here: who is the client is found out
//! by content.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod assembler;
mod early;
mod end;
mod frame;
mod google;
mod header;
mod identity;
mod keyring;
pub mod parameters;
mod probe;
mod protect;
mod session;
#[cfg(test)]
mod testing;
mod varint;
mod version;

pub use identity::{Facts, GquicHello, Seen, Trace};
pub use session::Session;
