//! Both hellos: what was offered, what was chosen, and their fingerprints.

use std::sync::Arc;

use super::blank;
use super::given::{Given, bytes};
use super::session::put;
use super::{Draft, Set};
use crate::event::{
    ClientPrints, ClientShape, ClientSide, HelloFormat, Protocol, ServerPrints, ServerShape, ServerSide,
};
use crate::fingerprint::{Ja3, Ja3s, Ja4, Stable};
use crate::wire::registry;

pub(super) const CLIENT: &[(&str, Set)] = &[
    ("tls.client.server_name", |draft, given| {
        client(draft).server_name = Some(bytes(given.text()));
        Ok(())
    }),
    ("tls.client.supported_ciphers", |draft, given| {
        put(&mut shape(draft).cipher_suites, given.each(|text| suite(given, text)))
    }),
    ("tls.client.ja3", |draft, given| put(&mut prints(draft).ja3, given.hex().map(|hash| Some(Ja3(hash))))),
    ("tls.client.ja4", |draft, given| put(&mut prints(draft).ja4, ja4(given))),
    ("tls.client.ja4.a", |draft, given| section(draft, given, 0)),
    ("tls.client.ja4.b", |draft, given| section(draft, given, 1)),
    ("tls.client.ja4.c", |draft, given| section(draft, given, 2)),
    ("tlsight.client.ja3_full", |draft, given| put(&mut prints(draft).ja3_full, Ok(Some(given.text().to_owned())))),
    ("tlsight.client.ja3n", |draft, given| put(&mut prints(draft).ja3n, given.hex().map(|hash| Some(Ja3(hash))))),
    ("tlsight.client.ja4_r", |draft, given| put(&mut prints(draft).ja4_r, Ok(given.text().into()))),
    ("tlsight.client.ja4_o", |draft, given| put(&mut prints(draft).ja4_o, ja4(given))),
    ("tlsight.client.ja4_ro", |draft, given| put(&mut prints(draft).ja4_ro, Ok(given.text().to_owned()))),
    ("tlsight.client.stable", |draft, given| put(&mut prints(draft).stable, ja4(given).map(Stable))),
    ("tlsight.client.hello.format", |draft, given| {
        let all = [HelloFormat::Tls, HelloFormat::Sslv2];
        put(&mut shape(draft).format, given.one_of(&all, HelloFormat::as_str))
    }),
    ("tlsight.client.hello.legacy_version", |draft, given| put(&mut shape(draft).legacy_version, given.code())),
    ("tlsight.client.hello.session_id_length", |draft, given| put(&mut client(draft).session_id_len, given.number())),
    ("tlsight.client.hello.versions", |draft, given| put(&mut shape(draft).supported_versions, given.codes())),
    ("tlsight.client.hello.ciphers", |draft, given| put(&mut shape(draft).cipher_suites, given.codes())),
    ("tlsight.client.hello.sslv2_ciphers", |draft, given| {
        let spec = |text: &str| u32::from_str_radix(text.strip_prefix("0x")?, 16).ok().filter(|spec| *spec < 1 << 24);
        let specs = given.each(|text| spec(text).ok_or_else(|| given.misfit(text, "a number such as 0x010080")));
        put(&mut shape(draft).sslv2_ciphers, specs)
    }),
    ("tlsight.client.hello.compression_methods", |draft, given| {
        put(&mut shape(draft).compression_methods, given.small_codes())
    }),
    ("tlsight.client.hello.extensions", |draft, given| put(&mut shape(draft).extensions, given.codes().map(Some))),
    ("tlsight.client.hello.groups", |draft, given| put(&mut shape(draft).supported_groups, given.codes())),
    ("tlsight.client.hello.post_quantum", |draft, given| {
        let groups = given.each(|text| given.named(text, registry::group, "the name of a group"))?;
        let all = shape(draft).supported_groups.iter().chain(&groups).copied().collect();
        put(&mut shape(draft).supported_groups, Ok(all))
    }),
    ("tlsight.client.hello.key_shares", |draft, given| put(&mut shape(draft).key_shares, given.codes())),
    ("tlsight.client.hello.point_formats", |draft, given| put(&mut shape(draft).point_formats, given.small_codes())),
    ("tlsight.client.hello.signature_algorithms", |draft, given| {
        put(&mut shape(draft).signature_algorithms, given.codes())
    }),
    ("tlsight.client.hello.signature_algorithms_cert", |draft, given| {
        put(&mut shape(draft).signature_algorithms_cert, given.codes())
    }),
    ("tlsight.client.hello.alpn", |draft, given| put(&mut shape(draft).alpn, given.each(|text| Ok(bytes(text))))),
    ("tlsight.client.hello.psk_modes", |draft, given| put(&mut shape(draft).psk_modes, given.small_codes())),
    ("tlsight.client.hello.certificate_compression", |draft, given| {
        put(&mut shape(draft).certificate_compression, given.codes())
    }),
    ("tlsight.client.hello.heartbeat", |draft, given| put(&mut shape(draft).heartbeat, heartbeat(given).map(Some))),
    ("tlsight.client.hello.max_fragment_length", |draft, given| {
        put(&mut shape(draft).max_fragment_length, fragment_code(given).map(Some))
    }),
    ("tlsight.client.hello.record_size_limit", |draft, given| {
        put(&mut shape(draft).record_size_limit, given.number().map(Some))
    }),
];

