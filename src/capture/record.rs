//! What the formats' parsers have in common: a step, a packet's record, the byte order.
#![forbid(unsafe_code)]

use super::{LinkType, Timestamp};

/// One step of a format's parser.
pub(super) enum Step {
    Packet(Record),
    /// So many bytes hold no packet.
    Skip(u64),
    Need(u64),
    Damaged(String),
}

/// A packet's record, its places counted from the record's first byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub ts: Timestamp,
    pub link: LinkType,
    /// Counted over all sections of the file; those too many are as the last.
    pub interface: u16,
    pub data: u32,
    pub len: u32,
    pub wire_len: u32,
    /// The record's length.
    pub advance: u64,
}

/// A record that claims more than this is damage, not a packet: snap lengths end at 256 KiB.
pub(super) const RECORD_MAX: u32 = 16 << 20;

/// The byte order of a file, which is that of the machine that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    #[inline(always)]
    pub fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline(always)]
    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }
}
