//! How sound a session is: its weaknesses by name, and a grade.
//!
//! In: an event, and what was found about its chain. Out: a [`Posture`], by the table of `rules/posture.toml`, which is part
//! of the program. Sessions that are alike in version, suite and findings share one.
#![forbid(unsafe_code)]

mod table;

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::event::{Agreement, Chain, Event, Posture};
use crate::wire::registry;
use crate::x509::Certificate;

use table::{Fact, Facts, Table};

/// Grades one session after another.
#[derive(Debug)]
pub struct Postures {
    table: Table,
    known: HashMap<Key, Arc<Posture>, ahash::RandomState>,
    /// Public values of DHE that servers have sent, by half of their hashes.
    dh_values: HashSet<u128, ahash::RandomState>,
}

/// All that a posture depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    version: u16,
    cipher: Option<u16>,
    facts: Facts,
    problems: Option<crate::x509::verify::Problems>,
    forward_secrecy: Option<bool>,
}

impl Default for Postures {
    fn default() -> Self {
        Self { table: Table::built_in(), known: HashMap::default(), dh_values: HashSet::default() }
    }
}

impl Postures {
    /// The posture of a session that was agreed on; `chain` is the verdict on the server's.
    pub fn of(&mut self, event: &Event, chain: Option<Chain>) -> Option<Arc<Posture>> {
        let version = event.version()?;
        let forward_secrecy = forward_secrecy(event);
        let key = Key {
            version: version.0,
            cipher: event.server_hello.as_ref().map(|hello| hello.shape.cipher_suite),
            facts: self.facts(event, forward_secrecy),
            problems: chain.and_then(Chain::verdict).map(|verdict| verdict.problems),
            forward_secrecy,
        };
        if let Some(known) = self.known.get(&key) {
            return Some(Arc::clone(known));
        }
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        let posture = Arc::new(self.table.posture(&table::Case {
            version: version.number(),
            cipher: key.cipher.and_then(registry::cipher_suite),
            facts: key.facts,
            problems: key.problems.unwrap_or_default(),
            forward_secrecy,
        }));
        self.known.insert(key, Arc::clone(&posture));
        Some(posture)
    }

    fn facts(&mut self, event: &Event, forward_secrecy: Option<bool>) -> Facts {
        let mut facts = Facts::default();
        facts.set_if(Fact::NoForwardSecrecy, forward_secrecy == Some(false));
        facts.set_if(Fact::Compression, event.compression().is_some_and(|method| method != 0));
        facts.set_if(Fact::NoSecureRenegotiation, event.renegotiation_info() == Some(Agreement::Unanswered));
        facts.set_if(Fact::NoExtendedMasterSecret, event.extended_master_secret() == Some(Agreement::Unanswered));
        if let Some(exchange) = event.handshake.key_exchange.as_deref() {
            facts.set_if(Fact::RsaExportKey, exchange.rsa_bits.is_some());
            if let Some(dh) = &exchange.dh {
                facts.set_if(Fact::DhBelow1024, dh.prime_bits < 1024);
                facts.set_if(Fact::DhBelow2048, (1024..2048).contains(&dh.prime_bits));
                facts.set_if(Fact::DhKeyReused, self.has_come_before(&dh.public_sha256));
            }
        }
        if let Some(leaf) = event.server_chain.first() {
            facts.set_if(Fact::KeyBelow2048, has_small_key(leaf));
            facts.set_if(Fact::LifetimeOver398Days, lives_long(leaf));
        }
        for certificate in &event.server_chain {
            let Ok(parsed) = &certificate.parsed else { continue };
            // Who trusts a self-signed certificate does not trust its signature.
            if parsed.self_issued {
                continue;
            }
            let algorithm = parsed.signature_algorithm.as_deref().and_then(registry::signature_algorithm);
            let hash = parsed.facts.signature_hash.as_deref().or(algorithm).unwrap_or_default();
            facts.set_if(Fact::Md5Signature, hash.starts_with("MD5") || hash.starts_with("MD2"));
            facts.set_if(Fact::Sha1Signature, hash.starts_with("SHA1") || hash.ends_with("SHA1"));
        }
        facts
    }

    fn has_come_before(&mut self, sha256: &[u8; 32]) -> bool {
        let (half, _) = sha256.split_first_chunk().unwrap_or((&[0; 16], &[]));
        if self.dh_values.len() >= MAX_DH_VALUES {
            self.dh_values.clear();
        }
        !self.dh_values.insert(u128::from_be_bytes(*half))
    }
}

/// Whether the keys die with the session: by the suite, and in TLS 1.3 by the server's key share (RFC 8446, section 2.2).
fn forward_secrecy(event: &Event) -> Option<bool> {
    let shape = &event.server_hello.as_ref()?.shape;
    if crate::tls::is_tls13(shape.version) {
        return Some(shape.key_share.is_some());
    }
    let name = registry::cipher_suite(shape.cipher_suite)?;
    let (_, method) = name.split_once('_')?;
    let ephemeral = ["DHE_", "ECDHE_", "DH_anon", "ECDH_anon", "PSK_DHE", "ECJPAKE", "SRP_"];
    Some(ephemeral.iter().any(|kind| method.starts_with(kind)))
}

fn has_small_key(leaf: &Certificate) -> bool {
    let key = leaf.parsed.as_ref().ok().and_then(|parsed| parsed.key.as_ref());
    key.filter(|key| key.curve.is_none() && key.bits.is_some_and(|bits| bits < 2048)).is_some_and(|key| {
        let kind = registry::public_key_algorithm(&key.algorithm).unwrap_or_default();
        kind.starts_with("RSA") || kind.starts_with("rsa") || kind.starts_with("DSA")
    })
}

/// Longer than public authorities may issue since that day (CA/Browser Forum, Baseline Requirements, section 6.3.2).
fn lives_long(leaf: &Certificate) -> bool {
    let Ok(parsed) = &leaf.parsed else { return false };
    let (Some(from), Some(until)) = (parsed.not_before, parsed.not_after) else { return false };
    // Both ends are part of the validity.
    from >= SEPTEMBER_2020 && until.saturating_sub(from).saturating_add(1) > 398 * 86_400
}

/// 2020-09-01T00:00:00Z
const SEPTEMBER_2020: i64 = 1_598_918_400;
/// Kinds of session that are remembered.
const MAX_KNOWN: usize = 4_096;
/// Public values that are remembered: 16 bytes each.
const MAX_DH_VALUES: usize = 1 << 18;
