//! A session's event in the making: takes what both sides say, and in the end says what it comes to.

mod id;
mod outcome;
mod retry;

use std::net::IpAddr;
use std::sync::Arc;

use arrayvec::ArrayVec;
use sha2::{Digest, Sha256};

#[cfg(feature = "ja4plus")]
use super::facts::Facts;
use super::intern::Interner;
use crate::capture::Timestamp;
use crate::decode::{System, Tunnel, Vlans};
use crate::event::labels::Labels;
use crate::event::{
    Alert, Anomaly, ClientCertificate, ClientShape, ClientSide, DiffieHellman, Endpoint, Event, Handshake, HelloFormat,
    KeyExchange, Offered, Protocol, Quic, Resumption, Security, ServerSide, Side, TcpLatency,
};
use crate::fingerprint::ja4::Transport;
use crate::tls::message::Loss;
use crate::tls::record::FATAL;
use crate::tls::{
    CERTIFICATE, ClientHello, DhParameters, FIRST_RECORDS, Flaws, Message, Proxied, ServerHello, ServerKeyExchange,
    Upgrade, key_exchange,
};
use crate::wire::{Both, Direction, registry};
use crate::x509::Certificate;

use retry::{Asked, Second};

/// What is known of a session so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    protocol: Protocol,
    timestamp: Option<Timestamp>,
    last: Option<Timestamp>,
    /// The direction in which the client sends.
    client: Option<Direction>,
    client_hello: Option<ClientSide>,
    client_session_id: ArrayVec<u8, SESSION_ID>,
    offered: Offered,
    offers_early_data: bool,
    early_data_taken: bool,
    /// Of a first hello that a HelloRetryRequest may answer; the buffer serves one session after another.
    first_extensions: Vec<u8>,
    asked: Option<Box<Asked>>,
    second_hello: Option<Arc<ClientShape>>,
    second: Option<Box<Second>>,
    /// The client's hello was none of TLS.
    foreign_hello: bool,
    server_hello: Option<ServerSide>,
    server_hello_time: Option<Timestamp>,
    chains: Both<Vec<Arc<Certificate>>>,
    handshake: Handshake,
    upgrade: Option<Upgrade>,
    proxied: Option<Box<Proxied>>,
    echoes_session_id: bool,
    /// The server has sent something that an abbreviated handshake has not.
    full: bool,
    changed_cipher: Both<bool>,
    secured: Both<bool>,
    client_records: ArrayVec<u16, FIRST_RECORDS>,
    /// When the later of both sides went over to encryption.
    secured_time: Option<Timestamp>,
    losses: Vec<(Direction, Option<u8>, Loss)>,
    malformed_hellos: Both<bool>,
    anomalies: Vec<Anomaly>,
}

/// What the flow adds to a session when its event is made.
pub(super) struct Setting {
    pub(super) ends: Both<(IpAddr, u16)>,
    pub(super) vlans: Vlans,
    pub(super) tunnels: Vec<Tunnel>,
    pub(super) quic: Option<Box<Quic>>,
    pub(super) tcp: TcpLatency,
    /// Who sent the SYN, and with what system.
    pub(super) opened: Option<(Direction, System)>,
    /// The start of the flow was not in the capture.
    pub(super) midstream: bool,
    /// How many sessions of this flow came before.
    pub(super) ordinal: u32,
    #[cfg(feature = "ja4plus")]
    pub(super) facts: Facts,
}

