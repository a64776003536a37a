//! The configuration file as it is written: what it sets, or all that is wrong in it, each with its line.

use std::error::Error as _;
use std::fs;
use std::path::Path;

use clap::Command;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Default, KEYS, Key, Kind, TABLES};
use crate::Error;
use crate::config::Limits;
use crate::detect::field::distance;

/// What a file sets.
#[derive(Debug, std::default::Default, PartialEq, Eq)]
pub struct File {
    /// In the order of the file.
    pub settings: Vec<Setting>,
    pub limits: Limits,
}

/// A key and the values behind it. A switch has one, of the option's sense, and a choice its word.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    pub key: &'static Key,
    values: Vec<String>,
}

impl Setting {
    /// Whether it says what is in force anyway.
    pub fn is_default(&self) -> bool {
        let [value] = &*self.values else { return false };
        matches!(self.key.default, Default::Is(text) if text.trim_matches('"') == value)
    }

    /// The options that say the same, each by its name and as it is written.
    pub fn arguments(&self) -> Vec<(&'static str, String)> {
        let flag = |option: &'static str| (option, format!("--{option}"));
        match self.key.kind {
            Kind::Text(option) | Kind::Texts(option) | Kind::Number(option) => {
                self.values.iter().map(|value| (option, format!("--{option}={value}"))).collect()
            }
            Kind::Switch(option) => self.values.iter().filter(|value| *value == "true").map(|_| flag(option)).collect(),
            Kind::Unless(option) => {
                self.values.iter().filter(|value| *value == "false").map(|_| flag(option)).collect()
            }
            Kind::Choice(words) => {
                let chosen = words.iter().skip(1).filter(|word| self.values.iter().any(|value| value == **word));
                chosen.map(|word| flag(word)).collect()
            }
            Kind::Limit => Vec::new(),
        }
    }
}

impl File {
    /// Reads a file; `command` knows the options whose values it may have.
    ///
    /// # Errors
    /// [`Error::Configuration`] with every fault.
    pub fn read(path: &Path, command: &Command) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(&text, command).map_err(|faults| {
            let line = |Fault { line, what }: Fault| format!("{}:{line}: {what}", path.display());
            Error::Configuration(faults.into_iter().map(line).collect())
        })
    }

    fn parse(text: &str, command: &Command) -> Result<Self, Vec<Fault>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut reading = Reading { text, command, file: Self::default(), faults: Vec::new() };
        for error in errors {
            reading.fault(error.span().map_or(0, |span| span.start), one_line(error.message()));
        }
        // What stands behind a broken line may not be what was meant.
        if reading.faults.is_empty() {
            document.get_ref().iter().for_each(|(name, value)| reading.table(name, value));
        }
        let Reading { file, mut faults, .. } = reading;
        faults.sort_by_key(|fault| fault.line);
        if faults.is_empty() { Ok(file) } else { Err(faults) }
    }
}

/// What is wrong in the file, and where.
#[derive(Debug)]
struct Fault {
    line: usize,
    what: String,
}

struct Reading<'a> {
    text: &'a str,
    command: &'a Command,
    file: File,
    faults: Vec<Fault>,
}

type Name<'a> = Spanned<std::borrow::Cow<'a, str>>;

