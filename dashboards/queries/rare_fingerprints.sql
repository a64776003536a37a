-- Clients that send what few others do: the rarest fingerprints, with the software that is known to send them and who did.
SELECT seen.ja4, round(bits, 1) AS rarity_bits, rarity.first_seen, software, sources, names
FROM
(
    SELECT toString(ja4) AS ja4, groupUniqArrayArray(5)(label_software) AS software,
        arrayMap(x -> replaceOne(toString(x), '::ffff:', ''), groupUniqArray(5)(source_ip)) AS sources,
        groupUniqArray(5)(server_name) AS names
    FROM sessions WHERE ja4 != '' GROUP BY ja4
) AS seen
INNER JOIN (SELECT value, bits, first_seen FROM rarity WHERE kind = 'ja4') AS rarity ON rarity.value = seen.ja4
ORDER BY bits DESC, seen.ja4 LIMIT 50
