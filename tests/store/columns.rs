//! Where a fact stands in the store and in the NDJSON.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A column, and where the same fact stands in the NDJSON.
pub struct Column {
    pub expression: &'static str,
    pub path: &'static str,
    pub read: fn(&Value, &str) -> Option<Value>,
}

const fn same(expression: &'static str, path: &'static str) -> Column {
    Column { expression, path, read: at }
}

const fn each(expression: &'static str, path: &'static str) -> Column {
    Column { expression, path, read: in_chain }
}

const fn dates(expression: &'static str, path: &'static str) -> Column {
    Column { expression, path, read: dates_in_chain }
}

macro_rules! code {
    ($column:literal) => {
        concat!("'0x' || leftPad(lower(hex(", $column, ")), 4, '0')")
    };
}

macro_rules! codes {
    ($column:literal) => {
        concat!("arrayMap(x -> '0x' || leftPad(lower(hex(x)), 4, '0'), ", $column, ")")
    };
}

macro_rules! date {
    ($column:literal) => {
        concat!("formatDateTime(", $column, ", '%Y-%m-%dT%H:%i:%SZ')")
    };
}

pub const SESSION: &[Column] = &[
    same("replaceOne(toString(timestamp), ' ', 'T') || 'Z'", "@timestamp"),
    same("replaceOne(toString(ended), ' ', 'T') || 'Z'", "event.end"),
    same("network_transport", "network.transport"),
    same("network_protocol", "network.protocol"),
    same("network_type", "network.type"),
    same("community_id", "network.community_id"),
    same("toString(vlan_id)", "network.vlan.id"),
    same("toString(inner_vlan_id)", "network.inner.vlan.id"),
    same("replaceRegexpOne(toString(source_ip), '^::ffff:', '')", "source.ip"),
    same("source_port", "source.port"),
    same("replaceRegexpOne(toString(destination_ip), '^::ffff:', '')", "destination.ip"),
    same("destination_port", "destination.port"),
    same("version", "tls.version"),
    same("version_protocol", "tls.version_protocol"),
    same("cipher", "tls.cipher"),
    same("curve", "tls.curve"),
    same("next_protocol", "tls.next_protocol"),
    same("resumed", "tls.resumed"),
    same("established", "tls.established"),
    same("server_name", "tls.client.server_name"),
    same("lower(hex(ja3))", "tls.client.ja3"),
    same("ja3_full", "tlsight.client.ja3_full"),
    same("lower(hex(ja3n))", "tlsight.client.ja3n"),
    same("ja4", "tls.client.ja4"),
    same("ja4_r", "tlsight.client.ja4_r"),
    same("ja4_o", "tlsight.client.ja4_o"),
    same("ja4_ro", "tlsight.client.ja4_ro"),
    same("stable", "tlsight.client.stable"),
    same("ja4t", "tlsight.client.ja4t"),
    same("ja4l", "tlsight.client.ja4l"),
    same("client_system", "tlsight.client.system"),
    same("client_first_records", "tlsight.client.first_records"),
    same("browser_claims", "tlsight.client.browser.claims"),
    same("browser_verdict", "tlsight.client.browser.verdict"),
    same("browser_evidence", "tlsight.client.browser.evidence"),
    same("if(client_format = 'tls', '', client_format)", "tlsight.client.hello.format"),
    same("lower(hex(client_random))", "tlsight.client.random"),
    same("client_session_id_length", "tlsight.client.hello.session_id_length"),
    same(code!("client_legacy_version"), "tlsight.client.hello.legacy_version"),
    same(codes!("client_versions"), "tlsight.client.hello.versions"),
    same(codes!("client_ciphers"), "tlsight.client.hello.ciphers"),
    same(
        "arrayMap(x -> '0x' || leftPad(lower(hex(x)), 6, '0'), client_sslv2_ciphers)",
        "tlsight.client.hello.sslv2_ciphers",
    ),
    same(codes!("client_compression_methods"), "tlsight.client.hello.compression_methods"),
    same(codes!("client_extensions"), "tlsight.client.hello.extensions"),
    same(codes!("client_groups"), "tlsight.client.hello.groups"),
    same(codes!("client_key_shares"), "tlsight.client.hello.key_shares"),
    same(codes!("client_point_formats"), "tlsight.client.hello.point_formats"),
    same(codes!("client_signature_algorithms"), "tlsight.client.hello.signature_algorithms"),
    same(codes!("client_signature_algorithms_cert"), "tlsight.client.hello.signature_algorithms_cert"),
    same("client_alpn", "tlsight.client.hello.alpn"),
    same(codes!("client_psk_modes"), "tlsight.client.hello.psk_modes"),
    same(codes!("client_certificate_compression"), "tlsight.client.hello.certificate_compression"),
    same(
        "['', 'peer_allowed_to_send', 'peer_not_allowed_to_send'][client_heartbeat + 1]",
        "tlsight.client.hello.heartbeat",
    ),
    same("client_max_fragment_length", "tlsight.client.hello.max_fragment_length"),
    same("client_record_size_limit", "tlsight.client.hello.record_size_limit"),
    same("lower(hex(second_ja3))", "tlsight.client.second_hello.ja3"),
    same("second_ja4", "tlsight.client.second_hello.ja4"),
    same("second_ja4_r", "tlsight.client.second_hello.ja4_r"),
    same(codes!("second_ciphers"), "tlsight.client.second_hello.hello.ciphers"),
    same(codes!("second_extensions"), "tlsight.client.second_hello.hello.extensions"),
    same(codes!("second_groups"), "tlsight.client.second_hello.hello.groups"),
    same(codes!("second_key_shares"), "tlsight.client.second_hello.hello.key_shares"),
    same("lower(hex(ja3s))", "tls.server.ja3s"),
    same("ja3s_full", "tlsight.server.ja3s_full"),
    same("ja4s", "tls.server.ja4s"),
    same("ja4s_r", "tlsight.server.ja4s_r"),
    same("ja4ts", "tlsight.server.ja4ts"),
    same("ja4ls", "tlsight.server.ja4ls"),
    same("lower(hex(server_random))", "tlsight.server.random"),
    same("server_session_id_length", "tlsight.server.hello.session_id_length"),
    same(code!("server_legacy_version"), "tlsight.server.hello.legacy_version"),
    same(code!("server_version"), "tlsight.server.hello.version"),
    same(code!("server_cipher"), "tlsight.server.hello.cipher"),
    same(code!("server_compression_method"), "tlsight.server.hello.compression_method"),
    same(codes!("server_extensions"), "tlsight.server.hello.extensions"),
    same(code!("server_key_share"), "tlsight.server.hello.key_share"),
    same("server_selected_psk", "tlsight.server.hello.selected_psk"),
    same(
        "['', 'peer_allowed_to_send', 'peer_not_allowed_to_send'][server_heartbeat + 1]",
        "tlsight.server.hello.heartbeat",
    ),
    same("server_max_fragment_length", "tlsight.server.hello.max_fragment_length"),
    same("server_record_size_limit", "tlsight.server.hello.record_size_limit"),
    same("hello_retry", "tlsight.handshake.hello_retry"),
    same(code!("retry_group"), "tlsight.handshake.retry.group"),
    same("retry_cookie", "tlsight.handshake.retry.cookie"),
    same(codes!("retry_added"), "tlsight.handshake.retry.added"),
    same(codes!("retry_removed"), "tlsight.handshake.retry.removed"),
    same(codes!("retry_changed"), "tlsight.handshake.retry.changed"),
    same("resumption", "tlsight.handshake.resumption"),
    same("resumption_offered", "tlsight.handshake.resumption_offered"),
    same("early_data", "tlsight.handshake.early_data"),
    same("round_trips", "tlsight.handshake.round_trips"),
    same("post_quantum", "tlsight.handshake.post_quantum"),
    same("dh_prime_bits", "tlsight.handshake.dh.prime_bits"),
    same("dh_group", "tlsight.handshake.dh.group"),
    same("lower(hex(dh_prime_sha256))", "tlsight.handshake.dh.prime_sha256"),
    same("lower(hex(dh_public_sha256))", "tlsight.handshake.dh.public_sha256"),
    same("rsa_bits", "tlsight.handshake.rsa_bits"),
    same("renegotiation_info", "tlsight.handshake.renegotiation_info"),
    same("extended_master_secret", "tlsight.handshake.extended_master_secret"),
    same("ech", "tlsight.handshake.ech.status"),
    same("ech_reason", "tlsight.handshake.ech.reason"),
    same("ech_config_id", "tlsight.handshake.ech.config_id"),
    same(code!("ech_kdf"), "tlsight.handshake.ech.kdf"),
    same(code!("ech_aead"), "tlsight.handshake.ech.aead"),
    same("ech_enc_length", "tlsight.handshake.ech.enc_length"),
    same("ech_payload_length", "tlsight.handshake.ech.payload_length"),
    same("client_auth", "tlsight.handshake.client_auth"),
    same("client_certificate", "tlsight.handshake.client_certificate"),
    same("ocsp_requested", "tlsight.handshake.ocsp_requested"),
    same("ocsp_stapled", "tlsight.handshake.ocsp_stapled"),
    same("security_grade", "tlsight.security.grade"),
    same("security_weaknesses", "tlsight.security.weaknesses"),
    same("security_forward_secrecy", "tlsight.security.forward_secrecy"),
    same("security_post_quantum", "tlsight.security.post_quantum"),
    same("security_chain_status", "tlsight.security.chain.status"),
    same("security_chain_problems", "tlsight.security.chain.problems"),
    same("security_chain_name_match", "tlsight.security.chain.name_match"),
    same("security_client_chain_status", "tlsight.security.client_chain.status"),
    same("security_client_chain_problems", "tlsight.security.client_chain.problems"),
    same("ocsp_status", "tlsight.security.ocsp.status"),
    same("ocsp_reason", "tlsight.security.ocsp.reason"),
    same(date!("ocsp_revoked_at"), "tlsight.security.ocsp.revoked_at"),
    same(date!("ocsp_produced_at"), "tlsight.security.ocsp.produced_at"),
    same(date!("ocsp_this_update"), "tlsight.security.ocsp.this_update"),
    same(date!("ocsp_next_update"), "tlsight.security.ocsp.next_update"),
    same("ocsp_freshness", "tlsight.security.ocsp.freshness"),
    same("ocsp_signer", "tlsight.security.ocsp.signer"),
    same("ocsp_malformed", "tlsight.security.ocsp.malformed"),
    same("certificate_scts", "tlsight.security.sct.certificate"),
    same("staple_scts", "tlsight.security.sct.staple"),
    same("sct_count", "tlsight.handshake.sct_count"),
    same("new_session_ticket", "tlsight.handshake.new_session_ticket"),
    same("alert_from", "tlsight.handshake.alert.from"),
    same("alert_level", "tlsight.handshake.alert.level"),
    same("alert_description", "tlsight.handshake.alert.description"),
    same("failure", "tlsight.handshake.failure"),
    same("hello_latency", "tlsight.handshake.latency"),
    same("handshake_duration", "tlsight.handshake.duration"),
    same("tcp_server_latency", "tlsight.handshake.tcp.server_latency"),
    same("tcp_client_latency", "tlsight.handshake.tcp.client_latency"),
    same("missing", "tlsight.missing"),
    same("anomaly", "tlsight.anomaly"),
    same("second_ja3_full", "tlsight.client.second_hello.ja3_full"),
    same("lower(hex(second_ja3n))", "tlsight.client.second_hello.ja3n"),
    same("second_ja4_o", "tlsight.client.second_hello.ja4_o"),
    same("second_ja4_ro", "tlsight.client.second_hello.ja4_ro"),
    same("second_stable", "tlsight.client.second_hello.stable"),
    same(code!("second_legacy_version"), "tlsight.client.second_hello.hello.legacy_version"),
    same(codes!("second_versions"), "tlsight.client.second_hello.hello.versions"),
    same(codes!("second_compression_methods"), "tlsight.client.second_hello.hello.compression_methods"),
    same(codes!("second_point_formats"), "tlsight.client.second_hello.hello.point_formats"),
    same(codes!("second_signature_algorithms"), "tlsight.client.second_hello.hello.signature_algorithms"),
    same(codes!("second_signature_algorithms_cert"), "tlsight.client.second_hello.hello.signature_algorithms_cert"),
    same("second_alpn", "tlsight.client.second_hello.hello.alpn"),
    same(codes!("second_psk_modes"), "tlsight.client.second_hello.hello.psk_modes"),
    same(codes!("second_certificate_compression"), "tlsight.client.second_hello.hello.certificate_compression"),
    same("second_record_size_limit", "tlsight.client.second_hello.hello.record_size_limit"),
    same("server_alpn", "tlsight.server.hello.alpn"),
    same("security_reasons", "tlsight.security.reasons"),
    same("hello_verify", "tlsight.handshake.hello_verify"),
    each("alerts_from", "tlsight.handshake.alerts.from"),
    each("alerts_level", "tlsight.handshake.alerts.level"),
    each("alerts_description", "tlsight.handshake.alerts.description"),
    each("label_side", "tlsight.labels.side"),
    each("label_software", "tlsight.labels.software"),
    each("label_setup", "tlsight.labels.setup"),
    each("label_version", "tlsight.labels.version"),
    each("label_library", "tlsight.labels.library"),
    each("label_role", "tlsight.labels.role"),
    each("label_specificity", "tlsight.labels.specificity"),
    each("label_evidence", "tlsight.labels.evidence"),
    each("label_source", "tlsight.labels.source"),
    each("label_also", "tlsight.labels.also"),
    same("upgrade", "tlsight.upgrade"),
    same("replaceRegexpOne(toString(proxy_source_ip), '^::ffff:', '')", "tlsight.proxy.source.ip"),
    same("proxy_source_port", "tlsight.proxy.source.port"),
    same("replaceRegexpOne(toString(proxy_destination_ip), '^::ffff:', '')", "tlsight.proxy.destination.ip"),
    same("proxy_destination_port", "tlsight.proxy.destination.port"),
    each("tunnel_type", "tlsight.tunnel.type"),
    each("tunnel_id", "tlsight.tunnel.id"),
    same("quic_client_initial_dcid", "tlsight.quic.client_initial_dcid"),
    same("quic_client_scid", "tlsight.quic.client_scid"),
    same("quic_server_scid", "tlsight.quic.server_scid"),
    same("quic_retry", "tlsight.quic.retry"),
    same("quic_version_negotiation", "tlsight.quic.version_negotiation"),
    same("quic_zero_rtt", "tlsight.quic.zero_rtt"),
    same("quic_user_agent", "tlsight.quic.user_agent"),
    each("quic_parameter_values", "tlsight.quic.transport_parameters.value"),
    // A leaf's names and version stand in its ECS fields only.
    same("server_chain_subject_common_name[1]", "tls.server.x509.subject.common_name.0"),
    same("server_chain_issuer_common_name[1]", "tls.server.x509.issuer.common_name.0"),
    same("server_chain_version[1]", "tls.server.x509.version_number"),
];

