//! L2TP's data messages: version 2 (RFC 2661) with PPP, version 3 (RFC 3931) with Ethernet, PPP or IP.
//!
//! In: a UDP payload, or what follows an IP header. Out: the packet in the session. Version 3 does not tell on the
//! wire how long a session's cookie is, nor what the session carries: each place that the packet can begin at is tried.

use super::super::inside::{Fit, Inside, split};
use super::super::ip::Body;
use super::super::{Skip, Vlans};
use super::{Header, Opened, TunnelKind};

/// The header over UDP; version 3 has four bytes before its session.
pub(super) fn over_udp(data: &[u8], cut: usize, vlans: Vlans) -> Result<Opened<'_>, Skip<'_>> {
    let (&[flags, version], rest) = split::<2>(data)?;
    if flags & CONTROL != 0 {
        return Err(Skip::OtherTransport);
    }
    match version & 0x0f {
        2 => v2(flags, rest)?.open(vlans),
        3 => match split::<2>(rest)? {
            ([0, 0], rest) => session(rest, cut, vlans),
            _ => Err(Skip::NotIp),
        },
        _ => Err(Skip::NotIp),
    }
}

/// Session zero is that of control messages.
pub(super) fn over_ip(body: Body<'_>, vlans: Vlans) -> Result<Opened<'_>, Skip<'_>> {
    session(body.bytes, body.cut, vlans)
}

/// RFC 2661, section 3.1.
fn v2(flags: u8, data: &[u8]) -> Result<Header<'_>, Skip<'_>> {
    let rest = if flags & LENGTH != 0 { split::<2>(data)?.1 } else { data };
    let (tunnel_and_session, rest) = split::<4>(rest)?;
    let rest = if flags & SEQUENCE != 0 { split::<4>(rest)?.1 } else { rest };
    let rest = if flags & OFFSET != 0 {
        let (size, rest) = split::<2>(rest)?;
        rest.get(usize::from(u16::from_be_bytes(*size))..).ok_or(Skip::Malformed)?
    } else {
        rest
    };
    Ok(Header { kind: TunnelKind::L2tp, id: Some(u32::from_be_bytes(*tunnel_and_session)), inside: Inside::Ppp(rest) })
}

/// RFC 3931, section 4.1: the session, a cookie of none, four or eight bytes, and a sublayer of four bytes or none.
fn session(data: &[u8], cut: usize, vlans: Vlans) -> Result<Opened<'_>, Skip<'_>> {
    let (id, rest) = split::<4>(data)?;
    if *id == [0; 4] {
        return Err(Skip::OtherTransport);
    }
    let kind = TunnelKind::L2tp;
    for skipped in [4, 0, 8, 12] {
        let Some(rest) = rest.get(skipped..) else { continue };
        for inside in [Inside::Ethernet(rest), Inside::Ip(rest), Inside::Ppp(rest)] {
            if let Ok(opened) = (Header { kind, id: Some(u32::from_be_bytes(*id)), inside }).open(vlans)
                && opened.network.holds(Fit::Exact, cut)
            {
                return Ok(opened);
            }
        }
    }
    Err(Skip::NotIp)
}

const CONTROL: u8 = 0x80;
const LENGTH: u8 = 0x40;
const SEQUENCE: u8 = 0x08;
const OFFSET: u8 = 0x02;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::super::testing::{Build, Seen, four, seen};
    use super::*;
    use crate::capture::LinkType;

    #[track_caller]
    fn carries(build: &Build, id: u32) {
        let tunnels = vec![(TunnelKind::L2tp, Some(id))];
        assert_eq!(seen(LinkType::RAW, build), Seen { tunnels, payload: b"data".to_vec() });
    }

    #[test]
    fn version_two_carries_ppp_after_its_options() {
        for ppp in [&[0xff, 3, 0, 0x21][..], &[0xff, 3, 0x21], &[0, 0x21], &[0x21]] {
            carries(&four().front(ppp).front(&[0, 2, 0, 7, 0, 9]).udp(1701), 7 << 16 | 9);
            carries(&four().front(ppp).front(&[0x40, 2, 0, 50, 0, 7, 0, 9]).udp(1701), 7 << 16 | 9);
            let header = [0x4a, 2, 0, 50, 0, 7, 0, 9, 0, 1, 0, 2, 0, 3, 1, 2, 3];
            carries(&four().front(ppp).front(&header).udp(1701), 7 << 16 | 9);
        }
    }

    #[test]
    fn control_messages_are_no_tunnel() {
        let build = four().front(&[0, 0x21]).front(&[0xc8, 2, 0, 50, 0, 7, 0, 9, 0, 0, 0, 0]).udp(1701);
        assert_eq!(seen(LinkType::RAW, &build).tunnels, []);
    }

    #[test]
    fn version_three_carries_a_frame_after_any_cookie_and_sublayer() {
        for skipped in [0, 4, 8, 12] {
            let pad = vec![0x5a; skipped];
            let frame = || four().ethernet(0x0800).front(&pad);
            carries(&frame().front(&[0, 0, 3, 4]).ip4(115), 0x304);
            carries(&frame().front(&[0, 3, 0, 0, 0, 0, 3, 4]).udp(1701), 0x304);
            carries(&four().front(&pad).front(&[0, 0, 3, 4]).ip4(115), 0x304);
            carries(&four().front(&[0xff, 3, 0, 0x21]).front(&pad).front(&[0, 0, 3, 4]).ip4(115), 0x304);
        }
    }
}
