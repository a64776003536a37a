//! The deterministic core: frames in, events out.
//!
//! Introduces `flow` to `tls`. Does no I/O, starts no thread and reads no clock: the frames' timestamps are the only one.
//! Nothing is allocated per packet; what a handshake needs is taken from a pool and given back when nothing more can be
//! learnt, after which a packet of its flow costs one look-up.

mod connection;
mod draft;
mod exchange;
#[cfg(feature = "ja4plus")]
mod facts;
mod intern;
mod losses;
mod tcp;
mod telling;
mod udp;
mod watch;

use std::collections::VecDeque;
use std::hint::black_box;

use arrayvec::ArrayVec;

use crate::capture::{Frame, Lost, Timestamp};
use crate::config::Limits;
use crate::decode::{self, Defragmenter, Packet, Skip, Trail, Transport, Tunnel};
use crate::event::Event;
use crate::flow::{Flow, FlowId, HalfOpen, Hasher, Key, NewFlow, Place, TOUCHED, Table, TableLimits};
use crate::stats::Counters;
use crate::wire::Direction;

use connection::Connection;
use intern::Interner;
use losses::Losses;
use telling::Origin;
use watch::Watches;

/// Takes frames, and gives an event for each session in them.
pub struct Engine {
    table: Table<State>,
    defragmenter: Defragmenter,
    trail: Trail,
    shard: Shard,
    losses: Losses,
    shared: Shared,
}

/// Which flows are an engine's own, where several share a capture.
#[derive(Debug, Clone)]
pub struct Shard {
    pub hasher: Hasher,
    pub index: usize,
    pub count: usize,
}

/// What all connections of an engine work with.
struct Shared {
    limits: Limits,
    interner: Interner,
    /// Beside the table, under the same cap.
    half_open: HalfOpen<tcp::Syn>,
    /// Connections that wait to be used again, in the boxes in which they go back to their flows.
    #[allow(clippy::vec_box)]
    pool: Vec<Box<Connection>>,
    exchanges: udp::Pool,
    unanswered: Unanswered,
    watches: Watches,
    waiting: usize,
    counters: Counters,
}

/// What a frame was to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The flow that it belongs to; a part of a datagram tells only when it completes it.
    pub key: Option<Key>,
    pub standing: Standing,
    /// It is a part of a datagram.
    pub is_fragment: bool,
}

/// What a packet was to its flow, as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// There is no flow, and it begins none.
    None,
    /// The first of a flow.
    Begins,
    /// Of a flow that is read, or may come to be.
    Read,
    /// Of a flow of which nothing more can be learnt.
    Over,
}

/// What the engine keeps of a flow.
#[derive(Debug)]
enum State {
    Tcp(tcp::State),
    Udp(udp::State),
}

impl Shard {
    /// One engine for everything.
    pub fn whole(hasher: Hasher) -> Self {
        Self { hasher, index: 0, count: 1 }
    }

    /// The shard that a flow belongs to, by its key's hash.
    #[inline]
    pub fn of(hash: u64, count: usize) -> usize {
        // The upper half is what the table's index keeps: of the lower, any bits will do.
        (hash >> 16) as usize % count
    }
}

impl Engine {
    pub fn new(limits: Limits, shard: Shard) -> Self {
        let table_limits = TableLimits {
            max_flows: (limits.max_flows / shard.count).max(1),
            idle: seconds(limits.idle_seconds),
            half_open: seconds(limits.half_open_seconds),
        };
        let max_unanswered = (limits.max_unanswered / shard.count).max(1);
        Self {
            table: Table::new(shard.hasher.clone(), table_limits),
            defragmenter: Defragmenter::new(&limits),
            trail: Trail::default(),
            shard,
            losses: Losses::default(),
            shared: Shared {
                half_open: HalfOpen::new(seconds(limits.half_open_seconds)),
                limits,
                interner: Interner::default(),
                pool: Vec::new(),
                exchanges: udp::Pool::default(),
                unanswered: Unanswered::new(max_unanswered),
                watches: Watches::default(),
                waiting: 0,
                counters: Counters::default(),
            },
        }
    }

