//! A CRYPTO stream put together from frames that come in any order, twice, or overlapping (RFC 9000, section 19.6).
//!
//! In: offsets and bytes. Out: the stream's bytes in order, each once. Of two copies of a byte the first is used; a copy
//! of what is known never hides a hole. Bytes behind a hole are held, up to a cap; what comes in order is not copied.

/// Puts one stream together.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// Every byte before it was handed on.
    next: usize,
    /// What lies behind a hole: sorted, apart from one another, behind `next`.
    pieces: Vec<Piece>,
    /// The pieces' bytes, in the order in which they came.
    store: Vec<u8>,
    overflowed: bool,
}

/// Bytes of the stream from `start` to before `end`, at `at` in the store.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    at: usize,
}

impl Assembler {
    /// Forgets everything, and keeps modest buffers.
    pub(super) fn reset(&mut self) {
        self.next = 0;
        self.pieces.clear();
        self.store.clear();
        self.store.shrink_to(KEPT_CAPACITY);
        self.overflowed = false;
    }

    /// Takes a frame. At most `cap` bytes are held at a time; what is over it is dropped, and [`Assembler::overflowed`].
    pub(super) fn push(&mut self, offset: u64, bytes: &[u8], cap: usize, mut out: impl FnMut(&[u8])) {
        let Some((start, end)) =
            usize::try_from(offset).ok().and_then(|start| Some((start, start.checked_add(bytes.len())?)))
        else {
            self.overflowed = true;
            return;
        };
        while start <= self.next && self.next < end {
            let until = self.pieces.first().map_or(end, |piece| piece.start.min(end));
            let fresh = self.next.saturating_sub(start)..until.saturating_sub(start);
            out(bytes.get(fresh).unwrap_or_default());
            self.next = until;
            self.hand_on(&mut out);
        }
        if self.next < end {
            self.hold(start, bytes, cap);
        }
    }

