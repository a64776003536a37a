//! JA4 (FoxIO's method, BSD-3-Clause) in its four forms, and the resumption-stable key.
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::write::{hex_into, hex_list, text};
use crate::tls::ClientHello;
use crate::wire::registry::is_grease;

/// A JA4 value: always 36 ASCII characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ja4(pub [u8; LENGTH]);

/// The JA4 construction without what comes and goes with resumption. It is tlsight's own, and no JA4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stable(pub Ja4);

/// What a handshake travels in: the first letter of its JA4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    Tcp,
    Quic,
    Dtls,
}

/// A hello's JA4 in all forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forms {
    pub ja4: Ja4,
    /// Sorted, not hashed.
    pub ja4_r: Arc<str>,
    /// Wire order.
    pub ja4_o: Ja4,
    pub ja4_ro: String,
    pub stable: Stable,
}

impl Forms {
    /// Of a complete hello.
    pub fn of(hello: &ClientHello<'_>, transport: Transport) -> Self {
        let sorted = Sorted::of(hello, transport);
        let (ja4_o, ja4_ro) = sorted.in_order(hello);
        Self { ja4: sorted.ja4, ja4_r: sorted.ja4_r, ja4_o, ja4_ro, stable: sorted.stable }
    }
}

/// What all hellos have in common that differ only in the order of their extensions and in GREASE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sorted {
    pub ja4: Ja4,
    /// Not hashed.
    pub ja4_r: Arc<str>,
    pub stable: Stable,
    /// The middle of `ja4_o`: ciphers are not sorted for it, and nobody shuffles them.
    ciphers_in_order: [u8; 12],
}

impl Sorted {
    /// Of a complete hello. An SSLv2-format hello counts for nothing but its version, as the references agree.
    pub fn of(hello: &ClientHello<'_>, transport: Transport) -> Self {
        let mut ciphers: Vec<u16> = ciphers(hello).collect();
        let ciphers_in_order = {
            let mut text = Vec::with_capacity(5 * ciphers.len());
            hex_list(&mut text, ciphers.iter().copied());
            hash12(&text)
        };
        ciphers.sort_unstable();
        let counted = extensions(hello).count();
        let mut extensions: Vec<u16> = extensions(hello).filter(|&kind| kind != SERVER_NAME && kind != ALPN).collect();
        extensions.sort_unstable();
        let signatures: Vec<u16> = signatures(hello).collect();
        let head = |extensions: usize| head(hello, transport, Counts { ciphers: ciphers.len(), extensions });
        let raw = |a, extensions: &[u16]| {
            let (ciphers, extensions) = (ciphers.iter().copied(), extensions.iter().copied());
            Raw::of(a, hello, Lists { ciphers, extensions, signatures: signatures.iter().copied() })
        };
        let sorted = raw(head(counted), &extensions);
        let ja4 = sorted.hashed();

        let left_out = extensions.iter().filter(|kind| COMES_AND_GOES.contains(kind)).count();
        let stable = if left_out == 0 {
            ja4
        } else {
            let stays: Vec<u16> = extensions.iter().copied().filter(|kind| !COMES_AND_GOES.contains(kind)).collect();
            raw(head(counted - left_out), &stays).hashed()
        };
        Self { ja4, ja4_r: sorted.text.into(), stable: Stable(stable), ciphers_in_order }
    }

    /// `ja4_o` and `ja4_ro`: wire order.
    pub fn in_order(&self, hello: &ClientHello<'_>) -> (Ja4, String) {
        let mut a = [0; HEAD];
        a.copy_from_slice(&self.ja4.0[..HEAD]);
        let (ciphers, extensions, signatures) = (ciphers(hello), extensions(hello), signatures(hello));
        let raw = Raw::of(a, hello, Lists { ciphers, extensions, signatures });
        (Ja4::of(a, self.ciphers_in_order, raw.last_hashed()), raw.text)
    }

