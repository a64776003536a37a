//! RDP: one packet of TPKT (RFC 1006) from each side, in which they agree on TLS or on CredSSP, which begins with TLS
//! (MS-RDPBCGR, sections 2.2.1.1 and 2.2.1.2).

use super::{Evidence, Expect, HOLD, Notes, Unit};

/// An X.224 Connection Request with an RDP Negotiation Request, or the Connection Confirm with its response.
pub(super) fn negotiation(view: &[u8], notes: &mut Notes) -> Unit {
    let (length, code) = match *view {
        [3, 0, high, low, _, code, ..] => (usize::from(u16::from_be_bytes([high, low])), code),
        [3] | [3, 0] | [3, 0, _] | [3, 0, _, _] | [3, 0, _, _, _] => return Unit::More,
        _ => return Unit::Other,
    };
    let wanted = match code {
        CONNECTION_REQUEST => NEGOTIATION_REQUEST,
        CONNECTION_CONFIRM => NEGOTIATION_RESPONSE,
        _ => return Unit::Other,
    };
    if !(HEADER..=HOLD).contains(&length) {
        return Unit::Other;
    }
    let Some(packet) = view.get(..length) else { return Unit::More };
    // Behind a cookie or a routing token, where there is one; what may follow it is left unread.
    let body = packet.get(HEADER..).unwrap_or_default();
    let behind_token = match body.windows(2).position(|pair| pair == b"\r\n") {
        Some(place) if body.first().is_some_and(u8::is_ascii_alphabetic) => body.get(place.saturating_add(2)..),
        _ => Some(body),
    };
    match behind_token.unwrap_or_default() {
        [kind, _, 8, 0, protocols, ..] if *kind == wanted && protocols & (TLS | CREDSSP | RDSTLS | CREDSSP_EX) != 0 => {
            notes.evidence.add(Evidence::RDP);
            Unit::Sized(length, Expect::Tls)
        }
        _ => Unit::Other,
    }
}

/// TPKT's four bytes and X.224's seven.
const HEADER: usize = 11;
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;
const NEGOTIATION_REQUEST: u8 = 1;
const NEGOTIATION_RESPONSE: u8 = 2;
const TLS: u8 = 1;
const CREDSSP: u8 = 2;
const RDSTLS: u8 = 4;
const CREDSSP_EX: u8 = 8;
