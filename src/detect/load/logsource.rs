//! The log sources that tlsight's events are, and what a rule for them looks at.

use std::sync::Arc;

use rsigma_parser::LogSource;

use crate::detect::condition::Node;

/// What a rule's conditions have to hold of together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Session,
    /// One certificate of a session, as a line of Zeek's `x509.log` is.
    Certificate,
}

impl Scope {
    /// The scope of rules for a log source.
    ///
    /// # Errors
    /// In words: it is another's.
    pub fn of(source: &LogSource) -> Result<Self, String> {
        let part = |part: &Option<String>| part.as_deref().map(str::to_ascii_lowercase);
        let (product, category, service) = (part(&source.product), part(&source.category), part(&source.service));
        match (product.as_deref(), category.as_deref(), service.as_deref()) {
            (Some("tlsight"), None | Some("tls"), None) | (None, Some("tls"), None) => Ok(Self::Session),
            (Some("zeek"), None, Some("ssl")) => Ok(Self::Session),
            (Some("zeek"), None, Some("x509")) => Ok(Self::Certificate),
            _ => Err("the rule is for another log source: write `logsource: {product: tlsight, category: tls}`, or \
                 `{product: zeek, service: ssl}` or `x509` where it has Zeek's fields"
                .into()),
        }
    }

    /// The condition, held against what the scope is about.
    pub fn around(self, condition: Node) -> Node {
        match self {
            Self::Session => condition,
            Self::Certificate => Node::ACertificate(Arc::new(condition)),
        }
    }
}

/// Whether a filter for one log source is for a rule of another: whatever the filter names, the rule has to name alike.
pub(super) fn covers(filter: &LogSource, rule: &LogSource) -> bool {
    let covers = |wanted: &Option<String>, there: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| there.as_ref().is_some_and(|there| there.eq_ignore_ascii_case(wanted)))
    };
    covers(&filter.product, &rule.product)
        && covers(&filter.category, &rule.category)
        && covers(&filter.service, &rule.service)
}
