-- Diffie-Hellman keys and random bytes that more than one session has: broken generators, virtual machines from one image,
-- captures that hold a session twice.
SELECT *
FROM
(
    SELECT 'diffie-hellman key' AS what, lower(hex(dh_public_sha256)) AS value, count() AS sessions, groupUniqArray(3)(server_name) AS names
    FROM sessions WHERE dh_public_sha256 IS NOT NULL GROUP BY value HAVING sessions > 1
    UNION ALL
    SELECT 'client random', lower(hex(client_random)) AS value, count() AS sessions, groupUniqArray(3)(server_name)
    FROM sessions WHERE client_random IS NOT NULL GROUP BY value HAVING sessions > 1
    UNION ALL
    SELECT 'server random', lower(hex(server_random)) AS value, count() AS sessions, groupUniqArray(3)(server_name)
    FROM sessions WHERE server_random IS NOT NULL GROUP BY value HAVING sessions > 1
)
ORDER BY sessions DESC, what, value LIMIT 50
