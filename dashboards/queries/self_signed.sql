-- Leaf certificates that signed themselves and live long, with the clients that accepted them: appliances, and servers of malware.
SELECT lower(hex(server_chain_sha256[1])) AS certificate, any(server_chain_subject[1]) AS subject,
    any(dateDiff('day', server_chain_not_before[1], server_chain_not_after[1])) AS days, countIf(established) AS accepted,
    uniqExact(destination_ip) AS servers, groupUniqArray(5)(ja4) AS fingerprints
FROM sessions WHERE server_chain_self_issued[1]
GROUP BY certificate ORDER BY days DESC, certificate LIMIT 50
