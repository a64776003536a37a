//! Puts IP datagrams together from their fragments (RFC 791, section 3.2; RFC 8200, section 4.5).
//!
//! In: [`Fragment`]s, in the order of the capture. Out: [`Datagram`]s. What is held is bounded in bytes and in packet
//! time; over either bound the oldest datagram goes first. The parts are kept as they came and joined once all are
//! there, so that a fragment costs what it weighs and not what it claims.
//!
//! Where IPv4 fragments overlap, the first copy of a byte wins. IPv6 datagrams whose fragments overlap with different
//! bytes are dropped whole (RFC 5722, section 4); equal bytes are a retransmission.
//!
//! A datagram may hold a tunnel with a fragment of another datagram in it: that one is taken in at once. The tunnels that
//! the first fragment came through are the datagram's; which tunnel a fragment came through does not tell datagrams apart.

use std::collections::VecDeque;
use std::net::IpAddr;

use ahash::RandomState;
use hashbrown::HashMap;

use super::ip::{Body, Header};
use super::tunnel::{TUNNELS_MAX, Tunnel};
use super::{Packet, Skip, Trail};
use crate::capture::Timestamp;
use crate::config::Limits;

/// A part of an IP datagram.
#[derive(Debug, Clone, Copy)]
pub struct Fragment<'a> {
    pub(super) header: Header,
    /// The datagram's identification: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
    /// The IP protocol (IPv4), or the next header (IPv6), which counts in the first fragment only.
    pub protocol: u8,
    /// Where `data` belongs in the datagram's payload, in bytes.
    pub offset: u32,
    /// Whether fragments follow this one.
    pub more: bool,
    pub data: &'a [u8],
    /// Bytes of the fragment that the snap length cut: such a fragment cannot be used.
    pub cut: usize,
}

impl Fragment<'_> {
    pub fn source(&self) -> IpAddr {
        self.header.source
    }

    pub fn destination(&self) -> IpAddr {
        self.header.destination
    }
}

/// A datagram that is complete again, borrowed from the [`Defragmenter`].
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    header: Header,
    protocol: u8,
    payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// Reads the datagram as [`decode`](super::decode) reads a whole packet. Its time is that of the fragment that
    /// completed it, its hop limit that of the first.
    pub fn packet(&self, trail: &mut Trail) -> Result<Packet<'a>, Skip<'a>> {
        self.header.upper(Body { protocol: self.protocol, bytes: self.payload, cut: 0 }, trail)
    }
}

/// Fragments seen, and those of them that were of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FragmentCounts {
    pub seen: u64,
    /// Contradictory, cut, aged out or evicted.
    pub dropped: u64,
}

/// The datagrams that are not complete yet.
#[derive(Debug)]
pub struct Defragmenter {
    partials: HashMap<Key, Partial, RandomState>,
    /// Every datagram in the order in which its first fragment came; those with another `born` are gone.
    order: VecDeque<(Key, u64)>,
    born: u64,
    held: usize,
    max_bytes: usize,
    max_age: u64,
    whole: Vec<u8>,
    spare: Vec<Partial>,
    counts: FragmentCounts,
}

impl Defragmenter {
    /// Bounded by [`Limits::fragment_bytes`] and [`Limits::fragment_seconds`].
    pub fn new(limits: &Limits) -> Self {
        Self {
            partials: HashMap::default(),
            order: VecDeque::new(),
            born: 0,
            held: 0,
            max_bytes: limits.fragment_bytes,
            max_age: limits.fragment_seconds.saturating_mul(1_000_000_000),
            whole: Vec::new(),
            spare: Vec::new(),
            counts: FragmentCounts::default(),
        }
    }

    pub fn counts(&self) -> FragmentCounts {
        self.counts
    }

