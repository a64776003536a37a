#!/usr/bin/env python3
"""Writes the dashboards beside this file from what stands below: python3 dashboards/build.py [--check]

A panel is its question and its form; size, place, identifiers, data source and drill-down links come from here, so that all
dashboards have them alike. `--check` writes nothing, and fails where a file is not what this would write.
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
PLUGIN = "grafana-clickhouse-datasource"
SOURCE = {"type": PLUGIN, "uid": "${datasource}"}
SEEN_BY = "$__conditionalAll(sensor IN (${sensor:singlequote}), $sensor)"
SESSIONS = f"FROM sessions WHERE $__timeFilter(timestamp) AND {SEEN_BY}"
HOURS = "hour >= toStartOfHour($__fromTime) AND hour <= $__toTime"
V4 = "replaceOne(toString({}), '::ffff:', '')"

# --- Variables


def query_variable(name, label, sql, multi=False):
    value = {"text": ["All"], "value": ["$__all"]} if multi else {"text": "", "value": ""}
    return {
        "type": "query", "name": name, "label": label, "datasource": SOURCE, "query": sql,
        "refresh": 2, "sort": 1, "regex": "", "hide": 0, "skipUrlSync": False, "multi": multi, "includeAll": multi,
        "options": [], "current": {"selected": True, **value},
    }


def text_variable(name, label, description):
    return {
        "type": "textbox", "name": name, "label": label, "description": description, "query": "", "hide": 0,
        "skipUrlSync": False, "options": [], "current": {"selected": True, "text": "", "value": ""},
    }


DATASOURCE = {
    "type": "datasource", "name": "datasource", "label": "ClickHouse", "query": PLUGIN, "refresh": 1, "regex": "",
    "hide": 0, "skipUrlSync": False, "multi": False, "includeAll": False, "options": [],
}
SENSOR = query_variable(
    "sensor", "Sensor",
    "SELECT DISTINCT sensor AS value, if(sensor = '', 'captures', sensor) AS label FROM sessions "
    "WHERE $__timeFilter(timestamp)",
    multi=True,
)

# --- Panels: a form, a title, a question, and what differs from the form's defaults


def panel(kind, title, sql, width, height, description="", form=1, unit=None, options=None, custom=None, links=(),
          overrides=(), colour=None, steps=None, more=None):
    defaults = {"mappings": [], "color": {"mode": colour or ("thresholds" if steps else "palette-classic")}}
    defaults["thresholds"] = {"mode": "absolute", "steps": steps or [{"color": "blue", "value": None}]}
    if unit:
        defaults["unit"] = unit
    if custom:
        defaults["custom"] = custom
    defaults.update(more or {})
    every = [{"matcher": {"id": "byName", "options": field}, "properties": [{"id": "links", "value": [link]}]}
             for field, link in links]
    return {
        "type": kind, "title": title, "description": description, "datasource": SOURCE,
        "gridPos": {"w": width, "h": height},
        "fieldConfig": {"defaults": defaults, "overrides": every + list(overrides)},
        "options": options or {},
        "targets": [{
            "refId": "A", "datasource": SOURCE, "editorType": "sql", "format": form,
            "queryType": "timeseries" if form == 0 else "table", "rawSql": squeeze(sql),
        }],
    }


def squeeze(sql):
    """Without the indentation of this file."""
    lines = [line.rstrip() for line in sql.strip("\n").split("\n")]
    indent = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return "\n".join(line[indent:] for line in lines).strip()


REDUCE = {"calcs": ["lastNotNull"], "fields": "", "values": False}
ROWS = {"calcs": [], "fields": "", "values": True, "limit": 25}


def stat(title, sql, width=4, unit="short", **more):
    options = {"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
               "reduceOptions": REDUCE, "textMode": "auto", "wideLayout": True}
    return panel("stat", title, sql, width, 4, unit=unit, options=options, **more)


def series(title, sql, width=12, height=8, unit="short", style="line", stacked=False, **more):
    custom = {
        "drawStyle": style, "lineWidth": 1, "fillOpacity": 60 if stacked else 10, "showPoints": "auto",
        "spanNulls": False, "lineInterpolation": "linear", "axisPlacement": "auto",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, sql, width, height, form=0, unit=unit, custom=custom, options=options, **more)


def table(title, sql, width=12, height=9, units=(), **more):
    custom = {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": True}
    options = {"showHeader": True, "cellHeight": "sm"}
    overrides = [{"matcher": {"id": "byName", "options": field}, "properties": [{"id": "unit", "value": unit}]}
                 for field, unit in units]
    return panel("table", title, sql, width, height, custom=custom, options=options, overrides=overrides, **more)


def shares(title, sql, width=6, height=8, **more):
    options = {
        "pieType": "donut", "displayLabels": ["percent"], "reduceOptions": ROWS,
        "legend": {"displayMode": "table", "placement": "right", "showLegend": True, "values": ["value"], "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("piechart", title, sql, width, height, options=options, unit="short", **more)


def bars(title, sql, width=12, height=8, unit="short", field="", horizontal=False, stacking="none", **more):
    options = {
        "orientation": "horizontal" if horizontal else "vertical", "xField": field, "showValue": "auto",
        "stacking": stacking, "barWidth": 0.9, "groupWidth": 0.7, "xTickLabelRotation": 0, "xTickLabelSpacing": 100,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {"lineWidth": 1, "fillOpacity": 80, "gradientMode": "none", "axisPlacement": "auto"}
    return panel("barchart", title, sql, width, height, unit=unit, options=options, custom=custom, **more)


# --- Links from a value to the dashboard that says more of it


def link(dashboard, title, **variables):
    given = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return {"title": title, "url": f"/d/tlsight-{dashboard}?${{__url_time_range}}&var-datasource=${{datasource}}{given}",
            "targetBlank": False}


VALUE = "${__value.raw}"
TO_JA4 = ("ja4", link("fingerprints", "Hunt this fingerprint", part=VALUE))
TO_SOURCE = ("source", link("fingerprints", "All of this client", source=VALUE))
TO_NAME = ("server_name", link("fingerprints", "Who asks for this name", name=VALUE))

# --- The dashboards

PART = "(${part:singlequote} = '' OR ja4 = ${part:singlequote} OR has(splitByChar('_', toString(ja4)), ${part:singlequote}))"
HUNTED = f"""
    {SESSIONS}
        AND {PART}
        AND (${{source:singlequote}} = '' OR {V4.format('source_ip')} = ${{source:singlequote}})
        AND (${{name:singlequote}} = '' OR server_name = ${{name:singlequote}})"""


def overview():
    return dashboard("overview", "tlsight: overview", "Who speaks TLS to whom, how, and how well.", [SENSOR], [
        [
            stat("Sessions", f"SELECT count() AS sessions {SESSIONS}"),
            stat("Clients", f"SELECT uniq(source_ip) AS clients {SESSIONS}"),
            stat("Fingerprints", f"SELECT uniq(ja4) AS fingerprints {SESSIONS} AND ja4 != ''"),
            stat("Names", f"SELECT uniq(server_name) AS names {SESSIONS} AND server_name != ''"),
            stat("TLS 1.3", f"SELECT countIf(version = '1.3') / countIf(version != '') AS share {SESSIONS}", unit="percentunit"),
            stat("Post-quantum", f"SELECT countIf(post_quantum) / countIf(post_quantum IS NOT NULL) AS share {SESSIONS}",
                 unit="percentunit", description="Sessions whose key exchange withstands a quantum computer, of those where it is known."),
        ],
        [
            series("Sessions by version", f"""
                SELECT $__timeInterval(timestamp) AS time, if(version = '', 'no answer', version_protocol || ' ' || version) AS version,
                    count() AS sessions
                {SESSIONS}
                GROUP BY time, version ORDER BY time""", style="bars", stacked=True),
            series("Sessions that failed", f"""
                SELECT $__timeInterval(timestamp) AS time, failure, count() AS sessions
                {SESSIONS} AND failure != ''
                GROUP BY time, failure ORDER BY time""", style="bars", stacked=True),
        ],
        [
            shares("Grades", f"SELECT security_grade AS grade, count() AS sessions {SESSIONS} AND grade != '' GROUP BY grade ORDER BY grade"),
            shares("Carried by", f"""
                SELECT if(upgrade = '', network_protocol, network_protocol || ' after ' || upgrade) AS carrier, count() AS sessions
                {SESSIONS}
                GROUP BY carrier ORDER BY sessions DESC"""),
            shares("Application protocols", f"""
                SELECT if(next_protocol = '', 'not told', next_protocol) AS protocol, count() AS sessions
                {SESSIONS}
                GROUP BY protocol ORDER BY sessions DESC LIMIT 12"""),
            shares("Ciphers", f"SELECT cipher, count() AS sessions {SESSIONS} AND cipher != '' GROUP BY cipher ORDER BY sessions DESC LIMIT 12"),
        ],
        [
            table("Software", f"""
                SELECT arrayJoin(label_software) AS software, count() AS sessions, uniq(source_ip) AS clients, any(ja4) AS ja4
                {SESSIONS}
                GROUP BY software ORDER BY sessions DESC LIMIT 50""", width=8, links=[TO_JA4]),
            table("Names, the most asked for first", f"""
                SELECT server_name, count() AS sessions, uniq(source_ip) AS clients, uniq(ja4) AS fingerprints
                {SESSIONS} AND server_name != ''
                GROUP BY server_name ORDER BY sessions DESC LIMIT 50""", width=8, links=[TO_NAME]),
            table("Clients, the busiest first", f"""
                SELECT {V4.format('source_ip')} AS source, count() AS sessions, uniq(ja4) AS fingerprints, uniq(server_name) AS names
                {SESSIONS}
                GROUP BY source ORDER BY sessions DESC LIMIT 50""", width=8, links=[TO_SOURCE]),
        ],
        [
            series("Time to the end of the handshake", f"""
                SELECT $__timeInterval_ms(timestamp) AS time, quantile(0.5)(handshake_duration) / 1e6 AS median,
                    quantile(0.9)(handshake_duration) / 1e6 AS "9 in 10", quantile(0.99)(handshake_duration) / 1e6 AS "99 in 100"
                FROM sessions WHERE $__timeFilter_ms(timestamp) AND {SEEN_BY} AND handshake_duration IS NOT NULL
                GROUP BY time ORDER BY time""", unit="ms"),
            table("What was not seen, and why", f"""
                SELECT arrayJoin(missing) AS missing, count() AS sessions, round(sessions / (SELECT count() {SESSIONS}), 4) AS share
                {SESSIONS}
                GROUP BY missing ORDER BY sessions DESC LIMIT 25""", height=8, units=[("share", "percentunit")]),
        ],
    ])


def fingerprints():
    hours = f"FROM fingerprint_hours WHERE {HOURS} AND {PART}"

    def section(number):
        return f"""
            SELECT splitByChar('_', toString(ja4))[{number}] AS section, count() AS sessions, uniq(ja4) AS fingerprints,
                uniq(source_ip) AS clients, arrayStringConcat(arraySort(groupUniqArrayArray(label_software)), ', ') AS software
            {HUNTED.strip()} AND ja4 != ''
            GROUP BY section ORDER BY sessions DESC LIMIT 100"""

    drill = [("section", link("fingerprints", "Only this section", part=VALUE))]
    return dashboard("fingerprints", "tlsight: fingerprint hunting",
                     "From a section of a JA4 to the fingerprints that have it, to the hosts that sent it, to their sessions.", [
        SENSOR,
        text_variable("part", "JA4 or a section of it", "A whole JA4, or what stands before, between or after its underscores"),
        text_variable("source", "Client", "An address"),
        text_variable("name", "Name", "A server name"),
    ], [
        [
            table("First section: transport, version, name, counts, ALPN", section(1), width=8, links=drill),
            table("Second section: ciphers", section(2), width=8, links=drill),
            table("Third section: extensions and signature algorithms", section(3), width=8, links=drill),
        ],
        [
            table("Fingerprints, the rarest first", f"""
                SELECT seen.ja4 AS ja4, software, seen.sessions AS sessions, clients, names, round(bits, 1) AS rarity,
                    rarity.first_seen AS first_seen
                FROM
                (
                    SELECT toString(ja4) AS ja4, arrayStringConcat(arraySort(groupUniqArrayArray(label_software)), ', ') AS software,
                        count() AS sessions, uniq(source_ip) AS clients, uniq(server_name) AS names
                    {HUNTED.strip()} AND ja4 != ''
                    GROUP BY ja4
                ) AS seen
                INNER JOIN (SELECT value, bits, first_seen FROM rarity WHERE kind = 'ja4') AS rarity ON rarity.value = seen.ja4
                ORDER BY rarity DESC, sessions LIMIT 200""", width=24, links=[TO_JA4],
                  description="Rarity in bits: 0 is what every client sends, 10 what one in a thousand does. Of all time."),
        ],
        [
            series("Sessions an hour", f"SELECT hour AS time, sum(sessions) AS sessions, sum(failed) AS failed {hours} GROUP BY time ORDER BY time", width=8),
            series("Clients, servers and names", f"""
                SELECT hour AS time, uniqCombined64Merge(14)(sources) AS clients, uniqCombined64Merge(14)(destinations) AS servers,
                    uniqCombined64Merge(14)(names) AS names
                {hours}
                GROUP BY time ORDER BY time""", width=8),
            series("Share of HTTP/2, HTTP/3, resumption, post-quantum", f"""
                SELECT hour AS time, sum(http2) / sum(sessions) AS "HTTP/2", sum(http3) / sum(sessions) AS "HTTP/3",
                    sum(resumed) / greatest(1, sum(resumption_known)) AS resumed, sum(post_quantum) / sum(sessions) AS "post-quantum"
                {hours}
                GROUP BY time ORDER BY time""", width=8, unit="percentunit"),
        ],
        [
            series("Time to the end of the handshake", f"""
                SELECT hour AS time, quantiles[1] / 1e6 AS median, quantiles[2] / 1e6 AS "9 in 10", quantiles[3] / 1e6 AS "99 in 100"
                FROM (SELECT hour, quantilesTDigestMerge(0.5, 0.9, 0.99)(durations) AS quantiles {hours} GROUP BY hour)
                WHERE isFinite(median)
                ORDER BY time""", width=8, unit="ms"),
            table("Seen for the first time", f"""
                SELECT min(first_seen) AS since, kind, value, sum(sessions) AS sessions, uniqCombined64Merge(12)(sources) AS clients
                FROM sightings
                WHERE kind IN ('ja4', 'ja4_b', 'ja4_c', 'server_name')
                GROUP BY kind, value
                HAVING $__timeFilter(since)
                ORDER BY since DESC LIMIT 200""", width=16, height=8,
                  description="Values that nobody had sent before the time range."),
        ],
        [
            table("Hosts", f"""
                SELECT {V4.format('source_ip')} AS source, count() AS sessions, uniq(ja4) AS fingerprints, uniq(server_name) AS names,
                    topK(3)(server_name) AS often, min(timestamp) AS first_seen, max(timestamp) AS last_seen
                {HUNTED.strip()}
                GROUP BY source ORDER BY sessions DESC LIMIT 200""", links=[TO_SOURCE]),
            table("Hosts that began to send a fingerprint", f"""
                SELECT {V4.format('source_ip')} AS source, toString(ja4) AS ja4, min(first_seen) AS since, sum(sessions) AS sessions,
                    uniqCombined64Merge(12)(names) AS names
                FROM host_fingerprints
                WHERE {PART} AND (${{source:singlequote}} = '' OR source = ${{source:singlequote}})
                GROUP BY source_ip, ja4
                HAVING $__timeFilter(since)
                ORDER BY since DESC LIMIT 200""", links=[TO_SOURCE, TO_JA4]),
        ],
        [
            table("Sessions", f"""
                SELECT timestamp, {V4.format('source_ip')} AS source, {V4.format('destination_ip')} AS destination, destination_port AS port,
                    server_name, toString(ja4) AS ja4, version, cipher, next_protocol, security_grade AS grade, failure,
                    label_software AS software, lower(hex(event_id)) AS event
                {HUNTED.strip()}
                ORDER BY timestamp DESC LIMIT 500""", width=24, height=12, links=[TO_SOURCE, TO_JA4, TO_NAME]),
        ],
    ])


def certificates():
    leaf = f"{SESSIONS} AND notEmpty(server_chain_sha256)"
    last = f"""
                    SELECT server_chain_sha256[1] AS sha256, any(server_name) AS server_name, any({V4.format('destination_ip')}) AS server,
                        any(server_chain_subject[1]) AS subject, any(server_chain_issuer[1]) AS issuer, any(server_chain_not_after[1]) AS ends,
                        max(timestamp) AS seen, count() AS sessions
                    {leaf}
                    GROUP BY sha256"""
    return dashboard("certificates", "tlsight: certificates and posture",
                     "What ends when, what is weak, and how far post-quantum key exchange has come.", [SENSOR], [
        [
            stat("Leaf certificates", f"SELECT uniqExact(server_chain_sha256[1]) AS certificates {leaf}"),
            stat("Over when shown", f"SELECT uniqExactIf(server_chain_sha256[1], server_chain_not_after[1] < timestamp) AS certificates {leaf}",
                 steps=[{"color": "green", "value": None}, {"color": "red", "value": 1}]),
            stat("End within 30 days", f"""
                SELECT uniqExactIf(server_chain_sha256[1], server_chain_not_after[1] BETWEEN timestamp AND timestamp + INTERVAL 30 DAY) AS certificates
                {leaf}""", steps=[{"color": "green", "value": None}, {"color": "orange", "value": 1}]),
            stat("Chains that do not hold", f"""
                SELECT countIf(security_chain_status != 'ok') / count() AS share
                {SESSIONS} AND security_chain_status != ''""", unit="percentunit"),
            stat("Forward secrecy", f"""
                SELECT countIf(security_forward_secrecy) / count() AS share
                {SESSIONS} AND security_forward_secrecy IS NOT NULL""", unit="percentunit"),
            stat("Post-quantum", f"""
                SELECT countIf(security_post_quantum) / count() AS share
                {SESSIONS} AND security_post_quantum IS NOT NULL""", unit="percentunit"),
        ],
        [
            bars("Expiry calendar: certificates that end, by week", f"""
                SELECT toString(toMonday(ends)) AS week, uniqExact(sha256) AS certificates
                FROM ({last}
                )
                WHERE ends >= toStartOfDay($__toTime) - INTERVAL 8 WEEK AND ends < $__toTime + INTERVAL 1 YEAR
                GROUP BY week ORDER BY week""", field="week", width=12,
                 description="From eight weeks before the end of the time range to a year after it."),
            table("The next to end, and those that are over", f"""
                SELECT ends, dateDiff('day', $__toTime, ends) AS days_left, server_name, server, subject, issuer, sessions
                FROM ({last}
                )
                WHERE ends < $__toTime + INTERVAL 1 YEAR
                ORDER BY abs(days_left) LIMIT 200""", width=12, height=8, links=[TO_NAME]),
        ],
        [
            series("Post-quantum key exchange", f"""
                SELECT $__timeInterval(timestamp) AS time, countIf(post_quantum) / count() AS agreed,
                    countIf(notEmpty(client_post_quantum)) / count() AS "offered by the client"
                {SESSIONS} AND ja4 != ''
                GROUP BY time ORDER BY time""", unit="percentunit"),
            table("Who does not take what clients offer", f"""
                SELECT server_name, count() AS sessions, uniq(destination_ip) AS servers, topK(2)(curve) AS took
                {SESSIONS} AND notEmpty(client_post_quantum) AND NOT post_quantum
                GROUP BY server_name ORDER BY sessions DESC LIMIT 100""", height=8, links=[TO_NAME],
                  description="Servers that answered a client with post-quantum groups by choosing another."),
        ],
        [
            series("Grades", f"""
                SELECT $__timeInterval(timestamp) AS time, security_grade AS grade, count() AS sessions
                {SESSIONS} AND grade != ''
                GROUP BY time, grade ORDER BY time""", style="bars", stacked=True),
            table("Weaknesses", f"""
                SELECT arrayJoin(security_weaknesses) AS weakness, count() AS sessions, uniq(destination_ip) AS servers,
                    uniq(source_ip) AS clients, topK(3)(server_name) AS names
                {SESSIONS}
                GROUP BY weakness ORDER BY sessions DESC LIMIT 100""", height=8),
        ],
        [
            table("Weak servers", f"""
                SELECT server_name, {V4.format('destination_ip')} AS server, max(security_grade) AS grade,
                    arraySort(groupUniqArrayArray(security_weaknesses)) AS weaknesses, count() AS sessions
                {SESSIONS} AND security_grade >= 'C'
                GROUP BY server_name, server ORDER BY grade DESC, sessions DESC LIMIT 200""", links=[TO_NAME]),
            table("Servers whose chains do not hold", f"""
                SELECT server_name, {V4.format('destination_ip')} AS server, security_chain_status AS status,
                    arraySort(groupUniqArrayArray(security_chain_problems)) AS problems, any(server_chain_issuer[1]) AS issuer, count() AS sessions
                {SESSIONS} AND status NOT IN ('', 'ok')
                GROUP BY server_name, server, status ORDER BY sessions DESC LIMIT 200""", links=[TO_NAME]),
        ],
        [
            series("Grades of all sensors, by hour", f"""
                SELECT hour AS time, security_grade AS grade, sum(sessions) AS sessions
                FROM posture_hours
                WHERE {HOURS} AND grade != ''
                GROUP BY time, grade ORDER BY time""", style="bars", stacked=True),
            series("Weaknesses of all sensors, by hour", f"""
                SELECT hour AS time, weakness, sum(sessions) AS sessions
                FROM weakness_hours
                WHERE {HOURS}
                GROUP BY time, weakness ORDER BY time"""),
        ],
        [
            table("What is wrong with certificates", f"""
                SELECT arrayJoin(flaws) AS flaw, count() AS certificates, countIf(leaf) AS leaves, any(subject) AS for_example
                FROM certificates_seen
                WHERE last_seen >= $__fromTime AND first_seen <= $__toTime
                GROUP BY flaw ORDER BY certificates DESC LIMIT 100""", height=8),
            table("Leaf certificates that live too long", f"""
                SELECT subject, issuer, lifetime_days, not_after AS ends, public_key_algorithm AS key, public_key_size AS bits, last_seen
                FROM certificates_seen
                WHERE last_seen >= $__fromTime AND first_seen <= $__toTime AND leaf AND lifetime_days > 398
                ORDER BY lifetime_days DESC LIMIT 100""", height=8, units=[("lifetime_days", "d")],
                  description="Longer than the 398 days that browsers allow."),
        ],
        [
            shares("Keys of leaf certificates", f"""
                SELECT concat(toString(server_chain_public_key_algorithm[1]), ' ', ifNull(toString(server_chain_public_key_size[1]), ''),
                    server_chain_public_key_curve[1]) AS key, uniqExact(server_chain_sha256[1]) AS certificates
                {leaf}
                GROUP BY key ORDER BY certificates DESC LIMIT 20""", width=8),
            table("Issuers", f"""
                SELECT server_chain_issuer[1] AS issuer, uniqExact(server_chain_sha256[1]) AS certificates, uniq(server_name) AS names, count() AS sessions
                {leaf}
                GROUP BY issuer ORDER BY certificates DESC LIMIT 100""", width=8, height=8),
            table("Certificates seen for the first time", f"""
                SELECT min(first_seen) AS since, value AS sha256, sum(sessions) AS sessions
                FROM sightings
                WHERE kind = 'certificate'
                GROUP BY value
                HAVING $__timeFilter(since)
                ORDER BY since DESC LIMIT 200""", width=8, height=8),
        ],
    ])


def alerts():
    here = "FROM alerts WHERE $__timeFilter(timestamp) AND $__conditionalAll(level IN (${level:singlequote}), $level)"
    level = query_variable("level", "Level", "SELECT DISTINCT level FROM alerts WHERE $__timeFilter(timestamp)", multi=True)
    worth = "transform(level, ['informational', 'low', 'medium', 'high', 'critical'], [1, 2, 3, 4, 5], 0)"
    return dashboard("alerts", "tlsight: alerts", "What the rules found, of whom.", [level], [
        [
            stat("Alerts", f"SELECT count() AS alerts {here}", width=6),
            stat("High and critical", f"SELECT countIf(level IN ('high', 'critical')) AS alerts {here}", width=6,
                 steps=[{"color": "green", "value": None}, {"color": "red", "value": 1}]),
            stat("Rules", f"SELECT uniqExact(rule_id) AS rules {here}", width=6),
            stat("Clients", f"SELECT uniqExact(source_ip) AS clients {here}", width=6),
        ],
        [
            series("Alerts by level", f"SELECT $__timeInterval(timestamp) AS time, level, count() AS alerts {here} GROUP BY time, level ORDER BY time",
                   style="bars", stacked=True, width=16),
            shares("By level", f"SELECT level, count() AS alerts {here} GROUP BY level ORDER BY {worth} DESC", width=8),
        ],
        [
            table("Rules that fired", f"""
                SELECT title, level, count() AS alerts, uniqExact(source_ip) AS clients, uniqExact(destination_ip) AS servers, max(timestamp) AS last,
                    rule_id
                {here}
                GROUP BY rule_id, title, level ORDER BY {worth} DESC, alerts DESC LIMIT 100"""),
            table("Clients that rules fired on", f"""
                SELECT {V4.format('source_ip')} AS source, max({worth}) AS worst, count() AS alerts, uniqExact(rule_id) AS rules,
                    groupUniqArray(5)(title) AS titles
                {here}
                GROUP BY source ORDER BY worst DESC, alerts DESC LIMIT 100""", links=[TO_SOURCE]),
        ],
        [
            table("Alerts, the latest first", f"""
                SELECT timestamp, level, title, message, {V4.format('source_ip')} AS source, {V4.format('destination_ip')} AS destination,
                    destination_port AS port, toString(ja4) AS ja4, tags, lower(hex(event_id)) AS event
                {here}
                ORDER BY timestamp DESC LIMIT 500""", width=24, height=10, links=[TO_SOURCE, TO_JA4]),
        ],
        [
            table("Tactics and techniques", f"""
                SELECT arrayJoin(tags) AS tag, count() AS alerts, uniqExact(source_ip) AS clients
                {here}
                GROUP BY tag ORDER BY alerts DESC LIMIT 100"""),
            table("Sessions behind the latest alerts", f"""
                SELECT timestamp, {V4.format('source_ip')} AS source, server_name, toString(ja4) AS ja4, version, cipher, security_grade AS grade,
                    lower(hex(event_id)) AS event
                FROM sessions
                WHERE (toStartOfHour(timestamp), event_id) IN (SELECT toStartOfHour(timestamp), event_id {here} ORDER BY timestamp DESC LIMIT 500)
                    AND $__timeFilter(timestamp)
                ORDER BY timestamp DESC LIMIT 500""", links=[TO_SOURCE, TO_JA4, TO_NAME]),
        ],
    ])


def sensors():
    counted = f"FROM sensor_stats WHERE $__timeFilter(timestamp) AND {SEEN_BY}"
    parts = "FROM system.parts WHERE active AND database = currentDatabase()"
    return dashboard("sensors", "tlsight: sensor health", "What the sensors saw, what they lost, and what the store holds.", [SENSOR], [
        [
            stat("Sensors", f"SELECT uniqExact(sensor) AS sensors {SESSIONS}"),
            stat("Newest session", f"SELECT max(timestamp) AS newest {SESSIONS}", unit="dateTimeFromNow"),
            stat("Sessions a second", f"SELECT count() / greatest(1, dateDiff('second', $__fromTime, $__toTime)) AS rate {SESSIONS}", unit="ops"),
            stat("Rows", f"SELECT sum(rows) AS rows {parts}"),
            stat("On disk", f"SELECT sum(bytes_on_disk) AS bytes {parts}", unit="bytes"),
            stat("Bytes a session", f"SELECT sum(bytes_on_disk) / sum(rows) AS bytes {parts} AND table LIKE 'sessions%'", unit="bytes"),
        ],
        [
            series("Sessions by sensor", f"""
                SELECT $__timeInterval(timestamp) AS time, if(sensor = '', 'captures', sensor) AS name, count() / $__interval_s AS sessions
                {SESSIONS}
                GROUP BY time, name ORDER BY time""", unit="ops"),
            table("Sensors, the busiest first", f"""
                SELECT if(sensor = '', 'captures', sensor) AS name, count() AS sessions, min(timestamp) AS first_seen, max(timestamp) AS last_seen,
                    countIf(notEmpty(missing)) / count() AS incomplete, countIf(notEmpty(anomaly)) / count() AS anomalous
                {SESSIONS}
                GROUP BY name ORDER BY sessions DESC""", height=8, units=[("incomplete", "percentunit"), ("anomalous", "percentunit")]),
        ],
        [
            series("Packets a second", f"""
                SELECT $__timeInterval(timestamp) AS time, if(sensor = '', 'captures', sensor) AS name,
                    (max(packets) - min(packets)) / $__interval_s AS packets
                {counted}
                GROUP BY time, name ORDER BY time""", unit="pps", width=8),
            series("Bits a second", f"""
                SELECT $__timeInterval(timestamp) AS time, if(sensor = '', 'captures', sensor) AS name,
                    8 * (max(bytes) - min(bytes)) / $__interval_s AS bits
                {counted}
                GROUP BY time, name ORDER BY time""", unit="bps", width=8),
            series("Lost", f"""
                SELECT $__timeInterval(timestamp) AS time, max(packets_dropped) AS "packets dropped by the kernel",
                    max(events_shed) AS "events shed", max(flows_evicted) AS "flows evicted", max(gaps) AS gaps,
                    max(reassembly_limit) AS "reassembly limits met", max(message_limit) AS "message limits met"
                {counted}
                GROUP BY time ORDER BY time""", width=8, description="Counters since each sensor started, the highest of all sensors."),
        ],
        [
            table("Counters of each sensor, as they stood last", f"""
                SELECT if(sensor = '', 'captures', sensor) AS name, max(timestamp) AS told, argMax(packets, timestamp) AS packets,
                    argMax(bytes, timestamp) AS bytes, argMax(flows, timestamp) AS flows, argMax(sessions, timestamp) AS sessions,
                    argMax(packets_dropped, timestamp) AS dropped, argMax(packets_malformed, timestamp) AS malformed,
                    argMax(fragments_dropped, timestamp) AS fragments_dropped, argMax(half_open_evicted, timestamp) AS half_open_evicted,
                    argMax(flows_evicted, timestamp) AS flows_evicted, argMax(events_shed, timestamp) AS events_shed
                {counted}
                GROUP BY name ORDER BY name""", width=24, height=6, units=[("bytes", "bytes")]),
        ],
        [
            table("Clocks", f"""
                SELECT if(sensor = '', 'captures', sensor) AS name, count() AS sessions_from_the_future, max(timestamp) AS newest,
                    dateDiff('second', $__toTime, newest) AS seconds_ahead
                FROM sessions WHERE timestamp > $__toTime - INTERVAL 1 DAY AND {SEEN_BY}
                GROUP BY name HAVING seconds_ahead > -86400 ORDER BY newest DESC""", width=8, height=8,
                  description="A sensor whose newest session is after the end of the time range has a clock that goes ahead."),
            series("Sessions that were seen incompletely", f"""
                SELECT $__timeInterval(timestamp) AS time, splitByChar(':', arrayJoin(missing))[2] AS why, count() AS sessions
                {SESSIONS}
                GROUP BY time, why ORDER BY time""", style="bars", stacked=True, width=8),
            table("Tables", f"""
                SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, round(bytes / rows, 1) AS bytes_a_row, count() AS parts,
                    uniqExact(partition) AS partitions, max(modification_time) AS changed
                {parts}
                GROUP BY table ORDER BY bytes DESC""", width=8, height=8, units=[("bytes", "bytes")]),
        ],
    ])


def dashboard(name, title, description, variables, rows):
    panels, y = [], 0
    for row in rows:
        x = 0
        for one in row:
            one["id"] = len(panels) + 1
            one["gridPos"] = {"x": x, "y": y, **one["gridPos"]}
            x += one["gridPos"]["w"]
            panels.append(one)
        assert x == 24, f"{title}: a row is {x} wide"
        y += max(one["gridPos"]["h"] for one in row)
    return name, {
        "uid": f"tlsight-{name}", "title": title, "description": description, "tags": ["tlsight"], "timezone": "utc",
        "schemaVersion": 39, "version": 1, "editable": True, "graphTooltip": 1, "fiscalYearStartMonth": 0,
        "refresh": "1m", "time": {"from": "now-24h", "to": "now"}, "timepicker": {},
        "templating": {"list": [DATASOURCE, *variables]}, "annotations": {"list": []},
        "links": [{"type": "dashboards", "title": "tlsight", "tags": ["tlsight"], "asDropdown": True, "includeVars": False,
                   "keepTime": True, "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""}],
        "panels": panels,
    }


def main():
    check = sys.argv[1:] == ["--check"]
    stale = []
    for name, content in (overview(), fingerprints(), certificates(), alerts(), sensors()):
        path, text = HERE / f"{name}.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        if check and (not path.exists() or path.read_text() != text):
            stale.append(path.name)
        elif not check:
            path.write_text(text)
    if stale:
        sys.exit(f"{', '.join(stale)}: not what build.py writes; run it again")


if __name__ == "__main__":
    main()
