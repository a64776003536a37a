//! Which ring a packet comes to: a program for the kernel (`PACKET_FANOUT_CBPF`) that hashes its pair of addresses.
//!
//! Addresses alone, and either order gives the same: both directions of a connection, all fragments of a datagram and
//! both directions of a tunnel come to one ring. The kernel's own hash (`PACKET_FANOUT_HASH`) looks at ports too, which
//! fragments do not have and of which VXLAN and Geneve have another in each direction. Packets without IP addresses all
//! come to the first.

use super::socket::Instruction;

/// The program. Tags (802.1Q, 802.1ad) and PPPoE are looked through.
pub(super) fn program() -> Vec<Instruction> {
    let mut program = Program::default();
    program.does(LD | W | ABS, PROTOCOL);
    program.does(LDX | IMM, 0);
    for (depth, tag) in ["tag", "second tag"].into_iter().enumerate() {
        for number in [0x8100, 0x88a8, 0x9100] {
            program.goes_if(number, tag);
        }
        program.goes("network");
        program.label(tag);
        program.does(LD | H | ABS, NET + 2 + 4 * depth as u32);
        program.does(LDX | IMM, 4 * (depth as u32 + 1));
    }
    program.label("network");
    program.goes_if(0x0800, "ipv4");
    program.goes_if(0x86dd, "ipv6");
    program.goes_if(0x8864, "pppoe");
    program.goes("other");

    program.label("pppoe");
    program.does(LD | H | IND, NET + 6);
    program.does(ST, 0);
    program.does(TXA, 0);
    program.does(ALU | ADD | K, 8);
    program.does(TAX, 0);
    program.does(LD | MEM, 0);
    program.goes_if(0x0021, "ipv4");
    program.goes_if(0x0057, "ipv6");
    program.goes("other");

    program.label("ipv4");
    program.does(STX, 1);
    program.does(LD | IMM, 0);
    program.does(ST, 0);
    for word in 0..2 {
        program.mixes(NET + 12 + 4 * word);
    }
    program.goes("mix");
    program.label("ipv6");
    program.does(STX, 1);
    program.does(LD | IMM, 0);
    program.does(ST, 0);
    for word in 0..8 {
        program.mixes(NET + 8 + 4 * word);
    }
    program.label("mix");
    // Knuth's multiplicative hash: neighbours come to different rings.
    program.does(LD | MEM, 0);
    program.does(ALU | MUL | K, 0x9e37_79b1);
    program.does(ALU | RSH | K, 16);
    program.does(RET | A, 0);
    program.label("other");
    program.does(RET | K, 0);
    program.finish()
}

