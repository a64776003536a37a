//! `tlsight.alert`: a rule that fired, or a threat list that knows a session.
//!
//! ECS has a place for most of it: the rule, ATT&CK, and the indicator that a list gave. The rest is `tlsight.alert.*`.

use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::session::Address;
use crate::detect::threat::{Class, Listed};
use crate::detect::{Alert, Level};
use crate::sink::attack;
use crate::sink::forms::{self, Date, Each, Hex, Short, Time};
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
    threat: Threat<'a>,
    source: Address,
    destination: Address,
    tls: Tls<'a>,
    tlsight: Tlsight<'a>,
}

#[derive(Serialize)]
struct Event {
    #[serde(rename = "")]
    kind: Text<'static>,
    severity: u8,
}

/// `rule`: the rule's own words.
#[derive(Serialize)]
struct Rule<'a> {
    id: &'a str,
    name: &'a str,
    description: Option<&'a str>,
    reference: &'a [String],
}

/// `threat`: what ATT&CK calls it, and what a list says.
#[derive(Serialize)]
struct Threat<'a> {
    framework: Option<&'static str>,
    tactic: Tactic,
    technique: Technique,
    feed: Feed<'a>,
    indicator: Indicator<'a>,
}

#[derive(Serialize)]
struct Tactic {
    name: Vec<String>,
}

#[derive(Serialize)]
struct Technique {
    id: Vec<String>,
    subtechnique: Subtechnique,
}

#[derive(Serialize)]
struct Subtechnique {
    id: Vec<String>,
}

#[derive(Serialize)]
struct Feed<'a> {
    name: Option<&'a str>,
}

#[derive(Serialize, Default)]
struct Indicator<'a> {
    r#type: Option<&'static str>,
    name: Option<&'a str>,
    ip: Option<forms::Address>,
    description: Option<&'a str>,
    provider: Option<&'a str>,
    reference: Option<&'a str>,
    first_seen: Option<Short>,
    last_seen: Option<Short>,
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
    /// `event.id` of the session that completed it.
    session: Hex<'a>,
    /// Of all sessions that are named, in the order of time.
    sessions: Each<'a, [u8; 16], Hex<'a>>,
    /// Sessions it stands for.
    count: u64,
    group: Group<'a>,
    /// Alerts like it that were held back before.
    suppressed: Option<u64>,
    measures: Measures<'a>,
    listed: ListedFields<'a>,
}

#[derive(Serialize, Default)]
struct ListedFields<'a> {
    /// The session's field that met the entry.
    field: Option<&'static str>,
    /// Of the list's file.
    line: Option<u32>,
    shared_with: Option<&'a str>,
}

/// Field (or alias) and value.
struct Group<'a>(&'a [(Box<str>, Box<str>)]);

impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(field, value)| (&**field, &**value)))
    }
}

/// Name and figure.
struct Measures<'a>(&'a [(&'static str, f64)]);

impl Serialize for Measures<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

impl<'a> AlertRecord<'a> {
    pub fn of(alert: &'a Alert) -> Self {
        let rule = &*alert.rule;
        let listed = alert.listed.as_deref();
        Self {
            timestamp: Time(alert.timestamp),
            event: Event { kind: KIND, severity: severity(rule.level) },
            message: (!alert.message.is_empty()).then_some(&alert.message),
            rule: Rule {
                id: &rule.id,
                name: &rule.title,
                description: rule.description.as_deref().filter(|text| !text.is_empty()),
                reference: &rule.references,
            },
            tags: &rule.tags,
            threat: Threat::of(&rule.tags, listed),
            source: Address::of(alert.source),
            destination: Address::of(alert.destination),
            tls: Tls { client: Client { ja4: alert.fingerprint.as_ref().map(|ja4| ja4.as_str()) } },
            tlsight: Tlsight {
                alert: Fields {
                    level: rule.level.as_str(),
                    session: Hex(alert.session()),
                    sessions: Each(&alert.sessions, |id| Hex(id)),
                    count: alert.count,
                    group: Group(&alert.group),
                    suppressed: Some(alert.suppressed).filter(|count| *count > 0),
                    measures: Measures(&alert.measures),
                    listed: listed.map(ListedFields::of).unwrap_or_default(),
                },
            },
        }
    }
}

impl<'a> Threat<'a> {
    fn of(tags: &[String], listed: Option<&'a Listed>) -> Self {
        let (tactics, techniques, subtechniques) =
            (attack::tactics(tags), attack::techniques(tags), attack::subtechniques(tags));
        let is_attack = !tactics.is_empty() || !techniques.is_empty();
        Self {
            framework: is_attack.then_some("MITRE ATT&CK"),
            tactic: Tactic { name: tactics },
            technique: Technique { id: techniques, subtechnique: Subtechnique { id: subtechniques } },
            feed: Feed { name: listed.map(|listed| &*listed.list) },
            indicator: listed.map(Indicator::of).unwrap_or_default(),
        }
    }
}

impl<'a> Indicator<'a> {
    fn of(listed: &'a Listed) -> Self {
        let ip = listed.value.parse::<IpAddr>().ok().filter(|_| listed.class == Class::Address);
        Self {
            r#type: Some(listed.kind),
            name: Some(&listed.value),
            ip: ip.map(forms::Address),
            description: listed.description.as_deref(),
            provider: listed.source.as_deref(),
            reference: listed.reference.as_deref(),
            first_seen: listed.first_seen.and_then(|at| Date(at).text()),
            last_seen: listed.last_seen.and_then(|at| Date(at).text()),
        }
    }
}

impl<'a> ListedFields<'a> {
    fn of(listed: &'a Listed) -> Self {
        Self { field: Some(listed.matched), line: Some(listed.line), shared_with: listed.shared_with.as_deref() }
    }
}

/// `event.severity`, on the scale of ArcSight's Common Event Format: 0 to 10.
pub fn severity(level: Level) -> u8 {
    match level {
        Level::Informational => 1,
        Level::Low => 3,
        Level::Medium => 5,
        Level::High => 8,
        Level::Critical => 10,
    }
}

const KIND: Text<'static> =
    Text(br#""dataset":"tlsight.alert","kind":"alert","category":["intrusion_detection"],"type":["info"]"#);
