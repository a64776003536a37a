//! The spool on disk: a folder of each run, a file of each batch.
//!
//! `DIR/RUN/NNNNNNNN.batch`, `DIR/quarantine/RUN-NNNNNNNN.batch` with its `.error`. A run holds a lock on `DIR/RUN/lock`
//! for as long as it lives, whatever ends it; folders without one are taken over by the next run. A batch is written under
//! another name, synchronised and then renamed, and its folder synchronised: what has the name is whole, also after a loss
//! of power. What a killed run has left half is seen by its checksum, and removed.

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sink::clickhouse::batch::{Batch, Head};

/// The folder of this run, and those of others that it has taken over.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    own: PathBuf,
    next: AtomicU64,
    /// Held until the end; the first is that of `own`.
    locks: Mutex<Vec<(PathBuf, File)>>,
}

/// What was found in the folder.
#[derive(Debug, Default)]
pub struct Left {
    /// Batches to be sent, the oldest run's first.
    pub files: Vec<Waiting>,
    /// What is not to be sent takes this.
    pub other_bytes: u64,
}

#[derive(Debug)]
pub struct Waiting {
    pub path: PathBuf,
    pub bytes: u64,
    pub rows: usize,
}

/// What a folder holds, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    pub batches: usize,
    pub rows: usize,
    pub bytes: u64,
    pub quarantined: usize,
    pub quarantined_rows: usize,
    pub quarantined_bytes: u64,
    /// Runs that hold their folder.
    pub runs: usize,
}

impl Folder {
    pub fn open(root: &Path, server: &str, database: &str) -> io::Result<(Self, Left)> {
        make(&root.join(QUARANTINE), Parents::Too)?;
        let mut left = Left::default();
        let mut locks = Vec::new();
        for run in runs(root)? {
            match hold(&run) {
                Ok(Some(lock)) => {
                    adopt(&run, &mut left, server, database);
                    locks.push((run, lock));
                }
                // Its run lives.
                Ok(None) => left.other_bytes += batches(&run).iter().map(|path| size(path)).sum::<u64>(),
                // Another run has just finished with it.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        left.other_bytes += batches(&root.join(QUARANTINE)).iter().map(|path| size(path)).sum::<u64>();
        let (own, own_lock) = own(root)?;
        locks.insert(0, (own.clone(), own_lock));
        Ok((Self { root: root.to_owned(), own, next: AtomicU64::new(1), locks: Mutex::new(locks) }, left))
    }

    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Writes a batch; afterwards it outlives the program and the machine's power.
    pub fn write(&self, file: &[u8]) -> io::Result<PathBuf> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.own.join(format!("{number:08}.{BATCH}"));
        let part = path.with_extension(PART);
        let written = File::create(&part).and_then(|mut out| {
            out.write_all(file)?;
            out.sync_data()
        });
        let named = written.and_then(|()| fs::rename(&part, &path)).and_then(|()| sync(&self.own));
        if named.is_err() {
            // A full disk may have room again without it.
            let _ = fs::remove_file(&part);
            let _ = fs::remove_file(&path);
        }
        named.map(|()| path)
    }

    /// Removes a batch, and the folder of another run when it was the last in it.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)?;
        let Some(run) = path.parent().filter(|run| *run != self.own) else { return Ok(()) };
        if batches(run).is_empty() {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = locks.iter().position(|(folder, _)| folder == run) {
                clear(run);
                locks.swap_remove(at);
            }
        }
        Ok(())
    }

    /// Sets a batch aside, with the reason for it.
    pub fn quarantine(&self, path: &Path, why: &str) -> io::Result<()> {
        let name = |path: Option<&std::ffi::OsStr>| path.unwrap_or_default().to_string_lossy().into_owned();
        let (run, batch) = (name(path.parent().and_then(Path::file_name)), name(path.file_stem()));
        let to = self.root.join(QUARANTINE).join(format!("{run}-{batch}.{BATCH}"));
        fs::write(to.with_extension("error"), format!("{why}\n"))?;
        fs::rename(path, &to)?;
        sync(&self.root.join(QUARANTINE))
    }
}

