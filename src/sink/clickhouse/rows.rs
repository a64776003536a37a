//! Events as rows: a field a column, in the order of the table's columns.
//!
//! In: an [`Event`]. Out: a row that borrows from it, the same each time. What is not known is `None`, empty
//! text or an empty array, as in `sessions.sql`. Texts are those of the public schema; numbers stay numbers.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use clickhouse::Row;
use serde::Serialize;

use super::chain::Chain;
use super::prints::{Plus, Prints};
use crate::decode::System;
use crate::event::labels::Role;
use crate::event::terms::Version;
use crate::event::{Agreement, ClientCertificate, ClientShape, EarlyData, Ech, Event, Failure, Missing, Resumption};
use crate::sink::community_id::CommunityId;
use crate::sink::forms::Hex;
use crate::tls::Upgrade;
use crate::wire::registry;
use crate::wire::text::{Code, printable};

/// A row of `sessions`.
#[derive(Debug, Row, Serialize)]
pub struct SessionRow<'a> {
    event_id: &'a [u8; 16],
    timestamp: i64,
    ended: i64,
    network_transport: &'a str,
    network_protocol: &'a str,
    network_type: &'a str,
    upgrade: &'a str,
    proxy_source_ip: Option<Ipv6Addr>,
    proxy_source_port: Option<u16>,
    proxy_destination_ip: Option<Ipv6Addr>,
    proxy_destination_port: Option<u16>,
    tunnel_type: Vec<&'a str>,
    tunnel_id: Vec<Option<u32>>,
    tunnel_source_ip: Vec<Ipv6Addr>,
    tunnel_destination_ip: Vec<Ipv6Addr>,
    quic_version: Option<u32>,
    quic_original_version: Option<u32>,
    quic_client_initial_dcid: String,
    quic_client_scid: String,
    quic_server_scid: String,
    quic_retry: Option<bool>,
    quic_version_negotiation: Option<bool>,
    quic_zero_rtt: Option<bool>,
    quic_user_agent: Cow<'a, str>,
    quic_parameter_ids: Vec<u64>,
    quic_parameter_values: Vec<Option<u64>>,
    quic_parameter_lengths: Vec<u16>,
    community_id: String,
    vlan_id: Option<u16>,
    inner_vlan_id: Option<u16>,
    source_ip: Ipv6Addr,
    source_port: u16,
    destination_ip: Ipv6Addr,
    destination_port: u16,
    version: &'a str,
    version_protocol: &'a str,
    cipher: Cow<'static, str>,
    curve: Cow<'static, str>,
    next_protocol: Cow<'a, str>,
    resumed: Option<bool>,
    established: bool,
    server_name: Cow<'a, str>,
    ja3: Option<&'a [u8; 16]>,
    ja3_full: &'a str,
    ja3n: Option<&'a [u8; 16]>,
    ja4: &'a str,
    ja4_r: &'a str,
    ja4_o: &'a str,
    ja4_ro: &'a str,
    stable: &'a str,
    ja4t: String,
    ja4l: String,
    client_system: &'a str,
    client_first_records: &'a [u16],
    browser_claims: &'a str,
    browser_verdict: &'a str,
    browser_evidence: Vec<&'a str>,
    client_format: &'a str,
    client_random: Option<&'a [u8; 32]>,
    client_session_id_length: Option<u8>,
    client_legacy_version: Option<u16>,
    client_versions: &'a [u16],
    client_ciphers: &'a [u16],
    client_sslv2_ciphers: &'a [u32],
    client_compression_methods: &'a [u8],
    client_extensions: &'a [u16],
    client_groups: &'a [u16],
    client_key_shares: &'a [u16],
    client_point_formats: &'a [u8],
    client_signature_algorithms: &'a [u16],
    client_signature_algorithms_cert: &'a [u16],
    client_alpn: Vec<Cow<'a, str>>,
    client_psk_modes: &'a [u8],
    client_certificate_compression: &'a [u16],
    client_post_quantum: Vec<u16>,
    client_heartbeat: Option<u8>,
    client_max_fragment_length: Option<u16>,
    client_record_size_limit: Option<u16>,
    second_ja3: Option<&'a [u8; 16]>,
    second_ja4: &'a str,
    second_ja4_r: &'a str,
    second_ciphers: &'a [u16],
    second_extensions: &'a [u16],
    second_groups: &'a [u16],
    second_key_shares: &'a [u16],
    ja3s: Option<&'a [u8; 16]>,
    ja3s_full: &'a str,
    ja4s: &'a str,
    ja4s_r: &'a str,
    ja4ts: String,
    ja4ls: String,
    server_random: Option<&'a [u8; 32]>,
    server_session_id_length: Option<u8>,
    server_legacy_version: Option<u16>,
    server_version: Option<u16>,
    server_cipher: Option<u16>,
    server_compression_method: Option<u8>,
    server_extensions: &'a [u16],
    server_key_share: Option<u16>,
    server_selected_psk: Option<u16>,
    server_heartbeat: Option<u8>,
    server_max_fragment_length: Option<u16>,
    server_record_size_limit: Option<u16>,
    hello_retry: Option<bool>,
    retry_group: Option<u16>,
    retry_cookie: Option<bool>,
    retry_added: &'a [u16],
    retry_removed: &'a [u16],
    retry_changed: &'a [u16],
    resumption: &'a str,
    resumption_offered: Vec<&'a str>,
    early_data: &'a str,
    round_trips: Option<u8>,
    group: Option<u16>,
    post_quantum: Option<bool>,
    dh_prime_bits: Option<u16>,
    dh_group: &'a str,
    dh_prime_sha256: Option<&'a [u8; 32]>,
    dh_public_sha256: Option<&'a [u8; 32]>,
    rsa_bits: Option<u16>,
    signature_scheme: Option<u16>,
    client_signature_scheme: Option<u16>,
    renegotiation_info: &'a str,
    extended_master_secret: &'a str,
    ech: &'a str,
    ech_reason: &'a str,
    ech_config_id: Option<u8>,
    ech_kdf: Option<u16>,
    ech_aead: Option<u16>,
    ech_enc_length: Option<u16>,
    ech_payload_length: Option<u16>,
    client_auth: Option<bool>,
    client_certificate: &'a str,
    ocsp_requested: Option<bool>,
    ocsp_stapled: Option<bool>,
    sct_count: Option<u16>,
    new_session_ticket: Option<bool>,
    alert_from: &'a str,
    alert_level: Option<u8>,
    alert_description: Option<u8>,
    alerts_from: Vec<&'a str>,
    alerts_level: Vec<u8>,
    alerts_description: Vec<u8>,
    failure: &'a str,
    hello_verify: Option<bool>,
    hello_latency: Option<u64>,
    handshake_duration: Option<u64>,
    tcp_server_latency: Option<u64>,
    tcp_client_latency: Option<u64>,
    missing: Vec<String>,
    anomaly: Vec<&'a str>,
    label_side: Vec<&'a str>,
    label_software: Vec<&'a str>,
    label_setup: Vec<&'a str>,
    label_version: Vec<&'a str>,
    label_library: Vec<&'a str>,
    label_role: Vec<&'a str>,
    label_specificity: Vec<&'a str>,
    label_evidence: Vec<&'a str>,
    label_source: Vec<&'a str>,
    label_also: Vec<Vec<&'a str>>,
    client_chain_subject: Vec<&'a str>,
    client_chain_subject_common_name: Vec<&'a str>,
    client_chain_issuer: Vec<&'a str>,
    client_chain_issuer_common_name: Vec<&'a str>,
    client_chain_version: Vec<Option<u32>>,
    client_chain_serial: Vec<String>,
    client_chain_md5: Vec<&'a [u8; 16]>,
    client_chain_sha1: Vec<&'a [u8; 20]>,
    client_chain_sha256: Vec<&'a [u8; 32]>,
    client_chain_not_before: Vec<Option<i64>>,
    client_chain_not_after: Vec<Option<i64>>,
    client_chain_public_key_algorithm: Vec<&'a str>,
    client_chain_public_key_size: Vec<Option<u32>>,
    client_chain_public_key_curve: Vec<&'a str>,
    client_chain_signature_algorithm: Vec<&'a str>,
    client_chain_alternative_names: Vec<Vec<Cow<'a, str>>>,
    client_chain_is_ca: Vec<Option<bool>>,
    client_chain_self_issued: Vec<Option<bool>>,
    client_chain_malformed: Vec<bool>,
    client_chain_ja4x: Vec<String>,
    server_chain_subject: Vec<&'a str>,
    server_chain_subject_common_name: Vec<&'a str>,
    server_chain_issuer: Vec<&'a str>,
    server_chain_issuer_common_name: Vec<&'a str>,
    server_chain_version: Vec<Option<u32>>,
    server_chain_serial: Vec<String>,
    server_chain_md5: Vec<&'a [u8; 16]>,
    server_chain_sha1: Vec<&'a [u8; 20]>,
    server_chain_sha256: Vec<&'a [u8; 32]>,
    server_chain_not_before: Vec<Option<i64>>,
    server_chain_not_after: Vec<Option<i64>>,
    server_chain_public_key_algorithm: Vec<&'a str>,
    server_chain_public_key_size: Vec<Option<u32>>,
    server_chain_public_key_curve: Vec<&'a str>,
    server_chain_signature_algorithm: Vec<&'a str>,
    server_chain_alternative_names: Vec<Vec<Cow<'a, str>>>,
    server_chain_is_ca: Vec<Option<bool>>,
    server_chain_self_issued: Vec<Option<bool>>,
    server_chain_malformed: Vec<bool>,
    server_chain_ja4x: Vec<String>,
}

