-- What an alert stands for: the sessions behind it, what it was grouped by, its figures, and what a threat list says.
ALTER TABLE {table:alerts}{on_cluster}
    ADD COLUMN IF NOT EXISTS `event_ids` Array(FixedString(16)),
    ADD COLUMN IF NOT EXISTS `session_count` UInt64,
    ADD COLUMN IF NOT EXISTS `group` Map(LowCardinality(String), String),
    ADD COLUMN IF NOT EXISTS `suppressed` UInt64,
    ADD COLUMN IF NOT EXISTS `measures` Map(LowCardinality(String), Float64),
    ADD COLUMN IF NOT EXISTS `list` LowCardinality(String),
    ADD COLUMN IF NOT EXISTS `indicator_type` LowCardinality(String),
    ADD COLUMN IF NOT EXISTS `indicator` String,
    ADD COLUMN IF NOT EXISTS `indicator_description` String,
    ADD COLUMN IF NOT EXISTS `indicator_first_seen` Nullable(DateTime64(0, 'UTC'));

-- What rules forgot, left out or held back; directions that a snap length cut.
ALTER TABLE {table:sensor_stats}{on_cluster}
    ADD COLUMN IF NOT EXISTS `rule_groups_evicted` UInt64,
    ADD COLUMN IF NOT EXISTS `late_matches` UInt64,
    ADD COLUMN IF NOT EXISTS `numbers_left_out` UInt64,
    ADD COLUMN IF NOT EXISTS `alerts_suppressed` UInt64,
    ADD COLUMN IF NOT EXISTS `suppressions_evicted` UInt64,
    ADD COLUMN IF NOT EXISTS `truncated` UInt64;
