//! What a detector has learnt and what it has under way, in a file: it survives a restart.
//!
//! In: a detector, a path. Out: a file that is there whole or not at all, and the same detector again. The file has a head
//! (magic, version, length, SHA-256) and a body in postcard's format. What cannot be taken up is put aside and told, never
//! written over.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;

use super::behaviour::{Behaviour, Kept, Salt};
use super::correlation::{self, Window};
use super::suppress;

/// What is read back.
#[derive(Debug, Deserialize)]
pub(super) struct Snapshot {
    pub salt: Salt,
    pub behaviours: Vec<Learnt<Kept>>,
    pub correlations: Vec<correlation::Kept<Window>>,
    pub suppressions: Vec<suppress::Kept>,
}

/// What is written; the same form as [`Snapshot`].
#[derive(Debug, Serialize)]
pub(super) struct View<'d> {
    pub salt: Salt,
    pub behaviours: Vec<Learnt<&'d Behaviour>>,
    pub correlations: Vec<correlation::Kept<&'d Window>>,
    pub suppressions: Vec<suppress::Kept>,
}

/// What one rule has learnt.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Learnt<T> {
    /// The rule's id.
    pub rule: String,
    /// What it is keyed by: of another key, nothing can be taken up.
    pub keys: String,
    pub kept: T,
}

/// Where a detector's state is kept.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
}

/// What came of reading a state.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    State(Box<Snapshot>),
    /// Not to be taken up, why, and where it is now.
    Refused(String),
}

impl StateFile {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Reads what is there. What is no state of this version is put aside.
    ///
    /// # Errors
    /// Where the file is there and cannot be read, or cannot be put aside.
    pub fn read(&self) -> Result<Found, Error> {
        let failed = |source| Error::Read { path: self.path.clone(), source };
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(why) => return Err(failed(why)),
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        match parse(&bytes) {
            Ok(snapshot) => Ok(Found::State(Box::new(snapshot))),
            Err(why) => {
                let aside = self.beside("refused");
                fs::rename(&self.path, &aside).map_err(failed)?;
                let (path, aside) = (self.path.display(), aside.display());
                Ok(Found::Refused(format!("{path}: {why}; learning begins anew, and the file is kept as {aside}")))
            }
        }
    }

    /// Writes the state beside the file, and puts it in its place when it is whole.
    pub fn write(&self, view: &View<'_>) -> Result<(), Error> {
        let beside = self.beside("tmp");
        let written = self.write_by_way_of(&beside, view);
        if written.is_err() {
            // Whether or not it can be removed, the failure is what is to be told.
            let _ = fs::remove_file(&beside);
        }
        written.map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    fn write_by_way_of(&self, beside: &Path, view: &View<'_>) -> io::Result<()> {
        let body = postcard::to_stdvec(view).map_err(io::Error::other)?;
        let mut file = create_private(beside)?;
        file.write_all(&head(&body))?;
        file.write_all(&body)?;
        file.sync_all()?;
        drop(file);
        fs::rename(beside, &self.path)?;
        // The name is on disk when its folder is; not every system can say so.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".");
        name.push(suffix);
        name.into()
    }
}

/// The state tells who talks to whom: it is its owner's alone.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn head(body: &[u8]) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend(VERSION.to_le_bytes());
    head.extend((body.len() as u64).to_le_bytes());
    head.extend(Sha256::digest(body));
    head
}

/// # Errors
/// In words: why this is no state to go on from.
fn parse(bytes: &[u8]) -> Result<Snapshot, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it is no state of tlsight")?;
    let (version, _) = rest.split_first_chunk().ok_or("it is cut short")?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(format!("it is of version {version}, and this program reads version {VERSION}"));
    }
    let body = bytes.get(HEAD..).ok_or("it is cut short")?;
    if bytes.get(..HEAD) != Some(&*head(body)) {
        return Err("it is damaged: its checksum does not fit".to_owned());
    }
    postcard::from_bytes(body).map_err(|why| format!("it cannot be read: {why}"))
}

const MAGIC: &[u8; 8] = b"TLSSTATE";
const VERSION: u32 = 2;
/// Magic, version, length, checksum.
const HEAD: usize = 8 + 4 + 8 + 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View<'static> {
        View { salt: Salt::random(), behaviours: Vec::new(), correlations: Vec::new(), suppressions: Vec::new() }
    }

    fn refusal(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        fs::write(&path, bytes).unwrap();
        let Found::Refused(why) = StateFile::new(&path).read().unwrap() else { panic!("it was taken up") };
        assert!(!path.exists());
        assert_eq!(fs::read(folder.path().join("state.refused")).unwrap(), bytes);
        why
    }

    #[test]
    fn what_is_written_is_read_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(&folder.path().join("state"));
        assert!(matches!(file.read().unwrap(), Found::Nothing));
        let view = view();
        file.write(&view).unwrap();
        file.write(&view).unwrap();
        let Found::State(snapshot) = file.read().unwrap() else { panic!("nothing was found") };
        assert_eq!(snapshot.salt, view.salt);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_damaged_foreign_or_of_another_version_is_put_aside() {
        let body = postcard::to_stdvec(&view()).unwrap();
        let whole = [head(&body), body].concat();
        assert!(parse(&whole).is_ok());
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert!(parse(&damaged).is_err(), "octet {at}");
            assert!(parse(&whole[..at]).is_err(), "cut at {at}");
        }
        assert!(refusal(b"{}").contains("no state of tlsight"));
        let mut other = whole.clone();
        other[8] = 9;
        assert!(refusal(&other).contains("it is of version 9, and this program reads version 2"));
        assert!(refusal(&whole[..whole.len() - 1]).contains("damaged"));
    }

    #[test]
    fn a_body_that_promises_more_than_it_holds_is_refused() {
        // A sequence of 2^32 elements, and nothing after it.
        let body = [&[0u8, 0][..], &[0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
        assert!(parse(&[head(&body), body].concat()).unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn where_nothing_can_be_written_the_old_state_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        fs::write(&path, b"old").unwrap();
        fs::create_dir(folder.path().join("state.tmp")).unwrap();
        assert!(StateFile::new(&path).write(&view()).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}
