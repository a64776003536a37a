//! A clock that jumps. The kernel stamps packets by the clock of the whole machine, which no test may set: here the way of a
//! sensor with two rings gets packets whose stamps jump, from a source that has them written down. A pipe gets the same.
//!
//! What is lost: a connection that is open when the clock is set forward by more than `idle_seconds` is told in two parts, each
//! of which says what it lacks. Nothing else: set back, nothing is.

use std::io::Write;
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tlsight::Error;
use tlsight::capture::batch::Store;
use tlsight::capture::{Batch, Fill, LinkType, Slot, Source, Timestamp};
use tlsight::config::Limits;
use tlsight::event::Event;
use tlsight::flow::Hasher;
use tlsight::judge::Measures;
use tlsight::runtime::{self, Aside, Pace, Plan};
use tlsight::sink::Sink;
use tlsight::stats::Ledger;
use tlsight::x509::verify::Anchors;

use crate::network::PROGRAM;
use crate::network::frames::{corpus, write_capture};
use crate::network::told::ids;

#[test]
fn a_clock_that_is_set_back_ends_no_connection_of_a_quiet_ring() {
    let (slow, busy) = (handshake("chain_ok.pcap"), handshake("chain_expired.pcap"));
    // The busy one is an hour ahead, then the clock is set back, and the quiet one has a packet now and then.
    let mut steps = vec![Step { ring: 0, seconds: 1_700_003_600, frames: busy.clone() }];
    steps.push(Step { ring: 0, seconds: 1_700_000_000, frames: busy[..1].to_vec() });
    steps.extend(slow.iter().zip(0..).map(|(frame, at)| Step {
        ring: 1,
        seconds: 1_700_000_001 + at,
        frames: vec![frame.clone()],
    }));
    let told = live(steps, Limits::default());
    assert_eq!(told.iter().filter(|event| event.handshake.established).count(), 2);
    assert_eq!(told.len(), 2, "the busy one's second SYN is no session");
}

#[test]
fn connections_that_were_open_are_told_in_time_after_a_clock_is_set_back() {
    // A client that says hello and is never answered, then an hour back: it is over a minute later, not an hour.
    let open: Vec<Vec<u8>> = handshake("chain_ok.pcap").into_iter().take(4).collect();
    let other = handshake("chain_expired.pcap");
    let before_the_end = Mutex::new(0);
    let steps = vec![
        Step { ring: 0, seconds: 1_700_003_600, frames: open },
        Step { ring: 0, seconds: 1_700_000_000, frames: other[..1].to_vec() },
        Step { ring: 0, seconds: 1_700_000_070, frames: other[..1].to_vec() },
    ];
    let told = watched(steps, Limits::default(), &before_the_end);
    assert_eq!(told.len(), 1);
    assert!(!told[0].handshake.established);
    assert_eq!(*before_the_end.lock().expect("no panic"), 1, "it was told before the end of the run");
}

#[test]
fn a_clock_that_is_set_forward_ends_what_is_open_and_loses_no_other() {
    let (first, second) = (handshake("chain_ok.pcap"), handshake("chain_expired.pcap"));
    let steps = vec![
        Step { ring: 0, seconds: 1_700_000_000, frames: first[..5].to_vec() },
        Step { ring: 0, seconds: 1_700_003_600, frames: first[5..].to_vec() },
        Step { ring: 0, seconds: 1_700_003_601, frames: second },
    ];
    let told = live(steps, Limits::default());
    // The one that was open, as far as it had come, and what came of it later; each with what it lacks.
    let parts = |event: &Event| (event.client_hello.is_some(), event.server_hello.is_some(), !event.missing.is_empty());
    let told: Vec<_> = told.iter().map(parts).collect();
    assert_eq!(told, [(true, false, true), (false, true, true), (true, true, false)]);
}

