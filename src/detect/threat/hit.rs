//! What lists know of a session.
//!
//! In: the store of all entries, an event. Out: the entries that it meets, for each list and each thing it shows the most
//! exact one. Allocates nothing where there is none.

use std::sync::Arc;

use super::indicator::{Class, Indicator, MAX_NAME};
use super::store::{Entry, Store};
use crate::capture::Timestamp;
use crate::detect::value::Moment;
use crate::event::Event;
use crate::judge::labels::entry::Print;
use crate::x509::Certificate;

/// What a list says of a session, for its alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The list's name.
    pub list: Arc<str>,
    pub class: Class,
    /// As in STIX (`ipv4-addr`, `ipv6-addr`, `domain-name`, `x509-certificate`), else what fingerprint it is.
    pub kind: &'static str,
    /// The entry, as lists write it.
    pub value: String,
    /// The field of the session that it met.
    pub matched: &'static str,
    /// Of the list's file, counted from 1.
    pub line: u32,
    pub description: Option<Box<str>>,
    pub reference: Option<Box<str>>,
    /// Who told the list's author.
    pub source: Option<Box<str>>,
    /// Seconds since 1970.
    pub first_seen: Option<i64>,
    pub last_seen: Option<i64>,
    /// Software beyond suspicion that is known to send the same.
    pub shared_with: Option<Box<str>>,
}

impl Listed {
    /// Days from the entry's first sight to the session; negative where that came first.
    pub fn age_days(&self, session: Timestamp) -> Option<f64> {
        let seconds = Moment::from(session).seconds.saturating_sub(self.first_seen?);
        Some((seconds as f64 / DAY as f64 * 100.0).round() / 100.0)
    }

    /// `, first seen 2019-07-27, 12 days before`
    pub fn age(&self, session: Timestamp) -> Option<String> {
        let first_seen = self.first_seen?;
        let date = Moment::of_seconds(first_seen).to_string();
        let date = date.split('T').next().unwrap_or_default();
        let seconds = Moment::from(session).seconds.saturating_sub(first_seen);
        let days = seconds.unsigned_abs() / DAY;
        let plural = if days == 1 { "" } else { "s" };
        Some(match (days, seconds < 0) {
            (0, _) => format!(", first seen {date}, the same day"),
            (_, false) => format!(", first seen {date}, {days} day{plural} before"),
            (_, true) => format!(", first seen {date}, {days} day{plural} after this session"),
        })
    }
}

/// An entry that a session met.
#[derive(Debug)]
pub struct Sight {
    pub entry: Entry,
    pub class: Class,
    /// Which field met it.
    pub matched: &'static str,
    pub indicator: Indicator,
}

impl Sight {
    pub fn kind(&self) -> &'static str {
        match &self.indicator {
            Indicator::Print(print) if self.class == Class::Fingerprint => print.kind(),
            Indicator::Print(_) => "x509-certificate",
            Indicator::PartialJa4(_) => "ja4",
            Indicator::Name { .. } => "domain-name",
            Indicator::Network(network) if network.is_v4() => "ipv4-addr",
            Indicator::Network(_) => "ipv6-addr",
        }
    }
}

/// In the order of lists, kinds and fields.
pub fn sights(store: &Store, event: &Event) -> Vec<Sight> {
    let now = Moment::from(event.timestamp).seconds;
    let mut looking = Looking { store, now, found: Vec::new() };
    looking.certificates(&event.server_chain, SERVER_CERTIFICATE);
    looking.certificates(&event.client_chain, CLIENT_CERTIFICATE);
    looking.names(event);
    looking.address(event.server.ip, Some(event.server.port), "destination.ip");
    looking.address(event.client.ip, None, "source.ip");
    looking.client(event);
    looking.server(event);
    let mut found = looking.found;
    // What is met first is most exact; of one place in one list it stands for the rest.
    found.sort_by_key(|sight| (sight.entry.list, sight.class, sight.matched));
    found.dedup_by_key(|sight| (sight.entry.list, sight.class, sight.matched));
    found
}

struct Looking<'s> {
    store: &'s Store,
    /// Packet time, in seconds since 1970.
    now: i64,
    found: Vec<Sight>,
}

