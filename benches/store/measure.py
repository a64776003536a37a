#!/usr/bin/env python3
"""What sessions take in ClickHouse, and how long an analyst waits: synthetic sessions in the shape of real ones.

usage: measure.py --tlsight PROGRAM [--rows N] [--rate SESSIONS_A_SECOND] [--captures DIR] [--url URL --database NAME [--keep]]

Without --url it starts a server of its own (run this with the Python of scripts/store.sh). The captures' sessions are the shapes;
`weights.sql` says what share of the traffic each stands for, `sessions.sql` makes sessions of them. --keep measures what is there.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
V4 = "replaceOne(toString({}), '::ffff:', '')"

# Ten questions, and two that need what is computed. {…} are values that the data has.
QUESTIONS = {
    "hosts that sent a rare fingerprint, in a day":
        "SELECT source_ip, count(), max(timestamp) FROM sessions WHERE ja4 = '{ja4}' AND {day} GROUP BY source_ip ORDER BY 2 DESC LIMIT 50",
    "which fingerprints asked for a name, ever":
        "SELECT ja4, sum(sessions), min(first_seen), uniqCombined64Merge(12)(sources) FROM name_fingerprints WHERE server_name = '{name}' "
        "GROUP BY 1 ORDER BY 2 DESC",
    "who asked for a name, in a day":
        "SELECT source_ip, ja4, count(), min(timestamp) FROM sessions WHERE server_name = '{name}' AND {day} GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 50",
    "all of a client, in a day":
        "SELECT timestamp, destination_ip, server_name, ja4, version, cipher FROM sessions WHERE source_ip = '{client}' AND {day} "
        "ORDER BY timestamp DESC LIMIT 500",
    "one session by its id":
        "SELECT * FROM sessions WHERE event_id = unhex('{event}')",
    "sessions that showed a certificate":
        "SELECT timestamp, source_ip, server_name FROM sessions WHERE has(server_chain_sha256, unhex('{certificate}')) "
        "ORDER BY timestamp DESC LIMIT 500",
    "sessions with an address, ever":
        "SELECT source_ip, server_name, ja4, count() FROM sessions WHERE destination_ip = '{server}' GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 50",
    "sessions by version and hour":
        "SELECT hour, version, sum(sessions) FROM posture_hours GROUP BY 1, 2 ORDER BY 1, 2",
    "fingerprints of a day and their signals":
        "SELECT ja4, sum(sessions) AS n, uniqCombined64Merge(14)(sources), uniqCombined64Merge(14)(names), sum(http2) / n, sum(http3) / n, "
        "sum(resumed) / n, quantilesTDigestMerge(0.5, 0.9, 0.99)(durations) FROM fingerprint_hours WHERE {hours} GROUP BY ja4 ORDER BY n DESC",
    "the rarest fingerprints":
        "SELECT value, bits, sources FROM rarity WHERE kind = 'ja4' ORDER BY bits DESC LIMIT 50",
    "weaknesses, by servers and clients":
        "SELECT weakness, sum(sessions), uniqCombined64Merge(14)(destinations), uniqCombined64Merge(14)(sources) FROM weakness_hours "
        "GROUP BY 1 ORDER BY 2 DESC",
    "sessions of a JA3, in an hour":
        "SELECT timestamp, source_ip, server_name FROM sessions WHERE ja3 = unhex('{ja3}') AND {hour} LIMIT 50",
    "a flow by its Community ID, in an hour":
        "SELECT timestamp, source_ip, server_name FROM sessions WHERE community_id = '{community_id}' AND {hour}",
}


def main():
    args = arguments()
    url, stop = (args.url, lambda: None) if args.url else start_server()
    store = Store(url, args.database)
    try:
        if not args.keep:
            fill(store, args)
        report(store)
    finally:
        stop()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tlsight", default=ROOT / "target/release/tlsight")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rate", type=float, default=58, help="sessions a second of the synthetic traffic")
    parser.add_argument("--captures", default=ROOT / "testdata/captures")
    parser.add_argument("--url")
    parser.add_argument("--database", default="measured")
    parser.add_argument("--keep", action="store_true", help="measure what the database has")
    return parser.parse_args()


class Store:
    def __init__(self, url, database):
        self.url, self.database = url, database
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(self, sql, database=None, **parameters):
        query = urllib.parse.urlencode({"database": database or self.database, "default_format": "TSV", **parameters})
        request = urllib.request.Request(f"{self.url}/?{query}", data=sql.encode())
        try:
            return self.opener.open(request, timeout=7200).read().decode().strip()
        except urllib.error.HTTPError as error:
            sys.exit(f"{error.read().decode()[:2000]}\n{sql}")


def start_server():
    server = subprocess.Popen([sys.executable, ROOT / "tests/store/server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop():
        server.stdin.close()
        server.wait()

    return json.loads(server.stdout.readline())["url"], stop


def fill(store, args):
    for database in ("shapes", store.database):
        subprocess.run([args.tlsight, "clickhouse", "init", f"{store.url}/{database}"], check=True)
    subprocess.run([args.tlsight, "read", args.captures, "--json", "-o", "/dev/null", "--clickhouse", f"{store.url}/shapes"], check=True)
    for table in ("mix", "weights"):
        store.ask(f"DROP TABLE IF EXISTS {table}")
    store.ask("CREATE TABLE mix ENGINE = MergeTree ORDER BY k AS SELECT toUInt32(rowNumberInAllBlocks()) AS k, * FROM "
              "(SELECT * FROM shapes.sessions WHERE ja4 != '' ORDER BY ja4, event_id)")
    store.ask((HERE / "weights.sql").read_text())
    begin = time.monotonic()
    store.ask((HERE / "sessions.sql").read_text(), param_into="sessions", param_rows=args.rows, param_first=0, param_rate=args.rate)
    made = time.monotonic()
    store.ask("OPTIMIZE TABLE sessions FINAL")
    print(f"{args.rows} sessions were made and stored in {made - begin:.0f} s, and merged in {time.monotonic() - made:.0f} s")


def report(store):
    print("\ntable, rows, bytes, bytes a session, parts")
    print(store.ask("SELECT table, sum(rows), sum(bytes_on_disk) AS bytes, round(bytes / (SELECT count() FROM sessions), 2), count() "
                    "FROM system.parts WHERE active AND database = currentDatabase() AND table NOT IN ('mix', 'weights') "
                    "GROUP BY table ORDER BY bytes DESC"))
    print("\nbytes a session, by column")
    print(store.ask("SELECT name, round(data_compressed_bytes / (SELECT count() FROM sessions), 2) AS bytes FROM system.columns "
                    "WHERE database = currentDatabase() AND table = 'sessions' ORDER BY bytes DESC LIMIT 25"))
    values = values_of(store)
    print("\nseconds (median of 5), rows read, question")
    for name, sql in QUESTIONS.items():
        took, read = [], 0
        for _ in range(5):
            answer = json.loads(store.ask(sql.format(**values) + " FORMAT JSON"))["statistics"]
            took.append(answer["elapsed"])
            read = answer["rows_read"]
        print(f"{statistics.median(took):.3f}\t{read}\t{name}")


def values_of(store):
    newest = store.ask("SELECT toString(toDateTime(max(timestamp))) FROM sessions")
    ask = store.ask
    some = f"FROM sessions WHERE timestamp BETWEEN toDateTime64('{newest}', 9, 'UTC') - 600 AND toDateTime64('{newest}', 9, 'UTC') - 590"
    at = ask(f"SELECT toString(min(timestamp)) {some}")
    return {
        "day": f"timestamp > toDateTime64('{newest}', 9, 'UTC') - INTERVAL 1 DAY",
        "hours": f"hour > toDateTime('{newest}', 'UTC') - INTERVAL 1 DAY",
        "hour": f"timestamp BETWEEN toDateTime64('{at}', 9, 'UTC') - 1800 AND toDateTime64('{at}', 9, 'UTC') + 1800",
        "ja4": ask("SELECT value FROM rarity WHERE kind = 'ja4' ORDER BY bits DESC LIMIT 1"),
        "name": ask("SELECT value FROM rarity WHERE kind = 'server_name' ORDER BY sessions, value LIMIT 1 OFFSET 100"),
        "client": ask("SELECT " + V4.format("source_ip") + " FROM host_fingerprints GROUP BY source_ip ORDER BY sum(sessions) LIMIT 1 OFFSET 1000"),
        "server": ask("SELECT value FROM rarity WHERE kind = 'server' ORDER BY sessions LIMIT 1 OFFSET 1000"),
        "certificate": ask("SELECT value FROM rarity WHERE kind = 'certificate' ORDER BY sessions, value LIMIT 1 OFFSET 100"),
        "event": ask(f"SELECT lower(hex(any(event_id))) {some}"),
        "ja3": ask(f"SELECT lower(hex(assumeNotNull(any(ja3)))) {some} AND ja3 IS NOT NULL"),
        "community_id": ask(f"SELECT any(community_id) {some}"),
    }


if __name__ == "__main__":
    main()
