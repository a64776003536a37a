//! What a session comes to: what was taken of what was offered, why it failed, and what of it is missing.

use super::{Draft, Quic};
use crate::event::{
    AcceptanceSign, ClientCertificate, EarlyData, Ech, Failure, GreaseSign, Missing, OfferSign, Part, Reason,
    RejectionSign, Resumption, Retry, Side,
};
use crate::tls::message::Loss;
use crate::tls::record::FATAL;
use crate::tls::{CERTIFICATE, EncryptedHello, is_tls13};
use crate::wire::{Direction, registry};

impl Draft {
    /// What became of early data. That a server took them shows only in what the client sends afterwards.
    pub(super) fn early_data(&self, quic: Option<&Quic>) -> Option<EarlyData> {
        if !self.offers_early_data && !quic.is_some_and(|quic| quic.zero_rtt) {
            let is_whole = self.client_hello.as_ref().is_some_and(|hello| hello.shape.prints.is_some());
            return is_whole.then_some(EarlyData::None);
        }
        // RFC 8446, section 4.2.10: none after a HelloRetryRequest, and only with the first PSK.
        let refused = self.server_hello.as_ref().is_some_and(|hello| hello.shape.selected_psk != Some(0));
        Some(match () {
            () if self.handshake.hello_retry || refused => EarlyData::Rejected,
            () if self.early_data_taken => EarlyData::Accepted,
            () => EarlyData::Offered,
        })
    }

    /// The formula stands at [`Handshake::round_trips`](crate::event::Handshake::round_trips).
    pub(super) fn round_trips(
        &self,
        resumption: Option<Resumption>,
        early_data: Option<EarlyData>,
        quic: Option<&Quic>,
    ) -> Option<u8> {
        let version = self.server_hello.as_ref()?.shape.version;
        let own = match (is_tls13(version), early_data, resumption?) {
            (true, Some(EarlyData::Accepted), _) => 0,
            (true, Some(EarlyData::Offered), _) => return None,
            (true, ..) => 1,
            (false, _, Resumption::None) => 2,
            (false, ..) => 1,
        };
        let more = [
            self.handshake.hello_retry,
            self.handshake.hello_verify,
            quic.is_some_and(|quic| quic.retry),
            quic.is_some_and(|quic| quic.version_negotiation),
        ];
        Some(more.into_iter().fold(own, |sum, one| sum + u8::from(one)))
    }

    /// What a HelloRetryRequest changed.
    pub(super) fn retry(&self) -> Option<Box<Retry>> {
        let asked = self.asked.as_deref()?;
        let changes = self.second.as_deref().map(|second| second.changes.clone()).unwrap_or_default();
        Some(Box::new(Retry { group: asked.group, cookie: asked.cookie.is_some(), ..changes }))
    }

    /// Whether the client's second hello changes what it may not.
    pub(super) fn changes_what_has_to_stay(&self) -> bool {
        let Some(second) = self.second.as_deref() else { return false };
        // An encrypted hello's second outer form need not be like the first (RFC 9849, section 6.1.5).
        second.differs
            || (!second.is_encrypted_again && self.asked.as_deref().is_some_and(|asked| !second.obeys(asked)))
    }

    /// What can be told of encrypted_client_hello.
    pub(super) fn ech(&self) -> Option<Ech> {
        let hello = self.client_hello.as_ref()?;
        match hello.encrypted_hello {
            None => return hello.shape.prints.as_ref().map(|_| Ech::None),
            Some(EncryptedHello::Inner) => return Some(Ech::Accepted(AcceptanceSign::InnerHello)),
            Some(EncryptedHello::Outer(_)) => {}
        }
        let is_old = self.server_hello.as_ref().is_some_and(|hello| !is_tls13(hello.shape.version));
        let says_required =
            |alert: &crate::event::Alert| alert.from == Side::Client && alert.description == ECH_REQUIRED;
        Some(match (self.asked.as_deref(), self.second.as_deref()) {
            (Some(_), Some(second)) if second.is_encrypted_again => Ech::Accepted(AcceptanceSign::SecondHello),
            _ if hello.server_name.is_none() => Ech::Grease(GreaseSign::NoServerName),
            (Some(asked), _) if !asked.confirms_ech => Ech::Rejected(RejectionSign::HelloRetry),
            (Some(_), Some(second)) if second.repeats_encrypted => Ech::Rejected(RejectionSign::SecondHello),
            _ if is_old => Ech::Rejected(RejectionSign::Version),
            _ if self.handshake.alerts.iter().any(says_required) => Ech::Rejected(RejectionSign::Alert),
            _ if is_public_name(hello.server_name.as_deref()) => Ech::Offered(OfferSign::PublicName),
            _ => Ech::Offered(OfferSign::MayBeGrease),
        })
    }

