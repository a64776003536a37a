//! TDS 7.x, spoken by Microsoft SQL Server: PRELOGIN packets in the clear, then a TLS handshake in packets of that type,
//! then TLS as it is (MS-TDS, sections 2.2.6.5 and 3.2.5.2).

use super::{Carrier, Evidence, Expect, Notes, Unit, begins};
use crate::tls::probe::{Peer, Verdict};

/// A PRELOGIN packet of either side: its first option is the version, of six bytes. `None` where it is something else.
pub(super) fn prelogin(view: &[u8], notes: &mut Notes) -> Option<Unit> {
    match *view {
        [PRELOGIN | TABULAR_RESULT, 0 | 1, high, low, _, _, _, _, 0, 0, _, 0, 6, ..] => {
            let length = usize::from(u16::from_be_bytes([high, low]));
            notes.evidence.add(Evidence::TDS);
            (length > HEADER).then_some(Unit::Sized(length, Expect::TdsPacket))
        }
        _ if view.len() < FIRST_OPTION && view.iter().skip(HEADER).take(2).all(|&byte| byte == 0) => Some(Unit::More),
        _ => None,
    }
}

/// A packet that carries the start of the TLS handshake.
pub(super) fn handshake(view: &[u8]) -> Unit {
    match *view {
        [PRELOGIN | TABULAR_RESULT, _, _, _, _, _, _, _, ref payload @ ..] => match begins(payload, Peer::Unknown) {
            Verdict::Tls => Unit::Begins(Carrier::Tds),
            Verdict::More => Unit::More,
            Verdict::Sslv2 | Verdict::Neither => Unit::Other,
        },
        [PRELOGIN | TABULAR_RESULT, ..] => Unit::More,
        _ => Unit::Other,
    }
}

/// Takes TLS records out of TDS packets, up to the first record that stands by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tls) enum Packets {
    /// Within a packet's header, of which so much is here.
    Header { bytes: [u8; HEADER], have: usize },
    /// So many bytes before the end of a packet.
    Body(usize),
    /// There are no more packets.
    Over,
}

impl Packets {
    /// Before a packet.
    pub(in crate::tls) const START: Self = Self::Header { bytes: [0; HEADER], have: 0 };

    /// The next bytes of TLS, taken from the front of `input`; `None` when that is used up.
    pub(in crate::tls) fn step<'a>(&mut self, input: &mut &'a [u8]) -> Option<&'a [u8]> {
        loop {
            let first = *input.first()?;
            match self {
                Self::Over => return Some(std::mem::take(input)),
                Self::Header { have: 0, .. } if !matches!(first, PRELOGIN | TABULAR_RESULT) => *self = Self::Over,
                Self::Header { bytes, have } => {
                    for slot in bytes.iter_mut().skip(*have) {
                        let (byte, rest) = input.split_first()?;
                        (*slot, *input) = (*byte, rest);
                        *have = have.saturating_add(1);
                    }
                    let [_, _, high, low, ..] = *bytes;
                    *self = Self::before(usize::from(u16::from_be_bytes([high, low])).saturating_sub(HEADER));
                }
                Self::Body(left) => {
                    let (now, rest) = input.split_at_checked(*left).unwrap_or((input, &[]));
                    *input = rest;
                    *self = Self::before(left.saturating_sub(now.len()));
                    return Some(now);
                }
            }
        }
    }

    /// Steps over bytes that are missing; `Err` where they may have held a packet's header.
    pub(in crate::tls) fn skip(&mut self, count: usize) -> Result<(), ()> {
        match *self {
            Self::Body(left) if count <= left => *self = Self::before(left.saturating_sub(count)),
            Self::Over => {}
            _ => return Err(()),
        }
        Ok(())
    }

    fn before(left: usize) -> Self {
        if left == 0 { Self::START } else { Self::Body(left) }
    }
}

/// Type, status, length, process, number, window.
pub(in crate::tls) const HEADER: usize = 8;
pub(super) const PRELOGIN: u8 = 0x12;
const TABULAR_RESULT: u8 = 4;
/// The header, and the first option's token, offset and length.
const FIRST_OPTION: usize = 13;
