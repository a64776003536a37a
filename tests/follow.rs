//! `tlsight read --follow`: a capture that is read while it is written.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

mod child;

use child::{Ended, lines_of};

#[test]
fn sessions_are_told_as_they_come_and_are_those_of_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    for (capture, threads) in [("chain_ok.pcap", "1"), ("pcapng_dumpcap.pcapng", "2")] {
        let whole = fs::read(captures().join(capture)).expect("a capture");
        let expected = read(&captures().join(capture));
        assert!(!expected.is_empty());
        let growing = folder.path().join(capture);
        // Not yet there, then in pieces that end anywhere.
        let mut following = Following::start(&growing, &["--threads", threads]);
        following.said("it is not there; it is waited for");
        let mut file = File::create(&growing).expect("a file");
        for piece in whole.chunks(whole.len() / 7 + 1) {
            file.write_all(piece).expect("it grows");
            thread::sleep(Duration::from_millis(120));
        }
        // They come before the end is asked for.
        let mut told: Vec<String> = expected.iter().map(|_| following.session()).collect();
        told.sort();
        assert_eq!(told, expected);
        assert_eq!(following.end(), Vec::<String>::new());
    }
}

#[test]
fn what_is_over_by_time_is_told_though_no_packet_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("limits.toml");
    fs::write(&config, "[limits]\nidle_seconds = 2\nhalf_open_seconds = 2\n").expect("a file");
    let config = config.to_str().expect("UTF-8");
    // Of a connection, the packets up to its hello, and no answer.
    let whole = fs::read(captures().join("chain_ok.pcap")).expect("a capture");
    let mut end = 24;
    for _ in 0..4 {
        end += 16 + u32::from_le_bytes(whole[end + 8..end + 12].try_into().expect("four bytes")) as usize;
    }
    let growing = folder.path().join("growing.pcap");
    fs::write(&growing, &whole[..end]).expect("a file");
    for threads in ["1", "2"] {
        let mut following = Following::start(&growing, &["--threads", threads, "--config", config]);
        let line = following.session();
        assert!(line.contains("\"established\":false"), "{line}");
        assert_eq!(following.end(), Vec::<String>::new());
    }
}

#[test]
fn the_end_tells_what_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let growing = folder.path().join("growing.pcap");
    let whole = fs::read(captures().join("chain_ok.pcap")).expect("a capture");
    let mut end = 24;
    for _ in 0..4 {
        end += 16 + u32::from_le_bytes(whole[end + 8..end + 12].try_into().expect("four bytes")) as usize;
    }
    fs::write(&growing, &whole[..end + 7]).expect("a file");
    let mut following = Following::start(&growing, &[]);
    thread::sleep(Duration::from_millis(300));
    let rest = following.end();
    assert_eq!(rest.len(), 1, "{rest:?}");
    following.said("7 bytes of a record were without the rest of it");
}

#[test]
fn one_file_is_followed_and_no_pipe() {
    let capture = captures().join("chain_ok.pcap");
    let capture = capture.to_str().expect("UTF-8");
    for (paths, expected) in [
        (&[capture, capture][..], "name one capture"),
        (&["-"], "leave it out"),
        (&["/dev/null"], "no regular file"),
        (&[env!("CARGO_MANIFEST_DIR")], "a folder cannot be followed"),
    ] {
        let done = Command::new(PROGRAM).args(["read", "--follow"]).args(paths).output().expect("tlsight runs");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{said}");
    }
}

/// `tlsight read --follow`, running.
struct Following {
    child: Ended,
    lines: Receiver<String>,
    complaints: Receiver<String>,
}

impl Following {
    fn start(path: &Path, options: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["read", "-v", "--json", "--follow"])
            .args(options)
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tlsight runs");
        let lines = lines_of(child.stdout.take().expect("it is piped"));
        let complaints = lines_of(child.stderr.take().expect("it is piped"));
        let following = Self { child: Ended(child), lines, complaints };
        following.said("following ");
        following
    }

    fn said(&self, words: &str) {
        loop {
            let line = self.complaints.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{words}: it is not said"));
            if line.contains(words) {
                return;
            }
        }
    }

    fn session(&mut self) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("a session");
            if line.contains(SESSION) {
                return line;
            }
        }
    }

    /// Interrupts it. Gives the sessions that it still tells.
    fn end(&mut self) -> Vec<String> {
        let pid = i32::try_from(self.child.0.id()).expect("a process number");
        // SAFETY: a system call on a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
        assert_eq!(self.child.wait(PATIENCE), Some(0));
        self.lines.iter().filter(|line| line.contains(SESSION)).collect()
    }
}

fn read(path: &Path) -> Vec<String> {
    let done = Command::new(PROGRAM).args(["read", "--json"]).arg(path).output().expect("tlsight runs");
    let text = String::from_utf8(done.stdout).expect("UTF-8");
    let mut lines: Vec<String> = text.lines().filter(|line| line.contains(SESSION)).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures")
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_tlsight");
const SESSION: &str = "\"dataset\":\"tlsight.tls\"";
const PATIENCE: Duration = Duration::from_secs(30);
