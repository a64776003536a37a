//! One certificate as a link of a chain: who may have issued it, and what it may do.
//!
//! In: a certificate. Out: a view of its parts, and the questions of path building (RFC 5280, section 6; OpenSSL's
//! `X509_check_issued`, `X509_check_ca`).
#![forbid(unsafe_code)]

use crate::wire::Cursor;
use crate::x509::der::{self, Element};
use crate::x509::facts::{self, AuthorityKeyId, KEY_CERT_SIGN};
use crate::x509::fields::{Extension, Fields};
use crate::x509::{Certificate, Parsed, name};

/// A readable certificate.
#[derive(Debug, Clone)]
pub(in crate::x509) struct Link<'a> {
    pub(in crate::x509) certificate: &'a Certificate,
    pub(in crate::x509) parsed: &'a Parsed,
    pub(in crate::x509) fields: Fields<'a>,
    pub(in crate::x509) extensions: Vec<Extension<'a>>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
}

impl<'a> Link<'a> {
    /// `None` where it is not whole, or where a name or the list of extensions is broken.
    pub(in crate::x509) fn read(certificate: &'a Certificate) -> Option<Self> {
        let parsed = certificate.parsed.as_ref().ok()?;
        let mut fields = Fields::default();
        fields.read(&certificate.der)?;
        let (extensions, whole) = Extension::list(fields.extensions.unwrap_or_default());
        let (issuer, subject) = (name::canonical(fields.issuer?)?, name::canonical(fields.subject?)?);
        let dated = parsed.not_before.is_some() && parsed.not_after.is_some();
        (whole && dated).then_some(Self { certificate, parsed, fields, extensions, issuer, subject })
    }

    /// In the form that names are compared in.
    pub(super) fn subject(&self) -> Option<Vec<u8>> {
        Some(self.subject.clone())
    }

    pub(super) fn issuer_name(&self) -> &[u8] {
        &self.issuer
    }

    pub(super) fn subject_name(&self) -> &[u8] {
        &self.subject
    }

    pub(in crate::x509) fn extension(&self, oid: &[u8]) -> Option<&'a [u8]> {
        self.extensions.iter().find(|extension| extension.oid == oid).map(|extension| extension.value)
    }

    /// Issuer and subject are one name.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// By its names and key identifiers; its signature is not looked at.
    pub(super) fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.identifies_as_issuer(self)
    }

    /// Whether `issuer` may have issued this one: by names and key identifiers. Whether it was allowed to is another question.
    pub(in crate::x509) fn may_be_of(&self, issuer: &Link<'_>) -> bool {
        self.issuer == issuer.subject && self.identifies_as_issuer(issuer)
    }

    /// The authority key identifier says nothing against it.
    fn identifies_as_issuer(&self, issuer: &Link<'_>) -> bool {
        let id = self.extension(facts::AUTHORITY_KEY_ID).and_then(AuthorityKeyId::read).unwrap_or_default();
        let theirs = issuer.extension(facts::SUBJECT_KEY_ID);
        let theirs = theirs.and_then(|value| Element::tagged(&mut Cursor::new(value), der::OCTET_STRING));
        let key = id.key.zip(theirs).is_none_or(|(id, theirs)| id == theirs.body);
        let serial = id.serial.is_none_or(|serial| Some(serial) == issuer.fields.serial);
        let name = id.issuer.is_none_or(|name| name::canonical(name).is_some_and(|name| name == issuer.issuer));
        key && serial && name
    }

    /// What it says of being an authority.
    pub(super) fn is_authority(&self) -> bool {
        let usage = self.parsed.facts.key_usage;
        match (self.parsed.is_ca, usage) {
            (_, Some(usage)) if !usage.has(KEY_CERT_SIGN) => false,
            (Some(ca), _) => ca,
            // Roots of version 1, and what was made before basic constraints were.
            (None, _) if self.parsed.version == 1 && self.is_self_signed() => true,
            (None, usage) => usage.is_some(),
        }
    }

    /// An extension that path building needs is not what its OID says (OpenSSL's `EXFLAG_INVALID`).
    pub(super) fn is_broken(&self) -> bool {
        self.extensions.iter().any(|extension| {
            let Some((_, tag)) = SHAPES.iter().find(|(oid, _)| *oid == extension.oid) else { return false };
            let mut value = Cursor::new(extension.value);
            let Some(element) = Element::tagged(&mut value, *tag) else { return true };
            let mut parts = Cursor::new(element.body);
            let is_list = *tag == der::SEQUENCE;
            !value.is_empty()
                || is_list && std::iter::from_fn(|| Element::next(&mut parts)).count() == 0 && !parts.is_empty()
        })
    }

    pub(super) fn not_before(&self) -> i64 {
        self.parsed.not_before.unwrap_or(i64::MIN)
    }

    pub(super) fn not_after(&self) -> i64 {
        self.parsed.not_after.unwrap_or(i64::MAX)
    }

    pub(in crate::x509) fn is_valid_at(&self, second: i64) -> bool {
        (self.not_before()..=self.not_after()).contains(&second)
    }
}

/// Extensions and the one element that each is made of (RFC 5280, section 4.2.1).
const SHAPES: &[(&[u8], u8)] = &[
    (facts::BASIC_CONSTRAINTS, der::SEQUENCE),
    (facts::KEY_USAGE, der::BIT_STRING),
    (facts::EXTENDED_KEY_USAGE, der::SEQUENCE),
    (facts::SUBJECT_KEY_ID, der::OCTET_STRING),
    (facts::AUTHORITY_KEY_ID, der::SEQUENCE),
    (facts::SUBJECT_ALT_NAME, der::SEQUENCE),
    (facts::NAME_CONSTRAINTS, der::SEQUENCE),
];
