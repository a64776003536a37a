"""A TLS client on OpenSSL 1.0.2e (nassl's second library): legacy_client.py METHOD PORT [CIPHERS] [RENEGOTIATE]

METHOD: SSLV2 SSLV3 TLSV1 TLSV1_1 TLSV1_2 SSLV23; SSLV23 with SSL 2.0 ciphers sends the hello in SSL 2.0 form.
"""
import socket
import sys

from nassl.legacy_ssl_client import LegacySslClient
from nassl.ssl_client import OpenSslVerifyEnum, OpenSslVersionEnum

sock = socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=5)
client = LegacySslClient(underlying_socket=sock, ssl_version=OpenSslVersionEnum[sys.argv[1]],
                         ssl_verify=OpenSslVerifyEnum.NONE)
if len(sys.argv) > 3:
    client.set_cipher_list(sys.argv[3])
client.do_handshake()
if len(sys.argv) > 4:
    client.do_renegotiate()
client.write(b"GET / HTTP/1.0\r\n\r\n")
print(client.read(100))
