//! `tlsight clickhouse init`: the database and its tables, made or brought to the newest version.

use clickhouse::error::Error as ClientError;

use super::keep::Keep;
use super::migration::{HISTORY, MIGRATIONS, Place};
use super::refusal::told;
use super::schema::{Standing, migrate};
use super::target::{Target, blocking};
use crate::Error;

/// What has become of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub version: u32,
    /// What was applied now; empty where all had been.
    pub applied: Vec<&'static str>,
    /// Over which cluster they are.
    pub cluster: Option<String>,
}

/// Makes the database and its tables, or brings them to the newest version, and says how long they keep rows.
///
/// # Errors
/// Those of the server; tables that are on another cluster, or on none; those of a newer version or with other columns.
pub fn init(target: &Target, cluster: Option<&str>, keep: Keep) -> Result<Ready, Error> {
    let failed = |why: String| Error::ClickHouse { url: target.url.clone(), why };
    let client = target.client()?;
    let done = blocking(target, async {
        let place = place(target, cluster);
        // The database may not be there yet, and then the server refuses what is asked in it.
        let system = client.clone().with_database("system");
        let mut standing = Standing::of(&system, &target.database).await?;
        let is_new = standing.applied.is_empty() && !standing.plain;
        if is_new {
            standing.place = place;
        } else if cluster.is_some() && standing.place.cluster.as_deref() != cluster {
            let there = match &standing.place.cluster {
                Some(cluster) => format!("on cluster `{cluster}`"),
                None => "on one server".to_owned(),
            };
            return Err(ClientError::SchemaMismatch(format!(
                "the tables of database `{}` are {there}: name another database",
                target.database
            )));
        }
        system.query_raw(&database(&standing.place)).execute().await?;
        let applied = standing.pending().map(|migration| migration.name).collect();
        let standing = migrate(&client, standing).await?;
        for statement in keep.statements(&standing.place) {
            client.query_raw(&statement).execute().await?;
        }
        Ok(Ready { version: standing.version(), applied, cluster: standing.place.cluster })
    })?;
    done.map_err(|error| failed(told(&error, target)))
}

/// All that a new database is made with, as statements.
pub fn statements(target: &Target, cluster: Option<&str>, keep: Keep) -> Vec<String> {
    let place = place(target, cluster);
    let tables = [&HISTORY].into_iter().chain(MIGRATIONS).flat_map(|migration| migration.statements(&place));
    [database(&place)].into_iter().chain(tables).chain(keep.statements(&place)).collect()
}

fn place(target: &Target, cluster: Option<&str>) -> Place {
    Place { database: target.database.clone(), cluster: cluster.map(str::to_owned) }
}

fn database(place: &Place) -> String {
    place.fill("CREATE DATABASE IF NOT EXISTS {database}{on_cluster}")
}
