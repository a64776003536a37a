//! What a frame's link layer carries: Ethernet and its tags, MPLS, PPP, Linux cooked frames, raw IP.
//!
//! In: a [`Frame`]. Out: the IP packet in it, to the frame's end, and the VLAN tags it wore. Layers that only wrap
//! are stepped through to a bounded depth.

use super::{Skip, Vlans};
use crate::capture::{Frame, LinkType};

/// An IP packet and what follows it in the frame.
#[derive(Debug, Clone, Copy)]
pub(super) enum Network<'a> {
    V4(&'a [u8]),
    V6(&'a [u8]),
}

#[inline(always)]
pub(super) fn network<'a>(frame: &Frame<'a>) -> Result<(Network<'a>, Vlans), Skip<'a>> {
    if frame.link == LinkType::ETHERNET {
        let (ethertype, rest) = ethernet(frame.data)?;
        match ethertype {
            IPV4 => return Ok((Network::V4(rest), Vlans::default())),
            IPV6 => return Ok((Network::V6(rest), Vlans::default())),
            _ => return tagged(ethertype, rest),
        }
    }
    other(frame)
}

#[inline(never)]
fn other<'a>(frame: &Frame<'a>) -> Result<(Network<'a>, Vlans), Skip<'a>> {
    let data = frame.data;
    let (ethertype, rest) = match frame.link {
        LinkType::RAW | RAW_DLT | RAW_DLT_OPENBSD => return untagged(by_version(data)?),
        LinkType::IPV4 => return untagged(Network::V4(data)),
        LinkType::IPV6 => return untagged(Network::V6(data)),
        LinkType::NULL | LinkType::LOOP => return untagged(loopback(data)?),
        LinkType::PPP | LinkType::PPP_HDLC | C_HDLC => ppp_framed(data)?,
        LinkType::PPP_ETHER => pppoe(data)?,
        LinkType::LINUX_SLL => {
            let ([.., hi, lo], rest) = split::<16>(data)?;
            (u16::from_be_bytes([*hi, *lo]), rest)
        }
        LinkType::LINUX_SLL2 => {
            let ([hi, lo, ..], rest) = split::<20>(data)?;
            (u16::from_be_bytes([*hi, *lo]), rest)
        }
        _ => return Err(Skip::UnknownLink),
    };
    tagged(ethertype, rest)
}

/// Steps through whatever wraps the IP packet above the first header.
#[inline(never)]
fn tagged<'a>(ethertype: u16, rest: &'a [u8]) -> Result<(Network<'a>, Vlans), Skip<'a>> {
    let (mut ethertype, mut rest) = (ethertype, rest);
    let mut vlans = Vlans::default();
    for _ in 0..LAYERS_MAX {
        (ethertype, rest) = match ethertype {
            IPV4 => return Ok((Network::V4(rest), vlans)),
            IPV6 => return Ok((Network::V6(rest), vlans)),
            VLAN | QINQ | QINQ_OLD | QINQ_OLDER => {
                let (&[t0, t1, e0, e1], inside) = split::<4>(rest)?;
                let id = u16::from_be_bytes([t0, t1]) & 0x0fff;
                match vlans {
                    Vlans { outer: None, .. } => vlans.outer = Some(id),
                    Vlans { inner: None, .. } => vlans.inner = Some(id),
                    _ => {}
                }
                (u16::from_be_bytes([e0, e1]), inside)
            }
            MPLS | MPLS_MULTICAST => match mpls(rest)? {
                Labelled::Ip(network) => return Ok((network, vlans)),
                Labelled::Ethernet(inside) => ethernet(inside)?,
            },
            PPPOE_SESSION => pppoe(rest)?,
            CISCO_METADATA => {
                let (&[_version, words], _) = split::<2>(rest)?;
                let options = rest.get(usize::from(words).saturating_mul(4).saturating_add(2)..);
                let (&[e0, e1], inside) = split::<2>(options.ok_or(Skip::Malformed)?)?;
                (u16::from_be_bytes([e0, e1]), inside)
            }
            0..=LENGTH_MAX => llc(rest)?,
            _ => return Err(Skip::NotIp),
        };
    }
    Err(Skip::Malformed)
}

#[inline(always)]
fn ethernet(data: &[u8]) -> Result<(u16, &[u8]), Skip<'_>> {
    let ([.., hi, lo], rest) = split::<14>(data)?;
    Ok((u16::from_be_bytes([*hi, *lo]), rest))
}