macro_rules! hex {
    ($side:literal, $name:literal) => {
        concat!("arrayMap(x -> lower(hex(x)), ", $side, "_chain_", $name, ")")
    };
}

macro_rules! seconds {
    ($side:literal, $name:literal) => {
        concat!("arrayMap(x -> toInt64(x), ", $side, "_chain_", $name, ")")
    };
}

macro_rules! only_true {
    ($side:literal, $name:literal) => {
        concat!("arrayMap(x -> if(x, true, NULL), ", $side, "_chain_", $name, ")")
    };
}

macro_rules! chain {
    ($side:literal) => {
        &[
            each(concat!($side, "_chain_subject"), concat!("tlsight.", $side, ".chain.subject")),
            each(concat!($side, "_chain_issuer"), concat!("tlsight.", $side, ".chain.issuer")),
            each(concat!($side, "_chain_serial"), concat!("tlsight.", $side, ".chain.serial")),
            each(hex!($side, "md5"), concat!("tlsight.", $side, ".chain.md5")),
            each(hex!($side, "sha1"), concat!("tlsight.", $side, ".chain.sha1")),
            each(hex!($side, "sha256"), concat!("tlsight.", $side, ".chain.sha256")),
            dates(seconds!($side, "not_before"), concat!("tlsight.", $side, ".chain.not_before")),
            dates(seconds!($side, "not_after"), concat!("tlsight.", $side, ".chain.not_after")),
            each(
                concat!($side, "_chain_public_key_algorithm"),
                concat!("tlsight.", $side, ".chain.public_key_algorithm"),
            ),
            each(concat!($side, "_chain_public_key_size"), concat!("tlsight.", $side, ".chain.public_key_size")),
            each(concat!($side, "_chain_public_key_curve"), concat!("tlsight.", $side, ".chain.public_key_curve")),
            each(
                concat!($side, "_chain_signature_algorithm"),
                concat!("tlsight.", $side, ".chain.signature_algorithm"),
            ),
            each(concat!($side, "_chain_alternative_names"), concat!("tlsight.", $side, ".chain.alternative_names")),
            each(concat!($side, "_chain_is_ca"), concat!("tlsight.", $side, ".chain.is_ca")),
            each(concat!($side, "_chain_self_issued"), concat!("tlsight.", $side, ".chain.self_issued")),
            each(only_true!($side, "malformed"), concat!("tlsight.", $side, ".chain.malformed")),
            each(concat!($side, "_chain_ja4x"), concat!("tlsight.", $side, ".chain.ja4x")),
        ]
    };
}

