"""Handshake variants between `openssl s_client` and `openssl s_server`: versions, suites, resumption, extensions."""
import servers
from lab import Note, openssl
from scenarios import scenario

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
WEAK = "ALL:eNULL:@SECLEVEL=0"


def s_client(lab, *options, stdin=REQUEST, port=443, name="site.test", timeout=8, pause=True):
    """`openssl s_client`; with `pause` it reads until the server closes."""
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(lab.pki.root.pem)]
    argv += ["-servername", name] if name else ["-noservername"]
    lab.run([*argv, *(["-ign_eof"] if pause else []), *options], stdin, timeout)
    return f"openssl s_client, {openssl()}"


# name: (client options, server options, leaf options, what is known)
SINGLE = {
    "openssl_tls13": ("-tls1_3", "-tls1_3", {}, {"version": "0x0304"}),
    "openssl_tls12": ("-tls1_2", "-tls1_2", {}, {"version": "0x0303"}),
    "openssl_tls11": (f"-tls1_1 -cipher {WEAK}", f"-tls1_1 -cipher {WEAK}", {}, {"version": "0x0302"}),
    "openssl_tls10": (f"-tls1 -cipher {WEAK}", f"-tls1 -cipher {WEAK}", {}, {"version": "0x0301"}),
    "openssl_downgrade_to_tls11": (f"-cipher {WEAK}", f"-tls1_1 -cipher {WEAK}", {}, {"version": "0x0302"}),
    "openssl_null_cipher": ("-tls1_2 -cipher NULL-SHA256@SECLEVEL=0", f"-tls1_2 -cipher {WEAK}", {},
                            {"version": "0x0303", "cipher": "0x003b"}),
    "openssl_ecdhe_null": ("-tls1_2 -cipher ECDHE-RSA-NULL-SHA@SECLEVEL=0", f"-tls1_2 -cipher {WEAK}", {},
                           {"cipher": "0xc010"}),
    "openssl_static_rsa": ("-tls1_2 -cipher AES128-SHA", "-tls1_2 -cipher AES128-SHA", {}, {"cipher": "0x002f"}),
    "openssl_ecdhe_rsa": ("-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", "-tls1_2", {}, {"cipher": "0xc02f"}),
    "openssl_ecdhe_chacha": ("-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305", "-tls1_2", {}, {"cipher": "0xcca8"}),
    "openssl_dhe_rsa": ("-tls1_2 -cipher DHE-RSA-AES256-GCM-SHA384", "-tls1_2", {}, {"cipher": "0x009f"}),
    "openssl_dhe_1024": ("-tls1_2 -cipher DHE-RSA-AES128-SHA@SECLEVEL=0",
                         "-tls1_2 -cipher DHE-RSA-AES128-SHA@SECLEVEL=0 -dhparam {dh1024}", {}, {"cipher": "0x0033"}),
    "openssl_anonymous_dh": ("-tls1_2 -cipher ADH-AES128-SHA@SECLEVEL=0", f"-tls1_2 -cipher {WEAK}", {},
                             {"cipher": "0x0034", "certs": []}),
    "openssl_anonymous_ecdh": ("-tls1_2 -cipher AECDH-AES128-SHA@SECLEVEL=0", f"-tls1_2 -cipher {WEAK}", {},
                               {"cipher": "0xc018", "certs": []}),
    "openssl_psk_tls12": ("-tls1_2 -cipher PSK-AES128-CBC-SHA -psk 0a0b0c0d -psk_identity sensor",
                          "-tls1_2 -cipher PSK-AES128-CBC-SHA -psk 0a0b0c0d -psk_identity sensor", {},
                          {"cipher": "0x008c", "certs": []}),
    "openssl_psk_tls13": ("-tls1_3 -psk 0a0b0c0d -psk_identity sensor -ciphersuites TLS_AES_128_GCM_SHA256",
                          "-tls1_3 -psk 0a0b0c0d -psk_identity sensor -ciphersuites TLS_AES_128_GCM_SHA256", {},
                          {"version": "0x0304", "cipher": "0x1301"}),
    "openssl_ccm8": ("-tls1_2 -cipher AES128-CCM8@SECLEVEL=0", "-tls1_2 -cipher AES128-CCM8@SECLEVEL=0", {},
                     {"cipher": "0xc0a0"}),
    "openssl_camellia": ("-tls1_2 -cipher CAMELLIA256-SHA256", "-tls1_2 -cipher CAMELLIA256-SHA256", {},
                         {"cipher": "0x00c0"}),
    "openssl_one_suite_tls13": ("-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256", "", {}, {"cipher": "0x1303"}),
    "openssl_hello_retry": ("-tls1_3 -groups X25519:P-384", "-tls1_3 -groups P-384", {},
                            {"version": "0x0304", "hrr": True}),
    "openssl_hello_retry_x448": ("-groups P-256:X448", "-groups X448", {}, {"version": "0x0304", "hrr": True}),
    "openssl_hello_retry_cookie": ("-tls1_3", "-tls1_3 -stateless -plain", {}, {"version": "0x0304", "hrr": True}),
    "openssl_ffdhe_group": ("-tls1_3 -groups ffdhe2048", "-tls1_3 -groups ffdhe2048", {}, {"version": "0x0304"}),
    "openssl_no_sni": ("-tls1_2", "-tls1_2", {}, {"sni": None}),
    "openssl_alpn_odd": ("-tls1_2 -alpn 2,x,ab-cd,h3-29", "-tls1_2 -alpn ab-cd", {}, {"alpn": "ab-cd"}),
    "openssl_alpn_one_char": ("-tls1_2 -alpn z", "-tls1_2 -alpn z", {}, {"alpn": "z"}),
    "openssl_alpn_not_alphanumeric": ("-tls1_2 -alpn -x-,h2", "-tls1_2 -alpn h2", {}, {"alpn": "h2"}),
    "openssl_alpn_dot": ("-tls1_3 -alpn dot,http/1.1", "-alpn dot", {}, {"version": "0x0304"}),
    "openssl_npn": ("-tls1_2 -nextprotoneg h2,spdy/3", "-tls1_2 -nextprotoneg h2", {}, {"version": "0x0303"}),
    "openssl_max_fragment_512": ("-tls1_2 -maxfraglen 512", "-tls1_2", {}, {"version": "0x0303"}),
    "openssl_max_fragment_1024_tls13": ("-tls1_3 -maxfraglen 1024", "-tls1_3", {}, {"version": "0x0304"}),
    "openssl_small_server_records": ("-tls1_2", "-tls1_2 -max_send_frag 512", {}, {"version": "0x0303"}),
    "openssl_small_client_records": ("-tls1_2 -max_send_frag 512 -alpn {long_alpn}", "-tls1_2", {},
                                     {"version": "0x0303"}),
    "openssl_split_send_fragments": ("-tls1_2 -split_send_frag 512 -max_pipelines 4", "-tls1_2 -split_send_frag 512",
                                     {}, {"version": "0x0303"}),
    "openssl_extended_master_secret_off": ("-tls1_2 -no_etm", "-tls1_2 -no_etm", {}, {"version": "0x0303"}),
    "openssl_fallback_scsv": ("-tls1_2 -fallback_scsv", "-tls1_2", {}, {"version": "0x0303"}),
    "openssl_no_middlebox_mode": ("-tls1_3 -no_middlebox", "-tls1_3 -no_middlebox", {}, {"version": "0x0304"}),
    "openssl_few_signature_algorithms": ("-tls1_2 -sigalgs RSA+SHA256", "-tls1_2", {}, {"version": "0x0303"}),
    "openssl_no_signature_algorithms_tls10": (f"-tls1 -cipher {WEAK} -curves P-256", f"-tls1 -cipher {WEAK}", {},
                                              {"version": "0x0301"}),
    "openssl_port_8443": ("-tls1_3", "-tls1_3", {}, {"version": "0x0304"}),
    "openssl_padded_sni": ("-tls1_2", "-tls1_2", {}, {}),
}
LONG_ALPN = ",".join(f"protocol-{n:03}" for n in range(70))
NAMES = {"openssl_no_sni": None, "openssl_padded_sni":
         "a-quite-long-host-name-to-make-the-hello-grow.deeply.nested.example.site.test"}


