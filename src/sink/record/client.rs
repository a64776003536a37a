//! The client's side of a session: `tls.client` and `tlsight.client`.

use serde::Serialize;

use super::certificate::Links;
use super::shared::{Members, Shared, Split};
use crate::decode::System;
use crate::event::{Browser, ClientShape, Event, Evidence, HelloFormat};
use crate::fingerprint::Ja3;
#[cfg(feature = "ja4plus")]
use crate::fingerprint::ja4plus::{Ja4l, Ja4t};
#[cfg(feature = "ja4plus")]
use crate::sink::forms::Shown;
use crate::sink::forms::{CipherNames, Code, Code24, Codes, Codes8, Each, GroupName, Hex, Printable};
use crate::sink::json::{self, Text};
use crate::wire::registry;

/// `tls.client`
#[derive(Serialize)]
pub struct TlsClient<'a> {
    server_name: Option<Printable<'a>>,
    /// [`Ecs`]
    #[serde(rename = "")]
    shape: Option<Text<'a>>,
    /// Of the client's own certificate.
    #[serde(rename = "")]
    certificate: Option<Text<'a>>,
}

/// `tlsight.client`
#[derive(Serialize)]
pub struct TlsightClient<'a> {
    random: Option<Hex<'a>>,
    /// [`Own`]
    #[serde(rename = "")]
    shape: Option<Text<'a>>,
    second_hello: Option<SecondHello<'a>>,
    chain: Links<'a>,
    system: Option<&'static str>,
    first_records: Each<'a, u16, u16>,
    browser: Option<BrowserRecord<'a>>,
    #[cfg(feature = "ja4plus")]
    ja4t: Option<Shown<Ja4t>>,
    #[cfg(feature = "ja4plus")]
    ja4l: Option<Shown<Ja4l>>,
}

/// `tlsight.client.second_hello`: the ClientHello that answered a HelloRetryRequest.
#[derive(Serialize)]
pub struct SecondHello<'a> {
    #[serde(rename = "")]
    ecs: Text<'a>,
    #[serde(rename = "")]
    own: Text<'a>,
}

/// `tlsight.client.browser`: whether it is the browser that its hello looks like.
#[derive(Serialize)]
pub struct BrowserRecord<'a> {
    claims: &'a str,
    verdict: &'static str,
    evidence: Each<'a, Evidence, &'static str>,
}

impl<'a> BrowserRecord<'a> {
    fn of(browser: &'a Browser) -> Self {
        Self {
            claims: &browser.claims,
            verdict: browser.verdict.as_str(),
            evidence: Each(&browser.evidence, |evidence| evidence.as_str()),
        }
    }
}

impl<'a> TlsClient<'a> {
    pub fn of(event: &'a Event, shared: &'a Shared) -> Self {
        Self {
            server_name: event.server_name().map(Printable),
            shape: shared.client_hello().map(|members| members.ecs),
            certificate: shared.client_chain().iter().next().map(|leaf| leaf.ecs),
        }
    }
}

impl<'a> TlsightClient<'a> {
    pub fn of(event: &'a Event, shared: &'a Shared) -> Self {
        let hello = event.client_hello.as_ref();
        Self {
            random: hello.map(|hello| Hex(&hello.random)),
            shape: shared.client_hello().map(|members| members.own),
            second_hello: shared.second_hello().map(|Members { ecs, own }| SecondHello { ecs, own }),
            chain: Links(shared.client_chain()),
            system: event.client_system.map(System::as_str),
            first_records: Each(&event.client_records, |&length| length),
            browser: event.browser.as_deref().map(BrowserRecord::of),
            #[cfg(feature = "ja4plus")]
            ja4t: event.tcp.ja4t.map(Shown),
            #[cfg(feature = "ja4plus")]
            ja4l: event.tcp.ja4l.map(Shown),
        }
    }
}

/// Appends the members that a shape gives to `tls.client` and to `tlsight.client`.
pub fn members(shape: &ClientShape, session_id_len: Option<u8>, out: &mut Vec<u8>) -> Split {
    Split {
        ecs: json::append_object(out, &Ecs::of(shape)),
        own: json::append_object(out, &Own::of(shape, session_id_len)),
    }
}

#[derive(Serialize)]
struct Ecs<'a> {
    ja3: Option<Hex<'a>>,
    ja4: Option<&'a str>,
    supported_ciphers: CipherNames<'a>,
}

