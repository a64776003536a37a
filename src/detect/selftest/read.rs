//! Reads tests: YAML in, [`Suite`]s out, or what is wrong with them and where.

use std::fs;
use std::path::{Path, PathBuf};

use yaml_serde::{Mapping, Value};

use super::steps::{Repeat, SECOND, Step};
use crate::detect::library::Entry;
use crate::detect::sample::Sample;
use crate::detect::source::Document;

/// The tests of one rule.
#[derive(Debug, Default)]
pub struct Suite {
    pub(super) trials: Vec<Trial>,
    /// `file:line: what`
    pub faults: Vec<String>,
}

impl Suite {
    /// Trials that have to fire, and that have to stay quiet.
    pub fn counts(&self) -> (usize, usize) {
        let fires = self.trials.iter().filter(|trial| trial.wanted == Wanted::Fires).count();
        (fires, self.trials.len().saturating_sub(fires))
    }

    /// A line for each trial: what has to come of what.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.trials.iter().map(|trial| {
            let wanted = if trial.wanted == Wanted::Fires { "fires" } else { "quiet" };
            format!("{wanted}: {}: {}", trial.name, trial.traffic.said())
        })
    }
}

/// One capture, or some sessions, and what has to come of it.
#[derive(Debug)]
pub(super) struct Trial {
    pub name: String,
    pub wanted: Wanted,
    pub traffic: Traffic,
    /// How many alerts there have to be.
    pub alerts: Option<u64>,
    /// What the first alert's sentence has to hold.
    pub message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Fires,
    Quiet,
}

#[derive(Debug)]
pub(super) enum Traffic {
    Capture(PathBuf),
    Steps(Vec<Step>),
}

impl Traffic {
    pub fn said(&self) -> String {
        match self {
            Self::Capture(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Steps(steps) => match steps.iter().map(|step| step.repeat.count).fold(0, u64::saturating_add) {
                1 => "a session".to_owned(),
                count => format!("{count} sessions"),
            },
        }
    }
}

/// The tests in a rule's `custom: tests:`, and those for it in the `.tests.yml` beside it.
pub fn suite(entry: &Entry, all: &[Entry]) -> Suite {
    let mut suite = Suite::default();
    if let Some(tests) = entry.custom("tests") {
        let document = entry.document();
        let mut reader = Reader { document: &document, folder: entry.path.parent(), suite: &mut suite };
        reader.tests(tests, &["custom", "tests"]);
    }
    let beside = entry.path.with_extension("tests.yml");
    if let Ok(text) = fs::read_to_string(&beside) {
        let document = Document { path: &beside, before: 0, text: &text };
        match yaml_serde::from_str::<Value>(&text) {
            Ok(Value::Sequence(tests)) => {
                let is_alone = all.iter().filter(|other| other.path == entry.path).count() == 1;
                let own = tests.into_iter().filter(|test| match test.get("rule").and_then(Value::as_str) {
                    Some(rule) => {
                        rule.eq_ignore_ascii_case(&entry.id()) || Some(rule) == entry.name() || rule == entry.title()
                    }
                    None => is_alone,
                });
                let own = Value::Sequence(own.collect());
                let mut reader = Reader { document: &document, folder: beside.parent(), suite: &mut suite };
                reader.tests(&own, &[]);
            }
            Ok(_) => suite.faults.push(document.fault(&[], "tests are a list")),
            Err(why) => suite.faults.push(document.fault_at(line_of(&why), format!("not YAML: {why}"))),
        }
    }
    suite
}

fn line_of(fault: &yaml_serde::Error) -> usize {
    fault.location().map_or(1, |location| location.line())
}

struct Reader<'a> {
    document: &'a Document<'a>,
    folder: Option<&'a Path>,
    suite: &'a mut Suite,
}

