#!/usr/bin/env python3
"""Starts a ClickHouse server for tests and for trying things out, from the Python wheel `chdb-core`.

usage: server.py [--port PORT] [--data DIR] [--user NAME:PASSWORD] [--native PORT --cluster NAME=PORT,PORT...]

The wheel carries the whole engine with its HTTP interface. It runs in a child process; tables lie in DIR (a temporary
one by default, removed at the end) and survive restarts. When the server answers, it says so; where stdout is no terminal,
with one line of JSON:
    {"url": "http://127.0.0.1:41234", "version": "26.9.2.1", "data": "...", "pid": 123}
It listens on 127.0.0.1 only, and stops on SIGTERM, SIGINT or the end of its stdin. User `default` has no password;
`--user` adds one that has. `--native` opens ClickHouse's native port too, and `--cluster` lets Distributed tables span
servers of this machine by theirs, one shard each. `scripts/store.sh` installs the wheel; run this file with that environment's python.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from xml.sax.saxutils import escape

CONFIG = """<clickhouse>
  <listen_host>127.0.0.1</listen_host>
  <http_port>{port}</http_port>
  <users_config>{users}</users_config>
  {more}
</clickhouse>
"""

USERS = """<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password></password><profile>default</profile><quota>default</quota>
      <networks><ip>127.0.0.1</ip></networks><access_management>1</access_management>
    </default>
    {more}
  </users>
</clickhouse>
"""

USER = """<{name}>
      <password>{password}</password><profile>default</profile><quota>default</quota>
      <networks><ip>127.0.0.1</ip></networks>
    </{name}>"""

SHARD = "<shard><replica><host>127.0.0.1</host><port>{port}</port></replica></shard>"

START_SECONDS = 60
STOP_SECONDS = 15


def main():
    if sys.argv[1:2] == ["--engine"]:
        return run_engine(*sys.argv[2:5])
    args = arguments()
    work = pathlib.Path(tempfile.mkdtemp(prefix="store."))
    data = pathlib.Path(args.data).resolve() if args.data else work / "data"
    data.mkdir(parents=True, exist_ok=True)
    engine = Engine(work, data, args)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), stop.set()), daemon=True).start()
    try:
        version = engine.wait_until_it_answers(stop)
        if sys.stdout.isatty():
            print(f"ClickHouse {version} answers; Ctrl-C stops it. Its tables are in {data}")
            print(f"tlsight read capture.pcap --clickhouse {engine.url}")
        else:
            line = {"url": engine.url, "version": version, "data": str(data), "pid": os.getpid()}
            print(json.dumps(line), flush=True)
        while not stop.wait(0.5):
            if engine.child.poll() is not None:
                sys.exit(f"the server has ended by itself:\n{engine.log()}")
    finally:
        engine.stop()
        shutil.rmtree(work, ignore_errors=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="HTTP port (default: a free one)")
    parser.add_argument("--data", metavar="DIR", help="where the tables are kept (default: a temporary folder)")
    parser.add_argument("--user", metavar="NAME:PASSWORD", help="add a user with a password")
    parser.add_argument("--native", type=int, metavar="PORT", help="open the native port too")
    parser.add_argument("--cluster", metavar="NAME=PORT,...", help="native ports of the servers of a cluster")
    args = parser.parse_args()
    if args.user and not (":" in args.user and args.user.split(":")[0].isidentifier()):
        parser.error("--user wants NAME:PASSWORD, NAME of letters, digits and _")
    return args


class Engine:
    """The child process, and the pipe that keeps it running for as long as this process holds its writing end."""

    def __init__(self, work, data, args):
        self.work = work
        port = args.port or free_port()
        self.url = f"http://127.0.0.1:{port}"
        more = ""
        if args.user:
            name, _, password = args.user.partition(":")
            more = USER.format(name=name, password=escape(password))
        users = work / "users.xml"
        users.write_text(USERS.format(more=more))
        (work / "config.xml").write_text(CONFIG.format(port=port, users=users, more=cluster(args)))
        pipe = work / "until-closed"
        os.mkfifo(pipe)
        self.hold = os.open(pipe, os.O_RDWR)
        with open(work / "engine.log", "wb") as log:
            self.child = subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), "--engine", str(pipe), str(data), "TCP" * bool(args.native)],
                cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )

    def wait_until_it_answers(self, stop):
        for _ in range(START_SECONDS * 20):
            if self.child.poll() is not None:
                sys.exit(f"the server did not start:\n{self.log()}")
            try:
                with urllib.request.urlopen(f"{self.url}/?query=SELECT%20version()", timeout=5) as answer:
                    return answer.read().decode().strip()
            except (urllib.error.URLError, OSError):
                if stop.wait(0.05):
                    sys.exit("stopped before the server answered")
        sys.exit(f"the server did not answer within {START_SECONDS} s:\n{self.log()}")

    def log(self):
        return (self.work / "engine.log").read_text(errors="replace")[-4000:]

    def stop(self):
        os.close(self.hold)
        try:
            self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def cluster(args):
    """What the configuration says of the native port and of the cluster."""
    more = f"<tcp_port>{args.native}</tcp_port>" if args.native else ""
    if args.cluster:
        name, _, ports = args.cluster.partition("=")
        shards = "".join(SHARD.format(port=int(port)) for port in ports.split(","))
        more += f"<remote_servers><{name}>{shards}</{name}></remote_servers>"
    return more


def run_engine(pipe, data, native):
    """In the child: serves until nobody holds the writing end of `pipe` any more."""
    die_with_the_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The connection object of the package opens no ports; this entry runs the statements as the engine's own shell does.
    from chdb import _chdb
    _chdb.query(
        f"SYSTEM START LISTEN HTTP; {'SYSTEM START LISTEN TCP; ' * bool(native)}SELECT * FROM file('{pipe}', 'LineAsString', 'line String') FORMAT Null",
        "TabSeparated",
        path=data,
    )


def die_with_the_parent():
    try:
        import ctypes
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        pass  # Not Linux: the pipe's end stops it all the same.


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
