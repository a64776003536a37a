//! Which names an authority may vouch for (RFC 5280, section 4.2.1.10).
//!
//! In: a NameConstraints extension, certificates. Out: whether it allows all their names. Minimum and maximum are not used
//! by RFC 5280, and not looked at.
#![forbid(unsafe_code)]

use super::link::Link;
use crate::wire::Cursor;
use crate::x509::der::{self, Element};
use crate::x509::facts::{self, DIRECTORY_NAME};
use crate::x509::name::{self, COMMON_NAME, values};
use crate::x509::parse::{DNS_NAME, IP_ADDRESS, RFC822_NAME, URI};

/// The subtrees of an authority.
#[derive(Debug)]
pub(super) struct Constraints<'a> {
    permitted: Vec<Element<'a>>,
    excluded: Vec<Element<'a>>,
}

impl<'a> Constraints<'a> {
    pub(super) fn read(value: &'a [u8]) -> Option<Self> {
        let mut fields = Cursor::new(Element::tagged(&mut Cursor::new(value), der::SEQUENCE)?.body);
        let mut trees = |tag: u8| match Element::tagged(&mut fields, tag) {
            Some(list) => bases(list.body),
            None => Some(Vec::new()),
        };
        let constraints = Self { permitted: trees(0xa0)?, excluded: trees(0xa1)? };
        fields.is_empty().then_some(constraints)
    }

    /// Whether every name of a certificate is allowed.
    pub(super) fn allow(&self, link: &Link<'_>) -> bool {
        let Some(subject) = link.fields.subject else { return false };
        if !subject.is_empty() && !self.allows(DIRECTORY_NAME, subject) {
            return false;
        }
        if !values(subject, EMAIL_ADDRESS).iter().all(|mail| self.allows(RFC822_NAME, mail.as_bytes())) {
            return false;
        }
        let mut has_dns = false;
        if let Some(names) = link.extension(facts::SUBJECT_ALT_NAME) {
            let Some(list) = Element::tagged(&mut Cursor::new(names), der::SEQUENCE) else { return false };
            let mut rest = Cursor::new(list.body);
            let mut budget = MAX_COMPARISONS;
            while let Some(name) = Element::next(&mut rest) {
                has_dns |= name.tag == DNS_NAME;
                // A list that nobody could have meant is not compared to its end.
                let Some(left) = budget.checked_sub(self.permitted.len().saturating_add(self.excluded.len())) else {
                    return false;
                };
                budget = left;
                let body = match name.tag {
                    DIRECTORY_NAME => {
                        Element::tagged(&mut Cursor::new(name.body), der::SEQUENCE).map_or(name.body, |n| n.body)
                    }
                    _ => name.body,
                };
                if !self.allows(name.tag, body) {
                    return false;
                }
            }
        }
        // A common name serves as DNS name where there is none, if it can be one.
        let is_host = |name: &String| name.contains('.') && super::Host::read(name.as_bytes()).is_some();
        has_dns
            || link.parsed.is_ca == Some(true)
            || values(subject, COMMON_NAME)
                .iter()
                .filter(|name| is_host(name))
                .all(|name| self.allows(DNS_NAME, name.as_bytes()))
    }

    fn allows(&self, kind: u8, name: &[u8]) -> bool {
        let mut permitted = self.permitted.iter().filter(|base| base.tag == kind).peekable();
        let inside = permitted.peek().is_none() || permitted.any(|base| is_below(kind, name, base.body));
        inside && !self.excluded.iter().any(|base| base.tag == kind && is_below(kind, name, base.body))
    }
}

/// The bases of GeneralSubtrees.
fn bases(list: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut rest = Cursor::new(list);
    let mut bases = Vec::new();
    while !rest.is_empty() {
        let tree = Element::tagged(&mut rest, der::SEQUENCE)?;
        bases.push(Element::next(&mut Cursor::new(tree.body))?);
    }
    Some(bases)
}

