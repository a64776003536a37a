//! The packets in a block, as the kernel wrote them: `tpacket_block_desc`, then a `tpacket3_hdr` for each.
#![forbid(unsafe_code)]

use crate::capture::{LinkType, Slot, Timestamp};

/// Finds the packets. A tag that stands in a header is put back into its packet, for which there is room before it.
pub(super) fn read(block: &mut [u8], leave_out_outgoing: bool, slots: &mut Vec<Slot>) {
    let (Some(count), Some(first)) = (word(block, COUNT), word(block, FIRST)) else { return };
    let mut at = first as usize;
    for _ in 0..count {
        let Some(header) = Header::read(block, at) else { return };
        if !(leave_out_outgoing && header.kind == libc::PACKET_OUTGOING) {
            slots.extend(header.slot(block, at));
        }
        if header.next == 0 {
            return;
        }
        at = at.saturating_add(header.next as usize);
    }
}

struct Header {
    next: u32,
    ts: Timestamp,
    len: u32,
    wire_len: u32,
    status: u32,
    mac: u16,
    tci: u16,
    tpid: u16,
    /// `sll_pkttype`
    kind: u8,
}

impl Header {
    fn read(block: &[u8], at: usize) -> Option<Self> {
        let header = block.get(at..)?.get(..HEADER)?;
        let (seconds, nanoseconds) = (word(header, 4)?, word(header, 8)?);
        Some(Self {
            next: word(header, 0)?,
            ts: Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(nanoseconds)),
            len: word(header, 12)?,
            wire_len: word(header, 16)?,
            status: word(header, 20)?,
            mac: half(header, 24)?,
            // A word, of which the tag is the lower half.
            tci: word(header, 32)? as u16,
            tpid: half(header, 36)?,
            kind: *header.get(ADDRESS + 10)?,
        })
    }

    fn slot(&self, block: &mut [u8], at: usize) -> Option<Slot> {
        let start = at.checked_add(usize::from(self.mac))?;
        let slot = Slot {
            ts: self.ts,
            offset: start as u64,
            len: self.len,
            wire_len: self.wire_len,
            link: LinkType::ETHERNET,
            interface: 0,
        };
        if self.status & libc::TP_STATUS_VLAN_VALID == 0 || self.len < 12 {
            return Some(slot);
        }
        let tpid = if self.status & libc::TP_STATUS_VLAN_TPID_VALID != 0 { self.tpid } else { DOT1Q };
        let moved = start.checked_sub(TAG).filter(|moved| *moved >= at + HEADER)?;
        block.get(moved..start.checked_add(12)?)?;
        block.copy_within(start..start + 12, moved);
        let tag = block.get_mut(moved + 12..moved + 12 + TAG)?;
        let ([t0, t1], [c0, c1]) = (tpid.to_be_bytes(), self.tci.to_be_bytes());
        tag.copy_from_slice(&[t0, t1, c0, c1]);
        Some(Slot {
            offset: moved as u64,
            len: self.len + TAG as u32,
            wire_len: self.wire_len.saturating_add(TAG as u32),
            ..slot
        })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

/// Bytes of a VLAN tag, which the ring leaves room for (`PACKET_RESERVE`).
pub(super) const TAG: usize = 4;
const DOT1Q: u16 = 0x8100;
/// `num_pkts` and `offset_to_first_pkt`.
const COUNT: usize = 12;
const FIRST: usize = 16;
/// Bytes of a `tpacket3_hdr`, behind which a `sockaddr_ll` stands.
const ADDRESS: usize = 48;
const HEADER: usize = ADDRESS + 20;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A block as the kernel makes it, by the offsets of `linux/if_packet.h`.
    fn block(packets: &[(&[u8], u32, u16, u16, u8)]) -> Vec<u8> {
        let mut block = vec![0; 4096];
        block[12..16].copy_from_slice(&(packets.len() as u32).to_ne_bytes());
        block[16..20].copy_from_slice(&48_u32.to_ne_bytes());
        let mut at = 48;
        for (index, (data, status, tci, tpid, kind)) in packets.iter().enumerate() {
            let mac = 86_usize;
            let next = (mac + data.len()).next_multiple_of(16);
            let last = index + 1 == packets.len();
            for (offset, value) in [
                (0, if last { 0 } else { next as u32 }),
                (4, 3),
                (8, 7),
                (12, data.len() as u32),
                (16, 1_000),
                (20, *status),
                (32, u32::from(*tci)),
            ] {
                block[at + offset..at + offset + 4].copy_from_slice(&u32::to_ne_bytes(value));
            }
            block[at + 24..at + 26].copy_from_slice(&(mac as u16).to_ne_bytes());
            block[at + 36..at + 38].copy_from_slice(&tpid.to_ne_bytes());
            block[at + 58] = *kind;
            block[at + mac..at + mac + data.len()].copy_from_slice(data);
            at += next;
        }
        block
    }

    fn frames(block: &mut [u8], leave_out: bool) -> Vec<(Vec<u8>, u32)> {
        let mut slots = Vec::new();
        read(block, leave_out, &mut slots);
        assert!(slots.iter().all(|slot| slot.ts == Timestamp(3_000_000_007)));
        slots.iter().map(|slot| (slot.frame(block).unwrap().data.to_vec(), slot.wire_len)).collect()
    }

    #[test]
    fn a_tag_that_was_taken_off_is_put_back() {
        let data: Vec<u8> = (0..60).collect();
        let both = libc::TP_STATUS_VLAN_VALID | libc::TP_STATUS_VLAN_TPID_VALID;
        let packets =
            [(&*data, 1, 0, 0, 0), (&data, both, 0xa007, 0x88a8, 0), (&data, libc::TP_STATUS_VLAN_VALID, 5, 0, 0)];
        let tagged = |tag: [u8; 4]| [&data[..12], &tag, &data[12..]].concat();
        let expected =
            [(data.clone(), 1_000), (tagged([0x88, 0xa8, 0xa0, 0x07]), 1_004), (tagged([0x81, 0, 0, 5]), 1_004)];
        assert_eq!(frames(&mut block(&packets), false), expected);
    }

    #[test]
    fn what_leaves_is_left_out_where_it_comes_again() {
        let packets = [(&[1; 20][..], 1, 0, 0, libc::PACKET_OUTGOING), (&[2; 20], 1, 0, 0, 0)];
        assert_eq!(frames(&mut block(&packets), true), [(vec![2; 20], 1_000)]);
        assert_eq!(frames(&mut block(&packets), false).len(), 2);
    }

    #[test]
    fn a_block_that_makes_no_sense_gives_nothing_outside_of_it() {
        let mut wrong = block(&[(&[1; 20], 1, 0, 0, 0), (&[2; 20], 1, 0, 0, 0)]);
        wrong[48..52].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(frames(&mut wrong, false).len(), 1);
        let mut far = block(&[(&[1; 20], libc::TP_STATUS_VLAN_VALID, 0, 0, 0)]);
        far[16..20].copy_from_slice(&4_090_u32.to_ne_bytes());
        assert_eq!(frames(&mut far, false), []);
        let mut slots = Vec::new();
        read(&mut [], false, &mut slots);
        assert!(slots.is_empty());
    }
}
