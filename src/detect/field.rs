//! The fields a rule may name: the dotted names of the public schema, each tied to what the event holds.
//!
//! In: a name at load time, an event afterwards. Out: zero or more [`Value`]s; none means that it is not known. A field of
//! an array yields every element. Computes nothing that the event does not say.

mod browser;
mod certificate;
mod handshake;
mod label;
mod nearest;
mod origin;
mod path;
mod security;
mod zeek;

use std::fmt;
use std::ops::ControlFlow;

use crate::event::{ClientPrints, ClientShape, Event, HelloFormat, Resumption, ServerShape, Side};
use crate::wire::registry;
use crate::wire::text::printable;
use crate::x509::Certificate;

use super::value::{Kind, Value};
pub(crate) use nearest::distance;
pub use origin::Origin;

/// A field of the table; `Copy`, and free to pass on.
#[derive(Clone, Copy)]
pub struct Field(&'static Spec);

/// What fields are read from: an event, or one certificate of it.
#[derive(Debug, Clone, Copy)]
pub struct View<'e> {
    pub event: &'e Event,
    /// The only certificate that fields of certificates speak of; without it they speak of all.
    pub certificate: Option<Shown<'e>>,
}

/// A certificate, and who showed it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'e> {
    pub certificate: &'e Certificate,
    pub side: Side,
}

impl<'e> View<'e> {
    /// All that was shown, or the one certificate in view.
    pub fn certificates(self) -> impl Iterator<Item = Shown<'e>> {
        let all = self.certificate.is_none().then_some(self.event).into_iter().flat_map(|event| {
            let of = |side| move |certificate| Shown { certificate, side };
            let server = event.server_chain.iter().map(|certificate| &**certificate).map(of(Side::Server));
            server.chain(event.client_chain.iter().map(|certificate| &**certificate).map(of(Side::Client)))
        });
        self.certificate.into_iter().chain(all)
    }
}

impl<'e> From<&'e Event> for View<'e> {
    fn from(event: &'e Event) -> Self {
        Self { event, certificate: None }
    }
}

/// What a reader of values says: go on, or it has seen enough.
pub type Flow = ControlFlow<()>;

/// Takes the values of a field one by one.
pub type Out<'o, 'e> = &'o mut (dyn FnMut(Value<'e>) -> Flow + 'o);

impl Field {
    /// The field of that name, in any case, or of Zeek's name for it; else the nearest name there is.
    pub fn named(name: &str) -> Result<Self, Unknown> {
        let known = || Self::all().chain(Self::aliases());
        match known().find(|field| field.name().eq_ignore_ascii_case(name)) {
            Some(field) => Ok(field),
            None => {
                let wanted = name.to_ascii_lowercase();
                let nearest = known().map(Self::name).min_by_key(|known| distance(&wanted, known));
                Err(Unknown { nearest: nearest.unwrap_or_default() })
            }
        }
    }

    /// The names that Zeek has for what the events say.
    pub fn aliases() -> impl Iterator<Item = Self> {
        zeek::ALIASES.iter().map(Self)
    }

    /// Every field of the public schema.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLES.iter().copied().flatten().map(Self)
    }

    pub fn name(self) -> &'static str {
        self.0.name
    }

    pub fn kind(self) -> Kind {
        self.0.kind
    }

    /// The part of an event that alone decides about the field's values.
    pub fn origin(self) -> Origin {
        self.0.origin
    }

    /// Whether the field may have more than one value.
    pub fn is_array(self) -> bool {
        !matches!(self.0.read, Read::One(_))
    }

    /// Hands the field's values to `out` until it breaks.
    #[inline]
    pub fn visit<'e>(self, view: impl Into<View<'e>>, out: Out<'_, 'e>) -> Flow {
        let view = view.into();
        match self.0.read {
            Read::One(read) => match read(view.event) {
                Some(value) => out(value),
                None => Flow::Continue(()),
            },
            Read::Many(read) => read(view.event, out),
            Read::OfCertificate(read) => view.certificates().try_for_each(|shown| read(shown, out)),
        }
    }

    /// Whether any value of the field passes.
    #[inline]
    pub fn any<'e>(self, view: impl Into<View<'e>>, mut passes: impl FnMut(&Value<'e>) -> bool) -> bool {
        let view = view.into();
        match self.0.read {
            Read::One(read) => read(view.event).is_some_and(|value| passes(&value)),
            _ => self
                .visit(view, &mut |value| match passes(&value) {
                    true => Flow::Break(()),
                    false => Flow::Continue(()),
                })
                .is_break(),
        }
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown {
    pub nearest: &'static str,
}

struct Spec {
    name: &'static str,
    kind: Kind,
    origin: Origin,
    read: Read,
}

enum Read {
    One(for<'e> fn(&'e Event) -> Option<Value<'e>>),
    Many(for<'e> fn(&'e Event, Out<'_, 'e>) -> Flow),
    /// Of each certificate in view.
    OfCertificate(for<'e> fn(Shown<'e>, Out<'_, 'e>) -> Flow),
}

