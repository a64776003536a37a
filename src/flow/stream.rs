//! One direction of a TCP connection: segments in any order in, bytes in order out.
//!
//! The first copy of a byte wins. What comes in order is handed on as it is; only a direction's first bytes are copied, so
//! that later copies can be held against them. What comes early waits in one buffer under a cap.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

/// The state of one direction.
#[derive(Debug, Default)]
pub struct Stream {
    /// Sequence number of the next byte to hand on; `None` until the direction's start is known.
    next: Option<u32>,
    /// Sequence number of the direction's first byte.
    first: u32,
    /// Bytes handed on, or known to be missing.
    handed: u64,
    /// The first of them, at most so many.
    history: Vec<u8>,
    memory: Memory,
    /// Bytes from `next` on, with holes.
    early: Vec<u8>,
    /// Filled ranges of `early`, ascending, apart from each other.
    filled: Vec<(usize, usize)>,
    /// Where a FIN says the direction ends.
    end: Option<u32>,
    /// Segments in a row that were implausibly far ahead.
    far: u8,
    /// A later copy of some byte differed.
    differs: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct StreamLimits {
    /// Bytes that may wait out of order.
    pub out_of_order: usize,
}

/// How many of a direction's first bytes are kept, so that later copies can be held against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Memory {
    /// More than a client's hello.
    #[default]
    Long,
    /// Nothing.
    None,
    /// A server's hello, and little of what follows. Flights of certificates would be copied to memory that no cache holds.
    Short,
}

/// What a direction has to hand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    Bytes(&'a [u8]),
    /// So many bytes did not come.
    Hole {
        count: usize,
        why: HoleKind,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoleKind {
    /// They are not in the capture, as far as it is known.
    Gap,
    /// The snap length cut them.
    Cut,
    /// More waited behind them than the cap allows.
    Limit,
}

/// A segment's payload and its place.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    pub seq: u32,
    pub payload: &'a [u8],
    /// Bytes after `payload` that the snap length cut.
    pub cut: u32,
}

impl Segment<'_> {
    pub fn is_empty(&self) -> bool {
        self.payload.is_empty() && self.cut == 0
    }

    /// The sequence number after its last byte.
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.payload.len() as u32).wrapping_add(self.cut)
    }
}

impl Stream {
    /// Forgets everything, and keeps its buffers unless they have grown large.
    pub fn reset(&mut self) {
        self.next = None;
        self.end = None;
        self.handed = 0;
        self.memory = Memory::Long;
        self.far = 0;
        self.differs = false;
        self.filled.clear();
        for buffer in [&mut self.history, &mut self.early] {
            buffer.clear();
            buffer.shrink_to(KEPT_CAPACITY);
        }
    }

    /// The first byte's sequence number, if the start is not known yet.
    pub fn start_at(&mut self, seq: u32) {
        if self.next.is_none() {
            self.next = Some(seq);
            self.first = seq;
        }
    }

    /// Whether the direction starts with this sequence number.
    pub fn begins_at(&self, seq: u32) -> bool {
        self.next.is_some() && self.first == seq
    }

    /// What is kept already stays.
    pub fn remember(&mut self, memory: Memory) {
        self.memory = memory;
    }

    /// Sequence number of the next byte in order, if the start is known.
    pub fn next(&self) -> Option<u32> {
        self.next
    }

    pub fn has_started(&self) -> bool {
        self.next.is_some()
    }

    /// Whether two copies of a byte differed.
    pub fn differs(&self) -> bool {
        self.differs
    }

    /// A FIN after the byte before `seq`.
    pub fn ends_at(&mut self, seq: u32) {
        self.end.get_or_insert(seq);
    }

    /// Whether all bytes up to the FIN were handed on.
    pub fn is_complete(&self) -> bool {
        matches!((self.next, self.end), (Some(next), Some(end)) if distance(next, end) <= 0)
    }

    /// Whether a reset with this sequence number is one that the receiver would heed: within a window of the next byte.
    pub fn accepts_reset(&self, seq: u32) -> bool {
        self.next.is_none_or(|next| (-1..=RESET_WINDOW).contains(&distance(next, seq)))
    }