#[test]
fn captures_whose_clock_jumps_tell_the_same_by_any_number_of_threads() {
    let mut packets = Vec::new();
    let offsets = [0, 3_600, -3_600, 86_400, -86_400, 7, -7];
    for (name, number) in ["chain_ok.pcap", "chain_expired.pcap", "chain_wildcard.pcap"].into_iter().zip(0..) {
        for (frame, at) in handshake(name).into_iter().zip(0_i64..) {
            let offset: i64 = offsets[((at + number) as usize) % offsets.len()];
            packets.push(((1_700_000_000 + number * 100 + offset) * 1_000_000_000 + at * 1_000_000, frame));
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("jumps.pcap");
    write_capture(packets.iter().map(|(ts, frame)| (*ts, &**frame)), &file);
    let bytes = std::fs::read(&file).expect("a capture");
    let read = |threads: &str| {
        let mut child = Command::new(PROGRAM)
            .args(["read", "-", "--json", "--threads", threads])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tlsight runs");
        child.stdin.take().expect("it is piped").write_all(&bytes).expect("it reads");
        let done = child.wait_with_output().expect("it ends");
        assert!(done.status.success());
        String::from_utf8(done.stdout).expect("UTF-8").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (one, two) = (read("1"), read("2"));
    assert!(!ids(&one).is_empty());
    assert_eq!(one[..one.len() - 1], two[..two.len() - 1]);
}

/// Frames that a ring gives at once.
#[derive(Clone)]
struct Step {
    ring: usize,
    seconds: i64,
    frames: Vec<Vec<u8>>,
}

/// A ring that gives its steps when their turn comes, and nothing in between.
struct Written {
    ring: usize,
    steps: Arc<Vec<Step>>,
    turn: Arc<AtomicUsize>,
    /// The last step that it gave.
    given: Option<usize>,
}

impl Source for Written {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        *batch = Batch::new();
        let turn = self.turn.load(Ordering::SeqCst);
        match self.steps.get(turn) {
            None => return Ok(Fill::End),
            Some(step) if step.ring == self.ring && self.given != Some(turn) => {
                let (mut block, mut slots) = (Vec::new(), Vec::new());
                for (frame, at) in step.frames.iter().zip(0..) {
                    slots.push(Slot {
                        interface: 0,
                        ts: Timestamp(step.seconds * 1_000_000_000 + at * 1_000_000),
                        offset: block.len() as u64,
                        len: frame.len() as u32,
                        wire_len: frame.len() as u32,
                        link: LinkType::ETHERNET,
                    });
                    block.extend_from_slice(frame);
                }
                *batch = Batch { store: Store::Block(Arc::new(block)), slots, lost: None };
                let turns = Arc::clone(&self.turn);
                // The next comes when the other has looked around a few times.
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(60));
                    turns.fetch_add(1, Ordering::SeqCst);
                });
                self.given = Some(turn);
            }
            Some(_) => thread::sleep(Duration::from_millis(5)),
        }
        Ok(Fill::More)
    }
}

/// Keeps events.
struct Kept(Arc<Mutex<Vec<Event>>>);

impl Sink for Kept {
    fn events(&mut self, events: &Arc<Vec<Event>>) -> Result<ControlFlow<()>, Error> {
        self.0.lock().expect("no panic").extend(events.iter().cloned());
        Ok(ControlFlow::Continue(()))
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}

fn live(steps: Vec<Step>, limits: Limits) -> Vec<Event> {
    watched(steps, limits, &Mutex::default())
}

/// What two rings tell; `so_far` is how much of it before they ended.
fn watched(steps: Vec<Step>, limits: Limits, so_far: &Mutex<usize>) -> Vec<Event> {
    let (steps, turn, kept) = (Arc::new(steps), Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let sources = (0..2)
        .map(|ring| Written { ring, steps: Arc::clone(&steps), turn: Arc::clone(&turn), given: None })
        .collect::<Vec<_>>();
    let plan = Plan {
        keep: None,
        threads: 2,
        limits,
        hasher: Hasher::random(),
        filter: None,
        measures: Measures { anchors: Arc::new(Anchors::mozilla()), chain_checks: None, knowledge: None },
        detector: None,
        renewals: None,
        sinks: vec![Box::new(Kept(Arc::clone(&kept)))],
        sensor: String::new(),
        pace: Pace::Live { stats_interval: Duration::from_secs(60) },
        ledger: Arc::new(Ledger::new(2)),
    };
    let told = |_: &mut Written, events: &[Event]| *so_far.lock().expect("no panic") += events.len();
    let aside = Aside { count: &|_, _| (), told: &told };
    runtime::run_fanout(sources, plan, None, aside).expect("it runs");
    let mut told = std::mem::take(&mut *kept.lock().expect("no panic"));
    told.sort_by_key(|event| event.timestamp);
    told
}

/// The frames of a capture of one connection.
fn handshake(name: &str) -> Vec<Vec<u8>> {
    corpus(|other| other == name)
}
