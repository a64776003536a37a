-- What each client fingerprint did in each hour: how much, from and to how many, over what, how fast. These figures tell a
-- browser from a crawler. Counts are sums; `uniqCombined64Merge(14)` and `quantilesTDigestMerge` read the others.
-- Sessions that were there before this table are counted once, however often this is run, and by however many at a time: the
-- token stands for them, and what comes later is the view's.
-- spread by cityHash64(ja4)
CREATE TABLE IF NOT EXISTS {table:fingerprint_hours}{on_cluster}
(
    `hour` DateTime('UTC'),
    `ja4` LowCardinality(String),
    `sessions` SimpleAggregateFunction(sum, UInt64),
    `established` SimpleAggregateFunction(sum, UInt64),
    `failed` SimpleAggregateFunction(sum, UInt64),
    `resumption_known` SimpleAggregateFunction(sum, UInt64),
    `resumed` SimpleAggregateFunction(sum, UInt64),
    `http1` SimpleAggregateFunction(sum, UInt64),
    `http2` SimpleAggregateFunction(sum, UInt64),
    `http3` SimpleAggregateFunction(sum, UInt64),
    `tls13` SimpleAggregateFunction(sum, UInt64),
    `post_quantum` SimpleAggregateFunction(sum, UInt64),
    `nameless` SimpleAggregateFunction(sum, UInt64),
    `sources` AggregateFunction(uniqCombined64(14), IPv6),
    `destinations` AggregateFunction(uniqCombined64(14), IPv6),
    `names` AggregateFunction(uniqCombined64(14), String),
    `durations` AggregateFunction(quantilesTDigest(0.5, 0.9, 0.99), Nullable(UInt64))
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, ja4)
SETTINGS non_replicated_deduplication_window = 10000;

INSERT INTO {table:fingerprint_hours}
SELECT
    toStartOfHour(timestamp) AS hour,
    ja4,
    count() AS sessions,
    countIf(seen.established) AS established,
    countIf(failure != '') AS failed,
    countIf(seen.resumed IS NOT NULL) AS resumption_known,
    countIf(seen.resumed) AS resumed,
    countIf(startsWith(next_protocol, 'http/')) AS http1,
    countIf(next_protocol = 'h2') AS http2,
    countIf(startsWith(next_protocol, 'h3')) AS http3,
    countIf(version = '1.3') AS tls13,
    countIf(seen.post_quantum) AS post_quantum,
    countIf(server_name = '') AS nameless,
    uniqCombined64State(14)(source_ip) AS sources,
    uniqCombined64State(14)(destination_ip) AS destinations,
    uniqCombined64StateIf(14)(server_name, server_name != '') AS names,
    quantilesTDigestState(0.5, 0.9, 0.99)(handshake_duration) AS durations
FROM {table:sessions} AS seen
WHERE seen.ja4 != ''
    AND (SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'fingerprint_hours_feed') = 0
GROUP BY hour, ja4
SETTINGS insert_deduplication_token = 'tlsight 0004';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.fingerprint_hours_feed{on_cluster} TO {table:fingerprint_hours} AS
SELECT
    toStartOfHour(timestamp) AS hour,
    ja4,
    count() AS sessions,
    countIf(seen.established) AS established,
    countIf(failure != '') AS failed,
    countIf(seen.resumed IS NOT NULL) AS resumption_known,
    countIf(seen.resumed) AS resumed,
    countIf(startsWith(next_protocol, 'http/')) AS http1,
    countIf(next_protocol = 'h2') AS http2,
    countIf(startsWith(next_protocol, 'h3')) AS http3,
    countIf(version = '1.3') AS tls13,
    countIf(seen.post_quantum) AS post_quantum,
    countIf(server_name = '') AS nameless,
    uniqCombined64State(14)(source_ip) AS sources,
    uniqCombined64State(14)(destination_ip) AS destinations,
    uniqCombined64StateIf(14)(server_name, server_name != '') AS names,
    quantilesTDigestState(0.5, 0.9, 0.99)(handshake_duration) AS durations
FROM {table:sessions} AS seen
WHERE seen.ja4 != ''
GROUP BY hour, ja4;

-- How well the sessions of each hour were protected.
-- spread by cityHash64(hour, version, security_grade)
CREATE TABLE IF NOT EXISTS {table:posture_hours}{on_cluster}
(
    `hour` DateTime('UTC'),
    `network_protocol` LowCardinality(String),
    `version_protocol` LowCardinality(String),
    `version` LowCardinality(String),
    `security_grade` LowCardinality(String),
    `sessions` SimpleAggregateFunction(sum, UInt64),
    `failed` SimpleAggregateFunction(sum, UInt64),
    `post_quantum_known` SimpleAggregateFunction(sum, UInt64),
    `post_quantum` SimpleAggregateFunction(sum, UInt64),
    `forward_secret` SimpleAggregateFunction(sum, UInt64),
    `sources` AggregateFunction(uniqCombined64(14), IPv6),
    `destinations` AggregateFunction(uniqCombined64(14), IPv6)
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, network_protocol, version_protocol, version, security_grade)
SETTINGS non_replicated_deduplication_window = 10000;

