//! How a handshake went: what was offered, what was taken, what it was agreed on, and why it failed.

use std::sync::Arc;

use arrayvec::ArrayVec;

use super::Side;
use crate::wire::registry;

/// How the handshake went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handshake {
    /// Both sides went over to encrypted records after a ServerHello.
    pub established: bool,
    /// Known once the server has answered.
    pub resumption: Option<Resumption>,
    /// What the client is known to have offered to resume with.
    pub resumption_offered: Offered,
    /// Known with a whole ClientHello.
    pub early_data: Option<EarlyData>,
    /// Round trips of an established session before the client could send application data, those of the transport's own
    /// opening not counted. TLS 1.3: one, none where early data were taken, not known where they may have been. Before:
    /// two, one where a session was resumed; False Start (RFC 7918) is not looked for. One more for a HelloRetryRequest,
    /// for a HelloVerifyRequest of DTLS, for a Retry and for a Version Negotiation packet of QUIC.
    pub round_trips: Option<u8>,
    pub hello_retry: bool,
    /// What a HelloRetryRequest asked for, and what the client changed.
    pub retry: Option<Box<Retry>>,
    /// Group of the key exchange: key_share's, or the named curve of a ServerKeyExchange.
    pub group: Option<u16>,
    /// What else a ServerKeyExchange told; of ECDHE there is no more than `group` and `signature_scheme`.
    pub key_exchange: Option<Box<KeyExchange>>,
    /// Of the ServerKeyExchange of TLS 1.2.
    pub signature_scheme: Option<u16>,
    /// Of the client's CertificateVerify of TLS 1.2.
    pub client_signature_scheme: Option<u16>,
    /// A CertificateRequest was seen in the clear.
    pub client_auth_requested: bool,
    /// Whether the client sent a certificate, where its answer was seen in the clear.
    pub client_certificate: Option<ClientCertificate>,
    /// A CertificateStatus with a response was sent.
    pub ocsp_stapled: bool,
    /// The OCSP response of a CertificateStatus, DER.
    pub ocsp_response: Option<Arc<[u8]>>,
    /// The content of the ServerHello's signed_certificate_timestamp (RFC 6962, section 3.3): a list with its length.
    pub timestamps: Option<Arc<[u8]>>,
    /// What is to be said of encrypted_client_hello; known with a whole ClientHello.
    pub ech: Option<Ech>,
    /// A server of DTLS wanted its cookie back before it answered.
    pub hello_verify: bool,
    /// A NewSessionTicket was sent in the clear.
    pub new_session_ticket: bool,
    /// An SSL 2.0 server answered.
    pub sslv2: bool,
    /// The first alert in the clear.
    pub alert: Option<Alert>,
    /// The first alerts in the clear, in the order in which they came.
    pub alerts: ArrayVec<Alert, MAX_ALERTS>,
    /// Why the handshake failed, where an alert tells.
    pub failure: Option<Failure>,
    /// ClientHello to ServerHello, nanoseconds.
    pub hello_latency: Option<u64>,
    /// ClientHello to the packet with which the later of both sides went over to encryption, nanoseconds.
    pub duration: Option<u64>,
    pub tcp: TcpLatency,
}

/// How a session was taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resumption {
    None,
    SessionId,
    Ticket,
    Psk,
}

/// Ways to resume that a client offered. A session id beside a ticket, or in a hello that offers TLS 1.3, may be made up
/// (RFC 5077, section 3.4; RFC 8446, appendix D.4), and counts only where the server took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Offered(u8);

impl Offered {
    pub fn add(&mut self, way: Resumption) {
        self.0 |= Self::bit(way);
    }

    pub fn has(self, way: Resumption) -> bool {
        self.0 & Self::bit(way) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Resumption> + Clone {
        [Resumption::SessionId, Resumption::Ticket, Resumption::Psk].into_iter().filter(move |&way| self.has(way))
    }

    fn bit(way: Resumption) -> u8 {
        match way {
            Resumption::None => 0,
            Resumption::SessionId => 1,
            Resumption::Ticket => 2,
            Resumption::Psk => 4,
        }
    }
}

/// What became of 0-RTT data (RFC 8446, section 4.2.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EarlyData {
    /// Not offered.
    None,
    /// The answer is encrypted, and nothing beside it tells.
    Offered,
    /// The client ended them with EndOfEarlyData, which a client whose early data were refused does not send. Told from the
    /// lengths of its records, over TCP alone.
    Accepted,
    /// The server asked for another hello, took another PSK than the first or none, or an older version.
    Rejected,
}

/// What a HelloRetryRequest asked for (RFC 8446, section 4.1.4), and how the client's second hello differs from its first.
/// Extensions by their types, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retry {
    pub group: Option<u16>,
    pub cookie: bool,
    pub added: Vec<u16>,
    pub removed: Vec<u16>,
    /// With another content.
    pub changed: Vec<u16>,
}

/// The parameters of a ServerKeyExchange that is not one of ECDHE.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyExchange {
    pub dh: Option<DiffieHellman>,
    /// Bits of the temporary RSA key of an export suite.
    pub rsa_bits: Option<u16>,
}

