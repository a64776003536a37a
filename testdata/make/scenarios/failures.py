"""Handshakes that fail: refused certificates, versions, suites and names; broken connections; no TLS at all."""
import socket
import threading

import servers
from lab import PROGRAMS, PYTHON, Note, openssl, python_package, python_ssl, version
from scenarios import scenario
from scenarios.clients import curl, gnutls_cli
from scenarios.handshakes import s_client


def refused(name, leaf, what, alert):
    """curl, which checks certificates, gives up with an alert."""
    def make(lab, name):
        certificate = leaf(lab.pki)
        started = servers.s_server(lab, certificate, "-tls1_2")
        note = Note(what, "", started, {"sni": "www.site.test", "version": "0x0303", "alert": alert,
                                        "certs": [certificate.known()]})
        with lab.capture(f"{name}.pcap", note):
            note.client = curl(lab)
    scenario(name)(make)


refused("alert_unknown_ca", lambda pki: pki.leaf(issuer=pki.issue("/CN=Unknown Root", serial="99")),
        "client does not know the authority", "client fatal unknown_ca(48)")
refused("alert_certificate_expired", lambda pki: pki.leaf(validity=("20150101000000Z", "20160101000000Z")),
        "client refuses an expired certificate", "client fatal certificate_expired(45)")
refused("alert_self_signed", lambda pki: pki.self_signed(), "client refuses a self-signed certificate",
        "client fatal unknown_ca(48)")


def failing(name, client_options, server_options, what, alert, host="site.test"):
    def make(lab, name):
        started = servers.s_server(lab, lab.pki.leaf(), *server_options.split())
        note = Note(f"{what}: s_client {client_options}; s_server {server_options}", "", started,
                    {"sni": host, "alert": alert})
        with lab.capture(f"{name}.pcap", note):
            note.client = s_client(lab, *client_options.split(), name=host, timeout=4)
    scenario(name)(make)


failing("alert_protocol_version", "-tls1_2", "-tls1_3", "no common version", "server fatal protocol_version(70)")
failing("alert_protocol_version_tls11", "-tls1_1 -cipher ALL:@SECLEVEL=0", "-tls1_3", "no common version",
        "server fatal protocol_version(70)")
failing("alert_no_shared_cipher", "-tls1_2 -cipher AES128-SHA", "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384",
        "no common suite", "server fatal handshake_failure(40)")
failing("alert_no_shared_group", "-tls1_3 -groups X25519", "-tls1_3 -groups P-384", "no common group",
        "server fatal handshake_failure(40)")
failing("alert_no_application_protocol", "-tls1_2 -alpn one", "-tls1_2 -alpn two", "no common ALPN protocol",
        "server fatal no_application_protocol(120)")
failing("alert_inappropriate_fallback", "-tls1_1 -cipher ALL:@SECLEVEL=0 -fallback_scsv", "-cipher ALL:@SECLEVEL=0",
        "fallback detected by the server", "server fatal inappropriate_fallback(86)")


@scenario("alert_unrecognized_name")
def _(lab, name):
    other = lab.pki.leaf("/CN=other.test", names=("other.test",))
    started = servers.s_server(lab, lab.pki.leaf(), "-tls1_2", "-servername", "other.test", "-servername_fatal",
                               "-cert2", other.pem, "-key2", other.key)
    note = Note("the server has no such name and says so", "", started,
                {"sni": "wrong.test", "alert": "server fatal unrecognized_name(112)"})
    with lab.capture(f"{name}.pcap", note):
        note.client = s_client(lab, "-tls1_2", name="wrong.test")


@scenario("alert_nginx_rejects_handshake")
def _(lab, name):
    started = servers.nginx(lab, lab.pki.leaf(), extra="ssl_reject_handshake on;")
    note = Note("nginx with ssl_reject_handshake", "", started,
                {"sni": "www.site.test", "alert": "server fatal unrecognized_name(112)"})
    with lab.capture(f"{name}.pcap", note):
        note.client = curl(lab)


@scenario("alert_client_certificate_missing")
def _(lab, name):
    started = servers.s_server(lab, lab.pki.leaf(), "-tls1_2", "-Verify", "1")
    note = Note("the server insists on a client certificate, the client has none", "", started,
                {"sni": "site.test", "version": "0x0303", "alert": "server fatal handshake_failure(40)"})
    with lab.capture(f"{name}.pcap", note):
        note.client = s_client(lab, "-tls1_2")


