//! Who talks to whom: some thousands of client machines and 400 sites with their certificate chains.

use crate::packets::tls;
use crate::packets::x509::{Certificate, Key, Name, Role, ocsp_response};
use crate::packets::{CLIENTS, Client, Endpoint, Rng, TcpOption};

pub struct World {
    pub hosts: Vec<Host>,
    pub sites: Vec<Site>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let authorities = authorities(&mut rng);
        let hosts = (0..HOSTS).map(|n| Host::new(n, &mut rng)).collect();
        let sites = (0..SITES).map(|n| Site::new(n, Making { rng: &mut rng, authorities: &authorities })).collect();
        Self { hosts, sites }
    }

    pub fn host(&self, rng: &mut Rng) -> &Host {
        rng.pick(&self.hosts)
    }

    /// A few sites have most of the visits.
    pub fn site(&self, rng: &mut Rng) -> &Site {
        let skewed = rng.unit().powi(2);
        &self.sites[(skewed * self.sites.len() as f64) as usize]
    }
}

/// A client machine.
pub struct Host {
    v4: [u8; 4],
    v6: Option<[u16; 8]>,
    pub client: &'static Client,
    pub stack: Stack,
    /// For workloads with tags.
    pub vlan: Option<u16>,
}

impl Host {
    fn new(n: usize, rng: &mut Rng) -> Self {
        let mut draw = rng.below(1000) as u16;
        let client = CLIENTS
            .iter()
            .find(|c| {
                let hit = draw < c.share;
                draw = draw.saturating_sub(c.share);
                hit
            })
            .unwrap_or(&CLIENTS[0]);
        let tail = n as u16 + 16;
        Self {
            v4: [10, 20 + (tail >> 8) as u8, tail as u8, rng.between(2, 250) as u8],
            v6: rng.percent(60.0).then(|| [0x2001, 0xdb8, 0xc0, tail >> 6, 0, 0, rng.next() as u16, tail]),
            client,
            stack: Stack::of(client, rng),
            vlan: rng.percent(30.0).then(|| 100 + (n % 40) as u16),
        }
    }

    pub fn at(&self, port: u16) -> Endpoint {
        Endpoint::v4(self.v4, port)
    }
}

/// Whose TCP the client machine speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    Windows,
    Linux,
    Apple,
}

impl Stack {
    /// That of a system on which the client runs.
    fn of(client: &Client, rng: &mut Rng) -> Self {
        let draw = rng.below(100);
        let family = client.name.split('-').next().unwrap_or_default();
        match (family, draw) {
            ("safari", _) | ("chrome" | "firefox", 0..20) => Self::Apple,
            ("schannel", _) | ("chrome" | "firefox", 20..85) => Self::Windows,
            _ => Self::Linux,
        }
    }

    /// Whether segments carry timestamps.
    pub fn has_timestamps(self) -> bool {
        self != Self::Windows
    }

    pub fn options(self) -> &'static [TcpOption] {
        match self {
            Self::Windows => &[
                TcpOption::Mss(1460),
                TcpOption::Nop,
                TcpOption::WindowScale(8),
                TcpOption::Nop,
                TcpOption::Nop,
                TcpOption::SackPermitted,
            ],
            Self::Linux => &[
                TcpOption::Mss(1460),
                TcpOption::SackPermitted,
                TcpOption::Timestamps,
                TcpOption::Nop,
                TcpOption::WindowScale(7),
            ],
            Self::Apple => &[
                TcpOption::Mss(1460),
                TcpOption::Nop,
                TcpOption::WindowScale(6),
                TcpOption::Nop,
                TcpOption::Nop,
                TcpOption::Timestamps,
                TcpOption::SackPermitted,
                TcpOption::End,
                TcpOption::End,
            ],
        }
    }
}

/// A server name, its machine and what it answers.
pub struct Site {
    pub name: String,
    v4: [u8; 4],
    v6: Option<[u16; 8]>,
    pub key: Key,
    /// DER bytes of the whole chain.
    pub chain_len: usize,
    /// The Certificate message of TLS 1.2.
    pub certificate: Vec<u8>,
    /// The CertificateStatus message, where it staples.
    pub status: Option<Vec<u8>>,
    pub newest: Newest,
    pub records: Records,
    /// Suites of TLS 1.3, the preferred first.
    pub suites13: &'static [u16],
    /// Keeps TLS 1.2 sessions in tickets, or else by session id.
    pub tickets: Tickets,
    /// Wants P-256 even where it costs a HelloRetryRequest.
    pub retry: Retry,
    pub key_exchange: KeyExchange,
    /// Nanoseconds from the tap to the server and back.
    pub distance: u64,
}

struct Making<'a> {
    rng: &'a mut Rng,
    authorities: &'a [Authority],
}

