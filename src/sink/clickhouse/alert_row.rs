//! An alert as a row.

use std::net::Ipv6Addr;

use clickhouse::Row;
use serde::Serialize;

use super::rows::mapped;
use crate::detect::Alert;

/// A row of `alerts`.
#[derive(Debug, Row, Serialize)]
pub struct AlertRow<'a> {
    timestamp: i64,
    event_id: &'a [u8; 16],
    rule_id: &'a str,
    title: &'a str,
    level: &'a str,
    tags: &'a [String],
    message: &'a str,
    source_ip: Ipv6Addr,
    source_port: u16,
    destination_ip: Ipv6Addr,
    destination_port: u16,
    ja4: &'a str,
    sensor: &'a str,
    event_ids: &'a [[u8; 16]],
    session_count: u64,
    group: Vec<(&'a str, &'a str)>,
    suppressed: u64,
    measures: &'a [(&'static str, f64)],
    list: &'a str,
    indicator_type: &'static str,
    indicator: &'a str,
    indicator_description: &'a str,
    indicator_first_seen: Option<i64>,
}

impl<'a> AlertRow<'a> {
    pub fn of(alert: &'a Alert, sensor: &'a str) -> Self {
        let rule = &*alert.rule;
        let listed = alert.listed.as_deref();
        Self {
            timestamp: alert.timestamp.0,
            event_id: alert.session(),
            rule_id: &rule.id,
            title: &rule.title,
            level: rule.level.as_str(),
            tags: &rule.tags,
            message: &alert.message,
            source_ip: mapped(alert.source.ip),
            source_port: alert.source.port,
            destination_ip: mapped(alert.destination.ip),
            destination_port: alert.destination.port,
            ja4: alert.fingerprint.as_ref().map(|ja4| ja4.as_str()).unwrap_or_default(),
            sensor,
            event_ids: &alert.sessions,
            session_count: alert.count,
            group: alert.group.iter().map(|(field, value)| (&**field, &**value)).collect(),
            suppressed: alert.suppressed,
            measures: &alert.measures,
            list: listed.map(|listed| &*listed.list).unwrap_or_default(),
            indicator_type: listed.map(|listed| listed.kind).unwrap_or_default(),
            indicator: listed.map(|listed| &*listed.value).unwrap_or_default(),
            indicator_description: listed.and_then(|listed| listed.description.as_deref()).unwrap_or_default(),
            indicator_first_seen: listed.and_then(|listed| listed.first_seen),
        }
    }
}
