//! Lines of NDJSON, as tlsight has written them, as rows.
//!
//! In: a line. Out: its table, and a value for each column, the same that the run itself would have stored. What a line does not
//! carry stays at its default: the name of the sensor (the caller's to tell), the length of a QUIC parameter whose number is
//! told, heartbeat modes that have no name, names and version of certificates behind the leaf, and the hello of SSL 2.0 alone.

mod json;
mod paths;

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::migration;
use super::native::Given;
use super::schema::Table;
use crate::wire::registry;
use json::Json;
use paths::Field;

/// How a value is written in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As its column's type suggests: octets and codes in hex, times by RFC 3339.
    Plain,
    /// The name of a group, or its number.
    Group,
    /// The name of a signature scheme, or its number.
    Scheme,
    QuicVersion,
    /// The name of a heartbeat mode.
    Heartbeat,
    /// Of an object: its member `format`, which is not written for the usual one.
    HelloFormat,
    /// Of a chain: what stands elsewhere of the leaf, and is not told of the others.
    Leaf(&'static str),
    Base64,
    /// Not in the line.
    Sensor,
}

/// Makes rows of lines.
pub struct Reader {
    sensor: String,
    tables: Vec<(Table, Vec<Place>)>,
}

/// A column, and where its value stands.
struct Place {
    field: Field,
    kind: Kind,
}

/// A column's type, as far as it matters for what a line may say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Text,
    Octets(usize),
    /// So many octets.
    Number(usize),
    Float,
    Bool,
    Nanoseconds,
    Seconds,
    Address,
    Nullable(Box<Kind>),
    List(Box<Kind>),
    Map(Box<Kind>),
}

/// The row of a line.
pub struct Row<'a> {
    pub table: Table,
    pub values: Vec<Option<Given<'a>>>,
}

impl Reader {
    /// Rows carry this name of a sensor, which may be empty.
    pub fn new(sensor: &str) -> Self {
        let fields = |table: Table| match table {
            Table::Sessions => paths::SESSION,
            Table::Certificates => paths::CERTIFICATE,
            Table::Alerts => paths::ALERT,
            Table::SensorStats => paths::STATS,
        };
        let places = |table: Table| {
            let columns = migration::columns(table.name(), migration::latest());
            let stored = columns.into_iter().filter(|column| !column.is_computed);
            stored.filter_map(move |column| {
                let field = fields(table).iter().find(|field| field.column == column.name)?;
                Some(Place { field: *field, kind: Kind::of(column.kind) })
            })
        };
        let tables = Table::ALL.into_iter().map(|table| (table, places(table).collect())).collect();
        Self { sensor: sensor.to_owned(), tables }
    }

    /// Reads a line, and hands its row over.
    ///
    /// # Errors
    /// What is wrong about the line, or that it is none of tlsight's.
    pub fn read<T>(&self, line: &[u8], take: impl FnOnce(Row<'_>) -> T) -> Result<T, String> {
        let text = std::str::from_utf8(line).map_err(|_| "it is no text in UTF-8".to_owned())?;
        let json: Json<'_> = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let Some(dataset) = json.at("event.dataset").and_then(Json::text) else {
            return Err("`event.dataset` is not there: tlsight has not written this line".to_owned());
        };
        let table = match dataset {
            "tlsight.tls" => Table::Sessions,
            "tlsight.certificate" => Table::Certificates,
            "tlsight.alert" => Table::Alerts,
            "tlsight.stats" => Table::SensorStats,
            other => {
                let other = crate::feed::shortened(other);
                return Err(format!("`event.dataset` is {other}: tlsight has not written this line"));
            }
        };
        for needed in ["@timestamp", if table == Table::Sessions { "event.id" } else { "event.kind" }] {
            if json.at(needed).is_none() {
                return Err(format!("`{needed}` is not there: the line is not whole"));
            }
        }
        let places = self.tables.iter().find(|(of, _)| *of == table).map(|(_, places)| &**places).unwrap_or_default();
        let values = places.iter().map(|place| place.value(&json, &self.sensor)).collect::<Result<_, _>>()?;
        Ok(take(Row { table, values }))
    }
}

