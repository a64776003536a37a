//! Which rules correlations build on: names and ids looked up, circles found, and whatever can never fire refused.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::Loader;
use super::correlation::{Condition as Asking, Draft, Kind};
use crate::detect::alert::Level;
use crate::detect::correlation::{
    Bounds, Condition, Expression, Input, Judgement, MATCHES, Numbered, Plan, Plans, Statistic,
};
use crate::detect::field::Field;
use crate::detect::rule::Logic;
use crate::detect::source::Document;
use crate::detect::value::Kind as ValueKind;

/// A rule that others may refer to.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub name: Option<String>,
    pub id: Option<String>,
    /// Its number among the rules of the run; none where it has faults.
    pub rule: Option<usize>,
    /// What it needs if it is to alert by itself, as faults; and after how many other faults they are told.
    pub lacking: Vec<String>,
    pub told_after: usize,
    /// Of its text.
    pub identity: u64,
    /// How correlations refer to it.
    pub named_by: Vec<Reference>,
}

/// What a correlation that names a rule wants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    /// Nothing but its matches: it does not alert.
    Base,
    /// That it alerts as well.
    Generate,
}

impl Known {
    /// The same in every run for the same text.
    pub fn identity_of(text: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        hasher.finish()
    }

    fn is_called(&self, reference: &str) -> bool {
        self.name.as_deref() == Some(reference)
            || self.id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(reference))
    }

    /// Whether it only serves others.
    fn is_base(&self) -> bool {
        !self.named_by.is_empty() && !self.named_by.contains(&Reference::Generate)
    }
}

impl Loader<'_> {
    /// Ties correlations to their rules; what is wrong is added to the faults.
    pub(super) fn tie(&mut self) -> Plans {
        let drafts = std::mem::take(&mut self.drafts);
        let references: Vec<Option<Vec<usize>>> = drafts.iter().map(|draft| self.references(draft)).collect();
        self.tell_what_is_lacking();
        let order = self.order(&drafts, &references);
        let mut plans: Vec<Numbered> = Vec::with_capacity(order.len());
        for number in order {
            let (Some(draft), Some(Some(references))) = (drafts.get(number), references.get(number)) else { continue };
            let mut faults = Vec::new();
            let plan = Tie { loader: self, draft, references, faults: &mut faults }.plan();
            match plan.filter(|_| faults.is_empty()) {
                Some(plan) => {
                    self.finish_rule(draft, references, plan.identity);
                    plans.push(Numbered { rule: draft.rule, plan });
                }
                None => self.faults.append(&mut faults),
            }
        }
        for known in &self.known {
            if let Some(rule) = known.rule.and_then(|rule| self.rules.get_mut(rule)) {
                rule.generates = !known.is_base();
            }
        }
        Plans::new(plans, self.rules.len())
    }

    /// The known rules that a draft names, in its order; none where one is not there, which is told.
    fn references(&mut self, draft: &Draft) -> Option<Vec<usize>> {
        let wanted = if draft.asked.generate { Reference::Generate } else { Reference::Base };
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        for name in &draft.asked.rules {
            let called: Vec<usize> =
                self.known.iter().enumerate().filter(|(_, known)| known.is_called(name)).map(|(at, _)| at).collect();
            match *called {
                [one] => found.push(one),
                [] => faults
                    .push(format!("there is no rule with the name or id `{name}`: the correlation can never fire")),
                _ => faults.push(format!("the name `{name}` is that of {} rules: use the id", called.len())),
            }
            for known in called {
                self.known.get_mut(known).into_iter().for_each(|known| known.named_by.push(wanted));
            }
        }
        let document = draft.document();
        self.faults.extend(faults.iter().map(|what| document.fault(&["correlation", "rules"], what)));
        if found.iter().enumerate().any(|(at, known)| found.iter().take(at).any(|other| other == known)) {
            self.faults
                .push(document.fault(&["correlation", "rules"], "a rule is named twice, by its name and by its id"));
            return None;
        }
        faults.is_empty().then_some(found)
    }

    /// Only a rule that serves others may go without an id and a level.
    fn tell_what_is_lacking(&mut self) {
        let mentioned = &self.mentioned;
        let stands_alone =
            |known: &Known| !known.is_base() && !mentioned.iter().any(|reference| known.is_called(reference));
        for known in self.known.iter().rev().filter(|known| stands_alone(known)) {
            for fault in known.lacking.iter().rev() {
                self.faults.insert(known.told_after.min(self.faults.len()), fault.clone());
            }
        }
    }

    /// Numbers of drafts, each after those that it builds on. Circles are told, and left out.
    fn order(&mut self, drafts: &[Draft], references: &[Option<Vec<usize>>]) -> Vec<usize> {
        let draft_of = |known: usize| drafts.iter().position(|draft| draft.known == known);
        let below: Vec<Vec<usize>> = references
            .iter()
            .map(|known| known.iter().flatten().filter_map(|known| draft_of(*known)).collect())
            .collect();
        let mut left: Vec<usize> = (0..drafts.len()).collect();
        let mut order = Vec::with_capacity(drafts.len());
        let mut done = vec![false; drafts.len()];
        loop {
            let is_done = |number: &usize| done.get(*number).copied().unwrap_or(false);
            let ready: Vec<usize> = left
                .iter()
                .copied()
                .filter(|number| below.get(*number).is_none_or(|below| below.iter().all(is_done)))
                .collect();
            if ready.is_empty() {
                break;
            }
            for number in &ready {
                done.get_mut(*number).into_iter().for_each(|done| *done = true);
            }
            left.retain(|number| !done.get(*number).copied().unwrap_or(false));
            order.extend(ready);
        }
        // What is left stands in a circle, or builds on one; the first kind is told.
        for number in &left {
            if let Some(draft) = drafts.get(*number)
                && reaches(&below, *number, *number)
            {
                let what = "the correlation builds on itself, by way of the rules that it names";
                self.faults.push(draft.document().fault(&["correlation", "rules"], what));
            }
        }
        order
    }

    /// What a correlation takes from the rules that it builds on.
    fn finish_rule(&mut self, draft: &Draft, references: &[usize], identity: u64) {
        let levels = references.iter().filter_map(|known| self.rules.get(self.known.get(*known)?.rule?));
        let highest = levels.map(|rule| rule.facts.level).max();
        if let Some(rule) = self.rules.get_mut(draft.rule)
            && draft.level.is_none()
        {
            Arc::make_mut(&mut rule.facts).level = highest.unwrap_or(Level::Informational);
        }
        if let Some(known) = self.known.get_mut(draft.known) {
            known.identity = identity;
        }
    }
}

