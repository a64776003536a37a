//! The deterministic core: frames in, events out.
//!
//! Introduces `flow` to `tls`. Does no I/O, starts no thread and reads no clock: the frames' timestamps are the only one.
//! Nothing is allocated per packet; what a handshake needs is taken from a pool and given back when nothing more can be
//! learnt, after which a packet of its flow costs one look-up.

mod connection;
mod draft;
#[cfg(feature = "ja4plus")]
mod facts;
mod intern;

use std::hint::black_box;

use arrayvec::ArrayVec;

use crate::capture::{Frame, Timestamp};
use crate::config::Limits;
use crate::decode::{self, Defragmenter, Packet, Skip, Tcp, TcpFlags, Transport};
use crate::event::Event;
use crate::flow::{Flow, Hasher, Key, NewFlow, TOUCHED, Table, TableLimits};
use crate::stats::Counters;
use crate::tls::{Progress, Session};
use crate::wire::{Both, Direction};

use connection::{Connection, Scene};
use intern::Interner;

/// Takes frames, and gives an event for each session in them.
pub struct Engine {
    table: Table<State>,
    defragmenter: Defragmenter,
    shard: Shard,
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
    /// Connections that wait to be used again, in the boxes in which they go back to their flows.
    #[allow(clippy::vec_box)]
    pool: Vec<Box<Connection>>,
    waiting: usize,
    counters: Counters,
}

/// What the engine keeps of a flow.
#[derive(Debug)]
struct State {
    /// Initial sequence numbers, where `isn_known`.
    isn: Both<u32>,
    isn_known: Both<bool>,
    proto: Proto,
    #[cfg(feature = "ja4plus")]
    tcp: facts::Handshake,
}

#[derive(Debug)]
enum Proto {
    /// No payload so far.
    Opening,
    Reading(Box<Connection>),
    /// Nothing more to learn.
    Done,
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
        Self {
            table: Table::new(shard.hasher.clone(), table_limits),
            defragmenter: Defragmenter::new(&limits),
            shard,
            shared: Shared {
                limits,
                interner: Interner::default(),
                pool: Vec::new(),
                waiting: 0,
                counters: Counters::default(),
            },
        }
    }

    /// Takes frames in order; sessions of which nothing more can be learnt go to `emit`.
    ///
    /// Frames are decoded a group at a time, and their flows looked for before the first of them is worked on: the
    /// memory is asked for all of them at once. Five million SYNs of as many sources took 1.7 s of user time with look-ups
    /// begun one by one, and 1.3 s with this.
    pub fn on_frames<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>, emit: &mut impl FnMut(Event)) {
        let mut frames = frames;
        let mut next = ArrayVec::<Frame<'a>, GROUP>::new();
        let mut group = ArrayVec::<Decoded<'a>, GROUP>::new();
        loop {
            next.extend(frames.by_ref().take(GROUP));
            // The headers' lines, for a shard whose core has not read them: with two threads, 200,000 handshakes
            // took 2.6 s of CPU time without and 2.2 s with this.
            black_box(next.iter().fold(0, |sum, frame| sum ^ headers(frame.data)));
            for frame in next.drain(..) {
                self.shared.counters.packets += 1;
                self.shared.counters.bytes += u64::from(frame.wire_len);
                group.push(match decode::decode(&frame) {
                    Ok(packet) => {
                        let (key, from) = Key::of(&packet);
                        let hash = self.table.hash(&key);
                        Decoded::Packet(Arrival { packet, key, hash, from })
                    }
                    Err(skip) => Decoded::Skip(skip),
                });
            }
            if group.is_empty() {
                return;
            }
            self.table.touch(group.iter().filter_map(Decoded::hash), State::glance);
            // Once a group: a flow that is over is known as such by its own packets in any case.
            if let Some(now) = group.iter().filter_map(Decoded::time).max() {
                while let Some(flow) = self.table.expire(now) {
                    self.shared.end(flow, emit);
                }
            }
            for decoded in group.drain(..) {
                match decoded {
                    Decoded::Packet(arrival) => on_flow(&mut self.table, &mut self.shared, &arrival, emit),
                    Decoded::Skip(skip) => self.on_skip(skip, emit),
                }
            }
        }
    }

    /// Takes one frame.
    pub fn on_frame(&mut self, frame: &Frame<'_>, emit: &mut impl FnMut(Event)) {
        self.on_frames(std::iter::once(*frame), emit);
    }

    /// Ends all flows, in the order of their places in the table.
    pub fn finish(&mut self, emit: &mut impl FnMut(Event)) {
        let Self { table, shared, .. } = self;
        for flow in table.drain() {
            shared.end(flow, emit);
        }
    }

    pub fn counters(&self) -> Counters {
        let fragments = self.defragmenter.counts();
        Counters { fragments: fragments.seen, fragments_dropped: fragments.dropped, ..self.shared.counters }
    }

    #[cold]
    fn on_skip(&mut self, skip: Skip<'_>, emit: &mut impl FnMut(Event)) {
        match skip {
            Skip::NotIp | Skip::NotTcp | Skip::UnknownLink => self.shared.counters.packets_ignored += 1,
            Skip::Malformed => self.shared.counters.packets_malformed += 1,
            Skip::Fragment(fragment) => {
                // Every shard puts every datagram together, and keeps those that are its own: the ports that tell
                // whose it is stand in the first fragment alone.
                let Some(datagram) = self.defragmenter.push(&fragment) else { return };
                match datagram.packet() {
                    Ok(packet) => {
                        let (table, shard) = (&mut self.table, &self.shard);
                        let (key, from) = Key::of(&packet);
                        let hash = table.hash(&key);
                        if Shard::of(hash, shard.count) == shard.index {
                            on_flow(table, &mut self.shared, &Arrival { packet, key, hash, from }, emit);
                        }
                    }
                    Err(Skip::Malformed) => self.shared.counters.packets_malformed += 1,
                    Err(_) => self.shared.counters.packets_ignored += 1,
                }
            }
        }
    }
}