/// What is below a stack of labels (RFC 3032).
enum Labelled<'a> {
    Ip(Network<'a>),
    /// A pseudowire: Ethernet after a control word (RFC 4448, section 4.6).
    Ethernet(&'a [u8]),
}

/// The bottom label says nothing of what it carries: the first nibble tells (RFC 4928, section 3).
fn mpls(data: &[u8]) -> Result<Labelled<'_>, Skip<'_>> {
    let mut rest = data;
    for _ in 0..LABELS_MAX {
        let (&[_, _, bottom, _], inside) = split::<4>(rest)?;
        rest = inside;
        if bottom & 1 == 1 {
            return match rest.first().map(|byte| byte >> 4) {
                Some(0) => split::<4>(rest).map(|(_, inside)| Labelled::Ethernet(inside)),
                _ => by_version(rest).map(Labelled::Ip),
            };
        }
    }
    Err(Skip::Malformed)
}

/// The PPPoE session header (RFC 2516, section 4), then PPP.
fn pppoe(data: &[u8]) -> Result<(u16, &[u8]), Skip<'_>> {
    let (&[version_and_type, code, _, _, l0, l1], rest) = split::<6>(data)?;
    if version_and_type != 0x11 || code != 0 {
        return Err(Skip::NotIp);
    }
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    // What follows the length is the Ethernet frame's padding.
    ppp(rest.get(..length).unwrap_or(rest))
}

/// PPP with or without its HDLC-like framing (RFC 1662, section 3.1), and Cisco's framing, which has an EtherType.
fn ppp_framed(data: &[u8]) -> Result<(u16, &[u8]), Skip<'_>> {
    match data {
        [0xff, 0x03, rest @ ..] => ppp(rest),
        [0x0f | 0x8f, 0x00, hi, lo, rest @ ..] => Ok((u16::from_be_bytes([*hi, *lo]), rest)),
        _ => ppp(data),
    }
}

/// The protocol field, of one byte if its low bit says so (RFC 1661, section 2), as an EtherType.
fn ppp(data: &[u8]) -> Result<(u16, &[u8]), Skip<'_>> {
    let (protocol, rest) = match data {
        [short, rest @ ..] if short & 1 == 1 => (u16::from(*short), rest),
        [hi, lo, rest @ ..] => (u16::from_be_bytes([*hi, *lo]), rest),
        _ => return Err(Skip::Malformed),
    };
    match protocol {
        0x0021 => Ok((IPV4, rest)),
        0x0057 => Ok((IPV6, rest)),
        0x0281 => Ok((MPLS, rest)),
        0x0283 => Ok((MPLS_MULTICAST, rest)),
        _ => Err(Skip::NotIp),
    }
}

/// IEEE 802.2: IP's own service access point, or SNAP with an EtherType (RFC 1042).
fn llc(data: &[u8]) -> Result<(u16, &[u8]), Skip<'_>> {
    match data {
        [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00 | 0xf8, hi, lo, rest @ ..] => {
            let ethertype = u16::from_be_bytes([*hi, *lo]);
            if ethertype > LENGTH_MAX { Ok((ethertype, rest)) } else { Err(Skip::NotIp) }
        }
        [0x06, 0x06, 0x03, rest @ ..] => Ok((IPV4, rest)),
        _ => Err(Skip::NotIp),
    }
}

/// The address family, in the byte order of the machine that captured; each system numbers IPv6 differently.
fn loopback(data: &[u8]) -> Result<Network<'_>, Skip<'_>> {
    let (family, rest) = split::<4>(data)?;
    let family = match u32::from_be_bytes(*family) {
        family @ 0..=0xff => family,
        _ => u32::from_le_bytes(*family),
    };
    match family {
        2 => Ok(Network::V4(rest)),
        10 | 24 | 28 | 30 => Ok(Network::V6(rest)),
        _ => Err(Skip::NotIp),
    }
}