/// Whether a way leads from one draft to another; of no length does not count.
fn reaches(below: &[Vec<usize>], from: usize, to: usize) -> bool {
    let (mut seen, mut next) = (vec![false; below.len()], below.get(from).cloned().unwrap_or_default());
    while let Some(number) = next.pop() {
        if number == to {
            return true;
        }
        if let Some(seen) = seen.get_mut(number)
            && !std::mem::replace(seen, true)
        {
            next.extend(below.get(number).into_iter().flatten());
        }
    }
    false
}

/// One draft on its way to a plan.
struct Tie<'l, 'a> {
    loader: &'l Loader<'a>,
    draft: &'l Draft,
    /// The known rules that it names.
    references: &'l [usize],
    faults: &'l mut Vec<String>,
}

impl Tie<'_, '_> {
    fn plan(mut self) -> Option<Plan> {
        let asked = &self.draft.asked;
        let counted = match &asked.condition {
            Asking::Bounds { fields, .. } => fields.clone(),
            _ => Vec::new(),
        };
        let mut hasher = DefaultHasher::new();
        self.draft.text.hash(&mut hasher);
        let mut inputs = Vec::with_capacity(self.references.len());
        self.check_aliases();
        for (known, name) in self.references.iter().zip(&asked.rules) {
            let known = self.loader.known.get(*known)?;
            known.identity.hash(&mut hasher);
            // It has faults of its own, which are told.
            let rule = known.rule?;
            if let Some(Logic::Event(node)) = self.loader.rules.get(rule).map(|rule| &rule.logic)
                && node.never_holds()
            {
                self.fault(&["rules"], format!("the rule `{name}` matches nothing: the correlation can never fire"));
            }
            let group: Vec<_> = asked.group.iter().filter_map(|part| self.field(part, known, "group-by")).collect();
            let counted: Vec<_> = counted.iter().filter_map(|part| self.field(part, known, "field")).collect();
            inputs.push(Input { rule, group: group.into(), counted: counted.into() });
        }
        self.faults.dedup();
        if !self.faults.is_empty() {
            return None;
        }
        self.check_message();
        let condition = self.condition(&inputs)?;
        Some(Plan {
            kind: asked.kind.as_str(),
            inputs: inputs.into(),
            group: asked.group.iter().cloned().collect(),
            span: asked.span,
            condition,
            identity: hasher.finish(),
        })
    }

