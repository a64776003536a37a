#!/usr/bin/env python3
"""Write testdata/vectors/story.jsonl: what tshark reads of handshakes over TCP, beside fingerprints and certificates.

usage: story_fields.py

A line a capture and connection, with what its first handshake says in the clear: the ServerKeyExchange (bits of the
prime, SHA-256 of prime and public value, curve, signature scheme), SCTs in the ServerHello, the two hellos' limits, the
alerts. Left out are captures with tunnels, with several handshakes in a connection, and those whose suite encrypts
nothing, of which tshark reads more.
"""
import collections
import hashlib
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "vectors" / "story.jsonl"
FIELDS = ("tcp.stream", "tcp.srcport", "tcp.dstport", "tls.handshake.type", "tls.handshake.p", "tls.handshake.ys",
          "tls.handshake.server_named_curve", "tls.handshake.sig_hash_alg", "tls.sct.sct_length",
          "tls.handshake.max_fragment_length", "tls.record_size_limit", "tls.alert_message.level",
          "tls.alert_message.desc", "tls.handshake.extensions.psk.identity.selected")
CLIENT_HELLO, SERVER_HELLO, SERVER_KEY_EXCHANGE = "1", "2", "12"
LEFT_OUT = ("reframed_", "enclosed_", "ovs_", "vxlan", "small_mss", "snaplen", "duplicate", "renegotiation", "null")


def rows(path):
    argv = ["tshark", "-r", str(path), "-Y", "tls", "-T", "fields", "-E", "separator=|", "-E", "occurrence=a",
            *(option for name in FIELDS for option in ("-e", name))]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        yield dict(zip(FIELDS, ([v for v in value.split(",") if v] for value in line.split("|"))))


def number(digits):
    octets = bytes.fromhex(digits.replace(":", "")).lstrip(b"\0")
    return int.from_bytes(octets, "big").bit_length(), hashlib.sha256(octets).hexdigest()


def read(path):
    """What is known of each connection; `None` stands for one that is left out."""
    connections = collections.OrderedDict()
    for row in rows(path):
        if not row["tcp.stream"]:
            continue
        stream = row["tcp.stream"][0]
        told = connections.setdefault(stream, {"hellos": 0})
        types = row["tls.handshake.type"]
        told["hellos"] += types.count(CLIENT_HELLO)
        if CLIENT_HELLO in types:
            told.setdefault("port", int(row["tcp.srcport"][0]))
        side = "client" if int(row["tcp.srcport"][0]) == told.get("port") else "server"
        if SERVER_KEY_EXCHANGE in types:
            if row["tls.handshake.p"]:
                told["prime_bits"], told["prime_sha256"] = number(row["tls.handshake.p"][0])
                told["public_sha256"] = number(row["tls.handshake.ys"][0])[1]
            if row["tls.handshake.server_named_curve"]:
                told["curve"] = f"0x{int(row['tls.handshake.server_named_curve'][0], 16):04x}"
            # In the same packet, SCTs have theirs before, and a CertificateRequest lists some after it.
            schemes = row["tls.handshake.sig_hash_alg"][len(row["tls.sct.sct_length"]):]
            if schemes:
                told["scheme"] = f"0x{int(schemes[0], 16):04x}"
        if SERVER_HELLO in types:
            if row["tls.sct.sct_length"]:
                told["scts"] = len(row["tls.sct.sct_length"])
            if row["tls.handshake.extensions.psk.identity.selected"]:
                told["selected_psk"] = int(row["tls.handshake.extensions.psk.identity.selected"][0])
        if {CLIENT_HELLO, SERVER_HELLO} & set(types):
            for name in ("max_fragment_length", "record_size_limit"):
                value = row["tls.handshake.max_fragment_length" if name.startswith("max") else "tls.record_size_limit"]
                if value:
                    told[f"{side}_{name}"] = int(value[0], 0)
        for level, description in zip(row["tls.alert_message.level"], row["tls.alert_message.desc"]):
            told.setdefault("alerts", []).append([side, int(level), int(description)])
    return [told for told in connections.values() if told.pop("hellos") == 1 and "port" in told and len(told) > 1]


def main():
    with TARGET.open("w", encoding="ascii") as out:
        for path in sorted((ROOT / "captures").glob("*.pcap")):
            if not any(part in path.name for part in LEFT_OUT):
                for told in read(path):
                    out.write(json.dumps({"file": path.name, **told}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
