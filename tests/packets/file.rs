//! Capture files out of frames: pcap in microseconds and nanoseconds, pcapng, either byte order.

use std::io::{self, Write};

use super::frame::TimedFrame;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    Micro,
    Nano,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    Little,
    Big,
}

/// What the head of a capture file says.
#[derive(Debug, Clone, Copy)]
pub struct FileFormat {
    pub resolution: Resolution,
    pub order: ByteOrder,
    /// LINKTYPE_ number.
    pub link: u16,
    pub snaplen: u32,
}

impl Default for FileFormat {
    fn default() -> Self {
        Self { resolution: Resolution::Micro, order: ByteOrder::Little, link: 1, snaplen: 262_144 }
    }
}

impl FileFormat {
    pub fn nano(self) -> Self {
        Self { resolution: Resolution::Nano, ..self }
    }

    pub fn big_endian(self) -> Self {
        Self { order: ByteOrder::Big, ..self }
    }

    /// The 24 bytes before the first record.
    pub fn pcap_header(&self) -> [u8; 24] {
        let magic = match self.resolution {
            Resolution::Micro => 0xa1b2_c3d4,
            Resolution::Nano => 0xa1b2_3c4d,
        };
        let mut out = [0; 24];
        out[0..4].copy_from_slice(&self.u32(magic));
        out[4..6].copy_from_slice(&self.u16(2));
        out[6..8].copy_from_slice(&self.u16(4));
        out[16..20].copy_from_slice(&self.u32(self.snaplen));
        out[20..24].copy_from_slice(&self.u32(u32::from(self.link)));
        out
    }

    pub fn write_pcap_record(&self, out: &mut impl Write, frame: &TimedFrame) -> io::Result<()> {
        let fraction = match self.resolution {
            Resolution::Micro => frame.ts % SECOND / 1000,
            Resolution::Nano => frame.ts % SECOND,
        };
        let mut head = [0; 16];
        head[0..4].copy_from_slice(&self.u32((frame.ts / SECOND) as u32));
        head[4..8].copy_from_slice(&self.u32(fraction as u32));
        head[8..12].copy_from_slice(&self.u32(frame.bytes.len() as u32));
        head[12..16].copy_from_slice(&self.u32(frame.wire_len));
        out.write_all(&head)?;
        out.write_all(&frame.bytes)
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        match self.order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        }
    }

    fn u32(&self, value: u32) -> [u8; 4] {
        match self.order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        }
    }

    /// A pcapng block: type, length, body padded to four bytes, length again.
    fn block(&self, out: &mut Vec<u8>, kind: u32, body: &[u8]) {
        let padded = body.len().next_multiple_of(4);
        let len = self.u32((padded + 12) as u32);
        out.extend_from_slice(&self.u32(kind));
        out.extend_from_slice(&len);
        out.extend_from_slice(body);
        out.resize(out.len() + padded - body.len(), 0);
        out.extend_from_slice(&len);
    }
}

/// A whole pcap file.
pub fn pcap(format: FileFormat, frames: &[TimedFrame]) -> Vec<u8> {
    let mut out = format.pcap_header().to_vec();
    for frame in frames {
        format.write_pcap_record(&mut out, frame).expect("a Vec takes every write");
    }
    out
}

/// A whole pcapng file: one section, one interface, one enhanced packet block a frame. `if_tsresol` is written for
/// nanoseconds only, since microseconds are what its absence means.
pub fn pcapng(format: FileFormat, frames: &[TimedFrame]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut body = Vec::new();
    body.extend_from_slice(&format.u32(0x1a2b_3c4d));
    body.extend_from_slice(&format.u16(1));
    body.extend_from_slice(&format.u16(0));
    body.extend_from_slice(&[0xff; 8]);
    format.block(&mut out, 0x0a0d_0d0a, &body);

    body.clear();
    body.extend_from_slice(&format.u16(format.link));
    body.extend_from_slice(&format.u16(0));
    body.extend_from_slice(&format.u32(format.snaplen));
    if format.resolution == Resolution::Nano {
        body.extend_from_slice(&format.u16(9));
        body.extend_from_slice(&format.u16(1));
        body.extend_from_slice(&[9, 0, 0, 0]);
        body.extend_from_slice(&[0; 4]);
    }
    format.block(&mut out, 1, &body);

    for frame in frames {
        let ts = match format.resolution {
            Resolution::Micro => frame.ts / 1000,
            Resolution::Nano => frame.ts,
        };
        body.clear();
        body.extend_from_slice(&format.u32(0));
        body.extend_from_slice(&format.u32((ts >> 32) as u32));
        body.extend_from_slice(&format.u32(ts as u32));
        body.extend_from_slice(&format.u32(frame.bytes.len() as u32));
        body.extend_from_slice(&format.u32(frame.wire_len));
        body.extend_from_slice(&frame.bytes);
        format.block(&mut out, 6, &body);
    }
    out
}

const SECOND: u64 = 1_000_000_000;
