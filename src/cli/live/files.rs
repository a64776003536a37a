//! Files and folders that are looked at now and then, to see whether something in them has changed.

use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What was there when it was last taken on.
pub struct Files {
    paths: Vec<PathBuf>,
    known: u64,
    /// What is there now, where it is something else.
    changing: Option<u64>,
    next: Instant,
}

impl Files {
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { known: state_of(&paths), paths, changing: None, next: Instant::now() + PERIOD }
    }

    /// Looks at other paths from now on; what is in them is known.
    pub fn look_at(&mut self, paths: Vec<PathBuf>) {
        if paths != self.paths {
            *self = Self::new(paths);
        }
    }

    /// Whether something has changed, and nothing did since the look before: a file that is being written is waited for.
    /// Looks every two seconds, however often it is asked.
    pub fn have_changed(&mut self) -> bool {
        let now = Instant::now();
        if now < self.next {
            return false;
        }
        self.next = now + PERIOD;
        let state = state_of(&self.paths);
        if state == self.known {
            self.changing = None;
            return false;
        }
        let is_settled = self.changing.replace(state) == Some(state);
        if is_settled {
            (self.known, self.changing) = (state, None);
        }
        is_settled
    }
}

/// Names, sizes and times of change of all files.
fn state_of(paths: &[PathBuf]) -> u64 {
    let mut look = Look { hasher: DefaultHasher::new(), left: MOST };
    paths.iter().for_each(|path| look.at(path, 0));
    look.hasher.finish()
}

struct Look {
    hasher: DefaultHasher,
    left: usize,
}

impl Look {
    fn at(&mut self, path: &Path, depth: usize) {
        if self.left == 0 || depth > DEEPEST {
            return;
        }
        self.left -= 1;
        path.hash(&mut self.hasher);
        let Ok(about) = fs::metadata(path) else { return };
        self.note(&about);
        if about.is_dir() {
            let mut below: Vec<PathBuf> =
                fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).take(self.left).collect();
            below.sort_unstable();
            below.iter().for_each(|path| self.at(path, depth + 1));
        }
    }

    fn note(&mut self, about: &Metadata) {
        // Reading makes no change, and of a folder what is in it counts.
        if !about.is_dir() {
            (about.len(), about.modified().ok()).hash(&mut self.hasher);
        }
    }
}

const PERIOD: Duration = Duration::from_secs(2);
/// Files that are looked at.
const MOST: usize = 20_000;
/// Folders inside each other; a link to one above would never end.
const DEEPEST: usize = 16;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_when_it_has_settled() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("below/rule.yml");
        fs::create_dir(folder.path().join("below")).unwrap();
        fs::write(&file, "a").unwrap();
        let mut files = Files::new(vec![folder.path().to_owned()]);
        let mut look = || {
            files.next = Instant::now();
            files.have_changed()
        };
        assert!(!look());
        fs::write(&file, "ab").unwrap();
        assert!(!look());
        fs::write(&file, "abc").unwrap();
        assert!(!look(), "it is being written");
        assert!(look());
        assert!(!look());
        fs::remove_file(&file).unwrap();
        assert!(!look());
        assert!(look());
        // Taken back before it was told.
        fs::write(&file, "d").unwrap();
        assert!(!look());
        fs::remove_file(&file).unwrap();
        assert!(!look());
        assert!(!look());
    }

    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            std::os::unix::fs::symlink(folder.path(), folder.path().join(name)).unwrap();
        }
        let begun = Instant::now();
        assert_eq!(state_of(&[folder.path().to_owned()]), state_of(&[folder.path().to_owned()]));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_is_not_there_may_come() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list.csv");
        let before = state_of(std::slice::from_ref(&file));
        fs::write(&file, "").unwrap();
        assert_ne!(before, state_of(&[file]));
    }
}
