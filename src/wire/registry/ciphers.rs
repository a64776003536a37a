//! Cipher suites: the IANA registry as `tls-parser` embeds it, and beside it what is registered later, reserved or private.

use std::sync::LazyLock;

use tls_parser::{TlsCipherEnc, TlsCipherMac, TlsCipherSuite};

use super::{Table, name_of};

/// The name of a cipher suite or of a signalling value, in IANA's spelling; for private values that of their makers.
pub fn cipher_suite(suite: u16) -> Option<&'static str> {
    NAMES.get(usize::from(suite)).copied().flatten()
}

/// The names by their numbers, made at the first look-up: `tls-parser`'s own hash table took 7 % of the time of a new
/// hello's line.
static NAMES: LazyLock<Vec<Option<&'static str>>> = LazyLock::new(|| {
    let name = |suite| match TlsCipherSuite::from_id(suite) {
        Some(known) => Some(known.name),
        None => name_of(BESIDE, suite),
    };
    (0..=u16::MAX).map(name).collect()
});

/// Octets of the MAC behind each record of a suite that authenticates and does not encrypt; `None` for others.
pub fn null_cipher_mac(suite: u16) -> Option<usize> {
    let suite = TlsCipherSuite::from_id(suite)?;
    (suite.enc == TlsCipherEnc::Null && suite.mac != TlsCipherMac::Null).then(|| suite.mac_length())
}

/// What a suite's ServerKeyExchange holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerKeyExchangeForm {
    pub parameters: ServerParameters,
    /// A hint for the client's key comes first (RFC 4279, section 2).
    pub has_psk_hint: bool,
    /// A signature comes last.
    pub is_signed: bool,
}

/// The parameters of a ServerKeyExchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerParameters {
    None,
    /// Diffie-Hellman over integers (RFC 5246, section 7.4.3).
    Dh,
    /// Over a curve (RFC 8422, section 5.4).
    Curve,
    /// A temporary key, of export suites (RFC 2246, section 7.4.3).
    Rsa,
    /// RFC 5054, section 2.5.3.
    Srp,
}

/// The form of a suite's ServerKeyExchange, by the name of its key exchange; `None` where it has none, or it is not known.
pub fn server_key_exchange(suite: u16) -> Option<ServerKeyExchangeForm> {
    let (method, _) = cipher_suite(suite)?.split_once("_WITH_")?;
    let (_, method) = method.split_once('_')?;
    let (parameters, has_psk_hint, is_signed) = match method {
        "PSK" | "RSA_PSK" => (ServerParameters::None, true, false),
        "DHE_PSK" | "PSK_DHE" => (ServerParameters::Dh, true, false),
        "ECDHE_PSK" => (ServerParameters::Curve, true, false),
        "ECDH_anon" => (ServerParameters::Curve, false, false),
        "SRP_SHA" => (ServerParameters::Srp, false, false),
        _ if method.starts_with("DH_anon") => (ServerParameters::Dh, false, false),
        _ if method.starts_with("DHE_") => (ServerParameters::Dh, false, true),
        _ if method.starts_with("ECDHE_") => (ServerParameters::Curve, false, true),
        _ if method.starts_with("RSA_EXPORT") => (ServerParameters::Rsa, false, true),
        _ if method.starts_with("SRP_SHA_") => (ServerParameters::Srp, false, true),
        _ => return None,
    };
    Some(ServerKeyExchangeForm { parameters, has_psk_hint, is_signed })
}

