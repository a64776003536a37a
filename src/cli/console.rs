//! The terminal as the environment describes it, and the lines on standard error.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use super::args::Verbosity;
use crate::Error;
use crate::sink::screen::{Charset, Colours, Screen};
use crate::sink::sessions::Detail;

/// Standard output and standard error.
#[derive(Debug, Clone)]
pub struct Console {
    /// What standard output can show.
    pub screen: Screen,
    pub output_is_terminal: bool,
    pub errors_are_terminal: bool,
    verbosity: Talk,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Talk {
    Errors,
    Warnings,
    Notes,
    Details,
}

impl Console {
    pub fn new(verbosity: Verbosity) -> Self {
        let output_is_terminal = io::stdout().is_terminal();
        let columns = variable("COLUMNS").and_then(|text| text.parse().ok()).filter(|&columns: &usize| columns > 0);
        let width = match output_is_terminal {
            // The library asks the terminal behind standard output.
            true => comfy_table::Table::new().width().map(usize::from).filter(|&columns| columns > 0).or(columns),
            false => columns,
        };
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        let colours = output_is_terminal && !dumb && variable("NO_COLOR").is_none();
        Self {
            screen: Screen { width, colours: if colours { Colours::Ansi } else { Colours::Off }, charset: charset() },
            output_is_terminal,
            errors_are_terminal: io::stderr().is_terminal() && !dumb,
            verbosity: match (verbosity.quiet, verbosity.verbose) {
                (true, _) => Talk::Errors,
                (_, 0) => Talk::Warnings,
                (_, 1) => Talk::Notes,
                _ => Talk::Details,
            },
        }
    }

    /// How much is said of each session.
    pub fn detail(&self) -> Detail {
        if self.verbosity >= Talk::Notes { Detail::Meaning } else { Detail::Line }
    }

    /// Lets what the library logs be said here.
    pub fn log(&self) {
        let most = match self.verbosity {
            Talk::Errors => LevelFilter::ERROR,
            Talk::Warnings => LevelFilter::WARN,
            Talk::Notes => LevelFilter::INFO,
            Talk::Details => LevelFilter::DEBUG,
        };
        let subscriber = tracing_subscriber::fmt().with_max_level(most).with_writer(io::stderr).event_format(Line);
        // Who has set one up before keeps it.
        let _ = subscriber.try_init();
    }

    pub fn is_quiet(&self) -> bool {
        self.verbosity == Talk::Errors
    }

    /// Why the run, or an input, was given up: a line for each fault.
    pub fn error(&self, error: &Error) {
        match error {
            Error::Rules(faults) | Error::Labels(faults) => faults.iter().for_each(|fault| self.say(fault)),
            error => self.say(&error.to_string()),
        }
    }

    /// What the user should know.
    pub fn warn(&self, line: &str) {
        if self.verbosity >= Talk::Warnings {
            self.say(line);
        }
    }

    /// What the user asked to be told.
    pub fn note(&self, line: &str) {
        if self.verbosity >= Talk::Notes {
            self.say(line);
        }
    }

    fn say(&self, line: &str) {
        // Paths are somebody's text, too. Nobody can be told that standard error is closed.
        let _ = writeln!(io::stderr(), "tlsight: {}", self.screen.safe(line));
    }
}

/// `tlsight: message`
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        writer.write_str("tlsight: ")?;
        if *event.metadata().level() >= Level::DEBUG {
            write!(writer, "{}: ", event.metadata().target())?;
        }
        context.field_format().format_fields(writer.by_ref(), event)?;
        writer.write_str("\n")
    }
}

/// The locale's characters: the first of these variables that is set decides.
fn charset() -> Charset {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default().to_lowercase();
    if locale.contains("utf-8") || locale.contains("utf8") { Charset::Utf8 } else { Charset::Ascii }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
