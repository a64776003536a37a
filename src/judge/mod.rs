//! What a session means: adds to events, in the order of their packet times and off the packet path, what no single
//! packet says.
//!
//! In: events. Out: the same events with verdicts in them. Does no I/O but the loaders of data, starts no thread and reads
//! no clock; what it keeps is bounded.

pub mod browser;
mod chains;
pub mod labels;
mod posture;

use std::sync::Arc;

use hashbrown::HashSet;

use crate::event::{Event, NewCertificate, Side, Timestamps};
use crate::x509::sct::Scts;
use crate::x509::verify::Anchors;

use browser::BrowserJudge;
use chains::Chains;
use labels::{KnowledgeBase, Labeller};
use posture::Postures;

/// Judges one event after another.
#[derive(Debug)]
pub struct Judge {
    browsers: BrowserJudge,
    chains: Chains,
    postures: Postures,
    labeller: Option<Labeller>,
    measures: Measures,
    /// Certificates that were told of in full.
    told: HashSet<[u8; 32], ahash::RandomState>,
}

/// What a judge goes by.
#[derive(Debug, Clone)]
pub struct Measures {
    /// Who is trusted.
    pub anchors: Arc<Anchors>,
    /// Chains that may be verified in a second of packet time; `None`: all.
    pub chain_checks: Option<u32>,
    /// What software is known by its fingerprints; `None`: nobody asks.
    pub knowledge: Option<Arc<KnowledgeBase>>,
}

impl Judge {
    pub fn new(measures: Measures) -> Self {
        Self {
            browsers: BrowserJudge::default(),
            chains: Chains::new(Arc::clone(&measures.anchors), measures.chain_checks),
            postures: Postures::default(),
            labeller: measures.knowledge.clone().map(Labeller::new),
            measures,
            told: HashSet::default(),
        }
    }

    /// Goes on by other measures. What was found by those that stay is not found again.
    pub fn renew(&mut self, measures: Measures) {
        if !Arc::ptr_eq(&self.measures.anchors, &measures.anchors) {
            self.chains.renew(Arc::clone(&measures.anchors));
        }
        self.chains.set_share(measures.chain_checks);
        let knowledge = [&self.measures.knowledge, &measures.knowledge].map(|known| known.as_ref().map(Arc::as_ptr));
        if knowledge[0] != knowledge[1] {
            self.labeller = measures.knowledge.clone().map(Labeller::new);
        }
        self.measures = measures;
    }

    /// Adds to an event what it means.
    pub fn judge(&mut self, event: &mut Event) {
        event.browser = self.browsers.judge(event).map(Box::new);
        let found = self.chains.judge(event);
        event.security.posture = self.postures.of(event, found.server);
        event.security.timestamps =
            timestamps(event, found.staple.as_ref().and_then(|staple| staple.answer.scts.as_ref()));
        event.security.new_certificates = self.new_certificates(event);
        event.security.server_chain = found.server;
        event.security.client_chain = found.client;
        event.security.staple = found.staple;
        if let Some(labeller) = &mut self.labeller {
            labeller.label(event);
        }
    }

    /// Chains that were not judged for want of time.
    pub fn unchecked(&self) -> u64 {
        self.chains.unchecked()
    }

    fn new_certificates(&mut self, event: &Event) -> Option<Box<[NewCertificate]>> {
        if event.server_chain.iter().chain(&event.client_chain).all(|shown| self.told.contains(&shown.sha256)) {
            return None;
        }
        if self.told.len() >= MAX_TOLD {
            self.told.clear();
        }
        let mut new = Vec::new();
        for (side, chain) in [(Side::Server, &event.server_chain), (Side::Client, &event.client_chain)] {
            for (place, certificate) in chain.iter().enumerate() {
                if self.told.insert(certificate.sha256) {
                    new.push(NewCertificate { certificate: Arc::clone(certificate), side, place });
                }
            }
        }
        Some(new.into())
    }
}

fn timestamps(event: &Event, in_staple: Option<&Scts>) -> Timestamps {
    let leaf = event.server_chain.first().and_then(|leaf| leaf.parsed.as_ref().ok());
    Timestamps {
        certificate: leaf.map(|leaf| leaf.facts.scts.as_ref().map_or(0, |scts| scts.count)),
        staple: in_staple.map(|scts| scts.count),
    }
}

/// Certificates that are remembered as told: 32 bytes each.
const MAX_TOLD: usize = 1 << 20;
