//! DTLS records and handshake fragments (RFC 6347, section 4).

use super::tls::{content, message, u24};
use super::{ClientHello, Rng};

/// Versions on the wire.
pub mod version {
    pub const DTLS10: u16 = 0xfeff;
    pub const DTLS12: u16 = 0xfefd;
}

/// A record's place.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub version: u16,
    pub epoch: u16,
    pub sequence: u32,
}

pub fn record(place: Place, content: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![content];
    bytes.extend_from_slice(&place.version.to_be_bytes());
    bytes.extend_from_slice(&place.epoch.to_be_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&place.sequence.to_be_bytes());
    bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A part of a handshake message (RFC 6347, section 4.2.2).
#[derive(Debug, Clone, Copy)]
pub struct Fragment<'a> {
    pub kind: u8,
    /// Of the whole message's body.
    pub length: usize,
    pub sequence: u16,
    pub offset: usize,
    pub bytes: &'a [u8],
}

pub fn fragment(fragment: Fragment<'_>) -> Vec<u8> {
    let Fragment { kind, length, sequence, offset, bytes } = fragment;
    let mut out = vec![kind];
    out.extend_from_slice(&u24(length));
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&u24(offset));
    out.extend_from_slice(&u24(bytes.len()));
    out.extend_from_slice(bytes);
    out
}

/// The message of a DTLS ClientHello: that of TLS with a cookie behind the session id.
pub fn client_hello(hello: &ClientHello, cookie: &[u8]) -> Vec<u8> {
    let tls = hello.message();
    let at = 4 + 2 + 32 + 1 + hello.session_id.len();
    let mut body = tls[4..at].to_vec();
    body.push(cookie.len() as u8);
    body.extend_from_slice(cookie);
    body.extend_from_slice(&tls[at..]);
    super::tls::handshake(message::CLIENT_HELLO, body)
}

pub fn hello_verify_request(cookie: &[u8]) -> Vec<u8> {
    let mut body = version::DTLS10.to_be_bytes().to_vec();
    body.push(cookie.len() as u8);
    body.extend_from_slice(cookie);
    super::tls::handshake(3, body)
}

/// A ChangeCipherSpec and an encrypted Finished.
pub fn finished(version: u16, sequence: u32, rng: &mut Rng) -> Vec<u8> {
    let mut datagram = record(Place { version, epoch: 0, sequence }, content::CHANGE_CIPHER_SPEC, &[1]);
    let place = Place { version, epoch: 1, sequence: 0 };
    datagram.extend_from_slice(&record(place, content::HANDSHAKE, &rng.bytes(48)));
    datagram
}