impl Reading<'_> {
    fn fault(&mut self, at: usize, what: String) {
        let before = self.text.get(..at).unwrap_or_default();
        self.faults.push(Fault { line: before.matches('\n').count() + 1, what });
    }

    fn table(&mut self, name: &Name<'_>, value: &Spanned<DeValue<'_>>) {
        let (at, name) = (name.span().start, name.get_ref().as_ref());
        if !TABLES.iter().any(|(table, _)| *table == name) {
            let place = KEYS.iter().find(|key| key.name == name).map(|key| format!("it belongs under [{}]", key.table));
            let mean = || format!("did you mean [{}]?", nearest(name, TABLES.iter().map(|(table, _)| *table)));
            return self.fault(at, format!("unknown table `{name}`; {}", place.unwrap_or_else(mean)));
        }
        match value.get_ref() {
            DeValue::Table(table) => table.iter().for_each(|(key, value)| self.key(name, key, value)),
            other => self.fault(at, format!("`{name}` is a table, not {}", article(other))),
        }
    }

    fn key(&mut self, table: &str, name: &Name<'_>, value: &Spanned<DeValue<'_>>) {
        let (at, name) = (name.span().start, name.get_ref().as_ref());
        let Some(key) = Key::named(table, name) else {
            let place = KEYS.iter().find(|key| key.name == name).map(|key| format!("it belongs under [{}]", key.table));
            let names = KEYS.iter().filter(|key| key.table == table).map(|key| key.name);
            let mean = || format!("did you mean `{}`?", nearest(name, names));
            return self.fault(at, format!("unknown key `{name}` in [{table}]; {}", place.unwrap_or_else(mean)));
        };
        match self.values(key, value) {
            Ok(values) if key.kind == Kind::Limit => {
                let number = values.first().and_then(|text| text.parse().ok()).unwrap_or_default();
                if let Err(what) = set(&mut self.file.limits, key.name, number) {
                    self.fault(value.span().start, format!("`{name}` {what}"));
                }
            }
            Ok(values) => self.file.settings.push(Setting { key, values }),
            Err(what) => self.fault(value.span().start, format!("`{name}` {what}")),
        }
    }

    /// The values as options have them, or what is wrong with them.
    fn values(&self, key: &Key, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, String> {
        let value = value.get_ref();
        match key.kind {
            Kind::Text(option) => {
                let text = value.as_str().ok_or_else(|| format!("is text, not {}", article(value)))?;
                self.accepts(option, text).map(|()| vec![text.to_owned()])
            }
            Kind::Texts(option) => {
                let list = value.as_array().ok_or_else(|| format!("is a list of texts, not {}", article(value)))?;
                let text = |item: &Spanned<DeValue<'_>>| {
                    let item = item.get_ref();
                    let text = item.as_str().ok_or_else(|| format!("is a list of texts, not of {}", plural(item)))?;
                    self.accepts(option, text).map(|()| text.to_owned())
                };
                list.iter().map(text).collect()
            }
            Kind::Number(option) => {
                let text = number(value)?.to_string();
                self.accepts(option, &text).map(|()| vec![text])
            }
            Kind::Switch(_) | Kind::Unless(_) => {
                let switch = value.as_bool().ok_or_else(|| format!("is true or false, not {}", article(value)))?;
                Ok(vec![switch.to_string()])
            }
            Kind::Choice(words) => {
                let text = value.as_str().ok_or_else(|| format!("is text, not {}", article(value)))?;
                match words.contains(&text) {
                    true => Ok(vec![text.to_owned()]),
                    false => Err(format!("is one of {}; not `{text}`", words.join(", "))),
                }
            }
            Kind::Limit => Ok(vec![number(value)?.to_string()]),
        }
    }

    /// Whether the option takes this value.
    fn accepts(&self, option: &str, value: &str) -> Result<(), String> {
        let mut arguments = self.command.get_subcommands().flat_map(Command::get_arguments);
        let Some(argument) = arguments.find(|argument| argument.get_long() == Some(option)) else { return Ok(()) };
        let parser = argument.get_value_parser().clone();
        let alone = Command::new("value").no_binary_name(true).arg(clap::Arg::new("v").long("v").value_parser(parser));
        match alone.try_get_matches_from([format!("--v={value}")]) {
            Ok(_) => Ok(()),
            Err(error) => {
                let words: Vec<String> =
                    argument.get_possible_values().iter().map(|word| word.get_name().to_owned()).collect();
                let why = error.source().map(ToString::to_string);
                let why = why.unwrap_or_else(|| format!("write one of {}", words.join(", ")));
                Err(format!("cannot be `{value}`: {why}"))
            }
        }
    }
}

fn number(value: &DeValue<'_>) -> Result<u64, String> {
    let integer = value.as_integer().ok_or_else(|| format!("is a whole number, not {}", article(value)))?;
    u64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| "is a number from 0 on".to_owned())
}