@scenario("alert_gnutls_no_common_version")
def _(lab, name):
    started = servers.gnutls_serv(lab, lab.pki.leaf(), "NORMAL:-VERS-ALL:+VERS-TLS1.3")
    note = Note("GnuTLS on both sides, no common version", "", started,
                {"sni": "www.site.test", "alert": "server fatal handshake_failure(40)"})
    with lab.capture(f"{name}.pcap", note):
        note.client = gnutls_cli(lab, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2")


def shaped(name, shape, what, known=None):
    def make(lab, name):
        leaf = lab.pki.leaf()
        started = servers.s_server(lab, leaf, "-tls1_2")
        note = Note(what, python_ssl(), started, known if known is not None else {"sni": "site.test"})
        with lab.capture(f"{name}.pcap", note):
            lab.run([PYTHON, PROGRAMS / "hello_shaper.py", shape, 443, "site.test", lab.pki.root.pem])
    scenario(name)(make)


shaped("client_leaves_after_hello", "hello-only", "the client sends its hello and closes")
shaped("client_leaves_inside_hello", "half-hello", "the client closes after half of its hello", {"no_hello": True})
shaped("client_resets_after_hello", "reset", "the client sends its hello and resets the connection")


def one_answer(answer, port=443, reset=False):
    """A listener that reads once, says `answer` and closes (or resets)."""
    listener = socket.create_server(("127.0.0.1", port))

    def serve():
        sock, _ = listener.accept()
        sock.recv(4096)
        if answer:
            sock.sendall(answer)
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        listener.close()
    threading.Thread(target=serve, daemon=True).start()


def not_tls(name, answer, what, reset=False, **known):
    def make(lab, name):
        one_answer(answer, reset=reset)
        note = Note(what, "", "Python socket", {"sni": "www.site.test", **known})
        with lab.capture(f"{name}.pcap", note):
            note.client = curl(lab)
    scenario(name)(make)


not_tls("server_resets_after_hello", b"", "the server resets the connection after the hello", reset=True)
not_tls("server_closes_after_hello", b"", "the server closes the connection after the hello")
not_tls("server_answers_plain_http", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        "the server answers a TLS hello with plain HTTP")
not_tls("server_answers_garbage", bytes(range(256)) * 4, "the server answers a TLS hello with bytes that mean nothing")
not_tls("server_answers_bare_alert", b"\x15\x03\x01\x00\x02\x02\x28", "the server answers with handshake_failure",
        alert="server fatal handshake_failure(40)")


@scenario("connection_refused")
def _(lab, name):
    note = Note("nothing listens: SYN and RST only", "", "none", {"no_tls": True})
    with lab.capture(f"{name}.pcap", note):
        note.client = curl(lab)


@scenario("plain_http")
def _(lab, name):
    started = servers.nginx(lab, lab.pki.leaf())
    note = Note("plain HTTP on port 80", "", started, {"no_tls": True})
    with lab.capture(f"{name}.pcap", note, filter="tcp port 80"):
        note.client = curl(lab, url="http://www.site.test/")


@scenario("plain_http_on_443")
def _(lab, name):
    started = servers.nginx(lab, lab.pki.leaf())
    note = Note("plain HTTP to a TLS port; nginx answers in plain HTTP", "", started, {"no_tls": True})
    with lab.capture(f"{name}.pcap", note):
        note.client = curl(lab, url="http://www.site.test:443/")


@scenario("ssh_session")
def _(lab, name):
    library = python_package("asyncssh")
    lab.start([PYTHON, PROGRAMS / "ssh_server.py", 22], 22)
    note = Note("an SSH session", "OpenSSH " + version("ssh", "-V"), library, {"no_tls": True})
    with lab.capture(f"{name}.pcap", note, filter="tcp port 22"):
        lab.run(["ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-F", "none",
                 "nobody@127.0.0.1", "true"])


@scenario("ssh_on_443")
def _(lab, name):
    library = python_package("asyncssh")
    lab.start([PYTHON, PROGRAMS / "ssh_server.py", 443], 443)
    note = Note("an SSH session on the HTTPS port", "OpenSSH " + version("ssh", "-V"), library, {"no_tls": True})
    with lab.capture(f"{name}.pcap", note):
        lab.run(["ssh", "-p", "443", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-F", "none",
                 "nobody@127.0.0.1", "true"])


@scenario("s_client_to_http_server")
def _(lab, name):
    started = servers.nginx(lab, lab.pki.leaf())
    note = Note("a TLS hello sent to a plain HTTP port", f"openssl s_client, {openssl()}", started,
                {"sni": "site.test", "port": 80})
    with lab.capture(f"{name}.pcap", note, filter="tcp port 80"):
        s_client(lab, port=80)