    /// Takes a fragment that was decoded with `trail`; gives the datagram if it was the last that was missing.
    pub fn push(&mut self, fragment: &Fragment<'_>, trail: &mut Trail) -> Option<Datagram<'_>> {
        let mut first = self.take(fragment, trail)?;
        for _ in 0..NESTED_MAX {
            // What was put together leaves its place to what its own fragment may complete.
            let whole = std::mem::take(&mut self.whole);
            let datagram = Datagram { header: first.header, protocol: first.protocol, payload: &whole };
            let Err(Skip::Fragment(inner)) = datagram.packet(trail) else {
                self.whole = whole;
                break;
            };
            let taken = self.take(&inner, trail);
            if self.whole.capacity() < whole.capacity() && taken.is_none() {
                self.whole = whole;
            }
            first = taken?;
        }
        Some(Datagram { header: first.header, protocol: first.protocol, payload: &self.whole })
    }

    /// Puts the datagram's bytes in `whole` if they are complete.
    fn take(&mut self, fragment: &Fragment<'_>, trail: &mut Trail) -> Option<First> {
        self.counts.seen = self.counts.seen.saturating_add(1);
        self.expire(fragment.header.ts);
        let Some(range) = Range::of(fragment) else {
            self.drop_fragments(1);
            return None;
        };
        let key = Key::of(fragment);
        let partial = match self.partials.entry(key) {
            hashbrown::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            hashbrown::hash_map::Entry::Vacant(entry) => {
                self.born = self.born.wrapping_add(1);
                self.order.push_back((key, self.born));
                let mut partial = self.spare.pop().unwrap_or_default();
                partial.born = self.born;
                partial.first_seen = fragment.header.ts;
                self.held = self.held.saturating_add(partial.cost());
                entry.insert(partial)
            }
        };
        let before = partial.cost();
        let taken = partial.take(fragment, range, trail);
        self.held = self.held.saturating_sub(before).saturating_add(partial.cost());
        match taken {
            Taken::Kept => {
                self.evict();
                None
            }
            Taken::Dropped(fragments) => {
                self.drop_fragments(fragments);
                self.evict();
                None
            }
            Taken::Complete => {
                let partial = self.partials.remove(&key)?;
                self.held = self.held.saturating_sub(partial.cost());
                partial.join(&mut self.whole);
                let mut first = partial.first?;
                first.header.ts = fragment.header.ts;
                first.header.tunnels = trail.lay(&partial.tunnels);
                self.keep_spare(partial);
                Some(first)
            }
        }
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some(&(key, born)) = self.order.front() {
            match self.partials.get(&key) {
                Some(partial) if partial.born == born && now.since(partial.first_seen) <= self.max_age => break,
                Some(partial) if partial.born == born => self.forget(&key),
                _ => {}
            }
            self.order.pop_front();
        }
        // Completed datagrams leave their place in the order behind an incomplete one: clear them out before they
        // outnumber what is held.
        if self.order.len() > self.partials.len().saturating_mul(2).saturating_add(64) {
            let partials = &self.partials;
            self.order.retain(|(key, born)| partials.get(key).is_some_and(|partial| partial.born == *born));
        }
    }

    fn evict(&mut self) {
        while self.held > self.max_bytes {
            let Some((key, born)) = self.order.pop_front() else { break };
            if self.partials.get(&key).is_some_and(|partial| partial.born == born) {
                self.forget(&key);
            }
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(partial) = self.partials.remove(key) {
            self.held = self.held.saturating_sub(partial.cost());
            self.drop_fragments(partial.fragments);
            self.keep_spare(partial);
        }
    }

    fn keep_spare(&mut self, mut partial: Partial) {
        if self.spare.len() < SPARE_MAX && partial.cost() < SPARE_COST_MAX {
            partial.clear();
            self.spare.push(partial);
        }
    }

    fn drop_fragments(&mut self, fragments: u64) {
        self.counts.dropped = self.counts.dropped.saturating_add(fragments);
    }
}

/// What fragments of one datagram have in common. In IPv6 the next header may differ between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    protocol: Option<u8>,
}

impl Key {
    fn of(fragment: &Fragment<'_>) -> Self {
        let Header { source, destination, .. } = fragment.header;
        Self { source, destination, id: fragment.id, protocol: source.is_ipv4().then_some(fragment.protocol) }
    }
}

/// Bytes of the datagram, from `start` up to and without `end`.
#[derive(Debug, Clone, Copy)]
struct Range {
    start: u32,
    end: u32,
}

impl Range {
    /// `None` for a fragment that no sender of sound mind makes: empty, cut, over the datagram's 65,535 bytes, or
    /// ending inside a unit of eight bytes though others follow.
    fn of(fragment: &Fragment<'_>) -> Option<Self> {
        let length = u32::try_from(fragment.data.len()).ok()?;
        let end = fragment.offset.checked_add(length)?;
        let whole_units = !fragment.more || length & 7 == 0;
        (length > 0 && fragment.cut == 0 && whole_units && end <= DATAGRAM_MAX)
            .then_some(Self { start: fragment.offset, end })
    }
}

/// A run of the datagram's bytes, and where they lie in [`Partial::data`].
#[derive(Debug, Clone, Copy)]
struct Piece {
    range: Range,
    at: u32,
}

/// What the first fragment tells of the datagram.
#[derive(Debug, Clone, Copy)]
struct First {
    header: Header,
    protocol: u8,
}

#[derive(Debug, Default)]
struct Partial {
    born: u64,
    first_seen: Timestamp,
    first: Option<First>,
    /// The datagram's length, once the last fragment was seen.
    total: Option<u32>,
    received: u32,
    fragments: u64,
    /// Its fragments contradicted each other: nothing more is taken until it has aged out.
    poisoned: bool,
    /// In order of `start`, without overlaps.
    pieces: Vec<Piece>,
    data: Vec<u8>,
    /// Those around the first fragment.
    tunnels: Vec<Tunnel>,
}

enum Taken {
    Kept,
    Complete,
    /// So many fragments are of no use.
    Dropped(u64),
}

impl Partial {
    fn take(&mut self, fragment: &Fragment<'_>, range: Range, trail: &Trail) -> Taken {
        let reach = self.pieces.last().map_or(0, |piece| piece.range.end);
        let contradicts = match self.total {
            Some(total) => range.end > total || (!fragment.more && range.end != total),
            None => !fragment.more && range.end < reach,
        };
        if self.poisoned || contradicts {
            return Taken::Dropped(1);
        }
        if fragment.header.source.is_ipv6() && self.differs(fragment.data, range) {
            let dropped = self.fragments.saturating_add(1);
            let Self { born, first_seen, .. } = *self;
            *self = Self { born, first_seen, poisoned: true, ..Self::default() };
            return Taken::Dropped(dropped);
        }
        self.fragments = self.fragments.saturating_add(1);
        if !fragment.more {
            self.total = Some(range.end);
        }
        if fragment.offset == 0 && self.first.is_none() {
            self.first = Some(First { header: fragment.header, protocol: fragment.protocol });
            self.tunnels.extend_from_slice(trail.at(fragment.header.tunnels));
        }
        self.insert(fragment.data, range);
        if self.total == Some(self.received) { Taken::Complete } else { Taken::Kept }
    }