/// Diffie-Hellman over integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiffieHellman {
    pub prime_bits: u16,
    /// The name of a well-known group.
    pub group: Option<&'static str>,
    /// Of the prime, as big-endian octets without leading zeros.
    pub prime_sha256: [u8; 32],
    /// Of the server's public value in the same form: a server that sends it twice uses its key twice.
    pub public_sha256: [u8; 32],
}

/// A client's answer to a CertificateRequest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientCertificate {
    Sent,
    /// An empty list, or SSL 3.0's alert in its place.
    Empty,
}

/// Encrypted ClientHello (RFC 9849) as far as somebody without keys can tell, and from what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ech {
    /// No extension.
    None,
    /// Bytes without meaning, most likely.
    Grease(GreaseSign),
    /// Offered or GREASE, which are made to look the same; what the server made of it is not known.
    Offered(OfferSign),
    Accepted(AcceptanceSign),
    /// The server did not take it, whether it was meant or GREASE.
    Rejected(RejectionSign),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GreaseSign {
    /// The hello names no server, while one that is meant should name the public one (section 6.1).
    NoServerName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OfferSign {
    MayBeGrease,
    /// The hello names a server that is known as a public name: it is meant.
    PublicName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcceptanceSign {
    /// The answer to a HelloRetryRequest is encrypted again, with the same key: the client found the server's confirmation
    /// (section 6.1.5). GREASE, and an offer that was refused, would be repeated as they were.
    SecondHello,
    /// The hello is one that a client-facing server has decrypted, on its way to the one behind (section 5).
    InnerHello,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectionSign {
    /// An older version than TLS 1.3 was chosen (section 6.1.4).
    Version,
    /// The HelloRetryRequest has no confirmation (section 6.1.4).
    HelloRetry,
    /// The answer to a HelloRetryRequest repeats the extension as it was.
    SecondHello,
    /// The client said ech_required.
    Alert,
}

/// An alert in the clear (RFC 8446, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alert {
    pub from: Side,
    pub level: u8,
    pub description: u8,
}

/// Why a handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// What the alert of this description says.
    Alert(u8),
    /// The client was asked for a certificate, sent none, and the server gave up.
    MissingClientCertificate,
    /// No suite on offer is one of a version on offer.
    NoCommonCipher,
    /// The server asked for a key share of a group that is not on offer.
    NoCommonGroup,
    /// The client gave up when the server had chosen a version that was not offered.
    VersionNotOffered,
    /// The client gave up when the server had chosen a suite that was not offered.
    CipherNotOffered,
}

/// The TCP handshake as seen from where the packets were captured, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpLatency {
    /// From the last SYN to the SYN-ACK: to the server and back.
    pub server: Option<u64>,
    /// From the SYN-ACK to the client's next ACK: to the client and back.
    pub client: Option<u64>,
}

impl Handshake {
    /// How many SCTs the ServerHello's extension holds; `None` without the extension.
    pub fn timestamp_count(&self) -> Option<u16> {
        let mut list = crate::wire::Cursor::new(self.timestamps.as_deref()?);
        let mut entries = crate::wire::Cursor::new(list.vec16().unwrap_or_default());
        let mut count = 0u16;
        while entries.vec16().is_ok() {
            count = count.saturating_add(1);
        }
        Some(count)
    }

    /// Whether the group of the key exchange withstands a quantum computer; `None` where no group is known.
    pub fn is_post_quantum(&self) -> Option<bool> {
        registry::group_strength(self.group?).map(|strength| strength != registry::Strength::Classical)
    }
}

impl TcpLatency {
    /// From the SYN to the client's ACK: a whole round trip between the ends.
    pub fn round_trip(self) -> Option<u64> {
        self.server.zip(self.client).map(|(server, client)| server.saturating_add(client))
    }
}

/// Alerts of a session that are kept.
pub const MAX_ALERTS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_told_in_one_order() {
        let mut offered = Offered::default();
        offered.add(Resumption::Psk);
        offered.add(Resumption::SessionId);
        offered.add(Resumption::None);
        assert_eq!(offered.iter().collect::<Vec<_>>(), [Resumption::SessionId, Resumption::Psk]);
    }

    #[test]
    fn timestamps_are_counted_as_far_as_they_are_whole() {
        let count =
            |content: &[u8]| Handshake { timestamps: Some(content.into()), ..Handshake::default() }.timestamp_count();
        assert_eq!(count(&[0, 7, 0, 1, 9, 0, 2, 9, 9]), Some(2));
        assert_eq!(count(&[0, 7, 0, 1, 9, 0, 3, 9, 9]), Some(1));
        assert_eq!(count(&[0, 9, 0, 1]), Some(0));
        assert_eq!(count(&[]), Some(0));
        assert_eq!(Handshake::default().timestamp_count(), None);
    }

    #[test]
    fn only_known_groups_are_judged() {
        let of = |group| Handshake { group, ..Handshake::default() }.is_post_quantum();
        assert_eq!(of(Some(0x11ec)), Some(true));
        assert_eq!(of(Some(0x001d)), Some(false));
        assert_eq!((of(Some(0xfafa)), of(None)), (None, None));
    }
}
