//! What the TCP handshake of a flow shows of each end's system (feature `ja4plus`).
#![forbid(unsafe_code)]

use crate::capture::Timestamp;
use crate::decode::{Packet, Tcp, TcpFlags};
use crate::fingerprint::ja4plus::{Ja4l, Ja4ls, Ja4t, Ja4ts, Leg, TcpPrints};
use crate::wire::{Both, Direction};

/// Both ends' parts of the TCP handshake; each takes memory only once it was seen, as most of a flood never is.
#[derive(Debug, Default)]
pub(super) struct Handshake(Both<Option<Box<TcpFacts>>>);

impl Handshake {
    pub(super) fn take(&mut self, from: Direction, tcp: &Tcp<'_>, packet: &Packet<'_>) {
        if tcp.flags.has(TcpFlags::SYN) || self.0[from].as_ref().is_some_and(|facts| facts.acknowledged.is_none()) {
            self.0[from].get_or_insert_default().take(tcp, packet.ts, packet.ttl);
        }
    }

    pub(super) fn facts(&self) -> Both<TcpFacts> {
        let of = |from: Direction| self.0[from].as_deref().copied().unwrap_or_default();
        Both { forward: of(Direction::Forward), backward: of(Direction::Backward) }
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// One end's part of the TCP handshake.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TcpFacts {
    /// Of the SYN or SYN-ACK.
    opening: Option<Opening>,
    /// The first ACK that is no SYN-ACK.
    acknowledged: Option<(Timestamp, u8)>,
}

#[derive(Debug, Clone, Copy)]
struct Opening {
    time: Timestamp,
    ttl: u8,
    window: u16,
    flags: TcpFlags,
    options: [u8; MAX_OPTIONS],
    options_len: u8,
}

impl TcpFacts {
    /// Takes a segment of this end; only the first of its kind counts.
    fn take(&mut self, tcp: &Tcp<'_>, time: Timestamp, ttl: u8) {
        if tcp.flags.has(TcpFlags::SYN) {
            self.opening.get_or_insert_with(|| {
                let mut options = [0; MAX_OPTIONS];
                let len = tcp.options.len().min(MAX_OPTIONS);
                options[..len].copy_from_slice(&tcp.options[..len]);
                Opening { time, ttl, window: tcp.window, flags: tcp.flags, options, options_len: len as u8 }
            });
        } else if tcp.flags.has(TcpFlags::ACK) {
            self.acknowledged.get_or_insert((time, ttl));
        }
    }
}

impl Opening {
    fn print(&self) -> Ja4t {
        Ja4t::of(self.window, &self.options[..usize::from(self.options_len)])
    }

    /// JA4T looks at a SYN with no flag beside it but ECE and CWR together (RFC 3168, section 6.1.1).
    fn is_plain_syn(&self) -> bool {
        matches!(self.flags.0, TcpFlags::SYN) || self.flags.0 == TcpFlags::SYN | TcpFlags::ECE | TcpFlags::CWR
    }

    fn is_syn_ack(&self) -> bool {
        !self.flags.opens()
    }
}

/// What a flow's first packets show, of either transport.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Facts {
    #[default]
    None,
    Tcp(Both<TcpFacts>),
    Quic(Both<QuicFacts>),
}

impl Facts {
    /// JA4T, JA4TS, JA4L and JA4LS of a connection that `client` opened; whichever its capture shows.
    pub(super) fn prints(&self, client: Direction) -> TcpPrints {
        match self {
            Self::None => TcpPrints::default(),
            Self::Tcp(facts) => of_tcp(facts, client),
            Self::Quic(facts) => of_quic(facts, client),
        }
    }
}

/// One end's part of a QUIC handshake: times and TTLs of its packets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct QuicFacts {
    /// The first Initial packet.
    pub(super) initial: Option<(Timestamp, u8)>,
    pub(super) first_handshake: Option<(Timestamp, u8)>,
    /// The last Handshake packet before the other end's first.
    pub(super) last_handshake: Option<(Timestamp, u8)>,
}

fn of_quic(facts: &Both<QuicFacts>, client: Direction) -> TcpPrints {
    let (client, server) = (&facts[client], &facts[client.reverse()]);
    let leg = |sent: Option<(Timestamp, u8)>, answered: Option<(Timestamp, u8)>| {
        let ((sent, _), (answered, ttl)) = sent.zip(answered)?;
        Some(Leg { sent, answered, ttl })
    };
    TcpPrints {
        ja4l: leg(server.last_handshake, client.first_handshake).and_then(Ja4l::of),
        ja4ls: leg(client.initial, server.initial).and_then(Ja4ls::of),
        ..TcpPrints::default()
    }
}

fn of_tcp(facts: &Both<TcpFacts>, client: Direction) -> TcpPrints {
    let (client, server) = (&facts[client], &facts[client.reverse()]);
    let syn = client.opening.filter(Opening::is_plain_syn);
    let syn_ack = server.opening.filter(Opening::is_syn_ack);
    let acknowledged = client.acknowledged.zip(syn_ack);
    TcpPrints {
        ja4t: syn.map(|syn| syn.print()),
        ja4ts: syn_ack.map(|syn_ack| Ja4ts(syn_ack.print())),
        ja4l: acknowledged.and_then(|((time, ttl), syn_ack)| Ja4l::of(Leg { sent: syn_ack.time, answered: time, ttl })),
        ja4ls: syn
            .zip(syn_ack)
            .and_then(|(syn, syn_ack)| Ja4ls::of(Leg { sent: syn.time, answered: syn_ack.time, ttl: syn_ack.ttl })),
    }
}

/// A TCP header has room for so many bytes of options.
const MAX_OPTIONS: usize = 40;
