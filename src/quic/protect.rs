//! Initial keys, header protection and packet protection (RFC 9001, section 5): anybody who sees the client's first
//! Destination Connection ID can take them off.
//!
//! In: a packet and a connection id. Out: its frames, if the tag holds. Nothing unauthenticated comes out.

use ring::aead::quic::{AES_128, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk};
use ring::{aead, hkdf};

use super::header::{Long, TAG};
use super::version::{RetrySecret, Salt, Wire};

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// What one side's Initial packets of one connection are protected with.
pub(super) struct Keys {
    packet: LessSafeKey,
    iv: [u8; 12],
    header: HeaderProtectionKey,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("iv", &self.iv).finish_non_exhaustive()
    }
}

/// What keys are derived from, beside the version's salt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) side: Side,
    /// Destination Connection ID of the client's first Initial packet, or of the first one after a Retry.
    pub(super) dcid: &'a [u8],
}

/// A packet without its protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) number: u64,
    /// Where its frames stand in the scratch buffer.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Keys {
    /// RFC 9001, section 5.2.
    pub(super) fn derive(wire: &Wire, salt: &Salt, source: Source<'_>) -> Option<Self> {
        let initial = hkdf::Salt::new(HKDF_SHA256, salt).extract(source.dcid);
        let label = match source.side {
            Side::Client => CLIENT_IN,
            Side::Server => SERVER_IN,
        };
        let secret: Prk = initial.expand(&[label], HKDF_SHA256).ok()?.into();
        let labels = wire.labels;
        let packet: UnboundKey = secret.expand(&[labels.key], &AES_128_GCM).ok()?.into();
        let header: HeaderProtectionKey = secret.expand(&[labels.header], &AES_128).ok()?.into();
        let mut iv = [0; 12];
        secret.expand(&[labels.iv], IvLength).ok()?.fill(&mut iv).ok()?;
        Some(Self { packet: LessSafeKey::new(packet), iv, header })
    }

    /// Takes the protection off a copy of the packet (RFC 9001, sections 5.3 and 5.4). `largest` is the largest packet
    /// number that came from this side.
    pub(super) fn open(&self, packet: &Long<'_>, largest: Option<u64>, scratch: &mut Vec<u8>) -> Option<Opened> {
        let bytes = packet.bytes;
        // The number is taken to have four bytes where the sample is looked for.
        let sample_at = packet.number_at.checked_add(4)?;
        let sample = bytes.get(sample_at..sample_at.checked_add(TAG)?)?;
        let [first_mask, number_mask @ ..] = self.header.new_mask(sample).ok()?;
        scratch.clear();
        scratch.extend_from_slice(bytes);
        let first = scratch.first_mut()?;
        *first ^= first_mask & 0x0f;
        let length = usize::from(*first & 3).saturating_add(1);
        let start = packet.number_at.checked_add(length)?;
        let (header, body) = scratch.split_at_mut_checked(start)?;
        let mut truncated = 0;
        for (byte, mask) in header.get_mut(packet.number_at..)?.iter_mut().zip(number_mask) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        let number = full_number(truncated, length, largest);
        let mut nonce = self.iv;
        for (byte, of_number) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= of_number;
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        let frames = self.packet.open_in_place(nonce, Aad::from(&*header), body).ok()?.len();
        Some(Opened { number, start, end: start.saturating_add(frames) })
    }
}

#[cfg(test)]
impl Keys {
    /// Puts the protection on a packet whose header ends with a packet number of four bytes.
    pub(super) fn seal(&self, header: &[u8], frames: &[u8]) -> Vec<u8> {
        let at = header.len().saturating_sub(4);
        let (mut packet, mut nonce) = (header.to_vec(), self.iv);
        for (byte, of_number) in nonce.iter_mut().skip(8).zip(header.iter().skip(at)) {
            *byte ^= of_number;
        }
        let mut body = frames.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.packet.seal_in_place_separate_tag(nonce, Aad::from(header), &mut body).ok();
        body.extend(tag.iter().flat_map(|tag| tag.as_ref()));
        let mask = self.header.new_mask(body.get(..TAG).unwrap_or_default()).unwrap_or_default();
        packet.first_mut().into_iter().for_each(|first| *first ^= mask.first().unwrap_or(&0) & 0x0f);
        packet.iter_mut().skip(at).zip(mask.iter().skip(1)).for_each(|(byte, mask)| *byte ^= mask);
        packet.extend(body);
        packet
    }
}

/// Whether a Retry packet's tag is that of a server that saw the client's Initial with this id (RFC 9001, section 5.8).
pub(super) fn is_genuine_retry(secret: &RetrySecret, original_dcid: &[u8], packet: &[u8]) -> bool {
    let Some((head, tag)) = packet.len().checked_sub(TAG).and_then(|at| packet.split_at_checked(at)) else {
        return false;
    };
    let Ok(key) = UnboundKey::new(&AES_128_GCM, &secret.key) else { return false };
    let Ok(id_length) = u8::try_from(original_dcid.len()) else { return false };
    let mut pseudo = Vec::with_capacity(packet.len().saturating_add(original_dcid.len()));
    pseudo.push(id_length);
    pseudo.extend_from_slice(original_dcid);
    pseudo.extend_from_slice(head);
    let nonce = Nonce::assume_unique_for_key(secret.nonce);
    let expected = LessSafeKey::new(key).seal_in_place_separate_tag(nonce, Aad::from(&pseudo), &mut []);
    expected.is_ok_and(|expected| expected.as_ref() == tag)
}

/// RFC 9000, appendix A.3: the number nearest to the one that is due.
fn full_number(truncated: u64, length: usize, largest: Option<u64>) -> u64 {
    let due = largest.map_or(0, |largest| largest.saturating_add(1));
    let window = 1u64 << (length & 7).saturating_mul(8);
    let candidate = due & !window.wrapping_sub(1) | truncated;
    let half = window >> 1;
    let next = candidate.saturating_add(window);
    if candidate.saturating_add(half) <= due && next < 1 << 62 {
        next
    } else if candidate > due.saturating_add(half) && candidate >= window {
        candidate.saturating_sub(window)
    } else {
        candidate
    }
}

struct IvLength;

impl KeyType for IvLength {
    fn len(&self) -> usize {
        aead::NONCE_LEN
    }
}

const CLIENT_IN: &[u8] = b"\x00\x20\x0ftls13 client in\x00";
const SERVER_IN: &[u8] = b"\x00\x20\x0ftls13 server in\x00";
