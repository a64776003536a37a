//! How the handshake went.

use super::given::Given;
use super::session::put;
use super::{Draft, Set};
use crate::event::{
    AcceptanceSign, Alert, ClientCertificate, DiffieHellman, EarlyData, Ech, Failure, GreaseSign, KeyExchange,
    OfferSign, RejectionSign, Resumption, Side,
};
use crate::wire::registry;

pub(super) const HANDSHAKE: &[(&str, Set)] = &[
    ("tls.established", |draft, given| put(&mut draft.event.handshake.established, given.truth())),
    ("tls.resumed", |draft, given| {
        let how = given.truth().map(|resumed| Some(if resumed { Resumption::Ticket } else { Resumption::None }));
        put(&mut draft.event.handshake.resumption, how)
    }),
    ("tls.curve", |draft, given| {
        let group = given.named(given.text(), registry::group, "the name of a group");
        put(&mut draft.event.handshake.group, group.map(Some))
    }),
    ("tlsight.handshake.resumption", |draft, given| {
        put(&mut draft.event.handshake.resumption, given.one_of(RESUMPTIONS, Resumption::as_str).map(Some))
    }),
    ("tlsight.handshake.resumption_offered", |draft, given| {
        for way in given.each(|text| given.which(text, RESUMPTIONS, Resumption::as_str))? {
            draft.event.handshake.resumption_offered.add(way);
        }
        Ok(())
    }),
    ("tlsight.handshake.early_data", |draft, given| {
        let all = [EarlyData::None, EarlyData::Offered, EarlyData::Accepted, EarlyData::Rejected];
        put(&mut draft.event.handshake.early_data, given.one_of(&all, EarlyData::as_str).map(Some))
    }),
    ("tlsight.handshake.round_trips", |draft, given| {
        put(&mut draft.event.handshake.round_trips, given.number().map(Some))
    }),
    ("tlsight.handshake.client_certificate", |draft, given| {
        let all = [ClientCertificate::Sent, ClientCertificate::Empty];
        put(&mut draft.event.handshake.client_certificate, given.one_of(&all, ClientCertificate::as_str).map(Some))
    }),
    ("tlsight.handshake.client_auth", |draft, given| asked(draft, given, |h| &mut h.client_auth_requested)),
    ("tlsight.handshake.hello_retry", |draft, given| asked(draft, given, |h| &mut h.hello_retry)),
    ("tlsight.handshake.hello_verify", |draft, given| asked(draft, given, |h| &mut h.hello_verify)),
    ("tlsight.handshake.ocsp_stapled", |draft, given| asked(draft, given, |h| &mut h.ocsp_stapled)),
    ("tlsight.handshake.new_session_ticket", |draft, given| asked(draft, given, |h| &mut h.new_session_ticket)),
    ("tlsight.handshake.ech.status", |draft, given| {
        // The reason, where it matters, is given beside it.
        let sign = ECH.iter().find(|ech| ech.as_str() == given.text()).copied();
        put(&mut draft.event.handshake.ech, sign.map(Some).ok_or_else(|| ech_misfit(given)))
    }),
    ("tlsight.handshake.ech.reason", |draft, given| {
        let sign = ECH.iter().find(|ech| ech.reason() == Some(given.text())).copied();
        put(&mut draft.event.handshake.ech, sign.map(Some).ok_or_else(|| ech_misfit(given)))
    }),
    ("tlsight.handshake.signature_scheme", |draft, given| {
        put(&mut draft.event.handshake.signature_scheme, scheme(given).map(Some))
    }),
    ("tlsight.handshake.client_signature_scheme", |draft, given| {
        put(&mut draft.event.handshake.client_signature_scheme, scheme(given).map(Some))
    }),
    ("tlsight.handshake.compression", |draft, given| {
        let found = (0..=u8::MAX).find(|&method| registry::compression_method(method) == Some(given.text()));
        let method = found.ok_or_else(|| given.misfit(given.text(), "NULL or DEFLATE"));
        put(&mut super::hello::chosen(draft).compression_method, method)
    }),
    ("tlsight.handshake.dh.prime_bits", |draft, given| put(&mut dh(draft).prime_bits, given.number())),
    ("tlsight.handshake.dh.prime_sha256", |draft, given| put(&mut dh(draft).prime_sha256, given.hex())),
    ("tlsight.handshake.dh.public_sha256", |draft, given| put(&mut dh(draft).public_sha256, given.hex())),
    ("tlsight.handshake.rsa_bits", |draft, given| put(&mut exchange(draft).rsa_bits, given.number().map(Some))),
    ("tlsight.handshake.alert.from", |draft, given| {
        put(&mut alert(draft).from, given.one_of(&[Side::Client, Side::Server], Side::as_str))
    }),
    ("tlsight.handshake.alert.level", |draft, given| {
        let level = match given.text() {
            "warning" => Ok(WARNING),
            "fatal" => Ok(FATAL),
            _ => given.number(),
        };
        put(&mut alert(draft).level, level)
    }),
    ("tlsight.handshake.alert.description", |draft, given| put(&mut alert(draft).description, given.number())),
    ("tlsight.handshake.alert.name", |draft, given| {
        put(&mut alert(draft).description, description(given, given.text()))
    }),
    ("tlsight.handshake.alerts.name", |draft, given| {
        let handshake = &mut draft.event.handshake;
        let from = handshake.alert.map_or(Side::Server, |alert| alert.from);
        handshake.alerts.clear();
        for description in given.each(|text| description(given, text))? {
            let alert = Alert { from, level: FATAL, description };
            handshake.alerts.try_push(alert).map_err(|_| given.misfit("…", "fewer alerts"))?;
        }
        handshake.alert = handshake.alerts.first().copied();
        Ok(())
    }),
    ("tlsight.handshake.failure", |draft, given| {
        let others = [
            Failure::NoCommonCipher,
            Failure::NoCommonGroup,
            Failure::VersionNotOffered,
            Failure::CipherNotOffered,
            Failure::MissingClientCertificate,
        ];
        let mut all = others.into_iter().chain((0..=u8::MAX).map(Failure::Alert));
        let found = all.find(|failure| failure.cause() == Some(given.text()));
        let failure = found.ok_or_else(|| given.misfit(given.text(), "a cause as the records have it"));
        put(&mut draft.event.handshake.failure, failure.map(Some))
    }),
    ("tlsight.handshake.latency", |draft, given| {
        put(&mut draft.event.handshake.hello_latency, given.number().map(Some))
    }),
    ("tlsight.handshake.duration", |draft, given| put(&mut draft.event.handshake.duration, given.number().map(Some))),
    ("tlsight.handshake.tcp.server_latency", |draft, given| {
        put(&mut draft.event.handshake.tcp.server, given.number().map(Some))
    }),
    ("tlsight.handshake.tcp.client_latency", |draft, given| {
        put(&mut draft.event.handshake.tcp.client, given.number().map(Some))
    }),
];

