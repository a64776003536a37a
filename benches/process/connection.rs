//! One TLS connection from SYN to FIN, as a browser or a program has it with a site.

use crate::packets::clients::{Ask, Resumption};
use crate::packets::tls::{self, Ecdhe, content, group, version};
use crate::packets::{ClientHello, Rng, ServerHello, Tcp, TimedFrame, tcp, x509::Key};
use crate::trace::Facts;
use crate::world::{Host, KeyExchange, Meeting, Newest, Records, Retry, Site, Stack, Tickets, ends};

/// How the network treats a workload's flows.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    pub tags: Tags,
    /// Of neighbouring segments of one write, how many of 100 pairs arrive the wrong way round.
    pub swapped_percent: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tags {
    None,
    OfHost,
}

/// A script under way, with the network's disturbances.
pub struct Talk {
    tcp: Tcp,
    pub rng: Rng,
    network: Network,
    pub swapped: u64,
}

impl Talk {
    /// Opens the connection `tcp`, which has said nothing yet.
    pub fn open(tcp: Tcp, begin: Begin<'_>) -> Self {
        let Begin { host, network, mut rng } = begin;
        let mut tcp = tcp
            .step(rng.between(3_000, 15_000))
            .client_answers_after(rng.between(200_000, 3_000_000))
            .client_isn(rng.next() as u32)
            .server_isn(rng.next() as u32)
            .client_options(host.stack.options())
            .server_options(host.stack.options())
            .client_ttl(if host.stack == Stack::Windows { 127 } else { 63 })
            .server_ttl(rng.between(45, 58) as u8);
        if let (Tags::OfHost, Some(id)) = (network.tags, host.vlan) {
            tcp = tcp.vlan(id);
        }
        tcp = tcp.syn().syn_ack();
        if host.stack.has_timestamps() {
            tcp = tcp.timestamps();
        }
        Self { tcp: tcp.ack(), rng, network, swapped: 0 }
    }

    pub fn client(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(|tcp| tcp.client(bytes)).disturb()
    }

    pub fn server(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(|tcp| tcp.server(bytes)).disturb()
    }

    pub fn step(self, step: impl FnOnce(Tcp) -> Tcp) -> Self {
        Self { tcp: step(self.tcp), ..self }
    }

    /// Up to `ns` go by.
    pub fn pause(mut self, ns: u64) -> Self {
        let ns = self.rng.below(ns);
        self.step(|tcp| tcp.wait(ns))
    }

    pub fn maybe(mut self, percent: f64, step: impl FnOnce(Tcp) -> Tcp) -> Self {
        if self.rng.percent(percent) { self.step(step) } else { self }
    }

    pub fn frames(self) -> Vec<TimedFrame> {
        self.tcp.frames()
    }

    /// The script, to go on without the network.
    pub fn into_tcp(self) -> Tcp {
        self.tcp
    }

    fn disturb(mut self) -> Self {
        if self.network.swapped_percent == 0.0 {
            return self;
        }
        let segments = self.tcp.last_frames().len();
        let mut n = 0;
        while n + 1 < segments {
            if self.rng.percent(self.network.swapped_percent) {
                self.swapped += 1;
                self = self.step(|tcp| tcp.late(n));
                n += 1;
            }
            n += 1;
        }
        self
    }
}

pub struct Begin<'a> {
    pub host: &'a Host,
    pub network: Network,
    pub rng: Rng,
}

/// When and where a connection is, and the counts it adds to.
pub struct Setting<'a> {
    pub start: u64,
    pub network: Network,
    pub facts: &'a mut Facts,
}

/// A whole connection; `rng` decides all that is left open.
pub fn connection(meeting: Meeting<'_>, setting: Setting<'_>, mut rng: Rng) -> Vec<TimedFrame> {
    let Setting { start, network, facts } = setting;
    let talked = handshake(meeting, Setting { start, network, facts: &mut *facts }, &mut rng);
    let talk = match talked {
        Talked::Established(talk) => close(exchange(talk, meeting)),
        Talked::Over(talk) => talk,
    };
    facts.add("swapped_segments", talk.swapped);
    talk.frames()
}

/// Whether there is anything to say after the handshake.
pub enum Talked {
    Established(Talk),
    Over(Talk),
}

