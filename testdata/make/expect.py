#!/usr/bin/env python3
"""Write what other programs read in the captures: testdata/captures/expected/NAME.jsonl, one handshake a line.

usage: expect.py [--captures DIR] [NAME_OR_PATTERN ...]      (all captures when none is named)

Hellos, certificate bytes, JA3 and JA3S come from tshark; JA4, JA4S and JA4X from the Python package ja4plus; what is in
a certificate from `openssl x509`. NAME is the capture's whole file name. Fields as in captures/README.md. What tshark
says is also held against what was known when the capture was made (notes.jsonl); a contradiction is printed and makes
the exit status 1. Writes the tables of captures/README.md and of ../README.md too.
"""
import argparse
import collections
import concurrent.futures
import datetime
import fnmatch
import functools
import hashlib
import ipaddress
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

import lab
import tables

CAPTURES = pathlib.Path(__file__).resolve().parent.parent / "captures"
RETRY_RANDOM = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
UNKNOWN_UPGRADES = {"irc", "nntp", "sieve", "rdp"}
# Of these, whose preamble tshark does not get over, it is given what follows: from the first packet of TLS on.
CUT_UPGRADES = {"http", "postgres after GSSENCRequest"}
EMPTY_HASHES = ("000000000000", "e3b0c44298fc")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captures", type=pathlib.Path, default=CAPTURES)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    notes = lab.load_notes(args.captures / "notes.jsonl")
    files = sorted(p for p in args.captures.iterdir() if p.suffix in (".pcap", ".pcapng"))
    stale = set(notes) - {p.name for p in files}
    lab.add_notes(args.captures / "notes.jsonl", {}, gone=stale)
    notes = {name: note for name, note in notes.items() if name not in stale}
    chosen = [p for p in files if not args.names or any(fnmatch.fnmatch(p.name, n + "*") for n in args.names)]
    target = args.captures / "expected"
    target.mkdir(exist_ok=True)
    complaints = []
    prints = ja4_prints(chosen)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, handshakes in zip(chosen, pool.map(lambda p: handshakes_of(p, prints[str(p)], notes.get(p.name)), chosen)):
            lines = [json.dumps(h, ensure_ascii=False) + "\n" for h in handshakes]
            (target / f"{path.name}.jsonl").write_text("".join(lines), encoding="utf-8")
            if path.name not in notes:
                complaints.append(f"{path.name}: there is no note about it")
            else:
                complaints += [f"{path.name}: {c}" for c in contradictions(notes[path.name]["known"], handshakes)]
    print("\n".join(complaints))
    tables.write(args.captures, notes)
    print(f"{len(chosen)} captures, {len(complaints)} contradictions")
    return 1 if complaints else 0


def handshakes_of(path, prints, note):
    """All handshakes of a capture, in order of their first hello."""
    known = (note or {}).get("known", {})
    # tshark does not look for TLS on the ports of protocols whose upgrade it does not know.
    decode = ["-d", f"tcp.port=={known['port']},tls"] if known.get("upgrade") in UNKNOWN_UPGRADES | CUT_UPGRADES | {None} \
        and "port" in known else []
    decode += known.get("tshark", [])
    if known.get("upgrade") in CUT_UPGRADES:
        with tempfile.TemporaryDirectory() as place:
            return in_order(behind_preamble(path, pathlib.Path(place) / path.name), decode, prints)
    return in_order(path, decode, prints)


def in_order(path, decode, prints):
    found = collections.defaultdict(list)
    for message in hello_messages(path, decode):
        conversation = found[message["stream"]]
        if starts_handshake(conversation, message):
            conversation.append({"messages": []})
        conversation[-1]["messages"].append(message)
    order = [h for c in found.values() for h in c]
    order.sort(key=lambda h: h["messages"][0]["frame"])
    return [handshake(h["messages"], prints) for h in order]


def behind_preamble(path, target):
    """The packets of a capture with one connection, from the first whose payload begins with a handshake record on."""
    done = subprocess.run(["tshark", "-r", str(path), "-n", "-Y", "tcp.payload[0:2] == 16:03", "-T", "fields", "-e",
                           "frame.number"], capture_output=True, text=True, check=True)
    subprocess.run(["editcap", "-r", str(path), str(target), f"{done.stdout.split()[0]}-999999"], check=True)
    return target


def starts_handshake(conversation, message):
    if not conversation:
        return True
    earlier = conversation[-1]["messages"]
    if message["kind"] == "client_hello" and message.get("random") in [m.get("random", "") for m in earlier]:
        return False  # DTLS sends it again when no answer came
    kinds = [m["kind"] for m in earlier if not m.get("retry")]
    if message["kind"] != "client_hello" or "client_hello" not in kinds:
        return False
    return "server_hello" in kinds or earlier[-1]["pair"] != message["pair"]


