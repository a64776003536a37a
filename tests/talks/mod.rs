//! Whole handshakes as turns of records, and the many ways in which a network may carry the same bytes.
#![allow(dead_code)]

use crate::packets::clients::Ask;
use crate::packets::frame::flag;
use crate::packets::tls::{self, Ecdhe, content, group, message, version};
use crate::packets::x509::{Certificate, Name, ocsp_response};
use crate::packets::{
    C, ClientHello, Endpoint, Envelope, Resumption, Rng, S, Segment, ServerHello, TcpOption, TimedFrame, client_named,
};

/// What two ends say to each other, turn by turn.
#[derive(Debug, Clone)]
pub struct Talk {
    pub name: &'static str,
    /// Events that it is to give.
    pub events: usize,
    pub turns: Vec<Turn>,
}

#[derive(Debug, Clone)]
pub struct Turn {
    pub from: Who,
    pub records: Vec<Record>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Client,
    Server,
}

#[derive(Debug, Clone)]
pub enum Record {
    /// Handshake messages in the clear, which any records may carry.
    Handshake { version: u16, messages: Vec<u8> },
    /// Bytes that stand as they are.
    Fixed(Vec<u8>),
}

/// How a talk is carried.
#[derive(Debug, Clone)]
pub struct Way {
    pub seed: u64,
    pub ends: (Endpoint, Endpoint),
    /// Payload bytes of the longest segment.
    pub segment: usize,
    /// Body bytes of the longest handshake record; `None` keeps the records as they are.
    pub record: Option<usize>,
    /// Segments that may change places; 1 keeps the order.
    pub window: usize,
    /// Of 100 segments, how many come twice.
    pub duplicated: f64,
    /// Of 100 segments, how many are followed by others that cover some of their bytes again.
    pub overlapped: f64,
    pub isn: (u32, u32),
    pub vlans: Vec<u16>,
    /// IP payload bytes of the longest fragment.
    pub fragment: Option<usize>,
    pub opening: Opening,
    pub closing: Closing,
    pub time: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    Seen,
    Missed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    Fin,
    Open,
}

impl Default for Way {
    /// In order, nothing twice, segments of an Ethernet, all at one moment.
    fn default() -> Self {
        Self {
            seed: 1,
            ends: (C, S),
            segment: 1460,
            record: None,
            window: 1,
            duplicated: 0.0,
            overlapped: 0.0,
            isn: (1_000, 500_000),
            vlans: Vec::new(),
            fragment: None,
            opening: Opening::Seen,
            closing: Closing::Fin,
            time: crate::packets::tcp::START,
        }
    }
}

impl Talk {
    pub fn named(name: &str) -> Self {
        all().into_iter().find(|talk| talk.name == name).unwrap_or_else(|| panic!("no talk is called {name}"))
    }

    /// The frames of the talk, carried in that way.
    pub fn frames(&self, way: &Way) -> Vec<TimedFrame> {
        let mut line = Line { way, rng: Rng::new(way.seed), sent: [0, 0], id: 0, frames: Vec::new() };
        if way.opening == Opening::Seen {
            line.control(Who::Client, flag::SYN);
            line.control(Who::Server, flag::SYN | flag::ACK);
            line.control(Who::Client, flag::ACK);
        }
        for turn in &self.turns {
            line.say(turn.from, &turn.bytes(way.record, &mut line.rng.clone()));
        }
        if way.closing == Closing::Fin {
            line.control(Who::Client, flag::FIN | flag::ACK);
            line.control(Who::Server, flag::FIN | flag::ACK);
        }
        line.frames
    }

    /// All that one side says.
    pub fn bytes(&self, from: Who) -> Vec<u8> {
        let turns = self.turns.iter().filter(|turn| turn.from == from);
        turns.flat_map(|turn| turn.bytes(None, &mut Rng::new(1))).collect()
    }
}

