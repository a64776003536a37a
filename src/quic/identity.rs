//! Which connection it is: its connection ids, its versions, and what is remembered of them when it is over.

use arrayvec::ArrayVec;

use super::google;
use super::header::{self, Long, MAX_ID, Packet};
use super::version::{Kind, is_reserved};
use crate::wire::{Both, Direction};

pub(super) type Id = ArrayVec<u8, MAX_ID>;

/// What a session knows of its connection, beside the handshake.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The sender of the client's hello, or of what can only be a client's.
    pub client: Option<Direction>,
    /// In force: of the server's Initial packets, else of the client's last; 0 where there was none.
    pub version: u32,
    /// Of the client's first packet, where it was another.
    pub original_version: Option<u32>,
    /// Destination connection id of the client's first Initial packet.
    pub client_initial_dcid: Option<&'a [u8]>,
    pub client_scid: Option<&'a [u8]>,
    pub server_scid: Option<&'a [u8]>,
    /// A Retry packet was seen.
    pub retry: bool,
    /// A Version Negotiation packet was seen.
    pub version_negotiation: bool,
    /// The client hello of gQUIC, which is no hello of TLS.
    pub gquic: Option<GquicHello<'a>>,
    /// Which packets each direction has sent.
    pub seen: Both<Seen>,
}

/// What a client hello of gQUIC says, as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GquicHello<'a> {
    /// Tag SNI.
    pub server_name: Option<&'a [u8]>,
    /// Tag UAID.
    pub user_agent: Option<&'a [u8]>,
}

/// Which kinds of packets a direction has sent so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    pub initial: bool,
    /// 0-RTT packets: the client has sent data before the server answered.
    pub zero_rtt: bool,
    pub handshake: bool,
    pub one_rtt: bool,
}

/// Connection ids and versions, as they became known.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub(super) client: Option<Direction>,
    /// Who sent the first Initial packet, which could not be read so far.
    met: Option<Direction>,
    pub(super) version: u32,
    pub(super) first_version: u32,
    /// The version is the server's choice.
    answered: bool,
    pub(super) initial_dcid: Option<Id>,
    /// What the client's Initial packets went on with: what a Retry named, or another after Version Negotiation.
    pub(super) second_dcid: Option<Id>,
    pub(super) client_scid: Option<Id>,
    pub(super) server_scid: Option<Id>,
    pub(super) retry: bool,
    pub(super) negotiation: bool,
    /// gQUIC before its packets were protected.
    pub(super) is_public: bool,
}

impl Identity {
    /// Notes the first Initial packet, before anything is known of it: a client's, more likely than not.
    pub(super) fn meet(&mut self, from: Direction, long: &Long<'_>) {
        match self.met {
            _ if self.client.is_some() => {}
            None => {
                self.met = Some(from);
                self.take(long);
            }
            Some(met) if met != from => self.server_scid = Id::try_from(long.scid).ok(),
            Some(_) => {}
        }
    }

    /// The first packet that could be read, a client's.
    pub(super) fn begin(&mut self, from: Direction, long: &Long<'_>) {
        self.client = Some(from);
        self.server_scid = None;
        // A client may have tried a version before that its server did not know, or nobody does.
        let goes_on = self.met == Some(from) && self.version != long.version;
        if goes_on && (self.negotiation || is_reserved(self.version)) {
            self.version = long.version;
            self.second_dcid = Id::try_from(long.dcid).ok();
            self.client_scid = Id::try_from(long.scid).ok();
        } else {
            self.take(long);
        }
    }

    /// A server's Retry, where nothing came before it.
    pub(super) fn begin_at_retry(&mut self, server: Direction, long: &Long<'_>) {
        *self = Self {
            client: Some(server.reverse()),
            version: long.version,
            first_version: long.version,
            second_dcid: Id::try_from(long.scid).ok(),
            client_scid: Id::try_from(long.dcid).ok(),
            retry: true,
            negotiation: self.negotiation,
            ..Self::default()
        };
    }

