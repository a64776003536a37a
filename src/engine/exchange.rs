//! A UDP exchange that is being read: the QUIC connection or the DTLS session in it, and its event in the making.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

#[cfg(feature = "ja4plus")]
use super::facts::{Facts, QuicFacts};
use super::telling::{Closing, Origin, Scene, Telling};
use crate::config::Limits;
use crate::decode::{Packet, Tunnel, Udp};
use crate::event::{Event, Protocol, Quic, QuicParameter, TcpLatency};
use crate::tls::{Caps, Message, Progress};
#[cfg(feature = "ja4plus")]
use crate::wire::Both;
use crate::wire::{Direction, registry};
use crate::{dtls, quic};

/// Serves one exchange after another of its kind ([`Exchange::open`]).
#[derive(Debug)]
pub(super) struct Exchange {
    layer: Layer,
    telling: Telling,
    /// The client's, as its hello told them.
    parameters: Vec<QuicParameter>,
    user_agent: Box<[u8]>,
    /// A hello was read that is none of TLS.
    foreign: bool,
    #[cfg(feature = "ja4plus")]
    facts: Both<QuicFacts>,
}

#[derive(Debug)]
enum Layer {
    Quic(Box<quic::Session>),
    Dtls(Box<dtls::Session>),
}

/// What a datagram may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Quic,
    Dtls,
}

/// Which exchange is over, so that what comes late of it begins no other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trace {
    Quic(quic::Trace),
    Dtls(dtls::Trace),
}

impl Kind {
    /// What a datagram may begin, by its content: most traffic over UDP begins nothing, and is told so here at once.
    #[inline]
    pub(super) fn of(udp: &Udp<'_>) -> Option<Self> {
        if quic::Session::may_begin(udp.payload, udp.cut) {
            Some(Self::Quic)
        } else if dtls::Session::may_begin(udp.payload, udp.cut) {
            Some(Self::Dtls)
        } else {
            None
        }
    }
}

impl Trace {
    /// Whether a datagram between the same ends begins another exchange.
    pub(super) fn is_another(&self, udp: &Udp<'_>) -> bool {
        match self {
            Self::Quic(trace) => trace.is_another(udp.payload, udp.cut),
            Self::Dtls(trace) => trace.is_another(udp.payload, udp.cut),
        }
    }
}

impl Exchange {
    pub(super) fn new(kind: Kind, limits: &Limits) -> Self {
        let caps = Caps { client_hello: limits.client_hello_bytes, other: limits.handshake_message_bytes };
        let (layer, protocol) = match kind {
            Kind::Quic => (Layer::Quic(Box::new(quic::Session::new(caps))), Protocol::Quic),
            Kind::Dtls => (Layer::Dtls(Box::new(dtls::Session::new(caps))), Protocol::Dtls),
        };
        Self {
            layer,
            telling: Telling::new(protocol),
            parameters: Vec::new(),
            user_agent: Box::default(),
            foreign: false,
            #[cfg(feature = "ja4plus")]
            facts: Both::default(),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.layer {
            Layer::Quic(_) => Kind::Quic,
            Layer::Dtls(_) => Kind::Dtls,
        }
    }

    /// Makes it ready for an exchange.
    pub(super) fn open(&mut self, origin: Origin<'_>) {
        match &mut self.layer {
            Layer::Quic(session) => session.reset(),
            Layer::Dtls(session) => session.reset(),
        }
        self.telling.open(origin, false);
        self.parameters.clear();
        self.user_agent = Box::default();
        self.foreign = false;
        #[cfg(feature = "ja4plus")]
        {
            self.facts = Both::default();
        }
    }

    /// Takes note of the tunnels that a datagram came through.
    pub(super) fn came_through(&mut self, tunnels: &[Tunnel]) {
        self.telling.came_through(tunnels);
    }

    /// Takes a datagram. Gives [`Progress::Reading`] as long as there is more to learn.
    pub(super) fn take<E: FnMut(Event)>(
        &mut self,
        from: Direction,
        udp: &Udp<'_>,
        packet: &Packet<'_>,
        scene: &mut Scene<'_, E>,
    ) -> Progress {
        let Self { layer, telling, parameters, user_agent, .. } = self;
        telling.begins(from, scene.now);
        let mut said = |from: Direction, message: Message<'_>| {
            if let Message::ClientHello(hello) = &message
                && hello.is_complete()
                && parameters.is_empty()
            {
                let raw = hello.quic_transport_parameters.unwrap_or_default();
                for (id, value) in quic::parameters::Parameters::new(raw).take(MAX_PARAMETERS) {
                    if id == USER_AGENT {
                        *user_agent = value.into();
                    }
                    parameters.push(parameter(id, value));
                }
            }
            telling.take(from, message, scene);
        };
        let progress = match layer {
            Layer::Quic(session) => session.push(from, udp.payload, udp.cut, &mut said),
            Layer::Dtls(session) => session.push(from, udp.payload, udp.cut, &mut said),
        };
        if let Layer::Quic(session) = &self.layer
            && !self.foreign
            && session.facts().gquic.is_some()
        {
            self.foreign = true;
            self.telling.take(from, Message::ForeignHello, scene);
        }
        #[cfg(feature = "ja4plus")]
        self.note_times(from, packet);
        #[cfg(not(feature = "ja4plus"))]
        let _ = packet;
        progress
    }

