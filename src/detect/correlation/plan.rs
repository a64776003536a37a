//! A correlation rule as it is run: whose matches it takes, by what it groups them, and what has to come together.

use serde::{Deserialize, Serialize};

use crate::detect::field::Field;

use super::bounds::Bounds;
use super::expression::Expression;
use super::window::{Closing, Count, Distinct, MATCHES, Match, Ordered, Seen, Statistic, Sum, Tally, Temporal};

/// Made by the loader; does not change.
#[derive(Debug)]
pub struct Plan {
    /// Sigma's word for it.
    pub kind: &'static str,
    pub inputs: Box<[Input]>,
    /// What it groups by, as fields or aliases.
    pub group: Box<[Box<str>]>,
    /// Nanoseconds.
    pub span: i64,
    pub condition: Condition,
    /// The same for the same text of this rule and of those it builds on; what is remembered stays as long as it does.
    pub identity: u64,
}

/// A rule whose matches are taken.
#[derive(Debug)]
pub struct Input {
    /// Its number among the rules of the run.
    pub rule: usize,
    /// The fields of its sessions that stand for [`Plan::group`].
    pub group: Box<[Field]>,
    /// The fields whose values are counted or reckoned with.
    pub counted: Box<[Field]>,
}

/// What has to come together.
#[derive(Debug)]
pub enum Condition {
    /// So many sessions.
    Sessions(usize),
    /// So many different values.
    Values(usize),
    /// A sum that can only be undone by negative numbers.
    Sum(Bounds),
    /// These rules, in any order.
    Rules(Expression),
    /// All rules, in their order.
    RulesInOrder,
    /// What only the whole span tells.
    AtClose(Judgement),
}

/// How a whole span of time is judged.
#[derive(Debug)]
pub enum Judgement {
    Sessions(Bounds),
    Values(Bounds),
    Numbers(Statistic, Bounds),
    Rules(Expression),
}

/// What a group keeps, by what its plan asks for.
#[derive(Debug, Serialize, Deserialize)]
pub enum Window {
    Count(Count),
    Distinct(Box<Distinct>),
    Sum(Box<Sum>),
    Temporal(Box<Temporal>),
    Ordered(Box<Ordered>),
    /// Not written down: it has a whole session in it.
    #[serde(skip)]
    Closing(Box<Closing>),
}

impl Plan {
    /// Whether it is told when a span is over, not when a session completes it.
    pub fn is_told_at_close(&self) -> bool {
        matches!(self.condition, Condition::AtClose(_))
    }

    /// Whether a session counts once, whichever of the rules it matched.
    pub fn counts_sessions(&self) -> bool {
        !matches!(
            self.condition,
            Condition::Rules(_) | Condition::RulesInOrder | Condition::AtClose(Judgement::Rules(_))
        )
    }

    /// Whether it looks at values, and at nothing where there are none.
    pub fn needs(&self) -> Needs {
        match &self.condition {
            Condition::Values(_) | Condition::AtClose(Judgement::Values(_)) => Needs::Values,
            Condition::Sum(_) | Condition::AtClose(Judgement::Numbers(..)) => Needs::Numbers,
            _ => Needs::Nothing,
        }
    }

    /// An empty window that opens at the match.
    pub fn window(&self, found: &Match<'_>) -> Window {
        let closing = |tally| Window::Closing(Box::new(Closing::new(found.at, tally)));
        match &self.condition {
            Condition::Sessions(_) => Window::Count(Count::default()),
            Condition::Values(_) => Window::Distinct(Box::default()),
            Condition::Sum(_) => Window::Sum(Box::default()),
            Condition::Rules(_) => Window::Temporal(Box::new(Temporal::new(self.inputs.len()))),
            Condition::RulesInOrder => Window::Ordered(Box::new(Ordered::new(self.inputs.len()))),
            Condition::AtClose(Judgement::Sessions(_)) => closing(Tally::Sessions),
            // One more than the greatest number that is named tells as much as any greater one.
            Condition::AtClose(Judgement::Values(bounds)) => {
                closing(Tally::values((bounds.greatest() as usize).min(MATCHES) + 1))
            }
            Condition::AtClose(Judgement::Numbers(statistic, _)) => closing(Tally::numbers(*statistic)),
            Condition::AtClose(Judgement::Rules(_)) => closing(Tally::Rules(0)),
        }
    }

    /// Shows a match to a window of this plan.
    pub fn add(&self, window: &mut Window, found: &Match<'_>) -> Seen {
        match (window, &self.condition) {
            (Window::Count(count), Condition::Sessions(needed)) => count.add(found, self.span, *needed),
            (Window::Distinct(distinct), Condition::Values(needed)) => distinct.add(found, self.span, *needed),
            (Window::Sum(sum), Condition::Sum(bounds)) => sum.add(found, self.span, bounds),
            (Window::Temporal(rules), Condition::Rules(expression)) => rules.add(found, self.span, expression),
            (Window::Ordered(rules), Condition::RulesInOrder) => rules.add(found, self.span),
            (Window::Closing(closing), Condition::AtClose(_)) => closing.add(found, self.span),
            // A window is made by the plan that it is shown to.
            _ => Seen::Kept,
        }
    }

    /// Whether a window that is over is a finding.
    pub fn judge(&self, closing: &mut Closing) -> bool {
        use super::window::Outcome;
        let Condition::AtClose(judgement) = &self.condition else { return false };
        match (closing.outcome(), judgement) {
            (Some(Outcome::Figure(figure)), Judgement::Sessions(bounds) | Judgement::Values(bounds)) => {
                bounds.hold(figure)
            }
            (Some(Outcome::Figure(figure)), Judgement::Numbers(_, bounds)) => bounds.hold(figure),
            (Some(Outcome::Rules(seen)), Judgement::Rules(expression)) => {
                expression.holds(&|input| seen.checked_shr(input as u32).unwrap_or(0) & 1 == 1)
            }
            _ => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    Values,
    Numbers,
}

impl Window {
    /// Bytes beside the window itself.
    pub fn heap(&self) -> usize {
        match self {
            Self::Count(window) => window.heap(),
            Self::Distinct(window) => size_of::<Distinct>() + window.heap(),
            Self::Sum(window) => size_of::<Sum>() + window.heap(),
            Self::Temporal(window) => size_of::<Temporal>() + window.heap(),
            Self::Ordered(window) => size_of::<Ordered>() + window.heap(),
            Self::Closing(window) => window.heap(),
        }
    }
}
