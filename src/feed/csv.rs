//! Comma-separated values (RFC 4180).
//!
//! In: text. Out: rows with the number of the line that each begins on. Rows that begin with `#` are comments.

/// The rows of a text. A quote that is never closed ends with the text.
#[derive(Debug)]
pub struct Rows<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Rows<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1 }
    }
}

impl Iterator for Rows<'_> {
    type Item = (usize, Vec<String>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let begins = self.line;
            if self.rest.starts_with('#') {
                let end = self.rest.find('\n').map_or(self.rest.len(), |at| at.saturating_add(1));
                self.rest = self.rest.get(end..).unwrap_or_default();
                self.line = self.line.saturating_add(1);
                continue;
            }
            let fields = self.row();
            if fields.iter().any(|field| !field.trim().is_empty()) {
                return Some((begins, fields));
            }
        }
    }
}

impl Rows<'_> {
    fn row(&mut self) -> Vec<String> {
        let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
        let mut letters = self.rest.char_indices().peekable();
        let mut end = self.rest.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' if quoted && letters.peek().is_some_and(|(_, next)| *next == '"') => {
                    field.push('"');
                    letters.next();
                }
                '"' if quoted => quoted = false,
                '"' if field.is_empty() => quoted = true,
                ',' if !quoted => fields.push(std::mem::take(&mut field)),
                '\n' if !quoted => {
                    self.line = self.line.saturating_add(1);
                    end = at.saturating_add(1);
                    break;
                }
                '\r' if !quoted => {}
                '\n' => {
                    self.line = self.line.saturating_add(1);
                    field.push('\n');
                }
                letter => field.push(letter),
            }
        }
        fields.push(field);
        self.rest = self.rest.get(end..).unwrap_or_default();
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_lines_are_read_as_in_rfc_4180() {
        let text = "# a, comment\r\na,b\r\n\r\n\"x,\"\"y\"\"\",\"two\nlines\"\nlast,\n";
        let rows: Vec<_> = Rows::new(text).collect();
        let row = |line, fields: &[&str]| (line, fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>());
        assert_eq!(rows, [row(2, &["a", "b"]), row(4, &["x,\"y\"", "two\nlines"]), row(6, &["last", ""])]);
    }
}
