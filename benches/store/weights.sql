-- What share of the traffic each session of `mix` stands for: browsers most of it, the other fingerprints by Zipf.
CREATE TABLE weights ENGINE = Memory AS
SELECT k
FROM
(
    WITH
        multiIf(
            -- One that has to say hello twice is rare, whoever it is.
            ifNull(hello_retry, false), '',
            has(label_software, 'Chromium') AND version = '1.3', if(network_protocol = 'quic', 'h3', 'chromium'),
            has(label_software, 'Firefox') AND version = '1.3', 'firefox',
            has(label_setup, 'safari') OR startsWith(ja4, 't13d2013h2_'), 'safari',
            '') AS browser
    SELECT k, browser, count() OVER (PARTITION BY browser) AS peers,
        dense_rank() OVER (ORDER BY browser = '' DESC, sipHash64(ja4)) AS rank,
        count() OVER (PARTITION BY ja4) AS twins
    FROM mix
)
ARRAY JOIN range(toUInt32(ceil(multiIf(
    browser = 'chromium', 45000 / peers,
    browser = 'h3', 15000 / peers,
    browser = 'firefox', 6000 / peers,
    browser = 'safari', 12000 / peers,
    -- The harmonic number of a hundred fingerprints is about 5.2.
    22000 / 5.2 / rank / twins)))) AS entry
