"""Server certificates of every kind, sent in the clear by TLS 1.2, read by a client that does not give up."""
import servers
from lab import Note
from scenarios import scenario
from scenarios.handshakes import s_client

LEAVES = {
    "expired": ({"validity": ("20150101000000Z", "20160101000000Z")}, "expired in 2016"),
    "not_yet_valid": ({"validity": ("20990101000000Z", "21000101000000Z")}, "valid from 2099, dates as GeneralizedTime"),
    "valid_thirty_years": ({"validity": ("20200101000000Z", "20500601000000Z")}, "end date just past UTCTime's range"),
    "wrong_host": ({"subject": "/CN=wrong.test", "names": ("wrong.test",), "addresses": ()}, "made for another name"),
    "rsa1024_sha1": ({"key": "rsa1024", "digest": "sha1"}, "RSA 1024 and SHA-1"),
    "rsa2048_md5": ({"digest": "md5"}, "signed with MD5"),
    "rsa4096_sha512": ({"key": "rsa4096", "digest": "sha512"}, "RSA 4096 and SHA-512"),
    "rsapss": ({"key": "rsapss"}, "RSA-PSS key"),
    "p256": ({"key": "p256"}, "ECDSA P-256"),
    "p384": ({"key": "p384", "digest": "sha384"}, "ECDSA P-384"),
    "ed25519": ({"key": "ed25519"}, "Ed25519"),
    "ed448": ({"key": "ed448"}, "Ed448"),
    "many_names": ({"names": tuple(f"host{n:03}.site.test" for n in range(150))}, "150 names"),
    "no_names": ({"names": (), "addresses": ()}, "common name only, no subjectAltName"),
    "wildcard": ({"subject": "/CN=*.site.test", "names": ("*.site.test",), "addresses": ()}, "wildcard"),
    "utf8_subject": ({"subject": "/C=XX/O=Prüfstelle Ærø 株式会社/CN=site.test"}, "subject in UTF-8"),
    "escaped_subject": ({"subject": '/O=Comma, "Quote" \\+ Plus <x>/CN=site.test'}, "subject that needs escaping"),
    "long_serial": ({"serial": "7F" + "A5" * 19}, "20-byte serial number"),
    "negative_looking_serial": ({"serial": "00FF00000000000001"}, "serial with its high bit set"),
    "unknown_critical_extension": ({"extra": "1.2.3.4.5.6.7=critical,DER:0500\n"}, "unknown critical extension"),
    "must_staple": ({"extra": "tlsfeature=status_request\n"}, "TLS feature extension"),
}


def one(options, what):
    def make(lab, name):
        send(lab, name, lab.pki.leaf(**options), what)
    return make


def send(lab, name, leaf, what, chain=None, host="site.test"):
    certificates, above = [leaf.known()], leaf.issuer
    while above is not None and above.issuer is not None:
        certificates.append(above.known())
        above = above.issuer
    started = servers.s_server(lab, leaf, "-tls1_2", "-cipher", "ALL@SECLEVEL=0")
    note = Note(f"certificate: {what}", "", started,
                {"sni": host, "version": "0x0303", "certs": chain or certificates})
    with lab.capture(f"{name}.pcap", note):
        note.client = s_client(lab, "-tls1_2", "-cipher", "ALL@SECLEVEL=0", name=host)


for name_, row in LEAVES.items():
    scenario(f"cert_{name_}")(one(*row))


@scenario("cert_self_signed")
def _(lab, name):
    send(lab, name, lab.pki.self_signed(), "self-signed", host="self.site.test")


@scenario("cert_untrusted_root")
def _(lab, name):
    root = lab.pki.issue("/O=Nobody/CN=Unknown Root", serial="99",
                         extensions="basicConstraints=critical,CA:TRUE\n")
    send(lab, name, lab.pki.leaf(issuer=root), "issued by a root that is not sent")


@scenario("cert_chain_of_three")
def _(lab, name):
    upper = lab.pki.intermediate("Capture Test Upper", serial="0A")
    lower = lab.pki.intermediate("Capture Test Lower", issuer=upper, serial="0B", key="p256")
    send(lab, name, lab.pki.leaf(issuer=lower), "leaf and two authorities above it")


@scenario("cert_chain_huge")
def _(lab, name):
    issuer = lab.pki.root
    for n in range(14):
        issuer = lab.pki.intermediate(f"Capture Test Level {n}", issuer=issuer, serial=f"{0x40 + n:X}")
    leaf = lab.pki.leaf(issuer=issuer, names=tuple(f"host{n:04}.site.test" for n in range(500)))
    send(lab, name, leaf, "leaf with 500 names and 14 authorities, over one record's 16 KB")


@scenario("cert_chain_wrong_order")
def _(lab, name):
    upper = lab.pki.intermediate("Capture Test Upper", serial="0A")
    lower = lab.pki.intermediate("Capture Test Lower", issuer=upper, serial="0B")
    leaf = lab.pki.leaf(issuer=lower)
    leaf.chain.write_text(leaf.pem.read_text() + upper.pem.read_text() + lower.pem.read_text())
    send(lab, name, leaf, "authorities sent in the wrong order", [leaf.known(), upper.known(), lower.known()])


@scenario("cert_chain_with_root")
def _(lab, name):
    leaf = lab.pki.leaf()
    leaf.chain.write_text(leaf.pem.read_text() + lab.pki.root.pem.read_text())
    send(lab, name, leaf, "the root is sent too", [leaf.known(), lab.pki.root.known()])
