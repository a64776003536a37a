//! Where parts of a JSON text stand.

/// Tells the lines of parts of a text, which come in order.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// Of a part that lies in the text.
    pub fn of(&mut self, part: &str) -> usize {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let between = self.text.as_bytes().get(self.at..start).unwrap_or_default();
        let lines = between.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(lines);
        self.at = self.at.max(start);
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_line_that_they_begin_on() {
        let text = "[\n {\"a\": 1},\n\n {\"b\": 2}]";
        let mut lines = Lines::new(text);
        let part = |what: &str| &text[text.find(what).unwrap()..];
        assert_eq!([lines.of(part("{\"a\"")), lines.of(part("1")), lines.of(part("{\"b\""))], [2, 2, 4]);
    }
}
