//! What a run has found, in bounded memory: the most frequent clients and servers, certificates to look at, alerts, and
//! what could not be seen.
//!
//! In: events, alerts, counters. Out: a [`Digest`] when the run ends, which prints itself ([`report`]). Every table has a
//! cap; beyond it the rarest are counted together.
#![forbid(unsafe_code)]

mod distinct;
pub mod report;
pub(super) mod top;

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use ahash::RandomState;
use hashbrown::HashMap;

use super::sessions::{FATAL, HTTPS, SSL_2};
use super::{Sink, Stats};
use crate::Error;
use crate::capture::Timestamp;
use crate::detect::{Alert, Facts};
use crate::event::{Anomaly, Event, Missing, Protocol, Resumption};
use crate::stats::Counters;
use crate::tls::Upgrade;
use crate::wire::registry::{self, QuicVersion};
use crate::wire::text::printable;
use crate::x509::Certificate;
use crate::x509::flaws::{Flaw, Flaws, Place};

use distinct::Distinct;
use top::Top;

/// Gathers a [`Digest`].
pub struct Summary {
    digest: Box<Digest>,
    to: SyncSender<Box<Digest>>,
}

/// What was found.
#[derive(Debug)]
pub struct Digest {
    sessions: u64,
    established: u64,
    resumed: u64,
    /// By version in force; `None`: no server answered.
    versions: Top<Option<u16>, ()>,
    carriers: Top<Carrier, ()>,
    /// By JA4.
    clients: Top<[u8; 36], Client>,
    servers: Top<Server, Service>,
    /// By SHA-256; those with flaws only.
    certificates: Top<[u8; 32], Flawed>,
    refusals: Top<Refusal, String>,
    /// By the rule's address.
    alerts: HashMap<usize, Hits, RandomState>,
    missing: HashMap<Missing, u64, RandomState>,
    anomalies: HashMap<Anomaly, u64, RandomState>,
    counters: Counters,
    /// Keyed alike in every run, so that estimates are the same.
    hasher: RandomState,
}

/// What sessions travelled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Carrier {
    protocol: &'static str,
    /// Of QUIC.
    version: Option<u32>,
    upgrade: Option<&'static str>,
    /// Outermost first.
    tunnels: Vec<&'static str>,
}

/// What is known of a client fingerprint.
#[derive(Debug, Default)]
struct Client {
    sources: Distinct,
    names: Distinct,
    /// The first few.
    examples: Vec<Box<[u8]>>,
}

/// By what a server goes: the name it was asked for, else its address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Server {
    Name(Box<[u8]>, u16),
    Address(IpAddr, u16),
}

#[derive(Debug, Default)]
struct Service {
    clients: Distinct,
    /// Version and suite, how often; the first few.
    terms: Vec<((u16, u16), u64)>,
}

/// A certificate to look at.
#[derive(Debug)]
struct Flawed {
    flaws: Flaws,
    place: Place,
    /// Who showed it first, and when.
    server: String,
    first: Timestamp,
    servers: Distinct,
    subject: String,
    not_before: Option<i64>,
    not_after: Option<i64>,
    /// What is to be said of a weak key and a weak signature.
    key: String,
    signature: &'static str,
}

/// An alert of TLS that ended a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Refusal {
    /// The side that sent it.
    by: &'static str,
    description: u8,
}

/// A rule that fired. Keeps the rule, so that no other can get its address.
#[derive(Debug)]
struct Hits {
    rule: Arc<Facts>,
    count: u64,
    first: String,
}

impl Summary {
    /// The sink, and where its digest comes out when the run has ended well.
    pub fn new() -> (Self, Receiver<Box<Digest>>) {
        let (to, digest) = sync_channel(1);
        (Self { digest: Box::default(), to }, digest)
    }
}

impl Sink for Summary {
    fn events(&mut self, events: &Arc<Vec<Event>>) -> Result<ControlFlow<()>, Error> {
        events.iter().for_each(|event| self.digest.event(event));
        Ok(ControlFlow::Continue(()))
    }

