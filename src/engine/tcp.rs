//! Flows over TCP: which segment opens one, which closes it, and what is kept of it meanwhile.

use super::connection::Connection;
#[cfg(feature = "ja4plus")]
use super::facts;
use super::telling::{Origin, Scene};
use super::{Arrival, Shared, admit, await_answer};
use crate::capture::Timestamp;
use crate::decode::{Packet, System, Tcp, TcpFlags};
use crate::event::{Event, TcpLatency};
use crate::flow::{Flow, Key, Table};
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
    /// Nothing more to learn.
    Done,
}

/// When the packets of the TCP handshake came. Small, since a flood has a million of them.
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
) {
    let Arrival { packet, key, hash, from } = arrival;
    let (key, hash, from) = (*key, *hash, *from);
    if let Some(id) = table.find(hash, &key) {
        let is_another = |flow: &Flow<super::State>| {
            table.is_over(flow, packet.ts) || of(&flow.state).is_none_or(|state| state.is_reopened_by(tcp, from))
        };
        if table.get(id).is_some_and(is_another) {
            if let Some(flow) = table.remove(id) {
                shared.end(table.due_at(&flow), flow, emit);
            }
        } else {
            if let Some(flow) = table.get_mut(id) {
                flow.last_seen = flow.last_seen.max(packet.ts);
                if shared.segment(flow, packet, tcp, from, origin, emit) {
                    await_answer(table, shared, id, emit);
                }
            }
            return;
        }
    }
    let says_something = tcp.flags.has(TcpFlags::SYN) || !tcp.payload.is_empty() || tcp.cut > 0;
    if tcp.flags.has(TcpFlags::RST) || !says_something {
        return;
    }
    let id = admit(table, shared, arrival, super::State::Tcp(State::new()), emit);
    if let Some(flow) = table.get_mut(id)
        && shared.segment(flow, packet, tcp, from, origin, emit)
    {
        await_answer(table, shared, id, emit);
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
    /// Whether the flow is being read from this segment on.
    #[inline]
    fn segment(
        &mut self,
        flow: &mut Flow<super::State>,
        packet: &Packet<'_>,
        tcp: &Tcp<'_>,
        from: Direction,
        origin: Origin<'_>,
        emit: &mut impl FnMut(Event),
    ) -> bool {
        let super::State::Tcp(state) = &mut flow.state else { return false };
        state.note_opening(packet, tcp, from);
        let mut begins = false;
        if let Proto::Opening = state.proto {
            if tcp.payload.is_empty() && tcp.cut == 0 {
                return false;
            }
            flow.short_lived = false;
            if state.starts_unlike_tls(tcp, from) {
                state.proto = Proto::Done;
            } else {
                let mut connection = self.pool.pop().unwrap_or_else(|| Box::new(Connection::new(&self.limits)));
                connection.open(state.starts(), origin);
                self.unanswered.count += 1;
                state.proto = Proto::Reading(connection);
                begins = true;
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
                    connection.finish(&mut scene);
                    if let Proto::Reading(connection) = std::mem::replace(&mut state.proto, Proto::Done) {
                        self.give_back(connection);
                    }
                    flow.short_lived = closed;
                    #[cfg(feature = "ja4plus")]
                    state.tcp.forget();
                    begins = false;
                }
            }
            // Closed flows go early; one side's word is enough where nothing is at stake.
            Proto::Done => flow.short_lived |= tcp.flags.has(TcpFlags::RST) || tcp.flags.has(TcpFlags::FIN),
            Proto::Opening => {}
        }
        begins
    }

    pub(super) fn end_tcp(&mut self, key: Key, last_seen: Timestamp, state: State, emit: &mut impl FnMut(Event)) {
        let Proto::Reading(mut connection) = state.proto else { return };
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
        connection.finish(&mut scene);
        self.give_back(connection);
    }

    fn give_back(&mut self, connection: Box<Connection>) {
        self.unanswered.count -= usize::from(connection.is_unanswered());
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
            opening: Opening::default(),
            proto: Proto::Opening,
            #[cfg(feature = "ja4plus")]
            tcp: facts::Handshake::default(),
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
        if !matches!(self.proto, Proto::Done) {
            self.opening.note(packet.ts, tcp, from);
        }
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
