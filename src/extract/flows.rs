//! Which packets belong to which connection, where several follow each other between the same ends.
//!
//! A stretch of packets begins where the engine sees a flow begin, and goes on to the next one. One that tells of no session
//! and begins without a SYN is what came late of the one before it: a connection that was silent for a while, say.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::iter;

use super::Id;
use super::find::{self, Found};
use super::parts::{Part, Parts};
use crate::Error;
use crate::capture::{Batch, Fill, Frame, Input, Source};
use crate::config::Limits;
use crate::decode::{self, Packet, Skip, Trail, Transport};
use crate::engine::{Engine, Shard, Standing};
use crate::event::Event;
use crate::flow::{Hasher, Key};

/// A frame, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit<'a> {
    pub(super) place: Place,
    pub(super) frame: Frame<'a>,
}

/// The number of a capture, and of a frame in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) capture: usize,
    pub(super) frame: u64,
}

/// Hands on the frames of a capture.
pub(super) fn frames(
    input: &mut Input,
    capture: usize,
    see: &mut impl FnMut(Visit<'_>, &Input) -> Result<(), Error>,
) -> Result<(), Error> {
    let (mut batch, mut numbers) = (Batch::new(), 0..);
    while input.fill(&mut batch)? != Fill::End {
        for (frame, number) in batch.frames().zip(&mut numbers) {
            see(Visit { place: Place { capture, frame: number }, frame }, input)?;
        }
    }
    Ok(())
}

/// The second reading: finds the stretches.
pub(super) struct Survey {
    tracker: Tracker,
    parts: Parts,
    /// The parts of datagrams, by the stretch that they belong to.
    places: Vec<(Place, Stretch)>,
    ids: HashSet<Id>,
    told: HashMap<Key, BTreeMap<Place, Told>>,
}

/// The third reading: takes the packets of stretches.
pub(super) struct Chosen {
    tracker: Tracker,
    takes: HashSet<Stretch>,
    parts: HashSet<Place>,
    ids: BTreeSet<Id>,
}

/// The packets from the beginning of a flow to the next between the same ends. It is known by where it begins: a capture that
/// is removed meanwhile does not make it another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Stretch {
    key: Key,
    begin: Place,
}

/// What is known of a stretch.
#[derive(Debug, Clone, Default)]
struct Told {
    opens: bool,
    sessions: bool,
    ids: Vec<Id>,
}

impl Survey {
    pub(super) fn new(found: &Found) -> Self {
        Self {
            tracker: Tracker::new(found.sessions.values().copied()),
            parts: Parts::default(),
            places: Vec::new(),
            ids: found.sessions.keys().copied().collect(),
            told: HashMap::new(),
        }
    }

    pub(super) fn see(&mut self, visit: &Visit<'_>) {
        let Self { tracker, parts, places, ids, told } = self;
        let sight = tracker.see(visit, &mut |stretch, event| note(told, ids, stretch, event));
        if let Some((stretch, opens)) = sight.begins {
            at(told, stretch).opens = opens == Opens::BySyn;
        }
        if let Some(part) = sight.part {
            parts.add(part, visit.place);
            // Whose parts they are shows with the last.
            match (sight.whole, sight.stretch) {
                (true, Some(stretch)) => places.extend(parts.take(&part).into_iter().map(|place| (place, stretch))),
                (true, None) => parts.forget(&part),
                (false, _) => {}
            }
        }
    }

    /// What is to be taken.
    pub(super) fn choose(self) -> Chosen {
        let Self { tracker, places, ids, mut told, .. } = self;
        let keys: Vec<Key> = tracker.last.keys().copied().collect();
        tracker.finish(&mut |stretch, event| note(&mut told, &ids, stretch, event));
        let mut chosen = BTreeSet::new();
        let mut takes = HashSet::new();
        for (key, stretches) in told {
            let mut takes_last = false;
            for (begin, Told { opens, sessions, ids }) in stretches {
                if opens || sessions {
                    takes_last = !ids.is_empty();
                }
                if takes_last {
                    takes.insert(Stretch { key, begin });
                }
                chosen.extend(ids);
            }
        }
        let parts = places.into_iter().filter(|(_, stretch)| takes.contains(stretch)).map(|(place, _)| place).collect();
        Chosen { tracker: Tracker::new(keys.into_iter()), takes, parts, ids: chosen }
    }
}

impl Chosen {
    pub(super) fn takes(&mut self, visit: &Visit<'_>) -> bool {
        let sight = self.tracker.see(visit, &mut |_, _| {});
        match sight.part {
            Some(_) => self.parts.contains(&visit.place),
            None => sight.stretch.is_some_and(|stretch| self.takes.contains(&stretch)),
        }
    }