    fn alert(&mut self, alert: &Alert) -> Result<ControlFlow<()>, Error> {
        self.digest.alert(alert);
        Ok(ControlFlow::Continue(()))
    }

    fn stats(&mut self, stats: &Stats) -> Result<ControlFlow<()>, Error> {
        self.digest.counters = stats.counters;
        Ok(ControlFlow::Continue(()))
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, Error> {
        // Whoever does not wait for the digest does not want it.
        let _ = self.to.send(self.digest);
        Ok(Vec::new())
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            sessions: 0,
            established: 0,
            resumed: 0,
            versions: Top::new(VERSIONS),
            carriers: Top::new(CARRIERS),
            clients: Top::new(KEPT),
            servers: Top::new(KEPT),
            certificates: Top::new(KEPT),
            refusals: Top::new(REFUSALS),
            alerts: HashMap::default(),
            missing: HashMap::default(),
            anomalies: HashMap::default(),
            counters: Counters::default(),
            hasher: RandomState::with_seeds(1, 2, 3, 4),
        }
    }
}

impl Digest {
    fn event(&mut self, event: &Event) {
        let handshake = &event.handshake;
        self.sessions += 1;
        self.established += u64::from(handshake.established);
        self.resumed += u64::from(handshake.resumption.is_some_and(|how| how != Resumption::None));
        let shape = event.server_hello.as_ref().map(|hello| &*hello.shape);
        self.versions.hit(shape.map(|shape| shape.version).or(handshake.sslv2.then_some(SSL_2)), || ());
        self.carriers.hit(Carrier::of(event), || ());
        self.client(event);

        let client = self.hasher.hash_one(event.client.ip);
        let service = &mut self.servers.hit(Server::of(event), Service::default).facts;
        service.clients.add(client);
        if let Some(shape) = shape {
            let terms = (shape.version, shape.cipher_suite);
            let known = service.terms.len();
            match service.terms.iter_mut().find(|(known, _)| *known == terms) {
                Some((_, count)) => *count += 1,
                None if known < EXAMPLES_OF_TERMS => service.terms.push((terms, 1)),
                None => {}
            }
        }
        self.chain(event);
        if let Some(alert) = handshake.alert
            && (alert.level == FATAL || !handshake.established && alert.description != CLOSE_NOTIFY)
        {
            let refusal = Refusal { by: alert.from.as_str(), description: alert.description };
            self.refusals.hit(refusal, || Server::of(event).text());
        }
        for missing in &event.missing {
            *self.missing.entry(*missing).or_default() += 1;
        }
        for anomaly in &event.anomalies {
            *self.anomalies.entry(*anomaly).or_default() += 1;
        }
    }

    fn client(&mut self, event: &Event) {
        let Some(hello) = &event.client_hello else { return };
        let Some(prints) = &hello.shape.prints else { return };
        let client = &mut self.clients.hit(prints.ja4.0, Client::default).facts;
        client.sources.add(self.hasher.hash_one(event.client.ip));
        if let Some(name) = hello.server_name.as_deref().filter(|name| !name.is_empty()) {
            client.names.add(self.hasher.hash_one(name));
            let name = name.get(..NAME_BYTES).unwrap_or(name);
            if client.examples.len() < EXAMPLES_OF_NAMES && !client.examples.iter().any(|known| **known == *name) {
                client.examples.push(name.into());
            }
        }
    }

    fn chain(&mut self, event: &Event) {
        let second = event.timestamp.0.div_euclid(1_000_000_000);
        let places = std::iter::once(Place::Leaf).chain(std::iter::repeat(Place::Above));
        for (certificate, place) in event.server_chain.iter().zip(places) {
            let flaws = Flaws::of(certificate, place, second);
            if flaws.is_empty() {
                continue;
            }
            let make = || Flawed::of(certificate, place, event);
            let known = &mut self.certificates.hit(certificate.sha256, make).facts;
            known.flaws = known.flaws.or(flaws);
            known.servers.add(self.hasher.hash_one(event.server.ip));
        }
    }

