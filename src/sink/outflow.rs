//! Where the lines of a sensor go: a file whose disk may be full, or a pipe that nobody may read.
//!
//! In: whole lines. Out: the same lines, as far as they are taken; what is not waits here, within a cap. Nobody waits for who
//! does not read, and a disk that is full ends no run: lines that find no room are left out, each whole, and counted. A pipe
//! whose reader has left ends the run in peace, as everywhere.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};

use super::Sink;
use crate::Error;

/// A writer of lines. Each call brings whole ones.
#[derive(Debug)]
pub enum Outflow<W> {
    /// Waits for who reads, and fails where the disk does: for captures, which can wait and be read again.
    Waits(W),
    /// Always takes lines.
    Sheds(Arc<Mutex<State<W>>>),
}

/// The sink that comes after the one which writes to an [`Outflow`]: at the end of the run it waits for what waits there,
/// and tells what was left out.
#[derive(Debug)]
pub struct Account<W>(Arc<Mutex<State<W>>>);

/// What waits for a writer.
#[derive(Debug)]
pub struct State<W> {
    to: W,
    name: PathBuf,
    kind: Kind,
    /// Lines, and how much of them is written.
    waiting: Vec<u8>,
    written: usize,
    /// Lines that were left out.
    lost: u64,
    /// Why the last attempt did not write everything, where it did not.
    stuck: Option<Stuck>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    /// A pipe, a socket, a terminal: can be asked whether it takes more.
    Stream,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stuck {
    NotRead,
    Failed(String),
}

/// How long a stream that takes nothing at the moment is waited for.
#[derive(Debug, Clone, Copy)]
enum Wait {
    No,
    /// [`PATIENCE`] each time, while more than this waits.
    WhileAbove(usize),
    Until(Instant),
}

impl<W: Write + AsFd + Send> Outflow<W> {
    /// One that always takes lines; `name` is what messages call it. `to` has no buffer of its own.
    pub fn shedding(to: W, name: impl AsRef<Path>) -> (Self, Account<W>) {
        let kind = match fstat(&to) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Kind::File,
            _ => Kind::Stream,
        };
        let name = name.as_ref().to_owned();
        let state = State { to, name, kind, waiting: Vec::new(), written: 0, lost: 0, stuck: None };
        let state = Arc::new(Mutex::new(state));
        (Self::Sheds(Arc::clone(&state)), Account(state))
    }
}

impl<W: Write + AsFd> Write for Outflow<W> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        match self {
            Self::Waits(to) => to.write(lines),
            Self::Sheds(state) => {
                let mut state = locked(state);
                // What waits goes first.
                state.push(Wait::No)?;
                state.add(lines);
                state.push(Wait::WhileAbove(MUCH))?;
                Ok(lines.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Waits(to) => to.flush(),
            Self::Sheds(state) => locked(state).push(Wait::No),
        }
    }
}

impl<W: Write + AsFd + Send> Sink for Account<W> {
    fn finish(self: Box<Self>) -> Result<Vec<String>, Error> {
        let mut state = locked(&self.0);
        // Whoever has left misses nothing.
        if state.push(Wait::Until(Instant::now() + LAST_WAIT)).is_err() {
            return Ok(Vec::new());
        }
        let lost = state.lost + lines(state.rest());
        let why = state.why();
        Ok((lost > 0)
            .then(|| format!("{}: {lost} lines were not written: {why}", state.name.display()))
            .into_iter()
            .collect())
    }
}

