//! ClientHello and ServerHello as bytes: TLS records, or a bare handshake message.

use super::sheet::{Sheet, all_named, named};
use crate::fingerprint::ja4::{Forms, Transport};
use crate::fingerprint::{Ja3, Ja3s};
use crate::tls::{Caps, ClientHello, Flaws, Message, Progress, ServerHello, Session};
use crate::wire::text::printable;
use crate::wire::{Direction, registry};
use crate::x509::Certificate;

/// Whether bytes begin as a hello does.
pub fn may_be(bytes: &[u8]) -> bool {
    is_message(bytes) || !Session::is_other_than_tls(bytes)
}

/// Says all that is in the hellos, and their fingerprints.
pub fn explain(bytes: &[u8]) -> Result<Sheet, String> {
    let mut sheet = Sheet::default();
    let mut found = Found::Nothing;
    if is_message(bytes) {
        let (head, body) = bytes.split_at_checked(4).unwrap_or((bytes, &[]));
        let length = head.iter().skip(1).fold(0, |length, &byte| length << 8 | usize::from(byte));
        let body = body.get(..length).unwrap_or(body);
        match head.first() {
            Some(&CLIENT_HELLO) => client(&mut sheet, &ClientHello::read(body), Kind::Tls),
            _ => server(&mut sheet, &ServerHello::read(body)),
        }
        return Ok(sheet);
    }
    let mut session = Session::new(Caps { client_hello: CAP, other: CAP });
    let mut out = |_: Direction, message: Message<'_>| {
        match message {
            Message::ClientHello(hello) => client(&mut sheet, &hello, Kind::Tls),
            Message::Sslv2ClientHello(hello) => client(&mut sheet, &hello, Kind::Sslv2),
            Message::ServerHello(hello) | Message::HelloRetryRequest(hello) => server(&mut sheet, &hello),
            Message::Certificates(list) => list.iter().for_each(|der| certificate(&mut sheet, der)),
            _ => return,
        }
        found = Found::Something;
    };
    let progress = session.push(Direction::Forward, bytes, &mut out);
    session.finish(&mut out);
    match found {
        Found::Something => Ok(sheet),
        Found::Nothing if progress == Progress::NotTls || Session::is_other_than_tls(bytes) => {
            let begin: Vec<String> = bytes.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
            Err(format!(
                "no hello: it begins with {}; a record begins with 16 03, a bare message with 01 (ClientHello) or 02 (ServerHello)",
                if begin.is_empty() { "nothing".to_owned() } else { begin.join(" ") }
            ))
        }
        Found::Nothing => Err("there is no ClientHello and no ServerHello in these records".to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Something,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tls,
    Sslv2,
}

/// A handshake message without a record around it: its type, three bytes of length, a version.
fn is_message(bytes: &[u8]) -> bool {
    matches!(bytes, [CLIENT_HELLO | SERVER_HELLO, 0, _, _, 3 | 0x7f, ..])
}

fn client(sheet: &mut Sheet, hello: &ClientHello<'_>, kind: Kind) {
    let is_quic = hello.extension_types().any(|kind| kind == QUIC_TRANSPORT_PARAMETERS);
    sheet.heading(match (kind, is_quic) {
        (Kind::Sslv2, _) => "ClientHello in SSL 2.0 format",
        (_, true) => "ClientHello of QUIC",
        (_, false) => "ClientHello",
    });
    sheet.pair("legacy version", version(hello.legacy_version));
    sheet.pair("random", hex(&hello.random));
    session_id(sheet, hello.session_id);
    if let Some(name) = hello.server_name {
        sheet.pair("server name", printable(name));
    }
    sheet.list("versions", hello.supported_versions.iter().map(version).collect());
    sheet.list("cipher suites", all_named(hello.cipher_suites.iter(), registry::cipher_suite));
    let specs = hello.sslv2_specs.as_chunks().0.iter().map(|&[a, b, c]| match a {
        0 => named(u16::from_be_bytes([b, c]), registry::cipher_suite(u16::from_be_bytes([b, c]))),
        _ => format!("0x{a:02x}{b:02x}{c:02x}  of SSL 2.0"),
    });
    sheet.list("cipher specs", specs.collect());
    sheet.list("compression", narrow(hello.compression_methods, registry::compression_method));
    sheet.list("extensions", all_named(hello.extension_types(), registry::extension));
    sheet.list("groups", all_named(hello.supported_groups.iter(), registry::group));
    sheet.list("key shares", all_named(hello.key_shares.groups(), registry::group));
    sheet.list("point formats", narrow(hello.point_formats, registry::point_format));
    sheet.list("signature algorithms", all_named(hello.signature_algorithms.iter(), registry::signature_scheme));
    sheet.list("for certificates", all_named(hello.signature_algorithms_cert.iter(), registry::signature_scheme));
    sheet.list("ALPN", hello.alpn.names().map(|name| printable(name).into_owned()).collect());
    sheet.list("PSK modes", narrow(hello.psk_modes, registry::psk_mode));
    let compression = all_named(hello.certificate_compression.iter(), registry::certificate_compression);
    sheet.list("certificate compression", compression);
    flaws(sheet, hello.flaws);

    sheet.heading("Its fingerprints");
    if !hello.is_complete() {
        sheet.note("None: its end is missing, and what is not there would be in them.");
        return;
    }
    let transport = if is_quic { Transport::Quic } else { Transport::Tcp };
    let Forms { ja4, ja4_r, ja4_o, ja4_ro, stable } = Forms::of(hello, transport);
    if kind == Kind::Tls {
        let full = Ja3::full(hello);
        sheet.pair("JA3", Ja3::of_text(&full).to_string());
        sheet.pair("JA3, extensions sorted", Ja3::normalised(hello).to_string());
        sheet.pair("JA3 string", full);
    }
    sheet.pair("JA4", ja4.as_str());
    sheet.pair("JA4_o", ja4_o.as_str());
    sheet.pair("stable", stable.0.as_str());
    sheet.pair("JA4_r", &*ja4_r);
    sheet.pair("JA4_ro", ja4_ro);
}

fn server(sheet: &mut Sheet, hello: &ServerHello<'_>) {
    sheet.heading(if hello.is_retry() { "HelloRetryRequest" } else { "ServerHello" });
    sheet.pair("version", version(hello.version()));
    sheet.pair("legacy version", version(hello.legacy_version));
    sheet.pair("random", hex(&hello.random));
    session_id(sheet, hello.session_id);
    sheet.pair("cipher suite", named(hello.cipher_suite, registry::cipher_suite(hello.cipher_suite)));
    sheet.list("compression", narrow(&[hello.compression_method], registry::compression_method));
    sheet.list("extensions", all_named(hello.extension_types(), registry::extension));
    if let Some(group) = hello.key_share {
        sheet.pair("key share", named(group, registry::group(group)));
    }
    if let Some(alpn) = hello.alpn {
        sheet.pair("ALPN", printable(alpn));
    }
    if let Some(index) = hello.selected_psk {
        sheet.pair("PSK taken", index.to_string());
    }
    flaws(sheet, hello.flaws);

    sheet.heading("Its fingerprints");
    if !hello.is_complete() {
        sheet.note("None: its end is missing, and what is not there would be in them.");
        return;
    }
    let full = Ja3s::full(hello);
    sheet.pair("JA3S", Ja3s::of_text(&full).to_string());
    sheet.pair("JA3S string", full);
    #[cfg(feature = "ja4plus")]
    {
        use crate::fingerprint::ja4plus::{Ja4s, ServerFacts, ja4s_r};
        let extensions: Vec<u16> = hello.extension_types().collect();
        let facts = ServerFacts {
            protocol: Transport::Tcp.letter(),
            version: hello.version(),
            extensions: &extensions,
            alpn: hello.alpn,
            cipher: hello.cipher_suite,
        };
        sheet.pair("JA4S", Ja4s::of(&facts).to_string());
        sheet.pair("JA4S_r", ja4s_r(&facts));
    }
}

fn certificate(sheet: &mut Sheet, der: &[u8]) {
    let certificate = Certificate::from_der(der);
    sheet.heading("Certificate");
    sheet.pair("SHA-256", hex(&certificate.sha256));
    let Ok(parsed) = &certificate.parsed else {
        sheet.note("It cannot be read.");
        return;
    };
    for (key, value) in [("subject", &parsed.subject), ("issuer", &parsed.issuer)] {
        if let Some(value) = value {
            sheet.pair(key, value);
        }
    }
    sheet.list("DNS names", parsed.dns_names.clone());
}

fn flaws(sheet: &mut Sheet, flaws: Flaws) {
    for (flaw, words) in [
        (Flaws::INCOMPLETE, "Bytes that its lengths promise are not there."),
        (Flaws::ODD_CIPHER_LIST, "Its list of cipher suites has an odd length."),
        (Flaws::DUPLICATE_EXTENSION, "It has the same extension twice."),
        (Flaws::MALFORMED_EXTENSION, "It has an extension that cannot be read."),
        (Flaws::TRAILING_BYTES, "It has bytes behind its end."),
    ] {
        if flaws.has(flaw) {
            sheet.note(words);
        }
    }
}

fn session_id(sheet: &mut Sheet, id: &[u8]) {
    if !id.is_empty() {
        sheet.pair("session id", hex(id));
    }
}

fn version(version: u16) -> String {
    let name = registry::version(version).map(|known| format!("{} {}", known.protocol.to_uppercase(), known.number));
    named(version, name.as_deref())
}

/// Names of one-byte numbers.
fn narrow(codes: &[u8], name: fn(u8) -> Option<&'static str>) -> Vec<String> {
    codes.iter().map(|&code| format!("0x{code:02x}    {}", name(code).unwrap_or("not registered"))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const QUIC_TRANSPORT_PARAMETERS: u16 = 0x0039;
/// More than any message that is given here can have.
const CAP: usize = 1 << 20;
