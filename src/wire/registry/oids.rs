//! OIDs in certificates: signature algorithms, public keys and named curves.

use super::{Table, name_of};

/// The name of a certificate's signature algorithm, as ECS writes it (`SHA256-RSA`).
///
/// RSASSA-PSS keeps its hash in its parameters: its OID alone is `RSA-PSS`.
pub fn signature_algorithm(oid: &str) -> Option<&'static str> {
    name_of(SIGNATURES, oid)
}

/// The name of a public key's algorithm, as ECS writes it (`RSA`, `ECDSA`).
pub fn public_key_algorithm(oid: &str) -> Option<&'static str> {
    name_of(KEYS, oid)
}

/// The name of a named curve, in the spelling of IANA's TLS Supported Groups where it is one.
pub fn curve(oid: &str) -> Option<&'static str> {
    find_curve(oid).map(|curve| curve.name)
}

/// The OID of the signature algorithm, the public key's algorithm or the curve of that name, in any case.
pub fn oid_named(name: &str) -> Option<&'static str> {
    let curves = CURVES.iter().map(|(oid, curve)| (*oid, curve.name));
    let mut all = SIGNATURES.iter().chain(KEYS).copied().chain(curves);
    all.find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(oid, _)| oid)
}

/// Bits of the field of a named curve.
pub fn curve_bits(oid: &str) -> Option<u32> {
    find_curve(oid).map(|curve| curve.bits)
}

struct Curve {
    name: &'static str,
    bits: u32,
}

fn find_curve(oid: &str) -> Option<&'static Curve> {
    let at = CURVES.binary_search_by_key(&oid, |&(number, _)| number).ok()?;
    CURVES.get(at).map(|(_, curve)| curve)
}