impl Site {
    fn new(n: usize, making: Making<'_>) -> Self {
        let Making { rng, authorities } = making;
        let word = WORDS[n % WORDS.len()];
        let name = format!("{}{}.{}-{n}.example", PREFIXES[n % PREFIXES.len()], word, WORDS[(n / 7) % WORDS.len()]);
        let key = if rng.percent(35.0) { Key::P256 } else { Key::Rsa2048 };
        let authority = rng.pick(authorities);

        let mut leaf = Certificate::server(&name, authority.name.clone());
        leaf.key = key;
        leaf.signed_with = authority.key;
        leaf.scts = rng.between(2, 3) as usize;
        for extra in 0..rng.below(12) {
            leaf.names.push(format!("{}.{name}", WORDS[extra as usize]));
        }
        let mut chain = vec![leaf.der(rng), authority.der.clone()];
        if rng.percent(40.0) {
            chain.push(authority.cross_signed.clone());
        }

        let b = n as u16;
        Self {
            v4: [203, 0, (b >> 8) as u8 + 113, b as u8],
            v6: rng.percent(50.0).then_some([0x2001, 0xdb8, 0x5e, b, 0, 0, 0, 1]),
            key,
            chain_len: chain.iter().map(Vec::len).sum(),
            certificate: tls::certificate(&chain),
            status: rng.percent(30.0).then(|| tls::certificate_status(&ocsp_response(rng))),
            newest: if n % 8 < 5 { Newest::Tls13 } else { Newest::Tls12 },
            records: if rng.percent(60.0) { Records::EachMessage } else { Records::Together },
            suites13: if rng.percent(50.0) { &[0x1302, 0x1303, 0x1301] } else { &[0x1301, 0x1302] },
            tickets: if rng.percent(80.0) { Tickets::Given } else { Tickets::Not },
            retry: if n % 40 == 3 { Retry::ForP256 } else { Retry::Never },
            key_exchange: if n % 40 == 7 { KeyExchange::Rsa } else { KeyExchange::Ecdhe },
            distance: rng.between(4_000_000, 90_000_000),
            name,
        }
    }
}

/// Newest version a site speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newest {
    Tls12,
    Tls13,
}

/// How a server puts messages into records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    EachMessage,
    Together,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tickets {
    Given,
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    Never,
    ForP256,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyExchange {
    Ecdhe,
    Rsa,
}

/// The two ends of a connection, over IPv6 where both can and a coin says so.
pub fn ends(meeting: Meeting<'_>, rng: &mut Rng) -> (Endpoint, Endpoint) {
    let port = rng.between(32_768, 65_535) as u16;
    match (meeting.host.v6, meeting.site.v6) {
        (Some(host), Some(site)) if rng.percent(80.0) => (Endpoint::v6(host, port), Endpoint::v6(site, 443)),
        _ => (meeting.host.at(port), Endpoint::v4(meeting.site.v4, 443)),
    }
}

#[derive(Clone, Copy)]
pub struct Meeting<'a> {
    pub host: &'a Host,
    pub site: &'a Site,
}

struct Authority {
    name: Name,
    key: Key,
    der: Vec<u8>,
    /// The root's certificate under an older root.
    cross_signed: Vec<u8>,
}

fn authorities(rng: &mut Rng) -> Vec<Authority> {
    let organisations = ["North Trust Services", "Harbour CA Limited", "Open Encryption Group", "Global Sign Works"];
    let series = [("RSA", Key::Rsa2048), ("ECC", Key::P384), ("DV", Key::Rsa2048)];
    let mut all = Vec::new();
    for organisation in organisations {
        for (label, key) in series {
            let root = Name::authority(organisation, &format!("{organisation} Root {label} R1"));
            let old_root = Name::authority(organisation, &format!("{organisation} Class 3 Public Primary Root"));
            let name = Name::authority(organisation, &format!("{organisation} {label} TLS Issuing CA 2021"));
            let root_key = if key == Key::P384 { Key::P384 } else { Key::Rsa4096 };
            let mut issuing = Certificate::authority(name.clone(), root.clone());
            (issuing.key, issuing.signed_with) = (key, root_key);
            let mut cross = Certificate::authority(root, old_root);
            (cross.key, cross.signed_with, cross.role) = (root_key, Key::Rsa2048, Role::Root);
            all.push(Authority { name, key, der: issuing.der(rng), cross_signed: cross.der(rng) });
        }
    }
    all
}

const HOSTS: usize = 6_000;
const SITES: usize = 400;
const PREFIXES: [&str; 5] = ["www.", "api.", "cdn.", "static.", ""];
const WORDS: [&str; 16] = [
    "river", "mail", "photos", "market", "weather", "atlas", "video", "login", "notes", "travel", "bank", "music",
    "press", "forum", "search", "metrics",
];
