//! The tunnels that a packet came through, outermost first: who carried it, to whom, under which number.
//!
//! Most packets came through none, and cost nothing here. What the others did is written to a [`Trail`], which its owner
//! empties once the packets that refer to it are done with; so a [`Packet`] stays small.

mod gre;
mod ip;
mod l2tp;
mod udp;

use std::net::IpAddr;

use super::inside::{Inside, Network};
use super::{Packet, Skip, Vlans};
pub(super) use ip::open_ip;
pub(super) use udp::open_udp;

/// One tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tunnel {
    pub kind: TunnelKind,
    /// Of the IP header around it.
    pub source: IpAddr,
    pub destination: IpAddr,
    /// What tells it from others between the same ends: a GRE key or PPTP's call, an ERSPAN session, a VNI, a TEID, an
    /// L2TP session (of L2TPv2 with its tunnel in the upper 16 bits).
    pub id: Option<u32>,
}

/// What a tunnel is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TunnelKind {
    /// RFC 2784, RFC 2890; with PPTP's version 1 (RFC 2637).
    Gre,
    /// Types I to III, over GRE.
    Erspan,
    /// RFC 7348
    Vxlan,
    VxlanGpe,
    /// RFC 8926
    Geneve,
    /// 3GPP TS 29.281
    GtpU,
    /// IP directly in IP, of either version (RFC 2003, RFC 2473, RFC 4213).
    IpIp,
    /// Ethernet in IP (RFC 3378).
    EtherIp,
    /// MPLS in IP (RFC 4023) or UDP (RFC 7510).
    Mpls,
    /// NSH in IP or UDP (RFC 8300); over Ethernet and in other tunnels it is stepped over.
    Nsh,
    /// IP directly in UDP: "foo over UDP", bare UDP.
    Fou,
    /// draft-ietf-intarea-gue
    Gue,
    /// RFC 4380
    Teredo,
    /// RFC 2661, RFC 3931
    L2tp,
}

impl TunnelKind {
    /// `tlsight.tunnel.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::Vxlan => "vxlan",
            Self::VxlanGpe => "vxlan-gpe",
            Self::Geneve => "geneve",
            Self::GtpU => "gtp-u",
            Self::IpIp => "ipip",
            Self::EtherIp => "etherip",
            Self::Mpls => "mpls",
            Self::Nsh => "nsh",
            Self::Fou => "fou",
            Self::Gue => "gue",
            Self::Teredo => "teredo",
            Self::L2tp => "l2tp",
        }
    }
}

/// The tunnels of some packets.
#[derive(Debug, Default)]
pub struct Trail(Vec<Tunnel>);

/// Where a packet's tunnels stand in their [`Trail`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    start: u16,
    len: u8,
}

impl Span {
    pub(super) fn len(self) -> u8 {
        self.len
    }
}

impl Trail {
    /// The tunnels of a packet that was decoded with this trail since it was last emptied.
    pub fn of(&self, packet: &Packet<'_>) -> &[Tunnel] {
        self.at(packet.tunnels)
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn at(&self, span: Span) -> &[Tunnel] {
        let start = usize::from(span.start);
        self.0.get(start..start.saturating_add(usize::from(span.len))).unwrap_or_default()
    }

    /// The tunnels of `span` and one more inside them. A trail that nobody emptied for 65,535 tunnels forgets the next.
    pub(super) fn extend(&mut self, span: Span, tunnel: Tunnel) -> Span {
        let (start, len) = (usize::from(span.start), usize::from(span.len));
        let end = start.saturating_add(len);
        // Anything laid down since is in the way.
        let start = if len > 0 && end == self.0.len() { start } else { self.0.len() };
        let longer = span.len.saturating_add(1);
        let room = usize::from(u16::MAX).saturating_sub(self.0.len());
        match u16::try_from(start) {
            Ok(begin) if room > len => {
                if start != usize::from(span.start) && end <= start {
                    self.0.extend_from_within(usize::from(span.start)..end);
                }
                self.0.push(tunnel);
                Span { start: begin, len: longer }
            }
            _ => Span { start: u16::MAX, len: longer },
        }
    }

    /// Adds the tunnels of a packet that was kept.
    pub(super) fn lay(&mut self, tunnels: &[Tunnel]) -> Span {
        tunnels.iter().fold(Span::default(), |span, tunnel| self.extend(span, *tunnel))
    }
}

/// A tunnel's header, and the IP packet it led to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened<'a> {
    pub kind: TunnelKind,
    pub id: Option<u32>,
    pub network: Network<'a>,
    pub vlans: Vlans,
}

/// A tunnel's header that was read, and how to read on.
#[derive(Debug, Clone, Copy)]
struct Header<'a> {
    kind: TunnelKind,
    id: Option<u32>,
    inside: Inside<'a>,
}

