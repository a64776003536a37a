//! What a frame's link layer carries, by its link type.
//!
//! In: a [`Frame`]. Out: the IP packet in it, to the frame's end, and the VLAN tags it wore. The headers of a capture
//! program stand in [`pseudo`], those of 802.11 in [`wifi`]; what EtherTypes lead to, in [`inside`](super::inside).

mod pseudo;
mod wifi;

use super::inside::{IPV4, IPV6, Inside, Network, VLAN, ethernet, llc, ppp, ppp_framed, pppoe, split};
use super::{Skip, Vlans};
use crate::capture::{Frame, LinkType};

#[inline(always)]
pub(super) fn network<'a>(frame: &Frame<'a>) -> Result<(Network<'a>, Vlans), Skip<'a>> {
    if frame.link == LinkType::ETHERNET {
        let (mut ethertype, mut rest) = ethernet(frame.data)?;
        let mut vlans = Vlans::default();
        // One tag is so usual that it is not stepped through with the rest.
        if ethertype == VLAN {
            (ethertype, rest) = vlans.untag(rest)?;
        }
        return match ethertype {
            IPV4 => Ok((Network::V4(rest), vlans)),
            IPV6 => Ok((Network::V6(rest), vlans)),
            _ => Inside::Typed(ethertype, rest).network(vlans),
        };
    }
    other(frame)
}

#[inline(never)]
fn other<'a>(frame: &Frame<'a>) -> Result<(Network<'a>, Vlans), Skip<'a>> {
    let (mut link, mut data) = (frame.link, frame.data);
    for _ in 0..HEADERS_MAX {
        let carried = match link {
            LinkType::PPI => pseudo::ppi(data)?,
            LinkType::PKTAP | PKTAP_DLT => pseudo::pktap(data)?,
            LinkType::IEEE802_11_RADIOTAP => return wifi::radiotap(data)?.network(Vlans::default()),
            _ => return inside(link, data)?.network(Vlans::default()),
        };
        (link, data) = carried;
    }
    Err(Skip::Malformed)
}

fn inside(link: LinkType, data: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    match link {
        LinkType::ETHERNET => Ok(Inside::Ethernet(data)),
        LinkType::RAW | RAW_DLT | RAW_DLT_OPENBSD => Ok(Inside::Ip(data)),
        LinkType::IPV4 => Ok(Inside::Typed(IPV4, data)),
        LinkType::IPV6 => Ok(Inside::Typed(IPV6, data)),
        LinkType::NULL | LinkType::LOOP => loopback(data),
        LinkType::PPP | LinkType::PPP_HDLC | C_HDLC => ppp_framed(data),
        LinkType::PPP_ETHER => pppoe(data),
        // The address field tells the direction.
        LinkType::PPP_PPPD => ppp(split::<2>(data)?.1),
        LinkType::PPP_WITH_DIR => ppp_framed(split::<1>(data)?.1),
        LinkType::LINUX_SLL => typed::<16>(data, 14),
        LinkType::LINUX_SLL2 => typed::<20>(data, 0),
        // Two addresses of eight bytes, then the type (RFC 2734, as macOS writes it).
        LinkType::APPLE_IP_OVER_IEEE1394 => typed::<18>(data, 16),
        // A global routing header, or zeros in its place; then RFC 4391, section 6.
        LinkType::IPOIB => typed::<44>(data, 40),
        LinkType::ATM_RFC1483 => llc(data),
        LinkType::SUNATM => match split::<4>(data)? {
            // A byte of direction and kind, the path and the circuit.
            ([kind, ..], rest) if kind & 0x0f == SUNATM_LLC => llc(rest),
            _ => Err(Skip::NotIp),
        },
        LinkType::FRELAY => frame_relay(data),
        LinkType::IEEE802_11 => wifi::frame(data, wifi::Padding::None),
        LinkType::PRISM | LinkType::IEEE802_11_AVS => wifi::frame(pseudo::prism(data)?, wifi::Padding::None),
        LinkType::NFLOG => pseudo::nflog(data),
        _ => Err(Skip::UnknownLink),
    }
}

/// A header of `N` bytes with an EtherType `at` a place in it.
fn typed<const N: usize>(data: &[u8], at: usize) -> Result<Inside<'_>, Skip<'_>> {
    let (header, rest) = split::<N>(data)?;
    match header.get(at..) {
        Some([hi, lo, ..]) => Ok(Inside::Typed(u16::from_be_bytes([*hi, *lo]), rest)),
        _ => Err(Skip::Malformed),
    }
}

/// The address family, in the byte order of the machine that captured; each system numbers IPv6 differently.
fn loopback(data: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    let (family, rest) = split::<4>(data)?;
    let family = match u32::from_be_bytes(*family) {
        family @ 0..=0xff => family,
        _ => u32::from_le_bytes(*family),
    };
    match family {
        2 => Ok(Inside::Typed(IPV4, rest)),
        10 | 24 | 28 | 30 => Ok(Inside::Typed(IPV6, rest)),
        _ => Err(Skip::NotIp),
    }
}

/// A Q.922 address, whose last byte has its low bit set; then RFC 2427, section 3, or Cisco's EtherType.
fn frame_relay(data: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    let length = data.iter().take(Q922_MAX).position(|byte| byte & 1 == 1).ok_or(Skip::Malformed)?;
    match data.get(length.saturating_add(1)..).unwrap_or_default() {
        [0x03, 0x00, rest @ ..] | [0x03, rest @ ..] => match rest {
            [0xcc, rest @ ..] => Ok(Inside::Typed(IPV4, rest)),
            [0x8e, rest @ ..] => Ok(Inside::Typed(IPV6, rest)),
            // SNAP's organisation and type.
            [0x80, 0, 0, 0, hi, lo, rest @ ..] => Ok(Inside::Typed(u16::from_be_bytes([*hi, *lo]), rest)),
            [] => Err(Skip::Malformed),
            _ => Err(Skip::NotIp),
        },
        [hi, lo, rest @ ..] => Ok(Inside::Typed(u16::from_be_bytes([*hi, *lo]), rest)),
        _ => Err(Skip::Malformed),
    }
}

/// Headers of capture programs that may stand around each other.
const HEADERS_MAX: usize = 4;
const Q922_MAX: usize = 4;
const SUNATM_LLC: u8 = 2;

/// What libpcap writes for raw IP where it is handed its own number instead of the file format's.
const RAW_DLT: LinkType = LinkType(12);
const RAW_DLT_OPENBSD: LinkType = LinkType(14);
const C_HDLC: LinkType = LinkType(104);
/// As macOS' tcpdump writes it, by the number that others keep for private use.
const PKTAP_DLT: LinkType = LinkType(149);

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::testing::{Build, carries, four, frame, six};
    use super::super::{Skip, Trail, Vlans, decode};
    use super::*;

    #[track_caller]
    fn vlans(build: &Build) -> Vlans {
        decode(&frame(LinkType::ETHERNET, &build.bytes), &mut Trail::default()).unwrap().vlans
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
        assert!(matches!(
            decode(&frame(LinkType::ETHERNET, &build.bytes), &mut Trail::default()),
            Err(Skip::Malformed)
        ));
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
        assert!(matches!(decode(&frame(LinkType::ETHERNET, &control.bytes), &mut Trail::default()), Err(Skip::NotIp)));
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
        assert!(matches!(
            decode(&frame(LinkType::ETHERNET, &spanning_tree.bytes), &mut Trail::default()),
            Err(Skip::NotIp)
        ));
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
            assert!(matches!(decode(&frame(link, &build.bytes), &mut Trail::default()), Err(Skip::NotIp)));
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
        assert!(matches!(decode(&frame(LinkType::ETHERNET, &arp.bytes), &mut Trail::default()), Err(Skip::NotIp)));
        assert!(matches!(decode(&frame(LinkType(147), &arp.bytes), &mut Trail::default()), Err(Skip::UnknownLink)));
    }

    #[test]
    fn a_frame_that_ends_in_its_headers_is_malformed() {
        let build = four().vlan(0x0800, 5).ethernet(0x8100);
        let headers = build.bytes.len() - 4;
        for keep in 0..headers {
            let skip = decode(&frame(LinkType::ETHERNET, &build.bytes[..keep]), &mut Trail::default());
            assert!(matches!(skip, Err(Skip::Malformed)), "{keep}");
        }
    }

    #[test]
    fn a_pseudowire_without_control_word_is_told_by_its_type() {
        let frame = |first: u8| {
            let mut frame = four().ethernet(0x0800);
            frame.bytes[0] = first;
            frame.mpls(&[16]).ethernet(0x8847)
        };
        // The frame's first byte is an address': it may look like a control word's, or IP's.
        for first in [0x02, 0x00, 0x44, 0x62, 0xaa] {
            carries(LinkType::ETHERNET, &frame(first));
        }
        carries(LinkType::ETHERNET, &four().front(&[0, 0x21]).front(&[0; 4]).mpls(&[16]).ethernet(0x8847));
    }

    #[test]
    fn frames_in_frames_are_stepped_into_and_have_their_own_tags() {
        let framed = || four().vlan(0x0800, 9).ethernet(0x8100);
        let tag = Vlans { outer: Some(9), inner: None };
        let builds = [
            framed().front(&[0, 0, 0, 1]).vlan(0x88e7, 5).ethernet(0x88a8),
            framed().front(&[0, 1]).ethernet(0x8903),
            framed().front(&[0, 0x45, 0, 1, 0, 2, 9, 9, 9, 9]).ethernet(0x22f3),
            framed().nsh(3).ethernet(0x894f),
        ];
        for build in builds {
            carries(LinkType::ETHERNET, &build);
            assert_eq!(vlans(&build), tag);
        }
    }

    #[test]
    fn service_headers_and_port_extenders_tags_are_stepped_over() {
        carries(LinkType::ETHERNET, &four().nsh(1).ethernet(0x894f));
        carries(LinkType::ETHERNET, &six().nsh(2).nsh(4).ethernet(0x894f));
        carries(LinkType::ETHERNET, &four().front(&[0, 1, 0, 2, 0, 3, 8, 0]).ethernet(0x893f));
        carries(LinkType::ETHERNET, &four().front(&[0, 1, 0, 2, 8, 0]).ethernet(0x8926));
    }

    #[test]
    fn rare_links_carry_ip() {
        carries(LinkType::PPP_PPPD, &four().front(&[1, 3, 0, 0x21]));
        carries(LinkType::PPP_WITH_DIR, &four().front(&[1, 0xff, 3, 0, 0x21]));
        carries(LinkType::APPLE_IP_OVER_IEEE1394, &four().front(&[8, 0]).front(&[1; 16]));
        carries(LinkType::IPOIB, &six().front(&[0x86, 0xdd, 0, 0]).front(&[0; 40]));
        carries(LinkType::ATM_RFC1483, &four().llc());
        carries(LinkType::SUNATM, &four().llc().front(&[0x82, 0, 0, 33]));
        for header in [
            &[0x18, 0x41, 3, 0xcc][..],
            &[0x18, 0x40, 0, 0x41, 3, 0xcc],
            &[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0],
            &[0x18, 0x41, 8, 0],
        ] {
            carries(LinkType::FRELAY, &four().front(header));
        }
        carries(LinkType::FRELAY, &six().front(&[0x18, 0x41, 3, 0x8e]));
    }
}
