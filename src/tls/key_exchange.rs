//! What a server's ServerKeyExchange says (RFC 5246, section 7.4.3).
//!
//! In: a message's body, with the suite and the version that were agreed on, which give it its form. Out: views of the
//! parameters. Neither signatures nor parameters are checked.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use crate::wire::registry::{self, ServerParameters};
use crate::wire::{Cursor, Incomplete};

/// A ServerKeyExchange, as far as it could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerKeyExchange<'a> {
    /// The named curve of ECDHE (RFC 8422, section 5.4).
    pub group: Option<u16>,
    pub dh: Option<DhParameters<'a>>,
    /// The modulus of a temporary RSA key: of export suites alone (RFC 2246, section 7.4.3).
    pub rsa_modulus: Option<&'a [u8]>,
    /// The scheme of the signature; before TLS 1.2 it follows from the suite, and is not sent.
    pub signature_scheme: Option<u16>,
}

/// Numbers of a Diffie-Hellman exchange, as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DhParameters<'a> {
    pub prime: &'a [u8],
    pub generator: &'a [u8],
    /// The server's public value.
    pub public: &'a [u8],
}

/// What was agreed on, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) suite: u16,
    pub(super) version: u16,
}

impl<'a> ServerKeyExchange<'a> {
    /// Reads a message's body; what its form does not allow is left out.
    pub(super) fn read(body: &'a [u8], agreed: Option<Agreed>) -> Self {
        let mut read = Self::default();
        let mut cursor = Cursor::new(body);
        match agreed {
            Some(agreed) => {
                let _ = read.fill(&mut cursor, agreed);
            }
            // Without a ServerHello: a named curve can hardly be anything else.
            None => read.group = named_curve(&mut cursor).ok().flatten(),
        }
        read
    }

    fn fill(&mut self, cursor: &mut Cursor<'a>, agreed: Agreed) -> Result<(), Incomplete> {
        let Some(form) = registry::server_key_exchange(agreed.suite) else { return Ok(()) };
        if form.has_psk_hint {
            cursor.vec16()?;
        }
        match form.parameters {
            ServerParameters::None => return Ok(()),
            ServerParameters::Dh => {
                let (prime, generator, public) = (cursor.vec16()?, cursor.vec16()?, cursor.vec16()?);
                self.dh = Some(DhParameters { prime, generator, public });
            }
            ServerParameters::Curve => {
                self.group = named_curve(cursor)?;
                // The length of an explicit curve (RFC 4492, section 5.4) is not known without reading it.
                if self.group.is_none() {
                    return Ok(());
                }
                cursor.vec8()?;
            }
            ServerParameters::Rsa => {
                self.rsa_modulus = Some(cursor.vec16()?);
                cursor.vec16()?;
            }
            // Modulus, generator, salt, public value (RFC 5054, section 2.5.3): of a group that the client knows.
            ServerParameters::Srp => {
                cursor.vec16()?;
                cursor.vec16()?;
                cursor.vec8()?;
                cursor.vec16()?;
            }
        }
        if form.is_signed && names_schemes(agreed.version) {
            self.signature_scheme = Some(cursor.u16()?);
        }
        Ok(())
    }
}

/// Bits of an unsigned number.
pub fn bits(number: &[u8]) -> u16 {
    let digits = number.iter().position(|&octet| octet != 0).and_then(|first| number.get(first..)).unwrap_or_default();
    let unused = digits.first().map_or(0, |first| first.leading_zeros());
    let bits = digits.len().saturating_mul(8).saturating_sub(usize::try_from(unused).unwrap_or(0));
    u16::try_from(bits).unwrap_or(u16::MAX)
}

fn named_curve(cursor: &mut Cursor<'_>) -> Result<Option<u16>, Incomplete> {
    match cursor.u8()? {
        NAMED_CURVE => cursor.u16().map(Some),
        _ => Ok(None),
    }
}

/// Whether signatures are sent with their scheme: TLS 1.2 and DTLS 1.2. TLS 1.3 does so too, and encrypts them.
pub fn names_schemes(version: u16) -> bool {
    matches!(version, 0x0303 | 0xfefd)
}

const NAMED_CURVE: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(suite: u16, version: u16) -> Option<Agreed> {
        Some(Agreed { suite, version })
    }

    #[test]
    fn each_kind_of_suite_has_its_form() {
        let dh = [0, 2, 0x80, 1, 0, 1, 5, 0, 2, 7, 7, 8, 4, 0, 1, 9];
        let read = ServerKeyExchange::read(&dh, agreed(0x009e, 0x0303));
        let expected = DhParameters { prime: &[0x80, 1], generator: &[5], public: &[7, 7] };
        assert_eq!((read.dh, read.signature_scheme, read.group), (Some(expected), Some(0x0804), None));
        // TLS 1.1 sends no scheme, an anonymous suite no signature.
        assert_eq!(ServerKeyExchange::read(&dh, agreed(0x0033, 0x0302)).signature_scheme, None);
        let anonymous = ServerKeyExchange::read(&dh, agreed(0x0034, 0x0303));
        assert_eq!((anonymous.dh, anonymous.signature_scheme), (Some(expected), None));

        let curve = [3, 0, 29, 1, 4, 4, 3, 0, 1, 9];
        let read = ServerKeyExchange::read(&curve, agreed(0xc02b, 0xfefd));
        assert_eq!((read.group, read.signature_scheme, read.dh), (Some(29), Some(0x0403), None));
        let with_hint = [0, 3, b'a', b'b', b'c', 3, 0, 23, 1, 4];
        assert_eq!(ServerKeyExchange::read(&with_hint, agreed(0xc035, 0x0303)).group, Some(23));
        assert_eq!(ServerKeyExchange::read(&curve, None).group, Some(29));

        let rsa = [0, 2, 0x80, 0, 0, 1, 3, 0, 1, 9];
        assert_eq!(ServerKeyExchange::read(&rsa, agreed(0x0003, 0x0301)).rsa_modulus, Some(&[0x80, 0][..]));
        let hint = [0, 1, b'a'];
        assert_eq!(ServerKeyExchange::read(&hint, agreed(0x008c, 0x0303)), ServerKeyExchange::default());
    }

    #[test]
    fn an_explicit_curve_and_a_cut_message_say_little() {
        assert_eq!(ServerKeyExchange::read(&[1, 4, 1, 2, 3, 4], agreed(0xc02f, 0x0303)), ServerKeyExchange::default());
        let dh = [0, 2, 0x80, 1, 0, 1, 5, 0, 2, 7, 7, 8, 4, 0, 1, 9];
        for end in 0..11 {
            let cut = dh.get(..end).unwrap_or_default();
            assert_eq!(ServerKeyExchange::read(cut, agreed(0x009e, 0x0303)), ServerKeyExchange::default());
        }
    }

    #[test]
    fn bits_are_counted_without_leading_zeros() {
        assert_eq!(bits(&[]), 0);
        assert_eq!(bits(&[0, 0]), 0);
        assert_eq!(bits(&[0, 1]), 1);
        assert_eq!(bits(&[0x80, 0]), 16);
        assert_eq!(bits(&[0, 0x7f, 0xff]), 15);
        assert_eq!(bits(&[0xff; 1 << 14]), u16::MAX);
    }
}
