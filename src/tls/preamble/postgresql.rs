//! PostgreSQL: a client asks for TLS with a packet of eight bytes, the server answers with one
//! (PostgreSQL documentation, "SSL Session Encryption" and "GSSAPI Session Encryption").

use crate::tls::record::{ALERT, HANDSHAKE};

use super::{Evidence, Expect, Notes, Unit};

/// A client's first packet: SSLRequest or GSSENCRequest. `None` where it is neither.
pub(super) fn first_request(view: &[u8], notes: &mut Notes) -> Option<Unit> {
    let known = view.get(..SSL_REQUEST.len()).unwrap_or(view);
    if known != SSL_REQUEST && known != GSSENC_REQUEST {
        return (SSL_REQUEST.starts_with(known) || GSSENC_REQUEST.starts_with(known)).then_some(Unit::More);
    }
    notes.evidence.add(Evidence::POSTGRESQL);
    Some(Unit::Sized(SSL_REQUEST.len(), Expect::PostgresqlRequest))
}

/// After one that the server refused: the other, and no start of a session in the clear.
pub(super) fn request(view: &[u8], notes: &mut Notes) -> Unit {
    first_request(view, notes).unwrap_or(Unit::Other)
}

/// A server's answer: `S` for TLS, `N` for no, `G` for GSSAPI; TLS or another answer follows. `None` where it is
/// something else.
pub(super) fn answer(view: &[u8], notes: &mut Notes) -> Option<Unit> {
    match *view {
        [b'S', HANDSHAKE | ALERT, ..] => {
            notes.evidence.add(Evidence::POSTGRESQL);
            Some(Unit::Sized(1, Expect::Tls))
        }
        [b'N', b'S', HANDSHAKE | ALERT, ..] => Some(Unit::Sized(1, Expect::PostgresqlAnswer)),
        [b'S' | b'N'] | [b'N', b'S'] => Some(Unit::More),
        _ => None,
    }
}

/// Length, and a version that no protocol has.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const GSSENC_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];
