//! JA3, JA3S and `ja3n`: MD5 over decimal lists (Salesforce's method, BSD-3-Clause).
#![forbid(unsafe_code)]

use std::fmt;

use md5::{Digest, Md5};

use super::write::{decimal, decimal_list, text};
use crate::tls::{ClientHello, ServerHello};
use crate::wire::registry::is_grease;

/// The MD5 of a JA3 string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ja3(pub [u8; 16]);

/// A JA3 string without its extensions: what a browser that shuffles them says each time.
#[derive(Debug)]
pub struct Ja3Frame {
    before: String,
    after: String,
}

impl Ja3Frame {
    pub fn of(hello: &ClientHello<'_>) -> Self {
        let mut before = Vec::with_capacity(128);
        decimal(&mut before, hello.legacy_version);
        before.push(b',');
        decimal_list(&mut before, hello.cipher_suites.iter().filter(not_grease));
        before.push(b',');
        let mut after = Vec::with_capacity(32);
        after.push(b',');
        decimal_list(&mut after, hello.supported_groups.iter().filter(not_grease));
        after.push(b',');
        decimal_list(&mut after, hello.point_formats.iter().map(|&format| u16::from(format)));
        Self { before: text(before), after: text(after) }
    }

    /// The JA3 string: legacy version, ciphers, extensions, groups, point formats, in wire order and without GREASE.
    pub fn full(&self, hello: &ClientHello<'_>) -> String {
        self.around(hello.extension_types().filter(not_grease))
    }

    /// JA3 over sorted extensions (`ja3n`): it survives the shuffling of newer browsers.
    pub fn normalised(&self, hello: &ClientHello<'_>) -> Ja3 {
        let mut extensions: Vec<u16> = hello.extension_types().filter(not_grease).collect();
        extensions.sort_unstable();
        Ja3::of_text(&self.around(extensions))
    }

    fn around(&self, extensions: impl IntoIterator<Item = u16>) -> String {
        let mut out = Vec::with_capacity(self.before.len() + self.after.len() + 128);
        out.extend_from_slice(self.before.as_bytes());
        decimal_list(&mut out, extensions);
        out.extend_from_slice(self.after.as_bytes());
        text(out)
    }
}

/// The MD5 of a JA3S string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ja3s(pub [u8; 16]);

impl Ja3 {
    /// Of a JA3 string.
    pub fn of_text(full: &str) -> Self {
        Self(Md5::digest(full).into())
    }

    /// The JA3 string: see [`Ja3Frame::full`].
    pub fn full(hello: &ClientHello<'_>) -> String {
        Ja3Frame::of(hello).full(hello)
    }

    /// `ja3n`: see [`Ja3Frame::normalised`].
    pub fn normalised(hello: &ClientHello<'_>) -> Self {
        Ja3Frame::of(hello).normalised(hello)
    }
}

impl Ja3s {
    pub fn of_text(full: &str) -> Self {
        Self(Md5::digest(full).into())
    }

    /// The JA3S string: legacy version, cipher, extensions in wire order.
    pub fn full(hello: &ServerHello<'_>) -> String {
        let mut out = Vec::with_capacity(48);
        decimal(&mut out, hello.legacy_version);
        out.push(b',');
        decimal(&mut out, hello.cipher_suite);
        out.push(b',');
        decimal_list(&mut out, hello.extension_types());
        text(out)
    }
}

fn not_grease(value: &u16) -> bool {
    !is_grease(*value)
}

impl fmt::Display for Ja3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Ja3s {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ja3(self.0).fmt(f)
    }
}
