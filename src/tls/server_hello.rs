//! The ServerHello (RFC 8446, section 4.1.3), its forms in the drafts of TLS 1.3, and the HelloRetryRequest.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::Flaws;
use super::extension::*;
use super::hello::{Alpn, Extensions};
use crate::wire::{Cursor, Incomplete};

/// A ServerHello or HelloRetryRequest, as far as it could be read.
#[derive(Debug, Clone, Copy)]
pub struct ServerHello<'a> {
    pub legacy_version: u16,
    pub random: [u8; 32],
    pub session_id: &'a [u8],
    pub cipher_suite: u16,
    pub compression_method: u8,
    /// `None` where the hello ended before them.
    pub extensions: Option<Extensions<'a>>,
    /// The choice of supported_versions.
    pub selected_version: Option<u16>,
    pub key_share: Option<u16>,
    pub alpn: Option<&'a [u8]>,
    pub selected_psk: Option<u16>,
    /// Of a HelloRetryRequest (RFC 8446, section 4.2.2).
    pub cookie: Option<&'a [u8]>,
    /// The list of signed_certificate_timestamp (RFC 6962, section 3.3), with its length.
    pub timestamps: Option<&'a [u8]>,
    /// HeartbeatMode (RFC 6520, section 2).
    pub heartbeat: Option<u8>,
    /// MaxFragmentLength (RFC 6066, section 4).
    pub max_fragment_length: Option<u8>,
    /// RecordSizeLimit (RFC 8449, section 4).
    pub record_size_limit: Option<u16>,
    pub flaws: Flaws,
}

impl<'a> ServerHello<'a> {
    /// Reads the body of a server_hello message.
    pub fn read(body: &'a [u8]) -> Self {
        Self::read_as(body, Form::ServerHello)
    }

    /// Reads the body of a hello_retry_request message, which drafts of TLS 1.3 before 22 had.
    pub fn read_draft_retry(body: &'a [u8]) -> Self {
        Self::read_as(body, Form::DraftRetry)
    }

    /// Whether its random says that it is a HelloRetryRequest (RFC 8446, section 4.1.3).
    pub fn is_retry(&self) -> bool {
        self.random == RETRY_RANDOM
    }

    /// The version in force: supported_versions' choice, else `legacy_version`.
    pub fn version(&self) -> u16 {
        self.selected_version.unwrap_or(self.legacy_version)
    }

    pub fn is_complete(&self) -> bool {
        !self.flaws.has(Flaws::INCOMPLETE)
    }

    pub fn extension_types(&self) -> impl Iterator<Item = u16> + Clone + 'a {
        self.extensions.unwrap_or_default().types()
    }

    fn read_as(body: &'a [u8], form: Form) -> Self {
        let mut hello = Self {
            legacy_version: 0,
            random: [0; 32],
            session_id: &[],
            cipher_suite: 0,
            compression_method: 0,
            extensions: None,
            selected_version: None,
            key_share: None,
            alpn: None,
            selected_psk: None,
            cookie: None,
            timestamps: None,
            heartbeat: None,
            max_fragment_length: None,
            record_size_limit: None,
            flaws: Flaws::default(),
        };
        let mut cursor = Cursor::new(body);
        if hello.read_fields(&mut cursor, form).is_err() {
            hello.flaws.set(Flaws::INCOMPLETE);
        }
        hello
    }

    fn read_fields(&mut self, cursor: &mut Cursor<'a>, form: Form) -> Result<(), Incomplete> {
        self.legacy_version = cursor.u16()?;
        let draft = is_early_draft(self.legacy_version);
        match form {
            Form::ServerHello => {
                self.random = cursor.array()?;
                if !draft {
                    self.session_id = cursor.vec8()?;
                }
                self.cipher_suite = cursor.u16()?;
                if !draft {
                    self.compression_method = cursor.u8()?;
                }
            }
            Form::DraftRetry if self.legacy_version >= FIRST_DRAFT_WITH_RETRY_CIPHER => {
                self.cipher_suite = cursor.u16()?
            }
            Form::DraftRetry => {}
        }
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

    fn read_extensions(&mut self, extensions: Extensions<'a>) -> bool {
        self.extensions = Some(extensions);
        let mut entries = extensions.entries();
        for (kind, content) in entries.by_ref() {
            let mut cursor = Cursor::new(content);
            let read = match kind {
                SUPPORTED_VERSIONS => cursor.u16().map(|version| self.selected_version = Some(version)),
                KEY_SHARE | KEY_SHARE_DRAFT => cursor.u16().map(|group| self.key_share = Some(group)),
                PRE_SHARED_KEY => cursor.u16().map(|index| self.selected_psk = Some(index)),
                ALPN => cursor.vec16().map(|list| self.alpn = Alpn(list).first()),
                COOKIE => cursor.vec16().map(|cookie| self.cookie = Some(cookie)),
                SIGNED_CERTIFICATE_TIMESTAMP => {
                    self.timestamps = Some(content);
                    cursor.vec16().map(drop)
                }
                HEARTBEAT => cursor.u8().map(|mode| self.heartbeat = Some(mode)),
                MAX_FRAGMENT_LENGTH => cursor.u8().map(|code| self.max_fragment_length = Some(code)),
                RECORD_SIZE_LIMIT => cursor.u16().map(|limit| self.record_size_limit = Some(limit)),
                _ => Ok(()),
            };
            if read.is_err() {
                self.flaws.set(Flaws::MALFORMED_EXTENSION);
            }
        }
        entries.ended_whole()
    }
}

#[derive(Debug, Clone, Copy)]
enum Form {
    ServerHello,
    DraftRetry,
}

/// Drafts 1 to 21 of TLS 1.3 put their number into the version field and left session id and compression out.
fn is_early_draft(version: u16) -> bool {
    (0x7f00..=0x7f15).contains(&version)
}

const FIRST_DRAFT_WITH_RETRY_CIPHER: u16 = 0x7f13;

/// SHA-256 of "HelloRetryRequest".
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_retry_random_is_the_hash_of_its_name() {
        assert_eq!(RETRY_RANDOM, <[u8; 32]>::from(Sha256::digest(b"HelloRetryRequest")));
    }

    #[test]
    fn early_drafts_have_neither_session_id_nor_compression() {
        let mut body = vec![0x7f, 0x12];
        body.extend([9; 32]);
        body.extend([0x13, 0x01, 0, 4, 0, 40, 0, 0]);
        let hello = ServerHello::read(&body);
        assert_eq!((hello.version(), hello.cipher_suite), (0x7f12, 0x1301));
        assert!(hello.is_complete() && hello.flaws.has(Flaws::MALFORMED_EXTENSION));
    }
}
