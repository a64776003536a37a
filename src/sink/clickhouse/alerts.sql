-- One row per rule hit; `event_id` is that of the session in `sessions`.
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
    `ja4` LowCardinality(String)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (timestamp, rule_id, event_id)
SETTINGS non_replicated_deduplication_window = 10000