def single(client, server, leaf_options, known):
    def make(lab, name):
        leaf = lab.pki.leaf(**leaf_options)
        fill = {"{long_alpn}": LONG_ALPN}
        if "{dh1024}" in server:
            fill["{dh1024}"] = str(lab.dir / "dh.pem")
            lab.run(["openssl", "dhparam", "-dsaparam", "-out", fill["{dh1024}"], "1024"], timeout=60)
        client_options, server_options = ([fill.get(o, o) for o in text.split()] for text in (client, server))
        port = 8443 if name.endswith("8443") else 443
        anonymous = known.get("certs") == []
        host = NAMES.get(name, "site.test")
        facts = {"sni": host, **known}
        if facts.get("version") != "0x0304" and "certs" not in facts and "tls1_3" not in client + server \
                and "hrr" not in facts and not name.endswith("tls13"):
            facts["certs"] = [leaf.known()]
        started = servers.s_server(lab, leaf, *server_options, port=port)
        shown = client.replace("{long_alpn}", "(70 names)"), server.replace("{dh1024}", "(1024 bits)")
        note = Note(f"s_client {shown[0]}; s_server {shown[1]}" + ("; no certificate is sent" if anonymous else ""),
                    "", started, facts)
        with lab.capture(f"{name}.pcap", note, filter=f"tcp port {port}"):
            note.client = s_client(lab, *client_options, name=host, port=port, timeout=4)
    return make


