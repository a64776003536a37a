//! What the engine has to say about a session: plain, owned data, numbers as they stood on the wire.
//!
//! Made by `engine`, read by `detect` and `sink`. The schema's words for it are in [`terms`]. What sessions have in
//! common (the shape of a hello, a certificate) is shared by `Arc`, so that it is computed, and printed, once.

mod browser;
mod handshake;
pub mod labels;
mod security;
pub mod terms;

use std::net::IpAddr;
use std::sync::Arc;

use arrayvec::ArrayVec;

use crate::capture::Timestamp;
use crate::decode::{System, Tunnel, Vlans};
use crate::fingerprint::{Ja3, Ja3s, Ja4, Stable};
use crate::tls::{EncryptedHello, FIRST_RECORDS, HybridShare, OuterHello, Proxied, Upgrade, extension, is_tls13};
use crate::wire::registry;
use crate::x509::Certificate;

pub use browser::{Browser, Evidence, MAX_EVIDENCE, Verdict};
pub use handshake::{
    AcceptanceSign, Alert, ClientCertificate, DiffieHellman, EarlyData, Ech, Failure, GreaseSign, Handshake,
    KeyExchange, MAX_ALERTS, OfferSign, Offered, RejectionSign, Resumption, Retry, TcpLatency,
};
use labels::Labels;
pub use security::{Chain, NewCertificate, Posture, Security, Staple, Timestamps, Weakness};
use terms::Version;

/// One TLS session (`tlsight.tls`).
#[derive(Debug, Clone)]
pub struct Event {
    /// Derived from the packets: the same capture gives the same ids.
    pub id: [u8; 16],
    /// First byte of the ClientHello, or of the first TLS record seen where there was none.
    pub timestamp: Timestamp,
    /// When nothing more could be learnt: the packet that ended the handshake, or the flow's last one.
    pub end: Timestamp,
    /// When that was known: the packet that ended the flow's session, or the moment at which its silence had lasted too
    /// long. Events are told in this order.
    pub decided: Timestamp,
    pub protocol: Protocol,
    pub vlans: Vlans,
    /// Outermost first; those of the packet that opened the flow.
    pub tunnels: Vec<Tunnel>,
    /// What stood before TLS in its stream.
    pub upgrade: Option<Upgrade>,
    /// Whom a proxy spoke for.
    pub proxied: Option<Box<Proxied>>,
    pub quic: Option<Box<Quic>>,
    /// The sender of the ClientHello; without one, the side that did not send the ServerHello.
    pub client: Endpoint,
    pub server: Endpoint,
    pub client_hello: Option<ClientSide>,
    /// The ClientHello that answered a HelloRetryRequest.
    pub second_hello: Option<Arc<ClientShape>>,
    pub server_hello: Option<ServerSide>,
    /// Certificates sent in the clear, leaf first, as sent.
    pub client_chain: Vec<Arc<Certificate>>,
    pub server_chain: Vec<Arc<Certificate>>,
    pub handshake: Handshake,
    /// Octets of the first records that the client encrypted, where they were watched: over TLS 1.3, of a client that
    /// offers HTTP/2 first.
    pub client_records: ArrayVec<u16, FIRST_RECORDS>,
    /// Whose TCP opened the connection, where its SYN tells.
    pub client_system: Option<System>,
    /// Whether the client is the browser that its hello looks like; `None` until judged, and where it looks like none.
    pub browser: Option<Box<Browser>>,
    /// What its certificates and its choices are worth; empty until judged.
    pub security: Security,
    /// What is known of its fingerprints; the engine knows nothing.
    pub labels: Labels,
    /// Why something is not here.
    pub missing: Vec<Missing>,
    /// What was odd, and kept all the same.
    pub anomalies: Vec<Anomaly>,
    /// Facts of the TCP handshake, for JA4T and JA4L.
    #[cfg(feature = "ja4plus")]
    pub tcp: crate::fingerprint::ja4plus::TcpPrints,
}

impl Event {
    /// The version that was agreed on: the ServerHello's choice, or SSL 2.0 where a server of that answered.
    pub fn version(&self) -> Option<Version> {
        let sslv2 = self.handshake.sslv2.then_some(Version(SSL_2_0));
        self.server_hello.as_ref().map(|hello| Version(hello.shape.version)).or(sslv2)
    }

