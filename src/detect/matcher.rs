//! One line of a selection (`field|modifiers: values`), as it is run over events.
//!
//! In: an event, or one certificate of it. Out: whether any value of the field passes. How the YAML becomes this is [`compile`](super::compile)'s
//! business.

use std::cmp::Ordering;
use std::net::IpAddr;

use ahash::AHashSet;

use super::field::{Field, View};
use super::pattern::{Case, Place, TextTest, with_folded};
use super::value::{Moment, TimePart, Value};

/// A field and what its values are held against.
#[derive(Debug)]
pub struct Item {
    pub field: Field,
    pub test: Test,
}

#[derive(Debug)]
pub enum Test {
    /// The field has no value.
    Absent,
    /// The field has a value.
    Present,
    Text(Box<TextTest>),
    Numbers(AHashSet<i64>),
    Bool(bool),
    Addresses(Networks),
    Times(AHashSet<Moment>),
    /// Before or after a number.
    Number(Order, i64),
    /// Before or after a time.
    Time(Order, Moment),
    /// The hour, the day and so on of a time in UTC.
    Part(TimePart, Bound),
    /// Against the values of another field of the same event.
    Field(Field, Relation),
}

/// What a number is held against.
#[derive(Debug)]
pub enum Bound {
    OneOf(AHashSet<i64>),
    Ordered(Order, i64),
}

/// `lt`, `lte`, `gt`, `gte`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    Text(Place, Case),
    Order(Order),
}

impl Item {
    #[inline]
    pub fn matches(&self, view: View<'_>) -> bool {
        match &self.test {
            Test::Absent => !self.field.any(view, |_| true),
            Test::Present => self.field.any(view, |_| true),
            Test::Text(test) => self.field.any(view, |value| value.with_text(|text| test.passes(text))),
            Test::Numbers(numbers) => self.field.any(view, |v| number(v).is_some_and(|n| numbers.contains(&n))),
            Test::Bool(wanted) => self.field.any(view, |value| matches!(value, Value::Bool(is) if is == wanted)),
            Test::Addresses(networks) => {
                self.field.any(view, |value| matches!(value, Value::Ip(ip) if networks.contain(*ip)))
            }
            Test::Times(times) => {
                self.field.any(view, |value| matches!(value, Value::Time(moment) if times.contains(moment)))
            }
            Test::Number(order, bound) => {
                self.field.any(view, |value| number(value).is_some_and(|n| order.holds(n.cmp(bound))))
            }
            Test::Time(order, bound) => {
                self.field.any(view, |value| matches!(value, Value::Time(moment) if order.holds(moment.cmp(bound))))
            }
            Test::Part(part, Bound::OneOf(numbers)) => {
                self.field.any(view, |value| part_of(value, *part).is_some_and(|n| numbers.contains(&n)))
            }
            Test::Part(part, Bound::Ordered(order, bound)) => {
                self.field.any(view, |value| part_of(value, *part).is_some_and(|n| order.holds(n.cmp(bound))))
            }
            Test::Field(other, relation) => {
                self.field.any(view, |left| other.any(view, |right| relation.holds(left, right)))
            }
        }
    }

    /// A guess at what one look costs, in arbitrary units; cheaper ones are tried first.
    pub fn cost(&self) -> u32 {
        let test = match &self.test {
            Test::Text(test) => test.cost(),
            Test::Field(..) => 6,
            Test::Part(..) => 3,
            Test::Addresses(networks) => networks.cost(),
            Test::Absent | Test::Present | Test::Bool(_) | Test::Number(..) | Test::Time(..) => 1,
            Test::Numbers(_) | Test::Times(_) => 2,
        };
        test * if self.field.is_array() { 8 } else { 1 }
    }
}

impl Order {
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Relation {
    fn holds(self, left: &Value<'_>, right: &Value<'_>) -> bool {
        match (self, left, right) {
            (Self::Order(order), Value::Time(a), Value::Time(b)) => order.holds(a.cmp(b)),
            (Self::Order(order), a, b) => number(a).zip(number(b)).is_some_and(|(a, b)| order.holds(a.cmp(&b))),
            (Self::Text(place, Case::Exact), a, b) => a.with_text(|a| b.with_text(|b| stands(place, a, b))),
            (Self::Text(place, Case::Folded), a, b) => {
                a.with_text(|a| b.with_text(|b| with_folded(a, |a| with_folded(b, |b| stands(place, a, b)))))
            }
        }
    }
}

fn stands(place: Place, text: &str, part: &str) -> bool {
    match place {
        Place::Whole => text == part,
        Place::Start => text.starts_with(part),
        Place::End => text.ends_with(part),
        Place::Anywhere => text.contains(part),
    }
}

fn part_of(value: &Value<'_>, part: TimePart) -> Option<i64> {
    match value {
        Value::Time(moment) => moment.part(part),
        _ => None,
    }
}

fn number(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Code(code) => Some((*code).into()),
        _ => None,
    }
}