pub(super) const SERVER: &[(&str, Set)] = &[
    ("tls.version", |draft, given| {
        let version = version(draft, given);
        put(&mut chosen(draft).version, version)
    }),
    ("tls.cipher", |draft, given| put(&mut chosen(draft).cipher_suite, suite(given, given.text()))),
    ("tls.next_protocol", |draft, given| put(&mut chosen(draft).alpn, Ok(Some(bytes(given.text()))))),
    ("tls.server.ja3s", |draft, given| put(&mut server_prints(draft).ja3s, given.hex().map(Ja3s))),
    ("tlsight.server.ja3s_full", |draft, given| put(&mut server_prints(draft).ja3s_full, Ok(given.text().to_owned()))),
    ("tlsight.server.hello.legacy_version", |draft, given| put(&mut chosen(draft).legacy_version, given.code())),
    ("tlsight.server.hello.version", |draft, given| put(&mut chosen(draft).version, given.code())),
    ("tlsight.server.hello.cipher", |draft, given| put(&mut chosen(draft).cipher_suite, given.code())),
    ("tlsight.server.hello.compression_method", |draft, given| {
        let method = given.small_codes().map(|codes| codes.first().copied().unwrap_or_default());
        put(&mut chosen(draft).compression_method, method)
    }),
    ("tlsight.server.hello.session_id_length", |draft, given| put(&mut server(draft).session_id_len, given.number())),
    ("tlsight.server.hello.extensions", |draft, given| put(&mut chosen(draft).extensions, given.codes().map(Some))),
    ("tlsight.server.hello.key_share", |draft, given| put(&mut chosen(draft).key_share, given.code().map(Some))),
    ("tlsight.server.hello.alpn", |draft, given| put(&mut chosen(draft).alpn, Ok(Some(bytes(given.text()))))),
    ("tlsight.server.hello.selected_psk", |draft, given| {
        put(&mut chosen(draft).selected_psk, given.number().map(Some))
    }),
    ("tlsight.server.hello.heartbeat", |draft, given| put(&mut chosen(draft).heartbeat, heartbeat(given).map(Some))),
    ("tlsight.server.hello.max_fragment_length", |draft, given| {
        put(&mut chosen(draft).max_fragment_length, fragment_code(given).map(Some))
    }),
    ("tlsight.server.hello.record_size_limit", |draft, given| {
        put(&mut chosen(draft).record_size_limit, given.number().map(Some))
    }),
];

