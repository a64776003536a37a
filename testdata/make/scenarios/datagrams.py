"""Handshakes over UDP: DTLS 1.0 and 1.2; QUIC version 1, version 2 and draft 29."""
import base64
import hashlib
import subprocess

import reframe
import servers
from lab import PROGRAMS, PYTHON, Note, Skip, openssl, python_package, version
from scenarios import scenario

DTLS = {
    "dtls12_openssl": ("-dtls1_2", "-dtls1_2", "DTLS 1.2", {"version": "0xfefd"}),
    "dtls10_openssl": ("-dtls1 -cipher ALL:@SECLEVEL=0", "-dtls1 -cipher ALL:@SECLEVEL=0", "DTLS 1.0",
                       {"version": "0xfeff"}),
    "dtls12_fragmented": ("-dtls1_2 -mtu 256", "-dtls1_2 -mtu 256", "DTLS 1.2, messages cut into fragments",
                          {"version": "0xfefd"}),
    "dtls12_hello_verify": ("-dtls1_2", "-dtls1_2 -listen", "DTLS 1.2 with HelloVerifyRequest", {"version": "0xfefd"}),
    "dtls12_null_cipher": ("-dtls1_2 -cipher NULL-SHA256@SECLEVEL=0", "-dtls1_2 -cipher NULL-SHA256@SECLEVEL=0",
                           "DTLS 1.2 with a NULL cipher", {"version": "0xfefd", "cipher": "0x003b"}),
    "dtls12_srtp": ("-dtls1_2 -use_srtp SRTP_AES128_CM_SHA1_80", "-dtls1_2 -use_srtp SRTP_AES128_CM_SHA1_80",
                    "DTLS 1.2 with use_srtp, as in WebRTC", {"version": "0xfefd"}),
}


def dtls(client, server, what, known):
    def make(lab, name):
        leaf = lab.pki.leaf()
        started = servers.s_server(lab, leaf, *server.split(), port=4433, udp=True)
        note = Note(f"{what}: s_client {client}; s_server {server}", f"openssl s_client, {openssl()}", started,
                    {"sni": "site.test", "certs": [leaf.known()], **known})
        with lab.capture(f"{name}.pcap", note, filter="udp port 4433"):
            lab.run(["openssl", "s_client", "-connect", "127.0.0.1:4433", "-servername", "site.test", "-CAfile",
                     lab.pki.root.pem, *client.split()], b"hello\n", timeout=4)
    return make


for name_, row in DTLS.items():
    scenario(name_)(dtls(*row))


def gnutls(name, what, client=(), server=(), client_certificate=False):
    @scenario(name)
    def make(lab, name):
        leaf = lab.pki.leaf()
        known = {"sni": "www.site.test", "version": "0xfefd", "certs": [leaf.known()]}
        own, wanted = [], []
        if client_certificate:
            mine = lab.pki.leaf("/O=Capture Test/CN=client", names=("client.site.test",), usage="clientAuth")
            known["client_certs"] = [mine.known()]
            own = [f"--x509certfile={mine.chain}", f"--x509keyfile={mine.key}"]
            wanted = [f"--x509cafile={lab.pki.root.pem}", "--require-client-cert"]
        started = servers.gnutls_serv(lab, leaf, "NORMAL", *server, *wanted, port=4433, udp=True)
        note = Note(what, "gnutls-cli " + version("gnutls-cli"), started, known)
        with lab.capture(f"{name}.pcap", note, filter="udp port 4433"):
            lab.run(["gnutls-cli", "--udp", f"--x509cafile={lab.pki.root.pem}", *own, *client, "-p", "4433",
                     "www.site.test"], b"hello\n", timeout=5)


gnutls("dtls12_gnutls", "DTLS between GnuTLS programs")
gnutls("dtls12_gnutls_client_certificate", "DTLS between GnuTLS programs, both with a certificate",
       client_certificate=True)
gnutls("dtls12_gnutls_fragmented", "DTLS between GnuTLS programs, messages cut into fragments: --mtu=200",
       client=["--mtu=200"], server=["--mtu=200"], client_certificate=True)


