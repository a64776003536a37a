//! What a correlation's condition asks of a figure: `gt`, `gte`, `lt`, `lte`, `eq`, `neq`, all of those that stand there.

/// Conditions that hold together; none hold of nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    checks: Box<[(Relation, f64)]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Relation {
    /// By its key in a rule.
    pub fn named(key: &str) -> Option<Self> {
        Some(match key {
            "lt" => Self::Less,
            "lte" => Self::LessOrEqual,
            "gt" => Self::Greater,
            "gte" => Self::GreaterOrEqual,
            "eq" => Self::Equal,
            "neq" => Self::NotEqual,
            _ => return None,
        })
    }

    fn holds(self, figure: f64, bound: f64) -> bool {
        match self {
            Self::Less => figure < bound,
            Self::LessOrEqual => figure <= bound,
            Self::Greater => figure > bound,
            Self::GreaterOrEqual => figure >= bound,
            Self::Equal => figure == bound,
            Self::NotEqual => figure != bound,
        }
    }
}

impl Bounds {
    pub fn new(checks: Vec<(Relation, f64)>) -> Self {
        Self { checks: checks.into() }
    }

    pub fn hold(&self, figure: f64) -> bool {
        self.checks.iter().all(|(relation, bound)| relation.holds(figure, *bound))
    }

    /// Whether what holds of a figure holds of every greater one: then nothing has to be waited for.
    pub fn is_rising(&self) -> bool {
        self.checks.iter().all(|(relation, _)| matches!(relation, Relation::Greater | Relation::GreaterOrEqual))
    }

    /// The least whole number from `from` to `to` of which they hold.
    pub fn first_within(&self, from: u64, to: u64) -> Option<u64> {
        // Only at a bound, or beside one, can a condition begin to hold.
        let around = |bound: f64| {
            let whole = bound.clamp(0.0, EXACT) as u64;
            [whole.saturating_sub(1), whole, whole.saturating_add(1), whole.saturating_add(2)]
        };
        let candidates = self.checks.iter().flat_map(|(_, bound)| around(*bound)).chain([from]);
        candidates.filter(|count| (from..=to).contains(count) && self.hold(*count as f64)).min()
    }

    /// Whether there is any number of which they hold.
    pub fn can_hold(&self) -> bool {
        // Only at a bound, or beside one, can a condition begin to hold.
        let around = |bound: f64| [bound.next_down(), bound, bound.next_up()];
        self.checks.is_empty()
            || self.checks.iter().flat_map(|(_, bound)| around(*bound)).any(|figure| self.hold(figure))
    }

    /// The greatest number that a condition names; what is beyond it is all alike.
    pub fn greatest(&self) -> f64 {
        self.checks.iter().map(|(_, bound)| *bound).fold(0.0, f64::max)
    }
}

/// Whole numbers up to here are exact as `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(checks: &[(&str, f64)]) -> Bounds {
        Bounds::new(checks.iter().map(|(key, bound)| (Relation::named(key).expect(key), *bound)).collect())
    }

    #[test]
    fn each_relation_is_what_its_key_says() {
        let holds = |key: &str| [4.0, 5.0, 6.0].map(|figure| bounds(&[(key, 5.0)]).hold(figure));
        assert_eq!(holds("lt"), [true, false, false]);
        assert_eq!(holds("lte"), [true, true, false]);
        assert_eq!(holds("gt"), [false, false, true]);
        assert_eq!(holds("gte"), [false, true, true]);
        assert_eq!(holds("eq"), [false, true, false]);
        assert_eq!(holds("neq"), [true, false, true]);
        assert_eq!(Relation::named("is"), None);
    }

    #[test]
    fn a_range_is_both_of_its_ends() {
        // The specification's own example: 101 to 200.
        let range = bounds(&[("gt", 100.0), ("lte", 200.0)]);
        assert_eq!([100.0, 101.0, 200.0, 201.0].map(|figure| range.hold(figure)), [false, true, true, false]);
        assert!(!range.is_rising());
        assert!(bounds(&[("gt", 100.0), ("gte", 3.0)]).is_rising());
    }

    #[test]
    fn bounds_that_exclude_each_other_hold_of_nothing() {
        assert!(bounds(&[("gt", 2.5), ("lt", 2.6)]).can_hold());
        assert!(bounds(&[("gte", -1.0), ("lte", -1.0)]).can_hold());
        assert!(!bounds(&[("gt", 5.0), ("lt", 3.0)]).can_hold());
        assert!(!bounds(&[("eq", 1.0), ("neq", 1.0)]).can_hold());
    }

    #[test]
    fn the_first_number_that_holds_is_found() {
        assert_eq!(bounds(&[("gt", 100.0), ("lte", 200.0)]).first_within(1, 1_000), Some(101));
        assert_eq!(bounds(&[("gte", 3.0)]).first_within(1, 2), None);
        assert_eq!(bounds(&[("lt", 1.0)]).first_within(1, 100), None);
        assert_eq!(bounds(&[("neq", 1.0)]).first_within(1, 100), Some(2));
        assert_eq!(bounds(&[("gt", 5.0), ("lt", 6.0)]).first_within(1, 100), None);
        assert_eq!(bounds(&[("gte", 2.5)]).first_within(1, 100), Some(3));
        assert_eq!(bounds(&[("gte", -7.0)]).first_within(1, 100), Some(1));
        assert_eq!(bounds(&[("eq", 1e300)]).first_within(1, 100), None);
    }
}
