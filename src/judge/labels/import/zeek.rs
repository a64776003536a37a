//! Files of Zeek's intelligence framework: a `#fields` line, then values between tabs, `-` where there is none.

use super::{Found, Import, Print, Specificity, base_name, shortened};
use crate::feed::zeek::{Row, rows};

pub(super) fn read(name: &str, text: &str, import: &mut Import) {
    for row in rows(text) {
        match row {
            Ok(row) => keep(row, name, import),
            Err(fault) => import.fault(&format!("{name}:{}", fault.line), fault.what),
        }
    }
}

fn keep(row: Row, name: &str, import: &mut Import) {
    let Row { line, indicator, kind, source, description, url } = row;
    let place = format!("{name}:{line}");
    let kind = match (kind.as_str(), indicator.replace(':', "").len()) {
        // Types that packages add.
        ("Intel::JA3", _) => "ja3",
        ("Intel::JA3S", _) => "ja3s",
        ("Intel::JA4", _) => "ja4",
        ("Intel::JA4X", _) => "ja4x",
        ("Intel::CERT_HASH", 32) => "certificate_md5",
        ("Intel::CERT_HASH", 64) => "certificate_sha256",
        // Zeek's own: the SHA-1.
        ("Intel::CERT_HASH", _) => "certificate_sha1",
        (other, _) if other.starts_with("Intel::") => {
            return import.leave_out("is an indicator of another type than JA3, JA3S, JA4, JA4X, CERT_HASH");
        }
        (other, _) => return import.fault(&place, format_args!("{} is no type of indicator", shortened(other))),
    };
    let Some(print) = Print::parse(kind, &indicator) else {
        let kind = kind.replace("certificate_", "");
        return import.fault(&place, format_args!("{} is no {kind}", shortened(&indicator)));
    };
    let source = source.unwrap_or_else(|| base_name(name).to_owned());
    import.keep(Found {
        software: description.unwrap_or_else(|| format!("listed by {source}")),
        library: None,
        os: None,
        role: None,
        specificity: Specificity::Application,
        source,
        date: None,
        notes: url,
        print,
        place,
    });
}
