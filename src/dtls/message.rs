//! Handshake messages in fragments (RFC 6347, section 4.2.3): put together from whatever order, however often they come.

use crate::tls::message::{Joined, Loss};
use crate::tls::story::{CERTIFICATE, CERTIFICATE_STATUS};
pub(super) use crate::tls::story::{
    CLIENT_HELLO, HELLO_VERIFY_REQUEST, NEW_SESSION_TICKET, SERVER_HELLO, SERVER_HELLO_DONE,
};
use crate::wire::{Cursor, Incomplete};

/// A part of a handshake message, as one record carries it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment<'a> {
    pub(super) kind: u8,
    /// Of the whole message.
    pub(super) length: usize,
    pub(super) sequence: u16,
    pub(super) offset: usize,
    pub(super) bytes: &'a [u8],
    /// Its end was cut off.
    pub(super) cut: bool,
}

impl Fragment<'_> {
    pub(super) fn is_whole_message(&self) -> bool {
        self.offset == 0 && self.bytes.len() == self.length
    }

    /// Whether it is of a message that is sent before anything is encrypted, by client or server.
    pub(super) fn is_early(&self) -> bool {
        matches!(self.kind, CLIENT_HELLO..=NEW_SESSION_TICKET | CERTIFICATE..=CLIENT_KEY_EXCHANGE | CERTIFICATE_STATUS..=SUPPLEMENTAL_DATA)
    }

    /// Whether a message may begin like this, as far as its first bytes are here.
    pub(super) fn begins_well(&self) -> bool {
        let version = self.bytes.first_chunk().filter(|_| self.offset == 0).map(|pair| u16::from_be_bytes(*pair));
        match self.kind {
            CLIENT_HELLO | SERVER_HELLO | HELLO_VERIFY_REQUEST => version.is_none_or(super::record::is_like_a_version),
            _ => true,
        }
    }
}

/// Walks the fragments of a record of which `cut` bytes are not here.
#[derive(Debug, Clone)]
pub(super) struct Fragments<'a> {
    rest: Cursor<'a>,
    cut: usize,
}

pub(super) enum Read<'a> {
    Fragment(Fragment<'a>),
    /// Lengths that do not hold together, and the message type.
    Malformed(u8),
    /// There was more, which was cut off.
    Cut,
}

impl<'a> Fragments<'a> {
    pub(super) fn new(body: &'a [u8], length: usize) -> Self {
        Self { rest: Cursor::new(body), cut: length.saturating_sub(body.len()) }
    }

    fn fragment(&mut self) -> Result<Read<'a>, Incomplete> {
        let mut ahead = self.rest;
        let kind = ahead.u8()?;
        let length = size(&mut ahead)?;
        let sequence = ahead.u16()?;
        let offset = size(&mut ahead)?;
        let size = size(&mut ahead)?;
        let (bytes, _) = ahead.take_readable(size);
        let missing = size.saturating_sub(bytes.len());
        if missing > self.cut {
            self.stop();
            return Ok(Read::Malformed(kind));
        }
        self.rest = ahead;
        self.cut = self.cut.saturating_sub(missing);
        if offset.saturating_add(size) > length {
            return Ok(Read::Malformed(kind));
        }
        Ok(Read::Fragment(Fragment { kind, length, sequence, offset, bytes, cut: missing > 0 }))
    }

    fn stop(&mut self) {
        self.rest = Cursor::new(&[]);
        self.cut = 0;
    }
}

impl<'a> Iterator for Fragments<'a> {
    type Item = Read<'a>;

    fn next(&mut self) -> Option<Read<'a>> {
        let (&kind, cut) = match self.rest.rest().first() {
            None if self.cut == 0 => return None,
            None => (&0, self.cut),
            Some(kind) => (kind, self.cut),
        };
        Some(self.fragment().unwrap_or_else(|Incomplete| {
            self.stop();
            if cut > 0 { Read::Cut } else { Read::Malformed(kind) }
        }))
    }
}

fn size(cursor: &mut Cursor<'_>) -> Result<usize, Incomplete> {
    Ok(usize::try_from(cursor.u24()?).unwrap_or(usize::MAX))
}

/// A message in the making. What it holds is never more than what came, and not more than its length.
#[derive(Debug, Default)]
pub(super) struct Slot {
    state: State,
    kind: u8,
    length: usize,
    /// Which of its bytes are here: in order, neither overlapping nor adjacent.
    ranges: Vec<Range>,
    /// The bytes of all ranges, one after the other.
    bytes: Vec<u8>,
    cut: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Unseen,
    Waiting,
    /// Over a cap: it is not kept.
    Refused,
    Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    start: usize,
    end: usize,
}

/// What a fragment was to its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    New,
    /// All of it was here already.
    Repeated,
    /// The message has another type or length.
    Contradicts,
}

