//! The Initial keys of one connection: made when they are needed, kept while they serve.
//!
//! In: packets, and the side that may have sent them. Out: their frames in a buffer. Knows nothing of the handshake.

use super::header::Long;
use super::identity::Id;
use super::protect::{Keys, Opened, Side, Source};

/// Keys for both sides, derived from one connection id.
#[derive(Debug, Default)]
pub(super) struct Keyring {
    dcid: Option<Id>,
    client: Holder,
    server: Holder,
}

/// What is known of one side's packets.
#[derive(Debug, Default)]
struct Holder {
    held: Option<Held>,
    /// The largest packet number so far.
    largest: Option<u64>,
}

/// Keys that have opened a packet.
#[derive(Debug)]
struct Held {
    version: u32,
    keys: Keys,
}

impl Keyring {
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether keys are made from this id.
    pub(super) fn is_of(&self, dcid: &[u8]) -> bool {
        self.dcid.as_deref() == Some(dcid)
    }

    /// From now on keys are made from this id.
    pub(super) fn turn_to(&mut self, dcid: &[u8]) {
        if !self.is_of(dcid) {
            *self = Self { dcid: Id::try_from(dcid).ok(), ..Self::default() };
        }
    }

    /// Opens a packet of a side with the keys of its version. One connection may change its version on the way
    /// (RFC 9369, section 4.1): the id stays.
    pub(super) fn open(&mut self, side: Side, packet: &Long<'_>, scratch: &mut Vec<u8>) -> Option<Opened> {
        let source = Source { side, dcid: self.dcid.as_deref()? };
        let holder = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        holder.open(source, packet, scratch)
    }

    /// Opens a client's packet with keys made from its own connection id, and keeps those if that succeeds.
    pub(super) fn open_by_own_id(&mut self, packet: &Long<'_>, scratch: &mut Vec<u8>) -> Option<Opened> {
        let mut client = Holder::default();
        let opened = client.open(Source { side: Side::Client, dcid: packet.dcid }, packet, scratch)?;
        self.turn_to(packet.dcid);
        self.client = client;
        Some(opened)
    }
}

impl Holder {
    fn open(&mut self, source: Source<'_>, packet: &Long<'_>, scratch: &mut Vec<u8>) -> Option<Opened> {
        let opened = match self.held.as_ref().filter(|held| held.version == packet.version) {
            Some(held) => held.keys.open(packet, self.largest, scratch)?,
            None => {
                let (keys, opened) = packet.wire.salts.iter().find_map(|salt| {
                    let keys = Keys::derive(packet.wire, salt, source)?;
                    let opened = keys.open(packet, self.largest, scratch)?;
                    Some((keys, opened))
                })?;
                self.held = Some(Held { version: packet.version, keys });
                opened
            }
        };
        self.largest = self.largest.max(Some(opened.number));
        Some(opened)
    }
}