    /// Whether bytes that are held already are others than these.
    fn differs(&self, data: &[u8], range: Range) -> bool {
        self.overlapping(range).any(|piece| {
            let start = piece.range.start.max(range.start);
            let end = piece.range.end.min(range.end);
            let new = slice(data, range.start, start, end);
            let old = self.data.get(piece.at as usize..).and_then(|held| slice(held, piece.range.start, start, end));
            new != old
        })
    }

    /// Keeps those bytes of `data` that are not there yet.
    fn insert(&mut self, data: &[u8], range: Range) {
        let sorted = self.pieces.len();
        let mut start = range.start;
        let first = self.pieces.partition_point(|piece| piece.range.end <= range.start);
        for index in first..sorted {
            let Some(&Piece { range: held, .. }) = self.pieces.get(index) else { break };
            if held.start >= range.end {
                break;
            }
            self.append(data, range, Range { start, end: held.start });
            start = held.end;
        }
        self.append(data, range, Range { start, end: range.end });
        // The new pieces are in order behind the old ones: most often one, which is moved to its place; where there
        // are more, the stable sort merges two runs in linear time.
        match self.pieces.get(sorted..) {
            Some([piece]) if first < sorted => {
                let piece = *piece;
                self.pieces.truncate(sorted);
                self.pieces.insert(first.saturating_add(self.before(first, piece.range)), piece);
            }
            Some([_, _, ..]) => self.pieces.sort_by_key(|piece| piece.range.start),
            _ => {}
        }
    }

