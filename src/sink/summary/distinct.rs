//! How many different things there were, in bounded memory.
#![forbid(unsafe_code)]

use crate::sink::screen::count;

/// Counts hashes: exactly up to [`EXACT`], by estimate beyond (HyperLogLog with 512 registers, 4.6 % off in the mean).
#[derive(Debug, Clone)]
pub(super) enum Distinct {
    /// Sorted.
    Exact(Vec<u64>),
    Registers(Box<[u8; REGISTERS]>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl Distinct {
    /// Takes a hash, all of whose bits must be equally likely.
    pub(super) fn add(&mut self, hash: u64) {
        match self {
            Self::Registers(registers) => note(registers, hash),
            Self::Exact(hashes) => {
                let Err(place) = hashes.binary_search(&hash) else { return };
                if hashes.len() < EXACT {
                    hashes.insert(place, hash);
                    return;
                }
                let mut registers = Box::new([0; REGISTERS]);
                hashes.iter().for_each(|&hash| note(&mut registers, hash));
                note(&mut registers, hash);
                *self = Self::Registers(registers);
            }
        }
    }

    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Exact(hashes) => hashes.len() as u64,
            Self::Registers(registers) => estimate(registers),
        }
    }

    /// The number, with a tilde before an estimate.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Exact(hashes) => count(hashes.len() as u64),
            Self::Registers(registers) => format!("~{}", count(estimate(registers))),
        }
    }
}

fn note(registers: &mut [u8; REGISTERS], hash: u64) {
    let index = (hash >> (64 - REGISTER_BITS)) as usize;
    let rank = (hash << REGISTER_BITS | 1 << (REGISTER_BITS - 1)).leading_zeros() as u8 + 1;
    registers[index] = registers[index].max(rank);
}

fn estimate(registers: &[u8; REGISTERS]) -> u64 {
    let m = REGISTERS as f64;
    let sum: f64 = registers.iter().map(|&rank| (-f64::from(rank)).exp2()).sum();
    let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
    let zeros = registers.iter().filter(|&&rank| rank == 0).count();
    let linear = if zeros > 0 && raw <= 2.5 * m { m * (m / zeros as f64).ln() } else { raw };
    linear.round() as u64
}

const EXACT: usize = 64;
const REGISTER_BITS: u32 = 9;
const REGISTERS: usize = 1 << REGISTER_BITS;

#[cfg(test)]
mod tests {
    use super::*;

    /// The finaliser of MurmurHash3: every bit of the outcome depends on every bit of the number.
    fn hash(number: u64) -> u64 {
        let mut x = number;
        for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
            x = (x ^ x >> 33).wrapping_mul(factor);
        }
        x ^ x >> 33
    }

    #[test]
    fn few_are_counted_exactly() {
        let mut seen = Distinct::default();
        (0..EXACT as u64 * 3).for_each(|number| seen.add(hash(number % EXACT as u64)));
        assert_eq!(seen.text(), "64");
    }

    #[test]
    fn many_are_estimated() {
        for many in [65, 500, 2_000, 100_000] {
            let mut seen = Distinct::default();
            (0..2 * many).for_each(|number| seen.add(hash(number % many)));
            let off = seen.number().abs_diff(many) as f64 / many as f64;
            assert!(off < 0.15, "{many}: {}", seen.text());
            assert!(seen.text().starts_with('~'));
        }
    }
}
