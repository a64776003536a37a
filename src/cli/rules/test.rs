//! `tlsight rules test`: a line for each rule, and what went wrong below it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::cli::console::Console;
use crate::cli::labels::knowledge;
use crate::cli::settings::anchors;
use crate::cli::{Status, print};
use crate::detect::selftest::{Report, Selftest};
use crate::detect::{Rules, library};
use crate::judge::Measures;
use crate::runtime::sessions;
use crate::sink::screen::{Tone, counted};

pub fn run(paths: &[PathBuf], ca_file: &[PathBuf], console: &Console) -> Result<Status, Error> {
    let measures = Measures {
        anchors: Arc::new(anchors(ca_file)?),
        chain_checks: None,
        knowledge: Some(Arc::new(knowledge(&[])?)),
    };
    let mut read = |path: &Path| sessions(path, measures.clone()).map_err(|error| error.to_string());
    let (mut rules, mut failed) = (0u64, 0u64);
    for path in paths {
        let entries = library::read(path);
        let mut selftest = Selftest::new(Rules::load(path)?, &mut read);
        for entry in &entries {
            let Some(report) = selftest.rule(entry, &entries) else { continue };
            rules = rules.saturating_add(1);
            failed = failed.saturating_add(u64::from(!report.failures.is_empty()));
            print(&shown(&report, console))?;
        }
    }
    print(&format!("{}, {failed} failed\n", counted(rules, "rule")))?;
    Ok(if failed == 0 { Status::Done } else { Status::Alerts })
}

fn shown(report: &Report, console: &Console) -> String {
    let screen = console.screen;
    let (tone, word) = if report.failures.is_empty() { (Tone::Good, "ok") } else { (Tone::Bad, "FAILED") };
    let Report { title, fires, quiet, failures } = report;
    let mut text = format!("{:<6}  {} ({fires} fire, {quiet} quiet)\n", screen.paint(tone, word), screen.safe(title));
    failures.iter().for_each(|failure| text.push_str(&format!("        {}\n", screen.safe(failure))));
    text
}
