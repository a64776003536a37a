//! Fields of whether a client is the browser that its hello looks like.

use super::{Spec, many, one};
use crate::detect::value::{Kind, Value};

pub(super) const BROWSER: &[Spec] = &[
    one("tlsight.client.system", Kind::Text, |e| e.client_system.map(|system| Value::text(system.as_str()))),
    many("tlsight.client.first_records", Kind::Integer, |e, out| {
        e.client_records.iter().map(|&length| Value::Integer(length.into())).try_for_each(out)
    }),
    one("tlsight.client.browser.claims", Kind::Text, |e| Some(Value::text(&e.browser.as_deref()?.claims))),
    one("tlsight.client.browser.verdict", Kind::Text, |e| Some(Value::text(e.browser.as_deref()?.verdict.as_str()))),
    many("tlsight.client.browser.evidence", Kind::Text, |e, out| {
        let evidence = e.browser.iter().flat_map(|browser| &browser.evidence);
        evidence.map(|evidence| Value::text(evidence.as_str())).try_for_each(out)
    }),
];