pub const CLIENT_CHAIN: &[Column] = chain!("client");
pub const SERVER_CHAIN: &[Column] = chain!("server");

pub fn at(line: &Value, path: &str) -> Option<Value> {
    path.split('.')
        .try_fold(line, |value, key| match key.parse::<usize>() {
            Ok(index) => value.get(index),
            Err(_) => value.get(key),
        })
        .cloned()
}

/// The values of a key in each certificate of a chain, null where it is absent.
pub fn in_chain(line: &Value, path: &str) -> Option<Value> {
    let (chain, key) = path.rsplit_once('.')?;
    let chain = at(line, chain)?;
    Some(chain.as_array()?.iter().map(|certificate| certificate.get(key).cloned().unwrap_or_default()).collect())
}

pub fn dates_in_chain(line: &Value, path: &str) -> Option<Value> {
    let texts = in_chain(line, path)?;
    let seconds = |text: &str| OffsetDateTime::parse(text, &Rfc3339).expect("RFC 3339").unix_timestamp();
    Some(texts.as_array()?.iter().map(|text| text.as_str().map(seconds)).map(Value::from).collect())
}

/// A value with what stands for "not known" taken out: a column has empty text where the line has nothing.
pub fn known(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Object(members) if members.is_empty() => None,
        Value::Array(items) => Some(items.iter().map(|item| known(item).unwrap_or_default()).collect()),
        other => Some(other.clone()),
    }
}

