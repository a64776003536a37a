#!/usr/bin/env python3
"""Record browsers, and programs that pass for them, on a private loopback: one capture for each program.

usage: browsers.py [--out DIR] [NAME ...]        Runs as root; CAPTURE_VENV has the impersonating Python packages.

Each profile of a program, and each launch of a browser, gets a client address of its own in 127.0.0.0/8: they all ran
on 127.0.0.1, one after the other, and the addresses were written into the finished capture. Kept of a connection are
its TCP handshake, the TLS handshake and the client's first records after it. `notes.jsonl` says who was who.
"""
import argparse
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

import lab
import servers
from lab import PROGRAMS, PYTHON

OUT = pathlib.Path(__file__).resolve().parent.parent / "browsers"
URL = "https://www.site.test/"
TOOLS = ("curl_cffi tls_client tls_client_unshuffled tls_client_headers wreq rnet primp never_primp impit httpcloak koon "
         "gakido requests_go").split()
PAGE = """<script>
const hosts = ["www.site.test", "api.site.test", "mail.site.test", "other.test"];
const wait = ms => new Promise(done => setTimeout(done, ms));
(async () => {
  for (let round = 0; round < 3; round++)
    for (const host of round ? hosts.slice(0, 2) : hosts) {
      try { await fetch(`https://${host}/index.html?${round}`, {mode: "no-cors", cache: "no-store"}); } catch (e) {}
      await wait(100);
    }
})();
</script>"""
CONNECTIONS = 4
# Of these, all profiles are recorded.
WHOLE = {"curl_cffi", "tls_client"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--most", type=int, default=24, help="profiles of a tool, 0 for all")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    lab.enter_private_network()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.names or [*TOOLS, "chromium", "firefox"]:
        with lab.Lab(args.out, args.verbose) as place:
            place.most = args.most
            certificate = place.pki.leaf(key="p256", names=("*.site.test", "other.test"))
            servers.nginx(place, certificate, extra="keepalive_timeout 0;")
            (place.dir / "www" / "index.html").write_text("ok\n")
            (place.dir / "www" / "page.html").write_text(PAGE)
            whole = place.dir / "whole.pcap"
            with recording(whole):
                clients = list((real if name in REAL else impersonators)(place, name))
            notes, failed = keep(whole, clients, args.out / f"{name}.pcap")
            lab.add_notes(args.out / "notes.jsonl", {f"{name}.pcap": notes})
            done = sum(c["connections"] for c in notes["clients"])
            print(f"{name}: {len(notes['clients'])} clients, {done} connections, "
                  f"{(args.out / (name + '.pcap')).stat().st_size} B; failed: {failed}", flush=True)
    return 0


class recording:
    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.process = subprocess.Popen(["tcpdump", "-Z", "root", "-n", "-i", "lo", "--immediate-mode", "-U", "-B", "65536",
                                         "-s", "66000", "-w", str(self.path), "tcp port 443"], stderr=subprocess.PIPE)
        for line in self.process.stderr:
            if b"listening on" in line:
                break
        time.sleep(0.1)

    def __exit__(self, *_):
        time.sleep(0.4)
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=10)


def impersonators(place, tool):
    """Runs all profiles of a tool; yields who ran when."""
    process = subprocess.Popen([PYTHON, PROGRAMS / "impersonators.py", tool, URL, str(CONNECTIONS),
                                str(0 if tool in WHOLE else place.most)], stdout=subprocess.PIPE,
                               stderr=None if place.verbose else subprocess.DEVNULL, text=True, cwd=place.dir,
                               env={**os.environ, "HOME": str(place.dir)}, start_new_session=True)
    place.started.append(process)
    deadline = time.monotonic() + 500
    for line in process.stdout:
        if line.startswith("{"):
            client = json.loads(line)
            yield {"what": "impersonator", "program": package(tool), **client}
        if time.monotonic() > deadline:
            lab.stop(process)
            break


