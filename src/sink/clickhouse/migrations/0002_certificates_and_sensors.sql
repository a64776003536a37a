-- Which sensor saw a session, empty where the program has read captures; the rest of a second hello; reasons for a grade.
ALTER TABLE {table:sessions}{on_cluster}
    ADD COLUMN IF NOT EXISTS `sensor` LowCardinality(String),
    ADD COLUMN IF NOT EXISTS `second_ja3_full` String,
    ADD COLUMN IF NOT EXISTS `second_ja3n` Nullable(FixedString(16)),
    ADD COLUMN IF NOT EXISTS `second_ja4_o` LowCardinality(String),
    ADD COLUMN IF NOT EXISTS `second_ja4_ro` String,
    ADD COLUMN IF NOT EXISTS `second_stable` LowCardinality(String),
    ADD COLUMN IF NOT EXISTS `second_legacy_version` Nullable(UInt16),
    ADD COLUMN IF NOT EXISTS `second_versions` Array(UInt16),
    ADD COLUMN IF NOT EXISTS `second_compression_methods` Array(UInt8),
    ADD COLUMN IF NOT EXISTS `second_point_formats` Array(UInt8),
    ADD COLUMN IF NOT EXISTS `second_signature_algorithms` Array(UInt16),
    ADD COLUMN IF NOT EXISTS `second_signature_algorithms_cert` Array(UInt16),
    ADD COLUMN IF NOT EXISTS `second_alpn` Array(String),
    ADD COLUMN IF NOT EXISTS `second_psk_modes` Array(UInt8),
    ADD COLUMN IF NOT EXISTS `second_certificate_compression` Array(UInt16),
    ADD COLUMN IF NOT EXISTS `second_heartbeat` Nullable(UInt8),
    ADD COLUMN IF NOT EXISTS `second_max_fragment_length` Nullable(UInt16),
    ADD COLUMN IF NOT EXISTS `second_record_size_limit` Nullable(UInt16),
    ADD COLUMN IF NOT EXISTS `server_alpn` String,
    ADD COLUMN IF NOT EXISTS `security_reasons` Array(LowCardinality(String));

-- Which sensor saw the session behind an alert.
ALTER TABLE {table:alerts}{on_cluster}
    ADD COLUMN IF NOT EXISTS `sensor` LowCardinality(String);

-- One row per certificate, with all that it says; of rows that say the same, the one that was seen first stays. `event_id` is
-- that of the session that showed it, `days_left` and `flaws` are from that session's time. Not known: NULL, an empty string
-- or an empty array. The column of JA4X stays empty in a build without it.
-- spread by cityHash64(sha256)
CREATE TABLE IF NOT EXISTS {table:certificates}{on_cluster}
(
    `first_seen` DateTime64(9, 'UTC'),
    `sensor` LowCardinality(String),
    `sha256` FixedString(32),
    `sha1` FixedString(20),
    `md5` FixedString(16),
    `event_id` FixedString(16),
    `shown_by` LowCardinality(String),
    `leaf` Bool,
    `version` Nullable(UInt32),
    `serial` String,
    `subject` String,
    `subject_common_name` String,
    `issuer` String,
    `issuer_common_name` String,
    `self_issued` Nullable(Bool),
    `not_before` Nullable(DateTime64(0, 'UTC')),
    `not_after` Nullable(DateTime64(0, 'UTC')),
    `lifetime_days` Nullable(Int64),
    `days_left` Nullable(Int64),
    `public_key_algorithm` LowCardinality(String),
    `public_key_size` Nullable(UInt32),
    `public_key_curve` LowCardinality(String),
    `public_key_exponent` Nullable(UInt32),
    `public_key_sha256` Nullable(FixedString(32)),
    `signature_algorithm` LowCardinality(String),
    `signature_hash` LowCardinality(String),
    `dns_names` Array(String),
    `ip_addresses` Array(IPv6),
    `email_addresses` Array(String),
    `uris` Array(String),
    `name_count` UInt32,
    `is_ca` Nullable(Bool),
    `path_length` Nullable(UInt32),
    `key_usage` Array(LowCardinality(String)),
    `extended_key_usage` Array(LowCardinality(String)),
    `policies` Array(LowCardinality(String)),
    `validation` LowCardinality(String),
    `ocsp` Array(String),
    `ca_issuers` Array(String),
    `crl` Array(String),
    `sct_count` Nullable(UInt32),
    `sct_log` Array(FixedString(32)),
    `sct_timestamp` Array(Nullable(DateTime64(0, 'UTC'))),
    `must_staple` Bool,
    `name_constraints` Bool,
    `subject_key_id` String,
    `authority_key_id` String,
    `flaws` Array(LowCardinality(String)),
    `left_out` UInt32,
    `malformed` Bool,
    `ja4x` String,
    `der` String CODEC(ZSTD(3)),
    -- The earlier, the greater: the engine keeps the row in which this is the greatest.
    earliness UInt64 MATERIALIZED toUInt64(9223372036854775807 - toUnixTimestamp64Nano(first_seen)),
    INDEX by_subject subject TYPE bloom_filter GRANULARITY 4,
    INDEX by_serial serial TYPE bloom_filter GRANULARITY 4,
    INDEX by_key public_key_sha256 TYPE bloom_filter GRANULARITY 4
)
ENGINE = {engine:ReplacingMergeTree(earliness)}
ORDER BY sha256
SETTINGS non_replicated_deduplication_window = 10000;

