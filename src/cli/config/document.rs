//! The configuration file as it is printed: every key with what it does, its unit and its default.

use std::fmt::{self, Display, Formatter};

use clap::{ArgMatches, Command};
use toml::Value;

use super::keys::{self, Default, KEYS, Key, Kind, SECRETS, TABLES};
use crate::config::Limits;

/// The keys with the values in force.
pub struct Document<'a> {
    pub command: &'a Command,
    pub given: &'a ArgMatches,
    pub limits: &'a Limits,
}

/// The keys with their defaults; those that have none are examples behind a `#`.
pub fn defaults() -> String {
    let limits = keys::limits(&Limits::default());
    written(|key| match key.default {
        Default::Is(text) => Some(text.to_owned()),
        Default::Unset { .. } => None,
        Default::Limit => limits.iter().find(|(name, _)| *name == key.name).map(|(_, value)| value.to_string()),
    })
}

impl Display for Document<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let entries = self.entries();
        out.write_str(&written(|key| entries.iter().find(|(entry, _)| *entry == key)?.1.clone()))
    }
}

impl Document<'_> {
    /// The keys, each with what is in force if something is.
    pub fn entries(&self) -> Vec<(&'static Key, Option<String>)> {
        let limits = keys::limits(self.limits);
        let value = |key: &'static Key| match key.kind {
            Kind::Limit => limits.iter().find(|(name, _)| *name == key.name).map(|(_, value)| value.to_string()),
            kind => self.value(kind),
        };
        KEYS.iter().map(|key| (key, value(key))).collect()
    }

    fn value(&self, kind: Kind) -> Option<String> {
        let text = |text: String| Value::String(text).to_string();
        match kind {
            Kind::Text(option) => self.raw(option).into_iter().next().map(text),
            Kind::Number(option) => self.raw(option).into_iter().next(),
            Kind::Texts(option) => {
                let values = self.raw(option);
                (!values.is_empty()).then(|| Value::Array(values.into_iter().map(Value::String).collect()).to_string())
            }
            Kind::Switch(option) => self.flag(option).map(|flag| flag.to_string()),
            Kind::Unless(option) => self.flag(option).map(|flag| (!flag).to_string()),
            Kind::Choice(words) => {
                let chosen = words.iter().skip(1).find(|word| self.flag(word) == Some(true));
                chosen.or(words.first()).map(|word| text((*word).to_owned()))
            }
            Kind::Limit => None,
        }
    }

    fn raw(&self, option: &str) -> Vec<String> {
        let id = keys::id(option);
        let values = super::knows(self.command, &id).then(|| self.given.get_raw(&id)).flatten();
        values.into_iter().flatten().map(|value| value.to_string_lossy().into_owned()).collect()
    }

    fn flag(&self, option: &str) -> Option<bool> {
        let id = keys::id(option);
        super::knows(self.command, &id).then(|| self.given.get_flag(&id))
    }
}

/// The file, with what `value` says behind each key.
fn written(value: impl Fn(&Key) -> Option<String>) -> String {
    let mut out = String::from(HEAD);
    for (variable, about) in SECRETS {
        out.push_str(&format!("#   {variable:<28} {about}\n"));
    }
    for (table, about) in TABLES {
        out.push_str(&format!("\n# {about}\n[{table}]\n"));
        for key in KEYS.iter().filter(|key| key.table == *table) {
            for line in key.about.lines() {
                out.push_str(&format!("# {line}\n"));
            }
            match (value(key), key.default) {
                (Some(value), _) => out.push_str(&format!("{} = {value}\n", key.name)),
                (None, Default::Unset { example }) => out.push_str(&format!("#{} = {example}\n", key.name)),
                (None, Default::Is(default)) => out.push_str(&format!("#{} = {default}\n", key.name)),
                (None, Default::Limit) => {}
            }
        }
    }
    out
}

const HEAD: &str = "# The configuration of tlsight, for `--config FILE` of `read` and `live`. `tlsight config check FILE` looks it over.\n\
                    # What is written on the command line goes before this file. A key behind a # has no default; what stands there\n\
                    # is an example. Secrets are not in this file but in the environment:\n";
