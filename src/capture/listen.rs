//! What listens to interfaces: a source that also says what it lost, and of which it can be waited for.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::batch::Source;
use crate::Error;

/// An interface that is listened to.
pub trait Listen: Source {
    /// What was taken and lost since the last call. Asking costs the kernel more than a packet does.
    fn tally(&mut self) -> Result<Tally, Error>;

    /// Readable when packets are there.
    fn descriptor(&self) -> BorrowedFd<'_>;

    /// How long [`Source::fill`] waits where there are none.
    fn set_patience(&mut self, patience: Duration);
}

/// Packets of an interface, since the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Taken.
    pub packets: u64,
    /// Lost because the kernel's buffer was full.
    pub kernel: u64,
    /// Lost by the interface or its driver, where it tells.
    pub interface: u64,
    /// Left out under overload.
    pub shed: u64,
}

/// The end of listening: what had come by the time of it may lie in a buffer that is not full, and is taken still.
#[derive(Debug, Default)]
pub(super) struct Closing {
    until: Option<Instant>,
}

impl Closing {
    /// Whether the flag is set, and so much time has passed since: what had come is in the buffer. It is over when that is
    /// empty, or when it is late.
    pub(super) fn is_over(&mut self, stop: &AtomicBool, last: Duration) -> bool {
        if !stop.load(Ordering::Relaxed) {
            return false;
        }
        let now = Instant::now();
        now >= *self.until.get_or_insert(now + last)
    }

    /// Whether what had come has been taken for long enough: more comes all the while, or the machine is too slow.
    pub(super) fn is_late(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until + LATEST)
    }
}

/// Waits until one of the descriptors is readable, at most that long.
pub(super) fn wait<'a>(descriptors: impl Iterator<Item = BorrowedFd<'a>>, patience: Duration) {
    let mut descriptors: Vec<PollFd<'_>> =
        descriptors.map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN)).collect();
    let wait = Timespec {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(patience.subsec_nanos()),
    };
    // An interrupted wait is one that is over; a broken descriptor shows at the next reading.
    let _ = poll(&mut descriptors, Some(&wait));
}

/// Waits for one descriptor.
pub(super) fn wait_for(descriptor: &impl AsFd, patience: Duration) {
    wait(std::iter::once(descriptor.as_fd()), patience);
}

/// How much longer a buffer is emptied at the end.
const LATEST: Duration = Duration::from_secs(3);
/// How long a quiet interface is waited for, so that its owner can stop.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);
