//! The command line: what the user asks for, built out of the library's parts.
//!
//! In: arguments. Out: an exit status; what is found goes to standard output, what is to be said to standard error, a
//! line each. Options come in as they are written ([`args`]); each command makes the parts of its run from them.

mod args;
mod clickhouse;
mod config;
mod console;
mod detection;
mod explain;
mod extract;
mod figures;
mod follow;
mod labels;
mod live;
mod outputs;
mod progress;
mod read;
mod rules;
mod settings;
mod top;
mod watch;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use args::{Args, Command, LogFormat, Verbosity};
use clap::CommandFactory;
use console::Console;

use crate::Error;

/// Runs the program.
pub fn main() -> ExitCode {
    let Args { command, verbosity, shown, in_force } = match Args::from_command_line() {
        Ok(args) => args,
        Err(error) => {
            Console::new(Verbosity::default(), LogFormat::Text).error(&error);
            return Status::Failed.into();
        }
    };
    let logs = if let Command::Live(args) = &command { args.log_format } else { LogFormat::Text };
    let console = Console::new(verbosity, logs);
    console.log();
    let done = shown.map(|text| print(&text).map(|()| Status::Done)).unwrap_or_else(|| match &command {
        Command::Read(args) => read::run(args, &console),
        Command::Live(args) => live::run(args, in_force.as_ref(), &console),
        Command::Top(args) => top::run(args, &console),
        Command::Extract(args) => extract::run(args, &console),
        Command::Explain(args) => explain::run(args, &console),
        Command::Labels(args) => labels::run(args, &console),
        Command::Rules(args) => rules::run(args, &console),
        Command::Clickhouse(args) => clickhouse::run(args, &console),
        Command::Config(args) => config::run(args, &Args::command(), &console),
    });
    match done {
        Ok(status) => status.into(),
        Err(error) => {
            console.error(&error);
            Status::Failed.into()
        }
    }
}

/// What the exit status tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Done,
    /// There were alerts of the level of `--fail-on`, or above; a test of a rule failed.
    Alerts,
    /// Something could not be done; what could was.
    Failed,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Done => 0,
            Status::Alerts => 1,
            Status::Failed => 2,
        })
    }
}

/// Writes text to standard output; a reader who has left is no error.
fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(Error::Write { path: outputs::STANDARD_OUTPUT.into(), source })
        }
        _ => Ok(()),
    }
}
