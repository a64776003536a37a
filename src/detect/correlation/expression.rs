//! The condition of a `temporal` correlation: which of its rules have to match within the time span.

use rsigma_parser::{ConditionExpr, Quantifier};

/// A truth about which of a correlation's rules matched. Rules are numbered as they stand in `rules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    Rule(usize),
    Not(Box<Expression>),
    AtLeast(u64, Box<[Expression]>),
}

impl Expression {
    pub fn all(parts: Vec<Self>) -> Self {
        Self::AtLeast(parts.len() as u64, parts.into())
    }

    /// Exactly so many of `rules` rules, for any of the counts.
    pub fn any_of(counts: impl Iterator<Item = usize>, rules: usize) -> Self {
        let each: Box<[Self]> = (0..rules).map(Self::Rule).collect();
        let exactly = |count: usize| {
            let more = Self::AtLeast(count as u64 + 1, each.clone());
            Self::all(vec![Self::AtLeast(count as u64, each.clone()), Self::Not(Box::new(more))])
        };
        Self::AtLeast(1, counts.map(exactly).collect())
    }

    /// Ties the parser's expression to the rules it names.
    ///
    /// # Errors
    /// In words: a name that is none of the rules, a count that cannot be reached.
    pub fn compile(expression: &ConditionExpr, names: &[&str]) -> Result<Self, String> {
        let several = |parts: &[ConditionExpr]| {
            parts.iter().map(|part| Self::compile(part, names)).collect::<Result<Vec<_>, _>>()
        };
        match expression {
            ConditionExpr::And(parts) => several(parts).map(Self::all),
            ConditionExpr::Or(parts) => several(parts).map(|parts| Self::AtLeast(1, parts.into())),
            ConditionExpr::Not(part) => Ok(Self::Not(Box::new(Self::compile(part, names)?))),
            ConditionExpr::Identifier(name) => names
                .iter()
                .position(|known| known.eq_ignore_ascii_case(name))
                .map(Self::Rule)
                .ok_or_else(|| format!("the condition names `{name}`, which is none of the correlation's rules")),
            ConditionExpr::Selector { quantifier, pattern } => {
                let chosen = names.iter().enumerate().filter(|(_, name)| pattern.matches_detection_name(name));
                let chosen: Vec<_> = chosen.map(|(input, _)| Self::Rule(input)).collect();
                let there = chosen.len() as u64;
                match quantifier {
                    _ if chosen.is_empty() => Err(format!("no rule fits `{quantifier} of {pattern}`")),
                    Quantifier::Any => Ok(Self::AtLeast(1, chosen.into())),
                    Quantifier::All => Ok(Self::all(chosen)),
                    Quantifier::Count(0) => Err(format!("`0 of {pattern}` is always true: write `not 1 of {pattern}`")),
                    Quantifier::Count(count) if *count > there => {
                        Err(format!("`{count} of {pattern}` can never hold: {there} rules fit"))
                    }
                    Quantifier::Count(count) => Ok(Self::AtLeast(*count, chosen.into())),
                }
            }
        }
    }

    /// Whether it holds where these rules matched.
    pub fn holds(&self, matched: &impl Fn(usize) -> bool) -> bool {
        match self {
            Self::Rule(input) => matched(*input),
            Self::Not(part) => !part.holds(matched),
            Self::AtLeast(count, parts) => {
                let mut left = *count;
                left == 0
                    || parts.iter().any(|part| {
                        left -= u64::from(part.holds(matched));
                        left == 0
                    })
            }
        }
    }

    /// Whether a further match can only make it true.
    pub fn is_rising(&self) -> bool {
        match self {
            Self::Rule(_) => true,
            Self::Not(_) => false,
            Self::AtLeast(_, parts) => parts.iter().all(Self::is_rising),
        }
    }

    /// Whether it needs each of `rules` rules.
    pub fn needs_all(&self, rules: usize) -> bool {
        self.is_rising() && self.holds(&|_| true) && (0..rules).all(|missing| !self.holds(&|input| input != missing))
    }

    /// Whether some rules, matching together, make it true. At least one has to, since only a match opens a window.
    pub fn can_hold(&self, rules: usize) -> bool {
        match self.is_rising() {
            true => self.holds(&|_| true),
            // Up to 2^12 cases are looked through; a longer condition is given the benefit of the doubt.
            false if rules > 12 => true,
            false => (1u64..1 << rules).any(|mask| self.holds(&|input| mask >> input & 1 == 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rsigma_parser::parse_condition;

    use super::*;

    const NAMES: [&str; 3] = ["recon_cmd_a", "recon_cmd_b", "login"];

    fn compile(text: &str) -> Result<Expression, String> {
        Expression::compile(&parse_condition(text).expect(text), &NAMES)
    }

    fn holds(text: &str, matched: &[usize]) -> bool {
        compile(text).expect(text).holds(&|input| matched.contains(&input))
    }

    #[test]
    fn and_or_not_and_counts_are_read() {
        assert!(holds("recon_cmd_a and recon_cmd_b", &[0, 1]));
        assert!(!holds("recon_cmd_a and recon_cmd_b", &[0, 2]));
        assert!(holds("recon_cmd_a or login", &[2]));
        assert!(holds("recon_cmd_a and not login", &[0, 1]));
        assert!(!holds("recon_cmd_a and not login", &[0, 2]));
        assert!(holds("1 of recon_* and login", &[1, 2]));
        assert!(!holds("all of them", &[1, 2]));
        assert!(holds("2 of them", &[1, 2]));
    }

    #[test]
    fn names_that_are_no_rules_are_told() {
        assert_eq!(
            compile("recon_cmd_a and x").unwrap_err(),
            "the condition names `x`, which is none of the correlation's rules"
        );
        assert!(compile("1 of x*").unwrap_err().contains("no rule fits"));
        assert!(compile("3 of recon_*").unwrap_err().contains("can never hold"));
    }

    #[test]
    fn it_is_known_which_conditions_only_grow_and_which_need_all() {
        assert!(compile("1 of recon_* and login").is_ok_and(|e| e.is_rising() && !e.needs_all(3)));
        assert!(compile("login and recon_cmd_b and recon_cmd_a").is_ok_and(|e| e.needs_all(3)));
        assert!(compile("recon_cmd_a and not login").is_ok_and(|e| !e.is_rising() && e.can_hold(3)));
        assert!(compile("login and not login").is_ok_and(|e| !e.can_hold(3)));
        assert!(compile("not 1 of them").is_ok_and(|e| !e.can_hold(3)));
    }
}
