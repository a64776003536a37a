#!/usr/bin/env python3
"""Make the captures of testdata/captures again: real TLS programs on a private loopback, recorded with tcpdump.

usage: capture.py [--out DIR] [--verbose] [--list] [NAME_OR_PATTERN ...]     (all scenarios when none is named)

Needs the programs that setup.sh installs; a scenario whose program is missing is skipped. CAPTURE_VENV names another
place for the Python packages. Runs as root, in namespaces of its own.
Exit status: 0 all made or skipped, 1 at least one failed, 2 usage.
"""
import argparse
import fnmatch
import pathlib
import sys
import time
import traceback

import lab
from scenarios import load_all

CAPTURES = pathlib.Path(__file__).resolve().parent.parent / "captures"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=CAPTURES)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    scenarios = load_all()
    chosen = [n for n in scenarios if not args.names or any(fnmatch.fnmatch(n, p) for p in args.names)]
    if not chosen:
        parser.error(f"no scenario is called {' '.join(args.names)}; --list shows all")
    if args.list:
        print("\n".join(chosen))
        return 0
    lab.enter_private_network()
    args.out.mkdir(parents=True, exist_ok=True)
    failed = sum(not make(scenarios[name], name, args) for name in chosen)
    print(f"{len(chosen) - failed} of {len(chosen)} done")
    return 1 if failed else 0


def make(function, name, args):
    """Run one scenario and store its notes; False when it failed."""
    began = time.monotonic()
    try:
        with lab.Lab(args.out, args.verbose) as place:
            function(place, name)
            lab.add_notes(args.out / "notes.jsonl", place.notes)
    except lab.Skip as reason:
        print(f"skip  {name}: {reason}", flush=True)
        return True
    except Exception as err:
        print(f"FAIL  {name}: {err}", flush=True)
        if args.verbose:
            traceback.print_exc()
        return False
    sizes = ", ".join(f"{f} {(args.out / f).stat().st_size} B" for f in place.notes)
    print(f"made  {name} in {time.monotonic() - began:.1f} s: {sizes}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
