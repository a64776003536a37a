//! Reads the knowledge base: what is compiled in, and the user's files and folders.

use std::fs;
use std::path::{Path, PathBuf};

use super::base::KnowledgeBase;
use super::entry::Entry;
use super::file;
use crate::error::Error;
use crate::feed::folder;

impl KnowledgeBase {
    /// What this project has measured.
    ///
    /// # Errors
    /// None, as a test holds; a fault of the files would be told like that of a user's.
    pub fn built_in() -> Result<Self, Error> {
        let mut faults = Vec::new();
        let mut entries = Vec::new();
        for (name, text) in BUILT_IN {
            match file::parse(name, text) {
                Ok(found) => entries.extend(found),
                Err(told) => faults.extend(told),
            }
        }
        if faults.is_empty() { Ok(Self::new(entries)) } else { Err(Error::Labels(faults)) }
    }

    /// Adds the entries of a file, or of all `.toml` files of a folder and those below it.
    ///
    /// # Errors
    /// [`Error::Read`] where `path` itself cannot be read; else [`Error::Labels`] with all that is wrong, in order.
    pub fn add(&mut self, path: &Path) -> Result<(), Error> {
        let unreadable = |source| Error::Read { path: path.to_owned(), source };
        let mut loader = Loader::default();
        match fs::metadata(path).map_err(unreadable)?.is_dir() {
            true => {
                let found = folder::files(path, DEPTH, &|path| path.to_string_lossy().ends_with(".toml"));
                loader.faults.extend(found.faults.iter().map(ToString::to_string));
                loader.files = found.files;
            }
            false => loader.files.push(path.to_owned()),
        }
        if loader.files.is_empty() {
            loader.faults.push(format!("{}: there are no labels (.toml files) in it", path.display()));
        }
        for path in std::mem::take(&mut loader.files) {
            loader.file(&path);
        }
        match loader.faults.is_empty() {
            true => self.extend(loader.entries),
            false => return Err(Error::Labels(loader.faults)),
        }
        Ok(())
    }
}

#[derive(Default)]
struct Loader {
    files: Vec<PathBuf>,
    entries: Vec<Entry>,
    faults: Vec<String>,
}

impl Loader {
    fn file(&mut self, path: &Path) {
        match fs::read_to_string(path) {
            Ok(text) => match file::parse(&path.display().to_string(), &text) {
                Ok(entries) => self.entries.extend(entries),
                Err(faults) => self.faults.extend(faults),
            },
            Err(why) => self.faults.push(format!("{}: {why}", path.display())),
        }
    }
}

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$((concat!("rules/labels/", $name, ".toml"), include_str!(concat!("../../../rules/labels/", $name, ".toml")))),*]
    };
}

/// The files of `rules/labels`.
pub const BUILT_IN: [(&str, &str); 12] = built_in![
    "browsers",
    "curl",
    "go",
    "impersonators",
    "java",
    "languages",
    "libraries",
    "node",
    "python",
    "quic",
    "rust",
    "tools",
];
const DEPTH: usize = 8;
