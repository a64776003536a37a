//! From `field|modifiers: values` to what is run: kinds checked, lists expanded, everything unsupported refused by name.
//!
//! In: the parser's detection item. Out: a [`Node`]. What is wrong is told in words; where it stands is the caller's business.

use std::path::Path;

use ahash::AHashSet;
use rsigma_parser::{DetectionItem, FieldSpec, Modifier, SigmaString, SigmaValue};

use super::condition::Node;
use super::field::Field;
use super::list::Lists;
use super::matcher::{Item, Networks, Order, Relation, Test};
use super::pattern::{Case, Place, RegexFlags, TextTest};
use super::value::{Kind, Moment};

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
        let Some(name) = &item.field.name else {
            return Err(
                "keywords without a field are not supported: name the field, as in `tls.client.server_name|contains`"
                    .into(),
            );
        };
        let field = field(name)?;
        let asked = Asked::read(&item.field)?;
        let values = self.expanded(&item.values, &asked)?;
        if values.is_empty() && !asked.expand {
            return Err(format!("`{name}` has no values"));
        }
        asked.compile(field, &values)
    }

    /// Puts a list's values in the place of each `%name%`.
    fn expanded(&mut self, values: &[SigmaValue], asked: &Asked) -> Result<Vec<SigmaValue>, String> {
        if !asked.expand {
            return Ok(values.to_vec());
        }
        let mut all = Vec::new();
        for value in values {
            let text = value.to_string();
            let name = text.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'));
            let name =
                name.ok_or_else(|| format!("`expand` takes the name of a list, as in '%known_bad%', not `{text}`"))?;
            let list = self.lists.named(name, self.folder, self.root)?;
            all.extend(list.iter().map(|value| match asked.relation {
                Compare::Regex(_) => SigmaValue::from_raw_string(value),
                _ => SigmaValue::String(SigmaString::new(value)),
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
    expand: bool,
    field_reference: bool,
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
        let mut relation = None;
        for modifier in &spec.modifiers {
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
                Modifier::All | Modifier::Cased | Modifier::Expand | Modifier::FieldRef => continue,
                Modifier::IgnoreCase | Modifier::Multiline | Modifier::DotAll if has(Modifier::Re) => continue,
                Modifier::IgnoreCase | Modifier::Multiline | Modifier::DotAll => {
                    return Err("`i`, `m` and `s` are flags of `re`: write `|re|i`".into());
                }
                other => return Err(unsupported(*other)),
            };
            if relation.replace(asked).is_some_and(|before| before != asked) {
                return Err("two modifiers say how to compare: keep one of contains, startswith, endswith, re, cidr, lt, lte, gt, gte, exists".into());
            }
        }
        let relation = relation.unwrap_or(Compare::Place(Place::Whole));
        let case = if has(Modifier::Cased) { Case::Exact } else { Case::Folded };
        if case == Case::Exact && !matches!(relation, Compare::Place(_)) {
            return Err("`cased` goes with text: alone, or with contains, startswith or endswith".into());
        }
        let field_reference = has(Modifier::FieldRef);
        if field_reference && !matches!(relation, Compare::Place(_) | Compare::Order(_)) {
            return Err("`fieldref` goes alone, or with contains, startswith, endswith, lt, lte, gt or gte".into());
        }
        Ok(Self { relation, case, all: has(Modifier::All), expand: has(Modifier::Expand), field_reference })
    }

    fn compile(&self, field: Field, values: &[SigmaValue]) -> Result<Node, String> {
        // Of the values of an empty list not even all are there.
        if self.all && !values.is_empty() {
            // Every value has to be met, by whichever element of the field.
            let each = values.iter().map(|value| self.any_of(field, std::slice::from_ref(value)));
            return Ok(Node::all(each.collect::<Result<_, _>>()?));
        }
        self.any_of(field, values)
    }

    fn any_of(&self, field: Field, values: &[SigmaValue]) -> Result<Node, String> {
        let (nulls, values): (Vec<_>, Vec<_>) = values.iter().partition(|value| matches!(value, SigmaValue::Null));
        let mut nodes = Vec::new();
        if !nulls.is_empty() {
            if self.relation != Compare::Place(Place::Whole) || self.field_reference {
                return Err("null goes without modifiers: it says that the field has no value".into());
            }
            nodes.push(Node::item(Item { field, test: Test::Absent }));
        }
        let tests = match self.relation {
            _ if values.is_empty() => Vec::new(),
            _ if self.field_reference => self.references(field, &values)?,
            Compare::Place(place) => self.places(field, place, &values)?,
            Compare::Regex(flags) => vec![Test::Text(Box::new(TextTest::regex(&texts(&values)?, flags)?))],
            Compare::Network => vec![networks(field, &values)?],
            Compare::Order(order) => bounds(field, order, &values)?,
            Compare::Exists => vec![exists(&values)?],
        };
        nodes.extend(tests.into_iter().map(|test| Node::item(Item { field, test })));
        Ok(Node::any(nodes))
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

fn unsupported(modifier: Modifier) -> String {
    let (name, instead) = match modifier {
        Modifier::Base64 => ("base64", ENCODED),
        Modifier::Base64Offset => ("base64offset", ENCODED),
        Modifier::Wide => ("wide", ENCODED),
        Modifier::Utf16be => ("utf16be", ENCODED),
        Modifier::Utf16 => ("utf16", ENCODED),
        Modifier::WindAsh => ("windash", "no field holds a command line"),
        Modifier::Neq => ("neq", "write the value in a selection of its own and `not` before it in the condition"),
        Modifier::Minute => ("minute", PARTS),
        Modifier::Hour => ("hour", PARTS),
        Modifier::Day => ("day", PARTS),
        Modifier::Week => ("week", PARTS),
        Modifier::Month => ("month", PARTS),
        Modifier::Year => ("year", PARTS),
        _ => ("of that name", "see rules/README.md for the list"),
    };
    format!("the modifier `{name}` is not supported: {instead}")
}

const ENCODED: &str = "no field holds encoded text; write the text itself";
const PARTS: &str = "compare whole times with lt, lte, gt and gte";

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
    let number = match value {
        SigmaValue::Integer(number) => Some(*number),
        SigmaValue::String(text) => match text.original.strip_prefix("0x").or(text.original.strip_prefix("0X")) {
            Some(hex) => i64::from_str_radix(hex, 16).ok(),
            None => text.original.parse().ok(),
        },
        _ => None,
    };
    number.ok_or_else(|| misfit(field, value))
}

fn boolean(value: &SigmaValue) -> Option<bool> {
    match value {
        SigmaValue::Bool(is) => Some(*is),
        SigmaValue::String(text) => text.original.to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

fn moment(field: Field, value: &SigmaValue) -> Result<Moment, String> {
    Moment::parse(&value.to_string()).ok_or_else(|| misfit(field, value))
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
