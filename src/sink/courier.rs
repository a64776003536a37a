//! A bounded queue of messages and the thread that carries them to somebody who may be slow, or away.
//!
//! In: messages. Out: what [`Carry`] makes of them, one at a time, again and again until each has arrived, was refused for
//! good, or time is up. Whoever offers never waits for a receiver that does not answer: the oldest message goes, and is
//! counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::backoff::Backoff;
use super::standing::{self, Gauge, Standing};

/// Who knows how to deliver a message.
pub trait Carry: Send + 'static {
    fn carry(&mut self, message: &[u8]) -> Result<(), Failure>;

    /// The end: what is under way is handed over.
    fn close(&mut self) {}
}

/// Why a message did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nobody is there: the message is as good as before.
    Away(String),
    /// Somebody is there, and could not take it; after a few times it is given up. The wait is the receiver's wish.
    Answered(String, Option<Duration>),
    /// It will never be taken.
    Refused(String),
}

/// What happens to messages that find the queue full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// They wait, while the receiver takes: for files, which can.
    Wait,
    /// The oldest is dropped: for a tap, which cannot.
    Shed,
}

/// How much may wait, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub when_full: WhenFull,
    pub queue_messages: usize,
    pub queue_bytes: usize,
    /// How long the end of the run waits for messages to arrive.
    pub finish_wait: Duration,
}

impl Options {
    pub fn new(when_full: WhenFull) -> Self {
        Self { when_full, queue_messages: 10_000, queue_bytes: 32 << 20, finish_wait: Duration::from_secs(10) }
    }
}

/// The sink's end.
#[derive(Debug)]
pub struct Courier {
    /// What messages about it call the receiver.
    name: String,
    options: Options,
    shared: Arc<Shared>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

/// What both ends see.
#[derive(Debug)]
pub struct Shared {
    output: &'static str,
    /// Messages that may wait.
    capacity: usize,
    state: Mutex<State>,
    changed: Condvar,
    tally: Tally,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Box<[u8]>>,
    bytes: usize,
    /// A message is under way.
    carries: bool,
    /// Since when something waits and nothing has arrived.
    waits: Option<Instant>,
    /// The last attempt failed.
    failing: bool,
    /// Set at the end of the run: after it, nothing is tried again.
    deadline: Option<Instant>,
    last_error: Option<String>,
}

#[derive(Debug, Default)]
struct Tally {
    offered: AtomicU64,
    delivered: AtomicU64,
    shed: AtomicU64,
    refused: AtomicU64,
    /// Attempts that failed.
    failures: AtomicU64,
}

impl Courier {
    /// Starts the thread. `output` is what the receiver is in figures, `name` in messages.
    pub fn start<C: Carry>(
        output: &'static str,
        name: &str,
        mut carrier: C,
        options: Options,
    ) -> std::io::Result<Self> {
        let capacity = options.queue_messages;
        let shared = Arc::new(Shared {
            output,
            capacity,
            state: Mutex::default(),
            changed: Condvar::new(),
            tally: Tally::default(),
        });
        let (end, ended) = crossbeam_channel::bounded(0);
        let (of_thread, called) = (Arc::clone(&shared), name.to_owned());
        thread::Builder::new().name("courier".to_owned()).spawn(move || {
            let _end: Sender<()> = end;
            of_thread.work(&mut carrier, &called);
        })?;
        Ok(Self { name: name.to_owned(), options, shared, ended })
    }

    /// Puts a message in the queue.
    pub fn offer(&self, message: Box<[u8]>) {
        let Self { options, shared, .. } = self;
        count(&shared.tally.offered);
        let mut state = shared.state();
        let patience = Instant::now() + PATIENCE;
        while state.is_full(message.len(), options) {
            let now = Instant::now();
            if options.when_full == WhenFull::Wait && !state.failing && now < patience {
                state = shared.changed.wait_timeout(state, patience - now).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            if state.pop().is_none() {
                break;
            }
            count(&shared.tally.shed);
        }
        state.bytes += message.len();
        state.queue.push_back(message);
        state.waits.get_or_insert_with(Instant::now);
        shared.changed.notify_all();
    }

    pub fn gauge(&self) -> Gauge {
        Gauge::Courier(Arc::clone(&self.shared))
    }

    /// Waits, within the bound, until all has arrived; tells what has not.
    pub fn finish(self) -> Vec<String> {
        let Self { name, options, shared, ended } = self;
        shared.state().deadline = Some(Instant::now() + options.finish_wait);
        shared.changed.notify_all();
        // An attempt that is still under way then is left to itself.
        let _ = ended.recv_timeout(options.finish_wait);
        shared.summary(&name).into_iter().collect()
    }
}

impl Shared {
    /// How it stands.
    pub fn standing(&self) -> Standing {
        let value = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Tally { offered, delivered, shed, refused, failures } = &self.tally;
        let state = self.state();
        Standing {
            output: self.output.to_owned(),
            unit: "alerts".to_owned(),
            waiting: state.queue.len() as u64 + u64::from(state.carries),
            capacity: self.capacity as u64,
            offered: value(offered),
            delivered: value(delivered),
            shed: value(shed),
            refused: value(refused),
            failures: value(failures),
            lag_seconds: standing::seconds(state.waits.map(|since| since.elapsed())),
            last_error: state.last_error.clone(),
            spool: None,
        }
    }