impl Slot {
    pub(super) fn reset(&mut self) {
        self.state = State::Unseen;
        self.cut = false;
        self.forget();
    }

    /// Takes a fragment; of bytes that come twice, the first count. `cap` is the most bytes that the message may have.
    pub(super) fn take(&mut self, fragment: &Fragment<'_>, cap: usize) -> Taken {
        let first = self.state == State::Unseen;
        if first {
            (self.kind, self.length) = (fragment.kind, fragment.length);
            self.state = if fragment.length > cap { State::Refused } else { State::Waiting };
        } else if (self.kind, self.length) != (fragment.kind, fragment.length) {
            return Taken::Contradicts;
        }
        let grew = self.state == State::Waiting && self.fill(fragment.offset, fragment.bytes);
        self.cut |= fragment.cut;
        if first || grew { Taken::New } else { Taken::Repeated }
    }

    /// Says that it was told without having waited here.
    pub(super) fn tell_now(&mut self, fragment: &Fragment<'_>) {
        (self.kind, self.length) = (fragment.kind, fragment.length);
        self.told();
    }

    pub(super) fn told(&mut self) {
        self.state = State::Told;
        self.forget();
    }

    pub(super) fn refuse(&mut self) {
        self.state = State::Refused;
        self.forget();
    }

    pub(super) fn kind(&self) -> Option<u8> {
        (self.state != State::Unseen).then_some(self.kind)
    }

    /// Bytes that wait here.
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_unseen(&self) -> bool {
        self.state == State::Unseen
    }

    pub(super) fn is_whole(&self) -> bool {
        self.state == State::Waiting && self.bytes.len() == self.length
    }

    /// Whether nothing that comes can change it any more.
    pub(super) fn is_ready(&self) -> bool {
        self.is_whole() || self.state == State::Refused
    }

    /// What there is to say of it, as far as it came.
    pub(super) fn joined(&self) -> Option<Joined<'_>> {
        let kind = self.kind;
        match self.state {
            State::Unseen | State::Told => None,
            State::Refused => Some(Joined::Cut { kind, body: &[], loss: Loss::Limit }),
            State::Waiting if self.is_whole() => Some(Joined::Whole { kind, body: &self.bytes }),
            State::Waiting => {
                let loss = if self.cut { Loss::Truncated } else { Loss::Gap };
                Some(Joined::Cut { kind, body: self.beginning(), loss })
            }
        }
    }

    fn beginning(&self) -> &[u8] {
        match self.ranges.first() {
            Some(range) if range.start == 0 => self.bytes.get(..range.end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Puts bytes into the places that are still empty. Whether there was one.
    fn fill(&mut self, start: usize, bytes: &[u8]) -> bool {
        let before = self.bytes.len();
        let end = start.saturating_add(bytes.len()).min(self.length);
        if start >= end {
            return false;
        }
        let first = self.ranges.partition_point(|range| range.end < start);
        let behind = self.ranges.iter().take(first).map(|range| range.end.saturating_sub(range.start));
        // Where the next byte stands in the message, and where in `self.bytes`.
        let (mut at, mut place) = (start, behind.fold(0, usize::saturating_add));
        let (mut merged, mut last) = (Range { start, end }, first);
        while let Some(&range) = self.ranges.get(last).filter(|range| range.start <= end) {
            merged = Range { start: merged.start.min(range.start), end: merged.end.max(range.end) };
            place = place.saturating_add(self.insert(
                place,
                bytes,
                at.saturating_sub(start)..range.start.saturating_sub(start),
            ));
            place = place.saturating_add(range.end.saturating_sub(range.start));
            at = at.max(range.end);
            last = last.saturating_add(1);
        }
        self.insert(place, bytes, at.saturating_sub(start)..end.saturating_sub(start));
        self.ranges.splice(first..last, [merged]);
        if self.ranges.len() > MAX_RANGES {
            self.refuse();
            return true;
        }
        self.bytes.len() > before
    }

    /// Inserts a part of `bytes`, if there is such a part. How long it was.
    fn insert(&mut self, place: usize, bytes: &[u8], part: std::ops::Range<usize>) -> usize {
        let part = bytes.get(part).unwrap_or_default();
        let place = place.min(self.bytes.len());
        self.bytes.splice(place..place, part.iter().copied());
        part.len()
    }

    fn forget(&mut self) {
        self.ranges.clear();
        self.ranges.shrink_to(KEPT_RANGES);
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
    }
}

const CLIENT_KEY_EXCHANGE: u8 = 16;
const SUPPLEMENTAL_DATA: u8 = 23;
/// Places of a message with holes between them. One that is in more pieces is not kept.
const MAX_RANGES: usize = 1024;
/// What a slot keeps of its buffers between two messages.
const KEPT_RANGES: usize = 16;
const KEPT_BYTES: usize = 2 << 10;