/// An empty folder of a run goes with it.
impl Drop for Folder {
    fn drop(&mut self) {
        for (run, _lock) in self.locks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if batches(&run).is_empty() {
                clear(&run);
            }
        }
    }
}

/// The batches in a folder, in the order of their names; none where it cannot be read.
pub fn batches(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == BATCH)).collect();
    paths.sort();
    paths
}

/// Counts what a spool holds.
pub fn census(root: &Path) -> io::Result<Census> {
    let mut census = Census::default();
    for run in runs(root)? {
        for path in batches(&run) {
            census.batches += 1;
            census.bytes += size(&path);
            census.rows += head(&path).map_or(0, |head| head.rows);
        }
        census.runs += usize::from(matches!(hold(&run), Ok(None)));
    }
    for path in batches(&root.join(QUARANTINE)) {
        census.quarantined += 1;
        census.quarantined_bytes += size(&path);
        census.quarantined_rows += head(&path).map_or(0, |head| head.rows);
    }
    Ok(census)
}

/// The folders of runs, the oldest first.
pub fn runs(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut runs = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let is_run = path.file_name().and_then(|name| name.to_str()).is_some_and(is_run);
        if is_run && path.is_dir() {
            let made = fs::metadata(&path).and_then(|meta| meta.modified()).ok();
            runs.push((made, path));
        }
    }
    runs.sort();
    Ok(runs.into_iter().map(|(_, path)| path).collect())
}

