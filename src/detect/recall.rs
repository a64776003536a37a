//! What rules made of the parts that sessions share: found out once, and known again when the part comes again.
//!
//! In: events. Out: for each shared part ([`Origin`]) which rules the index finds by it, whether the conditions of a rule
//! that are about it alone hold, and the keys of its values. Parts behind an `Arc` are known by their address, which is kept
//! from being used again; the others by what they say. Each kind has a bound; one that has reached it begins anew, which
//! costs time and nothing else.

use std::hash::Hash;
use std::sync::{Arc, Weak};

use arrayvec::ArrayVec;
use hashbrown::HashMap;

use crate::decode::System;
use crate::event::labels::LabelSet;
use crate::event::terms::Version;
use crate::event::{
    Alert, Chain, ClientCertificate, ClientShape, EarlyData, Ech, Event, Evidence, Failure, MAX_ALERTS, MAX_EVIDENCE,
    Offered, Posture, Protocol, Resumption, ServerShape, Verdict,
};
use crate::x509::Certificate;

use super::behaviour::Key;
use super::field::Origin;
use super::index::{Index, RuleSet};

/// What is known of the shared parts of events.
#[derive(Debug)]
pub struct Recall {
    clients: Known<usize, Weak<ClientShape>>,
    servers: Known<usize, Weak<ServerShape>>,
    chains: Known<Certificates, Box<[Weak<Certificate>]>>,
    labels: Known<[usize; 2], [Weak<LabelSet>; 2]>,
    verdicts: Known<Verdicts, Weak<Posture>>,
    browsers: Known<Browsing, Weak<str>>,
    courses: Known<Course, ()>,
    /// Where the parts of the event at hand are.
    here: [usize; Origin::SHARED.len()],
}

/// What is known of one part.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// Rules that the index finds by it.
    found: RuleSet,
    /// Rules whose conditions about it were looked at, and those of them that hold.
    asked: RuleSet,
    held: RuleSet,
    /// Keys of values, by the name of what they are of.
    pub keys: Vec<(&'static str, Option<Key>)>,
    /// Of a client's stable key.
    pub sections: Option<[u64; 3]>,
}

impl Recall {
    /// For so many rules.
    pub fn new(rules: usize) -> Self {
        let cap = (MAX_BYTES / (3 * rules.div_ceil(8) + BESIDE)).clamp(LEAST_ENTRIES, MOST_ENTRIES);
        Self {
            clients: Known::new(cap, rules),
            servers: Known::new(cap, rules),
            chains: Known::new(cap, rules),
            labels: Known::new(cap, rules),
            verdicts: Known::new(cap, rules),
            browsers: Known::new(cap, rules),
            courses: Known::new(cap, rules),
            here: [0; Origin::SHARED.len()],
        }
    }

