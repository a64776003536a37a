//! Events as the engine would make them, for tests and benches of what comes after it.
#![allow(dead_code)]

use std::sync::Arc;

use arrayvec::ArrayVec;
use tlsight::capture::Timestamp;
use tlsight::decode::{Tunnel, TunnelKind, Vlans};
use tlsight::detect::threat::{Class, Listed};
use tlsight::detect::{Facts, Level};
use tlsight::event::labels::{Evidence as Matched, Label, LabelSet, Labels, Role, Specificity};
use tlsight::event::{
    Alert, Anomaly, Browser, ClientCertificate, ClientPrints, ClientShape, ClientSide, DiffieHellman, EarlyData, Ech,
    Endpoint, Event, Evidence, Failure, Handshake, HelloFormat, KeyExchange, Missing, Part, Protocol, Quic,
    QuicParameter, Reason, RejectionSign, Resumption, Retry, ServerPrints, ServerShape, ServerSide, Side, TcpLatency,
    Verdict,
};
use tlsight::event::{Chain, Posture, Security, Staple, Timestamps, Weakness};
#[cfg(feature = "ja4plus")]
use tlsight::fingerprint::ja4plus;
use tlsight::fingerprint::{Ja3, Ja3s, Ja4, Stable};
use tlsight::sink::Stats;
use tlsight::stats::{Counters, InterfaceCounters, Losses};
use tlsight::tls::{EncryptedHello, OuterHello, Proxied};
use tlsight::x509::ocsp::{Answer, CertificateStatus, Freshness, Judgement, Signer};
use tlsight::x509::verify::{ChainVerdict, NameMatch, Problem, Revocation};
use tlsight::x509::{Certificate, Key, Malformed, Parsed};

/// A TLS 1.2 session with a two-certificate chain.
pub fn tls12() -> Event {
    Event {
        id: std::array::from_fn(|i| i as u8 * 17),
        timestamp: Timestamp(1_709_251_199_123_456_789),
        end: Timestamp(1_709_251_199_223_456_790),
        decided: Timestamp::MAX,
        protocol: Protocol::Tls,
        vlans: Vlans { outer: Some(100), inner: Some(4094) },
        tunnels: vec![],
        upgrade: None,
        proxied: None,
        quic: None,
        client: end("128.232.110.120", 34855),
        server: end("66.35.250.204", 443),
        client_hello: Some(client_side(Some(b"mozilla.example"))),
        second_hello: None,
        server_hello: Some(server_side()),
        client_chain: Vec::new(),
        server_chain: vec![Arc::new(leaf()), Arc::new(issuer())],
        handshake: Handshake {
            established: true,
            resumption: Some(Resumption::None),
            hello_retry: false,
            group: Some(0x001d),
            client_auth_requested: false,
            ocsp_stapled: true,
            hello_verify: false,
            new_session_ticket: false,
            alert: None,
            hello_latency: Some(21_000_001),
            sslv2: false,
            ..Handshake::default()
        },
        client_records: ArrayVec::new(),
        client_system: None,
        browser: None,
        security: Security::default(),
        missing: Vec::new(),
        anomalies: Vec::new(),
        labels: Labels::default(),
        #[cfg(feature = "ja4plus")]
        tcp: tcp_prints(),
    }
}

/// A TLS 1.3 session over IPv6 with a HelloRetryRequest; nothing after the ServerHello can be read.
pub fn tls13() -> Event {
    let mut server = server_side();
    server.shape = Arc::new(ServerShape {
        legacy_version: 0x0303,
        version: 0x0304,
        cipher_suite: 0x1301,
        compression_method: 0,
        extensions: Some([0x002b, 0x0033, 0x0029].into()),
        key_share: Some(0x0018),
        alpn: None,
        selected_psk: Some(0),
        heartbeat: None,
        max_fragment_length: None,
        record_size_limit: None,
        prints: server.shape.prints.clone(),
    });
    Event {
        id: [0xff; 16],
        timestamp: Timestamp(-1),
        end: Timestamp(999_999_999),
        decided: Timestamp::MAX,
        vlans: Vlans::default(),
        client: end("2001:db8::1", 50000),
        server: end("2001:db8::2", 8443),
        client_hello: Some(ClientSide {
            shape: Arc::new(ClientShape {
                signature_algorithms_cert: [0x0804].into(),
                certificate_compression: [2, 1].into(),
                ..client_shape()
            }),
            ..client_side(None)
        }),
        second_hello: Some(Arc::new(ClientShape { key_shares: [0x0018].into(), ..client_shape() })),
        server_hello: Some(server),
        server_chain: Vec::new(),
        handshake: Handshake {
            established: true,
            resumption: Some(Resumption::Psk),
            hello_retry: true,
            group: Some(0x0018),
            hello_latency: Some(0),
            ..Handshake::default()
        },
        client_records: ArrayVec::new(),
        client_system: None,
        browser: None,
        security: Security::default(),
        missing: vec![Missing { what: Part::Certificate, why: Reason::Resumed }],
        anomalies: vec![Anomaly::TcpOverlapDiffers, Anomaly::TrailingBytes],
        ..tls12()
    }
}

