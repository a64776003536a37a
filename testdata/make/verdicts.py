#!/usr/bin/env python3
"""Compares the verdict on every chain of some captures with that of `openssl verify` at the packets' time.

In: captures or folders of them; testdata/chains may hold NAME.pem, the root that is trusted for NAME.pcap.
Out: a line for each difference, a count, and with --write FILE what openssl said, one chain a line. Exit status 1 if
anything differs. openssl is asked twice: with -auth_level 0, and with -auth_level 2, which minds weak keys and digests.

    cargo build --example chains && testdata/make/verdicts.py testdata/captures
"""
import argparse
import base64
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# What openssl can see at level 0; the two weaknesses need level 2.
WEAK = {66, 67, 68}
# It stops at these; what we found beyond them it has not looked for.
STOPS = {2, 4, 6, 7, 19, 20, 47, 48, 49, 51, 52, 53, 62, 64, 66, 67, 68, 94}
# Where openssl says something else, and why: file, leaf, reason.
EXPLAINED = [
    ("chain_cross_signed_way_back.pcap", "", "openssl takes the first issuer that names allow and does not go back; webpki does"),
    ("zeek_ml-dsa-44-cert.pcap", "fd95785a0380", "OpenSSL before 3.5 knows no ML-DSA: it cannot tell that the leaf is self-signed"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=pathlib.Path)
    parser.add_argument("--anchors", type=pathlib.Path, help="instead of testdata/chains")
    parser.add_argument("--write", type=pathlib.Path, help="where to keep what openssl said")
    options = parser.parse_args()
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    chains = target / "debug" / "examples" / "chains"
    captures = sorted(c for p in options.paths for c in (p.iterdir() if p.is_dir() else [p])
                      if c.suffix in (".pcap", ".pcapng", ".cap"))
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        roots = scratch / "roots.pem"
        roots.write_text(subprocess.run([chains, "--roots"], check=True, capture_output=True, text=True).stdout)
        asked = []
        for capture in captures:
            extra = (options.anchors or HERE.parent / "chains") / f"{capture.stem}.pem"
            extra = extra if extra.exists() else None
            argv = [chains, *(["--ca-file", extra] if extra else []), capture]
            lines = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()
            asked += [(json.loads(line), extra) for line in lines]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            said = list(pool.map(lambda one: both(scratch, roots, *one), asked))
    different = 0
    for (line, _), openssl in zip(asked, said):
        explained = [why for file, leaf, why in EXPLAINED
                     if file == line["file"] and line["chain"]["sha256"][0].startswith(leaf)]
        for problem in compare(line["verdict"], openssl):
            if explained:
                print(f"{line['file']}: {problem}: explained: {explained[0]}")
                continue
            different += 1
            chain = line["chain"]
            print(f"{line['file']} {chain['sha256'][0][:12]} {chain['name']} at {chain['second']}: {problem}\n"
                  f"    here:    {line['verdict']['status']}: {line['verdict']['problems']}\n"
                  f"    openssl: {openssl}")
    print(f"{len(asked)} chains of {len(captures)} captures, {different} differences")
    if options.write:
        tool = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.split(" (")[0].strip()
        with open(options.write, "w", encoding="utf-8") as out:
            for (line, extra), openssl in zip(asked, said):
                chain = line["chain"]
                kept = {"file": line["file"], "leaf": chain["sha256"][0], "purpose": chain["purpose"],
                        **({"name": chain["name"]} if chain["name"] else {}), "second": chain["second"],
                        **({"anchor": extra.name} if extra else {}), **openssl, "source": f"{tool} verify"}
                out.write(json.dumps(kept) + "\n")
    sys.exit(different > 0)


def both(scratch, roots, line, extra):
    """What openssl says, at both levels: the numbers of its errors, in its order; `unreadable` where it reads no leaf."""
    chain = line["chain"]
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        folder = pathlib.Path(folder)
        trusted, leaf, sent = folder / "trusted.pem", folder / "leaf.pem", folder / "sent.pem"
        trusted.write_text(roots.read_text() + (extra.read_text() if extra else ""))
        leaf.write_text(pem(chain["der"][0]))
        sent.write_text("".join(pem(der) for der in chain["der"][1:] if readable(der)))
        said = {}
        for level in (0, 2):
            argv = ["openssl", "verify", "-attime", str(chain["second"]), "-auth_level", str(level), "-purpose",
                    chain["purpose"], "-no-CApath", "-no-CAstore", "-CAfile", trusted]
            if sent.stat().st_size:
                argv += ["-untrusted", sent]
            if chain["name"]:
                is_ip = re.fullmatch(r"[0-9.]+|.*:.*", chain["name"])
                argv += ["-verify_ip" if is_ip else "-verify_hostname", chain["name"]]
            done = subprocess.run([*argv, leaf], capture_output=True, text=True, timeout=60)
            text = done.stdout + done.stderr
            said[f"level_{level}"] = [int(number) for number in re.findall(r"^error (\d+) at ", text, re.M)]
            if "Could not read" in text or "unable to load" in text.lower():
                said["unreadable"] = True
            elif done.returncode and not said[f"level_{level}"]:
                raise RuntimeError(text)
        return said


def compare(verdict, openssl):
    """Texts about what does not agree."""
    if openssl.get("unreadable"):
        if verdict["status"] != "malformed":
            yield "openssl cannot read the leaf"
        return
    ours = set(verdict["openssl"])
    # Of a certificate with a broken extension openssl says whatever comes of it.
    if "malformed" in verdict["problems"] and openssl["level_0"]:
        return
    for level in (0, 2):
        theirs = openssl[f"level_{level}"]
        mine = ours if level else ours - WEAK
        if missing := [number for number in theirs if number not in mine]:
            yield f"level {level}: not found here: {missing}"
        if not theirs and mine:
            yield f"level {level}: openssl finds nothing wrong, here {sorted(mine)}"
        if theirs and not STOPS & set(theirs) and (more := groups(mine) - groups(theirs)):
            yield f"level {level}: only here: {sorted(more)}"


def groups(numbers):
    """Numbers that mean one thing here are one."""
    same = {32: 24, 79: 24, 64: 62, 4: 7, 6: 7, 67: 66, 48: 47, 49: 47, 51: 47, 52: 47, 53: 47}
    return {same.get(number, number) for number in numbers}


def readable(der):
    return subprocess.run(["openssl", "x509", "-inform", "der", "-noout"], input=base64.b64decode(der),
                          capture_output=True).returncode == 0


def pem(der):
    lines = [der[at:at + 64] for at in range(0, len(der), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


if __name__ == "__main__":
    main()
