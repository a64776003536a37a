//! Version 2 hellos: the CLIENT-HELLO that old clients open a TLS session with (RFC 5246, appendix E.2), and the
//! SERVER-HELLO of an SSL 2.0 server.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::{ClientHello, Flaws};
use crate::wire::{Cursor, Incomplete};

/// Collects a version 2 record; gives what is left of the input once it is whole.
pub(super) fn collect<'a>(collected: &mut Vec<u8>, mut bytes: &'a [u8]) -> Option<&'a [u8]> {
    while collected.len() < HEADER {
        let (first, rest) = bytes.split_first()?;
        collected.push(*first);
        bytes = rest;
    }
    let length = match collected.as_slice() {
        [high, low, ..] => usize::from(u16::from_be_bytes([high & 0x7f, *low])),
        _ => 0,
    };
    let missing = length.saturating_add(HEADER).saturating_sub(collected.len());
    match bytes.split_at_checked(missing) {
        Some((now, rest)) => {
            collected.extend_from_slice(now);
            Some(rest)
        }
        None => {
            collected.extend_from_slice(bytes);
            None
        }
    }
}

/// Reads a CLIENT-HELLO, message type included.
pub(super) fn client_hello(message: &[u8]) -> ClientHello<'_> {
    let mut hello = ClientHello::empty();
    if read_client_hello(&mut hello, message).is_err() {
        hello.flaws.set(Flaws::INCOMPLETE);
    }
    hello
}

fn read_client_hello<'a>(hello: &mut ClientHello<'a>, message: &'a [u8]) -> Result<(), Incomplete> {
    let mut cursor = Cursor::new(message);
    cursor.u8()?;
    hello.legacy_version = cursor.u16()?;
    let [specs, id, challenge] = [cursor.u16()?, cursor.u16()?, cursor.u16()?].map(usize::from);
    let (bytes, whole) = cursor.take_readable(specs);
    hello.sslv2_specs = bytes;
    if !whole {
        return Err(Incomplete);
    }
    hello.session_id = cursor.take(id)?;
    // The challenge stands for the random, right-justified (RFC 5246, appendix E.2).
    let challenge = cursor.take(challenge)?;
    for (to, from) in hello.random.iter_mut().rev().zip(challenge.iter().rev()) {
        *to = *from;
    }
    Ok(())
}

/// What an SSL 2.0 SERVER-HELLO said.
#[derive(Debug, Clone, Copy)]
pub struct ServerHello<'a> {
    pub session_id_hit: bool,
    pub version: u16,
    /// One X.509 certificate; empty after a session id hit.
    pub certificate: &'a [u8],
}

/// Reads a SERVER-HELLO, message type included.
pub(super) fn server_hello(message: &[u8]) -> Result<ServerHello<'_>, Incomplete> {
    let mut cursor = Cursor::new(message);
    cursor.u8()?;
    let session_id_hit = cursor.u8()? != 0;
    cursor.u8()?;
    let version = cursor.u16()?;
    let certificate = usize::from(cursor.u16()?);
    cursor.u16()?;
    cursor.u16()?;
    Ok(ServerHello { session_id_hit, version, certificate: cursor.take(certificate)? })
}

/// Octets before a record's message: its length, with the top bit set.
pub(super) const HEADER: usize = 2;
