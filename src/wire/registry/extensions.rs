//! TLS extensions: IANA's TLS ExtensionType Values, and beside it what clients send that was never registered.

use super::{Table, name_of};

/// The name of an extension in IANA's spelling; for others that of their drafts.
pub fn extension(extension: u16) -> Option<&'static str> {
    name_of(EXTENSIONS, extension)
}

const EXTENSIONS: &Table<u16> = &[
    (0, "server_name"),
    (1, "max_fragment_length"),
    (2, "client_certificate_url"),
    (3, "trusted_ca_keys"),
    (4, "truncated_hmac"),
    (5, "status_request"),
    (6, "user_mapping"),
    (7, "client_authz"),
    (8, "server_authz"),
    (9, "cert_type"),
    (10, "supported_groups"),
    (11, "ec_point_formats"),
    (12, "srp"),
    (13, "signature_algorithms"),
    (14, "use_srtp"),
    (15, "heartbeat"),
    (16, "application_layer_protocol_negotiation"),
    (17, "status_request_v2"),
    (18, "signed_certificate_timestamp"),
    (19, "client_certificate_type"),
    (20, "server_certificate_type"),
    (21, "padding"),
    (22, "encrypt_then_mac"),
    (23, "extended_master_secret"),
    (24, "token_binding"),
    (25, "cached_info"),
    (26, "tls_lts"),
    (27, "compress_certificate"),
    (28, "record_size_limit"),
    (29, "pwd_protect"),
    (30, "pwd_clear"),
    (31, "password_salt"),
    (32, "ticket_pinning"),
    (33, "tls_cert_with_extern_psk"),
    (34, "delegated_credential"),
    (35, "session_ticket"),
    (36, "TLMSP"),
    (37, "TLMSP_proxying"),
    (38, "TLMSP_delegate"),
    (39, "supported_ekt_ciphers"),
    // Drafts of TLS 1.3 before 23 sent key_share here; IANA keeps the number reserved for it.
    (40, "key_share (draft)"),
    (41, "pre_shared_key"),
    (42, "early_data"),
    (43, "supported_versions"),
    (44, "cookie"),
    (45, "psk_key_exchange_modes"),
    (46, "ticket_early_data_info (draft)"),
    (47, "certificate_authorities"),
    (48, "oid_filters"),
    (49, "post_handshake_auth"),
    (50, "signature_algorithms_cert"),
    (51, "key_share"),
    (52, "transparency_info"),
    (53, "connection_id (deprecated)"),
    (54, "connection_id"),
    (55, "external_id_hash"),
    (56, "external_session_id"),
    (57, "quic_transport_parameters"),
    (58, "ticket_request"),
    (59, "dnssec_chain"),
    (60, "sequence_number_encryption_algorithms"),
    (61, "rrc"),
    (62, "tls_flags"),
    (0x3374, "next_protocol_negotiation"),
    (0x4469, "application_settings (draft)"),
    (0x44cd, "application_settings"),
    (0x754f, "channel_id (draft)"),
    (0x7550, "channel_id"),
    (0xca34, "trust_anchors"),
    (0xfd00, "ech_outer_extensions"),
    (0xfe0d, "encrypted_client_hello"),
    (0xff01, "renegotiation_info"),
    (0xffa5, "quic_transport_parameters (draft)"),
    (0xffce, "encrypted_server_name"),
];

#[cfg(test)]
mod tests {
    use super::super::is_sorted_without_duplicates;
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(is_sorted_without_duplicates(EXTENSIONS));
    }

    #[test]
    fn extensions_have_their_registered_names() {
        assert_eq!(extension(0), Some("server_name"));
        assert_eq!(extension(16), Some("application_layer_protocol_negotiation"));
        assert_eq!(extension(51), Some("key_share"));
        assert_eq!(extension(13172), Some("next_protocol_negotiation"));
        assert_eq!(extension(30032), Some("channel_id"));
        assert_eq!(extension(0xfe0d), Some("encrypted_client_hello"));
        assert_eq!(extension(0xff01), Some("renegotiation_info"));
        assert_eq!(extension(0x1234), None);
    }
}