    /// Bytes that wait for a hole to be filled: the buffer's extent.
    pub fn waiting(&self) -> usize {
        self.early.len()
    }

    /// Gives what comes from here on, and what waits, to another, which remembers nothing of what was.
    pub fn hand_over(&mut self) -> Self {
        Self {
            next: self.next,
            first: self.first,
            end: self.end,
            memory: Memory::None,
            early: std::mem::take(&mut self.early),
            filled: std::mem::take(&mut self.filled),
            ..Self::default()
        }
    }

    /// Takes a segment, and hands on what is now in order.
    pub fn push(&mut self, segment: Segment<'_>, limits: StreamLimits, out: &mut impl FnMut(Piece<'_>)) {
        self.start_at(segment.seq);
        let next = self.next.unwrap_or(segment.seq);
        let offset = distance(next, segment.seq);
        match usize::try_from(offset) {
            Ok(0) => self.in_order(segment, out),
            Ok(ahead) => self.ahead(ahead, segment, limits, out),
            Err(_) => self.behind(usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX), segment, out),
        }
    }

    /// Gives up waiting: says the first hole, hands on what waits behind it, and so on to the last byte that came.
    pub fn flush(&mut self, why: HoleKind, out: &mut impl FnMut(Piece<'_>)) {
        while let Some(&(from, _)) = self.filled.first() {
            if from > 0 {
                self.hole(from, why, out);
            }
            self.hand_on_waiting(out);
        }
    }

    fn in_order(&mut self, segment: Segment<'_>, out: &mut impl FnMut(Piece<'_>)) {
        self.far = 0;
        if self.filled.is_empty() {
            self.hand_on(segment.payload, out);
        } else {
            self.fill(0, segment.payload);
            self.hand_on_waiting(out);
        }
        let end = segment.seq.wrapping_add(segment.payload.len() as u32);
        if segment.cut > 0 && self.next == Some(end) {
            self.hole(segment.cut as usize, HoleKind::Cut, out);
            self.hand_on_waiting(out);
        }
    }

    fn ahead(&mut self, ahead: usize, segment: Segment<'_>, limits: StreamLimits, out: &mut impl FnMut(Piece<'_>)) {
        if segment.payload.is_empty() {
            return;
        }
        if ahead > PLAUSIBLE_AHEAD {
            // One such segment may be forged, or another connection's; some in a row say that the rest was lost.
            self.far = self.far.saturating_add(1);
            if self.far < FAR_SEGMENTS {
                return;
            }
        }
        if ahead.saturating_add(segment.payload.len()) <= limits.out_of_order && self.filled.len() < MAX_RANGES {
            self.fill(ahead, segment.payload);
            return;
        }
        let before = self.next.unwrap_or_default();
        self.flush(HoleKind::Limit, out);
        let moved = self.next.unwrap_or_default().wrapping_sub(before) as usize;
        if let Some(left @ 1..) = ahead.checked_sub(moved) {
            self.hole(left, HoleKind::Limit, out);
        }
        self.push(segment, limits, out);
    }

    /// A segment that starts `known` bytes before the next one due.
    fn behind(&mut self, known: usize, segment: Segment<'_>, out: &mut impl FnMut(Piece<'_>)) {
        let (old, new) = segment.payload.split_at_checked(known).unwrap_or((segment.payload, &[]));
        self.compare(known, old);
        if old.len() == known {
            let seq = self.next.unwrap_or_default();
            self.in_order(Segment { seq, payload: new, cut: segment.cut }, out);
        }
    }

    /// Holds a later copy of bytes against what was handed on, as far as that is remembered.
    fn compare(&mut self, known: usize, copy: &[u8]) {
        let Some(from) = self.handed.checked_sub(known as u64) else { return };
        let kept = self.history.get(from as usize..).unwrap_or_default();
        self.differs |= copy.iter().zip(kept).any(|(a, b)| a != b);
    }

    fn hand_on(&mut self, bytes: &[u8], out: &mut impl FnMut(Piece<'_>)) {
        if bytes.is_empty() {
            return;
        }
        self.keep_first(bytes);
        self.advance(bytes.len());
        out(Piece::Bytes(bytes));
    }

    fn hand_on_waiting(&mut self, out: &mut impl FnMut(Piece<'_>)) {
        let Some(&(0, to)) = self.filled.first() else { return };
        let mut early = std::mem::take(&mut self.early);
        self.hand_on(early.get(..to).unwrap_or_default(), out);
        early.drain(..to.min(early.len()));
        self.early = early;
        self.shift_ranges(to);
    }

    fn hole(&mut self, count: usize, why: HoleKind, out: &mut impl FnMut(Piece<'_>)) {
        self.advance(count);
        self.early.drain(..count.min(self.early.len()));
        self.shift_ranges(count);
        out(Piece::Hole { count, why });
    }

    /// Lays bytes into the buffer, but for those that are there already.
    fn fill(&mut self, at: usize, payload: &[u8]) {
        let to = at.saturating_add(payload.len());
        if self.early.len() < to {
            self.early.resize(to, 0);
        }
        let mut place = at;
        let mut merged = (at, to);
        for &(from, until) in &self.filled {
            if until < at || from > to {
                continue;
            }
            merged = (merged.0.min(from), merged.1.max(until));
            lay(&mut self.early, payload, Span { at, from: place, to: from });
            let overlap = Span { at, from: from.max(place), to: until.min(to) };
            self.differs |=
                overlap.of(payload) != self.early.get(overlap.from..overlap.to.max(overlap.from)).unwrap_or_default();
            place = place.max(until);
        }
        lay(&mut self.early, payload, Span { at, from: place, to });
        self.filled.retain(|&(from, until)| until < at || from > to);
        let position = self.filled.partition_point(|&(from, _)| from < merged.0);
        self.filled.insert(position, merged);
    }

    fn advance(&mut self, count: usize) {
        self.next = self.next.map(|next| next.wrapping_add(count as u32));
        self.handed = self.handed.saturating_add(count as u64);
    }

    fn shift_ranges(&mut self, by: usize) {
        self.filled.retain_mut(|(from, to)| {
            *from = from.saturating_sub(by);
            *to = to.saturating_sub(by);
            *to > 0
        });
    }

    /// Keeps the direction's first bytes, up to the first hole.
    fn keep_first(&mut self, bytes: &[u8]) {
        if self.handed as usize == self.history.len() {
            let most = match self.memory {
                Memory::Long => HISTORY,
                Memory::Short => SHORT_HISTORY,
                Memory::None => 0,
            };
            let room = most.saturating_sub(self.history.len()).min(bytes.len());
            self.history.extend_from_slice(bytes.get(..room).unwrap_or_default());
        }
    }
}

/// Part of a payload that begins at `at`, in the buffer's offsets.
#[derive(Clone, Copy)]
struct Span {
    at: usize,
    from: usize,
    to: usize,
}

impl Span {
    fn of(self, payload: &[u8]) -> &[u8] {
        payload.get(self.from.saturating_sub(self.at)..self.to.saturating_sub(self.at)).unwrap_or_default()
    }
}

fn lay(buffer: &mut [u8], payload: &[u8], span: Span) {
    let bytes = span.of(payload);
    if let Some(room) = buffer.get_mut(span.from..span.from.saturating_add(bytes.len())) {
        room.copy_from_slice(bytes);
    }
}

/// How far `to` is ahead of `from` in sequence space (RFC 9293, section 3.4), negative where it is behind.
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

const HISTORY: usize = 2 << 10;
const SHORT_HISTORY: usize = 256;
const KEPT_CAPACITY: usize = 4 << 10;
const MAX_RANGES: usize = 128;
/// Farther ahead than a window that a handshake would fill.
const PLAUSIBLE_AHEAD: usize = 1 << 20;
const FAR_SEGMENTS: u8 = 8;
const RESET_WINDOW: i32 = 1 << 16;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: StreamLimits = StreamLimits { out_of_order: 1000 };

    /// What comes out: bytes, with `_` for each missing one.
    fn run(start: u32, segments: &[(u32, &[u8])]) -> (String, Stream) {
        let (mut stream, mut out) = (Stream::default(), String::new());
        stream.start_at(start);
        for &(seq, payload) in segments {
            stream.push(Segment { seq, payload, cut: 0 }, LIMITS, &mut |piece| note(&mut out, piece));
        }
        stream.flush(HoleKind::Gap, &mut |piece| note(&mut out, piece));
        (out, stream)
    }

    fn note(out: &mut String, piece: Piece<'_>) {
        match piece {
            Piece::Bytes(bytes) => out.extend(bytes.iter().map(|&byte| char::from(byte))),
            Piece::Hole { count, .. } => out.push_str(&"_".repeat(count)),
        }
    }

    #[test]
    fn sequence_numbers_wrap() {
        let (out, _) = run(u32::MAX - 2, &[(u32::MAX - 2, b"abc"), (3, b"ghi"), (0, b"def")]);
        assert_eq!(out, "abcdefghi");
    }

    #[test]
    fn the_first_copy_wins_and_a_differing_one_is_noticed() {
        for (segments, differs) in [
            (&[(0, &b"abcd"[..]), (0, b"abcd"), (2, b"cdef")][..], false),
            (&[(0, b"abcd"), (2, b"xxef")], true),
            (&[(2, b"cd"), (0, b"abxx"), (4, b"ef")], true),
            (&[(4, b"ef"), (2, b"cdef"), (0, b"ab")], false),
            (&[(1, b"b"), (3, b"d"), (5, b"f"), (0, b"axcxex")], true),
        ] {
            let (out, stream) = run(0, segments);
            assert_eq!((out.as_str(), stream.differs()), ("abcdef", differs), "{segments:?}");
        }
    }

    #[test]
    fn a_hole_is_said_with_its_size() {
        assert_eq!(run(0, &[(0, b"ab"), (5, b"fg"), (9, b"j")]).0, "ab___fg__j");
    }

    #[test]
    fn more_than_the_cap_does_not_wait() {
        let late = [b'x'; 600];
        let (out, stream) = run(0, &[(0, b"ab"), (10, &late), (700, &late)]);
        assert_eq!(out, format!("ab{}{}{}{}", "_".repeat(8), "x".repeat(600), "_".repeat(90), "x".repeat(600)));
        assert_eq!(stream.waiting(), 0);
    }

    #[test]
    fn many_small_ranges_do_not_pile_up() {
        let bytes: Vec<(u32, &[u8])> = (0..450).map(|n| (2 * n + 1, &b"x"[..])).collect();
        let mut stream = Stream::default();
        stream.start_at(0);
        for &(seq, payload) in &bytes {
            stream.push(Segment { seq, payload, cut: 0 }, LIMITS, &mut |_| {});
            assert!(stream.filled.len() <= MAX_RANGES);
        }
    }

    #[test]
    fn a_cut_segment_leaves_a_hole_and_its_copy_none() {
        let (mut stream, mut out) = (Stream::default(), String::new());
        for (seq, cut) in [(0, 3), (0, 3), (5, 0)] {
            stream.push(Segment { seq, payload: b"ab", cut }, LIMITS, &mut |piece| note(&mut out, piece));
        }
        assert_eq!(out, "ab___ab");
    }

    #[test]
    fn a_direction_is_complete_when_all_before_its_fin_came() {
        let mut stream = Stream::default();
        stream.start_at(7);
        stream.ends_at(9);
        assert!(!stream.is_complete());
        stream.push(Segment { seq: 7, payload: b"ab", cut: 0 }, LIMITS, &mut |_| {});
        assert!(stream.is_complete() && stream.accepts_reset(9) && !stream.accepts_reset(500_000));
    }

    proptest! {
        #[test]
        fn any_order_and_any_overlap_gives_the_stream(
            start: u32,
            mut cuts in prop::collection::vec((0usize..400, 1usize..60), 1..40),
        ) {
            let stream: Vec<u8> = (0..400u32).map(|n| b'a' + (n * 7 % 26) as u8).collect();
            cuts.extend((0..400).step_by(40).map(|at| (at, 40)));
            let segments: Vec<(u32, &[u8])> =
                cuts.iter().map(|&(at, len)| (start.wrapping_add(at as u32), &stream[at..(at + len).min(400)])).collect();
            let (out, state) = run(start, &segments);
            prop_assert_eq!(out.as_bytes(), &stream[..]);
            prop_assert!(!state.differs());
        }
    }
}
