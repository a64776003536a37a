//! Reads `custom: behaviour:` of a rule: a map of parameters, each with its form, its bounds and its default.
//!
//! In: YAML. Out: values, or every fault with the key it stands at. A key that was not asked for is a fault.

use yaml_serde::{Mapping, Value};

use super::key::Part;

/// What is wrong, and at which key below `custom: behaviour:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub key: String,
    pub what: String,
}

/// The parameters of one rule, as they are read one by one.
pub struct Parameters<'y> {
    map: &'y Mapping,
    asked: Vec<&'static str>,
    pub faults: Vec<Fault>,
}

impl<'y> Parameters<'y> {
    pub fn new(map: &'y Mapping) -> Self {
        Self { map, asked: Vec::new(), faults: Vec::new() }
    }

    pub fn text(&mut self, key: &'static str) -> Option<&'y str> {
        let value = self.find(key)?;
        let text = value.as_str();
        if text.is_none() {
            self.fault(key, format!("`{key}` is text"));
        }
        text
    }

    /// One of the words; the first where the key is not there.
    pub fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let default = words.first().map(|&(_, meaning)| meaning);
        if self.find(key).is_none() {
            return default;
        }
        let text = self.text(key)?;
        let meaning = words.iter().find(|(word, _)| *word == text).map(|&(_, meaning)| meaning);
        if meaning.is_none() {
            let known: Vec<&str> = words.iter().map(|&(word, _)| word).collect();
            self.fault(key, format!("`{key}` is one of {}, not `{text}`", known.join(", ")));
        }
        meaning.or(default)
    }

    /// A number of things.
    pub fn count(&mut self, key: &'static str, default: u64, bounds: (u64, u64)) -> u64 {
        let Some(value) = self.find(key) else { return default };
        let (low, high) = bounds;
        match value.as_u64() {
            Some(count) if (low..=high).contains(&count) => count,
            _ => {
                self.fault(key, format!("`{key}` is a whole number from {low} to {high}"));
                default
            }
        }
    }

    pub fn number(&mut self, key: &'static str, default: f64, bounds: (f64, f64)) -> f64 {
        let Some(value) = self.find(key) else { return default };
        let (low, high) = bounds;
        match value.as_f64() {
            Some(number) if (low..=high).contains(&number) => number,
            _ => {
                self.fault(key, format!("`{key}` is a number from {low} to {high}"));
                default
            }
        }
    }

    /// A time in nanoseconds, from nothing to [`LONGEST`].
    pub fn time(&mut self, key: &'static str, default: &str) -> i64 {
        self.time_if(key).or_else(|| time(default)).unwrap_or_default()
    }

    /// A time that has to be longer than nothing.
    pub fn span(&mut self, key: &'static str, default: &str) -> i64 {
        let span = self.time(key, default);
        if span == 0 {
            self.fault(key, format!("`{key}` must be longer than nothing"));
        }
        span
    }

    pub fn time_if(&mut self, key: &'static str) -> Option<i64> {
        let value = self.find(key)?;
        let nanos = match (value.as_str(), value.as_u64()) {
            (Some(text), _) => time(text),
            (None, Some(0)) => Some(0),
            _ => None,
        };
        if nanos.is_none() {
            self.fault(key, format!("`{key}` is a time such as 500ms, 30s, 5m, 1h or 7d, up to {LONGEST}"));
        }
        nanos
    }

    /// Fields; a list of them, or one.
    pub fn parts(&mut self, key: &'static str, default: &[&str]) -> Box<[Part]> {
        let names: Vec<String> = match self.find(key) {
            None => default.iter().map(|&name| name.to_owned()).collect(),
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Sequence(names)) => {
                names.iter().map(|name| name.as_str().unwrap_or_default().to_owned()).collect()
            }
            Some(_) => {
                self.fault(key, format!("`{key}` is a field, or a list of fields"));
                Vec::new()
            }
        };
        let mut parts = Vec::with_capacity(names.len());
        for name in &names {
            match Part::named(name) {
                Ok(part) => parts.push(part),
                Err(what) => self.fault(key, what),
            }
        }
        parts.into()
    }

    pub fn fault(&mut self, key: &str, what: String) {
        self.faults.push(Fault { key: key.to_owned(), what });
    }

    /// All faults, those of keys that nobody asked for among them.
    pub fn finish(mut self) -> Vec<Fault> {
        for key in self.map.keys() {
            let key = key.as_str().unwrap_or_default();
            if !self.asked.contains(&key) {
                let known = self.asked.join(", ");
                self.faults
                    .push(Fault { key: key.to_owned(), what: format!("there is no `{key}` here; there are {known}") });
            }
        }
        self.faults
    }

    fn find(&mut self, key: &'static str) -> Option<&'y Value> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.map.get(key)
    }
}

/// `500ms`, `30s`, `5m`, `1h`, `7d`, in nanoseconds.
fn time(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        "d" => DAY,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit).filter(|&nanos| nanos <= MAX)
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
const MAX: i64 = 3_650 * DAY;
const LONGEST: &str = "3650d";

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(yaml: &str, read: impl FnOnce(&mut Parameters<'_>) -> T) -> (T, Vec<String>) {
        let value: Value = yaml_serde::from_str(yaml).unwrap();
        let mut parameters = Parameters::new(value.as_mapping().unwrap());
        let read = read(&mut parameters);
        (read, parameters.finish().into_iter().map(|fault| format!("{}: {}", fault.key, fault.what)).collect())
    }

    #[test]
    fn times_have_units_and_bounds() {
        let all = [("500ms", 500_000_000), ("30s", 30 * SECOND), ("5m", 300 * SECOND), ("7d", 7 * DAY), ("3650d", MAX)];
        all.into_iter().for_each(|(text, nanos)| assert_eq!(time(text), Some(nanos), "{text}"));
        for text in ["", "5", "5y", "-5s", "3651d", "99999999999999999999d", "1.5h"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn every_fault_is_told_with_its_key() {
        let ((), faults) =
            read("{window: soon, distinct: 0, share: 2, by: [source.ipp, server], odd: 1}", |parameters| {
                assert_eq!(parameters.time("window", "5m"), 300 * SECOND);
                assert_eq!(parameters.count("distinct", 4, (2, 64)), 4);
                assert!(parameters.number("share", 0.5, (0.0, 1.0)) == 0.5);
                assert_eq!(parameters.parts("by", &[]).len(), 1);
            });
        assert_eq!(faults.len(), 5, "{faults:?}");
        assert!(faults[0].starts_with("window: `window` is a time such as"), "{faults:?}");
        assert!(faults[3].ends_with("did you mean `source.ip`?"), "{faults:?}");
        assert_eq!(faults[4], "odd: there is no `odd` here; there are window, distinct, share, by");
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let (values, faults) = read("{}", |parameters| {
            let by: Vec<&str> =
                parameters.parts("by", &["source.ip", "server"]).iter().map(|part| part.name()).collect();
            (parameters.word("constant", &[("any", 1), ("b", 2)]), parameters.span("window", "10m"), by)
        });
        assert_eq!(values, (Some(1), 600 * SECOND, vec!["source.ip", "server"]));
        assert_eq!(faults, Vec::<String>::new());
    }
}
