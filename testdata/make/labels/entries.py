"""From what was measured to the files that are kept: rules/labels/*.toml and the first packets behind them.

In: the records of measured.jsonl. Out: entries, those of several versions with the same hellos in one; a capture.
"""
import base64
import json
import re
import struct
import subprocess
import zlib

HEAD = """# {title}
# Written by testdata/make/labels/measure.py from what real software sent on a loopback; README.md says what the keys mean.
"""
# Ten times the time after which a flow is forgotten, so that a port may come again.
APART = 600
ETHERNET, TCP, UDP = 14, 6, 17
SYN, ACK = 0x02, 0x10


def write_entries(measured, folder):
    families = {}
    for record in measured.values():
        key = (record["family"], record["software"], record["setup"], record["library"], record["role"],
               record["specificity"], record["source_package"], record["how"],
               tuple(sorted(tuple(sorted((k, v or "") for k, v in h.items())) for h in record["hellos"])))
        families.setdefault(record["family"], {}).setdefault(key, []).append(record)
    folder.mkdir(parents=True, exist_ok=True)
    for family, groups in families.items():
        whole = HEAD.format(title=family.replace("_", " ").capitalize() + ".")
        ordered = sorted(groups.values(), key=lambda rs: (rs[0]["software"].lower(), natural(rs[0]["version"]), rs[0]["setup"] or ""))
        for records in ordered:
            whole += "\n" + entry(sorted(records, key=lambda r: natural(r["version"])))
        (folder / f"{family}.toml").write_text(whole, encoding="utf-8")


def entry(records):
    first = records[0]
    libraries = sorted({r["library_version"] for r in records if r["library_version"]}, key=natural)
    lines = ["[[label]]", pair("software", first["software"])]
    if first["setup"]:
        lines.append(pair("setup", first["setup"]))
    lines.append(f"versions = [{', '.join(quoted(v) for v in sorted({r['version'] for r in records}, key=natural))}]")
    if first["library"]:
        lines.append(pair("library", first["library"]))
        if libraries:
            lines.append(f"library_versions = [{', '.join(quoted(v) for v in libraries)}]")
    lines.append(pair("role", first["role"]))
    lines.append(pair("specificity", first["specificity"]))
    if first["source_package"]:
        lines.append(pair("package", first["source_package"]))
    lines.append(pair("source", "measured"))
    lines.append(f"date = {max(r['date'] for r in records)}")
    lines.append(pair("how", first["how"]))
    lines.append("hellos = [")
    order = {"name": 0, "resumed": 1, "address": 2}
    for hello in sorted(first["hellos"], key=lambda h: (order[h["form"]], h["ja4"], h["ja3n"])):
        parts = [f"{key} = {quoted(hello[key])}" for key in ("form", "ja4", "ja3", "ja3n", "stable") if hello[key]]
        lines.append(f"    {{ {', '.join(parts)} }},")
    lines.append("]")
    return "\n".join(lines) + "\n"


def pair(key, value):
    return f"{key} = {quoted(value)}"


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def natural(text):
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|[^\d]+", text or "")]


def first_packets(path, port, quic):
    """The client's SYN and hello, or its first datagrams, as hex."""
    kept, missing = [], None
    for packet in packets(path):
        found = client_payload(packet, port, UDP if quic else TCP)
        if found is None:
            if kept and quic and is_answer(packet, port):
                break
            continue
        flags, length = found
        if quic:
            kept.append(packet.hex())
        elif flags & SYN or length:
            kept.append(packet.hex())
            if length:
                if missing is None:
                    # To the end of the first record; what is no record (SSL 2.0) came in one piece.
                    head = packet[-length:][:5]
                    missing = 5 + int.from_bytes(head[3:], "big") if head[:1] == b"\x16" and len(head) == 5 else length
                missing -= length
                if missing <= 0:
                    break
    return kept


def packets(path):
    data = path.read_bytes()
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def client_payload(packet, port, protocol):
    if packet[12:14] != b"\x08\x00" or packet[ETHERNET + 9] != protocol:
        return None
    ip_length = (packet[ETHERNET] & 15) * 4
    total = struct.unpack_from(">H", packet, ETHERNET + 2)[0]
    at = ETHERNET + ip_length
    source, destination = struct.unpack_from(">HH", packet, at)
    if (source, destination) != (port, 443):
        return None
    if protocol == UDP:
        return 0, total - ip_length - 8
    return packet[at + 13], total - ip_length - (packet[at + 12] >> 4) * 4


def is_answer(packet, port):
    return packet[12:14] == b"\x08\x00" and struct.unpack_from(">H", packet, ETHERNET + (packet[ETHERNET] & 15) * 4 + 2)[0] == port


def write_expected(capture, target):
    """What other programs read in the capture: the JA3 of each hello as tshark has it, the JA4 as ja4plus has it."""
    from expect import ja4_prints
    done = subprocess.run(["tshark", "-n", "-r", capture, "-Y", "tls.handshake.type == 1", "-T", "fields", "-e",
                           "tls.handshake.ja3"], capture_output=True, text=True, check=True)
    ja3s = {word for line in done.stdout.splitlines() for word in line.split(",") if word}
    found = ja4_prints([capture])[str(capture)]
    ja4s = {print_ for (kind, *_), prints in found.items() if kind == "ja4" for print_, _ in prints}
    lines = [{"ja3": value} for value in sorted(ja3s)] + [{"ja4": value} for value in sorted(ja4s)]
    target.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def packed(connections):
    """Connections as text: the packets of each, deflated."""
    return base64.b64encode(zlib.compress(json.dumps([c for c in connections if c]).encode(), 9)).decode()


def write_hellos(measured, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    seconds = 1_700_000_000
    with open(target, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for name in sorted(measured):
            for connection in json.loads(zlib.decompress(base64.b64decode(measured[name]["packets"]))):
                seconds += APART
                for number, text in enumerate(connection):
                    packet = bytes.fromhex(text)
                    out.write(struct.pack("<IIII", seconds, number, len(packet), len(packet)) + packet)
