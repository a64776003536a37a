//! What both directions of a session have told together, and what follows from it: who speaks what, what is encrypted,
//! whether more can be learnt.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::early::Early;
use super::first_records::FirstRecords;
use super::key_exchange::Agreed;
use super::message::{self, Certificates, Joined, Message};
use super::probe::Peer;
use super::session::Progress;
use super::{ClientHello, ServerHello, ServerKeyExchange, sslv2};
use crate::wire::{Both, Cursor, Direction, registry};

/// What the two directions have told together.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) carrier: Carrier,
    pub(crate) hello: Option<Format>,
    /// ClientHellos so far, and those that the server has asked for.
    hellos: u8,
    asked: u8,
    pub(crate) version: Option<u16>,
    /// The suite of the ServerHello.
    suite: Option<u16>,
    pub(super) early: Early,
    pub(super) first_records: FirstRecords,
    /// Octets of MAC behind each record, where the suite encrypts nothing: such a session can be read on.
    pub(crate) null_cipher_mac: Option<usize>,
    pub(crate) changed_cipher: Both<bool>,
    /// Encrypted records seen.
    pub(crate) secured: Both<u32>,
    pub(crate) lost: Both<bool>,
    pub(crate) failed: bool,
    pub(crate) not_tls: bool,
    pub(crate) alert: Both<Option<u8>>,
}

/// What the handshake messages travel in, as far as their own form depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Carrier {
    /// TLS records, or QUIC's CRYPTO frames.
    #[default]
    Stream,
    /// DTLS records: a ClientHello has a cookie (RFC 6347, section 4.2.1).
    Datagrams,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Tls,
    Sslv2,
}

impl Story {
    pub(crate) fn new(carrier: Carrier) -> Self {
        Self { carrier, ..Self::default() }
    }

    pub(super) fn peer(&self) -> Peer {
        match self.hello {
            None => Peer::Unknown,
            Some(Format::Tls) => Peer::Hello,
            Some(Format::Sslv2) => Peer::Sslv2Hello,
        }
    }

    pub(crate) fn is_tls13(&self) -> bool {
        self.version.is_some_and(is_tls13)
    }

    /// Whether handshake and alert records of this direction are encrypted by now.
    pub(crate) fn encrypts(&self, from: Direction) -> bool {
        self.changed_cipher[from] && self.version.is_some() && !self.is_tls13()
    }

    pub(crate) fn not_tls(&mut self, from: Direction, said: &mut impl FnMut(Message<'_>)) {
        self.lost[from] = true;
        if self.hello.is_some() {
            said(Message::NotARecord);
        } else {
            self.not_tls = true;
        }
    }

    pub(crate) fn joined(&mut self, from: Direction, joined: Joined<'_>, said: &mut impl FnMut(Message<'_>)) {
        match joined {
            Joined::Whole { kind, body } => self.message(from, kind, body, said),
            Joined::Cut { kind, body, loss } => {
                match kind {
                    CLIENT_HELLO => self.client_hello(from, self.carrier.client_hello(body).cut(), said),
                    CERTIFICATE => said(Message::Certificates(Certificates::read(body))),
                    _ => {}
                }
                said(Message::Lost { within: Some(kind), loss });
            }
        }
    }

    fn message(&mut self, from: Direction, kind: u8, body: &[u8], said: &mut impl FnMut(Message<'_>)) {
        match kind {
            CLIENT_HELLO => self.client_hello(from, self.carrier.client_hello(body), said),
            HELLO_VERIFY_REQUEST if self.carrier == Carrier::Datagrams => {
                self.hello.get_or_insert(Format::Tls);
                self.asked = self.asked.saturating_add(1);
                said(Message::HelloVerifyRequest);
            }
            SERVER_HELLO => {
                let hello = ServerHello::read(body);
                if hello.is_retry() {
                    self.retry(&hello);
                    said(Message::HelloRetryRequest(hello));
                } else {
                    self.server_hello(&hello);
                    said(Message::ServerHello(hello));
                }
            }
            DRAFT_HELLO_RETRY_REQUEST => {
                let hello = ServerHello::read_draft_retry(body);
                self.retry(&hello);
                said(Message::HelloRetryRequest(hello));
            }
            CERTIFICATE => said(Message::Certificates(Certificates::read(body))),
            SERVER_KEY_EXCHANGE => {
                let agreed = self.suite.zip(self.version).map(|(suite, version)| Agreed { suite, version });
                said(Message::ServerKeyExchange(ServerKeyExchange::read(body, agreed)));
            }
            CERTIFICATE_REQUEST => said(Message::CertificateRequest),
            CERTIFICATE_VERIFY => said(Message::CertificateVerify { scheme: Cursor::new(body).u16().ok() }),
            CERTIFICATE_STATUS => match message::ocsp_response(body) {
                Ok(response) => said(Message::CertificateStatus(response.unwrap_or_default())),
                Err(_) => said(Message::Malformed(kind)),
            },
            SERVER_HELLO_DONE => said(Message::ServerHelloDone),
            NEW_SESSION_TICKET => said(Message::NewSessionTicket),
            0..=67 => {}
            _ => said(Message::Malformed(kind)),
        }
    }

    fn client_hello(&mut self, from: Direction, hello: ClientHello<'_>, said: &mut impl FnMut(Message<'_>)) {
        if self.awaits_hello() {
            // Its first one's early data were in vain (RFC 8446, section 4.2.10): what is encrypted comes later.
            self.secured[from] = 0;
        } else if self.version.is_some() && (self.secured[from] > 0 || self.changed_cipher[from]) {
            // A hello after the handshake: another one begins, in the clear only where nothing is encrypted.
            said(Message::Renegotiation);
            let mac = self.null_cipher_mac;
            *self = Self { hello: Some(Format::Tls), null_cipher_mac: mac, ..Self::new(self.carrier) };
            self.changed_cipher = Both { forward: mac.is_some(), backward: mac.is_some() };
        }
        self.hello = Some(Format::Tls);
        self.hellos = self.hellos.saturating_add(1);
        if self.carrier == Carrier::Stream {
            self.first_records = FirstRecords::offered(&hello, from);
            self.early = if hello.offers_early_data { Early::Offered(from) } else { Early::Settled };
        }
        said(Message::ClientHello(hello));
    }

