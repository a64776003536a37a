//! The values of a column, one behind the other.

use std::net::Ipv6Addr;

use hashbrown::HashMap;

/// Values of one type.
pub enum Cells {
    /// Numbers, addresses, fixed strings: so many octets each.
    Fixed {
        width: usize,
        octets: Vec<u8>,
    },
    /// Each with its length before it.
    Texts(Vec<u8>),
    Words(Words),
    /// A byte for each, 1 where there is none.
    Nullable {
        absent: Vec<u8>,
        values: Box<Cells>,
    },
    /// Where each list ends among the values.
    Lists {
        ends: Vec<u64>,
        values: Box<Cells>,
    },
    /// Of maps.
    Pairs(Box<Cells>, Box<Cells>),
    /// Of a type that is not known.
    None,
}

/// Texts of which there are few: a dictionary, and a place in it for each.
#[derive(Default)]
pub struct Words {
    known: HashMap<Box<[u8]>, u32, ahash::RandomState>,
    /// The dictionary, but for the empty text, which is the first.
    keys: Vec<u8>,
    places: Vec<u32>,
}

/// A value that comes from elsewhere than a row's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Given<'a> {
    /// Of a column of numbers of any width; negative ones in two's complement.
    Number(u64),
    Float(f64),
    Address(Ipv6Addr),
    Text(&'a str),
    /// Of fixed length, or of any.
    Octets(Vec<u8>),
    List(Vec<Option<Given<'a>>>),
    Pair(Box<(Given<'a>, Given<'a>)>),
    /// A value that may be absent and is not.
    Some(Box<Given<'a>>),
}

impl Cells {
    pub fn of(kind: &str) -> Self {
        let inside = |of: &str| kind.strip_prefix(of)?.strip_suffix(')');
        if let Some(kind) = inside("Nullable(") {
            return Self::Nullable { absent: Vec::new(), values: Box::new(Self::of(kind)) };
        }
        if let Some(kind) = inside("Array(") {
            return Self::Lists { ends: Vec::new(), values: Box::new(Self::of(kind)) };
        }
        if let Some((key, value)) = inside("Map(").and_then(|kinds| kinds.split_once(", ")) {
            let pairs = Self::Pairs(Box::new(Self::of(key)), Box::new(Self::of(value)));
            return Self::Lists { ends: Vec::new(), values: Box::new(pairs) };
        }
        let width = match kind {
            "String" => return Self::Texts(Vec::new()),
            "LowCardinality(String)" => return Self::Words(Words::default()),
            "UInt8" | "Int8" | "Bool" => 1,
            "UInt16" | "Int16" => 2,
            "UInt32" | "Int32" | "Float32" => 4,
            "UInt64" | "Int64" | "Float64" => 8,
            "IPv6" => 16,
            _ if kind.starts_with("DateTime64(") => 8,
            _ if kind.starts_with("DateTime(") => 4,
            _ => match inside("FixedString(").and_then(|width| width.parse().ok()) {
                Some(width) => width,
                None => return Self::None,
            },
        };
        Self::Fixed { width, octets: Vec::new() }
    }

    /// Appends as many defaults.
    pub fn pad(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        match self {
            Self::Fixed { width, octets } => octets.resize(octets.len() + *width * count, 0),
            Self::Texts(octets) => octets.resize(octets.len() + count, 0),
            Self::Words(words) => words.places.resize(words.places.len() + count, 0),
            Self::Nullable { absent, values } => {
                absent.resize(absent.len() + count, 1);
                values.pad(count);
            }
            Self::Lists { ends, .. } => ends.resize(ends.len() + count, ends.last().copied().unwrap_or(0)),
            Self::Pairs(keys, values) => {
                keys.pad(count);
                values.pad(count);
            }
            Self::None => {}
        }
    }

    /// Appends octets to a column of that width, or of texts; whether it is one.
    #[inline]
    pub fn octets(&mut self, value: &[u8]) -> bool {
        match self {
            Self::Fixed { width, octets } if *width == value.len() => octets.extend_from_slice(value),
            Self::Texts(octets) => text(value, octets),
            Self::Words(words) => words.put(value),
            _ => return false,
        }
        true
    }

    /// Appends a number of that width; whether the column has such.
    #[inline]
    pub fn number<const N: usize>(&mut self, value: [u8; N]) -> bool {
        match self {
            Self::Fixed { width, octets } if *width == N => octets.extend_from_slice(&value),
            _ => return false,
        }
        true
    }

    /// Appends a list of so many elements, which follow in what is returned.
    #[inline]
    pub fn list(&mut self, length: usize) -> Option<&mut Self> {
        let Self::Lists { ends, values } = self else { return None };
        ends.push(ends.last().copied().unwrap_or(0) + length as u64);
        Some(values)
    }

    /// Appends a value that is there, which follows in what is returned.
    #[inline]
    pub fn some(&mut self) -> Option<&mut Self> {
        let Self::Nullable { absent, values } = self else { return None };
        absent.push(0);
        Some(values)
    }

    /// Appends a value; whether the column has such.
    pub fn put(&mut self, value: &Given<'_>) -> bool {
        match (value, self) {
            (Given::Number(number), Self::Fixed { width, octets }) => {
                let number = number.to_le_bytes();
                let Some(number) = number.get(..*width) else { return false };
                octets.extend_from_slice(number);
                true
            }
            (Given::Float(value), cells) => cells.number(value.to_le_bytes()),
            (Given::Address(ip), cells) => cells.number(ip.octets()),
            (Given::Text(value), cells @ (Self::Texts(_) | Self::Words(_))) => cells.octets(value.as_bytes()),
            (Given::Octets(value), cells @ (Self::Texts(_) | Self::Fixed { .. })) => cells.octets(value),
            (Given::List(values), cells) => {
                let Some(cells) = cells.list(values.len()) else { return false };
                values.iter().all(|value| match value {
                    Some(value) => cells.put(value),
                    None => {
                        cells.pad(1);
                        true
                    }
                })
            }
            (Given::Pair(pair), Self::Pairs(keys, values)) => keys.put(&pair.0) && values.put(&pair.1),
            (Given::Some(value), cells) => cells.some().is_some_and(|cells| cells.put(value)),
            _ => false,
        }
    }

    /// What the values take.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Fixed { octets, .. } | Self::Texts(octets) => octets.len(),
            Self::Words(words) => words.places.len() * 4 + words.keys.len(),
            Self::Nullable { absent, values } => absent.len() + values.bytes(),
            Self::Lists { ends, values } => ends.len() * 8 + values.bytes(),
            Self::Pairs(keys, values) => keys.bytes() + values.bytes(),
            Self::None => 0,
        }
    }

    pub fn clear(&mut self) {
        match self {
            Self::Fixed { octets, .. } | Self::Texts(octets) => octets.clear(),
            Self::Words(words) => *words = Words::default(),
            Self::Nullable { absent, values } => {
                absent.clear();
                values.clear();
            }
            Self::Lists { ends, values } => {
                ends.clear();
                values.clear();
            }
            Self::Pairs(keys, values) => {
                keys.clear();
                values.clear();
            }
            Self::None => {}
        }
    }

    /// The values as they stand behind a column's type.
    pub fn write(&self, out: &mut impl FnMut(&[u8])) {
        self.write_versions(out);
        self.write_values(out);
    }

    /// What stands before everything else: the versions of its dictionaries.
    fn write_versions(&self, out: &mut impl FnMut(&[u8])) {
        match self {
            Self::Words(_) => out(&DICTIONARY_VERSION.to_le_bytes()),
            Self::Nullable { values, .. } | Self::Lists { values, .. } => values.write_versions(out),
            Self::Pairs(keys, values) => {
                keys.write_versions(out);
                values.write_versions(out);
            }
            Self::Fixed { .. } | Self::Texts(_) | Self::None => {}
        }
    }

    fn write_values(&self, out: &mut impl FnMut(&[u8])) {
        match self {
            Self::Fixed { octets, .. } | Self::Texts(octets) => out(octets),
            Self::Words(words) => words.write(out),
            Self::Nullable { absent, values } => {
                out(absent);
                values.write_values(out);
            }
            Self::Lists { ends, values } => {
                let octets: Vec<u8> = ends.iter().flat_map(|end| end.to_le_bytes()).collect();
                out(&octets);
                values.write_values(out);
            }
            Self::Pairs(keys, values) => {
                keys.write_values(out);
                values.write_values(out);
            }
            Self::None => {}
        }
    }
}

