//! Protocol versions of TLS, SSL and DTLS, drafts among them.

/// A protocol version in the terms of the public schema (`tls.version_protocol`, `tls.version`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// `ssl`, `tls` or `dtls`.
    pub protocol: &'static str,
    /// `1.2`; drafts of TLS 1.3 as `1.3-draft28`.
    pub number: &'static str,
}

/// What a version number on the wire stands for.
///
/// `0x7fNN` is draft NN of TLS 1.3 (RFC 8446's drafts, section 4.2.1.1), `0xfbNN` a maker's own build of it. DTLS 1.0 of
/// OpenSSL before its publication is `0x0100`.
pub fn version(version: u16) -> Option<Version> {
    let (protocol, number) = match version {
        0x0002 => ("ssl", "2.0"),
        0x0300 => ("ssl", "3.0"),
        0x0301 => ("tls", "1.0"),
        0x0302 => ("tls", "1.1"),
        0x0303 => ("tls", "1.2"),
        0x0304 => ("tls", "1.3"),
        0x0100 | 0xfeff => ("dtls", "1.0"),
        0xfefd => ("dtls", "1.2"),
        0xfefc => ("dtls", "1.3"),
        0x7f0e..=0x7f1c => ("tls", draft(version)?),
        0xfb17 => ("tls", "1.3-draft23"),
        0xfb1a => ("tls", "1.3-draft26"),
        _ => return None,
    };
    Some(Version { protocol, number })
}

fn draft(version: u16) -> Option<&'static str> {
    let at = version.checked_sub(FIRST_DRAFT)?;
    DRAFTS.get(usize::from(at)).copied()
}

const FIRST_DRAFT: u16 = 0x7f0e;

const DRAFTS: [&str; 15] = [
    "1.3-draft14",
    "1.3-draft15",
    "1.3-draft16",
    "1.3-draft17",
    "1.3-draft18",
    "1.3-draft19",
    "1.3-draft20",
    "1.3-draft21",
    "1.3-draft22",
    "1.3-draft23",
    "1.3-draft24",
    "1.3-draft25",
    "1.3-draft26",
    "1.3-draft27",
    "1.3-draft28",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_a_protocol_and_a_number() {
        assert_eq!(version(0x0303), Some(Version { protocol: "tls", number: "1.2" }));
        assert_eq!(version(0x0300), Some(Version { protocol: "ssl", number: "3.0" }));
        assert_eq!(version(0xfefc), Some(Version { protocol: "dtls", number: "1.3" }));
        assert_eq!(version(0x0305), None);
    }

    #[test]
    fn a_draft_carries_its_own_number() {
        for value in FIRST_DRAFT..=0x7f1c {
            let expected = format!("1.3-draft{}", value & 0xff);
            assert_eq!(version(value).map(|v| v.number), Some(expected.as_str()));
        }
        assert_eq!(version(0x7f1d), None);
    }
}
