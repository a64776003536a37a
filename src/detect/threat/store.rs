//! All entries of all lists, found by what a session shows.
//!
//! A table for each kind of key: keys and entries lie side by side in vectors, and a hash table holds their places. An entry
//! takes some 70 bytes with its key, a name its length beside; what lists say of entries in the same words is kept once.

use std::net::IpAddr;

use ahash::RandomState;
use hashbrown::{HashMap, HashTable};

use super::indicator::{Indicator, JA4_SECTIONS, MAX_NAME, Network, Reach};
use crate::judge::labels::entry::Print;

/// What a list says of one indicator. Times are seconds since 1970, 0 where it says none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Place of the list.
    pub list: u16,
    /// Counted from 1.
    pub line: u32,
    /// Place of its words among [`Store::words`].
    pub words: u32,
    pub first_seen: u32,
    pub last_seen: u32,
    /// From then on it says nothing.
    pub valid_until: u32,
}

/// What lists say in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Words {
    /// What it was listed for.
    pub description: Option<Box<str>>,
    /// Where to read on.
    pub reference: Option<Box<str>>,
    /// Who told the list's author.
    pub source: Option<Box<str>>,
}

/// Every list's entries.
#[derive(Debug, Default)]
pub struct Store {
    prints: Table<Print>,
    parts: Table<[u8; 36]>,
    networks: Table<Network>,
    names: Names,
    words: Vec<Words>,
    words_known: HashMap<Words, u32, RandomState>,
    /// Prefixes that occur, longest first.
    prefixes_v4: Vec<u8>,
    prefixes_v6: Vec<u8>,
}

/// What came of an addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    New,
    /// The list has it already; the wider span of time counts.
    Again,
}

impl Store {
    /// Adds what a list says of an indicator.
    pub fn add(&mut self, indicator: &Indicator, entry: Entry) -> Added {
        match indicator {
            Indicator::Print(print) => self.prints.add(*print, entry),
            Indicator::PartialJa4(parts) => self.parts.add(*parts, entry),
            Indicator::Name { name, reach } => self.names.add(name, *reach, entry),
            Indicator::Network(network) => {
                let prefixes = if network.is_v4() { &mut self.prefixes_v4 } else { &mut self.prefixes_v6 };
                if let Err(at) = prefixes.binary_search_by(|known| network.prefix.cmp(known)) {
                    prefixes.insert(at, network.prefix);
                }
                self.networks.add(*network, entry)
            }
        }
    }

    /// The place of these words, which are kept once.
    pub fn word(&mut self, words: Words) -> u32 {
        if let Some(place) = self.words_known.get(&words) {
            return *place;
        }
        let place = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        self.words.push(words.clone());
        self.words_known.insert(words, place);
        place
    }

    /// No more will be added: gives back what was needed for that.
    pub fn seal(&mut self) {
        self.words_known = HashMap::default();
        self.words.shrink_to_fit();
        self.prints.shrink();
        self.parts.shrink();
        self.networks.shrink();
        self.names.shrink();
    }

    pub fn words(&self, entry: &Entry) -> Option<&Words> {
        self.words.get(usize::try_from(entry.words).ok()?)
    }

    /// Whether there is any fingerprint or hash.
    #[cfg(feature = "ja4plus")]
    pub fn has_prints(&self) -> bool {
        !self.prints.is_empty()
    }

    pub fn of_print(&self, print: Print, found: &mut impl FnMut(&Entry)) {
        self.prints.each(&print, &mut |entry| found(entry));
    }

    /// Entries of which two sections are those of this JA4.
    pub fn of_ja4_parts(&self, ja4: &[u8; 36], found: &mut impl FnMut([u8; 36], &Entry)) {
        if self.parts.is_empty() {
            return;
        }
        for section in JA4_SECTIONS {
            let mut key = *ja4;
            if let Some(open) = key.get_mut(section) {
                open.fill(0);
            }
            self.parts.each(&key, &mut |entry| found(key, entry));
        }
    }