    /// Whether bytes are held that lie behind a hole.
    pub(super) fn has_hole(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Whether bytes were dropped for want of room.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Keeps what is new of a frame that lies behind a hole.
    fn hold(&mut self, start: usize, bytes: &[u8], cap: usize) {
        let end = start.saturating_add(bytes.len());
        let mut from = start;
        while from < end {
            let index = self.pieces.partition_point(|piece| piece.end <= from);
            let until = match self.pieces.get(index) {
                Some(piece) if piece.start <= from => {
                    from = piece.end;
                    continue;
                }
                Some(piece) => piece.start.min(end),
                None => end,
            };
            let fresh = bytes.get(from.saturating_sub(start)..until.saturating_sub(start)).unwrap_or_default();
            let at = self.store.len();
            if at.saturating_add(fresh.len()) > cap || !self.place(index, Piece { start: from, end: until, at }) {
                self.overflowed = true;
                return;
            }
            self.store.extend_from_slice(fresh);
            from = until;
        }
    }

    /// Makes place for a piece whose bytes go to the store's end; false where there are too many.
    fn place(&mut self, index: usize, piece: Piece) -> bool {
        let before = index.checked_sub(1).and_then(|before| self.pieces.get_mut(before));
        if let Some(before) = before
            && before.end == piece.start
            && before.at.saturating_add(before.end.saturating_sub(before.start)) == piece.at
        {
            before.end = piece.end;
            return true;
        }
        if self.pieces.len() >= MAX_PIECES {
            return false;
        }
        self.pieces.insert(index, piece);
        true
    }

    /// Gives out the pieces before which there is no hole.
    fn hand_on(&mut self, out: &mut impl FnMut(&[u8])) {
        let mut done = 0;
        for piece in &self.pieces {
            if piece.start > self.next {
                break;
            }
            let length = piece.end.saturating_sub(piece.start);
            out(self.store.get(piece.at..piece.at.saturating_add(length)).unwrap_or_default());
            self.next = piece.end;
            done = usize::saturating_add(done, 1);
        }
        self.pieces.drain(..done);
        if self.pieces.is_empty() {
            self.store.clear();
        }
    }
}

/// Chromium cuts a hello into a few dozen frames, to keep middleboxes honest.
const MAX_PIECES: usize = 128;
/// What is kept of the store between two connections.
const KEPT_CAPACITY: usize = 4 << 10;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 7 + at / 256) as u8).collect()
    }

    fn assembled(frames: &[(usize, &[u8])], cap: usize) -> (Vec<u8>, Assembler) {
        let (mut assembler, mut got) = (Assembler::default(), Vec::new());
        for (offset, bytes) in frames {
            assembler.push(*offset as u64, bytes, cap, |bytes| got.extend_from_slice(bytes));
        }
        (got, assembler)
    }

    #[test]
    fn a_duplicate_hides_no_hole() {
        let bytes = stream(30);
        let frames = [(20, &bytes[20..]), (20, &bytes[20..]), (0, &bytes[..10]), (0, &bytes[..10])];
        let (got, assembler) = assembled(&frames, 100);
        assert_eq!(got, bytes[..10]);
        assert!(assembler.has_hole());
    }

    #[test]
    fn of_two_copies_that_differ_the_first_is_used() {
        let (got, _) = assembled(&[(2, b"cdef"), (0, b"abXXXXgh"), (4, b"YYYY")], 100);
        assert_eq!(got, b"abcdefgh");
    }

    #[test]
    fn what_is_over_the_cap_is_dropped_and_said() {
        let bytes = stream(100);
        let (got, assembler) = assembled(&[(50, &bytes[50..]), (0, &bytes[..50])], 49);
        assert_eq!(got, bytes[..50]);
        assert!(assembler.overflowed());
        let (got, assembler) = assembled(&[(u64::MAX as usize, b"x"), (0, &bytes)], 49);
        assert_eq!(got, bytes);
        assert!(assembler.overflowed());
    }

    #[test]
    fn the_number_of_pieces_is_bounded() {
        let bytes = stream(4_000);
        let frames: Vec<(usize, &[u8])> = (1..2_000).map(|n| (n * 2, &bytes[n * 2..n * 2 + 1])).collect();
        let (_, assembler) = assembled(&frames, 100_000);
        assert_eq!(assembler.pieces.len(), MAX_PIECES);
        assert!(assembler.overflowed());
    }

    proptest! {
        #[test]
        fn any_cut_order_copy_and_overlap_gives_the_same_bytes(
            length in 1usize..3_000,
            cuts in prop::collection::vec((0usize..3_000, 0usize..400), 0..60),
            order in any::<u64>(),
        ) {
            let bytes = stream(length);
            // Random frames, and 30 that cover all.
            let step = length.div_ceil(30);
            let mut frames: Vec<(usize, &[u8])> =
                bytes.chunks(step).enumerate().map(|(n, chunk)| (n * step, chunk)).collect();
            for (start, size) in cuts {
                let start = start.min(length);
                frames.push((start, &bytes[start..(start + size).min(length)]));
            }
            let mut state = order | 1;
            for at in (1..frames.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                frames.swap(at, (state >> 33) as usize % (at + 1));
            }
            let (got, assembler) = assembled(&frames, 10_000);
            prop_assert!(!assembler.overflowed());
            prop_assert!(!assembler.has_hole());
            prop_assert_eq!(got, bytes);
        }

        #[test]
        fn a_hole_stays_one_whatever_else_comes(
            hole in 0usize..500,
            cuts in prop::collection::vec((0usize..500, 1usize..100), 1..40),
        ) {
            let bytes = stream(500);
            let frames: Vec<(usize, &[u8])> = cuts
                .iter()
                .map(|&(start, size)| (start, &bytes[start..(start + size).min(500)]))
                .filter(|(start, piece)| !(*start..start + piece.len()).contains(&hole))
                .collect();
            let (got, _) = assembled(&frames, 10_000);
            prop_assert!(got.len() <= hole);
            prop_assert_eq!(&got[..], &bytes[..got.len()]);
        }
    }
}
