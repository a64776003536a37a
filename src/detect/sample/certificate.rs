//! What certificates say: the leaf under its own names, and lists over the chain.

use std::sync::Arc;

use super::Set;
use super::blank;
use super::given::{Given, bytes_of_hex};
use super::session::put;
use crate::wire::registry;
use crate::x509::certificate::Parsed;
use crate::x509::{Certificate, Key};

type Chain = Vec<Arc<Certificate>>;

macro_rules! certificates {
    ($side:literal, $chain:ident) => {
        &[
            (concat!("tls.", $side, ".subject"), |d, g| of_leaf(&mut d.event.$chain, g, subject)),
            (concat!("tls.", $side, ".issuer"), |d, g| of_leaf(&mut d.event.$chain, g, issuer)),
            (concat!("tls.", $side, ".not_before"), |d, g| of_leaf(&mut d.event.$chain, g, not_before)),
            (concat!("tls.", $side, ".not_after"), |d, g| of_leaf(&mut d.event.$chain, g, not_after)),
            (concat!("tls.", $side, ".hash.md5"), |d, g| put(&mut at(&mut d.event.$chain, 0).md5, g.hex())),
            (concat!("tls.", $side, ".hash.sha1"), |d, g| put(&mut at(&mut d.event.$chain, 0).sha1, g.hex())),
            (concat!("tls.", $side, ".hash.sha256"), |d, g| put(&mut at(&mut d.event.$chain, 0).sha256, g.hex())),
            (concat!("tls.", $side, ".x509.version_number"), |d, g| {
                put(&mut parsed(&mut d.event.$chain, 0)?.version, g.number())
            }),
            (concat!("tls.", $side, ".x509.serial_number"), |d, g| of_leaf(&mut d.event.$chain, g, serial)),
            (concat!("tls.", $side, ".x509.subject.common_name"), |d, g| {
                put(&mut parsed(&mut d.event.$chain, 0)?.subject_common_name, Ok(Some(g.text().to_owned())))
            }),
            (concat!("tls.", $side, ".x509.subject.distinguished_name"), |d, g| {
                of_leaf(&mut d.event.$chain, g, subject)
            }),
            (concat!("tls.", $side, ".x509.issuer.common_name"), |d, g| {
                put(&mut parsed(&mut d.event.$chain, 0)?.issuer_common_name, Ok(Some(g.text().to_owned())))
            }),
            (concat!("tls.", $side, ".x509.issuer.distinguished_name"), |d, g| of_leaf(&mut d.event.$chain, g, issuer)),
            (concat!("tls.", $side, ".x509.not_before"), |d, g| of_leaf(&mut d.event.$chain, g, not_before)),
            (concat!("tls.", $side, ".x509.not_after"), |d, g| of_leaf(&mut d.event.$chain, g, not_after)),
            (concat!("tls.", $side, ".x509.alternative_names"), |d, g| names(parsed(&mut d.event.$chain, 0)?, g)),
            (concat!("tls.", $side, ".x509.public_key_algorithm"), |d, g| {
                of_leaf(&mut d.event.$chain, g, key_algorithm)
            }),
            (concat!("tls.", $side, ".x509.public_key_size"), |d, g| of_leaf(&mut d.event.$chain, g, key_size)),
            (concat!("tls.", $side, ".x509.public_key_curve"), |d, g| of_leaf(&mut d.event.$chain, g, key_curve)),
            (concat!("tls.", $side, ".x509.signature_algorithm"), |d, g| of_leaf(&mut d.event.$chain, g, signature)),
            (concat!("tlsight.", $side, ".chain.subject"), |d, g| of_all(&mut d.event.$chain, g, subject)),
            (concat!("tlsight.", $side, ".chain.issuer"), |d, g| of_all(&mut d.event.$chain, g, issuer)),
            (concat!("tlsight.", $side, ".chain.serial"), |d, g| of_all(&mut d.event.$chain, g, serial)),
            (concat!("tlsight.", $side, ".chain.sha1"), |d, g| {
                g.texts()
                    .enumerate()
                    .try_for_each(|(n, text)| put(&mut at(&mut d.event.$chain, n).sha1, g.hex_of(text)))
            }),
            (concat!("tlsight.", $side, ".chain.sha256"), |d, g| {
                g.texts()
                    .enumerate()
                    .try_for_each(|(n, text)| put(&mut at(&mut d.event.$chain, n).sha256, g.hex_of(text)))
            }),
            (concat!("tlsight.", $side, ".chain.not_before"), |d, g| of_all(&mut d.event.$chain, g, not_before)),
            (concat!("tlsight.", $side, ".chain.not_after"), |d, g| of_all(&mut d.event.$chain, g, not_after)),
            (concat!("tlsight.", $side, ".chain.public_key_algorithm"), |d, g| {
                of_all(&mut d.event.$chain, g, key_algorithm)
            }),
            (concat!("tlsight.", $side, ".chain.public_key_size"), |d, g| of_all(&mut d.event.$chain, g, key_size)),
            (concat!("tlsight.", $side, ".chain.signature_algorithm"), |d, g| {
                of_all(&mut d.event.$chain, g, signature)
            }),
            (concat!("tlsight.", $side, ".chain.is_ca"), |d, g| {
                of_all(&mut d.event.$chain, g, |parsed, g, text| {
                    put(&mut parsed.is_ca, text.parse().map(Some).map_err(|_| g.misfit(text, "true or false")))
                })
            }),
        ]
    };
}

