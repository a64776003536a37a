//! Frames and captures through the engine, and what comes out of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use tlsight::capture::{Batch, Fill, Frame, Input, LinkType, Source, Timestamp};
use tlsight::config::Limits;
use tlsight::engine::{Engine, Shard};
use tlsight::event::Event;
use tlsight::flow::Hasher;
use tlsight::sink::record::Printer;
use tlsight::stats::Counters;

use crate::packets::TimedFrame;

/// What an engine made of some frames.
#[derive(Debug, Clone)]
pub struct Replay {
    pub events: Vec<Event>,
    pub counters: Counters,
}

impl Replay {
    pub fn of(frames: &[TimedFrame]) -> Self {
        Self::within(Limits::default(), frames)
    }

    pub fn within(limits: Limits, frames: &[TimedFrame]) -> Self {
        let mut engine = engine(limits);
        let mut events = Vec::new();
        for frame in frames {
            engine.on_frame(&as_frame(frame), &mut |event| events.push(event));
        }
        engine.finish(&mut |event| events.push(event));
        Self { events, counters: engine.counters() }
    }

    pub fn of_file(path: &Path) -> Self {
        let mut input = Input::open(path).unwrap_or_else(|error| panic!("{error}"));
        let (mut engine, mut events, mut batch) = (engine(Limits::default()), Vec::new(), Batch::new());
        while input.fill(&mut batch).unwrap_or_else(|error| panic!("{error}")) == Fill::More {
            for frame in batch.frames() {
                engine.on_frame(&frame, &mut |event| events.push(event));
            }
        }
        engine.finish(&mut |event| events.push(event));
        Self { events, counters: engine.counters() }
    }

    /// The events as NDJSON, one a line, with a line's end each.
    pub fn lines(&self) -> String {
        lines(&self.events)
    }

    /// The event, where there is to be exactly one.
    pub fn only(self) -> Event {
        assert_eq!(self.events.len(), 1, "{}", self.lines());
        self.events.into_iter().next().expect("one event")
    }
}

pub fn engine(limits: Limits) -> Engine {
    Engine::new(limits, Shard::whole(Hasher::seeded(1)))
}

pub fn as_frame(frame: &TimedFrame) -> Frame<'_> {
    Frame {
        ts: Timestamp(frame.ts as i64),
        link: LinkType::ETHERNET,
        interface: 0,
        data: &frame.bytes,
        wire_len: frame.wire_len,
    }
}

pub fn lines(events: &[Event]) -> String {
    let (mut printer, mut out) = (Printer::default(), Vec::new());
    for event in events {
        printer.event(event, &mut out);
    }
    String::from_utf8(out).expect("UTF-8")
}

/// The captures of `testdata/captures`, by name.
pub fn captures() -> Vec<PathBuf> {
    let folder = testdata("captures");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("testdata/captures")
        .map(|entry| entry.expect("an entry of testdata/captures").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "pcap" || kind == "pcapng"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no captures", folder.display());
    paths
}

pub fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

pub fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8")
}
