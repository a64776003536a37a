#!/usr/bin/env python3
"""Measure the hellos of real client software again, and write the entries of rules/labels.

usage: measure.py [--verbose] [--list] [--write] [--keep DIR] [NAME_OR_PATTERN ...]     (all clients when none is named)

Runs each client of clients.py against servers on a private loopback, records it, has `tlsight read` say what was sent, and
keeps that in testdata/labels/measured.jsonl. From all of it, it writes rules/labels/*.toml, and testdata/labels/hellos.pcap:
the first packets of the connections that are behind the entries, with what tshark and ja4plus read in them (expected.jsonl). A client that is not installed is skipped and keeps what was
measured of it before. TLSIGHT names the program (default: target/release/tlsight). Runs as root, in namespaces of its own.
"""
import argparse
import datetime
import fnmatch
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE.parent))

import lab  # noqa: E402
import servers  # noqa: E402
from clients import CLIENTS, Place  # noqa: E402
from entries import first_packets, packed, write_entries, write_expected, write_hellos  # noqa: E402

MEASURED = ROOT / "testdata" / "labels" / "measured.jsonl"
TLSIGHT = os.environ.get("TLSIGHT", str(ROOT / "target" / "release" / "tlsight"))
# A connection is for one request, so that the next one shows whether the client takes the session up again.
NGINX = "keepalive_timeout 0; keepalive_requests 1;"
FIRST, AGAIN, ADDRESS = "name", "again", "address"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write", action="store_true", help="measure nothing, write the files anew")
    parser.add_argument("--keep", type=pathlib.Path, help="keep the captures there")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    chosen = [c for c in CLIENTS if not args.names or any(fnmatch.fnmatch(c.name, p) for p in args.names)]
    if args.list:
        print("\n".join(c.name for c in chosen))
        return 0
    if not args.write:
        lab.enter_private_network()
        with tempfile.TemporaryDirectory() as out:
            measure(chosen, pathlib.Path(out), args)
    measured = load()
    write_entries(measured, ROOT / "rules" / "labels")
    hellos = ROOT / "testdata" / "labels" / "hellos.pcap"
    write_hellos(measured, hellos)
    write_expected(hellos, hellos.with_name("expected.jsonl"))
    return 0


def measure(chosen, out, args):
    with lab.Lab(out, args.verbose) as here:
        leaf = here.pki.leaf()
        servers.nginx(here, leaf, extra=NGINX)
        here.start([lab.PYTHON, lab.PROGRAMS / "http3_server.py", 443, leaf.chain, leaf.key], 443, udp=True)
        trust(here)
        place = Place(here, here.pki.root.pem, here.pki)
        for client in chosen:
            try:
                found = one(here, client, place, args)
            except lab.Skip as why:
                print(f"skip  {client.name}: {why}", flush=True)
                continue
            except Exception as error:
                print(f"FAIL  {client.name}: {error}", flush=True)
                if args.verbose:
                    traceback.print_exc()
                continue
            save(client, found)
            print(f"ok    {client.name}: {', '.join(h['ja4'] for h in found['hellos'])}", flush=True)


def one(here, client, place, args):
    """What one client sends: by name, on a second connection, and by address."""
    version, library = client.version(), client.library()
    hellos, packets = {}, []
    for form in (FIRST, ADDRESS) if client.by_address else (FIRST,):
        host = "www.site.test" if form == FIRST else "127.0.0.1"
        capture = f"{client.name}-{form}.pcap"
        where = place.at(host)
        try:
            with here.capture(capture, lab.Note("", "", ""), filter="tcp port 443 or udp port 443"):
                client.run(where)
        except RuntimeError:
            if form == ADDRESS:
                continue
            raise
        path = here.out / capture
        sessions = read(path)
        if args.keep:
            args.keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, args.keep / capture)
        for session in sessions:
            hello = prints(session)
            if hello is None or hello["ja4"][0] not in client.transports:
                continue
            hello["form"] = form_of(session, form)
            key = (hello["ja4"], hello["ja3n"])
            seen = hellos.setdefault(key, {**hello, "ja3s": set(), "endpoint": session["source"]["port"], "file": path})
            seen["ja3s"].add(hello["ja3"])
            if len(seen["ja3s"]) == 1 and seen["endpoint"] == session["source"]["port"]:
                packets.append(first_packets(path, session["source"]["port"], hello["ja4"][0] == "q"))
    if not hellos:
        raise RuntimeError("no hello was seen")
    shown = []
    # Two orders of one hello, and no order of this client's means anything.
    shuffles = client.shuffles or any(len(hello["ja3s"]) > 1 for hello in hellos.values())
    for hello in hellos.values():
        shown.append({"form": hello["form"], "ja4": hello["ja4"], "ja3": None if shuffles else hello["ja3"],
                      "ja3n": hello["ja3n"], "stable": hello["stable"]})
    return {"version": version, "library_version": library, "hellos": shown,
            "date": datetime.date.today().isoformat(), "packets": packed(packets)}


def read(path):
    done = subprocess.run([TLSIGHT, "read", "--json", "-q", path], capture_output=True, text=True, check=True)
    return [r for r in map(json.loads, done.stdout.splitlines()) if r["event"]["dataset"] == "tlsight.tls"]


def prints(session):
    own = session["tlsight"].get("client", {})
    ecs = session["tls"].get("client", {})
    if "ja4" not in ecs or "ja3" not in ecs:
        return None
    return {"ja4": ecs["ja4"], "ja3": ecs["ja3"], "ja3n": own["ja3n"], "stable": own["stable"]}


def form_of(session, form):
    offered = "0x0029" in session["tlsight"]["client"]["hello"].get("extensions", [])
    return "resumed" if offered else form


def trust(here):
    """The authority among those of the system, for as long as this namespace lasts."""
    certs = here.dir / "certs"
    shutil.copytree("/etc/ssl/certs", certs, symlinks=True)
    root = here.pki.root.pem.read_text()
    with open(certs / "ca-certificates.crt", "a", encoding="ascii") as bundle:
        bundle.write(root)
    (certs / "capture-test.pem").write_text(root)
    subprocess.run(["openssl", "rehash", certs], capture_output=True)
    subprocess.run(["mount", "--bind", certs, "/etc/ssl/certs"], check=True)


def load():
    if not MEASURED.exists():
        return {}
    return {m["name"]: m for m in map(json.loads, MEASURED.read_text(encoding="utf-8").splitlines())}


def save(client, found):
    MEASURED.parent.mkdir(parents=True, exist_ok=True)
    measured = load()
    measured[client.name] = {"name": client.name, **client.facts(), **found}
    lines = [json.dumps(measured[name], ensure_ascii=False) + "\n" for name in sorted(measured)]
    fresh = MEASURED.with_suffix(".new")
    fresh.write_text("".join(lines), encoding="utf-8")
    fresh.replace(MEASURED)


if __name__ == "__main__":
    sys.exit(main())
