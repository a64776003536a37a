//! List files: the values behind a `%name%` of the `expand` modifier.
//!
//! In: `lists/<name>.txt` beside the rules, one value a line; a list there in another form (CSV, STIX, Zeek's); a threat list
//! of the run. Out: the values in file order. In a `.txt`, `#` begins a comment, at the line's start or after white space.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::threat::{ThreatLists, values_of};

/// Lists by the file they stand in, each read once.
#[derive(Debug, Default)]
pub struct Lists {
    threats: Arc<ThreatLists>,
    read: HashMap<PathBuf, Arc<[String]>>,
}

impl Lists {
    /// Lists of files, and beside them those of the run.
    pub fn beside(threats: Arc<ThreatLists>) -> Self {
        Self { threats, read: HashMap::new() }
    }

    /// The list of that name for a rule in `folder`: in `lists/` there, else in that of the nearest folder above; else the
    /// threat list of that name. `root`, which is what was loaded, is where a list that is missing should be put.
    ///
    /// # Errors
    /// In words: no such list, or it cannot be read.
    pub fn named(&mut self, name: &str, folder: &Path, root: &Path) -> Result<Arc<[String]>, String> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            return Err(format!("`%{name}%` names no list: a name is made of letters, digits, `_` and `-`"));
        }
        let files = folder.ancestors().flat_map(|place| {
            let lists = place.join("lists");
            ["txt"].into_iter().chain(OTHER_FORMS).map(move |ending| lists.join(format!("{name}.{ending}")))
        });
        // A list of the run has no path; its name stands for one.
        let path = files.into_iter().find(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(format!("%{name}%")));
        if let Some(values) = self.read.get(&path) {
            return Ok(values.clone());
        }
        let values: Arc<[String]> = match path.extension().and_then(|ending| ending.to_str()) {
            Some("txt") => {
                let text = std::fs::read_to_string(&path).map_err(|why| format!("{}: {why}", path.display()))?;
                text.lines().filter_map(value_of).map(str::to_owned).collect()
            }
            Some(_) => values_of(&path)?.into(),
            None => match self.threats.values(name) {
                Some(values) => values.into(),
                None => {
                    let file = root.join("lists").join(format!("{name}.txt"));
                    return Err(format!(
                        "there is no list `{name}`: put its values, one a line, into {}",
                        file.display()
                    ));
                }
            },
        };
        self.read.insert(path, values.clone());
        Ok(values)
    }
}

fn value_of(line: &str) -> Option<&str> {
    let comment =
        line.match_indices('#').map(|(at, _)| at).find(|at| line[..*at].ends_with(char::is_whitespace) || *at == 0);
    let value = line[..comment.unwrap_or(line.len())].trim();
    (!value.is_empty()).then_some(value)
}

/// Endings of lists that are read as threat lists are.
const OTHER_FORMS: [&str; 8] = ["csv", "json", "stix", "intel", "dat", "csv.gz", "json.gz", "txt.gz"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_begin_at_the_start_or_after_white_space() {
        assert_eq!(value_of("# all of it"), None);
        assert_eq!(value_of("  \t"), None);
        assert_eq!(value_of("abc # why"), Some("abc"));
        assert_eq!(value_of("a#b"), Some("a#b"));
        assert_eq!(value_of("\u{feff}x\t# y"), Some("\u{feff}x"));
    }
}