-- When each certificate was seen first and last, by who showed it: fed by every session.
-- spread by cityHash64(sha256)
CREATE TABLE IF NOT EXISTS {table:certificate_sightings}{on_cluster}
(
    `sha256` FixedString(32),
    `side` LowCardinality(String),
    `first_seen` SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    `last_seen` SimpleAggregateFunction(max, DateTime64(9, 'UTC'))
)
ENGINE = {engine:AggregatingMergeTree}
ORDER BY (sha256, side)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.certificate_sightings_feed{on_cluster} TO {table:certificate_sightings} AS
SELECT tupleElement(shown, 1) AS sha256, tupleElement(shown, 2) AS side, min(timestamp) AS first_seen, max(timestamp) AS last_seen
FROM {table:sessions}
ARRAY JOIN arrayConcat(arrayMap(x -> (x, 'server'), server_chain_sha256), arrayMap(x -> (x, 'client'), client_chain_sha256)) AS shown
GROUP BY sha256, side;

-- What was seen before there was this table. Twice is as good as once.
INSERT INTO {database}.certificate_sightings (sha256, side, first_seen, last_seen)
SELECT tupleElement(shown, 1) AS sha256, tupleElement(shown, 2) AS side, min(timestamp) AS first_seen, max(timestamp) AS last_seen
FROM {database}.sessions
ARRAY JOIN arrayConcat(arrayMap(x -> (x, 'server'), server_chain_sha256), arrayMap(x -> (x, 'client'), client_chain_sha256)) AS shown
GROUP BY sha256, side;

-- Certificates with their first and last sighting, a row each.
CREATE VIEW IF NOT EXISTS {database}.certificates_seen{on_cluster} AS
SELECT c.* EXCEPT (first_seen), s.first AS first_seen, s.last AS last_seen
FROM (SELECT * FROM {database}.certificates ORDER BY earliness DESC LIMIT 1 BY sha256) AS c
LEFT JOIN
(
    SELECT sha256, min(first_seen) AS first, max(last_seen) AS last FROM {database}.certificate_sightings GROUP BY sha256
) AS s USING (sha256);

-- A sensor's counters, as they stood at the end of each interval; those of a capture at its end.
-- spread by cityHash64(sensor)
CREATE TABLE IF NOT EXISTS {table:sensor_stats}{on_cluster}
(
    `timestamp` DateTime64(9, 'UTC'),
    `sensor` LowCardinality(String),
    `packets` UInt64,
    `bytes` UInt64,
    `flows` UInt64,
    `sessions` UInt64,
    `packets_ignored` UInt64,
    `packets_malformed` UInt64,
    `fragments` UInt64,
    `fragments_dropped` UInt64,
    `flows_evicted` UInt64,
    `half_open_evicted` UInt64,
    `reassembly_limit` UInt64,
    `message_limit` UInt64,
    `gaps` UInt64,
    `chains_unchecked` UInt64,
    `events_shed` UInt64,
    `packets_dropped` UInt64
)
ENGINE = {engine:MergeTree}
PARTITION BY toYYYYMM(timestamp)
ORDER BY (sensor, timestamp)
SETTINGS non_replicated_deduplication_window = 1000;
