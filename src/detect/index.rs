//! Which rules an event may concern: the equal conditions of all rules share one look-up.
//!
//! In: the rules' conditions, once; then events. Out: a set of rules that holds every rule that is true of the event, and few
//! besides. Of each rule one group of conditions is taken of which one has to hold (the rarest by a guess), and put under its
//! field: whole values, beginnings and ends by hash, parts of texts in one automaton, numbers and networks by hash. What has
//! no such group is looked at for every event. The index decides nothing: whether a rule holds, its tree says.

mod necessary;
mod texts;

use ahash::AHashMap;

use super::condition::Node;
use super::field::{Field, Flow, Origin};
use super::matcher::Network;
use super::value::Value;
use crate::event::Event;
use necessary::{Group, Key};
use texts::{Often, Texts};

/// Conditions of all rules, by field.
#[derive(Debug, Default)]
pub struct Index {
    /// In the order of their origins.
    fields: Box<[(Field, Entries)]>,
    /// Lists of rules, each of them once: what stands under a value is a place in here.
    lists: Box<[Box<[u32]>]>,
    always: RuleSet,
}

/// What stands under one field. Numbers into [`Index::lists`].
#[derive(Debug, Default)]
struct Entries {
    texts: Texts,
    numbers: AHashMap<i64, u32>,
    networks: AHashMap<Network, u32>,
    /// The widths that occur, and for each the numbers of bits that networks leave out.
    shapes: Vec<(u32, u32)>,
}

/// A set of rules by their numbers; reused from one event to the next.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    words: Vec<u64>,
}

impl RuleSet {
    /// An empty set with room for so many rules.
    pub fn of(rules: usize) -> Self {
        Self { words: vec![0; rules.div_ceil(BITS)] }
    }

    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// An empty set with room for the same rules.
    pub fn emptied(&self) -> Self {
        Self { words: vec![0; self.words.len()] }
    }

    /// Adds a rule; none but those that the set was made for.
    pub fn add(&mut self, rule: usize) {
        if let Some(word) = self.words.get_mut(rule / BITS) {
            *word |= 1 << (rule % BITS);
        }
    }

    pub fn has(&self, rule: usize) -> bool {
        self.words.get(rule / BITS).is_some_and(|word| word >> (rule % BITS) & 1 == 1)
    }

    /// Adds the rules of another set.
    pub fn join(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, more)| *word |= more);
    }

    /// The rules in it, in their order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(at * BITS + bit)
            })
        })
    }
}

impl Index {
    /// Of conditions by the number of their rule; rules without one are never among the candidates.
    pub fn of<'r>(rules: usize, conditions: impl Iterator<Item = (usize, &'r Node)>) -> Self {
        let mut always = RuleSet::of(rules);
        let mut by_field: AHashMap<&'static str, Gathered> = AHashMap::new();
        for (number, condition) in conditions {
            // More rules than that do not fit into memory.
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            match Group::of(condition) {
                Some(group) => {
                    for (field, key) in group.keys {
                        let gathered = by_field.entry(field.name()).or_insert_with(|| Gathered::of(field));
                        let rules = gathered.rules.entry(key).or_default();
                        if rules.last() != Some(&number) {
                            rules.push(number);
                        }
                    }
                }
                None => always.add(number as usize),
            }
        }
        let mut lists = Lists::default();
        let mut fields: Vec<_> = by_field.into_values().map(|gathered| gathered.entries(&mut lists)).collect();
        fields.sort_unstable_by_key(|(field, _)| (field.origin(), field.name()));
        Self { fields: fields.into(), lists: lists.all.into(), always }
    }

    /// Puts the rules that are tried whatever the event is into the set, in the place of what was there.
    pub fn begin(&self, found: &mut RuleSet) {
        found.words.clone_from(&self.always.words);
    }

    /// The rules that a part of an event finds.
    pub fn found(&self, origin: Origin, event: &Event) -> RuleSet {
        let mut found = self.always.emptied();
        self.find(origin, event, &mut found);
        found
    }

    /// Puts the rules that a part of an event finds into the set, in the place of what was there.
    pub fn find_anew(&self, origin: Origin, event: &Event, found: &mut RuleSet) {
        found.clear();
        self.find(origin, event, found);
    }

    /// Adds the rules that a part of an event finds.
    pub fn find(&self, origin: Origin, event: &Event, found: &mut RuleSet) {
        let from = self.fields.partition_point(|(field, _)| field.origin() < origin);
        let fields = self.fields.get(from..).unwrap_or_default();
        for (field, entries) in fields.iter().take_while(|(field, _)| field.origin() == origin) {
            let _: Flow = field.visit(event, &mut |value| {
                entries.find(&value, &mut |list| {
                    self.lists.get(list as usize).into_iter().flatten().for_each(|&rule| found.add(rule as usize));
                });
                Flow::Continue(())
            });
        }
    }

    /// Rules that are looked at whatever the event is.
    pub fn unindexed(&self) -> usize {
        self.always.iter().count()
    }
}

