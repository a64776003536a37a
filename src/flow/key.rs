//! The key of a flow: both ends' addresses and ports, the lower end first, so that both directions give the same.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::hash::{BuildHasher, Hasher as _};
use std::net::{IpAddr, Ipv6Addr};

use crate::decode::{Packet, Transport};
use crate::wire::Direction;

/// Addresses (IPv4 as IPv4-mapped IPv6), ports and transport of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    // As two halves: a u128's alignment would cost eight bytes a flow.
    low: [u64; 2],
    high: [u64; 2],
    ports: u32,
    protocol: u8,
}

impl Key {
    /// A packet's key, and its direction: [`Direction::Forward`] where its source is the lower end.
    #[inline]
    pub fn of(packet: &Packet<'_>) -> (Self, Direction) {
        let (source, destination) = (bits(packet.source), bits(packet.destination));
        let (protocol, source_port, destination_port) = match packet.transport {
            Transport::Tcp(tcp) => (TCP, tcp.source_port, tcp.destination_port),
            Transport::Udp(udp) => (UDP, udp.source_port, udp.destination_port),
        };
        let (a, b) = (u32::from(source_port), u32::from(destination_port));
        if (source, source_port) <= (destination, destination_port) {
            (Self { low: source, high: destination, ports: a << 16 | b, protocol }, Direction::Forward)
        } else {
            (Self { low: destination, high: source, ports: b << 16 | a, protocol }, Direction::Backward)
        }
    }

    /// The key of the flow over TCP between two ends.
    pub fn of_tcp(one: (IpAddr, u16), other: (IpAddr, u16)) -> Self {
        Self::between(TCP, one, other)
    }

    /// The key of the flow over UDP between two ends.
    pub fn of_udp(one: (IpAddr, u16), other: (IpAddr, u16)) -> Self {
        Self::between(UDP, one, other)
    }

    fn between(protocol: u8, one: (IpAddr, u16), other: (IpAddr, u16)) -> Self {
        let [one, other] = [one, other].map(|(address, port)| (bits(address), port));
        let ((low, low_port), (high, high_port)) = if one <= other { (one, other) } else { (other, one) };
        Self { low, high, ports: u32::from(low_port) << 16 | u32::from(high_port), protocol }
    }

    /// Address and port of the end that sends in `direction`.
    pub fn sender(&self, direction: Direction) -> (IpAddr, u16) {
        let [a, b, c, d] = self.ports.to_be_bytes();
        match direction {
            Direction::Forward => (address(self.low), u16::from_be_bytes([a, b])),
            Direction::Backward => (address(self.high), u16::from_be_bytes([c, d])),
        }
    }
}

/// Hashes keys under a secret, so that nobody can choose addresses that collide.
#[derive(Debug, Clone)]
pub struct Hasher(ahash::RandomState);

impl Hasher {
    /// A hasher of this process's own secret.
    pub fn random() -> Self {
        Self(ahash::RandomState::new())
    }

    /// The secret is spelt out: for runs that must repeat. Events do not depend on it.
    pub fn seeded(seed: u64) -> Self {
        Self(ahash::RandomState::with_seeds(seed, seed.rotate_left(17), seed.rotate_left(31), !seed))
    }

    #[inline]
    pub fn hash(&self, key: &Key) -> u64 {
        let mut hasher = self.0.build_hasher();
        let ([a, b], [c, d]) = (key.low, key.high);
        // The upper half is the same for all of IPv4.
        if a != 0 || c != 0 {
            hasher.write_u64(a);
            hasher.write_u64(c);
        }
        hasher.write_u64(b);
        hasher.write_u64(d);
        hasher.write_u64(u64::from(key.ports) << 8 | u64::from(key.protocol));
        hasher.finish()
    }
}

#[inline]
fn bits(address: IpAddr) -> [u64; 2] {
    match address {
        IpAddr::V4(v4) => [0, MAPPED | u64::from(v4.to_bits())],
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            [(bits >> 64) as u64, bits as u64]
        }
    }
}

fn address([upper, lower]: [u64; 2]) -> IpAddr {
    // An IPv4-mapped address cannot stand in an IPv6 packet on the wire (RFC 4291, section 2.5.5.2), so IPv4 it is.
    Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(lower)).to_canonical()
}

/// ::ffff:0:0/96
const MAPPED: u64 = 0xffff_0000_0000;
const TCP: u8 = 6;
const UDP: u8 = 17;