/// An SSLv2-format hello that a server refused.
pub fn sslv2() -> Event {
    Event {
        id: [1; 16],
        vlans: Vlans::default(),
        client_hello: Some(ClientSide {
            shape: Arc::new(ClientShape {
                format: HelloFormat::Sslv2,
                legacy_version: 0x0301,
                cipher_suites: [0x002f, 0x0a0a].into(),
                sslv2_ciphers: [0x01_0080, 0x07_00c0].into(),
                ..bare_shape()
            }),
            random: [7; 32],
            session_id_len: 0,
            server_name: None,
            encrypted_hello: None,
            hybrid_share: None,
        }),
        server_hello: None,
        server_chain: Vec::new(),
        handshake: Handshake {
            alert: Some(Alert { from: Side::Server, level: 2, description: 40 }),
            ..Handshake::default()
        },
        client_records: ArrayVec::new(),
        client_system: None,
        browser: None,
        security: Security::default(),
        missing: vec![Missing { what: Part::ServerHello, why: Reason::NotSeen }],
        ..tls12()
    }
}

/// A session whose hellos and handshake say all that they may, and of which all is known that may be.
pub fn storied() -> Event {
    let event = tls13();
    let (mut client, mut server) = (client_side(None), event.server_hello.clone().expect("a ServerHello"));
    let shape = Arc::make_mut(&mut client.shape);
    shape.supported_groups = [0x11ec, 29, 0x0201].into();
    (shape.heartbeat, shape.max_fragment_length, shape.record_size_limit) = (Some(1), Some(1), Some(64));
    let outer = OuterHello { kdf: 1, aead: 3, config_id: 77, enc_length: 32, payload_length: 208 };
    client.encrypted_hello = Some(EncryptedHello::Outer(outer));
    let shape = Arc::make_mut(&mut server.shape);
    (shape.heartbeat, shape.max_fragment_length, shape.record_size_limit) = (Some(2), Some(4), Some(16_385));
    let handshake = story(event.handshake);
    Event {
        id: [3; 16],
        client_hello: Some(client),
        server_hello: Some(server),
        handshake,
        client_records: [53, 87].into_iter().collect(),
        client_system: Some(tlsight::decode::System::Linux),
        browser: Some(Box::new(browser())),
        security: security(),
        ..tls13()
    }
}

/// The handshake, with all that may be told of one.
pub fn story(handshake: Handshake) -> Handshake {
    let alert = Alert { from: Side::Client, level: 2, description: 48 };
    let mut told = Handshake {
        alert: Some(alert),
        alerts: [alert, Alert { from: Side::Server, level: 1, description: 0 }].into_iter().collect(),
        failure: Some(Failure::Alert(48)),
        early_data: Some(EarlyData::Rejected),
        round_trips: Some(3),
        retry: Some(Box::new(Retry {
            group: Some(24),
            cookie: true,
            added: vec![44],
            removed: vec![42],
            changed: vec![51, 41],
        })),
        key_exchange: Some(Box::new(KeyExchange {
            dh: Some(DiffieHellman {
                prime_bits: 1024,
                group: Some("modp_1024"),
                prime_sha256: [0xaa; 32],
                public_sha256: [0xbb; 32],
            }),
            rsa_bits: Some(512),
        })),
        signature_scheme: Some(0x0804),
        client_signature_scheme: Some(0xfefe),
        client_certificate: Some(ClientCertificate::Empty),
        timestamps: Some([0, 4, 0, 2, 1, 2].as_slice().into()),
        ech: Some(Ech::Rejected(RejectionSign::HelloRetry)),
        duration: Some(30_000_000),
        tcp: TcpLatency { server: Some(10_000_000), client: Some(2_000_000) },
        ..handshake
    };
    told.resumption_offered.add(Resumption::Ticket);
    told.resumption_offered.add(Resumption::Psk);
    told
}

