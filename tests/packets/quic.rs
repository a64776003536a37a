//! QUIC packets (RFC 9000, RFC 9001, RFC 9369), protected as a real end protects them.

use ring::aead::quic::{AES_128, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use super::tls::Sender;

/// What differs between versions.
#[derive(Debug, Clone, Copy)]
pub struct Edition {
    pub number: u32,
    salt: [u8; 20],
    /// Before `key`, `iv` and `hp` in the labels.
    label: &'static str,
    /// The type bits of Initial, 0-RTT, Handshake and Retry packets.
    kinds: [u8; 4],
}

/// RFC 9001, section 5.2.
pub const V1: Edition = Edition {
    number: 1,
    salt: [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb,
        0x7f, 0x0a,
    ],
    label: "quic ",
    kinds: [0, 1, 2, 3],
};

/// RFC 9369, section 3.
pub const V2: Edition = Edition {
    number: 0x6b33_43cf,
    salt: [
        0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd,
        0x2e, 0xd9,
    ],
    label: "quicv2 ",
    kinds: [1, 2, 3, 0],
};

/// What protects one direction's Initial packets.
pub struct Keys {
    edition: Edition,
    packet: LessSafeKey,
    iv: [u8; 12],
    header: HeaderProtectionKey,
}

/// An Initial packet before it is protected.
#[derive(Debug, Clone, Copy)]
pub struct Initial<'a> {
    pub dcid: &'a [u8],
    pub scid: &'a [u8],
    pub token: &'a [u8],
    pub number: u32,
    /// Frames; the packet is padded to at least `size` bytes.
    pub frames: &'a [u8],
    pub size: usize,
}

impl Keys {
    /// Those that the first destination connection id of the client gives.
    pub fn initial(edition: Edition, dcid: &[u8], sender: Sender) -> Self {
        let secret = Salt::new(HKDF_SHA256, &edition.salt).extract(dcid);
        let label = match sender {
            Sender::Client => "client in",
            Sender::Server => "server in",
        };
        let mut bytes = [0; 32];
        expand(&secret, label, &mut bytes);
        let secret = Prk::new_less_safe(HKDF_SHA256, &bytes);
        let of = |name: &str, out: &mut [u8]| expand(&secret, &format!("{}{name}", edition.label), out);
        let (mut key, mut iv, mut header) = ([0; 16], [0; 12], [0; 16]);
        of("key", &mut key);
        of("iv", &mut iv);
        of("hp", &mut header);
        Self {
            edition,
            packet: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("a key of 16 bytes")),
            iv,
            header: HeaderProtectionKey::new(&AES_128, &header).expect("a key of 16 bytes"),
        }
    }

    /// The packet as it is sent.
    pub fn protect(&self, initial: &Initial<'_>) -> Vec<u8> {
        let mut packet = long(self.edition, Kind::Initial, initial.dcid, initial.scid);
        varint(&mut packet, initial.token.len() as u64);
        packet.extend_from_slice(initial.token);
        let head = packet.len() + 2 + NUMBER;
        let padding = initial.size.saturating_sub(head + initial.frames.len() + TAG);
        let length = NUMBER + initial.frames.len() + padding + TAG;
        packet.extend_from_slice(&(0x4000 | length as u16).to_be_bytes());
        packet[0] |= NUMBER as u8 - 1;
        packet.extend_from_slice(&initial.number.to_be_bytes());

        let mut sealed = initial.frames.to_vec();
        sealed.resize(initial.frames.len() + padding, 0);
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().rev().zip(initial.number.to_be_bytes().iter().rev()) {
            *byte ^= number;
        }
        self.packet
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&packet), &mut sealed)
            .expect("a packet's worth of bytes");
        packet.extend_from_slice(&sealed);

        let sample = &packet[head - NUMBER + 4..head - NUMBER + 20];
        let [first, number @ ..] = self.header.new_mask(sample).expect("a sample of 16 bytes");
        packet[0] ^= first & 0x0f;
        for (byte, mask) in packet[head - NUMBER..head].iter_mut().zip(number) {
            *byte ^= mask;
        }
        packet
    }
}

/// A packet that only its ends can read: a Handshake packet of random bytes.
pub fn handshake(edition: Edition, dcid: &[u8], scid: &[u8], sealed: &[u8]) -> Vec<u8> {
    let mut packet = long(edition, Kind::Handshake, dcid, scid);
    packet.extend_from_slice(&(0x4000 | sealed.len() as u16).to_be_bytes());
    packet.extend_from_slice(sealed);
    packet
}

/// A packet of the 1-RTT keys.
pub fn short(dcid: &[u8], sealed: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x41];
    packet.extend_from_slice(dcid);
    packet.extend_from_slice(sealed);
    packet
}

/// A CRYPTO frame.
pub fn crypto(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![6];
    varint(&mut frame, offset as u64);
    varint(&mut frame, bytes.len() as u64);
    frame.extend_from_slice(bytes);
    frame
}

/// An ACK frame of one packet.
pub fn ack(number: u8) -> Vec<u8> {
    vec![2, number, 0, 0, 0]
}

/// The transport parameters of a client: numbers under `0x01` to `0x09`, its connection id, a reserved one.
pub fn transport_parameters(scid: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |id: u64, value: &[u8]| {
        varint(&mut out, id);
        varint(&mut out, value.len() as u64);
        out.extend_from_slice(value);
    };
    let number = |value: u64| {
        let mut bytes = Vec::new();
        varint(&mut bytes, value);
        bytes
    };
    put(0x01, &number(30_000));
    put(0x03, &number(1_472));
    put(0x04, &number(15_728_640));
    put(0x05, &number(6_291_456));
    put(0x08, &number(100));
    put(0x0f, scid);
    put(27 + 31 * 77, &[1, 2, 3]);
    out
}

/// A variable-length integer (RFC 9000, section 16).
pub fn varint(out: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x3f => out.push(value as u8),
        0x40..=0x3fff => out.extend_from_slice(&(0x4000 | value as u16).to_be_bytes()),
        0x4000..=0x3fff_ffff => out.extend_from_slice(&(0x8000_0000 | value as u32).to_be_bytes()),
        _ => out.extend_from_slice(&(0xc000_0000_0000_0000 | value).to_be_bytes()),
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Initial = 0,
    Handshake = 2,
}

fn long(edition: Edition, kind: Kind, dcid: &[u8], scid: &[u8]) -> Vec<u8> {
    let mut packet = vec![0xc0 | edition.kinds[kind as usize] << 4];
    packet.extend_from_slice(&edition.number.to_be_bytes());
    for id in [dcid, scid] {
        packet.push(id.len() as u8);
        packet.extend_from_slice(id);
    }
    packet
}

/// HKDF-Expand-Label of TLS 1.3 without a context (RFC 8446, section 7.1).
fn expand(secret: &Prk, label: &str, out: &mut [u8]) {
    let length = (out.len() as u16).to_be_bytes();
    let label = format!("tls13 {label}");
    let info: [&[u8]; 4] = [&length, &[label.len() as u8], label.as_bytes(), &[0]];
    let okm = secret.expand(&info, Length(out.len())).expect("a short output");
    okm.fill(out).expect("as long as asked for");
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Packet numbers are always sent in four bytes.
const NUMBER: usize = 4;
const TAG: usize = 16;
