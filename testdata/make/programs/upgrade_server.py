"""Speaks a plain protocol up to its upgrade to TLS, then TLS: upgrade_server.py PROTOCOL PORT CHAIN KEY [TLS12|OLD]

PROTOCOL: smtp lmtp imap pop3 ftp xmpp postgres mysql ldap nntp sieve irc http | connect socks4 (4A too) socks5 (relays to 127.0.0.1)
"""
import socket
import socketserver
import ssl
import sys
import threading

protocol, port = sys.argv[1], int(sys.argv[2])
context = None
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    if sys.argv[5:] in (["TLS12"], ["OLD"]):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if sys.argv[5:] == ["OLD"]:
        context.set_ciphers("ALL:@SECLEVEL=0")

# Per protocol: greeting, then (what the client's line contains, the answer); an answer ending in None starts TLS.
TALK = {
    "smtp": (b"220 mail.site.test ESMTP\r\n", [(b"EHLO", b"250-mail.site.test\r\n250 STARTTLS\r\n"),
                                               (b"STARTTLS", b"220 go ahead\r\n", None)]),
    "lmtp": (b"220 mail.site.test LMTP\r\n", [(b"LHLO", b"250-mail.site.test\r\n250 STARTTLS\r\n"),
                                              (b"STARTTLS", b"220 go ahead\r\n", None)]),
    "imap": (b"* OK IMAP4rev1 ready\r\n", [(b"CAPABILITY", b"* CAPABILITY IMAP4rev1 STARTTLS\r\n%s OK done\r\n"),
                                           (b"STARTTLS", b"%s OK begin\r\n", None)]),
    "pop3": (b"+OK ready\r\n", [(b"CAPA", b"+OK\r\nSTLS\r\n.\r\n"), (b"STLS", b"+OK begin\r\n", None)]),
    "ftp": (b"220 ready\r\n", [(b"FEAT", b"211-Features\r\n AUTH TLS\r\n211 End\r\n"),
                               (b"AUTH TLS", b"234 begin\r\n", None)]),
    "nntp": (b"200 ready\r\n", [(b"CAPABILITIES", b"101 list\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n"),
                                (b"STARTTLS", b"382 begin\r\n", None)]),
    "sieve": (b'"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK\r\n', [(b"STARTTLS", b"OK begin\r\n", None)]),
    "irc": (b"", [(b"STARTTLS", b":irc.site.test 670 x :STARTTLS successful\r\n", None)]),
}
XMPP = (b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        b"from='site.test' id='1' version='1.0'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
        b"</stream:features>")
MYSQL = bytes([10]) + b"8.0.36\0" + (1).to_bytes(4, "little") + b"A" * 8 + b"\0" + \
    (0xFFFF).to_bytes(2, "little") + b"\x21" + (2).to_bytes(2, "little") + (0x0FFF).to_bytes(2, "little") + \
    bytes([21]) + b"\0" * 10 + b"B" * 12 + b"\0" + b"caching_sha2_password\0"


def line(sock):
    text = b""
    while not text.endswith(b"\n"):
        byte = sock.recv(1)
        if not byte:
            return text
        text += byte
    return text


def talk(sock):
    greeting, turns = TALK[protocol]
    sock.sendall(greeting)
    while text := line(sock):
        for word, answer, *then in turns:
            if word in text.upper():
                tag = text.split()[0]
                sock.sendall(answer.replace(b"%s", tag))
                if then:
                    return True
                break
        else:
            sock.sendall(b"500 no\r\n")
    return False


def relay(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    try:
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def join(sock, target_port):
    with socket.create_connection(("127.0.0.1", target_port)) as upstream:
        back = threading.Thread(target=relay, args=(upstream, sock))
        back.start()
        relay(sock, upstream)
        back.join(5)


class Session(socketserver.BaseRequestHandler):
    def handle(self):
        sock = self.request
        sock.settimeout(10)
        if protocol == "connect":
            target = line(sock).split()[1].rsplit(b":", 1)
            while line(sock).strip():
                pass
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return join(sock, int(target[1]))
        if protocol == "socks4":
            request = sock.recv(300)
            sock.sendall(b"\0\x5a" + request[2:4] + b"\x7f\0\0\1")
            return join(sock, int.from_bytes(request[2:4], "big"))
        if protocol == "socks5":
            sock.recv(2 + sock.recv(2, socket.MSG_PEEK)[1])
            sock.sendall(b"\x05\x00")
            request = sock.recv(300)
            sock.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            return join(sock, int.from_bytes(request[-2:], "big"))
        if protocol == "postgres":
            # GSSENCRequest comes first, if it comes.
            while sock.recv(8) == bytes.fromhex("00000008 04d21630"):
                sock.sendall(b"N")
            sock.sendall(b"S")
        elif protocol == "mysql":
            sock.sendall(len(MYSQL).to_bytes(3, "little") + b"\0" + MYSQL)
            head = sock.recv(4)
            sock.recv(int.from_bytes(head[:3], "little"))
        elif protocol == "xmpp":
            sock.recv(4096)
            sock.sendall(XMPP)
            sock.recv(4096)
            sock.sendall(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        elif protocol == "http":
            while line(sock).strip():
                pass
            sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.0, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n")
        elif protocol == "ldap":
            sock.recv(4096)
            sock.sendall(bytes.fromhex("300c02010178070a010004000400"))
        elif not talk(sock):
            return None
        with context.wrap_socket(sock, server_side=True) as tls:
            tls.settimeout(3)
            try:
                tls.sendall(b"250 in TLS\r\n")
                tls.recv(1000)
            except OSError:
                pass
        return None


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("127.0.0.1", port), Session).serve_forever()
