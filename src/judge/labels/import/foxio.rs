//! FoxIO's `ja4plus-mapping.csv`: Application, Library, Device, OS, ja4, ja4s, ja4h, ja4x, ja4t, ja4tscan, Notes.

use super::{Found, Import, Print, Specificity, base_name, shortened, tidy};
use crate::feed::csv::Rows;

pub(super) fn read(name: &str, text: &str, import: &mut Import) {
    let mut rows = Rows::new(text);
    let header: Vec<String> = rows
        .next()
        .map(|(_, names)| names.iter().map(|name| name.trim().to_ascii_lowercase()).collect())
        .unwrap_or_default();
    for (line, row) in rows {
        let place = format!("{name}:{line}");
        // Rows of the original end with a comma too many.
        if row.len() < header.len() || row.iter().skip(header.len()).any(|field| !field.trim().is_empty()) {
            import.fault(&place, format_args!("{} columns, where the header has {}", row.len(), header.len()));
            continue;
        }
        let of = |column: &str| {
            let at = header.iter().position(|name| name == column)?;
            row.get(at).and_then(|field| tidy(field))
        };
        let (application, library) = (of("application"), of("library"));
        let specificity = if application.is_some() { Specificity::Application } else { Specificity::Library };
        let Some(software) = application.clone().or_else(|| library.clone()) else {
            import.leave_out("says nothing of software");
            continue;
        };
        // A JA4S is the answer to one client's hello, and no sign of the server without it.
        let (kind, value) = match (of("ja4"), of("ja4x")) {
            (Some(ja4), _) => ("ja4", ja4),
            (None, Some(ja4x)) => ("ja4x", ja4x),
            (None, None) => {
                import.leave_out("has neither JA4 nor JA4X");
                continue;
            }
        };
        match Print::parse(kind, &value) {
            None => import.fault(&place, format_args!("{} is no {kind}", shortened(&value))),
            Some(print) => import.keep(Found {
                software,
                library: library.filter(|_| application.is_some()),
                os: of("os").or_else(|| of("device")),
                role: None,
                specificity,
                source: base_name(name).to_owned(),
                date: None,
                notes: of("notes"),
                print,
                place,
            }),
        }
    }
}
