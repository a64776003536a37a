//! TCP connections as scripts: `tcp(C, S).syn().syn_ack().ack().client(hello).server(flight).fin().frames()`.
//!
//! Settings (`mss`, `vlan`, `snap` …) hold from where they stand in the script. Disturbances (`reversed`,
//! `duplicated`, `lose` …) change the frames of the step just before them; time slots stay, so time never runs back.

use std::ops::Range;

use super::frame::{Endpoint, Envelope, Segment, TimedFrame, flag};
use super::option::{Stamp, TcpOption};

/// A connection between two ends, which starts with nothing sent.
pub fn tcp(client: Endpoint, server: Endpoint) -> Tcp {
    Tcp {
        ends: [End::new(client, 1_000, 64), End::new(server, 500_000, 57)],
        vlans: Vec::new(),
        clock: START,
        step: 10_000,
        turnaround: [15_000_000, 1_000_000],
        mss: 1460,
        snap: None,
        fragment: None,
        timestamps: Timestamps::Off,
        frames: Vec::new(),
        last: 0..0,
        last_from: CLIENT,
    }
}

#[derive(Debug, Clone)]
pub struct Tcp {
    ends: [End; 2],
    vlans: Vec<u16>,
    clock: u64,
    step: u64,
    /// Nanoseconds until the server's, and until the client's answer passes the tap.
    turnaround: [u64; 2],
    mss: usize,
    snap: Option<usize>,
    fragment: Option<usize>,
    timestamps: Timestamps,
    frames: Vec<TimedFrame>,
    /// The frames of the step before.
    last: Range<usize>,
    last_from: usize,
}

/// Settings.
impl Tcp {
    /// Time of the next frame, nanoseconds since 1970.
    pub fn at(mut self, ts: u64) -> Self {
        self.clock = ts;
        self
    }

    /// Lets `ns` pass.
    pub fn wait(mut self, ns: u64) -> Self {
        self.clock += ns;
        self
    }

    /// Nanoseconds between two frames of one direction.
    pub fn step(mut self, ns: u64) -> Self {
        self.step = ns;
        self
    }

    /// Nanoseconds from a client's frame to the server's answer, as the tap sees it.
    pub fn server_answers_after(mut self, ns: u64) -> Self {
        self.turnaround[0] = ns;
        self
    }

    /// Nanoseconds from a server's frame to the client's answer.
    pub fn client_answers_after(mut self, ns: u64) -> Self {
        self.turnaround[1] = ns;
        self
    }

    /// Payload bytes of the longest segment.
    pub fn mss(mut self, bytes: usize) -> Self {
        self.mss = bytes;
        self
    }

    /// Adds a VLAN tag inside those already there.
    pub fn vlan(mut self, id: u16) -> Self {
        self.vlans.push(id);
        self
    }

    /// Captures at most `bytes` of each frame.
    pub fn snap(mut self, bytes: usize) -> Self {
        self.snap = Some(bytes);
        self
    }

    /// Fragments segments longer than `size` bytes of IP payload.
    pub fn ip_fragments(mut self, size: usize) -> Self {
        self.fragment = Some(size);
        self
    }

    /// Sequence number of the client's SYN.
    pub fn client_isn(mut self, seq: u32) -> Self {
        self.ends[CLIENT].start_at(seq);
        self
    }

    pub fn server_isn(mut self, seq: u32) -> Self {
        self.ends[SERVER].start_at(seq);
        self
    }

    /// TCP options of the client's SYN.
    pub fn client_options(mut self, options: &[TcpOption]) -> Self {
        self.ends[CLIENT].options = options.to_vec();
        self
    }

    /// TCP options of the server's SYN-ACK.
    pub fn server_options(mut self, options: &[TcpOption]) -> Self {
        self.ends[SERVER].options = options.to_vec();
        self
    }

    pub fn client_window(mut self, window: u16) -> Self {
        self.ends[CLIENT].window = window;
        self
    }

    pub fn server_window(mut self, window: u16) -> Self {
        self.ends[SERVER].window = window;
        self
    }

    pub fn client_ttl(mut self, ttl: u8) -> Self {
        self.ends[CLIENT].ttl = ttl;
        self
    }

    pub fn server_ttl(mut self, ttl: u8) -> Self {
        self.ends[SERVER].ttl = ttl;
        self
    }

    /// Every segment after the SYNs carries NOP, NOP, Timestamps: twelve bytes less for the payload.
    pub fn timestamps(mut self) -> Self {
        self.timestamps = Timestamps::On;
        self
    }
}

/// Steps.
impl Tcp {
    pub fn syn(self) -> Self {
        let options = self.encode(&self.ends[CLIENT].options, CLIENT);
        self.control(CLIENT, Control { flags: flag::SYN, options })
    }

    pub fn syn_ack(self) -> Self {
        let options = self.encode(&self.ends[SERVER].options, SERVER);
        self.control(SERVER, Control { flags: flag::SYN | flag::ACK, options })
    }

