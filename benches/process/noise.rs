//! What else is on a network: DNS, NTP, calls, plain HTTP, SSH, ping, ARP.

use crate::connection::{Begin, Setting, Tags, Talk};
use crate::packets::frame::{checksum, ethertype, protocol};
use crate::packets::{Endpoint, Envelope, Rng, Tcp, TimedFrame, tcp};
use crate::world::Host;

/// One exchange of some kind, from its first frame to its last.
pub fn exchange(host: &Host, setting: Setting<'_>, mut rng: Rng) -> Vec<TimedFrame> {
    let far = Endpoint::v4([203, 0, 200 + rng.below(50) as u8, rng.between(1, 254) as u8], 0);
    let vlans: Vec<u16> = host.vlan.filter(|_| setting.network.tags == Tags::OfHost).into_iter().collect();
    let datagrams = Datagrams { host, far, vlans: &vlans, start: setting.start };
    match rng.below(100) {
        0..44 => datagrams.dns(rng),
        44..50 => datagrams.ping(rng),
        50..57 => datagrams.arp(rng),
        57..62 => datagrams.ntp(rng),
        62..66 => datagrams.call(rng),
        66..90 => stream(host, Server { at: Endpoint { port: 80, ..far }, says: http }, Streaming { setting, rng }),
        _ => stream(host, Server { at: Endpoint { port: 22, ..far }, says: ssh }, Streaming { setting, rng }),
    }
}

struct Datagrams<'a> {
    host: &'a Host,
    far: Endpoint,
    vlans: &'a [u16],
    start: u64,
}

impl Datagrams<'_> {
    fn dns(&self, mut rng: Rng) -> Vec<TimedFrame> {
        let id = rng.next() as u16;
        let name = format!("{:x}", rng.below(0xffff));
        let mut question = vec![name.len() as u8];
        question.extend_from_slice(name.as_bytes());
        question.extend_from_slice(b"\x07example\x00\x00\x01\x00\x01");
        let mut query = id.to_be_bytes().to_vec();
        query.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        query.extend_from_slice(&question);
        let answers = rng.between(1, 6) as u8;
        let mut answer = id.to_be_bytes().to_vec();
        answer.extend_from_slice(&[0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0]);
        answer.extend_from_slice(&question);
        for _ in 0..answers {
            answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 203, 0, 113]);
            answer.push(rng.next() as u8);
        }
        self.pair(53, [query, answer], rng)
    }

    fn ntp(&self, mut rng: Rng) -> Vec<TimedFrame> {
        let mut query = rng.bytes(48);
        let mut answer = rng.bytes(48);
        (query[0], answer[0]) = (0x23, 0x24);
        self.pair(123, [query, answer], rng)
    }

    /// Voice: both ways, one datagram each 20 ms.
    fn call(&self, mut rng: Rng) -> Vec<TimedFrame> {
        let near = self.host.at(rng.between(16_384, 32_767) as u16 & !1);
        let far = Endpoint { port: 20_000, ..self.far };
        (0..rng.between(20, 120))
            .map(|n| {
                let mut payload = rng.bytes(172);
                (payload[0], payload[1]) = (0x80, 0);
                let (from, to) = if n % 2 == 0 { (near, far) } else { (far, near) };
                let ts = self.start + n * 10_000_000 + rng.below(2_000_000);
                TimedFrame::whole(ts, self.envelope(from, to).udp(&payload))
            })
            .collect()
    }

    fn ping(&self, mut rng: Rng) -> Vec<TimedFrame> {
        let body = rng.bytes(48);
        let message = |kind: u8| {
            let mut message = vec![kind, 0, 0, 0, 0, 7, 0, 1];
            message.extend_from_slice(&body);
            let sum = checksum(0, &message);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
            message
        };
        let near = self.host.at(0);
        let ask = self.envelope(near, self.far).ip(protocol::ICMP, &message(8));
        let answer = self.envelope(self.far, near).ip(protocol::ICMP, &message(0));
        self.answered([ask, answer], rng)
    }

    fn arp(&self, rng: Rng) -> Vec<TimedFrame> {
        let (near, gateway) = (self.host.at(0), Endpoint::v4([10, 20, 0, 1], 0));
        let frame = |operation: u8, from: Endpoint, to: Endpoint| {
            let mut frame = Vec::with_capacity(64);
            self.envelope(from, to).ethernet(&mut frame, ethertype::ARP);
            frame.extend_from_slice(&[0, 1, 8, 0, 6, 4, 0, operation]);
            for end in [from, to] {
                frame.extend_from_slice(&end.mac());
                if let std::net::IpAddr::V4(ip) = end.ip {
                    frame.extend_from_slice(&ip.octets());
                }
            }
            frame.resize(60 + 4 * self.vlans.len(), 0);
            frame
        };
        self.answered([frame(1, near, gateway), frame(2, gateway, near)], rng)
    }

    fn pair(&self, port: u16, [ask, answer]: [Vec<u8>; 2], mut rng: Rng) -> Vec<TimedFrame> {
        let near = self.host.at(rng.between(32_768, 65_535) as u16);
        let far = Endpoint { port, ..self.far };
        let frames = [self.envelope(near, far).udp(&ask), self.envelope(far, near).udp(&answer)];
        self.answered(frames, rng)
    }

    fn answered(&self, [ask, answer]: [Vec<u8>; 2], mut rng: Rng) -> Vec<TimedFrame> {
        let later = self.start + rng.between(500_000, 40_000_000);
        vec![TimedFrame::whole(self.start, ask), TimedFrame::whole(later, answer)]
    }

    fn envelope(&self, from: Endpoint, to: Endpoint) -> Envelope<'_> {
        Envelope { vlans: self.vlans, ..Envelope::between(from, to) }
    }
}

