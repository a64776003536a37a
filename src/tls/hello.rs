//! The ClientHello (RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2) as a view over its bytes.
//!
//! Order, duplicates, GREASE and unknown numbers are kept. What cannot be read is left out and flagged; nothing is made up.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::EncryptedHello;
use super::extension::*;
use crate::wire::{Cursor, Incomplete};

/// A ClientHello, as far as it could be read.
#[derive(Debug, Clone, Copy)]
pub struct ClientHello<'a> {
    pub legacy_version: u16,
    pub random: [u8; 32],
    pub session_id: &'a [u8],
    /// DTLS's (RFC 6347, section 4.2.1); empty elsewhere.
    pub cookie: &'a [u8],
    pub cipher_suites: U16s<'a>,
    /// Cipher specs of an SSLv2-format hello, three bytes each; empty in a TLS-format one.
    pub sslv2_specs: &'a [u8],
    pub compression_methods: &'a [u8],
    /// The extensions block's content; `None` where the hello ended before it.
    pub extensions: Option<Extensions<'a>>,
    pub server_name: Option<&'a [u8]>,
    pub supported_versions: U16s<'a>,
    pub supported_groups: U16s<'a>,
    pub key_shares: KeyShares<'a>,
    pub point_formats: &'a [u8],
    pub signature_algorithms: U16s<'a>,
    pub signature_algorithms_cert: U16s<'a>,
    pub alpn: Alpn<'a>,
    pub psk_modes: &'a [u8],
    pub certificate_compression: U16s<'a>,
    /// A session_ticket extension that carries a ticket.
    pub offers_ticket: bool,
    pub offers_psk: bool,
    pub offers_early_data: bool,
    pub encrypted_hello: Option<EncryptedHello>,
    /// HeartbeatMode (RFC 6520, section 2).
    pub heartbeat: Option<u8>,
    /// MaxFragmentLength (RFC 6066, section 4).
    pub max_fragment_length: Option<u8>,
    /// RecordSizeLimit (RFC 8449, section 4).
    pub record_size_limit: Option<u16>,
    /// The content of quic_transport_parameters (RFC 9000, section 18), or of its number in the drafts.
    pub quic_transport_parameters: Option<&'a [u8]>,
    pub flaws: Flaws,
}

impl<'a> ClientHello<'a> {
    /// Reads a handshake message's body. A body that ends early gives what came before the end, with
    /// [`Flaws::INCOMPLETE`] set.
    pub fn read(body: &'a [u8]) -> Self {
        Self::read_with(body, |_, _| Ok(()))
    }

    /// The same for DTLS, whose hello has a cookie behind the session id (RFC 6347, section 4.2.1).
    pub fn read_dtls(body: &'a [u8]) -> Self {
        Self::read_with(body, |hello, cursor| {
            hello.cookie = cursor.vec8()?;
            Ok(())
        })
    }

    /// Says that its end is known not to be there.
    pub(super) fn cut(mut self) -> Self {
        self.flaws.set(Flaws::INCOMPLETE);
        self
    }

