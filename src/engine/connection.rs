//! A TCP connection that is being read: its two streams, the session in them, and the session's event in the making.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

#[cfg(feature = "ja4plus")]
use super::facts::Facts;
use super::telling::{Closing, Origin, Scene, Telling};
use super::watch::Start;
use crate::config::Limits;
use crate::decode::{Tcp, TcpFlags, Tunnel};
use crate::event::{Anomaly, Event, Protocol};
use crate::flow::{HoleKind, Memory, Piece, Segment, Stream, StreamLimits};
use crate::tls::message::Loss;
use crate::tls::{Caps, Message, Progress, Session};
use crate::wire::{Both, Direction};

/// Serves one connection after another ([`Connection::open`]).
#[derive(Debug)]
pub(super) struct Connection {
    streams: Both<Stream>,
    reading: Reading,
    /// Segments of a direction whose start is not in the capture, which do not begin like TLS.
    unfit: u8,
    reset: bool,
}

/// What is made of the streams' bytes.
#[derive(Debug)]
struct Reading {
    session: Session,
    telling: Telling,
    progress: Progress,
}

impl Connection {
    pub(super) fn new(limits: &Limits) -> Self {
        let caps = Caps { client_hello: limits.client_hello_bytes, other: limits.handshake_message_bytes };
        let reading =
            Reading { session: Session::new(caps), telling: Telling::new(Protocol::Tls), progress: Progress::Reading };
        Self { streams: Both::default(), reading, unfit: 0, reset: false }
    }

    /// Makes it ready for a connection whose directions start at these sequence numbers, where they are known.
    pub(super) fn open(&mut self, starts: Both<Option<u32>>, origin: Origin<'_>) {
        for direction in Direction::BOTH {
            self.streams[direction].reset();
            if let Some(seq) = starts[direction] {
                self.streams[direction].start_at(seq);
            }
        }
        (self.unfit, self.reset) = (0, false);
        self.reading.session.reset();
        self.reading.telling.open(origin, starts.forward.is_none() && starts.backward.is_none());
        self.reading.progress = Progress::Reading;
    }

    /// Whether one side alone was heard.
    pub(super) fn is_unanswered(&self) -> bool {
        self.reading.telling.is_unanswered()
    }

    /// Whether the other side was heard, too; says so once.
    pub(super) fn becomes_answered(&mut self) -> bool {
        self.reading.telling.becomes_answered()
    }

    /// Takes note of the tunnels that a segment came through.
    pub(super) fn came_through(&mut self, tunnels: &[Tunnel]) {
        self.reading.telling.came_through(tunnels);
    }

    /// Takes a segment. Gives [`Progress::Reading`] as long as there is more to learn.
    pub(super) fn take(
        &mut self,
        from: Direction,
        tcp: &Tcp<'_>,
        scene: &mut Scene<'_, impl FnMut(Event)>,
    ) -> Progress {
        let seq = tcp.payload_seq();
        let segment = Segment { seq, payload: tcp.payload, cut: tcp.cut };
        if !segment.is_empty() && self.find_start(from, tcp, segment) {
            let Self { streams, reading, .. } = self;
            let stream = &mut streams[from];
            if reading.telling.client() == Some(from.reverse()) {
                stream.remember(Memory::Short);
            }
            let before = stream.waiting();
            let limits = StreamLimits { out_of_order: scene.limits.out_of_order_bytes };
            stream.push(segment, limits, &mut |piece| reading.piece(from, piece, scene));
            *scene.waiting = scene.waiting.saturating_add(stream.waiting()).saturating_sub(before);
            if *scene.waiting > scene.limits.total_out_of_order_bytes {
                self.give_up_waiting(from, HoleKind::Limit, scene);
            }
        }
        if tcp.flags.has(TcpFlags::FIN) {
            self.streams[from].ends_at(segment.end());
        }
        self.reset |= tcp.flags.has(TcpFlags::RST) && self.streams[from].accepts_reset(seq);
        self.reading.progress
    }

    /// Reads a little of each part that [`Connection::take`] reads, for the sake of the cache.
    #[inline]
    pub(super) fn glance(&self) -> u64 {
        let streams = self.streams.forward.waiting() ^ self.streams.backward.waiting();
        streams as u64 ^ self.reading.session.glance() ^ self.reading.telling.glance()
    }