struct Server {
    at: Endpoint,
    says: fn(Talk) -> Talk,
}

struct Streaming<'a> {
    setting: Setting<'a>,
    rng: Rng,
}

fn stream(host: &Host, server: Server, streaming: Streaming<'_>) -> Vec<TimedFrame> {
    let Streaming { setting, mut rng } = streaming;
    let near = host.at(rng.between(32_768, 65_535) as u16);
    let script = tcp(near, server.at).at(setting.start).server_answers_after(rng.between(4_000_000, 90_000_000));
    let talk = Talk::open(script, Begin { host, network: setting.network, rng });
    let talk = (server.says)(talk).step(Tcp::fin);
    setting.facts.add("swapped_segments", talk.swapped);
    talk.frames()
}

fn http(mut talk: Talk) -> Talk {
    for _ in 0..talk.rng.between(1, 3) {
        let request = format!(
            "GET /{:x}/page.html HTTP/1.1\r\nHost: site{}.example\r\nUser-Agent: fetch/1.0\r\nAccept: */*\r\n\r\n",
            talk.rng.next(),
            talk.rng.below(1000)
        );
        let len = talk.rng.between(300, 16_000) as usize;
        let mut answer =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len}\r\n\r\n").into_bytes();
        answer.extend(talk.rng.bytes(len));
        talk = talk.client(request).server(answer).step(Tcp::ack);
    }
    talk
}

fn ssh(mut talk: Talk) -> Talk {
    talk = talk.server("SSH-2.0-Server_9.6\r\n").client("SSH-2.0-Client_9.6\r\n");
    for _ in 0..talk.rng.between(10, 50) {
        let (keys, echo) = (talk.rng.between(1, 4) as usize * 36, talk.rng.between(1, 12) as usize * 36);
        let (keys, echo) = (talk.rng.bytes(keys), talk.rng.bytes(echo));
        talk = talk.client(keys).server(echo).step(Tcp::ack).pause(200_000_000);
    }
    talk
}
