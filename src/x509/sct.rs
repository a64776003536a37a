//! Signed certificate timestamps (RFC 6962, section 3.3).
//!
//! In: a SignedCertificateTimestampList, as it stands in a certificate, a stapled answer or an extension of a hello. Out:
//! who signed, and when. Verifies no signature: the logs' keys are not here.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::der::{self, Element};
use crate::wire::Cursor;

/// One timestamp of one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sct {
    /// SHA-256 of the log's key.
    pub log: [u8; 32],
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp: u64,
}

/// The timestamps of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scts {
    /// At most [`MAX_SCTS`] of them, in order.
    pub list: Vec<Sct>,
    /// How many there were, with those of other versions than 1.
    pub count: u32,
    /// The list ended before it should have, or something in it could not be read.
    pub malformed: bool,
}

impl Scts {
    /// Reads a list as far as it goes.
    pub fn read(list: &[u8]) -> Self {
        let mut scts = Self::default();
        let mut outside = Cursor::new(list);
        let body = outside.u16().map(|len| outside.take_readable(usize::from(len)));
        let Ok((body, whole)) = body else {
            scts.malformed = true;
            return scts;
        };
        scts.malformed = !whole || !outside.is_empty() || body.is_empty();
        let mut rest = Cursor::new(body);
        while !rest.is_empty() {
            let Ok(one) = rest.vec16() else {
                scts.malformed = true;
                break;
            };
            scts.count = scts.count.saturating_add(1);
            match timestamp(one) {
                Some(sct) if scts.list.len() < MAX_SCTS => scts.list.push(sct),
                Some(_) => {}
                None => scts.malformed |= one.first().is_none_or(|version| *version == VERSION_1),
            }
        }
        scts
    }

    /// Reads the value of an extension of X.509 or OCSP: the list in an OCTET STRING (RFC 6962, section 3.3).
    pub(super) fn in_extension(value: &[u8]) -> Self {
        match Element::tagged(&mut Cursor::new(value), der::OCTET_STRING) {
            Some(list) => Self::read(list.body),
            None => Self { malformed: true, ..Self::default() },
        }
    }
}

/// SignedCertificateTimestamp (RFC 6962, section 3.2) of version 1.
fn timestamp(bytes: &[u8]) -> Option<Sct> {
    let mut fields = Cursor::new(bytes);
    if fields.u8().ok()? != VERSION_1 {
        return None;
    }
    let log = fields.array().ok()?;
    let timestamp = u64::from_be_bytes(fields.array().ok()?);
    // Extensions, the two numbers of the algorithm, the signature.
    fields.vec16().ok()?;
    fields.u16().ok()?;
    fields.vec16().ok()?;
    fields.is_empty().then_some(Sct { log, timestamp })
}

/// Of a timestamp, in a second.
pub const MILLISECONDS: u64 = 1_000;
/// Timestamps that are kept of one list.
pub const MAX_SCTS: usize = 32;
const VERSION_1: u8 = 0;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    fn sct(log: u8, timestamp: u64) -> Vec<u8> {
        let mut bytes = vec![VERSION_1];
        bytes.extend([log; 32]);
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend([0, 0, 4, 3, 0, 2, 9, 9]);
        bytes
    }

    fn list(scts: &[Vec<u8>]) -> Vec<u8> {
        let body: Vec<u8> = scts.iter().flat_map(|one| [&(one.len() as u16).to_be_bytes()[..], one].concat()).collect();
        [&(body.len() as u16).to_be_bytes()[..], &body].concat()
    }

    #[test]
    fn a_list_tells_logs_and_times() {
        let scts = Scts::read(&list(&[sct(7, 1_700_000_000_000), sct(8, 1)]));
        assert_eq!((scts.count, scts.malformed), (2, false));
        assert_eq!(scts.list[0], Sct { log: [7; 32], timestamp: 1_700_000_000_000 });
        assert_eq!(scts.list[1].log, [8; 32]);
    }

    #[test]
    fn another_version_counts_and_is_not_read() {
        let mut other = sct(7, 1);
        other[0] = 1;
        let scts = Scts::read(&list(&[other, sct(8, 1)]));
        assert_eq!((scts.count, scts.list.len(), scts.malformed), (2, 1, false));
    }

    #[test]
    fn a_list_that_is_cut_anywhere_is_marked() {
        let whole = list(&[sct(7, 1), sct(8, 1)]);
        for len in 0..whole.len() {
            assert!(Scts::read(&whole[..len]).malformed, "{len}");
        }
        assert!(Scts::read(&[0, 0]).malformed, "an empty list is none");
    }

    #[test]
    fn many_timestamps_are_counted_and_few_kept() {
        let scts = Scts::read(&list(&vec![sct(7, 1); 1_000]));
        assert_eq!((scts.count, scts.list.len()), (1_000, MAX_SCTS));
    }
}