#[derive(Serialize)]
struct Own<'a> {
    ja3_full: Option<&'a str>,
    ja3n: Option<Hex<'a>>,
    ja4_r: Option<&'a str>,
    ja4_o: Option<&'a str>,
    ja4_ro: Option<&'a str>,
    stable: Option<&'a str>,
    hello: Option<Hello<'a>>,
}

/// `tlsight.client.hello`: lists in wire order, GREASE included.
#[derive(Serialize)]
struct Hello<'a> {
    /// `sslv2`; not written for the usual format.
    format: Option<&'static str>,
    legacy_version: Code,
    session_id_length: Option<u8>,
    versions: Codes<'a>,
    ciphers: Codes<'a>,
    sslv2_ciphers: Each<'a, u32, Code24>,
    compression_methods: Codes8<'a>,
    extensions: Option<Codes<'a>>,
    groups: Codes<'a>,
    key_shares: Codes<'a>,
    point_formats: Codes8<'a>,
    signature_algorithms: Codes<'a>,
    signature_algorithms_cert: Codes<'a>,
    alpn: Each<'a, Box<[u8]>, Printable<'a>>,
    psk_modes: Codes8<'a>,
    certificate_compression: Codes<'a>,
    /// Groups of `groups` that withstand a quantum computer.
    post_quantum: PostQuantum<'a>,
    heartbeat: Option<&'static str>,
    /// Octets.
    max_fragment_length: Option<u16>,
    /// Octets.
    record_size_limit: Option<u16>,
}

impl<'a> Ecs<'a> {
    fn of(shape: &'a ClientShape) -> Self {
        let prints = shape.prints.as_ref();
        Self {
            ja3: prints.and_then(|prints| prints.ja3.as_ref()).map(|Ja3(md5)| Hex(md5)),
            ja4: prints.map(|prints| prints.ja4.as_str()),
            supported_ciphers: CipherNames(&shape.cipher_suites),
        }
    }
}

impl<'a> Own<'a> {
    fn of(shape: &'a ClientShape, session_id_len: Option<u8>) -> Self {
        let prints = shape.prints.as_ref();
        Self {
            ja3_full: prints.and_then(|prints| prints.ja3_full.as_deref()),
            ja3n: prints.and_then(|prints| prints.ja3n.as_ref()).map(|Ja3(md5)| Hex(md5)),
            ja4_r: prints.map(|prints| &*prints.ja4_r),
            ja4_o: prints.map(|prints| prints.ja4_o.as_str()),
            ja4_ro: prints.map(|prints| &*prints.ja4_ro),
            stable: prints.map(|prints| prints.stable.0.as_str()),
            // An SSL 2.0 CLIENT-HELLO that asks for nothing newer is no hello of TLS.
            hello: (shape.legacy_version != SSL_2_0).then(|| Hello::of(shape, session_id_len)),
        }
    }
}

impl<'a> Hello<'a> {
    fn of(shape: &'a ClientShape, session_id_len: Option<u8>) -> Self {
        Self {
            format: (shape.format == HelloFormat::Sslv2).then_some(shape.format.as_str()),
            legacy_version: Code(shape.legacy_version),
            session_id_length: session_id_len,
            versions: Codes(&shape.supported_versions),
            ciphers: Codes(&shape.cipher_suites),
            sslv2_ciphers: Each(&shape.sslv2_ciphers, |&spec| Code24(spec)),
            compression_methods: Codes8(&shape.compression_methods),
            extensions: shape.extensions.as_deref().map(Codes),
            groups: Codes(&shape.supported_groups),
            key_shares: Codes(&shape.key_shares),
            point_formats: Codes8(&shape.point_formats),
            signature_algorithms: Codes(&shape.signature_algorithms),
            signature_algorithms_cert: Codes(&shape.signature_algorithms_cert),
            alpn: Each(&shape.alpn, |name| Printable(name)),
            psk_modes: Codes8(&shape.psk_modes),
            certificate_compression: Codes(&shape.certificate_compression),
            post_quantum: PostQuantum(shape),
            heartbeat: shape.heartbeat.and_then(registry::heartbeat_mode),
            max_fragment_length: shape.max_fragment_length.and_then(registry::max_fragment_length),
            record_size_limit: shape.record_size_limit,
        }
    }
}

/// `tlsight.client.hello.post_quantum`: names.
struct PostQuantum<'a>(&'a ClientShape);

impl Serialize for PostQuantum<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.post_quantum_groups().map(GroupName))
    }
}

const SSL_2_0: u16 = 0x0002;