    /// Turns to an event, and puts the rules that may hold of it into the set, in the place of what was there.
    pub fn turn_to(&mut self, index: &Index, event: &Event, candidates: &mut RuleSet) {
        let Self { clients, servers, chains, labels, verdicts, browsers, courses, here } = self;
        index.begin(candidates);
        let found = |origin: Origin| index.found(origin, event);

        let shape = event.client_hello.as_ref().map(|hello| &hello.shape);
        let guard = || shape.map(Arc::downgrade).unwrap_or_default();
        here[Origin::Client as usize] = match shape {
            // Nobody else has it: a hello whose shape is drawn anew each time comes once.
            Some(shape) if Arc::strong_count(shape) == 1 => {
                clients.only_here(|set| index.find_anew(Origin::Client, event, set))
            }
            _ => clients.place(address(shape), guard, || found(Origin::Client)),
        };

        let shape = event.server_hello.as_ref().map(|hello| &hello.shape);
        let guard = || shape.map(Arc::downgrade).unwrap_or_default();
        here[Origin::Server as usize] = servers.place(address(shape), guard, || found(Origin::Server));

        let guard = || event.server_chain.iter().chain(&event.client_chain).map(Arc::downgrade).collect();
        here[Origin::Chains as usize] = match Certificates::of(event) {
            Some(addresses) => chains.place(addresses, guard, || found(Origin::Chains)),
            None => chains.only_here(|set| index.find_anew(Origin::Chains, event, set)),
        };

        let sets = [&event.labels.client, &event.labels.server].map(Option::as_ref);
        let guard = || sets.map(|set| set.map(Arc::downgrade).unwrap_or_default());
        here[Origin::Labels as usize] = labels.place(sets.map(address), guard, || found(Origin::Labels));

        let posture = event.security.posture.as_ref();
        let (server, client) = (event.security.server_chain, event.security.client_chain);
        let key = Verdicts { posture: address(posture), server, client };
        let guard = || posture.map(Arc::downgrade).unwrap_or_default();
        here[Origin::Verdicts as usize] = verdicts.place(key, guard, || found(Origin::Verdicts));

        let claims = event.browser.as_ref().map(|browser| &browser.claims);
        let guard = || claims.map_or_else(|| Arc::downgrade(&Arc::from("")), Arc::downgrade);
        here[Origin::Browser as usize] = browsers.place(Browsing::of(event), guard, || found(Origin::Browser));

        here[Origin::Course as usize] = courses.place(Course::of(event), || (), || found(Origin::Course));

        for origin in Origin::SHARED {
            if let Some(entry) = self.entry(origin) {
                candidates.join(&entry.found);
            }
        }
        index.find(Origin::Session, event, candidates);
    }

    /// Whether a rule's conditions about a part hold; `look` is asked once for each part.
    pub fn holds(&mut self, origin: Origin, rule: usize, look: impl FnOnce() -> bool) -> bool {
        let Some(entry) = self.entry_mut(origin) else { return look() };
        if entry.asked.has(rule) {
            return entry.held.has(rule);
        }
        let holds = look();
        entry.asked.add(rule);
        if holds {
            entry.held.add(rule);
        }
        holds
    }

    /// What is known of a part of the event at hand; `None` of what is the session's own.
    pub fn entry_mut(&mut self, origin: Origin) -> Option<&mut Entry> {
        let place = *self.here.get(origin as usize)?;
        match origin {
            Origin::Client => self.clients.entries.get_mut(place),
            Origin::Server => self.servers.entries.get_mut(place),
            Origin::Chains => self.chains.entries.get_mut(place),
            Origin::Labels => self.labels.entries.get_mut(place),
            Origin::Verdicts => self.verdicts.entries.get_mut(place),
            Origin::Browser => self.browsers.entries.get_mut(place),
            Origin::Course => self.courses.entries.get_mut(place),
            Origin::Session => None,
        }
    }

    fn entry(&self, origin: Origin) -> Option<&Entry> {
        let place = *self.here.get(origin as usize)?;
        match origin {
            Origin::Client => self.clients.entries.get(place),
            Origin::Server => self.servers.entries.get(place),
            Origin::Chains => self.chains.entries.get(place),
            Origin::Labels => self.labels.entries.get(place),
            Origin::Verdicts => self.verdicts.entries.get(place),
            Origin::Browser => self.browsers.entries.get(place),
            Origin::Course => self.courses.entries.get(place),
            Origin::Session => None,
        }
    }
}

/// The parts of one kind.
#[derive(Debug)]
struct Known<K, G> {
    places: HashMap<K, usize, ahash::RandomState>,
    /// The first is of a part that is not kept.
    entries: Vec<Entry>,
    /// What keeps the addresses in the keys from being used again.
    guards: Vec<G>,
    cap: usize,
}

impl<K: Hash + Eq, G> Known<K, G> {
    fn new(cap: usize, rules: usize) -> Self {
        let first = Entry::of(RuleSet::of(rules));
        Self { places: HashMap::default(), entries: vec![first], guards: Vec::new(), cap }
    }

    /// Where the entry of a part is; made with the rules that the index finds, if it is new.
    #[inline]
    fn place(&mut self, key: K, guard: impl FnOnce() -> G, found: impl FnOnce() -> RuleSet) -> usize {
        if let Some(&place) = self.places.get(&key) {
            return place;
        }
        if self.places.len() >= self.cap {
            self.places.clear();
            self.entries.truncate(1);
            self.guards.clear();
        }
        let place = self.entries.len();
        self.entries.push(Entry::of(found()));
        self.guards.push(guard());
        self.places.insert(key, place);
        place
    }