const fn date(expression: &'static str, path: &'static str) -> Column {
    Column { expression, path, read: date_at }
}

pub const CERTIFICATE: &[Column] = &[
    same("replaceOne(toString(first_seen), ' ', 'T') || 'Z'", "@timestamp"),
    same("lower(hex(sha256))", "tlsight.certificate.sha256"),
    same("lower(hex(sha1))", "tlsight.certificate.sha1"),
    same("lower(hex(md5))", "tlsight.certificate.md5"),
    same("lower(hex(event_id))", "tlsight.certificate.session"),
    same("shown_by", "tlsight.certificate.shown_by"),
    same("leaf", "tlsight.certificate.leaf"),
    same("version", "tlsight.certificate.version"),
    same("serial", "tlsight.certificate.serial"),
    same("subject", "tlsight.certificate.subject"),
    same("subject_common_name", "tlsight.certificate.subject_common_name"),
    same("issuer", "tlsight.certificate.issuer"),
    same("issuer_common_name", "tlsight.certificate.issuer_common_name"),
    same("self_issued", "tlsight.certificate.self_issued"),
    date("toInt64(not_before)", "tlsight.certificate.not_before"),
    date("toInt64(not_after)", "tlsight.certificate.not_after"),
    same("lifetime_days", "tlsight.certificate.lifetime_days"),
    same("days_left", "tlsight.certificate.days_left"),
    same("public_key_algorithm", "tlsight.certificate.public_key.algorithm"),
    same("public_key_size", "tlsight.certificate.public_key.size"),
    same("public_key_curve", "tlsight.certificate.public_key.curve"),
    same("public_key_exponent", "tlsight.certificate.public_key.exponent"),
    same("lower(hex(public_key_sha256))", "tlsight.certificate.public_key.sha256"),
    same("base64Encode(public_key_sha256)", "tlsight.certificate.public_key.pin"),
    same("signature_algorithm", "tlsight.certificate.signature_algorithm"),
    same("signature_hash", "tlsight.certificate.signature_hash"),
    same("dns_names", "tlsight.certificate.names.dns"),
    same("arrayMap(x -> replaceRegexpOne(toString(x), '^::ffff:', ''), ip_addresses)", "tlsight.certificate.names.ip"),
    same("email_addresses", "tlsight.certificate.names.email"),
    same("uris", "tlsight.certificate.names.uri"),
    same("nullIf(name_count, 0)", "tlsight.certificate.names.count"),
    same("is_ca", "tlsight.certificate.is_ca"),
    same("path_length", "tlsight.certificate.path_length"),
    same("key_usage", "tlsight.certificate.key_usage"),
    same("extended_key_usage", "tlsight.certificate.extended_key_usage"),
    same("policies", "tlsight.certificate.policies"),
    same("validation", "tlsight.certificate.validation"),
    same("ocsp", "tlsight.certificate.ocsp"),
    same("ca_issuers", "tlsight.certificate.ca_issuers"),
    same("crl", "tlsight.certificate.crl"),
    same("sct_count", "tlsight.certificate.sct_count"),
    each("arrayMap(x -> lower(hex(x)), sct_log)", "tlsight.certificate.scts.log"),
    dates("arrayMap(x -> toInt64(x), sct_timestamp)", "tlsight.certificate.scts.timestamp"),
    same("if(must_staple, true, NULL)", "tlsight.certificate.must_staple"),
    same("if(name_constraints, true, NULL)", "tlsight.certificate.name_constraints"),
    same("subject_key_id", "tlsight.certificate.subject_key_id"),
    same("authority_key_id", "tlsight.certificate.authority_key_id"),
    same("flaws", "tlsight.certificate.flaws"),
    same("nullIf(left_out, 0)", "tlsight.certificate.left_out"),
    same("if(malformed, true, NULL)", "tlsight.certificate.malformed"),
    same("ja4x", "tlsight.certificate.ja4x"),
    same("base64Encode(der)", "tlsight.certificate.der"),
];

