//! Where the parts of a certificate lie (RFC 5280, section 4.1).
//!
//! In: DER. Out: its fields and extensions, borrowed. Judges nothing: what a field means is said elsewhere.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::der::{self, Element, open};
use crate::wire::Cursor;

/// The fields of a certificate; each is the content of its element where nothing else is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    /// The whole of the TBSCertificate: what is signed.
    pub(super) signed: Option<&'a [u8]>,
    pub(super) version: u32,
    pub(super) serial: Option<&'a [u8]>,
    /// The AlgorithmIdentifier inside, and after the whole was read the one outside: a verifier uses that.
    pub(super) signature_algorithm: Option<&'a [u8]>,
    /// Both AlgorithmIdentifiers are the same, as they must be.
    pub(super) one_algorithm: bool,
    pub(super) issuer: Option<&'a [u8]>,
    pub(super) validity: Option<&'a [u8]>,
    pub(super) subject: Option<&'a [u8]>,
    /// The whole Name: what an issuer's name is hashed over.
    pub(super) subject_whole: Option<&'a [u8]>,
    pub(super) key: Option<&'a [u8]>,
    /// The whole SubjectPublicKeyInfo, which is what a pin is taken over.
    pub(super) key_info: Option<&'a [u8]>,
    pub(super) extensions: Option<&'a [u8]>,
    /// The signature itself, without the octet that counts unused bits.
    pub(super) signature: Option<&'a [u8]>,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Self {
            signed: None,
            version: 1,
            serial: None,
            signature_algorithm: None,
            one_algorithm: true,
            issuer: None,
            validity: None,
            subject: None,
            subject_whole: None,
            key: None,
            key_info: None,
            extensions: None,
            signature: None,
        }
    }
}

impl<'a> Fields<'a> {
    /// Reads up to the first field that is not what stands there by the standard: what follows is not guessed. `None`
    /// where that was before the end.
    pub(super) fn read(&mut self, der: &'a [u8]) -> Option<()> {
        let mut bytes = Cursor::new(der);
        let (mut certificate, whole) = open(&mut bytes, der::SEQUENCE)?;
        self.signed = Element::tagged(&mut { certificate }, der::SEQUENCE).map(|tbs| tbs.whole);
        let (mut tbs, _) = open(&mut certificate, der::SEQUENCE)?;
        if let Some(explicit) = Element::tagged(&mut tbs, VERSION) {
            self.version = version(explicit.body)?;
        }
        self.serial = Some(Element::tagged(&mut tbs, der::INTEGER)?.body);
        let inside = Element::tagged(&mut tbs, der::SEQUENCE)?.body;
        self.signature_algorithm = Some(inside);
        self.issuer = Some(Element::tagged(&mut tbs, der::SEQUENCE)?.body);
        self.validity = Some(Element::tagged(&mut tbs, der::SEQUENCE)?.body);
        let subject = Element::tagged(&mut tbs, der::SEQUENCE)?;
        (self.subject, self.subject_whole) = (Some(subject.body), Some(subject.whole));
        let key = Element::tagged(&mut tbs, der::SEQUENCE)?;
        (self.key, self.key_info) = (Some(key.body), Some(key.whole));
        while !tbs.is_empty() {
            match Element::next(&mut tbs)? {
                unique_id if UNIQUE_IDS.contains(&unique_id.tag) => {}
                extensions if extensions.tag == EXTENSIONS => {
                    self.extensions = Some(extensions.body);
                }
                _ => return None,
            }
        }
        let outside = Element::tagged(&mut certificate, der::SEQUENCE)?.body;
        self.signature_algorithm = Some(outside);
        self.one_algorithm = inside == outside;
        let signature = Element::tagged(&mut certificate, der::BIT_STRING)?.body;
        self.signature = signature.split_first().filter(|(unused, _)| **unused == 0).map(|(_, signature)| signature);
        (whole && certificate.is_empty() && bytes.is_empty()).then_some(())
    }
}

/// One extension (RFC 5280, section 4.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct Extension<'a> {
    /// Content octets.
    pub(super) oid: &'a [u8],
    pub(super) critical: bool,
    pub(super) value: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The extensions up to the first that is broken, and whether these are all.
    pub(super) fn list(body: &'a [u8]) -> (Vec<Self>, bool) {
        let mut list = Vec::new();
        if body.is_empty() {
            return (list, true);
        }
        let Some((mut rest, mut whole)) = open(&mut Cursor::new(body), der::SEQUENCE) else {
            return (list, false);
        };
        while !rest.is_empty() {
            let Some(extension) = Self::next(&mut rest) else {
                whole = false;
                break;
            };
            list.push(extension);
        }
        (list, whole)
    }

    fn next(rest: &mut Cursor<'a>) -> Option<Self> {
        let mut fields = Cursor::new(Element::tagged(rest, der::SEQUENCE)?.body);
        let oid = Element::tagged(&mut fields, der::OID)?.body;
        let critical = Element::tagged(&mut fields, der::BOOLEAN);
        let value = Element::tagged(&mut fields, der::OCTET_STRING)?.body;
        Some(Self { oid, critical: critical.is_some_and(|critical| critical.body != [0]), value })
    }
}

/// The content octets of an AlgorithmIdentifier's OID, and what stands behind it.
pub(super) fn algorithm(identifier: &[u8]) -> Option<(&[u8], Option<Element<'_>>)> {
    let mut parts = Cursor::new(identifier);
    let oid = Element::tagged(&mut parts, der::OID)?.body;
    Some((oid, Element::next(&mut parts)))
}

fn version(explicit: &[u8]) -> Option<u32> {
    match Element::tagged(&mut Cursor::new(explicit), der::INTEGER)?.body {
        [number] => u32::from(*number).checked_add(1),
        _ => None,
    }
}

/// Context-specific, constructed, 0.
pub(super) const VERSION: u8 = 0xa0;
/// Context-specific 1 and 2; primitive by the standard.
const UNIQUE_IDS: [u8; 4] = [0x81, 0x82, 0xa1, 0xa2];
pub(super) const EXTENSIONS: u8 = 0xa3;
