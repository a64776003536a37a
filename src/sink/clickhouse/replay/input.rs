//! Files of lines, packed or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::capture::unpacked;

/// Opens a file; what is packed by gzip or zstd is unpacked.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    Ok(Box::new(BufReader::with_capacity(BUFFER, unpacked(File::open(path)?)?)))
}

/// The lines of a file, one at a time.
pub struct Lines<'a> {
    from: Box<dyn BufRead + 'a>,
    line: Vec<u8>,
    number: u64,
}

pub struct Line<'a> {
    /// Without its end.
    pub text: &'a [u8],
    /// From 1.
    pub number: u64,
    /// It is no longer than [`LONGEST`]; of others `text` has the beginning.
    pub whole: bool,
}

impl Line<'_> {
    pub fn is_empty(&self) -> bool {
        self.text.trim_ascii().is_empty()
    }
}

impl<'a> Lines<'a> {
    pub fn new(from: Box<dyn BufRead + 'a>) -> Self {
        Self { from, line: Vec::new(), number: 0 }
    }

    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let read = self.from.by_ref().take(LONGEST).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let ends = self.line.last() == Some(&b'\n');
        let whole = ends || (read as u64) < LONGEST;
        if !whole {
            self.from.skip_until(b'\n')?;
        }
        let text = if ends { self.line.strip_suffix(b"\n").unwrap_or_default() } else { &self.line };
        Ok(Some(Line { text, number: self.number, whole }))
    }
}

/// A session with its certificates takes a few tens of kilobytes. What a line is made into takes many times its length.
pub const LONGEST: u64 = 2 << 20;
const BUFFER: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_numbers_and_a_bound() {
        let long = vec![b'x'; LONGEST as usize + 7];
        let text = [&b"a\n\n"[..], &long, b"\nlast"].concat();
        let mut lines = Lines::new(Box::new(&text[..]));
        let mut seen = Vec::new();
        while let Some(line) = lines.next().expect("it is read") {
            seen.push((line.number, line.text.len(), line.whole));
        }
        assert_eq!(seen, [(1, 1, true), (2, 0, true), (3, LONGEST as usize, false), (4, 4, true)]);
    }
}
