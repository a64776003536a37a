//! From `field|modifiers: values` to what is run: kinds checked, lists expanded, everything unsupported refused by name.
//!
//! In: the parser's detection item. Out: a [`Node`]. What is wrong is told in words; where it stands is the caller's business.

mod encode;

use std::path::Path;
use std::sync::Arc;

use ahash::AHashSet;
use rsigma_parser::{DetectionItem, FieldSpec, Modifier, SigmaString, SigmaValue};

use super::condition::Node;
use super::field::Field;
use super::list::Lists;
use super::matcher::{Bound, Item, Networks, Order, Relation, Test};
use super::pattern::{Case, Place, RegexFlags, TextTest};
use super::value::{Kind, Moment, TimePart};
use encode::Step;

/// Where a rule's lists are.
pub struct Surroundings<'a> {
    pub lists: &'a mut Lists,
    /// The folder of the rule's file.
    pub folder: &'a Path,
    /// The folder above which no list is looked for.
    pub root: &'a Path,
}

impl Surroundings<'_> {
    /// Compiles one item of a selection.
    ///
    /// # Errors
    /// In words, what is wrong with its field, its modifiers or its values.
    pub fn item(&mut self, item: &DetectionItem) -> Result<Node, String> {
        let named = item.field.name.as_deref().filter(|name| !name.is_empty());
        let asked = Asked::read(&item.field)?;
        let values = self.expanded(&item.values, &asked)?;
        let values = encode::encoded(&values, &asked.steps)?;
        if values.is_empty() && !asked.expand {
            return Err(format!("`{}` has no values", named.unwrap_or_default()));
        }
        match named {
            Some(name) => asked.compile(field(name)?, &values),
            None => asked.keywords(&values),
        }
    }

    /// Compiles keywords: texts of which any field may hold one.
    ///
    /// # Errors
    /// In words, what is wrong with them.
    pub fn keywords(&mut self, values: &[SigmaValue]) -> Result<Node, String> {
        Asked::read(&FieldSpec::new(None, Vec::new()))?.keywords(values)
    }

    /// Puts the values of a list in the place of each `%name%`.
    fn expanded(&mut self, values: &[SigmaValue], asked: &Asked) -> Result<Vec<SigmaValue>, String> {
        if !asked.expand {
            return Ok(values.to_vec());
        }
        let is_regex = matches!(asked.relation, Compare::Regex(_));
        let mut all = Vec::new();
        for value in values {
            let template = value.to_string();
            let texts = encode::filled_in(&template, &mut |name| self.lists.named(name, self.folder, self.root))?;
            if all.len() + texts.len() > MOST_VALUES {
                return Err(format!("`{template}` stands for more than {MOST_VALUES} values"));
            }
            all.extend(texts.iter().map(|text| match is_regex {
                true => SigmaValue::from_raw_string(text),
                false => SigmaValue::String(SigmaString::new(text)),
            }));
        }
        Ok(all)
    }
}

/// What the modifiers ask for, together.
struct Asked {
    relation: Compare,
    case: Case,
    all: bool,
    not: bool,
    expand: bool,
    field_reference: bool,
    /// A part of the field's time, in its place.
    part: Option<TimePart>,
    /// What becomes of the values first, in this order.
    steps: Vec<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compare {
    Place(Place),
    Regex(RegexFlags),
    Network,
    Order(Order),
    Exists,
}

impl Asked {
    fn read(spec: &FieldSpec) -> Result<Self, String> {
        let has = |modifier| spec.has_modifier(modifier);
        let flags = RegexFlags {
            ignore_case: has(Modifier::IgnoreCase),
            multi_line: has(Modifier::Multiline),
            dot_all: has(Modifier::DotAll),
        };
        let (mut relation, mut part, mut steps) = (None, None, Vec::new());
        for modifier in &spec.modifiers {
            if let Some(step) = Step::of(*modifier) {
                steps.push(step);
                continue;
            }
            if let Some(asked) = time_part(*modifier) {
                if part.replace(asked).is_some_and(|before| before != asked) {
                    return Err(
                        "a time is compared by one of its parts: keep one of minute, hour, day, week, month, year"
                            .into(),
                    );
                }
                continue;
            }
            let asked = match modifier {
                Modifier::Contains => Compare::Place(Place::Anywhere),
                Modifier::StartsWith => Compare::Place(Place::Start),
                Modifier::EndsWith => Compare::Place(Place::End),
                Modifier::Re => Compare::Regex(flags),
                Modifier::Cidr => Compare::Network,
                Modifier::Lt => Compare::Order(Order::Less),
                Modifier::Lte => Compare::Order(Order::LessOrEqual),
                Modifier::Gt => Compare::Order(Order::Greater),
                Modifier::Gte => Compare::Order(Order::GreaterOrEqual),
                Modifier::Exists => Compare::Exists,
                Modifier::IgnoreCase | Modifier::Multiline | Modifier::DotAll if !has(Modifier::Re) => {
                    return Err("`i`, `m` and `s` are flags of `re`: write `|re|i`".into());
                }
                _ => continue,
            };
            if relation.replace(asked).is_some_and(|before| before != asked) {
                return Err("two modifiers say how to compare: keep one of contains, startswith, endswith, re, cidr, lt, lte, gt, gte, exists".into());
            }
        }
        if steps.contains(&Step::Base64Offset) && relation.is_none() {
            // It is about a text within an encoded one.
            relation = Some(Compare::Place(Place::Anywhere));
        }
        let asked = Self {
            relation: relation.unwrap_or(Compare::Place(Place::Whole)),
            case: if has(Modifier::Cased) { Case::Exact } else { Case::Folded },
            all: has(Modifier::All),
            not: has(Modifier::Neq),
            expand: has(Modifier::Expand),
            field_reference: has(Modifier::FieldRef),
            part,
            steps,
        };
        asked.contradiction().map_or(Ok(asked), |what| Err(what.into()))
    }