    /// Nothing more will come: what is left to tell is told.
    pub(super) fn finish<E: FnMut(Event)>(&mut self, scene: &mut Scene<'_, E>) {
        scene.now = self.telling.last().unwrap_or(scene.now);
        let Self { layer, telling, .. } = self;
        let mut said = |from: Direction, message: Message<'_>| telling.take(from, message, scene);
        match layer {
            Layer::Quic(session) => session.finish(&mut said),
            Layer::Dtls(session) => session.finish(&mut said),
        }
        let closing = self.closing();
        if let Some(event) = self.telling.tell(closing, scene.key) {
            (scene.emit)(event);
        }
    }

    /// Whether one side alone was heard.
    pub(super) fn is_unanswered(&self) -> bool {
        self.telling.is_unanswered()
    }

    /// Whether the other side was heard, too; says so once.
    pub(super) fn becomes_answered(&mut self) -> bool {
        self.telling.becomes_answered()
    }

    /// When which kind of packet came, for JA4L.
    #[cfg(feature = "ja4plus")]
    fn note_times(&mut self, from: Direction, packet: &Packet<'_>) {
        let Layer::Quic(session) = &self.layer else { return };
        let carried = session.carried();
        let now = Some((packet.ts, packet.ttl));
        let other_answered = self.facts[from.reverse()].first_handshake.is_some();
        let facts = &mut self.facts[from];
        if carried.initial {
            facts.initial = facts.initial.or(now);
        }
        if carried.handshake {
            facts.first_handshake = facts.first_handshake.or(now);
            if !other_answered {
                facts.last_handshake = now;
            }
        }
    }

    /// Whether a datagram says that this exchange was given up for another.
    pub(super) fn is_left_by(&mut self, from: Direction, udp: &Udp<'_>) -> bool {
        match &mut self.layer {
            Layer::Quic(session) => session.is_another(from, udp.payload, udp.cut),
            Layer::Dtls(session) => session.trace().is_another(udp.payload, udp.cut),
        }
    }

    pub(super) fn trace(&self) -> Trace {
        match &self.layer {
            Layer::Quic(session) => Trace::Quic(session.trace()),
            Layer::Dtls(session) => Trace::Dtls(session.trace()),
        }
    }

    fn closing(&mut self) -> Closing {
        let quic = match &self.layer {
            Layer::Quic(session) => {
                let mut quic = facts(&session.facts());
                quic.parameters = std::mem::take(&mut self.parameters);
                let of_hello = Some(std::mem::take(&mut self.user_agent)).filter(|agent| !agent.is_empty());
                quic.user_agent = quic.user_agent.or(of_hello);
                Some(Box::new(quic))
            }
            Layer::Dtls(_) => None,
        };
        Closing {
            quic,
            tcp: TcpLatency::default(),
            opened: None,
            #[cfg(feature = "ja4plus")]
            facts: match &self.layer {
                Layer::Quic(_) => Facts::Quic(self.facts),
                Layer::Dtls(_) => Facts::None,
            },
        }
    }
}

fn parameter(id: u64, value: &[u8]) -> QuicParameter {
    QuicParameter {
        id,
        number: registry::transport_parameter(id)
            .filter(|known| known.is_integer)
            .and_then(|_| quic::parameters::number(value)),
        length: u16::try_from(value.len()).unwrap_or(u16::MAX),
    }
}

/// What QUIC's own packets told.
fn facts(facts: &quic::Facts<'_>) -> Quic {
    Quic {
        version: facts.version,
        original_version: facts.original_version,
        client_initial_dcid: facts.client_initial_dcid.unwrap_or_default().into(),
        client_scid: facts.client_scid.map(Box::from),
        server_scid: facts.server_scid.map(Box::from),
        retry: facts.retry,
        version_negotiation: facts.version_negotiation,
        // Only a client sends such packets.
        zero_rtt: facts.seen.forward.zero_rtt || facts.seen.backward.zero_rtt,
        parameters: Vec::new(),
        gquic_server_name: facts.gquic.and_then(|hello| hello.server_name).map(Box::from),
        user_agent: facts.gquic.and_then(|hello| hello.user_agent).map(Box::from),
    }
}

/// Google's, until it was retired.
const USER_AGENT: u64 = 0x3129;
/// Transport parameters of a hello that are kept.
const MAX_PARAMETERS: usize = 64;