    /// Takes frames in order; sessions of which nothing more can be learnt go to `emit`.
    ///
    /// Frames are decoded a group at a time, and their flows looked for before the first of them is worked on: the
    /// memory is asked for all of them at once. Five million SYNs of as many sources took 1.7 s of user time with look-ups
    /// begun one by one, and 1.3 s with this. Nothing expires meanwhile: [`Engine::expire`] comes before.
    #[inline]
    pub fn on_frames<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>, emit: &mut impl FnMut(Event)) {
        self.on_frames_seen(frames, &mut |_, _| {}, emit);
    }

    /// As [`Engine::on_frames`]; `see` is told what the frames were, those of TCP and of what may be QUIC or DTLS, and each
    /// part of a datagram. What a frame ended is emitted before it is told of. Of shards that share a capture, the first
    /// tells of parts.
    pub fn on_frames_seen<'a>(
        &mut self,
        frames: impl Iterator<Item = Frame<'a>>,
        see: &mut impl FnMut(&Frame<'a>, Sighting),
        emit: &mut impl FnMut(Event),
    ) {
        let losses = std::mem::take(&mut self.losses);
        self.read(frames, see, &mut losses.told(emit));
        self.losses = losses;
    }

    fn read<'a>(
        &mut self,
        frames: impl Iterator<Item = Frame<'a>>,
        see: &mut impl FnMut(&Frame<'a>, Sighting),
        emit: &mut impl FnMut(Event),
    ) {
        let mut frames = frames;
        let mut next = ArrayVec::<Frame<'a>, GROUP>::new();
        let mut group = ArrayVec::<Decoded<'a>, GROUP>::new();
        loop {
            // Whether a datagram may belong to an exchange that is being read, were it only since this group; else it is
            // not looked up unless it may begin one. Calls and DNS in a capture without QUIC and DTLS cost next to nothing.
            let mut exchanges = self.shared.exchanges.reading > 0;
            next.extend(frames.by_ref().take(GROUP));
            if next.is_empty() {
                return;
            }
            self.trail.clear();
            // The headers' lines, for a shard whose core has not read them: with two threads, 200,000 handshakes
            // took 2.6 s of CPU time without and 2.2 s with this.
            black_box(next.iter().fold(0, |sum, frame| sum ^ headers(frame.data)));
            // By reference, here and below: moved out of its place, a packet is copied once more.
            for frame in &next {
                self.shared.counters.packets += 1;
                self.shared.counters.bytes += u64::from(frame.wire_len);
                group.push(match decode::decode(frame, &mut self.trail) {
                    Ok(packet) => {
                        if let Transport::Udp(udp) = &packet.transport {
                            exchanges = exchanges || udp::may_begin(udp);
                            if !exchanges {
                                group.push(Decoded::Passed);
                                continue;
                            }
                        }
                        let (key, from) = Key::of(&packet);
                        let hash = self.table.hash(&key);
                        Decoded::Packet(Arrival { packet, key, hash, from })
                    }
                    Err(skip) => Decoded::Skip(skip),
                });
            }
            let (hashes, half_open) = (group.iter().filter_map(Decoded::hash), &self.shared.half_open);
            self.table.touch(hashes.clone(), half_open.len(), State::glance);
            half_open.touch(hashes);
            for (frame, decoded) in next.iter().zip(&group) {
                match decoded {
                    Decoded::Packet(arrival) => {
                        let tunnels = self.trail.of(&arrival.packet);
                        let emit = &mut by(arrival.packet.ts, emit);
                        let standing = on_flow(&mut self.table, &mut self.shared, arrival, tunnels, emit);
                        see(frame, Sighting { key: Some(arrival.key), standing, is_fragment: false });
                    }
                    Decoded::Skip(skip) => {
                        if let Some(sighting) = self.on_skip(*skip, emit) {
                            see(frame, sighting);
                        }
                    }
                    Decoded::Passed => {}
                }
            }
            next.clear();
            group.clear();
        }
    }

    /// Ends what has been silent for too long at `now`. A flow that is over is known as such by its own packets in any
    /// case: this gives its place back, and tells of it.
    pub fn expire(&mut self, now: Timestamp, emit: &mut impl FnMut(Event)) {
        let emit = &mut self.losses.told(emit);
        self.shared.half_open.expire(now);
        while let Some(flow) = self.table.expire(now) {
            self.shared.end(self.table.due_at(&flow), flow, emit);
        }
        while let Some(place) = self.shared.watches.due(now) {
            tcp::end_watch(&mut self.table, &mut self.shared, place, emit);
        }
    }

    /// The clock that the frames are stamped by was set back by so many nanoseconds, to `now`: comes before the frames that
    /// show it. Looks at every flow.
    pub fn set_back(&mut self, by: u64, now: Timestamp) {
        self.table.set_back(by, now);
        self.shared.half_open.set_back(by, now);
        self.shared.watches.set_back(by, now);
    }

    /// Takes note that packets were lost before they came here: sessions that were open then, and of which something is
    /// missing, say so.
    pub fn lost(&mut self, lost: Lost) {
        self.losses.add(lost);
    }

    /// Takes one frame, and ends what is over by its time.
    pub fn on_frame(&mut self, frame: &Frame<'_>, emit: &mut impl FnMut(Event)) {
        self.expire(frame.ts, emit);
        self.on_frames(std::iter::once(*frame), emit);
    }

    /// Ends all flows.
    pub fn finish(&mut self, emit: &mut impl FnMut(Event)) {
        let Self { table, shared, losses, .. } = self;
        let emit = &mut losses.told(emit);
        shared.half_open.clear();
        for (due, flow) in table.drain() {
            shared.end(due, flow, emit);
        }
    }

    pub fn counters(&self) -> Counters {
        let fragments = self.defragmenter.counts();
        Counters { fragments: fragments.seen, fragments_dropped: fragments.dropped, ..self.shared.counters }
    }

    #[cold]
    fn on_skip(&mut self, skip: Skip<'_>, emit: &mut impl FnMut(Event)) -> Option<Sighting> {
        let mut sighting = None;
        match skip {
            Skip::NotIp | Skip::OtherTransport | Skip::UnknownLink => self.shared.counters.packets_ignored += 1,
            Skip::Malformed => self.shared.counters.packets_malformed += 1,
            Skip::Fragment(fragment) => {
                // Every shard puts every datagram together, and keeps those that are its own: the ports that tell
                // whose it is stand in the first fragment alone.
                let part = Sighting { key: None, standing: Standing::None, is_fragment: true };
                sighting = (self.shard.index == 0).then_some(part);
                let Some(datagram) = self.defragmenter.push(&fragment, &mut self.trail) else { return sighting };
                match datagram.packet(&mut self.trail) {
                    Ok(packet) => {
                        let (table, shard) = (&mut self.table, &self.shard);
                        let (key, from) = Key::of(&packet);
                        let hash = table.hash(&key);
                        if Shard::of(hash, shard.count) == shard.index {
                            let arrival = Arrival { packet, key, hash, from };
                            let tunnels = self.trail.of(&arrival.packet);
                            let emit = &mut by(arrival.packet.ts, emit);
                            let standing = on_flow(table, &mut self.shared, &arrival, tunnels, emit);
                            sighting = sighting.map(|part| Sighting { key: Some(key), standing, ..part });
                        }
                    }
                    Err(Skip::Malformed) => self.shared.counters.packets_malformed += 1,
                    Err(_) => self.shared.counters.packets_ignored += 1,
                }
            }
        }
        sighting
    }
}

