// SPDX-License-Identifier: LicenseRef-FoxIO-1.1
//! JA4X: how a certificate was built, from the order of its OIDs.
//!
//! In: the content octets of OIDs as they stand in the DER. Out: three hashes. Does not read certificates.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt;

use crate::fingerprint::ja4::hash12;
use crate::fingerprint::write::hex_digit;

/// A JA4X value: the hashes of three OID lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ja4x {
    issuer: [u8; 12],
    subject: [u8; 12],
    extensions: [u8; 12],
}

/// What JA4X is made of: DER content octets of OIDs (`2.5.4.6` is `55 04 06`), in the certificate's order.
#[derive(Debug, Clone, Copy, Default)]
pub struct OidLists<'a> {
    /// Attribute types of the issuer, those of multi-valued RDNs one by one.
    pub issuer: &'a [&'a [u8]],
    /// Attribute types of the subject, likewise.
    pub subject: &'a [&'a [u8]],
    pub extensions: &'a [&'a [u8]],
}

impl Ja4x {
    pub fn of(lists: &OidLists<'_>) -> Self {
        Self {
            issuer: hash12(joined(lists.issuer).as_bytes()),
            subject: hash12(joined(lists.subject).as_bytes()),
            extensions: hash12(joined(lists.extensions).as_bytes()),
        }
    }
}

impl OidLists<'_> {
    /// The unhashed form (`JA4X_r`).
    pub fn raw(&self) -> String {
        [self.issuer, self.subject, self.extensions].map(joined).join("_")
    }
}

impl fmt::Display for Ja4x {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |hash: &[u8; 12]| hash.map(char::from);
        let [issuer, subject, extensions] = [&self.issuer, &self.subject, &self.extensions].map(text);
        for part in [&issuer[..], &['_'], &subject, &['_'], &extensions] {
            for digit in part {
                fmt::Write::write_char(f, *digit)?;
            }
        }
        Ok(())
    }
}

fn joined(oids: &[&[u8]]) -> String {
    let mut text = String::with_capacity(oids.len().saturating_mul(8));
    for (index, oid) in oids.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        for byte in *oid {
            text.extend([byte >> 4, byte & 0x0f].map(|nibble| char::from(hex_digit(nibble))));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
    const STATE: &[u8] = &[0x55, 0x04, 0x08];
    const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

    #[test]
    fn the_specifications_example_has_its_value() {
        let name = [COMMON_NAME, COUNTRY, STATE, ORGANIZATION];
        let extensions: [&[u8]; 3] = [&[0x55, 0x1d, 0x0f], &[0x55, 0x1d, 0x25], &[0x55, 0x1d, 0x11]];
        let lists = OidLists { issuer: &name, subject: &name, extensions: &extensions };
        assert_eq!(Ja4x::of(&lists).to_string(), "96a6439c8f5c_96a6439c8f5c_aae71e8db6d7");
        assert_eq!(lists.raw(), "550403,550406,550408,55040a_550403,550406,550408,55040a_551d0f,551d25,551d11");
    }

    #[test]
    fn an_empty_list_is_zeros() {
        let lists = OidLists::default();
        assert_eq!(Ja4x::of(&lists).to_string(), "000000000000_000000000000_000000000000");
        assert_eq!(lists.raw(), "__");
    }
}
