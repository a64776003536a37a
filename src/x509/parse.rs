//! The facts of one certificate.
//!
//! In: DER. Out: [`Parsed`]. The walk here reads as far as the bytes make sense, and `x509-parser` judges whether the
//! whole is as it should be: a certificate that it refuses still tells its names, dates and serial number.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::net::IpAddr;

use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;
use x509_parser::certificate::X509CertificateParser;
use x509_parser::nom::Parser;

use super::certificate::MAX_ALTERNATIVE_NAMES;
use super::der::{self, Element};
use super::facts::{BASIC_CONSTRAINTS, Facts, SUBJECT_ALT_NAME};
use super::fields::{self, Extension, Fields};
use super::name::{Name, printable};
use super::validity::Instant;
use super::{Certificate, Malformed, Parsed, key};
use crate::wire::Cursor;

impl Certificate {
    /// Reads what can be read and verifies nothing. Time and memory are linear in `sent`.
    ///
    /// A certificate ends where its own length says (X.690, section 8.1.3): octets that were sent behind it are none of
    /// its encoding, and of no fingerprint.
    pub fn from_der(sent: &[u8]) -> Self {
        let der = encoding(sent);
        let mut parsed = certificate(der);
        if let Ok(parsed) = &mut parsed {
            parsed.irregular |= der.len() < sent.len();
        }
        Self {
            der: der.into(),
            md5: Md5::digest(der).into(),
            sha1: Sha1::digest(der).into(),
            sha256: Sha256::digest(der).into(),
            parsed,
        }
    }
}

/// The certificate's encoding at the head of what was sent; all of it where no length can be read, or it is too long.
fn encoding(sent: &[u8]) -> &[u8] {
    let mut cursor = Cursor::new(sent);
    match Element::tagged(&mut cursor, der::SEQUENCE) {
        Some(_) => sent.get(..sent.len().saturating_sub(cursor.len())).unwrap_or(sent),
        None => sent,
    }
}

fn certificate(der: &[u8]) -> Result<Parsed, Malformed> {
    let mut fields = Fields::default();
    let complete = fields.read(der).is_some();
    let serial = fields.serial.ok_or(Malformed)?;
    let identifier = fields.signature_algorithm.and_then(fields::algorithm);
    let mut parsed = Parsed {
        version: fields.version,
        serial: serial.into(),
        key: fields.key.and_then(key::read),
        signature_algorithm: identifier.and_then(|(oid, _)| der::dotted(oid)),
        self_issued: fields.issuer.is_some() && fields.issuer == fields.subject,
        irregular: !complete || !fields.one_algorithm || !is_accepted(der),
        facts: Facts::of(&fields),
        ..Parsed::default()
    };
    parsed.irregular |= parsed.key.is_none() || parsed.signature_algorithm.is_none();
    // RFC 5280, section 4.1.2.2: a positive number.
    parsed.irregular |= serial.first().is_none_or(|first| first & 0x80 != 0);
    let issuer = fields.issuer.and_then(Name::read);
    let subject = fields.subject.and_then(Name::read);
    let (extensions, whole) = Extension::list(fields.extensions.unwrap_or_default());
    #[cfg(feature = "ja4plus")]
    if let (Some(issuer), Some(subject), true) = (&issuer, &subject, complete && fields.one_algorithm && whole) {
        parsed.ja4x = Some(ja4x(issuer, subject, &extensions));
    }
    parsed.irregular |= !whole;
    (parsed.issuer, parsed.issuer_common_name) = parsed.name(issuer);
    (parsed.subject, parsed.subject_common_name) = parsed.name(subject);
    parsed.take_validity(fields.validity);
    for extension in &extensions {
        parsed.take_extension(extension);
    }
    Ok(parsed)
}

impl Parsed {
    fn name(&mut self, name: Option<Name<'_>>) -> (Option<String>, Option<String>) {
        self.irregular |= name.as_ref().is_none_or(|name| name.irregular);
        name.map_or((None, None), |name| (Some(name.text), name.common_name))
    }