for name_, row in SINGLE.items():
    scenario(name_)(single(*row))


def twice(name, version, server_options, known, first=(), second=()):
    """A full handshake that stores its session and a second one that offers it."""
    @scenario(name)
    def make(lab, name):
        leaf = lab.pki.leaf()
        started = servers.s_server(lab, leaf, version, *server_options)
        session = str(lab.dir / "session.pem")
        note = Note("two connections, the second resumes the first", "", started, {"sni": "site.test", **known})
        with lab.capture(f"{name}.pcap", note):
            s_client(lab, version, "-sess_out", session, *first)
            note.client = s_client(lab, version, "-sess_in", session, *second)


twice("openssl_resume_ticket_tls12", "-tls1_2", [], {"version": "0x0303", "resumed": "ticket"})
twice("openssl_resume_session_id_tls12", "-tls1_2", ["-no_ticket"], {"version": "0x0303", "resumed": "session_id"},
      ["-no_ticket"], ["-no_ticket"])
twice("openssl_resume_psk_tls13", "-tls1_3", [], {"version": "0x0304", "resumed": "psk"})
twice("openssl_resume_psk_without_dhe_tls13", "-tls1_3", ["-allow_no_dhe_kex"], {"version": "0x0304", "resumed": "psk"},
      ["-allow_no_dhe_kex"], ["-allow_no_dhe_kex"])


@scenario("openssl_ticket_refused_tls12")
def _(lab, name):
    leaf = lab.pki.leaf()
    session = str(lab.dir / "session.pem")
    first = servers.s_server(lab, leaf, "-tls1_2", port=443)
    note = Note("the second connection offers a ticket that the other server cannot open: full handshake", "", first,
                {"sni": "site.test", "version": "0x0303", "certs": [leaf.known()]})
    servers.s_server(lab, leaf, "-tls1_2", port=444)
    with lab.capture(f"{name}.pcap", note, filter="tcp port 443 or tcp port 444"):
        s_client(lab, "-tls1_2", "-sess_out", session)
        note.client = s_client(lab, "-tls1_2", "-sess_in", session, port=444)


@scenario("openssl_early_data")
def _(lab, name):
    leaf = lab.pki.leaf()
    started = servers.s_server(lab, leaf, "-tls1_3", "-early_data", "-plain")
    session, data = str(lab.dir / "session.pem"), lab.dir / "early"
    data.write_bytes(b"early bird\n")
    note = Note("TLS 1.3 with early data in the second connection", "", started,
                {"sni": "site.test", "version": "0x0304", "early_data": True})
    with lab.capture(f"{name}.pcap", note):
        s_client(lab, "-tls1_3", "-sess_out", session, stdin=b"hello\n", timeout=3)
        note.client = s_client(lab, "-tls1_3", "-sess_in", session, "-early_data", str(data), stdin=b"more\n", timeout=3)


