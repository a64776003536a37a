//! `tlsight.handshake`: how it went, what was seen, and what is known not to have been there.

use serde::Serialize;

use super::shared::Shared;
use crate::event::{
    self, Agreement, ClientCertificate, DiffieHellman, EarlyData, Ech, Event, Failure, Offered, Resumption,
};
use crate::sink::forms::{Code, Codes, Each, Hex};
use crate::sink::json::Text;
use crate::wire::registry;

#[derive(Serialize)]
pub struct Handshake<'a> {
    /// [`Course`]
    #[serde(rename = "")]
    course: Text<'a>,
    retry: Option<Retry<'a>>,
    ech: EchRecord,
    dh: Option<Dh<'a>>,
    alert: Option<Alert>,
    alerts: Each<'a, event::Alert, Alert>,
    /// Nanoseconds from the ClientHello to the ServerHello.
    latency: Option<u64>,
    /// Nanoseconds from the ClientHello to the packet that ended the handshake.
    duration: Option<u64>,
    tcp: Tcp,
}

/// How a handshake went, in what few words suffice for: most sessions of a network share one of a few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Course {
    hello_retry: Option<bool>,
    resumption: Option<Resumption>,
    resumption_offered: Offered,
    early_data: Option<EarlyData>,
    round_trips: Option<u8>,
    client_auth: Option<bool>,
    client_certificate: Option<ClientCertificate>,
    ocsp_requested: Option<bool>,
    ocsp_stapled: Option<bool>,
    sct_count: Option<u16>,
    post_quantum: Option<bool>,
    renegotiation_info: Option<Agreement>,
    extended_master_secret: Option<Agreement>,
    compression: Option<u8>,
    signature_scheme: Option<u16>,
    client_signature_scheme: Option<u16>,
    rsa_bits: Option<u16>,
    new_session_ticket: Option<bool>,
    hello_verify: Option<bool>,
    failure: Option<Failure>,
}

/// The members that a [`Course`] gives.
#[derive(Serialize)]
struct CourseRecord {
    hello_retry: Option<bool>,
    resumption: Option<&'static str>,
    resumption_offered: Ways,
    early_data: Option<&'static str>,
    round_trips: Option<u8>,
    client_auth: Option<bool>,
    client_certificate: Option<&'static str>,
    ocsp_requested: Option<bool>,
    ocsp_stapled: Option<bool>,
    /// In the ServerHello's extension.
    sct_count: Option<u16>,
    /// Of the group that was chosen.
    post_quantum: Option<bool>,
    renegotiation_info: Option<&'static str>,
    extended_master_secret: Option<&'static str>,
    compression: Option<&'static str>,
    signature_scheme: Option<SchemeName>,
    client_signature_scheme: Option<SchemeName>,
    /// Of a temporary key.
    rsa_bits: Option<u16>,
    new_session_ticket: Option<bool>,
    /// Of DTLS alone.
    hello_verify: Option<bool>,
    failure: Option<&'static str>,
}

/// `tlsight.handshake.retry`
#[derive(Serialize)]
struct Retry<'a> {
    group: Option<Code>,
    cookie: bool,
    added: Codes<'a>,
    removed: Codes<'a>,
    changed: Codes<'a>,
}

/// `tlsight.handshake.ech`
#[derive(Serialize)]
struct EchRecord {
    status: Option<&'static str>,
    reason: Option<&'static str>,
    config_id: Option<u8>,
    kdf: Option<Code>,
    aead: Option<Code>,
    /// Octets.
    enc_length: Option<u16>,
    /// Octets.
    payload_length: Option<u16>,
}

/// `tlsight.handshake.dh`
#[derive(Serialize)]
struct Dh<'a> {
    prime_bits: u16,
    group: Option<&'static str>,
    prime_sha256: Hex<'a>,
    public_sha256: Hex<'a>,
}

#[derive(Serialize)]
struct Alert {
    from: &'static str,
    level: u8,
    description: u8,
    name: Option<&'static str>,
}

/// `tlsight.handshake.tcp`: nanoseconds between SYN, SYN-ACK and ACK.
#[derive(Serialize)]
struct Tcp {
    server_latency: Option<u64>,
    client_latency: Option<u64>,
    round_trip: Option<u64>,
}

