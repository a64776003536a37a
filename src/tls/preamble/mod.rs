//! What may stand before TLS in one direction of a stream: the plaintext of protocols that go over to TLS, and what is
//! said to proxies.
//!
//! In: the direction's bytes, cut anywhere. Out: where TLS begins, or that it does not; beside that what the bytes say
//! about the protocol, and the addresses of a PROXY header. Each direction is judged by its own bytes: neither the
//! order of packets between the two nor a direction that was not captured changes where TLS begins.
//!
//! The bytes are taken as units - a line, a packet of a binary protocol - and TLS can only begin where a unit ends. A
//! unit is known by its first [`HOLD`] bytes, which are all that is ever kept of it. After [`LIMIT`] bytes of a direction
//! nothing is looked for any more.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod evidence;
mod haproxy;
mod http;
mod ldap;
mod lines;
mod mysql;
mod postgresql;
mod rdp;
mod socks;
mod start;
pub(super) mod tds;

use std::ops::ControlFlow;

use super::Proxied;
use super::message::Loss;
use super::probe::{self, Peer, Verdict};
use super::record::ALERT;
pub(super) use evidence::Evidence;

/// One direction on its way to TLS.
#[derive(Debug)]
pub(super) struct Preamble {
    /// The first bytes of a unit that came in pieces.
    held: [u8; HOLD],
    have: usize,
    /// What of the unit begun is only stepped over.
    skip: Skip,
    expect: Expect,
    /// Bytes of all units begun.
    offset: usize,
    notes: Notes,
    /// Bytes that did not come, and were stepped over.
    hole: Option<Loss>,
}

/// What the bytes of a direction have told so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Notes {
    pub(super) evidence: Evidence,
    pub(super) proxied: Option<Proxied>,
}

/// What became of the bytes given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome<'a> {
    /// More are wanted.
    More,
    /// TLS begins with what is held ([`Preamble::held`]), and goes on with these bytes.
    Begins(Carrier, &'a [u8]),
    /// There is no TLS in this direction, or it comes too late.
    Other,
}

/// What TLS begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    Records,
    /// A version 2 record.
    Sslv2,
    /// Records in TDS packets, at the first of those.
    Tds,
}

/// What may stand next in the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Expect {
    /// Anything a stream may begin with: at its start, and behind what was said to a proxy.
    #[default]
    Start,
    Tls,
    /// A line of a dialogue.
    Line,
    /// What ends with `>`.
    Tag,
    HttpHeader(http::Head),
    /// A line of a body of unknown length.
    HttpBody,
    PostgresqlRequest,
    PostgresqlAnswer,
    LdapMessage,
    TdsPacket,
    Socks(socks::Expect),
}

/// What stands at the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Too few bytes to tell.
    More,
    Begins(Carrier),
    /// A unit of so many bytes, at least one, and what may stand behind it.
    Sized(usize, Expect),
    /// A unit that ends with this byte, which is not among the bytes seen.
    Until(u8, Expect),
    /// Neither TLS nor what may stand before it.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skip {
    Nothing,
    Bytes(usize),
    /// Up to and with this byte.
    Until(u8),
}

impl Preamble {
    pub(super) const START: Self = Self {
        held: [0; HOLD],
        have: 0,
        skip: Skip::Nothing,
        expect: Expect::Start,
        offset: 0,
        notes: Notes { evidence: Evidence::NONE, proxied: None },
        hole: None,
    };

    /// Makes it ready for another stream.
    pub(super) fn reset(&mut self) {
        (self.have, self.skip, self.expect) = (0, Skip::Nothing, Expect::Start);
        (self.offset, self.notes, self.hole) = (0, Notes::default(), None);
    }

