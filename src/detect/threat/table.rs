//! Lists of plain lines, and CSV with a header or without one, such as those of abuse.ch.
//!
//! A header names the columns, be it a comment or not; names are known in the spellings that lists have. Without a header the
//! forms of the values decide: the first that is an indicator is what is listed, times are when, the rest says why.

use super::indicator::{Claim, Indicator, Reason};
use super::reading::{Found, HEAD_LINES, Reader, Times, time};
use super::store::Words;
use crate::detect::Level;
use crate::feed::csv::Rows;
use crate::feed::tidy;

pub fn read(text: &str, reader: &mut Reader<'_, '_>) {
    directives(text, reader);
    let header = text.lines().take(HEAD_LINES).find_map(Header::of);
    let is_csv = header.is_some() || text.lines().filter(|line| !is_comment(line)).take(HEAD_LINES).any(has_columns);
    reader.reading.form = match (&header, is_csv) {
        (Some(_), _) => "CSV with a header",
        (None, true) => "CSV",
        (None, false) => "plain lines",
    };
    if !is_csv {
        for (number, line) in text.lines().enumerate() {
            plain(line, number.saturating_add(1), reader);
        }
        return;
    }
    for (line, row) in Rows::new(text) {
        let joined = row.join(",");
        match &header {
            _ if is_comment(&joined) => {}
            Some(_) if Header::of(&joined).is_some() => {}
            Some(header) => header.row(line, &row, reader),
            None => by_form(line, &row, reader),
        }
    }
}

/// `# name: C2 servers` and `# level: critical` in the first lines.
fn directives(text: &str, reader: &mut Reader<'_, '_>) {
    for (number, line) in text.lines().take(HEAD_LINES).enumerate() {
        let Some((key, value)) = line.strip_prefix('#').and_then(|comment| comment.split_once(':')) else { continue };
        match key.trim().to_ascii_lowercase().as_str() {
            "name" => reader.reading.name = tidy(value),
            "level" => match value.trim().parse::<Level>() {
                Ok(level) => reader.reading.level = Some(level),
                Err(what) => reader.fault(number.saturating_add(1), what),
            },
            _ => {}
        }
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with('#') || line.trim().is_empty()
}

/// Whether what stands before a comma is an indicator or a time.
fn has_columns(line: &str) -> bool {
    let first = line.split(',').next().unwrap_or_default().trim_matches(['"', ' ']);
    line.contains(',') && (time(first).is_some() || Indicator::read(Claim::Anything, first).is_ok())
}

/// One indicator, and behind it what it was listed for.
fn plain(line: &str, number: usize, reader: &mut Reader<'_, '_>) {
    let line = line.trim();
    if is_comment(line) {
        return;
    }
    let (value, rest) = line.split_once(|c: char| c.is_whitespace() || matches!(c, ';' | '#')).unwrap_or((line, ""));
    let before = line.get(value.len()..).unwrap_or_default().trim_start();
    let is_comment = before.starts_with(['#', ';']);
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '#' | ';'));
    let (value, rest) = if is_comment { (value, rest) } else { of_hosts_file(value, rest).unwrap_or((value, rest)) };
    match Indicator::read(Claim::Anything, value) {
        Err(why) => reader.refuse(number, value, why),
        Ok(indicators) => {
            let description = tidy(rest.trim_start_matches(['#', ' '])).map(String::into_boxed_str);
            let words = Words { description, ..Words::default() };
            reader.found(Found { line: number, indicators, words, times: Times::default() });
        }
    }
}

/// A line of a hosts file leads a name nowhere: the name is what is listed, not the address.
fn of_hosts_file<'l>(value: &str, rest: &'l str) -> Option<(&'l str, &'l str)> {
    let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let leads_nowhere = matches!(value, "0.0.0.0" | "127.0.0.1" | "::" | "::1");
    (leads_nowhere && Indicator::read(Claim::Name, name).is_ok()).then_some((name, rest))
}

