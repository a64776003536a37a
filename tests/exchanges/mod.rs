//! Handshakes over UDP as flights of datagrams, and the many ways in which a network may carry them.
#![allow(dead_code)]

use crate::packets::clients::Ask;
use crate::packets::dtls::{self, Place};
use crate::packets::quic::{self, Edition, Initial, Keys};
use crate::packets::tls::{self, Ecdhe, Sender, content, group, version};
use crate::packets::x509::{Certificate, Name};
use crate::packets::{C, ClientHello, Endpoint, Envelope, Rng, S, ServerHello, TimedFrame, client_named};

/// How an exchange is carried.
#[derive(Debug, Clone)]
pub struct Way {
    pub seed: u64,
    pub ends: (Endpoint, Endpoint),
    /// Bytes of a handshake message in its longest piece.
    pub piece: usize,
    /// Pieces of a datagram.
    pub together: usize,
    /// Whether the pieces of a flight are shuffled.
    pub shuffled: bool,
    /// Of 100 pieces, how many come twice.
    pub repeated: f64,
    /// Of 100 pieces, how many are followed by one that begins before its end.
    pub overlapped: f64,
    /// Datagrams behind the first that may change places; 1 keeps the order.
    pub window: usize,
    /// Of 100 datagrams, how many come twice.
    pub duplicated: f64,
    /// IP payload bytes of the longest fragment.
    pub fragment: Option<usize>,
    pub time: u64,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            seed: 1,
            ends: (C, S),
            piece: 1_100,
            together: 1,
            shuffled: false,
            repeated: 0.0,
            overlapped: 0.0,
            window: 1,
            duplicated: 0.0,
            fragment: None,
            time: 1_700_000_000_000_000_000,
        }
    }
}

/// One way of talking over UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    QuicV1,
    QuicV2,
    /// The server wants another key share.
    QuicHelloRetry,
    /// As Chromium has it.
    QuicWithoutClientId,
    Dtls12,
    /// With a HelloVerifyRequest.
    Dtls12Cookie,
}

impl Exchange {
    pub const ALL: [Self; 6] =
        [Self::QuicV1, Self::QuicV2, Self::QuicHelloRetry, Self::QuicWithoutClientId, Self::Dtls12, Self::Dtls12Cookie];

    pub fn frames(self, way: &Way) -> Vec<TimedFrame> {
        let mut network = Network { way, rng: Rng::new(way.seed), datagrams: Vec::new() };
        match self {
            Self::QuicV1 => quic(&mut network, Quic { edition: quic::V1, scid: &[7; 8], retry: false }),
            Self::QuicV2 => quic(&mut network, Quic { edition: quic::V2, scid: &[7; 8], retry: false }),
            Self::QuicHelloRetry => quic(&mut network, Quic { edition: quic::V1, scid: &[7; 8], retry: true }),
            Self::QuicWithoutClientId => quic(&mut network, Quic { edition: quic::V1, scid: &[], retry: false }),
            Self::Dtls12 => dtls12(&mut network, &[]),
            Self::Dtls12Cookie => dtls12(&mut network, &[9; 20]),
        }
        network.deliver()
    }
}

/// Datagrams under way.
struct Network<'a> {
    way: &'a Way,
    rng: Rng,
    datagrams: Vec<(Sender, Vec<u8>)>,
}

/// A part of a message, and where it stands in it.
#[derive(Debug, Clone)]
struct Piece {
    offset: usize,
    bytes: Vec<u8>,
}