    /// A HelloRetryRequest tells the version too: a ChangeCipherSpec after it changes nothing.
    fn retry(&mut self, hello: &ServerHello<'_>) {
        self.hello.get_or_insert(Format::Tls);
        self.version = Some(hello.version());
        self.asked = self.asked.saturating_add(1);
    }

    /// Whether a ClientHello was read.
    pub(crate) fn has_hello(&self) -> bool {
        self.hellos > 0
    }

    /// Whether the server has asked for another.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked > 0
    }

    /// Whether the server has asked for a ClientHello that has not come: where packets overtake each other, it may yet.
    pub(crate) fn awaits_hello(&self) -> bool {
        self.hellos > 0 && self.hellos <= self.asked
    }

    fn server_hello(&mut self, hello: &ServerHello<'_>) {
        self.hello.get_or_insert(Format::Tls);
        self.version = Some(hello.version());
        self.suite = Some(hello.cipher_suite);
        self.early.answered(hello);
        self.first_records.answered(hello);
        // What is compressed (RFC 3749) cannot be read on, encrypted or not.
        let plain = !self.is_tls13() && hello.compression_method == 0;
        self.null_cipher_mac = if plain { registry::null_cipher_mac(hello.cipher_suite) } else { None };
    }

    pub(crate) fn sslv2(&mut self, record: &[u8], said: &mut impl FnMut(Message<'_>)) {
        let message = record.get(sslv2::HEADER..).unwrap_or_default();
        match message.first() {
            Some(&CLIENT_HELLO) => {
                let hello = sslv2::client_hello(message);
                self.hello = Some(Format::Sslv2);
                self.version = (hello.legacy_version == SSL_2_0).then_some(SSL_2_0);
                said(Message::Sslv2ClientHello(hello));
            }
            Some(_) => match sslv2::server_hello(message) {
                Ok(hello) => {
                    self.version = Some(SSL_2_0);
                    self.failed = true;
                    said(Message::Sslv2ServerHello(hello));
                }
                Err(_) => said(Message::Malformed(SSLV2_SERVER_HELLO)),
            },
            None => {}
        }
    }

    pub(crate) fn progress(&self, from: Direction) -> Progress {
        if self.not_tls {
            return Progress::NotTls;
        }
        let over = |direction| self.lost[direction] || self.secured[direction] > 0;
        let readable = self.null_cipher_mac.is_some() && !self.lost.forward && !self.lost.backward;
        let settled = over(Direction::Forward) && over(Direction::Backward) && !readable && !self.early.is_open();
        let is_watched = self.first_records.is_open() && !self.lost.forward && !self.lost.backward;
        match settled {
            true if is_watched && !self.failed => Progress::Told,
            true => Progress::Over,
            // One direction alone is in the capture, and has long gone over to application data.
            false if self.failed || self.secured[from] >= LONE_RECORDS => Progress::Over,
            false => Progress::Reading,
        }
    }
}

impl Carrier {
    fn client_hello(self, body: &[u8]) -> ClientHello<'_> {
        match self {
            Self::Stream => ClientHello::read(body),
            Self::Datagrams => ClientHello::read_dtls(body),
        }
    }
}

/// TLS 1.3, DTLS 1.3, their drafts, and the experiments that large sites ran on them.
pub fn is_tls13(version: u16) -> bool {
    matches!(version, 0x0304 | 0xfefc | 0x7f00..=0x7fff | 0xfb00..=0xfbff)
}

pub(crate) const CLIENT_HELLO: u8 = 1;
pub(crate) const SERVER_HELLO: u8 = 2;
pub(crate) const HELLO_VERIFY_REQUEST: u8 = 3;
pub(crate) const NEW_SESSION_TICKET: u8 = 4;
const DRAFT_HELLO_RETRY_REQUEST: u8 = 6;
pub const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;
const CERTIFICATE_VERIFY: u8 = 15;
pub(crate) const SERVER_HELLO_DONE: u8 = 14;
pub(crate) const CERTIFICATE_STATUS: u8 = 22;
pub(super) const SSLV2_SERVER_HELLO: u8 = 4;
pub(crate) const SSL_2_0: u16 = 2;
/// Encrypted records of one direction, after which the other is not waited for.
const LONE_RECORDS: u32 = 64;