    fn alert(&mut self, alert: &Alert) {
        let make = || Hits { rule: Arc::clone(&alert.rule), count: 0, first: alert.message.clone() };
        self.alerts.entry(Arc::as_ptr(&alert.rule) as usize).or_insert_with(make).count += 1;
    }
}

impl Carrier {
    fn of(event: &Event) -> Self {
        Self {
            protocol: event.protocol.as_str(),
            version: event.quic.as_ref().map(|quic| quic.version),
            upgrade: event.upgrade.map(Upgrade::as_str),
            tunnels: event.tunnels.iter().map(|tunnel| tunnel.kind.as_str()).collect(),
        }
    }

    /// Whether it is TLS over TCP and nothing else.
    fn is_plain(&self) -> bool {
        self.protocol == Protocol::Tls.as_str() && self.upgrade.is_none() && self.tunnels.is_empty()
    }

    /// `TLS after smtp, in vxlan in gre`.
    fn text(&self) -> String {
        let mut text = match self.version {
            Some(version) => format!("QUIC {}", QuicVersion(version)),
            None => self.protocol.to_ascii_uppercase(),
        };
        if let Some(upgrade) = self.upgrade {
            text.push_str(" after ");
            text.push_str(upgrade);
        }
        for (depth, tunnel) in self.tunnels.iter().rev().enumerate() {
            text.push_str(if depth == 0 && self.upgrade.is_some() { ", in " } else { " in " });
            text.push_str(tunnel);
        }
        text
    }
}

impl Server {
    pub(super) fn of(event: &Event) -> Self {
        let name = event.server_name();
        match name.filter(|name| !name.is_empty()) {
            Some(name) => Self::Name(name.get(..NAME_BYTES).unwrap_or(name).into(), event.server.port),
            None => Self::Address(event.server.ip, event.server.port),
        }
    }

    /// Printable ASCII; a name says its port where it is not 443.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Name(name, HTTPS) => printable(name).into_owned(),
            Self::Name(name, port) => format!("{}:{port}", printable(name)),
            Self::Address(ip, port) => std::net::SocketAddr::new(*ip, *port).to_string(),
        }
    }
}

impl Flawed {
    fn of(certificate: &Certificate, place: Place, event: &Event) -> Self {
        let parsed = certificate.parsed.as_ref().ok();
        let key = parsed.and_then(|parsed| parsed.key.as_ref());
        let algorithm = key.and_then(|key| registry::public_key_algorithm(&key.algorithm)).unwrap_or("key");
        let signature = parsed.and_then(|parsed| parsed.signature_algorithm.as_deref());
        let subject = parsed.and_then(|parsed| parsed.subject.as_deref()).unwrap_or_default();
        Self {
            flaws: Flaws::default(),
            place,
            server: Server::of(event).text(),
            first: event.timestamp,
            servers: Distinct::default(),
            subject: subject.chars().take(SUBJECT_CHARS).collect(),
            not_before: parsed.and_then(|parsed| parsed.not_before),
            not_after: parsed.and_then(|parsed| parsed.not_after),
            key: key.and_then(|key| key.bits).map_or_else(String::new, |bits| format!("{algorithm} {bits}")),
            signature: signature.and_then(registry::signature_algorithm).unwrap_or("signature"),
        }
    }

    /// The worst first.
    fn rank(&self) -> usize {
        Flaw::ALL.into_iter().position(|flaw| self.flaws.has(flaw)).unwrap_or(Flaw::ALL.len())
    }
}

/// Fingerprints, servers and certificates that are kept for certain; up to twice as many are known at a time.
const KEPT: usize = 2_048;
const VERSIONS: usize = 32;
const CARRIERS: usize = 64;
const REFUSALS: usize = 64;
const EXAMPLES_OF_NAMES: usize = 3;
const EXAMPLES_OF_TERMS: usize = 8;
/// The longest name of the DNS (RFC 1035, section 2.3.4).
const NAME_BYTES: usize = 255;
const SUBJECT_CHARS: usize = 200;
const CLOSE_NOTIFY: u8 = 0;