    /// Whether the server asked for another hello; `None` where it was not heard.
    pub fn hello_retry(&self) -> Option<bool> {
        self.told(self.handshake.hello_retry, self.server_hello.is_some())
    }

    /// Whether a server of DTLS wanted its cookie back; `None` elsewhere, and where it was not heard.
    pub fn hello_verify(&self) -> Option<bool> {
        let would_be_seen = self.protocol == Protocol::Dtls && self.server_hello.is_some();
        self.told(self.handshake.hello_verify, would_be_seen)
    }

    /// The name that the client asked for, as sent: in its ClientHello, or in a gQUIC hello.
    pub fn server_name(&self) -> Option<&[u8]> {
        let of_gquic = || self.quic.as_ref()?.gquic_server_name.as_deref();
        self.client_hello.as_ref().and_then(|hello| hello.server_name.as_deref()).or_else(of_gquic)
    }

    /// The numbers of the ClientHello's encrypted_client_hello, or of GREASE in its place.
    pub fn outer_hello(&self) -> Option<OuterHello> {
        self.client_hello.as_ref()?.encrypted_hello.and_then(EncryptedHello::outer)
    }

    pub fn client_auth_requested(&self) -> Option<bool> {
        self.told(self.handshake.client_auth_requested, self.is_told_in_the_clear())
    }

    pub fn ocsp_stapled(&self) -> Option<bool> {
        self.told(self.handshake.ocsp_stapled, self.is_told_in_the_clear())
    }

    pub fn new_session_ticket(&self) -> Option<bool> {
        self.told(self.handshake.new_session_ticket, self.is_told_in_the_clear())
    }

    /// Whether the client asked for an OCSP response; `None` without a whole ClientHello.
    pub fn ocsp_requested(&self) -> Option<bool> {
        let hello = self.whole_client_hello()?;
        Some(hello.has(extension::STATUS_REQUEST) || hello.has(extension::STATUS_REQUEST_V2))
    }

    /// SCTs in the ServerHello's extension; `None` where they would be encrypted.
    pub fn timestamp_count(&self) -> Option<u16> {
        let count = self.handshake.timestamp_count();
        count.or_else(|| self.whole_server_hello().filter(|hello| !is_tls13(hello.version)).map(|_| 0))
    }

    /// What became of renegotiation_info (RFC 5746), which a client may also offer as a suite.
    pub fn renegotiation_info(&self) -> Option<Agreement> {
        let client = self.whole_client_hello()?;
        let offered = client.has(extension::RENEGOTIATION_INFO) || client.cipher_suites.contains(&RENEGOTIATION_SCSV);
        self.agreement(offered, extension::RENEGOTIATION_INFO)
    }

    /// What became of extended_master_secret (RFC 7627).
    pub fn extended_master_secret(&self) -> Option<Agreement> {
        let offered = self.whole_client_hello()?.has(extension::EXTENDED_MASTER_SECRET);
        self.agreement(offered, extension::EXTENDED_MASTER_SECRET)
    }

    /// The compression method that was chosen; TLS 1.3 has none to choose.
    pub fn compression(&self) -> Option<u8> {
        let server = self.server_hello.as_ref().map(|hello| &*hello.shape)?;
        (!is_tls13(server.version)).then_some(server.compression_method)
    }

    /// Of an extension that TLS 1.3 has no use for: there, only whether it was offered is told.
    fn agreement(&self, offered: bool, kind: u16) -> Option<Agreement> {
        Some(match self.whole_server_hello() {
            Some(server) if server.has(kind) => Agreement::Answered,
            _ if !offered => Agreement::None,
            Some(server) if !is_tls13(server.version) => Agreement::Unanswered,
            _ => Agreement::Offered,
        })
    }

    fn whole_client_hello(&self) -> Option<&ClientShape> {
        self.client_hello.as_ref().map(|hello| &*hello.shape).filter(|shape| shape.prints.is_some())
    }

    fn whole_server_hello(&self) -> Option<&ServerShape> {
        self.server_hello.as_ref().map(|hello| &*hello.shape).filter(|shape| shape.prints.is_some())
    }

    /// What did not come counts as such only where it would have been seen.
    fn told(&self, came: bool, would_be_seen: bool) -> Option<bool> {
        (came || would_be_seen).then_some(came)
    }

