//! What was missing, odd or lost, in plain words.
#![forbid(unsafe_code)]

use crate::event::{Anomaly, Missing, Part, Reason};
use crate::stats::Counters;

/// What is not in a session, and why.
pub(super) fn missing(missing: Missing) -> String {
    let what = match missing.what {
        Part::ClientHello => "ClientHello",
        Part::ServerHello => "ServerHello",
        Part::Certificate => "server certificate",
        Part::ClientCertificate => "client certificate",
        Part::Client => "what the client sent later",
        Part::Server => "what the server sent later",
    };
    let why = match missing.why {
        Reason::Encrypted => "encrypted (TLS 1.3 always does)",
        Reason::Resumed => "not sent (the session was resumed)",
        Reason::NotSeen => "not seen",
        Reason::Midstream => "sent before the capture began",
        Reason::Gap => "packets are missing from the capture",
        Reason::Dropped => "the sensor lost packets meanwhile",
        Reason::Truncated => "cut, by the capture's snap length or the connection's end",
        Reason::Limit => "longer than the limit for it",
        Reason::Malformed => "malformed",
        Reason::NotTls => "not one of TLS",
    };
    format!("{what}: {why}")
}

pub(super) fn anomaly(anomaly: Anomaly) -> &'static str {
    match anomaly {
        Anomaly::TcpOverlapDiffers => "TCP segments overlapped with different bytes (the first were used)",
        Anomaly::OddCipherListLength => "ClientHello: cipher suites of odd length",
        Anomaly::DuplicateExtension => "hello: the same extension twice",
        Anomaly::MalformedExtension => "hello: an extension that cannot be read",
        Anomaly::TrailingBytes => "hello: bytes behind its end",
        Anomaly::RepeatedClientHello => "ClientHello: repeated without having been asked for",
        Anomaly::ChangedClientHello => "ClientHello: the second one changes what has to stay",
        Anomaly::OversizedRecord => "TLS record longer than its version allows",
        Anomaly::UnknownRecordVersion => "TLS record of an unknown version",
        Anomaly::MalformedCertificate => "certificate: breaks the encoding rules, or cannot be read",
        Anomaly::MalformedMessage => "handshake message that cannot be read",
        Anomaly::NotARecord => "something else than TLS in the middle of the handshake",
    }
}

/// What the run could not take in.
pub(super) fn losses(counters: &Counters) -> impl Iterator<Item = (u64, &'static str)> + use<> {
    [
        (counters.packets_dropped, "packets dropped by the kernel or the interface: the sensor was too slow"),
        (counters.chains_unchecked, "chains of certificates not judged, as too many came at once"),
        (
            counters.rule_groups_evicted,
            "groups of sessions that rules forgot because rule_groups or rule_bytes was reached",
        ),
        (counters.late_matches, "sessions that rules over several were told of too late to count them"),
        (counters.numbers_left_out, "numbers for which the percentile of a rule had no room"),
        (counters.suppressions_evicted, "kinds of alerts told again early because suppressed_keys was reached"),
        (counters.events_shed, "sessions not told because an output was too slow"),
        (counters.packets_malformed, "packets with headers that contradict themselves or are cut"),
        (counters.gaps, "directions of a connection with packets missing from the capture"),
        (counters.truncated, "directions of a connection that a snap length cut, or that ended inside a message"),
        (counters.reassembly_limit, "directions with more out-of-order data than out_of_order_bytes allows"),
        (counters.message_limit, "handshake messages over client_hello_bytes or handshake_message_bytes"),
        (counters.flows_evicted, "flows given up for others because max_flows or max_unanswered was reached"),
        (counters.half_open_evicted, "of these, half-open or closed already"),
        (counters.fragments_dropped, "IP fragments that did not become a packet"),
    ]
    .into_iter()
}

/// What is no loss for TLS.
pub(super) fn passed_over(counters: &Counters) -> impl Iterator<Item = (u64, &'static str)> + use<> {
    [(counters.packets_ignored, "packets that are neither TCP nor UDP over IP")].into_iter()
}