    /// Why the modifiers do not go together.
    fn contradiction(&self) -> Option<&'static str> {
        let is_text = matches!(self.relation, Compare::Place(_));
        if self.case == Case::Exact && !is_text {
            return Some("`cased` goes with text: alone, or with contains, startswith or endswith");
        }
        if self.field_reference && !matches!(self.relation, Compare::Place(_) | Compare::Order(_)) {
            return Some("`fieldref` goes alone, or with contains, startswith, endswith, lt, lte, gt or gte");
        }
        if !self.steps.is_empty() && (!is_text || self.field_reference) {
            return Some(
                "windash, wide, utf16, base64 and their like change a text: use them alone, or with contains, startswith or endswith",
            );
        }
        if self.part.is_some()
            && (self.field_reference || !matches!(self.relation, Compare::Place(Place::Whole) | Compare::Order(_)))
        {
            return Some("a part of a time is a number: it goes alone, or with lt, lte, gt or gte");
        }
        if self.not && self.all {
            return Some("`neq` and `all` do not go together: `neq` is none of the values");
        }
        if self.not && self.relation == Compare::Exists {
            return Some("`exists` takes true or false in the place of `neq`");
        }
        None
    }

    fn compile(&self, field: Field, values: &[SigmaValue]) -> Result<Node, String> {
        // Of the values of an empty list not even all are there.
        if self.all && !values.is_empty() {
            // Every value has to be met, by whichever element of the field.
            let each = values.iter().map(|value| self.any_of(field, std::slice::from_ref(value)));
            return Ok(Node::all(each.collect::<Result<_, _>>()?));
        }
        let any = self.any_of(field, values)?;
        Ok(match self.not {
            // What is not there is not different from anything.
            true => Node::all(vec![Node::item(Item { field, test: Test::Present }), Node::Not(Arc::new(any))]),
            false => any,
        })
    }

    /// Texts that any field may hold.
    fn keywords(&self, values: &[SigmaValue]) -> Result<Node, String> {
        if self.part.is_some() || self.field_reference || self.not {
            return Err("keywords are texts: `neq`, `fieldref` and the parts of times need a field".into());
        }
        let test = |values: &[&SigmaValue]| match self.relation {
            Compare::Place(place) => {
                // Without a modifier too, a keyword is looked for within what is there.
                let place = if place == Place::Whole { Place::Anywhere } else { place };
                let strings: Vec<_> = values.iter().copied().map(sigma_string).collect();
                TextTest::new(&strings, place, self.case)
            }
            Compare::Regex(flags) => TextTest::regex(&texts(values)?, flags),
            Compare::Network | Compare::Order(_) | Compare::Exists => {
                Err("keywords are texts: `cidr`, `exists`, lt, lte, gt and gte need a field".into())
            }
        };
        if values.iter().any(|value| matches!(value, SigmaValue::Null)) {
            return Err("null is no keyword: it says that a field has no value".into());
        }
        let values: Vec<_> = values.iter().collect();
        let keyword = |values| Ok(Node::Keyword(Arc::new(test(values)?)));
        match self.all {
            true => Ok(Node::all(values.chunks(1).map(keyword).collect::<Result<_, String>>()?)),
            false => keyword(&values),
        }
    }

