-- What the rules found, and a client that each of them found it of.
SELECT level, title, count() AS alerts, any(ja4) AS client
FROM alerts GROUP BY level, title ORDER BY title
