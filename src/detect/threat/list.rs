//! One list: what it is called, and the rules that its entries are alerts of.

use std::path::Path;
use std::sync::Arc;

use sha1::{Digest, Sha1};

use super::hit::{Listed, Sight};
use super::indicator::{Class, Indicator, Reach};
use super::store::Words;
use crate::detect::alert::{Alert, Facts, Level};
use crate::detect::message::push_clean;
use crate::event::Event;

/// A list as alerts name it.
#[derive(Debug)]
pub struct List {
    name: Arc<str>,
    /// In the order of [`Class::ALL`]; the last is for fingerprints that other software is known to have.
    rules: [Arc<Facts>; 5],
}

impl List {
    /// `level` goes before what suits the kinds of entries.
    pub fn new(name: &str, path: &Path, level: Option<Level>) -> Self {
        let rule = |class: Class, default: Level| {
            let what = class.as_str();
            Arc::new(Facts {
                title: format!("Threat list {name}: {what}"),
                level: level.unwrap_or(default),
                description: Some(format!("A session in which the threat list {name} knows the {what}.")),
                false_positives: vec![false_positives(class).to_owned()],
                ..Facts::built_in(id(name, class), path)
            })
        };
        Self {
            name: name.into(),
            rules: [
                rule(Class::Certificate, Level::High),
                rule(Class::Name, Level::High),
                rule(Class::Address, Level::High),
                rule(Class::Fingerprint, Level::Medium),
                rule(Class::Fingerprint, Level::Low),
            ],
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn alert(&self, event: &Event, sight: Sight, words: Words) -> Alert {
        let shared_with = shared_with(event, &sight);
        let [certificate, name, address, fingerprint, shared] = &self.rules;
        let rule = match sight.class {
            Class::Certificate => certificate,
            Class::Name => name,
            Class::Address => address,
            Class::Fingerprint if shared_with.is_some() => shared,
            Class::Fingerprint => fingerprint,
        };
        let listed = Listed {
            list: Arc::clone(&self.name),
            class: sight.class,
            kind: sight.kind(),
            value: sight.indicator.to_string(),
            matched: sight.matched,
            line: sight.entry.line,
            description: words.description,
            reference: words.reference,
            source: words.source,
            first_seen: known(sight.entry.first_seen),
            last_seen: known(sight.entry.last_seen),
            shared_with,
        };
        // What is the same for all hits of one client on one entry of one list.
        let group = [
            ("threat.feed.name".into(), (*self.name).into()),
            ("source.ip".into(), event.client.ip.to_string().into()),
            (sight.matched.into(), listed.value.as_str().into()),
        ];
        let age = listed.age_days(event.timestamp).map(|days| ("age_days", days));
        let message = sentence(event, &listed);
        Alert {
            group: group.into(),
            measures: age.into_iter().collect(),
            listed: Some(Box::new(listed)),
            ..Alert::of(Arc::clone(rule), event, message)
        }
    }
}

/// `10.0.0.5 -> 192.0.2.7:443: the server's address 192.0.2.7 is on the list c2 (Dridex), first seen 2019-07-27, 12 days before`
fn sentence(event: &Event, listed: &Listed) -> String {
    let mut out = format!("{} -> {}:{}: ", event.client.ip, event.server.ip, event.server.port);
    let subject = match listed.matched {
        "destination.ip" => "the server's address",
        "source.ip" => "the client's address",
        "tls.client.server_name" => "the server name",
        matched if listed.class == Class::Name => {
            debug_assert_eq!(matched, "tls.server.x509.alternative_names");
            "a name in the server's certificate,"
        }
        matched if listed.class == Class::Certificate => match matched.starts_with("tlsight.client") {
            true => "the client's certificate",
            false => "the server's certificate",
        },
        matched if matched.contains("server") => "the server's fingerprint",
        _ => "the client's fingerprint",
    };
    out.push_str(subject);
    out.push(' ');
    push_clean(&listed.value, &mut out);
    out.push_str(" is on the threat list ");
    push_clean(&listed.list, &mut out);
    if let Some(description) = &listed.description {
        out.push_str(" (");
        push_clean(description, &mut out);
        out.push(')');
    }
    if let Some(age) = listed.age(event.timestamp) {
        out.push_str(&age);
    }
    if let Some(software) = &listed.shared_with {
        out.push_str("; ");
        push_clean(software, &mut out);
        out.push_str(" has the same fingerprint");
    }
    out
}

/// Software beyond suspicion that the session's fingerprint is known of.
fn shared_with(event: &Event, sight: &Sight) -> Option<Box<str>> {
    use crate::event::labels::{Evidence, Role};
    if sight.class != Class::Fingerprint {
        return None;
    }
    let of_server = sight.matched.contains("server");
    let set = if of_server { &event.labels.server } else { &event.labels.client };
    let labels = set.as_deref().map(|set| &*set.labels).unwrap_or_default();
    let known = |evidence: Evidence| evidence != Evidence::Stable && evidence != Evidence::Certificate;
    let innocent = |role: Option<Role>| matches!(role, Some(Role::Browser | Role::Library | Role::Tool));
    labels.iter().find(|label| known(label.evidence) && innocent(label.role)).map(|label| label.software.clone())
}

fn false_positives(class: Class) -> &'static str {
    match class {
        Class::Certificate => "None that are known: a certificate is whoever holds its key.",
        Class::Name => "A name that changed hands, or was listed for one page of many.",
        Class::Address => "An address that changed hands, or has many services behind it.",
        Class::Fingerprint => "Other software whose hello is built alike.",
    }
}

/// The name of a list that does not say it: its file's without endings.
pub fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut stem = name.as_ref();
    for ending in super::ENDINGS.iter().rev() {
        stem = stem.strip_suffix(ending).and_then(|stem| stem.strip_suffix('.')).unwrap_or(stem);
    }
    if stem.is_empty() { name.into_owned() } else { stem.to_owned() }
}

