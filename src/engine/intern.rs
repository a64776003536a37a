//! What sessions have in common, made once: shapes of hellos with their fingerprints, certificates.
//!
//! A shape is known again by those bytes of the hello that are not of the one connection. It is kept from the second
//! time on: a browser that shuffles its extensions makes a new one for each connection, and to keep those would only wash
//! the caches. Each store is bounded in bytes, and begun anew when it is full.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::event::{ClientPrints, ClientShape, HelloFormat, ServerPrints, ServerShape};
use crate::fingerprint::ja4::{Sorted, Transport};
#[cfg(feature = "ja4plus")]
use crate::fingerprint::ja4plus::{Ja4s, ServerFacts, ja4s_r};
use crate::fingerprint::{Ja3, Ja3Frame, Ja3s};
use crate::tls::{ClientHello, ServerHello, U16s};
use crate::x509::Certificate;

/// The stores of one engine.
#[derive(Debug, Default)]
pub(super) struct Interner {
    clients: Store<ClientShape>,
    sorted: Store<SortedPrints>,
    servers: Store<ServerShape>,
    certificates: Store<Certificate>,
    /// Stapled responses and SCTs.
    bytes: Store<[u8]>,
    key: Vec<u8>,
    sorted_key: Vec<u8>,
}

/// Values by the bytes that make them.
#[derive(Debug)]
struct Store<T: ?Sized> {
    hasher: ahash::RandomState,
    values: HashTable<Value<T>>,
    bytes: usize,
    /// Hashes of keys that came once, the latest first, each in the group that its low bits name: with one place for each,
    /// two keys that take turns would never be kept.
    once: Box<[[u64; WAYS]]>,
}

#[derive(Debug)]
struct Value<T: ?Sized> {
    hash: u64,
    key: Box<[u8]>,
    value: Arc<T>,
}

impl Interner {
    pub(super) fn client(
        &mut self,
        hello: &ClientHello<'_>,
        format: HelloFormat,
        transport: Transport,
    ) -> Arc<ClientShape> {
        self.key.clear();
        self.key.push(transport.letter());
        client_key(&mut self.key, hello, format);
        let key = std::mem::take(&mut self.key);
        let hash = self.clients.hash(&key);
        let shape = match self.clients.get(hash, &key) {
            Some(known) => known,
            None => {
                let prints = hello.is_complete().then(|| self.client_prints(hello, format, transport));
                self.clients.put(hash, &key, Arc::new(client_shape(hello, format, prints)))
            }
        };
        self.key = key;
        shape
    }

    pub(super) fn server(&mut self, hello: &ServerHello<'_>, transport: Transport) -> Arc<ServerShape> {
        self.key.clear();
        self.key.push(transport.letter());
        server_key(&mut self.key, hello);
        self.servers.get_or_make(&self.key, || server_shape(hello, transport))
    }

    pub(super) fn certificate(&mut self, der: &[u8]) -> Arc<Certificate> {
        self.certificates.get_or_make(der, || Certificate::from_der(der))
    }

    /// What a server says to all its clients alike.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Arc<[u8]> {
        let hash = self.bytes.hash(bytes);
        self.bytes.get(hash, bytes).unwrap_or_else(|| self.bytes.put(hash, bytes, Arc::from(bytes)))
    }
}

impl<T> Store<T> {
    fn get_or_make(&mut self, key: &[u8], make: impl FnOnce() -> T) -> Arc<T> {
        let hash = self.hash(key);
        self.get(hash, key).unwrap_or_else(|| self.put(hash, key, Arc::new(make())))
    }
}

impl<T: ?Sized> Store<T> {
    fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    fn get(&self, hash: u64, key: &[u8]) -> Option<Arc<T>> {
        self.values.find(hash, |value| *value.key == *key).map(|value| Arc::clone(&value.value))
    }

    /// Shares a value, and keeps it if its key has come before.
    fn put(&mut self, hash: u64, key: &[u8], value: Arc<T>) -> Arc<T> {
        let group = &mut self.once[hash as usize % GROUPS];
        if !group.contains(&hash) {
            group.rotate_right(1);
            group[0] = hash;
            return value;
        }
        let cost = ENTRY_COST + COST_FACTOR * key.len();
        if self.bytes + cost > MAX_BYTES {
            self.values.clear();
            self.bytes = 0;
        }
        self.bytes += cost;
        let kept = Value { hash, key: key.into(), value: Arc::clone(&value) };
        self.values.insert_unique(hash, kept, |value| value.hash);
        value
    }
}

