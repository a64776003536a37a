//! The terminal as the environment describes it, and the lines on standard error.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use super::args::{LogFormat, Verbosity};
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
    form: Form,
}

/// What a line on standard error looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `tlsight: message`
    Text,
    /// The same behind the level's number, for the journal (sd-daemon(3)).
    Journal,
    /// An object in ECS names.
    Json,
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
    pub fn new(verbosity: Verbosity, logs: LogFormat) -> Self {
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
            form: match logs {
                LogFormat::Json => Form::Json,
                LogFormat::Text if errors_go_to_the_journal() => Form::Journal,
                LogFormat::Text => Form::Text,
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
        let subscriber =
            tracing_subscriber::fmt().with_max_level(most).with_writer(io::stderr).event_format(Line(self.form));
        // Who has set one up before keeps it.
        let _ = subscriber.try_init();
    }

    pub fn is_quiet(&self) -> bool {
        self.verbosity == Talk::Errors
    }

    /// Why the run, or an input, was given up: a line for each fault.
    pub fn error(&self, error: &Error) {
        match error {
            Error::Configuration(faults) | Error::Rules(faults) | Error::Labels(faults) => {
                faults.iter().for_each(|fault| self.write(Level::ERROR, fault))
            }
            error => self.write(Level::ERROR, &error.to_string()),
        }
    }

    /// What the user should know.
    pub fn warn(&self, line: &str) {
        if self.verbosity >= Talk::Warnings {
            self.write(Level::WARN, line);
        }
    }

    /// What the user asked to be told.
    pub fn note(&self, line: &str) {
        if self.verbosity >= Talk::Notes {
            self.write(Level::INFO, line);
        }
    }

    /// Says it, however little is to be said: it was asked for.
    pub fn say(&self, line: &str) {
        self.write(Level::INFO, line);
    }

    fn write(&self, level: Level, line: &str) {
        // Paths are somebody's text, too.
        let line = self.form.line(level, None, &self.screen.safe(line));
        // Nobody can be told that standard error is closed.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

impl Form {
    /// A message as it is written; `target` is the part of the program that says it.
    fn line(self, level: Level, target: Option<&str>, message: &str) -> String {
        let target_prefix = target.map(|target| format!("{target}: ")).unwrap_or_default();
        match self {
            Self::Text => format!("tlsight: {target_prefix}{message}"),
            Self::Journal => {
                let number = match level {
                    Level::ERROR => 3,
                    Level::WARN => 4,
                    Level::INFO => 6,
                    _ => 7,
                };
                format!("<{number}>{target_prefix}{message}")
            }
            Self::Json => {
                let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
                let mut log = json!({ "level": level.as_str().to_lowercase() });
                if let (Some(log), Some(target)) = (log.as_object_mut(), target) {
                    log.insert("logger".to_owned(), target.into());
                }
                json!({
                    "@timestamp": now,
                    "log": log,
                    "message": message,
                    "service": { "name": "tlsight", "version": env!("CARGO_PKG_VERSION") },
                    "ecs": { "version": "8.17.0" },
                })
                .to_string()
            }
        }
    }
}

/// What the library logs, as everything else is written.
struct Line(Form);

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
        let mut message = String::new();
        context.field_format().format_fields(Writer::new(&mut message), event)?;
        let level = *event.metadata().level();
        let target = (level >= Level::DEBUG).then(|| event.metadata().target());
        writeln!(writer, "{}", self.0.line(level, target, &message))
    }
}

/// Whether standard error is the stream to the journal that the service manager made (systemd.exec(5)).
#[cfg(target_os = "linux")]
fn errors_go_to_the_journal() -> bool {
    use std::os::linux::fs::MetadataExt;
    let Some(stream) = variable("JOURNAL_STREAM") else { return false };
    let Ok(errors) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", errors.st_dev(), errors.st_ino())
}

#[cfg(not(target_os = "linux"))]
fn errors_go_to_the_journal() -> bool {
    false
}

/// The locale's characters: the first of these variables that is set decides.
fn charset() -> Charset {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default().to_lowercase();
    if locale.contains("utf-8") || locale.contains("utf8") { Charset::Utf8 } else { Charset::Ascii }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_form_that_was_asked_for() {
        assert_eq!(Form::Text.line(Level::WARN, None, "gone"), "tlsight: gone");
        assert_eq!(Form::Text.line(Level::DEBUG, Some("hyper"), "gone"), "tlsight: hyper: gone");
        assert_eq!(Form::Journal.line(Level::WARN, None, "gone"), "<4>gone");
        let object: serde_json::Value = serde_json::from_str(&Form::Json.line(Level::ERROR, None, "a \"b\"")).unwrap();
        assert_eq!((&object["message"], &object["log"]["level"]), (&json!("a \"b\""), &json!("error")));
        let time = object["@timestamp"].as_str().unwrap();
        assert!(OffsetDateTime::parse(time, &Rfc3339).is_ok(), "{time}");
    }
}
