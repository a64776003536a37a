//! The keys of a rule's `custom:`, which are tlsight's own: the one place that knows them all.

use std::collections::HashMap;

use yaml_serde::Value;

use crate::detect::behaviour::{Fault, Plan};
use crate::detect::field::Field;
use crate::detect::message::Message;
use crate::detect::source::Document;
use crate::detect::suppress::{By, Suppress};
use crate::detect::timespan;

/// What stands under `custom:`.
#[derive(Debug, Default)]
pub(super) struct Custom {
    /// The sentence of an alert; without it the title says what there is.
    pub message: Option<Message>,
    /// What is remembered of the sessions that are selected.
    pub behaviour: Option<Plan>,
    /// Which of its alerts are held back.
    pub suppress: Suppressing,
}

/// What a rule says of suppression.
#[derive(Debug, Default)]
pub(super) enum Suppressing {
    /// Nothing: what is usual for its kind.
    #[default]
    Usual,
    Never,
    As(Suppress),
}

impl Suppressing {
    pub fn or(self, usual: Option<Suppress>) -> Option<Suppress> {
        match self {
            Self::Usual => usual,
            Self::Never => None,
            Self::As(suppress) => Some(suppress),
        }
    }

    fn read(value: &Value) -> Result<Self, String> {
        if value.as_bool() == Some(false) {
            return Ok(Self::Never);
        }
        let form = "write `suppress: {for: 1h, by: [source.ip], limit: 1}`, or `suppress: false`";
        let entries = value.as_mapping().ok_or(form)?;
        let mut suppress = Suppress { span: 0, by: None, limit: 1 };
        for (key, value) in entries {
            match key.as_str().unwrap_or_default() {
                "for" => suppress.span = timespan::parse(value.as_str().unwrap_or_default())?,
                "by" => suppress.by = Some(Self::by(value)?),
                "limit" => {
                    let limit = value.as_u64().and_then(|limit| u32::try_from(limit).ok()).filter(|limit| *limit > 0);
                    suppress.limit = limit.ok_or("`limit` is a number of alerts, at least 1")?;
                }
                other => return Err(format!("`suppress` knows the keys for, by and limit, not `{other}`")),
            }
        }
        match suppress.span {
            0 => Err(format!("`suppress` does not say for how long: {form}")),
            _ => Ok(Self::As(suppress)),
        }
    }

    fn by(value: &Value) -> Result<Box<[By]>, String> {
        let names = value.as_sequence().ok_or("`by` is a list of fields, as in [source.ip]")?;
        let by = names.iter().map(|name| {
            let name = name.as_str().ok_or("`by` is a list of fields, as in [source.ip]")?;
            Ok(By { name: name.into(), field: Field::named(name).ok() })
        });
        by.collect()
    }
}

impl Custom {
    /// Reads `custom:` from what the parser left over; `None` where something in it is wrong, which is told.
    pub fn read(document: &Document<'_>, left_over: &HashMap<String, Value>, faults: &mut Vec<String>) -> Option<Self> {
        let mut custom = Self::default();
        let Some(value) = left_over.get("custom") else { return Some(custom) };
        let Some(entries) = value.as_mapping() else {
            faults.push(document.fault(&["custom"], "`custom` holds keys: write `custom: {message: \"…\"}`"));
            return None;
        };
        let before = faults.len();
        for (key, value) in entries {
            let key = key.as_str().unwrap_or_default();
            if key == "behaviour" {
                custom.behaviour = behaviour(document, value, faults);
                continue;
            }
            if let Err(what) = custom.entry(key, value) {
                faults.push(document.fault(&["custom", key], what));
            }
        }
        custom.check_measures(document, faults);
        (faults.len() == before).then_some(custom)
    }

    /// A message may name the figures that the behaviour tells, and no others.
    fn check_measures(&self, document: &Document<'_>, faults: &mut Vec<String>) {
        let Some(known) = self.behaviour.as_ref().map(Plan::measures) else { return };
        for name in self.message.iter().flat_map(Message::measures).filter(|name| !known.contains(name)) {
            let what = format!("there is no `measure.{name}` here; there are {}", known.join(", "));
            faults.push(document.fault(&["custom", "message"], what));
        }
    }

    fn entry(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match key {
            "message" => {
                let template = value.as_str().ok_or("`custom: message:` is a sentence: write text")?;
                self.message = Some(Message::parse(template)?);
            }
            "suppress" => self.suppress = Suppressing::read(value)?,
            // Read by who runs them.
            "tests" if value.is_sequence() => {}
            "tests" => return Err("`custom: tests:` is a list: see rules/README.md".to_owned()),
            unknown => return Err(format!("`custom` knows the keys {}, not `{unknown}`", KEYS.join(", "))),
        }
        Ok(())
    }
}

fn behaviour(document: &Document<'_>, value: &Value, faults: &mut Vec<String>) -> Option<Plan> {
    let told = |fault: Fault| document.fault(&["custom", "behaviour", &fault.key], fault.what);
    Plan::read(value).map_err(|found| faults.extend(found.into_iter().map(told))).ok()
}

/// All keys, as a fault lists them.
const KEYS: &[&str] = &["behaviour", "message", "suppress", "tests"];
