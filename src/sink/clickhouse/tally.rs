//! Rows, counted by what became of them, and the line that says so.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What became of the rows of a run.
#[derive(Debug, Default)]
pub struct Tally {
    pub offered: Count,
    /// Found no room in the queue.
    pub shed: Count,
    /// Found no room in the spool.
    pub spool_full: Count,
    pub stored: Count,
    /// Of earlier runs, out of the spool.
    pub stored_of_others: Count,
    /// Refused by the server for good, and not kept.
    pub refused: Count,
    /// Refused by the server for good, and kept with its error.
    pub quarantined: Count,
    /// Could not be written to the spool; they were kept in memory.
    pub unspooled: Count,
    /// Attempts that failed.
    failures: Count,
    last_error: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
pub struct Count(AtomicUsize);

/// How a run's end stands.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    pub url: &'a str,
    /// How long it was waited for rows to be stored, in vain.
    pub waited: Option<Duration>,
    /// The spool, and how many rows of this run are in it.
    pub spool: Option<(&'a Path, usize)>,
}

impl Tally {
    pub fn failed(&self, why: String) {
        self.failures.add(1);
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Attempts that failed, and why the last of them did.
    pub fn failures(&self) -> (u64, Option<String>) {
        let last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.failures.value() as u64, last)
    }

    /// One line on what was not stored, or on what went wrong although all was.
    pub fn summary(&self, end: &End<'_>) -> Option<String> {
        let End { url, waited, spool } = *end;
        let (offered, stored) = (self.offered.value(), self.stored.value());
        let failures = self.failures.value();
        let lost = offered.saturating_sub(stored);
        let last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let last = last.map(|error| format!("; last error: {error}")).unwrap_or_default();
        if lost == 0 {
            return (failures > 0).then(|| {
                format!("ClickHouse at {url}: all {stored} rows are stored, after {failures} failed attempts{last}")
            });
        }
        let mut open = lost;
        let mut reasons = Vec::new();
        let mut reason = |rows: usize, what: &str| {
            let rows = rows.min(open);
            open -= rows;
            if rows > 0 {
                reasons.push(format!("{rows} {what}"));
            }
        };
        reason(self.shed.value(), "found the queue full");
        reason(self.spool_full.value(), "found the spool full");
        reason(self.refused.value(), "were refused");
        if let Some((folder, rows)) = spool {
            let folder = folder.display();
            reason(self.quarantined.value(), &format!("were refused and are in {folder}/quarantine"));
            reason(rows, &format!("wait in {folder} and are sent by the next run"));
        }
        let waited = waited.map(|wait| format!(" after {} s of waiting", wait.as_secs())).unwrap_or_default();
        reason(lost, &format!("were not confirmed{waited}"));
        Some(format!(
            "ClickHouse at {url}: {lost} of {offered} rows were not stored: {}; {failures} failed attempts{last}",
            reasons.join(", ")
        ))
    }
}

impl Count {
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn value(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_that_is_not_stored_has_one_reason() {
        let tally = Tally::default();
        let spool = Some((Path::new("/s"), 20));
        let end = End { url: "http://h", waited: Some(Duration::from_secs(5)), spool };
        tally.offered.add(100);
        tally.stored.add(50);
        tally.shed.add(10);
        tally.spool_full.add(5);
        tally.quarantined.add(3);
        tally.failed("no answer".to_owned());
        assert_eq!(
            tally.summary(&end).as_deref(),
            Some(
                "ClickHouse at http://h: 50 of 100 rows were not stored: 10 found the queue full, 5 found the spool full, \
                 3 were refused and are in /s/quarantine, 20 wait in /s and are sent by the next run, 12 were not \
                 confirmed after 5 s of waiting; 1 failed attempts; last error: no answer"
            )
        );
        tally.stored.add(50);
        let all = "ClickHouse at http://h: all 100 rows are stored, after 1 failed attempts; last error: no answer";
        assert_eq!(tally.summary(&end).as_deref(), Some(all));
    }
}