def client_certificate(version, number):
    @scenario(f"openssl_client_certificate_{version}")
    def make(lab, name):
        leaf = lab.pki.leaf()
        person = lab.pki.leaf("/O=Capture Test/CN=client 7", names=(), addresses=(), usage="clientAuth", serial="3007")
        started = servers.s_server(lab, leaf, "-CAfile", lab.pki.root.pem, "-Verify", "2")
        note = Note("the server asks for a client certificate and gets one", "", started,
                    {"sni": "site.test", "version": number, "client_auth": True})
        if version == "tls12":
            root = lab.pki.root.known()  # openssl sends what it can find of the chain
            note.known["certs"], note.known["client_certs"] = [leaf.known(), root], [person.known(), root]
        with lab.capture(f"{name}.pcap", note):
            note.client = s_client(lab, f"-{version.replace('tls1', 'tls1_')}", "-cert", str(person.pem),
                                   "-key", str(person.key))


client_certificate("tls12", "0x0303")
client_certificate("tls13", "0x0304")


@scenario("openssl_client_certificate_none_tls12")
def _(lab, name):
    leaf = lab.pki.leaf()
    started = servers.s_server(lab, leaf, "-CAfile", lab.pki.root.pem, "-verify", "2")
    note = Note("the server asks for a client certificate, the client has none and sends an empty list", "", started,
                {"sni": "site.test", "version": "0x0303", "client_auth": True,
                 "certs": [leaf.known(), lab.pki.root.known()]})
    with lab.capture(f"{name}.pcap", note):
        note.client = s_client(lab, "-tls1_2")


def stapled(version, number):
    @scenario(f"openssl_ocsp_staple_{version}")
    def make(lab, name):
        leaf = lab.pki.leaf()
        answer = lab.pki.ocsp_response(leaf, lab.pki.root)
        started = servers.s_server(lab, leaf, "-status_file", answer)
        note = Note("the server staples an OCSP answer made by `openssl ocsp`", "", started,
                    {"sni": "site.test", "version": number, "ocsp_stapled": True})
        if version == "tls12":
            note.known["certs"] = [leaf.known()]
        with lab.capture(f"{name}.pcap", note):
            note.client = s_client(lab, f"-{version.replace('tls1', 'tls1_')}", "-status")


stapled("tls12", "0x0303")
stapled("tls13", "0x0304")


@scenario("openssl_server_name_chooses_certificate")
def _(lab, name):
    leaf, other = lab.pki.leaf(), lab.pki.leaf("/CN=other.test", names=("other.test",), addresses=())
    started = servers.s_server(lab, leaf, "-tls1_2", "-servername", "other.test", "-cert2", other.pem, "-key2", other.key)
    note = Note("two connections with different server names get different certificates", "", started,
                {"certs_any": [leaf.known(), other.known()], "version": "0x0303"})
    with lab.capture(f"{name}.pcap", note):
        s_client(lab, "-tls1_2")
        note.client = s_client(lab, "-tls1_2", name="other.test")


def renegotiation(name, cipher, number, what):
    @scenario(name)
    def make(lab, name):
        leaf = lab.pki.leaf()
        started = servers.s_server(lab, leaf, "-tls1_2", "-client_renegotiation", "-cipher", f"{cipher}@SECLEVEL=0",
                                   "-rev")
        note = Note(what, "", started, {"sni": "site.test", "version": "0x0303", "cipher": number,
                                        "certs": [leaf.known()]})
        with lab.capture(f"{name}.pcap", note):
            # s_client reads `R` as a command only at the start of what it reads at once, so the lines come apart.
            note.client = f"openssl s_client, {openssl()}"
            lab.run(["sh", "-c", "(echo one; sleep 0.6; echo R; sleep 0.8; echo two; sleep 0.6; echo Q) | openssl s_client"
                     f" -connect 127.0.0.1:443 -servername site.test -tls1_2 -cipher {cipher}@SECLEVEL=0"])


renegotiation("openssl_renegotiation_null_cipher", "NULL-SHA256", "0x003b",
              "client renegotiates; with a NULL cipher the second handshake is readable inside the first")
renegotiation("openssl_renegotiation_encrypted", "AES128-SHA", "0x002f",
              "client renegotiates; the second handshake is encrypted and can only be counted")