    /// Why the handshake failed, by the first alert that ended it.
    pub(super) fn failure(&self) -> Option<Failure> {
        let server = self.server_hello.as_ref().map(|hello| &*hello.shape);
        let is_new = server.is_some_and(|shape| is_tls13(shape.version));
        // All alerts of TLS 1.3 are fatal but two, whatever their level says (RFC 8446, section 6).
        let ends = |level, description| match description {
            CLOSE_NOTIFY | USER_CANCELED => false,
            _ => level == FATAL || is_new,
        };
        let alert = self.handshake.alerts.iter().find(|alert| ends(alert.level, alert.description))?;
        let client = self.client_hello.as_ref().map(|hello| &*hello.shape);
        let is_vague = matches!(alert.description, HANDSHAKE_FAILURE | BAD_CERTIFICATE | NO_CERTIFICATE);
        let sent_none = self.handshake.client_auth_requested
            && matches!(self.handshake.client_certificate, Some(ClientCertificate::Empty));
        let asked_group = self.asked.as_deref().and_then(|asked| asked.group);
        Some(match (alert.from, client.zip(server)) {
            // RFC 5246, section 7.4.6: the server may answer so to an empty list.
            (Side::Server, _) if is_vague && sent_none => Failure::MissingClientCertificate,
            (Side::Client, Some((client, server))) if !offers_version(client, server.version) => {
                Failure::VersionNotOffered
            }
            (Side::Client, Some((client, server))) if !client.cipher_suites.contains(&server.cipher_suite) => {
                Failure::CipherNotOffered
            }
            // Without a ServerHello, what the server would have taken is not known; that there is nothing to take may be.
            _ if server.is_none() && alert.description == HANDSHAKE_FAILURE && client.is_some_and(has_no_suite) => {
                Failure::NoCommonCipher
            }
            _ if client.zip(asked_group).is_some_and(|(client, group)| !client.supported_groups.contains(&group)) => {
                Failure::NoCommonGroup
            }
            _ => Failure::Alert(alert.description),
        })
    }

    /// How the session was taken up again, as far as plaintext tells.
    pub(super) fn resumption(&self, client: Direction) -> Option<Resumption> {
        let shape = &self.server_hello.as_ref()?.shape;
        if is_tls13(shape.version) {
            return Some(if shape.selected_psk.is_some() { Resumption::Psk } else { Resumption::None });
        }
        if self.full {
            return Some(Resumption::None);
        }
        if !self.changed_cipher[client.reverse()] || self.losses.iter().any(|&(from, ..)| from != client) {
            return None;
        }
        // An abbreviated handshake: the server went over to encryption right after its hello. A client that offers a
        // ticket makes a session id up, to see it echoed (RFC 5077, section 3.4).
        match (self.offered.has(Resumption::Ticket), self.echoes_session_id) {
            (true, _) => Some(Resumption::Ticket),
            (false, true) => Some(Resumption::SessionId),
            (false, false) => None,
        }
    }