impl<W: Write + AsFd> State<W> {
    /// Puts lines behind those that wait, as far as there is room.
    fn add(&mut self, lines: &[u8]) {
        if self.rest().is_empty() || self.written > self.waiting.len() / 2 {
            self.waiting.drain(..self.written);
            self.written = 0;
        }
        let room = MOST.saturating_sub(self.rest().len());
        let fits = match lines.get(..room) {
            Some(fits) => fits.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1),
            None => lines.len(),
        };
        let (fits, left_out) = lines.split_at(fits);
        self.waiting.extend_from_slice(fits);
        let left_out = self::lines(left_out);
        if left_out > 0 && self.lost == 0 {
            tracing::warn!("{}: {}: lines are left out from now on", self.name.display(), self.why());
        }
        self.lost += left_out;
    }

    fn rest(&self) -> &[u8] {
        self.waiting.get(self.written..).unwrap_or_default()
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// The reader has left.
    fn push(&mut self, wait: Wait) -> io::Result<()> {
        loop {
            let rest = self.waiting.get(self.written..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            let patience = match (wait, &self.stuck) {
                (Wait::Until(end), _) => end.saturating_duration_since(Instant::now()),
                (Wait::WhileAbove(much), None) if rest.len() > much => PATIENCE,
                // One that took nothing is not waited for again until it does.
                _ => Duration::ZERO,
            };
            let part = match self.kind {
                Kind::File => rest,
                Kind::Stream if takes(&self.to, patience) => rest.get(..PIPE_BUF).unwrap_or(rest),
                Kind::Stream => {
                    self.stuck = Some(Stuck::NotRead);
                    return Ok(());
                }
            };
            let failure = match self.to.write(part) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(count) => {
                    self.moved(count);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(error),
                Err(error) => error,
            };
            self.failed(&failure);
            return Ok(());
        }
    }

    fn moved(&mut self, count: usize) {
        self.written += count;
        if let Some(Stuck::Failed(_)) = self.stuck.take() {
            let Self { name, lost, .. } = self;
            tracing::info!("{}: lines are written again; {lost} were left out so far", name.display());
        }
    }

    fn failed(&mut self, why: &io::Error) {
        if !matches!(self.stuck, Some(Stuck::Failed(_))) {
            let most = MOST >> 20;
            tracing::warn!("{}: {why}: lines wait, and are left out once {most} MiB do", self.name.display());
        }
        self.stuck = Some(Stuck::Failed(why.to_string()));
    }

    fn why(&self) -> &str {
        match &self.stuck {
            Some(Stuck::Failed(why)) => why,
            _ => "nobody reads it",
        }
    }
}

/// Whether a stream takes [`PIPE_BUF`] octets, within that time.
fn takes(to: &impl AsFd, patience: Duration) -> bool {
    let mut descriptors = [PollFd::new(to, PollFlags::OUT)];
    let wait = Timespec {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(patience.subsec_nanos()),
    };
    // One whose reader has left takes it too: writing tells.
    poll(&mut descriptors, Some(&wait)).is_ok_and(|ready| ready > 0)
}

fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

fn locked<W>(state: &Mutex<State<W>>) -> MutexGuard<'_, State<W>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Octets that wait at most.
const MOST: usize = 8 << 20;
/// From here on whoever reads slowly is waited for.
const MUCH: usize = MOST / 2;
/// How long a stream may take for the next few lines before it counts as one that is not read.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long is waited in the end.
const LAST_WAIT: Duration = Duration::from_secs(3);
/// What a pipe that is said to be ready takes without waiting (pipe(7)).
const PIPE_BUF: usize = 4_096;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::File;
    use std::io::{PipeReader, PipeWriter, Read, pipe};
    use std::thread;

    use super::*;

    /// Lines of a KiB that say their number.
    fn block(numbers: std::ops::Range<u32>) -> Vec<u8> {
        numbers.flat_map(|number| format!("{number:>1023}\n").into_bytes()).collect()
    }

    fn stalled() -> (PipeReader, Outflow<PipeWriter>, Account<PipeWriter>) {
        let (reader, writer) = pipe().unwrap();
        let (outflow, account) = Outflow::shedding(writer, "here");
        (reader, outflow, account)
    }

    fn numbers(text: &str) -> Vec<u32> {
        text.lines().map(|line| line.trim().parse().unwrap()).collect()
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_nobody_up_and_what_is_left_out_is_counted() {
        let (mut reader, mut outflow, account) = stalled();
        let begun = Instant::now();
        for start in (0..20_000).step_by(100) {
            outflow.write_all(&block(start..start + 100)).unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        // From now on it is read.
        let reads = thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        });
        let told = Box::new(account).finish().unwrap();
        drop(outflow);
        let read = numbers(&reads.join().unwrap());
        assert!(read.len() >= MOST / 1024, "{}", read.len());
        assert_eq!(told, [format!("here: {} lines were not written: nobody reads it", 20_000 - read.len())]);
        assert!(read.is_sorted_by(|a, b| a < b), "in their order, once each");
    }

    #[test]
    fn what_waits_for_a_reader_that_comes_too_late_is_counted() {
        let (reader, mut outflow, account) = stalled();
        outflow.write_all(&block(0..100)).unwrap();
        // 64 KiB are in the pipe.
        let told = Box::new(account).finish().unwrap();
        assert_eq!(told, ["here: 36 lines were not written: nobody reads it"]);
        drop(reader);
    }

    #[test]
    fn a_reader_that_keeps_up_misses_nothing() {
        let (mut reader, mut outflow, account) = stalled();
        let reads = thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        });
        // Several times what may wait.
        for start in (0..40_000).step_by(200) {
            outflow.write_all(&block(start..start + 200)).unwrap();
        }
        assert_eq!(Box::new(account).finish().unwrap(), Vec::<String>::new());
        drop(outflow);
        assert_eq!(numbers(&reads.join().unwrap()), (0..40_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_that_has_left_ends_the_run_in_peace() {
        let (reader, mut outflow, account) = stalled();
        drop(reader);
        assert_eq!(outflow.write(&block(0..1)).unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(Box::new(account).finish().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_cannot_be_written_ends_no_run() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (mut outflow, account) = Outflow::shedding(full, "here");
        outflow.write_all(&block(0..7)).unwrap();
        outflow.flush().unwrap();
        let told = Box::new(account).finish().unwrap();
        assert_eq!(told, ["here: 7 lines were not written: No space left on device (os error 28)"]);
    }
}
