-- Which versions of the schema were applied, and by which text.
-- spread by version
CREATE TABLE IF NOT EXISTS {table:schema_migrations}{on_cluster}
(
    `version` UInt32,
    `name` String,
    `checksum` String,
    `program` String,
    `applied_at` DateTime64(3, 'UTC')
)
ENGINE = {engine:ReplacingMergeTree}
ORDER BY (version, checksum);