pub const ALERT: &[Column] = &[
    same("replaceOne(toString(timestamp), ' ', 'T') || 'Z'", "@timestamp"),
    same("lower(hex(event_id))", "tlsight.alert.session"),
    same("rule_id", "rule.id"),
    same("title", "rule.name"),
    same("level", "tlsight.alert.level"),
    same("tags", "tags"),
    same("message", "message"),
    same("replaceRegexpOne(toString(source_ip), '^::ffff:', '')", "source.ip"),
    same("source_port", "source.port"),
    same("replaceRegexpOne(toString(destination_ip), '^::ffff:', '')", "destination.ip"),
    same("destination_port", "destination.port"),
    same("ja4", "tls.client.ja4"),
    same("arrayMap(x -> lower(hex(x)), event_ids)", "tlsight.alert.sessions"),
    same("session_count", "tlsight.alert.count"),
    same("group", "tlsight.alert.group"),
    same("nullIf(suppressed, 0)", "tlsight.alert.suppressed"),
    Column {
        expression: "mapApply((name, value) -> (name, toString(value)), measures)",
        path: "tlsight.alert.measures",
        read: figures,
    },
    same("list", "threat.feed.name"),
    same("indicator_type", "threat.indicator.type"),
    same("indicator", "threat.indicator.name"),
    same("indicator_description", "threat.indicator.description"),
];