/// What `tls-parser` does not know.
const BESIDE: &Table<u16> = &[
    (0x001c, "SSL_FORTEZZA_KEA_WITH_NULL_SHA"),
    (0x001d, "SSL_FORTEZZA_KEA_WITH_FORTEZZA_CBC_SHA"),
    (0x0080, "TLS_GOSTR341094_WITH_28147_CNT_IMIT"),
    (0x0081, "TLS_GOSTR341001_WITH_28147_CNT_IMIT"),
    (0x0082, "TLS_GOSTR341094_WITH_NULL_GOSTR3411"),
    (0x0083, "TLS_GOSTR341001_WITH_NULL_GOSTR3411"),
    (0xc0ff, "TLS_ECJPAKE_WITH_AES_128_CCM_8"),
    (0xc100, "TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC"),
    (0xc101, "TLS_GOSTR341112_256_WITH_MAGMA_CTR_OMAC"),
    (0xc102, "TLS_GOSTR341112_256_WITH_28147_CNT_IMIT"),
    (0xc103, "TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_L"),
    (0xc104, "TLS_GOSTR341112_256_WITH_MAGMA_MGM_L"),
    (0xc105, "TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_S"),
    (0xc106, "TLS_GOSTR341112_256_WITH_MAGMA_MGM_S"),
    (0xcc13, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD"),
    (0xcc14, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256_OLD"),
    (0xcc15, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD"),
    (0xe001, "ECDHE_SM1_SM3"),
    (0xe003, "ECC_SM1_SM3"),
    (0xe005, "IBSDH_SM1_SM3"),
    (0xe007, "IBC_SM1_SM3"),
    (0xe009, "RSA_SM1_SM3"),
    (0xe00a, "RSA_SM1_SHA1"),
    (0xe011, "ECDHE_SM4_CBC_SM3"),
    (0xe013, "ECC_SM4_CBC_SM3"),
    (0xe015, "IBSDH_SM4_CBC_SM3"),
    (0xe017, "IBC_SM4_CBC_SM3"),
    (0xe019, "RSA_SM4_CBC_SM3"),
    (0xe01a, "RSA_SM4_CBC_SHA1"),
    (0xe01c, "RSA_SM4_CBC_SHA256"),
    (0xe051, "ECDHE_SM4_GCM_SM3"),
    (0xe053, "ECC_SM4_GCM_SM3"),
    (0xe055, "IBSDH_SM4_GCM_SM3"),
    (0xe057, "IBC_SM4_GCM_SM3"),
    (0xe059, "RSA_SM4_GCM_SM3"),
    (0xe05a, "RSA_SM4_GCM_SHA256"),
    (0xe410, "TLS_RSA_WITH_ESTREAM_SALSA20_SHA1"),
    (0xe411, "TLS_RSA_WITH_SALSA20_SHA1"),
    (0xe412, "TLS_ECDHE_RSA_WITH_ESTREAM_SALSA20_SHA1"),
    (0xe413, "TLS_ECDHE_RSA_WITH_SALSA20_SHA1"),
    (0xe414, "TLS_ECDHE_ECDSA_WITH_ESTREAM_SALSA20_SHA1"),
    (0xe415, "TLS_ECDHE_ECDSA_WITH_SALSA20_SHA1"),
    (0xe416, "TLS_PSK_WITH_ESTREAM_SALSA20_SHA1"),
    (0xe417, "TLS_PSK_WITH_SALSA20_SHA1"),
    (0xe418, "TLS_ECDHE_PSK_WITH_ESTREAM_SALSA20_SHA1"),
    (0xe419, "TLS_ECDHE_PSK_WITH_SALSA20_SHA1"),
    (0xe41a, "TLS_RSA_PSK_WITH_ESTREAM_SALSA20_SHA1"),
    (0xe41b, "TLS_RSA_PSK_WITH_SALSA20_SHA1"),
    (0xe41c, "TLS_DHE_PSK_WITH_ESTREAM_SALSA20_SHA1"),
    (0xe41d, "TLS_DHE_PSK_WITH_SALSA20_SHA1"),
    (0xe41e, "TLS_DHE_RSA_WITH_ESTREAM_SALSA20_SHA1"),
    (0xe41f, "TLS_DHE_RSA_WITH_SALSA20_SHA1"),
    (0xfefe, "SSL_RSA_FIPS_WITH_DES_CBC_SHA"),
    (0xfeff, "SSL_RSA_FIPS_WITH_3DES_EDE_CBC_SHA"),
    (0xffe0, "SSL_RSA_FIPS_WITH_3DES_EDE_CBC_SHA"),
    (0xffe1, "SSL_RSA_FIPS_WITH_DES_CBC_SHA"),
];

#[cfg(test)]
mod tests {
    use super::super::is_sorted_without_duplicates;
    use super::*;

    #[test]
    fn the_table_is_sorted_and_says_nothing_twice() {
        assert!(is_sorted_without_duplicates(BESIDE));
        for (suite, name) in BESIDE {
            assert_eq!(TlsCipherSuite::from_id(*suite).map(|known| known.name), None, "{name}");
        }
    }

    #[test]
    fn suites_have_their_registered_names() {
        assert_eq!(cipher_suite(0x0000), Some("TLS_NULL_WITH_NULL_NULL"));
        assert_eq!(cipher_suite(0x1301), Some("TLS_AES_128_GCM_SHA256"));
        assert_eq!(cipher_suite(0xc02f), Some("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
        assert_eq!(cipher_suite(0xcca8), Some("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"));
        assert_eq!(cipher_suite(0x00c6), Some("TLS_SM4_GCM_SM3"));
        assert_eq!(cipher_suite(0xc102), Some("TLS_GOSTR341112_256_WITH_28147_CNT_IMIT"));
        assert_eq!(cipher_suite(0x4a4b), None);
    }

    #[test]
    fn signalling_values_and_private_suites_have_names() {
        assert_eq!(cipher_suite(0x00ff), Some("TLS_EMPTY_RENEGOTIATION_INFO_SCSV"));
        assert_eq!(cipher_suite(0x5600), Some("TLS_FALLBACK_SCSV"));
        assert_eq!(cipher_suite(0xfeff), Some("SSL_RSA_FIPS_WITH_3DES_EDE_CBC_SHA"));
        assert_eq!(cipher_suite(0x0081), Some("TLS_GOSTR341001_WITH_28147_CNT_IMIT"));
    }

    #[test]
    fn the_name_of_a_suite_tells_what_its_server_sends() {
        let form = |suite| server_key_exchange(suite).map(|form| (form.parameters, form.has_psk_hint, form.is_signed));
        assert_eq!(form(0x0033), Some((ServerParameters::Dh, false, true)));
        assert_eq!(form(0x0034), Some((ServerParameters::Dh, false, false)));
        assert_eq!(form(0x0011), Some((ServerParameters::Dh, false, true)), "an export suite");
        assert_eq!(form(0xc02f), Some((ServerParameters::Curve, false, true)));
        assert_eq!(form(0xcc13), Some((ServerParameters::Curve, false, true)));
        assert_eq!(form(0xc018), Some((ServerParameters::Curve, false, false)));
        assert_eq!(form(0xc035), Some((ServerParameters::Curve, true, false)));
        assert_eq!(form(0x00aa), Some((ServerParameters::Dh, true, false)));
        assert_eq!(form(0xc0a6), Some((ServerParameters::Dh, true, false)));
        assert_eq!(form(0x008c), Some((ServerParameters::None, true, false)));
        assert_eq!(form(0x0003), Some((ServerParameters::Rsa, false, true)));
        assert_eq!(form(0xc01d), Some((ServerParameters::Srp, false, false)));
        assert_eq!(form(0xc01e), Some((ServerParameters::Srp, false, true)));
        for suite in [0x002f, 0x1301, 0x000d, 0xc004, 0x00ff, 0x4a4a] {
            assert_eq!(form(suite), None, "{suite:#06x}");
        }
    }

    #[test]
    fn every_suite_of_the_registry_is_there() {
        assert!((0..=u16::MAX).filter_map(cipher_suite).count() >= 390);
    }
}
