//! Handshake messages: put together from the records that carry them, and read.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::{ClientHello, Proxied, ServerHello, ServerKeyExchange, Upgrade, sslv2};
use crate::wire::{Cursor, Incomplete};

/// Something that one side said in the clear.
#[derive(Debug, Clone, Copy)]
pub enum Message<'a> {
    /// What stood before TLS in the stream.
    Upgraded(Upgrade),
    /// Whom a proxy speaks for.
    Proxied(Proxied),
    /// The next ClientHello opens another handshake in the same stream.
    Renegotiation,
    ClientHello(ClientHello<'a>),
    Sslv2ClientHello(ClientHello<'a>),
    ServerHello(ServerHello<'a>),
    HelloRetryRequest(ServerHello<'a>),
    /// The server of DTLS wants to see a cookie again (RFC 6347, section 4.2.1).
    HelloVerifyRequest,
    Sslv2ServerHello(sslv2::ServerHello<'a>),
    Certificates(Certificates<'a>),
    ServerKeyExchange(ServerKeyExchange<'a>),
    CertificateRequest,
    /// The OCSP response (RFC 6066, section 8).
    CertificateStatus(&'a [u8]),
    ServerHelloDone,
    /// With the number that it begins with: the signature's scheme, where the version sends it
    /// ([`names_schemes`](super::key_exchange::names_schemes)).
    CertificateVerify {
        scheme: Option<u16>,
    },
    NewSessionTicket,
    ChangeCipherSpec,
    /// The first encrypted record after the handshake's plaintext.
    Secured,
    /// The length of one of the first records that the client encrypted, in their order.
    ClientRecord(u16),
    /// The server took the client's early data, by what the client sent after them.
    EarlyDataTaken,
    Alert {
        level: u8,
        description: u8,
    },
    /// A message whose structure could not be read; its handshake type.
    Malformed(u8),
    /// A record whose version is not SSL 3.0 to TLS 1.3.
    UnknownRecordVersion,
    OversizedRecord,
    /// The direction went on with something that is no TLS record.
    NotARecord,
    /// A client hello that is not one of TLS: gQUIC's own.
    ForeignHello,
    /// Bytes did not come; in the middle of the message of this handshake type, if it was in one.
    Lost {
        within: Option<u8>,
        loss: Loss,
    },
}

/// Why bytes of a direction did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Not in the capture.
    Gap,
    /// Cut by a snap length, or the stream ended.
    Truncated,
    /// A cap was hit.
    Limit,
}

/// The certificates of a Certificate message (RFC 5246, section 7.4.2), leaf first.
#[derive(Debug, Clone, Copy)]
pub struct Certificates<'a> {
    list: &'a [u8],
    /// The list's own length promised more than there was.
    pub cut: bool,
}

impl<'a> Certificates<'a> {
    pub(super) fn read(body: &'a [u8]) -> Self {
        let mut cursor = Cursor::new(body);
        let length = cursor.u24().unwrap_or(u32::MAX);
        let (list, whole) = cursor.take_readable(usize::try_from(length).unwrap_or(usize::MAX));
        Self { list, cut: !whole }
    }

    /// The DER of each certificate whose bytes are all there.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut cursor = Cursor::new(self.list);
        std::iter::from_fn(move || cursor.vec24().ok())
    }
}

/// The OCSP response of a CertificateStatus message (RFC 6066, section 8); of several (RFC 6961, section 2.2) the first,
/// which is the leaf's. `Ok(None)` where the server has none to send.
pub(super) fn ocsp_response(body: &[u8]) -> Result<Option<&[u8]>, Incomplete> {
    let mut cursor = Cursor::new(body);
    let response = match cursor.u8()? {
        OCSP => cursor.vec24()?,
        OCSP_MULTI => Cursor::new(cursor.vec24()?).vec24()?,
        _ => return Err(Incomplete),
    };
    Ok(Some(response).filter(|response| !response.is_empty()))
}

/// Puts handshake messages together out of record fragments; a message that lies whole in one fragment is not copied.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    partial: Vec<u8>,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Collecting,
    /// So many bytes of a message that is not wanted, or not whole, are still to come.
    Discarding(usize),
    /// Where the next message starts is not known.
    Lost,
}

/// What a [`Joiner`] says of one message.
pub(crate) enum Joined<'a> {
    Whole {
        kind: u8,
        body: &'a [u8],
    },
    /// It will not be whole.
    Cut {
        kind: u8,
        body: &'a [u8],
        loss: Loss,
    },
}

impl Joiner {
    /// Forgets everything, and keeps a modest buffer.
    pub(crate) fn reset(&mut self) {
        self.state = State::Collecting;
        self.partial.clear();
        self.partial.shrink_to(KEPT_CAPACITY);
    }

    /// Takes a record's fragment; `cap` gives the most bytes that a message of a type may have.
    pub(crate) fn push<'a>(
        &'a mut self,
        mut fragment: &'a [u8],
        cap: impl Fn(u8) -> usize,
        mut out: impl FnMut(Joined<'_>),
    ) {
        while !fragment.is_empty() {
            match self.state {
                State::Lost => return,
                State::Discarding(left) => {
                    let (_, rest) = fragment.split_at_checked(left).unwrap_or((fragment, &[]));
                    self.discard(left.saturating_sub(fragment.len()));
                    fragment = rest;
                }
                State::Collecting if self.partial.is_empty() => {
                    let Some((kind, length)) = header(fragment) else {
                        self.partial.extend_from_slice(fragment);
                        return;
                    };
                    if length > cap(kind) {
                        out(Joined::Cut { kind, body: &[], loss: Loss::Limit });
                        self.discard(length.saturating_add(HEADER));
                        continue;
                    }
                    match fragment.split_at_checked(length.saturating_add(HEADER)) {
                        Some((message, rest)) => {
                            out(Joined::Whole { kind, body: message.get(HEADER..).unwrap_or_default() });
                            fragment = rest;
                        }
                        None => {
                            self.partial.extend_from_slice(fragment);
                            return;
                        }
                    }
                }
                State::Collecting => {
                    let wanted = header(&self.partial).map_or(HEADER, |(_, length)| length.saturating_add(HEADER));
                    let (now, rest) =
                        fragment.split_at_checked(wanted.saturating_sub(self.partial.len())).unwrap_or((fragment, &[]));
                    self.partial.extend_from_slice(now);
                    fragment = rest;
                    self.take_partial(&cap, &mut out);
                }
            }
        }
    }

    /// Gives the partial message out if it is whole by now, or over its cap.
    fn take_partial(&mut self, cap: &impl Fn(u8) -> usize, out: &mut impl FnMut(Joined<'_>)) {
        let Some((kind, length)) = header(&self.partial) else { return };
        let missing = length.saturating_add(HEADER).saturating_sub(self.partial.len());
        if length > cap(kind) {
            out(Joined::Cut { kind, body: &[], loss: Loss::Limit });
            self.partial.clear();
            self.discard(missing);
        } else if missing == 0 {
            out(Joined::Whole { kind, body: self.partial.get(HEADER..).unwrap_or_default() });
            self.partial.clear();
        }
    }

    /// So many bytes of the handshake stream are missing: the message they belong to is given out as far as it came.
    pub(crate) fn skip(&mut self, count: usize, loss: Loss, mut out: impl FnMut(Joined<'_>)) {
        match self.state {
            State::Lost => {}
            State::Discarding(left) if count <= left => self.discard(left.saturating_sub(count)),
            State::Discarding(_) => self.state = State::Lost,
            State::Collecting => {
                let left = header(&self.partial)
                    .map(|(_, length)| length.saturating_add(HEADER).saturating_sub(self.partial.len()));
                self.cut(loss, &mut out);
                match left {
                    Some(left) if count <= left => self.discard(left.saturating_sub(count)),
                    _ => self.state = State::Lost,
                }
            }
        }
    }

    /// Nothing more will come: the message begun is given out as far as it came.
    pub(crate) fn cut(&mut self, loss: Loss, out: &mut impl FnMut(Joined<'_>)) {
        if let Some((kind, _)) = header(&self.partial) {
            out(Joined::Cut { kind, body: self.partial.get(HEADER..).unwrap_or_default(), loss });
        }
        self.partial.clear();
    }

    /// Whether a message has begun and is not whole.
    pub(crate) fn is_within(&self) -> bool {
        !self.partial.is_empty()
    }

    fn discard(&mut self, left: usize) {
        self.state = if left == 0 { State::Collecting } else { State::Discarding(left) };
    }
}

/// Type and length of a handshake message.
fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let mut cursor = Cursor::new(bytes);
    let kind = cursor.u8().ok()?;
    Some((kind, usize::try_from(cursor.u24().ok()?).ok()?))
}

const OCSP: u8 = 1;
const OCSP_MULTI: u8 = 2;
/// Type and length.
pub(super) const HEADER: usize = 4;
/// What a joiner keeps of its buffer between two flows.
const KEPT_CAPACITY: usize = 8 << 10;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let mut bytes = vec![1, 0, 0, 3, 10, 11, 12, 14, 0, 0, 0, 11, 0, 1, 0];
        bytes.extend([9; 256]);
        bytes
    }

    fn joined(pieces: &[&[u8]]) -> Vec<(u8, usize)> {
        let (mut joiner, mut seen) = (Joiner::default(), Vec::new());
        for piece in pieces {
            joiner.push(
                piece,
                |_| 1000,
                |message| {
                    if let Joined::Whole { kind, body } = message {
                        seen.push((kind, body.len()));
                    }
                },
            );
        }
        seen
    }

    #[test]
    fn any_two_cuts_give_the_same_messages() {
        let bytes = stream();
        for first in 0..20 {
            for second in first..bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(joined(&pieces), [(1, 3), (14, 0), (11, 256)], "{first} {second}");
            }
        }
    }

    #[test]
    fn a_message_over_its_cap_is_said_and_stepped_over() {
        let (mut joiner, mut seen) = (Joiner::default(), Vec::new());
        for byte in stream() {
            joiner.push(
                &[byte],
                |kind| if kind == 1 { 2 } else { 1000 },
                |message| {
                    seen.push(match message {
                        Joined::Whole { kind, .. } => (kind, None),
                        Joined::Cut { kind, loss, .. } => (kind, Some(loss)),
                    });
                },
            );
        }
        assert_eq!(seen, [(1, Some(Loss::Limit)), (14, None), (11, None)]);
    }

    #[test]
    fn a_hole_within_a_message_costs_that_message_alone() {
        let bytes = stream();
        let (mut joiner, mut seen) = (Joiner::default(), Vec::new());
        let mut note = |message: Joined<'_>| {
            seen.push(match message {
                Joined::Whole { kind, body } => (kind, body.len(), true),
                Joined::Cut { kind, body, .. } => (kind, body.len(), false),
            });
        };
        joiner.push(&bytes[..5], |_| 1000, &mut note);
        joiner.skip(2, Loss::Gap, &mut note);
        joiner.push(&bytes[7..], |_| 1000, &mut note);
        assert_eq!(seen, [(1, 1, false), (14, 0, true), (11, 256, true)]);
    }
}