def package(tool):
    name = {"tls_client_unshuffled": "tls_client", "tls_requests": "wrapper-tls-requests"}.get(tool, tool)
    try:
        return lab.python_package(name)
    except lab.Skip:
        return name


def chromium_launch(*more, program="chromium", headed=False, seconds=5):
    def run(place, number):
        argv = [program, "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic", "--ignore-certificate-errors",
                "--disable-sync", "--disable-default-apps", "--disable-dev-shm-usage", "--no-pings",
                "--disable-component-update", f"--user-data-dir={place.dir}/profile{number}",
                "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND", *more, URL + "page.html"]
        if headed:
            argv = ["xvfb-run", "-a", *argv]
        launch(place, argv, seconds)
    return run


def firefox_launch(*more, program="firefox-esr", preferences=(), seconds=9):
    def run(place, number):
        from scenarios.clients import FIREFOX_PREFERENCES
        profile = place.dir / f"profile{number}"
        profile.mkdir()
        place.run(["certutil", "-N", "-d", f"sql:{profile}", "--empty-password"])
        place.run(["certutil", "-A", "-d", f"sql:{profile}", "-n", "ca", "-t", "C,,", "-i", place.pki.root.pem])
        with open(profile / "user.js", "w", encoding="ascii") as file:
            for name, value in {**FIREFOX_PREFERENCES, **dict(preferences)}.items():
                file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
        launch(place, [program, "--headless", "--no-remote", "--profile", profile, *more, URL + "page.html"], seconds)
    return run


def launch(place, argv, seconds):
    process = subprocess.Popen([str(a) for a in argv], cwd=place.dir, start_new_session=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "HOME": str(place.dir), "LD_LIBRARY_PATH": os.environ.get("OLD_LIBS", "")})
    place.started.append(process)
    time.sleep(seconds)
    lab.stop(process)


def old_chromiums():
    """Chromium builds of @sparticuz/chromium, unpacked at OLD_CHROMIUMS/VERSION/chrome."""
    home = pathlib.Path(os.environ.get("OLD_CHROMIUMS", "/nonexistent"))
    for program in sorted(home.glob("*/chrome")):
        yield (f"@sparticuz/chromium {program.parent.name}",
               chromium_launch("--headless", "--single-process", "--no-zygote", "--in-process-gpu", "--use-gl=angle",
                               "--use-angle=swiftshader", program=str(program), seconds=6))


def browsers(name):
    if name == "chromium":
        number = lab.version("chromium", "--version")
        ways = {"headless": chromium_launch("--headless=new"), "headless again": chromium_launch("--headless=new"),
                "headless incognito": chromium_launch("--headless=new", "--incognito"),
                "old headless": chromium_launch("--headless=old"),
                "headless without background networking": chromium_launch("--headless", "--disable-background-networking"),
                "headless automated": chromium_launch("--headless=new", "--enable-automation", "--remote-debugging-port=0"),
                "window": chromium_launch(headed=True, seconds=8),
                "window incognito": chromium_launch("--incognito", headed=True, seconds=8)}
        return [(f"Chromium {number} {how}", run) for how, run in ways.items()]
    if name == "firefox":
        number = lab.version("firefox-esr", "--version", pattern=r"\d+\.\d+(\.\d+)?(esr)?")
        ways = {"headless": firefox_launch(), "headless again": firefox_launch(),
                "headless private": firefox_launch("--private-window"),
                "headless without resumption": firefox_launch(preferences=[("security.ssl.disable_session_identifiers", True)]),
                "headless, resistFingerprinting": firefox_launch(preferences=[("privacy.resistFingerprinting", True)])}
        return [(f"Firefox {number} {how}", run) for how, run in ways.items()]
    if name == "firefox_old":
        program = os.environ["OLD_FIREFOX"]
        number = lab.version(program, "--version", pattern=r"\d+\.\d+(\.\d+)?(esr)?")
        return [(f"Firefox {number} headless", firefox_launch(program=program)),
                (f"Firefox {number} headless private", firefox_launch("--private-window", program=program))]
    if name == "chromium_old":
        return list(old_chromiums())
    raise SystemExit(f"browsers.py: there is no {name}")


