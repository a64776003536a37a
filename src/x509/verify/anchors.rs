//! Whom a chain may end at: Mozilla's roots, and those of `--ca-file`.
//!
//! In: PEM. Out: certificates by subject, and the same as `webpki` wants them. Reads no file.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::{CertificateDer, TrustAnchor};

use super::link::Link;
use crate::x509::Certificate;

/// Certificates that are trusted to be what they say.
#[derive(Clone, Default)]
pub struct Anchors {
    by_subject: HashMap<Vec<u8>, Vec<Arc<Certificate>>, ahash::RandomState>,
    known: HashMap<[u8; 32], (), ahash::RandomState>,
    for_webpki: Vec<TrustAnchor<'static>>,
    /// Of `for_webpki`, one by one.
    certificates: Vec<Arc<Certificate>>,
}

/// What is wrong in a PEM file, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemFault {
    /// Counted from 1.
    pub line: usize,
    pub what: String,
}

impl Anchors {
    /// None: every chain ends in the void.
    pub fn none() -> Self {
        Self::default()
    }

    /// The roots that Mozilla trusts for servers, as they were when this program was built.
    pub fn mozilla() -> Self {
        MOZILLA.clone()
    }

    /// Adds the certificates of a PEM file (RFC 7468) and tells how many there were. What stands outside of their frames is
    /// a comment.
    ///
    /// # Errors
    /// For a frame that does not end, text that is no base64, what is no certificate, and a file without any; nothing is
    /// added then.
    pub fn add_pem(&mut self, text: &[u8]) -> Result<usize, PemFault> {
        let certificates = certificates(text)?;
        let count = certificates.len();
        for (line, der) in certificates {
            let fault = |what: &str| PemFault { line, what: what.to_owned() };
            let certificate = Arc::new(Certificate::from_der(&der));
            if !self.add(certificate) {
                return Err(fault("this is no X.509 certificate that can be read: export it again as PEM"));
            }
        }
        Ok(count)
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn contains(&self, sha256: &[u8; 32]) -> bool {
        self.known.contains_key(sha256)
    }

    pub(super) fn with_subject(&self, subject: &[u8]) -> &[Arc<Certificate>] {
        self.by_subject.get(subject).map_or(&[], Vec::as_slice)
    }

    pub(super) fn for_webpki(&self) -> &[TrustAnchor<'static>] {
        &self.for_webpki
    }

    /// The certificate behind one of [`for_webpki`](Self::for_webpki).
    pub(super) fn behind(&self, anchor: &TrustAnchor<'_>) -> Option<&Arc<Certificate>> {
        let at = self.for_webpki.iter().position(|one| one == anchor)?;
        self.certificates.get(at)
    }

    fn add(&mut self, certificate: Arc<Certificate>) -> bool {
        let Some(subject) = Link::read(&certificate).and_then(|link| link.subject()) else { return false };
        if self.known.insert(certificate.sha256, ()).is_some() {
            return true;
        }
        // A root that `webpki` does not take, such as one of version 1, is an anchor for the other way.
        let der = CertificateDer::from(&*certificate.der);
        if let Ok(anchor) = webpki::anchor_from_trusted_cert(&der) {
            self.for_webpki.push(anchor.to_owned());
            self.certificates.push(Arc::clone(&certificate));
        }
        self.by_subject.entry(subject).or_default().push(certificate);
        true
    }
}

impl fmt::Debug for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anchors").field("certificates", &self.known.len()).finish()
    }
}

/// Made once: they are read when the first chain is judged.
static MOZILLA: LazyLock<Anchors> = LazyLock::new(|| {
    let mut anchors = Anchors::none();
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        anchors.add(Arc::new(Certificate::from_der(der)));
    }
    anchors
});

/// The bytes in each frame, and the line it begins at.
fn certificates(text: &[u8]) -> Result<Vec<(usize, Vec<u8>)>, PemFault> {
    let fault = |line: usize, what: &str| PemFault { line, what: what.to_owned() };
    let mut found = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    let mut line = 0usize;
    for bytes in text.split(|&byte| byte == b'\n') {
        line = line.saturating_add(1);
        let bytes = bytes.trim_ascii();
        match &mut open {
            None if BEGINNINGS.contains(&bytes) => open = Some((line, Vec::new())),
            None => {}
            Some((start, _)) if bytes.starts_with(b"-----BEGIN ") => {
                return Err(fault(*start, "this certificate has no `-----END CERTIFICATE-----`: copy it whole"));
            }
            Some((start, body)) if bytes.starts_with(b"-----END ") => {
                let der = STANDARD.decode(&*body);
                let der = der.map_err(|_| fault(*start, "what stands in this frame is no base64: copy it whole"))?;
                found.push((*start, der));
                open = None;
            }
            Some((_, body)) => body.extend_from_slice(bytes),
        }
    }
    match (open, found.is_empty()) {
        (Some((start, _)), _) => {
            Err(fault(start, "this certificate has no `-----END CERTIFICATE-----`: copy it whole"))
        }
        (None, true) if text.first() == Some(&der::SEQUENCE) => {
            Err(fault(1, "this is DER: write it as PEM with `openssl x509 -inform der -in FILE`"))
        }
        (None, true) => {
            Err(fault(1, "there is no `-----BEGIN CERTIFICATE-----` in it: name a file of PEM certificates"))
        }
        (None, false) => Ok(found),
    }
}

use crate::x509::der;

const BEGINNINGS: [&[u8]; 3] =
    [b"-----BEGIN CERTIFICATE-----", b"-----BEGIN TRUSTED CERTIFICATE-----", b"-----BEGIN X509 CERTIFICATE-----"];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn mozillas_roots_are_all_readable() {
        let anchors = Anchors::mozilla();
        assert_eq!(anchors.len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        assert_eq!(anchors.for_webpki.len(), anchors.len());
    }

    #[test]
    fn a_root_in_pem_is_an_anchor_once() {
        let der = webpki_root_certs::TLS_SERVER_ROOT_CERTS.first().unwrap();
        let body = STANDARD.encode(der).into_bytes();
        let lines: Vec<&[u8]> = body.chunks(64).collect();
        let pem = [
            b"# a comment\r\n-----BEGIN CERTIFICATE-----\r\n",
            &lines.join(&b"\r\n"[..])[..],
            b"\r\n-----END CERTIFICATE-----\r\n",
        ];
        let mut anchors = Anchors::none();
        assert_eq!(anchors.add_pem(&pem.concat()), Ok(1));
        assert_eq!(anchors.add_pem(&[pem.concat(), pem.concat()].concat()), Ok(2));
        assert_eq!(anchors.len(), 1);
    }

    #[test]
    fn faults_name_their_line_and_the_remedy() {
        let fault = |text: &str| {
            let PemFault { line, what } = Anchors::none().add_pem(text.as_bytes()).unwrap_err();
            format!("{line}: {what}")
        };
        assert!(fault("").starts_with("1: there is no `-----BEGIN"));
        assert!(fault("0\u{0}").starts_with("1: this is DER"));
        assert!(fault("x\n\n-----BEGIN CERTIFICATE-----\nMA==\n").starts_with("3: this certificate has no"));
        assert!(fault("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----").contains("no base64"));
        assert!(
            fault("\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----").starts_with("2: this is no X.509")
        );
    }
}