impl Entries {
    #[inline]
    fn find(&self, value: &Value<'_>, hit: &mut impl FnMut(u32)) {
        if !self.texts.is_empty() {
            value.with_text(|text| self.texts.find(text, hit));
        }
        match value {
            Value::Integer(number) if !self.numbers.is_empty() => {
                self.numbers.get(number).into_iter().for_each(|&list| hit(list));
            }
            Value::Code(code) if !self.numbers.is_empty() => {
                self.numbers.get(&i64::from(*code)).into_iter().for_each(|&list| hit(list));
            }
            Value::Ip(ip) => {
                for &(width, host_bits) in &self.shapes {
                    let network = Network::around(*ip, host_bits);
                    if network.width == width {
                        self.networks.get(&network).into_iter().for_each(|&list| hit(list));
                    }
                }
            }
            _ => {}
        }
    }
}

/// The keys of one field with their rules, while the index is made.
struct Gathered {
    field: Field,
    rules: AHashMap<Key, Vec<u32>>,
}

impl Gathered {
    fn of(field: Field) -> Self {
        Self { field, rules: AHashMap::new() }
    }

    fn entries(self, lists: &mut Lists) -> (Field, Entries) {
        let mut entries = Entries::default();
        let mut texts = Vec::new();
        for (key, rules) in self.rules {
            let list = lists.number(rules);
            match key {
                Key::Text(need) => texts.push((need, list)),
                Key::Number(number) => {
                    entries.numbers.insert(number, list);
                }
                Key::Network(network) => {
                    let shape = (network.width, network.host_bits);
                    if !entries.shapes.contains(&shape) {
                        entries.shapes.push(shape);
                    }
                    entries.networks.insert(network, list);
                }
            }
        }
        entries.texts = Texts::of(texts, Often::of(self.field.origin()));
        (self.field, entries)
    }
}

/// Lists of rules by what is in them.
#[derive(Default)]
struct Lists {
    all: Vec<Box<[u32]>>,
    known: AHashMap<Box<[u32]>, u32>,
}

impl Lists {
    fn number(&mut self, rules: Vec<u32>) -> u32 {
        let rules: Box<[u32]> = rules.into();
        if let Some(&number) = self.known.get(&rules) {
            return number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(rules.clone());
        self.known.insert(rules, number);
        number
    }
}

const BITS: usize = u64::BITS as usize;

#[cfg(test)]
mod tests {
    use rsigma_parser::SigmaString;

    use super::super::matcher::{Item, Test};
    use super::super::pattern::{Case, Place, TextTest};
    use super::*;

    fn item(name: &str, value: &str) -> Option<Node> {
        let test = TextTest::new(&[SigmaString::new(value)], Place::Whole, Case::Folded).ok()?;
        Some(Node::item(Item { field: Field::named(name).ok()?, test: Test::Text(Box::new(test)) }))
    }

    fn fields_of(node: &Node) -> Vec<&'static str> {
        Group::of(node).map(|group| group.keys.iter().map(|(field, _)| field.name()).collect()).unwrap_or_default()
    }

    #[test]
    fn a_set_of_rules_keeps_their_order() {
        let mut set = RuleSet { words: vec![0; 3] };
        for rule in [130, 0, 63, 64, 191, 192] {
            set.add(rule);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 130, 191], "192 is of no rule");
    }

    #[test]
    fn a_rule_stands_under_the_rarest_that_has_to_hold() {
        let (Some(version), Some(ja3)) = (item("tls.version", "1.3"), item("tls.client.ja3", "00")) else { return };
        assert_eq!(fields_of(&Node::all(vec![version.clone(), ja3.clone()])), ["tls.client.ja3"]);
        let either = Node::any(vec![version.clone(), ja3.clone()]);
        assert_eq!(fields_of(&either).len(), 2, "either may be the one that holds");
        let not = Node::Not(std::sync::Arc::new(ja3.clone()));
        assert_eq!(fields_of(&Node::all(vec![version.clone(), not.clone()])), ["tls.version"]);
        assert!(fields_of(&Node::any(vec![version.clone(), not.clone()])).is_empty());
        let two_of_three = Node::AtLeast(2, [version, ja3, not].into());
        assert_eq!(fields_of(&two_of_three), ["tls.client.ja3", "tls.version"], "one of these two is among any two");
    }

    #[test]
    fn rules_without_such_a_condition_are_always_tried() {
        let field = Field::named("tls.client.ja3").ok();
        let present = field.map(|field| Node::item(Item { field, test: Test::Present }));
        let (Some(present), Some(ja3)) = (present, item("tls.client.ja3", "00")) else { return };
        let index = Index::of(2, [(0, &ja3), (1, &present)].into_iter());
        assert_eq!((index.unindexed(), index.fields.len()), (1, 1));
    }
}
