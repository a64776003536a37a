-- Synthetic sessions in the shape of real ones: {rows:UInt64} of them from number {first:UInt64}, {rate:Float64} a second, into
-- `{into:Identifier}`. `mix` holds real sessions, numbered by `k` from nought; `weights` holds such numbers, one entry for each
-- share of the traffic. What each session of its own has is made anew: times with a day's and an hour's cycle, clients and
-- names by Zipf, an address of each name, random bytes, ports, connection ids, latencies, GREASE and the order of a
-- browser's extensions; certificates are a name's own.
INSERT INTO {into:Identifier}
WITH
    (SELECT groupArray(k) FROM weights) AS shares,
    -- A value of 1 to n, of which k is met in proportion to 1/k.
    (n, r) -> toUInt32(floor(exp(log(n + 1) * r))) AS zipf,
    x -> bitAnd(x, 0x0f0f) = 0x0a0a AND bitShiftRight(x, 8) = bitAnd(x, 255) AS grease,
    (number + rand64(1) / 18446744073709551616) / {rate:Float64} AS second,
    -- The crowd of a day: a sine of a day and one of an hour move sessions to and fro.
    second + 7000 * sin(2 * pi() * second / 86400) + 150 * sin(2 * pi() * second / 3600) AS moved,
    1769904000000000000 + toInt64(moved * 1000000000) AS at,
    sipHash64('name', zipf(100000, rand(2) / 4294967296)) % 100000 AS name_number,
    zipf(5000, rand(3) / 4294967296) AS client_number,
    exp(1.2 * randNormal(0, 1, 4)) AS weather,
    toUInt64(12000000 * exp(0.8 * randNormal(0, 1, 5))) AS far
