//! SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7; RFC 3279; RFC 5480).
//!
//! In: its content. Out: algorithm, size, curve. Does not check that the key is a good one.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::Key;
use super::der::{self, Element};
use crate::wire::{Cursor, registry};

/// The key, or `None` where not even its algorithm can be read.
pub(super) fn read(body: &[u8]) -> Option<Key> {
    let mut info = Cursor::new(body);
    let mut identifier = Cursor::new(Element::tagged(&mut info, der::SEQUENCE)?.body);
    let algorithm = der::dotted(Element::tagged(&mut identifier, der::OID)?.body)?;
    let parameters = Element::next(&mut identifier);
    let bits = Element::tagged(&mut info, der::BIT_STRING).and_then(|bits| bits.body.split_first());
    let mut key = Key { algorithm, bits: None, curve: None, exponent: None };
    match registry::public_key_algorithm(&key.algorithm) {
        Some("RSA" | "RSA-PSS" | "RSA-OAEP") => {
            key.bits = bits.and_then(|(_, key)| first_integer_of_sequence(key));
            key.exponent = bits.and_then(|(_, key)| exponent(key));
        }
        Some("DSA" | "DH") => key.bits = parameters.and_then(|p| first_integer_of_sequence(p.whole)),
        Some("ECDSA" | "ECDH") => {
            key.curve = parameters.filter(|p| p.tag == der::OID).and_then(|p| der::dotted(p.body));
            key.bits = match &key.curve {
                Some(curve) => registry::curve_bits(curve),
                None => parameters.and_then(|p| field_of_explicit_curve(p.whole)),
            };
        }
        Some(gost) if gost.starts_with("GOST") => {
            key.curve = parameters.and_then(|p| parameter_set(p.whole));
            key.bits = key.curve.as_deref().and_then(registry::curve_bits);
        }
        _ => {}
    }
    Some(key)
}

/// Bits of the integer a SEQUENCE begins with: RSA's modulus, DSA's and DH's prime.
fn first_integer_of_sequence(bytes: &[u8]) -> Option<u32> {
    let mut fields = Cursor::new(Element::tagged(&mut Cursor::new(bytes), der::SEQUENCE)?.body);
    bits(Element::tagged(&mut fields, der::INTEGER)?.body)
}

/// The second number of an RSAPublicKey (RFC 8017, appendix A.1.1).
fn exponent(bytes: &[u8]) -> Option<u32> {
    let mut fields = Cursor::new(Element::tagged(&mut Cursor::new(bytes), der::SEQUENCE)?.body);
    Element::tagged(&mut fields, der::INTEGER)?;
    der::small(Element::tagged(&mut fields, der::INTEGER)?.body)
}

/// ECParameters of RFC 3279 (section 2.3.5): a prime field's prime, or a binary field's degree.
fn field_of_explicit_curve(parameters: &[u8]) -> Option<u32> {
    let mut fields = Cursor::new(Element::tagged(&mut Cursor::new(parameters), der::SEQUENCE)?.body);
    Element::tagged(&mut fields, der::INTEGER)?;
    let mut field = Cursor::new(Element::tagged(&mut fields, der::SEQUENCE)?.body);
    Element::tagged(&mut field, der::OID)?;
    match Element::next(&mut field)? {
        prime if prime.tag == der::INTEGER => bits(prime.body),
        binary => {
            let degree = Element::tagged(&mut Cursor::new(binary.body), der::INTEGER)?.body;
            degree.iter().try_fold(0u32, |m, &octet| m.checked_mul(256)?.checked_add(octet.into()))
        }
    }
}

/// GostR3410-PublicKeyParameters (RFC 9215, section 4.2) begin with the curve.
fn parameter_set(parameters: &[u8]) -> Option<String> {
    let mut fields = Cursor::new(Element::tagged(&mut Cursor::new(parameters), der::SEQUENCE)?.body);
    der::dotted(Element::tagged(&mut fields, der::OID)?.body)
}

fn bits(integer: &[u8]) -> Option<u32> {
    let zeros = integer.iter().take_while(|&&octet| octet == 0).count();
    let digits = integer.get(zeros..)?;
    let first = digits.first()?;
    u32::try_from(digits.len()).ok()?.checked_mul(8)?.checked_sub(first.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_are_no_bits_of_a_number() {
        assert_eq!(bits(&[0, 0x80, 0]), Some(16));
        assert_eq!(bits(&[0x01, 0xff]), Some(9));
        assert_eq!(bits(&[0, 0]), None);
    }
}
