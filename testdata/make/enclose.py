"""Tunnels and link layers to put around the packets of an Ethernet capture, for reframe.rewrite.

In: a list of (seconds, microseconds, Ethernet frame with IPv4 or IPv6). Out: such a list. ENCLOSED names all forms: the
change, the link type, the version of IP that it wants inside, and what it is. Each form is written after its
specification; tshark reads all of them, some with the options of TOLD.
"""
import struct

from reframe import checksum, cut, each, ethernet, ipv4

IPV4, IPV6, GRE, UDP = 4, 41, 47, 17


def over(protocol, payload):
    return ethernet(0x0800, ipv4(protocol, payload))


def udp(port, payload, source=50000):
    return over(UDP, struct.pack(">HHHH", source, port, 8 + len(payload), 0) + payload)


def packet(frame):
    return frame[14:]


def kind(frame):
    return frame[12:14]


def vxlan(frame, vni=7):
    return udp(4789, struct.pack(">BBHI", 8, 0, 0, vni << 8) + frame)


def nsh(following, payload):
    """RFC 8300 with a fixed-length context of zeros."""
    return struct.pack(">BBBBI", 0x0F, 0xC6, 1, following, 9 << 8 | 255) + bytes(16) + payload


def gre(protocol, payload, flags=0, options=b""):
    return over(GRE, struct.pack(">HH", flags, protocol) + options + payload)


def pptp(packets):
    """Version 1 with a sequence number; each second packet acknowledges too."""
    out = []
    for number, (s, u, frame) in enumerate(packets):
        ppp = b"\xff\x03\x00\x21" + packet(frame)
        acknowledges = number % 2
        options = struct.pack(">HHI", len(ppp), 5, number) + (struct.pack(">I", number) if acknowledges else b"")
        out.append((s, u, gre(0x880B, ppp, 0x3081 if acknowledges else 0x3001, options)))
    return out


def erspan_iii(packets):
    """Every second packet with the platform's eight bytes, and with Ethernet's padding where it is short."""
    out = []
    for number, (s, u, frame) in enumerate(packets):
        optional = number % 2
        header = struct.pack(">HHIHH", 0x2000 | 5, 0x123, 1000 + number, 0, optional) + bytes(8 * optional)
        out.append((s, u, gre(0x22EB, header + frame, 0x1000, struct.pack(">I", number))))
    return out


def gtp(frame):
    """Sequence number, and an extension header with a PDU session container, as 5G has it."""
    inner = struct.pack(">HBB", 1, 0, 0x85) + bytes((1, 0x10, 9, 0)) + packet(frame)
    return udp(2152, struct.pack(">BBHI", 0x36, 0xFF, len(inner), 0x1234) + inner, 2152)


def l2tp2(packets):
    """Every second packet with length and sequence fields and compressed PPP headers."""
    out = []
    for number, (s, u, frame) in enumerate(packets):
        if number % 2:
            message = struct.pack(">HHHHHH", 0x4802, 13 + len(packet(frame)), 7, 9, number, 0) + b"\x21" + packet(frame)
        else:
            message = struct.pack(">HHH", 2, 7, 9) + b"\xff\x03\x00\x21" + packet(frame)
        out.append((s, u, udp(1701, message, 1701)))
    return out


def teredo(packets):
    """With an origin indication in every second packet; the addresses inside stay what they were."""
    origin = struct.pack(">HHI", 0, 50000 ^ 0xFFFF, 0xC0000201 ^ 0xFFFFFFFF)
    return [(s, u, udp(3544, (origin if n % 2 else b"") + packet(f), 50000)) for n, (s, u, f) in enumerate(packets)]


def labels(payload):
    return struct.pack(">II", 16 << 12 | 64, 17 << 12 | 1 << 8 | 64) + payload


def tunnelled_fragments(packets):
    """VXLAN packets in IPv4 fragments, themselves inside GRE."""
    return [(s, u, gre(0x0800, packet(piece)))
            for n, (s, u, frame) in enumerate(packets, 1) for piece in cut(vxlan(frame), n, 512)]


def fragments_in_fragments(packets):
    """The packets in fragments, each of these in VXLAN, and that in fragments."""
    out = []
    for number, (s, u, frame) in enumerate(packets, 1):
        for inner, piece in enumerate(cut(frame, number, 600)):
            out += [(s, u, outer) for outer in cut(vxlan(piece), number * 16 + inner, 400)]
    return out


def inside_and_outside(packets):
    """A tap on either side of the tunnel's end: each packet is there twice."""
    return [(s, u, copy) for s, u, frame in packets for copy in (frame, vxlan(frame))]


def dot11(frame, first=0x88, flags=1):
    """An 802.11 data frame with quality of service, to the access point."""
    addresses = b"\x02\0\0\0\0\x03" + frame[6:12] + frame[:6]
    qos = b"\0\0" if first & 0x80 else b""
    return struct.pack("<BBH", first, flags, 0) + addresses + b"\0\0" + qos + b"\xaa\xaa\x03\0\0\0" + kind(frame) + packet(frame)


def radiotap(frame):
    """Time, flags and rate; the check sequence is there, zero, at the end."""
    header = struct.pack("<BBHIQBB", 0, 0, 18, 0b111, 1, 0x10, 12)
    return header + dot11(frame) + bytes(4)


def radiotap_padded(frame):
    """As some drivers write it: the header is brought to a multiple of four bytes."""
    inner = dot11(frame)
    return struct.pack("<BBHIB", 0, 0, 9, 0b10, 0x20) + inner[:26] + b"\0\0" + inner[26:]