    fn read_with(
        body: &'a [u8],
        after_session_id: impl FnOnce(&mut Self, &mut Cursor<'a>) -> Result<(), Incomplete>,
    ) -> Self {
        let mut hello = Self::empty();
        let mut cursor = Cursor::new(body);
        if hello.read_fields(&mut cursor, after_session_id).is_err() {
            hello.flaws.set(Flaws::INCOMPLETE);
        }
        hello
    }

    pub(super) fn empty() -> Self {
        Self {
            legacy_version: 0,
            random: [0; 32],
            session_id: &[],
            cookie: &[],
            cipher_suites: U16s::default(),
            sslv2_specs: &[],
            compression_methods: &[],
            extensions: None,
            server_name: None,
            supported_versions: U16s::default(),
            supported_groups: U16s::default(),
            key_shares: KeyShares::default(),
            point_formats: &[],
            signature_algorithms: U16s::default(),
            signature_algorithms_cert: U16s::default(),
            alpn: Alpn::default(),
            psk_modes: &[],
            certificate_compression: U16s::default(),
            offers_ticket: false,
            offers_psk: false,
            offers_early_data: false,
            encrypted_hello: None,
            heartbeat: None,
            max_fragment_length: None,
            record_size_limit: None,
            quic_transport_parameters: None,
            flaws: Flaws::default(),
        }
    }

    /// Whether all of the hello's bytes were there: only then may it be fingerprinted.
    pub fn is_complete(&self) -> bool {
        !self.flaws.has(Flaws::INCOMPLETE)
    }

    fn read_fields(
        &mut self,
        cursor: &mut Cursor<'a>,
        after_session_id: impl FnOnce(&mut Self, &mut Cursor<'a>) -> Result<(), Incomplete>,
    ) -> Result<(), Incomplete> {
        self.legacy_version = cursor.u16()?;
        self.random = cursor.array()?;
        self.session_id = cursor.vec8()?;
        after_session_id(self, cursor)?;
        let length = cursor.u16()?;
        let (ciphers, whole) = cursor.take_readable(usize::from(length));
        self.cipher_suites = U16s::new(ciphers);
        if !whole {
            return Err(Incomplete);
        }
        if length & 1 == 1 {
            self.flaws.set(Flaws::ODD_CIPHER_LIST);
        }
        self.compression_methods = cursor.vec8()?;
        if cursor.is_empty() {
            return Ok(());
        }
        let length = cursor.u16()?;
        let (block, whole) = cursor.take_readable(usize::from(length));
        let read_all = self.read_extensions(Extensions(block));
        if !cursor.is_empty() {
            self.flaws.set(Flaws::TRAILING_BYTES);
        }
        if whole && read_all { Ok(()) } else { Err(Incomplete) }
    }

    /// Takes the extensions' contents; the first of two alike wins. `false` where the block ended within one.
    fn read_extensions(&mut self, extensions: Extensions<'a>) -> bool {
        self.extensions = Some(extensions);
        // Types up to 63 as bits; rarer ones are looked for in the list itself, of which at most 16,384 fit a hello:
        // so only the first few of those are checked for a twin.
        let mut seen = 0u64;
        let mut entries = extensions.entries();
        for (kind, content) in entries.by_ref() {
            let bit = 1u64.checked_shl(u32::from(kind)).unwrap_or(0);
            if seen & bit != 0 || (bit == 0 && extensions.repeats(kind)) {
                self.flaws.set(Flaws::DUPLICATE_EXTENSION);
                if seen & bit != 0 {
                    continue;
                }
            }
            seen |= bit;
            if self.read_extension(kind, content).is_err() {
                self.flaws.set(Flaws::MALFORMED_EXTENSION);
            }
        }
        entries.ended_whole()
    }

    fn read_extension(&mut self, kind: u16, content: &'a [u8]) -> Result<(), Incomplete> {
        let mut cursor = Cursor::new(content);
        match kind {
            SERVER_NAME => self.server_name = host_name(&mut cursor)?,
            MAX_FRAGMENT_LENGTH => self.max_fragment_length = Some(cursor.u8()?),
            SUPPORTED_GROUPS => self.supported_groups = U16s::even(cursor.vec16()?)?,
            EC_POINT_FORMATS => self.point_formats = cursor.vec8()?,
            SIGNATURE_ALGORITHMS => self.signature_algorithms = U16s::even(cursor.vec16()?)?,
            HEARTBEAT => self.heartbeat = Some(cursor.u8()?),
            ALPN => self.alpn = Alpn(cursor.vec16()?),
            COMPRESS_CERTIFICATE => self.certificate_compression = U16s::even(cursor.vec8()?)?,
            RECORD_SIZE_LIMIT => self.record_size_limit = Some(cursor.u16()?),
            SESSION_TICKET => self.offers_ticket = !content.is_empty(),
            PRE_SHARED_KEY => self.offers_psk = true,
            EARLY_DATA => self.offers_early_data = true,
            ENCRYPTED_CLIENT_HELLO => self.encrypted_hello = Some(EncryptedHello::read(content)?),
            SUPPORTED_VERSIONS => self.supported_versions = U16s::even(cursor.vec8()?)?,
            QUIC_TRANSPORT_PARAMETERS | QUIC_TRANSPORT_PARAMETERS_DRAFT => {
                self.quic_transport_parameters = Some(content)
            }
            PSK_KEY_EXCHANGE_MODES => self.psk_modes = cursor.vec8()?,
            SIGNATURE_ALGORITHMS_CERT => self.signature_algorithms_cert = U16s::even(cursor.vec16()?)?,
            KEY_SHARE | KEY_SHARE_DRAFT => {
                self.key_shares = KeyShares(cursor.vec16()?);
                return if self.key_shares.is_whole() { Ok(()) } else { Err(Incomplete) };
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether TLS 1.3, DTLS 1.3 or a draft of it is offered.
    pub fn offers_tls13(&self) -> bool {
        self.supported_versions.iter().any(super::is_tls13)
    }

    /// Types of the extensions, in wire order; empty without a block.
    pub fn extension_types(&self) -> impl Iterator<Item = u16> + Clone + 'a {
        self.extensions.unwrap_or_default().types()
    }
}

/// The first host_name of a server_name extension (RFC 6066, section 3); an empty extension has none.
fn host_name<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a [u8]>, Incomplete> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let mut list = Cursor::new(cursor.vec16()?);
    while !list.is_empty() {
        let kind = list.u8()?;
        let name = list.vec16()?;
        if kind == 0 {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// A list of 16-bit numbers on the wire. An odd last byte is no entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct U16s<'a>(&'a [u8]);

impl<'a> U16s<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn even(bytes: &'a [u8]) -> Result<Self, Incomplete> {
        if bytes.len() & 1 == 0 { Ok(Self(bytes)) } else { Err(Incomplete) }
    }

    pub fn iter(self) -> impl ExactSizeIterator<Item = u16> + Clone + 'a {
        self.0.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair))
    }

    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// An extensions block's content.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extensions<'a>(pub(super) &'a [u8]);

impl<'a> Extensions<'a> {
    pub fn new(block: &'a [u8]) -> Self {
        Self(block)
    }

    /// Types and contents in wire order, up to the first that does not fit the block.
    pub fn entries(self) -> Entries<'a> {
        Entries { cursor: Cursor::new(self.0) }
    }

    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    pub fn types(self) -> impl Iterator<Item = u16> + Clone + 'a {
        self.entries().map(|(kind, _)| kind)
    }

