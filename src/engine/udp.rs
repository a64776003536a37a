//! Flows over UDP: which datagram begins an exchange, and what is kept of it afterwards.
//!
//! A flow takes room in the table only once a datagram was seen that may begin something that is read: other traffic costs
//! a look-up and a glance at its first bytes.

use super::exchange::{Exchange, Kind, Trace};
use super::telling::{Origin, Scene};
use super::{Arrival, Shared, Standing, admit, await_answer};
use crate::capture::Timestamp;
use crate::decode::{Packet, Udp};
use crate::event::{Event, TcpLatency};
use crate::flow::{Flow, Key, Table};
use crate::tls::Progress;
use crate::wire::Direction;

/// What is kept of a flow.
#[derive(Debug)]
pub(super) enum State {
    Reading(Box<Exchange>),
    /// Nothing more to learn of the exchange.
    Done(Trace),
}

/// Exchanges that wait to be used again.
#[derive(Debug, Default)]
#[allow(clippy::vec_box)]
pub(super) struct Pool {
    quic: Vec<Box<Exchange>>,
    dtls: Vec<Box<Exchange>>,
    /// Exchanges that are not in the pool, but being read.
    pub(super) reading: usize,
}

/// Whether a datagram may begin an exchange.
#[inline]
pub(super) fn may_begin(udp: &Udp<'_>) -> bool {
    Kind::of(udp).is_some()
}

/// Takes a datagram.
#[inline]
pub(super) fn take(
    table: &mut Table<super::State>,
    shared: &mut Shared,
    arrival: &Arrival<'_>,
    udp: &Udp<'_>,
    origin: Origin<'_>,
    emit: &mut impl FnMut(Event),
) -> Standing {
    let Arrival { packet, key, hash, from } = arrival;
    if let Some(id) = table.find(*hash, key) {
        let is_over = table.get(id).is_some_and(|flow| table.is_over(flow, packet.ts));
        if is_over || table.get_mut(id).is_some_and(|flow| begins_another(&mut flow.state, udp, *from)) {
            if let Some(flow) = table.remove(id) {
                shared.end(table.due_at(&flow), flow, emit);
            }
        } else {
            let Some(flow) = table.get_mut(id) else { return Standing::None };
            let is_read = matches!(flow.state, super::State::Udp(State::Reading(_)));
            // What comes of an exchange that is over does not keep it: such packets may not even be looked up.
            if is_read || may_begin(udp) {
                flow.last_seen = flow.last_seen.max(packet.ts);
                shared.datagram(flow, packet, udp, *from, origin, emit);
            }
            return if is_read { Standing::Read } else { Standing::Over };
        }
    }
    let Some(kind) = Kind::of(udp) else { return Standing::None };
    let mut exchange = shared.exchanges.take(kind).unwrap_or_else(|| Box::new(Exchange::new(kind, &shared.limits)));
    exchange.open(origin);
    shared.exchanges.reading += 1;
    shared.unanswered.count += 1;
    let id = admit(table, shared, arrival, super::State::Udp(State::Reading(exchange)), emit);
    if let Some(flow) = table.get_mut(id) {
        shared.datagram(flow, packet, udp, *from, origin, emit);
    }
    await_answer(table, shared, id, emit);
    Standing::Begins
}

/// Whether the datagram begins another exchange than the flow's.
fn begins_another(state: &mut super::State, udp: &Udp<'_>, from: Direction) -> bool {
    let is_another = match state {
        super::State::Udp(State::Done(trace)) => trace.is_another(udp),
        super::State::Udp(State::Reading(exchange)) => exchange.is_left_by(from, udp),
        super::State::Tcp(_) => false,
    };
    is_another && Kind::of(udp).is_some()
}

impl State {
    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self, Self::Reading(exchange) if exchange.is_unanswered())
    }
}

impl Shared {
    fn datagram(
        &mut self,
        flow: &mut Flow<super::State>,
        packet: &Packet<'_>,
        udp: &Udp<'_>,
        from: Direction,
        origin: Origin<'_>,
        emit: &mut impl FnMut(Event),
    ) {
        let super::State::Udp(state) = &mut flow.state else { return };
        let State::Reading(exchange) = state else { return };
        if !origin.tunnels.is_empty() {
            exchange.came_through(origin.tunnels);
        }
        let mut scene = self.scene(flow.key, packet.ts, emit);
        let progress = exchange.take(from, udp, packet, &mut scene);
        if progress != Progress::Reading {
            exchange.finish(&mut scene);
        }
        if exchange.becomes_answered() {
            self.unanswered.count -= 1;
        }
        if progress == Progress::Reading {
            // One side's word makes no conversation: floods are made of it.
            flow.short_lived &= exchange.is_unanswered();
            return;
        }
        flow.short_lived = true;
        let done = State::Done(exchange.trace());
        if let State::Reading(exchange) = std::mem::replace(state, done) {
            self.give_back_exchange(exchange);
        }
    }

    pub(super) fn end_udp(&mut self, key: Key, last_seen: Timestamp, state: State, emit: &mut impl FnMut(Event)) {
        let State::Reading(mut exchange) = state else { return };
        exchange.finish(&mut self.scene(key, last_seen, emit));
        self.give_back_exchange(exchange);
    }

    fn give_back_exchange(&mut self, exchange: Box<Exchange>) {
        self.unanswered.count -= usize::from(exchange.is_unanswered());
        self.exchanges.give_back(exchange);
    }

    fn scene<'a, E>(&'a mut self, key: Key, now: Timestamp, emit: &'a mut E) -> Scene<'a, E> {
        Scene {
            key,
            #[cfg(feature = "ja4plus")]
            tcp: None,
            tcp_latency: TcpLatency::default(),
            opened: None,
            now,
            interner: &mut self.interner,
            counters: &mut self.counters,
            waiting: &mut self.waiting,
            limits: &self.limits,
            emit,
        }
    }
}

impl Pool {
    fn take(&mut self, kind: Kind) -> Option<Box<Exchange>> {
        self.of(kind).pop()
    }

    fn give_back(&mut self, exchange: Box<Exchange>) {
        self.reading -= 1;
        let pool = self.of(exchange.kind());
        if pool.len() < POOL {
            pool.push(exchange);
        }
    }

    #[allow(clippy::vec_box)]
    fn of(&mut self, kind: Kind) -> &mut Vec<Box<Exchange>> {
        match kind {
            Kind::Quic => &mut self.quic,
            Kind::Dtls => &mut self.dtls,
        }
    }
}

/// Exchanges of a kind that are kept for use again.
const POOL: usize = 1024;
