//! What a detector remembers things by: values of an event's fields, folded into 128 bits.
//!
//! In: fields, an event. Out: a [`Key`] that is the same for the same values, in this run and in those that go on from its
//! state. Text counts without regard to case. The salt is drawn anew for each state, so that no peer can choose values whose
//! keys meet.

use std::hash::Hasher;
use std::net::IpAddr;
use std::ops::ControlFlow;

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::detect::field::Field;
use crate::detect::value::Value;
use crate::event::Event;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(pub u128);

/// What keys are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salt(u64, u64);

/// One thing that a key is made of.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    Field(Field),
    /// `server`: the name that was asked for, or the address where no name was.
    Server,
}

impl Salt {
    pub fn random() -> Self {
        let state = ahash::RandomState::new();
        Self(state.hash_one(0u8), state.hash_one(1u8))
    }

    /// The key of a value, text without regard to case.
    fn value(self, value: &Value<'_>) -> Key {
        match value {
            Value::Ip(IpAddr::V4(ip)) => self.bytes(&ip.octets()),
            Value::Ip(IpAddr::V6(ip)) => self.bytes(&ip.octets()),
            value => value.with_text(|text| self.folded(text)),
        }
    }

    fn folded(self, text: &str) -> Key {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        let mut folded = [0u8; 64];
        for chunk in text.as_bytes().chunks(folded.len()) {
            let (part, _) = folded.split_at_mut(chunk.len());
            part.copy_from_slice(chunk);
            part.make_ascii_lowercase();
            hasher.write(part);
        }
        Key(hasher.finish128().as_u128())
    }

    /// The key of bytes as they are.
    pub fn bytes(self, bytes: &[u8]) -> Key {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        hasher.write(bytes);
        Key(hasher.finish128().as_u128())
    }
}

impl Key {
    /// The key of both, in this order. Either is as good as drawn by chance: nobody can choose what meets here.
    pub fn and(self, other: Self) -> Self {
        let mixed = (self.0 ^ ODD).wrapping_mul(ODD);
        Self((mixed ^ mixed >> 64).wrapping_add(other.0).wrapping_mul(ODD))
    }
}

/// The keys of one event: each of its parts is looked at once, however many rules go by it.
#[derive(Debug)]
pub struct Keys {
    pub salt: Salt,
    parts: ArrayVec<(&'static str, Option<Key>), PARTS>,
}

impl Keys {
    pub fn new(salt: Salt) -> Self {
        Self { salt, parts: ArrayVec::new() }
    }

    /// The key of all parts together; a part that the event does not have counts as such. `None` where it has none of them.
    pub fn of(&mut self, parts: &[Part], event: &Event) -> Option<Key> {
        let mut together: Option<Key> = None;
        let mut known = false;
        for part in parts {
            let key = self.part(*part, event);
            known |= key.is_some();
            let key = key.unwrap_or(NOTHING);
            together = Some(together.map_or(key, |before| before.and(key)));
        }
        together.filter(|_| known)
    }

    fn part(&mut self, part: Part, event: &Event) -> Option<Key> {
        let name = part.name();
        if let Some(&(_, key)) = self.parts.iter().find(|(known, _)| std::ptr::eq(*known, name)) {
            return key;
        }
        let mut key: Option<Key> = None;
        part.visit(event, &mut |value| {
            let one = self.salt.value(value);
            key = Some(key.map_or(one, |before| before.and(one)));
        });
        // More parts than that are looked at each time.
        let _ = self.parts.try_push((name, key));
        key
    }
}

impl Part {
    /// The part of that name.
    ///
    /// # Errors
    /// In words: the nearest name there is.
    pub fn named(name: &str) -> Result<Self, String> {
        if name.eq_ignore_ascii_case(SERVER) {
            return Ok(Self::Server);
        }
        let unknown = |nearest: &str| format!("there is no field `{name}`; did you mean `{nearest}`?");
        Field::named(name).map(Self::Field).map_err(|there| unknown(there.nearest))
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Field(field) => field.name(),
            Self::Server => SERVER,
        }
    }

    /// Hands on the part's values.
    pub fn visit(self, event: &Event, out: &mut dyn FnMut(&Value<'_>)) {
        match self {
            Self::Field(field) => {
                let _ = field.visit(event, &mut |value| {
                    out(&value);
                    ControlFlow::Continue(())
                });
            }
            Self::Server => match event.server_name().filter(|name| !name.is_empty()) {
                Some(name) => out(&Value::Text(crate::wire::text::printable(name))),
                None => out(&Value::Ip(event.server.ip)),
            },
        }
    }

    /// The values for people, the first few of them.
    pub fn text(self, event: &Event) -> String {
        let (mut text, mut count) = (String::new(), 0);
        self.visit(event, &mut |value| {
            count += 1;
            if count > SHOWN {
                return;
            }
            if count > 1 {
                text.push_str(", ");
            }
            value.with_text(|value| text.extend(value.chars().take(CHARS)));
        });
        text
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

const SERVER: &str = "server";
/// In the place of a part that an event does not have.
const NOTHING: Key = Key(ODD);
const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
/// Parts of an event whose keys are kept.
const PARTS: usize = 24;
const SHOWN: usize = 4;
const CHARS: usize = 256;
