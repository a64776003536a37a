//! `tlsight.labels`: what is known of the fingerprints.

use serde::{Serialize, Serializer};

use super::shared::{Shared, Split};
use crate::event::labels::{Label, LabelSet, Role};
use crate::sink::forms::Each;
use crate::sink::json;

/// `tlsight.labels`: the client's, most specific first, then the server's.
pub struct LabelList<'a>(&'a Shared);

impl<'a> LabelList<'a> {
    pub fn of(shared: &'a Shared) -> Self {
        Self(shared)
    }
}

impl Serialize for LabelList<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.labels())
    }
}

/// Appends the labels of a set as elements of a list.
pub fn elements(set: &LabelSet, out: &mut Vec<u8>) -> Split {
    let start = out.len();
    for (number, label) in set.labels.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        let written = json::append(out, &Object::of(label));
        debug_assert!(written.is_ok(), "an object of texts");
    }
    Split { ecs: start..start, own: start..out.len() }
}

#[derive(Serialize)]
struct Object<'a> {
    side: &'static str,
    software: &'a str,
    setup: Option<&'a str>,
    version: Option<&'a str>,
    library: Option<&'a str>,
    role: Option<&'static str>,
    specificity: &'static str,
    evidence: &'static str,
    source: &'a str,
    also: Each<'a, Box<str>, &'a str>,
}

impl<'a> Object<'a> {
    fn of(label: &'a Label) -> Self {
        Self {
            side: label.side.as_str(),
            software: &label.software,
            setup: label.setup.as_deref(),
            version: label.version.as_deref(),
            library: label.library.as_deref(),
            role: label.role.map(Role::as_str),
            specificity: label.specificity.as_str(),
            evidence: label.evidence.as_str(),
            source: &label.source,
            also: Each(&label.also, |name| name),
        }
    }
}