impl Turn {
    fn bytes(&self, longest: Option<usize>, rng: &mut Rng) -> Vec<u8> {
        let Some(longest) = longest else {
            return self.records.iter().flat_map(Record::bytes).collect();
        };
        // Neighbouring handshake records run together, and are cut anew.
        let (mut out, mut run, mut run_version) = (Vec::new(), Vec::new(), 0);
        for record in &self.records {
            match record {
                Record::Handshake { version, messages } => {
                    if run.is_empty() {
                        run_version = *version;
                    }
                    run.extend_from_slice(messages);
                }
                Record::Fixed(bytes) => {
                    cut(&mut out, &std::mem::take(&mut run), Cut { version: run_version, longest }, rng);
                    out.extend_from_slice(bytes);
                }
            }
        }
        cut(&mut out, &run, Cut { version: run_version, longest }, rng);
        out
    }
}

struct Cut {
    version: u16,
    longest: usize,
}

fn cut(out: &mut Vec<u8>, mut messages: &[u8], how: Cut, rng: &mut Rng) {
    while !messages.is_empty() {
        let (body, rest) = messages.split_at((rng.below(how.longest as u64) as usize + 1).min(messages.len()));
        out.extend(tls::record_as(how.version, content::HANDSHAKE, body));
        messages = rest;
    }
}

impl Record {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Handshake { version, messages } => tls::record_as(*version, content::HANDSHAKE, messages),
            Self::Fixed(bytes) => bytes.clone(),
        }
    }
}

/// The wire between both ends.
struct Line<'a> {
    way: &'a Way,
    rng: Rng,
    /// Stream bytes of each end so far, the SYN and the FIN not counted.
    sent: [u32; 2],
    id: u16,
    frames: Vec<TimedFrame>,
}

impl Line<'_> {
    fn say(&mut self, from: Who, bytes: &[u8]) {
        let start = self.sent[from as usize];
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let longest = (self.way.segment as u64).max(1);
            let shortest = if self.way.window > 1 || self.way.overlapped > 0.0 { 1 } else { longest };
            let len = (self.rng.between(shortest, longest) as usize).min(bytes.len() - at);
            pieces.push((at, len));
            if self.rng.percent(self.way.overlapped) {
                // Some of what was said, cut in another place.
                let from = self.rng.below(at as u64 + 1) as usize;
                let most = (at + len - from).min(longest as usize) as u64;
                pieces.push((from, self.rng.between(1, most.max(1)) as usize));
            }
            if self.rng.percent(self.way.duplicated) {
                pieces.push((at, len));
            }
            at += len;
        }
        for pieces in pieces.chunks_mut(self.way.window.max(1)) {
            self.rng.shuffle(pieces);
        }
        for (at, len) in pieces {
            let seq = self.seq(from).wrapping_add(start).wrapping_add(at as u32);
            self.segment(from, Sent { seq, flags: flag::ACK | flag::PSH, payload: &bytes[at..at + len] });
        }
        self.sent[from as usize] += bytes.len() as u32;
    }

    fn control(&mut self, from: Who, flags: u8) {
        let seq =
            if flags & flag::SYN != 0 { self.isn(from) } else { self.seq(from).wrapping_add(self.sent[from as usize]) };
        self.segment(from, Sent { seq, flags, payload: &[] });
    }

    fn segment(&mut self, from: Who, sent: Sent<'_>) {
        let (client, server) = self.way.ends;
        let (to, other) = match from {
            Who::Client => ((client, server), Who::Server),
            Who::Server => ((server, client), Who::Client),
        };
        let ack = if sent.flags & flag::ACK == 0 { 0 } else { self.seq(other).wrapping_add(self.sent[other as usize]) };
        let options = match sent.flags & flag::SYN {
            0 => Vec::new(),
            _ => TcpOption::encode(&[TcpOption::Mss(1460)], crate::packets::option::Stamp { value: 0, echo: 0 }),
        };
        let segment =
            Segment { seq: sent.seq, ack, flags: sent.flags, window: 64_240, options: &options, payload: sent.payload };
        self.id = self.id.wrapping_add(1);
        let envelope = Envelope { vlans: &self.way.vlans, id: self.id, ..Envelope::between(to.0, to.1) };
        let mut frames = match self.way.fragment {
            Some(size) => envelope.tcp_fragments(&segment, size),
            None => vec![envelope.tcp(&segment)],
        };
        if self.way.window > 1 {
            self.rng.shuffle(&mut frames);
        }
        self.frames.extend(frames.into_iter().map(|bytes| TimedFrame::whole(self.way.time, bytes)));
    }

    fn isn(&self, of: Who) -> u32 {
        match of {
            Who::Client => self.way.isn.0,
            Who::Server => self.way.isn.1,
        }
    }

    /// The sequence number of the first byte of an end's stream.
    fn seq(&self, of: Who) -> u32 {
        self.isn(of).wrapping_add(1)
    }
}

