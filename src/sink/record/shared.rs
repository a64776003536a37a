//! What many sessions share, as JSON text that is made once.
//!
//! In: the `Arc`s of an event. Out: two runs of members for each: those of its ECS object and those of its `tlsight`
//! object. The text of a shape is found by the address of its `Arc`, which is held here so that no other shape can get
//! the same address. Each kind has a bound; a kind that has reached it starts anew, which costs time and nothing else.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;

use super::handshake::Course;
use super::memo::Memo;
use super::security::Findings;
use super::session::Agreed;
use crate::event::labels::LabelSet;
use crate::event::{ClientShape, Posture, ServerShape};
use crate::sink::json::Text;
use crate::x509::Certificate;

/// The texts of the shapes and certificates seen last, and where those of one event lie.
#[derive(Debug, Default)]
pub struct Shared {
    /// Keyed by the length of the session ID, too: it stands among the shape's own members.
    pub(super) clients: Kept<ClientShape>,
    pub(super) servers: Kept<ServerShape>,
    pub(super) certificates: Kept<Certificate>,
    pub(super) labels: Kept<LabelSet>,
    pub(super) postures: Kept<Posture>,
    pub(super) agreed: Memo<Agreed>,
    pub(super) courses: Memo<Course>,
    pub(super) findings: Memo<Findings>,
    pub(super) event: Places,
}

/// Where the texts of the event that was prepared last lie.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) client_hello: Option<Split>,
    pub(super) second_hello: Option<Split>,
    pub(super) server_hello: Option<Split>,
    pub(super) client_chain: Vec<Split>,
    pub(super) server_chain: Vec<Split>,
    pub(super) posture: Option<Split>,
    pub(super) agreed: Range<usize>,
    pub(super) course: Range<usize>,
    pub(super) findings: Range<usize>,
    pub(super) client_labels: Option<Split>,
    pub(super) server_labels: Option<Split>,
}

/// The members that one shared thing gives.
#[derive(Debug, Clone, Copy)]
pub struct Members<'a> {
    /// Those of `tls.client` or `tls.server`.
    pub ecs: Text<'a>,
    /// Those of `tlsight.client`, of `tlsight.server` or of a certificate in its chain.
    pub own: Text<'a>,
}

impl Shared {
    pub(super) fn client_hello(&self) -> Option<Members<'_>> {
        self.event.client_hello.as_ref().map(|split| self.clients.members(split))
    }

    pub(super) fn second_hello(&self) -> Option<Members<'_>> {
        self.event.second_hello.as_ref().map(|split| self.clients.members(split))
    }

    pub(super) fn server_hello(&self) -> Option<Members<'_>> {
        self.event.server_hello.as_ref().map(|split| self.servers.members(split))
    }

    pub(super) fn posture(&self) -> Option<Text<'_>> {
        self.event.posture.as_ref().map(|split| self.postures.members(split).own)
    }

    pub(super) fn agreed(&self) -> Text<'_> {
        self.agreed.text(&self.event.agreed)
    }

    pub(super) fn course(&self) -> Text<'_> {
        self.courses.text(&self.event.course)
    }

    pub(super) fn findings(&self) -> Text<'_> {
        self.findings.text(&self.event.findings)
    }

    /// The client's labels and the server's, as elements of one list.
    pub(super) fn labels(&self) -> impl Iterator<Item = Text<'_>> {
        let splits = [&self.event.client_labels, &self.event.server_labels];
        splits.into_iter().flatten().map(|split| self.labels.members(split).own)
    }

    pub(super) fn client_chain(&self) -> Chain<'_> {
        Chain { places: &self.event.client_chain, certificates: &self.certificates }
    }

    pub(super) fn server_chain(&self) -> Chain<'_> {
        Chain { places: &self.event.server_chain, certificates: &self.certificates }
    }
}

/// The certificates of one side, leaf first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain<'a> {
    places: &'a [Split],
    certificates: &'a Kept<Certificate>,
}

impl<'a> Chain<'a> {
    pub fn iter(self) -> impl Iterator<Item = Members<'a>> {
        self.places.iter().map(move |split| self.certificates.members(split))
    }
}

/// The texts of one kind of thing.
pub(super) struct Kept<T> {
    places: HashMap<(usize, Option<u8>), Place<T>, ahash::RandomState>,
    /// The texts of `places`, and behind them, from `kept` on, those of the event at hand alone.
    text: Vec<u8>,
    kept: usize,
    /// Bytes that the things themselves take, as far as they are worth counting.
    held: usize,
}

struct Place<T> {
    _thing: Arc<T>,
    split: Split,
}

/// Where the two runs of members lie in the text.
#[derive(Debug, Clone)]
pub(super) struct Split {
    pub ecs: Range<usize>,
    pub own: Range<usize>,
}

impl<T> Kept<T> {
    pub(super) fn make_room(&mut self) {
        self.text.truncate(self.kept);
        if self.places.len() >= MAX_PLACES || self.text.len() + self.held >= MAX_BYTES {
            self.places.clear();
            self.text.clear();
            self.kept = 0;
            self.held = 0;
        }
    }

    /// Where the text of `thing` lies, which `render` appends if it is not there. `weight` is what `thing` itself takes.
    pub(super) fn place(
        &mut self,
        thing: &Arc<T>,
        variant: Option<u8>,
        weight: usize,
        render: impl FnOnce(&mut Vec<u8>) -> Split,
    ) -> Split {
        // What nobody else holds will not come again: the hello of a browser that shuffles its extensions.
        if Arc::strong_count(thing) == 1 || self.text.len() > self.kept {
            return match self.places.get(&key(thing, variant)) {
                Some(place) => place.split.clone(),
                None => render(&mut self.text),
            };
        }
        let place = self.places.entry(key(thing, variant)).or_insert_with(|| {
            self.held += weight;
            let split = render(&mut self.text);
            self.kept = self.text.len();
            Place { _thing: Arc::clone(thing), split }
        });
        place.split.clone()
    }

    fn members(&self, split: &Split) -> Members<'_> {
        let text = |range: &Range<usize>| Text(self.text.get(range.clone()).unwrap_or_default());
        Members { ecs: text(&split.ecs), own: text(&split.own) }
    }
}

fn key<T>(thing: &Arc<T>, variant: Option<u8>) -> (usize, Option<u8>) {
    (Arc::as_ptr(thing) as usize, variant)
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { places: HashMap::default(), text: Vec::new(), kept: 0, held: 0 }
    }
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("places", &self.places.len()).field("bytes", &self.text.len()).finish()
    }
}

/// Bounds of each kind, looked at between events: one event may go over by what its own handshake holds.
const MAX_PLACES: usize = 4_096;
const MAX_BYTES: usize = 16 << 20;