/// What may be found about certificates and choices.
pub fn security() -> Security {
    let verdict = |problems: &[Problem]| ChainVerdict { problems: problems.iter().copied().collect(), name: None };
    let weakness = |name: &str| Weakness { name: name.into(), reason: "is weak \"here\"".into() };
    let answer = Answer {
        status: 0,
        certificate: Some(CertificateStatus::Revoked { at: Some(1_700_000_000), reason: Some(1) }),
        produced_at: Some(1_700_000_001),
        this_update: Some(1_700_000_002),
        next_update: Some(1_700_000_003),
        responder: None,
        serial: None,
        scts: None,
        malformed: true,
    };
    let judgement = Judgement {
        fits: Some(true),
        signer: Signer::Delegate,
        freshness: Freshness::Stale,
        revocation: Revocation::Revoked,
    };
    Security {
        posture: Some(Arc::new(Posture {
            grade: "F".into(),
            forward_secrecy: Some(false),
            weaknesses: vec![weakness("rc4"), weakness("static_rsa")],
        })),
        server_chain: Some(Chain::Judged(ChainVerdict {
            name: Some(NameMatch::AlternativeName),
            ..verdict(&[Problem::Revoked, Problem::Expired])
        })),
        client_chain: Some(Chain::Judged(verdict(&[Problem::NoIssuer]))),
        staple: Some(Arc::new(Staple { answer, judgement })),
        timestamps: Timestamps { certificate: Some(2), staple: Some(0) },
        new_certificates: None,
    }
}

/// What is known of a client, and of a server.
pub fn labels() -> Labels {
    let client = Label {
        side: Side::Client,
        software: "Go".into(),
        setup: Some("net/http".into()),
        version: Some("1.19 – 1.24".into()),
        library: Some("crypto/tls".into()),
        role: Some(Role::Library),
        specificity: Specificity::Runtime,
        evidence: Matched::Hello,
        source: "measured".into(),
        also: ["gobuster".into(), "an \"Agent\" (list.csv)".into()].into(),
    };
    let bare = Label { setup: None, version: None, library: None, role: None, also: [].into(), ..client.clone() };
    let other = Label { software: "Other".into(), evidence: Matched::Ja4, source: "list.csv".into(), ..bare.clone() };
    let server = Label {
        side: Side::Server,
        software: "Bot C&C".into(),
        role: Some(Role::Malware),
        specificity: Specificity::Application,
        evidence: Matched::Certificate,
        source: "SSLBL".into(),
        ..bare
    };
    Labels {
        client: Some(Arc::new(LabelSet { labels: [client, other].into() })),
        server: Some(Arc::new(LabelSet { labels: [server].into() })),
    }
}

/// A tunnel in another.
pub fn tunnels() -> Vec<Tunnel> {
    let ip = |text: &str| text.parse().expect("an address");
    vec![
        Tunnel { kind: TunnelKind::Gre, source: ip("192.0.2.1"), destination: ip("192.0.2.2"), id: None },
        Tunnel { kind: TunnelKind::Vxlan, source: ip("2001:db8::1"), destination: ip("2001:db8::2"), id: Some(77) },
    ]
}

pub fn proxied() -> Proxied {
    let end = |text: &str| text.parse().expect("an address and a port");
    Proxied { source: end("203.0.113.9:50123"), destination: end("198.51.100.7:443") }
}

/// All that QUIC may say.
pub fn quic() -> Quic {
    Quic {
        version: 0x6b33_43cf,
        original_version: Some(1),
        client_initial_dcid: [1, 2, 3, 4, 5, 6, 7, 8].into(),
        client_scid: Some([9].into()),
        server_scid: Some([10, 11].into()),
        retry: true,
        version_negotiation: false,
        zero_rtt: true,
        parameters: vec![
            QuicParameter { id: 4, number: Some(1 << 20), length: 4 },
            QuicParameter { id: 0x0f, number: None, length: 1 },
            QuicParameter { id: 0x3e3b, number: None, length: 9 },
        ],
        gquic_server_name: None,
        user_agent: Some((*b"Chrome/100 \"x\"").into()),
    }
}

