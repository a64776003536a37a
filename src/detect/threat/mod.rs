//! Threat lists: what others say is bad, looked for in every session.
//!
//! In: files of lists in the forms that feeds have; events. Out: an alert of a rule of its own for each list that knows
//! something of a session. A list is no proof: an alert names list, entry, reason and age. Fetches nothing.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

mod hit;
mod indicator;
mod list;
mod reading;
mod stix;
mod store;
mod table;
mod zeek;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::alert::Level;
use crate::error::Error;
use crate::feed::folder::{self, Fault};
use hit::Sight;
use list::List;
use reading::Found;
use store::{Added, Entry, Store};

pub use hit::Listed;
pub use indicator::{Class, Indicator};
pub use reading::Reading;

/// All lists of a run; never changed, shared by reference.
#[derive(Debug, Default)]
pub struct ThreatLists {
    lists: Vec<List>,
    store: Store,
}

/// A file or folder of lists, and the level of what they find: `lists/c2.csv`, or `critical=lists/c2.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSource {
    pub path: PathBuf,
    /// `None`: what the file says, or what suits the kind of entry.
    pub level: Option<Level>,
}

impl FromStr for ListSource {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let with_level = text.split_once('=').and_then(|(level, path)| Some((level.parse::<Level>().ok()?, path)));
        Ok(match with_level {
            Some((level, path)) => Self { path: path.into(), level: Some(level) },
            None => Self { path: text.into(), level: None },
        })
    }
}

/// What came of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub path: PathBuf,
    /// The list's name, as in alerts and in `%name%`.
    pub name: String,
    pub reading: Reading,
}

impl ThreatLists {
    /// Reads all lists. A folder stands for the files in it and below it that have a list's ending.
    ///
    /// # Errors
    /// A file that cannot be read, or in which nothing is a list. Lines that cannot be read are in the reports.
    pub fn load(sources: &[ListSource]) -> Result<(Self, Vec<Report>), Error> {
        let mut files = Vec::new();
        for ListSource { path, level } in sources {
            let unreadable = |source| Error::Read { path: path.clone(), source };
            if fs::metadata(path).map_err(unreadable)?.is_dir() {
                let found = folder::files(path, DEPTH, &has_ending);
                match found.faults.into_iter().next() {
                    None => {}
                    Some(Fault::Unreadable { folder, source }) => return Err(Error::Read { path: folder, source }),
                    Some(fault @ Fault::TooDeep { .. }) => return Err(Error::Input(fault.to_string())),
                }
                if found.files.is_empty() {
                    let endings = ENDINGS.join(", .");
                    return Err(Error::Input(format!("{}: there are no lists (.{endings}) in it", path.display())));
                }
                files.extend(found.files.into_iter().map(|file| (file, *level)));
            } else {
                files.push((path.clone(), *level));
            }
        }
        let (mut all, mut reports) = (Self::default(), Vec::new());
        for (path, level) in files {
            reports.push(all.read(&path, level)?);
        }
        all.store.seal();
        Ok((all, reports))
    }

    /// Indicators in all of them.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lists that were read, empty ones included.
    pub fn count(&self) -> usize {
        self.lists.len()
    }

    /// What the list of that name holds, as values of fields; `None` where there is none of that name.
    pub fn values(&self, name: &str) -> Option<Vec<String>> {
        let list = self.lists.iter().position(|list| list.name() == name)?;
        let mut values = Vec::new();
        self.store.each_of(u16::try_from(list).ok()?, &mut |indicator| list::values(&indicator, &mut values));
        Some(values)
    }

    /// Hands on an alert for each list that knows something of the event, in the order of the lists.
    pub fn check(&self, event: &crate::event::Event, alert: &mut dyn FnMut(super::Alert)) {
        if self.lists.is_empty() {
            return;
        }
        for Sight { entry, class, matched, indicator } in hit::sights(&self.store, event) {
            let Some(list) = self.lists.get(usize::from(entry.list)) else { continue };
            let words = self.store.words(&entry).cloned().unwrap_or_default();
            alert(list.alert(event, Sight { entry, class, matched, indicator }, words));
        }
    }

    fn read(&mut self, path: &Path, level: Option<Level>) -> Result<Report, Error> {
        let fault = |why: String| Error::Input(format!("{}: {why}", path.display()));
        let number = u16::try_from(self.lists.len()).map_err(|_| fault("there are too many lists".to_owned()))?;
        let bytes = contents(path)?;
        let Self { store, lists } = self;
        let mut repeated = 0_u64;
        let reading = Reading::of(&path.display().to_string(), &bytes, &mut |found: Found| {
            let words = store.word(found.words);
            let entry = Entry {
                list: number,
                line: u32::try_from(found.line).unwrap_or(u32::MAX),
                words,
                first_seen: seconds(found.times.first_seen),
                last_seen: seconds(found.times.last_seen),
                valid_until: seconds(found.times.valid_until),
            };
            for indicator in &found.indicators {
                if store.add(indicator, entry) == Added::Again {
                    repeated = repeated.saturating_add(1);
                }
            }
        });
        let mut reading = reading.map_err(fault)?;
        reading.repeated = repeated;
        let name = reading.name.clone().unwrap_or_else(|| list::name_of(path));
        // Two files of one name are told apart by where they are.
        let name = if lists.iter().any(|list| list.name() == name) { path.display().to_string() } else { name };
        lists.push(List::new(&name, path, level.or(reading.level)));
        Ok(Report { path: path.to_owned(), name, reading })
    }
}

/// The values of a list beside rules, for `expand`.
///
/// # Errors
/// In words: it cannot be read, or a line of it cannot.
pub fn values_of(path: &Path) -> Result<Vec<String>, String> {
    let mut values = Vec::new();
    let bytes = contents(path).map_err(|error| error.to_string())?;
    let file = path.display().to_string();
    let reading = Reading::of(&file, &bytes, &mut |found| {
        found.indicators.iter().for_each(|indicator| list::values(indicator, &mut values));
    });
    let reading = reading.map_err(|why| format!("{file}: {why}"))?;
    match reading.faults.into_iter().next() {
        Some(fault) => Err(fault),
        None => Ok(values),
    }
}

/// Endings of files that are taken for lists in a folder.
pub const ENDINGS: [&str; 8] = ["csv", "txt", "json", "stix", "intel", "dat", "list", "gz"];

fn has_ending(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

fn contents(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |source| Error::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    let read = file.take(reading::MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    match read as u64 > reading::MAX_BYTES {
        true => Err(Error::Input(format!("{}: it holds more than {} MiB", path.display(), reading::MAX_BYTES >> 20))),
        false => Ok(bytes),
    }
}

/// Of a time that a list can have; others count as unknown.
fn seconds(time: Option<i64>) -> u32 {
    time.and_then(|time| u32::try_from(time).ok()).unwrap_or(0)
}

const DEPTH: usize = 8;
