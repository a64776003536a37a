//! The CSV files of abuse.ch's SSL Blacklist: JA3 fingerprints and SHA-1 hashes of certificates, each with what it was
//! listed for. Columns go by their place; the header is a comment.

use super::{Format, Found, Import, Print, Role, Specificity, day, shortened, tidy};
use crate::feed::csv::Rows;

pub(super) fn read(name: &str, text: &str, format: Format, import: &mut Import) {
    for (line, row) in Rows::new(text) {
        let place = format!("{name}:{line}");
        let (kind, value, date, reason) = match (format, row.as_slice()) {
            (Format::SslblJa3, [ja3, _, last_seen, reason]) => ("ja3", ja3, last_seen, reason),
            (Format::SslblCertificates, [date, sha1, reason]) => ("certificate_sha1", sha1, date, reason),
            (Format::SslblAddresses, _) => {
                import.leave_out("is an address, and no fingerprint");
                continue;
            }
            _ => {
                let columns = if format == Format::SslblJa3 { 4 } else { 3 };
                import.fault(&place, format_args!("{} columns, where there should be {columns}", row.len()));
                continue;
            }
        };
        if matches!(value.trim().to_ascii_lowercase().as_str(), "ja3_md5" | "sha1") {
            continue;
        }
        let Some(print) = Print::parse(kind, value) else {
            import.fault(&place, format_args!("{} is no {}", shortened(value), kind.replace("certificate_", "")));
            continue;
        };
        let Some(software) = tidy(reason) else {
            import.fault(&place, "it does not say what it was listed for");
            continue;
        };
        import.keep(Found {
            software,
            library: None,
            os: None,
            role: Some(Role::Malware),
            specificity: Specificity::Application,
            source: "SSLBL".to_owned(),
            date: day(date),
            notes: None,
            print,
            place,
        });
    }
}
