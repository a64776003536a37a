//! Fields of how a handshake travelled: tunnels, proxies, upgrades, QUIC.

use super::{Spec, many, one};
use crate::detect::value::{Kind, Value};
use crate::event::{Event, Quic};
use crate::wire::registry::{self, ParameterId, QuicVersion};
use crate::wire::text::printable;

pub(super) const PATH: &[Spec] = &[
    one("tlsight.upgrade", Kind::Text, |e| e.upgrade.map(|upgrade| Value::text(upgrade.as_str()))),
    one("tlsight.proxy.source.ip", Kind::Ip, |e| e.proxied.as_ref().map(|proxied| Value::Ip(proxied.source.ip()))),
    one("tlsight.proxy.source.port", Kind::Integer, |e| {
        e.proxied.as_ref().map(|proxied| Value::Integer(proxied.source.port().into()))
    }),
    one("tlsight.proxy.destination.ip", Kind::Ip, |e| {
        e.proxied.as_ref().map(|proxied| Value::Ip(proxied.destination.ip()))
    }),
    one("tlsight.proxy.destination.port", Kind::Integer, |e| {
        e.proxied.as_ref().map(|proxied| Value::Integer(proxied.destination.port().into()))
    }),
    many("tlsight.tunnel.type", Kind::Text, |e, out| {
        e.tunnels.iter().map(|tunnel| Value::text(tunnel.kind.as_str())).try_for_each(out)
    }),
    many("tlsight.tunnel.id", Kind::Integer, |e, out| {
        e.tunnels.iter().filter_map(|tunnel| tunnel.id).map(|id| Value::Integer(id.into())).try_for_each(out)
    }),
    many("tlsight.tunnel.source.ip", Kind::Ip, |e, out| {
        e.tunnels.iter().map(|tunnel| Value::Ip(tunnel.source)).try_for_each(out)
    }),
    many("tlsight.tunnel.destination.ip", Kind::Ip, |e, out| {
        e.tunnels.iter().map(|tunnel| Value::Ip(tunnel.destination)).try_for_each(out)
    }),
    one("tlsight.quic.version", Kind::Text, |e| quic(e).map(|quic| Value::shown(QuicVersion(quic.version)))),
    one("tlsight.quic.original_version", Kind::Text, |e| {
        quic(e)?.original_version.map(|version| Value::shown(QuicVersion(version)))
    }),
    one("tlsight.quic.client_initial_dcid", Kind::Text, |e| id(Some(&quic(e)?.client_initial_dcid))),
    one("tlsight.quic.client_scid", Kind::Text, |e| id(quic(e)?.client_scid.as_deref())),
    one("tlsight.quic.server_scid", Kind::Text, |e| id(quic(e)?.server_scid.as_deref())),
    one("tlsight.quic.retry", Kind::Bool, |e| quic(e).map(|quic| Value::Bool(quic.retry))),
    one("tlsight.quic.zero_rtt", Kind::Bool, |e| quic(e).map(|quic| Value::Bool(quic.zero_rtt))),
    one("tlsight.quic.version_negotiation", Kind::Bool, |e| quic(e).map(|quic| Value::Bool(quic.version_negotiation))),
    one("tlsight.quic.user_agent", Kind::Text, |e| {
        let agent = quic(e)?.user_agent.as_deref().filter(|agent| !agent.is_empty())?;
        Some(Value::Text(printable(agent)))
    }),
    many("tlsight.quic.transport_parameters.id", Kind::Text, |e, out| {
        parameters(e).iter().map(|parameter| Value::shown(ParameterId(parameter.id))).try_for_each(out)
    }),
    many("tlsight.quic.transport_parameters.name", Kind::Text, |e, out| {
        let known = parameters(e).iter().filter_map(|parameter| registry::transport_parameter(parameter.id));
        known.map(|known| Value::text(known.name)).try_for_each(out)
    }),
    many("tlsight.quic.transport_parameters.value", Kind::Integer, |e, out| {
        // A variable-length integer has 62 bits (RFC 9000, section 16).
        let numbers = parameters(e).iter().filter_map(|parameter| parameter.number);
        numbers.map(|number| Value::Integer(number.cast_signed())).try_for_each(out)
    }),
    many("tlsight.quic.transport_parameters.length", Kind::Integer, |e, out| {
        let others = parameters(e).iter().filter(|parameter| parameter.number.is_none());
        others.map(|parameter| Value::Integer(parameter.length.into())).try_for_each(out)
    }),
];

fn quic(event: &Event) -> Option<&Quic> {
    event.quic.as_deref()
}

fn parameters(event: &Event) -> &[crate::event::QuicParameter] {
    quic(event).map(|quic| &*quic.parameters).unwrap_or_default()
}

/// An id of no octets is not told.
fn id(id: Option<&[u8]>) -> Option<Value<'_>> {
    id.filter(|id| !id.is_empty()).map(Value::hex)
}
