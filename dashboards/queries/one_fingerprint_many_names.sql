-- Fingerprints by how many names they ask for, and how many of their sessions came about: crawlers and scanners come first.
SELECT ja4, uniqExact(server_name) AS names, uniqExact(source_ip) AS sources, count() AS sessions,
    countIf(established) AS established
FROM sessions WHERE ja4 != '' GROUP BY ja4 ORDER BY names DESC, sessions DESC LIMIT 20
