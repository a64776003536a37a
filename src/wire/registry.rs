//! The registries' names for numbers on the wire and for OIDs.
//!
//! In: a code point or a dotted OID. Out: its name, or `None` where nobody registered one; numbers stay the truth and
//! names are a view. Each fact stands in one table. Look-ups allocate nothing. Does not judge what is weak or modern.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod alerts;
mod ciphers;
mod ct_logs;
mod dh;
mod extensions;
mod groups;
mod methods;
mod oids;
mod quic;
mod signatures;
mod versions;

pub use alerts::{alert_cause, alert_description};
pub use ciphers::{ServerKeyExchangeForm, ServerParameters, cipher_suite, null_cipher_mac, server_key_exchange};
pub use ct_logs::ct_log;
pub use dh::dh_group;
pub use extensions::extension;
pub use groups::{Strength, group, group_strength, is_post_quantum};
pub use methods::{
    certificate_compression, compression_method, heartbeat_mode, max_fragment_length, point_format, psk_mode,
};
pub use oids::{curve, curve_bits, oid_named, public_key_algorithm, signature_algorithm};
pub use quic::{ParameterId, QuicVersion, TransportParameter, transport_parameter};
pub use signatures::signature_scheme;
pub use versions::{Version, version};

/// One of the 16 values RFC 8701 reserves: both bytes equal, low nibble `a`.
#[inline]
pub const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// A table sorted by its key, without duplicates.
type Table<K> = [(K, &'static str)];

fn name_of<K: Ord + Copy>(table: &Table<K>, key: K) -> Option<&'static str> {
    let at = table.binary_search_by_key(&key, |&(number, _)| number).ok()?;
    table.get(at).map(|&(_, name)| name)
}

#[cfg(test)]
fn is_sorted_without_duplicates<K: Ord>(table: &Table<K>) -> bool {
    table.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grease_has_sixteen_values() {
        assert_eq!((0..=u16::MAX).filter(|&v| is_grease(v)).count(), 16);
        assert!(is_grease(0x0a0a) && is_grease(0xfafa));
        assert!(!is_grease(0x0a1a) && !is_grease(0x0b0b) && !is_grease(0x1a0a));
    }

    #[test]
    fn grease_has_no_name() {
        for value in (0..=u16::MAX).filter(|&v| is_grease(v)) {
            assert_eq!(cipher_suite(value), None);
            assert_eq!(group(value), None);
            assert_eq!(extension(value), None);
            assert_eq!(signature_scheme(value), None);
            assert_eq!(version(value), None);
        }
    }
}
