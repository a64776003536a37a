//! Hellos as well-known clients send them: a table of cipher suites and extensions, and the code that fills it in.
//!
//! The lists are those of the named versions; what a client draws at random (GREASE values, Chrome's extension order,
//! key shares, ECH payload) comes from the seed.

use super::hello::ClientHello;
use super::rng::Rng;
use super::tls::{group, version};

/// What a client does about an earlier session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    None,
    /// TLS 1.2 with a session id of 32 bytes.
    SessionId,
    /// TLS 1.2 with a ticket of so many bytes.
    Ticket(usize),
    /// TLS 1.3 with an identity of so many bytes.
    Psk(usize),
}

/// What makes one hello of a client.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    pub seed: u64,
    pub sni: Option<&'a str>,
    pub resumption: Resumption,
}

impl<'a> Ask<'a> {
    pub fn new(seed: u64, sni: &'a str) -> Self {
        Self { seed, sni: Some(sni), resumption: Resumption::None }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    pub name: &'static str,
    /// Share of an access network's connections, per mille.
    pub share: u16,
    session_id: SessionId,
    order: Order,
    ciphers: &'static [u16],
    extensions: &'static [Ext],
}

impl Client {
    pub fn hello(&self, ask: Ask<'_>) -> ClientHello {
        let mut rng = Rng::new(ask.seed ^ 0x5eed);
        let grease = Grease::draw(&mut rng);
        let mut hello = ClientHello::new(ask.seed).ciphers(&substitute(self.ciphers, grease.cipher));
        hello.session_id = match (self.session_id, ask.resumption) {
            (SessionId::Random, _) | (_, Resumption::SessionId | Resumption::Ticket(_)) => rng.bytes(32),
            (SessionId::Empty, _) => Vec::new(),
        };

        let mut extensions = self.extensions.to_vec();
        if self.order == Order::Shuffled {
            // BoringSSL leaves its two GREASE extensions, padding and pre_shared_key where they are.
            let last = extensions.len() - 1;
            rng.shuffle(&mut extensions[1..last]);
        }
        for extension in extensions {
            hello = extension.add(hello, Filling { ask: &ask, grease: &grease });
        }
        match ask.resumption {
            Resumption::Psk(identity) => hello.psk(identity),
            _ => hello,
        }
    }

    pub fn offers(&self, version: u16) -> bool {
        match self.extensions.iter().find_map(|e| if let Ext::Versions(v) = e { Some(v) } else { None }) {
            Some(versions) => versions.contains(&version),
            None => version <= version::TLS12,
        }
    }

    /// The group a server that prefers post-quantum, then X25519, then P-256 takes from the client's key shares.
    pub fn best_group(&self) -> u16 {
        let groups = self.extensions.iter().find_map(|e| match e {
            Ext::Shares(groups) | Ext::OneKeyShares(groups) => Some(*groups),
            _ => None,
        });
        let groups = groups.unwrap_or(&[group::SECP256R1]);
        let preferred = [group::X25519_MLKEM768, group::X25519, group::SECP256R1];
        preferred.into_iter().find(|g| groups.contains(g)).unwrap_or(group::SECP256R1)
    }

    /// First ALPN value, where there is one.
    pub fn first_alpn(&self) -> Option<&'static str> {
        self.extensions.iter().find_map(|e| match e {
            Ext::Alpn(protocols) => protocols.first().copied(),
            _ => None,
        })
    }

    pub fn has_extension(&self, kind: u16) -> bool {
        self.extensions.iter().any(|e| match e {
            Ext::Ticket => kind == 0x0023,
            Ext::Raw(k, _) => *k == kind,
            _ => false,
        })
    }
}

/// The row called `name`.
pub fn client_named(name: &str) -> &'static Client {
    CLIENTS.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no client is called {name}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionId {
    Empty,
    /// 32 random bytes: TLS 1.3's middlebox compatibility.
    Random,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Fixed,
    /// All but the first and the last, anew for each hello.
    Shuffled,
}

