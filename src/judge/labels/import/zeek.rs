//! Files of Zeek's intelligence framework: a `#fields` line, then values between tabs, `-` where there is none.

use super::{Found, Import, Print, Specificity, base_name, shortened, tidy};

pub(super) fn read(name: &str, text: &str, import: &mut Import) {
    let mut fields: Vec<&str> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{name}:{}", number.saturating_add(1));
        if let Some(names) = line.strip_prefix("#fields\t") {
            fields = names.split('\t').map(str::trim).collect();
            continue;
        }
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let values: Vec<&str> = line.split('\t').collect();
        if values.len() != fields.len() {
            import.fault(&place, format_args!("{} columns, where #fields names {}", values.len(), fields.len()));
            continue;
        }
        let of = |column: &str| {
            let at = fields.iter().position(|field| *field == column)?;
            values.get(at).copied().filter(|value| *value != "-").and_then(tidy)
        };
        let (Some(indicator), Some(kind)) = (of("indicator"), of("indicator_type")) else {
            import.fault(&place, "indicator and indicator_type are needed");
            continue;
        };
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
                import.leave_out("is an indicator of another type than JA3, JA3S, JA4, JA4X, CERT_HASH");
                continue;
            }
            (other, _) => {
                import.fault(&place, format_args!("{} is no type of indicator", shortened(other)));
                continue;
            }
        };
        let Some(print) = Print::parse(kind, &indicator) else {
            import.fault(&place, format_args!("{} is no {}", shortened(&indicator), kind.replace("certificate_", "")));
            continue;
        };
        let source = of("meta.source").unwrap_or_else(|| base_name(name).to_owned());
        import.keep(Found {
            software: of("meta.desc").unwrap_or_else(|| format!("listed by {source}")),
            library: None,
            os: None,
            role: None,
            specificity: Specificity::Application,
            source,
            date: None,
            notes: of("meta.url"),
            print,
            place,
        });
    }
}
