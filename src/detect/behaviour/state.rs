//! What a detector has learnt, written down and taken up again.
//!
//! In: a detector at work. Out: a [`Kept`] that serde reads and writes; another detector of the same kind goes on from it,
//! within its own bounds.

use serde::{Deserialize, Serialize, Serializer};

use super::Behaviour;
use super::memory::Kept as Held;
use super::{beaconing, failures, finding, first_seen, names, rarity, repeat, rotation, spread};

/// What was kept of a detector.
#[derive(Debug, Clone, Deserialize)]
pub enum Kept {
    Beaconing(Held<beaconing::Pair>),
    FirstSeen(Held<first_seen::Scope>, Held<()>),
    Rarity(Held<rarity::Faded>, Held<rarity::Value>),
    Rotation(Held<rotation::Client>),
    Spread(Held<spread::Target>),
    Repeat(Held<repeat::Hello>),
    Failures(Held<failures::State>),
    Names(Held<names::Client>),
    Validity(Held<finding::Told>),
}

/// In the form of [`Kept`].
impl Serialize for Behaviour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTupleVariant;
        let two = |place, name, serializer: S| serializer.serialize_tuple_variant(KEPT, place, name, 2);
        match self {
            Self::Beaconing(detector) => serializer.serialize_newtype_variant(KEPT, 0, "Beaconing", &detector.pairs),
            Self::FirstSeen(detector) => {
                let mut both = two(1, "FirstSeen", serializer)?;
                both.serialize_field(&detector.scopes)?;
                both.serialize_field(&detector.pairs)?;
                both.end()
            }
            Self::Rarity(detector) => {
                let mut both = two(2, "Rarity", serializer)?;
                both.serialize_field(&detector.scopes)?;
                both.serialize_field(&detector.values)?;
                both.end()
            }
            Self::Rotation(detector) => serializer.serialize_newtype_variant(KEPT, 3, "Rotation", &detector.clients),
            Self::Spread(detector) => serializer.serialize_newtype_variant(KEPT, 4, "Spread", &detector.targets),
            Self::Repeat(detector) => serializer.serialize_newtype_variant(KEPT, 5, "Repeat", &detector.hellos),
            Self::Failures(detector) => serializer.serialize_newtype_variant(KEPT, 6, "Failures", &detector.keys),
            Self::Names(detector) => serializer.serialize_newtype_variant(KEPT, 7, "Names", &detector.clients),
            Self::Validity(detector) => {
                serializer.serialize_newtype_variant(KEPT, 8, "Validity", &detector.certificates)
            }
        }
    }
}

impl Behaviour {
    /// Goes on from what was kept; of another kind of detector, nothing is taken.
    pub fn resume(&mut self, kept: Kept) {
        match (self, kept) {
            (Self::Beaconing(detector), Kept::Beaconing(pairs)) => detector.pairs.refill(pairs),
            (Self::FirstSeen(detector), Kept::FirstSeen(scopes, pairs)) => {
                detector.scopes.refill(scopes);
                detector.pairs.refill(pairs);
            }
            (Self::Rarity(detector), Kept::Rarity(scopes, values)) => {
                detector.scopes.refill(scopes);
                detector.values.refill(values);
            }
            (Self::Rotation(detector), Kept::Rotation(clients)) => detector.clients.refill(clients),
            (Self::Spread(detector), Kept::Spread(targets)) => detector.targets.refill(targets),
            (Self::Repeat(detector), Kept::Repeat(hellos)) => detector.hellos.refill(hellos),
            (Self::Failures(detector), Kept::Failures(keys)) => detector.keys.refill(keys),
            (Self::Names(detector), Kept::Names(clients)) => detector.clients.refill(clients),
            (Self::Validity(detector), Kept::Validity(told)) => detector.certificates.refill(told),
            _ => {}
        }
    }
}

const KEPT: &str = "Kept";
