//! The short lists of a hello: compression, point formats, PSK modes.

use super::{Table, name_of};

/// The name of a compression method (RFC 3749, RFC 3943), in IANA's spelling.
pub fn compression_method(method: u8) -> Option<&'static str> {
    name_of(COMPRESSION, method)
}

/// The name of an EC point format (RFC 8422, section 5.1.2), in IANA's spelling.
pub fn point_format(format: u8) -> Option<&'static str> {
    name_of(POINT_FORMATS, format)
}

/// The name of a PSK key exchange mode (RFC 8446, section 4.2.9), in IANA's spelling.
pub fn psk_mode(mode: u8) -> Option<&'static str> {
    name_of(PSK_MODES, mode)
}

/// The name of a certificate compression algorithm (RFC 8879, section 7.3), in IANA's spelling.
pub fn certificate_compression(algorithm: u16) -> Option<&'static str> {
    name_of(CERTIFICATE_COMPRESSION, algorithm)
}

/// The name of a HeartbeatMode (RFC 6520, section 2), in IANA's spelling.
pub fn heartbeat_mode(mode: u8) -> Option<&'static str> {
    name_of(HEARTBEAT_MODES, mode)
}

/// Octets of plaintext that a MaxFragmentLength allows (RFC 6066, section 4).
pub fn max_fragment_length(code: u8) -> Option<u16> {
    match code {
        1 => Some(512),
        2 => Some(1024),
        3 => Some(2048),
        4 => Some(4096),
        _ => None,
    }
}

const COMPRESSION: &Table<u8> = &[(0, "NULL"), (1, "DEFLATE"), (64, "LZS")];

const POINT_FORMATS: &Table<u8> =
    &[(0, "uncompressed"), (1, "ansiX962_compressed_prime"), (2, "ansiX962_compressed_char2")];

const PSK_MODES: &Table<u8> = &[(0, "psk_ke"), (1, "psk_dhe_ke")];

const HEARTBEAT_MODES: &Table<u8> = &[(1, "peer_allowed_to_send"), (2, "peer_not_allowed_to_send")];

const CERTIFICATE_COMPRESSION: &Table<u16> = &[(1, "zlib"), (2, "brotli"), (3, "zstd")];

#[cfg(test)]
mod tests {
    use super::super::is_sorted_without_duplicates;
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(is_sorted_without_duplicates(HEARTBEAT_MODES));
        assert!(is_sorted_without_duplicates(COMPRESSION) && is_sorted_without_duplicates(POINT_FORMATS));
        assert!(is_sorted_without_duplicates(PSK_MODES) && is_sorted_without_duplicates(CERTIFICATE_COMPRESSION));
    }
}
