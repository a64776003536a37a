//! Alert descriptions: IANA's TLS Alerts (RFC 8446, section 6).

/// The name of an alert's description in IANA's spelling.
pub fn alert_description(description: u8) -> Option<&'static str> {
    entry(description).map(|&(_, name, _)| name)
}

/// What an alert says of the reason for a failure, in plain words.
pub fn alert_cause(description: u8) -> Option<&'static str> {
    entry(description).map(|&(_, _, cause)| cause)
}

fn entry(description: u8) -> Option<&'static Entry> {
    ALERTS.binary_search_by_key(&description, |&(number, ..)| number).ok().and_then(|at| ALERTS.get(at))
}

/// Number, name, cause.
type Entry = (u8, &'static str, &'static str);

const ALERTS: &[Entry] = &[
    (0, "close_notify", "closed"),
    // TLS 1.3 drafts only.
    (1, "end_of_early_data", "end of early data"),
    (10, "unexpected_message", "unexpected message"),
    (20, "bad_record_mac", "record damaged"),
    (21, "decryption_failed", "decryption failed"),
    (22, "record_overflow", "record too long"),
    (30, "decompression_failure", "decompression failed"),
    (40, "handshake_failure", "handshake failure"),
    (41, "no_certificate", "missing certificate"),
    (42, "bad_certificate", "bad certificate"),
    (43, "unsupported_certificate", "unsupported certificate"),
    (44, "certificate_revoked", "certificate revoked"),
    (45, "certificate_expired", "certificate expired"),
    (46, "certificate_unknown", "certificate not accepted"),
    (47, "illegal_parameter", "illegal parameter"),
    (48, "unknown_ca", "unknown CA"),
    (49, "access_denied", "access denied"),
    (50, "decode_error", "message not readable"),
    (51, "decrypt_error", "signature or key not accepted"),
    (52, "too_many_cids_requested", "too many connection ids requested"),
    (60, "export_restriction", "export restriction"),
    (70, "protocol_version", "no common protocol version"),
    (71, "insufficient_security", "no parameters that are secure enough"),
    (80, "internal_error", "internal error"),
    (86, "inappropriate_fallback", "fallback refused"),
    (90, "user_canceled", "cancelled"),
    (100, "no_renegotiation", "no renegotiation"),
    (109, "missing_extension", "missing extension"),
    (110, "unsupported_extension", "unsupported extension"),
    (111, "certificate_unobtainable", "certificate not to be had"),
    (112, "unrecognized_name", "unknown server name"),
    (113, "bad_certificate_status_response", "bad OCSP response"),
    (114, "bad_certificate_hash_value", "bad certificate hash"),
    (115, "unknown_psk_identity", "unknown PSK"),
    (116, "certificate_required", "missing client certificate"),
    (117, "general_error", "general error"),
    (120, "no_application_protocol", "no common application protocol"),
    (121, "ech_required", "encrypted ClientHello required"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(ALERTS.is_sorted_by(|(one, ..), (other, ..)| one < other));
    }

    #[test]
    fn alerts_have_their_registered_names() {
        assert_eq!(alert_description(0), Some("close_notify"));
        assert_eq!(alert_description(40), Some("handshake_failure"));
        assert_eq!(alert_description(48), Some("unknown_ca"));
        assert_eq!(alert_description(120), Some("no_application_protocol"));
        assert_eq!(alert_description(2), None);
    }

    #[test]
    fn alerts_have_a_cause_in_plain_words() {
        assert_eq!(alert_cause(45), Some("certificate expired"));
        assert_eq!(alert_cause(48), Some("unknown CA"));
        assert_eq!(alert_cause(70), Some("no common protocol version"));
        assert_eq!(alert_cause(116), Some("missing client certificate"));
        for (_, name, cause) in ALERTS {
            assert!(!cause.is_empty() && !cause.contains('_'), "{name}");
        }
    }
}
