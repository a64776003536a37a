"""A TLS client whose ClientHello leaves in a chosen shape: hello_shaper.py SHAPE PORT NAME CA_FILE

records:N    the hello message is cut into TLS records of N bytes
segments:N   each N bytes of the hello are a TCP segment of their own
mss:N        the socket asks for a maximum segment size of N
from:N       the socket's own port is N
hello-only   the hello is sent, then the connection is closed
half-hello   half of the hello is sent, then the connection is closed
reset        the hello is sent, then the connection is reset
wait:FILE    connects, then waits for FILE to exist before the first request
"""
import os
import socket
import ssl
import struct
import sys
import time

shape, port, name, ca = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
kind, _, amount = shape.partition(":")

sock = socket.socket()
sock.settimeout(10)
if kind == "mss":
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, int(amount))
if kind == "from":
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", int(amount)))
sock.connect(("127.0.0.1", port))
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols(["h2", "http/1.1"])
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing, server_hostname=name)


def pump(action):
    """Do `action` on the TLS object, carrying bytes both ways until it is done."""
    while True:
        try:
            result = action()
        except ssl.SSLWantReadError:
            result = None
            done = False
        else:
            done = True
        pending = outgoing.read()
        if pending:
            sock.sendall(pending)
        if done:
            return result
        data = sock.recv(16384)
        if data:
            incoming.write(data)
        else:
            incoming.write_eof()


try:
    tls.do_handshake()
except ssl.SSLWantReadError:
    hello = outgoing.read()

if kind == "records":
    body, step = hello[5:], int(amount)
    pieces = [body[i:i + step] for i in range(0, len(body), step)]
    sock.sendall(b"".join(hello[:3] + struct.pack(">H", len(p)) + p for p in pieces))
elif kind == "segments":
    for i in range(0, len(hello), int(amount)):
        sock.sendall(hello[i:i + int(amount)])
        time.sleep(0.01)
elif kind == "half-hello":
    sock.sendall(hello[:len(hello) // 2])
else:
    sock.sendall(hello)

if kind in ("hello-only", "half-hello"):
    sock.shutdown(socket.SHUT_WR)
    time.sleep(0.3)
    sys.exit()
if kind == "reset":
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    sys.exit()

pump(tls.do_handshake)
if kind == "wait":
    deadline = time.monotonic() + 20
    while not os.path.exists(amount) and time.monotonic() < deadline:
        time.sleep(0.05)
pump(lambda: tls.write(b"GET / HTTP/1.0\r\nHost: site.test\r\n\r\n"))
print(len(pump(lambda: tls.read(65536))))