impl Network<'_> {
    fn send(&mut self, from: Sender, datagram: Vec<u8>) {
        self.datagrams.push((from, datagram));
    }

    /// A message in pieces, as the way has it.
    fn pieces(&mut self, message: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut offset = 0;
        while offset < message.len() {
            let length = (1 + self.rng.below(self.way.piece as u64) as usize).min(message.len() - offset);
            let back =
                if self.rng.percent(self.way.overlapped) { self.rng.below(offset as u64 + 1) as usize } else { 0 };
            let back = back.min(self.way.piece);
            let piece = Piece { offset: offset - back, bytes: message[offset - back..offset + length].to_vec() };
            if self.rng.percent(self.way.repeated) {
                pieces.push(piece.clone());
            }
            pieces.push(piece);
            offset += length;
        }
        if self.way.shuffled {
            self.rng.shuffle(&mut pieces);
        }
        pieces
    }

    /// In the order in which they come, cut into fragments where the way does.
    fn deliver(mut self) -> Vec<TimedFrame> {
        let mut datagrams = Vec::new();
        for datagram in std::mem::take(&mut self.datagrams) {
            if self.rng.percent(self.way.duplicated) {
                datagrams.push(datagram.clone());
            }
            datagrams.push(datagram);
        }
        // Nothing begins before a hello's datagram: what overtakes the first is nobody's.
        for chunk in datagrams[1..].chunks_mut(self.way.window.max(1)) {
            self.rng.shuffle(chunk);
        }
        let (client, server) = self.way.ends;
        let mut frames = Vec::new();
        for (number, (from, datagram)) in datagrams.iter().enumerate() {
            let (from, to) = if *from == Sender::Client { (client, server) } else { (server, client) };
            let envelope = Envelope { id: number as u16 + 1, ..Envelope::between(from, to) };
            let parts = match self.way.fragment {
                Some(size) => envelope.udp_fragments(datagram, size),
                None => vec![envelope.udp(datagram)],
            };
            frames.extend(parts.into_iter().map(|frame| TimedFrame::whole(self.way.time, frame)));
        }
        frames
    }
}

struct Quic<'a> {
    edition: Edition,
    scid: &'a [u8],
    /// The server sends a HelloRetryRequest first.
    retry: bool,
}

fn quic(network: &mut Network<'_>, quic: Quic<'_>) {
    let Quic { edition, scid, retry } = quic;
    let (dcid, server_id) = ([1, 2, 3, 4, 5, 6, 7, 8], [0x51; 8]);
    let client = Keys::initial(edition, &dcid, Sender::Client);
    let server = Keys::initial(edition, &dcid, Sender::Server);
    let hello = quic_hello(scid);
    let mut client = End { keys: client, dcid: &dcid, scid, number: 0, offset: 0 };
    let mut server = End { keys: server, dcid: scid, scid: &server_id, number: 0, offset: 0 };
    client.initials(network, Sender::Client, &hello.message());
    if retry {
        server.initials(network, Sender::Server, &ServerHello::retry(0x1301, group::SECP256R1).message());
        client.dcid = &server_id;
        let mut second = hello.clone();
        second.extensions.retain(|(kind, _)| *kind != 0x0033);
        client.initials(network, Sender::Client, &second.key_shares(&[group::SECP256R1]).message());
    }
    let answer = ServerHello::new(77, 0x1301).selected_version(version::TLS13).key_share(group::X25519);
    server.initials(network, Sender::Server, &answer.message());
    let sealed = network.rng.bytes(600);
    network.send(Sender::Server, quic::handshake(edition, scid, &server_id, &sealed));
    client.dcid = &server_id;
    let mut last = client.initial(&quic::ack(0));
    last.extend_from_slice(&quic::handshake(edition, &server_id, scid, &sealed[..90]));
    network.send(Sender::Client, last);
    network.send(Sender::Server, quic::short(scid, &sealed[..200]));
    network.send(Sender::Client, quic::short(&server_id, &sealed[..200]));
}

/// What a browser says first in QUIC.
pub fn quic_hello(scid: &[u8]) -> ClientHello {
    let mut hello = client_named("chrome-136").hello(Ask::new(5, "quic.example"));
    hello.session_id.clear();
    hello.extensions.retain(|(kind, _)| *kind != 0x0010);
    hello.alpn(&["h3"]).extension(0x0039, quic::transport_parameters(scid))
}

/// One end's Initial packets.
struct End<'a> {
    keys: Keys,
    dcid: &'a [u8],
    scid: &'a [u8],
    number: u32,
    /// Bytes of the CRYPTO stream so far.
    offset: usize,
}