const SIGNATURES: &Table<&'static str> = &[
    ("1.2.156.10197.1.501", "SM2-SM3"),
    ("1.2.156.10197.1.504", "SM3-RSA"),
    ("1.2.643.2.2.3", "GOST3411-94-GOST3410-2001"),
    ("1.2.643.2.2.4", "GOST3411-94-GOST3410-94"),
    ("1.2.643.7.1.1.3.2", "GOST3411-2012-256-GOST3410-2012"),
    ("1.2.643.7.1.1.3.3", "GOST3411-2012-512-GOST3410-2012"),
    ("1.2.840.10040.4.3", "DSA-SHA1"),
    ("1.2.840.10045.4.1", "ECDSA-SHA1"),
    ("1.2.840.10045.4.3.1", "ECDSA-SHA224"),
    ("1.2.840.10045.4.3.2", "ECDSA-SHA256"),
    ("1.2.840.10045.4.3.3", "ECDSA-SHA384"),
    ("1.2.840.10045.4.3.4", "ECDSA-SHA512"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.113549.1.1.11", "SHA256-RSA"),
    ("1.2.840.113549.1.1.12", "SHA384-RSA"),
    ("1.2.840.113549.1.1.13", "SHA512-RSA"),
    ("1.2.840.113549.1.1.14", "SHA224-RSA"),
    ("1.2.840.113549.1.1.15", "SHA512/224-RSA"),
    ("1.2.840.113549.1.1.16", "SHA512/256-RSA"),
    ("1.2.840.113549.1.1.2", "MD2-RSA"),
    ("1.2.840.113549.1.1.3", "MD4-RSA"),
    ("1.2.840.113549.1.1.4", "MD5-RSA"),
    ("1.2.840.113549.1.1.5", "SHA1-RSA"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("1.3.14.3.2.13", "DSA-SHA1"),
    ("1.3.14.3.2.27", "DSA-SHA1"),
    ("1.3.14.3.2.29", "SHA1-RSA"),
    ("1.3.14.3.2.3", "MD5-RSA"),
    ("1.3.36.3.3.1.2", "RIPEMD160-RSA"),
    ("2.16.840.1.101.3.4.3.1", "DSA-SHA224"),
    ("2.16.840.1.101.3.4.3.10", "ECDSA-SHA3-256"),
    ("2.16.840.1.101.3.4.3.11", "ECDSA-SHA3-384"),
    ("2.16.840.1.101.3.4.3.12", "ECDSA-SHA3-512"),
    ("2.16.840.1.101.3.4.3.13", "SHA3-224-RSA"),
    ("2.16.840.1.101.3.4.3.14", "SHA3-256-RSA"),
    ("2.16.840.1.101.3.4.3.15", "SHA3-384-RSA"),
    ("2.16.840.1.101.3.4.3.16", "SHA3-512-RSA"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
    ("2.16.840.1.101.3.4.3.2", "DSA-SHA256"),
    ("2.16.840.1.101.3.4.3.20", "SLH-DSA-SHA2-128s"),
    ("2.16.840.1.101.3.4.3.21", "SLH-DSA-SHA2-128f"),
    ("2.16.840.1.101.3.4.3.22", "SLH-DSA-SHA2-192s"),
    ("2.16.840.1.101.3.4.3.23", "SLH-DSA-SHA2-192f"),
    ("2.16.840.1.101.3.4.3.24", "SLH-DSA-SHA2-256s"),
    ("2.16.840.1.101.3.4.3.25", "SLH-DSA-SHA2-256f"),
    ("2.16.840.1.101.3.4.3.26", "SLH-DSA-SHAKE-128s"),
    ("2.16.840.1.101.3.4.3.27", "SLH-DSA-SHAKE-128f"),
    ("2.16.840.1.101.3.4.3.28", "SLH-DSA-SHAKE-192s"),
    ("2.16.840.1.101.3.4.3.29", "SLH-DSA-SHAKE-192f"),
    ("2.16.840.1.101.3.4.3.3", "DSA-SHA384"),
    ("2.16.840.1.101.3.4.3.30", "SLH-DSA-SHAKE-256s"),
    ("2.16.840.1.101.3.4.3.31", "SLH-DSA-SHAKE-256f"),
    ("2.16.840.1.101.3.4.3.4", "DSA-SHA512"),
    ("2.16.840.1.101.3.4.3.9", "ECDSA-SHA3-224"),
];

const KEYS: &Table<&'static str> = &[
    ("1.2.643.2.2.19", "GOST3410-2001"),
    ("1.2.643.2.2.20", "GOST3410-94"),
    ("1.2.643.7.1.1.1.1", "GOST3410-2012-256"),
    ("1.2.643.7.1.1.1.2", "GOST3410-2012-512"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.10045.2.1", "ECDSA"),
    ("1.2.840.10046.2.1", "DH"),
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.113549.1.1.7", "RSA-OAEP"),
    ("1.2.840.113549.1.3.1", "DH"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("1.3.132.1.12", "ECDH"),
    ("1.3.14.3.2.12", "DSA"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
    ("2.16.840.1.101.3.4.3.20", "SLH-DSA-SHA2-128s"),
    ("2.16.840.1.101.3.4.3.21", "SLH-DSA-SHA2-128f"),
    ("2.16.840.1.101.3.4.3.22", "SLH-DSA-SHA2-192s"),
    ("2.16.840.1.101.3.4.3.23", "SLH-DSA-SHA2-192f"),
    ("2.16.840.1.101.3.4.3.24", "SLH-DSA-SHA2-256s"),
    ("2.16.840.1.101.3.4.3.25", "SLH-DSA-SHA2-256f"),
    ("2.16.840.1.101.3.4.3.26", "SLH-DSA-SHAKE-128s"),
    ("2.16.840.1.101.3.4.3.27", "SLH-DSA-SHAKE-128f"),
    ("2.16.840.1.101.3.4.3.28", "SLH-DSA-SHAKE-192s"),
    ("2.16.840.1.101.3.4.3.29", "SLH-DSA-SHAKE-192f"),
    ("2.16.840.1.101.3.4.3.30", "SLH-DSA-SHAKE-256s"),
    ("2.16.840.1.101.3.4.3.31", "SLH-DSA-SHAKE-256f"),
    ("2.16.840.1.101.3.4.4.1", "ML-KEM-512"),
    ("2.16.840.1.101.3.4.4.2", "ML-KEM-768"),
    ("2.16.840.1.101.3.4.4.3", "ML-KEM-1024"),
    ("2.5.8.1.1", "RSA"),
];

const CURVES: &[(&str, Curve)] = &[
    ("1.2.156.10197.1.301", Curve { name: "curveSM2", bits: 256 }),
    ("1.2.643.2.2.35.1", Curve { name: "GC256B", bits: 256 }),
    ("1.2.643.2.2.35.2", Curve { name: "GC256C", bits: 256 }),
    ("1.2.643.2.2.35.3", Curve { name: "GC256D", bits: 256 }),
    ("1.2.643.2.2.36.0", Curve { name: "GC256B", bits: 256 }),
    ("1.2.643.2.2.36.1", Curve { name: "GC256D", bits: 256 }),
    ("1.2.643.7.1.2.1.1.1", Curve { name: "GC256A", bits: 256 }),
    ("1.2.643.7.1.2.1.1.2", Curve { name: "GC256B", bits: 256 }),
    ("1.2.643.7.1.2.1.1.3", Curve { name: "GC256C", bits: 256 }),
    ("1.2.643.7.1.2.1.1.4", Curve { name: "GC256D", bits: 256 }),
    ("1.2.643.7.1.2.1.2.1", Curve { name: "GC512A", bits: 512 }),
    ("1.2.643.7.1.2.1.2.2", Curve { name: "GC512B", bits: 512 }),
    ("1.2.643.7.1.2.1.2.3", Curve { name: "GC512C", bits: 512 }),
    ("1.2.840.10045.3.1.1", Curve { name: "secp192r1", bits: 192 }),
    ("1.2.840.10045.3.1.7", Curve { name: "secp256r1", bits: 256 }),
    ("1.3.132.0.1", Curve { name: "sect163k1", bits: 163 }),
    ("1.3.132.0.10", Curve { name: "secp256k1", bits: 256 }),
    ("1.3.132.0.15", Curve { name: "sect163r2", bits: 163 }),
    ("1.3.132.0.16", Curve { name: "sect283k1", bits: 283 }),
    ("1.3.132.0.17", Curve { name: "sect283r1", bits: 283 }),
    ("1.3.132.0.2", Curve { name: "sect163r1", bits: 163 }),
    ("1.3.132.0.24", Curve { name: "sect193r1", bits: 193 }),
    ("1.3.132.0.25", Curve { name: "sect193r2", bits: 193 }),
    ("1.3.132.0.26", Curve { name: "sect233k1", bits: 233 }),
    ("1.3.132.0.27", Curve { name: "sect233r1", bits: 233 }),
    ("1.3.132.0.28", Curve { name: "secp128r1", bits: 128 }),
    ("1.3.132.0.29", Curve { name: "secp128r2", bits: 128 }),
    ("1.3.132.0.3", Curve { name: "sect239k1", bits: 239 }),
    ("1.3.132.0.30", Curve { name: "secp160r2", bits: 160 }),
    ("1.3.132.0.31", Curve { name: "secp192k1", bits: 192 }),
    ("1.3.132.0.32", Curve { name: "secp224k1", bits: 224 }),
    ("1.3.132.0.33", Curve { name: "secp224r1", bits: 224 }),
    ("1.3.132.0.34", Curve { name: "secp384r1", bits: 384 }),
    ("1.3.132.0.35", Curve { name: "secp521r1", bits: 521 }),
    ("1.3.132.0.36", Curve { name: "sect409k1", bits: 409 }),
    ("1.3.132.0.37", Curve { name: "sect409r1", bits: 409 }),
    ("1.3.132.0.38", Curve { name: "sect571k1", bits: 571 }),
    ("1.3.132.0.39", Curve { name: "sect571r1", bits: 571 }),
    ("1.3.132.0.6", Curve { name: "secp112r1", bits: 112 }),
    ("1.3.132.0.7", Curve { name: "secp112r2", bits: 112 }),
    ("1.3.132.0.8", Curve { name: "secp160r1", bits: 160 }),
    ("1.3.132.0.9", Curve { name: "secp160k1", bits: 160 }),
    ("1.3.36.3.3.2.8.1.1.1", Curve { name: "brainpoolP160r1", bits: 160 }),
    ("1.3.36.3.3.2.8.1.1.10", Curve { name: "brainpoolP320t1", bits: 320 }),
    ("1.3.36.3.3.2.8.1.1.11", Curve { name: "brainpoolP384r1", bits: 384 }),
    ("1.3.36.3.3.2.8.1.1.12", Curve { name: "brainpoolP384t1", bits: 384 }),
    ("1.3.36.3.3.2.8.1.1.13", Curve { name: "brainpoolP512r1", bits: 512 }),
    ("1.3.36.3.3.2.8.1.1.14", Curve { name: "brainpoolP512t1", bits: 512 }),
    ("1.3.36.3.3.2.8.1.1.2", Curve { name: "brainpoolP160t1", bits: 160 }),
    ("1.3.36.3.3.2.8.1.1.3", Curve { name: "brainpoolP192r1", bits: 192 }),
    ("1.3.36.3.3.2.8.1.1.4", Curve { name: "brainpoolP192t1", bits: 192 }),
    ("1.3.36.3.3.2.8.1.1.5", Curve { name: "brainpoolP224r1", bits: 224 }),
    ("1.3.36.3.3.2.8.1.1.6", Curve { name: "brainpoolP224t1", bits: 224 }),
    ("1.3.36.3.3.2.8.1.1.7", Curve { name: "brainpoolP256r1", bits: 256 }),
    ("1.3.36.3.3.2.8.1.1.8", Curve { name: "brainpoolP256t1", bits: 256 }),
    ("1.3.36.3.3.2.8.1.1.9", Curve { name: "brainpoolP320r1", bits: 320 }),
];

#[cfg(test)]
mod tests {
    use super::super::is_sorted_without_duplicates;
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(is_sorted_without_duplicates(SIGNATURES));
        assert!(is_sorted_without_duplicates(KEYS));
        assert!(CURVES.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn algorithms_have_names() {
        assert_eq!(signature_algorithm("1.2.840.113549.1.1.11"), Some("SHA256-RSA"));
        assert_eq!(signature_algorithm("1.2.840.10045.4.3.3"), Some("ECDSA-SHA384"));
        assert_eq!(signature_algorithm("2.16.840.1.101.3.4.3.17"), Some("ML-DSA-44"));
        assert_eq!(signature_algorithm("1.2.3"), None);
        assert_eq!(public_key_algorithm("1.2.840.113549.1.1.1"), Some("RSA"));
        assert_eq!(public_key_algorithm("1.3.101.112"), Some("Ed25519"));
        assert_eq!(curve("1.2.840.10045.3.1.7"), Some("secp256r1"));
        assert_eq!(curve("1.3.132.0.34"), Some("secp384r1"));
        assert_eq!(curve_bits("1.3.132.0.35"), Some(521));
    }
}