SELECT * EXCEPT (k, number, share) REPLACE (
    CAST(unhex(lower(hex(rand64(10))) || lower(hex(rand64(11)))) AS FixedString(16)) AS event_id,
    fromUnixTimestamp64Nano(at, 'UTC') AS timestamp,
    fromUnixTimestamp64Nano(at + toInt64(far * (2.5 + weather)), 'UTC') AS ended,
    toIPv6(IPv4NumToString(toUInt32(0x0a000000 + client_number * 7 % 65521))) AS source_ip,
    toUInt16(1024 + rand(15) % 64000) AS source_port,
    toIPv6(IPv4NumToString(toUInt32(0x2d000000 + (sipHash64('address', name_number, rand(16) % 3) % 16777216)))) AS destination_ip,
    if(destination_port = 0, 443, if(share < 0.9, 443, destination_port)) AS destination_port,
    if(server_name = '', '', concat(['www', 'api', 'cdn', 'img', 'login', 'static', 'push', 'telemetry'][name_number % 8 + 1], '.', lower(hex(sipHash64('domain', intDiv(name_number, 4)) % 16777216)), ['.com', '.net', '.org', '.example'][intDiv(name_number, 4) % 4 + 1])) AS server_name,
    if(client_random IS NULL, NULL, CAST(reinterpretAsFixedString(rand64(20)) || reinterpretAsFixedString(rand64(21)) || reinterpretAsFixedString(rand64(22)) || reinterpretAsFixedString(rand64(23)) AS FixedString(32))) AS client_random,
    if(server_random IS NULL, NULL, CAST(reinterpretAsFixedString(rand64(24)) || reinterpretAsFixedString(rand64(25)) || reinterpretAsFixedString(rand64(26)) || reinterpretAsFixedString(rand64(27)) AS FixedString(32))) AS server_random,
    left(lower(hex(rand64(30)) || hex(rand64(31)) || hex(rand64(32))), length(quic_client_initial_dcid)) AS quic_client_initial_dcid,
    left(lower(hex(rand64(33)) || hex(rand64(34)) || hex(rand64(35))), length(quic_client_scid)) AS quic_client_scid,
    left(lower(hex(rand64(36)) || hex(rand64(37)) || hex(rand64(38))), length(quic_server_scid)) AS quic_server_scid,
    -- A browser that shuffles says GREASE first and last.
    if(arrayExists(grease, client_extensions), arrayMap(x -> if(grease(x), toUInt16(0x0a0a + 0x1010 * (rand(40) % 16)), x), client_ciphers), client_ciphers) AS client_ciphers,
    if(arrayExists(grease, client_extensions), arrayMap(x -> if(grease(x), toUInt16(0x0a0a + 0x1010 * (rand(41) % 16)), x), client_groups), client_groups) AS client_groups,
    if(arrayExists(grease, client_extensions), arrayMap(x -> if(grease(x), toUInt16(0x0a0a + 0x1010 * (rand(41) % 16)), x), client_key_shares), client_key_shares) AS client_key_shares,
    if(arrayExists(grease, client_extensions), arrayMap(x -> if(grease(x), toUInt16(0x0a0a + 0x1010 * (rand(43) % 16)), x), client_versions), client_versions) AS client_versions,
    if(arrayExists(grease, client_extensions),
        arrayConcat([toUInt16(0x0a0a + 0x1010 * (rand(44) % 16))], arrayShuffle(arrayFilter(x -> NOT grease(x), client_extensions)), [toUInt16(0x0a0a + 0x1010 * (rand(45) % 16))]),
        if(network_protocol = 'quic', arrayShuffle(client_extensions), client_extensions)) AS client_extensions,
    if(hello_latency IS NULL, NULL, toUInt64(far * (1 + 0.2 * weather))) AS hello_latency,
    if(handshake_duration IS NULL, NULL, toUInt64(far * (2.1 + 0.9 * weather))) AS handshake_duration,
    if(tcp_server_latency IS NULL, NULL, far + rand(46) % 100000) AS tcp_server_latency,
    if(tcp_client_latency IS NULL, NULL, toUInt64(20000 * exp(randNormal(0, 1, 6)))) AS tcp_client_latency,
    if(dh_public_sha256 IS NULL, NULL, CAST(reinterpretAsFixedString(rand64(50)) || reinterpretAsFixedString(rand64(51)) || reinterpretAsFixedString(rand64(52)) || reinterpretAsFixedString(rand64(53)) AS FixedString(32))) AS dh_public_sha256,
    arrayMap((x, i) -> if(i = 1, 'CN=' || server_name, x), server_chain_subject, arrayEnumerate(server_chain_subject)) AS server_chain_subject,
    arrayMap((x, i) -> if(i = 1, server_name, x), server_chain_subject_common_name, arrayEnumerate(server_chain_subject_common_name)) AS server_chain_subject_common_name,
    arrayMap((x, i) -> if(i = 1, lower(hex(sipHash128('serial', name_number))), x), server_chain_serial, arrayEnumerate(server_chain_serial)) AS server_chain_serial,
    arrayMap((x, i) -> if(i = 1, CAST(MD5(toString(name_number)) AS FixedString(16)), x), server_chain_md5, arrayEnumerate(server_chain_md5)) AS server_chain_md5,
    arrayMap((x, i) -> if(i = 1, CAST(SHA1(toString(name_number)) AS FixedString(20)), x), server_chain_sha1, arrayEnumerate(server_chain_sha1)) AS server_chain_sha1,
    arrayMap((x, i) -> if(i = 1, CAST(SHA256(toString(name_number)) AS FixedString(32)), x), server_chain_sha256, arrayEnumerate(server_chain_sha256)) AS server_chain_sha256,
    arrayMap((x, i) -> if(i = 1, toDateTime64(1769904000 - 86400 * (name_number % 60), 0, 'UTC'), x), server_chain_not_before, arrayEnumerate(server_chain_not_before)) AS server_chain_not_before,
    arrayMap((x, i) -> if(i = 1, toDateTime64(1769904000 + 86400 * (name_number % 90), 0, 'UTC'), x), server_chain_not_after, arrayEnumerate(server_chain_not_after)) AS server_chain_not_after,
    arrayMap((x, i) -> if(i = 1, [server_name], x), server_chain_alternative_names, arrayEnumerate(server_chain_alternative_names)) AS server_chain_alternative_names
)
FROM
(
    SELECT number, rand(60) / 4294967296 AS share, arrayElement(shares, 1 + rand(61) % length(shares)) AS k
    FROM numbers({first:UInt64}, {rows:UInt64})
) AS drawn
INNER JOIN mix USING (k)
SETTINGS max_block_size = 16384, max_insert_block_size = 200000, min_insert_block_size_rows = 200000
