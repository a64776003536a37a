//! How a handshake travelled: `tlsight.tunnel`, `tlsight.proxy`, `tlsight.quic`.

use serde::Serialize;

use super::session::Address;
use crate::decode::Tunnel;
use crate::event::{Endpoint, Quic, QuicParameter};
use crate::sink::forms::{self, Each, Hex, Printable, Shown};
use crate::tls::Proxied;
use crate::wire::registry;

/// One entry of `tlsight.tunnel`, outermost first.
#[derive(Serialize)]
pub struct TunnelRecord {
    r#type: &'static str,
    id: Option<u32>,
    source: Ip,
    destination: Ip,
}

#[derive(Serialize)]
struct Ip {
    ip: forms::Address,
}

impl TunnelRecord {
    pub fn of(tunnel: &Tunnel) -> Self {
        Self {
            r#type: tunnel.kind.as_str(),
            id: tunnel.id,
            source: Ip { ip: forms::Address(tunnel.source) },
            destination: Ip { ip: forms::Address(tunnel.destination) },
        }
    }
}

/// `tlsight.proxy`: the addresses that a PROXY header names.
#[derive(Serialize)]
pub struct ProxyRecord {
    source: Address,
    destination: Address,
}

impl ProxyRecord {
    pub fn of(proxied: &Proxied) -> Self {
        let address = |end: std::net::SocketAddr| Address::of(Endpoint { ip: end.ip(), port: end.port() });
        Self { source: address(proxied.source), destination: address(proxied.destination) }
    }
}

/// `tlsight.quic`
#[derive(Serialize)]
pub struct QuicRecord<'a> {
    version: Shown<registry::QuicVersion>,
    original_version: Option<Shown<registry::QuicVersion>>,
    client_initial_dcid: Option<Hex<'a>>,
    client_scid: Option<Hex<'a>>,
    server_scid: Option<Hex<'a>>,
    retry: bool,
    version_negotiation: bool,
    /// The client sent packets of 0-RTT data.
    zero_rtt: bool,
    user_agent: Option<Printable<'a>>,
    transport_parameters: Each<'a, QuicParameter, ParameterRecord>,
}

/// One entry of `tlsight.quic.transport_parameters`, in wire order: the number of one that is a number, else its length.
#[derive(Serialize)]
pub struct ParameterRecord {
    id: Shown<registry::ParameterId>,
    name: Option<&'static str>,
    value: Option<u64>,
    /// Octets.
    length: Option<u16>,
}

impl<'a> QuicRecord<'a> {
    pub fn of(quic: &'a Quic) -> Self {
        Self {
            version: Shown(registry::QuicVersion(quic.version)),
            original_version: quic.original_version.map(|version| Shown(registry::QuicVersion(version))),
            client_initial_dcid: id(Some(&quic.client_initial_dcid)),
            client_scid: id(quic.client_scid.as_deref()),
            server_scid: id(quic.server_scid.as_deref()),
            retry: quic.retry,
            version_negotiation: quic.version_negotiation,
            zero_rtt: quic.zero_rtt,
            user_agent: quic.user_agent.as_deref().map(Printable),
            transport_parameters: Each(&quic.parameters, ParameterRecord::of),
        }
    }
}

impl ParameterRecord {
    fn of(parameter: &QuicParameter) -> Self {
        Self {
            id: Shown(registry::ParameterId(parameter.id)),
            name: registry::transport_parameter(parameter.id).map(|known| known.name),
            value: parameter.number,
            length: parameter.number.is_none().then_some(parameter.length),
        }
    }
}

/// An id of no octets is not told.
fn id(id: Option<&[u8]>) -> Option<Hex<'_>> {
    id.filter(|id| !id.is_empty()).map(Hex)
}