def hello_messages(path, decode):
    """Hellos and certificate messages of a capture as flat records."""
    tshark = ["tshark", "-r", str(path), "-n", "-o", "tcp.reassemble_out_of_order:TRUE", *decode, "-T", "json", "-x", "--no-duplicate-keys", "-J",
              "frame ip ipv6 tcp udp tls dtls quic tds", "-Y",
              "tls.handshake.type in {1,2,11} or dtls.handshake.type in {1,2,11} or tls.handshake.ja3"
              " or tls.record.version == 0x0002"]
    done = subprocess.run(tshark, capture_output=True, text=True, timeout=120, errors="replace")
    for packet in json.loads(done.stdout or "[]"):
        layers = packet["_source"]["layers"]
        address = last(layers, "ipv6") or last(layers, "ip")
        for_ip = "ipv6" if last(layers, "ipv6") else "ip"
        if last(layers, "ip") and last(layers, "ipv6"):
            for_ip = innermost(layers)
            address = last(layers, for_ip)
        transport = "tcp" if last(layers, "tcp") else "udp"
        ports = last(layers, transport)
        source = endpoint(address[f"{for_ip}.src"], ports[f"{transport}.srcport"])
        destination = endpoint(address[f"{for_ip}.dst"], ports[f"{transport}.dstport"])
        common = {"frame": int(last(layers, "frame")["frame.number"]), "from": source, "to": destination,
                  "pair": frozenset((source, destination)),
                  "stream": (transport, ports[f"{transport}.stream"])}
        if "tls" not in layers and "tds" in layers:
            layers["tls"] = list(walk(layers["tds"], "tls"))
        for proto in ("quic", "tls", "dtls"):
            if proto not in layers or proto == "tls" and "quic" in layers:
                continue
            prefix = "dtls" if proto == "dtls" else "tls"
            for record in walk(layers[proto], "tls.record"):
                if first(record.get("tls.handshake.type")) == "1" and "tls.handshake.cipher_spec_len" in record:
                    yield {**common, "proto": proto, "kind": "client_hello", "form": "SSL 2.0"}
            for message in walk(layers[proto], f"{prefix}.handshake"):
                made = hello(message, prefix)
                if made:
                    yield {**common, "proto": proto, **made}


def hello(message, prefix):
    """One handshake message of tshark's, reduced; None for kinds that are not looked at."""
    kind = first(message.get(f"{prefix}.handshake.type"))
    if kind == "11":
        return {"kind": "certificate", "certs": [raw(v) for v in
                                                  collect(message, f"{prefix}.handshake.certificate_raw")]}
    extensions = list(walk(message, "tls.handshake.extension")) + list(walk(message, "dtls.handshake.extension"))
    extensions += list(walk(message, "tls.handshake.extensions")) + [message]

    def value(name):
        for place in extensions:
            for key in (f"{prefix}.{name}", f"tls.{name}"):
                found = collect(place, key)
                if found:
                    return found
        return []
    if kind == "1" and prefix == "dtls" and not value("handshake.ja3_full"):
        return None  # a fragment; the whole message stands with the last one
    if kind == "1":
        return {"kind": "client_hello", "sni": value("handshake.extensions_server_name"),
                "alpn": value("handshake.extensions_alpn_str"), "ja3": value("handshake.ja3"),
                "ja3_full": value("handshake.ja3_full"), "form": "TLS",
                "random": "".join(raw(v) for v in collect(message, f"{prefix}.handshake.random_raw"))}
    if kind == "2":
        random = "".join(raw(v) for v in collect(message, f"{prefix}.handshake.random_raw"))
        if not random:
            random = "".join(raw(v) for name in ("random_time", "random_bytes")
                             for v in collect(message, f"{prefix}.handshake.{name}_raw"))
        return {"kind": "server_hello", "retry": random == RETRY_RANDOM,
                "version": (value("handshake.extensions.supported_version")
                            or collect(message, f"{prefix}.handshake.version")),
                "cipher": value("handshake.ciphersuite"), "alpn": value("handshake.extensions_alpn_str"),
                "ja3s": value("handshake.ja3s"), "ja3s_full": value("handshake.ja3s_full")}
    return None