struct Sent<'a> {
    seq: u32,
    flags: u8,
    payload: &'a [u8],
}

/// One of each kind.
pub fn all() -> Vec<Talk> {
    vec![
        tls12_full(),
        tls12_resumed(),
        tls13(),
        tls13_hello_retry(),
        sslv2_format_hello(),
        refused(),
        certificate_refused(),
        null_cipher_renegotiation(),
    ]
}

/// TLS 1.2 with a chain of three, a stapled OCSP response and a client certificate.
fn tls12_full() -> Talk {
    let mut rng = Rng::new(12);
    let hello = client_named("chrome-136").hello(Ask::new(7, "www.example.org"));
    let server_hello = ServerHello::new(8, 0xc02f).extension(0xff01, [0]).extension(0x0005, []).alpn("h2");
    let ecdhe = Ecdhe { group: group::X25519, signature_algorithm: 0x0804, signature_len: 256 };
    let flight = [
        server_hello.message(),
        tls::certificate(&chain("www.example.org", &mut rng)),
        tls::certificate_status(&ocsp_response(&mut rng)),
        ecdhe.server_key_exchange(&mut rng),
        tls::certificate_request(&[0x0804, 0x0403], &[Name::authority("Some Trust", "Root").der()]),
        tls::server_hello_done(),
    ];
    let answer = [
        tls::certificate(&chain("client.example.org", &mut rng)[..1]),
        ecdhe.client_key_exchange(&mut rng),
        tls::handshake(message::CERTIFICATE_VERIFY, [&[8, 4, 1, 0][..], &rng.bytes(256)].concat()),
    ];
    Talk {
        name: "TLS 1.2 with certificates of both sides",
        events: 1,
        turns: vec![
            client(vec![first(&hello)]),
            server(flight.into_iter().map(clear).collect()),
            client([answer.map(clear).to_vec(), vec![fixed(tls::ccs()), fixed(tls::finished12(&mut rng))]].concat()),
            server(vec![
                clear(tls::new_session_ticket(&rng.bytes(160))),
                fixed(tls::ccs()),
                fixed(tls::finished12(&mut rng)),
            ]),
            client(vec![fixed(tls::application_data(&mut rng, 300))]),
            server(vec![fixed(tls::application_data(&mut rng, 3_000))]),
        ],
    }
}

/// TLS 1.2, taken up again with a ticket.
fn tls12_resumed() -> Talk {
    let mut rng = Rng::new(13);
    let ask = Ask { resumption: Resumption::Ticket(192), ..Ask::new(9, "www.example.org") };
    let hello = client_named("chrome-136").hello(ask);
    let server_hello = ServerHello::new(10, 0xc02f).session_id(&hello.session_id).extension(0xff01, [0]);
    Talk {
        name: "TLS 1.2 resumed",
        events: 1,
        turns: vec![
            client(vec![first(&hello)]),
            server(vec![clear(server_hello.message()), fixed(tls::ccs()), fixed(tls::finished12(&mut rng))]),
            client(vec![fixed(tls::ccs()), fixed(tls::finished12(&mut rng))]),
            client(vec![fixed(tls::application_data(&mut rng, 500))]),
        ],
    }
}

