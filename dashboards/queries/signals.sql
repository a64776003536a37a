-- What each fingerprint does, in figures that tell browsers from programs: how many clients and names, how often HTTP/2 and
-- HTTP/3, how often a session is resumed or fails, and how long the handshake takes.
SELECT ja4, sum(sessions) AS sessions, uniqCombined64Merge(14)(sources) AS clients, uniqCombined64Merge(14)(names) AS names,
    round(sum(http2) / sessions, 3) AS h2, round(sum(http3) / sessions, 3) AS h3,
    round(sum(resumed) / greatest(1, sum(resumption_known)), 3) AS resumption, round(sum(failed) / sessions, 3) AS failures,
    arrayMap(x -> round(x / 1e6, 1), quantilesTDigestMerge(0.5, 0.9, 0.99)(durations)) AS milliseconds
FROM fingerprint_hours AS seen GROUP BY ja4 ORDER BY sessions DESC, ja4 LIMIT 50
