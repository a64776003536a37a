//! The captures that a user named: files, folders of files, standard input.
//!
//! In: paths. Out: the captures in the order of their packets, to be opened one by one, and an error for each path
//! that is none. Opens every file once to see what it is; nothing is kept open.
#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Input, Timestamp};
use crate::Error;

/// Captures to read, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    entries: Vec<Entry>,
    next: usize,
    passed_over: usize,
}

/// One capture that was found.
#[derive(Debug, Clone)]
struct Entry {
    path: PathBuf,
    /// Bytes of the file; `None` for what is none.
    size: Option<u64>,
    first: Option<Timestamp>,
}

impl Inputs {
    /// Finds the captures at `paths`; `-` is standard input, a folder stands for the captures in it and below it.
    ///
    /// Captures are told by their content. What is none is an error if it was named, and only counted if it lay in a
    /// folder. Regular files are put in the order of their first packets, those without packets first, equal ones by
    /// name; one pipe among them, and the order is the caller's. A file that is named twice is read once.
    pub fn find<P: AsRef<Path>>(paths: &[P]) -> (Self, Vec<Error>) {
        let mut search = Search::default();
        for path in paths {
            search.named(path.as_ref());
        }
        let Search { mut inputs, errors, .. } = search;
        if inputs.entries.iter().all(|entry| entry.size.is_some()) {
            inputs.entries.sort_by(|a, b| a.first.cmp(&b.first).then_with(|| a.path.cmp(&b.path)));
        }
        (inputs, errors)
    }

    /// The number of captures that were found.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Files in folders that are no captures.
    pub fn passed_over(&self) -> usize {
        self.passed_over
    }

    /// Bytes of all files; `None` if there is a pipe among them.
    pub fn total(&self) -> Option<u64> {
        self.entries.iter().map(|entry| entry.size).sum()
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.entries.iter().map(|entry| entry.path.as_path())
    }
}

impl Iterator for Inputs {
    type Item = Result<Input, Error>;

    /// Opens the next capture. One that went bad since it was found gives its error; the others still follow.
    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.get(self.next)?;
        self.next += 1;
        Some(Input::open(&entry.path))
    }
}

#[derive(Default)]
struct Search {
    inputs: Inputs,
    errors: Vec<Error>,
    seen: HashSet<PathBuf>,
}

impl Search {
    fn named(&mut self, path: &Path) {
        if path == Path::new("-") {
            self.pipe(path);
            return;
        }
        match fs::metadata(path) {
            Err(source) => self.errors.push(Error::Read { path: path.to_owned(), source }),
            Ok(metadata) if metadata.is_dir() => {
                let before = (self.inputs.entries.len(), self.errors.len());
                self.folder(path, FOLDERS_MAX);
                if before == (self.inputs.entries.len(), self.errors.len()) {
                    let why = "the folder holds no capture".to_owned();
                    self.errors.push(Error::NotACapture { path: path.to_owned(), why });
                }
            }
            Ok(metadata) if metadata.is_file() => {
                if let Err(error) = self.file(path, metadata.len()) {
                    self.errors.push(error);
                }
            }
            Ok(_) => self.pipe(path),
        }
    }

    /// A pipe is not looked into: what is read from it is gone.
    fn pipe(&mut self, path: &Path) {
        if self.seen.insert(path.to_owned()) {
            self.inputs.entries.push(Entry { path: path.to_owned(), size: None, first: None });
        }
    }

    fn file(&mut self, path: &Path, size: u64) -> Result<(), Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        if !self.seen.insert(path.canonicalize().map_err(failed)?) {
            return Ok(());
        }
        let first = Input::open(path)?.first_time();
        self.inputs.entries.push(Entry { path: path.to_owned(), size: Some(size), first });
        Ok(())
    }

    /// Regular files only: a pipe in a folder could block for ever. Links to folders are not followed, so that a
    /// loop of them has an end.
    fn folder(&mut self, path: &Path, depth: usize) {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(source) => return self.errors.push(Error::Read { path: path.to_owned(), source }),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(source) => {
                    self.errors.push(Error::Read { path: path.to_owned(), source });
                    continue;
                }
            };
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder {
                if depth > 0 {
                    self.folder(&path, depth - 1);
                }
                continue;
            }
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => match self.file(&path, metadata.len()) {
                    Ok(()) => {}
                    Err(Error::NotACapture { .. }) => self.inputs.passed_over += 1,
                    Err(error) => self.errors.push(error),
                },
                _ => self.inputs.passed_over += 1,
            }
        }
    }
}

/// Folders below a folder that was named.
const FOLDERS_MAX: usize = 32;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::record::Order;
    use super::super::testing::pcap;
    use super::*;

    fn capture(second: u32) -> Vec<u8> {
        pcap(Order::Little).packet(second, 0, b"x").bytes
    }

    fn names(inputs: &Inputs) -> Vec<String> {
        inputs.paths().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn parts_of_a_capture_are_read_in_the_order_of_time() {
        let dir = tempfile::tempdir().unwrap();
        for (name, second) in [("a", 3), ("b", 1), ("c", 2), ("d", 2)] {
            fs::write(dir.path().join(name), capture(second)).unwrap();
        }
        let paths: Vec<_> = ["a", "d", "c", "b", "a"].iter().map(|name| dir.path().join(name)).collect();
        let (inputs, errors) = Inputs::find(&paths);
        assert!(errors.is_empty());
        assert_eq!(names(&inputs), ["b", "c", "d", "a"]);
        assert_eq!(inputs.total(), Some(4 * 41));
        assert!(inputs.map(|input| input.unwrap().path().to_owned()).eq([3, 2, 1, 0].map(|i| paths[i].clone())));
    }

    #[test]
    fn a_folder_stands_for_the_captures_in_it_and_below() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/late.bin"), capture(2)).unwrap();
        fs::write(dir.path().join("early"), capture(1)).unwrap();
        fs::write(dir.path().join("notes.pcap"), "no capture").unwrap();
        fs::write(dir.path().join("empty.pcap"), "").unwrap();
        let (inputs, errors) = Inputs::find(&[dir.path()]);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(names(&inputs), ["early", "late.bin"]);
        assert_eq!(inputs.passed_over(), 2);
    }

    #[test]
    fn a_bad_file_does_not_keep_the_others_from_being_read() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("good"), capture(1)).unwrap();
        fs::write(dir.path().join("bad"), "no capture").unwrap();
        let paths: Vec<_> = ["bad", "missing", "good"].iter().map(|name| dir.path().join(name)).collect();
        let (inputs, errors) = Inputs::find(&paths);
        assert_eq!(names(&inputs), ["good"]);
        assert!(matches!(errors[..], [Error::NotACapture { .. }, Error::Read { .. }]));
    }

    #[test]
    fn a_folder_without_captures_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (inputs, errors) = Inputs::find(&[dir.path()]);
        assert!(inputs.is_empty());
        assert!(errors[0].to_string().contains("holds no capture"));
    }

    #[test]
    fn with_a_pipe_among_them_the_order_is_the_callers() {
        let dir = tempfile::tempdir().unwrap();
        for (name, second) in [("late", 2), ("early", 1)] {
            fs::write(dir.path().join(name), capture(second)).unwrap();
        }
        let paths = [dir.path().join("late"), PathBuf::from("-"), dir.path().join("early")];
        let (inputs, errors) = Inputs::find(&paths);
        assert!(errors.is_empty());
        assert_eq!(inputs.paths().collect::<Vec<_>>(), paths.iter().map(PathBuf::as_path).collect::<Vec<_>>());
        assert_eq!(inputs.total(), None);
    }
}