/// TCP's and TLS's handshakes.
pub fn handshake(meeting: Meeting<'_>, setting: Setting<'_>, rng: &mut Rng) -> Talked {
    let Setting { start, network, facts } = setting;
    let Meeting { host, site } = meeting;
    let newest = if host.client.offers(version::TLS13) { site.newest } else { Newest::Tls12 };
    let resumption = resumption(meeting, Drawing { newest, rng });
    let hello = host.client.hello(Ask { seed: rng.next(), sni: Some(&site.name), resumption });
    let record = hello.record();

    facts.handshakes += 1;
    facts.add(if newest == Newest::Tls13 { "tls13" } else { "tls12" }, 1);
    facts.add("resumed", u64::from(resumption != Resumption::None));
    facts.add("hello_over_two_segments", u64::from(record.len() > 1448));
    let (client, server) = ends(meeting, rng);
    facts.add("ipv6", u64::from(client.ip.is_ipv6()));

    let script = tcp(client, server).at(start).server_answers_after(site.distance);
    let begin = Begin { host, network, rng: Rng::new(rng.next()) };
    let talk = Talk::open(script, begin).client(&record).maybe(10.0, Tcp::server_ack);
    let fate = talk_fate(rng);
    facts.add("refused_or_reset", u64::from(fate != Fate::Accepted));
    match fate {
        Fate::ResetByServer => Talked::Over(talk.step(Tcp::server_rst)),
        Fate::Refused => Talked::Over(talk.server(tls::alert(40)).step(Tcp::server_fin).step(Tcp::client_fin)),
        Fate::Accepted => {
            let agreed = Agreed { meeting, hello: &hello, resumption };
            Talked::Established(match newest {
                Newest::Tls13 => flights13(talk, agreed),
                Newest::Tls12 => flights12(talk, agreed),
            })
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Accepted,
    Refused,
    ResetByServer,
}

fn talk_fate(rng: &mut Rng) -> Fate {
    match rng.below(1000) {
        0..6 => Fate::Refused,
        6..10 => Fate::ResetByServer,
        _ => Fate::Accepted,
    }
}

struct Drawing<'a> {
    newest: Newest,
    rng: &'a mut Rng,
}

/// About 22 % of all connections resume a session.
fn resumption(meeting: Meeting<'_>, drawing: Drawing<'_>) -> Resumption {
    let Drawing { newest, rng } = drawing;
    if !rng.percent(24.0) {
        return Resumption::None;
    }
    match (newest, meeting.site.tickets) {
        (Newest::Tls13, _) if meeting.host.client.has_extension(0x002d) => {
            Resumption::Psk(rng.between(180, 260) as usize)
        }
        (Newest::Tls13, _) => Resumption::None,
        (Newest::Tls12, Tickets::Given) if meeting.host.client.has_extension(0x0023) => Resumption::Ticket(192),
        (Newest::Tls12, _) => Resumption::SessionId,
    }
}

#[derive(Clone, Copy)]
struct Agreed<'a> {
    meeting: Meeting<'a>,
    hello: &'a ClientHello,
    resumption: Resumption,
}

fn flights13(mut talk: Talk, agreed: Agreed<'_>) -> Talk {
    let Agreed { meeting: Meeting { host, site }, hello, resumption } = agreed;
    let suite = *site.suites13.iter().find(|s| hello.ciphers.contains(s)).unwrap_or(&0x1301);
    let hash = if suite == 0x1302 { 48 } else { 32 };
    let mut group = host.client.best_group();
    let mut client_ccs = tls::ccs();

    if site.retry == Retry::ForP256 && resumption == Resumption::None && host.client.name != "firefox-138" {
        group = group::SECP256R1;
        let retry = ServerHello::retry(suite, group).session_id(&hello.session_id);
        let mut second = hello.clone();
        let share = ClientHello::new(talk.rng.next()).key_shares(&[group]).extensions.remove(0).1;
        for (kind, body) in &mut second.extensions {
            if *kind == 0x0033 {
                body.clone_from(&share);
            }
        }
        second.record_version = version::TLS12;
        let answer = [std::mem::take(&mut client_ccs), second.record()].concat();
        talk = talk.server([retry.record(), tls::ccs()].concat()).client(answer);
    }

    let mut server_hello = ServerHello::new(talk.rng.next(), suite).session_id(&hello.session_id);
    server_hello = server_hello.selected_version(version::TLS13).key_share(group);
    if resumption != Resumption::None {
        server_hello = server_hello.psk();
    }
    let mut messages = vec![if resumption == Resumption::None { 28 } else { 34 }];
    if resumption == Resumption::None {
        messages.extend([site.chain_len + 20, if site.key == Key::P256 { 79 } else { 264 }]);
    }
    messages.push(4 + hash);
    let mut flight = server_hello.record();
    flight.extend(tls::ccs());
    match site.records {
        Records::EachMessage => {
            for len in messages {
                flight.extend(tls::encrypted(&mut talk.rng, len));
            }
        }
        Records::Together => flight.extend(tls::encrypted(&mut talk.rng, messages.iter().sum())),
    }
    talk = talk.server(flight).maybe(60.0, Tcp::ack).pause(3_000_000);
    let mut last = client_ccs;
    last.extend(tls::finished13(&mut talk.rng, hash));
    let tickets = tls::encrypted(&mut talk.rng, 250);
    let talk = talk.client(last);
    if site.tickets == Tickets::Given { talk.server([tickets.clone(), tickets].concat()) } else { talk }
}

