//! Builds capture files for the tests of this layer.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]

use super::record::Order;

impl Order {
    pub fn put16(self, value: u16) -> [u8; 2] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub fn put32(self, value: u32) -> [u8; 4] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }
}

/// A microsecond Ethernet pcap file.
pub fn pcap(order: Order) -> PcapFile {
    PcapFile::new(order, 0xa1b2_c3d4, 1)
}

pub struct PcapFile {
    order: Order,
    pub bytes: Vec<u8>,
}

impl PcapFile {
    pub fn new(order: Order, magic: u32, link: u32) -> Self {
        let mut bytes = order.put32(magic).to_vec();
        bytes.extend(order.put16(2));
        bytes.extend(order.put16(4));
        bytes.extend([0; 8]);
        bytes.extend(order.put32(262_144));
        bytes.extend(order.put32(link));
        Self { order, bytes }
    }

    pub fn packet(mut self, seconds: u32, fraction: u32, data: &[u8]) -> Self {
        for field in [seconds, fraction, data.len() as u32, data.len() as u32] {
            self.bytes.extend(self.order.put32(field));
        }
        self.bytes.extend(data);
        self
    }
}

/// A section of a pcapng file.
pub struct Section {
    order: Order,
    pub bytes: Vec<u8>,
}

impl Section {
    pub fn new(order: Order) -> Self {
        let mut body = order.put32(0x1a2b_3c4d).to_vec();
        body.extend(order.put16(1));
        body.extend(order.put16(0));
        body.extend([0xff; 8]);
        Self { order, bytes: Self::block(order, 0x0a0d_0d0a, &body) }
    }

    pub fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = order.put32(body.len() as u32 + 12);
        [&order.put32(kind)[..], &length, &body, &length].concat()
    }

    pub fn other(mut self, kind: u32, body: &[u8]) -> Self {
        self.bytes.extend(Self::block(self.order, kind, body));
        self
    }

    pub fn interface(self, link: u16, options: &[(u16, &[u8])]) -> Self {
        let order = self.order;
        let mut body = order.put16(link).to_vec();
        body.extend([0; 2]);
        body.extend(order.put32(0));
        for (code, value) in options {
            body.extend(order.put16(*code));
            body.extend(order.put16(value.len() as u16));
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        if !options.is_empty() {
            body.extend([0; 4]);
        }
        self.other(1, &body)
    }

    pub fn packet(self, interface: u32, units: u64, data: &[u8]) -> Self {
        let head = self.order.put32(interface);
        self.timed(6, head, units, data)
    }

    pub fn obsolete(self, interface: u16, units: u64, data: &[u8]) -> Self {
        let [a, b] = self.order.put16(interface);
        self.timed(2, [a, b, 0xff, 0xff], units, data)
    }

    pub fn simple(self, data: &[u8]) -> Self {
        let body = [&self.order.put32(data.len() as u32)[..], data].concat();
        self.other(3, &body)
    }

    fn timed(self, kind: u32, head: [u8; 4], units: u64, data: &[u8]) -> Self {
        let mut body = head.to_vec();
        for field in [(units >> 32) as u32, units as u32, data.len() as u32, data.len() as u32] {
            body.extend(self.order.put32(field));
        }
        body.extend(data);
        self.other(kind, &body)
    }
}
