-- Which clients there are, what they speak and whom they ask for.
SELECT ja4, count() AS sessions, groupUniqArray(version) AS versions, groupUniqArray(server_name) AS names
FROM sessions GROUP BY ja4 ORDER BY sessions DESC, ja4
