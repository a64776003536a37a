//! Community ID, version 1, seed 0: the flow key that other network monitors write too.
//!
//! In: two endpoints and a transport. Out: `1:` and the base64 of a SHA-1, the same from either side.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use sha1::{Digest, Sha1};

use super::forms::Short;
use crate::event::{Endpoint, Event, Protocol};

/// The Community ID of a flow (specification 1.0, seed 0), from its ends in either order.
#[derive(Debug, Clone, Copy)]
pub struct CommunityId {
    pub transport: Transport,
    pub ends: [Endpoint; 2],
}

impl CommunityId {
    /// That of a session's flow.
    pub fn of(event: &Event) -> Self {
        let transport = match event.protocol {
            Protocol::Tls => Transport::Tcp,
            Protocol::Dtls | Protocol::Quic => Transport::Udp,
        };
        Self { transport, ends: [event.client, event.server] }
    }

    /// 30 characters.
    pub fn text(&self) -> Short {
        let [a, b] = self.ends;
        let (first, second) = if key(&a) <= key(&b) { (a, b) } else { (b, a) };
        let mut input = Input { bytes: [0; 40], len: 0 };
        input.push(&[0, 0]);
        input.push_ip(first.ip);
        input.push_ip(second.ip);
        input.push(&[self.transport as u8, 0]);
        input.push(&first.port.to_be_bytes());
        input.push(&second.port.to_be_bytes());
        let digest = Sha1::digest(&input.bytes[..input.len]);
        let mut text = *b"1:0123456789012345678901234567";
        // 20 bytes are 28 characters, for which there is room.
        let _ = STANDARD.encode_slice(digest, &mut text[2..]);
        Short::of(&text)
    }
}

impl Serialize for CommunityId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text().serialize(serializer)
    }
}

/// The IP protocol number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Transport {
    Tcp = 6,
    Udp = 17,
}

/// The lower address comes first; between equal ones the lower port. An IPv4 flow's ends are both IPv4.
fn key(end: &Endpoint) -> (IpAddr, u16) {
    (end.ip, end.port)
}

/// What is hashed: seed, addresses, protocol, padding, ports; 40 bytes at most.
struct Input {
    bytes: [u8; 40],
    len: usize,
}

impl Input {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(ip) => self.push(&ip.octets()),
            IpAddr::V6(ip) => self.push(&ip.octets()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(ip: &str, port: u16) -> Endpoint {
        Endpoint { ip: ip.parse().expect("address"), port }
    }

    /// From the baselines of the Community ID specification.
    #[test]
    fn the_specifications_vectors_hold_from_either_side() {
        for (transport, a, b, expected) in [
            (Transport::Tcp, end("128.232.110.120", 34855), end("66.35.250.204", 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            (Transport::Udp, end("192.168.1.52", 54585), end("8.8.8.8", 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            (
                Transport::Tcp,
                end("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943),
                end("2607:f8b0:400c:c03::1a", 25),
                "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
            ),
        ] {
            assert_eq!(CommunityId { transport, ends: [a, b] }.text().as_str(), expected);
            assert_eq!(CommunityId { transport, ends: [b, a] }.text().as_str(), expected);
        }
    }

    #[test]
    fn between_equal_addresses_the_lower_port_comes_first() {
        let (low, high) = (end("10.0.0.1", 443), end("10.0.0.1", 50000));
        let text = |ends| CommunityId { transport: Transport::Tcp, ends }.text().as_str().to_owned();
        assert_eq!(text([low, high]), text([high, low]));
        assert_eq!(text([low, high]).len(), 30);
    }
}