fn flights12(mut talk: Talk, agreed: Agreed<'_>) -> Talk {
    let Agreed { meeting: Meeting { site, .. }, hello, resumption } = agreed;
    let suite = suite12(site, hello);
    let offered = |kind: u16| hello.extensions.iter().any(|(k, _)| *k == kind);
    let new_ticket = offered(0x0023) && site.tickets == Tickets::Given;
    let resumed = resumption != Resumption::None;
    let staple = site.status.as_ref().filter(|_| offered(0x0005) && !resumed);

    let mut server_hello = ServerHello::new(talk.rng.next(), suite).extension(0xff01, [0]);
    if offered(0x000b) && !resumed && suite > 0xc000 {
        server_hello = server_hello.extension(0x000b, [1, 0]);
    }
    if new_ticket {
        server_hello = server_hello.extension(0x0023, []);
    }
    if staple.is_some() {
        server_hello = server_hello.extension(0x0005, []);
    }
    if let Some(protocol) = agreed.meeting.host.client.first_alpn() {
        server_hello = server_hello.alpn(protocol);
    }
    if offered(0x0017) {
        server_hello = server_hello.extension(0x0017, []);
    }
    let id = if resumed { hello.session_id.clone() } else { talk.rng.bytes(32) };
    let mut messages = vec![server_hello.session_id(&id).message()];
    let ticket = tls::new_session_ticket(&talk.rng.bytes(192));

    if resumed {
        if new_ticket && talk.rng.percent(50.0) {
            messages.push(ticket);
        }
        let mut flight = in_records(&messages, site.records);
        flight.extend(tls::ccs());
        flight.extend(tls::finished12(&mut talk.rng));
        let last = [tls::ccs(), tls::finished12(&mut talk.rng)].concat();
        return talk.server(flight).client(last);
    }

    let exchange = Ecdhe {
        group: if hello.ciphers.len() < 30 { group::X25519 } else { group::SECP256R1 },
        signature_algorithm: if site.key == Key::P256 { 0x0403 } else { 0x0804 },
        signature_len: if site.key == Key::P256 { 71 } else { 256 },
    };
    messages.push(site.certificate.clone());
    messages.extend(staple.cloned());
    let client_key = if suite > 0xc000 {
        messages.push(exchange.server_key_exchange(&mut talk.rng));
        exchange.client_key_exchange(&mut talk.rng)
    } else {
        tls::rsa_client_key_exchange(&mut talk.rng)
    };
    messages.push(tls::server_hello_done());
    let flight = in_records(&messages, site.records);
    talk = talk.server(flight).maybe(60.0, Tcp::ack).pause(3_000_000);

    let mut last = tls::record(content::HANDSHAKE, client_key);
    last.extend(tls::ccs());
    last.extend(tls::finished12(&mut talk.rng));
    let mut answer = Vec::new();
    if new_ticket {
        answer.extend(tls::record(content::HANDSHAKE, ticket));
    }
    answer.extend(tls::ccs());
    answer.extend(tls::finished12(&mut talk.rng));
    talk.client(last).server(answer)
}

fn suite12(site: &Site, hello: &ClientHello) -> u16 {
    let preferred: &[u16] = match (site.key_exchange, site.key) {
        (KeyExchange::Rsa, Key::Rsa2048) => &[0x009d, 0x0035, 0xc02f],
        (_, Key::P256) => &[0xc02b, 0xc02c],
        _ => &[0xc02f, 0xc030],
    };
    *preferred.iter().find(|s| hello.ciphers.contains(s)).unwrap_or(&0xc02f)
}

fn in_records(messages: &[Vec<u8>], records: Records) -> Vec<u8> {
    match records {
        Records::EachMessage => messages.iter().flat_map(|m| tls::record(content::HANDSHAKE, m)).collect(),
        Records::Together => tls::records(content::HANDSHAKE, messages.concat(), 16_384),
    }
}

/// A request and its answer, sometimes two.
fn exchange(mut talk: Talk, meeting: Meeting<'_>) -> Talk {
    let rounds = if talk.rng.percent(8.0) { 2 } else { 1 };
    for _ in 0..rounds {
        let request = talk.rng.between(180, 1_100) as usize;
        let answer = if talk.rng.percent(70.0) { talk.rng.between(200, 1_300) } else { talk.rng.between(1_400, 5_000) };
        let request = tls::application_data(&mut talk.rng, request);
        let answer = tls::application_data(&mut talk.rng, answer as usize);
        talk = talk.client(request).pause(meeting.site.distance).server(answer).step(Tcp::ack);
    }
    talk.pause(600_000_000)
}

/// close_notify rides with the FIN of most.
fn close(mut talk: Talk) -> Talk {
    if talk.rng.percent(25.0) {
        let notify = tls::encrypted(&mut talk.rng, 2);
        talk = talk.client(notify);
    }
    if talk.rng.percent(12.0) { talk.step(Tcp::rst) } else { talk.step(Tcp::fin) }
}
