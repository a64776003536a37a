//! The headers that capture programs put before a frame: PPI, PKTAP, Prism and AVS, nflog.
//!
//! In: a frame. Out: what they carry and its link type. Does not read what they tell of the radio or the process.

use super::super::Skip;
use super::super::inside::{Inside, split};
use crate::capture::LinkType;

/// Per-Packet Information (<https://www.tcpdump.org/linktypes/LINKTYPE_PPI.html>): all numbers are little-endian.
pub(super) fn ppi(data: &[u8]) -> Result<(LinkType, &[u8]), Skip<'_>> {
    let (&[_version, _flags, l0, l1, d0, d1, d2, d3], _) = split::<8>(data)?;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    carried(data, Header { length, least: 8, link: u32::from_le_bytes([d0, d1, d2, d3]) })
}

/// macOS' packets of all interfaces: length, kind of record and link type, little-endian on every machine there is.
pub(super) fn pktap(data: &[u8]) -> Result<(LinkType, &[u8]), Skip<'_>> {
    let (&[l0, l1, l2, l3, kind, _, _, _, d0, d1, d2, d3], _) = split::<12>(data)?;
    if kind != PKTAP_PACKET {
        return Err(Skip::NotIp);
    }
    let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
    carried(data, Header { length, least: 12, link: u32::from_le_bytes([d0, d1, d2, d3]) })
}

/// A header that tells its own length and what follows.
struct Header {
    length: usize,
    least: usize,
    link: u32,
}

fn carried(data: &[u8], header: Header) -> Result<(LinkType, &[u8]), Skip<'_>> {
    let link = u16::try_from(header.link).map_err(|_| Skip::UnknownLink)?;
    if header.length < header.least {
        return Err(Skip::Malformed);
    }
    data.get(header.length..).map(|rest| (LinkType(link), rest)).ok_or(Skip::Malformed)
}

/// The 802.11 frame after a Prism header, whose length is in the byte order of the machine that captured, or after an
/// AVS header, which says what it is and is big-endian.
pub(super) fn prism(data: &[u8]) -> Result<&[u8], Skip<'_>> {
    let (&[m0, m1, m2, m3, l0, l1, l2, l3], _) = split::<8>(data)?;
    let big = u32::from_be_bytes([l0, l1, l2, l3]);
    let little = u32::from_le_bytes([l0, l1, l2, l3]);
    let avs = u32::from_be_bytes([m0, m1, m2, m3]) & AVS_MASK == AVS_MAGIC;
    // A header is some hundred bytes long: in the wrong order the number is millions.
    let length = usize::try_from(if avs { big } else { big.min(little) }).unwrap_or(usize::MAX);
    if length < 8 {
        return Err(Skip::Malformed);
    }
    data.get(length..).ok_or(Skip::Malformed)
}

/// Netfilter's log (<https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html>): a header, then attributes, of which one is
/// the packet. Their numbers are in the byte order of the machine that captured.
pub(super) fn nflog(data: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    let (&[_family, version, _, _], attributes) = split::<4>(data)?;
    if version != 0 {
        return Err(Skip::Malformed);
    }
    payload(attributes, u16::from_le_bytes)
        .or_else(|| payload(attributes, u16::from_be_bytes))
        .map(Inside::Ip)
        .ok_or(Skip::Malformed)
}

/// The attribute that holds the packet: each has its length, header included, and its type, and ends at a multiple of
/// four bytes.
fn payload(attributes: &[u8], number: fn([u8; 2]) -> u16) -> Option<&[u8]> {
    let mut rest = attributes;
    while let Some((&[l0, l1, t0, t1], after)) = rest.split_first_chunk() {
        let body = usize::from(number([l0, l1])).checked_sub(4)?;
        if number([t0, t1]) & NFLOG_TYPE == NFLOG_PAYLOAD {
            // The snap length may have cut it.
            return Some(after.get(..body).unwrap_or(after));
        }
        rest = after.get(body.next_multiple_of(4)..)?;
    }
    None
}

const PKTAP_PACKET: u8 = 1;
const AVS_MASK: u32 = 0xffff_f000;
const AVS_MAGIC: u32 = 0x8021_1000;
const NFLOG_PAYLOAD: u16 = 9;
/// The two highest bits are netlink's flags.
const NFLOG_TYPE: u16 = 0x3fff;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::super::testing::{Build, carries, four, frame, payload, segment};
    use super::*;

    #[test]
    fn ppi_tells_the_link_inside() {
        carries(LinkType::PPI, &four().wifi(8, 1).front(&[0, 0, 8, 0, 105, 0, 0, 0]));
        carries(LinkType::PPI, &four().ethernet(0x0800).front(&[0, 0, 12, 0, 1, 0, 0, 0, 9, 9, 9, 9]));
        let nested = (0..5).fold(four(), |build, _| build.front(&[0, 0, 8, 0, 192, 0, 0, 0]));
        assert_eq!(payload(&frame(LinkType::PPI, &nested.bytes)), Err("Malformed".into()));
        let short = four().front(&[0, 0, 7, 0, 1, 0, 0, 0]);
        assert_eq!(payload(&frame(LinkType::PPI, &short.bytes)), Err("Malformed".into()));
    }

    #[test]
    fn pktap_tells_the_link_inside() {
        for link in [LinkType::PKTAP, LinkType(149)] {
            carries(link, &four().ethernet(0x0800).front(&[16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 7, 7, 7]));
            carries(link, &four().front(&[12, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0]));
        }
    }

    #[test]
    fn prism_and_avs_headers_are_stepped_over() {
        for (length, magic) in [([0x90, 0, 0, 0], [0x44, 0, 0, 0]), ([0, 0, 0, 0x90], [0, 0, 0, 0x44])] {
            let header = [&magic[..], &length[..], &[0; 136][..]].concat();
            carries(LinkType::PRISM, &four().wifi(0x88, 1).front(&header));
        }
        let avs = [&[0x80, 0x21, 0x10, 0x01, 0, 0, 0, 64][..], &[0; 56][..]].concat();
        carries(LinkType::PRISM, &four().wifi(8, 1).front(&avs));
        carries(LinkType::IEEE802_11_AVS, &four().wifi(8, 1).front(&avs));
    }

    #[test]
    fn nflog_carries_the_packet_in_either_byte_order() {
        carries(LinkType::NFLOG, &four().nflog());
        carries(LinkType::NFLOG, &Build::tcp6(&segment(b"data")).nflog());
        let length = four().bytes.len() as u8 + 4;
        let big = four().front(&[10, 0, 0, 5, 0, 6, 0, 10, 1, 2, 0, 0, 0, length, 0, 9]);
        carries(LinkType::NFLOG, &big);
        let none = Build { bytes: vec![2, 0, 0, 5, 8, 0, 10, 0, 1, 2, 3, 4] };
        assert_eq!(payload(&frame(LinkType::NFLOG, &none.bytes)), Err("Malformed".into()));
    }
}
