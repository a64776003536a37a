// SPDX-License-Identifier: LicenseRef-FoxIO-1.1
//! JA4+: JA4S, JA4X, JA4T, JA4TS, JA4L and JA4LS (feature `ja4plus`; FoxIO License 1.1, patent pending; see `NOTICE`).
//!
//! In: facts of hellos, certificates and TCP handshakes. Out: `Copy` values that print themselves. Does not parse
//! packets, hellos or certificates.

mod ja4l;
mod ja4s;
mod ja4t;
mod ja4x;

pub use ja4l::{Ja4l, Ja4ls, Leg};
pub use ja4s::{Ja4s, ServerFacts, ja4s_r};
pub use ja4t::{Ja4t, Ja4ts};
pub use ja4x::{Ja4x, OidLists};

/// What a TCP (or, for JA4L, QUIC) handshake gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpPrints {
    pub ja4t: Option<Ja4t>,
    pub ja4ts: Option<Ja4ts>,
    pub ja4l: Option<Ja4l>,
    pub ja4ls: Option<Ja4ls>,
}