def resumed(name, kind, *options):
    @scenario(name)
    def make(lab, name):
        session = lab.dir / "session.pem"
        started = servers.s_server(lab, lab.pki.leaf(), "-dtls1_2", *options, port=4433, udp=True)
        note = Note("two DTLS 1.2 associations, the second resumes the first", f"openssl s_client, {openssl()}",
                    started, {"sni": "site.test", "version": "0xfefd", "connections": 2, "resumed": kind})
        with lab.capture(f"{name}.pcap", note, filter="udp port 4433"):
            for keep in ("-sess_out", "-sess_in"):
                lab.run(["openssl", "s_client", "-dtls1_2", "-connect", "127.0.0.1:4433", "-servername", "site.test",
                         "-CAfile", lab.pki.root.pem, *options, keep, session], b"Q\n", timeout=4)


resumed("dtls12_resume_ticket", "ticket")
resumed("dtls12_resume_session_id", "session_id", "-no_ticket")


def bad_line(name, what, *relay, mtu=256, **known):
    """The capture is from the client's side of a relay that loses, repeats or turns round what it hands on."""
    @scenario(name)
    def make(lab, name):
        leaf = lab.pki.leaf()
        started = servers.s_server(lab, leaf, "-dtls1_2", "-mtu", str(mtu), port=4434, udp=True)
        lab.start([PYTHON, PROGRAMS / "udp_relay.py", 4433, 4434, *relay], 4433, udp=True)
        note = Note(f"DTLS 1.2 in fragments, {what}: udp_relay.py {' '.join(relay)}",
                    f"openssl s_client, {openssl()}", started,
                    {"sni": "site.test", "certs": [leaf.known()], "version": "0xfefd", **known})
        with lab.capture(f"{name}.pcap", note, filter="udp port 4433"):
            lab.run(["openssl", "s_client", "-connect", "127.0.0.1:4433", "-servername", "site.test", "-CAfile",
                     lab.pki.root.pem, "-dtls1_2", "-mtu", str(mtu)], b"hello\n", timeout=8)


bad_line("dtls12_client_packet_lost", "a packet of the client is lost behind the place of capture", "drop=c2")
bad_line("dtls12_server_packet_lost", "a packet of the server's certificate is lost before the place of capture",
         "drop=s3", unread=["certs"])
bad_line("dtls12_out_of_order", "the packets of each flight come in the opposite order", "reverse", unread=["certs"])
bad_line("dtls12_packets_twice", "each packet comes two times", "twice")


def rewritten(name, source, change, what, known):
    """A real capture whose datagrams reframe.py has given another form."""
    @scenario(name)
    def make(lab, name):
        option, port = source
        leaf = lab.pki.leaf()
        started = servers.s_server(lab, leaf, *option.split(), port=port, udp=True)
        note = Note(f"{what}; made from a real capture by reframe.py", f"openssl s_client, {openssl()}", started,
                    {"certs": [leaf.known()], **known})
        with lab.capture(f"{name}.pcap", note, filter=f"udp port {port}"):
            lab.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "site.test", "-CAfile",
                     lab.pki.root.pem, *option.split()], b"hello\n", timeout=4)
        reframe.rewrite(lab.dir / f"{name}.pcap", lab.dir / "changed.pcap", change)
        lab.keep(lab.dir / "changed.pcap", f"{name}.pcap", note)


rewritten("dtls12_capwap", ("-dtls1_2", 5246), reframe.capwap, "DTLS 1.2 with CAPWAP's preamble before each datagram",
          {"sni": "site.test", "version": "0xfefd"})
rewritten("dtls_anyconnect", ("-dtls1 -cipher ALL:@SECLEVEL=0", 4433), reframe.anyconnect,
          "DTLS1_BAD_VER of OpenSSL and AnyConnect, version 0x0100", {"sni": "site.test", "version": "0x0100"})


