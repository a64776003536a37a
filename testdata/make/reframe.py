"""Puts the packets of an Ethernet/IPv4 pcap into another link layer, tunnel or order.

In: a microsecond pcap of whole Ethernet frames with IPv4 and TCP. Out: another pcap. A change is a function from the
list of (seconds, microseconds, frame) to such a list; more of them stand in enclose.py. Checksums of the outer headers
are right; inner bytes stay.
"""
import struct

HEADER = struct.Struct("<IHHiIII")
PACKET = struct.Struct("<IIII")


def rewrite(source, target, change, link=1):
    data = source.read_bytes()
    packets, at = [], HEADER.size
    while at < len(data):
        seconds, micros, kept, _ = PACKET.unpack_from(data, at)
        at += PACKET.size
        packets.append((seconds, micros, data[at:at + kept]))
        at += kept
    with open(target, "wb") as out:
        out.write(HEADER.pack(0xA1B2C3D4, 2, 4, 0, 0, 262144, link))
        for seconds, micros, frame in change(packets):
            out.write(PACKET.pack(seconds, micros, len(frame), len(frame)) + frame)


def each(wrap):
    def change(packets):
        return [(s, u, wrap(frame)) for s, u, frame in packets]
    return change


def checksum(header):
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(protocol, payload, source="192.0.2.1", destination="192.0.2.2"):
    addresses = bytes(int(p) for a in (source, destination) for p in a.split("."))
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0) + addresses
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + payload


def ethernet(kind, payload):
    return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + struct.pack(">H", kind) + payload


vlan = each(lambda f: f[:12] + struct.pack(">HH", 0x8100, 5) + f[12:])
qinq = each(lambda f: f[:12] + struct.pack(">HHHH", 0x88A8, 6, 0x8100, 5) + f[12:])
pppoe = each(lambda f: f[:12] + struct.pack(">HBBHHH", 0x8864, 0x11, 0, 77, len(f) - 12, 0x0021) + f[14:])
mpls = each(lambda f: f[:12] + struct.pack(">HII", 0x8847, (16 << 12) | 64, (17 << 12) | (1 << 8) | 64) + f[14:])
gre = each(lambda f: ethernet(0x0800, ipv4(47, struct.pack(">HH", 0, 0x0800) + f[14:])))
ipip = each(lambda f: ethernet(0x0800, ipv4(4, f[14:])))
ipv4_in_ipv6 = each(lambda f: ethernet(0x86DD, struct.pack(">IHBB", 6 << 28, len(f) - 14, 4, 64)
                                       + bytes.fromhex("20010db8000000000000000000000001")
                                       + bytes.fromhex("20010db8000000000000000000000002") + f[14:]))
geneve = each(lambda f: ethernet(0x0800, ipv4(17, struct.pack(">HHHH", 50000, 6081, 16 + len(f), 0)
                                              + struct.pack(">BBHI", 0, 0, 0x6558, 9 << 8) + f)))


def cut(frame, number, size=256):
    """The IPv4 fragments of one Ethernet frame."""
    payload = frame[34:]
    pieces = []
    for at in range(0, len(payload), size):
        part = payload[at:at + size]
        more = 0x2000 if at + size < len(payload) else 0
        head = bytearray(frame[14:34])
        head[2:8] = struct.pack(">HHH", 20 + len(part), number, more | at // 8)
        head[10:12] = b"\0\0"
        head[10:12] = struct.pack(">H", checksum(bytes(head)))
        pieces.append(frame[:14] + bytes(head) + part)
    return pieces


def fragments(packets):
    return [(s, u, piece) for n, (s, u, frame) in enumerate(packets, 1) for piece in cut(frame, n)]


def fragments_reversed(packets):
    return [(s, u, piece) for n, (s, u, frame) in enumerate(packets, 1) for piece in reversed(cut(frame, n))]


def split(packets, size):
    """The same bytes in TCP segments of at most `size` bytes."""
    out = []
    for s, u, frame in packets:
        offset = 34 + (frame[46] >> 4) * 4
        payload = frame[offset:14 + int.from_bytes(frame[16:18], "big")]
        for at in range(0, len(payload) or 1, size):
            out.append((s, u, segment(frame, offset, at, payload[at:at + size])))
    return out


def segment(frame, offset, ahead, payload):
    """`frame` with `payload` in place of its own, `ahead` bytes later in the stream; checksums made new."""
    head = bytearray(frame[:offset])
    head[16:18] = struct.pack(">H", offset - 14 + len(payload))
    head[24:26] = b"\0\0"
    head[24:26] = struct.pack(">H", checksum(bytes(head[14:34])))
    head[38:42] = struct.pack(">I", int.from_bytes(frame[38:42], "big") + ahead & 0xFFFFFFFF)
    head[50:52] = b"\0\0"
    tcp = bytes(head[34:]) + payload
    pseudo = bytes(head[26:34]) + struct.pack(">HH", 6, len(tcp))
    head[50:52] = struct.pack(">H", checksum(pseudo + tcp + b"\0" * (len(tcp) % 2)))
    return bytes(head) + payload


def out_of_order(packets):
    """Segments of 200 bytes; every two neighbours with data in the same direction change places."""
    out = split(packets, 200)
    at = 0
    while at + 1 < len(out):
        one, two = out[at], out[at + 1]
        if len(one[2]) > 100 and len(two[2]) > 100 and one[2][34:38] == two[2][34:38]:
            out[at], out[at + 1] = (*one[:2], two[2]), (*two[:2], one[2])
            at += 1
        at += 1
    return out


def retransmitted(packets):
    """Segments of 300 bytes, then the same data again in segments of 170 bytes: overlaps with equal bytes."""
    out = []
    for packet in packets:
        out += split([packet], 300)
        if len(packet[2]) > 100:
            out += split([packet], 170)
    return out


def datagrams(change):
    """Gives each UDP payload another content; `change` is a function from bytes to bytes."""
    def again(packets):
        out = []
        for s, u, frame in packets:
            payload = change(frame[42:38 + int.from_bytes(frame[38:40], "big")])
            head = bytearray(frame[:42])
            head[16:18] = struct.pack(">H", 28 + len(payload))
            head[24:26] = b"\0\0"
            head[24:26] = struct.pack(">H", checksum(bytes(head[14:34])))
            # A checksum of 0 is none.
            head[38:42] = struct.pack(">HH", 8 + len(payload), 0)
            out.append((s, u, bytes(head) + payload))
        return out
    return again


def dtls_records(datagram):
    while datagram:
        end = 13 + int.from_bytes(datagram[11:13], "big")
        yield datagram[:end]
        datagram = datagram[end:]


def bad_version(datagram):
    """DTLS 1.0 as OpenSSL had it before its publication (DTLS1_BAD_VER): version 0x0100, a longer ChangeCipherSpec."""
    out = b""
    for record in dtls_records(datagram):
        kind, epoch, body = record[0], record[3:5], record[13:]
        if epoch == b"\0\0" and kind == 20:
            body += b"\0\2"
        if epoch == b"\0\0" and kind == 22 and body[0] in (1, 2, 3) and body[6:9] == b"\0\0\0":
            body = body[:12] + b"\x01\0" + body[14:]
        out += record[:1] + b"\x01\0" + record[3:11] + struct.pack(">H", len(body)) + body
    return out


capwap = datagrams(lambda payload: b"\x01\0\0\0" + payload)
anyconnect = datagrams(bad_version)
