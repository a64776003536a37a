//! A cursor over borrowed bytes that cannot read past their end.
//!
//! In: a byte slice. Out: big-endian integers and sub-slices. Every read that would pass the end returns
//! [`Incomplete`] and moves nothing.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

/// The bytes ended before the field did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incomplete;

/// Reads integers (network byte order) and slices from the front of a byte slice.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes not read yet.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Everything that is left, without moving.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Incomplete> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(Incomplete)?;
        self.rest = tail;
        Ok(*head)
    }

    #[inline]
    pub fn u8(&mut self) -> Result<u8, Incomplete> {
        self.array().map(u8::from_be_bytes)
    }

    #[inline]
    pub fn u16(&mut self) -> Result<u16, Incomplete> {
        self.array().map(u16::from_be_bytes)
    }

    /// A 24-bit integer, the length of a TLS handshake message or certificate.
    #[inline]
    pub fn u24(&mut self) -> Result<u32, Incomplete> {
        self.array().map(|[a, b, c]: [u8; 3]| u32::from_be_bytes([0, a, b, c]))
    }

    #[inline]
    pub fn u32(&mut self) -> Result<u32, Incomplete> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next `len` bytes.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Incomplete> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(Incomplete)?;
        self.rest = tail;
        Ok(head)
    }

    /// As much of the next `len` bytes as there is, and whether all of it was there.
    #[inline]
    pub fn take_readable(&mut self, len: usize) -> (&'a [u8], bool) {
        match self.take(len) {
            Ok(bytes) => (bytes, true),
            Err(Incomplete) => (std::mem::take(&mut self.rest), false),
        }
    }

    /// A vector with a one-byte length before it.
    #[inline]
    pub fn vec8(&mut self) -> Result<&'a [u8], Incomplete> {
        self.prefixed(|c| c.u8().map(usize::from))
    }

    /// A vector with a two-byte length before it.
    #[inline]
    pub fn vec16(&mut self) -> Result<&'a [u8], Incomplete> {
        self.prefixed(|c| c.u16().map(usize::from))
    }

    /// A vector with a three-byte length before it.
    #[inline]
    pub fn vec24(&mut self) -> Result<&'a [u8], Incomplete> {
        self.prefixed(|c| c.u24().map(|n| n as usize))
    }

    fn prefixed(&mut self, len: impl Fn(&mut Self) -> Result<usize, Incomplete>) -> Result<&'a [u8], Incomplete> {
        let mut ahead = *self;
        let n = len(&mut ahead)?;
        let body = ahead.take(n)?;
        *self = ahead;
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_past_the_end_moves_nothing() {
        let mut cursor = Cursor::new(&[0, 5, 1, 2]);
        assert_eq!(cursor.vec16(), Err(Incomplete));
        assert_eq!(cursor.len(), 4);
        assert_eq!(cursor.u16(), Ok(5));
        assert_eq!(cursor.u24(), Err(Incomplete));
        assert_eq!(cursor.take_readable(5), (&[1u8, 2][..], false));
        assert!(cursor.is_empty());
    }

    #[test]
    fn vectors_take_their_length_from_the_wire() {
        let mut cursor = Cursor::new(&[1, 9, 0, 2, 8, 7, 0, 0, 1, 6]);
        assert_eq!(cursor.vec8(), Ok(&[9u8][..]));
        assert_eq!(cursor.vec16(), Ok(&[8u8, 7][..]));
        assert_eq!(cursor.vec24(), Ok(&[6u8][..]));
        assert!(cursor.is_empty());
    }
}
