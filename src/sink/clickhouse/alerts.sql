-- One row per alert; `event_id` is that of the session in `sessions` that completed it.
CREATE TABLE IF NOT EXISTS alerts
(
    `timestamp` DateTime64(9, 'UTC'),
    `event_id` FixedString(16),
    `rule_id` LowCardinality(String),
    `title` LowCardinality(String),
    `level` LowCardinality(String),
    `tags` Array(LowCardinality(String)),
    `message` String,
    `source_ip` IPv6,
    `source_port` UInt16,
    `destination_ip` IPv6,
    `destination_port` UInt16,
    `ja4` LowCardinality(String),
    `event_ids` Array(FixedString(16)),
    `session_count` UInt64,
    `group` Map(LowCardinality(String), String),
    `suppressed` UInt64,
    `measures` Map(LowCardinality(String), Float64),
    `list` LowCardinality(String),
    `indicator_type` LowCardinality(String),
    `indicator` String,
    `indicator_description` String,
    `indicator_first_seen` Nullable(DateTime64(0, 'UTC'))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (timestamp, rule_id, event_id)
SETTINGS non_replicated_deduplication_window = 10000
