//! MySQL and MariaDB: the server greets, and the client goes over to TLS in the middle of its answer (MySQL
//! documentation, "Protocol::SSLRequest").

use super::{Evidence, Expect, Notes, Unit};

/// A server's greeting, protocol version 10: the first packet, with a length that a greeting has. `None` where it is
/// something else.
pub(super) fn greeting(view: &[u8], notes: &mut Notes) -> Option<Unit> {
    let (length, version) = match *view {
        [length @ GREETING..=0xff, 0, 0, 0, 10, ref version @ ..] => (length, version),
        [GREETING..=0xff] | [GREETING..=0xff, 0] | [GREETING..=0xff, 0, 0] | [GREETING..=0xff, 0, 0, 0] => {
            return Some(Unit::More);
        }
        _ => return None,
    };
    // Digits, as in `8.0.36`.
    match version.first() {
        None => return Some(Unit::More),
        Some(digit) if !digit.is_ascii_digit() => return None,
        Some(_) => {}
    }
    notes.evidence.add(Evidence::MYSQL);
    Some(Unit::Sized(usize::from(length).saturating_add(HEADER), Expect::Tls))
}

/// A client's SSLRequest: the second packet, 32 bytes, with the flag CLIENT_SSL. `None` where it is something else.
pub(super) fn request(view: &[u8], notes: &mut Notes) -> Option<Unit> {
    match *view {
        [REQUEST, 0, 0, 1, _, flags, ..] if flags & CLIENT_SSL != 0 => {
            notes.evidence.add(Evidence::MYSQL);
            Some(Unit::Sized(usize::from(REQUEST).saturating_add(HEADER), Expect::Tls))
        }
        [REQUEST] | [REQUEST, 0] | [REQUEST, 0, 0] | [REQUEST, 0, 0, 1] | [REQUEST, 0, 0, 1, _] => Some(Unit::More),
        _ => None,
    }
}

/// Three bytes of length, and a number.
const HEADER: usize = 4;
const REQUEST: u8 = 32;
/// The fewest bytes of a greeting.
const GREETING: u8 = 40;
/// Bit 11 of the capabilities, in their second byte.
const CLIENT_SSL: u8 = 0x08;
