//! HAProxy's PROXY protocol, versions 1 and 2: for whom a proxy speaks, before anything else is said
//! (proxy-protocol.txt, sections 2.1 and 2.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::lines::Line;
use super::{Evidence, Expect, Notes, Unit};
use crate::tls::Proxied;
use crate::wire::{Cursor, Incomplete};

/// A header. `None` where there is none.
pub(super) fn header(view: &[u8], notes: &mut Notes) -> Option<Unit> {
    if let [b'P', ..] = view {
        return is_start(view, b"PROXY ").then(|| line(view, notes));
    }
    is_start(view, &SIGNATURE).then(|| binary(view, notes))
}

/// Version 1: one line.
fn line(view: &[u8], notes: &mut Notes) -> Unit {
    let (line, length) = match Line::of(view, b'\n') {
        Line::More => return Unit::More,
        Line::Whole(line, length) if line.ends_with(b"\r") => (line.trim_ascii_end(), length),
        Line::Whole(..) | Line::Long(_) => return Unit::Other,
    };
    let Ok(text) = std::str::from_utf8(line) else { return Unit::Other };
    let mut words = text.split(' ').skip(1);
    let proxied = match words.next() {
        Some("UNKNOWN") => None,
        Some(family @ ("TCP4" | "TCP6")) => match addresses(words) {
            Some(proxied) if proxied.source.is_ipv4() == (family == "TCP4") => Some(proxied),
            _ => return Unit::Other,
        },
        _ => return Unit::Other,
    };
    note(notes, proxied);
    Unit::Sized(length, Expect::Start)
}

/// Two addresses of one family, and two ports.
fn addresses<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Proxied> {
    let mut address = || words.next()?.parse::<IpAddr>().ok();
    let (source, destination) = (address()?, address()?);
    let mut port = || words.next()?.parse::<u16>().ok();
    let (from, to) = (port()?, port()?);
    (source.is_ipv4() == destination.is_ipv4() && words.next().is_none())
        .then(|| Proxied { source: SocketAddr::new(source, from), destination: SocketAddr::new(destination, to) })
}

/// Version 2.
fn binary(view: &[u8], notes: &mut Notes) -> Unit {
    let mut cursor = Cursor::new(view);
    let Ok((command, family, length)) = fixed_part(&mut cursor) else { return Unit::More };
    let addresses = match (command, family) {
        (LOCAL, _) | (PROXY, UNSPECIFIED | UDP4 | UDP6 | UNIX_STREAM | UNIX_DATAGRAM) => 0,
        (PROXY, TCP4) => 12,
        (PROXY, TCP6) => 36,
        _ => return Unit::Other,
    };
    if length < addresses {
        return Unit::Other;
    }
    let proxied = match family {
        _ if addresses == 0 => None,
        TCP4 => match ends(&mut cursor, |cursor| Ok(Ipv4Addr::from(cursor.u32()?).into())) {
            Ok(proxied) => Some(proxied),
            Err(Incomplete) => return Unit::More,
        },
        _ => match ends(&mut cursor, |cursor| Ok(Ipv6Addr::from(cursor.array::<16>()?).into())) {
            Ok(proxied) => Some(proxied),
            Err(Incomplete) => return Unit::More,
        },
    };
    note(notes, proxied);
    Unit::Sized(length.saturating_add(FIXED), Expect::Start)
}

/// Version and command, family and transport, the length of what follows.
fn fixed_part(cursor: &mut Cursor<'_>) -> Result<(u8, u8, usize), Incomplete> {
    cursor.take(SIGNATURE.len())?;
    Ok((cursor.u8()?, cursor.u8()?, usize::from(cursor.u16()?)))
}

fn ends(
    cursor: &mut Cursor<'_>,
    address: impl Fn(&mut Cursor<'_>) -> Result<IpAddr, Incomplete>,
) -> Result<Proxied, Incomplete> {
    let (source, destination) = (address(cursor)?, address(cursor)?);
    let (from, to) = (cursor.u16()?, cursor.u16()?);
    Ok(Proxied { source: SocketAddr::new(source, from), destination: SocketAddr::new(destination, to) })
}

/// The first header counts.
fn note(notes: &mut Notes, proxied: Option<Proxied>) {
    notes.evidence.add(Evidence::HAPROXY);
    notes.proxied = notes.proxied.or(proxied);
}

/// Whether `view` begins with these bytes, as far as it goes.
fn is_start(view: &[u8], start: &[u8]) -> bool {
    view.iter().zip(start).all(|(a, b)| a == b)
}

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The signature and four bytes more.
const FIXED: usize = 16;
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const UNSPECIFIED: u8 = 0x00;
const TCP4: u8 = 0x11;
const UDP4: u8 = 0x12;
const TCP6: u8 = 0x21;
const UDP6: u8 = 0x22;
const UNIX_STREAM: u8 = 0x31;
const UNIX_DATAGRAM: u8 = 0x32;