def handshake(messages, prints):
    """The expected line of one handshake."""
    client = next((m for m in messages if m["kind"] == "client_hello"), None)
    answers = [m for m in messages if m["kind"] == "server_hello"]
    answer = next((m for m in answers if not m["retry"]), answers[0] if answers else None)
    one = client or messages[0]
    source, destination = (one["from"], one["to"]) if client or not answer else (answer["to"], answer["from"])
    if not client and not answer:
        source, destination = one["to"], one["from"]
    out = {"proto": one["proto"], "src": source, "dst": destination}
    sources = {"tshark-" + lab.version("tshark")}
    if client and client["form"] == "SSL 2.0":
        out["partial"] = "ClientHello in SSL 2.0 form, for which the references give no fingerprint"
    elif client:
        put(out, "sni", client["sni"])
        if client["alpn"] and all(a.isascii() for a in client["alpn"]):
            out["alpn_offered"] = client["alpn"]
        put(out, "ja3", client["ja3"])
        put(out, "ja3_full", client["ja3_full"])
        if "ja3_full" in out and hashlib.md5(out["ja3_full"].encode()).hexdigest() != out.get("ja3"):
            raise RuntimeError("tshark's JA3 is not the MD5 of its own string")
    else:
        out["partial"] = "no ClientHello"
    if answer:
        put(out, "version", answer["version"])
        put(out, "cipher", answer["cipher"])
        put(out, "alpn", answer["alpn"])
        put(out, "ja3s", answer["ja3s"])
        out["ja3s_full"] = (answer["ja3s_full"] or [""])[0]
        if not answer["ja3s_full"]:
            del out["ja3s_full"]
    elif client:
        out.setdefault("partial", "no ServerHello")
    if any(m["retry"] for m in answers):
        out["hrr"] = True
        dispute(out, "ja3s", [m["ja3s"][0] for m in answers if m["ja3s"]], "HelloRetryRequest or ServerHello")
        dispute(out, "ja3s_full", [m["ja3s_full"][0] for m in answers if m["ja3s_full"]],
                "HelloRetryRequest or ServerHello")
    for kind, ends, line in (("ja4", (source, destination), client), ("ja4s", (destination, source), answer)):
        found = prints.get((kind, *ends), [])
        if line and found:
            mine = found[0] if kind == "ja4" or not out.get("hrr") else found[-1]
            if kind == "ja4":
                del found[0]
            out[kind], out[f"{kind}_r"] = mine
            if kind == "ja4s" and out.get("hrr"):
                dispute(out, kind, [p[0] for p in found], "HelloRetryRequest or ServerHello")
                dispute(out, f"{kind}_r", [p[1] for p in found], "HelloRetryRequest or ServerHello")
            elif kind == "ja4s":
                del found[0]
            sources.add(lab.python_package("ja4plus").replace(" ", "-"))
    for name, sender in (("certs", destination), ("client_certs", source)):
        chain = next((m["certs"] for m in messages if m["kind"] == "certificate" and m["from"] == sender and m["certs"]), [])
        if chain:
            out[name] = [certificate(bytes.fromhex(der)) for der in chain]
            sources.add("openssl-" + lab.version("openssl", "version"))
    out["source"] = sorted(sources)
    return out


