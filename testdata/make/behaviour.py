#!/usr/bin/env python3
"""Record clients that behave as detectors look for, among others that do not, on a private loopback.

usage: behaviour.py [--out DIR] [NAME ...]      Runs as root; CAPTURE_VENV has requests and curl_cffi.

Times are as they were: nothing is rewritten, so intervals are seconds. `notes.jsonl` says who did what.
"""
import argparse
import contextlib
import pathlib
import subprocess
import sys
import time

import lab
import servers
from lab import PROGRAMS, PYTHON, Note, python_package, python_ssl

OUT = pathlib.Path(__file__).resolve().parent.parent / "behaviour"
HOST = "www.site.test"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    lab.enter_private_network()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, scene in SCENES.items():
        if args.names and name not in args.names:
            continue
        with lab.Lab(args.out, args.verbose) as place:
            scene(place)
            lab.add_notes(args.out / "notes.jsonl", place.notes)
            print(name, {file: (args.out / file).stat().st_size for file in place.notes}, flush=True)
    return 0


def beacons(place):
    """Three beacons at a time, each with people of its own in the same capture."""
    server = web(place)
    jitters = (0, 10, 30)
    with contextlib.ExitStack() as stack:
        for at, jitter in enumerate(jitters, 1):
            note = Note(f"a beacon every 1.5 s, jitter {jitter} %, among two hosts of people",
                        f"{python_package('requests')}, {python_ssl()}", server,
                        {"beacon": f"127.0.{at}.1", "people": [f"127.0.{at}.2", f"127.0.{at}.3"]})
            stack.enter_context(place.capture(f"beacon_jitter_{jitter}.pcap", note,
                                              filter=f"tcp port 443 and net 127.0.{at}.0/24"))
        running = []
        for at, jitter in enumerate(jitters, 1):
            running.append(client(place, "beacon", at, f"127.0.{at}.1", HOST, 32, 1.5, jitter / 100))
            running += [client(place, "people", at * 10 + n, f"127.0.{at}.{n}", HOST, 11) for n in (2, 3)]
        wait(running, 120)


def rotation(place):
    note = Note("one host takes another browser's hello each time, one always the same", python_package("curl_cffi"),
                web(place), {"rotating": "127.0.1.1", "steady": "127.0.1.2"})
    with place.capture("rotation.pcap", note):
        wait([client(place, "rotate", 1, "127.0.1.1", HOST, 24), client(place, "browse", 2, "127.0.1.2", HOST, 12)], 60)


def stuffing(place):
    note = Note("30 hosts post to /login in turn, every 0.15 s; two hosts of people",
                f"{python_package('requests')}, {python_ssl()}", web(place),
                {"stuffing": "127.0.1.1 to 127.0.1.30", "people": ["127.0.2.1", "127.0.2.2"], "name": "api.site.test"})
    with place.capture("stuffing.pcap", note):
        running = [client(place, "stuff", 1, "127.0.1", 30, "api.site.test", 48, 0.15)]
        running += [client(place, "people", n, f"127.0.2.{n}", HOST, 6) for n in (1, 2)]
        wait(running, 60)


def scan(place):
    note = Note("one host tries 40 addresses with a version that none of them has; people go on", python_ssl(),
                web(place, protocols="TLSv1.3"), {"scanner": "127.0.1.1", "people": ["127.0.2.1"]})
    with place.capture("scan.pcap", note):
        wait([client(place, "scan", 1, "127.0.1.1", "127.0.4", 40),
              client(place, "people", 2, "127.0.2.1", HOST, 8)], 60)


def certificate_swap(place):
    """Before: a certificate of an authority that the clients trust. After: one of another."""
    trusted = place.pki.leaf(key="p256")
    other = place.pki.leaf(key="p256", issuer=place.pki.issue("/CN=Other Root", serial="99"), serial="1002")
    note = Note("12 hosts reach a server; its certificate becomes one that they do not trust, and 16 fail", "", "",
                {"fine": "127.0.1.1 to 127.0.1.12", "failing": "127.0.1.1 to 127.0.1.16"})
    with place.capture("certificate_swap.pcap", note):
        for certificate, hosts in ((trusted, range(1, 13)), (other, range(1, 17))):
            before = len(place.started)
            note.server = servers.s_server(place, certificate, "-tls1_2")
            for number in hosts:
                place.run(["curl", "-s", "--interface", f"127.0.1.{number}", "--cacert", place.pki.root.pem,
                           "-o", "/dev/null", f"https://{HOST}/"])
            lab.stop(place.started[before])
            time.sleep(0.2)
    place.notes["certificate_swap.pcap"]["client"] = f"curl {lab.version('curl')} ({lab.openssl()})"


def relay(place):
    note = Note("four connections through a relay that passes TCP on, and four without it",
                f"curl {lab.version('curl')} ({lab.openssl()})", web(place),
                {"client": "127.0.1.1", "relay": "127.0.1.2", "direct": "127.0.1.3"})
    place.start([PYTHON, PROGRAMS / "behave.py", "relay", 1, "127.0.1.2", 8443, "127.0.0.1", 443], 8443)
    with place.capture("relay.pcap", note, filter="tcp port 443 or tcp port 8443"):
        for _ in range(4):
            place.run(["curl", "-sk", "--interface", "127.0.1.1", "--connect-to", f"{HOST}:443:127.0.1.2:8443",
                       "-o", "/dev/null", f"https://{HOST}/"])
            place.run(["curl", "-sk", "--interface", "127.0.1.3", "-o", "/dev/null", f"https://{HOST}/"])


def names(place):
    computed = ["qxkzvhwpjfgt.com", "vjqwxkzpgbtf.net", "pzqkvjxwghrl.org", "kq3v9z7x1m2b8w.info", "wqkzjxvpghbd.com",
                "zhgxqpvjwktf.net"]
    chosen = ["www.example.com", "static.example.net", "login.example.org", "d1a2b3c4e5f6g7.cdn.example.com"]
    note = Note("one host asks for names of chance, another for names of words",
                f"curl {lab.version('curl')} ({lab.openssl()})", web(place),
                {"computed": "127.0.1.1", "chosen": "127.0.1.2", "names": computed})
    with place.capture("names.pcap", note):
        for source, asked in (("127.0.1.1", computed), ("127.0.1.2", chosen)):
            for name in asked:
                place.run(["curl", "-sk", "--interface", source, "--connect-to", f"{name}:443:127.0.0.1:443",
                           "-o", "/dev/null", f"https://{name}/"])


def web(place, **options):
    certificate = place.pki.leaf(key="p256", names=("*.site.test", "other.test"))
    started = servers.nginx(place, certificate, extra="keepalive_timeout 0; error_page 405 =200 /index.html;", **options)
    (place.dir / "www" / "login").write_text("ok\n")
    return started


def client(place, *arguments):
    process = subprocess.Popen([PYTHON, PROGRAMS / "behave.py", *map(str, arguments)], cwd=place.dir, start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=None if place.verbose else subprocess.DEVNULL)
    place.started.append(process)
    return process


def wait(running, seconds):
    deadline = time.monotonic() + seconds
    for process in running:
        if process.wait(max(1.0, deadline - time.monotonic())) != 0:
            raise RuntimeError(f"{process.args[2:5]} failed")


SCENES = {scene.__name__: scene for scene in (beacons, rotation, stuffing, scan, certificate_swap, relay, names)}

if __name__ == "__main__":
    sys.exit(main())