/// A row of which nothing is known but what it looks like.
fn by_form(line: usize, row: &[String], reader: &mut Reader<'_, '_>) {
    let (mut indicators, mut times, mut said) = (Vec::new(), Times::default(), Vec::new());
    let mut refused = None;
    for field in row.iter().map(|field| field.trim()).filter(|field| !field.is_empty()) {
        if let Some(at) = time(field) {
            times.first_seen = Some(times.first_seen.map_or(at, |known| known.min(at)));
            times.last_seen = Some(times.last_seen.map_or(at, |known| known.max(at)));
            continue;
        }
        match Indicator::read(Claim::Anything, field) {
            Ok(found) if indicators.is_empty() => indicators = found,
            Err(why) if indicators.is_empty() && refused.is_none() => refused = Some((field, why)),
            Ok(_) | Err(_) => said.push(field),
        }
    }
    if indicators.is_empty() {
        let (text, why) = refused.unwrap_or(("", Reason::NoSuch(Claim::Anything.as_str())));
        return reader.refuse(line, text, why);
    }
    said.extend(refused.map(|(text, _)| text));
    let description = tidy(&said.join(", ")).map(String::into_boxed_str);
    reader.found(Found { line, indicators, words: Words { description, ..Words::default() }, times });
}

/// Which column is what.
#[derive(Debug, Default)]
struct Header {
    values: Vec<(usize, Claim)>,
    /// Columns that say what the value is.
    claim: Option<usize>,
    port: Option<usize>,
    first_seen: Option<usize>,
    last_seen: Option<usize>,
    valid_until: Option<usize>,
    descriptions: Vec<usize>,
    reference: Option<usize>,
    source: Option<usize>,
}

impl Header {
    /// The columns that a line names; `None` for one that names none to look for.
    fn of(line: &str) -> Option<Self> {
        let line = line.trim_start_matches(['#', ' ', '\u{feff}']).trim_end();
        if !line.contains(',') || line.len() > HEADER_BYTES {
            return None;
        }
        let mut header = Self::default();
        for (at, name) in line.split(',').enumerate() {
            let name: String = name
                .trim_matches([' ', '"', '\''])
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
                .collect();
            header.column(at, &name);
        }
        (!header.values.is_empty()).then_some(header)
    }

    fn column(&mut self, at: usize, name: &str) {
        if let Some((_, claim)) = VALUES.iter().find(|(names, _)| names.contains(&name)) {
            return self.values.push((at, *claim));
        }
        let role = match name {
            "ioc_type" | "indicator_type" | "type" | "kind" => &mut self.claim,
            "port" | "dstport" | "dst_port" | "dest_port" | "destination_port" => &mut self.port,
            "listingdate" | "listing_date" | "firstseen" | "first_seen" | "first_seen_utc" | "date" | "date_added"
            | "dateadded" | "created" | "valid_from" | "added" | "timestamp" => &mut self.first_seen,
            "lastseen" | "last_seen" | "last_seen_utc" | "last_online" | "updated" | "modified" => &mut self.last_seen,
            "valid_until" | "expires" | "expiry" | "expiration" | "expiration_date" => &mut self.valid_until,
            "reference" | "references" | "link" | "ref" => &mut self.reference,
            "source" | "reporter" | "feed" | "provider" => &mut self.source,
            "listingreason" | "listing_reason" | "reason" | "description" | "desc" | "malware"
            | "malware_printable" | "threat" | "threat_type" | "family" | "comment" | "note" | "notes" | "name"
            | "title" => {
                return self.descriptions.push(at);
            }
            _ => return,
        };
        // The first of that meaning counts.
        role.get_or_insert(at);
    }

    fn row(&self, line: usize, row: &[String], reader: &mut Reader<'_, '_>) {
        let of = |column: Option<usize>| column.and_then(|at| row.get(at)).map(|field| field.trim());
        let filled = |column| of(column).filter(|field| !matches!(*field, "" | "-" | "None" | "null" | "N/A"));
        let times = Times {
            first_seen: filled(self.first_seen).and_then(time),
            last_seen: filled(self.last_seen).and_then(time),
            valid_until: filled(self.valid_until).and_then(time),
        };
        let said: Vec<&str> = self.descriptions.iter().filter_map(|at| filled(Some(*at))).collect();
        let boxed = |text: &str| tidy(text).map(String::into_boxed_str);
        let words = Words {
            description: boxed(&said.join(", ")),
            reference: filled(self.reference).and_then(boxed),
            source: filled(self.source).and_then(boxed),
        };
        let port = filled(self.port).and_then(|port| port.parse::<u16>().ok()).filter(|port| *port != 0);
        let mut indicators = Vec::new();
        let mut seen = false;
        for (at, claim) in &self.values {
            let Some(text) = filled(Some(*at)) else { continue };
            seen = true;
            let claim = match claim {
                Claim::Anything => match filled(self.claim).map(claimed) {
                    Some(Some(claim)) => claim,
                    Some(None) => {
                        let what = filled(self.claim).unwrap_or_default();
                        reader.leave_out(
                            line,
                            format_args!("`{}` is nothing that TLS shows", tidy(what).unwrap_or_default()),
                        );
                        continue;
                    }
                    None => Claim::Anything,
                },
                claim => *claim,
            };
            match Indicator::read(claim, text) {
                Ok(found) => indicators.extend(found.into_iter().map(|found| at_port(found, port))),
                Err(why) => reader.refuse(line, text, why),
            }
        }
        if !indicators.is_empty() {
            reader.found(Found { line, indicators, words, times });
        } else if !seen {
            reader.fault(line, "the row has no value in the columns that are looked at");
        }
    }
}

