//! Transport parameters (RFC 9000, section 18), as they stand in the extension.
//!
//! In: the content of quic_transport_parameters. Out: identifiers and values in wire order; their names
//! are the registry's business.
//! Nothing is judged: unknown, reserved and repeated ones are kept.

use super::varint::{length, varint};
use crate::wire::{Cursor, Incomplete};

/// The parameters of an extension, up to the first one that is not whole.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'a> {
    cursor: Cursor<'a>,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Identifier and length are variable-length integers: since draft 27.
    Variable,
    /// They have two bytes each, and the list's own length stands before them.
    Fixed,
}

impl<'a> Parameters<'a> {
    /// Until draft 26 the list had a form of its own: it is told by its length, which stood before it. A list that can
    /// be read in both forms is not today's if it begins with a zero, for that parameter is not a client's.
    pub fn new(content: &'a [u8]) -> Self {
        let mut cursor = Cursor::new(content);
        let old = cursor.vec16().ok().filter(|list| cursor.is_empty() && is_whole(list, Form::Fixed));
        match old {
            Some(list) if content.first() == Some(&0) || !is_whole(content, Form::Variable) => {
                Self { cursor: Cursor::new(list), form: Form::Fixed }
            }
            _ => Self { cursor: Cursor::new(content), form: Form::Variable },
        }
    }

    fn read(&mut self) -> Result<(u64, &'a [u8]), Incomplete> {
        match self.form {
            Form::Variable => {
                let id = varint(&mut self.cursor)?;
                let length = length(&mut self.cursor)?;
                Ok((id, self.cursor.take(length)?))
            }
            Form::Fixed => Ok((self.cursor.u16()?.into(), self.cursor.vec16()?)),
        }
    }
}

impl<'a> Iterator for Parameters<'a> {
    /// Identifier and value, as sent.
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<(u64, &'a [u8])> {
        let parameter = self.read().ok();
        if parameter.is_none() {
            self.cursor = Cursor::new(&[]);
        }
        parameter
    }
}

/// A value as a variable-length integer, where that is all of it.
pub fn number(value: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(value);
    varint(&mut cursor).ok().filter(|_| cursor.is_empty())
}

fn is_whole(list: &[u8], form: Form) -> bool {
    let mut parameters = Parameters { cursor: Cursor::new(list), form };
    while !parameters.cursor.is_empty() {
        if parameters.read().is_err() {
            return false;
        }
    }
    true
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn order_duplicates_and_unknown_ones_are_kept() {
        let content = [4, 2, 0x40, 0x64, 0x71, 0x29, 0, 4, 1, 9, 0x1b, 3, 1, 2, 3, 1, 9, 9];
        let read: Vec<_> = Parameters::new(&content).collect();
        assert_eq!(read, [(4, &[0x40, 0x64][..]), (0x3129, &[]), (4, &[9]), (27, &[1, 2, 3])]);
        assert_eq!(number(read[0].1), Some(100));
        assert_eq!(number(read[3].1), None);
    }

    #[test]
    fn the_form_of_early_drafts_is_told_by_its_length() {
        let content = [0, 16, 0, 4, 0, 4, 0x80, 0, 0, 1, 0, 12, 0, 0, 0, 9, 0, 0];
        let read: Vec<_> = Parameters::new(&content).collect();
        assert_eq!(read, [(4, &[0x80, 0, 0, 1][..]), (12, &[]), (9, &[])]);
    }
}
