//! The condition of a rule as a tree over its selections.
//!
//! In: the parser's expression and the compiled selections. Out: a [`Node`] whose branches are tried cheapest first.

use std::collections::BTreeMap;
use std::sync::Arc;

use rsigma_parser::{ConditionExpr, Quantifier, SelectorPattern};

use crate::event::Event;

use super::field::{Field, Origin, View};
use super::matcher::{Item, Test};
use super::pattern::TextTest;

/// A truth about an event. Cloning is cheap: selections that a condition names twice are shared.
#[derive(Debug, Clone)]
pub enum Node {
    Item(Arc<Item>),
    Not(Arc<Node>),
    All(Arc<[Node]>),
    Any(Arc<[Node]>),
    AtLeast(u64, Arc<[Node]>),
    /// A text that any field may hold.
    Keyword(Arc<TextTest>),
    /// Holds of one certificate by itself.
    ACertificate(Arc<Node>),
}

impl Node {
    pub fn item(item: Item) -> Self {
        Self::Item(Arc::new(item))
    }

    /// True where all are; of none, true.
    pub fn all(nodes: Vec<Self>) -> Self {
        Self::joined(nodes, Self::All)
    }

    /// True where one is; of none, false.
    pub fn any(nodes: Vec<Self>) -> Self {
        Self::joined(nodes, Self::Any)
    }

    #[inline]
    pub fn holds(&self, event: &Event) -> bool {
        self.holds_in(event.into())
    }

    /// Both, and of the same certificate where both are about one.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::ACertificate(a), Self::ACertificate(b)) => {
                Self::ACertificate(Arc::new(Self::all(vec![(*a).clone(), (*b).clone()])))
            }
            (a, b) => Self::all(vec![a, b]),
        }
    }

    fn holds_in(&self, view: View<'_>) -> bool {
        match self {
            Self::Item(item) => item.matches(view),
            Self::Not(node) => !node.holds_in(view),
            Self::All(nodes) => nodes.iter().all(|node| node.holds_in(view)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds_in(view)),
            Self::Keyword(test) => {
                Field::all().any(|field| field.any(view, |value| value.with_text(|text| test.passes(text))))
            }
            Self::ACertificate(node) => {
                view.certificates().any(|shown| node.holds_in(View { certificate: Some(shown), ..view }))
            }
            Self::AtLeast(count, nodes) => {
                let mut left = *count;
                left == 0
                    || nodes.iter().any(|node| {
                        left -= u64::from(node.holds_in(view));
                        left == 0
                    })
            }
        }
    }

    /// Whether it is false of every event, by what it is made of: the values of an empty list, for one.
    pub fn never_holds(&self) -> bool {
        match self {
            Self::Item(_) | Self::Keyword(_) => false,
            Self::ACertificate(node) => node.never_holds(),
            Self::Not(node) => node.always_holds(),
            Self::All(nodes) => nodes.iter().any(Self::never_holds),
            Self::Any(nodes) => nodes.iter().all(Self::never_holds),
            Self::AtLeast(count, nodes) => {
                let possible = nodes.iter().filter(|node| !node.never_holds()).count();
                u64::try_from(possible).unwrap_or(u64::MAX) < *count
            }
        }
    }

    fn always_holds(&self) -> bool {
        match self {
            // A session may have no certificate.
            Self::Item(_) | Self::Keyword(_) | Self::ACertificate(_) => false,
            Self::Not(node) => node.never_holds(),
            Self::All(nodes) => nodes.iter().all(Self::always_holds),
            Self::Any(nodes) => nodes.iter().any(Self::always_holds),
            Self::AtLeast(count, _) => *count == 0,
        }
    }

    fn joined(mut nodes: Vec<Self>, join: impl FnOnce(Arc<[Self]>) -> Self) -> Self {
        if nodes.len() == 1 {
            return nodes.remove(0);
        }
        nodes.sort_by_key(Self::cost);
        join(nodes.into())
    }

    fn cost(&self) -> u32 {
        match self {
            Self::Item(item) => item.cost(),
            Self::Not(node) => node.cost(),
            Self::ACertificate(node) => node.cost().saturating_mul(4),
            Self::Keyword(test) => test.cost().saturating_mul(200),
            Self::All(nodes) | Self::Any(nodes) | Self::AtLeast(_, nodes) => {
                nodes.iter().map(Self::cost).fold(0, u32::saturating_add)
            }
        }
    }
}

/// A condition by the parts of an event that decide about it: all of these have to hold.
#[derive(Debug, Default)]
pub struct Split {
    /// Each origin once, of those that sessions share.
    pub shared: Box<[(Origin, Node)]>,
    /// What is about more than one of them, or about the session itself.
    pub rest: Option<Node>,
}

