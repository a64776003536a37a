//! Filter expressions in tcpdump's language (pcap-filter(7)), for files and the tap alike.
//!
//! In: an expression and frames. Out: which of them it accepts. libpcap compiles and runs the expression; one program
//! is kept for each link type that occurs.

use pcap::{BpfProgram, Capture, Linktype};

use super::{Batch, Frame, LinkType};
use crate::Error;

/// A filter expression and its programs.
pub struct Filter {
    expression: String,
    programs: Vec<Program>,
    padded: Vec<u8>,
}

struct Program {
    link: LinkType,
    /// `None`: the expression can mean nothing on this link type.
    bpf: Option<BpfProgram>,
    reads_length: ReadsLength,
}

/// Whether a program asks for the packet's length (`len`, `less`, `greater`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadsLength {
    Yes,
    No,
}

impl Filter {
    /// Checks the expression; [`Error::Filter`] carries libpcap's words. What an expression means depends on the link
    /// type: one that makes sense only on another than Ethernet is taken too.
    pub fn new(expression: &str) -> Result<Self, Error> {
        let mut failure = None;
        for link in [LinkType::ETHERNET, LinkType::LINUX_SLL, LinkType::RAW] {
            match Program::compile(expression, link) {
                Ok(_) => {
                    return Ok(Self { expression: expression.to_owned(), programs: Vec::new(), padded: Vec::new() });
                }
                Err(why) => failure = failure.or(Some(why)),
            }
        }
        let why = failure.unwrap_or_default();
        Err(Error::Filter { filter: expression.to_owned(), why })
    }

    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Whether the expression accepts the frame. On a link type that it does not fit (such as `vlan` on raw IP) it
    /// accepts nothing.
    pub fn accepts(&mut self, frame: &Frame<'_>) -> bool {
        let index = match self.programs.iter().position(|program| program.link == frame.link) {
            Some(index) => index,
            None => {
                let program = Program::compile(&self.expression, frame.link);
                let none = Program { link: frame.link, bpf: None, reads_length: ReadsLength::No };
                self.programs.push(program.unwrap_or(none));
                self.programs.len() - 1
            }
        };
        let Some(Program { bpf: Some(bpf), reads_length, .. }) = self.programs.get(index) else { return false };
        let wire_len = frame.wire_len as usize;
        if *reads_length == ReadsLength::Yes && wire_len > frame.data.len() && wire_len <= PADDED_MAX {
            // `BpfProgram::filter` knows one length only. A frame that was cut is filled up with zeros, so that `len`
            // is that of the wire; what else the expression reads behind the cut is then zero instead of no match.
            self.padded.clear();
            self.padded.extend_from_slice(frame.data);
            self.padded.resize(wire_len, 0);
            return bpf.filter(&self.padded);
        }
        bpf.filter(frame.data)
    }

    /// Takes the frames that are not accepted out of the batch.
    pub fn apply(&mut self, batch: &mut Batch) {
        let Batch { store, slots, .. } = batch;
        let bytes = store.bytes();
        slots.retain(|slot| slot.frame(bytes).is_some_and(|frame| self.accepts(&frame)));
    }
}

impl Program {
    fn compile(expression: &str, link: LinkType) -> Result<Self, String> {
        let words = |error: pcap::Error| match error {
            pcap::Error::PcapError(words) => words,
            error => error.to_string(),
        };
        // Files number raw IP otherwise than libpcap does in memory.
        let number = match link {
            LinkType::RAW | LinkType(14) => RAW_DLT,
            LinkType(number) => i32::from(number),
        };
        let bpf = Capture::dead(Linktype(number)).and_then(|dead| dead.compile(expression, true)).map_err(words)?;
        let reads_length = bpf.get_instructions().iter().any(|instruction| {
            let code = instruction.to_string().split(' ').next().and_then(|code| code.parse::<u16>().ok());
            code.is_some_and(|code| LENGTH_LOADS.contains(&code))
        });
        let reads_length = if reads_length { ReadsLength::Yes } else { ReadsLength::No };
        Ok(Self { link, bpf: Some(bpf), reads_length })
    }
}

/// BPF_LD and BPF_LDX, BPF_W, BPF_LEN.
const LENGTH_LOADS: [u16; 2] = [0x80, 0x81];

const RAW_DLT: i32 = 12;

/// Up to here a cut frame is filled up: the longest packet of any interface.
const PADDED_MAX: usize = 256 << 10;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::capture::{Slot, Timestamp};

    /// A segment from 10.0.0.1 to port 443.
    fn ip() -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 7];
        bytes.extend([0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
        bytes
    }

    fn ethernet(ethertype: u16) -> Vec<u8> {
        [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &ethertype.to_be_bytes(), &ip()].concat()
    }

    fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
        Frame { ts: Timestamp(1), link, interface: 0, data, wire_len: data.len() as u32 }
    }

    fn accepts(expression: &str, frame: &Frame<'_>) -> bool {
        Filter::new(expression).unwrap().accepts(frame)
    }

    #[test]
    fn the_language_is_that_of_tcpdump() {
        let bytes = ethernet(0x0800);
        let frame = frame(LinkType::ETHERNET, &bytes);
        assert!(accepts("tcp port 443 and host 10.0.0.1", &frame));
        assert!(accepts("", &frame));
        assert!(!accepts("udp or port 80", &frame));
    }

    #[test]
    fn every_link_type_has_its_program() {
        let mut filter = Filter::new("tcp dst port 443").unwrap();
        let (raw, ethernet) = (ip(), ethernet(0x0800));
        for _ in 0..2 {
            assert!(filter.accepts(&frame(LinkType::ETHERNET, &ethernet)));
            assert!(filter.accepts(&frame(LinkType::RAW, &raw)));
            assert!(filter.accepts(&frame(LinkType::IPV4, &raw)));
            assert!(!filter.accepts(&frame(LinkType::RAW, &ethernet)));
            assert!(!filter.accepts(&frame(LinkType(40_000), &raw)));
        }
        assert_eq!(filter.programs.len(), 4);
    }

    #[test]
    fn a_bad_expression_is_told_in_libpcaps_words() {
        for expression in ["port eighty-tree", "tcp and", "host 1.2.3.4.5.6"] {
            let error = Filter::new(expression).err().unwrap();
            assert!(matches!(&error, Error::Filter { filter, why } if filter == expression && !why.is_empty()));
        }
    }

    #[test]
    fn the_length_is_that_of_the_wire() {
        let bytes = ethernet(0x0800);
        let cut = Frame { wire_len: 1000, ..frame(LinkType::ETHERNET, &bytes) };
        assert!(accepts("greater 900", &cut));
        assert!(!accepts("less 900", &cut));
        assert!(accepts("len = 1000 and tcp", &cut));
        assert!(accepts("less 900", &Frame { wire_len: 0, ..cut }));
    }

    #[test]
    fn a_batch_keeps_what_is_accepted() {
        let (tcp, arp) = (ethernet(0x0800), ethernet(0x0806));
        let slot = |offset: usize, len: usize| Slot {
            ts: Timestamp(0),
            offset: offset as u64,
            len: len as u32,
            wire_len: len as u32,
            link: LinkType::ETHERNET,
            interface: 0,
        };
        let slots = vec![slot(0, tcp.len()), slot(tcp.len(), arp.len())];
        let store = super::super::batch::Store::Block(std::sync::Arc::new([tcp, arp].concat()));
        let mut batch = Batch { store, slots, lost: None };
        Filter::new("tcp").unwrap().apply(&mut batch);
        assert_eq!(batch.slots.iter().map(|slot| slot.offset).collect::<Vec<_>>(), [0]);
    }
}
