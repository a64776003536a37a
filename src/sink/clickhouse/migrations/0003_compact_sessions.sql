-- What a session takes on disk. Values that others of its columns determine are computed when they are asked for: the forms
-- of JA3 and JA4 in wire order, which a browser that shuffles makes anew each time, and the Community ID. `plain_*` are the
-- client's lists without GREASE, which those forms are made of. `SELECT *` leaves all these out; by name they are there.
ALTER TABLE {table:sessions}{on_cluster}
    DROP INDEX IF EXISTS by_ja3;

ALTER TABLE {table:sessions}{on_cluster}
    ADD COLUMN IF NOT EXISTS `plain_ciphers` Array(UInt16) ALIAS
        arrayFilter(x -> bitAnd(x, 0x0f0f) != 0x0a0a OR bitShiftRight(x, 8) != bitAnd(x, 0xff),
            if(client_format = 'tls', client_ciphers, [])),
    ADD COLUMN IF NOT EXISTS `plain_extensions` Array(UInt16) ALIAS
        arrayFilter(x -> bitAnd(x, 0x0f0f) != 0x0a0a OR bitShiftRight(x, 8) != bitAnd(x, 0xff), client_extensions),
    ADD COLUMN IF NOT EXISTS `plain_groups` Array(UInt16) ALIAS
        arrayFilter(x -> bitAnd(x, 0x0f0f) != 0x0a0a OR bitShiftRight(x, 8) != bitAnd(x, 0xff), client_groups),
    ADD COLUMN IF NOT EXISTS `plain_signature_algorithms` Array(UInt16) ALIAS
        arrayFilter(x -> bitAnd(x, 0x0f0f) != 0x0a0a OR bitShiftRight(x, 8) != bitAnd(x, 0xff), client_signature_algorithms);

ALTER TABLE {table:sessions}{on_cluster}
    MODIFY COLUMN `ja3_full` String ALIAS
        if(client_format = 'tls' AND ja4 != '',
            concat(toString(client_legacy_version), ',', arrayStringConcat(plain_ciphers, '-'), ',',
                arrayStringConcat(plain_extensions, '-'), ',', arrayStringConcat(plain_groups, '-'), ',',
                arrayStringConcat(client_point_formats, '-')),
            ''),
    MODIFY COLUMN `ja3` Nullable(FixedString(16)) ALIAS
        if(ja3_full = '', NULL, MD5(ja3_full)),
    MODIFY COLUMN `ja4_ro` String ALIAS
        if(ja4 = '', '', concat(left(ja4, 11),
            arrayStringConcat(arrayMap(x -> leftPad(lower(hex(x)), 4, '0'), plain_ciphers), ','), '_',
            arrayStringConcat(arrayMap(x -> leftPad(lower(hex(x)), 4, '0'), plain_extensions), ','),
            if(empty(plain_signature_algorithms), '', '_'),
            arrayStringConcat(arrayMap(x -> leftPad(lower(hex(x)), 4, '0'), plain_signature_algorithms), ','))),
    MODIFY COLUMN `ja4_o` String ALIAS
        if(ja4 = '', '', concat(left(ja4, 11), arrayStringConcat(arrayMap(
            x -> if(x = '', '000000000000', left(lower(hex(SHA256(x))), 12)),
            [splitByChar('_', ja4_ro)[2], substring(ja4_ro, 13 + length(splitByChar('_', ja4_ro)[2]))]), '_'))),
    -- Version 1, seed 0: over the lower end, then the other.
    MODIFY COLUMN `community_id` String ALIAS
        concat('1:', base64Encode(SHA1(concat(
            unhex('0000'),
            arrayStringConcat(arrayMap(end -> substring(unhex(hex(end.1)), if(network_type = 'ipv4', 13, 1)),
                arraySort([(source_ip, source_port), (destination_ip, destination_port)]))),
            unhex(if(network_transport = 'tcp', '0600', '1100')),
            arrayStringConcat(arrayMap(end -> unhex(leftPad(hex(end.2), 4, '0')),
                arraySort([(source_ip, source_port), (destination_ip, destination_port)])))))));

