//! The fingerprints of an event as columns.

use crate::event::{ClientPrints, ClientShape, Event};

/// The fingerprints of a hello; all empty for one that has none.
#[derive(Default)]
pub(super) struct Prints<'a> {
    pub(super) ja3: Option<&'a [u8; 16]>,
    pub(super) ja3_full: &'a str,
    pub(super) ja3n: Option<&'a [u8; 16]>,
    pub(super) ja4: &'a str,
    pub(super) ja4_r: &'a str,
    pub(super) ja4_o: &'a str,
    pub(super) ja4_ro: &'a str,
    pub(super) stable: &'a str,
}

impl<'a> Prints<'a> {
    pub(super) fn of(shape: Option<&'a ClientShape>) -> Self {
        let Some(prints) = shape.and_then(|shape| shape.prints.as_ref()) else { return Self::default() };
        let ClientPrints { ja3, ja3_full, ja3n, ja4, ja4_r, ja4_o, ja4_ro, stable } = prints;
        Self {
            ja3: ja3.as_ref().map(|ja3| &ja3.0),
            ja3_full: ja3_full.as_deref().unwrap_or_default(),
            ja3n: ja3n.as_ref().map(|ja3n| &ja3n.0),
            ja4: ja4.as_str(),
            ja4_r,
            ja4_o: ja4_o.as_str(),
            ja4_ro,
            stable: stable.0.as_str(),
        }
    }
}

/// JA4+ but for certificates; all empty in a build without it.
#[derive(Default)]
pub(super) struct Plus<'a> {
    pub(super) ja4t: String,
    pub(super) ja4ts: String,
    pub(super) ja4l: String,
    pub(super) ja4ls: String,
    pub(super) ja4s: &'a str,
    pub(super) ja4s_r: &'a str,
}

impl<'a> Plus<'a> {
    #[cfg(feature = "ja4plus")]
    pub(super) fn of(event: &'a Event) -> Self {
        let shape = event.server_hello.as_ref().map(|hello| &*hello.shape);
        let prints = shape.and_then(|shape| shape.prints.as_ref());
        let tcp = &event.tcp;
        Self {
            ja4t: tcp.ja4t.map(|ja4t| ja4t.to_string()).unwrap_or_default(),
            ja4ts: tcp.ja4ts.map(|ja4ts| ja4ts.to_string()).unwrap_or_default(),
            ja4l: tcp.ja4l.map(|ja4l| ja4l.to_string()).unwrap_or_default(),
            ja4ls: tcp.ja4ls.map(|ja4ls| ja4ls.to_string()).unwrap_or_default(),
            ja4s: prints.map(|prints| prints.ja4s.as_str()).unwrap_or_default(),
            ja4s_r: prints.map(|prints| &*prints.ja4s_r).unwrap_or_default(),
        }
    }

    #[cfg(not(feature = "ja4plus"))]
    pub(super) fn of(_: &'a Event) -> Self {
        Self::default()
    }
}
