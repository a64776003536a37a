//! Flows over TCP: which segment opens one, which closes it, and what is kept of it meanwhile.

use super::connection::Connection;
#[cfg(feature = "ja4plus")]
use super::facts;
use super::telling::{Origin, Scene};
use super::watch::Watched;
use super::{Arrival, Shared, Standing, admit, await_answer, make_room};
use crate::capture::Timestamp;
use crate::decode::{Packet, System, Tcp, TcpFlags};
use crate::event::{Event, TcpLatency};
use crate::flow::{Flow, FlowId, Key, NewFlow, Place, Table};
use crate::tls::{Progress, Session};
use crate::wire::{Both, Direction};

/// What is kept of a flow.
#[derive(Debug)]
pub(super) struct State {
    /// Initial sequence numbers, where `isn_known`.
    isn: Both<u32>,
    isn_known: Both<bool>,
    opening: Opening,
    proto: Proto,
    #[cfg(feature = "ja4plus")]
    tcp: facts::Handshake,
}

#[derive(Debug)]
enum Proto {
    /// No payload so far.
    Opening,
    Reading(Box<Connection>),
    Watched(Box<Watched>),
    /// Nothing more to learn.
    Done,
}

/// What is kept of a flow of which nothing but its SYN was seen.
#[derive(Debug)]
pub(super) struct Syn {
    seq: u32,
    from: Direction,
    /// Whose SYN it is.
    system: Option<System>,
    #[cfg(feature = "ja4plus")]
    tcp: facts::Handshake,
}

/// When the packets of the TCP handshake came.
#[derive(Debug, Clone, Copy, Default)]
struct Opening {
    /// The last SYN before the SYN-ACK, and who sent it.
    syn: Timestamp,
    client: Option<Direction>,
    /// Whose SYN that was.
    system: Option<System>,
    /// From there to the SYN-ACK and to the ACK, nanoseconds; zero where they were not seen, or took longer than the four
    /// seconds that fit.
    syn_ack: u32,
    ack: u32,
}

/// Takes a segment.
#[inline]
pub(super) fn take(
    table: &mut Table<super::State>,
    shared: &mut Shared,
    arrival: &Arrival<'_>,
    tcp: &Tcp<'_>,
    origin: Origin<'_>,
    emit: &mut impl FnMut(Event),
) -> Standing {
    let Arrival { packet, key, hash, from } = arrival;
    let (key, hash, from) = (*key, *hash, *from);
    if let Some(id) = table.find(hash, &key).or_else(|| answered(table, shared, arrival)) {
        let is_another = |flow: &Flow<super::State>| {
            table.is_over(flow, packet.ts) || of(&flow.state).is_none_or(|state| state.is_reopened_by(tcp, from))
        };
        if table.get(id).is_some_and(is_another) {
            if let Some(flow) = table.remove(id) {
                shared.end(table.due_at(&flow), flow, emit);
            }
        } else {
            let Some(flow) = table.get_mut(id) else { return Standing::None };
            flow.last_seen = flow.last_seen.max(packet.ts);
            let standing = of(&flow.state).map_or(Standing::None, State::standing);
            let turn = shared.segment(flow, packet, tcp, from, origin, emit);
            turn.take(table, shared, id, emit);
            return standing;
        }
    }
    let says_something = tcp.flags.has(TcpFlags::SYN) || !tcp.payload.is_empty() || tcp.cut > 0;
    if tcp.flags.has(TcpFlags::RST) || !says_something {
        return Standing::None;
    }
    if tcp.flags.opens() && tcp.payload.is_empty() && tcp.cut == 0 {
        make_room(table, shared, emit);
        shared.half_open.push(hash, key, packet.ts, Syn::of(packet, tcp, from));
        return Standing::Begins;
    }
    let id = admit(table, shared, arrival, super::State::Tcp(State::new()), emit);
    if let Some(flow) = table.get_mut(id) {
        let turn = shared.segment(flow, packet, tcp, from, origin, emit);
        turn.take(table, shared, id, emit);
    }
    Standing::Begins
}

/// Gives a flow its place in the table as its second packet comes, whatever that is.
#[inline]
fn answered(table: &mut Table<super::State>, shared: &mut Shared, arrival: &Arrival<'_>) -> Option<FlowId> {
    let (at, syn) = shared.half_open.take(arrival.hash, &arrival.key)?;
    if shared.half_open.is_over(at, arrival.packet.ts) {
        return None;
    }
    let state = super::State::Tcp(State::opened(at, syn));
    Some(table.insert(arrival.hash, NewFlow { key: arrival.key, now: at, short_lived: true, state }))
}

/// What a segment has made of its flow, as far as others have to know.
#[derive(Debug, Clone, Copy)]
enum Turn {
    None,
    /// It is being read from now on.
    Begins,
    /// It is watched, until then at the latest.
    Watches(Timestamp),
}

