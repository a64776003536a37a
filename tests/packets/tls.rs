//! TLS records and the handshake messages that are not hellos (RFC 5246, RFC 8446).
//!
//! Messages come without a record; `record` and `records` wrap them. What would be encrypted is random bytes of the
//! right length. Nothing is signed.

use super::rng::Rng;

pub mod content {
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    pub const ALERT: u8 = 21;
    pub const HANDSHAKE: u8 = 22;
    pub const APPLICATION_DATA: u8 = 23;
}

pub mod message {
    pub const HELLO_REQUEST: u8 = 0;
    pub const CLIENT_HELLO: u8 = 1;
    pub const SERVER_HELLO: u8 = 2;
    pub const NEW_SESSION_TICKET: u8 = 4;
    pub const CERTIFICATE: u8 = 11;
    pub const SERVER_KEY_EXCHANGE: u8 = 12;
    pub const CERTIFICATE_REQUEST: u8 = 13;
    pub const SERVER_HELLO_DONE: u8 = 14;
    pub const CERTIFICATE_VERIFY: u8 = 15;
    pub const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub const CERTIFICATE_STATUS: u8 = 22;
}

pub mod version {
    pub const SSL3: u16 = 0x0300;
    pub const TLS10: u16 = 0x0301;
    pub const TLS11: u16 = 0x0302;
    pub const TLS12: u16 = 0x0303;
    pub const TLS13: u16 = 0x0304;
}

/// One TLS 1.2 record (the version that nearly every record carries).
pub fn record(content: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    record_as(version::TLS12, content, body)
}

pub fn record_as(version: u16, content: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut out = Vec::with_capacity(5 + body.len());
    out.push(content);
    out.extend_from_slice(&version.to_be_bytes());
    out.extend_from_slice(&(body.len() as u16).to_be_bytes());
    out.extend_from_slice(body);
    out
}

/// `body` over records of at most `size` bytes each.
pub fn records(content: u8, body: impl AsRef<[u8]>, size: usize) -> Vec<u8> {
    body.as_ref().chunks(size.max(1)).flat_map(|piece| record(content, piece)).collect()
}

/// A handshake message: type, 24-bit length, body.
pub fn handshake(kind: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut out = Vec::with_capacity(4 + body.len());
    out.push(kind);
    out.extend_from_slice(&u24(body.len()));
    out.extend_from_slice(body);
    out
}

/// Certificate of TLS 1.2 and before (RFC 5246 section 7.4.2).
pub fn certificate<D: AsRef<[u8]>>(chain: &[D]) -> Vec<u8> {
    let mut list = Vec::new();
    for der in chain {
        list.extend_from_slice(&u24(der.as_ref().len()));
        list.extend_from_slice(der.as_ref());
    }
    let mut body = u24(list.len()).to_vec();
    body.extend_from_slice(&list);
    handshake(message::CERTIFICATE, body)
}

/// Certificate of TLS 1.3, with an empty context and no entry extensions (RFC 8446 section 4.4.2).
pub fn certificate13<D: AsRef<[u8]>>(chain: &[D]) -> Vec<u8> {
    let mut list = Vec::new();
    for der in chain {
        list.extend_from_slice(&u24(der.as_ref().len()));
        list.extend_from_slice(der.as_ref());
        list.extend_from_slice(&[0, 0]);
    }
    let mut body = vec![0];
    body.extend_from_slice(&u24(list.len()));
    body.extend_from_slice(&list);
    handshake(message::CERTIFICATE, body)
}

/// A stapled OCSP answer; `response` is its DER.
pub fn certificate_status(response: &[u8]) -> Vec<u8> {
    let mut body = vec![1];
    body.extend_from_slice(&u24(response.len()));
    body.extend_from_slice(response);
    handshake(message::CERTIFICATE_STATUS, body)
}

/// What a ServerKeyExchange of ECDHE says (RFC 8422 section 5.4).
#[derive(Debug, Clone, Copy)]
pub struct Ecdhe {
    pub group: u16,
    pub signature_algorithm: u16,
    /// 256 for RSA-2048, about 71 for P-256.
    pub signature_len: usize,
}

impl Ecdhe {
    pub fn server_key_exchange(&self, rng: &mut Rng) -> Vec<u8> {
        let point = key_share(rng, KeyShare { group: self.group, sender: Sender::Server });
        let mut body = vec![3];
        body.extend_from_slice(&self.group.to_be_bytes());
        body.push(point.len() as u8);
        body.extend_from_slice(&point);
        body.extend_from_slice(&self.signature_algorithm.to_be_bytes());
        body.extend_from_slice(&(self.signature_len as u16).to_be_bytes());
        body.extend_from_slice(&rng.bytes(self.signature_len));
        handshake(message::SERVER_KEY_EXCHANGE, body)
    }

    pub fn client_key_exchange(&self, rng: &mut Rng) -> Vec<u8> {
        let point = key_share(rng, KeyShare { group: self.group, sender: Sender::Client });
        let mut body = vec![point.len() as u8];
        body.extend_from_slice(&point);
        handshake(message::CLIENT_KEY_EXCHANGE, body)
    }
}

/// ClientKeyExchange of an RSA key exchange with a 2048-bit key.
pub fn rsa_client_key_exchange(rng: &mut Rng) -> Vec<u8> {
    let mut body = 256u16.to_be_bytes().to_vec();
    body.extend_from_slice(&rng.bytes(256));
    handshake(message::CLIENT_KEY_EXCHANGE, body)
}

