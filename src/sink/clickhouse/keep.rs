//! How long rows are kept.
//!
//! In: days. Out: statements that tell the tables. A part of a table goes as a whole, when all its rows are too old: those of
//! a week for sessions. What views say of values (first and last seen) is kept for ever: it is small, and what it is for.

use super::migration::Place;

/// Days; for ever where there is none, or as the tables were told before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// Sessions, alerts, counters and the hours of fingerprints.
    pub rows: Option<u32>,
    /// The random bytes of both hellos, which are half of what a session takes on disk.
    pub randoms: Option<u32>,
}

impl Keep {
    pub fn statements(&self, place: &Place) -> Vec<String> {
        let rows = self.rows.map(|days| {
            ROWS.map(|(table, time)| {
                format!(
                    "ALTER TABLE {{table:{table}}}{{on_cluster}} MODIFY TTL toDateTime({time}) + toIntervalDay({days})"
                )
            })
        });
        let randoms = self.randoms.map(|days| {
            RANDOMS.map(|column| {
                format!(
                    "ALTER TABLE {{table:sessions}}{{on_cluster}} MODIFY COLUMN `{column}` Nullable(FixedString(32)) \
                     CODEC(ZSTD(1)) TTL toDateTime(timestamp) + toIntervalDay({days})"
                )
            })
        });
        rows.into_iter().flatten().chain(randoms.into_iter().flatten()).map(|text| place.fill(&text)).collect()
    }
}

/// Tables, and the time of their rows.
const ROWS: [(&str, &str); 6] = [
    ("sessions", "timestamp"),
    ("alerts", "timestamp"),
    ("sensor_stats", "timestamp"),
    ("fingerprint_hours", "hour"),
    ("posture_hours", "hour"),
    ("weakness_hours", "hour"),
];
const RANDOMS: [&str; 2] = ["client_random", "server_random"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_told_is_changed() {
        let place = Place { database: "tls".to_owned(), cluster: Some("all".to_owned()) };
        assert!(Keep::default().statements(&place).is_empty());
        let statements = Keep { rows: Some(90), randoms: Some(7) }.statements(&place);
        assert_eq!(statements.len(), ROWS.len() + RANDOMS.len());
        assert_eq!(
            statements[0],
            "ALTER TABLE `tls`.`sessions_local` ON CLUSTER 'all' MODIFY TTL toDateTime(timestamp) + toIntervalDay(90)"
        );
        assert!(statements[7].contains("`server_random`") && statements[7].ends_with("+ toIntervalDay(7)"));
    }
}
