-- Hosts that began to send a fingerprint in the last day of what is stored, long after they were first seen: new software on
-- an old machine.
WITH (SELECT max(last_seen) FROM host_fingerprints) AS newest
SELECT replaceOne(toString(source_ip), '::ffff:', '') AS source, ja4, min(first_seen) AS since, sum(sessions) AS sessions,
    min(min(first_seen)) OVER (PARTITION BY source_ip) AS host_since
FROM host_fingerprints
GROUP BY source_ip, ja4
QUALIFY since > newest - INTERVAL 1 DAY AND host_since < since - INTERVAL 1 HOUR
ORDER BY since DESC LIMIT 100