/// What became of a frame.
enum Decoded<'a> {
    Packet(Arrival<'a>),
    Skip(Skip<'a>),
    /// A datagram of nothing that is read.
    Passed,
}

impl Decoded<'_> {
    #[inline]
    fn hash(&self) -> Option<u64> {
        match self {
            Decoded::Packet(arrival) => Some(arrival.hash),
            Decoded::Skip(_) | Decoded::Passed => None,
        }
    }
}

/// A packet, and the flow it belongs to.
struct Arrival<'a> {
    packet: Packet<'a>,
    key: Key,
    hash: u64,
    from: Direction,
}

#[inline]
fn on_flow(
    table: &mut Table<State>,
    shared: &mut Shared,
    arrival: &Arrival<'_>,
    tunnels: &[Tunnel],
    emit: &mut impl FnMut(Event),
) -> Standing {
    let origin = Origin { vlans: arrival.packet.vlans, tunnels };
    match &arrival.packet.transport {
        Transport::Tcp(segment) => tcp::take(table, shared, arrival, segment, origin, emit),
        Transport::Udp(datagram) => udp::take(table, shared, arrival, datagram, origin, emit),
    }
}

/// Flows that are being read and of which one side alone was heard. Such a flow holds kilobytes, and anybody can begin as
/// many as there are addresses.
struct Unanswered {
    /// The last that began, the oldest first; those that were answered since stand among them, and are not looked at
    /// while there is room.
    places: VecDeque<Place>,
    count: usize,
    limit: usize,
}

