//! A session's name: `event.id`.
//!
//! In: what is known of a session, and how many of its connection were told before. Out: 16 octets.
#![forbid(unsafe_code)]

use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::event::Event;

/// The same packets give the same id, on any machine and with any number of threads.
pub(super) fn of(event: &Event, ordinal: u32) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(event.timestamp.0.to_be_bytes());
    for end in [event.client, event.server] {
        match end.ip {
            IpAddr::V4(ip) => hash.update(ip.octets()),
            IpAddr::V6(ip) => hash.update(ip.octets()),
        }
        hash.update(end.port.to_be_bytes());
    }
    hash.update(ordinal.to_be_bytes());
    for random in
        [event.client_hello.as_ref().map(|hello| hello.random), event.server_hello.as_ref().map(|hello| hello.random)]
    {
        hash.update(random.unwrap_or_default());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (id, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
    *id
}
