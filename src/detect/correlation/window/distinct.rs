//! `value_count`: so many different values within the time span.

use std::collections::VecDeque;

use ahash::AHashMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::capture::Timestamp;

use super::{Finding, Match, SESSIONS, Seen, SessionId, begin, heap_of};

/// When each value was seen last.
#[derive(Debug, Default)]
pub struct Distinct {
    latest: AHashMap<u64, Timestamp>,
    /// In the order of their times; an entry whose value was seen again later is passed over.
    order: VecDeque<Entry>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Entry {
    at: Timestamp,
    value: u64,
    session: SessionId,
}

/// The row alone: when each value was seen last follows from it.
impl Serialize for Distinct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.order.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let order = VecDeque::<Entry>::deserialize(deserializer)?;
        let latest = order.iter().map(|entry| (entry.value, entry.at)).collect();
        Ok(Self { latest, order })
    }
}

impl Distinct {
    /// Takes a match with its values; `needed` different ones within `span` nanoseconds are a finding.
    pub fn add(&mut self, found: &Match<'_>, span: i64, needed: usize) -> Seen {
        let end = self.order.back().map_or(found.at, |entry| entry.at).max(found.at);
        let from = begin(end, span);
        if found.at < from {
            return Seen::Late;
        }
        self.forget_before(from);
        for value in found.values {
            // One match may have more values than are asked for.
            if self.latest.len() >= needed {
                break;
            }
            if self.latest.get(value).is_none_or(|seen| *seen < found.at) {
                self.latest.insert(*value, found.at);
                let at = self.order.partition_point(|entry| entry.at <= found.at);
                self.order.insert(at, Entry { at: found.at, value: *value, session: found.session });
            }
        }
        if self.latest.len() >= needed {
            return Seen::Found(self.told());
        }
        if self.order.len() > 2 * self.latest.len() + SLACK {
            let latest = &self.latest;
            self.order.retain(|entry| latest.get(&entry.value) == Some(&entry.at));
        }
        Seen::Kept
    }

    fn forget_before(&mut self, from: Timestamp) {
        while let Some(entry) = self.order.front().copied().filter(|entry| entry.at < from) {
            self.order.pop_front();
            if self.latest.get(&entry.value) == Some(&entry.at) {
                self.latest.remove(&entry.value);
            }
        }
    }

    fn told(&mut self) -> Finding {
        let count = self.latest.len() as u64;
        let mut sessions: Vec<SessionId> = Vec::with_capacity(SESSIONS.min(self.order.len()));
        for entry in self.order.iter().rev() {
            let is_latest = self.latest.get(&entry.value) == Some(&entry.at);
            // A session with several values has them beside each other.
            if is_latest && sessions.last() != Some(&entry.session) {
                sessions.push(entry.session);
            }
            if sessions.len() == SESSIONS {
                break;
            }
        }
        sessions.reverse();
        self.latest.clear();
        self.order.clear();
        Finding { sessions, count, figure: None }
    }

    pub fn heap(&self) -> usize {
        // A table keeps a byte beside each place, and one place in eight free.
        heap_of(&self.order) + self.latest.capacity() * 8 / 7 * (size_of::<(u64, Timestamp)>() + 1)
    }
}

/// Entries that were overtaken and may stay before the row is cleared of them.
const SLACK: usize = 8;

#[cfg(test)]
mod tests {
    use super::super::testing::{SECOND, Script};
    use super::*;

    fn script(needed: usize, seconds: i64) -> Script<impl FnMut(&Match<'_>) -> Seen> {
        let mut window = Distinct::default();
        Script::new(move |found| window.add(found, seconds * SECOND, needed))
    }

    #[test]
    fn different_values_count_and_repeated_ones_do_not() {
        script(3, 60)
            .at(0)
            .value(7)
            .kept()
            .at(1)
            .value(7)
            .kept()
            .at(2)
            .value(8)
            .kept()
            .at(3)
            .value(9)
            .found(3, &[1, 2, 3]);
    }

    #[test]
    fn a_value_counts_as_long_as_it_was_seen_within_the_span() {
        // 7 at 0 is gone at 61, 7 at 30 is not.
        script(3, 60)
            .at(0)
            .value(7)
            .kept()
            .at(30)
            .value(7)
            .kept()
            .at(61)
            .value(8)
            .kept()
            .at(62)
            .value(9)
            .found(3, &[1, 2, 3]);
        script(3, 60)
            .at(0)
            .value(7)
            .kept()
            .at(30)
            .value(8)
            .kept()
            .at(61)
            .value(9)
            .kept()
            .at(62)
            .value(10)
            .found(3, &[1, 2, 3]);
    }

    #[test]
    fn after_a_finding_it_takes_as_many_again() {
        script(2, 60)
            .at(0)
            .value(1)
            .kept()
            .at(1)
            .value(2)
            .found(2, &[0, 1])
            .at(2)
            .value(1)
            .kept()
            .at(3)
            .value(2)
            .found(2, &[2, 3]);
    }

    #[test]
    fn late_values_stand_where_their_time_puts_them() {
        script(3, 60).at(50).value(1).kept().at(10).value(2).kept().at(71).value(3).kept().at(5).value(4).late();
        script(3, 60).at(50).value(1).kept().at(10).value(2).kept().at(60).value(3).found(3, &[1, 0, 2]);
    }

    #[test]
    fn repeated_values_take_no_room() {
        let mut window = Distinct::default();
        for n in 0..100_000u64 {
            let values = [n % 3];
            let at = Timestamp(n as i64);
            let one = Match { at, session: [0; 16], input: 0, values: &values, numbers: &[] };
            assert_eq!(window.add(&one, i64::MAX, 4), Seen::Kept);
            assert!(window.heap() < 2_000, "{} after {n}", window.heap());
        }
    }
}
