//! GRE (RFC 2784, RFC 2890), PPTP's version of it (RFC 2637), and what is particular to it: ERSPAN, WCCP.
//!
//! In: what follows an IP header or GUE's. Out: the tunnel's header.

use super::super::Skip;
use super::super::inside::{Inside, split};
use super::{Header, TunnelKind};

pub(super) fn read(data: &[u8]) -> Result<Header<'_>, Skip<'_>> {
    let (&[flags, low, p0, p1], mut rest) = split::<4>(data)?;
    let protocol = u16::from_be_bytes([p0, p1]);
    let mut word = |flag: bool| -> Result<Option<u32>, Skip<'_>> {
        if !flag {
            return Ok(None);
        }
        let (word, after) = split::<4>(rest)?;
        rest = after;
        Ok(Some(u32::from_be_bytes(*word)))
    };
    match low & VERSION {
        // Source routes went with RFC 2784.
        0 if flags & ROUTING == 0 => {
            let _checksum = word(flags & CHECKSUM != 0)?;
            let key = word(flags & KEY != 0)?;
            let sequence = word(flags & SEQUENCE != 0)?;
            match protocol {
                ERSPAN => erspan(rest, sequence.is_some()),
                ERSPAN_III => erspan_iii(rest),
                WCCP => Ok(Header { kind: TunnelKind::Gre, id: key, inside: wccp(rest) }),
                _ => Ok(Header { kind: TunnelKind::Gre, id: key, inside: Inside::Typed(protocol, rest) }),
            }
        }
        1 if flags & KEY != 0 && protocol == PPP => {
            let length_and_call = word(true)?.unwrap_or_default();
            let payload = word(flags & SEQUENCE != 0)?;
            let _acknowledgement = word(low & ACKNOWLEDGEMENT != 0)?;
            // A packet without a sequence number acknowledges and carries nothing.
            if payload.is_none() {
                return Err(Skip::OtherTransport);
            }
            let length = usize::try_from(length_and_call >> 16).unwrap_or(usize::MAX);
            let inside = Inside::Ppp(rest.get(..length).unwrap_or(rest));
            Ok(Header { kind: TunnelKind::Gre, id: Some(length_and_call & 0xffff), inside })
        }
        _ => Err(Skip::OtherTransport),
    }
}

/// Type II has a header of eight bytes, and always a sequence number in GRE's; type I has neither
/// (draft-foschiano-erspan, section 4).
fn erspan(data: &[u8], sequence: bool) -> Result<Header<'_>, Skip<'_>> {
    match data {
        [0x10..=0x1f, _, s0, s1, _, _, _, _, frame @ ..] if sequence => Ok(mirrored(Some([*s0, *s1]), frame)),
        _ => Ok(mirrored(None, data)),
    }
}

/// Twelve bytes and, if the last bit of them says so, eight more that depend on the platform.
fn erspan_iii(data: &[u8]) -> Result<Header<'_>, Skip<'_>> {
    let (&[version, _, s0, s1, .., kind, optional], rest) = split::<12>(data)?;
    if version >> 4 != 2 {
        return Err(Skip::Malformed);
    }
    let rest = if optional & 1 == 1 { split::<8>(rest)?.1 } else { rest };
    let header = mirrored(Some([s0, s1]), rest);
    // The frame type: whole frames, or IP packets alone.
    Ok(if kind >> 2 & 0x1f == 2 { Header { inside: Inside::Ip(rest), ..header } } else { header })
}

/// A session's number has ten bits.
fn mirrored(session: Option<[u8; 2]>, frame: &[u8]) -> Header<'_> {
    let id = session.map(|bytes| u32::from(u16::from_be_bytes(bytes) & 0x03ff));
    Header { kind: TunnelKind::Erspan, id, inside: Inside::Ethernet(frame) }
}

/// Version 2 of the web cache protocol has four bytes before the packet, version 1 none, and both have one number.
fn wccp(data: &[u8]) -> Inside<'_> {
    match data {
        [first, ..] if first >> 4 == 4 => Inside::Ip(data),
        [_, _, _, _, rest @ ..] => Inside::Ip(rest),
        _ => Inside::Ip(&[]),
    }
}

const CHECKSUM: u8 = 0x80;
const ROUTING: u8 = 0x40;
const KEY: u8 = 0x20;
const SEQUENCE: u8 = 0x10;
/// In the second byte.
const ACKNOWLEDGEMENT: u8 = 0x80;
const VERSION: u8 = 0x07;

