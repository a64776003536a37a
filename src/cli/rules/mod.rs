//! `tlsight rules`: for whoever writes rules.
//!
//! In: rule files. Out: what is wrong with them, what came of their tests, what they say. Changes no rule.

pub mod args;
mod check;
mod explain;
mod import;
mod list;
mod test;

use args::{ImportFrom, RulesArgs, RulesCommand};

use super::Status;
use super::console::Console;
use crate::Error;

pub fn run(args: &RulesArgs, console: &Console) -> Result<Status, Error> {
    match &args.command {
        RulesCommand::Check { paths, strict } => check::run(paths, *strict, console),
        RulesCommand::Test { paths, ca_file } => test::run(paths, ca_file, console),
        RulesCommand::List { paths, json } => list::run(paths, *json, console),
        RulesCommand::Explain { rule, rules } => explain::run(rule, rules, console),
        RulesCommand::Import { from: ImportFrom::Suricata { files, output } } => import::run(files, output, console),
    }
}
