//! Gives sessions their labels.
//!
//! In: events. Out: the same, with [`Event::labels`] filled in. Sessions with the same fingerprints get the same `Arc`:
//! what is known of them is looked up once. Never asks anybody, and has a bound.

use std::sync::Arc;

use hashbrown::HashMap;

use super::base::KnowledgeBase;
use super::entry::Print;
use crate::event::labels::{Label, LabelSet, Role};
use crate::event::{ClientPrints, Event, Verdict};

/// A knowledge base, and what was found in it.
#[derive(Debug)]
pub struct Labeller {
    base: Arc<KnowledgeBase>,
    clients: HashMap<Key, Option<Arc<LabelSet>>, ahash::RandomState>,
}

/// All that decides about a client's labels. A JA3 that stands in no entry is left out, so that the hellos of a browser
/// that shuffles its extensions have one key. The stable key follows from the JA4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    ja4: [u8; 36],
    ja3n: Option<[u8; 16]>,
    ja3: Option<[u8; 16]>,
    imitators: Imitators,
}

/// Whether those who send the hello of another may be named. A browser's own hello is in no entry where nobody has measured
/// it: to name its imitators then would be to accuse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Imitators {
    Named,
    Unnamed,
}

impl Labeller {
    pub fn new(base: Arc<KnowledgeBase>) -> Self {
        Self { base, clients: HashMap::default() }
    }

    /// Labels a session.
    pub fn label(&mut self, event: &mut Event) {
        let prints = event.client_hello.as_ref().and_then(|hello| hello.shape.prints.as_ref());
        let imitators = match event.browser.as_deref() {
            Some(browser) if browser.verdict != Verdict::Impersonation => Imitators::Unnamed,
            Some(_) | None => Imitators::Named,
        };
        event.labels.client = prints.and_then(|prints| self.of_client(prints, imitators));
        let ja3s =
            event.server_hello.as_ref().and_then(|hello| hello.shape.prints.as_ref()).map(|prints| prints.ja3s.0);
        let leaf = event.server_chain.first().map(|leaf| &**leaf);
        event.labels.server = self.base.of_server(ja3s, leaf).map(Arc::new);
    }

    fn of_client(&mut self, prints: &ClientPrints, imitators: Imitators) -> Option<Arc<LabelSet>> {
        let listed = prints.ja3.map(|ja3| ja3.0).filter(|ja3| self.base.has(Print::Ja3(*ja3)));
        let key = Key { ja4: prints.ja4.0, ja3n: prints.ja3n.map(|ja3n| ja3n.0), ja3: listed, imitators };
        if let Some(known) = self.clients.get(&key) {
            return known.clone();
        }
        if self.clients.len() >= MAX_KEPT {
            self.clients.clear();
        }
        let found = self.base.of_client(prints);
        let found = match imitators {
            Imitators::Named => found,
            Imitators::Unnamed => found.and_then(without_imitators),
        };
        let found = found.map(Arc::new);
        self.clients.insert(key, found.clone());
        found
    }
}

fn without_imitators(set: LabelSet) -> Option<LabelSet> {
    let others = |label: &Label| label.role != Some(Role::Impersonator);
    let labels: Box<[Label]> = set.labels.into_iter().filter(others).collect();
    (!labels.is_empty()).then_some(LabelSet { labels })
}

/// Some 100 bytes each, and the label sets.
const MAX_KEPT: usize = 16_384;
