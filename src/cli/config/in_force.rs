//! The keys with the values that a run goes by, so that two of them can be held against each other.

use clap::{ArgMatches, Command};

use super::document::Document;
use super::keys::Key;
use crate::config::Limits;

/// What a run goes by, whether it is written in the file, on the command line or nowhere.
#[derive(Debug, Clone)]
pub struct InForce {
    pub limits: Limits,
    values: Vec<(&'static Key, Option<String>)>,
}

impl InForce {
    pub fn of(command: &Command, given: &ArgMatches, limits: Limits) -> Self {
        let values = Document { command, given, limits: &limits }.entries();
        Self { limits, values }
    }

    /// Keys whose values differ and that are not taken on while a run lasts, as `table.key`.
    pub fn waiting(&self, other: &Self) -> Vec<String> {
        let differs = self.values.iter().zip(&other.values).filter(|((_, one), (_, another))| one != another);
        differs.map(|((key, _), _)| *key).filter(|key| !is_renewed(key)).map(name).collect()
    }
}

fn name(key: &Key) -> String {
    format!("{}.{}", key.table, key.name)
}

fn is_renewed(key: &Key) -> bool {
    RENEWED.iter().any(|(table, name)| (*table, *name) == (key.table, key.name))
}

/// What can change without losing a connection, or anything that was told of one. All others hold sockets, files or
/// packets.
pub const RENEWED: &[(&str, &str)] = &[
    ("analysis", "rules"),
    ("analysis", "threat_lists"),
    ("analysis", "labels"),
    ("analysis", "use_labels"),
    ("analysis", "ca_files"),
    ("analysis", "fail_on"),
    ("limits", "chain_checks"),
    ("limits", "rule_groups"),
    ("limits", "rule_bytes"),
    ("limits", "suppressed_keys"),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Args;

    fn in_force(words: &[&str], limits: Limits) -> InForce {
        let command = Args::command();
        let matches = command.clone().get_matches_from([&["tlsight", "live", "-i", "lo"], words].concat());
        let (name, given) = matches.subcommand().unwrap();
        InForce::of(command.find_subcommand(name).unwrap(), given, limits)
    }

    #[test]
    fn what_is_taken_on_is_a_key() {
        assert!(RENEWED.iter().all(|(table, name)| Key::named(table, name).is_some()));
    }

    #[test]
    fn what_differs_and_holds_something_waits_for_the_next_start() {
        let before = in_force(&["--threat-list", "a", "--stats-interval", "5s"], Limits::default());
        let limits = Limits { rule_groups: 1, idle_seconds: 7, ..Limits::default() };
        let after = in_force(&["--threat-list", "b", "--syslog", "udp://127.0.0.1:514", "--no-labels"], limits);
        assert_eq!(before.waiting(&before), Vec::<String>::new());
        assert_eq!(before.waiting(&after), ["outputs.syslog", "sensor.stats_interval", "limits.idle_seconds"]);
    }
}