    /// How many pieces from the `first` on lie before `range`.
    fn before(&self, first: usize, range: Range) -> usize {
        self.pieces.iter().skip(first).take_while(|piece| piece.range.start < range.start).count()
    }

    fn append(&mut self, data: &[u8], range: Range, gap: Range) {
        if let Some(bytes) = slice(data, range.start, gap.start, gap.end)
            && !bytes.is_empty()
            && let Ok(at) = u32::try_from(self.data.len())
        {
            self.pieces.push(Piece { range: gap, at });
            self.data.extend_from_slice(bytes);
            self.received = self.received.saturating_add(gap.end.saturating_sub(gap.start));
        }
    }

    fn overlapping(&self, range: Range) -> impl Iterator<Item = &Piece> {
        let first = self.pieces.partition_point(|piece| piece.range.end <= range.start);
        self.pieces.iter().skip(first).take_while(move |piece| piece.range.start < range.end)
    }

    fn join(&self, whole: &mut Vec<u8>) {
        whole.clear();
        for piece in &self.pieces {
            let held = self.data.get(piece.at as usize..).unwrap_or_default();
            whole.extend_from_slice(
                slice(held, 0, 0, piece.range.end.saturating_sub(piece.range.start)).unwrap_or_default(),
            );
        }
    }

    /// Bytes of memory, the tables' share included.
    fn cost(&self) -> usize {
        let pieces = self.pieces.capacity().saturating_mul(size_of::<Piece>());
        let tunnels = self.tunnels.capacity().saturating_mul(size_of::<Tunnel>());
        self.data.capacity().saturating_add(pieces).saturating_add(tunnels).saturating_add(OVERHEAD)
    }

    fn clear(&mut self) {
        let Self { mut pieces, mut data, mut tunnels, .. } = std::mem::take(self);
        pieces.clear();
        data.clear();
        tunnels.clear();
        *self = Self { pieces, data, tunnels, ..Self::default() };
    }
}

/// The bytes from `start` to `end` of a slice whose first byte is number `base`.
fn slice(bytes: &[u8], base: u32, start: u32, end: u32) -> Option<&[u8]> {
    bytes.get(start.checked_sub(base)? as usize..end.checked_sub(base)? as usize)
}

/// RFC 791, section 3.1: a datagram's total length has 16 bits.
const DATAGRAM_MAX: u32 = 65_535;

/// Charged for each datagram beside its bytes: its entry in the table and its place in the order.
const OVERHEAD: usize = size_of::<Partial>() + 3 * size_of::<Key>();

/// Datagrams that are followed into one another, more than the tunnels that are: each is in a tunnel of its own.
const NESTED_MAX: usize = TUNNELS_MAX as usize;

/// Emptied datagrams whose memory is used again.
const SPARE_MAX: usize = 16;
const SPARE_COST_MAX: usize = 16 << 10;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{Build, frame, segment};
    use super::super::{Transport, decode};
    use super::*;
    use crate::capture::{Frame, LinkType};

    /// Pushes a raw IP packet seen at `second`; gives the TCP payload of a datagram it completed.
    fn push(defragmenter: &mut Defragmenter, build: &Build, second: i64) -> Option<Vec<u8>> {
        let frame = Frame { ts: Timestamp(second * 1_000_000_000), ..frame(LinkType::RAW, &build.bytes) };
        let Err(Skip::Fragment(fragment)) = decode(&frame, &mut Trail::default()) else { panic!("no fragment") };
        let packet = defragmenter.push(&fragment, &mut Trail::default())?.packet(&mut Trail::default()).unwrap();
        assert_eq!(packet.ts, frame.ts);
        let Transport::Tcp(tcp) = packet.transport else { panic!("no TCP") };
        Some(tcp.payload.to_vec())
    }

    fn new() -> Defragmenter {
        Defragmenter::new(&Limits::default())
    }

    fn message() -> Vec<u8> {
        (0..200u8).collect()
    }