    fn document(&self) -> Document<'_> {
        self.draft.document()
    }

    fn fault(&mut self, keys: &[&str], what: impl std::fmt::Display) {
        let keys: Vec<&str> = ["correlation"].into_iter().chain(keys.iter().copied()).collect();
        let fault = self.document().fault(&keys, what);
        self.faults.push(fault);
    }

    /// What a name in `group-by` or `field` stands for in the sessions of one rule.
    fn field(&mut self, part: &str, known: &Known, key: &str) -> Option<Field> {
        let alias = self.draft.asked.aliases.iter().find(|alias| &*alias.name == part);
        let name = match alias {
            None => part,
            Some(alias) => match alias.fields.iter().find(|(rule, _)| known.is_called(rule)) {
                Some((_, field)) => field,
                None => {
                    let called = known.name.as_deref().or(known.id.as_deref()).unwrap_or_default();
                    let what = format!(
                        "the alias `{part}` has no field for the rule `{called}`: its sessions belong to no group"
                    );
                    self.fault(&["aliases", part], what);
                    return None;
                }
            },
        };
        Field::named(name)
            .map_err(|unknown| {
                let keys = if alias.is_some() { ["aliases", part] } else { [key, part] };
                self.fault(&keys, format!("there is no field `{name}`; did you mean `{}`?", unknown.nearest));
            })
            .ok()
    }

    fn check_aliases(&mut self) {
        let known: Vec<&Known> = self.references.iter().filter_map(|known| self.loader.known.get(*known)).collect();
        for alias in &self.draft.asked.aliases {
            for (rule, _) in &alias.fields {
                if !known.iter().any(|known| known.is_called(rule)) {
                    let what =
                        format!("the alias `{}` is for `{rule}`, which is none of the correlation's rules", alias.name);
                    self.fault(&["aliases", &alias.name], what);
                }
            }
        }
    }

    fn check_message(&mut self) {
        let Some(rule) = self.loader.rules.get(self.draft.rule).filter(|_| self.draft.has_message) else { return };
        let group = &self.draft.asked.group;
        for name in rule.message.groups().filter(|name| !group.iter().any(|part| &**part == *name)) {
            let what = format!("the message names `group.{name}`, and the correlation does not group by `{name}`");
            let fault = self.document().fault(&["custom", "message"], what);
            self.faults.push(fault);
        }
    }

    fn condition(&mut self, inputs: &[Input]) -> Option<Condition> {
        let kind = self.draft.asked.kind;
        match (kind, &self.draft.asked.condition) {
            (Kind::EventCount, Asking::Bounds { bounds, .. }) => {
                let needed = self.possible(bounds, MATCHES as u64)?;
                Some(match bounds.is_rising() {
                    true => Condition::Sessions(needed),
                    false => Condition::AtClose(Judgement::Sessions(bounds.clone())),
                })
            }
            (Kind::ValueCount, Asking::Bounds { bounds, .. }) => {
                let needed = self.possible(bounds, self.most_values(inputs))?;
                Some(match bounds.is_rising() {
                    true => Condition::Values(needed),
                    false => Condition::AtClose(Judgement::Values(bounds.clone())),
                })
            }
            (Kind::Temporal | Kind::TemporalOrdered, _) => self.temporal(kind, inputs.len()),
            (_, Asking::Bounds { bounds, percentile, .. }) => self.reckoned(kind, bounds, *percentile, inputs),
            (_, Asking::All | Asking::Rules(_)) => None,
        }
    }

    fn reckoned(&mut self, kind: Kind, bounds: &Bounds, percentile: f64, inputs: &[Input]) -> Option<Condition> {
        let fields = inputs.iter().flat_map(|input| &input.counted);
        if let Some(field) = fields.into_iter().find(|f| !matches!(f.kind(), ValueKind::Integer | ValueKind::Code)) {
            let what =
                format!("`{}` is {}, and `{}` needs numbers", field.name(), field.kind().as_str(), kind.as_str());
            self.fault(&["condition", "field"], what);
            return None;
        }
        if !bounds.can_hold() {
            self.fault(&["condition"], "the condition can never hold: its bounds exclude each other");
            return None;
        }
        let statistic = match kind {
            Kind::ValueSum if bounds.is_rising() => return Some(Condition::Sum(bounds.clone())),
            Kind::ValueSum => Statistic::Sum,
            Kind::ValueAvg => Statistic::Average,
            Kind::ValueMedian => Statistic::Percentile(50.0),
            _ => Statistic::Percentile(percentile),
        };
        Some(Condition::AtClose(Judgement::Numbers(statistic, bounds.clone())))
    }

    fn temporal(&mut self, kind: Kind, rules: usize) -> Option<Condition> {
        if rules > RULES_MAX {
            self.fault(&["rules"], format!("`{}` takes at most {RULES_MAX} rules", kind.as_str()));
            return None;
        }
        let all = Expression::all((0..rules).map(Expression::Rule).collect());
        let expression = match &self.draft.asked.condition {
            Asking::All => all,
            Asking::Bounds { bounds, .. } => {
                let needed = self.possible(bounds, rules as u64)?;
                let each = (0..rules).map(Expression::Rule).collect();
                // With as many as there are, no more can come.
                let rising = bounds.is_rising() || needed == rules;
                match rising {
                    true => Expression::AtLeast(needed as u64, each),
                    false => Expression::any_of((needed..=rules).filter(|count| bounds.hold(*count as f64)), rules),
                }
            }
            Asking::Rules(condition) => {
                let names: Vec<&str> = self.draft.asked.rules.iter().map(String::as_str).collect();
                match Expression::compile(condition, &names) {
                    Ok(expression) => expression,
                    Err(what) => {
                        self.fault(&["condition"], what);
                        return None;
                    }
                }
            }
        };
        if !expression.can_hold(rules) {
            self.fault(&["condition"], "the condition can never hold, whichever of the rules match");
            return None;
        }
        match kind {
            Kind::TemporalOrdered if expression.needs_all(rules) => Some(Condition::RulesInOrder),
            Kind::TemporalOrdered => {
                self.fault(&["condition"], "`temporal_ordered` needs all of its rules, in their order: leave the condition out, or write `temporal`");
                None
            }
            _ if expression.is_rising() => Some(Condition::Rules(expression)),
            _ => Some(Condition::AtClose(Judgement::Rules(expression))),
        }
    }

    /// The least count of which the bounds hold, if there is one.
    fn possible(&mut self, bounds: &Bounds, most: u64) -> Option<usize> {
        let needed = bounds.first_within(1, most).and_then(|needed| usize::try_from(needed).ok());
        if needed.is_none() {
            self.fault(&["condition"], format!("the condition can never hold: a count is from 1 to {most} here"));
        }
        needed
    }

    /// How many different values there can be in a group.
    fn most_values(&self, inputs: &[Input]) -> u64 {
        let of_field = |input: &Input, field: &Field| match field.kind() {
            _ if field.is_array() => MATCHES as u64,
            // All sessions of a group have the same.
            _ if inputs.len() == 1 && input.group.iter().any(|group| group.name() == field.name()) => 1,
            ValueKind::Bool => 2,
            _ => MATCHES as u64,
        };
        let of_input =
            |input: &Input| input.counted.iter().map(|field| of_field(input, field)).fold(1, u64::saturating_mul);
        inputs.iter().map(of_input).max().unwrap_or(1).min(MATCHES as u64)
    }
}

/// Rules of a temporal correlation: as many as an alert names sessions.
const RULES_MAX: usize = 32;
