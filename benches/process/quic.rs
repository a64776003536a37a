//! QUIC: connections whose hellos are split and shuffled as Chromium does it, and a flood of first packets that no
//! connection follows.

use std::io;

use crate::packets::clients::Ask;
use crate::packets::quic::{Initial, Keys, V1, ack, crypto, handshake, short, transport_parameters};
use crate::packets::tls::{Sender, group, version};
use crate::packets::{Endpoint, Envelope, Rng, ServerHello, TimedFrame, client_named, tcp::START};
use crate::trace::Trace;
use crate::world::{Meeting, World, ends};

/// `count` connections: a hello over two Initial packets in seven shuffled pieces, the server's answer, twelve packets of
/// data.
pub fn connections(trace: &mut Trace, count: u64) -> io::Result<()> {
    let world = World::new(0x0003);
    let mut rng = Rng::new(0xc0ffee);
    let mut clock = START;
    for _ in 0..count {
        clock += rng.between(1, 2 * INTERVAL);
        trace.write_until(clock)?;
        let meeting = Meeting { host: world.host(&mut rng), site: world.site(&mut rng) };
        let (client, server) = ends(meeting, &mut rng);
        let frames = connection(clock, Ends { client, server }, &meeting.site.name, &mut rng);
        trace.facts.handshakes += 1;
        trace.begin(frames);
    }
    Ok(())
}

/// `packets` Initial packets from as many spoofed sources to four servers: of random bytes behind a good header, or well
/// protected with nothing in them, by turns.
pub fn flood(trace: &mut Trace, packets: u64) -> io::Result<()> {
    let mut rng = Rng::new(0xf1007);
    for n in 0..packets {
        let [_, b, c, d] = (rng.next() as u32).to_be_bytes();
        let client = Endpoint::v4([rng.between(1, 223) as u8, b, c, d], rng.between(1_024, 65_535) as u16);
        let server = Endpoint::v4([198, 51, 100, 10 + rng.below(4) as u8], 443);
        let dcid = rng.next().to_be_bytes();
        let keys = Keys::initial(V1, &dcid, Sender::Client);
        let initial = Initial { dcid: &dcid, scid: &[], token: &[], number: 0, frames: &[1], size: 1_200 };
        let mut datagram = keys.protect(&initial);
        if n % 2 == 0 {
            rng.fill(&mut datagram[40..]);
        }
        let frame = Envelope::between(client, server).udp(&datagram);
        trace.write(&TimedFrame::whole(START + n * 2_000, frame))?;
    }
    trace.facts.flows = packets;
    Ok(())
}

#[derive(Clone, Copy)]
struct Ends {
    client: Endpoint,
    server: Endpoint,
}

fn connection(start: u64, ends: Ends, name: &str, rng: &mut Rng) -> Vec<TimedFrame> {
    let (dcid, server_id) = (rng.next().to_be_bytes(), rng.next().to_be_bytes());
    let client = Keys::initial(V1, &dcid, Sender::Client);
    let server = Keys::initial(V1, &dcid, Sender::Server);
    let mut hello = client_named("chrome-136").hello(Ask::new(rng.next(), name));
    hello.session_id.clear();
    hello.extensions.retain(|(kind, _)| *kind != 0x0010);
    let hello = hello.alpn(&["h3"]).extension(0x0039, transport_parameters(&[])).message();
    let answer = ServerHello::new(rng.next(), 0x1301).selected_version(version::TLS13).key_share(group::X25519);

    let mut script = Script { ends, clock: start, frames: Vec::new() };
    let mut pieces: Vec<(usize, &[u8])> = Vec::new();
    let size = hello.len().div_ceil(7);
    for (n, piece) in hello.chunks(size).enumerate() {
        pieces.push((n * size, piece));
    }
    rng.shuffle(&mut pieces);
    for (number, half) in pieces.chunks(4).enumerate() {
        let frames: Vec<u8> = half.iter().flat_map(|&(offset, piece)| crypto(offset, piece)).collect();
        let number = number as u32;
        let initial = Initial { dcid: &dcid, scid: &[], token: &[], number, frames: &frames, size: 1_250 };
        script.send(Sender::Client, &client.protect(&initial));
    }
    script.clock += 20_000_000;
    let mut frames = ack(1);
    frames.extend(crypto(0, &answer.message()));
    let initial = Initial { dcid: &[], scid: &server_id, token: &[], number: 0, frames: &frames, size: 0 };
    let mut datagram = server.protect(&initial);
    datagram.extend(handshake(V1, &[], &server_id, &rng.bytes(900)));
    script.send(Sender::Server, &datagram);
    script.send(Sender::Server, &handshake(V1, &[], &server_id, &rng.bytes(1_150)));
    let initial = Initial { dcid: &server_id, scid: &[], token: &[], number: 2, frames: &ack(0), size: 0 };
    let mut datagram = client.protect(&initial);
    datagram.extend(handshake(V1, &server_id, &[], &rng.bytes(90)));
    script.send(Sender::Client, &datagram);
    for n in 0..12 {
        if n % 3 == 0 {
            script.send(Sender::Client, &short(&server_id, &rng.bytes(60)));
        } else {
            script.send(Sender::Server, &short(&[], &rng.bytes(1_200)));
        }
    }
    script.frames
}

struct Script {
    ends: Ends,
    clock: u64,
    frames: Vec<TimedFrame>,
}

impl Script {
    fn send(&mut self, from: Sender, datagram: &[u8]) {
        let Ends { client, server } = self.ends;
        let (from, to) = if from == Sender::Client { (client, server) } else { (server, client) };
        self.frames.push(TimedFrame::whole(self.clock, Envelope::between(from, to).udp(datagram)));
        self.clock += 100_000;
    }
}

/// Mean nanoseconds between two connections.
const INTERVAL: u64 = 270_000;
