//! A chain of certificates as parallel arrays, an element a certificate.
//!
//! In: certificates, leaf first. Out: as many elements in every array, empty or `None` where a certificate does not say it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::sink::forms::{Date, Serial};
use crate::sink::record::{Key, signature};
use crate::x509::{Certificate, Parsed};

/// The arrays of one side's chain.
#[derive(Debug, Default)]
pub struct Chain<'a> {
    pub subject: Vec<&'a str>,
    pub subject_common_name: Vec<&'a str>,
    pub issuer: Vec<&'a str>,
    pub issuer_common_name: Vec<&'a str>,
    pub version: Vec<Option<u32>>,
    pub serial: Vec<String>,
    pub md5: Vec<&'a [u8; 16]>,
    pub sha1: Vec<&'a [u8; 20]>,
    pub sha256: Vec<&'a [u8; 32]>,
    pub not_before: Vec<Option<i64>>,
    pub not_after: Vec<Option<i64>>,
    pub public_key_algorithm: Vec<&'a str>,
    pub public_key_size: Vec<Option<u32>>,
    pub public_key_curve: Vec<&'a str>,
    pub signature_algorithm: Vec<&'a str>,
    pub alternative_names: Vec<Vec<Cow<'a, str>>>,
    pub is_ca: Vec<Option<bool>>,
    pub self_issued: Vec<Option<bool>>,
    pub malformed: Vec<bool>,
    pub ja4x: Vec<String>,
}

impl<'a> Chain<'a> {
    pub fn of(certificates: &'a [Arc<Certificate>]) -> Self {
        let mut chain = Self::default();
        for certificate in certificates {
            chain.push(certificate);
        }
        chain
    }

    fn push(&mut self, certificate: &'a Certificate) {
        let parsed = certificate.parsed.as_ref().ok();
        let key = parsed.map(Key::of).unwrap_or_default();
        let text = |text: fn(&'a Parsed) -> Option<&'a str>| parsed.and_then(text).unwrap_or_default();
        self.subject.push(text(|parsed| parsed.subject.as_deref()));
        self.subject_common_name.push(text(|parsed| parsed.subject_common_name.as_deref()));
        self.issuer.push(text(|parsed| parsed.issuer.as_deref()));
        self.issuer_common_name.push(text(|parsed| parsed.issuer_common_name.as_deref()));
        self.version.push(parsed.map(|parsed| parsed.version));
        let serial = parsed.and_then(|parsed| Serial(&parsed.serial).text());
        self.serial.push(serial.map(|serial| serial.as_str().to_owned()).unwrap_or_default());
        self.md5.push(&certificate.md5);
        self.sha1.push(&certificate.sha1);
        self.sha256.push(&certificate.sha256);
        self.not_before.push(parsed.and_then(|parsed| parsed.not_before).filter(|&at| is_date(at)));
        self.not_after.push(parsed.and_then(|parsed| parsed.not_after).filter(|&at| is_date(at)));
        self.public_key_algorithm.push(key.algorithm.unwrap_or_default());
        self.public_key_size.push(key.size);
        self.public_key_curve.push(key.curve.unwrap_or_default());
        self.signature_algorithm.push(text(signature));
        self.alternative_names.push(parsed.map(alternative_names).unwrap_or_default());
        self.is_ca.push(parsed.and_then(|parsed| parsed.is_ca));
        self.self_issued.push(parsed.map(|parsed| parsed.self_issued));
        self.malformed.push(certificate.is_irregular());
        self.ja4x.push(parsed.map(ja4x).unwrap_or_default());
    }
}

/// Whether the schema can write it.
pub(super) fn is_date(seconds: i64) -> bool {
    Date(seconds).text().is_some()
}

/// DNS names, e-mail addresses, URIs, IP addresses.
fn alternative_names(parsed: &Parsed) -> Vec<Cow<'_, str>> {
    let texts = [&parsed.dns_names, &parsed.email_addresses, &parsed.uris].into_iter().flatten();
    let texts = texts.filter(|name| !name.is_empty()).map(|name| Cow::Borrowed(&**name));
    texts.chain(parsed.ip_addresses.iter().map(|ip| Cow::Owned(ip.to_string()))).collect()
}

#[cfg(feature = "ja4plus")]
pub(super) fn ja4x(parsed: &Parsed) -> String {
    parsed.ja4x.map(|ja4x| ja4x.to_string()).unwrap_or_default()
}

#[cfg(not(feature = "ja4plus"))]
pub(super) fn ja4x(_: &Parsed) -> String {
    String::new()
}