    /// Whether `kind` stands twice among the first extensions.
    fn repeats(self, kind: u16) -> bool {
        self.types().take(TWIN_SEARCH).filter(|&other| other == kind).nth(1).is_some()
    }
}

/// Walks an extensions block.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    cursor: Cursor<'a>,
}

impl Entries<'_> {
    /// After the walk: whether the block ended with its last extension.
    pub fn ended_whole(&self) -> bool {
        self.cursor.is_empty()
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (u16, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut ahead = self.cursor;
        let kind = ahead.u16().ok()?;
        let content = ahead.vec16().ok()?;
        self.cursor = ahead;
        Some((kind, content))
    }
}

/// The protocol names of an ALPN extension (RFC 7301).
#[derive(Debug, Clone, Copy, Default)]
pub struct Alpn<'a>(pub(super) &'a [u8]);

impl<'a> Alpn<'a> {
    pub fn names(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let mut cursor = Cursor::new(self.0);
        std::iter::from_fn(move || cursor.vec8().ok())
    }

    pub fn first(self) -> Option<&'a [u8]> {
        self.names().next()
    }

    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// The entries of a key_share extension.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyShares<'a>(&'a [u8]);

impl<'a> KeyShares<'a> {
    pub fn groups(self) -> impl Iterator<Item = u16> + Clone + 'a {
        Entries { cursor: Cursor::new(self.0) }.map(|(group, _)| group)
    }

    /// Groups with their public keys.
    pub fn entries(self) -> impl Iterator<Item = (u16, &'a [u8])> + Clone {
        Entries { cursor: Cursor::new(self.0) }
    }

    /// Whether the X25519 key inside of X25519MLKEM768's share is the one of the share for X25519 alone. Implementations
    /// make one key pair for both or two: draft-ietf-tls-ecdhe-mlkem, section 3, leaves it to them.
    pub fn hybrid(self) -> Option<HybridShare> {
        let of = |wanted: u16| self.entries().find(|&(group, _)| group == wanted).map(|(_, key)| key);
        let inner = of(X25519MLKEM768)?.last_chunk::<X25519_KEY>()?;
        Some(if of(X25519)? == inner { HybridShare::OneKey } else { HybridShare::TwoKeys })
    }

    fn is_whole(self) -> bool {
        let mut entries = Entries { cursor: Cursor::new(self.0) };
        entries.by_ref().for_each(drop);
        entries.ended_whole()
    }
}

