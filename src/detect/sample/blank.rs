//! What samples start from: a session of which nothing is known, and hellos and certificates that say nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use arrayvec::ArrayVec;

use crate::capture::Timestamp;
use crate::decode::Vlans;
use crate::event::labels::Labels;
use crate::event::{
    ClientPrints, ClientShape, ClientSide, Endpoint, Event, Handshake, HelloFormat, Protocol, Security, ServerPrints,
    ServerShape, ServerSide,
};
use crate::fingerprint::{Ja3s, Ja4, Stable};
use crate::x509::Certificate;
use crate::x509::certificate::Parsed;

/// A session between two hosts of the documentation's networks (RFC 5737), from a port that is not that of the one before.
pub fn event(number: u64) -> Event {
    let port = DYNAMIC_PORTS.saturating_add(u16::try_from(number % 16_384).unwrap_or_default());
    Event {
        id: id(number),
        timestamp: Timestamp(NEW_YEAR_2026),
        end: Timestamp(NEW_YEAR_2026),
        decided: Timestamp(NEW_YEAR_2026),
        protocol: Protocol::Tls,
        vlans: Vlans { outer: None, inner: None },
        tunnels: Vec::new(),
        upgrade: None,
        proxied: None,
        quic: None,
        client: Endpoint { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)), port },
        server: Endpoint { ip: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 20)), port: 443 },
        client_hello: None,
        second_hello: None,
        server_hello: None,
        client_chain: Vec::new(),
        server_chain: Vec::new(),
        handshake: Handshake::default(),
        client_records: ArrayVec::new(),
        client_system: None,
        browser: None,
        security: Security::default(),
        labels: Labels::default(),
        missing: Vec::new(),
        anomalies: Vec::new(),
        #[cfg(feature = "ja4plus")]
        tcp: Default::default(),
    }
}

/// A client's side whose random is not that of another session.
pub fn client_side(number: u64) -> ClientSide {
    ClientSide {
        shape: Arc::new(client_shape()),
        random: random(number, 0xc1),
        session_id_len: 0,
        server_name: None,
        encrypted_hello: None,
        hybrid_share: None,
    }
}

pub fn server_side(number: u64) -> ServerSide {
    ServerSide { shape: Arc::new(server_shape()), random: random(number, 0x5e), session_id_len: 0 }
}

/// Prints of which one alone was given. A JA4 is in all of them: the others get one that nobody sends.
pub fn client_prints() -> ClientPrints {
    ClientPrints {
        ja3: None,
        ja3_full: None,
        ja3n: None,
        ja4: NOBODY,
        ja4_r: "".into(),
        ja4_o: NOBODY,
        ja4_ro: String::new(),
        stable: Stable(NOBODY),
    }
}

pub fn server_prints() -> ServerPrints {
    ServerPrints {
        ja3s: Ja3s([0; 16]),
        ja3s_full: String::new(),
        #[cfg(feature = "ja4plus")]
        ja4s: crate::fingerprint::ja4plus::Ja4s::of(&crate::fingerprint::ja4plus::ServerFacts {
            protocol: b't',
            version: 0,
            extensions: &[],
            alpn: None,
            cipher: 0,
        }),
        #[cfg(feature = "ja4plus")]
        ja4s_r: String::new(),
    }
}

pub fn certificate(place: usize) -> Certificate {
    let parsed = Parsed { version: 3, ..Parsed::default() };
    let mark = u8::try_from(place).unwrap_or(u8::MAX);
    Certificate { der: Box::default(), md5: [mark; 16], sha1: [mark; 20], sha256: [mark; 32], parsed: Ok(parsed) }
}

fn client_shape() -> ClientShape {
    ClientShape {
        format: HelloFormat::Tls,
        legacy_version: 0x0303,
        cipher_suites: Box::default(),
        sslv2_ciphers: Box::default(),
        compression_methods: Box::default(),
        extensions: None,
        supported_versions: Box::default(),
        supported_groups: Box::default(),
        key_shares: Box::default(),
        point_formats: Box::default(),
        signature_algorithms: Box::default(),
        signature_algorithms_cert: Box::default(),
        alpn: Box::default(),
        psk_modes: Box::default(),
        certificate_compression: Box::default(),
        heartbeat: None,
        max_fragment_length: None,
        record_size_limit: None,
        prints: None,
    }
}

fn server_shape() -> ServerShape {
    ServerShape {
        legacy_version: 0x0303,
        version: 0x0303,
        cipher_suite: 0,
        compression_method: 0,
        extensions: None,
        key_share: None,
        alpn: None,
        selected_psk: None,
        heartbeat: None,
        max_fragment_length: None,
        record_size_limit: None,
        prints: None,
    }
}

fn id(number: u64) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

fn random(number: u64, side: u8) -> [u8; 32] {
    let mut random = [side; 32];
    if let Some(tail) = random.last_chunk_mut::<8>() {
        *tail = number.to_be_bytes();
    }
    random
}

/// The first of the 16,384 that nobody registers (RFC 6335, section 6).
const DYNAMIC_PORTS: u16 = 49_152;
/// 2026-01-01T00:00:00Z in nanoseconds.
const NEW_YEAR_2026: i64 = 1_767_225_600_000_000_000;
/// No hello has neither a version nor suites.
const NOBODY: Ja4 = Ja4(*b"t00i000000_000000000000_000000000000");
