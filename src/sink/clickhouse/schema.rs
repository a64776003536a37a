//! The tables: made or brought to the newest version, and held against what the rows need.

use clickhouse::Client;
use clickhouse::error::Error;

use super::migration::{self, Column, HISTORY, MIGRATIONS, Migration, Place, literal};

/// A table that rows are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    Sessions,
    Certificates,
    Alerts,
    SensorStats,
}

impl Table {
    pub const ALL: [Self; 4] = [Self::Sessions, Self::Certificates, Self::Alerts, Self::SensorStats];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Certificates => "certificates",
            Self::Alerts => "alerts",
            Self::SensorStats => "sensor_stats",
        }
    }

    /// The first version that has it.
    fn since(self) -> u32 {
        match self {
            Self::Sessions | Self::Alerts => 1,
            Self::Certificates | Self::SensorStats => 2,
        }
    }
}

/// What a database holds of ours.
#[derive(Debug, Clone)]
pub struct Standing {
    pub place: Place,
    /// Versions that were applied; empty where there is no table of ours, or none knows.
    pub applied: Vec<Applied>,
    /// There are tables of ours that hold rows themselves under their plain names.
    pub plain: bool,
}

/// A version of the schema that a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub version: u32,
    pub checksum: String,
}

impl Standing {
    /// Asks for it. The cluster is that of tables which are there.
    pub async fn of(client: &Client, database: &str) -> Result<Self, Error> {
        let select = "SELECT name, engine_full FROM system.tables WHERE database = ?";
        let tables: Vec<(String, String)> = client.query(select).bind(database).fetch_all().await?;
        let history = tables.iter().find(|(name, _)| name == HISTORY_TABLE);
        let place = Place { database: database.to_owned(), cluster: history.and_then(|(_, engine)| cluster(engine)) };
        let mut applied = Vec::new();
        if history.is_some() {
            let select = format!(
                "SELECT DISTINCT version, checksum FROM {}.{HISTORY_TABLE} ORDER BY version",
                migration::identifier(database)
            );
            let rows: Vec<(u32, String)> = client.query(&select).fetch_all().await?;
            applied = rows.into_iter().map(|(version, checksum)| Applied { version, checksum }).collect();
        }
        let is_plain = |(name, engine): &(String, String)| {
            Table::ALL.iter().any(|table| table.name() == name) && cluster(engine).is_none()
        };
        Ok(Self { place, applied, plain: tables.iter().any(is_plain) })
    }

    /// The version of the tables; 0 where there are none, or where they are older than versions.
    pub fn version(&self) -> u32 {
        self.applied.iter().map(|applied| applied.version).max().unwrap_or(0)
    }

    /// What was not applied yet.
    pub fn pending(&self) -> impl Iterator<Item = &'static Migration> {
        let has = |migration: &&Migration| self.applied.iter().any(|applied| applied.version == migration.version());
        MIGRATIONS.iter().filter(move |migration| !has(migration))
    }
}

/// Makes the tables that are absent, brings those of earlier versions to the newest, and looks at their columns.
///
/// # Errors
/// Those of the server, and [`Error::SchemaMismatch`] for a table with other columns or of a version that is not known.
pub async fn prepare(client: &Client, database: &str) -> Result<Standing, Error> {
    migrate(client, Standing::of(client, database).await?).await
}

/// The same on a cluster, or not on one, as the caller wishes; tables that are there decide otherwise.
pub async fn migrate(client: &Client, mut standing: Standing) -> Result<Standing, Error> {
    if standing.version() > migration::latest() {
        return Err(Error::SchemaMismatch(format!(
            "the tables of database `{}` are of version {}, and this program knows those up to {}: use a newer one",
            standing.place.database,
            standing.version(),
            migration::latest()
        )));
    }
    let pending: Vec<&Migration> = standing.pending().collect();
    if pending.is_empty() {
        check(client, migration::latest()).await?;
        return Ok(standing);
    }
    for migration in pending {
        for statement in migration.statements(&standing.place) {
            execute(client, &statement).await?;
        }
        // Before anything is noted: tables that somebody else has made stay as they are.
        check(client, migration.version()).await?;
        for statement in HISTORY.statements(&standing.place) {
            execute(client, &statement).await?;
        }
        execute(client, &note(migration)).await?;
        standing.applied.push(Applied { version: migration.version(), checksum: migration.checksum() });
    }
    Ok(standing)
}

/// The statement that says that a migration was applied.
fn note(migration: &Migration) -> String {
    format!(
        "INSERT INTO {HISTORY_TABLE} (version, name, checksum, program, applied_at) SETTINGS async_insert = 0, \
         distributed_foreground_insert = 1 VALUES ({}, {}, {}, {}, now64(3))",
        migration.version(),
        literal(migration.name),
        literal(&migration.checksum()),
        literal(env!("CARGO_PKG_VERSION"))
    )
}

async fn execute(client: &Client, statement: &str) -> Result<(), Error> {
    // A `?` in it is no parameter.
    client.query_raw(statement).execute().await
}

/// Holds the columns of the tables against those of a version.
async fn check(client: &Client, version: u32) -> Result<(), Error> {
    for table in Table::ALL.into_iter().filter(|table| table.since() <= version) {
        let found: Vec<(String, String)> = client
            .query("SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = ?")
            .bind(table.name())
            .fetch_all()
            .await?;
        for Column { name, kind, .. } in migration::columns(table.name(), version) {
            let told = match found.iter().find(|(found, _)| found == name) {
                Some((_, found)) if found == kind => continue,
                Some((_, found)) => format!("is {found} and should be {kind}"),
                None => format!("of type {kind} is not there"),
            };
            return Err(Error::SchemaMismatch(format!(
                "column `{name}` of table `{}` {told}: rename the table, and a new one is made",
                table.name()
            )));
        }
    }
    Ok(())
}

/// The cluster that a Distributed table spans.
fn cluster(engine: &str) -> Option<String> {
    let (name, _) = engine.strip_prefix("Distributed('")?.split_once('\'')?;
    Some(name.to_owned())
}

const HISTORY_TABLE: &str = "schema_migrations";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_stands_in_the_engine() {
        assert_eq!(cluster("Distributed('all', 'tls', 'a_local', version)").as_deref(), Some("all"));
        assert_eq!(cluster("ReplacingMergeTree ORDER BY version"), None);
    }
}
