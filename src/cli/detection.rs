//! Rules and threat lists of a run, from the options; and again when the sensor is told to read them anew.

use std::path::PathBuf;
use std::sync::Arc;

use super::args::AnalysisArgs;
use super::console::Console;
use crate::Error;
use crate::config::Limits;
use crate::detect::threat::{ListSource, Report};
use crate::detect::{Detector, Rules, ThreatLists};
use crate::sink::screen::counted;

/// Where rules and lists come from.
#[derive(Debug, Clone)]
pub struct Sources {
    rules: Option<PathBuf>,
    lists: Vec<ListSource>,
    /// Where what rules learn is kept.
    state: Option<PathBuf>,
}

impl Sources {
    /// `None` where there are neither.
    pub fn of(args: &AnalysisArgs) -> Option<Self> {
        let sources = Self { rules: args.rules.clone(), lists: args.threat_list.clone(), state: args.state.clone() };
        (sources.rules.is_some() || !sources.lists.is_empty()).then_some(sources)
    }

    /// Reads them all.
    ///
    /// # Errors
    /// What of them cannot be used; lines of lists that cannot be read are said, and no error.
    pub fn detector(&self, limits: &Limits, console: &Console) -> Result<Detector, Error> {
        let (rules, lists) = self.read(console)?;
        if let Some(path) = &self.rules {
            console.note(&format!("{} rules from {}", rules.len(), path.display()));
        }
        let mut detector = Detector::with_limits(rules, limits).with_lists(lists);
        if let Some(path) = &self.state {
            detector.keep_in(path)?.iter().for_each(|refused| console.warn(refused));
        }
        Ok(detector)
    }

    /// Reads rules and lists.
    pub fn read(&self, console: &Console) -> Result<(Rules, Arc<ThreatLists>), Error> {
        let (lists, reports) = ThreatLists::load(&self.lists)?;
        reports.iter().for_each(|report| tell(report, console));
        let lists = Arc::new(lists);
        let Some(path) = &self.rules else { return Ok((Rules::default(), lists)) };
        let rules = Rules::load_with(path, &lists)?;
        if rules.is_empty() {
            return Err(Error::Rules(vec![format!("{}: there are no rules (.yml files) in it", path.display())]));
        }
        Ok((rules, lists))
    }
}

/// What came of a list: a line for what could not be read, more with -v.
fn tell(report: &Report, console: &Console) {
    let (path, reading) = (report.path.display(), &report.reading);
    for fault in reading.faults.iter().take(FAULTS_SAID) {
        console.warn(fault);
    }
    let said = reading.faults.len().min(FAULTS_SAID) as u64;
    if reading.bad > said {
        console.warn(&format!("{path}: {} more could not be read", counted(reading.bad - said, "line")));
    }
    reading.reasons.iter().for_each(|reason| console.note(&format!("{reason}: left out")));
    let mut parts = vec![format!("{} from {path} ({})", counted(reading.entries, "indicator"), reading.form)];
    parts.extend((reading.repeated > 0).then(|| format!("{} said twice", reading.repeated)));
    parts.extend((reading.left_out > 0).then(|| format!("{} left out: nothing that TLS shows", reading.left_out)));
    let line = format!("threat list {}: {}", report.name, parts.join(", "));
    // A list of which nothing was taken is worth a word.
    if reading.entries == 0 && reading.left_out > 0 { console.warn(&line) } else { console.note(&line) }
}

/// Lines of a list that are told one by one.
const FAULTS_SAID: usize = 5;
