//! Batches that wait for the server: in a folder, or in memory where there is none.
//!
//! In: batches, in the order of their making. Out: the same, in the same order, each until the server has it or has refused
//! it for good. Those of earlier runs come first. A folder that cannot be written does not lose a batch: it waits in
//! memory then. What a spool may hold is bounded.

mod folder;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::gate::WhenFull;
use super::tally::Tally;
use crate::sink::standing::Spooled;

pub use folder::{Census, Folder, batches, census, hold, runs};

/// Makes a folder for a spool, with those above it.
pub fn make(folder: &Path) -> io::Result<()> {
    folder::make(folder, folder::Parents::Too)
}

/// Where a spool is, and how much it may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolOptions {
    pub folder: PathBuf,
    /// What batches may take on disk, those in quarantine included.
    pub max_bytes: u64,
}

impl SpoolOptions {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), max_bytes: 4 << 30 }
    }
}

/// A batch that waits.
#[derive(Debug)]
pub struct Entry {
    stored: Stored,
    /// Whose it is.
    pub run: Run,
    rows: usize,
}

#[derive(Debug)]
enum Stored {
    File { path: PathBuf, bytes: u64 },
    Memory(Batch),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    This,
    Earlier,
}

/// What became of a batch that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// On disk, or in memory.
    Kept,
    /// Nowhere: the memory for it is full.
    MemoryFull,
    /// Nowhere: the folder has what it may have.
    DiskFull,
}

#[derive(Debug)]
pub struct Spool {
    folder: Option<Folder>,
    /// Of files.
    max_bytes: u64,
    /// Of batches in memory.
    max_memory: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Entry>,
    /// Of files, those in quarantine and those of others included.
    bytes: u64,
    /// Of batches in memory.
    memory: u64,
    /// Rows of this run on disk that are being sent.
    under_way: usize,
    /// Since when a batch waits and the server has taken none.
    waits: Option<Instant>,
    /// No batch comes any more.
    ended: bool,
    /// Nobody takes batches any more.
    closed: bool,
}

impl Spool {
    /// Without a folder: batches wait in memory.
    pub fn in_memory(max_memory: u64) -> Self {
        Self { folder: None, max_bytes: 0, max_memory, state: Mutex::default(), changed: Condvar::new() }
    }

    /// In a folder, made if absent; what runs that are over have left there for the same server and database waits first.
    pub fn open(options: &SpoolOptions, max_memory: u64, server: &str, database: &str) -> io::Result<Self> {
        let (folder, left) = Folder::open(&options.folder, server, database)?;
        let mut state = State { bytes: left.other_bytes, ..State::default() };
        for file in left.files {
            state.bytes += file.bytes;
            let stored = Stored::File { path: file.path, bytes: file.bytes };
            state.waiting.push_back(Entry { stored, run: Run::Earlier, rows: file.rows });
        }
        state.waits = (!state.waiting.is_empty()).then(Instant::now);
        Ok(Self {
            folder: Some(folder),
            max_bytes: options.max_bytes,
            max_memory,
            state: Mutex::new(state),
            changed: Condvar::new(),
        })
    }

    /// Puts a batch behind the others. On disk it is there to stay before this returns.
    pub fn put(&self, batch: Batch, when_full: WhenFull, tally: &Tally) -> Put {
        let rows = batch.head.rows;
        let Some(folder) = &self.folder else { return self.keep(batch, when_full) };
        let file = match batch.to_file() {
            Ok(file) => file,
            Err(error) => {
                self.told(&error, rows, tally);
                return self.keep(batch, when_full);
            }
        };
        if !self.reserve(Room::Disk, file.len() as u64, when_full) {
            return Put::DiskFull;
        }
        match folder.write(&file) {
            Ok(path) => {
                let stored = Stored::File { path, bytes: file.len() as u64 };
                self.push(Entry { stored, run: Run::This, rows });
                Put::Kept
            }
            Err(error) => {
                self.state().bytes -= file.len() as u64;
                self.told(&error, rows, tally);
                self.keep(batch, when_full)
            }
        }
    }

