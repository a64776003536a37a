//! Fields of what is known of the fingerprints.

use super::{Spec, many};
use crate::detect::value::{Kind, Value};

pub(super) const LABELS: &[Spec] = &[
    many("tlsight.labels.side", Kind::Text, |e, out| {
        e.labels.iter().map(|label| Value::text(label.side.as_str())).try_for_each(out)
    }),
    many("tlsight.labels.software", Kind::Text, |e, out| {
        e.labels.iter().map(|label| Value::text(&label.software)).try_for_each(out)
    }),
    many("tlsight.labels.setup", Kind::Text, |e, out| {
        e.labels.iter().filter_map(|label| label.setup.as_deref()).map(Value::text).try_for_each(out)
    }),
    many("tlsight.labels.version", Kind::Text, |e, out| {
        e.labels.iter().filter_map(|label| label.version.as_deref()).map(Value::text).try_for_each(out)
    }),
    many("tlsight.labels.library", Kind::Text, |e, out| {
        e.labels.iter().filter_map(|label| label.library.as_deref()).map(Value::text).try_for_each(out)
    }),
    many("tlsight.labels.role", Kind::Text, |e, out| {
        e.labels.iter().filter_map(|label| label.role).map(|role| Value::text(role.as_str())).try_for_each(out)
    }),
    many("tlsight.labels.specificity", Kind::Text, |e, out| {
        e.labels.iter().map(|label| Value::text(label.specificity.as_str())).try_for_each(out)
    }),
    many("tlsight.labels.evidence", Kind::Text, |e, out| {
        e.labels.iter().map(|label| Value::text(label.evidence.as_str())).try_for_each(out)
    }),
    many("tlsight.labels.source", Kind::Text, |e, out| {
        e.labels.iter().map(|label| Value::text(&label.source)).try_for_each(out)
    }),
    many("tlsight.labels.also", Kind::Text, |e, out| {
        e.labels.iter().flat_map(|label| label.also.iter()).map(|name| Value::text(name)).try_for_each(out)
    }),
];
