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
}

impl<'a> AlertRow<'a> {
    pub fn of(alert: &'a Alert, sensor: &'a str) -> Self {
        let rule = &*alert.rule;
        Self {
            timestamp: alert.timestamp.0,
            event_id: &alert.event,
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
        }
    }
}
