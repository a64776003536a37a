-- Server names that nobody had asked for before the last day of what is stored, and who asks for them now.
WITH (SELECT max(last_seen) FROM sightings WHERE kind = 'server_name') AS newest
SELECT server_name, min(first_seen) AS since, sum(sessions) AS sessions, uniqCombined64Merge(12)(sources) AS clients,
    groupUniqArray(5)(ja4) AS fingerprints
FROM name_fingerprints
GROUP BY server_name HAVING since > newest - INTERVAL 1 DAY
ORDER BY sessions DESC, server_name LIMIT 100
