//! Where packets come from: files, pipes, the tap.
//!
//! In: paths, an interface. Out: [`Frame`]s, borrowed from a memory map or a block of read bytes, handed on in
//! [`Batch`]es that carry offsets instead of copies. Does not look inside a frame.

pub mod batch;
pub mod chain;
pub mod file;
pub mod filter;
pub mod follow;
pub mod format;
pub mod inputs;
pub mod listen;
mod map;
mod other;
mod pcap;
mod pcapng;
pub mod quiet;
mod record;
#[cfg(target_os = "linux")]
pub mod ring;
pub mod several;
mod stream;
pub mod tap;
#[cfg(test)]
mod testing;
pub mod write;

pub use batch::{Batch, Fill, Lost, Slot, Source};
pub use chain::Chain;
pub use file::{Damage, Input, Warning, unpacked};
pub use filter::Filter;
pub use follow::Follow;
pub use inputs::Inputs;
pub use listen::{Listen, Tally};
pub use quiet::Quiet;
#[cfg(target_os = "linux")]
pub use ring::Ring;
pub use several::Several;
pub use tap::{Tap, TapOptions};

/// Nanoseconds since 1970-01-01T00:00:00Z, as the capture tells them: the only clock of the analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const MAX: Self = Self(i64::MAX);

    /// Nanoseconds from `earlier` to `self`; zero where the capture's clock ran backwards.
    pub fn since(self, earlier: Timestamp) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

/// The link-layer type of a frame, by its LINKTYPE_ number (<https://www.tcpdump.org/linktypes.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    pub const NULL: Self = Self(0);
    pub const ETHERNET: Self = Self(1);
    pub const PPP: Self = Self(9);
    pub const PPP_HDLC: Self = Self(50);
    pub const PPP_ETHER: Self = Self(51);
    pub const ATM_RFC1483: Self = Self(100);
    pub const RAW: Self = Self(101);
    pub const IEEE802_11: Self = Self(105);
    pub const FRELAY: Self = Self(107);
    pub const LOOP: Self = Self(108);
    pub const LINUX_SLL: Self = Self(113);
    pub const PRISM: Self = Self(119);
    pub const SUNATM: Self = Self(123);
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    pub const APPLE_IP_OVER_IEEE1394: Self = Self(138);
    pub const IEEE802_11_AVS: Self = Self(163);
    pub const PPP_PPPD: Self = Self(166);
    pub const PPI: Self = Self(192);
    pub const PPP_WITH_DIR: Self = Self(204);
    pub const IPV4: Self = Self(228);
    pub const IPV6: Self = Self(229);
    pub const NFLOG: Self = Self(239);
    pub const IPOIB: Self = Self(242);
    pub const PKTAP: Self = Self(258);
    pub const LINUX_SLL2: Self = Self(276);
}

/// One captured packet.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub ts: Timestamp,
    pub link: LinkType,
    /// As in its [`Slot`].
    pub interface: u16,
    /// What was captured; shorter than `wire_len` when a snap length cut it.
    pub data: &'a [u8],
    /// Bytes that were on the wire.
    pub wire_len: u32,
}
