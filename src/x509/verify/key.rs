//! A name for a chain, for caches.
//!
//! In: certificates. Out: a hash over theirs.
#![forbid(unsafe_code)]

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Purpose;
use crate::x509::Certificate;

/// Names a chain and what it is to prove. Two chains with the same key are the same certificates in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainKey([u8; 32]);

impl ChainKey {
    pub fn of(chain: &[Arc<Certificate>], purpose: Purpose) -> Self {
        let mut hash = Sha256::new();
        hash.update([match purpose {
            Purpose::Server => b's',
            Purpose::Client => b'c',
        }]);
        for certificate in chain {
            hash.update(certificate.sha256);
        }
        Self(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_purpose_make_another_key() {
        let [a, b] = [b"a", b"b"].map(|der| Arc::new(Certificate::from_der(der)));
        let of = |chain: &[&Arc<Certificate>], purpose| {
            ChainKey::of(&chain.iter().map(|&one| Arc::clone(one)).collect::<Vec<_>>(), purpose)
        };
        assert_eq!(of(&[&a, &b], Purpose::Server), of(&[&a, &b], Purpose::Server));
        assert_ne!(of(&[&a, &b], Purpose::Server), of(&[&b, &a], Purpose::Server));
        assert_ne!(of(&[&a, &b], Purpose::Server), of(&[&a, &b], Purpose::Client));
        assert_ne!(of(&[&a], Purpose::Server), of(&[&a, &a], Purpose::Server));
    }
}
