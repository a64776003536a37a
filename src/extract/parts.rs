//! Parts of IP datagrams: whose they are shows when the last has come, and then all of them are wanted.
//!
//! A datagram may hold a tunnel with a part of another one in it, and that one shows with the last of its own parts alone,
//! which may come by itself. Datagrams of tunnels that were whole just before, and led to nothing by themselves, are then taken
//! for the others.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::flows::Place;
use crate::capture::Timestamp;
use crate::decode::Fragment;

/// What tells a datagram from others (RFC 791, section 3.2; RFC 8200, section 4.5), and which part of it this is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    datagram: Datagram,
    first: bool,
    last: bool,
    carries: bool,
    ts: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Datagram {
    ends: (IpAddr, IpAddr),
    id: u32,
    /// In IPv4 alone.
    protocol: u8,
}

impl Part {
    pub(super) fn of(fragment: &Fragment<'_>, ts: Timestamp) -> Self {
        let ends = (fragment.source(), fragment.destination());
        let protocol = if ends.0.is_ipv4() { fragment.protocol } else { 0 };
        let datagram = Datagram { ends, id: fragment.id, protocol };
        let first = fragment.offset == 0;
        Self { datagram, first, last: !fragment.more, carries: first && CARRIERS.contains(&fragment.protocol), ts }
    }
}

/// The parts that wait for others.
#[derive(Debug, Default)]
pub(super) struct Parts {
    waiting: HashMap<Datagram, Waiting>,
    /// In the order in which their first parts came.
    order: VecDeque<Datagram>,
}

#[derive(Debug, Default)]
struct Waiting {
    places: Vec<Place>,
    first: bool,
    last: bool,
    carries: bool,
    /// Of the last part that came.
    ts: Timestamp,
}

impl Parts {
    pub(super) fn add(&mut self, part: Part, place: Place) {
        if !self.waiting.contains_key(&part.datagram) {
            self.order.push_back(part.datagram);
            if self.order.len() > DATAGRAMS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.waiting.remove(&oldest);
            }
        }
        let waiting = self.waiting.entry(part.datagram).or_default();
        waiting.first |= part.first;
        waiting.last |= part.last;
        waiting.carries |= part.carries;
        waiting.ts = part.ts;
        if waiting.places.len() < PARTS_MAX {
            waiting.places.push(place);
        }
    }

    /// The parts that led to a packet, of which this was the last.
    pub(super) fn take(&mut self, part: &Part) -> Vec<Place> {
        let Self { waiting, order } = self;
        let mut places = Vec::new();
        order.retain(|datagram| {
            let holds_another = |waiting: &Waiting| {
                waiting.first && waiting.last && waiting.carries && part.ts.since(waiting.ts) <= NESTED_WAIT
            };
            let is_its = *datagram == part.datagram || waiting.get(datagram).is_some_and(holds_another);
            if is_its {
                places.extend(waiting.remove(datagram).unwrap_or_default().places);
            }
            !is_its
        });
        places
    }

    /// The parts of its datagram are of no use.
    pub(super) fn forget(&mut self, part: &Part) {
        if self.waiting.remove(&part.datagram).is_some() {
            self.order.retain(|datagram| *datagram != part.datagram);
        }
    }
}

/// Datagrams that are waited for, and parts that one has: an IP datagram of parts of 8 octets has 8,192.
const DATAGRAMS_MAX: usize = 1_024;
const PARTS_MAX: usize = 8_192;
/// IP protocols that tunnels are made of: IPv4, UDP, IPv6, GRE, L2TP.
const CARRIERS: [u8; 5] = [4, 17, 41, 47, 115];
/// Nanoseconds for which a part inside another datagram is remembered.
const NESTED_WAIT: u64 = 2_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: u32, first: bool, last: bool) -> Part {
        let address = IpAddr::from([10, 0, 0, 1]);
        let datagram = Datagram { ends: (address, address), id, protocol: 17 };
        Part { datagram, first, last, carries: first, ts: Timestamp(i64::from(id) * 1_000_000_000) }
    }

    fn place(frame: u64) -> Place {
        Place { capture: 0, frame }
    }

    #[test]
    fn the_parts_of_a_datagram_are_taken_together_and_once() {
        let mut parts = Parts::default();
        parts.add(part(1, true, false), place(1));
        parts.add(part(2, true, false), place(2));
        parts.add(part(1, false, true), place(3));
        assert_eq!(parts.take(&part(1, false, true)), [place(1), place(3)]);
        assert_eq!(parts.take(&part(1, false, true)), []);
        // A datagram that was whole and led to nothing held a part of the one that did.
        parts.add(part(2, false, true), place(4));
        parts.add(part(3, false, true), place(5));
        assert_eq!(parts.take(&part(3, false, true)), [place(2), place(4), place(5)]);
        // One of long ago has nothing to do with it.
        parts.add(part(4, true, true), place(6));
        parts.add(part(9, false, true), place(7));
        assert_eq!(parts.take(&part(9, false, true)), [place(7)]);
        parts.forget(&part(4, true, true));
        assert!(parts.waiting.is_empty() && parts.order.is_empty());
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut parts = Parts::default();
        for id in 0..5_000 {
            parts.add(part(id, true, false), place(u64::from(id)));
        }
        for frame in 0..20_000 {
            parts.add(part(4_999, true, false), place(frame));
        }
        assert_eq!((parts.waiting.len(), parts.order.len()), (DATAGRAMS_MAX, DATAGRAMS_MAX));
        assert_eq!(parts.take(&part(4_999, true, false)).len(), PARTS_MAX);
    }
}