    /// A packet of gQUIC, a client's, whose hash holds.
    pub(super) fn begin_public(&mut self, from: Direction, packet: &google::Packet<'_>) {
        if self.client.is_none() {
            self.client = Some(from);
            self.first_version = packet.version;
            self.initial_dcid = Id::try_from(packet.dcid).ok();
            self.is_public = true;
        }
        self.version = packet.version;
    }

    /// What a packet's header says, once it is known who is who.
    pub(super) fn hear(&mut self, from: Direction, long: &Long<'_>) {
        let Some(client) = self.client else { return };
        if client == from {
            let known = [&self.initial_dcid, &self.second_dcid];
            if !known.iter().any(|id| id.as_deref() == Some(long.dcid)) {
                self.server_scid = Id::try_from(long.dcid).ok();
            }
            if !self.answered {
                self.version = long.version;
            }
        } else {
            self.server_scid = Id::try_from(long.scid).ok();
            self.version = long.version;
            self.answered = true;
        }
    }

    /// Whether a client's packet with keys of its own belongs to this connection: it brings a token, another version, or
    /// the client's own id. Else it is the beginning of another one.
    pub(super) fn goes_on(&self, long: &Long<'_>) -> bool {
        let is_old = self.second_dcid.is_some() && self.initial_dcid.as_deref() == Some(long.dcid);
        let is_ours = !long.scid.is_empty() && self.client_scid.as_deref() == Some(long.scid);
        !is_old && (!long.token.is_empty() || long.version != self.version || is_ours)
    }

    /// The client goes on with another id, under new keys.
    pub(super) fn turn(&mut self, long: &Long<'_>) {
        let id = Id::try_from(long.dcid).ok();
        match self.initial_dcid {
            // Its first packet was captured after the server's Retry.
            None if long.token.is_empty() => self.initial_dcid = id,
            _ => self.second_dcid = id,
        }
    }

    pub(super) fn trace(&self) -> Trace {
        let hash = |id: &Option<Id>| id.as_ref().map_or(NONE, |id| hash(id));
        Trace { ids: [&self.initial_dcid, &self.second_dcid, &self.client_scid, &self.server_scid].map(hash) }
    }

    fn take(&mut self, long: &Long<'_>) {
        self.version = long.version;
        self.first_version = long.version;
        self.initial_dcid = Id::try_from(long.dcid).ok();
        self.client_scid = Id::try_from(long.scid).ok();
    }
}

/// Which connection a session was: hashes of its connection ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trace {
    ids: [Hash; 4],
}

type Hash = [u8; 3];

impl Trace {
    /// Whether a datagram on the same addresses begins another connection: it has a client's Initial packet, and none of
    /// this connection's ids. A late or repeated Initial packet of this connection is none.
    pub fn is_another(&self, payload: &[u8], cut: u32) -> bool {
        if let Some(id) = google::connection_id(payload) {
            return self.lacks(id);
        }
        let Some(Packet::Long(long)) = header::read(payload) else { return false };
        let is_clients = long.kind == Kind::Initial
            && long.dcid.len() >= SHORTEST_INITIAL_DCID
            && payload.len().saturating_add(usize::try_from(cut).unwrap_or(0)) >= SHORTEST_DATAGRAM;
        is_clients && self.lacks(long.dcid) && self.lacks(long.scid)
    }

    fn lacks(&self, id: &[u8]) -> bool {
        id.is_empty() || !self.ids.contains(&hash(id))
    }
}

/// FNV-1a, folded to three bytes. Nothing hangs on collisions but whether a second connection of the same ports is read.
fn hash(id: &[u8]) -> Hash {
    let hash = id.iter().fold(0x811c_9dc5_u32, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let [a, b, c, d] = hash.to_be_bytes();
    let folded = [a ^ b, c, d];
    if folded == NONE { [0, 0, 1] } else { folded }
}

const NONE: Hash = [0; 3];
/// A client's first Destination Connection ID has at least so many bytes (RFC 9000, section 7.2).
pub(super) const SHORTEST_INITIAL_DCID: usize = 8;
/// Payload of a datagram with an Initial packet of a client, at the least (RFC 9000, section 14.1).
pub(super) const SHORTEST_DATAGRAM: usize = 1200;
