//! `tlsight clickhouse replay`: batches of a spool, or of its quarantine, and lines of NDJSON, to a server of the user's choice.

mod input;

use std::fs::{self, File};
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::Options;
use super::batch::{self, Batch, Gathering, Tokens};
use super::lines::{self, Reader};
use super::refusal::Meaning;
use super::schema::Table;
use super::sender::{Failure, Link, Timeouts};
use super::spool::{batches, hold, runs};
use super::target::Target;
use crate::Error;
use crate::sink::backoff::Backoff;
use crate::sink::clickhouse::gate::WhenFull;

/// What became of the batches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    pub batches: usize,
    pub rows: usize,
    /// Files that stay, and why; lines that are no rows, as `file:line`.
    pub refused: Vec<(PathBuf, String)>,
    /// Folders of runs that live, and send by themselves.
    pub busy: Vec<PathBuf>,
}

/// Sends batches and removes their files; in folders, those of `DIR/RUN` and `DIR/quarantine` too. Other files, and standard
/// input (`-`), hold lines that tlsight has written, packed or not, and stay. What the server has already is not stored twice:
/// neither a batch, nor the lines of a file that is sent again. Rows of lines carry `sensor`, which may be empty.
///
/// # Errors
/// A path that is neither, a server that does not answer or takes nothing.
pub fn replay(target: &Target, paths: &[PathBuf], sensor: &str) -> Result<Replayed, Error> {
    let mut replay =
        Replay { link: Link::new(target, TIMEOUTS)?, target, reader: Reader::new(sensor), done: Replayed::default() };
    let mut locks = Vec::new();
    let mut files = Vec::new();
    for path in paths {
        find(path, &mut files, &mut locks, &mut replay.done.busy)?;
    }
    for path in files {
        replay.file(path)?;
    }
    Ok(replay.done)
}

struct Replay<'a> {
    link: Link,
    target: &'a Target,
    reader: Reader,
    done: Replayed,
}

impl Replay<'_> {
    fn file(&mut self, path: PathBuf) -> Result<(), Error> {
        let failed = |source| Error::Read { path: path.clone(), source };
        if path == Path::new(STDIN) {
            return self.lines(&path, Box::new(io::stdin().lock()));
        }
        let mut file = input::open(&path).map_err(failed)?;
        let is_batch = path.extension().is_some_and(|extension| extension == "batch")
            || file.fill_buf().map_err(failed)?.starts_with(batch::MAGIC);
        if is_batch { self.batch(path) } else { self.lines(&path, file) }
    }

    fn batch(&mut self, path: PathBuf) -> Result<(), Error> {
        let file = fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let Some(batch) = Batch::from_file(file) else {
            self.done.refused.push((path, "it is no batch, or damaged".to_owned()));
            return Ok(());
        };
        if !Table::ALL.iter().any(|table| table.name() == batch.head.table) {
            self.done.refused.push((path, format!("`{}` is none of the tables", batch.head.table)));
            return Ok(());
        }
        if self.send(&path, &batch)? {
            fs::remove_file(&path).map_err(|source| Error::Write { path: path.clone(), source })?;
            let _ = fs::remove_file(path.with_extension("error"));
        }
        Ok(())
    }

    /// Batches are cut, and counted, within a file: the same file gives the same ones, whatever else is sent.
    fn lines(&mut self, path: &Path, file: Box<dyn BufRead + '_>) -> Result<(), Error> {
        let name = if path == Path::new(STDIN) { Path::new("standard input") } else { path };
        let Options { batch_rows, batch_bytes, .. } = Options::new(WhenFull::Wait);
        let mut piles = Table::ALL.map(|table| (Gathering::new(table), 0));
        let mut refused = 0_u64;
        let mut input = input::Lines::new(file);
        while let Some(line) = input.next().map_err(|source| Error::Read { path: name.to_owned(), source })? {
            if line.is_empty() {
                continue;
            }
            let push = |row: lines::Row<'_>| {
                let at = Table::ALL.iter().position(|table| *table == row.table);
                let Some((rows, number)) = at.and_then(|at| piles.get_mut(at)) else { return Ok(None) };
                let gathered = rows.push_given(row.values);
                gathered.map_err(|error| format!("{error}, and {} rows of the file are lost", error.rows))?;
                let is_full = rows.rows() >= batch_rows || rows.bytes() >= batch_bytes;
                Ok(is_full.then(|| cut(rows, number, self.target)))
            };
            let why = match line.whole.then(|| self.reader.read(line.text, push)) {
                Some(Ok(Ok(None))) => continue,
                Some(Ok(Ok(Some(batch)))) => {
                    self.send(name, &batch)?;
                    continue;
                }
                Some(Ok(Err(why)) | Err(why)) => why,
                None => format!("it is longer than {} MiB", input::LONGEST >> 20),
            };
            refused += 1;
            if refused <= TOLD {
                self.done.refused.push((PathBuf::from(format!("{}:{}", name.display(), line.number)), why));
            }
        }
        for (rows, number) in &mut piles {
            if rows.rows() > 0 {
                let batch = cut(rows, number, self.target);
                self.send(name, &batch)?;
            }
        }
        if refused > TOLD {
            self.done.refused.push((name.to_owned(), format!("{} more lines are no rows either", refused - TOLD)));
        }
        Ok(())
    }

    /// Whether the server has it now; what it refuses is noted.
    fn send(&mut self, path: &Path, batch: &Batch) -> Result<bool, Error> {
        match send(&mut self.link, batch) {
            Ok(()) => {
                self.done.batches += 1;
                self.done.rows += batch.head.rows;
                Ok(true)
            }
            Err(Failure { meaning: Meaning::Batch, why }) => {
                self.done.refused.push((path.to_owned(), why));
                Ok(false)
            }
            Err(Failure { why, .. }) => Err(Error::ClickHouse { url: self.target.url.clone(), why }),
        }
    }
}

fn cut(rows: &mut Gathering, number: &mut u64, target: &Target) -> Batch {
    *number += 1;
    rows.cut(Tokens::OfContent, *number, &target.url, &target.database)
}

/// Tries a few times.
fn send(link: &mut Link, batch: &Batch) -> Result<(), Failure> {
    let mut backoff = Backoff::default();
    for _ in 1..ATTEMPTS {
        match link.send(batch) {
            Err(Failure { meaning: Meaning::Passing, .. }) => thread::sleep(backoff.next()),
            done => return done,
        }
    }
    link.send(batch)
}

fn find(path: &Path, files: &mut Vec<PathBuf>, locks: &mut Vec<File>, busy: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    if path == Path::new(STDIN) {
        files.push(path.to_owned());
        return Ok(());
    }
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    files.extend(batches(path));
    for run in runs(path).map_err(failed)? {
        match hold(&run).map_err(failed)? {
            Some(lock) => {
                files.extend(batches(&run));
                locks.push(lock);
            }
            None => busy.push(run),
        }
    }
    files.extend(batches(&path.join("quarantine")));
    Ok(())
}

const TIMEOUTS: Timeouts = Timeouts { send: Duration::from_secs(10), answer: Duration::from_secs(60) };
const ATTEMPTS: usize = 6;
/// Lines of a file of which it is told why they are no rows.
const TOLD: u64 = 20;
const STDIN: &str = "-";
