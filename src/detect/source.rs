//! Where in a rule file a thing stands, for messages that name it.
//!
//! The parser hands out no positions, so lines are found again by the keys that lead to them.

use std::path::Path;

/// One YAML document of a rule file.
pub struct Document<'a> {
    pub path: &'a Path,
    /// Lines of the file before this document.
    pub before: usize,
    pub text: &'a str,
}

impl<'a> Document<'a> {
    /// The documents of a file, split at its `---` lines.
    pub fn split(path: &'a Path, text: &'a str) -> Vec<Self> {
        let mut documents = Vec::new();
        let (mut start, mut before, mut at) = (0, 0, 0);
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if line.trim_end() == "---" {
                documents.push(Self { path, before, text: &text[start..at] });
                (start, before) = (at + line.len(), number + 1);
            }
            at += line.len();
        }
        documents.push(Self { path, before, text: &text[start..] });
        documents
            .retain(|document| document.text.lines().any(|line| !line.trim().is_empty() && !line.starts_with('#')));
        documents
    }

    /// `file:line: what`, for the line to which the keys lead, outermost first; a key that is not found is passed over.
    pub fn fault(&self, keys: &[&str], what: impl std::fmt::Display) -> String {
        self.fault_at(self.line_of(keys), what)
    }

    /// `file:line: what`, for a line counted from 1 within the file.
    pub fn fault_at(&self, line: usize, what: impl std::fmt::Display) -> String {
        format!("{}:{line}: {what}", self.path.display())
    }

    fn line_of(&self, keys: &[&str]) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        let is_content = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let mut at = lines.iter().position(is_content).unwrap_or(0);
        for key in keys.iter().filter(|key| !key.is_empty()) {
            let below = lines.get(at..).unwrap_or_default();
            let found = below.iter().position(|line| has_key(line, key));
            at += found.or_else(|| below.iter().position(|line| is_content(line) && line.contains(key))).unwrap_or(0);
        }
        self.before + at + 1
    }
}

fn has_key(line: &str, key: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t', '-', '{', '"', '\'']);
    line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_to_their_line() {
        let text = "# about\n---\ntitle: a\ndetection:\n  one:\n    x.y|re: 'b'\n  two:\n    - x.y|re: 'c'\n      'q': [d, 'e']\n";
        let documents = Document::split(Path::new("f.yml"), text);
        assert_eq!(documents.len(), 1);
        let line = |keys: &[&str]| documents[0].line_of(keys);
        assert_eq!(line(&[]), 3);
        assert_eq!(line(&["detection", "two", "x.y|re"]), 8);
        assert_eq!(line(&["detection", "two", "q", "e"]), 9);
        assert_eq!(line(&["level"]), 3);
        assert_eq!(documents[0].fault(&["title"], "no"), "f.yml:3: no");
    }
}