impl Draft {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self { protocol, ..Self::default() }
    }

    /// Forgets everything but what carries it.
    pub(super) fn reset(&mut self) {
        *self = self.blank();
    }

    /// Takes what one side said. `first` is when the first byte of its stream came, if this is its first message.
    pub(super) fn take(&mut self, from: Direction, message: Message<'_>, times: Times, interner: &mut Interner) {
        // What a client sends after it is no part of the handshake.
        if !matches!(message, Message::ClientRecord(_)) {
            self.last = Some(times.now);
        }
        match message {
            Message::Upgraded(upgrade) => self.upgrade = Some(upgrade),
            Message::Proxied(proxied) => self.proxied = Some(Box::new(proxied)),
            Message::HelloVerifyRequest => {
                self.begin(from.reverse(), times);
                self.handshake.hello_verify = true;
            }
            Message::ForeignHello => {
                self.begin(from, times);
                self.foreign_hello = true;
            }
            Message::Renegotiation | Message::ServerHelloDone => {
                self.full |= matches!(message, Message::ServerHelloDone)
            }
            Message::ClientHello(hello) => self.client_hello(from, &hello, HelloFormat::Tls, times, interner),
            Message::Sslv2ClientHello(hello) => self.client_hello(from, &hello, HelloFormat::Sslv2, times, interner),
            Message::ServerHello(hello) => self.server_hello(from, &hello, times, interner),
            Message::HelloRetryRequest(hello) => {
                self.begin(from.reverse(), times);
                self.handshake.hello_retry = true;
                self.asked.get_or_insert_with(|| Box::new(Asked::of(&hello)));
            }
            Message::Sslv2ServerHello(hello) => {
                self.begin(from.reverse(), times);
                self.handshake.sslv2 = true;
                self.full = !hello.session_id_hit;
                if !hello.certificate.is_empty() {
                    self.certificate(from, hello.certificate, interner);
                }
            }
            Message::Certificates(list) => {
                // Without hellos: the server's, as far as one can tell.
                self.begin(from.reverse(), times);
                self.full |= self.client != Some(from);
                if self.client == Some(from) {
                    let is_empty = list.iter().next().is_none() && !list.cut;
                    let answer = if is_empty { ClientCertificate::Empty } else { ClientCertificate::Sent };
                    self.handshake.client_certificate.get_or_insert(answer);
                }
                if self.chains[from].is_empty() {
                    for der in list.iter().take(MAX_CHAIN) {
                        self.certificate(from, der, interner);
                    }
                    if list.iter().nth(MAX_CHAIN).is_some() {
                        self.lose(from, Some(CERTIFICATE), Loss::Limit);
                    }
                }
            }
            Message::ServerKeyExchange(read) => self.key_exchange(&read),
            Message::CertificateRequest => self.handshake.client_auth_requested = true,
            Message::CertificateVerify { scheme } => self.handshake.client_signature_scheme = scheme,
            Message::CertificateStatus(response) => {
                self.handshake.ocsp_stapled |= !response.is_empty();
                if self.handshake.ocsp_response.is_none() && (1..=MAX_STAPLE).contains(&response.len()) {
                    self.handshake.ocsp_response = Some(interner.bytes(response));
                }
            }
            Message::NewSessionTicket => self.handshake.new_session_ticket = true,
            Message::ChangeCipherSpec => self.changed_cipher[from] = true,
            Message::Secured => {
                self.secured[from] = true;
                self.secured_time = self.secured_time.max(Some(times.now));
            }
            Message::ClientRecord(length) => drop(self.client_records.try_push(length)),
            Message::EarlyDataTaken => self.early_data_taken = true,
            Message::Alert { level, description } => {
                let from = if self.client == Some(from) { Side::Client } else { Side::Server };
                let alert = Alert { from, level, description };
                self.handshake.alert.get_or_insert(alert);
                // SSL 3.0's empty list (RFC 6101, section 5.6.6).
                if from == Side::Client && description == NO_CERTIFICATE {
                    self.handshake.client_certificate.get_or_insert(ClientCertificate::Empty);
                }
                // More of them say nothing new.
                let _ = self.handshake.alerts.try_push(alert);
            }
            Message::Malformed(_) => self.note(Anomaly::MalformedMessage),
            Message::UnknownRecordVersion => self.note(Anomaly::UnknownRecordVersion),
            Message::OversizedRecord => self.note(Anomaly::OversizedRecord),
            Message::NotARecord => self.note(Anomaly::NotARecord),
            Message::Lost { within, loss } => self.lose(from, within, loss),
        }
    }

    fn lose(&mut self, from: Direction, within: Option<u8>, loss: Loss) {
        let entry = (from, within, loss);
        if self.losses.len() < MAX_LOSSES && !self.losses.contains(&entry) {
            self.losses.push(entry);
        }
    }

    pub(super) fn client(&self) -> Option<Direction> {
        self.client
    }

    /// When the last message came.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// Whether there is anything to tell.
    pub(super) fn has_content(&self) -> bool {
        self.client_hello.is_some()
            || self.foreign_hello
            || self.server_hello.is_some()
            || !self.chains.forward.is_empty()
            || !self.chains.backward.is_empty()
    }

    /// The event, and a draft that is blank again.
    pub(super) fn finish(&mut self, setting: Setting) -> Event {
        let blank = self.blank();
        std::mem::replace(self, blank).into_event(setting)
    }

    /// A new draft that has this one's buffer.
    fn blank(&mut self) -> Self {
        let mut first_extensions = std::mem::take(&mut self.first_extensions);
        first_extensions.clear();
        first_extensions.shrink_to(KEPT_CAPACITY);
        Self { first_extensions, ..Self::new(self.protocol) }
    }

    fn begin(&mut self, client: Direction, times: Times) {
        self.timestamp.get_or_insert(times.first);
        self.client.get_or_insert(client);
    }

    fn client_hello(
        &mut self,
        from: Direction,
        hello: &ClientHello<'_>,
        format: HelloFormat,
        times: Times,
        interner: &mut Interner,
    ) {
        self.note_flaws(from, hello.flaws);
        let shape = interner.client(hello, format, carrier(self.protocol));
        if let Some(first) = &self.client_hello {
            // The answer to a HelloRetryRequest repeats the random (RFC 8446, section 4.1.2).
            if self.client == Some(from)
                && (self.handshake.hello_retry || first.random == hello.random)
                && self.second_hello.is_none()
            {
                let first = retry::First {
                    shape: &first.shape,
                    random: &first.random,
                    session_id: &self.client_session_id,
                    extensions: &self.first_extensions,
                };
                self.second = Some(Box::new(Second::of(&first, hello)));
                // Early data behind the first hello were encrypted, too. Datagrams that hold some are told apart, and may
                // come in any order.
                if self.protocol == Protocol::Tls {
                    self.secured[from] = false;
                }
                self.second_hello = Some(shape);
            } else {
                self.note(Anomaly::RepeatedClientHello);
            }
            return;
        }
        // Whoever says hello is the client, whatever was thought before.
        self.client = Some(from);
        self.timestamp = Some(times.first);
        // RFC 8446, section 4.1.2, knows none that is longer; such a one cannot be answered.
        self.client_session_id = hello.session_id.try_into().unwrap_or_default();
        self.offered = offered(hello);
        self.offers_early_data = hello.offers_early_data;
        if hello.offers_tls13() {
            self.first_extensions.extend_from_slice(hello.extensions.unwrap_or_default().as_bytes());
        }
        self.client_hello = Some(ClientSide {
            shape,
            random: hello.random,
            session_id_len: hello.session_id.len() as u8,
            server_name: hello.server_name.map(Box::from),
            encrypted_hello: hello.encrypted_hello,
            hybrid_share: hello.key_shares.hybrid(),
        });
    }

    fn server_hello(&mut self, from: Direction, hello: &ServerHello<'_>, times: Times, interner: &mut Interner) {
        if self.server_hello.is_some() {
            return;
        }
        self.begin(from.reverse(), times);
        self.note_flaws(from, hello.flaws);
        self.handshake.group = hello.key_share;
        self.echoes_session_id = !hello.session_id.is_empty() && *hello.session_id == *self.client_session_id;
        self.server_hello_time = Some(times.now);
        if let Some(list) = hello.timestamps.filter(|list| list.len() <= MAX_TIMESTAMPS) {
            self.handshake.timestamps = Some(interner.bytes(list));
        }
        let shape = interner.server(hello, carrier(self.protocol));
        self.server_hello =
            Some(ServerSide { shape, random: hello.random, session_id_len: hello.session_id.len() as u8 });
    }

    fn key_exchange(&mut self, read: &ServerKeyExchange<'_>) {
        self.full = true;
        self.handshake.group = read.group.or(self.handshake.group);
        self.handshake.signature_scheme = read.signature_scheme;
        if read.dh.is_some() || read.rsa_modulus.is_some() {
            self.handshake.key_exchange = Some(Box::new(KeyExchange {
                dh: read.dh.as_ref().map(diffie_hellman),
                rsa_bits: read.rsa_modulus.map(key_exchange::bits),
            }));
        }
    }

    fn certificate(&mut self, from: Direction, der: &[u8], interner: &mut Interner) {
        let certificate = interner.certificate(der);
        if certificate.is_irregular() {
            self.note(Anomaly::MalformedCertificate);
        }
        self.chains[from].push(certificate);
    }

    pub(super) fn note(&mut self, anomaly: Anomaly) {
        if !self.anomalies.contains(&anomaly) {
            self.anomalies.push(anomaly);
        }
    }

    fn note_flaws(&mut self, from: Direction, flaws: Flaws) {
        self.malformed_hellos[from] |= flaws.has(Flaws::INCOMPLETE);
        for (flaw, anomaly) in [
            (Flaws::ODD_CIPHER_LIST, Anomaly::OddCipherListLength),
            (Flaws::DUPLICATE_EXTENSION, Anomaly::DuplicateExtension),
            (Flaws::MALFORMED_EXTENSION, Anomaly::MalformedExtension),
            (Flaws::TRAILING_BYTES, Anomaly::TrailingBytes),
        ] {
            if flaws.has(flaw) {
                self.note(anomaly);
            }
        }
    }

    fn into_event(mut self, setting: Setting) -> Event {
        let client = self.client.unwrap_or(Direction::Forward);
        if self.changes_what_has_to_stay() {
            self.note(Anomaly::ChangedClientHello);
        }
        self.anomalies.sort_unstable();
        let resumption = self.resumption(client);
        if let Some(taken) = resumption {
            self.offered.add(taken);
        }
        let fatal = self.handshake.alerts.iter().any(|alert| alert.level == FATAL);
        let established = self.server_hello.is_some() && self.secured.forward && self.secured.backward && !fatal;
        let missing = self.missing(client, resumption, setting.midstream);
        let end = self.last.unwrap_or_default();
        let timestamp = self.timestamp.unwrap_or(end);
        let since_hello = |time: Timestamp| self.client_hello.is_some().then(|| time.since(timestamp));
        let early_data = self.early_data(setting.quic.as_deref());
        let version = self.server_hello.as_ref().map(|hello| hello.shape.version);
        let handshake = Handshake {
            established,
            resumption,
            resumption_offered: self.offered,
            early_data,
            round_trips: if established {
                self.round_trips(resumption, early_data, setting.quic.as_deref())
            } else {
                None
            },
            retry: self.retry(),
            ech: self.ech(),
            failure: if established { None } else { self.failure() },
            client_signature_scheme: self
                .handshake
                .client_signature_scheme
                .filter(|_| version.is_some_and(key_exchange::names_schemes)),
            hello_latency: self.server_hello_time.and_then(since_hello),
            duration: self.secured_time.filter(|_| established).and_then(since_hello),
            tcp: setting.tcp,
            ..std::mem::take(&mut self.handshake)
        };
        let mut event = Event {
            id: [0; 16],
            timestamp,
            end,
            // Whoever knows better says so on its way out.
            decided: Timestamp::MAX,
            protocol: self.protocol,
            vlans: setting.vlans,
            tunnels: setting.tunnels,
            upgrade: self.upgrade,
            proxied: self.proxied,
            quic: setting.quic,
            client: endpoint(setting.ends[client]),
            server: endpoint(setting.ends[client.reverse()]),
            client_hello: self.client_hello,
            second_hello: self.second_hello,
            server_hello: self.server_hello,
            client_chain: std::mem::take(&mut self.chains[client]),
            server_chain: std::mem::take(&mut self.chains[client.reverse()]),
            handshake,
            client_records: self.client_records,
            client_system: setting.opened.filter(|&(from, _)| from == client).map(|(_, system)| system),
            browser: None,
            security: Security::default(),
            missing,
            anomalies: self.anomalies,
            labels: Labels::default(),
            #[cfg(feature = "ja4plus")]
            tcp: setting.facts.prints(client),
        };
        event.id = id::of(&event, setting.ordinal);
        event
    }
}

