//! UDP exchanges as scripts; QUIC and DTLS tests put their datagrams in.

use super::frame::{Endpoint, Envelope, TimedFrame};

pub fn udp(client: Endpoint, server: Endpoint) -> Udp {
    Udp {
        client,
        server,
        vlans: Vec::new(),
        clock: super::tcp::START,
        step: 1_000_000,
        fragment: None,
        frames: Vec::new(),
    }
}

#[derive(Debug, Clone)]
pub struct Udp {
    client: Endpoint,
    server: Endpoint,
    vlans: Vec<u16>,
    clock: u64,
    step: u64,
    fragment: Option<usize>,
    frames: Vec<TimedFrame>,
}

impl Udp {
    /// Time of the next frame, nanoseconds since 1970.
    pub fn at(mut self, ts: u64) -> Self {
        self.clock = ts;
        self
    }

    /// Nanoseconds between frames from here on.
    pub fn step(mut self, ns: u64) -> Self {
        self.step = ns;
        self
    }

    /// Adds a VLAN tag inside those already there.
    pub fn vlan(mut self, id: u16) -> Self {
        self.vlans.push(id);
        self
    }

    /// Datagrams longer than `size` bytes of IP payload are fragmented from here on.
    pub fn ip_fragments(mut self, size: usize) -> Self {
        self.fragment = Some(size);
        self
    }

    pub fn client(self, datagram: impl AsRef<[u8]>) -> Self {
        let (from, to) = (self.client, self.server);
        self.send(from, to, datagram.as_ref())
    }

    pub fn server(self, datagram: impl AsRef<[u8]>) -> Self {
        let (from, to) = (self.server, self.client);
        self.send(from, to, datagram.as_ref())
    }

    pub fn frames(self) -> Vec<TimedFrame> {
        self.frames
    }

    fn send(mut self, from: Endpoint, to: Endpoint, datagram: &[u8]) -> Self {
        let id = self.frames.len() as u16 + 1;
        let envelope = Envelope { vlans: &self.vlans, id, ..Envelope::between(from, to) };
        let frames = match self.fragment {
            Some(size) => envelope.udp_fragments(datagram, size),
            None => vec![envelope.udp(datagram)],
        };
        for frame in frames {
            self.frames.push(TimedFrame::whole(self.clock, frame));
            self.clock += self.step;
        }
        self
    }
}
