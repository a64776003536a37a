//! What is sent through a network, and what tcpdump has seen of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tlsight::capture::{Batch, Fill, Input, LinkType, Source};

use super::PATIENCE;
use super::sensor::kill;
use crate::child::{Ended, lines_of};

/// The Ethernet frames of captures, one capture after the other.
pub fn corpus(wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("captures").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut frames = Vec::new();
    for path in paths {
        let name = path.file_name().and_then(OsStr::to_str).expect("a name");
        let is_capture = name.ends_with(".pcap") || name.ends_with(".pcapng");
        if !is_capture || !wanted(name) {
            continue;
        }
        let mut input = Input::open(&path).expect(name);
        let mut batch = Batch::new();
        while matches!(input.fill(&mut batch), Ok(Fill::More)) {
            let whole = batch.frames().filter(|frame| {
                let ethernet = frame.link == LinkType::ETHERNET && frame.data.len() as u32 == frame.wire_len;
                // Shorter ones are filled up, or refused; those with a length in the type's place are no packets.
                ethernet && (60..=65_000).contains(&frame.data.len()) && frame.data[12] >= 6
            });
            frames.extend(whole.map(|frame| frame.data.to_vec()));
        }
    }
    assert!(!frames.is_empty());
    frames
}

/// tcpdump, which writes what comes by.
pub struct Record {
    child: Ended,
    file: tempfile::TempPath,
    _stamps: std::net::UdpSocket,
}

impl Record {
    pub fn start(interface: &str) -> Self {
        let stamps = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let on: libc::c_int = 1;
        // Where somebody wants stamps, the kernel stamps a packet when it comes in, and once for all who look at it.
        // SAFETY: a system call that reads a number.
        let set = unsafe {
            libc::setsockopt(stamps.as_raw_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMP, (&raw const on).cast(), 4)
        };
        assert_eq!(set, 0);
        let file = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        let mut child = Command::new("tcpdump")
            .args([
                "-i",
                interface,
                "-U",
                "-s",
                "262144",
                "-B",
                "65536",
                "--time-stamp-precision=nano",
                "-Z",
                "root",
                "-w",
            ])
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .expect("tcpdump runs (`make setup` installs it)");
        let said = lines_of(child.stderr.take().expect("it is piped"));
        let child = Ended(child);
        loop {
            let line = said.recv_timeout(PATIENCE).expect("tcpdump listens");
            if line.contains("listening on") {
                break;
            }
        }
        Self { child, file, _stamps: stamps }
    }

    /// Waits for so many packets.
    pub fn end(mut self, count: usize) -> PathBuf {
        let until = Instant::now() + PATIENCE;
        while packets(&self.file) < count {
            assert!(Instant::now() < until, "{} of {count} packets came", packets(&self.file));
            thread::sleep(Duration::from_millis(50));
        }
        kill(&self.child.0, libc::SIGINT);
        self.child.wait(PATIENCE);
        assert_eq!(packets(&self.file), count);
        self.file.keep().expect("the file")
    }
}

pub fn packets(file: &Path) -> usize {
    let Ok(mut input) = Input::open(file) else { return 0 };
    let (mut batch, mut count) = (Batch::new(), 0);
    while matches!(input.fill(&mut batch), Ok(Fill::More)) {
        count += batch.slots.len();
    }
    count
}

/// Puts records of nanoseconds together in the order of time.
pub fn merge(records: &[PathBuf], into: &Path) {
    let mut all: BTreeMap<(i64, usize), Vec<u8>> = BTreeMap::new();
    for path in records {
        let mut input = Input::open(path).expect("a record");
        let mut batch = Batch::new();
        while matches!(input.fill(&mut batch), Ok(Fill::More)) {
            for frame in batch.frames() {
                let number = all.len();
                all.insert((frame.ts.0, number), frame.data.to_vec());
            }
        }
    }
    write_capture(all.iter().map(|((ts, _), data)| (*ts, &**data)), into);
}

/// A capture of these frames, a millisecond apart, for tcpreplay.
pub fn capture(frames: &[Vec<u8>], into: &Path) {
    let frames = frames.iter().zip(0..).map(|(frame, number)| (number * 1_000_000, &**frame));
    write_capture(frames, into);
}

/// A capture of frames with their times, in nanoseconds.
pub fn write_capture<'f>(frames: impl Iterator<Item = (i64, &'f [u8])>, into: &Path) {
    let mut out = Vec::new();
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        out.extend(word.to_le_bytes());
    }
    for (ts, data) in frames {
        for word in [(ts / 1_000_000_000) as u32, (ts % 1_000_000_000) as u32, data.len() as u32, data.len() as u32] {
            out.extend(word.to_le_bytes());
        }
        out.extend(data);
    }
    fs::write(into, out).expect("a file");
}

/// The frames so many times, each time between other addresses where they are of IPv4: other connections.
pub fn several(frames: &[Vec<u8>], times: u8) -> Vec<Vec<u8>> {
    let other = |frame: &Vec<u8>, time: u8| {
        let mut frame = frame.clone();
        if frame[12..15] == [8, 0, 0x45] {
            // The second octet of both: checksums are nobody's business here.
            frame[27] ^= time;
            frame[31] ^= time;
        }
        frame
    };
    (0..times).flat_map(|time| frames.iter().map(move |frame| other(frame, time))).collect()
}
