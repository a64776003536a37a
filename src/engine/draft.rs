//! A session's event in the making: takes what both sides say, and in the end says what it comes to.

use std::net::IpAddr;
use std::sync::Arc;

use arrayvec::ArrayVec;
use sha2::{Digest, Sha256};

#[cfg(feature = "ja4plus")]
use super::facts::Facts;
use super::intern::Interner;
use crate::capture::Timestamp;
use crate::decode::{Tunnel, Vlans};
use crate::event::{
    Alert, Anomaly, ClientShape, ClientSide, Endpoint, Event, Handshake, HelloFormat, Missing, Part, Protocol, Quic,
    Reason, Resumption, ServerSide, Side,
};
use crate::fingerprint::ja4::Transport;
use crate::tls::message::Loss;
use crate::tls::record::FATAL;
use crate::tls::{CERTIFICATE, ClientHello, Flaws, Message, Proxied, ServerHello, Upgrade, is_tls13};
use crate::wire::{Both, Direction};
use crate::x509::Certificate;

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
    offers_ticket: bool,
    second_hello: Option<Arc<ClientShape>>,
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
        *self = Self::new(self.protocol);
    }

    /// Takes what one side said. `first` is when the first byte of its stream came, if this is its first message.
    pub(super) fn take(&mut self, from: Direction, message: Message<'_>, times: Times, interner: &mut Interner) {
        self.last = Some(times.now);
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
            Message::HelloRetryRequest(_) => {
                self.begin(from.reverse(), times);
                self.handshake.hello_retry = true;
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
                if self.chains[from].is_empty() {
                    for der in list.iter().take(MAX_CHAIN) {
                        self.certificate(from, der, interner);
                    }
                }
            }
            Message::ServerKeyExchange { group } => {
                self.full = true;
                self.handshake.group = group.or(self.handshake.group);
            }
            Message::CertificateRequest => self.handshake.client_auth_requested = true,
            Message::CertificateStatus(_) => self.handshake.ocsp_stapled = true,
            Message::NewSessionTicket => self.handshake.new_session_ticket = true,
            Message::ChangeCipherSpec => self.changed_cipher[from] = true,
            Message::Secured => self.secured[from] = true,
            Message::Alert { level, description } => {
                let from = if self.client == Some(from) { Side::Client } else { Side::Server };
                self.handshake.alert.get_or_insert(Alert { from, level, description });
            }
            Message::Malformed(_) => self.note(Anomaly::MalformedMessage),
            Message::UnknownRecordVersion => self.note(Anomaly::UnknownRecordVersion),
            Message::OversizedRecord => self.note(Anomaly::OversizedRecord),
            Message::NotARecord => self.note(Anomaly::NotARecord),
            Message::Lost { within, loss } => {
                let entry = (from, within, loss);
                if self.losses.len() < MAX_LOSSES && !self.losses.contains(&entry) {
                    self.losses.push(entry);
                }
            }
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
        let blank = Self::new(self.protocol);
        std::mem::replace(self, blank).into_event(setting)
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
        self.offers_ticket = hello.offers_ticket;
        self.client_hello = Some(ClientSide {
            shape,
            random: hello.random,
            session_id_len: hello.session_id.len() as u8,
            server_name: hello.server_name.map(Box::from),
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
        let shape = interner.server(hello, carrier(self.protocol));
        self.server_hello =
            Some(ServerSide { shape, random: hello.random, session_id_len: hello.session_id.len() as u8 });
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
        self.anomalies.sort_unstable();
        let resumption = self.resumption(client);
        let fatal = self.handshake.alert.is_some_and(|alert| alert.level == FATAL);
        let established = self.server_hello.is_some() && self.secured.forward && self.secured.backward && !fatal;
        let missing = self.missing(client, resumption, setting.midstream);
        let end = self.last.unwrap_or_default();
        let timestamp = self.timestamp.unwrap_or(end);
        let hello_latency = self.client_hello.as_ref().and(self.server_hello_time).map(|time| time.since(timestamp));
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
            handshake: Handshake { established, resumption, hello_latency, ..self.handshake },
            missing,
            anomalies: self.anomalies,
            #[cfg(feature = "ja4plus")]
            tcp: setting.facts.prints(client),
        };
        event.id = id(&event, setting.ordinal);
        event
    }

    /// How the session was taken up again, as far as plaintext tells.
    fn resumption(&self, client: Direction) -> Option<Resumption> {
        let shape = &self.server_hello.as_ref()?.shape;
        if is_tls13(shape.version) {
            return Some(if shape.selected_psk.is_some() { Resumption::Psk } else { Resumption::None });
        }
        if self.full {
            return Some(Resumption::None);
        }
        if !self.changed_cipher[client.reverse()] || self.losses.iter().any(|&(from, ..)| from != client) {
            return None;
        }
        // An abbreviated handshake: the server went over to encryption right after its hello. A client that offers a
        // ticket makes a session id up, to see it echoed (RFC 5077, section 3.4).
        match (self.offers_ticket, self.echoes_session_id) {
            (true, _) => Some(Resumption::Ticket),
            (false, true) => Some(Resumption::SessionId),
            (false, false) => None,
        }
    }

    fn missing(&self, client: Direction, resumption: Option<Resumption>, midstream: bool) -> Vec<Missing> {
        let mut missing = Vec::new();
        let mut say = |what, why| {
            let entry = Missing { what, why };
            if !missing.contains(&entry) {
                missing.push(entry);
            }
        };
        for &(from, within, loss) in &self.losses {
            say(self.part(from == client, within), reason(loss));
        }
        let lost = |side: Direction| self.losses.iter().any(|&(from, ..)| from == side);
        let sslv2 = self.handshake.sslv2;
        match &self.client_hello {
            None if self.foreign_hello => say(Part::ClientHello, Reason::NotTls),
            None if midstream => say(Part::ClientHello, Reason::Midstream),
            None if !lost(client) => say(Part::ClientHello, Reason::NotSeen),
            Some(_) if self.malformed_hellos[client] && !lost(client) => say(Part::ClientHello, Reason::Malformed),
            _ => {}
        }
        match &self.server_hello {
            None if !sslv2 && !self.foreign_hello && !lost(client.reverse()) => say(Part::ServerHello, Reason::NotSeen),
            Some(_) if self.malformed_hellos[client.reverse()] && !lost(client.reverse()) => {
                say(Part::ServerHello, Reason::Malformed)
            }
            _ => {}
        }
        if let Some(hello) = self.server_hello.as_ref().filter(|_| self.chains[client.reverse()].is_empty()) {
            if is_tls13(hello.shape.version) {
                say(Part::Certificate, Reason::Encrypted);
            } else if matches!(resumption, Some(Resumption::SessionId | Resumption::Ticket)) {
                say(Part::Certificate, Reason::Resumed);
            } else if !self.full && !lost(client.reverse()) {
                say(Part::Certificate, Reason::NotSeen);
            }
        }
        missing
    }

    /// The part of the session that a loss has cost.
    fn part(&self, of_client: bool, within: Option<u8>) -> Part {
        match (of_client, within) {
            (true, _) if self.client_hello.as_ref().is_none_or(|hello| hello.shape.prints.is_none()) => {
                Part::ClientHello
            }
            (true, Some(CERTIFICATE)) => Part::ClientCertificate,
            (true, _) => Part::Client,
            (false, _) if self.server_hello.is_none() => Part::ServerHello,
            (false, Some(CERTIFICATE)) => Part::Certificate,
            (false, _) => Part::Server,
        }
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

fn reason(loss: Loss) -> Reason {
    match loss {
        Loss::Gap => Reason::Gap,
        Loss::Truncated => Reason::Truncated,
        Loss::Limit => Reason::Limit,
    }
}

/// The same packets give the same id, on any machine and with any number of threads.
fn id(event: &Event, ordinal: u32) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(event.timestamp.0.to_be_bytes());
    for end in [event.client, event.server] {
        match end.ip {
            IpAddr::V4(ip) => hash.update(ip.octets()),
            IpAddr::V6(ip) => hash.update(ip.octets()),
        }
        hash.update(end.port.to_be_bytes());
    }
    hash.update(ordinal.to_be_bytes());
    for random in
        [event.client_hello.as_ref().map(|hello| hello.random), event.server_hello.as_ref().map(|hello| hello.random)]
    {
        hash.update(random.unwrap_or_default());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (id, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
    *id
}

/// Certificates of a chain that are kept.
const MAX_CHAIN: usize = 32;
/// Bytes of the longest session ID.
const SESSION_ID: usize = 32;
const MAX_LOSSES: usize = 8;
