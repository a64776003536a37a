//! What listens to interfaces: a source that also says what it lost, and of which it can be waited for.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Timestamp;
use super::batch::{Lost, Slot, Source};
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

/// Between which packets of an interface others were lost. The kernel tells that there were some when it is asked; which
/// of those that wait to be read came before them, it does not.
#[derive(Debug, Default)]
pub(super) struct Losing {
    /// The latest packet that was handed on.
    latest: Option<Timestamp>,
    /// The latest when the kernel was asked last.
    asked: Option<Timestamp>,
    /// Packets were lost after this one.
    since: Option<Timestamp>,
    end: End,
    /// Whether any of that was said.
    is_said: bool,
}

/// Behind which packets nothing was lost any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum End {
    /// Those that waited when the loss was found, and those that come then: it may lie behind the last that waited.
    #[default]
    Unknown,
    /// Those that come next.
    Next,
}

impl Losing {
    /// The kernel was asked, and had lost so many since the last time.
    pub(super) fn asked(&mut self, lost: u64) {
        if lost > 0 {
            self.since = self.since.or(self.asked).or(self.latest).or(Some(Timestamp::default()));
            (self.end, self.is_said) = (End::Unknown, false);
        }
        self.asked = self.latest;
    }

    /// Packets are handed on, before which others were lost for certain.
    pub(super) fn found(&mut self) {
        if self.since.is_none() {
            self.since = self.latest.or(Some(Timestamp::default()));
            self.end = End::Next;
        }
    }

    /// Packets are handed on: when others were lost between them and those before. Where none are, because none came since,
    /// it is at the last that came, once: its sessions may wait for what will never come.
    pub(super) fn before(&mut self, slots: &[Slot], backlog: Backlog) -> Option<Lost> {
        let times = || slots.iter().map(|slot| slot.ts);
        let Some((first, last)) = times().min().zip(times().max()) else {
            let from = self.since.filter(|_| !std::mem::replace(&mut self.is_said, true))?;
            return Some(Lost { from, to: self.latest.map_or(from, |latest| latest.max(from)) });
        };
        let lost = self.since.map(|from| Lost { from: from.min(first), to: first });
        self.is_said |= lost.is_some();
        self.latest = self.latest.max(Some(last));
        match (self.end, backlog) {
            (End::Next, _) => self.since = None,
            (End::Unknown, Backlog::Waits) => self.since = self.since.and(self.latest),
            (End::Unknown, Backlog::None) => (self.since, self.end) = (self.since.and(self.latest), End::Next),
        }
        lost
    }
}

/// Whether more packets wait to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backlog {
    Waits,
    None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    fn slots(times: &[i64]) -> Vec<Slot> {
        let slot =
            |&ts| Slot { ts: Timestamp(ts), offset: 0, len: 0, wire_len: 0, link: LinkType::ETHERNET, interface: 0 };
        times.iter().map(slot).collect()
    }

    fn lost(from: i64, to: i64) -> Option<Lost> {
        Some(Lost { from: Timestamp(from), to: Timestamp(to) })
    }

    #[test]
    fn what_was_lost_lies_between_the_last_question_and_the_end_of_what_waited() {
        let mut losing = Losing::default();
        assert_eq!(losing.before(&slots(&[1, 2]), Backlog::None), None);
        losing.asked(0);
        assert_eq!(losing.before(&slots(&[3, 4]), Backlog::Waits), None);
        losing.asked(7);
        assert_eq!(losing.before(&slots(&[6, 5]), Backlog::Waits), lost(2, 5));
        assert_eq!(losing.before(&[], Backlog::Waits), None);
        assert_eq!(losing.before(&slots(&[8, 9]), Backlog::None), lost(6, 8));
        assert_eq!(losing.before(&slots(&[10]), Backlog::None), lost(9, 10));
        assert_eq!(losing.before(&slots(&[11]), Backlog::None), None);
    }

    #[test]
    fn what_was_lost_behind_all_that_came_is_said_once() {
        let mut losing = Losing::default();
        assert_eq!(losing.before(&slots(&[2, 3]), Backlog::None), None);
        assert_eq!(losing.before(&[], Backlog::None), None);
        losing.asked(7);
        assert_eq!(losing.before(&[], Backlog::None), lost(3, 3));
        assert_eq!(losing.before(&[], Backlog::None), None);
        assert_eq!(losing.before(&slots(&[8]), Backlog::None), lost(3, 8));
    }

    #[test]
    fn a_block_that_says_so_comes_right_behind_what_was_lost() {
        let mut losing = Losing::default();
        assert_eq!(losing.before(&slots(&[1, 2]), Backlog::Waits), None);
        losing.found();
        assert_eq!(losing.before(&slots(&[5, 9]), Backlog::None), lost(2, 5));
        assert_eq!(losing.before(&slots(&[11]), Backlog::Waits), None);
    }
}