    /// Entries of networks around an address, smallest first; those at a port only where it is that.
    pub fn of_address(&self, ip: IpAddr, port: Option<u16>, found: &mut impl FnMut(Network, &Entry)) {
        let prefixes = if ip.to_canonical().is_ipv4() { &self.prefixes_v4 } else { &self.prefixes_v6 };
        for prefix in prefixes {
            let at_any = Network::around(ip, *prefix, None);
            for key in port.map(|port| at_any.at(Some(port))).into_iter().chain([at_any]) {
                self.networks.each(&key, &mut |entry| found(key, entry));
            }
        }
    }

    /// Entries of a name and of those above it, nearest first.
    pub fn of_name(&self, name: &str, found: &mut impl FnMut(&str, Reach, &Entry)) {
        self.names.each(name, found);
    }

    /// Every entry of a list, as it would be written.
    pub fn each_of(&self, list: u16, found: &mut impl FnMut(Indicator)) {
        let of_list = |entry: &&Entry| entry.list == list;
        for (print, _) in self.prints.pairs().filter(|(_, entry)| of_list(entry)) {
            found(Indicator::Print(*print));
        }
        for (parts, _) in self.parts.pairs().filter(|(_, entry)| of_list(entry)) {
            found(Indicator::PartialJa4(*parts));
        }
        for (network, _) in self.networks.pairs().filter(|(_, entry)| of_list(entry)) {
            found(Indicator::Network(*network));
        }
        for (place, _) in self.names.table.pairs().filter(|(_, entry)| of_list(entry)) {
            let name = place.text(&self.names.text).to_owned();
            found(Indicator::Name { name, reach: place.reach });
        }
    }

    pub fn len(&self) -> usize {
        [self.prints.len(), self.parts.len(), self.networks.len(), self.names.table.len()]
            .into_iter()
            .fold(0, usize::saturating_add)
    }
}

/// Keys and entries by the hash of the key. Keys may be there more than once, for a list each.
#[derive(Debug)]
struct Table<K> {
    keys: Vec<K>,
    entries: Vec<Entry>,
    places: HashTable<u32>,
    hasher: RandomState,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self { keys: Vec::new(), entries: Vec::new(), places: HashTable::new(), hasher: RandomState::new() }
    }
}

impl<K: Eq + std::hash::Hash> Table<K> {
    fn add(&mut self, key: K, entry: Entry) -> Added {
        let Self { keys, hasher, .. } = self;
        let (hash, rehash) =
            (hasher.hash_one(&key), |place: &u32| at(keys, *place).map_or(0, |key| hasher.hash_one(key)));
        let same = |known: &K| *known == key;
        if let Some(place) =
            listed(&self.places, hash, &self.entries, entry.list, |place| at(keys, place).is_some_and(same))
        {
            return again(&mut self.entries, place, entry);
        }
        let Ok(place) = u32::try_from(self.entries.len()) else { return Added::Again };
        self.places.insert_unique(hash, place, rehash);
        self.keys.push(key);
        self.entries.push(entry);
        Added::New
    }

    fn each(&self, key: &K, found: &mut impl FnMut(&Entry)) {
        if self.entries.is_empty() {
            return;
        }
        for place in self.places.iter_hash(self.hasher.hash_one(key)) {
            if at(&self.keys, *place) == Some(key)
                && let Some(entry) = at(&self.entries, *place)
            {
                found(entry);
            }
        }
    }

    fn shrink(&mut self) {
        let Self { keys, entries, places, hasher } = self;
        keys.shrink_to_fit();
        entries.shrink_to_fit();
        places.shrink_to_fit(|place| at(keys, *place).map_or(0, |key| hasher.hash_one(key)));
    }
}

impl<K> Table<K> {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn pairs(&self) -> impl Iterator<Item = (&K, &Entry)> {
        self.keys.iter().zip(&self.entries)
    }
}

/// Names one after the other in one text.
#[derive(Debug, Default)]
struct Names {
    text: String,
    table: Table<Place>,
}

/// Where a name lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u32,
    len: u8,
    reach: Reach,
}

impl Place {
    fn text(self, all: &str) -> &str {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        all.get(start..start.saturating_add(self.len.into())).unwrap_or_default()
    }
}

