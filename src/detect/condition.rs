//! The condition of a rule as a tree over its selections.
//!
//! In: the parser's expression and the compiled selections. Out: a [`Node`] whose branches are tried cheapest first.

use std::collections::BTreeMap;
use std::sync::Arc;

use rsigma_parser::{ConditionExpr, Quantifier};

use crate::event::Event;

use super::matcher::Item;

/// A truth about an event. Cloning is cheap: selections that a condition names twice are shared.
#[derive(Debug, Clone)]
pub enum Node {
    Item(Arc<Item>),
    Not(Arc<Node>),
    All(Arc<[Node]>),
    Any(Arc<[Node]>),
    AtLeast(u64, Arc<[Node]>),
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
        match self {
            Self::Item(item) => item.matches(event),
            Self::Not(node) => !node.holds(event),
            Self::All(nodes) => nodes.iter().all(|node| node.holds(event)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(event)),
            Self::AtLeast(count, nodes) => {
                let mut left = *count;
                left == 0
                    || nodes.iter().any(|node| {
                        left -= u64::from(node.holds(event));
                        left == 0
                    })
            }
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
            Self::All(nodes) | Self::Any(nodes) | Self::AtLeast(_, nodes) => {
                nodes.iter().map(Self::cost).fold(0, u32::saturating_add)
            }
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
            let chosen = selections.iter().filter(|(name, _)| pattern.matches_detection_name(name));
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
