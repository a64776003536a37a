//! What is said to SOCKS proxies: version 4 and 4A, version 5 (RFC 1928) with a user's name and password (RFC 1929).

use super::{Evidence, Notes, Unit};

/// What may stand next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// The user's name of a version 4 request, and whether a host's follows.
    User4 {
        named: bool,
    },
    Host4,
    /// A client's name and password, or its request.
    Client5,
    Password5,
    Request5,
    /// A server's judgement of the password, or its answer to the request.
    Server5,
    Answer5,
}

/// A unit in the middle of the dialogue.
pub(super) fn unit(expect: Expect, view: &[u8], notes: &mut Notes) -> Unit {
    match expect {
        Expect::User4 { named } => text4(view, if named { then(Expect::Host4) } else { super::Expect::Start }),
        Expect::Host4 => text4(view, super::Expect::Start),
        Expect::Client5 => match *view {
            [1, user, ..] => Unit::Sized(usize::from(user).saturating_add(2), then(Expect::Password5)),
            [1] => Unit::More,
            _ => address5(view, CONNECT, notes),
        },
        Expect::Password5 => match *view {
            [length, ..] => Unit::Sized(usize::from(length).saturating_add(1), then(Expect::Request5)),
            [] => Unit::More,
        },
        Expect::Request5 => address5(view, CONNECT, notes),
        Expect::Server5 => match *view {
            [1, 0, ..] => Unit::Sized(2, then(Expect::Answer5)),
            [1] => Unit::More,
            _ => address5(view, SUCCEEDED, notes),
        },
        Expect::Answer5 => address5(view, SUCCEEDED, notes),
    }
}

/// A version 4 request to connect: port, address, the user's name; with 4A the host's, where the address is 0.0.0.x.
pub(super) fn request4(view: &[u8], notes: &mut Notes) -> Unit {
    let &[4, CONNECT, _, _, a, b, c, d, ..] = view else { return Unit::Other };
    notes.evidence.add(Evidence::SOCKS4);
    Unit::Sized(8, then(Expect::User4 { named: [a, b, c] == [0; 3] && d != 0 }))
}

/// A server's answer to a version 4 request, which it grants. `None` where it is something else.
pub(super) fn answer4(view: &[u8], notes: &mut Notes) -> Option<Unit> {
    match *view {
        [0, GRANTED, ..] => {
            notes.evidence.add(Evidence::SOCKS4);
            Some(Unit::Sized(8, super::Expect::Start))
        }
        [0] => Some(Unit::More),
        _ => None,
    }
}

/// The first unit of version 5: a client's list of methods, or the one that a server chose.
pub(super) fn greeting5(view: &[u8], notes: &mut Notes) -> Unit {
    let (length, next) = match *view {
        [5, NO_AUTHENTICATION, ..] => (2, Expect::Server5),
        // A choice of the password and the judgement of it, or an offer of GSSAPI and another method: the answer to the
        // request, or the client's next unit, tells.
        [5, PASSWORD, 1, 0, 5, SUCCEEDED, ..] => (2, Expect::Server5),
        [5, PASSWORD, 1] | [5, PASSWORD, 1, _] | [5, PASSWORD, 1, 0, 5] => return Unit::More,
        [5, methods @ 1..=MAX_METHODS, first, ..] if first != NO_METHOD => {
            (usize::from(methods).saturating_add(2), Expect::Client5)
        }
        [5] | [5, 1..=MAX_METHODS] => return Unit::More,
        _ => return Unit::Other,
    };
    notes.evidence.add(Evidence::SOCKS5);
    Unit::Sized(length, then(next))
}

/// A request, or the answer to it (RFC 1928, sections 4 and 6).
fn address5(view: &[u8], command: u8, notes: &mut Notes) -> Unit {
    let length = match *view {
        [5, said, 0, 1, ..] if said == command => 10,
        [5, said, 0, 4, ..] if said == command => 22,
        [5, said, 0, 3, name, ..] if said == command => usize::from(name).saturating_add(7),
        [5, said, 0, 3] if said == command => return Unit::More,
        [5] => return Unit::More,
        [5, said] | [5, said, 0] if said == command => return Unit::More,
        _ => return Unit::Other,
    };
    notes.evidence.add(Evidence::SOCKS5);
    Unit::Sized(length, super::Expect::Start)
}

/// Text that ends with a NUL.
fn text4(view: &[u8], then: super::Expect) -> Unit {
    match view.iter().position(|&byte| byte == 0) {
        Some(place) => Unit::Sized(place.saturating_add(1), then),
        None => Unit::Until(0, then),
    }
}

fn then(expect: Expect) -> super::Expect {
    super::Expect::Socks(expect)
}

const CONNECT: u8 = 1;
const SUCCEEDED: u8 = 0;
const GRANTED: u8 = 90;
const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
const MAX_METHODS: u8 = 16;
