//! The arguments of the command line with those of the configuration file among them: when the program is started, and again
//! while a sensor runs.

use std::env;

use clap::{CommandFactory, FromArgMatches};

use super::Args;
use crate::Error;
use crate::cli::config;

impl Args {
    /// With what the configuration file says. Ends the program where the arguments ask for help or cannot be read.
    ///
    /// # Errors
    /// What is wrong in the configuration file.
    pub fn from_command_line() -> Result<Self, Error> {
        let command = Self::command_with_version();
        let words = config::with_file(&command, env::args_os().collect())?;
        let matches = command.clone().get_matches_from(words);
        let (shown, in_force) = (config::shown(&matches, &command)?, config::in_force(&matches, &command)?);
        let args = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        Ok(Self { shown, in_force, ..args })
    }

    /// The same again, with what the configuration file says now.
    ///
    /// # Errors
    /// What is wrong in the file, or about both together.
    pub fn again() -> Result<Self, Error> {
        let command = Self::command_with_version();
        let words = config::with_file(&command, env::args_os().collect())?;
        let wrong = |error: clap::Error| {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            Error::Input(line.strip_prefix("error: ").unwrap_or(line).to_owned())
        };
        let matches = command.clone().try_get_matches_from(words).map_err(wrong)?;
        let in_force = config::in_force(&matches, &command)?;
        Ok(Self { in_force, ..Self::from_arg_matches(&matches).map_err(wrong)? })
    }

    fn command_with_version() -> clap::Command {
        let features = if cfg!(feature = "ja4plus") { "ja4plus" } else { "none" };
        let long = format!(
            "{VERSION}
features: {features}"
        );
        Self::command().version(VERSION).long_version(long)
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
