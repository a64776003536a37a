//! JA3 and JA3S: the strings, and their hashes.

use super::sheet::{Sheet, all_named, named};
use crate::event::terms::Version;
use crate::fingerprint::{Ja3, Ja3s};
use crate::wire::registry;

/// `None` where the text is neither.
pub fn explain(text: &str) -> Option<Result<Sheet, String>> {
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(Ok(hash(text)));
    }
    let fields: Vec<&str> = text.split(',').collect();
    let is_list = |field: &&str| field.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    // Hex with commas in it has letters, or no dashes and fields of two digits.
    let is_version = fields.first().is_some_and(|version| (1..=5).contains(&version.len()));
    if !is_version || !fields.iter().all(is_list) {
        return None;
    }
    match fields.as_slice() {
        [version, ciphers, extensions, groups, formats] => {
            Some(client(text, Client { version, ciphers, extensions, groups, formats }))
        }
        [version, cipher, extensions] => Some(server(text, Server { version, cipher, extensions })),
        _ => None,
    }
}

fn hash(text: &str) -> Sheet {
    let mut sheet = Sheet::new(format!("JA3 or JA3S hash {}", text.to_lowercase()));
    sheet.note(
        "An MD5 hash: it cannot be undone. It can only be compared with others, or looked up in a list of known ones.",
    );
    sheet.note(
        "What it was made of is in `tlsight.client.ja3_full` or `tlsight.server.ja3s_full` of a session, and `tlsight \
         explain` names what is in that.",
    );
    sheet
}

struct Client<'a> {
    version: &'a str,
    ciphers: &'a str,
    extensions: &'a str,
    groups: &'a str,
    formats: &'a str,
}

fn client(text: &str, fields: Client<'_>) -> Result<Sheet, String> {
    let mut sheet = Sheet::new(format!("JA3 {}", Ja3::of_text(text)));
    sheet.pair("version", version(fields.version)?);
    sheet.list("cipher suites", all_named(list(fields.ciphers)?, registry::cipher_suite));
    sheet.list("extensions", all_named(list(fields.extensions)?, registry::extension));
    sheet.list("groups", all_named(list(fields.groups)?, registry::group));
    let formats = list(fields.formats)?;
    let name = |format: u16| u8::try_from(format).ok().and_then(registry::point_format);
    sheet.list("point formats", all_named(formats, name));
    sheet.note("GREASE is left out of a JA3. The version is that of the old field: TLS 1.3 says 1.2 there.");
    Ok(sheet)
}

struct Server<'a> {
    version: &'a str,
    cipher: &'a str,
    extensions: &'a str,
}

fn server(text: &str, fields: Server<'_>) -> Result<Sheet, String> {
    let mut sheet = Sheet::new(format!("JA3S {}", Ja3s::of_text(text)));
    sheet.pair("version", version(fields.version)?);
    let cipher = number(fields.cipher)?;
    sheet.pair("cipher suite", named(cipher, registry::cipher_suite(cipher)));
    sheet.list("extensions", all_named(list(fields.extensions)?, registry::extension));
    sheet.note("The version is that of the old field: TLS 1.3 says 1.2 there, and is chosen by supported_versions.");
    Ok(sheet)
}

fn version(text: &str) -> Result<String, String> {
    let version = number(text)?;
    Ok(format!("{}  {} {}", text, Version(version).protocol().to_uppercase(), Version(version)))
}

fn list(text: &str) -> Result<Vec<u16>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split('-').map(number).collect()
}

fn number(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("`{text}` in the JA3 is no number from 0 to 65535"))
}