INSERT INTO {table:posture_hours}
SELECT
    toStartOfHour(timestamp) AS hour,
    network_protocol,
    version_protocol,
    version,
    security_grade,
    count() AS sessions,
    countIf(failure != '') AS failed,
    countIf(seen.post_quantum IS NOT NULL) AS post_quantum_known,
    countIf(seen.post_quantum) AS post_quantum,
    countIf(security_forward_secrecy) AS forward_secret,
    uniqCombined64State(14)(source_ip) AS sources,
    uniqCombined64State(14)(destination_ip) AS destinations
FROM {table:sessions} AS seen
WHERE (SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'posture_hours_feed') = 0
GROUP BY hour, network_protocol, version_protocol, version, security_grade
SETTINGS insert_deduplication_token = 'tlsight 0004';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.posture_hours_feed{on_cluster} TO {table:posture_hours} AS
SELECT
    toStartOfHour(timestamp) AS hour,
    network_protocol,
    version_protocol,
    version,
    security_grade,
    count() AS sessions,
    countIf(failure != '') AS failed,
    countIf(seen.post_quantum IS NOT NULL) AS post_quantum_known,
    countIf(seen.post_quantum) AS post_quantum,
    countIf(security_forward_secrecy) AS forward_secret,
    uniqCombined64State(14)(source_ip) AS sources,
    uniqCombined64State(14)(destination_ip) AS destinations
FROM {table:sessions} AS seen
GROUP BY hour, network_protocol, version_protocol, version, security_grade;

-- What was weak in each hour.
-- spread by cityHash64(weakness)
CREATE TABLE IF NOT EXISTS {table:weakness_hours}{on_cluster}
(
    `hour` DateTime('UTC'),
    `weakness` LowCardinality(String),
    `sessions` SimpleAggregateFunction(sum, UInt64),
    `sources` AggregateFunction(uniqCombined64(14), IPv6),
    `destinations` AggregateFunction(uniqCombined64(14), IPv6)
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, weakness)
SETTINGS non_replicated_deduplication_window = 10000;

INSERT INTO {table:weakness_hours}
SELECT toStartOfHour(timestamp) AS hour, weakness, count() AS sessions, uniqCombined64State(14)(source_ip) AS sources,
    uniqCombined64State(14)(destination_ip) AS destinations
FROM {table:sessions}
ARRAY JOIN security_weaknesses AS weakness
WHERE (SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'weakness_hours_feed') = 0
GROUP BY hour, weakness
SETTINGS insert_deduplication_token = 'tlsight 0004';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.weakness_hours_feed{on_cluster} TO {table:weakness_hours} AS
SELECT toStartOfHour(timestamp) AS hour, weakness, count() AS sessions, uniqCombined64State(14)(source_ip) AS sources,
    uniqCombined64State(14)(destination_ip) AS destinations
FROM {table:sessions}
ARRAY JOIN security_weaknesses AS weakness
GROUP BY hour, weakness;

-- Which client fingerprint asked for which name: since when, how often, from how many addresses.
-- spread by cityHash64(server_name)
CREATE TABLE IF NOT EXISTS {table:name_fingerprints}{on_cluster}
(
    `server_name` String,
    `ja4` LowCardinality(String),
    `first_seen` SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    `last_seen` SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    `sessions` SimpleAggregateFunction(sum, UInt64),
    `sources` AggregateFunction(uniqCombined64(12), IPv6)
)
ENGINE = {engine:AggregatingMergeTree}
ORDER BY (server_name, ja4)
SETTINGS non_replicated_deduplication_window = 10000;

INSERT INTO {table:name_fingerprints}
SELECT server_name, ja4, min(timestamp) AS first_seen, max(timestamp) AS last_seen, count() AS sessions,
    uniqCombined64State(12)(source_ip) AS sources
FROM {table:sessions}
WHERE server_name != '' AND ja4 != ''
    AND (SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'name_fingerprints_feed') = 0
GROUP BY server_name, ja4
SETTINGS insert_deduplication_token = 'tlsight 0004';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.name_fingerprints_feed{on_cluster} TO {table:name_fingerprints} AS
SELECT server_name, ja4, min(timestamp) AS first_seen, max(timestamp) AS last_seen, count() AS sessions,
    uniqCombined64State(12)(source_ip) AS sources
FROM {table:sessions}
WHERE server_name != '' AND ja4 != ''
GROUP BY server_name, ja4;

