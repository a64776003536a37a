//! The files of a folder and of those in it.
//!
//! In: a folder. Out: the paths of the wanted files in the order of their names, and where it could not look. Files and folders
//! whose names begin with a point are passed over.

use std::fmt;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    pub files: Vec<PathBuf>,
    pub faults: Vec<Fault>,
}

/// A folder that was not looked into.
#[derive(Debug)]
pub enum Fault {
    Unreadable {
        folder: PathBuf,
        source: io::Error,
    },
    /// A link to a folder above would never end.
    TooDeep {
        folder: PathBuf,
        depth: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { folder, source } => write!(f, "{}: {source}", folder.display()),
            Self::TooDeep { folder, depth } => {
                write!(f, "{}: folders are nested deeper than {depth}", folder.display())
            }
        }
    }
}

/// The wanted files below a folder, in folders that lie at most so deep in it.
pub fn files(folder: &Path, depth: usize, wanted: &dyn Fn(&Path) -> bool) -> Found {
    let mut found = Found::default();
    found.look(folder, 0, depth, wanted);
    found
}

impl Found {
    fn look(&mut self, folder: &Path, below: usize, depth: usize, wanted: &dyn Fn(&Path) -> bool) {
        if below > depth {
            return self.faults.push(Fault::TooDeep { folder: folder.to_owned(), depth });
        }
        let entries: io::Result<Vec<_>> = fs::read_dir(folder).and_then(Iterator::collect);
        let mut paths: Vec<PathBuf> = match entries {
            Ok(entries) => entries.iter().map(DirEntry::path).collect(),
            Err(source) => return self.faults.push(Fault::Unreadable { folder: folder.to_owned(), source }),
        };
        paths.sort_unstable();
        for path in paths {
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                continue;
            }
            if path.is_dir() {
                self.look(&path, below.saturating_add(1), depth, wanted);
            } else if wanted(&path) {
                self.files.push(path);
            }
        }
    }
}
