//! The versions of the schema: SQL files, and what takes tables from one to the next.
//!
//! In: a database, and a cluster if there is one. Out: statements. Does not connect; the files' own language is told in
//! `migrations/README.md`.

use sha2::{Digest, Sha256};

/// What takes the tables from one version to the next.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// `0001_sessions_and_alerts`
    pub name: &'static str,
    sql: &'static str,
}

/// Where the tables are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub database: String,
    /// Tables are replicated within its shards, and a Distributed table spans them.
    pub cluster: Option<String>,
}

impl Migration {
    /// From the file's name; the first is 1.
    pub fn version(&self) -> u32 {
        self.name.get(..4).and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    /// SHA-256 of the file, in hex: tells whether the tables were made by this text.
    pub fn checksum(&self) -> String {
        Sha256::digest(self.sql).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The statements, in order.
    pub fn statements(&self, place: &Place) -> Vec<String> {
        self.parts().flat_map(|part| part.statements(place)).collect()
    }

    /// The columns of `table` that it makes or changes.
    fn columns(&self, table: &str) -> impl Iterator<Item = Column> {
        self.parts().filter(move |part| part.table() == Some(table)).flat_map(|part| part.columns().collect::<Vec<_>>())
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        let mut rest = self.sql;
        std::iter::from_fn(move || {
            let end = rest.find(";\n").map_or(rest.len(), |end| end + 1);
            let (text, tail) = rest.split_at_checked(end)?;
            rest = tail;
            (!text.trim().is_empty()).then_some(Part { text })
        })
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    /// In the words of `system.columns`.
    pub kind: &'static str,
    /// It is computed when it is asked for, and no row has it.
    pub is_computed: bool,
}

/// The columns of a table in that version.
pub fn columns(table: &str, version: u32) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for migration in MIGRATIONS.iter().filter(|migration| migration.version() <= version) {
        for column in migration.columns(table) {
            match columns.iter_mut().find(|known| known.name == column.name) {
                Some(known) => *known = column,
                None => columns.push(column),
            }
        }
    }
    columns
}

/// The newest version.
pub fn latest() -> u32 {
    MIGRATIONS.last().map_or(0, Migration::version)
}

/// One statement with the comments before it.
#[derive(Debug, Clone, Copy)]
struct Part {
    text: &'static str,
}

impl Part {
    fn statements(&self, place: &Place) -> Vec<String> {
        let lines = self.text.trim().trim_end_matches(';').lines().filter(|line| !line.trim_start().starts_with("--"));
        let mut statements = vec![place.fill(&lines.collect::<Vec<_>>().join("\n"))];
        if let (Some(cluster), Some(table)) = (&place.cluster, self.table()) {
            let key = MIGRATIONS.iter().flat_map(|migration| migration.parts().collect::<Vec<_>>());
            let key = key.filter(|part| part.table() == Some(table)).find_map(|part| part.spread());
            statements.push(format!(
                "CREATE OR REPLACE TABLE {whole}{on} AS {local} ENGINE = Distributed({cluster}, {database}, {name}, {key})",
                whole = place.fill(&format!("{{database}}.{}", identifier(table))),
                on = place.fill("{on_cluster}"),
                local = place.fill(&format!("{{table:{table}}}")),
                cluster = literal(cluster),
                database = literal(&place.database),
                name = literal(&format!("{table}{LOCAL}")),
                key = key.unwrap_or("rand()"),
            ));
        }
        statements
    }

    /// The table that it makes or changes.
    fn table(&self) -> Option<&'static str> {
        let mut lines = self.text.lines().filter(|line| !line.starts_with("--") && !line.is_empty());
        let line = lines.next()?;
        let named = ["CREATE TABLE IF NOT EXISTS ", "ALTER TABLE "].iter().find_map(|verb| line.strip_prefix(verb))?;
        named.strip_prefix("{table:")?.split('}').next()
    }

    fn spread(&self) -> Option<&'static str> {
        self.text.lines().find_map(|line| line.strip_prefix("-- spread by "))
    }

    fn columns(&self) -> impl Iterator<Item = Column> {
        self.text.lines().filter_map(|line| {
            let line = line.trim_start();
            let line = ["ADD COLUMN IF NOT EXISTS ", "MODIFY COLUMN "]
                .iter()
                .find_map(|verb| line.strip_prefix(verb))
                .unwrap_or(line);
            let (name, rest) = line.strip_prefix('`')?.split_once("` ")?;
            let rest = rest.trim_end_matches([',', ';']);
            let padded = format!(" {rest} ");
            let end = AFTER_A_TYPE.iter().filter_map(|word| padded.find(word)).min().unwrap_or(rest.len());
            let kind = rest.get(..end).unwrap_or_default().trim();
            let is_computed = format!("{rest} ").contains(" ALIAS ");
            (!kind.is_empty()).then_some(Column { name, kind, is_computed })
        })
    }
}