-- Which client fingerprint each address sent: since when, how often, to how many names. One that changes its software shows here.
-- spread by cityHash64(source_ip)
CREATE TABLE IF NOT EXISTS {table:host_fingerprints}{on_cluster}
(
    `source_ip` IPv6,
    `ja4` LowCardinality(String),
    `first_seen` SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    `last_seen` SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    `sessions` SimpleAggregateFunction(sum, UInt64),
    `names` AggregateFunction(uniqCombined64(12), String)
)
ENGINE = {engine:AggregatingMergeTree}
ORDER BY (source_ip, ja4)
SETTINGS non_replicated_deduplication_window = 10000;

INSERT INTO {table:host_fingerprints}
SELECT source_ip, ja4, min(timestamp) AS first_seen, max(timestamp) AS last_seen, count() AS sessions,
    uniqCombined64StateIf(12)(server_name, server_name != '') AS names
FROM {table:sessions}
WHERE ja4 != ''
    AND (SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'host_fingerprints_feed') = 0
GROUP BY source_ip, ja4
SETTINGS insert_deduplication_token = 'tlsight 0004';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.host_fingerprints_feed{on_cluster} TO {table:host_fingerprints} AS
SELECT source_ip, ja4, min(timestamp) AS first_seen, max(timestamp) AS last_seen, count() AS sessions,
    uniqCombined64StateIf(12)(server_name, server_name != '') AS names
FROM {table:sessions}
WHERE ja4 != ''
GROUP BY source_ip, ja4;

-- When a value was seen first and last, how often, and from how many addresses. `kind`: `ja4`, `ja3n`, `ja4_b` and `ja4_c` (the
-- sections of a JA4), `server_name`, `server` (its address), `certificate` (SHA-256 of a server's leaf), `issuer`.
-- spread by cityHash64(kind, value)
CREATE TABLE IF NOT EXISTS {table:sightings}{on_cluster}
(
    `kind` LowCardinality(String),
    `value` String,
    `first_seen` SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    `last_seen` SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    `sessions` SimpleAggregateFunction(sum, UInt64),
    `sources` AggregateFunction(uniqCombined64(12), IPv6)
)
ENGINE = {engine:AggregatingMergeTree}
ORDER BY (kind, value)
SETTINGS non_replicated_deduplication_window = 10000;

INSERT INTO {table:sightings}
SELECT seen.1 AS kind, seen.2 AS value, min(timestamp) AS first_seen, max(timestamp) AS last_seen, count() AS sessions,
    uniqCombined64State(12)(source_ip) AS sources
FROM {table:sessions}
ARRAY JOIN [
    ('ja4', toString(ja4)),
    ('ja3n', lower(hex(ifNull(ja3n, toFixedString('', 16))))),
    ('ja4_b', splitByChar('_', toString(ja4))[2]),
    ('ja4_c', splitByChar('_', toString(ja4))[3]),
    ('server_name', server_name),
    ('server', replaceOne(toString(destination_ip), '::ffff:', '')),
    ('certificate', lower(hex(server_chain_sha256[1]))),
    ('issuer', server_chain_issuer[1])] AS seen
WHERE value != '' AND NOT match(value, '^0+$')
    AND (SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'sightings_feed') = 0
GROUP BY kind, value
SETTINGS insert_deduplication_token = 'tlsight 0004';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.sightings_feed{on_cluster} TO {table:sightings} AS
SELECT seen.1 AS kind, seen.2 AS value, min(timestamp) AS first_seen, max(timestamp) AS last_seen, count() AS sessions,
    uniqCombined64State(12)(source_ip) AS sources
FROM {table:sessions}
ARRAY JOIN [
    ('ja4', toString(ja4)),
    ('ja3n', lower(hex(ifNull(ja3n, toFixedString('', 16))))),
    ('ja4_b', splitByChar('_', toString(ja4))[2]),
    ('ja4_c', splitByChar('_', toString(ja4))[3]),
    ('server_name', server_name),
    ('server', replaceOne(toString(destination_ip), '::ffff:', '')),
    ('certificate', lower(hex(server_chain_sha256[1]))),
    ('issuer', server_chain_issuer[1])] AS seen
WHERE value != '' AND NOT match(value, '^0+$')
GROUP BY kind, value;

-- How rare a value is: the share of all client addresses that it was seen from, and that in bits (0: everybody has it; 10:
-- one in a thousand).
CREATE VIEW IF NOT EXISTS {database}.rarity{on_cluster} AS
WITH (SELECT uniqCombined64Merge(12)(sources) FROM {database}.sightings WHERE kind = 'server') AS all_sources
SELECT
    kind,
    value,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    sum(sessions) AS sessions,
    uniqCombined64Merge(12)(sources) AS sources,
    least(1, sources / all_sources) AS share,
    greatest(0, -log2(share)) AS bits
FROM {database}.sightings
GROUP BY kind, value;
