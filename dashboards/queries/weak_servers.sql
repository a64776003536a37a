-- Servers by the worst grade that a session with them got, and why.
SELECT server_name, replaceOne(toString(destination_ip), '::ffff:', '') AS destination, destination_port, max(security_grade) AS grade,
    arraySort(groupUniqArrayArray(security_weaknesses)) AS weaknesses, groupUniqArray(3)(cipher) AS ciphers, count() AS sessions
FROM sessions WHERE security_grade >= 'C'
GROUP BY server_name, destination, destination_port ORDER BY grade DESC, sessions DESC, server_name LIMIT 50