    /// Whether the handshake was seen to its end, and encrypted nothing of it: before TLS 1.3 and its drafts.
    fn is_told_in_the_clear(&self) -> bool {
        let number = self.version().and_then(Version::number);
        self.handshake.established && number.is_some_and(|number| !number.starts_with("1.3"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Endpoint {
    pub ip: IpAddr,
    pub port: u16,
}

/// `network.protocol`: what the handshake travelled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// TLS, or SSL 3.0, over TCP.
    #[default]
    Tls,
    /// DTLS over UDP.
    Dtls,
    /// TLS in QUIC's CRYPTO frames.
    Quic,
}

/// What QUIC adds to a handshake (RFC 9000).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quic {
    /// In force: of the server's Initial packets, else of the client's last.
    pub version: u32,
    /// Of the client's first packet, where it was another.
    pub original_version: Option<u32>,
    /// Destination connection id of the client's first Initial packet.
    pub client_initial_dcid: Box<[u8]>,
    pub client_scid: Option<Box<[u8]>>,
    pub server_scid: Option<Box<[u8]>>,
    /// A Retry packet was seen.
    pub retry: bool,
    /// A Version Negotiation packet was seen.
    pub version_negotiation: bool,
    /// The client sent 0-RTT packets.
    pub zero_rtt: bool,
    /// The client's transport parameters in wire order (RFC 9000, section 18).
    pub parameters: Vec<QuicParameter>,
    /// Of a gQUIC client hello (tag SNI), which is no hello of TLS.
    pub gquic_server_name: Option<Box<[u8]>>,
    /// Of a gQUIC client hello (tag UAID), or of the draft parameter that carries it (0x3129).
    pub user_agent: Option<Box<[u8]>>,
}

/// A transport parameter (RFC 9000, section 18.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QuicParameter {
    pub id: u64,
    /// Where the whole of it is one variable-length integer.
    pub number: Option<u64>,
    pub length: u16,
}

/// What one ClientHello said, beside its shape.
#[derive(Debug, Clone)]
pub struct ClientSide {
    pub shape: Arc<ClientShape>,
    pub random: [u8; 32],
    pub session_id_len: u8,
    /// host_name of the server_name extension (RFC 6066, section 3), as sent.
    pub server_name: Option<Box<[u8]>>,
    /// Different in each hello, GREASE among it.
    pub encrypted_hello: Option<EncryptedHello>,
    pub hybrid_share: Option<HybridShare>,
}

/// All of a ClientHello that says which software wrote it and nothing of the one connection: two hellos of one client
/// program share it. Lists are in wire order, GREASE and duplicates kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientShape {
    pub format: HelloFormat,
    pub legacy_version: u16,
    pub cipher_suites: Box<[u16]>,
    /// SSLv2 cipher specs that are no two-byte suites (24 bits).
    pub sslv2_ciphers: Box<[u32]>,
    pub compression_methods: Box<[u8]>,
    /// Absent where the hello had no extensions block.
    pub extensions: Option<Box<[u16]>>,
    pub supported_versions: Box<[u16]>,
    pub supported_groups: Box<[u16]>,
    /// Groups for which a key share was sent.
    pub key_shares: Box<[u16]>,
    pub point_formats: Box<[u8]>,
    pub signature_algorithms: Box<[u16]>,
    pub signature_algorithms_cert: Box<[u16]>,
    pub alpn: Box<[Box<[u8]>]>,
    pub psk_modes: Box<[u8]>,
    pub certificate_compression: Box<[u16]>,
    /// HeartbeatMode (RFC 6520, section 2).
    pub heartbeat: Option<u8>,
    /// MaxFragmentLength (RFC 6066, section 4).
    pub max_fragment_length: Option<u8>,
    /// RecordSizeLimit (RFC 8449, section 4).
    pub record_size_limit: Option<u16>,
    /// Absent, with a reason in [`Event::missing`], where the hello's bytes are incomplete.
    pub prints: Option<ClientPrints>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HelloFormat {
    Tls,
    /// A version 2 CLIENT-HELLO (RFC 5246, appendix E.2).
    Sslv2,
}

impl ClientShape {
    /// Whether the hello has an extension of this type.
    pub fn has(&self, kind: u16) -> bool {
        self.extensions.as_deref().is_some_and(|extensions| extensions.contains(&kind))
    }

