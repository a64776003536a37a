//! A builder of QUIC datagrams, for tests.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::arithmetic_side_effects)]

use super::protect::{Keys, Side, Source};
use super::version::{Family, Kind, family};

pub(super) const DCID: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
pub(super) const CLIENT: [u8; 4] = [0xc1; 4];
pub(super) const SERVER: [u8; 5] = [0x5e; 5];
pub(super) const V1: u32 = 1;
pub(super) const V2: u32 = 0x6b33_43cf;

/// An Initial packet to be.
#[derive(Debug, Clone)]
pub(super) struct Initial {
    pub(super) version: u32,
    pub(super) side: Side,
    /// What its keys are made of.
    pub(super) keys: Vec<u8>,
    pub(super) dcid: Vec<u8>,
    pub(super) scid: Vec<u8>,
    pub(super) token: Vec<u8>,
    pub(super) number: u32,
}

/// A client's first one, in version 1.
pub(super) fn client() -> Initial {
    Initial {
        version: V1,
        side: Side::Client,
        keys: DCID.to_vec(),
        dcid: DCID.to_vec(),
        scid: CLIENT.to_vec(),
        token: Vec::new(),
        number: 0,
    }
}

/// The server's first answer to it.
pub(super) fn server() -> Initial {
    Initial { side: Side::Server, dcid: CLIENT.to_vec(), scid: SERVER.to_vec(), ..client() }
}

impl Initial {
    pub(super) fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    pub(super) fn number(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// To this id, with keys of the id before.
    pub(super) fn to(self, dcid: &[u8]) -> Self {
        Self { dcid: dcid.to_vec(), ..self }
    }

    /// With keys of this id.
    pub(super) fn keyed(self, keys: &[u8]) -> Self {
        Self { keys: keys.to_vec(), ..self }
    }

    pub(super) fn scid(self, scid: &[u8]) -> Self {
        Self { scid: scid.to_vec(), ..self }
    }

    pub(super) fn token(self, token: &[u8]) -> Self {
        Self { token: token.to_vec(), ..self }
    }

    /// The packet with these frames.
    pub(super) fn packet(&self, frames: &[u8]) -> Vec<u8> {
        let Some(Family::Long(wire)) = family(self.version) else { panic!("a version with a long header") };
        let mut header = header(self.version, Kind::Initial, &self.dcid, &self.scid);
        header.extend(varint(self.token.len()));
        header.extend(&self.token);
        header.extend(varint(4 + frames.len() + 16));
        header.extend(self.number.to_be_bytes());
        let source = Source { side: self.side, dcid: &self.keys };
        Keys::derive(wire, &wire.salts[0], source).unwrap().seal(&header, frames)
    }

    /// The same in a datagram as large as a client's must be.
    pub(super) fn datagram(&self, frames: &[u8]) -> Vec<u8> {
        let overhead = 5 + 2 + self.dcid.len() + self.scid.len() + 2 + self.token.len() + 2 + 4 + 16;
        let mut padded = frames.to_vec();
        padded.resize(padded.len().max(1_200 - overhead + 2), 0);
        self.packet(&padded)
    }
}

/// A Handshake packet that no one can read.
pub(super) fn handshake(version: u32, dcid: &[u8], scid: &[u8]) -> Vec<u8> {
    let mut packet = header(version, Kind::Handshake, dcid, scid);
    packet.extend(varint(40));
    packet.extend([0xab; 40]);
    packet
}

pub(super) fn one_rtt() -> Vec<u8> {
    [&[0x5a][..], &[0xcd; 40]].concat()
}

pub(super) fn negotiation(versions: &[u32]) -> Vec<u8> {
    let mut packet = vec![0xc0, 0, 0, 0, 0, CLIENT.len() as u8];
    packet.extend(CLIENT);
    packet.push(DCID.len() as u8);
    packet.extend(DCID);
    packet.extend(versions.iter().flat_map(|version| version.to_be_bytes()));
    packet
}

pub(super) fn crypto(offset: usize, bytes: &[u8]) -> Vec<u8> {
    [&[6][..], &varint(offset), &varint(bytes.len()), bytes].concat()
}

/// A ClientHello for a host, with so many bytes of an unknown extension.
pub(super) fn client_hello(host: &str, ballast: usize) -> Vec<u8> {
    let name = [&[0][..], &(host.len() as u16).to_be_bytes(), host.as_bytes()].concat();
    let names = [&(name.len() as u16).to_be_bytes()[..], &name].concat();
    let extensions = [extension(0, &names), extension(43, &[2, 3, 4]), extension(0x4469, &vec![7; ballast])].concat();
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    message(1, &body)
}

pub(super) fn server_hello() -> Vec<u8> {
    hello_of_server([8; 32])
}

/// RFC 8446, section 4.1.3.
pub(super) fn retry_request() -> Vec<u8> {
    let random = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2,
        0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];
    hello_of_server(random)
}

fn hello_of_server(random: [u8; 32]) -> Vec<u8> {
    let extensions = extension(43, &[3, 4]);
    let mut body = vec![3, 3];
    body.extend(random);
    body.extend([0, 0x13, 0x01, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    message(2, &body)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
}

fn header(version: u32, kind: Kind, dcid: &[u8], scid: &[u8]) -> Vec<u8> {
    let Some(Family::Long(wire)) = family(version) else { panic!("a version with a long header") };
    let kind = wire.kinds.iter().position(|&of| of == kind).unwrap() as u8;
    let mut header = vec![0xc3 | kind << 4];
    header.extend(version.to_be_bytes());
    header.push(dcid.len() as u8);
    header.extend(dcid);
    header.push(scid.len() as u8);
    header.extend(scid);
    header
}

/// Two bytes, whatever the value.
fn varint(value: usize) -> [u8; 2] {
    (value as u16 | 0x4000).to_be_bytes()
}
