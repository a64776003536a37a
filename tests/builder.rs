//! The packet builder itself: whether its frames, files, hellos and certificates are what other tests take them for.
//! The judges are libpcap, tls-parser, x509-parser and published fingerprints.

mod packets;

use std::net::IpAddr;

use packets::clients::Ask;
use packets::frame::checksum;
use packets::x509::{Certificate, Key, Name, ocsp_response};
use packets::*;
use sha2::{Digest, Sha256};

#[test]
fn the_internet_checksum_is_that_of_the_textbook() {
    let header = [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7];
    assert_eq!(checksum(0, &header), 0xb861);
    assert_eq!(checksum(0, &[0xff]), 0x00ff);
}

#[test]
fn checksums_of_ip_tcp_and_udp_add_up() {
    for (client, server) in [(C, S), (C6, S6)] {
        for len in [0, 1, 2, 3, 99, 1460] {
            let payload = Rng::new(len as u64).bytes(len);
            let envelope = Envelope::between(client, server);
            let segment = Segment { seq: 7, options: &[1, 1, 1], payload: &payload, ..Segment::default() };
            for (protocol, frame) in [(6, envelope.tcp(&segment)), (17, envelope.udp(&payload))] {
                let ip = if client.ip.is_ipv4() { 20 } else { 40 };
                let transport = &frame[14 + ip..];
                assert_eq!(checksum(envelope.pseudo_header(protocol, transport.len()), transport), 0);
                if client.ip.is_ipv4() {
                    assert_eq!(checksum(0, &frame[14..34]), 0);
                }
            }
        }
    }
}

#[test]
fn segments_are_cut_at_the_mss_and_join_to_what_was_written() {
    let bytes = Rng::new(1).bytes(3_000);
    let script = tcp(C, S).mss(1000).open().client(&bytes);
    let sizes: Vec<_> = script.last_frames().iter().map(|f| tcp_of(f).payload.len()).collect();
    assert_eq!(sizes, [1000, 1000, 1000]);
    let stream: Vec<u8> = script.last_frames().iter().flat_map(|f| tcp_of(f).payload).collect();
    assert_eq!(stream, bytes);
    assert_eq!(tcp(C, S).timestamps().open().client(&bytes[..1449]).last_frames().len(), 2);
}

#[test]
fn sequence_numbers_wrap() {
    let script = tcp(C, S).client_isn(u32::MAX - 1).open().client([1; 10]).client([2; 10]);
    let seqs: Vec<_> = script.frames().iter().map(|f| tcp_of(f).seq).collect();
    assert_eq!([seqs[0], seqs[2], seqs[3], seqs[4]], [u32::MAX - 1, u32::MAX, u32::MAX, 9]);
}

#[test]
fn disturbances_change_the_order_and_keep_the_clock() {
    let bytes: Vec<u8> = (0..30).collect();
    let payloads = |script: Tcp| -> Vec<u8> {
        assert!(script.clone().frames().is_sorted_by_key(|f| f.ts));
        script.last_frames().iter().map(|f| tcp_of(f).payload[0]).collect()
    };
    let script = tcp(C, S).open().mss(10).client(&bytes);
    assert_eq!(payloads(script.clone()), [0, 10, 20]);
    assert_eq!(payloads(script.clone().reversed()), [20, 10, 0]);
    assert_eq!(payloads(script.clone().late(1)), [0, 20, 10]);
    assert_eq!(payloads(script.clone().duplicated()), [0, 10, 20, 0, 10, 20]);
    assert_eq!(payloads(script.clone().lose(1)), [0, 20]);
    assert_eq!(payloads(script.clone().lost()), []);
    let overlap = script.client_at(5, [99; 10]);
    let segment = tcp_of(&overlap.last_frames()[0]);
    assert_eq!((segment.seq, segment.payload), (1_006, vec![99; 10]));
}

#[test]
fn a_snapped_frame_knows_its_length_on_the_wire() {
    let script = tcp(C, S).snap(60).open().client([0; 500]);
    let frame = &script.last_frames()[0];
    assert_eq!((frame.bytes.len(), frame.wire_len), (60, 554));
}