    /// Takes the next bytes. `peer` counts for the direction's very first bytes alone.
    pub(super) fn push<'a>(&mut self, mut bytes: &'a [u8], peer: Peer) -> Outcome<'a> {
        loop {
            let step = match self.skip {
                _ if bytes.is_empty() => return Outcome::More,
                Skip::Nothing => self.unit(&mut bytes, peer),
                Skip::Bytes(left) => {
                    let now = left.min(bytes.len());
                    bytes = bytes.get(now..).unwrap_or_default();
                    self.skip = if now == left { Skip::Nothing } else { Skip::Bytes(left.saturating_sub(now)) };
                    ControlFlow::Continue(())
                }
                Skip::Until(end) => self.until(end, &mut bytes),
            };
            if let ControlFlow::Break(outcome) = step {
                return outcome;
            }
        }
    }

    /// So many bytes did not come. `Err` where it cannot be told from then on where TLS may begin.
    pub(super) fn skip(&mut self, count: usize, loss: Loss) -> Result<(), ()> {
        match (self.skip, self.expect) {
            (Skip::Bytes(left), _) if count <= left => {
                self.skip = if count == left { Skip::Nothing } else { Skip::Bytes(left.saturating_sub(count)) };
                return Ok(());
            }
            (Skip::Nothing | Skip::Until(b'\n'), Expect::Line) => self.skip = Skip::Until(b'\n'),
            (Skip::Nothing | Skip::Until(b'>'), Expect::Tag) => self.skip = Skip::Until(b'>'),
            _ => return Err(()),
        }
        self.have = 0;
        self.offset = self.offset.saturating_add(count);
        self.hole = Some(loss);
        Ok(())
    }

    /// The bytes of the unit begun, as far as they came with earlier calls.
    pub(super) fn held(&self) -> &[u8] {
        self.held.get(..self.have).unwrap_or_default()
    }

    /// Whether the bytes held may be TLS already.
    pub(super) fn may_have_begun(&self) -> bool {
        let held = match self.expect {
            Expect::TdsPacket => self.held().get(tds::HEADER..).unwrap_or_default(),
            _ => self.held(),
        };
        !held.is_empty() && begins(held, Peer::Unknown) != Verdict::Neither
    }

    /// Whether anything came before what TLS begins with.
    pub(super) fn has_read(&self) -> bool {
        self.offset > 0
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Why bytes are missing among those that were read as lines.
    pub(super) fn hole(&self) -> Option<Loss> {
        self.hole
    }

    /// Takes the unit at the front, as far as it is here.
    fn unit<'a>(&mut self, bytes: &mut &'a [u8], peer: Peer) -> ControlFlow<Outcome<'a>> {
        let Self { held, have, notes, expect, .. } = self;
        if self.offset >= LIMIT {
            return ControlFlow::Break(Outcome::Other);
        }
        let old = *have;
        let view = if old == 0 {
            bytes.get(..HOLD).unwrap_or(bytes)
        } else {
            let room = held.get_mut(old..).unwrap_or_default();
            let now = room.len().min(bytes.len());
            for (slot, byte) in room.iter_mut().zip(bytes.iter()) {
                *slot = *byte;
            }
            held.get(..old.saturating_add(now)).unwrap_or_default()
        };
        let seen = view.len();
        let peer = if self.offset == 0 { peer } else { Peer::Unknown };
        match expect.unit(view, peer, notes) {
            Unit::More if seen == HOLD => return ControlFlow::Break(Outcome::Other),
            Unit::More => {
                if old == 0 {
                    for (slot, byte) in held.iter_mut().zip(bytes.iter()) {
                        *slot = *byte;
                    }
                }
                *have = seen;
                return ControlFlow::Break(Outcome::More);
            }
            Unit::Begins(carrier) => return ControlFlow::Break(Outcome::Begins(carrier, bytes)),
            Unit::Sized(length, then) => {
                *expect = then;
                self.offset = self.offset.saturating_add(length);
                // A unit that ends beyond the limit: nothing is waited for.
                if length == 0 || self.offset > LIMIT {
                    return ControlFlow::Break(Outcome::Other);
                }
                if let Some(fresh) = length.checked_sub(old) {
                    *have = 0;
                    let now = fresh.min(bytes.len());
                    *bytes = bytes.get(now..).unwrap_or_default();
                    if now < fresh {
                        self.skip = Skip::Bytes(fresh.saturating_sub(now));
                    }
                } else {
                    held.copy_within(length..old, 0);
                    *have = old.saturating_sub(length);
                }
            }
            Unit::Until(end, then) => {
                *expect = then;
                *have = 0;
                self.offset = self.offset.saturating_add(seen);
                *bytes = bytes.get(seen.saturating_sub(old)..).unwrap_or_default();
                self.skip = Skip::Until(end);
            }
            Unit::Other => return ControlFlow::Break(Outcome::Other),
        }
        ControlFlow::Continue(())
    }

    /// Steps over a unit's rest. There is no NUL in text.
    fn until<'a>(&mut self, end: u8, bytes: &mut &'a [u8]) -> ControlFlow<Outcome<'a>> {
        let room = LIMIT.saturating_sub(self.offset);
        let near = bytes.get(..room).unwrap_or(bytes);
        let place = near.iter().position(|&byte| byte == end);
        let now = place.map_or(near.len(), |place| place.saturating_add(1));
        let text = matches!(self.expect, Expect::Line | Expect::Tag | Expect::HttpHeader(_));
        if text && near.iter().take(now).any(|&byte| byte == 0) {
            return ControlFlow::Break(Outcome::Other);
        }
        self.offset = self.offset.saturating_add(now);
        *bytes = bytes.get(now..).unwrap_or_default();
        match place {
            Some(_) => self.skip = Skip::Nothing,
            None if self.offset >= LIMIT => return ControlFlow::Break(Outcome::Other),
            None => {}
        }
        ControlFlow::Continue(())
    }
}

