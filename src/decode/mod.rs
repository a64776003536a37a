//! From a frame to the transport header: link layers, tags, IP, tunnels, TCP and UDP.
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
mod inside;
mod ip;
mod link;
pub mod packet;
mod system;
mod tcp;
#[cfg(test)]
mod testing;
pub mod tunnel;
mod udp;

pub use defrag::{Datagram, Defragmenter, Fragment};
pub use packet::{Packet, Tcp, TcpFlags, Transport, Udp, Vlans};
pub use system::System;
pub use tunnel::{Trail, Tunnel, TunnelKind};

use crate::capture::Frame;

/// Why a frame gave no [`Packet`].
#[derive(Debug, Clone, Copy)]
pub enum Skip<'a> {
    /// Another protocol than IP above the link layer (ARP, spanning tree, …).
    NotIp,
    /// IP with another transport than TCP and UDP.
    OtherTransport,
    /// A header contradicts itself, or ends before it is complete.
    Malformed,
    /// A link type that no decoder reads.
    UnknownLink,
    /// A part of a datagram: for [`Defragmenter::push`].
    Fragment(Fragment<'a>),
}

/// Reads a frame's headers from the link layer to TCP or UDP; the tunnels they led through are added to `trail`.
///
/// Costs no allocation and keeps nothing. A frame cut by a snap length is used as far as it goes: see [`Tcp::cut`].
#[inline]
pub fn decode<'a>(frame: &Frame<'a>, trail: &mut Trail) -> Result<Packet<'a>, Skip<'a>> {
    let (network, vlans) = link::network(frame)?;
    let cut = usize::try_from(frame.wire_len).unwrap_or(usize::MAX).saturating_sub(frame.data.len());
    ip::decode(network, ip::Context { ts: frame.ts, vlans, cut }, trail)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::testing::{Build, frame, segment};
    use super::*;
    use crate::capture::LinkType;

    const LINKS: [u16; 34] = [
        0, 1, 9, 12, 14, 50, 51, 100, 101, 104, 105, 107, 108, 113, 119, 123, 127, 138, 149, 163, 166, 192, 204, 228,
        229, 239, 242, 258, 276, 147, 2, 999, 220, 253,
    ];

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(link in prop::sample::select(&LINKS[..]), data in prop::collection::vec(any::<u8>(), 0..200), wire in any::<u32>()) {
            let frame = Frame { wire_len: wire, ..frame(LinkType(link), &data) };
            let mut defragmenter = Defragmenter::new(&crate::config::Limits::default());
            if let Err(Skip::Fragment(fragment)) = decode(&frame, &mut Trail::default())
                && let Some(datagram) = defragmenter.push(&fragment, &mut Trail::default())
            {
                let _ = datagram.packet(&mut Trail::default());
            }
        }

        #[test]
        fn no_mutation_of_a_valid_packet_makes_it_panic(
            shape in 0usize..20,
            changes in prop::collection::vec((0usize..160, any::<u8>()), 1..6),
            keep in 0usize..160,
        ) {
            let tcp = segment(b"hello, world");
            let four = || Build::tcp4(&tcp);
            let framed = || four().ethernet(0x0800);
            let (link, build) = match shape {
                0 => (1, framed()),
                1 => (1, four().vlan(0x0800, 7).vlan(0x8100, 8).ethernet(0x88a8)),
                2 => (1, four().mpls(&[16, 17]).ethernet(0x8847)),
                3 => (1, Build::tcp6(&tcp).pppoe(0x57).ethernet(0x8864)),
                4 => (1, Build::tcp6_over(&tcp, &[(0, &[0; 6]), (60, &[0; 14])]).ethernet(0x86dd)),
                5 => (1, Build::fragment6(&tcp, 7, 0, true).ethernet(0x86dd)),
                6 => (101, four().gre(0x0800)),
                7 => (101, framed().front(&[0x10, 5, 0, 9, 0, 0, 0, 1]).front(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1]).ip4(47)),
                8 => (101, framed().vxlan(1)),
                9 => (101, framed().nsh(3).vxlan_gpe(4, 1)),
                10 => (101, framed().geneve(0x6558, &[1; 8])),
                11 => (101, four().gtp(4, &[0, 0, 0, 0x85, 1, 0, 0, 0])),
                12 => (101, Build::tcp6(&tcp).front(&[0, 0, 1, 2, 3, 4, 5, 6]).udp(3544)),
                13 => (101, four().front(&[0, 0x21]).front(&[0x4a, 2, 0, 50, 0, 7, 0, 9, 0, 1, 0, 2, 0, 0]).udp(1701)),
                14 => (101, framed().front(&[0, 0, 3, 4, 0, 0, 0, 0]).ip4(115)),
                15 => (101, Build::fragment4(&tcp, 7, 0, true).ethernet(0x0800).vxlan(1)),
                16 => (127, four().wifi(0x88, 0x03).radiotap(0x20)),
                17 => (105, four().wifi(0x08, 0x01)),
                18 => (239, four().nflog()),
                _ => (192, four().wifi(0x88, 0x01).front(&[0, 0, 8, 0, 105, 0, 0, 0])),
            };
            let mut bytes = build.bytes;
            for (at, value) in changes {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            bytes.truncate(keep.max(1));
            let mut defragmenter = Defragmenter::new(&crate::config::Limits::default());
            if let Err(Skip::Fragment(fragment)) = decode(&frame(LinkType(link), &bytes), &mut Trail::default())
                && let Some(datagram) = defragmenter.push(&fragment, &mut Trail::default())
            {
                let _ = datagram.packet(&mut Trail::default());
            }
        }
    }
}
