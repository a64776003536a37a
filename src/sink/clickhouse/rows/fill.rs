//! An event's facts as a row of `sessions`.
//!
//! In: an event. Out: the row, which borrows from it.

use super::super::security::{Security, Staple};
use super::*;

impl<'a> SessionRow<'a> {
    pub fn of(event: &'a Event, sensor: &'a str) -> Self {
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
        let security = Security::of(event);
        let staple = Staple::of(event.security.staple.as_deref());
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
            ja3n: prints.ja3n,
            ja4: prints.ja4,
            ja4_r: prints.ja4_r,
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
            client_alpn: alpn(client),
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
            security_grade: security.grade,
            security_weaknesses: security.weaknesses,
            security_forward_secrecy: security.forward_secrecy,
            security_post_quantum: security.post_quantum,
            security_chain_status: security.chain_status,
            security_chain_problems: security.chain_problems,
            security_chain_name_match: security.name_match,
            security_client_chain_status: security.client_chain_status,
            security_client_chain_problems: security.client_chain_problems,
            ocsp_status: staple.status,
            ocsp_reason: staple.reason,
            ocsp_revoked_at: staple.revoked_at,
            ocsp_produced_at: staple.produced_at,
            ocsp_this_update: staple.this_update,
            ocsp_next_update: staple.next_update,
            ocsp_freshness: staple.freshness,
            ocsp_signer: staple.signer,
            ocsp_malformed: staple.malformed,
            certificate_scts: event.security.timestamps.certificate,
            staple_scts: event.security.timestamps.staple,
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
            sensor,
            second_ja3_full: second_prints.ja3_full,
            second_ja3n: second_prints.ja3n,
            second_ja4_o: second_prints.ja4_o,
            second_ja4_ro: second_prints.ja4_ro,
            second_stable: second_prints.stable,
            second_legacy_version: second.map(|shape| shape.legacy_version),
            second_versions: list(second, |shape| &shape.supported_versions),
            second_compression_methods: list(second, |shape| &shape.compression_methods),
            second_point_formats: list(second, |shape| &shape.point_formats),
            second_signature_algorithms: list(second, |shape| &shape.signature_algorithms),
            second_signature_algorithms_cert: list(second, |shape| &shape.signature_algorithms_cert),
            second_alpn: alpn(second),
            second_psk_modes: list(second, |shape| &shape.psk_modes),
            second_certificate_compression: list(second, |shape| &shape.certificate_compression),
            second_heartbeat: second.and_then(|shape| shape.heartbeat),
            second_max_fragment_length: second
                .and_then(|shape| shape.max_fragment_length)
                .and_then(registry::max_fragment_length),
            second_record_size_limit: second.and_then(|shape| shape.record_size_limit),
            server_alpn: server.and_then(|shape| shape.alpn.as_deref()).map(printable).unwrap_or_default(),
            security_reasons: security.reasons,
        }
    }
}

fn alpn(shape: Option<&ClientShape>) -> Vec<Cow<'_, str>> {
    let names = list(shape, |shape| &shape.alpn).iter();
    names.filter(|name| !name.is_empty()).map(|name| printable(name)).collect()
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