    /// The next batch; waits for one until `deadline` says that it is time to stop.
    pub fn next(&self, deadline: impl Fn() -> Option<Instant>) -> Option<Entry> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let deadline = deadline();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return None;
            }
            if let Some(entry) = state.waiting.pop_front() {
                state.under_way = entry.rows_on_disk();
                return Some(entry);
            }
            if state.ended {
                return None;
            }
            state = match deadline {
                Some(deadline) => {
                    self.changed.wait_timeout(state, deadline - now).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// A batch that was taken, whole; `None` where its file is no batch any more.
    pub fn read(&self, entry: &Entry) -> io::Result<Option<Batch>> {
        match &entry.stored {
            Stored::Memory(batch) => Ok(Some(batch.clone())),
            Stored::File { path, .. } => std::fs::read(path).map(Batch::from_file),
        }
    }

    /// Forgets a batch that the server has, or that is lost.
    pub fn done(&self, entry: Entry) {
        self.state().is_done();
        match (&entry.stored, &self.folder) {
            (Stored::Memory(batch), _) => self.state().memory -= batch.body.len() as u64,
            (Stored::File { path, bytes }, Some(folder)) => match folder.remove(path) {
                Ok(()) => self.state().bytes -= bytes,
                Err(error) => tracing::warn!("{}: {error}: it will be sent again, and stored once", path.display()),
            },
            (Stored::File { .. }, None) => {}
        }
        self.changed.notify_all();
    }

    /// Sets a batch aside with the reason for it; whether it is kept.
    pub fn quarantine(&self, entry: Entry, why: &str) -> bool {
        let (Stored::File { path, .. }, Some(folder)) = (&entry.stored, &self.folder) else {
            self.done(entry);
            return false;
        };
        self.state().is_done();
        match folder.quarantine(path, why) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!("{}: it cannot be set aside: {error}", path.display());
                // It stays where it is, for the next run.
                true
            }
        }
    }

    /// No batch will come any more.
    pub fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    /// Nobody will take a batch any more.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Wakes who waits, so that the deadline is looked at again.
    pub fn wake(&self) {
        // Who is about to wait holds the lock.
        drop(self.state());
        self.changed.notify_all();
    }

    /// Where it is.
    pub fn path(&self) -> Option<&Path> {
        self.folder.as_ref().map(Folder::path)
    }

    /// Rows of this run that wait on disk.
    pub fn rows_left(&self) -> usize {
        let state = self.state();
        state.under_way + state.waiting.iter().map(Entry::rows_on_disk).sum::<usize>()
    }

    /// What waits.
    pub fn spooled(&self) -> Spooled {
        let state = self.state();
        Spooled {
            batches: state.waiting.len() as u64 + u64::from(state.under_way > 0),
            bytes: state.bytes,
            max_bytes: self.max_bytes,
            memory_bytes: state.memory,
        }
    }

    /// How long something waits already, with nothing taken meanwhile.
    pub fn waits_for(&self) -> Option<Duration> {
        self.state().waits.map(|since| since.elapsed())
    }

    /// Batches of earlier runs that wait.
    pub fn batches_of_others(&self) -> usize {
        self.state().waiting.iter().filter(|entry| entry.run == Run::Earlier).count()
    }

    /// Puts a batch back that was taken and not sent.
    pub fn put_back(&self, entry: Entry) {
        let mut state = self.state();
        state.under_way = 0;
        state.waiting.push_front(entry);
    }

    fn keep(&self, batch: Batch, when_full: WhenFull) -> Put {
        if !self.reserve(Room::Memory, batch.body.len() as u64, when_full) {
            return Put::MemoryFull;
        }
        let rows = batch.head.rows;
        self.push(Entry { stored: Stored::Memory(batch), run: Run::This, rows });
        Put::Kept
    }

    fn push(&self, entry: Entry) {
        {
            let mut state = self.state();
            state.waiting.push_back(entry);
            state.waits.get_or_insert_with(Instant::now);
        }
        self.changed.notify_all();
    }

    /// Takes room for a batch. One that is over the bound by itself has room where there is no other.
    fn reserve(&self, room: Room, bytes: u64, when_full: WhenFull) -> bool {
        let mut state = self.state();
        loop {
            let (taken, most) = match room {
                Room::Disk => (&mut state.bytes, self.max_bytes),
                Room::Memory => (&mut state.memory, self.max_memory),
            };
            if *taken == 0 || *taken + bytes <= most {
                *taken += bytes;
                return true;
            }
            if when_full == WhenFull::Shed || state.closed {
                return false;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn told(&self, error: &dyn std::error::Error, rows: usize, tally: &Tally) {
        if tally.unspooled.value() == 0 {
            let folder = self.path().unwrap_or(Path::new("")).display();
            tracing::warn!("{folder}: {error}: rows wait in memory until it can be written");
        }
        tally.unspooled.add(rows);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The batch that was under way is no more.
    fn is_done(&mut self) {
        self.under_way = 0;
        self.waits = (!self.waiting.is_empty()).then(Instant::now);
    }
}

/// What a batch takes.
#[derive(Debug, Clone, Copy)]
enum Room {
    Disk,
    Memory,
}

impl Entry {
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Those of this run that outlive it.
    fn rows_on_disk(&self) -> usize {
        if self.run == Run::This && self.is_on_disk() { self.rows } else { 0 }
    }

    pub fn is_on_disk(&self) -> bool {
        matches!(self.stored, Stored::File { .. })
    }
}