impl End<'_> {
    fn initials(&mut self, network: &mut Network<'_>, from: Sender, message: &[u8]) {
        let pieces = network.pieces(message);
        let mut rest = &pieces[..];
        while !rest.is_empty() {
            let (mut frames, mut count) = (Vec::new(), 0);
            for piece in rest.iter().take(network.way.together.max(1)) {
                if count > 0 && frames.len() + piece.bytes.len() > 1_100 {
                    break;
                }
                frames.extend(quic::crypto(self.offset + piece.offset, &piece.bytes));
                count += 1;
            }
            rest = &rest[count..];
            let datagram = self.initial(&frames);
            network.send(from, datagram);
        }
        self.offset += message.len();
    }

    fn initial(&mut self, frames: &[u8]) -> Vec<u8> {
        let Self { dcid, scid, number, .. } = *self;
        self.number += 1;
        self.keys.protect(&Initial { dcid, scid, token: &[], number, frames, size: 1_200 })
    }
}

fn dtls12(network: &mut Network<'_>, cookie: &[u8]) {
    let mut client = Side { from: Sender::Client, message: 0, sequence: 0 };
    let mut server = Side { from: Sender::Server, message: 0, sequence: 0 };
    let hello = ClientHello::new(11)
        .legacy_version(dtls::version::DTLS12)
        .ciphers(&[0xc02b, 0xc02f, 0x009c, 0x002f])
        .sni("dtls.example")
        .groups(&[group::X25519, group::SECP256R1])
        .point_formats(&[0])
        .signature_algorithms(&[0x0403, 0x0804, 0x0401])
        .alpn(&["webrtc", "c-webrtc"]);
    client.flight(network, &[dtls::client_hello(&hello, &[])]);
    if !cookie.is_empty() {
        server.flight(network, &[dtls::hello_verify_request(cookie)]);
        client.flight(network, &[dtls::client_hello(&hello, cookie)]);
    }
    let mut answer = ServerHello::new(12, 0xc02f);
    answer.legacy_version = dtls::version::DTLS12;
    let ecdhe = Ecdhe { group: group::X25519, signature_algorithm: 0x0804, signature_len: 256 };
    let mut rng = Rng::new(13);
    let chain: Vec<Vec<u8>> = (0..2)
        .map(|n| Certificate::server(&format!("dtls{n}.example"), Name::common("dtls.example")).der(&mut rng))
        .collect();
    server.flight(
        network,
        &[answer.message(), tls::certificate(&chain), ecdhe.server_key_exchange(&mut rng), tls::server_hello_done()],
    );
    client.flight(network, &[ecdhe.client_key_exchange(&mut rng)]);
    for side in [&client, &server] {
        let datagram = dtls::finished(dtls::version::DTLS12, side.sequence, &mut Rng::new(14));
        network.send(side.from, datagram);
    }
}

/// One end's place in its messages and records.
struct Side {
    from: Sender,
    message: u16,
    sequence: u32,
}

impl Side {
    fn flight(&mut self, network: &mut Network<'_>, messages: &[Vec<u8>]) {
        let mut fragments = Vec::new();
        for message in messages {
            let (kind, body) = (message[0], &message[4..]);
            let pieces =
                if body.is_empty() { vec![Piece { offset: 0, bytes: Vec::new() }] } else { network.pieces(body) };
            for piece in pieces {
                fragments.push(dtls::fragment(dtls::Fragment {
                    kind,
                    length: body.len(),
                    sequence: self.message,
                    offset: piece.offset,
                    bytes: &piece.bytes,
                }));
            }
            self.message += 1;
        }
        if network.way.shuffled {
            network.rng.shuffle(&mut fragments);
        }
        for together in fragments.chunks(network.way.together.max(1)) {
            let mut datagram = Vec::new();
            for fragment in together {
                let place = Place { version: dtls::version::DTLS12, epoch: 0, sequence: self.sequence };
                datagram.extend(dtls::record(place, content::HANDSHAKE, fragment));
                self.sequence += 1;
            }
            network.send(self.from, datagram);
        }
    }
}