impl Place {
    fn value<'a>(&self, line: &'a Json<'_>, sensor: &'a str) -> Result<Option<Given<'a>>, String> {
        let Field { path, form, .. } = self.field;
        let wrong = || format!("`{path}` is not what tlsight writes there");
        match form {
            Form::Sensor => Ok(Some(Given::Text(sensor))),
            Form::HelloFormat => {
                let hello = line.at(path);
                Ok(hello.map(|hello| Given::Text(hello.member("format").and_then(Json::text).unwrap_or("tls"))))
            }
            Form::Leaf(leaf) => match line.at(path) {
                None => Ok(None),
                Some(Json::List(chain)) => {
                    let mut values = vec![None; chain.len()];
                    let said = line.at(leaf).map(|said| match said {
                        Json::List(names) => names.first().unwrap_or(&Json::Null),
                        said => said,
                    });
                    if let (Some(first), Some(said), Kind::List(kind)) = (values.first_mut(), said, &self.kind) {
                        *first = kind.given(said, Form::Plain).ok_or_else(wrong)?;
                    }
                    Ok(Some(Given::List(values)))
                }
                Some(_) => Err(wrong()),
            },
            _ => match (path.split_once("[]."), &self.kind) {
                (Some((list, rest)), Kind::List(kind)) => match line.at(list) {
                    None => Ok(None),
                    Some(Json::List(items)) => {
                        let item = |item: &'a Json<'_>| match item.at(rest) {
                            Some(value) => kind.given(value, form),
                            None => Some(None),
                        };
                        let items: Option<Vec<_>> = items.iter().map(item).collect();
                        Ok(Some(Given::List(items.ok_or_else(wrong)?)))
                    }
                    Some(_) => Err(wrong()),
                },
                _ => match line.at(path) {
                    None => Ok(None),
                    Some(value) => self.kind.given(value, form).ok_or_else(wrong),
                },
            },
        }
    }
}

impl Kind {
    fn of(kind: &str) -> Self {
        let inside = |of: &str| kind.strip_prefix(of)?.strip_suffix(')');
        if let Some(kind) = inside("Nullable(") {
            return Self::Nullable(Box::new(Self::of(kind)));
        }
        if let Some(kind) = inside("Array(") {
            return Self::List(Box::new(Self::of(kind)));
        }
        if let Some((_, kind)) = inside("Map(").and_then(|kinds| kinds.split_once(", ")) {
            return Self::Map(Box::new(Self::of(kind)));
        }
        if let Some(width) = inside("FixedString(").and_then(|width| width.parse().ok()) {
            return Self::Octets(width);
        }
        match kind {
            "Bool" => Self::Bool,
            "UInt8" => Self::Number(1),
            "UInt16" => Self::Number(2),
            "UInt32" => Self::Number(4),
            "UInt64" | "Int64" => Self::Number(8),
            "Float64" => Self::Float,
            "IPv6" => Self::Address,
            "DateTime64(9, 'UTC')" => Self::Nanoseconds,
            "DateTime64(0, 'UTC')" => Self::Seconds,
            _ => Self::Text,
        }
    }

    /// A value of this type; `None` where it is another, and nothing inside where it is said to be absent.
    fn given<'a>(&self, json: &'a Json<'_>, form: Form) -> Option<Option<Given<'a>>> {
        let given = match (self, json) {
            (Self::Nullable(kind), _) => {
                return kind.given(json, form).map(|given| given.map(|given| Given::Some(Box::new(given))));
            }
            (Self::Float, Json::Null) => Given::Float(f64::NAN),
            (_, Json::Null) => return Some(None),
            (Self::List(kind), Json::List(items)) => {
                Given::List(items.iter().map(|item| kind.given(item, form)).collect::<Option<_>>()?)
            }
            (Self::Map(kind), Json::Object(members)) => {
                let pair = |(name, value): &'a (_, Json<'_>)| {
                    let name: &'a std::borrow::Cow<'_, str> = name;
                    Some(Some(Given::Pair(Box::new((Given::Text(name), kind.given(value, form)??)))))
                };
                Given::List(members.iter().map(pair).collect::<Option<_>>()?)
            }
            (Self::Text, Json::Text(text)) if form == Form::Base64 => Given::Octets(STANDARD.decode(&**text).ok()?),
            (Self::Text, Json::Text(text)) => Given::Text(text),
            (Self::Octets(width), Json::Text(text)) => {
                Given::Octets(octets(text).filter(|octets| octets.len() == *width)?)
            }
            (Self::Number(width), json) => Given::Number(number(json, form).filter(|number| fits(*number, *width))?),
            (Self::Float, Json::Whole(number)) => Given::Float(number.cast_signed() as f64),
            (Self::Float, Json::Float(number)) => Given::Float(*number),
            (Self::Bool, Json::Bool(is)) => Given::Number(u64::from(*is)),
            (Self::Nanoseconds, Json::Text(text)) => {
                let at = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
                Given::Number(i64::try_from(at).ok()?.cast_unsigned())
            }
            (Self::Seconds, Json::Text(text)) => {
                Given::Number(OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp().cast_unsigned())
            }
            (Self::Address, Json::Text(text)) => Given::Address(address(text)?),
            _ => return None,
        };
        Some(Some(given))
    }
}

