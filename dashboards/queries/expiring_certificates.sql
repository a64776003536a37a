-- Servers whose certificate had less than 30 days left when it was seen, or was over already.
SELECT server_name, destination_ip, any(server_chain_subject[1]) AS subject, min(server_chain_not_after[1]) AS ends,
    count() AS sessions
FROM sessions
WHERE notEmpty(server_chain_not_after) AND server_chain_not_after[1] < timestamp + INTERVAL 30 DAY
GROUP BY server_name, destination_ip ORDER BY ends
