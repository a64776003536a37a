//! What a detector remembers things by: values of an event's fields, folded into 128 bits.
//!
//! In: fields, an event. Out: a [`Key`] that is the same for the same values, in this run and in those that go on from its
//! state. Text counts without regard to case. The salt is drawn anew for each state, so that no peer can choose values whose
//! keys meet.

use std::hash::Hasher;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::detect::field::{Field, Origin};
use crate::detect::recall::Recall;
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

    /// The key of a value's text, whatever its case and its kind.
    pub fn text(self, value: &Value<'_>) -> Key {
        value.with_text(|text| self.folded(text))
    }

    /// The key of all values of a field together.
    fn values(self, field: Field, event: &Event) -> Option<Key> {
        let mut key: Option<Key> = None;
        let _ = field.visit(event, &mut |value| {
            let one = self.value(&value);
            key = Some(key.map_or(one, |before| before.and(one)));
            ControlFlow::Continue(())
        });
        key
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
    /// Half of it, which is enough to tell apart what is counted.
    pub fn short(self) -> u64 {
        self.0 as u64
    }

    /// The key of both, in this order. Either is as good as drawn by chance: nobody can choose what meets here.
    pub fn and(self, other: Self) -> Self {
        let mixed = (self.0 ^ ODD).wrapping_mul(ODD);
        Self((mixed ^ mixed >> 64).wrapping_add(other.0).wrapping_mul(ODD))
    }
}

/// The keys of one event: each of its parts is looked at once, however many rules go by it, and what sessions share once
/// for all of them.
#[derive(Debug)]
pub struct Keys<'r> {
    pub salt: Salt,
    recall: &'r mut Recall,
    parts: ArrayVec<(&'static str, Option<Key>), PARTS>,
}

/// The keys of a session's ends.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    pub client: Option<Key>,
    pub server: Option<Key>,
}

impl<'r> Keys<'r> {
    pub fn new(salt: Salt, recall: &'r mut Recall) -> Self {
        Self { salt, recall, parts: ArrayVec::new() }
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

    /// The keys of the addresses.
    pub fn ends(&mut self, event: &Event) -> Ends {
        let Usual { client, server, .. } = *USUAL;
        Ends {
            client: client.and_then(|field| self.field(field, event)),
            server: server.and_then(|field| self.field(field, event)),
        }
    }

    /// The key of the server's certificate.
    pub fn certificate(&mut self, event: &Event) -> Option<Key> {
        USUAL.certificate.and_then(|field| self.field(field, event))
    }

    /// The three sections of the client's stable key, each folded into 64 bits.
    pub fn sections(&mut self, event: &Event) -> Option<[u64; 3]> {
        let salt = self.salt;
        let entry = self.recall.entry_mut(Origin::Client)?;
        if entry.sections.is_none() {
            // Of the stable key: whether a session is resumed is no rotation.
            let prints = event.client_hello.as_ref()?.shape.prints.as_ref()?;
            let mut sections =
                prints.stable.0.as_str().split('_').map(|section| salt.bytes(section.as_bytes()).0 as u64);
            entry.sections = Some([sections.next()?, sections.next()?, sections.next()?]);
        }
        entry.sections
    }

    fn part(&mut self, part: Part, event: &Event) -> Option<Key> {
        match part {
            Part::Field(field) => self.field(field, event),
            Part::Server => {
                let Usual { name, server, .. } = *USUAL;
                let is_named = event.server_name().is_some_and(|name| !name.is_empty());
                self.field(if is_named { name } else { server }?, event)
            }
        }
    }

    fn field(&mut self, field: Field, event: &Event) -> Option<Key> {
        let name = field.name();
        let is_it = |&&(known, _): &&(&'static str, Option<Key>)| std::ptr::eq(known, name);
        let Some(entry) = self.recall.entry_mut(field.origin()) else {
            if let Some(&(_, key)) = self.parts.iter().find(is_it) {
                return key;
            }
            let key = self.salt.values(field, event);
            // More parts than that are looked at each time.
            let _ = self.parts.try_push((name, key));
            return key;
        };
        if let Some(&(_, key)) = entry.keys.iter().find(is_it) {
            return key;
        }
        let key = self.salt.values(field, event);
        entry.keys.push((name, key));
        key
    }
}

/// Fields that keys are often made of. Each is there: a test says so.
#[derive(Debug, Clone, Copy)]
struct Usual {
    name: Option<Field>,
    client: Option<Field>,
    server: Option<Field>,
    certificate: Option<Field>,
}

static USUAL: LazyLock<Usual> = LazyLock::new(|| Usual {
    name: Field::named("tls.client.server_name").ok(),
    client: Field::named("source.ip").ok(),
    server: Field::named("destination.ip").ok(),
    certificate: Field::named("tls.server.hash.sha256").ok(),
});

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
        let mut text = String::new();
        self.write(event, &mut text);
        text
    }

    /// Appends the values for people, the first few of them.
    pub fn write(self, event: &Event, text: &mut String) {
        let mut count = 0;
        self.visit(event, &mut |value| {
            count += 1;
            if count > SHOWN {
                return;
            }
            if count > 1 {
                text.push_str(", ");
            }
            value.with_text(|value| text.push_str(cut(value, CHARS)));
        });
    }
}

/// The first so many characters.
pub fn cut(text: &str, chars: usize) -> &str {
    if text.len() <= chars {
        return text;
    }
    text.char_indices().nth(chars).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keys_are_often_made_of_is_there() {
        let Usual { name, client, server, certificate } = *USUAL;
        assert!([name, client, server, certificate].iter().all(Option::is_some));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!((cut("äöü", 2), cut("äöü", 3), cut("abc", 9), cut("", 0)), ("äö", "äöü", "abc", ""));
    }
}