REAL = {"chromium", "firefox", "chromium_old", "firefox_old"}


def real(place, name):
    for number, (what, run) in enumerate(browsers(name)):
        began = time.time()
        run(place, number)
        yield {"what": "browser", "program": what, "profile": what, "began": began, "ended": time.time(), "errors": []}


def keep(whole, clients, path):
    """Writes what is kept of `whole`, each client from its own address; gives the notes, and whom nothing was heard of."""
    flows, kept = {}, []
    counts = [0] * len(clients)
    for stamp, data in packets(whole):
        header = 14
        if data[12:14] != b"\x08\x00" or data[header + 9] != 6:
            continue
        ihl = (data[header] & 15) * 4
        tcp = header + ihl
        sport, dport = struct.unpack_from(">HH", data, tcp)
        total = struct.unpack_from(">H", data, header + 2)[0]
        start = tcp + (data[tcp + 12] >> 4) * 4
        payload = data[start:header + total]
        flags = data[tcp + 13]
        port = sport if dport == 443 else dport
        if dport == 443 and flags & 0x12 == 2:
            at = next((i for i, c in enumerate(clients) if c["began"] <= stamp <= c["ended"]), None)
            if at is None:
                flows.pop(port, None)
                continue
            flows[port] = {"client": at, "sent": 0, "heard": 0, "hello": False}
        flow = flows.get(port)
        if flow is None:
            continue
        if dport == 443:
            if payload:
                flow["sent"] += 1
                if flow["sent"] > SENT:
                    continue
            if payload and not flow["hello"]:
                flow["hello"] = True
                counts[flow["client"]] += 1
                flow["number"] = counts[flow["client"]]
        elif payload:
            flow["heard"] += 1
            if flow["heard"] > HEARD:
                continue
        if not payload and not flags & 2 and flow["sent"]:
            continue
        kept.append((stamp, flow, header, tcp, dport == 443, data))
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for stamp, flow, ip, tcp, sent, data in kept:
            # Connections past so many say nothing new; those that never spoke are left out.
            if not 0 < flow.get("number", 0) <= MOST:
                continue
            address = bytes([127, 1, flow["client"] // 250, flow["client"] % 250 + 1])
            data = bytearray(data)
            at = ip + (12 if sent else 16)
            old, data[at:at + 4] = bytes(data[at:at + 4]), address
            for field in (ip + 10, tcp + 16):
                data[field:field + 2] = checksum(data[field:field + 2], old, address)
            out.write(struct.pack("<IIII", int(stamp), round((stamp % 1) * 1e6) % 1_000_000, len(data), len(data)))
            out.write(data)
    notes = [{"source": f"127.1.{i // 250}.{i % 250 + 1}", "what": c["what"], "program": c["program"], "profile": c["profile"],
              "connections": min(counts[i], MOST)} for i, c in enumerate(clients) if counts[i]]
    failed = {c["profile"]: (c["errors"] or [""])[0] for i, c in enumerate(clients) if not counts[i]}
    return {"clients": notes}, failed


def checksum(field, old, new):
    """RFC 1624, equation 3."""
    total = ~struct.unpack(">H", field)[0] & 0xffff
    for a, b in zip(struct.unpack(">2H", old), struct.unpack(">2H", new)):
        total += (~a & 0xffff) + b
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack(">H", ~total & 0xffff)


def packets(path):
    data = path.read_bytes()
    at = 24
    while at + 16 <= len(data):
        seconds, micros, length, _ = struct.unpack_from("<IIII", data, at)
        yield seconds + micros / 1e6, data[at + 16:at + 16 + length]
        at += 16 + length


# Packets with payload that are kept of each direction, and connections of a client.
SENT, HEARD, MOST = 6, 2, 8

if __name__ == "__main__":
    sys.exit(main())