const fn one(name: &'static str, kind: Kind, read: for<'e> fn(&'e Event) -> Option<Value<'e>>) -> Spec {
    Spec { name, kind, origin: Origin::of(name), read: Read::One(read) }
}

const fn many(name: &'static str, kind: Kind, read: for<'e> fn(&'e Event, Out<'_, 'e>) -> Flow) -> Spec {
    Spec { name, kind, origin: Origin::of(name), read: Read::Many(read) }
}

const TABLES: &[&[Spec]] = &[
    SESSION,
    path::PATH,
    browser::BROWSER,
    handshake::HANDSHAKE,
    security::SECURITY,
    label::LABELS,
    CLIENT,
    SERVER,
    certificate::OF_CLIENT,
    certificate::OF_SERVER,
    #[cfg(feature = "ja4plus")]
    JA4PLUS,
];

const SESSION: &[Spec] = &[
    one("@timestamp", Kind::Time, |e| Some(Value::Time(e.timestamp.into()))),
    one("event.id", Kind::Text, |e| Some(Value::hex(&e.id))),
    one("network.transport", Kind::Text, |e| Some(Value::text(e.protocol.transport()))),
    one("network.protocol", Kind::Text, |e| Some(Value::text(e.protocol.as_str()))),
    one("network.type", Kind::Text, |e| Some(Value::text(if e.client.ip.is_ipv4() { "ipv4" } else { "ipv6" }))),
    one("network.vlan.id", Kind::Integer, |e| e.vlans.outer.map(|id| Value::Integer(id.into()))),
    one("network.inner.vlan.id", Kind::Integer, |e| e.vlans.inner.map(|id| Value::Integer(id.into()))),
    one("source.ip", Kind::Ip, |e| Some(Value::Ip(e.client.ip))),
    one("source.port", Kind::Integer, |e| Some(Value::Integer(e.client.port.into()))),
    one("destination.ip", Kind::Ip, |e| Some(Value::Ip(e.server.ip))),
    one("destination.port", Kind::Integer, |e| Some(Value::Integer(e.server.port.into()))),
    one("tls.version", Kind::Text, |e| e.version()?.number().map(Value::text)),
    one("tls.version_protocol", Kind::Text, |e| e.version().map(|v| Value::text(v.protocol()))),
    one("tls.cipher", Kind::Text, |e| shape_of_server(e).map(|s| named(s.cipher_suite, registry::cipher_suite))),
    one("tls.curve", Kind::Text, |e| e.handshake.group.map(|group| named(group, registry::group))),
    one("tls.next_protocol", Kind::Text, |e| bytes(shape_of_server(e)?.alpn.as_deref()?)),
    one("tls.established", Kind::Bool, |e| Some(Value::Bool(e.handshake.established))),
    one("tls.resumed", Kind::Bool, |e| e.handshake.resumption.map(|how| Value::Bool(how != Resumption::None))),
    many("tlsight.missing", Kind::Text, |e, out| e.missing.iter().map(Value::shown).try_for_each(out)),
    many("tlsight.anomaly", Kind::Text, |e, out| {
        e.anomalies.iter().map(|anomaly| Value::text(anomaly.as_str())).try_for_each(out)
    }),
];

const CLIENT: &[Spec] = &[
    one("tls.client.server_name", Kind::Text, |e| bytes(e.server_name()?)),
    many("tls.client.supported_ciphers", Kind::Text, |e, out| {
        let suites = hello(e).map_or(&[][..], |hello| &hello.cipher_suites);
        suites.iter().map(|suite| named(*suite, registry::cipher_suite)).try_for_each(out)
    }),
    one("tls.client.ja3", Kind::Text, |e| prints(e)?.ja3.map(|ja3| Value::hex(&ja3.0))),
    one("tls.client.ja4", Kind::Text, |e| prints(e).map(|prints| Value::text(prints.ja4.as_str()))),
    one("tls.client.ja4.a", Kind::Text, |e| ja4_section(e, 0)),
    one("tls.client.ja4.b", Kind::Text, |e| ja4_section(e, 1)),
    one("tls.client.ja4.c", Kind::Text, |e| ja4_section(e, 2)),
    one("tlsight.client.ja3_full", Kind::Text, |e| prints(e)?.ja3_full.as_deref().map(Value::text)),
    one("tlsight.client.ja3n", Kind::Text, |e| prints(e)?.ja3n.map(|ja3n| Value::hex(&ja3n.0))),
    one("tlsight.client.ja4_r", Kind::Text, |e| prints(e).map(|prints| Value::text(&prints.ja4_r))),
    one("tlsight.client.ja4_o", Kind::Text, |e| prints(e).map(|prints| Value::text(prints.ja4_o.as_str()))),
    one("tlsight.client.ja4_ro", Kind::Text, |e| prints(e).map(|prints| Value::text(&prints.ja4_ro))),
    one("tlsight.client.stable", Kind::Text, |e| prints(e).map(|prints| Value::text(prints.stable.0.as_str()))),
    one("tlsight.client.hello.format", Kind::Text, |e| {
        // The usual format is not told.
        hello(e).filter(|hello| hello.format != HelloFormat::Tls).map(|hello| Value::text(hello.format.as_str()))
    }),
    one("tlsight.client.hello.legacy_version", Kind::Code, |e| hello(e).map(|hello| Value::Code(hello.legacy_version))),
    one("tlsight.client.hello.session_id_length", Kind::Integer, |e| {
        e.client_hello.as_ref().map(|client| Value::Integer(client.session_id_len.into()))
    }),
    many("tlsight.client.hello.versions", Kind::Code, |e, out| codes(hello(e).map(|h| &*h.supported_versions), out)),
    many("tlsight.client.hello.ciphers", Kind::Code, |e, out| codes(hello(e).map(|h| &*h.cipher_suites), out)),
    many("tlsight.client.hello.sslv2_ciphers", Kind::Text, |e, out| {
        let specs = hello(e).map_or(&[][..], |hello| &hello.sslv2_ciphers);
        specs.iter().map(|spec| Value::shown(format_args!("0x{spec:06x}"))).try_for_each(out)
    }),
    many("tlsight.client.hello.compression_methods", Kind::Code, |e, out| {
        small_codes(hello(e).map(|h| &*h.compression_methods), out)
    }),
    many("tlsight.client.hello.extensions", Kind::Code, |e, out| {
        codes(hello(e).and_then(|h| h.extensions.as_deref()), out)
    }),
    many("tlsight.client.hello.groups", Kind::Code, |e, out| codes(hello(e).map(|h| &*h.supported_groups), out)),
    many("tlsight.client.hello.key_shares", Kind::Code, |e, out| codes(hello(e).map(|h| &*h.key_shares), out)),
    many("tlsight.client.hello.point_formats", Kind::Code, |e, out| {
        small_codes(hello(e).map(|h| &*h.point_formats), out)
    }),
    many("tlsight.client.hello.signature_algorithms", Kind::Code, |e, out| {
        codes(hello(e).map(|h| &*h.signature_algorithms), out)
    }),
    many("tlsight.client.hello.signature_algorithms_cert", Kind::Code, |e, out| {
        codes(hello(e).map(|h| &*h.signature_algorithms_cert), out)
    }),
    many("tlsight.client.hello.alpn", Kind::Text, |e, out| {
        let names = hello(e).map_or(&[][..], |hello| &hello.alpn);
        names.iter().filter_map(|name| bytes(name)).try_for_each(out)
    }),
    many("tlsight.client.hello.psk_modes", Kind::Code, |e, out| small_codes(hello(e).map(|h| &*h.psk_modes), out)),
    many("tlsight.client.hello.certificate_compression", Kind::Code, |e, out| {
        codes(hello(e).map(|h| &*h.certificate_compression), out)
    }),
    many("tlsight.client.hello.post_quantum", Kind::Text, |e, out| match hello(e) {
        Some(hello) => hello.post_quantum_groups().map(|group| named(group, registry::group)).try_for_each(out),
        None => Flow::Continue(()),
    }),
    one("tlsight.client.hello.heartbeat", Kind::Text, |e| {
        registry::heartbeat_mode(hello(e)?.heartbeat?).map(Value::text)
    }),
    one("tlsight.client.hello.max_fragment_length", Kind::Integer, |e| {
        registry::max_fragment_length(hello(e)?.max_fragment_length?).map(|octets| Value::Integer(octets.into()))
    }),
    one("tlsight.client.hello.record_size_limit", Kind::Integer, |e| {
        hello(e)?.record_size_limit.map(|octets| Value::Integer(octets.into()))
    }),
];

const SERVER: &[Spec] = &[
    one("tls.server.ja3s", Kind::Text, |e| {
        shape_of_server(e)?.prints.as_ref().map(|prints| Value::hex(&prints.ja3s.0))
    }),
    one("tlsight.server.ja3s_full", Kind::Text, |e| {
        shape_of_server(e)?.prints.as_ref().map(|prints| Value::text(&prints.ja3s_full))
    }),
    one("tlsight.server.hello.legacy_version", Kind::Code, |e| {
        shape_of_server(e).map(|shape| Value::Code(shape.legacy_version))
    }),
    one("tlsight.server.hello.version", Kind::Code, |e| shape_of_server(e).map(|shape| Value::Code(shape.version))),
    one("tlsight.server.hello.cipher", Kind::Code, |e| shape_of_server(e).map(|shape| Value::Code(shape.cipher_suite))),
    one("tlsight.server.hello.compression_method", Kind::Code, |e| {
        shape_of_server(e).map(|shape| Value::Code(shape.compression_method.into()))
    }),
    one("tlsight.server.hello.session_id_length", Kind::Integer, |e| {
        e.server_hello.as_ref().map(|server| Value::Integer(server.session_id_len.into()))
    }),
    many("tlsight.server.hello.extensions", Kind::Code, |e, out| {
        codes(shape_of_server(e).and_then(|shape| shape.extensions.as_deref()), out)
    }),
    one("tlsight.server.hello.key_share", Kind::Code, |e| shape_of_server(e)?.key_share.map(Value::Code)),
    one("tlsight.server.hello.alpn", Kind::Text, |e| bytes(shape_of_server(e)?.alpn.as_deref()?)),
    one("tlsight.server.hello.selected_psk", Kind::Integer, |e| {
        shape_of_server(e)?.selected_psk.map(|index| Value::Integer(index.into()))
    }),
    one("tlsight.server.hello.heartbeat", Kind::Text, |e| {
        registry::heartbeat_mode(shape_of_server(e)?.heartbeat?).map(Value::text)
    }),
    one("tlsight.server.hello.max_fragment_length", Kind::Integer, |e| {
        let code = shape_of_server(e)?.max_fragment_length?;
        registry::max_fragment_length(code).map(|octets| Value::Integer(octets.into()))
    }),
    one("tlsight.server.hello.record_size_limit", Kind::Integer, |e| {
        shape_of_server(e)?.record_size_limit.map(|octets| Value::Integer(octets.into()))
    }),
];

#[cfg(feature = "ja4plus")]
const JA4PLUS: &[Spec] = &[
    one("tls.server.ja4s", Kind::Text, |e| {
        shape_of_server(e)?.prints.as_ref().map(|prints| Value::text(prints.ja4s.as_str()))
    }),
    one("tlsight.server.ja4s_r", Kind::Text, |e| {
        shape_of_server(e)?.prints.as_ref().map(|prints| Value::text(&prints.ja4s_r))
    }),
    one("tlsight.client.ja4t", Kind::Text, |e| e.tcp.ja4t.map(Value::shown)),
    one("tlsight.server.ja4ts", Kind::Text, |e| e.tcp.ja4ts.map(Value::shown)),
    one("tlsight.client.ja4l", Kind::Text, |e| e.tcp.ja4l.map(Value::shown)),
    one("tlsight.server.ja4ls", Kind::Text, |e| e.tcp.ja4ls.map(Value::shown)),
];

fn hello(event: &Event) -> Option<&ClientShape> {
    event.client_hello.as_ref().map(|client| &*client.shape)
}

fn prints(event: &Event) -> Option<&ClientPrints> {
    hello(event)?.prints.as_ref()
}

fn ja4_section(event: &Event, index: usize) -> Option<Value<'_>> {
    prints(event)?.ja4.as_str().split('_').nth(index).map(Value::text)
}

fn shape_of_server(event: &Event) -> Option<&ServerShape> {
    event.server_hello.as_ref().map(|server| &*server.shape)
}

/// Bytes of a peer as text; an empty string is not a value.
fn bytes(bytes: &[u8]) -> Option<Value<'_>> {
    (!bytes.is_empty()).then(|| Value::Text(printable(bytes)))
}

fn named(code: u16, name: fn(u16) -> Option<&'static str>) -> Value<'static> {
    name(code).map_or(Value::Code(code), Value::text)
}

fn codes<'e>(codes: Option<&'e [u16]>, out: Out<'_, 'e>) -> Flow {
    codes.unwrap_or_default().iter().map(|code| Value::Code(*code)).try_for_each(out)
}

fn small_codes<'e>(codes: Option<&'e [u8]>, out: Out<'_, 'e>) -> Flow {
    codes.unwrap_or_default().iter().map(|code| Value::Code((*code).into())).try_for_each(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Field::all().chain(Field::aliases()).map(Field::name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_misspelt_name_is_answered_with_its_neighbour() {
        let nearest = |name| Field::named(name).err().map(|unknown| unknown.nearest);
        assert_eq!(nearest("tls.client.sever_name"), Some("tls.client.server_name"));
        assert_eq!(nearest("tls.client.ja33"), Some("tls.client.ja3"));
        assert_eq!(nearest("TLS.Client.JA3"), None);
    }
}
