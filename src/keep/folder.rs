//! The files of a rolling capture: a new one when the last is full, the oldest removed when all of them take too much.
//!
//! `DIR/tlsight-NNNNNNNNNN-YYYYMMDDTHHMMSSZ.pcapng`, numbered on from what is there, whatever the clock says; nothing with
//! another name is touched. A run holds a lock on `DIR/lock` for as long as it lives.

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    max_bytes: u64,
    /// Of one file.
    file_bytes: u64,
    /// What each file begins with.
    head: Vec<u8>,
    /// The oldest first.
    older: VecDeque<Older>,
    current: Option<Current>,
    next: u64,
    _lock: File,
}

/// A file that nothing more is written to.
#[derive(Debug)]
struct Older {
    path: PathBuf,
    bytes: u64,
}

#[derive(Debug)]
struct Current {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Folder {
    /// Takes the folder over with what earlier runs have left in it, and begins a file.
    pub(super) fn open(path: &Path, max_bytes: u64, head: Vec<u8>) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let lock = File::options().write(true).create(true).truncate(false).open(path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::Error::other("another run keeps packets in it")),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if let Some(number) = number(&entry.path()).filter(|_| metadata.is_file()) {
                found.push((number, Older { path: entry.path(), bytes: metadata.len() }));
            }
        }
        found.sort_by_key(|(number, _)| *number);
        let next = found.last().map_or(1, |(number, _)| number.saturating_add(1));
        let mut folder = Self {
            path: path.to_owned(),
            max_bytes,
            file_bytes: (max_bytes / FILES).clamp(FILE_MIN, FILE_MAX),
            head,
            older: found.into_iter().map(|(_, older)| older).collect(),
            current: None,
            next,
            _lock: lock,
        };
        folder.begin(0)?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole blocks. Where that fails, none of them is in the file.
    pub(super) fn write(&mut self, blocks: &[u8]) -> io::Result<()> {
        let need = blocks.len() as u64;
        let begun = self.head.len() as u64;
        if self.current.as_ref().is_some_and(|now| now.bytes > begun && now.bytes + need > self.file_bytes) {
            self.close();
        }
        if self.current.is_none() {
            self.begin(need)?;
        }
        self.make_room(need)?;
        let Some(current) = &mut self.current else { return Ok(()) };
        if let Err(error) = current.file.write_all(blocks) {
            // Half a block would end the reading of what comes after it.
            if current.file.set_len(current.bytes).is_err() {
                self.close();
            }
            return Err(error);
        }
        current.bytes += need;
        Ok(())
    }

    /// The end of the run. A file without a packet goes.
    pub(super) fn finish(mut self) {
        if let Some(Current { path, bytes, .. }) = self.current.take()
            && bytes <= self.head.len() as u64
        {
            // It does no harm where it is.
            let _ = fs::remove_file(path);
        }
    }

    /// Begins a file, in which there is going to be room for so many bytes.
    fn begin(&mut self, need: u64) -> io::Result<()> {
        let head = self.head.len() as u64;
        self.make_room(head + need)?;
        let now = OffsetDateTime::now_utc().format(TIME).unwrap_or_default();
        let path = self.path.join(format!("{PREFIX}{:010}-{now}{SUFFIX}", self.next));
        // In the way of append: after a write that failed, the next begins at the file's end.
        let mut file = File::options().append(true).create_new(true).open(&path)?;
        if let Err(error) = file.write_all(&self.head) {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.next = self.next.saturating_add(1);
        self.current = Some(Current { file, path, bytes: head });
        Ok(())
    }

    fn close(&mut self) {
        if let Some(Current { path, bytes, .. }) = self.current.take() {
            self.older.push_back(Older { path, bytes });
        }
    }

    /// Removes the oldest files until there is room for so many bytes.
    fn make_room(&mut self, need: u64) -> io::Result<()> {
        let current = self.current.as_ref().map_or(0, |current| current.bytes);
        let mut taken = self.older.iter().map(|older| older.bytes).sum::<u64>() + current;
        while taken + need > self.max_bytes
            && let Some(oldest) = self.older.front()
        {
            match fs::remove_file(&oldest.path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            taken -= oldest.bytes;
            self.older.pop_front();
        }
        Ok(())
    }
}

/// The number in the name of a file of a rolling capture.
pub(super) fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (number, time) = name.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_time = time.len() == 16 && digits(time.get(..8)?) && digits(time.get(9..15)?);
    if number.len() >= 10 && digits(number) && is_time { number.parse().ok() } else { None }
}

const LOCK: &str = "lock";
const PREFIX: &str = "tlsight-";
const SUFFIX: &str = ".pcapng";
const TIME: &[time::format_description::BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");
/// Files that a full folder has, about: the part of the whole that is removed at once.
const FILES: u64 = 16;
const FILE_MIN: u64 = 1 << 20;
const FILE_MAX: u64 = 256 << 20;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_numbered_on_and_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let own = "tlsight-0000000041-20990101T000000Z.pcapng";
        let others = ["tlsight-41.pcapng", "tlsight-0000000099-yesterday.pcapng", "notes.txt"];
        for name in others.iter().chain([&own]) {
            fs::write(folder.path().join(name), [0; 600 << 10]).unwrap();
        }
        let mut ring = Folder::open(folder.path(), 1 << 20, b"head".to_vec()).unwrap();
        ring.write(&[1; 500 << 10]).unwrap();
        let names = names(folder.path());
        assert!(names.iter().any(|name| name.starts_with("tlsight-0000000042-")), "{names:?}");
        assert!(others.iter().all(|other| names.iter().any(|name| name == other)), "{names:?}");
        assert!(!names.iter().any(|name| name == own), "the oldest has to go: {names:?}");
    }

    #[test]
    fn a_file_without_packets_goes_and_one_with_some_stays() {
        let folder = tempfile::tempdir().unwrap();
        Folder::open(folder.path(), 1 << 20, b"head".to_vec()).unwrap().finish();
        assert_eq!(names(folder.path()), [LOCK]);
        let mut ring = Folder::open(folder.path(), 1 << 20, b"head".to_vec()).unwrap();
        ring.write(b"block").unwrap();
        ring.finish();
        let names = names(folder.path());
        assert_eq!(names.len(), 2);
        assert_eq!(fs::read(folder.path().join(&names[1])).unwrap(), b"headblock");
    }

    #[test]
    fn a_folder_that_goes_away_is_an_error_and_no_more() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("keep");
        let mut ring = Folder::open(&path, 1 << 20, b"head".to_vec()).unwrap();
        ring.write(&[1; 900 << 10]).unwrap();
        fs::remove_dir_all(&path).unwrap();
        assert_eq!(ring.write(&[1; 900 << 10]).unwrap_err().kind(), ErrorKind::NotFound);
        fs::create_dir(&path).unwrap();
        ring.write(&[1; 900 << 10]).unwrap();
        assert_eq!(names(&path).len(), 1);
    }
}
