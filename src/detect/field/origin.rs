//! Where the values of a field come from: what sessions share, or the one session.
//!
//! A field whose origin is shared has the same values in every event that shares it: what rules made of them once holds
//! again. A test swaps the rest of events under each field and sees that its values stay (`tests/origins.rs`).

/// The part of an event that alone decides about a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// `client_hello`'s shape.
    Client,
    /// `server_hello`'s shape.
    Server,
    /// The certificates of both sides.
    Chains,
    /// `labels`.
    Labels,
    /// `security`: the posture, and what the chains are worth.
    Verdicts,
    /// `browser` and `client_system`.
    Browser,
    /// How the handshake went, in what few words say: see [`Course`](crate::detect::recall).
    Course,
    /// Anything else.
    Session,
}

impl Origin {
    /// Those that sessions share.
    pub const SHARED: [Self; 7] =
        [Self::Client, Self::Server, Self::Chains, Self::Labels, Self::Verdicts, Self::Browser, Self::Course];

    /// The origin of a field of this name.
    pub(super) const fn of(name: &str) -> Self {
        let mut row = 0;
        while row < NAMES.len() {
            let (origin, names) = NAMES[row];
            let mut place = 0;
            while place < names.len() {
                if is_meant(names[place].as_bytes(), name.as_bytes()) {
                    return origin;
                }
                place += 1;
            }
            row += 1;
        }
        Self::Session
    }
}

/// Whether a pattern means the name; a star at its end stands for anything.
const fn is_meant(pattern: &[u8], name: &[u8]) -> bool {
    let has_star = matches!(pattern, [.., b'*']);
    let len = if has_star { pattern.len() - 1 } else { pattern.len() };
    if name.len() < len || !has_star && name.len() != len {
        return false;
    }
    let mut at = 0;
    while at < len {
        if pattern[at] != name[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The first row that means a name has its origin.
const NAMES: &[(Origin, &[&str])] = &[
    (Origin::Session, &["tlsight.client.hello.session_id_length", "tlsight.server.hello.session_id_length"]),
    (
        Origin::Client,
        &[
            "tls.client.supported_ciphers",
            "tls.client.ja3",
            "tls.client.ja4",
            "tls.client.ja4.*",
            "tlsight.client.ja3*",
            "tlsight.client.ja4_*",
            "tlsight.client.stable",
            "tlsight.client.hello.*",
            "ja3",
            "ja4",
        ],
    ),
    (
        Origin::Server,
        &[
            "tls.cipher",
            "tls.next_protocol",
            "tls.server.ja3s",
            "tls.server.ja4s",
            "tlsight.server.ja3s_full",
            "tlsight.server.ja4s_r",
            "tlsight.server.hello.*",
            "cipher",
            "next_protocol",
            "ja3s",
            "ja4s",
        ],
    ),
    (
        Origin::Chains,
        &[
            "tls.client.subject",
            "tls.client.issuer",
            "tls.client.not_*",
            "tls.client.hash.*",
            "tls.client.x509.*",
            "tlsight.client.chain.*",
            "tls.server.subject",
            "tls.server.issuer",
            "tls.server.not_*",
            "tls.server.hash.*",
            "tls.server.x509.*",
            "tlsight.server.chain.*",
            "subject",
            "issuer",
            "client_subject",
            "client_issuer",
            "cert_chain_fps",
            "client_cert_chain_fps",
            "certificate.*",
        ],
    ),
    (Origin::Labels, &["tlsight.labels.*"]),
    (
        Origin::Verdicts,
        &[
            "tlsight.security.grade",
            "tlsight.security.forward_secrecy",
            "tlsight.security.weaknesses",
            "tlsight.security.reasons",
            "tlsight.security.chain.*",
            "tlsight.security.client_chain.*",
            "sni_matches_cert",
            "validation_status",
        ],
    ),
    (Origin::Browser, &["tlsight.client.browser.*", "tlsight.client.system"]),
    (
        Origin::Course,
        &[
            "network.protocol",
            "network.transport",
            "tls.version",
            "tls.version_protocol",
            "tls.curve",
            "tls.established",
            "tls.resumed",
            "tlsight.handshake.hello_retry",
            "tlsight.handshake.resumption",
            "tlsight.handshake.resumption_offered",
            "tlsight.handshake.early_data",
            "tlsight.handshake.round_trips",
            "tlsight.handshake.client_certificate",
            "tlsight.handshake.ech.status",
            "tlsight.handshake.ech.reason",
            "tlsight.handshake.post_quantum",
            "tlsight.handshake.signature_scheme",
            "tlsight.handshake.client_signature_scheme",
            "tlsight.handshake.alert.*",
            "tlsight.handshake.alerts.*",
            "tlsight.handshake.failure",
            "version",
            "curve",
            "resumed",
            "established",
            "last_alert",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::super::Field;
    use super::*;

    #[test]
    fn every_pattern_means_a_field() {
        for pattern in NAMES.iter().flat_map(|(_, names)| names.iter()) {
            let meant = |field: Field| is_meant(pattern.as_bytes(), field.name().as_bytes());
            let is_of_ja4plus = pattern.contains("ja4s") && !cfg!(feature = "ja4plus");
            assert!(is_of_ja4plus || Field::all().chain(Field::aliases()).any(meant), "{pattern}");
        }
    }

    #[test]
    fn origins_are_those_of_the_first_row_that_means_a_name() {
        assert_eq!(Origin::of("tlsight.client.hello.session_id_length"), Origin::Session);
        assert_eq!(Origin::of("tlsight.client.hello.groups"), Origin::Client);
        assert_eq!(Origin::of("tls.client.server_name"), Origin::Session);
        assert_eq!(Origin::of("tls.client.ja4t"), Origin::Session);
        assert_eq!(Origin::of("tlsight.server.chain.sha1"), Origin::Chains);
    }
}
