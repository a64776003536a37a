"""A TLS 1.2 server on tlslite-ng whose Diffie-Hellman group and key can be chosen: dh_server.py PORT CHAIN KEY PEM [reuse]

PEM: the group's parameters. With `reuse` every handshake has the same private key, as servers once had.
"""
import re
import socket
import subprocess
import sys

from tlslite import keyexchange
from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey

port, chain, key, group = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
numbers = re.findall(r":([0-9A-F]+)$", subprocess.run(
    ["openssl", "asn1parse", "-in", group], capture_output=True, text=True, check=True).stdout, re.M)
prime, generator = int(numbers[0], 16), int(numbers[1], 16)
if len(sys.argv) > 5:
    fixed = bytearray(range(1, 33))
    keyexchange.getRandomBytes = lambda count: (fixed * (count // 32 + 1))[:count]

certificates = X509CertChain()
certificates.parsePemList(open(chain, encoding="ascii").read())
private = parsePEMKey(open(key, encoding="ascii").read(), private=True)
settings = HandshakeSettings()
settings.maxVersion = (3, 3)
settings.keyExchangeNames = ["dhe_rsa"]
settings.dhParams = (generator, prime)
settings.dhGroups = []
settings.minKeySize = 512

listener = socket.create_server(("127.0.0.1", port))
while True:
    sock, _ = listener.accept()
    connection = TLSConnection(sock)
    try:
        connection.handshakeServer(certChain=certificates, privateKey=private, settings=settings)
        connection.recv(100)
        connection.send(b"ok\n")
        connection.close()
    except Exception as error:
        print(error, flush=True)
    sock.close()
