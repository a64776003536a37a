-- Servers whose certificate does not have the name that they were asked for: interception, a wrong address, or carelessness.
SELECT server_name, replaceOne(toString(destination_ip), '::ffff:', '') AS destination, any(server_chain_subject[1]) AS subject,
    any(server_chain_issuer[1]) AS issuer, security_chain_status AS status, count() AS sessions
FROM sessions WHERE security_chain_name_match = 'none'
GROUP BY server_name, destination, status ORDER BY sessions DESC, server_name LIMIT 50
