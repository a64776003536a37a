//! Builds frames for the tests of this layer, from the inside out.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]

use super::{Packet, Skip, Trail, Transport, TunnelKind, decode};
use crate::capture::{Frame, LinkType, Timestamp};

/// A TCP segment with four bytes of options, its fields all different.
pub fn segment(payload: &[u8]) -> Vec<u8> {
    let mut bytes =
        vec![0x9c, 0x40, 0x01, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8, 0x60, 0x18, 0x12, 0x34, 0, 0, 0, 0, 1, 1, 1, 0];
    bytes.extend(payload);
    bytes
}

/// IPv4 with a segment of the four bytes `data`.
pub fn four() -> Build {
    Build::tcp4(&segment(b"data"))
}

/// The same over IPv6.
pub fn six() -> Build {
    Build::tcp6(&segment(b"data"))
}

/// A frame of that link type leads to the four bytes of [`four`] and [`six`].
#[track_caller]
pub fn carries(link: LinkType, build: &Build) {
    assert_eq!(payload(&frame(link, &build.bytes)), Ok((b"data".to_vec(), 0)));
}

pub fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
    Frame { ts: Timestamp(1), link, interface: 0, data, wire_len: data.len() as u32 }
}

/// The TCP payload and the cut bytes of a frame, or why there is none.
pub fn payload(frame: &Frame<'_>) -> Result<(Vec<u8>, u32), String> {
    match decode(frame, &mut Trail::default()) {
        Ok(packet) => {
            let (payload, cut) = match packet.transport {
                Transport::Tcp(tcp) => (tcp.payload, tcp.cut),
                Transport::Udp(udp) => (udp.payload, udp.cut),
            };
            Ok((payload.to_vec(), cut))
        }
        Err(Skip::Fragment(_)) => Err("Fragment".to_owned()),
        Err(skip) => Err(format!("{skip:?}")),
    }
}

/// What a frame led through, each tunnel's kind and identifier, and to which payload.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub tunnels: Vec<(TunnelKind, Option<u32>)>,
    pub payload: Vec<u8>,
}

#[track_caller]
pub fn seen(link: LinkType, build: &Build) -> Seen {
    let mut trail = Trail::default();
    let packet = decode(&frame(link, &build.bytes), &mut trail).unwrap_or_else(|skip| panic!("{skip:?}"));
    inside(&packet, &trail)
}

pub fn inside(packet: &Packet<'_>, trail: &Trail) -> Seen {
    let tunnels = trail.of(packet).iter().map(|tunnel| (tunnel.kind, tunnel.id)).collect();
    let payload = match packet.transport {
        Transport::Tcp(tcp) => tcp.payload,
        Transport::Udp(udp) => udp.payload,
    };
    Seen { tunnels, payload: payload.to_vec() }
}

/// A frame in the making: each call puts a header in front.
#[derive(Debug, Clone)]
pub struct Build {
    pub bytes: Vec<u8>,
}

impl Build {
    pub fn tcp4(tcp: &[u8]) -> Self {
        Self::v4(tcp, &[], [0, 0, 0, 0])
    }

    pub fn tcp4_with_options(tcp: &[u8], options: &[u8]) -> Self {
        Self::v4(tcp, options, [0, 0, 0, 0])
    }

    /// `offset` in bytes.
    pub fn fragment4(data: &[u8], id: u16, offset: u16, more: bool) -> Self {
        let field = (offset / 8) | if more { 0x2000 } else { 0 };
        let ([a, b], [c, d]) = (id.to_be_bytes(), field.to_be_bytes());
        Self::v4(data, &[], [a, b, c, d])
    }

    fn v4(data: &[u8], options: &[u8], id_and_offset: [u8; 4]) -> Self {
        let header = 20 + options.len();
        let mut bytes = vec![0x40 | (header / 4) as u8, 0];
        bytes.extend(((header + data.len()) as u16).to_be_bytes());
        bytes.extend(id_and_offset);
        bytes.extend([61, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 7]);
        bytes.extend(options);
        bytes.extend(data);
        Self { bytes }
    }

    pub fn tcp6(tcp: &[u8]) -> Self {
        Self::tcp6_over(tcp, &[])
    }

    /// A TCP packet with extension headers `(number, body after the first two bytes)`.
    pub fn tcp6_over(tcp: &[u8], headers: &[(u8, &[u8])]) -> Self {
        let (mut next, mut rest) = (6, tcp.to_vec());
        for (number, body) in headers.iter().rev() {
            let words = if *number == 51 { (body.len() + 2) / 4 - 2 } else { (body.len() + 2) / 8 - 1 };
            let mut header = vec![next, words as u8];
            header.extend(*body);
            header.extend(rest);
            (next, rest) = (*number, header);
        }
        Self::v6(next, &rest)
    }

    /// `offset` in bytes.
    pub fn fragment6(data: &[u8], id: u32, offset: u16, more: bool) -> Self {
        let mut bytes = vec![6, 0];
        bytes.extend((offset | u16::from(more)).to_be_bytes());
        bytes.extend(id.to_be_bytes());
        bytes.extend(data);
        Self::v6(44, &bytes)
    }