#[test]
fn the_outer_of_two_tags_is_802_1ad() {
    let frame = &tcp(C, S).vlan(7).vlan(42).syn().frames()[0];
    assert_eq!(frame.bytes[12..22], [0x88, 0xa8, 0, 7, 0x81, 0, 0, 42, 8, 0]);
}

#[test]
fn ip_fragments_join_to_the_datagram() {
    let datagram = Rng::new(3).bytes(1_000);
    for (client, server, skip) in [(C, S, 34), (C6, S6, 62)] {
        let whole = Envelope::between(client, server).udp(&datagram);
        let frames = udp(client, server).ip_fragments(300).client(&datagram).frames();
        let sizes: Vec<_> = frames.iter().map(|f| f.bytes.len() - skip).collect();
        assert_eq!(sizes, [296, 296, 296, 120]);
        let joined: Vec<u8> = frames.iter().flat_map(|f| f.bytes[skip..].to_vec()).collect();
        assert_eq!(joined, whole[if client.ip.is_ipv4() { 34 } else { 54 }..]);
    }
}

#[test]
fn libpcap_reads_every_file_format_back() {
    let frames = tcp(C, S).at(1_700_000_000_123_456_789).open().client([7; 333]).fin().frames();
    let micro = FileFormat::default();
    for format in [micro, micro.big_endian(), micro.nano(), micro.nano().big_endian()] {
        for bytes in [pcap(format, &frames), pcapng(format, &frames)] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), bytes).unwrap();
            let mut capture = ::pcap::Capture::from_file_with_precision(file.path(), ::pcap::Precision::Nano).unwrap();
            for frame in &frames {
                let packet = capture.next_packet().unwrap();
                let ts = packet.header.ts.tv_sec as u64 * 1_000_000_000 + packet.header.ts.tv_usec as u64;
                let unit = if format.resolution == Resolution::Nano { 1 } else { 1_000 };
                assert_eq!((ts, packet.data), (frame.ts / unit * unit, &frame.bytes[..]), "{format:?}");
            }
            assert!(capture.next_packet().is_err());
        }
    }
}

#[test]
fn every_client_s_hello_parses_to_its_end() {
    for client in CLIENTS {
        for resumption in [Resumption::None, Resumption::SessionId, Resumption::Ticket(192), Resumption::Psk(220)] {
            let record = client.hello(Ask { resumption, ..Ask::new(5, "www.example.org") }).record();
            let (rest, plain) = tls_parser::parse_tls_plaintext(&record).unwrap();
            assert!(rest.is_empty(), "{}", client.name);
            let [tls_parser::TlsMessage::Handshake(tls_parser::TlsMessageHandshake::ClientHello(hello))] =
                &plain.msg[..]
            else {
                panic!("{}: {:?}", client.name, plain.msg)
            };
            let (rest, extensions) = tls_parser::parse_tls_client_hello_extensions(hello.ext.unwrap()).unwrap();
            assert!(rest.is_empty() && extensions.len() > 5, "{}", client.name);
        }
    }
    assert_eq!(CLIENTS.iter().map(|c| c.share).sum::<u16>(), 1000);
}

#[test]
fn a_chrome_hello_takes_two_segments_and_never_the_same_order() {
    let chrome = client_named("chrome-136");
    let hellos: Vec<_> = (0..20).map(|seed| chrome.hello(Ask::new(seed, "example.org"))).collect();
    let orders: std::collections::HashSet<Vec<u16>> =
        hellos.iter().map(|h| h.extensions.iter().map(|e| e.0).collect()).collect();
    assert!(hellos.iter().all(|h| h.record().len() > 1460));
    assert_eq!(orders.len(), 20);
    assert_eq!(hellos[3].record(), chrome.hello(Ask::new(3, "example.org")).record());
}

/// Values from public fingerprint lists, not from this project.
#[test]
fn clients_have_their_published_ja4() {
    for (name, published) in [
        ("chrome-136", "1516_8daaf6152771_d8a2da3f94cd"),
        ("chrome-152", "1517_8daaf6152771_cb7bf5808d99"),
        ("safari-18", "2013_a09f3c656075_7f0f34a4126d"),
        ("okhttp-android-12", "1513_8daaf6152771_eca864cca44a"),
        ("firefox-138", "1717_5b57614c22b0_3cbfd9057e0d"),
        ("curl-openssl-3", "3112_e8f1e7e78f70_b26ce05bbdd6"),
        ("go-1.24", "1311_f57a46bbacb6_e7c285222651"),
    ] {
        assert_eq!(ja4_without_head(&client_named(name).hello(Ask::new(9, "example.org"))), published, "{name}");
    }
}

