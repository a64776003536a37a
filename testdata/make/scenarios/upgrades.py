"""TLS that does not start the connection: STARTTLS of each protocol, HTTP CONNECT and SOCKS5 proxies."""
import servers
from lab import PROGRAMS, PYTHON, Note, openssl, python_ssl
from scenarios import scenario
from scenarios.clients import curl

PORTS = {"smtp": 25, "lmtp": 24, "imap": 143, "pop3": 110, "ftp": 21, "xmpp": 5222, "postgres": 5432, "mysql": 3306, "ldap": 389,
         "nntp": 119, "sieve": 4190, "irc": 6667}


def start_tls(protocol, port, setting):
    def make(lab, name):
        leaf = lab.pki.leaf()
        lab.start([PYTHON, PROGRAMS / "upgrade_server.py", protocol, port, leaf.chain, leaf.key, setting.upper()], port)
        note = Note(f"{protocol} upgraded to TLS by `openssl s_client -starttls {protocol}`",
                    f"openssl s_client, {openssl()}", python_ssl(),
                    {"sni": "mail.site.test", "upgrade": protocol, "port": port,
                     "version": "0x0303" if setting == "tls12" else "0x0304"})
        if setting == "tls12":
            note.known["certs"] = [leaf.known()]
        with lab.capture(f"{name}.pcap", note, filter=f"tcp port {port}"):
            lab.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-starttls", protocol, "-servername",
                     "mail.site.test", "-CAfile", lab.pki.root.pem, "-ign_eof"], b"bye\n", timeout=5)
    scenario(f"starttls_{protocol}" + ("_tls13" if setting == "tls13" else ""))(make)


for protocol_, port_ in PORTS.items():
    start_tls(protocol_, port_, "tls12")
start_tls("smtp", 25, "tls13")


def through_proxy(protocol, port, option):
    @scenario(f"proxy_{protocol}")
    def make(lab, name):
        leaf = lab.pki.leaf()
        started = servers.nginx(lab, leaf, protocols="TLSv1.2")
        lab.start([PYTHON, PROGRAMS / "upgrade_server.py", protocol, port], port)
        note = Note(f"HTTPS through a {protocol} proxy; the leg to the proxy is captured", "", started,
                    {"sni": "www.site.test", "upgrade": protocol, "version": "0x0303", "certs": [leaf.known()]})
        with lab.capture(f"{name}.pcap", note, filter=f"tcp port {port}"):
            note.client = curl(lab, *option.split())


through_proxy("connect", 3128, "--proxy http://127.0.0.1:3128")
through_proxy("socks5", 1080, "--proxy socks5h://127.0.0.1:1080")
