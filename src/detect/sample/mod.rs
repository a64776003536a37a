//! Sessions written down by hand: an [`Event`] made of dotted fields and their values, for the tests of rules.
//!
//! In: fields with values as text. Out: an event of which the same fields say the same. What was not given is not known, but
//! for addresses and ports, which every session has. A field that cannot be given is refused by name.
#![forbid(unsafe_code)]

mod blank;
mod certificate;
mod given;
mod handshake;
mod hello;
mod meaning;
mod session;

use std::collections::BTreeMap;

use crate::capture::Timestamp;
use crate::event::labels::{Label, LabelSet, Labels};
use crate::event::{Event, Side};

use super::field::Field;
use given::Given;

/// Fields and their values, all of them known and able to be given.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// By the field's name in the table.
    fields: BTreeMap<&'static str, (Field, Vec<String>)>,
}

/// Which session of a test it is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// From 1. It makes ids and randoms of sessions differ.
    pub number: u64,
    /// What stands for `{n}` in a value.
    pub nth: u64,
    /// After the sample's own `@timestamp`, or 2026-01-01T00:00:00Z without one; nanoseconds.
    pub after: i64,
}

impl Sample {
    /// Adds a field; several values are those of an array.
    ///
    /// # Errors
    /// In words: no such field, one that cannot be given, one that was given before, no value, or more than it can have.
    pub fn set(&mut self, name: &str, values: Vec<String>) -> Result<(), String> {
        let own = OF_ZEEK.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map_or(name, |(_, own)| own);
        let field = Field::named(own)
            .map_err(|unknown| format!("there is no field `{name}`; did you mean `{}`?", unknown.nearest))?;
        if setter(field).is_none() {
            return Err(format!("`{}` cannot be given in a test: use a capture", field.name()));
        }
        match values.len() {
            0 => return Err(format!("`{name}` has no value: leave it out, and it is not known")),
            1 => {}
            _ if field.is_array() => {}
            count => return Err(format!("`{name}` has one value, not {count}")),
        }
        match self.fields.insert(field.name(), (field, values)) {
            None => Ok(()),
            Some(_) => Err(format!("`{name}` is given twice")),
        }
    }

    /// The session.
    ///
    /// # Errors
    /// In words: a value that its field cannot have.
    pub fn event(&self, place: Place) -> Result<Event, String> {
        let mut draft = Draft { event: blank::event(place.number), labels: Vec::new() };
        // In the table's order, since some fields decide how others are read.
        for (name, set) in TABLES.iter().copied().flatten() {
            if let Some((field, values)) = self.fields.get(name) {
                let values: Vec<String> = values.iter().map(|value| numbered(value, place.nth)).collect();
                set(&mut draft, Given { field: *field, values: &values })?;
            }
        }
        Ok(draft.finish(place))
    }
}

/// An event in the making.
struct Draft {
    event: Event,
    labels: Vec<Label>,
}

impl Draft {
    fn finish(self, place: Place) -> Event {
        let Self { mut event, labels } = self;
        event.timestamp = Timestamp(event.timestamp.0.saturating_add(place.after));
        let lasted = event.handshake.duration.and_then(|nanos| i64::try_from(nanos).ok()).unwrap_or(A_WHILE);
        event.end = Timestamp(event.timestamp.0.saturating_add(lasted));
        event.decided = event.end;
        certificate::settle(&mut event.server_chain);
        certificate::settle(&mut event.client_chain);
        let (client, server): (Vec<_>, Vec<_>) = labels.into_iter().partition(|label| label.side == Side::Client);
        let set = |labels: Vec<Label>| (!labels.is_empty()).then(|| LabelSet { labels: labels.into() }.into());
        event.labels = Labels { client: set(client), server: set(server) };
        event
    }
}