pub(super) const SERVER: &[(&str, Set)] = certificates!("server", server_chain);
pub(super) const CLIENT: &[(&str, Set)] = certificates!("client", client_chain);

/// What follows from the names: who is called as its issuer is has issued itself.
pub(super) fn settle(chain: &mut Chain) {
    for certificate in chain {
        if let Ok(parsed) = &mut Arc::make_mut(certificate).parsed {
            parsed.self_issued = parsed.subject.is_some() && parsed.subject == parsed.issuer;
        }
    }
}

type Part = fn(&mut Parsed, Given<'_>, &str) -> Result<(), String>;

fn of_leaf(chain: &mut Chain, given: Given<'_>, part: Part) -> Result<(), String> {
    part(parsed(chain, 0)?, given, given.text())
}

/// The first value is the leaf's, and so on up.
fn of_all(chain: &mut Chain, given: Given<'_>, part: Part) -> Result<(), String> {
    given.texts().enumerate().try_for_each(|(place, text)| part(parsed(chain, place)?, given, text))
}

fn at(chain: &mut Chain, place: usize) -> &mut Certificate {
    let new = chain.len()..=place;
    chain.extend(new.map(|place| Arc::new(blank::certificate(place))));
    // The range above has made it as long as that.
    let index = place.min(chain.len().saturating_sub(1));
    Arc::make_mut(&mut chain[index])
}

fn parsed(chain: &mut Chain, place: usize) -> Result<&mut Parsed, String> {
    at(chain, place).parsed.as_mut().map_err(|_| "the certificate is malformed".to_owned())
}

fn subject(parsed: &mut Parsed, _: Given<'_>, text: &str) -> Result<(), String> {
    if parsed.subject_common_name.is_none() {
        parsed.subject_common_name = common_name(text);
    }
    put(&mut parsed.subject, Ok(Some(text.to_owned())))
}

fn issuer(parsed: &mut Parsed, _: Given<'_>, text: &str) -> Result<(), String> {
    if parsed.issuer_common_name.is_none() {
        parsed.issuer_common_name = common_name(text);
    }
    put(&mut parsed.issuer, Ok(Some(text.to_owned())))
}

/// Of a name in the form of RFC 4514, where nothing in it is escaped.
fn common_name(text: &str) -> Option<String> {
    let part = text.split(',').find_map(|part| part.trim().strip_prefix("CN="))?;
    (!text.contains('\\')).then(|| part.to_owned())
}

fn not_before(parsed: &mut Parsed, given: Given<'_>, text: &str) -> Result<(), String> {
    put(&mut parsed.not_before, given.time_of(text).map(|moment| Some(moment.seconds)))
}

fn not_after(parsed: &mut Parsed, given: Given<'_>, text: &str) -> Result<(), String> {
    put(&mut parsed.not_after, given.time_of(text).map(|moment| Some(moment.seconds)))
}

fn serial(parsed: &mut Parsed, given: Given<'_>, text: &str) -> Result<(), String> {
    let octets = bytes_of_hex(text).ok_or_else(|| given.misfit(text, "hexadecimal digits"));
    put(&mut parsed.serial, octets.map(Vec::into_boxed_slice))
}

fn names(parsed: &mut Parsed, given: Given<'_>) -> Result<(), String> {
    for name in given.texts() {
        match name.parse() {
            Ok(address) => parsed.ip_addresses.push(address),
            Err(_) => parsed.dns_names.push(name.to_owned()),
        }
    }
    Ok(())
}

fn key(parsed: &mut Parsed) -> &mut Key {
    parsed.key.get_or_insert_with(|| Key { algorithm: RSA.to_owned(), bits: None, curve: None, exponent: None })
}

fn key_algorithm(parsed: &mut Parsed, given: Given<'_>, text: &str) -> Result<(), String> {
    put(&mut key(parsed).algorithm, oid(given, text, registry::public_key_algorithm))
}

fn key_size(parsed: &mut Parsed, given: Given<'_>, text: &str) -> Result<(), String> {
    put(&mut key(parsed).bits, text.parse().map(Some).map_err(|_| given.misfit(text, "a number of bits")))
}

fn key_curve(parsed: &mut Parsed, given: Given<'_>, text: &str) -> Result<(), String> {
    put(&mut key(parsed).curve, oid(given, text, registry::curve).map(Some))
}

fn signature(parsed: &mut Parsed, given: Given<'_>, text: &str) -> Result<(), String> {
    put(&mut parsed.signature_algorithm, oid(given, text, registry::signature_algorithm).map(Some))
}

/// The OID of a name in the records, or the OID itself.
fn oid(given: Given<'_>, text: &str, name: fn(&str) -> Option<&'static str>) -> Result<String, String> {
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Ok(text.to_owned());
    }
    let found = registry::oid_named(text).filter(|oid| name(oid).is_some());
    found.map(str::to_owned).ok_or_else(|| given.misfit(text, "a name as the records have it, or an OID"))
}

const RSA: &str = "1.2.840.113549.1.1.1";