    fn take_validity(&mut self, validity: Option<&[u8]>) {
        let mut times = Cursor::new(validity.unwrap_or_default());
        let mut next = || Element::next(&mut times).and_then(|time| Instant::read(&time));
        let both = [next(), next()];
        self.irregular |= both.iter().any(|time| time.is_none_or(|time| !time.regular));
        [self.not_before, self.not_after] = both.map(|time| time.map(|time| time.seconds));
    }

    fn take_extension(&mut self, extension: &Extension<'_>) {
        let read = match extension.oid {
            SUBJECT_ALT_NAME => self.take_alternative_names(extension.value),
            BASIC_CONSTRAINTS => self.take_basic_constraints(extension.value),
            _ => self.facts.take(extension),
        };
        self.irregular |= read.is_none();
    }

    /// BasicConstraints (RFC 5280, section 4.2.1.9).
    fn take_basic_constraints(&mut self, value: &[u8]) -> Option<()> {
        let mut fields = Cursor::new(Element::tagged(&mut Cursor::new(value), der::SEQUENCE)?.body);
        let ca = Element::tagged(&mut fields, der::BOOLEAN);
        self.is_ca = Some(ca.is_some_and(|ca| ca.body.iter().any(|&octet| octet != 0)));
        if let Some(length) = Element::tagged(&mut fields, der::INTEGER) {
            self.facts.path_length = Some(der::small(length.body)?);
        }
        Some(())
    }

    /// GeneralNames (RFC 5280, section 4.2.1.6).
    fn take_alternative_names(&mut self, value: &[u8]) -> Option<()> {
        let mut names = Cursor::new(Element::tagged(&mut Cursor::new(value), der::SEQUENCE)?.body);
        while !names.is_empty() {
            let name = Element::next(&mut names)?;
            if !matches!(name.tag, RFC822_NAME | DNS_NAME | URI | IP_ADDRESS) {
                self.facts.other_names = self.facts.other_names.saturating_add(1);
                continue;
            }
            if self.alternative_names() >= MAX_ALTERNATIVE_NAMES {
                self.names_left_out = self.names_left_out.saturating_add(1);
                continue;
            }
            match name.tag {
                RFC822_NAME => self.email_addresses.push(printable(name.body)),
                DNS_NAME => self.dns_names.push(printable(name.body)),
                URI => self.uris.push(printable(name.body)),
                _ => match address(name.body) {
                    Some(address) => self.ip_addresses.push(address),
                    None => self.irregular = true,
                },
            }
        }
        Some(())
    }

