//! Who speaks with whom, when and through what; what is missing, and what was odd.

use super::Set;
use super::given::{Given, bytes};
use crate::capture::Timestamp;
use crate::event::{Anomaly, Event, Missing, Part, Protocol, Quic, Reason};
use crate::tls::Upgrade;

pub(super) const SESSION: &[(&str, Set)] = &[
    ("@timestamp", |draft, given| {
        let moment = given.time()?;
        let nanos = moment.seconds.checked_mul(BILLION).and_then(|nanos| nanos.checked_add(moment.nanos.into()));
        draft.event.timestamp = Timestamp(nanos.ok_or_else(|| given.misfit(given.text(), "a time after 1678"))?);
        Ok(())
    }),
    ("event.id", |draft, given| put(&mut draft.event.id, given.hex())),
    ("network.protocol", |draft, given| {
        let all = [Protocol::Tls, Protocol::Dtls, Protocol::Quic];
        put(&mut draft.event.protocol, given.one_of(&all, Protocol::as_str))
    }),
    ("network.transport", |draft, given| match (given.text(), draft.event.protocol) {
        ("tcp", Protocol::Tls) | ("udp", Protocol::Dtls | Protocol::Quic) => Ok(()),
        ("udp", Protocol::Tls) => {
            draft.event.protocol = Protocol::Quic;
            Ok(())
        }
        (other, _) => Err(given.misfit(other, "what the network.protocol travels in")),
    }),
    ("network.vlan.id", |draft, given| put(&mut draft.event.vlans.outer, given.number().map(Some))),
    ("network.inner.vlan.id", |draft, given| put(&mut draft.event.vlans.inner, given.number().map(Some))),
    ("source.ip", |draft, given| put(&mut draft.event.client.ip, given.ip())),
    ("source.port", |draft, given| put(&mut draft.event.client.port, given.number())),
    ("destination.ip", |draft, given| put(&mut draft.event.server.ip, given.ip())),
    ("destination.port", |draft, given| put(&mut draft.event.server.port, given.number())),
    ("tlsight.upgrade", |draft, given| {
        put(&mut draft.event.upgrade, given.one_of(UPGRADES, Upgrade::as_str).map(Some))
    }),
    ("tlsight.missing", |draft, given| {
        put(&mut draft.event.missing, given.each(|text| missing(given, text)).map(Vec::from))
    }),
    ("tlsight.anomaly", |draft, given| {
        let all = given.each(|text| given.which(text, ANOMALIES, Anomaly::as_str));
        put(&mut draft.event.anomalies, all.map(Vec::from))
    }),
    ("tlsight.client.first_records", |draft, given| {
        let lengths = given.each(|text| text.parse().map_err(|_| given.misfit(text, "a length")))?;
        draft.event.client_records.clear();
        let room = draft.event.client_records.remaining_capacity();
        if lengths.len() > room {
            return Err(given.misfit("…", &format!("at most {room} lengths")));
        }
        draft.event.client_records.extend(lengths);
        Ok(())
    }),
    ("tlsight.quic.version", |draft, given| {
        let version = match given.text() {
            "1" => Some(1),
            "2" => Some(VERSION_2),
            other => match other.strip_prefix("draft-") {
                Some(draft) => draft.parse::<u8>().ok().map(|draft| DRAFTS | u32::from(draft)),
                None => other.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok()),
            },
        };
        let version = version.ok_or_else(|| given.misfit(given.text(), "1, 2, draft-29 or a number"));
        put(&mut quic(&mut draft.event).version, version)
    }),
    ("tlsight.quic.user_agent", |draft, given| {
        quic(&mut draft.event).user_agent = Some(bytes(given.text()));
        Ok(())
    }),
    ("tlsight.quic.retry", |draft, given| put(&mut quic(&mut draft.event).retry, given.truth())),
    ("tlsight.quic.zero_rtt", |draft, given| put(&mut quic(&mut draft.event).zero_rtt, given.truth())),
];

/// Puts what could be read where it belongs.
pub(super) fn put<T>(place: &mut T, read: Result<T, String>) -> Result<(), String> {
    *place = read?;
    Ok(())
}

fn quic(event: &mut Event) -> &mut Quic {
    event.protocol = Protocol::Quic;
    event.quic.get_or_insert_default()
}

fn missing(given: Given<'_>, text: &str) -> Result<Missing, String> {
    let all = PARTS.iter().flat_map(|&what| REASONS.iter().map(move |&why| Missing { what, why }));
    all.into_iter()
        .find(|missing| missing.to_string() == text)
        .ok_or_else(|| given.misfit(text, "what:why, as in certificate:encrypted"))
}

const BILLION: i64 = 1_000_000_000;
/// RFC 9369, section 3.1.
const VERSION_2: u32 = 0x6b33_43cf;
/// The versions of the drafts of RFC 9000.
const DRAFTS: u32 = 0xff00_0000;

const UPGRADES: &[Upgrade] = &[
    Upgrade::Smtp,
    Upgrade::Imap,
    Upgrade::Pop3,
    Upgrade::Ftp,
    Upgrade::Ldap,
    Upgrade::Xmpp,
    Upgrade::Irc,
    Upgrade::Nntp,
    Upgrade::Sieve,
    Upgrade::Postgresql,
    Upgrade::Mysql,
    Upgrade::Tds,
    Upgrade::Rdp,
    Upgrade::HttpConnect,
    Upgrade::HttpUpgrade,
    Upgrade::Socks4,
    Upgrade::Socks5,
    Upgrade::Haproxy,
    Upgrade::Unknown,
];

const ANOMALIES: &[Anomaly] = &[
    Anomaly::TcpOverlapDiffers,
    Anomaly::OddCipherListLength,
    Anomaly::DuplicateExtension,
    Anomaly::MalformedExtension,
    Anomaly::TrailingBytes,
    Anomaly::RepeatedClientHello,
    Anomaly::ChangedClientHello,
    Anomaly::OversizedRecord,
    Anomaly::UnknownRecordVersion,
    Anomaly::MalformedCertificate,
    Anomaly::MalformedMessage,
    Anomaly::NotARecord,
];

const PARTS: &[Part] =
    &[Part::ClientHello, Part::ServerHello, Part::Certificate, Part::ClientCertificate, Part::Client, Part::Server];

const REASONS: &[Reason] = &[
    Reason::Encrypted,
    Reason::Resumed,
    Reason::NotSeen,
    Reason::Midstream,
    Reason::Gap,
    Reason::Dropped,
    Reason::Truncated,
    Reason::Limit,
    Reason::Malformed,
    Reason::NotTls,
];
