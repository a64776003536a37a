//! The meaning of a decoded packet: who, to whom, and the transport's header.

use std::net::IpAddr;

use super::tunnel::Span;
use crate::capture::Timestamp;

/// An IP packet with a transport header that could be read. Addresses are the inner-most ones.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    pub ts: Timestamp,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// Of the frame that carries this packet: inside VXLAN the inner frame's, inside GRE without Ethernet the outer's.
    pub vlans: Vlans,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// The tunnels it came through.
    pub tunnels: Span,
    pub transport: Transport<'a>,
}

#[derive(Debug, Clone, Copy)]
pub enum Transport<'a> {
    Tcp(Tcp<'a>),
    Udp(Udp<'a>),
}

/// A UDP datagram (RFC 768).
#[derive(Debug, Clone, Copy)]
pub struct Udp<'a> {
    pub source_port: u16,
    pub destination_port: u16,
    /// The payload as far as it was captured.
    pub payload: &'a [u8],
    /// Payload bytes that were on the wire after `payload` and were cut by the snap length.
    pub cut: u32,
}

/// A TCP segment (RFC 9293, section 3.1).
#[derive(Debug, Clone, Copy)]
pub struct Tcp<'a> {
    pub source_port: u16,
    pub destination_port: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: TcpFlags,
    pub window: u16,
    /// The options' bytes, padding included.
    pub options: &'a [u8],
    /// The payload as far as it was captured.
    pub payload: &'a [u8],
    /// Payload bytes that were on the wire after `payload` and were cut by the snap length.
    pub cut: u32,
}

impl Tcp<'_> {
    /// Sequence number of the payload's first byte: a SYN takes one of its own (RFC 9293, section 3.4).
    #[inline]
    pub fn payload_seq(&self) -> u32 {
        if self.flags.has(TcpFlags::SYN) { self.seq.wrapping_add(1) } else { self.seq }
    }

    /// Whether it carries nothing but its acknowledgement.
    #[inline]
    pub fn is_bare_acknowledgement(&self) -> bool {
        self.payload.is_empty() && self.cut == 0 && self.flags.0 & (TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) == 0
    }
}

/// The TCP flags byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const ACK: u8 = 0x10;
    pub const ECE: u8 = 0x40;
    pub const CWR: u8 = 0x80;

    #[inline]
    pub fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// A SYN without ACK: the first packet of a connection.
    #[inline]
    pub fn opens(self) -> bool {
        self.0 & (Self::SYN | Self::ACK) == Self::SYN
    }
}

/// The VLAN tags a frame carried, outermost first; at most two are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vlans {
    pub outer: Option<u16>,
    pub inner: Option<u16>,
}