/// A session of which only the server's side is known, with certificates that a hostile peer wrote, and a client's own.
pub fn odd() -> Event {
    let mut shape = (*server_side().shape).clone();
    shape.alpn = Some((*b"a\"\\\x00\xff").into());
    shape.cipher_suite = 0xfaca;
    shape.extensions = None;
    shape.prints = None;
    let mut strange = leaf();
    if let Ok(parsed) = &mut strange.parsed {
        parsed.subject = Some("CN=\"\u{1}\u{7f}é\u{2028}🦀\\".to_owned());
        parsed.issuer = Some(String::new());
        parsed.subject_common_name = Some("tab\tnew\nline".to_owned());
        parsed.issuer_common_name = None;
        parsed.serial = [].into();
        parsed.not_before = Some(i64::MIN);
        parsed.not_after = Some(253_402_300_799);
        parsed.key = Some(Key {
            algorithm: "1.2.3.4".to_owned(),
            bits: None,
            curve: Some("1.2.3.5".to_owned()),
            exponent: None,
        });
        parsed.dns_names = vec![String::new(), "*.example".to_owned()];
        parsed.is_ca = None;
        parsed.irregular = true;
    }
    Event {
        id: [2; 16],
        client_hello: None,
        server_hello: Some(ServerSide { shape: Arc::new(shape), random: [9; 32], session_id_len: 0 }),
        client_chain: vec![
            Arc::new(Certificate { sha256: [0xee; 32], parsed: Err(Malformed), ..leaf() }),
            Arc::new(strange.clone()),
            Arc::new(leaf()),
        ],
        server_chain: vec![
            Arc::new(strange),
            Arc::new(Certificate { sha256: [0xee; 32], parsed: Err(Malformed), ..leaf() }),
        ],
        handshake: Handshake { client_auth_requested: true, group: Some(0xfafa), ..Handshake::default() },
        client_records: ArrayVec::new(),
        client_system: None,
        browser: None,
        security: Security::default(),
        missing: vec![Missing { what: Part::ClientHello, why: Reason::Midstream }],
        anomalies: vec![Anomaly::MalformedCertificate],
        ..tls12()
    }
}

/// An alert of [`tls12`].
pub fn alert() -> tlsight::detect::Alert {
    let event = tls12();
    tlsight::detect::Alert {
        rule: Arc::new(Facts {
            id: "8d0b3b44-6d8a-4b6f-9a5e-0c1d2e3f4a5b".to_owned(),
            title: "A title".to_owned(),
            level: Level::High,
            tags: ["attack.command-and-control", "attack.t1573.002"].map(str::to_owned).to_vec(),
            description: Some("What it is about.".to_owned()),
            references: vec!["https://example.org/rule".to_owned()],
            false_positives: vec!["Some".to_owned()],
            suppress: None,
            file: "a.yml".into(),
        }),
        sessions: [[7; 16], event.id].into(),
        count: 70,
        group: [("source.ip".into(), "128.232.110.120".into()), ("n\"ame".into(), "va]lue".into())].into(),
        suppressed: 3,
        measures: [("score", 0.75), ("age_days", 12.0)].into(),
        listed: Some(Box::new(Listed {
            list: "c2".into(),
            class: Class::Address,
            kind: "ipv6-addr",
            value: "2001:db8::2".to_owned(),
            matched: "destination.ip",
            line: 17,
            description: Some("Dridex C&C".into()),
            reference: Some("https://example.org/entry".into()),
            source: Some("somebody".into()),
            first_seen: Some(1_708_000_000),
            last_seen: Some(1_709_000_000),
            shared_with: Some("curl".into()),
        })),
        timestamp: event.timestamp,
        message: "tab\there".to_owned(),
        source: event.client,
        destination: end("2001:db8::2", 443),
        fingerprint: client_shape().prints.map(|prints| prints.ja4),
    }
}

/// Counters that tell one another apart.
pub fn stats() -> Stats {
    Stats {
        counters: Counters { packets: 1, bytes: u64::MAX, flows: 3, gaps: 13, ..Counters::default() },
        interfaces: vec![InterfaceCounters {
            name: "eth \"0\"".into(),
            packets: 21,
            losses: Losses { kernel: 22, interface: 23, shed: 24 },
        }],
        sensor: "tap \"1\"".to_owned(),
        end: Timestamp(60_000_000_000),
    }
}

/// One of each.
pub fn all() -> Vec<Event> {
    vec![tls12(), tls13(), sslv2(), odd()]
}

pub fn end(ip: &str, port: u16) -> Endpoint {
    Endpoint { ip: ip.parse().expect("an address"), port }
}

