//! Single Ethernet frames: Ethernet, VLAN tags, IPv4 or IPv6, TCP, UDP and anything else IP carries.
//!
//! Lengths and checksums are right. No state: sequence numbers and times belong to the scripts in `tcp` and `udp`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A frame and the moment it passed the tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedFrame {
    /// Nanoseconds since 1970.
    pub ts: u64,
    /// What was captured.
    pub bytes: Vec<u8>,
    /// Bytes on the wire, without the frame check sequence; more than `bytes.len()` after a snap.
    pub wire_len: u32,
}

impl TimedFrame {
    pub fn whole(ts: u64, bytes: Vec<u8>) -> Self {
        let wire_len = bytes.len() as u32;
        Self { ts, bytes, wire_len }
    }
}

/// An address and a port; the hardware address is made from the IP address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Endpoint {
    pub ip: IpAddr,
    pub port: u16,
}

impl Endpoint {
    pub const fn v4(ip: [u8; 4], port: u16) -> Self {
        Self { ip: IpAddr::V4(Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3])), port }
    }

    pub const fn v6(ip: [u16; 8], port: u16) -> Self {
        let ip = Ipv6Addr::new(ip[0], ip[1], ip[2], ip[3], ip[4], ip[5], ip[6], ip[7]);
        Self { ip: IpAddr::V6(ip), port }
    }

    /// Locally administered, unicast, different for different addresses of one test.
    pub fn mac(&self) -> [u8; 6] {
        let tail = match self.ip {
            IpAddr::V4(ip) => ip.octets(),
            IpAddr::V6(ip) => {
                let o = ip.octets();
                [o[12], o[13], o[14], o[15]]
            }
        };
        [0x02, 0x00, tail[0], tail[1], tail[2], tail[3]]
    }
}

/// Everything around a transport header: who sends to whom, under which tags.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    pub from: Endpoint,
    pub to: Endpoint,
    /// VLAN identifiers, outermost first. One tag is 802.1Q; of two or more, the outer ones are 802.1ad.
    pub vlans: &'a [u16],
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification; the identification of IPv6 fragments.
    pub id: u16,
}

impl<'a> Envelope<'a> {
    pub fn between(from: Endpoint, to: Endpoint) -> Self {
        Self { from, to, vlans: &[], ttl: 64, id: 1 }
    }

    pub fn tcp(&self, segment: &Segment<'_>) -> Vec<u8> {
        let mut frame = Vec::with_capacity(self.overhead() + 60 + segment.payload.len());
        self.headers(&mut frame, protocol::TCP, segment.len());
        self.write_tcp(&mut frame, segment);
        frame
    }

    pub fn udp(&self, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(self.overhead() + 8 + payload.len());
        self.headers(&mut frame, protocol::UDP, 8 + payload.len());
        self.write_udp(&mut frame, payload);
        frame
    }

    /// Any IP protocol; `payload` is everything after the IP header.
    pub fn ip(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(self.overhead() + payload.len());
        self.headers(&mut frame, protocol, payload.len());
        frame.extend_from_slice(payload);
        frame
    }

    /// The same as [`Self::tcp`], in IP fragments of at most `size` payload bytes (rounded down to eight).
    pub fn tcp_fragments(&self, segment: &Segment<'_>, size: usize) -> Vec<Vec<u8>> {
        let mut payload = Vec::with_capacity(segment.len());
        self.write_tcp(&mut payload, segment);
        self.fragments(protocol::TCP, &payload, size)
    }

    /// The same as [`Self::udp`], in IP fragments.
    pub fn udp_fragments(&self, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
        let mut datagram = Vec::with_capacity(8 + payload.len());
        self.write_udp(&mut datagram, payload);
        self.fragments(protocol::UDP, &datagram, size)
    }

