-- Fingerprints that share their ciphers and differ in their extensions: one library in several programs or versions.
SELECT splitByChar('_', toString(ja4))[2] AS ciphers, uniqExact(ja4) AS fingerprints, groupUniqArray(10)(ja4) AS variants,
    arraySort(groupUniqArrayArray(label_software)) AS software, count() AS sessions
FROM sessions WHERE ja4 != ''
GROUP BY ciphers HAVING fingerprints > 1
ORDER BY fingerprints DESC, ciphers LIMIT 50
