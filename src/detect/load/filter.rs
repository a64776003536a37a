//! Sigma filters: conditions that are added to rules from outside, such as a site's own exceptions.
//!
//! A filter is put into the rules once all of them are read, wherever its file stands. As everywhere in Sigma's own tools,
//! its condition has to hold beside the rule's: an exception is `not selection`.

use rsigma_parser::{FilterRule, FilterRuleTarget, LogSource};

use super::Loader;
use super::logsource::{Scope, covers};
use super::rule::Section;
use crate::detect::condition::Node;
use crate::detect::rule::Logic;
use crate::detect::source::Document;

/// A filter that waits for the rules.
pub(super) struct Filter {
    source: LogSource,
    /// Ids or names; `None` for all rules of the log source.
    rules: Option<Vec<String>>,
    condition: Node,
    /// Where it stands, for the fault that a rule is not there.
    place: String,
}

/// A rule that a filter may speak of.
pub(super) struct Target {
    /// Its place among the loader's rules.
    pub at: usize,
    pub name: Option<String>,
    pub source: LogSource,
}

impl Loader<'_> {
    pub(super) fn filter(&mut self, document: &Document<'_>, filter: &FilterRule) {
        let mut faults = Vec::new();
        let source = filter.logsource.clone().unwrap_or_default();
        let scope = Scope::of(&source).map_err(|what| faults.push(document.fault(&["logsource"], what))).ok();
        if let Some(id) = &filter.id {
            // Required of a rule, optional here.
            let _: Option<String> = self.id(document, id).map_err(|fault| faults.push(fault)).ok();
        }
        let condition = self.detection(document, Section::Filter, &filter.detection, &mut faults);
        let place = document.fault(&["filter", "rules"], "");
        self.faults.append(&mut faults);
        let (Some(scope), Some(condition)) = (scope, condition) else { return };
        let rules = match &filter.rules {
            FilterRuleTarget::Any => None,
            FilterRuleTarget::Specific(rules) if matches!(rules.as_slice(), [all] if all.eq_ignore_ascii_case("all")) => {
                None
            }
            FilterRuleTarget::Specific(rules) => Some(rules.clone()),
        };
        let place = place.trim_end_matches([':', ' ']).to_owned();
        self.filters.push(Filter { source, rules, condition: scope.around(condition), place });
    }

    /// Puts the filters into the rules they are for.
    pub(super) fn apply_filters(&mut self) {
        for filter in std::mem::take(&mut self.filters) {
            for wanted in filter.rules.iter().flatten() {
                let is_there = self.targets.iter().any(|target| self.is(target, wanted));
                if !is_there {
                    self.faults.push(format!("{}: there is no rule with the id or name `{wanted}`", filter.place));
                }
            }
            let meant: Vec<usize> = self
                .targets
                .iter()
                .filter(|target| covers(&filter.source, &target.source))
                .filter(|target| {
                    filter.rules.as_ref().is_none_or(|rules| rules.iter().any(|wanted| self.is(target, wanted)))
                })
                .map(|target| target.at)
                .collect();
            for at in meant {
                if let Some(rule) = self.rules.get_mut(at)
                    && let Logic::Event(condition) | Logic::Behaviour { when: condition, .. } = &mut rule.logic
                {
                    *condition = condition.clone().and(filter.condition.clone());
                }
            }
        }
    }

    fn is(&self, target: &Target, wanted: &str) -> bool {
        let id = self.rules.get(target.at).map(|rule| rule.facts.id.as_str());
        id.is_some_and(|id| id.eq_ignore_ascii_case(wanted)) || target.name.as_deref() == Some(wanted)
    }
}