def quic(name, what, client=(), server=(), **known):
    @scenario(name)
    def make(lab, name):
        library = python_package("aioquic")
        leaf = lab.pki.leaf()
        lab.start([PYTHON, PROGRAMS / "quic_server.py", 443, leaf.chain, leaf.key, *server], 443, udp=True)
        note = Note(what, library, library, {"sni": "site.test", "version": "0x0304", **known})
        with lab.capture(f"{name}.pcap", note, filter="udp port 443"):
            lab.run([PYTHON, PROGRAMS / "quic_client.py", 443, "site.test", lab.pki.root.pem, *client])


quic("quic_v1", "QUIC version 1, one stream")
quic("quic_v2", "QUIC version 2, one stream", client=["v2"])
quic("quic_retry", "QUIC version 1, the server sends Retry first", server=["retry"])
quic("quic_long_hello", "QUIC version 1, the hello spans Initial packets", client=["long-hello"])
quic("quic_no_ids", "QUIC version 1, the client's first packet has connection ids of no bytes", client=["no-id"])
quic("quic_version_negotiation", "QUIC version 1, the server names version 2 in a Version Negotiation packet",
     client=["v1-then-v2"], server=["only-v2"])
quic("quic_compatible_version", "QUIC version 1, whose server goes over to version 2 (RFC 9368)", client=["prefers-v2"])
quic("quic_early_data", "QUIC version 1, a session and its resumption with early data", client=["again"],
     server=["tickets"], connections=2)


def quic_go(name, what, client=(), server=(), **known):
    @scenario(name)
    def make(lab, name):
        leaf = lab.pki.leaf()
        program = lab.dir / "quic"
        home = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(lab.dir / "cache")}
        lab.run(["go", "build", "-o", program, PROGRAMS / "quic.go"], env=home, timeout=300)
        if not program.exists():
            raise Skip("golang-github-lucas-clemente-quic-go-dev is not installed")
        package = ["dpkg-query", "-f", "${Version}", "-W", "golang-github-lucas-clemente-quic-go-dev"]
        number = subprocess.run(package, capture_output=True, text=True).stdout.split("-")[0]
        library = f"quic-go {number}, Go {version('go', 'version')}"
        lab.start([program, "server", 443, leaf.chain, leaf.key, *server], 443, udp=True)
        note = Note(what, library, library, {"sni": "site.test", "version": "0x0304", **known})
        with lab.capture(f"{name}.pcap", note, filter="udp port 443"):
            lab.run([program, "client", 443, "site.test", lab.pki.root.pem, *client])


quic_go("quic_go", "QUIC version 1, the client's own connection id has no bytes")
quic_go("quic_go_draft_29", "QUIC draft 29", client=["draft-29"])
quic_go("quic_go_hello_retry", "QUIC version 1 with a HelloRetryRequest", server=["hello-retry"], hrr=True)


@scenario("quic_chromium")
def _(lab, name):
    number = version("chromium", "--version")
    leaf = lab.pki.leaf()
    public = subprocess.run(["openssl", "x509", "-in", leaf.chain, "-noout", "-pubkey"], capture_output=True, check=True)
    spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public.stdout, capture_output=True,
                          check=True)
    pin = base64.b64encode(hashlib.sha256(spki.stdout).digest()).decode()
    lab.start([PYTHON, PROGRAMS / "http3_server.py", 443, leaf.chain, leaf.key], 443, udp=True)
    note = Note("HTTP/3, a post-quantum hello cut and shuffled over two datagrams", f"Chromium {number} headless",
                python_package("aioquic"), {"sni": "www.site.test", "version": "0x0304"})
    with lab.capture(f"{name}.pcap", note, filter="udp port 443"):
        lab.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-quic",
                 "--origin-to-force-quic-on=www.site.test:443", f"--ignore-certificate-errors-spki-list={pin}",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
                 "--disable-default-apps", "--disable-dev-shm-usage", "--no-pings", f"--user-data-dir={lab.dir}/chromium",
                 "--host-resolver-rules=MAP www.site.test 127.0.0.1, MAP * ~NOTFOUND", "--timeout=6000", "--dump-dom",
                 "https://www.site.test/"], timeout=25, env={"HOME": str(lab.dir)})