pub fn client_side(server_name: Option<&[u8]>) -> ClientSide {
    ClientSide {
        shape: Arc::new(client_shape()),
        random: std::array::from_fn(|i| i as u8),
        session_id_len: 32,
        server_name: server_name.map(Into::into),
        encrypted_hello: None,
        hybrid_share: None,
    }
}

/// Firefox 118's.
pub fn client_shape() -> ClientShape {
    ClientShape {
        format: HelloFormat::Tls,
        legacy_version: 0x0303,
        cipher_suites: [
            0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc00a, 0xc009, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ]
        .into(),
        compression_methods: [0].into(),
        extensions: Some([0, 23, 65281, 10, 11, 35, 16, 5, 34, 51, 43, 13, 45, 28, 21].into()),
        supported_versions: [0x0304, 0x0303].into(),
        supported_groups: [29, 23, 24, 25, 256, 257].into(),
        key_shares: [29, 23].into(),
        point_formats: [0].into(),
        signature_algorithms: [0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201]
            .into(),
        alpn: [(*b"h2").into(), (*b"http/1.1").into()].into(),
        psk_modes: [1].into(),
        prints: Some(ClientPrints {
            ja3: Some(Ja3(*b"\x57\x9c\xce\xf3\x12\xd1\x84\x82\xfc\x42\xe2\xb8\x22\xca\x24\x30")),
            ja3_full: Some(
                "771,4865-4867-4866-49195-49199-52393-52392-49196-49200-49162-49161-49171-49172-156-157-47-53,\
                 0-23-65281-10-11-35-16-5-34-51-43-13-45-28-21,29-23-24-25-256-257,0"
                    .to_owned(),
            ),
            ja3n: Some(Ja3([0x5a; 16])),
            ja4: ja4("t13d1715h2_5b57614c22b0_3d5424432f57"),
            ja4_r: "t13d1715h2_002f,0035,009c,009d,1301,1302,1303,c009,c00a,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_\
                    0005,000a,000b,000d,0015,0017,001c,0022,0023,002b,002d,0033,ff01_\
                    0403,0503,0603,0804,0805,0806,0401,0501,0601,0203,0201"
                .into(),
            ja4_o: ja4("t13d1715h2_0123456789ab_cdef01234567"),
            ja4_ro: "t13d1715h2_1301,1303,1302,c02b,c02f,cca9,cca8,c02c,c030,c00a,c009,c013,c014,009c,009d,002f,0035_\
                     0000,0017,ff01,000a,000b,0023,0010,0005,0022,0033,002b,000d,002d,001c,0015_\
                     0403,0503,0603,0804,0805,0806,0401,0501,0601,0203,0201"
                .to_owned(),
            stable: Stable(ja4("t13d1713h2_5b57614c22b0_0123456789ab")),
        }),
        ..bare_shape()
    }
}

fn bare_shape() -> ClientShape {
    ClientShape {
        format: HelloFormat::Tls,
        legacy_version: 0x0301,
        cipher_suites: [].into(),
        sslv2_ciphers: [].into(),
        compression_methods: [].into(),
        extensions: None,
        supported_versions: [].into(),
        supported_groups: [].into(),
        key_shares: [].into(),
        point_formats: [].into(),
        signature_algorithms: [].into(),
        signature_algorithms_cert: [].into(),
        alpn: [].into(),
        psk_modes: [].into(),
        certificate_compression: [].into(),
        heartbeat: None,
        max_fragment_length: None,
        record_size_limit: None,
        prints: None,
    }
}

fn server_side() -> ServerSide {
    ServerSide {
        shape: Arc::new(ServerShape {
            legacy_version: 0x0303,
            version: 0x0303,
            cipher_suite: 0xc02f,
            compression_method: 0,
            extensions: Some([0x0017, 0xff01, 0x000b, 0x0010].into()),
            key_share: None,
            alpn: Some((*b"h2").into()),
            selected_psk: None,
            heartbeat: None,
            max_fragment_length: None,
            record_size_limit: None,
            prints: Some(ServerPrints {
                ja3s: Ja3s([0xa5; 16]),
                ja3s_full: "771,49199,23-65281-11-16".to_owned(),
                #[cfg(feature = "ja4plus")]
                ja4s: ja4plus::Ja4s::of(&SERVER),
                #[cfg(feature = "ja4plus")]
                ja4s_r: ja4plus::ja4s_r(&SERVER),
            }),
        }),
        random: [0xd0; 32],
        session_id_len: 32,
    }
}