impl Names {
    fn add(&mut self, name: &str, reach: Reach, entry: Entry) -> Added {
        let Self { text, table: Table { keys, entries, places, hasher } } = self;
        let hash = hasher.hash_one(name);
        let same = |place: u32| at(keys, place).is_some_and(|key: &Place| key.reach == reach && key.text(text) == name);
        if let Some(place) = listed(places, hash, entries, entry.list, same) {
            return again(entries, place, entry);
        }
        let (Ok(start), Ok(len), Ok(place)) =
            (u32::try_from(text.len()), u8::try_from(name.len()), u32::try_from(entries.len()))
        else {
            return Added::Again;
        };
        text.push_str(name);
        keys.push(Place { start, len, reach });
        entries.push(entry);
        places.insert_unique(hash, place, |place| at(keys, *place).map_or(0, |key| hasher.hash_one(key.text(text))));
        Added::New
    }

    fn each(&self, name: &str, found: &mut impl FnMut(&str, Reach, &Entry)) {
        if self.table.is_empty() || name.len() > MAX_NAME {
            return;
        }
        let mut suffix = Some(name);
        while let Some(text) = suffix {
            let whole = text.len() == name.len();
            for place in self.table.places.iter_hash(self.table.hasher.hash_one(text)) {
                let Some(key) = at(&self.table.keys, *place).filter(|key| key.text(&self.text) == text) else {
                    continue;
                };
                let holds = match key.reach {
                    Reach::Name => whole,
                    Reach::Below => !whole,
                    Reach::NameAndBelow => true,
                };
                if let Some(entry) = at(&self.table.entries, *place).filter(|_| holds) {
                    found(key.text(&self.text), key.reach, entry);
                }
            }
            suffix = text.split_once('.').map(|(_, rest)| rest);
        }
    }

    fn shrink(&mut self) {
        let Self { text, table: Table { keys, entries, places, hasher } } = self;
        text.shrink_to_fit();
        keys.shrink_to_fit();
        entries.shrink_to_fit();
        places.shrink_to_fit(|place| at(keys, *place).map_or(0, |key| hasher.hash_one(key.text(text))));
    }
}

fn at<T>(items: &[T], place: u32) -> Option<&T> {
    items.get(usize::try_from(place).ok()?)
}

/// The place of a key that the list has already.
fn listed(places: &HashTable<u32>, hash: u64, entries: &[Entry], list: u16, same: impl Fn(u32) -> bool) -> Option<u32> {
    places
        .iter_hash(hash)
        .copied()
        .find(|place| same(*place) && at(entries, *place).is_some_and(|known| known.list == list))
}

/// A second line about the same: the earliest and the latest sight count, and the later end.
fn again(entries: &mut [Entry], place: u32, entry: Entry) -> Added {
    let known = usize::try_from(place).ok().and_then(|place| entries.get_mut(place));
    if let Some(known) = known {
        known.first_seen = match (known.first_seen, entry.first_seen) {
            (0, time) | (time, 0) => time,
            (one, other) => one.min(other),
        };
        known.last_seen = known.last_seen.max(entry.last_seen);
        // No end is the latest.
        known.valid_until =
            if known.valid_until == 0 || entry.valid_until == 0 { 0 } else { known.valid_until.max(entry.valid_until) };
    }
    Added::Again
}

#[cfg(test)]
mod tests {
    use super::super::indicator::Claim;
    use super::*;

    fn entry(list: u16) -> Entry {
        Entry { list, line: 1, words: 0, first_seen: 0, last_seen: 0, valid_until: 0 }
    }

    fn store(texts: &[&str]) -> Store {
        let mut store = Store::default();
        for text in texts {
            for indicator in Indicator::read(Claim::Anything, text).unwrap() {
                store.add(&indicator, entry(0));
            }
        }
        store.seal();
        store
    }

    fn names(store: &Store, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        store.of_name(name, &mut |name, reach, _| found.push(format!("{}{name}", reach.before())));
        found.sort();
        found
    }