pub const STATS: &[Column] = &[
    same("replaceOne(toString(timestamp), ' ', 'T') || 'Z'", "@timestamp"),
    same("sensor", "observer.name"),
    same("packets", "tlsight.stats.packets"),
    same("bytes", "tlsight.stats.bytes"),
    same("flows", "tlsight.stats.flows"),
    same("sessions", "tlsight.stats.sessions"),
    same("packets_ignored", "tlsight.stats.packets_ignored"),
    same("packets_malformed", "tlsight.stats.packets_malformed"),
    same("fragments", "tlsight.stats.fragments"),
    same("fragments_dropped", "tlsight.stats.fragments_dropped"),
    same("flows_evicted", "tlsight.stats.flows_evicted"),
    same("half_open_evicted", "tlsight.stats.half_open_evicted"),
    same("reassembly_limit", "tlsight.stats.reassembly_limit"),
    same("message_limit", "tlsight.stats.message_limit"),
    same("gaps", "tlsight.stats.gaps"),
    same("chains_unchecked", "tlsight.stats.chains_unchecked"),
    same("events_shed", "tlsight.stats.events_shed"),
    same("packets_dropped", "tlsight.stats.packets_dropped"),
    same("rule_groups_evicted", "tlsight.stats.rule_groups_evicted"),
    same("late_matches", "tlsight.stats.late_matches"),
    same("numbers_left_out", "tlsight.stats.numbers_left_out"),
    same("alerts_suppressed", "tlsight.stats.alerts_suppressed"),
    same("suppressions_evicted", "tlsight.stats.suppressions_evicted"),
    same("truncated", "tlsight.stats.truncated"),
];