    /// The sessions of which packets are taken.
    pub(super) fn ids(self) -> BTreeSet<Id> {
        self.ids
    }
}

/// Takes note that a session was told in a stretch.
fn note(told: &mut HashMap<Key, BTreeMap<Place, Told>>, ids: &HashSet<Id>, stretch: Stretch, event: &Event) {
    let told = at(told, stretch);
    told.sessions = true;
    if ids.contains(&event.id) {
        told.ids.push(event.id);
    }
}

fn at(told: &mut HashMap<Key, BTreeMap<Place, Told>>, stretch: Stretch) -> &mut Told {
    told.entry(stretch.key).or_default().entry(stretch.begin).or_default()
}

/// Follows the flows of some keys, and no others.
struct Tracker {
    engine: Engine,
    trail: Trail,
    /// Where the last stretch of each began.
    last: HashMap<Key, Option<Place>>,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, Default)]
struct Sight {
    /// The stretch it belongs to; that of its datagram, if it completes one.
    stretch: Option<Stretch>,
    /// The stretch begins with it, and whether by a SYN.
    begins: Option<(Stretch, Opens)>,
    part: Option<Part>,
    /// It completes a datagram.
    whole: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opens {
    BySyn,
    No,
}

impl Tracker {
    fn new(keys: impl Iterator<Item = Key>) -> Self {
        let engine = Engine::new(Limits::default(), Shard::whole(Hasher::random()));
        Self { engine, trail: Trail::default(), last: keys.map(|key| (key, None)).collect() }
    }

    /// Takes a frame; `tell` is called for each session that was told by it, with its stretch.
    fn see(&mut self, visit: &Visit<'_>, tell: &mut impl FnMut(Stretch, &Event)) -> Sight {
        self.trail.clear();
        match decode::decode(&visit.frame, &mut self.trail) {
            Ok(packet) if self.last.contains_key(&Key::of(&packet).0) => self.packet(visit, &packet, tell),
            Err(Skip::Fragment(fragment)) => {
                let part = Some(Part::of(&fragment, visit.frame.ts));
                Sight { part, ..self.advance(visit, Opens::No, tell) }
            }
            _ => Sight::default(),
        }
    }

    fn packet(&mut self, visit: &Visit<'_>, packet: &Packet<'_>, tell: &mut impl FnMut(Stretch, &Event)) -> Sight {
        let opens = match packet.transport {
            Transport::Tcp(tcp) if tcp.flags.opens() => Opens::BySyn,
            _ => Opens::No,
        };
        let sight = self.advance(visit, opens, tell);
        // Of datagrams that may be neither QUIC nor DTLS the engine says nothing.
        let stretch = sight.stretch.or_else(|| self.last(Key::of(packet).0));
        Sight { stretch, ..sight }
    }

    fn advance(&mut self, visit: &Visit<'_>, opens: Opens, tell: &mut impl FnMut(Stretch, &Event)) -> Sight {
        let Visit { frame, place } = visit;
        let (mut seen, mut events) = (None, Vec::new());
        let see = &mut |_: &Frame<'_>, sighting| seen = Some(sighting);
        self.engine.on_frames_seen(iter::once(*frame), see, &mut |event| events.push(event));
        let key = seen.and_then(|sighting| sighting.key);
        let begins = seen.is_some_and(|sighting| sighting.standing == Standing::Begins);
        // What was there before ends with it; what begins with it cannot have been told of earlier.
        let (own, before): (Vec<Event>, Vec<Event>) = events
            .into_iter()
            .partition(|event| begins && Some(find::flow(event)) == key && event.timestamp >= frame.ts);
        self.tell(&before, tell);
        let mut sight = Sight { whole: key.is_some(), ..Sight::default() };
        if let Some(key) = key
            && let Some(last) = self.last.get_mut(&key)
        {
            if begins {
                sight.begins = Some((Stretch { key, begin: *place }, opens));
                *last = Some(*place);
            }
            sight.stretch = self.last(key);
        }
        self.tell(&own, tell);
        sight
    }

    /// The end of all flows.
    fn finish(mut self, tell: &mut impl FnMut(Stretch, &Event)) {
        let mut events = Vec::new();
        self.engine.finish(&mut |event| events.push(event));
        self.tell(&events, tell);
    }

    fn tell(&self, events: &[Event], tell: &mut impl FnMut(Stretch, &Event)) {
        for event in events {
            if let Some(stretch) = self.last(find::flow(event)) {
                tell(stretch, event);
            }
        }
    }

    fn last(&self, key: Key) -> Option<Stretch> {
        let begin = self.last.get(&key).copied().flatten()?;
        Some(Stretch { key, begin })
    }
}