impl Split {
    pub fn of(node: &Node) -> Self {
        let mut conjuncts = Vec::new();
        node.conjuncts(&mut conjuncts);
        let mut by_origin: BTreeMap<Origin, Vec<Node>> = BTreeMap::new();
        for conjunct in conjuncts {
            by_origin.entry(conjunct.origin().unwrap_or(Origin::Session)).or_default().push(conjunct.clone());
        }
        let rest = by_origin.remove(&Origin::Session).map(Node::all);
        Self { shared: by_origin.into_iter().map(|(origin, nodes)| (origin, Node::all(nodes))).collect(), rest }
    }
}

impl Node {
    /// What has to hold, one by one.
    fn conjuncts<'n>(&'n self, out: &mut Vec<&'n Self>) {
        match self {
            Self::All(nodes) => nodes.iter().for_each(|node| node.conjuncts(out)),
            other => out.push(other),
        }
    }

    /// The one part that decides about it; `None` where nothing does: it is the same for every event.
    fn origin(&self) -> Option<Origin> {
        match self {
            Self::Item(item) => match &item.test {
                Test::Field(other, _) if other.origin() != item.field.origin() => Some(Origin::Session),
                _ => Some(item.field.origin()),
            },
            // The certificates in view are those of the chains.
            Self::Not(node) | Self::ACertificate(node) => node.origin(),
            Self::All(nodes) | Self::Any(nodes) | Self::AtLeast(_, nodes) => {
                let mut origins = nodes.iter().filter_map(Self::origin);
                let first = origins.next()?;
                Some(if origins.all(|other| other == first) { first } else { Origin::Session })
            }
            Self::Keyword(_) => Some(Origin::Session),
        }
    }
}

/// The selections of a rule by name.
pub type Selections = BTreeMap<String, Node>;

/// Ties a condition to the selections it names.
///
/// # Errors
/// In words: a name, or a pattern of names, that fits no selection; a count that cannot be reached.
pub fn compile(expression: &ConditionExpr, selections: &Selections) -> Result<Node, String> {
    let several =
        |parts: &[ConditionExpr]| parts.iter().map(|part| compile(part, selections)).collect::<Result<Vec<_>, _>>();
    match expression {
        ConditionExpr::And(parts) => Ok(Node::all(several(parts)?)),
        ConditionExpr::Or(parts) => Ok(Node::any(several(parts)?)),
        ConditionExpr::Not(part) => Ok(Node::Not(Arc::new(compile(part, selections)?))),
        ConditionExpr::Identifier(name) => selections.get(name).cloned().ok_or_else(|| {
            let known: Vec<_> = selections.keys().map(String::as_str).collect();
            format!("the condition names `{name}`, which is no selection here; there are: {}", known.join(", "))
        }),
        ConditionExpr::Selector { quantifier, pattern } => {
            let chosen = selections.iter().filter(|(name, _)| is_meant(pattern, name));
            let nodes: Vec<_> = chosen.map(|(_, node)| node.clone()).collect();
            let there = u64::try_from(nodes.len()).unwrap_or(u64::MAX);
            match quantifier {
                _ if nodes.is_empty() => Err(format!("no selection fits `{quantifier} of {pattern}`")),
                Quantifier::Any => Ok(Node::any(nodes)),
                Quantifier::All => Ok(Node::all(nodes)),
                Quantifier::Count(0) => Err(format!("`0 of {pattern}` is always true: write `not 1 of {pattern}`")),
                Quantifier::Count(count) if *count > there => {
                    Err(format!("`{count} of {pattern}` can never hold: {there} selections fit"))
                }
                Quantifier::Count(count) => Ok(Node::AtLeast(*count, nodes.into())),
            }
        }
    }
}

/// Whether a selection belongs to `… of pattern`: stars stand for any run of characters, wherever they are, and names that
/// begin with `_` are not of `them`.
fn is_meant(pattern: &SelectorPattern, name: &str) -> bool {
    let SelectorPattern::Pattern(pattern) = pattern else { return !name.starts_with('_') };
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some(at) = left.find(piece) else { return false };
        left = left.get(at + piece.len()..).unwrap_or_default();
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_anywhere_in_a_pattern_of_names() {
        let meant = |pattern: &str, name| is_meant(&SelectorPattern::Pattern(pattern.into()), name);
        for pattern in ["*", "selection_main", "sel*", "*main", "sel*main", "*ction*", "s*ct*m*n", "**"] {
            assert!(meant(pattern, "selection_main"), "{pattern}");
        }
        for pattern in ["selection", "*selection", "main*", "s*x*n", "*mainmain", "selection_main*n"] {
            assert!(!meant(pattern, "selection_main"), "{pattern}");
        }
        assert!(is_meant(&SelectorPattern::Them, "a") && !is_meant(&SelectorPattern::Them, "_a"));
    }
}
