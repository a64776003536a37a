"""A server that speaks TDS up to the client's login: tds_server.py PORT CHAIN KEY [TLS12]

Answers PRELOGIN, shakes hands inside TDS packets, reads one login through TLS and closes.
"""
import socketserver
import ssl
import sys

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
if sys.argv[4:] == ["TLS12"]:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
PRELOGIN, RESPONSE, SIZE = 0x12, 0x04, 4096
# Options VERSION, ENCRYPTION (required) and MARS, the end, and their values: MS-TDS 2.2.6.5.
ANSWER = bytes([0, 0, 16, 0, 6, 1, 0, 22, 0, 1, 4, 0, 23, 0, 1, 255, 16, 0, 3, 232, 0, 0, 3, 0])


def whole(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def receive(sock):
    head = whole(sock, 8)
    return head[0], whole(sock, int.from_bytes(head[2:4], "big") - 8)


def send(sock, kind, body):
    for at in range(0, len(body), SIZE - 8):
        piece = body[at:at + SIZE - 8]
        last = at + len(piece) == len(body)
        sock.sendall(bytes([kind, int(last)]) + (len(piece) + 8).to_bytes(2, "big") + bytes([0, 0, 1, 0]) + piece)


class Session(socketserver.BaseRequestHandler):
    def handle(self):
        sock = self.request
        sock.settimeout(5)
        receive(sock)
        send(sock, RESPONSE, ANSWER)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                if outgoing.pending:
                    send(sock, PRELOGIN, outgoing.read())
                incoming.write(receive(sock)[1])
        if outgoing.pending:
            send(sock, PRELOGIN, outgoing.read())
        incoming.write(sock.recv(4096))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Session).serve_forever()
