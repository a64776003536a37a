//! Authorities that were seen in chains, for chains that lack one.
//!
//! In: certificates. Out: those with a given subject. Bounded: what is old makes room for what is new.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::sync::Arc;

use super::link::Link;
use crate::x509::Certificate;

/// Authorities by their subjects.
#[derive(Debug, Default)]
pub struct Intermediates {
    by_subject: HashMap<Vec<u8>, Vec<Arc<Certificate>>, ahash::RandomState>,
    bytes: usize,
    generation: u64,
}

impl Intermediates {
    /// Takes the authorities of a chain in: what stands above its leaf and says that it is one.
    ///
    /// Whether one is to be trusted is asked of the path that is built with it.
    pub fn note(&mut self, chain: &[Arc<Certificate>]) {
        for certificate in chain.iter().skip(1) {
            let is_authority = |parsed: &crate::x509::Parsed| parsed.is_ca == Some(true) && !parsed.self_issued;
            if certificate.parsed.as_ref().is_ok_and(is_authority) {
                self.keep(certificate);
            }
        }
    }

    /// Changes whenever an authority was added: a chain that lacked one may be whole now.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn with_subject(&self, subject: &[u8]) -> &[Arc<Certificate>] {
        self.by_subject.get(subject).map_or(&[], Vec::as_slice)
    }

    fn keep(&mut self, certificate: &Arc<Certificate>) {
        let Some(subject) = Link::read(certificate).and_then(|link| link.subject()) else { return };
        let cost = COST.saturating_add(certificate.der.len()).saturating_add(subject.len());
        if self.with_subject(&subject).iter().any(|known| known.sha256 == certificate.sha256) {
            return;
        }
        if self.bytes.saturating_add(cost) > MAX_BYTES {
            self.by_subject.clear();
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(cost);
        self.generation = self.generation.saturating_add(1);
        let alike = self.by_subject.entry(subject).or_default();
        if alike.len() >= MAX_ALIKE {
            alike.remove(0);
        }
        alike.push(Arc::clone(certificate));
    }
}

/// Octets of all together, by estimate.
const MAX_BYTES: usize = 16 << 20;
/// Of one subject. Who forges another to push the right one out finds it back with the next chain that holds it.
const MAX_ALIKE: usize = 8;
/// What a certificate takes beside its bytes.
const COST: usize = 2_048;