impl Expect {
    /// What stands at the front of `view`, which begins with a unit and is no longer than [`HOLD`].
    fn unit(self, view: &[u8], peer: Peer, notes: &mut Notes) -> Unit {
        if !matches!(self, Self::HttpHeader(_) | Self::Socks(_)) {
            match begins(view, peer) {
                Verdict::Tls => return Unit::Begins(Carrier::Records),
                Verdict::Sslv2 => return Unit::Begins(Carrier::Sslv2),
                Verdict::More => return Unit::More,
                Verdict::Neither => {}
            }
        }
        match self {
            Self::Start => start::unit(view, notes),
            Self::Tls => Unit::Other,
            Self::Line => lines::line(view, notes),
            Self::Tag => lines::tag(view, notes),
            Self::HttpHeader(head) => http::header(head, view, notes),
            Self::HttpBody => http::body(view),
            Self::PostgresqlRequest => postgresql::request(view, notes),
            Self::PostgresqlAnswer => postgresql::answer(view, notes).unwrap_or(Unit::Other),
            Self::LdapMessage => ldap::message(view, notes).unwrap_or(Unit::Other),
            Self::TdsPacket => tds::handshake(view),
            Self::Socks(expect) => socks::unit(expect, view, notes),
        }
    }
}

/// Whether TLS begins: as the start of a stream is judged, but that an alert may be all that a server answers, whether
/// or not the other direction has been seen.
fn begins(view: &[u8], peer: Peer) -> Verdict {
    match probe::judge(view, peer) {
        Verdict::Neither => match *view {
            [ALERT] | [ALERT, 3] | [ALERT, 3, 0..=4] | [ALERT, 3, 0..=4, 0] | [ALERT, 3, 0..=4, 0, 2] => Verdict::More,
            [ALERT, 3, 0..=4, 0, 2, 1 | 2, ..] => Verdict::Tls,
            _ => Verdict::Neither,
        },
        verdict => verdict,
    }
}

