//! The command line: what the user asks for, built out of the library's parts.
//!
//! In: arguments. Out: an exit status; what is found goes to standard output, what is to be said to standard error, a
//! line each. Options come in as they are written ([`args`]); each command makes the parts of its run from them.

mod args;
mod clickhouse;
mod console;
mod detection;
mod explain;
mod labels;
mod live;
mod outputs;
mod progress;
mod read;
mod rules;
mod settings;
mod watch;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use args::{Args, Command};
use console::Console;

use crate::Error;

/// Runs the program.
pub fn main() -> ExitCode {
    let Args { command, verbosity } = Args::from_command_line();
    let console = Console::new(verbosity);
    console.log();
    let done = match &command {
        Command::Read(args) => read::run(args, &console),
        Command::Live(args) => live::run(args, &console),
        Command::Explain(args) => explain::run(args, &console),
        Command::Labels(args) => labels::run(args, &console),
        Command::Rules(args) => rules::run(args, &console),
        Command::Clickhouse(args) => clickhouse::run(args, &console),
    };
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