/// How a client that shares X25519MLKEM768 and X25519 made their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HybridShare {
    OneKey,
    TwoKeys,
}

/// What was odd about a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flaws(u8);

impl Flaws {
    /// Bytes that the hello's own lengths promise are not there.
    pub const INCOMPLETE: Self = Self(1);
    pub const ODD_CIPHER_LIST: Self = Self(2);
    pub const DUPLICATE_EXTENSION: Self = Self(4);
    pub const MALFORMED_EXTENSION: Self = Self(8);
    pub const TRAILING_BYTES: Self = Self(16);

    pub fn has(self, flaw: Self) -> bool {
        self.0 & flaw.0 != 0
    }

    pub(super) fn set(&mut self, flaw: Self) {
        self.0 |= flaw.0;
    }
}

const X25519: u16 = 0x001d;
const X25519MLKEM768: u16 = 0x11ec;
/// Octets of an X25519 key (RFC 7748, section 5).
const X25519_KEY: usize = 32;
const TWIN_SEARCH: usize = 64;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    fn hello(ciphers: &[u8], extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.push(0);
        body.extend((ciphers.len() as u16).to_be_bytes());
        body.extend(ciphers);
        body.extend([1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        body
    }

    #[test]
    fn an_odd_cipher_list_makes_no_phantom_entry() {
        let body = hello(&[0x13, 1, 0x13], &[]);
        let hello = ClientHello::read(&body);
        assert_eq!(hello.cipher_suites.iter().collect::<Vec<_>>(), [0x1301]);
        assert!(hello.flaws.has(Flaws::ODD_CIPHER_LIST) && hello.is_complete());
    }

    #[test]
    fn every_cut_of_a_hello_is_incomplete() {
        let body = hello(&[0x13, 1], &[0, 10, 0, 4, 0, 2, 0, 29, 0, 23, 0, 0]);
        assert!(ClientHello::read(&body).is_complete());
        // Without its extensions block a hello is whole too (SSL 3.0 to TLS 1.2 have such hellos).
        let without_block = body.len() - 14;
        for end in (0..body.len()).filter(|&end| end != without_block) {
            assert!(!ClientHello::read(&body[..end]).is_complete(), "cut at {end}");
        }
    }

    #[test]
    fn the_first_of_two_like_extensions_counts_and_both_are_kept() {
        let body = hello(&[0x13, 1], &[0, 10, 0, 4, 0, 2, 0, 29, 0, 10, 0, 4, 0, 2, 0, 23, 0xfa, 0xfa, 0, 0]);
        let hello = ClientHello::read(&body);
        assert_eq!(hello.supported_groups.iter().collect::<Vec<_>>(), [29]);
        assert_eq!(hello.extension_types().collect::<Vec<_>>(), [10, 10, 0xfafa]);
        assert!(hello.flaws.has(Flaws::DUPLICATE_EXTENSION));
    }

    #[test]
    fn a_bad_extension_is_flagged_and_the_rest_is_read() {
        let body = hello(&[0x13, 1], &[0, 0, 0, 3, 0, 9, 0, 0, 11, 0, 2, 1, 0]);
        let hello = ClientHello::read(&body);
        assert_eq!((hello.server_name, hello.point_formats), (None, &[0u8][..]));
        assert!(hello.flaws.has(Flaws::MALFORMED_EXTENSION) && hello.is_complete());
    }
}
