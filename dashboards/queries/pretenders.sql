-- Clients whose hello looks like a browser that they are not, and what gave them away.
SELECT browser_claims AS claims, arraySort(groupUniqArrayArray(browser_evidence)) AS evidence, ja4, count() AS sessions,
    uniqExact(source_ip) AS clients, groupUniqArray(5)(server_name) AS names
FROM sessions WHERE browser_verdict = 'impersonation'
GROUP BY claims, ja4 ORDER BY sessions DESC, ja4 LIMIT 50