def pktap(frame):
    name = b"en0".ljust(24, b"\0")
    head = struct.pack("<III24sIIIIi20sIHHi20s", 0, 1, 1, name, 1, 2, 14, 0, 99, b"client".ljust(20, b"\0"), 0, 6, 0, 99,
                       b"client".ljust(20, b"\0"))
    return struct.pack("<I", len(head)) + head[4:] + frame


ETHERNET, DOT11, FRELAY, PRISM, RADIOTAP, AVS, PPI, PKTAP = 1, 105, 107, 119, 127, 163, 192, 258

# name: (change, link type, version of IP inside, what)
ENCLOSED = {
    "gre_key": (each(lambda f: gre(0x0800, packet(f), 0xB000, struct.pack(">HHII", 0, 0, 77, 1))), ETHERNET, 4,
                "GRE with checksum, key and sequence"),
    "pptp": (pptp, ETHERNET, 4, "PPTP: GRE version 1 with PPP"),
    "erspan_i": (each(lambda f: gre(0x88BE, f)), ETHERNET, 4, "ERSPAN type I"),
    "erspan_iii": (erspan_iii, ETHERNET, 4, "ERSPAN type III, half of it with the platform's subheader"),
    "wccp": (each(lambda f: gre(0x883E, b"\x01\0\0\0" + packet(f))), ETHERNET, 4, "GRE of WCCP with its redirect header"),
    "6in4": (each(lambda f: over(IPV6, packet(f))), ETHERNET, 6, "IPv6 in IPv4"),
    "teredo": (teredo, ETHERNET, 6, "Teredo, half of it with origin indications"),
    "etherip": (each(lambda f: over(97, b"\x30\0" + f)), ETHERNET, 4, "Ethernet in IP"),
    "gtp_u": (each(gtp), ETHERNET, 4, "GTP-U with a sequence number and an extension header"),
    "l2tp": (l2tp2, ETHERNET, 4, "L2TP with PPP, half of it with all fields and compressed PPP headers"),
    "l2tpv3": (each(lambda f: over(115, struct.pack(">II", 0x304, 0) + f)), ETHERNET, 4,
               "L2TPv3 over IP with Ethernet behind the default sublayer"),
    "vxlan_gpe_nsh": (each(lambda f: udp(4790, struct.pack(">BBBBI", 12, 0, 0, 4, 8 << 8) + nsh(3, f))), ETHERNET, 4,
                      "VXLAN-GPE with a network service header and Ethernet"),
    "nsh": (each(lambda f: ethernet(0x894F, nsh(1, packet(f)))), ETHERNET, 4, "network service header over Ethernet"),
    "mpls_udp": (each(lambda f: udp(6635, labels(packet(f)))), ETHERNET, 4, "MPLS in UDP"),
    "fou": (each(lambda f: udp(5555, packet(f))), ETHERNET, 4, "IPv4 directly in UDP"),
    "pseudowire": (each(lambda f: ethernet(0x8847, labels(bytes(4) + f))), ETHERNET, 4,
                   "MPLS pseudowire with a control word"),
    "pseudowire_bare": (each(lambda f: ethernet(0x8847, labels(b"\x02" + f[1:]))), ETHERNET, 4,
                        "MPLS pseudowire without a control word"),
    "provider_backbone": (each(lambda f: ethernet(0x88E7, struct.pack(">I", 1) + f)), ETHERNET, 4,
                          "IEEE 802.1ah: Ethernet in Ethernet"),
    "trill": (each(lambda f: ethernet(0x22F3, struct.pack(">HHH", 0x3F, 1, 2) + f)), ETHERNET, 4, "TRILL"),
    "nested_tunnels": (each(lambda f: gre(0x0800, ipv4(IPV4, packet(vxlan(f))))), ETHERNET, 4,
                       "VXLAN in IP in GRE"),
    "tunnel_fragments": (tunnelled_fragments, ETHERNET, 4, "VXLAN in IPv4 fragments of 512 bytes in GRE"),
    "fragments_in_fragments": (fragments_in_fragments, ETHERNET, 4,
                               "fragments inside VXLAN whose packets are fragments too"),
    "inside_and_outside": (inside_and_outside, ETHERNET, 4, "each packet plain and inside VXLAN"),
    "ieee80211": (each(dot11), DOT11, 4, "802.11 data frames"),
    "radiotap": (each(radiotap), RADIOTAP, 4, "802.11 with radiotap and a check sequence"),
    "radiotap_padded": (each(radiotap_padded), RADIOTAP, 4, "802.11 with radiotap, the header padded to four bytes"),
    "prism": (each(lambda f: struct.pack("<II136s", 0x44, 144, b"wlan0") + dot11(f, 0x08)), PRISM, 4,
              "802.11 with a Prism header"),
    "avs": (each(lambda f: struct.pack(">II56s", 0x80211001, 64, b"") + dot11(f)), AVS, 4, "802.11 with an AVS header"),
    "ppi": (each(lambda f: struct.pack("<BBHI", 0, 0, 8, DOT11) + dot11(f)), PPI, 4, "802.11 with a PPI header"),
    "frame_relay": (each(lambda f: b"\x18\x41\x03\xcc" + packet(f)), FRELAY, 4, "frame relay"),
    "pktap": (each(pktap), PKTAP, 4, "macOS' packets of all interfaces"),
}

# What tshark has to be told, since nothing in the packets says it.
TOLD = {
    "fou": ["-d", "udp.port==5555,ip"],
    "l2tpv3": ["-o", "l2tp.cookie_size:None", "-o", "l2tp.l2_specific:Default L2-Specific", "-d", "l2tp.pw_type==0,eth"],
    "pseudowire": ["-d", "mpls.label==17,pwethcw"],
    "pseudowire_bare": ["-d", "mpls.label==17,pwethnocw"],
}
