//! Which connections have nothing more to tell, so that under overload their application data is left out and handshakes
//! find room.
//!
//! A table of marks with a place for each connection by its addresses and ports: two that share a place take it from each
//! other, on which less is left out. Packets are looked at in their outermost headers alone; in tunnels none is left out.
#![forbid(unsafe_code)]

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use ahash::RandomState;

/// Marks of connections. Shared by who reads packets and who knows what came of them.
#[derive(Debug)]
pub struct Finished {
    marks: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Default for Finished {
    fn default() -> Self {
        Self { marks: (0..PLACES).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }
}

impl Finished {
    /// Takes note that what this TCP connection sends from now on says nothing.
    pub fn mark(&self, one: (IpAddr, u16), other: (IpAddr, u16)) {
        let hash = self.hash(End::of(one), End::of(other));
        if let Some(place) = self.place(hash) {
            place.store(hash, Ordering::Relaxed);
        }
    }

    /// Whether a frame is data of a marked connection. A SYN takes the mark away: it begins another.
    pub(super) fn is_spare(&self, frame: &[u8]) -> bool {
        let Some(Segment { from, to, flags }) = Segment::of(frame) else { return false };
        let hash = self.hash(from, to);
        let Some(place) = self.place(hash) else { return false };
        if place.load(Ordering::Relaxed) != hash {
            return false;
        }
        if flags & SYN != 0 {
            place.store(0, Ordering::Relaxed);
        }
        // Those that end it give its place back.
        flags & (SYN | FIN | RST) == 0
    }

    /// The same for both directions, and never 0.
    fn hash(&self, one: End, other: End) -> u64 {
        let ends = if one <= other { (one, other) } else { (other, one) };
        self.hasher.hash_one(ends) | 1
    }

    fn place(&self, hash: u64) -> Option<&AtomicU64> {
        self.marks.get((hash >> 32) as usize % PLACES)
    }
}

/// An address as in IPv6, and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct End([u8; 16], u16);

impl End {
    fn of((ip, port): (IpAddr, u16)) -> Self {
        match ip {
            IpAddr::V4(ip) => Self(ip.to_ipv6_mapped().octets(), port),
            IpAddr::V6(ip) => Self(ip.octets(), port),
        }
    }
}

struct Segment {
    from: End,
    to: End,
    flags: u8,
}

impl Segment {
    /// A whole TCP segment in IPv4 or IPv6, behind at most two tags.
    fn of(frame: &[u8]) -> Option<Self> {
        let mut rest = frame.get(12..)?;
        let mut kind = half(rest, 0)?;
        for _ in 0..2 {
            if matches!(kind, 0x8100 | 0x88a8) {
                rest = rest.get(4..)?;
                kind = half(rest, 0)?;
            }
        }
        let ip = rest.get(2..)?;
        let (from, to, tcp) = match kind {
            0x0800 => {
                let first = *ip.first()?;
                // No fragment: MF and the offset are zero.
                if first >> 4 != 4 || *ip.get(9)? != TCP || half(ip, 6)? & 0x3fff != 0 {
                    return None;
                }
                let address = |at: usize| Some(IpAddr::from(ip.get(at..)?.first_chunk::<4>().copied()?));
                (address(12)?, address(16)?, ip.get(usize::from(first & 0x0f) * 4..)?)
            }
            0x86dd => {
                if *ip.get(6)? != TCP {
                    return None;
                }
                let address = |at: usize| Some(IpAddr::from(ip.get(at..)?.first_chunk::<16>().copied()?));
                (address(8)?, address(24)?, ip.get(40..)?)
            }
            _ => return None,
        };
        Some(Self { from: End::of((from, half(tcp, 0)?)), to: End::of((to, half(tcp, 2)?)), flags: *tcp.get(13)? })
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

const TCP: u8 = 6;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
/// 2 MiB a thread.
const PLACES: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(from: u8, to: u8, flags: u8) -> Vec<u8> {
        let mut frame = vec![0; 60];
        frame[12..15].copy_from_slice(&[8, 0, 0x45]);
        (frame[23], frame[29], frame[33], frame[47]) = (6, from, to, flags);
        (frame[35], frame[37]) = (from, to);
        frame
    }

    fn end(last: u8) -> (IpAddr, u16) {
        (IpAddr::from([0, 0, 0, last]), u16::from(last))
    }

    #[test]
    fn data_of_a_marked_connection_is_spare_in_both_directions() {
        let finished = Finished::default();
        assert!(!finished.is_spare(&frame(1, 2, 0x18)));
        finished.mark(end(1), end(2));
        assert!(finished.is_spare(&frame(1, 2, 0x18)) && finished.is_spare(&frame(2, 1, 0x10)));
        let tagged = [&frame(1, 2, 0x10)[..12], &[0x81, 0, 0, 7], &frame(1, 2, 0x10)[12..]].concat();
        assert!(finished.is_spare(&tagged));
        assert!(!finished.is_spare(&frame(1, 3, 0x18)));
        assert!(!finished.is_spare(&frame(1, 2, 0x18)[..30]));
    }

    #[test]
    fn what_ends_a_connection_is_kept_and_what_begins_one_takes_the_mark_away() {
        let finished = Finished::default();
        finished.mark(end(1), end(2));
        assert!(!finished.is_spare(&frame(1, 2, 0x11)) && !finished.is_spare(&frame(1, 2, 0x14)));
        assert!(finished.is_spare(&frame(1, 2, 0x10)));
        assert!(!finished.is_spare(&frame(1, 2, 0x02)));
        assert!(!finished.is_spare(&frame(1, 2, 0x10)));
    }

    #[test]
    fn fragments_and_other_protocols_are_kept() {
        let finished = Finished::default();
        finished.mark(end(1), end(2));
        let with = |at: usize, byte: u8| {
            let mut frame = frame(1, 2, 0x10);
            frame[at] = byte;
            frame
        };
        assert!(!finished.is_spare(&with(20, 0x20)) && !finished.is_spare(&with(21, 1)));
        assert!(!finished.is_spare(&with(23, 17)) && !finished.is_spare(&with(13, 6)));
        // "Don't fragment" is no fragment.
        assert!(finished.is_spare(&with(20, 0x40)));
    }
}
