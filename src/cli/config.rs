//! The configuration file: every option of `read` and `live`, and the limits.
//!
//! In: a TOML file and the arguments. Out: the arguments with those of the file among them, so that one parser and one
//! set of rules judge both; what is written on the command line goes before the file. [`keys`] is the table of what can
//! be written, [`file`](mod@file) reads it, [`document`] prints it. Secrets are in neither: the environment has them.

mod document;
mod file;
mod in_force;
pub mod keys;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

pub use document::{Document, defaults};
pub use file::File;
pub use in_force::InForce;

use super::args::{ConfigArgs, ConfigCommand};
use super::console::Console;
use super::{Status, print};
use crate::Error;
use crate::config::Limits;

/// `tlsight config`.
pub fn run(args: &ConfigArgs, command: &Command, console: &Console) -> Result<Status, Error> {
    match &args.command {
        ConfigCommand::Print => {
            print(&defaults())?;
            Ok(Status::Done)
        }
        ConfigCommand::Check { files } => {
            let mut status = Status::Done;
            for path in files {
                match File::read(path, command) {
                    Ok(_) => print(&format!("{}: nothing is wrong\n", path.display()))?,
                    Err(error) => {
                        console.error(&error);
                        status = Status::Failed;
                    }
                }
            }
            Ok(status)
        }
    }
}

/// The arguments, with what the file of `--config` says where they say nothing themselves.
pub fn with_file(command: &Command, words: Vec<OsString>) -> Result<Vec<OsString>, Error> {
    // What is wrong with the words is told when all of them are there: the file may have what one of them asks for.
    let Ok(matches) = command.clone().ignore_errors(true).try_get_matches_from(&words) else { return Ok(words) };
    let Some((name, given)) = matches.subcommand() else { return Ok(words) };
    let Some(of_command) = command.find_subcommand(name) else { return Ok(words) };
    if !knows(of_command, CONFIG) {
        return Ok(words);
    }
    let Some(path) = given.get_one::<PathBuf>(CONFIG) else { return Ok(words) };
    let file = File::read(path, command)?;
    let Some(at) = words.iter().position(|word| word.to_str() == Some(name)) else { return Ok(words) };
    let of_file: Vec<OsString> = file
        .settings
        .iter()
        // The option might ask for another that is not there.
        .filter(|setting| !setting.is_default())
        .filter(|setting| !setting.key.options().iter().any(|option| is_given(of_command, given, option)))
        .flat_map(|setting| setting.arguments())
        .filter(|(option, _)| knows(of_command, &keys::id(option)))
        .map(|(_, word)| word.into())
        .collect();
    let mut all = words;
    let rest = all.split_off(at + 1);
    all.extend(of_file);
    all.extend(rest);
    Ok(all)
}

/// What `--print-config` shows: the keys with the values in force.
pub fn shown(matches: &ArgMatches, command: &Command) -> Result<Option<String>, Error> {
    let Some((of_command, given)) = configured(matches, command) else { return Ok(None) };
    if !given.get_flag(PRINT) {
        return Ok(None);
    }
    let limits = limits(given, command)?;
    Ok(Some(Document { command: of_command, given, limits: &limits }.to_string()))
}

/// The keys with the values in force, of a command that has them.
pub fn in_force(matches: &ArgMatches, command: &Command) -> Result<Option<InForce>, Error> {
    let Some((of_command, given)) = configured(matches, command) else { return Ok(None) };
    Ok(Some(InForce::of(of_command, given, limits(given, command)?)))
}

/// The command, if it is one that a file can configure, and what was given to it.
fn configured<'a>(matches: &'a ArgMatches, command: &'a Command) -> Option<(&'a Command, &'a ArgMatches)> {
    let (name, given) = matches.subcommand()?;
    Some((command.find_subcommand(name).filter(|command| knows(command, PRINT))?, given))
}

fn limits(given: &ArgMatches, command: &Command) -> Result<Limits, Error> {
    let mut limits = match given.get_one::<PathBuf>(CONFIG) {
        Some(path) => File::read(path, command)?.limits,
        None => Limits::default(),
    };
    limits.max_flows = given.get_one("max_flows").copied().unwrap_or(limits.max_flows);
    Ok(limits)
}

fn is_given(command: &Command, matches: &ArgMatches, option: &str) -> bool {
    let id = keys::id(option);
    knows(command, &id) && matches.value_source(&id) == Some(ValueSource::CommandLine)
}

/// Whether the command has an argument of that id.
fn knows(command: &Command, id: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_id() == id)
}

const CONFIG: &str = "config";
const PRINT: &str = "print_config";