impl Reader<'_> {
    fn tests(&mut self, tests: &Value, keys: &[&str]) {
        for test in tests.as_sequence().into_iter().flatten() {
            if let Err(Fault { name, what }) = self.test(test) {
                let keys: Vec<&str> = keys.iter().copied().chain(name.as_deref()).collect();
                let named = name.as_ref().map(|name| format!("test `{name}`: ")).unwrap_or_default();
                self.suite.faults.push(self.document.fault(&keys, format!("{named}{what}")));
            }
        }
    }

    fn test(&mut self, test: &Value) -> Result<(), Fault> {
        let name = test.get("name").and_then(Value::as_str).map(str::to_owned);
        let fault = |what: String| Fault { name: name.clone(), what };
        let map = test.as_mapping().ok_or_else(|| fault("a test has `name`, `fires` and `quiet`".to_owned()))?;
        known_keys(map, &["name", "rule", "fires", "quiet"]).map_err(fault)?;
        let title = name.clone().ok_or_else(|| fault("a test has a `name`".to_owned()))?;
        let before = self.suite.trials.len();
        for (key, wanted) in [("fires", Wanted::Fires), ("quiet", Wanted::Quiet)] {
            let Some(items) = map.get(key) else { continue };
            let items = items.as_sequence().ok_or_else(|| fault(format!("`{key}` is a list")))?;
            for item in items {
                let trial = self.trial(item).map_err(fault)?;
                self.suite.trials.push(Trial { name: title.clone(), wanted, ..trial });
            }
        }
        if self.suite.trials.len() == before {
            return Err(fault("it has neither `fires` nor `quiet`".to_owned()));
        }
        Ok(())
    }

    fn trial(&self, item: &Value) -> Result<Trial, String> {
        let trial =
            |traffic| Trial { name: String::new(), wanted: Wanted::Fires, traffic, alerts: None, message: None };
        match item {
            Value::String(path) => Ok(trial(Traffic::Capture(self.capture(path)?))),
            Value::Sequence(steps) => Ok(trial(Traffic::Steps(steps_of(steps)?))),
            Value::Mapping(map) => {
                let alerts = map.get("alerts").map(|count| count.as_u64().ok_or("`alerts` is a number")).transpose()?;
                let message = map.get("message").map(|text| text.as_str().ok_or("`message` is text")).transpose()?;
                let traffic = if let Some(path) = map.get("capture") {
                    known_keys(map, &["capture", "alerts", "message"])?;
                    Traffic::Capture(self.capture(path.as_str().ok_or("`capture` is a path")?)?)
                } else if let Some(steps) = map.get("events") {
                    known_keys(map, &["events", "alerts", "message"])?;
                    Traffic::Steps(steps_of(steps.as_sequence().ok_or("`events` is a list")?)?)
                } else {
                    Traffic::Steps(vec![step(map, &["alerts", "message"])?])
                };
                Ok(Trial { alerts, message: message.map(str::to_owned), ..trial(traffic) })
            }
            _ => Err("what fires or is quiet is a capture's path, an `event` or a list of those".to_owned()),
        }
    }

    /// The capture as its path stands from the rule's folder, or from one above it.
    fn capture(&self, path: &str) -> Result<PathBuf, String> {
        let here = self.folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let here = fs::canonicalize(here).unwrap_or_else(|_| here.to_owned());
        here.ancestors()
            .map(|folder| folder.join(path))
            .find(|path| path.is_file())
            .ok_or_else(|| format!("there is no capture `{path}` beside the rule or in a folder above"))
    }
}

struct Fault {
    name: Option<String>,
    what: String,
}

fn steps_of(steps: &[Value]) -> Result<Vec<Step>, String> {
    if steps.is_empty() {
        return Err("there is no event".to_owned());
    }
    let steps: Vec<Step> = steps
        .iter()
        .map(|value| step(value.as_mapping().ok_or("an event is `event: {field: value}`")?, &[]))
        .collect::<Result<_, String>>()?;
    let count = steps.iter().map(|step| step.repeat.count).fold(0, u64::saturating_add);
    match count <= MOST_SESSIONS {
        true => Ok(steps),
        false => Err(format!("{count} sessions are more than {MOST_SESSIONS}")),
    }
}

