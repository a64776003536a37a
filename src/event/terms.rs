//! The words of the public schema for what the engine found: one text for each value, read by `detect` and `sink`.
//!
//! In: the enums of [`crate::event`]. Out: their names, without allocation. Numbers of the wire that have IANA names are
//! [`crate::wire::registry`]'s business.

use std::fmt;

use crate::wire::registry;
use crate::wire::text::Code;

use super::{
    AcceptanceSign, Agreement, Anomaly, ClientCertificate, EarlyData, Ech, Failure, GreaseSign, HelloFormat, Missing,
    OfferSign, Part, Protocol, Reason, RejectionSign, Resumption, Side,
};

/// A protocol version by its number on the wire, as `tls.version` (its text) and `tls.version_protocol` tell it.
///
/// A number that is no version reads `0xNNNN` and counts as `tls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version(pub u16);

impl Version {
    /// The version without the protocol's name: `1.3`, `3.0`; `None` for a number that is no version.
    pub fn number(self) -> Option<&'static str> {
        registry::version(self.0).map(|version| version.number)
    }

    /// `ssl`, `tls` or `dtls`.
    pub fn protocol(self) -> &'static str {
        registry::version(self.0).map_or("tls", |version| version.protocol)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            Some(number) => f.write_str(number),
            None => Code(self.0).fmt(f),
        }
    }
}

impl Protocol {
    /// `network.protocol`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Dtls => "dtls",
            Self::Quic => "quic",
        }
    }

    /// `network.transport`.
    pub fn transport(self) -> &'static str {
        match self {
            Self::Tls => "tcp",
            Self::Dtls | Self::Quic => "udp",
        }
    }
}

impl HelloFormat {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Sslv2 => "sslv2",
        }
    }
}

impl Resumption {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SessionId => "session_id",
            Self::Ticket => "ticket",
            Self::Psk => "psk",
        }
    }
}

impl EarlyData {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Offered => "offered",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

impl ClientCertificate {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Empty => "empty",
        }
    }
}

impl Agreement {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Offered => "offered",
            Self::Unanswered => "unanswered",
            Self::Answered => "answered",
        }
    }
}

impl Ech {
    /// `tlsight.handshake.ech.status`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Grease(_) => "grease",
            Self::Offered(_) => "offered",
            Self::Accepted(_) => "accepted",
            Self::Rejected(_) => "rejected",
        }
    }

    /// `tlsight.handshake.ech.reason`: what the status is told from.
    pub fn reason(self) -> Option<&'static str> {
        Some(match self {
            Self::None => return None,
            Self::Grease(GreaseSign::NoServerName) => "no_server_name",
            Self::Offered(OfferSign::MayBeGrease) => "may_be_grease",
            Self::Offered(OfferSign::PublicName) => "public_name",
            Self::Accepted(AcceptanceSign::SecondHello) => "second_hello_encrypted_again",
            Self::Accepted(AcceptanceSign::InnerHello) => "inner_hello",
            Self::Rejected(RejectionSign::Version) => "version",
            Self::Rejected(RejectionSign::HelloRetry) => "hello_retry_without_confirmation",
            Self::Rejected(RejectionSign::SecondHello) => "second_hello_repeats_it",
            Self::Rejected(RejectionSign::Alert) => "alert",
        })
    }
}

impl Failure {
    /// `tlsight.handshake.failure`: in plain words; `None` for an alert that nobody registered.
    pub fn cause(self) -> Option<&'static str> {
        match self {
            Self::Alert(description) => registry::alert_cause(description),
            Self::MissingClientCertificate => registry::alert_cause(CERTIFICATE_REQUIRED),
            Self::NoCommonCipher => Some("no common cipher"),
            Self::NoCommonGroup => Some("no common group"),
            Self::VersionNotOffered => Some("version not offered"),
            Self::CipherNotOffered => Some("cipher not offered"),
        }
    }
}

impl Side {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl Part {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientHello => "client_hello",
            Self::ServerHello => "server_hello",
            Self::Certificate => "certificate",
            Self::ClientCertificate => "client_certificate",
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Resumed => "resumed",
            Self::NotSeen => "not_seen",
            Self::Midstream => "midstream",
            Self::Gap => "gap",
            Self::Dropped => "dropped",
            Self::Truncated => "truncated",
            Self::Limit => "limit",
            Self::Malformed => "malformed",
            Self::NotTls => "not_tls",
        }
    }
}

impl Anomaly {
    /// `tlsight.anomaly`: where, a colon, what.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TcpOverlapDiffers => "tcp:overlap_differs",
            Self::OddCipherListLength => "client_hello:odd_cipher_list_length",
            Self::DuplicateExtension => "hello:duplicate_extension",
            Self::MalformedExtension => "hello:malformed_extension",
            Self::TrailingBytes => "hello:trailing_bytes",
            Self::RepeatedClientHello => "client_hello:repeated",
            Self::ChangedClientHello => "client_hello:changed_after_retry",
            Self::OversizedRecord => "record:oversized",
            Self::UnknownRecordVersion => "record:unknown_version",
            Self::MalformedCertificate => "certificate:malformed",
            Self::MalformedMessage => "handshake:malformed_message",
            Self::NotARecord => "record:not_a_record",
        }
    }
}

/// `what:why`, as in `certificate:encrypted`.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.as_str())?;
        f.write_str(":")?;
        f.write_str(self.why.as_str())
    }
}

/// certificate_required (RFC 8446, section 6.2), which older versions have no alert for.
const CERTIFICATE_REQUIRED: u8 = 116;

macro_rules! display_as_str {
    ($($term:ty),+) => {
        $(impl fmt::Display for $term {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        })+
    };
}

display_as_str!(Protocol, HelloFormat, Resumption, Side, Part, Reason, Anomaly);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_is_part_colon_reason() {
        let text = |what, why| Missing { what, why }.to_string();
        assert_eq!(text(Part::Certificate, Reason::Encrypted), "certificate:encrypted");
        assert_eq!(text(Part::ServerHello, Reason::NotSeen), "server_hello:not_seen");
        assert_eq!(text(Part::ClientHello, Reason::Gap), "client_hello:gap");
    }

    #[test]
    fn versions_have_a_number_and_a_protocol() {
        let cases = [
            (0x0304, "1.3", "tls"),
            (0x7f1c, "1.3-draft28", "tls"),
            (0x0301, "1.0", "tls"),
            (0x0300, "3.0", "ssl"),
            (0x0002, "2.0", "ssl"),
            (0xfefd, "1.2", "dtls"),
            (0xfeff, "1.0", "dtls"),
            (0xfb00, "0xfb00", "tls"),
        ];
        for (wire, number, protocol) in cases {
            assert_eq!(Version(wire).to_string(), number);
            assert_eq!(Version(wire).protocol(), protocol);
        }
    }
}
