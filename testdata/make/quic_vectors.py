"""Writes testdata/vectors/quic.json: datagrams of each version of QUIC, and what other programs read in them.

The packets of RFC 9001 and RFC 9369, appendix A, and of draft 29 are built from the plaintext that is printed there, and
must come out as printed. The others are the same hello under the keys of other versions; tshark must read the name in it.
Uses the `cryptography` package and tshark.
"""
import hashlib
import hmac
import json
import pathlib
import struct
import subprocess
import tempfile

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

OUT = pathlib.Path(__file__).parent.parent / "vectors" / "quic.json"
DCID = bytes.fromhex("8394c8f03e515708")
SERVER_SCID = bytes.fromhex("f067a5502a4262b5")

# RFC 9001, appendix A.2 and A.3.
HELLO = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c0"
    "00000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e0005000501"
    "00000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304"
    "000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07"
    "048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff")
ANSWER = bytes.fromhex(
    "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a12001301000"
    "02e00330024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00020304")
# draft-ietf-quic-tls-29, appendix A.2 and A.3.
HELLO_29 = bytes.fromhex(
    "060040c4010000c003036660261ff947cea49cce6cfad687f457cf1b14531ba14131a0e8f309a1d0b9c4000006130113031302010000"
    "910000000b0009000006736572766572ff01000100000a00140012001d0017001800190100010101020103010400230000003300260"
    "024001d00204cfdfcd178b784bf328cae793b136f2aedce005ff183d7bb1495207236647037002b0003020304000d0020001e040305"
    "030603020308040805080604010501060102010402050206020202002d00020101001c00024001")
ANSWER_29 = bytes.fromhex(
    "0d0000000018410a020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a12001301000"
    "02e00330024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00020304")

V1, V2 = 1, 0x6B3343CF
SALTS = {
    "38762cf7f55934b34d179ae6a4c80cadccbb7f0a": [V1, 0xFF000021, 0xFF000022],
    "0dede3def700a6db819381be6e269dcbf9bd2ed9": [V2],
    "afbfec289993d24c9e9786f19c6111e04390a899": [0xFF00001D, 0xFF00001E, 0xFF00001F, 0xFF000020],
    "c3eef712c72ebb5a11a7d2432bb46365bef9f502": [0xFF000017, 0xFF000018, 0xFF000019, 0xFF00001A, 0xFF00001B, 0xFF00001C,
                                                 0xFACEB002, 0xFACEB00E],
    "7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a": [0xFF000016, 0xFACEB001],
    "7ff579e5acd072915580304c43a2367c60488310": [0x54303530],
    "7a4edef4e7ccee5fa4506c19124fc8ccda6e033d": [0x54303531],
}
# mvfst's alias of version 1, which tshark 4.0.17 does not know.
ALIAS = 0xFACEB003


def expand(secret, label, length):
    label = b"tls13 " + label
    info = struct.pack("!HB", length, len(label)) + label + b"\0"
    return hmac.new(secret, info + b"\1", hashlib.sha256).digest()[:length]


def seal(version, side, header, number_length, payload):
    salt = next((bytes.fromhex(salt) for salt, versions in SALTS.items() if version in versions), None)
    salt = salt or bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
    prefix = b"quicv2 " if version == V2 else b"quic "
    secret = expand(hmac.new(salt, DCID, hashlib.sha256).digest(), side, 32)
    key, iv, hp = (expand(secret, prefix + name, size) for name, size in [(b"key", 16), (b"iv", 12), (b"hp", 16)])
    number = header[-number_length:]
    nonce = (int.from_bytes(iv, "big") ^ int.from_bytes(number, "big")).to_bytes(12, "big")
    sealed = AESGCM(key).encrypt(nonce, payload, header)
    sample = (number + sealed)[4:20]
    mask = Cipher(algorithms.AES(hp), modes.ECB()).encryptor().update(sample)
    first = header[0] ^ mask[0] & 15
    number = bytes(a ^ b for a, b in zip(number, mask[1:]))
    return bytes([first]) + header[1:-number_length] + number + sealed


def client(version, crypto, gquic=False):
    if gquic:
        crypto = b"\x08" + crypto[1:]
    payload = crypto.ljust(1162, b"\0")
    first = 0xD3 if version == V2 else 0xC3
    header = bytes([first]) + version.to_bytes(4, "big") + b"\x08" + DCID + bytes.fromhex("0000449e00000002")
    return seal(version, b"client in", header, 4, payload)


def server(version, payload):
    first = 0xD1 if version == V2 else 0xC1
    length = (0x4000 + 2 + len(payload) + 16).to_bytes(2, "big")
    header = bytes([first]) + version.to_bytes(4, "big") + b"\x00\x08" + SERVER_SCID + b"\x00" + length + b"\0\1"
    return seal(version, b"server in", header, 2, payload)


