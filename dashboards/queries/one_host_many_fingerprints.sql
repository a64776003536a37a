-- Addresses by how many fingerprints they send: networks behind one address, scanners, and clients that change their dress.
SELECT replaceOne(toString(source_ip), '::ffff:', '') AS source, uniqExact(ja4) AS fingerprints, sum(sessions) AS sessions,
    min(first_seen) AS since, max(last_seen) AS until
FROM host_fingerprints GROUP BY source_ip ORDER BY fingerprints DESC, source LIMIT 50