    fn any_of(&self, field: Field, values: &[SigmaValue]) -> Result<Node, String> {
        let (nulls, values): (Vec<_>, Vec<_>) = values.iter().partition(|value| matches!(value, SigmaValue::Null));
        let mut nodes = Vec::new();
        if !nulls.is_empty() {
            if self.relation != Compare::Place(Place::Whole) || self.field_reference || self.part.is_some() {
                return Err("null goes without modifiers: it says that the field has no value".into());
            }
            nodes.push(Node::item(Item { field, test: Test::Absent }));
        }
        let tests = match self.relation {
            _ if values.is_empty() => Vec::new(),
            _ if self.field_reference => self.references(field, &values)?,
            _ if self.part.is_some() => self.parts(field, &values)?,
            Compare::Place(place) => self.places(field, place, &values)?,
            Compare::Regex(flags) => vec![Test::Text(Box::new(TextTest::regex(&texts(&values)?, flags)?))],
            Compare::Network => vec![networks(field, &values)?],
            Compare::Order(order) => bounds(field, order, &values)?,
            Compare::Exists => vec![exists(&values)?],
        };
        nodes.extend(tests.into_iter().map(|test| Node::item(Item { field, test })));
        Ok(Node::any(nodes))
    }

    fn parts(&self, field: Field, values: &[&SigmaValue]) -> Result<Vec<Test>, String> {
        let Some(part) = self.part else { return Ok(Vec::new()) };
        if field.kind() != Kind::Time {
            return Err(format!(
                "`{}` is {}, which has no minute, hour, day, week, month or year",
                field.name(),
                field.kind().as_str()
            ));
        }
        let (first, last) = encode::range_of(part);
        let number = |value: &&SigmaValue| {
            let number = whole_number(value).filter(|number| (first..=last).contains(number));
            number.ok_or_else(|| format!("`{value}` is no such part of a time: it is a number from {first} to {last}"))
        };
        match self.relation {
            Compare::Order(order) => {
                values.iter().map(|value| Ok(Test::Part(part, Bound::Ordered(order, number(value)?)))).collect()
            }
            _ => Ok(vec![Test::Part(part, Bound::OneOf(values.iter().map(number).collect::<Result<_, _>>()?))]),
        }
    }

    /// Equality by the field's kind; patterns over the value's text whatever the kind.
    fn places(&self, field: Field, place: Place, values: &[&SigmaValue]) -> Result<Vec<Test>, String> {
        let is_pattern = |value: &SigmaValue| {
            place != Place::Whole || matches!(value, SigmaValue::String(text) if text.contains_wildcards())
        };
        let (patterns, plain): (Vec<_>, Vec<_>) =
            values.iter().partition(|value| field.kind() == Kind::Text || is_pattern(value));
        let mut tests = Vec::new();
        if !patterns.is_empty() {
            let strings: Vec<_> = patterns.into_iter().copied().map(sigma_string).collect();
            tests.push(Test::Text(Box::new(TextTest::new(&strings, place, self.case)?)));
        }
        if plain.is_empty() {
            return Ok(tests);
        }
        match field.kind() {
            Kind::Text => {}
            Kind::Code | Kind::Integer => {
                let numbers: Result<AHashSet<_>, _> = plain.iter().map(|value| number(field, value)).collect();
                tests.push(Test::Numbers(numbers?));
            }
            Kind::Bool => {
                for value in plain {
                    tests.push(Test::Bool(boolean(value).ok_or_else(|| misfit(field, value))?));
                }
            }
            Kind::Ip => {
                let mut networks = Networks::default();
                for value in plain {
                    let text = value.to_string();
                    if text.contains('/') {
                        return Err(format!("`{text}` is a network: write `{}|cidr`", field.name()));
                    }
                    networks.insert(&text).map_err(|_| misfit(field, value))?;
                }
                tests.push(Test::Addresses(networks));
            }
            Kind::Time => {
                let times: Result<AHashSet<_>, _> = plain.iter().map(|value| moment(field, value)).collect();
                tests.push(Test::Times(times?));
            }
        }
        Ok(tests)
    }

    fn references(&self, left: Field, values: &[&SigmaValue]) -> Result<Vec<Test>, String> {
        let tests = values.iter().map(|value| {
            let right = field(&value.to_string())?;
            let relation = match self.relation {
                Compare::Order(order) => {
                    let times = [left, right].map(|field| field.kind() == Kind::Time);
                    if !left.kind().is_ordered() || !right.kind().is_ordered() || times[0] != times[1] {
                        return Err(format!(
                            "`{}` is {} and `{}` is {}: they have no order between them",
                            left.name(),
                            left.kind().as_str(),
                            right.name(),
                            right.kind().as_str()
                        ));
                    }
                    Relation::Order(order)
                }
                Compare::Place(place) => Relation::Text(place, self.case),
                _ => return Err("`fieldref` cannot be combined with that modifier".into()),
            };
            Ok(Test::Field(right, relation))
        });
        tests.collect()
    }
}

fn field(name: &str) -> Result<Field, String> {
    Field::named(name).map_err(|unknown| format!("there is no field `{name}`; did you mean `{}`?", unknown.nearest))
}