impl Unanswered {
    fn new(limit: usize) -> Self {
        // At once, so that no packet pays for growth; the default takes 128 KiB, of which what is not used costs nothing.
        Self { places: VecDeque::with_capacity(limit.min(ROOM)), count: 0, limit }
    }
}

/// Takes note that a flow is being read from now on. Beyond the limit, the oldest that was not answered goes.
fn await_answer(table: &mut Table<State>, shared: &mut Shared, id: FlowId, emit: &mut impl FnMut(Event)) {
    if shared.unanswered.places.len() >= shared.unanswered.limit {
        shared.unanswered.places.pop_front();
    }
    shared.unanswered.places.extend(table.place(id));
    while shared.unanswered.count > shared.unanswered.limit
        && let Some(oldest) = shared.unanswered.places.pop_front()
    {
        if table.at(oldest).is_some_and(|flow| flow.state.is_unanswered())
            && let Some(flow) = table.remove_at(oldest)
        {
            shared.counters.flows_evicted += 1;
            shared.counters.half_open_evicted += 1;
            shared.end(table.due_at(&flow), flow, emit);
        }
    }
}

/// Puts a new flow into the table.
fn admit(
    table: &mut Table<State>,
    shared: &mut Shared,
    arrival: &Arrival<'_>,
    state: State,
    emit: &mut impl FnMut(Event),
) -> FlowId {
    make_room(table, shared, emit);
    let flow = NewFlow { key: arrival.key, now: arrival.packet.ts, short_lived: true, state };
    table.insert(arrival.hash, flow)
}

/// Counts a new flow; where there is no room for one, another goes.
fn make_room(table: &mut Table<State>, shared: &mut Shared, emit: &mut impl FnMut(Event)) {
    shared.counters.flows += 1;
    let Shared { half_open, counters, .. } = shared;
    if !table.is_full(half_open.len()) {
        return;
    }
    let (oldest, closed) = (half_open.next_due(), table.next_short_lived());
    if oldest.is_some_and(|oldest| closed.is_none_or(|closed| oldest <= closed)) {
        half_open.evict();
        counters.flows_evicted += 1;
        counters.half_open_evicted += 1;
    } else if let Some(flow) = table.evict() {
        counters.flows_evicted += 1;
        counters.half_open_evicted += u64::from(flow.short_lived);
        shared.end(table.due_at(&flow), flow, emit);
    }
}

impl Shared {
    /// A flow that is out of the table: what it was about to tell is told. At `due` at the latest its silence would have
    /// ended it.
    fn end(&mut self, due: Timestamp, flow: Flow<State>, emit: &mut impl FnMut(Event)) {
        let Flow { key, last_seen, state, .. } = flow;
        match state {
            State::Tcp(state) => self.end_tcp(key, last_seen, state, &mut by(due, emit)),
            State::Udp(state) => self.end_udp(key, last_seen, state, &mut by(due, emit)),
        }
    }
}

impl State {
    /// Whether it is being read, and one side alone was heard.
    fn is_unanswered(&self) -> bool {
        match self {
            Self::Tcp(state) => state.is_unanswered(),
            Self::Udp(state) => state.is_unanswered(),
        }
    }

    /// Reads what the next packet will need, for the sake of the cache.
    #[inline]
    fn glance(&self) -> u64 {
        match self {
            Self::Tcp(state) => state.glance(),
            Self::Udp(_) => 0,
        }
    }
}

/// Emits events as known by `moment`, unless they were known before.
fn by(moment: Timestamp, emit: &mut impl FnMut(Event)) -> impl FnMut(Event) {
    move |mut event| {
        event.decided = event.decided.min(moment);
        emit(event);
    }
}

/// A byte of each cache line that the headers of a usual packet lie on.
#[inline]
fn headers(data: &[u8]) -> u8 {
    data.first().copied().unwrap_or(0) ^ data.get(64).copied().unwrap_or(0)
}

fn seconds(seconds: u64) -> u64 {
    seconds.saturating_mul(1_000_000_000)
}

/// Flows without an answer for which there is room from the beginning.
const ROOM: usize = 1 << 16;
/// Frames decoded together.
const GROUP: usize = TOUCHED;
