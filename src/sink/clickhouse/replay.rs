//! `tlsight clickhouse replay`: batches of a spool, or of its quarantine, to a server of the user's choice.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::batch::Batch;
use super::refusal::Meaning;
use super::schema::Table;
use super::sender::{Failure, Link, Timeouts};
use super::spool::{batches, hold, runs};
use super::target::Target;
use crate::Error;
use crate::sink::backoff::Backoff;

/// What became of the batches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    pub batches: usize,
    pub rows: usize,
    /// Files that stay, and why.
    pub refused: Vec<(PathBuf, String)>,
    /// Folders of runs that live, and send by themselves.
    pub busy: Vec<PathBuf>,
}

/// Sends batches and removes their files; in folders, those of `DIR/RUN` and `DIR/quarantine` too. A batch that the server
/// has already is not stored twice.
///
/// # Errors
/// A path that is neither, a server that does not answer or takes nothing.
pub fn replay(target: &Target, paths: &[PathBuf]) -> Result<Replayed, Error> {
    let mut link = Link::new(target, TIMEOUTS)?;
    let mut done = Replayed::default();
    let mut locks = Vec::new();
    let mut files = Vec::new();
    for path in paths {
        find(path, &mut files, &mut locks, &mut done.busy)?;
    }
    for path in files {
        let file = fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let Some(batch) = Batch::from_file(file) else {
            done.refused.push((path, "it is no batch, or damaged".to_owned()));
            continue;
        };
        if !Table::ALL.iter().any(|table| table.name() == batch.head.table) {
            done.refused.push((path, format!("`{}` is none of the tables", batch.head.table)));
            continue;
        }
        match send(&mut link, &batch) {
            Ok(()) => {
                fs::remove_file(&path).map_err(|source| Error::Write { path: path.clone(), source })?;
                let _ = fs::remove_file(path.with_extension("error"));
                done.batches += 1;
                done.rows += batch.head.rows;
            }
            Err(Failure { meaning: Meaning::Batch, why }) => done.refused.push((path, why)),
            Err(Failure { why, .. }) => return Err(Error::ClickHouse { url: target.url.clone(), why }),
        }
    }
    Ok(done)
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
