//! The tables: made where they are absent, and held against what the rows need.

use clickhouse::Client;
use clickhouse::error::Error;

/// A table of ours: the statement that makes it, a column a line.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    pub name: &'static str,
    pub sql: &'static str,
}

pub const SESSIONS: Table = Table { name: "sessions", sql: include_str!("sessions.sql") };
pub const ALERTS: Table = Table { name: "alerts", sql: include_str!("alerts.sql") };

/// Makes the tables that are absent, and looks at the columns of those that were there.
///
/// # Errors
/// Those of the server, and [`Error::SchemaMismatch`] for a table with other columns.
pub async fn prepare(client: &Client) -> Result<(), Error> {
    for table in [SESSIONS, ALERTS] {
        client.query(&table.statement()).execute().await?;
        let found: Vec<(String, String)> = client
            .query("SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = ?")
            .bind(table.name)
            .fetch_all()
            .await?;
        for (name, kind) in table.columns() {
            let told = match found.iter().find(|(found, _)| found == name) {
                Some((_, found)) if found == kind => continue,
                Some((_, found)) => format!("is {found} and should be {kind}"),
                None => format!("of type {kind} is not there"),
            };
            return Err(Error::SchemaMismatch(format!(
                "column `{name}` of table `{}` {told}: rename the table, and a new one is made",
                table.name
            )));
        }
    }
    Ok(())
}

impl Table {
    /// The statement without its comments; a `?` in it would be a parameter to the client.
    fn statement(&self) -> String {
        self.sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
    }

    /// Names and types, in order.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.sql.lines().filter_map(|line| {
            let (name, kind) = line.trim_start().strip_prefix('`')?.split_once("` ")?;
            Some((name, kind.trim_end_matches(',')))
        })
    }
}
