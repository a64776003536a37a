"""SSL 2.0, SSL 3.0, TLS 1.0 and 1.1 with programs that still speak them (OpenSSL 1.0.2, GnuTLS)."""
import servers
from lab import PROGRAMS, PYTHON, Note, python_package
from scenarios import scenario
from scenarios.clients import gnutls_cli
from scenarios.failures import one_answer

RSA = {"key": "rsa2048", "digest": "sha1"}


def legacy_client(lab, *arguments):
    lab.run([PYTHON, PROGRAMS / "legacy_client.py", *arguments], timeout=8)
    return f"{python_package('nassl')} (OpenSSL 1.0.2e)"


def pair(name, what, client, server, version, **known):
    @scenario(name)
    def make(lab, name):
        leaf = lab.pki.leaf(**RSA)
        started = servers.legacy(lab, leaf, *server)
        note = Note(what, "", started, {"version": version, "certs": [leaf.known()], **known})
        with lab.capture(f"{name}.pcap", note):
            note.client = legacy_client(lab, *client)


pair("old_ssl30", "SSL 3.0", ["SSLV3", 443], ["SSLv3"], "0x0300")
pair("old_ssl30_rc4", "SSL 3.0 with RC4 and MD5", ["SSLV3", 443, "RC4-MD5"], ["SSLv3", "RC4-MD5"], "0x0300",
     cipher="0x0004")
pair("old_ssl30_3des", "SSL 3.0 with 3DES", ["SSLV3", 443, "DES-CBC3-SHA"], ["SSLv3", "DES-CBC3-SHA"], "0x0300",
     cipher="0x000a")
pair("old_ssl2_hello_to_tls10", "hello in SSL 2.0 form, answered with TLS 1.0", ["SSLV23", 443, "ALL:SSLv2"],
     ["SSLv23:TLSv1"], "0x0301")
pair("old_ssl2_hello_to_ssl30", "hello in SSL 2.0 form, answered with SSL 3.0", ["SSLV23", 443, "ALL:SSLv2"],
     ["SSLv23:SSLv3"], "0x0300")
pair("old_ssl2_hello_to_tls12", "hello in SSL 2.0 form, answered with what it offers at most",
     ["SSLV23", 443, "ALL:SSLv2"], ["SSLv23"], None)
pair("old_tls10_legacy", "TLS 1.0 by OpenSSL 1.0.2", ["TLSV1", 443, "ALL"], ["TLSv1"], "0x0301")
pair("old_tls10_3des", "TLS 1.0 with 3DES", ["TLSV1", 443, "DES-CBC3-SHA"], ["TLSv1", "DES-CBC3-SHA"], "0x0301",
     cipher="0x000a")
pair("old_tls11_legacy", "TLS 1.1 by OpenSSL 1.0.2", ["TLSV1_1", 443, "ALL"], ["TLSv1_1"], "0x0302")
pair("old_tls12_legacy", "TLS 1.2 by OpenSSL 1.0.2", ["TLSV1_2", 443, "ALL"], ["TLSv1_2"], "0x0303")
pair("old_ssl30_renegotiation_null", "SSL 3.0 with a NULL cipher, the client renegotiates in the clear",
     ["SSLV3", 443, "NULL-SHA", "renegotiate"], ["SSLv3", "NULL-SHA"], "0x0300", cipher="0x0002")
pair("old_tls12_renegotiation_null", "TLS 1.2 with a NULL cipher, the client renegotiates in the clear",
     ["TLSV1_2", 443, "NULL-SHA256", "renegotiate"], ["TLSv1_2", "NULL-SHA256"], "0x0303", cipher="0x003b")
pair("old_export_suites_offered", "client offers everything it knows, export suites too", ["SSLV23", 443, "ALL:eNULL:EXP"],
     ["SSLv23", "AES128-SHA"], None, cipher="0x002f")


@scenario("old_ssl2_only")
def _(lab, name):
    one_answer(b"\x15\x03\x00\x00\x02\x02\x28")
    note = Note("SSL 2.0 hello by an SSL 2.0 client; refused with an SSL 3.0 alert", "", "Python socket",
                {"alert": "server fatal handshake_failure(40)"})
    with lab.capture(f"{name}.pcap", note):
        note.client = legacy_client(lab, "SSLV2", 443)


@scenario("old_ssl30_refused")
def _(lab, name):
    started = servers.s_server(lab, lab.pki.leaf())
    note = Note("an SSL 3.0 client is refused by a server of today", "", started,
                {"alert": "server fatal handshake_failure(40)"})
    with lab.capture(f"{name}.pcap", note):
        note.client = legacy_client(lab, "SSLV3", 443)


def gnutls(name, priority, version):
    @scenario(name)
    def make(lab, name):
        leaf = lab.pki.leaf()
        started = servers.gnutls_serv(lab, leaf, "NORMAL:+VERS-ALL:+CAMELLIA-128-GCM")
        note = Note(f"GnuTLS with priority {priority}", "", started,
                    {"sni": None if "NO_EXTENSIONS" in priority else "www.site.test", "version": version,
                     "certs": [leaf.known()]})
        with lab.capture(f"{name}.pcap", note):
            note.client = gnutls_cli(lab, "--priority", priority)


gnutls("gnutls_tls10", "NORMAL:-VERS-ALL:+VERS-TLS1.0:%COMPAT", "0x0301")
gnutls("gnutls_tls11", "NORMAL:-VERS-ALL:+VERS-TLS1.1", "0x0302")
gnutls("gnutls_tls12_camellia", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CAMELLIA-128-GCM", "0x0303")
gnutls("gnutls_tls12_no_extensions", "NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_EXTENSIONS", "0x0303")
