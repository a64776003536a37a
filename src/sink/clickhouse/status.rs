//! `tlsight clickhouse status`: how the store stands, and a spool before it.

use std::path::Path;

use clickhouse::Client;
use clickhouse::error::Error as ClientError;

use super::migration::{self, MIGRATIONS};
use super::refusal::told;
use super::schema::Standing;
use super::spool::{Census, census};
use super::target::{Target, blocking};
use crate::Error;

/// How the store stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// Of ClickHouse.
    pub server: String,
    /// Seconds that the server has been up: since then it counts.
    pub uptime: u64,
    pub version: u32,
    /// The newest that this program knows.
    pub latest: u32,
    /// Versions that were applied by another text than this program's.
    pub altered: Vec<u32>,
    pub cluster: Option<String>,
    pub tables: Vec<TableStatus>,
    /// Seconds from the latest session's begin until now; `None` where there is no session.
    pub lag: Option<i64>,
    /// Sessions of the last ten minutes by their own time, a minute.
    pub rows_a_minute: f64,
    pub inserts: u64,
    pub failed_inserts: u64,
}

/// A table's rows on the server that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStatus {
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
    pub parts: u64,
}

/// Asks the server.
///
/// # Errors
/// Those of the server.
pub fn status(target: &Target) -> Result<Status, Error> {
    let client = target.client()?;
    let done = blocking(target, ask(&client, &target.database))?;
    done.map_err(|error| Error::ClickHouse { url: target.url.clone(), why: told(&error, target) })
}

/// Looks into a spool.
///
/// # Errors
/// A folder that cannot be read.
pub fn spool_status(folder: &Path) -> Result<Census, Error> {
    census(folder).map_err(|source| Error::Read { path: folder.to_owned(), source })
}

async fn ask(client: &Client, database: &str) -> Result<Status, ClientError> {
    let (server, uptime): (String, u32) = client.query("SELECT version(), uptime()").fetch_one().await?;
    let standing = Standing::of(client, database).await?;
    let parts = "SELECT table, sum(rows), sum(bytes_on_disk), count() FROM system.parts \
                 WHERE active AND database = currentDatabase() GROUP BY table ORDER BY table";
    let parts: Vec<(String, u64, u64, u64)> = client.query(parts).fetch_all().await?;
    let (mut lag, mut rows_a_minute) = (None, 0.0);
    if !standing.applied.is_empty() {
        let sessions = "SELECT count() > 0, toInt64(toUnixTimestamp(now())) - toInt64(toUnixTimestamp(max(timestamp))), \
                        countIf(timestamp > now64(9) - INTERVAL 10 MINUTE) / 10 FROM sessions";
        let (any, seconds, rate): (bool, i64, f64) = client.query(sessions).fetch_one().await?;
        lag = any.then_some(seconds);
        rows_a_minute = rate;
    }
    let counters =
        "SELECT sumIf(value, event = 'InsertQuery'), sumIf(value, event = 'FailedInsertQuery') FROM system.events";
    let (inserts, failed_inserts): (u64, u64) = client.query(counters).fetch_one().await?;
    let ours = |version: u32| MIGRATIONS.iter().find(|migration| migration.version() == version);
    let altered = |applied: &&super::schema::Applied| {
        ours(applied.version).is_some_and(|migration| migration.checksum() != applied.checksum)
    };
    Ok(Status {
        server,
        uptime: u64::from(uptime),
        version: standing.version(),
        latest: migration::latest(),
        altered: standing.applied.iter().filter(altered).map(|applied| applied.version).collect(),
        cluster: standing.place.cluster,
        tables: parts.into_iter().map(|(name, rows, bytes, parts)| TableStatus { name, rows, bytes, parts }).collect(),
        lag,
        rows_a_minute,
        inserts,
        failed_inserts,
    })
}
