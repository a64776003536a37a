//! List files: the values behind a `%name%` of the `expand` modifier.
//!
//! In: `lists/<name>.txt` beside the rules, one value a line. Out: the values in file order. `#` begins a comment, at the
//! line's start or after white space.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Lists by the file they stand in, each read once.
#[derive(Debug, Default)]
pub struct Lists {
    read: HashMap<PathBuf, Arc<[String]>>,
}

impl Lists {
    /// The list of that name for a rule in `folder`: in `lists/` there, else in that of the nearest folder above. `root`, which
    /// is what was loaded, is where a list that is missing should be put.
    ///
    /// # Errors
    /// In words: no such list, or it cannot be read.
    pub fn named(&mut self, name: &str, folder: &Path, root: &Path) -> Result<Arc<[String]>, String> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            return Err(format!("`%{name}%` names no list: a name is made of letters, digits, `_` and `-`"));
        }
        let file = format!("{name}.txt");
        let path = folder.ancestors().map(|place| place.join("lists").join(&file)).find(|path| path.is_file());
        let path = path.ok_or_else(|| {
            format!(
                "there is no list `{name}`: put its values, one a line, into {}",
                root.join("lists").join(&file).display()
            )
        })?;
        if let Some(values) = self.read.get(&path) {
            return Ok(values.clone());
        }
        let text = std::fs::read_to_string(&path).map_err(|why| format!("{}: {why}", path.display()))?;
        let values: Arc<[String]> = text.lines().filter_map(value_of).map(str::to_owned).collect();
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
