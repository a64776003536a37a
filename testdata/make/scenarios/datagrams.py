"""Handshakes over UDP: DTLS 1.0 and 1.2, QUIC versions 1 and 2."""
import servers
from lab import PROGRAMS, PYTHON, Note, openssl, python_package, version
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


@scenario("dtls12_gnutls")
def _(lab, name):
    leaf = lab.pki.leaf()
    started = servers.gnutls_serv(lab, leaf, port=4433, udp=True)
    note = Note("DTLS between GnuTLS programs", "gnutls-cli " + version("gnutls-cli"), started,
                {"sni": "www.site.test", "version": "0xfefd", "certs": [leaf.known()]})
    with lab.capture(f"{name}.pcap", note, filter="udp port 4433"):
        lab.run(["gnutls-cli", "--udp", f"--x509cafile={lab.pki.root.pem}", "-p", "4433", "www.site.test"], b"hello\n",
                timeout=5)


def quic(name, what, client=(), server=()):
    @scenario(name)
    def make(lab, name):
        library = python_package("aioquic")
        leaf = lab.pki.leaf()
        lab.start([PYTHON, PROGRAMS / "quic_server.py", 443, leaf.chain, leaf.key, *server], 443, udp=True)
        note = Note(what, library, library, {"sni": "site.test", "version": "0x0304"})
        with lab.capture(f"{name}.pcap", note, filter="udp port 443"):
            lab.run([PYTHON, PROGRAMS / "quic_client.py", 443, "site.test", lab.pki.root.pem, *client])


quic("quic_v1", "QUIC version 1, one stream")
quic("quic_v2", "QUIC version 2, one stream", client=["v2"])
quic("quic_retry", "QUIC version 1, the server sends Retry first", server=["retry"])
quic("quic_long_hello", "QUIC version 1, the hello spans Initial packets", client=["long-hello"])