    /// The client's bare ACK.
    pub fn ack(self) -> Self {
        let options = self.data_options(CLIENT);
        self.control(CLIENT, Control { flags: flag::ACK, options })
    }

    pub fn server_ack(self) -> Self {
        let options = self.data_options(SERVER);
        self.control(SERVER, Control { flags: flag::ACK, options })
    }

    /// SYN, SYN-ACK, ACK.
    pub fn open(self) -> Self {
        self.syn().syn_ack().ack()
    }

    /// Bytes from the client, cut at the MSS.
    pub fn client(self, bytes: impl AsRef<[u8]>) -> Self {
        self.write(CLIENT, bytes.as_ref())
    }

    pub fn server(self, bytes: impl AsRef<[u8]>) -> Self {
        self.write(SERVER, bytes.as_ref())
    }

    /// One client segment with `bytes` at `offset` of the client's stream, whatever has been sent there before:
    /// overlaps, retransmissions, holes. The script's own position does not move.
    pub fn client_at(self, offset: u32, bytes: impl AsRef<[u8]>) -> Self {
        self.write_at(CLIENT, offset, bytes.as_ref())
    }

    pub fn server_at(self, offset: u32, bytes: impl AsRef<[u8]>) -> Self {
        self.write_at(SERVER, offset, bytes.as_ref())
    }

    /// The client's stream goes on `bytes` further, and the tap has not seen them.
    pub fn client_skips(mut self, bytes: u32) -> Self {
        self.ends[CLIENT].skip(bytes);
        self
    }

    pub fn server_skips(mut self, bytes: u32) -> Self {
        self.ends[SERVER].skip(bytes);
        self
    }

    /// The client's FIN, the server's FIN, the client's ACK.
    pub fn fin(self) -> Self {
        self.client_fin().server_fin().ack()
    }

    pub fn client_fin(self) -> Self {
        let options = self.data_options(CLIENT);
        self.control(CLIENT, Control { flags: flag::FIN | flag::ACK, options })
    }

    pub fn server_fin(self) -> Self {
        let options = self.data_options(SERVER);
        self.control(SERVER, Control { flags: flag::FIN | flag::ACK, options })
    }

    /// The client's reset.
    pub fn rst(self) -> Self {
        self.control(CLIENT, Control { flags: flag::RST | flag::ACK, options: Vec::new() })
    }

    pub fn server_rst(self) -> Self {
        self.control(SERVER, Control { flags: flag::RST | flag::ACK, options: Vec::new() })
    }
}

/// Disturbances of the step before.
impl Tcp {
    /// The last segment first.
    pub fn reversed(mut self) -> Self {
        let (mut i, mut j) = (self.last.start, self.last.end);
        while i + 1 < j {
            j -= 1;
            self.exchange(i, j);
            i += 1;
        }
        self
    }

    /// Segment `n` (from 0) passes after its successor.
    pub fn late(mut self, n: usize) -> Self {
        let i = self.last.start + n;
        if i + 1 < self.last.end {
            self.exchange(i, i + 1);
        }
        self
    }

    /// Every frame once more, after all of them.
    pub fn duplicated(mut self) -> Self {
        for i in self.last.clone() {
            let again = TimedFrame { ts: self.clock, ..self.frames[i].clone() };
            self.clock += self.step;
            self.frames.push(again);
        }
        self.last.end = self.frames.len();
        self
    }

    /// The tap misses frame `n` (from 0).
    pub fn lose(mut self, n: usize) -> Self {
        let i = self.last.start + n;
        if i < self.last.end {
            self.frames.remove(i);
            self.last.end -= 1;
        }
        self
    }

    /// The tap misses all of it.
    pub fn lost(mut self) -> Self {
        self.frames.truncate(self.last.start);
        self.last.end = self.last.start;
        self
    }

    fn exchange(&mut self, i: usize, j: usize) {
        self.frames.swap(i, j);
        let ts = self.frames[i].ts;
        self.frames[i].ts = self.frames[j].ts;
        self.frames[j].ts = ts;
    }
}

/// Results.
impl Tcp {
    pub fn frames(self) -> Vec<TimedFrame> {
        self.frames
    }

    /// Frames of the step before.
    pub fn last_frames(&self) -> &[TimedFrame] {
        &self.frames[self.last.clone()]
    }

    /// Takes what is ready, for scripts too long to hold; the script goes on.
    pub fn drain(&mut self) -> Vec<TimedFrame> {
        self.last = 0..0;
        std::mem::take(&mut self.frames)
    }

    /// Time of the next frame.
    pub fn now(&self) -> u64 {
        self.clock
    }
}

