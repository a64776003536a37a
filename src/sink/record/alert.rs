//! `tlsight.alert`: a rule that fired.

use serde::Serialize;

use super::session::Address;
use crate::detect::Alert;
use crate::sink::forms::{Hex, Time};
use crate::sink::json::Text;

/// An alert as the public schema has it.
#[derive(Serialize)]
pub struct AlertRecord<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Time,
    event: Event,
    message: Option<&'a str>,
    rule: Rule<'a>,
    tags: &'a [String],
    source: Address,
    destination: Address,
    tls: Tls<'a>,
    tlsight: Tlsight<'a>,
}

#[derive(Serialize)]
struct Event {
    #[serde(rename = "")]
    kind: Text<'static>,
}

/// `rule`: the rule's own words.
#[derive(Serialize)]
struct Rule<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Tls<'a> {
    client: Client<'a>,
}

#[derive(Serialize)]
struct Client<'a> {
    ja4: Option<&'a str>,
}

#[derive(Serialize)]
struct Tlsight<'a> {
    alert: Fields<'a>,
}

#[derive(Serialize)]
struct Fields<'a> {
    level: &'static str,
    /// `event.id` of the session.
    session: Hex<'a>,
}

impl<'a> AlertRecord<'a> {
    pub fn of(alert: &'a Alert) -> Self {
        let rule = &*alert.rule;
        Self {
            timestamp: Time(alert.timestamp),
            event: Event { kind: KIND },
            message: (!alert.message.is_empty()).then_some(&alert.message),
            rule: Rule { id: &rule.id, name: &rule.title },
            tags: &rule.tags,
            source: Address::of(alert.source),
            destination: Address::of(alert.destination),
            tls: Tls { client: Client { ja4: alert.fingerprint.as_ref().map(|ja4| ja4.as_str()) } },
            tlsight: Tlsight { alert: Fields { level: alert.rule.level.as_str(), session: Hex(alert.session()) } },
        }
    }
}

const KIND: Text<'static> =
    Text(br#""dataset":"tlsight.alert","kind":"alert","category":["intrusion_detection"],"type":["info"]"#);