    fn work<C: Carry>(&self, carrier: &mut C, name: &str) {
        while let Some(message) = self.next() {
            self.deliver(carrier, &message, name);
            self.state().is_done();
            self.changed.notify_all();
        }
        carrier.close();
    }

    /// The next message; `None` when the run has ended and none is left, or time is up.
    fn next(&self) -> Option<Box<[u8]>> {
        let mut state = self.state();
        loop {
            if state.is_over() {
                return None;
            }
            match state.pop() {
                Some(message) => {
                    state.carries = true;
                    return Some(message);
                }
                None if state.deadline.is_some() => return None,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn deliver<C: Carry>(&self, carrier: &mut C, message: &[u8], name: &str) {
        let mut backoff = Backoff::default();
        let mut answers = 0;
        loop {
            let failure = match carrier.carry(message) {
                Ok(()) => {
                    count(&self.tally.delivered);
                    if std::mem::take(&mut self.state().failing) {
                        tracing::info!("{name}: alerts arrive again");
                    }
                    return;
                }
                Err(failure) => failure,
            };
            let (why, wish) = match &failure {
                Failure::Away(why) | Failure::Refused(why) => (why, None),
                Failure::Answered(why, wish) => (why, *wish),
            };
            count(&self.tally.failures);
            let mut state = self.state();
            if !std::mem::replace(&mut state.failing, true) {
                tracing::warn!("{name}: {why}");
            }
            state.last_error = Some(why.clone());
            answers += u32::from(matches!(failure, Failure::Answered(..)));
            if matches!(failure, Failure::Refused(_)) || answers >= MAX_ANSWERS {
                state.failing = false;
                count(&self.tally.refused);
                return;
            }
            // Who waits for room sees now that there will be none.
            self.changed.notify_all();
            if !self.pause(state, backoff.next().max(wish.unwrap_or_default().min(LONGEST_WISH))) {
                return;
            }
        }
    }

    /// Waits, until the run's end at the longest; `false` where that has come.
    fn pause(&self, mut state: MutexGuard<'_, State>, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            // At the end there is one more attempt at once, and others while time is left.
            let until = state.deadline.map_or(until, |deadline| until.min(deadline));
            let now = Instant::now();
            if state.is_over() {
                return false;
            }
            if now >= until {
                return true;
            }
            let ending = state.deadline.is_some();
            state = self.changed.wait_timeout(state, until - now).unwrap_or_else(PoisonError::into_inner).0;
            if !ending && state.deadline.is_some() {
                return true;
            }
        }
    }

    /// One line on what did not arrive.
    fn summary(&self, name: &str) -> Option<String> {
        let value = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Tally { offered, delivered, shed, refused, .. } = &self.tally;
        let (offered, delivered, shed, refused) = (value(offered), value(delivered), value(shed), value(refused));
        let lost = offered.saturating_sub(delivered);
        if lost == 0 {
            return None;
        }
        let late = lost.saturating_sub(shed + refused);
        let reasons = [(shed, "found the queue full"), (refused, "were refused"), (late, "did not arrive in time")];
        let reasons: Vec<String> =
            reasons.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        let last = self.state().last_error.clone().map(|error| format!("; last error: {error}")).unwrap_or_default();
        Some(format!("{name}: {lost} of {offered} alerts were not delivered: {}{last}", reasons.join(", ")))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_full(&self, more: usize, options: &Options) -> bool {
        self.queue.len() >= options.queue_messages || self.bytes + more > options.queue_bytes && !self.queue.is_empty()
    }

    fn pop(&mut self) -> Option<Box<[u8]>> {
        let message = self.queue.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }

    /// What was under way is no more: it has arrived, or is given up.
    fn is_done(&mut self) {
        self.carries = false;
        self.waits = (!self.queue.is_empty()).then(Instant::now);
    }

    fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// An error on one line of bounded length, without control characters.
pub fn one_line(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

fn count(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// How often a message is put before a receiver that answers and does not take it.
const MAX_ANSWERS: u32 = 8;
/// The longest that a message waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest that a receiver may have us wait.
const LONGEST_WISH: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails as told, then takes.
    struct Fake {
        failures: VecDeque<Failure>,
        taken: Arc<Mutex<Vec<Vec<u8>>>>,
        gate: Option<Receiver<()>>,
    }

    impl Carry for Fake {
        fn carry(&mut self, message: &[u8]) -> Result<(), Failure> {
            if let Some(gate) = &self.gate {
                let _ = gate.recv();
            }
            match self.failures.pop_front() {
                Some(failure) => Err(failure),
                None => {
                    self.taken.lock().expect("no panic").push(message.to_vec());
                    Ok(())
                }
            }
        }
    }

    fn options(queue_messages: usize, when_full: WhenFull) -> Options {
        Options { queue_messages, finish_wait: Duration::from_secs(5), ..Options::new(when_full) }
    }

    fn message(number: u8) -> Box<[u8]> {
        [number].into()
    }

    #[test]
    fn what_fails_is_sent_again_in_order() {
        let taken = Arc::default();
        let failures = [Failure::Away("away".into()), Failure::Answered("busy".into(), None)].into();
        let fake = Fake { failures, taken: Arc::clone(&taken), gate: None };
        let courier = Courier::start("syslog", "x", fake, options(10, WhenFull::Shed)).expect("a thread");
        (1..=3).for_each(|number| courier.offer(message(number)));
        assert_eq!(courier.finish(), Vec::<String>::new());
        assert_eq!(*taken.lock().expect("no panic"), [[1], [2], [3]]);
    }

    #[test]
    fn what_is_refused_is_told_and_holds_nobody_up() {
        let taken = Arc::default();
        let failures = [Failure::Refused("400".into())].into();
        let fake = Fake { failures, taken: Arc::clone(&taken), gate: None };
        let courier = Courier::start("syslog", "x", fake, options(10, WhenFull::Shed)).expect("a thread");
        (1..=2).for_each(|number| courier.offer(message(number)));
        let told = courier.finish();
        assert_eq!(told, ["x: 1 of 2 alerts were not delivered: 1 were refused; last error: 400"]);
        assert_eq!(*taken.lock().expect("no panic"), [[2]]);
    }

    #[test]
    fn a_full_queue_loses_the_oldest_and_counts_them() {
        let taken = Arc::default();
        let (open, gate) = crossbeam_channel::unbounded();
        let fake = Fake { failures: VecDeque::new(), taken: Arc::clone(&taken), gate: Some(gate) };
        let courier = Courier::start("syslog", "x", fake, options(2, WhenFull::Shed)).expect("a thread");
        courier.offer(message(1));
        // The thread holds the first, at the gate.
        while !courier.shared.state().queue.is_empty() {
            thread::yield_now();
        }
        (2..=6).for_each(|number| courier.offer(message(number)));
        drop(open);
        let told = courier.finish();
        assert_eq!(told, ["x: 3 of 6 alerts were not delivered: 3 found the queue full"]);
        assert_eq!(*taken.lock().expect("no panic"), [[1], [5], [6]]);
    }

    #[test]
    fn files_wait_for_a_receiver_that_takes() {
        let taken = Arc::default();
        let fake = Fake { failures: VecDeque::new(), taken: Arc::clone(&taken), gate: None };
        let courier = Courier::start("syslog", "x", fake, options(1, WhenFull::Wait)).expect("a thread");
        (0..200).for_each(|number| courier.offer(message(number)));
        assert_eq!(courier.finish(), Vec::<String>::new());
        assert_eq!(taken.lock().expect("no panic").len(), 200);
    }

    #[test]
    fn nobody_waits_for_a_receiver_that_is_away() {
        let failures = vec![Failure::Away("away".into()); 10_000].into();
        let fake = Fake { failures, taken: Arc::default(), gate: None };
        let options = Options { finish_wait: Duration::from_millis(300), ..options(1, WhenFull::Wait) };
        let courier = Courier::start("syslog", "x", fake, options).expect("a thread");
        courier.offer(message(0));
        while !courier.shared.state().failing {
            thread::yield_now();
        }
        let begun = Instant::now();
        (1..=20).for_each(|number| courier.offer(message(number)));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        let standing = courier.gauge().read();
        assert_eq!((standing.waiting, standing.capacity, standing.shed), (2, 1, 19), "{standing:?}");
        assert!(standing.failures > 0 && standing.lag_seconds > 0.0 && standing.last_error.is_some(), "{standing:?}");
        let told = courier.finish().concat();
        assert!(
            told.starts_with("x: 21 of 21 alerts were not delivered: 19 found the queue full, 2 did not arrive"),
            "{told}"
        );
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }
}
