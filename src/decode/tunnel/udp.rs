//! Tunnels over UDP: VXLAN and VXLAN-GPE, Geneve, GTP-U, Teredo, L2TP, MPLS, IP and GUE.
//!
//! In: a UDP datagram. Out: the packet in the tunnel, or `None`: it is what it is without one. A tunnel is one only if
//! an IP header is where its headers lead, with a length that the datagram can hold; where next to no header leads there,
//! the packet has to fill the datagram to its end. On any other port than the registered ones VXLAN, Geneve, Teredo and IP
//! are known by headers whose reserved bits are zero, and by a packet that fills the datagram: QUIC, DTLS, DNS and
//! media do not look so, whatever their ports.

use std::net::Ipv6Addr;

use super::super::inside::{Fit, Inside, MPLS, next_protocol, split};
use super::super::packet::Udp;
use super::super::{Skip, Vlans};
use super::{Header, Opened, TunnelKind, gre, ip, l2tp};

/// `vlans` are the tags of the frame that carries the datagram.
#[inline(always)]
pub(in super::super) fn open_udp<'a>(udp: &Udp<'a>, vlans: Vlans) -> Option<Opened<'a>> {
    let registered = matches!(
        udp.destination_port,
        VXLAN | VXLAN_OLD | VXLAN_GPE | GENEVE | GTP_U | TEREDO | L2TP | MPLS_PORT | FOU | GUE
    ) || matches!(udp.source_port, GTP_U | TEREDO | L2TP);
    let shaped = match *udp.payload {
        [0x08, 0, 0, 0, ..] => true,
        [0..=0x3f, _, 0x65, 0x58, _, _, _, 0, ..] => true,
        [0x45..=0x4f, _, l0, l1, ..] | [0x60..=0x6f, _, _, _, l0, l1, ..] => {
            // IPv6 does not count its own header.
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let own = udp.payload.len().saturating_add(udp.cut as usize);
            length == own || length.saturating_add(V6_HEADER) == own
        }
        _ => false,
    };
    if registered || shaped { open(udp, vlans) } else { None }
}

#[inline(never)]
fn open<'a>(udp: &Udp<'a>, vlans: Vlans) -> Option<Opened<'a>> {
    let cut = usize::try_from(udp.cut).unwrap_or(usize::MAX);
    let data = udp.payload;
    let by_port = [udp.destination_port, udp.source_port].into_iter().enumerate().find_map(|(end, port)| {
        let mut fit = Fit::Within;
        let opened = match port {
            GTP_U => gtp(data, cut, vlans),
            TEREDO => {
                fit = Fit::Exact;
                teredo(data).and_then(|header| header.open(vlans))
            }
            L2TP => l2tp::over_udp(data, cut, vlans),
            // The others' source port is any.
            _ if end > 0 => return None,
            VXLAN | VXLAN_OLD | VXLAN_GPE => vxlan(data).and_then(|header| header.open(vlans)),
            GENEVE => geneve(data).and_then(|header| header.open(vlans)),
            MPLS_PORT | FOU | GUE => {
                fit = Fit::Exact;
                match port {
                    MPLS_PORT => Ok(plain(TunnelKind::Mpls, Inside::Typed(MPLS, data))),
                    FOU => Ok(plain(TunnelKind::Fou, Inside::Ip(data))),
                    _ => gue(data),
                }
                .and_then(|header| header.open(vlans))
            }
            _ => return None,
        };
        opened.ok().filter(|opened| opened.network.holds(fit, cut))
    });
    by_port.or_else(|| by_content(data, cut, vlans))
}

/// What needs no port to be known.
fn by_content(data: &[u8], cut: usize, vlans: Vlans) -> Option<Opened<'_>> {
    let header = match *data {
        [0x08, 0, 0, 0, _, _, _, 0, ..] => vxlan(data).ok()?,
        // No critical options, and no reserved bits.
        [0..=0x3f, 0, 0x65, 0x58, _, _, _, 0, ..] => geneve(data).ok()?,
        [0x45..=0x4f, ..] if checksum_is_right(data) => plain(TunnelKind::Fou, Inside::Ip(data)),
        [0x60..=0x6f, ..] if is_teredo(data) => plain(TunnelKind::Teredo, Inside::Ip(data)),
        _ => return None,
    };
    header.open(vlans).ok().filter(|opened| opened.network.holds(Fit::Exact, cut))
}