impl<'a> Header<'a> {
    /// `vlans` are the tags of the frame around it.
    fn open(self, vlans: Vlans) -> Result<Opened<'a>, Skip<'a>> {
        let (network, vlans) = self.inside.network(vlans)?;
        Ok(Opened { kind: self.kind, id: self.id, network, vlans })
    }
}

/// Tunnels in tunnels that are followed; what has more is malformed.
pub(super) const TUNNELS_MAX: u8 = 8;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::testing::{Build, four, frame, inside, seen, segment};
    use super::super::{Defragmenter, decode};
    use super::*;
    use crate::capture::{Frame, LinkType};
    use crate::config::Limits;

    fn decoded(build: &Build) -> Result<Packet<'_>, Skip<'_>> {
        decode(&frame(LinkType::RAW, &build.bytes), &mut Trail::default())
    }

    #[test]
    fn the_packet_has_the_inner_addresses_and_the_trail_the_outer_ones() {
        let build = four().ethernet(0x0800).vxlan(7).gre(0x0800);
        let mut trail = Trail::default();
        let packet = decode(&frame(LinkType::RAW, &build.bytes), &mut trail).unwrap();
        assert_eq!(
            (packet.source.to_string(), packet.destination.to_string()),
            ("10.0.0.1".into(), "192.0.2.7".into())
        );
        let (source, destination) = ("198.51.100.1".parse().unwrap(), "198.51.100.2".parse().unwrap());
        let tunnel = |kind, id| Tunnel { kind, source, destination, id };
        assert_eq!(trail.of(&packet), [tunnel(TunnelKind::Gre, None), tunnel(TunnelKind::Vxlan, Some(7))]);
    }

    #[test]
    fn packets_share_a_trail() {
        let (one, two) = (four().gre(0x0800), four().ip4(4).ethernet(0x0800).vxlan(1));
        let mut trail = Trail::default();
        let first = decode(&frame(LinkType::RAW, &one.bytes), &mut trail).unwrap();
        let second = decode(&frame(LinkType::RAW, &two.bytes), &mut trail).unwrap();
        let kinds = |packet| trail.of(packet).iter().map(|tunnel| tunnel.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&first), [TunnelKind::Gre]);
        assert_eq!(kinds(&second), [TunnelKind::Vxlan, TunnelKind::IpIp]);
    }

    #[test]
    fn a_trail_that_is_never_emptied_stays_bounded() {
        let build = four().ip4(4).gre(0x0800);
        let mut trail = Trail::default();
        let first = decode(&frame(LinkType::RAW, &build.bytes), &mut trail).unwrap();
        for _ in 0..40_000 {
            decode(&frame(LinkType::RAW, &build.bytes), &mut trail).unwrap();
        }
        let last = decode(&frame(LinkType::RAW, &build.bytes), &mut trail).unwrap();
        assert!(trail.0.len() <= 65_535);
        assert_eq!((trail.of(&first).len(), trail.of(&last).len()), (2, 0));
    }

    #[test]
    fn tags_are_those_of_the_frame_that_carries_the_packet() {
        let vlans =
            |build: &Build| decode(&frame(LinkType::ETHERNET, &build.bytes), &mut Trail::default()).unwrap().vlans;
        let tag = |id| Vlans { outer: Some(id), inner: None };
        assert_eq!(vlans(&four().gre(0x0800).vlan(0x0800, 5).ethernet(0x8100)), tag(5));
        assert_eq!(vlans(&four().ethernet(0x0800).vxlan(1).vlan(0x0800, 5).ethernet(0x8100)), Vlans::default());
        let tagged = four().vlan(0x0800, 6).ethernet(0x8100);
        assert_eq!(vlans(&tagged.vxlan(1).vlan(0x0800, 5).ethernet(0x8100)), tag(6));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| (0..depth).fold(four(), |build, _| build.ip4(4));
        for depth in 0..=8 {
            assert_eq!(seen(LinkType::RAW, &nested(depth)).tunnels.len(), depth);
        }
        assert!(matches!(decoded(&nested(9)), Err(Skip::Malformed)));
        // 3,000 headers: each of them looked at would be nothing yet; looked at by each other they were millions.
        let deep = nested(3000);
        for _ in 0..1000 {
            assert!(matches!(decoded(&deep), Err(Skip::Malformed)));
        }
        let deep = (0..100).fold(four(), |build, _| build.ethernet(0x0800).vxlan(1));
        assert!(matches!(decoded(&deep), Err(Skip::Malformed)));
    }

    #[test]
    fn every_cut_of_every_tunnel_is_survived() {
        for build in shapes() {
            let whole = seen(LinkType::RAW, &build);
            for keep in 0..build.bytes.len() {
                let cut = Frame { wire_len: build.bytes.len() as u32, ..frame(LinkType::RAW, &build.bytes[..keep]) };
                let mut trail = Trail::default();
                if let Ok(packet) = decode(&cut, &mut trail) {
                    let part = inside(&packet, &trail);
                    assert!(
                        part.tunnels == whole.tunnels || matches!(packet.transport, super::super::Transport::Udp(_))
                    );
                    assert!(part.tunnels != whole.tunnels || whole.payload.starts_with(&part.payload));
                }
                let _ = decode(&frame(LinkType::RAW, &build.bytes[..keep]), &mut trail);
            }
        }
    }

    #[test]
    fn a_snap_length_cuts_the_inner_packet() {
        let build = four().ethernet(0x0800).vxlan(1);
        let short = &build.bytes[..build.bytes.len() - 3];
        let cut = Frame { wire_len: build.bytes.len() as u32, ..frame(LinkType::RAW, short) };
        let mut trail = Trail::default();
        let packet = decode(&cut, &mut trail).unwrap();
        let super::super::Transport::Tcp(tcp) = packet.transport else { panic!("no TCP") };
        assert_eq!((tcp.payload, tcp.cut, trail.of(&packet).len()), (&b"d"[..], 3, 1));
    }

    /// Puts fragments together; the last one gives the packet.
    fn joined(parts: &[Build]) -> Option<super::super::testing::Seen> {
        let mut defragmenter = Defragmenter::new(&Limits::default());
        let mut got = None;
        for part in parts {
            let mut trail = Trail::default();
            let Err(Skip::Fragment(fragment)) = decode(&frame(LinkType::RAW, &part.bytes), &mut trail) else {
                panic!("no fragment")
            };
            if let Some(datagram) = defragmenter.push(&fragment, &mut trail) {
                let packet = datagram.packet(&mut trail).unwrap();
                got = Some(inside(&packet, &trail));
            }
        }
        got
    }

    /// Two fragments of an IPv4 packet's payload.
    fn halves(build: &Build, protocol: u8, id: u16) -> [Build; 2] {
        let payload = &build.bytes[20..];
        let at = payload.len() / 16 * 8;
        let part = |data: &[u8], offset: usize, more| {
            let mut part = Build::fragment4(data, id, offset as u16, more);
            part.bytes[9] = protocol;
            part.bytes[12..20].copy_from_slice(&build.bytes[12..20]);
            part
        };
        [part(&payload[..at], 0, true), part(&payload[at..], at, false)]
    }

    #[test]
    fn a_tunnel_may_be_in_fragments_and_hold_fragments() {
        let want = |kinds: &[(TunnelKind, Option<u32>)]| {
            Some(super::super::testing::Seen { tunnels: kinds.to_vec(), payload: b"data".to_vec() })
        };
        let vxlan = (TunnelKind::Vxlan, Some(3));
        let outer = halves(&four().ethernet(0x0800).vxlan(3), 17, 1);
        assert_eq!(joined(&outer), want(&[vxlan]));
        let inner = halves(&four(), 6, 2).map(|part| part.ethernet(0x0800).vxlan(3));
        assert_eq!(joined(&inner), want(&[vxlan]));
        let [a, b] = halves(&four(), 6, 3).map(|part| part.gre(0x0800));
        assert_eq!(joined(&[b, a]), want(&[(TunnelKind::Gre, None)]));
        // Fragments of a packet, each in a tunnel, each of the tunnel's packets in fragments.
        let [a, b] = halves(&four(), 6, 4).map(|part| part.ethernet(0x0800).vxlan(3).gre(0x0800));
        let ([a1, a2], [b1, b2]) = (halves(&a, 47, 5), halves(&b, 47, 6));
        assert_eq!(joined(&[a1, b1, b2, a2]), want(&[(TunnelKind::Gre, None), vxlan]));
    }

    fn shapes() -> Vec<Build> {
        let framed = || four().ethernet(0x0800);
        vec![
            four().gre(0x0800),
            framed().gre(0x88be),
            framed().front(&[0x10, 5, 0, 9, 0, 0, 0, 1]).front(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1]).ip4(47),
            framed().vxlan(1),
            framed().nsh(3).vxlan_gpe(4, 1),
            framed().geneve(0x6558, &[1; 8]),
            four().gtp(4, &[0, 0, 0, 0x85, 1, 0, 0, 0]),
            Build::tcp6(&segment(b"data")).udp(3544),
            four().front(&[0, 0x21]).front(&[0, 2, 0, 7, 0, 9]).udp(1701),
            framed().front(&[0, 0, 3, 4, 0, 0, 0, 0]).ip4(115),
            four().mpls(&[16]).udp(6635),
            four().ip4(4).ip6(4).gre(0x86dd),
        ]
    }
}