impl<'a> SessionRow<'a> {
    pub fn of(event: &'a Event) -> Self {
        let hello = event.client_hello.as_ref();
        let client = hello.map(|hello| &*hello.shape);
        let second = event.second_hello.as_deref();
        let server = event.server_hello.as_ref().map(|hello| &*hello.shape);
        let server_prints = server.and_then(|shape| shape.prints.as_ref());
        let version = event.version();
        let browser = event.browser.as_deref();
        let prints = Prints::of(client);
        let second_prints = Prints::of(second);
        let plus = Plus::of(event);
        let handshake = &event.handshake;
        let retry = handshake.retry.as_deref();
        let outer = event.outer_hello();
        let exchange = handshake.key_exchange.as_deref();
        let dh = exchange.and_then(|exchange| exchange.dh.as_ref());
        let alert = handshake.alert;
        let proxied = event.proxied.as_deref();
        let quic = event.quic.as_deref();
        let parameters = quic.map(|quic| &*quic.parameters).unwrap_or_default();
        let client_chain = Chain::of(&event.client_chain);
        let server_chain = Chain::of(&event.server_chain);
        Self {
            event_id: &event.id,
            timestamp: event.timestamp.0,
            ended: event.end.0,
            network_transport: event.protocol.transport(),
            network_protocol: event.protocol.as_str(),
            network_type: if event.client.ip.is_ipv4() { "ipv4" } else { "ipv6" },
            upgrade: event.upgrade.map(Upgrade::as_str).unwrap_or_default(),
            proxy_source_ip: proxied.map(|proxied| mapped(proxied.source.ip())),
            proxy_source_port: proxied.map(|proxied| proxied.source.port()),
            proxy_destination_ip: proxied.map(|proxied| mapped(proxied.destination.ip())),
            proxy_destination_port: proxied.map(|proxied| proxied.destination.port()),
            tunnel_type: event.tunnels.iter().map(|tunnel| tunnel.kind.as_str()).collect(),
            tunnel_id: event.tunnels.iter().map(|tunnel| tunnel.id).collect(),
            tunnel_source_ip: event.tunnels.iter().map(|tunnel| mapped(tunnel.source)).collect(),
            tunnel_destination_ip: event.tunnels.iter().map(|tunnel| mapped(tunnel.destination)).collect(),
            quic_version: quic.map(|quic| quic.version),
            quic_original_version: quic.and_then(|quic| quic.original_version),
            quic_client_initial_dcid: quic.map(|quic| hex(&quic.client_initial_dcid)).unwrap_or_default(),
            quic_client_scid: quic.and_then(|quic| quic.client_scid.as_deref()).map(hex).unwrap_or_default(),
            quic_server_scid: quic.and_then(|quic| quic.server_scid.as_deref()).map(hex).unwrap_or_default(),
            quic_retry: quic.map(|quic| quic.retry),
            quic_version_negotiation: quic.map(|quic| quic.version_negotiation),
            quic_zero_rtt: quic.map(|quic| quic.zero_rtt),
            quic_user_agent: quic.and_then(|quic| quic.user_agent.as_deref()).map(printable).unwrap_or_default(),
            quic_parameter_ids: parameters.iter().map(|parameter| parameter.id).collect(),
            quic_parameter_values: parameters.iter().map(|parameter| parameter.number).collect(),
            quic_parameter_lengths: parameters.iter().map(|parameter| parameter.length).collect(),
            community_id: CommunityId::of(event).text().as_str().to_owned(),
            vlan_id: event.vlans.outer,
            inner_vlan_id: event.vlans.inner,
            source_ip: mapped(event.client.ip),
            source_port: event.client.port,
            destination_ip: mapped(event.server.ip),
            destination_port: event.server.port,
            version: version.and_then(Version::number).unwrap_or_default(),
            version_protocol: version.map(Version::protocol).unwrap_or_default(),
            cipher: server.map(|shape| named(shape.cipher_suite, registry::cipher_suite)).unwrap_or_default(),
            curve: event.handshake.group.map(|group| named(group, registry::group)).unwrap_or_default(),
            next_protocol: server.and_then(|shape| shape.alpn.as_deref()).map(printable).unwrap_or_default(),
            resumed: event.handshake.resumption.map(|how| how != Resumption::None),
            established: event.handshake.established,
            server_name: event.server_name().map(printable).unwrap_or_default(),
            ja3: prints.ja3,
            ja3_full: prints.ja3_full,
            ja3n: prints.ja3n,
            ja4: prints.ja4,
            ja4_r: prints.ja4_r,
            ja4_o: prints.ja4_o,
            ja4_ro: prints.ja4_ro,
            stable: prints.stable,
            ja4t: plus.ja4t,
            ja4l: plus.ja4l,
            client_system: event.client_system.map(System::as_str).unwrap_or_default(),
            client_first_records: &event.client_records,
            browser_claims: browser.map(|browser| &*browser.claims).unwrap_or_default(),
            browser_verdict: browser.map(|browser| browser.verdict.as_str()).unwrap_or_default(),
            browser_evidence: browser
                .iter()
                .flat_map(|browser| &browser.evidence)
                .map(|found| found.as_str())
                .collect(),
            client_format: client.map(|shape| shape.format.as_str()).unwrap_or_default(),
            client_random: hello.map(|hello| &hello.random),
            client_session_id_length: hello.map(|hello| hello.session_id_len),
            client_legacy_version: client.map(|shape| shape.legacy_version),
            client_versions: list(client, |shape| &shape.supported_versions),
            client_ciphers: list(client, |shape| &shape.cipher_suites),
            client_sslv2_ciphers: list(client, |shape| &shape.sslv2_ciphers),
            client_compression_methods: list(client, |shape| &shape.compression_methods),
            client_extensions: list(client, |shape| shape.extensions.as_deref().unwrap_or_default()),
            client_groups: list(client, |shape| &shape.supported_groups),
            client_key_shares: list(client, |shape| &shape.key_shares),
            client_point_formats: list(client, |shape| &shape.point_formats),
            client_signature_algorithms: list(client, |shape| &shape.signature_algorithms),
            client_signature_algorithms_cert: list(client, |shape| &shape.signature_algorithms_cert),
            client_alpn: list(client, |shape| &shape.alpn)
                .iter()
                .filter(|name| !name.is_empty())
                .map(|name| printable(name))
                .collect(),
            client_psk_modes: list(client, |shape| &shape.psk_modes),
            client_certificate_compression: list(client, |shape| &shape.certificate_compression),
            client_post_quantum: client.map(|shape| shape.post_quantum_groups().collect()).unwrap_or_default(),
            client_heartbeat: client.and_then(|shape| shape.heartbeat),
            client_max_fragment_length: client
                .and_then(|shape| shape.max_fragment_length)
                .and_then(registry::max_fragment_length),
            client_record_size_limit: client.and_then(|shape| shape.record_size_limit),
            second_ja3: second_prints.ja3,
            second_ja4: second_prints.ja4,
            second_ja4_r: second_prints.ja4_r,
            second_ciphers: list(second, |shape| &shape.cipher_suites),
            second_extensions: list(second, |shape| shape.extensions.as_deref().unwrap_or_default()),
            second_groups: list(second, |shape| &shape.supported_groups),
            second_key_shares: list(second, |shape| &shape.key_shares),
            ja3s: server_prints.map(|prints| &prints.ja3s.0),
            ja3s_full: server_prints.map(|prints| &*prints.ja3s_full).unwrap_or_default(),
            ja4s: plus.ja4s,
            ja4s_r: plus.ja4s_r,
            ja4ts: plus.ja4ts,
            ja4ls: plus.ja4ls,
            server_random: event.server_hello.as_ref().map(|hello| &hello.random),
            server_session_id_length: event.server_hello.as_ref().map(|hello| hello.session_id_len),
            server_legacy_version: server.map(|shape| shape.legacy_version),
            server_version: server.map(|shape| shape.version),
            server_cipher: server.map(|shape| shape.cipher_suite),
            server_compression_method: server.map(|shape| shape.compression_method),
            server_extensions: server.and_then(|shape| shape.extensions.as_deref()).unwrap_or_default(),
            server_key_share: server.and_then(|shape| shape.key_share),
            server_selected_psk: server.and_then(|shape| shape.selected_psk),
            server_heartbeat: server.and_then(|shape| shape.heartbeat),
            server_max_fragment_length: server
                .and_then(|shape| shape.max_fragment_length)
                .and_then(registry::max_fragment_length),
            server_record_size_limit: server.and_then(|shape| shape.record_size_limit),
            hello_retry: event.hello_retry(),
            retry_group: retry.and_then(|retry| retry.group),
            retry_cookie: retry.map(|retry| retry.cookie),
            retry_added: retry.map(|retry| &*retry.added).unwrap_or_default(),
            retry_removed: retry.map(|retry| &*retry.removed).unwrap_or_default(),
            retry_changed: retry.map(|retry| &*retry.changed).unwrap_or_default(),
            resumption: handshake.resumption.map(Resumption::as_str).unwrap_or_default(),
            resumption_offered: handshake.resumption_offered.iter().map(Resumption::as_str).collect(),
            early_data: handshake.early_data.map(EarlyData::as_str).unwrap_or_default(),
            round_trips: handshake.round_trips,
            group: event.handshake.group,
            post_quantum: handshake.is_post_quantum(),
            dh_prime_bits: dh.map(|dh| dh.prime_bits),
            dh_group: dh.and_then(|dh| dh.group).unwrap_or_default(),
            dh_prime_sha256: dh.map(|dh| &dh.prime_sha256),
            dh_public_sha256: dh.map(|dh| &dh.public_sha256),
            rsa_bits: exchange.and_then(|exchange| exchange.rsa_bits),
            signature_scheme: handshake.signature_scheme,
            client_signature_scheme: handshake.client_signature_scheme,
            renegotiation_info: event.renegotiation_info().map(Agreement::as_str).unwrap_or_default(),
            extended_master_secret: event.extended_master_secret().map(Agreement::as_str).unwrap_or_default(),
            ech: handshake.ech.map(Ech::as_str).unwrap_or_default(),
            ech_reason: handshake.ech.and_then(Ech::reason).unwrap_or_default(),
            ech_config_id: outer.map(|outer| outer.config_id),
            ech_kdf: outer.map(|outer| outer.kdf),
            ech_aead: outer.map(|outer| outer.aead),
            ech_enc_length: outer.map(|outer| outer.enc_length),
            ech_payload_length: outer.map(|outer| outer.payload_length),
            client_auth: event.client_auth_requested(),
            client_certificate: handshake.client_certificate.map(ClientCertificate::as_str).unwrap_or_default(),
            ocsp_requested: event.ocsp_requested(),
            ocsp_stapled: event.ocsp_stapled(),
            sct_count: event.timestamp_count(),
            new_session_ticket: event.new_session_ticket(),
            alert_from: alert.map(|alert| alert.from.as_str()).unwrap_or_default(),
            alert_level: alert.map(|alert| alert.level),
            alert_description: alert.map(|alert| alert.description),
            alerts_from: handshake.alerts.iter().map(|alert| alert.from.as_str()).collect(),
            alerts_level: handshake.alerts.iter().map(|alert| alert.level).collect(),
            alerts_description: handshake.alerts.iter().map(|alert| alert.description).collect(),
            failure: handshake.failure.and_then(Failure::cause).unwrap_or_default(),
            hello_verify: event.hello_verify(),
            hello_latency: handshake.hello_latency,
            handshake_duration: handshake.duration,
            tcp_server_latency: handshake.tcp.server,
            tcp_client_latency: handshake.tcp.client,
            missing: event.missing.iter().map(Missing::to_string).collect(),
            anomaly: event.anomalies.iter().map(|anomaly| anomaly.as_str()).collect(),
            label_side: event.labels.iter().map(|label| label.side.as_str()).collect(),
            label_software: event.labels.iter().map(|label| &*label.software).collect(),
            label_setup: event.labels.iter().map(|label| label.setup.as_deref().unwrap_or_default()).collect(),
            label_version: event.labels.iter().map(|label| label.version.as_deref().unwrap_or_default()).collect(),
            label_library: event.labels.iter().map(|label| label.library.as_deref().unwrap_or_default()).collect(),
            label_role: event.labels.iter().map(|label| label.role.map(Role::as_str).unwrap_or_default()).collect(),
            label_specificity: event.labels.iter().map(|label| label.specificity.as_str()).collect(),
            label_evidence: event.labels.iter().map(|label| label.evidence.as_str()).collect(),
            label_source: event.labels.iter().map(|label| &*label.source).collect(),
            label_also: event.labels.iter().map(|label| label.also.iter().map(|name| &**name).collect()).collect(),
            client_chain_subject: client_chain.subject,
            client_chain_subject_common_name: client_chain.subject_common_name,
            client_chain_issuer: client_chain.issuer,
            client_chain_issuer_common_name: client_chain.issuer_common_name,
            client_chain_version: client_chain.version,
            client_chain_serial: client_chain.serial,
            client_chain_md5: client_chain.md5,
            client_chain_sha1: client_chain.sha1,
            client_chain_sha256: client_chain.sha256,
            client_chain_not_before: client_chain.not_before,
            client_chain_not_after: client_chain.not_after,
            client_chain_public_key_algorithm: client_chain.public_key_algorithm,
            client_chain_public_key_size: client_chain.public_key_size,
            client_chain_public_key_curve: client_chain.public_key_curve,
            client_chain_signature_algorithm: client_chain.signature_algorithm,
            client_chain_alternative_names: client_chain.alternative_names,
            client_chain_is_ca: client_chain.is_ca,
            client_chain_self_issued: client_chain.self_issued,
            client_chain_malformed: client_chain.malformed,
            client_chain_ja4x: client_chain.ja4x,
            server_chain_subject: server_chain.subject,
            server_chain_subject_common_name: server_chain.subject_common_name,
            server_chain_issuer: server_chain.issuer,
            server_chain_issuer_common_name: server_chain.issuer_common_name,
            server_chain_version: server_chain.version,
            server_chain_serial: server_chain.serial,
            server_chain_md5: server_chain.md5,
            server_chain_sha1: server_chain.sha1,
            server_chain_sha256: server_chain.sha256,
            server_chain_not_before: server_chain.not_before,
            server_chain_not_after: server_chain.not_after,
            server_chain_public_key_algorithm: server_chain.public_key_algorithm,
            server_chain_public_key_size: server_chain.public_key_size,
            server_chain_public_key_curve: server_chain.public_key_curve,
            server_chain_signature_algorithm: server_chain.signature_algorithm,
            server_chain_alternative_names: server_chain.alternative_names,
            server_chain_is_ca: server_chain.is_ca,
            server_chain_self_issued: server_chain.self_issued,
            server_chain_malformed: server_chain.malformed,
            server_chain_ja4x: server_chain.ja4x,
        }
    }
}

fn list<'a, T>(shape: Option<&'a ClientShape>, list: impl Fn(&'a ClientShape) -> &'a [T]) -> &'a [T] {
    shape.map(list).unwrap_or_default()
}

fn named(number: u16, name: fn(u16) -> Option<&'static str>) -> Cow<'static, str> {
    name(number).map_or_else(|| Code(number).to_string().into(), Cow::Borrowed)
}

/// A connection id; one of no octets is not told.
fn hex(id: &[u8]) -> String {
    Hex(id).text().as_str().to_owned()
}

pub(super) fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::clickhouse::alert_row::AlertRow;
    use crate::sink::clickhouse::schema::{ALERTS, SESSIONS};

    #[test]
    fn rows_have_the_columns_of_their_tables() {
        for (table, names) in
            [(SESSIONS, <SessionRow<'_> as Row>::COLUMN_NAMES), (ALERTS, <AlertRow<'_> as Row>::COLUMN_NAMES)]
        {
            let columns: Vec<_> = table.columns().map(|(name, _)| name).collect();
            assert_eq!(columns, names, "{}", table.name);
        }
    }
}
