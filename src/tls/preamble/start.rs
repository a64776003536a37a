//! What a stream may begin with before it goes over to TLS; known by content, never by port.

use super::{Notes, Unit, haproxy, http, ldap, lines, mysql, postgresql, rdp, socks, tds};

/// The first unit of a direction, of either side.
pub(super) fn unit(view: &[u8], notes: &mut Notes) -> Unit {
    if let Some(unit) = mysql::greeting(view, notes).or_else(|| mysql::request(view, notes)) {
        return unit;
    }
    match *view {
        [] => Unit::More,
        [0, ..] => {
            postgresql::first_request(view, notes).or_else(|| socks::answer4(view, notes)).unwrap_or(Unit::Other)
        }
        [3, ..] => rdp::negotiation(view, notes),
        [4, ..] => answer_or_socks4(view, notes),
        [5, ..] => socks::greeting5(view, notes),
        [tds::PRELOGIN, ..] => tds::prelogin(view, notes).unwrap_or(Unit::Other),
        _ => text(view, notes),
    }
}

/// A TDS server's first packet and a SOCKS 4 request are told apart by what stands behind the eight bytes that both
/// may begin with.
fn answer_or_socks4(view: &[u8], notes: &mut Notes) -> Unit {
    match *view {
        [4, 1, _, _, _, _, _, _, 0, 0, ..] => {
            tds::prelogin(view, notes).unwrap_or_else(|| socks::request4(view, notes))
        }
        [4, 1, _, _, _, _, _, _, 0, _, ..] => socks::request4(view, notes),
        [4, 1, _, _, _, _, _, _, 1..=0xff, ..] => socks::request4(view, notes),
        [4] | [4, 1, ..] => Unit::More,
        _ => Unit::Other,
    }
}

fn text(view: &[u8], notes: &mut Notes) -> Unit {
    if let Some(unit) = ldap::message(view, notes).or_else(|| haproxy::header(view, notes)) {
        return unit;
    }
    let is_text = |&byte: &u8| matches!(byte, b'\t' | b'\r' | b' '..=b'~' | 0x80..);
    match *view {
        [b'S' | b'N' | b'G', ..] if let Some(unit) = postgresql::answer(view, notes) => unit,
        [b'\n' | b'\r' | b'!'..=b'~', ..]
            if view.iter().take(ENOUGH).take_while(|&&byte| byte != b'\n').all(is_text) =>
        {
            if view.len() < ENOUGH {
                return Unit::More;
            }
            if NO_UPGRADE.iter().any(|start| view.starts_with(start)) {
                return Unit::Other;
            }
            http::first_line(view, notes).unwrap_or_else(|| {
                if view.starts_with(b"<") { lines::tag(view, notes) } else { lines::line(view, notes) }
            })
        }
        _ => Unit::Other,
    }
}

/// Bytes of a first line by which text is told from binary.
const ENOUGH: usize = 6;

/// How text begins that never goes over to TLS: SSH (RFC 4253, section 4.2), RFB (RFC 6143, section 7.1.1), HTTP/2 in
/// the clear (RFC 9113, section 3.4), rsync, Redis, JSON.
const NO_UPGRADE: [&[u8]; 10] =
    [b"SSH-", b"RFB 0", b"PRI * ", b"@RSYNC", b"*1\r\n$", b"*2\r\n$", b"*3\r\n$", b"*4\r\n$", b"{", b"["];
