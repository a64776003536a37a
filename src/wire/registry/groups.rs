//! Named groups: IANA's TLS Supported Groups (RFC 8422, RFC 7919, RFC 8446), and post-quantum code points of experiments.

use Strength::{Classical, Hybrid, PostQuantum};

/// The name of a group in IANA's spelling; for experiments that of their makers.
pub fn group(group: u16) -> Option<&'static str> {
    entry(group).map(|&(_, name, _)| name)
}

/// The group of that name.
pub fn group_named(name: &str) -> Option<u16> {
    GROUPS.iter().find(|(_, known, _)| *known == name).map(|&(number, ..)| number)
}

/// What a key exchange over a group withstands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strength {
    /// Not a quantum computer.
    Classical,
    /// ML-KEM, or what it was before it was one, beside a classical exchange: both would have to be broken.
    Hybrid,
    /// ML-KEM alone.
    PostQuantum,
}

/// What a key exchange over a group withstands; `None` for a group that is not known.
pub fn group_strength(group: u16) -> Option<Strength> {
    entry(group).map(|&(_, _, strength)| strength)
}

/// Whether a key exchange over a group is known to withstand a quantum computer.
pub fn is_post_quantum(group: u16) -> bool {
    matches!(group_strength(group), Some(Hybrid | PostQuantum))
}

fn entry(group: u16) -> Option<&'static Entry> {
    GROUPS.binary_search_by_key(&group, |&(number, ..)| number).ok().and_then(|at| GROUPS.get(at))
}

type Entry = (u16, &'static str, Strength);

const GROUPS: &[Entry] = &[
    (0x0001, "sect163k1", Classical),
    (0x0002, "sect163r1", Classical),
    (0x0003, "sect163r2", Classical),
    (0x0004, "sect193r1", Classical),
    (0x0005, "sect193r2", Classical),
    (0x0006, "sect233k1", Classical),
    (0x0007, "sect233r1", Classical),
    (0x0008, "sect239k1", Classical),
    (0x0009, "sect283k1", Classical),
    (0x000a, "sect283r1", Classical),
    (0x000b, "sect409k1", Classical),
    (0x000c, "sect409r1", Classical),
    (0x000d, "sect571k1", Classical),
    (0x000e, "sect571r1", Classical),
    (0x000f, "secp160k1", Classical),
    (0x0010, "secp160r1", Classical),
    (0x0011, "secp160r2", Classical),
    (0x0012, "secp192k1", Classical),
    (0x0013, "secp192r1", Classical),
    (0x0014, "secp224k1", Classical),
    (0x0015, "secp224r1", Classical),
    (0x0016, "secp256k1", Classical),
    (0x0017, "secp256r1", Classical),
    (0x0018, "secp384r1", Classical),
    (0x0019, "secp521r1", Classical),
    (0x001a, "brainpoolP256r1", Classical),
    (0x001b, "brainpoolP384r1", Classical),
    (0x001c, "brainpoolP512r1", Classical),
    (0x001d, "x25519", Classical),
    (0x001e, "x448", Classical),
    (0x001f, "brainpoolP256r1tls13", Classical),
    (0x0020, "brainpoolP384r1tls13", Classical),
    (0x0021, "brainpoolP512r1tls13", Classical),
    (0x0022, "GC256A", Classical),
    (0x0023, "GC256B", Classical),
    (0x0024, "GC256C", Classical),
    (0x0025, "GC256D", Classical),
    (0x0026, "GC512A", Classical),
    (0x0027, "GC512B", Classical),
    (0x0028, "GC512C", Classical),
    (0x0029, "curveSM2", Classical),
    (0x0100, "ffdhe2048", Classical),
    (0x0101, "ffdhe3072", Classical),
    (0x0102, "ffdhe4096", Classical),
    (0x0103, "ffdhe6144", Classical),
    (0x0104, "ffdhe8192", Classical),
    (0x0200, "MLKEM512", PostQuantum),
    (0x0201, "MLKEM768", PostQuantum),
    (0x0202, "MLKEM1024", PostQuantum),
    (0x11eb, "SecP256r1MLKEM768", Hybrid),
    (0x11ec, "X25519MLKEM768", Hybrid),
    (0x11ed, "SecP384r1MLKEM1024", Hybrid),
    (0x11ee, "curveSM2MLKEM768", Hybrid),
    (0x4138, "CECPQ2", Hybrid),
    (0x6399, "X25519Kyber768Draft00", Hybrid),
    (0x639a, "SecP256r1Kyber768Draft00", Hybrid),
    (0xfe30, "X25519Kyber512Draft00", Hybrid),
    (0xfe31, "X25519Kyber768Draft00Old", Hybrid),
    (0xfe32, "P256Kyber768Draft00", Hybrid),
    (0xff01, "arbitrary_explicit_prime_curves", Classical),
    (0xff02, "arbitrary_explicit_char2_curves", Classical),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(GROUPS.is_sorted_by(|(one, ..), (other, ..)| one < other));
    }

    #[test]
    fn groups_have_their_registered_names() {
        assert_eq!(group(0x001d), Some("x25519"));
        assert_eq!(group(0x0104), Some("ffdhe8192"));
        assert_eq!(group(0x11ec), Some("X25519MLKEM768"));
        assert_eq!(group(0x6399), Some("X25519Kyber768Draft00"));
        assert_eq!(group(0x0000), None);
    }

    #[test]
    fn groups_with_ml_kem_or_kyber_withstand_a_quantum_computer() {
        for (number, name, strength) in GROUPS {
            let lattice = name.contains("MLKEM") || name.contains("Kyber") || *name == "CECPQ2";
            assert_eq!(*strength != Classical, lattice, "{name}");
            assert_eq!(is_post_quantum(*number), lattice, "{name}");
        }
        assert_eq!(group_strength(0x11ec), Some(Hybrid));
        assert_eq!(group_strength(0x0201), Some(PostQuantum));
        assert_eq!(group_strength(0x001d), Some(Classical));
        assert!(!is_post_quantum(0x0a0a) && group_strength(0x0a0a).is_none());
    }
}