-- The rest is packed by what it is: times and latencies by T64, which drops the bits that a block does not use, lists and
-- names by ZSTD.
ALTER TABLE {table:sessions}{on_cluster}
    MODIFY COLUMN `event_id` FixedString(16) CODEC(ZSTD(1)),
    MODIFY COLUMN `timestamp` DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    MODIFY COLUMN `ended` DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    MODIFY COLUMN `quic_client_initial_dcid` String CODEC(ZSTD(3)),
    MODIFY COLUMN `quic_client_scid` String CODEC(ZSTD(3)),
    MODIFY COLUMN `quic_server_scid` String CODEC(ZSTD(3)),
    MODIFY COLUMN `quic_user_agent` String CODEC(ZSTD(3)),
    MODIFY COLUMN `quic_parameter_ids` Array(UInt64) CODEC(ZSTD(3)),
    MODIFY COLUMN `quic_parameter_lengths` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `source_ip` IPv6 CODEC(ZSTD(1)),
    MODIFY COLUMN `source_port` UInt16 CODEC(ZSTD(1)),
    MODIFY COLUMN `destination_ip` IPv6 CODEC(ZSTD(1)),
    MODIFY COLUMN `destination_port` UInt16 CODEC(ZSTD(1)),
    MODIFY COLUMN `server_name` String CODEC(ZSTD(3)),
    MODIFY COLUMN `ja3n` Nullable(FixedString(16)) CODEC(ZSTD(3)),
    MODIFY COLUMN `ja4_r` String CODEC(ZSTD(3)),
    MODIFY COLUMN `client_first_records` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_random` Nullable(FixedString(32)) CODEC(ZSTD(1)),
    MODIFY COLUMN `client_versions` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_ciphers` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_sslv2_ciphers` Array(UInt32) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_compression_methods` Array(UInt8) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_extensions` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_groups` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_key_shares` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_point_formats` Array(UInt8) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_signature_algorithms` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_signature_algorithms_cert` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_alpn` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_psk_modes` Array(UInt8) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_certificate_compression` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_post_quantum` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_ja3` Nullable(FixedString(16)) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_ja4_r` String CODEC(ZSTD(3)),
    MODIFY COLUMN `second_ciphers` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_extensions` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_groups` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_key_shares` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_ja3_full` String CODEC(ZSTD(3)),
    MODIFY COLUMN `second_ja3n` Nullable(FixedString(16)) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_ja4_ro` String CODEC(ZSTD(3)),
    MODIFY COLUMN `second_versions` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_compression_methods` Array(UInt8) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_point_formats` Array(UInt8) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_signature_algorithms` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_signature_algorithms_cert` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_alpn` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_psk_modes` Array(UInt8) CODEC(ZSTD(3)),
    MODIFY COLUMN `second_certificate_compression` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `ja3s` Nullable(FixedString(16)) CODEC(ZSTD(3)),
    MODIFY COLUMN `ja3s_full` String CODEC(ZSTD(3)),
    MODIFY COLUMN `ja4s_r` String CODEC(ZSTD(3)),
    MODIFY COLUMN `server_random` Nullable(FixedString(32)) CODEC(ZSTD(1)),
    MODIFY COLUMN `server_extensions` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `retry_added` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `retry_removed` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `retry_changed` Array(UInt16) CODEC(ZSTD(3)),
    MODIFY COLUMN `dh_prime_sha256` Nullable(FixedString(32)) CODEC(ZSTD(3)),
    MODIFY COLUMN `dh_public_sha256` Nullable(FixedString(32)) CODEC(ZSTD(1)),
    MODIFY COLUMN `alerts_level` Array(UInt8) CODEC(ZSTD(3)),
    MODIFY COLUMN `alerts_description` Array(UInt8) CODEC(ZSTD(3)),
    MODIFY COLUMN `hello_latency` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    MODIFY COLUMN `handshake_duration` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    MODIFY COLUMN `tcp_server_latency` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    MODIFY COLUMN `tcp_client_latency` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    MODIFY COLUMN `label_setup` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `label_version` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `label_also` Array(Array(String)) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_subject` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_subject_common_name` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_issuer` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_issuer_common_name` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_serial` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_md5` Array(FixedString(16)) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_sha1` Array(FixedString(20)) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_sha256` Array(FixedString(32)) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_not_before` Array(Nullable(DateTime64(0, 'UTC'))) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_not_after` Array(Nullable(DateTime64(0, 'UTC'))) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_alternative_names` Array(Array(String)) CODEC(ZSTD(3)),
    MODIFY COLUMN `client_chain_ja4x` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_subject` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_subject_common_name` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_issuer` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_issuer_common_name` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_serial` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_md5` Array(FixedString(16)) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_sha1` Array(FixedString(20)) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_sha256` Array(FixedString(32)) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_not_before` Array(Nullable(DateTime64(0, 'UTC'))) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_not_after` Array(Nullable(DateTime64(0, 'UTC'))) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_alternative_names` Array(Array(String)) CODEC(ZSTD(3)),
    MODIFY COLUMN `server_chain_ja4x` Array(String) CODEC(ZSTD(3));

ALTER TABLE {table:sessions}{on_cluster}
    ADD INDEX IF NOT EXISTS by_event event_id TYPE bloom_filter GRANULARITY 4;

-- Rows that are too old go with their part, without another one being written.
ALTER TABLE {table:sessions}{on_cluster}
    MODIFY SETTING ttl_only_drop_parts = 1;