fn by_version(data: &[u8]) -> Result<Network<'_>, Skip<'_>> {
    match data.first().map(|byte| byte >> 4) {
        Some(4) => Ok(Network::V4(data)),
        Some(6) => Ok(Network::V6(data)),
        Some(_) => Err(Skip::NotIp),
        None => Err(Skip::Malformed),
    }
}

fn untagged(network: Network<'_>) -> Result<(Network<'_>, Vlans), Skip<'_>> {
    Ok((network, Vlans::default()))
}

#[inline(always)]
fn split<const N: usize>(data: &[u8]) -> Result<(&[u8; N], &[u8]), Skip<'_>> {
    data.split_first_chunk().ok_or(Skip::Malformed)
}

/// Wrapping layers a frame may have: two tags and a tunnel make five.
const LAYERS_MAX: usize = 10;
const LABELS_MAX: usize = 16;

const IPV4: u16 = 0x0800;
const VLAN: u16 = 0x8100;
const IPV6: u16 = 0x86dd;
const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const QINQ: u16 = 0x88a8;
const CISCO_METADATA: u16 = 0x8909;
const QINQ_OLD: u16 = 0x9100;
const QINQ_OLDER: u16 = 0x9200;
/// Up to here the field is the length of an IEEE 802.3 frame, not a type.
const LENGTH_MAX: u16 = 1500;