    /// Whether both sides, or a reset, have ended it.
    pub(super) fn is_closed(&self) -> bool {
        self.reset || (self.streams.forward.is_complete() && self.streams.backward.is_complete())
    }

    /// What goes on in its place once it is [`Progress::Told`].
    pub(super) fn watch(&mut self) -> Option<Start> {
        let watch = self.reading.session.watch()?;
        let server = self.streams[watch.client().reverse()].next()?;
        let client = self.streams[watch.client()].hand_over();
        self.reading.progress = Progress::Over;
        Some(Start { watch, client, server })
    }

    /// Nothing more will come: what waits is handed on. Gives what is left to tell.
    pub(super) fn finish(&mut self, scene: &mut Scene<'_, impl FnMut(Event)>) -> Option<Event> {
        scene.now = self.reading.telling.last().unwrap_or(scene.now);
        for from in Direction::BOTH {
            self.give_up_waiting(from, HoleKind::Gap, scene);
        }
        let Reading { session, telling, .. } = &mut self.reading;
        session.finish(&mut |from, message| telling.take(from, message, scene));
        if self.streams.forward.differs() || self.streams.backward.differs() {
            telling.note(Anomaly::TcpOverlapDiffers);
        }
        telling.tell(closing(scene), scene.key)
    }

    /// Whether the direction's first byte is known to have this sequence number, and is all that was handed on.
    pub(super) fn starts_at(&self, from: Direction, seq: u32) -> bool {
        self.streams[from].begins_at(seq)
    }

    fn give_up_waiting(&mut self, from: Direction, why: HoleKind, scene: &mut Scene<'_, impl FnMut(Event)>) {
        let Self { streams, reading, .. } = self;
        let before = streams[from].waiting();
        streams[from].flush(why, &mut |piece| reading.piece(from, piece, scene));
        *scene.waiting = scene.waiting.saturating_sub(before);
    }

    /// Whether it is known where the direction starts. Where the capture does not hold its start, it starts with the
    /// first segment that begins like TLS, and the other direction with what that segment acknowledges.
    fn find_start(&mut self, from: Direction, tcp: &Tcp<'_>, segment: Segment<'_>) -> bool {
        if self.streams[from].has_started() {
            return true;
        }
        if self.reading.session.may_start_with(segment.payload) == Some(false) {
            self.unfit = self.unfit.saturating_add(1);
            if self.unfit >= MAX_UNFIT && !self.reading.telling.has_content() {
                self.reading.progress = Progress::NotTls;
            }
            return false;
        }
        self.streams[from].start_at(segment.seq);
        if tcp.flags.has(TcpFlags::ACK) {
            self.streams[from.reverse()].start_at(tcp.ack);
        }
        true
    }
}

impl Reading {
    fn piece(&mut self, from: Direction, piece: Piece<'_>, scene: &mut Scene<'_, impl FnMut(Event)>) {
        if !matches!(self.progress, Progress::Reading | Progress::Told) {
            return;
        }
        let Self { session, telling, .. } = self;
        if session.awaits_tls(from) {
            telling.awaits(from, scene.now);
        }
        let mut said = |from: Direction, message: Message<'_>| {
            if matches!(message, Message::Renegotiation)
                && let Some(event) = telling.tell(closing(scene), scene.key)
            {
                (scene.emit)(event);
            }
            telling.take(from, message, scene);
        };
        self.progress = match piece {
            Piece::Bytes(bytes) => session.push(from, bytes, &mut said),
            Piece::Hole { count, why } => session.skip(from, count, loss(why), &mut said),
        };
    }
}

fn closing<E>(scene: &Scene<'_, E>) -> Closing {
    Closing {
        quic: None,
        tcp: scene.tcp_latency,
        opened: scene.opened,
        #[cfg(feature = "ja4plus")]
        facts: scene.tcp.map(|tcp| Facts::Tcp(tcp.facts())).unwrap_or_default(),
    }
}

fn loss(why: HoleKind) -> Loss {
    match why {
        HoleKind::Gap => Loss::Gap,
        HoleKind::Cut => Loss::Truncated,
        HoleKind::Limit => Loss::Limit,
    }
}

/// Segments that may pass before a connection whose start was missed is taken for something else.
const MAX_UNFIT: u8 = 8;