    fn alternative_names(&self) -> usize {
        [self.dns_names.len(), self.ip_addresses.len(), self.email_addresses.len(), self.uris.len()]
            .into_iter()
            .fold(0, usize::saturating_add)
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

fn is_accepted(der: &[u8]) -> bool {
    let parsed = X509CertificateParser::new().with_deep_parse_extensions(false).parse(der);
    parsed.is_ok_and(|(rest, _)| rest.is_empty())
}

#[cfg(feature = "ja4plus")]
fn ja4x(issuer: &Name<'_>, subject: &Name<'_>, extensions: &[Extension<'_>]) -> crate::fingerprint::ja4plus::Ja4x {
    use crate::fingerprint::ja4plus::{Ja4x, OidLists};

    let extensions: Vec<&[u8]> = extensions.iter().map(|extension| extension.oid).collect();
    Ja4x::of(&OidLists { issuer: &issuer.types, subject: &subject.types, extensions: &extensions })
}

pub(super) const RFC822_NAME: u8 = 0x81;
pub(super) const DNS_NAME: u8 = 0x82;
pub(super) const URI: u8 = 0x86;
pub(super) const IP_ADDRESS: u8 = 0x87;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::Certificate;
    use super::super::fields::{EXTENSIONS, VERSION};
    use super::*;

    /// What a test wants otherwise than usual; the rest is a good certificate.
    struct Draft {
        serial: Vec<u8>,
        subject: Vec<u8>,
        validity: Vec<u8>,
        key: Vec<u8>,
        extensions: Vec<Vec<u8>>,
    }

    impl Draft {
        fn new() -> Self {
            Self {
                serial: tlv(der::INTEGER, &[1, 2, 3]),
                subject: name(&[&common_name(b"host.example")]),
                validity: validity(b"700101000000Z", b"491231235959Z"),
                key: rsa(&[0x80; 256]),
                extensions: Vec::new(),
            }
        }

        fn der(&self) -> Vec<u8> {
            let algorithm = tlv(der::SEQUENCE, &[tlv(der::OID, SHA256_RSA), tlv(0x05, &[])].concat());
            let mut tbs = [
                tlv(VERSION, &tlv(der::INTEGER, &[2])),
                self.serial.clone(),
                algorithm.clone(),
                name(&[&common_name(b"Issuer")]),
                self.validity.clone(),
                self.subject.clone(),
                self.key.clone(),
            ]
            .concat();
            if !self.extensions.is_empty() {
                tbs.extend(tlv(EXTENSIONS, &tlv(der::SEQUENCE, &self.extensions.concat())));
            }
            let signature = tlv(der::BIT_STRING, &[0; 33]);
            tlv(der::SEQUENCE, &[tlv(der::SEQUENCE, &tbs), algorithm, signature].concat())
        }

        fn parsed(&self) -> Parsed {
            certificate(&self.der()).unwrap()
        }
    }

    fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
        let len = body.len();
        let header = match len {
            0..0x80 => vec![tag, len as u8],
            0x80..0x1_0000 => vec![tag, 0x82, (len >> 8) as u8, len as u8],
            _ => vec![tag, 0x83, (len >> 16) as u8, (len >> 8) as u8, len as u8],
        };
        [header, body.to_vec()].concat()
    }

    fn common_name(value: &[u8]) -> Vec<u8> {
        let pair = [tlv(der::OID, &[0x55, 4, 3]), tlv(0x0c, value)].concat();
        tlv(der::SET, &tlv(der::SEQUENCE, &pair))
    }

    fn name(rdns: &[&[u8]]) -> Vec<u8> {
        tlv(der::SEQUENCE, &rdns.concat())
    }

    fn validity(from: &[u8], to: &[u8]) -> Vec<u8> {
        tlv(der::SEQUENCE, &[tlv(0x17, from), tlv(0x17, to)].concat())
    }

    fn rsa(modulus: &[u8]) -> Vec<u8> {
        let numbers = [tlv(der::INTEGER, &[&[0], modulus].concat()), tlv(der::INTEGER, &[1, 0, 1])].concat();
        let key = [vec![0], tlv(der::SEQUENCE, &numbers)].concat();
        public_key(&[tlv(der::OID, RSA), tlv(0x05, &[])].concat(), &key)
    }

    fn public_key(algorithm: &[u8], bits: &[u8]) -> Vec<u8> {
        tlv(der::SEQUENCE, &[tlv(der::SEQUENCE, algorithm), tlv(der::BIT_STRING, bits)].concat())
    }

    fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
        tlv(der::SEQUENCE, &[tlv(der::OID, oid), tlv(der::OCTET_STRING, value)].concat())
    }

    fn alternative_names(names: &[Vec<u8>]) -> Vec<u8> {
        extension(SUBJECT_ALT_NAME, &tlv(der::SEQUENCE, &names.concat()))
    }

    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    const SHA256_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

    #[test]
    fn a_good_certificate_tells_everything() {
        let parsed = Draft::new().parsed();
        assert_eq!(parsed.version, 3);
        assert_eq!(*parsed.serial, [1, 2, 3]);
        assert_eq!(parsed.subject.as_deref(), Some("CN=host.example"));
        assert_eq!(parsed.issuer.as_deref(), Some("CN=Issuer"));
        assert_eq!(parsed.subject_common_name.as_deref(), Some("host.example"));
        assert_eq!((parsed.not_before, parsed.not_after), (Some(0), Some(2_524_607_999)));
        assert_eq!(parsed.signature_algorithm.as_deref(), Some("1.2.840.113549.1.1.11"));
        let key = parsed.key.unwrap();
        assert_eq!((key.algorithm.as_str(), key.bits), ("1.2.840.113549.1.1.1", Some(2048)));
        assert_eq!(parsed.is_ca, None);
        assert!(!parsed.self_issued);
        assert!(!parsed.irregular);
    }

