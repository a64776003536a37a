"""Speaks a plain protocol up to its upgrade to TLS, then TLS: upgrade_client.py PROTOCOL PORT ROOT [ARGUMENT]

PROTOCOL: postgres-gssenc (GSSENCRequest before SSLRequest), postgres-direct (libpq, sslnegotiation=direct), tds (pytds),
http-upgrade (RFC 2817), smtp-ssl2-hello (a hello in SSL 2.0 form after STARTTLS, by nassl)
"""
import socket
import ssl
import sys

protocol, port, root = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def connect():
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def secure(sock, name="www.site.test"):
    context = ssl.create_default_context(cafile=root)
    with context.wrap_socket(sock, server_hostname=name) as tls:
        tls.settimeout(2)
        tls.sendall(b"bye\r\n")
        try:
            tls.recv(1000)
        except OSError:
            pass


if protocol == "postgres-gssenc":
    sock = connect()
    sock.sendall(bytes.fromhex("00000008 04d21630"))
    assert sock.recv(1) == b"N"
    sock.sendall(bytes.fromhex("00000008 04d2162f"))
    assert sock.recv(1) == b"S"
    secure(sock)
elif protocol == "postgres-direct":
    import psycopg
    try:
        psycopg.connect(host="www.site.test", hostaddr="127.0.0.1", port=port, user="x", dbname="x", sslmode="verify-full",
                        sslrootcert=root, sslnegotiation="direct", gssencmode="disable", connect_timeout=3)
    except psycopg.OperationalError as err:
        print(err)
elif protocol == "tds":
    import pytds
    try:
        pytds.connect("www.site.test", "master", "user", "password", port=port, cafile=root, validate_host=False,
                      login_timeout=3, timeout=3)
    except Exception as err:
        print(repr(err))
elif protocol == "http-upgrade":
    sock = connect()
    sock.sendall(b"OPTIONS * HTTP/1.1\r\nHost: www.site.test\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n")
    assert b" 101 " in sock.recv(4096)
    secure(sock)
elif protocol == "smtp-ssl2-hello":
    from nassl.legacy_ssl_client import LegacySslClient
    from nassl.ssl_client import OpenSslVerifyEnum, OpenSslVersionEnum
    sock = connect()
    sock.recv(1000)
    for command in (b"EHLO a.site.test\r\n", b"STARTTLS\r\n"):
        sock.sendall(command)
        sock.recv(1000)
    client = LegacySslClient(underlying_socket=sock, ssl_version=OpenSslVersionEnum.SSLV23,
                             ssl_verify=OpenSslVerifyEnum.NONE)
    client.set_cipher_list("ALL:SSLv2")
    client.do_handshake()
    client.write(b"QUIT\r\n")