    #[test]
    fn a_name_stands_for_itself_and_a_star_for_what_is_below() {
        let store = store(&["evil.example", "*.below.example", ".both.example"]);
        assert_eq!(names(&store, "evil.example"), ["evil.example"]);
        assert_eq!(names(&store, "www.evil.example"), [""; 0]);
        assert_eq!(names(&store, "below.example"), [""; 0]);
        assert_eq!(names(&store, "a.b.below.example"), ["*.below.example"]);
        assert_eq!(names(&store, "both.example"), [".both.example"]);
        assert_eq!(names(&store, "x.both.example"), [".both.example"]);
        assert_eq!(names(&store, "notboth.example"), [""; 0]);
        assert_eq!(names(&store, &"a.".repeat(200)), [""; 0]);
    }

    #[test]
    fn networks_are_found_smallest_first_and_ports_count_where_they_are_given() {
        let store = store(&["192.0.2.0/24", "192.0.2.1", "192.0.2.2:443", "2001:db8::/32"]);
        let found = |ip: &str, port| {
            let mut found = Vec::new();
            store.of_address(ip.parse().unwrap(), port, &mut |network, _| found.push(network.to_string()));
            found
        };
        assert_eq!(found("192.0.2.1", Some(80)), ["192.0.2.1", "192.0.2.0/24"]);
        assert_eq!(found("192.0.2.2", Some(443)), ["192.0.2.2:443", "192.0.2.0/24"]);
        assert_eq!(found("192.0.2.2", Some(80)), ["192.0.2.0/24"]);
        assert_eq!(found("192.0.2.2", None), ["192.0.2.0/24"]);
        assert_eq!(found("::ffff:192.0.2.9", None), ["192.0.2.0/24"]);
        assert_eq!(found("2001:db8:1::1", None), ["2001:db8::/32"]);
        assert_eq!(found("198.51.100.1", Some(443)), [""; 0]);
    }

    #[test]
    fn a_second_line_widens_the_first_and_other_lists_have_their_own() {
        let indicator = &Indicator::read(Claim::Anything, "192.0.2.1").unwrap()[0];
        let mut store = Store::default();
        let first = Entry { first_seen: 20, last_seen: 30, valid_until: 50, ..entry(0) };
        assert_eq!(store.add(indicator, first), Added::New);
        let second = Entry { first_seen: 10, last_seen: 40, valid_until: 60, ..entry(0) };
        assert_eq!(store.add(indicator, second), Added::Again);
        assert_eq!(store.add(indicator, entry(1)), Added::New);
        let mut found = Vec::new();
        store.of_address("192.0.2.1".parse().unwrap(), None, &mut |_, entry| found.push(*entry));
        found.sort_by_key(|entry| entry.list);
        assert_eq!(found, [Entry { first_seen: 10, last_seen: 40, valid_until: 60, ..entry(0) }, entry(1)]);
    }

    /// What 100,000 entries take, by the capacities of what holds them.
    #[test]
    fn an_entry_takes_less_than_a_hundred_bytes() {
        const COUNT: usize = 100_000;
        let bytes = |table: &Table<Print>| {
            table.keys.capacity() * size_of::<Print>()
                + table.entries.capacity() * size_of::<Entry>()
                + table.places.allocation_size()
        };
        let mut store = Store::default();
        for number in 0..COUNT as u32 {
            let mut sha1 = [7; 20];
            sha1[..4].copy_from_slice(&number.to_be_bytes());
            store.add(&Indicator::Print(Print::CertificateSha1(sha1)), entry(0));
            let name = format!("host{number}.malware-and-more.example");
            store.add(&Indicator::Name { name, reach: Reach::Name }, entry(0));
        }
        store.seal();
        assert_eq!(store.len(), 2 * COUNT);
        let of_print = bytes(&store.prints) / COUNT;
        assert!(of_print <= 80, "{of_print}");
        let Names { text, table } = &store.names;
        let of_name = (text.capacity()
            + table.keys.capacity() * size_of::<Place>()
            + table.entries.capacity() * size_of::<Entry>()
            + table.places.allocation_size())
            / COUNT;
        assert!(of_name <= 100, "{of_name}");
    }
}
