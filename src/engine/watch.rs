//! Sessions whose events are made and wait for nothing but the lengths of the client's first records.
//!
//! The connection that such a session was read in has gone back to the pool meanwhile: a server's answer, which is most of
//! what comes, costs a comparison, and a client's segment a step over its records. Held in their connections, they took an
//! eighth of a run's time.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::collections::VecDeque;

use crate::capture::Timestamp;
use crate::config::Limits;
use crate::decode::{Tcp, TcpFlags};
use crate::event::Event;
use crate::flow::{Piece, Place, Segment, Stream, StreamLimits};
use crate::tls::{Progress, Watch};
use crate::wire::Direction;

/// An event, and where the client's records stand.
#[derive(Debug)]
pub(super) struct Watched {
    event: Event,
    watch: Watch,
    client: Stream,
    /// Sequence number of the server's last octet that is waited for.
    last: u32,
}

/// What a session is watched for, when its connection goes.
pub(super) struct Start {
    pub(super) watch: Watch,
    /// What comes of the client next.
    pub(super) client: Stream,
    /// Sequence number of the server's next octet.
    pub(super) server: u32,
}

impl Watched {
    /// A handshake was over at `now`.
    pub(super) fn new(mut event: Event, start: Start, now: Timestamp) -> Self {
        event.decided = Timestamp(now.0.saturating_add(WAIT));
        Self { event, watch: start.watch, client: start.client, last: start.server.wrapping_add(ANSWER) }
    }

    /// When nothing more is waited for.
    pub(super) fn deadline(&self) -> Timestamp {
        self.event.decided
    }

    /// Octets of the client that wait out of order.
    pub(super) fn waiting(&self) -> usize {
        self.client.waiting()
    }

    /// Tells the event. `waiting` counts what waits in all.
    pub(super) fn end(self, waiting: &mut usize, emit: &mut impl FnMut(Event)) {
        *waiting = waiting.saturating_sub(self.waiting());
        emit(self.event);
    }

    /// Takes a segment. Gives [`Progress::Told`] as long as it is worth waiting.
    pub(super) fn take(&mut self, from: Direction, tcp: &Tcp<'_>, now: Timestamp, limits: &Limits) -> Progress {
        let segment = Segment { seq: tcp.payload_seq(), payload: tcp.payload, cut: tcp.cut };
        if now >= self.deadline() || tcp.flags.has(TcpFlags::RST) {
            return Progress::Over;
        }
        if from != self.watch.client() {
            let is_long = self.last.wrapping_sub(segment.end()).cast_signed() < 0;
            return if is_long { Progress::Over } else { Progress::Told };
        }
        let Self { event, watch, client, .. } = self;
        let mut progress = Progress::Told;
        if !segment.is_empty() {
            client.push(segment, StreamLimits { out_of_order: limits.out_of_order_bytes }, &mut |piece| {
                progress = match piece {
                    _ if progress != Progress::Told => progress,
                    Piece::Bytes(bytes) => watch.push(bytes, &mut |length| {
                        let _ = event.client_records.try_push(length);
                    }),
                    Piece::Hole { count, .. } => watch.skip(count),
                };
            });
        }
        if tcp.flags.has(TcpFlags::FIN) {
            client.ends_at(segment.end());
        }
        if client.is_complete() { Progress::Over } else { progress }
    }

    /// Reads a little of itself, for the sake of the cache.
    #[inline]
    pub(super) fn glance(&self) -> u64 {
        self.last.into()
    }
}

/// Who is watched, in the order in which it is over.
#[derive(Debug, Default)]
pub(super) struct Watches {
    places: VecDeque<(Timestamp, Place)>,
}

impl Watches {
    /// Remembers one more; gives the one whose turn it is where there would be more than `limit`.
    pub(super) fn add(&mut self, deadline: Timestamp, place: Place, limit: usize) -> Option<Place> {
        self.places.push_back((deadline, place));
        if self.places.len() > limit { self.places.pop_front().map(|(_, place)| place) } else { None }
    }

    /// One whose time is over at `now`, if it was not over before.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<Place> {
        let &(deadline, place) = self.places.front()?;
        if deadline > now {
            return None;
        }
        self.places.pop_front();
        Some(place)
    }

    /// The clock was set back by so many nanoseconds, to `now`.
    pub(super) fn set_back(&mut self, by: u64, now: Timestamp) {
        let latest = Timestamp(now.0.saturating_add(WAIT));
        let deadlines = self.places.iter_mut().map(|(deadline, _)| deadline).filter(|deadline| **deadline > latest);
        deadlines.for_each(|deadline| deadline.0 = deadline.0.saturating_sub_unsigned(by));
    }
}

/// Nanoseconds after the handshake that a client has for its first records: who has something to ask does so at once.
const WAIT: i64 = 3_000_000_000;
/// Octets of the server after the handshake, after which the client has asked what it had to ask.
const ANSWER: u32 = 16 << 10;