    fn fragments(&self, protocol: u8, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
        let size = (size & !7).max(8);
        if payload.len() <= size {
            return vec![self.ip(protocol, payload)];
        }
        let mut frames = Vec::new();
        for (n, piece) in payload.chunks(size).enumerate() {
            let offset = (n * size / 8) as u16;
            let more = (n + 1) * size < payload.len();
            let mut frame = Vec::with_capacity(self.overhead() + 8 + piece.len());
            match self.from.ip {
                IpAddr::V4(_) => {
                    let flags = if more { 0x2000 } else { 0 };
                    self.ethernet(&mut frame, ethertype::IPV4);
                    self.ipv4(&mut frame, Ipv4Rest { protocol, payload: piece.len(), fragment: flags | offset });
                }
                IpAddr::V6(_) => {
                    self.ethernet(&mut frame, ethertype::IPV6);
                    self.ipv6(&mut frame, protocol::IPV6_FRAGMENT, 8 + piece.len());
                    frame.extend_from_slice(&[protocol, 0]);
                    frame.extend_from_slice(&(offset << 3 | u16::from(more)).to_be_bytes());
                    frame.extend_from_slice(&u32::from(self.id).to_be_bytes());
                }
            }
            frame.extend_from_slice(piece);
            frames.push(frame);
        }
        frames
    }

    /// Ethernet and VLAN tags, ending with `ethertype`.
    pub fn ethernet(&self, out: &mut Vec<u8>, ethertype: u16) {
        out.extend_from_slice(&self.to.mac());
        out.extend_from_slice(&self.from.mac());
        for (n, vlan) in self.vlans.iter().enumerate() {
            let tag = if n + 1 < self.vlans.len() { ethertype::QINQ } else { ethertype::VLAN };
            out.extend_from_slice(&tag.to_be_bytes());
            out.extend_from_slice(&vlan.to_be_bytes());
        }
        out.extend_from_slice(&ethertype.to_be_bytes());
    }

    fn headers(&self, out: &mut Vec<u8>, protocol: u8, payload: usize) {
        match self.from.ip {
            IpAddr::V4(_) => {
                self.ethernet(out, ethertype::IPV4);
                self.ipv4(out, Ipv4Rest { protocol, payload, fragment: 0x4000 });
            }
            IpAddr::V6(_) => {
                self.ethernet(out, ethertype::IPV6);
                self.ipv6(out, protocol, payload);
            }
        }
    }

    fn ipv4(&self, out: &mut Vec<u8>, rest: Ipv4Rest) {
        let (IpAddr::V4(from), IpAddr::V4(to)) = (self.from.ip, self.to.ip) else {
            panic!("one end is IPv4 and the other IPv6: {:?} {:?}", self.from, self.to)
        };
        let start = out.len();
        out.extend_from_slice(&[0x45, 0]);
        out.extend_from_slice(&((20 + rest.payload) as u16).to_be_bytes());
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&rest.fragment.to_be_bytes());
        out.extend_from_slice(&[self.ttl, rest.protocol, 0, 0]);
        out.extend_from_slice(&from.octets());
        out.extend_from_slice(&to.octets());
        let sum = checksum(0, &out[start..]);
        out[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
    }

    fn ipv6(&self, out: &mut Vec<u8>, next_header: u8, payload: usize) {
        let (IpAddr::V6(from), IpAddr::V6(to)) = (self.from.ip, self.to.ip) else {
            panic!("one end is IPv4 and the other IPv6: {:?} {:?}", self.from, self.to)
        };
        out.extend_from_slice(&[0x60, 0, 0, 0]);
        out.extend_from_slice(&(payload as u16).to_be_bytes());
        out.extend_from_slice(&[next_header, self.ttl]);
        out.extend_from_slice(&from.octets());
        out.extend_from_slice(&to.octets());
    }