/// The server's choices.
pub(super) fn chosen(draft: &mut Draft) -> &mut ServerShape {
    Arc::make_mut(&mut server(draft).shape)
}

fn client(draft: &mut Draft) -> &mut ClientSide {
    let number = number(draft);
    draft.event.client_hello.get_or_insert_with(|| blank::client_side(number))
}

fn shape(draft: &mut Draft) -> &mut ClientShape {
    Arc::make_mut(&mut client(draft).shape)
}

fn prints(draft: &mut Draft) -> &mut ClientPrints {
    shape(draft).prints.get_or_insert_with(blank::client_prints)
}

fn server(draft: &mut Draft) -> &mut ServerSide {
    let number = number(draft);
    draft.event.server_hello.get_or_insert_with(|| blank::server_side(number))
}

fn server_prints(draft: &mut Draft) -> &mut ServerPrints {
    chosen(draft).prints.get_or_insert_with(blank::server_prints)
}

/// Which session of the test it is, by the id that it began with, or was given.
fn number(draft: &Draft) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = draft.event.id;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn suite(given: Given<'_>, text: &str) -> Result<u16, String> {
    given
        .named(text, registry::cipher_suite, "a cipher suite's name or number")
        .map_err(|why| format!("{why} (no cipher suite is called so)"))
}

fn version(draft: &Draft, given: Given<'_>) -> Result<u16, String> {
    let wanted = match draft.event.protocol {
        Protocol::Dtls => "dtls",
        Protocol::Tls | Protocol::Quic => "tls",
    };
    let of = |protocol: &str| {
        (0..=u16::MAX).find(|&code| {
            registry::version(code)
                .is_some_and(|version| version.number == given.text() && version.protocol == protocol)
        })
    };
    let found = of(wanted).or_else(|| of("ssl"));
    found.ok_or_else(|| given.misfit(given.text(), "2.0, 3.0, 1.0, 1.1, 1.2 or 1.3"))
}

fn ja4(given: Given<'_>) -> Result<Ja4, String> {
    let mut sections = given.text().split('_');
    let (head, rest): (&str, Vec<_>) =
        (sections.next().unwrap_or_default(), sections.map(str::to_ascii_lowercase).collect());
    let is_hash = |section: &String| section.len() == 12 && section.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = head.len() == 10 && head.is_ascii() && rest.len() == 2 && rest.iter().all(is_hash);
    let whole = format!("{head}_{}", rest.join("_"));
    let bytes: Option<[u8; 36]> = whole.as_bytes().try_into().ok();
    bytes.filter(|_| fits).map(Ja4).ok_or_else(|| given.misfit(given.text(), "a JA4"))
}

fn section(draft: &mut Draft, given: Given<'_>, index: usize) -> Result<(), String> {
    let prints = prints(draft);
    let mut sections: Vec<&str> = prints.ja4.as_str().split('_').collect();
    if let Some(section) = sections.get_mut(index) {
        *section = given.text();
    }
    let whole = [sections.join("_")];
    prints.ja4 = ja4(Given { values: &whole, ..given })
        .map_err(|_| given.misfit(given.text(), if index == 0 { "ten characters" } else { "twelve characters" }))?;
    Ok(())
}

fn heartbeat(given: Given<'_>) -> Result<u8, String> {
    let found = (0..=u8::MAX).find(|&mode| registry::heartbeat_mode(mode) == Some(given.text()));
    found.ok_or_else(|| given.misfit(given.text(), "peer_allowed_to_send or peer_not_allowed_to_send"))
}

fn fragment_code(given: Given<'_>) -> Result<u8, String> {
    let length: u16 = given.number()?;
    let found = (0..=u8::MAX).find(|&code| registry::max_fragment_length(code) == Some(length));
    found.ok_or_else(|| given.misfit(given.text(), "512, 1024, 2048 or 4096"))
}