/// What libpcap writes for raw IP where it is handed its own number instead of the file format's.
const RAW_DLT: LinkType = LinkType(12);
const RAW_DLT_OPENBSD: LinkType = LinkType(14);
const C_HDLC: LinkType = LinkType(104);

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::testing::{Build, frame, payload, segment};
    use super::super::{Skip, Vlans, decode};
    use super::*;

    fn four() -> Build {
        Build::tcp4(&segment(b"data"))
    }

    fn six() -> Build {
        Build::tcp6(&segment(b"data"))
    }

    #[track_caller]
    fn carries(link: LinkType, build: &Build) {
        assert_eq!(payload(&frame(link, &build.bytes)), Ok((b"data".to_vec(), 0)));
    }

    #[track_caller]
    fn vlans(build: &Build) -> Vlans {
        decode(&frame(LinkType::ETHERNET, &build.bytes)).unwrap().vlans
    }

    #[test]
    fn ethernet_carries_both_versions() {
        carries(LinkType::ETHERNET, &four().ethernet(0x0800));
        carries(LinkType::ETHERNET, &six().ethernet(0x86dd));
    }

    #[test]
    fn two_tags_are_kept_and_more_are_stepped_over() {
        assert_eq!(vlans(&four().vlan(0x0800, 5).ethernet(0x8100)), Vlans { outer: Some(5), inner: None });
        for outer in [0x88a8, 0x9100, 0x9200, 0x8100] {
            let build = four().vlan(0x0800, 5).vlan(0x8100, 4095).ethernet(outer);
            assert_eq!(vlans(&build), Vlans { outer: Some(4095), inner: Some(5) });
        }
        let build = four().vlan(0x0800, 1).vlan(0x8100, 2).vlan(0x8100, 3).ethernet(0x88a8);
        assert_eq!(vlans(&build), Vlans { outer: Some(3), inner: Some(2) });
    }

    #[test]
    fn tags_without_end_are_malformed() {
        let mut build = four().vlan(0x0800, 1);
        for _ in 0..20 {
            build = build.vlan(0x8100, 1);
        }
        let build = build.ethernet(0x8100);
        assert!(matches!(decode(&frame(LinkType::ETHERNET, &build.bytes)), Err(Skip::Malformed)));
    }

    #[test]
    fn mpls_labels_are_stepped_over_to_ip() {
        carries(LinkType::ETHERNET, &four().mpls(&[16]).ethernet(0x8847));
        carries(LinkType::ETHERNET, &six().mpls(&[16, 17, 18]).ethernet(0x8848));
        carries(LinkType::ETHERNET, &four().mpls(&[16]).vlan(0x8847, 3).ethernet(0x8100));
    }

    #[test]
    fn a_pseudowire_carries_ethernet_after_its_control_word() {
        let build = four().vlan(0x0800, 9).ethernet(0x8100).front(&[0; 4]).mpls(&[16, 17]).ethernet(0x8847);
        carries(LinkType::ETHERNET, &build);
        assert_eq!(vlans(&build).outer, Some(9));
    }

    #[test]
    fn pppoe_carries_ip_and_its_padding_is_none() {
        let mut build = four().pppoe(0x21).ethernet(0x8864);
        build.bytes.extend([0; 6]);
        carries(LinkType::ETHERNET, &build);
        carries(LinkType::PPP_ETHER, &six().pppoe(0x57));
        let control = four().pppoe(0xc021).ethernet(0x8864);
        assert!(matches!(decode(&frame(LinkType::ETHERNET, &control.bytes)), Err(Skip::NotIp)));
    }

    #[test]
    fn cisco_metadata_is_stepped_over() {
        let build = four().front(&[1, 1, 0, 1, 0, 2, 0x08, 0x00]).ethernet(0x8909);
        carries(LinkType::ETHERNET, &build);
    }

    #[test]
    fn length_frames_carry_ip_in_llc_and_snap() {
        let build = four().front(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
        let length = build.bytes.len() as u16;
        carries(LinkType::ETHERNET, &build.ethernet(length));
        carries(LinkType::ETHERNET, &four().front(&[6, 6, 3]).ethernet(67));
        let spanning_tree = four().front(&[0x42, 0x42, 3]).ethernet(38);
        assert!(matches!(decode(&frame(LinkType::ETHERNET, &spanning_tree.bytes)), Err(Skip::NotIp)));
    }

    #[test]
    fn cooked_frames_carry_ip_and_tags() {
        let sll = [0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        carries(LinkType::LINUX_SLL, &four().front(&[8, 0]).front(&sll));
        carries(LinkType::LINUX_SLL, &six().vlan(0x86dd, 4).front(&[0x81, 0]).front(&sll));
        let sll2 = [0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        carries(LinkType::LINUX_SLL2, &six().front(&sll2).front(&[0x86, 0xdd]));
    }

    #[test]
    fn raw_ip_tells_its_version() {
        for link in [101, 12, 14] {
            carries(LinkType(link), &four());
            carries(LinkType(link), &six());
        }
        carries(LinkType::IPV4, &four());
        carries(LinkType::IPV6, &six());
    }

    #[test]
    fn loopback_families_are_read_in_either_byte_order() {
        for link in [LinkType::NULL, LinkType::LOOP] {
            carries(link, &four().front(&[0, 0, 0, 2]));
            carries(link, &four().front(&[2, 0, 0, 0]));
            for family in [10, 24, 28, 30] {
                carries(link, &six().front(&[0, 0, 0, family]));
                carries(link, &six().front(&[family, 0, 0, 0]));
            }
            let build = six().front(&[7, 0, 0, 0]);
            assert!(matches!(decode(&frame(link, &build.bytes)), Err(Skip::NotIp)));
        }
    }

    #[test]
    fn ppp_is_read_in_all_its_framings() {
        for link in [LinkType::PPP, LinkType::PPP_HDLC] {
            carries(link, &four().front(&[0xff, 3, 0, 0x21]));
            carries(link, &six().front(&[0xff, 3, 0x57]));
            carries(link, &four().front(&[0, 0x21]));
            carries(link, &four().front(&[0x21]));
            carries(link, &four().front(&[0x0f, 0, 8, 0]));
        }
        carries(LinkType(104), &six().front(&[0x8f, 0, 0x86, 0xdd]));
    }

    #[test]
    fn other_protocols_are_not_ip_and_other_links_unknown() {
        let arp = four().ethernet(0x0806);
        assert!(matches!(decode(&frame(LinkType::ETHERNET, &arp.bytes)), Err(Skip::NotIp)));
        assert!(matches!(decode(&frame(LinkType(147), &arp.bytes)), Err(Skip::UnknownLink)));
    }

    #[test]
    fn a_frame_that_ends_in_its_headers_is_malformed() {
        let build = four().vlan(0x0800, 5).ethernet(0x8100);
        let headers = build.bytes.len() - 4;
        for keep in 0..headers {
            let skip = decode(&frame(LinkType::ETHERNET, &build.bytes[..keep]));
            assert!(matches!(skip, Err(Skip::Malformed)), "{keep}");
        }
    }
}
