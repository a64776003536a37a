#!/usr/bin/env python3
"""Clients that behave in a certain way, each a real program's TLS. Names are resolved to 127.0.0.1.

usage: behave.py WHAT SEED [ARGUMENT ...]

  beacon SOURCE HOST COUNT SECONDS JITTER   requests, a new connection every SECONDS, more or less by the share JITTER
  people SOURCE HOST COUNT                  urllib: pages of a few connections, then a pause of any length
  rotate SOURCE HOST COUNT                  curl_cffi, each time as another browser
  browse SOURCE HOST COUNT                  curl_cffi, always as the same browser
  stuff PREFIX HOSTS HOST COUNT SECONDS     requests, a POST to /login every SECONDS, each from the next of HOSTS addresses
  scan SOURCE PREFIX COUNT                  ssl of Python, TLS 1.2 and older, to one address after the other
  relay SOURCE PORT TARGET TARGETPORT       passes TCP on; ends after 30 seconds
"""
import random
import socket
import ssl
import sys
import threading
import time
import warnings

CHANCE = random.Random()


def session(source):
    import requests
    from requests.adapters import HTTPAdapter

    class From(HTTPAdapter):
        def init_poolmanager(self, *args, **kwargs):
            super().init_poolmanager(*args, source_address=(source, 0), **kwargs)

    made = requests.Session()
    made.mount("https://", From())
    made.headers["Connection"] = "close"
    return made


def beacon(source, host, count, seconds, jitter):
    due = time.monotonic()
    for _ in range(int(count)):
        time.sleep(max(0.0, due - time.monotonic()))
        session(source).get(f"https://{host}/index.html", timeout=5, verify=False)
        due += float(seconds) * (1 + float(jitter) * CHANCE.uniform(-1, 1))


def people(source, host, count):
    import http.client
    context = ssl._create_unverified_context()
    left = int(count)
    while left > 0:
        for _ in range(min(left, CHANCE.randint(1, 4))):
            left -= 1
            visit = http.client.HTTPSConnection(host, source_address=(source, 0), context=context, timeout=5)
            visit.request("GET", "/index.html")
            visit.getresponse().read()
            visit.close()
            time.sleep(CHANCE.uniform(0.05, 0.6))
        time.sleep(min(15.0, 1.0 * CHANCE.paretovariate(1.2)))


def rotate(source, host, count):
    profiles = ["chrome99", "chrome100", "chrome101", "chrome104", "chrome107", "chrome110", "chrome116", "chrome119",
                "chrome120", "chrome123", "chrome124", "chrome131", "chrome133a", "chrome136", "edge99", "edge101"]
    for _ in range(int(count)):
        imitate(source, host, CHANCE.choice(profiles))


def browse(source, host, count):
    for _ in range(int(count)):
        imitate(source, host, "chrome131")


def imitate(source, host, profile):
    from curl_cffi import requests
    requests.get(f"https://{host}/index.html", impersonate=profile, interface=source, verify=False, timeout=5)
    time.sleep(CHANCE.uniform(0.1, 0.4))


def stuff(prefix, hosts, host, count, seconds):
    due = time.monotonic()
    for number in range(int(count)):
        time.sleep(max(0.0, due - time.monotonic()))
        source = f"{prefix}.{1 + number % int(hosts)}"
        session(source).post(f"https://{host}/login", data={"user": f"u{number}", "password": "x"}, timeout=5, verify=False)
        due += float(seconds)


def scan(source, prefix, count):
    context = ssl._create_unverified_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for number in range(1, int(count) + 1):
        try:
            with socket.create_connection((f"{prefix}.{number}", 443), 3, (source, 0)) as raw:
                context.wrap_socket(raw).close()
        except OSError:
            pass
        time.sleep(0.05)


def relay(source, port, target, target_port):
    server = socket.create_server((source, int(port)))

    def carry(here, there):
        try:
            while data := here.recv(65536):
                there.sendall(data)
            there.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve():
        while True:
            near, _ = server.accept()
            far = socket.create_connection((target, int(target_port)), 3, (source, 0))
            threading.Thread(target=carry, args=(near, far), daemon=True).start()
            threading.Thread(target=carry, args=(far, near), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    time.sleep(30)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    CHANCE.seed(int(sys.argv[2]))
    known = {f.__name__: f for f in (beacon, people, rotate, browse, stuff, scan, relay)}
    sys.exit(known[sys.argv[1]](*sys.argv[3:]))