    fn write_tcp(&self, out: &mut Vec<u8>, segment: &Segment<'_>) {
        let start = out.len();
        let header = 20 + segment.padded_options();
        assert!(header <= 60, "{} bytes of TCP options do not fit", segment.options.len());
        out.extend_from_slice(&self.from.port.to_be_bytes());
        out.extend_from_slice(&self.to.port.to_be_bytes());
        out.extend_from_slice(&segment.seq.to_be_bytes());
        out.extend_from_slice(&segment.ack.to_be_bytes());
        out.extend_from_slice(&[(header as u8 / 4) << 4, segment.flags]);
        out.extend_from_slice(&segment.window.to_be_bytes());
        out.extend_from_slice(&[0, 0, 0, 0]);
        out.extend_from_slice(segment.options);
        out.resize(start + header, 0);
        out.extend_from_slice(segment.payload);
        let sum = checksum(self.pseudo_header(protocol::TCP, segment.len()), &out[start..]);
        out[start + 16..start + 18].copy_from_slice(&sum.to_be_bytes());
    }

    fn write_udp(&self, out: &mut Vec<u8>, payload: &[u8]) {
        let start = out.len();
        let len = 8 + payload.len();
        out.extend_from_slice(&self.from.port.to_be_bytes());
        out.extend_from_slice(&self.to.port.to_be_bytes());
        out.extend_from_slice(&(len as u16).to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(payload);
        // RFC 768: a computed zero is sent as all ones, for zero means "none".
        let sum = match checksum(self.pseudo_header(protocol::UDP, len), &out[start..]) {
            0 => 0xffff,
            sum => sum,
        };
        out[start + 6..start + 8].copy_from_slice(&sum.to_be_bytes());
    }

    /// The not yet folded sum of the pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1).
    pub fn pseudo_header(&self, protocol: u8, len: usize) -> u64 {
        let addresses = match (self.from.ip, self.to.ip) {
            (IpAddr::V4(from), IpAddr::V4(to)) => sum(&from.octets()) + sum(&to.octets()),
            (IpAddr::V6(from), IpAddr::V6(to)) => sum(&from.octets()) + sum(&to.octets()),
            (from, to) => panic!("one end is IPv4 and the other IPv6: {from} {to}"),
        };
        addresses + u64::from(protocol) + len as u64
    }

    fn overhead(&self) -> usize {
        14 + 4 * self.vlans.len() + if self.from.ip.is_ipv4() { 20 } else { 40 }
    }
}

/// A TCP segment; the ports come from the envelope.
#[derive(Debug, Clone, Copy, Default)]
pub struct Segment<'a> {
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    /// Option bytes; padded with end-of-list to a multiple of four.
    pub options: &'a [u8],
    pub payload: &'a [u8],
}

impl Segment<'_> {
    fn len(&self) -> usize {
        20 + self.padded_options() + self.payload.len()
    }

    fn padded_options(&self) -> usize {
        self.options.len().next_multiple_of(4)
    }
}

struct Ipv4Rest {
    protocol: u8,
    payload: usize,
    /// Flags and offset.
    fragment: u16,
}

/// The Internet checksum (RFC 1071) of `bytes`, on top of an unfolded sum.
pub fn checksum(unfolded: u64, bytes: &[u8]) -> u16 {
    let mut total = unfolded + sum(bytes);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

/// Sums 32 bits at a time: the ones' complement sum does not mind (RFC 1071 section 2).
fn sum(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(4);
    let mut total: u64 = words.by_ref().map(|w| u64::from(u32::from_be_bytes([w[0], w[1], w[2], w[3]]))).sum();
    let mut last = [0; 4];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    total += u64::from(u32::from_be_bytes(last));
    total
}

pub mod ethertype {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const VLAN: u16 = 0x8100;
    pub const IPV6: u16 = 0x86dd;
    pub const QINQ: u16 = 0x88a8;
}

pub mod protocol {
    pub const ICMP: u8 = 1;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const IPV6_FRAGMENT: u8 = 44;
    pub const ICMPV6: u8 = 58;
}

pub mod flag {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
}
