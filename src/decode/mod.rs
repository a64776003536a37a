//! From a frame to the transport header: link layers, tags, IP, TCP.
//!
//! In: [`Frame`]s. Out: [`Packet`]s that borrow from them. Stateless but for [`defrag`], which its owner feeds with
//! the fragments that [`decode`] hands back as [`Skip::Fragment`]. No checksum is verified: offloading leaves wrong
//! ones in most captures that were taken on an end host.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

pub mod defrag;
mod ip;
mod link;
pub mod packet;
mod tcp;
#[cfg(test)]
mod testing;

pub use defrag::{Datagram, Defragmenter, Fragment};
pub use packet::{Packet, Tcp, TcpFlags, Transport, Vlans};

use crate::capture::Frame;

/// Why a frame gave no [`Packet`].
#[derive(Debug, Clone, Copy)]
pub enum Skip<'a> {
    /// Another protocol than IP above the link layer (ARP, spanning tree, …).
    NotIp,
    /// IP with another transport than TCP.
    NotTcp,
    /// A header contradicts itself, or ends before it is complete.
    Malformed,
    /// A link type that no decoder reads.
    UnknownLink,
    /// A part of a datagram: for [`Defragmenter::push`].
    Fragment(Fragment<'a>),
}

/// Reads a frame's headers from the link layer to TCP.
///
/// Costs no allocation and keeps nothing. A frame cut by a snap length is used as far as it goes: see [`Tcp::cut`].
#[inline]
pub fn decode<'a>(frame: &Frame<'a>) -> Result<Packet<'a>, Skip<'a>> {
    let (network, vlans) = link::network(frame)?;
    let cut = usize::try_from(frame.wire_len).unwrap_or(usize::MAX).saturating_sub(frame.data.len());
    ip::decode(network, ip::Context { ts: frame.ts, vlans, cut })
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::testing::{Build, frame, segment};
    use super::*;
    use crate::capture::LinkType;

    const LINKS: [u16; 18] = [0, 1, 9, 12, 14, 50, 51, 101, 104, 108, 113, 228, 229, 276, 147, 2, 999, 105];

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(link in prop::sample::select(&LINKS[..]), data in prop::collection::vec(any::<u8>(), 0..200), wire in any::<u32>()) {
            let frame = Frame { wire_len: wire, ..frame(LinkType(link), &data) };
            let mut defragmenter = Defragmenter::new(&crate::config::Limits::default());
            if let Err(Skip::Fragment(fragment)) = decode(&frame)
                && let Some(datagram) = defragmenter.push(&fragment)
            {
                let _ = datagram.packet();
            }
        }

        #[test]
        fn no_mutation_of_a_valid_packet_makes_it_panic(
            shape in 0usize..6,
            changes in prop::collection::vec((0usize..120, any::<u8>()), 1..6),
            keep in 0usize..120,
        ) {
            let tcp = segment(b"hello, world");
            let mut bytes = match shape {
                0 => Build::tcp4(&tcp).ethernet(0x0800),
                1 => Build::tcp4(&tcp).vlan(0x0800, 7).vlan(0x8100, 8).ethernet(0x88a8),
                2 => Build::tcp4(&tcp).mpls(&[16, 17]).ethernet(0x8847),
                3 => Build::tcp6(&tcp).pppoe(0x57).ethernet(0x8864),
                4 => Build::tcp6_over(&tcp, &[(0, &[0; 6]), (60, &[0; 14])]).ethernet(0x86dd),
                _ => Build::fragment6(&tcp, 7, 0, true).ethernet(0x86dd),
            }.bytes;
            for (at, value) in changes {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            bytes.truncate(keep.max(1));
            let mut defragmenter = Defragmenter::new(&crate::config::Limits::default());
            if let Err(Skip::Fragment(fragment)) = decode(&frame(LinkType::ETHERNET, &bytes))
                && let Some(datagram) = defragmenter.push(&fragment)
            {
                let _ = datagram.packet();
            }
        }
    }
}