fn tls13() -> Talk {
    let mut rng = Rng::new(14);
    let hello = client_named("firefox-138").hello(Ask::new(11, "www.example.org"));
    let server_hello = ServerHello::new(12, 0x1301)
        .session_id(&hello.session_id)
        .selected_version(version::TLS13)
        .key_share(group::X25519_MLKEM768);
    Talk {
        name: "TLS 1.3",
        events: 1,
        turns: vec![
            client(vec![first(&hello)]),
            server(vec![
                clear(server_hello.message()),
                fixed(tls::ccs()),
                fixed(tls::encrypted(&mut rng, 2_900)),
                fixed(tls::finished13(&mut rng, 32)),
            ]),
            client(vec![fixed(tls::ccs()), fixed(tls::finished13(&mut rng, 32)), fixed(tls::encrypted(&mut rng, 400))]),
            server(vec![fixed(tls::encrypted(&mut rng, 1_500))]),
        ],
    }
}

fn tls13_hello_retry() -> Talk {
    let mut rng = Rng::new(15);
    let hello = client_named("go-1.24").hello(Ask::new(13, "www.example.org"));
    let mut second = hello.clone();
    second.extensions.retain(|(kind, _)| *kind != 0x0033);
    let mut second = second.key_shares(&[group::SECP384R1]);
    second.record_version = version::TLS12;
    let retry = ServerHello::retry(0x1301, group::SECP384R1).session_id(&hello.session_id);
    let server_hello = ServerHello::new(14, 0x1301)
        .session_id(&hello.session_id)
        .selected_version(version::TLS13)
        .key_share(group::SECP384R1);
    Talk {
        name: "TLS 1.3 with a HelloRetryRequest",
        events: 1,
        turns: vec![
            client(vec![first(&hello)]),
            server(vec![clear(retry.message()), fixed(tls::ccs())]),
            client(vec![fixed(tls::ccs()), first(&second)]),
            server(vec![clear(server_hello.message()), fixed(tls::encrypted(&mut rng, 2_000))]),
            client(vec![fixed(tls::finished13(&mut rng, 32)), fixed(tls::encrypted(&mut rng, 100))]),
        ],
    }
}

fn sslv2_format_hello() -> Talk {
    let mut rng = Rng::new(16);
    let hello = tls::sslv2_hello(version::TLS10, &[0x00_0039, 0x00_0035, 0x00_000a, 0x01_0080, 0x07_00c0], &mut rng);
    let mut server_hello = ServerHello::new(15, 0x0035);
    server_hello.legacy_version = version::TLS10;
    let flight =
        [server_hello.message(), tls::certificate(&chain("old.example.org", &mut rng)), tls::server_hello_done()];
    let old = |messages| Record::Handshake { version: version::TLS10, messages };
    Talk {
        name: "a hello in version 2 format",
        events: 1,
        turns: vec![
            client(vec![fixed(hello)]),
            server(flight.into_iter().map(old).collect()),
            client(vec![
                old(tls::rsa_client_key_exchange(&mut rng)),
                fixed(tls::ccs()),
                fixed(tls::record_as(version::TLS10, content::HANDSHAKE, rng.bytes(48))),
            ]),
            server(vec![fixed(tls::ccs()), fixed(tls::record_as(version::TLS10, content::HANDSHAKE, rng.bytes(48)))]),
        ],
    }
}

fn refused() -> Talk {
    let hello = client_named("curl-openssl-3").hello(Ask::new(16, "www.example.org"));
    Talk {
        name: "a hello that the server refuses",
        events: 1,
        turns: vec![client(vec![first(&hello)]), server(vec![fixed(tls::alert(40))])],
    }
}