const ERSPAN_III: u16 = 0x22eb;
const PPP: u16 = 0x880b;
const WCCP: u16 = 0x883e;
const ERSPAN: u16 = 0x88be;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::super::testing::{Build, Seen, four, seen, segment};
    use super::super::super::{Skip, Trail, decode};
    use super::*;
    use crate::capture::LinkType;

    #[track_caller]
    fn carries(build: &Build, kind: TunnelKind, id: Option<u32>) {
        assert_eq!(seen(LinkType::RAW, build), Seen { tunnels: vec![(kind, id)], payload: b"data".to_vec() });
    }

    #[test]
    fn gre_carries_ip_ethernet_labels_and_ppp() {
        let six = || Build::tcp6(&segment(b"data"));
        carries(&four().gre(0x0800), TunnelKind::Gre, None);
        carries(&six().gre(0x86dd), TunnelKind::Gre, None);
        carries(&four().ethernet(0x0800).gre(0x6558), TunnelKind::Gre, None);
        carries(&four().mpls(&[16]).gre(0x8847), TunnelKind::Gre, None);
        carries(&four().nsh(1).gre(0x894f), TunnelKind::Gre, None);
        carries(&four().front(&[0xff, 3, 0, 0x21]).gre(0x880b), TunnelKind::Gre, None);
        carries(&six().front(&[0, 0, 0x86, 0xdd]).ip6(47), TunnelKind::Gre, None);
    }

    #[test]
    fn options_come_in_their_order() {
        for flags in 0..8u8 {
            let mut header = vec![(flags & 4) << 5 | (flags & 2) << 4 | (flags & 1) << 4, 0, 8, 0];
            let mut key = None;
            for (bit, word) in [(4, [1u8, 1, 0, 0]), (2, [0, 0, 0, 7]), (1, [0, 0, 9, 9])] {
                if flags & bit != 0 {
                    header.extend(word);
                    key = key.or((bit == 2).then_some(7));
                }
            }
            carries(&four().front(&header).ip4(47), TunnelKind::Gre, key);
        }
    }

    #[test]
    fn routes_and_unknown_versions_are_no_tunnel() {
        for header in [[0x40, 0, 8, 0], [0, 2, 8, 0], [0, 1, 8, 0], [0x20, 1, 8, 0]] {
            let build = four().front(&header).ip4(47);
            let frame = super::super::super::testing::frame(LinkType::RAW, &build.bytes);
            assert!(matches!(decode(&frame, &mut Trail::default()), Err(Skip::OtherTransport)), "{header:?}");
        }
    }

    #[test]
    fn pptp_carries_ppp_under_its_call() {
        let ppp = four().front(&[0xff, 3, 0, 0x21]);
        let length = ppp.bytes.len() as u8;
        carries(&ppp.front(&[0x30, 1, 0x88, 0x0b, 0, length, 0, 5, 0, 0, 0, 1]).ip4(47), TunnelKind::Gre, Some(5));
        let ppp = four().front(&[0x21]);
        let length = ppp.bytes.len() as u8;
        let header = [0x30, 0x81, 0x88, 0x0b, 0, length, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2];
        carries(&ppp.front(&header).ip4(47), TunnelKind::Gre, Some(6));
        let acknowledgement = Build { bytes: vec![0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 6, 0, 0, 0, 2] }.ip4(47);
        let frame = super::super::super::testing::frame(LinkType::RAW, &acknowledgement.bytes);
        assert!(matches!(decode(&frame, &mut Trail::default()), Err(Skip::OtherTransport)));
    }

    #[test]
    fn erspan_of_all_types_carries_frames_under_its_session() {
        let frame = || four().ethernet(0x0800);
        carries(&frame().gre(0x88be), TunnelKind::Erspan, None);
        let sequence = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1];
        carries(&frame().front(&[0x10, 5, 0xfc, 9, 0, 0, 0, 1]).front(&sequence).ip4(47), TunnelKind::Erspan, Some(9));
        let sequence = [0x10, 0, 0x22, 0xeb, 0, 0, 0, 1];
        let third = [0x20, 5, 0x01, 0x23, 0, 0, 0, 0, 0, 0, 0, 0];
        carries(&frame().front(&third).front(&sequence).ip4(47), TunnelKind::Erspan, Some(0x123));
        let platform = [0x20, 5, 0x01, 0x23, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0];
        carries(&frame().front(&platform).front(&sequence).ip4(47), TunnelKind::Erspan, Some(0x123));
        let packets = [0x20, 5, 0x01, 0x23, 0, 0, 0, 0, 0, 0, 0x08, 0];
        carries(&four().front(&packets).front(&sequence).ip4(47), TunnelKind::Erspan, Some(0x123));
    }

    #[test]
    fn wccp_carries_ip_with_and_without_its_header() {
        carries(&four().gre(0x883e), TunnelKind::Gre, None);
        carries(&four().front(&[0, 1, 2, 3]).gre(0x883e), TunnelKind::Gre, None);
    }
}