#[derive(Debug, Clone, Copy)]
enum Ext {
    Grease,
    /// Chrome's second GREASE extension: one zero byte.
    GreaseByte,
    Sni,
    Raw(u16, &'static [u8]),
    Alpn(&'static [&'static str]),
    Groups(&'static [u16]),
    Shares(&'static [u16]),
    /// With one key of X25519 for both of its groups.
    OneKeyShares(&'static [u16]),
    Versions(&'static [u16]),
    Algorithms(&'static [u16]),
    /// Empty, or the ticket of a resumption.
    Ticket,
    EchGrease,
    /// To 512 bytes, for hellos that would have 256 to 511.
    Padding,
}

impl Ext {
    fn add(self, mut hello: ClientHello, filling: Filling<'_>) -> ClientHello {
        let grease = filling.grease;
        match self {
            Self::Grease => hello.empty(grease.first_extension),
            Self::GreaseByte => hello.extension(grease.second_extension, [0]),
            Self::Sni => match filling.ask.sni {
                Some(name) => hello.sni(name),
                None => hello,
            },
            Self::Raw(kind, body) => hello.extension(kind, body),
            Self::Alpn(protocols) => hello.alpn(protocols),
            Self::Groups(groups) => hello.groups(&substitute(groups, grease.group)),
            Self::Shares(groups) => hello.key_shares(&substitute(groups, grease.group)),
            Self::OneKeyShares(groups) => hello.key_shares_of_one_key(groups),
            Self::Versions(versions) => hello.versions(&substitute(versions, grease.version)),
            Self::Algorithms(list) => hello.signature_algorithms(&substitute(list, grease.algorithm)),
            Self::Ticket => {
                let ticket = match filling.ask.resumption {
                    Resumption::Ticket(len) => hello.rng.bytes(len),
                    _ => Vec::new(),
                };
                hello.extension(0x0023, ticket)
            }
            Self::EchGrease => {
                let payload = [144, 176, 208, 240][hello.rng.below(4) as usize];
                let mut body = vec![0, 0, 1, 0, 1];
                body.extend_from_slice(&hello.rng.bytes(1));
                body.extend_from_slice(&32u16.to_be_bytes());
                body.extend_from_slice(&hello.rng.bytes(32));
                body.extend_from_slice(&(payload as u16).to_be_bytes());
                body.extend_from_slice(&hello.rng.bytes(payload));
                hello.extension(0xfe0d, body)
            }
            Self::Padding => match hello.message().len() {
                256..=511 => hello.padding_to(512),
                _ => hello,
            },
        }
    }
}

struct Filling<'a> {
    ask: &'a Ask<'a>,
    grease: &'a Grease,
}

struct Grease {
    cipher: u16,
    group: u16,
    version: u16,
    algorithm: u16,
    first_extension: u16,
    second_extension: u16,
}

impl Grease {
    fn draw(rng: &mut Rng) -> Self {
        let first_extension = rng.grease();
        let mut second_extension = rng.grease();
        if second_extension == first_extension {
            second_extension ^= 0x1010;
        }
        Self {
            cipher: rng.grease(),
            group: rng.grease(),
            version: rng.grease(),
            algorithm: rng.grease(),
            first_extension,
            second_extension,
        }
    }
}

fn substitute(list: &[u16], grease: u16) -> Vec<u16> {
    list.iter().map(|&v| if v == G { grease } else { v }).collect()
}

/// Stands for a GREASE value drawn for each hello.
const G: u16 = 0x0a0a;

const OCSP: Ext = Ext::Raw(0x0005, &[1, 0, 0, 0, 0]);
const POINT_FORMATS: Ext = Ext::Raw(0x000b, &[1, 0]);
const ALL_POINT_FORMATS: Ext = Ext::Raw(0x000b, &[3, 0, 1, 2]);
const SCT: Ext = Ext::Raw(0x0012, &[]);
const ETM: Ext = Ext::Raw(0x0016, &[]);
const EMS: Ext = Ext::Raw(0x0017, &[]);
const BROTLI: Ext = Ext::Raw(0x001b, &[2, 0, 2]);
const ZLIB: Ext = Ext::Raw(0x001b, &[2, 0, 1]);
const PSK_MODES: Ext = Ext::Raw(0x002d, &[1, 1]);
const RENEGOTIATION: Ext = Ext::Raw(0xff01, &[0]);
const ALPS: Ext = Ext::Raw(0x44cd, &[0, 3, 2, b'h', b'2']);
const H2: Ext = Ext::Alpn(&["h2", "http/1.1"]);
const H1: Ext = Ext::Alpn(&["http/1.1"]);

const CHROME_CIPHERS: &[u16] = &[
    G, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f,
    0x0035,
];
const CHROME_GROUPS: Ext = Ext::Groups(&[G, 0x11ec, 0x001d, 0x0017, 0x0018]);
const CHROME_SHARES: Ext = Ext::Shares(&[G, 0x11ec, 0x001d]);
const SAFARI_CIPHERS: &[u16] = &[
    G, 0x1301, 0x1302, 0x1303, 0xc02c, 0xc02b, 0xcca9, 0xc030, 0xc02f, 0xcca8, 0xc00a, 0xc009, 0xc014, 0xc013, 0x009d,
    0x009c, 0x0035, 0x002f, 0xc008, 0xc012, 0x000a,
];
const SAFARI_ALGORITHMS: Ext =
    Ext::Algorithms(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201]);
const OPENSSL_ALGORITHMS: Ext = Ext::Algorithms(&[
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
    0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602,
]);
const OPENSSL_GROUPS: Ext =
    Ext::Groups(&[0x001d, 0x0017, 0x001e, 0x0019, 0x0018, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104]);

/// The clients, commonest first; the shares add up to 1000.
#[rustfmt::skip]
pub const CLIENTS: &[Client] = &[
    Client {
        name: "chrome-136", share: 330, session_id: SessionId::Random, order: Order::Shuffled, ciphers: CHROME_CIPHERS,
        extensions: &[
            Ext::Grease, Ext::Sni, EMS, RENEGOTIATION, CHROME_GROUPS, POINT_FORMATS, Ext::Ticket, H2, OCSP,
            Ext::Algorithms(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]),
            SCT, CHROME_SHARES, PSK_MODES, Ext::Versions(&[G, 0x0304, 0x0303]), BROTLI, ALPS, Ext::EchGrease,
            Ext::GreaseByte,
        ],
    },
    Client {
        name: "safari-18", share: 130, session_id: SessionId::Random, order: Order::Fixed, ciphers: SAFARI_CIPHERS,
        extensions: &[
            Ext::Grease, Ext::Sni, EMS, RENEGOTIATION, Ext::Groups(&[G, 0x001d, 0x0017, 0x0018, 0x0019]),
            POINT_FORMATS, H2, OCSP, SAFARI_ALGORITHMS, SCT, Ext::Shares(&[G, 0x001d]), PSK_MODES,
            Ext::Versions(&[G, 0x0304, 0x0303, 0x0302, 0x0301]), ZLIB, Ext::GreaseByte,
        ],
    },
    Client {
        name: "chrome-152", share: 120, session_id: SessionId::Random, order: Order::Shuffled, ciphers: CHROME_CIPHERS,
        extensions: &[
            Ext::Grease, Ext::Sni, EMS, RENEGOTIATION, CHROME_GROUPS, POINT_FORMATS, Ext::Ticket, H2, OCSP,
            Ext::Algorithms(&[
                G, 0x0904, 0x0905, 0x0906, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
            ]),
            SCT, CHROME_SHARES, PSK_MODES, Ext::Versions(&[G, 0x0304, 0x0303]), BROTLI, ALPS,
            Ext::Raw(0xca34, &[0, 0]), Ext::EchGrease, Ext::GreaseByte,
        ],
    },
    Client {
        name: "go-1.24", share: 70, session_id: SessionId::Random, order: Order::Fixed,
        ciphers: &[
            0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014, 0x1301, 0x1302, 0x1303,
        ],
        extensions: &[
            Ext::Sni, OCSP, Ext::Groups(&[0x11ec, 0x001d, 0x0017, 0x0018, 0x0019]), POINT_FORMATS,
            Ext::Algorithms(&[
                0x0804, 0x0403, 0x0807, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0503, 0x0603, 0x0201, 0x0203,
            ]),
            RENEGOTIATION, EMS, H2, SCT, Ext::Versions(&[0x0304, 0x0303]), Ext::Shares(&[0x11ec, 0x001d]),
        ],
    },
    Client {
        name: "safari-26", share: 60, session_id: SessionId::Random, order: Order::Fixed, ciphers: SAFARI_CIPHERS,
        extensions: &[
            Ext::Grease, Ext::Sni, EMS, RENEGOTIATION, Ext::Groups(&[G, 0x11ec, 0x001d, 0x0017, 0x0018, 0x0019]),
            POINT_FORMATS, H2, OCSP, SAFARI_ALGORITHMS, SCT, Ext::Shares(&[G, 0x11ec, 0x001d]), PSK_MODES,
            Ext::Versions(&[G, 0x0304, 0x0303]), ZLIB, Ext::GreaseByte,
        ],
    },
    Client {
        name: "firefox-138", share: 60, session_id: SessionId::Random, order: Order::Fixed,
        ciphers: &[
            0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc00a, 0xc009, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ],
        extensions: &[
            Ext::Sni, EMS, RENEGOTIATION,
            Ext::Groups(&[0x11ec, 0x001d, 0x0017, 0x0018, 0x0019, 0x0100, 0x0101]), POINT_FORMATS, Ext::Ticket, H2,
            OCSP, Ext::Raw(0x0022, &[0, 8, 4, 3, 5, 3, 6, 3, 2, 3]), SCT,
            Ext::OneKeyShares(&[0x11ec, 0x001d, 0x0017]), Ext::Versions(&[0x0304, 0x0303]),
            Ext::Algorithms(&[
                0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
            ]),
            PSK_MODES, Ext::Raw(0x001c, &[0x40, 1]), Ext::Raw(0x001b, &[6, 0, 1, 0, 2, 0, 3]), Ext::EchGrease,
        ],
    },
    Client {
        name: "okhttp-android-12", share: 60, session_id: SessionId::Random, order: Order::Fixed,
        ciphers: &[
            0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xcca9, 0xc02f, 0xc030, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
            0x002f, 0x0035,
        ],
        extensions: &[
            Ext::Sni, EMS, RENEGOTIATION, Ext::Groups(&[0x001d, 0x0017, 0x0018]), POINT_FORMATS, Ext::Ticket, H2, OCSP,
            Ext::Algorithms(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201]),
            Ext::Shares(&[0x001d]), PSK_MODES, Ext::Versions(&[0x0304, 0x0303]), Ext::Padding,
        ],
    },
    Client {
        name: "curl-openssl-3", share: 40, session_id: SessionId::Random, order: Order::Fixed,
        ciphers: &[
            0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc02b, 0xc02f, 0x009e, 0xc024,
            0xc028, 0x006b, 0xc023, 0xc027, 0x0067, 0xc00a, 0xc014, 0x0039, 0xc009, 0xc013, 0x0033, 0x009d, 0x009c,
            0x003d, 0x003c, 0x0035, 0x002f, 0x00ff,
        ],
        extensions: &[
            Ext::Sni, ALL_POINT_FORMATS, OPENSSL_GROUPS, H2, ETM, EMS, Ext::Raw(0x0031, &[]), OPENSSL_ALGORITHMS,
            Ext::Versions(&[0x0304, 0x0303]), PSK_MODES, Ext::Shares(&[0x001d]), Ext::Padding,
        ],
    },
    Client {
        name: "python-requests", share: 40, session_id: SessionId::Random, order: Order::Fixed,
        ciphers: &[
            0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc024, 0xc028, 0xc023, 0xc027,
            0x009f, 0x009e, 0x006b, 0x0067, 0x00ff,
        ],
        extensions: &[
            Ext::Sni, ALL_POINT_FORMATS, OPENSSL_GROUPS, Ext::Ticket, H1, ETM, EMS, OPENSSL_ALGORITHMS,
            Ext::Versions(&[0x0304, 0x0303]), PSK_MODES, Ext::Shares(&[0x001d]), Ext::Padding,
        ],
    },
    Client {
        name: "java-17", share: 40, session_id: SessionId::Random, order: Order::Fixed,
        ciphers: &[
            0x1302, 0x1301, 0x1303, 0xc02c, 0xc02b, 0xcca9, 0xc030, 0xcca8, 0xc02f, 0x009f, 0xccaa, 0x00a3, 0x009e,
            0x00a2, 0xc024, 0xc028, 0xc023, 0xc027, 0x006b, 0x006a, 0x0067, 0x0040, 0xc00a, 0xc014, 0xc009, 0xc013,
            0x0039, 0x0038, 0x0033, 0x0032, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x00ff,
        ],
        extensions: &[
            Ext::Sni, OCSP,
            Ext::Groups(&[0x001d, 0x0017, 0x0018, 0x0019, 0x001e, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104]),
            POINT_FORMATS, Ext::Raw(0x0011, &[0, 7, 2, 0, 4, 0, 0, 0, 0]), EMS, Ext::Ticket,
            Ext::Algorithms(&[
                0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501,
                0x0601, 0x0402, 0x0303, 0x0301, 0x0302, 0x0203, 0x0201, 0x0202,
            ]),
            Ext::Versions(&[0x0304, 0x0303]), PSK_MODES,
            Ext::Raw(0x0032, &[0, 8, 4, 3, 5, 3, 8, 4, 4, 1]), Ext::Shares(&[0x001d, 0x0017]),
        ],
    },
    Client {
        name: "schannel-win11", share: 20, session_id: SessionId::Empty, order: Order::Fixed,
        ciphers: &[
            0x1302, 0x1301, 0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014,
            0xc013, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f,
        ],
        extensions: &[
            Ext::Sni, OCSP, Ext::Versions(&[0x0304, 0x0303]),
            Ext::Algorithms(&[
                0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0201, 0x0403, 0x0503, 0x0203, 0x0202, 0x0601, 0x0603,
            ]),
            Ext::Shares(&[0x001d]), PSK_MODES, Ext::Groups(&[0x001d, 0x0017, 0x0018]), POINT_FORMATS, Ext::Ticket,
            EMS, RENEGOTIATION,
        ],
    },
    Client {
        name: "schannel-win10", share: 15, session_id: SessionId::Empty, order: Order::Fixed,
        ciphers: &[
            0xc02c, 0xc02b, 0xc030, 0xc02f, 0x009f, 0x009e, 0xc024, 0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014,
            0xc013, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x000a,
        ],
        extensions: &[
            Ext::Sni, OCSP, Ext::Groups(&[0x001d, 0x0017, 0x0018]), POINT_FORMATS,
            Ext::Algorithms(&[
                0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0201, 0x0403, 0x0503, 0x0203, 0x0202, 0x0601, 0x0603,
            ]),
            Ext::Ticket, EMS, RENEGOTIATION,
        ],
    },
    Client {
        name: "openssl-1.0", share: 15, session_id: SessionId::Empty, order: Order::Fixed,
        ciphers: &[
            0xc030, 0xc02c, 0xc028, 0xc024, 0xc014, 0xc00a, 0x009f, 0x006b, 0x0039, 0x009d, 0x003d, 0x0035, 0xc02f,
            0xc02b, 0xc027, 0xc023, 0xc013, 0xc009, 0x009e, 0x0067, 0x0033, 0x009c, 0x003c, 0x002f, 0x00ff,
        ],
        extensions: &[
            Ext::Sni, ALL_POINT_FORMATS, Ext::Groups(&[0x0017, 0x0019, 0x001c, 0x001b, 0x0018, 0x001a, 0x0016]),
            Ext::Ticket,
            Ext::Algorithms(&[
                0x0601, 0x0602, 0x0603, 0x0501, 0x0502, 0x0503, 0x0401, 0x0402, 0x0403, 0x0301, 0x0302, 0x0303, 0x0201,
                0x0202, 0x0203,
            ]),
            Ext::Raw(0x000f, &[1]),
        ],
    },
];