/// Bytes of a direction within which TLS must begin.
pub(super) const LIMIT: usize = 16 << 10;
/// Bytes by which each unit is known: more than the longest PROXY header of version 1 has (107).
pub(super) const HOLD: usize = 128;
const _: () = assert!(HOLD >= tds::HEADER + probe::ENOUGH);

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tls::{Caps, Message, Progress, Session, Upgrade};
    use crate::wire::{Both, Direction};

    /// What a client and a server say before TLS, turn by turn.
    struct Talk {
        upgrade: Upgrade,
        client: Vec<u8>,
        server: Vec<u8>,
        /// TLS stands in TDS packets.
        tds: bool,
    }

    fn talk(upgrade: Upgrade, turns: &[(char, &[u8])]) -> Talk {
        let of = |who| turns.iter().filter(|(from, _)| *from == who).flat_map(|(_, bytes)| bytes.to_vec()).collect();
        Talk { upgrade, client: of('c'), server: of('s'), tds: upgrade == Upgrade::Tds }
    }

    fn talks() -> Vec<Talk> {
        use Upgrade::*;
        let greeting = [
            &[74u8, 0, 0, 0, 10][..],
            b"8.0.36\0",
            &[9; 4],
            &[8; 9],
            &[0xff, 0xff, 33, 2, 0, 0xff, 0x0f, 21],
            &[0; 10],
            &[7; 13],
            b"caching_sha2_password\0",
        ]
        .concat();
        assert_eq!(greeting.len(), 78);
        let mysql = [&[32u8, 0, 0, 1, 0x85, 0xae, 0xff, 0x19, 0, 0, 0, 1, 33][..], &[0; 23]].concat();
        let ldap = [&[0x30u8, 29, 2, 1, 1, 0x77, 24, 0x80, 22][..], b"1.3.6.1.4.1.1466.20037"].concat();
        let tds =
            [&[0x12u8, 1, 0, 26, 0, 0, 1, 0][..], &[0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff], &[17, 0, 0, 0, 0, 0, 1]]
                .concat();
        let tds_answer = [&[4, 1, 0, 26, 0, 0, 1, 0][..], &tds[8..]].concat();
        let negotiation =
            [&[3u8, 0, 0, 44, 39, 0xe0, 0, 0, 0, 0, 0][..], b"Cookie: mstshash=eltons\r\n", &[1, 0, 8, 0, 3]].concat();
        let rdp = [&negotiation[..], &[0; 3][..]].concat();
        let rdp = [&[3u8, 0, 0, rdp.len() as u8][..], &rdp[4..]].concat();
        let v2 =
            [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0f"[..], &[192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 4, 1, 0xbb, 4, 0, 0]]
                .concat();
        let refused = &b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\
            Content-Length: 9\r\n\r\nno\nentry\0"[..];
        let refused_in_chunks = &b"HTTP/1.1 407 Proxy Authentication Required\r\nTransfer-Encoding: chunked\r\n\r\n\
            3\r\nno\0\r\n0\r\n\r\n"[..];
        let connect = &b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"[..];
        let connected = &b"HTTP/1.1 200 Connection established\r\n\r\n"[..];
        let ehlo: (char, &[u8]) = ('c', b"EHLO a.test\r\n");
        let features: (char, &[u8]) = ('s', b"250-b.test\r\n250 STARTTLS\r\n");
        let smtp =
            [('s', &b"220 b.test ESMTP\r\n"[..]), ehlo, features, ('c', b"STARTTLS\r\n"), ('s', b"220 go ahead\r\n")];
        let through = |proxy: &[(char, &'static [u8])]| {
            [proxy, &[('s', &b"220 b.test\r\n"[..]), ('c', b"STARTTLS\r\n"), ('s', b"220 go\r\n")]].concat()
        };
        vec![
            talk(Smtp, &smtp),
            talk(Smtp, &[('s', b"220 b LMTP\r\n"), ('c', b"LHLO a\r\nSTARTTLS\r\n"), ('s', b"250 b\r\n220 go\r\n")]),
            talk(Imap, &[('s', b"* OK ready\r\n"), ('c', b"001 STARTTLS\r\n"), ('s', b"001 OK begin\r\n")]),
            talk(Pop3, &[('s', b"+OK ready\r\n"), ('c', b"STLS\r\n"), ('s', b"+OK\r\n")]),
            talk(Ftp, &[('s', b"220 ready\r\n"), ('c', b"AUTH TLS\r\n"), ('s', b"234 begin\r\n")]),
            talk(Nntp, &[('s', b"200 ready\r\n"), ('c', b"STARTTLS\r\n"), ('s', b"382 begin\r\n")]),
            talk(Sieve, &[('s', b"\"IMPLEMENTATION\" \"x\"\r\nOK\r\n"), ('c', b"STARTTLS\r\n"), ('s', b"OK\r\n")]),
            talk(Irc, &[('c', b"STARTTLS\r\n"), ('s', b":a.test 670 x :STARTTLS successful\r\n")]),
            talk(Irc, &[('c', b"CAP LS 302\r\nNICK x\r\nSTARTTLS\n"), ('s', b":a NOTICE * :hello\r\n")]),
            talk(
                Xmpp,
                &[
                    ('c', b"<?xml version='1.0'?>\n<stream:stream to='a.test'>"),
                    ('s', b"<stream:stream from='a.test'><stream:features><starttls/></stream:features>"),
                    ('c', b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\n"),
                    ('s', b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
                ],
            ),
            talk(Postgresql, &[('c', &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]), ('s', b"S")]),
            talk(
                Postgresql,
                &[('c', &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x30, 0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]), ('s', b"NS")],
            ),
            talk(Mysql, &[('s', &greeting), ('c', &mysql)]),
            talk(Ldap, &[('c', &ldap), ('s', &[0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, 0, 4, 0, 4, 0])]),
            talk(Tds, &[('c', &tds), ('s', &tds_answer)]),
            talk(Rdp, &[('c', &rdp), ('s', &[3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 1, 8, 0, 2, 0, 0, 0])]),
            talk(HttpConnect, &[('c', connect), ('s', connected)]),
            talk(HttpConnect, &[('c', connect), ('s', refused), ('c', connect), ('s', connected)]),
            talk(HttpConnect, &[('c', connect), ('s', refused_in_chunks), ('c', connect), ('s', connected)]),
            talk(
                HttpUpgrade,
                &[
                    ('c', b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n"),
                    ('s', b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n\r\n"),
                ],
            ),
            talk(Socks4, &[('c', b"\x04\x01\x01\xbb\xc0\x00\x02\x01me\0"), ('s', &[0, 90, 0, 0, 0, 0, 0, 0])]),
            talk(Socks4, &[('c', b"\x04\x01\x01\xbb\xc0\x00\x02\x01\0"), ('s', &[0, 90, 1, 187, 0, 0, 0, 0])]),
            talk(Socks4, &[('c', b"\x04\x01\x01\xbb\0\0\0\x01\0a.test\0"), ('s', &[0, 90, 1, 187, 0, 0, 0, 0])]),
            talk(
                Socks5,
                &[
                    ('c', &[5, 1, 0]),
                    ('s', &[5, 0]),
                    ('c', b"\x05\x01\0\x03\x06a.test\x01\xbb"),
                    ('s', &[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]),
                ],
            ),
            talk(
                Socks5,
                &[
                    ('c', &[5, 2, 0, 2]),
                    ('s', &[5, 2]),
                    ('c', b"\x01\x02me\x06secret"),
                    ('s', &[1, 0]),
                    ('c', &[5, 1, 0, 1, 192, 0, 2, 1, 1, 187]),
                    ('s', &[5, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 56]),
                ],
            ),
            // An offer of GSSAPI and of no authentication begins like a server's choice of the password.
            talk(
                Socks5,
                &[
                    ('c', &[5, 2, 1, 0]),
                    ('s', &[5, 0]),
                    ('c', &[5, 1, 0, 1, 192, 0, 2, 1, 1, 187]),
                    ('s', &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
                ],
            ),
            talk(Haproxy, &[('c', b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n")]),
            talk(Haproxy, &[('c', &v2)]),
            talk(Smtp, &[&[('c', &v2[..])][..], &smtp].concat()),
            talk(Smtp, &through(&[('c', b"CONNECT a.test:25 HTTP/1.0\r\n\r\n"), ('s', b"HTTP/1.0 200 OK\r\n\r\n")])),
            talk(
                Smtp,
                &through(&[
                    ('c', b"\x05\x01\0\x05\x01\0\x01\x01\x02\x03\x04\0\x19"),
                    ('s', b"\x05\0\x05\0\0\x01\0\0\0\0\0\0"),
                ]),
            ),
            talk(Unknown, &[('s', b"INFO {\"tls_required\":true}\r\n")]),
            talk(Unknown, &[('c', b"hello there\nsecure please\n"), ('s', b"as you like\n")]),
        ]
    }

    impl Talk {
        /// Both directions' bytes; the TLS behind them is a hello of each side.
        fn streams(&self) -> Both<Vec<u8>> {
            let (mut hello, mut answer) = (client_hello(), server_hello());
            if self.tds {
                hello = in_packets(&hello, 30);
                answer = in_packets(&answer, 4096);
            }
            // The rest of the handshake stands in the stream as it is.
            answer.extend([20, 3, 3, 0, 1, 1]);
            Both { forward: [&self.client[..], &hello].concat(), backward: [&self.server[..], &answer].concat() }
        }
    }

    fn in_packets(bytes: &[u8], size: usize) -> Vec<u8> {
        let packet = |body: &[u8]| {
            let mut packet = vec![tds::PRELOGIN, 1];
            packet.extend(((body.len() + tds::HEADER) as u16).to_be_bytes());
            packet.extend([0, 0, 0, 0]);
            packet.extend(body);
            packet
        };
        bytes.chunks(size).flat_map(packet).collect()
    }

    fn client_hello() -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 4, 0xc0, 0x2f, 0, 0xff, 1, 0]);
        record(1, &body)
    }

    fn server_hello() -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([9; 32]);
        body.extend([0, 0xc0, 0x2f, 0]);
        record(2, &body)
    }

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let message = [&[kind, 0, 0, body.len() as u8][..], body].concat();
        [&[22, 3, 1, 0, message.len() as u8][..], &message].concat()
    }

    /// One piece after the other, in this order; what was said in each direction, and the last upgrade told.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Heard {
        client: Vec<String>,
        server: Vec<String>,
        upgrade: Option<Upgrade>,
        proxied: Option<crate::tls::Proxied>,
    }

    fn hear(pieces: &[(Direction, &[u8])]) -> (Heard, Progress) {
        let mut session = Session::new(Caps { client_hello: 16 << 10, other: 64 << 10 });
        let mut heard = Heard::default();
        let mut progress = Progress::Reading;
        let mut out = |from, message: Message<'_>| {
            let to = if from == Direction::Forward { &mut heard.client } else { &mut heard.server };
            match message {
                Message::Upgraded(upgrade) => heard.upgrade = Some(upgrade),
                Message::Proxied(proxied) => heard.proxied = Some(proxied),
                message => to.push(format!("{message:?}")),
            }
        };
        for (from, bytes) in pieces {
            progress = session.push(*from, bytes, &mut out);
            if progress != Progress::Reading {
                break;
            }
        }
        session.finish(&mut out);
        (heard, progress)
    }

    fn whole(streams: &Both<Vec<u8>>) -> Heard {
        hear(&[(Direction::Forward, &streams.forward), (Direction::Backward, &streams.backward)]).0
    }

    #[test]
    fn each_talk_goes_over_to_tls() {
        for talk in talks() {
            let heard = whole(&talk.streams());
            let what = String::from_utf8_lossy(&talk.client).into_owned();
            assert_eq!(heard.upgrade, Some(talk.upgrade), "{what}");
            assert!(
                heard.client.len() == 1 && heard.client[0].starts_with("ClientHello"),
                "{what}: {:?}",
                heard.client
            );
            assert!(
                heard.server.len() == 2 && heard.server[0].starts_with("ServerHello"),
                "{what}: {:?}",
                heard.server
            );
        }
    }

    #[test]
    fn a_direction_alone_goes_over_to_tls() {
        for talk in talks() {
            let Both { forward, backward } = talk.streams();
            let what = String::from_utf8_lossy(&talk.client).into_owned();
            let (heard, _) = hear(&[(Direction::Forward, &forward)]);
            assert_eq!((heard.client.len(), heard.upgrade.is_some()), (1, !talk.client.is_empty()), "{what}");
            let (heard, _) = hear(&[(Direction::Backward, &backward)]);
            assert_eq!((heard.server.len(), heard.upgrade.is_some()), (2, !talk.server.is_empty()), "{what}");
        }
    }

    #[test]
    fn tls_from_the_first_byte_tells_of_no_upgrade() {
        let streams = Both { forward: client_hello(), backward: server_hello() };
        assert_eq!(whole(&streams).upgrade, None);
    }

    #[test]
    fn a_server_that_greets_first_and_never_speaks_tls_upgrades_nothing() {
        let hello = client_hello();
        let answers: [&[u8]; 2] = [b"220 b.test ESMTP\r\n500 what?\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"];
        for answer in answers {
            for order in [
                [(Direction::Backward, answer), (Direction::Forward, &hello)],
                [(Direction::Forward, &hello[..]), (Direction::Backward, answer)],
            ] {
                let (heard, progress) = hear(&order);
                if progress == Progress::Reading {
                    assert_eq!((heard.upgrade, heard.client.len()), (None, 1));
                    assert_eq!(heard.server, ["NotARecord"]);
                }
            }
        }
    }

    #[test]
    fn a_proxy_header_names_addresses() {
        let proxied = |header: &[u8]| {
            let stream = [header, &client_hello()].concat();
            let heard = hear(&[(Direction::Forward, &stream)]).0;
            (heard.client.len(), heard.proxied.map(|proxied| format!("{} {}", proxied.source, proxied.destination)))
        };
        assert_eq!(
            proxied(b"PROXY TCP6 2001:db8::1 2001:db8::2 4124 443\r\n"),
            (1, Some("[2001:db8::1]:4124 [2001:db8::2]:443".to_owned()))
        );
        assert_eq!(proxied(b"PROXY UNKNOWN ffff::1 ::1 1 2\r\n"), (1, None));
        assert_eq!(proxied(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 99999\r\n"), (0, None));
        assert_eq!(proxied(b"PROXY TCP4 ::1 ::2 1 2\r\n"), (0, None));
        let v2 = |command: u8, family: u8, body: &[u8]| {
            [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family, 0, body.len() as u8], body].concat()
        };
        let ends = [192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 4, 1, 0xbb];
        assert_eq!(proxied(&v2(0x21, 0x11, &ends)), (1, Some("192.0.2.1:56324 192.0.2.2:443".to_owned())));
        assert_eq!(proxied(&v2(0x20, 0x00, &[])), (1, None));
        assert_eq!(proxied(&v2(0x21, 0x31, &[0; 216])), (1, None));
        assert_eq!(proxied(&v2(0x21, 0x11, &ends[..8])), (0, None));
        assert_eq!(proxied(&v2(0x31, 0x11, &ends)), (0, None));
    }

    #[test]
    fn other_protocols_are_known_by_their_first_bytes() {
        let others: [&[u8]; 18] = [
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"GET / HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n\r\n",
            b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            b"POST /x HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"RFB 003.008\n",
            b"*3\r\n$3\r\nSET\r\n",
            b"{\"id\":1}\n",
            &[0; 100],
            &[1, 2, 3, 4, 5, 6],
            &[0xff, 0xfd, 0x18, 0xff, 0xfd, 0x20],
            &[0x13, b'B', b'i', b't', b'T'],
            b"hello\0there\n",
            &[3, 0, 0, 22, 17, 0xe0, 0, 0, 0, 1, 0, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2, 0xc0, 1, 10],
            &[5, 0xff],
            &[32, 0, 0, 1, 0x85, 0xa6, 3, 0, 0, 0, 0, 1, 33],
            &[22, 3, 1, 0xff, 0xff, 1],
        ];
        for other in others {
            assert!(Session::is_other_than_tls(other), "{:?}", String::from_utf8_lossy(other));
        }
        for talk in talks() {
            for stream in [&talk.client, &talk.server] {
                assert!(!Session::is_other_than_tls(stream), "{:?}", String::from_utf8_lossy(stream));
            }
        }
    }

    #[test]
    fn behind_a_dialogue_longer_than_the_limit_nothing_is_found() {
        for (filler, more, found) in
            [(&b"NOOP\r\n"[..], 0, true), (b"NOOP\r\n", LIMIT / 6 - 4, true), (b"NOOP\r\n", LIMIT / 6, false)]
        {
            let talk = [b"EHLO a.test\r\n", &filler.repeat(more)[..], &client_hello()].concat();
            for size in [1, 7, 1460, 1 << 20] {
                let pieces: Vec<_> = talk.chunks(size).map(|piece| (Direction::Forward, piece)).collect();
                let (heard, progress) = hear(&pieces);
                assert_eq!(heard.client.len(), usize::from(found), "{more} {size}");
                assert_eq!(progress == Progress::NotTls, !found, "{more} {size}");
            }
        }
        let line = [b'x'; 2 * LIMIT];
        assert_eq!(hear(&[(Direction::Forward, &line)]).1, Progress::NotTls);
        let message = [0x30, 0x82, 0x40, 0, 2, 1, 1, 0x63];
        assert_eq!(hear(&[(Direction::Forward, &message)]).1, Progress::NotTls);
    }

    #[test]
    fn noise_behind_a_line_is_no_tls() {
        for noise in
            [&[22, 3, 1, 0xff, 0xff, 1][..], &[22, 3, 1, 0, 40, 99, 0, 0], &[21, 3, 3, 0, 2, 9, 9], &[23, 3, 3, 0, 9]]
        {
            let stream = [b"EHLO a.test\r\n", noise, &[1; 300]].concat();
            let (heard, _) = hear(&[(Direction::Forward, &stream)]);
            assert_eq!((heard.client.len(), heard.upgrade), (0, None), "{noise:?}");
        }
    }

    #[test]
    fn an_alert_alone_may_answer_behind_a_preamble() {
        let client = [b"STARTTLS\r\n", &client_hello()[..]].concat();
        let server = [&b"220 ready\r\n220 go\r\n"[..], &[21, 3, 3, 0, 2, 2, 40]].concat();
        for order in [
            [(Direction::Forward, &client[..]), (Direction::Backward, &server)],
            [(Direction::Backward, &server[..]), (Direction::Forward, &client)],
        ] {
            let (heard, _) = hear(&order);
            assert_eq!((heard.upgrade, heard.server.len()), (Some(Upgrade::Smtp), 1));
        }
    }

    #[test]
    fn a_hole_in_a_dialogue_of_lines_is_stepped_over() {
        let mut session = Session::new(Caps { client_hello: 16 << 10, other: 64 << 10 });
        let mut said = Vec::new();
        let mut out = |_, message: Message<'_>| said.push(format!("{message:?}"));
        session.push(Direction::Forward, b"EHLO a.test\r\nEHLO a.", &mut out);
        session.skip(Direction::Forward, 5, Loss::Gap, &mut out);
        session.push(Direction::Forward, b"est\r\nSTARTTLS\r\n", &mut out);
        session.push(Direction::Forward, &client_hello(), &mut out);
        session.finish(&mut out);
        assert!(said[0].starts_with("ClientHello"), "{said:?}");
        assert_eq!(said[1..], ["Upgraded(Smtp)"]);
    }

    #[test]
    fn a_hole_that_may_hide_a_hello_is_told() {
        let mut session = Session::new(Caps { client_hello: 16 << 10, other: 64 << 10 });
        let mut said = Vec::new();
        let mut out = |_, message: Message<'_>| said.push(format!("{message:?}"));
        session.push(Direction::Forward, b"EHLO a.test\r\nSTARTTLS\r\n", &mut out);
        session.skip(Direction::Forward, 300, Loss::Gap, &mut out);
        let answer = [b"220 a\r\n250 STARTTLS\r\n220 go\r\n", &server_hello()[..]].concat();
        session.push(Direction::Backward, &answer, &mut out);
        assert_eq!(session.push(Direction::Forward, &[20, 3, 3, 0, 1, 1, 0], &mut out), Progress::Reading);
        session.finish(&mut out);
        assert!(said[0].starts_with("ServerHello"), "{said:?}");
        assert_eq!(said[1..], ["Lost { within: None, loss: Gap }", "Upgraded(Smtp)"]);
    }

    proptest! {
        #[test]
        fn any_cut_and_any_order_of_the_directions_gives_the_same(
            which in 0..talks().len(),
            cuts in prop::collection::vec((any::<bool>(), 1usize..40), 1..200),
        ) {
            let streams = talks()[which].streams();
            let expected = whole(&streams);
            let mut left = Both { forward: &streams.forward[..], backward: &streams.backward[..] };
            let mut pieces = Vec::new();
            for (forward, size) in cuts {
                let from = if forward { Direction::Forward } else { Direction::Backward };
                let (now, rest) = left[from].split_at(size.min(left[from].len()));
                pieces.push((from, now));
                left[from] = rest;
            }
            pieces.extend([(Direction::Backward, left.backward), (Direction::Forward, left.forward)]);
            prop_assert_eq!(hear(&pieces).0, expected);
        }

        #[test]
        fn any_bytes_end_within_the_limit(
            which in 0..talks().len(),
            keep in any::<prop::sample::Index>(),
            noise in prop::collection::vec(any::<u8>(), 0..400),
            size in 1usize..100,
        ) {
            let talk = &talks()[which];
            for stream in [&talk.client, &talk.server] {
                let mut bytes = stream[..keep.index(stream.len() + 1)].to_vec();
                bytes.extend(&noise);
                let (mut one, mut other) = (Preamble::START, Preamble::START);
                let at_once = one.push(&bytes, Peer::Unknown);
                let mut outcome = Outcome::More;
                for piece in bytes.chunks(size) {
                    outcome = other.push(piece, Peer::Unknown);
                    if outcome != Outcome::More {
                        break;
                    }
                }
                prop_assert_eq!(std::mem::discriminant(&at_once), std::mem::discriminant(&outcome));
                prop_assert_eq!(one.notes().evidence, other.notes().evidence);
            }
        }
    }
}