impl Tcp {
    fn write(mut self, from: usize, bytes: &[u8]) -> Self {
        self.begin(from);
        let options = self.data_options(from);
        let room = self.mss.saturating_sub(options.len()).max(1);
        let pieces = bytes.len().div_ceil(room);
        for (n, piece) in bytes.chunks(room).enumerate() {
            let flags = if n + 1 == pieces { flag::PSH | flag::ACK } else { flag::ACK };
            let seq = self.ends[from].next;
            self.push(from, Sent { seq, flags, options: &options, payload: piece });
            self.ends[from].skip(piece.len() as u32);
        }
        self
    }

    fn write_at(mut self, from: usize, offset: u32, bytes: &[u8]) -> Self {
        self.begin(from);
        let options = self.data_options(from);
        let seq = self.ends[from].isn.wrapping_add(1).wrapping_add(offset);
        self.push(from, Sent { seq, flags: flag::PSH | flag::ACK, options: &options, payload: bytes });
        self
    }

    fn control(mut self, from: usize, control: Control) -> Self {
        self.begin(from);
        let seq = if control.flags & flag::SYN != 0 { self.ends[from].isn } else { self.ends[from].next };
        self.push(from, Sent { seq, flags: control.flags, options: &control.options, payload: &[] });
        if control.flags & flag::FIN != 0 {
            self.ends[from].skip(1);
        }
        self
    }

    fn begin(&mut self, from: usize) {
        if from != self.last_from && !self.frames.is_empty() {
            self.clock += self.turnaround[1 - from].saturating_sub(self.step);
        }
        self.last_from = from;
        self.last = self.frames.len()..self.frames.len();
    }

    fn push(&mut self, from: usize, sent: Sent<'_>) {
        let to = 1 - from;
        let ack = if sent.flags & flag::ACK != 0 { self.ends[to].next } else { 0 };
        let end = &mut self.ends[from];
        end.ip_id = end.ip_id.wrapping_add(1);
        let segment = Segment {
            seq: sent.seq,
            ack,
            flags: sent.flags,
            window: end.window,
            options: sent.options,
            payload: sent.payload,
        };
        let (sender, receiver) = (&self.ends[from], &self.ends[to]);
        let envelope =
            Envelope { from: sender.at, to: receiver.at, vlans: &self.vlans, ttl: sender.ttl, id: sender.ip_id };
        match self.fragment {
            Some(size) => {
                for bytes in envelope.tcp_fragments(&segment, size) {
                    self.keep(bytes);
                }
            }
            None => {
                let bytes = envelope.tcp(&segment);
                self.keep(bytes);
            }
        }
    }

    fn keep(&mut self, bytes: Vec<u8>) {
        let mut frame = TimedFrame::whole(self.clock, bytes);
        frame.bytes.truncate(self.snap.unwrap_or(usize::MAX));
        self.frames.push(frame);
        self.clock += self.step;
        self.last.end = self.frames.len();
    }

    fn data_options(&self, from: usize) -> Vec<u8> {
        match self.timestamps {
            Timestamps::Off => Vec::new(),
            Timestamps::On => self.encode(&[TcpOption::Nop, TcpOption::Nop, TcpOption::Timestamps], from),
        }
    }

    fn encode(&self, options: &[TcpOption], from: usize) -> Vec<u8> {
        // Milliseconds, each end with an origin of its own.
        let now = (self.clock / 1_000_000) as u32;
        let echo = if self.frames.is_empty() { 0 } else { now.wrapping_add(TS_ORIGIN[1 - from]) };
        TcpOption::encode(options, Stamp { value: now.wrapping_add(TS_ORIGIN[from]), echo })
    }
}

#[derive(Debug, Clone)]
struct End {
    at: Endpoint,
    isn: u32,
    next: u32,
    window: u16,
    ttl: u8,
    ip_id: u16,
    options: Vec<TcpOption>,
}

impl End {
    fn new(at: Endpoint, isn: u32, ttl: u8) -> Self {
        let options = vec![
            TcpOption::Mss(1460),
            TcpOption::Nop,
            TcpOption::WindowScale(8),
            TcpOption::Nop,
            TcpOption::Nop,
            TcpOption::SackPermitted,
        ];
        Self { at, isn, next: isn.wrapping_add(1), window: 64_240, ttl, ip_id: isn as u16, options }
    }

    fn start_at(&mut self, isn: u32) {
        self.isn = isn;
        self.next = isn.wrapping_add(1);
    }

    fn skip(&mut self, bytes: u32) {
        self.next = self.next.wrapping_add(bytes);
    }
}

#[derive(Debug, Clone, Copy)]
enum Timestamps {
    Off,
    On,
}

struct Control {
    flags: u8,
    options: Vec<u8>,
}

struct Sent<'a> {
    seq: u32,
    flags: u8,
    options: &'a [u8],
    payload: &'a [u8],
}

const CLIENT: usize = 0;
const SERVER: usize = 1;
const TS_ORIGIN: [u32; 2] = [0x1000_0000, 0x5000_0000];
/// 2025-06-01T00:00:00Z, where scripts start that do not say otherwise.
pub const START: u64 = 1_748_736_000_000_000_000;
