//! Signature schemes: IANA's TLS SignatureScheme (RFC 8446, section 4.2.3) and, under it, the hash and signature pairs
//! of TLS 1.2 (RFC 5246, section 7.4.1.4.1).

use super::{Table, name_of};

/// The name of a signature scheme in IANA's spelling.
///
/// TLS 1.2 pairs that TLS 1.3 took up have the scheme's name; the others, which IANA keeps reserved, are named alike
/// after their two halves.
pub fn signature_scheme(scheme: u16) -> Option<&'static str> {
    name_of(SCHEMES, scheme)
}

/// The scheme of that name.
pub fn signature_scheme_named(name: &str) -> Option<u16> {
    SCHEMES.iter().find(|(_, known)| *known == name).map(|&(scheme, _)| scheme)
}

const SCHEMES: &Table<u16> = &[
    (0x0101, "rsa_pkcs1_md5"),
    (0x0102, "dsa_md5"),
    (0x0103, "ecdsa_md5"),
    (0x0201, "rsa_pkcs1_sha1"),
    (0x0202, "dsa_sha1"),
    (0x0203, "ecdsa_sha1"),
    (0x0301, "rsa_pkcs1_sha224"),
    (0x0302, "dsa_sha224"),
    (0x0303, "ecdsa_sha224"),
    (0x0401, "rsa_pkcs1_sha256"),
    (0x0402, "dsa_sha256"),
    (0x0403, "ecdsa_secp256r1_sha256"),
    (0x0420, "rsa_pkcs1_sha256_legacy"),
    (0x0501, "rsa_pkcs1_sha384"),
    (0x0502, "dsa_sha384"),
    (0x0503, "ecdsa_secp384r1_sha384"),
    (0x0520, "rsa_pkcs1_sha384_legacy"),
    (0x0601, "rsa_pkcs1_sha512"),
    (0x0602, "dsa_sha512"),
    (0x0603, "ecdsa_secp521r1_sha512"),
    (0x0620, "rsa_pkcs1_sha512_legacy"),
    (0x0704, "eccsi_sha256"),
    (0x0705, "iso_ibs1"),
    (0x0706, "iso_ibs2"),
    (0x0707, "iso_chinese_ibs"),
    (0x0708, "sm2sig_sm3"),
    (0x0709, "gostr34102012_256a"),
    (0x070a, "gostr34102012_256b"),
    (0x070b, "gostr34102012_256c"),
    (0x070c, "gostr34102012_256d"),
    (0x070d, "gostr34102012_512a"),
    (0x070e, "gostr34102012_512b"),
    (0x070f, "gostr34102012_512c"),
    (0x0804, "rsa_pss_rsae_sha256"),
    (0x0805, "rsa_pss_rsae_sha384"),
    (0x0806, "rsa_pss_rsae_sha512"),
    (0x0807, "ed25519"),
    (0x0808, "ed448"),
    (0x0809, "rsa_pss_pss_sha256"),
    (0x080a, "rsa_pss_pss_sha384"),
    (0x080b, "rsa_pss_pss_sha512"),
    (0x081a, "ecdsa_brainpoolP256r1tls13_sha256"),
    (0x081b, "ecdsa_brainpoolP384r1tls13_sha384"),
    (0x081c, "ecdsa_brainpoolP512r1tls13_sha512"),
    (0x0840, "gostr34102012_256"),
    (0x0841, "gostr34102012_512"),
    (0x0904, "mldsa44"),
    (0x0905, "mldsa65"),
    (0x0906, "mldsa87"),
    (0x0911, "slhdsa_sha2_128s"),
    (0x0912, "slhdsa_sha2_128f"),
    (0x0913, "slhdsa_sha2_192s"),
    (0x0914, "slhdsa_sha2_192f"),
    (0x0915, "slhdsa_sha2_256s"),
    (0x0916, "slhdsa_sha2_256f"),
    (0x0917, "slhdsa_shake_128s"),
    (0x0918, "slhdsa_shake_128f"),
    (0x0919, "slhdsa_shake_192s"),
    (0x091a, "slhdsa_shake_192f"),
    (0x091b, "slhdsa_shake_256s"),
    (0x091c, "slhdsa_shake_256f"),
    (0xeded, "gostr34102012_512_gostr34112012_512"),
    (0xeeee, "gostr34102012_256_gostr34112012_256"),
    (0xefef, "gostr34102001_gostr3411"),
];

#[cfg(test)]
mod tests {
    use super::super::is_sorted_without_duplicates;
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(is_sorted_without_duplicates(SCHEMES));
    }

    #[test]
    fn schemes_have_their_registered_names() {
        assert_eq!(signature_scheme(0x0403), Some("ecdsa_secp256r1_sha256"));
        assert_eq!(signature_scheme(0x0804), Some("rsa_pss_rsae_sha256"));
        assert_eq!(signature_scheme(0x0905), Some("mldsa65"));
        assert_eq!(signature_scheme(0x0911), Some("slhdsa_sha2_128s"));
        assert_eq!(signature_scheme(0x0000), None);
    }

    #[test]
    fn pairs_of_tls_1_2_have_names() {
        assert_eq!(signature_scheme(0x0201), Some("rsa_pkcs1_sha1"));
        assert_eq!(signature_scheme(0x0303), Some("ecdsa_sha224"));
        assert_eq!(signature_scheme(0x0402), Some("dsa_sha256"));
    }
}