    /// The place of a part that is not kept. `find` adds the rules that the index finds.
    fn only_here(&mut self, find: impl FnOnce(&mut RuleSet)) -> usize {
        if let Some(entry) = self.entries.first_mut() {
            find(entry.emptied());
        }
        0
    }
}

impl Entry {
    /// Forgets all; gives the set of rules that are found.
    fn emptied(&mut self) -> &mut RuleSet {
        self.asked.clear();
        self.held.clear();
        self.keys.clear();
        self.sections = None;
        &mut self.found
    }

    fn of(found: RuleSet) -> Self {
        let empty = found.emptied();
        Self { found, asked: empty.clone(), held: empty, keys: Vec::new(), sections: None }
    }
}

/// The addresses of a session's certificates, a zero between the server's and the client's. `None` of more than is usual.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Certificates(ArrayVec<usize, USUAL_CERTIFICATES>);

impl Certificates {
    fn of(event: &Event) -> Option<Self> {
        let mut all = ArrayVec::new();
        for shown in &event.server_chain {
            all.try_push(Arc::as_ptr(shown).addr()).ok()?;
        }
        if !event.client_chain.is_empty() {
            all.try_push(0).ok()?;
        }
        for shown in &event.client_chain {
            all.try_push(Arc::as_ptr(shown).addr()).ok()?;
        }
        Some(Self(all))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Verdicts {
    posture: usize,
    server: Option<Chain>,
    client: Option<Chain>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Browsing {
    claims: usize,
    verdict: Option<Verdict>,
    evidence: ArrayVec<Evidence, MAX_EVIDENCE>,
    system: Option<System>,
}

impl Browsing {
    fn of(event: &Event) -> Self {
        let browser = event.browser.as_deref();
        Self {
            claims: browser.map_or(0, |browser| Arc::as_ptr(&browser.claims).addr()),
            verdict: browser.map(|browser| browser.verdict),
            evidence: browser.map(|browser| browser.evidence.clone()).unwrap_or_default(),
            system: event.client_system,
        }
    }
}

/// How a handshake went, in what few words suffice for.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Course {
    protocol: Protocol,
    version: Option<Version>,
    established: bool,
    hello_retry: Option<bool>,
    resumption: Option<Resumption>,
    offered: Offered,
    early_data: Option<EarlyData>,
    round_trips: Option<u8>,
    group: Option<u16>,
    schemes: [Option<u16>; 2],
    client_certificate: Option<ClientCertificate>,
    ech: Option<Ech>,
    alert: Option<Alert>,
    alerts: ArrayVec<Alert, MAX_ALERTS>,
    failure: Option<Failure>,
}

impl Course {
    fn of(event: &Event) -> Self {
        let handshake = &event.handshake;
        Self {
            protocol: event.protocol,
            version: event.version(),
            established: handshake.established,
            hello_retry: event.hello_retry(),
            resumption: handshake.resumption,
            offered: handshake.resumption_offered,
            early_data: handshake.early_data,
            round_trips: handshake.round_trips,
            group: handshake.group,
            schemes: [handshake.signature_scheme, handshake.client_signature_scheme],
            client_certificate: handshake.client_certificate,
            ech: handshake.ech,
            alert: handshake.alert,
            alerts: handshake.alerts.clone(),
            failure: handshake.failure,
        }
    }
}

/// Where the shared thing is; 0 where there is none.
fn address<T>(shared: Option<&Arc<T>>) -> usize {
    shared.map_or(0, |shared| Arc::as_ptr(shared).addr())
}

/// Octets that the sets of one kind may take, about, and what an entry takes beside them.
const MAX_BYTES: usize = 2 << 20;
const BESIDE: usize = 256;
const LEAST_ENTRIES: usize = 64;
const MOST_ENTRIES: usize = 4_096;
/// Certificates of both sides together, and what stands between them.
const USUAL_CERTIFICATES: usize = 8;
