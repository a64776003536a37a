//! What a detector remembers things by: values of an event's fields, folded into 128 bits.
//!
//! In: fields, an event. Out: a [`Key`] that is the same for the same values, in this run and in those that go on from its
//! state. Text counts without regard to case. The salt is drawn anew for each state, so that no peer can choose values whose
//! keys meet.

use std::hash::Hasher;
use std::ops::ControlFlow;

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

    /// The key of all parts together; a part that the event does not have counts as such. `None` where it has none of them.
    pub fn key(self, parts: &[Part], event: &Event) -> Option<Key> {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        let mut values = 0u64;
        for part in parts {
            part.visit(event, &mut |value| {
                values += 1;
                hasher.write_u8(VALUE);
                value.with_text(|text| write_folded(&mut hasher, text));
            });
            hasher.write_u8(END);
        }
        (values > 0).then(|| Key(hasher.finish128().as_u128()))
    }

    /// The key of bytes as they are.
    pub fn bytes(self, bytes: &[u8]) -> Key {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        hasher.write(bytes);
        Key(hasher.finish128().as_u128())
    }
}

impl Key {
    /// The key of both.
    pub fn and(self, other: Self) -> Self {
        let mut hasher = SipHasher13::new_with_keys(0, 0);
        hasher.write_u128(self.0);
        hasher.write_u128(other.0);
        Self(hasher.finish128().as_u128())
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

fn write_folded(hasher: &mut SipHasher13, text: &str) {
    let mut folded = [0u8; 64];
    hasher.write_u64(text.len() as u64);
    for chunk in text.as_bytes().chunks(folded.len()) {
        let part = &mut folded[..chunk.len()];
        part.copy_from_slice(chunk);
        part.make_ascii_lowercase();
        hasher.write(part);
    }
}

const SERVER: &str = "server";
const VALUE: u8 = 1;
const END: u8 = 0;
const SHOWN: usize = 4;
const CHARS: usize = 256;