/// An indicator as values of a field; what is below a name is a pattern of it.
pub fn values(indicator: &Indicator, out: &mut Vec<String>) {
    match indicator {
        Indicator::Name { name, reach: Reach::NameAndBelow } => out.extend([name.clone(), format!("*.{name}")]),
        // A field of addresses holds no port.
        Indicator::Network(network) => {
            out.push(Indicator::Network(network.at(None)).to_string());
        }
        other => out.push(other.to_string()),
    }
}

fn known(time: u32) -> Option<i64> {
    (time != 0).then_some(time.into())
}

/// A UUID of version 5 (RFC 9562, section 5.5) over the list's name and what is listed.
fn id(name: &str, class: Class) -> String {
    uuid5(NAMESPACE, format!("{name}\n{}", class.as_str()).as_bytes())
}

fn uuid5(namespace: [u8; 16], name: &[u8]) -> String {
    let digest = Sha1::new().chain_update(namespace).chain_update(name).finalize();
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, byte)| *to = byte);
    let [.., _, _, _, _, _, _, version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = *version & 0x0f | 0x50;
    *variant = *variant & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

/// Of tlsight's lists; made up once.
const NAMESPACE: [u8; 16] =
    [0x5e, 0x0d, 0x7a, 0x31, 0x9c, 0x44, 0x4b, 0x0f, 0x8a, 0x6e, 0x21, 0xd3, 0x97, 0x10, 0xfe, 0x62];

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9562, appendix A.4.
    #[test]
    fn ids_are_uuids_of_version_5() {
        let dns = [0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];
        assert_eq!(uuid5(dns, b"www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
        assert_ne!(id("a", Class::Name), id("a", Class::Address));
    }

    #[test]
    fn a_list_is_called_as_its_file() {
        for (path, name) in [
            ("x/ja3_fingerprints.csv", "ja3_fingerprints"),
            ("c2.csv.gz", "c2"),
            ("names", "names"),
            (".csv", ".csv"),
            ("a.b.txt", "a.b"),
        ] {
            assert_eq!(name_of(Path::new(path)), name);
        }
    }
}
