-- Clients that come back to a name in even steps: the less the steps differ (jitter, against their mean), the likelier a timer.
SELECT replaceOne(toString(source_ip), '::ffff:', '') AS source, server_name, ja4, sessions, round(mean, 3) AS mean_seconds,
    round(sqrt(greatest(0, squares - mean * mean)) / greatest(mean, 0.001), 3) AS jitter
FROM
(
    SELECT source_ip, server_name, ja4, count() AS sessions,
        arrayPopFront(arrayDifference(arraySort(groupArray(10000)(toUnixTimestamp64Milli(timestamp) / 1000)))) AS steps,
        arrayAvg(steps) AS mean, arrayAvg(x -> x * x, steps) AS squares
    FROM sessions GROUP BY source_ip, server_name, ja4 HAVING sessions >= 4
)
ORDER BY jitter, sessions DESC LIMIT 50