impl Place {
    /// A text with its placeholders filled in.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (name, tail) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(&self.value(name));
            rest = tail;
        }
        filled + rest
    }

    fn value(&self, name: &str) -> String {
        let Self { database, cluster } = self;
        match (name.split_once(':').unwrap_or((name, "")), cluster) {
            (("database", _), _) => identifier(database),
            (("on_cluster", _), Some(cluster)) => format!(" ON CLUSTER {}", literal(cluster)),
            (("on_cluster", _), None) => String::new(),
            (("engine", engine), Some(_)) => format!("Replicated{engine}"),
            (("engine", engine), None) => engine.to_owned(),
            (("table", table), Some(_)) => {
                format!("{}.{}", identifier(database), identifier(&format!("{table}{LOCAL}")))
            }
            (("table", table), None) => format!("{}.{}", identifier(database), identifier(table)),
            // Not one of ours.
            _ => format!("{{{name}}}"),
        }
    }
}

/// A name, quoted.
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// A text, quoted.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

macro_rules! migration {
    ($name:literal) => {
        Migration { name: $name, sql: include_str!(concat!("migrations/", $name, ".sql")) }
    };
}

/// All of them, in order.
pub const MIGRATIONS: &[Migration] = &[
    migration!("0001_sessions_and_alerts"),
    migration!("0002_certificates_and_sensors"),
    migration!("0003_compact_sessions"),
    migration!("0004_views"),
    migration!("0005_detection"),
];

/// Keeps which of them were applied.
pub const HISTORY: Migration = migration!("0000_history");

/// What a cluster's tables are called that hold rows.
const LOCAL: &str = "_local";

const AFTER_A_TYPE: &[&str] =
    &[" DEFAULT ", " MATERIALIZED ", " ALIAS ", " EPHEMERAL ", " CODEC(", " COMMENT ", " TTL ", " AFTER ", " FIRST"];

#[cfg(test)]
mod tests {
    use super::*;

    fn place(cluster: Option<&str>) -> Place {
        Place { database: "t`s".to_owned(), cluster: cluster.map(str::to_owned) }
    }

    #[test]
    fn versions_count_from_one() {
        let versions: Vec<_> = MIGRATIONS.iter().map(Migration::version).collect();
        assert_eq!(versions, (1..=latest()).collect::<Vec<_>>());
        for migration in MIGRATIONS {
            assert!(migration.name.len() > 5 && migration.name.is_ascii(), "{}", migration.name);
        }
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for migration in MIGRATIONS.iter().chain([&HISTORY]) {
            for place in [place(None), place(Some("all"))] {
                let statements = migration.statements(&place);
                assert!(!statements.is_empty(), "{}", migration.name);
                for statement in statements {
                    let placeholder = ["{table", "{engine", "{on_", "{database"];
                    assert!(!placeholder.iter().any(|placeholder| statement.contains(placeholder)), "{statement}");
                    assert!(!statement.contains("-- ") && !statement.ends_with(';'), "{statement}");
                }
            }
        }
    }

    #[test]
    fn a_cluster_has_a_table_over_its_tables_and_rows_go_where_they_went_before() {
        let statements = MIGRATIONS[0].statements(&place(Some("all")));
        assert_eq!(statements.len(), 4);
        assert!(statements[0].starts_with("CREATE TABLE IF NOT EXISTS `t\\`s`.`sessions_local` ON CLUSTER 'all'\n"));
        assert!(statements[0].contains("ENGINE = ReplicatedMergeTree\n"));
        assert_eq!(
            statements[1],
            "CREATE OR REPLACE TABLE `t\\`s`.`sessions` ON CLUSTER 'all' AS `t\\`s`.`sessions_local` \
             ENGINE = Distributed('all', 't`s', 'sessions_local', cityHash64(event_id))"
        );
        for part in MIGRATIONS.iter().flat_map(|migration| migration.parts().collect::<Vec<_>>()) {
            let makes = part.text.contains("CREATE TABLE");
            assert!(!makes || part.spread().is_some(), "not spread: {:?}", part.table());
        }
    }

    #[test]
    fn columns_are_read_off_the_statements() {
        let part = Part {
            text: "-- What\nALTER TABLE {table:a}{on_cluster}\n    ADD COLUMN IF NOT EXISTS `b` LowCardinality(String) CODEC(ZSTD(3)),\n    \
                   MODIFY COLUMN `c` DateTime64(9, 'UTC') DEFAULT now(),\n    MODIFY COLUMN `d` CODEC(LZ4),\n    \
                   MODIFY COLUMN `e` String ALIAS\n        concat(b, 'e');\n",
        };
        assert_eq!(part.table(), Some("a"));
        let columns: Vec<_> = part.columns().map(|column| (column.name, column.kind, column.is_computed)).collect();
        let stored = [("b", "LowCardinality(String)", false), ("c", "DateTime64(9, 'UTC')", false)];
        assert_eq!(columns, [&stored[..], &[("e", "String", true)]].concat());
    }
}
