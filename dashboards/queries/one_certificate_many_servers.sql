-- Certificates that several addresses or names show: shared hosting, content networks, one operator behind many faces.
SELECT lower(hex(server_chain_sha256[1])) AS certificate, any(server_chain_subject[1]) AS subject,
    uniqExact(destination_ip, destination_port) AS servers, uniqExact(server_name) AS names, count() AS sessions
FROM sessions WHERE notEmpty(server_chain_sha256)
GROUP BY certificate HAVING servers > 1 OR names > 1
ORDER BY servers DESC, sessions DESC, certificate LIMIT 50