impl<'a> Handshake<'a> {
    pub fn of(event: &'a Event, shared: &'a Shared) -> Self {
        let handshake = &event.handshake;
        let dh = handshake.key_exchange.as_deref().and_then(|exchange| exchange.dh.as_ref());
        Self {
            course: shared.course(),
            retry: handshake.retry.as_deref().map(Retry::of),
            ech: EchRecord::of(event),
            dh: dh.map(Dh::of),
            alert: handshake.alert.as_ref().map(Alert::of),
            alerts: Each(&handshake.alerts, Alert::of),
            latency: handshake.hello_latency,
            duration: handshake.duration,
            tcp: Tcp {
                server_latency: handshake.tcp.server,
                client_latency: handshake.tcp.client,
                round_trip: handshake.tcp.round_trip(),
            },
        }
    }
}

impl Course {
    pub fn of(event: &Event) -> Self {
        let handshake = &event.handshake;
        Self {
            hello_retry: event.hello_retry(),
            resumption: handshake.resumption,
            resumption_offered: handshake.resumption_offered,
            early_data: handshake.early_data,
            round_trips: handshake.round_trips,
            client_auth: event.client_auth_requested(),
            client_certificate: handshake.client_certificate,
            ocsp_requested: event.ocsp_requested(),
            ocsp_stapled: event.ocsp_stapled(),
            sct_count: event.timestamp_count(),
            post_quantum: handshake.is_post_quantum(),
            renegotiation_info: event.renegotiation_info(),
            extended_master_secret: event.extended_master_secret(),
            compression: event.compression(),
            signature_scheme: handshake.signature_scheme,
            client_signature_scheme: handshake.client_signature_scheme,
            rsa_bits: handshake.key_exchange.as_deref().and_then(|exchange| exchange.rsa_bits),
            new_session_ticket: event.new_session_ticket(),
            hello_verify: event.hello_verify(),
            failure: handshake.failure,
        }
    }
}

impl Serialize for Course {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        CourseRecord {
            hello_retry: self.hello_retry,
            resumption: self.resumption.map(Resumption::as_str),
            resumption_offered: Ways(self.resumption_offered),
            early_data: self.early_data.map(EarlyData::as_str),
            round_trips: self.round_trips,
            client_auth: self.client_auth,
            client_certificate: self.client_certificate.map(ClientCertificate::as_str),
            ocsp_requested: self.ocsp_requested,
            ocsp_stapled: self.ocsp_stapled,
            sct_count: self.sct_count,
            post_quantum: self.post_quantum,
            renegotiation_info: self.renegotiation_info.map(Agreement::as_str),
            extended_master_secret: self.extended_master_secret.map(Agreement::as_str),
            compression: self.compression.and_then(registry::compression_method),
            signature_scheme: self.signature_scheme.map(SchemeName),
            client_signature_scheme: self.client_signature_scheme.map(SchemeName),
            rsa_bits: self.rsa_bits,
            new_session_ticket: self.new_session_ticket,
            hello_verify: self.hello_verify,
            failure: self.failure.and_then(Failure::cause),
        }
        .serialize(serializer)
    }
}

impl<'a> Retry<'a> {
    fn of(retry: &'a event::Retry) -> Self {
        Self {
            group: retry.group.map(Code),
            cookie: retry.cookie,
            added: Codes(&retry.added),
            removed: Codes(&retry.removed),
            changed: Codes(&retry.changed),
        }
    }
}

impl EchRecord {
    fn of(event: &Event) -> Self {
        let ech = event.handshake.ech;
        let outer = event.outer_hello();
        Self {
            status: ech.map(Ech::as_str),
            reason: ech.and_then(Ech::reason),
            config_id: outer.map(|outer| outer.config_id),
            kdf: outer.map(|outer| Code(outer.kdf)),
            aead: outer.map(|outer| Code(outer.aead)),
            enc_length: outer.map(|outer| outer.enc_length),
            payload_length: outer.map(|outer| outer.payload_length),
        }
    }
}

impl<'a> Dh<'a> {
    fn of(dh: &'a DiffieHellman) -> Self {
        Self {
            prime_bits: dh.prime_bits,
            group: dh.group,
            prime_sha256: Hex(&dh.prime_sha256),
            public_sha256: Hex(&dh.public_sha256),
        }
    }
}

impl Alert {
    fn of(alert: &event::Alert) -> Self {
        Self {
            from: alert.from.as_str(),
            level: alert.level,
            description: alert.description,
            name: registry::alert_description(alert.description),
        }
    }
}

/// Ways to resume, in words.
struct Ways(Offered);

impl Serialize for Ways {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Resumption::as_str))
    }
}

/// A signature scheme's IANA name, or its number.
#[derive(Debug, Clone, Copy)]
struct SchemeName(u16);

impl Serialize for SchemeName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match registry::signature_scheme(self.0) {
            Some(name) => serializer.serialize_str(name),
            None => Code(self.0).serialize(serializer),
        }
    }
}
