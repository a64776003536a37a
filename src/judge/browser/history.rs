//! What a host's hellos of one shape had in common: a bounded table, in packet time.
//!
//! Two generations are kept: a host that comes again moves to the younger one, and when that is full the older one is
//! forgotten as a whole. So no look-up costs more than two, and none searches for whom to forget.

use std::collections::HashMap;
use std::net::IpAddr;

use super::hello::is_padded;
use super::table::{EchLengths, Grease, Profile, ordered};
use super::{Findings, Kinds};
use crate::capture::Timestamp;
use crate::event::{ClientShape, ClientSide, Evidence};
use crate::wire::registry::is_grease;

/// The hosts, by address and shape.
#[derive(Debug)]
pub(super) struct Histories {
    young: HashMap<Key, History, ahash::RandomState>,
    old: HashMap<Key, History, ahash::RandomState>,
    /// Of a generation.
    limit: usize,
    forgotten: u64,
}

type Key = (IpAddr, u16);

/// Whose hello it is, and when it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) ip: IpAddr,
    /// Place of the profile.
    pub(super) profile: u16,
    pub(super) now: Timestamp,
}

/// What is kept of a host's last hellos.
#[derive(Debug, Clone, Copy, Default)]
struct History {
    last: Timestamp,
    /// Of each of the last hellos its random, which tells a copy of it from another, and the order of its extensions.
    hellos: [(u64, u64); LAST],
    count: usize,
    greases: u32,
    /// Hellos in a row with these GREASE values.
    alike: u8,
    kinds: Kinds,
    name: u64,
    configurations: [u8; CONFIGURATIONS],
    configuration_count: usize,
}

impl Histories {
    pub(super) fn new(hosts: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), limit: (hosts / 2).max(1), forgotten: 0 }
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Holds a hello against the host's earlier ones, keeps of it what the next will need, and gives the kinds of
    /// evidence that those had given.
    pub(super) fn note(&mut self, seen: Seen, profile: &Profile, hello: &ClientSide, found: &mut Findings) -> Kinds {
        let history = self.of(seen);
        if seen.now.since(history.last) > MEMORY {
            *history = History::default();
        }
        history.last = history.last.max(seen.now);
        history.take(profile, hello, found)
    }

    fn of(&mut self, seen: Seen) -> &mut History {
        let key = (seen.ip, seen.profile);
        if !self.young.contains_key(&key) {
            let known = self.old.remove(&key);
            if self.young.len() >= self.limit {
                self.forgotten = self.forgotten.saturating_add(self.old.len() as u64);
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(key, known.unwrap_or_default());
        }
        self.young.entry(key).or_default()
    }
}

impl History {
    fn take(&mut self, profile: &Profile, hello: &ClientSide, found: &mut Findings) -> Kinds {
        let random = fold(hello.random.iter().map(|&byte| byte.into()));
        let known = &self.hellos[..self.count.min(LAST)];
        // The same packets captured twice are not two hellos.
        if known.iter().any(|&(other, _)| other == random) {
            return Kinds::default();
        }
        let order = fold(ordered(hello.shape.extensions.as_deref().unwrap_or_default()));
        if profile.shuffles && !known.is_empty() {
            let repeated = known.iter().any(|&(_, other)| other == order);
            found.add(if repeated { Evidence::ExtensionOrderRepeated } else { Evidence::ExtensionOrderVaries });
        }
        self.hellos[self.count % LAST] = (random, order);
        self.count += 1;
        if profile.grease == Grease::Boringssl {
            self.take_grease(&hello.shape, found);
        }
        if profile.ech_lengths == Some(EchLengths::GreaseDiffers) {
            self.take_configuration(hello, found);
        }
        let before = self.kinds;
        self.kinds = before.union(Kinds::of(&found.evidence));
        before
    }

    /// Five or six values of sixteen each are drawn for each connection: alike three times by chance once in 2^40.
    fn take_grease(&mut self, shape: &ClientShape, found: &mut Findings) {
        let greases = greases(shape);
        self.alike = if self.greases == greases { self.alike.saturating_add(1) } else { 1 };
        self.greases = greases;
        found.add_if(self.alike >= 3, Evidence::GreaseRepeated);
    }

    /// A server's configuration keeps its id (RFC 9849, section 4); GREASE has another each time (section 6.2). So many
    /// for one name are GREASE's, and NSS makes that of lengths that a padded hello never has (15 more than a multiple of
    /// 32, in all of Firefox's captures).
    fn take_configuration(&mut self, hello: &ClientSide, found: &mut Findings) {
        let Some(outer) = hello.encrypted_hello.and_then(|encrypted| encrypted.outer()) else { return };
        let name = fold(hello.server_name.iter().flat_map(|name| name.iter().map(|&byte| byte.into())));
        if !is_padded(outer.payload_length) || name != self.name {
            self.configuration_count = 0;
            self.name = name;
        }
        let known = &self.configurations[..self.configuration_count];
        if is_padded(outer.payload_length)
            && !known.contains(&outer.config_id)
            && let Some(place) = self.configurations.get_mut(self.configuration_count)
        {
            *place = outer.config_id;
            self.configuration_count += 1;
        }
        found.add_if(self.configuration_count == CONFIGURATIONS, Evidence::EchGreaseLength);
    }
}

/// A hello's GREASE values, four bits each.
fn greases(shape: &ClientShape) -> u32 {
    let lists = [&shape.cipher_suites, &shape.supported_groups, &shape.supported_versions];
    let first = lists.into_iter().filter_map(|list| list.first());
    let extensions = shape.extensions.iter().flatten().filter(|&&kind| is_grease(kind)).take(2);
    first.chain(extensions).fold(1, |all, &value| all << 4 | u32::from(value >> 12))
}

/// FNV-1a, over 16-bit numbers.
fn fold(numbers: impl Iterator<Item = u16>) -> u64 {
    numbers.fold(0xcbf2_9ce4_8422_2325, |hash, number| (hash ^ u64::from(number)).wrapping_mul(0x100_0000_01b3))
}

/// Hellos of a host whose order is remembered.
const LAST: usize = 8;
const CONFIGURATIONS: usize = 3;
/// An hour, in nanoseconds.
const MEMORY: u64 = 3_600_000_000_000;