impl Words {
    #[inline]
    fn put(&mut self, word: &[u8]) {
        let place = match word {
            [] => 0,
            _ => match self.known.get(word) {
                Some(place) => *place,
                None => self.add(word),
            },
        };
        self.places.push(place);
    }

    fn add(&mut self, word: &[u8]) -> u32 {
        let place = self.known.len() as u32 + 1;
        text(word, &mut self.keys);
        self.known.insert(word.into(), place);
        place
    }

    fn write(&self, out: &mut impl FnMut(&[u8])) {
        if self.places.is_empty() {
            return;
        }
        let keys = self.known.len() + 1;
        let places = self.places.iter();
        let (kind, places): (u64, Vec<u8>) = match keys {
            ..=0x100 => (0, places.map(|&place| place as u8).collect()),
            0x101..=0x1_0000 => (1, places.flat_map(|&place| (place as u16).to_le_bytes()).collect()),
            _ => (2, places.flat_map(|place| place.to_le_bytes()).collect()),
        };
        out(&(kind | OWN_KEYS).to_le_bytes());
        out(&(keys as u64).to_le_bytes());
        out(&[0]);
        out(&self.keys);
        out(&(self.places.len() as u64).to_le_bytes());
        out(&places);
    }
}

impl Given<'_> {
    /// Whether it is what a column has where nothing is said. One of a column of lists of lists is not looked into.
    pub fn is_default(&self) -> bool {
        match self {
            Self::Number(number) => *number == 0,
            Self::Text(text) => text.is_empty(),
            Self::List(values) => values.is_empty(),
            Self::Float(_) | Self::Address(_) | Self::Octets(_) | Self::Pair(_) | Self::Some(_) => false,
        }
    }
}

/// Appends a length.
pub fn length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// Appends a text with its length before it.
pub fn text(value: &[u8], out: &mut Vec<u8>) {
    length(value.len(), out);
    out.extend_from_slice(value);
}

/// Of dictionaries: keys stand with the values.
const DICTIONARY_VERSION: u64 = 1;
/// Keys of its own, and a new dictionary.
const OWN_KEYS: u64 = (1 << 9) | (1 << 10);