type Set = fn(&mut Draft, Given<'_>) -> Result<(), String>;

/// What can be given, and how it gets into the event.
const TABLES: &[&[(&str, Set)]] = &[
    session::SESSION,
    hello::CLIENT,
    hello::SERVER,
    handshake::HANDSHAKE,
    certificate::SERVER,
    certificate::CLIENT,
    meaning::MEANING,
];

fn setter(field: Field) -> Option<Set> {
    TABLES.iter().copied().flatten().find(|(name, _)| *name == field.name()).map(|(_, set)| *set)
}

/// Puts the session's number where a value says `{n}`; `{n:12x}` has twelve digits, hexadecimal, and `{n:3}` three.
fn numbered(value: &str, number: u64) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("{n") {
        let Some((form, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        let digits = form.strip_prefix(':').unwrap_or(form);
        let (digits, is_hex) = digits.strip_suffix('x').map_or((digits, false), |digits| (digits, true));
        match digits.parse::<usize>().or_else(|fault| if digits.is_empty() { Ok(0) } else { Err(fault) }) {
            Ok(width) if width <= MOST_DIGITS && is_hex => out.push_str(&format!("{number:0width$x}")),
            Ok(width) if width <= MOST_DIGITS => out.push_str(&format!("{number:0width$}")),
            _ => out.push_str(&format!("{{n{form}}}")),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Names of Zeek for fields whose values are written alike there and here.
const OF_ZEEK: &[(&str, &str)] = &[
    ("id.orig_h", "source.ip"),
    ("id.orig_p", "source.port"),
    ("id.resp_h", "destination.ip"),
    ("id.resp_p", "destination.port"),
    ("cipher", "tls.cipher"),
    ("curve", "tls.curve"),
    ("established", "tls.established"),
    ("issuer", "tls.server.issuer"),
    ("ja3", "tls.client.ja3"),
    ("ja3s", "tls.server.ja3s"),
    ("ja4", "tls.client.ja4"),
    ("next_protocol", "tls.next_protocol"),
    ("resumed", "tls.resumed"),
    ("server_name", "tls.client.server_name"),
    ("subject", "tls.server.subject"),
];
/// Nanoseconds from a session's first byte to its end, where the handshake's duration is not given.
const A_WHILE: i64 = 100_000_000;
/// A SHA-256 in hex.
const MOST_DIGITS: usize = 64;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    fn of(fields: &[(&str, &[&str])]) -> Result<Event, String> {
        let mut sample = Sample::default();
        for (name, values) in fields {
            sample.set(name, values.iter().map(|&value| value.to_owned()).collect())?;
        }
        sample.event(Place { number: 1, nth: 1, after: 0 })
    }

    fn said(event: &Event, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        let _ = Field::named(name).unwrap().visit(event, &mut |value| {
            values.push(value.with_text(str::to_owned));
            ControlFlow::Continue(())
        });
        values
    }

    /// A value that the field could have.
    fn example(field: Field) -> &'static str {
        use super::super::value::Kind;
        let name = field.name();
        match field.kind() {
            Kind::Time => "2026-02-03T04:05:06Z",
            Kind::Ip => "198.51.100.7",
            Kind::Bool => "true",
            Kind::Code if name.contains("compression_method") || name.ends_with("psk_modes") => "0x0001",
            Kind::Code if name.ends_with("point_formats") => "0x0001",
            Kind::Code => "0x0303",
            Kind::Integer if name.ends_with("max_fragment_length") => "512",
            Kind::Integer if name.ends_with("alert.level") => "2",
            Kind::Integer => "40",
            Kind::Text => text_example(name),
        }
    }

    fn text_example(name: &str) -> &'static str {
        let rows = [
            ("network.protocol", "quic"),
            ("network.transport", "udp"),
            ("tls.version", "1.2"),
            ("tls.version_protocol", "tls"),
            ("tls.cipher", "TLS_RSA_WITH_AES_128_CBC_SHA"),
            ("tls.client.supported_ciphers", "TLS_RSA_WITH_AES_128_CBC_SHA"),
            ("tls.curve", "x25519"),
            ("tlsight.upgrade", "smtp"),
            ("tlsight.missing", "certificate:encrypted"),
            ("tlsight.anomaly", "tcp:overlap_differs"),
            ("tls.client.ja4", "t13d1812h1_85036bcba153_b26ce05bbdd6"),
            ("tlsight.client.ja4_o", "t13d1812h1_85036bcba153_b26ce05bbdd6"),
            ("tlsight.client.stable", "t13d1812h1_85036bcba153_b26ce05bbdd6"),
            ("tls.client.ja4.a", "t13d1812h1"),
            ("tls.client.ja4.b", "85036bcba153"),
            ("tls.client.ja4.c", "b26ce05bbdd6"),
            ("tlsight.client.hello.format", "sslv2"),
            ("tlsight.client.hello.sslv2_ciphers", "0x010080"),
            ("tlsight.client.hello.post_quantum", "X25519MLKEM768"),
            ("tlsight.client.hello.heartbeat", "peer_allowed_to_send"),
            ("tlsight.server.hello.heartbeat", "peer_allowed_to_send"),
            ("tlsight.client.system", "windows"),
            ("tlsight.client.browser.verdict", "impersonation"),
            ("tlsight.client.browser.evidence", "key_shares"),
            ("tlsight.labels.side", "server"),
            ("tlsight.labels.role", "scanner"),
            ("tlsight.labels.specificity", "application"),
            ("tlsight.labels.evidence", "ja3"),
            ("tlsight.handshake.resumption", "ticket"),
            ("tlsight.handshake.resumption_offered", "psk"),
            ("tlsight.handshake.early_data", "accepted"),
            ("tlsight.handshake.client_certificate", "empty"),
            ("tlsight.handshake.ech.status", "rejected"),
            ("tlsight.handshake.ech.reason", "alert"),
            ("tlsight.handshake.compression", "DEFLATE"),
            ("tlsight.handshake.alert.from", "server"),
            ("tlsight.handshake.alert.name", "unknown_ca"),
            ("tlsight.handshake.alerts.name", "unknown_ca"),
            ("tlsight.handshake.failure", "no common cipher"),
            ("tlsight.security.chain.status", "self-signed leaf"),
            ("tlsight.security.chain.problems", "weak key"),
            ("tlsight.security.chain.name_match", "common_name"),
            ("tlsight.security.client_chain.status", "unchecked"),
            ("tlsight.security.client_chain.problems", "expired"),
            ("tlsight.quic.version", "1"),
            ("tlsight.handshake.signature_scheme", "rsa_pkcs1_sha256"),
            ("tlsight.handshake.client_signature_scheme", "rsa_pkcs1_sha256"),
        ];
        if let Some((_, example)) = rows.iter().find(|(known, _)| *known == name) {
            return example;
        }
        match name.rsplit('.').next().unwrap() {
            "md5" | "ja3" | "ja3s" | "ja3n" => "00112233445566778899aabbccddeeff",
            "sha1" => "000102030405060708090a0b0c0d0e0f10111213",
            "sha256" | "prime_sha256" | "public_sha256" => {
                "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
            }
            "id" => "00112233445566778899aabbccddeeff",
            "serial" | "serial_number" => "0A0B",
            "public_key_algorithm" => "RSA",
            "public_key_curve" => "secp256r1",
            "signature_algorithm" => "SHA256-RSA",
            "server_latency" => "1",
            _ => "example",
        }
    }

    #[test]
    fn what_is_given_is_what_the_field_says() {
        for (name, _) in TABLES.iter().copied().flatten() {
            let field = Field::named(name).unwrap_or_else(|_| panic!("`{name}` is no field"));
            let example = example(field);
            let event = of(&[(name, &[example])]).unwrap_or_else(|why| panic!("{name}: {example}: {why}"));
            assert_eq!(said(&event, name), [example], "{name}");
        }
    }

    #[test]
    fn arrays_keep_their_order() {
        let names = ["example.org", "*.example.org", "192.0.2.1"];
        let event = of(&[("tls.server.x509.alternative_names", &names)]).unwrap();
        assert_eq!(said(&event, "tls.server.x509.alternative_names"), names);
        let event =
            of(&[("tlsight.server.chain.subject", &["CN=a", "CN=b"]), ("tls.server.issuer", &["CN=b"])]).unwrap();
        assert_eq!(said(&event, "tlsight.server.chain.subject"), ["CN=a", "CN=b"]);
        assert_eq!(said(&event, "tlsight.server.chain.issuer"), ["CN=b"]);
        let event =
            of(&[("tlsight.labels.software", &["a", "b"]), ("tlsight.labels.role", &["tool", "malware"])]).unwrap();
        assert_eq!(said(&event, "tlsight.labels.role"), ["tool", "malware"]);
    }

    #[test]
    fn what_is_not_given_is_not_known() {
        let event = of(&[]).unwrap();
        let known: Vec<_> = Field::all().map(Field::name).filter(|name| !said(&event, name).is_empty()).collect();
        let always = [
            "@timestamp",
            "event.id",
            "network.transport",
            "network.protocol",
            "network.type",
            "source.ip",
            "source.port",
            "destination.ip",
            "destination.port",
            "tls.established",
        ];
        assert_eq!(known, always);
    }

    #[test]
    fn a_certificate_that_names_itself_is_self_issued() {
        let event = of(&[("tls.server.subject", &["CN=a"]), ("tls.server.issuer", &["CN=a"])]).unwrap();
        assert_eq!(said(&event, "tlsight.server.chain.self_issued"), ["true"]);
    }

    #[test]
    fn faults_are_named() {
        let fault = |name: &str, values: &[&str]| of(&[(name, values)]).err().unwrap_or_default();
        assert!(fault("tls.client.sever_name", &["a"]).contains("did you mean `tls.client.server_name`?"));
        assert!(fault("tlsight.security.ocsp.signer", &["a"]).contains("cannot be given in a test"));
        assert!(fault("destination.port", &["70000"]).contains("destination.port"));
        assert!(fault("destination.port", &["1", "2"]).contains("one value"));
        assert!(fault("tls.client.ja3", &["abc"]).contains("32 hexadecimal digits"));
        assert!(fault("tls.cipher", &["TLS_NO_SUCH"]).contains("no cipher suite"));
        assert!(fault("tls.version", &["7.7"]).contains("7.7"));
        assert!(fault("tlsight.labels.role", &["king"]).contains("browser"));
    }

    #[test]
    fn numbers_stand_where_they_are_asked_for() {
        assert_eq!(numbered("10.0.0.{n}", 7), "10.0.0.7");
        assert_eq!(numbered("{n:3}-{n:4x}", 255), "255-00ff");
        assert_eq!(numbered("{n:999}{n:q}{n", 1), "{n:999}{n:q}{n");
    }
}
