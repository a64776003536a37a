//! Whether a datagram may begin a QUIC connection, by its header alone: no cryptography, no port.

use super::google;
use super::header::{self, Long, Packet};
use super::identity::{SHORTEST_DATAGRAM, SHORTEST_INITIAL_DCID};
use super::version::{Kind, family, is_reserved};

/// `cut` bytes of the payload were not captured.
pub(super) fn may_begin(payload: &[u8], cut: u32) -> bool {
    let length = payload.len().saturating_add(usize::try_from(cut).unwrap_or(0));
    match header::read(payload) {
        Some(Packet::Long(long)) => match long.kind {
            Kind::Initial => may_be_initial(&long, length) && fits(&long, cut),
            // A server's, where the client's side is not in the capture, or comes later.
            Kind::Retry => cut == 0 && !is_reserved(long.version),
            Kind::Handshake | Kind::ZeroRtt => false,
        },
        Some(Packet::Negotiation(negotiation)) => {
            let (versions, _) = negotiation.versions.as_chunks();
            versions.iter().any(|&version| family(u32::from_be_bytes(version)).is_some())
        }
        Some(Packet::Short) | None => length >= SHORTEST_GOOGLE_DATAGRAM && google::Packet::read(payload).is_some(),
    }
}

/// A client's Initial packet comes in a large datagram (RFC 9000, section 14.1); a server's has no token (section 17.2.2).
fn may_be_initial(long: &Long<'_>, length: usize) -> bool {
    let clients = length >= SHORTEST_DATAGRAM && long.dcid.len() >= SHORTEST_INITIAL_DCID;
    clients || long.token.is_empty() && !is_reserved(long.version)
}

/// What the packet's length says must be in the datagram.
fn fits(long: &Long<'_>, cut: u32) -> bool {
    long.missing <= usize::try_from(cut).unwrap_or(usize::MAX)
}

/// gQUIC pads its client hello too, to fewer bytes.
const SHORTEST_GOOGLE_DATAGRAM: usize = 1000;