    fn v6(next: u8, rest: &[u8]) -> Self {
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend((rest.len() as u16).to_be_bytes());
        bytes.extend([next, 59]);
        bytes.extend("2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets());
        bytes.extend("2001:db8::2".parse::<std::net::Ipv6Addr>().unwrap().octets());
        bytes.extend(rest);
        Self { bytes }
    }

    pub fn front(mut self, header: &[u8]) -> Self {
        self.bytes.splice(0..0, header.iter().copied());
        self
    }

    pub fn ethernet(self, ethertype: u16) -> Self {
        let [a, b] = ethertype.to_be_bytes();
        self.front(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, a, b])
    }

    /// A tag's control information and the type of what is in it; the tag's own type belongs to the header before.
    pub fn vlan(self, inside: u16, id: u16) -> Self {
        let ([a, b], [c, d]) = ((id | 0xa000).to_be_bytes(), inside.to_be_bytes());
        self.front(&[a, b, c, d])
    }

    pub fn mpls(mut self, labels: &[u32]) -> Self {
        for (depth, label) in labels.iter().rev().enumerate() {
            self = self.front(&((label << 12) | (u32::from(depth == 0) << 8) | 64).to_be_bytes());
        }
        self
    }

    pub fn pppoe(self, protocol: u16) -> Self {
        let ([a, b], [c, d]) = (((self.bytes.len() + 2) as u16).to_be_bytes(), protocol.to_be_bytes());
        self.front(&[0x11, 0, 0, 1, a, b, c, d])
    }

    /// IPv4 between 198.51.100.1 and 198.51.100.2.
    pub fn ip4(self, protocol: u8) -> Self {
        let mut build = Self::v4(&self.bytes, &[], [0; 4]);
        build.bytes[9] = protocol;
        build.bytes[12..20].copy_from_slice(&[198, 51, 100, 1, 198, 51, 100, 2]);
        build.checksum()
    }

    /// Makes the checksum of the IPv4 header in front right.
    pub fn checksum(mut self) -> Self {
        self.bytes[10..12].fill(0);
        let mut sum: u32 = self.bytes[..20].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        self.bytes[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
        self
    }

    /// IPv6 between 2001:db8::1 and 2001:db8::2.
    pub fn ip6(self, next: u8) -> Self {
        Self::v6(next, &self.bytes)
    }

    /// UDP over IPv4.
    pub fn udp(self, port: u16) -> Self {
        let length = self.bytes.len() as u16 + 8;
        let ([a, b], [c, d]) = (port.to_be_bytes(), length.to_be_bytes());
        self.front(&[0xc0, 0, a, b, c, d, 0, 0]).ip4(17)
    }

    /// GRE without options, over IPv4.
    pub fn gre(self, protocol: u16) -> Self {
        let [a, b] = protocol.to_be_bytes();
        self.front(&[0, 0, a, b]).ip4(47)
    }

    pub fn vxlan(self, id: u32) -> Self {
        self.front(&(id << 8).to_be_bytes()).front(&[8, 0, 0, 0]).udp(4789)
    }

    pub fn vxlan_gpe(self, next: u8, id: u32) -> Self {
        self.front(&(id << 8).to_be_bytes()).front(&[0x0c, 0, 0, next]).udp(4790)
    }

    pub fn geneve(self, protocol: u16, options: &[u8]) -> Self {
        let [a, b] = protocol.to_be_bytes();
        self.front(options).front(&[(options.len() / 4) as u8, 0, a, b, 0, 0, 9, 0]).udp(6081)
    }

    /// `optional`: what follows the first eight bytes, if `flags` say that something does.
    pub fn gtp(self, flags: u8, optional: &[u8]) -> Self {
        let build = self.front(optional);
        let [a, b] = (build.bytes.len() as u16).to_be_bytes();
        build.front(&[0x30 | flags, 0xff, a, b, 0, 0, 1, 2]).udp(2152)
    }

    pub fn nsh(self, next: u8) -> Self {
        self.front(&[0x0f, 0xc2, 2, next, 0, 0, 1, 255])
    }

    /// An 802.11 frame with LLC and SNAP: the first byte of its frame control, and the second.
    pub fn wifi(self, kind: u8, flags: u8) -> Self {
        let mut header = vec![kind, flags, 0, 0];
        header.extend([2; 18]);
        header.extend([0x30, 0x12]);
        if flags & 3 == 3 {
            header.extend([3; 6]);
        }
        if kind & 0x80 != 0 {
            header.extend([0, 0]);
            if flags & 0x80 != 0 {
                header.extend([4; 4]);
            }
        }
        self.llc().front(&header)
    }

    /// LLC and SNAP with the EtherType of the IP packet that follows.
    pub fn llc(self) -> Self {
        let [a, b] = if self.bytes[0] >> 4 == 6 { [0x86, 0xdd] } else { [0x08, 0] };
        self.front(&[0xaa, 0xaa, 3, 0, 0, 0, a, b])
    }

    /// A radiotap header with two words of fields, a time and `flags`.
    pub fn radiotap(self, flags: u8) -> Self {
        let header = [
            0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, // length, fields, more fields
            0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, flags,
        ];
        self.front(&header)
    }

    /// Netfilter's log, little-endian, with an attribute before the packet.
    pub fn nflog(self) -> Self {
        let [a, b] = (self.bytes.len() as u16 + 4).to_le_bytes();
        self.front(&[a, b, 9, 0]).front(&[2, 0, 0, 5, 5, 0, 10, 0, 0, 0, 0, 0])
    }
}