fn step(map: &Mapping, also: &[&str]) -> Result<Step, String> {
    let own = ["event", "at", "repeat", "random"];
    known_keys(map, &own.iter().chain(also).copied().collect::<Vec<_>>())?;
    let fields = map.get("event").ok_or("an event is `event: {field: value}`")?;
    let mut sample = Sample::default();
    add(&mut sample, "", fields)?;
    let random = map.get("random").map(|text| text.as_str().ok_or("`random` is text")).transpose()?;
    Ok(Step {
        sample,
        at: map.get("at").map(|at| duration(at, "at")).transpose()?,
        repeat: map.get("repeat").map_or(Ok(Repeat::ONCE), repeat)?,
        random: random.map(random_of),
    })
}

/// Dotted names, or maps within maps.
fn add(sample: &mut Sample, name: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::Mapping(map) => map.iter().try_for_each(|(key, value)| {
            let key = key.as_str().ok_or("a field's name is text")?;
            add(sample, &if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") }, value)
        }),
        _ if name.is_empty() => Err("`event` holds fields and their values".to_owned()),
        Value::Sequence(values) => {
            let values: Result<_, String> = values.iter().map(|value| scalar(name, value)).collect();
            sample.set(name, values?)
        }
        value => sample.set(name, vec![scalar(name, value)?]),
    }
}

fn scalar(name: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Number(number) => Ok(match number.as_i64() {
            Some(number) => number.to_string(),
            // `tls.version: 1.0`, without quotes, is a number to YAML.
            None => format!("{:?}", number.as_f64().unwrap_or_default()),
        }),
        _ => Err(format!("`{name}` needs a value; leave it out where it is not to be known")),
    }
}

fn repeat(value: &Value) -> Result<Repeat, String> {
    let map = value.as_mapping().ok_or("`repeat` is `{count: …, every: …, jitter: …}`")?;
    known_keys(map, &["count", "every", "jitter"])?;
    let count = map.get("count").and_then(Value::as_u64).ok_or("`repeat` has a `count`")?;
    if !(1..=MOST_SESSIONS).contains(&count) {
        return Err(format!("`count` is a number from 1 to {MOST_SESSIONS}"));
    }
    let jitter = map.get("jitter").map_or(Some(0.0), Value::as_f64);
    Ok(Repeat {
        count,
        every: map.get("every").map_or(Ok(SECOND), |every| duration(every, "every"))?,
        jitter: jitter.filter(|jitter| (0.0..=1.0).contains(jitter)).ok_or("`jitter` is a number from 0 to 1")?,
    })
}

/// `250ms`, `60s`, `5m`, `1h`, `2d`; a number alone is seconds. Nanoseconds.
fn duration(value: &Value, key: &str) -> Result<i64, String> {
    let fault = || format!("`{key}` is a time such as 250ms, 60s, 5m, 1h or 2d");
    let text = scalar(key, value)?;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).ok_or_else(fault)?;
    let unit = match unit {
        "ms" => 1_000_000,
        "s" | "" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        "d" => 86_400 * SECOND,
        _ => return Err(fault()),
    };
    number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|nanos| *nanos <= TEN_YEARS)
        .ok_or_else(fault)
}

fn random_of(text: &str) -> [u8; 32] {
    let mut random = [0; 32];
    for (place, byte) in random.iter_mut().zip(text.bytes().chain(std::iter::repeat(b' '))) {
        *place = byte;
    }
    random
}

fn known_keys(map: &Mapping, known: &[&str]) -> Result<(), String> {
    let strange = map.keys().map(|key| key.as_str().unwrap_or("?")).find(|key| !known.contains(key));
    strange.map_or(Ok(()), |key| Err(format!("the key `{key}` is not known here: there are {}", known.join(", "))))
}

/// Of one trial.
const MOST_SESSIONS: u64 = 100_000;
const TEN_YEARS: i64 = 3_653 * 86_400 * SECOND;
