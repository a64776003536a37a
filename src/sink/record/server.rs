//! The server's side of a session: `tls.server` and `tlsight.server`.

use serde::Serialize;

use super::certificate::Links;
use super::shared::{Shared, Split};
use crate::event::{Event, ServerPrints, ServerShape};
#[cfg(feature = "ja4plus")]
use crate::fingerprint::ja4plus::{Ja4ls, Ja4ts};
#[cfg(feature = "ja4plus")]
use crate::sink::forms::Shown;
use crate::sink::forms::{Code, Codes, Hex, Printable};
use crate::sink::json::{self, Text};
use crate::wire::registry;

/// `tls.server`
#[derive(Serialize)]
pub struct TlsServer<'a> {
    /// [`Ecs`]
    #[serde(rename = "")]
    shape: Option<Text<'a>>,
    /// Of the leaf.
    #[serde(rename = "")]
    certificate: Option<Text<'a>>,
}

/// `tlsight.server`
#[derive(Serialize)]
pub struct TlsightServer<'a> {
    random: Option<Hex<'a>>,
    /// [`Own`]
    #[serde(rename = "")]
    shape: Option<Text<'a>>,
    chain: Links<'a>,
    #[cfg(feature = "ja4plus")]
    ja4ts: Option<Shown<Ja4ts>>,
    #[cfg(feature = "ja4plus")]
    ja4ls: Option<Shown<Ja4ls>>,
}

impl<'a> TlsServer<'a> {
    pub fn of(shared: &'a Shared) -> Self {
        Self {
            shape: shared.server_hello().map(|members| members.ecs),
            certificate: shared.server_chain().iter().next().map(|leaf| leaf.ecs),
        }
    }
}

impl<'a> TlsightServer<'a> {
    pub fn of(event: &'a Event, shared: &'a Shared) -> Self {
        Self {
            random: event.server_hello.as_ref().map(|hello| Hex(&hello.random)),
            shape: shared.server_hello().map(|members| members.own),
            chain: Links(shared.server_chain()),
            #[cfg(feature = "ja4plus")]
            ja4ts: event.tcp.ja4ts.map(Shown),
            #[cfg(feature = "ja4plus")]
            ja4ls: event.tcp.ja4ls.map(Shown),
        }
    }
}

/// Appends the members that a shape gives to `tls.server` and to `tlsight.server`.
pub fn members(shape: &ServerShape, session_id_len: u8, out: &mut Vec<u8>) -> Split {
    Split {
        ecs: json::append_object(out, &Ecs::of(shape.prints.as_ref())),
        own: json::append_object(out, &Own::of(shape, session_id_len)),
    }
}

#[derive(Serialize)]
struct Ecs<'a> {
    ja3s: Option<Hex<'a>>,
    #[cfg(feature = "ja4plus")]
    ja4s: Option<&'a str>,
}

#[derive(Serialize)]
struct Own<'a> {
    ja3s_full: Option<&'a str>,
    #[cfg(feature = "ja4plus")]
    ja4s_r: Option<&'a str>,
    hello: Hello<'a>,
}

/// `tlsight.server.hello`
#[derive(Serialize)]
struct Hello<'a> {
    legacy_version: Code,
    version: Code,
    cipher: Code,
    session_id_length: u8,
    compression_method: Code,
    extensions: Option<Codes<'a>>,
    key_share: Option<Code>,
    alpn: Option<Printable<'a>>,
    selected_psk: Option<u16>,
    heartbeat: Option<&'static str>,
    /// Octets.
    max_fragment_length: Option<u16>,
    /// Octets.
    record_size_limit: Option<u16>,
}

impl<'a> Ecs<'a> {
    fn of(prints: Option<&'a ServerPrints>) -> Self {
        Self {
            ja3s: prints.map(|prints| Hex(&prints.ja3s.0)),
            #[cfg(feature = "ja4plus")]
            ja4s: prints.map(|prints| prints.ja4s.as_str()),
        }
    }
}

impl<'a> Own<'a> {
    fn of(shape: &'a ServerShape, session_id_len: u8) -> Self {
        Self {
            ja3s_full: shape.prints.as_ref().map(|prints| &*prints.ja3s_full),
            #[cfg(feature = "ja4plus")]
            ja4s_r: shape.prints.as_ref().map(|prints| &*prints.ja4s_r),
            hello: Hello {
                legacy_version: Code(shape.legacy_version),
                version: Code(shape.version),
                cipher: Code(shape.cipher_suite),
                session_id_length: session_id_len,
                compression_method: Code(shape.compression_method.into()),
                extensions: shape.extensions.as_deref().map(Codes),
                key_share: shape.key_share.map(Code),
                alpn: shape.alpn.as_deref().map(Printable),
                selected_psk: shape.selected_psk,
                heartbeat: shape.heartbeat.and_then(registry::heartbeat_mode),
                max_fragment_length: shape.max_fragment_length.and_then(registry::max_fragment_length),
                record_size_limit: shape.record_size_limit,
            },
        }
    }
}