impl<T: ?Sized> Default for Store<T> {
    fn default() -> Self {
        Self {
            hasher: ahash::RandomState::default(),
            values: HashTable::new(),
            bytes: 0,
            once: vec![[0; WAYS]; GROUPS].into(),
        }
    }
}

/// All that [`client_shape`] reads of a hello, each part with its length.
fn client_key(key: &mut Vec<u8>, hello: &ClientHello<'_>, format: HelloFormat) {
    key.extend([format as u8, u8::from(hello.is_complete())]);
    key.extend(hello.legacy_version.to_be_bytes());
    for list in [
        hello.cipher_suites.as_bytes(),
        hello.sslv2_specs,
        hello.compression_methods,
        hello.supported_versions.as_bytes(),
        hello.supported_groups.as_bytes(),
        hello.point_formats,
        hello.signature_algorithms.as_bytes(),
        hello.signature_algorithms_cert.as_bytes(),
        hello.alpn.as_bytes(),
        hello.psk_modes,
        hello.certificate_compression.as_bytes(),
    ] {
        key.extend((list.len() as u16).to_be_bytes());
        key.extend(list);
    }
    let limits = [hello.heartbeat.map(u16::from), hello.max_fragment_length.map(u16::from), hello.record_size_limit];
    for number in limits {
        key.push(u8::from(number.is_some()));
        key.extend(number.unwrap_or_default().to_be_bytes());
    }
    for group in hello.key_shares.groups() {
        key.extend(group.to_be_bytes());
    }
    // The lists above have their lengths; these two are told apart by their own.
    key.push(if hello.extensions.is_some() { b'e' } else { b'-' });
    let before = key.len();
    for kind in hello.extension_types() {
        key.extend(kind.to_be_bytes());
    }
    key.extend(((key.len() - before) as u16).to_be_bytes());
}

fn client_shape(hello: &ClientHello<'_>, format: HelloFormat, prints: Option<ClientPrints>) -> ClientShape {
    ClientShape {
        format,
        legacy_version: hello.legacy_version,
        cipher_suites: match format {
            HelloFormat::Tls => numbers(hello.cipher_suites),
            // The specs that are suites of SSL 3.0 and TLS begin with a zero octet (RFC 5246, appendix E.2).
            HelloFormat::Sslv2 => specs(hello).filter_map(|spec| u16::try_from(spec).ok()).collect(),
        },
        sslv2_ciphers: specs(hello).filter(|&spec| spec > u32::from(u16::MAX)).collect(),
        compression_methods: hello.compression_methods.into(),
        extensions: hello.extensions.map(|extensions| counted(extensions.types())),
        supported_versions: numbers(hello.supported_versions),
        supported_groups: numbers(hello.supported_groups),
        key_shares: counted(hello.key_shares.groups()),
        point_formats: hello.point_formats.into(),
        signature_algorithms: numbers(hello.signature_algorithms),
        signature_algorithms_cert: numbers(hello.signature_algorithms_cert),
        alpn: hello.alpn.names().map(Box::from).collect(),
        psk_modes: hello.psk_modes.into(),
        certificate_compression: numbers(hello.certificate_compression),
        heartbeat: hello.heartbeat,
        max_fragment_length: hello.max_fragment_length,
        record_size_limit: hello.record_size_limit,
        prints,
    }
}

/// What sorting makes one of: the JA4 of a browser that shuffles is computed once, and only what depends on the order for
/// each of its hellos.
#[derive(Debug)]
struct SortedPrints {
    ja4: Sorted,
    ja3: Ja3Frame,
    ja3n: Ja3,
}

