//! HTTP on its way to TLS: a CONNECT to a proxy (RFC 9110, section 9.3.6), also one that is refused first (407), and a
//! request to upgrade (RFC 2817). A request for anything else ends the search at once.

use super::lines::{self, Line};
use super::{Evidence, Expect, Notes, Unit};

/// What the lines of a head have said so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    kind: Kind,
    /// It asks for TLS, or agrees to it.
    upgrade: bool,
    /// Bytes of the body, where they are told.
    body: usize,
    chunked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connect,
    Request,
    /// Its status.
    Response(u16),
}

/// A request line or a status line.
pub(super) fn first_line(view: &[u8], _: &mut Notes) -> Option<Unit> {
    kind(view).map(|kind| whole_line(view, Expect::HttpHeader(Head::new(kind))))
}

fn whole_line(view: &[u8], then: Expect) -> Unit {
    lines::unit(view, b'\n', then).map_or(Unit::More, |(_, unit)| unit)
}

/// A header line, or the empty one behind the last.
pub(super) fn header(mut head: Head, view: &[u8], notes: &mut Notes) -> Unit {
    let (line, length) = match Line::of(view, b'\n') {
        Line::More => return Unit::More,
        Line::Whole(line, length) => (line.strip_suffix(b"\r").unwrap_or(line), Some(length)),
        Line::Long(line) => (line, None),
    };
    if line.contains(&0) {
        return Unit::Other;
    }
    if let (true, Some(length)) = (line.is_empty(), length) {
        return head.end(length, notes);
    }
    if let Some(value) = field(line, b"upgrade:") {
        head.upgrade |= value.windows(4).any(|part| part.eq_ignore_ascii_case(b"TLS/"));
    } else if let Some(value) = field(line, b"transfer-encoding:") {
        head.chunked |= value.windows(7).any(|part| part.eq_ignore_ascii_case(b"chunked"));
    } else if let Some(value) = field(line, b"content-length:") {
        let digits = value.trim_ascii();
        head.body = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(usize::MAX);
    }
    let then = Expect::HttpHeader(head);
    length.map_or(Unit::Until(b'\n', then), |length| Unit::Sized(length, then))
}

/// A line of a body whose length is not told.
pub(super) fn body(view: &[u8]) -> Unit {
    if view.len() < STATUS_LINE && b"HTTP/1.".starts_with(view.get(..7).unwrap_or(view)) {
        return Unit::More;
    }
    whole_line(
        view,
        match kind(view) {
            Some(kind @ Kind::Response(_)) => Expect::HttpHeader(Head::new(kind)),
            _ => Expect::HttpBody,
        },
    )
}

impl Head {
    fn new(kind: Kind) -> Self {
        Self { kind, upgrade: false, body: 0, chunked: false }
    }

    /// The empty line, of so many bytes, behind the last header.
    fn end(self, length: usize, notes: &mut Notes) -> Unit {
        let (evidence, body) = match self.kind {
            Kind::Connect => (Evidence::HTTP_CONNECT, 0),
            Kind::Request if self.upgrade => (Evidence::HTTP_UPGRADE, self.body),
            Kind::Response(101) if self.upgrade => (Evidence::HTTP_UPGRADE, 0),
            // No body, whatever a header says (RFC 9110, section 9.3.6).
            Kind::Response(200..=299) => return self.tunnel(length, notes),
            Kind::Response(100 | 401 | 407 | 426) => (Evidence::NONE, self.body),
            Kind::Request | Kind::Response(_) => return Unit::Other,
        };
        notes.evidence.add(evidence);
        if self.chunked {
            return Unit::Sized(length, Expect::HttpBody);
        }
        Unit::Sized(length.saturating_add(body), Expect::Start)
    }

    fn tunnel(self, length: usize, notes: &mut Notes) -> Unit {
        notes.evidence.add(Evidence::HTTP_TUNNEL);
        Unit::Sized(length, Expect::Start)
    }
}

fn kind(view: &[u8]) -> Option<Kind> {
    if let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', status @ ..] = view {
        let digits = std::str::from_utf8(status.get(..3)?).ok()?;
        return digits.parse().ok().map(Kind::Response);
    }
    let method = view.iter().position(|&byte| byte == b' ')?;
    let (method, target) = view.split_at_checked(method)?;
    if !(3..=16).contains(&method.len()) || !method.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    match (method, target) {
        (b"CONNECT", _) => Some(Kind::Connect),
        (b"OPTIONS", [b' ', b'*', ..]) | (_, [b' ', b'/', ..]) => Some(Kind::Request),
        (_, [b' ', rest @ ..]) if rest.starts_with(b"http://") || rest.starts_with(b"https://") => Some(Kind::Request),
        _ => None,
    }
}

/// The value of a header line of this name, which is given with its colon.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

/// Bytes that a status line has at least: `HTTP/1.1 200`.
const STATUS_LINE: usize = 12;
