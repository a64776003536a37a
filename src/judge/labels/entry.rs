//! One entry of the knowledge base: a piece of software, and the fingerprints it is known by.

use std::fmt;

use crate::event::labels::{Role, Specificity};

/// An entry, as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub software: String,
    /// How it was set up, where that changes what it sends.
    pub setup: Option<String>,
    pub versions: Vec<String>,
    pub library: Option<String>,
    pub library_versions: Vec<String>,
    pub role: Option<Role>,
    pub specificity: Specificity,
    /// Where the software came from, such as `Debian curl`.
    pub package: Option<String>,
    pub os: Option<String>,
    /// `measured`, or the name of the list it was imported from.
    pub source: String,
    /// `2026-11-25`
    pub date: Option<String>,
    /// The command that was run, or what else says how the fingerprints were got.
    pub how: Option<String>,
    pub notes: Option<String>,
    pub hellos: Vec<Hello>,
    pub servers: Vec<Print>,
    /// `file:line`
    pub place: String,
}

/// A ClientHello: what is given of it must all be so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Hello {
    pub form: Option<Form>,
    pub ja4: Option<[u8; JA4]>,
    /// Absent where the client shuffles its extensions.
    pub ja3: Option<[u8; 16]>,
    pub ja3n: Option<[u8; 16]>,
    pub stable: Option<[u8; JA4]>,
}

/// What a client was asked for when it sent a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A host by its name, for the first time.
    Name,
    /// A session was offered for resumption.
    Resumed,
    /// A host by its address.
    Address,
}

/// One fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Print {
    Ja4([u8; JA4]),
    Ja3([u8; 16]),
    Ja3n([u8; 16]),
    Stable([u8; JA4]),
    Ja3s([u8; 16]),
    Ja4x([u8; JA4X]),
    CertificateMd5([u8; 16]),
    CertificateSha1([u8; 20]),
    CertificateSha256([u8; 32]),
}

impl Form {
    pub const ALL: [Self; 3] = [Self::Name, Self::Resumed, Self::Address];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Resumed => "resumed",
            Self::Address => "address",
        }
    }
}

impl Hello {
    pub fn prints(&self) -> impl Iterator<Item = Print> {
        let ja4 = self.ja4.map(Print::Ja4);
        let stable = self.stable.map(Print::Stable);
        [ja4, self.ja3.map(Print::Ja3), self.ja3n.map(Print::Ja3n), stable].into_iter().flatten()
    }
}

impl Entry {
    /// `3.1 – 3.5`, where there is more than one.
    pub fn version(&self) -> Option<String> {
        range(&self.versions)
    }

    /// `OpenSSL 3.0.22`
    pub fn library(&self) -> Option<String> {
        let library = self.library.as_ref()?;
        Some(match range(&self.library_versions) {
            Some(versions) => format!("{library} {versions}"),
            None => library.clone(),
        })
    }

    pub fn prints(&self) -> impl Iterator<Item = Print> {
        self.hellos.iter().flat_map(Hello::prints).chain(self.servers.iter().copied())
    }
}

impl Print {
    /// The key of the file format.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Ja4(_) => "ja4",
            Self::Ja3(_) => "ja3",
            Self::Ja3n(_) => "ja3n",
            Self::Stable(_) => "stable",
            Self::Ja3s(_) => "ja3s",
            Self::Ja4x(_) => "ja4x",
            Self::CertificateMd5(_) => "certificate_md5",
            Self::CertificateSha1(_) => "certificate_sha1",
            Self::CertificateSha256(_) => "certificate_sha256",
        }
    }

    /// A fingerprint of that kind, in any case; `None` where the text is none, or there is no such kind.
    pub fn parse(kind: &str, text: &str) -> Option<Self> {
        Some(match kind {
            "ja4" => Self::Ja4(ja4(text)?),
            "stable" => Self::Stable(ja4(text)?),
            "ja3" => Self::Ja3(hex(text)?),
            "ja3n" => Self::Ja3n(hex(text)?),
            "ja3s" => Self::Ja3s(hex(text)?),
            "ja4x" => Self::Ja4x(ja4x(text)?),
            "certificate_md5" => Self::CertificateMd5(hex(text)?),
            "certificate_sha1" => Self::CertificateSha1(hex(text)?),
            "certificate_sha256" => Self::CertificateSha256(hex(text)?),
            _ => return None,
        })
    }

    /// Whatever a text may be a fingerprint of.
    pub fn all_of(text: &str) -> Vec<Self> {
        KINDS.iter().filter_map(|kind| Self::parse(kind, text)).collect()
    }
}

impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, bytes): (&[u8], &[u8]) = match self {
            Self::Ja4(text) | Self::Stable(text) => (text, &[]),
            Self::Ja4x(text) => (text, &[]),
            Self::Ja3(hash) | Self::Ja3n(hash) | Self::Ja3s(hash) | Self::CertificateMd5(hash) => (&[], hash),
            Self::CertificateSha1(hash) => (&[], hash),
            Self::CertificateSha256(hash) => (&[], hash),
        };
        text.iter().try_for_each(|&byte| fmt::Write::write_char(f, byte.into()))?;
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The first and the last of versions that are in order.
pub fn range(versions: &[String]) -> Option<String> {
    match versions {
        [] => None,
        [only] => Some(only.clone()),
        [first, .., last] => Some(format!("{first} – {last}")),
    }
}

/// `t13d1516h2_8daaf6152771_e5627efa2ab1`
fn ja4(text: &str) -> Option<[u8; JA4]> {
    let mut out = [0; JA4];
    let bytes = text.trim().as_bytes();
    if bytes.len() != JA4 {
        return None;
    }
    for ((at, to), byte) in out.iter_mut().enumerate().zip(bytes) {
        let is_right = match at {
            10 | 23 => *byte == b'_',
            0..10 => byte.is_ascii_alphanumeric(),
            _ => byte.is_ascii_hexdigit(),
        };
        if !is_right {
            return None;
        }
        *to = byte.to_ascii_lowercase();
    }
    // The letters of an ALPN value keep their case.
    let alpn = bytes.get(8..10)?;
    out.get_mut(8..10)?.copy_from_slice(alpn);
    matches!(out.first()?, b't' | b'q' | b'd').then_some(out)
}

/// `96a6439c8f5c_96a6439c8f5c_aae71e8db6d7`
fn ja4x(text: &str) -> Option<[u8; JA4X]> {
    let out: [u8; JA4X] = text.trim().to_ascii_lowercase().into_bytes().try_into().ok()?;
    let fits = |(at, byte): (usize, &u8)| if at == 12 || at == 25 { *byte == b'_' } else { byte.is_ascii_hexdigit() };
    out.iter().enumerate().all(fits).then_some(out)
}

/// Hex digits, with colons between the bytes or without.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    let mut digits = text.trim().chars().filter(|c| *c != ':').map(|c| c.to_digit(16));
    for byte in &mut out {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    digits.next().is_none().then_some(out)
}

/// Kinds of fingerprints that an entry's `hellos` may have, and its `servers`.
pub const HELLO_KINDS: [&str; 4] = ["ja4", "ja3", "ja3n", "stable"];
pub const SERVER_KINDS: [&str; 5] = ["ja3s", "ja4x", "certificate_md5", "certificate_sha1", "certificate_sha256"];
const KINDS: [&str; 9] =
    ["ja4", "stable", "ja3", "ja3n", "ja3s", "ja4x", "certificate_md5", "certificate_sha1", "certificate_sha256"];
const JA4: usize = 36;
const JA4X: usize = 38;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_printed_as_it_was_written() {
        for (kind, text) in [
            ("ja4", "t13d1516h2_8daaf6152771_e5627efa2ab1"),
            ("stable", "q13d0310H3_55b375c5d22e_178839b6cec1"),
            ("ja3", "0149f47eabf9a20d0893e2a44e5a6323"),
            ("ja4x", "2bab15409345_af684594efb4_000000000000"),
            ("certificate_sha1", "4da14224452c1fe61f46b1112c43ecfd9f322c82"),
        ] {
            assert_eq!(
                Print::parse(kind, text).map(|print| (print.kind(), print.to_string())),
                Some((kind, text.into()))
            );
        }
    }

    #[test]
    fn what_is_no_fingerprint_is_refused() {
        for (kind, text) in [
            ("ja4", "t13d1516h2_8daaf6152771_e5627efa2ab"),
            ("ja4", "t13d1516h2-8daaf6152771_e5627efa2ab1"),
            ("ja4", "x13d1516h2_8daaf6152771_e5627efa2ab1"),
            ("ja4", "t13d1516h2_8daaf615277g_e5627efa2ab1"),
            ("ja3", "0149f47eabf9a20d0893e2a44e5a632"),
            ("ja3", "0149f47eabf9a20d0893e2a44e5a63233"),
            ("certificate_sha1", "ä"),
            ("ja4h", "ge11cn060000_4e59edc1297a_4da5efaf0cbd"),
        ] {
            assert_eq!(Print::parse(kind, text), None, "{kind} {text}");
        }
    }

    #[test]
    fn hashes_may_have_colons_and_capitals() {
        let with = Print::parse("ja3", "01:49:F4:7E:AB:F9:A2:0D:08:93:E2:A4:4E:5A:63:23");
        assert_eq!(with, Print::parse("ja3", "0149f47eabf9a20d0893e2a44e5a6323"));
    }
}
