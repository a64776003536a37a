//! The UDP header (RFC 768).
//!
//! In: an IP payload. Out: [`Udp`]. Does not look at what the payload means.

use super::Skip;
use super::packet::Udp;

/// Reads the datagram in `bytes`, of which `cut` more bytes were on the wire.
#[inline(always)]
pub(super) fn decode(bytes: &[u8], cut: usize) -> Result<Udp<'_>, Skip<'_>> {
    let Some((&[s0, s1, d0, d1, l0, l1, _, _], rest)) = bytes.split_first_chunk() else { return Err(Skip::Malformed) };
    // A length of zero is that of a jumbogram (RFC 2675, section 4), or of what is to be segmented by the interface.
    let (payload, cut) = match usize::from(u16::from_be_bytes([l0, l1])).checked_sub(HEADER) {
        None if (l0, l1) != (0, 0) => return Err(Skip::Malformed),
        None => (rest, cut),
        // What follows the length is no part of the datagram; what is missing of it was cut.
        Some(length) => match rest.get(..length) {
            Some(payload) => (payload, 0),
            None if cut > 0 => (rest, length.saturating_sub(rest.len())),
            None => return Err(Skip::Malformed),
        },
    };
    Ok(Udp {
        source_port: u16::from_be_bytes([s0, s1]),
        destination_port: u16::from_be_bytes([d0, d1]),
        payload,
        cut: u32::try_from(cut).unwrap_or(u32::MAX),
    })
}

const HEADER: usize = 8;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    fn datagram(length: u16) -> Vec<u8> {
        let [high, low] = length.to_be_bytes();
        vec![0x9c, 0x40, 0x01, 0xbb, high, low, 0, 0, b'x', b'y', b'z']
    }

    #[test]
    fn the_header_tells_the_length() {
        let (whole, padded) = (datagram(11), datagram(10));
        let udp = decode(&whole, 0).unwrap();
        assert_eq!((udp.source_port, udp.destination_port, udp.payload, udp.cut), (40000, 443, &b"xyz"[..], 0));
        assert_eq!(decode(&padded, 0).unwrap().payload, b"xy");
    }

    #[test]
    fn what_a_snap_length_cut_is_counted_and_a_lie_is_malformed() {
        let bytes = datagram(20);
        let udp = decode(&bytes, 9).unwrap();
        assert_eq!((udp.payload, udp.cut), (&b"xyz"[..], 9));
        assert!(matches!(decode(&bytes, 0), Err(Skip::Malformed)));
        assert!(matches!(decode(&datagram(7), 0), Err(Skip::Malformed)));
        for keep in 0..8 {
            assert!(matches!(decode(&bytes[..keep], 3), Err(Skip::Malformed)), "{keep}");
        }
    }
}