impl Turn {
    #[inline]
    fn take(self, table: &mut Table<super::State>, shared: &mut Shared, id: FlowId, emit: &mut impl FnMut(Event)) {
        match self {
            Self::None => {}
            Self::Begins => await_answer(table, shared, id, emit),
            Self::Watches(deadline) => {
                let place = table.place(id);
                let due = place.and_then(|place| shared.watches.add(deadline, place, shared.limits.max_flows));
                if let Some(due) = due {
                    end_watch(table, shared, due, emit);
                }
            }
        }
    }
}

/// Tells of a session that is watched, if it still is.
pub(super) fn end_watch(
    table: &mut Table<super::State>,
    shared: &mut Shared,
    place: Place,
    emit: &mut impl FnMut(Event),
) {
    if let Some(super::State::Tcp(state)) = table.at_mut(place).map(|flow| &mut flow.state) {
        state.end_watch(&mut shared.waiting, emit);
    }
}

/// The protocol is part of the key: a flow that a segment found is one of TCP.
#[inline]
fn of(state: &super::State) -> Option<&State> {
    match state {
        super::State::Tcp(state) => Some(state),
        super::State::Udp(_) => None,
    }
}

impl Shared {
    #[inline]
    fn segment(
        &mut self,
        flow: &mut Flow<super::State>,
        packet: &Packet<'_>,
        tcp: &Tcp<'_>,
        from: Direction,
        origin: Origin<'_>,
        emit: &mut impl FnMut(Event),
    ) -> Turn {
        let super::State::Tcp(state) = &mut flow.state else { return Turn::None };
        state.note_opening(packet, tcp, from);
        let mut turn = Turn::None;
        if let Proto::Opening = state.proto {
            if tcp.payload.is_empty() && tcp.cut == 0 {
                return turn;
            }
            flow.short_lived = false;
            if state.starts_unlike_tls(tcp, from) {
                state.proto = Proto::Done;
            } else {
                let mut connection = self.pool.pop().unwrap_or_else(|| Box::new(Connection::new(&self.limits)));
                connection.open(state.starts(), origin);
                self.unanswered.count += 1;
                state.proto = Proto::Reading(connection);
                turn = Turn::Begins;
            }
        }
        match &mut state.proto {
            // Nearly half of a handshake's packets: they say nothing, and the connection's memory is left alone.
            Proto::Reading(_) if tcp.is_bare_acknowledgement() => {}
            Proto::Reading(connection) => {
                if !origin.tunnels.is_empty() {
                    connection.came_through(origin.tunnels);
                }
                let mut scene = Scene {
                    key: flow.key,
                    #[cfg(feature = "ja4plus")]
                    tcp: Some(&state.tcp),
                    tcp_latency: state.opening.latency(),
                    opened: state.opening.opened(),
                    now: packet.ts,
                    interner: &mut self.interner,
                    counters: &mut self.counters,
                    waiting: &mut self.waiting,
                    limits: &self.limits,
                    emit,
                };
                let progress = connection.take(from, tcp, &mut scene);
                if connection.becomes_answered() {
                    self.unanswered.count -= 1;
                }
                let closed = connection.is_closed();
                if progress != Progress::Reading || closed {
                    let watch = if progress == Progress::Told && !closed { connection.watch() } else { None };
                    turn = Turn::None;
                    let rest = match (connection.finish(&mut scene), watch) {
                        (Some(event), Some(start)) => {
                            let watched = Watched::new(event, start, packet.ts);
                            turn = Turn::Watches(watched.deadline());
                            Proto::Watched(Box::new(watched))
                        }
                        (event, _) => {
                            event.into_iter().for_each(emit);
                            Proto::Done
                        }
                    };
                    if let Proto::Reading(connection) = std::mem::replace(&mut state.proto, rest) {
                        self.give_back(connection);
                    }
                    flow.short_lived = closed;
                    #[cfg(feature = "ja4plus")]
                    state.tcp.forget();
                }
            }
            Proto::Watched(watched) => {
                let before = watched.waiting();
                let progress = watched.take(from, tcp, packet.ts, &self.limits);
                self.waiting = self.waiting.saturating_add(watched.waiting()).saturating_sub(before);
                if progress != Progress::Told || self.waiting > self.limits.total_out_of_order_bytes {
                    flow.short_lived = tcp.flags.has(TcpFlags::RST) || tcp.flags.has(TcpFlags::FIN);
                    state.end_watch(&mut self.waiting, emit);
                }
            }
            // Closed flows go early; one side's word is enough where nothing is at stake.
            Proto::Done => flow.short_lived |= tcp.flags.has(TcpFlags::RST) || tcp.flags.has(TcpFlags::FIN),
            Proto::Opening => {}
        }
        turn
    }

