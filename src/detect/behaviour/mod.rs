//! Behaviour: what a rule cannot see in one session, and no count of sessions tells.
//!
//! In: the sessions that a rule's condition selects, in packet-time order. Out: [`Finding`]s, each with the figures behind
//! it. One file per detector, each a formula over what it keeps by key; all that is kept is bounded. Knows nothing of rules
//! but their [`Plan`]. The formulas, their parameters and what they were measured to find stand in `rules/README.md`.

mod beaconing;
mod failures;
mod finding;
mod first_seen;
mod key;
mod memory;
mod names;
mod parameters;
mod plan;
mod rarity;
mod repeat;
mod rotation;
mod spread;
mod state;
mod validity;
mod window;

use crate::event::Event;
use crate::x509::certificate::Parsed;

pub use finding::Finding;
pub use key::{Key, Keys, Salt};
pub use parameters::Fault;
pub use plan::Plan;
pub use state::Kept;

use key::Ends;
use plan::Settings;

/// A detector at work.
#[derive(Debug)]
pub enum Behaviour {
    Beaconing(beaconing::Beaconing),
    FirstSeen(first_seen::FirstSeen),
    Rarity(rarity::Rarity),
    Rotation(rotation::Rotation),
    Spread(spread::Spread),
    Repeat(repeat::Repeat),
    Failures(failures::Failures),
    Names(names::Names),
    Validity(validity::Validity),
}

impl Behaviour {
    pub fn new(plan: &Plan) -> Self {
        match plan.settings {
            Settings::Beaconing(settings) => Self::Beaconing(beaconing::Beaconing::new(settings)),
            Settings::FirstSeen(settings) => Self::FirstSeen(first_seen::FirstSeen::new(settings)),
            Settings::Rarity(settings) => Self::Rarity(rarity::Rarity::new(settings)),
            Settings::Rotation(settings) => Self::Rotation(rotation::Rotation::new(settings)),
            Settings::Spread(settings) => Self::Spread(spread::Spread::new(settings)),
            Settings::Repeat(settings) => Self::Repeat(repeat::Repeat::new(settings)),
            Settings::Failures(settings) => Self::Failures(failures::Failures::new(settings)),
            Settings::Names(settings) => Self::Names(names::Names::new(settings)),
            Settings::Validity(settings) => Self::Validity(validity::Validity::new(settings)),
        }
    }

    /// Looks at a session that the rule selects.
    pub fn see(&mut self, plan: &Plan, keys: &mut Keys<'_>, event: &Event) -> Option<Finding> {
        let (at, session, salt) = (event.timestamp.0, event.id, keys.salt);
        let key = match plan.by.is_empty() {
            true => EVERYTHING,
            false => keys.of(&plan.by, event)?,
        };
        match self {
            Self::Beaconing(detector) => {
                detector.see(beaconing::Beat { pair: key, at, size: first_octets(event), session })
            }
            Self::FirstSeen(detector) => {
                let sighting = first_seen::Sighting { scope: key, value: keys.of(&plan.value, event)?, at };
                detector.see(sighting, |text| write(plan, event, text))
            }
            Self::Rarity(detector) => {
                detector.see(rarity::Sighting { scope: key, value: keys.of(&plan.value, event)?, at })
            }
            Self::Rotation(detector) => {
                detector.see(rotation::Shown { client: key, at, sections: keys.sections(event)?, session })
            }
            Self::Spread(detector) => {
                detector.see(spread::Visit { target: key, host: keys.of(&plan.value, event)?, at, session })
            }
            Self::Repeat(detector) => {
                let random = salt.bytes(&event.client_hello.as_ref()?.random);
                let sighting = repeat::Sighting { random, path: path(keys, event), at, session };
                detector.see(sighting, parties(event))
            }
            Self::Failures(detector) => detector.see(failures::Attempt {
                key,
                other: keys.of(&plan.value, event)?,
                at,
                outcome: outcome(event)?,
                certificate: keys.certificate(event),
                session,
            }),
            Self::Names(detector) => {
                let asked = names::Asked { client: key, name: event.server_name()?, at, session };
                detector.see(asked, |name| salt.bytes(name))
            }
            Self::Validity(detector) => {
                let leaf = event.server_chain.first()?.parsed.as_ref().ok()?;
                let Parsed { not_before: Some(not_before), not_after: Some(not_after), .. } = *leaf else {
                    return None;
                };
                detector.see(validity::Shown { key, at, not_before, not_after })
            }
        }
    }

    /// Keys that were forgotten for want of room.
    pub fn evicted(&self) -> u64 {
        match self {
            Self::Beaconing(detector) => detector.pairs.evicted(),
            Self::FirstSeen(detector) => detector.scopes.evicted() + detector.pairs.evicted(),
            Self::Rarity(detector) => detector.scopes.evicted() + detector.values.evicted(),
            Self::Rotation(detector) => detector.clients.evicted(),
            Self::Spread(detector) => detector.targets.evicted(),
            Self::Repeat(detector) => detector.hellos.evicted(),
            Self::Failures(detector) => detector.keys.evicted(),
            Self::Names(detector) => detector.clients.evicted(),
            Self::Validity(detector) => detector.certificates.evicted(),
        }
    }
}

impl Plan {
    /// What a finding is grouped by, as fields and their values.
    pub fn group(&self, event: &Event) -> Box<[(Box<str>, Box<str>)]> {
        let told = |part: &key::Part| (part.name().into(), part.text(event).into());
        self.by.iter().map(told).filter(|(_, value): &(Box<str>, Box<str>)| !value.is_empty()).collect()
    }
}

/// The octets of the client's first encrypted records, where they were watched: the nearest there is to the size of what a
/// session was for.
fn first_octets(event: &Event) -> Option<u32> {
    (!event.client_records.is_empty()).then(|| event.client_records.iter().map(|&length| u32::from(length)).sum())
}

/// Writes what is looked at, in words, cut, in the place of what was there.
fn write(plan: &Plan, event: &Event, text: &mut String) {
    text.clear();
    for part in &plan.value {
        if !text.is_empty() {
            text.push(' ');
        }
        part.write(event, text);
    }
    text.truncate(key::cut(text, CHARS).len());
}

fn path(keys: &mut Keys<'_>, event: &Event) -> repeat::Path {
    let Ends { client, server } = keys.ends(event);
    let part = |key: Option<Key>| key.map_or(0, |key| key.0 as u64);
    repeat::Path {
        client: part(client),
        client_port: event.client.port,
        server: part(server),
        server_port: event.server.port,
    }
}

fn parties(event: &Event) -> repeat::Parties {
    repeat::Parties { client: event.client.ip, server: event.server.ip, port: event.server.port }
}

/// How a session ended, where it shows: a failure is one that an alert tells. Of what was not seen to its end, as where a
/// capture holds hellos alone, nothing is known.
fn outcome(event: &Event) -> Option<failures::Outcome> {
    match (event.handshake.established, &event.handshake.failure) {
        (true, _) => Some(failures::Outcome::Established),
        (false, Some(_)) => Some(failures::Outcome::Failed),
        (false, None) => None,
    }
}

/// The one key of what is told apart by nothing.
const EVERYTHING: Key = Key(0);
const CHARS: usize = 96;