fn certificate_refused() -> Talk {
    let mut rng = Rng::new(17);
    let hello = client_named("okhttp-android-12").hello(Ask::new(17, "www.example.org"));
    let ecdhe = Ecdhe { group: group::SECP256R1, signature_algorithm: 0x0403, signature_len: 71 };
    let flight = [
        ServerHello::new(18, 0xc02f).message(),
        tls::certificate(&chain("www.example.org", &mut rng)),
        ecdhe.server_key_exchange(&mut rng),
        tls::server_hello_done(),
    ];
    Talk {
        name: "a certificate that the client refuses",
        events: 1,
        turns: vec![
            client(vec![first(&hello)]),
            server(flight.into_iter().map(clear).collect()),
            client(vec![fixed(tls::alert(48))]),
        ],
    }
}

/// A suite that encrypts nothing, and a second handshake within it.
fn null_cipher_renegotiation() -> Talk {
    let mut rng = Rng::new(18);
    let hello = |seed| ClientHello::new(seed).ciphers(&[0x003b, 0x00ff]).sni("null.example.org");
    let flight = |seed, rng: &mut Rng| {
        [
            ServerHello::new(seed, 0x003b).message(),
            tls::certificate(&chain("null.example.org", rng)),
            tls::server_hello_done(),
        ]
    };
    // The octets of an HMAC-SHA256 behind each record.
    let with_mac = |kind, body: &[u8], rng: &mut Rng| fixed(tls::record(kind, [body, &rng.bytes(32)].concat()));
    let finished = |rng: &mut Rng| tls::handshake(20, rng.bytes(12));
    let mut turns = vec![
        client(vec![first(&hello(19))]),
        server(flight(20, &mut rng).into_iter().map(clear).collect()),
        client(vec![
            clear(tls::rsa_client_key_exchange(&mut rng)),
            fixed(tls::ccs()),
            with_mac(content::HANDSHAKE, &finished(&mut rng), &mut rng),
        ]),
        server(vec![fixed(tls::ccs()), with_mac(content::HANDSHAKE, &finished(&mut rng), &mut rng)]),
        client(vec![with_mac(content::APPLICATION_DATA, b"one", &mut rng)]),
        client(vec![with_mac(content::HANDSHAKE, &hello(21).message(), &mut rng)]),
    ];
    let second = flight(22, &mut rng).map(|message| with_mac(content::HANDSHAKE, &message, &mut rng));
    turns.push(server(second.to_vec()));
    turns.push(client(vec![
        with_mac(content::HANDSHAKE, &tls::rsa_client_key_exchange(&mut rng), &mut rng),
        with_mac(content::CHANGE_CIPHER_SPEC, &[1], &mut rng),
        with_mac(content::HANDSHAKE, &finished(&mut rng), &mut rng),
    ]));
    turns.push(server(vec![
        with_mac(content::CHANGE_CIPHER_SPEC, &[1], &mut rng),
        with_mac(content::HANDSHAKE, &finished(&mut rng), &mut rng),
    ]));
    Talk { name: "a renegotiation under a NULL cipher", events: 2, turns }
}

/// Leaf, intermediate, root.
pub fn chain(name: &str, rng: &mut Rng) -> Vec<Vec<u8>> {
    let [issuer, root] = [Name::authority("Some Trust", "Some Trust CA 1"), Name::authority("Some Trust", "Root")];
    vec![
        Certificate::server(name, issuer.clone()).der(rng),
        Certificate::authority(issuer, root.clone()).der(rng),
        Certificate::authority(root.clone(), root).der(rng),
    ]
}

fn client(records: Vec<Record>) -> Turn {
    Turn { from: Who::Client, records }
}

fn server(records: Vec<Record>) -> Turn {
    Turn { from: Who::Server, records }
}

fn first(hello: &ClientHello) -> Record {
    Record::Handshake { version: hello.record_version, messages: hello.message() }
}

fn clear(messages: Vec<u8>) -> Record {
    Record::Handshake { version: version::TLS12, messages }
}

fn fixed(bytes: Vec<u8>) -> Record {
    Record::Fixed(bytes)
}
