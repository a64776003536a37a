//! The encrypted_client_hello extension of a ClientHello (RFC 9849, section 5), as far as it is in the clear.
//!
//! In: the extension's content. Out: its numbers and lengths. What was encrypted stays so, and whether anything was
//! cannot be told from here: an extension filled with random bytes looks the same (section 6.2).
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use crate::wire::{Cursor, Incomplete};

/// What stands in the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EncryptedHello {
    /// A ClientHelloOuter, or GREASE.
    Outer(OuterHello),
    /// A ClientHelloInner: between a client-facing server and the one behind it.
    Inner,
}

/// The numbers of a ClientHelloOuter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OuterHello {
    /// HPKE's key derivation function (RFC 9180, section 7.2).
    pub kdf: u16,
    /// HPKE's cipher (RFC 9180, section 7.3).
    pub aead: u16,
    pub config_id: u8,
    /// Octets of the encapsulated key; none in a hello that answers a HelloRetryRequest.
    pub enc_length: u16,
    /// Octets of what is encrypted, or looks like it.
    pub payload_length: u16,
}

impl EncryptedHello {
    pub(super) fn read(content: &[u8]) -> Result<Self, Incomplete> {
        let mut cursor = Cursor::new(content);
        match cursor.u8()? {
            OUTER => {
                let (kdf, aead, config_id) = (cursor.u16()?, cursor.u16()?, cursor.u8()?);
                let (enc, payload) = (cursor.vec16()?, cursor.vec16()?);
                Ok(Self::Outer(OuterHello {
                    kdf,
                    aead,
                    config_id,
                    enc_length: length(enc),
                    payload_length: length(payload),
                }))
            }
            INNER => Ok(Self::Inner),
            _ => Err(Incomplete),
        }
    }

    pub fn outer(self) -> Option<OuterHello> {
        match self {
            Self::Outer(outer) => Some(outer),
            Self::Inner => None,
        }
    }
}

fn length(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

const OUTER: u8 = 0;
const INNER: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outer_hello_has_numbers_and_an_inner_one_has_none() {
        let outer = [0, 0, 1, 0, 3, 77, 0, 2, 9, 9, 0, 3, 8, 8, 8];
        let expected = OuterHello { kdf: 1, aead: 3, config_id: 77, enc_length: 2, payload_length: 3 };
        assert_eq!(EncryptedHello::read(&outer), Ok(EncryptedHello::Outer(expected)));
        assert_eq!(EncryptedHello::read(&[1]), Ok(EncryptedHello::Inner));
    }

    #[test]
    fn what_is_cut_or_of_another_type_is_not_read() {
        let outer = [0, 0, 1, 0, 3, 77, 0, 2, 9, 9, 0, 3, 8, 8, 8];
        for end in 0..outer.len() {
            assert_eq!(EncryptedHello::read(outer.get(..end).unwrap_or_default()), Err(Incomplete), "{end}");
        }
        assert_eq!(EncryptedHello::read(&[2]), Err(Incomplete));
    }
}
