//! The keys of a rule's `custom:`, which are tlsight's own: the one place that knows them all.

use std::collections::HashMap;

use yaml_serde::Value;

use crate::detect::behaviour::{Fault, Plan};
use crate::detect::message::Message;
use crate::detect::source::Document;

/// What stands under `custom:`.
#[derive(Debug, Default)]
pub(super) struct Custom {
    /// The sentence of an alert; without it the title says what there is.
    pub message: Option<Message>,
    /// What is remembered of the sessions that are selected.
    pub behaviour: Option<Plan>,
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
        let known = self.behaviour.as_ref().map_or(&[][..], Plan::measures);
        for name in self.message.iter().flat_map(Message::measures).filter(|name| !known.contains(name)) {
            let what = match known {
                [] => format!("the message names `measure.{name}`, and the rule has no behaviour that measures"),
                known => format!("there is no `measure.{name}` here; there are {}", known.join(", ")),
            };
            faults.push(document.fault(&["custom", "message"], what));
        }
    }

    fn entry(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match key {
            "message" => {
                let template = value.as_str().ok_or("`custom: message:` is a sentence: write text")?;
                self.message = Some(Message::parse(template)?);
            }
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
const KEYS: &[&str] = &["behaviour", "message", "tests"];
