-- Sessions without a server name, by where they went: programs with a fixed address, tunnels, scanners.
SELECT replaceOne(toString(destination_ip), '::ffff:', '') AS destination, destination_port, count() AS sessions,
    uniqExact(source_ip) AS clients, groupUniqArray(5)(ja4) AS fingerprints, groupUniqArrayArray(5)(label_software) AS software
FROM sessions WHERE server_name = '' AND ja4 != ''
GROUP BY destination, destination_port ORDER BY sessions DESC, destination LIMIT 50
