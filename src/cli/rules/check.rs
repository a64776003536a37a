//! `tlsight rules check`: what is wrong with rules, and what is odd about them.

use std::path::PathBuf;

use crate::Error;
use crate::cli::console::Console;
use crate::cli::{Status, print};
use crate::detect::{Rules, check, library};
use crate::sink::screen::counted;

pub fn run(paths: &[PathBuf], strict: bool, console: &Console) -> Result<Status, Error> {
    let (mut errors, mut warnings, mut rules, mut lines) = (0u64, 0u64, 0u64, String::new());
    for path in paths {
        match Rules::load(path) {
            Ok(loaded) => rules = rules.saturating_add(loaded.len() as u64),
            Err(Error::Rules(faults)) => {
                errors = errors.saturating_add(faults.len() as u64);
                faults.iter().for_each(|fault| lines.push_str(&format!("error: {}\n", console.screen.safe(fault))));
            }
            Err(other) => return Err(other),
        }
        let root = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(path) };
        let found = check::warnings(&library::read(path), root);
        warnings = warnings.saturating_add(found.len() as u64);
        found.iter().for_each(|line| lines.push_str(&format!("warning: {}\n", console.screen.safe(line))));
    }
    let told = match errors {
        0 => counted(rules, "rule"),
        errors => counted(errors, "error"),
    };
    print(&format!("{lines}{told}, {}\n", counted(warnings, "warning")))?;
    Ok(match (errors, warnings) {
        (0, 0) => Status::Done,
        (0, _) if strict => Status::Alerts,
        (0, _) => Status::Done,
        _ => Status::Failed,
    })
}