fn time_part(modifier: Modifier) -> Option<TimePart> {
    Some(match modifier {
        Modifier::Minute => TimePart::Minute,
        Modifier::Hour => TimePart::Hour,
        Modifier::Day => TimePart::Day,
        Modifier::Week => TimePart::Week,
        Modifier::Month => TimePart::Month,
        Modifier::Year => TimePart::Year,
        _ => return None,
    })
}

fn networks(field: Field, values: &[&SigmaValue]) -> Result<Test, String> {
    if field.kind() != Kind::Ip {
        return Err(format!("`cidr` needs a field of addresses, and `{}` is {}", field.name(), field.kind().as_str()));
    }
    let mut networks = Networks::default();
    values.iter().try_for_each(|value| networks.insert(&value.to_string()))?;
    Ok(Test::Addresses(networks))
}

fn bounds(field: Field, order: Order, values: &[&SigmaValue]) -> Result<Vec<Test>, String> {
    let bound = |value: &&SigmaValue| match field.kind() {
        Kind::Time => moment(field, value).map(|bound| Test::Time(order, bound)),
        Kind::Integer | Kind::Code => number(field, value).map(|bound| Test::Number(order, bound)),
        kind => Err(format!("`{}` is {}, which has no order for lt, lte, gt or gte", field.name(), kind.as_str())),
    };
    values.iter().map(bound).collect()
}

fn exists(values: &[&SigmaValue]) -> Result<Test, String> {
    match values {
        [value] => match boolean(value) {
            Some(true) => Ok(Test::Present),
            Some(false) => Ok(Test::Absent),
            None => Err(format!("`exists` takes true or false, not `{value}`")),
        },
        _ => Err("`exists` takes one value, true or false".into()),
    }
}

fn texts<'v>(values: &[&'v SigmaValue]) -> Result<Vec<&'v str>, String> {
    let text = |value: &&'v SigmaValue| match value {
        SigmaValue::String(text) => Ok(text.original.as_str()),
        other => Err(format!("`re` takes text: put `{other}` between quotes")),
    };
    values.iter().map(text).collect()
}

fn sigma_string(value: &SigmaValue) -> SigmaString {
    match value {
        SigmaValue::String(text) => text.clone(),
        // `tls.version: 1.0`, without quotes, is a number to YAML; a point makes it a version again.
        SigmaValue::Float(number) => SigmaString::from_raw(&format!("{number:?}")),
        other => SigmaString::from_raw(&other.to_string()),
    }
}

fn number(field: Field, value: &SigmaValue) -> Result<i64, String> {
    whole_number(value).ok_or_else(|| misfit(field, value))
}

fn whole_number(value: &SigmaValue) -> Option<i64> {
    match value {
        SigmaValue::Integer(number) => Some(*number),
        SigmaValue::String(text) => match text.original.strip_prefix("0x").or(text.original.strip_prefix("0X")) {
            Some(hex) => i64::from_str_radix(hex, 16).ok(),
            None => text.original.parse().ok(),
        },
        _ => None,
    }
}

/// Zeek's logs have `T` and `F`.
fn boolean(value: &SigmaValue) -> Option<bool> {
    match value {
        SigmaValue::Bool(is) => Some(*is),
        SigmaValue::String(text) if text.original == "T" => Some(true),
        SigmaValue::String(text) if text.original == "F" => Some(false),
        SigmaValue::String(text) => text.original.to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

/// RFC 3339, a date, or a number of seconds since 1970, as Zeek's logs have it.
fn moment(field: Field, value: &SigmaValue) -> Result<Moment, String> {
    let moment = match value {
        SigmaValue::Integer(seconds) => Some(Moment::of_seconds(*seconds)),
        // Exact for the years that there are: a double has 53 bits.
        SigmaValue::Float(seconds) if seconds.is_finite() => {
            let nanos = ((seconds - seconds.floor()) * 1e9) as u32;
            Some(Moment { seconds: seconds.floor() as i64, nanos })
        }
        other => Moment::parse(&other.to_string()),
    };
    moment.ok_or_else(|| misfit(field, value))
}

fn misfit(field: Field, value: &SigmaValue) -> String {
    let example = match field.kind() {
        Kind::Text => "",
        Kind::Code => ", as in 0x1301",
        Kind::Integer => ", as in 443",
        Kind::Bool => "",
        Kind::Ip => ", as in 192.0.2.1",
        Kind::Time => ", as in '2024-05-06T07:08:09Z'",
    };
    format!("`{value}` cannot be a value of `{}`, which is {}{example}", field.name(), field.kind().as_str())
}

/// Values of one item, lists filled in.
const MOST_VALUES: usize = 4_000_000;