#[cfg(feature = "ja4plus")]
const SERVER: ja4plus::ServerFacts<'static> = ja4plus::ServerFacts {
    protocol: b't',
    version: 0x0303,
    extensions: &[0x0017, 0xff01, 0x000b, 0x0010],
    alpn: Some(b"h2"),
    cipher: 0xc02f,
};

#[cfg(feature = "ja4plus")]
fn tcp_prints() -> ja4plus::TcpPrints {
    let leg = |sent, answered| ja4plus::Leg { sent: Timestamp(sent), answered: Timestamp(answered), ttl: 57 };
    ja4plus::TcpPrints {
        ja4t: Some(ja4plus::Ja4t::of(64_240, &[2, 4, 5, 0xb4, 1, 3, 3, 7])),
        ja4ts: Some(ja4plus::Ja4ts(ja4plus::Ja4t::of(65_535, &[]))),
        ja4l: ja4plus::Ja4l::of(leg(0, 5_000_000)),
        ja4ls: ja4plus::Ja4ls::of(leg(5_000_000, 5_100_000)),
    }
}

fn leaf() -> Certificate {
    Certificate {
        der: vec![0x30; 1_200].into(),
        md5: [0x11; 16],
        sha1: [0x22; 20],
        sha256: [0x33; 32],
        parsed: Ok(Parsed {
            version: 3,
            serial: [0x00, 0xab, 0xcd, 0xef, 0x01, 0x23].into(),
            subject: Some("CN=mozilla.example,O=Example Corp,L=Mountain View,ST=California,C=US".to_owned()),
            issuer: Some("CN=Example TLS CA 2024,O=Example Trust,C=US".to_owned()),
            subject_common_name: Some("mozilla.example".to_owned()),
            issuer_common_name: Some("Example TLS CA 2024".to_owned()),
            not_before: Some(1_048_899_464),
            not_after: Some(1_740_787_199),
            key: Some(Key {
                algorithm: "1.2.840.10045.2.1".to_owned(),
                bits: Some(256),
                curve: Some("1.2.840.10045.3.1.7".to_owned()),
                exponent: None,
            }),
            signature_algorithm: Some("1.2.840.113549.1.1.11".to_owned()),
            dns_names: ["mozilla.example", "www.mozilla.example", "cdn.mozilla.example"].map(str::to_owned).into(),
            ip_addresses: vec!["192.0.2.7".parse().expect("an address"), "2001:db8::7".parse().expect("an address")],
            email_addresses: vec!["admin@mozilla.example".to_owned()],
            uris: vec!["https://mozilla.example/".to_owned()],
            is_ca: Some(false),
            self_issued: false,
            names_left_out: 0,
            facts: tlsight::x509::Facts::default(),
            irregular: false,
            #[cfg(feature = "ja4plus")]
            ja4x: Some(ja4plus::Ja4x::of(&ja4plus::OidLists {
                issuer: &[b"\x55\x04\x06"],
                subject: &[b"\x55\x04\x06", b"\x55\x04\x03"],
                extensions: &[b"\x55\x1d\x11"],
            })),
        }),
    }
}

fn issuer() -> Certificate {
    let mut certificate = Certificate { md5: [0x44; 16], sha1: [0x55; 20], sha256: [0x66; 32], ..leaf() };
    if let Ok(parsed) = &mut certificate.parsed {
        parsed.subject = Some("CN=Example TLS CA 2024,O=Example Trust,C=US".to_owned());
        parsed.issuer = Some("CN=Example Root,O=Example Trust,C=US".to_owned());
        parsed.subject_common_name = Some("Example TLS CA 2024".to_owned());
        parsed.issuer_common_name = Some("Example Root".to_owned());
        parsed.key =
            Some(Key { algorithm: "1.2.840.113549.1.1.1".to_owned(), bits: Some(2048), curve: None, exponent: None });
        parsed.dns_names = Vec::new();
        parsed.ip_addresses = Vec::new();
        parsed.email_addresses = Vec::new();
        parsed.uris = Vec::new();
        parsed.is_ca = Some(true);
    }
    certificate
}

fn ja4(text: &str) -> Ja4 {
    Ja4(text.as_bytes().try_into().expect("36 characters"))
}

pub fn browser() -> Browser {
    Browser {
        claims: "Chromium 133-151".into(),
        verdict: Verdict::Impersonation,
        evidence: [Evidence::PrefaceAlone, Evidence::ExtensionOrderVaries].into_iter().collect(),
    }
}
