//! ClientHello, ServerHello and HelloRetryRequest, extension by extension, in the order of the calls.

use super::rng::Rng;
use super::tls::{KeyShare, Sender, content, group, handshake, key_share, list16, message, record_as, version};

/// A ClientHello; begins as a TLS 1.2 hello with one cipher suite and no extensions.
#[derive(Debug, Clone)]
pub struct ClientHello {
    pub legacy_version: u16,
    pub record_version: u16,
    pub random: [u8; 32],
    pub session_id: Vec<u8>,
    pub ciphers: Vec<u16>,
    pub compression: Vec<u8>,
    /// Type and body, in wire order.
    pub extensions: Vec<(u16, Vec<u8>)>,
    /// Where the key shares and other filler come from.
    pub rng: Rng,
}

impl ClientHello {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut random = [0; 32];
        rng.fill(&mut random);
        Self {
            legacy_version: version::TLS12,
            record_version: version::TLS10,
            random,
            session_id: Vec::new(),
            ciphers: vec![0xc02f],
            compression: vec![0],
            extensions: Vec::new(),
            rng,
        }
    }

    pub fn legacy_version(mut self, version: u16) -> Self {
        self.legacy_version = version;
        self
    }

    pub fn session_id(mut self, id: &[u8]) -> Self {
        self.session_id = id.to_vec();
        self
    }

    pub fn ciphers(mut self, ciphers: &[u16]) -> Self {
        self.ciphers = ciphers.to_vec();
        self
    }

    pub fn compression(mut self, methods: &[u8]) -> Self {
        self.compression = methods.to_vec();
        self
    }

    /// Any extension, with its body as given.
    pub fn extension(mut self, kind: u16, body: impl Into<Vec<u8>>) -> Self {
        self.extensions.push((kind, body.into()));
        self
    }

    /// server_name with one host name.
    pub fn sni(self, name: &str) -> Self {
        let mut body = ((name.len() + 3) as u16).to_be_bytes().to_vec();
        body.push(0);
        body.extend_from_slice(&(name.len() as u16).to_be_bytes());
        body.extend_from_slice(name.as_bytes());
        self.extension(0x0000, body)
    }

    pub fn alpn(self, protocols: &[&str]) -> Self {
        self.extension(0x0010, alpn_body(protocols))
    }

    /// supported_versions.
    pub fn versions(self, versions: &[u16]) -> Self {
        let mut body = vec![versions.len() as u8 * 2];
        body.extend(versions.iter().flat_map(|v| v.to_be_bytes()));
        self.extension(0x002b, body)
    }

    /// supported_groups.
    pub fn groups(self, groups: &[u16]) -> Self {
        self.extension(0x000a, list16(groups))
    }

    /// ec_point_formats.
    pub fn point_formats(self, formats: &[u8]) -> Self {
        let mut body = vec![formats.len() as u8];
        body.extend_from_slice(formats);
        self.extension(0x000b, body)
    }

    pub fn signature_algorithms(self, algorithms: &[u16]) -> Self {
        self.extension(0x000d, list16(algorithms))
    }

    /// key_share with random shares of each group's real length.
    pub fn key_shares(mut self, groups: &[u16]) -> Self {
        let mut list = Vec::new();
        for &group in groups {
            let share = key_share(&mut self.rng, KeyShare { group, sender: Sender::Client });
            list.extend_from_slice(&group.to_be_bytes());
            list.extend_from_slice(&(share.len() as u16).to_be_bytes());
            list.extend_from_slice(&share);
        }
        let mut body = (list.len() as u16).to_be_bytes().to_vec();
        body.extend_from_slice(&list);
        self.extension(0x0033, body)
    }

    /// The same from a client that puts its share of X25519 into that of X25519MLKEM768 too, as browsers may.
    pub fn key_shares_of_one_key(self, groups: &[u16]) -> Self {
        let mut hello = self.key_shares(groups);
        let Some((_, body)) = hello.extensions.last_mut() else { return hello };
        let (mut at, mut hybrid) = (2, None);
        while let Some(&[a, b, c, d]) = body.get(at..at + 4) {
            let (group, len) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
            let end = at + 4 + len;
            match (group, &hybrid) {
                (group::X25519_MLKEM768, _) => hybrid = Some(body[end - 32..end].to_vec()),
                (group::X25519, Some(key)) => body[end - 32..end].copy_from_slice(key),
                _ => {}
            }
            at = end;
        }
        hello
    }

    /// psk_key_exchange_modes: psk_dhe_ke.
    pub fn psk_modes(self) -> Self {
        self.extension(0x002d, [1, 1])
    }

    /// pre_shared_key with one identity of `identity` bytes and a binder of 32; it must be the last extension.
    pub fn psk(mut self, identity: usize) -> Self {
        let mut body = ((identity + 6) as u16).to_be_bytes().to_vec();
        body.extend_from_slice(&(identity as u16).to_be_bytes());
        body.extend_from_slice(&self.rng.bytes(identity));
        body.extend_from_slice(&self.rng.bytes(4));
        body.extend_from_slice(&[0, 33, 32]);
        body.extend_from_slice(&self.rng.bytes(32));
        self.extension(0x0029, body)
    }

    /// An extension without a body.
    pub fn empty(self, kind: u16) -> Self {
        self.extension(kind, [])
    }

    /// padding (RFC 7685) that brings the message to `len` bytes, left out where it is longer than that already.
    pub fn padding_to(self, len: usize) -> Self {
        let now = self.message().len() + if self.extensions.is_empty() { 2 } else { 0 };
        match len.checked_sub(now + 4) {
            Some(padding) => self.extension(0x0015, vec![0; padding]),
            None => self,
        }
    }

    /// The handshake message.
    pub fn message(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(2048);
        body.extend_from_slice(&self.legacy_version.to_be_bytes());
        body.extend_from_slice(&self.random);
        body.push(self.session_id.len() as u8);
        body.extend_from_slice(&self.session_id);
        body.extend_from_slice(&list16(&self.ciphers));
        body.push(self.compression.len() as u8);
        body.extend_from_slice(&self.compression);
        write_extensions(&mut body, &self.extensions);
        handshake(message::CLIENT_HELLO, body)
    }

    /// The message in one record.
    pub fn record(&self) -> Vec<u8> {
        record_as(self.record_version, content::HANDSHAKE, self.message())
    }

    /// The message over records of at most `size` bytes.
    pub fn records(&self, size: usize) -> Vec<u8> {
        let pieces = self.message();
        pieces.chunks(size.max(1)).flat_map(|piece| record_as(self.record_version, content::HANDSHAKE, piece)).collect()
    }
}

