//! The TCP header (RFC 9293, section 3.1).
//!
//! In: an IP payload. Out: [`Tcp`]. Does not look at sequences, options or what the payload means.

use etherparse::TcpSlice;

use super::Skip;
use super::packet::{Tcp, TcpFlags};

/// Reads the segment in `bytes`, of which `cut` more bytes were on the wire.
#[inline(always)]
pub(super) fn decode(bytes: &[u8], cut: usize) -> Result<Tcp<'_>, Skip<'_>> {
    let tcp = TcpSlice::from_slice(bytes).map_err(|_| Skip::Malformed)?;
    let header = tcp.header_slice();
    Ok(Tcp {
        source_port: tcp.source_port(),
        destination_port: tcp.destination_port(),
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        flags: TcpFlags(*header.get(13).ok_or(Skip::Malformed)?),
        window: tcp.window_size(),
        options: header.get(HEADER..).unwrap_or_default(),
        payload: tcp.payload(),
        cut: u32::try_from(cut).unwrap_or(u32::MAX),
    })
}

const HEADER: usize = 20;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::testing::segment;
    use super::*;

    #[test]
    fn every_field_is_read() {
        let bytes = segment(b"xyz");
        let tcp = decode(&bytes, 5).unwrap();
        assert_eq!((tcp.source_port, tcp.destination_port), (40000, 443));
        assert_eq!((tcp.seq, tcp.ack, tcp.window), (0x0102_0304, 0x0506_0708, 0x1234));
        assert_eq!(tcp.flags, TcpFlags(0x18));
        assert_eq!((tcp.options, tcp.payload, tcp.cut), (&[1u8, 1, 1, 0][..], &b"xyz"[..], 5));
    }

    #[test]
    fn a_header_shorter_than_five_words_is_malformed() {
        let mut bytes = segment(b"");
        bytes[12] = 0x40;
        assert!(matches!(decode(&bytes, 0), Err(Skip::Malformed)));
    }

    #[test]
    fn a_cut_header_or_cut_options_are_malformed() {
        let bytes = segment(b"");
        for keep in 0..24 {
            assert!(matches!(decode(&bytes[..keep], 0), Err(Skip::Malformed)), "{keep}");
        }
        assert!(decode(&bytes, 0).unwrap().payload.is_empty());
    }
}