/// Addresses and networks; a look costs one hash for each prefix length that occurs.
#[derive(Debug, Default)]
pub struct Networks {
    v4: Vec<(u32, AHashSet<u128>)>,
    v6: Vec<(u32, AHashSet<u128>)>,
}

impl Networks {
    /// Adds `address/prefix`, or an address alone. Bits behind the prefix do not count.
    ///
    /// # Errors
    /// In words: neither an address nor a network.
    pub fn insert(&mut self, text: &str) -> Result<(), String> {
        let fault = || format!("`{text}` is neither an address nor a network such as 192.0.2.0/24");
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let ip: IpAddr = address.trim().parse().map_err(|_| fault())?;
        let (bits, width) = bits_of(ip);
        let prefix = match prefix {
            None => width,
            Some(prefix) => prefix.trim().parse().ok().filter(|prefix| *prefix <= width).ok_or_else(fault)?,
        };
        let group = if width == 32 { &mut self.v4 } else { &mut self.v6 };
        let masked = masked(bits, width - prefix);
        match group.iter_mut().find(|(known, _)| *known == width - prefix) {
            Some((_, set)) => {
                set.insert(masked);
            }
            None => group.push((width - prefix, AHashSet::from([masked]))),
        }
        Ok(())
    }

    /// The networks, one by one.
    pub fn each(&self) -> impl Iterator<Item = Network> {
        let v4 = self.v4.iter().map(|entry| (32, entry));
        let v6 = self.v6.iter().map(|entry| (128, entry));
        v4.chain(v6).flat_map(|(width, (host_bits, set))| {
            set.iter().map(move |masked| Network { width, host_bits: *host_bits, masked: *masked })
        })
    }

    /// An IPv4 address mapped into IPv6 counts as what it is.
    pub fn contain(&self, ip: IpAddr) -> bool {
        let (bits, width) = bits_of(ip.to_canonical());
        let group = if width == 32 { &self.v4 } else { &self.v6 };
        group.iter().any(|(host_bits, set)| set.contains(&masked(bits, *host_bits)))
    }

    fn cost(&self) -> u32 {
        let lengths = self.v4.len().max(self.v6.len());
        u32::try_from(lengths).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// A network as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// Bits of an address.
    pub width: u32,
    /// Bits that do not count.
    pub host_bits: u32,
    pub masked: u128,
}

impl Network {
    /// The network around an address that leaves so many bits out.
    pub fn around(ip: IpAddr, host_bits: u32) -> Self {
        let (bits, width) = bits_of(ip.to_canonical());
        Self { width, host_bits, masked: masked(bits, host_bits) }
    }
}

/// The address as a number, and its width in bits.
fn bits_of(ip: IpAddr) -> (u128, u32) {
    match ip {
        IpAddr::V4(v4) => (v4.to_bits().into(), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

fn masked(bits: u128, host_bits: u32) -> u128 {
    u128::MAX.checked_shl(host_bits).unwrap_or(0) & bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses() {
        let mut networks = Networks::default();
        for text in ["10.0.0.0/8", "192.0.2.1", "fe80::/10", "2001:db8::1"] {
            assert_eq!(networks.insert(text), Ok(()));
        }
        let contained = |text: &str| text.parse().is_ok_and(|ip| networks.contain(ip));
        assert!(["10.255.0.1", "192.0.2.1", "fe80::1", "2001:db8::1", "::ffff:10.1.1.1"].into_iter().all(contained));
        assert!(!["11.0.0.1", "192.0.2.2", "fec0::1", "2001:db8::2"].into_iter().any(contained));
        for text in ["10.0.0.0/33", "10.0.0/8", "example.com", "::/129", ""] {
            assert!(networks.insert(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_zero_prefix_contains_everything_of_its_family() {
        let mut networks = Networks::default();
        assert_eq!(networks.insert("::/0"), Ok(()));
        assert!(networks.contain(IpAddr::from([0xffff_u16; 8])));
        assert!(!networks.contain(IpAddr::from([1, 2, 3, 4])));
    }
}
