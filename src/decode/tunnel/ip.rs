//! Tunnels that have an IP protocol number of their own.
//!
//! In: what follows an IP header. Out: the packet in the tunnel.

use super::super::Skip;
use super::super::Vlans;
use super::super::inside::{Inside, MPLS, NSH, split};
use super::super::ip::Body;
use super::{Header, Opened, TunnelKind, gre, l2tp};

/// [`Skip::OtherTransport`] where the protocol is no tunnel.
#[inline(never)]
pub(in super::super) fn open_ip(body: Body<'_>, vlans: Vlans) -> Result<Opened<'_>, Skip<'_>> {
    let plain = |kind, inside| Header { kind, id: None, inside };
    let header = match body.protocol {
        IPV4_IN_IP | IPV6_IN_IP => plain(TunnelKind::IpIp, Inside::Ip(body.bytes)),
        GRE => gre::read(body.bytes)?,
        // RFC 3378, section 3: two bytes, of which only the version is no zero.
        ETHER_IP => plain(TunnelKind::EtherIp, Inside::Ethernet(split::<2>(body.bytes)?.1)),
        L2TP => return l2tp::over_ip(body, vlans),
        MPLS_IN_IP => plain(TunnelKind::Mpls, Inside::Typed(MPLS, body.bytes)),
        NSH_IN_IP => plain(TunnelKind::Nsh, Inside::Typed(NSH, body.bytes)),
        _ => return Err(Skip::OtherTransport),
    };
    header.open(vlans)
}

const IPV4_IN_IP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
pub(super) const GRE: u8 = 47;
const ETHER_IP: u8 = 97;
const L2TP: u8 = 115;
const MPLS_IN_IP: u8 = 137;
const NSH_IN_IP: u8 = 145;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::super::testing::{Build, Seen, seen, segment};
    use super::*;
    use crate::capture::LinkType;

    #[track_caller]
    fn carries(build: &Build, kind: TunnelKind) {
        assert_eq!(seen(LinkType::RAW, build), Seen { tunnels: vec![(kind, None)], payload: b"data".to_vec() });
    }

    #[test]
    fn either_version_is_in_either() {
        let (four, six) = (|| Build::tcp4(&segment(b"data")), || Build::tcp6(&segment(b"data")));
        carries(&four().ip4(4), TunnelKind::IpIp);
        carries(&six().ip4(41), TunnelKind::IpIp);
        carries(&four().ip6(4), TunnelKind::IpIp);
        carries(&six().ip6(41), TunnelKind::IpIp);
    }

    #[test]
    fn ethernet_labels_and_service_headers_are_in_ip() {
        let four = || Build::tcp4(&segment(b"data"));
        carries(&four().ethernet(0x0800).front(&[0x30, 0]).ip4(97), TunnelKind::EtherIp);
        carries(&four().mpls(&[16, 17]).ip4(137), TunnelKind::Mpls);
        carries(&four().nsh(1).ip4(145), TunnelKind::Nsh);
        carries(&four().ethernet(0x0800).nsh(3).ip4(145), TunnelKind::Nsh);
    }
}
