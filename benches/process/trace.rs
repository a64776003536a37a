//! The capture being written: frames of many flows, merged by time, and the facts about them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use crate::packets::{FileFormat, TimedFrame};

/// What a capture holds; kept beside it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub packets: u64,
    pub wire_bytes: u64,
    /// Connections that sent a ClientHello.
    pub handshakes: u64,
    pub flows: u64,
    /// Further counts by name, for the reader.
    pub notes: Vec<(String, u64)>,
}

impl Facts {
    pub fn add(&mut self, name: &str, count: u64) {
        match self.notes.iter_mut().find(|(n, _)| n == name) {
            Some((_, total)) => *total += count,
            None => self.notes.push((name.to_string(), count)),
        }
    }

    pub fn load(path: &Path) -> Option<Self> {
        let mut facts = Self::default();
        for line in fs::read_to_string(path).ok()?.lines() {
            let (name, value) = line.split_once('=')?;
            facts.set(name, value.parse().ok()?);
        }
        Some(facts)
    }

    fn set(&mut self, name: &str, value: u64) {
        match name {
            "packets" => self.packets = value,
            "wire_bytes" => self.wire_bytes = value,
            "handshakes" => self.handshakes = value,
            "flows" => self.flows = value,
            _ => self.notes.push((name.to_string(), value)),
        }
    }
}

/// One `name=value` a line.
impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "packets={}", self.packets)?;
        writeln!(f, "wire_bytes={}", self.wire_bytes)?;
        writeln!(f, "handshakes={}", self.handshakes)?;
        writeln!(f, "flows={}", self.flows)?;
        self.notes.iter().try_for_each(|(name, count)| writeln!(f, "{name}={count}"))
    }
}

/// A pcap file that grows in time order.
pub struct Trace {
    out: BufWriter<File>,
    unfinished: PathBuf,
    path: PathBuf,
    format: FileFormat,
    last: u64,
    flows: BinaryHeap<Reverse<(u64, usize)>>,
    slots: Vec<Option<(TimedFrame, IntoIter<TimedFrame>)>>,
    free: Vec<usize>,
    pub facts: Facts,
}

impl Trace {
    pub fn create(path: &Path) -> io::Result<Self> {
        let unfinished = path.with_extension("pcap.tmp");
        let format = FileFormat::default();
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
        out.write_all(&format.pcap_header())?;
        Ok(Self {
            out,
            unfinished,
            path: path.to_path_buf(),
            format,
            last: 0,
            flows: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            facts: Facts::default(),
        })
    }

    /// Writes a frame that is not older than any before it.
    pub fn write(&mut self, frame: &TimedFrame) -> io::Result<()> {
        assert!(frame.ts >= self.last, "a frame at {} after one at {}", frame.ts, self.last);
        self.last = frame.ts;
        self.facts.packets += 1;
        self.facts.wire_bytes += u64::from(frame.wire_len);
        self.format.write_pcap_record(&mut self.out, frame)
    }

    /// Takes in a flow, whose frames are in order of time; none may be older than what `write_until` has written.
    pub fn begin(&mut self, frames: Vec<TimedFrame>) {
        self.facts.flows += 1;
        let mut frames = frames.into_iter();
        let Some(first) = frames.next() else { return };
        let ts = first.ts;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some((first, frames));
        self.flows.push(Reverse((ts, slot)));
    }

    /// Writes what the flows have up to `ts`.
    pub fn write_until(&mut self, ts: u64) -> io::Result<()> {
        while let Some(&Reverse((next, slot))) = self.flows.peek()
            && next <= ts
        {
            self.flows.pop();
            let Some((frame, mut rest)) = self.slots[slot].take() else { continue };
            self.write(&frame)?;
            match rest.next() {
                Some(frame) => {
                    self.flows.push(Reverse((frame.ts, slot)));
                    self.slots[slot] = Some((frame, rest));
                }
                None => self.free.push(slot),
            }
        }
        Ok(())
    }

    /// Flows that have begun and not ended.
    pub fn open_flows(&self) -> usize {
        self.flows.len()
    }

    /// Writes what is left, puts the file in its place, then the facts.
    pub fn finish(mut self, facts: &Path) -> io::Result<()> {
        self.write_until(u64::MAX)?;
        self.out.flush()?;
        fs::rename(&self.unfinished, &self.path)?;
        fs::write(facts, self.facts.to_string())
    }
}
