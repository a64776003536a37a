//! `tlsight.tls`: one TLS session.

use serde::Serialize;

use super::client::{TlsClient, TlsightClient};
use super::handshake::Handshake;
use super::label::LabelList;
use super::path::{ProxyRecord, QuicRecord, TunnelRecord};
use super::security::SecurityRecord;
use super::server::{TlsServer, TlsightServer};
use super::shared::Shared;
use crate::decode::{Tunnel, Vlans};
use crate::event::terms::Version;
use crate::event::{Anomaly, Endpoint, Event, Missing, Protocol, Resumption};
use crate::sink::community_id::CommunityId;
use crate::sink::forms::{self, CipherName, Each, GroupName, Hex, MissingText, Printable, Shown, Time};
use crate::sink::json::Text;
use crate::tls::Upgrade;

/// A session as the public schema has it.
#[derive(Serialize)]
pub struct Record<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Time,
    event: EventFields<'a>,
    network: Network,
    source: Address,
    destination: Address,
    tls: Tls<'a>,
    tlsight: Tlsight<'a>,
}

#[derive(Serialize)]
struct EventFields<'a> {
    id: Hex<'a>,
    #[serde(rename = "")]
    kind: Text<'static>,
    end: Time,
    /// Nanoseconds.
    duration: u64,
}

#[derive(Serialize)]
struct Network {
    /// `transport`, `protocol` and `type`.
    #[serde(rename = "")]
    kind: Text<'static>,
    community_id: CommunityId,
    vlan: Vlan,
    inner: InnerNetwork,
}

#[derive(Serialize)]
struct InnerNetwork {
    vlan: Vlan,
}

#[derive(Serialize)]
struct Vlan {
    id: Option<Shown<u16>>,
}

/// `source`, `destination`
#[derive(Serialize)]
pub(super) struct Address {
    ip: forms::Address,
    port: u16,
}

#[derive(Serialize)]
struct Tls<'a> {
    /// [`Agreed`]
    #[serde(rename = "")]
    agreed: Text<'a>,
    next_protocol: Option<Printable<'a>>,
    client: TlsClient<'a>,
    server: TlsServer<'a>,
}

/// What both sides agreed on, as far as it is one of few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Agreed {
    version: Option<Version>,
    cipher: Option<u16>,
    curve: Option<u16>,
    resumed: Option<bool>,
    established: bool,
}

/// The members that [`Agreed`] gives.
#[derive(Serialize)]
struct AgreedRecord {
    version: Option<&'static str>,
    version_protocol: Option<&'static str>,
    cipher: Option<CipherName>,
    curve: Option<GroupName>,
    resumed: Option<bool>,
    established: bool,
}

#[derive(Serialize)]
struct Tlsight<'a> {
    client: TlsightClient<'a>,
    server: TlsightServer<'a>,
    upgrade: Option<&'static str>,
    proxy: Option<ProxyRecord>,
    tunnel: Each<'a, Tunnel, TunnelRecord>,
    quic: Option<QuicRecord<'a>>,
    handshake: Handshake<'a>,
    security: SecurityRecord<'a>,
    missing: Each<'a, Missing, MissingText>,
    anomaly: Each<'a, Anomaly, &'static str>,
    labels: LabelList<'a>,
}

impl<'a> Record<'a> {
    /// The record of the event that `shared` was prepared for last.
    pub fn of(event: &'a Event, shared: &'a Shared) -> Self {
        Self {
            timestamp: Time(event.timestamp),
            event: EventFields {
                id: Hex(&event.id),
                kind: KIND,
                end: Time(event.end),
                duration: event.end.since(event.timestamp),
            },
            network: Network::of(event),
            source: Address::of(event.client),
            destination: Address::of(event.server),
            tls: Tls::of(event, shared),
            tlsight: Tlsight {
                client: TlsightClient::of(event, shared),
                server: TlsightServer::of(event, shared),
                upgrade: event.upgrade.map(Upgrade::as_str),
                proxy: event.proxied.as_deref().map(ProxyRecord::of),
                tunnel: Each(&event.tunnels, TunnelRecord::of),
                quic: event.quic.as_deref().map(QuicRecord::of),
                handshake: Handshake::of(event, shared),
                security: SecurityRecord::of(event, shared),
                missing: Each(&event.missing, |&missing| MissingText(missing)),
                anomaly: Each(&event.anomalies, |anomaly| anomaly.as_str()),
                labels: LabelList::of(shared),
            },
        }
    }
}

impl Network {
    fn of(event: &Event) -> Self {
        let Vlans { outer, inner } = event.vlans;
        Self {
            kind: Text(match (event.protocol, event.client.ip.is_ipv4()) {
                (Protocol::Tls, true) => br#""transport":"tcp","protocol":"tls","type":"ipv4""#,
                (Protocol::Tls, false) => br#""transport":"tcp","protocol":"tls","type":"ipv6""#,
                (Protocol::Dtls, true) => br#""transport":"udp","protocol":"dtls","type":"ipv4""#,
                (Protocol::Dtls, false) => br#""transport":"udp","protocol":"dtls","type":"ipv6""#,
                (Protocol::Quic, true) => br#""transport":"udp","protocol":"quic","type":"ipv4""#,
                (Protocol::Quic, false) => br#""transport":"udp","protocol":"quic","type":"ipv6""#,
            }),
            community_id: CommunityId::of(event),
            vlan: Vlan { id: outer.map(Shown) },
            inner: InnerNetwork { vlan: Vlan { id: inner.map(Shown) } },
        }
    }
}

impl Address {
    pub(super) fn of(endpoint: Endpoint) -> Self {
        Self { ip: forms::Address(endpoint.ip), port: endpoint.port }
    }
}

impl<'a> Tls<'a> {
    fn of(event: &'a Event, shared: &'a Shared) -> Self {
        let server = event.server_hello.as_ref().map(|hello| &*hello.shape);
        Self {
            agreed: shared.agreed(),
            next_protocol: server.and_then(|shape| shape.alpn.as_deref()).map(Printable),
            client: TlsClient::of(event, shared),
            server: TlsServer::of(shared),
        }
    }
}

impl Agreed {
    pub(super) fn of(event: &Event) -> Self {
        Self {
            version: event.version(),
            cipher: event.server_hello.as_ref().map(|hello| hello.shape.cipher_suite),
            curve: event.handshake.group,
            resumed: event.handshake.resumption.map(|how| how != Resumption::None),
            established: event.handshake.established,
        }
    }
}

impl Serialize for Agreed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        AgreedRecord {
            version: self.version.and_then(Version::number),
            version_protocol: self.version.map(Version::protocol),
            cipher: self.cipher.map(CipherName),
            curve: self.curve.map(GroupName),
            resumed: self.resumed,
            established: self.established,
        }
        .serialize(serializer)
    }
}

const KIND: Text<'static> =
    Text(br#""dataset":"tlsight.tls","kind":"event","category":["network"],"type":["connection","protocol"]"#);