/// Sets the limit of that name. With none of most of them nothing could be seen.
fn set(limits: &mut Limits, name: &str, value: u64) -> Result<(), String> {
    if value == 0 && name != "chain_checks" {
        return Err("must be at least 1".to_owned());
    }
    let size = usize::try_from(value).map_err(|_| TOO_LARGE.to_owned())?;
    match name {
        "max_flows" => limits.max_flows = size,
        "max_unanswered" => limits.max_unanswered = size,
        "out_of_order_bytes" => limits.out_of_order_bytes = size,
        "total_out_of_order_bytes" => limits.total_out_of_order_bytes = size,
        "client_hello_bytes" => limits.client_hello_bytes = size,
        "handshake_message_bytes" => limits.handshake_message_bytes = size,
        "fragment_bytes" => limits.fragment_bytes = size,
        "idle_seconds" => limits.idle_seconds = value,
        "half_open_seconds" => limits.half_open_seconds = value,
        "fragment_seconds" => limits.fragment_seconds = value,
        "chain_checks" => limits.chain_checks = u32::try_from(value).map_err(|_| TOO_LARGE.to_owned())?,
        "rule_groups" => limits.rule_groups = size,
        "rule_bytes" => limits.rule_bytes = size,
        "suppressed_keys" => limits.suppressed_keys = size,
        _ => return Err("is no limit".to_owned()),
    }
    Ok(())
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> &'a str {
    // A misspelt name is short; what is not would only cost time.
    let name: String = name.chars().take(64).collect();
    known.min_by_key(|known| distance(&name, known)).unwrap_or_default()
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a broken number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn plural(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "texts",
        DeValue::Integer(_) | DeValue::Float(_) => "numbers",
        DeValue::Boolean(_) => "true and false",
        DeValue::Datetime(_) => "times",
        DeValue::Array(_) => "lists",
        DeValue::Table(_) => "tables",
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const TOO_LARGE: &str = "is too large";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Args;
    use crate::cli::config::{defaults, keys};

    fn parse(text: &str) -> Result<File, Vec<Fault>> {
        File::parse(text, &Args::command())
    }

    fn faults(text: &str) -> Vec<String> {
        parse(text).unwrap_err().into_iter().map(|Fault { line, what }| format!("{line}: {what}")).collect()
    }

    #[test]
    fn what_is_not_set_keeps_its_default() {
        let limits = parse("[limits]\nidle_seconds = 5\n").unwrap().limits;
        assert_eq!(limits, Limits { idle_seconds: 5, ..Limits::default() });
        assert_eq!(parse("").unwrap(), File::default());
    }

    #[test]
    fn each_limit_is_set_by_its_own_name() {
        for (index, (name, _)) in keys::limits(&Limits::default()).into_iter().enumerate() {
            let value = 1_000 + index as u64;
            let set = parse(&format!("limits.{name} = {value}")).unwrap().limits;
            let changed: Vec<(&str, u64)> = keys::limits(&set)
                .into_iter()
                .filter(|limit| !keys::limits(&Limits::default()).contains(limit))
                .collect();
            assert_eq!(changed, [(name, value)]);
        }
    }

    #[test]
    fn every_fault_is_told_with_its_line_and_what_was_meant() {
        let text = "[limits]\nmax_flow = 1\nidle_seconds = \"a\"\nhalf_open_seconds = 0\n\n[output]\n\n[outputs]\n\
                    sylog = \"\"\nform = \"xml\"\ntop = 0\nlabels = 1\nfile = 1.5\n[sensor]\n\
                    stats_interval = \"5 parsecs\"\n[analysis]\nca_files = [1]\nfail_on = \"loud\"\nuse_labels = 1\n[capture]\nway = \"xdp\"";
        assert_eq!(
            faults(text),
            [
                "2: unknown key `max_flow` in [limits]; did you mean `max_flows`?",
                "3: `idle_seconds` is a whole number, not a text",
                "4: `half_open_seconds` must be at least 1",
                "6: unknown table `output`; did you mean [outputs]?",
                "9: unknown key `sylog` in [outputs]; did you mean `syslog`?",
                "10: `form` is one of auto, json, sessions, table; not `xml`",
                "11: `top` cannot be `0`: write 1 or more",
                "12: unknown key `labels` in [outputs]; it belongs under [analysis]",
                "13: `file` is text, not a broken number",
                "15: `stats_interval` cannot be `5 parsecs`: write a time such as 30s, 5m or 1h",
                "17: `ca_files` is a list of texts, not of numbers",
                "18: `fail_on` cannot be `loud`: `loud` is no level: write informational, low, medium, high or critical",
                "19: `use_labels` is true or false, not a whole number",
                "21: `way` cannot be `xdp`: write one of auto, ring, pcap",
            ]
        );
        assert_eq!(faults("idle_seconds = 1"), ["1: unknown table `idle_seconds`; it belongs under [limits]"]);
        assert_eq!(faults("limits = 3"), ["1: `limits` is a table, not a whole number"]);
        assert!(faults("# x\n[limits\n").first().unwrap().starts_with("2: "));
        assert!(faults("[limits]\nmax_flows = 99999999999999999999").first().unwrap().starts_with("2: "));
        assert!(faults("[limits]\nmax_flows = -1").first().unwrap().starts_with("2: "));
    }

    #[test]
    fn what_is_printed_is_read_again_and_changes_nothing() {
        let file = parse(&defaults()).unwrap();
        assert_eq!(file.limits, Limits::default());
        for setting in &file.settings {
            let quoted = setting.values.iter().map(|value| format!("\"{value}\"")).collect::<String>();
            let keys::Default::Is(default) = setting.key.default else { unreachable!("{setting:?}") };
            assert!(default == quoted || default == setting.values.concat(), "{setting:?}");
        }
        // With the examples too it is a file that is right.
        let whole: String = defaults()
            .lines()
            .map(|line| {
                line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', '#'])).unwrap_or(line).to_owned() + "\n"
            })
            .collect();
        let file = parse(&whole).unwrap();
        let said = file.settings.iter().filter(|setting| setting.key.kind != Kind::Limit).count();
        assert_eq!(said, KEYS.iter().filter(|key| key.kind != Kind::Limit).count());
    }

    #[test]
    fn a_setting_is_the_option_of_its_key() {
        let text =
            "[outputs]\nform = \"table\"\ntop = 0x10\n[analysis]\nuse_labels = false\nlabels = [\"a\", \"-b\"]\n";
        let words: Vec<String> =
            parse(text).unwrap().settings.iter().flat_map(Setting::arguments).map(|(_, word)| word).collect();
        let expected = ["--table", "--top=16", "--no-labels", "--labels=a", "--labels=-b"];
        assert_eq!(words.len(), expected.len());
        assert!(expected.iter().all(|word| words.iter().any(|other| other == word)), "{words:?}");
    }
}