def printed(datagram, start, end):
    assert datagram.hex().startswith(start) and datagram.hex().endswith(end), datagram.hex()
    return datagram


def read_by_tshark(datagram):
    with tempfile.TemporaryDirectory() as folder:
        dump = "0000 " + " ".join(f"{byte:02x}" for byte in datagram) + "\n"
        subprocess.run(["text2pcap", "-q", "-u", "40000,443", "-", f"{folder}/it.pcap"], input=dump.encode(), check=True)
        out = subprocess.run(["tshark", "-r", f"{folder}/it.pcap", "-d", "udp.port==443,quic", "-T", "fields", "-e",
                              "tls.handshake.extensions_server_name"], capture_output=True, text=True, check=True)
        return out.stdout.strip()


def vector(name, source, datagrams, told, facts):
    return {"name": name, "source": source,
            "datagrams": [{"from": sender, "hex": datagram.hex()} for sender, datagram in datagrams],
            "told": told, "facts": {"client_initial_dcid": DCID.hex(), "client_scid": "", **facts}}


def main():
    vectors = []
    for name, version, source, hello, answer, site, retry in [
        ("version 1", V1, "RFC 9001, appendix A",
         printed(client(V1, HELLO), "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
                 "e221af44860018ab0856972e194cd934"),
         printed(server(V1, ANSWER), "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a",
                 "2158407dd074ee"),
         "example.com", "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba"),
        ("version 2", V2, "RFC 9369, appendix A",
         printed(client(V2, HELLO), "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
                 "a18b2faa745b6fe189cf772a9f84cbfc"),
         printed(server(V2, ANSWER), "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698",
                 "4bed8521e2e140"),
         "example.com", "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6"),
        ("draft 29", 0xFF00001D, "draft-ietf-quic-tls-29, appendix A",
         printed(client(0xFF00001D, HELLO_29), "c5ff00001d088394c8f03e5157080000449e4a95245bfb66bc5f93032b7ddd89",
                 "43b1ca70a2d8d3f725ead1391377dcc0"),
         printed(server(0xFF00001D, ANSWER_29), "caff00001d0008f067a5502a4262b5004074aaf2f007823a5d3a1207c86ee491",
                 "dfc7a40870e6"),
         "server", "ffff00001d0008f067a5502a4262b5746f6b656ed16926d81f6f9ca2953a8aa4575e1e49"),
    ]:
        number = f"{version:#010x}"
        # The frames in the answer of draft 29 have the numbers of draft 18: it can be opened, and no more.
        told = [] if version == 0xFF00001D else ["server: ServerHello 0x0304 0x1301"]
        vectors.append(vector(name, source, [("client", hello), ("server", answer)],
                              [f"client: ClientHello {site}", *told],
                              {"version": number, "server_scid": SERVER_SCID.hex(), "retry": False}))
        retry = bytes.fromhex(retry)
        vectors.append(vector(f"{name}, Retry", source, [("client", hello), ("server", retry)],
                              [f"client: ClientHello {site}"], {"version": number, "retry": True}))
        forged = retry[:-1] + bytes([retry[-1] ^ 1])
        vectors.append(vector(f"{name}, a Retry with another tag", "RFC 9001, section 5.8",
                              [("client", hello), ("server", forged)], [f"client: ClientHello {site}"],
                              {"version": number, "retry": False}))
    for version in sorted(number for numbers in SALTS.values() for number in numbers):
        datagram = client(version, HELLO, gquic=version >> 24 == 0x54)
        site = read_by_tshark(datagram)
        assert site == "example.com", f"{version:#010x}: {site}"
        vectors.append(vector(f"the hello of RFC 9001 in {version:#010x}", "read by tshark 4.0.17",
                              [("client", datagram)], ["client: ClientHello example.com"],
                              {"version": f"{version:#010x}"}))
    vectors.append(vector("the hello of RFC 9001 under mvfst's alias of version 1", "mvfst, QuicConstants.h: QUIC_V1_ALIAS",
                          [("client", client(ALIAS, HELLO))], ["client: ClientHello example.com"],
                          {"version": f"{ALIAS:#010x}"}))
    rows = ",\n    ".join(json.dumps(row) for row in vectors)
    about = ("Datagrams of one connection, and what is in them. `told`: the handshake messages. `facts`: what the headers "
             "say. Written by make/quic_vectors.py.")
    OUT.write_text(f'{{\n  "method": "QUIC",\n  "about": {json.dumps(about)},\n  "vectors": [\n    {rows}\n  ]\n}}\n')
    print(f"{len(vectors)} vectors")


main()
