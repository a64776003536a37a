-- Handshakes that failed, by cause and by who ended them: a client whose share is high does not fit its servers, or is tried out.
SELECT failure, alert_from, ja4, count() AS sessions, uniqExact(source_ip) AS clients, groupUniqArray(5)(server_name) AS names
FROM sessions WHERE failure != ''
GROUP BY failure, alert_from, ja4 ORDER BY sessions DESC, failure, ja4 LIMIT 50