fn at_port(indicator: Indicator, port: Option<u16>) -> Indicator {
    match indicator {
        Indicator::Network(network) if network.is_address() && network.port.is_none() => {
            Indicator::Network(network.at(port))
        }
        other => other,
    }
}

/// What a column of types means; `None` for what TLS does not show.
fn claimed(text: &str) -> Option<Claim> {
    let text: String = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Some(match text.as_str() {
        "ja3" | "ja3fingerprint" | "ja3md5" | "ja3fingerprintmd5" | "ja3hash" => Claim::Ja3,
        "ja3s" | "ja3sfingerprint" | "ja3sfingerprintmd5" | "ja3shash" => Claim::Ja3s,
        "ja4" | "ja4fingerprint" => Claim::Ja4,
        "ja4x" | "ja4xfingerprint" => Claim::Ja4x,
        "certificate" | "certhash" | "x509" | "x509certificate" | "fingerprint" => Claim::Hash,
        "x509fingerprintsha1" | "certsha1" | "certificatesha1" => Claim::Sha1,
        "x509fingerprintsha256" | "certsha256" | "certificatesha256" => Claim::Sha256,
        "x509fingerprintmd5" | "certmd5" | "certificatemd5" => Claim::Md5,
        "ip" | "ipv4" | "ipv6" | "ipport" | "ipaddress" | "ipv4addr" | "ipv6addr" | "ipdst" | "ipdstport" | "cidr"
        | "subnet" | "network" | "addr" | "address" => Claim::Address,
        "domain" | "domainname" | "hostname" | "host" | "fqdn" | "sni" => Claim::Name,
        _ => return None,
    })
}

/// Names of columns that hold what is listed.
const VALUES: [(&[&str], Claim); 11] = [
    (&["ja3", "ja3_md5", "ja3_hash", "ja3_fingerprint", "tls_client_ja3"], Claim::Ja3),
    (&["ja3s", "ja3s_md5", "ja3s_hash", "ja3s_fingerprint", "tls_server_ja3s"], Claim::Ja3s),
    (&["ja3n"], Claim::Ja3n),
    (&["ja4", "ja4_fingerprint", "tls_client_ja4"], Claim::Ja4),
    (&["ja4x", "ja4x_fingerprint"], Claim::Ja4x),
    (&["sha1", "cert_sha1", "certificate_sha1", "sha1_fingerprint", "sha1_hash", "tls_server_hash_sha1"], Claim::Sha1),
    (
        &["sha256", "cert_sha256", "certificate_sha256", "sha256_fingerprint", "sha256_hash", "tls_server_hash_sha256"],
        Claim::Sha256,
    ),
    (&["md5", "cert_md5", "certificate_md5", "md5_fingerprint", "tls_server_hash_md5"], Claim::Md5),
    (
        &[
            "ip",
            "dstip",
            "dst_ip",
            "dest_ip",
            "destination_ip",
            "ip_address",
            "ipaddress",
            "address",
            "ipv4",
            "ipv6",
            "cidr",
            "network",
            "subnet",
        ],
        Claim::Address,
    ),
    (&["domain", "domain_name", "hostname", "host", "fqdn", "sni", "server_name"], Claim::Name),
    (&["ioc", "ioc_value", "indicator", "value", "observable", "fingerprint", "hash"], Claim::Anything),
];
/// A line that is longer names no columns.
const HEADER_BYTES: usize = 4_096;