@functools.cache
def certificate(der):
    """What `openssl x509` reads in a certificate."""
    def ask(*options):
        done = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", *options], input=der, capture_output=True)
        if done.returncode:
            raise RuntimeError(f"openssl x509: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode().splitlines()
    lines = ask("-subject", "-issuer", "-serial", "-dates", "-nameopt", "RFC2253,-esc_msb,utf8", "-dateopt", "iso_8601")
    fields = dict(line.split("=", 1) for line in lines)
    out = {"sha1": ask("-fingerprint", "-sha1")[0].split("=")[1].replace(":", "").lower(),
           "sha256": ask("-fingerprint", "-sha256")[0].split("=")[1].replace(":", "").lower(),
           "subject": fields["subject"], "issuer": fields["issuer"], "serial": fields["serial"].lower(),
           "not_before": fields["notBefore"].replace(" ", "T"), "not_after": fields["notAfter"].replace(" ", "T")}
    printed = ja4x(der)
    if printed:
        out["ja4x"] = printed
        other = printed
        for one, two in (EMPTY_HASHES, EMPTY_HASHES[::-1]):
            if one in printed:
                other = printed.replace(one, two)
        if other != printed:
            out["ja4x_disputed"] = [printed, other]
    return out


def contradictions(known, handshakes):
    """Where the tools' reading differs from what was known before."""
    if known.get("no_tls") or known.get("midstream") or known.get("no_hello"):
        return [f"holds {len(handshakes)} handshakes, not none"] if handshakes else []
    if not handshakes:
        return ["no handshake was found"]
    out = []
    if "connections" in known and known["connections"] != len(handshakes):
        out.append(f"{len(handshakes)} handshakes, not {known['connections']}")
    mine = [h for h in handshakes if known.get("sni") is None or h.get("sni") == known["sni"]
            or "sni" not in h] or handshakes[:1]
    for name in ("sni", "version", "cipher", "alpn", "hrr"):
        if name in known and known[name] is not None or name == "sni" and known.get(name, "") is None:
            for one in mine if name == "sni" else mine[:1]:
                if one.get("partial") == "no ClientHello" and name == "sni":
                    continue
                if one.get(name) != known[name]:
                    out.append(f"{name} is {one.get(name)!r}, was known to be {known[name]!r}")
    for name in ("certs", "client_certs"):
        if name in known and not known.get("resumed") and name not in known.get("unread", ()):
            read = [(c["serial"].lstrip("0"), c["not_before"], c["not_after"]) for c in mine[0].get(name, [])]
            made = [(c["serial"].lower().lstrip("0"), iso(c["not_before"]), iso(c["not_after"])) for c in known[name]]
            if read != made:
                out.append(f"{name} are {read}, were known to be {made}")
    return out


def iso(text):
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").strftime("%Y-%m-%dT%H:%M:%SZ")


JA4_PROGRAM = """
import json, sys
from scapy.all import PcapReader
from ja4plus.processor import Processor
for path in sys.argv[1:]:
    processor = Processor()
    for packet in PcapReader(path):
        results, _ = processor.process_packet_with_errors(packet)
        for r in results:
            if r.type in ("ja4", "ja4s"):
                print(json.dumps([path, r.type, r.src_ip, r.src_port, r.dst_ip, r.dst_port, r.fingerprint, r.raw]))
"""
JA4X_PROGRAM = """
import sys
from ja4plus.fingerprinters.ja4x import JA4XFingerprinter
for line in sys.stdin:
    print(JA4XFingerprinter().fingerprint_certificate(bytes.fromhex(line.strip())) or "", flush=True)
"""


def ja4_prints(paths):
    """Per capture: JA4 and JA4S by (kind, sender, receiver), in the order ja4plus gives them."""
    out = collections.defaultdict(lambda: collections.defaultdict(list))
    done = subprocess.run([lab.PYTHON, "-c", JA4_PROGRAM, *map(str, paths)], stdout=subprocess.PIPE, text=True,
                          timeout=900, check=True)
    for line in done.stdout.splitlines():
        path, kind, source, source_port, destination, destination_port, fingerprint, text = json.loads(line)
        ends = endpoint(source, source_port), endpoint(destination, destination_port)
        out[path][kind, *ends].append((fingerprint, text))
    return out


@functools.cache
def ja4x_program():
    program = subprocess.Popen([lab.PYTHON, "-c", JA4X_PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return program, threading.Lock()


@functools.cache
def ja4x(der):
    program, lock = ja4x_program()
    with lock:
        program.stdin.write(der.hex() + "\n")
        program.stdin.flush()
        return program.stdout.readline().strip()


def put(out, name, values):
    if values:
        out[name] = values[0]


def dispute(out, name, values, reason):
    values = list(dict.fromkeys(values))
    if len(values) > 1:
        out.setdefault("disputed", {})[name] = {"values": values, "reason": reason}


def endpoint(address, port):
    text = str(ipaddress.ip_address(address))
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


def innermost(layers):
    return "ip" if list(layers).index("ip") > list(layers).index("ipv6") else "ipv6"


def last(layers, name):
    found = layers.get(name)
    return found[-1] if isinstance(found, list) else found


def first(value):
    return value[0] if isinstance(value, list) else value


def raw(value):
    return (value[0] if isinstance(value, list) else value).replace(":", "")


def walk(tree, name):
    """All objects under the key `name`, at any depth, in order."""
    if isinstance(tree, list):
        for part in tree:
            yield from walk(part, name)
    elif isinstance(tree, dict):
        for key, part in tree.items():
            if key == name:
                yield from (p for p in (part if isinstance(part, list) else [part]) if isinstance(p, dict))
            else:
                yield from walk(part, name)


def collect(tree, name):
    """All values under the key `name`, at any depth; a `_raw` value is [hex, position, length, ...]."""
    out = []
    if isinstance(tree, list):
        for part in tree:
            out += collect(part, name)
    elif isinstance(tree, dict):
        for key, part in tree.items():
            if key == name:
                many = isinstance(part, list) and (not name.endswith("_raw") or isinstance(part[0], list))
                out += part if many else [part]
            elif isinstance(part, (dict, list)):
                out += collect(part, name)
    return out


if __name__ == "__main__":
    sys.exit(main())