fn plain(kind: TunnelKind, inside: Inside<'_>) -> Header<'_> {
    Header { kind, id: None, inside }
}

/// RFC 7348, section 5, and with the P bit VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe, section 3.1). The network identifier has
/// to be valid; a group policy may stand in the bits between.
fn vxlan(data: &[u8]) -> Result<Header<'_>, Skip<'_>> {
    let (&[flags, _, _, next, v0, v1, v2, _], rest) = split::<8>(data)?;
    if flags & VXLAN_VALID == 0 || flags & VXLAN_RESERVED != 0 {
        return Err(Skip::NotIp);
    }
    let id = Some(u32::from_be_bytes([0, v0, v1, v2]));
    if flags & GPE_NEXT == 0 {
        return Ok(Header { kind: TunnelKind::Vxlan, id, inside: Inside::Ethernet(rest) });
    }
    Ok(Header { kind: TunnelKind::VxlanGpe, id, inside: next_protocol(next, rest)? })
}

/// RFC 8926, section 3.4: version zero, the options' length in words of four bytes.
fn geneve(data: &[u8]) -> Result<Header<'_>, Skip<'_>> {
    let (&[version_and_words, flags, p0, p1, v0, v1, v2, _], rest) = split::<8>(data)?;
    if version_and_words >> 6 != 0 || flags & GENEVE_CONTROL != 0 {
        return Err(Skip::NotIp);
    }
    let rest = rest.get(usize::from(version_and_words & 0x3f).saturating_mul(4)..).ok_or(Skip::Malformed)?;
    let inside = Inside::Typed(u16::from_be_bytes([p0, p1]), rest);
    Ok(Header { kind: TunnelKind::Geneve, id: Some(u32::from_be_bytes([0, v0, v1, v2])), inside })
}

/// 3GPP TS 29.281, section 5: a header of eight bytes, four more if any flag is set, and a chain of extension headers.
/// What the session carries is not said: IP, PPP, or Ethernet.
fn gtp(data: &[u8], cut: usize, vlans: Vlans) -> Result<Opened<'_>, Skip<'_>> {
    let (&[flags, GTP_DATA, l0, l1, t0, t1, t2, t3], rest) = split::<8>(data)? else { return Err(Skip::NotIp) };
    if flags & GTP_VERSION != GTP_V1 {
        return Err(Skip::NotIp);
    }
    if usize::from(u16::from_be_bytes([l0, l1])) != rest.len().saturating_add(cut) {
        return Err(Skip::Malformed);
    }
    let mut rest = rest;
    if flags & GTP_OPTIONAL != 0 {
        let (&[_, _, _, first], after) = split::<4>(rest)?;
        rest = after;
        let mut next = if flags & GTP_EXTENSION != 0 { first } else { 0 };
        for _ in 0..GTP_EXTENSIONS_MAX {
            if next == 0 {
                break;
            }
            // Its length is in words of four bytes; its last byte says what follows.
            let length = usize::from(*rest.first().ok_or(Skip::Malformed)?).saturating_mul(4);
            let (header, after) = rest.split_at_checked(length).ok_or(Skip::Malformed)?;
            next = *header.last().ok_or(Skip::Malformed)?;
            rest = after;
        }
        if next != 0 {
            return Err(Skip::Malformed);
        }
    }
    let id = Some(u32::from_be_bytes([t0, t1, t2, t3]));
    [Inside::Ip(rest), Inside::Ppp(rest), Inside::Ethernet(rest)]
        .into_iter()
        .filter_map(|inside| Header { kind: TunnelKind::GtpU, id, inside }.open(vlans).ok())
        .find(|opened| opened.network.holds(Fit::Within, cut))
        .ok_or(Skip::NotIp)
}

/// RFC 4380, section 5.1.1: an authentication and an origin indication may stand before the IPv6 packet.
fn teredo(data: &[u8]) -> Result<Header<'_>, Skip<'_>> {
    let mut rest = data;
    if let [0, 1, client, value, after @ ..] = rest {
        // Two lengths, then a nonce of eight bytes and one of confirmation.
        let length = usize::from(*client).saturating_add(usize::from(*value)).saturating_add(9);
        rest = after.get(length..).ok_or(Skip::Malformed)?;
    }
    if let [0, 0, _, _, _, _, _, _, after @ ..] = rest {
        rest = after;
    }
    match rest {
        [first, ..] if first >> 4 == 6 => Ok(plain(TunnelKind::Teredo, Inside::Ip(rest))),
        _ => Err(Skip::NotIp),
    }
}

/// draft-ietf-intarea-gue, section 3: version 1 is IP itself; version 0 has an IP protocol number and its own length.
fn gue(data: &[u8]) -> Result<Header<'_>, Skip<'_>> {
    let (&[first, protocol, _, _], rest) = split::<4>(data)?;
    match first >> 6 {
        0 if first & GUE_CONTROL == 0 => {
            let rest = rest.get(usize::from(first & 0x1f).saturating_mul(4)..).ok_or(Skip::Malformed)?;
            match protocol {
                4 | 41 => Ok(plain(TunnelKind::Gue, Inside::Ip(rest))),
                ip::GRE => gre::read(rest).map(|header| Header { kind: TunnelKind::Gue, ..header }),
                _ => Err(Skip::NotIp),
            }
        }
        1 => Ok(plain(TunnelKind::Gue, Inside::Ip(data))),
        _ => Err(Skip::NotIp),
    }
}

/// Whether the IPv4 header's own checksum is right (RFC 1071).
fn checksum_is_right(data: &[u8]) -> bool {
    let length = data.first().map_or(0, |first| usize::from(first & 0x0f)).saturating_mul(4);
    let Some(header) = data.get(..length) else { return false };
    let sum = header.chunks_exact(2).fold(0u32, |sum, pair| match *pair {
        [high, low] => sum.saturating_add(u32::from(u16::from_be_bytes([high, low]))),
        _ => sum,
    });
    // At most thirty words: one carry may make another.
    let folded = (sum & 0xffff).saturating_add(sum >> 16);
    folded == 0xffff
}

/// Whether one of the addresses has Teredo's prefix (RFC 4380, section 2.6).
fn is_teredo(data: &[u8]) -> bool {
    let address = |at: usize| data.get(at..).and_then(<[u8]>::first_chunk::<16>).map(|bytes| Ipv6Addr::from(*bytes));
    [address(8), address(24)].into_iter().flatten().any(|address| matches!(address.segments(), [0x2001, 0, ..]))
}

const V6_HEADER: usize = 40;
const VXLAN_VALID: u8 = 0x08;
/// QUIC's fixed bit is the one that no form of VXLAN uses.
const VXLAN_RESERVED: u8 = 0x40;
const GPE_NEXT: u8 = 0x04;
const GENEVE_CONTROL: u8 = 0x80;
const GTP_DATA: u8 = 0xff;
const GTP_VERSION: u8 = 0xf0;
const GTP_V1: u8 = 0x30;
const GTP_OPTIONAL: u8 = 0x07;
const GTP_EXTENSION: u8 = 0x04;
/// No session of today has more than two.
const GTP_EXTENSIONS_MAX: usize = 16;
const GUE_CONTROL: u8 = 0x20;

const L2TP: u16 = 1701;
const GTP_U: u16 = 2152;
const TEREDO: u16 = 3544;
const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
/// Linux' foo over UDP has no number of its own: what its manual page uses.
const FOU: u16 = 5555;
const GENEVE: u16 = 6081;
const GUE: u16 = 6080;
const MPLS_PORT: u16 = 6635;
/// Of Linux before it was registered.
const VXLAN_OLD: u16 = 8472;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::super::testing::{Build, Seen, four, seen, six};
    use super::*;
    use crate::capture::LinkType;

    fn framed() -> Build {
        four().ethernet(0x0800)
    }

    #[track_caller]
    fn carries(build: &Build, kind: TunnelKind, id: Option<u32>) {
        assert_eq!(seen(LinkType::RAW, build), Seen { tunnels: vec![(kind, id)], payload: b"data".to_vec() });
    }

    /// It is the UDP datagram that it is.
    #[track_caller]
    fn is_plain(build: &Build) {
        let payload = build.bytes[28..].to_vec();
        assert_eq!(seen(LinkType::RAW, build), Seen { tunnels: vec![], payload });
    }

    #[test]
    fn vxlan_carries_frames_under_its_network() {
        carries(&framed().vxlan(7), TunnelKind::Vxlan, Some(7));
        carries(&six().vlan(0x86dd, 5).ethernet(0x8100).vxlan(0xff_ffff), TunnelKind::Vxlan, Some(0xff_ffff));
        let group_policy = framed().front(&[0x88, 0, 0, 3, 0, 0, 7, 0]);
        carries(&group_policy.clone().udp(4789), TunnelKind::Vxlan, Some(7));
        is_plain(&group_policy.udp(4000));
    }

    #[test]
    fn vxlan_gpe_carries_what_it_says() {
        let kind = TunnelKind::VxlanGpe;
        carries(&four().vxlan_gpe(1, 8), kind, Some(8));
        carries(&six().vxlan_gpe(2, 8), kind, Some(8));
        carries(&framed().vxlan_gpe(3, 8), kind, Some(8));
        carries(&framed().nsh(3).vxlan_gpe(4, 8), kind, Some(8));
        carries(&four().mpls(&[16]).vxlan_gpe(5, 8), kind, Some(8));
        is_plain(&four().vxlan_gpe(99, 8));
    }

    #[test]
    fn geneve_carries_what_it_says_after_its_options() {
        for options in [&[][..], &[1; 4], &[2; 252]] {
            carries(&framed().geneve(0x6558, options), TunnelKind::Geneve, Some(9));
            carries(&four().geneve(0x0800, options), TunnelKind::Geneve, Some(9));
            carries(&six().geneve(0x86dd, options), TunnelKind::Geneve, Some(9));
        }
    }

    #[test]
    fn gtp_carries_ip_ppp_and_ethernet_after_its_extensions() {
        let chain = [0, 1, 0, 0x85, 1, 2, 3, 0xc0, 2, 0, 0, 0, 0, 0, 0, 0];
        for (flags, optional) in [(0, &[][..]), (1, &[0; 4]), (2, &[1, 2, 0, 0x85]), (7, &chain)] {
            for build in [four(), six(), four().front(&[0xff, 3, 0, 0x21]), four().front(&[0x21]), framed()] {
                carries(&build.gtp(flags, optional), TunnelKind::GtpU, Some(0x102));
            }
        }
        is_plain(&four().gtp(4, &[0, 1, 0, 0x85, 0, 2, 3, 0xc0]));
        is_plain(&four().gtp(4, &[0, 1, 0, 0x85, 255, 2, 3, 0xc0]));
    }

    #[test]
    fn teredo_carries_ipv6_after_its_indications() {
        let authentication = [0, 1, 2, 3, 1, 1, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let origin = [0, 0, 1, 2, 3, 4, 5, 6];
        let kind = TunnelKind::Teredo;
        carries(&six().udp(3544), kind, None);
        carries(&six().front(&origin).udp(3544), kind, None);
        carries(&six().front(&authentication).udp(3544), kind, None);
        carries(&six().front(&origin).front(&authentication).udp(3544), kind, None);
        let mut peers = six();
        peers.bytes[8..12].copy_from_slice(&[0x20, 1, 0, 0]);
        carries(&peers.clone().udp(50_000), kind, None);
        peers.bytes.push(0);
        is_plain(&peers.udp(50_000));
        is_plain(&six().udp(50_000));
    }

    #[test]
    fn labels_and_ip_are_in_udp() {
        carries(&four().mpls(&[16, 17]).udp(6635), TunnelKind::Mpls, None);
        carries(&four().udp(5555), TunnelKind::Fou, None);
        carries(&six().udp(5555), TunnelKind::Fou, None);
        carries(&four().checksum().udp(999), TunnelKind::Fou, None);
        is_plain(&four().udp(999));
    }

    #[test]
    fn gue_carries_an_ip_protocol() {
        carries(&four().udp(6080), TunnelKind::Gue, None);
        carries(&four().front(&[0, 4, 0, 0]).udp(6080), TunnelKind::Gue, None);
        carries(&six().front(&[1, 41, 0, 0, 1, 2, 3, 4]).udp(6080), TunnelKind::Gue, None);
        carries(
            &framed().front(&[0x20, 0, 0x65, 0x58, 0, 0, 0, 3]).front(&[0, 47, 0, 0]).udp(6080),
            TunnelKind::Gue,
            Some(3),
        );
    }

    #[test]
    fn strict_headers_are_known_on_any_port() {
        for port in [4000, 47_101] {
            let vxlan = framed().front(&[8, 0, 0, 0, 0, 0, 7, 0]);
            carries(&vxlan.clone().udp(port), TunnelKind::Vxlan, Some(7));
            let geneve = framed().front(&[1, 0, 0x65, 0x58, 0, 0, 9, 0, 0, 0, 0, 0]);
            carries(&geneve.clone().udp(port), TunnelKind::Geneve, Some(9));
            for mut build in [vxlan, geneve] {
                build.bytes.push(0);
                is_plain(&build.clone().udp(port));
                build.bytes.pop();
                build.bytes[7] = 1;
                is_plain(&build.udp(port));
            }
        }
    }

    #[test]
    fn other_payloads_are_plain_on_every_port() {
        let payloads: [&[u8]; 6] = [
            // QUIC with a long and a short header, DTLS 1.2 and 1.3, DNS, STUN.
            &[0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8],
            &[0x45, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
            &[0x16, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0x2f, 0, 1, 0, 3, 1, 2, 3],
            &[0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3],
            &[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        ];
        for payload in payloads {
            for length in [payload.len(), 60, 1200] {
                let mut bytes = payload.to_vec();
                bytes.resize(length, 0xa7);
                for port in [443, VXLAN, VXLAN_OLD, VXLAN_GPE, GENEVE, GTP_U, TEREDO, L2TP, MPLS_PORT, FOU, GUE] {
                    is_plain(&Build { bytes: bytes.clone() }.udp(port));
                }
            }
        }
    }

    #[test]
    fn a_tunnel_that_carries_no_ip_is_a_datagram() {
        let arp = Build { bytes: vec![0; 28] }.ethernet(0x0806);
        is_plain(&arp.clone().vxlan(7));
        is_plain(&arp.geneve(0x6558, &[]));
    }
}
