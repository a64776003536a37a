//! `tlsight top` as it is run: on a terminal, and where there is none.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

#[allow(dead_code)]
mod child;

use child::Ended;

#[test]
fn captures_are_shown_as_text_once() {
    let Output { status, stdout, stderr } = top(&["--once", "--read", CAPTURE, "--rules", RULES]);
    let text = String::from_utf8(stdout).expect("UTF-8");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    for part in [
        "tlsight ",
        "ended",
        "\nVersions\n",
        "        1          TLS 1.2\n",
        "\nServers\n",
        "site.test\n",
        "\nAlerts: ",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let rate = text.lines().find_map(|line| line.strip_prefix("packets/s")).expect("a rate").trim();
    assert!(rate.trim_end_matches(['k', 'M']).replace(',', "").parse::<f64>().is_ok_and(|rate| rate > 0.0), "{rate}");
}

#[test]
fn a_document_is_shown_as_text() {
    let mut child = Command::new(PROGRAM)
        .args(["top", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tlsight runs");
    let document =
        r#"{"version":"9.9","sensor":"a\u001b[2Jb","servers":[{"name":"x.test","count":3}],"of another version":1}"#;
    child.stdin.take().expect("it is piped").write_all(document.as_bytes()).expect("it reads");
    let text = String::from_utf8(child.wait_with_output().expect("its end").stdout).expect("UTF-8");
    assert!(
        text.starts_with("tlsight 9.9  a\\u{1b}[2Jb (-)  starting") && text.contains("        3          x.test\n"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_shown_is_told_on_a_line() {
    for (options, said) in [
        (&["--read", CAPTURE][..], "standard output is no terminal: tlsight top --once prints text"),
        (&["--once", "nowhere"], "`nowhere` is no address: write a port, HOST:PORT or http://HOST:PORT"),
        (&["--once", "--read", "/nowhere.pcap"], "/nowhere.pcap: "),
        (&["--once", "1"], "sensor at 127.0.0.1:1: nobody listens there: start it with --metrics"),
    ] {
        let done = top(options);
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{options:?}");
        assert!(text.contains(said) && text.lines().count() == 1, "{options:?}: {text}");
    }
}

#[test]
fn a_terminal_is_drawn_on_and_given_back() {
    for end in [Leaving::Key, Leaving::Signal] {
        let mut terminal = Terminal::run(&["--read", CAPTURE, "--rules", RULES], (120, 40));
        terminal.wait_for("site.test");
        terminal.wait_for("Alerts");
        assert!(terminal.shown.contains(ENTER), "{:?}", terminal.shown);
        terminal.type_in("?");
        terminal.wait_for("Shift-Tab");
        terminal.type_in("x");
        match end {
            Leaving::Key => terminal.type_in("q"),
            // SAFETY: a system call on a child that has not been waited for.
            Leaving::Signal => unsafe {
                let pid = i32::try_from(terminal.child.0.id()).expect("a process number");
                assert_eq!(libc::kill(pid, libc::SIGTERM), 0);
            },
        }
        terminal.wait_for(LEAVE);
        assert_eq!(terminal.child.wait(PATIENCE), Some(0));
        // Nothing is written behind what gives it back.
        assert!(terminal.shown.ends_with(LEAVE), "{:?}", terminal.shown.get(terminal.shown.len() - 60..));
        assert!(terminal.is_cooked());
    }
}

#[derive(Debug, Clone, Copy)]
enum Leaving {
    Key,
    Signal,
}

/// The program on a pseudo-terminal.
struct Terminal {
    child: Ended,
    keys: File,
    pieces: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn run(options: &[&str], (columns, rows): (u16, u16)) -> Self {
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let (mut master, mut slave) = (-1, -1);
        // SAFETY: a call that writes two descriptors and reads a size; no name and no settings are asked for.
        let opened = unsafe {
            libc::openpty(&raw mut master, &raw mut slave, std::ptr::null_mut(), std::ptr::null(), &raw const size)
        };
        assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
        // SAFETY: both are open and nobody else's.
        let (master, slave) = unsafe { (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
        let end = || Stdio::from(slave.try_clone().expect("a descriptor"));
        let child = Command::new(PROGRAM)
            .arg("top")
            .args(options)
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .stdin(end())
            .stdout(end())
            .stderr(Stdio::null())
            .spawn()
            .expect("tlsight runs");
        let keys = File::from(master);
        let mut screen = keys.try_clone().expect("a descriptor");
        let (send, pieces) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child: Ended(child), keys, pieces, shown: String::new() }
    }

    fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it listens");
    }

    /// Waits for a text. It comes in one piece where the place was blank before.
    fn wait_for(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.shown.contains(text) {
            assert!(Instant::now() < until, "{text} does not come: {:?}", self.shown);
            if let Ok(piece) = self.pieces.recv_timeout(Duration::from_millis(100)) {
                self.shown.push_str(&String::from_utf8_lossy(&piece));
            }
        }
    }

    /// Whether lines are edited and keys echoed, as a shell expects it.
    fn is_cooked(&self) -> bool {
        // SAFETY: a call that fills a structure of numbers.
        let settings = unsafe {
            let mut settings: libc::termios = std::mem::zeroed();
            assert_eq!(libc::tcgetattr(self.keys.as_raw_fd(), &raw mut settings), 0);
            settings
        };
        settings.c_lflag & (libc::ICANON | libc::ECHO) == libc::ICANON | libc::ECHO
    }
}

fn top(options: &[&str]) -> Output {
    Command::new(PROGRAM).arg("top").args(options).stdin(Stdio::null()).output().expect("tlsight runs")
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_tlsight");
const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/captures/chain_expired.pcap");
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
/// The other screen (xterm's private mode 1049).
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";
const PATIENCE: Duration = Duration::from_secs(30);