/// Numbers by their names, as text: the store leaves out a point with nothing behind it.
fn figures(line: &Value, path: &str) -> Option<Value> {
    let figures = at(line, path)?;
    let shown = figures
        .as_object()?
        .iter()
        .map(|(name, value)| (name.clone(), format!("{}", value.as_f64().unwrap_or(f64::NAN)).into()));
    Some(Value::Object(shown.collect()))
}

/// Seconds since 1970.
fn date_at(line: &Value, path: &str) -> Option<Value> {
    let text = at(line, path)?;
    Some(Value::from(OffsetDateTime::parse(text.as_str()?, &Rfc3339).expect("RFC 3339").unix_timestamp()))
}

/// What the NDJSON says and no column of these lists has: by the beginning of its path, and what of the store says it.
pub const DERIVED: &[(&str, &str)] = &[
    ("event.category", "the table"),
    ("event.dataset", "the table"),
    ("event.kind", "the table"),
    ("event.type", "the table"),
    ("event.duration", "ended - timestamp"),
    ("event.id", "event_id"),
    ("event.severity", "level, as a number"),
    ("rule.description", "rule_id, in the rules"),
    ("rule.reference", "rule_id, in the rules"),
    ("threat.framework", "tags"),
    ("threat.tactic.", "tags, by name"),
    ("threat.technique.", "tags"),
    ("tlsight.alert.group.", "group, which is compared as a whole"),
    ("tlsight.alert.measures.", "measures, which are compared as a whole"),
    ("tls.client.hash.", "client_chain_md5[1] and so on"),
    ("tls.client.issuer", "client_chain_issuer[1]"),
    ("tls.client.not_", "client_chain_not_before[1], client_chain_not_after[1]"),
    ("tls.client.subject", "client_chain_subject[1]"),
    ("tls.client.supported_ciphers", "client_ciphers, by name"),
    ("tls.client.x509.", "client_chain_*[1]"),
    ("tls.server.hash.", "server_chain_md5[1] and so on"),
    ("tls.server.issuer", "server_chain_issuer[1]"),
    ("tls.server.not_", "server_chain_not_before[1], server_chain_not_after[1]"),
    ("tls.server.subject", "server_chain_subject[1]"),
    ("tls.server.x509.", "server_chain_*[1]"),
    ("tlsight.client.hello.post_quantum", "client_post_quantum, by name"),
    ("tlsight.client.second_hello.hello.post_quantum", "second_groups, by name"),
    ("tlsight.client.second_hello.supported_ciphers", "second_ciphers, by name"),
    ("tlsight.handshake.alert.name", "alert_description, by name"),
    ("tlsight.handshake.alerts.name", "alerts_description, by name"),
    ("tlsight.handshake.client_signature_scheme", "client_signature_scheme, by name"),
    ("tlsight.handshake.compression", "server_compression_method, by name"),
    ("tlsight.handshake.signature_scheme", "signature_scheme, by name"),
    ("tlsight.handshake.tcp.round_trip", "tcp_server_latency + tcp_client_latency"),
    ("tlsight.quic.original_version", "quic_original_version, by name"),
    ("tlsight.quic.transport_parameters.id", "quic_parameter_ids"),
    ("tlsight.quic.transport_parameters.length", "quic_parameter_lengths"),
    ("tlsight.quic.transport_parameters.name", "quic_parameter_ids, by name"),
    ("tlsight.quic.version", "quic_version, by name"),
    ("tlsight.tunnel.destination", "tunnel_destination_ip"),
    ("tlsight.tunnel.source", "tunnel_source_ip"),
];
