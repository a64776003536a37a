// SPDX-License-Identifier: LicenseRef-FoxIO-1.1
//! JA4S: how a server answered.
//!
//! In: facts of a ServerHello. Out: a value of fixed length and its unhashed form. Does not read hellos.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt::{self, Write};

use crate::fingerprint::ja4::{alpn_code, hash12, version_code};
use crate::wire::registry::is_grease;

/// A JA4S value: always 25 ASCII characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ja4s([u8; 25]);

/// What JA4S is made of.
#[derive(Debug, Clone, Copy)]
pub struct ServerFacts<'a> {
    /// `t` for TCP, `q` for QUIC, `d` for DTLS.
    pub protocol: u8,
    /// supported_versions' choice, else legacy_version.
    pub version: u16,
    /// Types in wire order, duplicates kept.
    pub extensions: &'a [u16],
    /// The protocol the server chose.
    pub alpn: Option<&'a [u8]>,
    pub cipher: u16,
}

impl Ja4s {
    pub fn of(server: &ServerFacts<'_>) -> Self {
        let hash = hash12(extensions(server).as_bytes());
        let text = format!("{}_{:04x}_", head(server), server.cipher);
        let mut value = [0; 25];
        for (place, byte) in value.iter_mut().zip(text.bytes().chain(hash)) {
            *place = byte;
        }
        Self(value)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Ja4s {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Ja4s {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The unhashed form (`JA4S_r`).
pub fn ja4s_r(server: &ServerFacts<'_>) -> String {
    format!("{}_{:04x}_{}", head(server), server.cipher, extensions(server))
}

/// Protocol, version, number of extensions, ALPN: seven characters.
fn head(server: &ServerFacts<'_>) -> String {
    let count = without_grease(server).count().min(99);
    let [v0, v1] = version_code(server.version).map(char::from);
    let [a0, a1] = alpn_code(server.alpn).map(char::from);
    format!("{}{v0}{v1}{count:02}{a0}{a1}", char::from(server.protocol))
}

fn extensions(server: &ServerFacts<'_>) -> String {
    let mut text = String::with_capacity(server.extensions.len().saturating_mul(5));
    for (index, extension) in without_grease(server).enumerate() {
        let separator = if index > 0 { "," } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}{extension:04x}");
    }
    text
}

fn without_grease(server: &ServerFacts<'_>) -> impl Iterator<Item = u16> {
    server.extensions.iter().copied().filter(|&extension| !is_grease(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls12(extensions: &[u16]) -> ServerFacts<'_> {
        ServerFacts { protocol: b't', version: 0x0303, extensions, alpn: None, cipher: 0xc030 }
    }

    #[test]
    fn the_specifications_example_has_its_value() {
        let server = tls12(&[0x0005, 0x0017, 0xff01, 0x0000]);
        assert_eq!(Ja4s::of(&server).as_str(), "t120400_c030_4e8089b08790");
        assert_eq!(ja4s_r(&server), "t120400_c030_0005,0017,ff01,0000");
    }

    #[test]
    fn extensions_keep_the_wire_order() {
        let tls13 = |extensions| ServerFacts { version: 0x0304, cipher: 0x1301, ..tls12(extensions) };
        assert_eq!(Ja4s::of(&tls13(&[0x002b, 0x0033])).as_str(), "t130200_1301_a56c5b993250");
        assert_eq!(Ja4s::of(&tls13(&[0x0033, 0x002b])).as_str(), "t130200_1301_234ea6891581");
    }

    #[test]
    fn grease_is_neither_counted_nor_hashed() {
        let with = tls12(&[0x0005, 0x0a0a, 0x0017, 0xff01, 0x0000]);
        let without = tls12(&[0x0005, 0x0017, 0xff01, 0x0000]);
        assert_eq!(Ja4s::of(&with), Ja4s::of(&without));
    }

    #[test]
    fn a_hello_without_extensions_hashes_to_zeros() {
        assert_eq!(Ja4s::of(&tls12(&[])).as_str(), "t120000_c030_000000000000");
        assert_eq!(ja4s_r(&tls12(&[])), "t120000_c030_");
    }

    #[test]
    fn more_than_99_extensions_print_99() {
        let many = [0xff01; 120];
        assert!(Ja4s::of(&tls12(&many)).as_str().starts_with("t129900_"));
    }

    #[test]
    fn the_chosen_protocol_gives_two_characters() {
        let server = ServerFacts { alpn: Some(b"h2"), protocol: b'q', ..tls12(&[0x0010]) };
        assert!(Ja4s::of(&server).as_str().starts_with("q1201h2_"));
    }
}
