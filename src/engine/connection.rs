//! A TCP connection that is being read: its two streams, the session in them, and the session's event in the making.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::draft::{Draft, Setting, Times};
use super::intern::Interner;
use crate::capture::Timestamp;
use crate::config::Limits;
use crate::decode::{Tcp, TcpFlags, Vlans};
use crate::event::{Anomaly, Event};
use crate::flow::{HoleKind, Key, Piece, Segment, Stream, StreamLimits};
use crate::stats::Counters;
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
    draft: Draft,
    progress: Progress,
    /// When the first byte of each stream came.
    first_byte: Both<Option<Timestamp>>,
    /// Whether a message of the direction was read.
    spoke: Both<bool>,
    vlans: Vlans,
    midstream: bool,
    /// Sessions already told of this connection.
    told: u32,
}

/// What a connection works with and is not its own.
pub(super) struct Scene<'a, E> {
    pub(super) key: Key,
    #[cfg(feature = "ja4plus")]
    pub(super) tcp: &'a super::facts::Handshake,
    pub(super) now: Timestamp,
    pub(super) interner: &'a mut Interner,
    pub(super) counters: &'a mut Counters,
    /// Out-of-order bytes that all connections hold.
    pub(super) waiting: &'a mut usize,
    pub(super) limits: &'a Limits,
    pub(super) emit: &'a mut E,
}

impl Connection {
    pub(super) fn new(limits: &Limits) -> Self {
        let caps = Caps { client_hello: limits.client_hello_bytes, other: limits.handshake_message_bytes };
        let reading = Reading {
            session: Session::new(caps),
            draft: Draft::default(),
            progress: Progress::Reading,
            first_byte: Both::default(),
            spoke: Both::default(),
            vlans: Vlans::default(),
            midstream: false,
            told: 0,
        };
        Self { streams: Both::default(), reading, unfit: 0, reset: false }
    }

    /// Makes it ready for a connection whose directions start at these sequence numbers, where they are known.
    pub(super) fn open(&mut self, starts: Both<Option<u32>>, vlans: Vlans) {
        for direction in [Direction::Forward, Direction::Backward] {
            self.streams[direction].reset();
            if let Some(seq) = starts[direction] {
                self.streams[direction].start_at(seq);
            }
        }
        (self.unfit, self.reset) = (0, false);
        let reading = &mut self.reading;
        reading.session.reset();
        reading.draft = Draft::default();
        reading.progress = Progress::Reading;
        reading.first_byte = Both::default();
        reading.spoke = Both::default();
        reading.vlans = vlans;
        reading.midstream = starts.forward.is_none() && starts.backward.is_none();
        reading.told = 0;
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
            if stream.would_begin_with(&segment) {
                reading.first_byte[from].get_or_insert(scene.now);
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
        streams as u64
            ^ self.reading.session.glance()
            ^ self.reading.draft.last().map_or(0, |last| last.0.cast_unsigned())
            ^ u64::from(self.reading.told)
    }

    /// Whether both sides, or a reset, have ended it.
    pub(super) fn is_closed(&self) -> bool {
        self.reset || (self.streams.forward.is_complete() && self.streams.backward.is_complete())
    }

    /// Nothing more will come: what waits is handed on, and what is left to tell is told.
    pub(super) fn finish(&mut self, scene: &mut Scene<'_, impl FnMut(Event)>) {
        scene.now = self.reading.draft.last().unwrap_or(scene.now);
        for from in [Direction::Forward, Direction::Backward] {
            self.give_up_waiting(from, HoleKind::Gap, scene);
        }
        let Reading { session, draft, first_byte, spoke, .. } = &mut self.reading;
        session.finish(&mut |from, message| {
            scene.counters.note(&message);
            let first = if spoke[from] { scene.now } else { first_byte[from].unwrap_or(scene.now) };
            draft.take(from, message, Times { now: scene.now.max(first), first }, scene.interner);
        });
        let differs = self.streams.forward.differs() || self.streams.backward.differs();
        self.reading.tell(differs, scene);
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
            if self.unfit >= MAX_UNFIT && !self.reading.draft.has_content() {
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
        if self.progress != Progress::Reading {
            return;
        }
        let Self { session, draft, first_byte, spoke, told, vlans, midstream, .. } = self;
        let now = scene.now;
        let mut said = |from: Direction, message: Message<'_>| {
            if matches!(message, Message::Renegotiation) && draft.has_content() {
                let setting = setting(scene, Context { vlans: *vlans, midstream: *midstream, ordinal: *told });
                *told = told.saturating_add(1);
                (scene.emit)(draft.finish(setting));
            }
            scene.counters.note(&message);
            let first = if spoke[from] { now } else { first_byte[from].unwrap_or(now) };
            spoke[from] = true;
            draft.take(from, message, Times { now, first }, scene.interner);
        };
        self.progress = match piece {
            Piece::Bytes(bytes) => session.push(from, bytes, &mut said),
            Piece::Hole { count, why } => session.skip(from, count, loss(why), &mut said),
        };
    }

    fn tell(&mut self, overlap_differs: bool, scene: &mut Scene<'_, impl FnMut(Event)>) {
        if self.draft.has_content() {
            if overlap_differs {
                self.draft.note(Anomaly::TcpOverlapDiffers);
            }
            let context = Context { vlans: self.vlans, midstream: self.midstream, ordinal: self.told };
            let setting = setting(scene, context);
            (scene.emit)(self.draft.finish(setting));
        }
    }
}

struct Context {
    vlans: Vlans,
    midstream: bool,
    ordinal: u32,
}

fn setting<E>(scene: &Scene<'_, E>, context: Context) -> Setting {
    Setting {
        ends: Both { forward: scene.key.sender(Direction::Forward), backward: scene.key.sender(Direction::Backward) },
        vlans: context.vlans,
        midstream: context.midstream,
        ordinal: context.ordinal,
        #[cfg(feature = "ja4plus")]
        tcp: scene.tcp.facts(),
    }
}

fn loss(why: HoleKind) -> Loss {
    match why {
        HoleKind::Gap => Loss::Gap,
        HoleKind::Cut => Loss::Truncated,
        HoleKind::Limit => Loss::Limit,
    }
}

impl Counters {
    fn note(&mut self, message: &Message<'_>) {
        match message {
            Message::Lost { within: Some(_), loss: Loss::Limit } => {
                self.message_limit = self.message_limit.saturating_add(1)
            }
            Message::Lost { within: None, loss: Loss::Limit } => {
                self.reassembly_limit = self.reassembly_limit.saturating_add(1)
            }
            Message::Lost { within: None, loss: Loss::Gap } => self.gaps = self.gaps.saturating_add(1),
            _ => {}
        }
    }
}

/// Segments that may pass before a connection whose start was missed is taken for something else.
const MAX_UNFIT: u8 = 8;