    pub(super) fn end_tcp(&mut self, key: Key, last_seen: Timestamp, state: State, emit: &mut impl FnMut(Event)) {
        let mut connection = match state.proto {
            Proto::Reading(connection) => connection,
            Proto::Watched(watched) => return watched.end(&mut self.waiting, emit),
            Proto::Opening | Proto::Done => return,
        };
        let mut scene = Scene {
            key,
            #[cfg(feature = "ja4plus")]
            tcp: Some(&state.tcp),
            tcp_latency: state.opening.latency(),
            opened: state.opening.opened(),
            now: last_seen,
            interner: &mut self.interner,
            counters: &mut self.counters,
            waiting: &mut self.waiting,
            limits: &self.limits,
            emit,
        };
        let event = connection.finish(&mut scene);
        event.into_iter().for_each(emit);
        self.give_back(connection);
    }

    fn give_back(&mut self, connection: Box<Connection>) {
        self.unanswered.count -= usize::from(connection.is_unanswered());
        if self.pool.len() < POOL {
            self.pool.push(connection);
        }
    }
}

impl Syn {
    #[cfg_attr(not(feature = "ja4plus"), allow(unused_variables))]
    fn of(packet: &Packet<'_>, tcp: &Tcp<'_>, from: Direction) -> Self {
        Self {
            seq: tcp.seq,
            from,
            system: System::of_syn(tcp.options),
            #[cfg(feature = "ja4plus")]
            tcp: {
                let mut handshake = facts::Handshake::default();
                handshake.take(from, tcp, packet);
                handshake
            },
        }
    }
}

impl State {
    fn new() -> Self {
        Self {
            isn: Both::default(),
            isn_known: Both::default(),
            opening: Opening::default(),
            proto: Proto::Opening,
            #[cfg(feature = "ja4plus")]
            tcp: facts::Handshake::default(),
        }
    }

    /// A flow that a SYN opened.
    fn opened(at: Timestamp, syn: Syn) -> Self {
        let opening = Opening { syn: at, client: Some(syn.from), system: syn.system, ..Opening::default() };
        let mut state = Self {
            opening,
            #[cfg(feature = "ja4plus")]
            tcp: syn.tcp,
            ..Self::new()
        };
        state.note_start(syn.from, syn.seq);
        state
    }

    fn end_watch(&mut self, waiting: &mut usize, emit: &mut impl FnMut(Event)) {
        if let Proto::Watched(_) = self.proto
            && let Proto::Watched(watched) = std::mem::replace(&mut self.proto, Proto::Done)
        {
            watched.end(waiting, emit);
        }
    }

    #[inline]
    fn standing(&self) -> Standing {
        match self.proto {
            Proto::Done => Standing::Over,
            Proto::Opening | Proto::Reading(_) | Proto::Watched(_) => Standing::Read,
        }
    }

    pub(super) fn is_unanswered(&self) -> bool {
        matches!(&self.proto, Proto::Reading(connection) if connection.is_unanswered())
    }

    /// Reads what the next segment will need, for the sake of the cache.
    #[inline]
    pub(super) fn glance(&self) -> u64 {
        match &self.proto {
            Proto::Reading(connection) => connection.glance(),
            Proto::Watched(watched) => watched.glance(),
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
                Proto::Watched(_) | Proto::Done => true,
            }
    }

    /// Keeps what SYN and SYN-ACK tell of where the directions start.
    #[inline]
    fn note_opening(&mut self, packet: &Packet<'_>, tcp: &Tcp<'_>, from: Direction) {
        let is_open = matches!(self.proto, Proto::Opening | Proto::Reading(_));
        if is_open {
            self.opening.note(packet.ts, tcp, from);
        }
        if tcp.flags.has(TcpFlags::SYN) {
            self.note_start(from, tcp.seq);
            if tcp.flags.has(TcpFlags::ACK) {
                self.note_start(from.reverse(), tcp.ack.wrapping_sub(1));
            }
        }
        #[cfg(feature = "ja4plus")]
        if is_open {
            self.tcp.take(from, tcp, packet);
        }
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

impl Opening {
    #[inline]
    fn note(&mut self, now: Timestamp, tcp: &Tcp<'_>, from: Direction) {
        if self.ack != 0 {
            return;
        }
        let since = |start: Timestamp| u32::try_from(now.since(start)).unwrap_or(0);
        match (tcp.flags.has(TcpFlags::SYN), tcp.flags.has(TcpFlags::ACK)) {
            (true, false) if self.syn_ack == 0 => {
                (self.syn, self.client, self.system) = (now, Some(from), System::of_syn(tcp.options));
            }
            (true, true) if self.syn_ack == 0 && self.client == Some(from.reverse()) => self.syn_ack = since(self.syn),
            (false, true) if self.syn_ack != 0 && self.client == Some(from) => self.ack = since(self.syn),
            _ => {}
        }
    }

    fn opened(self) -> Option<(Direction, System)> {
        self.client.zip(self.system)
    }

    fn latency(self) -> TcpLatency {
        TcpLatency {
            server: (self.syn_ack > 0).then(|| self.syn_ack.into()),
            client: (self.ack >= self.syn_ack && self.syn_ack > 0 && self.ack > 0)
                .then(|| u64::from(self.ack - self.syn_ack)),
        }
    }
}

/// Connections kept for use again: more are open at once only on a busy tap.
const POOL: usize = 4096;
