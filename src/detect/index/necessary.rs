//! What has to hold for a rule to hold: the group of conditions under which the index puts it.

use crate::detect::condition::Node;
use crate::detect::field::Field;
use crate::detect::matcher::{Item, Network, Test};
use crate::detect::pattern::{Need, Place};

/// Something that a value of a field has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Text(Need),
    Number(i64),
    Network(Network),
}

/// Conditions of which at least one holds whenever the whole does.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub keys: Vec<(Field, Key)>,
    /// A guess at the share of events of which one of them holds.
    share: f64,
}

impl Group {
    /// The group of the smallest share; `None` where nothing has to hold that could be looked up.
    pub fn of(node: &Node) -> Option<Self> {
        match node {
            Node::Item(item) => Self::of_item(item),
            Node::All(nodes) => nodes.iter().filter_map(Self::of).min_by(|a, b| a.share.total_cmp(&b.share)),
            Node::Any(nodes) => Self::of_each(nodes),
            // Where `count` of them hold, one does among whichever are left when one less is taken away.
            Node::AtLeast(count, nodes) => {
                let spared = usize::try_from(count.saturating_sub(1)).unwrap_or(usize::MAX);
                let mut groups: Vec<_> = nodes.iter().map(Self::of).collect();
                let share = |group: &Option<Self>| group.as_ref().map_or(f64::INFINITY, |group| group.share);
                groups.sort_by(|a, b| share(a).total_cmp(&share(b)));
                groups.truncate(groups.len().saturating_sub(spared));
                Self::joined(groups)
            }
            Node::ACertificate(node) => Self::of(node),
            // What is not there, and what may be in any field, cannot be looked up.
            Node::Not(_) | Node::Keyword(_) => None,
        }
    }

    fn of_each(nodes: &[Node]) -> Option<Self> {
        Self::joined(nodes.iter().map(Self::of))
    }

    /// All of them together; `None` where one is missing, or there is none.
    fn joined(groups: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        let mut all = Self::default();
        for group in groups {
            let group = group?;
            all.keys.extend(group.keys);
            all.share = (all.share + group.share).min(1.0);
        }
        Some(all)
    }

    fn of_item(item: &Item) -> Option<Self> {
        let field = item.field;
        let keys: Vec<Key> = match &item.test {
            Test::Text(test) => test.needs()?.into_iter().map(Key::Text).collect(),
            Test::Numbers(numbers) => numbers.iter().copied().map(Key::Number).collect(),
            Test::Addresses(networks) => networks.each().map(Key::Network).collect(),
            // True of too many events, or not to be looked up.
            Test::Absent
            | Test::Present
            | Test::Bool(_)
            | Test::Times(_)
            | Test::Number(..)
            | Test::Time(..)
            | Test::Part(..)
            | Test::Field(..) => return None,
        };
        // Many values are met more often than one, but lists of many are lists of rare ones.
        let widest = keys.iter().map(|key| share(field, key)).fold(0.0, f64::max);
        let share = (widest * (1.0 + (keys.len().max(1) as f64).log10())).min(1.0);
        Some(Self { keys: keys.into_iter().map(|key| (field, key)).collect(), share })
    }
}

/// A guess at the share of events that have the key.
fn share(field: Field, key: &Key) -> f64 {
    match key {
        Key::Text(need) => {
            let among_many = if is_one_of_many(field) { 0.001 } else { 0.2 };
            match (need.place, need.text.len()) {
                (Place::Whole, _) => among_many,
                (_, 0..=1) => 0.9,
                (_, 2..=4) => 0.3,
                (Place::Start, _) if !is_one_of_many(field) => 0.25,
                _ => f64::max(among_many, 0.01),
            }
        }
        Key::Number(_) => 0.25,
        Key::Network(network) => match network.width - network.host_bits.min(network.width) {
            0..=12 => 0.5,
            13..=23 => 0.1,
            24..=31 => 0.01,
            _ => 0.001,
        },
    }
}

/// Whether a field tells sessions, clients, servers or certificates apart, rather than kinds of them.
fn is_one_of_many(field: Field) -> bool {
    let name = field.name();
    MANY_VALUED.iter().any(|part| name.contains(part))
}

/// Parts of the names of such fields.
const MANY_VALUED: &[&str] = &[
    "ja3",
    "ja4",
    "stable",
    "hash",
    "sha1",
    "sha256",
    "md5",
    "serial",
    "server_name",
    "subject",
    "issuer",
    "names",
    "san",
    "cid",
    "event.id",
    "uid",
    "cn",
    "fingerprint",
    "fps",
    "user_agent",
];