/// CertificateRequest of TLS 1.2: RSA and ECDSA, the given algorithms, the given names (DER).
pub fn certificate_request(signature_algorithms: &[u16], names: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![2, 1, 64];
    body.extend_from_slice(&list16(signature_algorithms));
    let mut list = Vec::new();
    for name in names {
        list.extend_from_slice(&(name.len() as u16).to_be_bytes());
        list.extend_from_slice(name);
    }
    body.extend_from_slice(&(list.len() as u16).to_be_bytes());
    body.extend_from_slice(&list);
    handshake(message::CERTIFICATE_REQUEST, body)
}

pub fn server_hello_done() -> Vec<u8> {
    handshake(message::SERVER_HELLO_DONE, [])
}

/// NewSessionTicket of TLS 1.2 (RFC 5077 section 3.3), two hours long.
pub fn new_session_ticket(ticket: &[u8]) -> Vec<u8> {
    let mut body = 7200u32.to_be_bytes().to_vec();
    body.extend_from_slice(&(ticket.len() as u16).to_be_bytes());
    body.extend_from_slice(ticket);
    handshake(message::NEW_SESSION_TICKET, body)
}

/// The ChangeCipherSpec record.
pub fn ccs() -> Vec<u8> {
    record(content::CHANGE_CIPHER_SPEC, [1])
}

/// A plain fatal alert record.
pub fn alert(description: u8) -> Vec<u8> {
    record(content::ALERT, [2, description])
}

/// The encrypted Finished of TLS 1.2: an AEAD record of a 16-byte message.
pub fn finished12(rng: &mut Rng) -> Vec<u8> {
    record(content::HANDSHAKE, rng.bytes(8 + 16 + 16))
}

/// The encrypted Finished of TLS 1.3: application data outside, 36 or 52 bytes of message inside.
pub fn finished13(rng: &mut Rng, hash_len: usize) -> Vec<u8> {
    record(content::APPLICATION_DATA, rng.bytes(4 + hash_len + 1 + 16))
}

/// An application data record that hides `len` bytes of TLS 1.3 content.
pub fn encrypted(rng: &mut Rng, len: usize) -> Vec<u8> {
    record(content::APPLICATION_DATA, rng.bytes(len + 17))
}

/// Application data of `len` bytes over records of at most 16 KiB.
pub fn application_data(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + len / 700 + 32);
    let mut left = len;
    while left > 0 {
        let piece = left.min(16_384);
        let body = piece + 17;
        out.push(content::APPLICATION_DATA);
        out.extend_from_slice(&version::TLS12.to_be_bytes());
        out.extend_from_slice(&(body as u16).to_be_bytes());
        let start = out.len();
        out.resize(start + body, 0);
        rng.fill(&mut out[start..]);
        left -= piece;
    }
    out
}

/// An SSLv2-format ClientHello (RFC 5246 appendix E.2) with a 16-byte challenge; cipher specs are 24 bits.
pub fn sslv2_hello(version: u16, cipher_specs: &[u32], rng: &mut Rng) -> Vec<u8> {
    let mut body = vec![message::CLIENT_HELLO];
    body.extend_from_slice(&version.to_be_bytes());
    body.extend_from_slice(&(cipher_specs.len() as u16 * 3).to_be_bytes());
    body.extend_from_slice(&[0, 0, 0, 16]);
    for spec in cipher_specs {
        body.extend_from_slice(&spec.to_be_bytes()[1..]);
    }
    body.extend_from_slice(&rng.bytes(16));
    let mut out = (0x8000 | body.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(&body);
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    Client,
    Server,
}

#[derive(Debug, Clone, Copy)]
pub struct KeyShare {
    pub group: u16,
    pub sender: Sender,
}

/// Random bytes of a key share's real length and outer form; a GREASE or unknown group gets one zero byte.
pub fn key_share(rng: &mut Rng, share: KeyShare) -> Vec<u8> {
    let (prefix, len): (&[u8], usize) = match (share.group, share.sender) {
        (group::SECP256R1, _) => (&[4], 64),
        (group::SECP384R1, _) => (&[4], 96),
        (group::SECP521R1, _) => (&[4], 132),
        (group::X25519, _) => (&[], 32),
        (group::X448, _) => (&[], 56),
        (group::X25519_MLKEM768 | group::X25519_KYBER768, Sender::Client) => (&[], 1216),
        (group::X25519_MLKEM768 | group::X25519_KYBER768, Sender::Server) => (&[], 1120),
        (group::SECP256R1_MLKEM768, Sender::Client) => (&[4], 1248),
        (group::SECP256R1_MLKEM768, Sender::Server) => (&[4], 1152),
        _ => (&[0], 0),
    };
    let mut out = prefix.to_vec();
    out.extend_from_slice(&rng.bytes(len));
    out
}

pub mod group {
    pub const SECP256R1: u16 = 0x0017;
    pub const SECP384R1: u16 = 0x0018;
    pub const SECP521R1: u16 = 0x0019;
    pub const X25519: u16 = 0x001d;
    pub const X448: u16 = 0x001e;
    pub const SECP256R1_MLKEM768: u16 = 0x11eb;
    pub const X25519_MLKEM768: u16 = 0x11ec;
    pub const X25519_KYBER768: u16 = 0x6399;
}

pub fn u24(value: usize) -> [u8; 3] {
    let b = (value as u32).to_be_bytes();
    [b[1], b[2], b[3]]
}

/// Sixteen-bit values behind a sixteen-bit length.
pub fn list16(values: &[u16]) -> Vec<u8> {
    let mut out = (values.len() as u16 * 2).to_be_bytes().to_vec();
    out.extend(values.iter().flat_map(|v| v.to_be_bytes()));
    out
}