/// A ServerHello; begins as TLS 1.2 without extensions.
#[derive(Debug, Clone)]
pub struct ServerHello {
    pub legacy_version: u16,
    pub random: [u8; 32],
    pub session_id: Vec<u8>,
    pub cipher: u16,
    pub extensions: Vec<(u16, Vec<u8>)>,
    pub rng: Rng,
}

impl ServerHello {
    pub fn new(seed: u64, cipher: u16) -> Self {
        let mut rng = Rng::new(seed);
        let mut random = [0; 32];
        rng.fill(&mut random);
        Self { legacy_version: version::TLS12, random, session_id: Vec::new(), cipher, extensions: Vec::new(), rng }
    }

    /// The hello that asks for another key share (RFC 8446 section 4.1.4): a ServerHello with a fixed random.
    pub fn retry(cipher: u16, group: u16) -> Self {
        let mut hello = Self::new(0, cipher).selected_version(version::TLS13);
        hello.random = RETRY_RANDOM;
        hello.extension(0x0033, group.to_be_bytes())
    }

    pub fn session_id(mut self, id: &[u8]) -> Self {
        self.session_id = id.to_vec();
        self
    }

    pub fn extension(mut self, kind: u16, body: impl Into<Vec<u8>>) -> Self {
        self.extensions.push((kind, body.into()));
        self
    }

    /// supported_versions.
    pub fn selected_version(self, version: u16) -> Self {
        self.extension(0x002b, version.to_be_bytes())
    }

    pub fn key_share(mut self, group: u16) -> Self {
        let share = key_share(&mut self.rng, KeyShare { group, sender: Sender::Server });
        let mut body = group.to_be_bytes().to_vec();
        body.extend_from_slice(&(share.len() as u16).to_be_bytes());
        body.extend_from_slice(&share);
        self.extension(0x0033, body)
    }

    /// pre_shared_key: the first identity.
    pub fn psk(self) -> Self {
        self.extension(0x0029, [0, 0])
    }

    pub fn alpn(self, protocol: &str) -> Self {
        self.extension(0x0010, alpn_body(&[protocol]))
    }

    pub fn message(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(128);
        body.extend_from_slice(&self.legacy_version.to_be_bytes());
        body.extend_from_slice(&self.random);
        body.push(self.session_id.len() as u8);
        body.extend_from_slice(&self.session_id);
        body.extend_from_slice(&self.cipher.to_be_bytes());
        body.push(0);
        write_extensions(&mut body, &self.extensions);
        handshake(message::SERVER_HELLO, body)
    }

    pub fn record(&self) -> Vec<u8> {
        record_as(version::TLS12, content::HANDSHAKE, self.message())
    }
}

fn alpn_body(protocols: &[&str]) -> Vec<u8> {
    let mut list = Vec::new();
    for protocol in protocols {
        list.push(protocol.len() as u8);
        list.extend_from_slice(protocol.as_bytes());
    }
    let mut body = (list.len() as u16).to_be_bytes().to_vec();
    body.extend_from_slice(&list);
    body
}

/// No extensions means no extension block at all.
fn write_extensions(out: &mut Vec<u8>, extensions: &[(u16, Vec<u8>)]) {
    if extensions.is_empty() {
        return;
    }
    let len: usize = extensions.iter().map(|(_, body)| 4 + body.len()).sum();
    out.extend_from_slice(&(len as u16).to_be_bytes());
    for (kind, body) in extensions {
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&(body.len() as u16).to_be_bytes());
        out.extend_from_slice(body);
    }
}

/// SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3).
pub const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
