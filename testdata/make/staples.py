#!/usr/bin/env python3
"""Writes what `openssl ocsp` reads in the answers of testdata/chains, and whether it takes them: staples.jsonl beside them.

Each NAME.ocsp was stapled in NAME.pcap; NAME.pem is the issuer. The time is that of the capture's first packet.
"""
import json
import pathlib
import re
import struct
import subprocess
import time

TESTDATA = pathlib.Path(__file__).resolve().parent.parent
FIELDS = {"status": r"Cert Status: (\w+)", "this_update": r"This Update: (.+)", "next_update": r"Next Update: (.+)",
          "produced_at": r"Produced At: (.+)", "revoked_at": r"Revocation Time: (.+)",
          "reason": r"Revocation Reason: \w+ \(0x(\w+)\)", "serial": r"Serial Number: (\w+)"}


def main():
    version = run("version").split(" (")[0].strip()
    rows = []
    for answer in sorted((TESTDATA / "chains").glob("*.ocsp")):
        issuer, second = answer.with_suffix(".pem"), first_second(TESTDATA / "captures" / f"{answer.stem}.pcap")
        text = run("ocsp", "-respin", answer, "-noverify", "-resp_text")
        row = {"file": f"{answer.stem}.pcap", "second": second}
        for field, pattern in FIELDS.items():
            if found := re.search(pattern, text):
                row[field] = seconds(found[1]) if "GMT" in found[1] else found[1].lower()
        verified = run("ocsp", "-no_nonce", "-respin", answer, "-CAfile", issuer, "-issuer", issuer, "-serial", "0x" + row["serial"],
                       "-attime", second)
        row["verified"] = "Response verify OK" in verified
        # Whether openssl would count its nextUpdate as past at that second.
        row["fresh"] = row["this_update"] <= second + 300 and row.get("next_update", second) >= second
        rows.append({**row, "source": f"{version} ocsp"})
    (TESTDATA / "chains" / "staples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def run(*argv):
    done = subprocess.run(["openssl", *map(str, argv)], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def seconds(text):
    return int(time.mktime(time.strptime(text.strip(), "%b %d %H:%M:%S %Y GMT"))) - time.timezone


def first_second(capture):
    with open(capture, "rb") as file:
        return struct.unpack_from("<I", file.read(28), 24)[0]


if __name__ == "__main__":
    main()