    /// All that [`Sorted::of`] and JA3 over sorted extensions read of a hello: hellos of one key have one value.
    pub fn key(hello: &ClientHello<'_>, transport: Transport, key: &mut Vec<u8>) {
        key.push(transport.letter());
        key.extend(hello.legacy_version.to_be_bytes());
        key.extend(version(hello, transport).to_be_bytes());
        key.extend(alpn_code(hello.alpn.first()));
        let start = key.len();
        put_list(key, extensions(hello));
        key[start + 2..].as_chunks_mut::<2>().0.sort_unstable();
        put_list(key, ciphers(hello));
        put_list(key, signatures(hello));
        put_list(key, hello.supported_groups.iter().filter(not_grease));
        key.extend(hello.point_formats);
    }
}

/// Appends a list, its length first.
fn put_list(key: &mut Vec<u8>, values: impl Iterator<Item = u16>) {
    let start = key.len();
    key.extend([0; 2]);
    for value in values {
        key.extend(value.to_be_bytes());
    }
    let length = (key.len() - start) as u16;
    key[start..start + 2].copy_from_slice(&length.to_be_bytes());
}

fn ciphers(hello: &ClientHello<'_>) -> impl Iterator<Item = u16> {
    hello.cipher_suites.iter().filter(not_grease)
}

fn extensions(hello: &ClientHello<'_>) -> impl Iterator<Item = u16> {
    hello.extension_types().filter(not_grease)
}

fn signatures(hello: &ClientHello<'_>) -> impl Iterator<Item = u16> {
    hello.signature_algorithms.iter().filter(not_grease)
}

/// The lists of a JA4, in the order in which they are to stand.
struct Lists<C, E, S> {
    ciphers: C,
    extensions: E,
    signatures: S,
}

/// A JA4 before hashing.
struct Raw {
    a: [u8; HEAD],
    text: String,
    /// Where extensions and signature algorithms begin.
    last: usize,
}