#[test]
fn padding_brings_a_hello_to_its_length() {
    let hello = ClientHello::new(1).sni("example.org");
    assert_eq!(hello.clone().padding_to(512).message().len(), 512);
    assert_eq!(ClientHello::new(1).padding_to(512).message().len(), 512);
    assert_eq!(hello.clone().padding_to(10).message(), hello.message());
}

#[test]
fn a_fragmented_hello_joins_to_the_message() {
    let hello = client_named("firefox-138").hello(Ask::new(1, "example.org"));
    let mut records = &hello.records(100)[..];
    let mut joined = Vec::new();
    while let [22, 3, 1, high, low, rest @ ..] = records {
        let (body, next) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        joined.extend_from_slice(body);
        records = next;
    }
    assert!(records.is_empty());
    assert_eq!(joined, hello.message());
}

#[test]
fn certificates_parse_to_their_end() {
    let mut rng = Rng::new(11);
    let issuer = Name::authority("Some Trust", "Some Trust CA 1");
    for key in [Key::Rsa2048, Key::Rsa4096, Key::P256, Key::P384] {
        let mut leaf = Certificate::server("www.example.org", issuer.clone());
        (leaf.key, leaf.signed_with) = (key, key);
        let authority = Certificate::authority(issuer.clone(), Name::authority("Some Trust", "Root"));
        for certificate in [leaf, authority] {
            let der = certificate.der(&mut rng);
            let (rest, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
            assert!(rest.is_empty());
            assert!(parsed.extensions().iter().all(|e| e.parsed_extension().error().is_none()));
            assert_eq!(parsed.issuer().as_raw(), certificate.issuer.der());
            assert!((700..2_100).contains(&der.len()), "{}", der.len());
        }
    }
    assert!(ocsp_response(&mut rng).len() > 400);
}

struct Tcp4 {
    seq: u32,
    payload: Vec<u8>,
}

/// An untagged IPv4 frame's TCP, read by offsets.
fn tcp_of(frame: &TimedFrame) -> Tcp4 {
    assert!(matches!(C.ip, IpAddr::V4(_)) && frame.bytes[14] == 0x45);
    let tcp = &frame.bytes[34..];
    let header = usize::from(tcp[12] >> 4) * 4;
    Tcp4 { seq: u32::from_be_bytes(tcp[4..8].try_into().unwrap()), payload: tcp[header..].to_vec() }
}

/// JA4 by its definition, without protocol, version, SNI and ALPN.
fn ja4_without_head(hello: &ClientHello) -> String {
    let grease = |v: &u16| v & 0x0f0f == 0x0a0a && v >> 8 == v & 0xff;
    let hex = |list: &[u16]| list.iter().map(|v| format!("{v:04x}")).collect::<Vec<_>>().join(",");
    let hash = |text: String| Sha256::digest(text).iter().take(6).map(|b| format!("{b:02x}")).collect::<String>();
    let mut ciphers: Vec<u16> = hello.ciphers.iter().copied().filter(|c| !grease(c)).collect();
    let extensions: Vec<u16> = hello.extensions.iter().map(|e| e.0).filter(|e| !grease(e)).collect();
    let count = format!("{}{}", ciphers.len(), extensions.len());
    ciphers.sort_unstable();
    let mut hashed: Vec<u16> = extensions.into_iter().filter(|e| ![0, 16].contains(e)).collect();
    hashed.sort_unstable();
    let list = &hello.extensions.iter().find(|e| e.0 == 13).unwrap().1[2..];
    let algorithms: Vec<u16> =
        list.chunks(2).map(|c| u16::from_be_bytes([c[0], c[1]])).filter(|a| !grease(a)).collect();
    format!("{count}_{}_{}", hash(hex(&ciphers)), hash(format!("{}_{}", hex(&hashed), hex(&algorithms))))
}