fn is_run(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A new folder that nobody else has.
fn own(root: &Path) -> io::Result<(PathBuf, File)> {
    let random = RandomState::new();
    for attempt in 0..100 {
        let own = root.join(format!("{:016x}", random.hash_one((std::process::id(), attempt))));
        match make(&own, Parents::Are) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
        // Another run that is just looking around may have been faster, and removes it.
        match hold(&own) {
            Ok(Some(lock)) => return Ok((own, lock)),
            Ok(None) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("no folder of its own to be had"))
}

/// Takes the lock of a run's folder; `None` if it is held.
pub fn hold(run: &Path) -> io::Result<Option<File>> {
    let file = File::options().create(true).append(true).open(run.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Takes in what a run has left: batches for this server; those that were written to the end but not named yet.
fn adopt(run: &Path, left: &mut Left, server: &str, database: &str) {
    let entries = fs::read_dir(run).into_iter().flatten().flatten().map(|entry| entry.path());
    for part in entries.filter(|path| path.extension().is_some_and(|extension| extension == PART)) {
        let whole = fs::read(&part).ok().and_then(Batch::from_file).is_some();
        let done = if whole { fs::rename(&part, part.with_extension(BATCH)) } else { fs::remove_file(&part) };
        if let Err(error) = done {
            tracing::warn!("{}: {error}", part.display());
        }
    }
    let mut foreign = 0;
    for path in batches(run) {
        let bytes = size(&path);
        match head(&path) {
            Some(head) if head.server != server || head.database != database => {
                foreign += 1;
                left.other_bytes += bytes;
            }
            // One that is damaged is set aside when its turn comes.
            head => left.files.push(Waiting { path, bytes, rows: head.map_or(0, |head| head.rows) }),
        }
    }
    if foreign > 0 {
        tracing::warn!(
            "{}: {foreign} batches are for another server or database: `tlsight clickhouse replay` sends them",
            run.display()
        );
    }
}

/// The head of a batch's file.
fn head(path: &Path) -> Option<Head> {
    let mut start = Vec::new();
    File::open(path).ok()?.take(HEAD_BYTES).read_to_end(&mut start).ok()?;
    Head::from_start(&start)
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

/// Makes the names in a folder outlive a loss of power.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Whether the folders above are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parents {
    Are,
    Too,
}

/// Makes a folder that is nobody else's: rows tell who talks with whom. One that is there stays as it is.
pub fn make(folder: &Path, parents: Parents) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(parents == Parents::Too);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Removes the folder of a run that holds no batch.
fn clear(run: &Path) {
    let _ = fs::remove_file(run.join(LOCK));
    let _ = fs::remove_dir(run);
}

const BATCH: &str = "batch";
const PART: &str = "part";
const LOCK: &str = "lock";
const QUARANTINE: &str = "quarantine";
/// A head takes a few kilobytes.
const HEAD_BYTES: u64 = 256 << 10;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn batch(rows: usize) -> Vec<u8> {
        let head = Head {
            table: "sessions".to_owned(),
            columns: vec!["a".to_owned()],
            format: "Native".to_owned(),
            schema: 1,
            token: "t".to_owned(),
            rows,
            server: "http://h".to_owned(),
            database: "d".to_owned(),
        };
        Batch { head, body: Bytes::from_static(b"rows") }.to_file().expect("JSON")
    }

    fn open(root: &Path) -> (Folder, Vec<usize>) {
        let (folder, left) = Folder::open(root, "http://h", "d").expect("it opens");
        let rows = left.files.iter().map(|file| file.rows).collect();
        (folder, rows)
    }

    /// Lets a folder's lock go without its end: what a kill does.
    fn kill(folder: Folder) {
        folder.locks.lock().expect("no panic").clear();
    }

    #[test]
    fn what_a_killed_run_has_left_is_taken_over_in_order() {
        let root = tempfile::tempdir().expect("a folder");
        let (first, left) = open(root.path());
        assert_eq!(left, Vec::<usize>::new());
        for rows in 1..=12 {
            first.write(&batch(rows)).expect("it writes");
        }
        // Half of one, and a whole one without its name.
        let whole = batch(13);
        fs::write(first.own.join("00000013.part"), &whole).expect("it writes");
        fs::write(first.own.join("00000014.part"), &whole[..whole.len() - 1]).expect("it writes");
        kill(first);
        let (_second, left) = open(root.path());
        assert_eq!(left, (1..=13).collect::<Vec<_>>());
    }

    #[test]
    fn the_folder_of_a_run_that_lives_is_its_own() {
        let root = tempfile::tempdir().expect("a folder");
        let (first, _) = open(root.path());
        let path = first.write(&batch(1)).expect("it writes");
        let (second, left) = open(root.path());
        assert_eq!(left, Vec::<usize>::new());
        assert_eq!(census(root.path()).expect("it is read").runs, 2);
        first.remove(&path).expect("it is there");
        drop((first, second));
        assert_eq!(runs(root.path()).expect("it is read"), Vec::<PathBuf>::new());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_made_is_nobody_elses_and_what_was_there_stays_as_it_was() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().expect("a folder");
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        let (folder, _) = open(root.path());
        assert_eq!((mode(root.path()), mode(&folder.own), mode(&root.path().join(QUARANTINE))), (0o755, 0o700, 0o700));
    }

    #[test]
    fn batches_for_another_server_stay() {
        let root = tempfile::tempdir().expect("a folder");
        let (first, _) = open(root.path());
        first.write(&batch(1)).expect("it writes");
        kill(first);
        let (_, left) = Folder::open(root.path(), "http://other", "d").expect("it opens");
        assert!(left.files.is_empty() && left.other_bytes > 0);
        assert_eq!(census(root.path()).expect("it is read").batches, 1);
    }

    #[test]
    fn a_batch_that_was_refused_is_kept_with_its_error() {
        let root = tempfile::tempdir().expect("a folder");
        let (folder, _) = open(root.path());
        let path = folder.write(&batch(3)).expect("it writes");
        folder.quarantine(&path, "Code: 33").expect("it moves");
        let census = census(root.path()).expect("it is read");
        assert_eq!((census.batches, census.quarantined, census.quarantined_rows), (0, 1, 3));
        let aside = &batches(&root.path().join(QUARANTINE))[0];
        assert_eq!(fs::read_to_string(aside.with_extension("error")).expect("it is there"), "Code: 33\n");
    }
}
