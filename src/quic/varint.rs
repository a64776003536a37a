//! Variable-length integers (RFC 9000, section 16).

use crate::wire::{Cursor, Incomplete};

/// Reads one; nothing moves where it is not whole. Below 2^62.
pub(super) fn varint(cursor: &mut Cursor<'_>) -> Result<u64, Incomplete> {
    let mut ahead = *cursor;
    let first = ahead.u8()?;
    let more = match first >> 6 {
        0 => 0,
        1 => 1,
        2 => 3,
        _ => 7,
    };
    let value = ahead.take(more)?.iter().fold(u64::from(first & 0x3f), |value, &byte| value << 8 | u64::from(byte));
    *cursor = ahead;
    Ok(value)
}

/// Reads one as a length or an offset in memory.
pub(super) fn length(cursor: &mut Cursor<'_>) -> Result<usize, Incomplete> {
    varint(cursor).and_then(|value| usize::try_from(value).map_err(|_| Incomplete))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_9000_are_read() {
        // Appendix A.1.
        let read = |bytes: &[u8]| varint(&mut Cursor::new(bytes));
        assert_eq!(read(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]), Ok(151_288_809_941_952_652));
        assert_eq!(read(&[0x9d, 0x7f, 0x3e, 0x7d]), Ok(494_878_333));
        assert_eq!(read(&[0x7b, 0xbd]), Ok(15_293));
        assert_eq!(read(&[0x25]), Ok(37));
        assert_eq!(read(&[0x40, 0x25]), Ok(37));
    }

    #[test]
    fn one_that_is_cut_moves_nothing() {
        let mut cursor = Cursor::new(&[0x9d, 0x7f, 0x3e]);
        assert_eq!(varint(&mut cursor), Err(Incomplete));
        assert_eq!(cursor.len(), 3);
    }
}