    #[test]
    fn alternative_names_go_by_their_kind() {
        let names = [
            tlv(DNS_NAME, b"*.example"),
            tlv(IP_ADDRESS, &[192, 0, 2, 1]),
            tlv(RFC822_NAME, b"a@b.example"),
            tlv(URI, b"https://b.example/"),
            tlv(DNS_NAME, b"good.example\0.evil"),
            tlv(IP_ADDRESS, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ];
        let parsed = Draft { extensions: vec![alternative_names(&names)], ..Draft::new() }.parsed();
        assert_eq!(parsed.dns_names, ["*.example", "good.example\\x00.evil"]);
        assert_eq!(parsed.ip_addresses, ["192.0.2.1".parse::<IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]);
        assert_eq!(parsed.email_addresses, ["a@b.example"]);
        assert_eq!(parsed.uris, ["https://b.example/"]);
        assert!(!parsed.irregular);
    }

    #[test]
    fn basic_constraints_say_what_is_an_authority() {
        let constraints = |fields: &[u8]| extension(BASIC_CONSTRAINTS, &tlv(der::SEQUENCE, fields));
        let ca = |fields| Draft { extensions: vec![constraints(fields)], ..Draft::new() }.parsed().is_ca;
        assert_eq!(ca(&[der::BOOLEAN, 1, 0xff]), Some(true));
        assert_eq!(ca(&[]), Some(false));
        assert_eq!(ca(&[der::INTEGER, 1, 0]), Some(false));
    }

    #[test]
    fn a_named_curve_tells_its_size() {
        let key = public_key(&[tlv(der::OID, EC), tlv(der::OID, P256)].concat(), &[0; 66]);
        let key = Draft { key, ..Draft::new() }.parsed().key.unwrap();
        assert_eq!((key.bits, key.curve.as_deref()), (Some(256), Some("1.2.840.10045.3.1.7")));
    }

    #[test]
    fn an_odd_date_spoils_only_itself() {
        let parsed = Draft { validity: validity(b"never", b"491231235959Z"), ..Draft::new() }.parsed();
        assert_eq!((parsed.not_before, parsed.not_after), (None, Some(2_524_607_999)));
        assert_eq!(parsed.subject.as_deref(), Some("CN=host.example"));
        assert!(parsed.key.is_some() && parsed.irregular);
    }

    #[test]
    fn a_date_without_seconds_is_read_and_marked() {
        let parsed = Draft { validity: validity(b"7001010000Z", b"491231235959Z"), ..Draft::new() }.parsed();
        assert_eq!(parsed.not_before, Some(0));
        assert!(parsed.irregular);
    }

    #[test]
    fn a_negative_serial_number_is_kept_as_sent() {
        let parsed = Draft { serial: tlv(der::INTEGER, &[0xff, 0xfe]), ..Draft::new() }.parsed();
        assert_eq!(*parsed.serial, [0xff, 0xfe]);
        assert!(parsed.irregular);
        assert_eq!(parsed.subject.as_deref(), Some("CN=host.example"));
    }

    #[test]
    fn a_broken_extension_leaves_the_others() {
        let whole = alternative_names(&[tlv(DNS_NAME, b"a.example")]);
        let broken = tlv(der::SEQUENCE, &[9, 9, 9]);
        let parsed = Draft { extensions: vec![whole, broken], ..Draft::new() }.parsed();
        assert_eq!(parsed.dns_names, ["a.example"]);
        assert!(parsed.irregular);
    }

    #[test]
    fn trailing_bytes_are_marked() {
        let der = [Draft::new().der(), vec![0]].concat();
        let parsed = certificate(&der).unwrap();
        assert!(parsed.irregular);
        assert_eq!(parsed.subject.as_deref(), Some("CN=host.example"));
    }

    #[test]
    fn a_cut_certificate_tells_what_came_before_the_cut() {
        let draft = Draft { extensions: vec![alternative_names(&[tlv(DNS_NAME, b"a.example")])], ..Draft::new() };
        let der = draft.der();
        let full = draft.parsed();
        for len in 0..der.len() {
            let certificate = Certificate::from_der(&der[..len]);
            assert!(certificate.is_irregular(), "{len}");
            if let Ok(parsed) = certificate.parsed {
                assert!(parsed.subject.is_none() || parsed.subject == full.subject);
                assert!(parsed.issuer.is_none() || parsed.issuer == full.issuer);
            }
        }
        assert_eq!(certificate(&der[..der.len() - 1]).unwrap().subject, full.subject);
    }

    #[test]
    fn what_was_sent_behind_a_certificate_is_none_of_it() {
        // As in a capture of a client that tests other parsers: a SEQUENCE of five octets, and two more.
        let sent = [0x30, 5, 0x30, 0x84, 0xff, 0xff, 0xff, 0xfa, 4];
        assert_eq!(*Certificate::from_der(&sent).der, sent[..7]);
    }

    #[test]
    fn what_is_no_certificate_has_hashes_all_the_same() {
        for bytes in [&b""[..], b"hello", &[0x30, 0], &[0x30, 0x82, 0xff, 0xff, 1], &[0xff; 4096]] {
            let certificate = Certificate::from_der(bytes);
            assert_eq!(certificate.parsed, Err(Malformed));
            assert_eq!(certificate.der.len(), bytes.len());
        }
        let empty = Certificate::from_der(b"");
        assert_eq!(empty.md5[..4], [0xd4, 0x1d, 0x8c, 0xd9]);
        assert_eq!(empty.sha1[..4], [0xda, 0x39, 0xa3, 0xee]);
        assert_eq!(empty.sha256[..4], [0xe3, 0xb0, 0xc4, 0x42]);
    }

    #[test]
    fn ten_thousand_names_are_counted_and_a_thousand_kept() {
        let names = vec![tlv(DNS_NAME, b"a.b"); 10_000];
        let parsed = Draft { extensions: vec![alternative_names(&names)], ..Draft::new() }.parsed();
        assert_eq!((parsed.dns_names.len(), parsed.names_left_out), (1000, 9000));
    }

    #[test]
    fn ten_thousand_rdns_are_one_name() {
        let rdn = common_name(b"x");
        let parsed = Draft { subject: name(&vec![rdn.as_slice(); 10_000]), ..Draft::new() }.parsed();
        assert_eq!(parsed.subject.map(|name| name.len()), Some(4 * 10_000 + 9_999));
    }

    #[test]
    fn any_single_changed_byte_is_survived() {
        let der = Draft { extensions: vec![alternative_names(&[tlv(DNS_NAME, b"a")])], ..Draft::new() }.der();
        for at in 0..der.len() {
            for value in [0x00, 0x1f, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = der.clone();
                changed[at] = value;
                let _ = Certificate::from_der(&changed);
            }
        }
    }

    #[cfg(feature = "ja4plus")]
    #[test]
    fn ja4x_takes_the_order_of_the_certificate() {
        let extensions = [[0x55, 0x1d, 0x0f], [0x55, 0x1d, 0x25], [0x55, 0x1d, 0x11]];
        let extensions = extensions.map(|oid| extension(&oid, &tlv(der::SEQUENCE, &[]))).to_vec();
        let parsed = Draft { extensions, ..Draft::new() }.parsed();
        assert!(parsed.ja4x.unwrap().to_string().ends_with("_aae71e8db6d7"));
    }

    #[cfg(feature = "ja4plus")]
    #[test]
    fn an_incomplete_certificate_has_no_ja4x() {
        let der = Draft::new().der();
        assert_eq!(certificate(&der[..der.len() - 40]).unwrap().ja4x, None);
    }
}
