//! Builds frames for the tests of this layer, from the inside out.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]

use super::{Skip, Transport, decode};
use crate::capture::{Frame, LinkType, Timestamp};

/// A TCP segment with four bytes of options, its fields all different.
pub fn segment(payload: &[u8]) -> Vec<u8> {
    let mut bytes =
        vec![0x9c, 0x40, 0x01, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8, 0x60, 0x18, 0x12, 0x34, 0, 0, 0, 0, 1, 1, 1, 0];
    bytes.extend(payload);
    bytes
}

pub fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
    Frame { ts: Timestamp(1), link, data, wire_len: data.len() as u32 }
}

/// The TCP payload and the cut bytes of a frame, or why there is none.
pub fn payload(frame: &Frame<'_>) -> Result<(Vec<u8>, u32), String> {
    match decode(frame) {
        Ok(packet) => {
            let Transport::Tcp(tcp) = packet.transport;
            Ok((tcp.payload.to_vec(), tcp.cut))
        }
        Err(Skip::Fragment(_)) => Err("Fragment".to_owned()),
        Err(skip) => Err(format!("{skip:?}")),
    }
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
}