fn number(json: &Json<'_>, form: Form) -> Option<u64> {
    let text = match json {
        Json::Whole(number) => return Some(*number),
        Json::Text(text) => &**text,
        _ => return None,
    };
    let named = match form {
        Form::Group => registry::group_named(text).map(u64::from),
        Form::Scheme => registry::signature_scheme_named(text).map(u64::from),
        Form::QuicVersion => registry::QuicVersion::from_str(text).ok().map(|version| u64::from(version.0)),
        Form::Heartbeat => (0..=u8::MAX).find(|mode| registry::heartbeat_mode(*mode) == Some(text)).map(u64::from),
        _ => None,
    };
    let code = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    named.or_else(|| code(text)).or_else(|| text.parse().ok())
}

/// Whether a number has room in so many octets.
fn fits(number: u64, width: usize) -> bool {
    width >= 8 || number >> (width * 8) == 0
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect()
}

fn address(text: &str) -> Option<Ipv6Addr> {
    Some(super::rows::mapped(text.parse::<IpAddr>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_its_place_in_a_line() {
        for (table, places) in Reader::new("").tables {
            let columns = migration::columns(table.name(), migration::latest());
            let stored: Vec<_> =
                columns.iter().filter(|column| !column.is_computed).map(|column| column.name).collect();
            let found: Vec<_> = places.iter().map(|place| place.field.column).collect();
            assert_eq!(found, stored, "{}", table.name());
        }
    }

    fn read(line: &str) -> Result<(Table, usize), String> {
        Reader::new("").read(line.as_bytes(), |row| (row.table, row.values.iter().flatten().count()))
    }

    #[test]
    fn what_is_not_a_line_of_ours_is_refused_with_what_is_wrong() {
        let said = |line: &str| read(line).expect_err("refused");
        assert!(said("{").starts_with("it is no JSON: "));
        assert!(said("\"text\"").starts_with("`event.dataset` is not there"));
        assert!(said(r#"{"event":{"dataset":"zeek.ssl"}}"#).starts_with("`event.dataset` is `zeek.ssl`"));
        assert!(said(r#"{"event":{"dataset":"tlsight.tls"}}"#).starts_with("`@timestamp` is not there"));
        let line = |port: &str| {
            let head = r#"{"@timestamp":"2024-01-02T03:04:05.000000006Z","event":{"dataset":"tlsight.tls","id":"000102030405060708090a0b0c0d0e0f"},"#;
            format!(r#"{head}"source":{{"ip":"192.0.2.1","port":{port}}}}}"#)
        };
        // Timestamp, identifier, address, port, and the sensor.
        assert_eq!(read(&line("443")), Ok((Table::Sessions, 5)));
        for port in ["65536", "-1", "\"x\"", "[1]", "{}", "1.5"] {
            assert_eq!(said(&line(port)), "`source.port` is not what tlsight writes there", "{port}");
        }
    }

    #[test]
    fn values_are_read_as_their_columns_have_them() {
        let given = |kind: &str, json: &str, form| {
            let json: Json<'_> = serde_json::from_str(json).expect("JSON");
            format!("{:?}", Kind::of(kind).given(&json, form))
        };
        let is = |kind, json, form, value: Given<'_>| {
            assert_eq!(given(kind, json, form), format!("{:?}", Some(Some(value))), "{kind} {json}");
        };
        is("UInt16", "\"0x1301\"", Form::Plain, Given::Number(0x1301));
        is("UInt16", "\"x25519\"", Form::Group, Given::Number(0x1d));
        is("UInt16", "\"0x9999\"", Form::Group, Given::Number(0x9999));
        is("UInt32", "\"draft-29\"", Form::QuicVersion, Given::Number(0xff00_001d));
        is("Int64", "-3", Form::Plain, Given::Number(u64::MAX - 2));
        is("FixedString(2)", "\"0a0b\"", Form::Plain, Given::Octets(vec![10, 11]));
        is("DateTime64(9, 'UTC')", "\"1970-01-01T00:00:01.000000002Z\"", Form::Plain, Given::Number(1_000_000_002));
        is("IPv6", "\"192.0.2.1\"", Form::Plain, Given::Address("::ffff:192.0.2.1".parse().expect("an address")));
        for (kind, json) in [
            ("FixedString(2)", "\"0a0\""),
            ("FixedString(2)", "\"0a0bff\""),
            ("FixedString(2)", "\"0é\""),
            ("Bool", "1"),
        ] {
            assert_eq!(given(kind, json, Form::Plain), "None", "{kind} {json}");
        }
    }
}
