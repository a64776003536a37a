//! The workloads, where their captures lie, and when they have to be written anew.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::trace::{Facts, Trace};
use crate::{bulk, flood, handshakes, quic};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// 200,000 connections: TLS 1.2 and 1.3, many clients, 400 chains.
    Handshakes,
    /// Eight connections with one gigabyte of application data.
    Bulk,
    /// 100,000 handshakes among other traffic, VLAN tags, segments out of order.
    Mixed,
    /// Five million SYNs from spoofed addresses.
    Flood,
    /// 50,000 QUIC connections with split and shuffled hellos.
    Quic,
    /// 500,000 Initial packets of QUIC from spoofed addresses.
    InitialFlood,
}

impl Workload {
    pub const ALL: [Self; 6] = [Self::Handshakes, Self::Bulk, Self::Mixed, Self::Flood, Self::Quic, Self::InitialFlood];

    pub fn name(self) -> &'static str {
        match self {
            Self::Handshakes => "handshakes",
            Self::Bulk => "bulk",
            Self::Mixed => "mixed",
            Self::Flood => "flood",
            Self::Quic => "quic",
            Self::InitialFlood => "initial-flood",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|w| w.name() == name)
    }

    /// Where the capture of this generator's version and of `scale` is, or shall be.
    pub fn data(self, scale: f64) -> Data {
        let folder = data_folder();
        let stem = format!("{}-x{scale}-{:016x}", self.name(), generator_version());
        Data {
            capture: folder.join(format!("{stem}.pcap")),
            facts_file: folder.join(format!("{stem}.facts")),
            facts: Facts::default(),
        }
    }

    /// Writes the capture, in place of those of older generators.
    pub fn generate(self, scale: f64) -> io::Result<()> {
        let data = self.data(scale);
        let folder = data_folder();
        fs::create_dir_all(&folder)?;
        let prefix = format!("{}-x{scale}-", self.name());
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                fs::remove_file(entry.path())?;
            }
        }
        let mut trace = Trace::create(&data.capture)?;
        let count = |full: f64| (full * scale).ceil() as u64;
        match self {
            Self::Handshakes => handshakes::pure(&mut trace, count(200_000.0))?,
            Self::Bulk => bulk::write(&mut trace, count(1e9))?,
            Self::Mixed => handshakes::mixed(&mut trace, count(100_000.0))?,
            Self::Flood => flood::write(&mut trace, count(5e6))?,
            Self::Quic => quic::connections(&mut trace, count(50_000.0))?,
            Self::InitialFlood => quic::flood(&mut trace, count(500_000.0))?,
        }
        trace.finish(&data.facts_file)
    }
}

#[derive(Debug, Clone)]
pub struct Data {
    pub capture: PathBuf,
    facts_file: PathBuf,
    pub facts: Facts,
}

impl Data {
    /// With its facts, if it has been generated to the end.
    pub fn load(&self) -> Option<Data> {
        let facts = Facts::load(&self.facts_file)?;
        self.capture.is_file().then(|| Data { facts, ..self.clone() })
    }

    /// Reads the capture once, so that it is in the page cache.
    pub fn warm(&self) -> io::Result<()> {
        let mut file = File::open(&self.capture)?;
        let mut block = vec![0; 1 << 20];
        while file.read(&mut block)? > 0 {}
        Ok(())
    }
}

fn data_folder() -> PathBuf {
    // Cargo gives benchmarks `target/tmp`.
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    scratch.parent().unwrap_or(scratch).join("bench-data")
}

/// FNV-1a over the sources that decide what the captures hold.
fn generator_version() -> u64 {
    SOURCES
        .iter()
        .flat_map(|source| source.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

const SOURCES: [&str; 19] = [
    include_str!("bulk.rs"),
    include_str!("connection.rs"),
    include_str!("flood.rs"),
    include_str!("handshakes.rs"),
    include_str!("noise.rs"),
    include_str!("quic.rs"),
    include_str!("trace.rs"),
    include_str!("workload.rs"),
    include_str!("world.rs"),
    include_str!("../../tests/packets/clients.rs"),
    include_str!("../../tests/packets/file.rs"),
    include_str!("../../tests/packets/frame.rs"),
    include_str!("../../tests/packets/hello.rs"),
    include_str!("../../tests/packets/option.rs"),
    include_str!("../../tests/packets/quic.rs"),
    include_str!("../../tests/packets/rng.rs"),
    include_str!("../../tests/packets/tcp.rs"),
    include_str!("../../tests/packets/tls.rs"),
    include_str!("../../tests/packets/x509.rs"),
];