impl Interner {
    fn client_prints(&mut self, hello: &ClientHello<'_>, format: HelloFormat, transport: Transport) -> ClientPrints {
        self.sorted_key.clear();
        Sorted::key(hello, transport, &mut self.sorted_key);
        let sorted = self.sorted.get_or_make(&self.sorted_key, || {
            let ja3 = Ja3Frame::of(hello);
            SortedPrints { ja4: Sorted::of(hello, transport), ja3n: ja3.normalised(hello), ja3 }
        });
        let (ja4_o, ja4_ro) = sorted.ja4.in_order(hello);
        let ja3_full = (format == HelloFormat::Tls).then(|| sorted.ja3.full(hello));
        ClientPrints {
            ja3: ja3_full.as_deref().map(Ja3::of_text),
            ja3n: ja3_full.is_some().then_some(sorted.ja3n),
            ja3_full,
            ja4: sorted.ja4.ja4,
            ja4_r: Arc::clone(&sorted.ja4.ja4_r),
            ja4_o,
            ja4_ro,
            stable: sorted.ja4.stable,
        }
    }
}

fn server_key(key: &mut Vec<u8>, hello: &ServerHello<'_>) {
    key.extend([u8::from(hello.is_complete()), hello.compression_method, u8::from(hello.extensions.is_some())]);
    for number in [
        Some(hello.legacy_version),
        Some(hello.cipher_suite),
        hello.selected_version,
        hello.key_share,
        hello.selected_psk,
        hello.heartbeat.map(u16::from),
        hello.max_fragment_length.map(u16::from),
        hello.record_size_limit,
    ] {
        key.push(u8::from(number.is_some()));
        key.extend(number.unwrap_or_default().to_be_bytes());
    }
    let alpn = hello.alpn.unwrap_or_default();
    key.extend([u8::from(hello.alpn.is_some()), alpn.len() as u8]);
    key.extend(alpn);
    for kind in hello.extension_types() {
        key.extend(kind.to_be_bytes());
    }
}

fn server_shape(hello: &ServerHello<'_>, transport: Transport) -> ServerShape {
    ServerShape {
        legacy_version: hello.legacy_version,
        version: hello.version(),
        cipher_suite: hello.cipher_suite,
        compression_method: hello.compression_method,
        extensions: hello.extensions.map(|extensions| extensions.types().collect()),
        key_share: hello.key_share,
        alpn: hello.alpn.map(Box::from),
        selected_psk: hello.selected_psk,
        heartbeat: hello.heartbeat,
        max_fragment_length: hello.max_fragment_length,
        record_size_limit: hello.record_size_limit,
        prints: hello.is_complete().then(|| server_prints(hello, transport)),
    }
}

fn server_prints(hello: &ServerHello<'_>, transport: Transport) -> ServerPrints {
    let ja3s_full = Ja3s::full(hello);
    #[cfg(not(feature = "ja4plus"))]
    let _ = transport;
    #[cfg(feature = "ja4plus")]
    let (ja4s, ja4s_r) = {
        let extensions: Vec<u16> = hello.extension_types().collect();
        let facts = ServerFacts {
            protocol: transport.letter(),
            version: hello.version(),
            extensions: &extensions,
            alpn: hello.alpn,
            cipher: hello.cipher_suite,
        };
        (Ja4s::of(&facts), ja4s_r(&facts))
    };
    ServerPrints {
        ja3s: Ja3s::of_text(&ja3s_full),
        ja3s_full,
        #[cfg(feature = "ja4plus")]
        ja4s,
        #[cfg(feature = "ja4plus")]
        ja4s_r,
    }
}

fn numbers(list: U16s<'_>) -> Box<[u16]> {
    list.iter().collect()
}

/// Walks the list twice, so that it is allocated once: growing, a browser's extensions took four allocations.
fn counted(list: impl Iterator<Item = u16> + Clone) -> Box<[u16]> {
    let mut all = Vec::with_capacity(list.clone().count());
    all.extend(list);
    all.into()
}

fn specs(hello: &ClientHello<'_>) -> impl Iterator<Item = u32> {
    hello.sslv2_specs.as_chunks().0.iter().map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c]))
}

/// Bytes a store may hold, by estimate.
const MAX_BYTES: usize = 32 << 20;
/// A value is about so many times its key.
const COST_FACTOR: usize = 8;
const ENTRY_COST: usize = 512;
const GROUPS: usize = 1024;
const WAYS: usize = 4;
