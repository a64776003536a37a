-- TLS where it is not expected, by port: what carries it and who speaks it.
SELECT destination_port, network_protocol, upgrade, count() AS sessions, uniqExact(destination_ip) AS servers,
    groupUniqArray(5)(server_name) AS names, groupUniqArray(3)(ja4) AS fingerprints
FROM sessions WHERE destination_port NOT IN (443, 465, 853, 993, 995, 8443)
GROUP BY destination_port, network_protocol, upgrade ORDER BY sessions DESC, destination_port LIMIT 50