fn is_below(kind: u8, name: &[u8], base: &[u8]) -> bool {
    match kind {
        DNS_NAME => is_subdomain(name, base),
        RFC822_NAME => is_mail_below(name, base),
        URI => host_of(name).is_some_and(|host| is_host_below(host, base)),
        IP_ADDRESS => {
            let Some((address, mask)) = base.split_at_checked(name.len()).filter(|(_, mask)| mask.len() == name.len())
            else {
                return false;
            };
            name.iter().zip(address).zip(mask).all(|((name, address), mask)| name & mask == address & mask)
        }
        DIRECTORY_NAME => {
            let base = Element::tagged(&mut Cursor::new(base), der::SEQUENCE).map_or(base, |name| name.body);
            let forms = name::canonical(name).zip(name::canonical(base));
            forms.is_some_and(|(name, base)| name.starts_with(&base))
        }
        // A kind that is constrained and cannot be compared is not allowed.
        _ => false,
    }
}

fn is_subdomain(name: &[u8], base: &[u8]) -> bool {
    let Some((front, end)) = name.len().checked_sub(base.len()).and_then(|at| name.split_at_checked(at)) else {
        return false;
    };
    let at_a_dot = front.is_empty() || base.is_empty() || base.starts_with(b".") || front.ends_with(b".");
    at_a_dot && end.eq_ignore_ascii_case(base)
}

/// A host, or with a dot before it whatever is below it.
fn is_host_below(host: &[u8], base: &[u8]) -> bool {
    match base.first() {
        Some(b'.') => host.len() > base.len() && is_subdomain(host, base),
        _ => host.eq_ignore_ascii_case(base),
    }
}

fn is_mail_below(mail: &[u8], base: &[u8]) -> bool {
    let split = |text: &'_ [u8]| text.iter().rposition(|&byte| byte == b'@');
    let Some((local, host)) = split(mail).and_then(|at| mail.split_at_checked(at)) else { return false };
    let host = host.strip_prefix(b"@").unwrap_or(host);
    match split(base).and_then(|at| base.split_at_checked(at)) {
        Some((wanted, domain)) => {
            local == wanted && host.eq_ignore_ascii_case(domain.strip_prefix(b"@").unwrap_or(domain))
        }
        None => is_host_below(host, base),
    }
}

fn host_of(uri: &[u8]) -> Option<&[u8]> {
    let at = uri.windows(3).position(|three| three == b"://")?;
    let authority = uri.get(at.checked_add(3)?..)?;
    let end = authority.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b':')).unwrap_or(authority.len());
    authority.get(..end).filter(|host| !host.is_empty())
}

/// 1.2.840.113549.1.9.1
const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
/// OpenSSL's bound for one certificate, too.
const MAX_COMPARISONS: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_hold_what_is_below_them() {
        for (name, base, below) in [
            ("a.example", "example", true),
            ("a.example", "a.example", true),
            ("a.example", ".example", true),
            ("ba.example", "a.example", false),
            ("example", "a.example", false),
            ("a.example", "", true),
        ] {
            assert_eq!(is_below(DNS_NAME, name.as_bytes(), base.as_bytes()), below, "{name} {base}");
        }
    }

    #[test]
    fn mail_and_uris_are_constrained_by_host() {
        for (kind, name, base, below) in [
            (RFC822_NAME, "a@b.example", "b.example", true),
            (RFC822_NAME, "a@c.b.example", "b.example", false),
            (RFC822_NAME, "a@c.b.example", ".b.example", true),
            (RFC822_NAME, "a@b.example", "a@B.example", true),
            (RFC822_NAME, "x@b.example", "a@b.example", false),
            (URI, "https://b.example:1/x", "b.example", true),
            (URI, "https://c.b.example/", ".b.example", true),
            (URI, "urn:x", "b.example", false),
        ] {
            assert_eq!(is_below(kind, name.as_bytes(), base.as_bytes()), below, "{name} {base}");
        }
    }

    #[test]
    fn addresses_go_by_mask() {
        let base = [192, 0, 2, 0, 255, 255, 255, 0];
        assert!(is_below(IP_ADDRESS, &[192, 0, 2, 9], &base));
        assert!(!is_below(IP_ADDRESS, &[192, 0, 3, 9], &base));
        assert!(!is_below(IP_ADDRESS, &[0; 16], &base));
    }
}
