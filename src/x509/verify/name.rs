//! Whether a certificate is for the name that was asked for (RFC 9525; RFC 6125 where OpenSSL still goes by it).
//!
//! In: a leaf, a host name or address. Out: [`NameMatch`]. All of a certificate's names are looked at, however many.
#![forbid(unsafe_code)]

use std::net::IpAddr;

use super::NameMatch;
use super::link::Link;
use crate::wire::Cursor;
use crate::x509::der::{self, Element};
use crate::x509::name::{COMMON_NAME, values};
use crate::x509::parse::{DNS_NAME, IP_ADDRESS};
use crate::x509::{Certificate, facts};

/// What a client asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// In lower case, without a final dot.
    Dns(String),
    Ip(IpAddr),
}

impl Host {
    /// A server name as sent. `None` for what is neither a DNS name nor an address.
    pub fn read(name: &[u8]) -> Option<Self> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        let text = std::str::from_utf8(name).ok()?;
        if let Ok(ip) = text.parse() {
            return Some(Self::Ip(ip));
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        (text.len() <= 253 && text.split('.').all(is_label)).then(|| Self::Dns(text.to_ascii_lowercase()))
    }
}

/// Whether a leaf is for this host; `None` where its names cannot be read.
pub fn name_match(leaf: &Certificate, host: &Host) -> Option<NameMatch> {
    let link = Link::read(leaf)?;
    let mut has_dns = false;
    if let Some(names) = link.extension(facts::SUBJECT_ALT_NAME) {
        let mut names = Cursor::new(Element::tagged(&mut Cursor::new(names), der::SEQUENCE)?.body);
        while !names.is_empty() {
            let name = Element::next(&mut names)?;
            has_dns |= name.tag == DNS_NAME;
            let matches = match (name.tag, host) {
                (DNS_NAME, Host::Dns(host)) => is_name_of(name.body, host),
                (IP_ADDRESS, Host::Ip(IpAddr::V4(ip))) => name.body == ip.octets(),
                (IP_ADDRESS, Host::Ip(IpAddr::V6(ip))) => name.body == ip.octets(),
                _ => false,
            };
            if matches {
                return Some(NameMatch::AlternativeName);
            }
        }
    }
    // Addresses never were common names.
    let Host::Dns(host) = host else { return Some(NameMatch::None) };
    let common_names = if has_dns { Vec::new() } else { values(link.fields.subject?, COMMON_NAME) };
    let common = common_names.iter().any(|name| is_name_of(name.as_bytes(), host));
    Some(if common { NameMatch::CommonName } else { NameMatch::None })
}

/// A presented name against a host in lower case. A wildcard is the whole left-most label, stands for one label, and has
/// two labels behind it (RFC 9525, section 6.3).
fn is_name_of(presented: &[u8], host: &str) -> bool {
    let presented = presented.strip_suffix(b".").unwrap_or(presented);
    match presented.strip_prefix(b"*.") {
        Some(domain) => {
            let Some((label, rest)) = host.split_once('.') else { return false };
            !label.is_empty() && domain.contains(&b'.') && domain.eq_ignore_ascii_case(rest.as_bytes())
        }
        None => presented.eq_ignore_ascii_case(host.as_bytes()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_one_label() {
        for (presented, host, matches) in [
            ("a.example", "a.example", true),
            ("A.Example", "a.example", true),
            ("*.a.example", "b.a.example", true),
            ("*.a.example", "a.example", false),
            ("*.a.example", "c.b.a.example", false),
            ("*.example", "a.example", false),
            ("b*.a.example", "bc.a.example", false),
            ("*", "example", false),
            ("a.example.", "a.example", true),
            ("a.example\0", "a.example", false),
            ("", "", true),
        ] {
            assert_eq!(is_name_of(presented.as_bytes(), host), matches, "{presented} {host}");
        }
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        assert_eq!(Host::read(b"WWW.Example.").unwrap(), Host::Dns("www.example".to_owned()));
        assert_eq!(Host::read(b"192.0.2.1").unwrap(), Host::Ip("192.0.2.1".parse().unwrap()));
        assert_eq!(Host::read(b"2001:db8::1").unwrap(), Host::Ip("2001:db8::1".parse().unwrap()));
        for none in [&b""[..], b".", b"a..b", b"a b", b"\xff", b"*.example", &[b'a'; 64]] {
            assert_eq!(Host::read(none), None, "{none:?}");
        }
    }
}