/// Whether something came; that it did not come is told only where it would have been seen.
fn asked(
    draft: &mut Draft,
    given: Given<'_>,
    place: fn(&mut crate::event::Handshake) -> &mut bool,
) -> Result<(), String> {
    put(place(&mut draft.event.handshake), given.truth())
}

fn exchange(draft: &mut Draft) -> &mut KeyExchange {
    draft.event.handshake.key_exchange.get_or_insert_default()
}

fn dh(draft: &mut Draft) -> &mut DiffieHellman {
    let unknown = DiffieHellman { prime_bits: 0, group: None, prime_sha256: [0; 32], public_sha256: [0; 32] };
    exchange(draft).dh.get_or_insert(unknown)
}

/// The first alert, which is that of all alerts too.
fn alert(draft: &mut Draft) -> &mut Alert {
    draft.event.handshake.alert.get_or_insert(Alert { from: Side::Server, level: FATAL, description: 0 })
}

fn description(given: Given<'_>, text: &str) -> Result<u8, String> {
    let found = (0..=u8::MAX).find(|&description| registry::alert_description(description) == Some(text));
    found.ok_or_else(|| given.misfit(text, "an alert's name, as in unknown_ca"))
}

fn scheme(given: Given<'_>) -> Result<u16, String> {
    given.named(given.text(), registry::signature_scheme, "the name of a signature scheme")
}

fn ech_misfit(given: Given<'_>) -> String {
    given.misfit(given.text(), "a word of the records for it")
}

const RESUMPTIONS: &[Resumption] = &[Resumption::None, Resumption::SessionId, Resumption::Ticket, Resumption::Psk];

/// Of each status the likeliest sign first.
const ECH: &[Ech] = &[
    Ech::None,
    Ech::Grease(GreaseSign::NoServerName),
    Ech::Offered(OfferSign::MayBeGrease),
    Ech::Offered(OfferSign::PublicName),
    Ech::Accepted(AcceptanceSign::SecondHello),
    Ech::Accepted(AcceptanceSign::InnerHello),
    Ech::Rejected(RejectionSign::HelloRetry),
    Ech::Rejected(RejectionSign::Version),
    Ech::Rejected(RejectionSign::SecondHello),
    Ech::Rejected(RejectionSign::Alert),
];

/// AlertLevel (RFC 8446, section 6).
const WARNING: u8 = 1;
const FATAL: u8 = 2;