/// A program with jumps to names.
#[derive(Default)]
struct Program {
    steps: Vec<Step>,
    labels: Vec<(&'static str, usize)>,
}

enum Step {
    Does { code: u16, k: u32 },
    GoesIf { number: u32, to: &'static str },
    Goes { to: &'static str },
}

impl Program {
    fn does(&mut self, code: u16, k: u32) {
        self.steps.push(Step::Does { code, k });
    }

    /// Where A is this number.
    fn goes_if(&mut self, number: u32, to: &'static str) {
        self.steps.push(Step::GoesIf { number, to });
    }

    fn goes(&mut self, to: &'static str) {
        self.steps.push(Step::Goes { to });
    }

    fn label(&mut self, name: &'static str) {
        self.labels.push((name, self.steps.len()));
    }

    /// M[0] ^= the word at X + `at`, where X is in M[1].
    fn mixes(&mut self, at: u32) {
        self.does(LDX | MEM, 1);
        self.does(LD | W | IND, at);
        self.does(LDX | MEM, 0);
        self.does(ALU | XOR | X, 0);
        self.does(ST, 0);
    }

    fn finish(self) -> Vec<Instruction> {
        // How many instructions lie between a step and the one with the label.
        let over = |index: usize, to: &str| {
            let place = self.labels.iter().find(|(name, _)| *name == to).map_or(0, |(_, place)| *place);
            place.saturating_sub(index + 1) as u32
        };
        let instruction = |(index, step): (usize, &Step)| match *step {
            Step::Does { code, k } => Instruction { code, jt: 0, jf: 0, k },
            Step::GoesIf { number, to } => {
                Instruction { code: JMP | JEQ | K, jt: over(index, to) as u8, jf: 0, k: number }
            }
            Step::Goes { to } => Instruction { code: JMP | K, jt: 0, jf: 0, k: over(index, to) },
        };
        self.steps.iter().enumerate().map(instruction).collect()
    }
}

// linux/bpf_common.h
const LD: u16 = 0x00;
const LDX: u16 = 0x01;
const ST: u16 = 0x02;
const STX: u16 = 0x03;
const ALU: u16 = 0x04;
const JMP: u16 = 0x05;
const RET: u16 = 0x06;
const TAX: u16 = 0x07;
const TXA: u16 = 0x87;
const W: u16 = 0x00;
const H: u16 = 0x08;
const IMM: u16 = 0x00;
const ABS: u16 = 0x20;
const IND: u16 = 0x40;
const MEM: u16 = 0x60;
const ADD: u16 = 0x00;
const MUL: u16 = 0x20;
const RSH: u16 = 0x70;
const XOR: u16 = 0xa0;
const JEQ: u16 = 0x10;
const K: u16 = 0x00;
const X: u16 = 0x08;
const A: u16 = 0x10;
/// Where the network header begins (`SKF_NET_OFF`), whatever the hook that the packet passes.
const NET: u32 = libc::SKF_NET_OFF.cast_unsigned();
/// The packet's Ethernet type (`SKF_AD_OFF` + `SKF_AD_PROTOCOL`).
const PROTOCOL: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PROTOCOL).cast_unsigned();

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What the kernel's machine makes of a packet whose network header is `net`; reading behind its end is 0 at once.
    fn ring(protocol: u16, net: &[u8]) -> u32 {
        let program = program();
        let (mut a, mut x, mut memory, mut at) = (0_u32, 0_u32, [0_u32; 16], 0_usize);
        let load = |at: u32, size: usize| {
            let start = at.wrapping_sub(NET) as usize;
            net.get(start..start + size).map(|bytes| bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
        };
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            at += 1;
            let loaded = match code {
                0x20 if k == PROTOCOL => Some(u32::from(protocol)),
                0x20 => load(k, 4),
                0x28 => load(k, 2),
                0x40 => load(k.wrapping_add(x), 4),
                0x48 => load(k.wrapping_add(x), 2),
                _ => Some(a),
            };
            let Some(loaded) = loaded else { return 0 };
            a = loaded;
            match code {
                0x00 => a = k,
                0x01 => x = k,
                0x02 => memory[k as usize] = a,
                0x03 => memory[k as usize] = x,
                0x60 => a = memory[k as usize],
                0x61 => x = memory[k as usize],
                0x04 => a = a.wrapping_add(k),
                0x24 => a = a.wrapping_mul(k),
                0x74 => a >>= k,
                0xac => a ^= x,
                0x05 => at += k as usize,
                0x15 => at += usize::from(if a == k { jt } else { jf }),
                0x07 => x = a,
                0x87 => a = x,
                0x06 => return k,
                0x16 => return a,
                0x20 | 0x28 | 0x40 | 0x48 => {}
                other => panic!("{other:#x}"),
            }
        }
    }

    fn ipv4(from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
        [&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0][..], &from, &to, &[9; 20]].concat()
    }

    fn ipv6(from: u8, to: u8) -> Vec<u8> {
        let mut bytes = vec![0; 60];
        (bytes[8], bytes[23], bytes[24], bytes[39]) = (0x20, from, 0x20, to);
        bytes
    }

    #[test]
    fn both_directions_come_to_one_ring_with_tags_or_without() {
        let (there, back) = (ipv4([10, 0, 0, 1], [192, 0, 2, 7]), ipv4([192, 0, 2, 7], [10, 0, 0, 1]));
        let expected = ring(0x0800, &there);
        assert_ne!(expected, 0);
        assert_eq!(ring(0x0800, &back), expected);
        let tagged = |inner: u16, rest: &[u8]| [&[0, 7][..], &inner.to_be_bytes(), rest].concat();
        assert_eq!(ring(0x8100, &tagged(0x0800, &there)), expected);
        assert_eq!(ring(0x88a8, &tagged(0x8100, &tagged(0x0800, &back))), expected);
        let pppoe = |rest: &[u8]| [&[0x11, 0, 0, 1, 0, 62, 0, 0x21][..], rest].concat();
        assert_eq!(ring(0x8864, &pppoe(&there)), expected);
        assert_eq!(ring(0x8100, &tagged(0x8864, &pppoe(&back))), expected);
        assert_eq!(ring(0x86dd, &ipv6(1, 2)), ring(0x86dd, &ipv6(2, 1)));
        assert_ne!(ring(0x86dd, &ipv6(1, 2)), 0);
        assert_eq!(ring(0x0806, &there), 0);
        assert_eq!(ring(0x0800, &there[..14]), 0);
    }

    #[test]
    fn clients_spread_over_the_rings() {
        let mut counts = [0; 4];
        for client in 0..=255 {
            counts[ring(0x0800, &ipv4([10, 0, 0, client], [192, 0, 2, 7])) as usize % 4] += 1;
        }
        assert!(counts.iter().all(|count| (40..=90).contains(count)), "{counts:?}");
    }
}