/// When a message came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The packet that made it whole.
    pub(super) now: Timestamp,
    /// The packet with its first byte.
    pub(super) first: Timestamp,
}

/// What a hello is known to offer to resume with.
fn offered(hello: &ClientHello<'_>) -> Offered {
    let mut offered = Offered::default();
    let is_plain = !hello.offers_ticket && !hello.offers_tls13();
    for (way, is_offered) in [
        (Resumption::SessionId, !hello.session_id.is_empty() && is_plain),
        (Resumption::Ticket, hello.offers_ticket),
        (Resumption::Psk, hello.offers_psk),
    ] {
        if is_offered {
            offered.add(way);
        }
    }
    offered
}

fn diffie_hellman(dh: &DhParameters<'_>) -> DiffieHellman {
    let hash = |number: &[u8]| -> [u8; 32] {
        let zeros = number.iter().take_while(|&&octet| octet == 0).count();
        Sha256::digest(number.get(zeros..).unwrap_or_default()).into()
    };
    let prime_sha256 = hash(dh.prime);
    DiffieHellman {
        prime_bits: key_exchange::bits(dh.prime),
        group: registry::dh_group(&prime_sha256),
        prime_sha256,
        public_sha256: hash(dh.public),
    }
}

/// The letter of JA4.
fn carrier(protocol: Protocol) -> Transport {
    match protocol {
        Protocol::Tls => Transport::Tcp,
        Protocol::Dtls => Transport::Dtls,
        Protocol::Quic => Transport::Quic,
    }
}

fn endpoint((ip, port): (IpAddr, u16)) -> Endpoint {
    Endpoint { ip, port }
}

/// Certificates of a chain that are kept.
const MAX_CHAIN: usize = 32;
/// Bytes of the longest session ID.
const SESSION_ID: usize = 32;
const MAX_LOSSES: usize = 8;
const NO_CERTIFICATE: u8 = 41;
/// Octets of an OCSP response that are kept; one with its signer's certificate has about two thousand.
const MAX_STAPLE: usize = 16 << 10;
/// Octets of a list of SCTs that are kept; one has about 120.
const MAX_TIMESTAMPS: usize = 4 << 10;
/// Octets of the extensions' buffer that wait for the next session.
const KEPT_CAPACITY: usize = 4 << 10;
