//! `tlsight live`, and how it is spoken to.

use std::io::{Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde_json::Value;

use super::{PATIENCE, PROGRAM};
use crate::child::{Ended, lines_of};

/// `tlsight live`, listening.
pub struct Sensor {
    pub child: Ended,
    pub lines: Receiver<String>,
    pub complaints: Receiver<String>,
    pub said: Vec<String>,
}

impl Sensor {
    pub fn start(options: &[&str], more: &[&str]) -> Self {
        Self::with(options, more, &[])
    }

    pub fn with(options: &[&str], more: &[&str], environment: &[(&str, &str)]) -> Self {
        let (mut sensor, output) = Self::unread(options, more, environment);
        sensor.lines = lines_of(output);
        sensor
    }

    /// One of which nobody reads what it tells, unless it is read here.
    pub fn unread(options: &[&str], more: &[&str], environment: &[(&str, &str)]) -> (Self, ChildStdout) {
        let mut child = Command::new(PROGRAM)
            .args(["live", "-v", "--json"])
            .args(options)
            .args(more)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tlsight runs");
        let output = child.stdout.take().expect("it is piped");
        let (_, lines) = channel();
        let complaints = lines_of(child.stderr.take().expect("it is piped"));
        let mut sensor = Self { child: Ended(child), lines, complaints, said: Vec::new() };
        sensor.said(|line| line.contains("listening to"));
        (sensor, output)
    }

    /// Waits for a line on standard error, those that were said before among them.
    pub fn said(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        if let Some(line) = self.said.iter().find(|line| wanted(line)) {
            return line.clone();
        }
        loop {
            match self.complaints.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if wanted(&line) {
                        return line;
                    }
                }
                Err(_) => panic!("it does not come: {:?}", self.said),
            }
        }
    }

    /// Where its metrics are.
    pub fn metrics(&mut self) -> String {
        let line = self.said(|line| line.contains("metrics at http://"));
        let (_, rest) = line.split_once("http://").expect("an address");
        rest.split('/').next().expect("an address").to_owned()
    }

    pub fn session(&mut self) -> Value {
        self.told("tlsight.tls")
    }

    pub fn alert(&mut self) -> Value {
        self.told("tlsight.alert")
    }

    /// The next line of a kind.
    fn told(&mut self, dataset: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < until, "no line of {dataset} is told");
            let line = self.lines.recv_timeout(PATIENCE).expect("a line");
            if line.contains(&format!("\"dataset\":\"{dataset}\"")) {
                return serde_json::from_str(&line).expect("JSON");
            }
        }
    }

    pub fn signal(&self, signal: i32) {
        kill(&self.child.0, signal);
    }

    /// Interrupts it. Gives what it told and said.
    pub fn end(&mut self) -> (Vec<String>, Vec<String>) {
        self.signal(libc::SIGINT);
        self.finish()
    }

    /// Waits for its end. Gives what it told and said.
    pub fn finish(&mut self) -> (Vec<String>, Vec<String>) {
        self.finish_with(0)
    }

    /// The same, with the exit status that it is to have.
    pub fn finish_with(&mut self, expected: i32) -> (Vec<String>, Vec<String>) {
        let status = self.child.wait(PATIENCE);
        self.said.extend(self.complaints.iter());
        assert_eq!(status, Some(expected), "{:?}", self.said);
        (self.lines.iter().collect(), std::mem::take(&mut self.said))
    }
}

pub fn kill(child: &Child, signal: i32) {
    let pid = i32::try_from(child.id()).expect("a process number");
    // SAFETY: a system call on a child that has not been waited for.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

/// Status and body of an answer.
pub fn ask(address: &str, path: &str) -> (u16, String) {
    let mut stream = std::net::TcpStream::connect(address).expect("metrics are served");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it can be asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

pub fn metric(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// Bytes of a kernel's buffer that holds what a test sends, however little the machine lets the sensor work.
pub const ROOM: &str = "268435456";

/// Packets of the interface `b` that were taken, or left out under overload, by the metrics.
pub fn came(metrics: &str) -> usize {
    let taken = metric(metrics, "tlsight_interface_packets_total{interface=\"b\"}");
    let shed = metric(metrics, "tlsight_packets_dropped_total{interface=\"b\",reason=\"shed\"}");
    (taken + shed) as usize
}
