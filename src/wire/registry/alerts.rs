//! Alert descriptions: IANA's TLS Alerts (RFC 8446, section 6).

use super::{Table, name_of};

/// The name of an alert's description in IANA's spelling.
pub fn alert_description(description: u8) -> Option<&'static str> {
    name_of(ALERTS, description)
}

const ALERTS: &Table<u8> = &[
    (0, "close_notify"),
    // TLS 1.3 drafts only.
    (1, "end_of_early_data"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (52, "too_many_cids_requested"),
    (60, "export_restriction"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (111, "certificate_unobtainable"),
    (112, "unrecognized_name"),
    (113, "bad_certificate_status_response"),
    (114, "bad_certificate_hash_value"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (117, "general_error"),
    (120, "no_application_protocol"),
    (121, "ech_required"),
];

#[cfg(test)]
mod tests {
    use super::super::is_sorted_without_duplicates;
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(is_sorted_without_duplicates(ALERTS));
    }

    #[test]
    fn alerts_have_their_registered_names() {
        assert_eq!(alert_description(0), Some("close_notify"));
        assert_eq!(alert_description(40), Some("handshake_failure"));
        assert_eq!(alert_description(48), Some("unknown_ca"));
        assert_eq!(alert_description(120), Some("no_application_protocol"));
        assert_eq!(alert_description(2), None);
    }
}