/// What became of a frame.
enum Decoded<'a> {
    Packet(Arrival<'a>),
    Skip(Skip<'a>),
}

impl Decoded<'_> {
    #[inline]
    fn time(&self) -> Option<Timestamp> {
        match self {
            Decoded::Packet(arrival) => Some(arrival.packet.ts),
            Decoded::Skip(_) => None,
        }
    }

    #[inline]
    fn hash(&self) -> Option<u64> {
        match self {
            Decoded::Packet(arrival) => Some(arrival.hash),
            Decoded::Skip(_) => None,
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
fn on_flow(table: &mut Table<State>, shared: &mut Shared, arrival: &Arrival<'_>, emit: &mut impl FnMut(Event)) {
    let Arrival { packet, key, hash, from } = arrival;
    let (key, hash, from) = (*key, *hash, *from);
    let Transport::Tcp(tcp) = &packet.transport;
    if let Some(id) = table.find(hash, &key) {
        let is_another = |flow: &Flow<State>| table.is_over(flow, packet.ts) || flow.state.is_reopened_by(tcp, from);
        if table.get(id).is_some_and(is_another) {
            if let Some(flow) = table.remove(id) {
                shared.end(flow, emit);
            }
        } else {
            if let Some(flow) = table.get_mut(id) {
                flow.last_seen = flow.last_seen.max(packet.ts);
                shared.segment(flow, packet, from, emit);
            }
            return;
        }
    }
    let says_something = tcp.flags.has(TcpFlags::SYN) || !tcp.payload.is_empty() || tcp.cut > 0;
    if tcp.flags.has(TcpFlags::RST) || !says_something {
        return;
    }
    if table.is_full()
        && let Some(flow) = table.evict()
    {
        shared.counters.flows_evicted += 1;
        shared.counters.half_open_evicted += u64::from(flow.short_lived);
        shared.end(flow, emit);
    }
    shared.counters.flows += 1;
    let id = table.insert(hash, NewFlow { key, now: packet.ts, short_lived: true, state: State::new() });
    if let Some(flow) = table.get_mut(id) {
        shared.segment(flow, packet, from, emit);
    }
}

impl Shared {
    #[inline]
    fn segment(&mut self, flow: &mut Flow<State>, packet: &Packet<'_>, from: Direction, emit: &mut impl FnMut(Event)) {
        let Transport::Tcp(tcp) = &packet.transport;
        let state = &mut flow.state;
        state.note_opening(packet, tcp, from);
        if let Proto::Opening = state.proto {
            if tcp.payload.is_empty() && tcp.cut == 0 {
                return;
            }
            flow.short_lived = false;
            if state.starts_unlike_tls(tcp, from) {
                state.proto = Proto::Done;
            } else {
                let mut connection = self.pool.pop().unwrap_or_else(|| Box::new(Connection::new(&self.limits)));
                connection.open(state.starts(), packet.vlans);
                state.proto = Proto::Reading(connection);
            }
        }
        match &mut state.proto {
            // Nearly half of a handshake's packets: they say nothing, and the connection's memory is left alone.
            Proto::Reading(_) if tcp.is_bare_acknowledgement() => {}
            Proto::Reading(connection) => {
                let mut scene = Scene {
                    key: flow.key,
                    #[cfg(feature = "ja4plus")]
                    tcp: &state.tcp,
                    now: packet.ts,
                    interner: &mut self.interner,
                    counters: &mut self.counters,
                    waiting: &mut self.waiting,
                    limits: &self.limits,
                    emit,
                };
                let progress = connection.take(from, tcp, &mut scene);
                let closed = connection.is_closed();
                if progress != Progress::Reading || closed {
                    connection.finish(&mut scene);
                    if let Proto::Reading(connection) = std::mem::replace(&mut state.proto, Proto::Done) {
                        self.give_back(connection);
                    }
                    flow.short_lived = closed;
                    #[cfg(feature = "ja4plus")]
                    state.tcp.forget();
                }
            }
            // Closed flows go early; one side's word is enough where nothing is at stake.
            Proto::Done => flow.short_lived |= tcp.flags.has(TcpFlags::RST) || tcp.flags.has(TcpFlags::FIN),
            Proto::Opening => {}
        }
    }

    /// A flow that is out of the table: what it was about to tell is told.
    fn end(&mut self, flow: Flow<State>, emit: &mut impl FnMut(Event)) {
        let Proto::Reading(mut connection) = flow.state.proto else { return };
        let mut scene = Scene {
            key: flow.key,
            #[cfg(feature = "ja4plus")]
            tcp: &flow.state.tcp,
            now: flow.last_seen,
            interner: &mut self.interner,
            counters: &mut self.counters,
            waiting: &mut self.waiting,
            limits: &self.limits,
            emit,
        };
        connection.finish(&mut scene);
        self.give_back(connection);
    }

    fn give_back(&mut self, connection: Box<Connection>) {
        if self.pool.len() < POOL {
            self.pool.push(connection);
        }
    }
}

impl State {
    fn new() -> Self {
        Self {
            isn: Both::default(),
            isn_known: Both::default(),
            proto: Proto::Opening,
            #[cfg(feature = "ja4plus")]
            tcp: facts::Handshake::default(),
        }
    }

    /// Reads what the next segment will need, for the sake of the cache.
    #[inline]
    fn glance(&self) -> u64 {
        match &self.proto {
            Proto::Reading(connection) => connection.glance(),
            Proto::Opening | Proto::Done => 0,
        }
    }

    /// Whether a segment opens another connection between the same ends.
    #[inline]
    fn is_reopened_by(&self, tcp: &Tcp<'_>, from: Direction) -> bool {
        tcp.flags.opens()
            && match &self.proto {
                _ if self.isn_known[from] => self.isn[from] != tcp.seq,
                // The SYN may only have come late.
                Proto::Reading(connection) => !connection.starts_at(from, tcp.seq.wrapping_add(1)),
                Proto::Opening => false,
                Proto::Done => true,
            }
    }

    /// Keeps what SYN and SYN-ACK tell of where the directions start.
    #[inline]
    fn note_opening(&mut self, packet: &Packet<'_>, tcp: &Tcp<'_>, from: Direction) {
        if tcp.flags.has(TcpFlags::SYN) {
            self.note_start(from, tcp.seq);
            if tcp.flags.has(TcpFlags::ACK) {
                self.note_start(from.reverse(), tcp.ack.wrapping_sub(1));
            }
        }
        #[cfg(feature = "ja4plus")]
        if !matches!(self.proto, Proto::Done) {
            self.tcp.take(from, tcp, packet);
        }
        #[cfg(not(feature = "ja4plus"))]
        let _ = packet;
    }

    fn note_start(&mut self, from: Direction, isn: u32) {
        if !self.isn_known[from] {
            self.isn[from] = isn;
            self.isn_known[from] = true;
        }
    }

    fn starts(&self) -> Both<Option<u32>> {
        let start = |from: Direction| self.isn_known[from].then(|| self.isn[from].wrapping_add(1));
        Both { forward: start(Direction::Forward), backward: start(Direction::Backward) }
    }

    /// Whether this is the first segment of its direction, and says at once that the flow is not TLS: most flows that
    /// are not need nothing more.
    fn starts_unlike_tls(&self, tcp: &Tcp<'_>, from: Direction) -> bool {
        self.starts()[from] == Some(tcp.payload_seq()) && Session::is_other_than_tls(tcp.payload)
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

/// Frames decoded together.
const GROUP: usize = TOUCHED;
/// Connections kept for use again: more are open at once only on a busy tap.
const POOL: usize = 4096;
