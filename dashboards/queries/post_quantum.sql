-- How far post-quantum key exchange has come, by client: how often it is offered, and how often the server takes it.
SELECT ja4, groupUniqArrayArray(3)(label_software) AS software, count() AS sessions,
    round(countIf(notEmpty(client_post_quantum)) / count(), 3) AS offered, round(countIf(seen.post_quantum) / count(), 3) AS agreed
FROM sessions AS seen WHERE ja4 != ''
GROUP BY ja4 ORDER BY offered DESC, agreed, sessions DESC LIMIT 50