    pub(super) fn missing(&self, client: Direction, resumption: Option<Resumption>, midstream: bool) -> Vec<Missing> {
        let mut missing = Vec::new();
        let mut say = |what, why| {
            let entry = Missing { what, why };
            if !missing.contains(&entry) {
                missing.push(entry);
            }
        };
        for &(from, within, loss) in &self.losses {
            say(self.part(from == client, within), reason(loss));
        }
        let lost = |side: Direction| self.losses.iter().any(|&(from, ..)| from == side);
        let sslv2 = self.handshake.sslv2;
        match &self.client_hello {
            None if self.foreign_hello => say(Part::ClientHello, Reason::NotTls),
            None if midstream => say(Part::ClientHello, Reason::Midstream),
            None if !lost(client) => say(Part::ClientHello, Reason::NotSeen),
            Some(_) if self.malformed_hellos[client] && !lost(client) => say(Part::ClientHello, Reason::Malformed),
            _ => {}
        }
        match &self.server_hello {
            None if !sslv2 && !self.foreign_hello && !lost(client.reverse()) => say(Part::ServerHello, Reason::NotSeen),
            Some(_) if self.malformed_hellos[client.reverse()] && !lost(client.reverse()) => {
                say(Part::ServerHello, Reason::Malformed)
            }
            _ => {}
        }
        if let Some(hello) = self.server_hello.as_ref().filter(|_| self.chains[client.reverse()].is_empty()) {
            if is_tls13(hello.shape.version) {
                say(Part::Certificate, Reason::Encrypted);
            } else if matches!(resumption, Some(Resumption::SessionId | Resumption::Ticket)) {
                say(Part::Certificate, Reason::Resumed);
            } else if !self.full && !lost(client.reverse()) {
                say(Part::Certificate, Reason::NotSeen);
            }
        }
        missing
    }

    /// The part of the session that a loss has cost.
    fn part(&self, of_client: bool, within: Option<u8>) -> Part {
        match (of_client, within) {
            (true, _) if self.client_hello.as_ref().is_none_or(|hello| hello.shape.prints.is_none()) => {
                Part::ClientHello
            }
            (true, Some(CERTIFICATE)) => Part::ClientCertificate,
            (true, _) => Part::Client,
            (false, _) if self.server_hello.is_none() => Part::ServerHello,
            (false, Some(CERTIFICATE)) => Part::Certificate,
            (false, _) => Part::Server,
        }
    }
}

fn reason(loss: Loss) -> Reason {
    match loss {
        Loss::Gap => Reason::Gap,
        Loss::Truncated => Reason::Truncated,
        Loss::Limit => Reason::Limit,
    }
}

/// Whether the hello offers the version that was chosen. Before supported_versions, all up to the hello's own are.
fn offers_version(client: &crate::event::ClientShape, version: u16) -> bool {
    if client.supported_versions.is_empty() {
        // DTLS counts downwards.
        let is_dtls = client.legacy_version >= 0xfe00;
        return if is_dtls { version >= client.legacy_version } else { version <= client.legacy_version };
    }
    client.supported_versions.contains(&version)
}

/// Whether no suite of the hello is one of a version that it offers.
fn has_no_suite(client: &crate::event::ClientShape) -> bool {
    let is_new = |suite: u16| suite >> 8 == 0x13;
    let is_suite = |suite: u16| registry::cipher_suite(suite).is_some() && !SIGNALS.contains(&suite);
    let versions = &client.supported_versions;
    let (tls13, older) = match versions.is_empty() {
        true => (false, true),
        false => (
            versions.iter().copied().any(is_tls13),
            versions.iter().any(|&version| !is_tls13(version) && !registry::is_grease(version)),
        ),
    };
    !client.cipher_suites.iter().any(|&suite| is_suite(suite) && if is_new(suite) { tls13 } else { older })
}

/// Whether a server name is one that stands in the clear in front of others.
fn is_public_name(name: Option<&[u8]>) -> bool {
    name.is_some_and(|name| PUBLIC_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)))
}

/// Names that serve as ECHConfig.public_name, and as nothing else.
const PUBLIC_NAMES: &[&[u8]] = &[b"cloudflare-ech.com"];
/// Numbers among the suites that are none: TLS_EMPTY_RENEGOTIATION_INFO_SCSV, TLS_FALLBACK_SCSV.
const SIGNALS: [u16; 2] = [0x00ff, 0x5600];
const CLOSE_NOTIFY: u8 = 0;
const HANDSHAKE_FAILURE: u8 = 40;
const NO_CERTIFICATE: u8 = 41;
const BAD_CERTIFICATE: u8 = 42;
const USER_CANCELED: u8 = 90;
const ECH_REQUIRED: u8 = 121;