    /// The groups on offer that withstand a quantum computer, in wire order.
    pub fn post_quantum_groups(&self) -> impl Iterator<Item = u16> + Clone {
        self.supported_groups.iter().copied().filter(|&group| registry::is_post_quantum(group))
    }
}

/// The fingerprints of a complete ClientHello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPrints {
    /// Not defined for SSLv2-format hellos.
    pub ja3: Option<Ja3>,
    pub ja3_full: Option<String>,
    /// JA3 with its extensions sorted.
    pub ja3n: Option<Ja3>,
    pub ja4: Ja4,
    pub ja4_r: Arc<str>,
    pub ja4_o: Ja4,
    pub ja4_ro: String,
    pub stable: Stable,
}

/// What the ServerHello said, beside its shape.
#[derive(Debug, Clone)]
pub struct ServerSide {
    pub shape: Arc<ServerShape>,
    pub random: [u8; 32],
    pub session_id_len: u8,
}

/// All of a ServerHello that is not of the one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerShape {
    pub legacy_version: u16,
    /// supported_versions' choice, else `legacy_version`.
    pub version: u16,
    pub cipher_suite: u16,
    pub compression_method: u8,
    /// Absent where the hello had no extensions block.
    pub extensions: Option<Box<[u16]>>,
    /// The group of the server's key_share.
    pub key_share: Option<u16>,
    pub alpn: Option<Box<[u8]>>,
    /// Index of the offered PSK that was taken.
    pub selected_psk: Option<u16>,
    /// HeartbeatMode (RFC 6520, section 2).
    pub heartbeat: Option<u8>,
    /// MaxFragmentLength (RFC 6066, section 4).
    pub max_fragment_length: Option<u8>,
    /// RecordSizeLimit (RFC 8449, section 4).
    pub record_size_limit: Option<u16>,
    pub prints: Option<ServerPrints>,
}

impl ServerShape {
    /// Whether the hello has an extension of this type.
    pub fn has(&self, kind: u16) -> bool {
        self.extensions.as_deref().is_some_and(|extensions| extensions.contains(&kind))
    }
}

/// The fingerprints of a complete ServerHello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerPrints {
    pub ja3s: Ja3s,
    pub ja3s_full: String,
    #[cfg(feature = "ja4plus")]
    pub ja4s: crate::fingerprint::ja4plus::Ja4s,
    #[cfg(feature = "ja4plus")]
    pub ja4s_r: String,
}

/// What became of an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agreement {
    /// Not offered.
    None,
    /// Offered; the answer was not seen, or the version that was chosen has no need of it.
    Offered,
    /// The server did not answer it.
    Unanswered,
    Answered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    Client,
    Server,
}

/// One entry of `tlsight.missing`: what is not here, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Missing {
    pub what: Part,
    pub why: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    ClientHello,
    ServerHello,
    /// The server's certificate.
    Certificate,
    ClientCertificate,
    /// Bytes of the client's direction after its hello.
    Client,
    /// Bytes of the server's direction after its hello.
    Server,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// TLS 1.3 encrypts it.
    Encrypted,
    /// A resumed session sends none.
    Resumed,
    NotSeen,
    /// The capture began after it.
    Midstream,
    /// Bytes are missing from the capture.
    Gap,
    /// Packets were lost before they could be read while the session was open: said beside what is missing (live only).
    Dropped,
    /// The snap length, or the flow's end, cut it.
    Truncated,
    /// A cap of the configuration was hit.
    Limit,
    Malformed,
    /// It is written in another language: gQUIC's.
    NotTls,
}

/// One entry of `tlsight.anomaly`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Anomaly {
    /// Two copies of the same TCP bytes differed; the first was used.
    TcpOverlapDiffers,
    /// A cipher suite list of odd length; the last byte was left out.
    OddCipherListLength,
    DuplicateExtension,
    /// An extension whose own structure could not be read.
    MalformedExtension,
    /// Bytes after the end of a hello's last field.
    TrailingBytes,
    /// The client said hello again without having been asked to.
    RepeatedClientHello,
    /// The answer to a HelloRetryRequest or a HelloVerifyRequest changes what has to stay (RFC 8446, section 4.1.2).
    ChangedClientHello,
    /// A record longer than its protocol version allows.
    OversizedRecord,
    /// A record whose version is none of SSL 3.0 to TLS 1.3.
    UnknownRecordVersion,
    MalformedCertificate,
    /// A handshake message whose structure could not be read.
    MalformedMessage,
    /// Plaintext that no TLS record starts with, where one was due.
    NotARecord,
}

const SSL_2_0: u16 = 0x0002;
/// TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746, section 3.3).
const RENEGOTIATION_SCSV: u16 = 0x00ff;