impl Raw {
    fn of<C, E, S>(a: [u8; HEAD], hello: &ClientHello<'_>, lists: Lists<C, E, S>) -> Self
    where
        C: Iterator<Item = u16>,
        E: Iterator<Item = u16>,
        S: Iterator<Item = u16>,
    {
        // Of two bytes each, as the hello has them; most hellos have fewer than so many extensions.
        let bytes = hello.cipher_suites.as_bytes().len() + hello.signature_algorithms.as_bytes().len();
        let mut raw = Vec::with_capacity(HEAD + 3 + 5 * (bytes / 2 + EXTENSIONS));
        raw.extend_from_slice(&a);
        raw.push(b'_');
        hex_list(&mut raw, lists.ciphers);
        raw.push(b'_');
        let last = raw.len();
        hex_list(&mut raw, lists.extensions);
        let before = raw.len();
        raw.push(b'_');
        hex_list(&mut raw, lists.signatures);
        if raw.len() == before + 1 {
            raw.truncate(before);
        }
        Self { a, text: text(raw), last }
    }

    fn hashed(&self) -> Ja4 {
        let ciphers = &self.text.as_bytes()[HEAD + 1..self.last - 1];
        Ja4::of(self.a, hash12(ciphers), self.last_hashed())
    }

    fn last_hashed(&self) -> [u8; 12] {
        hash12(&self.text.as_bytes()[self.last..])
    }
}

struct Counts {
    ciphers: usize,
    extensions: usize,
}

/// The readable first part.
fn head(hello: &ClientHello<'_>, transport: Transport, counts: Counts) -> [u8; HEAD] {
    let letter = transport.letter();
    let [v1, v2] = version_code(version(hello, transport));
    let sni = if hello.extension_types().any(|kind| kind == SERVER_NAME) { b'd' } else { b'i' };
    let ([c1, c2], [e1, e2]) = (count_code(counts.ciphers), count_code(counts.extensions));
    let [a1, a2] = alpn_code(hello.alpn.first());
    [letter, v1, v2, sni, c1, c2, e1, e2, a1, a2]
}

impl Transport {
    pub fn letter(self) -> u8 {
        match self {
            Transport::Tcp => b't',
            Transport::Quic => b'q',
            Transport::Dtls => b'd',
        }
    }
}

/// The newest version the hello asks for. Numbers of DTLS run backwards.
fn version(hello: &ClientHello<'_>, transport: Transport) -> u16 {
    let offered = hello.supported_versions.iter().filter(not_grease);
    let newest = match transport {
        Transport::Dtls => offered.min(),
        Transport::Tcp | Transport::Quic => offered.max(),
    };
    newest.unwrap_or(hello.legacy_version)
}

/// Two characters for a version number.
pub(crate) fn version_code(version: u16) -> [u8; 2] {
    *match version {
        0x0304 => b"13",
        0x0303 => b"12",
        0x0302 => b"11",
        0x0301 => b"10",
        0x0300 => b"s3",
        0x0002 => b"s2",
        0xfeff => b"d1",
        0xfefd => b"d2",
        0xfefc => b"d3",
        _ => b"00",
    }
}

/// Two digits, 99 for more.
pub(crate) fn count_code(count: usize) -> [u8; 2] {
    let count = count.min(99) as u8;
    [b'0' + count / 10, b'0' + count % 10]
}

/// Two characters for the first ALPN value: its first and last, or hex digits where those are not alphanumeric.
pub(crate) fn alpn_code(first: Option<&[u8]>) -> [u8; 2] {
    match first {
        None | Some([]) => *b"00",
        Some([head, .., tail]) => ends(*head, *tail),
        Some([only]) => ends(*only, *only),
    }
}

fn ends(head: u8, tail: u8) -> [u8; 2] {
    if head.is_ascii_alphanumeric() && tail.is_ascii_alphanumeric() {
        return [head, tail];
    }
    let (mut high, mut low) = ([0; 2], [0; 2]);
    hex_into(&mut high, &[head]);
    hex_into(&mut low, &[tail]);
    [high[0], low[1]]
}

/// The first 12 hex digits of the SHA-256; zeros for nothing.
pub(crate) fn hash12(bytes: &[u8]) -> [u8; 12] {
    let mut out = [b'0'; 12];
    if !bytes.is_empty() {
        hex_into(&mut out, &Sha256::digest(bytes)[..6]);
    }
    out
}

fn not_grease(value: &u16) -> bool {
    !is_grease(*value)
}

impl Ja4 {
    fn of(a: [u8; HEAD], b: [u8; 12], c: [u8; 12]) -> Self {
        let mut value = [b'_'; LENGTH];
        value[..HEAD].copy_from_slice(&a);
        value[HEAD + 1..][..12].copy_from_slice(&b);
        value[HEAD + 14..].copy_from_slice(&c);
        Self(value)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Extensions for which a raw form has room from the beginning.
const EXTENSIONS: usize = 32;
const HEAD: usize = 10;
const LENGTH: usize = 36;
const SERVER_NAME: u16 = 0x0000;
const ALPN: u16 = 0x0010;
/// padding, session_ticket, pre_shared_key, early_data.
const COMES_AND_GOES: [u16; 4] = [0x0015, 0x0023, 0x0029, 0x002a];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpn_takes_its_two_characters_by_the_rule() {
        let rows: [(&[u8], &[u8; 2]); 11] = [
            (b"", b"00"),
            (b"h2", b"h2"),
            (b"http/1.1", b"h1"),
            (b"x", b"xx"),
            (&[0xab], b"ab"),
            (&[0x20], b"20"),
            (&[0xab, 0xcd], b"ad"),
            (&[0x20, 0x61], b"21"),
            (&[0x30, 0xab], b"3b"),
            (&[0x30, 0x31, 0xab, 0xcd], b"3d"),
            (&[0x30, 0xab, 0xcd, 0x31], b"01"),
        ];
        for (name, code) in rows {
            assert_eq!(&alpn_code(Some(name)), code, "{name:x?}");
        }
        assert_eq!(&alpn_code(None), b"00");
    }

    #[test]
    fn more_than_99_print_99() {
        assert_eq!([0, 9, 10, 99, 100, 5000].map(count_code), [*b"00", *b"09", *b"10", *b"99", *b"99", *b"99"]);
    }
}