impl Looking<'_> {
    fn print(&mut self, print: Print, matched: &'static str) {
        let Self { store, now, found } = self;
        store.of_print(print, &mut |entry| {
            let indicator = Indicator::Print(print);
            keep(found, *now, Sight { entry: *entry, class: indicator.class(), matched, indicator });
        });
    }

    fn certificates(&mut self, chain: &[Arc<Certificate>], fields: Certificates) {
        for certificate in chain {
            self.print(Print::CertificateSha256(certificate.sha256), fields.sha256);
            self.print(Print::CertificateSha1(certificate.sha1), fields.sha1);
            self.print(Print::CertificateMd5(certificate.md5), fields.md5);
        }
    }

    fn client(&mut self, event: &Event) {
        let Some(prints) = event.client_hello.as_ref().and_then(|hello| hello.shape.prints.as_ref()) else { return };
        self.print(Print::Ja4(prints.ja4.0), "tls.client.ja4");
        let Self { store, now, found } = self;
        store.of_ja4_parts(&prints.ja4.0, &mut |parts, entry| {
            let indicator = Indicator::PartialJa4(parts);
            keep(found, *now, Sight { entry: *entry, class: Class::Fingerprint, matched: "tls.client.ja4", indicator });
        });
        if let Some(ja3) = prints.ja3 {
            self.print(Print::Ja3(ja3.0), "tls.client.ja3");
        }
        if let Some(ja3n) = prints.ja3n {
            self.print(Print::Ja3n(ja3n.0), "tlsight.client.ja3n");
        }
    }

    fn server(&mut self, event: &Event) {
        if let Some(prints) = event.server_hello.as_ref().and_then(|hello| hello.shape.prints.as_ref()) {
            self.print(Print::Ja3s(prints.ja3s.0), "tls.server.ja3s");
        }
        #[cfg(feature = "ja4plus")]
        if self.store.has_prints()
            && let Some(ja4x) = event.server_chain.first().and_then(|leaf| leaf.parsed.as_ref().ok()?.ja4x)
            && let Some(print) = Print::parse("ja4x", &ja4x.to_string())
        {
            self.print(print, "tlsight.server.chain.ja4x");
        }
    }

    fn address(&mut self, ip: std::net::IpAddr, port: Option<u16>, matched: &'static str) {
        let Self { store, now, found } = self;
        store.of_address(ip, port, &mut |network, entry| {
            let indicator = Indicator::Network(network);
            keep(found, *now, Sight { entry: *entry, class: Class::Address, matched, indicator });
        });
    }

    /// The name that the client asked for; where it asked for none, those of the certificate that it got.
    fn names(&mut self, event: &Event) {
        if let Some(name) = event.server_name() {
            return self.name(name, "tls.client.server_name");
        }
        let leaf = event.server_chain.first().and_then(|leaf| leaf.parsed.as_ref().ok());
        let names = leaf.map(|leaf| &*leaf.dns_names).unwrap_or_default();
        // One of many names is a provider's certificate, and says nothing of whom was spoken to.
        if names.len() <= MAX_CERTIFICATE_NAMES {
            names.iter().for_each(|name| self.name(name.as_bytes(), "tls.server.x509.alternative_names"));
        }
    }

    fn name(&mut self, name: &[u8], matched: &'static str) {
        let name = name.strip_suffix(b".").unwrap_or(name);
        let mut lower = [0; MAX_NAME];
        let Some(lower) = lower.get_mut(..name.len()) else { return };
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        let Ok(name) = std::str::from_utf8(lower) else { return };
        let Self { store, now, found } = self;
        store.of_name(name, &mut |name, reach, entry| {
            let indicator = Indicator::Name { name: name.to_owned(), reach };
            keep(found, *now, Sight { entry: *entry, class: Class::Name, matched, indicator });
        });
    }
}

/// Unless its time was over.
fn keep(found: &mut Vec<Sight>, now: i64, sight: Sight) {
    let until = sight.entry.valid_until;
    if until == 0 || now < i64::from(until) {
        found.push(sight);
    }
}

struct Certificates {
    md5: &'static str,
    sha1: &'static str,
    sha256: &'static str,
}

const SERVER_CERTIFICATE: Certificates = Certificates {
    md5: "tlsight.server.chain.md5",
    sha1: "tlsight.server.chain.sha1",
    sha256: "tlsight.server.chain.sha256",
};
const CLIENT_CERTIFICATE: Certificates = Certificates {
    md5: "tlsight.client.chain.md5",
    sha1: "tlsight.client.chain.sha1",
    sha256: "tlsight.client.chain.sha256",
};
/// Names of a certificate that is one service's.
const MAX_CERTIFICATE_NAMES: usize = 8;
const DAY: u64 = 86_400;