    /// The fragments of a segment, cut at multiples of eight bytes.
    fn parts(make: fn(&[u8], u32, u16, bool) -> Build, id: u32, cuts: &[usize]) -> Vec<Build> {
        let bytes = segment(&message());
        let ends = cuts.iter().copied().chain([bytes.len()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        starts.zip(ends).map(|(a, b)| make(&bytes[a..b], id, a as u16, b < bytes.len())).collect()
    }

    fn four(data: &[u8], id: u32, offset: u16, more: bool) -> Build {
        Build::fragment4(data, id as u16, offset, more)
    }

    #[test]
    fn fragments_are_joined_in_any_order() {
        for make in [four, Build::fragment6] {
            for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
                let (parts, mut defragmenter) = (parts(make, 7, &[64, 128]), new());
                let got: Vec<_> = order.iter().map(|&i| push(&mut defragmenter, &parts[i], 0)).collect();
                assert_eq!(got, [None, None, Some(message())]);
                assert_eq!(defragmenter.held, 0);
            }
        }
    }

    #[test]
    fn datagrams_do_not_mix() {
        let mut defragmenter = new();
        let (one, two) = (parts(four, 1, &[64]), parts(four, 2, &[32]));
        assert_eq!(push(&mut defragmenter, &one[0], 0), None);
        assert_eq!(push(&mut defragmenter, &two[1], 0), None);
        assert_eq!(push(&mut defragmenter, &one[1], 0), Some(message()));
        assert_eq!(push(&mut defragmenter, &two[0], 0), Some(message()));
    }

    #[test]
    fn duplicates_are_harmless() {
        for make in [four, Build::fragment6] {
            let (parts, mut defragmenter) = (parts(make, 7, &[64]), new());
            assert_eq!(push(&mut defragmenter, &parts[0], 0), None);
            assert_eq!(push(&mut defragmenter, &parts[0], 0), None);
            assert_eq!(push(&mut defragmenter, &parts[1], 0), Some(message()));
            assert_eq!(defragmenter.counts(), FragmentCounts { seen: 3, dropped: 0 });
        }
    }

    #[test]
    fn in_ipv4_the_first_copy_of_a_byte_wins() {
        let (parts, mut defragmenter) = (parts(four, 7, &[64, 128]), new());
        assert_eq!(push(&mut defragmenter, &parts[1], 0), None);
        assert_eq!(push(&mut defragmenter, &parts[0], 0), None);
        assert_eq!(push(&mut defragmenter, &four(&[0xee; 160], 7, 24, true), 0), None);
        let got = push(&mut defragmenter, &parts[2], 0).unwrap();
        assert_eq!(got[..104], message()[..104]);
        assert_eq!(got[104..160], [0xee; 56]);
        assert_eq!(got[160..], message()[160..]);
    }

    #[test]
    fn in_ipv6_an_overlap_with_other_bytes_drops_the_datagram() {
        let (parts, mut defragmenter) = (parts(Build::fragment6, 7, &[64, 128]), new());
        assert_eq!(push(&mut defragmenter, &parts[0], 0), None);
        assert_eq!(push(&mut defragmenter, &Build::fragment6(&[0xee; 16], 7, 56, true), 0), None);
        assert_eq!(push(&mut defragmenter, &parts[0], 0), None);
        assert_eq!(push(&mut defragmenter, &parts[1], 0), None);
        assert_eq!(push(&mut defragmenter, &parts[2], 0), None);
        assert_eq!(defragmenter.counts(), FragmentCounts { seen: 5, dropped: 5 });
    }

    #[test]
    fn impossible_fragments_are_dropped() {
        let mut defragmenter = new();
        let impossible = [
            four(&[1; 9], 7, 0, true),
            four(&[], 7, 8, true),
            four(&[1; 16], 7, 65_528, false),
            four(&[], 7, 8, false),
        ];
        for fragment in &impossible {
            assert_eq!(push(&mut defragmenter, fragment, 0), None);
        }
        assert_eq!(defragmenter.counts(), FragmentCounts { seen: 4, dropped: 4 });
        assert_eq!(defragmenter.held, 0);
    }

    #[test]
    fn a_second_end_is_dropped() {
        let (parts, mut defragmenter) = (parts(four, 7, &[64]), new());
        assert_eq!(push(&mut defragmenter, &parts[1], 0), None);
        assert_eq!(push(&mut defragmenter, &four(&[1; 8], 7, 400, false), 0), None);
        assert_eq!(push(&mut defragmenter, &four(&[1; 8], 7, 40, false), 0), None);
        assert_eq!(defragmenter.counts().dropped, 2);
        assert_eq!(push(&mut defragmenter, &parts[0], 0), Some(message()));
    }

    #[test]
    fn a_fragment_cut_by_the_snap_length_is_dropped() {
        let build = four(&[1; 64], 7, 0, true);
        let mut defragmenter = new();
        let Err(Skip::Fragment(fragment)) = decode(&frame(LinkType::RAW, &build.bytes[..60]), &mut Trail::default())
        else {
            panic!()
        };
        assert!(defragmenter.push(&fragment, &mut Trail::default()).is_none());
        assert_eq!(defragmenter.counts().dropped, 1);
    }

    #[test]
    fn an_incomplete_datagram_ages_out_by_packet_time() {
        let (parts, mut defragmenter) = (parts(four, 7, &[64]), new());
        assert_eq!(push(&mut defragmenter, &parts[0], 0), None);
        assert_eq!(push(&mut defragmenter, &parts[1], 31), None);
        assert_eq!(defragmenter.counts().dropped, 1);
        assert_eq!(push(&mut defragmenter, &parts[0], 61), Some(message()));
    }

    #[test]
    fn the_oldest_datagrams_go_at_the_cap() {
        let limits = Limits { fragment_bytes: 8 << 10, ..Limits::default() };
        let mut defragmenter = Defragmenter::new(&limits);
        for id in 0..1000 {
            assert_eq!(push(&mut defragmenter, &parts(four, id, &[64])[0], 0), None);
            assert!(defragmenter.held <= limits.fragment_bytes);
        }
        assert!(defragmenter.counts().dropped > 900);
        assert_eq!(push(&mut defragmenter, &parts(four, 0, &[64])[1], 0), None);
        assert_eq!(push(&mut defragmenter, &parts(four, 999, &[64])[1], 0), Some(message()));
    }

    #[test]
    fn completed_datagrams_do_not_pile_up_behind_an_incomplete_one() {
        let mut defragmenter = new();
        assert_eq!(push(&mut defragmenter, &parts(four, 60_000, &[64])[0], 0), None);
        for id in 0..10_000 {
            for part in parts(four, id, &[64]) {
                push(&mut defragmenter, &part, 0);
            }
        }
        assert!(defragmenter.order.len() < 200);
    }

    #[test]
    fn many_small_fragments_under_a_large_one_stay_cheap() {
        let mut defragmenter = new();
        for unit in (0..4000u16).rev() {
            push(&mut defragmenter, &four(&[1; 8], 7, unit * 16, true), 0);
        }
        push(&mut defragmenter, &four(&[2; 65_000], 7, 0, true), 0);
        assert_eq!(defragmenter.partials.values().next().unwrap().received, 65_000);
    }

    proptest! {
        #[test]
        fn any_cuts_in_any_order_give_the_message(
            cuts in prop::collection::btree_set(1usize..28, 0..10),
            again in prop::collection::vec(0usize..10, 0..5),
            seed in any::<u64>(),
            six in any::<bool>(),
        ) {
            prop_assume!(!cuts.is_empty());
            let cuts: Vec<usize> = cuts.into_iter().map(|unit| unit * 8).collect();
            let parts = parts(if six { Build::fragment6 } else { four }, 7, &cuts);
            let mut order: Vec<usize> = (0..parts.len()).collect();
            order.sort_by_key(|&i| (i as u64 + 1).wrapping_mul(seed | 1));
            let mut defragmenter = new();
            let last = order.pop().unwrap();
            for i in order.iter().copied().chain(again.into_iter().filter(|i| order.contains(i))) {
                prop_assert_eq!(push(&mut defragmenter, &parts[i], 0), None);
            }
            prop_assert_eq!(push(&mut defragmenter, &parts[last], 0), Some(message()));
        }
    }
}
